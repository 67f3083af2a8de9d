"""How well the share of MiniBooNE's region that other searches leave is known. Begin with `uncertain` and `shifts`.

``python -m paper.booster.shares`` computes, in about a quarter of an hour, shares with other cells of the grid, from
other samples of the stored rates, and for a heavy Z′ under other choices of earth, selection and targets, and writes
``data/validation/shares``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from darkpkg import datasets
from darkpkg.experiment.analysis import ANALYSIS_I, Analysis
from darkpkg.experiment.experiment import Experiment
from darkpkg.method.events import PlacedEvents
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.streams import random_stream
from paper.booster import fit, microboone, miniboone, planes, rates

Array = NDArray[np.float64]

NAME = "validation/shares"
"""Of the file in ``data``."""

SHAPE = (24, 18, 64)
"""Cells along m_N, m_Z′ and U_μ4."""

N_OFFSETS = 8
"""Grids with points elsewhere in their cells."""

SEEDS = (11, 12, 13, 14)
"""Of the samples from which shares are computed anew."""

CHANGED = SEEDS[:2]
"""Those with which choices are changed."""

PART = 8
"""Each has this part of the neutrinos of the stored rates."""

WIDER = (1.5, 2.0)
"""Radii of the earth over those of the stored rates."""

SEARCHES = (*planes.SEARCHES, "T2K or MicroBooNE", "T2K + MicroBooNE")

SELECTIONS: Mapping[str, Mapping[str, Any]] = {
    "efficiency + 1σ": {"efficiency_shift": 1.0},
    "efficiency − 1σ": {"efficiency_shift": -1.0},
    "100C/1S tuning": {"tuning": "100c1s"},
    "resolution × 1.2": {"resolution": 1.2},
    "resolution × 0.8": {"resolution": 0.8},
}
"""What may be otherwise in MiniBooNE's selection."""

Estimators = Mapping[str, Any]


def shares(mediator: str, by: Estimators | None = None, **more: Any) -> dict[tuple[str, float], float]:
    """Share of MiniBooNE's 2σ volume that each of `SEARCHES` leaves, by its name and level.

    ``by`` and ``more`` are estimators, and an offset, of `planes.over_space`.
    """
    found = planes.over_space(mediator, SHAPE, by=by, **more)
    inside = found.inside(sigma=2, n_parameters=3)
    return {(name, cl): fit.share_left(inside, found.excluded(name, cl)) for name in SEARCHES for cl in planes.LEVELS}


def uncertain(table: pd.DataFrame, mediator: str, search: str, level: float) -> tuple[float, float]:
    """Standard deviations of a share: from the cells of the grid, and from the samples of the stored rates.

    The spread of samples with a part of the events is divided by the root of that part.
    """
    own = table[(table.mediator == mediator) & (table.search == search) & (table.level == level)]
    spread = {name: float(own[own.choice == name].share.std(ddof=1)) for name in ("offset", "sample")}
    return spread["offset"], spread["sample"] / PART**0.5


def shifts(table: pd.DataFrame, search: str, level: float) -> pd.DataFrame:
    """By how much each choice changes a share with a heavy Z′, and the error of this, from pairs of one seed."""
    own = table[(table.mediator == "heavy") & (table.search == search) & (table.level == level)]
    by_choice = {choice: one.set_index("replicate").share for choice, one in own.groupby("choice", sort=False)}
    rows = []
    for choice, other in by_choice.items():
        if choice in ("offset", "sample"):
            continue
        reference = "nuclei in T2K" if choice == "nucleons in T2K" else "sample"
        if choice != "nuclei in T2K":
            change = other - by_choice[reference].reindex(other.index)
            rows.append({"choice": choice, "shift": change.mean(), "error": change.std(ddof=1) / len(change) ** 0.5})
    return pd.DataFrame(rows)


Searches = Mapping[str, tuple[Experiment, Analysis]]


def estimated(mediator: str, own: Searches, seed: int, part: int = PART, *change: Any) -> dict[str, Array]:
    """Arrays over all nodes of what ``own`` has, as `rates.node` makes them for one node."""
    rows = [rates.row(mediator, i, own, seed, part, *change) for i in range(rates.GRIDS[mediator].n_x)]
    return {name: np.stack([one[name] for one in rows]) for name in rows[0]}


def renamed(arrays: Mapping[str, Array], name: str) -> rates.Rates:
    """Rates of a selection of MiniBooNE in place of the usual one."""
    fields = ("log", "share", "error")
    return rates.Rates.of_nodes({f"heavy/MiniBooNE/{what}": arrays[f"heavy/{name}/{what}"] for what in fields})


def wider(factor: float) -> Searches:
    """`rates.searches` with earth of a larger radius before both experiments."""
    radius = miniboone.detector()["earth 1"].active.radius
    detectors = {
        "MiniBooNE": miniboone.detector(factor * radius),
        "MicroBooNE": microboone.detector(earth_factor=factor),
    }
    return {
        name: (experiment.replace(detector=detectors[experiment.name]), analysis)
        for name, (experiment, analysis) in rates.searches().items()
    }


def without_nucleons(events: PlacedEvents) -> PlacedEvents:
    """Events with no weight on single nucleons and hydrogen."""
    return dataclasses.replace(events, weight=np.where(events.target % 10 == 1, 0.0, events.weight))


def of_grids() -> Iterator[dict[str, Any]]:
    """Rows of shares with points elsewhere in the cells, by the stored rates."""
    for mediator in fit.MEDIATORS:
        for k in range(N_OFFSETS):
            offset = tuple(random_stream(rates.SEED, "cells", mediator, k).random(3).tolist())
            yield from _rows(mediator, "offset", k, shares(mediator, offset=offset))


def of_sample(seed: int) -> Iterator[dict[str, Any]]:
    """Rows of shares from samples of one seed: as the stored ones, and with a heavy Z′ under other choices."""
    for mediator in ("light", "heavy"):
        own = dict(rates.searches())
        if mediator == "heavy" and seed in CHANGED:
            own |= {name: (miniboone.MINIBOONE, miniboone.analysis(**one)) for name, one in SELECTIONS.items()}
        arrays = estimated(mediator, own, seed)
        stored = rates.Rates.of_nodes(arrays)
        by = {**planes.estimators(), "MiniBooNE": stored, "MicroBooNE": stored}
        yield from _rows(mediator, "sample", seed, shares(mediator, by))
    if seed not in CHANGED:
        return
    for name in SELECTIONS:
        yield from _rows("heavy", name, seed, shares("heavy", {**by, "MiniBooNE": renamed(arrays, name)}))
    for factor in WIDER:
        other = rates.Rates.of_nodes(estimated("heavy", wider(factor), seed))
        both = {**by, "MiniBooNE": other, "MicroBooNE": other}
        yield from _rows("heavy", f"earth wider by {factor:g}", seed, shares("heavy", both))
    changes: dict[str, Callable[[PlacedEvents], PlacedEvents]] = {
        "nuclei in T2K": without_nucleons,
        "nucleons in T2K": lambda events: events,
    }
    for name, change in changes.items():
        arrays = estimated("heavy", {"T2K": (fit.T2K_I, ANALYSIS_I)}, seed, PART, change)
        t2k = rates.Rates.of_nodes(arrays, {"T2K": ANALYSIS_I})
        yield from _rows("heavy", name, seed, shares("heavy", {**by, "T2K": t2k}))


def _rows(mediator: str, choice: str, k: int, found: Mapping[tuple[str, float], float]) -> Iterator[dict[str, Any]]:
    for (search, level), share in found.items():
        about = {"mediator": mediator, "choice": choice, "replicate": k, "search": search, "level": level}
        yield {**about, "share": round(share, 5)}


def make(path: Path) -> None:
    """Compute all rows and write them to a file."""
    rows = list(of_grids())
    for seed in tqdm(SEEDS):
        rows += of_sample(seed)
    with complete_or_not_at_all(path) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)
    datasets.renew_manifest(path)


if __name__ == "__main__":
    make(Path(__file__).parents[2] / "data" / f"{NAME}.csv")

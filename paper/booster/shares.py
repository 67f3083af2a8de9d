"""How well the share of MiniBooNE's region that other searches leave is known. Begin with `uncertain` and `shifts`.

``python -m paper.booster.shares`` computes, in a few minutes, shares with other cells of the grid and with rates that
are varied within their errors, and for a heavy Z′ under other choices of earth, selection and targets, and writes
``data/validation/shares``.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.experiment.analysis import ANALYSIS_I, Analysis
from darkpkg.experiment.experiment import Experiment
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation
from darkpkg.method.interface import Predicts
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.physics.model import DarkParameters
from darkpkg.streams import random_stream
from paper.booster import fit, microboone, miniboone, planes, rates

Array = NDArray[np.float64]

NAME = "validation/shares"
"""Of the file in ``data``."""

SHAPE = (24, 18, 64)
"""Cells along m_N, m_Z′ and U_μ4."""

N_OFFSETS, N_VARIED = 6, 6
"""Grids with points elsewhere in their cells, and sets of varied rates."""

PART = 4
"""Ratios of choices come from samples with this part of the neutrinos of the stored rates."""

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

Searches = Mapping[str, tuple[Experiment, Analysis]]


def shares(mediator: str, by: Mapping[str, Predicts] | None = None, **more: Any) -> dict[tuple[str, float], float]:
    """Share of MiniBooNE's 2σ volume that each of `SEARCHES` leaves, by its name and level.

    ``by`` and ``more`` are estimators, and an offset, of `planes.over_space`.
    """
    found = planes.over_space(mediator, SHAPE, by=by, **more)
    inside = found.inside(sigma=2, n_parameters=3)
    return {(name, cl): fit.share_left(inside, found.excluded(name, cl)) for name in SEARCHES for cl in planes.LEVELS}


def uncertain(table: pd.DataFrame, mediator: str, search: str, level: float) -> tuple[float, float]:
    """Standard deviations of a share: from the cells of the grid, and from the simulation of the stored rates."""
    own = table[(table.mediator == mediator) & (table.search == search) & (table.level == level)]
    cells, rates_ = (float(own[own.choice == name].share.std(ddof=1)) for name in ("offset", "varied"))
    return cells, rates_


def stated(share: float, error: float) -> str:
    r"""A share in per cent with its error, which has one digit before or behind the point.

    >>> stated(0.4012, 0.027), stated(0.0074, 0.0052), stated(0.0, 0.0)
    ('40\xa0±\xa03', '0.7\xa0±\xa00.5', '0')
    """
    if error == 0:
        return f"{100 * share:.0f}"
    digits = 0 if error >= 0.0095 else 1
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{100 * error:.{digits}f}"


def shifts(table: pd.DataFrame, search: str, level: float) -> dict[str, float]:
    """By how much each choice changes the share that a search leaves with a heavy Z′."""
    own = table[(table.mediator == "heavy") & (table.search == search) & (table.level == level)]
    by_choice = own[~own.choice.isin(["offset", "varied"])].set_index("choice").share
    return {choice: float(share - by_choice["as stored"]) for choice, share in by_choice.drop("as stored").items()}


def varied(arrays: Mapping[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """Rates at nodes, as `rates.nodes` has them, each bin varied by a normal number times its stated error.

    One number serves all lifetimes of a node, which have the same events. Numbers of different nodes are independent:
    what samples of one seed have in common at all masses acts as an error of the efficiency does.
    """
    found = dict(arrays)
    for name in [name.removesuffix("/log") for name in arrays if name.endswith("/log")]:
        log, share, error = (arrays[f"{name}/{what}"] for what in ("log", "share", "error"))
        shape = list(share.shape)
        if name.startswith("heavy/"):
            shape[2] = 1  # lifetimes
        mean = share * np.maximum(1 + error * rng.standard_normal(shape), 0.01)
        total = mean.sum(axis=-1, keepdims=True)
        found |= {f"{name}/log": log + np.log(total), f"{name}/share": mean / total}
    return found


@dataclass(frozen=True, eq=False)
class Scaled:
    """An estimator times the ratios of a choice: (m_N, m_Z′, cτ, beams, bins) at nodes of a coarser grid."""

    estimator: Predicts
    ratio: Array

    def events(self, parameters: DarkParameters, analysis: Analysis) -> Expectation:
        """Expected signal in each bin of ``analysis``, for a heavy Z′."""
        found = self.estimator.events(parameters, analysis)
        shape = parameters.shape
        every = (parameters.m_N, parameters.m_Zprime, parameters.proper_decay_length())
        m_N, m_Zprime, ctau = (np.broadcast_to(one, shape).ravel() for one in every)
        axes = [
            dataclasses.replace(axis, n=n, degree=1)
            for axis, n in zip(rates.GRIDS["heavy"].axes, self.ratio.shape, strict=False)
        ]
        position = (*rates.GRIDS["heavy"].position(m_N, m_Zprime), np.log(ctau))
        values = self.ratio.reshape(*self.ratio.shape[:3], -1)
        factor = rates.between(values, [*axes, rates.LIFETIMES], position).reshape(found.mean.shape)
        return Expectation(found.mean * factor, found.variance * factor**2)


COARSE = ((0, 5, 10), (0, 3, 6))
"""Nodes of m_N and m_Z′ where ratios are simulated."""


def wider(factor: float) -> Searches:
    """MiniBooNE and MicroBooNE with earth of a larger radius."""
    radius = miniboone.detector()["earth 1"].active.radius
    return {
        "MiniBooNE": (
            miniboone.MINIBOONE.replace(detector=miniboone.detector(factor * radius)),
            miniboone.MINIBOONE_BOTH,
        ),
        "MicroBooNE": (
            microboone.MICROBOONE.replace(detector=microboone.detector(earth_factor=factor)),
            microboone.MICROBOONE_PAIRS,
        ),
    }


def without_nucleons(events: PlacedEvents) -> PlacedEvents:
    """Events with no weight on single nucleons and hydrogen."""
    return dataclasses.replace(events, weight=np.where(events.target % 10 == 1, 0.0, events.weight))


def ratios() -> dict[str, dict[str, Array]]:
    """By choice and experiment, events over the usual ones at the nodes of `COARSE`, in samples of the same seed."""
    usual: Searches = {
        "MiniBooNE": (miniboone.MINIBOONE, miniboone.MINIBOONE_BOTH),
        "MicroBooNE": (microboone.MICROBOONE, microboone.MICROBOONE_PAIRS),
    }
    selected = {name: (miniboone.MINIBOONE, miniboone.analysis(**one)) for name, one in SELECTIONS.items()}
    t2k: Searches = {"T2K": (fit.T2K_I, ANALYSIS_I)}
    base = _coarse({**usual, **selected})
    found = {name: {"MiniBooNE": _over(base[name], base["MiniBooNE"])} for name in SELECTIONS}
    for factor in WIDER:
        other = _coarse(wider(factor))
        found[f"earth wider by {factor:g}"] = {name: _over(other[name], base[name]) for name in usual}
    found["nucleons in T2K"] = {"T2K": _over(_coarse(t2k)["T2K"], _coarse(t2k, without_nucleons)["T2K"])}
    return found


def _coarse(own: Searches, *change: Any) -> dict[str, Array]:
    """Events (m_N, m_Z′, cτ, beams, bins) at the nodes of `COARSE`, by name."""
    nodes = [rates.node("heavy", i, j, own, rates.SEED, PART, *change) for i, j in itertools.product(*COARSE)]
    shape = tuple(map(len, COARSE))
    means = {name: np.stack([np.exp(one[f"{name}/log"]) * one[f"{name}/share"] for one in nodes]) for name in own}
    return {name: mean.reshape(*shape, *mean.shape[1:]) for name, mean in means.items()}


def _over(other: Array, usual: Array) -> Array:
    """Their ratio, between a fifth and five; one where nothing is expected."""
    ratio = np.divide(other, usual, out=np.ones(usual.shape), where=usual > 1e-36)
    return np.clip(ratio, 0.2, 5.0)


def rows() -> Iterator[dict[str, Any]]:
    """All rows of the file."""
    usual, at_nodes = planes.estimators(), rates.nodes()
    for mediator in fit.MEDIATORS:
        yield from _rows(mediator, "as stored", 0, shares(mediator))
        for k in range(N_OFFSETS):
            offset = tuple(random_stream(rates.SEED, "cells", mediator, k).random(3).tolist())
            yield from _rows(mediator, "offset", k, shares(mediator, offset=offset))
        for k in range(N_VARIED):
            other = rates.Rates.of_nodes(varied(at_nodes, random_stream(rates.SEED, "rates", k)))
            by = {**usual, "MiniBooNE": other, "MicroBooNE": other}
            yield from _rows(mediator, "varied", k, shares(mediator, by))
    for name, changed in ratios().items():
        by = {**usual, **{which: Scaled(usual[which], ratio) for which, ratio in changed.items()}}
        yield from _rows("heavy", name, 0, shares("heavy", by))


def _rows(mediator: str, choice: str, k: int, found: Mapping[tuple[str, float], float]) -> Iterator[dict[str, Any]]:
    for (search, level), share in found.items():
        about = {"mediator": mediator, "choice": choice, "replicate": k, "search": search, "level": level}
        yield {**about, "share": round(share, 5)}


def make(path: Path) -> None:
    """Compute all rows and write them to a file."""
    found = pd.DataFrame(rows())
    with complete_or_not_at_all(path) as partial:
        found.to_csv(partial, index=False)
    datasets.renew_manifest(path)


if __name__ == "__main__":
    make(Path(__file__).parents[2] / "data" / f"{NAME}.csv")

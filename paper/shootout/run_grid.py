"""A grid of 1,600 mass points: a simulation at each against one sample for all, and the time of an event of DarkNews.

``python -m paper.shootout.run_grid`` writes grid.csv, estimators at some random points of the plane, and speed.csv,
seconds of simulations. Both are measured in one process. A time for the grid is that of the few points, multiplied.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

from tqdm import tqdm

import darkpkg as dk
from darkpkg.method import channels
from darkpkg.simulation import plan_of
from darkpkg.streams import random_stream
from paper.shootout.contest import ANALYSES, GRID_EVENTS, GRID_SAMPLE, SEED, B
from paper.shootout.run import N_TIMED, adaptation, kept, many, seconds, warm_up, write

N_POINTS = 12
CORNERS = (0.02, 0.5), (0.1, 5.0)
"""Ranges of m_N and m_Z′ in GeV, m_Z′ > m_N, from which the measured points are drawn, even in the logarithms."""

N_REFERENCE = 2**17
"""Neutrinos of the Sobol sample, with four vertices each, that the others are compared with."""

NUCLEUS, SIZES = "Ar40", (50_000, 250_000)
"""Of events by DarkNews at benchmark B, and how many by it and by this package, whose events are on all nuclei."""

ANALYSIS = ANALYSES["I"]


def points() -> list[dk.DarkParameters]:
    """Mass points with the couplings of benchmark B."""
    rng = random_stream(SEED, "grid")
    found: list[dk.DarkParameters] = []
    (low, high), (least, most) = CORNERS
    while len(found) < N_POINTS:
        m_N, m_Zprime = low * (high / low) ** rng.random(), least * (most / least) ** rng.random()
        if m_N < m_Zprime:
            found.append(B.replace(m_N=m_N, m_Zprime=m_Zprime))
    return found


def grid() -> None:
    """Rates at the points by each method, with the time that a point takes beyond what all points share."""
    rows: list[dict[str, Any]] = []
    adapting = adaptation(dk.HEAVY)
    making, sample = seconds(plan_of(dk.HEAVY, GRID_SAMPLE, SEED).sample)
    making += adapting
    reading, table = seconds(dk.load_table)
    estimators = {"transport": dk.Transport(sample), "kernel": dk.Kernel(sample), "table": table}
    preparing, _ = seconds(estimators["kernel"].events, B, ANALYSIS)
    shared = {"transport": making, "kernel": making + preparing, "table": reading}
    write("speed", [{"stage": f"shared by {name}", "events": 0 if name == "table" else GRID_SAMPLE, "seconds": time}
                    for name, time in shared.items()])  # fmt: skip
    for number, point in enumerate(tqdm(points(), desc="grid")):
        about = {"point": number, "m_N": float(point.m_N), "m_Zprime": float(point.m_Zprime)}

        def add(method: str, found: dk.Expectation, time: float, about: dict[str, Any] = about) -> None:
            total = found.total()
            rows.append({**about, "method": method, "events": total.mean, "error": total.error, "seconds": time})

        adapting = adaptation(point)
        own = plan_of(point, GRID_EVENTS, SEED + number, sequence="random")
        simulating, dedicated = seconds(own.sample)
        summing, found = seconds(dk.Transport(dedicated).events, point, ANALYSIS)
        add("simulation", found, adapting + simulating + summing)
        for name, estimator in estimators.items():
            n = 1 if name == "transport" else N_TIMED
            time, _ = seconds(estimator.events, many(point, n), ANALYSIS)
            add(name, estimator.events(point, ANALYSIS), time / n)
        reference = dk.Transport(dk.simulate(point, N_REFERENCE, SEED + number))
        add("reference", reference.events(point, ANALYSIS), 0.0)
        write("grid", rows)


def speed() -> None:
    """Seconds of simulations by DarkNews, on one nucleus, and by this package, on all, adaptation included."""
    from DarkNews import MC, nuclear_tools

    from paper.validation.run_darknews import experiment, generic_model, quiet, seeded

    quiet()
    rows = [one for one in kept("speed") if one["stage"].startswith("shared")]
    region = dk.SamplingRange.at(float(B.m_N), float(B.m_Zprime))
    for n in SIZES:
        MC.NINT, MC.NEVAL, MC.NINT_warmup, MC.NEVAL_warmup = 1, n, 10, 10_000
        with tempfile.TemporaryDirectory() as folder:
            run = MC.MC_events(
                experiment(NUCLEUS, Path(folder)), generic_model(B), enforce_prompt=True,
                rng=seeded("speed", str(n)).random, sparse=1, nuclear_target=nuclear_tools.NuclearTarget(NUCLEUS),
                decay_product="e+e-", helicity="conserving",
            )  # fmt: skip
            time, events = seconds(run.get_MC_events)
        rows.append({"stage": "DarkNews", "events": len(events), "seconds": time})
        channels._adapted.cache_clear()
        time, _ = seconds(dk.generate, region, n, SEED + n)
        rows.append({"stage": "darkpkg", "events": n, "seconds": time})
    write("speed", rows)


def main() -> None:
    """Write both tables."""
    warnings.simplefilter("ignore", dk.FewEventsWarning)
    warm_up()
    grid()
    speed()


if __name__ == "__main__":
    main()

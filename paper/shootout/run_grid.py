"""A grid of 1,600 mass points: a simulation at each against one sample for all, and the time of an event of DarkNews.

``python -m paper.shootout.run_grid`` writes grid.csv, rates at the first points of the grid beside those of a larger
sample, and speed.csv, seconds of the whole grid by each method and of simulations. Both are measured in one process.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import darkpkg as dk
from darkpkg.inputs import Array
from darkpkg.method import channels
from darkpkg.simulation import plan_of
from darkpkg.streams import random_stream
from paper.shootout.contest import ANALYSES, GRID, GRID_EVENTS, GRID_SAMPLE, SEED, B
from paper.shootout.run import adaptation, kept, seconds, warm_up, write

CORNERS = (0.02, 0.5), (0.1, 5.0)
"""Ranges of m_N and m_Z′ in GeV, m_Z′ > m_N, from which the points are drawn, even in the logarithms."""

N_REFERENCES, N_REFERENCE = 100, 2**17
"""Points where the others are compared with a Sobol sample, and its neutrinos, with four vertices each."""

NUCLEUS, SIZES = "Ar40", (50_000, 250_000)
"""Of events by DarkNews at benchmark B, and how many by it and by this package, whose events are on all nuclei."""

ANALYSIS = ANALYSES["I"]


def masses() -> tuple[Array, Array]:
    """m_N and m_Z′ of all points of the grid."""
    rng = random_stream(SEED, "grid")
    found: list[tuple[float, float]] = []
    (low, high), (least, most) = CORNERS
    while len(found) < GRID:
        m_N, m_Zprime = low * (high / low) ** rng.random(), least * (most / least) ** rng.random()
        if m_N < m_Zprime:
            found.append((m_N, m_Zprime))
    m_N, m_Zprime = np.transpose(found)
    return m_N, m_Zprime


def simulated(point: dk.DarkParameters, number: int) -> dk.Expectation:
    """Events at a point by a sample of its own, for which vegas adapts anew."""
    channels._adapted.cache_clear()
    sample = plan_of(point, GRID_EVENTS, SEED + number, sequence="random").sample(0)
    return dk.Transport(sample).events(point, ANALYSIS)


def grid() -> None:
    """Times of the whole grid by each method, and rates at its first points beside those of larger samples."""
    times: list[dict[str, Any]] = []

    def add(stage: str, events: int, time: float) -> None:
        times.append({"stage": stage, "events": events, "seconds": time})
        write("speed", times)

    adapting = adaptation(dk.HEAVY)
    making, sample = seconds(plan_of(dk.HEAVY, GRID_SAMPLE, SEED).sample, 0)
    reading, table = seconds(dk.load_table)
    estimators = {"transport": dk.Transport(sample), "kernel": dk.Kernel(sample), "table": table}
    preparing, _ = seconds(estimators["kernel"].events, B, ANALYSIS)
    add("shared by transport", GRID_SAMPLE, adapting + making)
    add("shared by kernel", GRID_SAMPLE, adapting + making + preparing)
    add("shared by table", 0, reading)
    m_N, m_Zprime = masses()
    each = [B.replace(m_N=one, m_Zprime=other) for one, other in zip(m_N, m_Zprime, strict=True)]
    first = each[:N_REFERENCES]
    found: dict[str, list[dk.Expectation]] = {}
    for name, estimator in estimators.items():
        time, _ = seconds(estimator.events, B.replace(m_N=m_N, m_Zprime=m_Zprime), ANALYSIS)
        add(f"grid by {name}", 0, time)
        found[name] = [estimator.events(point, ANALYSIS) for point in first]
    time, found["simulation"] = seconds(lambda: [simulated(one, i) for i, one in enumerate(tqdm(each, desc="grid"))])
    add("grid by simulation", GRID * GRID_EVENTS, time)
    found["reference"] = [
        dk.Transport(dk.simulate(one, N_REFERENCE, SEED + i)).events(one, ANALYSIS)
        for i, one in enumerate(tqdm(first, desc="references"))
    ]
    write("grid", [
        {"point": i, "m_N": m_N[i], "m_Zprime": m_Zprime[i], "method": method,
         "events": rates[i].total().mean, "error": rates[i].total().error}
        for i in range(N_REFERENCES) for method, rates in found.items()
    ])  # fmt: skip


def speed() -> None:
    """Seconds of simulations by DarkNews, on one nucleus, and by this package, on all, adaptation included."""
    from DarkNews import MC, nuclear_tools

    from paper.validation.run_darknews import experiment, generic_model, quiet, seeded

    quiet()
    rows = [one for one in kept("speed") if not one["stage"].lower().startswith("dark")]
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

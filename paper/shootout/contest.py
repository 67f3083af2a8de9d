"""What is compared: five points, three budgets, and names of estimators. Begin with `POINTS`.

``make shootout`` compares them: `neural` has a neural network as an estimator, `summary` what pages read from
``data/shootout``, and `run` and `run_grid` write that.
"""

from __future__ import annotations

from collections.abc import Mapping

import darkpkg as dk

A, B = dk.BENCHMARK_A, dk.BENCHMARK_B

POINTS: Mapping[str, dk.DarkParameters] = {
    "B": B,
    "B, long-lived": B.replace(m_N=0.06, m_Zprime=2.0),
    "B, heavier N": B.replace(m_N=0.4, m_Zprime=2.0),
    "A": A,
    "A, heavier N": A.replace(m_N=0.3, m_Zprime=0.1),
}
"""Within the figures of the paper: three with a heavy dark photon, two with a light one."""

REGIONS: Mapping[str, dk.SamplingRange] = {"heavy": dk.HEAVY, "light": dk.LIGHT}

ANALYSES: Mapping[str, dk.Analysis] = {"I": dk.ANALYSIS_I, "II": dk.ANALYSIS_II}

BUDGETS = (2**13, 2**15, 2**17)
"""Simulated neutrinos, for all points of a region together or for each point."""

N_SAMPLES = 10
"""Samples of each."""

REGIONAL = ("kernel", "transport", "transport, Sobol", "neural")
"""Estimators that serve all points of a region from one sample."""

DEDICATED = ("simulation", "simulation, Sobol")
"""A sample of its own for each point."""

SEED = 1909

GRID = 1600
"""Points of a grid of masses, as fits have it."""

GRID_EVENTS, GRID_SAMPLE = 100_000, 1_000_000
"""Neutrinos of a simulation at each point of the grid, and those of one sample for all."""


def region_of(point: dk.DarkParameters) -> str:
    """Name of the region that a point lies in."""
    return "light" if point.is_light_mediator else "heavy"

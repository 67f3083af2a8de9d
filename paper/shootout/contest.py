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

BUDGETS: Mapping[int, int] = {2**13: 20, 2**15: 20, 2**17: 10}
"""Simulated neutrinos, for all points of a region together or for each point, and samples of each."""

N_NEURAL = 10
"""Samples of each budget that a neural network learns."""

REGIONAL = ("kernel", "transport", "transport, Sobol", "neural")
"""Estimators that serve all points of a region from one sample."""

DEDICATED = ("simulation", "simulation, Sobol")
"""A sample of its own for each point."""

SEED = 1909


def region_of(point: dk.DarkParameters) -> str:
    """Name of the region that a point lies in."""
    return "light" if point.is_light_mediator else "heavy"

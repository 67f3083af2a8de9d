"""The planes of Figs. 9, 10, 14 and 15, on grids: `PLANES`, and `along_gap` for the one with a gap.

Crosses stand at the masses of `CHECKED_AT`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from darkpkg.inference.slices import Slice
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters

__all__ = ["CHECKED_AT", "PLANES", "along_gap"]


def _light(m_N: Any, V_muN_sq: Any) -> DarkParameters:
    """|V_N|² = |V_μN|², as in column A of Table I."""
    return BENCHMARK_A.replace(m_N=m_N, V_muN_sq=V_muN_sq, V_N_sq=V_muN_sq)


def _plane(base: Any, **ranges: tuple[float, float]) -> Slice:
    return Slice(
        base, **{name: np.geomspace(*ends, n) for (name, ends), n in zip(ranges.items(), (60, 121), strict=True)}
    )


PLANES: Mapping[tuple[str, str], Slice] = {
    ("heavy", "mixing"): _plane(BENCHMARK_B, m_N=(0.005, 1.0), V_muN_sq=(1e-10, 1e-2)),
    ("heavy", "kinetic"): _plane(BENCHMARK_B, m_Zprime=(0.1, 10.0), epsilon=(1e-5, 1e-1)),
    ("light", "mixing"): _plane(_light, m_N=(0.0301, 1.0), V_muN_sq=(1e-10, 1e-2)),
    ("light", "kinetic"): _plane(BENCHMARK_A, m_Zprime=(0.002, 0.0999), epsilon=(1e-5, 1e-2)),
}
"""The four planes of Figs. 9 and 10, 60 masses × 121 couplings, all else as in Table I: |V_μN|² against m_N at m_Z′ =
1.25 GeV or 30 MeV, ε against m_Z′ at m_N = 100 MeV. The heavy ε plane begins at m_Z′ = m_N, the others off it."""

CHECKED_AT: Mapping[tuple[str, str], tuple[float, ...]] = {
    ("heavy", "mixing"): (0.01, 0.03, 0.1, 0.3),
    ("heavy", "kinetic"): (0.15, 0.3, 2.0, 5.0),
    ("light", "mixing"): (0.04, 0.1, 0.4),
    ("light", "kinetic"): (0.01, 0.03, 0.08),
}
"""Masses in GeV at which each plane has crosses, limits from dedicated samples."""


def along_gap(where: Slice) -> Slice:
    """The plane of ε against the mass of a heavy dark photon, in ε / m_Z′² (GeV⁻²).

    The gap between what N from the P∅D and N from argon exclude lies along it and gets ever narrower: the contour of
    a grid in ε would break its end into pieces.
    """
    masses, couplings = where.axes.values()
    ratios = np.geomspace(couplings[0] / masses[-1] ** 2, couplings[-1] / masses[0] ** 2, 2 * len(couplings) - 1)
    return Slice(lambda m_Zprime, ratio: where.at(m_Zprime, ratio * m_Zprime**2), m_Zprime=masses, ratio=ratios)

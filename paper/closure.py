"""The closure test: a grid of masses, predictions at its points, and reference samples to compare with.

Begin with `GRID`; `predictions` applies an estimator, `references` simulates every point, and `compare` divides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import ANALYSIS_I, Analysis
from darkpkg.method.estimators import Kernel
from darkpkg.method.expectation import Expectation
from darkpkg.method.interface import Estimator
from darkpkg.method.sampling import HEAVY, LIGHT
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.simulation import simulate
from darkpkg.units import cm

Array = NDArray[np.float64]

__all__ = [
    "BENCHMARKS",
    "CTAU",
    "GRID",
    "RANGES",
    "STAGES",
    "compare",
    "points",
    "predictions",
    "references",
    "scaled",
]

RANGES = {"heavy": HEAVY, "light": LIGHT}
"""Masses that are sampled on either side of the diagonal."""

BENCHMARKS = {"heavy": BENCHMARK_B, "light": BENCHMARK_A}
"""Couplings of the points of the grid."""

CTAU = np.array([0.5, 5.0, 50.0, 500.0]) * cm
"""Proper decay lengths that are set by hand, whatever the couplings would give."""

STAGES = ("upscatterings", *(f"{ctau / cm:g} cm" for ctau in CTAU))
"""What is predicted at each point: selected upscatterings, and detected decays at each of `CTAU`."""

_FIELDS = ("mean", "variance", "bias", "bias_variance")


def _between(m_N: float, first: float, last: float, shares: tuple[float, ...]) -> list[tuple[float, float]]:
    """Points at a given m_N, with m_Z′ at these shares of the way between two masses, in the logarithm."""
    return [(m_N, first * (last / first) ** share) for share in shares]


GRID: dict[str, Array] = {
    "heavy": np.concatenate(
        [_between(m_N, m_N, 10.0, (0.1, 0.4, 0.7, 1.0)) for m_N in (0.006, 0.02, 0.06, 0.15, 0.35, 0.8)]
    ),
    "light": np.concatenate([_between(m_N, 0.002, m_N, (0.1, 0.5, 0.9)) for m_N in (0.01, 0.04, 0.15, 0.5)]),
}
"""Pairs (m_N, m_Z′) in GeV, from close to the diagonal to close to the edge of what is sampled."""


def points(side: str) -> DarkParameters:
    """Points of the grid on one side, as one θ with arrays for masses."""
    return BENCHMARKS[side].replace(m_N=GRID[side][:, 0], m_Zprime=GRID[side][:, 1])


def predictions(estimate: Estimator, theta: DarkParameters, analysis: Analysis = ANALYSIS_I) -> Expectation:
    """The predictions of `STAGES` for both beams together: an expectation of the shape of θ + (5,)."""
    m_N, m_Zprime = (np.asarray(mass)[..., None] for mass in (theta.m_N, theta.m_Zprime))
    decays = theta if theta.shape == () else theta.replace(m_N=m_N, m_Zprime=m_Zprime)
    parts = (
        estimate.upscatterings(theta, analysis).total(),
        estimate.events_at_lifetime(decays, CTAU, analysis).total(),
    )
    return Expectation(
        *(np.concatenate([np.atleast_1d(_of(parts[0], n))[..., None], _rows(_of(parts[1], n))], -1) for n in _FIELDS)
    )


def _of(expectation: Expectation, name: str) -> Array:
    return np.asarray(getattr(expectation, name), dtype=float)


def _rows(values: Array) -> Array:
    return values.reshape(-1, len(CTAU))


def references(side: str, n_events: int, seed: int) -> Expectation:
    """Predictions of a sample of its own for each point of the grid."""
    found = []
    for number, (m_N, m_Zprime) in enumerate(GRID[side].tolist()):
        point = BENCHMARKS[side].replace(m_N=m_N, m_Zprime=m_Zprime)
        found.append(predictions(Kernel(simulate(point, n_events, seed + number)), point))
    return Expectation(*(np.concatenate([_of(one, name) for one in found]) for name in _FIELDS))


def compare(found: Expectation, reference: Expectation, error: Array | None = None) -> tuple[Array, Array, Array]:
    """Ratios of predictions to reference samples, their errors, and pulls.

    ``error`` replaces that of the prediction.
    """
    error = found.error if error is None else error
    combined = np.sqrt(error**2 + reference.variance) / reference.mean
    ratio = found.mean / reference.mean
    return ratio, combined, (ratio - 1) / combined


def scaled(found: Expectation, factor: float) -> Expectation:
    """Predictions times a factor, such as those of a part of a sample that stands for all of it."""
    return Expectation(*(factor**n * _of(found, name) for n, name in zip((1, 2, 1, 2), _FIELDS, strict=True)))

"""The fit to MiniBooNE over both masses and a coupling. Begin with `Scan`.

An estimator is one sample over the masses, transported to every point, or the stored `paper.booster.rates`.
Couplings are those of arXiv:2308.02543: α_D = 1/π, a fixed ε and V_μN = V_N = U_μ4/2, so that U_μ4 alone is free.
With a heavy Z′, events and lifetime depend on ε U_μ4 only, so that no generality is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from darkpkg.experiment.analysis import ANALYSIS_I, Analysis
from darkpkg.experiment.experiment import T2K, Experiment
from darkpkg.method.events import PlacedEvents
from darkpkg.method.interface import Predicts
from darkpkg.method.sampling import SamplingRange
from darkpkg.physics.model import DarkParameters
from darkpkg.simulation import simulate
from paper.booster import counts

Array = NDArray[np.float64]

MEDIATORS = ("light", "heavy")


@dataclass(frozen=True)
class Space:
    """Ranges of masses in GeV and of U_μ4, and what is fixed, for a light or a heavy Z′.

    Beyond the ranges are ``margin`` times the masses of samples, so that the points at the edge have neighbours.
    """

    mediator: str
    m_N: tuple[float, float]
    m_Zprime: tuple[float, float]
    U_mu4: tuple[float, float]
    epsilon: float
    margin: float = 1.6

    def parameters(self, m_N: Any, m_Zprime: Any, U_mu4: Any) -> DarkParameters:
        """Points of arXiv:2308.02543. A light Z′ decays where it is made, which it does within a millimetre."""
        decays = "paper" if self.mediator == "light" else "all"
        mixing = np.square(np.divide(U_mu4, 2))
        return DarkParameters(
            m_N=m_N,
            m_Zprime=m_Zprime,
            alpha_D=1 / np.pi,
            epsilon=self.epsilon,
            V_muN_sq=mixing,
            V_N_sq=mixing,
            decays=decays,
        )

    def sampling(self) -> SamplingRange:
        """The region of masses of a sample."""
        (a, b), (c, d) = ((low / self.margin, high * self.margin) for low, high in (self.m_N, self.m_Zprime))
        return SamplingRange(m_N=(a, b), m_Zprime=(c, d), mediator=self.mediator)

    def grid(self, n_N: int, n_Z: int, n_U: int) -> tuple[Array, Array, Array]:
        """Middles of equal cells in the logarithms of m_N, m_Z′ and U_μ4."""
        ends = (self.m_N, self.m_Zprime, self.U_mu4)
        return tuple(_middles(end, n) for end, n in zip(ends, (n_N, n_Z, n_U), strict=True))  # type: ignore[return-value]


def _middles(end: tuple[float, float], n: int) -> Array:
    edges = np.geomspace(*end, n + 1)
    return np.sqrt(edges[1:] * edges[:-1])


SPACES: Mapping[str, Space] = {
    "light": Space("light", (0.05, 1.0), (0.01, 0.2), (1e-5, 1e-1), 8e-4),
    "heavy": Space("heavy", (0.03, 0.8), (0.05, 5.0), (1e-4, 1.0), 1e-2),
}
"""Those of the pages."""

N_EVENTS, SEED = {"light": 2**17, "heavy": 2**16}, 2308
"""Neutrinos of a sample over masses, with `VERTICES` each."""

VERTICES = {"light": 1, "heavy": 8}


def sample(experiment: Experiment, space: Space, n_events: int | None = None, seed: int = SEED) -> PlacedEvents:
    """Events of an experiment over the masses of a space: on nuclei, on hydrogen and on single nucleons.

    With a light Z′ N decays where it is made: then only those modules are simulated in which pairs of some analysis
    of the experiment count.
    """
    detector = experiment.detector
    if space.mediator == "light":
        experiment = _where_pairs_count(experiment)
    return simulate(
        space.sampling(),
        N_EVENTS[space.mediator] if n_events is None else n_events,
        seed,
        experiment=experiment,
        hydrogen="H" in detector.nuclei,
        nucleons=True,
        sequence="random" if VERTICES[space.mediator] == 1 else "sobol",
        vertices=VERTICES[space.mediator],
    )


def sample_at(
    theta: DarkParameters, experiment: Experiment, n_events: int, vertices: int, seed: int = SEED
) -> PlacedEvents:
    """Events of an experiment at one point θ of a space, otherwise as those of `sample`."""
    light = bool(theta.is_light_mediator)
    return simulate(
        theta,
        n_events,
        seed,
        experiment=_where_pairs_count(experiment) if light else experiment,
        hydrogen="H" in experiment.detector.nuclei,
        nucleons=True,
        vertices=2 if light else vertices,
    )


def _where_pairs_count(experiment: Experiment) -> Experiment:
    """With those modules alone in which pairs of some analysis count."""
    channels = [channel for analysis in experiment.analyses.values() for channel in analysis.channels]
    within = dict.fromkeys(name for channel in channels for name in channel.selection.decay_modules)
    return experiment.replace(detector=experiment.detector.only(list(within)))


@dataclass(frozen=True, eq=False)
class Scan:
    """Expected events of an analysis on a grid of m_N, m_Z′ and U_μ4, nan where the mediator is not of its kind.

    ``mean`` and ``variance`` are (a, b, c, bins).
    """

    space: Space
    m_N: Array
    m_Zprime: Array
    U_mu4: Array
    mean: Array
    variance: Array
    analysis: Analysis = field(repr=False)

    @classmethod
    def of(cls, estimator: Predicts, analysis: Analysis, space: Space, shape: tuple[int, int, int]) -> Scan:
        """What an estimator predicts on a grid of this ``shape``."""
        m_N, m_Zprime, U = space.grid(*shape)
        kind = m_Zprime < m_N[:, None] if space.mediator == "light" else m_Zprime >= m_N[:, None]
        rows, columns = np.nonzero(kind)
        theta = space.parameters(m_N[rows][:, None], m_Zprime[columns][:, None], U)
        found = estimator.events(theta, analysis)
        mean, variance = (np.full((*shape, len(analysis.observed)), np.nan) for _ in range(2))
        mean[rows, columns], variance[rows, columns] = found.mean, found.variance
        return cls(space, m_N, m_Zprime, U, mean, variance, analysis)


def chi_squared(scan: Scan, modes: Any = counts.MODES) -> Array:
    """MiniBooNE's χ² (a, b, c) with the published covariance, electron-like and muon-like bins."""
    own, value = counts.likelihood(modes), np.full(scan.mean.shape[:-1], np.nan)
    for i, j in np.argwhere(np.isfinite(scan.mean).all(axis=(2, 3))).tolist():  # else all covariances at once
        value[i, j] = own.chi_squared(np.maximum(scan.mean[i, j], 0.0), scan.variance[i, j])
    return value


def profiled(value: Array) -> tuple[Array, NDArray[np.int64]]:
    """The least value over U_μ4 (a, b), and where it is; nan where there is none."""
    filled = np.where(np.isnan(value), np.inf, value)
    at = filled.argmin(axis=-1)
    least = np.take_along_axis(filled, at[..., None], axis=-1)[..., 0]
    return np.where(np.isinf(least), np.nan, least), at


def threshold(sigma: float, n_parameters: int) -> float:
    """Δχ² of a region of so many sigma in so many parameters.

    >>> round(threshold(2, 3), 2)
    8.02
    """
    return float(chi2.ppf(chi2.cdf(sigma**2, 1), n_parameters))


def ends(values: Array, allowed: NDArray[np.bool_]) -> tuple[Array, Array]:
    """The least and the largest of ``values`` (c,) that each row of ``allowed`` (a, c) has; nan without any."""
    some = allowed.any(axis=1)
    first, last = allowed.argmax(axis=1), allowed.shape[1] - 1 - allowed[:, ::-1].argmax(axis=1)
    return np.where(some, values[first], np.nan), np.where(some, values[last], np.nan)


T2K_I = T2K.replace(analyses={"I": ANALYSIS_I})
"""T2K with its search for pairs in argon alone."""


def limit(cl: float) -> float:
    """−2 Δ ln L of a one-sided limit on one coupling: the χ² of one parameter at 2 cl − 1.

    >>> round(limit(0.95), 2)
    2.71
    """
    return float(chi2.ppf(2 * cl - 1, 1))


def height(log_likelihoods: Array, cl: float = 0.95) -> Array:
    """By how much −2 Δ ln L of points (…, c) lies above the limit: positive where they are excluded, one-sided.

    ``log_likelihoods`` are those of an experiment, or the sum of several, over ln L without a signal; couplings
    increase along the last axis. A point is compared with the best coupling at its masses, or with no signal if that
    is better, and is excluded if its coupling is larger and −2 Δ ln L above the χ² of one parameter at 2 cl − 1.
    What is nan stays nan.
    """
    value = np.where(np.isnan(log_likelihoods), -np.inf, log_likelihoods)
    best, at = value.max(axis=-1, keepdims=True), value.argmax(axis=-1)[..., None]
    larger = (np.arange(value.shape[-1]) > at) | (best < 0)
    above = np.where(larger, 2 * (np.maximum(best, 0.0) - value), 0.0) - limit(cl)
    return np.where(np.isnan(log_likelihoods), np.nan, above)


def share_left(inside: NDArray[np.bool_], excluded: NDArray[np.bool_]) -> float:
    """Part of the cells ``inside`` that is not ``excluded``; cells have equal volumes in the logarithms."""
    return float((inside & ~excluded).sum() / inside.sum())

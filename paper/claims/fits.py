"""Excluded lifetimes as the claims on Fig. 11 need them, and the fits of Eq. (E1) to them.

Begin with `bound`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from darkpkg.experiment.analysis import ANALYSIS_I
from darkpkg.inference.lifetimes import excluded_lifetimes
from darkpkg.method.estimators import Kernel
from darkpkg.method.weights import lifetime_weight, selected_weight
from darkpkg.physics.model import BENCHMARK_B
from paper.acceptances import Share
from paper.claims.samples import Samples, once
from paper.lifetime_bound import LifetimeBound, fit_lifetime_bound

Array = NDArray[np.float64]

__all__ = ["FIT_MASSES", "FIT_RATES", "bound", "edges_at_B", "log_bound", "shortest"]

FIT_MASSES = (0.025, 0.05, 0.1, 0.2)
"""Masses of N in Fig. 11, in GeV."""

FIT_RATES = np.geomspace(10, 1000, 25)
"""Where the fits of Eq. (E1) look: the axis of the lower panel of Fig. 11, evenly in its logarithm."""

ENOUGH_FOR_A_FIT = 60_000
"""Events; with more the fits of Eq. (E1) take longer, and their errors, which come from its form, stay."""


@once
def edges_at_B(s: Samples) -> tuple[Array, Array]:
    """Shortest and longest excluded cτ⁰ in cm at the production rate of B, and their errors."""
    estimate, B = Kernel(s.at_B), BENCHMARK_B
    rate = float(estimate.upscatterings(B, ANALYSIS_I).total().mean)
    edges = np.array(excluded_lifetimes(estimate, B, ANALYSIS_I, rate))
    step = 1.02
    here, there = (estimate.events_at_lifetime(B, ctau, ANALYSIS_I).total() for ctau in (edges, step * edges))
    slope = np.log(there.mean / here.mean) / np.log(step)
    return edges, edges * here.error / here.mean / np.abs(slope)


def shortest(s: Samples, m_N: float, n_parameters: int = 2) -> Array:
    """Shortest excluded cτ⁰ in cm at `FIT_RATES` and one mass of Fig. 11, at 90 % for so many parameters."""
    return _fit(s, m_N, n_parameters)[0]


def bound(s: Samples, m_N: float, n_parameters: int = 2) -> LifetimeBound:
    """The fit of Eq. (E1) to `shortest`, with squares of differences in cτ⁰.

    Its errors are those of the form and of the sample.
    """
    return _fit(s, m_N, n_parameters)[1]


def log_bound(s: Samples, m_N: float) -> LifetimeBound:
    """The same for two parameters, with squares of differences in ln cτ⁰, as `fit_lifetime_bound` takes them."""
    return fit_lifetime_bound(FIT_RATES, shortest(s, m_N))


def _rule(log_rate: Array, alpha: float, beta: float) -> Array:
    """Eq. (E1)."""
    return alpha / (log_rate - beta)


@once
def _fit(s: Samples, m_N: float, n_parameters: int) -> tuple[Array, LifetimeBound]:
    events, theta = s.at(m_N, BENCHMARK_B.m_Zprime), BENCHMARK_B.replace(m_N=m_N)
    events = events.thinned(1 + len(events) // ENOUGH_FOR_A_FIT)
    lengths, _ = excluded_lifetimes(Kernel(events), theta, ANALYSIS_I, FIT_RATES, n_parameters=n_parameters)
    start = fit_lifetime_bound(FIT_RATES, lengths)
    some = lengths > 0  # nan: nothing is excluded; 0: prompt decays are, too
    log_rates, found = np.log10(FIT_RATES[some]), lengths[some]
    (alpha, beta), covariance = curve_fit(_rule, log_rates, found, p0=(start.alpha, start.beta))
    error = np.sqrt(np.diag(covariance))
    # A factor in the number of decays, known as well as these, moves β alone.
    middle = float(found[len(found) // 2])
    in_a_chamber = lifetime_weight(events, middle, modules=ANALYSIS_I.selection.decay_modules)
    detected = Share.of(in_a_chamber, selected_weight(events, theta, ANALYSIS_I))
    error[1] = np.hypot(error[1], detected.error / detected.mean / np.log(10))
    correlation = covariance[0, 1] / error.prod()
    scatter = np.std(np.log(found / _rule(log_rates, alpha, beta)))
    return lengths, LifetimeBound(*map(float, (alpha, beta, *error, correlation, scatter)))

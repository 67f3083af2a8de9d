"""Answers to the claims on the method: Section IV."""

from __future__ import annotations

import numpy as np

from darkpkg.experiment.analysis import ANALYSIS_I
from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.method.estimators import Kernel
from darkpkg.method.smoothing import Smoothing
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.physics.nuclei import NUCLEI, Nucleus
from darkpkg.physics.scattering import total_cross_section
from paper.claims.answer import Answer, number, slope
from paper.claims.samples import Samples

A, B, I = BENCHMARK_A, BENCHMARK_B, ANALYSIS_I
LEAD = NUCLEI["Pb208"]


def _sampled(theta: DarkParameters, name: str, nucleus: Nucleus, with_width: bool) -> float:
    """Minus the power of a mass in the integrand at 1 GeV: the power of q that levels it."""

    def integrand(mass: float) -> float:
        point = theta.replace(**{name: mass})
        width = float(point.decay_width()) if with_width else 1.0
        return float(total_cross_section(1.0, point, nucleus)) * width

    return -slope(integrand, float(getattr(theta, name)))


def _power(theta: DarkParameters, name: str, nucleus: Nucleus) -> Answer:
    return Answer(_sampled(theta, name, nucleus, False), assumed=Answer(_sampled(theta, name, nucleus, True)))


def sampling_power_of_m_Zprime(_: Samples) -> Answer:
    return _power(B, "m_Zprime", LEAD)


def sampling_power_of_m_N(_: Samples) -> Answer:
    return _power(B, "m_N", LEAD)


def sampling_power_of_a_light_m_Zprime(_: Samples) -> Answer:
    return _power(A, "m_Zprime", NUCLEI["C12"])


def sampling_power_of_a_light_m_N(_: Samples) -> Answer:
    return _power(A, "m_N", NUCLEI["C12"])


def bandwidth(s: Samples) -> Answer:
    """Of the smallest mean squared error, h s with s of `asymptotic_factor`, from the bias at a pilot's h.

    The bias is the distance to events at B. That which a sample shows of itself is too noisy for one number.
    """
    pilot = 0.4
    truth, found = (
        number(estimate.events(B, I))
        for estimate in (Kernel(s.at_B), Kernel(s.heavy, Smoothing(pilot, order=0, slope=None)))
    )
    bias, error = found.value - truth.value, float(np.hypot(found.error, truth.error))
    best = pilot * (found.error**2 / (2 * bias**2)) ** (1 / 6)
    return Answer(best, best / 3 * abs(error / bias))


def threshold(_: Samples) -> Answer:
    return Answer(exclusion_threshold(0.90, n_parameters=2))

"""Answers to the claims on the method: Section IV."""

from __future__ import annotations

import numpy as np

from darkpkg import simulation
from darkpkg.experiment.analysis import ANALYSIS_I
from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.method.estimators import Kernel
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.smoothing import Smoothing
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.physics.nuclei import NUCLEI, Nucleus
from darkpkg.physics.scattering import total_cross_section
from paper.claims.answer import Answer, number, slope
from paper.claims.samples import SEED, Samples

A, B, I = BENCHMARK_A, BENCHMARK_B, ANALYSIS_I
LEAD = NUCLEI["Pb208"]


def _sampled(theta: DarkParameters, name: str, nucleus: Nucleus, with_width: bool) -> float:
    """Minus the power of a mass in the integrand at 1 GeV: the power of q that flattens it."""

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
    """Of the smallest mean squared error, h s with s of `darkpkg.method.bandwidth.asymptotic_factor`, from a pilot h.

    The variance is that of the sample over all masses, the bias that of as many events within the pilot's reach as
    make it well known: what a sample shows of its own bias is too noisy for one number.
    """
    pilot = Smoothing(0.4, order=0, slope=None)
    reach = np.exp(1.001 * np.array([-1, 1]) * pilot.bandwidth)
    around = SamplingRange(tuple(B.m_N * reach), tuple(B.m_Zprime * reach), "heavy")
    samples = (s.at_B, simulation.simulate(around, 1 << 18, SEED))
    truth, smoothed = (number(k.events(B, I)) for k in (Kernel(samples[0]), Kernel(samples[1], pilot)))
    error = number(Kernel(s.heavy, pilot).events(B, I)).error
    bias, of_bias = smoothed.value - truth.value, float(np.hypot(smoothed.error, truth.error))
    best = float(np.mean(pilot.bandwidth)) * (error**2 / (2 * bias**2)) ** (1 / 6)
    return Answer(best, best / 3 * abs(of_bias / bias))


def threshold(_: Samples) -> Answer:
    return Answer(exclusion_threshold(0.90, n_parameters=2))

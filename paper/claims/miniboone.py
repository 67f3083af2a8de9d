"""Answers to the claims on MiniBooNE's excess: Section II and the conclusions."""

from __future__ import annotations

import functools

import numpy as np
from scipy.stats import chi2

from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.method.estimators import Kernel
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from paper.booster import counts, fit, miniboone, planes, spectra
from paper.claims.answer import Answer
from paper.claims.samples import Samples

SEED = 20616883
"""Of the events in MiniBooNE."""

NEUTRINO = ("neutrino",)


def _p_value(theta: DarkParameters) -> Answer:
    """Of the energies in neutrino mode, with the printed couplings and with the best |V_μN|²."""
    factor = np.geomspace(1e-2, 1e2, 81)
    several = theta.replace(V_muN_sq=theta.V_muN_sq * factor)
    chi_sq = planes.miniboone_chi_squared(several, NEUTRINO)
    n = len(counts.likelihood(NEUTRINO).observed)
    printed, best = (float(chi2.sf(one, n)) for one in (chi_sq[40], chi_sq.min()))
    return Answer(printed, assumed=Answer(best))


def energies_of_miniboone_at_A(_: Samples) -> Answer:
    return _p_value(BENCHMARK_A)


def energies_of_miniboone_at_B(_: Samples) -> Answer:
    return _p_value(BENCHMARK_B)


@functools.cache
def _forward(theta: DarkParameters) -> Answer:
    own = spectra.analyses()["cos_theta"]
    sample = fit.sample_at(theta, miniboone.MINIBOONE, 2**12, 2, SEED)
    signal = Kernel(sample).events(theta, own)
    excess = own.observed - own.background
    share, of_excess = signal.mean[-1] / signal.mean.sum(), excess[-1] / excess.sum()
    error = np.sqrt(signal.variance[-1]) / signal.mean.sum()
    return Answer(float(share / of_excess), float(error / of_excess))


def angles_of_miniboone_at_A(_: Samples) -> Answer:
    return _forward(BENCHMARK_A)


def angles_of_miniboone_at_B(_: Samples) -> Answer:
    return _forward(BENCHMARK_B)


def t2k_leaves_some_of_miniboone(_: Samples) -> Answer:
    heavy = planes.over_space("heavy", (12, 10, 48))
    level = (1 + float(chi2.cdf(2 * exclusion_threshold(0.90, 2), 1))) / 2  # of one parameter, one-sided
    return Answer(1 - fit.share_left(heavy.inside(2, 3), heavy.excluded("T2K", level)))

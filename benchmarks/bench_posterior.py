"""What a posterior of six parameters costs: likelihoods from the table, fifty autocorrelation times of a chain."""

from time import process_time

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.inference.posterior import BOUNDS, Prior, sample_chain

ANALYSES = {"I": dk.ANALYSIS_I, "I+II": dk.ANALYSIS_I + dk.ANALYSIS_II}

on_one_core = pytest.mark.benchmark(timer=process_time)


@on_one_core
@pytest.mark.parametrize("name", list(ANALYSES))
def test_likelihoods_of_six_parameters(benchmark, name):
    """Ten thousand points of the prior, heavy and light: a million in a minute."""
    lnL = dk.PointLikelihood(None, ANALYSES[name], dk.BENCHMARK_B, BOUNDS)
    vectors = Prior.of(lnL).values(np.random.default_rng(1).random((10_000, 6)))
    benchmark.pedantic(lnL.of_vector, args=(vectors,), rounds=5, warmup_rounds=1)
    benchmark.extra_info["likelihoods a minute"] = 60 * len(vectors) / benchmark.stats.stats.min
    assert benchmark.stats.stats.min < 0.6


@on_one_core
def test_a_posterior(benchmark):
    """Both analyses: fifty autocorrelation times of the slowest parameter in three minutes."""
    lnL = dk.PointLikelihood(None, ANALYSES["I+II"], dk.BENCHMARK_B, BOUNDS)
    chain = benchmark.pedantic(sample_chain, args=(lnL, 3000), kwargs={"n_walkers": 64}, rounds=1)
    times = len(chain.u) / chain.autocorrelation_time(300).max()
    benchmark.extra_info["autocorrelation times"] = times
    assert benchmark.stats.stats.min * 50 / times < 180

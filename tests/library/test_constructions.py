"""p-values by Feldman and Cousins, CLs and Bayes: published limits, closed forms, and two ways to one number."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import nbinom

import darkpkg as dk
from darkpkg.inference.constructions import bayes, cls, coverage, enumerated, feldman_cousins, toys

LINE = np.arange(0.0025, 16.0, 0.005)[:, None]
"""Signals of a counting experiment; a limit is known to half a step."""


def counting(background, systematic=0.0, observed=0.0):
    return SimpleNamespace(
        observed=np.atleast_1d(observed).astype(float),
        background=np.atleast_1d(background).astype(float),
        systematic=np.atleast_1d(systematic).astype(float),
    )


def limit(values, signal=LINE):
    """The largest signal that is allowed at 90 %."""
    return signal[np.flatnonzero(values.value >= 0.1)[-1]].sum()


@pytest.mark.parametrize(
    ("background", "observed", "published"),
    [(0.0, 0, 2.44), (0.5, 0, 1.94), (1.0, 0, 1.61), (0.0, 3, 7.42), (1.0, 3, 6.42), (3.0, 3, 4.42)],
)
def test_feldman_and_cousins_published_these_upper_limits(background, observed, published):
    """Table IV of Phys. Rev. D 57, 3873, whose digits are two and whose limits are lifted to fall with b."""
    here = counting(background, observed=observed)
    found = limit(feldman_cousins(LINE, here, enumerated(LINE, here)))
    assert found == pytest.approx(published, abs=0.02)


@pytest.mark.parametrize("systematic", [0.0, 0.2])
@pytest.mark.parametrize("background", [0.578, 3.0])
def test_without_counts_cls_and_bayes_are_a_ratio_of_probabilities(background, systematic):
    """P(0) with the signal over P(0) without, by the two gammas of mean μ and μ(1 + η²)."""
    here, outcomes = counting(background, systematic), enumerated(LINE, counting(background, systematic))
    width = max(systematic, 1e-9) ** 2
    ratio = np.log1p(width * (background + LINE[:, 0])) - np.log1p(width * background)
    np.testing.assert_allclose(cls(LINE, here, outcomes).value, np.exp(-ratio / width), rtol=1e-6)
    alpha = 1 / width + (1 if systematic else 0)
    tail = np.exp(-(alpha - 1) * ratio)
    np.testing.assert_allclose(bayes(LINE, here).value, tail, rtol=2e-4, atol=1e-6)  # the trapezium's error


def test_all_outcomes_add_up_to_one():
    for analysis in (counting(0.578, 0.2), counting([2.0, 0.1], [0.0, 0.5]), dk.ANALYSIS_I):
        signal = np.linspace(0, 10, 7)[:, None] * np.ones(len(analysis.background))
        np.testing.assert_allclose(enumerated(signal, analysis).weights(signal).sum(axis=0), 1, atol=1e-12)


def test_an_outcome_has_the_probability_of_a_negative_binomial():
    here, signal = counting([2.0, 0.5], [0.3, 0.2]), np.array([[1.0, 4.0]])
    outcomes = enumerated(signal, here)
    expected = [
        nbinom.pmf(n, 1 / eta**2, 1 / (1 + eta**2 * mu))
        for n, eta, mu in zip(outcomes.counts.T, (0.3, 0.2), (3.0, 4.5), strict=True)
    ]
    np.testing.assert_allclose(outcomes.weights(signal)[:, 0], np.prod(expected, axis=0), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("method", [feldman_cousins, cls])
def test_toys_of_a_mixture_agree_with_all_outcomes(method):
    signal = np.linspace(0.1, 12, 60)[:, None] * [0.8, 0.2]
    exact = method(signal, dk.ANALYSIS_I, enumerated(signal, dk.ANALYSIS_I))
    drawn = method(signal, dk.ANALYSIS_I, toys(signal, dk.ANALYSIS_I, 40_000, seed=1))
    assert (exact.error == 0).all()
    likely = exact.value > 0.02
    pulls = (drawn.value - exact.value)[likely] / drawn.error[likely]
    assert np.abs(pulls).max() < 5  # neighbours share toys: four sigma among 40 correlated ones, and one more
    assert drawn.error[likely].max() < 0.02  # of CLs, a ratio of two; half of it for the other


def test_toys_of_a_mixture_agree_with_toys_of_the_point_alone():
    """In both analyses together, 42 bins, where nothing can be enumerated."""
    both = dk.ANALYSIS_I + dk.ANALYSIS_II
    rng = np.random.default_rng(3)
    shape = np.concatenate([[0.8, 0.2], rng.dirichlet(np.ones(40))])
    signal = np.geomspace(0.3, 60, 24)[:, None] * shape
    mixed = feldman_cousins(signal, both, toys(signal, both, 30_000, seed=4))
    for i in (4, 12, 18):
        alone = dataclasses.replace(toys(signal[[i]], both, 10_000, seed=5), measure=np.zeros(10_000))
        own = alone.counts[np.arange(len(alone.counts)) % 2 == 1]  # the other half has no signal
        p = np.mean(_at_least(own, signal, both, i))
        error = np.hypot(np.sqrt(p * (1 - p) / len(own)), mixed.error[i])
        assert abs(mixed.value[i] - p) < 4 * error + 1e-4


def _at_least(counts, signal, analysis, i):
    """Whether point i is as bad for these counts as for ours, by the likelihood of the library itself."""
    from darkpkg.inference.likelihood import effective_log_likelihood

    mean = np.vstack([signal, 0 * signal[:1]]) + analysis.background

    def delta(n):
        lnL = effective_log_likelihood(n[:, None], mean, (analysis.systematic * mean) ** 2).sum(axis=-1)
        return lnL.max(axis=1) - lnL[:, i]

    return delta(counts) >= delta(analysis.observed[None]) - 1e-9


def test_the_rule_of_the_paper_covers_more_than_it_says_where_outcomes_are_few():
    """One bin without background: the true s = 2.5 is excluded by −Δ ln L > 2.303 for n = 0 or n ≥ 8."""
    here, line = counting(1e-9), np.arange(0.0, 30.0, 0.01)[:, None]
    found = coverage(line, here, enumerated(line, here), dk.exclusion_threshold(0.90)).value[250]
    n = np.arange(40)
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = 2.5 - n + np.where(n > 0, n * np.log(n / 2.5), 0.0)
    from scipy.stats import poisson

    assert found == pytest.approx(poisson.pmf(n, 2.5)[fall <= np.log(10)].sum(), abs=1e-9)


def test_too_many_outcomes_and_other_bins_are_refused():
    with pytest.raises(ValueError, match=r"outcomes must be at most 300000, got counts up to .*: use toys"):
        enumerated(np.ones((1, 42)), dk.ANALYSIS_I + dk.ANALYSIS_II)
    with pytest.raises(ValueError, match=r"signal must be \(points, 2 bins\), got shape \(3, 1\)"):
        feldman_cousins(np.ones((3, 1)), dk.ANALYSIS_I, enumerated(np.ones((1, 2)), dk.ANALYSIS_I))
    with pytest.raises(ValueError, match="signal must be zero or more, got -1"):
        cls(-np.ones((1, 2)), dk.ANALYSIS_I, enumerated(np.ones((1, 2)), dk.ANALYSIS_I))

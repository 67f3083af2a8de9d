"""The effective likelihood against the printed formula in high precision, and against what a likelihood must do."""

import dataclasses

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from darkpkg.inference.likelihood import effective_log_likelihood, log_likelihood
from darkpkg.method.expectation import Expectation

# Rounding of a sum of ten terms, some about a thousand times larger than the sum.
RELATIVE, ABSOLUTE = 1e-12, 1e-11


def as_printed(k, mu, variance):
    """The formula of arXiv:1901.04645 with 80 digits: it loses sixty of them at the smallest variance."""
    with mpmath.workdps(80):
        k, mu, variance = mpmath.mpf(k), mpmath.mpf(mu), mpmath.mpf(variance)
        alpha, beta = mu**2 / variance + 1, mu / variance
        value = alpha * mpmath.log(beta) + mpmath.loggamma(k + alpha) - mpmath.loggamma(k + 1)
        return float(value - (k + alpha) * mpmath.log(1 + beta) - mpmath.loggamma(alpha))


@pytest.mark.parametrize("k", [0, 1, 2, 7, 40, 300, 2000])
def test_it_is_the_printed_formula_at_every_variance(k):
    for mu in (1e-6, 0.015, 0.578, 2.3, 17.0, 400.0, 5000.0):
        for relative_variance in (1e-20, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 0.04, 0.3, 1.0, 5.0, 30.0):
            variance = relative_variance * mu**2
            value = effective_log_likelihood(k, mu, variance)
            assert value == pytest.approx(as_printed(k, mu, variance), rel=RELATIVE, abs=ABSOLUTE)


@given(st.integers(0, 2000), st.floats(1e-8, 1e4), st.floats(1e-20, 30))
def test_it_is_the_printed_formula_where_nobody_chose(k, mu, relative_variance):
    variance = relative_variance * mu**2
    value = effective_log_likelihood(k, mu, variance)
    assert value == pytest.approx(as_printed(k, mu, variance), rel=RELATIVE, abs=ABSOLUTE)


@given(st.integers(0, 2000), st.floats(1e-6, 3000))
def test_without_variance_it_is_the_poisson(k, mu):
    # scipy's own rounding: k ln μ − ln k! cancels.
    assert effective_log_likelihood(k, mu, 0.0) == pytest.approx(stats.poisson.logpmf(k, mu), rel=1e-11, abs=1e-10)


@pytest.mark.parametrize(("k", "mu"), [(0, 2.3), (2, 1.0), (5, 2.0), (40, 60.0)])
def test_its_first_departure_from_the_poisson_is_that_of_the_expansion(k, mu):
    """ln L = ln Poisson + r [μ²/2 − (k+1) μ + k(k+1)/2] + O(r²) with r = σ²/μ²."""
    r = 1e-8
    departure = effective_log_likelihood(k, mu, r * mu**2) - effective_log_likelihood(k, mu, 0.0)
    # Rounding of 1e-14 and a second order of about 1e5 r² against a first of 0.3 r or more.
    assert departure / r == pytest.approx(mu**2 / 2 - (k + 1) * mu + k * (k + 1) / 2, rel=1e-4)


@given(st.integers(0, 200), st.floats(0.1, 100), st.floats(0.01, 5))
def test_it_is_a_negative_binomial(k, mu, relative_variance):
    variance = relative_variance * mu**2
    successes, probability = mu**2 / variance + 1, (mu / variance) / (1 + mu / variance)
    expected = stats.nbinom.logpmf(k, successes, probability)
    assert effective_log_likelihood(k, mu, variance) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("mu", "variance"), [(0.578, 0.0), (0.578, 0.013), (3.0, 4.0), (40.0, 64.0), (2.0, 50.0)])
def test_probabilities_of_all_counts_add_up_to_one(mu, variance):
    k = np.arange(5000)
    probability = np.exp(effective_log_likelihood(k, mu, variance))
    assert probability.sum() == pytest.approx(1, abs=1e-10)
    # Its gamma prior has its mode, not its mean, at μ: the counts have mean μ + v and variance (μ + v)(1 + v).
    v = variance / mu
    assert (k * probability).sum() == pytest.approx(mu + v, rel=1e-9)
    assert (k**2 * probability).sum() - (mu + v) ** 2 == pytest.approx((mu + v) * (1 + v), rel=1e-8)


@given(st.floats(1e-6, 1e3), st.floats(1e-6, 10))
def test_no_counts_have_a_closed_form(mu, relative_variance):
    expected = -(1 + 1 / relative_variance) * np.log1p(relative_variance * mu)
    assert effective_log_likelihood(0, mu, relative_variance * mu**2) == pytest.approx(expected, rel=1e-9)


def test_with_nothing_seen_more_expected_is_always_less_likely():
    mu = np.geomspace(1e-6, 1e4, 400)
    for relative in (0.0, 0.04, 1.0):
        assert np.all(np.diff(effective_log_likelihood(0, mu, relative * mu**2)) < 0)


@pytest.mark.parametrize("relative_error", [0.0, 0.2, 1.0])
def test_the_best_expectation_is_the_observed_number_over_one_plus_its_relative_variance(relative_error):
    """With σ = ημ, k ln x − (k+α) ln(1+x) with x = η²μ and α = 1 + 1/η² is largest at μ = k/(1+η²)."""
    mu = np.linspace(1, 40, 39001)
    best = mu[np.argmax(effective_log_likelihood(12, mu, (relative_error * mu) ** 2))]
    assert best == pytest.approx(12 / (1 + relative_error**2), abs=1e-3)  # the grid


def test_a_mean_of_zero_allows_zero_counts_only():
    assert effective_log_likelihood([0, 1, 5], 0.0, 0.0).tolist() == [0, -np.inf, -np.inf]


def test_arguments_broadcast():
    value = effective_log_likelihood([[0], [1], [2]], [0.5, 1.0, 2.0, 4.0], 0.01)
    assert value.shape == (3, 4)
    assert value[2, 1] == effective_log_likelihood(2, 1.0, 0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1.0, 0.0), "observed must be zero or more, got -1"),
        ((0, [1.0, -0.5], 0.0), "mean must be zero or more, got -0.5"),
        ((0, 1.0, -1e-9), "variance must be zero or more, got -1e-09"),
        ((0, np.nan, 0.0), "mean must be a number, got nan"),
    ],
)
def test_negative_input_is_refused_with_its_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        effective_log_likelihood(*arguments)


@dataclasses.dataclass(frozen=True)
class Counts:
    """Two bins of a toy: the likelihood asks for no more."""

    observed: np.ndarray
    background: np.ndarray
    systematic: np.ndarray


def test_signal_and_background_enter_as_in_equations_29_and_30():
    """ν = b + μ, σ² = Σw² + η²ν², bins multiply."""
    counts = Counts(np.array([1.0, 0.0]), np.array([0.563, 0.015]), np.array([0.20, 0.10]))
    value = log_likelihood(Expectation(np.array([2.0, 0.5]), np.array([0.09, 0.04])), counts)
    first = as_printed(1, 2.563, 0.09 + 0.20**2 * 2.563**2)
    second = as_printed(0, 0.515, 0.04 + 0.10**2 * 0.515**2)
    assert value == pytest.approx(first + second, rel=1e-12)


def test_likelihood_of_a_plane_has_the_shape_of_the_plane():
    counts = Counts(np.zeros(2), np.array([0.563, 0.015]), np.full(2, 0.2))
    value = log_likelihood(Expectation(np.ones((4, 5, 2)), np.zeros((4, 5, 2))), counts)
    assert value.shape == (4, 5)
    assert np.ptp(value) == 0


def test_a_mean_below_zero_counts_as_zero():
    """A local-linear kernel can give one to a bin with few events at an edge."""
    counts = Counts(np.array([1.0, 0.0]), np.array([0.563, 0.015]), np.array([0.20, 0.10]))
    below = Expectation(np.array([-0.3, -0.01]), np.full(2, 0.01))
    zero = Expectation(np.zeros(2), np.full(2, 0.01))
    assert log_likelihood(below, counts) == log_likelihood(zero, counts)


def test_data_without_any_expectation_are_impossible():
    nothing = Expectation(np.zeros(2), np.zeros(2))
    counts = Counts(np.array([1.0, 0.0]), np.array([0.0, 0.6]), np.zeros(2))
    assert log_likelihood(nothing, counts) == -np.inf


@pytest.mark.parametrize(
    ("mean", "message"),
    [
        ([np.nan, 1.0], "mean must be a number, got nan"),
        ([np.inf, 1.0], "mean must be at most 1e"),
        ([1.0, 1.0, 1.0], r"prediction must have 2 bins, got an array of shape \(3,\)"),
        (1.0, r"prediction must have 2 bins, got an array of shape \(\)"),
    ],
)
def test_a_prediction_that_is_none_is_refused(mean, message):
    with pytest.raises(ValueError, match=message):
        log_likelihood(Expectation(np.asarray(mean), np.zeros(np.shape(mean))), Counts(*np.full((3, 2), 0.1)))

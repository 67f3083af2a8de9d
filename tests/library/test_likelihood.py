"""The effective likelihood against the printed formula in high precision, and against what a likelihood must do."""

import dataclasses

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special, stats
from toy_sample import LENGTH, B, counting, toy_rate, toy_sample

import darkpkg as dk
from darkpkg.datasets import DataIntegrityError
from darkpkg.inference.likelihood import (
    barlow_beeston_log_likelihood,
    effective_log_likelihood,
    log_likelihood,
    marginal_log_likelihood,
    profiled_log_likelihood,
)
from darkpkg.inference.threshold import no_signal
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
    """Two bins of a toy: the likelihood needs no more."""

    observed: np.ndarray
    background: np.ndarray
    systematic: np.ndarray
    shared: tuple = ()


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


class TestFiniteSimulation:
    @given(st.integers(0, 300), st.floats(0.01, 500.0), st.floats(1e-4, 3.0))
    def test_without_the_plus_one_it_is_a_negative_binomial_of_the_same_mean(self, k, mu, relative_variance):
        r = 1 / relative_variance
        value = effective_log_likelihood(k, mu, relative_variance * mu**2, mean_preserving=True)
        # That of scipy loses digits where r is large.
        assert value == pytest.approx(stats.nbinom.logpmf(k, r, r / (r + mu)), rel=1e-9, abs=1e-9)

    @given(st.integers(0, 100), st.floats(0.01, 200.0), st.floats(0.01, 2.0))
    def test_one_factor_is_at_its_best(self, k, mu, width):
        """Barlow-Beeston lite, by a minimiser."""

        def lnL(beta):
            return k * np.log(beta * mu) - beta * mu - special.gammaln(k + 1) - (beta - 1) ** 2 / (2 * width**2)

        best = optimize.minimize_scalar(lambda b: -lnL(b), bounds=(1e-12, k / mu + 2), options={"xatol": 1e-10})
        found = barlow_beeston_log_likelihood(k, mu, (width * mu) ** 2)
        assert found == pytest.approx(-best.fun, abs=1e-6)  # the minimiser's, at the end of its range

    @pytest.mark.parametrize("k", [0, 3])
    def test_of_means_and_variances_next_to_zero_it_is_the_poisson_or_the_best_factor(self, k):
        """No error: the Poisson. An error far above the mean: the factor is free, and the mean k or zero."""
        alone = barlow_beeston_log_likelihood(k, 2.0, [0.0, 5e-324, 1e-30])
        np.testing.assert_allclose(alone, stats.poisson.logpmf(k, 2.0), rtol=1e-14)
        free = barlow_beeston_log_likelihood(k, 5e-324, 1e40)
        assert free == pytest.approx(stats.poisson.logpmf(k, k) if k else 0.0, abs=1e-12)

    def test_all_are_the_poisson_without_variance(self):
        signal = Expectation(np.array([[0.5, 2.0]]), np.zeros((1, 2)))
        here = dataclasses.replace(dk.ANALYSIS_I.with_observed([3, 1]).with_errors("all"), shared=())
        expected = stats.poisson.logpmf([3, 1], signal.mean + here.background).sum()
        for finite in ("effective", "mean-preserving", "barlow-beeston"):
            assert log_likelihood(signal, here, finite) == pytest.approx(expected, rel=1e-12)
        with pytest.raises(ValueError, match=r"finite must be .*, got 'poisson'"):
            log_likelihood(signal, here, "poisson")


class TestSharedErrors:
    """Poisson counts with a parameter for each systematic error, at its best value."""

    K, B = np.array([12.0, 30.0, 0.0]), np.array([10.0, 22.0, 0.4])
    ETA = np.array([0.2, 0.1, 0.3])
    SIGNAL = Expectation(np.array([[3.0, 2.0, 1.0], [0.0, 0.0, 0.0], [200.0, 1e-3, 40.0]]), np.zeros((3, 3)))

    def counts(self, shared, systematic=(0.0, 0.0, 0.0)):
        return Counts(self.K, self.B, np.array(systematic), shared)

    def test_without_any_error_it_is_the_poisson(self):
        value = log_likelihood(self.SIGNAL, self.counts(((0.0, 0.0, 0.0),)))
        by_scipy = stats.poisson.logpmf(self.K, self.SIGNAL.mean + self.B).sum(axis=-1)
        np.testing.assert_allclose(value, by_scipy, rtol=1e-12)

    def test_sources_of_one_bin_each_make_a_product_over_bins(self):
        """As do the errors that each bin has on its own, and a part of each."""
        own = profiled_log_likelihood(self.SIGNAL, self.counts((), self.ETA))
        product = 0.0
        for b in range(3):
            one = Counts(*(values[b : b + 1] for values in (self.K, self.B, self.ETA)))
            product += profiled_log_likelihood(Expectation(self.SIGNAL.mean[:, b : b + 1], np.zeros((3, 1))), one)
        np.testing.assert_allclose(own, product, rtol=1e-12)
        sources = np.diag(self.ETA)
        np.testing.assert_allclose(log_likelihood(self.SIGNAL, self.counts(sources)), own, rtol=1e-10)
        half = self.counts(sources * np.sqrt(0.5), self.ETA * np.sqrt(0.5))
        np.testing.assert_allclose(log_likelihood(self.SIGNAL, half), own, rtol=1e-10)

    @pytest.mark.parametrize("eta", [0.02, 0.2, 1.0])
    def test_one_shared_parameter_agrees_with_its_numerical_profile_and_integral(self, eta):
        value = log_likelihood(self.SIGNAL, self.counts((np.full(3, eta),)))
        z = np.linspace(-12, 12, 200_001)
        for found, mean in zip(value, self.SIGNAL.mean, strict=True):
            lnL = stats.poisson.logpmf(self.K[:, None], (mean + self.B)[:, None] * np.exp(eta * z)).sum(axis=0)
            heights = lnL - z**2 / 2
            # A parabola at the top of a grid of 1.2e-4.
            assert found == pytest.approx(heights.max(), abs=1e-6)
            integral = np.log(np.sum(np.exp(heights - heights.max())) * (z[1] - z[0]) / np.sqrt(2 * np.pi))
            averaged = marginal_log_likelihood(Expectation(mean, np.zeros(3)), self.counts((np.full(3, eta),)))
            # Laplace's is right to second order, with corrections of a fraction of η² or 1/counts.
            assert averaged == pytest.approx(integral + heights.max(), abs=0.02)

    @pytest.mark.parametrize("systematic", [0.0, 0.15])
    def test_several_sources_and_errors_of_bins_are_averaged(self, systematic):
        """By a hundred thousand draws: rate and tilt, and an own error of each bin."""
        shared = np.array([[0.2, 0.2, 0.2], [-0.1, 0.0, 0.1]])
        rng = np.random.default_rng(5)
        u = rng.standard_normal((100_000, 2)) @ shared + systematic * rng.standard_normal((100_000, 3))
        averaged = marginal_log_likelihood(self.SIGNAL, self.counts(shared, np.full(3, systematic)))
        for i in (0, 1):  # the third signal is far from the counts
            mean = (self.SIGNAL.mean[i] + self.B) * np.exp(u)
            likelihoods = np.exp(stats.poisson.logpmf(self.K, mean).sum(axis=1))
            error = likelihoods.std() / likelihoods.mean() / np.sqrt(len(u))
            assert averaged[i] == pytest.approx(np.log(likelihoods.mean()), abs=0.01 + 4 * error)

    def test_errors_of_the_background_alone_are_averaged_alone(self):
        """Without a signal they are those of the total, and what has no error has the Poisson."""
        of_background = dk.ANALYSIS_II.with_errors("beam", uncorrelated=0.0, of="background")
        total = dk.ANALYSIS_II.with_errors("beam", uncorrelated=0.0)
        nothing = no_signal(total)
        for likelihood in (marginal_log_likelihood, profiled_log_likelihood):
            assert likelihood(nothing, of_background) == pytest.approx(likelihood(nothing, total), rel=1e-12)
        of_signal = dk.ANALYSIS_II.with_errors("beam", uncorrelated=0.0, of="signal")
        exact = stats.poisson.logpmf(total.observed, total.background).sum()
        assert marginal_log_likelihood(nothing, of_signal) == pytest.approx(exact, rel=1e-12)

    def test_the_statistical_error_is_an_own_error_of_each_bin(self):
        relative = 0.3
        signal = Expectation(self.SIGNAL.mean, (relative * (self.SIGNAL.mean + self.B)) ** 2)
        value = log_likelihood(signal, self.counts(((0.1, 0.1, 0.1),)))
        as_systematic = log_likelihood(self.SIGNAL, self.counts(((0.1, 0.1, 0.1),), np.full(3, relative)))
        np.testing.assert_allclose(value, as_systematic, rtol=1e-12)

    def test_impossible_data_stay_impossible_and_huge_signals_have_a_number(self):
        impossible = Counts(np.array([1.0, 0.0]), np.array([0.0, 0.6]), np.zeros(2), ((0.1, 0.1),))
        assert log_likelihood(Expectation(np.zeros(2), np.zeros(2)), impossible) == -np.inf
        huge = Expectation(np.array([1e20, 1e-20, 1e3]), np.array([1e38, 0.0, 1.0]))
        assert np.isfinite(log_likelihood(huge, self.counts(((0.3, 0.1, -0.2), (0.0, 0.2, 0.2)))))

    def test_an_analysis_carries_them_through_sums_and_projections(self):
        one = dataclasses.replace(dk.ANALYSIS_I, shared=((0.1, 0.1),))
        other = dataclasses.replace(dk.ANALYSIS_I.channels[0], pot=1e20)
        both = dk.Analysis("II", (other,), "", ((0.2,),)) + one
        assert both.shared == ((0.2, 0.0, 0.0), (0.0, 0.1, 0.1))
        assert dk.project(one).shared == one.shared
        with pytest.raises(ValueError, match="shared must have 2 bins for each source"):
            dataclasses.replace(dk.ANALYSIS_I, shared=((0.1,),))

    @staticmethod
    def with_shared(eta):
        return dataclasses.replace(counting(background=20.0, observed=20.0), shared=((eta,),))

    @staticmethod
    def falls_short(rate, analysis):
        """−Δ ln L of a rate of signal that is known exactly, less its threshold."""
        signal = Expectation(np.atleast_1d(rate), np.zeros(1))
        return float(log_likelihood(no_signal(analysis), analysis) - log_likelihood(signal, analysis)) - np.log(10)

    @pytest.mark.parametrize("eta", [0.0, 0.2, 0.6])
    def test_scans_intervals_lifetimes_and_verdicts_have_the_limit_that_they_leave(self, eta):
        """One limit on the rate, found by hand; 20,000 events know the rate to 0.7 %, whose square is lost in η²."""
        kernel, analysis = dk.Kernel(toy_sample()), self.with_shared(eta)
        limit = optimize.brentq(self.falls_short, 1.0, 1000.0, args=(analysis,))
        tolerance = 2e-3  # the statistical error squared, over the Poisson error of some ten events in twenty squared
        column = dk.Slice(B, V_muN_sq=np.geomspace(1e-12, 1, 13))
        (interval,) = dk.excluded_intervals(kernel, column, analysis)
        assert toy_rate(B.replace(V_muN_sq=interval.low)) == pytest.approx(limit, rel=tolerance)
        scan = dk.scan(kernel, column, analysis)
        rates = toy_rate(column.parameters)
        np.testing.assert_allclose(
            np.clip(scan.log_excess(), -30, 30), np.clip(np.log(rates / limit), -30, 30), atol=tolerance
        )
        produced = 1.5 * limit
        shortest, longest = dk.excluded_lifetimes(kernel, B, analysis, produced)
        seen = produced * -np.expm1(-LENGTH * 0.1 / np.sqrt(1 - 0.1**2) / longest)
        assert shortest == 0
        assert seen == pytest.approx(limit, rel=tolerance)
        for factor, status in ((0.9, "not excluded"), (1.1, "excluded")):
            point = B.replace(V_muN_sq=factor * interval.low)
            verdict = dk.check(kernel, point, analysis)
            assert verdict.status == status
            expected = self.falls_short(toy_rate(point), analysis) + np.log(10)
            assert verdict.minus_delta_log_likelihood == pytest.approx(expected, rel=5 * tolerance)

    def test_a_scan_in_a_file_has_them(self, tmp_path):
        analysis = self.with_shared(0.6)
        column = dk.Slice(B, V_muN_sq=np.geomspace(1e-12, 1, 13))
        scan = dk.scan(dk.Kernel(toy_sample()), column, analysis, refine=1)
        assert np.nanmax(scan.log_excess_error()) > 0
        again = dk.read_scan(dk.write_scan(scan, tmp_path / "shared.csv"))
        np.testing.assert_array_equal(again.log_excess(), scan.log_excess())
        assert again.analysis.shared == analysis.shared

    def test_several_analyses_in_one_check_add_up_unless_they_share_an_error(self):
        """Two searches of one beam: apart, ln L is a sum; an error in common lets both move at once."""
        kernel = dk.Kernel(toy_sample())
        one = self.with_shared(0.5)
        channel = dataclasses.replace(one.channels[0], pot=2e21)
        other = dk.Analysis("other", (channel,), shared=one.shared)
        apart, together = one + other, dataclasses.replace(one + other, shared=((0.5, 0.5),))
        point = B.replace(V_muN_sq=B.V_muN_sq * 30 / toy_rate(B))
        fall = {a.name: dk.check(kernel, point, a).minus_delta_log_likelihood for a in (one, other, apart)}
        assert fall["toy + other"] == pytest.approx(fall["toy"] + fall["other"], rel=1e-9)
        shared = dk.check(kernel, point, together)
        assert shared.minus_delta_log_likelihood < fall["toy + other"]
        by_hand = log_likelihood(no_signal(together), together) - log_likelihood(shared.expectation, together)
        assert shared.minus_delta_log_likelihood == pytest.approx(float(by_hand), rel=1e-12)


class TestOwnLikelihood:
    """A function of one's own, wherever a likelihood is taken."""

    @staticmethod
    def poisson(signal, analysis):
        return stats.poisson.logpmf(analysis.observed, signal.mean + analysis.background).sum(axis=-1)

    def test_scans_intervals_lifetimes_and_verdicts_take_it(self, tmp_path):
        """Where nothing is uncertain, a Poisson is the default; else it excludes more."""
        kernel, likelihood = dk.Kernel(toy_sample()), {"likelihood": self.poisson}
        sure, unsure = counting(background=3.0, observed=3.0), counting(3.0, 3.0, systematic=0.5)
        column = dk.Slice(B, V_muN_sq=np.geomspace(1e-12, 1, 13))
        ends = {}
        for name, options in (("default", {}), ("own", likelihood)):
            (interval,) = dk.excluded_intervals(kernel, column, unsure, **options)
            shortest, _ = dk.excluded_lifetimes(kernel, B, unsure, 30.0, **options)
            verdict = dk.check(kernel, B.replace(V_muN_sq=2 * interval.low), unsure, **options)
            ends[name] = interval.low, verdict.minus_delta_log_likelihood
            assert verdict.status == "excluded"
            assert shortest == 0
        assert ends["own"][0] < 0.9 * ends["default"][0]
        own, default = dk.scan(kernel, column, sure, **likelihood), dk.scan(kernel, column, sure)
        # The sample has 20,000 events, whose error is in the default alone.
        np.testing.assert_allclose(own.log_excess(), default.log_excess(), atol=1e-3)
        np.testing.assert_allclose(own.log_excess_error(), default.log_excess_error(), rtol=1e-2)
        path = dk.write_scan(own, tmp_path / "own.csv")
        np.testing.assert_array_equal(dk.read_scan(path, self.poisson).log_excess(), own.log_excess())
        with pytest.raises(DataIntegrityError, match="log_likelihood does not follow from the others"):
            dk.read_scan(path)

    @pytest.mark.parametrize("wrong", [lambda *_: np.nan, lambda signal, _: signal.mean])
    def test_what_is_not_one_number_for_each_point_is_refused(self, wrong):
        with pytest.raises(ValueError, match="likelihood must be one number for each of the points"):
            dk.scan(dk.Kernel(toy_sample()), B, counting(), likelihood=wrong)


@pytest.mark.parametrize("finite", ["effective", "mean-preserving"])
def test_without_an_error_of_the_simulation_the_sum_over_bins_is_the_same(finite):
    """A negative binomial in its own form; bins without an expectation allow no counts."""
    both = dk.ANALYSIS_I + dk.ANALYSIS_II
    mean = np.geomspace(1e-9, 1e9, 40)[:, None] * np.linspace(0.1, 1, 42)
    found = dk.log_likelihood(dk.Expectation(mean, np.zeros(mean.shape)), both, finite=finite)
    total = mean + both.background
    bins = dk.effective_log_likelihood(
        both.observed, total, (both.systematic * total) ** 2, mean_preserving=finite == "mean-preserving"
    )
    np.testing.assert_allclose(found, bins.sum(axis=-1), rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("function", [dk.effective_log_likelihood, barlow_beeston_log_likelihood])
@pytest.mark.parametrize("precision", [np.float16, np.float32])
def test_counts_of_less_precision_have_the_likelihood_of_their_values(function, precision):
    counts = np.array([0.001, 3.0], dtype=precision)
    np.testing.assert_array_equal(function(counts, 1.5, 0.04), function(counts.astype(float), 1.5, 0.04))

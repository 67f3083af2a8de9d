"""p-values by Feldman and Cousins, CLs and Bayes: published limits, closed forms, and two ways to one number."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import nbinom

import darkpkg as dk
from darkpkg.inference.constructions import Data, p_values
from darkpkg.inference.coverage import coverage, expected_limits
from darkpkg.inference.outcomes import Law, Method, enumerated, toys

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
    found = limit(p_values(LINE, here, "feldman-cousins"))
    assert found == pytest.approx(published, abs=0.02)


@pytest.mark.parametrize("systematic", [0.0, 0.2])
@pytest.mark.parametrize("background", [0.578, 3.0])
def test_without_counts_cls_and_bayes_are_a_ratio_of_probabilities(background, systematic):
    """P(0) with the signal over P(0) without, by the two gammas of mean μ and μ(1 + η²)."""
    here, outcomes = counting(background, systematic), enumerated(LINE, counting(background, systematic))
    width = max(systematic, 1e-9) ** 2
    ratio = np.log1p(width * (background + LINE[:, 0])) - np.log1p(width * background)
    np.testing.assert_allclose(p_values(LINE, here, "cls", outcomes).value, np.exp(-ratio / width), rtol=1e-6)
    alpha = 1 / width + (1 if systematic else 0)
    tail = np.exp(-(alpha - 1) * ratio[::8])  # each point has integrals of its own
    np.testing.assert_allclose(p_values(LINE[::8], here, "bayes").value, tail, rtol=1e-6, atol=1e-9)


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


@pytest.mark.parametrize("method", ["feldman-cousins", "cls"])
def test_toys_of_a_mixture_agree_with_all_outcomes(method):
    signal = np.linspace(0.1, 12, 60)[:, None] * [0.8, 0.2]
    exact = p_values(signal, dk.ANALYSIS_I, method)
    drawn = p_values(signal, dk.ANALYSIS_I, method, toys(signal, dk.ANALYSIS_I, 40_000, seed=1))
    assert (exact.error == 0).all()
    likely = exact.value > 0.02
    pulls = (drawn.value - exact.value)[likely] / drawn.error[likely]
    assert np.abs(pulls).max() < 5  # neighbours share toys: four sigma among 40 correlated ones, and one more
    assert drawn.error[likely].max() < 0.02  # of CLs, a ratio of two; half of it for the other


@pytest.fixture(scope="module")
def twenty():
    """Points of both analyses together, 42 bins, where nothing can be enumerated."""
    shape = np.concatenate([[0.8, 0.2], np.random.default_rng(3).dirichlet(np.ones(40))])
    return np.geomspace(0.3, 60, 20)[:, None] * shape


def test_toys_of_a_mixture_agree_with_toys_of_each_of_twenty_points_alone(twenty):
    both = dk.ANALYSIS_I + dk.ANALYSIS_II
    mixed = p_values(twenty, both, Method("feldman-cousins", 30_000, seed=4))
    alone = [toys(point[None], both, 4000, seed=5 + i).counts[1::2] for i, point in enumerate(twenty)]
    of_bins = _of_bins(twenty, both, np.max(alone))  # the other half has no signal
    for i, own in enumerate(alone):
        p = np.mean(_fall(own, of_bins, i) >= _fall(both.observed[None], of_bins, i) - 1e-9)
        # Of no toy in n, at least the error that one would have.
        error = np.hypot(np.sqrt(max(p, 1 / len(own)) * (1 - p) / len(own)), mixed.error[i])
        assert abs(mixed.value[i] - p) < 4 * error


def test_critical_values_at_95_per_cent_are_known_to_one(twenty):
    """From 100,000 toys for all twenty points together: two sets of them differ by √2 times the error.

    With less than two events of signal few counts decide, and the distance comes in jumps: a quantile there is none.
    """
    both = dk.ANALYSIS_I + dk.ANALYSIS_II
    law, found = Law.of(both, 1.0), []
    for seed in (1, 2):
        drawn = toys(twenty, both, 100_000, seed)
        distance = Data.of(drawn.counts, twenty, law).distance("feldman-cousins", law, twenty)
        order = distance.argsort(axis=0)
        below = np.take_along_axis(drawn.weights(twenty), order, axis=0).cumsum(axis=0)
        first = (below < 0.95 * below[-1]).sum(axis=0)
        found.append(np.take_along_axis(distance, order, axis=0)[first, np.arange(20)])
    apart = np.log(found[0] / found[1])[twenty.sum(axis=1) > 2]
    assert len(apart) == 15
    assert np.sqrt(np.mean(apart**2) / 2) < 0.01


def _of_bins(signal, analysis, most):
    """ln L of each bin for each count that it can have, at each point and without signal, by the library itself."""
    from darkpkg.inference.likelihood import effective_log_likelihood

    mean = (np.vstack([signal, 0 * signal[:1]]) + analysis.background).T[:, None]
    counts = np.arange(most + 1)[:, None]
    return effective_log_likelihood(counts, mean, (analysis.systematic[:, None, None] * mean) ** 2)


def _fall(counts, of_bins, i):
    """−Δ ln L of point i for each of the counts (n, bins)."""
    lnL = sum(of_bin[n] for of_bin, n in zip(of_bins, counts.T.astype(int), strict=True))
    return lnL.max(axis=1) - lnL[:, i]


def test_the_rule_of_the_paper_covers_more_than_it_says_where_outcomes_are_few():
    """One bin without background: the true s = 2.5 is excluded by −Δ ln L > 2.303 for n = 0 or n ≥ 8."""
    here, line = counting(1e-9), np.arange(0.0, 30.0, 0.01)[:, None]
    found = coverage(line, here).value[250]
    n = np.arange(40)
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = 2.5 - n + np.where(n > 0, n * np.log(n / 2.5), 0.0)
    from scipy.stats import poisson

    assert found == pytest.approx(poisson.pmf(n, 2.5)[fall <= np.log(10)].sum(), abs=1e-9)


def test_too_many_outcomes_and_other_bins_are_refused():
    with pytest.raises(ValueError, match=r"outcomes must be at most 300000, got counts up to .*: use toys"):
        enumerated(np.ones((1, 42)), dk.ANALYSIS_I + dk.ANALYSIS_II)
    with pytest.raises(ValueError, match=r"signal must be \(points, 2 bins\), got shape \(3, 1\)"):
        p_values(np.ones((3, 1)), dk.ANALYSIS_I, "bayes")
    with pytest.raises(ValueError, match="signal must be zero or more, got -1"):
        p_values(-np.ones((1, 2)), dk.ANALYSIS_I, "cls")


def test_methods_go_by_their_names():
    with pytest.raises(ValueError, match=r"method must be .*cls.*, got 'CLS'"):
        Method("CLS")
    with pytest.raises(ValueError, match="n_toys must be"):
        Method("cls", n_toys=0)


class Line:
    """An estimator whose signal is that of the benchmark times |V_μN|²."""

    def __init__(self, spectrum):
        self.spectrum = np.asarray(spectrum)

    def events(self, parameters, analysis):
        mean = np.asarray(parameters.V_muN_sq)[..., None] * self.spectrum * np.ones_like(parameters.m_N)[..., None]
        return dk.Expectation(mean, np.zeros(mean.shape))


SPECTRUM = [0.8, 0.2]
ALONG = dk.Slice(dk.BENCHMARK_B, V_muN_sq=np.geomspace(1e-2, 1.0, 9) * 1.0)


@pytest.mark.parametrize("method", ["feldman-cousins", "cls", "bayes"])
def test_every_place_that_makes_a_limit_makes_the_same_one(method):
    """Interval, scan, contour and verdict, of Analysis I with all outcomes; a fine line by hand."""
    estimator = Line(1e2 * np.array(SPECTRUM))
    line = np.arange(0.0025, 12.0, 0.005)[:, None] * SPECTRUM
    expected = limit(p_values(line, dk.ANALYSIS_I, method), line)
    (interval,) = dk.excluded_intervals(estimator, ALONG, dk.ANALYSIS_I, method=method)
    assert 1e2 * interval.low == pytest.approx(expected, abs=0.02)  # p-values jump, and two lines differ
    assert method.split("-")[0][:2].lower() in interval.rule.lower()
    plane = dk.Slice(dk.BENCHMARK_B, m_N=[0.1, 0.11, 0.12], V_muN_sq=np.geomspace(1e-3, 1.0, 9))
    scan = dk.scan(estimator, plane, dk.ANALYSIS_I, method=method, refine=2)
    (curve,) = scan.exclusion(method=method)
    np.testing.assert_allclose(1e2 * curve[:, 1], expected, rtol=0.03)  # 1e-2 by the roots, and the line
    assert (scan.excluded(method=method) == (1e2 * scan.axes["V_muN_sq"] > expected)).all()


@pytest.mark.parametrize("method", ["likelihood", "feldman-cousins", "cls", "bayes"])
def test_a_verdict_and_lifetimes_change_where_the_p_value_does(method):
    """B is excluded by all, and by none at 0.3 of its rate; few and many upscatterings."""
    table = dk.load_table()
    for scale, status in ((1.0, "excluded"), (0.3, "not excluded")):
        point = dk.BENCHMARK_B.replace(V_muN_sq=scale * dk.BENCHMARK_B.V_muN_sq)
        verdict = dk.check(table, point, dk.ANALYSIS_I, method=method)
        assert (verdict.status, "-Delta ln L" in verdict.rule) == (status, method == "likelihood")
    shortest, longest = dk.excluded_lifetimes(
        table, dk.BENCHMARK_B, dk.ANALYSIS_I, [10.0, 100.0, 1000.0], method=method
    )
    assert np.isnan(longest[0])
    assert 0 < shortest[2] < shortest[1] < longest[1] < longest[2]


def test_a_likelihood_of_ones_own_goes_with_its_own_method():
    def mine(prediction, analysis):
        return dk.log_likelihood(prediction, analysis)

    scan = dk.scan(Line(SPECTRUM), ALONG, dk.ANALYSIS_I, likelihood=mine)
    with pytest.raises(ValueError, match=r"method must be 'likelihood' with .* your own, got 'cls' with"):
        scan.excluded(method="cls")


@pytest.mark.parametrize("method", ["feldman-cousins", "cls", "bayes", "likelihood"])
def test_expected_limits_of_a_counting_experiment_are_those_of_its_counts(method):
    """Background counts 0, 1, 2, … have limits each; the median of the experiments is that of their median."""
    here = counting(3.0, observed=3.0)
    found = expected_limits([1.0], here, method)
    line = np.arange(0.01, 20.0, 0.01)[:, None]
    of_three = limit(p_values(line, here, method), line)
    assert found.observed == found.asimov == found.quantiles[2]
    assert found.observed == pytest.approx(of_three, rel=0.01)  # steps of 1 %
    assert (np.diff(found.quantiles) > 0).all()


SHAPE = np.array([0.1, 0.6, 1.3, 1.2, 0.7, 0.4, 0.3, 0.2, 0.2] + 11 * [0.05])
"""About that of benchmark A in each beam of Analysis II."""


def test_the_errors_of_bins_may_be_common_to_channels_beams_or_all():
    both = dk.ANALYSIS_I + dk.ANALYSIS_II
    of_channels = both.with_errors("channel", uncorrelated=0.03)
    assert np.count_nonzero(of_channels.shared, axis=1).tolist() == [1, 1, 20, 20]
    assert np.count_nonzero(both.with_errors("beam").shared, axis=1).tolist() == [21, 21]
    (common,) = both.with_errors("all").shared
    np.testing.assert_array_equal(common, both.systematic)
    np.testing.assert_array_equal(of_channels.systematic, 0.03)
    with pytest.raises(ValueError, match=r"common_to must be .*, got 'bins'"):
        both.with_errors("bins")
    with pytest.raises(ValueError, match="shared_signal must have the 0 sources of shared, got 1"):
        dataclasses.replace(dk.ANALYSIS_I, shared_signal=((0.1, 0.1),))


def test_errors_of_signal_and_background_add_up_to_those_of_the_total():
    """All bins scale together: what is common to signal and background apart has the error of their sum."""
    one = dk.ANALYSIS_I.with_errors("all")
    signal = dk.Expectation(np.array([[3.0, 1.0], [0.0, 0.0]]), np.zeros((2, 2)))
    both = dataclasses.replace(one, shared_signal=one.shared)
    np.testing.assert_allclose(dk.log_likelihood(signal, both), dk.log_likelihood(signal, one), rtol=1e-12)
    of_signal = dk.log_likelihood(signal, dk.ANALYSIS_I.with_errors("all", of="signal"))
    exact = dk.log_likelihood(signal, dk.ANALYSIS_I.with_errors("all", of="background"))
    assert of_signal[1] == pytest.approx(-dk.ANALYSIS_I.background.sum())  # no signal, no error
    assert of_signal[0] > exact[0]
    more = dk.ANALYSIS_II.with_errors("all", of="signal") + dk.ANALYSIS_I.with_errors("all")
    assert [np.count_nonzero(rows) for rows in (more.shared, more.shared_signal)] == [2, 42]


def test_toys_of_the_same_errors_of_signal_and_background_apart_are_those_of_their_sum():
    """The sources of both vary together: the same factors, the same probabilities."""
    one = dk.ANALYSIS_II.with_errors("beam", uncorrelated=0.05)
    apart = dataclasses.replace(one, shared_signal=one.shared)
    line = np.geomspace(1, 60, 12)[:, None] * np.concatenate([SHAPE, 0.45 * SHAPE])
    together, separate = (toys(line, analysis, 2000, seed=6) for analysis in (one, apart))
    np.testing.assert_array_equal(together.counts, separate.counts)
    np.testing.assert_allclose(together.weights(line), separate.weights(line), rtol=1e-9)
    for more in (0.0, 1.0):  # and the same order, up to what all points share
        laws = [Law.of(analysis, more)(together.counts[:50], line) for analysis in (one, apart)]
        np.testing.assert_allclose(*(law - law[:, :1] for law in laws), atol=1e-8)


@pytest.mark.parametrize("of", ["signal", "background"])
def test_toys_scatter_by_the_error_of_what_has_one(of):
    """Mean and variance of the counts at one point, from toys of a mixture: of lognormal factors and Poisson."""
    here = dk.ANALYSIS_II.with_errors("all", of=of)
    shape = np.concatenate([SHAPE, 0.45 * SHAPE])
    line = np.array([0.0, 100.0, 200.0])[:, None] * shape / shape.sum()
    drawn = toys(line, here, 60_000, seed=7)
    weights, total = drawn.weights(line)[:, 1], drawn.counts.sum(axis=1)
    error = np.std(weights * total) / np.sqrt(len(total)) / np.mean(weights)
    share = line[1] if of == "signal" else here.background
    mean = (line[1] + here.background).sum() + (share * np.expm1(dk.ANALYSIS_II.systematic**2 / 2)).sum()
    assert np.average(total, weights=weights) == pytest.approx(mean, abs=4 * error)
    # The factor has a variance of e^{2V²} − e^{V²}, in common for all bins.
    V = dk.ANALYSIS_II.systematic
    deviation = share @ (np.exp(np.add.outer(V**2, V**2) / 2) * np.expm1(np.outer(V, V))) @ share
    assert np.cov(total, aweights=weights) == pytest.approx(mean + deviation, rel=0.04)


@pytest.mark.parametrize("of", ["signal", "background"])
@pytest.mark.parametrize("method", ["feldman-cousins", "likelihood"])
def test_limits_with_errors_of_signal_or_background_cover(method, of):
    """Feldman and Cousins by construction, the profile nearly: its χ² has one parameter more than is free."""
    here = dk.ANALYSIS_II.with_errors("beam", uncorrelated=0.03, of=of)
    line = np.append(20.0, np.geomspace(4, 100, 12))[:, None] * np.concatenate([SHAPE, 0.45 * SHAPE])
    found = coverage(line, here, Method(method, 2000), which=[0])
    if method == "feldman-cousins":
        assert abs(found.value[0] - 0.9) < 4 * (found.high - found.low)[0] / 2
    else:
        assert 0.92 < found.value[0] < 0.99


@pytest.mark.parametrize("of", ["signal", "background"])
def test_expected_limits_have_errors_of_signal_and_background_apart(of):
    """The observed one is that of p-values, from other toys; background alone scatters by its own error, too."""
    spectrum, rule = np.concatenate([SHAPE, 0.45 * SHAPE]), Method("feldman-cousins", 3000)
    here = dk.ANALYSIS_II.with_errors("all", of=of)
    found = expected_limits(spectrum, here, rule, n_experiments=100)
    line = np.geomspace(0.05, 300, 100)[:, None] * spectrum
    assert found.observed == pytest.approx(limit(p_values(line, here, rule), line) / spectrum.sum(), rel=0.15)
    assert (np.diff(found.quantiles) > 0).all()


@pytest.mark.parametrize("of", ["total", "background"])
def test_the_rule_of_a_scan_and_its_coverage_have_one_likelihood(of):
    """With errors that bins share it is the profile: p-values of `Scan` and of counts, for any counts."""
    here = dk.ANALYSIS_II.with_errors("beam", uncorrelated=0.05, of=of)
    line = np.geomspace(1, 100, 20)[:, None] * np.concatenate([SHAPE, 0.45 * SHAPE])
    lnL = dk.log_likelihood(dk.Expectation(line, np.zeros(line.shape)), here)
    best = max(lnL.max(), dk.log_likelihood(dk.Expectation(0 * line[:1], 0 * line[:1]), here)[0])
    np.testing.assert_allclose(p_values(line, here, "likelihood").value, np.exp(-(best - lnL)), rtol=1e-7)


@pytest.mark.parametrize(("common_to", "found"), [("channel", 0.54), ("all", 0.40)])
def test_common_errors_of_analysis_ii_take_the_coverage_from_the_rule_of_the_paper(common_to, found):
    """At benchmark A's limit on the rate, 18 times its own; 91 % if errors are independent as the rule has them."""
    scales = np.geomspace(1, 200, 60)
    line = scales[:, None] * np.concatenate([SHAPE, 0.45 * SHAPE])
    i = np.argmin(np.abs(scales - 18.4))
    assert coverage(line, dk.ANALYSIS_II, Method("likelihood", 20_000)).value[i] == pytest.approx(0.91, abs=0.02)
    truth = dk.ANALYSIS_II.with_errors(common_to)
    covers = coverage(line, dk.ANALYSIS_II, Method("likelihood", 20_000), truth=truth)
    assert covers.low[i] < covers.value[i] < covers.high[i] < covers.low[i] + 0.02
    assert covers.value[i] == pytest.approx(found, abs=0.04)  # the shape here is rounded
    by_toys = coverage(line, truth, Method("feldman-cousins", 20_000))
    assert (np.abs(by_toys.value - 0.9) < 4 * (by_toys.high - by_toys.low) / 2).all()


@pytest.mark.parametrize("here", [dk.ANALYSIS_I.with_errors("all"), dk.ANALYSIS_II], ids=["common", "independent"])
def test_the_stated_error_of_a_coverage_is_its_scatter(here):
    """From seed to seed: experiments and critical values come from toys, and weights let few of them count."""
    bins = len(here.observed)
    line = np.append(0.0, np.geomspace(1, 1.5 * bins + 27, 6))[:, None] * np.full(bins, 1 / bins)
    found = [
        coverage(line, here, Method("feldman-cousins", 500, 2 * seed), which=[0, 2, 3, 4]) for seed in range(100)
    ]
    value, error = (np.array([f(one) for one in found]) for f in (lambda c: c.value, lambda c: (c.high - c.low) / 2))
    scatter = value.std(axis=0, ddof=1) / np.sqrt((error**2).mean(axis=0))
    assert (np.abs(scatter - 1) < 4 / np.sqrt(2 * len(found))).all()  # a scatter of 100 numbers has an error of 7 %


def test_toys_with_common_errors_have_the_scatter_of_these_errors():
    here = dk.ANALYSIS_II.with_errors("channel", uncorrelated=0.05)
    drawn = toys(np.zeros((1, 40)), here, 20_000, seed=3)
    total = drawn.counts[:, :20].sum(axis=1)
    mean = here.background[:20].sum()
    assert total.mean() / mean == pytest.approx(np.exp(0.23**2 / 2), abs=5 * 0.23 / np.sqrt(20_000))
    # Of a lognormal factor; Poisson and 5 % per bin are a part in a hundred of it.
    assert np.std(np.log(total)) == pytest.approx(0.23, rel=0.03)
    np.testing.assert_allclose(drawn.weights(np.zeros((1, 40))).sum(axis=0), 1, rtol=1e-9)


def test_bins_with_errors_in_common_are_ordered_as_a_negative_binomial_of_their_sum():
    """10 % in common and 20 % of each of two equal bins: the relative variance of the sum is 0.1² + 0.2²/2."""
    channel = SimpleNamespace(name="one")
    analysis = SimpleNamespace(
        background=np.array([3.0, 3.0]),
        systematic=(0.2, 0.2),
        shared=((0.1, 0.1),),
        channels=(channel,),
        bins_of=lambda _: slice(0, 2),
    )
    signal = np.outer([0.0, 1.0, 5.0, 40.0], [1.0, 1.0])
    found = Law.of(analysis, 0.0)(np.array([[4.0, 7.0], [0.0, 0.0]]), signal)
    width = 0.1**2 + 0.2**2 / 2
    mean = (signal + analysis.background).sum(axis=1)
    expected = np.stack([nbinom.logpmf(n, 1 / width, 1 / (1 + width * mean)) for n in (11, 0)])
    # Up to what all points share.
    np.testing.assert_allclose(found - found[:, :1], expected - expected[:, :1], rtol=1e-10)


FEW = np.linspace(0.0, 6.0, 9)[:, None]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda here: coverage(FEW, here, cl=np.nan), "cl must"),
        (lambda here: coverage(FEW, here, cl=1.5), r"cl must lie between 0 and 1, got 1\.5"),
        (lambda here: coverage(FEW, here, n_parameters=0), "n_parameters must be at least 1, got 0"),
        (lambda here: coverage(FEW, here, which=[99]), r"which must be indices of the 9 points, got \[99\]"),
        (lambda here: coverage(FEW, here, truth="x"), "truth must have observed, background, systematic, got 'x'"),
        (lambda here: coverage(FEW, None), "analysis must have observed, background, systematic, got None"),
        (lambda here: expected_limits([1.0], here, cl=0.0), r"cl must lie between 0 and 1, got 0\.0"),
        (lambda here: expected_limits([1.0, 1.0], here), "spectrum must have 1 bins, got shape"),
        (lambda here: p_values(FEW, here, "likelihood", n_parameters=np.nan), "n_parameters must be a whole number"),
        (lambda here: p_values(FEW, here, Method("cls", seed=-1)), "seed must be at least 0, got -1"),
    ],
)
def test_an_error_names_the_argument_of_a_rule_its_value_and_what_it_must_be(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call(counting(0.5))


def test_the_coverage_of_one_point_is_that_among_all():
    here = counting(0.5)
    # Products of matrices of other sizes are rounded in another order.
    assert coverage(FEW, here, which=3).value == pytest.approx(coverage(FEW, here).value[[3]], rel=1e-12)

"""Scans and exclusion curves, mostly on a toy sample whose rate is known in closed form."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import optimize
from scipy.stats import chi2
from toy_sample import N_EVENTS, B, Predicted, counting, toy_rate, toy_sample

import darkpkg as dk
from darkpkg.inference.likelihood import log_likelihood
from darkpkg.inference.threshold import exclusion_rule, exclusion_threshold, log_likelihood_error


@pytest.fixture(scope="module")
def toy():
    return toy_sample()


def plane(n_epsilon=7, n_V=40):
    return dk.Slice(B, epsilon=np.geomspace(1e-3, 1e-1, n_epsilon), V_muN_sq=np.geomspace(1e-8, 1.0, n_V))


class TestThreshold:
    def test_two_parameters_at_ninety_percent_are_the_2_3_of_the_paper(self):
        assert exclusion_threshold(0.90) == pytest.approx(math.log(10), rel=1e-14)
        assert round(exclusion_threshold(0.90), 1) == 2.3

    def test_one_parameter_at_ninety_percent_is_1_353(self):
        assert round(exclusion_threshold(0.90, n_parameters=1), 3) == 1.353

    @pytest.mark.parametrize("n", [1, 2, 3])
    @pytest.mark.parametrize("cl", [0.1, 0.68, 0.95, 0.9973])
    def test_it_is_half_the_quantile_of_chi_squared(self, cl, n):
        assert exclusion_threshold(cl, n) == pytest.approx(chi2.ppf(cl, n) / 2, rel=1e-12)

    @pytest.mark.parametrize("cl", [0, 1, -0.1, 90, math.nan])
    def test_a_confidence_level_that_is_none_is_refused(self, cl):
        with pytest.raises(ValueError, match=f"cl must (lie between 0 and 1|be a number), got {cl}"):
            exclusion_threshold(cl)

    @pytest.mark.parametrize("cl", ["0.9", None, [0.9], 0.9 + 0j])
    def test_a_confidence_level_that_is_no_number_is_refused(self, cl):
        with pytest.raises((TypeError, ValueError), match=r"cl must be (one number|real numbers), got"):
            exclusion_threshold(cl)

    @pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), (None, TypeError)])
    def test_a_number_of_parameters_that_is_none_is_refused(self, n, error):
        with pytest.raises(error, match="n_parameters must be"):
            exclusion_threshold(0.9, n)

    def test_the_rule_stands_in_words_beside_every_limit(self, toy):
        rule = "90 % CL for 2 parameters, -Delta ln L > 2.303"
        line = dk.Slice(B, V_muN_sq=np.geomspace(1e-12, 1, 9))
        result = dk.scan(dk.Kernel(toy), line, counting(), refine=1)
        assert exclusion_rule() == result.provenance["rule"] == rule
        assert exclusion_rule(0.95, 1) == "95 % CL for 1 parameter, -Delta ln L > 1.921"
        assert [found.rule for found in dk.excluded_intervals(dk.Kernel(toy), line, counting())] == [rule]


class TestScan:
    def test_the_toy_has_its_rate(self, toy):
        grid = plane()
        np.testing.assert_allclose(
            dk.scan(dk.Kernel(toy), grid, counting()).expectation.mean[..., 0],
            toy_rate(grid.parameters),
            rtol=1e-10,  # sums of 20 000
        )

    def test_it_is_the_likelihood_of_the_expected_events(self, toy):
        analysis = counting(observed=2, background=0.5, systematic=0.2)
        result = dk.scan(dk.Kernel(toy), plane(), analysis)
        expectation = dk.Kernel(toy).events(plane().parameters, analysis)
        np.testing.assert_array_equal(result.expectation.mean, expectation.mean)
        np.testing.assert_array_equal(result.log_likelihood, log_likelihood(expectation, analysis))
        total = 0.5 + toy_rate(plane().parameters)
        variance = toy_rate(plane().parameters) ** 2 / N_EVENTS + (0.2 * total) ** 2
        by_hand = dk.effective_log_likelihood(2, total, variance)
        np.testing.assert_allclose(result.log_likelihood, by_hand, rtol=1e-9)
        assert result.no_signal == pytest.approx(dk.effective_log_likelihood(2, 0.5, 0.01), rel=1e-14)

    def test_without_an_excess_points_are_compared_with_no_signal(self, toy):
        result = dk.scan(dk.Kernel(toy), plane(), counting(background=0.5))
        np.testing.assert_array_equal(result.minus_delta_log_likelihood, result.no_signal - result.log_likelihood)
        assert result.no_signal == -0.5

    def test_a_point_at_the_threshold_is_allowed(self):
        """−Δ ln L is the signal itself, and exclusion begins beyond the threshold."""
        exact = exclusion_threshold(0.90)
        signal = np.array([[exact], [np.nextafter(exact, 9)]])
        result = dk.scan(Predicted(lambda _: dk.Expectation(signal, 0 * signal)), np.arange(2), counting())
        np.testing.assert_array_equal(result.excluded(), [False, True])

    def test_with_an_excess_points_are_compared_with_the_best_of_them(self, toy):
        result = dk.scan(dk.Kernel(toy), plane(), counting(observed=5, background=0.5))
        assert result.minus_delta_log_likelihood.min() == 0
        assert result.log_likelihood.max() > result.no_signal
        best = result.expectation.mean[np.unravel_index(result.log_likelihood.argmax(), (7, 40))]
        assert 2.5 < best[0] < 8  # 4.5, as near as the grid has it

    def test_a_single_point_has_no_axes_and_a_verdict(self, toy):
        s = toy_rate(B)
        at_threshold = B.replace(V_muN_sq=B.V_muN_sq * math.log(10) / s)
        for factor, excluded in ((0.999, False), (1.001, True)):
            point = at_threshold.replace(V_muN_sq=at_threshold.V_muN_sq * factor)
            result = dk.scan(dk.Kernel(toy), point, counting())
            assert result.log_likelihood.shape == ()
            assert bool(result.excluded(0.90)) is excluded
            assert result.axes == {}

    def test_one_parameter_is_excluded_earlier_than_two(self, toy):
        point = B.replace(V_muN_sq=B.V_muN_sq * 2.0 / toy_rate(B))
        result = dk.scan(dk.Kernel(toy), point, counting())
        assert result.minus_delta_log_likelihood == pytest.approx(2.0, rel=1e-3)  # 1/20 000 events, times a few
        assert not result.excluded(0.90)
        assert result.excluded(0.90, n_parameters=1)
        assert not result.excluded(0.99, n_parameters=1)

    def test_the_smoothing_reaches_the_expectation(self):
        events = dk.place(dk.generate(dk.HEAVY, 30_000, seed=1), dk.ND280, seed=2)
        wide, wider = dk.Smoothing((0.5, 1.0)), dk.Smoothing((0.7, 1.2))
        for smoothing in (wide, wider):
            point = B.replace(epsilon=1e-2)
            result = dk.scan(dk.Kernel(events, smoothing), point, dk.ANALYSIS_I)
            expected = dk.Kernel(events, smoothing).events(point, dk.ANALYSIS_I)
            np.testing.assert_array_equal(result.expectation.mean, expected.mean)


class TestAxes:
    def test_axes_are_in_the_order_of_the_plane(self, toy):
        axes = dk.scan(dk.Kernel(toy), plane(), counting()).axes
        assert list(axes) == ["epsilon", "V_muN_sq"]
        np.testing.assert_array_equal(axes["epsilon"], np.geomspace(1e-3, 1e-1, 7))
        np.testing.assert_array_equal(axes["V_muN_sq"], np.geomspace(1e-8, 1.0, 40))

    def test_a_plane_may_be_turned(self, toy):
        turned = dk.Slice(B, V_muN_sq=np.geomspace(1e-8, 1.0, 40), epsilon=np.geomspace(1e-3, 1e-1, 7))
        result = dk.scan(dk.Kernel(toy), turned, counting())
        assert list(result.axes) == ["V_muN_sq", "epsilon"]
        (curve,) = dk.scan(dk.Kernel(toy), plane(), counting()).exclusion()
        (other,) = result.exclusion()
        # The same vertices, in whichever direction the line is followed.
        np.testing.assert_allclose(other[np.argsort(other[:, 1]), ::-1], curve[np.argsort(curve[:, 0])], rtol=1e-9)

    @pytest.mark.parametrize(
        ("points", "axes"),
        [
            (B, r"\[\]"),
            (B.replace(epsilon=np.geomspace(1e-3, 1e-1, 5)[:, None], V_muN_sq=np.geomspace(1e-8, 1, 4)), r"\[\]"),
            (dk.Slice(B, epsilon=np.geomspace(1e-3, 1e-1, 5)), r"\['epsilon'\]"),
        ],
        ids=["a point", "points", "a line"],
    )
    def test_only_the_plane_of_a_slice_has_exclusion_curves(self, toy, points, axes):
        result = dk.scan(dk.Kernel(toy), points, counting())
        with pytest.raises(ValueError, match=f"need the plane of a Slice, two parameters, got {axes}"):
            result.exclusion()


class TestExclusion:
    def test_nothing_seen_and_nothing_else_expected_excludes_2_3_events(self, toy):
        """−Δ ln L is the signal itself: the curve is where it is ln 10, and rates are proportional to |V_μN|²."""
        (curve,) = dk.scan(dk.Kernel(toy), plane(), counting()).exclusion(cl=0.90)
        grid = np.geomspace(1e-3, 1e-1, 7)
        at_grid = curve[np.isclose(curve[:, 0], grid[:, None], rtol=1e-9).any(axis=0)]
        analytic = B.V_muN_sq * math.log(10) / toy_rate(B.replace(epsilon=at_grid[:, 0]))
        # One in 20 000 from the finite sample; along |V_μN|² the interpolation is exact.
        np.testing.assert_allclose(at_grid[:, 1], analytic, rtol=2e-4)
        assert len(at_grid) >= 5

    @pytest.mark.parametrize(("cl", "events"), [(0.5, math.log(2)), (0.95, math.log(20)), (0.99, math.log(100))])
    def test_any_confidence_level_has_its_number_of_events(self, toy, cl, events):
        (curve,) = dk.scan(dk.Kernel(toy), plane(25, 60), counting()).exclusion(cl)
        rate = toy_rate(B.replace(epsilon=curve[:, 0], V_muN_sq=curve[:, 1]))
        # Between grid lines the rate bends: 1 % over half a step of a factor 1.21 in ε.
        np.testing.assert_allclose(rate, events, rtol=0.02)

    def test_one_parameter_has_a_curve_at_1_353_events(self, toy):
        (curve,) = dk.scan(dk.Kernel(toy), plane(25, 60), counting()).exclusion(0.90, n_parameters=1)
        rate = toy_rate(B.replace(epsilon=curve[:, 0], V_muN_sq=curve[:, 1]))
        np.testing.assert_allclose(rate, 1.3528, rtol=0.02)

    def test_points_beyond_the_curve_are_excluded_and_points_before_it_are_not(self, toy):
        analysis = counting(background=0.6, systematic=0.2)
        (curve,) = dk.scan(dk.Kernel(toy), plane(25), analysis).exclusion()
        for factor, expected in ((0.95, False), (1.05, True)):
            beside = B.replace(epsilon=curve[:, 0], V_muN_sq=curve[:, 1] * factor)
            assert np.all(dk.scan(dk.Kernel(toy), beside, analysis).excluded() == expected)

    def test_systematic_uncertainty_and_background_are_those_of_the_closed_form(self, toy):
        """With zero observed, −ln L = (1 + 1/η²) ln(1 + η²ν): solved for the limit by hand."""
        eta, b = 0.2, 0.6
        (curve,) = dk.scan(dk.Kernel(toy), plane(7, 200), counting(background=b, systematic=eta)).exclusion()
        rate = toy_rate(B.replace(epsilon=curve[:, 0], V_muN_sq=curve[:, 1]))
        power = math.log(10) / (1 + 1 / eta**2)
        expected = ((1 + eta**2 * b) * math.exp(power) - 1) / eta**2 - b
        grid = np.isclose(curve[:, 0], np.geomspace(1e-3, 1e-1, 7)[:, None], rtol=1e-9).any(axis=0)
        # One in 20 000 from the sample, and 200 steps along |V_μN|² between which −Δ ln L is not quite a power law.
        np.testing.assert_allclose(rate[grid], expected, rtol=1e-3)
        assert grid.sum() >= 5

    def test_a_plane_without_excluded_points_has_no_curve(self, toy):
        weak = dk.Slice(B, epsilon=np.geomspace(1e-6, 1e-5, 4), V_muN_sq=np.geomspace(1e-12, 1e-10, 5))
        result = dk.scan(dk.Kernel(toy), weak, counting())
        assert result.exclusion() == []
        assert not result.excluded().any()

    def test_more_background_than_seen_does_not_break_the_logarithm(self, toy):
        """−Δ ln L is zero at the best point, whose logarithm would be minus infinity."""
        result = dk.scan(dk.Kernel(toy), plane(), counting(observed=3, background=0.5))
        for curve in result.exclusion():
            assert np.isfinite(curve).all()


class Poisson:
    """A toy without neutrinos: a signal known exactly, in one bin, as a function of two numbers."""

    def __init__(self, rate, observed=0, background=0.0):
        self._rate = rate
        self.name = "toy"
        self.observed, self.background, self.systematic = (
            np.array([x], dtype=float) for x in (observed, background, 0.0)
        )
        self.calls = 0

    def __call__(self, theta):
        mean = self._rate(*theta)[..., None]
        self.calls += mean.size
        return dk.Expectation(mean, np.zeros(mean.shape))

    def scan(self, n=9, **options):
        axis = np.geomspace(0.1, 10, n)
        both = dk.Slice(lambda a, b: tuple(np.broadcast_arrays(a, b)), a=axis, b=axis)
        return dk.scan(Predicted(self), both, self, **options)


def ring(a, b):
    """A rate of 23 on a ring of radius one around the middle, falling like a Gaussian to both sides."""
    r = np.hypot(np.log(a), np.log(b))
    return 23 * np.exp(-(((r - 1) / 0.15) ** 2) / 2)


def in_bins(*signal, observed, background):
    """The scan of points (p, bins) with these exact signals."""
    signal = np.array(signal, dtype=float)
    selection = dk.Selection(("toy",), mass_edges=tuple(range(signal.shape[1] + 1)))
    channel = dk.Channel("FHC", "FHC", 1e21, background, observed, 0.0, selection)
    analysis = dk.Analysis("toy", (channel,))
    return dk.scan(Predicted(lambda _: dk.Expectation(signal, 0 * signal)), np.arange(len(signal)), analysis)


class TestImpossibleData:
    """Data where nothing is expected: ln L = −inf."""

    def test_data_that_no_point_can_make_are_refused_with_the_name_of_the_bin(self):
        with pytest.raises(ValueError, match="bin 1 of channel FHC has 2 observed events, but no background, and no"):
            in_bins([9.0, 0.0], [0.1, 0.0], observed=(0, 2), background=(0.5, 0.0))
        nameless = Poisson(lambda a, b: 0 * a * b, observed=3)
        with pytest.raises(ValueError, match="bin 0 has 3 observed events, but no background"):
            nameless.scan()

    def test_points_that_cannot_make_the_data_are_excluded_by_those_that_can(self):
        result = in_bins([1.0, 2.0], [1.0, 0.0], observed=(0, 2), background=(0.5, 0.0))
        np.testing.assert_array_equal(result.excluded(), [False, True])
        assert result.minus_delta_log_likelihood[1] == math.inf
        np.testing.assert_array_equal(result.log_excess() > 0, [False, True])
        assert np.isfinite(result.log_excess_error()).all()

    def test_points_of_which_each_lacks_another_bin_are_refused(self):
        with pytest.raises(ValueError, match="each point has a bin with data that neither background nor its signal"):
            in_bins([1.0, 0.0], [0.0, 1.0], observed=(1, 1), background=(0.0, 0.0))


class TestPredictions:
    """What a prediction of one's own must be."""

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_a_prediction_that_is_not_finite_is_refused(self, bad):
        def broken(a, b):
            return np.where(a * b > 50, bad, a * b)

        with pytest.raises(ValueError, match=f"mean of a prediction must be finite, got {bad} at"):
            Poisson(broken).scan()

    def test_a_prediction_of_another_shape_or_kind_is_refused(self):
        line = dk.Slice(lambda a: a, a=[1.0, 2.0, 3.0])
        with pytest.raises(ValueError, match=r"shape of points and bins \(3, 1\), got \(1, 1\)"):
            dk.scan(Predicted(lambda a: dk.Expectation(np.ones((1, 1)), np.ones((1, 1)))), line, counting())
        with pytest.raises(TypeError, match=r"prediction must be of type Expectation, got ndarray"):
            dk.scan(Predicted(lambda a: a[:, None]), line, counting())

    @pytest.mark.parametrize(
        ("refine", "error"),
        [(-1, ValueError), (None, TypeError), ("2", TypeError), (1.0, TypeError), (True, TypeError)],
    )
    def test_a_refinement_that_is_no_count_is_refused(self, refine, error):
        with pytest.raises(error, match="refine must be"):
            Poisson(lambda a, b: a * b).scan(refine=refine)

    def test_what_is_no_sample_point_or_analysis_is_refused(self, toy):
        for arguments, message in (
            (
                ("sample", B, counting()),
                "estimator must have a method events, as .* has, got 'sample'",
            ),
            ((dk.Kernel, B, counting()), "estimator must have a method events"),
            ((toy, B, counting()), r"estimator must be darkpkg\.Transport\(sample\) or darkpkg\.Kernel\(sample\)"),
            ((dk.Kernel(toy), 0.1, counting()), "parameters must be of type DarkParameters, got float"),
            ((dk.Kernel(toy), B, "I"), "analysis must be an Analysis, or have observed counts, got 'I'"),
        ):
            with pytest.raises(TypeError, match=message):
                dk.scan(*arguments)

    @pytest.mark.parametrize("kind", [dk.Kernel, dk.Transport])
    def test_masses_outside_of_the_sample_are_refused_before_any_work(self, toy, kind, monkeypatch):
        def work(*_):
            raise AssertionError("nothing must be predicted")

        monkeypatch.setattr(kind, "events", work)
        line = dk.Slice(dk.BENCHMARK_B, m_Zprime=[1.25, 2.5])
        with pytest.raises(dk.OutsideSampleError, match=r"m_Zprime = 2\.5 GeV lies outside"):
            dk.scan(kind(toy), line, dk.ANALYSIS_I)

    def test_a_scan_that_does_not_fit_into_memory_is_refused_before_any_work(self, toy):
        sample, toy = toy, Poisson(lambda a, b: a * b)
        axis = np.geomspace(0.1, 10, 320_000)
        huge = dk.Slice(lambda a, b: (a, b), a=axis, b=axis)
        message = r"a scan of 1\.024e\+11 points with 1 bins needs 2\.79e\+04 GB of memory, but .* GB are free"
        with pytest.raises(ValueError, match=message):
            dk.scan(Predicted(toy), huge, toy)
        with pytest.raises(ValueError, match="GB of memory"):
            toy.scan(refine=40)
        with pytest.raises(ValueError, match="GB of memory"):
            dk.scan(dk.Kernel(sample), B.replace(epsilon=axis / 100, V_muN_sq=axis[:, None] / 100), counting())
        assert toy.calls == 0


class TestPolygons:
    """The excluded region as closed outlines."""

    def test_everything_and_nothing_excluded_are_told_apart(self):
        everything, nothing = (Poisson(lambda a, b, r=r: r + 0 * a * b).scan(5) for r in (50.0, 0.5))
        assert everything.exclusion() == nothing.exclusion() == []
        ((frame,),) = everything.excluded_polygons()
        np.testing.assert_allclose([frame.min(axis=0), frame.max(axis=0)], [[0.1, 0.1], [10, 10]])
        np.testing.assert_array_equal(frame[0], frame[-1])
        assert area(frame) == pytest.approx(np.log(100) ** 2)
        assert nothing.excluded_polygons() == []

    def test_an_edge_that_ends_at_the_frame_is_closed_along_it(self):
        ((outline,),) = Poisson(lambda a, b: a * np.log(10) * b**0).scan(9).excluded_polygons()
        assert area(outline) == pytest.approx(np.log(100) ** 2 / 2)  # a > 1, half of the frame
        assert outline[:, 0].min() == pytest.approx(1)

    def test_holes_stand_behind_the_outline_around_them(self):
        result = Poisson(ring).scan(13, refine=3)
        ((outer, hole),) = result.excluded_polygons()
        width = 0.15 * np.sqrt(2 * np.log(10))
        for outline, radius in ((outer, 1 + width), (hole, 1 - width)):
            assert area(outline) == pytest.approx(np.pi * radius**2, rel=0.02)  # corners of a fine grid


def area(outline):
    """Area of a closed curve in the logarithms of both parameters."""
    x, y = np.log(outline).T
    return abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2


class TestLogExcess:
    def test_without_data_it_is_the_logarithm_of_the_rate_over_2_3(self):
        result = Poisson(lambda a, b: a**2 * b).scan()
        a, b = np.meshgrid(*result.axes.values(), indexing="ij")
        np.testing.assert_allclose(result.log_excess(), np.log(a**2 * b / np.log(10)), atol=1e-6)

    @pytest.mark.parametrize("observed", [0, 3, 9])
    def test_its_sign_is_the_verdict(self, observed):
        result = Poisson(lambda a, b: 3 * a**2 * b, observed=observed, background=1.5).scan(15)
        for n_parameters in (1, 2):
            verdict = result.excluded(0.90, n_parameters)
            np.testing.assert_array_equal(result.log_excess(0.90, n_parameters) > 0, verdict)
            assert verdict.any()
            assert not verdict.all()

    def test_an_excess_has_edges_on_both_sides(self):
        """Nine seen, half expected: no signal is excluded, and so is too much of it."""
        toy = Poisson(lambda a, b: 9 * a, observed=9, background=0.5)
        curves = toy.scan(81).exclusion()
        assert len(curves) == 2
        edges = sorted(9 * curve[:, 0].mean() for curve in curves)
        # −Δ ln L = ν − k − k ln(ν/k) = ln 10 for ν = s + 1/2, by root finding by hand.
        nu = [
            optimize.brentq(lambda nu: nu - 9 - 9 * np.log(nu / 9) - np.log(10), *ends) for ends in ((1, 9), (9, 40))
        ]
        np.testing.assert_allclose(edges, np.array(nu) - 0.5, rtol=2e-3)  # the best point of the grid is 1 % from 8.5

    def test_a_signal_of_nothing_is_far_from_the_limit(self):
        result = Poisson(lambda a, b: 0 * a * b).scan()
        assert (result.log_excess() == -40).all()


class TestLogExcessError:
    """How well a finite simulation knows a limit."""

    def test_of_a_single_bin_it_is_the_relative_error_of_the_rate(self):
        for observed, background in ((0, 0.0), (5, 3.0)):
            toy = Poisson(lambda a, b: a * b, observed=observed, background=background)
            result = toy.scan(9)
            mean = result.expectation.mean
            # Small, so that the limit itself stays.
            known = dataclasses.replace(result, expectation=dk.Expectation(mean, (1e-3 * mean) ** 2, 2e-3 * mean))
            # 1e-3: the step of the slope, and the curvature of ln L over an error.
            np.testing.assert_allclose(known.log_excess_error(), np.hypot(1e-3, 2e-3), rtol=1e-3)

    def test_a_bias_alone_is_an_error_too(self):
        result = Poisson(lambda a, b: a * b).scan(5)
        mean = result.expectation.mean
        known = dataclasses.replace(result, expectation=dk.Expectation(mean, 0 * mean, 2e-3 * mean))
        np.testing.assert_allclose(known.log_excess_error(), 2e-3, rtol=1e-3)  # the step of the slope

    def test_of_nothing_it_is_zero(self):
        assert (Poisson(lambda a, b: 0 * a * b).scan(5).log_excess_error() == 0).all()

    def test_it_is_the_scatter_of_limits_from_many_simulations(self):
        """A spectrum whose few events without background have more power than the many with it."""
        rng = np.random.default_rng(11)
        n_replicas = 2000
        weight, events = np.array([0.01, 0.01, 0.05]), np.array([400, 150, 40])
        counts = rng.poisson(events, (n_replicas, 3))
        signal = dk.Expectation(counts * weight, counts * weight**2)
        analysis = SimpleNamespace(
            observed=np.array([20.0, 9.0, 0.0]),
            background=np.array([22.0, 8.0, 0.1]),
            systematic=np.array([0.2, 0.2, 0.2]),
        )
        scan = dk.scan(Predicted(lambda theta: signal), np.arange(n_replicas), analysis)
        # The limit of each alone, as each would be of a simulation of its own: against no signal.
        known = dataclasses.replace(scan, log_likelihood=np.minimum(scan.log_likelihood, scan.no_signal))
        scatter, stated = known.log_excess().std(), known.log_excess_error()
        # A standard deviation from 2000 is known to 1.6 %; the rest is left to second orders in errors of an eighth.
        assert np.sqrt((stated**2).mean()) == pytest.approx(scatter, rel=0.06)
        total = signal.total()
        assert (total.error / total.mean).mean() < 0.7 * scatter


def _crossed(excluded):
    """Cells whose corners do not agree."""
    corners = np.stack([excluded[i : i + excluded.shape[0] - 1, j : j + excluded.shape[1] - 1]
                        for i in (0, 1) for j in (0, 1)])  # fmt: skip
    return corners.any(axis=0) & ~corners.all(axis=0)


class TestRefinement:
    def test_a_thin_ring_is_found_from_a_grid_that_hardly_sees_it(self):
        """Excluded is where the rate is above 2.3: a band of ±0.32 around the ring, with an island inside."""
        toy = Poisson(ring)
        result = toy.scan(13, refine=3)
        width = 0.15 * np.sqrt(2 * np.log(10))  # 23/2.3 = 10
        inner, outer = sorted(result.exclusion(), key=lambda curve: np.hypot(*np.log(curve).T).mean())
        for curve, radius in ((inner, 1 - width), (outer, 1 + width)):
            np.testing.assert_allclose(np.hypot(*np.log(curve).T), radius, atol=0.01)
        (island,) = (hole for outlines in result.excluded_polygons() for hole in outlines[1:])
        np.testing.assert_allclose(np.hypot(*np.log(island).T), 1 - width, atol=0.01)

    def test_it_looks_near_the_edge_only(self):
        toy = Poisson(lambda a, b: a * b)
        result = toy.scan(17, refine=3)
        assert result.parameters[0].shape == (129, 129)
        assert result.evaluated.sum() == toy.calls < 0.25 * 129**2
        curve = np.concatenate(result.exclusion())
        np.testing.assert_allclose(curve.prod(axis=1), np.log(10), rtol=1e-6)

    def test_every_cell_that_the_edge_crosses_is_evaluated_whole(self):
        result = Poisson(lambda a, b: a**2 * b).scan(9, refine=1)
        crossed = np.argwhere(_crossed(result.log_excess()[::2, ::2] > 0))
        assert len(crossed) > 5
        for i, j in crossed:
            assert result.evaluated[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].all()

    @pytest.mark.parametrize(("cl", "n_parameters"), [(0.99999, 2), (0.90, 1)])
    def test_the_edge_that_is_refined_is_that_of_the_rule(self, cl, n_parameters):
        """A rate that jumps tells one threshold from another: no cell is crossed by two edges."""
        toy = Poisson(lambda a, b: np.where(a < 1, 1.0, np.where(a < 3, 2.0, 20.0)) * b**0)
        result = toy.scan(9, refine=2, cl=cl, n_parameters=n_parameters)
        fine = toy.scan(33)
        np.testing.assert_array_equal(result.excluded(cl, n_parameters), fine.excluded(cl, n_parameters))

    def test_what_was_left_out_has_the_verdict_of_its_neighbours(self):
        fine = Poisson(ring).scan(49)
        refined = Poisson(ring).scan(13, refine=2)
        assert not refined.evaluated.all()
        np.testing.assert_array_equal(refined.excluded(), fine.excluded())
        known = refined.evaluated  # at grid points that differ by rounding
        np.testing.assert_allclose(refined.log_likelihood[known], fine.log_likelihood[known], rtol=1e-12)

    def test_errors_move_the_edge_by_the_error_of_the_rate(self):
        toy = Poisson(lambda a, b: a * b)
        result = toy.scan(17)
        variance = (0.1 * result.expectation.mean) ** 2
        known = dataclasses.replace(result, expectation=dk.Expectation(result.expectation.mean, variance))
        low, middle, high = (np.concatenate(known.exclusion(sigma=s)).prod(axis=1).mean() for s in (1, 0, -1))
        # To first order, as the error itself moves the limit, by 1 %.
        assert low * math.exp(0.1) == pytest.approx(middle, rel=2e-3)
        assert high * math.exp(-0.1) == pytest.approx(middle, rel=2e-3)

    def test_points_without_a_slice_cannot_be_refined(self, toy):
        with pytest.raises(ValueError, match="refine needs a Slice"):
            dk.scan(dk.Kernel(toy), plane().parameters, counting(), refine=1)

    def test_a_slice_gives_what_the_same_points_give(self, toy):
        axes = {"epsilon": np.geomspace(1e-3, 1e-1, 7), "V_muN_sq": np.geomspace(1e-8, 1.0, 40)}
        of_slice = dk.scan(dk.Kernel(toy), dk.Slice(B, **axes), counting(), progress=True)
        np.testing.assert_array_equal(
            of_slice.log_likelihood, dk.scan(dk.Kernel(toy), plane().parameters, counting()).log_likelihood
        )
        assert list(of_slice.axes) == list(axes)

    def test_tied_parameters_are_scanned_along_the_free_ones(self, toy):
        """|V_N|² = |V_μN|², which no grid of the six numbers themselves can say."""
        tied = dk.Slice(
            lambda epsilon, V: B.replace(epsilon=epsilon, V_muN_sq=V, V_N_sq=V),
            epsilon=np.geomspace(1e-3, 1e-1, 7),
            V=np.geomspace(1e-8, 1, 30),
        )
        result = dk.scan(dk.Kernel(toy), tied, counting(), refine=1)
        assert list(result.axes) == ["epsilon", "V"]
        curve = np.concatenate(result.exclusion())
        rate = toy_rate(tied.at(*curve.T))
        # The rate bends by a few per cent over a cell of 1.47 × 1.27.
        np.testing.assert_allclose(rate, np.log(10), rtol=0.03)


class TestIntervals:
    def test_the_limit_on_one_coupling_is_that_of_the_closed_form(self, toy):
        (found,) = dk.excluded_intervals(dk.Kernel(toy), dk.Slice(B, V_muN_sq=np.geomspace(1e-12, 1, 9)), counting())
        limit = B.V_muN_sq * math.log(10) / toy_rate(B)
        # 1/20 000 of the sample, times a number of order one.
        assert found.low == pytest.approx(limit, rel=2e-4)
        assert found.high == 1
        assert found.low_error == pytest.approx(limit / math.sqrt(N_EVENTS), rel=1e-3)
        assert math.isnan(found.high_error)

    def test_both_ends_are_found_and_the_best_point_is_allowed(self, toy):
        analysis = counting(observed=4, background=0.5)
        along = dk.Slice(B, V_muN_sq=np.geomspace(1e-12, 1, 33))
        low, high = dk.excluded_intervals(dk.Kernel(toy), along, analysis)
        scanned = dk.scan(dk.Kernel(toy), dk.Slice(B, V_muN_sq=np.geomspace(1e-12, 1, 4001)), analysis)
        excluded = scanned.excluded(0.90)
        edges = scanned.axes["V_muN_sq"][1:][np.diff(excluded)]
        # The best point of either grid is a few per cent from the best of all.
        np.testing.assert_allclose([low.high, high.low], edges, rtol=0.02)

    def test_where_nothing_is_excluded_there_is_no_interval(self, toy):
        assert dk.excluded_intervals(dk.Kernel(toy), dk.Slice(B, V_muN_sq=[1e-16, 1e-15]), counting()) == []

    def test_where_all_is_excluded_the_interval_is_the_whole_range(self, toy):
        (found,) = dk.excluded_intervals(dk.Kernel(toy), dk.Slice(B, V_muN_sq=[1e-3, 1.0]), counting())
        assert (found.low, found.high) == (1e-3, 1.0)
        assert math.isnan(found.low_error)
        assert math.isnan(found.high_error)

    def test_any_rule_has_its_limit(self, toy):
        along = dk.Slice(B, V_muN_sq=np.geomspace(1e-12, 1, 9))
        for cl, n_parameters in ((0.90, 1), (0.99, 2), (0.5, 3)):
            (found,) = dk.excluded_intervals(dk.Kernel(toy), along, counting(), cl=cl, n_parameters=n_parameters)
            limit = B.V_muN_sq * exclusion_threshold(cl, n_parameters) / toy_rate(B)
            assert found.low == pytest.approx(limit, rel=1e-3)  # a few events times 1/20 000 of the sample

    def test_what_is_no_slice_is_refused(self, toy):
        with pytest.raises(TypeError, match="along must be of type Slice, got DarkParameters"):
            dk.excluded_intervals(dk.Kernel(toy), B, counting())

    def test_a_plane_is_refused(self, toy):
        with pytest.raises(ValueError, match=r"along one, got \['m_N', 'epsilon'\]"):
            dk.excluded_intervals(dk.Kernel(toy), dk.Slice(B, m_N=[0.1, 0.2], epsilon=[1e-3, 1e-2]), counting())


def test_a_column_that_only_scales_the_rate_is_summed_once_and_equal(toy):
    """The issue's promise for couplings of production; the sum itself is counted in test_weights."""
    V = np.geomspace(1e-9, 1e-5, 12)
    column = dk.scan(dk.Kernel(toy), dk.Slice(B, V_muN_sq=V), counting(background=0.3, systematic=0.2))
    each = [
        float(dk.scan(dk.Kernel(toy), B.replace(V_muN_sq=v), counting(background=0.3, systematic=0.2)).log_likelihood)
        for v in V
    ]
    np.testing.assert_allclose(column.log_likelihood, each, rtol=1e-12)


def test_errors_of_a_table_shift_all_bins_together():
    mean, tabulation = np.array([2.0, 1.0]), np.array([0.01, 0.0025])
    signal = dk.Expectation(mean[None], np.zeros((1, 2)), tabulation=tabulation[None])
    (error,) = log_likelihood_error(signal, dk.ANALYSIS_I, log_likelihood)
    higher, lower = (
        log_likelihood(dk.Expectation(mean + sign * np.sqrt(tabulation), np.zeros(2)), dk.ANALYSIS_I)
        for sign in (0.5, -0.5)
    )
    assert error == pytest.approx(lower - higher, rel=1e-3)  # third derivatives

"""Scans and exclusion curves, mostly on a toy sample whose rate is known in closed form."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import chi2

import darkpkg as dk
from darkpkg.method.likelihood import log_likelihood
from darkpkg.results.limits import exclusion_threshold

B = dk.BENCHMARK_B
N_EVENTS = 20_000
LENGTH = 30.0


@pytest.fixture(scope="module")
def toy():
    """Equal events on lead in FHC that all pass the cuts, each with a path of 30 cm that begins at the vertex."""
    p_N, half = np.array([1.0, 0.0, 0.0, math.sqrt(1 - 0.1**2)]), np.array([0.5, 0.0, 0.0, 0.4999])
    repeat = np.ones((N_EVENTS, 1))
    code = dk.NUCLEI["Pb208"].pdg_code
    return dk.PlacedEvents(
        weight=np.full(N_EVENTS, 1e-49 / N_EVENTS),
        m_N=np.full(N_EVENTS, 0.1),
        m_Zprime=np.full(N_EVENTS, 1.25),
        p_N=repeat * p_N,
        p_electron=repeat * half,
        p_positron=repeat * half,
        target=np.full(N_EVENTS, code),
        beam=np.full(N_EVENTS, "FHC"),
        provenance={
            "sampling": dataclasses.asdict(dk.SamplingRange.at(0.1, 1.25)),
            "couplings": {"alpha_D": B.alpha_D, "epsilon": B.epsilon, "V_muN_sq": B.V_muN_sq, "is_majorana": False},
            "detector": {"name": "toy", "targets": {str(code): 1e28}, "fiducial_modules": ["toy"]},
        },
        vertex=np.zeros((N_EVENTS, 3)),
        module=np.full(N_EVENTS, "toy"),
        entry=np.zeros((N_EVENTS, 1)),
        exit=np.full((N_EVENTS, 1), LENGTH),
        uniform=np.full((N_EVENTS, 4), 0.5),
    )


def toy_rate(parameters):
    """What the toy sample must give: nuclei × POT × weight × efficiency × couplings × decay in 30 cm."""
    decay_length = math.sqrt(1 - 0.1**2) / 0.1 * parameters.proper_decay_length()
    return 1e28 * 1e21 * 1e-49 * 0.5 * parameters.coupling / B.coupling * -np.expm1(-LENGTH / decay_length)


def counting(observed=0, background=0.0, systematic=0.0):
    selection = dk.Selection(("toy",), 0.5, dk.Cuts(max_mass=10.0, max_t=10.0))
    channel = dk.Channel("FHC", "FHC", 1e21, (background,), (observed,), systematic, selection)
    return dk.Analysis("toy", (channel,))


def plane(n_epsilon=7, n_V=40):
    return B.replace(epsilon=np.geomspace(1e-3, 1e-1, n_epsilon)[:, None], V_muN_sq=np.geomspace(1e-8, 1.0, n_V))


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
        with pytest.raises(ValueError, match=f"cl must lie between 0 and 1, got {cl}"):
            exclusion_threshold(cl)


class TestScan:
    def test_the_toy_has_its_rate(self, toy):
        grid = plane()
        np.testing.assert_allclose(
            dk.scan(toy, grid, counting()).expectation.mean[..., 0],
            toy_rate(grid),
            rtol=1e-10,  # sums of 20 000
        )

    def test_it_is_the_likelihood_of_the_expected_events(self, toy):
        analysis = counting(observed=2, background=0.5, systematic=0.2)
        result = dk.scan(toy, plane(), analysis)
        expectation = dk.expected_events(toy, plane(), analysis)
        np.testing.assert_array_equal(result.expectation.mean, expectation.mean)
        np.testing.assert_array_equal(result.log_likelihood, log_likelihood(expectation, analysis))
        total = 0.5 + toy_rate(plane())
        variance = toy_rate(plane()) ** 2 / N_EVENTS + (0.2 * total) ** 2
        by_hand = dk.effective_log_likelihood(2, total, variance)
        np.testing.assert_allclose(result.log_likelihood, by_hand, rtol=1e-9)
        assert result.no_signal == pytest.approx(dk.effective_log_likelihood(2, 0.5, 0.01), rel=1e-14)

    def test_without_an_excess_points_are_compared_with_no_signal(self, toy):
        result = dk.scan(toy, plane(), counting(background=0.5))
        np.testing.assert_array_equal(result.minus_delta_log_likelihood, result.no_signal - result.log_likelihood)
        assert result.no_signal == -0.5

    def test_with_an_excess_points_are_compared_with_the_best_of_them(self, toy):
        result = dk.scan(toy, plane(), counting(observed=5, background=0.5))
        assert result.minus_delta_log_likelihood.min() == 0
        assert result.log_likelihood.max() > result.no_signal
        best = result.expectation.mean[np.unravel_index(result.log_likelihood.argmax(), (7, 40))]
        assert 2.5 < best[0] < 8  # 4.5, as near as the grid has it

    def test_a_single_point_has_no_axes_and_a_verdict(self, toy):
        s = toy_rate(B)
        at_threshold = B.replace(V_muN_sq=B.V_muN_sq * math.log(10) / s)
        for factor, excluded in ((0.999, False), (1.001, True)):
            point = at_threshold.replace(V_muN_sq=at_threshold.V_muN_sq * factor)
            result = dk.scan(toy, point, counting())
            assert result.log_likelihood.shape == ()
            assert bool(result.excluded(0.90)) is excluded
            assert result.axes == {}

    def test_one_parameter_is_excluded_earlier_than_two(self, toy):
        point = B.replace(V_muN_sq=B.V_muN_sq * 2.0 / toy_rate(B))
        result = dk.scan(toy, point, counting())
        assert result.minus_delta_log_likelihood == pytest.approx(2.0, rel=1e-3)  # 1/20 000 events, times a few
        assert not result.excluded(0.90)
        assert result.excluded(0.90, n_parameters=1)
        assert not result.excluded(0.99, n_parameters=1)

    def test_the_smoothing_reaches_the_expectation(self):
        events = dk.place(dk.generate(dk.HEAVY, 30_000, seed=1), dk.ND280, seed=2)
        wide, wider = dk.Smoothing((0.5, 1.0)), dk.Smoothing((0.7, 1.2))
        for smoothing in (wide, wider):
            point = B.replace(epsilon=1e-2)
            result = dk.scan(events, point, dk.ANALYSIS_I, smoothing)
            expected = dk.expected_events(events, point, dk.ANALYSIS_I, smoothing)
            np.testing.assert_array_equal(result.expectation.mean, expected.mean)


class TestAxes:
    def test_axes_are_in_the_order_of_the_plane(self, toy):
        axes = dk.scan(toy, plane(), counting()).axes
        assert list(axes) == ["epsilon", "V_muN_sq"]
        np.testing.assert_array_equal(axes["epsilon"], np.geomspace(1e-3, 1e-1, 7))
        np.testing.assert_array_equal(axes["V_muN_sq"], np.geomspace(1e-8, 1.0, 40))

    def test_a_plane_may_be_turned(self, toy):
        turned = B.replace(epsilon=np.geomspace(1e-3, 1e-1, 7), V_muN_sq=np.geomspace(1e-8, 1.0, 40)[:, None])
        result = dk.scan(toy, turned, counting())
        assert list(result.axes) == ["V_muN_sq", "epsilon"]
        (curve,) = dk.scan(toy, plane(), counting()).exclusion()
        (other,) = result.exclusion()
        # The same vertices, in whichever direction the line is followed.
        np.testing.assert_allclose(other[np.argsort(other[:, 1]), ::-1], curve[np.argsort(curve[:, 0])], rtol=1e-9)

    def test_two_parameters_on_one_axis_are_no_plane(self, toy):
        diagonal = B.replace(epsilon=np.geomspace(1e-3, 1e-1, 5), V_muN_sq=np.geomspace(1e-8, 1.0, 5))
        with pytest.raises(ValueError, match="each axis of a plane must vary one parameter, but V_muN_sq"):
            dk.scan(toy, diagonal, counting()).exclusion()

    def test_a_parameter_on_both_axes_is_no_plane(self, toy):
        skewed = B.replace(epsilon=np.geomspace(1e-3, 1e-1, 6).reshape(2, 3), V_muN_sq=[1e-6, 1e-5, 1e-4])
        with pytest.raises(ValueError, match=r"but epsilon varies along axes \[0, 1\]"):
            dk.scan(toy, skewed, counting()).exclusion()

    @pytest.mark.parametrize(
        ("changes", "varied"),
        [
            ({}, r"\[\]"),
            ({"epsilon": np.geomspace(1e-3, 1e-1, 5)}, r"\['epsilon'\]"),
            (
                {
                    "epsilon": np.full((2, 1, 1), 1e-2) * [[[1]], [[2]]],
                    "alpha_D": [[0.1], [0.2]],
                    "V_N_sq": [0.5, 1.0],
                },
                r"\['epsilon', 'alpha_D', 'V_N_sq'\]",
            ),
        ],
        ids=["a point", "a line", "a space"],
    )
    def test_only_a_plane_has_exclusion_curves(self, toy, changes, varied):
        result = dk.scan(toy, B.replace(**changes), counting())
        with pytest.raises(ValueError, match=f"need a plane of two parameters, but {varied} vary"):
            result.exclusion()


class TestExclusion:
    def test_nothing_seen_and_nothing_else_expected_excludes_2_3_events(self, toy):
        """−Δ ln L is the signal itself: the curve is where it is ln 10, and rates are proportional to |V_μN|²."""
        (curve,) = dk.scan(toy, plane(), counting()).exclusion(cl=0.90)
        grid = np.geomspace(1e-3, 1e-1, 7)
        at_grid = curve[np.isclose(curve[:, 0], grid[:, None], rtol=1e-9).any(axis=0)]
        analytic = B.V_muN_sq * math.log(10) / toy_rate(B.replace(epsilon=at_grid[:, 0]))
        # One in 20 000 from the finite sample; along |V_μN|² the interpolation is exact.
        np.testing.assert_allclose(at_grid[:, 1], analytic, rtol=2e-4)
        assert len(at_grid) >= 5

    @pytest.mark.parametrize(("cl", "events"), [(0.5, math.log(2)), (0.95, math.log(20)), (0.99, math.log(100))])
    def test_any_confidence_level_has_its_number_of_events(self, toy, cl, events):
        (curve,) = dk.scan(toy, plane(25, 60), counting()).exclusion(cl)
        rate = toy_rate(B.replace(epsilon=curve[:, 0], V_muN_sq=curve[:, 1]))
        # Between grid lines the rate bends: 1 % over half a step of a factor 1.21 in ε.
        np.testing.assert_allclose(rate, events, rtol=0.02)

    def test_one_parameter_has_a_curve_at_1_353_events(self, toy):
        (curve,) = dk.scan(toy, plane(25, 60), counting()).exclusion(0.90, n_parameters=1)
        rate = toy_rate(B.replace(epsilon=curve[:, 0], V_muN_sq=curve[:, 1]))
        np.testing.assert_allclose(rate, 1.3528, rtol=0.02)

    def test_points_beyond_the_curve_are_excluded_and_points_before_it_are_not(self, toy):
        analysis = counting(background=0.6, systematic=0.2)
        (curve,) = dk.scan(toy, plane(25), analysis).exclusion()
        for factor, expected in ((0.95, False), (1.05, True)):
            beside = B.replace(epsilon=curve[:, 0], V_muN_sq=curve[:, 1] * factor)
            assert np.all(dk.scan(toy, beside, analysis).excluded() == expected)

    def test_systematic_uncertainty_and_background_are_those_of_the_closed_form(self, toy):
        """With zero observed, −ln L = (1 + 1/η²) ln(1 + η²ν): solved for the limit by hand."""
        eta, b = 0.2, 0.6
        (curve,) = dk.scan(toy, plane(7, 200), counting(background=b, systematic=eta)).exclusion()
        rate = toy_rate(B.replace(epsilon=curve[:, 0], V_muN_sq=curve[:, 1]))
        power = math.log(10) / (1 + 1 / eta**2)
        expected = ((1 + eta**2 * b) * math.exp(power) - 1) / eta**2 - b
        grid = np.isclose(curve[:, 0], np.geomspace(1e-3, 1e-1, 7)[:, None], rtol=1e-9).any(axis=0)
        # One in 20 000 from the sample, and 200 steps along |V_μN|² between which −Δ ln L is not quite a power law.
        np.testing.assert_allclose(rate[grid], expected, rtol=1e-3)
        assert grid.sum() >= 5

    def test_a_plane_without_excluded_points_has_no_curve(self, toy):
        weak = B.replace(epsilon=np.geomspace(1e-6, 1e-5, 4)[:, None], V_muN_sq=np.geomspace(1e-12, 1e-10, 5))
        result = dk.scan(toy, weak, counting())
        assert result.exclusion() == []
        assert not result.excluded().any()

    def test_more_background_than_seen_does_not_break_the_logarithm(self, toy):
        """−Δ ln L is zero at the best point, whose logarithm would be minus infinity."""
        result = dk.scan(toy, plane(), counting(observed=3, background=0.5))
        for curve in result.exclusion():
            assert np.isfinite(curve).all()

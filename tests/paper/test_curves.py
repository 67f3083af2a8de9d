"""The authors' curves as values: between their points, and beside each other and the text."""

import numpy as np
import pytest
from for_each import for_each

import darkpkg as dk
from darkpkg import datasets
from paper.claims import verdicts
from paper.claims.answer import Answer
from paper.claims.questions import claims
from paper.curves import Curve, curve, curves, panel

PRINTED = datasets.read("paper/event_counts").set_index("name").value
CLAIMS = {claim.id: claim for claim in claims()}
PANELS = sorted({(one.figure, one.panel) for one in curves() if one.figure not in {4, 11}})
PLANE_OF_V, PLANE_OF_EPSILON = ("m_N", "V_muN_sq"), ("m_Zprime", "epsilon")
A, B = dk.BENCHMARK_A, dk.BENCHMARK_B


def line(x=(1.0, 2.0, 8.0), y=(1.0, 4.0, 2.0), error_x=0.0, error_y=0.1):
    x = np.asarray(x, float)
    return Curve(9, "left", "line", x, y, np.full(x.shape, error_x), np.full(x.shape, error_y))


def common_range(*several):
    """200 abscissae where all curves are."""
    return np.geomspace(max(one.x[0] for one in several), min(one.x[-1] for one in several), 200)[1:-1]


class TestInterpolation:
    @for_each("one", lambda: {str(one): one for one in curves()})
    def test_a_curve_runs_through_its_points(self, one):
        np.testing.assert_allclose(one(one.x), one.y, rtol=1e-12)

    @for_each("one", lambda: {str(one): one for one in curves()})
    def test_halfway_in_the_logarithm_lies_the_geometric_mean(self, one):
        between = np.sqrt(one.x[1:] * one.x[:-1])
        np.testing.assert_allclose(one(between), np.sqrt(one.y[1:] * one.y[:-1]), rtol=1e-9)

    def test_a_power_law_is_exact(self):
        power = line(x=(1.0, 3.0, 10.0), y=(2.0, 2.0 * 3.0**-2.5, 2.0 * 10.0**-2.5))
        x = np.geomspace(1, 10, 50)
        np.testing.assert_allclose(power(x), 2 * x**-2.5, rtol=1e-12)

    def test_the_shape_is_that_of_the_argument(self):
        assert line()(np.full((2, 3), 1.5)).shape == (2, 3)
        assert line().error(1.5).shape == ()

    @pytest.mark.parametrize("x", [0.999, 8.001, [2.0, 9.0]])
    def test_outside_of_its_range_a_curve_has_no_value(self, x):
        for of in (line(), line().error):
            with pytest.raises(ValueError, match=r"x must lie from 1 to 8, where 'line' in Fig\. 9 left is, got "):
                of(x)


class TestReadingError:
    def test_of_a_level_curve_is_that_of_y(self):
        assert line(y=(2, 2, 2), error_x=0.5)(3) == pytest.approx(2)
        assert line(y=(2, 2, 2), error_x=0.5).error(3) == pytest.approx(0.1)

    def test_of_a_power_law_is_the_power_times_that_of_x(self):
        power = line(y=(1.0, 2.0**-3, 8.0**-3), error_x=0.02, error_y=0)
        np.testing.assert_allclose(power.error([1, 1.5, 2, 8]), 0.06, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": (1, 1, 2)}, r"x of 'line' in Fig\. 9 left must rise, got 1 followed by 1"),
        ({"x": (1, 2)}, r"must have one shape \(n,\), n at least 2, got "),
        ({"x": (1,), "y": (1,)}, r"must have one shape \(n,\), n at least 2, got "),
        ({"y": (1, 0, 2)}, r"y of 'line' in Fig\. 9 left must be positive and finite, got 0"),
        ({"error_y": -0.1}, r"error_y of 'line' in Fig\. 9 left must be zero or more, got -0\.1"),
    ],
)
def test_what_is_no_line_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        line(**change)


def test_an_unknown_curve_is_refused_with_those_that_there_are():
    with pytest.raises(KeyError, match=r"no curve 'ours' in Fig\. 9 left; there are this work, T2K-I, T2K-I\+II"):
        curve(9, "left", "ours")
    with pytest.raises(
        KeyError, match=r"no curve 'this work' in Fig\. 12 ; there are Fig\. 10 left, .*Fig\. 9 right"
    ):
        curve(12, "", "this work")
    with pytest.raises(KeyError, match=r"no limit in Fig\. 11 left; figures with limits: \[9, 10, 14, 15\]"):
        panel(11, "left")


class TestPanels:
    @pytest.mark.parametrize(("figure", "side"), PANELS)
    def test_every_limit_has_a_panel_and_lies_in_its_plane(self, figure, side):
        plane = panel(figure, side)
        assert (plane.x, plane.y) == {"left": PLANE_OF_V, "right": PLANE_OF_EPSILON}[side]
        for one in curves():
            if (one.figure, one.panel) == (figure, side):
                points = plane.parameters(one.x, one.y)
                np.testing.assert_array_equal(getattr(points, plane.x), one.x)
                np.testing.assert_array_equal(getattr(points, plane.y), one.y)
                assert {*points.is_light_mediator.tolist()} == {figure in {10, 15}}

    @pytest.mark.parametrize(("figure", "side"), PANELS)
    def test_the_drop_of_the_likelihood_is_that_of_the_level_for_two_parameters(self, figure, side):
        plane = panel(figure, side)
        # −ln(1 − cl), printed with three decimals and, as 4.61 / 2, a little too large.
        assert plane.drop == pytest.approx(-np.log(1 - plane.confidence), abs=3e-3)

    @pytest.mark.parametrize(("figure", "side"), PANELS)
    def test_the_benchmark_lies_in_its_planes(self, figure, side):
        benchmark, plane = A if figure in {10, 15} else B, panel(figure, side)
        point = plane.parameters(getattr(benchmark, plane.x), getattr(benchmark, plane.y))
        for name in dk.DarkParameters.numbers():
            # The panels state ε with four digits.
            assert getattr(point, name) == pytest.approx(getattr(benchmark, name), rel=5e-4), name


class TestCurvesAgreeWithEachOther:
    """Where two figures show one limit, along the whole of it."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (curve(14, "left", "combination"), curve(9, "left", "this work")),
            (curve(15, "left", "combination"), curve(10, "left", "this work")),
            (curve(15, "right", "combination"), curve(10, "right", "this work")),
        ],
        ids=str,
    )
    def test_within_their_reading_errors(self, one, other):
        x = common_range(one, other)
        pulls = np.log(one(x) / other(x)) / np.hypot(one.error(x), other.error(x))
        assert np.abs(pulls).max() < 2

    @pytest.mark.parametrize(
        ("stronger", "weaker"),
        [
            (curve(9, "left", "T2K-I"), curve(9, "left", "this work")),
            (curve(9, "right", "T2K-I and T2K-I+II"), curve(9, "right", "this work")),
            (curve(10, "left", "T2K-I"), curve(10, "left", "this work")),
            (curve(10, "left", "T2K-I+II"), curve(10, "left", "T2K-I")),
            (curve(10, "right", "T2K-I"), curve(10, "right", "this work")),
            (curve(10, "right", "T2K-I+II"), curve(10, "right", "T2K-I")),
            (curve(15, "left", "combination"), curve(15, "left", "Analysis I")),
            (curve(15, "left", "combination"), curve(15, "left", "Analysis II")),
            (curve(15, "right", "combination"), curve(15, "right", "Analysis I")),
            (curve(15, "right", "combination"), curve(15, "right", "Analysis II")),
            (curve(9, "right", "this work"), curve(14, "right", "combination")),  # 90 for 95 per cent
            (curve(14, "right", "combination"), curve(14, "right", "argon")),
        ],
        ids=str,
    )
    def test_more_data_or_less_confidence_never_exclude_less(self, stronger, weaker):
        x = common_range(stronger, weaker)
        assert (stronger(x) < weaker(x)).all()

    def test_three_figures_give_one_number_of_events_in_argon(self):
        """Only argon counts at short lifetimes: its selected N, Fig. 3, times the plateau of Fig. 4 are Fig. 11's."""
        chambers = datasets.read("paper/curves/fig3").set_index("module").events[["TPC2", "TPC3"]]
        expected = 3 / 2 * chambers.sum() * curve(4, "", "argon")(0.02)
        # Read to 5 and 4 per cent.
        assert curve(11, "top left", "events")(0.02) == pytest.approx(expected, rel=2 * np.hypot(0.05, 0.04))

    def test_the_band_of_figure_11_is_around_its_middle(self):
        table = datasets.read("paper/curves/fig11_events")
        # Digits as read, four of them.
        np.testing.assert_allclose((table.low + table.high) / 2, table.events, rtol=1e-3)


class TestCurvesAgreeWithTheText:
    """With what the claims say that the paper prints, and with what its notebooks print."""

    @pytest.mark.parametrize(
        ("claim", "one", "other", "at"),
        [
            ("limit_with_all_data", (9, "left", "T2K-I"), "this work", B.m_N),
            ("limit_with_the_upgrade", (9, "left", "T2K-I+II"), "this work", B.m_N),
            ("limit_with_the_upgrade_at_A", (10, "left", "T2K-I+II"), "this work", A.m_N),
            ("analyses_contribute_similarly", (15, "right", "Analysis II"), "Analysis I", A.m_Zprime),
            ("analysis_II_is_less_sensitive", (15, "right", "Analysis II"), "Analysis I", A.m_Zprime),
            ("both_together_exclude_more", (15, "right", "combination"), "Analysis I", A.m_Zprime),
            ("both_together_exclude_more", (15, "right", "combination"), "Analysis II", A.m_Zprime),
        ],
    )
    def test_ratios_of_limits_are_what_is_claimed(self, claim, one, other, at):
        one, other = curve(*one), curve(*one[:2], other)
        ratio = one(at) / other(at)
        assert verdicts.agrees(CLAIMS[claim], Answer(ratio, ratio * np.hypot(one.error(at), other.error(at))))

    def test_benchmark_B_is_excluded_and_A_is_not(self):
        assert curve(9, "left", "this work")(B.m_N) < B.V_muN_sq
        assert curve(9, "right", "this work")(B.m_Zprime) < B.epsilon
        assert curve(10, "left", "this work")(A.m_N) > A.V_muN_sq
        assert curve(10, "right", "this work")(A.m_Zprime) > A.epsilon

    @pytest.mark.parametrize(
        ("claim", "printed"),
        [
            ("lifetime_of_B", "ctau_B"),
            ("upscatterings_at_B", "selected_B"),
            ("shortest_excluded_lifetime", "ctau_min_B"),
        ],
    )
    def test_the_notebooks_print_what_the_paper_rounds(self, claim, printed):
        assert CLAIMS[claim].low <= PRINTED[printed] <= CLAIMS[claim].high

    def test_the_events_at_A_are_those_of_both_analyses(self):
        # 15.57: the paper prints 15.5, the digits cut off.
        both = PRINTED["analysis_I_A"] + PRINTED["analysis_II_A"]
        assert np.floor(10 * both) / 10 == CLAIMS["events_at_A"].number

    def test_the_modules_of_figure_3_add_up_to_the_printed_rate(self):
        events = datasets.read("paper/curves/fig3").set_index("module").events
        total = events.sum() + events["TPC2"]  # TPC1, which was not read, is like the others
        # Read to 5 per cent, with one scale for all modules.
        assert total == pytest.approx(PRINTED["selected_B"], rel=2 * 0.05)

    def test_the_shortest_lifetime_lies_on_the_line_of_figure_11(self):
        one = curve(11, "bottom", "m_N = 0.1 GeV")
        # Read to 2 per cent; the kernel estimate scatters along the line by as much.
        assert one(PRINTED["selected_B"]) == pytest.approx(PRINTED["ctau_min_B_kernel"], rel=0.04)

    def test_the_plateau_of_argon_lies_below_the_ratio_of_its_volumes(self):
        """By 2 %: N that leave through a side of a chamber have a negative weight in the authors' code."""
        chamber = datasets.read("detector/nd280").set_index("module").loc["TPC2"]
        fiducial = chamber.fiducial_x * chamber.fiducial_y * chamber.fiducial_z
        volumes = fiducial / (chamber.width_x * chamber.width_y * chamber.length_z)
        assert 1 - curve(4, "", "argon")(0.02) / volumes == pytest.approx(0.022, abs=2 * 0.003 / volumes)

    def test_reconstruction_keeps_the_signal_of_figure_6(self):
        table = datasets.read("paper/curves/fig6")
        reconstructed, true = table.reconstructed.sum(), table.true.sum()
        # The reader's errors of the two sums are 80 and 40 events.
        assert reconstructed == pytest.approx(true, abs=2 * np.hypot(80, 40))

"""The paper's curves: our limits over them, and with all causes within their errors."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import darkpkg as dk
from darkpkg.inference.likelihood import log_likelihood
from darkpkg.method.expectation import Expectation
from paper.causes import along, planes, readings, samples
from paper.causes.along import Along
from paper.causes.planes import Plane, minus_delta_log_likelihood
from paper.causes.rates import at_benchmarks
from paper.causes.readings import TEXT
from paper.curves import panel
from paper.figure_data import figure_data
from paper.figure_output import PHONE_WIDTH, _laid_out
from paper.figures.causes import (
    _plain_ratios,
    causes_frame,
    draw_all,
    draw_along,
    overview_table,
    ratios_table,
    summary_table,
)

I, II = dk.ANALYSIS_I, dk.ANALYSIS_II


@pytest.fixture(scope="module")
def heavy():
    """At every fourth node."""
    return along.heavy_limits((1, 20, 4))


@pytest.fixture(scope="module")
def light():
    """At three of ten nodes."""
    return along.light_limits((1, 9, 3), (1, 9, 3))


def plane(y, events, analysis=I, side="left"):
    """A plane with the same events (y, bins) at two masses."""
    made = Plane(panel(9, side), analysis, np.array([0.1, 0.2]), y, lambda x: 1.0)
    made.events[TEXT] = np.stack([events, events])[None]
    return made


class TestLimits:
    y = np.geomspace(1e-11, 1, 300)

    def test_a_limit_is_where_the_likelihood_has_fallen(self):
        """For a signal s in one of two bins −Δ ln L is that of the package."""
        events = np.outer(self.y / 1e-7, [1.0, 0.5])
        limit = plane(self.y, events).limit(TEXT)[0, 0]
        signal = limit / 1e-7 * np.array([[0.0, 0.0], [1.0, 0.5]])
        lnL = log_likelihood(Expectation(signal, 0 * signal), I)
        # Between 300 couplings over eleven decades the fall is interpolated as a power.
        assert lnL[0] - lnL[1] == pytest.approx(2.305, rel=1e-4)

    def test_a_straight_contour_is_exact_where_the_fall_is_linear_in_the_coupling(self):
        events = np.outer(self.y / 1e-7, [1.0, 0.5])
        made = plane(self.y, events)
        # Poisson: nothing was observed, and −Δ ln L is the signal.
        reading = readings.Reading(poisson_below=np.inf)
        made.events[reading] = made.events[TEXT]
        np.testing.assert_allclose(made.straight(reading)([0.1, 0.15]), made.limit(reading)[0, 0], rtol=2e-3)

    def test_between_nodes_of_epsilon_it_lies_below_where_the_fall_is_a_square(self):
        y = np.geomspace(1e-5, 1e-1, 300)
        made = plane(y, np.outer((y / 1e-3) ** 2, [1.0, 0.5]), side="right")
        reading = readings.Reading(poisson_below=np.inf)
        made.events[reading] = made.events[TEXT]
        nodes = np.geomspace(1e-5, 1e-1, 25)
        exact = made.limit(reading)[0, 0]
        a, b = nodes[nodes < exact][-1], nodes[nodes > exact][0]
        expected = a + (exact**2 - a**2) / (b**2 - a**2) * (b - a)
        assert made.straight(reading)(0.15) == pytest.approx(expected, rel=2e-3)
        assert expected < exact

    def test_an_excluded_interval_has_two_edges(self):
        events = np.outer(np.where((self.y > 1e-8) & (self.y < 1e-5), 20.0, 0.0), [1.0, 0.5])
        made = plane(self.y, events)
        assert made.limit(TEXT)[0, 0] == pytest.approx(1e-8, rel=0.1)
        assert made.upper(TEXT)[0, 0] == pytest.approx(1e-5, rel=0.1)

    def test_where_nothing_is_excluded_there_is_no_limit(self):
        assert np.isnan(plane(self.y, np.zeros((300, 2))).limit(TEXT)).all()

    def test_small_variances_count_for_poisson(self):
        mean = np.array([[[0.0, 0.0], [0.05, 0.05]]])
        exact, poisson = (minus_delta_log_likelihood(mean, I, below)[0, 1] for below in (0.0, 1.0))
        assert poisson == pytest.approx(0.1, rel=1e-9)
        # With a relative error of 20 % α is 26, and −ln L of no event is α ln(1 + μ/25).
        before, after = (26 * np.log1p((I.background + s) / 25).sum() for s in (0.0, 0.05))
        assert exact == pytest.approx(after - before, rel=1e-9)


class TestAlong:
    one = Along(
        "Fig. P9 left, line",
        np.array([1.0, 2.0]),
        np.array([1.0, 1.0]),
        np.array([0.1, 0.1]),
        {
            name: np.array([value, value, value])
            for name, value in (("ours", [0.5, 2.0]), ("a", [1.0, 1.0]), ("grid", [1.0, 1.3]))
        },
    )

    def test_factors_multiply_up_from_ours_to_what_is_explained(self):
        product = np.prod(list(self.one.factors.values()), axis=0)
        np.testing.assert_allclose(self.one.ours * product, self.one.explained)

    def test_the_band_holds_reading_and_grid(self):
        np.testing.assert_allclose(self.one.band, [0.1, np.hypot(0.1, 0.3)])
        assert self.one.outside.tolist() == [False, False]

    def test_some_of_its_points_are_a_curve_as_well(self):
        np.testing.assert_array_equal(self.one.at([1]).explained, [1.3])

    def test_modules_have_names_at_the_axis_and_in_the_tables(self):
        by_module = replace(self.one, axis=("module", ""), labels=("P0D-water", "TPC2"), is_limit=False)
        assert by_module.at([1]).labels == ("TPC2",)
        assert self.one.at([1]).labels == ()
        figure = draw_along({"Fig. P3": [by_module]}, ("module",), ("selected N",), log="y")
        assert [text.get_text() for text in figure.axes[1].get_xticklabels()] == ["P∅D-water", "TPC2"]
        assert [row[0] for row in ratios_table(by_module).cells] == ["P∅D-water", "TPC2"]
        assert causes_frame([by_module]).x.tolist() == ["P0D-water", "TPC2"]


class TestHeavyCurves:
    def test_our_limit_leaves_that_of_figure_9_at_large_masses(self, heavy):
        ours = dict(zip(heavy["9 left this work"].x.round(3), heavy["9 left this work"].ours, strict=True))
        assert ours[0.02] == pytest.approx(1, abs=0.1)
        assert ours[0.573] < 0.6

    @pytest.mark.parametrize("name", ["9 left this work", "9 right this work"])
    def test_with_all_causes_it_is_the_papers(self, heavy, name):
        """A quarter holds the noise of the authors' sample over masses; the reading is good to 5 per cent."""
        one = heavy[name]
        inner = one.x > 0.01
        assert inner.sum() >= 4
        np.testing.assert_allclose(one.explained[inner], 1, atol=0.25)
        assert np.median(np.abs(one.explained[inner] - 1)) < 0.12

    def test_parts_are_the_papers_where_they_are_flat(self, heavy):
        argon, others = heavy["14 left argon"], heavy["14 left P0D and FGD"]
        np.testing.assert_allclose(argon.explained[argon.x < 0.6], 1, atol=0.35)  # read to 7 per cent
        np.testing.assert_allclose(others.explained[(others.x > 0.01) & (others.x < 0.1)], 1, atol=0.25)

    def test_a_combination_is_the_curve_of_the_other_figure(self, heavy):
        nine, fourteen = heavy["9 left this work"], heavy["14 left combination"]
        at = np.isin(nine.x, fourteen.x)
        np.testing.assert_array_equal(nine.last[:, at], fourteen.last)
        # Read to 5 and 7 per cent, and to worse at the left end, where both are steep.
        np.testing.assert_allclose(fourteen.paper[1:], nine.paper[at][1:], rtol=0.1)

    @pytest.mark.parametrize("name", ["T2K-I", "T2K-I+II"])
    def test_projections_are_the_papers_as_well_as_todays_limit_is(self, heavy, name):
        """The noise of the authors' sample is the same in both; a steep curve is read to a fifth."""
        today, then = heavy["9 left this work"], heavy[f"9 left {name}"]
        np.testing.assert_allclose(then.explained / today.explained, 1, atol=0.1)

    def test_the_projection_on_the_right_is_a_tenth_stronger_than_explained(self, heavy):
        np.testing.assert_allclose(heavy["9 right T2K-I+II"].explained, 1.1, atol=0.06)

    def test_the_hidden_cut_and_the_form_factor_go_opposite_ways(self, heavy):
        last = {
            name: factor[heavy["9 left this work"].x > 0.5]
            for name, factor in heavy["9 left this work"].factors.items()
        }
        assert np.all(last["|t|"] > 2)
        assert np.all(last["form factor"] < 1)


class TestLightCurves:
    def test_our_limit_is_up_to_a_hundred_times_that_of_analysis_i(self, light):
        one = light["15 left Analysis I"]
        np.testing.assert_allclose(one.x, [0.1429, 0.4643, 0.7857], atol=1e-4)
        np.testing.assert_allclose(one.ours, [3.5, 21, 101], rtol=0.3)

    @pytest.mark.parametrize("side", ["left", "right"])
    @pytest.mark.parametrize("curve", ["15 {} Analysis I", "15 {} Analysis II", "10 {} this work"])
    def test_with_all_causes_it_is_the_papers(self, light, side, curve):
        one = light[curve.format(side)]
        assert len(one.x) >= 2
        np.testing.assert_allclose(one.explained, 1, atol=0.22)
        assert np.mean(one.outside) <= 0.5

    def test_their_response_makes_the_limit_of_analysis_ii_stronger_where_leptons_are_fast(self, light):
        """Nothing above 2 GeV is smeared; Analysis I has no response, and is counted once for both readings."""
        factor = light["15 left Analysis II"].factors["smearing"]
        assert factor[0] == pytest.approx(1, abs=0.02)
        assert factor[-1] == pytest.approx(0.92, abs=0.04)  # a few per cent of the spread of masses between bins
        np.testing.assert_array_equal(light["15 left Analysis I"].factors["smearing"], 1.0)

    def test_a_limit_under_a_reading_of_ones_own_is_that_of_the_curve(self, light):
        steps = readings.cumulative(readings.LIGHT_CURVES)
        found = along.tried(15, "Analysis II", 4, {"mine": steps["half width"]})
        one = light["15 left Analysis II"]
        i = int(np.argmin(np.abs(one.x - 0.4643)))
        # The best likelihood is that of one column here, of all there.
        assert found["mine"][0] == pytest.approx(one.steps["half width"][0, i] / one.paper[i], rel=0.02)
        assert 0 < found["mine"][1] < 0.05

    @pytest.mark.parametrize(
        "curve", ["15 left combination", "15 right combination", "10 left T2K-I", "10 left T2K-I+II"]
    )
    def test_combinations_and_projections_are_the_papers(self, light, curve):
        np.testing.assert_allclose(light[curve].explained, 1, atol=0.12)

    def test_counts_cut_off_make_the_limit_of_analysis_ii_stronger_by_a_twelfth(self, light):
        np.testing.assert_allclose(light["15 left Analysis II"].factors["counts"], 0.92, atol=0.03)
        np.testing.assert_array_equal(light["15 left Analysis I"].factors["counts"], 1.0)

    def test_counts_of_a_projection_are_its_own(self, light):
        np.testing.assert_array_equal(light["10 left T2K-I"].factors["counts"], 1.0)

    def test_half_the_width_is_a_root_in_epsilon(self, light):
        for side, factor in (("left", 0.5), ("right", 0.5**0.5)):
            np.testing.assert_allclose(light[f"15 {side} Analysis I"].factors["half width"], factor, rtol=0.01)


@pytest.fixture(scope="module")
def rates():
    return at_benchmarks(samples.at(0.1, 1.25), samples.at(0.1, 0.03))


class TestOtherCurves:
    def test_acceptances_in_argon_are_the_papers_to_a_few_per_cent(self, rates):
        """The faces of the chambers and the selection are 3 and 20 per cent; the reading is good to 0.003."""
        argon = rates["4 argon"]
        near = argon.x < 30
        np.testing.assert_allclose(argon.explained[near], 1, atol=0.025)
        assert argon.ours[near].max() > 1.15

    def test_decays_and_shortest_lifetimes_are_the_papers(self, rates):
        events, lifetimes = rates["11 events"], rates["11 lifetimes"]
        np.testing.assert_allclose(events.explained[events.x > 3], 1, atol=0.1)  # read to 4 per cent
        few = (lifetimes.x > 12) & (lifetimes.x < 150)
        np.testing.assert_allclose(lifetimes.explained[few], 1, atol=0.08)

    def test_modules_have_one_scale(self, rates):
        modules = rates["3"]
        assert np.std(modules.explained) < 0.05
        assert modules.explained.mean() == pytest.approx(1, abs=0.1)

    def test_a_summary_has_the_range_of_each_curve(self, rates):
        lines = str(summary_table(list(rates.values()), "tab-x", "All.")).splitlines()
        assert len(lines) == 1 + len(rates)
        assert f"{rates['11 events'].explained.min():.2f}" in lines[-2]


class TestAllFactors:
    one = replace(TestAlong.one, name="Fig. P9 left, a line", axis=("$m_N$", "GeV"))

    def test_ours_over_the_papers_times_the_product_is_what_is_left(self):
        table = causes_frame([self.one, replace(self.one, name="another")])
        assert table.columns.tolist()[:7] == ["curve", "axis", "unit", "x", "paper", "ours", "ours_over_paper"]
        np.testing.assert_allclose(table.ours_over_paper * table["product"], table.left)
        np.testing.assert_allclose(table["product"], table.a * table.grid)
        assert table.axis.tolist() == ["m_N"] * 4

    def test_they_are_the_data_of_the_figure_of_all_curves(self):
        figure = draw_all([self.one])
        found = pd.read_csv(io.StringIO(figure_data(figure)))
        pd.testing.assert_frame_equal(found, causes_frame([self.one]), check_dtype=False)


class TestTicks:
    @pytest.mark.parametrize(("low", "high"), [(0.96, 1.21), (0.45, 1.1), (0.9, 1.05), (0.5, 1.9), (0.3, 5)])
    def test_one_is_among_the_ticks_of_a_ratio(self, low, high):
        ax = Figure().subplots()
        ax.set(yscale="log", ylim=(low, high))
        _plain_ratios(ax)
        assert np.isclose(ax.get_yticks(), 1).any()


def test_on_a_phone_names_stand_clear_of_the_points_of_all_curves_and_within_their_panel():
    shown = {
        "Fig. P14 right, P0D and FGD, upper edge": "Fig. P14 right, upper edge",
        "Fig. P9 right, T2K-I and T2K-I+II": "Fig. P9 right, projections",
        "Fig. P14 left, P0D and FGD": "Fig. P14 left, P∅D and FGD",
        "Fig. P11, excluded lifetimes": "Fig. P11, excluded lifetimes",
    }
    narrow = draw_all([replace(TestAlong.one, name=name, axis=("$m_N$", "GeV")) for name in shown]).own_narrow
    with _laid_out(narrow, PHONE_WIDTH):
        left = narrow.axes[0]
        points = np.concatenate([left.transData.transform(line.get_xydata()) for line in left.lines[:-1]])
        assert [text.get_text() for text in left.texts] == list(shown.values())
        for text in left.texts:
            frame = text.get_window_extent()
            assert not ((points[:, 1] > frame.y0) & (points[:, 1] < frame.y1)).any()
            assert frame.x1 < left.bbox.x1


class TestTables:
    one = replace(TestAlong.one, name="Fig. P9 left, a line", axis=("$m_N$", "GeV"))

    def test_an_overview_multiplies_up_to_the_observed_ratio(self):
        lines = str(overview_table([self.one], "tab-x", "All.")).splitlines()
        assert len(lines) == 1 + 3  # the middle of two is the last
        assert lines[-1].split()[-8:] == ["2.00", "0.650", "1.30", "0.32", "a", "0.50,", "grid", "1.30"]

    def test_ratios_have_the_name_of_their_curve_and_its_axis(self):
        found = ratios_table(self.one)
        assert found.name == "tab-along-fig-p9-left-a-line"
        assert found.head == ("$m_N$ [GeV]", "ours", "a", "grid", "left", "band")


def test_fill_counts_planes_that_share_an_analysis_once(monkeypatch):
    calls = []

    def column(self, x, reading, keep):
        calls.append((x, reading))
        return np.zeros((2, 3, 4))

    monkeypatch.setattr(Plane, "column", column)
    about = panel(15, "left"), I, np.array([0.1, 0.2]), np.ones(3), lambda x: 1.0
    made = [Plane(*about, counted=I + II, bins=bins) for bins in ((0, 2), (2, None))]
    planes.fill(made, [TEXT])
    assert len(calls) == 2
    assert [one.events[TEXT].shape for one in made] == [(2, 2, 3, 2), (2, 2, 3, 2)]

"""The paired comparison of choices: its counts are the package's, its errors the jackknife's."""

import dataclasses

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

import darkpkg as dk
from darkpkg.physics.kinematics import boost
from paper import choices
from paper.choices import OURS, PROGRAM, Choice, together
from paper.differences import comparison, counting
from paper.differences.comparison import HYDROGEN, KERNELS, NORM, NORM_OF_PROGRAM, OF_I, OF_II, Comparison, disc
from paper.differences.counting import GROUPS, count, mirrored
from paper.differences.jackknife import allowed, cell, error, events_in, ratio, replicates, written
from paper.figures.differences import draw_steps, in_mathematics, tornado

A, B, I, II = dk.BENCHMARK_A, dk.BENCHMARK_B, dk.ANALYSIS_I, dk.ANALYSIS_II


@pytest.fixture(scope="module", params=["A", "B"])
def compared(request):
    """A comparison from small samples, which it makes when it is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "N_EVENTS", {"A": 12_000, "B": 12_000})
        patch.setattr(comparison, "N_AROUND", {"A": 6_000, "B": 6_000})
        patch.setattr(comparison, "N_HYDROGEN", 2_000)
        yield Comparison(request.param)


@pytest.fixture(scope="module")
def events(compared):
    return compared.samples[0].events


def test_with_our_choices_counts_are_expected_events(compared, events):
    """For a Z′ that decays at once, as in the paper: the package follows one that flies."""
    point = compared.point.replace(decays="paper")
    for in_chamber, expect in ((True, dk.Kernel.events), (False, dk.Kernel.upscatterings)):
        mean, variance = count(events, point, compared.analysis, in_chamber=in_chamber).sum(axis=1)
        expected = expect(dk.Kernel(events), point, compared.analysis)
        np.testing.assert_allclose(mean, expected.mean, rtol=1e-9, atol=1e-12 * mean.sum())
        np.testing.assert_allclose(variance, expected.variance, rtol=1e-9, atol=1e-12 * variance.sum())


def test_shares_of_both_form_factors_add_up_to_one(compared):
    for sample in compared.samples:
        np.testing.assert_allclose(sum(sample.share.values()), 1, rtol=1e-12)


@pytest.mark.parametrize("model", choices.FORM_FACTORS)
def test_both_samples_together_estimate_what_either_does_alone(compared, model):
    """Within four errors, as if both were independent."""
    own = compared.samples[choices.FORM_FACTORS.index(model)].events
    alone = events_in(count(own, compared.point, compared.analysis, in_chamber=False))
    both = events_in(compared.predict(Choice(form_factor=model), in_chamber=False))
    assert abs(both[0] - alone[0]) < 4 * np.hypot(error(alone), error(both))


def test_a_mirrored_decay_has_opposite_momenta_in_the_rest_frame_of_n(events):
    turned = mirrored(events)
    back = events.p_N.T * np.array([1, -1, -1, -1])[:, None]
    for name in ("p_electron", "p_positron"):
        before, after = (np.array(boost(getattr(e, name).T, back, events.m_N)) for e in (events, turned))
        scale = np.abs(before).max(axis=0)
        np.testing.assert_allclose(after[0] / scale, before[0] / scale, atol=1e-6)  # rounding of two boosts
        np.testing.assert_allclose(after[1:] / scale, -before[1:] / scale, atol=1e-6)


def test_without_spin_an_event_is_half_itself_and_half_its_mirror_image(compared):
    about = [compared.predict(Choice(spin=spin), in_chamber=False) for spin in (1.0, 0.0, -1.0)]
    np.testing.assert_allclose(about[1], (about[0] + about[2]) / 2, rtol=1e-12, atol=1e-300)


def test_jackknife_error_of_a_sum_is_that_of_its_groups():
    groups = np.random.default_rng(5).normal(3.0, 1.0, (GROUPS, 1))
    expected = np.sqrt(GROUPS / (GROUPS - 1) * ((groups - groups.mean()) ** 2).sum())
    assert error(replicates(groups)[:, 0]) == pytest.approx(expected, rel=1e-12)


def test_a_factor_on_everything_has_no_error(compared):
    twice = compared.predict(Choice(factor=lambda events, channel: 2.0))
    change = ratio(events_in(twice), events_in(compared.ours))
    assert change[0] == pytest.approx(100, rel=1e-12)
    assert error(change) < 1e-9
    assert cell(change) == "+100.00"
    assert cell(0 * change) == "0"
    assert written(events_in(compared.ours), 2).count("±") == 1


def test_limits_are_those_of_the_package(compared, events):
    sums = count(events, compared.point, compared.analysis)
    along = dk.Slice(compared.point, V_muN_sq=compared.point.V_muN_sq * np.geomspace(0.01, 100, 9))
    (interval,) = dk.excluded_intervals(dk.Kernel(events), along, compared.analysis, n_parameters=2)
    # Between 91 factors on the signal, 0.08 apart in the logarithm, the fall is interpolated as a power.
    assert compared.limit(sums)[0] == pytest.approx(interval.low, rel=2e-3)


def test_a_factor_on_the_signal_divides_the_limit(compared):
    def factor(c):
        return allowed(np.array([c, c**2])[:, None, None] * compared.ours, compared.analysis)

    np.testing.assert_allclose(factor(2.0), factor(1.0) / 2, rtol=2e-3)  # the same interpolation


def test_changes_have_every_choice_the_largest_first(compared):
    named = {label for members in choices.choices(compared.name).values() for label in members}
    assert set(compared.changes) == named | {HYDROGEN, NORM, *KERNELS}
    sizes = [abs(row["limit"][0]) for _, row in compared.changes.values()]
    assert sizes == sorted(sizes, reverse=True)
    for _, row in compared.changes.values():
        assert ("upscatterings" in row) == (compared.name == "B")
        assert all(len(x) == 1 + GROUPS and np.isfinite(x).all() for x in row.values())
    assert compared.changes[NORM][1]["events"][0] == pytest.approx(100 * (NORM_OF_PROGRAM - 1), rel=1e-12)
    assert compared.changes[HYDROGEN][1]["events"][0] > 0


def test_steps_begin_with_ours_and_follow_the_authors_code(compared):
    steps = compared.steps()
    assert next(iter(steps)) == "ours"
    np.testing.assert_array_equal(steps["ours"], compared.ours)
    np.testing.assert_allclose(steps["its norm"], NORM_OF_PROGRAM * steps["wide kernel"], rtol=1e-12)
    assert ("half the width" in steps) == (compared.name == "A")
    cuts = compared.predict(together(*list(PROGRAM.values())[:4]))
    np.testing.assert_array_equal(steps["four cuts"], cuts)


def test_figures_show_every_choice_and_every_step(compared):
    ax = tornado(compared.changes).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()][::-1] == [in_mathematics(c) for c in compared.changes]
    widths = [bar.get_width() for bar in ax.patches[: len(compared.changes)]][::-1]
    np.testing.assert_allclose(widths, [row["limit"][0] for _, row in compared.changes.values()])
    steps = compared.steps()
    figure = draw_steps(dict.fromkeys(("B", "A", "B, N made"), steps))
    for ax, printed in zip(figure.axes, (4.6, 15.5), strict=True):
        assert [label.get_text() for label in ax.get_xticklabels()] == list(steps)
        first = next(line for line in ax.lines if len(line.get_xdata()) == len(steps) - 2)
        expected = [events_in(sums)[0] / printed for sums in list(steps.values())[:-2]]
        np.testing.assert_allclose(first.get_ydata(), expected)
    plt.close("all")


def test_ten_points_integrate_polynomials_over_the_disc_of_the_kernel():
    """Averages over the unit disc with 1 − r²: of r² they are 1/3, of r⁴ 1/6, and alike in all directions."""
    points, weights = disc()
    x, y = points.T
    r_sq = x**2 + y**2
    for values, mean in ((1 + 0 * x, 1), (x, 0), (x**2, 1 / 6), (x * y, 0), (r_sq, 1 / 3), (r_sq**2, 1 / 6)):
        assert weights @ values == pytest.approx(mean, abs=1e-12)


def test_choices_together_are_all_of_them(events):
    both = together(Choice(cuts={"min_cos_beam": 0.992}), Choice(form_factor="fermi", spin=-1.0))
    assert (both.cuts, both.form_factor, both.spin) == ({"min_cos_beam": 0.992}, "fermi", -1.0)
    channel = I.channels[0]
    product = together(Choice(factor=choices.heavy_argon), Choice(factor=lambda events, channel: 2.0))
    np.testing.assert_array_equal(product.factor(events, channel), 2 * choices.heavy_argon(events, channel))
    assert dataclasses.replace(OURS) == OURS
    assert OURS.selection(channel) == channel.selection


def test_both_analyses_are_counted_in_their_bins():
    assert len((I + II).observed[OF_I]) == len(I.observed)
    assert len((I + II).observed[OF_II]) == len(II.observed)
    assert counting.SEED == 2205

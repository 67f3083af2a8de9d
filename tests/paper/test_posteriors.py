"""What chains are compared with: nested sampling against an integral, profiles against the best of all points."""

from itertools import pairwise

import numpy as np
import pytest
from toy_sample import B, Predicted, counting

import darkpkg as dk
from darkpkg.inference.posterior import Prior
from paper.figure_output import PHONE_WIDTH, _laid_out
from paper.figures.posterior import draw_corner, draw_posterior
from paper.posteriors import profile, sample_nested

BOUNDS = {"V_muN_sq": (1e-10, 1e-4), "epsilon": (1e-4, 1e-1)}
WITH_LIFETIME = {"V_muN_sq": (1e-8, 1e-2), "V_N_sq": (1e-6, 1.0)}


def likelihood(bounds, rate):
    """Of a counting experiment with four counts and a background of one half."""
    exact = Predicted(lambda p: dk.Expectation(rate(p)[..., None], np.zeros((*p.shape, 1))))
    return dk.PointLikelihood(exact, counting(observed=4.0, background=0.5), B, bounds)


@pytest.fixture(scope="module")
def lnL():
    """Of a rate that goes as |V_μN|² alone."""
    return likelihood(BOUNDS, lambda p: 1e7 * (p.V_muN_sq + 0 * p.epsilon))


def test_nested_sampling_finds_the_integral_and_the_same_posterior(lnL):
    u = (np.arange(4000) + 0.5) / 4000
    L = np.exp(lnL.of_vector(Prior.of(lnL).values(np.stack([u, 0 * u], axis=1))))
    weight, evidence = L / L.sum(), np.log(L.mean())
    found = sample_nested(lnL, seed=3, n_live=60)
    assert abs(found.log_evidence - evidence) < 4 * found.error
    information = np.sum(weight * np.log(np.maximum(weight * len(u), 1e-300)))
    assert found.information == pytest.approx(information, abs=4 * found.error)
    low, high = np.log(BOUNDS["V_muN_sq"])
    place = (np.log(found.values[:, 0]) - low) / (high - low)
    mean = np.average(u, weights=weight)
    width = np.sqrt(np.average((u - mean) ** 2, weights=weight))
    assert abs(place.mean() - mean) < 4 * width / np.sqrt(60)  # as many independent draws as living points, at least
    assert found.n_likelihoods > 60


def test_a_profile_is_the_best_of_the_other_parameters(lnL):
    V = np.geomspace(1e-9, 1e-5, 5)
    expected = lnL.of_vector(np.stack([V, np.full(5, 1e-3)], axis=1))
    np.testing.assert_allclose(profile(lnL, "V_muN_sq", V, n_points=16), expected, rtol=1e-9)
    best = lnL.of_vector([3.5e-7, 1e-3])  # 3.5 events and a background of 0.5 for 4 counts
    # The last round has steps of 0.002 of the interval, 3 % of the rate, and ln L falls by 2 × 0.03².
    np.testing.assert_allclose(profile(lnL, "epsilon", [1e-3, 1e-2], n_points=64), best, atol=2e-3)


def test_a_profile_obeys_the_bound_of_the_mixing_of_the_decay_by_that_of_production():
    """Eq. (11): where |V_N|² has a value, |V_μN|² is at most that; a rate that grows with it is best there."""
    lnL = likelihood(WITH_LIFETIME, lambda p: 3e2 * (p.V_muN_sq + 0 * p.V_N_sq))
    V = np.array([1e-4, 1e-3, 1e-2])
    expected = lnL.of_vector(np.stack([V, V], axis=1))  # 0.03, 0.3 and 3 events, of 3.5 that are best
    found = profile(lnL, "V_N_sq", V, n_points=256)
    assert (found <= expected + 1e-9).all()
    # The last round has steps of 3 % of the rate: of 0.3 events, with a background of 0.5, 4 × 0.01 of ln L.
    np.testing.assert_allclose(found, expected, atol=0.06)


def test_a_corner_has_a_panel_for_each_two_parameters_and_needs_a_column_for_each():
    draws = 10 ** np.random.default_rng(1).normal(size=(400, 2))
    assert [ax.get_visible() for ax in draw_corner(draws, ["m_N", "epsilon"]).axes] == [True, False, True, True]
    with pytest.raises(ValueError, match=r"values must be \(draws, 3\), got shape \(400, 2\)"):
        draw_corner(draws, ["m_N", "epsilon", "alpha_D"])


def test_on_a_phone_each_axis_of_a_triangle_has_two_labels_that_do_not_touch():
    names = ("m_N", "m_Zprime", "alpha_D", "epsilon", "V_muN_sq", "V_N_sq")
    decades = np.array([(-2.3, 0), (-2.5, 1), (-3, 0), (-5, -1), (-12, -2), (-10, 0)])
    low, high = decades.T
    draws = 10 ** np.random.default_rng(2).uniform(low, high, (500, 6))
    narrow = draw_posterior(draws, names, 10).own_narrow
    with _laid_out(narrow, PHONE_WIDTH):
        narrow.canvas.draw()
        for axes in narrow.axes[-6:]:
            below = [text for text in axes.get_xticklabels() if text.get_text()]
            assert len(below) == 2
            assert len(axes.get_xticks()) == 2
        shown = [text for axes in narrow.axes[-6:] for text in axes.get_xticklabels() if text.get_text()]
        frames = sorted((text.get_window_extent() for text in shown), key=lambda frame: frame.x0)
        assert all(one.x1 < other.x0 for one, other in pairwise(frames))
    assert "log_{10}" in narrow.get_supxlabel()

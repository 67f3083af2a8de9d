"""The fit of Eq. (E1) to excluded lifetimes, and the rule of Eq. (E2)."""

import math

import numpy as np
import pytest

from paper.lifetime_bound import LifetimeBound, approximate_minimum_lifetime, fit_lifetime_bound


def test_points_on_the_formula_give_its_two_numbers():
    rate = np.geomspace(20, 2000, 12)
    fit = fit_lifetime_bound(rate, 1.1 / (np.log10(rate) - 0.89))
    assert (fit.alpha, fit.beta) == pytest.approx((1.1, 0.89), rel=1e-4)
    assert fit.scatter < 1e-5
    np.testing.assert_allclose(fit(rate), 1.1 / (np.log10(rate) - 0.89), rtol=1e-4)
    assert fit(5.0) == math.inf


def test_pulls_have_unit_width():
    rng = np.random.default_rng(1)
    rate = np.geomspace(20, 2000, 15)
    pulls = []
    for _ in range(200):
        noisy = 1.1 / (np.log10(rate) - 0.89) * np.exp(0.05 * rng.standard_normal(15))
        fit = fit_lifetime_bound(rate, noisy, 0.05)
        pulls.append([(fit.alpha - 1.1) / fit.alpha_error, (fit.beta - 0.89) / fit.beta_error])
    # Mean squares of 200 pulls are known to √(2/200) = 0.1.
    np.testing.assert_allclose(np.mean(np.square(pulls), axis=0), 1, atol=0.4)


def test_without_errors_the_scatter_of_the_points_makes_them():
    rng = np.random.default_rng(2)
    rate = np.geomspace(20, 2000, 400)
    noisy = 1.1 / (np.log10(rate) - 0.89) * np.exp(0.05 * rng.standard_normal(400))
    own, given = fit_lifetime_bound(rate, noisy), fit_lifetime_bound(rate, noisy, 0.05)
    assert own.alpha_error == pytest.approx(given.alpha_error, rel=4 / math.sqrt(2 * 400))
    assert own.scatter == pytest.approx(0.05, rel=4 / math.sqrt(2 * 400))
    assert -1 < own.correlation < -0.5  # the larger β, the smaller α


def test_with_few_points_their_scatter_is_over_the_degrees_of_freedom():
    rate = np.geomspace(20, 2000, 5)
    noisy = 1.1 / (np.log10(rate) - 0.89) * np.exp([0.05, -0.03, 0.02, 0.04, -0.05])
    own, given = fit_lifetime_bound(rate, noisy), fit_lifetime_bound(rate, noisy, 0.05)
    chi_sq = np.sum((np.log(noisy / given(rate)) / 0.05) ** 2)
    # The minimum is found to a small part of an error.
    assert own.alpha_error == pytest.approx(given.alpha_error * math.sqrt(chi_sq / (5 - 2)), rel=0.02)


def test_errors_are_those_of_the_curvature_of_chi_squared_also_off_the_formula():
    rate, error = np.geomspace(20, 2000, 6), 0.1
    ctau = 1.1 / (np.log10(rate) - 0.89) * np.exp([0.4, -0.3, -0.3, 0.2, 0.3, -0.3])
    fit = fit_lifetime_bound(rate, ctau, error)

    def half_chi_sq(alpha, beta):
        return np.sum((np.log(ctau * (np.log10(rate) - beta) / alpha) / error) ** 2) / 2

    step = 1e-3  # with which rounding and fourth derivatives leave 1e-4
    shifts = [(step, 0.0), (0.0, step)]
    best = np.array([fit.alpha, fit.beta])
    hessian = [
        [
            sum(s * t * half_chi_sq(*(best + s * np.array(a) + t * np.array(b))) for s in (1, -1) for t in (1, -1))
            / (4 * step**2)
            for b in shifts
        ]
        for a in shifts
    ]
    covariance = np.linalg.inv(hessian)
    expected = [*np.sqrt(np.diag(covariance)), covariance[0, 1] / np.sqrt(np.prod(np.diag(covariance)))]
    assert [fit.alpha_error, fit.beta_error, fit.correlation] == pytest.approx(expected, rel=1e-3)


def test_points_without_a_limit_are_left_out_and_two_are_too_few():
    rate = np.geomspace(20, 2000, 12)
    ctau = 1.1 / (np.log10(rate) - 0.89)
    ctau[3], ctau[11] = np.nan, 0.0
    assert fit_lifetime_bound(rate, ctau).alpha == pytest.approx(1.1, rel=1e-4)
    with pytest.raises(ValueError, match=r"ctau must have at least three points .* got 2"):
        fit_lifetime_bound(rate[:2], ctau[:2])


def test_the_rule_of_the_paper_is_its_third_fit_for_any_mass():
    """Eq. (E2) with β = 0.9 for 0.1 GeV, proportional to the mass."""
    third = LifetimeBound(1.1, 0.9, 0, 0, 0, 0)
    np.testing.assert_allclose(approximate_minimum_lifetime([10.0, 100.0], 0.1), third([10.0, 100.0]))
    assert approximate_minimum_lifetime(100.0, 0.2) == pytest.approx(2 * third(100.0))
    assert approximate_minimum_lifetime(7.9, 0.1) == math.inf

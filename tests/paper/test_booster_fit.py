"""The fit over masses and coupling: grids, profile, regions, and its samples against dedicated ones."""

import numpy as np
import pytest

import darkpkg as dk
from paper.booster import fit, miniboone
from paper.booster.beams import MUON_FLAVOURS

LIGHT, HEAVY = fit.SPACES["light"], fit.SPACES["heavy"]
NEUTRINO = miniboone.experiment({"neutrino": MUON_FLAVOURS["neutrino"]})


class AsTheSquare:
    """Events in proportion to |V_μN|², the same in all bins."""

    def events(self, theta, analysis):
        one = np.broadcast_to(theta.V_muN_sq, theta.shape)[..., None]
        return dk.Expectation(1e9 * one * np.ones(len(analysis.observed)), 0 * one * np.ones(len(analysis.observed)))


def test_cells_have_equal_volumes_and_fill_the_ranges():
    for end, middles in zip((LIGHT.m_N, LIGHT.m_Zprime, LIGHT.U_mu4), LIGHT.grid(5, 6, 7), strict=True):
        steps = np.diff(np.log(middles))
        np.testing.assert_allclose(steps, np.log(end[1] / end[0]) / len(middles))
        assert np.log(middles[0] / end[0]) == pytest.approx(steps[0] / 2)


@pytest.mark.parametrize(("space", "light"), [(LIGHT, True), (HEAVY, False)])
def test_a_scan_has_points_of_its_mediator_only(space, light):
    scan = fit.Scan.of(AsTheSquare(), miniboone.MINIBOONE_NU, space, (4, 5, 3))
    there = np.isfinite(scan.mean).all(axis=(2, 3))
    np.testing.assert_array_equal(there, (scan.m_Zprime < scan.m_N[:, None]) == light)
    expected = 1e9 * (scan.U_mu4 / 2) ** 2
    np.testing.assert_allclose(scan.mean[there][0, :, 0], expected)


def test_without_signal_chi_squared_is_that_of_the_counts_alone():
    scan = fit.Scan.of(AsTheSquare(), miniboone.MINIBOONE_BOTH, LIGHT, (2, 2, 2))
    nothing = fit.Scan(LIGHT, *LIGHT.grid(2, 2, 2), 0 * scan.mean, scan.variance, scan.analysis)
    values = fit.chi_squared(nothing)
    np.testing.assert_allclose(values[np.isfinite(values)], 69.23, atol=0.005)  # printed digits


def test_the_profile_is_the_least_value_over_the_coupling():
    scan = fit.Scan.of(AsTheSquare(), miniboone.MINIBOONE_NU, LIGHT, (3, 3, 30))
    values = fit.chi_squared(scan, ["neutrino"])
    least, at = fit.profiled(values)
    there = np.isfinite(least)
    np.testing.assert_array_equal(there, scan.m_Zprime < scan.m_N[:, None])
    assert least[there] == pytest.approx(np.nanmin(values))  # the same signal at all masses
    best = 11 * 1e9 * (scan.U_mu4[at[there][0]] / 2) ** 2
    assert 50 < best < 1500


@pytest.mark.parametrize(("sigma", "n", "expected"), [(1, 1, 1.0), (2, 2, 6.18), (3, 2, 11.83), (2, 3, 8.02)])
def test_thresholds_are_those_of_the_tables(sigma, n, expected):
    assert fit.threshold(sigma, n) == pytest.approx(expected, abs=0.005)


def test_ends_are_those_of_each_row():
    allowed = np.array([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], bool)
    low, high = fit.ends(np.array([1.0, 2.0, 3.0, 4.0]), allowed)
    np.testing.assert_array_equal(low, [2, 4, np.nan])
    np.testing.assert_array_equal(high, [3, 4, np.nan])


def test_the_share_that_is_left_counts_cells():
    inside, excluded = np.array([1, 1, 1, 1, 0], bool), np.array([1, 0, 1, 1, 0], bool)
    assert fit.share_left(inside, excluded) == 0.25


@pytest.mark.filterwarnings("ignore::darkpkg.method.expectation.FewEventsWarning")
def test_a_sample_over_masses_gives_what_a_dedicated_one_does():
    """With a light Z′, at one point, within four sigma of both."""
    theta = LIGHT.parameters(0.3, 0.05, 3e-4)
    over_masses = fit.sample(NEUTRINO, LIGHT, 2**15, seed=3)
    one = dk.Transport(over_masses).events(theta, miniboone.MINIBOONE_NU).total()
    own = dk.simulate(theta, 2**11, 5, experiment=NEUTRINO, hydrogen=True, nucleons=True)
    other = dk.Kernel(own).events(theta, miniboone.MINIBOONE_NU).total()
    assert one.mean == pytest.approx(float(other.mean), abs=4 * np.sqrt(one.variance + other.variance))
    assert np.sqrt(one.variance) < 0.2 * one.mean

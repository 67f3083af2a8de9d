"""Stored rates, and what the experiments say of points, alone and together."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import chi2

import darkpkg as dk
from paper.booster import counts, fit, microboone, miniboone, planes, rates, spectra, together

STORED = rates.load()


@pytest.fixture(scope="module")
def search():
    channel = dataclasses.replace(microboone.MICROBOONE_PAIRS.channels[0], name="another", pot=1e21)
    return dataclasses.replace(microboone.MICROBOONE_PAIRS, name="another", channels=(channel,))


class Constant:
    def __init__(self, mean):
        self.mean = mean

    def events(self, theta, analysis):
        mean = np.full((*theta.shape, len(analysis.observed)), self.mean)
        return dk.Expectation(mean, 0 * mean)


@pytest.mark.parametrize(
    ("mediator", "m_N", "m_Zprime", "U"),
    [("light", 0.17, 0.04, 3e-4), ("heavy", 0.13, 0.9, 5e-2), ("heavy", 0.3, 0.4, 3e-3)],
)
@pytest.mark.filterwarnings("ignore::darkpkg.method.expectation.FewEventsWarning")
def test_stored_rates_agree_with_a_sample_between_nodes(mediator, m_N, m_Zprime, U):
    theta = fit.SPACES[mediator].parameters(m_N, m_Zprime, U)
    for experiment, analysis in (rates.searches()[name] for name in ("MiniBooNE", "MicroBooNE")):
        sample = fit.sample_at(theta, experiment, 2**11, 32, seed=7)
        own, found = (one.events(theta, analysis).total() for one in (dk.Kernel(sample), STORED))
        # Five per cent between nodes, and errors of both.
        error = np.sqrt(own.variance + found.variance)
        assert found.mean == pytest.approx(float(own.mean), abs=0.05 * own.mean + 3 * error), experiment.name


def test_rates_are_as_the_coupling_and_fall_with_long_lives():
    theta = fit.SPACES["heavy"].parameters(0.1, 1.0, 1e-2)
    twice = theta.replace(alpha_D=2 * theta.alpha_D, V_N_sq=theta.V_N_sq / 2)
    one, other = (STORED.events(point, microboone.MICROBOONE_PAIRS).mean for point in (theta, twice))
    assert other == pytest.approx(2 * one * 1, rel=1e-6)
    faint = [STORED.events(theta.replace(epsilon=e), microboone.MICROBOONE_PAIRS).mean.sum() for e in (1e-7, 1e-8)]
    assert faint[0] / faint[1] == pytest.approx(1e4, rel=1e-3)  # ε² of the production and ε² of the life


def test_another_selection_is_refused():
    other = miniboone.analysis(["neutrino"], criterion="mass")
    with pytest.raises(ValueError, match="selection must be one of those of MiniBooNE"):
        STORED.events(fit.SPACES["light"].parameters(0.1, 0.03, 1e-4), other)


def test_an_excluded_point_has_a_larger_coupling_than_the_best():
    pull = np.array([[-3.0, -1.0, 0.0, 1.0, 1.7, 3.0]])
    height = fit.height(-(pull**2) / 2, 0.95)
    np.testing.assert_array_equal(height > 0, [[False, False, False, False, True, True]])
    assert height[0, -1] == pytest.approx(9 - chi2.ppf(0.9, 1))
    worse = fit.height(-(pull[:, 2:] ** 2) / 2 - 1.0, 0.95)  # no signal is better by one
    assert worse[0, 1] == pytest.approx(1 + 2 - chi2.ppf(0.9, 1))


def test_points_of_the_other_mediator_are_nan_and_not_excluded():
    found = planes.over_space("light", (3, 3, 8))
    there = np.isfinite(found.chi_squared).all(axis=-1)
    m_N, m_Zprime, _ = fit.SPACES["light"].grid(3, 3, 8)
    np.testing.assert_array_equal(there, m_Zprime < m_N[:, None])
    assert not found.excluded("T2K + MicroBooNE", 0.9)[~there].any()


def test_a_higher_level_and_the_low_end_exclude_less():
    found = planes.over_space("heavy", (4, 4, 24))
    for name in planes.SEARCHES:
        assert not (found.excluded(name, 0.95) & ~found.excluded(name, 0.90)).any()
    assert not (found.excluded("MicroBooNE, low", 0.9) & ~found.excluded("MicroBooNE", 0.9)).any()


@pytest.mark.parametrize("name", planes.PLANES)
def test_a_plane_has_the_least_chi_squared_at_zero(name):
    found = planes.plane("heavy", name, n=6)
    assert np.nanmin(found.delta) == 0
    assert all(one.shape == (len(found.x), len(found.y)) for one in found.heights.values())


@pytest.mark.parametrize("name", planes.PLANES[:2])
def test_simulations_there_have_the_edges_of_the_table(name):
    """Rates and edges have errors of a per cent; values along y lie 12 or 34 per cent apart."""
    one = planes.plane("heavy", name, n=16)
    height = one.heights["T2K", 0.95][5]
    changes = np.flatnonzero(np.diff(np.sign(height)))
    edges, sides = list(planes.dedicated_edges("heavy", one, 5)), np.array([1 - 1 / 30, 1 + 1 / 30])
    assert len(edges) == len(changes) > 0
    for (x, y), k in zip(edges, changes, strict=True):
        assert x == one.x[5]
        assert one.y[k] / 1.03 < y < one.y[k + 1] * 1.03
        if name == "m_N, V_muN_sq":
            around = fit.SPACES["heavy"].parameters(x, planes.FIXED["heavy"]["m_Zprime"], 2 * np.sqrt(y * sides))
            below, above = fit.height(planes.t2k_log_likelihood(around), 0.95)
            assert (below > 0) != (above > 0)


class TestTogether:
    def test_events_stand_in_the_order_of_the_parts(self, search):
        theta = fit.SPACES["light"].parameters(0.1, 0.03, np.array([1e-4, 2e-4]))
        parts = (
            (microboone.MICROBOONE_PAIRS, Constant(1.0)),
            (miniboone.MINIBOONE_NU, Constant(2.0)),
            (search, Constant(3.0)),
        )
        both = together.Together(parts)
        found = both.events(theta, both.analysis)
        np.testing.assert_array_equal(found.mean, [[1.0, *[2.0] * 11, 3.0]] * 2)
        assert dk.scan(both, theta, both.analysis).log_likelihood.shape == (2,)

    def test_another_analysis_is_refused(self):
        both = together.Together(((microboone.MICROBOONE_PAIRS, Constant(1.0)),))
        with pytest.raises(ValueError, match="analysis must be the sum of the parts"):
            both.events(fit.SPACES["light"].parameters(0.1, 0.03, 1e-4), dk.ANALYSIS_I)

    def test_a_shared_flux_is_one_source_and_apart_one_for_each(self, search):
        two = [microboone.MICROBOONE_PAIRS, search, dk.ANALYSIS_I]
        shared = together.with_shared_flux(two, two[:2], 0.1)
        apart = together.with_shared_flux(two, two[:2], 0.1, apart=True)
        assert shared.shared_signal == ((0.1, 0.1, 0.0, 0.0),)
        assert apart.shared_signal == ((0.1, 0.0, 0.0, 0.0), (0.0, 0.1, 0.0, 0.0))
        assert not np.any(shared.shared)  # errors of the flux are of signals alone

    def test_the_signal_of_miniboone_has_its_own_errors_and_its_background_those_of_the_release(self):
        parts = [miniboone.MINIBOONE_NU, microboone.MICROBOONE_PAIRS]
        whole = together.with_shared_flux(parts, parts, 0.1)
        signal, background = np.array(whole.shared_signal), np.array(whole.shared)
        np.testing.assert_allclose(np.sqrt((signal[:, :11] ** 2).sum(axis=0)), np.hypot(0.1, 0.15))
        release = np.array(miniboone.MINIBOONE_NU.shared)
        np.testing.assert_allclose((background[:, :11] ** 2).sum(axis=0), (release**2).sum(axis=0))


class TestSpectra:
    def test_counts_of_both_are_those_of_each_within_their_ranges(self):
        both, energy = spectra.analyses()["both"], spectra.analyses()["visible_energy"]
        per_slice = both.observed.reshape(len(spectra.ENERGIES) - 1, -1)
        edges = np.array(energy.selection.edges) * 1e3
        inside = [
            energy.observed[(edges[:-1] >= a - 1e-6) & (edges[1:] <= b + 1e-6)].sum()
            for a, b in zip(spectra.ENERGIES[:-1], spectra.ENERGIES[1:], strict=True)
        ]
        np.testing.assert_array_equal(per_slice.sum(axis=1), inside)
        assert both.observed.sum() == pytest.approx(spectra.analyses()["cos_theta"].observed.sum(), abs=10)

    def test_the_excess_itself_gains_more_than_another_shape(self):
        own = spectra.analyses()["cos_theta"]
        excess = np.maximum(own.observed - own.background, 0.0)
        shapes = excess, np.ones(len(excess)), np.eye(len(excess))[-1]
        gains = [spectra.gain(dk.Expectation(one, 0 * one), own)[0] for one in shapes]
        assert gains[0] > gains[1] > 0
        assert gains[0] > gains[2]


def test_a_wider_resolution_spreads_the_energy():
    wide, narrow = miniboone.selection(resolution=1.5), miniboone.selection(resolution=0.0)
    theta = fit.SPACES["light"].parameters(0.1, 0.03, 1e-4)
    sample = fit.sample_at(theta, miniboone.MINIBOONE, 2**9, 2)
    bins = [one.accepted(sample)[0] for one in (narrow, wide)]
    assert (bins[0] != bins[1]).mean() > 0.1
    with pytest.raises(ValueError, match="resolution"):
        miniboone.selection(resolution=-1.0)


def test_counts_of_both_modes_have_22_electron_like_bins():
    assert len(counts.likelihood().signal_bins) == 22


def test_the_plane_of_masses_has_the_coupling_that_fits_best():
    """At its points χ² is below that of a dense grid of couplings, and heights are those at the best of them."""
    one, space = planes.plane("heavy", "m_N, m_Zprime", n=16), fit.SPACES["heavy"]
    U = np.geomspace(*space.U_mu4, 2000)
    at = [(i, 11) for i in (3, 6, 9)]
    dense = [planes.compare("heavy", one.x[i], one.y[j], space.epsilon, U) for i, j in at]
    least = np.array([found.chi_squared.min() for found in dense])
    delta = np.array([one.delta[i, j] for i, j in at])
    # Two thousandths of a decade are left between couplings.
    np.testing.assert_allclose(delta - delta[0], least - least[0], atol=0.01)
    for (i, j), found in zip(at, dense, strict=True):
        height = found.height("MicroBooNE", 0.95)[found.chi_squared.argmin()]
        assert one.heights["MicroBooNE", 0.95][i, j] == pytest.approx(height, abs=0.05)


def test_more_pairs_leave_less_of_the_region():
    found = planes.over_space("heavy", (6, 5, 24))
    inside = found.inside(2, 3)
    left = planes.left_by_microboone("heavy", inside, [planes.fiducial_share(), 1.0, 3.0])
    assert left[1] == pytest.approx(fit.share_left(inside, found.excluded("MicroBooNE", 0.95)), abs=1e-12)
    assert left[0] >= left[1] > left[2]

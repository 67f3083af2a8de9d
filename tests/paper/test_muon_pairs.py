"""Pairs of muons: their decay is that of the amplitude, and the limits follow from their number."""

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.physics.kinematics import dot, invariant_mass, momentum
from darkpkg.units import MUON_MASS
from paper import muon_pairs, spin
from paper.muon_pairs import MUONS

HEAVY = dk.BENCHMARK_B.replace(m_N=0.5)
LIGHT = dk.BENCHMARK_A.replace(m_N=0.5, m_Zprime=0.25)


@pytest.fixture(scope="module")
def samples():
    """Electron pairs, and the same N with pairs of muons."""
    found = {}
    for name, theta in (("heavy", HEAVY), ("light", LIGHT)):
        events = dk.simulate(theta, 1 << 12, seed=5)
        found[name] = events, muon_pairs.muon_pairs(events, np.random.default_rng(5))
    return found


@pytest.mark.parametrize("name", ["heavy", "light"])
def test_muons_are_on_their_mass_shell_and_conserve_momentum(samples, name):
    events, muons = samples[name]
    for p in (muons.p_electron, muons.p_positron):
        # A difference of squares of up to 10 GeV.
        np.testing.assert_allclose(invariant_mass(p), MUON_MASS, rtol=1e-6)
    neutrino = muons.p_N - muons.p_electron - muons.p_positron
    np.testing.assert_allclose(dot(neutrino, neutrino), 0, atol=1e-10 * momentum(muons.p_N).max() ** 2)
    np.testing.assert_array_equal(muons.p_N, events.p_N)


def test_an_on_shell_dark_photon_has_its_mass_and_the_asymmetry_of_its_decay(samples):
    _, muons = samples["light"]
    np.testing.assert_allclose(invariant_mass(muons.p_electron + muons.p_positron), 0.25, rtol=1e-6)
    r = (0.25 / 0.5) ** 2
    cosine = spin.cos_Z(muons)
    mean = np.average(cosine, weights=muons.weight)
    sigma = np.sqrt((muons.weight**2 * (cosine - mean) ** 2).sum()) / muons.weight.sum()
    assert abs(mean + (1 - 2 * r) / (1 + 2 * r) / 3) < 5 * sigma


def test_the_mass_of_three_body_pairs_is_distributed_as_the_width_is(samples):
    """⟨s⟩ of the density (1−y)²(1+2y)(1 + 2m²/s)√(1−4m²/s)/(1−xy)² by trapezes; weights do not depend on s."""
    _, muons = samples["heavy"]
    s = np.linspace(4 * MUON_MASS**2, 0.25, 200_001)[1:]
    y, mass_sq = s / 0.25, MUON_MASS**2
    density = (
        (1 - y) ** 2 * (1 + 2 * y) * (1 + 2 * mass_sq / s) * np.sqrt(1 - 4 * mass_sq / s) / (1 - s / 1.25**2) ** 2
    )
    expected = (s * density).sum() / density.sum()
    found = invariant_mass(muons.p_electron + muons.p_positron) ** 2
    assert found.mean() == pytest.approx(expected, abs=5 * found.std() / np.sqrt(len(found)))


@pytest.mark.parametrize("name", ["heavy", "light"])
def test_the_angles_leave_the_number_of_n_as_it_is(samples, name):
    events, muons = samples[name]
    ratio = muons.weight / events.weight
    assert ratio.mean() == pytest.approx(1, abs=5 * ratio.std() / np.sqrt(len(ratio)))


def test_below_the_threshold_there_are_none(samples):
    events = dk.simulate(dk.BENCHMARK_A, 1 << 8, seed=1)
    with pytest.raises(ValueError, match=r"above 2 m_μ = 0.2113, got 0.1 and 0.03"):
        muon_pairs.muon_pairs(events, np.random.default_rng(1))


def test_muons_over_electrons_are_their_branching_ratios():
    """On the mass shell (1 + 2m²/s)√(1 − 4m²/s), which is 0.42 of 0.58 at 0.25 GeV."""
    x = 4 * MUON_MASS**2 / 0.25**2
    assert muon_pairs.per_electron_pair(LIGHT) == pytest.approx((1 + x / 2) * np.sqrt(1 - x), rel=1e-3)
    assert muon_pairs.per_electron_pair(dk.BENCHMARK_B) == 0.0


def test_both_signals_together_are_stronger_and_the_background_hardly_matters():
    found = muon_pairs.sensitivity(dk.BENCHMARK_B, np.array([0.5]), n_events=1 << 11)
    assert found.together < min(found.electrons, found.muons)
    # Nothing is observed, and then Poisson's limit does not depend on the background; the systematic error is 20 %.
    assert found.muons == pytest.approx(found.without_background, rel=0.1)


def test_the_counts_of_muons_are_assumed_and_not_those_of_electrons():
    assert (MUONS.observed == 0).all()
    np.testing.assert_array_equal(MUONS.background, dk.ANALYSIS_I.background)
    assert len((dk.ANALYSIS_I + MUONS).channels) == 4

"""Standard heavy neutrinos from the target, decaying in flight."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import simpson

from darkpkg.experiment.selection import Cuts, observables
from darkpkg.physics.kinematics import boost, dot, invariant_mass, momentum
from darkpkg.units import ELECTRON_MASS
from paper.standard_neutrino.decays_in_flight import decays_in_flight
from paper.standard_neutrino.flux import load_heavy_neutrino_flux
from paper.standard_neutrino.weak import StandardHeavyNeutrino, laboratory_helicity, mass_spectrum, squared_amplitude

M_N = 0.15
N_e, N_mu = StandardHeavyNeutrino(M_N, U_e_sq=1e-7), StandardHeavyNeutrino(M_N, U_mu_sq=1e-7)
EVENTS = 200_000
SOURCES = [(N_e, "e"), (N_mu, "mu")]


def per_beta_gamma(E, lepton, m_N=M_N):
    """Flux over βγ."""
    return np.interp(E, *load_heavy_neutrino_flux(m_N, lepton)) * m_N / np.sqrt(E**2 - m_N**2)


def integral(density, a, b):
    x = np.linspace(a, b, 2001)
    return simpson(density(x), x=x)


def chi_squared(values, weights, edges, density):
    """χ² of shares of the weight in bins against a density, integrated over each bin."""
    weights = weights / weights.sum()
    share = np.histogram(values, edges, weights=weights)[0]
    variance = np.histogram(values, edges, weights=weights**2)[0] * (1 - 2 * share) + share**2 * (weights**2).sum()
    expected = np.array([integral(density, a, b) for a, b in pairwise(edges)])
    return ((share - expected / expected.sum()) ** 2 / variance).sum()


def in_rest_frame(decays, m_N=M_N):
    """Pair (n, 4) in the rest frame of N."""
    back = decays.p_N * [1, -1, -1, -1]
    return np.stack(boost((decays.p_electron + decays.p_positron).T, back.T, m_N), axis=-1)


@pytest.mark.parametrize(("neutrino", "lepton"), SOURCES)
def test_weights_add_up_to_the_flux_over_beta_gamma(neutrino, lepton):
    decays = decays_in_flight(neutrino, EVENTS, seed=3)
    energy, _ = load_heavy_neutrino_flux(M_N, lepton)
    pieces = (integral(lambda E: per_beta_gamma(E, lepton), a, b) for a, b in pairwise(energy))
    error = np.sqrt((decays.weight**2).sum())
    assert error / decays.weight.sum() < 0.005
    assert decays.weight.sum() == pytest.approx(1e-7 * sum(pieces), abs=4 * error)


@pytest.mark.parametrize(("neutrino", "lepton"), SOURCES)
def test_energies_follow_the_published_spectrum_with_more_decays_of_slow_n(neutrino, lepton):
    decays = decays_in_flight(neutrino, EVENTS, seed=4)
    edges = np.array([0.2, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 9.5])
    inside = (decays.p_N[:, 0] > edges[0]) & (decays.p_N[:, 0] < edges[-1])
    E, weight = decays.p_N[inside, 0], decays.weight[inside]
    # 12 degrees of freedom: between 2 and 35 is a probability of 1e-3 on either side.
    assert 2 < chi_squared(E, weight, edges, lambda x: per_beta_gamma(x, lepton)) < 35
    assert chi_squared(E, weight, edges, lambda x: per_beta_gamma(x, lepton) * x**0.05) > 35


def test_masses_of_pairs_follow_the_spectrum_of_the_width():
    decays = decays_in_flight(N_mu, EVENTS, seed=5)
    low, high = 4 * ELECTRON_MASS**2, M_N**2
    edges = np.array([low, *(np.linspace(0.05, 0.95, 13) * high), high])
    s = invariant_mass(in_rest_frame(decays)) ** 2
    assert 2 < chi_squared(s, decays.weight, edges, lambda s: mass_spectrum(s, M_N, N_mu.couplings)) < 35


@pytest.mark.parametrize("helicity", [-1.0, 0.0, 0.6])
def test_pairs_follow_the_spin_of_n(helicity):
    # 1 − P cos θ_Z (m² − 2s)/(m² + 2s) against the axis opposite to the spin, averaged over dΓ/ds: a third.
    decays = decays_in_flight(N_mu, EVENTS, seed=6, helicity=helicity)
    pair = in_rest_frame(decays)
    edges = np.linspace(-1, 1, 13)
    cosine = pair[:, 3] / momentum(pair)
    # 11 degrees of freedom: 1.5 to 33 is a probability of 1e-3 on either side. m_e²/m_N² is negligible.
    assert 1.5 < chi_squared(cosine, decays.weight, edges, lambda c: 1 + helicity * c / 3) < 33
    assert chi_squared(cosine, decays.weight, edges, lambda c: 1 + (helicity - 0.1) * c / 3) > 33


@pytest.mark.parametrize(("neutrino", "lepton"), SOURCES)
def test_spin_is_by_default_that_of_kaons_towards_the_detector(neutrino, lepton):
    h = float(laboratory_helicity(1.0, M_N, lepton))
    default, fixed = (decays_in_flight(neutrino, 1000, seed=7, helicity=value) for value in (None, h))
    np.testing.assert_array_equal(default.p_electron, fixed.p_electron)
    overtakes = default.p_N[:, 0] > 0.28  # above E* of both kaon decays
    np.testing.assert_allclose(default.weight[overtakes], fixed.weight[overtakes], rtol=1e-9)
    reversed_spin = decays_in_flight(neutrino, 1000, seed=7, helicity=-h)
    slow = default.p_N[:, 0] < 0.25
    assert slow.sum() > 10
    np.testing.assert_allclose(default.weight[slow], reversed_spin.weight[slow], rtol=1e-9)


@pytest.mark.parametrize("neutrino", [N_e, N_mu, StandardHeavyNeutrino(0.25, U_mu_sq=0.1)])
def test_momentum_is_conserved_and_n_flies_along_the_beam(neutrino):
    decays = decays_in_flight(neutrino, 10_000, seed=8)
    p_nu = decays.p_N - decays.p_electron - decays.p_positron
    rounding = 1e-13 * decays.p_N[:, 0].max() ** 2
    np.testing.assert_allclose(dot(decays.p_N, decays.p_N), neutrino.m_N**2, atol=rounding)
    np.testing.assert_allclose(dot(p_nu, p_nu), 0, atol=rounding)
    for p in (decays.p_electron, decays.p_positron):
        np.testing.assert_allclose(dot(p, p), ELECTRON_MASS**2, atol=rounding)
    assert (p_nu[:, 0] > -1e-12).all()
    assert (decays.p_N[:, 1:3] == 0).all()
    assert (decays.p_N[:, 3] > 0).all()
    assert (decays.weight >= 0).all()
    assert len(decays) == len(decays.weight) == 10_000


@pytest.mark.parametrize(("neutrino", "lepton"), SOURCES)
def test_each_weight_is_that_of_the_momenta_beside_it(neutrino, lepton):
    # From four-vectors of the laboratory alone: flux × |M|² × phase space over the density of the random numbers,
    # which is even in rapidity and as (m_N² − s)² in s. The spin vector of helicity h is h (p, 0, 0, E)/m_N.
    decays, h = decays_in_flight(neutrino, 1000, seed=12, helicity=0.7), 0.7
    E, p = decays.p_N[:, 0], decays.p_N[:, 3]
    spin = np.stack([p, 0 * p, 0 * p, E], axis=-1) * h / M_N
    p_nu = decays.p_N - decays.p_electron - decays.p_positron
    n = decays.p_N - M_N * spin
    squared = squared_amplitude(neutrino.couplings, n.T, p_nu.T, decays.p_electron.T, decays.p_positron.T)
    s = invariant_mass(decays.p_electron + decays.p_positron) ** 2
    reach = M_N**2 - 4 * ELECTRON_MASS**2
    density_s = 3 * (M_N**2 - s) ** 2 / reach**3
    phase_space = (1 - s / M_N**2) * np.sqrt(1 - 4 * ELECTRON_MASS**2 / s) / (128 * np.pi**3)
    energy, flux = load_heavy_neutrino_flux(M_N, lepton)
    range_rapidity = np.ptp(np.arccosh(energy / M_N))
    made = 1e-7 * np.interp(E, energy, flux) * M_N * range_rapidity / len(decays)
    expected = made * squared * phase_space / (2 * M_N) / neutrino.pair_width() / density_s
    # The laboratory loses digits to γ² up to 4000, most where the pair is at threshold or takes all the mass.
    np.testing.assert_allclose(decays.weight, expected, rtol=1e-6, atol=1e-6 * expected.max())


def test_the_five_variables_know_the_flavour_only_by_flux_and_spin():
    # Symmetric under e⁺ ↔ e⁻, they see g_L² + g_R² and m_e² alone.
    # U_τ has the couplings of U_μ: added to the decay of N from K → μ N it changes nothing in the shape.
    mixed = decays_in_flight(StandardHeavyNeutrino(M_N, U_mu_sq=1e-7, U_tau_sq=1e-3), EVENTS, seed=9)
    alone = decays_in_flight(N_mu, EVENTS, seed=9)
    np.testing.assert_allclose(mixed.weight, alone.weight, rtol=1e-9)
    # U_e has the charged current too, and gives e⁻ and e⁺ different spectra, but no different pairs.
    electron = decays_in_flight(N_e, EVENTS, seed=9, helicity=-0.5)
    muon = decays_in_flight(StandardHeavyNeutrino(M_N, U_e_sq=1e-9, U_mu_sq=1e-1), EVENTS, seed=9, helicity=-0.5)
    first = slice(0, EVENTS // 2)  # the N from K → e N, whose decay is now that of U_mu
    for name in ("energy", "mass", "cos_opening"):
        values = getattr(observables(electron), name)[first]
        means = [np.average(values, weights=sample.weight[first]) for sample in (electron, muon)]
        # The same momenta with other weights: their difference fluctuates by 1e-3 of the spread.
        assert means[0] == pytest.approx(means[1], abs=5e-3 * values.std()), name
    hard = electron.p_electron[first, 0] - electron.p_positron[first, 0]
    means = [np.average(hard, weights=sample.weight[first]) for sample in (electron, muon)]
    assert abs(means[0] - means[1]) > 0.1 * hard.std()


def test_kaon_decays_add_up_by_their_mixing():
    both = decays_in_flight(StandardHeavyNeutrino(M_N, U_e_sq=1e-7, U_mu_sq=3e-7), 2000, seed=10)
    e, mu = (decays_in_flight(N, 1000, seed=10) for N in (N_e, N_mu))
    np.testing.assert_array_equal(both.p_N, np.concatenate([e.p_N, mu.p_N]))
    assert both.weight[:1000].sum() == pytest.approx(e.weight.sum(), rel=0.05)  # other chirality, event by event
    assert both.weight[1000:].sum() == pytest.approx(3 * mu.weight.sum(), rel=0.05)


def test_right_handed_n_give_the_pair_more_energy_and_pass_more_often():
    efficiency = []
    for helicity in (-1, 0, 1):
        decays = decays_in_flight(N_e, EVENTS, seed=11, helicity=helicity)
        efficiency.append(np.average(Cuts().passes(observables(decays)), weights=decays.weight))
    # The weights are linear in the helicity; the same events with 2e5 of them fluctuate by less than 2e-3.
    assert efficiency[1] == pytest.approx((efficiency[0] + efficiency[2]) / 2, abs=4e-3)
    assert 0.03 < efficiency[2] - efficiency[0] < 0.07


def test_same_seed_same_decays_other_seed_others():
    first, again, other = (decays_in_flight(N_mu, 100, seed=seed) for seed in (1, 1, 2))
    for name in ("weight", "p_N", "p_electron", "p_positron"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert not np.isin(getattr(first, name)[..., 0].ravel()[:1], getattr(other, name)[..., 0]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"neutrino": StandardHeavyNeutrino(M_N, U_tau_sq=0.1)}, "U_e_sq or U_mu_sq must be positive"),
        ({"neutrino": StandardHeavyNeutrino(0.25, U_e_sq=0.1)}, r"must be one of .*, got \(0.25, 'e'\)"),
        ({"n_events": 0}, "n_events must be an integer, at least 1, got 0"),
        ({"n_events": 1e3}, "n_events must be an integer"),
        ({"helicity": 1.1}, "helicity must be at most 1, got 1.1"),
        ({"seed": -1}, "seed must be a non-negative integer, got -1"),
    ],
)
def test_what_cannot_be_simulated_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        decays_in_flight(**({"neutrino": N_mu, "n_events": 100, "seed": 1} | arguments))


def test_the_two_kaon_decays_have_random_numbers_of_their_own():
    both = decays_in_flight(StandardHeavyNeutrino(M_N, U_e_sq=1e-7, U_mu_sq=3e-7), 2000, seed=10)
    shares = []
    for lepton, part in (("e", slice(0, 1000)), ("mu", slice(1000, None))):
        low, high = np.arccosh(load_heavy_neutrino_flux(M_N, lepton)[0][[0, -1]] / M_N)
        shares.append((np.arccosh(both.p_N[part, 0] / M_N) - low) / (high - low))
    # 1000 pairs of independent numbers: five times 1/√n.
    assert abs(np.corrcoef(shares)[0, 1]) < 5 / np.sqrt(1000)


def test_more_decays_than_there_is_memory_for_are_refused_before_any_work():
    with pytest.raises(ValueError, match=r"a simulation of 10{12} events needs .* GB of memory, but .* GB are free"):
        decays_in_flight(N_mu, 10**12, seed=1)

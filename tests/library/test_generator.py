"""The Monte Carlo simulation: its events, their distributions, and their sums against quadrature."""

import dataclasses
import functools
import itertools
import math

import dirac
import numpy as np
import pytest
import vegas
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from darkpkg import _sources
from darkpkg.experiment.beam import Flux
from darkpkg.experiment.detector import ND280, Module
from darkpkg.experiment.experiment import T2K
from darkpkg.experiment.volumes import Box
from darkpkg.method import channels
from darkpkg.method.channels import channels_of, edges_of
from darkpkg.method.events import Events
from darkpkg.method.generator import REPLICATES, _empty_columns, generate
from darkpkg.method.integrand import Integrand, laboratory_momenta
from darkpkg.method.origin import Origin
from darkpkg.method.sampling import DENSITIES, HEAVY, LIGHT, NoWeightError, SamplingRange, paper_density
from darkpkg.method.targets import current_at, energy_at, flux_below, tabulated_width, target, width_table
from darkpkg.physics import kinematics, scattering
from darkpkg.physics.decay import angular_correlation, lepton_momenta, mass_density, width_shape
from darkpkg.physics.model import BENCHMARK_B
from darkpkg.physics.nuclei import NUCLEI, PROTON, current_amplitudes, sachs
from darkpkg.physics.nucleons import BoundNucleons
from darkpkg.units import ALPHA_EM, ELECTRON_MASS, HBARC

BEAMS = ("FHC", "RHC")
CHANNELS = [(beam, nucleus.name) for beam in BEAMS for nucleus in ND280.targets.values()]
M_N, M_ZPRIME = 0.1, 0.15
"""Fixed masses at which the propagators of production and of decay both matter."""

PLANE = SamplingRange(m_N=(0.03, 0.3), m_Zprime=(0.05, 2.0))
"""A region whose corner is cut off by m_Z′ = m_N."""


@pytest.fixture(scope="module")
def fixed():
    """A dedicated sample at fixed masses."""
    return generate(SamplingRange.at(M_N, M_ZPRIME), n_events=360_000, seed=11)


@pytest.fixture(scope="module", params=["adapted", "paper"])
def heavy(request):
    """The sample of the heavy case."""
    return generate(dataclasses.replace(HEAVY, density=request.param), n_events=240_000, seed=12)


def channel(events, beam, name):
    code = {**NUCLEI, "H1": PROTON}[name].pdg_code
    return events[(events.beam == beam) & (events.target == code)]


def effective_size(weight):
    return weight.sum() ** 2 / (weight**2).sum()


def nuclear_masses(events):
    masses = {nucleus.pdg_code: nucleus.mass for nucleus in NUCLEI.values()}
    return np.array([masses[code] for code in events.target.tolist()])


def neutrino_energy(events):
    """E_ν for which the nucleus recoils on its mass shell: 2M(E_ν − E_N) − 2E_ν(E_N − p_z) + m_N² = 0."""
    M, (E_N, _, _, p_z) = nuclear_masses(events), events.p_N.T
    return (2 * M * E_N - events.m_N**2) / (2 * (M - E_N + p_z))


# --- Every event ---


def assert_on_shell(events):
    """N, both leptons and the massless daughter neutrino, each with the rounding of its energy squared."""
    daughter = events.p_N - events.p_electron - events.p_positron
    shells = [(events.p_N, events.m_N), (events.p_electron, ELECTRON_MASS), (events.p_positron, ELECTRON_MASS)]
    for p, mass in [*shells, (daughter, 0.0)]:
        off_shell = np.abs(kinematics.dot(p, p) - mass**2)
        # A boost by γ = E_N/m_N magnifies rounding in the rest frame once more.
        assert (off_shell < 1e-13 * events.p_N[:, 0] ** 2 * np.maximum(events.p_N[:, 0] / events.m_N, 1)).all()
    assert (daughter[:, 0] > 0).all()


def test_all_particles_are_on_their_mass_shells_at_fixed_masses(fixed):
    assert_on_shell(fixed)


def test_all_particles_are_on_their_mass_shells_over_the_mass_plane(heavy):
    assert_on_shell(heavy)


def test_neutrinos_come_along_the_beam_from_the_flux_and_transfer_an_allowed_momentum(heavy):
    energy, M = neutrino_energy(heavy), nuclear_masses(heavy)
    assert (energy > heavy.m_N + heavy.m_N**2 / (2 * M)).all()
    for beam in BEAMS:
        of_beam = heavy.beam == beam
        assert energy[of_beam].max() < T2K[beam].flux.edges[-1] * (1 + 1e-9)
        assert (T2K[beam].flux(energy[of_beam] * (1 - 1e-9)) > 0).all()
    # Q² = 2M T, with the rounding of E_N in T; limits are those of the nucleus that was hit.
    Q2 = 2 * M * (energy - heavy.p_N[:, 0])
    low, high = scattering.q2_limits(energy, heavy.m_N, M)
    slack = 1e-11 * M * energy * (1 + energy / M)
    assert (low - slack <= Q2).all()
    assert (high + slack >= Q2).all()


def test_azimuths_are_uniform(fixed):
    # Σ exp(iφ) of n weighted events has a length of √Σw²: five of that, for N, the pair, and their difference.
    pair = fixed.p_electron + fixed.p_positron
    phi_N, phi_pair = (np.arctan2(p[:, 2], p[:, 1]) for p in (fixed.p_N, pair))
    for phi in (phi_N, phi_pair, 2 * phi_N, phi_N + phi_pair):
        total = np.abs((fixed.weight * np.exp(1j * phi)).sum())
        assert total < 5 * np.sqrt((fixed.weight**2).sum())


def test_masses_lie_in_the_sampled_region(fixed, heavy):
    assert HEAVY.contains(heavy.m_N, heavy.m_Zprime).all()
    np.testing.assert_allclose(fixed.m_N, M_N, rtol=1e-14)
    np.testing.assert_allclose(fixed.m_Zprime, M_ZPRIME, rtol=1e-14)


def test_weights_are_positive_up_to_a_few_that_vanish(fixed, heavy):
    for events in (fixed, heavy):
        assert (events.weight >= 0).all()
        # Q beyond the table of the form factor has weight zero: rare, because its share of the rate is 1e-8.
        assert (events.weight == 0).mean() < 1e-3


def test_momenta_conserve_energy_and_momentum_with_the_nucleus():
    nucleus, variables, azimuths = random_variables()
    E_nu, above, m_N = variables[:, 0], variables[:, 1], variables[:, 6]
    p_N, electron, positron = momenta(variables, azimuths, nucleus)
    p_nu = np.stack([E_nu, 0 * E_nu, 0 * E_nu, E_nu], -1)
    recoil = p_nu - p_N + np.array([nucleus.mass, 0, 0, 0])
    transfer = p_nu - p_N
    low, _ = scattering.q2_range(E_nu, m_N, nucleus)
    # 1e-12 of the largest square in each.
    np.testing.assert_allclose(kinematics.dot(recoil, recoil), nucleus.mass**2, rtol=1e-12)
    np.testing.assert_allclose(-kinematics.dot(transfer, transfer), low + above, atol=1e-12 * nucleus.mass)
    np.testing.assert_allclose(kinematics.dot(electron + positron, electron + positron), variables[:, 2], atol=1e-11)


# --- One amplitude for production and decay ---


def random_variables(n=300, name="Ar40"):
    """A nucleus, random `VARIABLES` all over phase space for N heavier than 20 MeV, and azimuths."""
    nucleus, rng = {**NUCLEI, "H1": PROTON}[name], np.random.default_rng(21)
    m_N = np.exp(rng.uniform(np.log(0.02), 0, n))
    E_nu = scattering.threshold_energy(m_N, nucleus) * (1.01 + 3 * rng.random(n))
    low, high = scattering.q2_range(E_nu, m_N, nucleus)
    s = 4 * ELECTRON_MASS**2 + rng.uniform(0, 0.99, n) * (m_N**2 - 4 * ELECTRON_MASS**2)
    cos_Z, cos_e, phi_e = rng.uniform(-1, 1, n), rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n)
    columns = E_nu, rng.random(n) * (high - low), s, cos_Z, cos_e, phi_e, m_N, m_N * (1.1 + rng.random(n))
    return nucleus, np.stack(columns, axis=-1), rng.random((n, 2))


def momenta(variables, azimuths, nucleus):
    p_N, electron, positron = (np.empty((len(variables), 4)) for _ in range(3))
    one = target(T2K["FHC"].flux, nucleus, "fourier-bessel")
    laboratory_momenta(variables, azimuths, one, p_N, electron, positron)
    return p_N, electron, positron


def mean_decay_amplitude(m_N, s):
    """Mean over angles and spin of N of Σ|ū_ν γ^α P_L u_N ē γ_α e|², which is quadratic in cos θ_e."""
    cosine, weight = np.polynomial.legendre.leggauss(3)
    m_N, s, cosine = np.broadcast_arrays(m_N[:, None], s[:, None], cosine)
    electron, positron = (np.stack(p, -1) for p in lepton_momenta(m_N, s, 0 * s, 0 * s, cosine, 0 * s))
    at_rest = np.stack([m_N, 0 * m_N, 0 * m_N, 0 * m_N], -1)
    daughter = at_rest - electron - positron
    squared = dirac.decay(at_rest, daughter, electron, positron, m_N[..., None, None], ELECTRON_MASS)
    return squared @ weight / 4


@pytest.mark.parametrize("name", ["H1", "C12", "Ar40"])
def test_events_follow_the_squared_amplitude_of_production_and_decay_from_dirac_matrices(name):
    nucleus, variables, azimuths = random_variables(name=name)
    E_nu, above, s, cos_Z, cos_e, phi_e, m_N, m_Zprime = variables.T
    p_N, electron, positron = momenta(variables, azimuths, nucleus)
    p_nu = np.stack([E_nu, 0 * E_nu, 0 * E_nu, E_nu], -1)
    at_rest = np.array([nucleus.mass, 0, 0, 0])
    daughter = p_N - electron - positron
    Q2 = scattering.q2_range(E_nu, m_N, nucleus)[0] + above
    if name == "H1":
        recoil = at_rest + p_nu - p_N
        tau = Q2 / (4 * nucleus.mass**2)
        current = *dirac.dirac_and_pauli(*sachs(Q2), tau), nucleus.mass
        tensor = dirac.proton_tensor(np.broadcast_to(at_rest, recoil.shape), recoil, *current)
        currents, sizes = dirac.currents(tensor)
        amplitudes = current_amplitudes(Q2, nucleus)
    else:
        currents, sizes = (p_nu - p_N + 2 * at_rest)[:, None], np.ones((len(Q2), 1))
        amplitudes = 1.0, 0.0
    whole = sum(
        size
        * dirac.upscattering_and_decay(p_nu, p_N, h, daughter, electron, positron, m_N[:, None, None], ELECTRON_MASS)
        for h, size in zip(np.swapaxes(currents, 0, 1), sizes.T, strict=True)
    )
    # The package's factors, freed of what is common: dσ/dQ² = |M|² / 64πM²E² with couplings and propagator.
    cross_section = scattering.elastic_cross_section(E_nu, Q2, m_N, m_Zprime, nucleus.mass, *amplitudes)
    phase_space = 64 * np.pi * (nucleus.mass * E_nu) ** 2 / HBARC**2
    production = cross_section * phase_space * (Q2 + m_Zprime**2) ** 2 / ((4 * np.pi) ** 2 * ALPHA_EM)
    degree = scattering.polarisation_degree(E_nu, Q2, m_N, nucleus.mass, *amplitudes)
    correlation = angular_correlation(s, cos_Z, cos_e, phi_e, m_N, ELECTRON_MASS, degree)
    expected = production * mean_decay_amplitude(m_N, s) * correlation
    # Spin correlations are of order one; rounding of M⁴ and of boosts leaves eight digits, and the spline seven.
    scale = production * mean_decay_amplitude(m_N, s)
    np.testing.assert_allclose(whole / scale, expected / scale, atol=1e-7)
    assert correlation.std() > 0.3


@pytest.mark.parametrize("m_Zprime", [0.03, 1.25])
def test_simulated_decays_have_all_of_the_correlation_with_the_helicity_of_n(m_Zprime):
    """Amplitudes from explicit spinors, added over the spin of N before the square, at the momenta of events."""
    events = generate(SamplingRange.at(M_N, m_Zprime), 100_000, seed=31)
    M, E_nu, weight = nuclear_masses(events), neutrino_energy(events), events.weight
    p_nu = E_nu[:, None] * [1.0, 0.0, 0.0, 1.0]
    h = p_nu - events.p_N + 2 * M[:, None] * [1.0, 0.0, 0.0, 0.0]
    pair = events.p_electron, events.p_positron
    production, decay = dirac.amplitudes(p_nu, events.p_N, h, events.p_N - sum(pair), *pair, M_N, ELECTRON_MASS)
    together, made, decayed = (
        (np.abs(amplitude) ** 2).reshape(len(events), -1).sum(axis=1)
        for amplitude in (np.einsum("nls,ndlep->ndsep", production, decay), production, decay)
    )
    # The squared amplitude over that of a production and a decay summed over the spin of N each: its mean over all
    # directions is one. If decays followed 1 + λ(f − 1), its score 1 − 1/f would have the mean (λ − 1)⟨(1 − 1/f)²⟩.
    f = together / (made * decayed / 2)
    score = weight * (1 - 1 / f)
    information = (score * (1 - 1 / f)).sum()
    error = np.sqrt((score**2).sum()) / information
    assert error < 0.05 / 8  # so that 5 % of the correlation are eight sigma
    assert abs(score.sum() / information) < 3 * error


def test_integrand_is_the_rate_per_unit_of_the_hypercube():
    # Jacobian by finite differences, and everything else from the functions that the user calls.
    nucleus, flux, rng = NUCLEI["Ar40"], T2K["FHC"].flux, np.random.default_rng(5)
    about = target(flux, nucleus, "fourier-bessel")
    even = Integrand(about, dataclasses.replace(PLANE, density="log-uniform"), BENCHMARK_B)
    evaluate = even.evaluate

    # Energies in the middle of a bin of the flux, where the map is smooth.
    u = rng.uniform(0.05, 0.95, (400, 8))
    value, v = evaluate(u)
    step = 1e-6
    in_bin = np.abs(v[:, 0] / 0.05 % 1 - 0.5) < 0.4
    u, value, v = u[in_bin], value[in_bin], v[in_bin]
    E_nu, above, s, cos_Z, cos_e, phi_e, m_N, m_Zprime = v.T
    derivative = np.empty((len(u), 8, 8))
    for axis in range(8):
        shift = step * np.eye(8)[axis]
        derivative[:, :, axis] = (evaluate(u + shift)[1] - evaluate(u - shift)[1]) / (2 * step)
    # Q² = Q²_min + above: at fixed masses and energy they differ by a constant; masses are in logarithms.
    jacobian = np.abs(np.linalg.det(derivative)) / (m_N * m_Zprime)
    Q2 = scattering.q2_range(E_nu, m_N, nucleus)[0] + above
    unit = BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime, alpha_D=1.0, epsilon=1.0, V_muN_sq=1.0)
    angles = angular_correlation(s, cos_Z, cos_e, phi_e, m_N) / (8 * np.pi)
    cross_section = scattering.differential_cross_section(E_nu, Q2, unit, nucleus)
    expected = flux(E_nu) * cross_section * mass_density(s, m_N, m_Zprime) * angles * jacobian
    assert len(u) > 200
    # The spline of F is good to 1e-7 of one, hence the absolute part at its zeros; differences to 1e-7.
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-6 * np.median(expected))


# --- Sums against quadrature ---


@functools.cache
def energy_nodes(beam, nodes=2):
    """Gauss–Legendre nodes and weights in each bin of the flux, times the flux."""
    flux = T2K[beam].flux
    x, w = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(flux.edges)[:, None] / 2
    energy = flux.edges[:-1, None] + half * (1 + x)
    return energy.ravel(), (flux.density[:, None] * half * w).ravel()


@functools.cache
def rate(beam, name, m_N, m_Zprime, nodes=2, form_factor="fourier-bessel"):
    """∫ flux σ dE_ν, per nucleus and POT."""
    energy, weight = energy_nodes(beam, nodes)
    parameters = BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime)
    nucleus = {**NUCLEI, "H1": PROTON}[name]
    return scattering.total_cross_section(energy, parameters, nucleus, form_factor) @ weight


@pytest.mark.parametrize(("beam", "name"), CHANNELS)
def test_weights_of_each_channel_add_up_to_flux_times_cross_section(fixed, beam, name):
    weight = channel(fixed, beam, name).weight
    error = np.sqrt((weight**2).sum() - weight.sum() ** 2 / len(weight))
    # Twelve channels at four sigma; the bin of the threshold is integrated to 1e-5.
    assert abs(weight.sum() - rate(beam, name, M_N, M_ZPRIME)) < 4 * error
    assert error < 0.005 * weight.sum()


def test_all_channels_together_have_pulls_of_width_one(fixed):
    pulls = []
    for beam, name in CHANNELS:
        weight = channel(fixed, beam, name).weight
        error = np.sqrt((weight**2).sum() - weight.sum() ** 2 / len(weight))
        pulls.append((weight.sum() - rate(beam, name, M_N, M_ZPRIME)) / error)
    # χ² of twelve: below 36 but for 3e-4, above 2 but for 6e-4.
    assert 2 < np.square(pulls).sum() < 36


@pytest.mark.parametrize(("name", "model"), [("C12", "helm"), ("Pb208", "fermi"), ("H1", "fourier-bessel")])
def test_hydrogen_and_other_form_factors_add_up_to_their_own_cross_section(name, model):
    events = generate(SamplingRange.at(M_N, M_ZPRIME), n_events=140_000, seed=17, hydrogen=True, form_factor=model)
    for beam in BEAMS:
        weight = channel(events, beam, name).weight
        error = np.sqrt((weight**2).sum() - weight.sum() ** 2 / len(weight))
        # Six numbers at four sigma.
        assert abs(weight.sum() - rate(beam, name, M_N, M_ZPRIME, form_factor=model)) < 4 * error
        assert error < 0.02 * weight.sum()
    assert (events.provenance["hydrogen"], events.origin.form_factor) == (True, model)


def test_hydrogen_leaves_the_events_on_all_other_nuclei_alone():
    numbers = {nucleus.name: 4_000 for nucleus in ND280.targets.values()}
    at = SamplingRange.at(M_N, M_ZPRIME)
    without, both = generate(at, numbers, seed=3), generate(at, numbers | {"H1": 5_000}, seed=3, hydrogen=True)
    heavy = both[both.target != PROTON.pdg_code]
    assert len(both) == len(without) + 5_000
    for name in Events.columns():
        np.testing.assert_array_equal(getattr(heavy, name), getattr(without, name))


def test_pairs_from_hydrogen_follow_the_partial_polarisation_of_n():
    # The mean of cos θ_Z to the axis is −A(s)/3 times the degree of polarisation, the lower the heavier both masses.
    m_N, m_Zprime = 0.4, 1.25
    numbers = {nucleus.name: 1_000 for nucleus in ND280.targets.values()} | {"H1": 600_000}
    events = generate(SamplingRange.at(m_N, m_Zprime), numbers, seed=19, hydrogen=True)
    events = events[events.target == PROTON.pdg_code]
    E_nu = scattering.neutrino_energy(events.p_N, events.m_N, PROTON.mass)
    Q2 = 2 * PROTON.mass * (E_nu - events.p_N[:, 0])
    amplitudes = current_amplitudes(Q2, PROTON)
    axis = np.stack(scattering.polarisation_axis(E_nu, events.p_N.T, m_N, PROTON.mass, *amplitudes), axis=-1)
    degree = np.linalg.norm(axis, axis=1)
    back = events.p_N.T * np.array([[1], [-1], [-1], [-1]])
    pair = np.stack(kinematics.boost((events.p_electron + events.p_positron).T, back, m_N), axis=-1)
    cos_Z = (pair[:, 1:] * axis).sum(axis=1) / kinematics.momentum(pair) / degree
    r = kinematics.dot(pair, pair) / m_N**2
    asymmetry = (1 - 2 * r) / (1 + 2 * r)
    few = degree < 0.8
    residual = (events.weight * asymmetry * (cos_Z + asymmetry * degree / 3))[few]
    assert abs(residual.sum()) < 4 * np.sqrt((residual**2).sum())
    # Full polarisation would be seen.
    full = (events.weight * asymmetry * (cos_Z + asymmetry / 3))[few]
    assert abs(full.sum()) > 8 * np.sqrt((full**2).sum())


@pytest.mark.parametrize("m_Zprime", [0.03, 0.3])
def test_a_majorana_n_is_made_as_often_and_decays_evenly_around_its_spin(m_Zprime):
    events = generate(
        SamplingRange.at(M_N, m_Zprime), 120_000, seed=23, couplings=BENCHMARK_B.replace(is_majorana=True)
    )
    one = channel(events, "FHC", "Pb208")
    error = np.sqrt((one.weight**2).sum() - one.weight.sum() ** 2 / len(one))
    assert abs(one.weight.sum() - rate("FHC", "Pb208", M_N, m_Zprime)) < 4 * error
    E_nu = neutrino_energy(events)
    axis = np.stack(scattering.polarisation_axis(E_nu, events.p_N.T, M_N, nuclear_masses(events)), axis=-1)
    back = events.p_N.T * np.array([[1], [-1], [-1], [-1]])
    pair = np.stack(kinematics.boost((events.p_electron + events.p_positron).T, back, M_N), axis=-1)
    cos_Z = (pair[:, 1:] * axis).sum(axis=1) / kinematics.momentum(pair)
    for power in (1, 2):
        residual = events.weight * (cos_Z**power - (power == 2) / 3)
        assert abs(residual.sum()) < 4 * np.sqrt((residual**2).sum())  # four sigma
    assert events.origin.couplings.is_majorana is True


@pytest.mark.parametrize("density", DENSITIES)
def test_weights_over_the_mass_plane_add_up_to_the_integral_with_its_mass_density(density):
    beam, name = "RHC", "Ar40"
    sampling = dataclasses.replace(PLANE, density=density)
    weight = channel(generate(sampling, n_events=240_000, seed=13), beam, name).weight
    error = np.sqrt((weight**2).sum() - weight.sum() ** 2 / len(weight))
    expected = sum(
        weight * sampling.q(m_N, m_Zprime) * rate_here
        for (m_N, m_Zprime, weight), rate_here in zip(plane_nodes(), plane_rates(beam, name), strict=True)
    )
    # Four nodes in each logarithm and one in each bin of the flux are good to 1e-3.
    assert abs(weight.sum() - expected) < 4 * error
    # Where masses are drawn evenly, few events carry an integral over rates of all sizes.
    assert error < (0.1 if density == "log-uniform" else 0.02) * weight.sum()


@functools.cache
def plane_nodes(n=4):
    """Nodes (m_N, m_Z′, weight) over `PLANE` in logarithms, split where the lower edge in m_Z′ has its kink."""
    x, w = np.polynomial.legendre.leggauss(n)
    nodes = []
    lower_corner, upper = np.log(PLANE.m_Zprime)
    for begin, end in ((np.log(0.03), np.log(0.05)), (np.log(0.05), np.log(0.3))):
        for ln_m_N, w_N in zip(begin + (end - begin) * (1 + x) / 2, (end - begin) * w / 2, strict=True):
            lower = max(lower_corner, ln_m_N)
            for ln_m_Z, w_Z in zip(lower + (upper - lower) * (1 + x) / 2, (upper - lower) * w / 2, strict=True):
                nodes.append((np.exp(ln_m_N), np.exp(ln_m_Z), w_N * w_Z))
    return nodes


@functools.cache
def plane_rates(beam, name):
    return [rate(beam, name, m_N, m_Zprime, nodes=1) for m_N, m_Zprime, _ in plane_nodes()]


# --- The light mediator ---


@pytest.fixture(scope="module")
def light():
    """The sample of the light case."""
    return generate(LIGHT, n_events=240_000, seed=14)


def test_a_light_mediator_is_on_its_mass_shell(light):
    pair = light.p_electron + light.p_positron
    # Rounding of squares of the energy.
    off_shell = np.abs(kinematics.dot(pair, pair) - light.m_Zprime**2)
    assert (off_shell < 1e-13 * pair[:, 0] ** 2 * light.p_N[:, 0] / light.m_N).all()
    assert_on_shell(light)


def test_light_masses_fill_their_side_of_the_plane(light):
    assert LIGHT.contains(light.m_N, light.m_Zprime).all()
    assert (light.m_Zprime < light.m_N).all()
    x, y = np.log(light.m_N), np.log(light.m_Zprime)
    edges = [np.log([0.004, 0.02, 0.1, 0.4, 1.25]), np.log([0.0015, 0.004, 0.02, 0.1, 0.4, 1.25])]
    counts, _, _ = np.histogram2d(x, y, bins=edges)
    below_diagonal = np.arange(4)[:, None] + 1 >= np.arange(5)
    # An even spread over cells of area one to three in a plane of nineteen would give some ten thousand in each.
    assert (counts[below_diagonal] > 1500).all()
    assert (counts[~below_diagonal] == 0).all()


@pytest.mark.parametrize(("beam", "name"), [("FHC", "Ar40"), ("RHC", "Pb208")])
def test_weights_of_a_light_mediator_add_up_to_flux_times_cross_section(beam, name):
    events = generate(SamplingRange.at(0.1, 0.03), n_events=120_000, seed=15)
    weight = channel(events, beam, name).weight
    error = np.sqrt((weight**2).sum() - weight.sum() ** 2 / len(weight))
    assert abs(weight.sum() - rate(beam, name, 0.1, 0.03)) < 4 * error
    assert error < 0.015 * weight.sum()


@pytest.mark.parametrize("density", DENSITIES)
def test_weights_over_the_light_plane_add_up_to_the_integral_with_its_mass_density(density):
    sampling = SamplingRange((0.1, 0.3), (0.03, 0.3), "light", density)
    beam, name = "FHC", "C12"
    weight = channel(generate(sampling, n_events=240_000, seed=16), beam, name).weight
    error = np.sqrt((weight**2).sum() - weight.sum() ** 2 / len(weight))
    x, w = np.polynomial.legendre.leggauss(5)
    ln_m_N, w_N = np.log(0.1) + np.log(3) * (1 + x) / 2, np.log(3) * w / 2
    expected = 0.0
    for a, weight_N in zip(ln_m_N, w_N, strict=True):
        span = a - np.log(0.03)
        for b, weight_Z in zip(np.log(0.03) + span * (1 + x) / 2, span * w / 2, strict=True):
            m_N, m_Zprime = np.exp(a), np.exp(b)
            expected += weight_N * weight_Z * sampling.q(m_N, m_Zprime) * rate(beam, name, m_N, m_Zprime, nodes=1)
    # Five nodes in each logarithm and one in each bin of the flux are good to 2e-3; the error is five times that.
    assert abs(weight.sum() - expected) < 4 * error
    assert error < 0.015 * weight.sum()


@pytest.mark.parametrize("m_Zprime", [0.02, 0.05, 0.09])
def test_pairs_of_a_light_mediator_follow_the_asymmetry_of_a_polarised_n(m_Zprime):
    """N → ν Z′ of a left-handed vertex: dN/dcos θ ∝ 1 − A cos θ around ẑ′, A = (1 − 2r)/(1 + 2r), r = m_Z′²/m_N²."""
    sampling = SamplingRange.at(0.1, m_Zprime)
    events = channel(generate(sampling, n_events=120_000, seed=17), "FHC", "Pb208")
    E_nu = neutrino_energy(events)
    axis = scattering.polarisation_axis(E_nu, tuple(events.p_N.T), events.m_N, NUCLEI["Pb208"].mass)
    pair = (events.p_electron + events.p_positron).T
    at_rest = kinematics.boost(tuple(pair), (events.p_N[:, 0], *(-events.p_N[:, 1:].T)), events.m_N)
    cos_Z = sum(a * p for a, p in zip(axis, at_rest[1:], strict=True)) / np.sqrt(sum(p**2 for p in at_rest[1:]))
    r = (m_Zprime / 0.1) ** 2
    mean = (events.weight * cos_Z).sum() / events.weight.sum()
    error = np.sqrt(1 / 3 / effective_size(events.weight))
    assert abs(mean + (1 - 2 * r) / (1 + 2 * r) / 3) < 4 * error
    assert error < 0.01


@pytest.mark.parametrize("sampling", [HEAVY, LIGHT], ids=["heavy", "light"])
def test_adapted_density_levels_the_rate_over_the_mass_plane(sampling):
    events = generate(sampling, n_events={name: 80_000 for _, name in CHANNELS}, seed=29)
    inside = (events.m_N > 5e-3) & (events.m_N < 1) & (events.m_Zprime > 3e-3) & (events.m_Zprime < 10)
    inside &= (events.m_Zprime > 0.06 * events.m_N) & (events.m_Zprime < 20 * events.m_N)
    x, y = np.log(events.m_N), np.log(events.m_Zprime / events.m_N)
    for code in np.unique(events.target):
        chosen = inside & (events.target == code)
        sums = np.histogram2d(x[chosen], y[chosen], bins=5, weights=events.weight[chosen])[0]
        areas = np.histogram2d(x[chosen], y[chosen], bins=5)[0]
        level = sums[areas > 100] / np.median(sums[areas > 100])
        # What q promises: no cell far from the others, where σ itself spans more than ten decades.
        assert (level > 0.1).sum() >= 22
        assert level.max() < 5


def test_weights_scale_with_the_couplings_of_generation():
    sampling, couplings = (
        SamplingRange.at(M_N, M_ZPRIME),
        BENCHMARK_B.replace(epsilon=1e-3, V_muN_sq=1e-6, alpha_D=0.1),
    )
    one, other = (generate(sampling, n_events=24, seed=1, couplings=c) for c in (BENCHMARK_B, couplings))
    np.testing.assert_allclose(other.weight / one.weight, couplings.coupling / BENCHMARK_B.coupling, rtol=1e-12)
    np.testing.assert_array_equal(one.p_N, other.p_N)


# --- Distributions ---


@pytest.fixture(scope="module")
def lead(fixed):
    """Events on lead in FHC with the variables of their production and decay, from laboratory momenta alone."""
    events = channel(fixed, "FHC", "Pb208")
    M, E_nu = NUCLEI["Pb208"].mass, neutrino_energy(events)
    axis = np.stack(scattering.polarisation_axis(E_nu, events.p_N.T, events.m_N, M), -1)
    back = events.p_N.T * np.array([1, -1, -1, -1])[:, None]
    electron, positron = (
        np.stack(kinematics.boost(p.T, back, events.m_N), -1) for p in (events.p_electron, events.p_positron)
    )
    pair = electron + positron
    s = kinematics.dot(pair, pair)
    flight = pair[:, 1:] / np.linalg.norm(pair[:, 1:], axis=1, keepdims=True)
    pair_back = (pair * [1, -1, -1, -1]).T
    in_pair = np.stack(kinematics.boost(electron.T, pair_back, np.sqrt(s)), -1)[:, 1:]
    in_pair /= np.linalg.norm(in_pair, axis=1, keepdims=True)
    cos_Z, cos_e, axis_e = ((a * b).sum(-1) for a, b in ((flight, axis), (flight, in_pair), (axis, in_pair)))
    return {
        "weight": events.weight,
        "E_nu": E_nu,
        "Q2": 2 * M * (E_nu - events.p_N[:, 0]),
        "s": s,
        "cos_Z": cos_Z,
        "cos_e": cos_e,
        # (cos θ_Z cos θ_e − ẑ′·ê) / sin θ_Z sin θ_e, with the sign of cos θ_e: the correlation is in their product.
        "signed_cos_phi": np.sign(cos_e) * (cos_Z * cos_e - axis_e) / np.sqrt((1 - cos_Z**2) * (1 - cos_e**2)),
    }


def chi_squared(values, weight, edges, expected):
    """χ² of the shares of weight in bins against expected shares, and the worst pull."""
    total = weight.sum()
    shares = np.histogram(values, edges, weights=weight)[0] / total
    # Σ_in w² (1 − p)² + Σ_out w² p², over W²: the variance of a share of weighted events.
    squares = np.histogram(values, edges, weights=weight**2)[0]
    variance = (squares * (1 - 2 * shares) + (weight**2).sum() * shares**2) / total**2
    pulls = (shares - expected) / np.sqrt(variance)
    return (pulls**2).sum(), np.abs(pulls).max()


def assert_distributed(lead, name, edges, expected):
    assert sum(expected) == pytest.approx(1, abs=0.02)  # the bins hold nearly all events
    chi2, worst = chi_squared(lead[name], lead["weight"], edges, expected)
    n = len(expected)
    # Mean n, standard deviation √(2n): five of that, and no single bin off by five sigma.
    assert chi2 < n + 5 * np.sqrt(2 * n), chi2
    assert worst < 5


POINT = BENCHMARK_B.replace(m_N=M_N, m_Zprime=M_ZPRIME)
LEAD = NUCLEI["Pb208"]


def test_neutrino_energies_follow_flux_times_cross_section(lead):
    energy, weight = energy_nodes("FHC")
    density = scattering.total_cross_section(energy, POINT, LEAD) * weight
    edges = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 23.0])
    expected = np.histogram(energy, edges, weights=density)[0] / density.sum()
    assert_distributed(lead, "E_nu", edges, expected)


def test_momentum_transfers_follow_the_cross_section_averaged_over_the_flux(lead):
    energy, weight = energy_nodes("FHC")
    edges = np.concatenate([[0.0], np.geomspace(1e-4, 0.12, 16)])
    x, w = np.polynomial.legendre.leggauss(6)
    half = np.diff(edges)[:, None] / 2
    Q2 = edges[:-1, None] + half * (1 + x)
    # The lowest bin begins at Q²_min, which differs from energy to energy: many nodes there.
    differential = scattering.differential_cross_section(energy, Q2[..., None], POINT, LEAD) @ weight
    expected = (differential * half * w).sum(axis=1)
    fine = np.linspace(0, edges[1], 2001)
    differential = scattering.differential_cross_section(energy, fine[:, None], POINT, LEAD) @ weight
    expected[0] = np.trapezoid(differential, fine)
    assert_distributed(lead, "Q2", edges, expected / rate("FHC", "Pb208", M_N, M_ZPRIME))


def test_pair_masses_follow_their_density(lead):
    edges = M_N**2 * np.linspace(0, 1, 21)
    edges[0] = 4 * ELECTRON_MASS**2
    fine = [np.linspace(low**0.5, high**0.5, 4001) for low, high in itertools.pairwise(edges)]
    expected = [np.trapezoid(mass_density(root**2, M_N, M_ZPRIME) * 2 * root, root) for root in fine]
    assert_distributed(lead, "s", edges, expected)


def angular_shares(edges, which):
    """Shares of one angle from the correlation averaged over the others and over the mass of the pair."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    u, ds = (1 + nodes) / 2, M_N**2 - 4 * ELECTRON_MASS**2
    s = 4 * ELECTRON_MASS**2 + ds * u**2
    s_weight = weights * u * ds * mass_density(s, M_N, M_ZPRIME)
    cosine, cosine_weight = np.polynomial.legendre.leggauss(6)
    phi = np.pi * (np.arange(360) + 0.5) / 360
    axes = dict.fromkeys(("cos_Z", "cos_e"), (cosine, cosine_weight / 2)) | {"phi": (phi, np.ones(360) / 360)}
    shares = []
    for low, high in itertools.pairwise(edges):
        if which == "signed_cos_phi":  # the half with cos θ_e > 0 is the mirror image of the other
            of_bin = (np.cos(phi) >= low) & (np.cos(phi) < high)
            axes |= {
                "cos_e": ((1 + cosine) / 2, cosine_weight / 2),
                "phi": (phi[of_bin], np.ones(of_bin.sum()) / 360),
            }
        else:
            axes[which] = low + (high - low) * (1 + cosine) / 2, cosine_weight * (high - low) / 4
        grid = np.meshgrid(s, *(values for values, _ in axes.values()), indexing="ij")
        density = angular_correlation(*grid, M_N)
        shares.append(np.einsum("ijkl,i,j,k,l->", density, s_weight, *(weight for _, weight in axes.values())))
    return np.array(shares)


@pytest.mark.parametrize("which", ["cos_Z", "cos_e", "signed_cos_phi"])
def test_decay_angles_follow_the_correlation_with_the_spin(lead, which):
    # Edges of the azimuth at multiples of 15 degrees, between its nodes; rounding may exceed ±1.
    edges = np.linspace(-1, 1, 13) if which != "signed_cos_phi" else -np.cos(np.pi * np.arange(13) / 12)
    edges[[0, -1]] *= 1 + 1e-6
    expected = angular_shares(edges, which)
    assert_distributed(lead, which, edges, expected)
    # The sample could tell: a flat distribution would have a χ² above 100.
    flat = np.diff(edges) / 2 if which != "signed_cos_phi" else np.full(12, 1 / 12)
    assert len(lead["weight"]) * ((expected - flat) ** 2 / flat).sum() > 100


# --- The mass plane ---


def test_events_populate_the_whole_mass_plane_down_to_the_smallest_masses(heavy):
    edges_N, edges_Z = np.geomspace(*HEAVY.m_N, 9), np.geomspace(*HEAVY.m_Zprime, 9)
    n_events = np.histogram2d(heavy.m_N, heavy.m_Zprime, [edges_N, edges_Z])[0]
    sums, squares = (
        np.histogram2d(heavy.m_N, heavy.m_Zprime, [edges_N, edges_Z], weights=heavy.weight**power)[0]
        for power in (1, 2)
    )
    # Cells of equal area in the logarithms, those that m_Z′ = m_N cuts and those above 0.6 GeV left out.
    whole = (edges_Z[:-1] >= edges_N[1:, None]) & (edges_N[1:, None] < 0.65)
    even = len(heavy) / whole.sum()
    # No cell has less than a fifth of what it would hold evenly filled, and none rests on a few heavy weights.
    assert n_events[whole].min() > even / 5
    assert (sums[whole] ** 2 / squares[whole]).min() > 100


def test_one_sample_is_worth_a_quarter_of_a_dedicated_one(fixed, heavy):
    for beam, name in CHANNELS:
        dedicated = channel(fixed, beam, name).weight
        over_masses = channel(heavy, beam, name).weight
        assert effective_size(dedicated) > 0.6 * len(dedicated), (beam, name)
        share = effective_size(over_masses) / len(over_masses)
        assert share > 0.25 * effective_size(dedicated) / len(dedicated), (beam, name)


def test_adapted_density_is_that_of_the_paper_for_a_heavy_mediator_and_a_light_n():
    # q ∝ m_Z′⁸/m_N⁵ against σ·Γ is m_Z′⁴ against σ; what is left falls as (Q₀/m_Z′)² and a high power of m_N/m₀.
    m_N, m_Zprime = np.array([0.01, 0.03, 0.05])[:, None], np.array([3.0, 6.0, 12.0])
    ratio = DENSITIES["adapted"](m_N, m_Zprime) / paper_density(m_N, m_Zprime)
    np.testing.assert_allclose(ratio / ratio[0, -1], 1, rtol=4e-3)


def test_adapted_density_has_the_closed_form_on_both_sides():
    """At m_N = 2 m₀, where the last factor is 1 + 2⁵; for a light mediator with Q_min = 0.36/(2 · 2.4) GeV."""
    heavy, light = DENSITIES["adapted"](np.array([0.6, 0.6]), np.array([5.0, 0.03]))
    assert heavy == pytest.approx(25 * 25.01 * 33, rel=1e-12)
    assert light == pytest.approx((0.0009 + 0.075**2) * 0.0109 * 33, rel=1e-12)


@pytest.mark.parametrize("density", DENSITIES)
def test_vegas_adapts_to_what_is_sampled_and_to_a_flat_plane_where_masses_are_drawn_evenly(density):
    sampling = dataclasses.replace(PLANE, density=density)
    integrand = Integrand(target(T2K["FHC"].flux, NUCLEI["C12"], "fourier-bessel"), sampling, BENCHMARK_B)
    u = np.random.default_rng(1).random((200, 8))
    value, variables = integrand.evaluate(u)
    masses = variables[:, 6], variables[:, 7]
    factor = DENSITIES["adapted"](*masses) if density == "log-uniform" else 1.0
    np.testing.assert_allclose(integrand(u), value * factor, rtol=1e-12)
    assert (value > 0).mean() > 0.9


@pytest.mark.parametrize("share", [0.05, 0.5, 0.97, 0.9999])
def test_neutrinos_above_a_threshold_come_from_what_is_left_of_the_flux(share):
    flux = T2K["FHC"].flux
    threshold, about = share * flux.edges[-1], target(flux, NUCLEI["C12"], "fourier-bessel")
    below, total = np.interp(threshold, flux.edges, flux.cumulative), flux.cumulative[-1]
    for u in (0.0, 0.3, 1 - 1e-9):
        left = total - flux_below(threshold, about)
        energy = energy_at(total - left + u * left, about)
        assert left == pytest.approx(total - below, rel=1e-9)
        # High energies are a small part of the cumulative flux, which is rounded like its total.
        assert threshold * (1 - 1e-9) <= energy <= flux.edges[-1] * (1 + 1e-9)
        assert np.interp(energy, flux.edges, flux.cumulative) - below == pytest.approx(u * left, abs=1e-14 * total)
    assert flux_below(flux.edges[-1], about) == flux_below(2 * flux.edges[-1], about) == total


@pytest.mark.parametrize("nucleus", [NUCLEI["Pb208"], NUCLEI["C12"], PROTON], ids=lambda nucleus: nucleus.name)
def test_tables_of_the_current_are_exact_between_their_knots(nucleus):
    """To 1e-7 of the charge; there is nothing beyond the last knot."""
    table = target(T2K["FHC"].flux, nucleus, "fourier-bessel")
    n = len(table.charge_spline)
    Q = (np.arange(n) + 0.5) * table.spline_step
    found = np.array([current_at(q, table) for q in Q]).T
    for ours, exact in zip(found, current_amplitudes(Q**2, nucleus), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=0, atol=1e-7 * nucleus.Z)
    assert current_at((n + 0.5) * table.spline_step, table) == (0.0, 0.0)


@pytest.mark.parametrize("density", DENSITIES)
def test_mass_density_of_a_range_is_the_named_one_and_one_at_fixed_masses(density):
    m_N, m_Zprime = np.array([0.01, 0.1]), np.array([0.2, 3.0])
    named = dataclasses.replace(HEAVY, density=density)
    np.testing.assert_array_equal(named.q(m_N, m_Zprime), DENSITIES[density](m_N, m_Zprime))
    np.testing.assert_array_equal(SamplingRange.at(0.1, 1.0).q(m_N, m_Zprime), [1, 1])


def test_a_range_contains_what_it_samples():
    inside = HEAVY.contains([0.1, 0.1, 0.1, 3e-3, 2.0, 0.1], [1.0, 0.1, 0.05, 1.0, 3.0, 20.0])
    assert inside.tolist() == [True, True, False, False, False, False]


def test_masses_that_no_neutrino_makes_have_no_weight_and_finite_momenta():
    # Threshold above the end of the flux, 23 and 18 GeV, for part of the range.
    sampling = SamplingRange((5.0, 40.0), (5.0, 60.0))
    with pytest.warns(UserWarning, match=r"m_N must be within reach .*, got 40 GeV"):
        events, again = (generate(sampling, n_events=2400, seed=1) for _ in range(2))
    impossible = events.m_N > 23
    assert impossible.any()
    assert (events.weight[impossible] == 0).all()
    assert events.weight.any()
    for name in ("p_N", "p_electron", "p_positron"):
        assert np.isfinite(getattr(events, name)).all()
        np.testing.assert_array_equal(getattr(events, name), getattr(again, name))


@given(
    st.sampled_from([*NUCLEI.values(), PROTON, BoundNucleons.of(NUCLEI["C12"])]),
    st.floats(math.log(0.01), math.log(50.0)).map(math.exp),
    st.floats(0.01, 3.0),
)
@settings(max_examples=30)
def test_there_are_weights_just_where_the_beam_reaches_beyond_the_smallest_energy(nucleus, m_N, excess):
    """Also where not the threshold but the end of the form factor is the limit."""
    needed, u = float(scattering.smallest_energy(m_N, nucleus)), np.random.default_rng(1).random((500, 6))
    u[:, 1] = 0.0  # at the smallest momentum transfer
    for end, reaches in ((needed * (1 - 1e-6), False), (needed * (1 + excess), True)):
        flux = Flux([0.999 * end, end], [1e-9])
        value, _ = Integrand(
            target(flux, nucleus, "fourier-bessel"), SamplingRange.at(m_N, 2 * m_N), BENCHMARK_B
        ).evaluate(u)
        assert value.any() == reaches


@pytest.mark.parametrize(("m_N", "needed"), [(20.0, "85.64"), (100.0, "2107")])
@pytest.mark.parametrize("options", [{}, {"hydrogen": True}, {"nucleons": True}], ids=str)
def test_masses_above_what_any_nucleus_leaves_of_the_beam_are_refused(m_N, needed, options):
    rule = rf"m_N must be within reach of .* end at 23 GeV, got {m_N:g} GeV that needs {needed} GeV"
    with pytest.raises(ValueError, match=rule):
        generate(SamplingRange.at(m_N, 30.0), 600, seed=1, **options)


def test_masses_that_hardly_any_neutrino_makes_are_an_error_of_their_own_kind():
    """Neutrinos of 22.5 GeV can make N of 10 GeV on oxygen, but hardly one has as much."""
    with pytest.raises(NoWeightError, match=r"got at least 10 GeV, where no event has a weight") as caught:
        generate(SamplingRange.at(10.0, 12.0), 600, seed=1)
    assert caught.value.m_N == 10.0


def test_where_no_point_of_the_adaptation_has_a_weight_there_is_no_sample():
    """At 10 GeV just the last half GeV of the flux is enough, on oxygen alone."""
    with pytest.raises(ValueError, match=r"m_N must be .*, got at least 10 GeV, where no event has a w"):
        generate(SamplingRange.at(10.0, 30.0), 2400, seed=1)
    assert generate(SamplingRange.at(5.0, 30.0), 2400, seed=1).weight.any()


# --- Seeds, streams and lengths ---


def assert_same_events(some, others):
    for name in type(some).columns():
        if name != "weight":
            np.testing.assert_array_equal(getattr(some, name), getattr(others, name))


@pytest.fixture(scope="module")
def short():
    return generate(PLANE, n_events=12_000, seed=5)


def test_the_same_seed_gives_the_same_bits(short):
    again = generate(PLANE, n_events=12_000, seed=5)
    assert_same_events(short, again)
    np.testing.assert_array_equal(short.weight, again.weight)
    assert short.provenance == again.provenance


def test_another_seed_gives_other_events(short):
    other = generate(PLANE, n_events=12_000, seed=6)
    assert not np.isin(other.m_N, short.m_N).any()


def test_channels_have_their_own_random_numbers(short):
    # Vegas maps differ from channel to channel; the azimuth of N is a random number as it was drawn.
    azimuths = np.arctan2(short.p_N[:, 2], short.p_N[:, 1])
    assert len(np.unique(azimuths.round(10))) == len(short)


def test_a_longer_sample_begins_with_the_events_of_a_shorter_one(short):
    # 900,000 events: more than one batch in the channels that scatter most.
    long = generate(PLANE, n_events=900_000, seed=5)
    assert max(len(channel(long, *one)) for one in CHANNELS) > 1 << 16
    for beam, name in CHANNELS:
        first, all_of_them = channel(short, beam, name), channel(long, beam, name)
        n = len(first)
        assert_same_events(first, all_of_them[np.arange(n)])
        np.testing.assert_allclose(first.weight * n, all_of_them.weight[:n] * len(all_of_them), rtol=1e-13)


@pytest.mark.parametrize("sampling", [HEAVY, LIGHT], ids=["heavy", "light"])
@pytest.mark.parametrize("nucleus", [NUCLEI["C12"], PROTON], ids=["C12", "H1"])
def test_an_event_has_the_same_bits_wherever_it_stands(sampling, nucleus):
    # 150 events: more than are computed together, and a last few; then each of them alone.
    integrand = Integrand(target(T2K["FHC"].flux, nucleus, "fourier-bessel"), sampling, BENCHMARK_B)
    rng = np.random.default_rng(1)
    u, azimuths = rng.random((150, 8)), rng.random((150, 2))
    m_N, m_Zprime = np.ascontiguousarray(integrand.evaluate(u)[1][:, 6:].T)

    def events(rows):
        value, variables = integrand.at_masses(u[rows], m_N[rows], m_Zprime[rows])
        return [value, variables, *integrand.momenta(variables, azimuths[rows]).values()]

    alone = zip(*(events(slice(i, i + 1)) for i in range(150)), strict=True)
    for together, one_by_one in zip(events(slice(None)), alone, strict=True):
        assert np.isfinite(together).all()
        np.testing.assert_array_equal(together, np.concatenate(one_by_one))


def test_another_nucleus_leaves_the_events_of_all_others_alone(short):
    block = Module("block", Box.centred(100, 100, 10, 700), 1e6, {"Si": 1.0})
    more = dataclasses.replace(ND280, modules=(*ND280.modules, block))
    numbers = {name: 2000 for _, name in CHANNELS}
    few = generate(PLANE, n_events=numbers, seed=5)
    events = generate(PLANE, n_events=numbers | {"Si28": 2000}, seed=5, experiment=T2K.replace(detector=more))
    total = generate(PLANE, n_events=12_000, seed=5, experiment=T2K.replace(detector=more))
    for one in CHANNELS:
        assert_same_events(channel(few, *one), channel(events, *one))
        np.testing.assert_array_equal(channel(few, *one).weight, channel(events, *one).weight)
        shared = min(len(channel(short, *one)), len(channel(total, *one)))
        assert_same_events(*(channel(sample, *one)[np.arange(shared)] for sample in (short, total)))
    assert len(channel(events, "RHC", "Si28")) == 1000


def test_each_nucleus_may_have_its_own_number_of_events(short):
    numbers = {name: 2 * (i + 1) for i, (_, name) in enumerate(CHANNELS[:6])}
    events = generate(PLANE, n_events=numbers, seed=5)
    for beam, name in CHANNELS:
        own = channel(events, beam, name)
        assert len(own) == numbers[name] / 2
        others = channel(short, beam, name)
        assert_same_events(own, others[np.arange(len(own))])
        np.testing.assert_allclose(own.weight * len(own), others.weight[: len(own)] * len(others), rtol=1e-13)


def test_a_quarter_of_the_events_is_spread_evenly_and_the_rest_as_n_are_made():
    events = generate(PLANE, n_events=120_000, seed=5)
    counts = np.array([len(channel(events, *one)) for one in CHANNELS])
    symbols = {nucleus.name: symbol for symbol, nucleus in ND280.targets.items()}
    nuclei = np.array([ND280.number_of_nuclei(symbols[name]) for _, name in CHANNELS])
    rates = nuclei * [channel(events, *one).weight.sum() for one in CHANNELS]
    assert counts.sum() == 120_000
    expected = 120_000 * (0.25 / len(CHANNELS) + 0.75 * rates / rates.sum())
    # Both know the rates to about 2 %: the adaptation from 4,500 evaluations, the sample from these events.
    np.testing.assert_allclose(counts, expected, rtol=0.1)
    assert counts.max() > 5 * counts.min()


@pytest.mark.parametrize("n_events", [12, 13, 29, 1000])
def test_every_beam_and_nucleus_has_an_event_and_none_is_lost(n_events):
    events = generate(PLANE, n_events=n_events, seed=5)
    assert len(events) == n_events
    assert min(len(channel(events, *one)) for one in CHANNELS) >= 1


def test_origin_and_provenance_say_how_the_events_were_made(short):
    about, origin = short.provenance, short.origin
    assert (about["seed"], about["n_events"], about["targets_of"]) == (5, 12_000, "ND280")
    assert (origin.sampling, origin.couplings, origin.form_factor) == (PLANE, BENCHMARK_B, "fourier-bessel")
    assert origin.beams == T2K.beams
    assert about["hydrogen"] is False
    assert about["flux"] == {"FHC 14": T2K["FHC"][14].checksum, "RHC -14": T2K["RHC"][-14].checksum}
    assert about["physics"] == _sources.digest()
    assert set(about["versions"]) >= {"darkpkg", "numpy", "vegas"}


# --- What is refused ---


def test_an_error_names_the_row_of_the_sample_and_not_of_the_batch():
    origin = Origin(PLANE, BENCHMARK_B, T2K.beams)
    (channel,) = channels_of(origin, [(T2K["FHC"], 14, NUCLEI["C12"])], seed=1)
    columns = _empty_columns(2, letters=3)
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match="weight must be finite, got inf at 90001"):
        channel.fill(columns, np.full((2, 10), 0.5), 0.0, np.array([90_001, 90_002]))


@pytest.mark.parametrize("n_events", [0, -5, 11, 1e5, True, "100"])
def test_a_number_of_events_that_is_none_is_refused(n_events):
    with pytest.raises(ValueError, match=r"n_events must be an integer, at least 12 .*got") as error:
        generate(PLANE, n_events=n_events, seed=1)
    assert repr(n_events) in str(error.value)


@pytest.mark.parametrize("numbers", [{}, {"C12": 100}, dict.fromkeys(("C12", "Si28"), 100)])
def test_numbers_for_other_nuclei_than_those_of_the_detector_are_refused(numbers):
    with pytest.raises(ValueError, match="n_events must name the nuclei of ND280"):
        generate(PLANE, n_events=numbers, seed=1)


@pytest.mark.parametrize("seed", [-1, 1.0, "1", None, True])
def test_a_seed_that_is_no_count_is_refused(seed):
    with pytest.raises(ValueError, match="seed must be a non-negative integer, got"):
        generate(PLANE, n_events=12, seed=seed)


def test_couplings_of_many_points_are_refused():
    with pytest.raises(ValueError, match=r"couplings must be a single point, got shape \(2,\)"):
        generate(PLANE, n_events=12, seed=1, couplings=BENCHMARK_B.replace(epsilon=np.array([1e-3, 1e-2])))


@pytest.mark.parametrize(("m_N", "m_Zprime", "message"), [
    ((0.3, 0.1), (0.2, 1.0), r"m_N must be sampled .*got \(0.3, 0.1\)"),
    ((0.1, 0.3), (1.0, 0.5), r"m_Zprime must be sampled .*got \(1.0, 0.5\)"),
    ((0.1, 0.3), (-1.0, 0.5), r"m_Zprime must be sampled .*got \(-1.0, 0.5\)"),
    ((0.1, np.nan), (0.2, 0.5), r"m_N must be sampled .*got \(0.1, nan\)"),
    ((0.1, 0.3), (0.2, np.inf), r"m_Zprime must be sampled .*got \(0.2, inf\)"),
    ((0.1, 0.3), (0.05, 0.2), r"a heavy m_Zprime must reach to the end of m_N, got \(0.05, 0.2\)"),
    ((1e-3, 0.3), (0.05, 0.5), r"m_N must be above 2 m_e .*got 0.001"),
    ((2 * ELECTRON_MASS, 0.3), (0.05, 0.5), r"m_N must be above 2 m_e"),
])  # fmt: skip
def test_a_range_that_cannot_be_sampled_is_refused(m_N, m_Zprime, message):
    with pytest.raises(ValueError, match=message):
        SamplingRange(m_N, m_Zprime)


@pytest.mark.parametrize(("m_N", "m_Zprime", "message"), [
    (0.2, 1e-3, "m_Zprime must be above 2 m_e"), (1e-3, 0.1, "m_N must be above 2 m_e"),
    (0.0, 0.1, "m_N must be sampled"), (0.1, np.nan, "m_Zprime must be a number, got nan"),
])  # fmt: skip
def test_fixed_masses_that_cannot_be_sampled_are_refused(m_N, m_Zprime, message):
    with pytest.raises(ValueError, match=message):
        SamplingRange.at(m_N, m_Zprime)


@pytest.mark.parametrize(("m_N", "m_Zprime", "mediator", "message"), [
    ((0.1, 0.3), (0.05, 0.2), "dark", "mediator must be one of heavy, light, got 'dark'"),
    ((0.1, 0.3), (0.2, 0.3), "light", r"a light m_Zprime must begin below m_N, got \(0.2, 0.3\) and \(0.1, 0.3\)"),
    ((0.1, 0.3), (0.001, 0.05), "light", "m_Zprime must be above 2 m_e .* got 0.001"),
])  # fmt: skip
def test_a_light_range_that_cannot_be_sampled_is_refused(m_N, m_Zprime, mediator, message):
    with pytest.raises(ValueError, match=message):
        SamplingRange(m_N, m_Zprime, mediator)


def test_a_density_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match="density must be one of adapted, paper, log-uniform, got 'flat'"):
        SamplingRange((0.1, 0.2), (0.3, 1.0), density="flat")


# --- Masses drawn evenly, and points that fill space evenly ---


def even_share(sampling, events):
    """Unit-square coordinates of the masses of events drawn evenly in (ln m_N, ln(m_Z′/m_N)) within the edges."""
    low, high = np.log(sampling.m_N)
    x = (np.log(events.m_N) - low) / (high - low)
    lowest, highest = np.log(sampling.m_Zprime)
    top = np.minimum(np.log(events.m_N), highest) if sampling.is_light else highest
    bottom = lowest if sampling.is_light else np.maximum(np.log(events.m_N), lowest)
    return x, (np.log(events.m_Zprime) - bottom) / (top - bottom)


@pytest.mark.parametrize("sampling", [HEAVY, LIGHT], ids=["heavy", "light"])
def test_log_uniform_masses_are_even_in_both_logarithms(sampling):
    events = generate(dataclasses.replace(sampling, density="log-uniform"), n_events=40_000, seed=3)
    for coordinate in even_share(sampling, events):
        # A Kolmogorov test with a fixed seed: 1.95/√n is passed by chance once in a thousand times.
        assert kstest(coordinate, "uniform").statistic < 1.95 / math.sqrt(len(events))


def test_masses_drawn_where_the_rate_is_large_are_not_even():
    assert kstest(even_share(HEAVY, generate(HEAVY, n_events=40_000, seed=3))[0], "uniform").pvalue < 1e-6


@pytest.mark.parametrize("sampling", [PLANE, SamplingRange.at(M_N, M_ZPRIME)], ids=["plane", "fixed"])
def test_sobol_points_integrate_the_same_with_the_errors_of_their_replicates(sampling):
    """Against long random samples, in every channel; and better than independent points would."""
    random = generate(sampling, n_events=480_000, seed=21)
    sobol = generate(sampling, n_events=48_000, seed=22, sequence="sobol")
    pulls, gains = [], []
    for one in CHANNELS:
        truth, own = channel(random, *one).weight, channel(sobol, *one)
        parts = np.bincount(own.replicate, own.weight, REPLICATES)
        variance = REPLICATES * parts.var(ddof=1)
        error = (truth**2).sum() - truth.sum() ** 2 / len(truth)
        pulls.append((own.weight.sum() - truth.sum()) / np.sqrt(variance + error))
        gains.append(((own.weight**2).sum() - own.weight.sum() ** 2 / len(own)) / variance)
    # Student's t with 7 degrees of freedom has a variance of 1.4; twelve of them scatter by 0.9.
    assert 0.3 < np.square(pulls).mean() < 1.4 + 4 * 0.9
    assert np.median(gains) > 1.5


def test_sobol_points_of_masses_and_phase_space_are_all_different_and_fill_each_axis():
    events = generate(PLANE, n_events=24_000, seed=7, sequence="sobol")
    own = channel(events, "FHC", "C12")
    assert len(np.unique(own.point, axis=0)) == len(own)
    azimuth = own.point[own.replicate == 0, -1]
    # A Sobol sequence has a discrepancy of order (ln n)/n on each axis, independent points one of 1/√n.
    assert kstest(azimuth, "uniform").statistic < 8 / len(azimuth)


def test_a_longer_sobol_sample_begins_with_a_shorter_one_and_seeds_differ():
    short, long, other = (
        generate(PLANE, n_events=n, seed=seed, sequence="sobol") for n, seed in ((2400, 5), (4800, 5), (2400, 6))
    )
    for one in CHANNELS:
        first = channel(short, *one)
        assert_same_events(first, channel(long, *one)[np.arange(len(first))])
        assert not np.array_equal(first.point, channel(other, *one).point[: len(first)])
    assert short.origin.sequence == "sobol"


def test_a_sequence_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match="sequence must be one of random, sobol, got 'halton'"):
        generate(PLANE, n_events=24, seed=1, sequence="halton")


# --- Whatever is given ---


class WorkBegan(Exception):
    """Instead of the first adaptation."""


@pytest.fixture
def no_work(monkeypatch):
    def begin(*arguments):
        raise WorkBegan

    monkeypatch.setattr("darkpkg.method.generator.channels_of", begin)


@pytest.mark.parametrize("n_events", [10**12, np.int64(10**12), {name: 10**12 for _, name in CHANNELS}])
def test_more_events_than_there_is_memory_for_are_refused_before_any_work(no_work, n_events):
    with pytest.raises(ValueError, match=r"a simulation of \d+ events needs .* GB of memory, but .* GB are free"):
        generate(HEAVY, n_events, seed=1)


def test_memory_is_that_of_the_columns_of_an_event(monkeypatch):
    numbers = []
    monkeypatch.setattr(
        "darkpkg.method.generator.require_memory", lambda needed, what: numbers.append((needed, what))
    )
    events = generate(SamplingRange.at(M_N, M_ZPRIME), 24, seed=1)
    columns = sum(getattr(events, name).nbytes for name in Events.columns())
    assert numbers == [(columns, "a simulation of 24 events")]


def test_ranges_reach_half_a_bandwidth_beyond_what_the_paper_shows():
    assert HEAVY == SamplingRange(m_N=(4e-3, 1.25), m_Zprime=(4e-3, 12.5), mediator="heavy", density="adapted")
    assert LIGHT == SamplingRange(m_N=(4e-3, 1.25), m_Zprime=(1.5e-3, 1.25), mediator="light", density="adapted")


def test_equal_masses_belong_to_the_heavy_mediator_alone():
    assert HEAVY.contains(0.1, 0.1)
    assert not LIGHT.contains(0.1, 0.1)
    assert LIGHT.contains(0.1, np.nextafter(0.1, 0))


def test_the_adapted_density_rises_with_the_fifth_power_of_a_heavy_n():
    light, heavy = DENSITIES["adapted"](np.array([1e-9, 0.6]), np.array([5.0, 5.0]))
    assert heavy / light == pytest.approx(1 + 2**5, rel=1e-12)


def test_the_jacobian_of_the_masses_adds_up_to_the_area_of_the_region():
    """A triangle up to the corner where both masses end: ln²2 / 2."""
    sampling = SamplingRange((0.5, 1.0), (0.5, 1.0))
    integrand = Integrand(target(T2K["FHC"].flux, NUCLEI["C12"], "helm"), sampling, BENCHMARK_B)
    u = (np.arange(100_000) + 0.5) / 100_000
    points = np.full((len(u), 8), 0.5)
    points[:, 6] = u
    value, variables = integrand.evaluate(points)
    m_N, m_Zprime = np.ascontiguousarray(variables[:, 6:].T)
    jacobian = value / (integrand.at_masses(points, m_N, m_Zprime)[0] * sampling.q(m_N, m_Zprime))
    # The middle of each step is exact for what is linear in u.
    assert jacobian.mean() == pytest.approx(np.log(2) ** 2 / 2, rel=1e-9)


def test_points_go_where_the_map_of_vegas_carries_them():
    rng = np.random.default_rng(3)
    own = vegas.AdaptiveMap(np.sort(np.pad(rng.random((8, 59)), ((0, 0), (1, 1)), constant_values=(0, 1)), axis=1))
    y = rng.random((500, 8))
    y[0], y[1] = 0.0, 1.0
    u, jacobian = np.empty(y.shape), np.empty(len(y))
    own.map(y, u, jacobian)
    integrand = Integrand(target(T2K["FHC"].flux, NUCLEI["C12"], "fourier-bessel"), PLANE, BENCHMARK_B)
    for azimuths in (0, 2):
        into = {"point": np.empty((500, 6 + azimuths)), "m_N": np.empty(500), "m_Zprime": np.empty(500)}
        found, variables = integrand.mapped(np.pad(y, ((0, 0), (0, azimuths))), edges_of(own), into)
        expected, at = integrand.evaluate(u)
        np.testing.assert_allclose(into["point"][:, :6], u[:, :6], rtol=1e-15)
        np.testing.assert_allclose(variables[2:], at[2:], rtol=1e-13)
        # At the ends of the hypercube masses are equal, or the threshold is next to the end of the flux.
        np.testing.assert_allclose(found[2:], (expected * jacobian)[2:], rtol=1e-10)


# --- What is tabulated and kept ---


@pytest.mark.parametrize("m_N", [2.2 * ELECTRON_MASS, 4.001 * ELECTRON_MASS, 4e-3, 0.03, 0.1, 1.25])
def test_the_tabulated_width_agrees_with_its_integral_up_to_equal_masses(m_N):
    m_Zprime = m_N * (1 + np.append(0.0, np.geomspace(1e-12, 1e3, 300)))
    found = [tabulated_width(m_N, one, width_table()) for one in m_Zprime]
    # As the docstring promises.
    np.testing.assert_allclose(found, width_shape(m_N, m_Zprime, ELECTRON_MASS), rtol=1e-6)


@pytest.fixture
def cold(tmp_path, monkeypatch):
    """A process that has adapted to nothing, and an empty folder for what it keeps."""
    monkeypatch.setattr(channels, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(channels, "_adapted", channels._adapted.__wrapped__)
    return tmp_path


def test_maps_that_were_kept_give_the_same_bits(cold):
    first = generate(HEAVY, 240, seed=5)
    files = sorted(cold.iterdir())
    assert len(files) == 1
    times = [file.stat().st_mtime_ns for file in files]
    again = generate(HEAVY, 240, seed=5)
    assert [file.stat().st_mtime_ns for file in sorted(cold.iterdir())] == times
    for name in first.columns():
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))


def test_a_damaged_map_is_learned_anew(cold):
    first = generate(HEAVY, 240, seed=5)
    (file,) = cold.iterdir()
    whole = file.read_bytes()
    for rest in (b"", whole[:100], whole[:-100]):
        file.write_bytes(rest)
        np.testing.assert_array_equal(generate(HEAVY, 240, seed=5).weight, first.weight)
        assert len(file.read_bytes()) == len(whole)


def test_of_too_many_maps_the_newest_are_kept(cold, monkeypatch):
    monkeypatch.setattr(channels, "_KEPT_MAPS", 3)
    for m_N in (0.1, 0.2, 0.3, 0.4):
        before = set(cold.iterdir())
        generate(SamplingRange.at(m_N, 1.25), 240, seed=5)
        assert set(cold.iterdir()) - before
    assert len(list(cold.iterdir())) == 2


def test_maps_are_kept_apart_by_masses_kind_of_n_nuclei_and_settings_but_serve_all_seeds_and_couplings(
    cold, monkeypatch
):
    generate(HEAVY, 240, seed=5)
    generate(HEAVY, 240, seed=6)
    generate(HEAVY, 240, seed=6, couplings=BENCHMARK_B.replace(epsilon=1e-3), sequence="sobol")
    assert len(list(cold.iterdir())) == 1
    generate(LIGHT, 240, seed=5)
    generate(HEAVY, 240, seed=5, hydrogen=True)
    generate(HEAVY, 240, seed=5, couplings=BENCHMARK_B.replace(is_majorana=True))
    monkeypatch.setattr(channels, "ADAPTATION", {"start": (1, 1000), "own": (1, 1000)})
    generate(HEAVY, 240, seed=5)
    assert len(list(cold.iterdir())) == 5

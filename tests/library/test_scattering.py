"""Coherent upscattering: kinematics, amplitude, cross section and the spin of N."""

import dataclasses

import dirac
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scattered import events, hadronic_currents
from scipy.integrate import quad

from darkpkg.physics import kinematics, scattering
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B
from darkpkg.physics.nuclei import (
    FORM_FACTORS,
    NUCLEI,
    PROTON,
    Nucleus,
    current_amplitudes,
    form_factor,
)
from darkpkg.physics.scattering import (
    differential_cross_section,
    elastic_cross_section,
    heavy_neutrino_momentum,
    neutrino_energy,
    q2_limits,
    q2_range,
    smallest_energy,
    threshold_energy,
    total_cross_section,
)
from darkpkg.units import ALPHA_EM, HBARC, fm

LEAD, CARBON = NUCLEI["Pb208"], NUCLEI["C12"]
POINT = Nucleus("point", 20, 40, 37.0, 1e-4 * fm, (1.0,))
"""A nucleus so small that F = 1 up to 1e-7."""


nuclei = st.sampled_from(list(NUCLEI.values()))
heavy_masses = st.floats(np.log(1e-3), 0).map(np.exp)
above_threshold = st.floats(np.log(1e-3), np.log(1e3)).map(np.exp)
"""(E − E_threshold) / E_threshold."""


def exact_q2_range(E_nu, m_N, mass):
    """Q² for N emitted forwards and backwards in the centre of mass: 2E*(E*_N ∓ p*_N) − m_N², with 60 digits."""
    with mpmath.workdps(60):
        E_nu, m_N, M = (mpmath.mpf(float(x)) for x in (E_nu, m_N, mass))
        s = M**2 + 2 * M * E_nu
        E_star, E_N = (s - M**2) / (2 * mpmath.sqrt(s)), (s + m_N**2 - M**2) / (2 * mpmath.sqrt(s))
        p_N = mpmath.sqrt(E_N**2 - m_N**2)
        return tuple(float(2 * E_star * (E_N + sign * p_N) - m_N**2) for sign in (-1, 1))


# --- Kinematics ---


@given(nuclei, heavy_masses, above_threshold)
def test_momentum_transfer_limits_agree_with_their_definition_in_sixty_digits(nucleus, m_N, excess):
    E_nu = float(threshold_energy(m_N, nucleus)) * (1 + excess)
    low, high = exact_q2_range(E_nu, m_N, nucleus.mass)
    # Close to threshold p* = √(E − E_threshold) doubles the relative rounding of E, magnified by 1/excess ≤ 1e3.
    assert q2_range(E_nu, m_N, nucleus) == pytest.approx((low, high), rel=1e-12, abs=0)


def test_at_threshold_only_one_momentum_transfer_is_left():
    # √ of rounding: p*² is a difference that vanishes here.
    low, high = q2_range(threshold_energy(0.3, CARBON), 0.3, CARBON)
    assert low == pytest.approx(high, rel=1e-6, abs=0)
    assert low == pytest.approx(0.3**2 * CARBON.mass / (CARBON.mass + 0.3), rel=1e-6, abs=0)


@given(nuclei, heavy_masses)
def test_threshold_makes_n_at_rest_with_the_nucleus(nucleus, m_N):
    s = nucleus.mass**2 + 2 * nucleus.mass * threshold_energy(m_N, nucleus)
    assert np.sqrt(s) == pytest.approx(nucleus.mass + m_N, rel=1e-13, abs=0)


@given(nuclei, heavy_masses)
def test_below_threshold_there_is_no_scattering(nucleus, m_N):
    energy = 0.999999 * threshold_energy(m_N, nucleus)
    parameters = BENCHMARK_B.replace(m_N=m_N)
    assert np.isnan(q2_range(energy, m_N, nucleus)).all()
    assert total_cross_section(energy, parameters, nucleus) == 0
    assert differential_cross_section(energy, m_N**2, parameters, nucleus) == 0
    assert total_cross_section(1.01 * threshold_energy(m_N, nucleus), parameters, nucleus) > 0


@given(nuclei, st.floats(np.log(0.01), np.log(100.0)).map(np.exp))
def test_smallest_energy_is_the_threshold_or_where_the_form_factor_begins(nucleus, m_N):
    energy, end = smallest_energy(m_N, nucleus), (scattering.LARGEST_QR * HBARC / nucleus.radius) ** 2
    at_threshold = m_N**2 * nucleus.mass / (nucleus.mass + m_N)
    if at_threshold <= end:
        assert energy == threshold_energy(m_N, nucleus)
    else:  # there the smallest momentum transfer is the last; close to threshold the root loses half of the digits
        assert q2_range(energy, m_N, nucleus)[0] == pytest.approx(end, rel=1e-6, abs=0)


@given(nuclei, heavy_masses, above_threshold, st.floats(0, 1), st.floats(0, 2 * np.pi))
def test_scattering_conserves_momentum_on_both_mass_shells(nucleus, m_N, excess, share, phi):
    E_nu = float(threshold_energy(m_N, nucleus)) * (1 + excess)
    low, high = q2_range(E_nu, m_N, nucleus)
    above = share * (high - low)
    p = scattering.heavy_neutrino_momentum(E_nu, above, m_N, phi, nucleus.mass)
    recoil = E_nu + nucleus.mass - p[0], -p[1], -p[2], E_nu - p[3]
    assert kinematics.minkowski(p, p) == pytest.approx(m_N**2, abs=1e-13 * (m_N**2 + E_nu**2))
    assert kinematics.minkowski(recoil, recoil) == pytest.approx(nucleus.mass**2, rel=1e-11, abs=0)
    # The recoil energy is T = Q²/2M, lost in the rounding of E_ν + M when it is tiny.
    recoil_energy = E_nu - p[0]
    assert 2 * nucleus.mass * recoil_energy == pytest.approx(low + above, rel=1e-9, abs=1e-12 * nucleus.mass * E_nu)
    if np.hypot(p[1], p[2]) > 1e-9 * E_nu:
        assert np.cos(np.arctan2(p[2], p[1]) - phi) == pytest.approx(1, abs=1e-12)


def test_ends_of_the_range_are_forward_and_backward_scattering():
    E_nu, m_N = 0.6, 0.1
    low, high = q2_range(E_nu, m_N, CARBON)
    forward, backward = (
        scattering.heavy_neutrino_momentum(E_nu, above, m_N, 0.3, CARBON.mass) for above in (0.0, high - low)
    )
    assert forward[1:3] == (0, 0)
    assert np.hypot(backward[1], backward[2]) < 1e-7  # the root of the rounding of 1 + cos θ*
    assert forward[3] > 0 > backward[3]


# --- Amplitude and cross section ---


@pytest.mark.parametrize("name", ["C12", "Ar40", "Pb208"])
def test_differential_cross_section_is_the_squared_amplitude_from_dirac_matrices(name):
    nucleus = NUCLEI[name]
    m_N, E_nu, Q2, p_nu, p_N, h = events(nucleus)
    parameters = BENCHMARK_B.replace(m_N=m_N, m_Zprime=np.geomspace(1e-3, 10, len(m_N)), V_muN_sq=0.01)
    # Vertices g_D V P_L γ_μ and e ε Z F h^μ, propagator 1/(Q² + m²); q·h = 0 leaves nothing of q_μ q_ν.
    charge_sq = (4 * np.pi) ** 2 * ALPHA_EM * parameters.coupling * (nucleus.Z * form_factor(Q2, nucleus)) ** 2
    squared = charge_sq * dirac.upscattering(p_nu, p_N, h, 0.0) / (Q2 + parameters.m_Zprime**2) ** 2
    # dσ/dQ² = |M|² / (64π M² E²); ν is left-handed, so there is no mean over its spin.
    expected = HBARC**2 * squared / (64 * np.pi * (nucleus.mass * E_nu) ** 2)
    # Traces cancel a few digits of M⁴ against each other.
    np.testing.assert_allclose(differential_cross_section(E_nu, Q2, parameters, nucleus), expected, rtol=1e-8)


def integral(function, E_nu, parameters, nucleus):
    """∫ dQ² over the kinematic range, between edges dense at Q ~ m_Z′ and finer than the diffraction pattern."""
    lowest, highest = np.sqrt(q2_range(E_nu, parameters.m_N, nucleus))
    unit = HBARC / nucleus.radius
    edges = [lowest, *np.geomspace(0.01 * parameters.m_Zprime, unit, 80), *np.arange(1, 60, 0.5) * unit, highest]
    edges = np.unique(np.clip(edges, lowest, highest))
    nodes, weights = np.polynomial.legendre.leggauss(10)
    half_width = np.diff(edges)[:, None] / 2
    Q = edges[:-1, None] + half_width * (nodes + 1)
    return (function(Q**2) * 2 * Q * half_width * weights).sum()


@pytest.mark.parametrize("name", ["C12", "O16", "Ar40", "Pb208"])
@pytest.mark.parametrize(
    ("m_N", "m_Zprime"),
    [(2e-3, 2e-4), (2e-3, 1e-3), (4e-3, 4e-3), (0.1, 0.03), (0.1, 1.25), (0.1, 10.0), (1.0, 1.25)],
)
def test_differential_cross_section_integrates_to_the_total_one(name, m_N, m_Zprime):
    nucleus, parameters = NUCLEI[name], BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime)
    energies = np.array([0.11, 0.6, 3.0, 20.0])
    energies = energies[energies > threshold_energy(m_N, nucleus)]
    expected = [
        integral(lambda Q2, E=E: differential_cross_section(E, Q2, parameters, nucleus), E, parameters, nucleus)
        for E in energies
    ]
    # Both quadratures converge exponentially; 1e-6 leaves room for the coarser panels of the package.
    np.testing.assert_allclose(total_cross_section(energies, parameters, nucleus), expected, rtol=1e-6)


def static_cross_section(E_nu, parameters, Z):
    r"""σ on a point charge that cannot recoil, M → ∞.

    |M|² → 4M²·(4E² − m_N² − Q²) for the neutrino line in a Coulomb field, so that
    dσ/dQ² = π α α_D ε²|V|² Z² (4E² − m_N² − Q²) / (E² (Q² + m_Z′²)²) for Q between E ∓ p, p² = E² − m_N².
    """
    m_sq, p = parameters.m_Zprime**2, np.sqrt(E_nu**2 - parameters.m_N**2)
    a, b = (E_nu - p) ** 2 + m_sq, (E_nu + p) ** 2 + m_sq
    bracket = (4 * E_nu**2 - parameters.m_N**2 + m_sq) * (1 / a - 1 / b) - np.log(b / a)
    return np.pi * ALPHA_EM * parameters.coupling * Z**2 * (HBARC / E_nu) ** 2 * bracket


@pytest.mark.parametrize(("m_N", "m_Zprime"), [(1e-3, 1.25), (0.1, 0.5), (0.3, 0.3), (0.55, 10.0)])
def test_cross_section_reaches_its_static_heavy_nucleus_limit(m_N, m_Zprime):
    parameters = BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime)
    for mass in (1e3, 1e4, 1e6):
        found = total_cross_section(0.6, parameters, dataclasses.replace(POINT, mass=mass))
        # Recoil is a correction of relative size E/M, with a coefficient of up to ten close to threshold.
        assert found == pytest.approx(static_cross_section(0.6, parameters, POINT.Z), rel=10 * 0.6 / mass, abs=0)


def test_massless_n_and_heavy_mediator_give_four_fermion_scattering():
    # ∫₀^{4E²} (4E² − Q²) dQ² = 8E⁴, over E² m_Z′⁴.
    parameters = BENCHMARK_B.replace(m_N=1.1e-3, m_Zprime=100.0)
    strength = np.pi * ALPHA_EM * parameters.coupling * POINT.Z**2 * HBARC**2
    E_nu = 0.5
    found = total_cross_section(E_nu, parameters, dataclasses.replace(POINT, mass=1e6))
    assert found == pytest.approx(
        strength * 8 * E_nu**2 / parameters.m_Zprime**4, rel=1e-4, abs=0
    )  # m_N²/E² and Q²/m_Z′²


def test_recoil_appears_as_a_light_scalar_target_has_it():
    # m_N → 0 and m_Z′ → ∞: dσ/dQ² ∝ (4ME − Q²)² − (4M² + Q²) Q² up to Q² = 4M²E²/(M(M + 2E)), elementary.
    M, E_nu = 2.0, 1.5
    parameters = BENCHMARK_B.replace(m_N=1e-4, m_Zprime=1e3)
    highest = 4 * M * E_nu**2 / (M + 2 * E_nu)
    shape, _ = quad(lambda Q2: (4 * M * E_nu - Q2) ** 2 - (4 * M**2 + Q2) * Q2, 0, highest)
    prefactor = np.pi * ALPHA_EM * parameters.coupling * POINT.Z**2 / (4 * (M * E_nu * parameters.m_Zprime**2) ** 2)
    found = total_cross_section(E_nu, parameters, dataclasses.replace(POINT, mass=M))
    assert found == pytest.approx(HBARC**2 * prefactor * shape, rel=1e-5, abs=0)  # Q²/m_Z′² = 2e-6, twice


@given(nuclei, st.floats(0.02, 0.5), st.floats(0.01, 5), st.floats(0.6, 10))
def test_squared_amplitude_is_positive_inside_the_kinematic_range(nucleus, m_N, m_Zprime, E_nu):
    low, high = q2_range(E_nu, m_N, nucleus)
    Q2 = low + (high - low) * np.linspace(0, 1, 50)
    assert (elastic_cross_section(E_nu, Q2, m_N, m_Zprime, nucleus.mass, 1.0, 0.0) > 0).all()


@given(nuclei, st.floats(1e-3, 0.5), st.floats(0.6, 10), st.floats(1e-6, 10))
def test_there_is_nothing_outside_the_kinematic_range(nucleus, m_N, E_nu, excess):
    parameters = BENCHMARK_A.replace(m_N=m_N)
    low, high = q2_range(E_nu, m_N, nucleus)
    outside = np.array([low / (1 + excess), high * (1 + excess), 0.0])
    assert (differential_cross_section(E_nu, outside, parameters, nucleus) == 0).all()


def test_all_protons_scatter_together():
    one, two = (dataclasses.replace(CARBON, Z=Z) for Z in (6, 12))
    ratio = total_cross_section(0.6, BENCHMARK_B, two) / total_cross_section(0.6, BENCHMARK_B, one)
    assert ratio == pytest.approx(4.0, rel=1e-14, abs=0)


def test_lead_gains_on_carbon_by_the_square_of_the_charge_at_small_momentum_transfer():
    # For a light mediator Q² ~ m_Z′², with a logarithmic tail, and 1 − F² = Q²⟨r²⟩/3 is 2e-3 in lead.
    parameters = BENCHMARK_A.replace(m_N=2e-3, m_Zprime=1e-3)
    ratio = total_cross_section(1.0, parameters, LEAD) / total_cross_section(1.0, parameters, CARBON)
    assert ratio == pytest.approx((82 / 6) ** 2, rel=5e-3, abs=0)


def test_a_smaller_nucleus_loses_less_to_its_form_factor():
    assert total_cross_section(1.0, BENCHMARK_B, POINT) > 5 * total_cross_section(
        1.0, BENCHMARK_B, dataclasses.replace(NUCLEI["Ar40"], Z=POINT.Z)
    )


@pytest.mark.parametrize("factor", [1e-3, 0.3, 2.0])
@pytest.mark.parametrize("name", ["alpha_D", "V_muN_sq", "epsilon"])
def test_cross_section_scales_with_its_three_couplings_only(name, factor):
    scaled = BENCHMARK_B.replace(**{name: factor * getattr(BENCHMARK_B, name)}, V_N_sq=0.3)
    ratio = total_cross_section(0.6, scaled, CARBON) / total_cross_section(0.6, BENCHMARK_B, CARBON)
    assert ratio == pytest.approx(factor ** (2 if name == "epsilon" else 1), rel=1e-12, abs=0)


def test_what_is_left_out_beyond_the_largest_momentum_transfer_is_negligible():
    # The claim beside LARGEST_QR, where it is hardest: high energy, and the heaviest mediator.
    parameters, E_nu = BENCHMARK_B.replace(m_Zprime=12.5), 20.0
    for nucleus in (CARBON, NUCLEI["Ar40"], LEAD):
        low, high = scattering.LARGEST_QR * HBARC / nucleus.radius, np.sqrt(q2_range(E_nu, 0.1, nucleus)[1])
        Q = np.linspace(low, high, 200_001)
        tail = (differential_cross_section(E_nu, Q**2, parameters, nucleus) * 2 * Q).mean() * (high - low)
        assert tail < 1e-8 * total_cross_section(E_nu, parameters, nucleus)


def test_energies_and_parameters_broadcast():
    plane = BENCHMARK_B.replace(m_N=np.array([0.05, 0.1, 0.7])[:, None])
    energies = np.array([0.06, 0.5, 2.0, 9.0])
    total = total_cross_section(energies, plane, CARBON)
    differential = differential_cross_section(energies, 0.01, plane, CARBON)
    assert total.shape == differential.shape == (3, 4)
    for i, j in np.ndindex(3, 4):
        point = BENCHMARK_B.replace(m_N=plane.m_N[i, 0])
        assert total[i, j] == pytest.approx(total_cross_section(energies[j], point, CARBON), rel=1e-12, abs=0)
        assert differential[i, j] == differential_cross_section(energies[j], 0.01, point, CARBON)


# --- The spin of N ---


def rest_frame(vector, p_N, m_N):
    """Components of a four-vector (n, 4) in the rest frame of N."""
    back = p_N * np.array([1, -1, -1, -1])
    return np.stack(kinematics.boost(vector.T, back.T, m_N), axis=-1)


@pytest.mark.parametrize("name", ["C12", "Pb208"])
def test_spin_axis_is_opposite_to_the_polarisation_vector_of_the_dirac_density_matrix(name):
    m_N, E_nu, _, p_nu, p_N, h = events(NUCLEI[name], m_N=(0.02, 0.9))
    # ρ = (p̸ + m) h̸ P_L p̸_ν P_R h̸ (p̸ + m) = c (p̸ + m)(1 + γ₅s̸)/2, hence s^μ = Tr ργ^μγ₅ / Tr ρ.
    numerator = dirac.slash(p_N) + m_N[:, None, None] * np.eye(4)
    vertex = numerator @ dirac.slash(h) @ dirac.LEFT
    rho = vertex @ dirac.slash(p_nu) @ dirac.bar(vertex)
    spin = np.einsum("nij,ajk,ki->na", rho, dirac.GAMMA, dirac.GAMMA_5).real / np.einsum("nii->n", rho).real[:, None]
    # Rounding of M²E⁴ is magnified by (E/m_N)² ≤ 30² in going to the rest frame.
    np.testing.assert_allclose(dirac.product(spin, spin), -1, atol=1e-7)  # fully polarised
    np.testing.assert_allclose(dirac.product(spin, p_N), 0, atol=1e-8)
    axis = np.stack(scattering.polarisation_axis(E_nu, p_N.T, m_N, NUCLEI[name].mass), axis=-1)
    np.testing.assert_allclose(axis, -rest_frame(spin, p_N, m_N)[:, 1:], atol=1e-7)


@given(nuclei, heavy_masses, above_threshold, st.floats(0.01, 0.99), st.floats(0, 6))
def test_spin_axis_is_a_direction(nucleus, m_N, excess, share, phi):
    E_nu = float(threshold_energy(m_N, nucleus)) * (1 + excess)
    low, high = q2_range(E_nu, m_N, nucleus)
    p_N = scattering.heavy_neutrino_momentum(E_nu, share * (high - low), m_N, phi, nucleus.mass)
    axis = scattering.polarisation_axis(E_nu, p_N, m_N, nucleus.mass)
    assert np.dot(axis, axis) == pytest.approx(1, rel=1e-13, abs=0)
    # It lies in the scattering plane: nothing else is there to define a direction.
    assert np.dot(axis, (-np.sin(phi), np.cos(phi), 0.0)) == pytest.approx(0, abs=1e-9 * (E_nu / m_N) ** 2)


@given(nuclei, st.floats(2e-3, 1e-2), st.floats(0.01, 0.9), st.floats(0, 6))
def test_a_fast_n_has_negative_helicity(nucleus, m_N, share, phi):
    # The axis, opposite to the spin, points along the flight; the mass turns it by about m_N/E, more when N goes
    # backwards, where the left-handed amplitude on a nucleus without spin vanishes.
    E_nu = 1.0
    low, high = q2_range(E_nu, m_N, nucleus)
    p_N = scattering.heavy_neutrino_momentum(E_nu, share * (high - low), m_N, phi, nucleus.mass)
    axis = scattering.polarisation_axis(E_nu, p_N, m_N, nucleus.mass)
    flight = np.array(p_N[1:]) / np.linalg.norm(p_N[1:])
    assert np.dot(axis, flight) > 1 - (m_N / E_nu) ** 2 / (1 - share)


def test_neutrino_energy_follows_from_the_momentum_of_n():
    for nucleus in (PROTON, CARBON, LEAD):
        m_N, E_nu, Q2, _, p_N, _ = events(nucleus)
        found = neutrino_energy(p_N, m_N, nucleus.mass)
        np.testing.assert_allclose(found, E_nu, rtol=1e-12)  # rounding
        # A difference of energies: rounding of E_ν, times 2M.
        np.testing.assert_allclose(2 * nucleus.mass * (found - p_N[:, 0]), Q2, atol=1e-13 * nucleus.mass * E_nu.max())


# --- Hydrogen ---


def test_hydrogen_scatters_with_dirac_and_pauli_form_factors_as_dirac_matrices_say():
    m_N, E_nu, Q2, p_nu, p_N, h = events(PROTON)
    parameters = BENCHMARK_B.replace(m_N=m_N, m_Zprime=np.geomspace(1e-3, 10, len(m_N)))
    currents, sizes = hadronic_currents(PROTON, Q2, p_nu, p_N, h)
    trace = sum(
        size * dirac.upscattering(p_nu, p_N, current, 0.0) for current, size in zip(currents, sizes, strict=True)
    )
    squared = (4 * np.pi) ** 2 * ALPHA_EM * parameters.coupling * trace / (Q2 + parameters.m_Zprime**2) ** 2
    expected = HBARC**2 * squared / (64 * np.pi * (PROTON.mass * E_nu) ** 2)
    # Eigenvectors of the tensor are good to rounding; terms cancel at high Q².
    np.testing.assert_allclose(differential_cross_section(E_nu, Q2, parameters, PROTON), expected, rtol=1e-8)


def test_a_point_proton_without_anomalous_moment_scatters_like_a_muon_with_a_massive_photon():
    # F₁ = 1, F₂ = 0 and m_N → 0: half the sum of (s−M²)² and (u−M²)² terms of two fermions, one left-handed.
    M, E_nu, Q2 = PROTON.mass, 0.8, np.array([0.05, 0.3, 0.6])
    a = np.sqrt((1 + Q2 / (4 * M**2)) / (1 + Q2 / (4 * M**2)))
    value = elastic_cross_section(E_nu, Q2, 0.0, 2.0, M, a, 1.0)
    s, u = M**2 + 2 * M * E_nu, M**2 - 2 * M * E_nu + Q2
    bracket = 2 * ((s - M**2) ** 2 + (u - M**2) ** 2 - 2 * M**2 * Q2)
    expected = np.pi * ALPHA_EM * HBARC**2 / (4 * (M * E_nu * (Q2 + 4)) ** 2) * bracket
    np.testing.assert_allclose(value, expected, rtol=1e-12)  # rounding


def test_n_from_hydrogen_is_polarised_in_part_as_the_dirac_density_matrix_says():
    m_N, E_nu, Q2, p_nu, p_N, h = events(PROTON, m_N=(0.05, 0.9))
    currents, sizes = hadronic_currents(PROTON, Q2, p_nu, p_N, h)
    numerator = dirac.slash(p_N) + m_N[:, None, None] * np.eye(4)
    rho = 0
    for current, size in zip(currents, sizes, strict=True):
        vertex = numerator @ dirac.slash(current) @ dirac.LEFT
        rho = rho + size[:, None, None] * (vertex @ dirac.slash(p_nu) @ dirac.bar(vertex))
    spin = np.einsum("nij,ajk,ki->na", rho, dirac.GAMMA, dirac.GAMMA_5).real / np.einsum("nii->n", rho).real[:, None]
    amplitudes = current_amplitudes(Q2, PROTON)
    axis = np.stack(scattering.polarisation_axis(E_nu, p_N.T, m_N, PROTON.mass, *amplitudes), axis=-1)
    # Rounding of M²E⁴, magnified by E/m_N.
    np.testing.assert_allclose(axis, -rest_frame(spin, p_N, m_N)[:, 1:], atol=1e-7)
    degree = scattering.polarisation_degree(E_nu, Q2, m_N, PROTON.mass, *amplitudes)
    np.testing.assert_allclose(degree, np.linalg.norm(axis, axis=1), atol=1e-7)
    assert degree.min() < 0.95


def test_hydrogen_scatters_at_small_momentum_transfer_like_a_point_charge():
    # A light mediator: Q² ~ m_Z′², far below the scale 0.7 GeV² of the form factors; G_M² τ is of order Q²/M².
    parameters = BENCHMARK_A.replace(m_N=2e-3, m_Zprime=1e-3)
    point = dataclasses.replace(POINT, Z=1, mass=PROTON.mass)
    ratio = total_cross_section(1.0, parameters, PROTON) / total_cross_section(1.0, parameters, point)
    assert ratio == pytest.approx(1, rel=1e-3, abs=0)


def test_differential_cross_section_on_hydrogen_integrates_to_the_total_one():
    for m_N, m_Zprime, E_nu in ((2e-3, 1e-3, 0.6), (0.1, 1.25, 0.6), (0.1, 1.25, 10.0), (0.8, 10.0, 3.0)):
        point = BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime)
        expected = integral(
            lambda Q2, E=E_nu, p=point: differential_cross_section(E, Q2, p, PROTON), E_nu, point, PROTON
        )
        assert total_cross_section(E_nu, point, PROTON) == pytest.approx(expected, rel=1e-6, abs=0)  # as for nuclei


# --- Models of the form factor ---


@pytest.mark.parametrize("model", FORM_FACTORS)
def test_the_model_of_the_form_factor_enters_as_its_square(model):
    Q2 = np.array([1e-4, 1e-3, 8e-3])
    ratio = differential_cross_section(1.0, Q2, BENCHMARK_B, LEAD, model) / form_factor(Q2, LEAD, model) ** 2
    expected = differential_cross_section(1.0, Q2, BENCHMARK_B, LEAD) / form_factor(Q2, LEAD) ** 2
    # m_N²/2E lies below Q = 5 MeV here.
    np.testing.assert_allclose(ratio, expected, rtol=1e-9)


def test_models_of_the_form_factor_agree_on_the_cross_section_as_well_as_on_the_radius():
    # Their radii are off by at most 6 % (tested with the nuclei), and σ goes like their inverse square.
    for name in ("C12", "Ar40", "Cu63", "Pb208"):
        exact = total_cross_section(1.0, BENCHMARK_B, NUCLEI[name])
        for model in ("helm", "fermi"):
            ratio = total_cross_section(1.0, BENCHMARK_B, NUCLEI[name], model) / exact
            assert ratio == pytest.approx(1, abs=0.12)
            assert ratio != 1


# --- At the edges of phase space ---


def _edges_of_phase_space():
    """E_ν, m_N and nuclear masses, half of them within rounding of threshold."""
    rng = np.random.default_rng(7)
    m_N = np.geomspace(1e-4, 2.0, 500)
    mass = rng.choice([PROTON.mass, NUCLEI["C12"].mass, NUCLEI["Pb208"].mass], 500)
    threshold = m_N + m_N**2 / (2 * mass)
    above = np.where(np.arange(500) % 2, 10.0 ** rng.uniform(-17, -9, 500), 10.0 ** rng.uniform(-9, 2, 500))
    return threshold * (1 + above), m_N, mass


def test_momenta_of_N_are_finite_with_cosines_up_to_one_at_the_ends_of_phase_space():
    E_nu, m_N, mass = _edges_of_phase_space()
    low, high = q2_limits(E_nu, m_N, mass)
    assert np.isfinite([low, high]).all()
    for above in (0.0 * low, high - low, (high - low) * (1 + 1e-15), (high - low) / 2):
        E, x, y, z = heavy_neutrino_momentum(E_nu, above, m_N, 0.3, mass)
        length = np.sqrt(x**2 + y**2 + z**2)
        assert np.isfinite([E, x, y, z]).all()
        # On the mass shell to a part in 1e12 of the squares of E.
        np.testing.assert_allclose(E**2 - length**2, m_N**2, atol=1e-12 * (E**2).max(), rtol=1e-9)
        assert (np.abs(z) <= length * (1 + 1e-15)).all()


def test_range_and_cross_section_are_numbers_at_threshold():
    for nucleus in (PROTON, NUCLEI["Pb208"]):
        m_N = np.geomspace(1e-4, 2.0, 200)
        threshold = threshold_energy(m_N, nucleus)
        low, high = q2_range(threshold, m_N, nucleus)
        # All momentum transfers are one there: m_N² M/(M + m_N). A root of rounding remains between both.
        np.testing.assert_allclose(low, m_N**2 * nucleus.mass / (nucleus.mass + m_N), rtol=1e-6)
        np.testing.assert_allclose(high, low, rtol=1e-6)
        assert np.isnan(q2_range(threshold * (1 - 1e-12), m_N, nucleus)).all()
        assert np.isfinite(total_cross_section(threshold, BENCHMARK_B.replace(m_N=m_N, m_Zprime=3.0), nucleus)).all()


@pytest.mark.parametrize("E_nu", [0.0, -1.0, np.nan, np.inf, 1e13])
def test_an_energy_that_no_neutrino_has_is_refused(E_nu):
    lead = NUCLEI["Pb208"]
    for function in (
        lambda E: q2_range(E, 0.1, lead),
        lambda E: total_cross_section(E, BENCHMARK_B, lead),
        lambda E: differential_cross_section(E, 0.01, BENCHMARK_B, lead),
    ):
        with pytest.raises(ValueError, match="E_nu must be"):
            function([1.0, E_nu])

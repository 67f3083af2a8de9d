"""Formulas of the paper that no simulation needs."""

import numpy as np
import pytest
from for_each import for_each
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import unitary_group

from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B
from darkpkg.physics.nuclei import NUCLEI
from darkpkg.physics.scattering import elastic_cross_section, total_cross_section
from darkpkg.physics.validity import validity_notes
from darkpkg.units import ALPHA_EM, HBARC
from paper.formulas import approximate_cross_section, approximate_shortest_decay_length, vertex_factors

A = BENCHMARK_A

# --- Eqs. (5) and (8) ---


def rotation(n, i, j, angle, phase=0.0):
    matrix = np.eye(n, dtype=complex)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[i, j] = np.sin(angle) * np.exp(-1j * phase)
    matrix[j, i] = -np.sin(angle) * np.exp(1j * phase)
    return matrix


@given(st.floats(1e-4, 0.3), st.floats(1e-4, 0.3), st.floats(0, 6))
def test_vertex_factors_of_one_dark_flavour_have_their_closed_form(theta_mu, theta_tau, phase):
    """V_iN = U_Di* U_D4, so Σ_{i≤3} U_μi V_iN = −U_μ4 |U_D4|² by unitarity, and |V_N|² = |U_D4|² (1 − |U_D4|²)."""
    U = (
        rotation(4, 1, 3, theta_mu, phase)
        @ rotation(4, 2, 3, theta_tau)
        @ rotation(4, 0, 1, 0.6)
        @ rotation(4, 1, 2, 0.8)
    )
    mu, dark = abs(U[1, 3]) ** 2, abs(U[3, 3]) ** 2
    V_muN_sq, V_N_sq = vertex_factors(U)
    assert V_muN_sq == pytest.approx(mu * dark**2 / (1 - mu), rel=1e-9, abs=0)  # rounding
    assert V_N_sq == pytest.approx(dark * (1 - dark), rel=1e-9, abs=1e-12)


@given(st.integers(0, 1000), st.integers(1, 3))
def test_equal_dark_charges_keep_the_decay_factor_below_a_quarter(seed, n_dark):
    # V is a projector then, and |V_N|² for the heaviest state is V_NN (1 − V_NN).
    U, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(6, 6)))
    assert vertex_factors(U, dark=range(3, 3 + n_dark), N=5)[1] <= 0.25 + 1e-12


def test_opposite_dark_charges_reach_one():
    U = np.eye(5)
    U[3:, 3:] = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    assert vertex_factors(U, dark=(3, 4), charges=(1, -1), N=4)[1] == pytest.approx(1, rel=1e-12, abs=0)


def test_vertex_factors_grow_with_the_charge_and_need_a_unitary_matrix():
    U = rotation(4, 1, 3, 0.1)
    assert np.divide(vertex_factors(U, charges=[2.0]), vertex_factors(U)) == pytest.approx(4, rel=1e-12)
    with pytest.raises(ValueError, match="mixing must be a unitary square matrix"):
        vertex_factors(2 * U)
    with pytest.raises(ValueError, match="mixing must be a unitary square matrix"):
        vertex_factors(U[:3])


@pytest.mark.parametrize("charges", [(1.0,), (1.0, 1.0), (1.0, -1.0)])
@for_each("seed", range(20))
def test_no_mixing_matrix_makes_the_vertex_of_production_larger_than_that_of_decay(seed, charges):
    """The first note is of a theorem, which holds whatever the number of neutrinos and dark flavours."""
    n = 5 + len(charges)
    mixing = unitary_group.rvs(n, random_state=np.random.default_rng(seed))
    dark = tuple(range(3, 3 + len(charges)))
    for N in range(3, n):
        V_muN_sq, V_N_sq = vertex_factors(mixing, dark=dark, charges=charges, N=N)
        assert V_muN_sq <= V_N_sq * (1 + 1e-12)


def test_with_one_dark_flavour_light_neutrinos_couple_to_the_dark_photon_as_the_square_of_the_decay_vertex():
    """What the note on Z' -> nu nu takes: the sum of |V_ij|^2 over light neutrinos is |V_N|^4, for small mixings."""
    angle = 0.1
    mixing = np.eye(4)
    mixing[1:4:2, 1:4:2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    V = np.outer(mixing[3], mixing[3])
    _, V_N_sq = vertex_factors(mixing)
    # Corrections are of the order of the mixing, sin² 0.1 = 0.01, twice.
    assert (V[:3, :3] ** 2).sum() == pytest.approx(V_N_sq**2, rel=0.03)
    edge = np.sqrt(0.1 * ALPHA_EM * A.epsilon**2 / A.alpha_D)
    assert validity_notes(A.replace(V_N_sq=0.99 * edge)) == []
    assert len(validity_notes(A.replace(V_N_sq=1.01 * edge))) == 1


# --- Eq. (12) ---


@given(st.floats(0.005, 0.5), st.floats(20, 1e3), st.floats(1e-4, 1e-1))
def test_rule_for_the_shortest_life_is_its_limit_for_a_heavy_mediator(m_N, ratio, epsilon):
    point = BENCHMARK_A.replace(m_N=m_N, m_Zprime=ratio * m_N, epsilon=epsilon, V_N_sq=1e-3, decays="paper")
    rule = approximate_shortest_decay_length(point) / point.shortest_decay_length()
    # "≃ 1 cm" stands for 0.9955 cm, and L(x) is 1 + 3x/5 with x = 1/ratio².
    assert rule == pytest.approx(1.0045 * (1 + 0.6 / ratio**2), rel=3e-4, abs=0)


def test_rule_for_the_shortest_life_fails_as_its_condition_does():
    equal = BENCHMARK_B.replace(m_Zprime=BENCHMARK_B.m_N, decays="paper")
    assert approximate_shortest_decay_length(equal) / equal.shortest_decay_length() == pytest.approx(4.018, rel=1e-3)
    assert np.isnan(approximate_shortest_decay_length(BENCHMARK_A))
    plane = BENCHMARK_B.replace(m_Zprime=np.array([0.05, 0.1, 0.2]))
    assert np.isnan(approximate_shortest_decay_length(plane)).tolist() == [True, False, False]


# --- Appendix A ---


@pytest.mark.parametrize("name", ["C12", "Ar40", "Pb208"])
@pytest.mark.parametrize("lambda_qcd", [0.1, 0.2])
def test_approximate_cross_section_is_the_integral_over_a_box_form_factor(name, lambda_qcd):
    """F = 1 for Q < 2Λ/A^{1/3}, a massless N and a propagator 1/m_Z′⁴."""
    nucleus, E_nu = NUCLEI[name], np.array([0.3, 1.0, 5.0])
    point = BENCHMARK_B.replace(m_Zprime=1e3, m_N=1e-6)
    Q, weight = np.polynomial.legendre.leggauss(20)
    cut = 2 * lambda_qcd / nucleus.A ** (1 / 3)
    Q, weight = cut * (1 + Q) / 2, cut * weight / 2
    value = elastic_cross_section(E_nu[:, None], Q**2, point.m_N, point.m_Zprime, nucleus.mass, 1.0, 0.0)
    expected = point.coupling * nucleus.Z**2 * (value * 2 * Q * weight).sum(axis=-1)
    approximate = approximate_cross_section(E_nu, point, nucleus, lambda_qcd)
    # Q²/m_Z′² and m_N² are 1e-7 at most of what is kept.
    np.testing.assert_allclose(approximate, expected, rtol=1e-6)


def test_bracket_of_the_approximation_is_that_of_the_paper():
    nucleus, E_nu = NUCLEI["C12"], 1.0
    M, s, x = nucleus.mass, nucleus.mass**2 + 2 * nucleus.mass * E_nu, 2 * 0.15 / 12 ** (1 / 3) / nucleus.mass
    bracket = 2 * (M**4 + s**2) - s * M**2 * (x**2 + 4)
    front = BENCHMARK_B.coupling * 4 * np.pi * ALPHA_EM * 36 * x**2 / (8 * E_nu**2 * BENCHMARK_B.m_Zprime**4)
    # M⁴ cancels to 1e-2 of itself.
    assert approximate_cross_section(E_nu, BENCHMARK_B, nucleus) == pytest.approx(
        front * bracket * HBARC**2, rel=1e-9, abs=0
    )


def test_approximation_is_good_to_a_factor_of_two_above_one_gev():
    for name in ("C12", "Ar40", "Pb208"):
        exact = total_cross_section(np.array([1.0, 5.0]), BENCHMARK_B, NUCLEI[name])
        assert (np.abs(np.log2(approximate_cross_section([1.0, 5.0], BENCHMARK_B, NUCLEI[name]) / exact)) < 1).all()

"""The share of N of the other helicity, which no simulation needs."""

import dirac
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scattered import events, hadronic_currents
from scipy.integrate import quad

from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B
from darkpkg.physics.nuclei import NUCLEI, PROTON
from darkpkg.physics.scattering import differential_cross_section, q2_range, total_cross_section
from paper.formulas import helicity_flip_cross_section, helicity_flip_probability

LEAD, CARBON = NUCLEI["Pb208"], NUCLEI["C12"]
nuclei = st.sampled_from(list(NUCLEI.values()))


def helicity_state(p_N, m_N):
    """Spin four-vector (n, 4) of positive helicity: (|p|, E p̂) / m."""
    length = np.linalg.norm(p_N[:, 1:], axis=1)
    return np.concatenate([length[:, None], p_N[:, :1] * p_N[:, 1:] / length[:, None]], axis=1) / m_N[:, None]


@pytest.mark.parametrize("name", ["H1", "C12", "Pb208"])
def test_helicity_flip_is_the_share_of_that_spin_state_from_dirac_matrices(name):
    nucleus = {**NUCLEI, "H1": PROTON}[name]
    m_N, E_nu, Q2, p_nu, p_N, h = events(nucleus, m_N=(0.05, 0.9))
    currents, sizes = hadronic_currents(nucleus, Q2, p_nu, p_N, h)
    rates = [
        sum(
            size * dirac.upscattering(p_nu, p_N, current, m_N, spin)
            for current, size in zip(currents, sizes, strict=True)
        )
        for spin in (helicity_state(p_N, m_N), None)
    ]
    # Rounding of M²E⁴, magnified by (E/m_N)².
    np.testing.assert_allclose(helicity_flip_probability(E_nu, Q2, m_N, nucleus), rates[0] / rates[1], atol=1e-7)
    assert (rates[0] / rates[1]).std() > 0.05


@given(nuclei, st.floats(2e-3, 0.3), st.floats(0.6, 5), st.floats(0, 0.1))
def test_helicity_flips_as_the_square_of_mass_over_energy(nucleus, m_N, E_nu, share):
    # A static Coulomb field: P₊ = (1 − cos χ)/2, where m_N turns the spin by χ ≈ (m_N/E) tan(θ/2).
    low, high = q2_range(E_nu, m_N, nucleus)
    Q2 = low + share * (high - low)
    probability = helicity_flip_probability(E_nu, Q2, m_N, nucleus)
    assert 0 <= probability <= (m_N / E_nu) ** 2 * (0.01 + Q2 / E_nu**2) / (1 - (m_N / E_nu) ** 2) + 1e-9


def test_helicity_flip_cross_section_is_the_integral_of_its_share():
    for nucleus, point in ((CARBON, BENCHMARK_B), (LEAD, BENCHMARK_A), (PROTON, BENCHMARK_B.replace(m_N=0.4))):

        def density(ln_Q2, nucleus=nucleus, point=point):
            Q2 = np.exp(ln_Q2)
            share = helicity_flip_probability(0.9, Q2, point.m_N, nucleus)
            return Q2 * share * differential_cross_section(0.9, Q2, point, nucleus)

        lowest, highest = np.log(q2_range(0.9, point.m_N, nucleus))
        inside = lowest + 1e-12, highest - 1e-12
        expected = quad(density, *inside, limit=500, epsabs=0, epsrel=1e-8)[0]
        # 400 nodes for the diffraction pattern of lead.
        assert helicity_flip_cross_section(0.9, point, nucleus) == pytest.approx(expected, rel=1e-6, abs=0)
        assert 0 < expected < 0.5 * total_cross_section(0.9, point, nucleus)
    np.testing.assert_array_equal(helicity_flip_cross_section([0.05, 0.9], BENCHMARK_B, CARBON) > 0, [False, True])


def test_a_momentum_transfer_outside_of_the_range_has_no_helicity():
    lead = NUCLEI["Pb208"]
    low, high = q2_range(1.0, 0.1, lead)
    assert 0 <= helicity_flip_probability(1.0, [low, high], 0.1, lead).min()
    for Q2 in (low / 2, high * 2):
        with pytest.raises(ValueError, match="Q2 must lie in the kinematic range, got"):
            helicity_flip_probability(1.0, Q2, 0.1, lead)
    with pytest.raises(ValueError, match="Q2 must lie in the kinematic range"):
        helicity_flip_probability(0.05, 0.01, 0.1, lead)

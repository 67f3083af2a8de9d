"""Protons and neutrons of a nucleus, hit one by one."""

import numpy as np
import pytest
from scipy.integrate import quad

import darkpkg as dk
from darkpkg.method.weights import exposure_weight
from darkpkg.physics import nucleons
from darkpkg.physics.nuclei import PROTON, current_amplitudes, sachs
from darkpkg.physics.nucleons import BoundNucleons, fermi_momentum, neutron_sachs, pauli_blocking
from darkpkg.physics.scattering import total_cross_section
from darkpkg.units import HBARC, NEUTRON_MASS, fm

CARBON = dk.NUCLEI["C12"]


def test_the_neutron_has_no_charge_and_its_moment_and_the_measured_charge_radius():
    electric, magnetic = neutron_sachs(0.0)
    assert (electric, magnetic) == (0.0, nucleons.NEUTRON_MAGNETIC_MOMENT)
    slope = neutron_sachs(1e-6)[0] / 1e-6
    # The Review of Particle Physics has ⟨r²⟩ = −0.1155(17) fm²; the fit of Kelly has −0.1124.
    assert -6 * slope * (HBARC / fm) ** 2 == pytest.approx(-0.1124, rel=1e-3)


def test_form_factors_of_the_neutron_agree_with_the_published_fit():
    """By hand at Q² = 1 GeV²: τ = 0.28320, G_D = 0.17241, and then by the formulas of the paper."""
    electric, magnetic = neutron_sachs(1.0)
    assert electric == pytest.approx(1.70 * 0.28320 / (1 + 3.30 * 0.28320) * 0.17240, rel=1e-3)
    assert magnetic == pytest.approx(-1.91304 * 1.65986 / (1 + 4.16870 + 1.94091 + 1.91019), rel=1e-3)


def test_pauli_blocking_is_the_part_of_a_sphere_outside_of_itself_shifted():
    """The overlap by slices: circles of both spheres at the same distance from the plane between their centres."""
    k_F = fermi_momentum(12)
    for x in (0.1, 0.7, 1.5):
        overlap = 2 * quad(lambda z: 1 - z**2, x / 2, 1)[0] * np.pi / (4 / 3 * np.pi)
        q = x * k_F
        M = nucleons.NUCLEON_MASS
        Q2 = 2 * M * (np.sqrt(M**2 + q**2) - M)  # q² = Q² + (Q²/2M)²
        assert pauli_blocking(Q2, 12) == pytest.approx(1 - overlap, rel=1e-10)


def test_pauli_blocking_ends_at_twice_the_fermi_momentum():
    assert pauli_blocking(0.0, 40) == 0
    assert np.all(np.diff(pauli_blocking(np.linspace(0, 0.2, 50), 40)) > 0)
    assert pauli_blocking([0.3, 5.0], 40).tolist() == [1, 1]


@pytest.mark.parametrize(("A", "in_MeV"), [(12, 221), (40, 251), (208, 265), (16, 221 + 14 / 3)])
def test_fermi_momenta_are_the_measured_ones_and_those_in_between(A, in_MeV):
    assert fermi_momentum(A) == pytest.approx(in_MeV / 1000)


def test_beyond_the_fermi_sea_nucleons_add_up_like_free_ones():
    bound = BoundNucleons.of(CARBON)
    Q2 = np.array([0.3, 0.8])
    charge, magnetic = current_amplitudes(Q2, bound)
    proton, (electric, moment) = current_amplitudes(Q2, PROTON), neutron_sachs(Q2)
    tau = Q2 / (4 * NEUTRON_MASS**2)
    neutron_sq = (electric**2 + tau * moment**2) / (1 + tau)
    np.testing.assert_allclose(charge**2, 6 * proton[0] ** 2 + 6 * neutron_sq, rtol=1e-12)
    np.testing.assert_allclose(magnetic**2, 6 * sachs(Q2)[1] ** 2 + 6 * moment**2, rtol=1e-12)


def test_nucleons_have_a_code_next_to_that_of_their_nucleus():
    bound = BoundNucleons.of(CARBON)
    assert (bound.pdg_code, bound.name) == (1000060121, "nucleons of C12")
    with pytest.raises(ValueError, match="nucleus must have bound nucleons, got H1"):
        BoundNucleons.of(PROTON)


@pytest.fixture(scope="module")
def placed():
    return dk.simulate(dk.BENCHMARK_B, 16_384, seed=5, nucleons=True)


def test_events_on_nucleons_add_up_to_the_integral_of_flux_and_cross_section(placed):
    flux = dk.T2K["FHC"].fluxes[14]
    middle = (flux.edges[1:] + flux.edges[:-1]) / 2
    bound = BoundNucleons.of(CARBON)
    of_carbon = (placed.target == bound.pdg_code) & (placed.beam == "FHC")
    edges = np.linspace(flux.edges[:-1], flux.edges[1:], 9)
    sigma = total_cross_section((edges[1:] + edges[:-1]) / 2, dk.BENCHMARK_B, bound).mean(axis=0)
    exact = (flux.density * np.diff(flux.edges) * sigma)[middle > 0].sum()
    scale = dk.BENCHMARK_B.coupling / placed.origin.couplings.coupling
    q = placed.origin.sampling.q(placed.m_N, placed.m_Zprime)
    rate = scale * (placed.weight / q)[of_carbon].sum()
    # Some thousand events of nucleons of carbon, from nets: their spread is below 1 %.
    assert rate == pytest.approx(exact, rel=0.03)


def test_nucleons_count_with_the_number_of_their_nuclei(placed):
    on_nucleons = placed.target % 10 == 1
    assert set(placed.target[on_nucleons] - 1) == set(placed.target[~on_nucleons])
    weight = exposure_weight(placed, dk.ANALYSIS_I.channels[0])
    for code in np.unique(placed.target[on_nucleons]).tolist():
        own = (placed.beam == "FHC") & (placed.target == code)
        other = (placed.beam == "FHC") & (placed.target == code - 1)
        assert set(weight[own]) == set(weight[other])


def test_nucleons_add_a_quarter_to_analysis_I_at_B_and_a_per_cent_at_most_at_A(placed):
    """Estimates of the fraction at B lie between 0.26 and 0.33; 0.266 ± 0.008 with a million vertices."""
    weight = dk.detected_weight(placed, dk.BENCHMARK_B, dk.ANALYSIS_I)
    on_nucleons = placed.target % 10 == 1
    assert weight[on_nucleons].sum() / weight[~on_nucleons].sum() == pytest.approx(0.27, abs=0.05)
    at_A = dk.simulate(dk.BENCHMARK_A, 8192, seed=5, nucleons=True)
    weight = dk.detected_weight(at_A, dk.BENCHMARK_A, dk.ANALYSIS_I)
    assert weight[at_A.target % 10 == 1].sum() / weight.sum() < 0.01


def test_events_on_nucleons_are_transported(placed):
    region = dk.SamplingRange((0.08, 0.12), (1.0, 1.5))
    sample = dk.simulate(region, 40_000, seed=6, nucleons=True)
    at, B = dk.Transport(sample).upscatterings(dk.BENCHMARK_B, dk.ANALYSIS_I).total(), dk.BENCHMARK_B
    own = dk.Transport(placed).upscatterings(B, dk.ANALYSIS_I).total()
    assert abs(at.mean - own.mean).item() < 4 * np.hypot(at.error, own.error).item()
    assert at.error.item() < 0.05 * at.mean.item()

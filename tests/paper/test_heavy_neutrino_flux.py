"""Fluxes of heavy neutrinos from kaons, as published."""

import numpy as np
import pytest

from darkpkg.units import ELECTRON_MASS, KAON_MASS, MUON_MASS
from paper.standard_neutrino.flux import load_heavy_neutrino_flux


@pytest.mark.parametrize(("m_N", "lepton", "peak"), [(0.15, "e", 3.46), (0.15, "mu", 3.37), (0.25, "mu", 2.97)])
def test_heavy_neutrinos_from_kaons_rise_from_their_mass_to_a_peak_above_that_of_the_neutrinos(m_N, lepton, peak):
    energy, flux = load_heavy_neutrino_flux(m_N, lepton)
    assert (np.diff(energy) > 0).all()
    assert (flux > 0).all()
    assert m_N < energy[0] < 2 * m_N
    assert energy[-1] > 9.6
    assert energy[flux.argmax()] == pytest.approx(peak, abs=0.1)  # the spacing of the points


def test_heavy_neutrinos_beside_electrons_and_muons_come_in_the_ratio_of_the_kaon_widths():
    # Γ ∝ p* [m_K² (m_N² + m_ℓ²) − (m_N² − m_ℓ²)²], and a kaon in flight throws N into the detector as 1/p*².
    m_N, width_over_solid_angle, total = 0.15, {}, {}
    for lepton, m_lepton in (("e", ELECTRON_MASS), ("mu", MUON_MASS)):
        E = (KAON_MASS**2 + m_N**2 - m_lepton**2) / (2 * KAON_MASS)
        p = np.sqrt(E**2 - m_N**2)
        bracket = KAON_MASS**2 * (m_N**2 + m_lepton**2) - (m_N**2 - m_lepton**2) ** 2
        width_over_solid_angle[lepton] = bracket / p
        energy, flux = load_heavy_neutrino_flux(m_N, lepton)
        total[lepton] = np.trapezoid(flux, energy)
    expected = width_over_solid_angle["e"] / width_over_solid_angle["mu"]
    # The kaons that give an energy differ by (E* + p*) in their own, 6 %, and the spectrum rises and falls with it.
    assert total["e"] / total["mu"] == pytest.approx(expected, rel=0.15, abs=0)


@pytest.mark.parametrize("m_N", [0.2, 0.1501, 0.249])
def test_a_heavy_neutrino_flux_that_was_not_published_is_refused_with_those_that_were(m_N):
    with pytest.raises(ValueError, match=rf"must be one of \(0.15, 'e'\), .*, got \({m_N}, 'mu'\)"):
        load_heavy_neutrino_flux(m_N, "mu")

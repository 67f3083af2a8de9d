"""Units and constants against hepunits, particle and scipy.constants."""

import hepunits
import pytest
import scipy.constants
from particle import Particle

from darkpkg import units

# CODATA 2018 digits against libraries that may hold a later adjustment, which moved none of these by 1e-8.
CODATA_ADJUSTMENT = 1e-8


@pytest.mark.parametrize("name", ["GeV", "MeV", "keV"])
def test_energies_are_in_the_ratio_that_hepunits_has(name):
    assert getattr(units, name) / units.GeV == pytest.approx(getattr(hepunits, name) / hepunits.GeV, rel=1e-15, abs=0)


@pytest.mark.parametrize("name", ["cm", "m", "fm"])
def test_lengths_are_in_the_ratio_that_hepunits_has(name):
    assert getattr(units, name) / units.cm == pytest.approx(getattr(hepunits, name) / hepunits.cm, rel=1e-15, abs=0)


def test_masses_of_bulk_matter_are_in_the_ratio_that_hepunits_has():
    assert units.tonne / units.gram == pytest.approx(1000 * hepunits.kg / hepunits.g, rel=1e-15, abs=0)


def test_base_units_are_one():
    assert units.GeV == units.cm == units.gram == 1


def test_hbarc_is_the_exact_constant_to_its_ten_digits():
    assert units.HBARC == pytest.approx(hepunits.hbarc / (hepunits.GeV * hepunits.cm), rel=1e-9, abs=0)
    assert units.HBARC / (units.MeV * units.fm) == pytest.approx(
        scipy.constants.physical_constants["reduced Planck constant times c in MeV fm"][0], rel=1e-9, abs=0
    )


def test_fine_structure_constant_agrees_with_scipy():
    assert units.ALPHA_EM == pytest.approx(scipy.constants.alpha, rel=CODATA_ADJUSTMENT, abs=0)


def test_electron_mass_agrees_with_particle_and_scipy():
    assert units.ELECTRON_MASS / units.MeV == pytest.approx(
        Particle.from_pdgid(11).mass, rel=CODATA_ADJUSTMENT, abs=0
    )
    in_MeV = scipy.constants.physical_constants["electron mass energy equivalent in MeV"][0]
    assert units.ELECTRON_MASS / units.MeV == pytest.approx(in_MeV, rel=CODATA_ADJUSTMENT, abs=0)


def test_atomic_mass_unit_agrees_with_scipy():
    in_MeV = scipy.constants.physical_constants["atomic mass constant energy equivalent in MeV"][0]
    assert units.ATOMIC_MASS_UNIT / units.MeV == pytest.approx(in_MeV, rel=CODATA_ADJUSTMENT, abs=0)


def test_atoms_of_one_gram_in_all_weigh_one_gram():
    # Avogadro's number of atomic mass units is one gram; since 2019 only to 1e-9, which is below the digits here.
    kilograms = units.ATOMIC_MASS_UNIT * 1e9 * scipy.constants.e / scipy.constants.c**2
    assert units.AVOGADRO * units.gram * kilograms == pytest.approx(1e-3, rel=1e-8, abs=0)
    assert units.AVOGADRO * units.gram == hepunits.Avogadro == scipy.constants.Avogadro


def test_masses_of_muon_and_kaon_agree_with_particle():
    assert units.MUON_MASS / units.MeV == pytest.approx(Particle.from_pdgid(13).mass, rel=CODATA_ADJUSTMENT, abs=0)
    # The kaon mass is known to 16 keV.
    assert units.KAON_MASS / units.MeV == pytest.approx(Particle.from_pdgid(321).mass, rel=5e-5, abs=0)


def test_fermi_constant_agrees_with_scipy():
    in_GeV = scipy.constants.physical_constants["Fermi coupling constant"][0]
    assert units.FERMI_CONSTANT * units.GeV**2 == pytest.approx(in_GeV, rel=CODATA_ADJUSTMENT, abs=0)


def test_weak_mixing_angle_is_that_of_the_masses_of_w_and_z():
    # 1 − M_W²/(ρ M_Z²) with ρ = 1.010 from the mass of the top quark in MS-bar (Particle Data Group, electroweak
    # review); the error of M_W moves it by 2e-3.
    M_W, M_Z = (Particle.from_pdgid(code).mass for code in (24, 23))
    assert units.SIN_SQ_THETA_W == pytest.approx(1 - M_W**2 / (1.0101 * M_Z**2), rel=4e-3, abs=0)

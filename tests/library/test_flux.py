"""Neutrino spectra at ND280."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from darkpkg import datasets
from darkpkg.experiment.beam import Flux
from darkpkg.experiment.experiment import T2K, T2K_ALL_FLAVOURS
from darkpkg.method.targets import energy_at, flux_below, target
from darkpkg.physics.nuclei import NUCLEI

FLAVOURS = {14: "numu", -14: "numubar", 12: "nue", -12: "nuebar"}
BEAMS = ("FHC", "RHC")
CASES = [(beam, flavour) for beam in BEAMS for flavour in FLAVOURS]


@pytest.mark.parametrize(("beam", "flavour"), CASES)
def test_total_is_the_sum_of_the_table_with_its_units(beam, flavour):
    # Numbers of the release are per cm², 1e21 POT and 50 MeV.
    table = datasets.read(f"flux/nd280_{beam.lower()}")
    total = sum(row[FLAVOURS[flavour]] * (row.e_high - row.e_low) / 0.05 for _, row in table.iterrows()) / 1e21
    assert T2K_ALL_FLAVOURS[beam][flavour].cumulative[-1] == pytest.approx(total, rel=1e-12, abs=0)


def test_totals_keep_their_pinned_values():
    # Neutrinos / cm² / 1e21 POT of the wanted sign: the sums over the tables, pinned against a mistake in units.
    assert T2K["FHC"].flux.cumulative[-1] * 1e21 == pytest.approx(1.917e13, rel=1e-3, abs=0)
    assert T2K["RHC"].flux.cumulative[-1] * 1e21 == pytest.approx(1.544e13, rel=1e-3, abs=0)


@pytest.mark.parametrize(("beam", "flavour"), CASES)
def test_bins_rise_without_gaps_and_hold_positive_densities(beam, flavour):
    flux = T2K_ALL_FLAVOURS[beam][flavour]
    assert len(flux.edges) == len(flux.density) + 1 == len(flux.cumulative)
    assert (np.diff(flux.edges) > 0).all()
    assert flux.edges[0] == 0
    assert np.isfinite(flux.density).all()
    assert (flux.density >= 0).all()
    assert flux.density[-1] > 0
    table = datasets.read(f"flux/nd280_{beam.lower()}")
    np.testing.assert_array_equal(table.e_low[1:], table.e_high[:-1])


@pytest.mark.parametrize("beam", BEAMS)
def test_flux_is_a_density_over_its_bins(beam):
    flux = T2K[beam].flux
    middles = (flux.edges[1:] + flux.edges[:-1]) / 2
    np.testing.assert_array_equal(flux(middles), flux.density)
    assert flux.cumulative[0] == 0
    np.testing.assert_allclose(np.cumsum(flux(middles) * np.diff(flux.edges)), flux.cumulative[1:], rtol=1e-12)


@given(st.sampled_from(list(BEAMS)), st.floats(0, 40))
def test_flux_at_an_energy_is_that_of_the_bin_around_it(beam, energy):
    flux = T2K[beam].flux
    inside = [
        d for low, high, d in zip(flux.edges, flux.edges[1:], flux.density, strict=False) if low <= energy < high
    ]
    assert flux(energy) == (inside[0] if inside else 0.0)


@pytest.mark.parametrize("beam", BEAMS)
def test_there_is_no_flux_outside_the_table(beam):
    flux = T2K[beam].flux
    np.testing.assert_array_equal(flux([-1.0, flux.edges[-1], flux.edges[-1] + 1, np.inf]), 0)


def test_each_beam_is_focused_on_its_flavour():
    for beam, wanted in {"FHC": 14, "RHC": -14}.items():
        assert list(T2K[beam].fluxes) == [wanted]
        assert next(iter(T2K_ALL_FLAVOURS[beam].fluxes)) == wanted
        totals = {flavour: T2K_ALL_FLAVOURS[beam][flavour].cumulative[-1] for flavour in FLAVOURS}
        assert max(totals, key=totals.get) == wanted
        # T2K's beam at 2.5 degrees: about 93 % (FHC) and 90 % (RHC) of the wanted sign, 1 % of electron flavours.
        assert 0.88 < totals[wanted] / sum(totals.values()) < 0.96
        assert T2K[beam].flux.cumulative[-1] == totals[wanted]


def test_the_two_horn_polarities_are_two_tables():
    for flavour in FLAVOURS:
        first, second = (T2K_ALL_FLAVOURS[beam][flavour].cumulative[-1] for beam in BEAMS)
        assert abs(first / second - 1) > 0.2, flavour
    # Hadron production favours π⁺, so focusing it gives more.
    assert T2K["FHC"].flux.cumulative[-1] > T2K["RHC"].flux.cumulative[-1]


@pytest.mark.parametrize("beam", BEAMS)
def test_spectrum_peaks_off_axis_at_six_hundred_mev(beam):
    flux = T2K[beam].flux
    peak = np.argmax(flux.density)
    assert 0.5 <= flux.edges[peak] < flux.edges[peak + 1] <= 0.651


@pytest.mark.parametrize("beam", BEAMS)
def test_wide_bins_above_ten_gev_are_densities_too(beam):
    # Read as counts in a bin of 1 GeV, they would be 20 times lower than the bins of 50 MeV below.
    flux = T2K[beam].flux
    wide = np.diff(flux.edges) > 0.5
    assert flux.edges[np.argmax(wide)] == pytest.approx(10.0)
    below, above = flux.density[~wide][-10:].mean(), flux.density[wide][0]
    # The spectrum falls by less than half within the GeV at the seam; bins fluctuate by a third.
    assert 0.5 < above / below < 1.5


def test_a_beam_or_flavour_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(KeyError, match="T2K has no beam 'fhc', only FHC, RHC"):
        T2K["fhc"]
    with pytest.raises(KeyError, match=r"FHC has no flux of flavour -14, only of \[14\]"):
        T2K["FHC"][-14]


def test_the_flux_of_a_beam_is_the_sum_of_its_flavours():
    beam = T2K_ALL_FLAVOURS["FHC"]
    assert T2K["FHC"].flux == T2K["FHC"][14]
    energy = np.linspace(0, 29, 500)
    expected = sum(flux(energy) for flux in beam.fluxes.values())
    np.testing.assert_allclose(beam.flux(energy), expected, rtol=1e-12)


# --- A flux of one's own that begins above the threshold ---


def test_all_neutrinos_of_a_flux_above_the_threshold_lie_in_it_with_their_spectrum():
    """u is the share of the flux below the energy, and all of the flux is above a threshold below its first edge."""
    flux = Flux(np.array([1.0, 2.0, 4.0]), np.array([3.0, 1.0]))
    for threshold in (0.1, 0.999, 1.0, 1.5, 3.0):
        u, about = np.linspace(0, 1, 101)[:-1], target(flux, NUCLEI["C12"], "fourier-bessel")
        total = quad(flux, max(threshold, 1.0), 4.0, points=[2.0])[0]
        first = flux_below(threshold, about)
        assert flux.cumulative[-1] - first == pytest.approx(total, rel=1e-12)
        energy = np.array([energy_at(first + x * total, about) for x in u])
        assert energy.min() >= max(threshold, 1.0)
        assert energy.max() < 4
        below = [quad(flux, max(threshold, 1.0), e, points=[2.0])[0] / total for e in energy]
        np.testing.assert_allclose(below, u, atol=1e-12)


@pytest.mark.parametrize(
    ("edges", "density", "message"),
    [
        ([1.0, 2.0, 2.0], [1.0, 1.0], "edges must increase"),
        ([-1.0, 2.0], [1.0], "edges must be zero or more, got -1"),
        ([1.0, np.inf], [1.0], "edges must be finite, got inf"),
        ([1.0, 2.0], [-1.0], "density must be zero or more, got -1"),
        ([1.0, 2.0], [np.nan], "density must be a number, got nan"),
        ([1.0, 2.0], [0.0], "density must be positive somewhere"),
        ([1.0, 2.0], [1.0, 1.0], r"shapes \(n\+1,\) and \(n,\), got \(2,\) and \(2,\)"),
    ],
)
def test_what_is_no_flux_is_refused(edges, density, message):
    with pytest.raises(ValueError, match=message):
        Flux(edges, density)

"""Analysis II twice: from simulated events, and from flux and cross section alone, without any event."""

import numpy as np
import pytest

import darkpkg as dk

POINTS = {"A": dk.BENCHMARK_A, "B": dk.BENCHMARK_B}


def made_in_the_first_fgd(point, beam, pot):
    """Upscatterings on carbon and oxygen in the fiducial volume of FGD1: Σ nuclei × POT × ∫ flux σ dE.

    Sizes, mass and composition are those printed in Table II, the flux is taken in the middle of its bins.
    """
    flux = dk.load_flux(beam)
    energy, width = (flux.edges[1:] + flux.edges[:-1]) / 2, np.diff(flux.edges)
    grams = 1.1e6 * (175 * 175 * 29) / (186 * 186 * 30)
    nuclei = {"C12": 0.88 * grams / 12.011 * 6.02214076e23, "O16": 0.04 * grams / 15.999 * 6.02214076e23}
    sigma = {name: dk.scattering.total_cross_section(energy, point, dk.NUCLEI[name]) for name in nuclei}
    return pot * sum(number * (flux.density * sigma[name] * width).sum() for name, number in nuclei.items())


@pytest.fixture(scope="module", params=POINTS)
def placed(request):
    """A benchmark and events there, nearly all of them on the nuclei of FGD1."""
    point = POINTS[request.param]
    numbers = {"C12": 300_000, "O16": 100_000} | dict.fromkeys(("Ar40", "Cu63", "Zn64", "Pb208"), 2)
    events = dk.generate(dk.SamplingRange.at(point.m_N, point.m_Zprime), numbers, seed=31)
    return point, dk.place(events, dk.ND280, seed=32)


def test_all_that_is_made_in_the_first_fgd_is_in_some_bin_of_analysis_two(placed):
    """10 % of it, in the exposures of each beam, wherever N decays: the response loses no event, nor does the last
    bin, which is open above."""
    point, events = placed
    result = dk.expected_upscatterings(events, point, dk.ANALYSIS_II).in_channels(dk.ANALYSIS_II)
    by_quadrature = [
        0.10 * made_in_the_first_fgd(point, beam, pot) for beam, pot in (("FHC", 11.92e20), ("RHC", 6.29e20))
    ]
    assert np.all(result.error < 0.01 * result.mean)  # so that a change of 5 % is seen
    # Four standard errors of the simulation, and half a percent for the middle of a bin of the flux.
    assert np.all(np.abs(result.mean - by_quadrature) < 4 * result.error + 0.005 * result.mean)


def test_a_response_moves_events_between_bins_and_loses_none(placed):
    point, events = placed
    smeared, true = (
        dk.expected_events(events, point, analysis)
        for analysis in (dk.ANALYSIS_II, dk.ANALYSIS_II.with_selection(response=None))
    )
    totals = [result.in_channels(dk.ANALYSIS_II).mean for result in (smeared, true)]
    np.testing.assert_allclose(*totals, rtol=1e-12)  # sums in another order
    assert np.abs(smeared.mean - true.mean).max() > 0.1 * true.mean.max()


def test_a_light_dark_photon_is_seen_in_two_bins_as_made_and_in_many_as_reconstructed():
    """At A m_ee = 30 MeV, the edge between the third bin and the fourth: rounding alone decides between them."""
    point = dk.BENCHMARK_A
    events = dk.place(dk.generate(dk.SamplingRange.at(point.m_N, point.m_Zprime), 30_000, seed=33), dk.ND280, seed=34)
    fhc = dk.ANALYSIS_II.bins_of("FHC")
    true = dk.expected_events(events, point, dk.ANALYSIS_II.with_selection(response=None)).mean[fhc]
    smeared = dk.expected_events(events, point, dk.ANALYSIS_II).mean[fhc]
    assert np.flatnonzero(true).tolist() == [2, 3]
    assert 0.3 < smeared[2:4].sum() / smeared.sum() < 0.6  # 0.42 of a long sample; here to 0.03

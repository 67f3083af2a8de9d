"""Analysis II twice: by weights, and by flux and cross section alone, by an integral, by sampled decays."""

import dataclasses

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.method.weights import coupling_weight, exposure_weight
from darkpkg.physics import scattering

POINTS = {"A": dk.BENCHMARK_A, "B": dk.BENCHMARK_B}
FIDUCIAL = dk.Box((-87.5, -87.5, 344.0), (87.5, 87.5, 373.0))
"""FGD1 in Table II; its active volume is 186 × 186 × 30 cm³ from z = 343 cm."""


def made_in_the_first_fgd(point, beam, pot):
    """Upscatterings on carbon and oxygen in the fiducial volume of FGD1: Σ nuclei × POT × ∫ flux σ dE.

    Sizes, mass and composition are those printed in Table II, the flux is taken in the middle of its bins.
    """
    flux = dk.T2K[beam].flux
    energy, width = (flux.edges[1:] + flux.edges[:-1]) / 2, np.diff(flux.edges)
    grams = 1.1e6 * (175 * 175 * 29) / (186 * 186 * 30)
    nuclei = {"C12": 0.88 * grams / 12.011 * 6.02214076e23, "O16": 0.04 * grams / 15.999 * 6.02214076e23}
    sigma = {name: scattering.total_cross_section(energy, point, dk.NUCLEI[name]) for name in nuclei}
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
    result = dk.Kernel(events).upscatterings(point, dk.ANALYSIS_II).in_channels(dk.ANALYSIS_II)
    by_quadrature = [
        0.10 * made_in_the_first_fgd(point, beam, pot) for beam, pot in (("FHC", 11.92e20), ("RHC", 6.29e20))
    ]
    assert np.all(result.error < 0.01 * result.mean)  # so that a change of 5 % is seen
    # Four standard errors of the simulation, and half a percent for the middle of a bin of the flux.
    assert np.all(np.abs(result.mean - by_quadrature) < 4 * result.error + 0.005 * result.mean)


def test_a_response_moves_events_between_bins_and_loses_none(placed):
    point, events = placed
    smeared, true = (
        dk.Kernel(events).events(point, analysis)
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
    true = dk.Kernel(events).events(point, dk.ANALYSIS_II.with_selection(response=None)).mean[fhc]
    smeared = dk.Kernel(events).events(point, dk.ANALYSIS_II).mean[fhc]
    assert np.flatnonzero(true).tolist() == [2, 3]
    assert 0.3 < smeared[2:4].sum() / smeared.sum() < 0.6  # 0.42 of a long sample; here to 0.03


@pytest.fixture(scope="module")
def straight(placed):
    """N along z from vertices all over FGD1, all with βγ = 1."""
    _, events = placed
    bare = {name: getattr(events, name) for name in dk.Events.columns()}
    p = np.sqrt((events.p_N[:, 1:] ** 2).sum(axis=1))
    bare["p_N"] = np.stack([events.p_N[:, 0], np.zeros(len(p)), np.zeros(len(p)), p], axis=-1)
    straight = dk.place(dk.Events(**bare, origin=events.origin), dk.ND280, seed=35)
    straight = straight[straight.module == "FGD1"]
    return dataclasses.replace(straight, m_N=straight.p_N[:, 3])


@pytest.mark.parametrize("length", [0.3, 3.0, 30.0, 3000.0])
def test_a_straight_beam_in_the_first_fgd_is_a_deterministic_integral(straight, length):
    """(1 − e^{−(back − z)/λ}) averaged over the slab, decay length λ in cm."""
    weight = dk.lifetime_weight(straight, length, modules=("FGD1",))
    starts = straight.starts_in(("FGD1",))
    x, y, z = straight.vertex.T
    inside = (abs(x) < 87.5) & (abs(y) < 87.5)
    np.testing.assert_array_equal(starts, inside & (z > 344) & (z < 373))
    in_front = np.exp(-np.maximum(344 - z, 0) / length) - np.exp(-np.maximum(373 - z, 0) / length)
    np.testing.assert_allclose(weight, np.where(inside, in_front, 0.0), rtol=1e-9, atol=1e-12)
    # What Analysis II counts: made and decayed in the fiducial volume.
    expected = (175 / 186) ** 2 / 30 * (29 + length * np.expm1(-29 / length))
    seen = weight * starts
    assert abs(seen.mean() - expected) < 4 * seen.std() / np.sqrt(len(seen))
    assert len(seen) > 10_000


@pytest.mark.parametrize("ctau", [0.01, 1.0, 10.0, 100.0])
def test_analysis_two_agrees_with_decays_sampled_in_space(placed, ctau):
    """Accept or reject: draw a flight path, and see whether vertex and decay lie in the box of Table II."""
    point, events = placed
    result = dk.Kernel(events).events_at_lifetime(point, ctau, dk.ANALYSIS_II).in_channels(dk.ANALYSIS_II)
    events = events[FIDUCIAL.contains(events.vertex)]  # no other counts
    rng = np.random.default_rng(36)
    p = np.sqrt((events.p_N[:, 1:] ** 2).sum(axis=1))
    direction = events.p_N[:, 1:] / p[:, None]
    draws = 40
    # A light Z′ flies on from there, by its momentum over its mass times its lifetime.
    second = (events.p_electron + events.p_positron)[:, 1:] / point.m_Zprime * point.mediator_decay_length()
    accepted = np.zeros(len(events))
    for _ in range(draws):
        path = rng.exponential(p / point.m_N * ctau)
        end = events.vertex + path[:, None] * direction + rng.exponential(size=(len(events), 1)) * second
        accepted += FIDUCIAL.contains(end)
    share = accepted / draws
    for i, channel in enumerate(dk.ANALYSIS_II.channels):
        w = 0.10 * events.weight * exposure_weight(events, channel)
        w = w * coupling_weight(events, point)
        # The events are the same in both ways: only the drawing differs.
        error = np.sqrt((w**2 * share * (1 - share)).sum() / (draws - 1))
        assert error < 0.02 * result.mean[i]
        assert abs((w * share).sum() - result.mean[i]) < 4 * error


def test_in_the_tracker_prompt_decays_are_those_of_the_whole_detector():
    A = dk.BENCHMARK_A
    both = dk.ANALYSIS_I + dk.ANALYSIS_II
    at_A = dk.SamplingRange.at(A.m_N, A.m_Zprime)
    sums = []
    for detector in (dk.ND280, dk.ND280_TRACKER):
        events = dk.simulate(at_A, 200_000, seed=1, experiment=dk.T2K.replace(detector=detector))
        sums.append(dk.Kernel(events).events(A, both).in_channels(both))
    whole, part = sums
    pulls = (whole.mean - part.mean) / np.hypot(whole.error, part.error)
    assert np.abs(pulls).max() < 4
    assert (part.n_effective[2:] > 4 * whole.n_effective[2:]).all()

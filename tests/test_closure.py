"""Closure: the one sample over all masses against dedicated samples at fixed masses, all over the plane."""

import numpy as np
import pytest

import darkpkg as dk

POINTS = [
    (0.005, 0.3),
    (0.01, 0.02),
    (0.02, 0.06),
    (0.03, 8.0),
    (0.05, 0.1),
    (0.05, 1.0),
    (0.1, 0.3),
    (0.1, 1.25),
    (0.2, 2.0),
    (0.3, 0.5),
    (0.5, 5.0),
    (0.7, 1.0),
    (0.6, 9.0),
]
"""(m_N, m_Z′) in GeV: light and heavy, close to m_N = m_Z′ and far from it."""

EDGES = [(0.004, 0.3), (0.05, 0.05), (0.1, 0.11), (0.1, 12.5), (0.7, 0.7), (0.004, 12.5)]
"""Points where an edge of the sampled plane cuts the kernel, down to a quarter of it."""

CTAU = 50.0
"""A decay length of a size at which vertices all over the detector count, in cm."""


@pytest.fixture(scope="module")
def sampled():
    return dk.place(dk.generate(dk.HEAVY, 1_000_000, seed=1), dk.ND280, seed=2)


def at(m_N, m_Zprime):
    return dk.BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime)


@pytest.fixture(scope="module")
def dedicated():
    """A sample at the fixed masses of each point."""
    return {
        (m_N, m_Zprime): dk.place(
            dk.generate(dk.SamplingRange.at(m_N, m_Zprime), 60_000, seed=100 + i), dk.ND280, seed=200 + i
        )
        for i, (m_N, m_Zprime) in enumerate(POINTS + EDGES)
    }


def expected(stage, events, point):
    if stage == "upscatterings":
        return dk.expected_upscatterings(events, point, dk.ANALYSIS_I)
    if stage == "decays at one lifetime":
        return dk.expected_events_at_lifetime(events, point, dk.ANALYSIS_I, CTAU)
    return dk.expected_events(events, point, dk.ANALYSIS_I)


def compare(stage, sampled, dedicated, points):
    """Predicted over dedicated rates, and their errors, both samples' combined: arrays (points, channels)."""
    ratio, error = [], []
    for masses in points:
        prediction = expected(stage, sampled, at(*masses))
        truth = expected(stage, dedicated[masses], at(*masses))
        ratio.append(prediction.mean / truth.mean)
        error.append(ratio[-1] * np.hypot(prediction.error / prediction.mean, truth.error / truth.mean))
    return np.array(ratio), np.array(error)


@pytest.mark.parametrize("stage", ["upscatterings", "decays at one lifetime", "decays"])
def test_one_sample_predicts_what_dedicated_samples_find(stage, sampled, dedicated):
    ratio, error = compare(stage, sampled, dedicated, POINTS)
    pull = (ratio - 1) / error
    assert np.abs(pull).max() < 4
    # 26 pulls: their rms scatters by 0.14 around one.
    assert np.sqrt((pull**2).mean()) == pytest.approx(1, abs=4 * 0.14)
    # All points together show what each alone would hide: a common factor.
    mean = (ratio / error**2).sum() / (1 / error**2).sum()
    common = (1 / error**2).sum() ** -0.5
    assert abs(mean - 1) < 4 * common
    assert common < 0.025


@pytest.mark.parametrize("stage", ["upscatterings", "decays"])
def test_edges_of_the_sampled_plane_are_corrected_for(stage, sampled, dedicated):
    """Uncorrected, up to three quarters of the rate would miss.

    A kernel that an edge cuts leans to one side, where the selection keeps another share of the events: close to
    m_N = m_Z′, where the pair takes up the whole mass, that costs up to 25 %.
    """
    ratio, error = compare(stage, sampled, dedicated, EDGES)
    assert np.all(np.abs(ratio - 1) < 0.25 + 3 * error)
    assert error.max() < 0.3


def test_a_narrower_kernel_agrees_with_a_wider_one(sampled):
    """Two estimates from overlapping events: their difference is smaller than the larger error."""
    wide, narrow = (
        dk.expected_upscatterings(sampled, at(0.1, 1.25), dk.ANALYSIS_I, dk.Smoothing(h))
        for h in ((0.2, 0.6), (0.08, 0.3))
    )
    assert np.all(np.abs(wide.mean - narrow.mean) < 4 * narrow.error)
    assert np.all(narrow.n_effective < wide.n_effective / 3)  # areas differ by a factor of five


def test_the_kernel_of_the_paper_smooths_a_steep_rate_upwards(sampled):
    """With q at each event, a wide kernel averages m_Z′⁻⁴: ⟨e^{−4y}⟩ over a kernel of width h is above one.

    For the levelled average no such factor appears: this is why it is the default.
    """
    h = 0.6
    y, r = np.linspace(-h, h, 4001), dk.Smoothing((0.2, h), slope=None)
    marginal = 8 / (3 * np.pi * h) * np.maximum(1 - (y / h) ** 2, 0) ** 1.5
    gain = (marginal * np.exp(-4 * y)).sum() * (y[1] - y[0])
    levelled = dk.expected_upscatterings(sampled, at(0.1, 3.0), dk.ANALYSIS_I, dk.Smoothing((0.2, h)))
    steep = dk.expected_upscatterings(sampled, at(0.1, 3.0), dk.ANALYSIS_I, r)
    # The same events enter both; what differs is their weight within the kernel.
    assert steep.mean.sum() / levelled.mean.sum() == pytest.approx(gain, rel=0.10)
    assert gain > 1.4


LIGHT_POINTS = [(0.02, 0.008), (0.05, 0.01), (0.1, 0.03), (0.3, 0.1), (0.5, 0.02), (0.7, 0.3)]


def test_one_light_sample_predicts_the_upscatterings_of_dedicated_ones():
    sampled = dk.place(dk.generate(dk.LIGHT, 600_000, seed=3), dk.ND280, seed=4)
    pulls = []
    for i, (m_N, m_Zprime) in enumerate(LIGHT_POINTS):
        point = dk.BENCHMARK_A.replace(m_N=m_N, m_Zprime=m_Zprime)
        own = dk.place(dk.generate(dk.SamplingRange.at(m_N, m_Zprime), 60_000, seed=300 + i), dk.ND280, seed=5)
        predicted, truth = (dk.expected_upscatterings(events, point, dk.ANALYSIS_I) for events in (sampled, own))
        error = np.sqrt(predicted.variance + truth.variance)
        pulls.extend((predicted.mean - truth.mean) / error)
        # The kernel's bias is a few percent at most inside the plane; the rest is four standard errors.
        assert (np.abs(predicted.mean - truth.mean) < 0.06 * truth.mean + 4 * error).all()
    # χ² of twelve, with room for that bias.
    assert 2 < np.square(pulls).sum() < 60

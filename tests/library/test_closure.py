"""Closure: one sample over all masses against dedicated samples at fixed masses, all over both sides of the plane."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

import darkpkg as dk

N_EVENTS = 1_000_000
N_DEDICATED = 40_000
ANALYSIS = replace(dk.ANALYSIS_I, channels=dk.ANALYSIS_I.channels[:1])
ONE_BEAM = dk.T2K.replace(beams=(dk.T2K["FHC"],), analyses={"I": ANALYSIS})
"""The other would say nothing else, and cost as much again."""
CTAU = np.array([0.5, 5.0, 50.0, 500.0])
"""Decay lengths in cm, from where the nearest vertices count to where all do."""
FEW = "ignore:only .* effective events:darkpkg.FewEventsWarning"

HEAVY = [(m_N, m_N * (10 / m_N) ** s) for m_N in (0.006, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8) for s in (0.1, 0.5, 1.0)]
LIGHT = [(m_N, 2e-3 * (m_N / 2e-3) ** s) for m_N in (0.01, 0.03, 0.08, 0.2, 0.4) for s in (0.1, 0.5, 0.9)]
"""(m_N, m_Z′) in GeV: each m_N from close to one edge of its side of the plane to close to the other, 36 points."""

EDGES = [(0.004, 0.3), (0.05, 0.05), (0.1, 12.5), (0.7, 0.7), (0.004, 12.5)]
"""Points where an edge of the sampled plane cuts the kernel, down to a quarter of it."""


def at(masses):
    m_N, m_Zprime = np.transpose(masses)
    return dk.BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime)


def sample(sampling):
    return dk.place(dk.generate(sampling, N_EVENTS, seed=1, experiment=ONE_BEAM), dk.ND280, seed=2)


def found(events, masses):
    """What one sample finds at a point, or at many: Expectation of shape points + (stages,).

    The stages are upscatterings and decays at each of `CTAU`.
    """
    point = at(masses)
    made = dk.Kernel(events).upscatterings(point, ANALYSIS).total()
    columns = point.replace(m_N=np.asarray(point.m_N)[..., None], m_Zprime=np.asarray(point.m_Zprime)[..., None])
    decayed = dk.Kernel(events).events_at_lifetime(columns, CTAU, ANALYSIS).total()
    fields = ("mean", "variance", "bias", "bias_variance")
    return dk.Expectation(
        *(np.concatenate([np.asarray(getattr(made, f))[..., None], getattr(decayed, f)], -1) for f in fields)
    )


def stack(expectations):
    return dk.Expectation(*(np.stack([getattr(e, f) for e in expectations]) for f in ("mean", "variance")))


def dedicated(points):
    """What samples at the fixed masses of each point find."""
    own = []
    for i, masses in enumerate(points):
        events = dk.generate(dk.SamplingRange.at(*masses), N_DEDICATED, seed=100 + i, experiment=ONE_BEAM)
        own.append(found(dk.place(events, dk.ND280, seed=1000 + i), masses))
    return stack(own)


@pytest.fixture(scope="module")
def heavy():
    return sample(dk.HEAVY)


@pytest.fixture(scope="module")
def truth():
    return {"heavy": dedicated(HEAVY), "light": dedicated(LIGHT)}


@pytest.fixture(scope="module")
def light():
    return sample(dk.LIGHT)


@pytest.fixture(scope="module")
def moved(heavy, light):
    """What events moved by `dk.transport` find, one sample for each side of m_N = m_Z′."""
    return {
        side: stack([found(dk.transport(events, at(masses)), masses) for masses in points])
        for side, events, points in (("heavy", heavy, HEAVY), ("light", light, LIGHT))
    }


def compare(prediction, truth, scale=1.0):
    """Ratios and pulls, with the errors of both."""
    difference = scale * prediction.mean - truth.mean
    return scale * prediction.mean / truth.mean, difference / np.sqrt(scale**2 * prediction.variance + truth.variance)


def closes(moved, truth, scale=1.0):
    """The promise: median |ratio − 1| ≤ 2 %, and at least 95 % of pulls within 2."""
    ratio, pull = (
        np.concatenate([part.ravel() for part in parts])
        for parts in zip(*(compare(moved[side], truth[side], scale) for side in truth), strict=True)
    )
    return np.median(np.abs(ratio - 1)) <= 0.02, (np.abs(pull) < 2).mean() >= 0.95


def test_one_sample_predicts_what_dedicated_samples_find(moved, truth):
    """The promise, at 36 points and five stages of each.

    A Gaussian has 95.45 % within 2, so that another sample of perfect errors would miss 95 % of 180 pulls nearly
    every other time: the number is kept by fixed seeds, and the tests below say what holds for any.
    """
    assert len(HEAVY + LIGHT) >= 30
    assert closes(moved, truth) == (True, True)


@pytest.mark.parametrize("side", ["heavy", "light"])
def test_pulls_have_unit_width(side, moved, truth):
    _, pull = compare(moved[side], truth[side])
    for stage in pull.T:
        # So many beyond 2 happen by chance once in ten thousand, if the points were independent. They share events
        # with their neighbours, and scatter less.
        assert (np.abs(stage) > 2).sum() <= binom.isf(1e-4, len(stage), 0.0455)
    assert np.abs(pull).max() < 4.5
    # Of 5 pulls at a point about 2 are independent: the rms of n such pulls scatters by 1/√(2n) around one.
    assert np.sqrt((pull**2).mean()) == pytest.approx(1, abs=3 / np.sqrt(2 * 2 * len(pull)))


@pytest.mark.parametrize("side", ["heavy", "light"])
def test_no_common_factor_is_hidden(side, moved, truth):
    ratio, _ = compare(moved[side], truth[side])
    # Errors of single ratios are 1 to 5 %; the medians over 15 or more of them are good to about 1 %.
    assert np.abs(np.median(ratio, axis=0) - 1).max() < 0.025


@pytest.mark.parametrize("scale", [0.95, 1.05])
def test_a_weight_that_is_wrong_by_five_percent_would_be_seen(moved, truth, scale):
    assert closes(moved, truth, scale) == (False, False)


@pytest.mark.filterwarnings(FEW)
@pytest.mark.parametrize("side", ["heavy", "light"])
def test_the_kernel_estimate_is_off_by_no_more_than_it_says(side, truth, request):
    """Its statistical error alone is too small; with the bias that it reports, the pulls have unit width.

    A kernel's bias is shared by the stages of a point and by the points around, so that these pulls are hardly more
    than ten independent ones: their rms scatters by 0.2, the share within two by 7 %.
    """
    points = {"heavy": HEAVY, "light": LIGHT}[side]
    smoothed = found(request.getfixturevalue(side), points)
    ratio, _ = compare(smoothed, truth[side])
    with_bias = dk.Expectation(smoothed.mean, smoothed.variance + smoothed.bias**2)
    _, pull = compare(with_bias, truth[side])
    assert np.median(np.abs(ratio - 1)) < 0.06
    assert np.sqrt((pull**2).mean()) == pytest.approx(1, abs=0.4)
    assert (np.abs(pull) < 2).mean() > 0.75


@pytest.mark.filterwarnings(FEW)
def test_edges_of_the_sampled_plane_are_corrected_for(heavy):
    """Uncorrected, up to three quarters of the rate would miss.

    A kernel that an edge cuts leans to one side, where the selection keeps another share of the events: close to
    m_N = m_Z′, where the pair takes up the whole mass, that costs up to 25 %.
    """
    own, smoothed = dedicated(EDGES), found(heavy, EDGES)
    ratio, _ = compare(smoothed, own)
    error = ratio * np.sqrt(1 / smoothed.n_effective + 1 / own.n_effective)
    assert np.all(np.abs(ratio - 1) < 0.25 + 3 * error)
    # Decays at half a centimetre are those of few vertices.
    assert np.median(error) < 0.1


def test_a_narrower_kernel_agrees_with_a_wider_one(heavy):
    """Two estimates from overlapping events: their difference is smaller than the larger error."""
    wide, narrow = (
        dk.Kernel(heavy, dk.Smoothing(h)).upscatterings(dk.BENCHMARK_B, ANALYSIS) for h in ((0.2, 0.6), (0.08, 0.3))
    )
    assert np.all(np.abs(wide.mean - narrow.mean) < 4 * narrow.error)
    assert np.all(narrow.n_effective < wide.n_effective / 3)  # areas differ by a factor of five


def test_the_kernel_of_the_paper_smooths_a_steep_rate_upwards(heavy):
    """With q at each event, a wide kernel averages m_Z′⁻⁴: ⟨e^{−4y}⟩ over a kernel of width h is above one.

    With the slope divided out no such factor appears: this is why it is the default.
    """
    h = 0.6
    y = np.linspace(-h, h, 4001)
    marginal = 8 / (3 * np.pi * h) * np.maximum(1 - (y / h) ** 2, 0) ** 1.5
    gain = (marginal * np.exp(-4 * y)).sum() * (y[1] - y[0])
    steep, flat = (
        dk.Kernel(heavy, dk.Smoothing((0.2, h), slope=slope)).upscatterings(at((0.1, 3.0)), ANALYSIS)
        for slope in (None, "density")
    )
    # The same events enter both; what differs is their weight within the kernel.
    assert steep.mean.sum() / flat.mean.sum() == pytest.approx(gain, rel=0.10)
    assert gain > 1.4

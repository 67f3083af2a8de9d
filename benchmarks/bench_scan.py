"""What a prediction costs: a plane of 40 × 40 points over a million stored events, and a point by bandwidth."""

import warnings
from time import perf_counter

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.method.kernels import EPANECHNIKOV

MILLION = 1_000_000
FEWER = 5_000
POINTS = 1600


@pytest.fixture(scope="module")
def events():
    sample = dk.place(dk.generate(dk.HEAVY, MILLION, seed=1), dk.ND280, seed=2)
    dk.expected_events(sample, dk.BENCHMARK_B, dk.ANALYSIS_I)  # machine code and order of the sample are there
    return sample


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dk.FewEventsWarning)
        yield


def planes():
    m_N, m_Zprime = np.geomspace(0.006, 1.0, 40), np.geomspace(0.13, 10, 40)
    V, epsilon = np.geomspace(1e-11, 1e-4, 40), np.geomspace(1e-5, 1e-1, 40)
    return {
        "m_N, V_muN_sq": dk.BENCHMARK_B.replace(m_N=m_N[:, None], V_muN_sq=V),
        "m_Zprime, epsilon": dk.BENCHMARK_B.replace(m_Zprime=m_Zprime[:, None], epsilon=epsilon),
    }


def dense(events, plane, analysis=dk.ANALYSIS_I):
    """The five weights as arrays (points, events), summed: how one would write it first."""
    smoothing = dk.weights.SMOOTHING
    m_N, m_Zprime, ctau, coupling = (
        np.broadcast_to(a, plane.shape).reshape(-1, 1)
        for a in (plane.m_N, plane.m_Zprime, plane.proper_decay_length(), dk.coupling_weight(events, plane))
    )
    distance = np.stack([np.log(events.m_N / m_N), np.log(events.m_Zprime / m_Zprime)], axis=-1)
    w = EPANECHNIKOV(distance, smoothing.bandwidth) / dk.HEAVY.q(m_N, m_Zprime) * coupling
    rate = m_N / (np.linalg.norm(events.p_N[:, 1:], axis=1) * ctau)
    paths = zip(events.entry.T, events.exit.T, strict=True)
    w *= sum(np.exp(-rate * entry) - np.exp(-rate * leave) for entry, leave in paths)
    w *= events.weight * dk.selection_weight(events, analysis.selection)
    return np.stack([w @ dk.exposure_weight(events, channel) for channel in analysis.channels], axis=-1)


@pytest.mark.parametrize("axes", planes())
def test_plane(benchmark, events, extra_memory, axes):
    """40 × 40 points over all events, against the dense arrays over one in two hundred, times two hundred."""
    plane = planes()[axes]
    few = events[:: MILLION // FEWER]
    begin = perf_counter()
    dense(few, plane)
    reference = (perf_counter() - begin) * MILLION / FEWER
    extra = extra_memory(dk.expected_events, events, plane, dk.ANALYSIS_I)
    result = benchmark.pedantic(dk.expected_events, args=(events, plane, dk.ANALYSIS_I), rounds=5)
    assert result.mean.shape == (40, 40, 2)
    ratio = reference / benchmark.stats.stats.min
    benchmark.extra_info["seconds of dense numpy, scaled"] = reference
    benchmark.extra_info["times faster than dense numpy"] = ratio
    benchmark.extra_info["extra GB"] = extra / 1e9
    assert ratio > 300
    assert extra < 1e9


def test_first_prediction(benchmark, events):
    """The first one of a sample and analysis selects and orders the events; the others use what it kept."""
    fresh = iter([events[:] for _ in range(3)])

    def first():
        return dk.expected_events(next(fresh), dk.BENCHMARK_B, dk.ANALYSIS_I)

    benchmark.pedantic(first, rounds=3)


@pytest.mark.parametrize("bandwidth", [(0.05, 0.15), (0.1, 0.3), (0.2, 0.6), (0.4, 1.2)], ids=str)
def test_bandwidth(benchmark, events, bandwidth):
    """Cost of a point: about proportional to the area of the kernel."""
    rng = np.random.default_rng(1)
    points = dk.BENCHMARK_B.replace(m_N=rng.uniform(0.03, 0.3, 200), m_Zprime=rng.uniform(0.6, 3, 200))
    smoothing = dk.Smoothing(bandwidth)
    benchmark.pedantic(dk.expected_events, args=(events, points, dk.ANALYSIS_I, smoothing), rounds=5, warmup_rounds=1)
    benchmark.extra_info["microseconds per point"] = benchmark.stats.stats.min / 200 * 1e6
    benchmark.extra_info["microseconds per point and unit of area"] = (
        benchmark.stats.stats.min / 200 * 1e6 / (np.pi * np.prod(bandwidth))
    )

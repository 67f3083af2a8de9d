"""What a prediction costs: planes of points over a million stored events, a point by bandwidth, and a point moved
there instead of simulated anew."""

import math
import warnings
from time import perf_counter, process_time

import numba
import numpy as np
import pytest

import darkpkg as dk
from darkpkg.method.events import PlacedEvents
from darkpkg.method.flights import decay_rates
from darkpkg.method.kernel_estimate import prepared
from darkpkg.method.kernels import EPANECHNIKOV
from darkpkg.method.weights import coupling_weight, exposure_weight, selection_weight

MILLION = 1_000_000
FEWER = 5_000
POINTS = 1600


@pytest.fixture(scope="module")
def events() -> PlacedEvents:
    sample = dk.place(dk.generate(dk.HEAVY, MILLION, seed=1), dk.ND280, seed=2)
    dk.Kernel(sample).events(dk.BENCHMARK_B, dk.ANALYSIS_I)  # machine code and order of the sample are there
    return sample


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dk.FewEventsWarning)
        yield


on_one_core = pytest.mark.benchmark(timer=process_time)
"""For work of one core: its own seconds, whatever else the machine does."""


@pytest.fixture
def one_core(monkeypatch):
    """Points run in parallel otherwise."""
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 1)


def timed(function, *arguments):
    """Processor seconds of one call."""
    begin = process_time()
    function(*arguments)
    return process_time() - begin


def planes():
    m_N, m_Zprime = np.geomspace(0.006, 1.0, 40), np.geomspace(0.13, 10, 40)
    V, epsilon = np.geomspace(1e-11, 1e-4, 40), np.geomspace(1e-5, 1e-1, 40)
    return {
        "m_N, V_muN_sq": dk.BENCHMARK_B.replace(m_N=m_N[:, None], V_muN_sq=V),
        "m_Zprime, epsilon": dk.BENCHMARK_B.replace(m_Zprime=m_Zprime[:, None], epsilon=epsilon),
    }


def dense(events: PlacedEvents, plane, analysis=dk.ANALYSIS_I):
    """The five weights as arrays (points, events), summed: how one would write it first."""
    smoothing = dk.Smoothing()
    m_N, m_Zprime, ctau, coupling = (
        np.broadcast_to(a, plane.shape).reshape(-1, 1)
        for a in (plane.m_N, plane.m_Zprime, plane.proper_decay_length(), coupling_weight(events, plane))
    )
    distance = np.stack([np.log(events.m_N / m_N), np.log(events.m_Zprime / m_Zprime)], axis=-1)
    w = EPANECHNIKOV(distance, smoothing.bandwidth) / dk.HEAVY.q(m_N, m_Zprime) * coupling
    rate = m_N / (np.linalg.norm(events.p_N[:, 1:], axis=1) * ctau)
    paths = zip(events.entry.T, events.exit.T, strict=True)
    w *= sum(np.exp(-rate * entry) - np.exp(-rate * leave) for entry, leave in paths)
    w *= events.weight * selection_weight(events, analysis.selection)
    return np.stack([w @ exposure_weight(events, channel) for channel in analysis.channels], axis=-1)


@pytest.mark.parametrize("axes", planes())
def test_plane(benchmark, events: PlacedEvents, extra_memory, axes):
    """40 × 40 points over all events, against the dense arrays over one in two hundred, times two hundred."""
    plane = planes()[axes]
    few = events.thinned(MILLION // FEWER)
    begin = perf_counter()
    dense(few, plane)
    reference = (perf_counter() - begin) * MILLION / FEWER
    extra = extra_memory(dk.Kernel(events).events, plane, dk.ANALYSIS_I)
    result = benchmark.pedantic(dk.Kernel(events).events, args=(plane, dk.ANALYSIS_I), rounds=5)
    assert result.mean.shape == (40, 40, 2)
    ratio = reference / benchmark.stats.stats.min
    benchmark.extra_info["seconds of dense numpy, scaled"] = reference
    benchmark.extra_info["times faster than dense numpy"] = ratio
    benchmark.extra_info["extra GB"] = extra / 1e9
    assert ratio > 300
    assert extra < 1e9


def test_first_prediction(benchmark, events: PlacedEvents):
    """The first one of a sample and analysis selects and orders the events; the others use what it kept."""
    fresh = iter([events[:] for _ in range(3)])

    def first():
        return dk.Kernel(next(fresh)).events(dk.BENCHMARK_B, dk.ANALYSIS_I)

    benchmark.pedantic(first, rounds=3)


@on_one_core
def test_plane_of_masses(benchmark, events: PlacedEvents, one_core):
    """25 × 25 pairs of masses, each with its lifetime, three chambers and both beams, over all events.

    The reference is again dense arrays. The first plane of a sample also selects and orders the events.
    """
    m_N, m_Zprime = np.geomspace(0.006, 0.5, 25), np.geomspace(0.6, 10, 25)
    plane = dk.BENCHMARK_B.replace(m_N=m_N[:, None], m_Zprime=m_Zprime)
    reference = timed(dense, events.thinned(MILLION // FEWER), plane) * MILLION / FEWER
    first = min(timed(dk.Kernel(events[:]).events, plane, dk.ANALYSIS_I) for _ in range(5))
    result = benchmark.pedantic(dk.Kernel(events).events, args=(plane, dk.ANALYSIS_I), rounds=5)
    assert result.mean.shape == (25, 25, 2)
    seconds = benchmark.stats.stats.min
    benchmark.extra_info["seconds of dense numpy, scaled"] = reference
    benchmark.extra_info["times faster than dense numpy"] = reference / seconds
    benchmark.extra_info["time of the first plane over that of the others"] = first / seconds
    assert seconds < 2
    assert first < 1.75 * seconds
    assert reference > 100 * seconds


LIFETIMES = {"I": (dk.ANALYSIS_I, 0.22), "I + II": (dk.ANALYSIS_I + dk.ANALYSIS_II, 0.25)}
"""Analyses, and the budget of a plane of lifetimes, 1.3 times the least that was measured."""


@numba.njit
def one_by_one(rates, begin, width):
    """Decays in all paths for each lifetime, with both exponential functions for one path after the other."""
    total = 0.0
    for rate in rates:
        for i in range(begin.size):
            total -= math.exp(-rate * begin[i]) * math.expm1(-rate * width[i])
    return total


@on_one_core
@pytest.mark.parametrize("name", LIFETIMES)
def test_lifetimes_of_the_same_masses(benchmark, events: PlacedEvents, one_core, name):
    """A plane of 60 lifetimes at each of 12 pairs of masses, against nothing but the chances of the same paths."""
    analysis, budget = LIFETIMES[name]
    plane = dk.BENCHMARK_B.replace(m_Zprime=np.geomspace(0.13, 10, 12)[:, None], epsilon=np.geomspace(1e-5, 1e-1, 60))
    rates, _ = decay_rates(plane, plane.proper_decay_length())
    kernel, work = dk.Kernel(events), []
    kernel.events(plane, analysis)
    for selection in dict.fromkeys(channel.selection for channel in analysis.channels):
        beams = tuple((c.beam, c.pot) for c in analysis.channels if c.selection == selection)
        own = prepared(events, selection, beams, kernel.smoothing.slope, (14,), (True, False))
        for m_Zprime, of_N in zip(np.ravel(plane.m_Zprime), rates, strict=True):
            u, v = (own.x - np.log(plane.m_N)) / 0.15, (own.y - np.log(m_Zprime)) / 0.6
            hit = (u**2 + v**2 < 2)[:, None] & (own.paths.width > 0)
            work.append((of_N, own.paths.begin[hit], own.paths.width[hit]))
    one_by_one(*work[0])
    reference: list[float] = []

    def one_after_the_other():  # in turns: other work on the machine adds to both
        reference.append(timed(lambda: [one_by_one(*one) for one in work]))
        return (plane, analysis), {}

    benchmark.pedantic(kernel.events, setup=one_after_the_other, rounds=9)
    ratio = benchmark.stats.stats.min / min(reference)
    benchmark.extra_info["time over that of the chances one by one"] = ratio
    assert ratio < budget


BANDWIDTHS = [(0.025, 0.1), (0.05, 0.2), (0.1, 0.4), (0.2, 0.8)]
"""Each has four times the area of the one before."""


def inner_points():
    """Points whose kernels no edge of the plane cuts: an edge costs an integral besides."""
    rng = np.random.default_rng(1)
    return dk.BENCHMARK_B.replace(m_N=rng.uniform(0.03, 0.3, 200), m_Zprime=rng.uniform(1.5, 3, 200))


@on_one_core
@pytest.mark.parametrize("bandwidth", BANDWIDTHS, ids=str)
def test_bandwidth(benchmark, events: PlacedEvents, one_core, bandwidth):
    """Cost of a point: about proportional to the area of the kernel."""
    smoothing, points = dk.Smoothing(bandwidth), inner_points()
    kernel = dk.Kernel(events, smoothing)
    benchmark.pedantic(kernel.events, args=(points, dk.ANALYSIS_I), rounds=5, warmup_rounds=1)
    microseconds = benchmark.stats.stats.min / 200 * 1e6
    benchmark.extra_info["microseconds per point"] = microseconds
    benchmark.extra_info["microseconds per point and unit of area"] = microseconds / (np.pi * np.prod(bandwidth))


@on_one_core
def test_cost_falls_with_the_bandwidth(benchmark, events: PlacedEvents, one_core):
    """A point of the narrowest kernel against one of the widest, with 64 times the area, in the same run."""
    points, seconds = inner_points(), []
    for bandwidth in BANDWIDTHS:
        kernel = dk.Kernel(events, dk.Smoothing(bandwidth))
        seconds.append(min(timed(kernel.events, points, dk.ANALYSIS_I) for _ in range(5)))
    narrowest = dk.Kernel(events, dk.Smoothing(BANDWIDTHS[0]))
    benchmark.pedantic(narrowest.events, args=(points, dk.ANALYSIS_I), rounds=5)
    benchmark.extra_info["microseconds per point, by bandwidth"] = [round(s / 200 * 1e6, 1) for s in seconds]
    benchmark.extra_info["widest over narrowest"] = seconds[-1] / seconds[0]
    assert seconds == sorted(seconds)
    assert seconds[-1] > 8 * seconds[0]


@on_one_core
@pytest.mark.parametrize("point", [dk.BENCHMARK_B, dk.BENCHMARK_B.replace(m_N=0.4, m_Zprime=3.0)], ids=["B", "heavy"])
def test_moving_events_against_simulating_them(benchmark, events: PlacedEvents, one_core, point):
    """A point of the plane from transported events, against a dedicated sample of the same error.

    The reference is `generate` and `place` at the fixed masses, its time scaled to as many effective events.
    """
    at = dk.SamplingRange.at(float(point.m_N), float(point.m_Zprime))

    def simulate(n):
        return dk.place(dk.generate(at, n, seed=3), dk.ND280, seed=4)

    def found(sample):
        return float(dk.Kernel(sample).upscatterings(point, dk.ANALYSIS_I).total().n_effective)

    own = simulate(100_000)
    begin, longer = timed(simulate, 1000), timed(simulate, 100_000)  # vegas adapts in both
    moved = benchmark.pedantic(dk.transport, args=(events, point), rounds=3, warmup_rounds=1)
    share = found(moved) / found(own)
    simulated = begin + share * (longer - begin)
    benchmark.extra_info["effective events of moved events"] = found(moved)
    benchmark.extra_info["effective events of 100 000 simulated there"] = found(own)
    benchmark.extra_info["seconds to simulate 100 000"] = longer
    benchmark.extra_info["seconds to simulate as many effective events"] = simulated
    benchmark.extra_info["time over that of simulating them"] = benchmark.stats.stats.min / simulated
    assert benchmark.stats.stats.min < 5 * longer

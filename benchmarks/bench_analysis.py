"""What an analysis with a response costs: preparing a sample, which smears and bins it once, and then a plane."""

import warnings
from time import perf_counter

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.experiment.response import FGD_RESPONSE
from darkpkg.method.events import PlacedEvents

MILLION = 1_000_000
FEWER = 500


@pytest.fixture(scope="module")
def events() -> PlacedEvents:
    return dk.place(dk.generate(dk.LIGHT, MILLION, seed=1), dk.ND280, seed=2)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dk.FewEventsWarning)
        yield


def reconstructed(matrix, true, uniform):
    """One value by hand: find the row, add up its probabilities, and read the sum off backwards."""
    row = int(matrix.row(true))
    below = 0.0
    for j, probability in enumerate(matrix.probability[row]):
        if below + probability > uniform:
            share = (uniform - below) / probability
            return matrix.edges[j] + share * (matrix.edges[j + 1] - matrix.edges[j])
        below += probability
    return matrix.edges[-1]


def one_by_one(events: PlacedEvents):
    """Mass of each smeared pair, massless leptons, event by event: how one would write it first."""
    response, masses = FGD_RESPONSE, []
    for i in range(len(events)):
        pair = np.zeros(4)
        u = events.uniform[i]
        for p, uniform in ((events.p_electron[i], u[:2]), (events.p_positron[i], u[2:])):
            length = reconstructed(response.momentum, np.sqrt((p[1:] ** 2).sum()), uniform[0])
            theta = reconstructed(response.angle, np.arctan2(np.hypot(p[1], p[2]), p[3]), uniform[1])
            phi = np.arctan2(p[2], p[1])
            axis = [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
            pair += length * np.array([1.0, *axis])
        masses.append(np.sqrt(max(pair[0] ** 2 - (pair[1:] ** 2).sum(), 0.0)))
    return np.array(masses)


def test_smearing(benchmark, events: PlacedEvents):
    """All pairs of the sample, against a loop over five hundred of them, scaled."""
    few = events.thinned(MILLION // FEWER)
    begin = perf_counter()
    one_by_one(few)
    reference = (perf_counter() - begin) * MILLION / FEWER
    benchmark.pedantic(FGD_RESPONSE.smear, args=(events,), rounds=3)
    benchmark.extra_info["times faster than a loop over events"] = reference / benchmark.stats.stats.min
    assert reference / benchmark.stats.stats.min > 20


def test_preparation(benchmark, events: PlacedEvents, extra_memory):
    """The first prediction of a sample, of which only what was made in FGD1 is smeared."""
    samples = iter([events[:] for _ in range(4)])

    def first():
        return dk.Kernel(next(samples)).events(dk.BENCHMARK_A, dk.ANALYSIS_II)

    extra = extra_memory(first)
    benchmark.pedantic(first, rounds=3)
    benchmark.extra_info["extra GB"] = extra / 1e9
    assert benchmark.stats.stats.min < 5
    assert extra < 1e9


def test_plane_of_both_analyses(benchmark, events: PlacedEvents):
    """A plane of m_N above m_Z′ and |V_μN|² in 42 bins, over what only Analysis I costs with its two."""
    both = dk.ANALYSIS_I + dk.ANALYSIS_II
    m_N, V = np.geomspace(0.006, 1.0, 40), np.geomspace(1e-11, 1e-4, 40)
    plane = dk.BENCHMARK_A.replace(m_N=m_N[m_N > 0.03][:, None], V_muN_sq=V)
    for analysis in (both, dk.ANALYSIS_I):
        dk.Kernel(events).events(plane, analysis)  # machine code and order of the sample are there
    alone = []
    for _ in range(3):
        begin = perf_counter()
        dk.Kernel(events).events(plane, dk.ANALYSIS_I)
        alone.append(perf_counter() - begin)
    result = benchmark.pedantic(dk.Kernel(events).events, args=(plane, both), rounds=3)
    assert result.mean.shape[-1] == 42
    benchmark.extra_info["time over that of Analysis I alone"] = benchmark.stats.stats.min / min(alone)

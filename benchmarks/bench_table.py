"""What the table of all rates costs: single rates, planes, likelihoods, and an answer on the command line."""

import resource
import subprocess
import sys
import warnings
from time import process_time

import numpy as np
import pytest

import darkpkg as dk
from benchmarks.bench_scan import dense

MILLION, FEWER = 1_000_000, 5_000
BOTH = dk.ANALYSIS_I + dk.ANALYSIS_II
BOUNDS = {"m_N": (0.01, 0.5), "V_muN_sq": (1e-10, 1e-4), "epsilon": (1e-5, 0.1)}

on_one_core = pytest.mark.benchmark(timer=process_time)
"""For work of one core: its own seconds, whatever else the machine does."""


def plane(n):
    return dk.BENCHMARK_B.replace(m_N=np.geomspace(0.01, 0.5, n)[:, None], epsilon=np.geomspace(1e-5, 0.1, n))


@pytest.fixture(scope="module")
def dense_seconds():
    """Processor seconds of a point by the five weights as dense numpy arrays over a million events."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dk.FewEventsWarning)
        events = dk.simulate(dk.HEAVY, FEWER, seed=1)
        begin = process_time()
        dense(events, plane(20))
    return (process_time() - begin) / 400 * MILLION / FEWER


@on_one_core
@pytest.mark.parametrize(("name", "microseconds"), [("I", 10), ("I+II", 25)])
def test_rates(benchmark, dense_seconds, name, microseconds):
    """A hundred times a hundred points."""
    analysis, table, points = {"I": dk.ANALYSIS_I, "I+II": BOTH}[name], dk.load_table(), plane(100)
    benchmark.pedantic(table.events, args=(points, analysis), rounds=5, warmup_rounds=1)
    seconds = benchmark.stats.stats.min / 1e4
    benchmark.extra_info["microseconds for a rate"] = 1e6 * seconds
    benchmark.extra_info["times faster than dense numpy of a million events"] = dense_seconds / seconds
    assert seconds < 1e-6 * microseconds


@on_one_core
def test_plane_of_both_analyses(benchmark):
    """60 × 60 points with their likelihood."""
    benchmark.pedantic(dk.scan, args=(None, plane(60), BOTH), rounds=5, warmup_rounds=1)
    assert benchmark.stats.stats.min < 0.3


@on_one_core
def test_likelihoods(benchmark):
    """Ten thousand vectors of three free parameters, both analyses: a million in a minute."""
    likelihood = dk.PointLikelihood(None, BOTH, dk.BENCHMARK_B, BOUNDS)
    vectors = likelihood.from_unit_cube(np.random.default_rng(1).random((10_000, 3)))
    benchmark.pedantic(likelihood.of_vector, args=(vectors,), rounds=5, warmup_rounds=1)
    benchmark.extra_info["likelihoods a minute"] = 60 * len(vectors) / benchmark.stats.stats.min
    assert benchmark.stats.stats.min < 0.6


def test_an_answer_on_the_command_line(benchmark):
    """Import and all: processor seconds of a process of its own."""
    point = "m_N 0.1 m_Zprime 1.25 alpha_D 0.4 epsilon 0.02145 V_muN_sq 2.2e-7 V_N_sq 1"
    words = [f"--{word}" if word[0].isalpha() else word for word in point.split()]
    command = [sys.executable, "-m", "darkpkg", "check", *words]

    def answer():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    benchmark.pedantic(answer, rounds=5)
    benchmark.extra_info["processor seconds"] = min(answer() for _ in range(5))

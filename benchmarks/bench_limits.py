"""What limits cost: the four planes of Figs. 9 and 10 from stored samples, with kernel and transport."""

import warnings
from time import process_time
from typing import cast

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.inference.outcomes import Method
from darkpkg.method.events import PlacedEvents
from darkpkg.method.files import write_events
from paper.figures.limits import PLANES

BOTH = dk.ANALYSIS_I + dk.ANALYSIS_II


def sixty(plane):
    """A plane of Figs. 9 and 10 with 60 × 60 points."""
    axes = {name: np.geomspace(values[0], values[-1], 60) for name, values in plane.axes.items()}
    return dk.Slice(plane.at, **axes)


def sample(mediator: str, n_events: int) -> PlacedEvents:
    """Events over the masses of a mediator."""
    sampling, detector = {"heavy": (dk.HEAVY, dk.ND280), "light": (dk.LIGHT, dk.ND280_TRACKER)}[mediator]
    return dk.place(
        dk.generate(sampling, n_events, seed=1, experiment=dk.T2K.replace(detector=detector)), detector, seed=2
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Files of a million events over the masses of each mediator."""
    folder = tmp_path_factory.mktemp("samples")
    return {name: write_events(sample(name, 1_000_000), folder / f"{name}.parquet") for name in ("heavy", "light")}


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dk.FewEventsWarning)
        yield


def test_four_planes(benchmark, stored):
    """Reading both samples, 60 × 60 points of four planes with both analyses, and the contours."""

    def all_four():
        kernels = {name: dk.Kernel(cast(PlacedEvents, dk.read_events(path))) for name, path in stored.items()}
        return [dk.scan(kernels[mediator], sixty(plane), BOTH).exclusion() for (mediator, _), plane in PLANES.items()]

    curves = benchmark.pedantic(all_four, rounds=2)
    assert all(curves)
    assert benchmark.stats.stats.min < 20


def test_four_planes_with_moved_events(benchmark):
    """The same with a quarter of the events, transported to each pair of masses: no bias."""
    samples = {name: sample(name, 250_000) for name in ("heavy", "light")}

    def all_four():
        estimators = {name: dk.Transport(events) for name, events in samples.items()}
        return [dk.scan(estimators[mediator], sixty(plane), BOTH) for (mediator, _), plane in PLANES.items()]

    scans = benchmark.pedantic(all_four, rounds=1)
    benchmark.extra_info["median error of the limit"] = [float(np.median(scan.log_excess_error())) for scan in scans]
    assert all(scan.exclusion() for scan in scans)


@pytest.mark.benchmark(timer=process_time)
def test_feldman_and_cousins_over_a_plane(benchmark):
    """40 × 40 points of both analyses from the table, 100,000 toys in one mixture, on one core: a minute on two."""
    m_N, V_sq = np.geomspace(0.035, 0.9, 40), np.geomspace(1e-9, 1e-4, 40)
    plane = dk.BENCHMARK_A.replace(m_N=m_N[:, None], V_muN_sq=V_sq, V_N_sq=V_sq)
    method = Method("feldman-cousins", 100_000)
    found = benchmark.pedantic(lambda: dk.scan(None, plane, BOTH).p_values(method), rounds=1)
    near = (found.value > 0.02) & (found.value < 0.2)
    benchmark.extra_info["largest error of a p-value near the limit"] = float(found.error[near].max())
    assert benchmark.stats.stats.min < 60

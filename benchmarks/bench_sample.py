"""What a sample costs: to make, to place, to write and to read."""

import os
import subprocess
import sys
from time import perf_counter

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.method.events import PlacedEvents
from darkpkg.method.files import write_events
from darkpkg.physics import scattering

MILLION = 1_000_000


@pytest.fixture(scope="module")
def events() -> PlacedEvents:
    return dk.place(dk.generate(dk.HEAVY, MILLION, seed=1), dk.ND280, seed=2)


@pytest.fixture
def columns(events: PlacedEvents):
    return {name: getattr(events, name) for name in events.columns()}


def test_generation(benchmark):
    """A million events, on one core: the generator is not parallel. One event is one cross section, one decay and the
    momenta of three particles; the reference is the readable cross section alone, one point at a time."""
    dk.generate(dk.HEAVY, 1000, seed=1)  # machine code is there
    lead, energies = dk.NUCLEI["Pb208"], np.linspace(0.5, 2.0, 500)
    begin = perf_counter()
    for energy in energies:
        scattering.differential_cross_section(energy, 0.01, dk.BENCHMARK_B, lead)
    readable = (perf_counter() - begin) / len(energies)
    benchmark.pedantic(dk.generate, args=(dk.HEAVY, MILLION, 1), rounds=3)
    one = benchmark.stats.stats.min / MILLION
    benchmark.extra_info["events per second"] = 1 / one
    benchmark.extra_info["readable cross sections in the time of an event"] = one / readable
    assert 1 / one > 2e5


def test_generation_with_a_light_mediator(benchmark):
    """The same number of events on both sides of m_N = m_Z′, in the same run: the light case must not be slower."""
    for sampling in (dk.HEAVY, dk.LIGHT):
        dk.generate(sampling, 1000, seed=1)  # machine code is there
    heavy = []
    for _ in range(3):
        begin = perf_counter()
        dk.generate(dk.HEAVY, MILLION, 1)
        heavy.append(perf_counter() - begin)
    benchmark.pedantic(dk.generate, args=(dk.LIGHT, MILLION, 1), rounds=3)
    benchmark.extra_info["time over that of the heavy case"] = benchmark.stats.stats.min / min(heavy)


def test_memory_of_a_sample(benchmark):
    """Most memory of a process of its own that imports darkpkg, makes and places a million events."""
    program = f"""
import darkpkg as dk
from pathlib import Path
events = dk.place(dk.generate(dk.HEAVY, {MILLION}, seed=1), dk.ND280, seed=2)
size = sum(getattr(events, name).nbytes for name in events.columns())
(peak,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(1024 * int(peak), size)
"""

    def process():
        command, alone = [sys.executable, "-c", program], os.environ | {"NUMBA_NUM_THREADS": "1"}
        return subprocess.run(command, env=alone, capture_output=True, check=True, text=True).stdout

    peak, size = map(int, benchmark.pedantic(process, rounds=1).split())
    benchmark.extra_info["peak GB"] = peak / 1e9
    benchmark.extra_info["GB of the columns"] = size / 1e9
    assert peak < 2e9


def test_placing(benchmark, events: PlacedEvents):
    bare = dk.Events(
        **{name: getattr(events, name) for name in dk.Events.columns()},
        origin=events.origin,
        provenance=events.provenance,
    )
    benchmark.pedantic(dk.place, args=(bare, dk.ND280, 2), rounds=3)
    benchmark.extra_info["events per second"] = MILLION / benchmark.stats.stats.min


def test_writing(benchmark, events: PlacedEvents, columns, tmp_path):
    """Compressed and with a checksum, against numpy's plain file of the same numbers."""
    begin = perf_counter()
    np.savez(tmp_path / "plain.npz", **columns)
    plain = perf_counter() - begin
    path = benchmark.pedantic(write_events, args=(events, tmp_path / "events.parquet"), rounds=3)
    benchmark.extra_info["time over that of a plain file"] = benchmark.stats.stats.min / plain
    size, plain_size = path.stat().st_size, (tmp_path / "plain.npz").stat().st_size
    benchmark.extra_info["size over that of a plain file"] = size / plain_size


def test_reading(benchmark, events: PlacedEvents, columns, tmp_path):
    """With the check of every number, against numpy's plain file of the same numbers."""
    path = write_events(events, tmp_path / "events.parquet")
    np.savez(tmp_path / "plain.npz", **columns)
    begin = perf_counter()
    with np.load(tmp_path / "plain.npz") as file:
        _ = [file[name] for name in file.files]
    plain = perf_counter() - begin
    benchmark.pedantic(dk.read_events, args=(path,), rounds=3)
    benchmark.extra_info["time over that of a plain file"] = benchmark.stats.stats.min / plain
    benchmark.extra_info["events per second"] = MILLION / benchmark.stats.stats.min

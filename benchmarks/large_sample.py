"""A sample in chunks by two processes, killed a few times and resumed, against the same chunks made in one process.

    python -m benchmarks.large_sample --events 100_000_000 --write large_sample.csv

Chunks are compared bit by bit, in all columns, and what was measured is printed as a row of a table.
"""

import argparse
import csv
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

import darkpkg as dk
from darkpkg.method.files import write_events
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.simulation import plan_of

SEED = 2205


def simulate(into, n_chunks, chunk_size, workers):
    """All chunks that are missing: the work of a process of its own, which can be killed."""
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        dk.simulate_chunks(dk.HEAVY, n_chunks, SEED, into, chunk_size=chunk_size, executor=pool)


def family(pid):
    """A process and all that it started."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):  # of each thread
        with suppress(OSError):  # it has ended
            for child in children.read_text().split():
                found += family(int(child))
    return found


def memory(pids):
    """Bytes that processes have in memory together."""
    total = 0
    for pid in pids:
        with suppress(OSError):  # it has ended
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    return total


def run(into, n_chunks, chunk_size, workers, until=None):
    """Run until there are so many chunks, and kill all of it then; seconds and the most bytes of all processes."""
    begin, most = time.perf_counter(), 0
    process = multiprocessing.get_context("spawn").Process(
        target=simulate, args=(into, n_chunks, chunk_size, workers)
    )
    process.start()
    while process.is_alive():
        process.join(0.2)
        processes = family(process.pid)
        most = max(most, memory(processes))
        if until is not None and len(list(into.glob("chunk-*.parquet"))) >= until:
            for one in processes[::-1]:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            process.join()
    if until is None and process.exitcode:
        raise RuntimeError(f"the simulation ended with exit code {process.exitcode}")
    return time.perf_counter() - begin, most


def differences(into, numbers, chunk_size):
    """Columns in which chunks differ from those that this process makes."""
    plan, files, differ = plan_of(dk.HEAVY, chunk_size, SEED), dk.SampleFolder(into).files, []
    for i in numbers:
        again = Path(into) / ".again.parquet"
        write_events(plan.sample(i), again)
        one, other = dk.read_events(again), dk.read_events(files[i])
        differ += [
            (i, name) for name in one.columns() if not np.array_equal(getattr(one, name), getattr(other, name))
        ]
        again.unlink()
    return differ


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--chunk-size", type=int, default=250_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--compared", type=int, default=10, help="chunks that are made again in one process")
    parser.add_argument("--write", type=Path, help="a CSV file")
    options = parser.parse_args(arguments)
    n_chunks = -(-options.events // options.chunk_size)
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        stops = [max(1, n_chunks * (i + 1) // (options.kills + 1)) for i in range(options.kills)]
        runs = [run(into, n_chunks, options.chunk_size, 2, until) for until in [*stops, None]]
        numbers = np.unique(np.linspace(0, n_chunks - 1, min(options.compared, n_chunks)).astype(int)).tolist()
        differ = differences(into, numbers, options.chunk_size)
        gigabytes = sum(file.stat().st_size for file in into.glob("chunk-*.parquet")) / 1e9
    row = {
        "events": n_chunks * options.chunk_size,
        "chunks": n_chunks,
        "workers": 2,
        "kills": options.kills,
        "seconds": round(sum(seconds for seconds, _ in runs), 1),
        "memory": round(max(most for _, most in runs) / 1e9, 3),
        "disk": round(gigabytes, 3),
        "compared": len(numbers),
        "different": len(differ),
    }
    print(*(f"{name} {value}" for name, value in row.items()), sep="\n")
    if options.write:
        with complete_or_not_at_all(options.write) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, row)
            writer.writeheader()
            writer.writerow(row)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

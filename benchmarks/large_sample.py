"""A sample in chunks by two processes, killed a few times and resumed, against one that was never stopped.

    python -m benchmarks.large_sample --events 100_000_000 --write data/validation/large_sample.csv

The second run makes the chunks in the reverse order and stores none: the checksum of all columns of each is compared.
One process makes half of them in the same way, for the efficiency of two. Then the folder is read, chunk by chunk: a
histogram, and a scan of a plane. As many events in ten times as many chunks show what their number costs. Each stage
is a row of the table.
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
import pyarrow.parquet as pq

import darkpkg as dk
from darkpkg import chunks, datasets
from darkpkg.method.files import checksum
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.running import run
from darkpkg.simulation import plan_of

SEED, WORKERS = 2205, 2
DIVISION = 10  # small chunks for each large one
SPAWN = multiprocessing.get_context("spawn")
EDGES = np.linspace(0, 6, 31)
PLANE = dk.Slice(dk.BENCHMARK_B, m_N=np.geomspace(0.05, 0.2, 9), V_muN_sq=np.geomspace(1e-9, 1e-5, 9))


def simulate(into, n_chunks, chunk_size):
    """All chunks that are missing."""
    with ProcessPoolExecutor(WORKERS, mp_context=SPAWN) as pool:
        dk.simulate_chunks(dk.HEAVY, n_chunks, SEED, into, chunk_size=chunk_size, executor=pool)


def simulate_again(into, n_chunks, chunk_size, workers):
    """The last chunks, so many, in the reverse order, compared with those of the folder."""
    plan, files = plan_of(dk.HEAVY, chunk_size, SEED), dk.SampleFolder(into).files
    tasks = [(plan, i, files[i]) for i in range(len(files))[::-1][:n_chunks]]
    with ProcessPoolExecutor(workers, mp_context=SPAWN) as pool:
        same = list(run(has_same_bits, tasks, pool, "chunks"))
    (into / "different").write_text(str(same.count(False)))


def has_same_bits(plan, index, file):
    """Whether a file is chunk ``index`` of the plan."""
    return checksum(chunks._chunk(plan, index)) == pq.read_schema(file).metadata[b"sha256"].decode()


def histogram(into):
    """Upscatterings by the momentum of N."""
    files = dk.SampleFolder(into).files
    with ProcessPoolExecutor(WORKERS, mp_context=SPAWN) as pool:
        return sum(run(histogram_of, [(file,) for file in files], pool, "chunks")) / len(files)


def histogram_of(file):
    events = dk.read_events(file)
    return np.histogram(np.linalg.norm(events.p_N[:, 1:], axis=1), EDGES, weights=events.weight)[0]


def scan(into):
    """The exclusion of Analysis I in a plane through benchmark B."""
    with ProcessPoolExecutor(WORKERS, mp_context=SPAWN) as pool:
        dk.scan(dk.Chunked(dk.SampleFolder(into), dk.Kernel, pool), PLANE, dk.ANALYSIS_I).exclusion(cl=0.90)


def family(pid):
    """A process and all that it started."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):  # of each thread
        with suppress(OSError):  # it has ended
            for child in children.read_text().split():
                found += family(int(child))
    return found


def memory(pids):
    """Bytes that processes have in memory together; what they share counts for each."""
    total = 0
    for pid in pids:
        with suppress(OSError):  # it has ended
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    return total


def processor_times(pids):
    """Seconds of processor time of each process so far."""
    found = {}
    for pid in pids:
        with suppress(OSError):  # it has ended
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            found[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def watched(target, *arguments, until=None):
    """Run in a process of its own, and kill all that it started once there are so many chunks.

    Returns seconds, those of the processors, and the most bytes of all its processes.
    """
    begin, most = time.perf_counter(), 0
    used: dict[int, float] = {}
    process = SPAWN.Process(target=target, args=arguments)
    process.start()
    while process.is_alive():
        process.join(0.2)
        processes = family(process.pid)
        most, used = max(most, memory(processes)), used | processor_times(processes)
        if until is not None and len(list(arguments[0].glob("chunk-*.parquet"))) >= until:
            for one in processes[::-1]:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            process.join()
    if until is None and process.exitcode:
        raise RuntimeError(f"{target.__name__} ended with exit code {process.exitcode}")
    seconds = time.perf_counter() - begin
    print(f"{target.__name__}: {seconds:.0f} s", flush=True)
    return seconds, sum(used.values()), most


def measured(into, n_chunks, chunk_size, kills):
    """A row for each stage of one folder."""
    sizes = into, n_chunks, chunk_size
    stops = [max(1, n_chunks * (i + 1) // (kills + 1)) for i in range(kills)]
    stored = "killed and resumed" if kills else "simulated"
    yield stored, n_chunks, WORKERS, [watched(simulate, *sizes, until=until) for until in [*stops, None]]
    for n, workers in [(n_chunks, WORKERS), (n_chunks // 2, 1)]:
        yield "simulated again", n, workers, [watched(simulate_again, into, n, chunk_size, workers)]
    yield "histogram", n_chunks, WORKERS, [watched(histogram, into)]
    yield "scan", n_chunks, WORKERS, [watched(scan, into)]


def rows_of(into, n_chunks, chunk_size, kills):
    """What is stored of each stage of one folder."""
    for stage, n, workers, runs in measured(into, n_chunks, chunk_size, kills):
        seconds, processor, most = zip(*runs, strict=True)
        yield {
            "stage": stage,
            "events": n * chunk_size,
            "chunks": n,
            "workers": workers,
            "kills": len(runs) - 1,
            "seconds": round(sum(seconds), 1),
            "processor": round(sum(processor), 1),
            "memory": round(max(most) / 1e9, 3),
            "disk": round(sum(file.stat().st_size for file in into.glob("chunk-*.parquet")) / 1e9, 3),
            "different": int((into / "different").read_text()) if stage == "simulated again" else 0,
        }


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--chunk-size", type=int, default=250_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--write", type=Path, help="a CSV file")
    options = parser.parse_args(arguments)
    n_chunks, rows = -(-options.events // options.chunk_size), []
    for division, kills in [(1, options.kills), (DIVISION, 0)]:
        with tempfile.TemporaryDirectory() as folder:
            rows += rows_of(Path(folder), n_chunks * division, options.chunk_size // division, kills)
    for row in rows:
        print(*(f"{name} {value}" for name, value in row.items()), sep=", ")
    if options.write:
        with complete_or_not_at_all(options.write) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        datasets.renew_manifest(options.write)
    return 1 if any(row["different"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

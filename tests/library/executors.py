"""Executors of other packages make the same bits as one process: `make executors`, in an environment of its own.

Those of the standard library and of Dask are in the tests. MPI starts its processes by itself, so that this file runs
once for each executor, that of MPI by ``mpiexec -n 3 python -m mpi4py.futures``.
"""

import argparse
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import darkpkg as dk

IN_ARGON = dk.T2K.replace(detector=dk.ND280.only(("TPC1", "TPC2", "TPC3")), analyses={"I": dk.ANALYSIS_I})
LINE = dk.Slice(dk.BENCHMARK_B, V_muN_sq=np.geomspace(1e-9, 1e-4, 5))


@contextmanager
def executor_named(name):
    """Two workers."""
    if name == "loky":
        from loky import ProcessPoolExecutor

        with ProcessPoolExecutor(2) as pool:
            yield pool
    elif name == "mpi4py":
        from mpi4py.futures import MPIPoolExecutor

        with MPIPoolExecutor() as pool:
            yield pool
    else:
        from ipyparallel import Cluster

        with Cluster(n=2) as client:
            yield client.load_balanced_view().executor


def found(into, executor):
    """Bytes of the weights of each chunk, and ln L along a line."""
    folder = dk.simulate_chunks(dk.BENCHMARK_B, 4, 7, into, chunk_size=2000, executor=executor, experiment=IN_ARGON)
    scan = dk.scan(dk.Chunked(folder, executor=executor), LINE, dk.ANALYSIS_I)
    return [events.weight.tobytes() for events in folder], scan.log_likelihood.tobytes()


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=["loky", "mpi4py", "ipyparallel"])
    name = parser.parse_args(arguments).name
    with tempfile.TemporaryDirectory() as folder, executor_named(name) as executor:
        same = found(Path(folder) / "it", executor) == found(Path(folder) / "alone", None)
        print(f"{name}: {'the same bits' if same else 'OTHER BITS'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

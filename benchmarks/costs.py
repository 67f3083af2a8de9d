"""What an event costs at each step, in calls of exp of the same core in the same run, and events in a second.

    python -m benchmarks.costs --write data/validation/costs.csv

Steps and calls of exp take turns, and the least of each counts, of exp the least in the whole run: other work on the
machine adds to both. Rows of an earlier version stay in the table; those of this one are written anew.
"""

import argparse
import math
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from unittest import mock

import numba
import numpy as np
import pandas as pd

import darkpkg as dk
from darkpkg import datasets
from darkpkg.method import channels
from darkpkg.outputs import complete_or_not_at_all

MILLION = 1_000_000
REGIONS = {"heavy": (dk.HEAVY, dk.BENCHMARK_B), "light": (dk.LIGHT, dk.BENCHMARK_A)}
BOTH = dk.ANALYSIS_I + dk.ANALYSIS_II
ROUNDS = 12


@numba.njit
def _exponentials(x, y):
    for i in range(x.size):
        y[i] = math.exp(x[i])


def seconds(step):
    """Processor seconds of a call."""
    begin = process_time()
    step()
    return process_time() - begin


def exponential():
    """A function that gives the seconds of a call of exp, the least of three times a million."""
    x = np.random.default_rng(1).uniform(-5, 0, MILLION)
    y = np.empty_like(x)
    _exponentials(x, y)
    return lambda: min(seconds(lambda: _exponentials(x, y)) for _ in range(3)) / MILLION


@contextmanager
def steps(region):
    """Each step by name, as a function, and the number of events that it has."""
    sampling, point = REGIONS[region]

    channels._adapted.cache_clear()
    no_folder = mock.patch.object(channels, "cache_folder", return_value=None)
    with warnings.catch_warnings(), no_folder:
        warnings.simplefilter("ignore", dk.FewEventsWarning)
        with mock.patch.object(channels, "_learn", wraps=channels._learn) as learn:
            bare = dk.generate(sampling, MILLION, seed=1)
        events = dk.place(bare, dk.ND280, seed=2)
        transported = len(dk.transport(events, point))
        for analysis in (dk.ANALYSIS_I, BOTH):
            dk.Kernel(events).events(point, analysis)  # machine code is there

        yield {
            "generate": (lambda: dk.generate(sampling, MILLION, seed=1), MILLION),
            "generate Sobol points": (lambda: dk.generate(sampling, MILLION, seed=1, sequence="sobol"), MILLION),
            "adapt": (lambda: channels._learn(*learn.call_args.args), MILLION),
            "place": (lambda: dk.place(bare, dk.ND280, seed=2), MILLION),
            "observables": (lambda: dk.observables(events), MILLION),
            "prepare": (lambda: dk.Kernel(events[:]).events(point, dk.ANALYSIS_I), MILLION),
            "prepare both": (lambda: dk.Kernel(events[:]).events(point, BOTH), MILLION),
            "transport": (lambda: dk.transport(events, point), transported),
            "transport to the first masses": (lambda: dk.transport(events[:], point), transported),
        }


def measured():
    """A row for each step and region. The unit is the least time of a call of exp in the whole run."""
    unit, rows = exponential(), []
    units: list[float] = []
    for region in REGIONS:
        with steps(region) as each:
            for name, (step, n) in each.items():
                exp, of_step = zip(*((unit(), seconds(step)) for _ in range(ROUNDS)), strict=True)
                units += exp
                rows.append({"version": "now", "region": region, "step": name, "events": n, "rate": n / min(of_step)})
                print(*(f"{key} {value}" for key, value in rows[-1].items()), sep=", ", flush=True)
    table = pd.DataFrame(rows)
    table["calls"] = (1 / (table["rate"] * min(units))).round(1)
    table["rate"] = table["rate"].map(lambda rate: float(f"{rate:.3g}"))
    return table


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, help="a CSV file, of which the rows of another version stay")
    options = parser.parse_args(arguments)
    table = measured()
    if options.write:
        if options.write.exists():
            stored = pd.read_csv(options.write)
            table = pd.concat([stored[stored["version"] != "now"], table])
        with complete_or_not_at_all(options.write) as partial:
            table.sort_values("version", kind="stable").to_csv(partial, index=False)
        datasets.renew_manifest(options.write)


if __name__ == "__main__":
    main(sys.argv[1:])

"""How well the stated error of a rate is known: many independent samples of one point, and how often they cover it.

``python -m paper.validation.replicas`` simulates four thousand samples of random events and a thousand of Sobol
sequences in some minutes, and writes ``data/validation/replicas``. `coverage` is what intervals make of these rows.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

import darkpkg as dk
from darkpkg import datasets
from darkpkg.method.generator import REPLICATES
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.simulation import plan_of

NAME = "validation/replicas"
"""Of the file in ``data``."""

SEED = 19
SAMPLES: Mapping[str, tuple[int, int, int]] = {"random": (4000, 2**15, 1), "sobol": (1000, 2**13, 4)}
"""Number of samples, neutrinos of each at benchmark B, and vertices for each of these."""

CHANNELS = ("FHC", "RHC")
RATES = (*CHANNELS, "sum")
LEVELS = (0.68, 0.95)

Ends = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Estimates:
    """Rates of many samples, the squares of their stated errors, and the degrees of freedom of these."""

    mean: np.ndarray
    variance: np.ndarray
    freedom: float

    @staticmethod
    def of(rows: pd.DataFrame, sequence: str, rate: str = "sum") -> Estimates:
        """One of `RATES`. The variance of Sobol sequences comes from the spread of `REPLICATES` parts."""
        own = rows[rows.sequence == sequence]
        mean, error = (own[f"{what}_{rate}"].to_numpy() for what in ("events", "error"))
        return Estimates(mean, error**2, REPLICATES - 1 if sequence == "sobol" else np.inf)


def normal(one: Estimates, level: float) -> Ends:
    """Mean ± z errors."""
    reach = stats.norm.ppf((1 + level) / 2) * np.sqrt(one.variance)
    return one.mean - reach, one.mean + reach


def student(one: Estimates, level: float) -> Ends:
    """Mean ± t errors, by Student's t."""
    reach = stats.t.ppf((1 + level) / 2, one.freedom) * np.sqrt(one.variance)
    return one.mean - reach, one.mean + reach


def logarithmic(one: Estimates, level: float) -> Ends:
    """The same by Student's t for the logarithm of the mean: longer upwards, and never below zero."""
    factor = np.exp(stats.t.ppf((1 + level) / 2, one.freedom) * np.sqrt(one.variance) / one.mean)
    return one.mean / factor, one.mean * factor


INTERVALS: Mapping[str, Callable[[Estimates, float], Ends]] = {
    "normal": normal,
    "Student": student,
    "Student, logarithm": logarithmic,
}


def coverage(rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """Share of samples whose interval holds the mean of all Sobol samples, with its error.

    By sequence, rate and interval, and by default of the rows in ``data``. For random events, whose variance has no
    few parts, Student's t is the normal.
    """
    rows = datasets.read(NAME) if rows is None else rows
    out = []
    for sequence, rate, interval in itertools.product(SAMPLES, RATES, INTERVALS):
        if (sequence, interval) == ("random", "Student"):
            continue
        one, truth = Estimates.of(rows, sequence, rate), Estimates.of(rows, "sobol", rate).mean.mean()
        out.append({"sequence": sequence, "rate": rate, "interval": interval})
        for level in LEVELS:
            low, high = INTERVALS[interval](one, level)
            share = np.mean((low <= truth) & (truth <= high))
            out[-1] |= {f"share_{level}": share, f"error_{level}": np.sqrt(level * (1 - level) / len(low))}
    return pd.DataFrame(out)


def facts(rows: pd.DataFrame | None = None) -> dict[str, float]:
    """What explains the coverage of Sobol samples, by name; by default of the rows in ``data``."""
    rows = datasets.read(NAME) if rows is None else rows
    random = rows[rows.sequence == "random"]
    sobol, shares = rows[rows.sequence == "sobol"], coverage(rows).set_index(["sequence", "rate", "interval"])
    one, both = (Estimates.of(rows, "sobol", name) for name in ("FHC", "sum"))
    spread, independent = both.mean.var(ddof=1), sum(sobol[f"error_{name}"] ** 2 for name in CHANNELS)
    return {
        "samples": len(sobol),
        "random samples": len(random),
        "error of an error": one.variance.std() / one.variance.mean() / 2,
        "freedom": one.freedom,
        "normal in FHC": shares.loc[("sobol", "FHC", "normal"), "share_0.95"],
        "stated over spread of sums": np.sqrt(both.variance.mean() / spread),
        "independent over spread of sums": np.sqrt(np.mean(independent) / spread),
        "correlation of beams": np.corrcoef(sobol.events_FHC, sobol.events_RHC)[0, 1],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a row for each sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("data") / f"{NAME}.csv")
    parser.add_argument("--replicas", type=int, help="samples of each kind, instead of those of SAMPLES")
    given, rows = parser.parse_args(arguments), []
    for sequence, (n_samples, n_neutrinos, vertices) in SAMPLES.items():
        plan = plan_of(dk.BENCHMARK_B, n_neutrinos, SEED, sequence=sequence, vertices=vertices)
        for i in tqdm(range(given.replicas or n_samples), desc=sequence):
            found = dk.Transport(plan.sample(i)).events(dk.BENCHMARK_B, dk.ANALYSIS_I)
            each, total = found.in_channels(dk.ANALYSIS_I), found.total()
            row = {"sequence": sequence, "sample": i}
            for rate, mean, error in zip(RATES, [*each.mean, total.mean], [*each.error, total.error], strict=True):
                row |= {f"events_{rate}": mean, f"error_{rate}": error}
            rows.append(row)
    with complete_or_not_at_all(given.output) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")
    datasets.renew_manifest(given.output)


if __name__ == "__main__":
    main()

"""Is a sampler right? Ranks of true points among the draws from their posteriors: simulation-based calibration.

``python -m paper.validation.calibration`` writes data/validation/calibration.csv, in some four minutes of processor
time; `flatness` tests whether the ranks are even, as they are if the sampler is right (arXiv:1804.06788).
"""

from __future__ import annotations

import dataclasses
import math
import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

import darkpkg as dk
from darkpkg import datasets
from darkpkg.inference.posterior import BOUNDS, Prior, sample_chain
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.streams import random_stream

NAME = "validation/calibration"
SEED = 2205
N_TRUTHS = 200
N_DRAWS = 99
"""Of each posterior: a rank is one of a hundred."""

N_STEPS, N_DISCARDED, N_WALKERS = 160, 100, 48

PRIOR_BOUNDS = {**BOUNDS, "V_muN_sq": (1e-12, 1e-5), "V_N_sq": (1e-8, 1.0)}
"""Most truths have between a hundredth of an event and a hundred of them."""


def likelihood(analysis: dk.Analysis) -> dk.PointLikelihood:
    """That of the table of all rates, of all six parameters."""
    return dk.PointLikelihood(None, analysis, dk.BENCHMARK_B, PRIOR_BOUNDS)


def counts_of(theta: dk.DarkParameters, analysis: dk.Analysis, rng: np.random.Generator) -> dk.Analysis:
    """The analysis with counts drawn from what the paper's likelihood takes them to be: gamma and Poisson."""
    mean = dk.load_table().events(theta, analysis).mean + analysis.background
    variance = (analysis.systematic * mean) ** 2
    observed = iter(rng.poisson(rng.gamma(mean**2 / variance + 1, variance / mean)).astype(float).tolist())
    channels = [
        dataclasses.replace(channel, observed=tuple(next(observed) for _ in channel.observed))
        for channel in analysis.channels
    ]
    return dataclasses.replace(analysis, channels=tuple(channels))


def ranks(number: int, analysis: dk.Analysis = dk.ANALYSIS_I) -> dict[str, Any]:
    """How many draws lie below one truth in each parameter, and in ln L, which depends on the data, too."""
    rng = random_stream(SEED, f"calibration {number}")
    u = rng.random(len(PRIOR_BOUNDS))
    prior = Prior.of(likelihood(analysis))
    true = prior.values(u)
    lnL = likelihood(counts_of(likelihood(analysis).at(true), analysis, rng))
    chain = sample_chain(lnL, N_STEPS, seed=int(rng.integers(2**31)), n_walkers=N_WALKERS)
    late = chain.u[N_DISCARDED:].reshape(-1, len(u)), chain.log_likelihood[N_DISCARDED:].ravel()
    picked = rng.choice(len(late[0]), N_DRAWS, replace=False)
    below = (late[0][picked] < u).sum(axis=0)
    # Ties: where there is no signal, ln L is the same number for all.
    truth, drawn = lnL.of_vector(true), late[1][picked]
    low, equal = np.sum(drawn < truth - 1e-9), np.sum(np.abs(drawn - truth) <= 1e-9)
    of_lnL = int(low + rng.integers(equal + 1))
    counted = int(lnL.analysis.observed.sum())
    return {"truth": number, **dict(zip(prior.names, below.tolist(), strict=True)), "lnL": of_lnL, "counts": counted}


def flatness(table: pd.DataFrame, n_bins: int = 10) -> dict[str, float]:
    """p-value of the χ² of even ranks, for each parameter and ln L."""
    found = {}
    for name in [*PRIOR_BOUNDS, "lnL"]:
        in_bins = np.bincount(table[name] * n_bins // (N_DRAWS + 1), minlength=n_bins)
        found[name] = float(stats.chisquare(in_bins).pvalue)
    return found


def write(name: str, table: pd.DataFrame) -> None:
    """Write a table of data/ and renew the checksum of its manifest."""
    path = datasets.path("validation/points").with_name(f"{name.rpartition('/')[2]}.csv")
    with complete_or_not_at_all(path) as partial:
        table.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")
    datasets.renew_manifest(path)


def main() -> None:
    """Write the table."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(ranks, range(N_TRUTHS), chunksize=math.ceil(N_TRUTHS / 40)))
    write(NAME, pd.DataFrame(rows))


if __name__ == "__main__":
    main()

"""How far the table of all rates is from dedicated samples: limits on the product of couplings at random points.

``python -m paper.validation.table -o table.csv`` simulates each point afresh, twice, with `darkpkg.simulate` of a
point: Sobol sequences with four vertices for each neutrino, of which 16 384 have the error of about a million
independent events. Points of all six parameters are drawn evenly in the logarithms, and kept where the table expects
0.1 to 1e4 events of both analyses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

import darkpkg as dk
from darkpkg.inference.threshold import exclusion_threshold, nearest_limit, no_signal
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.streams import random_stream

RANGES = {"alpha_D": (1e-3, 1.0), "epsilon": (1e-6, 0.1), "V_muN_sq": (1e-12, 1e-2), "V_N_sq": (1e-6, 1.0)}
M_N, LIGHTEST, HEAVIEST = (5e-3, 1.0), 2e-3, 10.0
KINDS = ("heavy", "light", "heavy near", "light near", "heavy above 0.5", "light above 0.5", "light flying")
"""Near: m_Z′/m_N within 1.001 and 1.05, or one over that; above: m_N > 0.5 GeV; flying: c τ of Z′ beyond 1 cm."""

BOTH = {"I": dk.ANALYSIS_I, "II": dk.ANALYSIS_II, "I+II": dk.ANALYSIS_I + dk.ANALYSIS_II}


def points(table: dk.Table, kind: str, n: int, seed: int) -> Iterator[dk.DarkParameters]:
    """``n`` points of a kind of `KINDS`."""
    rng, found = random_stream(seed, kind), 0

    def drawn(low: float, high: float) -> float:
        return float(low * (high / low) ** rng.random())

    while found < n:
        m_N = drawn(0.5, M_N[1]) if "above" in kind else drawn(*M_N)
        near = drawn(1.001, 1.05)
        if kind.startswith("heavy"):
            m_Zprime = m_N * near if "near" in kind else drawn(m_N, HEAVIEST)
        else:
            m_Zprime = m_N / near if "near" in kind else drawn(LIGHTEST, m_N)
        couplings = {name: drawn(*ends) for name, ends in RANGES.items()}
        point = dk.DarkParameters(m_N=m_N, m_Zprime=m_Zprime, **couplings)
        expected = float(table.events(point, BOTH["I+II"]).total().mean)
        flies = float(point.mediator_decay_length()) > 1.0 if m_Zprime < m_N else False
        if 0.1 <= expected <= 1e4 and (flies or "flying" not in kind):
            found += 1
            yield point


def compared(table: dk.Table, point: dk.DarkParameters, n_neutrinos: int, seed: int) -> dict[str, float]:
    """Logarithms of limits and rates of the table over those of two dedicated samples, and their errors.

    The error of a limit by the samples is half of how far the two are apart.
    """
    row = {name: float(getattr(point, name)) for name in ("m_N", "m_Zprime", *RANGES)}
    samples = [dk.Transport(dk.simulate(point, n_neutrinos // 2, 2 * seed + i)) for i in (0, 1)]
    for name, analysis in BOTH.items():
        read, *dedicated = (one.events(point, analysis) for one in (table, *samples))
        mean = (dedicated[0].mean + dedicated[1].mean) / 2
        scales = log_scales(np.stack([read.mean, mean, *(one.mean for one in dedicated)]), analysis)
        row[f"{name} limit"], row[f"{name} limit error"] = scales[0] - scales[1], abs(scales[2] - scales[3]) / 2
        row[f"{name} rate"] = np.log(read.mean.sum() / mean.sum())
        row[f"{name} events"], row[f"{name} table"] = read.mean.sum(), read.total().error / read.mean.sum()
        row[f"{name} sample"] = np.hypot(*(one.total().error / 2 for one in dedicated)) / mean.sum()
    return row


def log_scales(means: np.ndarray, analysis: dk.Analysis) -> np.ndarray:
    """ln of the factor that each row of expected events (n, bins) takes to be at the limit of 90 % CL."""
    without = float(dk.log_likelihood(no_signal(analysis), analysis))
    signal = dk.Expectation(means, np.zeros(means.shape))
    _, scale = nearest_limit(signal, analysis, dk.log_likelihood, without - exclusion_threshold(0.90), without)
    return scale


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Per kind and analysis: median, rms and worst of limits and rms of samples in per cent, and pulls of rates."""
    out = []
    for kind, own in rows.groupby("kind", sort=False):
        for name in BOTH:
            limit = 100 * own[f"{name} limit"]
            pull = own[f"{name} rate"] / np.hypot(own[f"{name} table"], own[f"{name} sample"])
            out.append({
                "kind": kind, "analysis": name, "points": len(own), "median": limit.abs().median(),
                "rms": (limit**2).mean() ** 0.5, "worst": limit.abs().max(),
                "rms of samples": 100 * (own[f"{name} limit error"] ** 2).mean() ** 0.5,
                "table": 100 * own[f"{name} table"].median(), "pull": (pull**2).mean() ** 0.5,
                "within 2": (pull.abs() < 2).mean(),
            })  # fmt: skip
    return pd.DataFrame(out)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a row for each point, as they come, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--neutrinos", type=int, default=16_384)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    table, rows = dk.load_table(given.table), []
    for kind in given.kinds:
        for i, point in enumerate(tqdm(points(table, kind, given.points, given.seed), total=given.points, desc=kind)):
            rows.append({"kind": kind, **compared(table, point, given.neutrinos, given.seed + 1 + i)})
            with complete_or_not_at_all(given.output) as partial:
                pd.DataFrame(rows).to_csv(partial, index=False)
    sys.stdout.write(summary(pd.DataFrame(rows)).round(2).to_string(index=False) + "\n")


if __name__ == "__main__":
    main()

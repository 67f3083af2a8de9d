"""How far the table of all rates is from dedicated samples: limits on the product of couplings at random points.

``python -m paper.validation.table`` simulates points of all six parameters afresh, in an hour, and writes
``data/validation/table``: Sobol sequences with four vertices for each neutrino, of which 131 072 have the error of
several million independent events. A file that is there is continued: rows that were taken out of it are made anew.
Nothing in it is read from the table, except where to look: points are drawn evenly in the logarithms, and kept where
0.1 to 1e4 events of both analyses are expected. `compared` and `summary` are what a table makes of these points.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

import darkpkg as dk
from darkpkg import datasets
from darkpkg.inference.threshold import exclusion_threshold, nearest_limit, no_signal
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.streams import random_stream

NAME = "validation/table"
"""Of the file in ``data``."""

RANGES = {"alpha_D": (1e-3, 1.0), "epsilon": (1e-6, 0.1), "V_muN_sq": (1e-12, 1e-2), "V_N_sq": (1e-6, 1.0)}
M_N, LIGHTEST, HEAVIEST = (5e-3, 1.0), 2e-3, 10.0
PARAMETERS = ("m_N", "m_Zprime", *RANGES)
KINDS: Mapping[str, int] = {
    "heavy": 100,
    "light": 100,
    "heavy near": 30,
    "light near": 30,
    "heavy above 0.5": 30,
    "light above 0.5": 30,
    "light flying": 30,
}
"""And how many points. Near: m_Z′/m_N within 1.001 and 1.05, or one over that; above: m_N > 0.5 GeV; flying: c τ of
Z′ beyond 1 cm."""

FEW_PASS, SAMPLES = 0.5, {"heavy": 8, "light": 32}
"""Beyond so many GeV of m_N few events pass the cuts of Analysis I, as few as one in a thousand: so many samples of a
point there, else two. Of two the rates are uncertain by 3 % (light) and 0.6 % (heavy), median, and 7 % at worst."""

ANALYSES = {"I": dk.ANALYSIS_I, "II": dk.ANALYSIS_II, "both": dk.ANALYSIS_I + dk.ANALYSIS_II}


def drawn_point(table: dk.Table, kind: str, i: int, seed: int) -> dk.DarkParameters:
    """Point i of a kind of `KINDS`."""
    rng = random_stream(seed, kind, i)

    def drawn(low: float, high: float) -> float:
        return float(low * (high / low) ** rng.random())

    while True:
        m_N = drawn(0.5, M_N[1]) if "above" in kind else drawn(*M_N)
        near = drawn(1.001, 1.05)
        if kind.startswith("heavy"):
            m_Zprime = m_N * near if "near" in kind else drawn(m_N, HEAVIEST)
        else:
            m_Zprime = m_N / near if "near" in kind else drawn(LIGHTEST, m_N)
        couplings = {name: drawn(*ends) for name, ends in RANGES.items()}
        point = dk.DarkParameters(m_N=m_N, m_Zprime=m_Zprime, **couplings)
        expected = float(table.events(point, ANALYSES["both"]).total().mean)
        flies = float(point.mediator_decay_length()) > 1.0 if m_Zprime < m_N else False
        if 0.1 <= expected <= 1e4 and (flies or "flying" not in kind):
            return point


def dedicated(point: dk.DarkParameters, n_neutrinos: int, seed: int, n_samples: int = 2) -> dict[str, float]:
    """Events and limits by samples of ``n_neutrinos``/2 each, with errors; of limits by how far the samples differ.

    A limit is the logarithm of the factor that takes all expected events to the limit of 90 % CL.
    """
    row = {name: float(getattr(point, name)) for name in PARAMETERS}
    found: dict[str, list[dk.Expectation]] = {name: [] for name in ANALYSES}
    for i in range(n_samples):  # one after the other in memory
        sample = dk.Transport(dk.simulate(point, n_neutrinos // 2, n_samples * seed + i))
        for name, analysis in ANALYSES.items():
            found[name].append(sample.events(point, analysis))
    for name, analysis in ANALYSES.items():
        each = found[name]
        mean = np.mean([one.mean for one in each], axis=0)
        limits = log_scales(np.stack([mean, *(one.mean for one in each)]), analysis)
        row[f"limit_{name}"], row[f"limit_error_{name}"] = limits[0], limits[1:].std(ddof=1) / n_samples**0.5
        row[f"events_{name}"] = mean.sum()
        row[f"events_error_{name}"] = np.linalg.norm([one.total().error for one in each]) / n_samples
    return row


def log_scales(means: np.ndarray, analysis: dk.Analysis) -> np.ndarray:
    """ln of the factor that each row of expected events (n, bins) takes to be at the limit of 90 % CL."""
    least = float(dk.log_likelihood(no_signal(analysis), analysis)) - exclusion_threshold(0.90)

    def allowed_by(signal: dk.Expectation) -> np.ndarray:
        return dk.log_likelihood(signal, analysis) - least

    return nearest_limit(dk.Expectation(means, np.zeros(means.shape)), allowed_by, nothing_allowed=True)[1]


def compared(table: dk.Table, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """Logarithms of limits and events of the table over those of dedicated samples, by default those in ``data``.

    Per analysis ``limit``, ``limit_error`` (of the samples), ``rate``, ``table`` (the relative error that the table
    states) and ``pull``, with the name of the analysis; no rate and pull where neither has events.
    """
    rows = datasets.read(NAME) if rows is None else rows
    theta = dk.DarkParameters(**{name: rows[name].to_numpy() for name in PARAMETERS})
    out = rows[["kind", *PARAMETERS]].copy()
    for name, analysis in ANALYSES.items():
        read = table.events(theta, analysis)
        total, events = read.total(), rows[f"events_{name}"].to_numpy()
        error = np.divide(total.error, total.mean, out=np.zeros(len(rows)), where=total.mean > 0)
        out[f"limit_{name}"] = log_scales(read.mean, analysis) - rows[f"limit_{name}"]
        out[f"limit_error_{name}"] = rows[f"limit_error_{name}"]
        with np.errstate(divide="ignore", invalid="ignore"):
            out[f"rate_{name}"] = np.log(total.mean) - np.log(events)
            out[f"pull_{name}"] = out[f"rate_{name}"] / np.hypot(error, rows[f"events_error_{name}"] / events)
        out[f"table_{name}"] = error
    return out


def summary(comparison: pd.DataFrame) -> pd.DataFrame:
    """Per kind and analysis: median, rms and worst of limits and rms of samples in per cent, and pulls of rates."""
    out = []
    for kind, own in comparison.groupby("kind", sort=False):
        for name in ANALYSES:
            some = own.dropna(subset=[f"rate_{name}"])
            limit, pull = 100 * some[f"limit_{name}"], some[f"pull_{name}"]
            out.append({
                "kind": kind, "analysis": name, "points": len(some), "median": limit.abs().median(),
                "rms": (limit**2).mean() ** 0.5, "worst": limit.abs().max(),
                "rms of samples": 100 * (some[f"limit_error_{name}"] ** 2).mean() ** 0.5,
                "table": 100 * some[f"table_{name}"].median(), "pull": (pull**2).mean() ** 0.5,
                "within 2": (pull.abs() < 2).mean(),
            })  # fmt: skip
    return pd.DataFrame(out)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a row for each point, as they come, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("data") / f"{NAME}.csv")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--neutrinos", type=int, default=131_072)
    parser.add_argument("--seed", type=int, default=16)
    given = parser.parse_args(arguments)
    table = dk.load_table()
    rows = pd.read_csv(given.output).to_dict("records") if given.output.exists() else []
    for kind in given.kinds:
        done = {f"{row['m_N']:.6g}" for row in rows if row["kind"] == kind}
        for i in tqdm(range(KINDS[kind]), desc=kind):
            point = drawn_point(table, kind, i, given.seed)
            if len(done) >= KINDS[kind] or f"{point.m_N:.6g}" in done:
                continue
            done.add(f"{point.m_N:.6g}")
            mediator = "light" if point.m_Zprime < point.m_N else "heavy"
            n_samples = SAMPLES[mediator] if point.m_N > FEW_PASS else 2
            rows.append({"kind": kind, **dedicated(point, given.neutrinos, given.seed + 1 + i, n_samples)})
            with complete_or_not_at_all(given.output) as partial:
                pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.6g")
    datasets.renew_manifest(given.output)
    sys.stdout.write(summary(compared(table, pd.DataFrame(rows))).round(2).to_string(index=False) + "\n")


if __name__ == "__main__":
    main()

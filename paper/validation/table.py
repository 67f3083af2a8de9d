"""How far the table of all rates is from dedicated samples: limits on the product of couplings at random points.

``python -m paper.validation.table --seed 17`` simulates points of all six parameters, in half an hour of one core,
and writes ``data/validation/table``. Each analysis has Sobol sequences of its own, denser where it selects decays,
and for Analysis II in FGD1 alone: half a million or a million events of each analysis at a point. What the file has
of the points of this seed is kept, the rest is made anew; an interrupted run is continued by the same command.
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

FEW_PASS, MORE = 0.5, 4
"""Beyond so many GeV of m_N few pairs of a light Z′ pass the cuts of Analysis I, as few as one in a thousand: samples
are larger by this factor there. Many small ones would be too low together: a few events carry most of the weight."""

FGD1 = dk.T2K.detector.only(["FGD1"])

SAMPLES: Mapping[str, tuple[dk.Experiment, float, int]] = {
    "I": (dk.T2K.replace(analyses={"I": dk.ANALYSIS_I}), 1.0, 1),
    "II": (dk.T2K.replace(analyses={"II": dk.ANALYSIS_II}, detector=FGD1), 0.25, 8),
}
"""Experiment of each analysis, neutrinos in proportion to those of Analysis I, and vertices of each.

Rare bins of Analysis II decide more than half of its limit, and vertices are smeared each anew."""

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


def dedicated(point: dk.DarkParameters, n_neutrinos: int, seed: int) -> dict[str, float]:
    """Events and limits by two samples of ``n_neutrinos`` each, with errors; of limits by how far they differ.

    A limit is the logarithm of the factor that takes all expected events to the limit of 90 % CL.
    """
    row = {name: float(getattr(point, name)) for name in PARAMETERS}
    means: dict[str, np.ndarray] = {}
    errors: dict[str, float] = {}
    for name, (experiment, share, vertices) in SAMPLES.items():
        n = int(share * n_neutrinos * (MORE if name == "I" and _few_pass(point) else 1))
        found = []
        for i in range(2):  # one after the other in memory
            sample = dk.simulate(point, n, 2 * seed + i, experiment=experiment, vertices=vertices)
            found.append(dk.Transport(sample).events(point, ANALYSES[name]))
        means[name] = np.stack([one.mean for one in found])
        errors[name] = float(np.linalg.norm([one.total().error for one in found])) / 2
    means["both"] = np.concatenate([means["I"], means["II"]], axis=1)
    errors["both"] = float(np.hypot(errors["I"], errors["II"]))
    for name, analysis in ANALYSES.items():
        mean = means[name].mean(axis=0)
        limits = log_scales(np.stack([mean, *means[name]]), analysis)
        row[f"limit_{name}"], row[f"limit_error_{name}"] = limits[0], limits[1:].std(ddof=1) / 2**0.5
        row[f"events_{name}"], row[f"events_error_{name}"] = mean.sum(), errors[name]
    return row


def _few_pass(point: dk.DarkParameters) -> bool:
    return bool(point.m_Zprime < point.m_N and point.m_N > FEW_PASS)


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
    """Per kind and analysis: median, rms and worst of limits, of samples and without these, and pulls of rates.

    All are per cent, except pulls. The rare bins that decide a limit of Analysis II are less well known than rates.
    """
    out = []
    for kind, own in comparison.groupby("kind", sort=False):
        for name in ANALYSES:
            some = own.dropna(subset=[f"rate_{name}"])
            limit, pull = 100 * some[f"limit_{name}"], some[f"pull_{name}"]
            of_samples = 1e4 * (some[f"limit_error_{name}"] ** 2).mean()
            out.append({
                "kind": kind, "analysis": name, "points": len(some), "median": limit.abs().median(),
                "rms": (limit**2).mean() ** 0.5, "worst": limit.abs().max(),
                "rms of samples": of_samples**0.5,
                "without samples": max((limit**2).mean() - of_samples, 0.0) ** 0.5,
                "rms of rates": 100 * (some[f"rate_{name}"] ** 2).mean() ** 0.5,
                "table": 100 * some[f"table_{name}"].median(), "pull": (pull**2).mean() ** 0.5,
                "within 2": (pull.abs() < 2).mean(),
            })  # fmt: skip
    return pd.DataFrame(out)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a row for each point of a seed, as they come, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("data") / f"{NAME}.csv")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--neutrinos", type=int, default=262_144)
    parser.add_argument("--seed", type=int, default=16)
    given = parser.parse_args(arguments)
    table = dk.load_table()
    drawn = ((kind, i, drawn_point(table, kind, i, given.seed)) for kind in given.kinds for i in range(KINDS[kind]))
    points = {(kind, f"{float(point.m_N):.6g}"): (i, point) for kind, i, point in drawn}
    found = pd.read_csv(given.output).to_dict("records") if given.output.exists() else []
    known = {(row["kind"], f"{row['m_N']:.6g}"): row for row in found}
    rows = {key: row for key, row in known.items() if key in points or key[0] not in given.kinds}
    for key, (i, point) in tqdm(points.items()):
        if key not in rows:
            rows[key] = {"kind": key[0], **dedicated(point, given.neutrinos, given.seed + 1 + i)}
            with complete_or_not_at_all(given.output) as partial:
                pd.DataFrame(list(rows.values())).to_csv(partial, index=False, float_format="%.6g")
    datasets.renew_manifest(given.output)
    sys.stdout.write(
        summary(compared(table, pd.DataFrame(list(rows.values())))).round(2).to_string(index=False) + "\n"
    )


if __name__ == "__main__":
    main()

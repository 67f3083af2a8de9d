"""Coverage of limits at random points of all six parameters, by each method.

``python -m paper.validation.coverage`` writes data/validation/coverage.csv, in some five minutes of processor time.
The rate of each point is free, and what it is compared with: a line of forty spectra of its shape. Analysis I has all
outcomes added up, both analyses have toys.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

import darkpkg as dk
from darkpkg.inference.coverage import Coverage, coverage
from darkpkg.inference.outcomes import Method
from darkpkg.inference.threshold import METHODS
from darkpkg.streams import random_stream
from paper.validation.calibration import write

NAME = "validation/coverage"
SEED = 2205
N_POINTS = 200
N_TOYS = 4000
"""Experiments of each point, and toys for its critical value: errors of some 0.6 %."""

ANALYSES = {"I": dk.ANALYSIS_I, "I + II": dk.ANALYSIS_I + dk.ANALYSIS_II}
MOST_EVENTS = 100.0


def points() -> dk.DarkParameters:
    """Points that are even in the logarithms, but for |V_μN|², with which Analysis I expects 0.5 to 12 events.

    Mediators are heavy and light, 200 points of up to 100 events in both analyses.
    """
    u = random_stream(SEED, "points").random((6, 2000))
    m_N = 0.01 * 60 ** u[0]
    theta = dk.DarkParameters(
        m_N=m_N, m_Zprime=0.005 * 2000 ** u[1], alpha_D=0.01 * 50 ** u[2], epsilon=1e-4 * 300 ** u[3],
        V_muN_sq=np.full(2000, 1e-7), V_N_sq=10 ** (-2 * u[4]),
    )  # fmt: skip
    rates = dk.load_table()
    V_muN_sq = 1e-7 * 0.5 * 24 ** u[5] / rates.events(theta, dk.ANALYSIS_I).total().mean
    total = rates.events(theta, ANALYSES["I + II"]).total().mean * V_muN_sq / 1e-7
    picked = np.flatnonzero((V_muN_sq < theta.V_N_sq) & (total < MOST_EVENTS))[:N_POINTS]
    fields = {name: np.broadcast_to(getattr(theta, name), m_N.shape)[picked] for name in theta.numbers()}
    return dk.DarkParameters(**{**fields, "V_muN_sq": V_muN_sq[picked]})


def numbered(number: int) -> dk.DarkParameters:
    """One of the points."""
    theta = points()
    names = ("m_N", "m_Zprime", "alpha_D", "epsilon", "V_muN_sq", "V_N_sq")
    return dk.DarkParameters(**{name: float(getattr(theta, name)[number]) for name in names})


def covered(number: int, name: str, method: str, n_toys: int = N_TOYS) -> Coverage:
    """Coverage at one of the points, of one of the analyses by its name."""
    analysis = ANALYSES[name]
    spectrum = dk.load_table().events(numbered(number), analysis).mean
    most = 20 + 2 * spectrum.sum() + 3 * np.sqrt(analysis.background.sum())
    scales = np.append(1.0, np.geomspace(0.05, most, 40) / spectrum.sum())
    return coverage(scales[:, None] * spectrum, analysis, Method(method, n_toys, SEED + 2 * number), which=[0])


def at(number: int) -> list[dict[str, Any]]:
    """Coverage at one point: a row for each analysis and method."""
    one, rows = numbered(number), []
    known = {name: float(getattr(one, name)) for name in one.numbers() if np.any(getattr(one, name))}
    for name, analysis in ANALYSES.items():
        events = dk.load_table().events(one, analysis).mean.sum()
        for method in METHODS:
            found = covered(number, name, method)
            rows.append(
                {"point": number, **known, "analysis": name, "events": events, "method": method}
                | {column: getattr(found, field)[0] for column, field in COLUMNS.items()}
            )
    return rows


COLUMNS = {"coverage": "value", "low": "low", "high": "high"}


def main() -> None:
    """Write the table."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        rows = [row for part in pool.map(at, range(N_POINTS), chunksize=5) for row in part]
    write(NAME, pd.DataFrame(rows))


if __name__ == "__main__":
    main()

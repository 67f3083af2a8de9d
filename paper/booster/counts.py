"""What MiniBooNE counted, and how its data are compared with a signal. Begin with `likelihood`.

Electron-like candidates in 11 bins of the reconstructed neutrino energy, and muon-like ones in 8, which constrain the
background of the first: arXiv:2006.16883, with its public fractional covariance.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.inputs import one_of
from darkpkg.units import MeV
from paper.booster.covariance import CovarianceLikelihood

Array = NDArray[np.float64]

MODES = ("neutrino", "antineutrino")
"""Polarities of the horn."""

N_BINS = 11
"""Electron-like bins of a mode."""

IN_RANGE = slice(0, 9)
"""Bins from 200 to 1250 MeV, for which the excess is published."""

_PREFIX = {"neutrino": "nu", "antineutrino": "nubar"}


def counts(mode: str, sample: str, column: str) -> Array:
    """Numbers of a ``column``, observed or predicted, in the bins of a ``sample``, nue or numu."""
    return _column(mode, sample, column).copy()


def edges() -> Array:
    """Edges (12,) in GeV of the electron-like bins, which both modes share."""
    low, high = (_column("neutrino", "nue", side) for side in ("e_low", "e_high"))
    return np.append(low, high[-1]) * MeV


def likelihood(modes: Sequence[str] = MODES) -> CovarianceLikelihood:
    """Electron-like and muon-like bins of some modes, as the release compares them with a signal.

    Parameters
    ----------
    modes
        Of `MODES`; their electron-like bins are the entries of the signal, 11 for each in order.

    Returns
    -------
    CovarianceLikelihood
        Of 19 bins a mode: 11 electron-like, then 8 muon-like. The covariance of the signal is that of ν_e CCQE
        events from ν_μ → ν_e.

    >>> round(float(likelihood(["neutrino"]).chi_squared(np.zeros(11))), 2)
    31.8
    """
    modes = [one_of("modes", mode, MODES) for mode in modes]
    observed = [counts(mode, sample, "observed") for mode in modes for sample in ("nue", "numu")]
    predicted = [counts(mode, sample, "predicted") for mode in modes for sample in ("nue", "numu")]
    per_mode = len(observed[0]) + len(observed[1])
    at = tuple(per_mode * i + bin_ for i in range(len(modes)) for bin_ in range(N_BINS))
    names = [_names(mode, "signal") for mode in modes]
    names += [_names(mode, block) for mode in modes for block in ("background", "numu")]
    fractional = _fractional([name for block in names for name in block])
    return CovarianceLikelihood(np.concatenate(observed), np.concatenate(predicted), fractional, at)


def constrained_background(modes: Sequence[str] = MODES) -> tuple[Array, Array]:
    """Electron-like background given the muon-like data: expectation (n,) and covariance (n, n), n = 11 a mode.

    The statistical error is inside. In the bins of `IN_RANGE` it is 2306.6 ± 117.9 and 401.4 ± 28.3 events.
    """
    background, muons, seen = (
        np.concatenate([counts(mode, sample, column) for mode in modes])
        for sample, column in (("nue", "predicted"), ("numu", "predicted"), ("numu", "observed"))
    )
    names = [name for block in ("background", "numu") for mode in modes for name in _names(mode, block)]
    v, n = np.concatenate([background, muons]), len(background)
    covariance = _fractional(names) * np.outer(v, v)
    gain = np.linalg.solve(covariance[n:, n:], covariance[n:, :n]).T
    return background + gain @ (seen - muons), covariance[:n, :n] - gain @ covariance[n:, :n]


def shared_errors(modes: Sequence[str] = MODES) -> tuple[tuple[float, ...], ...]:
    """Relative errors of `constrained_background` beyond the statistical one, as an analysis has them ``shared``.

    Sources are eigenvectors of the relative covariance without 1/B on its diagonal, times the roots of their
    eigenvalues. Those below zero, which rounding of the release and its finite simulation leave, are dropped.
    """
    background, covariance = constrained_background(modes)
    relative = covariance / np.outer(background, background) - np.diag(1 / background)
    values, vectors = np.linalg.eigh(relative)
    kept = values > 0
    sources: Any = (vectors[:, kept] * np.sqrt(values[kept])).T
    return tuple(map(tuple, sources.tolist()))


def _names(mode: str, block: str) -> list[str]:
    prefix = f"{_PREFIX[mode]}_{block}_"
    return [name for name in _covariance().index if name.startswith(prefix)]


def _fractional(names: Sequence[str]) -> Array:
    table = _covariance()
    at = table.index.get_indexer(list(names))
    return table.to_numpy()[np.ix_(at, at)]


# An analysis is made anew for each of many points: what tables hold is looked up once.


@functools.cache
def _column(mode: str, sample: str, column: str) -> Array:
    table = datasets.read("miniboone/counts")
    return table[(table["mode"] == mode) & (table["sample"] == sample)][column].to_numpy(float)


@functools.cache
def _covariance() -> pd.DataFrame:
    """Rows and columns in one order, so that one index finds both."""
    table = datasets.read("miniboone/covariance").set_index("row").astype(float)
    return table.loc[:, list(table.index)]

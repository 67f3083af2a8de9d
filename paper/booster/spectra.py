"""MiniBooNE's visible energy and angle in neutrino mode, apart and together. Begin with `ANALYSES` and `gain`.

No covariance is public for them: beside the statistical error the background has one error of its normalisation,
the 10 % of the public program of arXiv:2308.02543. The background is that before the constraint by muon-like data.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.experiment.analysis import Analysis
from darkpkg.inference.likelihood import log_likelihood
from darkpkg.method.expectation import Expectation
from darkpkg.units import MeV
from paper.booster import miniboone

Array = NDArray[np.float64]

NORMALISATION = 0.1
"""Relative error of the background, in all bins alike."""

ANGLES = (-1.0, -0.2, 0.4, 0.7, 0.9, 1.0)
"""Edges in cos θ of what is binned in both."""

ENERGIES = (150.0, 250.0, 400.0, 600.0, 1250.0)
"""Edges in the visible energy (MeV) of what is binned in both: edges of the table, too."""


def analysis(variable: str) -> Analysis:
    """Counts and background of neutrino mode in visible energy, in angle or, ``"both"``, in both."""
    if variable == "both":
        slices = [_slice(*ends) for ends in itertools.pairwise(ENERGIES)]
        channels = tuple(channel for one in slices for channel in one.channels)
        return _with_normalisation(Analysis("visible energy and angle", channels))
    table = datasets.read("miniboone/spectra")
    own = table[table.variable == {"visible_energy": "evis", "cos_theta": "cos_theta"}[variable]]
    unit = MeV if variable == "visible_energy" else 1.0
    edges = np.append(own.low, own.high.iloc[-1]) * unit
    return _with_normalisation(_with_counts(variable, edges, own))


def _slice(low: float, high: float) -> Analysis:
    table = datasets.read("miniboone/evis_costheta")
    within = table[(table.evis_low >= low) & (table.evis_high <= high)]
    bins = np.searchsorted(np.array(ANGLES) + 1e-6, within.cos_theta_low.to_numpy() + 2e-6) - 1
    sums = {name: np.bincount(bins, within[name], len(ANGLES) - 1) for name in ("observed", "background")}
    return _with_counts("cos_theta", ANGLES, pd.DataFrame(sums), visible_range=(low * MeV, high * MeV))


def _with_counts(variable: str, edges: Sequence[float] | Array, counts: pd.DataFrame, **changes: Any) -> Analysis:
    found = miniboone.spectrum(variable, tuple(edges), **changes)
    (channel,) = found.channels
    numbers: dict[str, Any] = {
        name: tuple(counts[name].to_numpy(float).tolist()) for name in ("observed", "background")
    }
    name = variable.replace("_", " ") + "".join(f" {part}" for part in changes.values())
    return dataclasses.replace(found, channels=(dataclasses.replace(channel, name=name, **numbers),))


def _with_normalisation(found: Analysis) -> Analysis:
    """With errors of the background alone."""
    bins = len(found.observed)
    return dataclasses.replace(found, shared=((NORMALISATION,) * bins,), shared_signal=((0.0,) * bins,))


@functools.cache
def analyses() -> dict[str, Analysis]:
    """All three, by variable."""
    return {name: analysis(name) for name in ("visible_energy", "cos_theta", "both")}


FACTORS = np.concatenate([[0.0], np.geomspace(0.02, 5.0, 60)])
"""Of a signal with as many events as the excess, where `gain` looks for the best one."""


def gain(signal: Expectation, own: Analysis) -> tuple[float, float]:
    """By how much a signal (bins,), with the best common factor, improves −2 ln L, and the factor."""
    excess = (own.observed - own.background).sum()
    factor = FACTORS * excess / signal.mean.sum()
    scaled = Expectation(factor[:, None] * signal.mean, factor[:, None] ** 2 * signal.variance)
    value = 2 * log_likelihood(scaled, own)
    best = int(value.argmax())
    return float(value[best] - value[0]), float(factor[best])

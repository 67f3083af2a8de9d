"""DarkNews on the carbon of MiniBooNE, held against the package at twenty points. Begin with `compared`.

The same acceptance, that of MiniBooNE's electron-like events, is applied to the events of both generators. N and Z′
decay at once, as what is compared is the generation and not the flight; other nuclei and the free proton differ by
known cross sections (`paper.validation.darknews`).
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import darkpkg as dk
from darkpkg import datasets
from darkpkg.method.generator import generate
from darkpkg.method.sampling import SamplingRange
from paper.booster import miniboone, published
from paper.booster.beams import booster_beam
from paper.validation.darknews import generator_spin_weight

Array = NDArray[np.float64]

NUCLEUS = "C12"

POINTS = {
    f"{name}{i}": published.parameters(m_N, m_Zprime, epsilon, U_mu4)
    for name, masses, (epsilon, U_mu4) in (
        ("light ", itertools.product((0.07, 0.1, 0.15, 0.25, 0.4), (0.02, 0.05)), (8e-4, 3e-4)),
        ("heavy ", itertools.product((0.05, 0.1, 0.15, 0.25, 0.4), (0.5, 1.25)), (1e-2, 5e-2)),
    )
    for i, (m_N, m_Zprime) in enumerate(masses, start=1)
}
"""Ten with a light and ten with a heavy Z′, over the masses that MiniBooNE's excess allows."""

QUANTITIES = ("produced", "selected", *(f"bin {i}" for i in range(1, 12)))
"""Events in all, those that are selected, and these in bins of E_ν^QE."""


class Leptons(NamedTuple):
    """What a selection takes of events: momenta (n, 4) and four random numbers each, (n, 4)."""

    p_electron: Array
    p_positron: Array
    uniform: Array


def accepted(events: Leptons, weight: Array) -> pd.DataFrame:
    """Sums of the weights (n,) and of their squares in each of `QUANTITIES`, before any exposure."""
    bins, chance = miniboone.selection().accepted(events)  # type: ignore[arg-type]
    selected = weight * chance
    each = [weight, selected, *(np.where(bins == i, selected, 0.0) for i in range(11))]
    sums = [(w.sum(), (w**2).sum()) for w in each]
    return pd.DataFrame([(q, *s) for q, s in zip(QUANTITIES, sums, strict=True)], columns=list(_COLUMNS))


_COLUMNS = ("quantity", "sum_w", "sum_w_sq")


def theirs(point: str) -> pd.DataFrame:
    """Sums that DarkNews has at a point of `POINTS`, by quantity: weights per nucleus and proton on target."""
    table = _table()
    return table[table.point == point].set_index("quantity")


@functools.cache
def _table() -> pd.DataFrame:
    return datasets.read("validation/booster")


def ours(point: str, n_events: int, seed: int) -> pd.DataFrame:
    """The same of the package, with the spin of N and of a light Z′ that DarkNews has.

    Events are of a Sobol sequence, whose sums are more precise than their squares suggest.
    """
    theta, oil = POINTS[point], miniboone.detector()["oil"]
    carbon = dataclasses.replace(oil, composition={"C": 1.0}, fiducial=None)
    detector = dk.Detector("carbon", (carbon,))
    experiment = dk.Experiment("carbon", (booster_beam("neutrino", "flux/miniboone_fhc", [14]),), detector)
    events = generate(
        SamplingRange.at(float(theta.m_N), float(theta.m_Zprime)),
        n_events,
        seed,
        experiment=experiment,
        couplings=theta,
        sequence="sobol",
    )
    leptons = Leptons(events.p_electron, events.p_positron, np.random.default_rng(seed).random((len(events), 4)))
    return accepted(leptons, events.weight * generator_spin_weight(events)).set_index("quantity")


def compared(n_events: int, seed: int, quantity: str = "selected") -> pd.DataFrame:
    """At all points, by name: the ``ratio`` of ours to theirs in one of `QUANTITIES`, and its ``error``."""
    found = {}
    for point in POINTS:
        one, other = (sums.loc[quantity] for sums in (ours(point, n_events, seed), theirs(point)))
        error = np.hypot(*(x.sum_w_sq**0.5 / x.sum_w for x in (one, other)))
        found[point] = {"ratio": one.sum_w / other.sum_w, "error": error}
    return pd.DataFrame.from_dict(found, orient="index")

"""Projections of Figs. 9 and 10, from today's events: those of the text, and those of the authors' code.

Begin with `ours` and `theirs`, data sets by name, and `projected`, the plane of several of them. Events of today's
detector are scaled for each bin, those of each part by a factor of its own: a part is N made in argon, in the other
materials, on carbon or on oxygen.

Of the upgrade the paper counts N made in argon. We scale those of today's chambers by the mass of argon in fiducial
volumes: most of them decay where they are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis
from darkpkg.experiment.detector import ND280, ND280_UPGRADE, Detector, Module
from darkpkg.experiment.projection import project
from paper.causes.authors import DETECTOR, MASSES
from paper.causes.planes import Plane
from paper.curves import Panel

Array = NDArray[np.float64]

__all__ = ["NEW_CHAMBERS", "POT", "SUPER_FGD", "DataSet", "ours", "projected", "theirs"]

I, II = ANALYSIS_I, ANALYSIS_II

POT: Mapping[str, Mapping[str, float]] = {
    "T2K-I": {"FHC": 2.116e21, "RHC": 1.65e21},
    "T2K-II": {beam: pot * (20e21 / 3.766e21 - 1) for beam, pot in (("FHC", 2.116e21), ("RHC", 1.65e21))},
}
"""Exposures in the authors' code; the text has 4e21 and 16e21."""

_LESS_ACROSS, _LESS_HIGH, _LESS_DEEP = 186.0 - 170.0, 206.0 - 196.0, 78.1 - 56.3
NEW_CHAMBERS = 2 * (200 - 2 * _LESS_ACROSS) * (80 - 2 * _LESS_HIGH) * (180 - 2 * _LESS_DEEP)
"""Fiducial volume of both in their code, in cm³. What a chamber loses on both sides together is subtracted twice."""

_LESS, _LESS_Z = 186.4 - 174.9, 30.3 - 28.76
SUPER_FGD = (192 - 2 * _LESS) * (56 - 2 * _LESS) * (192 - 2 * _LESS_Z)
"""The same of the Super-FGD. It is filled with the mass of all of FGD1 for each of its fiducial volumes, of carbon
alone: their code has no oxygen in the FGDs after the upgrade."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """Exposure, background and counts, and by what today's events are multiplied, in each bin, by part."""

    analysis: Analysis
    factors: Mapping[str, Array]


def _exposure(of: Analysis, today: Analysis) -> Array:
    """Protons on target over those of today, in each bin."""
    ratios = [np.full(len(a.observed), a.pot / b.pot) for a, b in zip(of.channels, today.channels, strict=True)]
    return np.concatenate(ratios)


def _mass(detector: Detector, names: Sequence[str], symbol: str) -> float:
    """Mass of an element in fiducial volumes, in grams."""
    return sum(detector[name].fiducial_mass * detector[name].shares.get(symbol, 0.0) for name in names)


def ours(mediator: str, name: str) -> tuple[DataSet, ...]:
    """As the text and the detector's description have it: ``"T2K-I"``, or ``"T2K-I+II"`` for both data sets."""
    chambers, plastic = I.selection.decay_modules, ("FGD1", "FGD2")
    new_chambers, new_plastic = (*chambers, "HATPC-top", "HATPC-bottom"), (*plastic, "SuperFGD")
    first, second = project(I), project(I, detector=ND280_UPGRADE)
    argon = _mass(ND280_UPGRADE, new_chambers, "Ar") / _mass(ND280, chambers, "Ar")
    again, more = _exposure(first, I), _exposure(second, I)
    kinds = ("argon", "others") if mediator == "heavy" else ("argon",)
    sets = [DataSet(first, dict.fromkeys(kinds, again)), DataSet(second, {"argon": more * argon})]
    if mediator == "heavy":
        return tuple(sets if name == "T2K-I+II" else sets[:1])
    for where, names, pot in ((ND280, plastic, None), (ND280_UPGRADE, new_plastic, 16e21)):
        masses = sum(where[n].fiducial_mass for n in names) / ND280["FGD1"].fiducial_mass
        fgds = project(II, pot, target_ratio=masses)
        factor = {
            part: _exposure(fgds, II) * _mass(where, names, symbol) / _mass(ND280, ("FGD1",), symbol)
            for part, symbol in (("carbon", "C"), ("oxygen", "O"))
        }
        sets.append(DataSet(fgds, factor))
    return tuple(sets if name == "T2K-I+II" else sets[::2])


def theirs(mediator: str, name: str) -> tuple[DataSet, ...]:
    """As the authors' code has it as last changed."""
    active, fiducial = (sum(box(m).volume for m in _chambers()) for box in (lambda m: m.active, lambda m: m.fiducial))
    first = project(I, POT["T2K-I"])
    # For a heavy dark photon the mass in fiducial volumes scales events and background of all argon.
    whole = active / fiducial if mediator == "heavy" else 1.0
    argon = (1 + NEW_CHAMBERS / fiducial) / whole
    second = project(I, POT["T2K-II"], target_ratio=argon)
    again, more = _exposure(first, I), _exposure(second, I)
    kinds = ("argon", "others") if mediator == "heavy" else ("argon",)
    sets = [DataSet(first, dict.fromkeys(kinds, again)), DataSet(second, {"argon": more * argon})]
    if mediator == "heavy":
        return tuple(sets if name == "T2K-I+II" else sets[:1])
    one, two = MASSES["FGD1"], MASSES["FGD2"]
    fgd = DETECTOR["FGD1"]
    carbon, oxygen = (1 + two[symbol] / one[symbol] for symbol in ("C", "O"))
    upgraded = carbon + SUPER_FGD / fgd.fiducial.volume * fgd.active.volume / fgd.fiducial.volume
    for pot, ratio, of_oxygen in (("T2K-I", carbon, oxygen), ("T2K-II", upgraded, 0.0)):
        fgds = project(II, POT[pot], target_ratio=ratio)
        exposure = _exposure(fgds, II)
        sets.append(DataSet(fgds, {"carbon": exposure * ratio, "oxygen": exposure * of_oxygen}))
    return tuple(sets if name == "T2K-I+II" else sets[::2])


def _chambers() -> list[Module]:
    return [DETECTOR[name] for name in I.selection.decay_modules]


def projected(panel: Panel, parts: Mapping[str, Plane], sets: Sequence[DataSet]) -> Plane:
    """The plane of data sets together, from those of today's events by part, which are filled."""
    one = next(iter(parts.values()))
    plane = replace(
        one, analysis=reduce(add, (s.analysis for s in sets)), counted=None, bins=(0, None), projected=True
    )
    for reading in one.events:
        of_set = [sum(parts[p].events[reading] * factor for p, factor in s.factors.items()) for s in sets]
        plane.events[reading] = np.concatenate(of_set, axis=-1)
    return plane

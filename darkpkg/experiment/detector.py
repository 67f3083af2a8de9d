"""The detector: boxes, what they are made of, where N is made in them, and its straight flight through them.

Begin with `ND280`, a `Detector` read from ``data/detector/nd280``, and `place`. Lengths are in cm, masses in grams;
the beam runs along z through the middle of every box.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.events import Events, PlacedEvents
from darkpkg.experiment.flux import BEAMS
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.nuclei import NUCLEI, Nucleus, elements
from darkpkg.streams import random_stream
from darkpkg.units import cm, tonne

Array = NDArray[np.float64]

__all__ = ["ND280", "Box", "Detector", "Module", "place"]


@dataclass(frozen=True)
class Box:
    """A box with edges along the axes, from ``low`` to ``high``, both (x, y, z) in cm."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not np.all(np.less(self.low, self.high)):
            raise ValueError(f"a box must extend in all directions, got low {self.low} and high {self.high}")

    @classmethod
    def centred(cls, width_x: float, width_y: float, length_z: float, z_begin: float) -> Box:
        """A box with the beam axis in its middle."""
        return cls((-width_x / 2, -width_y / 2, z_begin), (width_x / 2, width_y / 2, z_begin + length_z))

    @property
    def volume(self) -> float:
        """Volume in cm³."""
        return float(np.prod(np.subtract(self.high, self.low)))

    def contains(self, point: Array) -> NDArray[np.bool_]:
        """Whether each point (..., 3) lies in the box."""
        return np.all((point >= self.low) & (point <= self.high), axis=-1)

    def overlaps(self, other: Box) -> bool:
        """Whether the two boxes share a volume."""
        return bool(np.all(np.less(self.low, other.high)) and np.all(np.less(other.low, self.high)))

    def uniform(self, random: Array) -> Array:
        """Points (n, 3) that fill the box evenly, from uniform numbers (n, 3) in [0, 1)."""
        return np.array(self.low) + random * np.subtract(self.high, self.low)

    def chord(self, origin: Array, direction: Array) -> tuple[Array, Array]:
        """Distances (n,) at which rays enter and leave the box; equal where a ray misses it.

        ``origin`` and ``direction`` (n, 3), directions of length one. A ray begins at its origin: nothing behind it
        counts, and one that begins inside enters at zero.
        """
        enter, leave = np.zeros(len(origin)), np.full(len(origin), np.inf)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for axis in range(3):
                to_low = (self.low[axis] - origin[:, axis]) / direction[:, axis]
                to_high = (self.high[axis] - origin[:, axis]) / direction[:, axis]
                # A ray parallel to a face and in its plane gives 0/0, which fmin and fmax pass over.
                enter = np.fmax(enter, np.minimum(to_low, to_high))
                leave = np.fmin(leave, np.maximum(to_low, to_high))
        leave = np.maximum(leave, 0.0)
        missed = leave <= enter
        return np.where(missed, 0.0, enter), np.where(missed, 0.0, leave)


@dataclass(frozen=True)
class Module:
    """A homogeneous part of the detector.

    ``mass`` in grams; ``composition`` gives the mass fraction of each element by symbol; ``fiducial``, if any, is the
    box in which decays are looked for.
    """

    name: str
    active: Box
    mass: float
    composition: Mapping[str, float]
    fiducial: Box | None = None

    def __post_init__(self) -> None:
        total = sum(self.composition.values())
        if abs(total - 1) > 1e-9 or min(self.composition.values()) < 0:
            raise ValueError(
                f"mass fractions of {self.name} must add up to 1, got {total:g}: {dict(self.composition)}"
            )
        if self.mass <= 0:
            raise ValueError(f"mass of {self.name} must be positive, got {self.mass}")

    def number_of_nuclei(self, element: str) -> float:
        """Nuclei of an element in the active volume."""
        return elements()[element].number_of_nuclei(self.mass * self.composition.get(element, 0.0))


@dataclass(frozen=True)
class Detector:
    """Modules that do not overlap; N decays visibly in the fiducial boxes of the modules in ``decay_modules``."""

    name: str
    modules: tuple[Module, ...]
    decay_modules: tuple[str, ...]

    def __post_init__(self) -> None:
        for i, first in enumerate(self.modules):
            for second in self.modules[i + 1 :]:
                if first.active.overlaps(second.active):
                    raise ValueError(f"modules {first.name} and {second.name} of {self.name} overlap")
        if not self.decay_modules:
            raise ValueError(f"{self.name} needs at least one module in which decays are seen")
        fiducial = [module.name for module in self.modules if module.fiducial]
        for name in self.decay_modules:
            if name not in fiducial:
                raise ValueError(f"{name} must be a module of {self.name} with a fiducial volume: {fiducial}")

    @classmethod
    def from_table(cls, name: str, table: pd.DataFrame, decay_modules: tuple[str, ...]) -> Detector:
        """Build a detector from a table with the columns of ``data/detector/nd280``."""
        return cls(name, tuple(_module(row) for _, row in table.iterrows()), decay_modules)

    @property
    def decay_volumes(self) -> tuple[Box, ...]:
        """The boxes in which a decay of N is seen."""
        return tuple(m.fiducial for m in self.modules if m.name in self.decay_modules and m.fiducial is not None)

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements in the detector by symbol, in the order of their atomic number."""
        present = {element for module in self.modules for element, share in module.composition.items() if share > 0}
        return tuple(sorted(present, key=lambda symbol: elements()[symbol].Z))

    @property
    def nuclei(self) -> dict[str, Nucleus]:
        """The nucleus of each element."""
        return {symbol: elements()[symbol].nucleus for symbol in self.elements}

    @property
    def targets(self) -> dict[str, Nucleus]:
        """The nucleus of each element that scatters coherently: all but hydrogen."""
        return {symbol: nucleus for symbol, nucleus in self.nuclei.items() if nucleus.name in NUCLEI}

    def number_of_nuclei(self, element: str) -> float:
        """Nuclei of an element in all active volumes."""
        return sum(module.number_of_nuclei(element) for module in self.modules)


def _module(row: pd.Series) -> Module:
    composition = {symbol: float(row[symbol]) for symbol in elements() if row.get(symbol, 0.0) > 0}
    active = Box.centred(row.width_x * cm, row.width_y * cm, row.length_z * cm, row.z_begin * cm)
    fiducial = None
    if np.isfinite(row.fiducial_x):
        fiducial = Box.centred(
            row.fiducial_x * cm, row.fiducial_y * cm, row.fiducial_z * cm, row.fiducial_z_begin * cm
        )
    return Module(str(row.module), active, float(row.mass) * tonne, MappingProxyType(composition), fiducial)


ND280 = Detector.from_table("ND280", datasets.read("detector/nd280"), ("TPC1", "TPC2", "TPC3"))
"""The near detector of T2K, Table II: P∅D, two FGDs and three argon chambers, in whose fiducial volumes N is seen."""


def place(events: Events, detector: Detector, seed: int) -> PlacedEvents:
    """Give each event a vertex in the detector and follow N on a straight line through the decay volumes.

    An event on some nucleus falls into a module in proportion to the number of such nuclei there, and uniformly
    within it. Each beam and nucleus has its own random numbers. Raises `ValueError` for a target that the detector
    lacks.
    """
    symbols = {nucleus.pdg_code: symbol for symbol, nucleus in detector.nuclei.items()}
    vertex = np.empty((len(events), 3))
    module = np.empty(len(events), dtype=f"U{max(len(m.name) for m in detector.modules)}")
    for code in np.unique(events.target).tolist():
        if code not in symbols:
            raise ValueError(f"target must be a nucleus of {detector.name}, one of {symbols}, got {code}")
        share = np.cumsum([m.number_of_nuclei(symbols[code]) for m in detector.modules])
        for beam in BEAMS:
            chosen = np.flatnonzero((events.target == code) & (events.beam == beam))
            random = random_stream(seed, "place", beam, code).random((len(chosen), 4))
            index = np.searchsorted(share / share[-1], random[:, 3], side="right")
            for i in np.unique(index):
                here = index == i
                vertex[chosen[here]] = detector.modules[i].active.uniform(random[here, :3])
                module[chosen[here]] = detector.modules[i].name
    direction = events.p_N[:, 1:] / momentum(events.p_N)[:, None]
    chords = [box.chord(vertex, direction) for box in detector.decay_volumes]
    entry, leave = (np.stack(ends, axis=-1) for ends in zip(*chords, strict=True))
    counts = {str(code): detector.number_of_nuclei(symbol) for code, symbol in symbols.items()}
    placed = {"name": detector.name, "seed": seed, "decay_volumes": list(detector.decay_modules), "targets": counts}
    columns = {field.name: getattr(events, field.name) for field in dataclasses.fields(Events)}
    columns["provenance"] = {**events.provenance, "detector": placed}
    return PlacedEvents(**columns, vertex=vertex, module=module, entry=entry, exit=leave)

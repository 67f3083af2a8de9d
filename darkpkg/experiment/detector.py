"""The detector: boxes, what they are made of, where N is made in them, and its straight flight through them.

Begin with `ND280`, a `Detector` read from ``data/detector/nd280``, and `place`; `load` reads one of your own. Lengths
are in cm, masses in grams; the beam runs along the z axis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from darkpkg import datasets
from darkpkg.inputs import Frozen, check_kinds, one_of, real_number, real_numbers, tuple_of
from darkpkg.physics.nuclei import Nucleus, Proton, elements
from darkpkg.units import cm, tonne

Array = NDArray[np.float64]

__all__ = ["ND280", "ND280_UPGRADE", "Box", "Detector", "Module"]


_FARTHEST = 1e15
"""cm, a hundred astronomical units."""


@dataclass(frozen=True)
class Box:
    """A box with edges along the axes, from ``low`` to ``high``, both (x, y, z) in cm."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            corner = real_numbers(name, getattr(self, name), -_FARTHEST, _FARTHEST)
            if corner.shape != (3,):
                raise ValueError(f"{name} must be a corner (x, y, z), got {getattr(self, name)}")
            object.__setattr__(self, name, tuple(corner.tolist()))
        if not np.all(np.less(self.low, self.high)):
            raise ValueError(f"a box must extend in all directions, got low {self.low} and high {self.high}")

    @classmethod
    def centred(
        cls, width_x: float, width_y: float, length_z: float, z_begin: float, centre: tuple[float, float] = (0.0, 0.0)
    ) -> Box:
        """A box around ``centre`` (x, y), by default the beam axis."""
        x, y = centre
        return cls(
            (x - width_x / 2, y - width_y / 2, z_begin), (x + width_x / 2, y + width_y / 2, z_begin + length_z)
        )

    @property
    def volume(self) -> float:
        """Volume in cm³."""
        return float(np.prod(np.subtract(self.high, self.low)))

    def contains(self, point: ArrayLike) -> NDArray[np.bool_]:
        """Whether each point (..., 3) lies in the box."""
        return np.all(np.greater_equal(point, self.low) & np.less_equal(point, self.high), axis=-1)

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
        missed = leave <= enter  # as is any box behind the origin
        return np.where(missed, 0.0, enter), np.where(missed, 0.0, leave)


@dataclass(frozen=True)
class Module:
    """A homogeneous part of the detector.

    ``mass`` in grams; ``composition`` gives the mass fraction of each element by symbol; ``fiducial``, if any, is the
    box in which decays, or vertices, are looked for.
    """

    name: str
    active: Box
    mass: float
    composition: Mapping[str, float]
    fiducial: Box | None = None

    def __post_init__(self) -> None:
        check_kinds(
            name=(self.name, str),
            active=(self.active, Box),
            composition=(self.composition, Mapping),
            fiducial=(self.fiducial, (Box, type(None))),
        )
        for symbol in self.composition:
            one_of(f"composition of {self.name}", symbol, elements())
        for what, number in (("mass", self.mass), *self.composition.items()):
            real_number(f"{what} of {self.name}", number)
        object.__setattr__(self, "mass", float(self.mass))
        total = sum(self.composition.values())
        if not self.composition or not abs(total - 1) <= 1e-9 or min(self.composition.values()) < 0:
            raise ValueError(
                f"mass fractions of {self.name} must add up to 1, got {total:g}: {dict(self.composition)}"
            )
        if not 0 < self.mass < np.inf:
            raise ValueError(f"mass of {self.name} must be positive, got {self.mass}")
        if self.fiducial and not self.active.contains([self.fiducial.low, self.fiducial.high]).all():
            raise ValueError(f"fiducial box of {self.name} must lie in its active one, got {self.fiducial}")
        if self.density > LARGEST_DENSITY:
            raise ValueError(f"density of {self.name} must be below {LARGEST_DENSITY:g} g/cm³, got {self.density:g}")

    @property
    def density(self) -> float:
        """Mass over active volume in g/cm³."""
        return self.mass / self.active.volume

    @property
    def fiducial_mass(self) -> float:
        """Mass in the fiducial box in grams, as the module is homogeneous; zero without one."""
        return self.density * self.fiducial.volume if self.fiducial else 0.0

    @property
    def material(self) -> str:
        """The element that weighs most, by symbol."""
        return max(self.composition, key=self.composition.__getitem__)

    def mass_of(self, element: str) -> float:
        """Mass of an element in the active volume in grams."""
        return self.mass * self.composition.get(element, 0.0)

    def number_of_nuclei(self, element: str) -> float:
        """Nuclei of an element in the active volume."""
        return elements()[element].number_of_nuclei(self.mass_of(element))


LARGEST_DENSITY = 23.0
"""g/cm³: no element is denser than osmium, 22.6 g/cm³."""


@dataclass(frozen=True)
class Detector:
    """Modules that do not overlap. Where vertices and decays are looked for is up to the selection of an analysis."""

    name: str
    modules: tuple[Module, ...]

    def __post_init__(self) -> None:
        check_kinds(name=(self.name, str))
        object.__setattr__(self, "modules", tuple_of("modules", self.modules, Module))
        names = [module.name for module in self.modules]
        if not names:
            raise ValueError(f"modules of {self.name} must be at least one module, got none")
        for name, times in Counter(names).items():
            if times > 1:
                raise ValueError(f"modules of {self.name} need names of their own, but {name} is there twice")
        low, high = (np.array([getattr(m.active, end) for m in self.modules]) for end in ("low", "high"))
        for i, first in enumerate(self.modules):
            shared = np.all((low[i] < high[i + 1 :]) & (low[i + 1 :] < high[i]), axis=1)
            if shared.any():
                second = self.modules[i + 1 + int(shared.argmax())]
                raise ValueError(f"modules {first.name} and {second.name} of {self.name} overlap")

    @classmethod
    def from_table(cls, name: str, table: pd.DataFrame) -> Detector:
        """Build a detector from a table with the columns of ``data/detector/nd280``, one module a row.

        ``x_centre`` and ``y_centre`` (cm) are optional: without them a box stands on the beam axis. So is
        ``fiducial_mass``, which is not used. Elements that a table does not name are absent. Raises `ValueError` that
        names module, column and rule.
        """
        missing = [column for column in _COLUMNS if column not in table]
        unknown = [column for column in table if column not in (*_COLUMNS, *_OPTIONAL, *elements())]
        if missing or unknown:
            raise ValueError(f"table of {name} lacks the columns {missing} and has unknown ones {unknown}")
        return cls(name, tuple(_module(row) for _, row in table.iterrows()))

    def only(self, modules: Sequence[str], name: str | None = None) -> Detector:
        """The detector of just these modules, where they are. Raises `KeyError` for one that is not there."""
        return Detector(name or f"{', '.join(modules)} of {self.name}", tuple(self[module] for module in modules))

    def __getitem__(self, name: str) -> Module:
        """The module of that name. Raises `KeyError` that says which there are."""
        for module in self.modules:
            if module.name == name:
                return module
        raise KeyError(f"{self.name} has no module {name!r}, only {', '.join(m.name for m in self.modules)}")

    @property
    def fiducial_boxes(self) -> dict[str, Box]:
        """The fiducial box of each module that has one."""
        return {module.name: module.fiducial for module in self.modules if module.fiducial is not None}

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
        return {symbol: nucleus for symbol, nucleus in self.nuclei.items() if not isinstance(nucleus, Proton)}

    def number_of_nuclei(self, element: str) -> float:
        """Nuclei of an element in all active volumes."""
        return sum(module.number_of_nuclei(element) for module in self.modules)


_COLUMNS = ("module", "width_x", "width_y", "length_z", "z_begin", "mass")
_FIDUCIAL = ("fiducial_x", "fiducial_y", "fiducial_z", "fiducial_z_begin")
_COLUMNS = (*_COLUMNS, *_FIDUCIAL)
_OPTIONAL = ("x_centre", "y_centre", "fiducial_mass")


def _module(row: pd.Series) -> Module:
    if pd.isna(row.module):
        raise ValueError(f"each module must have a name, got {row.module!r} at z_begin = {row.z_begin}")
    numbers = {column: row[column] for column in row.index if column != "module"}
    for column, value in numbers.items():
        if not isinstance(value, float | int | np.number):
            raise ValueError(f"{column} of {row.module} must be a number, got {value!r}")
        if not np.isfinite(value) and not column.startswith("fiducial"):
            raise ValueError(f"{column} of {row.module} must be a number, got {value}")
        if np.isinf(value):
            raise ValueError(f"{column} of {row.module} must be finite or empty, got {value}")
        if column.startswith(("width", "length")) and value <= 0:
            raise ValueError(f"{column} of {row.module} must be positive, got {value}")
    composition = {symbol: float(row[symbol]) for symbol in elements() if row.get(symbol, 0.0) != 0}
    centre = row.get("x_centre", 0.0) * cm, row.get("y_centre", 0.0) * cm
    active = Box.centred(row.width_x * cm, row.width_y * cm, row.length_z * cm, row.z_begin * cm, centre)
    fiducial, present = None, np.isfinite([float(row[column]) for column in _FIDUCIAL])
    if present.any() and not present.all():
        raise ValueError(f"{row.module} must have all of {', '.join(_FIDUCIAL)} or none, got {present.sum()} of four")
    if present.all():
        size = row.fiducial_x * cm, row.fiducial_y * cm, row.fiducial_z * cm
        fiducial = Box.centred(*size, row.fiducial_z_begin * cm, centre)
    return Module(str(row.module), active, float(row.mass) * tonne, Frozen(composition), fiducial)


def _nd280() -> Detector:
    return Detector.from_table("ND280", datasets.read("detector/nd280"))


def _nd280_tracker() -> Detector:
    return _nd280().only(("TPC1", "FGD1", "TPC2", "FGD2", "TPC3"), "ND280 tracker")


def _nd280_upgrade() -> Detector:
    return Detector.from_table("upgraded ND280", datasets.read("detector/nd280_upgrade"))


ND280: Detector
"""The near detector of T2K, Table II: P∅D, two FGDs and three argon chambers."""

ND280_TRACKER: Detector
"""What stands behind the P∅D. A light dark photon makes N decay at once, where it is made: if Z′ decays there, too,
events in the P∅D count in no analysis, and a sample without them has many times more that do. A Z′ that flies some
centimetres or more comes from the P∅D into the chambers: then take `ND280`."""

ND280_UPGRADE: Detector
"""ND280 with two argon chambers above and below a Super-FGD in the place of the P∅D: T2K, arXiv:1901.03750."""

__getattr__ = datasets.when_needed(
    globals(), ND280=_nd280, ND280_TRACKER=_nd280_tracker, ND280_UPGRADE=_nd280_upgrade
)

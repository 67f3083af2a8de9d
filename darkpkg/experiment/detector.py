"""The detector: its parts, what they are made of, and where decays are looked for in them.

Begin with `ND280`, a `Detector` read from ``data/detector/nd280``; `load_detector` reads one of your own. Lengths are
in cm, masses in grams; the beam runs along the z axis.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkpkg import datasets
from darkpkg.experiment.volumes import Box, Volume
from darkpkg.inputs import POSITIVE, Array, Frozen, check_kinds, named, one_of, real_number, rule, settle, tuple_of
from darkpkg.physics.nuclei import Element, Nucleus, Proton, elements
from darkpkg.units import tonne

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ND280", "ND280_UPGRADE", "Detector", "Module"]


@dataclass(frozen=True)
class Module:
    """A part of the detector of one material.

    Parameters
    ----------
    name
        Its own within the detector.
    active
        All of it: a `Box`, a `Sphere`, a `Cylinder` or a `Volume` of your own.
    mass
        In grams.
    composition
        Mass fraction of each element, by symbol or as an `Element` of your own.
    fiducial
        The volume in which decays, or vertices, are looked for, if any.
    mass_within
        In grams, what was weighed or printed of the fiducial volume; without it the module is as dense there as
        elsewhere.

    Raises
    ------
    TypeError, ValueError
        For fractions that do not add up to one, a fiducial volume that is not inside, and what is denser than osmium.

    Examples
    --------
    >>> tank = Sphere((0, 0, 54100), 610.6)
    >>> Module("oil", tank, 0.845 * tank.volume, {"C": 0.86, "H": 0.14}, fiducial=Sphere((0, 0, 54100), 500))
    Module(name='oil', active=Sphere(centre=(0.0, 0.0, 54100.0), radius=610.6), ...
    """

    name: str
    active: Volume
    mass: float
    composition: Mapping[str | Element, float]
    fiducial: Volume | None = None
    mass_within: float | None = None

    def __post_init__(self) -> None:
        settle(self, name=str, active=Volume, composition=Mapping, fiducial=(Volume, None))
        owner = f" of {self.name}"
        for key in self.composition:
            if not isinstance(key, Element):
                one_of(f"composition{owner}", key, elements())
        settle(self, owner, mass=POSITIVE)
        total = sum(real_number(f"{symbol} of {self.name}", share) for symbol, share in self.shares.items())
        if len(self.shares) < len(self.composition) or not abs(total - 1) <= 1e-9 or min(self.shares.values()) < 0:
            raise ValueError(f"mass fractions of {self.name} must add up to 1, got {total:g}: {self.shares}")
        if self.fiducial and not self.active.holds(self.fiducial):
            raise ValueError(f"fiducial volume of {self.name} must lie in its active one, got {self.fiducial}")
        if self.mass_within is not None:
            if not self.fiducial or self.fiducial == self.active:
                raise ValueError(f"mass_within of {self.name} must be of a fiducial volume inside the active one")
            settle(self, owner, mass_within=POSITIVE)
            if self.mass < self.mass_within:
                raise ValueError(f"mass{owner} must be at least its mass_within, {self.mass_within}, got {self.mass}")
        if self.density > LARGEST_DENSITY:
            raise ValueError(f"density of {self.name} must be below {LARGEST_DENSITY:g} g/cm³, got {self.density:g}")

    @property
    def shares(self) -> dict[str, float]:
        """Mass fraction of each element, by symbol."""
        return {key.symbol if isinstance(key, Element) else key: share for key, share in self.composition.items()}

    @property
    def elements(self) -> dict[str, Element]:
        """What the module is made of, by symbol."""
        found = (key if isinstance(key, Element) else elements()[key] for key, n in self.composition.items() if n > 0)
        return {element.symbol: element for element in found}

    @property
    def density(self) -> float:
        """Mass over active volume in g/cm³."""
        return self.mass / self.active.volume

    @property
    def fiducial_mass(self) -> float:
        """Mass in the fiducial volume in grams; zero without one."""
        if self.mass_within is not None:
            return self.mass_within
        return self.density * self.fiducial.volume if self.fiducial else 0.0

    def relative_density(self, vertex: Array) -> Array:
        """Density at each vertex (n, 3) in the module over that of the whole: (n,)."""
        if self.mass_within is None or self.fiducial is None:
            return np.ones(len(vertex))
        share, inside = self.fiducial.volume / self.active.volume, self.mass_within / self.mass
        return np.where(self.fiducial.contains(vertex), inside / share, (1 - inside) / (1 - share))

    @property
    def material(self) -> str:
        """The element that weighs most, by symbol."""
        return max(self.shares, key=self.shares.__getitem__)

    def number_of_nuclei(self, element: str) -> float:
        """Nuclei of an element, by symbol, in the active volume."""
        share = self.shares.get(element, 0.0)
        return self.elements[element].number_of_nuclei(self.mass * share) if share else 0.0


LARGEST_DENSITY = 23.0
"""g/cm³: no element is denser than osmium, 22.6 g/cm³."""


@dataclass(frozen=True)
class Detector:
    """Modules that do not overlap. Where vertices and decays are looked for is up to the selection of an analysis.

    Parameters
    ----------
    name
        For labels and errors.
    modules
        One or more, with names of their own.

    Raises
    ------
    TypeError, ValueError
        For the same name twice, modules that overlap, and a symbol that is one element here and another there.
    """

    name: str
    modules: tuple[Module, ...]

    def __post_init__(self) -> None:
        settle(self, name=str, modules=rule(tuple_of, Module))
        if not self.modules:
            raise ValueError(f"modules of {self.name} must be at least one module, got none")
        names = [module.name for module in self.modules]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise ValueError(f"modules of {self.name} need names of their own, but {name} is there twice")
        known: dict[str, Element] = {}
        for module in self.modules:
            for symbol, element in module.elements.items():
                if known.setdefault(symbol, element) != element:
                    raise ValueError(f"{symbol} must be one element in {self.name}, but is another in {module.name}")
        low, high = (np.array([getattr(m.active, end) for m in self.modules]) for end in ("low", "high"))
        near = np.all((low[:, None] < high) & (low < high[:, None]), axis=2)
        for i, j in np.argwhere(np.triu(near, 1)):
            if self.modules[i].active.overlaps(self.modules[j].active):
                raise ValueError(f"modules {names[i]} and {names[j]} of {self.name} overlap")

    @classmethod
    def from_table(cls, name: str, table: pd.DataFrame) -> Detector:
        """Build a detector from a table with the columns of ``data/detector/nd280``, one module a row.

        Parameters
        ----------
        name
            Of the detector.
        table
            Lengths in cm, masses in tonnes, mass fractions by chemical symbol; elements that it does not name are
            absent. ``x_centre`` and ``y_centre`` (cm) are optional: without them a box stands on the beam axis. So is
            ``fiducial_mass`` (tonnes), the `Module.mass_within`.

        Returns
        -------
        Detector

        Raises
        ------
        ValueError
            That names module, column and rule.
        """
        if not hasattr(table, "to_dict"):
            raise TypeError(f"table must be a data frame, as pandas has it, got {table!r:.80}")
        missing = [column for column in _COLUMNS if column not in table]
        unknown = [column for column in table if column not in (*_COLUMNS, *_OPTIONAL, *elements())]
        if missing or unknown:
            raise ValueError(f"table of {name} lacks the columns {missing} and has unknown ones {unknown}")
        return cls(name, tuple(map(_module, table.to_dict("records"))))

    def only(self, modules: Sequence[str], name: str | None = None) -> Detector:
        """The detector of just these modules, where they are. Raises `KeyError` for one that is not there.

        Examples
        --------
        >>> [module.name for module in ND280.only(["TPC1", "TPC2"]).modules]
        ['TPC1', 'TPC2']
        """
        modules = tuple_of("modules", modules, str)
        check_kinds(name=(name, (str, None)))
        return Detector(name or f"{', '.join(modules)} of {self.name}", tuple(self[module] for module in modules))

    def __getitem__(self, name: str) -> Module:
        """The module of that name. Raises `KeyError` that names those there are."""
        return named(self.modules, "module", name, self.name)

    @property
    def fiducial_volumes(self) -> dict[str, Volume]:
        """The fiducial volume of each module that has one."""
        return {module.name: module.fiducial for module in self.modules if module.fiducial is not None}

    @property
    def nuclei(self) -> dict[str, Nucleus]:
        """The nucleus of each element in the detector by symbol, in the order of their atomic number."""
        found = {symbol: one.nucleus for module in self.modules for symbol, one in module.elements.items()}
        return dict(sorted(found.items(), key=lambda item: item[1].Z))

    @property
    def targets(self) -> dict[str, Nucleus]:
        """The nucleus of each element that scatters coherently: all but hydrogen."""
        return {symbol: nucleus for symbol, nucleus in self.nuclei.items() if not isinstance(nucleus, Proton)}

    def number_of_nuclei(self, element: str) -> float:
        """Nuclei of an element in all active volumes."""
        return sum(module.number_of_nuclei(element) for module in self.modules)


def check_fiducial(field: str, names: Iterable[str], detector: str, known: Collection[str]) -> None:
    """Raise `ValueError` that names a module that the detector does not have, or without a fiducial volume."""
    for name in names:
        if name not in known:
            raise ValueError(
                f"{field} must be of {detector} and have a fiducial volume, as {', '.join(known)} do, got {name!r}"
            )


_BOX = ("width_x", "width_y", "length_z", "z_begin")
_FIDUCIAL = ("fiducial_x", "fiducial_y", "fiducial_z", "fiducial_z_begin")
_COLUMNS = ("module", *_BOX, "mass", *_FIDUCIAL)
_EMPTY = ("fiducial_mass", *_FIDUCIAL)
_OPTIONAL = ("x_centre", "y_centre", "fiducial_mass")


def _module(row: Mapping[str, Any]) -> Module:
    name = row["module"]
    if not isinstance(name, str):
        raise ValueError(f"each module must have a name, got {name!r} at z_begin = {row['z_begin']}")
    fiducial = [column for column in _FIDUCIAL if row[column] == row[column]]  # not empty, which is nan
    if len(fiducial) not in (0, len(_FIDUCIAL)):
        raise ValueError(f"{name} must have all of {', '.join(_FIDUCIAL)} or none, got {len(fiducial)} of four")
    sizes = (*_BOX[:3], *fiducial[:3])
    numbers = {
        column: real_number(f"{column} of {name}", row[column], -1e15, 1e15, positive=column in sizes)
        for column in row
        if column != "module" and (column not in _EMPTY or row[column] == row[column])
    }
    centre = numbers.get("x_centre", 0.0), numbers.get("y_centre", 0.0)
    active, *inner = (_box([numbers[column] for column in box], centre) for box in (_BOX, fiducial) if box)
    shares: Any = Frozen({symbol: numbers[symbol] for symbol in elements() if numbers.get(symbol)})
    within = numbers["fiducial_mass"] * tonne if inner and "fiducial_mass" in numbers else None
    return Module(name, active, numbers["mass"] * tonne, shares, inner[0] if inner else None, within)


def _box(numbers: Sequence[float], centre: tuple[float, float]) -> Box:
    width_x, width_y, length_z, z_begin = numbers
    return Box.centred(width_x, width_y, length_z, z_begin, centre)


ND280: Detector
"""The near detector of T2K, Table II: P∅D, two FGDs and three argon chambers."""

ND280_TRACKER: Detector
"""What is behind the P∅D. With a light dark photon N decays at once: if Z′ decays there, too, events in the P∅D count
in no analysis, and a sample without them has many times more that do. A Z′ that flies some centimetres or more comes
from the P∅D into the chambers: then take `ND280`."""

ND280_UPGRADE: Detector
"""ND280 with two argon chambers above and below a Super-FGD in the place of the P∅D: T2K, arXiv:1901.03750."""


def _published(name: str, table: str) -> Detector:
    return Detector.from_table(name, datasets.read(f"detector/{table}"))


_TRACKER = ("TPC1", "FGD1", "TPC2", "FGD2", "TPC3")

__getattr__ = datasets.when_needed(
    globals(),
    ND280=lambda: _published("ND280", "nd280"),
    ND280_TRACKER=lambda: _published("ND280", "nd280").only(_TRACKER, "ND280 tracker"),
    ND280_UPGRADE=lambda: _published("upgraded ND280", "nd280_upgrade"),
)

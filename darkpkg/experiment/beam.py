"""Neutrino beams: a spectrum for each flavour that upscatters.

Begin with ``Beam("FHC", {14: Flux.from_file("numu.csv", pot=1e21, per=50 * MeV)})``. Flavours are PDG codes: ν_e 12
and ν_μ 14, negative for antineutrinos.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.inputs import Array, Frozen, check_kinds, locked, one_of, real_number, real_numbers, settle, small_text
from darkpkg.units import GeV, cm

FLAVOURS = (14, -14, 12, -12)
"""PDG codes of the neutrinos that a beam may have: ν_μ, ν̄_μ, ν_e and ν̄_e."""


@dataclass(frozen=True, eq=False)
class Flux:
    """A spectrum that is constant within bins.

    Fluxes of the same numbers are equal.

    Parameters
    ----------
    edges
        Of the bins, (n+1,) in GeV.
    density
        Constant within a bin, (n,) in neutrinos / cm² / GeV / POT.

    Raises
    ------
    ValueError
        Unless the edges increase from zero or above, and the densities are finite, not negative and somewhere
        positive.

    Examples
    --------
    >>> Flux([0.0, 1.0, 3.0], [2e-9, 1e-9]).cumulative.tolist()
    [0.0, 2e-09, 4e-09]
    """

    edges: Array
    density: Array

    def __post_init__(self) -> None:
        settle(self, edges=_numbers, density=_numbers)
        edges, density = self.edges, self.density
        if edges.ndim != 1 or density.shape != (len(edges) - 1,):
            shapes = f"{edges.shape} and {density.shape}"
            raise ValueError(f"edges and density must have shapes (n+1,) and (n,), got {shapes}")
        if not np.all(np.diff(edges) > 0):
            raise ValueError(f"edges must increase, got {edges.tolist()}")
        if not density.any():
            raise ValueError(f"density must be positive somewhere, got {density.tolist()}")

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        pot: float,
        per: float | str,
        column: str | int = -1,
        energy: float = GeV,
        area: float = cm**2,
        points: bool = False,
    ) -> Flux:
        """A flux from a text table, of bins or of points, whose units are stated here.

        Parameters
        ----------
        path
            Columns divided by commas or spaces, with or without a line of names; what follows a # is a comment. The
            first two are the lower and the upper edge of a bin; bins follow each other without gaps.
        pot
            Protons on target that the values are for, such as 1e21.
        per
            Energy in GeV that the values are per, such as ``50 * MeV``, or ``"bin"`` if they count the neutrinos of
            each bin, however wide.
        column
            Name or number of the column of values; the last by default.
        energy, area
            Units of the energies, in GeV, and of the area that the values are per, in cm²: 1e4 for m².
        points
            The first column alone is an energy, in the middle of its bin: bins end half way to their neighbours, the
            outermost as far from their middle on either side.

        Returns
        -------
        Flux
            From the first bin to the last that is not empty.

        Raises
        ------
        ValueError
            That names the file, the column, the line, the value and the rule.

        Examples
        --------
        >>> from darkpkg import datasets
        >>> path = datasets.path("flux/nd280_fhc")
        >>> Flux.from_file(path, pot=1e21, per=0.05, column="numu").edges[:3].tolist()
        [0.0, 0.05, 0.1]
        """
        counts = isinstance(per, str) and one_of("per", per, ("bin",)) == "bin"
        units = {"pot": pot, "energy": energy, "area": area} | ({} if counts else {"per": per})
        value = {name: real_number(name, unit, 1e-40, 1e60, positive=True) for name, unit in units.items()}
        check_kinds(path=(path, (str, os.PathLike)), points=(points, bool), column=(column, (str, int)))
        names, lines, words = _table(path)
        if column not in names and not (isinstance(column, int) and -len(names) <= column < len(names)):
            raise ValueError(f"{path}: column must be a name or number of {', '.join(names)}, got {column!r}")
        if names.count(str(column)) > 1:
            raise ValueError(f"{path}: column must be the name of one column, got {column!r}, which several have")
        at = names.index(column) if isinstance(column, str) else column % len(names)
        if at < (1 if points else 2):
            raise ValueError(f"{path}: column of values must come after the energies, got {names[at]}")
        table = np.array([[_number(word) for word in row] for row in words])
        for i, wrong, rule in _rules(names, table, at, points):
            for row in np.flatnonzero(wrong)[:1]:
                raise ValueError(f"{path}, line {lines[row]}, column {names[i]}: must be {rule}, got {words[row][i]}")
        last = int(np.max(np.flatnonzero(table[:, at]), initial=0)) + 1
        try:
            ends = _edges_of_points(table[:, 0]) if points else np.append(table[:, 0], table[-1, 1])
            edges = value["energy"] * ends
            width = np.diff(edges) if counts else value["per"]
            density = table[:, at] / width / value["pot"] / value["area"]
            return cls(edges[: last + 1], density[:last])
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Flux):
            return NotImplemented
        return np.array_equal(self.edges, other.edges) and np.array_equal(self.density, other.density)

    def __hash__(self) -> int:
        return hash(self.checksum)

    @property
    def checksum(self) -> str:
        """16 hexadecimal digits that differ if any number does."""
        return hashlib.sha256(self.edges.tobytes() + self.density.tobytes()).hexdigest()[:16]

    def __call__(self, energy: ArrayLike) -> Array:
        """Density at ``energy`` (GeV) in neutrinos / cm² / GeV / POT; zero outside the table."""
        energy = real_numbers("energy", energy)
        padded = np.concatenate([[0.0], self.density, [0.0]])
        return padded[np.searchsorted(self.edges, energy, side="right")]

    @property
    def cumulative(self) -> Array:
        """Flux below each edge (n+1,) in neutrinos / cm² / POT; its last entry is the total."""
        return np.concatenate([[0.0], np.cumsum(self.density * np.diff(self.edges))])


@dataclass(frozen=True)
class Beam:
    """Neutrinos of one or more flavours that come together, such as those of a horn polarity.

    Parameters
    ----------
    name
        That channels of an analysis name.
    fluxes
        The `Flux` of each flavour by its PDG code (`FLAVOURS`). The first is the main one: its random numbers do not
        depend on which others there are.

    Raises
    ------
    TypeError, ValueError
        Without name or flux, and for another flavour.

    Examples
    --------
    >>> Beam("mine", {14: Flux([0.0, 1.0], [1e-9])})[14].density.tolist()
    [1e-09]
    """

    name: str
    fluxes: Mapping[int, Flux]

    def __post_init__(self) -> None:
        settle(self, name=str, fluxes=Mapping)
        if not self.name or not self.fluxes:
            raise ValueError(f"name and fluxes must not be empty, got {self.name!r} and {dict(self.fluxes)}")
        for flavour, flux in self.fluxes.items():
            if isinstance(flavour, bool) or flavour not in FLAVOURS:
                raise ValueError(f"fluxes of {self.name} must be of the flavours {FLAVOURS}, got {flavour!r}")
            check_kinds(fluxes=(flux, Flux))
        by_code: Any = {int(code): flux for code, flux in self.fluxes.items()}
        object.__setattr__(self, "fluxes", Frozen(by_code))

    def __getitem__(self, flavour: int) -> Flux:
        """The flux of a flavour. Raises `KeyError` that names those there are."""
        if flavour not in self.fluxes:
            raise KeyError(f"{self.name} has no flux of flavour {flavour}, only of {list(self.fluxes)}")
        return self.fluxes[flavour]

    @property
    def flux(self) -> Flux:
        """The flux of all flavours together."""
        edges = np.unique(np.concatenate([flux.edges for flux in self.fluxes.values()]))
        return Flux(edges, np.sum([flux(edges[:-1]) for flux in self.fluxes.values()], axis=0))


def _numbers(name: str, values: Any) -> Array:
    return locked(real_numbers(name, values, 0.0, np.finfo(float).max))


def _table(path: str | os.PathLike[str]) -> tuple[list[str], list[int], list[list[str]]]:
    """Names of the columns of a text table, and the number of each row's line and its words."""
    names: list[str] = []
    lines: list[int] = []
    rows: list[list[str]] = []
    for number, line in enumerate(small_text(path, 10_000_000).splitlines(), start=1):
        text = line.partition("#")[0].strip()
        words = re.split(r"\s*[,;]\s*|\s+", text)
        if words == [""]:
            continue
        if "," in text and ";" in text:
            raise ValueError(f"{path}, line {number}: must divide columns by commas or by semicolons, got {text!r}")
        if not names and np.isnan(_number(words[0])):
            if not np.isnan([*map(_number, words)]).all():
                raise ValueError(
                    f"{path}, line {number}: must be names of columns or numbers, got {', '.join(words)}"
                )
            names = words
            continue
        names = names or [str(i) for i in range(len(words))]
        if len(words) != len(names):
            raise ValueError(f"{path}, line {number}: must have {len(names)} columns, got {len(words)}")
        lines.append(number)
        rows.append(words)
    if not rows or len(names) < 2:
        raise ValueError(f"{path}: must hold a table of energies and fluxes, got {len(rows)} rows of numbers")
    return names, lines, rows


def _number(word: str) -> float:
    """The number that a word is, nan if it is none."""
    try:
        return np.nan if "_" in word else float(word)
    except ValueError:
        return np.nan


def _rules(names: list[str], table: Array, at: int, points: bool) -> Iterator[tuple[int, NDArray[np.bool_], str]]:
    """Columns, the rows that are wrong there, and what they must be."""
    for column in range(len(names)):
        yield column, ~np.isfinite(table[:, column]), "a finite number"
    if not points:
        low, high = table[:, 0], table[:, 1]
        yield 1, high <= low, f"above {names[0]}"
        yield 0, np.append(False, np.abs(low[1:] - high[:-1]) > 1e-9 * high[:-1]), f"the {names[1]} before it"
    yield at, table[:, at] < 0, "zero or more"


def _edges_of_points(middles: Array) -> Array:
    """Bins around their middles, which must be two or more."""
    if len(middles) < 2:
        raise ValueError(f"points must be two or more, got {len(middles)}")
    between = (middles[1:] + middles[:-1]) / 2
    if not 2 * middles[0] >= between[0]:
        raise ValueError(f"points must be in the middle of bins above zero, got {middles[:2].tolist()} as the first")
    return np.concatenate([[2 * middles[0] - between[0]], between, [2 * middles[-1] - between[-1]]])

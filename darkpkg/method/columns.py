"""What a column of events holds: unit, meaning, components and the rule of its numbers. Begin with `column_of`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg.inputs import integer_array, real_array, text_array

MOMENTA = ("p_N", "p_electron", "p_positron")
POINT = ("E_nu", "Q2", "s", "cos_Z", "cos_e", "phi_e", "azimuth_N", "azimuth_decay")
PAIR = ("electron_momentum", "electron_angle", "positron_momentum", "positron_angle")


def column_of(
    unit: str,
    meaning: str,
    components: tuple[str, ...] | None = (),
    *,
    rule: str | None = "finite",
    missing: float | None = None,
) -> Any:
    """A column of text without ``rule``, of integers if it is of their type, else of real numbers.

    ``components`` are those of a vector, () for one number an event, None for as many as there are fiducial volumes.
    A column that need not be given is ``missing`` everywhere.
    """
    about = {"unit": unit, "meaning": meaning, "components": components, "rule": rule, "missing": missing}
    return dataclasses.field(metadata=about, default=dataclasses.MISSING if missing is None else None)


def four_momentum(meaning: str) -> Any:
    """A column of four-momenta."""
    return column_of("GeV", meaning, ("E", "px", "py", "pz"), rule="finite and below 1e100 in size")


def cast(name: str, value: Any, about: Mapping[str, Any]) -> NDArray[Any]:
    """A column as an array of its type and shape, checked number by number."""
    rule, components = about["rule"], about["components"]
    if rule is None:
        found: NDArray[Any] = text_array(name, value)
    else:
        found = integer_array(name, value) if rule == "integer" else real_array(name, value, rule)
    wanted = ("n",) if components == () else ("n", len(components) if components else "volumes")
    fits = found.ndim == len(wanted) and (not components or found.shape[1] == len(components))
    if not fits:
        raise ValueError(f"{name} must have the shape ({', '.join(map(str, wanted))}), got {found.shape}")
    if rule == "in [0, 1] or nan" and np.isnan(found).any():
        found = np.where(np.isnan(found), np.nan, found)  # a file has one nan, whatever its sign bit
    return found


def is_one_of(column: NDArray[Any], known: Iterable[Any]) -> NDArray[np.bool_]:
    """Whether each entry is one of a few; `numpy.isin` would sort them all."""
    found = np.zeros(len(column), dtype=bool)
    for one in known:
        found |= column == one
    return found


def refuse(wrong: NDArray[np.bool_], name: str, rule: str, column: NDArray[Any]) -> None:
    """Raise `ValueError` that names the first of the ``wrong`` rows, if there are any, and how many there are."""
    rows = np.unique(np.nonzero(wrong)[0])
    if rows.size:
        first = column[rows[0]].tolist()
        raise ValueError(f"{name} must {rule}, but {rows.size} of {len(wrong)} do not: {first!r} at {rows[0]}")

"""An analysis of your own, from a small TOML file. Begin with `load_analysis`."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.experiment.selection import Cuts, Selection
from darkpkg.inputs import check_kinds, real_numbers, small_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["LARGEST_FILE", "load_analysis"]

LARGEST_FILE = 100_000
"""Bytes of a file; the example has a thousand."""

_TEXTS = ("name", "beam", "caveat")
_NAMES = ("decay_modules", "vertex_modules")
_LISTS = ("background", "observed", "mass_edges")
_LARGEST = float(np.finfo(float).max)
_POSITIVE, _NOT_NEGATIVE, _COSINE = (0.0, _LARGEST, True), (0.0, _LARGEST, False), (-1.0, 1.0, False)
_RANGES: Mapping[str, tuple[float, float, bool]] = {
    **dict.fromkeys(("pot", "max_mass", "max_t"), _POSITIVE),
    **dict.fromkeys(_LISTS, _NOT_NEGATIVE),
    **dict.fromkeys(("min_cos_opening", "min_cos_beam"), _COSINE),
    "systematic": (0.0, 10.0, False),
}
"""Lowest and highest number of this name, and whether it must be positive; all others are finite."""

_Kind = TypeVar("_Kind", bound="DataclassInstance")


def load_analysis(path: str | os.PathLike[str]) -> Analysis:
    """An analysis of your own, from a small TOML file.

    Its tables hold the fields of `Analysis`, `Selection`, `Cuts` and `Channel`, as in ``data/analysis/example.toml``:
    energies in GeV, exposures in protons on target, one number or a list with one for each bin.

    Parameters
    ----------
    path : path-like
        An ordinary file of at most `LARGEST_FILE` bytes.

    Returns
    -------
    Analysis
        One whose channels share their selection.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no readable TOML, or holds what no analysis has; names the file, the place in it, the value and the
        rule.

    Examples
    --------
    >>> from darkpkg import datasets
    >>> load_analysis(datasets.file("analysis/example.toml")).observed
    array([1., 0.])
    """
    check_kinds(path=(path, (str, os.PathLike)))
    path = Path(path)
    text = small_text(path, LARGEST_FILE)
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no readable TOML: {' '.join(str(error).split())[:300]}") from error
    try:
        return _analysis(content)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}, {' '.join(str(error).split())[:500]}") from error


def _analysis(content: dict[str, Any]) -> Analysis:
    if not isinstance(content.get("channels"), list):
        raise TypeError(f"channels must be tables [[channels]], got {content.get('channels')!r}")
    about = content.pop("selection", None)
    if isinstance(about, dict) and "cuts" in about:
        about["cuts"] = _made(Cuts, "selection.cuts", about["cuts"])
    selection = _made(Selection, "selection", about)
    channels = tuple(
        _made(Channel, f"channels[{i}]", channel, selection=selection)
        for i, channel in enumerate(content["channels"])
    )
    return _made(Analysis, "the whole file", content | {"channels": channels})


def _made(kind: type[_Kind], place: str, table: Any, **more: Any) -> _Kind:
    """An instance of a dataclass from a table of its fields, and ``more`` that is made already."""
    if not isinstance(table, dict):
        raise TypeError(f"{place} must be a table, got {table!r}")
    known = {f.name: f.default for f in dataclasses.fields(kind) if f.name not in ("response", *more)}
    for name in table:
        if name not in known:
            raise ValueError(f"{place}: a name must be one of {', '.join(known)}, got {name!r}")
    for name, default in known.items():
        if default is dataclasses.MISSING and name not in table:
            raise ValueError(f"{place} must have a value for {name}")
    values = {name: _value(f"{place}.{name}", name, value) for name, value in table.items()}
    try:
        return kind(**values, **more)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{place}: {error}") from error


def _value(place: str, name: str, value: Any) -> Any:
    """The value of a field, as its class wants it."""
    if name in ("cuts", "channels"):
        return value
    if name in _TEXTS:
        if not isinstance(value, str) or not (value or name == "caveat"):
            raise TypeError(f"{place} must be a text, got {value!r}")
        return value
    if name in _NAMES:
        if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
            raise TypeError(f"{place} must be a list of names of modules, got {value!r}")
        return tuple(value)
    low, high, positive = _RANGES.get(name, (-_LARGEST, _LARGEST, False))
    numbers = real_numbers(place, value, low, high, positive=positive)
    if name in _LISTS:
        return tuple(np.atleast_1d(numbers).tolist())
    if numbers.ndim:
        raise ValueError(f"{place} must be one number, got {value!r}")
    return float(numbers)

"""An analysis of your own, from a small TOML file. Begin with `load_analysis`."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.experiment.selection import Cuts, Selection
from darkpkg.inputs import check_kinds, real_number, small_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["LARGEST_FILE", "load_analysis"]

LARGEST_FILE = 100_000
"""Bytes of a file; the example has a thousand."""

_RANGES: Mapping[str, Mapping[str, Any]] = {
    "max_mass": {"positive": True},
    "max_t": {"positive": True},
    "min_cos_opening": {"low": -1.0, "high": 1.0},
    "min_cos_beam": {"low": -1.0, "high": 1.0},
    "systematic": {"low": 0.0, "high": 10.0},
}
"""What a number of this name may be in a file, beyond what its class takes: other values are typing errors."""

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
    >>> load_analysis(datasets.path("analysis/example.toml")).observed
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
    try:
        for name in table:
            if table[name] == "" and name != "caveat":
                raise ValueError(f"{name} must not be empty, got ''")
            if name in _RANGES:
                real_number(name, table[name], **_RANGES[name])
        # One number is a histogram of one bin.
        bins = {
            name: [table[name]] for name in ("background", "observed") if isinstance(table.get(name), int | float)
        }
        return kind(**table | bins, **more)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{place}: {error}") from error

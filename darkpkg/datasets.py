"""Find, describe and verify the input tables in ``data/``.

Each table is a CSV file with a manifest beside it, a TOML file of the same name that says what the numbers are,
where they come from, in which units, and what was done to them. Begin with `names` and `manifest`; `read` hands
out a table only after its checksum and columns agree with the manifest.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

__all__ = ["Column", "DataIntegrityError", "Manifest", "file", "manifest", "names", "path", "read", "verify"]

_SOURCE_TREE = Path(__file__).parent.parent / "data"
_INSTALLED = Path(__file__).parent / "_data"
_ROOT = _INSTALLED if _INSTALLED.is_dir() else _SOURCE_TREE


class DataIntegrityError(RuntimeError):
    """A file is not what its description says: altered, truncated, foreign or without a description."""


@dataclass(frozen=True)
class Column:
    """What one column of a table holds; ``unit`` is empty for names and pure numbers."""

    unit: str
    meaning: str


@dataclass(frozen=True)
class Manifest:
    """The description that stands beside a table.

    ``columns`` maps the names in the header, in order, to their `Column`; ``sha256`` is the checksum of the CSV file.
    """

    title: str
    source: str
    reference: str
    doi: str
    processing: str
    sha256: str
    columns: Mapping[str, Column]


def names() -> tuple[str, ...]:
    """Names of all tables, such as ``"flux/nd280_fhc"``."""
    return tuple(sorted(p.relative_to(_ROOT).with_suffix("").as_posix() for p in _ROOT.rglob("*.csv")))


def file(name: str) -> Path:
    """Path of a file of ``data/`` that is no table, such as ``"analysis/schema.json"``."""
    found = _ROOT / name
    if not found.is_file():
        raise KeyError(f"no file {name!r} in data/")
    return found


def path(name: str) -> Path:
    """Path of the CSV file of table ``name``. Raises `KeyError` for a table that does not exist."""
    file = _ROOT / f"{name}.csv"
    if not file.is_file():
        raise KeyError(f"no table {name!r} in data/; there are {', '.join(names())}")
    return file


def manifest(name: str) -> Manifest:
    """The manifest of table ``name``. Raises `DataIntegrityError` if it is missing or incomplete."""
    file = path(name).with_suffix(".toml")
    try:
        fields = tomllib.loads(file.read_text(encoding="utf-8"))
        columns = {column: Column(**text) for column, text in fields.pop("columns").items()}
        return Manifest(columns=columns, **fields)
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise DataIntegrityError(f"table {name!r} has no usable manifest {file.name}: {error}") from error


def verify(name: str) -> None:
    """Raise `DataIntegrityError` unless the bytes of table ``name`` have the checksum of its manifest."""
    found = hashlib.sha256(path(name).read_bytes()).hexdigest()
    expected = manifest(name).sha256
    if found != expected:
        raise DataIntegrityError(f"table {name!r} was altered: its sha256 is {found}, its manifest says {expected}")


def read(name: str) -> pd.DataFrame:
    """Table ``name`` as a data frame, verified; columns and units as its `manifest` says.

    >>> read("flux/nd280_fhc").columns[2]
    'numu'
    """
    verify(name)
    table = pd.read_csv(path(name))
    expected = list(manifest(name).columns)
    if list(table.columns) != expected:
        raise DataIntegrityError(f"table {name!r} has columns {list(table.columns)}, its manifest says {expected}")
    return table

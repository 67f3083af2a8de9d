"""Find, describe and verify the input tables in ``data/``.

Each table is a CSV file with a manifest beside it, a TOML file of the same name that says what the numbers are,
where they come from, in which units, and what was done to them. Begin with `names` and `manifest`; `read` hands
out a table only after its checksum and columns agree with the manifest.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Column",
    "DataIntegrityError",
    "Manifest",
    "file",
    "manifest",
    "names",
    "path",
    "read",
    "verify",
    "when_needed",
]

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


KINDS = ("copied", "digitised", "constructed")
"""Numbers as published; read off a figure; or made here, by a calculation or from several sources."""


@dataclass(frozen=True)
class Manifest:
    """The description that stands beside a table.

    ``columns`` maps the names in the header, in order, to their `Column`; ``sha256`` is the checksum of the CSV file.
    ``licence`` is that of the source, or ``"not stated"``; ``kind`` (``class`` in the file) is one of `KINDS`;
    ``retrieved`` is the day on which the numbers were taken from the source.

    Raises `DataIntegrityError` if a field is not what it must be.
    """

    title: str
    source: str
    reference: str
    doi: str
    licence: str
    kind: str
    retrieved: datetime.date
    processing: str
    sha256: str
    columns: Mapping[str, Column]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataIntegrityError(f"class must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if type(self.retrieved) is not datetime.date:
            raise DataIntegrityError(f"retrieved must be a date, got {self.retrieved!r}")
        for name in ("title", "source", "reference", "doi", "licence", "processing", "sha256"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text:
                raise DataIntegrityError(f"{name} must be a text, got {text!r}")


def names() -> tuple[str, ...]:
    """Names of all tables, such as ``"flux/nd280_fhc"``."""
    return tuple(sorted(p.relative_to(_ROOT).with_suffix("").as_posix() for p in _ROOT.rglob("*.csv")))


def file(name: str) -> Path:
    """Path of a file of ``data/`` that is no table, such as ``"analysis/example.toml"``."""
    found = _ROOT / name
    if not found.is_file():
        raise KeyError(f"no file {name!r} in data/")
    return found


def path(name: str) -> Path:
    """Path of the CSV file of table ``name``.

    Raises `KeyError` for a table that does not exist, `DataIntegrityError` if only its manifest does.
    """
    file = _ROOT / f"{name}.csv"
    if not file.is_file():
        if file.with_suffix(".toml").is_file():
            raise DataIntegrityError(f"{file} is missing")
        raise KeyError(f"no table {name!r} in {_ROOT}; there are {', '.join(names())}")
    return file


def manifest(name: str) -> Manifest:
    """The manifest of table ``name``. Raises `DataIntegrityError` if it is missing or incomplete."""
    file = path(name).with_suffix(".toml")
    try:
        fields = tomllib.loads(file.read_text(encoding="utf-8"))
        columns = {column: Column(**text) for column, text in fields.pop("columns").items()}
        return Manifest(columns=columns, kind=fields.pop("class"), **fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DataIntegrityError) as error:
        raise DataIntegrityError(f"table {name!r} has no usable manifest {file}: {error}") from error


def verify(name: str) -> None:
    """Raise `DataIntegrityError` unless the bytes of table ``name`` have the checksum of its manifest."""
    _verified(name)


def _verified(name: str) -> bytes:
    file, expected = path(name), manifest(name).sha256
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataIntegrityError(f"{file} was altered: its sha256 is {found}, its manifest says {expected}")
    return content


def read(name: str) -> pd.DataFrame:
    """Table ``name`` as a data frame, verified; columns and units as its `manifest` says.

    >>> read("flux/nd280_fhc").columns[2]
    'numu'
    """
    import pandas as pd  # here: it takes most of the time of an import, and much can be done without a table

    content = _verified(name)
    try:
        table = pd.read_csv(io.BytesIO(content))
    except ValueError as error:
        raise DataIntegrityError(f"{path(name)} is no table: {error}") from error
    expected = list(manifest(name).columns)
    if list(table.columns) != expected:
        raise DataIntegrityError(f"{path(name)} has columns {list(table.columns)}, its manifest says {expected}")
    return table


def when_needed(module: dict[str, Any], **makers: Callable[[], Any]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module (its ``globals()``) with constants that are made when they are first used.

    So a damaged table is an error of those who need it, and of nobody else.
    """

    def constant(name: str) -> Any:
        if name not in makers:
            raise AttributeError(f"module {module['__name__']!r} has no attribute {name!r}")
        return module.setdefault(name, makers[name]())  # one object, even if two threads make it

    return constant

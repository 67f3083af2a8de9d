"""Find, describe and verify the input tables in ``data/``.

Each table is a CSV file, that of all rates an archive of arrays, with a manifest beside it, a TOML file of the same
name with the meaning of the numbers, their source, their units, and what was done to them. Begin with
`names` and `manifest`; `read` hands out a table only after its checksum and columns agree with the manifest.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import hashlib
import io
import json
import os
import re
import struct
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from darkpkg.outputs import complete_or_not_at_all

if TYPE_CHECKING:
    import pandas as pd

_SOURCE_TREE = Path(__file__).parent.parent / "data"
_INSTALLED = Path(__file__).parent / "_data"
_ROOT = _INSTALLED if _INSTALLED.is_dir() else _SOURCE_TREE


class DataIntegrityError(OSError):
    """A file does not agree with its description: altered, truncated, foreign or without a description."""


@dataclass(frozen=True)
class Column:
    """What one column of a table holds.

    Parameters
    ----------
    unit
        Empty for names and pure numbers.
    meaning
        In words.
    """

    unit: str
    meaning: str


@dataclass(frozen=True)
class Manifest:
    """The description that stands beside a table.

    Parameters
    ----------
    title, source, reference, doi, processing
        What the numbers are, where they come from, and what was done to them.
    licence
        That of the source, or ``"not stated"``.
    kind
        ``class`` in the file: ``"copied"``, as published, ``"digitised"``, read off a figure, or ``"constructed"``,
        by a calculation or from several sources.
    retrieved
        The day on which the numbers were taken from the source.
    sha256
        Checksum of the CSV file.
    columns
        The `Column` of each name in the header, in order.
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


def names() -> tuple[str, ...]:
    """Names of all tables, such as ``"flux/nd280_fhc"``."""
    return tuple(sorted(p.relative_to(_ROOT).with_suffix("").as_posix() for p in _ROOT.rglob("*.csv")))


def path(name: str) -> Path:
    """Path of a table, or of another file.

    Parameters
    ----------
    name : str
        That of a table, such as ``"flux/nd280_fhc"``, or of a file with its suffix: ``"analysis/example.toml"``.

    Raises
    ------
    KeyError
        If there is no such table.
    DataIntegrityError
        If there is only its manifest.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be that of a table, got {name!r}")
    file = _ROOT / name
    file = file if file.suffix else file.with_suffix(".csv")
    if not file.is_file():
        if file.with_suffix(".toml").is_file():
            raise DataIntegrityError(f"{file} is missing")
        raise KeyError(f"no table {name!r} in {_ROOT}; there are {', '.join(names())}")
    return file


def manifest(name: str) -> Manifest:
    """The manifest of table ``name``.

    Raises
    ------
    KeyError
        If there is no such table.
    DataIntegrityError
        If its manifest is missing, incomplete, or has other fields.
    """
    file = path(name).with_suffix(".toml")
    try:
        fields = tomllib.loads(file.read_text(encoding="utf-8"))
        columns = {column: Column(**text) for column, text in fields.pop("columns").items()}
        return Manifest(columns=columns, kind=fields.pop("class"), **fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataIntegrityError(f"table {name!r} has no usable manifest {file}: {error}") from error


def verify(name: str) -> bytes:
    """The bytes of table ``name``, compared with its manifest.

    Raises
    ------
    KeyError
        If there is no such table.
    DataIntegrityError
        Unless they have the checksum of the manifest.
    """
    file, expected = path(name), manifest(name).sha256
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataIntegrityError(f"{file} was altered: its sha256 is {found}, its manifest has {expected}")
    return content


def read(name: str) -> pd.DataFrame:
    """Table ``name`` as a data frame, verified; columns and units as in its `manifest`.

    Raises
    ------
    KeyError
        If there is no such table.
    DataIntegrityError
        If table or manifest is missing, or they do not agree.

    Examples
    --------
    >>> read("flux/nd280_fhc").columns[2]
    'numu'
    """
    import pandas as pd  # here: it takes most of the time of an import, and much can be done without a table

    content = verify(name)
    try:
        table = pd.read_csv(io.BytesIO(content))
    except ValueError as error:
        raise DataIntegrityError(f"{path(name)} is no table: {error}") from error
    _check_columns(name, list(table.columns))
    return table


def columns(name: str) -> dict[str, NDArray[Any]]:
    """Columns of a table of numbers, verified: as `read`, by numpy alone, for what must be ready at once.

    Raises
    ------
    KeyError, DataIntegrityError
        As `read` does.
    """
    header, *rows = csv.reader(io.StringIO(verify(name).decode("utf-8")))
    _check_columns(name, header)
    try:
        return dict(zip(header, np.array(rows, dtype=float).T, strict=True))
    except ValueError as error:
        raise DataIntegrityError(f"{path(name)} is no table of numbers: {error}") from error


def cells(text: str) -> tuple[list[str], dict[int, list[str]]]:
    """Names of the columns of a small table, and the words of each row by the number of its line.

    Words are divided by commas; what follows a # is a comment, and an empty line is none.

    Raises
    ------
    ValueError
        That names the line, for a name that stands twice, or a row with more or fewer words than there are names: it
        would shift the others.

    Examples
    --------
    >>> cells("x, y\\n1, 2")
    (['x', 'y'], {2: ['1', '2']})
    """
    rows: dict[int, list[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            found = next(csv.reader([line.partition("#")[0].strip()], skipinitialspace=True, strict=True), [])
        except csv.Error as error:
            raise ValueError(f"line {number}: {error}") from error
        if found:
            rows[number] = [word.strip() for word in found]
    if not rows:
        raise ValueError("it must have a line with the names of the columns")
    names = rows.pop(first := next(iter(rows)))
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(f"line {first}: columns must have names that differ, got {twice[0]!r} twice")
    for number, words in rows.items():
        if len(words) != len(names):
            raise ValueError(f"line {number}: must have {len(names)} values, as there are names, got {len(words)}")
    return names, rows


def _check_columns(name: str, found: list[str]) -> None:
    expected = list(manifest(name).columns)
    if found != expected:
        raise DataIntegrityError(f"{path(name)} has columns {found}, its manifest has {expected}")


def renew_manifest(file: Path) -> None:
    """Write the checksum of a file that was made anew, and the day, into the manifest beside it, if there is one."""
    about = file.with_suffix(".toml")
    if about.is_file():
        text = about.read_text(encoding="utf-8")
        text = re.sub(r'(?m)^sha256 = ".*"$', f'sha256 = "{hashlib.sha256(file.read_bytes()).hexdigest()}"', text)
        text = re.sub(r"(?m)^retrieved = .*$", f"retrieved = {datetime.date.today()}", text)
        with complete_or_not_at_all(about) as partial:
            partial.write_text(text, encoding="utf-8")


_DAMAGED = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, RuntimeError, TypeError, ValueError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What reading an archive raises if a byte of it is another, or the last ones are missing."""


def archived(file: str | os.PathLike[str] | BinaryIO) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The header, in JSON, and all other arrays of a .npz file.

    Raises `ValueError` for one that is damaged, or another kind of file, and `OSError` if there is none.
    """
    with Path(file).open("rb") if isinstance(file, str | os.PathLike) else contextlib.nullcontext(file) as stream:
        try:
            with np.load(stream, allow_pickle=False) as content:
                arrays = {name: content[name] for name in content.files}
            header = json.loads(arrays.pop("header").tobytes())
        except _DAMAGED as error:
            raise ValueError(f"it is no archive with a header, or damaged: {error}") from error
    if not isinstance(header, dict):
        raise ValueError(f"its header must be a mapping, got {str(header)[:40]}")
    return header, arrays


def write_archive(path: Path, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write what `archived` reads, by a temporary name."""
    words = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    content: dict[str, Any] = {"header": words, **arrays}
    with complete_or_not_at_all(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **content)


def when_needed(module: dict[str, Any], **makers: Callable[[], Any]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module (its ``globals()``) with constants that are made when they are first used.

    So a damaged table is an error of those who need it, and of nobody else.
    """

    def constant(name: str) -> Any:
        if name not in makers:
            raise AttributeError(f"module {module['__name__']!r} has no attribute {name!r}")
        return module.setdefault(name, makers[name]())  # one object, even if two threads make it

    return constant

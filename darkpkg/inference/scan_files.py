"""Scans in files, Parquet or CSV: every point that was evaluated, and all that made it.

Begin with `write_scan` and `read_scan`. Both kinds of file hold the same columns and the same header, in JSON: in the
metadata of a Parquet file, in the first line of a CSV file after a ``#``. A file is read if its header makes sense,
its columns are those of the header, it fits into memory, its checksum holds, and its numbers follow from each other.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import csv

from darkpkg.datasets import DataIntegrityError
from darkpkg.inference.likelihood import Likelihood, log_likelihood
from darkpkg.inference.scan import Scan, filled_between
from darkpkg.inference.scanning import require_scan_memory
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import no_signal
from darkpkg.inputs import check_kinds, real_numbers, whole_number
from darkpkg.memory import require_memory
from darkpkg.method.expectation import Expectation
from darkpkg.physics.model import DarkParameters

Array = NDArray[np.float64]

__all__ = ["Counts", "read_scan", "scan_path", "write_scan"]

FORMAT = "darkpkg scan 1"
_SUFFIXES = (".parquet", ".csv")
_SUMS = ("mean", "variance", "bias", "bias_variance")
_COUNTS = ("observed", "background", "systematic")
_RTOL = 1e-9  # the same formula on another machine
_DERIVED = ("log_likelihood", "minus_delta_log_likelihood", "expected_events", "error", "bias", "n_effective")

LONGEST_HEADER = 4_000_000
"""Bytes; most of a header are the values of the axes, 20 bytes each."""

MOST_LEVELS = 16
"""A grid that was halved as often is 65 536 times finer than its first."""


@dataclass(frozen=True)
class _Named:
    name: str


@dataclass(frozen=True, eq=False)
class Counts:
    """What a scan remembers of its analysis: the counts, not the selection that made them."""

    name: str
    bins: dict[str, tuple[int, int]]
    observed: Array
    background: Array
    systematic: Array
    caveat: str = ""
    shared: tuple[tuple[float, ...], ...] = ()

    @property
    def channels(self) -> tuple[_Named, ...]:
        """Channels by name."""
        return tuple(_Named(name) for name in self.bins)

    def bins_of(self, channel: str) -> slice:
        """The bins of a channel among those of the analysis."""
        return slice(*self.bins[channel])


def write_scan(scan: Scan, path: str | os.PathLike[str]) -> Path:
    """Write a scan of a `Slice` to a ``.parquet`` or ``.csv`` file, by a temporary name, and return its path."""
    check_kinds(scan=(scan, Scan), path=(path, (str, os.PathLike)))
    path = scan_path(path)
    if scan.grid is None:
        raise ValueError("a scan must be that of a darkpkg.Slice to be written, so that it can be read again")
    if scan.levels > MOST_LEVELS:
        raise ValueError(f"a scan must be refined at most {MOST_LEVELS} times to be written, got {scan.levels}")
    analysis = scan.analysis
    _columns(scan.grid, len(analysis.observed))
    table = scan.to_pandas()
    header = {
        "format": FORMAT,
        "darkpkg": importlib.metadata.version("darkpkg"),
        "axes": {name: values.tolist() for name, values in scan.axes.items()},
        "levels": scan.levels,
        "is_majorana": scan.parameters.is_majorana,
        "decays": scan.parameters.decays,
        "no_signal": scan.no_signal,
        "analysis": {
            "name": analysis.name,
            "caveat": analysis.caveat,
            "bins": {
                channel.name: [analysis.bins_of(channel.name).start, analysis.bins_of(channel.name).stop]
                for channel in analysis.channels
            },
            **{name: np.asarray(getattr(analysis, name)).tolist() for name in _COUNTS},
            "shared": getattr(analysis, "shared", ()),
        },
        "provenance": scan.provenance,
    }
    words = json.dumps(header, default=dict)
    words = json.dumps(json.loads(words) | {"sha256": _digest(words, table)})
    if len(words) > LONGEST_HEADER:
        raise ValueError(f"a scan file must have a header of at most {LONGEST_HEADER} bytes, got {len(words)}")
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        if path.suffix == ".csv":
            partial.write_text(f"# {words}\n{table.to_csv(index=False)}", encoding="utf-8")
        else:
            columns = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata({"darkpkg": words})
            pq.write_table(columns, partial, compression="zstd")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def read_scan(path: str | os.PathLike[str], likelihood: Likelihood = log_likelihood) -> Scan:
    """Read a file that `write_scan` wrote: the same numbers, bit for bit.

    ``likelihood`` must be what the scan was made with, and its values are compared with those of the file.

    Parameters that are tied to the free ones come back at the points that were evaluated; between them they are
    interpolated, and the scan cannot be refined further. Raises `DataIntegrityError` if the file is foreign,
    truncated or altered.
    """
    path = scan_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no scan file at path {path}")
    with path.open("rb") as file:
        try:
            return _read(path, file, likelihood)
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            OSError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            text = " ".join(str(error).split())[:300]
            raise DataIntegrityError(f"{path} is no readable scan, perhaps truncated: {text}") from error


def _read(path: Path, file: BinaryIO, likelihood: Likelihood) -> Scan:
    """The header first, so that what it says can be checked before anything large is read."""
    words, rows = (_open_csv if path.suffix == ".csv" else _open_parquet)(path, file)
    header = json.loads(words)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else header
        raise DataIntegrityError(f"{path} is not a file of {FORMAT!r}: its format is {str(found)[:40]!r}")
    stated = header.pop("sha256")
    where, counts = _checked(header, likelihood)
    table = rows()
    expected = _columns(where, len(counts.observed))
    if list(table.columns) != expected or set(table.dtypes) != {np.dtype(float)}:
        odd = [name for name in table if name not in expected] + [name for name in expected if name not in table]
        raise ValueError(
            f"its columns must be floats in their order, with the names of the header, got {odd or table.dtypes}"
        )
    found = _digest(json.dumps(header), table)
    if found != stated:
        raise DataIntegrityError(f"{path} was altered: its content has sha256 {found}, it says {stated}")
    coarse = math.prod((n - 1) // 2 ** header["levels"] + 1 for n in where.shape)
    if not coarse <= len(table) <= math.prod(where.shape):
        raise ValueError(f"a grid of {where.shape} needs {coarse} to {math.prod(where.shape)} rows, got {len(table)}")
    scan = _scan(header, where, counts, table, likelihood)
    _check_consistency(scan, table)
    return scan


def _checked(header: dict[str, Any], likelihood: Likelihood) -> tuple[Slice, Counts]:
    """Axes and counts of a header whose every entry is of its kind and size."""
    about, axes = _of(dict, header, "analysis"), _of(dict, header, "axes")
    arrays = {name: real_numbers(name, _of(list, about, name), 0.0, 1e60) for name in _COUNTS}
    n_bins, end = len(arrays["observed"]), 0
    if {values.shape for values in arrays.values()} != {(n_bins,)} or not n_bins:
        raise ValueError(f"{', '.join(_COUNTS)} must be lists of one length, got {about}")
    for name, bins in _of(dict, about, "bins").items():
        if not (isinstance(bins, list) and len(bins) == 2 and bins[0] == end < bins[1]):
            raise ValueError(f"bins of {name} must begin at {end}, got {bins}")
        end = whole_number(f"bins of {name}", bins[1])
    if end != n_bins:
        raise ValueError(f"channels must have {n_bins} bins, got {end}")
    bins = {name: tuple(ends) for name, ends in about["bins"].items()}
    shared = real_numbers("shared", about.get("shared") or np.empty((0, n_bins)), -1e3, 1e3)
    if shared.shape[1:] != (n_bins,):
        raise ValueError(f"shared must have {n_bins} bins for each source, got {shared.shape}")
    names = _of(str, about, "name"), _of(str, about, "caveat")
    counts = Counts(names[0], bins, **arrays, caveat=names[1], shared=tuple(map(tuple, shared.tolist())))
    where = Slice(lambda *values: values, **axes)
    levels = whole_number("levels", header["levels"])
    if levels > MOST_LEVELS or any((n - 1) % 2**levels or n - 1 < 2**levels for n in where.shape):
        raise ValueError(f"levels must be at most {MOST_LEVELS} and fit to a grid of {where.shape}, got {levels}")
    for name, kind in (("is_majorana", bool), ("provenance", dict)):
        _of(kind, header, name)
    if not np.isclose(float(header["no_signal"]), float(likelihood(no_signal(counts), counts)), rtol=_RTOL):
        raise ValueError(f"no_signal must be ln L without signal, got {header['no_signal']}")
    require_scan_memory(where.shape, n_bins)
    return where, counts


def _columns(where: Slice, n_bins: int) -> list[str]:
    """Names of the columns of `Scan.to_pandas`. Raises `ValueError` if a free parameter has the name of another."""
    others = [*_DERIVED, *(f"{kind}_{i}" for kind in _SUMS for i in range(n_bins))]
    taken = [name for name in where.axes if name in others]
    if taken:
        raise ValueError(f"free parameters must not be called like a column of results, got {taken}")
    return [*dict.fromkeys([*where.axes, *DarkParameters.numbers()]), *others]


def _of(kind: type, header: dict[str, Any], name: str) -> Any:
    if not isinstance(header[name], kind):
        raise TypeError(f"{name} must be a {kind.__name__}, got {str(header[name])[:40]!r}")
    return header[name]


def _check_consistency(scan: Scan, table: pd.DataFrame) -> None:
    """What is written of a scan is what it says: each row at its point of the grid, each sum made of its bins."""
    again = scan.to_pandas()
    lnL = scan.likelihood(scan.known, scan.analysis)
    for name, values in [*again.items(), ("log_likelihood", lnL)]:
        if len(values) != len(table) or not np.allclose(values, table[name], rtol=_RTOL, atol=1e-9):
            raise ValueError(f"its column {name} does not follow from the others")


def _scan(header: dict[str, Any], where: Slice, counts: Counts, table: pd.DataFrame, likelihood: Likelihood) -> Scan:
    axes, shape = where.axes, where.shape
    index = tuple(np.searchsorted(values, table[name].to_numpy()) for name, values in axes.items())

    def column(name: str) -> Array:
        values = np.full(shape, np.nan)
        values[index] = table[name].to_numpy()
        return values

    expectation = Expectation(
        *(np.stack([column(f"{kind}_{i}") for i in range(len(counts.observed))], axis=-1) for kind in _SUMS)
    )
    fields = {
        name: np.exp(filled_between(np.log(column(name)), header["levels"])) for name in DarkParameters.numbers()
    }
    for name, values in fields.items():  # where a point was evaluated, bit for bit
        own = column(name)
        fields[name] = np.where(np.isnan(own), values, own)
    # Files of before there was a choice were written with that of the paper.
    kind = {"is_majorana": header["is_majorana"], "decays": header.get("decays", "paper")}
    points = DarkParameters(**fields, **kind)

    def at(*_: Any) -> DarkParameters:
        return points

    return Scan(
        points,
        counts,
        expectation,
        column("log_likelihood"),
        float(header["no_signal"]),
        Slice(at, **axes),
        header["levels"],
        header["provenance"],
        likelihood,
    )


def scan_path(path: str | os.PathLike[str]) -> Path:
    """The path, if its name says which kind of file it is; else `ValueError`."""
    check_kinds(path=(path, (str, os.PathLike)))
    path = Path(path)
    if path.suffix not in _SUFFIXES:
        raise ValueError(f"path of a scan must end in {' or '.join(_SUFFIXES)}, got {path.name}")
    return path


_Rows = Callable[[], pd.DataFrame]


def _open_csv(path: Path, file: BinaryIO) -> tuple[str, _Rows]:
    first = file.readline(LONGEST_HEADER + 1).decode(errors="replace").rstrip("\n")
    if not first.startswith("# {"):
        raise DataIntegrityError(f"{path} is not a file of {FORMAT!r}: its first line is {first[:40]!r}")
    _check_length(first)

    def rows() -> pd.DataFrame:
        require_memory(4 * path.stat().st_size, f"{path}, four times its size to be read,")
        # Arrow reads every number as it was written; whole numbers are floats that happen to be whole.
        return csv.read_csv(file).to_pandas().astype(float)

    return first[2:], rows


def _open_parquet(path: Path, file: BinaryIO) -> tuple[str, _Rows]:
    opened = pq.ParquetFile(file)
    words = (opened.schema_arrow.metadata or {}).get(b"darkpkg")
    if words is None:
        raise DataIntegrityError(f"{path} is not a file of {FORMAT!r}: it has no header")
    _check_length(words)

    def rows() -> pd.DataFrame:
        numbers = opened.metadata.num_rows * opened.metadata.num_columns
        require_memory(32 * numbers, f"{path} with {opened.metadata.num_rows} rows, four copies to be read,")
        return opened.read().to_pandas()

    return words.decode(), rows


def _check_length(header: str | bytes) -> None:
    if len(header) > LONGEST_HEADER:
        raise ValueError(f"its header must have at most {LONGEST_HEADER} bytes, got more")


def _digest(words: str, table: pd.DataFrame) -> str:
    """Checksum of the header and of each column, byte by byte."""
    digest = hashlib.sha256(json.dumps(json.loads(words), sort_keys=True).encode())
    for name in table.columns:
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(table[name].to_numpy(dtype=float)).tobytes())
    return digest.hexdigest()

"""Scans in files, Parquet or CSV: every point that was evaluated, and all that made it.

Begin with `write_scan` and `read_scan`. Both kinds of file hold the same columns and the same header, in JSON: in the
metadata of a Parquet file, in the first line of a CSV file after a ``#``. A file is read if it fits into memory, its
checksum holds, and its likelihood follows from its expectations and counts.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
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
from darkpkg.inputs import check_kinds
from darkpkg.memory import require_memory
from darkpkg.method.expectation import Expectation
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.physics.model import DarkParameters

Array = NDArray[np.float64]

__all__ = ["Counts", "read_scan", "scan_path", "write_scan"]

FORMAT = "darkpkg scan 1"
_SUMS = ("mean", "variance", "bias", "bias_variance")
_COUNTS = ("observed", "background", "systematic")

LONGEST_HEADER = 4_000_000
"""Bytes; most of a header are the values of the axes, 20 bytes each."""

MOST_LEVELS = 16
"""A grid that was halved as often is 65 536 times finer than its first."""


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
    def channels(self) -> tuple[Any, ...]:
        """Channels by name."""
        return tuple(SimpleNamespace(name=name) for name in self.bins)

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
    table, analysis = scan.to_pandas(), scan.analysis
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
    with complete_or_not_at_all(path) as partial:
        if path.suffix == ".csv":
            partial.write_text(f"# {words}\n{table.to_csv(index=False)}", encoding="utf-8")
        else:
            columns = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata({"darkpkg": words})
            pq.write_table(columns, partial, compression="zstd")
    return path


def read_scan(path: str | os.PathLike[str], likelihood: Likelihood = log_likelihood) -> Scan:
    """Read a file that `write_scan` wrote: the same numbers, bit for bit.

    ``likelihood`` must be what the scan was made with: its values are compared with those of the file. Parameters
    that are tied to the free ones come back at the points that were evaluated; between them they are interpolated,
    and the scan cannot be refined further. Raises `DataIntegrityError` if the file is foreign, truncated or altered.
    """
    path = scan_path(path)
    check_kinds(likelihood=(likelihood, Callable))
    if not path.is_file():
        raise FileNotFoundError(f"no scan file at path {path}")
    with path.open("rb") as file:
        try:
            return _read(path, file, likelihood)
        except _UNREADABLE as error:
            text = " ".join(str(error).split())[:300]
            raise DataIntegrityError(f"{path} is no readable scan, perhaps truncated: {text}") from error


_UNREADABLE = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)


def _read(path: Path, file: BinaryIO, likelihood: Likelihood) -> Scan:
    """The header first, so that what it says can be checked before anything large is read."""
    words, rows = (_open_csv if path.suffix == ".csv" else _open_parquet)(path, file)
    if len(words) > LONGEST_HEADER:
        raise ValueError(f"its header must have at most {LONGEST_HEADER} bytes, got more")
    header = json.loads(words)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else header
        raise DataIntegrityError(f"{path} is not a file of {FORMAT!r}: its format is {str(found)[:40]!r}")
    stated, table = header.pop("sha256"), rows()
    found = _digest(json.dumps(header), table)
    if found != stated:
        raise DataIntegrityError(f"{path} was altered: its content has sha256 {found}, it says {stated}")
    scan = _scan(header, table, likelihood)
    without = Expectation(*np.zeros((2, len(scan.analysis.observed))))
    for name, values, again in (
        ("log_likelihood", table["log_likelihood"], likelihood(scan.known, scan.analysis)),
        ("no_signal", scan.no_signal, likelihood(without, scan.analysis)),
    ):
        if not np.allclose(values, again, rtol=1e-9, atol=1e-9):  # the same formula on another machine
            raise ValueError(f"its {name} does not follow from the others, by the likelihood that it is read with")
    return scan


def _scan(header: dict[str, Any], table: pd.DataFrame, likelihood: Likelihood) -> Scan:
    where = Slice(lambda *values: values, **header["axes"])
    about = header["analysis"]
    arrays = {name: np.array(about[name]) for name in _COUNTS}
    shared = tuple(map(tuple, about.get("shared", ())))  # which files of before there were such errors have not
    counts = Counts(about["name"], about["bins"], **arrays, caveat=about["caveat"], shared=shared)
    require_scan_memory(where.shape, len(counts.observed))
    index = tuple(np.searchsorted(values, table[name].to_numpy()) for name, values in where.axes.items())

    def column(name: str) -> Array:
        values = np.full(where.shape, np.nan)
        values[index] = table[name].to_numpy()
        return values

    def everywhere(name: str) -> Array:
        """Where a point was evaluated, bit for bit, and between as `filled_between`."""
        own = column(name)
        with np.errstate(divide="ignore"):  # where a parameter is zero
            between = np.exp(filled_between(np.log(own), header["levels"]))
        return np.where(np.isnan(own), between, own)

    bins = range(len(counts.observed))
    signal = Expectation(*(np.stack([column(f"{kind}_{i}") for i in bins], axis=-1) for kind in _SUMS))
    # Files of before there was a choice were written with that of the paper.
    kind = {"is_majorana": header["is_majorana"], "decays": header.get("decays", "paper")}
    names = [name for name in DarkParameters.numbers() if name in table]
    points = DarkParameters(**{name: everywhere(name) for name in names}, **kind)
    grid = Slice(lambda *_: points, **where.axes)
    lnL, without = column("log_likelihood"), float(header["no_signal"])
    return Scan(points, counts, signal, lnL, without, grid, header["levels"], header["provenance"], likelihood)


def scan_path(path: str | os.PathLike[str]) -> Path:
    """The path, if its name says which kind of file it is; else `ValueError`."""
    check_kinds(path=(path, (str, os.PathLike)))
    path = Path(path)
    if path.suffix not in (".parquet", ".csv"):
        raise ValueError(f"path of a scan must end in .parquet or .csv, got {path.name}")
    return path


_Rows = Callable[[], pd.DataFrame]


def _open_csv(path: Path, file: BinaryIO) -> tuple[str, _Rows]:
    first = file.readline(LONGEST_HEADER + 4).decode(errors="replace").rstrip("\n")
    if not first.startswith("# {"):
        raise DataIntegrityError(f"{path} is not a file of {FORMAT!r}: its first line is {first[:40]!r}")

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

    def rows() -> pd.DataFrame:
        numbers = opened.metadata.num_rows * opened.metadata.num_columns
        require_memory(32 * numbers, f"{path} with {opened.metadata.num_rows} rows, four copies to be read,")
        return opened.read().to_pandas()

    return words.decode(), rows


def _digest(words: str, table: pd.DataFrame) -> str:
    """Checksum of the header and of each column, byte by byte."""
    digest = hashlib.sha256(json.dumps(json.loads(words), sort_keys=True).encode())
    for name in table.columns:
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(table[name].to_numpy(dtype=float)).tobytes())
    return digest.hexdigest()

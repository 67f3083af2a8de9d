"""Scans in files, Parquet or CSV: every point that was evaluated, and all that made it.

Begin with `write_scan` and `read_scan`. Both kinds of file hold the same columns and the same header, in JSON: in the
metadata of a Parquet file, in the first line of a CSV file after a ``#``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import csv

from darkpkg.datasets import DataIntegrityError
from darkpkg.method.expectation import Expectation
from darkpkg.physics.model import DarkParameters
from darkpkg.results.limits import Scan, filled_between
from darkpkg.results.slices import Slice

Array = NDArray[np.float64]

__all__ = ["Counts", "read_scan", "scan_path", "scan_table", "write_scan"]

FORMAT = "darkpkg scan 1"
_SUFFIXES = (".parquet", ".csv")
_SUMS = ("mean", "variance", "bias", "bias_variance")


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

    @property
    def channels(self) -> tuple[_Named, ...]:
        """Channels by name."""
        return tuple(_Named(name) for name in self.bins)

    def bins_of(self, channel: str) -> slice:
        """The bins of a channel among those of the analysis."""
        return slice(*self.bins[channel])


def scan_table(scan: Scan) -> pd.DataFrame:
    """One row for each point that was evaluated.

    Columns are the free parameters by the names of `Scan.axes`, the six parameters, ``log_likelihood``,
    ``minus_delta_log_likelihood``, expected events with their error, estimated bias and effective number, and
    ``mean_i``, ``variance_i``, ``bias_i`` and ``bias_variance_i`` of each bin.
    """
    if not isinstance(scan.parameters, DarkParameters):
        raise TypeError(f"only scans over DarkParameters have a table, got {type(scan.parameters).__name__}")
    known = scan.evaluated
    total = scan.expectation.total()
    axes = np.meshgrid(*scan.axes.values(), indexing="ij") if scan.grid is not None else []
    columns = {name: values[known] for name, values in zip(scan.axes, axes, strict=False)}
    for name in scan.parameters.numbers():
        columns[name] = np.broadcast_to(getattr(scan.parameters, name), known.shape)[known]
    columns |= {
        "log_likelihood": scan.log_likelihood[known],
        "minus_delta_log_likelihood": scan.minus_delta_log_likelihood[known],
        "expected_events": total.mean[known],
        "error": total.error[known],
        "bias": total.bias[known],
        "n_effective": total.n_effective[known],
    }
    for kind in _SUMS:
        values = getattr(scan.expectation, kind)[known]
        columns |= {f"{kind}_{i}": values[:, i] for i in range(values.shape[1])}
    return pd.DataFrame({name: np.asarray(values, dtype=float) for name, values in columns.items()})


def write_scan(scan: Scan, path: str | os.PathLike[str]) -> Path:
    """Write a scan of a `Slice` to a ``.parquet`` or ``.csv`` file, by a temporary name, and return its path."""
    path = scan_path(path)
    if scan.grid is None:
        raise ValueError("a scan must be that of a darkpkg.Slice to be written, so that it can be read again")
    table = scan_table(scan)
    analysis = scan.analysis
    header = {
        "format": FORMAT,
        "darkpkg": importlib.metadata.version("darkpkg"),
        "axes": {name: values.tolist() for name, values in scan.axes.items()},
        "levels": scan.levels,
        "is_majorana": scan.parameters.is_majorana,
        "no_signal": scan.no_signal,
        "analysis": {
            "name": analysis.name,
            "caveat": analysis.caveat,
            "bins": {
                channel.name: [analysis.bins_of(channel.name).start, analysis.bins_of(channel.name).stop]
                for channel in analysis.channels
            },
            **{
                name: np.asarray(getattr(analysis, name)).tolist()
                for name in ("observed", "background", "systematic")
            },
        },
        "provenance": scan.provenance,
    }
    words = json.dumps(header, default=dict)
    words = json.dumps(json.loads(words) | {"sha256": _digest(words, table)})
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


def read_scan(path: str | os.PathLike[str]) -> Scan:
    """Read a file that `write_scan` wrote: the same numbers, bit for bit.

    Parameters that are tied to the free ones come back at the points that were evaluated; between them they are
    interpolated, and the scan cannot be refined further. Raises `DataIntegrityError` if the file is foreign,
    truncated or altered.
    """
    path = scan_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no scan file at {path}")
    try:
        words, table = _read_csv(path) if path.suffix == ".csv" else _read_parquet(path)
        header = json.loads(words)
        if header.get("format") != FORMAT:
            raise DataIntegrityError(f"{path} is not a file of {FORMAT!r}: its format is {header.get('format')!r}")
        stated = header.pop("sha256")
        found = _digest(json.dumps(header), table)
        if found != stated:
            raise DataIntegrityError(f"{path} was altered: its content has sha256 {found}, it says {stated}")
        return _scan(header, table)
    except (KeyError, ValueError, TypeError, AttributeError, pa.ArrowException) as error:
        if isinstance(error, DataIntegrityError):
            raise
        raise DataIntegrityError(f"{path} is no readable scan, perhaps truncated: {error}") from error


def _scan(header: dict[str, Any], table: pd.DataFrame) -> Scan:
    axes = {name: np.array(values) for name, values in header["axes"].items()}
    shape = tuple(len(values) for values in axes.values())
    about = header["analysis"]
    arrays = {name: np.array(about[name], dtype=float) for name in ("observed", "background", "systematic")}
    bins = {name: (int(begin), int(end)) for name, (begin, end) in about["bins"].items()}
    counts = Counts(about["name"], bins, **arrays, caveat=about["caveat"])
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
    points = DarkParameters(**fields, is_majorana=header["is_majorana"])

    def at(*_: Any) -> DarkParameters:
        return points

    return Scan(
        points,
        counts,
        expectation,
        column("log_likelihood"),
        header["no_signal"],
        Slice(at, **axes),
        header["levels"],
        header["provenance"],
    )


def scan_path(path: str | os.PathLike[str]) -> Path:
    """The path, if its name says which kind of file it is; else `ValueError`."""
    path = Path(path)
    if path.suffix not in _SUFFIXES:
        raise ValueError(f"a scan file must end in {' or '.join(_SUFFIXES)}, got {path.name}")
    return path


def _read_csv(path: Path) -> tuple[str, pd.DataFrame]:
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    if not first.startswith("# {"):
        raise DataIntegrityError(f"{path} is not a file of {FORMAT!r}: its first line is {first[:40]!r}")
    # Arrow reads every number as it was written, and leaves a gap where there was nan.
    return first[2:], csv.read_csv(io.BytesIO(rest.encode())).to_pandas()


def _read_parquet(path: Path) -> tuple[str, pd.DataFrame]:
    table = pq.read_table(path)
    words = (table.schema.metadata or {}).get(b"darkpkg")
    if words is None:
        raise DataIntegrityError(f"{path} is not a file of {FORMAT!r}: it has no header")
    return words.decode(), table.to_pandas()


def _digest(words: str, table: pd.DataFrame) -> str:
    """Checksum of the header and of each column, byte by byte."""
    digest = hashlib.sha256(json.dumps(json.loads(words), sort_keys=True).encode())
    for name in table.columns:
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(table[name].to_numpy(dtype=float)).tobytes())
    return digest.hexdigest()

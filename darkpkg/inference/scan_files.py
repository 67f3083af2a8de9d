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
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from darkpkg.datasets import DataIntegrityError
from darkpkg.inference.likelihood import Likelihood, log_likelihood
from darkpkg.inference.scan import Scan, filled_between
from darkpkg.inference.scanning import require_scan_memory
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import no_signal
from darkpkg.inputs import Array, check_kinds
from darkpkg.memory import require_memory
from darkpkg.method.expectation import Expectation
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.physics.model import DarkParameters

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "darkpkg scan 1"
_SUMS = ("mean", "variance", "bias", "bias_variance")
_COUNTS = ("observed", "background", "systematic")
_SHARED = ("shared", "shared_signal")

LONGEST_HEADER = 4_000_000
"""Bytes; most of a header are the values of the axes, 20 bytes each."""

_UNREADABLE = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, eq=False)
class Counts:
    """What a scan keeps of its analysis: the counts, not the selection that made them.

    Attributes
    ----------
    name, caveat
        Of the analysis.
    bins
        First bin of each channel, by name, and the first after it.
    observed, background, systematic
        Counts, expected counts and relative errors, (bins,).
    shared, shared_signal
        Relative errors that bins have in common, (sources, bins), as those of `Analysis`.
    """

    name: str
    bins: dict[str, tuple[int, int]]
    observed: Array
    background: Array
    systematic: Array
    caveat: str = ""
    shared: tuple[tuple[float, ...], ...] = ()
    shared_signal: tuple[tuple[float, ...], ...] = ()

    @property
    def channels(self) -> tuple[Any, ...]:
        """Channels by name."""
        return tuple(SimpleNamespace(name=name) for name in self.bins)

    def bins_of(self, channel: str) -> slice:
        """The bins of a channel among those of the analysis."""
        return slice(*self.bins[channel])


def write_scan(scan: Scan, path: str | os.PathLike[str]) -> Path:
    """Write a scan of a `Slice` to a ``.parquet`` or ``.csv`` file, by a temporary name.

    Parameters
    ----------
    scan
        Of `DarkParameters`.
    path
        Its ending gives the kind of file.

    Returns
    -------
    Path
        That of the file.

    Raises
    ------
    TypeError, ValueError
        For what is no scan of a slice of `DarkParameters`, or another ending of the path.

    Examples
    --------
    >>> read_scan(write_scan(scan(Transport(sample), plane, ANALYSIS_I), "plane.csv")).axes     # doctest: +SKIP
    """
    import pyarrow as pa  # here: its import takes longer than a scan
    from pyarrow import parquet

    check_kinds(scan=(scan, Scan))
    path = scan_path(path)
    if scan.grid is None:
        raise ValueError("a scan must be that of a darkpkg.Slice to be written, so that it can be read again")
    table, analysis = scan.to_pandas(), scan.analysis
    bins = {channel.name: analysis.bins_of(channel.name) for channel in analysis.channels}
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
            "bins": {name: [where.start, where.stop] for name, where in bins.items()},
            **{name: np.asarray(getattr(analysis, name)).tolist() for name in _COUNTS},
            **{name: getattr(analysis, name, ()) for name in _SHARED},
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
            parquet.write_table(columns, partial, compression="zstd")
    return path


def read_scan(path: str | os.PathLike[str], likelihood: Likelihood = log_likelihood) -> Scan:
    """Read a file that `write_scan` wrote: the same numbers, bit for bit.

    Parameters that are tied to the free ones come back at the points that were evaluated; between them they are
    interpolated, and the scan cannot be refined further.

    Parameters
    ----------
    path
        A ``.parquet`` or ``.csv`` file.
    likelihood
        What the scan was made with: its values are compared with those of the file.

    Returns
    -------
    Scan
        With the counts of the analysis, not its selection.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If there is no such file, or the path is none of a scan.
    DataIntegrityError
        If the file is foreign, truncated or altered.
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


def scan_path(path: str | os.PathLike[str]) -> Path:
    """The path, if its ending is that of a kind of file; else `ValueError`."""
    check_kinds(path=(path, (str, os.PathLike)))
    path = Path(path)
    if path.suffix not in (".parquet", ".csv"):
        raise ValueError(f"path of a scan must end in .parquet or .csv, got {path.name}")
    return path


def _read(path: Path, file: BinaryIO, likelihood: Likelihood) -> Scan:
    """The header first, so that it can be checked before anything large is read."""
    words, needed, rows = _opened(path, file)
    if len(words) > LONGEST_HEADER:
        raise ValueError(f"its header must have at most {LONGEST_HEADER} bytes, got more")
    header = json.loads(words or "{}")
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else header
        raise DataIntegrityError(f"{path} is not a file of {FORMAT!r}: its format is {str(found)[:40]!r}")
    require_memory(needed, f"{path}, with copies to be read,")
    # Arrow reads every number as it was written; whole numbers are floats that happen to be whole.
    stated, table = header.pop("sha256"), rows().to_pandas().astype(float)
    found = _digest(json.dumps(header), table)
    if found != stated:
        raise DataIntegrityError(f"{path} was altered: its content has sha256 {found}, its header {stated}")
    scan = _scan(header, table, likelihood)
    for name, values, signal in (
        ("log_likelihood", table["log_likelihood"], scan.known),
        ("no_signal", scan.no_signal, no_signal(scan.analysis)),
    ):
        again = likelihood(signal, scan.analysis)
        if not np.allclose(values, again, rtol=1e-9, atol=1e-9):  # the same formula on another machine
            raise ValueError(f"its {name} does not follow from the others, by the likelihood that it is read with")
    return scan


def _opened(path: Path, file: BinaryIO) -> tuple[str, int, Callable[[], Any]]:
    """The header, empty if there is none, bytes of four copies of the table, and what reads it."""
    from pyarrow import csv, parquet

    if path.suffix == ".csv":
        first = file.readline(LONGEST_HEADER + 4).decode(errors="replace")
        words = first[2:].rstrip("\n") if first.startswith("# {") else ""
        return words, 4 * path.stat().st_size, lambda: csv.read_csv(file)
    opened = parquet.ParquetFile(file)
    words = (opened.schema_arrow.metadata or {}).get(b"darkpkg", b"").decode()
    return words, 32 * opened.metadata.num_rows * opened.metadata.num_columns, opened.read


def _scan(header: dict[str, Any], table: pd.DataFrame, likelihood: Likelihood) -> Scan:
    points: DarkParameters
    grid, about, levels = Slice(lambda *_: points, **header["axes"]), header["analysis"], header["levels"]
    # Files of before there were such errors do not have them.
    shared = {name: tuple(map(tuple, about.get(name, ()))) for name in _SHARED}
    counts = Counts(**about | {name: np.array(about[name]) for name in _COUNTS} | shared)
    require_scan_memory(grid.shape, len(counts.observed))
    index = tuple(np.searchsorted(values, table[name].to_numpy()) for name, values in grid.axes.items())

    def column(name: str) -> Array:
        values = np.full(grid.shape, np.nan)
        values[index] = table[name].to_numpy()
        return values

    def everywhere(name: str) -> Array:
        """Where a point was evaluated, bit for bit, and between as `filled_between`."""
        own = column(name)
        with np.errstate(divide="ignore"):  # where a parameter is zero
            return np.where(np.isnan(own), np.exp(filled_between(np.log(own), levels)), own)

    bins = range(len(counts.observed))
    # Older files lack what later became a field.
    kinds = [field.name for field in fields(Expectation) if field.name in _SUMS or f"{field.name}_0" in table]
    signal = Expectation(**{kind: np.stack([column(f"{kind}_{i}") for i in bins], axis=-1) for kind in kinds})
    values: dict[str, Any] = {name: everywhere(name) for name in DarkParameters.numbers() if name in table}
    # Files of before there was a choice of decays were written with that of the paper.
    kind = {"is_majorana": header["is_majorana"], "decays": header.get("decays", "paper")}
    points = DarkParameters(**values, **kind)
    lnL, without = column("log_likelihood"), float(header["no_signal"])
    return Scan(points, counts, signal, lnL, without, grid, levels, header["provenance"], likelihood)


def _digest(words: str, table: pd.DataFrame) -> str:
    """Checksum of the header and of each column, byte by byte."""
    digest = hashlib.sha256(json.dumps(json.loads(words), sort_keys=True).encode())
    for name in table.columns:
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(table[name].to_numpy(dtype=float)).tobytes())
    return digest.hexdigest()

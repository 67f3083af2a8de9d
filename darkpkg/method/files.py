"""The file of events: Parquet, with units, provenance and a checksum of every number.

Begin with `write_events` and `read_events`.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from darkpkg import _sources, datasets
from darkpkg.datasets import DataIntegrityError
from darkpkg.experiment import experiment
from darkpkg.experiment.volumes import Box
from darkpkg.inputs import check_kinds
from darkpkg.memory import require_memory
from darkpkg.method.columns import MOMENTA
from darkpkg.method.events import Events, PlacedEvents
from darkpkg.method.origin import Origin, Site, decoded, encoded
from darkpkg.method.sampling import SamplingRange
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import BENCHMARK_B

FORMAT = "darkpkg events 4"

_BEFORE = "darkpkg events 3"
"""Files that have no column of flavours, and have all in their provenance."""


_FORMER_UNITS = {"weight": "1 / nucleus / POT"}
"""What older files state, which leave out the unit of the mass density."""


class OtherSourcesWarning(UserWarning):
    """Events were simulated with other formulas or another flux than those of the installed package."""


def write_events(events: Events, path: str | os.PathLike[str], *, float32: bool = False) -> Path:
    """Write events to a Parquet file, atomically: ``path`` appears complete or not at all.

    In single precision a file is about half as large. Weights, which can be tiny, and masses stay in double
    precision. Of a particle the file has the energy less the momentum, so that its mass is known to 1e-7 of itself
    however large the boost is. That of a pair is known to 1e-7 times its energy over its mass.

    Parameters
    ----------
    events
        Placed or not.
    path
        The file; one that is there is replaced.
    float32
        Write vectors in single precision; they are read back as double.

    Returns
    -------
    Path
        The same as given.

    Raises
    ------
    TypeError
        For what are no events or no name of a file.
    OSError
        If it cannot be written.
    """
    check_kinds(events=(events, Events), path=(path, (str, os.PathLike)), float32=(float32, bool))
    path, columns = Path(path), events._arrays()
    if float32:
        columns = {name: _in_single(name, values) for name, values in columns.items()}
    found = _digest(_header(events), _in_double(columns))
    table = _table(events, columns).replace_schema_metadata(_header(events) | {"sha256": found})
    numbers = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    others = [name for name in table.column_names if name not in numbers]
    with complete_or_not_at_all(path) as partial:
        # Momenta hardly repeat, so that a dictionary of them costs time, but their first bytes do.
        pq.write_table(table, partial, compression="zstd", use_dictionary=others, use_byte_stream_split=numbers)
    return path


def checksum(events: Events) -> str:
    """SHA-256 of all that a file of these events holds: origin, provenance and each column, bit by bit.

    Parameters
    ----------
    events
        Placed or not.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    check_kinds(events=(events, Events))
    return _digest(_header(events), events._arrays())


def _in_single(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Vectors in single precision, momenta with E − |p|; other columns as they are."""
    if values.ndim == 1:
        return values
    if name in MOMENTA:
        values = np.column_stack([values[:, 0] - momentum(values), values[:, 1:]])
    most = np.finfo(np.float32).max
    if np.any(np.abs(values) > most):
        raise ValueError(f"{name} must be below {most:.1e} in size for float32, got {np.nanmax(np.abs(values)):g}")
    single = values.astype(np.float32)
    return np.minimum(single, np.float32(1 - 2**-24)) if name == "uniform" else single  # which stay below one


def _in_double(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Columns as they are in memory; the energy is E − |p| plus the momentum as it was rounded."""
    found = dict(columns)
    for name, values in columns.items():
        if values.dtype == np.float32:
            found[name] = values.astype(float)
            if name in MOMENTA:
                found[name][:, 0] += momentum(found[name])
    return found


def _header(events: Events) -> dict[str, str]:
    return {
        "format": FORMAT,
        "kind": type(events).__name__,
        "provenance": json.dumps(events.provenance, default=dict),
        "origin": json.dumps(encoded(events.origin)),
    }


def _table(events: Events, columns: Mapping[str, NDArray[Any]]) -> pa.Table:
    arrays, fields = [], []
    for name, about in events.columns().items():
        values = columns[name]
        by_part = values[:, None] if values.ndim == 1 else values
        parts = _parts(name, about, by_part.shape[1], values.dtype == np.float32)
        for part, column in zip(parts, by_part.T, strict=True):
            is_text = column.dtype.kind == "U"
            array = _words(column).dictionary_encode() if is_text else pa.array(np.ascontiguousarray(column))
            description = {"unit": about["unit"], "meaning": about["meaning"]}
            arrays.append(array)
            fields.append(pa.field(part, array.type, nullable=False, metadata=description))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def read_events(path: str | os.PathLike[str]) -> Events | PlacedEvents:
    """Read a file that `write_events` wrote.

    Parameters
    ----------
    path
        The file, of this version or the one before.

    Returns
    -------
    Events or PlacedEvents
        As they were written, bit for bit, or in single precision.

    Raises
    ------
    FileNotFoundError
        If there is none.
    DataIntegrityError
        If the file is foreign, truncated, of another format, if any number or any word of its origin was altered, or
        if it holds what `Events` cannot.
    ValueError
        If it does not fit into memory.

    Warns
    -----
    OtherSourcesWarning
        If the events were simulated with other formulas or fluxes than those that are installed.
    """
    check_kinds(path=(path, (str, os.PathLike)))
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no events file at path {path}")
    table = _read_table(path)
    metadata = table.schema.metadata or {}
    header = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in metadata.items()}
    if header.get("format") not in (FORMAT, _BEFORE):
        raise DataIntegrityError(f"{path} is not a file of {FORMAT!r}: its format is {header.get('format')!r}")
    try:
        kind = {"Events": Events, "PlacedEvents": PlacedEvents}[header["kind"]]
        provenance = json.loads(header["provenance"])
        about = kind.columns()
        if header["format"] == _BEFORE:
            del about["flavour"]
        columns = _in_double({name: _read(table, name, one) for name, one in about.items()})
        found = _digest(header, columns)
    except (KeyError, ValueError, TypeError, RecursionError, pa.ArrowException) as error:
        raise DataIntegrityError(
            f"{path} lacks columns or provenance of its kind {header.get('kind')!r}: {error}"
        ) from error
    if found != header.get("sha256"):
        raise DataIntegrityError(
            f"{path} was altered: its content has sha256 {found}, its header {header.get('sha256')}"
        )
    try:
        if header["format"] == _BEFORE:
            origin, provenance = _converted(provenance)
            columns["flavour"] = _right_sign(columns["beam"], origin)
        else:
            origin = decoded(json.loads(header["origin"]))
        events = kind(**columns, origin=origin, provenance=provenance)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataIntegrityError(f"{path} holds what no events can be, behind a valid checksum: {error}") from error
    _warn_of_other_sources(path, events)
    return events


def _converted(about: Mapping[str, Any]) -> tuple[Origin, dict[str, Any]]:
    """Origin and provenance of events of before there was an origin, which were all made with the fluxes of T2K."""
    provenance = {key: about[key] for key in ("seed", "n_events", "versions", "thinned", "moved") if key in about}
    provenance["flux"] = {}
    for beam in (beam for beam in experiment.T2K.beams if beam.name in about.get("flux", {})):
        checksum = about["flux"][beam.name]
        is_installed = checksum == datasets.manifest(f"flux/nd280_{beam.name.lower()}").sha256
        for flavour, flux in beam.fluxes.items():
            provenance["flux"][f"{beam.name} {flavour}"] = flux.checksum if is_installed else checksum
    given: dict[str, Any] = {key: about[key] for key in ("form_factor", "sequence") if key in about}
    if "sampling" in about:
        given["sampling"] = SamplingRange(**about["sampling"])
    if about.get("couplings"):
        given["couplings"] = BENCHMARK_B.replace(**about["couplings"])
    if about.get("detector") is not None:
        site = dict(about["detector"])
        site["targets"] = {int(code): number for code, number in site["targets"].items()}
        site["volumes"] = tuple(Box(low, high) for low, high in site.pop("fiducial_boxes", ()))
        if "seed" in site:
            provenance["placing_seed"] = site.pop("seed")
        given["detector"] = Site(**site)
    return Origin(beams=experiment.T2K.beams, **given), provenance


def _right_sign(beams: NDArray[np.str_], origin: Origin) -> NDArray[np.int64]:
    """The only flavour that each beam had."""
    return np.select([beams == beam.name for beam in origin.beams], [next(iter(b.fluxes)) for b in origin.beams], 14)


def _warn_of_other_sources(path: Path, events: Events) -> None:
    """Compare what made the events with what is installed, where it is stored."""
    differ = []
    physics = events.provenance.get("physics", _sources.digest())
    if physics != _sources.digest():
        differ.append(f"formulas of digest {physics} instead of {_sources.digest()}")
    published = (experiment.T2K, experiment.T2K_ALL_FLAVOURS)
    if events.provenance.get("experiment", "T2K") in [one.name for one in published]:
        for name, checksum in events.provenance.get("flux", {}).items():
            beam, _, flavour = name.rpartition(" ")
            installed = experiment.T2K_ALL_FLAVOURS[beam][int(flavour)].checksum
            if checksum != installed:
                differ.append(f"a flux of {name} with checksum {checksum[:16]} instead of {installed}")
    if differ:
        warnings.warn(f"{path} was made with {', and '.join(differ)}", OtherSourcesWarning, stacklevel=3)


def _read_table(path: Path) -> pa.Table:
    """The whole file. Raises `DataIntegrityError` if it is damaged, `ValueError` if it is too large to read."""
    try:
        with pq.ParquetFile(path) as file:
            rows, columns = file.metadata.num_rows, file.metadata.num_columns
            # Twice: as the file has them, and as arrays.
            require_memory(2 * 8.0 * rows * columns, f"{path} with {rows} events")
            return file.read()
    except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
        raise DataIntegrityError(f"{path} is no readable Parquet file, perhaps truncated: {error}") from error


def _parts(name: str, about: Mapping[str, Any], n: int, single: bool) -> list[str]:
    """Names in the file of the n components of a column."""
    components = about["components"]
    if single and name in MOMENTA:
        components = ("E_less_p", *components[1:])
    return [name] if components == () else [f"{name}_{component}" for component in components or range(n)]


def _read(table: pa.Table, name: str, about: Mapping[str, Any]) -> NDArray[Any]:
    n = sum(part.removeprefix(f"{name}_").isdecimal() for part in table.column_names)
    single = f"{name}_E_less_p" in table.column_names
    parts = [_values(table, part, about["unit"]) for part in _parts(name, about, n, single)]
    return parts[0] if about["components"] == () else np.stack(parts, axis=-1)


def _values(table: pa.Table, name: str, unit: str) -> NDArray[Any]:
    column, stated = table.column(name), (table.field(name).metadata or {}).get(b"unit", b"").decode()
    if stated not in (unit, _FORMER_UNITS.get(name)):
        raise ValueError(f"column {name} must have the unit {unit!r}, got {stated!r}")
    if pa.types.is_dictionary(column.type):
        column = column.combine_chunks()
        return np.array(column.dictionary.to_pylist(), dtype=str)[column.indices.to_numpy()]
    return column.to_numpy()


def _digest(header: Mapping[str, str], columns: Mapping[str, NDArray[Any]]) -> str:
    """Checksum of all that is in a file: its header and each column, byte by byte."""
    words = ("format", "kind", "provenance", *(["origin"] if header["format"] == FORMAT else []))
    digest = hashlib.sha256(json.dumps([header[key] for key in words]).encode())
    for name, values in columns.items():
        digest.update(f"{name}{values.shape}".encode())
        is_text = values.dtype.kind == "U"
        for buffer in _words(values).buffers()[1:] if is_text else [np.ascontiguousarray(values).data]:
            digest.update(buffer)
    return digest.hexdigest()


def _words(values: NDArray[np.str_]) -> pa.StringArray:
    """Text in one piece, where Arrow itself cuts it after 16 MB."""
    array = pa.array(values)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array

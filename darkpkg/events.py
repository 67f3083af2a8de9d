"""Simulated events in columns, and the file they travel in.

`Events` come out of the generator; `PlacedEvents` also have a vertex in a detector and the path of N through its
decay volumes. Both are frozen, are sliced like arrays (``events[events.beam == "FHC"]``) and are written to Parquet
files that carry units, provenance and a checksum of every number.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from darkpkg.datasets import DataIntegrityError

Array = NDArray[np.float64]

__all__ = ["Events", "PlacedEvents", "read_events"]

FORMAT = "darkpkg events 3"
_FOUR_VECTOR = ("E", "px", "py", "pz")
_VECTOR = ("x", "y", "z")
_POINT = ("E_nu", "Q2", "s", "cos_Z", "cos_e", "phi_e", "azimuth_N", "azimuth_decay")
_PAIR = ("electron_momentum", "electron_angle", "positron_momentum", "positron_angle")


def _column(unit: str, meaning: str, components: tuple[str, ...] | None = (), **options: Any) -> Any:
    return dataclasses.field(metadata={"unit": unit, "meaning": meaning, "components": components}, **options)


@dataclass(frozen=True, eq=False)
class Events:
    """Columns of n weighted events, all of the same length; four-momenta are (n, 4) arrays (E, p_x, p_y, p_z).

    ``provenance`` says how they were made (seed, versions, sampling range, generation couplings, …) and is kept when
    events are selected. Events that were not made by `generate` need neither ``replicate`` nor ``point``.
    """

    weight: Array = _column("1 / nucleus / POT", "upscatterings at the generation couplings times mass density q")
    m_N: Array = _column("GeV", "mass of N")
    m_Zprime: Array = _column("GeV", "mass of the dark photon")
    p_N: Array = _column("GeV", "four-momentum of N", _FOUR_VECTOR)
    p_electron: Array = _column("GeV", "four-momentum of the electron", _FOUR_VECTOR)
    p_positron: Array = _column("GeV", "four-momentum of the positron", _FOUR_VECTOR)
    target: NDArray[np.int64] = _column("PDG code", "nucleus that was hit")
    beam: NDArray[np.str_] = _column("", "horn polarity, FHC or RHC")
    provenance: Mapping[str, Any] = dataclasses.field(repr=False)
    replicate: NDArray[np.int64] = _column(
        "", "which of several point sequences drew the event; 0 if it is on its own", default=None, kw_only=True
    )
    point: Array = _column(
        "", "point of the unit hypercube that made the event; nan if unknown", _POINT, default=None, kw_only=True
    )

    def __post_init__(self) -> None:
        if self.replicate is None:
            object.__setattr__(self, "replicate", np.zeros(len(self.weight), dtype=np.int64))
        if self.point is None:
            object.__setattr__(self, "point", np.full((len(self.weight), len(_POINT)), np.nan))
        lengths = {name: len(getattr(self, name)) for name in self.columns()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"all columns must have the same length, got {lengths}")
        for name in self.columns():
            column = np.ascontiguousarray(getattr(self, name)).view()
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        if not isinstance(self.provenance, Mapping):
            raise TypeError(f"provenance must be a mapping, got {self.provenance!r}")
        object.__setattr__(self, "provenance", _frozen(self.provenance))

    @classmethod
    def columns(cls) -> dict[str, Mapping[str, Any]]:
        """Unit, meaning and components of each column, by name."""
        return {f.name: f.metadata for f in dataclasses.fields(cls) if "unit" in f.metadata}

    def __len__(self) -> int:
        return len(self.weight)

    def __getitem__(self, selection: Any) -> Self:
        """The events that a slice, a mask or an array of indices picks."""
        if isinstance(selection, int | np.integer):
            selection = np.arange(len(self))[selection, None]
        return dataclasses.replace(self, **{name: getattr(self, name)[selection] for name in self.columns()})

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write to a Parquet file, atomically: ``path`` appears complete or not at all. Returns the path."""
        path = Path(path)
        header = {
            "format": FORMAT,
            "kind": type(self).__name__,
            "provenance": json.dumps(self.provenance, default=dict),
        }
        table = self._table().replace_schema_metadata(header | {"sha256": _digest(header, self)})
        partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            pq.write_table(table, partial, compression="zstd")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        return path

    def _table(self) -> pa.Table:
        arrays, fields = [], []
        for name, about in self.columns().items():
            values = getattr(self, name)
            for index, part in enumerate(_parts(name, about, values.shape)):
                array = pa.array(np.ascontiguousarray(values[:, index]) if values.ndim == 2 else values)
                array = array.dictionary_encode() if values.dtype.kind == "U" else array
                description = {"unit": about["unit"], "meaning": about["meaning"]}
                arrays.append(array)
                fields.append(pa.field(part, array.type, nullable=False, metadata=description))
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


@dataclass(frozen=True, eq=False)
class PlacedEvents(Events):
    """`Events` with a vertex and, for each of k fiducial boxes, where the straight path of N enters and leaves it.

    ``entry`` and ``exit`` (n, k) are distances from the vertex in cm, with entry = exit where the path misses; the
    order of the boxes is that of `fiducial_modules`. ``provenance["detector"]`` holds the name of the detector, its
    fiducial modules and its number of nuclei of each kind.
    """

    vertex: Array = _column("cm", "point of upscattering", _VECTOR)
    module: NDArray[np.str_] = _column("", "module that holds the vertex")
    entry: Array = _column("cm", "distance from the vertex to the entry into each fiducial box", None)
    exit: Array = _column("cm", "distance from the vertex to the exit from each fiducial box", None)
    uniform: Array = _column("", "random numbers in [0, 1) that a response of the detector is read off with", _PAIR)

    @property
    def fiducial_modules(self) -> tuple[str, ...]:
        """Modules with a fiducial box, in the order of the columns of ``entry`` and ``exit``."""
        return tuple(self.provenance["detector"]["fiducial_modules"])

    def columns_of(self, modules: Sequence[str]) -> list[int]:
        """Columns of ``entry`` and ``exit`` that belong to ``modules``.

        Raises `ValueError` that names a module without a fiducial box in this detector.
        """
        known = self.fiducial_modules
        for name in modules:
            if name not in known:
                detector = self.provenance["detector"]["name"]
                raise ValueError(f"{name} must be a module of {detector} with a fiducial box, one of {known}")
        return [known.index(name) for name in modules]

    def starts_in(self, modules: Sequence[str]) -> NDArray[np.bool_]:
        """Whether the vertex of each event lies in the fiducial box of one of ``modules``: there, entry is zero."""
        columns = self.columns_of(modules)
        return ((self.entry[:, columns] == 0) & (self.exit[:, columns] > 0)).any(axis=1)

    @property
    def number_of_targets(self) -> dict[int, float]:
        """Nuclei of each kind in the detector, by PDG code."""
        return {int(code): number for code, number in self.provenance["detector"]["targets"].items()}


def read_events(path: str | os.PathLike[str]) -> Events | PlacedEvents:
    """Read a file that `Events.write` wrote.

    Raises `DataIntegrityError` if the file is foreign, truncated, of another format, or if any number or any word of
    its provenance was altered.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no events file at {path}")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataIntegrityError(f"{path} is no readable Parquet file, perhaps truncated: {error}") from error
    metadata = table.schema.metadata or {}
    header = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in metadata.items()}
    if header.get("format") != FORMAT:
        raise DataIntegrityError(f"{path} is not a file of {FORMAT!r}: its format is {header.get('format')!r}")
    try:
        kind = {"Events": Events, "PlacedEvents": PlacedEvents}[header["kind"]]
        provenance = json.loads(header["provenance"])
        events = kind(
            **{name: _read(table, name, about) for name, about in kind.columns().items()}, provenance=provenance
        )
    except (KeyError, ValueError, TypeError, pa.ArrowException) as error:
        raise DataIntegrityError(
            f"{path} lacks columns or provenance of its kind {header.get('kind')!r}: {error}"
        ) from error
    found = _digest(header, events)
    if found != header.get("sha256"):
        raise DataIntegrityError(
            f"{path} was altered: its content has sha256 {found}, it says {header.get('sha256')}"
        )
    return events


def _frozen(value: Any) -> Any:
    """Nested mappings and lists that nobody can change."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _parts(name: str, about: Mapping[str, Any], shape: tuple[int, ...]) -> list[str]:
    """Names in the file of the components of a column."""
    if len(shape) == 1:
        return [name]
    return [f"{name}_{component}" for component in about["components"] or range(shape[1])]


def _read(table: pa.Table, name: str, about: Mapping[str, Any]) -> NDArray[Any]:
    if about["components"] == ():
        return _values(table, name, about["unit"])
    numbered = (f"{name}_{i}" for i in itertools.count())
    known = [f"{name}_{c}" for c in about["components"] or ()]
    parts = known or list(itertools.takewhile(lambda part: part in table.column_names, numbered))
    return np.stack([_values(table, part, about["unit"]) for part in parts], axis=-1)


def _values(table: pa.Table, name: str, unit: str) -> NDArray[Any]:
    column, stated = table.column(name), (table.field(name).metadata or {}).get(b"unit", b"").decode()
    if stated != unit:
        raise ValueError(f"column {name} must have the unit {unit!r}, it says {stated!r}")
    if pa.types.is_dictionary(column.type):
        column = column.combine_chunks()
        return np.array(column.dictionary.to_pylist(), dtype=str)[column.indices.to_numpy()]
    return column.to_numpy()


def _digest(header: Mapping[str, str], events: Events) -> str:
    """Checksum of everything a file says: its header and each column, byte by byte."""
    digest = hashlib.sha256(json.dumps([header[key] for key in ("format", "kind", "provenance")]).encode())
    for name in events.columns():
        values = getattr(events, name)
        digest.update(f"{name}{values.shape}".encode())
        text = values.dtype.kind == "U"
        for buffer in pa.array(values).buffers()[1:] if text else [np.ascontiguousarray(values)]:
            digest.update(buffer)
    return digest.hexdigest()

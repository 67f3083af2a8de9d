"""Simulated events in columns, and their file.

`Events` come out of the generator, or from the columns of another's table; `PlacedEvents` also have a vertex in a
detector and the path of N through its decay volumes. Both are frozen, are selected like arrays
(``events[events.beam == "FHC"]``), thinned (`Events.thinned`), joined (`darkpkg.concatenate`) and written to Parquet
files that carry units, origin and a checksum of every number. Whatever enters, by hand or from a file, is checked
column by column.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.beam import FLAVOURS
from darkpkg.experiment.detector import check_fiducial
from darkpkg.inputs import Array, check, check_kinds, count, frozen, to_read, tuple_of
from darkpkg.method.columns import MOMENTA, PAIR, POINT, cast, column_of, four_momentum, is_one_of, refuse
from darkpkg.method.origin import Origin, Site
from darkpkg.physics.kinematics import momentum

__all__ = ["Events", "PlacedEvents"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Events:
    """Columns of n weighted events, all of the same length; four-momenta are (n, 4) arrays (E, p_x, p_y, p_z).

    Events of another generator need an ``Origin(sampling, couplings)``, but neither ``replicate`` nor ``point``, nor
    ``flavour`` if they are of muon neutrinos.

    The weights of all events of a beam and nucleus together add up to the rate. A selection leaves them as they are,
    for it answers a question about the whole sample: ``events[events.beam == "FHC"]`` is the part of the rate that
    comes from that beam. A smaller sample that stands for the whole is `thinned`, a larger one is
    `darkpkg.concatenate` of several.

    Parameters
    ----------
    weight
        (n,), of any sign: upscatterings per nucleus and POT at the couplings of the origin, times the mass density q
        (`SamplingRange`), in GeV⁴ unless the masses are fixed or drawn evenly.
    m_N, m_Zprime
        Masses (n,) in GeV.
    p_N, p_electron, p_positron
        Four-momenta (n, 4) in GeV.
    target, flavour
        PDG codes (n,) of the nucleus, 100ZZZAAA0 or 100ZZZAAA1 for its nucleons, and of the neutrino.
    beam
        Names (n,).
    replicate
        (n,): which of several point sequences drew the event.
    point
        (n, 8), of the unit hypercube, that made the event; nan if unknown.
    origin
        What weights compute with: sampled masses, couplings, beams (`Origin`).
    provenance
        The rest, for readers: seed, versions, checksums. Both are kept when events are selected.

    Raises
    ------
    TypeError, ValueError
        That names the column, the first bad value and how many there are, for other types or shapes, a number that is
        not finite, masses that are not positive, momenta larger than their energy, an unknown beam or what is no
        nucleus.
    """

    weight: Array = column_of(
        "q / nucleus / POT",
        "upscatterings at the generation couplings times mass density q: in GeV^4 if adapted, 1 at fixed masses",
    )
    m_N: Array = column_of("GeV", "mass of N", rule="positive and finite")
    m_Zprime: Array = column_of("GeV", "mass of the dark photon", rule="positive and finite")
    p_N: Array = four_momentum("four-momentum of N")
    p_electron: Array = four_momentum("four-momentum of the electron")
    p_positron: Array = four_momentum("four-momentum of the positron")
    target: NDArray[np.int64] = column_of("PDG code", "nucleus that was hit", rule="integer")
    beam: NDArray[np.str_] = column_of("", "name of the beam", rule=None)
    replicate: NDArray[np.int64] = column_of(
        "", "which of several point sequences drew the event; 0 if it is on its own", rule="integer", missing=0
    )
    point: Array = column_of(
        "",
        "point of the unit hypercube that made the event; nan if unknown",
        POINT,
        rule="in [0, 1] or nan",
        missing=np.nan,
    )
    flavour: NDArray[np.int64] = column_of(
        "PDG code", "neutrino that upscattered; 14 if not given", rule="integer", missing=14
    )
    origin: Origin = dataclasses.field(default=Origin(), repr=False)
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        check_kinds(origin=(self.origin, Origin), provenance=(self.provenance, Mapping))
        object.__setattr__(self, "provenance", frozen("provenance", self.provenance))
        columns: dict[str, NDArray[Any]] = {}
        for name, about in self.columns().items():
            value = getattr(self, name)
            if value is None and about["missing"] is not None:
                shape = (len(columns["weight"]), len(about["components"]))
                value = np.full(shape if about["components"] else shape[0], about["missing"])
            columns[name] = cast(name, value, about)
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"all columns must have the same length, got {lengths}")
        self.__setstate__(columns)
        check("replicate", self.replicate, "not negative")
        for name, wrong, rule in self._rules():
            refuse(wrong, name, rule, getattr(self, name))

    def _rules(self) -> Iterator[tuple[str, NDArray[np.bool_], str]]:
        """Columns, the rows that contradict another column, the origin, or what there is, and what they must do."""
        for name in MOMENTA:
            p = getattr(self, name)
            # Rounding in single precision, of an energy that is all momentum, is below 1e-5.
            yield name, ~(p[:, 0] * (1 + 1e-5) >= momentum(p)), "have an energy of at least its momentum"
        most = self.origin.replicates
        beyond = (self.replicate >= most) & (self.origin.sequence == "sobol")
        yield "replicate", beyond, f"be below the number of replicates, {most}"
        yield "beam", self.beam == "", "have a name"
        yield "flavour", ~is_one_of(self.flavour, FLAVOURS), f"be one of {FLAVOURS}"
        names = [beam.name for beam in self.origin.beams]
        yield "beam", ~is_one_of(self.beam, names) & bool(names), f"be one of {', '.join(names)}"
        for beam in self.origin.beams:
            strange = (self.beam == beam.name) & ~is_one_of(self.flavour, beam.fluxes)
            yield "flavour", strange, f"be one that {beam.name} has, {list(beam.fluxes)}"
        Z, A = self.target // 10_000 % 1000, self.target // 10 % 1000
        nucleus = (self.target // 10_000_000 == 100) & (self.target % 10 <= 1) & (Z >= 1) & (A >= Z)
        yield "target", ~nucleus, "be a nucleus, 100ZZZAAA0, or its nucleons, 100ZZZAAA1"

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        # Columns cannot be written to, not even copies or those that come out of a pickle.
        columns = self.columns()
        for name, value in state.items():
            object.__setattr__(self, name, to_read(np.ascontiguousarray(value)) if name in columns else value)

    @classmethod
    def columns(cls) -> dict[str, Mapping[str, Any]]:
        """Unit, meaning and components of each column, by name."""
        return {f.name: f.metadata for f in dataclasses.fields(cls) if "unit" in f.metadata}

    def __len__(self) -> int:
        return len(self.weight)

    def __getitem__(self, selection: Any) -> Self:
        """The events that a mask, an array of indices or one index picks, with their weights unchanged.

        That is a selection out of the sample, not a smaller sample: see `thinned`. A slice that leaves events out,
        which would only make sense as that, raises `ValueError`.
        """
        picked = _rows(selection, len(self))
        return self._with({name: rows_of(own, picked) for name, own in self._arrays().items()}, self.provenance)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """All `columns` by name."""
        return {name: getattr(self, name) for name in self.columns()}

    def _with(self, changes: Mapping[str, NDArray[Any]], provenance: Mapping[str, Any]) -> Self:
        """Events of the same kind and origin, of columns that need no check as their rows were checked before."""
        return self.of_columns({**self._arrays(), **changes}, self.origin, provenance)

    @classmethod
    def of_columns(cls, columns: Mapping[str, NDArray[Any]], origin: Origin, provenance: Mapping[str, Any]) -> Self:
        """Events of all `columns`, of the right type and shape, that need no check."""
        events = object.__new__(cls)
        events.__setstate__({**columns, "origin": origin, "provenance": frozen("provenance", provenance)})
        return events

    def thinned(self, every: int, start: int = 0) -> Self:
        """Every ``every``-th event, beginning with number ``start``, as a smaller sample that stands for the whole.

        Weights grow by the share that is left out, of each beam and nucleus on its own, so that rates stay what they
        are within the larger errors.

        Parameters
        ----------
        every, start
            Numbers of events; ``start`` below ``every`` numbers samples that have no event in common.

        Returns
        -------
        Events or PlacedEvents
            Of the same kind.

        Raises
        ------
        ValueError
            If nothing is left of a beam and nucleus, or for Sobol sequences, of which any part is spread less evenly
            than it claims: of these, simulate fewer.
        """
        kept = slice(count("start", start, 0), None, count("every", every, 1))
        if self.origin.sequence == "sobol":
            raise ValueError("events of Sobol sequences must not be thinned: simulate fewer")
        groups, index, before = np.unique(source_numbers(self), return_inverse=True, return_counts=True)
        after = np.bincount(index[kept], minlength=len(groups))
        if (after == 0).any():
            lost = np.flatnonzero(after == 0)[0]
            one = np.flatnonzero(index == lost)[0]
            raise ValueError(
                f"every = {every} with start = {start} must keep some of the {before[lost]} events of "
                f"{self.beam[one]} on {self.target[one]}: thin less"
            )
        columns = {name: own[kept] for name, own in self._arrays().items()}
        columns["weight"] = columns["weight"] * (before / np.maximum(after, 1))[index[kept]]
        provenance = {**self.provenance, "thinned": {"every": every, "start": start}}
        if isinstance(self.provenance.get("n_events"), int):
            # Rounded up, so that the thinned part of a selection does not pass for a whole sample.
            provenance["n_events"] = -(-self.provenance["n_events"] * len(columns["weight"]) // max(len(self), 1))
        return self._with(columns, provenance)


@dataclass(frozen=True, eq=False, kw_only=True)
class PlacedEvents(Events):
    """`Events` with a vertex and, for each of k fiducial volumes, where the straight path of N enters and leaves it.

    ``origin.detector`` holds the name of the detector, its modules and its number of nuclei of each kind (`Site`).

    Parameters
    ----------
    vertex
        Where the neutrinos upscattered, (n, 3) in cm.
    module
        Names (n,) of the modules that hold them.
    entry, exit
        Distances (n, k) from the vertex in cm, with entry = exit where the path misses; the order of the volumes is
        that of `fiducial_modules`.
    uniform
        Random numbers (n, 4) in [0, 1) that a response of the detector is read off with.
    """

    vertex: Array = column_of("cm", "point of upscattering", ("x", "y", "z"))
    module: NDArray[np.str_] = column_of("", "module that holds the vertex", rule=None)
    entry: Array = column_of(
        "cm", "distance from the vertex to the entry into each fiducial volume", None, rule="finite and not negative"
    )
    exit: Array = column_of(
        "cm", "distance from the vertex to the exit from each fiducial volume", None, rule="finite and not negative"
    )
    uniform: Array = column_of(
        "", "random numbers in [0, 1) that a response of the detector is read off with", PAIR, rule="in [0, 1)"
    )

    def _rules(self) -> Iterator[tuple[str, NDArray[np.bool_], str]]:
        yield from super()._rules()
        detector = self.detector
        for name in ("entry", "exit"):
            shape, modules = getattr(self, name).shape, list(detector.fiducial_modules)
            if shape[1] != len(modules):
                raise ValueError(f"{name} must have a column for each of {modules}, got shape {shape}")
        yield "exit", self.exit < self.entry, "be no nearer than entry"
        yield "p_N", momentum(self.p_N) == 0, "have a direction"
        codes = list(detector.targets)
        yield "target", ~is_one_of(self.target // 10 * 10, codes), f"be in {detector.name}, {codes}"
        unknown = ~is_one_of(self.module, detector.modules) & bool(detector.modules)
        yield "module", unknown, f"be one of {', '.join(detector.modules)}"
        yield "module", self.module == "", "have a name"

    @property
    def detector(self) -> Site:
        """What is needed of the detector. Raises `ValueError` if the origin has none."""
        if self.origin.detector is None:
            raise ValueError("origin of placed events must hold their detector, as those of darkpkg.place do")
        return self.origin.detector

    @property
    def fiducial_modules(self) -> tuple[str, ...]:
        """Modules with a fiducial volume, in the order of the columns of ``entry`` and ``exit``."""
        return self.detector.fiducial_modules

    def columns_of(self, modules: Sequence[str]) -> list[int]:
        """Columns of ``entry`` and ``exit`` that belong to ``modules``.

        Raises `ValueError` that names a module without a fiducial volume in this detector.
        """
        known, modules = self.fiducial_modules, tuple_of("modules", modules, str)
        check_fiducial("modules", modules, self.detector.name, known)
        return [known.index(name) for name in modules]

    def starts_in(self, modules: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each vertex lies in the fiducial volume of one of ``modules``: there, entry is zero."""
        inside = np.zeros(len(self), dtype=bool)
        for column in self.columns_of(modules):
            inside |= (self.entry[:, column] == 0) & (self.exit[:, column] > 0)
        return inside


def by_source(events: Events) -> list[tuple[tuple[str, int, int], NDArray[np.int64]]]:
    """Beam, flavour and target of the events of each source, and their rows."""
    numbers = source_numbers(events)
    rows = [np.flatnonzero(numbers == number) for number in distinct(numbers)]
    first = [own[0] for own in rows]
    kinds = zip(*(getattr(events, name)[first].tolist() for name in ("beam", "flavour", "target")), strict=True)
    return list(zip(kinds, rows, strict=True))


def distinct(column: NDArray[np.int64]) -> list[int]:
    """The different numbers in a column, in order: fast if equal ones mostly stand together."""
    begins = np.append(True, column[1:] != column[:-1])[: len(column)]
    return np.unique(column[begins]).tolist()


def block_of(rows: NDArray[np.int64]) -> Any:
    """Increasing ``rows`` as a slice if none is left out between the first and the last, which is faster."""
    together = len(rows) and rows[-1] - rows[0] == len(rows) - 1
    return slice(rows[0], rows[-1] + 1) if together else rows


def rows_of(column: NDArray[Any], rows: Any) -> NDArray[Any]:
    """The ``rows`` of a column, a slice or indices: numpy takes rows of vectors ten times as fast as it indexes."""
    return column[rows] if isinstance(rows, slice) else np.take(column, rows, axis=0)


def source_numbers(events: Events) -> NDArray[np.int64]:
    """One number for each kind of beam, flavour and nucleus."""
    number = np.zeros(len(events), dtype=np.int64)
    names = [beam.name for beam in events.origin.beams] or list(dict.fromkeys(events.beam.tolist()))
    for i, beam in enumerate(names):
        number[events.beam == beam] = i
    return (number * 100 + events.flavour) * 10_000_000_000 + events.target


def _rows(selection: Any, n: int) -> Any:
    """A selection of whole events: the slice of all, or indices from zero on."""
    if isinstance(selection, slice):
        begin, end, step = selection.indices(n)
        if (begin, end, step) != (0, n, 1) and len(range(begin, end, step)):
            raise ValueError(
                f"events must not be cut by a slice, got {selection}: weights would stay those of the whole sample. "
                "Take events.thinned(…) for a smaller one, or a mask or indices for a selection"
            )
        return selection
    if isinstance(selection, int | np.integer) and not isinstance(selection, bool):
        return np.arange(n)[selection, None]
    rows = np.asarray(selection)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "biu"):
        raise TypeError(f"events are selected by a mask, indices or a slice along one axis, got {selection!r}")
    return np.arange(n)[rows if rows.size or rows.dtype.kind == "b" else np.empty(0, dtype=np.int64)]

"""A table of all rates of an experiment: every prediction from one small file, by numpy alone.

Begin with `load_table`, which gives an estimator: ``load_table().events(BENCHMARK_B, ANALYSIS_I)``.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.selection import Selection
from darkpkg.inputs import Array, check_kinds, one_of
from darkpkg.method.expectation import Expectation
from darkpkg.method.origin import encoded
from darkpkg.method.predictions import MUON, Predictions, flavours_at
from darkpkg.method.sampling import OutsideSampleError
from darkpkg.method.table_grid import Axis, Field, Grid, Near, around
from darkpkg.physics.model import DarkParameters

__all__ = ["Table", "load_table"]

FORMAT = "darkpkg table 2"

_DEFAULT = "tables/t2k.npz"

_AT_ONCE = 4096
"""Points in memory."""


_FEW_LEAVE = 0.1
"""If of N with the shortest lifetimes no more than this share decays outside, all are produced inside: their rate at
none is that of all decays. Elsewhere what is produced inside is a small part of all."""


class Table(Predictions):
    """An estimator that reads rates from a table; its methods are those of `darkpkg.Transport`.

    The mean is exact in couplings, exposure, efficiency and lifetimes. Its error, from the simulation and from
    interpolation, is ``tabulation`` of an `Expectation`, and enters no likelihood: bins and points have it in common.
    """

    T2K_PARTS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "argon": ("TPC1", "TPC2", "TPC3"),
        "scintillator": ("FGD1", "FGD2"),
        "P0D": ("P0D-ECAL1", "P0D-water", "P0D-ECAL2"),
    }
    """Modules of ND280 in which N is produced, in the order in which the default table adds them up."""

    def __init__(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[np.int16]]) -> None:
        if header.get("format") != FORMAT:
            raise ValueError(f"format of a table must be {FORMAT!r}, got {header.get('format')!r}")
        self.header, self.arrays, self.last_part = header, arrays, None
        self._grids = {name: Grid(**about) for name, about in header["grids"].items()}
        self._fields: dict[tuple[str, int | None], Field] = {}

    def __repr__(self) -> str:
        regimes = " and ".join(self._grids)
        experiment, physics = self.header["experiment"], self.header["physics"]
        return f"table of all rates of {experiment}, {regimes} mediator, physics {physics}"

    def __getstate__(self) -> dict[str, Any]:
        """What another process is sent: numbers as in the file, a tenth as long as those that have been unpacked."""
        return vars(self) | {"_fields": {}}

    @classmethod
    def read(cls, path: str | os.PathLike[str] | BinaryIO) -> Table:
        """A table from a file or a stream.

        Raises `ValueError` for one that is none, and `FileNotFoundError` without a file.
        """
        check_kinds(path=(path, (str, os.PathLike, io.IOBase)))
        try:
            return cls(*datasets.archived(path))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} holds no table of rates: {error}") from error

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a .npz file. Raises `TypeError` for what is no path."""
        check_kinds(path=(path, (str, os.PathLike)))
        datasets.write_archive(Path(path), self.header, self.arrays)

    def up_to(self, part: str) -> Table:
        """The rates of N that are produced in the parts of the detector up to this one, in the order of the table.

        Raises `ValueError` for a part that the table does not have.
        """
        table = Table(self.header, self.arrays)
        names = [name for one in self.header["spectra"].values() for name in one["parts"]]
        table.last_part = one_of("part", part, dict.fromkeys(names))  # type: ignore[assignment]
        return table

    def _sum(self, parameters: DarkParameters, ctau: Array | None, analysis: Analysis) -> Expectation:
        if parameters.is_majorana:
            raise ValueError("is_majorana must be False: the table is of Dirac N; simulate this point instead")
        flavours_at(parameters, (MUON,), "the table")
        bins = len(analysis.observed)
        shape = parameters.shape if ctau is None else np.broadcast_shapes(parameters.shape, ctau.shape)
        spread = functools.partial(np.broadcast_to, shape=shape)
        m_N, m_Zprime = spread(parameters.m_N).ravel(), spread(parameters.m_Zprime).ravel()
        scale = spread(parameters.coupling * parameters.pair_branching_ratio()).ravel()
        with np.errstate(divide="ignore", over="ignore"):
            L = None if ctau is None else np.log(spread(ctau).ravel() / m_N)
            flight = np.log(spread(parameters.mediator_decay_length()).ravel() / m_Zprime)
        found = np.zeros((3, len(m_N), bins))
        for mediator, rows in (("heavy", m_Zprime >= m_N), ("light", m_Zprime < m_N)):
            for part in np.array_split(np.flatnonzero(rows), -(-rows.sum() // _AT_ONCE) or 1):
                if len(part):
                    at = m_N[part], m_Zprime[part]
                    found[:, part] = self._bins(mediator, at, None if L is None else L[part], flight[part], analysis)
        found *= scale[:, None] ** np.array([1, 2, 2])[:, None, None]
        mean, square, covariance = found.reshape(3, *shape, bins)
        return Expectation(mean, np.zeros(mean.shape), tabulation=square, covariance=covariance)

    def _bins(
        self, mediator: str, masses: tuple[Array, Array], L: Array | None, flight: Array, analysis: Analysis
    ) -> Array:
        """Rates for unit couplings in all bins of an analysis, their squared errors, and the sums of covariances of
        each bin with all others: (3, n, bins).
        """
        if mediator not in self._grids:
            (m_N, m_Zprime), (only,) = masses, self._grids
            low, high = (float(m_N[0]), np.inf) if only == "heavy" else (0.0, float(m_N[0]))
            rule = f"m_Zprime = {m_Zprime[0]:g} GeV lies outside the table, which is of a {only} mediator"
            raise OutsideSampleError(rule, "m_Zprime", float(m_Zprime[0]), low, high)
        near, known, channels = self._grids[mediator].near(*masses), {}, []
        for channel in analysis.channels:
            name, about = self._spectrum(channel.selection)
            if name not in known:
                known[name] = self._rates(f"{mediator}/{name}", about, near, L, flight)
            beam = list(about["beams"]).index(one_of(f"beam of channel {channel.name}", channel.beam, about["beams"]))
            factor = np.full((len(flight), 1), channel.pot * channel.selection.efficiency)
            if mediator == "light" and about["max_mass"] is not None:
                factor *= (masses[1] < about["max_mass"])[:, None]
            channels.append((name, beam, factor))
        found = []
        for name, beam, factor in channels:
            (rate, error, share), of_beams = known[name]
            mean, square = rate[:, beam] * factor, (error[:, beam] * factor) ** 2
            with_all = sum(other * of_beams[:, beam, b, None] for one, b, other in channels if one == name)
            found.append([mean, square, share[:, beam] * with_all * factor - square])
        return np.concatenate(found, axis=-1)

    def _spectrum(self, selection: Selection) -> tuple[str, Mapping[str, Any]]:
        digest = selection_digest(selection)
        for name, about in self.header["spectra"].items():
            if about["selection"] == digest:
                return name, about
        names = ", ".join(self.header["spectra"])
        raise ValueError(
            f"selection must be one of the table, those of analyses {names} with any efficiency; simulate this one "
            f"instead, got {selection!r:.300}"
        )

    def _rates(
        self, name: str, about: Any, near: Mapping[int, Near], L: Array | None, flight: Array
    ) -> tuple[Array, Array]:
        """Rates, errors and shares of bins (3, n, beams, bins) per POT for unit couplings and efficiency.

        Second, the covariances (n, beams, beams) of the sums over bins. Shares of one beam add up to one, so that
        their covariances cancel in a sum.
        """
        parts = about["parts"]
        part = parts.index(self.last_part) if self.last_part in parts else len(parts) - 1
        flies = np.isfinite(flight) & (L is not None)
        flight = np.where(flies, flight, -np.inf)
        axis = self._field(f"{name}/rate", part).axes[0]
        inside = np.full(len(flight), axis.start) if L is None else np.clip(L, axis.start, axis.stop)

        @functools.cache
        def along(axes: tuple[Axis, ...]) -> Near:
            return around(axes, (inside, flight)[: len(axes)])

        def value(kind: str, part: int | None = part) -> Array:
            return self._field(f"{name}/{kind}", part)(near, along)

        if L is None:
            log = value("everywhere")
        else:
            log = value("rate")
            log -= np.maximum(L - axis.stop, 0.0)[:, None]  # the rate of what lives longer
            if np.any(L < axis.start):
                missing = value("everywhere") - log
                share = -np.expm1(np.minimum(L - axis.start, 0.0))[:, None]
                log += np.where(missing < _FEW_LEAVE, missing * share, 0.0)  # as many fewer leave as life is shorter
            if flies.any():
                own, ratio = self._field(f"{name}/flight", part).axes[1], value("flight")
                ratio *= np.exp(np.minimum(flight - own.start, 0.0))[:, None]
                log += np.where(flies[:, None], ratio - np.maximum(flight - own.stop, 0.0)[:, None], 0.0)
        total = np.exp(log)[..., None]
        error = np.exp(value("error"))[..., None]
        of_beams = total * error
        beams = total.shape[1]
        if beams > 1:
            correlation = value("correlation").reshape(-1, beams, beams)
            of_beams = of_beams * np.clip(correlation, -1.0, 1.0) * np.swapaxes(of_beams, 1, 2)
        else:
            of_beams = of_beams**2
        if about["bins"] == 1:
            return np.stack([total, total * error, np.ones(total.shape)]), of_beams
        root = np.maximum(value("spectrum", None), 0.0)
        own_error = np.exp(value("spectrum error", None))
        share = root**2 / (root**2).sum(axis=-1, keepdims=True)
        own_error = np.hypot(share * error, 2 * root * own_error + own_error**2)
        return np.stack([total * share, total * own_error, share]), of_beams

    def _field(self, name: str, part: int | None = None) -> Field:
        """A field, whole or up to one part of the detector, the last of the axes of its values."""
        if (name, part) not in self._fields:
            about = self.header["fields"][name]
            coefficients, basis = (
                _unpacked(self.arrays[f"{name}/{kind}"], about[f"{kind}_scale"]) for kind in ("coefficients", "basis")
            )
            axes = tuple(Axis(**axis) for axis in about["axes"])
            coefficients = np.ascontiguousarray(coefficients.reshape(len(coefficients), -1).T)
            lead = basis.shape[: basis.ndim - len(axes)]
            basis = np.moveaxis(basis.reshape(*lead, -1), -1, 0)
            basis = np.ascontiguousarray(basis if part is None else basis[..., part])
            self._fields[name, part] = Field(coefficients, basis, about["degree"], axes)
        return self._fields[name, part]


def _unpacked(delta: NDArray[np.int16], scale: Any) -> Array:
    """The numbers that an array of the file stands for: sums of 16-bit differences, times a step, plus an offset."""
    whole = np.cumsum(delta.reshape(len(delta), -1), axis=1, dtype=np.int16)
    offset, step = np.array(scale).T[..., None]
    return (offset + step * whole).reshape(delta.shape)


@functools.lru_cache(maxsize=64)
def selection_digest(selection: Selection) -> str:
    """16 hexadecimal digits of all that a selection requires, whatever its efficiency; defaults are left out."""
    text = json.dumps(_described(dataclasses.replace(selection, efficiency=1.0)), sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _described(value: Any) -> Any:
    """A value in terms of JSON, without what is as by default: an option that comes later changes nothing."""
    if not dataclasses.is_dataclass(value):
        return encoded(value)
    own = {f.name: (_described(getattr(value, f.name)), _described(f.default)) for f in dataclasses.fields(value)}
    return {"type": type(value).__name__} | {name: one for name, (one, default) in own.items() if one != default}


@functools.cache
def _default() -> Table:
    return Table.read(io.BytesIO(datasets.verify(_DEFAULT)))


def load_table(path: str | os.PathLike[str] | None = None) -> Table:
    """A table of all rates, by default that of T2K's two analyses, which comes with the package.

    Raises as `Table.read`.

    Examples
    --------
    >>> load_table().events(BENCHMARK_B, ANALYSIS_I).total()
    4.664 ± 0.018
    """
    return _default() if path is None else Table.read(path)

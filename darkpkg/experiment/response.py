"""What ND280 reconstructs of an electron or positron from FGD1: published response matrices.

Begin with `FGD_RESPONSE`, and ``FGD_RESPONSE.smear(events)``.

T2K published the matrices with a caveat: the selection efficiency is not included and correlations of momentum and
angle are neglected; they are meant for qualitative comparison only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg import datasets
from darkpkg.inputs import Array, broadcast, check, real_array, settle
from darkpkg.physics.kinematics import momentum
from darkpkg.units import ELECTRON_MASS, MeV

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FGD_RESPONSE", "Pairs", "PairResponse", "ResponseMatrix"]


class HasPairs(Protocol):
    """Events with the four-momenta (n, 4) of their pairs in GeV."""

    @property
    def p_electron(self) -> Array: ...
    @property
    def p_positron(self) -> Array: ...


class SmearableEvents(HasPairs, Protocol):
    """Such events with random numbers ``uniform`` (n, 4) in [0, 1)."""

    @property
    def uniform(self) -> Array: ...


class Pairs(NamedTuple):
    """Four-momenta (n, 4) of electrons and positrons in GeV."""

    p_electron: Array
    p_positron: Array


class SmearablePairs(NamedTuple):
    """`Pairs` with random numbers (n, 4) in [0, 1)."""

    p_electron: Array
    p_positron: Array
    uniform: Array


def column_in(events: HasPairs, name: str, rows: NDArray[np.int64] | None = None) -> Array:
    """Four-momenta (n, 4) of some ``rows`` of the events, by default of all, or their random numbers.

    Their ``name`` is p_electron, p_positron or uniform; an error names the row.
    """
    if not hasattr(events, name):
        raise TypeError(f"events must have {name}, as those of darkpkg.place do, got {type(events).__name__}")
    rule = "in [0, 1)" if name == "uniform" else "finite and below 1e100 in size"
    column = real_array(name, getattr(events, name), None)
    if column.ndim != 2 or column.shape[1] != 4:
        raise ValueError(f"{name} must have the shape (n, 4), got {column.shape}")
    found = column if rows is None else np.take(column, rows, axis=0)
    check(name, found, rule, rows)
    return found


@dataclass(frozen=True, eq=False)
class ResponseMatrix:
    """Probability of each bin of the reconstructed value, for each bin of the true value.

    Parameters
    ----------
    low, high
        Bounds of the true bins, (rows,), in any unit.
    edges
        Of the reconstructed bins, (m + 1,), in the same.
    probability
        (rows, m), a distribution in each row.
    simulated
        Statistics behind each row, (rows,): below about 5 the row is poorly known.

    Raises
    ------
    ValueError
        For shapes that do not fit, rows that do not add up to one, and bins that do not increase.
    """

    low: Array
    high: Array
    edges: Array
    probability: Array
    simulated: Array

    def __post_init__(self) -> None:
        settle(self, **{field.name: real_array for field in dataclasses.fields(self)})
        rows, reconstructed = max(self.low.size, 1), max(self.edges.size, 2) - 1
        shapes = {"edges": (reconstructed + 1,), "probability": (rows, reconstructed)}
        for field in dataclasses.fields(self):
            shape, found = shapes.get(field.name, (rows,)), getattr(self, field.name).shape
            if found != shape:
                raise ValueError(f"{field.name} must have the shape {shape} of the bins, got {found}")
        # Rows are normalised when they are read; what is left is rounding.
        if not np.all(self.probability >= 0) or not np.allclose(self.probability.sum(axis=1), 1, rtol=0, atol=1e-9):
            raise ValueError(f"rows must be distributions, got sums {self.probability.sum(axis=1)}")
        if not (np.all(np.diff(self.low) > 0) and np.all(self.low < self.high) and np.all(np.diff(self.edges) > 0)):
            raise ValueError("low, high and edges must be in increasing order, as true and reconstructed bins are")

    @classmethod
    def from_table(cls, table: Mapping[str, Any] | pd.DataFrame, unit: float = 1.0) -> ResponseMatrix:
        """From the columns of ``data/detector/fgd1_momentum``; rows are normalised to one."""
        names = ("true_low", "true_high", "reco_low", "reco_high", "probability", "simulated")
        low, high, reco_low, reco_high, share, simulated = (np.asarray(table[name], dtype=float) for name in names)
        edges = np.union1d(reco_low, reco_high)
        rows, first, row = np.unique(low, return_index=True, return_inverse=True)
        at = row * (len(edges) - 1) + np.searchsorted(edges, reco_low)
        cells, times = np.unique(at, return_counts=True)
        if np.any(times > 1):
            where = low[at == cells[times > 1][0]][0]
            raise ValueError(f"each pair of bins must have one row, true_low = {where} has more")
        probability = np.zeros((len(rows), len(edges) - 1))
        probability.flat[at] = share
        probability /= probability.sum(axis=1, keepdims=True)
        return cls(unit * rows, unit * high[first], unit * edges, probability, simulated[first])

    def row(self, true: ArrayLike) -> NDArray[np.int64]:
        """The row that each true value falls into, or the nearest one outside of all true bins."""
        true = real_array("true", true)
        before = np.clip(np.searchsorted(self.low, true, side="right") - 1, 0, len(self.low) - 1)
        after = np.minimum(before + 1, len(self.low) - 1)
        return np.where(true - self.high[before] > np.abs(self.low[after] - true), after, before)

    def __call__(self, true: ArrayLike, uniform: ArrayLike) -> Array:
        """Reconstructed values for ``true`` ones, by the inverse of the cumulative distribution at ``uniform``.

        ``uniform`` holds numbers in [0, 1), one for each value; inside a reconstructed bin values are spread evenly.
        Outside of the tabulated true bins the nearest row is shifted by the distance of the true value to its middle.
        Raises `ValueError` for what is not finite, ``uniform`` beyond [0, 1), or shapes that do not broadcast.
        """
        true, uniform = broadcast(true=real_array("true", true), uniform=real_array("uniform", uniform, "in [0, 1)"))
        row = self.row(true)
        outside = (true < self.low[row]) | (true > self.high[row])
        shift = np.where(outside, true - (self.low[row] + self.high[row]) / 2, 0.0)
        # One increasing staircase: row r runs from r to r + 1.
        steps = np.concatenate([np.zeros((len(self.low), 1)), np.cumsum(self.probability, axis=1)], axis=1)
        steps[:, -1] = 1.0
        stairs = (steps + np.arange(len(self.low))[:, None]).ravel()
        last = len(self.edges) - 2
        column = np.clip(np.searchsorted(stairs, row + uniform, side="right") - 1 - row * (last + 2), 0, last)
        begin, height = steps[row, column], self.probability[row, column]
        share = np.clip(np.divide(uniform - begin, height, out=np.zeros(np.shape(begin)), where=height > 0), 0, 1)
        return self.edges[column] + share * (self.edges[column + 1] - self.edges[column]) + shift


@dataclass(frozen=True, eq=False)
class PairResponse:
    """Responses to the momentum and the polar angle of each lepton; its azimuth is kept.

    Parameters
    ----------
    momentum
        In GeV.
    angle
        In radians, to the beam.
    """

    momentum: ResponseMatrix
    angle: ResponseMatrix

    def __post_init__(self) -> None:
        settle(self, momentum=ResponseMatrix, angle=ResponseMatrix)

    def smear(self, events: SmearableEvents) -> Pairs:
        """Reconstructed four-momenta of the pairs, from the random numbers that ``events`` carry.

        The same events always give the same pairs, so that a prediction changes smoothly with the parameters.
        """
        electron, positron, uniform = (column_in(events, name) for name in SmearablePairs._fields)
        return Pairs(self._smear(electron, uniform[:, :2]), self._smear(positron, uniform[:, 2:]))

    def _smear(self, p: Array, uniform: Array) -> Array:
        length, across = momentum(p), np.hypot(p[:, 1], p[:, 2])
        found = np.maximum(self.momentum(length, uniform[:, 0]), 0.0)
        angle = np.clip(self.angle(np.arctan2(across, p[:, 3]), uniform[:, 1]), 0.0, np.pi)
        # Along the beam, where it is undefined, any azimuth will do.
        cos_phi, sin_phi = (np.divide(c, across, out=np.full(len(p), 0.5**0.5), where=across > 0) for c in p.T[1:3])
        smeared = found * np.stack([np.sin(angle) * cos_phi, np.sin(angle) * sin_phi, np.cos(angle)])
        return np.column_stack([np.hypot(found, ELECTRON_MASS), *smeared])


def _fgd_response() -> PairResponse:
    return PairResponse(
        ResponseMatrix.from_table(datasets.columns("detector/fgd1_momentum"), MeV),
        ResponseMatrix.from_table(datasets.columns("detector/fgd1_angle")),
    )


FGD_RESPONSE: PairResponse
"""Vertex in FGD1, tracks in TPC2: T2K, J. High Energ. Phys. 10 (2020) 114, arXiv:2002.11986; see the caveat above."""

__getattr__ = datasets.when_needed(globals(), FGD_RESPONSE=_fgd_response)

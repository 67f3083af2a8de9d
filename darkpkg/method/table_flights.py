"""How far N and a light Z′ fly before they decay, in sums over all lifetimes of a table. Begin with `FlightSums`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from darkpkg.inputs import Array
from darkpkg.method.loops import add_stretches
from darkpkg.method.table_grid import Axis

FLIGHTS = Axis(np.log(1e-2), np.log(1e6), 41, 3)
"""Axis of ln L_Z′ of a light Z′, in cm/GeV; shorter flights change rates by little, in proportion to their length."""

_NEAREST, _FARTHEST, _STEPS = 1e-3, 1e6, 48
"""Flights of Z′ over its momentum, in cm/GeV, and into how many steps they are divided, evenly in the logarithm.

Slow Z′ have the longest: below 20 MeV one that flies 1e4 cm/GeV has flown less than two metres.
"""

_NONE = 0.05
"""A flight of fewer cm counts as none."""

_STRATA, _COARSE = 8, 4
"""Flights of Z′ of each N, one in each of as many equal ranges of ln y; these begin with every fourth step."""

_STEP = np.log(_FARTHEST / _NEAREST) / _STEPS

_FLOWN = _NEAREST * np.exp(_STEP * (np.arange(_STEPS) + 0.5))

_SHORT = _NEAREST * np.exp(_STEP * np.arange(0, _STEPS, _COARSE))
"""The shortest flights that count, over momentum: longer ones of slow Z′."""


class FlightSums:
    """Chances to decay inside, for N that is produced evenly along a stretch of its own line, as histograms.

    N from a stretch of ``length`` ℓ (cm) decays between a and b, distances from its beginning, with the chance
    ∫ ds [exp(−(a − s)₊/λ) − exp(−(b − s)₊/λ)], λ = L p. The integral to one end c is
    λ [exp(−(c − ℓ)₊/λ) − exp(−c/λ)] + (ℓ − c)₊: histograms of (c − ℓ)₊/p and c/p with weights p, and a constant.
    """

    def __init__(self, times: Array, shape: tuple[int, int], beams: int) -> None:
        self.times, self.shape = times, shape
        self.histogram = np.zeros((math.prod(shape), beams, len(times)))
        self.constant = np.zeros((math.prod(shape), beams))

    def add(
        self, group: tuple[NDArray[np.int64], NDArray[np.int64]], ends: Mapping[str, Array], length: Array, p: Array,
        weight: Array,
    ) -> None:  # fmt: skip
        """Add stretches (n,) in ``group``, a pair of numbers, weights (n, beams), of `chords_through` chambers."""
        row = np.ravel_multi_index(group, self.shape)
        sums = self.histogram, self.constant
        add_stretches(*sums, row, ends["entry"], ends["exit"], length, p, weight, self.times)

    def rates(self, L: Array) -> Array:
        """(first of group, second, beams, lifetimes)."""
        decays = self.histogram @ (L * np.exp(-self.times[:, None] / L)) + self.constant[..., None]
        return decays.reshape(*self.shape, *decays.shape[1:])


def steps_over(reach: float) -> int:
    """Steps of the flights of Z′ that end within ``reach`` (cm), whatever its momentum."""
    return int(np.ceil(np.log(reach / _NONE) / _STEP)) + _COARSE


def flights(
    uniform: Array, momenta: Array, is_light: bool, steps: int
) -> Iterator[tuple[NDArray[np.int64], Array]]:  # fmt: skip
    """For each event (n,) flights of Z′ over its momentum, by row of `flight_kernel`, and in cm/GeV.

    The first stands for all that are too short to count, and for none; the others are in as many ``steps`` after it.
    """
    if not is_light:
        yield np.zeros(len(uniform), dtype=np.int64), np.zeros(len(uniform))
        return
    last = (_STEPS - steps) // _COARSE
    short = np.clip(np.searchsorted(_SHORT, _NONE / np.maximum(momenta, 1e-300), side="right") - 1, 0, max(last, 0))
    yield short, np.zeros(len(uniform))
    for i in range(_STRATA):
        k = short * _COARSE + ((uniform + i) / _STRATA * min(steps, _STEPS)).astype(np.int64)
        yield len(_SHORT) + k, _FLOWN[k]


def flight_kernel(is_light: bool, steps: int) -> Array:
    """How much each flight counts for each lifetime of Z′, of which none is the first: (flights, 1 + lifetimes).

    A flight y over momentum has the distribution dy exp(−y/L)/L; here ln y is drawn evenly, in so many ``steps``.
    """
    if not is_light:
        return np.ones((1, 1))
    L = np.exp(FLIGHTS.nodes)
    of, short = _FLOWN[:, None] / L, np.zeros((len(_SHORT), 1 + len(L)))
    short[:, 0], short[:, 1:] = 1.0, -np.expm1(-_SHORT[:, None] / L)
    flown = np.column_stack([np.zeros(len(of)), of * np.exp(-of) * _STEP * min(steps, _STEPS) / _STRATA])
    return np.concatenate([short, flown])

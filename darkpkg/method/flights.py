"""Flights of N, and of Z′ after it, that end in a volume, and how probable they are. Begin with `paths_of`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.experiment.volumes import Box, Volume
from darkpkg.inputs import Array, to_read
from darkpkg.method import loops
from darkpkg.method.events import PlacedEvents, rows_of
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import DarkParameters
from darkpkg.units import cm

_AT_ONCE = 1 << 11


def chords_through(volumes: Sequence[Volume], vertex: Array, p_N: Array) -> dict[str, Array]:
    """Where N with momenta ``p_N`` (n, 4) enters and leaves each volume: (n, volumes) in cm from its vertex."""
    entry, leave = np.empty((2, len(vertex), len(volumes)))
    if _are_boxes(volumes, "chord"):
        loops.box_chords(to_read(vertex), to_read(p_N), _boxes_around(volumes), entry, leave)
        return {"entry": entry, "exit": leave}
    direction = p_N[:, 1:] / momentum(p_N)[:, None]
    for k, volume in enumerate(volumes):
        entry[:, k], leave[:, k] = volume.chord(vertex, direction)
    return {"entry": entry, "exit": leave}


def _are_boxes(volumes: Sequence[Volume], method: str) -> bool:
    """Whether all are boxes whose ``method`` is that of all volumes, of which there is a compiled counterpart."""
    return all(isinstance(one, Box) and getattr(type(one), method) is getattr(Volume, method) for one in volumes)


def _boxes_around(volumes: Sequence[Volume]) -> Array:
    """Both ends along each axis, (volumes, 3, 2) in cm."""
    corners = np.reshape([(volume.low, volume.high) for volume in volumes], (len(volumes), 2, 3))
    return np.ascontiguousarray(corners.transpose(0, 2, 1), dtype=float)


def flight_polygons(
    flights: Callable[[slice], tuple[Array, Array, Array]], n: int, volumes: Sequence[Volume]
) -> tuple[NDArray[np.int64], Array]:
    """The lengths of two flights of n events that end in each of ``volumes``, as convex polygons, in cm/GeV.

    N flies from its vertex (n, 3) by x·p_N and Z′ from there by y·p_Z, with momenta (n, 3): ``flights`` gives these
    three for some of the events. The corners (x, y) of event i and volume j stand from starts[i, j] to
    starts[i, j + 1] of the second array (k, 2); ``starts``, the first, is (n, volumes + 1). Exact for boxes; a round
    surface has `FACES <darkpkg.experiment.regions.FACES>`.
    """
    starts, corners, used = np.zeros((n, len(volumes) + 1), dtype=np.int64), np.empty((0, 2)), 0
    boxes, are_boxes = _boxes_around(volumes), _are_boxes(volumes, "half_planes")
    planes = np.empty((0, len(volumes), 0, 3))  # those of boxes need not be in memory
    for begin in range(0, n if volumes else 0, _AT_ONCE):
        rows = slice(begin, begin + _AT_ONCE)
        vertex, p_N, p_Z = (np.ascontiguousarray(vectors) for vectors in flights(rows))
        if not are_boxes:
            planes = _together([volume.half_planes(vertex, p_N, p_Z) for volume in volumes])
        if not len(corners):  # room for all, of which memory takes only what is written
            corners = np.empty((n * len(volumes) * ((planes.shape[2] or 6) + loops.SPARE_CORNERS), 2))
        own = to_read(vertex), to_read(p_N), to_read(p_Z)
        more = loops.clipped_rectangles(*own, boxes, planes, starts[rows], corners[used:])
        starts[rows] += used
        used += more
    corners.resize((used, 2), refcheck=False)  # what is left is given back, without a copy
    return starts, corners


def _together(planes: Sequence[Array]) -> Array:
    """Half planes (n, volumes, k, 3) of volumes with different numbers of them; what is missing cuts nothing off."""
    most = max(own.shape[1] for own in planes)
    together = np.zeros((len(planes[0]), len(planes), most, 3))
    together[..., 2] = 1.0
    for j, own in enumerate(planes):
        together[:, j, : own.shape[1]] = own
    return together


LARGEST_RATE = 1e100 / cm
"""In GeV: what decays faster decays where it is produced, and this leaves room for products of rates."""


def decay_rate(mass: ArrayLike, ctau: ArrayLike) -> Array:
    """m/cτ⁰ in GeV/cm: over the momentum, the probability to decay per length."""
    with np.errstate(over="ignore", divide="ignore"):
        return np.minimum(np.divide(mass, ctau), LARGEST_RATE)


def decay_rates(parameters: DarkParameters, ctau: ArrayLike) -> tuple[Array, Array]:
    """`decay_rate` of N and of an on-shell Z′, infinite where none flies."""
    flight = np.asarray(parameters.mediator_decay_length())
    of_Z = np.where(flight > 0, decay_rate(parameters.m_Zprime, flight), np.inf)
    return decay_rate(parameters.m_N, ctau), of_Z


def paths_of(
    events: PlacedEvents, modules: Sequence[str], of_N: bool, of_Z: bool, rows: NDArray[np.int64] | None = None
) -> loops.Paths:
    """The paths of some ``rows`` of the events through ``modules``, of pairs that appear at the end of the flight
    ``of_N``, or at that ``of_Z`` after it, or both.
    """
    columns, row = events.columns_of(modules), np.arange(len(events)) if rows is None else rows
    begin, width = np.empty((2, len(row) if of_N else 0, len(columns)))
    if of_N:
        numbers = np.array(columns, dtype=np.int64)
        loops.straight_paths(events.p_N, events.entry, events.exit, row, numbers, begin, width)
    if not of_Z:
        return loops.Paths(begin, width, np.zeros((0, 1), dtype=np.int64), np.zeros((0, 2)))

    def flights(some: slice) -> tuple[Array, Array, Array]:
        here = row[some]
        p_Z = rows_of(events.p_electron, here) + rows_of(events.p_positron, here)
        return rows_of(events.vertex, here), rows_of(events.p_N, here)[:, 1:], p_Z[:, 1:]

    volumes = [events.detector.volumes[column] for column in columns]
    return loops.Paths(begin, width, *flight_polygons(flights, len(row), volumes))


def decays(paths: loops.Paths, rate: ArrayLike, rate_of_Z: ArrayLike | None = None, rows: Any = slice(None)) -> Array:
    """Probability (n,) that the pair appears in a volume, for `decay_rates` of each event or of all."""
    if rate_of_Z is None:
        each = np.asarray(rate)[..., None]
        return (np.exp(-each * paths.begin[rows]) * -np.expm1(-each * paths.width[rows])).sum(axis=-1)
    starts = paths.starts[rows]
    probability = np.empty(len(starts))
    rates = (np.full(len(starts), one) for one in (rate, rate_of_Z))
    loops.decay_probabilities(probability, *rates, starts, paths.corners)
    return probability

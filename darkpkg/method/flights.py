"""Flights of N, and of Z′ after it, that end in a volume, and how probable they are. Begin with `paths_of`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.experiment.volumes import Box, Volume
from darkpkg.inputs import Array
from darkpkg.method.events import PlacedEvents, rows_of
from darkpkg.method.loops import SPARE_CORNERS, Paths, box_chords, clipped_rectangles, decay_probabilities
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import DarkParameters
from darkpkg.units import cm

_AT_ONCE = 1 << 14


def chords_through(volumes: Sequence[Volume], vertex: Array, p_N: Array) -> dict[str, Array]:
    """Where N with momenta ``p_N`` (n, 4) enters and leaves each volume: (n, volumes) in cm from its vertex."""
    entry, leave = np.empty((2, len(vertex), len(volumes)))
    if all(isinstance(volume, Box) and type(volume).chord is Volume.chord for volume in volumes):
        boxes = np.reshape([(volume.low, volume.high) for volume in volumes], (len(volumes), 2, 3))
        box_chords(vertex, p_N, np.ascontiguousarray(boxes.transpose(0, 2, 1), dtype=float), entry, leave)
        return {"entry": entry, "exit": leave}
    direction = p_N[:, 1:] / momentum(p_N)[:, None]
    for k, volume in enumerate(volumes):
        entry[:, k], leave[:, k] = volume.chord(vertex, direction)
    return {"entry": entry, "exit": leave}


def flight_polygons(
    vertex: Array, p_N: Array, p_Z: Array, volumes: Sequence[Volume]
) -> tuple[NDArray[np.int64], Array]:
    """The lengths of two flights that end in each of ``volumes``, as convex polygons, in cm/GeV.

    N flies from its ``vertex`` (n, 3) by x·p_N and Z′ from there by y·p_Z, with momenta (n, 3). The corners (x, y) of
    event i and volume j stand from starts[i, j] to starts[i, j + 1] of the second array (k, 2); ``starts``, the
    first, is (n, volumes + 1). Exact for boxes; a round surface has `FACES <darkpkg.experiment.volumes.FACES>`.
    """
    starts, parts, before = np.zeros((len(vertex), len(volumes) + 1), dtype=np.int64), [np.empty((0, 2))], 0
    if not volumes:
        return starts, parts[0]
    for begin in range(0, len(vertex), _AT_ONCE):
        rows = slice(begin, begin + _AT_ONCE)
        flights = vertex[rows], p_N[rows], p_Z[rows]
        planes = _together([volume.half_planes(*flights) for volume in volumes])
        longest = np.stack([_longest(*flights, volume) for volume in volumes], axis=1)
        corners = np.empty((planes.shape[0] * planes.shape[1] * (planes.shape[2] + SPARE_CORNERS), 2))
        used = clipped_rectangles(longest, planes, starts[rows], corners)
        parts.append(corners[:used].copy())
        starts[rows] += before
        before += used
    return starts, np.concatenate(parts)


def _longest(vertex: Array, p_N: Array, p_Z: Array, volume: Volume) -> Array:
    """Largest x and y (n, 2): no flight is longer than the far end of the volume, or than the sine allows."""
    far = np.maximum(np.abs(np.subtract(volume.low, vertex)), np.abs(np.subtract(volume.high, vertex)))
    reach = np.sqrt(_product(far, far))
    N_sq, Z_sq, product = _product(p_N, p_N), _product(p_Z, p_Z), _product(p_N, p_Z)
    back = product < 0  # flights that turn back
    sine = np.sqrt(np.maximum(1 - product**2 / (N_sq * Z_sq), 1e-12))
    reach = np.where(back, reach / sine, reach)
    return np.stack([reach / np.sqrt(N_sq), reach / np.sqrt(Z_sq)], axis=1)


def _product(a: Array, b: Array) -> Array:
    """a·b of vectors (n, 3); numpy sums along a short axis three times as slowly."""
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]


def _together(planes: Sequence[Array]) -> Array:
    """Half planes (n, volumes, k, 3) of volumes with different numbers of them; what is missing cuts nothing off."""
    most = max(own.shape[1] for own in planes)
    together = np.zeros((len(planes[0]), len(planes), most, 3))
    together[..., 2] = 1.0
    for j, own in enumerate(planes):
        together[:, j, : own.shape[1]] = own
    return together


LARGEST_RATE = 1e100 / cm
"""In GeV: what decays faster decays where it is made, and this leaves room for products of rates."""


def decay_rate(mass: ArrayLike, ctau: ArrayLike) -> Array:
    """m/cτ⁰ in GeV/cm: over the momentum, the probability to decay per length."""
    with np.errstate(over="ignore", divide="ignore"):
        return np.minimum(np.divide(mass, ctau), LARGEST_RATE)


def decay_rates(parameters: DarkParameters, ctau: ArrayLike) -> tuple[Array, Array]:
    """`decay_rate` of N and of an on-shell Z′, infinite where none flies."""
    flight = np.asarray(parameters.mediator_decay_length())
    of_Z = np.where(flight > 0, decay_rate(parameters.m_Zprime, flight), np.inf)
    return decay_rate(parameters.m_N, ctau), of_Z


def paths_of(events: PlacedEvents, modules: Sequence[str], flies: bool, rows: Any = slice(None)) -> Paths:
    """The paths of some ``rows`` of the events through ``modules``, also those of Z′ if it ``flies``."""
    columns, p_N = events.columns_of(modules), rows_of(events.p_N, rows)
    inverse = 1 / momentum(p_N)[:, None]
    entry, leave = (rows_of(one, rows)[:, columns] for one in (events.entry, events.exit))
    starts, corners = np.zeros((0, 1), dtype=np.int64), np.zeros((0, 2))
    if flies:
        p_Z = rows_of(events.p_electron, rows) + rows_of(events.p_positron, rows)
        volumes = [events.detector.volumes[column] for column in columns]
        starts, corners = flight_polygons(rows_of(events.vertex, rows), p_N[:, 1:], p_Z[:, 1:], volumes)
    return Paths(entry * inverse, (leave - entry) * inverse, starts, corners)


def decays(paths: Paths, rate: ArrayLike, rate_of_Z: ArrayLike | None = None, rows: Any = slice(None)) -> Array:
    """Probability (n,) that the pair appears in a volume, for `decay_rates` of each event or of all."""
    if rate_of_Z is None:
        each = np.asarray(rate)[..., None]
        return (np.exp(-each * paths.begin[rows]) * -np.expm1(-each * paths.width[rows])).sum(axis=-1)
    starts = paths.starts[rows]
    probability = np.empty(len(starts))
    rates = (np.full(len(starts), one) for one in (rate, rate_of_Z))
    decay_probabilities(probability, *rates, starts, paths.corners)
    return probability

"""Flights of N and of Z′ one after the other that end in a volume. Begin with `flight_polygons`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.volumes import Volume
from darkpkg.method.loops import SPARE_CORNERS, clipped_rectangles

Array = NDArray[np.float64]

_AT_ONCE = 1 << 14


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
    reach = np.sqrt((far**2).sum(axis=1))
    N_sq, Z_sq, product = (p_N**2).sum(axis=1), (p_Z**2).sum(axis=1), (p_N * p_Z).sum(axis=1)
    back = product < 0  # flights that turn back
    sine = np.sqrt(np.maximum(1 - product**2 / (N_sq * Z_sq), 1e-12))
    reach = np.where(back, reach / sine, reach)
    return np.stack([reach / np.sqrt(N_sq), reach / np.sqrt(Z_sq)], axis=1)


def _together(planes: Sequence[Array]) -> Array:
    """Half planes (n, volumes, k, 3) of volumes with different numbers of them; what is missing cuts nothing off."""
    most = max(own.shape[1] for own in planes)
    together = np.zeros((len(planes[0]), len(planes), most, 3))
    together[..., 2] = 1.0
    for j, own in enumerate(planes):
        together[:, j, : own.shape[1]] = own
    return together

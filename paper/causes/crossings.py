"""Flights through a chamber whose two crossings are taken in the order of its faces, not of their distance.

Begin with `signs_by_face`. The authors' code lists the six faces of a box, x, y and z, low before high, and takes the
first one that a line crosses for the way in. So N that leave by a face that stands before that of their entry in this
list, such as those that enter in front and leave by a side, have the right probability with a minus.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.volumes import Volume
from darkpkg.method.events import PlacedEvents
from darkpkg.physics.kinematics import momentum

Array = NDArray[np.float64]

__all__ = ["crossing_sign", "signs_by_distance", "signs_by_face"]


def crossing_sign(box: Volume, vertex: Array, direction: Array) -> Array:
    """1 where a line enters a box by an earlier face than it leaves it, −1 otherwise: (n,).

    For ``vertex`` and ``direction`` (n, 3). The way in may lie behind the vertex.
    """
    with np.errstate(divide="ignore"):
        to_low, to_high = ((np.array(end) - vertex) / direction for end in (box.low, box.high))
    first, last = np.fmin(to_low, to_high).argmax(axis=1), np.fmax(to_low, to_high).argmin(axis=1)
    rows, backwards = np.arange(len(vertex)), direction < 0
    way_in = 2 * first + backwards[rows, first]
    way_out = 2 * last + ~backwards[rows, last]
    return np.where(way_in < way_out, 1.0, -1.0)


def signs_by_distance(events: PlacedEvents, modules: Sequence[str]) -> Array:
    """One for each event and module: (n, modules), as probabilities have it."""
    return np.ones((len(events), len(modules)))


def signs_by_face(events: PlacedEvents, modules: Sequence[str]) -> Array:
    """`crossing_sign` for the fiducial volume of each of ``modules``: (n, modules)."""
    direction = events.p_N[:, 1:] / momentum(events.p_N)[:, None]
    volumes = [events.detector.volumes[column] for column in events.columns_of(modules)]
    return np.stack([crossing_sign(volume, events.vertex, direction) for volume in volumes], axis=1)

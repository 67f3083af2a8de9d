"""Intervals, discs and balls, of which volumes are products. Begin with `Interval`. Lengths are in cm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from darkpkg.inputs import Array

FACES = 32
"""Faces of the regular polygon, of the same area, that stands for a circle where two flights may end in it. Its sides
lie up to 0.2 % of the radius inside the circle and its corners 0.3 % outside, which cancels among events."""


@dataclass(frozen=True)
class Interval:
    """All between two ends along one axis, whose column the functions take.

    Parameters
    ----------
    axes
        The one axis, 0 to 2.
    low, high
        Ends in cm.
    """

    axes: list[int]
    low: float
    high: float

    @property
    def size(self) -> float:
        """Length, area or volume in powers of cm."""
        return self.high - self.low

    def contains(self, point: Array) -> NDArray[np.bool_]:
        """Whether points (..., axes) lie in it or on its surface: (...)."""
        return ((point >= self.low) & (point <= self.high))[..., 0]

    def uniform(self, random: Array) -> Array:
        """Points (n, axes) that fill it evenly, from as many uniform numbers in [0, 1)."""
        return self.low + random * self.size

    def crossing(self, origin: Array, direction: Array) -> tuple[Array, Array]:
        """Where lines enter and leave. Parallel to the ends and in one is 0/0, which fmin and fmax pass over."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            to_low, to_high = ((end - origin[:, 0]) / direction[:, 0] for end in (self.low, self.high))
        return np.minimum(to_low, to_high), np.maximum(to_low, to_high)

    def nearest(self, point: Array) -> Array:
        """The point (axes,) of it that is nearest to ``point``."""
        return np.clip(point, self.low, self.high)

    def half_planes(self, vertex: Array, p_N: Array, p_Z: Array) -> Array:
        """As `Volume.half_planes <darkpkg.experiment.volumes.Volume.half_planes>`, of these axes alone."""
        low = np.stack([p_N, p_Z, vertex - self.low], axis=-1)
        high = np.stack([-p_N, -p_Z, -(vertex - self.high)], axis=-1)
        return np.concatenate([low, high], axis=1)


@dataclass(frozen=True)
class Ball:
    """A disc or a ball: all around a centre in two or three axes, whose columns the functions take.

    Parameters
    ----------
    axes
        Two or three of the axes 0 to 2.
    centre
        (axes,) in cm.
    radius
        In cm.
    """

    axes: list[int]
    centre: Array
    radius: float

    @property
    def size(self) -> float:
        """Length, area or volume in powers of cm."""
        return math.pi * self.radius**2 if len(self.axes) == 2 else 4 / 3 * math.pi * self.radius**3

    def contains(self, point: Array) -> NDArray[np.bool_]:
        """Whether points (..., axes) lie in it or on its surface: (...)."""
        return np.less_equal(np.linalg.norm(point - self.centre, axis=-1), self.radius)

    def uniform(self, random: Array) -> Array:
        """Points (n, axes) that fill it evenly, from as many uniform numbers in [0, 1)."""
        distance = self.radius * random[:, 0] ** (1 / len(self.axes))
        cos_theta = 2 * random[:, 1] - 1 if len(self.axes) == 3 else np.zeros(len(random))
        return self.centre + polar(distance, cos_theta, random[:, -1])[:, : len(self.axes)]

    def crossing(self, origin: Array, direction: Array) -> tuple[Array, Array]:
        """Where lines enter and leave; everywhere or nowhere if they rest."""
        offset, speed_sq = origin - self.centre, (direction**2).sum(axis=1)
        rests = speed_sq == 0
        middle = -(offset * direction).sum(axis=1) / np.where(rests, 1.0, speed_sq)
        inside = self.radius**2 - ((offset + middle[:, None] * direction) ** 2).sum(axis=1)
        half = np.sqrt(np.maximum(inside, 0.0) / np.where(rests, 1.0, speed_sq))
        half = np.where(rests & (inside >= 0), np.inf, half)
        return middle - half, middle + half

    def nearest(self, point: Array) -> Array:
        """The point (axes,) of it that is nearest to ``point``."""
        offset = point - self.centre
        return self.centre + offset * min(1.0, self.radius / max(float(np.linalg.norm(offset)), 1e-300))

    def half_planes(self, vertex: Array, p_N: Array, p_Z: Array) -> Array:
        """As `Volume.half_planes <darkpkg.experiment.volumes.Volume.half_planes>`, of these axes alone."""
        offset, radius = vertex - self.centre, np.full(len(vertex), self.radius)
        if len(self.axes) == 3:  # the plane of the two flights, if they span one, cuts a disc out of the ball
            along = unit(p_N)
            aside, beside = _without(p_Z, along), _without(offset, along)
            aside = unit(np.where(_norm(aside) > 1e-9 * _norm(p_Z), aside, beside))
            in_plane = np.stack([along, aside], axis=2)
            above_sq = (offset**2).sum(axis=1)
            offset, p_N, p_Z = ((vector[:, None] @ in_plane)[:, 0] for vector in (offset, p_N, p_Z))
            above_sq -= (offset**2).sum(axis=1)
            # Where the plane misses the ball, no point is that far inside.
            radius = np.sqrt(np.maximum(self.radius**2 - above_sq, 0.0))
            radius = np.where(above_sq < self.radius**2, radius, -self.radius)
        angles = 2 * np.pi * np.arange(FACES) / FACES
        outwards = np.array([np.cos(angles), np.sin(angles)])
        of_equal_area = np.sqrt(np.pi / (FACES * np.tan(np.pi / FACES)))
        inside = radius[:, None] * of_equal_area - offset @ outwards
        return np.stack([-(p_N @ outwards), -(p_Z @ outwards), inside], axis=-1)


def polar(radius: Array, cos_theta: Array, turns: Array) -> Array:
    """Vectors (n, 3) of some lengths, from the cosine of the angle to z and the azimuth in turns."""
    across, phi = radius * np.sqrt(1 - cos_theta**2), 2 * np.pi * turns
    return np.column_stack([across * np.cos(phi), across * np.sin(phi), radius * cos_theta])


def _norm(vectors: Array) -> Array:
    return np.linalg.norm(vectors, axis=-1, keepdims=True)


def unit(vectors: Array) -> Array:
    """Vectors over their lengths, zero ones kept."""
    length = _norm(vectors)
    return np.divide(vectors, length, out=np.zeros(vectors.shape), where=length > 0)


def _without(vectors: Array, along: Array) -> Array:
    """The part of vectors that is perpendicular to unit vectors."""
    return vectors - (vectors * along).sum(axis=1)[:, None] * along

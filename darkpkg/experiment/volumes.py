"""Shapes of the parts of a detector: `Box`, `Sphere` and `Cylinder`. Lengths are in cm.

A shape of your own is a frozen dataclass that derives from `Volume` and has its abstract methods: nothing else in the
library looks at the kind of a volume. It must be convex, so that a ray crosses it once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.inputs import one_of, real_number, real_numbers

Array = NDArray[np.float64]
Corner = tuple[float, float, float]

__all__ = ["Box", "Cylinder", "Sphere", "Volume"]

_FARTHEST = 1e15
"""cm, a hundred astronomical units."""

FACES = 32
"""Faces of the regular polygon, of the same area, that stands for a circle where two flights may end in it. Its sides
lie up to 0.2 % of the radius inside the circle and its corners 0.3 % outside, which cancels among events."""


class Volume(ABC):
    """A convex part of space, between the corners ``low`` and ``high`` (x, y, z) in cm."""

    low: Corner
    high: Corner

    @property
    @abstractmethod
    def volume(self) -> float:
        """Volume in cm³."""

    @abstractmethod
    def contains(self, point: ArrayLike) -> NDArray[np.bool_]:
        """Whether each point (..., 3) lies in the volume or on its surface."""

    @abstractmethod
    def uniform(self, random: Array) -> Array:
        """Points (n, 3) that fill the volume evenly, from uniform numbers (n, 3) in [0, 1)."""

    @abstractmethod
    def chord(self, origin: Array, direction: Array) -> tuple[Array, Array]:
        """Distances (n,) at which rays enter and leave the volume; both zero where a ray misses it.

        ``origin`` and ``direction`` (n, 3), directions of length one. A ray begins at its origin: nothing behind it
        counts, and one that begins inside enters at zero.
        """

    @abstractmethod
    def nearest(self, point: Array) -> Array:
        """The point (3,) of the volume that is nearest to ``point``."""

    @abstractmethod
    def half_planes(self, vertex: Array, p_N: Array, p_Z: Array) -> Array:
        """(n, k, 3) numbers a, b, c: vertex + x·p_N + y·p_Z lies inside where a x + b y + c ≥ 0 for all k.

        For two flights one after the other, along p_N and p_Z (n, 3). A curved surface is approximated by planes.
        """

    def overlaps(self, other: Volume) -> bool:
        """Whether the two share more than a surface; round volumes that share less than about 1e-6 of their size may
        pass."""
        if not (np.all(np.less(self.low, other.high)) and np.all(np.less(other.low, self.high))):
            return False
        if isinstance(self, Box) and isinstance(other, Box):
            return True
        # Projections to and fro end where the two are nearest; one shrinks a little, as they may touch.
        shrunk, middle = 1 - 1e-9, np.add(self.low, self.high) / 2
        size = float(np.ptp([self.low, self.high]))
        there = np.add(other.low, other.high) / 2
        for _ in range(1000):
            here = middle + shrunk * (self.nearest(middle + (there - middle) / shrunk) - middle)
            before, there = there, other.nearest(here)
            if np.linalg.norm(there - here) < 1e-10 * size:
                return True
            if np.array_equal(before, there):
                break
        return False

    def holds(self, other: Volume) -> bool:
        """Whether the other volume lies in this one: in all of many directions, which hit the corners of a box."""
        middle = np.add(other.low, other.high) / 2
        signs = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3), axis=-1).reshape(-1, 3)
        n = np.arange(500)  # a spiral from pole to pole, evenly wound
        spiral = _polar(np.ones(n.size), (2 * n + 1) / n.size - 1, n * (3 - 5**0.5) / 2)
        from_here = middle - np.add(self.low, self.high) / 2
        along = np.concatenate([signs * np.subtract(other.high, middle), spiral, [from_here]])
        along = _unit(along[along.any(axis=1)])
        origin = np.broadcast_to(middle, along.shape)
        size = float(np.ptp([self.low, self.high]))
        return bool(np.all(other.chord(origin, along)[1] <= self.chord(origin, along)[1] + 1e-9 * size))


@dataclass(frozen=True)
class Box(Volume):
    """A box with edges along the axes, from ``low`` to ``high``, both (x, y, z) in cm."""

    low: Corner
    high: Corner

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, _corner(name, getattr(self, name)))
        if not np.all(np.less(self.low, self.high)):
            raise ValueError(f"a box must extend in all directions, got low {self.low} and high {self.high}")

    @classmethod
    def centred(
        cls, width_x: float, width_y: float, length_z: float, z_begin: float, centre: tuple[float, float] = (0.0, 0.0)
    ) -> Box:
        """A box around ``centre`` (x, y), by default the beam axis."""
        x, y = centre
        return cls(
            (x - width_x / 2, y - width_y / 2, z_begin), (x + width_x / 2, y + width_y / 2, z_begin + length_z)
        )

    @property
    def volume(self) -> float:
        return float(np.prod(np.subtract(self.high, self.low)))

    def contains(self, point: ArrayLike) -> NDArray[np.bool_]:
        return np.all(np.greater_equal(point, self.low) & np.less_equal(point, self.high), axis=-1)

    def uniform(self, random: Array) -> Array:
        return np.array(self.low) + random * np.subtract(self.high, self.low)

    def chord(self, origin: Array, direction: Array) -> tuple[Array, Array]:
        enter, leave = np.zeros(len(origin)), np.full(len(origin), np.inf)
        for axis in range(3):
            begin, end = _between(self.low[axis], self.high[axis], origin[:, axis], direction[:, axis])
            enter, leave = np.fmax(enter, begin), np.fmin(leave, end)
        return _ahead(enter, leave)

    def nearest(self, point: Array) -> Array:
        return np.clip(point, self.low, self.high)

    def half_planes(self, vertex: Array, p_N: Array, p_Z: Array) -> Array:
        return np.concatenate([_slab(vertex, p_N, p_Z, axis, self.low, self.high) for axis in range(3)], axis=1)


@dataclass(frozen=True)
class Sphere(Volume):
    """All points within ``radius`` (cm) of ``centre`` (x, y, z)."""

    centre: Corner
    radius: float

    def __post_init__(self) -> None:
        _check_round(self)
        low, high = np.subtract(self.centre, self.radius), np.add(self.centre, self.radius)
        object.__setattr__(self, "low", tuple(low.tolist()))
        object.__setattr__(self, "high", tuple(high.tolist()))

    @property
    def volume(self) -> float:
        return 4 / 3 * np.pi * self.radius**3

    def contains(self, point: ArrayLike) -> NDArray[np.bool_]:
        return np.linalg.norm(np.subtract(point, self.centre), axis=-1) <= self.radius

    def uniform(self, random: Array) -> Array:
        cos_theta = 2 * random[:, 1] - 1
        return self.centre + _polar(self.radius * np.cbrt(random[:, 0]), cos_theta, random[:, 2])

    def chord(self, origin: Array, direction: Array) -> tuple[Array, Array]:
        return _ahead(*_within(origin - self.centre, direction, self.radius))

    def nearest(self, point: Array) -> Array:
        return self.centre + _shortened(point - self.centre, self.radius)

    def half_planes(self, vertex: Array, p_N: Array, p_Z: Array) -> Array:
        # The plane of the two flights, if they span one, cuts a disc out of the sphere.
        offset = vertex - self.centre
        along = _unit(p_N)
        aside, beside = _without(p_Z, along), _without(offset, along)
        aside = _unit(np.where(_norm(aside) > 1e-9 * _norm(p_Z), aside, beside))
        u, v, w = (np.stack([(a * along).sum(axis=1), (a * aside).sum(axis=1)], axis=1) for a in (offset, p_N, p_Z))
        above_sq = (offset**2).sum(axis=1) - (u**2).sum(axis=1)
        # Where the plane misses the sphere, no point is that far inside.
        radius = np.sqrt(np.maximum(self.radius**2 - above_sq, 0.0))
        return _round(u, v, w, np.where(above_sq < self.radius**2, radius, -self.radius))


@dataclass(frozen=True)
class Cylinder(Volume):
    """A circular cylinder of ``radius`` and ``length`` (cm) around ``centre`` (x, y, z), along ``axis`` x, y or z."""

    centre: Corner
    radius: float
    length: float
    axis: str = "z"

    def __post_init__(self) -> None:
        _check_round(self)
        object.__setattr__(self, "length", real_number("length", self.length, 0.0, _FARTHEST, positive=True))
        one_of("axis", self.axis, ("x", "y", "z"))
        half = np.full(3, self.radius)
        half[self._along] = self.length / 2
        object.__setattr__(self, "low", tuple(np.subtract(self.centre, half).tolist()))
        object.__setattr__(self, "high", tuple(np.add(self.centre, half).tolist()))

    @property
    def _along(self) -> int:
        return "xyz".index(self.axis)

    @property
    def _across(self) -> list[int]:
        return [axis for axis in range(3) if axis != self._along]

    @property
    def volume(self) -> float:
        return float(np.pi * self.radius**2 * self.length)

    def contains(self, point: ArrayLike) -> NDArray[np.bool_]:
        offset = np.subtract(point, self.centre)
        across = np.hypot(*np.moveaxis(offset[..., self._across], -1, 0))
        return (across <= self.radius) & (np.abs(offset[..., self._along]) <= self.length / 2)

    def uniform(self, random: Array) -> Array:
        points = np.empty(random.shape)
        disc = _polar(self.radius * np.sqrt(random[:, 0]), np.zeros(len(random)), random[:, 1])
        points[:, self._across], points[:, self._along] = disc[:, :2], (random[:, 2] - 0.5) * self.length
        return self.centre + points

    def chord(self, origin: Array, direction: Array) -> tuple[Array, Array]:
        along, across = self._along, self._across
        enter, leave = _between(self.low[along], self.high[along], origin[:, along], direction[:, along])
        begin, end = _within((origin - self.centre)[:, across], direction[:, across], self.radius)
        return _ahead(np.fmax(enter, begin), np.fmin(leave, end))

    def nearest(self, point: Array) -> Array:
        offset = point - self.centre
        offset[self._across] = _shortened(offset[self._across], self.radius)
        offset[self._along] = np.clip(offset[self._along], -self.length / 2, self.length / 2)
        return self.centre + offset

    def half_planes(self, vertex: Array, p_N: Array, p_Z: Array) -> Array:
        ends = _slab(vertex, p_N, p_Z, self._along, self.low, self.high)
        vectors = (vector[:, self._across] for vector in (vertex - self.centre, p_N, p_Z))
        return np.concatenate([ends, _round(*vectors, np.full(len(vertex), self.radius))], axis=1)


def _corner(name: str, value: Any) -> Corner:
    corner = real_numbers(name, value, -_FARTHEST, _FARTHEST)
    if corner.shape != (3,):
        raise ValueError(f"{name} must be a point (x, y, z), got {value}")
    return tuple(corner.tolist())


def _check_round(volume: Sphere | Cylinder) -> None:
    object.__setattr__(volume, "centre", _corner("centre", volume.centre))
    object.__setattr__(volume, "radius", real_number("radius", volume.radius, 0.0, _FARTHEST, positive=True))


def _polar(radius: Array, cos_theta: Array, turns: Array) -> Array:
    across, phi = radius * np.sqrt(1 - cos_theta**2), 2 * np.pi * turns
    return np.column_stack([across * np.cos(phi), across * np.sin(phi), radius * cos_theta])


def _norm(vectors: Array) -> Array:
    return np.linalg.norm(vectors, axis=-1, keepdims=True)


def _unit(vectors: Array) -> Array:
    """Vectors over their lengths, zero ones kept."""
    length = _norm(vectors)
    return np.divide(vectors, length, out=np.zeros(vectors.shape), where=length > 0)


def _without(vectors: Array, unit: Array) -> Array:
    """The part of vectors that is perpendicular to unit vectors."""
    return vectors - (vectors * unit).sum(axis=1)[:, None] * unit


def _shortened(offset: Array, radius: float) -> Array:
    length = float(np.linalg.norm(offset))
    return offset * (radius / length) if length > radius else offset


def _between(low: float, high: float, origin: Array, direction: Array) -> tuple[Array, Array]:
    """Where rays cross two planes. A ray parallel to them and in one gives 0/0, which fmin and fmax pass over."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        to_low, to_high = (low - origin) / direction, (high - origin) / direction
    return np.minimum(to_low, to_high), np.maximum(to_low, to_high)


def _within(offset: Array, direction: Array, radius: float) -> tuple[Array, Array]:
    """Where lines from ``offset`` to a centre are within ``radius`` of it; everywhere or nowhere if they rest."""
    speed_sq = (direction**2).sum(axis=1)
    rests = speed_sq == 0
    middle = -(offset * direction).sum(axis=1) / np.where(rests, 1.0, speed_sq)
    inside = radius**2 - ((offset + middle[:, None] * direction) ** 2).sum(axis=1)
    half = np.sqrt(np.maximum(inside, 0.0) / np.where(rests, 1.0, speed_sq))
    half = np.where(rests & (inside >= 0), np.inf, half)
    return middle - half, middle + half


def _ahead(enter: Array, leave: Array) -> tuple[Array, Array]:
    """What of a line lies ahead of its origin, and zeros where nothing does."""
    enter = np.fmax(enter, 0.0)
    missed = leave <= enter
    return np.where(missed, 0.0, enter), np.where(missed, 0.0, leave)


def _slab(vertex: Array, p_N: Array, p_Z: Array, axis: int, low: Corner, high: Corner) -> Array:
    """Half planes (n, 2, 3) of the two faces across ``axis``."""
    sides = ((1.0, low[axis]), (-1.0, high[axis]))
    columns = [[side * p_N[:, axis], side * p_Z[:, axis], side * (vertex[:, axis] - face)] for side, face in sides]
    return np.moveaxis(np.array(columns), 2, 0)


def _round(offset: Array, p_N: Array, p_Z: Array, radius: Array) -> Array:
    """Half planes (n, `FACES`, 3) of discs, from vectors (n, 2) in their plane and ``radius`` (n,)."""
    angles = 2 * np.pi * np.arange(FACES) / FACES
    outwards = np.array([np.cos(angles), np.sin(angles)])
    of_equal_area = np.sqrt(np.pi / (FACES * np.tan(np.pi / FACES)))
    inside = radius[:, None] * of_equal_area - offset @ outwards
    return np.stack([-(p_N @ outwards), -(p_Z @ outwards), inside], axis=-1)

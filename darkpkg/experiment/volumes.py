"""Shapes of the parts of a detector: `Box`, `Sphere` and `Cylinder`. Lengths are in cm.

Each is a product of intervals, discs and balls, which `Volume` makes everything of. A shape of your own is a frozen
dataclass that derives from `Volume` and has its ``low``, ``high`` and ``parts``; without such parts it has methods in
the place of those of `Volume`. Nothing else in the library depends on the kind of a volume. It must be convex, so
that a ray crosses it once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.experiment.regions import Ball, Interval, polar, unit
from darkpkg.inputs import Array, one_of, real_number, real_numbers, rule, settle

Corner = tuple[float, float, float]

__all__ = ["Box", "Cylinder", "Sphere", "Volume"]

_FARTHEST = 1e15
"""cm, a hundred astronomical units."""

_SIZE = rule(real_number, 0.0, _FARTHEST, positive=True)


class Volume(ABC):
    """A convex part of space, the product of its parts.

    Attributes
    ----------
    low
        Lowest corner (x, y, z) in cm of the box around it.
    high
        Highest.
    """

    low: Corner
    high: Corner

    @property
    @abstractmethod
    def parts(self) -> tuple[Interval | Ball, ...]:
        """Intervals, discs and balls, with each of the axes 0 to 2 in one of them; () if all methods are its own."""

    @property
    def volume(self) -> float:
        """Volume in cm³."""
        return math.prod(part.size for part in self.parts)

    def contains(self, point: ArrayLike) -> NDArray[np.bool_]:
        """Whether each point (..., 3), in cm, lies in the volume or on its surface: (...)."""
        point = np.asarray(point)
        return np.all([part.contains(point[..., part.axes]) for part in self.parts], axis=0)

    def uniform(self, random: Array) -> Array:
        """Points (n, 3) in cm that fill the volume evenly, from uniform numbers (n, 3) in [0, 1)."""
        points = np.empty(np.shape(random))
        for part in self.parts:
            points[..., part.axes] = part.uniform(random[..., part.axes])
        return points

    def chord(self, origin: Array, direction: Array) -> tuple[Array, Array]:
        """Where rays enter and leave the volume. A ray begins at its origin: nothing behind it counts.

        Parameters
        ----------
        origin
            (n, 3) in cm.
        direction
            (n, 3), of length one.

        Returns
        -------
        enter, leave
            Distances (n,) from the origin in cm: zero for a ray that begins inside, both zero for one that misses.
        """
        enter, leave = np.zeros(len(origin)), np.full(len(origin), np.inf)
        for part in self.parts:
            begin, end = part.crossing(origin[:, part.axes], direction[:, part.axes])
            enter, leave = np.fmax(enter, begin), np.fmin(leave, end)
        missed = leave <= enter
        return np.where(missed, 0.0, enter), np.where(missed, 0.0, leave)

    def nearest(self, point: Array) -> Array:
        """The point (3,) of the volume that is nearest to ``point``."""
        found = np.empty(3)
        for part in self.parts:
            found[part.axes] = part.nearest(point[part.axes])
        return found

    def half_planes(self, vertex: Array, p_N: Array, p_Z: Array) -> Array:
        """Half planes of lengths x, y of two flights, one after the other, that end inside: all a x + b y + c ≥ 0.

        The flights end at vertex + x·p_N + y·p_Z.

        Parameters
        ----------
        vertex
            (n, 3) in cm.
        p_N, p_Z
            Momenta (n, 3) in GeV.

        Returns
        -------
        array
            a, b and c of each half plane, (n, k, 3), in GeV and cm. A curved surface is approximated by planes.
        """
        flights = (vertex, p_N, p_Z)
        return np.concatenate([part.half_planes(*(v[:, part.axes] for v in flights)) for part in self.parts], axis=1)

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
        spiral = polar(np.ones(n.size), (2 * n + 1) / n.size - 1, n * (3 - 5**0.5) / 2)
        from_here = middle - np.add(self.low, self.high) / 2
        along = np.concatenate([signs * np.subtract(other.high, middle), spiral, [from_here]])
        along = unit(along[along.any(axis=1)])
        origin = np.broadcast_to(middle, along.shape)
        size = float(np.ptp([self.low, self.high]))
        return bool(np.all(other.chord(origin, along)[1] <= self.chord(origin, along)[1] + 1e-9 * size))


@dataclass(frozen=True)
class Box(Volume):
    """A box with edges along the axes.

    Parameters
    ----------
    low, high
        Corners (x, y, z) in cm.

    Raises
    ------
    TypeError, ValueError
        Unless both are points, and ``low`` is below ``high`` in all directions.
    """

    low: Corner
    high: Corner

    def __post_init__(self) -> None:
        settle(self, low=_corner, high=_corner)
        if not np.all(np.less(self.low, self.high)):
            raise ValueError(f"a box must extend in all directions, got low {self.low} and high {self.high}")

    @classmethod
    def centred(
        cls, width_x: float, width_y: float, length_z: float, z_begin: float, centre: tuple[float, float] = (0.0, 0.0)
    ) -> Box:
        """A box around an axis along z.

        Parameters
        ----------
        width_x, width_y, length_z
            Sizes in cm.
        z_begin
            Where it begins, in cm.
        centre
            (x, y) of the axis in cm; by default that of the beam.
        """
        for name, size in {"width_x": width_x, "width_y": width_y, "length_z": length_z}.items():
            _SIZE(name, size)
        x, y, _ = _corner("centre", np.append(real_numbers("centre", centre), 0.0))
        z_begin = real_number("z_begin", z_begin, -_FARTHEST, _FARTHEST)
        return cls(
            (x - width_x / 2, y - width_y / 2, z_begin), (x + width_x / 2, y + width_y / 2, z_begin + length_z)
        )

    @property
    def parts(self) -> tuple[Interval, ...]:
        return tuple(Interval([axis], self.low[axis], self.high[axis]) for axis in range(3))


@dataclass(frozen=True)
class Sphere(Volume):
    """All points around a centre.

    Parameters
    ----------
    centre
        (x, y, z) in cm.
    radius
        In cm.

    Raises
    ------
    TypeError, ValueError
        For what is no point, and no positive number.
    """

    centre: Corner
    radius: float

    def __post_init__(self) -> None:
        _set_round(self, np.full(3, np.nan))

    @property
    def parts(self) -> tuple[Ball]:
        return (Ball([0, 1, 2], np.array(self.centre), self.radius),)


@dataclass(frozen=True)
class Cylinder(Volume):
    """A circular cylinder along one of the axes.

    Parameters
    ----------
    centre
        (x, y, z) in cm.
    radius, length
        In cm.
    axis
        Along which it lies: ``"x"``, ``"y"`` or ``"z"``.

    Raises
    ------
    TypeError, ValueError
        As those of `Sphere`, and for another axis.
    """

    centre: Corner
    radius: float
    length: float
    axis: str = "z"

    def __post_init__(self) -> None:
        one_of("axis", self.axis, ("x", "y", "z"))
        settle(self, length=_SIZE)
        _set_round(self, np.where(np.array(list("xyz")) == self.axis, self.length / 2, np.nan))

    @property
    def parts(self) -> tuple[Interval | Ball, ...]:
        along = "xyz".index(self.axis)
        across = [axis for axis in range(3) if axis != along]
        disc = Ball(across, np.take(self.centre, across), self.radius)
        return Interval([along], self.low[along], self.high[along]), disc


def _corner(name: str, value: Any) -> Corner:
    corner = real_numbers(name, value, -_FARTHEST, _FARTHEST)
    if corner.shape != (3,):
        raise ValueError(f"{name} must be a point (x, y, z), got {value}")
    return tuple(corner.tolist())


def _set_round(volume: Sphere | Cylinder, half: Array) -> None:
    """Check centre and radius, and set the corners: half of the size along each axis, nan where it is the radius."""
    settle(volume, centre=_corner, radius=_SIZE)
    half = np.where(np.isnan(half), volume.radius, half)
    for name, end in (("low", np.subtract(volume.centre, half)), ("high", np.add(volume.centre, half))):
        object.__setattr__(volume, name, tuple(end.tolist()))

"""Nodes over the masses and lifetimes of a table, and splines between them. Begin with `Grid`; a `Field` is read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.inputs import Array
from darkpkg.method.sampling import require_within

_NUMBERS = 1 << 16
"""Of a basis around some points, in memory: as many as stay in the cache of a core."""


@dataclass(frozen=True)
class Axis:
    """Evenly spaced nodes, and B-splines of ``degree`` 3, or 1, between them."""

    start: float
    stop: float
    n: int
    degree: int

    @property
    def size(self) -> int:
        """How many coefficients there are."""
        return self.n + 2 if self.degree == 3 else self.n

    @property
    def nodes(self) -> Array:
        """The nodes (n,)."""
        return np.linspace(self.start, self.stop, self.n)

    def nearest(self, other: Axis) -> NDArray[np.int64]:
        """The node nearest to each node of another axis."""
        return np.abs(other.nodes[:, None] - self.nodes).argmin(axis=1)

    def weights(self, at: ArrayLike) -> tuple[NDArray[np.int64], Array]:
        """Coefficients (n, degree + 1) that count at places (n,), by number and weight; beyond the ends, the end."""
        place = (np.asarray(at) - self.start) * ((self.n - 1) / (self.stop - self.start))
        place = np.minimum(np.maximum(place, 0.0), self.n - 1.0)
        first = np.minimum(place.astype(np.int64), self.n - 2)
        f = place - first
        g = 1 - f
        found = np.empty((*f.shape, self.degree + 1))
        if self.degree == 1:
            found[..., 0], found[..., 1] = g, f
        else:
            found[..., 0], found[..., 1] = g * g * g, (3 * f - 6) * f * f + 4
            found[..., 2], found[..., 3] = (3 * g - 6) * g * g + 4, f * f * f
            found /= 6
        return first[:, None] + np.arange(self.degree + 1), found


def prefiltered(values: Array, axis: int) -> Array:
    """Coefficients (…, n + 2, …) of the cubic B-spline through values (…, n, …), smooth at the second nodes."""
    n = values.shape[axis]
    matrix = np.zeros((n + 2, n + 2))
    for i in range(n):
        matrix[i + 1, i : i + 3] = 1 / 6, 4 / 6, 1 / 6
    matrix[0, :5] = matrix[-1, -5:] = 1, -4, 6, -4, 1
    flat = np.moveaxis(values, axis, 0)
    right = np.zeros((n + 2, *flat.shape[1:]))
    right[1:-1] = flat
    return np.moveaxis(np.linalg.solve(matrix, right.reshape(n + 2, -1)).reshape(right.shape), 0, axis)


@dataclass(frozen=True)
class Grid:
    """Nodes over the masses: even in u(ln m_N), four times denser above the ``knee``, and in a ratio of masses v.

    u = x + 3 w ln(1 + exp((x − ln knee)/w)) with x = ln m_N, and v = (ln(m_Z′/m_N)/ln(M/m_N))^power, from zero to
    one, with M the last m_Z′, 10 GeV if heavy and 2 MeV if light. A power below one has denser nodes next to
    m_Z′ = m_N, where rates depend most on the ratio. Masses in GeV.
    """

    mediator: str
    n_x: int
    n_v: int
    m_N: tuple[float, float] = (5e-3, 1.0)
    m_Zprime: float = 0.0
    knee: float = 0.22
    width: float = 0.15
    power: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "m_N", tuple(self.m_N))
        if not self.m_Zprime:
            object.__setattr__(self, "m_Zprime", 2e-3 if self.mediator == "light" else 10.0)

    def _u(self, m_N: ArrayLike) -> Array:
        x = np.log(m_N)
        return x + 3 * self.width * np.logaddexp(0.0, (x - np.log(self.knee)) / self.width)

    @functools.cached_property
    def axes(self) -> tuple[Axis, Axis]:
        """Those of u and v."""
        return self._axes[3]

    @functools.cached_property
    def _axes(self) -> Mapping[int, tuple[Axis, Axis]]:
        low, high = self._u(np.array(self.m_N)).tolist()
        return {degree: (Axis(low, high, self.n_x, degree), Axis(0.0, 1.0, self.n_v, degree)) for degree in (1, 3)}

    def near(self, m_N: Array, m_Zprime: Array) -> Mapping[int, Near]:
        """Coefficients that count at pairs of masses (n,), by degree: all fields share them. Raises as `position`."""
        at = self.position(m_N, m_Zprime)
        return {degree: around(axes, at) for degree, axes in self._axes.items()}

    def position(self, m_N: Array, m_Zprime: Array) -> tuple[Array, Array]:
        """u and v of masses. Raises `ValueError` that names a mass outside the table, its value and the range."""
        beyond = (np.minimum if self.mediator == "light" else np.maximum)(self.m_Zprime, m_N)
        require_within("the table", "m_N", m_N, *self.m_N)
        require_within("the table", "m_Zprime", m_Zprime, np.minimum(beyond, m_N), np.maximum(beyond, m_N))
        v = np.log(m_Zprime / m_N) / np.log(self.m_Zprime / m_N)
        return self._u(m_N), np.maximum(v, 0.0) ** self.power

    def masses(self, i: int, j: int) -> tuple[float, float]:
        """m_N and m_Z′ of a node; a light Z′ is lighter than N by 1e-5 at least."""
        fine = np.linspace(np.log(self.m_N[0]), np.log(self.m_N[1]), 20_001)
        m_N = float(np.exp(np.interp(self.axes[0].nodes[i], self._u(np.exp(fine)), fine)))
        m_Zprime = float(m_N * (self.m_Zprime / m_N) ** self.axes[1].nodes[j] ** (1 / self.power))
        return m_N, min(m_Zprime, m_N * (1 - 1e-5)) if self.mediator == "light" else max(m_Zprime, m_N)


Near = tuple[NDArray[np.int64], Array]


def around(axes: tuple[Axis, ...], at: tuple[Array, ...]) -> Near:
    """Coefficients (n, m) that count at places (n,) on each axis, flat, by number and weight (n, 1, m)."""
    places, weights = axes[0].weights(at[0])
    for axis, x in zip(axes[1:], at[1:], strict=True):
        index, own = axis.weights(x)
        places = (places[:, :, None] * axis.size + index[:, None]).reshape(len(x), -1)
        weights = (weights[:, :, None] * own[:, None]).reshape(len(x), -1)
    return places, weights[:, None]


class Field(NamedTuple):
    """A quantity over the masses: B-splines of its principal components, and the components over further axes.

    The coefficients are (places on u and v, k), and the basis is (places on the axes, k, …).
    """

    coefficients: Array
    basis: Array
    degree: int
    axes: tuple[Axis, ...]

    def __call__(self, near: Mapping[int, Near], along: Callable[[tuple[Axis, ...]], Near]) -> Array:
        """Values (n, …) near n pairs of masses, and near places on further axes, for which `around` is ``along``."""
        places, weights = near[self.degree]
        values = weights @ self.coefficients[places]
        shape = len(values), *self.basis.shape[2:]
        basis = self.basis.reshape(*self.basis.shape[:2], -1)
        if not self.axes:
            return (values[:, 0] @ basis[0]).reshape(shape)
        places, weights = along(self.axes)
        flat = basis.reshape(len(basis), -1)
        found = np.empty((len(values), 1, basis.shape[2]))
        at_once = min(max(_NUMBERS // (places.shape[1] * basis[0].size), 1), len(values))
        own = np.empty((at_once, places.shape[1], basis[0].size))  # one for all: fresh memory takes longer to get
        for begin in range(0, len(values), at_once):
            rows = slice(begin, begin + at_once)
            near_rows = np.take(flat, places[rows], axis=0, out=own[: len(places[rows])], mode="clip")
            components = weights[rows] @ near_rows
            found[rows] = values[rows] @ components.reshape(-1, *basis.shape[1:])
        return found.reshape(shape)

r"""Kernels: how much a simulated point of parameter space counts at another point.

Begin with `EPANECHNIKOV`, `GAUSSIAN` or `UNIFORM`. A kernel acts on differences; what the parameters are, and whether
their distance is linear or logarithmic, is up to the caller. In d dimensions, with a bandwidth h for each,

.. math:: K(\Delta) &= \frac{c_d}{h_1\cdots h_d}\,k(r), \qquad \int K\,d^d\Delta = 1 , \\
          r^2 &= \sum_j (\Delta_j/h_j)^2 .
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, gammainc, gammaincinv, ndtri

from darkpkg.inputs import Array, real_numbers, whole_number

__all__ = ["EPANECHNIKOV", "GAUSSIAN", "KERNELS", "UNIFORM", "Epanechnikov", "Gaussian", "Kernel", "Uniform"]

Inside = Callable[[Array], NDArray[np.bool_]]
"""Whether each of the points (n, d) belongs to a region."""

_LARGEST = 1e60
"""No bandwidth may be larger, and none smaller than the inverse: the product of a few must stay a number."""


@dataclass(frozen=True)
class Kernel(ABC):
    """A radial kernel of integral one in any number of dimensions.

    ``reach`` is the radius, in bandwidths, beyond which it is zero. Kinds are subclasses that define how K falls with
    the radius: `profile`, `norm`, `second_moment` and `radius_sq`.
    """

    name: ClassVar[str]
    reach: ClassVar[float] = 1.0

    @abstractmethod
    def profile(self, r_sq: ArrayLike) -> Array:
        """k as a function of r², one at the centre."""

    @abstractmethod
    def norm(self, dim: int) -> float:
        """c_d, the value at the centre for unit bandwidths."""

    @abstractmethod
    def second_moment(self, dim: int) -> float:
        """Variance in each direction, in units of h²."""

    @abstractmethod
    def radius_sq(self, share: ArrayLike, dim: int) -> Array:
        """r² within which a ``share`` of the kernel lies."""

    def roughness(self, dim: int) -> float:
        """∫K² for unit bandwidths, to 1e-3: the variance of an estimate is proportional to it."""
        even = (np.arange(4096) + 0.5) / 4096
        return float(self.norm(dim) * self.profile(self.radius_sq(even, dim)).mean())

    def __call__(self, difference: ArrayLike, bandwidth: ArrayLike) -> Array:
        """K for differences (..., d) and a bandwidth, one for all dimensions or one for each.

        Parameters
        ----------
        difference
            (..., d), in units of the parameters.
        bandwidth
            One number or (d,), in the same units.

        Returns
        -------
        ndarray
            K of shape (...), per unit of each parameter.

        Raises
        ------
        ValueError
            For a bandwidth that is not positive, numbers that are nan, and shapes that do not fit.

        Examples
        --------
        >>> EPANECHNIKOV(np.zeros(2), 0.1)
        63.66...
        """
        difference = real_numbers("difference", difference)
        dim = difference.shape[-1] if difference.ndim else 0
        if not dim:
            raise ValueError(f"difference must have one number or more along its last axis, got {difference.shape}")
        h = real_numbers("bandwidth", bandwidth, 1 / _LARGEST, _LARGEST)
        if h.shape not in ((), (dim,)):
            raise ValueError(f"bandwidth must be one number or {dim} as difference, got an array of shape {h.shape}")
        with np.errstate(over="ignore"):  # far beyond the reach of the kernel
            # One by one: along a short axis numpy takes ten times longer.
            r_sq = sum(np.moveaxis((difference / h) ** 2, -1, 0), np.zeros(()))
        return self.norm(dim) / np.broadcast_to(h, dim).prod() * self.profile(r_sq)

    def points(self, dim: int = 2, n: int = 16384) -> Array:
        """n points (n, d) that fill space with the density of the kernel, for unit bandwidths.

        In two dimensions a sunflower, the golden angle between neighbours, in others a Sobol sequence of directions.
        """
        i = np.arange(n)
        if dim == 1:
            side = 2 * (i + 0.5) / n - 1
            return (np.sign(side) * np.sqrt(self.radius_sq(abs(side), dim)))[:, None]
        if dim == 2:
            radius, angle = np.sqrt(self.radius_sq((i + 0.5) / n, dim)), np.pi * (3 - np.sqrt(5)) * i
            return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        from scipy.stats import qmc  # here: its import takes longer than most calculations

        u = qmc.Sobol(dim + 1, scramble=False).random(n) + 0.5 / n
        direction = ndtri(u[:, 1:])
        radius = np.sqrt(self.radius_sq(u[:, 0], dim))
        return direction * (radius / np.linalg.norm(direction, axis=1))[:, None]

    def moments_inside(self, centre: ArrayLike, bandwidth: ArrayLike, inside: Inside) -> Array:
        """Moments ∫K (1, Δ/h)(1, Δ/h)ᵀ over the part of the kernel where ``inside`` holds.

        Parameters
        ----------
        centre
            (..., d), in units of the parameters.
        bandwidth
            One number, one for each dimension, or one for each centre and dimension.
        inside
            Whether each of the points (n, d) belongs to the region.

        Returns
        -------
        ndarray
            (..., 1 + d, 1 + d), to 1e-3 in one and two dimensions. The first, [..., 0, 0], is the mass inside.
        """
        centre = np.asarray(centre, dtype=float)
        dim = centre.shape[-1]
        h = np.broadcast_to(bandwidth, centre.shape)
        points, products = _points(self, dim)
        moments = np.empty((*centre.shape[:-1], (1 + dim) ** 2))
        for index in np.ndindex(centre.shape[:-1]):  # one by one, so that memory does not grow with the centres
            moments[index] = inside(centre[index] + points * h[index]).astype(float) @ products / len(points)
        return moments.reshape(*centre.shape[:-1], 1 + dim, 1 + dim)


@functools.cache
def _points(kernel: Kernel, dim: int) -> tuple[Array, Array]:
    """The points of `Kernel.points`, a few thousand along a line, and their products (n, (1 + d)²), made once."""
    points = kernel.points(dim, 4096 if dim == 1 else 16384)
    basis = np.concatenate([np.ones((len(points), 1)), points], axis=1)
    return points, (basis[:, :, None] * basis[:, None, :]).reshape(len(points), -1)


class _Power(Kernel):
    """k = (1 − r²)^power within r = 1, under which r² has a beta distribution."""

    power: ClassVar[int]

    def profile(self, r_sq: ArrayLike) -> Array:
        r_sq = real_numbers("r_sq", r_sq, 0.0)
        return np.where(r_sq < 1, (1 - np.minimum(r_sq, 1.0)) ** self.power, 0.0)

    def norm(self, dim: int) -> float:
        half = _dimensions(dim) / 2
        return math.gamma(half + self.power + 1) / (math.pi**half * math.factorial(self.power))

    def second_moment(self, dim: int) -> float:
        return 1 / (_dimensions(dim) + 2 * self.power + 2)

    def radius_sq(self, share: ArrayLike, dim: int) -> Array:
        share = real_numbers("share", share, 0.0, 1.0)
        if _dimensions(dim) == 2:
            return 1 - (1 - share) ** (1 / (self.power + 1))
        return betaincinv(dim / 2, self.power + 1, share)


class Epanechnikov(_Power):
    r"""k = 1 − r² within r = 1; in two dimensions c = 2/π.

    Among all kernels it has the smallest mean squared error: V. A. Epanechnikov, Theory Probab. Appl. 14 (1969) 153.
    """

    name, power = "epanechnikov", 1


class Uniform(_Power):
    """k = 1 within r = 1: a plain average over neighbours."""

    name, power = "uniform", 0


class Gaussian(Kernel):
    """k = exp(−r²/2), cut at r = 6, where in two dimensions 1.5e-8 of it is left; r² has a χ² distribution."""

    name = "gaussian"
    reach = 6.0

    def profile(self, r_sq: ArrayLike) -> Array:
        r_sq = real_numbers("r_sq", r_sq, 0.0)
        return np.where(r_sq < self.reach**2, np.exp(-r_sq / 2), 0.0)

    def norm(self, dim: int) -> float:
        return (2 * math.pi) ** (-_dimensions(dim) / 2) / self._kept(dim)

    def second_moment(self, dim: int) -> float:
        return self._kept(_dimensions(dim) + 2) / self._kept(dim)

    def radius_sq(self, share: ArrayLike, dim: int) -> Array:
        return 2 * gammaincinv(_dimensions(dim) / 2, real_numbers("share", share, 0.0, 1.0) * self._kept(dim))

    def _kept(self, dim: int) -> float:
        """Share of a Gaussian that the cut leaves."""
        return float(gammainc(dim / 2, self.reach**2 / 2))


def _dimensions(dim: int) -> int:
    return whole_number("dim", dim, 1, 100)


EPANECHNIKOV, GAUSSIAN, UNIFORM = Epanechnikov(), Gaussian(), Uniform()

KERNELS = {kernel.name: kernel for kernel in (EPANECHNIKOV, GAUSSIAN, UNIFORM)}
"""The kernels by name."""

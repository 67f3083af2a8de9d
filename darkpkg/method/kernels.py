"""Kernels: how much a simulated point of parameter space counts at another point.

Begin with `EPANECHNIKOV`. A kernel acts on scaled differences; what the parameters are, and whether their distance is
linear or logarithmic, is up to the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

__all__ = ["EPANECHNIKOV", "Epanechnikov"]


@dataclass(frozen=True)
class Epanechnikov:
    r"""The radial Epanechnikov kernel in two dimensions, :math:`K = \frac{2}{\pi h_1h_2}(1-r^2)` for r < 1.

    :math:`r^2 = (\Delta_1/h_1)^2 + (\Delta_2/h_2)^2` for differences Δ and bandwidths h. Its integral is one.
    """

    norm: float = 2 / np.pi

    def __call__(self, difference: Array, bandwidth: ArrayLike) -> Array:
        """K for differences (..., 2) and a bandwidth, one for both dimensions or one for each.

        >>> EPANECHNIKOV(np.zeros(2), 0.1)
        63.66...
        """
        h = np.broadcast_to(bandwidth, 2)
        r_sq = ((np.asarray(difference) / h) ** 2).sum(axis=-1)
        return self.norm / h.prod() * np.maximum(1 - r_sq, 0.0)

    def points(self, n: int = 16384) -> Array:
        """n points (n, 2) that fill the unit disc with the density of the kernel.

        A sunflower: the golden angle between neighbours, and radii r = √(1 − √(1 − u)) that invert the share
        1 − (1 − r²)² of the kernel within r.
        """
        i = np.arange(n)
        radius = np.sqrt(1 - np.sqrt(1 - (i + 0.5) / n))
        angle = np.pi * (3 - np.sqrt(5)) * i
        return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)

    def mass_inside(self, centre: Array, bandwidth: ArrayLike, inside: Callable[[Array], NDArray[np.bool_]]) -> Array:
        """Share of the kernel around each ``centre`` (..., 2) that lies where ``inside`` holds, to 1e-3.

        Dividing by it renormalises a kernel that an edge of the sampled region cuts.
        """
        centre, around = np.asarray(centre, dtype=float), self.points() * np.broadcast_to(bandwidth, 2)
        share = np.empty(centre.shape[:-1])
        for index in np.ndindex(share.shape):  # one by one, so that memory does not grow with the number of centres
            share[index] = inside(centre[index] + around).mean()
        return share[()]


EPANECHNIKOV = Epanechnikov()

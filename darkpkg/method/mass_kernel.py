"""The kernel over the masses of a sample: where it may be centred, and what an edge of the sampled region does to it.

Begin with `edge_coefficients`.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.method.kernels import Kernel
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.smoothing import SMOOTHING, Smoothing

Array = NDArray[np.float64]

__all__ = ["OutsideSampleError", "check_inside", "check_smoothing", "edge_coefficients", "guessed_level"]


class OutsideSampleError(ValueError):
    """A mass ``name`` whose ``value`` (GeV) no event of a sample is near: it has them from ``low`` to ``high``."""

    def __init__(self, message: str, name: str, value: float, low: float, high: float) -> None:
        super().__init__(message, name, value, low, high)
        self.name, self.value, self.low, self.high = name, value, low, high

    def __str__(self) -> str:
        return str(self.args[0])


def check_smoothing(smoothing: Smoothing) -> None:
    """Raise `ValueError` unless distances of masses are those of logarithms."""
    if not np.all(smoothing.log):
        raise ValueError(f"log must be True for events, whose masses are smoothed in logarithms, got {smoothing.log}")


def guessed_level(sampling: SamplingRange, masses: Array, smoothing: Smoothing) -> Array:
    """The slope g at masses (..., 2)."""
    return smoothing.level(masses, lambda at: sampling.flattening(at[..., 0], at[..., 1]))


def edge_coefficients(sampling: SamplingRange, centres: Array, h: Array, smoothing: Smoothing) -> Array:
    """`Smoothing.coefficients` in the sampled region, each centre (p, 2) with its bandwidth once: (p, 3).

    The region is convex in the logarithms of the masses, so that a kernel whose corners lie inside does so wholly.
    """
    unique, index = np.unique(np.concatenate([centres, h], axis=1), axis=0, return_inverse=True)
    centres, h = unique[:, :2], unique[:, 2:]
    box = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) * smoothing.kernel.reach
    corners = centres[:, None, :] + h[:, None, :] * box
    cut = ~sampling.contains_logarithms(corners).all(axis=1)
    c = np.tile([1.0, 0.0, 0.0], (len(centres), 1))
    c[cut] = _coefficients_at_edges(
        sampling, smoothing.kernel, smoothing.order, centres[cut].tobytes(), h[cut].tobytes()
    )
    return c[index.reshape(-1)]


@functools.lru_cache(maxsize=64)
def _coefficients_at_edges(
    sampling: SamplingRange, kernel: Kernel, order: int, centres: bytes, h: bytes
) -> NDArray[np.float64]:
    """`Smoothing.coefficients`, remembered, as other analyses and samples ask for the same points."""
    at, widths = (np.frombuffer(numbers).reshape(-1, 2) for numbers in (centres, h))
    return replace(SMOOTHING, kernel=kernel, order=order).coefficients(at, widths, sampling.contains_logarithms)


def check_inside(sampling: SamplingRange, m_N: ArrayLike, m_Zprime: ArrayLike) -> None:
    """Raise `OutsideSampleError` unless all masses lie in the sampled region."""
    m_N, m_Zprime = np.asarray(m_N, dtype=float), np.asarray(m_Zprime, dtype=float)
    for name, values, (low, high) in (("m_N", m_N, sampling.m_N), ("m_Zprime", m_Zprime, sampling.m_Zprime)):
        outside = (values < low * (1 - 1e-12)) | (values > high * (1 + 1e-12))
        if outside.any():
            value = float(np.extract(outside, values)[0])
            rule = f"{name} = {value:g} GeV lies outside the sampled range, {low:g} to {high:g} GeV"
            raise OutsideSampleError(rule, name, value, low, high)
    wrong_side = np.less(m_Zprime, m_N) != sampling.is_light
    if not sampling.is_fixed and wrong_side.any():
        edge, value = (float(np.broadcast_to(m, wrong_side.shape)[wrong_side][0]) for m in (m_N, m_Zprime))
        rule, (low, high) = ("below", (0.0, edge)) if sampling.is_light else ("at least", (edge, np.inf))
        rule = f"m_Zprime must be {rule} m_N everywhere: the sample is of a {sampling.mediator} mediator"
        raise OutsideSampleError(rule, "m_Zprime", value, low, high)

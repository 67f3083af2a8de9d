"""The compiled sum of weights over the samples around each point. Begin with `kernel_sums`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from darkpkg.compiling import compiled, in_blocks
from darkpkg.inputs import Array
from darkpkg.method.loops import Paths, decays_inside

Integers = NDArray[np.int64]


class Prepared(NamedTuple):
    """Samples at (x, y) with the factors ``base`` of their weights and the ``column`` that they are summed in.

    They are ordered by strip in x and within a strip by y. Strips begin at ``strip_edges`` in x, and with the samples
    ``strip_starts``.
    """

    x: Array
    y: Array
    base: Array
    column: Integers
    paths: Paths
    strip_edges: Array
    strip_starts: Integers


class Points(NamedTuple):
    """Where to sum: p points (x, y) with decay rates over momentum of N and Z′, bandwidths (p, 2) and coefficients.

    ``kind`` is the shape of the kernel, see `profile`, and ``reach`` where it ends; ``wider`` is the second bandwidth
    in units of the first, and ``coefficients`` (p, 2, 3) has c for both.
    """

    x: Array
    y: Array
    rate: Array
    rate_of_Z: Array
    bandwidths: Array
    coefficients: Array
    kind: int
    reach: float
    wider: float


class _Together(NamedTuple):
    """Samples that are summed together: their weights w and d without the probability to decay, and their columns.

    Below, the paths of N through the volumes, one after the other: that of number i belongs to the sample ``of[i]``.
    """

    row: Integers
    w: Array
    d: Array
    column: Integers
    probability: Array
    of: Integers
    begin: Array
    width: Array
    chance: Array


_TOGETHER = 128
"""Samples that are summed together, for all lifetimes at the same masses, in the fastest cache.

What does not depend on the lifetime is computed once for these, and probabilities become instructions for several
paths at once.
"""


_ROUNDED = {"arcp", "contract"}
"""Several quotients with one divisor may become products with its inverse, and a product with a sum one instruction,
which rounds once: nothing else is rounded otherwise."""


@in_blocks
@compiled(nogil=True, fastmath=_ROUNDED)
def kernel_sums(first: int, last: int, sums: Array, points: Points, samples: Prepared, everywhere: bool) -> None:
    """Add to ``sums`` (points, columns, 4) Σw, Σw², Σd and Σd² of the samples around each point (x, y).

    Called without the first two arguments, which `in_blocks` sets.

    w = base · k(r) · (c_0 + c_1 u + c_2 v) · Σ_k (exp(−rate·begin_k) − exp(−rate·(begin_k + width_k))), with scaled
    distances u, v, r² = u² + v² for the bandwidths, and d the same with bandwidths ``wider`` times as large, less w.
    The last factor of w is one if ``everywhere``. Where ``rate_of_Z`` is finite, Z′ flies, too: the factor is the sum
    of `two_flights` over the polygons of an event.

    A point visits the few strips within its reach, once for all points next to it in order that differ by their rates
    only. Blocks of points run in parallel, the samples of a point in order and in the same groups: the sums depend
    neither on the number of threads nor on the other points.
    """
    wider, reach, n_paths = points.wider, points.reach * points.wider, _TOGETHER * samples.paths.begin.shape[1]
    edges, starts, point = samples.strip_edges, samples.strip_starts, first
    own = _Together(
        np.empty(_TOGETHER, dtype=np.int64), np.empty(_TOGETHER), np.empty(_TOGETHER),
        np.empty(_TOGETHER, dtype=np.int64), np.empty(_TOGETHER), np.empty(n_paths, dtype=np.int64),
        np.empty(n_paths), np.empty(n_paths), np.empty(n_paths),
    )  # fmt: skip
    while point < last:
        x, y, n, end = points.x[point], points.y[point], 0, _differs(points, point, last)
        h_x, h_y, c = points.bandwidths[point, 0], points.bandwidths[point, 1], points.coefficients[point]
        first_strip = max(np.searchsorted(edges, x - reach * h_x, side="right") - 1, 0)
        last_strip = min(np.searchsorted(edges, x + reach * h_x, side="right"), starts.size - 1)
        for strip in range(first_strip, last_strip):
            start, stop = starts[strip], starts[strip + 1]
            low = start + np.searchsorted(samples.y[start:stop], y - reach * h_y)
            high = start + np.searchsorted(samples.y[start:stop], y + reach * h_y, side="right")
            for i in range(low, high):
                u, v = (samples.x[i] - x) / h_x, (samples.y[i] - y) / h_y
                r_sq = u * u + v * v
                if r_sq >= reach * reach:
                    continue
                w = samples.base[i] * profile(points.kind, r_sq) * (c[0, 0] + c[0, 1] * u + c[0, 2] * v)
                u, v, r_sq = u / wider, v / wider, r_sq / wider**2
                wide = samples.base[i] * profile(points.kind, r_sq) * (c[1, 0] + c[1, 1] * u + c[1, 2] * v)
                own.row[n], own.w[n], own.d[n], own.column[n] = i, w, wide - w, samples.column[i]
                n += 1
                if n == _TOGETHER:
                    _add(sums, point, end, points, samples.paths, everywhere, own, n)
                    n = 0
        _add(sums, point, end, points, samples.paths, everywhere, own, n)
        point = end


@compiled()
def _differs(points: Points, point: int, last: int) -> int:
    """The first point after ``point`` that differs from it by more than its rates, or ``last``."""
    after = point + 1
    while after < last and points.x[after] == points.x[point] and points.y[after] == points.y[point]:
        for k in range(2):
            if points.bandwidths[after, k] != points.bandwidths[point, k]:
                return after
            for j in range(3):
                if points.coefficients[after, k, j] != points.coefficients[point, k, j]:
                    return after
        after += 1
    return after


@compiled(fastmath=_ROUNDED)
def _add(
    sums: Array, first: int, last: int, points: Points, paths: Paths, everywhere: bool, own: _Together, n: int
) -> None:
    """Add n samples to the sums of the points from ``first`` to ``last``, which differ by their rates only."""
    n_paths = 0
    for j in range(n if paths.begin.shape[0] and not everywhere else 0):
        begin, width = paths.begin[own.row[j]], paths.width[own.row[j]]
        for k in range(width.size):  # overwritten unless the path counts: there is no branch to foresee
            own.of[n_paths], own.begin[n_paths], own.width[n_paths] = j, begin[k], width[k]
            n_paths += width[k] > 0.0
    for point in range(first, last):
        rate, rate_of_Z, total = points.rate[point], points.rate_of_Z[point], sums[point]
        for j in range(n):
            own.probability[j] = 1.0 if everywhere else 0.0
        if not everywhere and rate_of_Z == math.inf:
            chances(rate, own.begin[:n_paths], own.width[:n_paths], own.chance)
            for k in range(n_paths):
                own.probability[own.of[k]] += own.chance[k]
        elif not everywhere:
            for j in range(n):
                own.probability[j] = decays_inside(rate, rate_of_Z, paths.starts[own.row[j]], paths.corners)
        for j in range(n):
            w, d, column = own.w[j] * own.probability[j], own.d[j] * own.probability[j], own.column[j]
            total[column, 0] += w
            total[column, 1] += w * w
            total[column, 2] += d
            total[column, 3] += d * d


@compiled(fastmath=_ROUNDED)
def chances(rate: float, begin: Array, width: Array, chance: Array) -> None:
    """Fill ``chance`` with exp(−rate·begin) (1 − exp(−rate·width)) of paths (n,), exact for rate · width → 0.

    Without branch and call, so that it becomes instructions for several paths at once.
    """
    for i in range(begin.size):
        power, less = _exponential(-rate * begin[i])
        power_of_width, less_of_width = _exponential(-rate * width[i])
        chance[i] = -(power + power * less) * (power_of_width * less_of_width + (power_of_width - 1.0))


_LN_2 = 0.693147180369123816490, 1.90821492927058770002e-10
"""ln 2 as a sum: the first, of 32 bits, times a whole number below 2²⁰ is not rounded."""

_PER_LN_2 = 1 / math.log(2.0)

_ROUND = 1.5 * 2.0**52
"""Added to a number below 2⁵¹, it leaves the nearest whole number in the lowest bits."""

_INVERSE_FACTORIALS = tuple(1 / math.factorial(k) for k in range(13, 0, -1))


@compiled(fastmath=_ROUNDED)
def _exponential(x: float) -> tuple[float, float]:
    """2ⁿ and eᶠ − 1 of x = n ln 2 + f ≤ 0 with |f| ≤ ln 2/2, where the series ends at f¹³: eˣ = 2ⁿ + 2ⁿ (eᶠ − 1).

    Below −708 eˣ is zero.
    """
    shifted = max(x, -709.0) * _PER_LN_2 + _ROUND
    n = shifted - _ROUND
    f = (max(x, -709.0) - n * _LN_2[0]) - n * _LN_2[1]
    power = np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)  # n + 1023 as exponent
    series = 0.0
    for inverse_factorial in _INVERSE_FACTORIALS:
        series = (series + inverse_factorial) * f
    return (power if x > -708.0 else 0.0), series


@compiled()
def profile(kind: int, r_sq: float) -> float:
    """The kernel's shape k: 0 Epanechnikov, 1 uniform, 2 Gaussian cut at r = 6."""
    if kind == 2:
        return math.exp(-r_sq / 2) if r_sq < 36.0 else 0.0
    if r_sq >= 1.0:
        return 0.0
    return 1.0 - r_sq if kind == 0 else 1.0

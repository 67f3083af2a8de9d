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
    ``strip_starts``. No path of N begins before ``nearest`` or ends after ``farthest``.
    """

    x: Array
    y: Array
    base: Array
    column: Integers
    paths: Paths
    strip_edges: Array
    strip_starts: Integers
    nearest: float
    farthest: float


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


class _Cells(NamedTuple):
    """Moments of weights in cells of time over momentum, eight in each factor of two, the first from zero.

    ``moments`` (2, columns, cells, powers, 2) are Σ ± w uᵐ and Σ ± d uᵐ, u from −1 to 1 in each cell, of the ends of
    all paths, and those of w² and d² of the sums of two ends, which make the square of a chance. ``flown`` is Σ |w|.
    """

    lowest: int
    centre: Array
    per_half: Array
    flown: Array
    moments: Array


_POWERS, _SHIFT = 7, 49
"""Powers of the moments, and bits of a number below those that count its cell.

With s = rate · t, (s/17)⁷ e⁻ˢ/7! is left out at most, 1e-9, and what is odd in u: it cancels on average."""

_NEAR, _RARE = 8.0, 0.1
"""Times over lifetimes: the nearest path from which on moments would be less exact than a rate that is so small, and
the mean below which decays are rare."""

_SAMPLE, _COLUMN = (7, 17), 64
"""Work in chances of a sample: its moments, without and with squares, and a column of their sums at a lifetime."""

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
def kernel_sums(
    first: int, last: int, groups: Integers, sums: Array, points: Points, samples: Prepared, everywhere: bool,
    squares: bool,
) -> None:  # fmt: skip
    """Add to ``sums`` (points, columns, 4) Σw, Σw², Σd and Σd² of the samples around each point (x, y).

    Called without the first two arguments, which `in_blocks` sets. Points differ by their rates only from
    ``groups[i, 0]`` to ``groups[i, 1]``; without ``squares`` those may be left out.

    w = base · k(r) · (c_0 + c_1 u + c_2 v) · Σ_k (exp(−rate·begin_k) − exp(−rate·(begin_k + width_k))), with scaled
    distances u, v, r² = u² + v² for the bandwidths, and d the same with bandwidths ``wider`` times as large, less w.
    The last factor of w is one if ``everywhere``. Where ``rate_of_Z`` is finite, Z′ flies, too: the factor is the sum
    of `two_flights` over the polygons of an event.

    The points of a group visit the few strips within its reach once, and many rates are summed by `_add_moments`.
    Groups run in parallel, the samples of each in order: the sums do not depend on the number of threads, and on the
    other points of a group by less than 1e-9 of the sum ``everywhere``, 1e-6 of a sum.
    """
    wider, reach, n_paths = points.wider, points.reach * points.wider, _TOGETHER * samples.paths.begin.shape[1]
    edges, starts = samples.strip_edges, samples.strip_starts
    own = _Together(
        np.empty(_TOGETHER, dtype=np.int64), np.empty(_TOGETHER), np.empty(_TOGETHER),
        np.empty(_TOGETHER, dtype=np.int64), np.empty(_TOGETHER), np.empty(n_paths, dtype=np.int64),
        np.empty(n_paths), np.empty(n_paths), np.empty(n_paths),
    )  # fmt: skip
    for point, end in groups[first:last]:
        x, y, n, n_near = points.x[point], points.y[point], 0, 0
        h_x, h_y, c = points.bandwidths[point, 0], points.bandwidths[point, 1], points.coefficients[point]
        first_strip = max(np.searchsorted(edges, x - reach * h_x, side="right") - 1, 0)
        last_strip = min(np.searchsorted(edges, x + reach * h_x, side="right"), starts.size - 1)
        low, high = np.empty((2, max(last_strip - first_strip, 0)), dtype=np.int64)
        for k in range(low.size):
            start, stop = starts[first_strip + k], starts[first_strip + k + 1]
            low[k] = start + np.searchsorted(samples.y[start:stop], y - reach * h_y)
            high[k] = start + np.searchsorted(samples.y[start:stop], y + reach * h_y, side="right")
            n_near += high[k] - low[k]
        each, together = _shared(np.arange(point, end), points, samples, everywhere, n_near, sums.shape[1], squares)
        cells = _cells(points.rate[together], samples.farthest, sums.shape[1])
        for k in range(low.size):
            for i in range(low[k], high[k]):
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
                    _add(sums, each, points, samples.paths, everywhere, own, n, cells, squares)
                    n = 0
        _add(sums, each, points, samples.paths, everywhere, own, n, cells, squares)
        _add_transforms(sums, together, points.rate, cells)


@compiled(fastmath=_ROUNDED)
def _add(
    sums: Array, each: Integers, points: Points, paths: Paths, everywhere: bool, own: _Together, n: int,
    cells: _Cells, squares: bool,
) -> None:  # fmt: skip
    """Add n samples to the sums of the points ``each``, which differ by their rates only, and to the moments."""
    n_paths = 0
    for j in range(n if paths.begin.shape[0] and not everywhere else 0):
        begin, width = paths.begin[own.row[j]], paths.width[own.row[j]]
        for k in range(width.size):  # overwritten unless the path counts: there is no branch to foresee
            own.of[n_paths], own.begin[n_paths], own.width[n_paths] = j, begin[k], width[k]
            n_paths += width[k] > 0.0
    if cells.centre.size:
        _add_moments(cells, own, n_paths, squares)
    for point in each:
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


@compiled()
def _shared(
    group: Integers, points: Points, samples: Prepared, everywhere: bool, n_near: int, n_columns: int,
    squares: bool,
) -> tuple[Integers, Integers]:  # fmt: skip
    """The points of a ``group`` that are summed one by one, and those that share moments, where that is less work."""
    shares = np.zeros(group.size, dtype=np.bool_)
    for i in range(group.size if not everywhere else 0):
        rate = points.rate[group[i]]
        shares[i] = points.rate_of_Z[group[i]] == math.inf and rate * samples.nearest < _NEAR
    if n_near * (shares.sum() - _SAMPLE[int(squares)]) < _COLUMN * n_columns * shares.sum():
        shares[:] = False
    return group[~shares], group[shares]


@compiled()
def _cells(rates: Array, farthest: float, n_columns: int) -> _Cells:
    """Cells for the times at which paths begin and end, and for the sums of two of them; none without ``rates``."""
    lowest, n = 0, 0
    if rates.size:
        lowest = int(np.float64(0.1 / rates.max()).view(np.int64) >> _SHIFT)
        n = max(int(np.float64(2 * farthest).view(np.int64) >> _SHIFT) - lowest, 0) + 1
    edges = np.zeros(n + 1)
    for i in range(1, n + 1):
        edges[i] = np.int64((lowest + i) << _SHIFT).view(np.float64)
    centre, per_half = (edges[1:] + edges[:-1]) / 2, 2 / (edges[1:] - edges[:-1])
    return _Cells(lowest, centre, per_half, np.zeros((2, n)), np.zeros((2, n_columns, n, _POWERS, 2)))


@compiled(fastmath=_ROUNDED)
def _add_moments(cells: _Cells, own: _Together, n_paths: int, squares: bool) -> None:
    """Add the ends of paths of N, and with ``squares`` the sums of two ends of paths of the same sample."""
    first = 0
    while first < n_paths:
        j, last = own.of[first], first + 1
        while last < n_paths and own.of[last] == j:
            last += 1
        column, w, d = own.column[j], own.w[j], own.d[j]
        for p in range(2 * first, 2 * last):
            t, sign = own.begin[p >> 1] + (p & 1) * own.width[p >> 1], 1.0 - 2.0 * (p & 1)
            _add_powers(cells, 0, column, t, sign * w, sign * d)
            for q in range(p, 2 * last if squares else 0):
                both = t + own.begin[q >> 1] + (q & 1) * own.width[q >> 1]
                factor = sign * (1.0 - 2.0 * (q & 1)) * (1.0 if p == q else 2.0)
                _add_powers(cells, 1, column, both, factor * w * w, factor * d * d)
        first = last


@compiled(fastmath=_ROUNDED)
def _add_powers(cells: _Cells, kind: int, column: int, t: float, w: float, d: float) -> None:
    """Add w and d times powers of the distance of t from the centre of its cell, in half widths."""
    cell = max(int(np.float64(t).view(np.int64) >> _SHIFT) - cells.lowest, 0)
    u, own = (t - cells.centre[cell]) * cells.per_half[cell], cells.moments
    cells.flown[kind, cell] += abs(w) + abs(d)
    for m in range(_POWERS):
        own[kind, column, cell, m, 0] += w
        own[kind, column, cell, m, 1] += d
        w *= u
        d *= u


@compiled(fastmath=_ROUNDED)
def _add_transforms(sums: Array, together: Integers, rates: Array, cells: _Cells) -> None:
    """Add Σw exp(−rate·t) and the like of all cells to the sums of the points ``together``.

    Each path ends as often as it begins: where decays are rare, exp(−x) − 1 and exp(−x) − 1 + x take the place of
    exp(−x) in sums and in sums of squares, which cancel otherwise.
    """
    n, n_columns = together.size, sums.shape[1]
    rate, total, tail = rates[together], np.zeros((n_columns, 4, n)), np.empty((3, n))
    scale, coefficient = np.empty(n), np.empty(n)
    mean = (cells.flown[0] * cells.centre).sum() / max(cells.flown[0].sum(), 1e-300)
    for cell in range(cells.centre.size if n else 0):
        if not cells.flown[:, cell].any():
            continue
        for i in range(n):
            x = rate[i] * cells.centre[cell]
            power, less = _exponential(-x)
            is_rare = rate[i] * mean < _RARE
            tail[0, i] = power + power * less
            tail[1, i] = power * less + (power - 1.0) if is_rare else tail[0, i]
            series = 0.0
            for inverse_factorial in _INVERSE_FACTORIALS[:-1]:
                series = (series + inverse_factorial) * -x
            tail[2, i] = (-x * series if x < 0.3 else tail[1, i] + x) if is_rare else tail[0, i]
        for kind in range(2):
            scale[:] = 1.0
            for m in range(_POWERS):
                of_m, per_m = tail[max(kind + 1 - m, 0)], 1 / (cells.per_half[cell] * (m + 1))
                for i in range(n):
                    coefficient[i] = scale[i] * of_m[i]
                    scale[i] *= -rate[i] * per_m
                for column in range(n_columns):
                    for k in range(2):
                        moment, into = cells.moments[kind, column, cell, m, k], total[column, kind + 2 * k]
                        for i in range(n if moment != 0.0 else 0):
                            into[i] += moment * coefficient[i]
    for i in range(n):
        sums[together[i]] += total[:, :, i]


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

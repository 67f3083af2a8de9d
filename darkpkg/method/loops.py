"""Numba loops, private: each has a readable numpy version in the module that calls it, and a test that both agree."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from darkpkg.compiling import compiled, in_blocks
from darkpkg.inputs import Array

Integers = NDArray[np.int64]


class Paths(NamedTuple):
    """Where n samples cross k volumes, as lengths over the momentum of what flies, in cm/GeV.

    ``begin`` and ``width`` (n, k) are those of N. The polygons of the flights of N and Z′ one after the other have
    ``corners`` (c, 2), those of sample i and volume j from ``starts[i, j]`` to ``starts[i, j + 1]``; ``starts`` is
    (n, k + 1). Without a flight of Z′ both are empty.
    """

    begin: Array
    width: Array
    starts: Integers
    corners: Array


@in_blocks
@compiled(nogil=True)
def decay_probabilities(
    first: int, last: int, probability: Array, rate: Array, rate_of_Z: Array, starts: Integers, corners: Array
) -> None:
    """Fill ``probability`` (n,) with `decays_inside` of each event; called without the first two arguments."""
    for i in range(first, last):
        probability[i] = decays_inside(rate[i], rate_of_Z[i], starts[i], corners)


@compiled()
def decays_inside(rate: float, rate_of_Z: float, starts: Integers, corners: Array) -> float:
    """The sum of `two_flights` over polygons with ``corners`` (k, 2), the first from starts[0] to starts[1], …"""
    total = 0.0
    for box in range(starts.size - 1):
        total += two_flights(rate, rate_of_Z, corners[starts[box] : starts[box + 1]])
    return total


@compiled()
def two_flights(rate: float, rate_of_Z: float, corners: Array) -> float:
    r"""Probability that two flights one after the other end inside a convex polygon of their lengths.

    ∫∫ exp(−r x − r′ y) r r′ dx dy over the polygon with ``corners`` (k, 2), in order. A triangle of area A with the
    exponents s₀ ≤ s₁ ≤ s₂ at its corners contributes 2 A r r′ e^{−s₀} g(s₁ − s₀, s₂ − s₀), with the divided
    difference g of the exponential function (the formula of Hermite and Genocchi): all terms are positive, and
    nothing cancels.
    """
    total = 0.0
    for k in range(1, corners.shape[0] - 1):
        x, y = corners[k, 0] - corners[0, 0], corners[k, 1] - corners[0, 1]
        next_x, next_y = corners[k + 1, 0] - corners[0, 0], corners[k + 1, 1] - corners[0, 1]
        area = abs(x * next_y - y * next_x)
        if area > 0.0:
            a = rate * corners[0, 0] + rate_of_Z * corners[0, 1]
            b = rate * corners[k, 0] + rate_of_Z * corners[k, 1]
            c = rate * corners[k + 1, 0] + rate_of_Z * corners[k + 1, 1]
            if b < a:
                a, b = b, a
            if c < b:
                b, c = c, b
            if b < a:
                a, b = b, a
            if a < 700.0:
                total += area * (rate * rate_of_Z * math.exp(-a)) * _divided_difference(b - a, c - a)
    return total


@compiled()
def _divided_difference(a: float, b: float) -> float:
    """g = ∫∫ exp(−u a − v b) du dv over u, v ≥ 0 and u + v ≤ 1, for 0 ≤ a ≤ b."""
    if b < 0.5:  # Σ (−1)ᵏ h_k(a, b)/(k + 2)!, with the complete homogeneous polynomials
        total, symmetric, power, factor = 0.5, 1.0, 1.0, 0.5
        for k in range(1, 15):
            power *= a
            symmetric = symmetric * b + power
            factor /= -(k + 2.0)
            total += factor * symmetric
        return total
    if a < 0.25:
        return (_mean_of_exponential(a) - _mean_of_exponential(b)) / (b - a)
    return (-math.expm1(-a) - a * math.exp(-a) * _mean_of_exponential(b - a)) / (a * b)


@compiled()
def _mean_of_exponential(a: float) -> float:
    """(1 − e⁻ᵃ)/a, one at zero."""
    return -math.expm1(-a) / a if a > 0.0 else 1.0


@compiled()
def rows_within(x: Array, y: Array, low: tuple[float, float], high: tuple[float, float], rows: Integers) -> int:
    """Fill ``rows`` with those of the points (x, y) from ``low`` to ``high``; return their number."""
    n, (low_x, low_y), (high_x, high_y) = 0, low, high
    for i in range(x.size):
        rows[n] = i  # overwritten unless the point counts: there is no branch to foresee
        n += (low_x <= x[i]) & (x[i] <= high_x) & (low_y <= y[i]) & (y[i] <= high_y)
    return n


@compiled()
def box_chords(origin: Array, along: Array, boxes: Array, entry: Array, leave: Array) -> None:
    """Fill ``entry`` and ``leave`` (n, k) with where rays enter and leave boxes, in distances from their origin.

    Rays begin at ``origin`` (n, 3) and have the directions of the four-vectors ``along`` (n, 4); ``boxes`` (k, 3, 2)
    hold both ends along each axis. The counterpart in numpy is `darkpkg.experiment.volumes.Volume.chord`.
    """
    for i in range(origin.shape[0]):
        length = math.sqrt(along[i, 1] ** 2 + along[i, 2] ** 2 + along[i, 3] ** 2)
        inverse = length / along[i, 1], length / along[i, 2], length / along[i, 3]
        for k in range(boxes.shape[0]):
            begin, end = 0.0, math.inf
            for axis in range(3):
                per_cm, x = inverse[axis], origin[i, axis]
                low, high = boxes[k, axis, 0] - x, boxes[k, axis, 1] - x
                if abs(per_cm) < math.inf:
                    low, high = low * per_cm, high * per_cm
                    begin, end = max(begin, min(low, high)), min(end, max(low, high))
                elif low > 0.0 or high < 0.0:  # parallel to the faces, and outside
                    end = 0.0
            hit = begin < end
            entry[i, k], leave[i, k] = (begin, end) if hit else (0.0, 0.0)


@compiled()
def straight_paths(
    p_N: Array, entry: Array, leave: Array, rows: Integers, columns: Integers, begin: Array, width: Array
) -> None:
    """Fill ``begin`` and ``width`` of `Paths` for some ``rows`` of events and ``columns`` of their chords."""
    for i in range(rows.size):
        row = rows[i]
        inverse = 1 / math.sqrt(p_N[row, 1] ** 2 + p_N[row, 2] ** 2 + p_N[row, 3] ** 2)
        for k in range(columns.size):
            near, far = entry[row, columns[k]], leave[row, columns[k]]
            begin[i, k], width[i, k] = near * inverse, (far - near) * inverse


@compiled()
def clipped_rectangles(
    vertex: Array, p_N: Array, p_Z: Array, boxes: Array, half_planes: Array, starts: Integers, corners: Array
) -> int:
    """Fill ``corners`` with those of convex polygons and ``starts`` with where each begins; return their number.

    Polygon (i, j) holds the lengths (x, y) of flights to vertex + x·p_N + y·p_Z, each (n, 3), that end in volume j:
    a rectangle, from (0, 0) to what the distance to the far end of ``boxes`` (volumes, 3, 2) around the volumes
    allows, in which a x + b y + c ≥ 0 for all ``half_planes`` (n, volumes, k, 3), or, if k is zero, for the faces of
    the box. Its corners stand from starts[i, j] to starts[i, j + 1]; ``starts`` is (n, volumes + 1). ``corners`` must
    have room for k + `SPARE_CORNERS` for each, with six faces of a box.
    """
    n_corners, given = 0, half_planes.shape[2]
    n_planes = given if given else 6
    polygons, now = np.empty((2, n_planes + SPARE_CORNERS, 2)), 0  # before a cut, and after it, in turns
    planes = np.empty((n_planes, 3))
    for i in range(vertex.shape[0]):
        v, N, Z = vertex[i], p_N[i], p_Z[i]
        N_sq, Z_sq = N[0] ** 2 + N[1] ** 2 + N[2] ** 2, Z[0] ** 2 + Z[1] ** 2 + Z[2] ** 2
        product, reach_per = N[0] * Z[0] + N[1] * Z[1] + N[2] * Z[2], 1.0
        if product < 0.0:  # flights that turn back are longer, as far as the sine of the angle allows
            reach_per = 1 / math.sqrt(max(1 - product**2 / (N_sq * Z_sq), 1e-12))
        for j in range(boxes.shape[0]):
            starts[i, j] = n_corners
            far_sq = 0.0
            for axis in range(3):
                far_sq += max(abs(boxes[j, axis, 0] - v[axis]), abs(boxes[j, axis, 1] - v[axis])) ** 2
            reach = math.sqrt(far_sq) * reach_per
            x, y, size = reach / math.sqrt(N_sq), reach / math.sqrt(Z_sq), 4
            for k in range(4):
                polygons[now, k, 0], polygons[now, k, 1] = (x if k == 1 or k == 2 else 0.0), (y if k >= 2 else 0.0)
            for k in range(n_planes):
                if given:
                    a, b, c = half_planes[i, j, k, 0], half_planes[i, j, k, 1], half_planes[i, j, k, 2]
                else:
                    axis, sign = 2 - (k >> 1), 1.0 - 2.0 * (k & 1)  # along the beam first, where most miss
                    a, b, c = sign * N[axis], sign * Z[axis], sign * (v[axis] - boxes[j, axis, k & 1])
                planes[k, 0], planes[k, 1], planes[k, 2] = a, b, c
                if c + max(a * x, 0.0) + max(b * y, 0.0) < 0.0:  # it leaves nothing
                    size = 0
                    break
            for k in range(n_planes if size else 0):
                a, b, c = planes[k, 0], planes[k, 1], planes[k, 2]
                if c + min(a * x, 0.0) + min(b * y, 0.0) >= 0.0:  # it cuts nothing off
                    continue
                size = _clip(polygons[now, :size], polygons[1 - now], a, b, c)
                now = 1 - now
                if size == 0:
                    break
            # One by one: numba compiles the assignment of a slice for seconds, with the text of its error.
            for k in range(size if size > 2 else 0):
                corners[n_corners, 0], corners[n_corners, 1] = polygons[now, k, 0], polygons[now, k, 1]
                n_corners += 1
        starts[i, boxes.shape[0]] = n_corners
    return n_corners


SPARE_CORNERS = 6
"""Corners of a polygon beyond one for each half plane: four of the rectangle, and two to spare."""


@compiled()
def _clip(polygon: Array, clipped: Array, a: float, b: float, c: float) -> int:
    """Fill ``clipped`` with the part of a convex ``polygon`` (corners, 2) where a x + b y + c ≥ 0; return the number
    of its corners."""
    n = 0
    x, y = polygon[-1, 0], polygon[-1, 1]
    here = a * x + b * y + c
    for k in range(polygon.shape[0]):
        next_x, next_y = polygon[k, 0], polygon[k, 1]
        there = a * next_x + b * next_y + c
        if (here < 0.0) != (there < 0.0):
            share = here / (here - there)
            clipped[n, 0], clipped[n, 1] = x + share * (next_x - x), y + share * (next_y - y)
            n += 1
        if there >= 0.0:
            clipped[n, 0], clipped[n, 1] = next_x, next_y
            n += 1
        x, y, here = next_x, next_y, there
    return n


@compiled()
def add_stretches(
    histogram: Array,
    constant: Array,
    row: Integers,
    entry: Array,
    leave: Array,
    length: Array,
    p: Array,
    weight: Array,
    times: Array,
) -> None:
    """Add n stretches of a line along which N is produced to sums over ``times``, which begin with zero.

    The chamber k lies between the distances ``entry`` and ``leave`` (n, k) from the beginning of each, in cm. Ends of
    chambers, as seen from both ends of a stretch of ``length``, go into ``histogram`` (rows, beams, times), over the
    momentum ``p`` and with weights p · ``weight`` (n, beams), and what of it lies inside into ``constant`` (rows,
    beams): see `darkpkg.method.table_flights.FlightSums`.
    """
    last = times.size - 2
    per_log = last / math.log(times[last + 1] / times[1])
    for i in range(row.size):
        own, sums = histogram[row[i]], constant[row[i]]
        for k in range(entry.shape[1]):
            near, far = entry[i, k], leave[i, k]
            if far <= near:
                continue
            inside = max(length[i] - near, 0.0) - max(length[i] - far, 0.0)
            for beam in range(weight.shape[1]):
                sums[beam] += inside * weight[i, beam]
            inverse = 1 / p[i]
            _add_end(own, max(near - length[i], 0.0) * inverse, p[i], weight[i], times, per_log)
            _add_end(own, near * inverse, -p[i], weight[i], times, per_log)
            _add_end(own, max(far - length[i], 0.0) * inverse, -p[i], weight[i], times, per_log)
            _add_end(own, far * inverse, p[i], weight[i], times, per_log)


@compiled()
def _add_end(histogram: Array, t: float, factor: float, weight: Array, times: Array, per_log: float) -> None:
    """Share ``factor`` · ``weight`` (beams,) out between the two times around t, in proportion to the distances."""
    place = 0
    if t > times[1]:
        place = min(1 + int(math.log(t / times[1]) * per_log), times.size - 2)
    share = (t - times[place]) / (times[place + 1] - times[place])
    for beam in range(weight.size):
        own = factor * weight[beam]
        histogram[beam, place] += (1 - share) * own
        histogram[beam, place + 1] += share * own

"""A beam and a nucleus as tables: flux, current and width of N, read within compiled loops. Begin with `target`."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, make_interp_spline

from darkpkg.compiling import compiled
from darkpkg.experiment.beam import Flux
from darkpkg.formulas import Four
from darkpkg.inputs import Array, to_read
from darkpkg.physics.decay import width_shape
from darkpkg.physics.nuclei import Nucleus, current_amplitudes
from darkpkg.physics.scattering import LARGEST_QR
from darkpkg.units import ELECTRON_MASS, HBARC


class Target(NamedTuple):
    """What the integrand needs of one beam and one nucleus, as plain arrays and numbers."""

    flux_edges: Array
    flux_cumulative: Array
    edge_cells: NDArray[np.int64]
    cumulative_cells: NDArray[np.int64]
    width_table: Array
    charge_spline: Array
    magnetic_spline: Array
    spline_step: float
    has_spin: bool
    mass: float
    dipole_scale: float


@functools.lru_cache(maxsize=256)
def target(flux: Flux, nucleus: Nucleus, form_factor: str) -> Target:
    """Tabulate flux and current. The splines in Q, 20 knots in each unit of QR, are exact to 1e-7."""
    charge, magnetic, step = _splines(nucleus, form_factor)
    return Target(
        to_read(flux.edges),
        to_read(flux.cumulative),
        _bins_of_cells(flux.edges),
        _bins_of_cells(flux.cumulative),
        width_table(),
        charge,
        magnetic,
        step,
        bool(magnetic.any()),
        nucleus.mass,
        6 / nucleus.mean_square_radius,
    )


@functools.lru_cache(maxsize=64)
def _splines(nucleus: Nucleus, form_factor: str) -> tuple[Array, Array, float]:
    """Coefficients (knots, 4) of both amplitudes of the current, and the distance of knots in GeV."""
    knots = np.linspace(0.0, LARGEST_QR * HBARC / nucleus.radius, 20 * int(LARGEST_QR) + 1)
    amplitudes = current_amplitudes(knots**2, nucleus, form_factor)
    charge, magnetic = (np.ascontiguousarray(CubicSpline(knots, amplitude).c.T) for amplitude in amplitudes)
    return charge, magnetic, float(knots[1])


_CELLS = 4
"""Cells of `_bins_of_cells` for each bin."""


def _bins_of_cells(edges: Array) -> NDArray[np.int64]:
    """First and last bin of ``edges`` in each of many equal cells from the first edge to the last, (cells, 2).

    A search in them begins next to where it ends: `_bin_of`.
    """
    cells = np.linspace(edges[0], edges[-1], _CELLS * edges.size + 1)
    rounding = 1e-12 * (edges[-1] - edges[0])
    ends = np.stack([cells[:-1] - rounding, cells[1:] + rounding], axis=1)
    return np.clip(np.searchsorted(edges, ends, side="right") - 1, 0, edges.size - 2)


_WIDTH_STEPS = 64
"""Steps of `width_table` along each axis: its interpolation adds less than 1e-6."""


@functools.cache
def width_table() -> Array:
    """Coefficients of a cubic spline of `width_shape` in 4m_e/m_N and (1 − m_N²/m_Z′²)^¼, each from 0 to 1.

    The root takes the logarithm at equal masses away. Knots are equally spaced.
    """
    knots = np.arange(-3, _WIDTH_STEPS + 4) / _WIDTH_STEPS
    at = np.sort(np.append(knots[3:-3], [0.5 / _WIDTH_STEPS, 1 - 0.5 / _WIDTH_STEPS]))
    at = np.clip(at, 1e-3, 1 - 1e-6)  # neither a mass nor a ratio of masses is infinite
    m_N, x = 4 * ELECTRON_MASS / at[:, None], 1 - at**4
    by_lightness = make_interp_spline(at, width_shape(m_N, m_N / np.sqrt(x), ELECTRON_MASS), k=3, t=knots).c
    return np.ascontiguousarray(make_interp_spline(at, by_lightness.T, k=3, t=knots).c.T)


@compiled()
def tabulated_width(m_N: float, m_Zprime: float, table: Array) -> float:
    """`width_shape` of m_N ≤ m_Z′ from `width_table`, or itself for the lightest N, to 1e-6."""
    lightness, ratio = 4 * ELECTRON_MASS / m_N, m_N / m_Zprime
    if lightness > 1.0:
        return width_shape(m_N, m_Zprime, ELECTRON_MASS)
    distance = math.sqrt(math.sqrt(max((1 - ratio) * (1 + ratio), 0.0)))
    i, a = _cubic_basis(lightness)
    j, b = _cubic_basis(distance)
    total = 0.0
    for k in range(4):
        row = table[i + k]
        total += a[k] * (b[0] * row[j] + b[1] * row[j + 1] + b[2] * row[j + 2] + b[3] * row[j + 3])
    return total


@compiled()
def _cubic_basis(t: float) -> tuple[int, Four]:
    """The first of the four coefficients of a spline that count at t from 0 to 1, and their factors."""
    step = min(int(t * _WIDTH_STEPS), _WIDTH_STEPS - 1)
    d = t * _WIDTH_STEPS - step
    e = 1 - d
    return step, (e**3 / 6, ((3 * d - 6) * d**2 + 4) / 6, ((3 * e - 6) * e**2 + 4) / 6, d**3 / 6)


@compiled(inline="always")
def flux_below(energy: float, target: Target) -> float:
    """The flux of neutrinos with less ``energy``."""
    edges, cumulative = target.flux_edges, target.flux_cumulative
    if energy >= edges[-1]:
        return cumulative[-1]
    energy = max(energy, edges[0])
    j = _bin_of(energy, edges, target.edge_cells)
    return cumulative[j] + (cumulative[j + 1] - cumulative[j]) * (energy - edges[j]) / (edges[j + 1] - edges[j])


@compiled(inline="always")
def energy_at(below: float, target: Target) -> float:
    """The energy ``below`` which there is so much flux."""
    edges, cumulative = target.flux_edges, target.flux_cumulative
    j = _bin_of(below, cumulative, target.cumulative_cells)
    share = (below - cumulative[j]) / (cumulative[j + 1] - cumulative[j])
    return edges[j] + share * (edges[j + 1] - edges[j])


@compiled()
def _bin_of(value: float, edges: Array, cells: NDArray[np.int64]) -> int:
    """The bin of ``edges`` that ``value`` falls into: the last that begins at or below it."""
    cell = int((value - edges[0]) / (edges[-1] - edges[0]) * cells.shape[0])
    cell = min(max(cell, 0), cells.shape[0] - 1)
    low, high = cells[cell, 0], cells[cell, 1]
    if high - low <= 1:  # as it mostly is: there is no branch to foresee
        return int(low + (high - low) * (edges[high] <= value))
    while low < high:
        middle = (low + high + 1) >> 1
        if edges[middle] <= value:
            low = middle
        else:
            high = middle - 1
    return int(low)


@compiled(inline="always")
def current_at(Q: float, target: Target) -> tuple[float, float]:
    """Amplitudes of the current at Q, zero beyond the last knot."""
    knot = int(Q / target.spline_step)
    if knot >= target.charge_spline.shape[0]:
        return 0.0, 0.0
    d = Q - knot * target.spline_step
    magnetic = _cubic(target.magnetic_spline[knot], d) if target.has_spin else 0.0
    return _cubic(target.charge_spline[knot], d), magnetic


@compiled()
def _cubic(c: Array, d: float) -> float:
    return ((c[0] * d + c[1]) * d + c[2]) * d + c[3]

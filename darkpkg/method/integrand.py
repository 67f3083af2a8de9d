"""The integrand of Eq. (21), compiled: points of the unit hypercube in, integrand and physical variables out.

Begin with `Integrand`. The formulas are those of `darkpkg.physics`; only the change of variables is written here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from darkpkg.compiling import compiled
from darkpkg.formulas import Four, Three
from darkpkg.inputs import Array, to_read
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.targets import Target, current_at, energy_at, flux_below, tabulated_width
from darkpkg.physics.decay import angular_correlation, lepton_momenta, mass_spectrum
from darkpkg.physics.kinematics import boost, rotate_z_to
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.scattering import (
    elastic_cross_section,
    heavy_neutrino_momentum,
    polarisation_axis,
    polarisation_degree,
    q2_limits,
)
from darkpkg.units import ELECTRON_MASS

VARIABLES = ("E_nu", "Q2_above_min", "s", "cos_Z", "cos_e", "phi_e", "m_N", "m_Zprime")
"""Physical variables, in the order of the columns that `upscattering_and_decay` fills."""

DECAY_AXES = 6
"""Axes of the hypercube for scattering and decay; two more sample (ln m_N, ln m_Z′)."""


_RECIPROCALS = {"arcp"}
"""Several quotients with one divisor may become products with its inverse: nothing else is rounded otherwise."""

_TOGETHER = 64
"""Events that the loops below compute together, column by column, in the fastest cache.

As numbers of events and of columns are constants, formulas without a search become instructions for several events at
once, also those after the last event: so the bits of an event do not depend on its place.
"""


@compiled(fastmath=_RECIPROCALS)
def upscattering_and_decay(
    u: Array,
    m_N: Array,
    m_Zprime: Array,
    target: Target,
    on_shell: bool,
    remembers_spin: bool,
    value: Array,
    variables: Array,
) -> None:
    """Fill ``value`` (n,) with the integrand and ``variables`` (n, 8) with `VARIABLES` at the points ``u`` (n, ≥ 6).

    The integrand is flux × dσ/dQ² × (1/Γ) dΓ × Jacobian for unit couplings, at the masses of each point:
    upscatterings per nucleus and POT. ``on_shell`` is whether m_Z′ < m_N: then s is m_Z′² and the axis of s goes
    unused. ``remembers_spin`` is true for a Dirac N, whose decay depends on its spin.
    """
    lowest_s, mass, total = 4 * ELECTRON_MASS**2, target.mass, target.flux_cumulative[-1]
    c = np.ones((18, _TOGETHER))
    E_nu, above, s, cos_Z, cos_e, phi_e, N, Z = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    flux, width, of_s, Q2, charge = c[8], c[9], c[10], c[11], c[12]
    magnetic, degree, rate, found, threshold = c[13], c[14], c[15], c[16], c[17]
    for first in range(0, u.shape[0], _TOGETHER):
        n = min(_TOGETHER, u.shape[0] - first)
        for j in range(n):
            i = first + j
            N[j], Z[j], E_nu[j], above[j], s[j] = m_N[i], m_Zprime[i], u[i, 0], u[i, 1], u[i, 2]
            cos_Z[j], cos_e[j], phi_e[j] = 2 * u[i, 3] - 1, 2 * u[i, 4] - 1, 2 * math.pi * u[i, 5]
        for j in range(_TOGETHER):
            threshold[j] = N[j] + N[j] ** 2 / (2 * mass)
        below = flux_below(threshold[0], target)
        if not on_shell:
            width[0] = tabulated_width(N[0], Z[0], target.width_table)
        for j in range(n):
            if j > 0 and N[j] == N[j - 1] and Z[j] == Z[j - 1]:  # as all are at fixed masses
                width[j] = width[j - 1]
            elif j > 0:
                below = flux_below(threshold[j], target)
                if not on_shell:
                    width[j] = tabulated_width(N[j], Z[j], target.width_table)
            flux[j] = total - below
            E_nu[j] = energy_at(below + E_nu[j] * flux[j], target)
        for j in range(_TOGETHER):
            reached = (flux[j] > 0.0) & (E_nu[j] > threshold[j])  # else no neutrino makes this N: a weight of zero
            flux[j] = flux[j] if reached else 0.0
            E_nu[j] = E_nu[j] if reached else threshold[j] * (1 + 1e-9)
        for j in range(_TOGETHER):
            low, high = q2_limits(E_nu[j], N[j], mass)
            scale = 1 / (1 / target.dipole_scale + 1 / Z[j] ** 2)
            above[j], rate[j] = _dipole_distributed(above[j], low, high, scale)
            Q2[j] = low + above[j]
        for j in range(n):
            charge[j], magnetic[j] = current_at(math.sqrt(Q2[j]), target)
        if not remembers_spin:
            degree[:] = 0.0
        elif target.has_spin:
            for j in range(_TOGETHER):
                degree[j] = polarisation_degree(E_nu[j], Q2[j], N[j], mass, charge[j], magnetic[j])
        for j in range(_TOGETHER):
            if on_shell:
                s[j] = Z[j] ** 2
            else:
                s[j] = lowest_s + s[j] * (N[j] ** 2 - lowest_s)
                of_s[j] = mass_spectrum(s[j], N[j], Z[j], ELECTRON_MASS) * (N[j] ** 2 - lowest_s) / width[j]
        for j in range(_TOGETHER):
            rate[j] *= flux[j] * elastic_cross_section(E_nu[j], Q2[j], N[j], Z[j], mass, charge[j], magnetic[j])
            rate[j] *= of_s[j]
            angles = cos_Z[j], cos_e[j], phi_e[j]
            found[j] = rate[j] * angular_correlation(s[j], *angles, N[j], ELECTRON_MASS, degree[j])
        for j in range(n):
            value[first + j] = found[j]
            for k in range(8):
                variables[first + j, k] = c[k, j]


@compiled()
def points_and_masses(
    y: Array,
    edges: Array,
    log_m_N: Array,
    log_m_Zprime: Array,
    is_light: bool,
    point: Array,
    m_N: Array,
    m_Zprime: Array,
    jacobian: Array,
) -> None:
    """Carry points ``y`` (n, axes + k) of a unit hypercube to where vegas has adapted to, and give masses (n,).

    The map of each axis is linear between its ``edges`` (axes, cells + 1). The first `DECAY_AXES` go into ``point``
    (n, `DECAY_AXES` + k), with what follows the axes of the map, which stays as it is. Two more axes, if the map has
    them, are those of (ln m_N, ln m_Z′), from ``log_m_N`` to ``log_m_Zprime``, (2,) each; m_Z′ ends or begins at m_N.
    """
    axes, cells = edges.shape[0], edges.shape[1] - 1
    at = np.empty(max(axes, DECAY_AXES + 2))
    for i in range(y.shape[0]):
        factor = 1.0
        for k in range(axes):
            steps = y[i, k] * cells
            cell = min(int(steps), cells - 1)
            width = edges[k, cell + 1] - edges[k, cell]
            at[k] = edges[k, cell] + width * (steps - cell)
            factor *= width * cells
        for k in range(DECAY_AXES):
            point[i, k] = at[k]
        for k in range(y.shape[1] - axes):
            point[i, DECAY_AXES + k] = y[i, axes + k]
        if axes > DECAY_AXES:
            ln_m_N = log_m_N[0] + at[DECAY_AXES] * (log_m_N[1] - log_m_N[0])
            low = log_m_Zprime[0] if is_light else max(ln_m_N, log_m_Zprime[0])
            high = min(ln_m_N, log_m_Zprime[1]) if is_light else log_m_Zprime[1]
            m_N[i], m_Zprime[i] = math.exp(ln_m_N), math.exp(low + at[DECAY_AXES + 1] * (high - low))
            factor *= (log_m_N[1] - log_m_N[0]) * max(high - low, 0.0)
        jacobian[i] = factor


@compiled(fastmath=_RECIPROCALS)
def laboratory_momenta(
    variables: Array, azimuths: Array, target: Target, p_N: Array, p_electron: Array, p_positron: Array
) -> None:
    """Fill the four-momenta (n, 4) in the laboratory from `VARIABLES` and uniform ``azimuths`` (n, 2) in [0, 1)."""
    mass, c = target.mass, np.ones((23, _TOGETHER))
    E_nu, above, s, cos_Z, cos_e, phi_e, m_N = c[0], c[1], c[2], c[3], c[4], c[5], c[6]
    phi_N, phi_Z, charge, magnetic = c[7], c[8], c[9], c[10]
    magnetic[:] = 0.0
    for first in range(0, variables.shape[0], _TOGETHER):
        n = min(_TOGETHER, variables.shape[0] - first)
        for j in range(n):
            for k in range(7):
                c[k, j] = variables[first + j, k]
            phi_N[j], phi_Z[j] = 2 * math.pi * azimuths[first + j, 0], 2 * math.pi * azimuths[first + j, 1]
        for j in range(_TOGETHER):
            c[11, j], c[12, j], c[13, j], c[14, j] = heavy_neutrino_momentum(
                E_nu[j], above[j], m_N[j], phi_N[j], mass
            )
        for j in range(n if target.has_spin else 0):
            charge[j], magnetic[j] = current_at(math.sqrt(max(2 * mass * (E_nu[j] - c[11, j]), 0.0)), target)
        for j in range(_TOGETHER):
            heavy = c[11, j], c[12, j], c[13, j], c[14, j]
            x, y, z = polarisation_axis(E_nu[j], heavy, m_N[j], mass, charge[j], magnetic[j])
            inverse = 1 / math.sqrt(x**2 + y**2 + z**2)
            axis = x * inverse, y * inverse, z * inverse
            electron, positron = lepton_momenta(m_N[j], s[j], cos_Z[j], phi_Z[j], cos_e[j], phi_e[j])
            c[15, j], c[16, j], c[17, j], c[18, j] = _to_laboratory(electron, axis, heavy, m_N[j])
            c[19, j], c[20, j], c[21, j], c[22, j] = _to_laboratory(positron, axis, heavy, m_N[j])
        for j in range(n):
            for k in range(4):
                p_N[first + j, k], p_electron[first + j, k] = c[11 + k, j], c[15 + k, j]
                p_positron[first + j, k] = c[19 + k, j]


@compiled(inline="always")
def _to_laboratory(p: Four, axis: Three, heavy: Four, m_N: float) -> Four:
    x, y, z = rotate_z_to(axis, (p[1], p[2], p[3]))
    return boost((p[0], x, y, z), heavy, m_N)


@compiled()
def _dipole_distributed(u: float, low: float, high: float, scale: float) -> tuple[float, float]:
    """Q² − low for Q² between ``low`` and ``high`` distributed like 1/(Q² + scale)², and dQ²/du."""
    a, b = low + scale, high + scale
    mixed = b * (1 - u) + a * u
    return a * u * (b - a) / mixed, a * b * (b - a) / mixed**2


class Integrand:
    """Eq. (21) for one beam and nucleus on the unit hypercube, as a batch integrand of vegas."""

    def __init__(self, target: Target, sampling: SamplingRange, couplings: DarkParameters) -> None:
        self._target, self._sampling, self._remembers_spin = target, sampling, not couplings.is_majorana
        self._log_m_N, self._log_m_Zprime = np.log(sampling.m_N), np.log(sampling.m_Zprime)
        self.dim = DECAY_AXES if sampling.is_fixed else len(VARIABLES)
        self.draws_masses_evenly = sampling.density == "log-uniform" and not sampling.is_fixed

    def evaluate(self, u: Array) -> tuple[Array, Array]:
        """Integrand (n,) and physical variables (n, 8) at the points ``u`` (n, dim)."""
        return self.mapped(u, np.array(self.dim * [[0.0, 1.0]]))

    def mapped(self, y: Array, edges: Array, into: Mapping[str, Array] | None = None) -> tuple[Array, Array]:
        """Integrand with the Jacobian (n,) of a map with ``edges`` (dim, cells + 1), and variables (n, 8).

        Points ``y`` (n, ≥ dim) are carried to ``into["point"]`` by `points_and_masses`, and their masses to
        ``into["m_N"]`` and ``into["m_Zprime"]``, by default new ones.
        """
        n, jacobian = len(y), np.empty(len(y))
        if into is None:
            into = {"point": np.empty((n, DECAY_AXES + y.shape[1] - self.dim))}
            into |= {name: np.empty(n) for name in ("m_N", "m_Zprime")}
        point, m_N, m_Zprime = into["point"], into["m_N"], into["m_Zprime"]
        if self._sampling.is_fixed:
            m_N[:], m_Zprime[:] = self._sampling.m_N[0], self._sampling.m_Zprime[0]
        logarithms = self._log_m_N, self._log_m_Zprime, self._sampling.is_light
        points_and_masses(
            to_read(np.ascontiguousarray(y)), to_read(edges), *logarithms, point, m_N, m_Zprime, jacobian
        )
        value, variables = self.at_masses(point, m_N, m_Zprime)
        value *= jacobian
        if not self._sampling.is_fixed:
            value *= self._sampling.q_of_events(m_N, m_Zprime)
        return value, variables

    def at_masses(self, u: Array, m_N: Array, m_Zprime: Array) -> tuple[Array, Array]:
        """Integrand without density q and physical variables at points ``u`` (n, ≥ 6), each with its masses (n,)."""
        value, variables = np.empty(len(u)), np.empty((len(u), len(VARIABLES)))
        region = self._sampling.is_light, self._remembers_spin
        points = to_read(np.ascontiguousarray(u))
        upscattering_and_decay(points, m_N, m_Zprime, self._target, *region, value, variables)
        return value, variables

    def momenta(
        self, variables: Array, azimuths: Array, into: Mapping[str, Array] | None = None
    ) -> Mapping[str, Array]:
        """Four-momenta (n, 4) by column of the events, from `VARIABLES` and uniform ``azimuths`` (n, 2).

        They are written ``into`` these columns, by default new ones.
        """
        names = "p_N", "p_electron", "p_positron"
        momenta = {name: np.empty((len(variables), 4)) for name in names} if into is None else into
        laboratory_momenta(variables, to_read(azimuths), self._target, *(momenta[name] for name in names))
        return momenta

    def __call__(self, u: Array) -> Array:
        """What vegas adapts to: with a flat mass plane, also where masses are then drawn evenly."""
        return self.flattened(*self.evaluate(u))

    def flattened(self, value: Array, variables: Array) -> Array:
        """``value`` as if masses were drawn where it is large, also where they are drawn evenly."""
        if self.draws_masses_evenly:
            value *= self._sampling.flattening(variables[:, -2], variables[:, -1])
        return value

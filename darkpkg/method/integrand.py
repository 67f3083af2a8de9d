"""The integrand of Eq. (21), compiled: points of the unit hypercube in, integrand and physical variables out.

Begin with `Integrand`. The formulas are those of `darkpkg.physics`; only the change of variables is written here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from darkpkg.compiling import compiled
from darkpkg.formulas import Four, Three
from darkpkg.inputs import to_read
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

Array = NDArray[np.float64]

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
    lowest_s, mass = 4 * ELECTRON_MASS**2, target.mass
    threshold, below, width_of_N = 0.0, 0.0, 1.0
    c = np.ones((17, _TOGETHER))
    E_nu, above, s, cos_Z, cos_e, phi_e, N, Z = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    flux, width, of_s, Q2, charge = c[8], c[9], c[10], c[11], c[12]
    magnetic, degree, rate, found = c[13], c[14], c[15], c[16]
    for first in range(0, u.shape[0], _TOGETHER):
        n = min(_TOGETHER, u.shape[0] - first)
        for j in range(n):
            i = first + j
            N[j], Z[j] = m_N[i], m_Zprime[i]
            if i == 0 or N[j] != m_N[i - 1] or Z[j] != m_Zprime[i - 1]:  # else all are those of the event before
                threshold = N[j] + N[j] ** 2 / (2 * mass)
                below = flux_below(threshold, target)
                width_of_N = 1.0 if on_shell else tabulated_width(N[j], Z[j], target.width_table)
            flux[j], width[j] = target.flux_cumulative[-1] - below, width_of_N
            E_nu[j] = energy_at(below + u[i, 0] * flux[j], target)
            if flux[j] <= 0.0 or E_nu[j] <= threshold:
                flux[j], E_nu[j] = 0.0, threshold * (1 + 1e-9)  # no neutrino makes this N: an event of weight zero
            above[j], s[j], cos_Z[j], cos_e[j] = u[i, 1], u[i, 2], 2 * u[i, 3] - 1, 2 * u[i, 4] - 1
            phi_e[j] = 2 * math.pi * u[i, 5]
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
        m_N, m_Zprime, jacobian = self._masses(u[:, DECAY_AXES:])
        value, variables = self.at_masses(u, m_N, m_Zprime)
        return value * jacobian * self._sampling.q_of_events(m_N, m_Zprime), variables

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

    def _masses(self, u: Array) -> tuple[Array, Array, Array]:
        """Masses (n,) for points (n, 2) of the unit square, and d ln m_N d ln m_Z′/du."""
        if self._sampling.is_fixed:
            fixed = (self._sampling.m_N[0], self._sampling.m_Zprime[0], 1.0)
            m_N, m_Zprime, jacobian = (np.full(len(u), value) for value in fixed)
            return m_N, m_Zprime, jacobian
        ln_m_N = self._log_m_N[0] + u[:, 0] * np.diff(self._log_m_N)
        lowest, highest = np.broadcast_to(self._log_m_Zprime[:, None], (2, len(u)))
        if self._sampling.is_light:
            highest = np.minimum(ln_m_N, highest)
        else:
            lowest = np.maximum(ln_m_N, lowest)
        ln_m_Zprime = lowest + u[:, 1] * (highest - lowest)
        jacobian = np.diff(self._log_m_N) * np.maximum(highest - lowest, 0.0)
        return np.exp(ln_m_N), np.exp(ln_m_Zprime), jacobian

    def __call__(self, u: Array) -> Array:
        """What vegas adapts to: with a flat mass plane, also where masses are then drawn evenly."""
        value, variables = self.evaluate(u)
        if self.draws_masses_evenly:
            value *= self._sampling.flattening(variables[:, -2], variables[:, -1])
        return value

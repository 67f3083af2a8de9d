"""The integrand of Eq. (21), compiled: points of the unit hypercube in, integrand and physical variables out.

Begin with `Integrand`. The formulas are those of `darkpkg.physics`; only the change of variables is written here.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import vegas
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from darkpkg.compiling import compiled
from darkpkg.experiment.beam import Flux
from darkpkg.formulas import Four, Three
from darkpkg.method.sampling import SamplingRange
from darkpkg.physics.decay import angular_correlation, lepton_momenta, mass_spectrum, width_shape
from darkpkg.physics.kinematics import boost, rotate_z_to
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import Nucleus, current_amplitudes
from darkpkg.physics.scattering import (
    LARGEST_QR,
    elastic_cross_section,
    heavy_neutrino_momentum,
    polarisation_axis,
    polarisation_degree,
    q2_limits,
)
from darkpkg.units import ELECTRON_MASS, HBARC

Array = NDArray[np.float64]

VARIABLES = ("E_nu", "Q2_above_min", "s", "cos_Z", "cos_e", "phi_e", "m_N", "m_Zprime")
"""Physical variables, in the order of the columns that `upscattering_and_decay` fills."""

DECAY_AXES = 6
"""Axes of the hypercube for scattering and decay; two more sample (ln m_N, ln m_Z′)."""


class Target(NamedTuple):
    """What the integrand needs to know of one beam and one nucleus, as plain arrays and numbers."""

    flux_edges: Array
    flux_cumulative: Array
    charge_spline: Array
    magnetic_spline: Array
    spline_step: float
    has_spin: bool
    mass: float
    dipole_scale: float


def target(flux: Flux, nucleus: Nucleus, form_factor: str) -> Target:
    """Tabulate flux and current. The splines in Q, 20 knots in each unit of QR, are exact to 1e-7."""
    knots = np.linspace(0.0, LARGEST_QR * HBARC / nucleus.radius, 20 * int(LARGEST_QR) + 1)
    amplitudes = current_amplitudes(knots**2, nucleus, form_factor)
    charge, magnetic = (np.ascontiguousarray(CubicSpline(knots, amplitude).c.T) for amplitude in amplitudes)
    return Target(
        flux.edges,
        flux.cumulative,
        charge,
        magnetic,
        knots[1],
        bool(amplitudes[1].any()),
        nucleus.mass,
        6 / nucleus.mean_square_radius,
    )


@compiled()
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
    """Fill ``value`` (n,) with the integrand and ``variables`` (n, 8) with `VARIABLES` at the points ``u`` (n, 6).

    The integrand is flux × dσ/dQ² × (1/Γ) dΓ × Jacobian for unit couplings, at the masses of each point:
    upscatterings per nucleus and POT. ``on_shell`` says whether m_Z′ < m_N: then s is m_Z′² and the axis of s goes
    unused. ``remembers_spin`` is true for a Dirac N, whose decay knows its spin.
    """
    for i in range(u.shape[0]):
        variables[i, 6], variables[i, 7] = m_N[i], m_Zprime[i]
        value[i] = _integrand(u[i], m_N[i], m_Zprime[i], target, on_shell, remembers_spin, variables[i])


@compiled()
def _integrand(
    u: Array, m_N: float, m_Zprime: float, target: Target, on_shell: bool, remembers_spin: bool, variables: Array
) -> float:
    threshold = m_N + m_N**2 / (2 * target.mass)
    E_nu, flux = _energy_above(threshold, u[0], target.flux_edges, target.flux_cumulative)
    if flux <= 0.0 or E_nu <= threshold:
        flux, E_nu = 0.0, threshold * (1 + 1e-9)  # no neutrino makes this N: an event of weight zero
    low, high = q2_limits(E_nu, m_N, target.mass)
    scale = 1 / (1 / target.dipole_scale + 1 / m_Zprime**2)
    above, q2_jacobian = _dipole_distributed(u[1], low, high, scale)
    Q2, degree = low + above, 1.0
    charge, magnetic = _current(math.sqrt(Q2), target)
    upscattering = elastic_cross_section(E_nu, Q2, m_N, m_Zprime, target.mass, charge, magnetic) * q2_jacobian
    if not remembers_spin:
        degree = 0.0
    elif target.has_spin:
        degree = polarisation_degree(E_nu, Q2, m_N, target.mass, charge, magnetic)

    cos_Z, cos_e, phi_e = 2 * u[3] - 1, 2 * u[4] - 1, 2 * math.pi * u[5]
    if on_shell:
        s, decay = m_Zprime**2, 1.0
    else:
        lowest_s = 4 * ELECTRON_MASS**2
        s = lowest_s + u[2] * (m_N**2 - lowest_s)
        decay = mass_spectrum(s, m_N, m_Zprime, ELECTRON_MASS) * (m_N**2 - lowest_s)
        decay /= width_shape(m_N, m_Zprime, ELECTRON_MASS)
    decay *= angular_correlation(s, cos_Z, cos_e, phi_e, m_N, ELECTRON_MASS, degree)

    variables[0], variables[1], variables[2] = E_nu, above, s
    variables[3], variables[4], variables[5] = cos_Z, cos_e, phi_e
    return flux * upscattering * decay


@compiled()
def laboratory_momenta(
    variables: Array, azimuths: Array, target: Target, p_N: Array, p_electron: Array, p_positron: Array
) -> None:
    """Fill the four-momenta (n, 4) in the laboratory from `VARIABLES` and uniform ``azimuths`` (n, 2) in [0, 1)."""
    mass = target.mass
    for i in range(variables.shape[0]):
        E_nu, above, s, cos_Z, cos_e, phi_e, m_N, _ = variables[i]
        heavy = heavy_neutrino_momentum(E_nu, above, m_N, 2 * math.pi * azimuths[i, 0], mass)
        charge, magnetic = 1.0, 0.0
        if target.has_spin:
            charge, magnetic = _current(math.sqrt(max(2 * mass * (E_nu - heavy[0]), 0.0)), target)
        x, y, z = polarisation_axis(E_nu, heavy, m_N, mass, charge, magnetic)
        length = math.sqrt(x**2 + y**2 + z**2)
        axis = x / length, y / length, z / length
        electron, positron = lepton_momenta(m_N, s, cos_Z, 2 * math.pi * azimuths[i, 1], cos_e, phi_e)
        p_N[i] = heavy
        p_electron[i] = _to_laboratory(electron, axis, heavy, m_N)
        p_positron[i] = _to_laboratory(positron, axis, heavy, m_N)


@compiled()
def _to_laboratory(p: Four, axis: Three, heavy: Four, m_N: float) -> Four:
    x, y, z = rotate_z_to(axis, (p[1], p[2], p[3]))
    return boost((p[0], x, y, z), heavy, m_N)


@compiled()
def _energy_above(threshold: float, u: float, edges: Array, cumulative: Array) -> tuple[float, float]:
    """The energy below which the share u of the flux above ``threshold`` lies, and that flux."""
    threshold = max(threshold, edges[0])  # there is no flux below
    if threshold >= edges[-1]:
        return 0.0, 0.0
    j = int(np.searchsorted(edges, threshold, side="right")) - 1
    below = cumulative[j] + (cumulative[j + 1] - cumulative[j]) * (threshold - edges[j]) / (edges[j + 1] - edges[j])
    wanted = below + u * (cumulative[-1] - below)
    j = min(max(int(np.searchsorted(cumulative, wanted, side="right")) - 1, 0), edges.size - 2)
    share = (wanted - cumulative[j]) / (cumulative[j + 1] - cumulative[j])
    return edges[j] + share * (edges[j + 1] - edges[j]), cumulative[-1] - below


@compiled()
def _dipole_distributed(u: float, low: float, high: float, scale: float) -> tuple[float, float]:
    """Q² − low for Q² between ``low`` and ``high`` distributed like 1/(Q² + scale)², and dQ²/du."""
    a, b = low + scale, high + scale
    mixed = b * (1 - u) + a * u
    return a * u * (b - a) / mixed, a * b * (b - a) / mixed**2


@compiled()
def _current(Q: float, target: Target) -> tuple[float, float]:
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
        value, variables = self.at_masses(u[:, :DECAY_AXES], m_N, m_Zprime)
        return value * jacobian * self._sampling.q(m_N, m_Zprime), variables

    def at_masses(self, u: Array, m_N: Array, m_Zprime: Array) -> tuple[Array, Array]:
        """Integrand without density q and physical variables at points ``u`` (n, 6), each with its masses (n,)."""
        value, variables = np.empty(len(u)), np.empty((len(u), len(VARIABLES)))
        region = self._sampling.is_light, self._remembers_spin
        upscattering_and_decay(np.ascontiguousarray(u), m_N, m_Zprime, self._target, *region, value, variables)
        return value, variables

    def momenta(self, variables: Array, azimuths: Array) -> dict[str, Array]:
        """Four-momenta (n, 4) by column of the events, from `VARIABLES` and uniform ``azimuths`` (n, 2)."""
        momenta = {name: np.empty((len(variables), 4)) for name in ("p_N", "p_electron", "p_positron")}
        laboratory_momenta(variables, azimuths, self._target, *momenta.values())
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


def adapted_map(integrand: Integrand, rng: np.random.Generator, **adaptation: Any) -> tuple[vegas.AdaptiveMap, float]:
    """The map that vegas learns with the settings ``adaptation``, and the integral."""
    integrator = vegas.Integrator([[0.0, 1.0]] * integrand.dim, ran_array_generator=rng.random)
    integral = integrator(vegas.lbatchintegrand(integrand), **adaptation).mean
    if not integrand.draws_masses_evenly:
        return integrator.map, integral
    # Even steps along the two axes of the masses.
    grid = [integrator.map.extract_grid()[axis] for axis in range(DECAY_AXES)]
    return vegas.AdaptiveMap([*grid, *[np.linspace(0.0, 1.0, len(grid[0]))] * 2]), integral

r"""Results of an independent generator, in the tables ``data/validation/``, held against the package.

The generator is DarkNews (A. M. Abdullahi et al., Comput. Phys. Commun. 297, 109075); ``make validate`` runs it.
Begin with `points`, the parameters at which it was run, and `distributions` with `chi_squared`.

DarkNews gives N a helicity in the centre of mass, has it decay with this helicity along its flight in the
laboratory, and decays an on-shell Z′ without spin. `generator_spin_weight` makes events of the package do the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg import datasets
from darkpkg.experiment.detector import ND280
from darkpkg.method.events import Events
from darkpkg.method.generator import generate
from darkpkg.method.sampling import SamplingRange
from darkpkg.physics.kinematics import boost, invariant_mass, minkowski, momentum
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import NUCLEI, Nucleus, current_amplitudes
from darkpkg.physics.scattering import (
    differential_cross_section,
    elastic_cross_section,
    neutrino_energy,
    polarisation_axis,
    q2_range,
    threshold_energy,
)
from darkpkg.units import ELECTRON_MASS, GeV

Array = NDArray[np.float64]

__all__ = [
    "ENERGY_RANGE",
    "PARAMETERS",
    "Histogram",
    "Point",
    "chi_squared",
    "cross_section_below_range",
    "cross_section_of_dirac_moment",
    "dirac_nucleus_excess",
    "distributions",
    "generator_spin_weight",
    "kinematic_variables",
    "points",
    "pulls",
    "simulate",
]

PARAMETERS = ("m_N", "m_Zprime", "alpha_D", "epsilon", "V_muN_sq", "V_N_sq")
"""The parameters in ``data/validation/points``."""

THRESHOLD_MARGIN = 1.05
"""DarkNews begins its simulation at this multiple of the threshold."""

ENERGY_RANGE = (0.05 * GeV, 9.0 * GeV)
"""Neutrino energies of the simulations."""


@dataclass(frozen=True)
class Point:
    """A point at which DarkNews was run: parameters, and the nucleus of its simulated events."""

    name: str
    parameters: DarkParameters
    nucleus: Nucleus


def points() -> Mapping[str, Point]:
    """All points of ``data/validation/points`` by name, the benchmarks ``"A"`` and ``"B"`` among them.

    >>> points()["B"].parameters.m_Zprime
    1.25
    """
    return {
        row["point"]: Point(row["point"], DarkParameters(**row[list(PARAMETERS)]), NUCLEI[row["nucleus"]])
        for _, row in datasets.read("validation/points").iterrows()
    }


def kinematic_variables(p_N: Array, p_electron: Array, p_positron: Array) -> dict[str, Array]:
    """What is compared, from four-momenta (n, 4) in the laboratory: energies and masses in GeV, angles in rad.

    Energy of N and its angle to the beam, energy of the pair and its angle, the opening angle, the mass of the pair,
    and the asymmetry |E₊ − E₋|/(E₊ + E₋).
    """
    pair = p_electron + p_positron
    beam = np.array([0.0, 0.0, 0.0, 1.0])
    return {
        "E_N": p_N[:, 0],
        "theta_N": _angle(p_N, beam),
        "E_ee": pair[:, 0],
        "theta_ee": _angle(pair, beam),
        "opening_angle": _angle(p_electron, p_positron),
        "m_ee": invariant_mass(pair),
        "asymmetry": np.abs(p_positron[:, 0] - p_electron[:, 0]) / pair[:, 0],
    }


def _angle(p: Array, k: Array) -> Array:
    """Angle in rad between three-momenta, accurate for small ones too."""
    cross = np.cross(p[..., 1:], k[..., 1:])
    return np.arctan2(np.sqrt((cross**2).sum(axis=-1)), (p[..., 1:] * k[..., 1:]).sum(axis=-1))


@dataclass(frozen=True)
class Histogram:
    """Sums of weights and of squared weights (n,) in bins with ``edges`` (n+1,)."""

    edges: Array
    sum_w: Array
    sum_w_sq: Array

    @classmethod
    def of(cls, values: Array, weights: Array, edges: Array) -> Histogram:
        """Fill from events; what lies outside ``edges`` is left out."""
        sums = (np.histogram(values, edges, weights=w)[0] for w in (weights, weights**2))
        return cls(edges, *sums)

    @property
    def shares(self) -> Array:
        """Share of the total weight in each bin (n,)."""
        return self.sum_w / self.sum_w.sum()

    @property
    def covariance(self) -> Array:
        r"""Covariance (n, n) of the shares: :math:`J\,\mathrm{diag}(\sum w^2)\,J^T`, J = (1 − share)/total."""
        J = (np.eye(len(self.sum_w)) - self.shares[:, None]) / self.sum_w.sum()
        return J * self.sum_w_sq @ J.T


def chi_squared(first: Histogram, second: Histogram) -> tuple[float, int]:
    """χ² of the shares of two independent histograms with their full covariance, and the degrees of freedom.

    The shares add up to one, so the last bin is redundant and left out.
    """
    difference = (first.shares - second.shares)[:-1]
    covariance = (first.covariance + second.covariance)[:-1, :-1]
    return float(difference @ np.linalg.solve(covariance, difference)), len(difference)


def pulls(first: Histogram, second: Histogram) -> Array:
    """Difference of the shares in each bin over its standard deviation (n,)."""
    return (first.shares - second.shares) / np.sqrt(np.diag(first.covariance + second.covariance))


def distributions(point: str) -> dict[str, Histogram]:
    """The six histograms that DarkNews filled at a point, by name of the variable (see `kinematic_variables`)."""
    table = datasets.read("validation/distributions")
    table = table[table["point"] == point]
    return {
        str(variable): Histogram(
            np.append(rows["low"], rows["high"].iloc[-1]), rows["sum_w"].to_numpy(), rows["sum_w_sq"].to_numpy()
        )
        for variable, rows in table.groupby("variable", sort=False)
    }


def simulate(point: Point, n_events: int, seed: int) -> Events:
    """Events of the package as DarkNews simulates them at a point: one nucleus, FHC flux, the same energies.

    Of ``n_events`` those of the other beam and outside these energies are dropped, about half.
    """
    theta = point.parameters
    # The other nuclei need one event in each beam.
    numbers = {nucleus.name: 2 for nucleus in ND280.targets.values()} | {point.nucleus.name: n_events}
    sampling = SamplingRange.at(m_N=float(theta.m_N), m_Zprime=float(theta.m_Zprime))
    events = generate(sampling, numbers, seed, couplings=theta)
    events = events[(events.beam == "FHC") & (events.target == point.nucleus.pdg_code)]
    E_nu = neutrino_energy(events.p_N, events.m_N, _nuclear_mass(events))
    lowest = max(ENERGY_RANGE[0], THRESHOLD_MARGIN * threshold_energy(theta.m_N, point.nucleus))
    return events[(E_nu > lowest) & (E_nu < ENERGY_RANGE[1]) & (events.weight > 0)]


def generator_spin_weight(events: Events, *, polarisation: float = 1.0) -> Array:
    r"""Weight (n,) that turns the decays of the package into those of DarkNews.

    The squared amplitude of the decay is linear in n = (1, **s**) of `darkpkg.physics.decay`. The package draws from
    it with **s** = ẑ′. DarkNews has the probabilities of both helicities in the centre of mass only, whose
    difference is the projection :math:`P = \hat z'\cdot\hat a_{cm}` on the axis of this helicity; it decays N with
    **s** = P â along the flight â in the laboratory. A light Z′ decays isotropically in its rest frame: what remains
    is :math:`1 - \frac{1-2r}{1+2r}\,\mathbf s\cdot\hat q`, with r = m_Z′²/m_N² and q̂ its direction in the rest frame
    of N. ``polarisation`` multiplies **s**: 0 switches the spin of N off, −1
    turns it round.
    """
    p_N, m_N = events.p_N.T, events.m_N
    electron, positron = (_into_rest_frame(p.T, p_N, m_N) for p in (events.p_electron, events.p_positron))
    M = _nuclear_mass(events)
    E_nu = neutrino_energy(events.p_N, m_N, M)
    zero = np.zeros(len(events))
    centre_of_mass = _into_rest_frame((E_nu + M, zero, zero, E_nu), p_N, m_N)
    spin = np.stack(polarisation_axis(E_nu, p_N, m_N, M))
    P = -(spin * _direction(centre_of_mass)).sum(axis=0) * polarisation
    generator_spin = P * _direction(p_N)
    pair = electron + positron
    s = minkowski(pair, pair)
    actual = _decay_amplitude(electron, positron, spin, m_N)
    r = s / m_N**2
    mean = (m_N**2 - s) / (2 * m_N) * m_N**2 * (1 + 2 * r) / 6 * (1 + 2 * ELECTRON_MASS**2 / s)
    uncorrelated = mean * (1 - (1 - 2 * r) / (1 + 2 * r) * (generator_spin * _direction(pair)).sum(axis=0))
    correlated = _decay_amplitude(electron, positron, generator_spin, m_N)
    return np.where(events.m_Zprime < m_N, uncorrelated, correlated) / actual


def _decay_amplitude(electron: Array, positron: Array, spin: Array, m_N: Array) -> Array:
    """D of `darkpkg.physics.decay` from four-momenta (4, n) in the rest frame of N and n = (1, ``spin``)."""
    neutrino = np.stack([m_N, *np.zeros((3, len(m_N)))]) - electron - positron
    n = np.concatenate([np.ones((1, len(m_N))), spin])
    across = minkowski(neutrino, electron) * minkowski(n, positron)
    across += minkowski(neutrino, positron) * minkowski(n, electron)
    return across + ELECTRON_MASS**2 * minkowski(neutrino, n)


def _into_rest_frame(p: ArrayLike, frame: Array, mass: Array) -> Array:
    return np.stack(boost(p, (frame[0], -frame[1], -frame[2], -frame[3]), mass))


def _direction(p: Array) -> Array:
    """Unit three-vectors (3, n) of four-momenta (4, n)."""
    return p[1:] / momentum(p.T)


def _nuclear_mass(events: Events) -> Array:
    codes, index = np.unique(events.target, return_inverse=True)
    mass_of = {nucleus.pdg_code: nucleus.mass for nucleus in NUCLEI.values()}
    return np.array([mass_of[code] for code in codes])[index]


def cross_section_below_range(
    Q2_low: ArrayLike, E_nu: ArrayLike, parameters: DarkParameters, nucleus: Nucleus
) -> Array:
    r"""What dσ/dQ² continued below Q²_min adds to σ, in cm², when the integral begins at ``Q2_low`` (GeV²) instead.

    DarkNews approximates Q²_min where m_N < √s/1000, and so begins too low. Gauss–Legendre quadrature in ln Q².
    """
    Q2_low, E_nu = np.asarray(Q2_low, dtype=float), np.asarray(E_nu, dtype=float)
    Q2_min, _ = q2_range(E_nu, parameters.m_N, nucleus)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    half_width = np.log(Q2_min / Q2_low)[..., None] / 2
    Q2 = Q2_low[..., None] * np.exp(half_width * (nodes + 1))
    masses = parameters.m_N, parameters.m_Zprime, nucleus.mass
    continued = elastic_cross_section(E_nu[..., None], Q2, *masses, *current_amplitudes(Q2, nucleus))
    return parameters.coupling * (half_width * weights * Q2 * continued).sum(axis=-1)


def dirac_nucleus_excess(E_nu: ArrayLike, Q2: ArrayLike, m_N: ArrayLike, nucleus: Nucleus) -> Array:
    r"""How much larger, as a fraction, dσ/dQ² is on a nucleus of spin ½ without anomalous moment, as DarkNews has it.

    The magnetic part of a Dirac current adds :math:`(m_N^2+Q^2)(2Q^2-m_N^2)` to the bracket of
    `darkpkg.physics.scattering.differential_cross_section`: of relative order Q⁴/(ME)², and not in nature, for the
    nuclei of the table have spin zero or, at the most, a small moment.
    """
    kinematics = np.asarray(E_nu, dtype=float), np.asarray(Q2, dtype=float), m_N, 1.0, nucleus.mass
    return elastic_cross_section(*kinematics, 0.0, 1.0) / elastic_cross_section(*kinematics, 1.0, 0.0)


def cross_section_of_dirac_moment(E_nu: ArrayLike, parameters: DarkParameters, nucleus: Nucleus) -> Array:
    """What `dirac_nucleus_excess` adds to σ, in cm². Gauss–Legendre quadrature in Q, up to the 2 GeV of DarkNews."""
    E_nu = np.asarray(E_nu, dtype=float)
    low, high = (np.sqrt(limit) for limit in q2_range(E_nu, parameters.m_N, nucleus))
    nodes, weights = np.polynomial.legendre.leggauss(400)
    half_width = (np.minimum(high, 2.0 * GeV) - low)[..., None] / 2
    Q = low[..., None] + half_width * (nodes + 1)
    excess = dirac_nucleus_excess(E_nu[..., None], Q**2, parameters.m_N, nucleus)
    without = differential_cross_section(E_nu[..., None], Q**2, parameters, nucleus)
    return (half_width * weights * 2 * Q * without * excess).sum(axis=-1)

"""The region of masses in which a simulation samples, and how densely.

Begin with `HEAVY`, `LIGHT` or `SamplingRange.at`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.inputs import Array, broadcast, one_of, real_array, real_number, real_numbers
from darkpkg.physics.model import BENCHMARK_B
from darkpkg.units import ELECTRON_MASS, GeV

__all__ = ["DENSITIES", "HEAVY", "LIGHT", "OutsideSampleError", "SamplingRange"]


class OutsideSampleError(ValueError):
    """The mass ``name`` has a ``value`` outside of the sample, whose masses go from ``low`` to ``high``, in GeV."""

    def __init__(self, message: str, name: str = "", value: float = np.nan, low: float = 0, high: float = np.inf):
        super().__init__(message)
        self.name, self.value, self.low, self.high = name, value, low, high


def require_within(where: str, name: str, masses: ArrayLike, low: ArrayLike, high: ArrayLike) -> None:
    """Raise `OutsideSampleError` unless all masses, in GeV, lie between these ends, which broadcast with them.

    A mass that differs from an end by a billionth is that of the end.
    """
    masses, low, high = np.broadcast_arrays(masses, low, high)
    outside = ~((low * (1 - 1e-9) <= masses) & (masses <= high * (1 + 1e-9)))
    if outside.any():
        value, least, most = (float(one[outside][0]) for one in (masses, low, high))
        ends = f"{least:g} to {most:g} GeV" if f"{least:g}" != f"{most:g}" else f"{least:g} GeV alone"
        raise OutsideSampleError(f"{name} = {value:g} GeV lies outside {where}, {ends}", name, value, least, most)


class NoWeightError(ValueError):
    """No event has a weight: of N of mass ``m_N`` and heavier, in GeV, too few neutrinos have the energy."""

    def __init__(self, message: str, m_N: float = np.nan):
        super().__init__(message)
        self.m_N = m_N


def adapted_density(m_N: Array, m_Zprime: Array) -> Array:
    r"""Mass density q in (ln m_N, ln m_Z′) under which events fall about evenly, in GeV⁴.

    :math:`q = m_{Z'}^2\,(m_{Z'}^2 + Q_0^2)\,\left(1 + (m_N/m_0)^5\right)` with Q₀ = 0.1 GeV, m₀ = 0.3 GeV: the
    inverse of how the cross section falls, with the propagator for m_Z′ above the momentum transfer Q₀ that the form
    factors allow, and with threshold, coherence and selection for m_N above m₀. For m_Z′ ≫ Q₀ and m_N ≪ m₀ it is
    `paper_density`. A light Z′ is felt only above the smallest momentum transfer, about Q_min = m_N²/2E_ν with
    E_ν = 0.6 GeV + 3 m_N: for m_Z′ < m_N the first factor is :math:`m_{Z'}^2+Q_{\rm min}^2`.
    """
    smallest = np.where(m_Zprime < m_N, m_N**2 / (2 * (0.6 * GeV + 3 * m_N)), 0.0)
    heaviness = m_N / (0.3 * GeV)
    rising = 1 + heaviness * (heaviness**2) ** 2  # numpy takes a fifth power by a logarithm
    return (m_Zprime**2 + smallest**2) * (m_Zprime**2 + (0.1 * GeV) ** 2) * rising


def paper_density(m_N: Array, m_Zprime: Array) -> Array:
    r"""The density of the paper: :math:`q\propto m_{Z'}^8/m_N^5`, multiplied into an integrand without 1/Γ.

    Eq. (21) as printed has 1/Γ, but only against σ·Γ ∝ m_Z′⁻⁴ · m_N⁵/m_Z′⁴ does this q flatten the masses. Our
    integrand is normalised by Γ, so here q is multiplied by Γ(θ), up to a constant. For m_Z′ < m_N the paper has
    :math:`q\propto m_{Z'}^2/m_N^{3.5}`.
    """
    point = BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime, decays="paper")
    q = np.where(point.is_light_mediator, m_Zprime**2 / m_N**3.5, m_Zprime**8 / m_N**5)
    return q * point.decay_width()


def uniform_density(m_N: Array, m_Zprime: Array) -> Array:
    """q = 1, for masses that are drawn evenly instead of where the integrand is large: see `SamplingRange`."""
    return np.ones(np.broadcast(m_N, m_Zprime).shape)


DENSITIES: Mapping[str, Callable[[Array, Array], Array]] = {
    "adapted": adapted_density,
    "paper": paper_density,
    "log-uniform": uniform_density,
}
"""Mass densities q by name."""


@dataclass(frozen=True)
class SamplingRange:
    """The region of (m_N, m_Z′) in which masses are sampled, on one side of the line m_N = m_Z′.

    `SamplingRange.at` fixes the masses.

    Parameters
    ----------
    m_N, m_Zprime
        Smallest and largest mass in GeV.
    mediator
        The side: ``"heavy"`` for m_N ≤ m_Z′, where N decays through an off-shell Z′, or ``"light"`` for m_Z′ < m_N,
        where it decays to an on-shell one.
    density
        Name of the mass density q of `DENSITIES`, in (ln m_N, ln m_Z′). Vegas learns to put events where q times the
        rate is large, which for ``"adapted"`` and ``"paper"`` is meant to be everywhere alike. For
        ``"log-uniform"`` nothing is learned about the masses: ln m_N and then ln(m_Z′/m_N) are drawn evenly between
        the edges of the region, whatever the rate.

    Raises
    ------
    TypeError, ValueError
        For what is no range of masses that N, or a light Z′, decays with, and ranges that lie on the other side.
    """

    m_N: tuple[float, float]
    m_Zprime: tuple[float, float]
    mediator: str = "heavy"
    density: str = "adapted"

    def __post_init__(self) -> None:
        for name in ("m_N", "m_Zprime"):
            edges = real_array(name, getattr(self, name), None)
            if edges.shape != (2,):
                raise ValueError(f"{name} must be the smallest and the largest mass, got {getattr(self, name)!r}")
            low, high = edges.tolist()
            object.__setattr__(self, name, (low, high))
            if not (0 < low <= high < math.inf):
                raise ValueError(f"{name} must be sampled from a positive to a larger mass, got ({low}, {high})")
        if self.m_N[0] <= 2 * ELECTRON_MASS:
            raise ValueError(f"m_N must be above 2 m_e = {2 * ELECTRON_MASS} to decay to e⁺e⁻, got {self.m_N[0]}")
        one_of("mediator", self.mediator, ("heavy", "light"))
        if self.is_light and self.m_Zprime[0] <= 2 * ELECTRON_MASS:
            raise ValueError(f"m_Zprime must be above 2 m_e = {2 * ELECTRON_MASS} to decay, got {self.m_Zprime[0]}")
        if self.is_light and not self.m_Zprime[0] < self.m_N[0]:
            raise ValueError(f"a light m_Zprime must begin below m_N, got {self.m_Zprime} and {self.m_N}")
        if not self.is_light and not self.m_N[1] <= self.m_Zprime[1]:
            raise ValueError(f"a heavy m_Zprime must reach to the end of m_N, got {self.m_Zprime} and {self.m_N}")
        one_of("density", self.density, DENSITIES)

    @classmethod
    def at(cls, m_N: float, m_Zprime: float) -> SamplingRange:
        """Fixed masses, for a dedicated sample whose kernel weight is one."""
        m_N, m_Zprime = real_number("m_N", m_N), real_number("m_Zprime", m_Zprime)
        return cls((m_N, m_N), (m_Zprime, m_Zprime), "light" if m_Zprime < m_N else "heavy")

    @property
    def is_fixed(self) -> bool:
        """Whether both masses are fixed."""
        return self.m_N[0] == self.m_N[1] and self.m_Zprime[0] == self.m_Zprime[1]

    @property
    def is_light(self) -> bool:
        """Whether N decays to an on-shell Z′."""
        return self.mediator == "light"

    def q(self, m_N: ArrayLike, m_Zprime: ArrayLike) -> Array:
        """Mass density q(θ); one at fixed masses."""
        return self.q_of_events(*_masses(m_N, m_Zprime))

    def q_of_events(self, m_N: Array, m_Zprime: Array) -> Array:
        """As `q`, without a check of the masses: those of events in the making need none."""
        return np.ones(np.broadcast(m_N, m_Zprime).shape) if self.is_fixed else DENSITIES[self.density](m_N, m_Zprime)

    def flattening(self, m_N: ArrayLike, m_Zprime: ArrayLike) -> Array:
        """What the rate is multiplied by to be about flat: q, or `adapted_density` where masses are drawn evenly."""
        if self.density == "log-uniform":
            return adapted_density(*_masses(m_N, m_Zprime))
        return self.q(m_N, m_Zprime)

    def contains(self, m_N: ArrayLike, m_Zprime: ArrayLike) -> NDArray[np.bool_]:
        """Whether each point of the mass plane lies in the sampled region."""
        m_N, m_Zprime = _masses(m_N, m_Zprime)
        return self._inside(np.array([self.m_N, self.m_Zprime]), m_N, m_Zprime)

    def contains_logarithms(self, ln_masses: Array) -> NDArray[np.bool_]:
        """As `contains`, for points (..., 2) in (ln m_N, ln m_Z′)."""
        return self._inside(np.log([self.m_N, self.m_Zprime]), ln_masses[..., 0], ln_masses[..., 1])

    def _inside(self, edges: Array, x: Array, y: Array) -> NDArray[np.bool_]:
        (x_low, x_high), (y_low, y_high) = edges
        inside = (x_low <= x) & (x <= x_high)
        inside &= (y < x) if self.is_light else (x <= y)
        return inside & (y_low <= y) & (y <= y_high)


def _masses(m_N: ArrayLike, m_Zprime: ArrayLike) -> tuple[Array, Array]:
    x, y = (real_numbers(name, m, -1e30, 1e30) for name, m in (("m_N", m_N), ("m_Zprime", m_Zprime)))
    x, y = broadcast(m_N=x, m_Zprime=y)
    return x, y


HEAVY = SamplingRange(m_N=(4e-3, 1.25), m_Zprime=(4e-3, 12.5))
"""The heavy mediator, m_N < m_Z′: m_N from 5 MeV to 1 GeV and m_Z′ up to 10 GeV, with room for a kernel around."""

LIGHT = SamplingRange(m_N=(4e-3, 1.25), m_Zprime=(1.5e-3, 1.25), mediator="light")
"""The light mediator, m_Z′ < m_N: m_N from 5 MeV to 1 GeV and m_Z′ from 2 MeV up to m_N."""

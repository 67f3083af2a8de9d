"""Scattering on the nucleons of a nucleus, one by one. Begin with `BoundNucleons.of`.

A large momentum transfer breaks the coherence of a nucleus, and then its protons and neutrons scatter each on their
own (quasi-elastic scattering). They are taken as free nucleons at rest, fewer at small momentum transfer, where
Pauli's principle leaves the struck one no place in the Fermi sea.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.inputs import Array, real_numbers
from darkpkg.physics.nuclei import PROTON, Nucleus, Proton, spin_half_amplitudes
from darkpkg.units import NEUTRON_MASS, PROTON_MASS, MeV

__all__ = ["BoundNucleons", "fermi_momentum", "neutron_sachs", "pauli_blocking"]

NUCLEON_MASS = (PROTON_MASS + NEUTRON_MASS) / 2

NEUTRON_MAGNETIC_MOMENT = -1.91304276
"""μ_n in nuclear magnetons, CODATA 2018."""

FERMI_MOMENTA = (6, 12, 24, 40, 58.7, 89, 118.7, 181, 208), (169.0, 221, 235, 251, 260, 254, 260, 265, 265)
"""A, and k_F in MeV from quasi-elastic electron scattering: E. J. Moniz et al., Phys. Rev. Lett. 26, 445 (1971)."""


def neutron_sachs(Q2: ArrayLike) -> tuple[Array, Array]:
    r"""Electric and magnetic form factor G_E, G_M of the neutron, with G_E(0) = 0 and G_M(0) = μ_n.

    .. math:: G_E &= \frac{1.70\,\tau}{1 + 3.30\,\tau}\left(1 + \frac{Q^2}{0.71\,\mathrm{GeV}^2}\right)^{-2}, \\
              G_M &= \mu_n\frac{1 + 2.33\tau}{1 + 14.72\tau + 24.20\tau^2 + 84.1\tau^3}, \\
              \tau &= \frac{Q^2}{4M^2}

    J. J. Kelly, Phys. Rev. C 70, 068202 (2004). Parameters, results and errors are those of
    `darkpkg.physics.nuclei.sachs`.

    Examples
    --------
    >>> [float(G) for G in neutron_sachs(0.0)]
    [0.0, -1.91304276]
    """
    Q2 = real_numbers("Q2", Q2, 0.0, 1e30)
    tau = Q2 / (4 * NEUTRON_MASS**2)
    electric = 1.70 * tau / (1 + 3.30 * tau) / (1 + Q2 / 0.71) ** 2
    return electric, NEUTRON_MAGNETIC_MOMENT * (1 + 2.33 * tau) / (1 + tau * (14.72 + tau * (24.20 + tau * 84.1)))


def fermi_momentum(A: float) -> float:
    """k_F in GeV of a nucleus of A nucleons, between the measured ones of `FERMI_MOMENTA`.

    Examples
    --------
    >>> fermi_momentum(12)
    0.221
    """
    return float(np.interp(A, *FERMI_MOMENTA)) * MeV


def pauli_blocking(Q2: ArrayLike, A: float) -> Array:
    r"""Share of the nucleons that may scatter: those that leave the Fermi sea.

    .. math:: S &= \tfrac34 x - \tfrac1{16}x^3 \quad (x < 2), \\
              x &= |\mathbf q|/k_F, \qquad \mathbf q^2 = Q^2 + (Q^2/2M)^2

    is the part of a sphere of radius k_F that a shift by **q** takes out of it (Fermi gas).

    Parameters
    ----------
    Q2 : array_like
        Momentum transfer squared in GeV², any shape.
    A
        Number of nucleons.

    Returns
    -------
    ndarray
        S between 0 and 1, of the shape of ``Q2``.

    Raises
    ------
    TypeError, ValueError
        For a ``Q2`` that is negative or not finite.

    Examples
    --------
    >>> float(pauli_blocking(1.0, 12))
    1.0
    """
    Q2 = real_numbers("Q2", Q2, 0.0, 1e30)
    x = np.minimum(np.sqrt(Q2 + (Q2 / (2 * NUCLEON_MASS)) ** 2) / fermi_momentum(A), 2.0)
    return 0.75 * x - x**3 / 16


@dataclass(frozen=True)
class BoundNucleons(Nucleus):
    """The Z protons and A − Z neutrons of a nucleus, of which any one may be hit.

    Examples
    --------
    >>> BoundNucleons.of(NUCLEI["C12"]).pdg_code
    1000060121
    """

    @classmethod
    def of(cls, nucleus: Nucleus) -> BoundNucleons:
        """The nucleons of a nucleus. Raises `ValueError` for hydrogen, whose proton is free."""
        if isinstance(nucleus, Proton):
            raise ValueError(f"nucleus must have bound nucleons, got {nucleus.name}")
        return cls(f"nucleons of {nucleus.name}", nucleus.Z, nucleus.A, NUCLEON_MASS, PROTON.radius)

    @property
    def pdg_code(self) -> int:
        """That of the nucleus with a last digit of 1, 100ZZZAAA1, which else numbers isomers."""
        return super().pdg_code + 1

    @property
    def mean_square_radius(self) -> float:
        """That of a proton."""
        return PROTON.mean_square_radius

    def amplitudes(self, Q2: Array, model: str) -> tuple[Array, Array]:
        """The root of the sum of squares over all nucleons, after Pauli blocking."""
        blocking = pauli_blocking(Q2, self.A)
        proton = PROTON.amplitudes(Q2, model)
        neutron = spin_half_amplitudes(Q2, *neutron_sachs(Q2), NEUTRON_MASS)
        squares = (self.Z * p**2 + (self.A - self.Z) * n**2 for p, n in zip(proton, neutron, strict=True))
        charge, magnetic = (np.sqrt(blocking * square) for square in squares)
        return charge, magnetic

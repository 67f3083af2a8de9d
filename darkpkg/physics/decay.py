r"""The decay N → ν e⁺e⁻ through a dark photon, off or on its mass shell, for a polarised N and massive electrons.

The squared amplitude depends on the masses through :math:`1/(m_{Z'}^2 - m_{ee}^2)^2` and on the momenta through

.. math:: D = {}& (p_\nu\cdot p_-)(n\cdot p_+) + (p_\nu\cdot p_+)(n\cdot p_-) \\
          & + m_e^2\,(p_\nu\cdot n),

where n = (1, P ẑ′) in the rest frame of N and ẑ′, its polarisation axis, points against its spin: along the flight of
a fast, left-handed N (`darkpkg.physics.scattering.polarisation_axis`). A Dirac N that a nucleus without spin has made
has the polarisation P = 1. The antiparticle channel of a Majorana N has −P; both together have P = 0.
Begin with `mass_density` and `angular_correlation`, whose product is the whole distribution, and `lepton_momenta`.

Five variables describe the decay: s = m_ee², the angles (θ_Z, φ_Z) of the pair around this axis, and the angles
(θ_e, φ_e) of the electron in the rest frame of the pair, measured from the flight direction of the pair.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.formulas import Four, Number, within_compiled
from darkpkg.inputs import broadcast, real_numbers
from darkpkg.physics.kinematics import boost, cos_and_sin, spherical
from darkpkg.units import ELECTRON_MASS

__all__ = ["angular_correlation", "lepton_momenta", "mass_density"]

_t, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_t, _WEIGHTS = (1 + _t) / 2, 70 * ((1 - _t**2) / 4) ** 3 * _WEIGHTS
_NODES = _t**4 * (35 - 84 * _t + 70 * _t**2 - 20 * _t**3)
"""Nodes from 0 to 1 that crowd towards both ends, dv ∝ t³(1−t)³ dt, and their weights."""


def mass_density(s: ArrayLike, m_N: ArrayLike, m_Zprime: ArrayLike) -> NDArray[np.float64]:
    r"""Distribution (1/Γ) dΓ/ds of s = m_ee² in GeV⁻², normalised between 4m_e² and m_N²; zero outside.

    With y = s/m_N² and x = m_N²/m_Z′²,

    .. math:: \frac{d\Gamma}{ds} \propto {}& \frac{(1-y)^2(1+2y)}{(1-xy)^2} \\
              & \times \left(1+\frac{2m_e^2}{s}\right)\sqrt{1-\frac{4m_e^2}{s}} .

    Parameters
    ----------
    s : array_like
        Mass of the pair squared in GeV².
    m_N, m_Zprime : array_like
        Masses in GeV; all three broadcast.

    Returns
    -------
    float or ndarray
        In GeV⁻², of the shape of all together.

    Raises
    ------
    TypeError, ValueError
        For what is no finite number, or a mass that is not positive.

    Examples
    --------
    >>> s = np.linspace(0, 0.01, 10001)
    >>> round(float(mass_density(s, 0.1, 1.25).sum() * s[1]), 3)
    1.0
    """
    s = real_numbers("s", s)
    m_N, m_Zprime = (real_numbers(f, m, 1e-30, 1e30) for f, m in (("m_N", m_N), ("m_Zprime", m_Zprime)))
    s, m_N, m_Zprime = broadcast(s=s, m_N=m_N, m_Zprime=m_Zprime)
    inside = (s >= 4 * ELECTRON_MASS**2) & (s < m_N**2)
    m_N = np.where(m_N > 2 * ELECTRON_MASS, m_N, 4 * ELECTRON_MASS)  # lighter, nothing is inside
    value = mass_spectrum(np.where(inside, s, 4 * ELECTRON_MASS**2), m_N, m_Zprime, ELECTRON_MASS)
    return np.where(inside, value / width_shape(m_N, m_Zprime, ELECTRON_MASS), 0.0)[()]


# The functions below work on numbers and arrays alike; the generator compiles them into its integrand.


@within_compiled
def lepton_momenta(
    m_N: Number, s: Number, cos_Z: Number, phi_Z: Number, cos_e: Number, phi_e: Number, m_e: Number = ELECTRON_MASS
) -> tuple[Four, Four]:
    """Four-momenta (E, p_x, p_y, p_z) of electron and positron in the rest frame of N, the polarisation along z.

    Parameters
    ----------
    m_N, s
        Mass of N in GeV, and that of the pair squared in GeV².
    cos_Z, phi_Z, cos_e, phi_e
        The four angles of the module, in radians.
    m_e
        Mass of the leptons in GeV.

    Returns
    -------
    electron, positron
        Tuples of four numbers or arrays, in GeV.

    Examples
    --------
    >>> electron, positron = lepton_momenta(0.1, 0.0025, 1.0, 0.0, 0.5, 0.0)
    >>> electron[0] + positron[0]                              # (m_N² + s) / 2m_N
    0.0625...
    """
    sin_Z, (cos_phi, sin_phi) = np.sqrt((1 - cos_Z) * (1 + cos_Z)), cos_and_sin(phi_Z)
    forward = sin_Z * cos_phi, sin_Z * sin_phi, cos_Z
    momentum = np.sqrt(np.maximum(s / 4 - m_e**2, 0.0))
    across, sideways, along = spherical(cos_e, phi_e)
    x = momentum * (along * forward[0] + across * cos_Z * cos_phi - sideways * sin_phi)
    y = momentum * (along * forward[1] + across * cos_Z * sin_phi + sideways * cos_phi)
    z = momentum * (along * forward[2] - across * sin_Z)
    recoil = (m_N**2 - s) / (2 * m_N)
    pair = (m_N**2 + s) / (2 * m_N), recoil * forward[0], recoil * forward[1], recoil * forward[2]
    half_mass = np.sqrt(s) / 2
    electron = boost((half_mass, x, y, z), pair, 2 * half_mass)
    positron = boost((half_mass, -x, -y, -z), pair, 2 * half_mass)
    return electron, positron


@within_compiled
def angular_correlation(
    s: Number,
    cos_Z: Number,
    cos_e: Number,
    phi_e: Number,
    m_N: Number,
    m_e: Number = ELECTRON_MASS,
    polarisation: Number = 1.0,
) -> Number:
    r"""D over its mean at fixed s: the distribution of the angles, times (4π)², with spin and electron mass.

    In the rest frame of N, with E′ = (m_N² − s)/2m_N, E_Z = (m_N² + s)/2m_N and β_e the velocity of the electron in
    the pair, the scalar products of D with q = p₋ + p₊ and l = p₋ − p₊ are
    p_ν·q = m_N E′, n·q = E_Z − P E′ cos θ_Z, p_ν·l = m_N E′ β_e cos θ_e and
    n·l = β_e [E′ cos θ_e + P (√s sin θ_Z sin θ_e cos φ_e − E_Z cos θ_Z cos θ_e)], with the ``polarisation`` P.

    Parameters
    ----------
    s, cos_Z, cos_e, phi_e, m_N, m_e
        Mass of the pair squared in GeV², angles of the module, masses in GeV: numbers, or arrays that broadcast.
    polarisation
        P, from −1 to 1.

    Returns
    -------
    float or array
        Its mean over the angles is one.

    Examples
    --------
    >>> angular_correlation(0.0025, 0.0, 0.0, 0.0, 0.1, polarisation=0.0)
    1.24...
    """
    E_nu, E_Z = (m_N**2 - s) / (2 * m_N), (m_N**2 + s) / (2 * m_N)
    beta_sq = 1 - 4 * m_e**2 / s
    sin_sin = np.sqrt((1 - cos_Z**2) * (1 - cos_e**2))
    n_l = E_nu * cos_e + polarisation * (np.sqrt(s) * sin_sin * cos_and_sin(phi_e)[0] - E_Z * cos_Z * cos_e)
    n_q = E_Z - polarisation * E_nu * cos_Z
    D_over_E_nu = m_N / 2 * (n_q - beta_sq * cos_e * n_l) + m_e**2 * (1 + polarisation * cos_Z)
    return D_over_E_nu / ((m_N**2 + 2 * s) / 6 * (1 + 2 * m_e**2 / s))


@within_compiled
def mass_spectrum(s: Number, m_N: Number, m_Zprime: Number, m_e: Number) -> Number:
    """dΓ/ds in units in which its integral is L(m_N²/m_Z′²) of Eq. (9) for massless electrons."""
    y = s / m_N**2
    phase_space = 2 * (1 - y) ** 2 * (1 + 2 * y) / (m_N * (1 - s / m_Zprime**2)) ** 2
    return phase_space * (1 + 2 * m_e**2 / s) * np.sqrt(1 - 4 * m_e**2 / s)


@within_compiled
def width_shape(m_N: Number, m_Zprime: Number, m_e: Number) -> Number:
    """Integral of `mass_spectrum`: L(m_N²/m_Z′²) with massive electrons, to 1e-6.

    The nodes crowd towards the threshold, and towards the end, where the pole of an almost equal Z′ is.
    """
    lowest, total = 4 * m_e**2, 0.0 * m_N * m_Zprime
    for node, weight in zip(_NODES, _WEIGHTS):  # noqa: B905 (numba has no strict)
        s = lowest + (m_N**2 - lowest) * node
        total = total + weight * (m_N**2 - lowest) * mass_spectrum(s, m_N, m_Zprime, m_e)
    return total

"""Coherent upscattering ν + A → N + A by exchange of a dark photon.

Begin with `total_cross_section` and `differential_cross_section`. The nucleus has spin zero and recoils as a whole;
masses and recoil are kept exactly. Functions take numbers or arrays and broadcast; cross sections are in cm² per
nucleus.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import ArrayLike

from darkpkg.physics.kinematics import boost, minkowski
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import Nucleus, form_factor
from darkpkg.units import ALPHA_EM, HBARC, GeV

__all__ = [
    "approximate_cross_section",
    "differential_cross_section",
    "q2_range",
    "threshold_energy",
    "total_cross_section",
]

LARGEST_QR = 105.0
"""Momentum transfers up to QR = 105 (2 to 2.6 GeV) are integrated; beyond, F² leaves less than 1e-8 of σ."""


def threshold_energy(m_N: ArrayLike, nucleus: Nucleus) -> Any:
    """Smallest neutrino energy in GeV that makes an N of mass ``m_N``: E = m_N + m_N²/(2M)."""
    m_N = np.asarray(m_N, dtype=float)
    return (m_N + m_N**2 / (2 * nucleus.mass))[()]


def q2_range(E_nu: ArrayLike, m_N: ArrayLike, nucleus: Nucleus) -> tuple[Any, Any]:
    r"""Smallest and largest momentum transfer Q² = −q² in GeV² at neutrino energy ``E_nu``; nan below threshold.

    With s = M² + 2ME, :math:`Q^2_{max} = 2p^*(E^*_N + p^*_N) - m_N^2`, and the smaller root follows from the product
    of both, :math:`Q^2_{min} Q^2_{max} = m_N^4 M^2/s`; the difference that defines it loses all digits at small m_N.

    >>> q2_range(1.0, 0.01, NUCLEI["Pb208"])[0]             # close to (m_N² / 2E)²
    2.5001...e-09
    """
    E_nu, m_N = np.asarray(E_nu, dtype=float), np.asarray(m_N, dtype=float)
    reachable = E_nu >= threshold_energy(m_N, nucleus)
    low, high = q2_limits(np.where(reachable, E_nu, np.nan), m_N, nucleus.mass)
    return low[()], high[()]


def differential_cross_section(E_nu: ArrayLike, Q2: ArrayLike, parameters: DarkParameters, nucleus: Nucleus) -> Any:
    r"""dσ/dQ² in cm²/GeV² per nucleus; zero outside the kinematic range.

    The amplitude of Eqs. (4)–(6), squared and summed over spins, with the charge form factor F:

    .. math:: \frac{d\sigma}{dQ^2} = \frac{\pi\alpha\alpha_D\varepsilon^2|V_{\mu N}|^2
    Z^2F^2}{4M^2E^2(Q^2+m_{Z'}^2)^2}
              \left[(4ME - m_N^2 - Q^2)^2 - (4M^2+Q^2)(m_N^2+Q^2)\right]

    ``E_nu`` in GeV and ``Q2`` in GeV² broadcast with the fields of ``parameters``.
    """
    E_nu, Q2 = np.asarray(E_nu, dtype=float), np.asarray(Q2, dtype=float)
    low, high = q2_range(E_nu, parameters.m_N, nucleus)
    point = point_cross_section(E_nu, Q2, parameters.m_N, parameters.m_Zprime, nucleus.mass)
    value = parameters.coupling * point * (nucleus.Z * form_factor(Q2, nucleus)) ** 2
    return np.where((Q2 >= low) & (Q2 <= high), value, 0.0)[()]


def total_cross_section(E_nu: ArrayLike, parameters: DarkParameters, nucleus: Nucleus) -> Any:
    """σ(E_ν) in cm² per nucleus; zero below threshold. ``E_nu`` in GeV broadcasts with the fields of ``parameters``.

    Gauss–Legendre quadrature in Q, panel by panel, each panel half a period of the diffraction pattern.

    >>> total_cross_section(0.05, BENCHMARK_B, NUCLEI["Pb208"])
    0.0
    """
    E_nu, coupling, m_N, m_Zprime = np.broadcast_arrays(
        np.asarray(E_nu, dtype=float), parameters.coupling, parameters.m_N, parameters.m_Zprime
    )
    lowest, highest = (np.sqrt(np.nan_to_num(limit)) for limit in q2_range(E_nu, m_N, nucleus))
    nodes, weights = np.polynomial.legendre.leggauss(12)
    panels = np.arange(np.pi / 2, LARGEST_QR, np.pi / 2) * HBARC / nucleus.radius
    # A light propagator varies within the first panel, which is split at m_Z′, 4 m_Z′, 16 m_Z′, …
    edges = [0.0, *(np.minimum(m_Zprime * 4.0**k, panels[0]) for k in range(10)), *panels]
    total = np.zeros(E_nu.shape)
    for edge, next_edge in itertools.pairwise(edges):
        begin, end = np.clip(edge, lowest, highest), np.clip(next_edge, lowest, highest)
        if np.all(begin == end):
            continue
        half_width = (end - begin)[..., None] / 2
        Q = begin[..., None] + half_width * (nodes + 1)
        point = point_cross_section(E_nu[..., None], Q**2, m_N[..., None], m_Zprime[..., None], nucleus.mass)
        total += (half_width * weights * 2 * Q * point * form_factor(Q**2, nucleus) ** 2).sum(axis=-1)
    return (coupling * nucleus.Z**2 * total)[()]


def approximate_cross_section(
    E_nu: ArrayLike, parameters: DarkParameters, nucleus: Nucleus, lambda_qcd: float = 0.150 * GeV
) -> Any:
    r"""σ(E_ν) in cm² per nucleus as Appendix A approximates it, for m_N ≪ E_ν and m_Z′ ≫ Q.

    A nucleus that is a point for Q < 2Λ_QCD/A^{1/3} and invisible beyond, F = 1 or 0. With
    :math:`x_A = 2\Lambda_{QCD}/(A^{1/3}M)` and s = M² + 2ME, dσ/dQ² integrates to

    .. math:: \sigma = \frac{|V_{\mu N}|^2 (Ze\varepsilon)^2\alpha_D\,x_A^2}{8E^2m_{Z'}^4}
              \left[2(M^4+s^2) - sM^2(x_A^2+4)\right] ,

    which has the bracket of Eq. (A1); the factor in front is derived. The bracket, 4M²(2E² − …), is evaluated without
    the cancellation of M⁴. ``lambda_qcd`` in GeV, 0.1 to 0.2 according to the paper.
    """
    E_nu = np.asarray(E_nu, dtype=float)
    M, x_sq = nucleus.mass, (2 * lambda_qcd / nucleus.A ** (1 / 3) / nucleus.mass) ** 2
    s = M * (M + 2 * E_nu)
    bracket = M**2 * (8 * E_nu**2 - s * x_sq)
    front = parameters.coupling * 4 * np.pi * ALPHA_EM * nucleus.Z**2 * x_sq / (8 * E_nu**2 * parameters.m_Zprime**4)
    return (np.maximum(front * bracket, 0.0) * HBARC**2)[()]


# The functions below work on numbers and arrays alike; the generator compiles them into its integrand.


@register_jitable
def heavy_neutrino_momentum(E_nu, Q2_above_min, m_N, phi, mass):
    """Four-momentum (E, p_x, p_y, p_z) of N in the laboratory, the beam along z.

    Q² − Q²_min = 2p*p*_N (1 − cos θ*) gives the angle in the centre of mass without cancellation. ``phi`` is the
    azimuth of N, ``mass`` the mass of the nucleus.
    """
    sqrt_s = np.sqrt(mass * (mass + 2 * E_nu))
    momentum = _final_momentum(E_nu, m_N, mass, sqrt_s)
    energy = (2 * mass * E_nu + m_N**2) / (2 * sqrt_s)
    one_minus_cos = np.minimum(Q2_above_min * sqrt_s / (2 * mass * E_nu * momentum), 2.0)
    across = momentum * np.sqrt(one_minus_cos * (2 - one_minus_cos))
    in_centre_of_mass = energy, across * np.cos(phi), across * np.sin(phi), momentum * (1 - one_minus_cos)
    return boost(in_centre_of_mass, (E_nu + mass, 0.0, 0.0, E_nu), sqrt_s)


@register_jitable
def polarisation_axis(E_nu, p_N, m_N, mass):
    r"""Direction (x, y, z) of the polarisation axis ẑ′ of N, against its spin, in its rest frame.

    Left-handed vertices turn the neutrino line into
    :math:`\bar u_\nu\gamma^\alpha\,\slashed p_N\slashed h\,P_L u_\nu` with h = P + P′, the sum of the momenta of the
    nucleus. Its square holds only the lightlike vector :math:`k = 2(h\cdot p_\nu)\,h - h^2 p_\nu`, reflected at p_N:
    N is fully polarised, and its decay sees :math:`n \propto 2(p_N\cdot k)\,p_N - m_N^2 k`, which in the rest frame
    is (1, ẑ′) with ẑ′ = −k̂.
    """
    p_nu = E_nu, 0.0, 0.0, E_nu
    h = E_nu - p_N[0] + 2 * mass, -p_N[1], -p_N[2], E_nu - p_N[3]
    a, b = 2 * minkowski(h, p_nu), minkowski(h, h)
    k = a * h[0] - b * E_nu, a * h[1], a * h[2], a * h[3] - b * E_nu
    _, x, y, z = boost(k, (p_N[0], -p_N[1], -p_N[2], -p_N[3]), m_N)
    length = np.sqrt(x**2 + y**2 + z**2)
    return -x / length, -y / length, -z / length


@register_jitable
def q2_limits(E_nu, m_N, mass):
    """The two roots of `q2_range` for a nucleus of mass ``mass``, above threshold."""
    sqrt_s = np.sqrt(mass * (mass + 2 * E_nu))
    energy = (2 * mass * E_nu + m_N**2) / (2 * sqrt_s)
    high = 2 * mass * E_nu / sqrt_s * (energy + _final_momentum(E_nu, m_N, mass, sqrt_s)) - m_N**2
    return (m_N**2 * mass / sqrt_s) ** 2 / high, high


@register_jitable
def point_cross_section(E_nu, Q2, m_N, m_Zprime, mass):
    """dσ/dQ² in cm²/GeV² for unit couplings |V_μN|² α_D ε² and a unit point charge of mass ``mass``."""
    bracket = (4 * mass * E_nu - m_N**2 - Q2) ** 2 - (4 * mass**2 + Q2) * (m_N**2 + Q2)
    return np.pi * ALPHA_EM * HBARC**2 / (4 * (mass * E_nu * (Q2 + m_Zprime**2)) ** 2) * bracket


@register_jitable
def _final_momentum(E_nu, m_N, mass, sqrt_s):
    """p*_N, with both factors of the Källén function free of cancellation near threshold."""
    above_threshold = 2 * mass * (E_nu - m_N) - m_N**2
    return np.sqrt(above_threshold * (above_threshold + 4 * mass * m_N)) / (2 * sqrt_s)

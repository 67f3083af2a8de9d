"""Upscattering ν + A → N + A by exchange of a dark photon.

Begin with `total_cross_section` and `differential_cross_section`. A nucleus scatters coherently, as if it had no
spin; the proton has its own. Either recoils as a whole; masses and recoil are kept exactly. Functions take numbers or
arrays and broadcast; cross sections are in cm² per nucleus. They raise `ValueError` for energies that are not
positive or beyond `LARGEST_ENERGY`, and for masses and momentum transfers that are negative or not finite, and
`TypeError` for what is no number or no nucleus.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.formulas import Four, Number, Three, within_compiled
from darkpkg.inputs import Array, broadcast, check_kinds, real_numbers
from darkpkg.physics.kinematics import boost, cos_and_sin, four_momenta, minkowski
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import Nucleus, current_amplitudes
from darkpkg.units import ALPHA_EM, HBARC, GeV

__all__ = [
    "differential_cross_section",
    "neutrino_energy",
    "q2_range",
    "smallest_energy",
    "threshold_energy",
    "total_cross_section",
]

LARGEST_QR = 105.0
"""Momentum transfers up to QR = 105 (2 to 2.6 GeV) are integrated; beyond, F² leaves less than 1e-8 of σ."""

LARGEST_ENERGY = 1e12 * GeV
"""No neutrino has been detected with more, and squares of larger ones lose their digits."""

SMALLEST_ENERGY = 1e-30 * GeV
"""Inverse squares of smaller energies and masses are no numbers."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


def _energy(E_nu: ArrayLike) -> Array:
    return real_numbers("E_nu", E_nu, SMALLEST_ENERGY, LARGEST_ENERGY)


def threshold_energy(m_N: ArrayLike, nucleus: Nucleus) -> Any:
    """Smallest neutrino energy that makes an N of mass ``m_N``: E = m_N + m_N²/(2M).

    Parameters
    ----------
    m_N : array_like
        Mass in GeV, any shape.
    nucleus
        Of mass M.

    Returns
    -------
    float or ndarray
        Energy in GeV, of the shape of ``m_N``. Raises as in the module.

    Examples
    --------
    >>> threshold_energy(0.1, NUCLEI["C12"])
    0.1004...
    """
    check_kinds(nucleus=(nucleus, Nucleus))
    m_N = real_numbers("m_N", m_N, 0.0, LARGEST_ENERGY)
    return (m_N + m_N**2 / (2 * nucleus.mass))[()]


def smallest_energy(m_N: ArrayLike, nucleus: Nucleus) -> Any:
    r"""Smallest neutrino energy at which N of mass ``m_N`` are simulated: the threshold, or more for a very heavy N.

    At threshold the momentum transfer is :math:`Q^2 = m_N^2M/(M+m_N)`. Where that is beyond the largest Q that is
    integrated, `LARGEST_QR`, the form factor leaves nothing until the energy is

    .. math:: E &= \frac{(Q^2+m_N^2)(|\mathbf q|+q_0)}{2Q^2}, \\
              q_0 &= \frac{Q^2}{2M}, \qquad \mathbf q^2 = Q^2 + q_0^2 ,

    which has this Q as its smallest. Parameters, shapes and errors are those of `threshold_energy`.

    Examples
    --------
    >>> threshold_energy(20.0, NUCLEI["Pb208"]), smallest_energy(20.0, NUCLEI["Pb208"])
    (21.0..., 107.6...)
    """
    threshold = threshold_energy(m_N, nucleus)
    m_N, Q2 = np.asarray(m_N, dtype=float), (LARGEST_QR * HBARC / nucleus.radius) ** 2
    q_0 = Q2 / (2 * nucleus.mass)
    beyond = m_N**2 * nucleus.mass > Q2 * (nucleus.mass + m_N)
    return np.where(beyond, (Q2 + m_N**2) * (np.sqrt(Q2 + q_0**2) + q_0) / (2 * Q2), threshold)[()]


def q2_range(E_nu: ArrayLike, m_N: ArrayLike, nucleus: Nucleus) -> tuple[Any, Any]:
    r"""Smallest and largest momentum transfer Q² = −q² at neutrino energy ``E_nu``; nan below threshold.

    With s = M² + 2ME, :math:`Q^2_{\rm max} = 2p^*(E^*_N + p^*_N) - m_N^2`, and the smaller root follows from the
    product of both, :math:`Q^2_{\rm min} Q^2_{\rm max} = m_N^4 M^2/s`; the difference that defines it loses all
    digits at small m_N.

    Parameters
    ----------
    E_nu, m_N : array_like
        Energy and mass in GeV; they broadcast.
    nucleus
        Of mass M.

    Returns
    -------
    lowest, highest : float or ndarray
        In GeV², of the shape of both arguments together. Raises as in the module.

    Examples
    --------
    >>> q2_range(1.0, 0.01, NUCLEI["Pb208"])[0]             # close to (m_N² / 2E)²
    2.5001...e-09
    """
    E_nu, m_N = broadcast(E_nu=_energy(E_nu), m_N=real_numbers("m_N", m_N, 0.0, LARGEST_ENERGY))
    threshold = threshold_energy(m_N, nucleus)
    reachable = E_nu >= threshold
    limits = q2_limits(np.where(reachable, E_nu, np.maximum(threshold, 1e-9)), m_N, nucleus.mass)
    low, high = (np.where(reachable, limit, np.nan) for limit in limits)
    return low[()], high[()]


def neutrino_energy(p_N: Array, m_N: ArrayLike, mass: float | Array) -> Array:
    """Energy E_ν in GeV of the neutrino that made N with momentum ``p_N`` (n, 4) on a nucleus at rest.

    From (p_ν + P − p_N)² = M²: E_ν (M − E_N + p_z) = M E_N − m_N²/2. Then Q² = 2M (E_ν − E_N).

    Parameters
    ----------
    p_N : array
        Four-momenta (n, 4) of N in GeV, the beam along z.
    m_N, mass : float or array
        Masses in GeV of N and of the nucleus, numbers or (n,). The energies are (n,). Errors are those of the module.

    Examples
    --------
    >>> float(neutrino_energy(np.array([[1.0, 0.0, 0.0, 0.99]]), 0.141, 11.2)[0])     # lead takes nearly no energy
    1.000...
    """
    p_N, m_N = four_momenta("p_N", p_N), real_numbers("m_N", m_N, 0.0, LARGEST_ENERGY)
    E_N, p_z, mass = p_N[..., 0], p_N[..., 3], real_numbers("mass", mass, SMALLEST_ENERGY, LARGEST_ENERGY)
    E_N, m_N, mass = broadcast(p_N=E_N, m_N=m_N, mass=mass)
    return (mass * E_N - m_N**2 / 2) / (mass - E_N + p_z)


def differential_cross_section(
    E_nu: ArrayLike, Q2: ArrayLike, parameters: DarkParameters, nucleus: Nucleus, form_factor: str = "fourier-bessel"
) -> Any:
    r"""dσ/dQ² in cm²/GeV² per nucleus; zero outside the kinematic range.

    The amplitude of Eqs. (4)–(6), squared and summed over spins, with the amplitudes a, b of the nuclear current
    (`darkpkg.physics.nuclei.current_amplitudes`; a = ZF and b = 0 but for hydrogen):

    .. math:: \frac{d\sigma}{dQ^2} = {}& \frac{\pi\alpha\alpha_D\varepsilon^2|V_{\mu N}|^2}
              {4M^2E^2(Q^2+m_{Z'}^2)^2} \\
              & \times \Bigl\{a^2\Bigl[(4ME - m_N^2 - Q^2)^2 \\
              & - (4M^2+Q^2)(m_N^2+Q^2)\Bigr] \\
              & + b^2\,(m_N^2+Q^2)(2Q^2-m_N^2)\Bigr\}

    Parameters
    ----------
    E_nu, Q2 : array_like
        Neutrino energy in GeV and momentum transfer squared in GeV²; they broadcast with the fields of
        ``parameters``.
    parameters
        One point θ or many.
    nucleus
        What scatters.
    form_factor
        A model of `darkpkg.physics.nuclei.FORM_FACTORS`.

    Returns
    -------
    float or ndarray
        In cm²/GeV², of the shape of all together.

    Raises
    ------
    TypeError, ValueError
        As in the module.

    Examples
    --------
    >>> differential_cross_section(1.0, 0.01, BENCHMARK_B, NUCLEI["C12"])
    1.238...e-38
    """
    check_kinds(parameters=(parameters, DarkParameters))
    E_nu, Q2 = _energy(E_nu), real_numbers("Q2", Q2, 0.0, LARGEST_ENERGY**2)
    low, high = q2_range(E_nu, parameters.m_N, nucleus)
    amplitudes = current_amplitudes(Q2, nucleus, form_factor)
    value = elastic_cross_section(E_nu, Q2, parameters.m_N, parameters.m_Zprime, nucleus.mass, *amplitudes)
    return np.where((Q2 >= low) & (Q2 <= high), parameters.coupling * value, 0.0)[()]


def total_cross_section(
    E_nu: ArrayLike, parameters: DarkParameters, nucleus: Nucleus, form_factor: str = "fourier-bessel"
) -> Any:
    """σ(E_ν) in cm² per nucleus; zero below threshold.

    Gauss–Legendre quadrature in Q, panel by panel, each panel half a period of the diffraction pattern.

    Parameters
    ----------
    E_nu : array_like
        Neutrino energy in GeV, which broadcasts with the fields of ``parameters``.
    parameters, nucleus, form_factor
        As for `differential_cross_section`.

    Returns
    -------
    float or ndarray
        Of the shape of both together.

    Raises
    ------
    TypeError, ValueError
        As in the module.

    Examples
    --------
    >>> total_cross_section(0.05, BENCHMARK_B, NUCLEI["Pb208"])
    0.0
    """
    check_kinds(parameters=(parameters, DarkParameters), nucleus=(nucleus, Nucleus))
    E_nu, coupling, m_N, m_Zprime = np.broadcast_arrays(
        _energy(E_nu), parameters.coupling, parameters.m_N, parameters.m_Zprime
    )
    lowest, highest = (np.sqrt(np.nan_to_num(limit)) for limit in q2_range(E_nu, m_N, nucleus))
    panels = np.arange(np.pi / 2, LARGEST_QR, np.pi / 2) * HBARC / nucleus.radius
    # A light propagator varies within the first panel, which is split at m_Z′, 4 m_Z′, 16 m_Z′, …
    edges = [0.0, *(np.minimum(m_Zprime * 4.0**k, panels[0]) for k in range(10)), *panels]
    total = np.zeros(E_nu.shape)
    for edge, next_edge in itertools.pairwise(edges):
        begin, end = np.clip(edge, lowest, highest), np.clip(next_edge, lowest, highest)
        reached = begin < end
        if np.any(reached):
            start, half_width = begin[reached, None], (end - begin)[reached, None] / 2
            Q2 = (start + half_width * (_NODES + 1)) ** 2
            masses = m_N[reached, None], m_Zprime[reached, None], nucleus.mass
            # All energies that reach beyond a panel share its nodes, and what the nucleus does there.
            _, first, which = np.unique(start[:, 0] + 1j * half_width[:, 0], return_index=True, return_inverse=True)
            amplitudes = (value[which] for value in current_amplitudes(Q2[first], nucleus, form_factor))
            value = elastic_cross_section(E_nu[reached, None], Q2, *masses, *amplitudes)
            total[reached] += (half_width * _WEIGHTS * 2 * np.sqrt(Q2) * value).sum(axis=-1)
    return (coupling * total)[()]


# The functions below work on numbers and arrays alike; the generator compiles them into its integrand.


@within_compiled
def heavy_neutrino_momentum(E_nu: Number, Q2_above_min: Number, m_N: Number, phi: Number, mass: Number) -> Four:
    """Four-momentum (E, p_x, p_y, p_z) of N in the laboratory, the beam along z.

    Q² − Q²_min = 2p*p*_N (1 − cos θ*) gives the angle in the centre of mass without cancellation. ``phi`` is the
    azimuth of N, ``mass`` the mass of the nucleus.
    """
    sqrt_s = np.sqrt(mass * (mass + 2 * E_nu))
    momentum = _final_momentum(E_nu, m_N, mass, sqrt_s)
    energy = (2 * mass * E_nu + m_N**2) / (2 * sqrt_s)
    # At threshold N rests in the centre of mass: no angle, and no division by zero.
    one_minus_cos = Q2_above_min * sqrt_s / np.maximum(2 * mass * E_nu * momentum, 1e-300)
    one_minus_cos = np.minimum(np.maximum(one_minus_cos, 0.0), 2.0)
    across, (cos_phi, sin_phi) = momentum * np.sqrt(one_minus_cos * (2 - one_minus_cos)), cos_and_sin(phi)
    in_centre_of_mass = energy, across * cos_phi, across * sin_phi, momentum * (1 - one_minus_cos)
    return boost(in_centre_of_mass, (E_nu + mass, 0.0, 0.0, E_nu), sqrt_s)


@within_compiled
def polarisation_axis(
    E_nu: Number, p_N: Four, m_N: Number, mass: Number, charge: Number = 1.0, magnetic: Number = 0.0
) -> Three:
    r"""Polarisation (x, y, z) of N in its rest frame, along the axis ẑ′ against its spin: a unit vector without b.

    Left-handed vertices turn the neutrino line into
    :math:`\bar u_\nu\gamma^\alpha\,\slashed p_N\slashed h\,P_L u_\nu` with h = P + P′, the sum of the momenta of the
    nucleus. Its square holds only the lightlike vector :math:`k = 2(h\cdot p_\nu)\,h - h^2 p_\nu`, reflected at p_N:
    N is fully polarised, and its decay depends on :math:`n \propto 2(p_N\cdot k)\,p_N - m_N^2 k`, which in the rest
    frame is (1, ẑ′) with ẑ′ = −k̂. The current amplitudes a = ``charge`` and b = ``magnetic`` of a nucleus with spin
    make it :math:`a^2k + b^2[Q^2p_\nu + (m_N^2+Q^2)q]`, which is timelike: N is polarised in part.
    """
    p_nu = E_nu, 0.0, 0.0, E_nu
    q = E_nu - p_N[0], -p_N[1], -p_N[2], E_nu - p_N[3]
    h = q[0] + 2 * mass, q[1], q[2], q[3]
    Q2 = 2 * mass * q[0]
    along_h, along_q = charge**2 * 2 * minkowski(h, p_nu), magnetic**2 * (m_N**2 + Q2)
    along_nu = (magnetic**2 * Q2 - charge**2 * minkowski(h, h)) * E_nu
    time = along_h * h[0] + along_q * q[0] + along_nu
    side_x, side_y = along_h * h[1] + along_q * q[1], along_h * h[2] + along_q * q[2]
    k = time, side_x, side_y, along_h * h[3] + along_q * q[3] + along_nu
    energy, x, y, z = boost(k, (p_N[0], -p_N[1], -p_N[2], -p_N[3]), m_N)
    # Without b the length is the energy up to rounding, which the difference of large numbers in k magnifies.
    without = magnetic == 0.0
    length = without * np.sqrt(x**2 + y**2 + z**2) + (1 - without) * energy
    return -x / length, -y / length, -z / length


@within_compiled
def polarisation_degree(
    E_nu: Number, Q2: Number, m_N: Number, mass: Number, charge: Number, magnetic: Number
) -> Number:
    r"""Length P of the `polarisation_axis`, from invariants: :math:`P^2 = 1 - m_N^2K^2/(p_N\cdot K)^2`.

    K is its vector before the reflection. With X = (m_N² + Q²)/2 and 2H = 4ME − m_N² − Q²,
    :math:`K^2 = 4a^2b^2\,[Q^2H^2 + (4M^2+Q^2)X^2] - 8b^4Q^2X^2` and
    :math:`p_N\cdot K = a^2\,[2H^2 - (4M^2+Q^2)X] + b^2X\,(2Q^2-m_N^2)`.
    """
    X, H, h_sq = (m_N**2 + Q2) / 2, (4 * mass * E_nu - m_N**2 - Q2) / 2, 4 * mass**2 + Q2
    a_sq, b_sq = charge**2, magnetic**2
    square = 4 * a_sq * b_sq * (Q2 * H**2 + h_sq * X**2) - 8 * b_sq**2 * Q2 * X**2
    product = a_sq * (2 * H**2 - h_sq * X) + b_sq * X * (2 * Q2 - m_N**2)
    return np.sqrt(np.maximum(1 - m_N**2 * square / product**2, 0.0))


@within_compiled
def q2_limits(E_nu: Number, m_N: Number, mass: Number) -> tuple[Number, Number]:
    """The two roots of `q2_range` for a nucleus of mass ``mass``, above threshold."""
    sqrt_s = np.sqrt(mass * (mass + 2 * E_nu))
    energy = (2 * mass * E_nu + m_N**2) / (2 * sqrt_s)
    high = 2 * mass * E_nu / sqrt_s * (energy + _final_momentum(E_nu, m_N, mass, sqrt_s)) - m_N**2
    return (m_N**2 * mass / sqrt_s) ** 2 / high, high


@within_compiled
def elastic_cross_section(
    E_nu: Number, Q2: Number, m_N: Number, m_Zprime: Number, mass: Number, charge: Number, magnetic: Number
) -> Number:
    """dσ/dQ² in cm²/GeV² for unit couplings |V_μN|² α_D ε², from mass and current amplitudes of the nucleus."""
    bracket = (4 * mass * E_nu - m_N**2 - Q2) ** 2 - (4 * mass**2 + Q2) * (m_N**2 + Q2)
    spin = (m_N**2 + Q2) * (2 * Q2 - m_N**2)
    front = np.pi * ALPHA_EM * HBARC**2 / (4 * (mass * E_nu * (Q2 + m_Zprime**2)) ** 2)
    return front * (charge**2 * bracket + magnetic**2 * spin)


@within_compiled
def _final_momentum(E_nu: Number, m_N: Number, mass: Number, sqrt_s: Number) -> Number:
    """p*_N, with both factors of the Källén function free of cancellation near threshold."""
    above_threshold = np.maximum(2 * mass * (E_nu - m_N) - m_N**2, 0.0)  # below zero by rounding at threshold
    return np.sqrt(above_threshold * (above_threshold + 4 * mass * m_N)) / (2 * sqrt_s)

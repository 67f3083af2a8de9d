"""Formulas that the paper quotes or a chapter looks at, and that no simulation needs.

Begin with `vertex_factors` (Eqs. (5) and (8)), `approximate_shortest_decay_length` (Eq. (12)),
`approximate_cross_section` (Appendix A) or `helicity_flip_probability`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.inputs import real_array, real_numbers, tuple_of, whole_number
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import Nucleus, current_amplitudes
from darkpkg.physics.scattering import (
    LARGEST_ENERGY,
    SMALLEST_ENERGY,
    differential_cross_section,
    heavy_neutrino_momentum,
    polarisation_axis,
    q2_range,
)
from darkpkg.units import ALPHA_EM, HBARC, GeV, MeV, cm

Array = NDArray[np.float64]

__all__ = [
    "approximate_cross_section",
    "approximate_shortest_decay_length",
    "helicity_flip_cross_section",
    "helicity_flip_probability",
    "vertex_factors",
]


def vertex_factors(
    mixing: ArrayLike,
    *,
    flavour: int = 1,
    dark: Sequence[int] = (3,),
    charges: Sequence[float] | None = None,
    N: int = 3,
) -> tuple[float, float]:
    r"""|V_αN|² and |V_N|² of Eqs. (5) and (8) from the mixing matrix of all neutrinos.

    Parameters
    ----------
    mixing
        Unitary matrix U (n, n). Rows are flavours: e, μ, τ, then the dark and sterile ones; columns are mass states,
        lightest first.
    flavour
        Row of the flavour α in the beam; 1 is the muon.
    dark, charges
        Rows of the flavours with a dark charge, and their charges Q_d, one by default.
    N
        Column of the heavy neutrino.

    The dark current couples mass states by :math:`V_{ij} = \sum_d Q_d U_{di}^* U_{dj}`. The beam is the superposition
    of the three light states that belongs to α, so

    .. math:: V_{\alpha N} = \frac{\sum_{i\le3} U_{\alpha i} V_{iN}}{\sqrt{\sum_{k\le3}|U_{\alpha k}|^2}},
              \qquad |V_N|^2 = \sum_{i<N} |V_{iN}|^2 .

    With one dark flavour and N = ν₄, |V_αN|² = |U_α4|² |U_D4|⁴ up to terms of higher order in U_α4.

    Raises `ValueError` if ``mixing`` is not unitary.
    """
    real, imaginary = (
        real_array("mixing", part(mixing), "finite and below 1e100 in size") for part in (np.real, np.imag)
    )
    U = real + 1j * imaginary
    if U.ndim != 2 or U.shape[0] != U.shape[1] or not np.allclose(U.conj().T @ U, np.eye(len(U)), atol=1e-9):
        raise ValueError(
            f"mixing must be a unitary square matrix, got U†U with {U.shape} entries off by more than 1e-9"
        )
    flavour, N = (whole_number(name, i, most=len(U) - 1) for name, i in (("flavour", flavour), ("N", N)))
    dark = [whole_number("dark", row, most=len(U) - 1) for row in tuple_of("dark", dark, int)]
    Q = np.ones(len(dark)) if charges is None else real_numbers("charges", charges, -1e30, 1e30)
    if Q.shape != (len(dark),):
        raise ValueError(f"charges must be one for each of the rows {dark} in dark, got shape {Q.shape}")
    V = U[list(dark)].conj().T @ (Q[:, None] * U[list(dark)])
    light = U[flavour, :3]
    if not light.any():
        raise ValueError(f"flavour must be one that the light states have a part of, got {flavour}")
    V_alpha_N = light @ V[:3, N] / np.linalg.norm(light)
    return float(abs(V_alpha_N) ** 2), float((abs(V[:N, N]) ** 2).sum())


def approximate_shortest_decay_length(parameters: DarkParameters) -> Any:
    r"""`DarkParameters.shortest_decay_length` in cm as Eq. (12) has it, for a Dirac N; nan for a light mediator.

    .. math:: c\tau^0_{\rm min} \simeq 1\,\mathrm{cm}\left(\frac{10^{-2}}{\varepsilon}\right)^2
              \left(\frac{100\,\mathrm{MeV}}{m_N}\right)^5 \left(\frac{m_{Z'}}{1.25\,\mathrm{GeV}}\right)^4

    Its conditions are α_D = 1, |V_N| = 1 and m_N ≪ m_Z′: it leaves out L(m_N²/m_Z′²), which is 1.01 for m_N =
    0.13 m_Z′ and 4 for equal masses. The rounded 1 cm itself is 0.5 % above Eq. (9).
    """
    masses = (100 * MeV / parameters.m_N) ** 5 * (parameters.m_Zprime / (1.25 * GeV)) ** 4
    rule = 1 * cm * (1e-2 / parameters.epsilon) ** 2 * masses
    return np.where(parameters.is_light_mediator, np.nan, rule)[()]


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
    E_nu = real_numbers("E_nu", E_nu, SMALLEST_ENERGY, LARGEST_ENERGY)
    scale = real_numbers("lambda_qcd", lambda_qcd, positive=True)
    M, x_sq = nucleus.mass, (2 * scale / nucleus.A ** (1 / 3) / nucleus.mass) ** 2
    s = M * (M + 2 * E_nu)
    bracket = M**2 * (8 * E_nu**2 - s * x_sq)
    front = parameters.coupling * 4 * np.pi * ALPHA_EM * nucleus.Z**2 * x_sq / (8 * E_nu**2 * parameters.m_Zprime**4)
    return (np.maximum(front * bracket, 0.0) * HBARC**2)[()]


def helicity_flip_probability(E_nu: ArrayLike, Q2: ArrayLike, m_N: ArrayLike, nucleus: Nucleus) -> Any:
    """Probability that N has positive helicity in the laboratory, at E_ν and Q² inside the kinematic range.

    A left-handed vertex gives a massless N the helicity of the neutrino; a massive one has the other with a
    probability of order (m_N/E_N)². It is (1 − P·p̂_N)/2 with the `polarisation_axis` P of N. Raises `ValueError` for
    a Q² outside of the range.
    """
    m_N, E_nu = (real_numbers(name, x, SMALLEST_ENERGY, LARGEST_ENERGY) for name, x in (("m_N", m_N), ("E_nu", E_nu)))
    E_nu, Q2, m_N = np.broadcast_arrays(E_nu, real_numbers("Q2", Q2, 0.0, LARGEST_ENERGY**2), m_N)
    low, high = q2_range(E_nu, m_N, nucleus)
    outside = ~((Q2 >= low * (1 - 1e-9)) & (Q2 <= high * (1 + 1e-9)))  # the range is known to a part in 1e9
    if np.any(outside):
        first, E, m = (float(np.extract(outside, a)[0]) for a in (Q2, E_nu, m_N))
        raise ValueError(f"Q2 must lie in the kinematic range, got {first:g} GeV² at E_nu = {E:g}, m_N = {m:g} GeV")
    p_N = heavy_neutrino_momentum(E_nu, np.maximum(Q2 - low, 0.0), m_N, 0.0, nucleus.mass)
    axis = polarisation_axis(E_nu, p_N, m_N, nucleus.mass, *current_amplitudes(Q2, nucleus))
    length = np.sqrt(p_N[1] ** 2 + p_N[3] ** 2)
    along = (axis[0] * p_N[1] + axis[2] * p_N[3]) / length  # of unit vectors: rounding takes it beyond one
    return ((1 - np.clip(along, -1.0, 1.0)) / 2)[()]


def helicity_flip_cross_section(E_nu: ArrayLike, parameters: DarkParameters, nucleus: Nucleus) -> Any:
    """The part of σ in cm² in which N, at one point θ, has positive helicity in the laboratory; of E_nu's shape.

    Gauss–Legendre quadrature in ln Q², to 1e-6; zero below threshold.
    """
    E_nu = real_numbers("E_nu", E_nu, SMALLEST_ENERGY, LARGEST_ENERGY)
    low, high = (np.asarray(limit) for limit in q2_range(E_nu, parameters.m_N, nucleus))
    flipped = np.zeros(E_nu.shape)
    open_ = low < high
    E, low, high = (a[open_][:, None] for a in (E_nu, low, high))
    nodes, weights = np.polynomial.legendre.leggauss(400)
    reach = np.log(high / low)
    Q2 = low * np.exp(reach * (1 + nodes) / 2)
    value = Q2 * differential_cross_section(E, Q2, parameters, nucleus)
    value *= helicity_flip_probability(E, Q2, parameters.m_N, nucleus)
    flipped[open_] = (value * weights).sum(axis=1) * reach[:, 0] / 2
    return flipped[()]

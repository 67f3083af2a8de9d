r"""A heavy neutrino that only mixes: made in K → ℓ N, it decays by N → ν e⁺e⁻ through W and Z.

This is the standard heavy neutrino of Fig. 5, a Dirac particle. Begin with `StandardHeavyNeutrino` and its
``pair_width``; `differential_width` is the whole decay of a polarised N and `kaon_helicity` the spin it starts with.

At energies far below M_W, W and Z leave a contact interaction, after a Fierz transformation of the W part
:math:`-2\sqrt2\,G_F\,U_\alpha\,[\bar\nu_\alpha\gamma^\mu P_L N]\,[\bar e\,\gamma_\mu(g_LP_L+g_RP_R)\,e]` with

.. math:: g_L = -\tfrac12 + \sin^2\theta_W \;(+1 \text{ for } \alpha = e), \qquad g_R = \sin^2\theta_W .

The angles of the decay and its lepton momenta are those of `darkpkg.physics.decay`, where a purely vector g_L = g_R
stands in the place of these couplings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import fixed_quad

from darkpkg.inputs import one_of, real_number, real_numbers
from darkpkg.physics.decay import lepton_momenta
from darkpkg.physics.decay import mass_spectrum as vector_mass_spectrum
from darkpkg.physics.kinematics import minkowski
from darkpkg.units import ELECTRON_MASS, FERMI_CONSTANT, KAON_MASS, MUON_MASS, SIN_SQ_THETA_W

__all__ = [
    "ChiralCouplings",
    "StandardHeavyNeutrino",
    "differential_width",
    "kaon_helicity",
    "laboratory_helicity",
    "mass_spectrum",
    "squared_amplitude",
]

LEPTON_MASSES = {"e": ELECTRON_MASS, "mu": MUON_MASS}
"""Charged leptons that a kaon can make with N."""

G_R = SIN_SQ_THETA_W
G_L = {"e": 1 / 2 + SIN_SQ_THETA_W, "mu": -1 / 2 + SIN_SQ_THETA_W, "tau": -1 / 2 + SIN_SQ_THETA_W}
"""Left-handed coupling of e⁺e⁻ to N by the flavour that N mixes with: with W and Z for e, with Z alone otherwise."""


class ChiralCouplings(NamedTuple):
    """Σ_α |U_α|² (g_L², g_R², g_L g_R): all that the decay has of the mixing, as the flavour of ν goes unseen."""

    LL: float
    RR: float
    LR: float


@dataclass(frozen=True)
class StandardHeavyNeutrino:
    """A Dirac N of mass ``m_N`` (GeV) that mixes with the flavours as |U_e|², |U_μ|² and |U_τ|².

    Raises `ValueError` unless 2m_e < m_N, no mixing is negative, and they add up to more than 0 and at most 1.

    >>> N = StandardHeavyNeutrino(m_N=0.15, U_mu_sq=1e-7)
    >>> f"{N.pair_width():.2e} GeV"
    '2.18e-26 GeV'
    """

    m_N: float
    U_e_sq: float = 0.0
    U_mu_sq: float = 0.0
    U_tau_sq: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, real_number(name, value))
        if not 2 * ELECTRON_MASS < self.m_N < np.inf:
            raise ValueError(f"m_N must be above 2 m_e = {2 * ELECTRON_MASS} to decay to e⁺e⁻, got {self.m_N}")
        for flavour, mixing in self.mixing.items():
            real_number(f"U_{flavour}_sq", mixing, 0.0, 1.0)
        if not 0 < sum(self.mixing.values()) <= 1:
            raise ValueError(f"mixings must add up to more than 0 and at most 1, got {self.mixing}")

    @property
    def mixing(self) -> dict[str, float]:
        """|U_α|² by flavour."""
        return {"e": self.U_e_sq, "mu": self.U_mu_sq, "tau": self.U_tau_sq}

    @property
    def couplings(self) -> ChiralCouplings:
        """Couplings of N to ν e⁺e⁻."""
        U_sq, g_L = np.array(list(self.mixing.values())), np.array(list(G_L.values()))
        return ChiralCouplings(float(U_sq @ g_L**2), float(U_sq.sum() * G_R**2), float(U_sq @ g_L * G_R))

    def pair_width(self) -> float:
        r"""Width of N → ν e⁺e⁻ in GeV with massive electrons, the integral of `mass_spectrum`.

        For :math:`m_N\gg m_e` it is :math:`\frac{G_F^2m_N^5}{192\pi^3}\sum_\alpha|U_\alpha|^2(g_L^2+g_R^2)`.
        """
        lowest, reach = 4 * ELECTRON_MASS**2, self.m_N**2 - 4 * ELECTRON_MASS**2

        def integrand(u: NDArray[np.float64]) -> NDArray[np.float64]:  # u² takes the root at threshold away
            return mass_spectrum(lowest + reach * u**2, self.m_N, self.couplings) * 2 * u * reach

        return float(fixed_quad(integrand, 0, 1, n=64)[0])


def squared_amplitude(couplings: ChiralCouplings, n: Any, p_nu: Any, p_electron: Any, p_positron: Any) -> Any:
    r"""Σ|M|² over the spins of the leptons, for an N with the polarisation four-vector S in n = p_N − m_N S.

    .. math:: 64\,G_F^2\left[g_L^2\,(p_\nu\cdot p_-)(n\cdot p_+) + g_R^2\,(p_\nu\cdot p_+)(n\cdot p_-)
              + g_Lg_R\,m_e^2\,(p_\nu\cdot n)\right]

    without unit, four-vectors (E, x, y, z) in GeV of numbers or arrays. S is zero for an unpolarised N, and
    −S² is the square of the degree of polarisation. With :math:`g_L=1, g_R=0` this is the decay of a muon.
    """
    left = minkowski(p_nu, p_electron) * minkowski(n, p_positron)
    right = minkowski(p_nu, p_positron) * minkowski(n, p_electron)
    flip = ELECTRON_MASS**2 * minkowski(p_nu, n)
    return 64 * FERMI_CONSTANT**2 * (couplings.LL * left + couplings.RR * right + couplings.LR * flip)


def differential_width(
    s: ArrayLike,
    cos_Z: ArrayLike,
    cos_e: ArrayLike,
    phi_e: ArrayLike,
    m_N: float,
    couplings: ChiralCouplings,
    polarisation: ArrayLike = 1.0,
) -> Any:
    r"""dΓ/ds in 1/GeV at these angles, times (4π)²: its mean over the angles is `mass_spectrum`.

    The variables are those of `darkpkg.physics.decay.lepton_momenta`. ``polarisation`` is that against the axis from
    which θ_Z is measured, 1 for the spin against the axis and −1 for the spin along it, so that n = m_N (1, P ẑ).

    .. math:: \frac{d\Gamma}{ds} = \frac{1}{2m_N}\,\frac{1-s/m_N^2}{8\pi}\,\frac{\beta_e}{8\pi}\,\frac{1}{2\pi}\,
              \overline{|M|^2}, \qquad \beta_e = \sqrt{1-4m_e^2/s}
    """
    electron, positron = lepton_momenta(m_N, np.asarray(s, dtype=float), cos_Z, 0.0, cos_e, phi_e)
    p_nu = (m_N - electron[0] - positron[0], *(-(e + p) for e, p in zip(electron[1:], positron[1:], strict=True)))
    n = (m_N, 0.0, 0.0, m_N * np.asarray(polarisation))
    phase_space = (1 - s / m_N**2) * _velocity(s) / (128 * np.pi**3)
    return squared_amplitude(couplings, n, p_nu, electron, positron) * phase_space / (2 * m_N)


def mass_spectrum(s: ArrayLike, m_N: float, couplings: ChiralCouplings) -> Any:
    r"""dΓ/ds in 1/GeV of s = m_ee², for 4m_e² ≤ s ≤ m_N².

    With y = s/m_N²: what a heavy vector mediator gives, and the rest of the helicity flip that only it has in full,

    .. math:: \frac{d\Gamma}{ds} = \frac{G_F^2m_N^3}{192\pi^3}\,2\,(1-y)^2\beta_e\left[(g_L^2+g_R^2)(1+2y)
              \left(1+\frac{2m_e^2}{s}\right) - 6\,(g_L-g_R)^2\frac{m_e^2}{m_N^2}\right] .
    """
    axial_sq = couplings.LL + couplings.RR - 2 * couplings.LR
    vector = (couplings.LL + couplings.RR) * vector_mass_spectrum(s, m_N, np.inf, ELECTRON_MASS)
    flip = 12 * axial_sq * ELECTRON_MASS**2 / m_N**4 * (1 - s / m_N**2) ** 2 * _velocity(s)
    return FERMI_CONSTANT**2 * m_N**5 / (192 * np.pi**3) * (vector - flip)


def kaon_helicity(m_N: float, lepton: str) -> float:
    r"""Mean helicity, −1 for left-handed, of N from K⁺ → ℓ⁺ N in the rest frame of the kaon.

    The kaon has no spin, so N and ℓ⁺ have the same helicity. Left-handed couplings give N of helicity ±1 the
    amplitude squared :math:`(E_N\mp p)(E_\ell\pm p)`, hence

    .. math:: h = \frac{p\,(E_N-E_\ell)}{E_NE_\ell-p^2} .

    It is −1 for a massless N and nearly +1 where N is much heavier than the lepton. An antineutrino N̄ of K⁻ has −h,
    and its decay is the mirror image with e⁺ and e⁻ exchanged: sums over both charges of e see no difference.

    >>> [round(kaon_helicity(0.15, lepton), 3) for lepton in ("e", "mu")]
    [1.0, 0.291]
    """
    E_N, E_lepton, p = _kaon_decay(m_N, lepton)
    return p * (E_N - E_lepton) / (E_N * E_lepton - p**2)


def laboratory_helicity(E_N: ArrayLike, m_N: float, lepton: str, kaon_angle: float = 0.0) -> NDArray[np.float64]:
    r"""Mean helicity in the laboratory of N with energy ``E_N`` (GeV) from a kaon in flight.

    In the rest frame of N its spin points, with degree h, opposite to the direction in which the kaon flies there.
    The boost to the laboratory is along the flight of N. The angle Θ between the two follows from the energies of the
    kaon in both frames, and the helicity becomes

    .. math:: h\cos\Theta, \qquad \cos\Theta = \frac{m_KE^* - m_N^2\,E_K/E_N}{\beta_N\,m_K\,p^*},

    with E*, p* of N in the rest frame of the kaon. ``kaon_angle`` (rad) is the angle between kaon and N. It fixes
    E_K up to two roots; taken is the slower kaon, which N overtakes. Below E* no kaon flies towards the detector
    so slowly, and the faster is taken: that N was emitted backwards and its helicity is reversed. At
    angle zero cos Θ is +1 above E* and −1 below. Kaons at a larger angle than :math:`\sin\theta = p^*/p_N` cannot
    make this N; then the largest possible angle is taken. Raises `ValueError` unless the angle is below a right one
    and every energy above m_N: an N at rest has no helicity.

    >>> laboratory_helicity([0.2, 1.0, 3.5, 6.0], 0.15, "e").round(2)
    array([-1.,  1.,  1.,  1.])
    >>> laboratory_helicity([0.2, 1.0, 3.5, 6.0], 0.15, "e", kaon_angle=np.radians(2.042)).round(2)
    array([-1.  ,  1.  ,  0.98,  0.91])
    """
    m_N, kaon_angle = real_number("m_N", m_N), real_number("kaon_angle", kaon_angle)
    if not 0 <= kaon_angle < np.pi / 2:
        raise ValueError(f"kaon_angle must be at least 0 and below pi/2, got {kaon_angle}")
    E_star, _, p_star = _kaon_decay(m_N, lepton)
    E_N = real_numbers("E_N", E_N, high=1e12)
    if not np.all(E_N > m_N):
        raise ValueError(f"E_N must be above m_N = {m_N:g}, got {float(np.min(E_N)):g}")
    p_N = np.sqrt((E_N - m_N) * (E_N + m_N))
    sine = np.minimum(np.sin(kaon_angle), p_star / p_N)
    slower = np.where(E_N > E_star, 1.0, -1.0)
    root = slower * p_N * np.sqrt((1 - sine**2) * np.maximum(p_star**2 - (p_N * sine) ** 2, 0.0))
    E_K = KAON_MASS * (E_star * E_N - root) / (m_N**2 + (p_N * sine) ** 2)
    cosine = (KAON_MASS * E_star * E_N - m_N**2 * E_K) / (p_N * KAON_MASS * p_star)
    return kaon_helicity(m_N, lepton) * np.clip(cosine, -1.0, 1.0)  # near m_N and E* it is a difference of equals


def _kaon_decay(m_N: float, lepton: str) -> tuple[float, float, float]:
    """Energies of N and lepton and their momentum in the rest frame of the kaon."""
    m_lepton = LEPTON_MASSES[one_of("lepton", lepton, LEPTON_MASSES)]
    m_N = real_number("m_N", m_N)
    if not 0 < m_N < KAON_MASS - m_lepton:
        raise ValueError(f"m_N must be positive and below m_K - m_{lepton} = {KAON_MASS - m_lepton:.6g}, got {m_N}")
    E_N = (KAON_MASS**2 + m_N**2 - m_lepton**2) / (2 * KAON_MASS)
    return E_N, KAON_MASS - E_N, np.sqrt((E_N - m_N) * (E_N + m_N))


def _velocity(s: ArrayLike) -> Any:
    """β of electron and positron in the rest frame of the pair."""
    return np.sqrt(1 - 4 * ELECTRON_MASS**2 / np.asarray(s))

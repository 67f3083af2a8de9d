"""Standard heavy neutrinos that come from the target and decay in the detector: the black line of Fig. 5.

Begin with ``decays_in_flight(StandardHeavyNeutrino(m_N=0.15, U_mu_sq=1e-7), n_events=100_000, seed=1)``; what comes
out goes into `darkpkg.observables` like any events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from darkpkg.inputs import check_kinds, real_number
from darkpkg.memory import require_memory
from darkpkg.physics.decay import lepton_momenta
from darkpkg.physics.kinematics import boost
from darkpkg.streams import random_stream
from darkpkg.units import ELECTRON_MASS
from paper.standard_neutrino.flux import load_heavy_neutrino_flux
from paper.standard_neutrino.weak import LEPTON_MASSES, StandardHeavyNeutrino, differential_width, laboratory_helicity

Array = NDArray[np.float64]

__all__ = ["DecaysInFlight", "decays_in_flight"]


@dataclass(frozen=True, eq=False)
class DecaysInFlight:
    """Columns of n weighted decays; four-momenta are (n, 4) arrays (E, p_x, p_y, p_z) in GeV.

    ``weight`` is |U_ℓ|² flux / βγ, in the arbitrary units of the flux times GeV. N is long-lived, so the decays are
    spread evenly along its flight and in any volume: there is no vertex.
    """

    weight: Array
    p_N: Array
    p_electron: Array
    p_positron: Array

    def __len__(self) -> int:
        return len(self.weight)


def decays_in_flight(
    neutrino: StandardHeavyNeutrino, n_events: int, seed: int, *, helicity: float | None = None
) -> DecaysInFlight:
    r"""Simulate N → ν e⁺e⁻ of N from K → e N and K → μ N, as much of each as N mixes.

    N flies along z with the energy spectrum :math:`\phi(E)` of `darkpkg.experiment.beam.load_heavy_neutrino_flux`.
    It decays within a length :math:`\ell\ll\beta\gamma c\tau` with probability :math:`\ell/\beta\gamma c\tau`. As
    :math:`dE/\beta\gamma = m_N\,d\eta` in the rapidity η, these decays have the density
    :math:`\phi(m_N\cosh\eta)` in η. Only the component of the spin along the flight is kept: nothing that is
    symmetric about the beam has the other.

    Parameters
    ----------
    neutrino
        Mass, one for which a flux is published (0.15 GeV for both kaon decays, 0.25 GeV for K → μ N), and mixing. The
        paper does not state with which flavour its N mixes; as its dark neutrino does, take μ alone.
    n_events
        Number of events, spread evenly over the kaon decays.
    seed
        Non-negative integer. Each kaon decay has its own stream, and a longer sample begins with the momenta of a
        shorter.
    helicity
        Mean helicity of all N in the laboratory, between −1 and 1. By default
        `paper.standard_neutrino.weak.laboratory_helicity` of kaons that fly towards the detector.

    Raises `ValueError` if no kaon decay makes this N, if its flux is not published, for too few events, or for a
    helicity beyond ±1.

    >>> decays = decays_in_flight(StandardHeavyNeutrino(m_N=0.15, U_mu_sq=1e-7), n_events=10_000, seed=1)
    >>> passed = darkpkg.Cuts().passes(darkpkg.observables(decays))
    >>> round(np.average(passed, weights=decays.weight), 2)
    0.86
    """
    check_kinds(neutrino=(neutrino, StandardHeavyNeutrino))
    sources = [lepton for lepton in LEPTON_MASSES if neutrino.mixing[lepton] > 0]
    if not sources:
        raise ValueError(f"U_e_sq or U_mu_sq must be positive for N to come from kaons, got {neutrino}")
    if isinstance(n_events, bool) or not isinstance(n_events, int | np.integer) or n_events < len(sources):
        raise ValueError(f"n_events must be an integer, at least {len(sources)}, got {n_events!r}")
    if helicity is not None:
        helicity = real_number("helicity", helicity, -1.0, 1.0)
    # 19 numbers are drawn or kept of each event, and about as many are on the way.
    require_memory(2 * 19 * 8.0 * int(n_events), f"a simulation of {n_events} events")
    numbers = [len(share) for share in np.array_split(np.arange(n_events), len(sources))]
    parts = [
        _from_kaons(neutrino, lepton, random_stream(seed, "decay in flight", lepton).random((n, 6)), helicity)
        for lepton, n in zip(sources, numbers, strict=True)
    ]
    return DecaysInFlight(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _from_kaons(
    neutrino: StandardHeavyNeutrino, lepton: str, random: Array, helicity: float | None
) -> tuple[Array, Array, Array, Array]:
    """Weights and momenta of the N from K → ℓ N, from uniform numbers (n, 6)."""
    m_N, n, u = neutrino.m_N, len(random), random.T
    energy, flux = load_heavy_neutrino_flux(m_N, lepton)
    low, high = np.arccosh(energy[[0, -1]] / m_N)
    rapidity = low + (high - low) * u[0]
    E_N, zero = m_N * np.cosh(rapidity), np.zeros(n)
    p_N = E_N, zero, zero, m_N * np.sinh(rapidity)
    weight = neutrino.mixing[lepton] * np.interp(E_N, energy, flux) * m_N * (high - low) / n

    reach = m_N**2 - 4 * ELECTRON_MASS**2
    below_end = np.cbrt(u[1])  # about as (1 - s/m_N²)² dΓ/ds falls
    s = m_N**2 - reach * below_end
    cos_Z, cos_e = 2 * u[2:4] - 1
    phi_Z, phi_e = 2 * np.pi * u[4:6]
    if helicity is None:
        helicity = laboratory_helicity(E_N, m_N, lepton)
    density = differential_width(s, cos_Z, cos_e, phi_e, m_N, neutrino.couplings, polarisation=-helicity)
    weight *= density / neutrino.pair_width() * reach / (3 * below_end**2)

    pair = lepton_momenta(m_N, s, cos_Z, phi_Z, cos_e, phi_e)
    return weight, *(np.stack(p, axis=-1) for p in (p_N, *(boost(p, p_N, m_N) for p in pair)))

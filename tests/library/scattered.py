"""Random scatterings and the current of the nucleus in them, for tests of spins."""

import dirac
import numpy as np

from darkpkg.physics import scattering
from darkpkg.physics.nuclei import PROTON, sachs
from darkpkg.physics.scattering import q2_range, threshold_energy


def events(nucleus, n=50, seed=11, m_N=(2e-3, 0.9), E_nu=5.0):
    """Random masses, energies and momentum transfers: m_N, E_nu, Q², p_ν, p_N and h = P + P′."""
    rng = np.random.default_rng(seed)
    m_N = np.exp(rng.uniform(*np.log(m_N), n))
    energy = threshold_energy(m_N, nucleus) * (1.001 + rng.random(n) * E_nu)
    low, high = q2_range(energy, m_N, nucleus)
    above = rng.random(n) * (high - low)
    phi = rng.uniform(0, 2 * np.pi, n)
    p_N = np.stack(scattering.heavy_neutrino_momentum(energy, above, m_N, phi, nucleus.mass), axis=-1)
    p_nu = np.stack([energy, 0 * energy, 0 * energy, energy], axis=-1)
    h = p_nu - p_N + 2 * np.array([nucleus.mass, 0, 0, 0])
    return m_N, energy, low + above, p_nu, p_N, h


def hadronic_currents(nucleus, Q2, p_nu, p_N, h):
    """Currents and weights whose squares add up to the tensor of the nucleus: one for a nucleus without spin."""
    if nucleus is not PROTON:
        return h[None], [1.0]
    at_rest = np.broadcast_to([nucleus.mass, 0, 0, 0], p_nu.shape)
    tensor = dirac.proton_tensor(at_rest, at_rest + p_nu - p_N, *dirac_and_pauli(Q2, nucleus), nucleus.mass)
    currents, sizes = dirac.currents(tensor)
    return np.swapaxes(currents, 0, 1), sizes.T


def dirac_and_pauli(Q2, proton):
    return dirac.dirac_and_pauli(*sachs(Q2), Q2 / (4 * proton.mass**2))

"""Squared amplitudes the long way: Dirac matrices and traces, batches of four-momenta (..., 4) = (E, p_x, p_y, p_z).

Nothing here comes from darkpkg, so that it is a second way to every formula of `darkpkg.physics`.
"""

import numpy as np

_SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
GAMMA = np.array(
    [np.kron([[1, 0], [0, -1]], np.eye(2))] + [np.kron([[0, 1], [-1, 0]], sigma) for sigma in _SIGMA], dtype=complex
)
"""γ^μ in the Dirac representation."""
GAMMA_5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
LEFT = (np.eye(4) - GAMMA_5) / 2
"""The projector P_L."""
RIGHT = (np.eye(4) + GAMMA_5) / 2
"""The projector P_R."""


def slash(p):
    """γ^μ p_μ, (..., 4, 4)."""
    return np.einsum("...m,mn,nij->...ij", p, METRIC, GAMMA)


def bar(matrix):
    """γ⁰ X† γ⁰."""
    return GAMMA[0] @ np.conj(np.swapaxes(matrix, -1, -2)) @ GAMMA[0]


def product(p, k):
    """p·k."""
    return np.einsum("...m,mn,...n->...", p, METRIC, k)


def upscattering(p_nu, p_N, h, m_N, spin=None):
    """Σ |ū_N h̸ P_L u_ν|² over the spins of N: the neutrino line meeting the current h of a nucleus without spin.

    With a four-vector ``spin`` of N, for that state alone.
    """
    vertex = slash(h) @ LEFT
    numerator = slash(p_N) + np.asarray(m_N)[..., None, None] * np.eye(4)
    if spin is not None:
        numerator = numerator @ (np.eye(4) + GAMMA_5 @ slash(spin)) / 2
    return np.einsum("...ij,...ji->...", numerator @ vertex @ slash(p_nu), bar(vertex)).real


def proton_tensor(p, p_recoil, dirac_form_factor, pauli_form_factor, mass):
    """½ Σ J^μ J^ν* (..., 4, 4) of J = ū [F₁ γ^μ + i F₂ σ^{μν} q_ν / 2M] u over the spins of a proton, q = P′ − P."""
    lowered = (p_recoil - p) @ METRIC
    sigma = 0.5j * (np.einsum("aij,bjk->abik", GAMMA, GAMMA) - np.einsum("bij,ajk->abik", GAMMA, GAMMA))
    flip = 1j * np.einsum("abij,...b->...aij", sigma, lowered) / (2 * mass)
    vertex = dirac_form_factor[..., None, None, None] * GAMMA + pauli_form_factor[..., None, None, None] * flip
    before, after = (slash(k) + mass * np.eye(4) for k in (p, p_recoil))
    return np.einsum("...ij,...ajk,...kl,...bli->...ab", after, vertex, before, bar(vertex), optimize=True).real / 2


def dirac_and_pauli(electric, magnetic, tau):
    """Form factors F₁, F₂ out of those of Sachs, G_E = F₁ − τF₂ and G_M = F₁ + F₂."""
    return (electric + tau * magnetic) / (1 + tau), (magnetic - electric) / (1 + tau)


def currents(tensor):
    """A real symmetric tensor Σ_i λ_i v_i v_i as its four currents v_i (..., 4, 4), one a row, and their λ_i."""
    size, vectors = np.linalg.eigh(tensor)
    return np.swapaxes(vectors, -1, -2), size


def pair_tensor(p_electron, p_positron, m_e):
    """Σ [ē γ^α e][ē γ^β e]*, (..., 4, 4)."""
    electron = slash(p_electron) + m_e * np.eye(4)
    positron = slash(p_positron) - m_e * np.eye(4)
    return np.einsum("...ij,ajk,...kl,bli->...ab", electron, GAMMA, positron, GAMMA, optimize=True)


def contract(tensor, other):
    """T^{αβ} L_{αβ}."""
    return np.einsum("...ab,am,bn,...mn->...", tensor, METRIC, METRIC, other, optimize=True).real


def neutrino_tensor(p_daughter, line, spins):
    """Σ X^α X̄^β for X^α = ū_ν′ γ^α ``line`` u, where ``spins`` is Σ u ū over the incoming spins."""
    right = spins @ bar(line)
    return np.einsum("...ij,ajk,...kl,...lm,bmi->...ab", slash(p_daughter), GAMMA, line, right, GAMMA, optimize=True)


def decay(p_N, p_daughter, p_electron, p_positron, m_N, m_e):
    """Σ |ū_ν′ γ^α P_L u_N · ē γ_α e|² over all spins, that of N included: twice the mean over the spin of N."""
    spins = slash(p_N) + m_N * np.eye(4)
    tensor = neutrino_tensor(p_daughter, np.broadcast_to(LEFT, spins.shape), spins)
    return contract(tensor, pair_tensor(p_electron, p_positron, m_e))


def upscattering_and_decay(p_nu, p_N, h, p_daughter, p_electron, p_positron, m_N, m_e):
    """Σ |ū_ν′ γ^α P_L (p̸_N + m_N) h̸ P_L u_ν · ē γ_α e|²: one amplitude, without propagators."""
    line = LEFT @ (slash(p_N) + m_N * np.eye(4)) @ slash(h) @ LEFT
    tensor = neutrino_tensor(p_daughter, line, slash(p_nu))
    return contract(tensor, pair_tensor(p_electron, p_positron, m_e))


def spinors(p, m):
    """Spinors u (..., 4, 2) of both spins of a particle of mass m, so that Σ u ū = p̸ + m."""
    return _basis(slash(p), p, m)[..., :2]


def antispinors(p, m):
    """Spinors v (..., 4, 2) of both spins of its antiparticle, so that Σ v v̄ = p̸ − m."""
    return _basis(-slash(p), p, m)[..., 2:]


def _basis(slashed, p, m):
    m = np.asarray(m)[..., None, None]
    return (slashed + m * np.eye(4)) / np.sqrt(p[..., :1, None] + m)


def adjoint(spinor):
    """ū or v̄ (..., 2, 4): u†γ⁰ of each spin."""
    return np.conj(np.swapaxes(spinor, -1, -2)) @ GAMMA[0]


def amplitudes(p_nu, p_N, h, p_daughter, p_electron, p_positron, m_N, m_e):
    """Of production, ū_N h̸ P_L u_ν (n, N, ν), and decay, ū_ν′ γ^α P_L u_N · ē γ_α e (n, ν′, N, e⁻, e⁺), by spin."""
    N = spinors(p_N, m_N)
    production = adjoint(N) @ slash(h) @ LEFT @ spinors(p_nu, 0.0)
    line = adjoint(spinors(p_daughter, 0.0))[:, None] @ GAMMA @ LEFT @ N[:, None]
    pair = adjoint(spinors(p_electron, m_e))[:, None] @ GAMMA @ antispinors(p_positron, m_e)[:, None]
    return production, np.einsum("nadl,ab,nbep->ndlep", line, METRIC, pair, optimize=True)

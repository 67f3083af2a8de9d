"""The spin of N in a sample: its axis, the rest frame, and the same N decayed with another spin.

Begin with `cos_Z`. A generator gives momenta in the laboratory; these functions reconstruct the angles behind them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from darkpkg.inputs import one_of
from darkpkg.method.events import Events
from darkpkg.physics import decay, kinematics, scattering
from darkpkg.physics.nuclei import NUCLEI

Array = NDArray[np.float64]

__all__ = ["WITHOUT_SPIN", "cos_Z", "decayed_again", "into_laboratory", "into_rest_frame", "polarisation_axis"]

WITHOUT_SPIN = ("unpolarised", "isotropic", "reversed")
"""Decays of `decayed_again`: N without polarisation, all angles even, and the axis with the wrong sign."""


def polarisation_axis(sample: Events) -> Array:
    """Unit vectors against the spin of N in its rest frame, (n, 3), with E_ν from two-body kinematics."""
    mass_of = {nucleus.pdg_code: nucleus.mass for nucleus in NUCLEI.values()}
    M = np.array([mass_of[code] for code in sample.target.tolist()])
    E_nu = scattering.neutrino_energy(sample.p_N, sample.m_N, M)
    return np.stack(scattering.polarisation_axis(E_nu, sample.p_N.T, sample.m_N, M), axis=-1)


def into_rest_frame(p: Array, sample: Events) -> Array:
    """Four-momenta (n, 4) of the laboratory in the rest frame of N."""
    reversed_p_N = sample.p_N.T * np.array([[1], [-1], [-1], [-1]])
    return np.stack(kinematics.boost(p.T, reversed_p_N, sample.m_N), axis=-1)


def into_laboratory(p: Array, sample: Events) -> Array:
    """Four-momenta (n, 4) of the rest frame of N in the laboratory."""
    return np.stack(kinematics.boost(p.T, sample.p_N.T, sample.m_N), axis=-1)


def cos_Z(sample: Events) -> Array:
    """Cosine of the angle of each e⁺e⁻ pair to the `polarisation_axis`, in the rest frame of N."""
    pair = into_rest_frame(sample.p_electron + sample.p_positron, sample)
    return (pair[:, 1:] * polarisation_axis(sample)).sum(axis=-1) / kinematics.momentum(pair)


def decayed_again(sample: Events, how: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Momenta of electron and positron if the same N had decayed in another way of `WITHOUT_SPIN`; m_ee stays.

    Raises `ValueError` for another ``how``.
    """
    one_of("how", how, WITHOUT_SPIN)
    pair = [into_rest_frame(p, sample) for p in (sample.p_electron, sample.p_positron)]
    pair = _isotropic(sample, pair, rng) if how == "isotropic" else _turned(sample, pair, how, rng)
    return into_laboratory(pair[0], sample), into_laboratory(pair[1], sample)


def _isotropic(sample: Events, pair: list[Array], rng: np.random.Generator) -> Any:
    n, both = len(sample), pair[0] + pair[1]
    cos, phi = rng.uniform(-1, 1, (2, n)), rng.uniform(0, 2 * np.pi, (2, n))
    momenta = decay.lepton_momenta(sample.m_N, kinematics.dot(both, both), cos[0], phi[0], cos[1], phi[1])
    return [np.stack(p, axis=-1) for p in momenta]


def _turned(sample: Events, pair: list[Array], how: str, rng: np.random.Generator) -> Any:
    if how == "unpolarised":
        turn = Rotation.random(len(sample), rng=rng)
    else:  # by π about any direction across the axis, which turns the spin round
        across = np.cross(polarisation_axis(sample), [1.0, 0.0, 0.0])
        turn = Rotation.from_rotvec(np.pi * across / np.linalg.norm(across, axis=1, keepdims=True))
    return [np.column_stack([p[:, 0], turn.apply(p[:, 1:])]) for p in pair]

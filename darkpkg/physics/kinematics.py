"""Four-vectors, boosts and two-body kinematics.

Four-momenta are arrays of shape (..., 4), ordered (E, p_x, p_y, p_z) in GeV; the beam runs along z.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

__all__ = ["boost", "dot", "invariant_mass", "momentum", "two_body_momentum", "unit_vector"]


def four_vector(energy: Array, momentum: Array) -> Array:
    """Join an energy (...) and a momentum (..., 3)."""
    return np.concatenate([np.asarray(energy)[..., None], momentum], axis=-1)


def dot(p: Array, k: Array) -> Array:
    """Minkowski product p·k with signature (+, −, −, −)."""
    return p[..., 0] * k[..., 0] - (p[..., 1:] * k[..., 1:]).sum(axis=-1)


def momentum(p: Array) -> Array:
    """Magnitude of the three-momentum."""
    return np.sqrt((p[..., 1:] ** 2).sum(axis=-1))


def invariant_mass(p: Array) -> Array:
    """√(p²); a square that rounding made negative counts as zero."""
    return np.sqrt(np.maximum(dot(p, p), 0.0))


def unit_vector(cos_theta: Array, phi: Array) -> Array:
    """Direction (..., 3) with polar angle θ to the z axis and azimuth φ."""
    sin_theta = np.sqrt((1 - cos_theta) * (1 + cos_theta))
    return np.stack([sin_theta * np.cos(phi), sin_theta * np.sin(phi), cos_theta], axis=-1)


def boost(p: Array, frame: Array, mass: Array) -> Array:
    """Carry ``p`` from the rest frame of a particle into the frame in which that particle has four-momentum ``frame``.

    ``mass`` is the mass of that particle; it is asked for because E² − p² loses it when the particle is fast. Give
    ``frame`` with its three-momentum reversed to go into the rest frame.
    """
    along = (p[..., 1:] * frame[..., 1:]).sum(axis=-1)
    energy = (p[..., 0] * frame[..., 0] + along) / mass
    shift = (p[..., 0] + energy) / (frame[..., 0] + mass)
    return four_vector(energy, p[..., 1:] + shift[..., None] * frame[..., 1:])


def reverse(p: Array) -> Array:
    """The four-momentum with its three-momentum reversed."""
    return p * np.array([1.0, -1.0, -1.0, -1.0])


def rotate_z_to(axis: Array, vector: Array) -> Array:
    """Rotate ``vector`` (..., 3) by the rotation that carries the z axis onto ``axis`` (..., 3, of length one).

    The rotation is a Householder reflection of z onto −axis followed by the reflection through the origin, less the
    mirror: it turns by π about the bisector of z and axis, so nothing cancels unless axis = −z, where the bisector is
    taken along x.
    """
    bisector = axis + np.array([0.0, 0.0, 1.0])
    square = (bisector**2).sum(axis=-1, keepdims=True)
    antiparallel = square == 0
    bisector = np.where(antiparallel, np.array([1.0, 0.0, 0.0]), bisector)
    square = np.where(antiparallel, 1.0, square)
    return 2 * (bisector * vector).sum(axis=-1, keepdims=True) / square * bisector - vector


def two_body_momentum(mass: Array, m1: Array, m2: Array) -> Array:
    """Momentum of both products of a decay mass → m1 + m2 at rest, from the factorised Källén function."""
    kallen = (mass - m1 - m2) * (mass + m1 + m2) * (mass - m1 + m2) * (mass + m1 - m2)
    return np.sqrt(kallen) / (2 * mass)

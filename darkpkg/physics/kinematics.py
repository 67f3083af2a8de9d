"""Four-vectors, boosts and rotations.

Columns of events hold four-momenta as arrays (n, 4), ordered (E, p_x, p_y, p_z) in GeV, with the beam along z: `dot`,
`momentum` and `invariant_mass` read them. The other functions take four-vectors as tuples (E, x, y, z) and
three-vectors as tuples (x, y, z), of numbers or of arrays alike, so that the generator can compile them.
"""

from __future__ import annotations

import math

import numpy as np

from darkpkg.formulas import Four, Number, Three, within_compiled
from darkpkg.inputs import Array, real_array

__all__ = ["boost", "dot", "invariant_mass", "minkowski", "momentum", "rotate_z_to", "spherical"]


def dot(p: Array, k: Array) -> Array:
    """Minkowski product p·k, with signature (+, −, −, −).

    Parameters
    ----------
    p, k : array
        Four-momenta (..., 4) in GeV; they broadcast.

    Returns
    -------
    array
        In GeV², of the shape (...).

    Raises
    ------
    TypeError, ValueError
        For another shape, and what is not finite or above 1e100.

    Examples
    --------
    >>> float(dot(np.array([2.0, 0, 0, 1]), np.array([3.0, 0, 0, 1])))
    5.0
    """
    p, k = four_momenta("p", p), four_momenta("k", k)
    return minkowski(np.moveaxis(p, -1, 0), np.moveaxis(k, -1, 0))


def momentum(p: Array) -> Array:
    """Magnitude of the three-momentum, (...) in GeV, of four-momenta ``p`` (..., 4).

    Raises as `dot` does.

    Examples
    --------
    >>> float(momentum(np.array([9.0, 1, 2, 2])))
    3.0
    """
    p = four_momenta("p", p)
    return np.sqrt(p[..., 1] ** 2 + p[..., 2] ** 2 + p[..., 3] ** 2)


def invariant_mass(p: Array) -> Array:
    """√(p²), (...) in GeV, of four-momenta ``p`` (..., 4); a square that rounding made negative counts as zero.

    Raises as `dot` does.

    Examples
    --------
    >>> float(invariant_mass(np.array([5.0, 0, 0, 3])))
    4.0
    """
    return np.sqrt(np.maximum(dot(p, p), 0.0))


def four_momenta(name: str, p: Array) -> Array:
    """An argument of four-momenta (..., 4). Raises as `dot` does."""
    p = real_array(name, p, "finite and below 1e100 in size")
    if p.shape[-1:] != (4,):
        raise ValueError(f"{name} must have the shape (..., 4), got {p.shape}")
    return p


@within_compiled
def minkowski(p: Four, k: Four) -> Number:
    """Minkowski product p·k of four-vectors."""
    return p[0] * k[0] - p[1] * k[1] - p[2] * k[2] - p[3] * k[3]


@within_compiled
def cos_and_sin(phi: Number) -> tuple[Number, Number]:
    """Cosine and sine of an angle, as exact as the angle.

    The Taylor series of both in what is left of φ beyond the nearest quarter of a turn, r ≤ π/4, end where the next
    term is below 1e-16. There is no branch and no call: compiled, that is done for several angles at once.
    """
    quarter = np.floor(phi * (2 / np.pi) + 0.5)
    r = (phi - quarter * (np.pi / 2)) - quarter * _BEYOND_HALF_PI
    x = r * r
    cos_r = 1 + x * (
        _C[0] + x * (_C[1] + x * (_C[2] + x * (_C[3] + x * (_C[4] + x * (_C[5] + x * (_C[6] + x * _C[7]))))))
    )
    sin_r = r * (1 + x * (_S[0] + x * (_S[1] + x * (_S[2] + x * (_S[3] + x * (_S[4] + x * (_S[5] + x * _S[6])))))))
    half = np.floor(quarter / 2)
    is_odd, sign = quarter - 2 * half, 1 - 2 * (half - 2 * np.floor(half / 2))
    return sign * ((1 - is_odd) * cos_r - is_odd * sin_r), sign * ((1 - is_odd) * sin_r + is_odd * cos_r)


_BEYOND_HALF_PI = 6.123233995736766e-17
"""π/2 less its nearest number with 53 bits."""

_C: tuple[float, ...] = tuple((-1.0) ** k / math.factorial(2 * k) for k in range(1, 9))
_S = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(1, 8))
"""Coefficients of r², r⁴, … 1 on in cos r and in sin r / r."""


@within_compiled
def spherical(cos_theta: Number, phi: Number) -> Three:
    """Unit vector with polar angle θ to the z axis and azimuth φ."""
    sin_theta, (cos_phi, sin_phi) = np.sqrt((1 - cos_theta) * (1 + cos_theta)), cos_and_sin(phi)
    return sin_theta * cos_phi, sin_theta * sin_phi, cos_theta


@within_compiled
def boost(p: Four, frame: Four, mass: Number) -> Four:
    """Carry ``p`` from the rest frame of a particle into the one in which that particle has momentum ``frame``.

    ``mass`` is the mass of that particle; it is an argument because E² − p² loses it when the particle is fast. Give
    ``frame`` with its three-momentum reversed to go into the rest frame. All are in GeV.

    Examples
    --------
    >>> boost((1.0, 0.0, 0.0, 0.0), (5.0, 0.0, 0.0, 3.0), 4.0)
    (1.25, 0.0, 0.0, 0.75)
    """
    energy = (p[0] * frame[0] + p[1] * frame[1] + p[2] * frame[2] + p[3] * frame[3]) / mass
    shift = (p[0] + energy) / (frame[0] + mass)
    return energy, p[1] + shift * frame[1], p[2] + shift * frame[2], p[3] + shift * frame[3]


@within_compiled
def rotate_z_to(axis: Three, v: Three) -> Three:
    """Turn ``v`` by π about the bisector of the z axis and the unit vector ``axis``, which carries z to ``axis``.

    The bisector is undefined for axis = −z alone; the generator meets that direction with probability zero.
    """
    bisector_z = axis[2] + 1
    projection = (axis[0] * v[0] + axis[1] * v[1] + bisector_z * v[2]) / bisector_z
    return projection * axis[0] - v[0], projection * axis[1] - v[1], projection * bisector_z - v[2]

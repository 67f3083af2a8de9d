"""The kernel over the masses of a sample: where it may be centred, and what an edge of the sampled region does to it.

Begin with `mass_coefficients`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.inputs import Array
from darkpkg.method.sampling import OutsideSampleError, SamplingRange, require_within
from darkpkg.method.smoothing import WIDER, Smoothing


def check_inside(sampling: SamplingRange, m_N: ArrayLike, m_Zprime: ArrayLike) -> None:
    """Raise `OutsideSampleError` unless all masses, in GeV, lie in the sampled region."""
    require_within("the sampled range", "m_N", m_N, *sampling.m_N)
    require_within("the sampled range", "m_Zprime", m_Zprime, *sampling.m_Zprime)
    m_N, m_Zprime = np.broadcast_arrays(m_N, m_Zprime)
    wrong_side = (m_Zprime < m_N) != sampling.is_light
    if not sampling.is_fixed and wrong_side.any():
        edge, value = (float(m[wrong_side][0]) for m in (m_N, m_Zprime))
        rule, (low, high) = ("below", (0.0, edge)) if sampling.is_light else ("at least", (edge, np.inf))
        rule = f"m_Zprime must be {rule} m_N everywhere: the sample is of a {sampling.mediator} mediator"
        raise OutsideSampleError(rule, "m_Zprime", value, low, high)


def mass_level(sampling: SamplingRange, masses: Array, smoothing: Smoothing) -> Array:
    """The slope g of `Smoothing` at masses (..., 2) in GeV."""
    return smoothing.level(masses, lambda at: sampling.flattening(at[..., 0], at[..., 1]))


def density_times_level(sampling: SamplingRange, m_N: Array, m_Zprime: Array, smoothing: Smoothing) -> Array | float:
    """q·g of events with these masses (n,) in GeV, what their weights are divided by: one if g is 1/q."""
    if smoothing.slope == "density" and sampling.density != "log-uniform":
        return 1.0
    level = mass_level(sampling, np.stack([m_N, m_Zprime]).T, smoothing)  # numpy is fast along columns
    return sampling.q_of_events(m_N, m_Zprime) * level


def mass_coefficients(
    sampling: SamplingRange, masses: Array, h: Array, smoothing: Smoothing, factors: Sequence[float] = (1.0, WIDER)
) -> Array:
    """`Smoothing.coefficients` in the sampled region, with bandwidths h times each of some factors.

    The region is convex in the logarithms of the masses, so that a kernel whose corners lie inside does so wholly.

    Parameters
    ----------
    sampling
        The region, which the masses must lie in.
    masses
        Where the kernel is centred, (p, 2) in GeV. Equal ones are computed once.
    h
        Bandwidths in the logarithms of the masses, (p, 2).
    smoothing
        Its kernel and order count.
    factors
        By default both of an estimate and its bias, 1 and `WIDER`.

    Returns
    -------
    ndarray
        c of shape (p, factors, 3): for each point and bandwidth the constant and the slopes.

    Raises
    ------
    ValueError
        Unless distances are those of logarithms.
    """
    if not np.all(smoothing.log):
        raise ValueError(f"log must be True for events, whose masses are smoothed in logarithms, got {smoothing.log}")
    kernels = np.concatenate([np.column_stack([np.log(masses), width * h]) for width in factors])
    kernels, index = np.unique(kernels, axis=0, return_inverse=True)
    centres, widths = kernels[:, :2], kernels[:, 2:]
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) * smoothing.kernel.reach
    cut = ~sampling.contains_logarithms(centres[:, None] + widths[:, None] * corners).all(axis=1)
    c = np.tile([1.0, 0.0, 0.0], (len(kernels), 1))
    c[cut] = smoothing.coefficients(centres[cut], widths[cut], sampling.contains_logarithms)
    return c[index.reshape(len(factors), -1).T]

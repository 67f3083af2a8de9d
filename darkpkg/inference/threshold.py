"""What excludes a point, and how far its rate is from the limit. Begin with `exclusion_threshold`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import elementwise
from scipy.special import gammaincinv

from darkpkg.inference.likelihood import Likelihood, has_independent_bins, log_likelihoods
from darkpkg.inputs import real_number, whole_number
from darkpkg.method.expectation import Expectation

Array = NDArray[np.float64]

__all__ = ["FAR", "exclusion_rule", "exclusion_threshold", "nearest_limit", "no_signal", "scale_error"]

FAR = 40.0
"""Distances to the limit are cut here, e⁴⁰ above or below it."""


def exclusion_threshold(cl: float, n_parameters: int = 2) -> float:
    """−Δ ln L beyond which a point is excluded at confidence level ``cl``: half the quantile of χ².

    The paper's 2.3 is 90 % for two parameters, the default of everything that excludes. The 1.353 of one parameter is
    no limit of 90 %: for a counting experiment its coverage falls to 81 %.

    >>> exclusion_threshold(0.90)
    2.302...
    """
    cl = real_number("cl", cl)
    if not 0 < cl < 1:
        raise ValueError(f"cl must lie between 0 and 1, got {cl}")
    return float(gammaincinv(whole_number("n_parameters", n_parameters, least=1) / 2, cl))


def exclusion_rule(cl: float = 0.90, n_parameters: int = 2) -> str:
    """What excludes, in words, to stand beside every limit.

    >>> exclusion_rule()
    '90 % CL for 2 parameters, -Delta ln L > 2.303'
    """
    threshold = exclusion_threshold(cl, n_parameters)
    plural = "s" if n_parameters > 1 else ""
    return f"{100 * cl:.10g} % CL for {n_parameters} parameter{plural}, -Delta ln L > {threshold:.3f}"


def no_signal(analysis: Any) -> Expectation:
    """No event in any bin, known for certain."""
    return Expectation(np.zeros(len(analysis.observed)), np.zeros(len(analysis.observed)))


def nearest_limit(
    signal: Expectation, analysis: Any, likelihood: Likelihood, lowest: float, without: float
) -> tuple[Array, Array]:
    """`Scan.log_excess` for points (p, bins), and the logarithm of the scale of their signals at the limit.

    ln L below ``lowest`` is excluded, and it is ``without`` where there is no signal.
    """
    n = len(signal.mean)

    def above(log_scale: Array, index: Array) -> Array:
        """ln L of the point with its signal scaled, over the lowest that is allowed; finite, for the root finder."""
        lnL = likelihood(_scaled(signal, log_scale, index.astype(np.int64)), analysis)
        return np.maximum(lnL - lowest, -1e300)

    index = np.arange(n)
    allowed = np.full(n, -FAR)  # a scale that is allowed
    lower, never = np.full(n, -np.inf), np.zeros(n, dtype=bool)
    if without <= lowest:
        steps = np.linspace(-FAR, FAR, 321)
        heights = np.stack([above(np.full(n, s), index) for s in steps])
        allowed = steps[heights.argmax(axis=0)]
        never = heights.max(axis=0) <= 0
        lower = elementwise.find_root(above, (np.full(n, -FAR), allowed), args=(index,)).x
        lower = np.where(never, FAR, lower)
    beyond = np.full(n, FAR)
    reaches = (above(beyond, index) < 0) & ~never
    upper = np.where(reaches, FAR, np.inf)
    if reaches.any():
        upper[reaches] = elementwise.find_root(
            above, (allowed[reaches], beyond[reaches]), args=(index[reaches],), tolerances={"xatol": 1e-6}
        ).x
    height = np.clip(np.fmax(-upper, lower), -FAR, FAR)
    return height, np.clip(np.where(lower > -upper, lower, upper), -FAR, FAR)


def scale_error(signal: Expectation, analysis: Any, likelihood: Likelihood, log_scale: Array) -> Array:
    """`Scan.log_excess_error` for points (p, bins) whose signals reach the limit at ``log_scale``."""
    scaled = _scaled(signal, log_scale)
    possible = np.isfinite(likelihood(scaled, analysis))
    if not possible.all():  # no scale of these signals can make the data
        errors = np.zeros(len(log_scale))
        some = _scaled(signal, np.zeros(possible.sum()), possible)
        errors[possible] = scale_error(some, analysis, likelihood, log_scale[possible])
        return errors
    slope, step = _slopes(scaled, analysis, likelihood), 1e-3
    higher, lower = (likelihood(_scaled(scaled, np.full(len(log_scale), s)), analysis) for s in (step, -step))
    total = (higher - lower) / (2 * step)
    error = np.sqrt((slope**2 * scaled.variance).sum(axis=-1) + (slope * scaled.bias).sum(axis=-1) ** 2)
    return np.divide(error, np.abs(total), out=np.zeros(len(error)), where=total != 0)


def _slopes(signal: Expectation, analysis: Any, likelihood: Likelihood) -> Array:
    """∂ ln L/∂μ of each bin (p, bins), over the error or bias of its mean; more events bring their variance."""
    shift = np.maximum(signal.error, np.abs(signal.bias))
    ratio = np.divide(shift, signal.mean, out=np.zeros(shift.shape), where=signal.mean > 0)
    factors = [np.maximum(1 + half * ratio, 0.0) for half in (0.5, -0.5)]

    def in_bins(factor: Array) -> Array:
        if has_independent_bins(likelihood, analysis):
            return log_likelihoods(Expectation(factor * signal.mean, factor * signal.variance), analysis)
        alone = [np.where(one, factor, 1.0) for one in np.eye(shift.shape[-1], dtype=bool)]
        found = [likelihood(Expectation(f * signal.mean, f * signal.variance), analysis) for f in alone]
        return np.stack(found, axis=-1)

    up, down = map(in_bins, factors)
    return np.divide(up - down, shift, out=np.zeros(shift.shape), where=shift > 0)


def _scaled(signal: Expectation, log_scale: Array, index: Any = slice(None)) -> Expectation:
    """The signal at the points of ``index``, all by default, times a scale each."""
    scale = np.exp(log_scale)[..., None]
    parts = (signal.mean, signal.variance, signal.bias, signal.bias_variance)
    return Expectation(*(scale**power * part[index] for power, part in zip((1, 2, 1, 2), parts, strict=True)))

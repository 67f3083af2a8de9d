"""What excludes a point, and how far its rate is from the limit. Begin with `exclusion_threshold`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy  # which imports its parts where they are used
from numpy.typing import NDArray

from darkpkg.inference.likelihood import Likelihood
from darkpkg.inputs import Array, one_of, real_number, whole_number
from darkpkg.method.expectation import Expectation

FAR = 40.0
"""Distances to the limit are cut here, e⁴⁰ above or below it."""


METHODS = {
    "likelihood": "-Delta ln L",
    "feldman-cousins": "Feldman-Cousins",
    "cls": "CLs",
    "bayes": "Bayes, flat in the rate",
}
"""What the ``method`` of a limit may be, in words: `darkpkg.inference.constructions`."""


def exclusion_threshold(cl: float, n_parameters: int = 2) -> float:
    """−Δ ln L beyond which a point is excluded at confidence level ``cl``: half the quantile of χ².

    The paper's 2.3 is 90 % for two parameters, the default of everything that excludes. The 1.353 of one parameter is
    no limit of 90 %: for a counting experiment its coverage falls to 81 %.

    Parameters
    ----------
    cl
        Between 0 and 1.
    n_parameters
        Degrees of freedom of χ², at least one.

    Returns
    -------
    float
        Half the quantile.

    Raises
    ------
    TypeError, ValueError
        For a level or number that is none.

    Examples
    --------
    >>> exclusion_threshold(0.90)
    2.302...
    """
    cl = real_number("cl", cl)
    if not 0 < cl < 1:
        raise ValueError(f"cl must lie between 0 and 1, got {cl}")
    return gamma_quantile(whole_number("n_parameters", n_parameters, least=1) / 2, cl)


def gamma_quantile(a: float, p: float) -> float:
    r"""Value x below which a gamma distribution of shape ``a`` has the probability p; half a quantile of χ².

    ln P is concave in ln x: Newton's method climbs from where :math:`x^a/\Gamma(a+1)`, which is above P, is p. With
    P summed here, most verdicts do not wait for an import.
    """
    if a > 1e7 or p > 0.999:
        return float(scipy.special.gammaincinv(a, p))
    ln_x, step, k = (math.log(p) + math.lgamma(a + 1)) / a, 1.0, np.arange(1, 200 + int(20 * math.sqrt(a)))
    while step > 1e-14 * max(abs(ln_x), 1.0):
        x = math.exp(ln_x)
        series = 1 + float(np.cumprod(x / (a + k)).sum())  # P = xᵃ e⁻ˣ / Γ(a+1) times this
        step = (math.log(p) - a * ln_x + x + math.lgamma(a + 1) - math.log(series)) * series / a
        ln_x += step
    return math.exp(ln_x)


def exclusion_rule(cl: float = 0.90, n_parameters: int = 2, method: str = "likelihood") -> str:
    """What excludes, in words, to stand beside every limit.

    Parameters and errors are those of `exclusion_threshold`; ``method`` is a name of
    `METHODS`.

    Examples
    --------
    >>> exclusion_rule()
    '90 % CL for 2 parameters, -Delta ln L > 2.303'
    >>> exclusion_rule(method="cls")
    '90 % CL by CLs'
    """
    threshold = exclusion_threshold(cl, n_parameters)
    words = METHODS[one_of("method", method, METHODS)]
    if method != "likelihood":
        return f"{100 * cl:.10g} % CL by {words}"
    plural = "s" if n_parameters > 1 else ""
    return f"{100 * cl:.10g} % CL for {n_parameters} parameter{plural}, {words} > {threshold:.3f}"


def no_signal(analysis: Any) -> Expectation:
    """No event in any bin, known for certain."""
    return Expectation(np.zeros(len(analysis.observed)), np.zeros(len(analysis.observed)))


def nearest_limit(
    signal: Expectation, allowed_by: Callable[[Expectation], Array], nothing_allowed: bool, accuracy: float = 1e-9
) -> tuple[Array, Array]:
    """How far points are from the limit: `Scan.log_excess`.

    Parameters
    ----------
    signal
        Of points, (p, bins).
    allowed_by
        Positive for a signal that is allowed, negative for one that is excluded.
    nothing_allowed
        Whether no signal at all is allowed.
    accuracy
        Of the logarithm of the scale.

    Returns
    -------
    height, log_scale
        ln(rate / largest rate that is allowed) of each point, (p,), and the logarithm of the scale of its signal at
        the limit.
    """
    index = np.arange(len(signal.mean))

    def above(log_scale: Array, index: NDArray[Any]) -> Array:
        """Whether points are allowed with their signals scaled."""
        return allowed_by(_scaled(signal, log_scale, index.astype(np.int64)))

    # A scale that is allowed: next to no signal, or where ln L is highest if that is excluded.
    steps = np.linspace(-FAR, FAR, 321) if not nothing_allowed else np.array([-FAR])
    heights = np.stack([above(np.full(len(index), step), index) for step in steps])
    allowed, possible = steps[heights.argmax(axis=0)], heights.max(axis=0) > 0

    def end(far: float) -> Array:
        """Where the limit is reached between the scale that is allowed and ``far``; infinite where it is not."""
        beyond = np.full(len(index), far)
        ends = np.where(possible, np.copysign(np.inf, far), FAR)
        reached = np.flatnonzero(possible & (above(beyond, index) < 0))
        ends[reached] = roots(above, allowed[reached], beyond[reached], reached, accuracy=accuracy)
        return ends

    lower, upper = end(-FAR), end(FAR)
    nearest = np.where(lower > -upper, lower, upper)
    return np.clip(np.maximum(-upper, lower), -FAR, FAR), np.clip(nearest, -FAR, FAR)


def roots(
    function: Callable[..., Array], low: Array, high: Array, *arguments: NDArray[Any], accuracy: float = 1e-9
) -> Array:
    """Zeros of a function of x and ``arguments``.

    Parameters
    ----------
    function
        Of arrays of one shape (m,), m being any number of those that are looked for.
    low, high
        Values of x, (n,), at which it has different signs.
    accuracy
        Of x.
    """
    if not low.size:
        return low
    from scipy.optimize import elementwise  # here: its import takes longer than a verdict

    found = elementwise.find_root(function, (low, high), args=arguments, tolerances={"xatol": accuracy})
    return np.asarray(found.x)


def scale_error(signal: Expectation, analysis: Any, likelihood: Likelihood, log_scale: Array) -> Array:
    """`Scan.log_excess_error` for points (p, bins) whose signals reach the limit at ``log_scale``."""
    return error_along(lambda x: _scaled(signal, x), log_scale, analysis, likelihood)


def error_along(signal_at: Callable[[Array], Expectation], x: Array, analysis: Any, likelihood: Likelihood) -> Array:
    """Error of x (p,) where ln L of the signals there has some value: that of ln L over its slope, or zero."""
    step = 1e-3
    higher, lower = (likelihood(signal_at(x + s), analysis) for s in (step, -step))
    with np.errstate(invalid="ignore"):  # −∞ less −∞
        slope = np.abs(higher - lower) / (2 * step)
    error = log_likelihood_error(signal_at(x), analysis, likelihood)
    return np.divide(error, slope, out=np.zeros(len(error)), where=slope > 0)


def log_likelihood_error(signal: Expectation, analysis: Any, likelihood: Likelihood) -> Array:
    """Error of ln L of points (p, bins) by the simulation; zero where their signals cannot make the data.

    Statistical errors of bins are independent; their biases, and the errors of a table, add up.
    """
    with np.errstate(invalid="ignore"):  # −∞ less −∞
        slope = _slopes(signal, analysis, likelihood)
    common = (slope * signal.bias).sum(axis=-1) ** 2 + (slope * np.sqrt(signal.tabulation)).sum(axis=-1) ** 2
    error = np.sqrt((slope**2 * signal.variance).sum(axis=-1) + common)
    return np.where(np.isfinite(error), error, 0.0)


def _slopes(signal: Expectation, analysis: Any, likelihood: Likelihood) -> Array:
    """∂ ln L/∂μ of each bin (p, bins), over the error or bias of its mean; more events bring their variance."""
    shift = np.maximum(signal.error, np.abs(signal.bias))
    ratio = np.divide(shift, signal.mean, out=np.zeros(shift.shape), where=signal.mean > 0)

    def in_bins(factor: Array) -> Array:
        """ln L with one bin after the other times its factor."""
        alone = (np.where(one, factor, 1.0) for one in np.eye(shift.shape[-1], dtype=bool))
        found = [likelihood(Expectation(f * signal.mean, f * signal.variance), analysis) for f in alone]
        return np.stack(found, axis=-1)

    difference = in_bins(1 + ratio / 2) - in_bins(np.maximum(1 - ratio / 2, 0.0))
    return np.divide(difference, shift, out=np.zeros(shift.shape), where=shift > 0)


def _scaled(signal: Expectation, log_scale: Array, index: Any = slice(None)) -> Expectation:
    """The signal at the points of ``index``, all by default, times a scale each."""
    scale = np.exp(log_scale)[..., None]
    powers = {"mean": 1, "variance": 2, "bias": 1, "bias_variance": 2, "tabulation": 2, "covariance": 2}
    return Expectation(**{name: scale**power * getattr(signal, name)[index] for name, power in powers.items()})

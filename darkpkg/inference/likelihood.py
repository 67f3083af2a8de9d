r"""Likelihood of counts whose expectation comes from a finite simulation and has a systematic uncertainty.

Begin with `log_likelihood`, the default wherever a ``likelihood`` is taken; any function of an expectation and an
analysis that returns ln L of each point can take its place. It has no physics: counts, means and variances.

A gamma prior with mean and variance of the expectation, in the convention of C. A. Argüelles, A. Schneider, T. Yuan,
JHEP 06 (2019) 030 (arXiv:1901.04645), turns the Poisson into

.. math:: \ln L = {}& \alpha\ln\beta + \ln\Gamma(k+\alpha) - \ln k! \\
          & - (k+\alpha)\ln(1+\beta) - \ln\Gamma(\alpha), \\
          \alpha = {}& \mu^2/\sigma^2 + 1,\quad \beta = \mu/\sigma^2 ,

a negative binomial in k. As printed it is a difference of terms that diverge for σ → 0. With :math:`v =
\sigma^2/\mu` and :math:`a = 1/\alpha = v/(\mu+v)` it reads

.. math:: \ln L = {}& -\mu\frac{\ln(1+v)}{v} - (k+1)\ln(1+v) \\
          & + k\ln\bigl(\mu+(k+1)v\bigr) + k\,\frac{\ln(1+ka)}{ka} \\
          & - k - \tfrac12\ln(1+ka) \\
          & + S(\alpha+k) - S(\alpha) - \ln k! ,

where S is what Stirling's formula lacks of :math:`\ln\Gamma`. Every term stays finite, and v = 0 is the Poisson.

Where bins share systematic errors, `profiled_log_likelihood` has a parameter for each source instead, at its best
value, and `marginal_log_likelihood` averages over it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.inputs import Array, broadcast, check_kinds, one_of, real_numbers
from darkpkg.method.expectation import Expectation

_LARGEST = 1e60
"""Counts beyond this are none, and their products would be infinite."""

Likelihood = Callable[[Any, Any], Array]
"""ln L of each point from its expectation, (..., bins), and an analysis; −inf where the data are impossible."""


def name_of(likelihood: Likelihood) -> str:
    """What a likelihood is called, for errors and files."""
    return getattr(likelihood, "__qualname__", None) or type(likelihood).__qualname__


def values_of(likelihood: Likelihood, signal: Expectation, analysis: Any) -> Array:
    """ln L of the points of a ``signal`` (..., bins): of shape (...).

    Raises `ValueError` unless there is a real number for each: a nan would count as a point left out.
    """
    lnL, shape = np.asarray(likelihood(signal, analysis)), np.shape(signal.mean)[:-1]
    if lnL.shape != shape or lnL.dtype.kind not in "iuf" or not (lnL < np.inf).all():
        raise ValueError(f"likelihood must be one number for each of the points {shape}, got {lnL!r}")
    return lnL


FINITE = ("effective", "mean-preserving", "barlow-beeston")
"""What a likelihood may make of the error of an expectation."""


def log_likelihood(prediction: Expectation, counts: Any, finite: str = "effective") -> Array:
    """ln L of Eqs. (29) and (30), summed over the bins (last axis) of ``prediction``.

    Each bin has `effective_log_likelihood`, unless the analysis has errors that bins share: then it is
    `profiled_log_likelihood`. It is −inf where a bin has data but no expectation, neither background nor signal. A
    mean below zero, which a local-linear kernel can give to a bin with few events at an edge, counts as zero, with
    its variance.

    Parameters
    ----------
    prediction
        Signal in each bin, (..., bins).
    counts
        An `Analysis`, or what has ``observed`` numbers, ``background`` and relative ``systematic`` error of each bin,
        and perhaps ``shared`` errors.
    finite
        What the variance of each bin makes of its Poisson: ``"effective"``, `effective_log_likelihood`;
        ``"mean-preserving"``, the same with :math:`\\alpha = \\mu^2/\\sigma^2`, so that the gamma has the mean μ; or
        ``"barlow-beeston"``, `barlow_beeston_log_likelihood`. ``functools.partial(log_likelihood, finite=…)`` is a
        likelihood for scans. Errors that bins share leave no choice.

    Returns
    -------
    array
        Of the shape of the points, (...).

    Raises
    ------
    TypeError
        What is no expectation, or has no counts.
    ValueError
        Predictions that are not finite or have another number of bins.
    """
    total = total_of(prediction, counts)
    one_of("finite", finite, FINITE)
    if len(getattr(counts, "shared", ())):
        return profiled_log_likelihood(prediction, counts)
    if finite != "barlow-beeston" and not prediction.variance.any() and np.min(counts.systematic) > _WIDE:
        return _of_relative_errors(counts, total, 1.0 if finite == "effective" else 0.0)
    variance = prediction.variance + (counts.systematic * total) ** 2
    if finite == "barlow-beeston":
        return barlow_beeston_log_likelihood(counts.observed, total, variance).sum(axis=-1)
    of_bins = effective_log_likelihood(counts.observed, total, variance, mean_preserving=finite == "mean-preserving")
    return np.asarray(of_bins).sum(axis=-1)


_WIDE = 0.01
"""Relative errors above this leave ten digits in differences of ln Γ(1/η²)."""


def _of_relative_errors(counts: Any, mean: Array, one: float) -> Array:
    r"""The same where only the systematic errors vary: a negative binomial, with two logarithms for each mean.

    .. math:: \ln L = \ln\frac{\Gamma(k+\alpha)}{k!\,\Gamma(\alpha)} + k\ln(\eta^2\mu) - (k+\alpha)\ln(1+\eta^2\mu)
    """
    k, v = np.asarray(counts.observed, dtype=float), counts.systematic**2 * mean
    alpha = 1 / np.asarray(counts.systematic, dtype=float) ** 2 + one
    constant = (_ln_factorial(k + alpha - 1) - _ln_factorial(k) - _ln_factorial(alpha - 1)).sum()
    return np.asarray((_xlogy(k, v) - (k + alpha) * np.log1p(v)).sum(axis=-1) + constant)


def check_counts(name: str, counts: Any) -> None:
    """Raise `TypeError` unless the argument of this name has counts of bins."""
    if not all(hasattr(counts, one) for one in ("observed", "background", "systematic")):
        raise TypeError(f"{name} must have observed, background, systematic, got {counts!r:.80}")


def total_of(prediction: Expectation, counts: Any, name: str = "counts") -> Array:
    """Expected events of signal and background in each bin, (..., bins); a signal below zero counts as none."""
    check_kinds(prediction=(prediction, Expectation))
    check_counts(name, counts)
    mean = real_numbers("mean", prediction.mean, -_LARGEST, _LARGEST)
    if mean.shape[-1:] != np.shape(counts.observed):
        raise ValueError(f"prediction must have {len(counts.observed)} bins, got an array of shape {mean.shape}")
    return np.maximum(mean, 0.0) + counts.background


def profiled_log_likelihood(prediction: Expectation, counts: Any) -> Array:
    r"""ln L of Poisson counts, at the best values of all systematic parameters, each with its Gaussian constraint.

    .. math:: \ln L &= \max_u \Bigl[\sum_b \ln\mathrm{Poisson}(k_b;\, t_b e^{u_b}) \\
              &\qquad - \tfrac12 u^T\Sigma^{-1}u\Bigr] , \\
              \Sigma_{bc} &= \Bigl(\eta_b^2+\frac{\sigma_b^2}{t_b^2}\Bigr)\delta_{bc} + \sum_s V_{sb} V_{sc} ,

    with the total expectation t, each bin's own relative ``systematic`` η and statistical error σ of the simulation,
    and the sources V that are ``shared``. Where signal s and background b have errors apart, that of the total is
    :math:`V_{sb} = (s_b V^{\rm signal}_{sb} + b_b V^{\rm background}_{sb})/t_b`. Factors :math:`e^u` keep
    expectations positive. The problem is convex; with :math:`u = \Sigma w`, Newton's method solves
    :math:`w + t\,e^{\Sigma w} = k`, and Σ need not have an inverse.

    Parameters, shapes and errors are those of `log_likelihood`.
    """
    return _over_errors(prediction, counts)[0]


def marginal_log_likelihood(prediction: Expectation, counts: Any) -> Array:
    r"""ln L of Poisson counts, averaged over all systematic parameters with the same Gaussian weights.

    With the best values :math:`\hat u` of `profiled_log_likelihood`, and :math:`D = {\rm diag}(t\,e^{\hat u})`,

    .. math:: \ln\int L(u)\,dG(u) &\approx \ln L(\hat u) \\
              &- \tfrac12\ln\det(1+\Sigma D) ,

    Laplace's approximation: differences of ln L are right to 0.01 for relative errors up to 30 %.

    Parameters, shapes and errors are those of `log_likelihood`.
    """
    best, ln_volume = _over_errors(prediction, counts)
    return best - ln_volume / 2


def _over_errors(prediction: Expectation, counts: Any) -> tuple[Array, Array]:
    """`over_sources`, with the statistical error of a bin beside its own systematic one."""
    t = total_of(prediction, counts)
    own = counts.systematic**2 + np.divide(prediction.variance, t**2, out=np.zeros(t.shape), where=t > 0)
    return over_sources(np.asarray(counts.observed, dtype=float), t, own, sources_of(counts, t))


def shared_errors(counts: Any, n_bins: int) -> tuple[Array, Array]:
    """Relative errors (sources, bins) that bins have in common, and those of the signal if it has others, or none."""
    kinds = (getattr(counts, name, ()) for name in ("shared", "shared_signal"))
    common, of_signal = (np.asarray(kind, dtype=float).reshape(-1, n_bins) for kind in kinds)
    return common, of_signal


def sources_of(counts: Any, total: Array) -> Array:
    """Relative errors of the ``total`` (..., bins) by each source: (bins, sources), or (..., bins, sources)."""
    V, of_signal = (errors.T for errors in shared_errors(counts, total.shape[-1]))
    if not of_signal.size:
        return V
    share = np.divide(counts.background, total, out=np.zeros(total.shape), where=total > 0)[..., None]
    return np.asarray(share * V + (1 - share) * of_signal)


def over_sources(k: Array, t: Array, own: Array, V: Array) -> tuple[Array, Array]:
    """ln L of counts k (..., bins) at the best values of all systematic parameters, and ln det(1 + Σ D) there."""

    def on_sources(w: Any) -> Any:
        return (w[..., None, :] @ V)[..., 0, :]

    def on_bins(u: Any) -> Any:
        return (V @ u[..., None])[..., 0]

    def shift(w: Array) -> Array:
        return own * w + on_bins(on_sources(w))

    def coupled(rate: Array) -> tuple[Array, Array]:
        """1/(1 + D η²) of each bin, and 1 + Vᵀ [D/(1 + D η²)] V of the sources."""
        inverse = 1 / (1 + rate * own)
        return inverse, np.eye(V.shape[-1]) + np.swapaxes(V, -1, -2) @ ((rate * inverse)[..., None] * V)

    w, u = np.zeros(np.broadcast_shapes(t.shape, k.shape)), np.zeros(np.broadcast_shapes(t.shape, k.shape))
    for _ in range(_NEWTON_STEPS):
        rate = t * np.exp(u)
        # (1 + D Σ) dw = −(w + D − k) with D = rate; the diagonal by division, the sources by Woodbury's formula.
        inverse, matrix = coupled(rate)
        free = inverse * (k - w - rate)
        step = free - rate * inverse * on_bins(np.linalg.solve(matrix, on_sources(free)[..., None])[..., 0])
        length = np.abs(shift(step)).max(axis=-1, keepdims=True)
        w = w + step / np.maximum(length, 1.0)
        u = shift(w)
        if np.all(length < 1e-9):
            break
    rate = t * np.exp(u)
    poisson = _xlogy(k, t) + k * u - rate - _ln_factorial(k)
    inverse, matrix = coupled(rate)
    return (poisson - u * w / 2).sum(axis=-1), np.linalg.slogdet(matrix)[1] - np.log(inverse).sum(axis=-1)


_NEWTON_STEPS = 300
"""Of at most one in u, so that they reach any signal below e³⁰⁰."""


def barlow_beeston_log_likelihood(observed: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Array:
    r"""ln L at the best value of one factor β on the mean, with a Gaussian constraint of relative width δ = σ/μ.

    .. math:: \beta = \tfrac12\Bigl[1-\mu\delta^2 + \sqrt{(1-\mu\delta^2)^2 + 4k\delta^2}\Bigr]

    See J. S. Conway, arXiv:1103.0354, after R. Barlow and C. Beeston, Comput. Phys. Commun. 77, 219.

    Arguments and errors are those of `effective_log_likelihood`.
    """
    k, mu, sigma2 = _checked(observed, mean, variance)
    sigma2 = np.where((mu > 0) & (sigma2 > 1e-24 * mu**2), sigma2, 0.0)  # less is lost in rounding
    # μβ, in which nothing is divided by the mean; of two forms of the same number the one without a difference.
    best = mu - sigma2
    root = np.sqrt(best**2 + 4 * k * sigma2)
    small = np.divide(2 * k * sigma2, root - best, out=np.zeros(mu.shape), where=root > best)
    fitted = np.where(best > 0, (best + root) / 2, small)
    pull = np.divide((fitted - mu) ** 2, 2 * sigma2, out=np.zeros(mu.shape), where=sigma2 > 0)
    return np.asarray(_xlogy(k, fitted) - fitted - _ln_factorial(observed) - pull)


def effective_log_likelihood(
    observed: ArrayLike, mean: ArrayLike, variance: ArrayLike, mean_preserving: bool = False
) -> Any:
    """ln L_eff of counts in one bin, for an expectation that is not known for certain.

    Without variance it is the Poisson; with a mean of zero only zero counts are possible.

    Parameters
    ----------
    observed, mean, variance
        The counts, and mean and variance of their expectation; they broadcast.
    mean_preserving
        With :math:`\\alpha = \\mu^2/\\sigma^2`, without the + 1.

    Returns
    -------
    float or array
        Of the shape of all together.

    Raises
    ------
    TypeError, ValueError
        For input that is no number, negative or not finite, and shapes that do not fit together.

    Examples
    --------
    >>> effective_log_likelihood(0, 2.3, 0.0)
    -2.3
    """
    check_kinds(mean_preserving=(mean_preserving, bool))
    k, mu, variance = _checked(observed, mean, variance)
    possible = mu > 0
    with np.errstate(over="ignore"):
        v = np.divide(variance, mu, out=np.zeros(mu.shape), where=possible)
    if not np.all(v < _LARGEST**4):
        raise ValueError(f"variance must be below {_LARGEST**4:g} times the mean, got {float(np.max(v)):g} times")
    one = 0 if mean_preserving else 1
    a = np.divide(v, mu + one * v, out=np.zeros(mu.shape), where=possible)
    with_k, without = _stirling_remainder(np.stack([a / (1 + k * a), a]))
    value = (
        -mu * _log1p_ratio(v)
        - (k + one) * np.log1p(v)
        + _xlogy(k, mu + (k + one) * v)
        + k * (_log1p_ratio(k * a) - 1)
        - np.log1p(k * a) / 2
        + with_k
        - without
        - _ln_factorial(observed)
    )
    return value[()]


def _checked(observed: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> tuple[Array, ...]:
    most = {"observed": (observed, _LARGEST), "mean": (mean, _LARGEST), "variance": (variance, _LARGEST**2)}
    return broadcast(**{name: real_numbers(name, values, 0.0, end) for name, (values, end) in most.items()})


def _ln_factorial(k: ArrayLike) -> Array:
    """ln k! = ln Γ(k + 1), without the import of a library of such functions; in double precision whatever k has."""
    return np.asarray(np.frompyfunc(math.lgamma, 1, 1)(np.add(k, 1.0, dtype=float)), dtype=float)


def _xlogy(x: Array, y: Array) -> Array:
    """x ln y, zero at x = 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(x * np.log(np.where(x > 0, y, 1.0)))


def _log1p_ratio(x: Array) -> Array:
    """ln(1 + x) / x, one at x = 0."""
    return np.divide(np.log1p(x), x, out=np.ones(x.shape), where=x > 0)


def _stirling_remainder(a: Array) -> Array:
    r"""S(z) = lnΓ(z) − (z − ½) ln z + z − ½ ln 2π at z = 1/a ≥ 1.

    From z = 9 on, four terms of its asymptotic series are exact to 1e-12. Below, eight steps of S(z) = S(z+1) + (z+½)
    ln(1+1/z) − 1 lead there.
    """
    near = a > 1 / 9
    far, t = a.copy(), a[near]
    steps = np.zeros(t.shape)
    for _ in range(8 if t.size else 0):
        steps += _log1p_ratio(t) + np.log1p(t) / 2 - 1
        t = t / (1 + t)
    far[near] = t
    square = far * far
    remainder = far * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    remainder[near] += steps
    return np.asarray(remainder)

r"""Limits on the lifetime of N whatever makes it: excluded decay lengths against the number of upscatterings.

Begin with `excluded_lifetimes`, the curves of Fig. 11; `fit_lifetime_bound` describes their lower edge by the two
numbers of Eq. (E1),

.. math:: c\tau^0_{min} = \frac{\alpha}{\log_{10}(\text{event rate}) - \beta} .
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import curve_fit, elementwise

from darkpkg.experiment.analysis import Analysis
from darkpkg.inference.likelihood import Likelihood, log_likelihood
from darkpkg.inference.threshold import exclusion_threshold, no_signal
from darkpkg.inputs import check_kinds, real_numbers
from darkpkg.method.estimators import Estimator, check_estimator
from darkpkg.method.expectation import Expectation
from darkpkg.physics.model import DarkParameters
from darkpkg.units import GeV, cm

Array = NDArray[np.float64]

__all__ = ["LifetimeBound", "approximate_minimum_lifetime", "excluded_lifetimes", "fit_lifetime_bound"]

SEARCHED = (1e-4, 1e9)
"""Range in cm in which edges of excluded proper decay lengths are looked for."""

GRID_POINTS = 209
"""Lifetimes at which events are summed, sixteen in a decade: between them, a spline is right to 1e-4."""


def excluded_lifetimes(
    estimator: Estimator,
    parameters: DarkParameters,
    analysis: Analysis,
    event_rate: ArrayLike,
    *,
    likelihood: Likelihood = log_likelihood,
    cl: float = 0.90,
    n_parameters: int = 2,
) -> tuple[Array, Array]:
    """Shortest and longest excluded cτ⁰ in cm at the masses of one point, for any numbers of upscatterings.

    Parameters
    ----------
    estimator
        `Kernel` or `Transport` of a sample, or any other `Estimator`.
    parameters
        One point: its masses matter, and its couplings are scaled to the ``event_rate``.
    event_rate
        Upscatterings after selection and efficiency, before asking where N decays, in all bins together.

    Returns
    -------
    shortest, longest
        Arrays of the shape of ``event_rate``; both are nan where no decay length is excluded. The range searched is
        `SEARCHED`: ``shortest`` is 0 where prompt decays are excluded, too, and ``longest`` is infinite where all
        long-lived N are. The paper excludes against no signal, with the χ² of two parameters (`exclusion_rule`).

    Raises `ValueError` if the sample has no selected upscattering to be scaled to the rate.
    """
    check_estimator(estimator, "upscatterings", "events_at_lifetime")
    kinds = {"parameters": (parameters, DarkParameters), "analysis": (analysis, Analysis)}
    check_kinds(**kinds, likelihood=(likelihood, Callable))
    rates = real_numbers("event_rate", event_rate, 1e-30, 1e30)
    if parameters.shape != ():
        raise ValueError(f"parameters must be a single point, got shape {parameters.shape}")
    made = float(estimator.upscatterings(parameters, analysis).total().mean)
    if not made > 0:
        raise ValueError(f"events must hold upscatterings that {analysis.name} selects, got a rate of {made:g}")
    scale = rates.ravel() / made
    lowest = float(likelihood(no_signal(analysis), analysis)) - exclusion_threshold(cl, n_parameters)

    x = np.log(np.geomspace(*SEARCHED, GRID_POINTS))
    grid = estimator.events_at_lifetime(parameters, np.exp(x), analysis)
    # Smooth in the logarithm of everything, so that few lifetimes serve for all rates.
    splines = [CubicSpline(x, np.log(np.maximum(a, np.finfo(float).tiny))) for a in (grid.mean, grid.variance)]

    def allowed(ln_ctau: Array, factor: Array) -> Array:
        """ln L over the lowest that is allowed; negative is excluded."""
        mean, variance = (np.exp(spline(ln_ctau)) for spline in splines)
        factor = factor[..., None]
        return likelihood(Expectation(factor * mean, factor**2 * variance), analysis) - lowest

    height = allowed(x, scale[:, None])
    ends = ((height[:, 0] <= 0, 0.0), (height[:, -1] <= 0, np.inf))
    edges = []
    for (beyond, end), into, before, after in (
        (ends[0], True, height[:, :-1] > 0, height[:, 1:] <= 0),
        (ends[1], False, height[:, :-1] <= 0, height[:, 1:] > 0),
    ):
        crosses = before & after
        some = crosses.any(axis=1)
        # The first step into what is excluded, and the last out of it.
        first = crosses.argmax(axis=1) if into else crosses.shape[1] - 1 - crosses[:, ::-1].argmax(axis=1)
        edge = np.full(len(scale), np.nan)
        if some.any():
            bracket = x[first[some]], x[first[some] + 1]
            root = elementwise.find_root(allowed, bracket, args=(scale[some],), tolerances={"xatol": 1e-8})
            edge[some] = np.exp(root.x)
        edges.append(np.where(beyond, end, edge).reshape(rates.shape))
    return edges[0], edges[1]


@dataclass(frozen=True)
class LifetimeBound:
    """α (cm) and β of Eq. (E1) with their errors and correlation, and how far the fit is from its points.

    ``scatter`` is the root mean square of ln(point / fit).
    """

    alpha: float
    beta: float
    alpha_error: float
    beta_error: float
    correlation: float
    scatter: float

    def __call__(self, event_rate: ArrayLike) -> Array:
        """cτ⁰_min in cm; infinite where the rate is too small for any limit."""
        distance = np.log10(real_numbers("event_rate", event_rate, positive=True)) - self.beta
        return np.divide(self.alpha, distance, out=np.full(np.shape(distance), np.inf), where=distance > 0)


def fit_lifetime_bound(
    event_rate: ArrayLike, ctau: ArrayLike, relative_error: ArrayLike | None = None
) -> LifetimeBound:
    """Fit Eq. (E1) to shortest excluded decay lengths ``ctau`` (cm), in their logarithms.

    Without ``relative_error`` all points count alike and the errors are those for which χ² is the number of degrees
    of freedom: as the formula is not exact, they say how well the points agree on α and β, not how well each is
    known. Points without an edge are left out, as `excluded_lifetimes` marks them: nan, or 0 where prompt decays are
    excluded. Raises `ValueError` if fewer than three are left.
    """
    lengths = real_numbers("ctau", ctau, 0.0, nan=True)
    rate = real_numbers("event_rate", event_rate, positive=True)
    if lengths.ndim > 1 or rate.shape not in ((), lengths.shape):
        raise ValueError(f"event_rate and ctau must have one shape (n,), got {rate.shape} and {lengths.shape}")
    rate, ctau = np.broadcast_arrays(rate, lengths)
    use = (ctau > 0) & np.isfinite(ctau)
    real_numbers("ctau", ctau[use], 1e-100, 1e100)
    if use.sum() < 3:
        raise ValueError(f"ctau must have at least three points for a fit of two numbers, got {use.sum()}")
    given = 1e-3 if relative_error is None else real_numbers("relative_error", relative_error, 1e-9, 1e9)
    if np.shape(given) not in ((), rate.shape):
        raise ValueError(f"relative_error must be one number or of the shape {rate.shape}, got {np.shape(given)}")
    error = np.broadcast_to(given, rate.shape)
    x, y = np.log10(rate[use]), np.log(ctau[use])
    weight = error[use] ** -2.0

    def formula(x: Array, alpha: float, beta: float) -> Array:
        return np.log(alpha / (x - beta))

    # From where the smallest rate puts it: ln α is the mean of ln cτ + ln(x − β).
    start = x.min() - 0.5
    try:
        (alpha, beta), _ = curve_fit(
            formula,
            x,
            y,
            [float(np.exp(np.mean(y + np.log(x - start)))), start],
            sigma=error[use],
            bounds=([0.0, -np.inf], [np.inf, x.min() - 1e-6]),
            xtol=1e-12,
            x_scale="jac",
        )
        residual = y - formula(x, alpha, beta)
        # Half the second derivatives of χ²; those of the formula count, too.
        slope = np.array([np.full(x.shape, 1 / alpha), 1 / (x - beta)])
        curvature = (weight * slope) @ slope.T
        curvature[1, 1] -= np.sum(weight * residual * slope[1] ** 2)
        np.linalg.cholesky(curvature)
        covariance = np.linalg.inv(curvature)
        correlation = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    except (RuntimeError, np.linalg.LinAlgError):
        raise ValueError(
            "event_rate and ctau must be points that fall like α / (log10(rate) − β): the fit did not converge"
        ) from None
    if relative_error is None:
        covariance *= np.sum(weight * residual**2) / (len(x) - 2)
    errors = np.sqrt(np.diag(covariance))
    scatter = np.sqrt(np.mean(residual**2))
    return LifetimeBound(*map(float, (alpha, beta, *errors, correlation, scatter)))


def approximate_minimum_lifetime(event_rate: ArrayLike, m_N: ArrayLike) -> Any:
    r"""Shortest excluded cτ⁰ in cm by the rule of Eq. (E2), whatever the model.

    .. math:: c\tau^0_{min} \simeq \frac{m_N}{0.1\,\mathrm{GeV}}
              \frac{1.1\,\mathrm{cm}}{\log_{10}(\text{event rate}) - 0.9}

    Infinite below a rate of 7.9, where it has no answer.
    """
    distance = np.log10(real_numbers("event_rate", event_rate, positive=True)) - 0.9
    scale = 1.1 * cm * real_numbers("m_N", m_N, 0.0, 1e12) / (0.1 * GeV)
    distance, scale = np.broadcast_arrays(distance, scale)
    return np.divide(scale, distance, out=np.full(distance.shape, np.inf), where=distance > 0)[()]

r"""The lower edge of excluded lifetimes by the two numbers of Eq. (E1), and the rule of Eq. (E2).

Begin with `fit_lifetime_bound`, which takes what `darkpkg.excluded_lifetimes` finds.

.. math:: c\tau^0_{\rm min} = \frac{\alpha}{\log_{10}(\text{event rate}) - \beta} .
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import curve_fit

from darkpkg.inputs import real_numbers
from darkpkg.units import GeV, cm

Array = NDArray[np.float64]

__all__ = ["LifetimeBound", "approximate_minimum_lifetime", "fit_lifetime_bound"]


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
    of freedom: as the formula is not exact, they measure how well the points agree on α and β, not how well each is
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

    .. math:: c\tau^0_{\rm min} \simeq \frac{m_N}{0.1\,\mathrm{GeV}}
              \frac{1.1\,\mathrm{cm}}{\log_{10}(\text{event rate}) - 0.9}

    Infinite below a rate of 7.9, where it has no answer.
    """
    distance = np.log10(real_numbers("event_rate", event_rate, positive=True)) - 0.9
    scale = 1.1 * cm * real_numbers("m_N", m_N, 0.0, 1e12) / (0.1 * GeV)
    distance, scale = np.broadcast_arrays(distance, scale)
    return np.divide(scale, distance, out=np.full(distance.shape, np.inf), where=distance > 0)[()]

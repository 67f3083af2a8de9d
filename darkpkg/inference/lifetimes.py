"""Limits on the lifetime of N whatever makes it: excluded decay lengths against the number of upscatterings.

Begin with `excluded_lifetimes`, the curves of Fig. 11.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy  # which imports its parts where they are used
from numpy.typing import ArrayLike

from darkpkg.experiment.analysis import Analysis
from darkpkg.inference.constructions import allowance
from darkpkg.inference.likelihood import Likelihood, log_likelihood, values_of
from darkpkg.inference.outcomes import Method
from darkpkg.inference.threshold import no_signal, roots
from darkpkg.inputs import Array, check_kinds, real_numbers
from darkpkg.method.expectation import Expectation
from darkpkg.method.interface import Estimator, check_estimator, fits
from darkpkg.method.predictions import check_point
from darkpkg.physics.model import DarkParameters

SEARCHED = (1e-4, 1e9)
"""Range in cm in which edges of excluded proper decay lengths are looked for."""

GRID_POINTS = 209
"""Lifetimes at which events are summed, sixteen in a decade: between them, a spline is right to 1e-4."""


def excluded_lifetimes(
    estimator: Estimator | None,
    parameters: DarkParameters,
    analysis: Analysis,
    event_rate: ArrayLike,
    *,
    likelihood: Likelihood = log_likelihood,
    cl: float = 0.90,
    n_parameters: int = 2,
    method: str | Method = "likelihood",
) -> tuple[Array, Array]:
    """Shortest and longest excluded cτ⁰ in cm at the masses of one point, for any numbers of upscatterings.

    Parameters
    ----------
    estimator
        `darkpkg.method.estimators.Kernel` or `Transport` of a sample, or any other `Estimator`; None for the table
        of all rates, `load_table`.
    parameters
        One point: its masses matter, and its couplings are scaled to the ``event_rate``.
    analysis
        One, or a sum of several.
    event_rate
        Upscatterings after selection and efficiency, wherever N decays, in all bins together.
    likelihood, cl, n_parameters, method
        ln L of an expectation and the analysis, and the `exclusion_rule`. Other methods than ``"likelihood"`` compare
        with all rates and lifetimes, too.

    Returns
    -------
    shortest, longest
        Arrays of the shape of ``event_rate``; both are nan where no decay length is excluded. The range searched is
        `SEARCHED`: ``shortest`` is 0 where prompt decays are excluded, too, and ``longest`` is infinite where all
        long-lived N are. The paper excludes against no signal, with the χ² of two parameters (`exclusion_rule`).

    Raises
    ------
    TypeError, ValueError
        For arguments of another kind, several points, and a sample without a selected upscattering that could be
        scaled to the rate.

    Examples
    --------
    >>> shortest, longest = excluded_lifetimes(Kernel(sample), BENCHMARK_B, ANALYSIS_I, 100.0)   # doctest: +SKIP
    """
    estimator = check_estimator(estimator, "upscatterings", "events_at_lifetime")
    check_kinds(analysis=(analysis, Analysis), likelihood=(likelihood, Callable))
    check_point(parameters)
    rates = real_numbers("event_rate", event_rate, 1e-30, 1e30)
    made = float(fits(estimator.upscatterings(parameters, analysis), analysis, ()).total().mean)
    if not made > 0:
        raise ValueError(f"events must hold upscatterings that {analysis.name} selects, got a rate of {made:g}")
    scale = rates.ravel() / made
    x = np.log(np.geomspace(*SEARCHED, GRID_POINTS))
    grid = fits(estimator.events_at_lifetime(parameters, np.exp(x), analysis), analysis, x.shape)
    # Smooth in the logarithm of everything, so that few lifetimes serve for all rates.
    splines = [
        scipy.interpolate.CubicSpline(x, np.log(np.maximum(a, np.finfo(float).tiny)))
        for a in (grid.mean, grid.variance)
    ]

    def signal(ln_ctau: Array, factor: Array) -> Expectation:
        mean, variance = (np.exp(spline(ln_ctau)) for spline in splines)
        factor = factor[..., None]
        return Expectation(factor * mean, factor**2 * variance)

    without = float(values_of(likelihood, no_signal(analysis), analysis))
    allowed = allowance(signal(x, scale[:, None]), analysis, likelihood, without, cl, n_parameters, method)

    def above(ln_ctau: Array, factor: Array) -> Array:
        return allowed(signal(ln_ctau, factor))

    excluded = above(x, scale[:, None]) <= 0
    row, step = np.nonzero(excluded[:, 1:] != excluded[:, :-1])
    edge = np.exp(roots(above, x[step], x[step + 1], scale[row]))
    enters = excluded[row, step + 1]
    shortest, longest = np.full((2, len(scale)), np.nan)
    # Of several edges of a rate, the first into what is excluded and the last out of it: what is written last, stays.
    shortest[row[enters][::-1]] = edge[enters][::-1]
    longest[row[~enters]] = edge[~enters]
    shortest[excluded[:, 0]], longest[excluded[:, -1]] = 0.0, np.inf
    return shortest.reshape(rates.shape), longest.reshape(rates.shape)

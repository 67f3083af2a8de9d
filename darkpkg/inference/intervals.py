"""The ends of what is excluded along one parameter. Begin with `excluded_intervals`."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg.inference.likelihood import Likelihood, log_likelihood
from darkpkg.inference.scanning import prediction, scan, values_of
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import exclusion_rule, exclusion_threshold, log_likelihood_error, roots
from darkpkg.inputs import check_kinds
from darkpkg.method.interface import Predicts, check_estimator

Array = NDArray[np.float64]

__all__ = ["Interval", "excluded_intervals"]


@dataclass(frozen=True)
class Interval:
    """Where a parameter is excluded: from ``low`` to ``high``, with the errors that the simulation leaves.

    The errors are those of `Scan.log_excess_error`, over the slope of the rate along the parameter.
    An error is nan where the interval goes on beyond the range that was searched. ``rule`` is the `exclusion_rule`.
    """

    low: float
    high: float
    low_error: float
    high_error: float
    rule: str


def excluded_intervals(
    estimator: Predicts | None,
    along: Slice,
    analysis: Any,
    *,
    likelihood: Likelihood = log_likelihood,
    cl: float = 0.90,
    n_parameters: int = 2,
) -> list[Interval]:
    """Where ``analysis`` excludes one parameter, with both ends of each interval by root finding.

    Parameters
    ----------
    estimator, analysis, likelihood
        As in `scan`.
    along
        A slice with one free parameter. Its values are where to look first: an interval between two of them that does
        not show in the slope towards them is missed.
    cl, n_parameters
        The `exclusion_rule`; two parameters as in the paper's contours.

    Returns
    -------
    list of Interval
        In the unit of the parameter, with ends exact to 1e-8 of themselves. It is empty where nothing is excluded;
        where all is, there is one from the first to the last value, with errors of nan.

    Raises
    ------
    TypeError, ValueError
        For ``along`` that is no slice along one parameter, and what `scan` refuses.

    Examples
    --------
    >>> column = Slice(BENCHMARK_B, V_muN_sq=np.geomspace(1e-12, 1, 13))
    >>> excluded_intervals(Transport(sample), column, ANALYSIS_I)               # doctest: +SKIP
    [Interval(low=1.7e-07, high=1.0, low_error=1.9e-09, high_error=nan, rule='90 % CL for 2 parameters, …')]
    """
    check_kinds(along=(along, Slice))
    estimator = check_estimator(estimator, "events")
    if len(along.axes) != 1:
        raise ValueError(f"a limit on one parameter needs a Slice along one, got {list(along.axes)}")
    coarse = scan(estimator, along, analysis, likelihood=likelihood, refine=3, cl=cl, n_parameters=n_parameters)
    (values,) = (axis[coarse.evaluated] for axis in coarse.axes.values())
    lowest = coarse.best - exclusion_threshold(cl, n_parameters)

    def above(log_value: Array) -> Array:
        """ln L over the lowest that is allowed; finite, for the root finder."""
        signal = prediction(estimator, along.at(np.exp(log_value)), analysis)
        return np.maximum(values_of(likelihood, signal, analysis) - lowest, -1e300)

    x, excluded = np.log(values), coarse.log_likelihood[coarse.evaluated] < lowest
    edges = np.flatnonzero(excluded[1:] != excluded[:-1])
    log_ends = ends_errors = roots(above, x[edges], x[edges + 1])
    if edges.size:
        step = 1e-3
        slope = (above(log_ends + step) - above(log_ends - step)) / (2 * step)
        signal = prediction(estimator, along.at(np.exp(log_ends)), analysis)
        ends_errors = np.exp(log_ends) * log_likelihood_error(signal, analysis, likelihood) / np.abs(slope)
    ends = np.concatenate([values[:1], np.exp(log_ends), values[-1:]]).tolist()
    errors = [math.nan, *ends_errors.tolist(), math.nan]
    parts = list(itertools.pairwise(zip(ends, errors, strict=True)))[0 if excluded[0] else 1 :: 2]
    rule = exclusion_rule(cl, n_parameters)
    return [Interval(low, high, error, high_error, rule) for (low, error), (high, high_error) in parts]

"""The ends of what is excluded along one parameter. Begin with `excluded_intervals`."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from darkpkg.inference.constructions import allowance
from darkpkg.inference.likelihood import Likelihood, log_likelihood
from darkpkg.inference.outcomes import Method, method_of
from darkpkg.inference.scanning import scan
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import error_along, exclusion_rule, roots
from darkpkg.inputs import Array, check_kinds
from darkpkg.method.expectation import Expectation
from darkpkg.method.interface import Predicts, check_estimator, prediction


@dataclass(frozen=True)
class Interval:
    """Where a parameter is excluded: from ``low`` to ``high``, with the errors that the simulation leaves.

    Attributes
    ----------
    low, high
        Ends, in the unit of the parameter.
    low_error, high_error
        Their errors in the same unit: those of `Scan.log_excess_error`, over the slope of the rate along the
        parameter; nan where the interval goes on beyond the range that was searched.
    rule
        The `exclusion_rule` in words.
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
    method: str | Method = "likelihood",
) -> list[Interval]:
    """Where ``analysis`` excludes one parameter, with both ends of each interval by root finding.

    Parameters
    ----------
    estimator, analysis, likelihood
        As in `scan`.
    along
        A slice with one free parameter. Its values are where to look first: an interval between two of them that does
        not show in the slope towards them is missed.
    cl, n_parameters, method
        The `exclusion_rule`; two parameters as in the paper's contours.

    Returns
    -------
    list of Interval
        In the unit of the parameter, with ends exact to 1e-8 of themselves. It is empty where nothing is excluded;
        where all is, there is one from the first to the last value, with errors of nan.

    Raises
    ------
    TypeError, ValueError
        For ``along`` that is no slice along one parameter, and for the errors of `scan`.

    Examples
    --------
    >>> column = Slice(BENCHMARK_B, V_muN_sq=np.geomspace(1e-12, 1, 13))
    >>> excluded_intervals(Transport(sample), column, ANALYSIS_I)               # doctest: +SKIP
    [Interval(low=1.1e-07, high=1.0, low_error=8e-10, high_error=nan, rule='90 % CL for 2 parameters, …')]
    """
    check_kinds(along=(along, Slice))
    estimator = check_estimator(estimator, "events")
    if len(along.axes) != 1:
        raise ValueError(f"a limit on one parameter needs a Slice along one, got {list(along.axes)}")
    rule: Any = {"cl": cl, "n_parameters": n_parameters, "method": method}
    coarse = scan(estimator, along, analysis, likelihood=likelihood, refine=3, **rule)
    (values,) = (axis[coarse.evaluated] for axis in coarse.axes.values())
    allowed = allowance(coarse.known, analysis, likelihood, coarse.best, cl, n_parameters, method)

    def signal_at(log_value: Array) -> Expectation:
        return prediction(estimator, along.at(np.exp(log_value)), analysis)

    x, excluded = np.log(values), allowed(coarse.known) < 0
    edges = np.flatnonzero(excluded[1:] != excluded[:-1])
    log_ends = ends_errors = roots(lambda x: allowed(signal_at(x)), x[edges], x[edges + 1])
    if edges.size:
        ends_errors = np.exp(log_ends) * error_along(signal_at, log_ends, analysis, likelihood)
    ends = np.concatenate([values[:1], np.exp(log_ends), values[-1:]]).tolist()
    errors = [math.nan, *ends_errors.tolist(), math.nan]
    parts = list(itertools.pairwise(zip(ends, errors, strict=True)))[0 if excluded[0] else 1 :: 2]
    words = exclusion_rule(cl, n_parameters, method_of(method).name)
    return [Interval(low, high, error, high_error, words) for (low, error), (high, high_error) in parts]

"""The ends of what is excluded along one parameter. Begin with `excluded_intervals`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import elementwise

from darkpkg.inference.likelihood import Likelihood, log_likelihood
from darkpkg.inference.scanning import prediction, scan
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import exclusion_rule, exclusion_threshold, nearest_limit, scale_error
from darkpkg.inputs import check_kinds
from darkpkg.method.estimators import Predicts

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
    estimator: Predicts,
    along: Slice,
    analysis: Any,
    *,
    likelihood: Likelihood = log_likelihood,
    cl: float = 0.90,
    n_parameters: int = 2,
) -> list[Interval]:
    """Where ``analysis`` excludes one parameter, with both ends of each interval by root finding.

    ``along`` has one free parameter. Its values are where to look first: an interval that lies between two of them,
    and does not show in the slope towards them, is missed. The rest is as in `scan`; ``cl`` and ``n_parameters`` are
    those of `exclusion_rule`, two parameters as in the paper's contours. Ends are exact to 1e-8. The list is empty
    where nothing is excluded, and holds one interval from the first to the last value, with errors of nan, where all
    is.

    >>> column = Slice(BENCHMARK_B, V_muN_sq=np.geomspace(1e-12, 1, 13))
    >>> excluded_intervals(Transport(sample), column, ANALYSIS_I)               # doctest: +SKIP
    [Interval(low=1.7e-07, high=1.0, low_error=1.9e-09, high_error=nan, rule='90 % CL for 2 parameters, …')]
    """
    check_kinds(along=(along, Slice))
    if len(along.axes) != 1:
        raise ValueError(f"a limit on one parameter needs a Slice along one, got {list(along.axes)}")
    coarse = scan(estimator, along, analysis, likelihood=likelihood, refine=3, cl=cl, n_parameters=n_parameters)
    (values,) = (axis[coarse.evaluated] for axis in coarse.axes.values())
    height = coarse.log_excess(cl, n_parameters)[coarse.evaluated]
    lowest = coarse.best - exclusion_threshold(cl, n_parameters)

    def excess(log_value: Array) -> Array:
        signal = prediction(estimator, along.at(np.exp(log_value)), analysis)
        return nearest_limit(signal, analysis, likelihood, lowest, coarse.no_signal)[0]

    x, excluded = np.log(values), height > 0
    edges = np.flatnonzero(excluded[1:] != excluded[:-1])
    roots, errors = np.empty(0), np.empty(0)
    if edges.size:
        roots = elementwise.find_root(excess, (x[edges], x[edges + 1]), tolerances={"xatol": 1e-9}).x
        step = 1e-3
        slope = (excess(roots + step) - excess(roots - step)) / (2 * step)
        signal = prediction(estimator, along.at(np.exp(roots)), analysis)
        of_rate = scale_error(signal, analysis, likelihood, np.zeros(len(roots)))
        errors = np.exp(roots) * of_rate / np.abs(slope)
    ends = np.concatenate([values[:1], np.exp(roots), values[-1:]])
    errors = np.concatenate([[np.nan], errors, [np.nan]])
    parts = range(0 if excluded[0] else 1, len(ends) - 1, 2)
    rule = exclusion_rule(cl, n_parameters)
    return [Interval(*map(float, (ends[i], ends[i + 1], errors[i], errors[i + 1])), rule) for i in parts]

"""Errors of whatever is computed from counts in groups, by leaving out one group after the other: the jackknife.

Begin with `events_in`, `ratio` and `error`. Values come with their replicates, (1 + groups,): of all events, then
without each group. In the ratio of two counts of the same events their common fluctuation cancels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import Analysis
from darkpkg.inference.likelihood import log_likelihood
from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.method.expectation import Expectation

Array = NDArray[np.float64]

__all__ = ["allowed", "cell", "error", "events_in", "ratio", "replicates", "written"]

_SCALE = np.geomspace(0.1, 100, 91)


def replicates(sums: Array) -> Array:
    """The sum (groups, bins) over all groups, then without each of them: (1 + groups, bins)."""
    total, groups = sums.sum(axis=0), len(sums)
    return np.concatenate([total[None], (total - sums) * groups / (groups - 1)])


def error(x: Array) -> float:
    """Jackknife error of x (1 + groups,), which begins with the value of all events."""
    k = len(x) - 1
    return np.sqrt((k - 1) / k * ((x[1:] - x[1:].mean()) ** 2).sum())


def events_in(sums: Array, bins: Any = slice(None)) -> Array:
    """Expected events in some bins, of all groups and without each (1 + groups,)."""
    return replicates(sums[0])[:, bins].sum(axis=1)


def allowed(sums: Array, analysis: Analysis) -> Array:
    """Factor on the signal at its 90 % limit for two parameters, of all events and without each group (1 + groups,).

    The statistical error in the likelihood is that of the whole sample.
    """
    mean, variance = replicates(sums[0])[:, None], sums[1].sum(axis=0)
    c = np.concatenate([[0.0], _SCALE])[:, None]
    scaled = Expectation(c * mean, np.broadcast_to(c**2 * variance, (c * mean).shape))
    lnL = log_likelihood(scaled, analysis)
    threshold = np.log(exclusion_threshold(0.90))
    fall = np.log(np.maximum(lnL.max(axis=1, keepdims=True) - lnL, 1e-9))[:, 1:]
    last = np.array([np.flatnonzero(f < threshold)[-1] for f in fall])
    row, x = np.arange(len(last)), np.log(_SCALE)
    low, high = fall[row, last], fall[row, last + 1]
    return np.exp(x[last] + (threshold - low) / (high - low) * (x[1] - x[0]))


def ratio(now: Array, before: Array) -> Array:
    """Change in per cent, of all events and without each group."""
    return 100 * (now / before - 1)


def written(x: Array, digits: int) -> str:
    """Value and jackknife error."""
    return f"{x[0]:.{digits}f} ± {error(x):.{digits}f}"


def cell(x: Array, digits: int = 2) -> str:
    """The same with a sign; without an error if there is none, as for a factor on everything."""
    if abs(x[0]) < 1e-9:
        return "0"
    return f"{x[0]:+.{digits}f}" + (f" ± {error(x):.{digits}f}" if error(x) > 1e-9 else "")

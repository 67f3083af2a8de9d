"""A likelihood of the weights of all events, to compare with those of their mean and variance: chapter *coverage*.

Begin with `weighted_log_likelihood`. An expectation of the library holds no weights of events: those of all events at
all points of a plane would be too many.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.inputs import real_numbers, whole_number

__all__ = ["weighted_log_likelihood"]


def weighted_log_likelihood(observed: int, weights: ArrayLike, background: float = 0.0) -> float:
    r"""ln L of counts in one bin for the weights of the events themselves, not only their mean and variance.

    Each event stands for an exponential distribution of mean w of its expectation. Their sum makes

    .. math:: L &= e^{-b}\prod_i\frac{1}{1+w_i}\,D_k, \\
              D_k &= \frac1k\sum_{j=1}^k p_j D_{k-j},\quad D_0 = 1 , \\
              p_j &= \sum_i\Bigl(\frac{w_i}{1+w_i}\Bigr)^j + b\,\delta_{j1} .

    Equal weights give the mean-preserving likelihood. T. Glüsenkamp, arXiv:1712.01293 and 1902.08831.

    Parameters
    ----------
    observed
        The count.
    weights
        (n,), in expected events.
    background
        Known for certain.

    Examples
    --------
    >>> round(weighted_log_likelihood(0, [0.5, 0.5]), 6) == round(-2 * np.log(1.5), 6)
    True
    """
    k, w = whole_number("observed", observed), real_numbers("weights", weights, 0.0, 1e60)
    ratio = w / (1 + w)
    powers = [float((ratio**j).sum()) for j in range(1, k + 1)]
    D, log_scale = [1.0], 0.0
    for n in range(1, k + 1):
        first = background * D[n - 1]
        D.append((first + sum(p * D[n - 1 - j] for j, p in enumerate(powers[:n]))) / n)
        if D[-1] > 1e100:
            D, log_scale = [d * 1e-100 for d in D], log_scale + 100 * np.log(10)
    with np.errstate(divide="ignore"):
        return float(np.log(D[k]) + log_scale - background - np.log1p(w).sum())

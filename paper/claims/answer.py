"""What an answer to a claim is: a number of ours with its statistical error.

Begin with `Answer`. The modules `model`, `detector`, `method` and `limits` of this folder have a function for each
claim, called by the claim's name; each takes the samples and returns an `Answer`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from darkpkg.method.expectation import Expectation
from paper.acceptances import Share

Array = NDArray[np.float64]

__all__ = ["NOTHING", "Answer", "number", "of_share", "ratio", "share_of", "slope"]

NOTHING = float("nan")
"""The value of an answer where the text as printed gives none."""


@dataclass(frozen=True)
class Answer:
    """Our number for a claim with its statistical error, zero if no sample is behind it.

    ``value`` is `NOTHING` if the text as printed gives none. ``assumed`` is what follows under the assumption that
    stands beside the claim in ``data/paper/claims.csv``, if it makes one.
    """

    value: float
    error: float = 0.0
    assumed: Answer | None = None


def number(expectation: Expectation) -> Answer:
    """The sum over all bins."""
    total = expectation.total()
    return Answer(float(total.mean), float(total.error))


def of_share(share: Share) -> Answer:
    """A share as an answer."""
    return Answer(share.mean, share.error)


def share_of(chosen: NDArray[np.bool_] | Array, weight: Array) -> Answer:
    """Share of the weight (n,) that the ``chosen`` events (n,) have."""
    return of_share(Share.of(chosen, weight))


def ratio(above: Answer, below: Answer) -> Answer:
    """The ratio of two independent numbers."""
    value = above.value / below.value
    return Answer(value, abs(value) * float(np.hypot(above.error / above.value, below.error / below.value)))


def slope(function: Callable[[float], float], at: float) -> float:
    """d ln f / d ln x."""
    step = 1e-3
    up, down = (np.log(function(at * np.exp(sign * step))) for sign in (1, -1))
    return float((up - down) / (2 * step))

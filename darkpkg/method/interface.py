"""What an estimator is. Begin with `Estimator`: `darkpkg.Transport`, `darkpkg.Kernel` and a table are some.

Everything that predicts takes one of them, or an object of your own with these methods.
"""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import ArrayLike

from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation
from darkpkg.method.table import load_table


class Predicts(Protocol):
    """What `darkpkg.scan`, `excluded_intervals` and `PointLikelihood` need of an estimator."""

    def events(self, parameters: Any, analysis: Any, /) -> Expectation:
        """Expected signal in each bin of ``analysis`` at each point: of the points' shape + (bins,)."""


class Estimator(Predicts, Protocol):
    """What a sample predicts. Each method returns arrays of θ's shape + (bins,)."""

    def upscatterings(self, parameters: Any, analysis: Any, /) -> Expectation:
        """As `events`, wherever N decays: selection and efficiency only."""

    def events_at_lifetime(self, parameters: Any, ctau: ArrayLike, analysis: Any, /) -> Expectation:
        """As `events`, with a free proper decay length ``ctau`` (cm) of N that broadcasts against θ's shape."""


def check_estimator(estimator: Any, *methods: str) -> Any:
    """The estimator, or the table of all rates for None.

    Raises `TypeError` unless it has these ``methods``; a sample leaves open which estimator is meant.
    """
    if estimator is None:
        return load_table()
    if isinstance(estimator, PlacedEvents):
        raise TypeError("estimator must be darkpkg.Transport(sample) or darkpkg.Kernel(sample), got the sample alone")
    for name in methods:
        if isinstance(estimator, type) or not callable(getattr(estimator, name, None)):
            raise TypeError(f"estimator must have a method {name}, as darkpkg.Transport has, got {estimator!r}")
    return estimator

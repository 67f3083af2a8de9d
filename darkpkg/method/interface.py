"""What an estimator is. Begin with `Estimator`: `darkpkg.Transport`, `darkpkg.Kernel` and a table are some.

Everything that predicts takes one of them, or an object of your own with these methods.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.inputs import check, check_kinds
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


def prediction(
    estimator: Predicts, parameters: Any, analysis: Any, shape: tuple[int, ...] | None = None
) -> Expectation:
    """What the estimator predicts, if it `fits` the points and bins.

    Parameters
    ----------
    estimator, parameters, analysis
        As in `darkpkg.scan`.
    shape
        Of the points; by default that of what is predicted.

    Returns
    -------
    Expectation
        Of the points' ``shape`` + (bins,).

    Raises
    ------
    TypeError, ValueError
        As `fits` does.
    """
    return fits(estimator.events(parameters, analysis), analysis, shape)


def fits(found: Any, analysis: Any, shape: tuple[int, ...] | None = None) -> Expectation:
    """What was predicted, an `Expectation` of the points' ``shape`` + (bins,).

    Raises `TypeError` and `ValueError` for another kind or shape, and for nan, which would count as a point left out.
    """
    check_kinds(prediction=(found, Expectation))
    wanted = (*(np.shape(found.mean)[:-1] if shape is None else shape), len(analysis.observed))
    for name, values in vars(found).items():
        if np.shape(values) != wanted:
            raise ValueError(
                f"{name} of a prediction must have the shape of points and bins {wanted}, got {np.shape(values)}"
            )
        check(f"{name} of a prediction", np.asarray(values), "finite")
    return found

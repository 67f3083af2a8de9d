"""Estimators: what a sample predicts at any point of the parameter space. Begin with `Transport` or `Kernel`.

Everything that predicts takes one of them, or an object of your own with the methods of `Estimator`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.experiment.analysis import Analysis
from darkpkg.inputs import check_kinds
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation
from darkpkg.method.kernel_estimate import Remembered, kernel_estimate
from darkpkg.method.smoothing import SMOOTHING, Smoothing
from darkpkg.method.transport import NEIGHBOURHOOD, transport
from darkpkg.method.weights import check_placed, positive_lifetime, sampling_range
from darkpkg.physics.model import DarkParameters

Array = NDArray[np.float64]

__all__ = ["Estimator", "Kernel", "Predicts", "Transport", "check_estimator"]


class Predicts(Protocol):
    """What `darkpkg.scan`, `excluded_intervals` and `PointLikelihood` need of an estimator."""

    def events(self, parameters: Any, analysis: Any, /) -> Expectation:
        """Expected signal in each bin of ``analysis`` at each point: of the points' shape + (bins,)."""


class Estimator(Predicts, Protocol):
    """What can be asked of a sample. Each method returns arrays of θ's shape + (bins,)."""

    def upscatterings(self, parameters: Any, analysis: Any, /) -> Expectation:
        """As `events`, wherever N decays: selection and efficiency only."""

    def events_at_lifetime(self, parameters: Any, ctau: ArrayLike, analysis: Any, /) -> Expectation:
        """As `events`, with a free proper decay length ``ctau`` (cm) of N that broadcasts against θ's shape."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """A sample smoothed over the masses by a kernel, Eq. (24): fast, with a bias that each `Expectation` estimates.

    Parameters
    ----------
    sample
        Output of `place`. At fixed masses nothing is smoothed, and θ must have just these.
    smoothing
        Bandwidth and kind of average. Kernels of `darkpkg.method.kernels` are summed by compiled code, others of
        your own, subclasses of its ``Kernel``, by numpy, which is slower.

    The methods raise `OutsideSampleError` outside the sampled region, and warn (`FewEventsWarning`) where fewer than
    10 effective events remain. Points that differ by the couplings of production only are summed once.

    >>> Kernel(sample).events(BENCHMARK_B, ANALYSIS_I).total()                  # doctest: +SKIP
    4.70 ± 0.08
    """

    sample: PlacedEvents = field(repr=False)
    smoothing: Smoothing = SMOOTHING

    def __post_init__(self) -> None:
        check_placed("sample", self.sample)
        check_kinds(smoothing=(self.smoothing, Smoothing))

    def events(self, parameters: DarkParameters, analysis: Analysis) -> Expectation:
        """Expected signal in each bin of ``analysis``."""
        _check_points(parameters, analysis)
        return self._sum(parameters, np.asarray(parameters.proper_decay_length()), analysis)

    def upscatterings(self, parameters: DarkParameters, analysis: Analysis) -> Expectation:
        """As `events`, wherever N decays: selection and efficiency only."""
        _check_points(parameters, analysis)
        return self._sum(parameters, None, analysis)

    def events_at_lifetime(self, parameters: DarkParameters, ctau: ArrayLike, analysis: Analysis) -> Expectation:
        """As `events`, with a free proper decay length ``ctau`` (cm) of N that broadcasts against θ's shape."""
        _check_points(parameters, analysis)
        return self._sum(parameters, positive_lifetime(ctau), analysis)

    def _sum(self, parameters: DarkParameters, ctau: Array | None, analysis: Analysis) -> Expectation:
        return kernel_estimate(self.sample, parameters, analysis, self.smoothing, ctau)


_transported: Remembered[PlacedEvents] = Remembered(most=2)
"""The last masses, for which couplings and lifetimes cost next to nothing."""


@dataclass(frozen=True, eq=False)
class Transport:
    """A sample whose events are transported to the masses of each point: no bias, a smaller error, and more work.

    Parameters
    ----------
    sample
        Output of `place`. At fixed masses nothing is transported, and θ must have just these.
    neighbourhood
        Which events are transported: see `transport`.

    Each pair of masses costs a `transport`, some tenths of a second for a million events. Raises and warns as
    `Kernel`; events that do not tell from which point of phase space they came cannot be transported.
    """

    sample: PlacedEvents = field(repr=False)
    neighbourhood: Smoothing = NEIGHBOURHOOD

    def __post_init__(self) -> None:
        check_placed("sample", self.sample)
        check_kinds(neighbourhood=(self.neighbourhood, Smoothing))

    def events(self, parameters: DarkParameters, analysis: Analysis) -> Expectation:
        """Expected signal in each bin of ``analysis``."""
        return self._at_each(parameters, analysis, lambda at, points, _: at.events(points, analysis))

    def upscatterings(self, parameters: DarkParameters, analysis: Analysis) -> Expectation:
        """As `events`, wherever N decays: selection and efficiency only."""
        return self._at_each(parameters, analysis, lambda at, points, _: at.upscatterings(points, analysis))

    def events_at_lifetime(self, parameters: DarkParameters, ctau: ArrayLike, analysis: Analysis) -> Expectation:
        """As `events`, with a free proper decay length ``ctau`` (cm) of N that broadcasts against θ's shape."""
        _check_points(parameters, analysis)
        lengths = positive_lifetime(ctau)
        shape = np.broadcast_shapes(parameters.shape, lengths.shape)
        spread = parameters.replace(m_N=np.broadcast_to(parameters.m_N, shape)) if shape else parameters
        flat = np.broadcast_to(lengths, shape).ravel()
        return self._at_each(spread, analysis, lambda at, p, here: at.events_at_lifetime(p, flat[here], analysis))

    def samples(self, parameters: DarkParameters) -> Iterator[tuple[NDArray[np.int64], DarkParameters, PlacedEvents]]:
        """For each pair of masses: indices of the flattened points that have it, these points, and their events."""
        fields = {n: np.broadcast_to(getattr(parameters, n), parameters.shape).ravel() for n in parameters.numbers()}
        masses = np.stack([fields["m_N"], fields["m_Zprime"]])
        unique, index = np.unique(masses, axis=1, return_inverse=True)
        for i in range(unique.shape[1]):
            here = np.flatnonzero(index.reshape(-1) == i)
            points = parameters.replace(**{name: numbers[here] for name, numbers in fields.items()})
            yield here, points, self._transported(points.replace(**{n: a[here[0]] for n, a in fields.items()}))

    def _transported(self, point: DarkParameters) -> PlacedEvents:
        if sampling_range(self.sample).is_fixed:
            return self.sample
        key = float(point.m_N), float(point.m_Zprime), point.is_majorana, point.decays, self.neighbourhood
        return _transported.get(self.sample, key, lambda: transport(self.sample, point, self.neighbourhood))

    def _at_each(self, parameters: DarkParameters, analysis: Analysis, predict: Callable[..., Any]) -> Expectation:
        _check_points(parameters, analysis)
        values = np.empty((math.prod(parameters.shape), 4, len(analysis.observed)))
        for here, points, sample in self.samples(parameters):
            found = predict(Kernel(sample), points, here)
            values[here] = np.stack([found.mean, found.variance, found.bias, found.bias_variance], axis=1)
        return Expectation(*np.moveaxis(values, 1, 0).reshape(4, *parameters.shape, len(analysis.observed)))


def check_estimator(estimator: Any, *methods: str) -> None:
    """Raise `TypeError` unless this is an estimator with these ``methods``; a sample leaves open which is meant."""
    if isinstance(estimator, PlacedEvents):
        raise TypeError("estimator must be darkpkg.Transport(sample) or darkpkg.Kernel(sample), got the sample alone")
    for name in methods:
        if isinstance(estimator, type) or not callable(getattr(estimator, name, None)):
            raise TypeError(f"estimator must have a method {name}, as darkpkg.Transport has, got {estimator!r}")


def _check_points(parameters: Any, analysis: Any) -> None:
    check_kinds(parameters=(parameters, DarkParameters), analysis=(analysis, Analysis))

"""What a sample predicts at any point of the parameter space. Begin with `Transport` or `Kernel`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import Analysis
from darkpkg.inputs import Array, check_kinds
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation
from darkpkg.method.kernel_estimate import Remembered, kernel_estimate
from darkpkg.method.predictions import Predictions
from darkpkg.method.smoothing import SMOOTHING, Smoothing
from darkpkg.method.transport import NEIGHBOURHOOD, transport
from darkpkg.method.weights import check_placed, sampling_range
from darkpkg.physics.model import BENCHMARK_B, DarkParameters


@dataclass(frozen=True, eq=False)
class _OfSample(Predictions):
    """The predictions of a sample; further fields are those of the smoothing."""

    sample: PlacedEvents = field(repr=False)

    def __post_init__(self) -> None:
        check_placed("sample", self.sample)
        for one in fields(self)[1:]:
            check_kinds(**{one.name: (getattr(self, one.name), Smoothing)})


@dataclass(frozen=True, eq=False)
class Kernel(_OfSample):
    """A sample smoothed over the masses by a kernel, Eq. (24): fast, with a bias that each `Expectation` estimates.

    Points that differ by the couplings of production only are summed once. Those that differ by lifetimes only, as
    along an axis of ε, are summed together: a few with the bits that each has alone, many with 1e-6 of these sums.

    Parameters
    ----------
    sample
        Output of `place`. At fixed masses nothing is smoothed, and θ must have just these.
    smoothing
        Bandwidth and kind of average. Kernels of `darkpkg.method.kernels` are summed by compiled code, others of
        your own, subclasses of its ``Kernel``, by numpy, which is slower.

    Examples
    --------
    >>> Kernel(sample).events(BENCHMARK_B, ANALYSIS_I).total()                  # doctest: +SKIP
    4.70 ± 0.08
    """

    smoothing: Smoothing = SMOOTHING

    def _sum(self, parameters: DarkParameters, ctau: Array | None, analysis: Analysis) -> Expectation:
        return kernel_estimate(self.sample, parameters, analysis, self.smoothing, ctau)


_transported = Remembered(transport, most=2)
"""The last masses, for which couplings and lifetimes cost next to nothing."""


@dataclass(frozen=True, eq=False)
class Transport(_OfSample):
    """A sample whose events are transported to the masses of each point: no bias, a smaller error, and more work.

    Each pair of masses needs a `transport`, some hundredths of a second for a million events. Events without the
    point of phase space that they came from cannot be transported.

    Parameters
    ----------
    sample
        Output of `place`. At fixed masses nothing is transported, and θ must have just these.
    neighbourhood
        Which events are transported: see `transport`.
    """

    neighbourhood: Smoothing = NEIGHBOURHOOD

    def samples(self, parameters: DarkParameters) -> Iterator[tuple[NDArray[np.int64], DarkParameters, PlacedEvents]]:
        """For each pair of masses: indices of the flattened points that have it, these points, and their events."""
        flat = {n: np.broadcast_to(getattr(parameters, n), parameters.shape).ravel() for n in parameters.numbers()}
        pairs, index = np.unique([flat["m_N"], flat["m_Zprime"]], axis=1, return_inverse=True)
        fixed = sampling_range(self.sample).is_fixed
        for i, (m_N, m_Zprime) in enumerate(pairs.T.tolist()):
            here = np.flatnonzero(index.ravel() == i)
            points = parameters.replace(**{name: numbers[here] for name, numbers in flat.items()})
            at = BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime, is_majorana=parameters.is_majorana)
            yield here, points, self.sample if fixed else _transported(self.sample, at, self.neighbourhood)

    def _sum(self, parameters: DarkParameters, ctau: Array | None, analysis: Analysis) -> Expectation:
        shape, bins = parameters.shape, len(analysis.observed)
        if ctau is not None:
            shape = np.broadcast_shapes(shape, ctau.shape)
            ctau = np.broadcast_to(ctau, shape).ravel()
        spread = parameters.replace(m_N=np.broadcast_to(parameters.m_N, shape))
        names = [one.name for one in fields(Expectation)]
        sums = np.empty((len(names), math.prod(shape), bins))
        for here, points, sample in self.samples(spread):
            own = kernel_estimate(sample, points, analysis, SMOOTHING, None if ctau is None else ctau[here])
            sums[:, here] = [getattr(own, name) for name in names]
        return Expectation(*sums.reshape(len(names), *shape, bins))

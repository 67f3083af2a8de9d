"""The sum of all weights over the events of a sample, for many points at once. Begin with `kernel_estimate`.

`darkpkg.Kernel` and `darkpkg.Transport` call it. What does not depend on the point is prepared once for each
selection and remembered.
"""

from __future__ import annotations

import functools
import itertools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.selection import Selection
from darkpkg.inputs import Array
from darkpkg.method.events import Events, PlacedEvents
from darkpkg.method.expectation import Expectation, warn_of_few
from darkpkg.method.flights import decay_rates, decays, paths_of
from darkpkg.method.kernel_loops import Points, Prepared, kernel_sums
from darkpkg.method.kernels import EPANECHNIKOV, GAUSSIAN, UNIFORM, Kernel
from darkpkg.method.mass_kernel import check_inside, density_times_level, mass_coefficients, mass_level
from darkpkg.method.predictions import ELECTRON
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.smoothing import WIDER, Smoothing, moments, neighbours
from darkpkg.method.weights import check_simulated, coupling_weight, exposures, flavours_of, sampling_range
from darkpkg.physics.model import DarkParameters

_COMPILED: dict[Kernel, int] = {EPANECHNIKOV: 0, UNIFORM: 1, GAUSSIAN: 2}
"""Kernels that the loop has in it; any other is summed by numpy."""

_TOGETHER = 64
"""Lifetimes at the same masses that are summed together; of more, other threads sum some."""


class Remembered:
    """A function whose last few results are kept for each sample, its first argument, as long as that exists."""

    def __init__(self, function: Callable[..., Any], most: int) -> None:
        self._function, self._most = function, most
        self.caches: weakref.WeakKeyDictionary[Events, Any] = weakref.WeakKeyDictionary()

    def __call__(self, sample: Events, *arguments: Any) -> Any:
        """The result for this sample and further arguments, which can be hashed."""
        alive = weakref.ref(sample)
        forgetful = functools.lru_cache(self._most)(lambda *others: self._function(alive(), *others))
        return self.caches.setdefault(sample, forgetful)(*arguments)


Flavours = tuple[int, ...]
Exposures = tuple[tuple[str, float], ...]
Flights = tuple[bool, bool]
"""Whether there are points where N flies alone, and points where Z′ flies after it."""


def _prepare(
    events: PlacedEvents, selection: Selection, beams: Exposures, slope: Any, flavours: Flavours, flights: Flights
) -> Prepared:
    """Events that ``selection`` takes, for each of some beams with their protons on target.

    All weights that do not depend on θ are in them. Columns number flavour, channel, bin and replicate, one within
    the other.
    """
    sampling = sampling_range(events)
    bins, efficiency = selection.accepted(events)
    weight = events.weight * efficiency
    chosen = np.flatnonzero(weight != 0)  # numpy finds truth values ten times as fast as numbers
    if len(flavours) == 1:
        chosen = chosen[np.abs(events.flavour[chosen]) == flavours[0]]
    weights = weight[chosen] * exposures(events, beams, chosen)
    counts = [np.flatnonzero(own != 0) for own in weights]
    channel, row = np.repeat(np.arange(len(beams)), [len(own) for own in counts]), chosen[np.concatenate(counts)]
    base = np.concatenate([own[which] for own, which in zip(weights, counts, strict=True)])
    axes = len(flavours), len(beams), selection.n_bins, events.origin.replicates
    of_electron = (np.abs(events.flavour[row]) == ELECTRON).astype(int) if len(flavours) > 1 else 0
    place = of_electron, channel, bins[row], events.replicate[row] % axes[-1] if axes[-1] > 1 else 0
    m_N, m_Zprime = events.m_N[row], events.m_Zprime[row]
    base /= density_times_level(sampling, m_N, m_Zprime, Smoothing(slope=slope))
    x, y, column = np.log(m_N), np.log(m_Zprime), np.ravel_multi_index(place, axes)
    order, edges, starts = in_strips(x, y)
    paths = paths_of(events, selection.decay_modules, *flights, row[order])
    nearest = float(paths.begin.min(where=paths.width > 0, initial=np.inf))
    farthest = float((paths.begin + paths.width).max(initial=0.0))
    return Prepared(x[order], y[order], base[order], column[order], paths, edges, starts, nearest, farthest)


def in_strips(x: Array, y: Array) -> tuple[NDArray[np.int64], Array, NDArray[np.int64]]:
    """The order of samples (n,) by strip in x and within a strip by y: a point visits the few within its reach.

    Second and third, where the strips begin, in x and in that order, which ends with n. Strips are of equal width.
    """
    n = int(np.sqrt(len(x))) + 1
    low, high = (float(x.min()), float(x.max())) if len(x) else (0.0, 0.0)
    width = (high - low) / n or 1.0
    strip = np.minimum((x - low) / width, n - 1).astype(np.uint16)  # of which numpy sorts a million in a few passes
    order = np.argsort(strip, kind="stable")
    starts = np.searchsorted(strip[order], np.arange(n + 1)).astype(np.int64)
    for start, stop in itertools.pairwise(starts.tolist()):
        own = order[start:stop]
        order[start:stop] = own[np.argsort(y[own])]
    return order, np.linspace(low, high, n, endpoint=False), starts


prepared = Remembered(_prepare, most=4)
"""What a selection needs of a sample, for `kernel_estimate`; the last four are remembered for each sample."""


def kernel_estimate(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing, ctau: Any
) -> Expectation:
    """Eq. (24): the sum of all weights over the events.

    Parameters
    ----------
    events
        A sample in a detector.
    parameters
        Points of any shape.
    analysis
        Its channels have selection and exposure.
    smoothing
        How to smooth over the masses.
    ctau
        Proper decay length of N in cm, which broadcasts, or None for upscatterings wherever N decays.

    Returns
    -------
    Expectation
        Of shape (θ and ctau broadcast) + (bins,).

    Raises
    ------
    OutsideSampleError
        If a mass lies outside the sampled region.
    """
    check_inside(sampling_range(events), parameters.m_N, parameters.m_Zprime)
    shape = np.broadcast_shapes(parameters.shape, np.shape(ctau))
    rates = (0.0, np.inf) if ctau is None else decay_rates(parameters, ctau)
    h = smoothing.bandwidths(shape, 2).reshape(-1, 2)
    # Points of equal masses, lifetime and bandwidth differ only by a factor: each is summed once.
    fields = (parameters.m_N, parameters.m_Zprime, *rates)
    points = np.stack([*(np.broadcast_to(one, shape).ravel() for one in fields), *h.T])
    index = np.zeros(1, dtype=np.int64)
    if points.shape[1] != 1:
        points, index = np.unique(points, axis=1, return_inverse=True)
    flavours = flavours_of(events, parameters)
    factors = np.stack([np.broadcast_to(coupling_weight(events, parameters, f), shape).ravel() for f in flavours])
    sums, products = _sums(events, np.ascontiguousarray(points), analysis, smoothing, flavours, ctau is None)
    first = np.einsum("fp,pfbk->kpb", factors, sums[index.ravel()])
    second = np.einsum("fp,gp,pfgbk->kpb", factors, factors, products[index.ravel()])
    mean, bias, variance, bias_variance, covariance = (
        one.reshape(*shape, len(analysis.observed)) for one in (*first, *second)
    )
    expectation = Expectation(mean, variance, bias, bias_variance, covariance=covariance)
    masses = {name: np.broadcast_to(getattr(parameters, name), shape) for name in ("m_N", "m_Zprime")}
    warn_of_few(expectation.in_channels(analysis).n_effective.min(axis=-1), masses, 4, " GeV")
    return expectation


def _sums(
    events: PlacedEvents, at: Array, analysis: Analysis, smoothing: Smoothing, flavours: Flavours, everywhere: bool
) -> tuple[Array, Array]:
    """Σw and Σd for masses, decay rates and bandwidths ``at`` points (6, p): (p, flavours, bins, 2).

    Second, their products for pairs of flavours, (p, flavours, flavours, bins, 3): variances of Σw and Σd, and the
    covariance of Σw with all other bins.
    """
    n, replicates, flies = at.shape[1], events.origin.replicates, np.isfinite(at[3])
    flights = not flies.all(), bool(flies.any())
    kernel = _kernel_at(sampling_range(events), at, smoothing)
    sums = np.empty((n, len(flavours), len(analysis.observed), replicates, 4))
    for selection in dict.fromkeys(channel.selection for channel in analysis.channels):
        channels = [channel for channel in analysis.channels if channel.selection == selection]
        for channel in channels:
            check_simulated(events, channel)
        beams = tuple((channel.beam, channel.pot) for channel in channels)
        sample = prepared(events, selection, beams, smoothing.slope, flavours, flights)
        bins = np.r_[tuple(analysis.bins_of(channel.name) for channel in channels)]
        own = np.zeros((n, len(flavours) * len(bins) * replicates, 4))
        _add(own, sample, at, *kernel, everywhere, replicates == 1)
        sums[:, :, bins] = own.reshape(n, len(flavours), len(bins), replicates, 4)
    products = np.zeros((n, len(flavours), len(flavours), len(analysis.observed), 3))
    if replicates == 1:
        one = np.arange(len(flavours))
        products[:, one, one, :, :2] = sums[..., 0, 1::2]
        return sums[..., 0, ::2], products
    # One replicate, and one bin, after the other: numpy would choose an order by the number of points.
    by_replicate = np.moveaxis(sums[..., ::2], 3, 0)
    first = sum(by_replicate[1:], by_replicate[0])
    off, scale = by_replicate - first / replicates, replicates / (replicates - 1)
    products[..., :2] = scale * sum(one[:, :, None] * one[:, None] for one in off)
    in_all = [sum(np.moveaxis(one[..., 0], -1, 0)) for one in off]
    pairs = zip(off, in_all, strict=True)
    products[..., 2] = scale * sum(one[:, :, None, :, 0] * every[:, None, :, None] for one, every in pairs)
    products[..., 2] -= products[..., 0]
    return first, products


def _kernel_at(sampling: SamplingRange, points: Array, smoothing: Smoothing) -> tuple[Kernel, Array, Array]:
    """The kernel with bandwidths (p, 2) and coefficients (p, 2, 3); at fixed masses one that is one everywhere."""
    masses, h, kernel = points[:2].T, np.ascontiguousarray(points[4:].T), smoothing.kernel
    if sampling.is_fixed:
        return UNIFORM, np.full(h.shape, np.inf), np.tile([1.0, 0.0, 0.0], (len(h), 2, 1))
    c, level = mass_coefficients(sampling, masses, h, smoothing), mass_level(sampling, masses, smoothing)
    if kernel not in _COMPILED:
        return kernel, h, c * level[:, None, None]
    norm = kernel.norm(2) * level / h.prod(axis=-1)  # which the loop leaves out
    return kernel, h, c / np.array([[1.0], [WIDER**2]]) * norm[:, None, None]


def _add(
    sums: Array, sample: Prepared, points: Array, kernel: Kernel, h: Array, c: Array, everywhere: bool, squares: bool
) -> None:
    """Add to ``sums`` (p, columns, 4) the `moments` of a sample around each point, by column."""
    (x, y), (rate, rate_of_Z) = np.log(points[:2]), points[2:4]
    if kernel in _COMPILED:
        shape = _COMPILED[kernel], kernel.reach, WIDER
        differs = (np.diff(points[[0, 1, 4, 5]]) != 0).any(axis=0)
        edges = itertools.pairwise([0, *(np.flatnonzero(differs) + 1).tolist(), len(x)])
        groups = [(one, min(one + _TOGETHER, end)) for begin, end in edges for one in range(begin, end, _TOGETHER)]
        kernel_sums(
            np.reshape(groups, (-1, 2)).astype(int),
            sums,
            Points(x, y, rate, rate_of_Z, h, c, *shape),
            sample,
            everywhere,
            squares,
        )
        return
    around = neighbours(kernel, np.stack([sample.x, sample.y], axis=-1), np.stack([x, y], axis=-1), h, c)
    for own, (near, both), of_N, of_Z in zip(sums, around, rate, rate_of_Z, strict=True):
        chance = 1.0 if everywhere else decays(sample.paths, of_N, of_Z if np.isfinite(of_Z) else None, near)
        for part, total in zip(moments((sample.base[near] * chance)[:, None], both), own.T, strict=True):
            total += np.bincount(sample.column[near], part[:, 0], len(total))

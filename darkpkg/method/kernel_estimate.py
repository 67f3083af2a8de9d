"""The sum of all weights over the events of a sample, for many points at once. Begin with `kernel_estimate`.

`darkpkg.Kernel` is its door. What does not depend on the point is prepared once for each selection and remembered.
"""

from __future__ import annotations

import math
import threading
import warnings
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.method.events import Events, PlacedEvents
from darkpkg.method.expectation import FEW_EVENTS, Expectation, FewEventsWarning
from darkpkg.method.generator import REPLICATES
from darkpkg.method.kernels import KERNELS, Kernel
from darkpkg.method.loops import decay_probabilities, kernel_sums
from darkpkg.method.mass_kernel import check_inside, check_smoothing, edge_coefficients, guessed_level
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.smoothing import WIDER, Smoothing
from darkpkg.method.weights import (
    coupling_weight,
    decay_rates,
    exposure_weight,
    families_of,
    flight_corners,
    sampling_range,
)
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import DarkParameters

Array = NDArray[np.float64]
T = TypeVar("T")

__all__ = ["Prepared", "Remembered", "kernel_estimate", "prepared_samples"]

_COMPILED = {"epanechnikov": 0, "uniform": 1, "gaussian": 2}
"""Kernels that the loop has in it; any other is summed by numpy."""


class Remembered(Generic[T]):
    """The last few results that were computed from each sample, as long as the sample lives. Safe in threads."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._results: weakref.WeakKeyDictionary[Events, dict[Hashable, T]] = weakref.WeakKeyDictionary()

    def get(self, sample: Events, key: Hashable, compute: Callable[[], T]) -> T:
        """The result of ``compute`` for this sample and key, remembered if it is there."""
        with self._lock:
            found = self._results.setdefault(sample, {}).pop(key, None)
        result = compute() if found is None else found
        with self._lock:
            known = self._results.setdefault(sample, {})
            known[key] = result
            while len(known) > self._most:
                known.pop(next(iter(known)))
        return result


@dataclass(frozen=True)
class Prepared:
    """Selected events with all weights that do not depend on θ, ordered for `kernel_sums`."""

    ln_m_N: Array
    ln_m_Zprime: Array
    base: Array
    column: NDArray[np.int64]
    begin: Array
    width: Array
    corner_starts: NDArray[np.int64]
    corners: Array
    strip_edges: Array
    strip_starts: NDArray[np.int64]

    def survival(self, rows: NDArray[Any], rate: float, rate_of_Z: float) -> Array:
        """Probability that each of the events of ``rows`` decays in the decay volumes."""
        if rate_of_Z == np.inf:
            return (np.exp(-rate * self.begin[rows]) * -np.expm1(-rate * self.width[rows])).sum(axis=-1)
        starts = self.corner_starts[rows]
        probability = np.empty(len(starts))
        decay_probabilities(*(np.full(len(starts), r) for r in (rate, rate_of_Z)), starts, self.corners, probability)
        return probability


_prepared: Remembered[Prepared] = Remembered(most=4)
"""As many selections of a sample as two analyses have with two beams each."""


def prepared_samples(
    events: PlacedEvents, analysis: Analysis, smoothing: Smoothing, with_flights: bool = False, family: int = 14
) -> list[tuple[tuple[Channel, ...], Prepared]]:
    """Groups of channels that are summed in one go, and the events of one of `FAMILIES` in their bins, prepared.

    The names of channels do not matter.
    """
    found = []
    for channels in _groups(analysis):
        key = tuple((c.beam, c.pot, c.selection) for c in channels), smoothing.slope, with_flights, family
        prepare = lambda channels=channels: _prepare(events, channels, smoothing, with_flights, family)  # noqa: E731
        found.append((channels, _prepared.get(events, key, prepare)))
    return found


def _groups(analysis: Analysis) -> list[tuple[Channel, ...]]:
    """Channels of a group share a selection, and have beams of their own."""
    groups: list[list[Channel]] = []
    for channel in analysis.channels:
        for group in groups:
            if group[0].selection == channel.selection and channel.beam not in [other.beam for other in group]:
                group.append(channel)
                break
        else:
            groups.append([channel])
    return [tuple(group) for group in groups]


def _prepare(
    events: PlacedEvents, channels: tuple[Channel, ...], smoothing: Smoothing, with_flights: bool, family: int
) -> Prepared:
    """Events in the bins of channels that share a selection, each with a beam of its own."""
    selection, sampling = channels[0].selection, sampling_range(events)
    exposure = np.stack([exposure_weight(events, channel) for channel in channels])
    bins = selection.bins(events)
    counts = (bins >= 0) & (np.abs(events.flavour) == family)
    base = np.where(counts, events.weight * selection.efficiency * exposure.sum(axis=0), 0.0)
    chosen = np.flatnonzero(base)
    # Strips of equally many events in m_N, and within each by m_Z′: a point visits the few strips within its reach.
    chosen = chosen[np.argsort(events.m_N[chosen], kind="stable")]
    starts = np.linspace(0, len(chosen), int(np.sqrt(len(chosen))) + 2).astype(np.int64)
    strip = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    edges = events.m_N[chosen[np.minimum(starts[:-1], len(chosen) - 1)]] if len(chosen) else np.ones(len(starts) - 1)
    chosen = chosen[np.lexsort((events.m_Zprime[chosen], strip))]
    masses = np.stack([events.m_N[chosen], events.m_Zprime[chosen]], axis=-1)
    inverse_momentum = 1 / momentum(events.p_N[chosen])[:, None]
    boxes = np.ix_(chosen, events.columns_of(selection.decay_modules))
    replicates = _replicates(events)
    bin_of_channel = exposure[:, chosen].argmax(axis=0) * selection.n_bins + bins[chosen]
    no_flights = np.zeros((0, 1), dtype=np.int64), np.zeros((0, 2))
    flights = flight_corners(events[chosen], selection.decay_modules) if with_flights else no_flights
    return Prepared(
        ln_m_N=np.log(masses[:, 0]),
        ln_m_Zprime=np.log(masses[:, 1]),
        base=base[chosen] / (sampling.q(*masses.T) * guessed_level(sampling, masses, smoothing)),
        column=bin_of_channel * replicates + events.replicate[chosen] % replicates,
        begin=events.entry[boxes] * inverse_momentum,
        width=(events.exit[boxes] - events.entry[boxes]) * inverse_momentum,
        corner_starts=flights[0],
        corners=flights[1],
        strip_edges=np.log(edges),
        strip_starts=starts,
    )


def _replicates(events: Events) -> int:
    """In how many parts of one sample to sum so that their spread gives the error; one if each event is on its
    own."""
    return REPLICATES if events.origin.sequence == "sobol" else 1


def kernel_estimate(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing, ctau: Any
) -> Expectation:
    """Eq. (24): the sum of all weights, of shape (θ and ctau broadcast) + (bins,).

    ``ctau`` is the proper decay length of N in cm, or None for upscatterings wherever N decays.
    """
    sampling = sampling_range(events)
    check_inside(sampling, parameters.m_N, parameters.m_Zprime)
    check_smoothing(smoothing)
    shape = np.broadcast_shapes(parameters.shape, np.shape(ctau))
    h = smoothing.bandwidths(shape, 2)
    rates = (np.zeros(()), np.asarray(np.inf)) if ctau is None else decay_rates(parameters, ctau)
    # Points of equal masses, lifetime and bandwidth differ only by a factor: each is summed once.
    fields = (parameters.m_N, parameters.m_Zprime, *rates)
    points = np.stack([*(np.broadcast_to(a, shape).ravel() for a in fields), *h.reshape(-1, 2).T])
    index = np.zeros(1, dtype=np.int64)
    if points.shape[1] != 1:
        points, index = np.unique(points, axis=1, return_inverse=True)
    h, c = _kernel_at(sampling, points[:2], points[4:].T, smoothing)
    sums = np.zeros((math.prod(shape), len(analysis.observed), 4))
    for family in families_of(parameters):
        factor = np.broadcast_to(coupling_weight(events, parameters, family), shape).ravel()
        distinct = _family_sums(events, analysis, smoothing, family, points[:4], h, c, ctau is None)
        sums += distinct[index.reshape(-1)] * factor[:, None, None] ** np.array([1, 2, 1, 2])
    expectation = Expectation(*np.moveaxis(sums, -1, 0).reshape(4, *shape, len(analysis.observed)))
    masses_of = (np.broadcast_to(mass, shape) for mass in (parameters.m_N, parameters.m_Zprime))
    _warn_if_few(expectation.in_channels(analysis), *masses_of)
    return expectation


def _kernel_at(sampling: SamplingRange, masses: Array, h: Array, smoothing: Smoothing) -> tuple[Array, Array]:
    """Bandwidths (p, 2), and coefficients (p, 2, 3) of the kernel with both its widths; no kernel at fixed masses."""
    if sampling.is_fixed:
        return np.full(h.shape, np.inf), np.tile([1.0, 0.0, 0.0], (len(h), 2, 1))
    centres = np.log(masses).T
    c = np.stack([edge_coefficients(sampling, centres, w * h, smoothing) / w**2 for w in (1.0, WIDER)], axis=1)
    level = guessed_level(sampling, masses.T, smoothing)
    return h, c * (smoothing.kernel.norm(2) * level / h.prod(axis=-1))[:, None, None]


def _family_sums(
    events: PlacedEvents, analysis: Analysis, smoothing: Smoothing, family: int, points: Array, h: Array, c: Array,
    everywhere: bool,
) -> Array:  # fmt: skip
    """Σw, Σw², Σd and Σd² of the events of a family at each point, (p, bins, 4): see `kernel_sums`."""
    (x, y), (rate, rate_of_Z) = np.log(points[:2]), points[2:]
    sums, kernel, replicates = np.empty((len(h), len(analysis.observed), 4)), smoothing.kernel, _replicates(events)
    with_flights = bool(np.isfinite(rate_of_Z).any())
    for channels, sample in prepared_samples(events, analysis, smoothing, with_flights, family):
        own = np.zeros((len(h), len(channels) * channels[0].selection.n_bins * replicates, 4))
        if KERNELS.get(kernel.name) == kernel:
            kernel_sums(
                x, y, rate, h, _COMPILED[kernel.name], kernel.reach, WIDER, c, sample.strip_edges,
                sample.strip_starts, sample.ln_m_N, sample.ln_m_Zprime, sample.base, sample.column, sample.begin,
                sample.width, everywhere, rate_of_Z, sample.corner_starts, sample.corners, own,
            )  # fmt: skip
        else:
            for i in range(len(h)):
                rates = None if everywhere else (rate[i], rate_of_Z[i])
                own[i] = _sums_by_numpy(sample, (x[i], y[i]), h[i], c[i], kernel, rates, own.shape[1])
        own = _over_replicates(own, replicates)
        for channel, bins in zip(channels, np.split(own, len(channels), axis=1), strict=True):
            sums[:, analysis.bins_of(channel.name)] = bins
    return sums


def _sums_by_numpy(
    sample: Prepared, centre: tuple[float, float], h: Array, c: Array, kernel: Kernel, rates: Any, n_columns: int
) -> Array:
    """What `kernel_sums` adds up at one point, (columns, 4), for a kernel of any profile."""
    u, v = (sample.ln_m_N - centre[0]) / h[0], (sample.ln_m_Zprime - centre[1]) / h[1]
    near = np.flatnonzero(u**2 + v**2 < (kernel.reach * WIDER) ** 2)
    u, v, column = u[near], v[near], sample.column[near]
    factor = sample.base[near] * (1.0 if rates is None else sample.survival(near, *rates))
    r_sq = u**2 + v**2
    w = factor * kernel.profile(r_sq) * (c[0, 0] + c[0, 1] * u + c[0, 2] * v)
    wider = factor * kernel.profile(r_sq / WIDER**2) * (c[1, 0] + (c[1, 1] * u + c[1, 2] * v) / WIDER)
    parts = (w, w**2, wider - w, (wider - w) ** 2)
    return np.stack([np.bincount(column, part, minlength=n_columns) for part in parts], axis=-1)


def _over_replicates(sums: Array, replicates: int) -> Array:
    """Sums (points, columns × replicates, 4) over replicates, with variances from the spread of these."""
    if replicates == 1:
        return sums
    parts = sums.reshape(len(sums), -1, replicates, 4)
    total = parts.sum(axis=2)
    total[..., 1::2] = replicates * parts[..., ::2].var(axis=2, ddof=1)
    return total


def _warn_if_few(expectation: Expectation, m_N: Array, m_Zprime: Array) -> None:
    fewest = expectation.n_effective.min(axis=-1)
    few = fewest < FEW_EVENTS
    if np.any(few):
        worst = np.unravel_index(np.argmin(fewest), fewest.shape)
        warnings.warn(
            f"only {fewest[worst]:.1f} effective events near m_N = {m_N[worst]:g} GeV, "
            f"m_Zprime = {m_Zprime[worst]:g} GeV ({few.sum()} of {few.size} points have fewer than {FEW_EVENTS}): "
            "simulate more or widen the bandwidth",
            FewEventsWarning,
            stacklevel=4,
        )

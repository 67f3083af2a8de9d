"""Expected events of an analysis under a reading, in the replicates of a sample.

Begin with `count`. Counts are sums in each of the Sobol sequences of a sample, its replicates; `error` is that of
them, and of whatever is computed from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.experiment.selection import Selection, observables
from darkpkg.method.events import PlacedEvents
from darkpkg.method.generator import REPLICATES
from darkpkg.method.weights import coupling_weight, exposure_weight, flights_at, lifetime_weight
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import DarkParameters
from paper.causes.kernel import smoothing
from paper.causes.readings import TEXT, Reading
from paper.causes.samples import Masses

Array = NDArray[np.float64]
Keep = Callable[[PlacedEvents], Any]

__all__ = ["count", "error", "total"]


def count(
    here: Masses,
    theta: DarkParameters,
    analysis: Analysis,
    reading: Reading,
    ctau: ArrayLike | None = None,
    in_chamber: bool = True,
    keep: Keep | None = None,
) -> Array:
    """Expected events in each replicate and bin: (replicates, bins), or (replicates, lifetimes, bins).

    Parameters
    ----------
    here
        Events at the masses of ``theta``, a single point.
    ctau
        Lifetimes (cm) instead of that of the reading.
    in_chamber
        Whether N must decay in a fiducial volume; else all N count whose pair passes.
    keep
        Function of events: whether each counts, (n,).
    """
    theta = theta.replace(decays=reading.decays)
    lifetimes = np.atleast_1d(reading.lifetime(theta) if ctau is None else ctau).astype(float)
    by_channel = [
        _counted(here, theta, channel, _alike(reading, channel), tuple(lifetimes.tolist()), in_chamber, keep)
        for channel in analysis.channels
    ]
    sums = np.concatenate(by_channel, axis=-1) * reading.factor(theta)
    if reading.smoothed:
        _smooth(sums, here, analysis, reading)
    return sums[:, 0] if np.ndim(ctau) == 0 else sums


_AFTERWARDS = ("lifetime", "factors", "smoothed", "counts", "poisson_below")
"""What of a reading changes the sums only after events are counted."""


def _alike(reading: Reading, channel: Channel) -> Reading:
    """The reading without what does not matter for the sums of a channel: they are counted once for all alike."""
    names = list(_AFTERWARDS)
    names += ["cuts"] if channel.selection.cuts is None else []
    names += ["response", "overflow"] if channel.selection.response is None else []
    return replace(reading, **{name: getattr(TEXT, name) for name in names})


@lru_cache(maxsize=64)
def _counted(
    here: Masses,
    theta: DarkParameters,
    channel: Channel,
    reading: Reading,
    lifetimes: tuple[float, ...],
    in_chamber: bool,
    keep: Keep | None,
) -> Array:
    """Sums (replicates, lifetimes, bins) without factors and smoothing."""
    here_and_now = _weights(here, theta, channel, reading, keep)
    return _sums(*here_and_now, theta, channel, reading, np.array(lifetimes), in_chamber)


def _smooth(sums: Array, here: Masses, analysis: Analysis, reading: Reading) -> None:
    """Multiply and distribute the sums of each channel as their kernel does."""
    by_channel = smoothing(here.m_N, here.m_Zprime, here.around, analysis, reading)
    for channel, smoothed in zip(analysis.channels, by_channel, strict=True):
        bins = analysis.bins_of(channel.name)
        sums[..., bins] = sums[..., bins].sum(axis=-1, keepdims=True) * smoothed.factor * smoothed.shape


@lru_cache(maxsize=8)
def _looked_at(here: Masses, detector: str, decay: Any) -> PlacedEvents:
    return decay(here.placed(detector))


@lru_cache(maxsize=8)
def _bins(here: Masses, detector: str, decay: Any, selection: Selection) -> NDArray[np.int64]:
    return selection.bins(_looked_at(here, detector, decay))


@lru_cache(maxsize=16)
def _selected(
    here: Masses, detector: str, decay: Any, selection: Selection, beam: str, keep: Keep | None
) -> tuple[PlacedEvents, NDArray[np.int64], NDArray[np.int64]]:
    """Events of one beam that are selected and kept, which they are, and their bins."""
    if keep is not None:
        events, chosen, bins = _selected(here, detector, decay, selection, beam, None)
        kept = np.flatnonzero(keep(events))
        return events[kept], chosen[kept], bins[kept]
    events, bins = _looked_at(here, detector, decay), _bins(here, detector, decay, selection)
    chosen = np.flatnonzero((bins >= 0) & (events.beam == beam))
    return events[chosen], chosen, bins[chosen]


def _weights(
    here: Masses, theta: DarkParameters, channel: Channel, reading: Reading, keep: Keep | None
) -> tuple[PlacedEvents, Array, NDArray[np.int64]]:
    """Selected events, their weights without the decay, and their bins."""
    selection = reading.selection(channel.selection)
    events, chosen, bins = _selected(here, reading.detector, reading.decay, selection, channel.beam, keep)
    weight = events.weight * here.ratio[reading.density][chosen] * exposure_weight(events, channel)
    weight = weight * coupling_weight(events, theta) * selection.efficiency * reading.weight(events, channel.beam)
    if selection.mass_edges and selection.response and not reading.overflow:
        weight = weight * (observables(selection.response.smear(events)).mass < selection.mass_edges[-1])
    return events, weight, bins


def _sums(
    events: PlacedEvents,
    weight: Array,
    bins: NDArray[np.int64],
    theta: DarkParameters,
    channel: Channel,
    reading: Reading,
    lifetimes: Array,
    in_chamber: bool,
) -> Array:
    n_bins = len(channel.observed)
    index = events.replicate * n_bins + bins
    modules = channel.selection.decay_modules
    if in_chamber:
        weights = weight * _chances(events, theta, modules, reading, lifetimes)
    else:
        weights = np.broadcast_to(weight, (len(lifetimes), len(weight)))
    sums = [np.bincount(index, w, REPLICATES * n_bins).reshape(REPLICATES, n_bins) for w in weights]
    return np.stack(sums, axis=1)


def _chances(
    events: PlacedEvents, theta: DarkParameters, modules: tuple[str, ...], reading: Reading, lifetimes: Array
) -> Array:
    """Probabilities to decay in ``modules``: (lifetimes, n)."""
    if theta.mediator_decay_length() > 0:
        return np.stack(
            [lifetime_weight(events, **(flights_at(theta) | {"ctau": c}), modules=modules) for c in lifetimes]
        )
    columns, signs = events.columns_of(modules), reading.signs(events, modules)
    per_length = float(theta.m_N) / momentum(events.p_N)
    chances = np.zeros((len(lifetimes), len(events)))
    for j, column in enumerate(columns):
        met = np.flatnonzero(events.exit[:, column] > 0)
        entry, leave = (per_length[met] * side[met, column] for side in (events.entry, events.exit))
        rate = 1 / lifetimes[:, None]
        chances[:, met] += signs[met, j] * np.exp(-rate * entry) * -np.expm1(-rate * (leave - entry))
    return chances


def total(sums: Array) -> Array:
    """The sum over all replicates, then without each of them: (1 + replicates, ...)."""
    n, whole = len(sums), sums.sum(axis=0)
    return np.concatenate([whole[None], (whole - sums) * n / (n - 1)])


def error(values: Array) -> Any:
    """Jackknife error of values (1 + replicates, ...), the first of all events."""
    n = len(values) - 1
    spread = values[1:] - values[1:].mean(axis=0)
    return np.sqrt((n - 1) / n * (spread**2).sum(axis=0))[()]

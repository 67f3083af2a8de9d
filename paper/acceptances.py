"""Shares of N that a selection takes and that decay in the detector, Fig. 4. Begin with `decay_acceptance`."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.experiment.analysis import Analysis
from darkpkg.inputs import check_kinds, real_numbers
from darkpkg.method.events import PlacedEvents
from darkpkg.method.weights import exposure_weight, lifetime_weight

Array = NDArray[np.float64]

__all__ = ["Share", "decay_acceptance", "selection_efficiency"]


@dataclass(frozen=True)
class Share:
    """A weighted mean, its statistical error, and the effective number of events behind it."""

    mean: float
    error: float
    n_effective: float

    @classmethod
    def of(cls, values: ArrayLike, weights: Array) -> Share:
        """The mean of ``values`` with ``weights``; its error is that of a ratio of two sums over the same events.

        Parameters
        ----------
        values
            (n,) numbers, or truth values that count as ones and zeros.
        weights
            (n,) weights of the events.

        Raises
        ------
        ValueError
            If no event has a weight, or if there is not one value for each.

        >>> Share.of(np.array([True, False]), np.array([3.0, 1.0])).mean
        0.75
        """
        if isinstance(values, np.ndarray) and values.dtype == bool:
            values = values.astype(int)
        values = real_numbers("values", values, -1e75, 1e75)
        weights = real_numbers("weights", weights, -1e75, 1e75)
        if weights.ndim != 1 or values.shape != weights.shape:
            raise ValueError(f"values and weights must be of one shape (n,), got {values.shape} and {weights.shape}")
        total = float(weights.sum())
        if not 0 < total < np.inf:
            raise ValueError(
                f"weights of a share must be positive together, got {len(weights)} events of total weight {total}"
            )
        mean = float(weights @ values) / total
        error = float(np.sqrt(((weights * (values - mean)) ** 2).sum())) / total
        of_one = weights / np.abs(weights).max()  # whose squares are numbers
        return cls(mean, error, float(of_one.sum() ** 2 / (of_one**2).sum()))


def selection_efficiency(
    events: PlacedEvents, analysis: Analysis, ctau: float | None = None, *, ctau_Zprime: float = 0.0
) -> Share:
    """Share of N that the selection of ``analysis`` takes, without its flat efficiency.

    That is the share whose pair passes the cuts and, where the selection requires them, whose vertex lies in its
    modules. N are counted as they are produced in the exposure of the analysis; with ``ctau``, only so far as the
    pair appears in its decay volumes. The masses are those of the events, so that a sample at fixed masses is needed
    for one point.

    Parameters
    ----------
    events
        A sample in a detector, or a part of it: for one material ``events[events.target == …]``.
    analysis
        Its channels have selection and exposure.
    ctau, ctau_Zprime
        Proper decay lengths in cm of N, and of an on-shell Z′.

    Raises
    ------
    ValueError
        If no event counts, and as `lifetime_weight` does.
    """
    produced, decays = _produced_and_decaying(events, analysis, np.inf if ctau is None else ctau, ctau_Zprime)
    selected = np.concatenate([channel.selection.bins(events) >= 0 for channel in analysis.channels])
    return Share.of(selected, produced if ctau is None else produced * decays)


def decay_acceptance(events: PlacedEvents, analysis: Analysis, ctau: float, *, ctau_Zprime: float = 0.0) -> Share:
    """Share of N, as produced in the exposure of ``analysis``, whose pair appears in its decay volumes.

    The geometrical acceptance of Fig. 4, before any cut; arguments and errors as of `selection_efficiency`.
    """
    produced, decays = _produced_and_decaying(events, analysis, ctau, ctau_Zprime)
    return Share.of(decays, produced)


def _produced_and_decaying(
    events: PlacedEvents, analysis: Analysis, ctau: float, ctau_Zprime: float
) -> tuple[Array, Array]:
    """Weight, and probability to decay in the decay volumes, of each event in each channel, one after the other."""
    check_kinds(events=(events, PlacedEvents), analysis=(analysis, Analysis))
    chance = functools.cache(lambda modules: lifetime_weight(events, ctau, ctau_Zprime=ctau_Zprime, modules=modules))
    produced = [events.weight * exposure_weight(events, channel) for channel in analysis.channels]
    decays = [chance(channel.selection.decay_modules) for channel in analysis.channels]
    return np.concatenate(produced), np.concatenate(decays)

r"""Expected events of a benchmark under another choice, from the same events, in the groups of a jackknife.

Begin with `simulate` and `count`. Nuclear form factors have zeros, and a ratio of two has an infinite variance. So
there are two samples for each benchmark, one for each form factor, and with :math:`a_j = F_j^2/(F_1^2+F_2^2)`, the
`shares`, both of them estimate model j.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg import simulation
from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.detector import ND280
from darkpkg.experiment.experiment import T2K
from darkpkg.experiment.selection import Selection
from darkpkg.method.events import PlacedEvents
from darkpkg.method.placing import place
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.weights import coupling_weight, exposure_weight, lifetime_weight
from darkpkg.physics.kinematics import boost
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.physics.nuclei import form_factor
from paper.choices import DETECTORS, FORM_FACTORS, OURS, Choice, neutrino

Array = NDArray[np.float64]

__all__ = ["GROUPS", "POINT", "SEED", "count", "mirrored", "shares", "simulate"]

SEED = 2205
"""Of all samples."""

GROUPS = 25
"""Groups of the jackknife: events are numbered in turn."""

POINT = {"B": BENCHMARK_B, "A": BENCHMARK_A}
"""The benchmarks by name."""


def simulate(name: str, n_events: Any, sampling: SamplingRange | None = None, **options: Any) -> PlacedEvents:
    """Events for a benchmark in its detector, numbered in turn by group."""
    point, detector = POINT[name], DETECTORS[name]
    sampling = sampling or SamplingRange.at(point.m_N, point.m_Zprime)
    placed = simulation.simulate(sampling, n_events, SEED, experiment=T2K.replace(detector=detector), **options)
    return replace(placed, replicate=np.arange(len(placed)) % GROUPS)


def shares(events: PlacedEvents) -> dict[str, Array]:
    """a_j of both form factors: how much of each event counts for it."""
    _, Q2 = neutrino(events)
    nuclei = {nucleus.pdg_code: nucleus for nucleus in ND280.nuclei.values()}
    square = {model: np.empty(len(events)) for model in FORM_FACTORS}
    for code in np.unique(events.target):
        own = events.target == code
        for model in FORM_FACTORS:
            square[model][own] = form_factor(Q2[own], nuclei[code], model) ** 2
    total = sum(square.values())
    return {model: values / total for model, values in square.items()}


def mirrored(events: PlacedEvents) -> PlacedEvents:
    """The same N, with the momenta of its pair reversed in its rest frame, which reverses the spin."""
    N, back = events.p_N.T, events.p_N.T * np.array([1, -1, -1, -1])[:, None]

    def turn(p: Array) -> Array:
        E, *k = boost(p.T, back, events.m_N)
        return np.stack(boost((E, *(-c for c in k)), N, events.m_N), axis=-1)

    return replace(events, p_electron=turn(events.p_electron), p_positron=turn(events.p_positron))


# Choices share most of their work: the latest bins and chances of decay are kept.
@lru_cache(maxsize=24)
def _bins_of(events: PlacedEvents, selection: Selection) -> NDArray[np.intp]:
    return selection.bins(events)


@lru_cache(maxsize=24)
def _chance(events: PlacedEvents, theta: DarkParameters, modules: tuple[str, ...]) -> Array:
    return lifetime_weight(events, theta.proper_decay_length(), theta.m_N, modules=modules)


def count(
    events: PlacedEvents,
    point: DarkParameters,
    analysis: Analysis,
    choice: Choice = OURS,
    share: Any = 1.0,
    in_chamber: bool = True,
) -> Array:
    """Σw and Σw² of the expected events in each group and bin: (2, groups, bins).

    Without ``in_chamber``, of all N whose pair passes the selection, wherever they decay. The decay is linear in the
    spin: a fraction (1 + P)/2 of each event as it is, and (1 − P)/2 of its mirror image, are an N of polarisation P.
    """
    if choice.spin != 1.0:
        arguments = point, analysis, replace(choice, spin=1.0), share, in_chamber
        image = (1 - choice.spin) / 2 * count(mirrored(events), *arguments)
        return (1 + choice.spin) / 2 * count(events, *arguments) + image
    theta = point.replace(**choice.point)
    if choice.detector:
        events = place(events, choice.detector, seed=SEED)
    n_bins = len(analysis.observed)
    sums = np.zeros((2, GROUPS * n_bins))
    weight = events.weight * coupling_weight(events, theta) * share
    for channel in analysis.channels:
        selection = choice.selection(channel)
        w = weight * exposure_weight(events, channel) * selection.efficiency
        w = w * choice.factor(events, channel)
        if in_chamber:
            w = w * _chance(events, theta, selection.decay_modules)
        bins = _bins_of(events, selection)
        index = events.replicate * n_bins + analysis.bins_of(channel.name).start + bins
        index, w = index[bins >= 0], w[bins >= 0]
        for power in (1, 2):
            sums[power - 1] += np.bincount(index, w**power, GROUPS * n_bins)
    return sums.reshape(2, GROUPS, n_bins)

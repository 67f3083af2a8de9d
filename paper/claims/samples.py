"""The samples that answer the claims, and what several claims need of them, computed once.

Begin with `simulate`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from darkpkg import simulation
from darkpkg.experiment.analysis import ANALYSIS_I
from darkpkg.experiment.detector import ND280
from darkpkg.method.events import PlacedEvents
from darkpkg.method.sampling import HEAVY, SamplingRange
from darkpkg.method.transport import transport
from darkpkg.method.weights import lifetime_weight, selected_weight
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B

Array = NDArray[np.float64]
P, R = ParamSpec("P"), TypeVar("R")

__all__ = ["CHAMBERS", "N_EVENTS", "SEED", "Samples", "detected_at_B", "in_P0D", "once", "selected_at_B", "simulate"]

N_EVENTS, SEED = 300_000, 2205
"""Size of each sample and seed of the stored verdicts."""

CHAMBERS = tuple(module for module in ND280.modules if module.material == "Ar")
"""The three gas chambers."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Events in ND280: at the masses of either benchmark, and ``heavy`` over all masses with m_N ≤ m_Z′."""

    at_A: PlacedEvents
    at_B: PlacedEvents
    heavy: PlacedEvents
    known: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def at(self, m_N: float, m_Zprime: float) -> PlacedEvents:
        """Events at these masses in GeV: those of B, or the sample over masses, transported there."""
        if (m_N, m_Zprime) == (BENCHMARK_B.m_N, BENCHMARK_B.m_Zprime):
            return self.at_B
        return _transported(self, m_N, m_Zprime)


def simulate(n_events: int = N_EVENTS, seed: int = SEED) -> Samples:
    """The samples of the stored verdicts, or others whose sizes are in proportion.

    At the benchmarks as many events on each nucleus, but a quarter of a million on carbon at A: Analysis II looks at
    N from an FGD, a small part of all carbon.
    """
    names = [nucleus.name for nucleus in ND280.targets.values()]
    even = dict.fromkeys(names, n_events // len(names))
    A, B = (SamplingRange.at(point.m_N, point.m_Zprime) for point in (BENCHMARK_A, BENCHMARK_B))
    numbers = ((A, even | {"C12": 250_000 * n_events // N_EVENTS}), (B, even), (HEAVY, n_events))
    return Samples(*(simulation.simulate(sampling, number, seed) for sampling, number in numbers))


def once(function: Callable[Concatenate[Samples, P], R]) -> Callable[Concatenate[Samples, P], R]:
    """The function, whose results are kept with the samples that they were computed from."""

    @wraps(function)
    def remembered(samples: Samples, *args: P.args, **options: P.kwargs) -> R:
        key = function, args, tuple(options.items())
        if key not in samples.known:
            samples.known[key] = function(samples, *args, **options)
        return samples.known[key]

    return remembered


@once
def _transported(s: Samples, m_N: float, m_Zprime: float) -> PlacedEvents:
    return transport(s.heavy, BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime))


@once
def selected_at_B(s: Samples) -> Array:
    """Weight of each event at B: N that Analysis I selects, wherever they decay."""
    return selected_weight(s.at_B, BENCHMARK_B, ANALYSIS_I)


def detected_at_B(s: Samples, ctau: float) -> Array:
    """Of those, what decays in a chamber, for cτ⁰ in cm."""
    return selected_at_B(s) * lifetime_weight(s.at_B, ctau, modules=ANALYSIS_I.selection.decay_modules)


def in_P0D(events: PlacedEvents) -> NDArray[np.bool_]:
    """Whether each N is produced in the P∅D."""
    return np.char.startswith(events.module, "P0D")

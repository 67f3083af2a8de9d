"""The samples that the stored verdicts were made with: those of the chapter on claims."""

import functools
import types

import darkpkg as dk

SEED = 2205
N_EVENTS = 300_000


@functools.cache
def samples():
    """At the masses of both benchmarks, as many events on each nucleus but for carbon at A, and over masses."""
    even = {nucleus.name: N_EVENTS // len(dk.ND280.targets) for nucleus in dk.ND280.targets.values()}

    def simulate(sampling, n_events):
        return dk.simulate(sampling, n_events, seed=SEED)

    return types.SimpleNamespace(
        at_A=simulate(dk.SamplingRange.at(0.1, 0.03), even | {"C12": 250_000}),
        at_B=simulate(dk.SamplingRange.at(0.1, 1.25), even),
        heavy=simulate(dk.HEAVY, N_EVENTS),
    )

"""Samples that differ in their seeds, as one: `concatenate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from darkpkg.inputs import tuple_of
from darkpkg.method.events import Events, source_numbers
from darkpkg.method.origin import encoded

AnyEvents = TypeVar("AnyEvents", bound=Events)


def concatenate(samples: Sequence[AnyEvents]) -> AnyEvents:
    """Samples that differ in nothing but their seeds, as one: more events, and smaller errors.

    Of each beam and nucleus a sample counts for as much as it has of all events, n_i/n, so that a rate is the mean of
    theirs with these weights. ``provenance`` names all seeds. Sobol sequences stay apart as the replicates that they
    are.

    Parameters
    ----------
    samples
        Whole samples of one kind, placed with seeds of their own, or placed after they are joined.

    Returns
    -------
    Events or PlacedEvents
        All events, with weights that are a fraction of what they were.

    Raises
    ------
    TypeError
        For samples of different kinds.
    ValueError
        That names the difference for samples that were made in different ways, that have a seed in common (the same
        events, or the same vertices, twice), or that are only a part of what was simulated: select after joining.

    Examples
    --------
    >>> parts = [generate(HEAVY, n_events=1000, seed=seed) for seed in (1, 2)]
    >>> concatenate(parts).provenance["seed"]
    (1, 2)
    """
    samples = tuple_of("samples", samples, cast("type[AnyEvents]", Events))
    if not samples:
        raise ValueError("samples must be at least one, got none")
    for i, sample in enumerate(samples):
        if type(sample) is not type(samples[0]):
            raise TypeError(f"samples must be Events of one kind, got a {type(sample).__name__} as number {i}")
        _check_whole(i, sample)
        about, first = ({**one.provenance, "origin": encoded(one.origin)} for one in (sample, samples[0]))
        _check_same(i, about, first)
    provenance = dict(samples[0].provenance)
    provenance["n_events"] = sum(map(len, samples))
    for name in ("seed", "placing_seed") if samples[0].origin.detector else ("seed",):
        provenance[name] = _seeds(name, [sample.provenance for sample in samples])
    columns = {name: np.concatenate([getattr(s, name) for s in samples]) for name in samples[0].columns()}
    whole = samples[0]._with(columns, provenance)
    _, channel, total = np.unique(source_numbers(whole), return_inverse=True, return_counts=True)
    number = np.repeat(np.arange(len(samples)), [len(sample) for sample in samples])
    pair = number * len(total) + channel
    share = np.bincount(pair, minlength=len(samples) * len(total)) / np.tile(total, len(samples))
    return whole._with({"weight": columns["weight"] * share[pair]}, provenance)


def _check_whole(number: int, sample: Events) -> None:
    made = sample.provenance.get("n_events")
    if made != len(sample):
        raise ValueError(
            f"samples must be whole, but number {number} has {len(sample)} of {made} events that were simulated: "
            "join first and select then"
        )


def _check_same(number: int, one: Mapping[str, Any], other: Mapping[str, Any], within: str = "") -> None:
    """Raise `ValueError` that names the first difference of what is stated, seeds and numbers of events aside."""
    for key in sorted({*one, *other} - {"seed", "placing_seed", "n_events"}):
        a, b = one.get(key), other.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            _check_same(number, a, b, f"{within}{key}.")
        elif a != b:
            raise ValueError(
                f"samples must differ in their seeds alone, but {within}{key} of number {number} is {a!r}, "
                f"of the first {b!r}"
            )


def _seeds(name: str, provenances: Sequence[Mapping[str, Any]]) -> int | tuple[int, ...]:
    """The seeds of all samples, each only once; just the seed of a single one."""
    if any(name not in provenance for provenance in provenances):
        raise ValueError(f"samples must hold the {name} that they were made with in their provenance")
    given = [provenance[name] for provenance in provenances]
    if len(given) == 1:
        return given[0]
    seeds = tuple(seed for one in given for seed in (one if isinstance(one, tuple) else (one,)))
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise ValueError(f"samples must be independent, but {name} {twice[0]} is there twice")
    return seeds

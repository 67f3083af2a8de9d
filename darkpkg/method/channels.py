"""A flavour of a beam and a nucleus, whose map vegas adapts once for all samples. Begin with `channels_of`."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import itertools
import json
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import vegas
from numpy.typing import NDArray

from darkpkg import _sources
from darkpkg.compiling import cache_folder
from darkpkg.experiment.beam import Beam
from darkpkg.inputs import Array, check
from darkpkg.method.columns import MOMENTA
from darkpkg.method.integrand import DECAY_AXES, Integrand
from darkpkg.method.origin import Origin, encoded
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.targets import target
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.physics import nuclei as nuclear_data
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import Nucleus
from darkpkg.streams import random_stream

ADAPTATION = {"start": (8, 2000), "own": (3, 1500)}
"""Rounds of adaptation and points in each, whatever the number of events or the seed: so the first events of a long
sample are those of a short one. Those of ``"start"`` are on carbon in each beam, and serve all of its nuclei, which
differ by little; those of ``"own"`` follow for each. Maps are as good as from 12 rounds of 1000 for each alone."""


@dataclass(frozen=True)
class _Task:
    """Integrands to adapt to, each with its name and that on carbon; two tasks are the same if ``about`` is."""

    about: str
    integrands: Sequence[tuple[tuple[str | int, ...], Integrand, Integrand]] = field(compare=False)


_Map = tuple[Array, float]
"""The `edges_of` a map and the integral that was found on the way."""

_KEPT_MAPS = 500
"""Beyond so many files of 50 kB the older half goes."""


version = functools.cache(importlib.metadata.version)


@functools.lru_cache(maxsize=32)
def _adapted(task: _Task) -> list[_Map]:
    """The map of each channel, adapted once for all samples and all processes.

    They are kept on disk, in a file named after all that they depend on.
    """
    folder = cache_folder()
    if folder is None:
        return _learn(task)
    versions = [version(name) for name in ("numpy", "vegas")]
    about = repr((task.about, ADAPTATION, versions, _sources.digest(_sources.SIMULATION)))
    path = folder / f"maps-{hashlib.sha256(about.encode()).hexdigest()[:32]}.npz"
    unusable = OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile
    with suppress(*unusable), path.open("rb") as file, np.load(file) as kept:
        return list(zip(kept["grids"], kept["integrals"].tolist(), strict=True))
    learned = _learn(task)
    with suppress(OSError), complete_or_not_at_all(path) as partial, partial.open("wb") as output:
        grids, integrals = zip(*learned, strict=True)
        np.savez(output, grids=grids, integrals=integrals)
    with suppress(OSError):  # another process removes the same
        files = sorted(folder.glob("maps-*.npz"), key=lambda file: file.stat().st_mtime)
        for old in files[: len(files) // 2] if len(files) > _KEPT_MAPS else ():
            old.unlink()
    return learned


def _learn(task: _Task) -> list[_Map]:
    """The maps of all integrands, each by random numbers that are named after it alone."""
    learned = []
    for name, group in itertools.groupby(task.integrands, key=lambda one: one[0][:-1]):
        start: vegas.AdaptiveMap | None = None
        for one, integrand, like in group:
            if start is None:
                start, _ = adapted_map(like, random_stream(0, *name, "adapt"), *ADAPTATION["start"])
            own, integral = adapted_map(integrand, random_stream(0, *one, "adapt"), *ADAPTATION["own"], start=start)
            learned.append((edges_of(own), integral))
    return learned


def channels_of(origin: Origin, sources: Sequence[tuple[Beam, int, Nucleus]], seed: int) -> list[Channel]:
    """The channels of a sample, with their maps."""
    sampling, couplings = cast(SamplingRange, origin.sampling), cast(DarkParameters, origin.couplings)

    def integrand(beam: Beam, flavour: int, nucleus: Nucleus) -> Integrand:
        return Integrand(target(beam[flavour], nucleus, origin.form_factor), sampling, couplings)

    names = [(*origin.stream(beam.name, flavour), nucleus.name) for beam, flavour, nucleus in sources]
    carbon = nuclear_data.NUCLEI["C12"]
    integrands = [
        (name, integrand(*one), integrand(*one[:2], carbon)) for name, one in zip(names, sources, strict=True)
    ]
    likewise = origin.replace(sequence="random", replicates=1, couplings=None)
    about = json.dumps([encoded(likewise), bool(couplings.is_majorana), names], sort_keys=True)
    maps = _adapted(_Task(about, integrands))
    return [
        Channel(beam.name, flavour, nucleus, own, (seed, *name), *learned)
        for (beam, flavour, nucleus), (name, own, _), learned in zip(sources, integrands, maps, strict=True)
    ]


@dataclass(frozen=True)
class Channel:
    """One flavour of a beam and one nucleus, its random numbers, the edges of its map, and how often N are made."""

    beam: str
    flavour: int
    nucleus: Nucleus
    integrand: Integrand
    stream: tuple[Any, ...]
    edges: Array
    rate: float

    def fill(self, columns: Mapping[str, NDArray[Any]], y: Array, number: float, rows: NDArray[np.int64]) -> None:
        """Fill columns of events at the points ``y`` (n, axes), with weights one ``number``-th of the rate.

        Errors name ``rows``, those of the events in the sample.
        """
        # The azimuths of N and of its decay are uniform: vegas need not adapt to them.
        value, variables = self.integrand.mapped(y, self.edges, columns)
        self.integrand.momenta(variables, columns["point"][:, DECAY_AXES:], columns)
        np.divide(value, number, out=columns["weight"])
        columns["target"][:], columns["beam"][:] = self.nucleus.pdg_code, self.beam
        columns["flavour"][:] = self.flavour
        for name in ("weight", *MOMENTA):
            check(name, columns[name], "finite", rows)


def edges_of(one: vegas.AdaptiveMap) -> Array:
    """The edges (axes, intervals + 1) of a map."""
    return np.array(one.grid)


_INTERVALS = 60
"""Of a map along each axis: with more, few points adapt worse."""


def adapted_map(
    integrand: Integrand, rng: np.random.Generator, rounds: int, n: int, *, start: vegas.AdaptiveMap | None = None
) -> tuple[vegas.AdaptiveMap, float]:
    """The map that vegas learns in so many ``rounds`` of ``n`` points, and the integral.

    It begins with that of ``start``, by default with an even one.
    """
    evenly = [[0.0, 1.0]] * integrand.dim
    learned = vegas.AdaptiveMap(evenly, ninc=_INTERVALS) if start is None else vegas.AdaptiveMap(start)
    means = np.empty(rounds)
    for i in range(rounds):
        y = rng.random((n, integrand.dim))
        value = integrand.flattened(*integrand.mapped(y, edges_of(learned)))
        means[i] = value.mean()
        if means[i] > 0:
            learned.add_training_data(y, (value / means[i]) ** 2)
            learned.adapt(alpha=1.0)
    if integrand.draws_masses_evenly:
        grid = edges_of(learned)
        grid[DECAY_AXES:] = np.linspace(0.0, 1.0, _INTERVALS + 1)
        learned = vegas.AdaptiveMap(grid)
    return learned, float(means.mean())

"""A sample in a detector, simulated once. Begin with `simulate`."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from darkpkg import _sources
from darkpkg.datasets import DataIntegrityError
from darkpkg.experiment import experiment as experiments
from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.detector import Detector
from darkpkg.experiment.experiment import Experiment
from darkpkg.inputs import Array, check_kinds, one_of, whole_number
from darkpkg.method.channels import version
from darkpkg.method.events import Events, PlacedEvents
from darkpkg.method.files import FORMAT, read_events, write_events
from darkpkg.method.generator import generate
from darkpkg.method.origin import SEQUENCES, encoded
from darkpkg.method.placing import factors_of_modules, place
from darkpkg.method.predictions import check_point
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.weights import detected_weight
from darkpkg.outputs import folder_at
from darkpkg.physics.model import BENCHMARK_B, DarkParameters
from darkpkg.streams import random_stream


def simulate(
    masses: SamplingRange | DarkParameters,
    n_events: int | Mapping[str, int],
    seed: int,
    *,
    experiment: Experiment | None = None,
    couplings: DarkParameters | None = None,
    hydrogen: bool = False,
    nucleons: bool = False,
    form_factor: str = "fourier-bessel",
    sequence: str | None = None,
    emphasis: Mapping[str, float] | None = None,
    vertices: int | None = None,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> PlacedEvents:
    """Events in the detector of an experiment: `generate` and `place`, with one seed.

    Parameters
    ----------
    masses
        Region of masses such as `HEAVY`, or one point θ: then a sample at its masses, of its kind of N, with most
        events where they matter for the experiment's analyses at θ. It serves other couplings as well, if they leave
        N about as long a life.
    n_events, seed, couplings, hydrogen, nucleons, form_factor, progress
        As in `generate`.
    experiment
        Beams, detector and analyses; `T2K` by default.
    sequence
        As in `generate`; by default ``"sobol"`` for a point and ``"random"`` for a region.
    emphasis
        As in `place`.
    vertices
        As in `place`; by default four for a point, if of Sobol sequences, else one. Several lie denser where the
        decay volumes of the experiment's analyses catch decays.
    cache
        A folder, made if need be, of files that are named after a digest of all that they depend on: these arguments
        with the values of fluxes, detector and analyses, the sources of the simulation, and versions of the
        libraries. What is there is read, what is not is simulated and written. Several processes may use it at once.
        A damaged file is replaced, with a warning.

    Returns
    -------
    PlacedEvents
        ``vertices`` times ``n_events`` of them.

    Raises
    ------
    ValueError, TypeError
        As `generate` and `place` do.

    Examples
    --------
    >>> simulate(BENCHMARK_B, n_events=1000, seed=1).origin.sampling.m_N
    (0.1, 0.1)
    """
    plan = _planned(locals())
    check_kinds(cache=(cache, (str, os.PathLike, None)))
    if cache is None:
        return plan.sample(progress=progress)
    path = folder_at(cache) / f"{plan.digest}.parquet"
    if path.exists():
        try:
            return read_sample(path)
        except DataIntegrityError as error:
            warnings.warn(f"simulated anew: {error}", UserWarning, stacklevel=2)
    events = plan.sample(progress=progress)
    write_events(events, path)
    return events


@dataclass(frozen=True)
class Plan:
    """The arguments of `simulate`, checked and complete.

    Attributes
    ----------
    experiment
        Beams, detector and analyses.
    how, where
        Arguments of `generate` and of `place` by name.
    aim
        The point that events are to be densest for, if there is one.
    """

    experiment: Experiment
    how: Mapping[str, Any]
    where: Mapping[str, Any]
    aim: DarkParameters | None

    def sample(self, chunk: int = 0, *, progress: bool = False) -> PlacedEvents:
        """The sample, or a chunk of it: other events with the same adapted maps."""
        seed = self.how["seed"]
        importance = self._importance if self.aim is not None else None
        options: dict[str, Any] = {"experiment": self.experiment, "importance": importance, "chunk": chunk}
        events = generate(**self.how, **options, progress=progress)
        if chunk:
            seed = int(random_stream(seed, "chunk", chunk).integers(2**62))
        return place(events, self.experiment.detector, seed, **self.where)

    @property
    def digest(self) -> str:
        """A name for a file: another one for anything else that events depend on."""
        aim = {"aim": (self.aim, self._analyses) if self.aim is not None else None}
        versions = {name: version(name) for name in ("numpy", "scipy", "numba", "vegas")}
        about: dict[str, Any] = {"format": FORMAT, "sources": _sources.digest(_sources.SIMULATION)}
        about |= {"versions": versions, **self.how, **self.where, **aim}
        one = self.experiment
        about |= {"experiment": one.name, "beams": one.beams, "detector": one.detector}
        return hashlib.sha256(json.dumps(encoded(about), sort_keys=True, default=repr).encode()).hexdigest()[:32]

    @property
    def _analyses(self) -> list[Analysis]:
        return [one for one in self.experiment.analyses.values() if _fits(one, self.experiment.detector)]

    def _importance(self, events: Events) -> Array:
        placed = place(events, self.experiment.detector, self.how["seed"], **{**self.where, "vertices": 1})
        with np.errstate(divide="ignore"):  # N without any width is stable
            weights = [np.abs(detected_weight(placed, cast(DarkParameters, self.aim), one)) for one in self._analyses]
        return sum((w / w.sum() for w in weights if w.any()), np.zeros(len(events)))


def plan_of(masses: SamplingRange | DarkParameters, n_events: int, seed: int, **options: Any) -> Plan:
    """The plan for arguments of `simulate`, without ``cache``. Raises what that raises."""
    if "cache" in options:
        raise TypeError(f"cache must not be given, chunks are kept in their folder, got {options['cache']!r}")
    given = inspect.signature(simulate).bind(masses, n_events, seed, **options)
    given.apply_defaults()
    return _planned(given.arguments)


def _planned(given: Mapping[str, Any]) -> Plan:
    """The plan for all arguments of `simulate` by name."""
    masses, couplings, sequence, vertices = (given[n] for n in ("masses", "couplings", "sequence", "vertices"))
    experiment = experiments.T2K if given["experiment"] is None else given["experiment"]
    check_kinds(masses=(masses, (SamplingRange, DarkParameters)), experiment=(experiment, Experiment))
    is_point = isinstance(masses, DarkParameters)
    if is_point:
        check_point(masses, "masses")
    if couplings is None:
        couplings = BENCHMARK_B.replace(is_majorana=masses.is_majorana) if is_point else BENCHMARK_B
    sequence = one_of("sequence", ("sobol" if is_point else "random") if sequence is None else sequence, SEQUENCES)
    aims = is_point and sequence == "sobol"
    vertices = whole_number("vertices", (4 if aims else 1) if vertices is None else vertices, 1)
    factors_of_modules(experiment.detector, given["emphasis"])  # raises before any work
    sampling = SamplingRange.at(float(masses.m_N), float(masses.m_Zprime)) if is_point else masses
    how = {"sampling": sampling, "couplings": couplings, "sequence": sequence}
    how |= {name: given[name] for name in ("n_events", "seed", "hydrogen", "nucleons", "form_factor")}
    towards = _decay_modules(experiment) if vertices > 1 else ()
    where = {"emphasis": given["emphasis"], "vertices": vertices, "towards": towards}
    return Plan(experiment, how, where, masses if aims else None)


def read_sample(path: Path) -> PlacedEvents:
    """A file that `simulate` wrote. Raises what `read_events` does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of another flux than that of T2K: it is that of the experiment
        return cast(PlacedEvents, read_events(path))


def _decay_modules(experiment: Experiment) -> tuple[str, ...]:
    channels = (channel for analysis in experiment.analyses.values() for channel in analysis.channels)
    names = (name for channel in channels for name in channel.selection.decay_modules)
    return tuple(dict.fromkeys(name for name in names if name in experiment.detector.fiducial_volumes))


def _fits(analysis: Analysis, detector: Detector) -> bool:
    """Whether the detector has all modules that the analysis looks into."""
    selections = [channel.selection for channel in analysis.channels]
    return all({*s.decay_modules, *s.vertex_modules} <= {*detector.fiducial_volumes} for s in selections)

"""A sample in a detector, made once. Begin with `simulate`."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from darkpkg import _sources
from darkpkg.datasets import DataIntegrityError
from darkpkg.experiment import experiment as experiments
from darkpkg.experiment.experiment import Experiment
from darkpkg.inputs import check_kinds, whole_number
from darkpkg.method.events import PlacedEvents
from darkpkg.method.files import FORMAT, read_events, write_events
from darkpkg.method.generator import generate
from darkpkg.method.origin import encoded
from darkpkg.method.placing import factors_of_modules, place
from darkpkg.method.sampling import SamplingRange
from darkpkg.physics.model import BENCHMARK_B, DarkParameters

__all__ = ["simulate"]


def simulate(
    masses: SamplingRange | DarkParameters,
    n_events: int | Mapping[str, int],
    seed: int,
    *,
    experiment: Experiment | None = None,
    couplings: DarkParameters | None = None,
    hydrogen: bool = False,
    form_factor: str = "fourier-bessel",
    sequence: str = "random",
    emphasis: Mapping[str, float] | None = None,
    vertices: int = 1,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> PlacedEvents:
    """Events in the detector of an experiment: `generate` and `place`, with one seed.

    Parameters
    ----------
    masses
        Region of masses such as `HEAVY`, or one point θ: then a sample at its masses, of its kind of N.
    n_events, seed, couplings, hydrogen, form_factor, sequence, progress
        As in `generate`.
    experiment
        Beams and detector; `T2K` by default.
    emphasis, vertices
        As in `place`. Several vertices for each event, of Sobol sequences, lie denser where the decay volumes of the
        experiment's analyses catch decays.
    cache
        A folder, made if need be, of files that are named after a digest of all that they depend on: these arguments
        with the values of fluxes and detector, the sources of the simulation, and versions of the libraries. What is
        there is read, what is not is simulated and written. Several processes may use it at once. A damaged file is
        replaced, with a warning.

    Raises as `generate` and `place`.

    >>> simulate(BENCHMARK_B, n_events=1000, seed=1).origin.sampling.m_N
    (0.1, 0.1)
    """
    experiment = experiments.T2K if experiment is None else experiment
    check_kinds(masses=(masses, (SamplingRange, DarkParameters)), experiment=(experiment, Experiment))
    check_kinds(cache=(cache, (str, os.PathLike, type(None))))
    if isinstance(masses, DarkParameters):
        if masses.shape != ():
            raise ValueError(f"masses must be a single point, got shape {masses.shape}")
        couplings = couplings if couplings is not None else BENCHMARK_B.replace(is_majorana=masses.is_majorana)
        masses = SamplingRange.at(float(masses.m_N), float(masses.m_Zprime))
    how = {
        "sampling": masses,
        "n_events": n_events,
        "seed": seed,
        "couplings": couplings if couplings is not None else BENCHMARK_B,
        "hydrogen": hydrogen,
        "form_factor": form_factor,
        "sequence": sequence,
    }
    towards = _decay_modules(experiment) if whole_number("vertices", vertices, 1) > 1 else ()
    factors_of_modules(experiment.detector, emphasis)  # raises before any work
    where = {"emphasis": emphasis, "vertices": vertices, "towards": towards}

    def sample() -> PlacedEvents:
        events = generate(**how, experiment=experiment, progress=progress)
        return place(events, experiment.detector, seed, **where)

    if cache is None:
        return sample()
    path = Path(cache) / f"{_digest({**how, **where}, experiment)}.parquet"
    if path.exists():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of another flux than that of T2K: it is that of the experiment
                return read_events(path)
        except DataIntegrityError as error:
            warnings.warn(f"simulated anew: {error}", UserWarning, stacklevel=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    events = sample()
    write_events(events, path)
    return events


def _decay_modules(experiment: Experiment) -> tuple[str, ...]:
    channels = (channel for analysis in experiment.analyses.values() for channel in analysis.channels)
    names = (name for channel in channels for name in channel.selection.decay_modules)
    return tuple(dict.fromkeys(name for name in names if name in experiment.detector.fiducial_volumes))


def _digest(arguments: Mapping[str, Any], experiment: Experiment) -> str:
    """A name for a file: another one for anything else that events depend on."""
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "numba", "vegas")}
    about = {"format": FORMAT, "sources": _sources.digest(_sources.SIMULATION), "versions": versions, **arguments}
    about |= {"experiment": experiment.name, "beams": experiment.beams, "detector": experiment.detector}
    return hashlib.sha256(json.dumps(encoded(about), sort_keys=True, default=repr).encode()).hexdigest()[:32]

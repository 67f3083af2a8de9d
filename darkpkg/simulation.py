"""A sample in a detector, made once. Begin with `simulate`."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from darkpkg import _sources
from darkpkg.datasets import DataIntegrityError
from darkpkg.experiment import experiment as experiments
from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.detector import Detector
from darkpkg.experiment.experiment import Experiment
from darkpkg.inputs import check_kinds, one_of, whole_number
from darkpkg.method.events import Events, PlacedEvents
from darkpkg.method.files import FORMAT, read_events, write_events
from darkpkg.method.generator import generate
from darkpkg.method.origin import SEQUENCES, encoded
from darkpkg.method.placing import factors_of_modules, place
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.weights import check_point, detected_weight
from darkpkg.physics.model import BENCHMARK_B, DarkParameters

Array = NDArray[np.float64]

__all__ = ["simulate"]


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
    experiment = experiments.T2K if experiment is None else experiment
    check_kinds(
        masses=(masses, (SamplingRange, DarkParameters)),
        experiment=(experiment, Experiment),
        cache=(cache, (str, os.PathLike, type(None))),
    )
    point = masses if isinstance(masses, DarkParameters) else None
    sampling = masses
    if isinstance(masses, DarkParameters):
        check_point(masses, "masses")
        couplings = couplings if couplings is not None else BENCHMARK_B.replace(is_majorana=masses.is_majorana)
        sampling = SamplingRange.at(float(masses.m_N), float(masses.m_Zprime))
    default = "random" if point is None else "sobol"
    sequence = one_of("sequence", default if sequence is None else sequence, SEQUENCES)
    aims = point is not None and sequence == "sobol"
    vertices = whole_number("vertices", (4 if aims else 1) if vertices is None else vertices, 1)
    how: dict[str, Any] = {
        "sampling": sampling,
        "n_events": n_events,
        "seed": seed,
        "couplings": couplings if couplings is not None else BENCHMARK_B,
        "hydrogen": hydrogen,
        "nucleons": nucleons,
        "form_factor": form_factor,
        "sequence": sequence,
    }
    detector = experiment.detector
    analyses = [analysis for analysis in experiment.analyses.values() if _fits(analysis, detector)]
    towards = _decay_modules(experiment) if vertices > 1 else ()
    factors_of_modules(detector, emphasis)  # raises before any work
    where: dict[str, Any] = {"emphasis": emphasis, "vertices": vertices, "towards": towards}

    def importance(events: Events) -> Array:
        placed = place(events, detector, seed, **(where | {"vertices": 1}))
        with np.errstate(divide="ignore"):  # N without any width lives for ever
            weights = [np.abs(detected_weight(placed, cast(DarkParameters, point), one)) for one in analyses]
        return sum((w / w.sum() for w in weights if w.any()), np.zeros(len(events)))

    def sample() -> PlacedEvents:
        events = generate(**how, experiment=experiment, importance=importance if aims else None, progress=progress)
        return place(events, detector, seed, **where)

    if cache is None:
        return sample()
    aim = {"aim": (point, analyses) if aims else None}
    path = Path(cache) / f"{_digest(how | where | aim, experiment)}.parquet"
    if path.exists():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of another flux than that of T2K: it is that of the experiment
                return cast(PlacedEvents, read_events(path))
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


def _fits(analysis: Analysis, detector: Detector) -> bool:
    """Whether the detector has all modules that the analysis looks into."""
    selections = [channel.selection for channel in analysis.channels]
    return all({*s.decay_modules, *s.vertex_modules} <= {*detector.fiducial_volumes} for s in selections)


def _digest(arguments: Mapping[str, Any], experiment: Experiment) -> str:
    """A name for a file: another one for anything else that events depend on."""
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "numba", "vegas")}
    about = {"format": FORMAT, "sources": _sources.digest(_sources.SIMULATION), "versions": versions, **arguments}
    about |= {"experiment": experiment.name, "beams": experiment.beams, "detector": experiment.detector}
    return hashlib.sha256(json.dumps(encoded(about), sort_keys=True, default=repr).encode()).hexdigest()[:32]

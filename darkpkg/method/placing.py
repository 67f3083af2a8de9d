"""Where N is produced in a detector, and its straight flight through it. Begin with `place`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import vegas
from numpy.typing import NDArray

from darkpkg.experiment.detector import Detector
from darkpkg.inputs import Array, check, check_kinds, one_of, real_number, tuple_of, whole_number
from darkpkg.method.events import Events, PlacedEvents, block_of, by_source, distinct, rows_of
from darkpkg.method.flights import chords_through
from darkpkg.method.origin import Site
from darkpkg.physics.kinematics import momentum
from darkpkg.streams import random_stream, sobol_points

__all__ = ["place"]


def place(
    events: Events,
    detector: Detector,
    seed: int,
    *,
    emphasis: Mapping[str, float] | None = None,
    vertices: int = 1,
    towards: Sequence[str] = (),
) -> PlacedEvents:
    """Give each event a vertex in the detector and follow N on a straight line through the decay volumes.

    An event on some nucleus falls into a module in proportion to the number of such nuclei there, and uniformly
    within it, with more weight where it is denser. The paths are followed through all fiducial volumes; a selection
    takes those that it needs.

    Parameters
    ----------
    events
        Not placed, or placed elsewhere before.
    detector
        It must have the nuclei of all events. What it has of others adds nothing: no event stands for it.
    seed
        Non-negative integer. Each beam, flavour and nucleus has its own random numbers. Vertices of Sobol sequences
        (and the random numbers of a response) are further axes of these sequences.
    emphasis
        So many times more events fall into a module, by name, with weights that are smaller by as much.
    vertices
        Vertices for each event, all in its replicate; only of Sobol sequences, whose replicates give the error of
        events that are not independent.
    towards
        Modules whose fiducial volumes should catch decays. Vertices then lie denser where the path of N through these
        is long compared with the way to them, and have smaller weights there; nowhere less than a fifth as dense.

    Returns
    -------
    PlacedEvents
        ``vertices`` for each event.

    Raises
    ------
    ValueError, TypeError
        That names the argument; also for a target that the detector lacks, or for N without a direction of flight.

    Examples
    --------
    >>> place(generate(HEAVY, n_events=1000, seed=1), ND280, seed=2).fiducial_modules
    ('TPC1', 'FGD1', 'TPC2', 'FGD2', 'TPC3')
    """
    check_kinds(events=(events, Events), detector=(detector, Detector))
    vertices = whole_number("vertices", vertices, 1)
    towards = [one_of("towards", name, detector.fiducial_volumes) for name in tuple_of("towards", towards, str)]
    is_sobol = events.origin.sequence == "sobol"
    if vertices > 1 and not is_sobol:
        raise ValueError(
            f"vertices must be 1, got {vertices}: only the replicates of sequence='sobol' give the error of events "
            "that share a neutrino"
        )
    check("momentum of N", momentum(events.p_N), "above 1e-100 GeV")
    factors = factors_of_modules(detector, emphasis)
    columns = {name: getattr(events, name) for name in Events.columns()}
    if vertices > 1:
        columns = {name: np.repeat(column, vertices, axis=0) for name, column in columns.items()}
    columns["weight"] = weight = columns["weight"] / vertices
    symbols = {nucleus.pdg_code: symbol for symbol, nucleus in detector.nuclei.items()}
    random, of_response = _by_nets(events, vertices, seed) if is_sobol else _independent(events, seed)
    number = np.full(len(weight), -1)
    codes = distinct(events.target)
    for code in codes:
        if code // 10 * 10 not in symbols:  # of the nucleus, or of that whose nucleon was hit
            raise ValueError(f"target must be a nucleus of {detector.name}, one of {symbols}, got {code}")
    nuclei = np.array([[m.number_of_nuclei(symbols[code // 10 * 10]) for m in detector.modules] for code in codes])
    nuclei = nuclei.reshape(len(codes), len(detector.modules))
    own = [np.flatnonzero(columns["target"] == code) for code in codes]
    denser = np.tile(factors, (len(codes), 1))
    maps: dict[int, vegas.AdaptiveMap] = {}
    if towards:
        caught, maps = _learned(detector, nuclei, towards, columns["p_N"], weight, own, seed)
        denser *= caught
    for rows, there, more in zip(own, nuclei, denser, strict=True):
        share = np.cumsum(there * more)
        number[rows] = index = np.searchsorted(share / share[-1], random[rows, 3], side="right")
        weight[rows] *= (share[-1] / np.cumsum(there)[-1] / more)[index]
    # Whatever no module fills is refused as no number.
    vertex = np.full((len(weight), 3), np.nan)
    for i, module in enumerate(detector.modules):
        here = np.flatnonzero(number == i)
        if here.size:
            at = rows_of(random, here)[:, :3]
            if i in maps:
                evenly, at, jacobian = np.ascontiguousarray(at), np.empty((len(at), 3)), np.empty(len(at))
                maps[i].map(evenly, at, jacobian)
                weight[here] *= jacobian
            vertex[here] = at = module.active.uniform(at)
            weight[here] *= module.relative_density(at)
    names = np.array([module.name for module in detector.modules])
    paths = chords_through(list(detector.fiducial_volumes.values()), vertex, columns["p_N"])
    placed = {"vertex": vertex, "module": np.take(names, number), "uniform": of_response} | paths
    origin = events.origin.replace(detector=Site.of(detector, emphasis))
    provenance = {**events.provenance, "placing_seed": int(seed)}
    if "n_events" in provenance:
        provenance["n_events"] *= vertices
    for name, values in {"weight": weight, "vertex": vertex, **paths}.items():
        check(name, values, "finite")
    check("path of N", paths["exit"] - paths["entry"], "not negative")
    return PlacedEvents.of_columns(columns | placed, origin, provenance)


def _independent(events: Events, seed: int) -> tuple[Array, Array]:
    """Random numbers (n, 4) for vertex and module, and as many for a response."""
    random, of_response = np.empty((len(events), 4)), np.empty((len(events), 4))
    for (beam, flavour, code), rows in by_source(events):
        name = *events.origin.stream(beam, flavour), code
        where = block_of(rows)
        for use, column in {"place": random, "response": of_response}.items():
            own = column[where]  # a view of rows that stand together
            column[where] = random_stream(seed, use, *name).random(out=own)
    return random, of_response


_AXES = range(11, 19)
"""Of a Sobol sequence: those before belong to beam and nucleus, masses, scattering and decay."""


def _by_nets(events: Events, vertices: int, seed: int) -> tuple[Array, Array]:
    """As `_independent`, from further axes of the sequences that the events come from.

    The vertices of an event are shifts of one point by the first points of a Sobol sequence that is not scrambled.
    """
    from scipy.stats import qmc  # here: its import takes longer than most calculations

    shifts = qmc.Sobol(len(_AXES), scramble=False).random_base2(math.ceil(math.log2(vertices)))[:vertices]
    points = sobol_points(events.replicate, _AXES, seed, "place")
    shifted = ((points[:, None] + shifts) % 1.0).reshape(-1, len(_AXES))
    return shifted[:, :4], shifted[:, 4:]


_PILOT, _EVEN, _INTERVALS = 8192, 0.25, 20
"""Vertices in each module that determine where decays are caught, the density of vertices where none are, and the
intervals along each axis between which it changes."""


def _learned(
    detector: Detector,
    nuclei: Array,
    towards: Sequence[str],
    p_N: Array,
    weight: Array,
    rows: Sequence[NDArray[np.int64]],
    seed: int,
) -> tuple[Array, dict[int, vegas.AdaptiveMap]]:
    """How much denser vertices of each nucleus lie in each module, and along its axes: a map of the unit cube.

    An event counts as the decay length of N, spread over decades, lets it decay in one of the volumes,
    ln((b + 1 cm)/(a + 1 cm)) for a path from a to b. A map serves all nuclei in a module, of which ``nuclei`` has the
    numbers and ``rows`` the events.
    """
    caught, maps = np.zeros(nuclei.shape), {}
    volumes = [detector.fiducial_volumes[name] for name in towards]
    for i in np.flatnonzero(nuclei.any(axis=0)).tolist():
        rng = random_stream(seed, "vertices", i)
        here = np.flatnonzero(nuclei[:, i])
        kind = np.arange(_PILOT) % len(here)
        picked = np.empty(_PILOT, dtype=np.int64)
        for k, nucleus in enumerate(here.tolist()):
            picked[kind == k] = rng.choice(rows[nucleus], size=(kind == k).sum())
        u = rng.random((_PILOT, 3))
        paths = chords_through(volumes, detector.modules[i].active.uniform(u), p_N[picked])
        value = np.abs(weight[picked]) * np.log((paths["exit"] + 1.0) / (paths["entry"] + 1.0)).sum(axis=1)
        caught[here, i] = np.bincount(kind, value) / np.bincount(kind)
        value *= np.array([nuclei[k, i] * len(rows[k]) for k in here.tolist()])[kind]
        maps[i] = vegas.AdaptiveMap([[0.0, 1.0]] * 3, ninc=_INTERVALS)
        maps[i].add_training_data(u, value + _EVEN * value.mean() + (not value.any()))
        maps[i].adapt(alpha=-1.0)  # in proportion to what is there
    mean = (nuclei * caught).sum(axis=1, keepdims=True) / nuclei.sum(axis=1, keepdims=True)
    return np.where(mean > 0, caught / np.where(mean > 0, mean, 1.0) + _EVEN, 1.0), maps


def factors_of_modules(detector: Detector, emphasis: Mapping[str, float] | None) -> Array:
    """The factor of each module in ``emphasis`` of `place`, one by default."""
    emphasis = {} if emphasis is None else emphasis
    check_kinds(emphasis=(emphasis, Mapping))
    names = [module.name for module in detector.modules]
    for name in emphasis:
        one_of(f"emphasis of {detector.name}", name, names)
    return np.array([real_number(f"emphasis of {name}", emphasis.get(name, 1.0), 1e-6, 1e6) for name in names])

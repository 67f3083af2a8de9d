"""Where N is produced in a detector, and its straight flight through it. Begin with `place`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.detector import Detector
from darkpkg.inputs import check, check_kinds, one_of, real_number, tuple_of, whole_number
from darkpkg.method.events import Events, PlacedEvents, beams_in
from darkpkg.method.origin import Site
from darkpkg.physics.kinematics import momentum
from darkpkg.streams import random_stream

Array = NDArray[np.float64]

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
    within it. The paths are followed through all fiducial volumes; a selection takes those that it needs.

    Parameters
    ----------
    events
        Not placed, or placed elsewhere before.
    detector
        It must have the nuclei of all events.
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

    Raises `ValueError` for a target that the detector lacks, or for N without a direction of flight.
    """
    check_kinds(events=(events, Events), detector=(detector, Detector))
    vertices, towards = whole_number("vertices", vertices, 1), tuple_of("towards", towards, str)
    for name in towards:
        one_of("towards", name, detector.fiducial_volumes)
    is_sobol = events.origin.sequence == "sobol"
    if vertices > 1 and not is_sobol:
        raise ValueError(
            f"vertices must be 1, got {vertices}: only the replicates of sequence='sobol' give the error of events "
            "that share a neutrino"
        )
    check("momentum of N", momentum(events.p_N), "above 1e-100 GeV")
    factors = factors_of_modules(detector, emphasis)
    columns = {name: np.repeat(getattr(events, name), vertices, axis=0) for name in Events.columns()}
    weight, n = columns["weight"] / vertices, len(events) * vertices
    columns["weight"] = weight
    direction = columns["p_N"][:, 1:] / momentum(columns["p_N"])[:, None]
    symbols = {nucleus.pdg_code: symbol for symbol, nucleus in detector.nuclei.items()}
    # Whatever is left as it is here is refused as a column.
    vertex, uniform = np.full((n, 3), np.nan), np.full((n, 4), np.nan)
    module = np.full(n, "", dtype=f"U{max(len(m.name) for m in detector.modules)}")
    draw = _sobol if is_sobol else _independent
    for code in np.unique(events.target).tolist():
        if code not in symbols:
            raise ValueError(f"target must be a nucleus of {detector.name}, one of {symbols}, got {code}")
        own = np.flatnonzero(columns["target"] == code)
        nuclei = np.array([m.number_of_nuclei(symbols[code]) for m in detector.modules])
        grids = _Grids(detector, nuclei, towards, direction[own], weight[own], seed, code) if towards else None
        denser = factors * (grids.caught if grids else 1.0)
        share = np.cumsum(nuclei * denser)
        weight_in = share[-1] / nuclei.sum() / denser
        for beam in beams_in(events):
            for flavour in np.unique(columns["flavour"][own[columns["beam"][own] == beam]]).tolist():
                chosen = own[(columns["beam"][own] == beam) & (columns["flavour"][own] == flavour)]
                name = events.origin.stream(beam, flavour)
                random, uniform[chosen] = draw(columns["replicate"][chosen], vertices, seed, (*name, code))
                index = np.searchsorted(share / share[-1], random[:, 3], side="right")
                for i in np.unique(index):
                    here = chosen[index == i]
                    at = random[index == i, :3]
                    if grids:
                        at, jacobian = grids.warped(i, at)
                        weight[here] *= jacobian
                    vertex[here] = detector.modules[i].active.uniform(at)
                    module[here] = detector.modules[i].name
                    if emphasis or grids:
                        weight[here] *= weight_in[i]
    entry, leave = _chords(detector, tuple(detector.fiducial_volumes), vertex, direction)
    placed = {"vertex": vertex, "module": module, "entry": entry, "exit": leave, "uniform": uniform}
    origin = events.origin.replace(detector=Site.of(detector, emphasis))
    provenance = {**events.provenance, "placing_seed": int(seed)}
    if "n_events" in provenance:
        provenance["n_events"] *= vertices
    return PlacedEvents(**columns, **placed, origin=origin, provenance=provenance)


def _independent(
    replicate: NDArray[np.int64], vertices: int, seed: int, name: tuple[str | int, ...]
) -> tuple[Array, Array]:
    """Numbers (n, 4) for module and vertex, and for a response."""
    shape = (len(replicate), 4)
    return random_stream(seed, "place", *name).random(shape), random_stream(seed, "response", *name).random(shape)


_FIRST_AXIS = 10
"""Of a Sobol sequence: those before belong to masses, scattering and decay."""


def _sobol(
    replicate: NDArray[np.int64], vertices: int, seed: int, name: tuple[str | int, ...]
) -> tuple[Array, Array]:
    """As `_independent`, from further axes of the sequences that the events come from, scrambled on their own.

    The vertices of an event are shifts of one point by a lattice: multiples of the powers of 1/g, where g⁹ = g + 1.
    """
    from scipy.stats import qmc  # here: its import takes longer than most calculations

    shift = np.power(1.0812057, -np.arange(1.0, 9.0)) * np.arange(vertices)[:, None]
    numbers = np.empty((len(replicate), 8))
    for r in np.unique(replicate).tolist():
        rows = np.flatnonzero(replicate == r)
        sequence = qmc.Sobol(_FIRST_AXIS + 8, rng=random_stream(seed, "place", *name, "sobol", r))
        with warnings.catch_warnings():  # the sums have errors of their own, whether or not n is a power of two
            warnings.filterwarnings("ignore", "The balance properties", UserWarning)
            points = sequence.random(len(rows) // vertices)[:, _FIRST_AXIS:]
        numbers[rows] = ((points[:, None] + shift) % 1.0).reshape(-1, 8)
    return numbers[:, :4], numbers[:, 4:]


class _Grids:
    """How much denser vertices of one nucleus lie, along each axis of each module and from module to module.

    Learned from a few thousand events in each module: each counts as the decay length of N, spread over decades, lets
    it decay in one of the volumes, ln((b + 1 cm)/(a + 1 cm)) for a path from a to b.
    """

    _PILOT, _BINS, _EVEN = 4096, 16, 0.25

    def __init__(
        self,
        detector: Detector,
        nuclei: Array,
        towards: Sequence[str],
        direction: Array,
        weight: Array,
        seed: int,
        code: int,
    ) -> None:
        rng = random_stream(seed, "vertices", code)
        self.caught = np.ones(len(nuclei))
        self._edges: dict[int, Array] = {}
        picked = rng.integers(len(direction), size=self._PILOT)
        for i in np.flatnonzero(nuclei).tolist():
            u = rng.random((self._PILOT, 3))
            vertex = detector.modules[i].active.uniform(u)
            entry, leave = _chords(detector, towards, vertex, direction[picked])
            value = np.abs(weight[picked]) * np.log((leave + 1.0) / (entry + 1.0)).sum(axis=1)
            self.caught[i] = value.mean()
            value += self._EVEN * value.mean() + (not value.any())
            self._edges[i] = np.stack([self._quantiles(u[:, axis], value) for axis in range(3)])
        mean = (nuclei * self.caught).sum() / nuclei.sum()
        self.caught = self.caught / mean + self._EVEN if mean > 0 else np.ones(len(nuclei))

    def _quantiles(self, u: Array, value: Array) -> Array:
        order = np.argsort(u)
        cumulative = np.cumsum(value[order])
        inner = np.interp(np.arange(1, self._BINS) / self._BINS, cumulative / cumulative[-1], u[order])
        return np.concatenate([[0.0], inner, [1.0]])

    def warped(self, module: int, v: Array) -> tuple[Array, Array]:
        """Points (n, 3) of the unit cube that lie dense where decays are caught, and du/dv (n,)."""
        u, jacobian = np.empty_like(v), np.ones(len(v))
        for axis, edges in enumerate(self._edges[module]):
            k = np.minimum((v[:, axis] * self._BINS).astype(int), self._BINS - 1)
            width = np.diff(edges)[k]
            u[:, axis] = edges[k] + (v[:, axis] * self._BINS - k) * width
            jacobian *= width * self._BINS
        return u, jacobian


def _chords(detector: Detector, modules: Sequence[str], vertex: Array, direction: Array) -> tuple[Array, Array]:
    """Where the rays enter and leave the fiducial volumes of ``modules``: two arrays (n, modules)."""
    volumes = detector.fiducial_volumes
    entry, leave = np.zeros((2, len(vertex), len(modules)))
    for column, name in enumerate(modules):
        entry[:, column], leave[:, column] = volumes[name].chord(vertex, direction)
    return entry, leave


def factors_of_modules(detector: Detector, emphasis: Mapping[str, float] | None) -> Array:
    """The factor of each module that ``emphasis`` of `place` says, one by default."""
    emphasis = {} if emphasis is None else emphasis
    check_kinds(emphasis=(emphasis, Mapping))
    names = [module.name for module in detector.modules]
    unknown = [name for name in emphasis if name not in names]
    if unknown:
        raise ValueError(f"emphasis must name modules of {detector.name}, {', '.join(names)}, got {unknown[0]!r}")
    return np.array([real_number(f"emphasis of {name}", emphasis.get(name, 1.0), 1e-6, 1e6) for name in names])

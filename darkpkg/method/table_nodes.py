"""Rates at one pair of masses for a table: sums over Sobol samples of exp(−t/L). Begin with `Simulation`.

N is produced all along a line through each module, in closed form, and each neutrino crosses every module: no vertex
is drawn.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import vegas
from numpy.typing import NDArray

from darkpkg.experiment.beam import Beam, Flux
from darkpkg.experiment.detector import Module
from darkpkg.experiment.experiment import Experiment
from darkpkg.experiment.response import Pairs
from darkpkg.experiment.selection import Cuts, Selection, observables
from darkpkg.experiment.volumes import Volume
from darkpkg.inputs import Array
from darkpkg.method.channels import edges_of
from darkpkg.method.flights import chords_through
from darkpkg.method.generator import REPLICATES
from darkpkg.method.integrand import DECAY_AXES, Integrand
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.table_flights import FlightSums, flight_kernel, flights, steps_over
from darkpkg.method.table_grid import Axis
from darkpkg.method.targets import target
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import BENCHMARK_B
from darkpkg.streams import random_stream, sobol_points

__all__ = ["LIFETIMES", "SHORT_LIFETIMES", "Simulation", "Spectrum", "without_mass_cut"]


RAYS = {False: 1, True: 4}
"""For each neutrino, through each module where N is produced, by whether a response smears it anew for each."""

_PILOT = {False: 2048, True: 8192}
"""Points of a round of adaptation, by whether Z′ is light: then as few as one in a thousand pass the cuts."""

LIFETIMES = Axis(np.log(3e-4), np.log(1e6), 49, 3)
"""Axis of ln L, L in cm/GeV: from lifetimes that are too short to matter to those where the rate falls like 1/L.

Between them the rate can rise as exp(−t/L) with the least flight t to a chamber: nodes twice as far apart miss 4 %.
"""

SHORT_LIFETIMES = Axis(np.log(1e-2), np.log(1e5), 19, 3)
"""Axis of ln L if N is produced and decays in the same modules."""


_SHORTEST, _LONGEST = 1e-4, 1e5
"""Flights of N over its momentum, in cm/GeV, between which histograms are even in the logarithm."""

_FEW = 0.05
"""Where a smaller share of what happens is selected there are twice as many neutrinos."""

_OF_EVENT, _BITS = DECAY_AXES + 3, 30
"""Axes of the sequences that make an event (the others place and smear it), and their bits."""


_ELSEWHERE = 1e-3
"""Of the nuclei of a module: fewer are not taken for denser inside than outside."""

_TAUS = (0.0, 1.0, 4.0, 15.0)
"""In GeV: exp(−τ/p) of N decides for which momenta a lifetime is short."""


@dataclass(frozen=True)
class Spectrum:
    """What one selection counts: its parts of the detector, bins and axes."""

    name: str
    selection: Selection
    beams: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]
    lifetimes: Axis

    @property
    def times(self) -> Array:
        """Flights over momentum between which one is shared out: (n,), the first of no length."""
        return np.append(0.0, np.geomspace(_SHORTEST, _LONGEST, 721 if self.selection.n_bins == 1 else 271))


@dataclass(frozen=True)
class _Source:
    """A convex ``volume`` of a module in which N is produced, with nuclei in proportion to ``densities`` (1/cm³) in
    volumes inside it, which add up to one.
    """

    part: int
    module: Module
    volume: Volume
    densities: tuple[tuple[Volume, float], ...]

    @classmethod
    def of(cls, part: int, module: Module, in_fiducial: bool) -> _Source:
        active, inner = module.active, module.fiducial
        if inner is None:
            return cls(part, module, active, ((active, 1 / active.volume),))
        within = inner.volume / active.volume if module.mass_within is None else module.mass_within / module.mass
        inside, outside = within / inner.volume, (1 - within) / max(active.volume - inner.volume, 1e-300)
        if in_fiducial:
            return cls(part, module, inner, ((inner, inside),))
        if abs(1 - outside * active.volume) < _ELSEWHERE:
            return cls(part, module, active, ((active, 1 / active.volume),))
        return cls(part, module, active, ((active, outside), (inner, inside - outside)))

    def stretches(self, vertex: Array, events: Mapping[str, Array]) -> Iterator[tuple[NDArray[np.int64], Any]]:
        """Lines through points (n, 3) inside, along p_N (n, 4): by number, where each begins and how long it is in
        each of the volumes, with its weights per length.
        """
        p, volumes = events["p_N"], [volume for volume, _ in self.densities]
        direction = p[:, 1:] / events["momentum"][:, None]
        back, forward = (chords_through([self.volume], vertex, sign * p)["exit"][:, 0] for sign in (-1, 1))
        start = vertex - direction * (back + 1e-6)[:, None]
        ends = chords_through(volumes, start, p)
        for k, (_, density) in enumerate(self.densities):
            length = ends["exit"][:, k] - ends["entry"][:, k]
            at = np.flatnonzero(length > 0)
            share = density * self.volume.volume / (back + forward)[at]
            own = {name: value[at] for name, value in events.items()}
            own["weight"] = own["weight"] * share[:, None]
            yield at, own | {"begin": start[at] + direction[at] * ends["entry"][at, k, None], "length": length[at]}


@dataclass(frozen=True)
class _Starts:
    """Pairs of which a selection needs the vertex no more."""

    p_electron: Array
    p_positron: Array
    uniform: Array

    def __len__(self) -> int:
        return len(self.uniform)

    def starts_in(self, modules: Sequence[str]) -> NDArray[np.bool_]:
        return np.ones(len(self), dtype=bool)


class Simulation:
    """Events of one spectrum at the masses of one node after another; what has been learned serves the next."""

    def __init__(self, experiment: Experiment, spectrum: Spectrum, form_factor: str = "fourier-bessel") -> None:
        self.spectrum, detector = spectrum, experiment.detector
        wanted = {*spectrum.selection.decay_modules, *(m for part in spectrum.parts for m in part)}
        self.detector = detector.only([m.name for m in detector.modules if m.name in wanted], detector.name)
        self.nuclei = list(self.detector.targets.values())
        self.numbers = np.array(
            [[sum(self.detector[m].number_of_nuclei(s) for m in part) for s in self.detector.targets]
             for part in spectrum.parts]
        )  # fmt: skip
        self.fluxes = [_muon_flux(experiment[beam]) for beam in spectrum.beams]
        self.mean = _mean_flux(self.fluxes)
        self.targets = [target(self.mean, nucleus, form_factor) for nucleus in self.nuclei]
        in_fiducial = bool(spectrum.selection.vertex_modules)
        self.sources = [_Source.of(i, self.detector[m], in_fiducial) for i, p in enumerate(spectrum.parts) for m in p]
        self.chambers = [self.detector.fiducial_volumes[m] for m in spectrum.selection.decay_modules]
        reach = _extent([*self.chambers, *(source.volume for source in self.sources)])
        self.steps = steps_over(reach)
        self.maps: list[vegas.AdaptiveMap] = []

    def rates(self, m_N: float, m_Zprime: float, n: int, seed: int) -> tuple[Array, Array, Array]:
        """Rates and their variances per POT for unit couplings: (parts, bins, beams, ln L, flights of Z′).

        The first of ln L stands for decays anywhere, the first of the flights for none. Third, the covariances of the
        logarithms of sums over bins, (parts, beams, beams, ln L, flights): without a flight, and of the ratio to that
        with each.
        """
        sampling = SamplingRange.at(m_N, m_Zprime)
        selection = without_mass_cut(self.spectrum.selection) if sampling.is_light else self.spectrum.selection
        integrands = [Integrand(one, sampling, BENCHMARK_B) for one in self.targets]
        values, passed = self._learn(integrands, selection, sampling.is_light, seed)
        n *= 1 + (passed < _FEW) + 2 * (passed < _FEW / 4)
        points = _shifted(n, seed)
        events, energy, code = self._events(integrands, values, points[:, :_OF_EVENT])
        rays = RAYS[selection.response is not None]
        number = np.repeat(np.arange(n), rays)
        shifts = np.arange(rays)[:, None] * np.sqrt([2, 3, 5, 7, 11, 13, 17, 19])
        random = ((points[:, None, _OF_EVENT:] + shifts) % 1.0).reshape(n * rays, 8)
        bins = selection.bins(_Starts(events["p_electron"][number], events["p_positron"][number], random[:, 4:]))
        kept = np.flatnonzero(bins >= 0)
        kept = kept[np.argsort(number[kept] % REPLICATES, kind="stable")]  # neighbours go into the same sums
        number, random, bins = number[kept], random[kept, :4], bins[kept]
        events = {name: values[number] for name, values in events.items()}
        weight = np.stack([flux(energy) / self.mean(energy) for flux in self.fluxes], axis=1)[number]
        weight *= events.pop("weight")[:, None] / rays
        return self._sums(events, code[number], number % REPLICATES, bins, weight, random, sampling.is_light)

    def _learn(
        self, integrands: Sequence[Integrand], selection: Selection, is_light: bool, seed: int
    ) -> tuple[Array, float]:
        """Adapt the map of each nucleus to what is selected, for short and long lifetimes alike.

        Returns the sum of each nucleus, and which share of all is selected.
        """
        rounds = 1 if self.maps else 8
        self.maps = self.maps or [vegas.AdaptiveMap([[0.0, 1.0]] * DECAY_AXES, ninc=40) for _ in integrands]
        sums, passed = np.empty((2, len(integrands)))
        for i, (integrand, own) in enumerate(zip(integrands, self.maps, strict=True)):
            rng = random_stream(seed, "learn", i)
            for _ in range(rounds):
                y, azimuths = rng.random((_PILOT[is_light], DECAY_AXES)), rng.random((_PILOT[is_light], 2))
                value, _, p_N, pair = _simulated(integrand, own, y, azimuths)
                p = momentum(p_N)
                chances = [np.exp(-tau / p) for tau in _TAUS] + [1 / p]
                if is_light:
                    chances.append(1 / (p * momentum(pair.p_electron + pair.p_positron)))  # both live long
                blend = sum(c / max((c * value).sum(), 1e-300) for c in chances) * value
                passes = _passes(selection, pair)
                passing = max((blend * passes).sum() / max(blend.sum(), 1e-300), 1e-3)
                seen = blend * (passes + 0.1 * passing)
                own.add_training_data(y, (seen / seen.mean() if seen.any() else seen + 1.0) ** 2)
                own.adapt(alpha=0.7)
                sums[i], passed[i] = (value * (passes + 0.1 * passing)).mean(), (value * passes).mean() / value.mean()
        return sums, float(passed @ sums / sums.sum())

    def _events(self, integrands: Sequence[Integrand], values: Array, points: Array) -> tuple[Any, Array, Any]:
        """Events of all nuclei at points (n, 9), energies of their neutrinos, and nuclei by number.

        All parts of the detector count alike: where lifetimes are short, nothing but its few nuclei of argon counts.
        """
        by_part = self.numbers * values
        by_part /= np.maximum(by_part.sum(axis=1, keepdims=True), 1e-300)
        shares = by_part.sum(axis=0) if by_part.any() else np.ones(len(values))
        shares = 0.9 * shares / shares.sum() + 0.1 / len(shares)
        n = len(points)
        number = np.minimum(np.searchsorted(np.cumsum(shares), points[:, 0], side="right"), len(shares) - 1)
        vectors: dict[str, Any] = {name: np.empty((n, 4)) for name in ("p_N", "p_electron", "p_positron")}
        weight, energy = np.empty(n), np.empty(n)
        for i, (integrand, own) in enumerate(zip(integrands, self.maps, strict=True)):
            rows = np.flatnonzero(number == i)
            y = points[rows, 1:]
            value, variables, p_N, pair = _simulated(integrand, own, y[:, :-2].copy(), y[:, -2:].copy())
            for name, p in zip(vectors, (p_N, pair.p_electron, pair.p_positron), strict=True):
                vectors[name][rows] = p
            weight[rows], energy[rows] = value / (shares[i] * n), variables[:, 0]
        return vectors | {"weight": weight}, energy, number

    def _sums(
        self, events: Mapping[str, Array], nucleus: NDArray[np.int64], replicate: NDArray[np.int64],
        bins: NDArray[np.int64], weight: Array, random: Array, is_light: bool,
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        """Sums over events of weights (n, beams) times chances to decay inside, and variances as of `rates`."""
        axes = len(self.spectrum.parts), self.spectrum.selection.n_bins, REPLICATES
        kernel = flight_kernel(is_light, self.steps)
        sums = FlightSums(self.spectrum.times, (math.prod(axes), len(kernel)), weight.shape[1])
        momenta = {"p_N": events["p_N"], "momentum": momentum(events["p_N"])}
        momenta["p_pair"] = (events["p_electron"] + events["p_positron"])[:, 1:]
        everywhere = np.zeros((math.prod(axes), weight.shape[1]))
        for i, source in enumerate(self.sources):
            counts = np.array([source.module.number_of_nuclei(symbol) for symbol in self.detector.targets])
            rows = np.flatnonzero(counts[nucleus] > 0)
            group = np.ravel_multi_index((np.full(len(rows), source.part), bins[rows], replicate[rows]), axes)
            vertex = source.volume.uniform((random[rows, :3] + i * np.sqrt([2, 3, 5])) % 1.0)
            own = {name: value[rows] for name, value in momenta.items()}
            own["weight"] = weight[rows] * counts[nucleus[rows], None]
            for at, stretch in source.stretches(vertex, own):
                for own_sum, w in zip(everywhere.T, stretch["weight"].T * stretch["length"], strict=True):
                    own_sum += np.bincount(group[at], w, len(everywhere))
                self._add(sums, group[at], stretch, random[rows[at], 3], is_light)
        rate = sums.rates(np.exp(self.spectrum.lifetimes.nodes))
        rate = np.einsum("gybl,yf->gblf", rate, kernel, optimize=True)
        all_of_them = np.broadcast_to(everywhere[:, :, None, None], (*everywhere.shape, 1, rate.shape[-1]))
        found = np.concatenate([all_of_them, rate], axis=2)
        found = np.cumsum(found.reshape(*axes, *found.shape[1:]), axis=0)
        relative = found.sum(axis=1) / np.maximum(found.sum(axis=(1, 2))[:, None], 1e-200)
        relative[..., 1:] -= relative[..., :1]
        relative -= relative.mean(axis=1, keepdims=True)
        of_log = np.einsum("pralf,prblf->pablf", relative, relative) * (REPLICATES / (REPLICATES - 1))
        return found.sum(axis=2), REPLICATES * found.var(axis=2, ddof=1), of_log

    def _add(
        self, sums: FlightSums, group: NDArray[np.int64], stretch: Mapping[str, Array], uniform: Array, is_light: bool
    ) -> None:
        """Add stretches along which N is produced, with flights of Z′ from the shortest to the longest that count."""
        for y, flown in flights(uniform, np.linalg.norm(stretch["p_pair"], axis=1), is_light, self.steps):
            begin = stretch["begin"] + stretch["p_pair"] * flown[:, None]
            ends = chords_through(self.chambers, begin, stretch["p_N"])
            sums.add((group, y), ends, stretch["length"], stretch["momentum"], stretch["weight"])


def _extent(volumes: Sequence[Volume]) -> float:
    """No line between volumes is longer, in cm."""
    ends = [[volume.nearest(1e12 * way) for way in (*np.eye(3), *-np.eye(3))] for volume in volumes]
    return float(np.linalg.norm(np.ptp(np.reshape(ends, (-1, 3)), axis=0)))


@functools.lru_cache(maxsize=4)
def _sequences(n: int) -> NDArray[np.int64]:
    """Points (n, axes) of scrambled Sobol sequences for all nodes, in units of 2⁻³⁰; replicates alternate."""
    points = sobol_points(np.arange(n) % REPLICATES, range(_OF_EVENT + 8), 0, "table")
    return np.rint(points * 2**_BITS).astype(np.int64)


def _shifted(n: int, seed: int) -> Array:
    """The same with digital shifts of a node's own, which make them independent of those of other nodes (n, axes).

    Scrambling the sequences anew would take longer than simulating heavy N.
    """
    sequences = _sequences(n)
    shift = random_stream(seed, "shift").integers(2**_BITS, size=(REPLICATES, sequences.shape[1]))
    return (sequences ^ shift[np.arange(n) % REPLICATES]) / 2.0**_BITS


def _simulated(integrand: Integrand, own: vegas.AdaptiveMap, y: Array, azimuths: Array) -> tuple[Any, ...]:
    """Values with the Jacobian of the map, variables, momenta of N and pairs, at points (n, 6) and (n, 2)."""
    value, variables = integrand.mapped(y, edges_of(own))
    p = integrand.momenta(variables, azimuths)
    return value, variables, p["p_N"], Pairs(p["p_electron"], p["p_positron"])


def _passes(selection: Selection, pair: Pairs) -> Array:
    if selection.cuts is None:
        return np.ones(len(pair.p_electron))
    return np.asarray(selection.cuts.passes(observables(pair)), dtype=float)


def without_mass_cut(selection: Selection) -> Selection:
    """That of a light Z′, whose pairs all have its mass: the cut is a step, which is left to the evaluation."""
    if type(selection.cuts) is not Cuts or selection.response is not None:
        return selection
    return dataclasses.replace(selection, cuts=dataclasses.replace(selection.cuts, max_mass=1e9))


def _muon_flux(beam: Beam) -> Flux:
    return Beam(beam.name, {c: flux for c, flux in beam.fluxes.items() if abs(c) == 14}).flux


def _mean_flux(fluxes: Sequence[Flux]) -> Flux:
    edges = np.unique(np.concatenate([flux.edges for flux in fluxes]))
    return Flux(edges, np.mean([flux(edges[:-1]) / flux.cumulative[-1] for flux in fluxes], axis=0))

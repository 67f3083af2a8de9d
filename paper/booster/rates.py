"""Rates of MiniBooNE and MicroBooNE over both masses and the lifetime, from one small file. Begin with `load`.

`python -m paper.booster.rates` makes it: both experiments are simulated alike at nodes over the masses, on
nuclei and on single nucleons, and each node has its rates at a few lifetimes of N for a light and for a heavy Z′.
Couplings and exposures are exact. With a light Z′ N and Z′ decay where they are made.
"""

from __future__ import annotations

import io
import itertools
import json
import multiprocessing
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.experiment.experiment import Experiment
from darkpkg.inputs import check_kinds
from darkpkg.method.estimators import Kernel
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation, FewEventsWarning
from darkpkg.method.table_grid import Axis, Grid, prefiltered
from darkpkg.physics.model import DarkParameters
from darkpkg.units import cm
from paper.booster import fit, microboone, miniboone

Array = NDArray[np.float64]

NAME = "tables/booster.npz"

GRIDS = {
    "light": Grid("light", 11, 7, (0.048, 1.0), 0.0095, power=1.0),
    "heavy": Grid("heavy", 11, 7, (0.029, 0.82), 5.2),
}
"""Nodes over the masses, as in the table of T2K (`darkpkg.load_table`)."""

LIFETIMES = Axis(np.log(0.1 * cm), np.log(1e6 * cm), 24, 1)
"""ln cτ of a heavy N in cm. Below, N decays where it is made; above, rates fall as 1/cτ."""

N_EVENTS = {"MiniBooNE": (2**14, 32), "MicroBooNE": (2**13, 16), "T2K": (2**14, 16)}
"""Neutrinos of a node, and vertices of each; with a light Z′ two vertices are enough. T2K is not in the file."""

SEED = 1729
"""Of all nodes alike, so that their errors have the same sign and the surface between them is smooth."""


def searches() -> dict[str, tuple[Experiment, Analysis]]:
    """What the file has, by name: an experiment, and an analysis of one selection."""
    pairs = {f"MicroBooNE {name}".strip(): microboone.analysis(name) for name in ("", *microboone.VARIABLES)}
    return {
        "MiniBooNE": (miniboone.MINIBOONE, miniboone.MINIBOONE_BOTH),
        **{name: (microboone.MICROBOONE, analysis) for name, analysis in pairs.items()},
    }


@dataclass(frozen=True, eq=False)
class Rates:
    """An estimator of both experiments' events, with the error of the simulation as variance.

    ``arrays`` has, for each kind of mediator and each of `searches`, ln of the rate of each beam for unit couplings
    and one proton on target, (m_N, m_Z′, cτ, beams, 1), the share of each bin and the relative error of each bin,
    (m_N, m_Z′, cτ, beams, bins), all at nodes. Where ln of the rate has two rows and columns more, it is coefficients
    of cubic splines over the masses. ``analyses`` are those of `searches` by default.
    """

    arrays: Mapping[str, Array]
    analyses: Mapping[str, Analysis] | None = None

    @classmethod
    def of_nodes(cls, arrays: Mapping[str, Array], analyses: Mapping[str, Analysis] | None = None) -> Rates:
        """Of the arrays of `row`, stacked: spectra are `smoothed`, splines go through what is not nothing."""
        ready = dict(arrays)
        for mediator in GRIDS:
            names = [f"{mediator}/MiniBooNE/{what}" for what in ("share", "error")]
            if names[0] in ready:
                ready |= dict(zip(names, smoothed(*(ready[name] for name in names)), strict=True))
        for name, values in ready.items():
            if name.endswith("/log") and values.min() > np.log(_NOTHING) + 1:  # there is no spline through nothing
                ready[name] = prefiltered(prefiltered(values, 0), 1)
        return cls(ready, analyses)

    def events(self, parameters: DarkParameters, analysis: Analysis) -> Expectation:
        """Expected signal in each bin of ``analysis``, of θ's shape + (bins,).

        Raises `ValueError` for a mass outside the nodes and for a selection that is not among `searches`.
        """
        check_kinds(parameters=(parameters, DarkParameters), analysis=(analysis, Analysis))
        shape, bins = parameters.shape, len(analysis.observed)
        every = (parameters.m_N, parameters.m_Zprime, parameters.proper_decay_length(), parameters.coupling)
        m_N, m_Zprime, ctau, coupling = (np.broadcast_to(one, shape).ravel() for one in every)
        found = np.zeros((2, len(m_N), bins))
        for mediator, rows in (("light", m_Zprime < m_N), ("heavy", m_Zprime >= m_N)):
            if rows.any():
                at = m_N[rows], m_Zprime[rows], ctau[rows]
                found[:, rows] = np.concatenate([self._rate(mediator, at, one) for one in analysis.channels], axis=-1)
        mean, error = (found * coupling[:, None]).reshape(2, *shape, bins)
        return Expectation(mean, error**2)

    def _rate(self, mediator: str, at: tuple[Array, Array, Array], channel: Channel) -> Array:
        """Rate and error (2, n, bins) for unit couplings."""
        name, beam = self._search(channel)
        m_N, m_Zprime, ctau = at
        position: tuple[Array, ...] = GRIDS[mediator].position(m_N, m_Zprime)
        axes = [replace(axis, degree=1) for axis in GRIDS[mediator].axes]
        beyond = np.zeros(len(m_N))
        if mediator == "heavy":
            axes.append(LIFETIMES)
            position = (*position, np.log(ctau))
            beyond = np.maximum(np.log(ctau) - LIFETIMES.stop, 0.0)
        log, share, error = (self.arrays[f"{mediator}/{name}/{what}"][..., beam, :] for what in _FIELDS)
        splines = [*GRIDS[mediator].axes, *axes[2:]] if len(log) > axes[0].n else axes
        total = np.exp(between(log, splines, position) - beyond[:, None]) * channel.pot
        mean = total * between(share, axes, position)
        return np.stack([mean, mean * between(error, axes, position)])

    def _search(self, channel: Channel) -> tuple[str, int]:
        """Name of a channel's selection among the analyses, and the number of its beam."""
        known = self.analyses or {name: analysis for name, (_, analysis) in searches().items()}
        for name, analysis in known.items():
            beams = [one.beam for one in analysis.channels]
            if channel.selection == analysis.channels[0].selection and channel.beam in beams:
                return name, beams.index(channel.beam)
        raise ValueError(f"selection must be one of those of {', '.join(known)}, got {channel.selection!r:.300}")


_FIELDS = ("log", "share", "error")


def between(values: Array, axes: list[Axis], position: tuple[Array, ...]) -> Array:
    """B-splines of each axis, of values or coefficients (nodes of each axis, k), at n places: (n, k)."""
    found = np.zeros((len(position[0]), values.shape[-1]))
    near = [axis.weights(x) for axis, x in zip(axes, position, strict=True)]
    for corner in itertools.product(*(range(axis.degree + 1) for axis in axes)):
        index = tuple(i[:, k] for (i, _), k in zip(near, corner, strict=True))
        weight = np.prod([w[:, k] for (_, w), k in zip(near, corner, strict=True)], axis=0)
        found += weight[:, None] * values[index]
    return found


def nodes() -> dict[str, Array]:
    """The arrays of ``data/tables/booster.npz``, verified."""
    with np.load(io.BytesIO(datasets.verify(NAME)), allow_pickle=False) as file:
        about = json.loads(file["header"].tobytes())
        if about != _header():
            raise ValueError(f"{NAME} is of other nodes, {about}: make it anew with python -m paper.booster.rates")
        return {name: file[name].astype(float) for name in file.files if name != "header"}


def load() -> Rates:
    """The rates of ``data/tables/booster.npz``, verified."""
    return Rates.of_nodes(nodes())


def smoothed(share: Array, error: Array) -> tuple[Array, Array]:
    """Shares of bins and relative errors of rates, (m_N, m_Z′, …, bins), averaged with those of adjacent nodes.

    Spectra change slowly with the masses, and each node has few events in a bin. A neighbour along either axis counts
    a quarter; what is averaged is the square root of each share. Errors of the total stay.
    """
    weight = _with_neighbours(np.ones(share.shape), 0.25)
    root = np.maximum(_with_neighbours(np.sqrt(share), 0.25) / weight, 1e-4)
    variance = _with_neighbours(share * error**2 / 4, 0.25**2) / weight**2
    of_total = ((share * error) ** 2).sum(axis=-1, keepdims=True)
    relative = np.sqrt(of_total + 4 * variance / root**2)
    return root**2 / (root**2).sum(axis=-1, keepdims=True), np.minimum(relative, 1.0)


def _with_neighbours(values: Array, part: float) -> Array:
    """Sum with a part of each neighbour along the first two axes."""
    for axis in (0, 1):
        wider = np.pad(values, [(int(k == axis), int(k == axis)) for k in range(values.ndim)])
        low, high = (np.take(wider, np.arange(values.shape[axis]) + k, axis=axis) for k in (0, 2))
        values = values + part * (low + high)
    return values


def _header() -> dict[str, Any]:
    grids = {name: [grid.n_x, grid.n_v, *grid.m_N, grid.m_Zprime] for name, grid in GRIDS.items()}
    return {"grids": grids, "lifetimes": [LIFETIMES.start, LIFETIMES.stop, LIFETIMES.n], "seed": SEED}


def node(
    mediator: str,
    i: int,
    j: int,
    own: Mapping[str, tuple[Experiment, Analysis]] | None = None,
    seed: int = SEED,
    part: int = 1,
    change: Callable[[PlacedEvents], PlacedEvents] = lambda events: events,
) -> dict[str, Array]:
    """Arrays of one node, by name: rates at all lifetimes for a heavy Z′, without that axis for a light one.

    Parameters
    ----------
    mediator, i, j
        Of `GRIDS`, and the node there.
    own
        What to simulate, by default `searches`. Those with an experiment of the same name share its sample.
    seed, part
        Of the samples, which have a ``part`` of the `N_EVENTS` neutrinos: one half for 2.
    change
        Of the events of each sample.
    """
    m_N, m_Zprime = GRIDS[mediator].masses(i, j)
    theta = fit.SPACES[mediator].parameters(m_N, m_Zprime, 1e-2)
    found: dict[str, Array] = {}
    samples: dict[str, PlacedEvents] = {}
    for name, (experiment, analysis) in (searches() if own is None else own).items():
        if experiment.name not in samples:
            neutrinos, vertices = N_EVENTS[experiment.name]
            samples[experiment.name] = change(fit.sample_at(theta, experiment, neutrinos // part, vertices, seed))
        estimate = Kernel(samples[experiment.name])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FewEventsWarning)  # their error is stored
            if mediator == "light":
                events = estimate.events(theta, analysis)
            else:
                events = estimate.events_at_lifetime(theta, np.exp(LIFETIMES.nodes), analysis)
        channels = len(analysis.channels)
        pot = np.repeat([c.pot for c in analysis.channels], len(analysis.observed) // channels)
        mean, error = (np.maximum(one, 0.0) / pot / theta.coupling for one in (events.mean, events.variance**0.5))
        mean, error = (one.reshape(*one.shape[:-1], channels, -1) for one in (mean, error))
        total = mean.sum(axis=-1, keepdims=True)
        share = np.divide(mean, total, out=np.full(mean.shape, 1 / mean.shape[-1]), where=total > 0)
        relative = np.divide(error, mean, out=np.ones(mean.shape), where=mean > 0)
        values = np.log(np.maximum(total, _NOTHING)), share, np.minimum(relative, 1.0)
        found |= {f"{name}/{what}": value for what, value in zip(_FIELDS, values, strict=True)}
    return found


_NOTHING = 1e-40
"""Events per proton on target for unit couplings that are none."""


def row(mediator: str, i: int, *more: Any) -> dict[str, Array]:
    """Arrays of the nodes of one m_N; ``more`` arguments are those of `node`."""
    found = [node(mediator, i, j, *more) for j in range(GRIDS[mediator].n_v)]
    return {f"{mediator}/{name}": np.stack([one[name] for one in found]) for name in found[0]}


def make(path: Path, workers: int = 2) -> None:
    """Simulate all nodes, in some minutes, and write them to a file."""
    tasks = [(mediator, i) for mediator, grid in GRIDS.items() for i in range(grid.n_x)]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(row, *zip(*tasks, strict=True)))
    arrays: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in found for name in one):
        kind = np.float32 if name.endswith("log") else np.float16
        arrays[name] = np.stack([one[name] for one in found if name in one]).astype(kind)
    datasets.write_archive(path, _header(), arrays)
    datasets.renew_manifest(path)


if __name__ == "__main__":
    make(Path(__file__).parents[2] / "data" / NAME)

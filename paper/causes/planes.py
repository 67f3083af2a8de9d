"""Limits along the curves of a plane under a reading: exact, and as straight contours between the authors' nodes.

Begin with `Plane` and `fill`. A plane holds the expected events at each mass on the abscissa as a function of the
coupling; a limit is where −Δ ln L reaches the level of the panel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from darkpkg.experiment.analysis import Analysis
from darkpkg.inference.likelihood import effective_log_likelihood
from paper.causes import authors, samples
from paper.causes.counting import Keep, count, total
from paper.causes.readings import Reading
from paper.curves import Panel

Array = NDArray[np.float64]

__all__ = ["Plane", "edge", "fill", "minus_delta_log_likelihood"]


def minus_delta_log_likelihood(mean: Array, analysis: Analysis, poisson_below: float = 0.0) -> Array:
    """−Δ ln L of expected events (..., x, y, bins), below its best value over x, y and no signal.

    Variances below ``poisson_below`` are taken for none.
    """
    lnL = _log_likelihood(mean, analysis, poisson_below)
    return lnL.max(axis=(-2, -1), keepdims=True) - lnL


def _log_likelihood(mean: Array, analysis: Analysis, poisson_below: float) -> Array:
    expected = np.maximum(mean, 0.0) + analysis.background
    variance = (analysis.systematic * expected) ** 2
    variance = np.where(variance < poisson_below, 0.0, variance)
    return effective_log_likelihood(analysis.observed, expected, variance).sum(axis=-1)


@dataclass(frozen=True, eq=False)
class Plane:
    """A panel of the paper for one analysis.

    ``x`` (GeV) are masses of the authors' nodes, all or some, ``y`` a fine grid of couplings; ``guess`` is about
    where the limit lies at x, where a Z′ that flies is looked at. ``parts`` choose the events, and are added up.
    ``counted`` is an analysis whose ``bins`` are those of ``analysis``. Planes that share it, or a part, are counted
    once. `fill` comes first. The counts of a ``projected`` plane are those of its analysis under all readings.
    """

    panel: Panel
    analysis: Analysis
    x: Array
    y: Array
    guess: Callable[[float], float]
    parts: tuple[Keep | None, ...] = (None,)
    counted: Analysis | None = None
    bins: tuple[int, int | None] = (0, None)
    projected: bool = False
    events: dict[Reading, Array] = field(default_factory=dict, init=False, repr=False)
    """Expected events (1 + replicates, x, y, bins) by reading."""

    @property
    def mediator(self) -> str:
        """``"heavy"`` or ``"light"``."""
        return "light" if self.panel.figure in (10, 15) else "heavy"

    def column(self, x: float, reading: Reading, keep: Keep | None = None) -> Array:
        """Expected events at one x of those that ``keep`` chooses: (1 + replicates, y, bins)."""
        y = self.guess(x)
        theta = self.panel.parameters(x, y)
        here = samples.at(float(theta.m_N), float(theta.m_Zprime))
        analysis = self.counted or self.analysis
        if self.panel.y == "epsilon" and self.mediator == "heavy":
            # Sums are smooth in the logarithm of the lifetime: at seven nodes a decade a spline is good to 1e-3.
            some = np.append(self.y[:-1:6], self.y[-1])
            ctau = np.array(reading.lifetime(self.panel.parameters(x, some).replace(decays=reading.decays)))
            sums = total(count(here, theta, analysis, reading, ctau, keep=keep))
            sums = CubicSpline(np.log(some), sums, axis=1)(np.log(self.y))
        else:
            sums = total(count(here, theta, analysis, reading, keep=keep))[:, None]
        return sums * (self.y / y)[:, None] ** (2 if self.panel.y == "epsilon" else 1)

    def _counted(self, reading: Reading) -> Analysis:
        return self.analysis if self.projected else reading.counts(self.analysis)

    def limit(self, reading: Reading, drop: float | None = None) -> Array:
        """Lower edge of what is excluded (1 + replicates, x); nan where nothing is."""
        return self._edges(reading, drop or self.panel.drop, slice(None))

    def upper(self, reading: Reading, drop: float | None = None) -> Array:
        """Upper edge of the lowest excluded interval; nan where there is none."""
        return self._edges(reading, drop or self.panel.drop, slice(None, None, -1))

    def _edges(self, reading: Reading, level: float, order: slice) -> Array:
        """Where −Δ ln L rises above the level along y in this order: (1 + replicates, x).

        Replicates differ by little from all events: they are looked at near the edge of these, from the point that
        is best with these.
        """
        y, events = self.y[order], self.events[reading][:, :, order]
        analysis, below = self._counted(reading), reading.poisson_below
        fall = minus_delta_log_likelihood(events[0], analysis, below)
        first = np.clip((fall > level).argmax(axis=-1) - _NEAR, 0, len(y) - 2 * _NEAR)
        near = first[:, None] + np.arange(2 * _NEAR)
        best_x, best_y = np.unravel_index(fall.argmin(), fall.shape)
        best = _log_likelihood(events[1:, best_x, best_y], analysis, below)
        lnL = _log_likelihood(np.take_along_axis(events[1:], near[None, :, :, None], axis=2), analysis, below)
        return np.concatenate([edge(y, fall[None], level), edge(y[near], best[:, None, None] - lnL, level)])

    def straight(self, reading: Reading, drop: float | None = None) -> Callable[[Any], Array]:
        """The lower edge as a function of x where the contour is straight between the authors' nodes.

        Where the edge goes up and down, it is the lowest.
        """
        nodes_x, nodes_y = self.x, authors.GRIDS[self.mediator, self.panel.side][1]
        log_y = np.log(self.y)
        events = self.events[reading][0]
        at_nodes = np.stack(
            [[np.interp(np.log(nodes_y), log_y, column) for column in np.log(rows.T + 1e-30)] for rows in events]
        )
        mean = np.exp(np.moveaxis(at_nodes, 1, -1)) - 1e-30
        fall = minus_delta_log_likelihood(mean, self._counted(reading), reading.poisson_below)
        lines = contour_generator(nodes_x, nodes_y, np.minimum(fall, 1e6).T).lines(drop or self.panel.drop)
        return lambda x: _lowest(lines, np.atleast_1d(x))


def fill(planes: Sequence[Plane], readings: Iterable[Reading]) -> None:
    """Count the events of planes with the same x and y under all readings, mass by mass: samples are not kept."""
    readings = list(readings)
    columns: dict[tuple[int, Reading], list[Array]] = {}
    for x in planes[0].x:
        for reading in readings:
            known: dict[Any, Array] = {}
            for i, plane in enumerate(planes):
                keys = [(plane.counted or plane.analysis, keep) for keep in plane.parts]
                for key in keys:
                    if key not in known:
                        known[key] = plane.column(float(x), reading, key[1])
                column = sum(known[key] for key in keys)[..., slice(*plane.bins)]
                columns.setdefault((i, reading), []).append(column)
    for (i, reading), found in columns.items():
        planes[i].events[reading] = np.stack(found, axis=1)


def edge(y: Array, fall: Array, level: float) -> Array:
    """Where ``fall`` first rises above the level along y, its last axis, a power in between: (...)."""
    above = fall > level
    i = above.argmax(axis=-1)
    known = above.any(axis=-1) & (i > 0)
    i = np.maximum(i, 1)[..., None]
    (low, high), (a, b) = (
        [np.log(np.maximum(np.take_along_axis(of, j, -1)[..., 0], 1e-12)) for j in (i - 1, i)]
        for of in (fall, np.broadcast_to(y, fall.shape))
    )
    share = np.divide(np.log(level) - low, high - low, out=np.zeros(low.shape), where=known)
    return np.where(known, np.exp(a + share * (b - a)), np.nan)


_NEAR = 6
"""How many couplings to both sides of the edge replicates are looked at: at least 40 %."""

_ROUNDING = 1e-9
"""A vertex at a node of x is on the lines to both sides of it."""


def _lowest(lines: list[Array], x: Array) -> Array:
    found = np.full(x.shape, np.inf)
    for line in lines:
        u, v = np.log(line).T
        for (u0, u1), (v0, v1) in zip(pairwise(u), pairwise(v), strict=True):
            share = (np.log(x) - u0) / (u1 - u0 or np.nan)
            on = (share > -_ROUNDING) & (share < 1 + _ROUNDING)
            found[on] = np.minimum(found[on], np.exp(v0 + share[on] * (v1 - v0)))
    return np.where(np.isfinite(found), found, np.nan)

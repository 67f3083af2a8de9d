"""Limits along the curves of a plane under a reading: exact, and as straight contours between the authors' nodes.

Begin with `Plane`. It holds the expected events at each mass on the abscissa as a function of the coupling; a limit is
where −Δ ln L reaches the level of the panel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray

from darkpkg.experiment.analysis import Analysis
from darkpkg.inference.likelihood import effective_log_likelihood
from paper.causes import authors, samples
from paper.causes.counting import Keep, count, total
from paper.causes.readings import Reading
from paper.curves import Panel

Array = NDArray[np.float64]

__all__ = ["Plane", "minus_delta_log_likelihood"]


def minus_delta_log_likelihood(mean: Array, analysis: Analysis, poisson_below: float = 0.0) -> Array:
    """−Δ ln L of expected events (..., x, y, bins), below its best value over x, y and no signal.

    Variances below ``poisson_below`` are taken for none.
    """
    expected = np.maximum(mean, 0.0) + analysis.background
    variance = (analysis.systematic * expected) ** 2
    variance = np.where(variance < poisson_below, 0.0, variance)
    lnL = effective_log_likelihood(analysis.observed, expected, variance).sum(axis=-1)
    best = lnL.max(axis=(-2, -1), keepdims=True)
    return best - lnL


@dataclass(frozen=True, eq=False)
class Plane:
    """A panel of the paper for one analysis.

    ``x`` (GeV) are the masses, by default the authors' nodes, ``y`` a fine grid of couplings, at which the events of
    a reading are known. ``keep`` says which events count.
    """

    panel: Panel
    analysis: Analysis
    x: Array
    y: Array
    guess: Callable[[float], float]
    keep: Keep | None = None
    size: int = 1
    _known: dict[Reading, Array] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def mediator(self) -> str:
        """``"heavy"`` or ``"light"``."""
        return "light" if self.panel.figure in (10, 15) else "heavy"

    def events(self, reading: Reading) -> Array:
        """Expected events (1 + replicates, x, y, bins)."""
        if reading not in self._known:
            self._known[reading] = np.stack([self._column(x, reading) for x in self.x], axis=1)
        return self._known[reading]

    def _column(self, x: float, reading: Reading) -> Array:
        y = self.guess(x)
        theta = self.panel.parameters(x, y)
        here = samples.at(float(theta.m_N), float(theta.m_Zprime), self.size)
        if self.panel.y == "epsilon" and self.mediator == "heavy":
            along = self.panel.parameters(x, self.y)
            ctau = np.array(reading.lifetime(along.replace(decays=reading.decays)))
            sums = total(count(here, theta, self.analysis, reading, ctau, keep=self.keep))
        else:
            sums = total(count(here, theta, self.analysis, reading, keep=self.keep))[:, None]
        return sums * (self.y / y)[:, None] ** (2 if self.panel.y == "epsilon" else 1)

    def fall(self, reading: Reading) -> Array:
        """−Δ ln L (1 + replicates, x, y)."""
        return minus_delta_log_likelihood(self.events(reading), self.analysis, reading.poisson_below)

    def limit(self, reading: Reading, drop: float | None = None) -> Array:
        """Lower edge of what is excluded (1 + replicates, x); nan where nothing is."""
        return _edge(self.y, self.fall(reading), drop or self.panel.drop)

    def upper(self, reading: Reading, drop: float | None = None) -> Array:
        """Upper edge of the lowest excluded interval; nan where there is none."""
        return _edge(self.y[::-1], self.fall(reading)[..., ::-1], drop or self.panel.drop)

    def on_grid(self, reading: Reading, drop: float | None = None) -> Callable[[Any], Array]:
        """The lower edge as a function of x where the contour is straight between the authors' nodes.

        ``x`` must be their nodes. Where the edge goes up and down, it is the lowest.
        """
        nodes_x, nodes_y = self.x, authors.GRIDS[self.mediator, self.panel.side][1]
        log_y = np.log(self.y)
        events = self.events(reading)[0]
        at_nodes = np.stack(
            [[np.interp(np.log(nodes_y), log_y, column) for column in np.log(rows.T + 1e-30)] for rows in events]
        )
        mean = np.exp(np.moveaxis(at_nodes, 1, -1)) - 1e-30
        fall = minus_delta_log_likelihood(mean, self.analysis, reading.poisson_below)
        lines = contour_generator(nodes_x, nodes_y, np.minimum(fall, 1e6).T).lines(drop or self.panel.drop)
        return lambda x: _lowest(lines, np.atleast_1d(x))


def _edge(y: Array, fall: Array, level: float) -> Array:
    """Where ``fall`` first rises above the level along y, a power in between: (...)."""
    above = fall > level
    i = above.argmax(axis=-1)
    known = above.any(axis=-1) & (i > 0)
    i = np.maximum(i, 1)[..., None]
    low, high = (np.log(np.maximum(np.take_along_axis(fall, j, -1)[..., 0], 1e-12)) for j in (i - 1, i))
    a, b = np.log(y)[i[..., 0] - 1], np.log(y)[i[..., 0]]
    return np.where(known, np.exp(a + (np.log(level) - low) / (high - low) * (b - a)), np.nan)


def _lowest(lines: list[Array], x: Array) -> Array:
    found = np.full(x.shape, np.inf)
    for line in lines:
        u, v = np.log(line).T
        for (u0, u1), (v0, v1) in zip(zip(u[:-1], u[1:], strict=True), zip(v[:-1], v[1:], strict=True), strict=True):
            if u0 == u1:
                continue
            share = (np.log(x) - u0) / (u1 - u0)
            on = (share >= 0) & (share <= 1)
            found[on] = np.minimum(found[on], np.exp(v0 + share[on] * (v1 - v0)))
    return np.where(np.isfinite(found), found, np.nan)

"""Published limits as areas of a figure. Begin with `draw_constraints`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.contour import ContourSet
from matplotlib.text import Text
from numpy.typing import NDArray

from darkpkg.plotting import axis_label
from paper.constraints.curves import PLANES, Constraint, Region, constraints, region_of_interest
from paper.drawing import COLOURS, PALE

Array = NDArray[np.float64]

_EXCLUDED = "#E2E2E2"


def draw_constraints(
    ax: Axes,
    plane: tuple[str, str],
    mediator: str,
    names: bool = True,
    regions: bool = True,
    more: Sequence[Constraint] = (),
) -> Axes:
    """Draw the published limits of a plane as grey areas, and the regions that explain MiniBooNE in green.

    Set the limits of ``ax`` first: each name is written once, just inside the area, if possible where no other limit
    excludes anything beyond the edge, and left out where there is no room. Curves drawn later lie on top; call
    ``ax.write_names()`` after them, and names avoid these, too, as the book does at each size that it draws.

    Parameters
    ----------
    plane, mediator
        As for `constraints`.
    names
        Whether to write the names of limits and regions.
    regions
        Whether to draw the regions of interest, too.
    more
        Limits of your own, drawn and named like the others; with them also in a plane where none was published. Those
        in a file are read by `read_limit`.
    """
    for limit in more:
        if not isinstance(limit, Constraint):
            raise TypeError(f"more must be Constraints, got {limit!r}")
    x_limits, y_limits = ax.get_xlim(), ax.get_ylim()
    ax.set(xscale="log", yscale="log", xlabel=axis_label(plane[0]), ylabel=axis_label(plane[1]))
    published = tuple(plane) in PLANES or not more
    found = (*(constraints(plane, mediator) if published else ()), *more)
    for limit in found:
        high = np.minimum(limit.high, 10 * y_limits[1])
        ax.fill_between(limit.x, limit.low, high, color=_EXCLUDED, lw=0, zorder=0.3)
        for edge in (limit.low, high):
            ax.plot(limit.x, edge, color=COLOURS["grey"], lw=0.7, zorder=0.6)
    wanted = region_of_interest(plane, mediator) if regions and published else ()
    for region in wanted:
        ax.fill(*region.outline.T, fc=COLOURS["green"], ec="none", alpha=0.25, zorder=0.8)
        ax.plot(*region.outline.T, color=COLOURS["green"], lw=0.9, zorder=0.9)
    ax.set(xlim=x_limits, ylim=y_limits)
    if names:
        ax.write_names = _Names(ax, found, wanted)  # type: ignore[attr-defined]
        ax.write_names()  # type: ignore[attr-defined]
    return ax


@dataclass(frozen=True)
class _Names:
    """Names of limits and regions of a panel, written anew whenever its size or its curves are others.

    Call it after all curves are drawn, or once more at another size.
    """

    ax: Axes
    limits: tuple[Constraint, ...]
    regions: tuple[Region, ...]
    written: dict[str, Text] = field(default_factory=dict)

    def __call__(self) -> None:
        """Write each name where least lies under it: curves, points, other words, a legend."""
        for text in self.written.values():
            text.set_visible(False)  # it neither takes room nor counts as one that is in the way
        curves, frames = _drawn_points(self.ax), _frames(self.ax)
        for region in self.regions:
            name = region.name.removeprefix("MiniBooNE, ")
            top = region.outline[np.isclose(region.outline[:, 1], region.outline[:, 1].max(), rtol=1e-3)]
            where = np.exp(np.log(top).mean(axis=0))[None], np.array([7.0 if region.n_sigma is None else -7.0])
            self._place(name, *where, curves[:0], frames, "#00563E", shifted=True)
        for open_only in (True, False):
            for name in dict.fromkeys(limit.name for limit in self.limits):
                if not (name in self.written and self.written[name].get_visible()):
                    own = [limit for limit in self.limits if limit.name == name]
                    where = _inside_edges(own, self.limits, open_only)
                    self._place(name, *where, curves, frames, "#3A3A3A")

    def _place(
        self,
        name: str,
        points: Array,
        shifts: Array,
        curves: Array,
        frames: list[Any],
        colour: str,
        shifted: bool = False,
    ) -> None:
        """Write a name at the best of some points of an edge, each with its shift upwards, or not at all.

        ``shifted`` names may be shifted along x, too, to lie inside the panel.
        """
        if not len(points):
            return
        text = self.written.get(name)
        if text is None:
            text = self.ax.text(0, 0, name, transform=self.ax.transAxes, size=8.5, color=colour, **_WORDS)
            self.written[name] = text
        text.set_visible(True)
        (left, bottom), (right, top) = self.ax.bbox.get_points()
        scale, box = self.ax.figure.dpi / 72, text.get_window_extent()
        half, high = box.width / 2 + scale, box.height / 2
        x, y = self.ax.transData.transform(points).T
        y = y + scale * shifts
        if shifted:
            x = np.clip(x, left + half, right - half)
        room = np.min([x - half - left, right - half - x, y - high - bottom, top - high - y], axis=0)
        for frame in frames:
            apart = np.maximum(
                np.maximum(frame.x0 - x, x - frame.x1) - half, np.maximum(frame.y0 - y, y - frame.y1) - high
            )
            room = np.minimum(room, apart)
        under = np.array([_n_under(curves, *middle, half, high) for middle in zip(x, y, strict=True)])
        best = int(np.lexsort((-np.minimum(room, 20 * scale), under, room < 2 * scale))[0])
        if room[best] < 2 * scale:
            text.set_visible(False)
            return
        text.set_position(self.ax.transAxes.inverted().transform((x[best], y[best])))
        frames.append(text.get_window_extent())


_WORDS: dict[str, Any] = {"ha": "center", "va": "center", "bbox": {**PALE, "alpha": 0.85}}


def _drawn_points(ax: Axes) -> Array:
    """Points close to each other, in pixels, of all lines and outlines in a panel."""
    paths, points = [], [np.empty((0, 2))]
    for line in ax.lines:
        path = line.get_transform().transform(line.get_xydata())
        if line.get_linestyle() == "None":
            points += [path + 4 * np.array(corner) for corner in ((-1, -1), (-1, 1), (1, -1), (1, 1))]
        else:
            paths.append(path)
    for drawn in ax.collections:
        if isinstance(drawn, (LineCollection, ContourSet)) and not getattr(drawn, "filled", False):
            to_page = drawn.get_transform()
            paths += [to_page.transform(p) for path in drawn.get_paths() for p in path.to_polygons(closed_only=False)]
    for path in paths:
        path = np.clip(path[np.isfinite(path).all(axis=1)], ax.bbox.min - 50, ax.bbox.max + 50)
        if len(path) > 1:
            length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
            along = np.arange(0, length[-1], 2.0)
            points.append(np.column_stack([np.interp(along, length, side) for side in path.T]))
    return np.concatenate(points)


def _frames(ax: Axes) -> list[Any]:
    """Where words and a legend stand, in pixels."""
    frames = [text.get_window_extent() for text in ax.texts if text.get_visible() and text.get_text()]
    legend = ax.get_legend()
    return [*frames, *([legend.get_window_extent()] if legend is not None and legend.get_visible() else [])]


def _n_under(curves: Array, x: float, y: float, half: float, high: float) -> int:
    """How many points of curves lie under a word: 0 if none comes near it."""
    return int(np.sum((np.abs(curves[:, 0] - x) < half) & (np.abs(curves[:, 1] - y) < high)))


def _inside_edges(of: list[Constraint], limits: tuple[Constraint, ...], open_only: bool) -> tuple[Array, Array]:
    """Points on the edges of limits, with the way into the area in points; all, or where nothing excludes beyond."""
    points, shifts = [np.empty((0, 2))], [np.empty(0)]
    for limit in of:
        fine = np.exp(np.linspace(*np.log(limit.x[[0, -1]]), 90))
        for edge, way in ((limit.low, 1.0), (limit.high, -1.0)):
            shown = np.isfinite(edge)
            if not shown.any():
                continue
            x = fine[(fine >= limit.x[shown][0]) & (fine <= limit.x[shown][-1])]
            y = np.exp(np.interp(np.log(x), np.log(limit.x[shown]), np.log(edge[shown])))
            hidden = np.any([other.excludes(x, y * (1 - 0.07 * way)) for other in limits], axis=0) & open_only
            for shift in (8.0, 11.0, 15.0):
                points.append(np.column_stack([x, y])[~hidden])
                shifts.append(np.full(np.sum(~hidden), way * shift))
    return np.concatenate(points), np.concatenate(shifts)

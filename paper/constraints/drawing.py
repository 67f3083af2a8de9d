"""Published limits as areas of a figure. Begin with `draw_constraints`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes

from darkpkg.plotting import axis_label
from paper.constraints.curves import PLANES, Constraint, Region, constraints, region_of_interest
from paper.drawing import COLOURS, PALE

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
    excludes anything beyond the edge, and left out where there is no room. Curves drawn later lie on top.

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
        _write_names(ax, found, wanted)
    return ax


def _write_names(ax: Axes, limits: tuple[Constraint, ...], regions: tuple[Region, ...]) -> None:
    """Names of limits inside their areas, where there is most room; of boxes and fits on their upper edges."""
    width, height = ax.get_window_extent().size / ax.figure.dpi * 72  # in points
    to_page = ax.transData - ax.transAxes
    written: list[tuple[float, float, float]] = []  # middle and half width of each name, 9 points high

    def room(x: float, y: float, half: float) -> float:
        """Distance to what is written, or to the frame, whichever is nearer; negative outside of it."""
        to_frame = min(x - half, width - half - x, y - 5, height - 5 - y)
        return min([to_frame, *(max(abs(x - c) - half - d, abs(y - e) - 9) for c, e, d in written)])

    for region in regions:
        name = region.name.removeprefix("MiniBooNE, ")
        top = region.outline[np.isclose(region.outline[:, 1], region.outline[:, 1].max(), rtol=1e-3)]
        x, y = to_page.transform(np.exp(np.log(top).mean(axis=0))) * (width, height)
        half, y = 2.2 * len(name) + 2, y + (7 if region.n_sigma is None else -7)
        x = min(x, width - half)
        written.append((x, y, half))
        _write(ax, name, x / width, y / height, "#00563E")
    names = dict.fromkeys(limit.name for limit in limits)
    for open_only in (True, False):
        for name in [name for name in names if name not in {text.get_text() for text in ax.texts}]:
            half, best = 2.2 * len(name) + 2, (2.0, 0.0, 0.0)
            for x, y, shift in _edges([limit for limit in limits if limit.name == name], limits, open_only):
                a, b = to_page.transform((x, y)) * (width, height) + (0, shift)
                best = max(best, (min(room(a, b, half), 20.0), a, b))
            if best[0] > 2:
                written.append((best[1], best[2], half))
                _write(ax, name, best[1] / width, best[2] / height, "#3A3A3A")


def _write(ax: Axes, text: str, x: float, y: float, colour: str) -> None:
    ax.text(x, y, text, transform=ax.transAxes, size=8.5, color=colour, ha="center", va="center", bbox=PALE)


def _edges(
    of: list[Constraint], limits: tuple[Constraint, ...], open_only: bool
) -> Iterator[tuple[float, float, float]]:
    """Points on the edges of limits, with the way into the area in points; all, or where nothing excludes beyond."""
    for limit in of:
        for edge, shift in ((limit.low, 7.0), (limit.high, -7.0)):
            beyond = edge * (0.93 if shift > 0 else 1.07)
            hidden = np.any([other.excludes(limit.x, beyond) for other in limits], axis=0) & open_only
            for x, y in zip(limit.x[~hidden], edge[~hidden], strict=True):
                if np.isfinite(y):
                    yield float(x), float(y), shift

"""The look of all figures, in one place, and the drawings that chapters share.

Begin with `use_style`; `axis_label` writes symbol and unit of a parameter. No physics is computed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from darkpkg.experiment.detector import Box, Detector, Module
from darkpkg.physics.model import DarkParameters
from darkpkg.results.constraints import Constraint, Region, constraints, region_of_interest
from darkpkg.results.limits import Scan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "COLOURS",
    "axis_label",
    "draw_constraints",
    "draw_detector",
    "module_colour",
    "plot_exclusion",
    "shade_excluded",
    "use_style",
]

COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "grey": "#6E6E6E",
}
"""Colours that colour-blind readers can tell apart: M. Okabe and K. Ito, Color Universal Design (2008)."""

_EXCLUDED = "#E2E2E2"
_MATERIALS = {"Pb": "grey", "Ar": "sky", "C": "green"}

_STYLE = {
    "figure.figsize": (6.0, 4.0),
    "figure.dpi": 110,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "axes.prop_cycle": mpl.cycler(color=list(COLOURS.values())),
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "axes.labelsize": 11,
    "font.size": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "mathtext.fontset": "cm",
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
}


def use_style() -> None:
    """Draw all further figures in the style of the book."""
    mpl.rcParams.update(_STYLE)


def axis_label(name: str) -> str:
    """Symbol and unit of a field of `DarkParameters`.

    >>> axis_label("m_N")
    '$m_N$ [GeV]'
    """
    metadata = DarkParameters.numbers()[name]
    return f"${metadata['symbol']}$" + (f" [{metadata['unit']}]" if metadata["unit"] else "")


def plot_exclusion(scan: Scan, ax: Axes | None = None, cl: float = 0.90, **style: Any) -> Axes:
    """Draw the edges of the excluded region of a plane, the first parameter of the scan along x."""
    if ax is None:
        _, ax = plt.subplots()
    first, second = scan.axes
    label = style.pop("label", f"{scan.analysis.name}, {scan.rule(cl)}")
    for curve in scan.exclusion(cl):
        ax.loglog(curve[:, 0], curve[:, 1], label=label, **style)
        label = None
    ax.set(xlabel=axis_label(first), ylabel=axis_label(second))
    return ax


def shade_excluded(scan: Scan, ax: Axes, cl: float = 0.90, **style: Any) -> Axes:
    """Fill the excluded region of a plane up to the frame, and all of it where everything is excluded."""
    for outlines in scan.excluded_polygons(cl):
        path = Path.make_compound_path(*(Path(outline, closed=True) for outline in outlines))
        ax.add_patch(PathPatch(path, **style))
    return ax


def draw_constraints(
    ax: Axes, plane: tuple[str, str], mediator: str, names: bool = True, regions: bool = True
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
    """
    x_limits, y_limits = ax.get_xlim(), ax.get_ylim()
    ax.set(xscale="log", yscale="log", xlabel=axis_label(plane[0]), ylabel=axis_label(plane[1]))
    found = constraints(plane, mediator)
    for limit in found:
        high = np.minimum(limit.high, 10 * y_limits[1])
        ax.fill_between(limit.x, limit.low, high, color=_EXCLUDED, lw=0, zorder=0.3)
        for edge in (limit.low, high):
            ax.plot(limit.x, edge, color=COLOURS["grey"], lw=0.7, zorder=0.6)
    wanted = region_of_interest(plane, mediator) if regions else ()
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
        _write(ax, name, x / width, y / height, COLOURS["green"])
    names = dict.fromkeys(limit.name for limit in limits)
    for open_only in (True, False):
        for name in [name for name in names if name not in {text.get_text() for text in ax.texts}]:
            half, best = 2.2 * len(name) + 2, (2.0, 0.0, 0.0)
            for x, y, shift in _edges([limit for limit in limits if limit.name == name], limits, open_only):
                a, b = to_page.transform((x, y)) * (width, height) + (0, shift)
                best = max(best, (min(room(a, b, half), 40.0), a, b))
            if best[0] > 2:
                written.append((best[1], best[2], half))
                _write(ax, name, best[1] / width, best[2] / height, "#3A3A3A")


def _write(ax: Axes, text: str, x: float, y: float, colour: str) -> None:
    ax.text(x, y, text, transform=ax.transAxes, size=7.5, color=colour, ha="center", va="center")


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


def module_colour(module: Module) -> str:
    """Colour of what a module mostly is by mass: lead grey, argon sky, carbon green, anything else purple."""
    return COLOURS[_MATERIALS.get(module.material, "purple")]


def draw_detector(
    detector: Detector, ax: Axes, plane: str = "zx", names: bool = True, alpha: float = 0.25, zorder: float = 0
) -> Axes:
    """Draw the modules of a detector to scale, in cm, seen onto a plane.

    Parameters
    ----------
    plane
        The two axes of the drawing, the horizontal one first: ``"zx"`` from above, ``"zy"`` from the side, ``"xy"``
        from the front.
    names
        Whether to write the name of each module into it.
    alpha, zorder
        Opacity of the colours (`module_colour`) and place below or above what else is drawn.

    Fiducial boxes have dashed edges. Returns ``ax``, with labels and
    limits. Raises `ValueError` for a plane that does not name two different axes.
    """
    if len(plane) != 2 or len(set(plane)) != 2 or not set(plane) <= set("xyz"):
        raise ValueError(f"plane must name two different axes out of x, y and z, got {plane!r}")
    for module in detector.modules:
        colour = module_colour(module)
        ax.add_patch(_rectangle(module.active, plane, fc=colour, ec="none", alpha=alpha, zorder=zorder))
        outline = _rectangle(module.active, plane, fill=False, ec=colour, lw=0.9, zorder=zorder)
        ax.add_patch(outline)
        if module.fiducial is not None:
            dashed = {"fill": False, "ec": colour, "lw": 0.9, "ls": "--", "zorder": zorder}
            ax.add_patch(_rectangle(module.fiducial, plane, **dashed))
        if names:
            middle, height = outline.get_center()
            upright = outline.get_width() < outline.get_height()
            ax.annotate(
                module.name, (middle, outline.get_y() + outline.get_height() if upright else height),
                xytext=(0, -4 if upright else 0), textcoords="offset points",
                rotation=90 if upright else 0, ha="center", va="top" if upright else "center", size=8,
            )  # fmt: skip
    ax.autoscale_view()
    ax.set(xlabel=f"${plane[0]}$ [cm]", ylabel=f"${plane[1]}$ [cm]", aspect="equal")
    return ax


def _rectangle(box: Box, plane: str, **style: Any) -> Rectangle:
    """The shadow of a box on a plane."""
    axes = ["xyz".index(axis) for axis in plane]
    (left, bottom), (right, top) = ([corner[axis] for axis in axes] for corner in (box.low, box.high))
    return Rectangle((left, bottom), right - left, top - bottom, **style)

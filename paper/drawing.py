"""The look of all figures of the book, in one place, and the drawing of a detector that chapters share.

Begin with `use_style`. No physics is computed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.patches import Ellipse, Patch, Rectangle
from matplotlib.ticker import NullFormatter

from darkpkg.experiment.detector import Detector, Module
from darkpkg.experiment.volumes import Cylinder, Sphere, Volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = ["COLOURS", "draw_detector", "module_colour", "plain_ticks", "shown_name", "use_style"]

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
    "xtick.major.pad": 6,  # or the labels at the ends of both axes collide
    "ytick.major.pad": 5,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
}


PALE = {"fc": "white", "ec": "none", "alpha": 0.65, "pad": 0.8}
"""What stands behind words on lines; a halo would make an SVG twice as large."""


def use_style() -> None:
    """Draw all further figures in the style of the book."""
    mpl.rcParams.update(_STYLE)


def plain_ticks(axis: Axis, ticks: Sequence[float]) -> None:
    """Label a logarithmic axis at these ticks alone, without powers of ten: for ranges of a decade or two."""
    axis.set_ticks(ticks)
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def module_colour(module: Module) -> str:
    """Colour of what a module mostly is by mass: lead grey, argon sky, carbon green, anything else purple."""
    return COLOURS[_MATERIALS.get(module.material, "purple")]


def shown_name(name: str) -> str:
    """A name as readers see it: the P∅D has its sign, which data and code write P0D."""
    return name.replace("P0D", "P∅D")


def draw_detector(
    detector: Detector, ax: Axes, plane: str = "zx", names: bool | str = True, alpha: float = 0.25, zorder: float = 0
) -> Axes:
    """Draw the modules of a detector to scale, in cm, seen onto a plane.

    Parameters
    ----------
    plane
        The two axes of the drawing, the horizontal one first: ``"zx"`` from above, ``"zy"`` from the side, ``"xy"``
        from the front.
    names
        Whether to write the name of each module (`shown_name`) into it; ``"above"`` is upright above the panel.
    alpha, zorder
        Opacity of the colours (`module_colour`) and place below or above what else is drawn.

    Fiducial volumes have dashed edges. Returns ``ax``, with labels and
    limits. Raises `ValueError` for a plane that does not name two different axes.
    """
    if len(plane) != 2 or len(set(plane)) != 2 or not set(plane) <= set("xyz"):
        raise ValueError(f"plane must name two different axes out of x, y and z, got {plane!r}")
    for module in detector.modules:
        colour = module_colour(module)
        ax.add_patch(_outline(module.active, plane, fc=colour, ec="none", alpha=alpha, zorder=zorder))
        ax.add_patch(_outline(module.active, plane, fill=False, ec=colour, lw=0.9, zorder=zorder))
        if module.fiducial is not None:
            dashed = {"fill": False, "ec": colour, "lw": 0.9, "ls": "--", "zorder": zorder}
            ax.add_patch(_outline(module.fiducial, plane, **dashed))
        if names:
            (left, bottom), (width, height) = _frame(module.active, plane)
            above = names == "above"
            upright = above or width < height
            # Above the panel, as those of a module outside of it are not written, where its point is not inside.
            at, coordinates = (0.999, "axes fraction") if above else (bottom + height / (1 if upright else 2), "data")
            ax.annotate(
                shown_name(module.name), (left + width / 2, at), xycoords=("data", coordinates), annotation_clip=True,
                xytext=(0, (4 if above else -4) if upright else 0), textcoords="offset points", size=8.5,
                rotation=90 if upright else 0, ha="center", va="bottom" if above else "top" if upright else "center",
            )  # fmt: skip
    ax.autoscale_view()
    ax.set(xlabel=f"${plane[0]}$ [cm]", ylabel=f"${plane[1]}$ [cm]", aspect="equal")
    return ax


def _frame(volume: Volume, plane: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Lower left corner and size of the shadow of a volume on a plane."""
    (x, y), (right, top) = ([corner["xyz".index(axis)] for axis in plane] for corner in (volume.low, volume.high))
    return (x, y), (right - x, top - y)


def _outline(volume: Volume, plane: str, **style: Any) -> Patch:
    """The shadow of a volume on a plane."""
    (x, y), (width, height) = _frame(volume, plane)
    if isinstance(volume, Sphere) or (isinstance(volume, Cylinder) and volume.axis not in plane):
        return Ellipse((x + width / 2, y + height / 2), width, height, **style)
    return Rectangle((x, y), width, height, **style)

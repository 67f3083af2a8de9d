"""The look of all figures, in one place, and the drawings that chapters share.

Begin with `use_style`; `axis_label` writes symbol and unit of a parameter. No physics is computed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt

from darkpkg.physics.model import DarkParameters
from darkpkg.results.limits import Scan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLOURS", "axis_label", "plot_exclusion", "use_style"]

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
    label = style.pop("label", f"{scan.analysis.name}, {100 * cl:g} % CL")
    for curve in scan.exclusion(cl):
        ax.loglog(curve[:, 0], curve[:, 1], label=label, **style)
        label = None
    ax.set(xlabel=axis_label(first), ylabel=axis_label(second))
    return ax

"""How the distributions of two generators are drawn beside each other. Begin with `draw_distributions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray
from scipy.stats import chi2

from paper.drawing import COLOURS
from paper.validation.darknews import Histogram, chi_squared, pulls

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LABELS", "draw_distributions"]

LABELS = {
    "E_N": r"$E_N$ [GeV]",
    "theta_N": r"angle of N to the beam [rad]",
    "E_ee": r"$E_{ee}$ [GeV]",
    "theta_ee": r"angle of the pair to the beam [rad]",
    "opening_angle": r"opening angle [rad]",
    "m_ee": r"$m_{ee}$ [GeV]",
    "asymmetry": r"$|E_+-E_-|/E_{ee}$",
}
"""Symbol and unit of each variable."""


def draw_distributions(pairs: Mapping[str, tuple[Histogram, Histogram]], colour: str) -> Figure:
    """Six distributions, ours as steps and those of the other generator as points, each with its pulls below.

    On logarithmic axes densities are per unit of the natural logarithm, and the two outermost bins, which reach to
    the ends of the range, appear among the pulls only. A phone has two in a row.
    """
    figure, narrow = (_in_columns(pairs, colour, n, size) for n, size in ((3, (8.2, 7.4)), (2, (4.2, 7.6))))
    plt.close(narrow)  # so that a page shows the first alone
    figure.own_narrow = narrow  # type: ignore[attr-defined]
    return figure


def _in_columns(
    pairs: Mapping[str, tuple[Histogram, Histogram]], colour: str, n_columns: int, size: tuple[float, float]
) -> Figure:
    n_rows = -(-len(pairs) // n_columns)
    figure, axes = plt.subplots(2 * n_rows, n_columns, figsize=size, height_ratios=(3, 1) * n_rows)
    for k, (variable, (ours, theirs)) in enumerate(pairs.items()):
        row, column = 2 * (k // n_columns), k % n_columns
        _draw_one(axes[row, column], axes[row + 1, column], variable, ours, theirs, colour, brief=n_columns < 3)
        if column == 0:
            axes[row, column].set_ylabel("density")
            axes[row + 1, column].set_ylabel("pull")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _draw_one(
    top: Axes, bottom: Axes, variable: str, ours: Histogram, theirs: Histogram, colour: str, brief: bool
) -> None:
    log = variable not in ("m_ee", "asymmetry")
    edges, size, middle = _bins(ours.edges, log)
    shown, steps = (slice(1, -1), edges[1:-1]) if log else (slice(None), edges)
    density, error = theirs.shares / size, np.sqrt(np.diag(theirs.covariance)) / size
    top.stairs((ours.shares / size)[shown], steps, color=COLOURS[colour], label="ours")
    how = {"fmt": "o", "ms": 3, "color": "black", "label": "DarkNews"}
    top.errorbar(middle[shown], density[shown], error[shown], **how)
    chi_sq, n_free = chi_squared(ours, theirs)
    p = chi2.sf(chi_sq, n_free)
    goodness = rf"$\chi^2$ = {chi_sq:.1f} / {n_free}"
    top.set_title(goodness if brief else rf"{goodness}, $p$ = {p:.2f}", fontsize=9.8 if brief else 9, loc="right")
    bottom.bar(middle, pulls(ours, theirs), np.diff(edges), color="0.6")
    bottom.axhline(0, color="black", lw=0.8)
    bottom.set(ylim=(-3.5, 3.5), xlabel=LABELS[variable].replace(" to", "\nto" if brief else " to"))
    bottom.set_yticks((-2, 2))  # the line is at zero
    top.tick_params(labelbottom=False)
    for ax in (top, bottom):
        ax.set(xscale="log" if log else "linear", xlim=(edges[0], edges[-1]))
        if log:
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if variable.startswith("E") and not brief else (1,)))
            ax.xaxis.set_major_formatter("{x:g}")
            ax.xaxis.set_minor_formatter(NullFormatter())
    top.set_ylim(bottom=0)


def _bins(edges: NDArray[np.float64], log: bool) -> tuple[NDArray[np.float64], ...]:
    """Edges, sizes and middles; the outer bins of a logarithmic axis reach to the ends of the range."""
    if not log:
        return edges, np.diff(edges), (edges[1:] + edges[:-1]) / 2
    edges = edges.copy()
    edges[0], edges[-1] = edges[1] ** 2 / edges[2], edges[-2] ** 2 / edges[-3]
    return edges, np.diff(np.log(edges)), np.sqrt(edges[1:] * edges[:-1])

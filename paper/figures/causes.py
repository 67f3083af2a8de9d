"""Drawings of the paper's numbers beside ours: chains at a point, and ratios along curves.

Begin with `draw_along`. Both take what `paper.causes` has counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from paper.causes.along import Along
from paper.causes.counting import error
from paper.drawing import COLOURS
from paper.tables import Table, table

Array = NDArray[np.float64]

__all__ = ["draw_along", "draw_chain", "ratios_table"]

_LOOK = (("blue", "o"), ("orange", "s"), ("green", "D"))


def draw_along(
    panels: Mapping[str, Sequence[Along]], x: Mapping[str, str] | str, y: str, log_x: bool = True
) -> Figure:
    """Curves over the paper's, a column for each of ``panels``, with their ratios below.

    ``x`` and ``y`` are labels, ``x`` one for all columns or one for each.
    """
    n = len(panels)
    figure, axes = plt.subplots(2, n, figsize=(4.1 * n, 5.6), sharex="col", height_ratios=(1.3, 1), squeeze=False)
    for column, (title, curves) in enumerate(panels.items()):
        above, below = axes[:, column]
        for one, (colour, marker) in zip(curves, _LOOK, strict=False):
            _curve(above, below, one, COLOURS[colour], marker)
        below.axhline(1, color="black", lw=0.8)
        above.set(xscale="log", yscale="log", ylabel=y[column])
        below.set(xlabel=x[column], ylabel="over the paper's" if column == 0 else "", yscale="log")
        below.yaxis.set_major_formatter("{x:g}")
        above.legend(fontsize=9, title=title)
    return figure


def _curve(above: Any, below: Any, one: Along, colour: str, marker: str) -> None:
    name = one.name.partition(", ")[2]
    above.plot(one.x, one.paper, color=colour, lw=4, alpha=0.3, label=f"paper, {name}")
    first = next(iter(one.steps.values()))[0]
    above.plot(one.x, first, ":", color=colour, label=f"ours, {name}")
    above.plot(one.x, one.last[0], marker, ms=4, color=colour, label="with all causes")
    below.plot(one.x, one.ours, ":", color=colour)
    below.fill_between(one.x, 1 / (1 + one.band), 1 + one.band, color=colour, alpha=0.2, lw=0)
    below.plot(one.x, one.explained, marker, ms=4, color=colour)


def draw_chain(chains: Mapping[str, tuple[Mapping[str, Array], float]]) -> Figure:
    """Numbers over those of the authors' code, cause upon cause, a panel for each of ``chains``.

    Each is a chain with the printed number that it should end at.
    """
    figure, axes = plt.subplots(1, len(chains), figsize=(2.7 * len(chains), 4.4), squeeze=False)
    for ax, (title, (steps, printed)) in zip(axes[0], chains.items(), strict=True):
        ratio = np.array([value[0] / printed for value in steps.values()])
        errors = [error(value) / printed for value in steps.values()]
        n = np.arange(len(ratio))[::-1]
        ax.errorbar(ratio, n, xerr=errors, fmt="o", ms=5, color=COLOURS["blue"])
        ax.plot(ratio, n, color=COLOURS["blue"], lw=1, alpha=0.5)
        ax.axvline(1, color="black", lw=0.8)
        ax.set_yticks(n, list(steps), fontsize=8.5)
        ax.xaxis.set_major_locator(plt.MaxNLocator(3))
        ax.yaxis.set_minor_locator(plt.NullLocator())
        ax.tick_params(axis="y", which="both", length=0)
        ax.set_xlabel(title)
    return figure


def ratios_table(one: Along, name: str, caption: str, every: int = 1, x: str = "mass", unit: str = "GeV") -> Table:
    """Ratios along a curve: ours over the paper's, the factor of each cause, and what is left."""
    few = one.at(slice(None, None, every))
    columns: dict[str, Any] = {x: few.x, "ours": few.ours, **few.factors, "left": few.explained, "band": few.band}
    shown = dict.fromkeys(columns, ".2f") | {x: ".3g", "ours": ".3g"}
    return table(columns, name=name, caption=caption, units={x: unit} if unit else {}, formats=shown)

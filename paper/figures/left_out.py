"""Drawings of the limits with all physics beside the paper's. Begin with `draw_best`."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from darkpkg.plotting import axis_label
from paper.best_limits import Line
from paper.curves import Curve
from paper.drawing import COLOURS

__all__ = ["draw_best"]


def draw_best(panels: Mapping[str, tuple[Line, Curve]]) -> Figure:
    """Limits with all physics, with their band, and the paper's, a panel for each kind of dark photon."""
    figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 4.2), squeeze=False)
    for ax, (title, (line, paper)) in zip(axes[0], panels.items(), strict=True):
        top = 30 * line.weakest.max()
        ax.fill_between(line.mass, line.best, top, color=COLOURS["blue"], alpha=0.12, lw=0)
        ax.fill_between(line.mass, line.strongest, line.weakest, color=COLOURS["blue"], alpha=0.35, lw=0)
        ax.plot(line.mass, line.best, "o-", ms=3, color=COLOURS["blue"], label="best estimate, band")
        ax.plot(line.mass, line.text, ":", color=COLOURS["orange"], label="the text's physics, ours")
        ax.plot(paper.x, paper.y, color="black", lw=1.2, label="as published")
        low = np.nanmin([line.strongest.min(), paper.y.min()])
        ax.set(xscale="log", yscale="log", xlim=(line.mass[0], line.mass[-1]), ylim=(low / 3, top))
        ax.set(xlabel=axis_label(line.x), ylabel=axis_label(line.y), title="")
        first, last = line.mass[[0, -1]]
        steps = LogLocator(subs=(1, 3) if last > 10 * first else (1, 1.5, 2, 3, 4, 6, 8))
        ticks = [m for m in steps.tick_values(first, last) if first <= m <= last]
        ax.set_xticks(ticks, [f"{m:g}" for m in ticks])
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.text(0.5, 0.62, f"excluded\n{title}", transform=ax.transAxes, ha="center", color=COLOURS["blue"])
        ax.legend(loc="upper center", fontsize=9)
    return figure

"""Drawings of what the paper leaves out: the reach of a Z′ that flies, and the best limits beside the paper's.

Begin with `draw_reach` and `draw_best`.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from darkpkg.plotting import axis_label
from darkpkg.units import MeV
from paper.curves import Curve
from paper.drawing import COLOURS
from paper.left_out import Line, Reach

__all__ = ["draw_best", "draw_reach"]

_LEVEL = 2.302585


def draw_reach(reach: Reach, paper: Curve) -> Figure:
    """What is excluded in the plane of m_Z′ and ε, by each analysis, and where the paper has its limit."""
    figure, ax = plt.subplots(figsize=(6.4, 4.6))
    x, y = reach.m_Zprime / MeV, reach.epsilon
    ax.contourf(x, y, reach.fall["both"].T, levels=[_LEVEL, 1e9], colors=[COLOURS["blue"]], alpha=0.2)
    styles = {"both": ("blue", "-"), "Analysis I": ("orange", "-."), "Analysis II": ("green", "--")}
    for name, (colour, style) in styles.items():
        ax.contour(x, y, reach.fall[name].T, levels=[_LEVEL], colors=[COLOURS[colour]], linestyles=[style])
        ax.plot([], [], style, color=COLOURS[colour], label=f"Z′ flies, {name}")
    ax.contour(x, y, reach.fall["paper"].T, levels=[_LEVEL], colors=[COLOURS["grey"]], linestyles=[":"])
    ax.plot([], [], ":", color=COLOURS["grey"], label="Z′ decays at once")
    shown = (paper.x / MeV >= x[0]) & (paper.x / MeV <= x[-1])
    ax.plot(paper.x[shown] / MeV, paper.y[shown], color="black", lw=1, label="as published")
    ax.text(x[0] * 1.3, 3e-3, "excluded", color=COLOURS["blue"])
    ax.set(xscale="log", yscale="log", xlabel=r"$m_{Z'}$ [MeV]", ylabel=axis_label("epsilon"), ylim=(y[0], y[-1]))
    ticks = [m for m in (2, 3, 5, 10, 20, 30, 50) if x[0] <= m <= x[-1]]
    ax.set_xticks(ticks, [f"{m}" for m in ticks])
    ax.xaxis.set_minor_locator(plt.NullLocator())
    ax.legend(loc="lower right", fontsize=9)
    return figure


def draw_best(panels: Mapping[str, tuple[Line, Curve]]) -> Figure:
    """Limits on |V_μN|² with all physics, with their band, and the paper's, a panel for each kind of dark photon."""
    figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 4.2), squeeze=False)
    for ax, (title, (line, paper)) in zip(axes[0], panels.items(), strict=True):
        ax.fill_between(line.m_N, line.best, 1, color=COLOURS["blue"], alpha=0.12, lw=0)
        ax.fill_between(line.m_N, line.strongest, line.weakest, color=COLOURS["blue"], alpha=0.35, lw=0)
        ax.plot(line.m_N, line.best, "o-", ms=3, color=COLOURS["blue"], label="best estimate, band")
        ax.plot(line.m_N, line.text, ":", color=COLOURS["orange"], label="the text's physics, ours")
        ax.plot(paper.x, paper.y, color="black", lw=1.2, label="as published")
        low = np.nanmin([line.strongest.min(), paper.y.min()])
        ax.set(xscale="log", yscale="log", xlim=(line.m_N[0], line.m_N[-1]), ylim=(low / 3, 30 * line.weakest.max()))
        ax.set(xlabel=axis_label("m_N"), ylabel=axis_label("V_muN_sq"), title="")
        ticks = [m for m in (0.01, 0.03, 0.1, 0.3, 1.0) if line.m_N[0] <= m <= line.m_N[-1]]
        ax.set_xticks(ticks, [f"{m:g}" for m in ticks])
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.text(0.5, 0.62, f"excluded\n{title}", transform=ax.transAxes, ha="center", color=COLOURS["blue"])
        ax.legend(loc="upper center", fontsize=9)
    return figure

"""Drawings of what the paper leaves out: the reach of a Z′ that flies, and the best limits beside the paper's.

Begin with `draw_reach` and `draw_best`. `draw_muons` has pairs of muons as a signal.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from darkpkg.plotting import axis_label
from darkpkg.units import MeV
from paper.constraints.drawing import draw_constraints
from paper.curves import Curve
from paper.drawing import COLOURS
from paper.left_out import Line, Reach
from paper.muon_pairs import Sensitivity

__all__ = ["draw_best", "draw_flight", "draw_muons", "draw_reach"]

_LEVEL = 2.302585


def draw_reach(reach: Reach) -> Figure:
    """What both analyses exclude in the plane of m_Z′ and ε, with a Z′ that flies or not, on what others exclude."""
    figure, ax = plt.subplots(figsize=(6.4, 4.8))
    _frame(ax, reach)
    draw_constraints(ax, ("m_Zprime", "epsilon"), "light")
    ax.contourf(reach.m_Zprime, reach.epsilon, reach.fall["both"].T, levels=[_LEVEL, 1e9], colors=[_BLUE], alpha=0.2)
    _line(ax, reach, "both", "-", _BLUE, "Z′ flies")
    _line(ax, reach, "both, at once", ":", _BLUE, "Z′ decays at once")
    ax.text(2.6e-3, 1.5e-3, "excluded", color=_BLUE)
    _frame(ax, reach)
    ax.legend(loc="lower right", fontsize=9)
    return figure


def draw_flight(reach: Reach, published: Mapping[str, Curve]) -> Figure:
    """The right panels of Figs. 10 and 15: both analyses, and each of them, beside what was published."""
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 4.2), sharey=True)
    lines = (("both", "blue", 0), ("Analysis I", "orange", 1), ("Analysis II", "green", 1))
    for name, colour, panel in lines:
        ax, colour, curve = axes[panel], COLOURS[colour], published[name]
        _line(ax, reach, name, "-", colour, f"{name}, Z′ flies")
        _line(ax, reach, f"{name}, at once", ":", colour, f"{name}, at once")
        shown = curve.x <= reach.m_Zprime[-1]
        ax.plot(curve.x[shown], curve.y[shown], color=colour, lw=4, alpha=0.3, label=f"{name}, published")
    for ax, title in zip(axes, ("Fig. P10, right", "Fig. P15, right"), strict=True):
        _frame(ax, reach)
        ax.axvline(10 * MeV, color=COLOURS["grey"], lw=0.7)
        ax.legend(loc="lower right", fontsize=8, title=title)
    axes[1].set_ylabel("")
    return figure


_BLUE = COLOURS["blue"]


def _line(ax: Axes, reach: Reach, name: str, style: str, colour: str, label: str) -> None:
    ax.contour(
        reach.m_Zprime, reach.epsilon, reach.fall[name].T, levels=[_LEVEL], colors=[colour], linestyles=[style]
    )
    ax.plot([], [], style, color=colour, label=label)


def _frame(ax: Axes, reach: Reach) -> None:
    """Axes of the plane, with masses in MeV."""
    x, y = reach.m_Zprime, reach.epsilon
    ax.set(xscale="log", yscale="log", xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    ax.set(xlabel=r"$m_{Z'}$ [MeV]", ylabel=axis_label("epsilon"))
    ticks = [m for m in (2, 3, 5, 10, 20, 30, 50) if x[0] <= m * MeV <= x[-1]]
    ax.set_xticks([m * MeV for m in ticks], [f"{m}" for m in ticks])
    ax.xaxis.set_minor_locator(plt.NullLocator())


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


def draw_muons(panels: Mapping[str, Sensitivity]) -> Figure:
    """Values of |V_μN|² that pairs of electrons, of muons, and both reach, a panel for each kind of dark photon."""
    figure, axes = plt.subplots(1, len(panels), figsize=(4.4 * len(panels), 4.0), squeeze=False)
    lines = (("electrons", "blue", "-"), ("muons", "red", "--"), ("together", "grey", ":"))
    for ax, (title, found) in zip(axes[0], panels.items(), strict=True):
        for name, colour, style in lines:
            ax.plot(found.m_N, getattr(found, name), style, color=COLOURS[colour], label=name)
        ax.set(xscale="log", yscale="log", xlabel=axis_label("m_N"), ylabel=axis_label("V_muN_sq"))
        ticks = [m for m in (0.2, 0.3, 0.5, 0.7, 1.0) if found.m_N[0] <= m <= found.m_N[-1]]
        ax.set_xticks(ticks, [f"{m:g}" for m in ticks])
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.legend(fontsize=9, title=title)
    return figure

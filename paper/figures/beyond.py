"""Drawings of what the paper has not: a Z′ that flies, and pairs of muons.

Begin with `draw_reach`, the plane of m_Z′ and ε, and `draw_muons`.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.plotting import axis_label
from darkpkg.units import MeV
from paper.best_limits import Reach
from paper.constraints.drawing import draw_constraints
from paper.curves import Curve
from paper.drawing import COLOURS
from paper.muon_pairs import Sensitivity

__all__ = ["draw_flight", "draw_muons", "draw_reach"]

_LEVEL, _BLUE = exclusion_threshold(0.90), COLOURS["blue"]


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
    ax.legend(loc="lower left", fontsize=9, frameon=True, framealpha=0.9)
    ax.write_names()  # type: ignore[attr-defined]
    return figure


def draw_flight(reach: Reach, published: Mapping[str, Curve]) -> Figure:
    """The right panels of Figs. 10 and 15: both analyses, and each of them, beside what was published."""
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 4.2), sharey=True)
    lines = (("both", "blue", 0), ("Analysis I", "orange", 1), ("Analysis II", "green", 1))
    for name, colour, panel in lines:
        ax, colour, curve = axes[panel], COLOURS[colour], published[name]
        label = name.removeprefix("Analysis ")
        _line(ax, reach, name, "-", colour, f"{label}, Z′ flies")
        _line(ax, reach, f"{name}, at once", ":", colour, f"{label}, at once")
        shown = curve.x <= reach.m_Zprime[-1]
        ax.plot(curve.x[shown], curve.y[shown], color=colour, lw=4, alpha=0.3, label=f"{label}, published")
    for ax, title in zip(axes, ("Fig. P10", "Fig. P15, each analysis"), strict=True):
        _frame(ax, reach)
        ax.legend(loc="upper left", fontsize=9, title=title, ncols=2)  # where no curve is
    axes[1].set_ylabel("")
    axes[0].text(2.6e-3, 4e-5, "excluded,\nZ′ flies", color=_BLUE)
    axes[1].text(2.6e-3, 4e-5, "excluded by I,\nZ′ flies", color=COLOURS["orange"])
    return figure


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

"""Drawings of the paper's numbers beside ours: chains at a point, and ratios along curves.

Begin with `draw_along`. Both take what `paper.causes` has counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import NDArray

from paper.causes.along import Along
from paper.causes.counting import error
from paper.drawing import COLOURS, shown_name
from paper.tables import Table, table

Array = NDArray[np.float64]

__all__ = ["causes_frame", "draw_all", "draw_along", "draw_chain", "overview_table", "ratios_table", "summary_table"]

_LOOK = (("blue", "o"), ("orange", "s"), ("green", "D"))


def draw_along(panels: Mapping[str, Sequence[Along]], x: Sequence[str], y: Sequence[str], log: str = "xy") -> Figure:
    """Curves over the paper's, a column for each of ``panels``, with their ratios below.

    ``x`` and ``y`` are labels, one for each column; ``log`` names the logarithmic axes of the upper panels. Numbers
    over more than a decade have a logarithmic abscissa in any case.
    """
    n = len(panels)
    size = min(4.1 * n, 8.6), 6.4  # no wider than the text
    figure, axes = plt.subplots(2, n, figsize=size, sharex="col", height_ratios=(1.3, 1), squeeze=False)
    for column, (title, curves) in enumerate(panels.items()):
        above, below = axes[:, column]
        for one, (colour, marker) in zip(curves, _LOOK, strict=False):
            _curve(above, below, one, COLOURS[colour], marker, alone=len(curves) == 1)
        below.axhline(1, color="black", lw=0.8)
        wide = not curves[0].labels and curves[0].x[-1] > 10 * curves[0].x[0] > 0
        scales = {*log, "x"} if wide else {*log}
        above.set(**{f"{axis}scale": "log" for axis in scales}, ylabel=y[column])
        below.set(xlabel=x[column], ylabel="over the paper's" if column == 0 else "", yscale="log")
        _plain_ratios(below)
        low, high = above.get_ylim()
        if high < 100 * low and 0.01 < low < high < 1e4:
            above.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            above.yaxis.set_major_formatter("{x:g}")
            above.yaxis.set_minor_formatter(plt.NullFormatter())
        if "x" in scales:
            low, high = below.get_xlim()
            if high < 100 * low:
                below.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                below.xaxis.set_major_formatter("{x:g}")
            below.xaxis.set_minor_formatter(plt.NullFormatter())
        if curves[0].labels:
            below.set_xticks(curves[0].x, map(shown_name, curves[0].labels), rotation=90, fontsize=9)
            below.xaxis.set_minor_locator(plt.NullLocator())
        handles, labels = above.get_legend_handles_labels()
        if len(curves) > 1:  # one entry a curve, and one for what dots and points are in all of them
            grey = {"color": COLOURS["grey"]}
            handles += [Line2D([], [], ls=":", **grey), Line2D([], [], ls="", marker="o", ms=4, **grey)]
            labels += ["ours", "with all causes"]
        above.legend(
            handles,
            labels,
            fontsize=9,
            title=title,
            loc="lower center",
            bbox_to_anchor=(0.5, 1),
            ncols=len(labels) // 3,
        )
    return figure


def _plain_ratios(ax: Any) -> None:
    """Plain numbers at the ticks of a logarithmic axis of ratios, one among them, also over less than a decade."""
    low, high = ax.get_ylim()
    if high < 4 * low:
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))  # one is a multiple of each step
        ax.yaxis.set_minor_locator(plt.NullLocator())
    elif high < 50 * low:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(plt.NullFormatter())


def _curve(above: Any, below: Any, one: Along, colour: str, marker: str, alone: bool) -> None:
    name = shown_name(one.name.partition(", ")[2])
    above.plot(one.x, one.paper, color=colour, lw=4, alpha=0.3, label=f"paper, {name}" if name else "paper")
    first = next(iter(one.steps.values()))[0]
    above.plot(one.x, first, ":", color=colour, label="ours" if alone else None)
    above.plot(one.x, one.last[0], marker, ms=4, color=colour, label="with all causes" if alone else None)
    below.plot(one.x, one.ours, ":", color=colour)
    below.fill_between(one.x, 1 / (1 + one.band), 1 + one.band, color=colour, alpha=0.2, lw=0)
    below.plot(one.x, one.explained, marker, ms=4, color=colour)


def draw_all(curves: Sequence[Along]) -> Figure:
    """Our values over the paper's at all nodes, a line for each curve: as they are, and with all causes.

    They are one where both agree; bars are the bands. On a phone each name stands above its points.
    """
    figure, narrow = _all_curves(curves, (8.4, 0.36 * len(curves) + 1)), _all_curves(curves, None)
    plt.close(narrow)  # so that a page shows the first alone
    figure.own_narrow = narrow  # type: ignore[attr-defined]
    figure.own_data = causes_frame(curves)  # type: ignore[attr-defined]
    return figure


_NARROW_NAMES = {
    "Fig. P14 right, P0D and FGD, upper edge": "Fig. P14 right, upper edge",
    "Fig. P9 right, T2K-I and T2K-I+II": "Fig. P9 right, projections",
}
"""Names that are wider than a panel on a phone, and what stands for them there."""


def _all_curves(curves: Sequence[Along], size: tuple[float, float] | None) -> Figure:
    """Points of all curves, with names beside them, or above them if there is no size given."""
    figure, axes = plt.subplots(
        1, 2, figsize=size or (4.2, 0.44 * len(curves) + 1), sharey=True, layout="constrained"
    )
    left, right = axes
    first, last = (-0.3, 0.3) if size else (0.02, 0.4)  # of a row, downwards
    for row, one in enumerate(curves):
        if row % 2:
            for ax in axes:
                ax.axhspan(row - 0.5, row + 0.5, color="0.95", lw=0, zorder=0)
        y = row + np.linspace(first, last, len(one.x))
        left.plot(one.ours, y, "o", ms=3.5, mfc="white", color=COLOURS["orange"])
        below, above = one.explained * one.band / (1 + one.band), one.explained * one.band
        right.errorbar(one.explained, y, xerr=(below, above), fmt="o", ms=3.5, lw=1, color=COLOURS["blue"])
    for ax, label in ((left, "ours over the paper's"), (right, "with all causes")):
        ax.axvline(1, color="black", lw=0.8)
        ax.set(xscale="log", xlabel=label)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
        ax.grid(visible=False, axis="y")
    right.set(xlim=(0.5, 2))
    ticks = (0.5, 0.7, 1, 1.4, 2) if size else (0.7, 1, 1.4)  # none at the edge between narrow panels
    right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    left.set(ylim=(len(curves) - 0.5, -0.5))
    left.yaxis.set_minor_locator(plt.NullLocator())
    names = [shown_name(one.name if size else _NARROW_NAMES.get(one.name, one.name)) for one in curves]
    left.set_yticks(range(len(curves)), names if size else [""] * len(curves), fontsize=9)
    if not size:
        left.tick_params(axis="y", length=0)
        right.tick_params(axis="y", length=0)
        for row, name in enumerate(names):
            at = {"xycoords": left.get_yaxis_transform(), "xytext": (3, -2), "textcoords": "offset points"}
            behind = {"fc": "0.95" if row % 2 else "white", "ec": "none", "pad": 0.5}
            left.annotate(name, (0, row - 0.5), **at, va="top", fontsize=10, in_layout=False, bbox=behind)
        figure.get_layout_engine().set(wspace=0, w_pad=0.02)  # type: ignore[union-attr]
    return figure


def summary_table(curves: Sequence[Along], name: str, caption: str) -> Table:
    """One line for each curve: the range of our ratios, and of those with all causes, and how many of these agree."""
    columns: dict[str, Any] = {
        "curve": [one.name for one in curves],
        "nodes": [len(one.x) for one in curves],
        "ours, lowest": [one.ours.min() for one in curves],
        "ours, highest": [one.ours.max() for one in curves],
        "left, lowest": [one.explained.min() for one in curves],
        "left, highest": [one.explained.max() for one in curves],
        "within two bands": [int((~one.outside).sum()) for one in curves],
    }
    numbers = ("ours, lowest", "ours, highest", "left, lowest", "left, highest")
    return table(columns, name=name, caption=caption, formats=dict.fromkeys(numbers, ".2f"))


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
        ax.set_yticks(n, [name.replace("e-28", " × 10⁻²⁸") for name in steps], fontsize=8.5)
        ax.xaxis.set_major_locator(plt.MaxNLocator(3))
        ax.yaxis.set_minor_locator(plt.NullLocator())
        ax.tick_params(axis="y", which="both", length=0)
        ax.set_xlabel(title)
    return figure


def ratios_table(one: Along) -> Table:
    """Ratios along a curve: ours over the paper's, the factor of each cause, and what is left."""
    x, unit = one.axis
    columns: dict[str, Any] = {
        x: [shown_name(label) for label in one.labels] or one.x,
        "ours": one.ours,
        **one.factors,
        "left": one.explained,
        "band": one.band,
    }
    shown = dict.fromkeys(columns, ".2f") | {"ours": "#.3g"} | {x: "" if one.labels else ".3g"}
    return table(
        columns,
        name="tab-along-" + re.sub(r"[^a-z0-9]+", "-", one.name.lower()).strip("-"),
        caption=f"{one.name}: ours over the paper's, the factor of each cause, what is left, and the band"
        f"{', a dash where it is not known' if np.isnan(one.band).any() else ''}.",
        units={x: unit} if unit else {},
        formats=shown,
    )


def causes_frame(curves: Sequence[Along]) -> pd.DataFrame:
    """All curves at all nodes: the paper's value and ours, the factor of each cause, their product and what is left.

    ``ours_over_paper`` times ``product`` is ``left``; ``band`` is its relative error. A cause that a curve has not is
    empty.
    """
    frames = []
    for one in curves:
        head = {
            "curve": one.name,
            "axis": one.axis[0].replace("$", ""),
            "unit": one.axis[1],
            "x": one.labels or one.x,
        }
        head |= {"paper": one.paper, "ours": one.ours * one.paper, "ours_over_paper": one.ours}
        tail = {"product": np.prod(list(one.factors.values()), axis=0), "left": one.explained, "band": one.band}
        frames.append(pd.DataFrame(head | one.factors | tail))
    table = pd.concat(frames, ignore_index=True)
    last = ["product", "left", "band"]
    return table[[column for column in table if column not in last] + last]


def overview_table(curves: Sequence[Along], name: str, caption: str) -> Table:
    """First, middle and last node of each curve: ours, the product of the causes, and the largest three."""
    columns: dict[str, list[Any]] = {}
    for one in curves:
        for i in (0, len(one.x) // 2, len(one.x) - 1):
            factors = {cause: factor[i] for cause, factor in one.factors.items()}
            row = {
                "curve": one.name,
                "at": f"{one.axis[0]} = {shown_name(one.places[i])} {one.axis[1]}".rstrip(),
                "ours": one.ours[i],
                "causes": np.prod(list(factors.values())),
                "left": one.explained[i],
                "band": one.band[i],
                "largest causes": _largest(factors),
            }
            for head, cell in row.items():
                columns.setdefault(head, []).append(cell)
    formats = {"ours": "#.3g", "causes": "#.3g", "left": ".2f", "band": ".2f"}
    return table(columns, name=name, caption=caption, formats=formats, stacked=True)


def _largest(factors: Mapping[str, float], n: int = 3) -> str:
    """The causes that change most, of those that change two per cent, the largest first."""
    size = {cause: abs(np.log(factor)) for cause, factor in factors.items() if abs(factor - 1) > 0.02}
    order = sorted(size, key=lambda cause: -size[cause])
    return ", ".join(
        f"{cause}\u00a0{factors[cause]:{'.2f' if factors[cause] > 0.1 else '.2g'}}" for cause in order[:n]
    )

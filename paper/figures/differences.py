"""Figures of the paired comparison: what each choice changes, and how ours turn into those of the authors' code.

Begin with `tornado`; both functions draw what `paper.differences.comparison.Comparison` has counted.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from paper.differences.comparison import OF_I
from paper.differences.jackknife import error, events_in
from paper.drawing import COLOURS

Array = NDArray[np.float64]

GROUPS = {
    "program": ("blue", "program behind the paper"),
    "suspected": ("sky", "suspected in the program"),
    "text": ("orange", "text or table, taken literally"),
    "other": ("green", "neither the paper's nor ours"),
    "ours": ("purple", "our own smoothing"),
}
"""Colour and name in the legend of each group of choices."""

_MATHEMATICS = {
    "cos θ_beam": r"$\cos\theta_{\rm beam}$",
    "p_ee": "$p_{ee}$",
    "E_ee": "$E_{ee}$",
    "m_ee": "$m_{ee}$",
    "p_T²": "$p_T^2$",
    "|t|": "$|t|$",
    "log₁₀": r"$\log_{10}$",
    "ε": r"$\varepsilon$",
}


def in_mathematics(label: str) -> str:
    """A label of the tables as it is written in figures."""
    for plain, tex in _MATHEMATICS.items():
        label = label.replace(plain, tex)
    return label


def tornado(changes: Mapping[str, tuple[str, Mapping[str, Array]]]) -> Figure:
    """Bars for the limit and rings for the events, in per cent, the first of ``changes`` on top."""
    rows = list(changes.items())[::-1]
    figure, ax = plt.subplots(figsize=(8.6, 0.31 * len(rows) + 1.4))
    for y, (_, (group, row)) in enumerate(rows):
        colour = COLOURS[GROUPS[group][0]]
        bar, ring = row["limit"], row["events"]
        ax.barh(y, bar[0], color=colour, height=0.62, alpha=0.75)
        ax.errorbar(bar[0], y, xerr=error(bar), color="black", lw=1, capsize=2)
        ax.plot(ring[0], y, "o", mfc="white", mec=colour, mew=1.6, ms=6, zorder=4)
    ax.axvline(0, color="black", lw=0.8)
    ax.set_xscale("symlog", linthresh=1, linscale=0.9)
    ticks = np.array([1, 3, 10, 30, 100])
    ticks = [*-ticks[::-1], 0, *ticks]
    ax.set_xticks(ticks, [f"{t:+d}".replace("-", "−") if t else "0" for t in ticks])
    ax.set_xticks([], minor=True)
    ax.set(xlim=(-110, 140), xlabel=r"change of limit on $|V_{\mu N}|^2$ (bars) and of events (rings) [%]")
    ax.set_yticks(range(len(rows)), [in_mathematics(label) for label, _ in rows])
    ax.tick_params(axis="y", which="both", length=0)
    ax.yaxis.set_minor_locator(plt.NullLocator())
    for group, (colour, title) in GROUPS.items():
        if group in [owner for _, (owner, _) in rows]:
            ax.barh(0, 0, color=COLOURS[colour], alpha=0.75, label=title)
    ax.legend(loc="lower right", fontsize=8.5)
    return figure


def draw_steps(chain: Mapping[str, Mapping[str, Array]]) -> Figure:
    """Counts with the choices of the authors' code, one upon the other, over what Table I prints.

    ``chain`` has `Comparison.steps` as ``"B"``, ``"A"``, and ``"B, N made"`` for all upscatterings at B. The last two
    steps, guesses, are open symbols; grey bands are the rounding of Table I.
    """
    whole = slice(None)
    curves = {
        "B": (("B", "events seen", 4.6, whole), ("B, N made", "N made", 560, whole)),
        "A": (("A", "sum of I and II", 15.5, whole), ("A", "Analysis I alone", 0.28, OF_I)),
    }
    figure, axes = plt.subplots(1, 2, figsize=(9.4, 4.1), sharey=False)
    for ax, (name, lines), rounding in zip(axes, curves.items(), (0.05 / 4.6, 0.05 / 15.5), strict=True):
        ax.axhspan(1 - rounding, 1 + rounding, color=COLOURS["grey"], alpha=0.35, lw=0)
        looks = (0.0, "blue", "o"), (0.15, "orange", "s")
        for (key, title, printed, bins), (shift, tone, marker) in zip(lines, looks, strict=True):
            values = [events_in(sums, bins) / printed for sums in chain[key].values()]
            for i, x in enumerate(values):
                face = "white" if i >= len(values) - 2 else COLOURS[tone]
                style = {"fmt": marker, "ms": 6, "color": COLOURS[tone], "mfc": face}
                ax.errorbar(i + shift, x[0], error(x), **style, label=None if i else title)
            sure = [x[0] for x in values[:-2]]
            ax.plot(np.arange(len(sure)) + shift, sure, color=COLOURS[tone], lw=1, alpha=0.6)
        labels = list(chain[name])
        ax.set_xticks(range(len(labels)), labels, rotation=50, ha="right", rotation_mode="anchor")
        ax.xaxis.set_minor_locator(plt.NullLocator())
        ax.tick_params(axis="x", top=False)
        ax.set_ylabel(f"events / Table I, benchmark {name}")
        ax.legend(loc="upper left")
    axes[0].set_ylim(0.88, 1.17)
    axes[1].set_ylim(0, 1.6)
    return figure

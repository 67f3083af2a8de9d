"""The triangle of a posterior, with a drawing of its own for phones: `draw_posterior`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from darkpkg.physics.model import DarkParameters
from darkpkg.plotting import axis_label


def draw_posterior(draws: ArrayLike, names: Sequence[str], n_bins: int) -> Figure:
    """The triangle of `draw_corner`, and for a phone one with symbols alone and two ticks at each axis."""
    figure, narrow = (draw_corner(draws, names, n_bins) for _ in range(2))
    plt.close(narrow)  # so that a page shows the first alone
    narrow.set_size_inches(4.2, 4.2)
    narrow.get_layout_engine().set(wspace=0, hspace=0, w_pad=0.02, h_pad=0.02)  # type: ignore[union-attr]
    numbers = DarkParameters.numbers()
    for i, ax in enumerate(narrow.axes):
        row, column = divmod(i, len(names))
        for axis, name in ((ax.xaxis, names[column]), (ax.yaxis, names[row])):
            axis.set_ticks(_two_ticks(*np.sort(axis.get_view_interval())))
            if axis.get_label_text():
                axis.set_label_text(f"${numbers[name]['symbol']}$")
    narrow.supxlabel(r"$\log_{10}$ of each parameter, masses in GeV", fontsize=10)
    figure.own_narrow = narrow  # type: ignore[attr-defined]
    return figure


def _two_ticks(low: float, high: float) -> list[float]:
    """Two whole numbers so far apart, and so far from the next panel, that their labels do not touch on a phone."""
    every = np.arange(np.ceil(low - 0.05), np.floor(high + 0.05) + 1)  # draws do not reach the ends of a prior
    place = (every - low) / (high - low)
    inner = every[(place > 0.12) & (place < 0.82)]
    if not inner.size:
        return [*every[[0, -1]]] if every.size else []
    return [inner[0], inner[-1] if inner[-1] - inner[0] > 0.42 * (high - low) else every[-1]]


def draw_corner(values: ArrayLike, names: Sequence[str], n_bins: int = 24) -> Figure:
    """Draw the distribution of each parameter, and of each two, of draws from a posterior.

    Shaded darker are the regions that hold 68 % and 90 % of the draws.

    Parameters
    ----------
    values : array_like
        (draws, d), positive: axes are logarithmic.
    names : sequence of str
        The d fields of `DarkParameters`.
    n_bins : int
        Along each axis.

    Returns
    -------
    Figure
        Of d × d axes, those above the diagonal empty.

    Raises
    ------
    ValueError
        For another shape.
    """
    logs = np.log10(np.asarray(values, dtype=float))
    if logs.ndim != 2 or logs.shape[1] != len(names):
        raise ValueError(f"values must be (draws, {len(names)}), got shape {logs.shape}")
    d = len(names)
    axes: Any
    figure, axes = plt.subplots(d, d, figsize=(1.6 * d, 1.6 * d), sharex="col", squeeze=False, layout="constrained")
    for i, j in np.ndindex(d, d):
        ax = axes[i, j]
        ax.set_visible(j <= i)
        if i == j:
            ax.hist(logs[:, i], n_bins, histtype="step", color="black", density=True)
        elif j < i:
            _plot_two(ax, logs[:, j], logs[:, i], n_bins)
            ax.sharey(axes[i, 0])
        ax.tick_params(labelleft=0 == j < i, left=j < i)
        ax.minorticks_off()  # panels are small, and to lay out their ticks takes longer than all else
        if i == d - 1:
            ax.set_xlabel(rf"$\log_{{10}}$ {axis_label(names[j])}")
        if 0 == j < i:
            ax.set_ylabel(rf"$\log_{{10}}$ {axis_label(names[i])}")
    figure.align_labels()
    return figure


def _plot_two(ax: Axes, x: Any, y: Any, n_bins: int) -> None:
    """Shade the smallest regions with 68 and 90 % of the draws."""
    counts, x_edges, y_edges = np.histogram2d(x, y, n_bins)
    falling = np.sort(counts.ravel())[::-1]
    share = np.cumsum(falling) / falling.sum()
    levels = [falling[np.searchsorted(share, part)] for part in (0.68, 0.90)]
    within = sum((counts >= max(level, 1)).astype(float) for level in levels)
    ax.pcolormesh(x_edges, y_edges, np.asarray(within).T, cmap="Blues", vmin=0, vmax=3, rasterized=True)

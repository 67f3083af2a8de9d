"""The triangle of a posterior, with a drawing of its own for phones: `draw_posterior`."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from darkpkg.physics.model import DarkParameters
from darkpkg.plotting import plot_corner


def draw_posterior(draws: ArrayLike, names: Sequence[str], n_bins: int) -> Figure:
    """The triangle of `plot_corner`, and for a phone one with symbols alone and few ticks at its axes."""
    figure, narrow = (plot_corner(draws, names, n_bins) for _ in range(2))
    plt.close(narrow)  # so that a page shows the first alone
    narrow.set_size_inches(4.2, 4.2)
    narrow.get_layout_engine().set(wspace=0, hspace=0, w_pad=0.02, h_pad=0.02)  # type: ignore[union-attr]
    numbers = DarkParameters.numbers()
    for i, ax in enumerate(narrow.axes):
        row, column = divmod(i, len(names))
        for axis, name in ((ax.xaxis, names[column]), (ax.yaxis, names[row])):
            axis.set_major_locator(MaxNLocator(2, integer=True, min_n_ticks=1))
            if axis.get_label_text():
                axis.set_label_text(f"$\\lg {numbers[name]['symbol']}$")
    figure.own_narrow = narrow  # type: ignore[attr-defined]
    return figure

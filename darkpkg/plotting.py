"""Drawings of what a scan found. Begin with `plot_exclusion`; `axis_label` writes symbol and unit of a parameter.

No physics is computed here, and no style is set: the axes are yours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import ArrayLike

from darkpkg.inference.outcomes import Method, method_of
from darkpkg.inference.scan import Scan
from darkpkg.inference.threshold import exclusion_rule
from darkpkg.physics.model import DarkParameters

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def axis_label(name: str) -> str:
    """Symbol and unit of a parameter, for an axis.

    Parameters
    ----------
    name
        Of a field of `DarkParameters`.

    Returns
    -------
    str
        In matplotlib's mathematics.

    Raises
    ------
    KeyError
        If there is no such field.

    Examples
    --------
    >>> axis_label("m_N")
    '$m_N$ [GeV]'
    """
    metadata = DarkParameters.numbers()[name]
    return f"${metadata['symbol']}$" + (f" [{metadata['unit']}]" if metadata["unit"] else "")


def plot_exclusion(
    scan: Scan, ax: Axes | None = None, cl: float = 0.90, method: str | Method = "likelihood", **style: Any
) -> Axes:
    """Draw the edges of the excluded region of a plane, the first parameter of the scan along x.

    Parameters
    ----------
    scan : Scan
        Of two free parameters.
    ax : Axes, optional
        Where to draw; a new figure by default. Both axes become logarithmic, with symbols and units.
    cl, method
        Rule of the edges, as in `darkpkg.Scan.exclusion`.
    **style
        As for matplotlib's ``plot``; the ``label`` is that of analysis and rule by default.

    Returns
    -------
    Axes
        Those drawn in.

    Raises
    ------
    ValueError
        For another number of free parameters.

    Examples
    --------
    >>> plot_exclusion(scan(Transport(sample), plane, ANALYSIS_I), color="black")          # doctest: +SKIP
    """
    curves = scan.exclusion(cl, method=method)
    if ax is None:
        _, ax = plt.subplots()
    first, second = scan.axes
    label = style.pop("label", f"{scan.analysis.name}, {exclusion_rule(cl, method=method_of(method).name)}")
    for curve in curves:
        ax.loglog(curve[:, 0], curve[:, 1], label=label, **style)
        label = None
    ax.set(xlabel=axis_label(first), ylabel=axis_label(second))
    return ax


def shade_excluded(scan: Scan, ax: Axes, cl: float = 0.90, method: str | Method = "likelihood", **style: Any) -> Axes:
    """Fill the excluded region of a plane up to the frame, and all of it where everything is excluded.

    Parameters
    ----------
    scan : Scan
        Of two free parameters.
    ax : Axes
        Where to draw.
    cl, method
        Rule of the edges, as in `darkpkg.Scan.exclusion`.
    **style
        As for matplotlib's ``PathPatch``, such as ``color`` and ``alpha``.

    Returns
    -------
    Axes
        Those drawn in.
    """
    for outlines in scan.excluded_polygons(cl, method=method):
        path = Path.make_compound_path(*(Path(outline, closed=True) for outline in outlines))
        ax.add_patch(PathPatch(path, **style))
    return ax


def plot_corner(values: ArrayLike, names: Sequence[str], n_bins: int = 24) -> Figure:
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

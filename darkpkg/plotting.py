"""Drawings of what a scan found. Begin with `plot_exclusion`; `axis_label` writes symbol and unit of a parameter.

No physics is computed here, and no style is set: the axes are yours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from darkpkg.inference.outcomes import Method, method_of
from darkpkg.inference.scan import Scan
from darkpkg.inference.threshold import exclusion_rule
from darkpkg.inputs import check_kinds
from darkpkg.physics.model import DarkParameters

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    check_kinds(scan=(scan, Scan))
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
    check_kinds(scan=(scan, Scan))
    for outlines in scan.excluded_polygons(cl, method=method):
        path = Path.make_compound_path(*(Path(outline, closed=True) for outline in outlines))
        ax.add_patch(PathPatch(path, **style))
    return ax

"""The numbers that a figure draws, as CSV: `figure_data`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from matplotlib.transforms import Transform

__all__ = ["figure_data"]


def figure_data(figure: Figure) -> str:
    """Write what a figure draws, as CSV: panel, kind and label of what is drawn, x, y, and z of coloured cells.

    Lines that start with ``#`` name the axes of each panel. Outlines and error bars are points of their paths. A
    figure with a data frame ``own_data`` has that instead.
    """
    if (own := getattr(figure, "own_data", None)) is not None:
        return str(own.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    text = io.StringIO()
    heads: list[tuple[int, str, str]] = []
    numbers: list[tuple[Any, Any, Any]] = []
    panels = [axes for axes in figure.axes if not hasattr(axes, "_colorbar")]
    for panel, axes in enumerate(panels, 1):
        text.write(f"# panel {panel}: x = {axes.get_xlabel()}, y = {axes.get_ylabel()}\n")
        for kind, label, columns in _series(axes):
            x, y, *z = (np.ravel(column) for column in columns)
            heads.append((panel, kind, label))
            numbers.append((x, y, z[0] if z else np.full(len(x), np.nan)))
    if heads:
        # One table of all: error bars are hundreds of series, and a table of each would take longer than the drawing.
        rows = np.repeat(np.arange(len(heads)), [len(x) for x, _, _ in numbers])
        table = pd.DataFrame(heads, columns=["panel", "kind", "label"]).iloc[rows]
        columns = dict(zip("xyz", map(np.concatenate, zip(*numbers, strict=True)), strict=True))
        table.assign(**columns).to_csv(text, index=False, float_format="%.6g")
    return text.getvalue()


def _series(axes: Axes) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Kind, label and columns of all that is drawn in data coordinates."""
    labels = _labels(axes)
    for line in axes.lines:
        if _in_data_coordinates(line.get_transform(), axes):
            yield "line", labels(line), line.get_data(orig=False)
    for collection in axes.collections:
        if isinstance(collection, QuadMesh):
            corners = collection.get_coordinates()
            x, y = np.moveaxis((corners[1:, 1:] + corners[1:, :-1] + corners[:-1, 1:] + corners[:-1, :-1]) / 4, -1, 0)
            if np.size(collection.get_array()) == x.size:
                yield "cells", labels(collection), (x, y, np.ma.filled(collection.get_array(), np.nan))
        elif isinstance(collection, PathCollection):
            yield "points", labels(collection), np.ma.filled(collection.get_offsets(), np.nan).T
        elif _in_data_coordinates(collection.get_transform(), axes):
            for path in collection.get_paths():
                yield "outline", labels(collection), path.vertices.T
    for patch in axes.patches:
        if isinstance(patch, StepPatch):
            values, edges, _ = patch.get_data()
            yield "steps", labels(patch), (edges, [*values, values[-1]])
        elif _in_data_coordinates(patch.get_data_transform(), axes):
            yield "patch", labels(patch), patch.get_patch_transform().transform(patch.get_path().vertices).T


def _in_data_coordinates(transform: Transform, axes: Axes) -> bool:
    """Tell whether both coordinates are data; a line across the panel has one that is not."""
    return all(transform.contains_branch_seperately(axes.transData))


def _labels(axes: Axes) -> Any:
    """Find the label that a legend would show, which may be that of a group."""
    groups = {}
    for container in axes.containers:
        for artist in container:
            for one in artist if isinstance(artist, tuple) else (artist,):
                groups[one] = container.get_label()

    def label(artist: Any) -> str:
        own = str(groups.get(artist) or artist.get_label())
        return "" if own.startswith("_") else own

    return label

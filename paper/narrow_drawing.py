"""A figure as narrow as a phone shows it, for a while: `narrowed`, with `legends_beside_data`.

Panels that stand side by side come below one another, or two in a row if they are maps of one grid; a colour bar of
several panels lies above them; legends have as many columns as there is room for; long labels of rows stand above
their rows. Afterwards the figure is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, PathCollection
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import ScaledTranslation

__all__ = ["NARROW_WIDTH", "legends_beside_data", "narrowed"]

NARROW_WIDTH = 4.2  # inches of a drawing for phones, where 10 points are then 8.2
LONGEST_OF_TWO = 22  # letters of the labels of a legend with two columns
MANY = 4  # panels below one another: where there are more, all are lower
WITHOUT_AXES = 0.4  # height of a panel that has a legend alone, over that of others
LOWEST = 0.45  # height of a panel over that of the highest one
LINE_HEIGHT = 0.17  # inches of a label at a tick, so that neighbours do not touch
LONGEST_BESIDE = 0.3  # of the width of a phone that labels of rows may take beside their panel
ROW_HEIGHT = 0.36  # inches of a row with its label above it
_BEHIND = {"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.5}
BAR_HEIGHT = 0.6  # inches of a colour bar above its panels, with its label


@contextmanager
def narrowed(figure: Figure) -> Iterator[bool]:
    """Make a figure as narrow as a phone shows it, for a while; False if it is already, has several grids, or is a
    chart of words without axes, which would overlap.
    """
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None]
    before = {axes: axes.get_subplotspec() for axes in panels}
    places = sorted({(spec.colspan.start, spec.rowspan.start) for spec in before.values()})
    n_columns = len({column for column, _ in places})
    of_one_grid = n_columns > 1 and _is_grid_of_maps(before, places)
    if not of_one_grid and not _belong_by_column(before):
        places.sort(key=lambda place: place[::-1])  # as one reads them
    width, height = figure.get_size_inches()
    is_chart = len(panels) == 1 and not panels[0].axison
    if is_chart or len({spec.get_gridspec() for spec in before.values()}) > 1:
        yield False
        return
    with ExitStack() as stack:
        if n_columns > 1:
            stack.enter_context(_stacked(figure, before, places, 2 if of_one_grid else 1))
        elif width > 1.1 * NARROW_WIDTH:
            # Text keeps its size, so a panel needs more than its share of the height; less of it in panels to scale.
            share, to_scale = NARROW_WIDTH / width, all(axes.get_aspect() != "auto" for axes in panels)
            narrow_height = height * share + 0.5 if to_scale and len(panels) > 1 else height * share**0.5
            stack.enter_context(_sized(figure, NARROW_WIDTH, narrow_height))
        else:
            yield False
            return
        stack.enter_context(_labels_above_rows(figure, panels))
        stack.enter_context(_legends_of_fewer_columns(figure))
        yield True


@contextmanager
def _sized(figure: Figure, width: float, height: float) -> Iterator[None]:
    """Give a figure another size, in inches, for a while."""
    before = figure.get_size_inches()
    figure.set_size_inches(width, height)
    try:
        yield
    finally:
        figure.set_size_inches(before)


def _is_grid_of_maps(panels: dict[Axes, Any], places: list[tuple[int, int]]) -> bool:
    """Tell whether four panels or more are alike and share axes, so that each is legible at half the width.

    They have one x axis, two columns or two rows of the same height, and in each row one y axis.
    """
    first, *others = panels
    n_columns, n_rows = (len({place[i] for place in places}) for i in (0, 1))
    rows = {spec.rowspan.start: axes for axes, spec in panels.items()}
    return (
        len(panels) == n_columns * n_rows >= 4
        and 2 in (n_columns, n_rows)
        and all(first.get_shared_x_axes().joined(first, other) for other in others)
        and all(axes.get_shared_y_axes().joined(axes, rows[spec.rowspan.start]) for axes, spec in panels.items())
        and all(len(set(spec.get_gridspec().get_height_ratios())) == 1 for spec in panels.values())
    )


def _belong_by_column(panels: dict[Axes, Any]) -> bool:
    """Tell whether panels belong to those below: they have one x axis, or rows of several heights, as for pulls."""
    return any(len(set(spec.get_gridspec().get_height_ratios())) > 1 for spec in panels.values()) or any(
        one.get_shared_x_axes().joined(one, other)
        for one, other in combinations(panels, 2)
        if panels[one].colspan.start == panels[other].colspan.start
    )


@contextmanager
def _stacked(
    figure: Figure, before: dict[Axes, Any], places: list[tuple[int, int]], n_columns: int
) -> Iterator[None]:
    """Put panels that stand side by side below one another, or two in a row, for a while."""
    panels = list(before)
    size = figure.get_size_inches()
    frames = {spec.colspan.start: axes.get_position() for axes, spec in before.items()}
    shape = np.mean([axes.get_position().height * size[1] for axes in panels]) / (
        np.mean([frame.width for frame in frames.values()]) * size[0]
    )
    height = (NARROW_WIDTH * min(max(0.8 * shape, 0.4), 0.9) + 0.5) / n_columns
    if n_columns == 2:
        height = max(height, 0.4 * NARROW_WIDTH)
    height = max(height, LINE_HEIGHT * max(_n_ticks(axes) for axes in panels) + 0.5)
    order = {axes: places.index((spec.colspan.start, spec.rowspan.start)) for axes, spec in before.items()}
    if n_columns == 2 and len({column for column, _ in places}) == 2:
        order = {axes: 2 * spec.rowspan.start + spec.colspan.start for axes, spec in before.items()}
    n_rows = len(places) // n_columns
    heights = np.ones(n_rows)
    if n_columns == 1:
        for axes, spec in before.items():
            heights[order[axes]] = _share_of_height(spec)
        height *= 1 if n_rows <= MANY else 0.8
    if any(axes.axison for axes in panels):
        heights[[order[axes] // n_columns for axes in panels if not axes.axison]] = WITHOUT_AXES
    grid = GridSpec(n_rows, n_columns, figure=figure, height_ratios=heights)
    kept = [(axes, *_labels(axes)) for axes in panels]
    by_row = {spec.rowspan.start: axes.get_ylabel() for axes, spec in reversed(before.items()) if axes.get_ylabel()}
    by_column = {spec.colspan.start: axes.get_xlabel() for axes, spec in before.items() if axes.get_xlabel()}
    for axes, spec in before.items():
        row, column = divmod(order[axes], n_columns)
        axes.set_subplotspec(grid[row, column])
        if n_columns == 2:
            bottom = row == n_rows - 1
            axes.tick_params(labelbottom=bottom)
            axes.set_xlabel(by_column.get(spec.colspan.start, "") if bottom else "")
        if axes.yaxis.get_ticks_position() != "right":
            left = next(other for other in panels if order[other] == n_columns * row)
            own = column == 0 or not axes.get_shared_y_axes().joined(axes, left)
            if n_columns == 2 or len(axes.get_shared_y_axes().get_siblings(axes)) > 1:
                axes.tick_params(labelleft=own)
            axes.set_ylabel((axes.get_ylabel() or by_row.get(spec.rowspan.start, "")) if column == 0 else "")
    bars = _common_bars(figure)
    try:
        with (
            _sized(figure, NARROW_WIDTH, height * heights.sum() + BAR_HEIGHT * len(bars)),
            _bars_above(figure, bars),
        ):
            yield
    finally:
        for axes, ticks, x_label, y_label in kept:
            axes.set_subplotspec(before[axes])
            axes.tick_params(**ticks)
            axes.set_xlabel(x_label)
            axes.set_ylabel(y_label)


def _share_of_height(spec: Any) -> float:
    """Height of the row of a panel over that of the highest one, and at least what its labels need."""
    ratios = spec.get_gridspec().get_height_ratios()
    return max(ratios[spec.rowspan.start] / max(ratios), LOWEST)


def _labels(axes: Axes) -> tuple[dict[str, bool], str, str]:
    """Where a panel has labels at its ticks, and those of its axes."""
    ticks = {
        name: axis.get_tick_params().get(name, True)
        for name, axis in (("labelleft", axes.yaxis), ("labelbottom", axes.xaxis))
    }
    return ticks, axes.get_xlabel(), axes.get_ylabel()


def _n_ticks(axes: Axes) -> int:
    """How many labels stand at the ticks of y."""
    low, high = sorted(axes.get_ylim())
    return int(np.sum((axes.get_yticks() >= low) & (axes.get_yticks() <= high)))


def _common_bars(figure: Figure) -> list[Any]:
    """Colour bars that belong to several panels."""
    bars = [axes._colorbar for axes in figure.axes if hasattr(axes, "_colorbar")]
    return [bar for bar in bars if len(getattr(bar.ax, "_colorbar_info", {}).get("parents", ())) > 1]


@contextmanager
def _bars_above(figure: Figure, bars: list[Any]) -> Iterator[None]:
    """Have colour bars lie above their panels, for a while."""
    lying = []
    for bar in bars:
        parents = bar.ax._colorbar_info["parents"]
        anchors, known = [axes.get_anchor() for axes in parents], (bar.mappable, bar.mappable.colorbar_cid)
        for axes in parents:
            axes._colorbars.remove(bar.ax)
        bar.ax.set(visible=False, in_layout=False)
        label = bar.ax.get_ylabel()
        above = figure.colorbar(bar.mappable, ax=parents, location="top", extend=bar.extend, label=label, aspect=30)
        lying.append((bar, above, parents, anchors, known))
    try:
        yield
    finally:
        for bar, above, parents, anchors, (mappable, cid) in lying:
            above.remove()
            mappable.colorbar, mappable.colorbar_cid = bar, cid
            bar.ax.set(visible=True, in_layout=True)
            for axes, anchor in zip(parents, anchors, strict=True):
                axes.set_anchor(anchor)
                axes._colorbars.append(bar.ax)


@contextmanager
def _labels_above_rows(figure: Figure, panels: list[Axes]) -> Iterator[None]:
    """Write labels of rows that would leave no room beside them into their panel, each above its row, for a while."""
    written: list[Text] = []
    height = 0.0
    shown = [axes for axes in panels if _widest_label(axes) > LONGEST_BESIDE * NARROW_WIDTH * figure.dpi]
    limits = {axes: axes.get_ylim() for axes in shown}
    for axes, (bottom, top) in limits.items():
        low, high = sorted((bottom, top))
        rows = [(y, text.get_text()) for y, text in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)]
        rows = [(y, text) for y, text in rows if low <= y <= high and text]
        size = axes.get_yticklabels()[0].get_fontsize()
        for y, text in rows:
            at = {"xycoords": axes.get_yaxis_transform(), "xytext": (3, 6), "textcoords": "offset points"}
            written.append(axes.annotate(text, (0, y), **at, va="bottom", size=size, bbox=_BEHIND, zorder=1.5))
        axes.tick_params(labelleft=False)
        axes.set_ylim(bottom, top + 0.4 * (top - bottom) / len(rows))  # room for the uppermost label
        height += ROW_HEIGHT * len(rows) + 0.4
    size_before = figure.get_size_inches()
    try:
        with _sized(figure, size_before[0], max(size_before[1], height)):
            yield
    finally:
        for text in written:
            text.remove()
        for axes, ends in limits.items():
            axes.tick_params(labelleft=True)
            axes.set_ylim(ends)


def _widest_label(axes: Axes) -> float:
    """Width in pixels of the widest label at a tick of y that is shown."""
    if not axes.yaxis.get_tick_params().get("labelleft", True):
        return 0.0
    return max((text.get_window_extent().width for text in axes.get_yticklabels() if text.get_text()), default=0.0)


@contextmanager
def _legends_of_fewer_columns(figure: Figure) -> Iterator[None]:
    """Give legends of a whole figure as many columns as there is room for, for a while."""
    before = list(figure.legends)
    width, height = figure.get_size_inches()
    for legend in before:
        fitting = legend
        for ncols in range(legend._ncols - 1, 0, -1):
            if fitting.get_window_extent().width <= figure.bbox.width:
                break
            if fitting is not legend:
                fitting.remove()
            fitting = figure.legend(
                legend.legend_handles,
                [text.get_text() for text in legend.get_texts()],
                title=legend.get_title().get_text() or None,
                fontsize=legend._fontsize,
                ncols=ncols,
                loc=f"outside {legend._outside_loc} center" if legend._outside_loc else "upper center",
            )
        if fitting is not legend:
            figure.legends.remove(legend)
            height += (fitting.get_window_extent().height - legend.get_window_extent().height) / figure.dpi
    try:
        with _sized(figure, width, height):
            yield
    finally:
        figure.legends[:] = before


@contextmanager
def legends_beside_data(figure: Figure) -> Iterator[None]:
    """Put legends that cover data above their panels, for a while: a narrow panel has no room for them."""
    before = {axes: legend for axes in figure.axes if (legend := axes.get_legend()) is not None}
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    width, height = figure.get_size_inches()
    for axes, legend in before.items():
        has_upper_axis = axes.child_axes or axes.xaxis.get_label_position() == "top"
        if legend.get_visible() and not has_upper_axis and _covers_data(legend, axes):
            texts = [text.get_text() for text in legend.get_texts()]
            handles, labels = axes.get_legend_handles_labels()
            above = axes.legend(
                handles if labels == texts else legend.legend_handles,
                texts,
                title=legend.get_title().get_text() or None,
                fontsize=min(text.get_fontsize() for text in legend.get_texts()),
                ncols=1 + (max(map(len, texts)) <= LONGEST_OF_TWO),
                loc="lower center",
                bbox_to_anchor=(0.5, 1),
                bbox_transform=axes.transAxes + ScaledTranslation(0, _title_height(axes), figure.dpi_scale_trans),
            )
            height += above.get_window_extent().height / figure.dpi  # the panel keeps its own
    try:
        with _sized(figure, width, height):
            yield
    finally:
        for axes, legend in before.items():
            axes.legend_ = legend


def _title_height(axes: Axes) -> float:
    """Inches that the title of a panel takes above it."""
    title = axes.title
    return title.get_window_extent().height / axes.figure.dpi + 0.1 if title.get_text() else 0.0


def _covers_data(legend: Legend, axes: Axes) -> bool:
    """Tell whether a line, an outline or a point lies under a legend."""
    frame = legend.get_window_extent()
    for artist in (*axes.lines, *axes.collections, *axes.patches):
        if isinstance(artist, PathCollection):
            points = artist.get_offset_transform().transform(np.ma.filled(artist.get_offsets(), np.nan))
            if frame.count_contains(points):
                return True
            continue
        paths = artist.get_paths() if isinstance(artist, Collection) else [artist.get_path()]
        if any(path.transformed(artist.get_transform()).intersects_bbox(frame, filled=False) for path in paths):
            return True
    return False

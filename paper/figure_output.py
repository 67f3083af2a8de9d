"""What a figure leaves in a chapter that the book runs: an SVG, a PDF, its data, and a narrow drawing for phones.

The book loads this as an IPython extension into the kernel of each chapter; `figure_bundle` makes the output, and
``book/_ext/page_figures.py`` puts it on the page. Elsewhere a chapter's figures are what matplotlib makes of them.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import combinations
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, PathCollection
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from paper.figure_data import figure_data

__all__ = ["CSV", "NARROW", "PDF", "figure_bundle", "load_ipython_extension", "smallest_text"]

SVG, PNG, PDF, CSV = "image/svg+xml", "image/png", "application/pdf", "text/csv"
NARROW = "application/vnd.narrow+svg"

LARGEST_SVG = 350_000  # characters: what is larger, by thousands of points, is a picture of dots
PAGE_WIDTH = 8.0  # inches that a picture has at most on a page 1400 px wide: what is wider is shown smaller
PHONE_WIDTH = 3.56  # inches that it has on a screen of 390 px
SMALLEST = 8.0  # points of text, as it is shown
NARROW_WIDTH = 4.2  # inches of a drawing for phones, where 10 points are then 8.2
LONGEST_OF_TWO = 22  # letters of the labels of a legend with two columns
WITHOUT_AXES = 0.4  # height of a panel that has a legend alone, over that of others
LINE_HEIGHT = 0.17  # inches of a label at a tick, so that neighbours do not touch


def load_ipython_extension(shell: Any) -> None:
    """Have all figures of a kernel shown by `figure_bundle`, instead of as PNG."""
    from matplotlib import pyplot
    from matplotlib_inline.config import InlineBackend

    InlineBackend.instance(parent=shell).figure_formats = set()
    shell.display_formatter.mimebundle_formatter.for_type(Figure, figure_bundle)
    pyplot.switch_backend(mpl.get_backend())
    pyplot.uninstall_repl_displayhook()  # which draws each figure after its cell, for a window that there is none of


def figure_bundle(
    figure: Figure, include: Any = None, exclude: Any = None
) -> tuple[dict[str, str], dict[str, dict[str, float]]]:
    """Draw a figure in all formats: content by MIME type, and as metadata the size of its `smallest_text`.

    A wide drawing has a second one for phones, narrower, with panels that stand side by side below one another; a
    figure with another one ``own_narrow`` has that instead. Files that would be large as SVG are PNG of double
    resolution. Text that would be shown smaller than `SMALLEST` is enlarged.
    """
    with _laid_out(figure, PAGE_WIDTH) as frame:
        svg = _drawn(figure, "svg", frame).decode()
        pdf = base64.b64encode(_drawn(figure, "pdf", frame)).decode()
        bundle = {PDF: pdf, CSV: figure_data(figure)}
        if len(svg) <= LARGEST_SVG:
            bundle[SVG] = svg
        else:
            bundle[PNG] = base64.b64encode(_drawn(figure, "png", frame, dpi=192)).decode()
        smallest = smallest_text(figure, frame.width)
    if own := getattr(figure, "own_narrow", None):
        with _laid_out(own, PHONE_WIDTH) as frame:
            bundle[NARROW] = _drawn(own, "svg", frame).decode()
        return bundle, {PDF: {"smallest_text": smallest}}
    with _narrowed(figure) as narrowed, warnings.catch_warnings():
        # Labels may be longer than a phone is wide: then it shows the wide drawing, and smaller.
        warnings.filterwarnings("error", message="constrained_layout not applied")
        with suppress(UserWarning):
            if narrowed:
                with _legends_beside_data(figure), _laid_out(figure, PHONE_WIDTH) as frame:
                    bundle[NARROW] = _drawn(figure, "svg", frame).decode()
    return bundle, {PDF: {"smallest_text": smallest}}


@contextmanager
def _laid_out(figure: Figure, shown_width: float) -> Iterator[Bbox]:
    """Lay a figure out once for all files that are drawn meanwhile, which have this frame, in inches.

    Each file would do so again, which takes longer than to draw it. Text is enlarged to be legible where the figure
    is shown with a width of at most ``shown_width`` inches.
    """
    engine = figure.get_layout_engine()
    with _ticks_found_once(figure), _legible(figure, engine, shown_width):
        try:
            with mpl.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
                figure.set_layout_engine(None)
                yield figure.get_tightbbox()
        finally:
            figure.set_layout_engine(engine)


@contextmanager
def _legible(figure: Figure, engine: Any, shown_width: float) -> Iterator[None]:
    """Lay a figure out with text that has at least `SMALLEST` points where it is shown, for a while."""
    before = [(text, text.get_fontsize()) for text in figure.findobj(Text)]
    try:
        for _ in range(3):  # larger text can make the figure wider, and that is shown smaller
            if engine is not None:
                engine.execute(figure)
            width = figure.get_tightbbox().width
            if smallest_text(figure, width, shown_width) >= SMALLEST:
                break
            needed = (SMALLEST + 0.01) / _scale(width, shown_width)
            for text in _texts(figure):
                text.set_fontsize(max(text.get_fontsize(), needed))
        yield
    finally:
        for text, size in before:
            text.set_fontsize(size)


@contextmanager
def _ticks_found_once(figure: Figure) -> Iterator[None]:
    """Keep the ticks of each axis as long as its limits, its place and the resolution stay, for a while.

    Otherwise matplotlib finds them anew for the spines, the labels, the layout and each file, up to six times in each
    drawing, which is half of the time that a drawing takes.
    """
    with_insets = [one for axes in figure.axes for one in (axes, *axes.child_axes)]
    every: list[Any] = [axis for axes in with_insets for axis in (axes.xaxis, axes.yaxis)]
    for axis in every:
        axis._update_ticks = _remembered(axis, axis._update_ticks)
    try:
        yield
    finally:
        for axis in every:
            del axis._update_ticks


def _remembered(axis: Any, found: Callable[[], Any]) -> Callable[[], Any]:
    """The ticks that are ``found`` on an axis, looked for again where they may be others."""
    known: dict[str, Any] = {}

    def ticks() -> Any:
        place = axis.axes.bbox.bounds, tuple(axis.get_view_interval()), axis.get_figure(root=True).dpi
        if known.get("place") != place:
            known.update(place=place, ticks=found())
        return known["ticks"]

    return ticks


def smallest_text(figure: Figure, width: float, shown_width: float = PAGE_WIDTH) -> float:
    """Size of the smallest text as it stands on the page, in points: a wide figure is shown smaller."""
    smallest = min((text.get_fontsize() for text in _texts(figure)), default=np.inf)
    return round(float(_scale(width, shown_width) * smallest), 2)


def _scale(width: float, shown_width: float) -> float:
    """How much smaller than it was drawn a figure with a frame of this width is shown, padding included."""
    return min(1.0, shown_width / (width + 2 * mpl.rcParams["savefig.pad_inches"]))


def _texts(figure: Figure) -> list[Any]:
    """All text that is shown."""
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def _drawn(figure: Figure, form: str, frame: Bbox, **options: Any) -> bytes:
    """A file of what stands in the frame; the same figure gives the same bytes."""
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
    file = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "figure"}):
        padded = frame.padded(mpl.rcParams["savefig.pad_inches"])
        figure.savefig(file, format=form, bbox_inches=padded, metadata=metadata, **options)
    return file.getvalue()


@contextmanager
def _narrowed(figure: Figure) -> Iterator[bool]:
    """Make a figure as narrow as a phone shows it, for a while; False if it is already, has several grids, or is a
    chart of words without axes, which would overlap.
    """
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None]
    before = {axes: axes.get_subplotspec() for axes in panels}
    places = sorted({(spec.colspan.start, spec.rowspan.start) for spec in before.values()})
    if not _belong_by_column(before):
        places.sort(key=lambda place: place[::-1])  # as one reads them
    width, height = figure.get_size_inches()
    is_chart = len(panels) == 1 and not panels[0].axison
    if is_chart or len({spec.get_gridspec() for spec in before.values()}) > 1:
        yield False
    elif len({column for column, _ in places}) > 1:
        with _stacked(figure, before, places):
            yield True
    elif width > 1.1 * NARROW_WIDTH:
        # Text keeps its size, so a panel needs more than its share of the height; less of it in panels to scale.
        share, to_scale = NARROW_WIDTH / width, all(axes.get_aspect() != "auto" for axes in panels)
        narrow_height = height * share + 0.5 if to_scale and len(panels) > 1 else height * share**0.5
        figure.set_size_inches(NARROW_WIDTH, narrow_height)
        try:
            yield True
        finally:
            figure.set_size_inches(width, height)
    else:
        yield False


def _belong_by_column(panels: dict[Axes, Any]) -> bool:
    """Tell whether panels belong to those below: they have one x axis, or rows of several heights, as for pulls."""
    return any(len(set(spec.get_gridspec().get_height_ratios())) > 1 for spec in panels.values()) or any(
        one.get_shared_x_axes().joined(one, other)
        for one, other in combinations(panels, 2)
        if panels[one].colspan.start == panels[other].colspan.start
    )


@contextmanager
def _stacked(figure: Figure, before: dict[Axes, Any], places: list[tuple[int, int]]) -> Iterator[None]:
    """Put panels that stand side by side below one another, for a while."""
    panels = list(before)
    size = figure.get_size_inches()
    frames = {spec.colspan.start: axes.get_position() for axes, spec in before.items()}
    shape = np.mean([axes.get_position().height * size[1] for axes in panels]) / (
        np.mean([frame.width for frame in frames.values()]) * size[0]
    )
    height = NARROW_WIDTH * min(max(0.8 * shape, 0.4), 0.9) + 0.5
    height = max(height, LINE_HEIGHT * max(_n_ticks(axes) for axes in panels) + 0.5)
    at = {axes: places.index((spec.colspan.start, spec.rowspan.start)) for axes, spec in before.items()}
    heights = np.ones(len(places))
    heights[[row for axes, row in at.items() if not axes.axison]] = WITHOUT_AXES
    grid = GridSpec(len(places), 1, figure=figure, height_ratios=heights)
    hidden = [(axes, axes.yaxis.get_tick_params().get("labelleft", True), axes.get_ylabel()) for axes in panels]
    by_row = {spec.rowspan.start: axes.get_ylabel() for axes, spec in reversed(before.items()) if axes.get_ylabel()}
    for axes, spec in before.items():
        axes.set_subplotspec(grid[at[axes], 0])
        if axes.yaxis.get_ticks_position() != "right":
            if len(axes.get_shared_y_axes().get_siblings(axes)) > 1:
                axes.tick_params(labelleft=True)
            axes.set_ylabel(axes.get_ylabel() or by_row.get(spec.rowspan.start, ""))
    figure.set_size_inches(NARROW_WIDTH, height * heights.sum())
    try:
        yield
    finally:
        figure.set_size_inches(size)
        for axes, labelleft, label in hidden:
            axes.set_subplotspec(before[axes])
            axes.tick_params(labelleft=labelleft)
            axes.set_ylabel(label)


def _n_ticks(axes: Axes) -> int:
    """How many labels stand at the ticks of y."""
    low, high = sorted(axes.get_ylim())
    return int(np.sum((axes.get_yticks() >= low) & (axes.get_yticks() <= high)))


@contextmanager
def _legends_beside_data(figure: Figure) -> Iterator[None]:
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
            )
            height += above.get_window_extent().height / figure.dpi  # the panel keeps its own
    size = figure.get_size_inches()
    figure.set_size_inches(width, height)
    try:
        yield
    finally:
        figure.set_size_inches(size)
        for axes, legend in before.items():
            axes.legend_ = legend


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

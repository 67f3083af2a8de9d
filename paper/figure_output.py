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
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogFormatterSciNotation
from matplotlib.transforms import Bbox

from paper.figure_data import figure_data
from paper.narrow_drawing import legends_beside_data, narrowed

__all__ = ["CSV", "NARROW", "PDF", "SMALLEST", "figure_bundle", "load_ipython_extension", "smallest_text"]

SVG, PNG, PDF, CSV = "image/svg+xml", "image/png", "application/pdf", "text/csv"
NARROW = "application/vnd.narrow+svg"

LARGEST_SVG = 350_000  # characters: what is larger, by thousands of points, is a picture of dots
PAGE_WIDTH = 8.0  # inches that a picture has at most on a page 1400 px wide: what is wider is shown smaller
PHONE_WIDTH = 3.56  # inches that it has on a screen of 390 px
SMALLEST = 8.0  # points of text, as it is shown


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
    """Draw a figure in all formats: content by MIME type, and as metadata the size of the smallest text of any.

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
            smallest = min(smallest, smallest_text(own, frame.width, PHONE_WIDTH))
        return bundle, {PDF: {"smallest_text": smallest}}
    with narrowed(figure) as is_narrow, warnings.catch_warnings():
        # Labels may be longer than a phone is wide: then it shows the wide drawing, and smaller.
        warnings.filterwarnings("error", message="constrained_layout not applied")
        with suppress(UserWarning):
            if is_narrow:
                with legends_beside_data(figure), _laid_out(figure, PHONE_WIDTH) as frame:
                    bundle[NARROW] = _drawn(figure, "svg", frame).decode()
                    smallest = min(smallest, smallest_text(figure, frame.width, PHONE_WIDTH))
    return bundle, {PDF: {"smallest_text": smallest}}


@contextmanager
def _laid_out(figure: Figure, shown_width: float) -> Iterator[Bbox]:
    """Lay a figure out once for all files that are drawn meanwhile, which have this frame, in inches.

    Each file would do so again, which takes longer than to draw it. Text is enlarged to be legible where the figure
    is shown with a width of at most ``shown_width`` inches.
    """
    engine = figure.get_layout_engine()
    with (
        _few_labels_of_logarithms(figure),
        _ticks_found_once(figure),
        _legible(figure, engine, shown_width) as frame,
    ):
        try:
            with mpl.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
                figure.set_layout_engine(None)
                named = [axes for axes in figure.axes if hasattr(axes, "write_names")]
                for axes in named:  # of limits, by `paper.constraints.drawing`
                    axes.write_names()
                yield figure.get_tightbbox() if named or frame is None else frame
        finally:
            figure.set_layout_engine(engine)


@contextmanager
def _legible(figure: Figure, engine: Any, shown_width: float) -> Iterator[Bbox | None]:
    """Lay a figure out with text that has at least `SMALLEST` points where it is shown, for a while.

    It yields the frame of the figure in inches, unless text was enlarged last.
    """
    before = [(text, text.get_fontsize()) for text in figure.findobj(Text)]
    try:
        for _ in range(3):  # larger text can make the figure wider, and that is shown smaller
            if engine is not None:
                engine.execute(figure)
            frame = figure.get_tightbbox()
            if smallest_text(figure, frame.width, shown_width) >= SMALLEST:
                break
            needed = (SMALLEST + 0.01) / _scale(frame.width, shown_width)
            for text, _ in before:  # hidden ones, too: names of limits are written where there is room for them
                text.set_fontsize(max(text.get_fontsize(), needed))
        else:
            frame = None
        yield frame
    finally:
        for text, size in before:
            text.set_fontsize(size)


class _FewLabels(LogFormatterSciNotation):
    """Labels 2 and 5 times a power of ten where matplotlib has more between two of these: they would touch."""

    def set_locs(self, locs: Any = None) -> None:
        """Choose which ticks have a label."""
        super().set_locs(locs)  # type: ignore[no-untyped-call]
        low, high = sorted(self.axis.get_view_interval())
        if low > 0 and self._sublabels is not None and len(self._sublabels) > 1:
            powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
            shown = np.outer((1, 2, 5), powers).ravel()
            if np.sum((shown >= low) & (shown <= high)) > 1:
                self._sublabels = {1, 2, 5}


@contextmanager
def _few_labels_of_logarithms(figure: Figure) -> Iterator[None]:
    """Have few labels on logarithmic axes over less than about a decade, for a while."""
    axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis) if axis.get_scale() == "log"]
    before = [(axis, axis.get_minor_formatter()) for axis in axes]
    for axis, formatter in before:
        if type(formatter) is LogFormatterSciNotation:
            axis.set_minor_formatter(_FewLabels(labelOnlyBase=False))  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for axis, formatter in before:
            if axis.get_minor_formatter() is not formatter:
                axis.set_minor_formatter(formatter)


@contextmanager
def _ticks_found_once(figure: Figure) -> Iterator[None]:
    """Keep ticks and their labels' frames as long as limits, place and resolution of an axis stay, for a while.

    Otherwise matplotlib finds them anew for the spines, the labels, the layout and each file, up to six times in each
    drawing, which is most of the time that a drawing takes.
    """
    with_insets = [one for axes in figure.axes for one in (axes, *axes.child_axes)]
    every: list[Any] = [axis for axes in with_insets for axis in (axes.xaxis, axes.yaxis)]
    for axis in every:
        for name in _FOUND_ONCE:
            setattr(axis, name, _remembered(axis, getattr(axis, name)))
        axis._get_ticklabel_bboxes = _frames_remembered(axis, axis._get_ticklabel_bboxes)
    try:
        yield
    finally:
        for axis in every:
            for name in (*_FOUND_ONCE, "_get_ticklabel_bboxes"):
                delattr(axis, name)


_FOUND_ONCE = ("get_majorticklocs", "get_minorticklocs", "_update_ticks")
"""Methods of an axis of matplotlib."""


def _place(axis: Any) -> tuple[Any, ...]:
    """What the ticks of an axis depend on while a figure is laid out and drawn."""
    return axis.axes.bbox.bounds, tuple(axis.get_view_interval()), axis.get_figure(root=True).dpi


def _remembered(axis: Any, found: Callable[[], Any]) -> Callable[[], Any]:
    """What is ``found`` on an axis, looked for again where it may be something else."""
    known: dict[str, Any] = {}

    def kept() -> Any:
        place = _place(axis)
        if known.get("place") != place:
            known.update(place=place, found=found())
        return known["found"]

    return kept


def _frames_remembered(axis: Any, found: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The frames of labels at ticks, measured again where ticks or sizes may be others, and for each kind of file."""
    known: dict[str, Any] = {}

    def frames(ticks: Any, renderer: Any) -> Any:
        sizes = [label.get_fontsize() for tick in ticks for label in (tick.label1, tick.label2)]
        about = _place(axis), sizes
        same = known.get("renderer") is renderer and known["ticks"] is ticks and known["about"] == about
        if not same:
            known.update(renderer=renderer, ticks=ticks, about=about, found=found(ticks, renderer))
        return known["found"]

    return frames


def smallest_text(figure: Figure, width: float, shown_width: float = PAGE_WIDTH) -> float:
    """Size of the smallest text as it stands on the page, in points: a wide figure is shown smaller."""
    shown = (text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip())
    smallest = min((text.get_fontsize() for text in shown), default=np.inf)
    return round(float(_scale(width, shown_width) * smallest), 2)


def _scale(width: float, shown_width: float) -> float:
    """How much smaller than it was drawn a figure with a frame of this width is shown, padding included."""
    return min(1.0, shown_width / (width + 2 * mpl.rcParams["savefig.pad_inches"]))


def _drawn(figure: Figure, form: str, frame: Bbox, **options: Any) -> bytes:
    """A file of what stands in the frame; the same figure gives the same bytes."""
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
    file = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "figure"}):
        padded = frame.padded(mpl.rcParams["savefig.pad_inches"])
        figure.savefig(file, format=form, bbox_inches=padded, metadata=metadata, **options)
    return file.getvalue()

"""What a figure leaves in a chapter that the book runs."""

import base64
import io
import re
from contextlib import nullcontext

import matplotlib as mpl
import numpy as np
import page_figures
import pandas as pd
import pytest
from docutils import nodes
from matplotlib.figure import Figure
from matplotlib.text import Text
from page_figures import show_at_half_its_pixels

from paper import figure_output, narrow_drawing
from paper.figure_data import figure_data
from paper.figure_output import (
    LARGEST_SVG,
    NARROW,
    PAGE_WIDTH,
    PDF,
    PHONE_WIDTH,
    figure_bundle,
    smallest_text,
)
from paper.narrow_drawing import NARROW_WIDTH


@pytest.fixture
def two_panels():
    """Two panels that share their vertical axis."""
    with mpl.rc_context({"figure.constrained_layout.use": True}):
        figure = Figure(figsize=(8.0, 3.0))
    left, right = figure.subplots(1, 2, sharey=True)
    left.plot([1, 2], [3, 4], label="a line")
    right.errorbar([1, 2], [3, 4], [0.5, 0.5], label="measured", fmt="o")
    left.set_ylabel("height")
    return figure


def size(svg):
    """Width and height of an SVG, in points."""
    head = svg[svg.index("<svg") :].partition(">")[0]
    return [float(head.partition(f' {side}="')[2].partition("pt")[0]) for side in ("width", "height")]


def test_panels_side_by_side_are_stacked_on_a_narrow_screen(two_panels):
    bundle, _ = figure_bundle(two_panels)
    wide, narrow = size(bundle["image/svg+xml"]), size(bundle[NARROW])
    assert wide[0] > 2 * wide[1]
    assert narrow[0] < 1.1 * 72 * NARROW_WIDTH
    assert narrow[1] > 1.2 * narrow[0]


def test_a_figure_is_as_it_was_after_it_was_stacked(two_panels):
    before = [(axes.get_subplotspec(), axes.get_ylabel()) for axes in two_panels.axes]
    figure_bundle(two_panels)
    assert [(axes.get_subplotspec(), axes.get_ylabel()) for axes in two_panels.axes] == before
    assert list(two_panels.get_size_inches()) == [8.0, 3.0]


def test_stacked_panels_of_a_second_row_have_ticks_and_labels_of_their_own():
    figure = Figure(figsize=(8.0, 6.0))
    panels = figure.subplots(2, 2, sharey="row")
    for row, label in zip(panels, ("rate", "ratio"), strict=True):
        row[0].set_ylabel(label)
    with narrow_drawing.narrowed(figure):
        assert [axes.get_ylabel() for axes in panels.flat] == ["rate", "rate", "ratio", "ratio"]
        assert all(axes.yaxis.get_tick_params()["labelleft"] for axes in panels.flat)


def test_a_narrow_panel_is_as_high_as_its_labels_need():
    figure = Figure(figsize=(8.0, 9.0))
    left, right = figure.subplots(1, 2, sharey=True)
    left.set_yticks(range(30), [f"line {i}" for i in range(30)])
    with narrow_drawing.narrowed(figure):
        for axes in (left, right):
            assert axes.get_position().height * figure.get_size_inches()[1] > 30 * 0.11  # inches of eight points


def test_a_panel_with_a_legend_alone_is_lower_than_others_on_a_phone():
    figure = Figure(figsize=(8.0, 4.0))
    panel, legend = figure.subplots(1, 2)
    legend.axis("off")
    with narrow_drawing.narrowed(figure):
        assert legend.get_position().height == pytest.approx(0.4 * panel.get_position().height)


def test_stacked_panels_keep_their_heights_to_one_another_and_many_are_lower():
    """Pulls stay lower than what they are of; ten panels are less than two screens of a phone high."""
    figure = Figure(figsize=(8.0, 6.0))
    panels = figure.subplots(2, 2, sharex="col", height_ratios=(3, 2))
    with narrow_drawing.narrowed(figure):
        for upper, lower in panels.T:
            assert lower.get_position().height == pytest.approx(2 / 3 * upper.get_position().height)
    many = Figure(figsize=(9.0, 5.0))
    many.subplots(2, 5)
    with narrow_drawing.narrowed(many):
        assert many.get_size_inches()[1] < 10 * NARROW_WIDTH * 0.9


@pytest.mark.parametrize("title", ["", "a title"])
def test_a_legend_that_covers_data_stands_above_its_narrow_panel_and_the_title(title):
    figure = Figure(figsize=(8.0, 4.0), layout="constrained")
    covered, free = figure.subplots(1, 2)
    covered.plot([0, 1], [0, 1], label="a line")
    covered.legend(loc="center")
    covered.set_title(title)
    free.plot([0, 1], [0, 1], label="a line")
    free.legend(loc="lower right")
    before = covered.get_legend(), free.get_legend()
    with (
        narrow_drawing.narrowed(figure),
        narrow_drawing.legends_beside_data(figure),
        figure_output._laid_out(figure, 3.56),
    ):
        figure.draw_without_rendering()  # places the title
        above = covered.title if title else covered
        assert covered.get_legend().get_window_extent().y0 >= above.get_window_extent().y1
        assert free.get_legend() is before[1]
    assert (covered.get_legend(), free.get_legend()) == before


def test_a_single_panel_is_redrawn_for_a_phone_with_text_of_the_same_size():
    figure = Figure(figsize=(6.5, 4.0))
    figure.subplots().plot([1, 2])
    bundle, _ = figure_bundle(figure)
    wide, narrow = size(bundle["image/svg+xml"]), size(bundle[NARROW])
    assert narrow[0] < 1.1 * 72 * NARROW_WIDTH < wide[0]
    assert narrow[1] / narrow[0] > wide[1] / wide[0]
    assert list(figure.get_size_inches()) == [6.5, 4.0]


@pytest.mark.parametrize(
    ("grid", "order"), [({}, "abcd"), ({"sharex": "col"}, "acbd"), ({"height_ratios": (3, 1)}, "acbd")]
)
def test_stacked_panels_are_in_reading_order_unless_those_of_a_column_belong_together(grid, order):
    figure = Figure(figsize=(8.0, 5.0))
    axes = figure.subplots(2, 2, **grid)
    for panel, name in zip(axes.flat, "abcd", strict=True):
        panel.set_title(name)
    with narrow_drawing.narrowed(figure):
        by_height = sorted(axes.flat, key=lambda panel: -panel.get_position().y0)
    assert "".join(panel.get_title() for panel in by_height) == order


def test_a_small_panel_has_no_narrow_drawing():
    figure = Figure(figsize=(4.5, 3.0))
    figure.subplots().plot([1, 2])
    bundle, _ = figure_bundle(figure)
    assert NARROW not in bundle
    assert base64.b64decode(bundle[PDF]).startswith(b"%PDF")


def test_thousands_of_points_are_a_picture_of_double_resolution():
    figure = Figure(figsize=(6.0, 4.0))
    figure.subplots().plot(*np.random.default_rng(1).normal(size=(2, 20_000)), ".")
    bundle, _ = figure_bundle(figure)
    assert "image/svg+xml" not in bundle
    png = base64.b64decode(bundle["image/png"])
    assert int.from_bytes(png[16:20], "big") > 1.6 * 96 * 6.0
    assert len(png) < LARGEST_SVG


def test_the_same_figure_has_the_same_bytes():
    def drawn():
        figure = Figure()
        figure.subplots().plot([1, 2])
        return figure_bundle(figure)

    assert drawn() == drawn()


def test_ticks_that_are_found_once_are_those_that_would_be_found_each_time(monkeypatch):
    def drawn():
        with mpl.rc_context({"figure.constrained_layout.use": True}):
            figure = Figure(figsize=(8.0, 3.0))
        left, right = figure.subplots(1, 2, sharey=True)
        left.loglog([1e-3, 1e3], [1e-9, 1.0])
        left.set_ylabel("height")
        right.plot([1, 2000], [1e-3, 1e-2])
        right.inset_axes([0.5, 0.5, 0.4, 0.4]).plot([1, 2])
        right.tick_params(labelsize=5)  # so that labels are enlarged
        return figure_bundle(figure)

    found_once = drawn()
    monkeypatch.setattr(figure_output, "_ticks_found_once", lambda figure: nullcontext())
    assert found_once == drawn()


def test_its_data_are_those_drawn(two_panels):
    text = figure_data(two_panels)
    assert text.startswith("# panel 1: x = , y = height\n")
    data = pd.read_csv(io.StringIO(text), comment="#")
    line = data[data.label == "a line"]
    assert line[["panel", "x", "y"]].to_numpy().tolist() == [[1, 1, 3], [1, 2, 4]]
    measured = data[data.label == "measured"]
    assert set(measured.kind) == {"line", "outline"}
    assert measured[measured.kind == "outline"].y.tolist() == [2.5, 3.5, 3.5, 4.5]


def test_coloured_cells_have_their_values():
    figure = Figure()
    figure.subplots().pcolormesh([0, 1, 2], [0, 2], [[5.0, 7.0]])
    data = pd.read_csv(io.StringIO(figure_data(figure)), comment="#")
    assert data[["x", "y", "z"]].to_numpy().tolist() == [[0.5, 1, 5], [1.5, 1, 7]]


def test_lines_across_the_panel_are_no_data():
    figure = Figure()
    axes = figure.subplots()
    axes.axhline(1.0)
    axes.axvspan(0, 1)
    assert "line" not in figure_data(figure)


def test_text_in_a_figure_wider_than_the_page_is_shown_smaller():
    sizes = []
    for width in (6.0, 16.0):
        figure = Figure(figsize=(width, 3.0))
        figure.subplots().set_xlabel("x", fontsize=12)
        sizes.append(smallest_text(figure, figure.get_tightbbox().width))
    assert sizes[0] == 10.0
    shown = figure.get_tightbbox().width + 2 * mpl.rcParams["savefig.pad_inches"]
    assert sizes[1] == pytest.approx(10.0 * 8.0 / shown, abs=0.01)  # rounded to 0.01


@pytest.mark.parametrize("shown_width", [PAGE_WIDTH, PHONE_WIDTH])
@pytest.mark.parametrize("layout", ["constrained", None])
def test_no_text_is_shown_smaller_than_eight_points(shown_width, layout):
    figure = Figure(figsize=(10.0, 4.0), layout=layout)
    ax = figure.subplots()
    ax.plot([1, 2], label="a line")
    ax.legend(fontsize=8.5)
    ax.text(1, 1, "near the edge", fontsize=7, ha="right")
    sizes = [text.get_fontsize() for text in figure.findobj(Text)]
    with figure_output._laid_out(figure, shown_width) as frame:
        assert figure_output.smallest_text(figure, frame.width, shown_width) >= 8.0
    assert [text.get_fontsize() for text in figure.findobj(Text)] == sizes


def test_what_a_figure_leaves_has_no_text_below_eight_points():
    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    figure.subplots().set_xlabel("a small label", fontsize=8)
    _, metadata = figure_bundle(figure)
    assert metadata[PDF]["smallest_text"] >= 8.0


def test_names_that_get_room_only_when_drawn_are_enlarged_too():
    figure = Figure(figsize=(12.0, 4.0), layout="constrained")
    ax = figure.subplots()
    name = ax.text(0.5, 0.5, "NA62", size=8.5, visible=False)
    ax.write_names = lambda: name.set_visible(True)
    with figure_output._laid_out(figure, PAGE_WIDTH) as frame:
        assert figure_output.smallest_text(figure, frame.width) >= 8.0
    assert name.get_fontsize() == 8.5


def test_the_smallest_text_is_that_of_both_drawings():
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    figure.subplots().set_xlabel("a label")
    figure.own_narrow = Figure(figsize=(4.0, 7.0))
    figure.own_narrow.text(0.5, 0.5, "a word", fontsize=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure_output, "SMALLEST", 5.0)
        _, metadata = figure_bundle(figure)
    assert metadata[PDF]["smallest_text"] < 6.01


@pytest.mark.parametrize(("size", "n_warnings"), [(7.99, 1), (8.0, 0)])
def test_the_build_warns_of_a_figure_with_small_text(size, n_warnings, monkeypatch):
    warned = []
    monkeypatch.setattr(page_figures.logger, "warning", lambda *arguments, location: warned.append(arguments[1:3]))
    page_figures.warn_of_small_text("fig-nine", size, "notebooks/18_heavy_limit")
    assert warned == [("fig-nine", size)] * n_warnings


def test_a_picture_is_shown_at_half_its_pixels_without_a_link_around_it(tmp_path):
    Figure(figsize=(2.0, 1.0), dpi=100).savefig(tmp_path / "dots.png")
    image = nodes.image(uri="dots.png")
    show_at_half_its_pixels(image, tmp_path)
    assert image["width"] == "100px"
    assert "no-scaled-link" in image["classes"]


def test_a_figure_may_have_a_narrow_drawing_of_its_own():
    figure, figure.own_narrow = Figure(figsize=(9.0, 6.0)), Figure(figsize=(4.0, 7.0))
    figure.subplots(3, 3)
    figure.own_narrow.text(0.02, 0.02, "left")
    figure.own_narrow.text(0.98, 0.98, "right", ha="right")
    bundle, _ = figure_bundle(figure)
    narrow = size(bundle[NARROW])
    assert narrow[1] > 1.5 * narrow[0]


def test_a_chart_without_axes_has_no_narrow_drawing():
    figure = Figure(figsize=(9.0, 6.0))
    ax = figure.subplots()
    ax.axis("off")
    ax.text(0.5, 0.5, "a box of words")
    bundle, _ = figure_bundle(figure)
    assert NARROW not in bundle


def state(figure):
    """What a narrow drawing changes for a while: size, grid, labels, their ticks, anchors, legends."""
    panels = [
        (
            axes.get_subplotspec(), axes.get_xlabel(), axes.get_ylabel(), axes.get_anchor(), axes.get_visible(),
            axes.xaxis.get_tick_params().get("labelbottom"), axes.yaxis.get_tick_params().get("labelleft"),
            len(axes.texts), axes.get_ylim(), list(getattr(axes, "_colorbars", ())),
        )
        for axes in figure.axes
    ]  # fmt: skip
    return list(figure.get_size_inches()), list(figure.legends), panels


@pytest.mark.parametrize("shape", [(2, 3), (2, 2)])
def test_maps_of_one_grid_stand_two_in_a_row_on_a_phone_below_their_colour_bar(shape):
    figure = Figure(figsize=(9.0, 6.0), layout="constrained")
    panels = figure.subplots(*shape, sharex=True, sharey="row")
    for row in panels:
        row[0].set_ylabel("height")
        for axes in row:
            mesh = axes.pcolormesh([0, 1, 2], [0, 2], [[5.0, 7.0]])
    for axes in panels[-1]:
        axes.set_xlabel("width")
    bar = figure.colorbar(mesh, ax=panels, label="events")
    before = state(figure)
    with narrow_drawing.narrowed(figure), figure_output._laid_out(figure, PHONE_WIDTH):
        frames = [axes.get_window_extent() for axes in panels.flat]
        assert len({round(frame.x0) for frame in frames}) == 2
        bottom = min(frame.y0 for frame in frames)
        for axes, frame in zip(panels.flat, frames, strict=True):
            assert axes.xaxis.get_tick_params()["labelbottom"] == (frame.y0 < bottom + 1)
            assert (axes.get_xlabel() == "width") == (frame.y0 < bottom + 1)
        (above,) = (axes for axes in figure.axes if hasattr(axes, "_colorbar") and axes.get_visible())
        assert above is not bar.ax
        assert above.get_window_extent().y0 > max(frame.y1 for frame in frames)
        assert above.get_xlabel() == "events"
        assert figure.get_size_inches()[1] < 2 * NARROW_WIDTH  # a phone shows twice its width at once
    assert state(figure) == before
    assert mesh.colorbar is bar


def test_a_legend_of_a_whole_figure_is_not_wider_than_a_phone():
    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    left, _ = figure.subplots(1, 2)
    for i in range(4):
        left.plot([0, i], label=f"a rather long name {i}")
    figure.legend(loc="outside upper center", ncols=4)
    before = state(figure)
    with narrow_drawing.narrowed(figure):
        (legend,) = figure.legends
        assert legend.get_window_extent().width <= NARROW_WIDTH * figure.dpi
        assert [text.get_text() for text in legend.get_texts()] == [f"a rather long name {i}" for i in range(4)]
    assert state(figure) == before


def test_long_labels_of_rows_stand_above_their_rows_on_a_phone():
    figure = Figure(figsize=(7.5, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.plot([1, 2, 3], range(3), "o")
    names = [f"an approximate cross section below {i} GeV" for i in range(3)]
    axes.set_yticks(range(3), names)
    before = state(figure)
    with narrow_drawing.narrowed(figure), figure_output._laid_out(figure, PHONE_WIDTH):
        assert [text.get_text() for text in axes.texts] == names
        assert not axes.yaxis.get_tick_params()["labelleft"]
        assert axes.get_position().width > 0.9
        for y, text in enumerate(axes.texts):
            assert text.get_window_extent().y0 > axes.transData.transform((0, y))[1]
            assert text.get_window_extent().y1 < axes.get_window_extent().y1
    assert state(figure) == before


@pytest.mark.parametrize(
    ("ends", "digits"),
    [((1.3e-4, 8e-4), "25"), ((2e-4, 1.2e-3), "25"), ((2.2e-4, 4.4e-4), "23456789"), ((1e-6, 0.1), "")],
)
def test_a_logarithmic_axis_over_less_than_a_decade_has_few_labels(ends, digits):
    figure = Figure(figsize=(5.0, 4.0))
    axes = figure.subplots()
    axes.set(yscale="log", ylim=ends)
    own = axes.yaxis.get_minor_formatter()
    with figure_output._laid_out(figure, PAGE_WIDTH):
        figure.draw_without_rendering()
        labels = [tick.label1.get_text() for tick in axes.yaxis.get_minor_ticks()]
    assert {digit for label in labels for digit in re.findall(r"(\d)\\times", label)} == set(digits)
    assert axes.yaxis.get_minor_formatter() is own

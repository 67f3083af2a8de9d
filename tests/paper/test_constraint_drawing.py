"""Limits of others, and of one's own, as areas of a figure."""

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from darkpkg import plotting
from paper import drawing
from paper.constraints.curves import PLANES, Constraint, constraints
from paper.constraints.drawing import _drawn_points, draw_constraints
from paper.figure_output import figure_bundle
from paper.narrow_drawing import NARROW_WIDTH


@pytest.fixture(autouse=True)
def closed_figures():
    with mpl.rc_context():
        yield
    plt.close("all")


@pytest.mark.parametrize("mediator", ["heavy", "light"])
@pytest.mark.parametrize("plane", PLANES)
def test_limits_of_others_are_drawn_below_with_each_name_once(plane, mediator):
    _, ax = plt.subplots()
    limits = {"m_N": ((0.03, 1), (1e-10, 1e-1)), "m_Zprime": ((2e-3, 5), (1e-8, 1e-1))}[plane[0]]
    ax.set(xscale="log", yscale="log", xlim=limits[0], ylim=limits[1])
    assert draw_constraints(ax, plane, mediator) is ax
    assert (ax.get_xlim(), ax.get_ylim()) == limits
    assert (ax.get_xlabel(), ax.get_ylabel()) == tuple(map(plotting.axis_label, plane))
    assert all(drawn.get_zorder() < 1 for drawn in [*ax.lines, *ax.patches, *ax.collections])
    names = [text.get_text() for text in ax.texts]
    assert len(names) == len(set(names))
    published = {limit.name for limit in constraints(plane, mediator)}
    assert len(published & set(names)) >= min(2, len(published))
    for text in ax.texts:  # what is written lies inside the axes
        x, y = text.get_position()
        assert 0 <= x <= 1
        assert 0 <= y <= 1


def test_names_of_limits_and_regions_of_interest_can_be_left_out():
    _, (bare, full) = plt.subplots(2)
    for ax, wanted in ((bare, False), (full, True)):
        ax.set(xscale="log", yscale="log", xlim=(0.01, 10), ylim=(1e-5, 0.1))
        draw_constraints(ax, ("m_Zprime", "epsilon"), "heavy", names=wanted, regions=wanted)
    assert not bare.texts
    green = [patch for patch in full.patches if to_hex(patch.get_facecolor()) == drawing.COLOURS["green"].lower()]
    assert len(green) == 1
    assert not bare.patches


def test_a_name_is_written_inside_the_area_that_it_names():
    _, ax = plt.subplots()
    ax.set(xscale="log", yscale="log", xlim=(0.01, 10), ylim=(1e-5, 0.1))
    plane = ("m_Zprime", "epsilon")
    draw_constraints(ax, plane, "heavy", regions=False)
    named = {limit.name: limit for limit in constraints(plane, "heavy")}
    for text in ax.texts:
        at = (ax.transAxes - ax.transData).transform(text.get_position())
        assert named[text.get_text()].excludes(*at), text.get_text()


def test_limits_of_ones_own_are_drawn_and_named_among_those_of_others():
    _, ax = plt.subplots()
    ax.set(xscale="log", yscale="log", xlim=(0.01, 10), ylim=(1e-5, 0.1))
    mine = Constraint("mine", (), [0.02, 0.2, 2.0], [1e-4, 2e-5, 1e-4], [np.inf] * 3)
    draw_constraints(ax, PLANES[1], "heavy", more=[mine])
    assert sum(len(line.get_xdata()) == 3 and np.array_equal(line.get_xdata(), mine.x) for line in ax.lines) == 2
    (name,) = (text for text in ax.texts if text.get_text() == "mine")
    x, y = (ax.transAxes - ax.transData).transform(name.get_position())
    assert mine.excludes(np.clip(x, 0.021, 1.99), y)  # it may stand at an end of the curve


def test_planes_without_published_limits_show_those_of_ones_own():
    _, ax = plt.subplots()
    ax.set(xscale="log", yscale="log", xlim=(0.01, 1), ylim=(1e-3, 1))
    mine = Constraint("mine", (), [0.02, 0.2, 0.9], [1e-2, 2e-2, 1e-2], [np.inf] * 3)
    draw_constraints(ax, ("m_N", "alpha_D"), "heavy", more=[mine])
    assert ax.get_ylabel() == plotting.axis_label("alpha_D")
    assert [text.get_text() for text in ax.texts] == ["mine"]
    with pytest.raises(TypeError, match="more must be Constraints, got 'mine'"):
        draw_constraints(ax, PLANES[0], "heavy", more=["mine"])


def curves_under(text, ax):
    """How many points of curves lie under a word."""
    frame = text.get_window_extent()
    return int(frame.count_contains(_drawn_points(ax)))


@pytest.mark.parametrize(("mediator", "least"), [("heavy", 1.0), ("light", 0.7)])
def test_names_stand_where_no_curve_runs_through_them(mediator, least):
    _, ax = plt.subplots(figsize=(5, 4.5))
    ax.set(xscale="log", yscale="log", xlim=(0.002, 0.1) if mediator == "light" else (0.1, 10), ylim=(1e-5, 0.1))
    draw_constraints(ax, PLANES[1], mediator)
    free = [curves_under(text, ax) == 0 for text in ax.texts if not text.get_text().startswith("region")]
    assert len(free) >= 5
    assert np.mean(free) >= least  # of 19 names among light curves four have no free place within their area


def test_names_are_written_anew_off_curves_that_were_drawn_later():
    _, ax = plt.subplots()
    ax.set(xscale="log", yscale="log", xlim=(0.01, 10), ylim=(1e-5, 0.1))
    draw_constraints(ax, PLANES[1], "heavy", regions=False)
    name = next(text for text in ax.texts if text.get_text() == "BaBar")
    before = name.get_position()
    x, y = (ax.transAxes - ax.transData).transform(before)
    ax.plot([x / 1.5, x * 1.5], [y, y])
    assert curves_under(name, ax) > 0
    ax.write_names()
    assert curves_under(name, ax) == 0
    assert name.get_position() != before
    assert len({text.get_text() for text in ax.texts}) == len(ax.texts)


def test_names_are_placed_for_the_size_at_which_a_figure_is_drawn():
    figure, ax = plt.subplots(figsize=(8, 6))
    ax.set(xscale="log", yscale="log", xlim=(0.01, 10), ylim=(1e-5, 0.1))
    draw_constraints(ax, PLANES[1], "heavy")
    sizes, own = [], ax.write_names
    ax.write_names = lambda: (sizes.append(figure.get_size_inches()[0]), own())
    figure_bundle(figure)
    assert sizes == [8, NARROW_WIDTH]

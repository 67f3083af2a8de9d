"""The style of the figures of the book, and the drawing of a detector."""

import importlib

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import darkpkg as dk
from paper import drawing


@pytest.fixture(autouse=True)
def drawn_nowhere():
    plt.switch_backend("Agg")
    with mpl.rc_context():
        yield
    plt.close("all")


def test_the_style_holds_for_all_further_figures():
    drawing.use_style()
    assert mpl.rcParams["axes.grid"]
    assert mpl.rcParams["xtick.direction"] == "in"
    cycle = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    assert cycle == list(drawing.COLOURS.values())
    _, ax = plt.subplots()
    (line,) = ax.plot([1, 2])
    assert line.get_color() == drawing.COLOURS["blue"]


def test_importing_the_figures_does_not_change_the_style_of_others():
    with mpl.rc_context():
        mpl.rcdefaults()
        before = dict(mpl.rcParams)
        importlib.reload(drawing)
        assert dict(mpl.rcParams) == before


def test_colours_differ_in_brightness_or_hue_for_everybody():
    """In sRGB the closest pair of the published palette, blue and sky, is 0.26 apart."""
    rgb = np.array([mpl.colors.to_rgb(colour) for colour in drawing.COLOURS.values()])
    distance = np.linalg.norm(rgb[:, None] - rgb, axis=-1)[~np.eye(len(rgb), dtype=bool)]
    assert distance.min() > 0.25


# --- The detector ---


def corners(patch):
    """Left, bottom, right and top of a rectangle."""
    return tuple(np.ravel(patch.get_bbox().get_points()))


@pytest.mark.parametrize(("plane", "axes"), [("zx", (2, 0)), ("zy", (2, 1)), ("xy", (0, 1))])
def test_modules_and_fiducial_volumes_are_drawn_to_scale_where_they_are(plane, axes):
    _, ax = plt.subplots()
    assert drawing.draw_detector(dk.ND280, ax, plane=plane) is ax
    boxes = [module.active for module in dk.ND280.modules]
    for drawn, expected in (
        ([p for p in ax.patches if p.get_linestyle() == "solid" and not p.get_fill()], boxes),
        ([p for p in ax.patches if p.get_fill()], boxes),
        ([p for p in ax.patches if p.get_linestyle() == "--"], list(dk.ND280.fiducial_volumes.values())),
    ):
        np.testing.assert_allclose(
            [corners(p) for p in drawn],
            [[*(box.low[axis] for axis in axes), *(box.high[axis] for axis in axes)] for box in expected],
        )
    assert (ax.get_xlabel(), ax.get_ylabel()) == tuple(f"${axis}$ [cm]" for axis in plane)
    assert ax.get_aspect() == 1
    low, high = zip(ax.get_xlim(), ax.get_ylim(), strict=True)
    for box in boxes:  # nothing is cut off
        assert all(low[i] < box.low[axes[i]] and box.high[axes[i]] < high[i] for i in range(2))


def test_names_are_written_into_their_modules_or_left_out():
    _, (named, bare) = plt.subplots(2)
    drawing.draw_detector(dk.ND280, named)
    drawing.draw_detector(dk.ND280, bare, names=False)
    assert [text.get_text() for text in named.texts] == [
        drawing.shown_name(module.name) for module in dk.ND280.modules
    ]
    assert named.texts[0].get_text() == "P∅D-ECAL1"
    for text, module in zip(named.texts, dk.ND280.modules, strict=True):
        assert text.xy == (pytest.approx((module.active.low[2] + module.active.high[2]) / 2), module.active.high[0])
    assert not bare.texts
    assert {text.get_rotation() for text in named.texts} == {90}


def test_names_above_stand_upright_over_the_panel_if_their_modules_are_in_it():
    figure, ax = plt.subplots()
    drawing.draw_detector(dk.ND280, ax, plane="zy", names="above")
    ax.set_xlim(245, 610)  # cm: without the P0D
    figure.draw_without_rendering()
    for text, module in zip(ax.texts, dk.ND280.modules, strict=True):
        box = text.get_tightbbox()
        assert np.isinf(box.y0) if module.name.startswith("P0D") else box.y0 > ax.bbox.y1
        assert (text.get_rotation(), text.get_va()) == (90, "bottom")


def test_a_name_lies_flat_in_a_module_that_is_wider_than_high():
    _, ax = plt.subplots()
    drawing.draw_detector(dk.ND280_UPGRADE, ax, plane="zy")
    turned = {text.get_text(): text.get_rotation() for text in ax.texts}
    assert (turned["SuperFGD"], turned["HATPC-top"], turned["TPC1"]) == (0, 0, 90)
    (flat,) = (text for text in ax.texts if text.get_text() == "HATPC-top")
    assert flat.xy == pytest.approx((120, 70))


def test_lead_argon_and_scintillator_have_colours_of_their_own():
    colour = {module.name: drawing.module_colour(module) for module in dk.ND280.modules}
    assert colour["P0D-ECAL1"] == colour["P0D-ECAL2"] == drawing.COLOURS["grey"]
    assert colour["TPC1"] == colour["TPC2"] == colour["TPC3"] == drawing.COLOURS["sky"]
    assert colour["FGD1"] == colour["FGD2"] == colour["P0D-water"] == drawing.COLOURS["green"]
    brass = dk.Module("brass", dk.Box((0, 0, 0), (1, 1, 1)), 1.0, {"Cu": 0.64, "Zn": 0.36})
    assert drawing.module_colour(brass) == drawing.COLOURS["purple"]


@pytest.mark.parametrize("plane", ["z", "zz", "zxy", "ab"])
def test_a_plane_that_is_none_is_refused(plane):
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match=f"plane must name two different axes out of x, y and z, got '{plane}'"):
        drawing.draw_detector(dk.ND280, ax, plane=plane)

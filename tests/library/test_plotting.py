"""Labels of axes, and the numbers behind an exclusion curve."""

import dataclasses
import importlib
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

import darkpkg as dk
from darkpkg import plotting


@pytest.fixture(autouse=True)
def drawn_nowhere():
    plt.switch_backend("Agg")
    with mpl.rc_context():
        yield
    plt.close("all")


PLANE = dk.Slice(dk.BENCHMARK_B, m_N=np.geomspace(0.05, 0.5, 12), V_muN_sq=np.geomspace(1e-9, 1e-5, 15))
POINTS = PLANE.parameters


def scan_of(rate):
    """A plane with a signal known exactly, and nothing seen: −Δ ln L is the signal. No Monte Carlo needed."""
    exact = dk.ANALYSIS_I.channels
    analysis = dk.Analysis("Analysis I", tuple(dataclasses.replace(channel, systematic=0.0) for channel in exact))
    signal = dk.Expectation(rate.reshape(-1, 1) * [0.9, 0.1], np.zeros((rate.size, 2)))
    return dk.scan(SimpleNamespace(events=lambda *_: signal), PLANE, analysis)


@pytest.fixture(scope="module")
def result():
    """One excluded corner."""
    return scan_of(1e7 * POINTS.V_muN_sq * POINTS.m_N)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("m_N", "$m_N$ [GeV]"),
        ("m_Zprime", "$m_{Z'}$ [GeV]"),
        ("alpha_D", r"$\alpha_D$"),
        ("epsilon", r"$\varepsilon$"),
        ("V_muN_sq", r"$|V_{\mu N}|^2$"),
        ("V_N_sq", "$|V_N|^2$"),
    ],
)
def test_axis_labels_have_symbol_and_unit(name, label):
    assert plotting.axis_label(name) == label


def test_every_parameter_has_a_label_that_can_be_drawn():
    figure, ax = plt.subplots()
    for name in dk.DarkParameters.numbers():
        ax.set_xlabel(plotting.axis_label(name))
        figure.canvas.draw()


def test_an_unknown_parameter_has_no_label():
    with pytest.raises(KeyError, match="m_X"):
        plotting.axis_label("m_X")


def test_the_drawn_curve_is_the_exclusion_curve(result):
    ax = plotting.plot_exclusion(result, cl=0.95)
    curves = result.exclusion(0.95)
    assert len(ax.lines) == len(curves) == 1
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), curves[0])
    rate = 1e7 * ax.lines[0].get_xdata() * ax.lines[0].get_ydata()
    np.testing.assert_allclose(rate, np.log(20), rtol=1e-6)  # the rate is a product of powers: interpolated exactly


def test_axes_are_logarithmic_and_labelled(result):
    ax = plotting.plot_exclusion(result)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlabel() == plotting.axis_label("m_N")
    assert ax.get_ylabel() == plotting.axis_label("V_muN_sq")
    assert ax.get_title() == ""


def test_a_scan_is_drawn_into_given_axes_and_style(result):
    _, ax = plt.subplots()
    assert plotting.plot_exclusion(result, ax, cl=0.95, color="#D55E00", linestyle="--") is ax
    assert to_hex(ax.lines[0].get_color()).upper() == "#D55E00"
    assert ax.lines[0].get_linestyle() == "--"
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), result.exclusion(0.95)[0])


def test_the_legend_names_analysis_and_confidence_level_once(result):
    island = scan_of(5.0 * np.cos(2 * np.log(POINTS.m_N * POINTS.V_muN_sq)) ** 2)
    assert len(island.exclusion()) > 1
    ax = plotting.plot_exclusion(island, cl=0.90)
    assert len(ax.lines) == len(island.exclusion())
    assert ax.get_legend_handles_labels()[1] == ["Analysis I, 90 % CL for 2 parameters, -Delta ln L > 2.303"]
    assert plotting.plot_exclusion(result, label="mine").get_legend_handles_labels()[1] == ["mine"]


def test_the_shaded_area_is_the_excluded_region_up_to_the_frame(result):
    """A point is shaded if it lies in the patch, with holes left open; exclusion is that of the grid points."""
    island = scan_of(5.0 * np.cos(2 * np.log(POINTS.m_N * POINTS.V_muN_sq)) ** 2)
    for found in (result, island):
        _, ax = plt.subplots()
        plotting.shade_excluded(found, ax)
        x, y = (axis.ravel() for axis in np.meshgrid(*found.axes.values(), indexing="ij"))
        inside = x[:, None] * 0 > 1
        for patch in ax.patches:
            path = patch.get_path()
            within = np.zeros(len(x), dtype=int)
            for part in path.to_polygons(closed_only=True):
                within += mpl.path.Path(np.log(part)).contains_points(np.log(np.stack([x, y], axis=-1)))
            inside = inside | (within % 2 == 1)[:, None]
        clear = np.abs(found.log_excess()).ravel() > 0.05
        frame = (x == x.min()) | (x == x.max()) | (y == y.min()) | (y == y.max())
        use = clear & ~frame
        np.testing.assert_array_equal(inside[use, 0], found.excluded().ravel()[use])


def test_importing_the_figures_does_not_change_the_style_of_others():
    with mpl.rc_context():
        mpl.rcdefaults()
        before = dict(mpl.rcParams)
        importlib.reload(plotting)
        assert dict(mpl.rcParams) == before

"""The paper's figures by number: made from small samples, with their curves, and written whole or not at all."""

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import darkpkg as dk
from darkpkg.results.paper.experiment import upper_limit_of_zero
from darkpkg.results.paper.frame import COLUMNS, Curves, PaperFigure, Samples
from darkpkg.results.paper.limits import scan_plane
from darkpkg.results.paper.method import figure_7, weights_in_turn
from darkpkg.results.paper_figures import FIGURES, draw

N_EVENTS = 12_000
DRAWINGS = {1}
"""Figures without curves."""

# Small samples rest on few events here and there, and say so.
pytestmark = pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def samples():
    return Samples(N_EVENTS, seed=7)


@pytest.fixture(scope="module")
def drawn(samples):
    """Every figure, on a coarse grid of masses where there is one."""
    made = {}
    for number, function in FIGURES.items():
        coarse = (np.geomspace(0.01, 1, 5), np.geomspace(0.003, 8, 6)) if number == 13 else ()
        made[number] = function(samples, *coarse)
        plt.close("all")  # a closed figure can still be saved
    return made


@pytest.mark.parametrize("number", FIGURES)
def test_every_curve_has_a_name_and_finite_points(drawn, number):
    curves = drawn[number].curves
    assert list(curves.columns) == [name for name in COLUMNS if name in curves]
    assert curves.empty == (number in DRAWINGS)
    assert (curves[["panel", "curve"]].map(len) > 0).all(axis=None)
    for name in {"x", "y", "z"} & {*curves.columns}:
        assert np.isfinite(curves[name]).all(), name
    for name in {"y_error", "z_error"} & {*curves.columns}:
        assert (curves[name].dropna() >= 0).all(), name


@pytest.mark.parametrize("number", FIGURES)
def test_every_figure_has_labelled_axes_and_no_title(drawn, number):
    figure = drawn[number].figure
    figure.canvas.draw()
    for ax in figure.axes:
        assert ax.get_title() == ""
    if number not in DRAWINGS | {8}:
        assert any(ax.get_xlabel() for ax in figure.axes)
        assert any(ax.get_ylabel() for ax in figure.axes)


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_pictures_are_written_in_three_formats_twice_the_same(tmp_path, suffix):
    figure = draw(1)
    paths = [figure.save(tmp_path / f"{name}{suffix}") for name in "ab"]
    first, second = (path.read_bytes() for path in paths)
    start = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}[suffix]
    assert first.startswith(start)
    if suffix != ".svg":  # which numbers its parts at random
        assert first == second
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_curves_are_read_as_they_were_written(drawn, tmp_path):
    path = drawn[4].save(tmp_path / "fig4.csv")
    pd.testing.assert_frame_equal(pd.read_csv(path), drawn[4].curves)


def test_a_file_that_cannot_be_finished_leaves_the_old_one(drawn, tmp_path, monkeypatch):
    path = tmp_path / "fig2.png"
    path.write_bytes(b"old")

    def fail(target, **_):
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(drawn[2].figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        drawn[2].save(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_other_formats_missing_folders_and_curves_of_a_drawing_are_refused(tmp_path):
    figure = draw(1)
    with pytest.raises(ValueError, match=r"written to \.png, \.pdf, \.svg, its curves to \.csv, got fig1\.jpg"):
        figure.save(tmp_path / "fig1.jpg")
    with pytest.raises(ValueError, match=r"no folder .*nowhere to write fig1\.png into"):
        figure.save(tmp_path / "nowhere" / "fig1.png")
    with pytest.raises(ValueError, match=r"a drawing without curves to write to fig1\.csv"):
        figure.save(tmp_path / "fig1.csv")


def test_a_number_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"there is no figure 99 to draw; there are 1, 2, 3, 4, 5, 6, 7, 8, .*13"):
        draw(99)


# --- The numbers are those of the package ---


def curve(figure, panel, name):
    table = figure.curves
    return table[(table.panel == panel) & (table.curve == name)]


def test_figure_2_shows_cross_sections_of_the_package(drawn):
    own = curve(drawn[2], "cross section", "benchmark B on lead")
    lead = dk.nuclei.elements()["Pb"].nucleus
    expected = dk.scattering.total_cross_section(own.x.to_numpy(), dk.BENCHMARK_B, lead) / lead.A
    np.testing.assert_allclose(own.y, expected, rtol=1e-12)
    other = curve(drawn[2], "cross section", "g_D = 1 on lead")
    np.testing.assert_allclose(own.y.to_numpy() / other.y.to_numpy(), 0.4 * 4 * np.pi, rtol=1e-12)


def test_figure_3_adds_up_to_the_expected_events(drawn, samples):
    for ctau in (0.1, 100.0):
        own = curve(drawn[3], "rate along z", f"seen, ctau = {ctau:g} cm")
        expected = dk.expected_events_at_lifetime(samples.at_B, dk.BENCHMARK_B, dk.ANALYSIS_I, ctau)
        assert own.y @ (own.x_high - own.x) == pytest.approx(expected.mean.sum(), rel=1e-9)
        assert ((own.y_error * (own.x_high - own.x)) ** 2).sum() == pytest.approx(expected.variance.sum(), rel=1e-9)


def test_figure_4_is_the_acceptance(drawn, samples):
    on_lead = samples.at_B[samples.at_B.target == dk.NUCLEI["Pb208"].pdg_code]
    own = curve(drawn[4], "acceptance", "lead")
    for row in own.iloc[[10, 40, 60]].itertuples():
        share = dk.decay_acceptance(on_lead, dk.ANALYSIS_I, row.x)
        assert row.y == pytest.approx(share.mean, rel=1e-9)
        assert row.y_error == pytest.approx(share.error, rel=1e-9)


def test_shares_of_figure_5_are_at_most_one(drawn):
    table = drawn[5].curves
    sums = table.groupby(["panel", "curve"]).y.sum()
    assert (sums <= 1 + 1e-12).all()
    assert sums["cos_opening", "heavy, B"] == pytest.approx(1)


def test_figure_6_has_the_data_and_the_signal_of_the_package(drawn, samples):
    point = dk.BENCHMARK_A.replace(epsilon=2.5e-3)
    for beam in ("FHC", "RHC"):
        bins = dk.ANALYSIS_II.bins_of(beam)
        panel = f"Analysis II {beam}"
        np.testing.assert_array_equal(curve(drawn[6], panel, "data").y, dk.ANALYSIS_II.observed[bins])
        expected = dk.expected_events(samples.at_A, point, dk.ANALYSIS_II).mean[bins]
        np.testing.assert_allclose(curve(drawn[6], panel, "signal, reconstructed").y, expected, rtol=1e-12)


def test_zero_is_seen_at_the_upper_limit_as_often_as_said():
    assert np.exp(-upper_limit_of_zero(0.68)) == pytest.approx(0.32, rel=1e-6)
    uncertain = upper_limit_of_zero(0.68, systematic=0.2)  # a gamma of shape α = 1/0.2² + 1 and scale 0.2² μ
    assert (1 + 0.2**2 * uncertain) ** -26 == pytest.approx(0.32, rel=1e-6)


def test_the_toy_of_figure_7_tells_the_truth():
    """Over the kernel the width of x is spread a little; the rate, linear in θ, is not biased: 8 % are 2.5 sigma."""
    figure = figure_7(Samples(seed=3), n_events=20_000)
    for at in (0.25, 0.75):
        own = [curve(figure, "toy", f"{kind} at theta = {at}") for kind in ("kernel", "exact")]
        estimate, exact = (np.trapezoid(line.y, line.x) for line in own)
        assert exact == pytest.approx(0.5 + at, rel=1e-3)
        assert estimate == pytest.approx(exact, rel=0.08)


def test_the_product_of_the_weights_of_figure_8_is_the_expectation(samples):
    for events, point, analysis in (
        (samples.heavy, dk.BENCHMARK_B, dk.ANALYSIS_I),
        (samples.light, dk.BENCHMARK_A, dk.ANALYSIS_II),
    ):
        wide = dk.Smoothing((0.6, 1.0))
        products = weights_in_turn(events, point, analysis, wide)
        expected = dk.expected_events(events, point, analysis, wide).in_channels(analysis).mean[0]
        assert products["lifetime"].sum() == pytest.approx(expected, rel=1e-9)


def test_dots_of_figure_12_lie_in_the_detector(drawn):
    dots = drawn[12].curves
    for panel, own in dots.groupby("panel"):
        assert len(own) == 2500, panel
    low, high = dk.ND280.modules[0].active.low[2], dk.ND280.modules[-1].active.high[2]
    assert dots.x.between(low, high).all()


def test_figure_13_is_a_share_on_both_sides_of_the_diagonal(drawn):
    table = drawn[13].curves
    assert table.z.between(0, 1).all()
    everything = table[table.panel == "all N produced"]
    assert {"all N produced"} <= {*table.panel}
    assert (everything.y < everything.x).any()
    assert (everything.y > everything.x).any()


# --- Samples and curves ---


def test_samples_are_made_once_and_only_when_asked_for(monkeypatch):
    made = []
    generate = dk.generate
    monkeypatch.setattr(
        "darkpkg.results.paper.frame.generate", lambda *a, **k: made.append(a[0]) or generate(*a, **k)
    )
    samples = Samples(100, seed=1)
    assert made == []
    assert samples.at_B is samples.at_B
    assert made == [dk.SamplingRange.at(0.1, 1.25)]


def test_given_samples_take_the_place_of_simulated_ones(samples, tmp_path):
    path = samples.heavy.write(tmp_path / "heavy.parquet")
    given = Samples(given={"heavy": path, "at_B": samples.at_B})
    np.testing.assert_array_equal(given.heavy.weight, samples.heavy.weight)
    assert given.at_B is samples.at_B


def test_samples_of_other_masses_are_refused(samples, tmp_path):
    with pytest.raises(ValueError, match=r"samples are heavy, heavy_upgrade, light, .*, got middle"):
        Samples(given={"middle": samples.heavy})
    with pytest.raises(ValueError, match="heavy sample must be over masses with m_Zprime at least m_N"):
        _ = Samples(given={"heavy": samples.light}).heavy
    with pytest.raises(ValueError, match="light sample must be over masses with m_Zprime below m_N"):
        _ = Samples(given={"light": samples.at_A}).light
    with pytest.raises(ValueError, match=r"at_B sample must be at m_N = 0\.1 GeV, m_Zprime = 1\.25 GeV"):
        _ = Samples(given={"at_B": samples.heavy}).at_B
    bare = dk.generate(dk.HEAVY, 100, seed=1).write(tmp_path / "bare.parquet")
    with pytest.raises(ValueError, match="heavy sample holds events without vertices"):
        _ = Samples(given={"heavy": bare}).heavy


def test_curves_leave_out_what_has_no_value():
    curves = Curves()
    curves.line("p", "c", [1, 2, 3], [1.0, np.nan, 2.0])
    table = curves.table()
    assert table.columns.tolist() == ["panel", "curve", "x", "y"]
    assert table.x.tolist() == [1, 3]
    assert PaperFigure(plt.figure(), Curves().table()).curves.empty


class TestScanPlane:
    """Scans of one sample share the rates of a plane, up to the exposure, and of nothing else."""

    B = dk.BENCHMARK_B

    def plane(self, **axes):
        return dk.Slice(self.B, m_N=[0.05, 0.1, 0.2], **axes)

    def test_whatever_was_scanned_before_it_is_what_moved_events_give(self, samples):
        both = dk.ANALYSIS_I + dk.ANALYSIS_II
        in_couplings = self.plane(V_muN_sq=[1e-8, 1e-7, 1e-6])
        in_mixing = self.plane(epsilon=[1e-3, 1e-2, 1e-1])
        for where, analysis in (
            (in_couplings, dk.ANALYSIS_I),
            (in_couplings, dk.project(dk.ANALYSIS_I)),
            (in_couplings, both),
            (in_mixing, both),
            (in_mixing, dk.ANALYSIS_I.with_selection(efficiency=0.2)),
        ):
            (found,) = scan_plane(samples.heavy, where, analysis)
            expected = dk.expected_events_by_transport(samples.heavy, where.parameters, analysis)
            for name in ("mean", "variance"):
                np.testing.assert_allclose(
                    getattr(found.expectation, name), getattr(expected, name), rtol=1e-10, atol=1e-300
                )

    def test_another_sample_has_rates_of_its_own(self, samples):
        where = self.plane(V_muN_sq=[1e-8, 1e-7])
        every_second = samples.heavy[np.arange(0, len(samples.heavy), 2)]
        whole, half = (scan_plane(s, where, dk.ANALYSIS_I)[0] for s in (samples.heavy, every_second))
        # Every second event, with the weights of all of them: less than the whole, wherever both halves have some.
        parts = half.expectation.mean, whole.expectation.mean
        assert (parts[0] <= parts[1]).all()
        assert parts[0].sum() < 0.9 * parts[1].sum()

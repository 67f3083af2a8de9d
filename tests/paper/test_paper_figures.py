"""The paper's figures by number: made from small samples, with their curves, and written whole or not at all."""

import dataclasses
import itertools

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import darkpkg as dk
from darkpkg import datasets, plotting
from darkpkg.physics import nuclei, scattering
from paper.acceptances import Share, decay_acceptance, selection_efficiency
from paper.figures import frame, limits
from paper.figures.catalogue import FIGURES, draw
from paper.figures.experiment import LOUD, upper_limit_of_zero
from paper.figures.frame import COLUMNS, Curves, PaperFigure, Samples
from paper.figures.limits import EVENT_RATES, LIFETIME_MASSES, FromP0D
from paper.figures.method import figure_7, weights_in_turn
from paper.figures.planes import along_gap
from paper.lifetime_bound import fit_lifetime_bound
from paper.smoothings import PROGRAM_SMOOTHING

A, B, I, II = dk.BENCHMARK_A, dk.BENCHMARK_B, dk.ANALYSIS_I, dk.ANALYSIS_II
N_EVENTS = 20_000
N_MASSES = 8
"""Masses of each plane of limits here, in place of 60; couplings are as many as in the figures."""
MASSES_OF_MAP = np.geomspace(0.01, 1, 5), np.geomspace(0.003, 8, 6)
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
def more_samples():
    """For the map of Fig. 13, which has no height where few events are effective."""
    return Samples(80_000, seed=8)


@pytest.fixture(scope="module")
def planes():
    """The planes of Figs. 9, 10, 14 and 15, with fewer masses."""
    coarse = {}
    for key, plane in limits.PLANES.items():
        (mass, masses), (coupling, couplings) = plane.axes.items()
        few = np.geomspace(masses[0], masses[-1], N_MASSES)
        coarse[key] = dk.Slice(plane.at, **{mass: few, coupling: couplings})
    return coarse


@pytest.fixture(scope="module")
def drawn(samples, more_samples, planes):
    """Every figure, on a coarse grid of masses where there is one."""
    figures = {13: FIGURES[13](more_samples, *MASSES_OF_MAP)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "PLANES", planes)
        patch.setattr(frame, "DEDICATED", 2**12)
        for number in FIGURES.keys() - figures.keys():
            figures[number] = FIGURES[number](samples)
            plt.close("all")  # a closed figure can still be saved
    return figures


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


def values_of(figure, panel, name):
    return curve(figure, panel, name)[["x", "y"]].to_numpy().T


def on(events, nucleus):
    """The events on one nucleus."""
    return events[events.target == dk.NUCLEI[nucleus].pdg_code]


NO_CUTS = dk.Cuts(0, np.inf, np.inf, -2, -2)


@pytest.mark.parametrize("element", ["lead", "carbon"])
def test_figure_2_shows_cross_sections_of_the_package(drawn, element):
    nucleus = nuclei.elements()[{"lead": "Pb", "carbon": "C"}[element]].nucleus
    energy, own = values_of(drawn[2], "cross section", f"benchmark B on {element}")
    np.testing.assert_allclose(own, scattering.total_cross_section(energy, B, nucleus) / nucleus.A, rtol=1e-12)
    _, other = values_of(drawn[2], "cross section", f"g_D = 1 on {element}")
    np.testing.assert_allclose(own, 0.4 * 4 * np.pi * other, rtol=1e-12)  # g_D² = 4π α_D, and α_D = 0.4
    assert (other[-100:] > 0).all()
    table = datasets.read("cross_sections/ccqe").query("flavour == 'nue'")
    energy, own = values_of(drawn[2], "cross section", f"nu_e CCQE on {element}")
    np.testing.assert_array_equal(energy, table.e_nu)
    neutrons = {"lead": 126 / 208, "carbon": 6 / 12}[element]
    np.testing.assert_allclose(own, 1e-38 * table.sigma * neutrons, rtol=1e-12)


def test_figure_2_shows_the_fluxes_of_the_data(drawn):
    flux = dk.T2K["FHC"].flux
    own = curve(drawn[2], "flux", "ND280")
    np.testing.assert_array_equal(np.append(own.x, own.x_high.iloc[-1]), flux.edges)
    np.testing.assert_array_equal(own.y, flux.density)
    table, own = datasets.read("flux/miniboone_fhc"), curve(drawn[2], "flux", "MiniBooNE")
    for column, expected in (("x", table.e_low), ("x_high", table.e_high), ("y", table.numu)):
        np.testing.assert_array_equal(own[column], expected)


@pytest.mark.parametrize("ctau", [None, 0.1, 1.0, 10.0, 100.0])
def test_figure_3_adds_up_to_the_expected_events(drawn, samples, ctau):
    """In the whole detector, and in each module, whose walls are edges of bins. Without a lifetime, of all N."""
    own = curve(drawn[3], "rate along z", "produced" if ctau is None else f"detected, ctau = {ctau:g} cm")

    def expected(events):
        if ctau is None:
            return dk.Kernel(events).upscatterings(B, I.with_selection(cuts=None, efficiency=1.0)).total()
        return dk.Kernel(events).events_at_lifetime(B, ctau, I).total()

    parts = {"all": (expected(samples.at_B), np.ones(len(own), dtype=bool))}
    for module in dk.ND280.modules:
        (_, _, low), (_, _, high) = module.active.low, module.active.high
        inside = own.x.between(low - 1e-5, high - 1e-5).to_numpy()
        parts[module.name] = expected(samples.at_B[samples.at_B.module == module.name]), inside
    width = own.x_high - own.x
    for name, (expectation, inside) in parts.items():
        # Edges of bins are rounded to 1e-6 cm.
        assert (own.y * width)[inside].sum() == pytest.approx(expectation.mean, rel=1e-6), name
        assert ((own.y_error * width) ** 2)[inside].sum() == pytest.approx(expectation.variance, rel=1e-6), name


@pytest.mark.parametrize(("material", "nucleus"), [("lead", "Pb208"), ("argon", "Ar40")])
def test_figure_4_is_the_acceptance(drawn, samples, material, nucleus):
    sample, own = on(samples.at_B, nucleus), curve(drawn[4], "acceptance", material)
    for row in own.iloc[[0, 10, 40, 60, 70]].itertuples():
        share = decay_acceptance(sample, I, row.x)
        assert row.y == pytest.approx(share.mean, rel=1e-9)
        assert row.y_error == pytest.approx(share.error, rel=1e-9)
    ctau, limit = values_of(drawn[4], "acceptance", f"{material}, long lifetimes")
    far = 1e7
    np.testing.assert_allclose(limit * ctau, decay_acceptance(sample, I, far).mean * far, rtol=1e-4)


def test_figure_4_has_the_share_of_the_gas_that_is_fiducial(drawn):
    chambers = [dk.ND280[name] for name in ("TPC1", "TPC2", "TPC3")]
    fiducial, active = (
        sum(np.prod(np.subtract(box.high, box.low)) for box in boxes)
        for boxes in ([c.fiducial for c in chambers], [c.active for c in chambers])
    )
    assert curve(drawn[4], "acceptance", "fiducial / active").y.tolist() == pytest.approx([fiducial / active] * 2)


CUT_OF = {
    "energy": ("min_energy", 1),
    "mass": ("max_mass", -1),
    "t": ("max_t", -1),
    "cos_opening": ("min_cos_opening", 1),
    "cos_beam": ("min_cos_beam", 1),
}
"""The cut of Eq. (15) on each variable of Fig. 5, and whether it keeps what is above or below."""


def one_cut(variable, value):
    return dataclasses.replace(NO_CUTS, **{CUT_OF[variable][0]: value})


@pytest.mark.parametrize("variable", CUT_OF)
@pytest.mark.parametrize("name", ["light, A", "heavy, B", "B, decays in a chamber", "standard, in flight"])
def test_shares_of_figure_5_are_the_efficiencies_of_single_cuts(drawn, samples, name, variable):
    """What lies between two edges of bins is what a cut at one keeps beyond what a cut at the other does."""
    own = curve(drawn[5], variable, name)
    sign = CUT_OF[variable][1]

    def kept(cuts):
        if name == "standard, in flight":
            pairs = samples.standard
            return Share.of(cuts.passes(dk.observables(pairs)), pairs.weight).mean
        sample = samples.at_A if name == "light, A" else samples.at_B
        ctau = float(B.proper_decay_length()) if name == "B, decays in a chamber" else None
        return selection_efficiency(sample, I.with_selection(cuts=cuts), ctau).mean

    edges = [1, len(own) // 4, len(own) // 2, 3 * len(own) // 4, len(own) - 1]
    beyond = [kept(one_cut(variable, own.x.iloc[edge])) for edge in edges]
    between = [own.y.iloc[low:high].sum() for low, high in itertools.pairwise(edges)]
    np.testing.assert_allclose(between, -sign * np.diff(beyond), rtol=1e-9, atol=1e-12)
    assert sum(between) > 0.02


def test_areas_and_errors_of_figure_5_are_those_of_shares(drawn, samples):
    """Areas are the share of pairs inside the axes; every pair has a mass below m_N and an opening angle."""
    weights = {
        "light, A": (samples.at_A, dk.produced_weight(samples.at_A, A, I)),
        "heavy, B": (samples.at_B, dk.produced_weight(samples.at_B, B, I)),
        "standard, in flight": (samples.standard, samples.standard.weight),
    }
    for name, (sample, weight) in weights.items():
        observed = dk.observables(sample)
        for variable in CUT_OF:
            own, values = curve(drawn[5], variable, name), getattr(observed, variable)
            low, high = own.x.min(), own.x_high.max()
            assert own.y.sum() == pytest.approx(Share.of((values >= low) & (values <= high), weight).mean)
            for row in own.iloc[[20, 49]].itertuples():
                if row.y > 0:
                    share = Share.of((values >= row.x) & (values < row.x_high), weight)
                    assert row.y_error == pytest.approx(share.error, rel=1e-9)
        assert curve(drawn[5], "cos_opening", name).y.sum() == pytest.approx(1)


@pytest.mark.parametrize("beam", ["FHC", "RHC"])
def test_figure_6_has_the_data_and_the_signal_of_the_package(drawn, samples, beam):
    for analysis in (I, II):
        bins, panel = analysis.bins_of(beam), f"{analysis.name} {beam}"
        expected = dk.Kernel(samples.at_A).events(LOUD, analysis)
        signal, background = (curve(drawn[6], panel, n) for n in ("signal, reconstructed", "SM expectation"))
        np.testing.assert_allclose(signal.y, expected.mean[bins], rtol=1e-12)
        np.testing.assert_allclose(signal.y_error, expected.error[bins], rtol=1e-12)
        np.testing.assert_array_equal(background.y, analysis.background[bins])
        np.testing.assert_allclose(background.y_error, (analysis.background * analysis.systematic)[bins], rtol=1e-12)
    assert A.replace(epsilon=2.5e-3) == LOUD
    data = curve(drawn[6], panel, "data")
    np.testing.assert_array_equal(data.y, II.observed[bins])
    np.testing.assert_array_equal(data.y_error, np.sqrt(II.observed[bins]))
    (limit,) = curve(drawn[6], f"{I.name} {beam}", "data, 68 % upper limit").y
    assert np.exp(-limit) == pytest.approx(1 - 0.68, rel=1e-6)


@pytest.mark.parametrize("beam", ["FHC", "RHC"])
def test_figure_6_smears_the_true_mass_by_the_kernel_of_the_paper(drawn, samples, beam):
    events = samples.around_A
    weight = dk.detected_weight(events, LOUD, II.with_selection(response=None), PROGRAM_SMOOTHING)
    weight = np.where(events.beam == beam, weight, 0.0)
    own = curve(drawn[6], f"{II.name} {beam}", "signal, true mass (kernel)")
    mass = 1e3 * dk.observables(events).mass
    edges = np.append(own.x, np.inf)  # the last bin has all masses beyond
    expected, squares = (np.histogram(mass, edges, weights=w)[0] for w in (weight, weight**2))
    np.testing.assert_allclose(own.y, expected, rtol=1e-9, atol=1e-12 * weight.sum())
    np.testing.assert_allclose(own.y_error**2, squares, rtol=1e-9, atol=1e-12 * (weight**2).sum())


def test_zero_is_observed_at_the_upper_limit_as_often_as_said():
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
        for line in own:  # 0.1 of width and ±0.06 over the kernel; 0.01 is three times the error of the mean
            assert np.average(line.x, weights=line.y) == pytest.approx(0.2 + 0.6 * at, abs=0.01)


def test_the_product_of_the_weights_of_figure_8_is_the_expectation(samples):
    for events, point, analysis in ((samples.heavy, B, I), (samples.light, A, II)):
        wide = dk.Smoothing((0.6, 1.0))
        products = weights_in_turn(events, point, analysis, wide)
        expected = dk.Kernel(events, wide).events(point, analysis).in_channels(analysis).mean[0]
        assert products["lifetime"].sum() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("name", "point", "analysis"), [("B", B, I), ("A", A, II)])
def test_sums_of_figure_8_are_expectations_of_its_first_channel(drawn, samples, name, point, analysis):
    events = samples.heavy if name == "B" else samples.light
    channel = dk.Analysis("first", analysis.channels[:1])
    bare = channel.with_selection(cuts=None, vertex_modules=(), efficiency=1.0, response=None)
    for step, expectation in (
        ("masses", dk.Kernel(events).upscatterings(point, bare)),
        ("selection", dk.Kernel(events).upscatterings(point, channel)),
        ("lifetime", dk.Kernel(events).events(point, channel)),
    ):
        total, (own,) = expectation.total(), curve(drawn[8], name, f"sum after {step}").itertuples()
        assert own.y == pytest.approx(total.mean, rel=1e-9)
        (effective,) = curve(drawn[8], name, f"effective events after {step}").y
        assert effective == pytest.approx((own.y / own.y_error) ** 2, rel=1e-9)
        assert own.y_error == pytest.approx(total.error, rel=1e-9)


# --- Limits: each edge is where the likelihood has fallen by the threshold ---

WITHIN = 0.01
"""Edges of exclusion are right to 1 % of the coupling: between the 121 couplings of a plane, 0.15 or 0.12 apart in
their logarithms, ln(rate) is taken as linear; its curvature, of order one, leaves 0.15² / 8 = 0.003."""

LIMITS = {
    9: {
        "Analysis I": ("table", I),
        "4 × 10²¹ POT": ("table", dk.project(I)),
        "16 × 10²¹ POT, upgrade, argon": ("upgrade", dk.project(I, detector=dk.ND280_UPGRADE)),
    },
    10: {
        "Analyses I and II": ("table", I + II),
        "4 × 10²¹ POT": ("table", dk.project(I) + dk.project(II)),
    },
    14: {
        "all": ("table", I),
        "produced in the P∅D": ("P0D", I),
        "produced in argon": ("argon", I),
    },
    15: {
        "both": ("table", I + II),
        "Analysis I, argon": ("table", I),
        "Analysis II, FGD1": ("table", II),
    },
}
"""What predicts each curve, and its analysis, by figure."""


def estimator(samples, name):
    table = dk.load_table()
    if name == "upgrade":
        return dk.Transport(samples.heavy_upgrade)
    return {"table": table, "argon": table.up_to("argon"), "P0D": FromP0D(table)}[name]


@pytest.mark.parametrize("kind", ["mixing", "kinetic"])
@pytest.mark.parametrize(("number", "label"), [(n, label) for n, lines in LIMITS.items() for label in lines])
def test_edges_of_exclusion_are_where_the_likelihood_falls_by_the_threshold(
    drawn, samples, planes, number, label, kind
):
    """A little on one side of each edge the point is excluded, a little on the other side it is not.

    Where two edges nearly close a gap the likelihood is flat between them: there its fall has the right value.
    """
    name, analysis = LIMITS[number][label]
    plane, predicts = planes["heavy" if number in (9, 14) else "light", kind], estimator(samples, name)
    mass, coupling = plane.axes
    x, y = values_of(drawn[number], " against ".join(plotting.axis_label(n) for n in (coupling, mass)), label)
    # Curves are interpolated along one axis or the other: here along the couplings, at the masses of the plane.
    masses, couplings = plane.axes.values()
    crosses = np.isclose(x[:, None], masses, rtol=1e-9).any(axis=1)
    crosses &= ~np.isclose(y[:, None], couplings, rtol=1e-9).any(axis=1)
    assert crosses.sum() >= 2
    # Files have fewer digits than the grid: at its own masses.
    x, y = masses[np.abs(masses - x[crosses, None]).argmin(axis=1)], y[crosses]
    around = plane.at(x, y * np.exp([[-WITHIN], [0.0], [WITHIN]]))
    found = dk.scan(predicts, plane, analysis)
    best = max(found.log_likelihood.max(), found.no_signal)
    fall = best - dk.log_likelihood(predicts.events(around, analysis), analysis)
    beyond = fall - np.log(10)  # half the 90 % quantile of χ² with two parameters
    flat = np.abs(beyond[2] - beyond[0]) < WITHIN
    # Elsewhere a hundredth of the coupling changes the fall by 0.04.
    assert np.where(flat, np.abs(beyond[1]) < WITHIN, beyond[0] * beyond[2] < 0).all()


@pytest.mark.parametrize("finer", [1, 2])
def test_the_gap_of_figure_9_is_one_region_however_fine_the_grid_in_the_mass(finer):
    """It ends at the same mass within its uncertainty, 0.05 GeV by the errors of the table."""
    plane = limits.PLANES["heavy", "kinetic"]
    masses, couplings = plane.axes.values()
    masses = np.geomspace(masses[0], masses[-1], finer * (len(masses) - 1) + 1)
    along = along_gap(dk.Slice(plane.at, m_Zprime=masses, epsilon=couplings))
    (edge,) = dk.scan(dk.load_table(), along, I).exclusion()
    mass, ratio = edge.T
    (tip,) = np.flatnonzero((mass[1:-1] > mass[:-2]) & (mass[1:-1] > mass[2:]) & (mass[1:-1] < 2)) + 1
    assert mass[tip] == pytest.approx(0.78, abs=0.05)
    assert 0.01 < ratio[tip] * mass[tip] ** 2 < 0.03


@pytest.mark.parametrize("kind", ["mixing", "kinetic"])
@pytest.mark.parametrize(
    ("number", "label"), [(n, label) for n, lines in LIMITS.items() for label in lines if "POT" not in label]
)
def test_dedicated_samples_agree_with_the_table_where_they_have_their_limits(drawn, samples, number, label, kind):
    """Each cross is a point at which the table expects as many events as the dedicated sample, within the errors."""
    mediator = "heavy" if number in (9, 14) else "light"
    plane, (name, analysis) = limits.PLANES[mediator, kind], LIMITS[number][label]
    panel = " against ".join(plotting.axis_label(n) for n in list(plane.axes)[::-1])
    checks = curve(drawn[number], panel, f"{label}, dedicated samples")
    assert len(checks) >= 2
    modules = {"P0D": "P0D", "argon": "TPC"}.get(name, "")
    for check in checks.itertuples():
        point = plane.at(check.x, check.y)
        events = samples.at(point)
        events = events[np.char.startswith(events.module, modules)]
        own, table = (one.events(point, analysis).total() for one in (dk.Kernel(events), estimator(samples, name)))
        # 1 %: errors that the total of the bins of a table has in common are not in the sum of their squares.
        assert abs(own.mean - table.mean) < 4 * np.hypot(own.error, table.error) + 0.01 * own.mean, check
        assert check.y_error > 0


@pytest.mark.parametrize("kind", ["mixing", "kinetic"])
@pytest.mark.parametrize("number", [9, 10, 14, 15])
def test_crosses_are_where_the_likelihood_of_dedicated_samples_falls_by_the_threshold(drawn, samples, number, kind):
    mediator = "heavy" if number in (9, 14) else "light"
    plane, label = limits.PLANES[mediator, kind], next(iter(LIMITS[number]))
    _, analysis = LIMITS[number][label]
    panel = " against ".join(plotting.axis_label(n) for n in list(plane.axes)[::-1])
    x, y = values_of(drawn[number], panel, f"{label}, dedicated samples")
    for mass, coupling in zip(x, y, strict=True):
        values = list(plane.axes.values())[1]
        own = dk.Kernel(samples.at(plane.at(mass, coupling)))
        found = dk.scan(own, dk.Slice(lambda c, m=mass: plane.at(m, c), c=values[::10]), analysis)
        around = own.events(plane.at(mass, coupling * np.exp([-1e-4, 1e-4])), analysis)
        fall = max(found.log_likelihood.max(), found.no_signal) - dk.log_likelihood(around, analysis)
        assert (fall[0] > np.log(10)) != (fall[1] > np.log(10))


def test_what_the_table_cannot_tell_from_none_in_the_p0d_is_none():
    table, points = dk.load_table(), B.replace(m_N=[0.1, 0.3])
    own, whole = FromP0D(table).events(points, I), table.events(points, I)
    before = table.up_to("scintillator").events(points, I)
    np.testing.assert_allclose(own.mean[0], whole.mean[0] - before.mean[0], rtol=1e-12)
    assert (own.mean[1] == 0).all()
    np.testing.assert_allclose(own.error**2, whole.error**2 + before.error**2, rtol=1e-12)


def test_events_of_figure_11_are_those_at_each_lifetime(drawn):
    own = curve(drawn[11], "events against lifetime", "Analysis I")
    expected = dk.load_table().events_at_lifetime(B, own.x.to_numpy(), I)
    np.testing.assert_allclose(own.y, expected.total().mean, rtol=1e-12)
    square = expected.error**2 + (I.systematic * expected.mean) ** 2  # Eq. (30) without background
    np.testing.assert_allclose(own.y_error**2, square.sum(axis=-1), rtol=1e-12)


def test_dedicated_samples_agree_with_the_events_of_figure_11(drawn):
    own = curve(drawn[11], "events against lifetime", "Analysis I, dedicated samples")
    table = dk.load_table().events_at_lifetime(B, own.x.to_numpy(), I).total()
    assert len(own) == 10
    assert (np.abs(own.y - table.mean) < 4 * np.hypot(own.y_error, table.error)).all()


def falls(m_N, rate, ctau):
    """By how much ln L lies below that of no signal, for so many upscatterings and a proper decay length in cm."""
    point, table = B.replace(m_N=m_N), dk.load_table()
    nothing = dk.Expectation(np.zeros(2), np.zeros(2))
    factor = (rate / table.upscatterings(point, I).total().mean)[:, None]
    one = table.events_at_lifetime(point, ctau, I)
    scaled = dk.Expectation(factor * one.mean, factor**2 * one.variance)
    return dk.log_likelihood(nothing, I) - dk.log_likelihood(scaled, I)


@pytest.mark.parametrize("m_N", LIFETIME_MASSES)
def test_lifetimes_of_figure_11_are_where_the_likelihood_falls_by_the_threshold(drawn, m_N):
    name = f"$m_N$ = {1e3 * m_N:g} MeV"
    for panel, label in (
        ("excluded lifetimes", f"{name}, shortest"),
        ("excluded lifetimes", f"{name}, longest"),
        ("shortest lifetimes", name),
    ):
        rate, ctau = values_of(drawn[11], panel, label)
        assert len(rate) > 10
        prompt, rate, ctau = rate[ctau == 0], rate[ctau > 0], ctau[ctau > 0]
        if prompt.size:  # prompt decays are excluded, too
            assert (falls(m_N, prompt, np.full(prompt.size, 1e-4)) > np.log(10)).all()
        assert len(rate) > 5
        # The spline between lifetimes is right to 1e-4 of the rate, of which the fall is nearly a multiple.
        np.testing.assert_allclose(falls(m_N, rate, ctau), np.log(10), rtol=1e-3)
        inside = ctau * (0.99 if label.endswith("longest") else 1.01)
        assert (falls(m_N, rate, inside) > np.log(10)).all(), label
        for missing in (
            np.setdiff1d(EVENT_RATES, np.append(rate, prompt))[[0, -1]] if panel == "shortest lifetimes" else ()
        ):
            all_ctau = np.geomspace(1e-4, 1e9, 200)
            excluded = falls(m_N, np.full(200, missing), all_ctau) > np.log(10)
            assert not (excluded[1:] & ~excluded[:-1]).any()  # none at all, or from the shortest on


@pytest.mark.parametrize("m_N", LIFETIME_MASSES)
def test_dedicated_samples_agree_with_the_lifetimes_of_figure_11(drawn, samples, m_N):
    """Where they have an end of what is excluded, the table has it within the error of their rate."""
    name, point = f"$m_N$ = {1e3 * m_N:g} MeV", B.replace(m_N=m_N)
    for end in ("shortest", "longest"):
        rates, own = values_of(drawn[11], "excluded lifetimes", f"{name}, {end}, dedicated samples")
        rates, own = rates[own > 0], own[own > 0]
        assert len(rates) >= 2
        one = dk.Kernel(samples.at(point)).events_at_lifetime(point, own, I).total()
        # The fall is nearly a multiple of the rate; 3 % for the error of the table and of what is selected.
        assert (np.abs(falls(m_N, rates, own) / np.log(10) - 1) < 4 * one.error / one.mean + 0.03).all()


@pytest.mark.parametrize("m_N", LIFETIME_MASSES)
def test_fits_of_figure_11_are_eq_E1_with_the_smallest_squares(drawn, m_N):
    name = f"$m_N$ = {1e3 * m_N:g} MeV"
    rate, shortest = values_of(drawn[11], "shortest lifetimes", name)
    rates_of_fit, fitted = values_of(drawn[11], "shortest lifetimes", f"{name}, fit")
    bound = fit_lifetime_bound(rate, shortest)
    np.testing.assert_allclose(fitted, bound(rates_of_fit), rtol=1e-9)

    def squares(alpha, beta):
        return (np.log(shortest * (np.log10(rate) - beta) / alpha) ** 2).sum()

    best = squares(bound.alpha, bound.beta)
    for alpha, beta in ((1.01, 1.0), (0.99, 1.0), (1.0, 1.01), (1.0, 0.99)):
        assert squares(alpha * bound.alpha, beta * bound.beta) > best
    alpha, beta = limits.PAPER_FITS[m_N]
    rates, paper = values_of(drawn[11], "shortest lifetimes", f"{name}, fit of the paper")
    np.testing.assert_allclose(paper, alpha / (np.log10(rates) - beta), rtol=1e-12)
    assert len(rates) == (np.log10(EVENT_RATES) > beta).sum()


# --- Dots and maps ---


@pytest.mark.parametrize(("panel", "weight_of"), [("selected", dk.selected_weight), ("detected", dk.detected_weight)])
def test_dots_of_figure_12_are_as_many_as_the_weights_say(drawn, samples, panel, weight_of):
    """Shares of nuclei and modules, and the mean of z, within four binomial errors of 2500 draws."""
    events, dots = samples.at_B, drawn[12].curves.query(f"panel == {panel!r}")
    assert len(dots) == 2500
    weight = weight_of(events, B, I)
    share = weight / weight.sum()
    lead, argon = (events.target == dk.NUCLEI[nucleus].pdg_code for nucleus in ("Pb208", "Ar40"))
    of_dots = {name: (dots.curve == name).to_numpy() for name in ("lead", "argon", "other nuclei")}
    of_events = {"lead": lead, "argon": argon, "other nuclei": ~lead & ~argon}
    for module in dk.ND280.modules:
        low, high = module.active.low[2], module.active.high[2]
        of_dots[module.name] = dots.x.between(low, high).to_numpy()
        of_events[module.name] = (events.vertex[:, 2] >= low) & (events.vertex[:, 2] <= high)
    for name, chosen in of_events.items():
        p = share[chosen].sum()
        assert abs(of_dots[name].mean() - p) <= 4 * np.sqrt(p * (1 - p) / 2500) + 1e-12, name
    for found, values in ((dots.x, events.vertex[:, 2]), (dots.y, events.vertex[:, 0])):
        mean = share @ values
        assert abs(found.mean() - mean) < 4 * np.sqrt(share @ (values - mean) ** 2 / 2500)


def test_dots_of_figure_12_are_vertices_on_their_nucleus(drawn, samples):
    events, dots = samples.at_B, drawn[12].curves
    for name, nucleus in (("lead", "Pb208"), ("argon", "Ar40")):
        z, _, x = on(events, nucleus).vertex.T[[2, 1, 0]]
        own = dots[dots.curve == name]
        assert len(own) > 100
        assert {*zip(own.x, own.y, strict=True)} <= {*zip(z, x, strict=True)}


@pytest.mark.parametrize(
    ("panel", "nucleus"),
    [
        ("all N produced", None),
        ("decays in a chamber", None),
        ("produced in lead", "Pb208"),
        ("produced in carbon", "C12"),
    ],
)
def test_figure_13_is_the_share_of_the_weights_that_pass(drawn, more_samples, panel, nucleus):
    """Also for which points: those with more than fifty effective events."""
    own = curve(drawn[13], panel, "efficiency").set_index(["x", "y"])

    assert len(own) >= 5
    everything = {name: getattr(more_samples, name) for name in ("heavy", "light")}
    of = everything if nucleus is None else {name: on(events, nucleus) for name, events in everything.items()}
    passes = {name: dk.Cuts().passes(dk.observables(events)) for name, events in of.items()}
    for m_N, m_Zprime in itertools.product(*MASSES_OF_MAP):
        name, point = ("light", A) if m_Zprime < m_N else ("heavy", B)
        point = point.replace(m_N=m_N, m_Zprime=m_Zprime)
        weight = dk.produced_weight(of[name], point, I)
        if panel == "decays in a chamber":
            flights = point.proper_decay_length(), m_N
            flight = {"ctau_Zprime": point.mediator_decay_length(), "m_Zprime": m_Zprime}
            weight *= dk.lifetime_weight(of[name], *flights, **flight, modules=I.selection.decay_modules)
        share = Share.of(passes[name], weight) if weight.any() else None
        if share is None or share.n_effective <= 50:
            assert (m_N, m_Zprime) not in own.index
        else:
            assert own.z[m_N, m_Zprime] == pytest.approx(share.mean, rel=1e-9)
            assert own.z_error[m_N, m_Zprime] == pytest.approx(share.error, rel=1e-9)


def test_figure_13_agrees_with_events_transported_to_each_point(drawn, more_samples):
    """Which no kernel bends: within four errors of either."""
    pulls = []
    for row in curve(drawn[13], "all N produced", "efficiency").itertuples():
        name, point = ("light", A) if row.y < row.x else ("heavy", B)
        at_point = dk.transport(getattr(more_samples, name), point.replace(m_N=row.x, m_Zprime=row.y))
        share = selection_efficiency(at_point, I)
        pulls.append((row.z - share.mean) / np.hypot(row.z_error, share.error))
    assert len(pulls) >= 10
    assert np.abs(pulls).max() < 4


# --- Samples and curves ---


def test_samples_are_made_once_and_only_when_asked_for(monkeypatch):
    made = []
    simulate = dk.simulate
    monkeypatch.setattr("paper.figures.frame.simulate", lambda *a, **k: made.append(a[0]) or simulate(*a, **k))
    samples = Samples(100, seed=1)
    assert made == []
    assert samples.at_B is samples.at_B
    assert made == [dk.SamplingRange.at(0.1, 1.25)]


def test_given_samples_take_the_place_of_simulated_ones(samples, tmp_path):
    path = dk.write_events(samples.heavy, tmp_path / "heavy.parquet")
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
    bare = dk.write_events(dk.generate(dk.HEAVY, 100, seed=1), tmp_path / "bare.parquet")
    with pytest.raises(ValueError, match="heavy sample holds events without vertices"):
        _ = Samples(given={"heavy": bare}).heavy


def test_curves_leave_out_what_has_no_value():
    curves = Curves()
    curves.line("p", "c", [1, 2, 3], [1.0, np.nan, 2.0])
    table = curves.table()
    assert table.columns.tolist() == ["panel", "curve", "x", "y"]
    assert table.x.tolist() == [1, 3]
    assert PaperFigure(plt.figure(), Curves().table()).curves.empty


def test_a_dedicated_sample_is_simulated_once_for_a_pair_of_masses(monkeypatch):
    monkeypatch.setattr(frame, "DEDICATED", 256)
    samples = Samples(seed=1)
    one = samples.at(A.replace(m_Zprime=0.02))
    assert samples.at(A.replace(m_Zprime=0.02, epsilon=1e-5)) is one
    assert one.origin.sampling.m_Zprime == (0.02, 0.02)

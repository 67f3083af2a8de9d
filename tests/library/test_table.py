"""A table of all rates answers as dedicated samples do, by numpy alone."""

import copy
import dataclasses
import pickle
import subprocess
import sys
import zlib

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.method.table import Table, _unpacked
from darkpkg.method.table_fields import _ERRORS, packed, smoothed, third_differences
from darkpkg.method.table_flights import FLIGHTS, FlightSums, flight_kernel, flights
from darkpkg.method.table_grid import Axis, Grid, prefiltered
from darkpkg.method.table_nodes import LIFETIMES

A, B = dk.BENCHMARK_A, dk.BENCHMARK_B


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A coarse table around both benchmarks; identities need no accuracy."""
    grids = [Grid(mediator, 5, 5, m_N=(0.09, 0.11)) for mediator in ("heavy", "light")]
    path = tmp_path_factory.mktemp("table") / "small.npz"
    experiment = dk.T2K.replace(analyses={"I": dk.ANALYSIS_I})
    parts = Table.T2K_PARTS
    return dk.build_table(experiment, path, parts=parts, n_events=4096, turns=1, grids=grids), path


@pytest.mark.parametrize("degree", [1, 3])
def test_splines_reproduce_polynomials_of_their_degree(degree):
    axis = Axis(-1.0, 3.0, 9, degree)
    x = np.linspace(-1, 3, 50)
    coefficients = prefiltered(axis.nodes**3, 0) if degree == 3 else axis.nodes
    index, weight = axis.weights(x)
    np.testing.assert_allclose((coefficients[index] * weight).sum(axis=1), x**degree, atol=1e-12)


@pytest.mark.parametrize("finest", [0.0, 0.05])
def test_packed_numbers_are_right_to_half_a_step(finest):
    values = np.random.default_rng(1).normal(size=(3, 7, 5)).cumsum(axis=1)
    delta, scale = packed(values, finest)
    assert delta.dtype == np.int16
    assert np.all(np.array(scale)[:, 1] >= finest)
    steps = np.array(scale)[:, 1, None, None]
    assert np.all(np.abs(_unpacked(delta, scale) - values) <= 0.5001 * steps)


def test_decays_of_what_is_produced_along_a_line_agree_with_their_integral():
    """Stretches before, around and within the chamber; the closed integral against points along each."""
    near, far = np.array([30.0, 5.0, 0.0, 0.0]), np.array([80.0, 60.0, 50.0, 7.0])
    length, p = np.array([10.0, 20.0, 50.0, 11.0]), np.array([0.5, 1.0, 2.0, 0.3])
    weight = np.array([[1.0, 2.0], [3.0, 1.0], [1.0, 1.0], [2.0, 0.5]])
    L = np.geomspace(0.1, 1e5, 9)
    sums = FlightSums(np.append(0.0, np.geomspace(1e-4, 1e5, 721)), (4, 1), 2)
    ends = {"entry": near[:, None], "exit": far[:, None]}
    sums.add((np.arange(4), np.zeros(4, dtype=int)), ends, length, p, weight)
    at = (np.arange(20_000) + 0.5) / 20_000 * length[:, None]  # exact to 1e-8 of the length
    reach = (p[:, None] * L)[..., None]
    ends = (np.exp(-np.maximum(end[:, None] - at, 0.0)[:, None] / reach) for end in (near, far))
    chance = -np.diff(np.stack(list(ends)), axis=0)[0].mean(axis=-1) * length[:, None]
    # Distances are shared out between times that are 3 % apart: second order, up to (t/L)².
    np.testing.assert_allclose(sums.rates(L)[:, 0], weight[..., None] * chance[:, None], rtol=5e-3, atol=1e-4)


def test_third_differences_vanish_for_quadratics_at_uneven_places():
    x = np.geomspace(1, 5, 9)
    rows = third_differences(x)
    np.testing.assert_allclose(rows @ np.stack([x**0, x, x**2], axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(np.abs(third_differences(np.arange(4.0))), [[1, 3, 3, 1]])


def test_smoothing_leaves_a_smooth_surface_and_takes_noise_away():
    x, y = np.meshgrid(np.linspace(0, 1, 41), np.linspace(0, 1, 11), indexing="ij")
    truth = np.stack([np.sin(3 * x) * np.exp(y), x**2 - y, np.cos(x + 2 * y)], axis=-1)
    sigma = 0.01 * (1 + 3 * x)[..., None]
    noisy = truth + sigma * np.random.default_rng(1).normal(size=truth.shape)
    u = np.linspace(0, 1, 41)
    smooth, squared = smoothed(noisy, np.broadcast_to(sigma**2, truth.shape), u)
    before, after = (((values - truth) / sigma).std() for values in (noisy, smooth))
    assert after < 0.5 * before
    assert after**2 == pytest.approx((squared / sigma**2).mean(), rel=0.5)  # few surfaces
    exact, _ = smoothed(truth, np.broadcast_to(sigma**2, truth.shape), u)
    np.testing.assert_allclose(exact, truth, atol=1e-4)


def test_the_error_of_a_smoothed_surface_contains_what_smoothing_takes_away():
    """A bump as wide as three nodes, in one of two quantities that are smoothed alike elsewhere."""
    x, y = np.meshgrid(np.arange(41.0), np.arange(11.0), indexing="ij")
    bump = np.exp(-(((x - 20) / 1.5) ** 2) - ((y - 5) / 1.5) ** 2)
    truth, sigma = np.stack([0.1 * x + 0.05 * bump, 0.1 * y], axis=-1), 0.02
    noisy = truth + sigma * np.random.default_rng(2).normal(size=truth.shape)
    smooth, squared = smoothed(noisy, np.full(truth.shape, sigma**2), np.linspace(0, 1, 41))
    missed = (smooth - truth)[14:27, :, 0] ** 2
    assert missed.mean() > 2 * ((smooth - truth)[14:27, :, 1] ** 2).mean()
    # Means over neighbours leave the sum as it is; residuals and their mean have the same noise of some twenty nodes.
    assert squared[14:27, :, 0].mean() == pytest.approx(missed.mean(), rel=0.6)
    assert squared[14:27, :, 1].mean() < squared[14:27, :, 0].mean()


@pytest.mark.parametrize("momentum", [1e-3, 0.02, 1.0, 20.0])
def test_flights_of_the_mediator_have_their_distribution_at_any_momentum(momentum):
    """∫ dy exp(−y/L)/L exp(−y p/λ) = 1/(1 + L p/λ), with λ of half a metre in a detector of seven."""
    uniform, steps, distance = (np.arange(960) + 0.5) / 960, 27, 50.0
    kernel = flight_kernel(True, steps)
    found = sum(
        (kernel[row] * np.exp(-flown * momentum / distance)[:, None]).mean(axis=0)
        for row, flown in flights(uniform, np.full(960, momentum), True, steps)
    )
    L = np.exp(FLIGHTS.nodes)
    assert found[0] == 1.0
    # A flight of less than a twentieth of a centimetre counts as none: a share of 0.05/λ where no flight is longer.
    np.testing.assert_allclose(found[1:], 1 / (1 + L * momentum / distance), rtol=3e-3)


@pytest.mark.parametrize("mediator", ["heavy", "light"])
def test_nodes_stand_where_the_grid_says(mediator):
    grid = Grid(mediator, 7, 5)
    for i, j in [(0, 0), (3, 2), (6, 4), (6, 0)]:
        m_N, m_Zprime = grid.masses(i, j)
        u, v = grid.position(np.array([m_N]), np.array([m_Zprime]))
        # A light dark photon is lighter than N by 1e-5 at least.
        least = (np.log(1 - 1e-5) / np.log(grid.m_Zprime / m_N)) ** grid.power if mediator == "light" else 0.0
        expected = [grid.axes[0].nodes[i], max(grid.axes[1].nodes[j], least)]
        np.testing.assert_allclose([u[0], v[0]], expected, atol=1e-4)


@pytest.mark.parametrize("point", [B, A], ids="BA")
def test_rates_scale_with_couplings_exposure_and_efficiency(small, point):
    table, ctau = small[0], point.proper_decay_length()
    before = table.events(point, dk.ANALYSIS_I)
    np.testing.assert_allclose(table.events_at_lifetime(point, ctau, dk.ANALYSIS_I).mean, before.mean, rtol=1e-12)
    mixed = point.replace(V_muN_sq=point.V_muN_sq / 7)
    after = table.events_at_lifetime(mixed, ctau, dk.ANALYSIS_I.with_selection(efficiency=0.3))
    np.testing.assert_allclose(after.mean, 3 / 7 * before.mean, rtol=1e-12)
    more = dk.project(dk.ANALYSIS_I, {"FHC": 2 * 12.34e20, "RHC": 3 * 6.29e20})
    np.testing.assert_allclose(table.events(point, more).mean, before.mean * [2, 3], rtol=1e-12)
    assert np.all(after.variance == 0)
    np.testing.assert_allclose(after.error / after.mean, before.error / before.mean, rtol=1e-9)


@pytest.mark.parametrize("point", [B, A], ids="BA")
def test_what_lives_long_decays_inside_as_one_over_its_lifetime(small, point):
    lengths = np.array([1e9, 1e10, 1e12])
    events = small[0].events_at_lifetime(point, lengths, dk.ANALYSIS_I).mean
    np.testing.assert_allclose(events * lengths[:, None], np.broadcast_to(events[0] * 1e9, events.shape), rtol=1e-9)
    forever = small[0].events_at_lifetime(point, np.inf, dk.ANALYSIS_I)
    assert np.all(forever.mean == 0)


@pytest.mark.parametrize("mediator", ["heavy", "light"])
def test_the_error_of_a_sum_over_beams_has_the_correlation_of_the_replicates_around_a_node(small, mediator):
    table, path = small
    (nodes,) = path.parent.glob("*.nodes")
    errors = _ERRORS[0].nodes
    at = 1 + LIFETIMES.nearest(_ERRORS[0])
    of_beams = np.empty((5, 5, 2, 2, len(errors)))
    for i, j in np.ndindex(5, 5):
        with np.load(nodes / f"I_{mediator}_{j}_{i}_0.npz") as file:
            of_beams[i, j] = file["relative"][-1, :, :, at, 0].transpose(1, 2, 0)
    correlation = of_beams[:, :, 0, 1] / np.sqrt(of_beams[:, :, 0, 0] * of_beams[:, :, 1, 1])
    expected = np.pad(correlation, ((1, 1), (1, 1), (0, 0)), mode="edge").mean(axis=(0, 1))

    m_N, m_Zprime = table._grids[mediator].masses(2, 2)
    # Any Z′ decays at once with so large a mixing, and the lifetime of N is given.
    point = B.replace(m_N=m_N, m_Zprime=m_Zprime, epsilon=1e6)
    found = table.events_at_lifetime(point, np.exp(errors) * m_N, dk.ANALYSIS_I)
    one, other = found.tabulation.T
    both = found.total().tabulation
    np.testing.assert_allclose((both - one - other) / (2 * np.sqrt(one * other)), expected, atol=0.1)
    assert np.abs(expected).max() > 0.3


def test_what_is_produced_where_it_decays_has_the_rate_of_all_decays_without_a_lifetime():
    """In FGD1: the shortest lifetime of the table still lets one or two in a thousand out, in proportion to it."""
    table, point = dk.load_table(), A.replace(m_N=0.9, m_Zprime=0.03, epsilon=1.0)  # no Z′ flies far
    start = np.exp(table.header["fields"]["light/II/rate"]["axes"][0]["start"]) * point.m_N
    ctau = start * np.array([1.0, 0.5, 0.1, 1e-9])
    every = table.upscatterings(point, dk.ANALYSIS_II).total().mean
    left = 1 - table.events_at_lifetime(point, ctau, dk.ANALYSIS_II).total().mean / every
    assert 5e-4 < left[0] < 5e-3
    np.testing.assert_allclose(left / left[0], [1.0, 0.5, 0.1, 0.0], atol=0.01)
    in_chambers = table.events_at_lifetime(B, [1e-7, 1e-9], dk.ANALYSIS_I).mean
    np.testing.assert_array_equal(in_chambers[0], in_chambers[1])


@pytest.mark.parametrize("point", [B, A], ids="BA")
def test_fewer_decay_inside_than_are_selected_and_more_from_more_parts(small, point):
    table, _ = small
    ctau = np.geomspace(1e-4, 1e5, 19)
    parts = [table.up_to(part).events_at_lifetime(point, ctau, dk.ANALYSIS_I).mean for part in Table.T2K_PARTS]
    # Splines overshoot by less than the error of a prediction.
    assert np.all(parts[0] <= parts[1] * 1.01)
    assert np.all(parts[1] <= parts[2] * 1.01)
    assert np.all(parts[2] <= table.upscatterings(point, dk.ANALYSIS_I).mean * 1.01)


def test_arrays_of_points_give_what_each_point_gives(small):
    points = B.replace(m_Zprime=np.array([0.05, 0.2, 1.25])[:, None], epsilon=np.array([1e-3, 1e-2]))
    together = small[0].events(points, dk.ANALYSIS_I)
    assert together.mean.shape == (3, 2, 2)
    alone = small[0].events(B.replace(m_Zprime=0.05, epsilon=1e-2), dk.ANALYSIS_I)
    np.testing.assert_allclose(together.mean[0, 1], alone.mean, rtol=1e-12)
    np.testing.assert_allclose(together.error[0, 1], alone.error, rtol=1e-12)


def test_small_flights_of_the_mediator_change_nothing(small):
    prompt = small[0].events(A.replace(decays="paper"), dk.ANALYSIS_I)
    ctau = A.replace(decays="paper").proper_decay_length()
    mixing = A.replace(epsilon=1e-2)  # flies a micrometre
    flown = small[0].events_at_lifetime(mixing, ctau, dk.ANALYSIS_I).mean / mixing.coupling
    np.testing.assert_allclose(flown, prompt.mean / A.coupling, rtol=2e-3)  # packing and components


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"m_N": 0.2}, "m_N = 0.2 GeV lies outside the table, 0.09 to 0.11 GeV"),
        ({"m_Zprime": 11.0}, "m_Zprime = 11 GeV lies outside the table, 0.1 to 10 GeV"),
        ({"m_Zprime": 0.0015}, "m_Zprime = 0.0015 GeV lies outside the table, 0.002 to 0.1 GeV"),
        ({"is_majorana": True}, "is_majorana must be False"),
        ({"V_eN_sq": 1e-6}, "V_eN_sq must be zero"),
    ],
)
def test_an_error_names_what_the_table_does_not_have(small, change, words):
    with pytest.raises(ValueError, match=words):
        small[0].events(B.replace(**change), dk.ANALYSIS_I)


def test_an_error_names_a_selection_that_the_table_does_not_have(small):
    with pytest.raises(ValueError, match="selection must be one of the table"):
        small[0].events(B, dk.ANALYSIS_I.with_selection(cuts=dk.Cuts(min_energy=0.2)))


def test_a_table_that_was_written_reads_as_the_same(small):
    table, path = small
    again = dk.load_table(path)
    assert again.header == table.header
    for point in (A, B):
        here, there = (one.events(point, dk.ANALYSIS_I).mean for one in (table, again))
        np.testing.assert_array_equal(here, there)


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, x=np.ones(3))
    with pytest.raises(ValueError, match="holds no table of rates"):
        dk.load_table(path)


@pytest.mark.parametrize("argument", ["executor", "progress"])
def test_an_argument_of_another_kind_is_refused_before_any_work(tmp_path, argument):
    with pytest.raises(TypeError, match=f"{argument} must"):
        dk.build_table(dk.T2K, tmp_path / "own.npz", folder=tmp_path / "nodes", **{argument: 3})
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_refused_before_any_work(tmp_path):
    for output, said in (("t.csv", r"must end in \.npz, got t\.csv"), ("no/t.npz", r"cannot write t\.npz")):
        with pytest.raises(ValueError, match=said):
            dk.build_table(dk.T2K, tmp_path / output)
    assert list(tmp_path.iterdir()) == []


COARSE = (Grid("heavy", 5, 5, m_N=(0.09, 0.11)),)
ARGON = ("TPC1", "TPC2", "TPC3")


def argon(path, channels, flux=1.0, **options):
    """A coarse table of the argon chambers, with a flux that is so many times larger."""
    beam = dk.Beam("FHC", {14: dk.Flux(dk.T2K["FHC"][14].edges, flux * dk.T2K["FHC"][14].density)})
    analyses = {"own": dk.Analysis("own", channels)}
    experiment = dk.Experiment("argon", (beam,), dk.ND280.only(ARGON), analyses)
    return dk.build_table(experiment, path, n_events=256, grids=COARSE, **options)


def test_channels_of_one_analysis_with_other_cuts_have_rates_of_their_own(tmp_path):
    """Nodes of both would have one name: the second channel would have the rates of the first."""
    loose = dk.Channel("loose", "FHC", 1e21, 1.0, 1.0, 0.1, dk.Selection(ARGON))
    tight = dataclasses.replace(loose, name="tight", selection=dk.Selection(ARGON, cuts=dk.Cuts(min_energy=0.8)))
    both = argon(tmp_path / "both.npz", (loose, tight)).events(B, dk.Analysis("own", (loose, tight))).mean
    for one, expected in zip((loose, tight), both, strict=True):
        alone = argon(tmp_path / f"{one.name}.npz", (one,)).events(B, dk.Analysis("own", (one,))).mean
        np.testing.assert_array_equal(alone, [expected])
    assert both[1] < 0.9 * both[0]


def test_a_table_of_another_flux_does_not_take_the_nodes_of_the_first(tmp_path):
    channels = (dk.Channel("loose", "FHC", 1e21, 1.0, 1.0, 0.1, dk.Selection(ARGON)),)
    analysis = dk.Analysis("own", channels)
    one, two = (argon(tmp_path / "t.npz", channels, flux).events(B, analysis).mean for flux in (1.0, 2.0))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-3)  # numbers of a table are stored to 1e-4
    argon(tmp_path / "u.npz", channels, folder=tmp_path / "nodes")
    with pytest.raises(ValueError, match="folder must hold nodes of the same arguments and sources"):
        argon(tmp_path / "u.npz", channels, 2.0, folder=tmp_path / "nodes")


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.99])
def test_a_table_that_was_cut_is_refused(kept, small, tmp_path):
    whole = small[1].read_bytes()
    path = tmp_path / "cut.npz"
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(ValueError, match=r"cut\.npz holds no table of rates"):
        dk.load_table(path)


@pytest.mark.parametrize("header", ["[]", "{}", '{"format": "darkpkg table 3"}', "{"])
def test_a_table_of_another_header_is_refused(header, tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, header=np.frombuffer(header.encode(), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"other\.npz holds no table of rates"):
        dk.load_table(path)
    with pytest.raises(TypeError, match="path must be of type str or PathLike or IOBase, got int 5"):
        dk.load_table(5)


@pytest.mark.parametrize("predicts", ["scan", "check", "limits", "likelihood"])
def test_without_an_estimator_the_shipped_table_predicts(predicts):
    table, line = dk.load_table(), dk.Slice(B, V_muN_sq=np.geomspace(1e-9, 1e-5, 9))

    def found(estimator):
        if predicts == "scan":
            scan = dk.scan(estimator, line, dk.ANALYSIS_I)
            assert "table of all rates of T2K" in scan.provenance["estimator"]
            return scan.log_likelihood
        if predicts == "check":
            return dk.check(estimator, B, dk.ANALYSIS_I).expectation.mean
        if predicts == "limits":
            return [one.low for one in dk.excluded_intervals(estimator, line, dk.ANALYSIS_I)]
        return dk.PointLikelihood(estimator, dk.ANALYSIS_I, B, {"m_N": (0.01, 0.5)}).of_vector([0.05])

    np.testing.assert_array_equal(found(None), found(table))


def test_the_error_of_a_table_is_no_variance_of_weights():
    exact = dk.Expectation(np.array([1.0, 2.0]), np.zeros(2))
    tabulated = dk.Expectation(np.array([1.0, 2.0]), np.zeros(2), tabulation=np.array([0.01, 0.04]))
    np.testing.assert_array_equal(tabulated.error, [0.1, 0.2])
    np.testing.assert_allclose(tabulated.total().error, np.hypot(0.1, 0.2))
    np.testing.assert_allclose(tabulated.n_effective, 100)
    assert dk.log_likelihood(tabulated, dk.ANALYSIS_I) == dk.log_likelihood(exact, dk.ANALYSIS_I)


def test_what_another_process_is_sent_is_as_small_as_the_file():
    table = dk.load_table()
    points = A.replace(m_Zprime=np.array([0.03, 1.0]))
    found = table.events(points, dk.ANALYSIS_I + dk.ANALYSIS_II)  # unpacks all fields
    sent = pickle.dumps(table)
    assert len(sent) < 2 * sum(one.nbytes for one in table.arrays.values())
    again = copy.copy(table).events(points, dk.ANALYSIS_I + dk.ANALYSIS_II)
    np.testing.assert_array_equal(again.mean, found.mean)


def _points(mediator, n):
    """Points of the table of this version, whose expectation is of the order of the limit."""
    rng = np.random.default_rng(zlib.crc32(dk.__version__.encode()))
    m_N = np.exp(rng.uniform(np.log(0.01), np.log(0.5), n))
    share = rng.uniform(0.05, 0.95, n)
    m_Zprime = m_N * (10 / m_N) ** (share**2) if mediator == "heavy" else m_N * (2e-3 / m_N) ** share
    benchmark = B if mediator == "heavy" else A
    return benchmark.replace(m_N=m_N, m_Zprime=m_Zprime), np.exp(rng.uniform(np.log(0.1), np.log(1e4), n))


@pytest.mark.parametrize("mediator", list(dk.load_table().header["grids"]))
def test_the_shipped_table_agrees_with_dedicated_samples(mediator):
    points, ctau = _points(mediator, 3)
    for i in range(3):
        point = points.replace(m_N=points.m_N[i], m_Zprime=points.m_Zprime[i])
        dedicated = dk.Transport(dk.simulate(point, 8192, 1)).events_at_lifetime(point, ctau[i], dk.ANALYSIS_I)
        table = dk.load_table().events_at_lifetime(point, ctau[i], dk.ANALYSIS_I)
        difference = dedicated.total().mean - table.total().mean
        # The spread of eight sequences gives the error to a quarter: five of them.
        assert abs(difference) < 5 * np.hypot(dedicated.total().error, table.total().error)


def test_an_answer_needs_numpy_alone():
    arguments = "check --m_N 0.1 --m_Zprime 1.25 --alpha_D 0.4 --epsilon 0.02145 --V_muN_sq 2.2e-7 --V_N_sq 1"
    code = f"""
import sys
from darkpkg import cli
try:
    cli.app({arguments.split()!r}, prog_name="darkpkg")
except SystemExit as end:
    assert not end.code, end.code
print(sorted({{"numba", "pandas", "pyarrow", "scipy.special", "vegas", "matplotlib"}} & {{*sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "EXCLUDED" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"

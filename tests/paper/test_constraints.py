"""Limits of other experiments: their numbers, their citations, and what they exclude."""

import numpy as np
import pytest
from notebook_references import ROOT
from scipy.integrate import quad

import darkpkg as dk
from darkpkg import datasets
from darkpkg.units import ALPHA_EM, ELECTRON_MASS, GeV, MeV
from paper.constraints.curves import PLANES, Constraint, constraints, read_limit, region_of_interest
from paper.constraints.sources import sources_table

CASES = [(plane, mediator) for plane in PLANES for mediator in ("heavy", "light")]
NEUTRINO, PHOTON = PLANES


def named(plane, mediator, name):
    """The limits of one name."""
    return [limit for limit in constraints(plane, mediator) if limit.name == name]


@pytest.mark.parametrize(("plane", "mediator"), CASES)
def test_every_limit_is_a_curve_that_a_page_can_cite(plane, mediator):
    bibliography = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    found = [*constraints(plane, mediator), *region_of_interest(plane, mediator)]
    assert found
    for limit in found:
        assert limit.references
        for key in limit.references:
            assert bibliography.count(f"{{{key},") == 1, key


@pytest.mark.parametrize(("plane", "mediator"), CASES)
def test_curves_run_along_the_mass_and_are_positive(plane, mediator):
    for limit in constraints(plane, mediator):
        assert len(limit.x) == len(limit.low) == len(limit.high) > 5
        assert (np.diff(limit.x) >= 0).all(), limit.name
        assert (limit.x > 0).all()
        assert (limit.low > 0).all()
        assert (limit.low <= limit.high).all(), limit.name
        assert np.isfinite(limit.high).all() or np.isinf(limit.high).all()


def test_the_electron_limit_is_one_shift_of_its_magnetic_moment():
    """δa = α ε²/2π ∫ 2z(1−z)² / ((1−z)² + z m²/m_e²) dz (Pospelov 2008): the same at each mass, to the reading."""
    (limit,) = named(PHOTON, "heavy", "(g−2)ₑ")

    def shift(mass, epsilon):
        ratio = (mass / ELECTRON_MASS) ** 2
        integral, _ = quad(lambda z: 2 * z * (1 - z) ** 2 / ((1 - z) ** 2 + z * ratio), 0, 1)
        return ALPHA_EM * epsilon**2 / (2 * np.pi) * integral

    shifts = np.array([shift(*point) for point in zip(limit.x, limit.low, strict=True)])
    assert shifts.mean() == pytest.approx(1.38e-12, rel=0.01)
    np.testing.assert_allclose(shifts, shifts.mean(), rtol=0.06)  # twice the reading error of 3 %: δa ∝ ε²


def test_a_limit_excludes_what_is_above_its_curve_and_nothing_beyond_its_ends():
    for limit in constraints(PHOTON, "heavy"):
        x, y = limit.x[1:-1], limit.low[1:-1]
        assert limit.excludes(x, 1.001 * y).all()
        assert not limit.excludes(x, 0.999 * y).any()
        assert not limit.excludes(limit.x[[0, -1]] * [0.99, 1.01], 1.0).any()


def test_a_beam_dump_excludes_no_coupling_so_large_that_nothing_arrives():
    (limit,) = named(PHOTON, "light", "E137")
    middle = len(limit.x) // 2
    x, low, high = limit.x[middle], limit.low[middle], limit.high[middle]
    assert limit.excludes(x, [low / 2, (low * high) ** 0.5, high * 2]).tolist() == [False, True, False]


def test_between_points_limits_follow_powers_of_the_mass():
    (limit,) = named(PHOTON, "heavy", "(g−2)ₑ")
    x, y = (np.sqrt(values[3] * values[4]) for values in (limit.x, limit.low))
    assert limit.excludes(x, 1.0001 * y)
    assert not limit.excludes(x, 0.9999 * y)


def test_visible_decays_limit_a_light_dark_photon_only():
    light, heavy = ({limit.name for limit in constraints(PHOTON, m)} for m in ("light", "heavy"))
    assert {"NA48/2", "E141", "NA64"} <= light
    assert {"EWPO", "DIS"} <= heavy
    assert not {"NA48/2", "E141", "A1"} & heavy
    assert all("Ilten:2018crw" in limit.references for limit in constraints(PHOTON, "light"))


def test_recasts_for_the_light_benchmark_do_not_limit_the_heavy_case():
    assert [limit.name for limit in constraints(NEUTRINO, "heavy")] == ["μ/π/K decays", "BEBC"]
    assert [limit.name for limit in constraints(NEUTRINO, "light")] == ["μ/π/K decays", "MINERνA", "CHARM-II"]


def test_benchmarks_lie_in_the_regions_that_they_stand_for():
    """B in both boxes, at the edge of the one in the mass of N; A within one sigma of the fit."""
    for plane, point in ((NEUTRINO, dk.BENCHMARK_B), (PHOTON, dk.BENCHMARK_B)):
        (box,) = region_of_interest(plane, "heavy")
        at = np.array([getattr(point, name) for name in plane])
        assert (box.outline.min(axis=0) <= at).all()
        assert (at <= box.outline.max(axis=0)).all()
        np.testing.assert_array_equal(box.outline[0], box.outline[-1])
    regions = {region.n_sigma: region.outline for region in region_of_interest(NEUTRINO, "light")}
    for outline in regions.values():
        low, high = np.split(outline[:-1], [np.argmax(np.diff(outline[:, 0]) < 0) + 1])
        edges = [
            np.interp(dk.BENCHMARK_A.m_N, *edge[np.argsort(edge[:, 0], kind="stable")].T) for edge in (low, high)
        ]
        assert edges[0] < dk.BENCHMARK_A.V_muN_sq < edges[1]


def test_the_fit_comes_widest_first_and_says_its_levels():
    regions = region_of_interest(NEUTRINO, "light")
    assert [region.n_sigma for region in regions] == [5, 3, 1]
    widths = [np.ptp(np.log(region.outline[:, 0])) for region in regions]
    assert widths == sorted(widths, reverse=True)
    assert region_of_interest(PHOTON, "light") == ()


@pytest.mark.parametrize("function", [constraints, region_of_interest])
def test_planes_and_mediators_without_limits_are_refused(function):
    with pytest.raises(ValueError, match=r"plane must be \(m_N, V_muN_sq\) or .*, got \(m_N, alpha_D\)"):
        function(("m_N", "alpha_D"), "heavy")
    with pytest.raises(ValueError, match="mediator must be one of heavy, light, got 'massless'"):
        function(NEUTRINO, "massless")


# --- Curves of one's own ---


def curve(x=(0.1, 0.2, 0.3), low=(1e-3, 1e-4, 1e-3), high=(np.inf, np.inf, np.inf)):
    return Constraint("mine", (), x, low, high)


def test_a_curve_of_ones_own_excludes_above_its_edge():
    assert curve().excludes([0.1, 0.2, 0.2, 0.4], [2e-3, 2e-4, 0.5e-4, 1.0]).tolist() == [True, True, False, False]
    assert not curve(high=(2e-3, 2e-3, 2e-3)).excludes(0.2, 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": (0.3, 0.2, 0.1)}, "x of mine must not fall, got 0.3 followed by 0.2"),
        ({"x": (0.1, 0.2)}, r"x, low and high of mine must have one shape \(n,\), got"),
        ({"x": (0.1, 0.2, np.nan)}, "x of mine must be positive and finite, got nan"),
        ({"low": (1e-3, 0.0, 1e-3)}, "low of mine must be positive and finite, got 0.0"),
        ({"high": (1e-3, 1e-5, 1e-3)}, "high of mine must not lie below low"),
        ({"high": (1e-2, np.inf, 1e-2)}, "high of mine must be finite at all masses or at none"),
    ],
)
def test_a_curve_that_would_exclude_something_else_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        curve(**changes)


@pytest.mark.parametrize(
    "text",
    [
        "# m4 (MeV) Umu4^2\n200 3e-7\n100 1e-6\n300 2e-7\n\n",
        "200,3e-7\n100,1e-6\n300,2e-7",
        "m4 [MeV], U2\n100, 1e-6\n200, 3e-7\n300, 2e-7\n",
        "1.00e+2\t1e-6  # first\n2.00e+2\t3e-7\n3.00e+2\t2e-7\n",
    ],
)
def test_a_curve_in_a_file_of_two_columns_is_read_in_its_unit(text, tmp_path):
    path = tmp_path / "limit.dat"
    path.write_text(text, encoding="utf-8")
    limit = read_limit(path, "mine", mass_unit=MeV, references=("Someone:2020abc",))
    np.testing.assert_allclose(limit.x, [0.1, 0.2, 0.3], rtol=1e-15)
    np.testing.assert_array_equal(limit.low, [1e-6, 3e-7, 2e-7])
    assert np.isinf(limit.high).all()
    assert (limit.name, limit.references) == ("mine", ("Someone:2020abc",))
    np.testing.assert_allclose(read_limit(path, "mine", mass_unit=GeV).x, [100, 200, 300], rtol=1e-15)


def test_an_island_is_read_from_its_lower_and_its_upper_edge(tmp_path):
    bottom, top = tmp_path / "bottom.dat", tmp_path / "top.dat"
    bottom.write_text("1 1e-8\n4 1e-10\n16 1e-8\n", encoding="utf-8")
    top.write_text("2 1e-6\n8 1e-6\n", encoding="utf-8")
    island = read_limit(bottom, "dump", mass_unit=GeV, top=top)
    np.testing.assert_array_equal(island.x, [2, 4, 8])
    np.testing.assert_allclose(island.low, [1e-9, 1e-10, 1e-9], rtol=1e-12)  # powers of the mass between points
    assert island.excludes(4.0, [0.5e-10, 2e-10, 2e-6]).tolist() == [False, True, False]
    assert not island.excludes(1.0, 1e-7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n", "limit.dat has no points"),
        ("1 2 3\n", "limit.dat must have two columns of positive numbers, got '1 2 3'"),
        ("1 1e-6\n2 nan\n", "limit.dat must have two columns of positive numbers, got '2 nan'"),
        ("1 1e-6\nm U\n", "limit.dat must have two columns of positive numbers, got 'm U'"),
        ("1 1e-6\n2 -1\n", "limit.dat must have two columns of positive numbers, got '2 -1'"),
    ],
)
def test_a_file_that_is_no_curve_is_refused(text, message, tmp_path):
    path = tmp_path / "limit.dat"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_limit(path, "mine", mass_unit=MeV)


def test_a_unit_of_mass_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"mass_unit must be keV, MeV or GeV of darkpkg\.units, got 1000"):
        read_limit(tmp_path / "limit.dat", "mine", mass_unit=1000)


@pytest.mark.parametrize("mediator", ["heavy", "light"])
def test_the_table_of_sources_has_all_that_is_drawn_and_nothing_else(mediator):
    rows = [line.split(" | ") for line in sources_table(mediator, "tab", "Limits").splitlines() if "{cite:p}" in line]
    listed = {(on, name.strip("*"), frozenset(cited.split("`")[1].split(","))) for on, name, _, cited in rows}
    drawn = {}
    for number, plane in enumerate(PLANES):
        for limit in (*constraints(plane, mediator), *region_of_interest(plane, mediator)):
            drawn.setdefault((number, limit.name.partition(",")[0]), set()).update(limit.references)
    planes = dict.fromkeys(on for on, *_ in rows)
    assert {(list(planes).index(on), name): cited for on, name, cited in listed} == drawn
    assert len(rows) == len(drawn)
    assert all(len(row) == 4 for row in rows)  # no bar in mathematics splits a row


def test_points_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"x must be positive and finite, got -0\.1"):
        curve().excludes(-0.1, 1e-3)
    with pytest.raises(ValueError, match="y must be a number, got nan"):
        curve().excludes(0.1, np.nan)
    with pytest.raises(TypeError, match="x must be real numbers"):
        curve().excludes("0.1", 1e-3)


def test_the_outline_of_a_fit_encloses_what_lies_between_its_edges():
    """The area of a closed curve that does not cross itself is that between its lower and its upper edge."""
    edges = datasets.read("limits/miniboone_light")
    for region in region_of_interest(PLANES[0], "light"):
        fit = edges[edges.n_sigma == region.n_sigma]
        ends, areas = [], []
        for edge in ("lower", "upper"):
            own = fit[fit.edge == edge]
            areas.append(np.trapezoid(own.U_mu4_sq, own.m_N))
            ends.append(own[["m_N", "U_mu4_sq"]].to_numpy()[[0, -1]])
        # Where the edges do not end at the same masses, straight lines join them.
        (a, b), (c, d) = ends
        joins = [(q[0] - p[0]) * (q[1] + p[1]) / 2 for p, q in ((b, d), (c, a))]
        x, y = region.outline.T
        around = np.sum((x[1:] - x[:-1]) * (y[1:] + y[:-1])) / 2
        assert around == pytest.approx(areas[0] + joins[0] - areas[1] + joins[1], rel=1e-9)
        assert abs(around) > 0.5 * (areas[1] - areas[0])

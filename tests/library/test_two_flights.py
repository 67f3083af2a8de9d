"""A light dark photon flies: the pair appears where Z′ decays, after the flights of N and of Z′."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import dblquad

import darkpkg as dk
from darkpkg.experiment.volumes import Box
from darkpkg.method.flights import flight_polygons, paths_of
from darkpkg.method.loops import two_flights
from darkpkg.method.weights import coupling_weight, exposure_weight, selection_weight

A = dk.BENCHMARK_A
CHAMBERS = ("TPC1", "TPC2", "TPC3")
rates = st.floats(np.log(1e-8), np.log(1e6)).map(np.exp)


@pytest.fixture(scope="module")
def at_10_MeV():
    """N of 100 MeV and Z′ of 10 MeV, behind the P0D and in it."""
    sampling = dk.SamplingRange.at(m_N=0.1, m_Zprime=0.01)
    return dk.place(dk.generate(sampling, n_events=4000, seed=5), dk.ND280, seed=6)


def polygon_of(vertex, p_N, p_Z, volume):
    own = [np.array(v, dtype=float)[None] for v in (vertex, p_N, p_Z)]
    return flight_polygons(lambda rows: [v[rows] for v in own], 1, [volume])[1]


BOX = Box((-1.0, -2.0, 3.0), (2.0, 1.0, 7.0))


def test_probability_in_a_polygon_agrees_with_quadrature():
    """∫∫ r r′ exp(−r x − r′ y) over the flights that end in a box, whose edges Box.chord gives."""
    vertex, p_N, p_Z = np.array([0.2, -0.5, 0.0]), np.array([0.1, 0.0, 1.0]), np.array([-0.15, 0.25, 1.2])
    corners = polygon_of(vertex, p_N, p_Z, BOX)
    for r, r_Z in ((0.3, 0.4), (3.0, 0.1), (1e-3, 2.0)):

        @functools.cache
        def ends(x):
            start = vertex + x * p_N
            enter, leave = BOX.chord(start[None], p_Z[None] / np.linalg.norm(p_Z))
            return enter[0] / np.linalg.norm(p_Z), leave[0] / np.linalg.norm(p_Z)

        expected = dblquad(
            lambda y, x, r=r, r_Z=r_Z: r * r_Z * np.exp(-r * x - r_Z * y),
            *(0, 8),
            lambda x: ends(x)[0],
            lambda x: ends(x)[1],
        )[0]
        # Kinks of the edges limit the quadrature, to 1e-8 absolute.
        assert two_flights(r, r_Z, corners) == pytest.approx(expected, rel=1e-4, abs=2e-8)


@given(rates, rates)
def test_probability_of_flights_along_one_line_is_that_of_the_sum_of_two_exponentials(r, r_Z):
    """From a to b: [r (e^{−r′a} − e^{−r′b}) − r′ (e^{−ra} − e^{−rb})]/(r − r′)."""
    corners = polygon_of([0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], BOX)
    a, b = 3.0, 7.0
    if abs(r / r_Z - 1) < 0.3 or max(r, r_Z) < 1e-2:
        return  # the closed form cancels there
    inside = np.exp(-a * np.array([r, r_Z])) * -np.expm1(-(b - a) * np.array([r, r_Z]))
    expected = (r * inside[1] - r_Z * inside[0]) / (r - r_Z)
    assert two_flights(r, r_Z, corners) == pytest.approx(
        expected, rel=1e-9, abs=1e-14
    )  # what cancels is of order one


@given(rates, rates)
def test_probabilities_in_all_of_space_add_up_to_one(r, r_Z):
    """Four boxes that fill a large volume around the vertex, with a common edge through the flights."""
    far = 1e10
    cuts = [(-far, 1.0, far), (-far, 2.0, far)]
    total = 0.0
    for i in range(2):
        for j in range(2):
            box = Box((cuts[0][i], -far, cuts[1][j]), (cuts[0][i + 1], far, cuts[1][j + 1]))
            total += two_flights(r, r_Z, polygon_of([0.0, 0.0, 0.0], [0.4, 0.1, 1.0], [0.1, 0.3, 0.8], box))
    assert total == pytest.approx(1, rel=1e-9)


def test_long_lives_have_a_probability_proportional_to_both_rates():
    corners = polygon_of([0.2, -0.5, 0.0], [0.1, 0.0, 1.0], [-0.15, 0.25, 1.2], BOX)
    x, y = corners.T
    area = abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2
    assert area > 1
    for r, r_Z in ((1e-9, 1e-7), (1e-30, 1e-80)):
        assert two_flights(r, r_Z, corners) == pytest.approx(
            r * r_Z * area, rel=1e-6, abs=0
        )  # 1 − s of the exponential


def test_no_flight_of_the_mediator_is_the_limit(at_10_MeV):
    for ctau in (1e-3, 1.0, 100.0):
        without = dk.lifetime_weight(at_10_MeV, ctau, modules=CHAMBERS)
        short = dk.lifetime_weight(at_10_MeV, ctau, ctau_Zprime=1e-9, modules=CHAMBERS)
        np.testing.assert_allclose(short, without, rtol=1e-4, atol=1e-7)  # βγ up to 1000: 1e-6 cm of boxes of 56 cm
    instant = dk.lifetime_weight(at_10_MeV, 1.0, ctau_Zprime=5e-324, modules=CHAMBERS)
    np.testing.assert_allclose(instant, dk.lifetime_weight(at_10_MeV, 1.0, modules=CHAMBERS), rtol=1e-9, atol=1e-12)


def test_a_prompt_N_leaves_the_flight_of_the_mediator_alone(at_10_MeV):
    """Then the chord of Z′ from the vertex counts, as that of a long-lived N would."""
    p_Z = (at_10_MeV.p_electron + at_10_MeV.p_positron)[:, 1:]
    length = np.linalg.norm(p_Z, axis=1)
    for ctau_Z in (0.01, 1.0, 100.0):
        expected = np.zeros(len(at_10_MeV))
        for name in CHAMBERS:
            enter, leave = dk.ND280[name].fiducial.chord(at_10_MeV.vertex, p_Z / length[:, None])
            rate = 0.01 / (length * ctau_Z)
            expected += np.exp(-rate * enter) * -np.expm1(-rate * (leave - enter))
        found = dk.lifetime_weight(at_10_MeV, 1e-12, ctau_Zprime=ctau_Z, modules=CHAMBERS)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)  # N flies 1e-11 cm


@pytest.mark.parametrize(("ctau", "ctau_Z"), [(0.5, 0.02), (1e-4, 1.0), (20.0, 0.3), (3.0, 3.0)])
def test_probability_agrees_with_sampled_flights(at_10_MeV, ctau, ctau_Z):
    """Accept what ends in a chamber: fifty flights of N and Z′ for each event."""
    rng, repeats = np.random.default_rng(17), 50
    p_N = at_10_MeV.p_N[:, 1:]
    p_Z = (at_10_MeV.p_electron + at_10_MeV.p_positron)[:, 1:]
    boxes = [dk.ND280[name].fiducial for name in CHAMBERS]
    hits = np.zeros(len(at_10_MeV))
    for _ in range(repeats):  # a flight is p/m · cτ, times an exponential number
        flights = rng.exponential(size=(2, len(at_10_MeV), 1))
        end = at_10_MeV.vertex + flights[0] * p_N / 0.1 * ctau + flights[1] * p_Z / 0.01 * ctau_Z
        hits += sum(box.contains(end) for box in boxes)
    expected = dk.lifetime_weight(at_10_MeV, ctau, ctau_Zprime=ctau_Z, modules=CHAMBERS)
    variance = (expected * (1 - expected)).sum() / repeats
    assert expected.sum() > 50
    assert (hits.sum() / repeats - expected.sum()) ** 2 < 4**2 * variance
    # And event by event: χ² of all whose probability is neither zero nor one.
    some = (expected > 0.02) & (expected < 0.98)
    chi_sq = ((hits / repeats - expected)[some] ** 2 / (expected * (1 - expected) / repeats)[some]).sum()
    assert abs(chi_sq / some.sum() - 1) < 5 * np.sqrt(2 / some.sum())


@pytest.mark.parametrize("analysis", [dk.ANALYSIS_I, dk.ANALYSIS_II], ids=["I", "II"])
def test_expected_events_are_the_sum_over_events_of_both_flights(at_10_MeV, analysis):
    point = A.replace(m_Zprime=0.01)
    total = 0.0
    for channel in analysis.channels:
        volumes = {"modules": channel.selection.decay_modules}
        weight = at_10_MeV.weight * exposure_weight(at_10_MeV, channel) * coupling_weight(at_10_MeV, point)
        weight = weight * selection_weight(at_10_MeV, channel.selection)
        flights = point.proper_decay_length(), point.mediator_decay_length()
        total += (weight * dk.lifetime_weight(at_10_MeV, flights[0], ctau_Zprime=flights[1], **volumes)).sum()
    with np.errstate(all="raise"):
        found = dk.Kernel(at_10_MeV).events(point, analysis).total().mean
    assert found == pytest.approx(total, rel=1e-9)


def test_a_mediator_of_10_MeV_carries_events_of_the_chambers_away_and_others_in(at_10_MeV):
    """At A with m_Z′ = 10 MeV the flight of Z′ multiplies the rate of Analysis I."""
    point = A.replace(m_Zprime=0.01)
    rate, without = (
        dk.Kernel(at_10_MeV).events(p, dk.ANALYSIS_I).total().mean for p in (point, point.replace(decays="paper"))
    )
    assert 1.5 < rate / without < 5


def test_a_mediator_that_lives_for_kilometres_gives_hardly_any_event(at_10_MeV):
    """Far away the rate falls like ε⁴: once for production, once for the decay in the detector."""
    rate = [
        dk.Kernel(at_10_MeV).events(A.replace(m_Zprime=0.01, epsilon=epsilon), dk.ANALYSIS_I).total().mean
        for epsilon in (1e-7, 1e-8)
    ]
    assert rate[0] / rate[1] == pytest.approx(1e4, rel=1e-3)
    prompt = dk.Kernel(at_10_MeV).events(A.replace(m_Zprime=0.01, epsilon=1e-7, decays="paper"), dk.ANALYSIS_I)
    assert rate[0] < 0.1 * prompt.total().mean


def test_one_sample_over_light_masses_agrees_with_a_dedicated_one_where_Z_flies(at_10_MeV):
    sample = dk.place(dk.generate(dk.LIGHT, n_events=40_000, seed=11), dk.ND280, seed=12)
    point = A.replace(m_Zprime=0.01)
    moved = dk.Kernel(dk.transport(sample, point)).events(point, dk.ANALYSIS_I).total()
    dedicated = dk.Kernel(at_10_MeV).events(point, dk.ANALYSIS_I).total()
    assert abs(moved.mean - dedicated.mean) < 4 * np.hypot(moved.error, dedicated.error)


def test_the_free_lifetime_of_N_keeps_the_flight_of_the_mediator(at_10_MeV):
    point = A.replace(m_Zprime=0.01)
    ctau = float(point.proper_decay_length())
    free = dk.Kernel(at_10_MeV).events_at_lifetime(point, [ctau, 10 * ctau], dk.ANALYSIS_I).total().mean
    assert free[0] == dk.Kernel(at_10_MeV).events(point, dk.ANALYSIS_I).total().mean
    assert dk.Kernel(at_10_MeV).upscatterings(point, dk.ANALYSIS_I).total().mean > free[0]


def test_paths_of_some_events_are_theirs_among_those_of_all_and_only_of_the_flights_that_are_wanted(at_10_MeV):
    modules, rows = ("TPC1", "TPC3"), np.array([3999, 0, 17, 2500])
    every = paths_of(at_10_MeV, modules, True, True)
    both, of_N, of_Z = (
        paths_of(at_10_MeV, modules, *one, rows) for one in ((True, True), (True, False), (False, True))
    )
    for some in (both, of_N):
        np.testing.assert_array_equal(some.begin, every.begin[rows])
        np.testing.assert_array_equal(some.width, every.width[rows])
    for some in (both, of_Z):
        assert some.starts[-1, -1] == len(some.corners)
        for own, row in zip(some.starts, rows, strict=True):
            corners = every.corners[every.starts[row, 0] : every.starts[row, -1]]
            np.testing.assert_array_equal(some.corners[own[0] : own[-1]], corners)
    assert not of_N.corners.size
    assert not of_Z.begin.size
    assert len(every.corners) > 4000

"""Boxes, spheres and cylinders: one interface, tested on all of them."""

import dataclasses
import functools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import darkpkg as dk
from darkpkg.experiment.detector import Detector, Module
from darkpkg.experiment.volumes import Box, Cylinder, Sphere
from darkpkg.method.flights import flight_polygons
from darkpkg.method.loops import two_flights
from darkpkg.method.origin import decoded, encoded

VOLUMES = {
    "box": Box((-1.0, -2.0, 3.0), (2.0, 2.0, 7.0)),
    "sphere": Sphere((0.5, -0.5, 5.0), 2.0),
    "cylinder along x": Cylinder((0.5, -0.5, 5.0), 1.5, 4.0, "x"),
    "cylinder along y": Cylinder((0.5, -0.5, 5.0), 2.0, 1.0, "y"),
    "cylinder along z": Cylinder((0.5, -0.5, 5.0), 1.0, 3.0),
}
every = pytest.mark.parametrize("volume", VOLUMES.values(), ids=VOLUMES)
volumes = st.sampled_from(list(VOLUMES.values()))
coordinates = st.floats(-8, 12)


def unit(cos_theta, phi):
    sin_theta = np.sqrt(1 - cos_theta**2)
    return np.array([sin_theta * np.cos(phi), sin_theta * np.sin(phi), cos_theta])


def directions(n, rng):
    vectors = rng.normal(size=(n, 3))
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]


@every
def test_volume_agrees_with_the_share_of_points_in_the_frame(volume):
    rng, n = np.random.default_rng(1), 400_000
    low, high = np.array(volume.low), np.array(volume.high)
    share = volume.contains(low + rng.random((n, 3)) * (high - low)).mean()
    expected = volume.volume / np.prod(high - low)
    assert abs(share - expected) <= 5 * np.sqrt(expected * (1 - expected) / n) + 1e-12


@every
def test_uniform_points_have_the_moments_of_counted_ones(volume):
    """First and second moments, against points of the frame that lie inside."""
    rng, n = np.random.default_rng(2), 200_000
    low, high = np.array(volume.low), np.array(volume.high)
    points = volume.uniform(rng.random((n, 3)))
    assert volume.contains(points + 1e-12 * (np.add(low, high) / 2 - points)).all()
    counted = low + rng.random((4 * n, 3)) * (high - low)
    counted = counted[volume.contains(counted)]
    for moment in (lambda p: p, lambda p: p**2, lambda p: p * np.roll(p, 1, axis=1), lambda p: p**4):
        one, other = moment(points), moment(counted)
        error = np.sqrt(one.var(axis=0) / len(one) + other.var(axis=0) / len(other))
        assert (np.abs(one.mean(axis=0) - other.mean(axis=0)) < 5 * error).all()


@given(volumes, st.tuples(coordinates, coordinates, coordinates), st.floats(-1, 1), st.floats(0, 2 * np.pi))
def test_chord_is_the_part_of_the_ray_whose_points_lie_inside(volume, origin, cos_theta, phi):
    along, step = unit(cos_theta, phi), 0.01
    (enter,), (leave,) = volume.chord(np.array([origin]), along[None])
    walked = np.arange(0, 40, step)
    inside = walked[volume.contains(np.array(origin) + walked[:, None] * along)]
    if len(inside):
        assert enter == pytest.approx(inside[0], abs=1.01 * step)
        assert leave == pytest.approx(inside[-1], abs=1.01 * step)
    else:
        middle = volume.contains(np.array(origin) + (enter + leave) / 2 * along)
        assert leave - enter <= 1.01 * step or (enter == leave == 0 and not middle)


@every
def test_a_ray_from_inside_enters_at_zero_and_one_that_looks_away_misses(volume):
    rng = np.random.default_rng(3)
    points, along = volume.uniform(rng.random((2000, 3))), directions(2000, rng)
    enter, leave = volume.chord(points, along)
    assert (enter == 0).all()
    assert (leave > 0).all()
    ends = points + leave[:, None] * along
    assert volume.contains(points + (1 - 1e-9) * leave[:, None] * along).all()
    assert not volume.contains(ends + 1e-9 * along).any()
    behind = volume.chord(ends + 1e-6 * along, along)
    assert not np.any(behind)


@every
def test_rays_along_the_axes_cross_the_middle_from_face_to_face(volume):
    middle, size = np.add(volume.low, volume.high) / 2, np.subtract(volume.high, volume.low)
    for axis in range(3):
        along = np.eye(3)[axis]
        enter, leave = volume.chord((middle - 50 * along)[None], along[None])
        assert leave - enter == pytest.approx(size[axis], rel=1e-12)
        beside = middle - 50 * along + 1.001 * size[axis - 1] * np.eye(3)[axis - 1]
        assert not np.any(volume.chord(beside[None], along[None]))


@every
def test_mean_chord_through_uniform_points_agrees_with_the_volume(volume):
    """Parallel rays through the shadow of a volume: their chords add up to it."""
    rng, n = np.random.default_rng(4), 100_000
    low, high = np.array(volume.low), np.array(volume.high)
    for axis in range(3):
        origin = low + rng.random((n, 3)) * (high - low)
        origin[:, axis] = low[axis] - 1
        enter, leave = volume.chord(origin, np.broadcast_to(np.eye(3)[axis], (n, 3)))
        chord = (leave - enter) * np.prod(np.delete(high - low, axis))
        assert abs(chord.mean() - volume.volume) <= 5 * chord.std() / np.sqrt(n) + 1e-9


@given(volumes, st.tuples(coordinates, coordinates, coordinates))
def test_nearest_point_lies_inside_and_no_other_is_nearer(volume, point):
    nearest = volume.nearest(np.array(point))
    assert volume.contains(nearest + 1e-12 * (np.add(volume.low, volume.high) / 2 - nearest))
    others = volume.uniform(np.random.default_rng(5).random((500, 3)))
    distance = np.linalg.norm(nearest - point)
    assert distance <= np.linalg.norm(others - point, axis=1).min() + 1e-12
    if volume.contains(point):
        assert distance < 1e-12


@settings(max_examples=40)
@given(volumes, volumes, st.tuples(st.floats(-6, 6), st.floats(-6, 6), st.floats(-6, 6)))
def test_volumes_overlap_exactly_when_they_share_points(one, other, shift):
    other = shifted(other, shift)
    points = one.uniform(np.random.default_rng(6).random((20_000, 3)))
    share = other.contains(points).mean()
    assert one.overlaps(other) == other.overlaps(one)
    if share:
        assert one.overlaps(other)
    else:  # what they share, if anything, is little: nothing with a smaller volume
        assert not (one.overlaps(other) and smaller(one, 0.8).overlaps(other))


def shifted(volume, by):
    if isinstance(volume, Box):
        return Box(tuple(np.add(volume.low, by)), tuple(np.add(volume.high, by)))
    return dataclasses.replace(volume, centre=tuple(np.add(volume.centre, by)))


def smaller(volume, factor):
    if isinstance(volume, Box):
        middle, half = np.add(volume.low, volume.high) / 2, np.subtract(volume.high, volume.low) / 2
        return Box(tuple(middle - factor * half), tuple(middle + factor * half))
    changes = {name: factor * getattr(volume, name) for name in ("radius", "length") if hasattr(volume, name)}
    return dataclasses.replace(volume, **changes)


def test_volumes_that_touch_do_not_overlap():
    sphere = Sphere((0, 0, 0), 1.0)
    assert not sphere.overlaps(Sphere((1.2, 1.6, 0), 1.0))  # 2 apart
    assert sphere.overlaps(Sphere((1.2, 1.6, 0), 1.001))
    assert not sphere.overlaps(Box((1, -1, -1), (2, 1, 1)))
    corner = 1 / np.sqrt(3)
    assert not sphere.overlaps(Box((corner,) * 3, (2, 2, 2)))
    assert sphere.overlaps(Box((0.99 * corner,) * 3, (2, 2, 2)))
    upright, lying = Cylinder((0, 0, 0), 1.0, 10.0), Cylinder((0, 2, 0), 1.0, 10.0, "x")
    assert not upright.overlaps(lying)
    assert upright.overlaps(dataclasses.replace(lying, centre=(0, 1.99, 0)))


@every
@pytest.mark.parametrize("inner", VOLUMES.values(), ids=VOLUMES)
def test_a_volume_holds_another_if_it_holds_all_its_points(volume, inner):
    small = shifted(smaller(inner, 0.2), np.add(volume.low, volume.high) / 2 - np.add(inner.low, inner.high) / 2)
    assert volume.holds(volume)
    assert volume.holds(small)
    assert not small.holds(volume)
    assert not volume.holds(shifted(small, np.subtract(volume.high, volume.low) / 2))


@every
def test_a_volume_comes_back_from_the_text_of_a_file(volume):
    assert decoded(json.loads(json.dumps(encoded(volume)))) == volume


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sphere((0, 0, 0), -1.0), "radius must be positive and finite, got -1.0"),
        (lambda: Sphere((0, 0), 1.0), r"centre must be a point \(x, y, z\), got \(0, 0\)"),
        (lambda: Cylinder((0, 0, 0), 1.0, 0.0), "length must be positive and finite, got 0.0"),
        (lambda: Cylinder((0, 0, 0), 1.0, 2.0, "w"), "axis must be one of x, y, z, got 'w'"),
    ],
)
def test_what_is_no_volume_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- Two flights ---


RATES = [(0.3, 0.5), (0.05, 0.02), (2.0, 0.2)]
"""Of decays of N and of Z′, for each unit of length."""


@functools.cache
def flights_from(volume):
    """Vertices within it and elsewhere, with directions of N and of Z′."""
    rng = np.random.default_rng(7)
    vertices = np.concatenate([volume.uniform(rng.random((100, 3))), rng.normal(size=(100, 3))])
    p_N = directions(200, rng) + np.array([0, 0, 2])
    p_N /= np.linalg.norm(p_N, axis=1)[:, None]
    p_Z = p_N + 0.7 * directions(200, rng)
    p_Z /= np.linalg.norm(p_Z, axis=1)[:, None]
    p_Z[:5] = p_N[:5]  # along one line
    return vertices, p_N, p_Z


@functools.cache
def ends_inside(volume):
    """Probabilities (rates, flights) by the midpoint rule in the length of N, with the exact chord of Z′.

    Its error falls with the square of the number of nodes: 5e-8 of a sum with those of a box, with a quarter of them
    2e-6, and 2e-5 of the largest event.
    """
    n = 40_000 if isinstance(volume, Box) else 10_000
    x, found = (np.arange(n) + 0.5) * (20 / n), []
    for vertex, p_N, p_Z in zip(*flights_from(volume), strict=True):
        enter, leave = volume.chord(vertex + x[:, None] * p_N, np.broadcast_to(p_Z, (len(x), 3)))
        hit = leave > enter  # elsewhere none ends inside
        at, near, length = x[hit], enter[hit], (leave - enter)[hit]
        found.append([(r * np.exp(-r * at - r_Z * near) * -np.expm1(-r_Z * length)).sum() for r, r_Z in RATES])
    return np.transpose(found) * (20 / n)


@every
@pytest.mark.parametrize("which", range(len(RATES)))
def test_probability_of_two_flights_agrees_with_quadrature(volume, which):
    """Event by event to 5e-3 of the largest, as a circle has 32 faces, and their sum to 2e-4; boxes are exact."""
    own = flights_from(volume)
    starts, corners = flight_polygons(lambda rows: [v[rows] for v in own], len(own[0]), [volume])
    found = np.array([two_flights(*RATES[which], corners[begin:end]) for begin, end in starts])
    expected = ends_inside(volume)[which]
    exact = isinstance(volume, Box)
    assert np.count_nonzero(expected) > 100
    np.testing.assert_allclose(found, expected, rtol=0, atol=(1e-6 if exact else 5e-3) * expected.max())
    assert found.sum() == pytest.approx(expected.sum(), rel=1e-6 if exact else 2e-4)


@pytest.fixture(scope="module")
def ball():
    """Carbon in a ball whose inner part is the fiducial volume, and events at fixed light masses in it."""
    tank = Sphere((0, 0, 500), 200)
    module = Module("ball", tank, 0.8 * tank.volume, {"C": 1.0}, Sphere((0, 0, 520), 150))
    detector = Detector("spherical", (module,))
    return dk.simulate(dk.SamplingRange.at(0.1, 0.01), 4000, seed=5, experiment=dk.T2K.replace(detector=detector))


@pytest.mark.parametrize(("ctau", "ctau_Z"), [(1.0, 0.0), (0.5, 0.02), (1e-4, 0.3), (3.0, 3.0)])
def test_decays_in_a_spherical_detector_agree_with_drawn_flights(ball, ctau, ctau_Z):
    rng, repeats = np.random.default_rng(8), 50
    p_Z, hits = (ball.p_electron + ball.p_positron)[:, 1:], np.zeros(len(ball))
    for _ in range(repeats):  # a flight is p/m · cτ, times an exponential number
        flights = rng.exponential(size=(2, len(ball), 1))
        end = ball.vertex + flights[0] * ball.p_N[:, 1:] / 0.1 * ctau + flights[1] * p_Z / 0.01 * ctau_Z
        hits += Sphere((0, 0, 520), 150).contains(end)
    expected = dk.lifetime_weight(ball, ctau, ctau_Zprime=ctau_Z, modules=("ball",))
    variance = (expected * (1 - expected)).sum() / repeats
    assert expected.sum() > 50
    assert (hits.sum() / repeats - expected.sum()) ** 2 < 4**2 * variance


def test_a_sphere_in_a_detector_keeps_its_path_when_events_are_carried_to_other_masses(ball):
    moved = dk.transport(ball, dk.BENCHMARK_A.replace(m_N=0.1, m_Zprime=0.01))
    np.testing.assert_allclose(moved.exit, ball.exit, rtol=1e-6, atol=1e-6)  # momenta are made anew


def test_detectors_of_spheres_and_cylinders_refuse_what_overlaps_or_sticks_out():
    tank = Cylinder((0, 0, 0), 100, 300, "y")
    with pytest.raises(ValueError, match="fiducial volume of tank must lie in its active one"):
        Module("tank", tank, 1e6, {"O": 0.89, "H": 0.11}, Sphere((0, 0, 0), 101))
    inside = Module("tank", tank, 1e6, {"O": 0.89, "H": 0.11}, Sphere((0, 0, 0), 100))
    apart, overlapping = (Module("ball", Sphere((150, 0, 150), r), 1e6, {"C": 1.0}) for r in (112, 113))
    assert Detector("X", (inside, apart))["ball"] == apart  # the axes are 212.1 apart
    with pytest.raises(ValueError, match="modules tank and ball of X overlap"):
        Detector("X", (inside, overlapping))

"""Boxes, materials, vertices and chords."""

import dataclasses
import functools
import hashlib
import itertools
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from darkpkg import datasets
from darkpkg.experiment.detector import ND280, ND280_TRACKER, ND280_UPGRADE, Detector, Module
from darkpkg.experiment.files import load_detector
from darkpkg.experiment.volumes import Box
from darkpkg.method.events import Events
from darkpkg.method.placing import place
from darkpkg.physics.nuclei import NUCLEI, elements
from darkpkg.units import AVOGADRO, tonne

TABLE_II = {
    # Active x, y, length in z, z (cm), mass (t), composition; fiducial x, y, length, z. Each TPC holds a third of the
    # argon that the table prints, and its fiducial volume begins 5 cm behind its active one.
    "P0D-ECAL1": ((210, 224, 30.5, 0), 2.9, {"H": 0.065, "C": 0.40, "Pb": 0.535}, None),
    "P0D-water": ((210, 224, 179, 30.5), 10, {"H": 0.10, "C": 0.43, "O": 0.22, "Cu": 0.16, "Zn": 0.09}, None),
    "P0D-ECAL2": ((210, 224, 30.4, 209.6), 2.9, {"H": 0.065, "C": 0.40, "Pb": 0.535}, None),
    "TPC1": ((186, 206, 78, 251), 0.016 / 3, {"Ar": 1}, (170, 196, 56, 256)),
    "FGD1": ((186, 186, 30, 343), 1.1, {"H": 0.08, "C": 0.88, "O": 0.04}, (175, 175, 29, 344)),
    "TPC2": ((186, 206, 78, 387), 0.016 / 3, {"Ar": 1}, (170, 196, 56, 392)),
    "FGD2": ((186, 186, 30, 480), 1.1, {"H": 0.09, "C": 0.50, "O": 0.41}, (175, 175, 29, 481)),
    "TPC3": ((186, 206, 78, 524), 0.016 / 3, {"Ar": 1}, (170, 196, 56, 529)),
}
ARGON_DENSITY = 1.78e-3
"""Gram per cm³."""

SOURCE = Box((-1.0, -2.0, 3.0), (2.0, 2.0, 7.0))
OUTSIDE = st.floats(-10, 15)
cosines = st.floats(-1, 1)


def direction(cos_theta, phi):
    sin_theta = np.sqrt(1 - cos_theta**2)
    return np.array([sin_theta * np.cos(phi), sin_theta * np.sin(phi), cos_theta])


def chord(box, origin, along):
    enter, leave = box.chord(np.array([origin], dtype=float), np.array([along], dtype=float))
    return enter[0], leave[0]


@functools.cache
def nd280_table():
    return datasets.read("detector/nd280").astype(dict.fromkeys(("length_z", "mass", "Ar"), float))


def table(**changes):
    """The table of ND280 with some columns of some rows changed: table(TPC1={"mass": 1})."""
    changed = nd280_table().copy()
    for name, values in changes.items():
        for column, value in values.items():
            changed.loc[changed.module == name, column] = value
    return changed


def with_silicon():
    """ND280 and a block of an element that it lacks, behind everything."""
    block = Module("block", Box.centred(100, 100, 10, 700), 1e6, {"Si": 1.0})
    return dataclasses.replace(ND280, modules=(*ND280.modules, block))


# --- Table II ---


@pytest.mark.parametrize("name", TABLE_II)
def test_modules_are_those_of_table_two(name):
    (x, y, length, z), mass, composition, fiducial = TABLE_II[name]
    module = {module.name: module for module in ND280.modules}[name]
    assert module.active.low == (-x / 2, -y / 2, z)
    assert module.active.high == pytest.approx((x / 2, y / 2, z + length), abs=1e-9)
    assert dict(module.composition) == composition
    assert module.mass / tonne == pytest.approx(
        mass, rel=0.005, abs=0
    )  # argon: 0.016 t has two digits, 1.78e-3 three
    if fiducial is None:
        assert module.fiducial is None
    else:
        x, y, length, z = fiducial
        assert module.fiducial == Box((-x / 2, -y / 2, z), (x / 2, y / 2, z + length))


def test_there_are_no_other_modules():
    assert [module.name for module in ND280.modules] == list(TABLE_II)
    assert {name: box.low[2] for name, box in ND280.fiducial_volumes.items()} == {
        "TPC1": 256,
        "FGD1": 344,
        "TPC2": 392,
        "FGD2": 481,
        "TPC3": 529,
    }


def test_moving_a_chamber_by_a_centimetre_is_seen():
    # The sum of all faces, a number that nothing can move without changing it.
    faces = [
        face for module in ND280.modules for box in (module.active, module.fiducial) if box for face in box.low[2:]
    ]
    assert sum(faces) == pytest.approx(0 + 30.5 + 209.6 + 251 + 343 + 387 + 480 + 524 + 256 + 344 + 392 + 481 + 529)


@pytest.mark.parametrize("name", ["TPC1", "TPC2", "TPC3"])
def test_argon_is_a_gas(name):
    module = {module.name: module for module in ND280.modules}[name]
    # The table holds three digits.
    assert module.mass == pytest.approx(module.active.volume * ARGON_DENSITY, rel=2e-3, abs=0)
    fiducial = datasets.read("detector/nd280").set_index("module").fiducial_mass[name]
    assert fiducial * tonne == pytest.approx(module.fiducial.volume * ARGON_DENSITY, rel=2e-3, abs=0)


def test_all_argon_weighs_what_table_two_prints():
    chambers = [module for module in ND280.modules if "Ar" in module.composition]
    assert sum(module.mass for module in chambers) / tonne == pytest.approx(0.016, abs=0.0005)
    assert sum(m.fiducial.volume * ARGON_DENSITY for m in chambers) / tonne == pytest.approx(0.010, abs=0.0005)


def test_active_mass_is_eighteen_tonnes():
    assert sum(module.mass for module in ND280.modules) / tonne == pytest.approx(18.0, abs=0.05)


@pytest.mark.parametrize("name", TABLE_II)
def test_fiducial_volumes_lie_inside_active_ones(name):
    module = {module.name: module for module in ND280.modules}[name]
    if module.fiducial:
        assert module.active.contains(np.array([module.fiducial.low, module.fiducial.high])).all()


def test_modules_follow_each_other_along_the_beam_without_overlap():
    ends = [(module.active.low[2], module.active.high[2]) for module in ND280.modules]
    for (_, end), (begin, _) in itertools.pairwise(ends):
        assert end <= begin
    assert not any(a.active.overlaps(b.active) for a in ND280.modules for b in ND280.modules if a is not b)


def test_number_of_nuclei_follows_from_masses_and_atomic_weights():
    lead = 2 * 2.9e6 * 0.535 * AVOGADRO / 207.2
    carbon = (2 * 2.9 * 0.40 + 10 * 0.43 + 1.1 * 0.88 + 1.1 * 0.50) * 1e6 * AVOGADRO / 12.011
    argon = 3 * 186 * 206 * 78 * ARGON_DENSITY * AVOGADRO / 39.95
    assert ND280.number_of_nuclei("Pb") == pytest.approx(lead, rel=1e-12, abs=0)
    assert ND280.number_of_nuclei("C") == pytest.approx(carbon, rel=1e-12, abs=0)
    assert ND280.number_of_nuclei("Ar") == pytest.approx(argon, rel=2e-3, abs=0)  # three digits of argon
    assert ND280.number_of_nuclei("Si") == 0


def test_nuclei_of_all_elements_weigh_as_much_as_the_detector():
    weights = [ND280.number_of_nuclei(e) * elements()[e].atomic_weight / AVOGADRO for e in ND280.nuclei]
    assert sum(weights) == pytest.approx(sum(module.mass for module in ND280.modules), rel=1e-12, abs=0)


def test_targets_are_all_elements_but_hydrogen_by_atomic_number():
    assert tuple(ND280.nuclei) == ("H", "C", "O", "Ar", "Cu", "Zn", "Pb")
    assert {symbol: nucleus.name for symbol, nucleus in ND280.targets.items()} == {
        "C": "C12", "O": "O16", "Ar": "Ar40", "Cu": "Cu63", "Zn": "Zn64", "Pb": "Pb208"
    }  # fmt: skip


# --- What a detector refuses ---


def test_modules_that_overlap_are_refused_by_name():
    with pytest.raises(ValueError, match="modules TPC1 and FGD1 of X overlap"):
        Detector.from_table("X", table(TPC1={"length_z": 92.5, "mass": 0.00631}))


def test_modules_that_touch_do_not_overlap():
    Detector.from_table("X", table(TPC1={"length_z": 92.0, "mass": 0.00627}))


@given(st.floats(0.05, 0.5), st.sampled_from([-1, 1]))
def test_fractions_that_do_not_add_up_to_one_are_refused(excess, sign):
    with pytest.raises(ValueError, match="mass fractions of TPC2 must add up to 1, got"):
        Detector.from_table("X", table(TPC2={"Ar": 1 + sign * excess}))


def test_negative_fractions_and_masses_are_refused():
    box = Box((0, 0, 0), (1, 1, 1))
    with pytest.raises(ValueError, match="mass fractions of m"):
        Module("m", box, 1.0, {"C": 1.5, "H": -0.5})
    for mass in (0.0, -1.0):
        with pytest.raises(ValueError, match=f"mass of m must be positive and finite, got {mass}"):
            Module("m", box, mass, {"C": 1.0})


@pytest.mark.parametrize("name", ["P0D-water", "TPC9"])
def test_decays_are_looked_for_only_where_there_is_a_fiducial_volume(placed, name):
    with pytest.raises(ValueError, match=f"modules must be of ND280 and have a fiducial volume, .* got '{name}'"):
        placed.columns_of(("TPC1", name))


@pytest.mark.parametrize("high", [(0, 1, 1), (1, -1, 1)])
def test_a_box_without_volume_is_refused(high):
    with pytest.raises(ValueError, match="a box must extend in all directions"):
        Box((0, 0, 0), high)


# --- Boxes ---


def test_a_centred_box_has_the_beam_in_its_middle():
    box = Box.centred(4, 6, 10, 3)
    assert box == Box((-2, -3, 3), (2, 3, 13))
    assert box.volume == 240


@given(st.tuples(OUTSIDE, OUTSIDE, OUTSIDE), st.tuples(*[st.floats(0.1, 5)] * 3))
def test_boxes_overlap_exactly_when_all_their_shadows_do(low, size):
    other = Box(low, tuple(np.add(low, size)))
    shared = [
        min(a_high, b_high) - max(a_low, b_low)
        for a_low, a_high, b_low, b_high in zip(SOURCE.low, SOURCE.high, other.low, other.high, strict=True)
    ]
    assert SOURCE.overlaps(other) == other.overlaps(SOURCE) == (min(shared) > 0)


def test_uniform_points_fill_a_box_from_corner_to_corner():
    np.testing.assert_array_equal(SOURCE.uniform(np.array([[0.0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5]])),
                                  [SOURCE.low, SOURCE.high, [0.5, 0, 5]])  # fmt: skip


# --- Chords ---


@given(st.tuples(OUTSIDE, OUTSIDE, OUTSIDE), cosines, st.floats(0, 2 * np.pi))
def test_chord_is_the_part_of_the_ray_whose_points_lie_in_the_box(origin, cos_theta, phi):
    along, step = direction(cos_theta, phi), 0.01
    enter, leave = chord(SOURCE, origin, along)
    walked = np.arange(0, 40, step)
    inside = walked[SOURCE.contains(np.array(origin) + walked[:, None] * along)]
    if len(inside):
        assert enter == pytest.approx(inside[0], abs=1.01 * step)
        assert leave == pytest.approx(inside[-1], abs=1.01 * step)
    else:
        assert leave - enter <= 1.01 * step  # a corner between two steps


@given(st.tuples(*[st.floats(0.001, 0.999)] * 3), cosines, st.floats(0, 2 * np.pi))
def test_a_ray_from_inside_enters_at_zero_and_leaves_on_a_face(share, cos_theta, phi):
    origin = SOURCE.uniform(np.array(share))
    along = direction(cos_theta, phi)
    enter, leave = chord(SOURCE, origin, along)
    end = origin + leave * along
    assert enter == 0 < leave
    assert min(np.abs(end - SOURCE.low).min(), np.abs(end - SOURCE.high).min()) < 1e-9
    assert SOURCE.contains(origin + 0.999 * leave * along)
    # Forwards and backwards make the whole chord of the line.
    behind = chord(SOURCE, origin, -along)[1]
    whole = chord(SOURCE, origin - (behind + 1) * along, along)
    assert whole[1] - whole[0] == pytest.approx(leave + behind, abs=1e-9)
    assert whole[0] == pytest.approx(1, abs=1e-9)


def test_rays_along_the_axes_have_the_length_of_the_box():
    for axis, size in enumerate((3, 4, 4)):
        for sign in (1, -1):
            along = np.zeros(3)
            along[axis] = sign
            origin = np.array([0.5, 0.5, 5]) - 10 * along
            enter, leave = chord(SOURCE, origin, along)
            assert leave - enter == pytest.approx(size)


@pytest.mark.parametrize(("origin", "expected"), [
    ((0, 0, 0), (3, 7)), ((0, 0, 5), (0, 2)), ((0, 0, 8), (0, 0)), ((3, 0, 0), (0, 0)), ((0, 2.01, 0), (0, 0)),
])  # fmt: skip
def test_a_ray_parallel_to_faces_passes_inside_or_misses(origin, expected):
    assert chord(SOURCE, origin, (0, 0, 1)) == expected


def test_a_ray_that_begins_on_a_face_crosses_or_leaves():
    assert chord(SOURCE, (0, 0, 3), (0, 0, 1)) == (0, 4)
    assert chord(SOURCE, (0, 0, 7), (0, 0, 1)) == (0, 0)
    assert chord(SOURCE, (0, 0, 3), (0, 0, -1)) == (0, 0)


@pytest.mark.parametrize("x", [-1.0, 2.0])
def test_a_ray_in_the_plane_of_a_face_belongs_to_the_box(x):
    assert chord(SOURCE, (x, 0, 0), (0, 0, 1)) == (3, 7)
    assert chord(SOURCE, (x, 0, 0), (0, 0, -1)) == (0, 0)


def test_a_box_behind_is_missed():
    assert chord(SOURCE, (0, 0, 9), direction(0.9, 1.0)) == (0, 0)


def test_chords_of_isotropic_rays_have_the_mean_of_cauchy():
    # Rays from uniform points on the surface, cosine-weighted inwards: mean chord 4V/S for every convex body.
    rng = np.random.default_rng(4)
    n, size = 100_000, np.subtract(SOURCE.high, SOURCE.low)
    areas = np.prod(size) / size
    axis = rng.choice(3, n, p=areas / areas.sum())
    point, high_face = SOURCE.uniform(rng.random((n, 3))), rng.random(n) < 0.5
    rows = np.arange(n)
    point[rows, axis] = np.where(high_face, np.array(SOURCE.high)[axis], np.array(SOURCE.low)[axis])
    inwards, phi = np.sqrt(rng.random(n)), 2 * np.pi * rng.random(n)
    along = np.empty((n, 3))
    along[rows, axis] = np.where(high_face, -inwards, inwards)
    along[rows, (axis + 1) % 3] = np.sqrt(1 - inwards**2) * np.cos(phi)
    along[rows, (axis + 2) % 3] = np.sqrt(1 - inwards**2) * np.sin(phi)
    enter, leave = SOURCE.chord(point, along)
    length = leave - enter
    expected = 4 * SOURCE.volume / (2 * areas.sum())
    assert abs(length.mean() - expected) < 5 * length.std() / np.sqrt(n)
    assert length.std() / np.sqrt(n) < 0.005 * expected


# --- Vertices ---


@pytest.fixture(scope="module")
def events():
    """Events on all nuclei of ND280 in both beams, in no order, flying forwards within half a radian."""
    rng = np.random.default_rng(1)
    n = 60_000
    theta, phi, p = rng.uniform(0, 0.5, n), rng.uniform(0, 2 * np.pi, n), rng.uniform(0.1, 2, n)
    momenta = p[:, None] * np.stack(
        [np.hypot(1, 0.1 / p), np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1
    )
    codes = [nucleus.pdg_code for nucleus in ND280.targets.values()]
    return Events(
        weight=rng.random(n),
        m_N=np.full(n, 0.1),
        m_Zprime=np.full(n, 1.25),
        p_N=momenta,
        p_electron=momenta / 2,
        p_positron=momenta / 2,
        target=rng.choice(codes, n),
        beam=rng.choice(["FHC", "RHC"], n),
        provenance={"seed": 1},
    )


@pytest.fixture(scope="module")
def placed(events):
    return place(events, ND280, seed=7)


def test_vertices_lie_in_their_modules(placed):
    for module in ND280.modules:
        here = placed.module == module.name
        assert here.any()
        assert module.active.contains(placed.vertex[here]).all()


@pytest.mark.parametrize("name", TABLE_II)
def test_vertices_are_uniform_in_each_module(placed, name):
    box = {module.name: module for module in ND280.modules}[name].active
    share = (placed.vertex[placed.module == name] - box.low) / np.subtract(box.high, box.low)
    for axis in range(3):
        # 24 tests: one at 1e-5 has a chance of 2e-4 among all.
        assert stats.kstest(share[:, axis], "uniform").pvalue > 1e-5
    correlation = np.corrcoef(share.T)[np.triu_indices(3, 1)]
    assert np.abs(correlation).max() < 5 / np.sqrt(len(share))


@pytest.mark.parametrize("symbol", ND280.targets)
def test_modules_are_hit_in_proportion_to_their_nuclei(placed, symbol):
    hit = placed[placed.target == ND280.targets[symbol].pdg_code]
    total = ND280.number_of_nuclei(symbol)
    for module in ND280.modules:
        share = module.number_of_nuclei(symbol) / total
        count = (hit.module == module.name).sum()
        # Five standard deviations of a binomial count; nothing at all where there is no such nucleus.
        assert abs(count - share * len(hit)) <= 5 * np.sqrt(share * (1 - share) * len(hit))


def test_each_chord_is_the_flight_of_n_through_its_chamber(events, placed):
    assert placed.entry.shape == placed.exit.shape == (len(events), 5)
    assert placed.fiducial_modules == ("TPC1", "FGD1", "TPC2", "FGD2", "TPC3")
    along = events.p_N[:, 1:] / np.linalg.norm(events.p_N[:, 1:], axis=1, keepdims=True)
    np.testing.assert_allclose(np.linalg.norm(along, axis=1), 1)
    for k, box in enumerate(ND280.fiducial_volumes.values()):
        hit = placed.exit[:, k] > placed.entry[:, k]
        assert 0.1 < hit.mean() < 0.9
        middle = placed.vertex + (placed.entry[:, k] + placed.exit[:, k])[:, None] / 2 * along
        assert box.contains(middle[hit]).all()
        for distance, factor in ((placed.entry, 1 - 1e-6), (placed.exit, 1 + 1e-6)):
            beyond = placed.vertex + (factor * distance[:, k])[:, None] * along
            assert not box.contains(beyond[hit & (distance[:, k] > 1e-3)]).any()
        # Those that miss have no point in the box within ten metres.
        steps = np.linspace(0, 1000, 400)
        missed = np.flatnonzero(~hit)[:50]
        for i in missed:
            assert not box.contains(placed.vertex[i] + steps[:, None] * along[i]).any()


def test_placing_keeps_the_events_and_says_where(events, placed):
    for name in Events.columns():
        if name != "weight":
            np.testing.assert_array_equal(getattr(placed, name), getattr(events, name))
    for module in ND280.modules:
        there = placed.module == module.name
        expected = events.weight[there] * module.relative_density(placed.vertex[there])
        np.testing.assert_allclose(placed.weight[there], expected, rtol=1e-12)
    assert placed.provenance["seed"] == 1
    assert placed.detector.name == "ND280"
    assert placed.provenance["placing_seed"] == 7
    expected = {nucleus.pdg_code: ND280.number_of_nuclei(s) for s, nucleus in ND280.nuclei.items()}
    assert placed.detector.targets == expected


def test_the_same_seed_gives_the_same_vertices_and_another_gives_others(events, placed):
    again, other = place(events, ND280, seed=7), place(events, ND280, seed=8)
    np.testing.assert_array_equal(again.vertex, placed.vertex)
    np.testing.assert_array_equal(again.exit, placed.exit)
    assert not (other.vertex == placed.vertex).all(axis=1).any()


def test_another_material_leaves_the_vertices_of_all_others_alone(events, placed):
    rng = np.random.default_rng(2)
    silicon = dataclasses.replace(events, target=np.full(len(events), NUCLEI["Si28"].pdg_code))
    silicon = silicon[rng.random(len(events)) < 0.5]
    added = [np.concatenate([getattr(events, name), getattr(silicon, name)])
             for name in Events.columns()]  # fmt: skip
    more = Events(**dict(zip(Events.columns(), added, strict=True)))
    both = place(more, with_silicon(), seed=7)
    np.testing.assert_array_equal(both.vertex[: len(events)], placed.vertex)
    np.testing.assert_array_equal(both.module[: len(events)], placed.module)
    assert set(both.module[len(events) :]) == {"block"}


def test_a_longer_sample_begins_with_the_vertices_of_a_shorter_one(events, placed):
    short = place(events[np.arange(1000)], ND280, seed=7)
    np.testing.assert_array_equal(short.vertex, placed.vertex[:1000])


def test_beams_and_nuclei_have_their_own_random_numbers(events):
    one = events[np.arange(500)]
    vertices = {
        (beam, code): place(
            dataclasses.replace(one, beam=np.full(500, beam), target=np.full(500, code)), ND280, seed=7
        ).vertex
        for beam in ("FHC", "RHC")
        for code in (NUCLEI["Pb208"].pdg_code, NUCLEI["C12"].pdg_code)
    }
    points = np.concatenate(list(vertices.values()))
    assert len(np.unique(points, axis=0)) == len(points)


def test_a_target_that_the_detector_lacks_is_refused(events):
    strange = dataclasses.replace(events[np.arange(5)], target=np.full(5, NUCLEI["Si28"].pdg_code))
    with pytest.raises(ValueError, match=r"target must be a nucleus of ND280, .*got 1000140280"):
        place(strange, ND280, seed=1)


@pytest.mark.parametrize("seed", [-1, 1.5, None])
def test_a_seed_that_is_no_count_is_refused(events, seed):
    with pytest.raises(ValueError, match="seed must be a non-negative integer"):
        place(events[np.arange(5)], ND280, seed=seed)


# --- Derived numbers, and detectors of one's own ---


def test_masses_of_elements_and_of_fiducial_boxes_follow_from_the_table():
    lead = ND280["P0D-ECAL1"]
    assert lead.mass * lead.shares["Pb"] == pytest.approx(0.535 * 2.9e6)
    assert lead.density == pytest.approx(2.9e6 / (210 * 224 * 30.5))
    assert lead.fiducial_mass == 0
    # Table II prints 0.92 t for both FGDs, whose boxes of 175² × 29 of 186² × 30 cm³ hold 0.94 t of 1.1 t.
    for name in ("FGD1", "FGD2"):
        assert ND280[name].fiducial_mass / tonne == pytest.approx(0.92)
        homogeneous = dataclasses.replace(ND280[name], mass_within=None)
        assert homogeneous.fiducial_mass / tonne == pytest.approx(1.1 * 175**2 * 29 / (186**2 * 30), rel=1e-12)
    with pytest.raises(KeyError, match="ND280 has no module 'TPC4', only P0D-ECAL1"):
        _ = ND280["TPC4"]


def test_the_upgrade_has_five_chambers_and_no_lead():
    assert [name for name in ND280_UPGRADE.fiducial_volumes if "TPC" in name] == [
        "HATPC-top",
        "HATPC-bottom",
        "TPC1",
        "TPC2",
        "TPC3",
    ]
    assert tuple(ND280_UPGRADE.nuclei) == ("H", "C", "O", "Ar")
    top, bottom = ND280_UPGRADE["HATPC-top"], ND280_UPGRADE["HATPC-bottom"]
    assert top.mass * top.shares["Ar"] == pytest.approx(ARGON_DENSITY * 200 * 80 * 180, rel=1e-3)
    assert (top.active.low[1], bottom.active.high[1]) == (30, -30)
    assert top.fiducial.low[1] == 35
    for name in ("TPC1", "FGD1", "TPC2", "FGD2", "TPC3"):
        assert ND280_UPGRADE[name] == ND280[name]  # with the printed fiducial mass


def test_boxes_may_stand_beside_the_beam():
    assert Box.centred(2, 4, 6, 10, (1, -3)) == Box((0, -5, 10), (2, -1, 16))
    assert Box.centred(2, 4, 6, 10) == Box((-1, -2, 10), (1, 2, 16))


def test_a_detector_from_a_file_is_the_one_from_the_table(tmp_path):
    path = tmp_path / "mine.csv"
    datasets.read("detector/nd280").to_csv(path, index=False)
    assert load_detector(path, "ND280") == ND280
    assert load_detector(path).name == "mine"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TPC1": {"mass": 0.006}}, "argon of TPC1 must weigh 0.00178 g/cm³, a gas, or 1.4 g/cm³"),
        ({"TPC1": {"mass": -1.0}}, "mass of TPC1 must be positive and finite, got -1000000"),
        ({"TPC2": {"z_begin": 372.5}}, "modules FGD1 and TPC2 of mine overlap"),
        ({"TPC3": {"fiducial_z_begin": 523.0}}, "fiducial volume of TPC3 must lie in its active one"),
        ({"FGD1": {"fiducial_x": 190.0}}, "fiducial volume of FGD1 must lie in its active one"),
        ({"TPC1": {"Ar": 0.9}}, "mass fractions of TPC1 must add up to 1, got 0.9"),
        ({"TPC1": {"length_z": np.nan}}, "length_z of TPC1 must be positive and finite, got nan"),
        ({"TPC1": {"module": "TPC2"}}, "TPC2 is there twice"),
        ({"TPC1": {"Ar": 0.999, "H": 0.001, "mass": 0.016}}, "argon of TPC1 must weigh"),
        ({"FGD1": {"mass": 0.1}}, "mass of FGD1 must be at least its mass_within, 920000.0, got 100000"),
        ({"FGD1": {"mass": 5.0}}, "FGD1 must weigh 0.35 to 2.1 g/cm³, as dense as its material, got 5e.06 g in"),
        ({"P0D-ECAL1": {"mass": 9.9}}, "P0D-ECAL1 must weigh 0.6.* to 3.7 g/cm³, as dense as its material"),
        ({"P0D-water": {"width_x": 2100}}, "P0D-water must weigh 0.41 to 2.5 g/cm³"),
        (
            {"FGD1": {"fiducial_x": 115.0}},
            "fiducial_mass of FGD1 must be that of its volume, 618.* g to 10 %",
        ),
        ({"FGD2": {"fiducial_mass": 0.29}}, "fiducial_mass of FGD2 must be that of its volume"),
        ({"FGD1": {"mass": 1100.0}}, "density of FGD1 must be below 23 g/cm³, got 1059"),
        ({"FGD1": {"fiducial_x": np.inf}}, "fiducial_x of FGD1 must be positive and finite, got inf"),
    ],
)
def test_a_table_that_is_no_detector_is_refused_with_file_value_and_rule(tmp_path, changes, message):
    path = tmp_path / "mine.csv"
    table(**changes).to_csv(path, index=False)
    with pytest.raises(ValueError, match=message) as error:
        load_detector(path)
    assert str(path) in str(error.value)


def test_a_row_longer_than_the_names_shifts_no_column(tmp_path):
    path = tmp_path / "mine.csv"
    names, *rows = datasets.path("detector/nd280").read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([names, *(f"1,{row}" for row in rows)]))
    n = len(names.split(","))
    with pytest.raises(ValueError, match=f"line 2: must have {n} values, as there are names, got {n + 1}"):
        load_detector(path)
    path.write_bytes(b"\xef\xbb\xbf" + datasets.path("detector/nd280").read_bytes())
    assert load_detector(path, "ND280") == ND280


def test_columns_of_a_table_are_known(tmp_path):
    path = tmp_path / "mine.csv"
    datasets.read("detector/nd280").rename(columns={"Ar": "Xx", "mass": "weight"}).to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"lacks the columns \['mass'\] and has unknown ones \['weight', 'Xx'\]"):
        load_detector(path)
    with pytest.raises(ValueError, match=r"composition of TPC must be one of H, C, .*got 'Xx'"):
        Module("TPC", SOURCE, 1.0, {"Xx": 1.0})


def test_a_text_where_a_number_should_be_is_refused(tmp_path):
    path = tmp_path / "mine.csv"
    changed = datasets.read("detector/nd280").astype({"mass": object})
    changed.loc[0, "mass"] = "heavy"
    changed.to_csv(path, index=False)
    with pytest.raises(ValueError, match="mass of P0D-ECAL1 must be real numbers, got text: 'heavy'"):
        load_detector(path)


# --- Fiducial boxes lie inside active ones ---

ACTIVE = Box((-10.0, -20.0, 100.0), (10.0, 20.0, 130.0))


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("side", ["low", "high"])
def test_a_fiducial_box_that_sticks_out_on_any_side_is_refused(axis, side):
    corners = {"low": list(ACTIVE.low), "high": list(ACTIVE.high)}
    corners[side][axis] += {"low": -0.5, "high": 0.5}[side]
    fiducial = Box(tuple(corners["low"]), tuple(corners["high"]))
    with pytest.raises(ValueError, match="fiducial volume of block must lie in its active one"):
        Module("block", ACTIVE, 1.0, {"C": 1.0}, fiducial)


def test_a_fiducial_box_may_fill_the_active_one():
    assert Module("block", ACTIVE, 1.0, {"C": 1.0}, ACTIVE).fiducial_mass == 1.0


def test_a_corner_given_as_tuple_counts_in_all_directions():
    """Python compares tuples by their first elements: that would let any z pass."""
    assert not ACTIVE.contains((0.0, 0.0, 500.0))
    assert ACTIVE.contains((0.0, 0.0, 115.0))


@pytest.mark.parametrize("chamber", ["TPC2", "TPC3"])
def test_the_fiducial_z_that_table_two_prints_for_this_chamber_is_refused(chamber):
    table = datasets.read("detector/nd280").set_index("module")
    table.loc[chamber, "fiducial_z_begin"] = 256
    with pytest.raises(ValueError, match=f"fiducial volume of {chamber}"):
        Detector.from_table("ND280", table.reset_index())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fiducial_x": np.nan}, "TPC1 must have all of fiducial_x, .* or none, got 3 of four"),
        ({"fiducial_y": np.nan}, "TPC1 must have all of fiducial_x, .* or none, got 3 of four"),
        ({"width_x": -5.0}, "width_x of TPC1 must be positive and finite, got -5"),
        (
            {"module": None},
            "each module must have a name, got (nan|None) at z_begin = 251",
        ),  # by the version of pandas
    ],
)
def test_a_row_that_is_not_whole_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Detector.from_table("X", table(TPC1=changes))


def test_new_modules_of_the_upgrade_keep_the_margins_of_the_old_ones():
    """Table II: 8 and 5 cm around argon, 5 cm in front and 17 behind; 5.5 cm around an FGD, 1 cm in front."""
    old, new = ND280, ND280_UPGRADE
    for new_name, old_name in (("HATPC-top", "TPC1"), ("HATPC-bottom", "TPC1"), ("SuperFGD", "FGD1")):
        for end in ("low", "high"):
            margins = [
                np.subtract(getattr(module.fiducial, end), getattr(module.active, end))
                for module in (new[new_name], old[old_name])
            ]
            np.testing.assert_allclose(*margins, atol=1e-9)


def test_a_part_of_a_detector_has_its_modules_where_they_are():
    tracker = ND280_TRACKER
    assert [m.name for m in tracker.modules] == ["TPC1", "FGD1", "TPC2", "FGD2", "TPC3"]
    assert all(tracker[m.name] == ND280[m.name] for m in tracker.modules)
    assert tracker.number_of_nuclei("Ar") == ND280.number_of_nuclei("Ar")
    assert tracker.number_of_nuclei("Pb") == 0
    assert ND280.only(["FGD1"]).name == "FGD1 of ND280"
    with pytest.raises(KeyError, match="ND280 has no module 'FGD3'"):
        ND280.only(["FGD3"])


# --- Materials, and files that are hostile or altered ---


def test_argon_may_be_a_liquid(tmp_path):
    """MicroBooNE: 2.56 × 2.33 × 10.37 m³ with 1.40 g/cm³, 86.6 t."""
    box = Box.centred(256, 233, 1037, 0)
    assert Module("TPC", box, 86.6e6, {"Ar": 1.0}).density == pytest.approx(1.40, rel=1e-3)
    path = tmp_path / "microboone.csv"
    header = "module,width_x,width_y,length_z,z_begin,mass,fiducial_x,fiducial_y,fiducial_z,fiducial_z_begin,Ar"
    path.write_text(f"{header}\nTPC,256,233,1037,0,86.6,,,,,1\n")
    assert load_detector(path)["TPC"].material == "Ar"


def test_a_table_that_a_manifest_states_is_taken_as_it_is_and_no_other(tmp_path):
    path = tmp_path / "mine.csv"
    table(TPC1={"mass": 0.0532}).to_csv(path, index=False)  # ten bar
    with pytest.raises(ValueError, match=r"argon of TPC1 must weigh .* or state the table by a manifest"):
        load_detector(path)
    manifest = tmp_path / "mine.toml"
    manifest.write_text(f'sha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"\n')
    assert load_detector(path)["TPC1"].density == pytest.approx(10 * ARGON_DENSITY, rel=0.01)
    path.write_text(path.read_text().replace("0.0532", "0.0533"))
    with pytest.raises(datasets.DataIntegrityError, match=r"mine.csv was altered: its sha256 is .*, mine.toml has"):
        load_detector(path)
    manifest.write_text("sha256 = \n")
    with pytest.raises(ValueError, match="describes no detector"):
        load_detector(path)


@pytest.mark.parametrize("name", ["detector/nd280", "detector/nd280_upgrade"])
def test_tables_of_the_package_are_plausible_without_their_manifest(tmp_path, name):
    path = tmp_path / "copy.csv"
    path.write_bytes(datasets.path(name).read_bytes())
    assert load_detector(path, "ND280" if name.endswith("280") else "upgraded ND280") in (ND280, ND280_UPGRADE)
    assert load_detector(datasets.path(name)).modules == load_detector(path).modules


def test_a_wrong_leading_digit_of_any_mass_is_refused_or_within_the_play_of_its_material(tmp_path):
    """Every first digit of every mass, replaced by every other: what passes is within a factor of three."""
    path, passed = tmp_path / "mine.csv", []
    for name, mass in table().set_index("module").mass.items():
        digits = f"{mass:g}"
        place = next(i for i, c in enumerate(digits) if c not in "0.")
        for digit in "123456789":
            wrong = float(digits[:place] + digit + digits[place + 1 :])
            table(**{name: {"mass": wrong}}).to_csv(path, index=False)
            try:
                load_detector(path)
            except ValueError:
                continue
            passed.append(wrong / mass)
    assert 1 / 3 < min(passed) <= 1 <= max(passed) < 2.1
    assert len(passed) < 0.4 * 9 * 8


@pytest.mark.parametrize(("first", "second"), [("length_z", "z_begin"), ("fiducial_z", "fiducial_z_begin"),
                                               ("mass", "width_x"), ("fiducial_x", "fiducial_z")])  # fmt: skip
def test_swapped_columns_are_refused(tmp_path, first, second):
    path = tmp_path / "mine.csv"
    table().rename(columns={first: second, second: first}).to_csv(path, index=False)
    with pytest.raises(ValueError, match="describes no detector"):
        load_detector(path)


def test_files_without_end_and_files_that_are_too_large_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ValueError, match=r"an ordinary file, got .*pipe.csv"):
        load_detector(tmp_path / "pipe.csv")
    with pytest.raises(FileNotFoundError, match="no file at"):
        load_detector(tmp_path / "none.csv")
    rows = datasets.read("detector/nd280").to_csv(index=False)
    long = tmp_path / "long.csv"
    long.write_text(rows + rows.split("\n", 2)[1] * 20_000)
    with pytest.raises(ValueError, match=r"must be a file of at most 1000000 bytes, got"):
        load_detector(long)
    long.write_text(rows + "x,1,1,1,1,1,,,,,,,1,,,,,\n" * 3000)
    with pytest.raises(ValueError, match="must have at most 2000 modules, got 3008"):
        load_detector(long)
    long.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="must be a text in UTF-8"):
        load_detector(long)


@pytest.mark.parametrize("corner", [(0, 0), (0, 0, "1"), (0, 0, 1j), (0, 0, np.nan), (0, 0, np.inf), "abc", None])
def test_a_corner_that_is_none_is_refused(corner):
    with pytest.raises((TypeError, ValueError), match="high must be"):
        Box((-1.0, -1.0, -1.0), corner)


@pytest.mark.parametrize("mass", ["1", None, 1j, [1.0]])
def test_a_mass_that_is_no_number_is_refused(mass):
    with pytest.raises((TypeError, ValueError), match=r"mass of m must be (one number|real numbers)"):
        Module("m", SOURCE, mass, {"C": 1.0})
    with pytest.raises((TypeError, ValueError), match=r"C of m must be (one number|real numbers)"):
        Module("m", SOURCE, 1.0, {"C": mass})
    with pytest.raises(ValueError, match="mass fractions of m must add up to 1"):
        Module("m", SOURCE, 1.0, {"C": 0.995})


def test_a_ray_that_only_touches_an_edge_misses():
    box = Box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert chord(box, (-1.0, 0.0, 0.5), np.array([1.0, 1.0, 0.0]) / np.sqrt(2)) == (0, 0)


@pytest.mark.parametrize("excess", [-1e-6, 1e-6, 5e-3])
def test_mass_fractions_add_up_to_one(excess):
    with pytest.raises(ValueError, match="mass fractions of block must add up to 1"):
        Module("block", Box.centred(1, 1, 1, 0), 1.0, {"C": 0.5, "H": 0.5 + excess})


def test_emphasis_moves_events_into_a_module_and_leaves_all_sums_as_they_are(events):
    """Ten times more in FGD1, each with less weight: sums of weights by module agree within their errors."""
    plain, more = place(events, ND280, seed=7), place(events, ND280, seed=8, emphasis={"FGD1": 10.0})
    assert (more.module == "FGD1").sum() > 4 * (plain.module == "FGD1").sum()
    for name in (module.name for module in ND280.modules):
        sums, squares = ([(s.weight[s.module == name] ** power).sum() for s in (plain, more)] for power in (1, 2))
        assert abs(sums[1] - sums[0]) < 5 * np.sqrt(sum(squares))
    for code in np.unique(events.target).tolist():
        of_code = more.target == code
        nuclei = {m.name: m.number_of_nuclei(symbol) for m in ND280.modules
                  for symbol, nucleus in ND280.nuclei.items() if nucleus.pdg_code == code}  # fmt: skip
        share = nuclei["FGD1"] / sum(nuclei.values())
        expected = 10 * share / (1 + 9 * share)
        found = (more.module[of_code] == "FGD1").mean()
        assert abs(found - expected) < 5 * np.sqrt(expected * (1 - expected) / of_code.sum()) + 1e-12
    assert more.detector.emphasis["FGD1"] == 10.0
    for wrong, error in (({"FGD3": 2.0}, ValueError), ({"FGD1": 0.0}, ValueError), ({"FGD1": "2"}, TypeError),
                         ([("FGD1", 2.0)], TypeError)):  # fmt: skip
        with pytest.raises(error, match="emphasis"):
            place(events, ND280, seed=7, emphasis=wrong)


def test_numbers_of_the_response_are_not_those_of_the_vertices(events):
    """With the same numbers, all leptons from one side of a module would be smeared upwards."""
    lead = events[events.target == NUCLEI["Pb208"].pdg_code]
    placed = place(lead, ND280, seed=7)
    share = np.concatenate([
        (placed.vertex[here] - module.active.low) / np.subtract(module.active.high, module.active.low)
        for module in ND280.modules for here in [placed.module == module.name]
    ])  # fmt: skip
    uniform = np.concatenate([placed.uniform[placed.module == module.name] for module in ND280.modules])
    correlation = np.corrcoef(share.T, uniform.T)[:3, 3:]
    assert np.abs(correlation).max() < 5 / np.sqrt(len(share))


def test_every_event_has_a_vertex_in_a_module_whatever_the_order_of_beams(events):
    placed = place(events, ND280, seed=7)
    assert (placed.module != "").all()
    assert placed.detector.modules == tuple(module.name for module in ND280.modules)


@pytest.mark.parametrize("p", [[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1e-200, 0.0]])
def test_an_n_without_a_direction_is_refused(events, p):
    strange = dataclasses.replace(events[np.arange(2)], p_N=np.array([[1.0, 0.0, 0.0, 0.5], p]))
    with pytest.raises(ValueError, match=r"momentum of N must be above 1e-100 GeV, got 0.0 at 1"):
        place(strange, ND280, seed=1)


class TestMassWithin:
    """Of the fiducial volume, where it is not that of the share of the volume."""

    fgd = ND280["FGD1"]

    def test_that_of_fgd1_is_the_printed_one(self):
        assert self.fgd.fiducial_mass / tonne == pytest.approx(0.92)
        # From the density of the whole it would be 0.941 t, 2.3 % more.
        homogeneous = dataclasses.replace(self.fgd, mass_within=None)
        assert homogeneous.fiducial_mass / self.fgd.fiducial_mass == pytest.approx(1.0231, abs=1e-4)

    def test_densities_within_and_around_make_the_mass_of_the_module(self):
        """The mean over the active volume is one, and over the fiducial volume that mass over that of the volume."""
        vertex = self.fgd.active.uniform(np.random.default_rng(1).random((200_000, 3)))
        density = self.fgd.relative_density(vertex)
        inside = self.fgd.fiducial.contains(vertex)
        assert density.mean() == pytest.approx(1, abs=2e-3)  # 3 sigma of the share of the volume
        assert density[inside].sum() / density.sum() == pytest.approx(0.92 / 1.1, abs=3e-3)

    def test_a_module_without_one_is_as_dense_everywhere(self):
        homogeneous = dataclasses.replace(self.fgd, mass_within=None)
        assert homogeneous.relative_density(np.zeros((2, 3))).tolist() == [1.0, 1.0]

    def test_it_must_be_of_a_part_of_the_module(self):
        with pytest.raises(ValueError, match="mass of FGD1 must be at least its mass_within"):
            dataclasses.replace(self.fgd, mass_within=2 * self.fgd.mass)
        with pytest.raises(ValueError, match="mass_within of FGD1 must be of a fiducial volume"):
            dataclasses.replace(self.fgd, fiducial=None)


@pytest.mark.parametrize("modules", [3, None, "TPC1", [1.0]])
def test_modules_that_are_no_names_are_refused(modules):
    with pytest.raises(TypeError, match="modules must be a sequence of str, got"):
        ND280.only(modules)
    with pytest.raises(TypeError, match="name must be of type str or NoneType"):
        ND280.only(["TPC1"], [])

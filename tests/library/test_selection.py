"""Observables of a pair and the cuts of Eq. (15)."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from any_input import anything
from hypothesis import given
from hypothesis import strategies as st

import darkpkg as dk
from darkpkg.experiment.response import FGD_RESPONSE
from darkpkg.experiment.selection import Cuts, Observables, Selection, observables
from darkpkg.method.events import Events
from darkpkg.physics.kinematics import rotate_z_to, spherical
from darkpkg.units import ELECTRON_MASS

INSIDE = {"energy": 0.5, "mass": 0.1, "t": 0.01, "cos_opening": 0.8, "cos_beam": 0.999}
"""Observables of an event that passes."""

EDGES = {
    "energy": ("min_energy", 0.150, +1),
    "mass": ("max_mass", 0.7, -1),
    "t": ("max_t", 0.03, -1),
    "cos_opening": ("min_cos_opening", 0.0, +1),
    "cos_beam": ("min_cos_beam", 0.99, +1),
}
"""Cut, value printed in Eq. (15), and the side that passes, by observable."""


def events(electron, positron):
    """Events of which only the pair matters."""
    electron, positron = np.atleast_2d(electron), np.atleast_2d(positron)
    n = len(electron)
    return Events(
        weight=np.ones(n),
        m_N=np.full(n, 0.1),
        m_Zprime=np.full(n, 1.25),
        p_N=electron + positron,
        p_electron=electron,
        p_positron=positron,
        target=np.full(n, 1000060120),
        beam=np.full(n, "FHC"),
    )


def lepton(p, theta, phi, mass=ELECTRON_MASS):
    """Four-momentum of a lepton from momentum and angles."""
    x, y, z = np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)
    return np.array([np.sqrt(p**2 + mass**2), p * x, p * y, p * z])


def measured(**changes):
    columns = {name: np.array([value]) for name, value in (INSIDE | changes).items()}
    return Observables(**columns, electron=np.zeros((1, 4)), positron=np.zeros((1, 4)))


def test_observables_of_a_pair_worked_out_by_hand():
    # e⁻ = (0.5; 0.3, 0, 0.4) and e⁺ = (0.5; 0, 0.3, 0.4), both massless: pair = (1; 0.3, 0.3, 0.8).
    o = observables(events([0.5, 0.3, 0, 0.4], [0.5, 0, 0.3, 0.4]))
    assert o.energy == pytest.approx(1.0)
    assert o.mass == pytest.approx(np.sqrt(1 - 0.82))
    assert o.t == pytest.approx(0.2**2 + 0.18)
    assert o.cos_opening == pytest.approx(0.16 / 0.25)
    assert o.cos_beam == pytest.approx(0.8 / np.sqrt(0.82))


def test_transverse_momentum_in_t_is_that_of_the_pair():
    # Back to back across the beam, the leptons' transverse momenta cancel.
    o = observables(events(lepton(0.3, 0.2, 0.4), lepton(0.3, 0.2, 0.4 + np.pi)))
    energy, along = 2 * np.hypot(0.3, ELECTRON_MASS), 0.6 * np.cos(0.2)
    assert o.t == pytest.approx((energy - along) ** 2, rel=1e-12, abs=0)
    assert o.cos_beam == pytest.approx(1.0)
    assert o.cos_opening == pytest.approx(np.cos(0.4))


def test_t_is_the_momentum_transfer_that_would_produce_the_pair_alone():
    # ν(E, 0, 0, E) → pair with E the energy of the pair: −(k − q)² = (E − p_z)² … with nothing else emitted.
    electron, positron = lepton(0.4, 0.1, 1.0), lepton(0.7, 0.3, 4.0)
    pair = electron + positron
    transfer = pair - np.array([pair[0], 0, 0, pair[0]])
    assert observables(events(electron, positron)).t == pytest.approx((transfer[1:] ** 2).sum(), rel=1e-12, abs=0)


@given(st.floats(0.01, 3), st.floats(0.01, 3), st.floats(0, np.pi), st.floats(0, np.pi), st.floats(-3, 3))
def test_mass_and_opening_angle_agree(p1, p2, theta1, theta2, phi):
    first, second = lepton(p1, theta1, 0.3), lepton(p2, theta2, 0.3 + phi)
    o = observables(events(first, second))
    cosine = np.cos(theta1) * np.cos(theta2) + np.sin(theta1) * np.sin(theta2) * np.cos(phi)
    mass_sq = 2 * ELECTRON_MASS**2 + 2 * (first[0] * second[0] - p1 * p2 * cosine)
    assert o.cos_opening[0] == pytest.approx(cosine, abs=1e-12)
    assert o.mass[0] ** 2 == pytest.approx(mass_sq, abs=1e-13 * (first[0] + second[0]) ** 2)


@given(st.floats(0, 2 * np.pi), st.floats(0.05, 2), st.floats(0.05, 2), st.floats(0, 1.5), st.floats(0, 1.5))
def test_nothing_depends_on_the_azimuth_or_on_which_lepton_is_which(phi, p1, p2, theta1, theta2):
    reference = observables(events(lepton(p1, theta1, 0.2), lepton(p2, theta2, 1.0)))
    others = [
        observables(events(lepton(p1, theta1, 0.2 + phi), lepton(p2, theta2, 1.0 + phi))),
        observables(events(lepton(p2, theta2, 1.0), lepton(p1, theta1, 0.2))),
    ]
    for name in INSIDE:
        for other in others:
            assert getattr(other, name) == pytest.approx(getattr(reference, name), abs=1e-7), name


@given(st.floats(-0.9, 1), st.floats(0, 6))
def test_only_two_observables_know_the_beam(cos_theta, phi):
    electron, positron = lepton(0.4, 0.1, 1.0), lepton(0.7, 0.3, 4.0)
    axis = spherical(cos_theta, phi)
    turned = [np.array([p[0], *rotate_z_to(axis, p[1:])]) for p in (electron, positron)]
    before, after = observables(events(electron, positron)), observables(events(*turned))
    for name in ("energy", "mass", "cos_opening"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-10, abs=0)


def test_cuts_are_those_of_equation_15():
    assert dataclasses.asdict(Cuts()) == {cut: value for cut, value, _ in EDGES.values()} | {"beam_tilt": 0.0}


@given(st.floats(0, 0.3), st.floats(-0.3, 0.3))
def test_a_tilt_turns_the_pair_towards_the_floor_and_changes_nothing_else(theta, tilt):
    pair = lepton(0.5, theta, np.pi / 2), lepton(0.3, theta, np.pi / 2)  # upwards
    before = observables(events(*pair))
    after = before.inclined(tilt)
    # A cosine loses the square of a small angle to rounding.
    assert np.arccos(after.cos_beam) == pytest.approx(abs(theta - tilt), abs=1e-7)
    for name in ("energy", "cos_opening"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-10, abs=0)
    p_z = 0.8 * np.cos(theta - tilt)
    expected = (before.energy - p_z) ** 2 + (0.8 * np.sin(theta - tilt)) ** 2
    assert after.t == pytest.approx(expected, abs=1e-5)  # of which the electron's mass is a part


def test_cuts_with_a_tilt_have_their_cone_about_the_axis_of_the_detector():
    tilt = np.radians(1.6)
    edge = np.arccos(0.99)
    for upwards, passes in ((edge + tilt - 1e-4, True), (edge + tilt + 1e-4, False), (tilt - edge - 1e-4, False)):
        angle = abs(upwards), np.copysign(np.pi / 2, upwards)
        pair = observables(events(lepton(0.3, *angle), lepton(0.3, *angle)))
        assert Cuts(beam_tilt=tilt).passes(pair).tolist() == [passes]


def test_an_event_in_the_middle_passes():
    assert Cuts().passes(measured()).tolist() == [True]


@pytest.mark.parametrize("name", EDGES)
def test_each_cut_alone_removes_what_lies_on_its_wrong_side(name):
    _, edge, side = EDGES[name]
    just_inside, just_outside = np.nextafter(edge, edge + side), np.nextafter(edge, edge - side)
    assert Cuts().passes(measured(**{name: just_inside})).tolist() == [True]
    assert Cuts().passes(measured(**{name: edge})).tolist() == [False]  # all inequalities of Eq. (15) are strict
    assert Cuts().passes(measured(**{name: just_outside})).tolist() == [False]


@pytest.mark.parametrize("name", EDGES)
def test_each_cut_can_be_moved(name):
    cut, edge, side = EDGES[name]
    moved = dataclasses.replace(Cuts(), **{cut: edge - side * 0.005})
    assert moved.passes(measured(**{name: edge})).tolist() == [True]


def test_a_selection_of_many_is_the_selection_of_each():
    rng = np.random.default_rng(8)
    electron, positron = (
        np.array([lepton(p, theta, phi) for p, theta, phi in rng.random((500, 3)) * [1.0, 0.3, 6.28]])
        for _ in range(2)
    )
    together = Cuts().passes(observables(events(electron, positron)))
    alone = [Cuts().passes(observables(events(e, p)))[0] for e, p in zip(electron, positron, strict=True)]
    np.testing.assert_array_equal(together, alone)
    assert 50 < together.sum() < 450


# --- Selections ---


@pytest.fixture(scope="module")
def placed():
    return dk.place(dk.generate(dk.SamplingRange.at(0.1, 0.3), 60_000, seed=8), dk.ND280, seed=9)


def test_without_edges_there_is_one_bin_for_what_passes(placed):
    cuts = Cuts(min_energy=0.4)
    bins = Selection(("TPC1",), cuts=cuts).bins(placed)
    np.testing.assert_array_equal(bins, np.where(cuts.passes(observables(placed)), 0, -1))
    assert set(Selection(("TPC1",)).bins(placed)) == {0}


def test_bins_hold_the_mass_and_the_last_one_the_overflow(placed):
    edges = (0.01, 0.02, 0.03, 0.05)
    selection = Selection(("TPC1",), mass_edges=edges)
    mass, bins = observables(placed).mass, selection.bins(placed)
    assert selection.n_bins == 3
    for i, (low, high) in enumerate(((0.01, 0.02), (0.02, 0.03), (0.03, np.inf))):
        np.testing.assert_array_equal(bins == i, (mass >= low) & (mass < high))
    np.testing.assert_array_equal(bins == -1, mass < 0.01)
    assert (mass > 0.05).sum() > 1000


def test_a_mass_at_an_edge_belongs_to_the_bin_above(placed):
    """As in a histogram; at the first edge it is in, and no bin takes it twice."""
    own = np.sort(observables(placed[np.arange(3)]).mass)
    bins = Selection(("TPC1",), mass_edges=tuple(own)).bins(placed[np.arange(3)])
    np.testing.assert_array_equal(np.sort(bins), [0, 1, 1])


def test_vertices_are_asked_for_in_the_fiducial_box(placed):
    bins = Selection(("FGD1",), vertex_modules=("FGD1", "TPC2")).bins(placed)
    boxes = [dk.ND280[name].fiducial for name in ("FGD1", "TPC2")]
    inside = boxes[0].contains(placed.vertex) | boxes[1].contains(placed.vertex)
    np.testing.assert_array_equal(bins == 0, inside)
    assert 0 < inside.sum() < (np.isin(placed.module, ["FGD1", "TPC2"])).sum()


@dataclasses.dataclass
class Own:
    """Events of one's own, whose columns nothing has looked at; the last three begin in FGD1."""

    p_electron: np.ndarray
    p_positron: np.ndarray
    uniform: np.ndarray

    def __len__(self):
        return len(self.p_electron)

    def starts_in(self, modules):
        return np.arange(len(self)) >= len(self) - 3


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("p_electron", np.nan, "finite and below 1e100 in size, got nan"),
        ("p_positron", np.inf, "finite and below 1e100 in size, got inf"),
        ("uniform", 1.0, r"in \[0, 1\), got 1.0"),
    ],
)
def test_errors_name_the_row_among_all_events(column, value, rule):
    """Not among those that begin in the modules of the vertex."""
    columns = {name: np.full((7, 4), 0.5) for name in ("p_electron", "p_positron", "uniform")}
    columns[column][5, 2] = value
    selection = Selection(("FGD1",), vertex_modules=("FGD1",), response=FGD_RESPONSE)
    with pytest.raises(ValueError, match=rf"{column} must be {rule} at \(5, 2\)"):
        selection.bins(Own(**columns))


def test_cuts_and_bins_see_the_reconstructed_pair(placed):
    selection = Selection(("FGD1",), cuts=Cuts(max_mass=0.05), mass_edges=(0, 0.02, 0.1), response=FGD_RESPONSE)
    seen = observables(FGD_RESPONSE.smear(placed))
    expected = np.where(selection.cuts.passes(seen), np.minimum(np.digitize(seen.mass, [0.02]), 1), -1)
    np.testing.assert_array_equal(selection.bins(placed), expected)
    assert (expected != dataclasses.replace(selection, response=None).bins(placed)).mean() > 0.05


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"efficiency": 0.0}, r"efficiency must be in \(0, 1\], got 0"),
        ({"efficiency": np.nextafter(1, 2)}, r"efficiency must be in \(0, 1\], got 1.0000000000000002"),
        ({"efficiency": np.nan}, r"efficiency must be a number, got nan"),
        ({"decay_modules": ()}, "decay_modules must name at least one module"),
        ({"mass_edges": (0.1,)}, r"mass_edges must increase .* got \(0.1,\)"),
        ({"mass_edges": (0.1, 0.1)}, "mass_edges must increase"),
    ],
)
def test_a_selection_that_selects_nothing_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Selection(**{"decay_modules": ("TPC1",)} | changes)


def test_an_efficiency_of_one_is_one():
    assert Selection(("TPC1",), efficiency=1.0).efficiency == 1


def test_selections_are_values():
    one, other = (Selection(["TPC1"], 0.1, Cuts(), mass_edges=[0, 1]) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != dataclasses.replace(one, efficiency=0.2)


# --- At the edges ---


def pairs(electron, positron):
    """Any pairs, as far as observables look at events."""
    electron, positron = (np.atleast_2d(np.asarray(p, dtype=float)) for p in (electron, positron))
    return SimpleNamespace(p_electron=electron, p_positron=positron)


def test_cosines_of_parallel_momenta_do_not_exceed_one():
    rng = np.random.default_rng(3)
    direction = rng.normal(size=(5000, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    electron = np.concatenate([np.ones((5000, 1)), direction], axis=1) * rng.uniform(0.1, 3, (5000, 1))
    positron = electron * rng.uniform(0.1, 3, (5000, 1))
    along = np.concatenate([np.ones((5000, 1)), np.zeros((5000, 2)), np.ones((5000, 1))], axis=1)
    seen = observables(pairs(electron, positron))
    assert seen.cos_opening.max() == 1
    np.testing.assert_allclose(seen.cos_opening, 1, rtol=1e-12)
    forward = observables(pairs(along * 0.7, along * 0.3))
    assert (forward.cos_beam == 1).all()


@pytest.mark.parametrize(
    ("electron", "positron", "message"),
    [
        ([1, 0, 0, np.nan], [1, 0, 0, 1], "p_electron must be finite and below 1e100 in size, got (nan|inf) at"),
        ([1, 0, 0, 1], [1, 0, 0, np.inf], "p_positron must be finite and below 1e100 in size, got (nan|inf) at"),
        ([1, 0, 0], [1, 0, 0], r"p_electron must have the shape \(n, 4\), got \(1, 3\)"),
    ],
)
def test_momenta_that_are_none_are_refused(electron, positron, message):
    with pytest.raises(ValueError, match=message):
        observables(pairs(electron, positron))


def test_a_mass_at_an_edge_counts_in_the_bin_above():
    """Bins hold their lower edge, as histograms do: at the first edge a mass is selected, at the last in overflow."""
    events = dk.place(dk.generate(dk.SamplingRange.at(0.1, 1.25), 500, seed=1), dk.ND280, seed=2)
    masses = np.sort(observables(events).mass)
    edges = (masses[10], masses[200], masses[400])
    bins = Selection(("TPC1",), mass_edges=edges).bins(events)
    expected = np.where(observables(events).mass < edges[1], 0, 1)
    expected[observables(events).mass < edges[0]] = -1
    np.testing.assert_array_equal(bins, expected)


@pytest.mark.parametrize("value", ["0.1", None, 0.1 + 1j, [0.1]])
def test_cuts_and_efficiencies_that_are_no_numbers_are_refused(value):
    with pytest.raises((TypeError, ValueError), match="max_t must be"):
        Cuts(max_t=value)
    with pytest.raises((TypeError, ValueError), match=r"efficiency must be (one number|real numbers)"):
        Selection(("TPC1",), efficiency=value)


@given(st.sampled_from(["p_electron", "p_positron"]), anything(3))
def test_observables_are_right_or_the_momenta_are_refused_by_name(name, value):
    half = np.tile([0.5, 0.0, 0.3, 0.4], (3, 1))
    pairs = SimpleNamespace(**({"p_electron": half, "p_positron": half} | {name: value}))
    try:
        found = observables(pairs)
    except (ValueError, TypeError) as error:
        if name not in str(error):
            raise AssertionError(f"the error does not name {name}") from error
    else:
        np.testing.assert_array_equal(found.energy, 0.5 + np.asarray(value, dtype=float)[:, 0])
        assert all(np.shape(getattr(found, observable)) == (3,) for observable in (*INSIDE, "azimuth"))


def test_an_angle_to_a_lepton_at_rest_is_no_number_and_passes_no_cut():
    at_rest = np.array([[ELECTRON_MASS, 0.0, 0.0, 0.0]])
    found = observables(SimpleNamespace(p_electron=at_rest, p_positron=np.array([[0.5, 0.0, 0.0, 0.4999]])))
    assert np.isnan(found.cos_opening).all()
    assert found.cos_beam == pytest.approx(1)
    anything_goes = Cuts(-np.inf, np.inf, np.inf, -np.inf, -np.inf)
    assert not anything_goes.passes(found).any()


# --- Cuts from outside of the package ---


@dataclasses.dataclass(frozen=True)
class Upwards:
    """Eq. (15), and a pair that flies upwards."""

    def passes(self, o):
        return Cuts().passes(o) & (o.azimuth > 0)


def test_a_cut_on_the_azimuth_of_the_pair_selects_as_it_says(placed):
    both, upwards = (Selection(("TPC1",), cuts=cuts).bins(placed) for cuts in (Cuts(), Upwards()))
    pair = placed.p_electron + placed.p_positron
    np.testing.assert_array_equal(upwards, np.where(pair[:, 2] > 0, both, -1))
    assert 0 < (upwards == 0).sum() < (both == 0).sum()


def test_a_cut_from_outside_halves_the_rate(placed):
    """No direction across the beam is special."""
    B = dk.BENCHMARK_B.replace(m_N=0.1, m_Zprime=0.3)
    rate, half = (
        dk.Kernel(placed).upscatterings(B, dk.ANALYSIS_I.with_selection(cuts=cuts)).total()
        for cuts in (Cuts(), Upwards())
    )
    assert abs(half.mean - rate.mean / 2) < 4 * np.hypot(half.error, rate.error / 2)


@pytest.mark.parametrize("answer", [1.0, np.array([True]), np.zeros(3)])
def test_cuts_that_give_no_truth_values_are_refused(placed, answer):
    class Broken:
        def passes(self, o):
            return answer

    found = "(real numbers|truth values) of shape"
    with pytest.raises(
        ValueError, match=rf"passes of cuts must give a truth value for each of \d+ events, got {found}"
    ):
        Selection(("TPC1",), cuts=Broken()).bins(placed)
    with pytest.raises(TypeError, match="cuts must be of type PairCuts or NoneType"):
        Selection(("TPC1",), cuts=answer)

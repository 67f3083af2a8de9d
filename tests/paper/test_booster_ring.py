"""One ring of two showers: identities of the criterion, resolution, reconstruction, efficiency, bins."""

from typing import NamedTuple

import numpy as np
import pytest

from darkpkg.experiment.response import Pairs
from darkpkg.units import ELECTRON_MASS, NEUTRON_MASS, PROTON_MASS
from paper.booster import ring

N = 40_000


class Showers(NamedTuple):
    p_electron: np.ndarray
    p_positron: np.ndarray
    uniform: np.ndarray


def lepton(E, cos_theta, phi=0.0):
    E, cos_theta, phi = np.broadcast_arrays(E, cos_theta, phi)
    p, sine = np.sqrt(E**2 - ELECTRON_MASS**2), np.sqrt(1 - cos_theta**2)
    return np.stack([E, p * sine * np.cos(phi), p * sine * np.sin(phi), p * cos_theta], axis=-1)


def showers(E, cos_theta, seed=3):
    one = lepton(np.full(N, E), cos_theta)
    return Showers(one, one, np.random.default_rng(seed).random((N, 4)))


def test_the_neutrino_energy_of_quasi_elastic_kinematics_comes_back():
    """Of ν_e n → e⁻ p, from the angle of the electron in the centre of mass."""
    E_nu, cos_star = np.meshgrid([0.25, 0.5, 1.0, 2.0], [-0.9, 0.0, 0.9])
    s = NEUTRON_MASS**2 + 2 * NEUTRON_MASS * E_nu
    E_star = (s + ELECTRON_MASS**2 - PROTON_MASS**2) / (2 * np.sqrt(s))
    p_star = np.sqrt(E_star**2 - ELECTRON_MASS**2)
    gamma, boost = (E_nu + NEUTRON_MASS) / np.sqrt(s), E_nu / np.sqrt(s)
    E, p_z = gamma * E_star + boost * p_star * cos_star, gamma * p_star * cos_star + boost * E_star
    found = ring.neutrino_energy(E, p_z / np.sqrt(E**2 - ELECTRON_MASS**2))
    np.testing.assert_allclose(found, E_nu, rtol=1e-12)  # rounding


@pytest.mark.parametrize("E", [0.1, 0.4, 1.2])
def test_smearing_has_the_published_widths(E):
    pairs = ring.smeared(showers(E, 0.3))
    true, found = lepton(E, 0.3), pairs.p_electron
    width = 0.12 * np.sqrt(E) + 0.01
    # The error of a width is its share 1/√(2N); five sigma. At 0.1 GeV one in 30 would have no energy and has zero.
    kept = found[:, 0] > 2 * ELECTRON_MASS
    median = np.sort(np.abs(found[:, 0] - E))[int(0.6827 * N)]
    assert median == pytest.approx(width, rel=5 * 2 / np.sqrt(N))
    cosine = (found[kept, 1:] @ true[1:]) / np.linalg.norm(found[kept, 1:], axis=1) / np.linalg.norm(true[1:])
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    assert np.sqrt(np.mean(angle**2)) == pytest.approx(2.7 - np.log(E), rel=5 / np.sqrt(2 * N))


def test_smearing_has_no_preferred_azimuth_unless_it_is_kept():
    one = showers(0.4, 0.8)
    found = ring.smeared(one).p_electron
    # Across the plane of beam and lepton as much as in it, five sigma.
    across, along = found[:, 2] / found[:, 0], np.arctan2(found[:, 1], found[:, 3]) - np.arccos(0.8)
    assert across.std() == pytest.approx(along.std(), rel=5 / np.sqrt(N))
    assert abs(across.mean()) < 5 * across.std() / np.sqrt(N)
    kept = ring.smeared(one, azimuth_kept=True).p_electron
    np.testing.assert_allclose(np.arctan2(kept[:, 2], kept[:, 1]), 0.0, atol=1e-12)
    cosines = [p[:, 3] / np.linalg.norm(p[:, 1:], axis=1) for p in (found, kept)]
    np.testing.assert_allclose(*cosines, atol=1e-9)  # the angle to the beam is the same


def test_random_numbers_of_energy_and_angle_are_independent():
    found = ring.smeared(showers(0.4, 0.8)).p_electron
    correlation = np.corrcoef(found[:, 0], found[:, 3] / np.linalg.norm(found[:, 1:], axis=1))[0, 1]
    assert abs(correlation) < 5 / np.sqrt(N)


@pytest.mark.parametrize("tuning", ring.TUNINGS)
@pytest.mark.parametrize("criterion", ring.CRITERIA)
class TestTheCriterion:
    def test_a_shower_alone_is_one(self, criterion, tuning):
        E = np.linspace(0.1, 1.5, 30)
        nothing = lepton(np.full(30, 1.0001 * ELECTRON_MASS), 0.3)
        assert ring.is_one_ring(Pairs(lepton(E, 0.3), nothing), criterion, tuning).all()

    def test_equal_showers_back_to_back_are_two(self, criterion, tuning):
        E = np.linspace(0.08, 0.8, 30)
        pairs = Pairs(lepton(E, 0.3), lepton(E, -0.3, np.pi))
        assert not ring.is_one_ring(pairs, criterion, tuning).any()

    def test_it_does_not_matter_which_is_the_electron(self, criterion, tuning):
        rng = np.random.default_rng(5)
        one, two = (lepton(rng.uniform(0.02, 0.6, N), rng.uniform(-1, 1, N), rng.uniform(0, 6, N)) for _ in "12")
        there, back = (ring.is_one_ring(Pairs(*pair), criterion, tuning) for pair in ((one, two), (two, one)))
        np.testing.assert_array_equal(there, back)
        assert 0.01 < there.mean() < 0.9


def test_equal_showers_on_top_of_each_other_are_one_by_their_mass_only():
    """The criteria of arXiv:2210.08021 are tuned on pions, whose showers never lie together: there r = 1/2."""
    E = np.linspace(0.15, 0.6, 10)
    pairs = Pairs(lepton(E, 0.3), lepton(E, 0.3))
    assert ring.is_one_ring(pairs, "mass").all()
    for criterion in ("circle1", "diagonal", "circle0"):
        assert not ring.is_one_ring(pairs, criterion).any()


def test_the_criterion_is_that_of_the_table_in_the_middle_of_a_bin():
    """0.39 GeV: the cut on r is that of 0.38 to 0.40 GeV, here from both sides of it."""
    from darkpkg import datasets

    cut = datasets.read("miniboone/one_ring").query("e_low == 0.38").r_circle1_1c100s.item()
    for r, one in ((cut - 1e-3, True), (cut + 1e-3, False)):
        electron, positron = lepton(0.39 * (1 - r), 0.3), lepton(0.39 * r, 0.3)
        assert ring.is_one_ring(Pairs(electron[None], positron[None])).item() is one


def test_the_efficiency_is_the_published_one_with_its_error():
    np.testing.assert_allclose(ring.efficiency([0.05, 0.25, 1.15, 5.0]), [0.0, 0.135, 0.082, 0.026])
    np.testing.assert_allclose(ring.efficiency(0.25, shift=-1.0), 0.135 - 0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variable": "mass"}, "variable must be one of"),
        ({"criterion": "square"}, "criterion must be one of"),
        ({"edges": (0.3, 0.2)}, "edges must increase"),
        ({"fiducial_share": 0.1}, "fiducial_share must be at least"),
        ({"efficiency_shift": np.nan}, "efficiency_shift must be a number"),
    ],
)
def test_a_selection_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        ring.OneRing(("oil",), **change)

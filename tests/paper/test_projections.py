"""Projections of the paper: exposures, masses and backgrounds as the text has them, and as the authors' code has."""

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.inference.likelihood import log_likelihood
from darkpkg.method.expectation import Expectation
from paper.causes import projections
from paper.causes.planes import Plane
from paper.causes.readings import TEXT
from paper.curves import panel

I, II = dk.ANALYSIS_I, dk.ANALYSIS_II
NAMES = ("T2K-I", "T2K-I+II")


class TestOurs:
    def test_with_todays_detector_the_exposure_alone_changes(self):
        (one,) = projections.ours("heavy", "T2K-I")
        np.testing.assert_allclose(one.factors["argon"], 4e21 / 18.63e20)
        np.testing.assert_allclose(one.factors["others"], one.factors["argon"])
        np.testing.assert_allclose(one.analysis.background, I.background * 4e21 / 18.63e20)
        assert one.analysis.observed.tolist() == [1, 0]

    @pytest.mark.parametrize("mediator", ["heavy", "light"])
    def test_the_upgrade_is_one_data_set_more_for_each_analysis(self, mediator):
        first, both = (projections.ours(mediator, name) for name in NAMES)
        assert len(both) == 2 * len(first) == (2 if mediator == "heavy" else 4)

    def test_of_the_upgrade_argon_alone_counts_as_much_as_there_is(self):
        _, upgrade = projections.ours("heavy", "T2K-I+II")
        assert list(upgrade.factors) == ["argon"]
        volumes = 3 * 170 * 196 * 56, 3 * 170 * 196 * 56 + 2 * 184 * 70 * 158
        np.testing.assert_allclose(upgrade.factors["argon"], 16e21 / 18.63e20 * volumes[1] / volumes[0], rtol=2e-3)
        np.testing.assert_allclose(upgrade.factors["argon"], upgrade.analysis.background / I.background)

    def test_a_simulation_in_the_upgraded_detector_has_as_many_events_from_argon(self):
        """Most N decay where they are made: chambers of another shape lose as many, to a few per cent."""
        _, upgrade = projections.ours("light", "T2K-I+II")[:2]
        there = dk.T2K.replace(detector=dk.ND280_UPGRADE, analyses={"I": dk.project(I, detector=dk.ND280_UPGRADE)})
        theta = dk.BENCHMARK_A.replace(m_N=0.3)
        found = [
            dk.detected_weight(dk.simulate(theta, 8192, 1, experiment=experiment), theta, analysis).sum()
            for experiment, analysis in ((dk.T2K, I), (there, there.analyses["I"]))
        ]
        assert found[1] / found[0] == pytest.approx(upgrade.factors["argon"][0], rel=0.05)

    def test_elements_of_the_fgds_weigh_what_table_ii_has(self):
        two = projections.ours("light", "T2K-I")[1]
        exposure = 4e21 / 18.21e20
        np.testing.assert_allclose(two.factors["carbon"], exposure * (1 + 0.50 / 0.88))
        np.testing.assert_allclose(two.factors["oxygen"], exposure * (1 + 0.41 / 0.04))
        np.testing.assert_allclose(two.analysis.background, II.background * exposure * 2)


class TestTheirs:
    def test_exposures_are_those_of_the_code(self):
        """3.766e21 POT, and the rest of 20e21 with the same shares."""
        assert sum(projections.POT["T2K-I"].values()) == pytest.approx(3.766e21)
        assert sum(sum(pot.values()) for pot in projections.POT.values()) == pytest.approx(20e21)

    def test_fewer_protons_leave_no_expected_count(self):
        (one,) = projections.theirs("heavy", "T2K-I")
        assert one.analysis.background[0] == pytest.approx(0.563 * 2.116e21 / 12.34e20)
        assert one.analysis.observed.tolist() == [0, 0]

    def test_new_volumes_lose_their_margins_twice(self):
        assert pytest.approx(2 * 168 * 60 * 136.4) == projections.NEW_CHAMBERS
        assert pytest.approx(169 * 33 * 188.92) == projections.SUPER_FGD

    def test_for_a_heavy_dark_photon_argon_is_counted_in_fiducial_volumes_twice(self):
        heavy, light = (projections.theirs(mediator, "T2K-I+II")[1] for mediator in ("heavy", "light"))
        ratio = heavy.factors["argon"] / light.factors["argon"]
        np.testing.assert_allclose(ratio, 170 * 196 * 56.3 / (186 * 206 * 78.1))

    def test_after_the_upgrade_the_fgds_have_no_oxygen(self):
        before, after = projections.theirs("light", "T2K-I+II")[2:]
        assert np.all(before.factors["oxygen"] > 0)
        assert not after.factors["oxygen"].any()

    def test_the_background_of_the_fgds_follows_their_carbon(self):
        for one in projections.theirs("light", "T2K-I+II")[2:]:
            np.testing.assert_allclose(one.analysis.background, II.background * one.factors["carbon"])


def test_data_sets_are_one_analysis_of_all_their_bins():
    """A signal that is s in all bins of all parts has −Δ ln L of the analyses together."""
    y = np.geomspace(1e-11, 1, 300)
    parts = {name: Plane(panel(9, "left"), I, np.array([0.1, 0.2]), y, lambda x: 1.0) for name in ("argon", "others")}
    for plane in parts.values():
        plane.events[TEXT] = np.broadcast_to(np.outer(y / 1e-7, [1.0, 0.5]), (1, 2, 300, 2))
    sets = projections.ours("heavy", "T2K-I+II")
    both = projections.projected(panel(9, "left"), parts, sets)
    limit = both.limit(TEXT)[0, 0] / 1e-7
    signal = np.concatenate([sum(s.factors.values()) for s in sets]) * np.tile([limit, limit / 2], 2)
    analysis = sets[0].analysis + sets[1].analysis
    lnL = log_likelihood(Expectation(np.stack([0 * signal, signal]), np.zeros((2, 4))), analysis)
    assert lnL[0] - lnL[1] == pytest.approx(2.305, rel=1e-3)

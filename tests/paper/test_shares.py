"""Errors of the shares that are left, and what moves them."""

import numpy as np
import pandas as pd
import pytest

from darkpkg import datasets
from paper.booster import fit, microboone, miniboone, rates, shares

THETA = fit.SPACES["heavy"].parameters(0.1, 1.0, np.array([1e-3, 1e-2]))


@pytest.fixture(scope="module")
def at_nodes():
    return rates.nodes()


def row(choice, replicate, share):
    about = {"mediator": "heavy", "search": "T2K", "level": 0.95}
    return {**about, "choice": choice, "replicate": replicate, "share": share}


def test_errors_are_standard_deviations_of_each_kind():
    rows = [row("offset", k, 0.4 + 0.01 * k) for k in range(3)] + [row("varied", k, 0.4 + 0.04 * k) for k in range(3)]
    table = pd.DataFrame([*rows, row("as stored", 0, 0.9)])
    assert shares.uncertain(table, "heavy", "T2K", 0.95) == pytest.approx((0.01, 0.04))


def test_shifts_are_from_what_is_stored():
    table = pd.DataFrame([row("as stored", 0, 0.4), row("offset", 0, 0.7), row("wider", 0, 0.55)])
    assert shares.shifts(table, "T2K", 0.95) == {"wider": pytest.approx(0.15)}


def test_a_share_and_its_error_have_the_same_digits():
    assert shares.stated(0.4049, 0.0151) == "40\xa0±\xa02"
    assert shares.stated(0.0074, 0.0052) == "0.7\xa0±\xa00.5"
    assert shares.stated(0.0, 0.0) == "0"


def test_varied_rates_have_the_stated_error(at_nodes):
    """The spread of one bin over all nodes, in units of its error."""
    name = "heavy/MiniBooNE"
    other = shares.varied(at_nodes, np.random.default_rng(3))
    mean, varied = (np.exp(one[f"{name}/log"]) * one[f"{name}/share"] for one in (at_nodes, other))
    small = (at_nodes[f"{name}/error"] < 0.2) & (mean > 0)
    pulls = ((varied / mean - 1)[small] / at_nodes[f"{name}/error"][small]).reshape(-1)
    assert pulls.std() == pytest.approx(1.0, abs=0.04)  # of 77 nodes with 22 bins, whose lifetimes are alike
    np.testing.assert_allclose(other[f"{name}/share"].sum(axis=-1), 1.0)


def test_rates_without_errors_do_not_vary(at_nodes):
    exact = {key: 0 * one if key.endswith("error") else one for key, one in at_nodes.items()}
    other = shares.varied(exact, np.random.default_rng(3))
    np.testing.assert_allclose(other["heavy/MiniBooNE/log"], exact["heavy/MiniBooNE/log"], atol=2e-3)  # half floats


def test_a_ratio_scales_the_events():
    stored = rates.load()
    ratio = np.full((3, 3, rates.LIFETIMES.n, 2, 11), 1.3)
    found = shares.Scaled(stored, ratio).events(THETA, miniboone.MINIBOONE_BOTH)
    usual = stored.events(THETA, miniboone.MINIBOONE_BOTH)
    np.testing.assert_allclose(found.mean, 1.3 * usual.mean)
    np.testing.assert_allclose(found.variance, 1.69 * usual.variance)


def test_a_ratio_of_one_bin_at_one_node_stays_there():
    ratio = np.ones((3, 3, rates.LIFETIMES.n, 1, 1))
    ratio[0] = 2.0
    stored = rates.load()
    scaled = shares.Scaled(stored, ratio)
    light, heavy = (fit.SPACES["heavy"].parameters(m_N, 1.0, 1e-2) for m_N in (0.0290001, 0.81))
    for theta, expected in ((light, 2.0), (heavy, 1.0)):
        one, usual = (e.events(theta, microboone.MICROBOONE_PAIRS).mean for e in (scaled, stored))
        assert one / usual == pytest.approx(expected, rel=1e-3)


def test_nothing_is_over_nothing():
    np.testing.assert_array_equal(shares._over(np.array([0.0, 3.0]), np.array([0.0, 2.0])), [1.0, 1.5])


def test_wider_earth_has_more_mass_and_nothing_else():
    for name, (experiment, _) in shares.wider(2.0).items():
        usual = {"MiniBooNE": miniboone.MINIBOONE, "MicroBooNE": microboone.MICROBOONE}[name].detector
        for one, other in zip(experiment.detector.modules, usual.modules, strict=True):
            assert one.mass == pytest.approx((4 if one.name.startswith("earth") else 1) * other.mass), one.name


def test_without_nucleons_nuclei_are_left(simulated):
    theta = fit.SPACES["light"].parameters(0.1, 0.03, 1e-4)
    sample = simulated(theta, 2**9, 5, experiment=miniboone.MINIBOONE, nucleons=True)
    left = shares.without_nucleons(sample)
    nuclei = sample.target % 10 != 1
    assert 0 < nuclei.sum() < len(sample)
    np.testing.assert_array_equal(left.weight, np.where(nuclei, sample.weight, 0.0))


@pytest.mark.filterwarnings("ignore::darkpkg.method.expectation.FewEventsWarning")
def test_the_stored_shares_are_those_of_the_stored_rates():
    table = datasets.read(shares.NAME)
    own = table[(table.mediator == "heavy") & (table.choice == "as stored")].set_index(["search", "level"]).share
    for key, share in shares.shares("heavy").items():
        # If the tables of rates are made anew, so must this one be, beyond the error of the simulation.
        assert share == pytest.approx(own[key], abs=0.02), key


def test_all_choices_are_stored():
    choices = set(datasets.read(shares.NAME).choice)
    expected = {*shares.SELECTIONS, *(f"earth wider by {x:g}" for x in shares.WIDER), "nucleons in T2K"}
    assert choices == {"as stored", "offset", "varied", *expected}

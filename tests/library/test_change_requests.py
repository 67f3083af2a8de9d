"""What a user may want to change, each in a few lines of one's own and without touching the package.

An element of one's own and a spherical detector are in `test_own_experiment`, an estimator for the command line in
`test_cli`.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import sbnd
from scipy import stats

import darkpkg as dk

B, SEARCH = dk.BENCHMARK_B, sbnd.SEARCH


@dataclass(frozen=True)
class Upwards:
    def passes(self, o):
        return o.azimuth > 0


class OfThree:
    """An estimator of one's own: three events at |V_μN|² of benchmark B, in proportion elsewhere."""

    def events(self, theta, analysis):
        mean = 3.0 * np.divide(theta.V_muN_sq, B.V_muN_sq)[..., None] * np.ones(len(analysis.observed))
        return dk.Expectation(mean, mean / 100)

    upscatterings = events


def gaussian(prediction, counts):
    """A likelihood of one's own."""
    total = prediction.mean + counts.background
    return stats.norm.logpdf(counts.observed, total, np.sqrt(total + prediction.variance)).sum(axis=-1)


@pytest.fixture(scope="module")
def sample():
    return dk.simulate(B, 2048, seed=5, experiment=sbnd.SBND)


def rate(sample, analysis):
    return dk.Kernel(sample).events(B, analysis).total()


def test_a_cut_on_the_azimuth_of_the_pair_keeps_half(sample):
    every, upper = rate(sample, SEARCH), rate(sample, SEARCH.with_selection(cuts=Upwards()))
    # N is made at any azimuth alike; half of the events have at least half of the error of all.
    assert abs(upper.mean - every.mean / 2) < 4 * upper.error


def test_half_of_a_flux_from_a_file_makes_half_of_the_events(sample, tmp_path):
    fluxes = {}
    for flavour, flux in sbnd.SBND["BNB"].fluxes.items():
        path = tmp_path / f"{flavour}.csv"
        np.savetxt(path, np.column_stack([flux.edges[:-1], flux.edges[1:], flux.density]), fmt="%.17g", delimiter=",")
        fluxes[flavour] = dk.Flux.from_file(path, pot=2.0, per=1.0)
    half = dk.simulate(B, 2048, seed=5, experiment=sbnd.SBND.replace(beams=(dk.Beam("BNB", fluxes),)))
    assert rate(half, SEARCH).mean == pytest.approx(rate(sample, SEARCH).mean / 2, rel=1e-9)


def test_wrong_sign_neutrinos_are_a_flux_more_of_the_beam(sample):
    right = {14: sbnd.SBND["BNB"][14]}
    without = dk.simulate(B, 2048, seed=5, experiment=sbnd.SBND.replace(beams=(dk.Beam("BNB", right),)))
    assert (set(without.flavour), set(sample.flavour)) == ({14}, {14, -14})
    few, every = rate(without, SEARCH), rate(sample, SEARCH)
    share = dk.Kernel(sample[sample.flavour == 14]).events(B, SEARCH).total()
    assert abs(share.mean - few.mean) < 4 * np.hypot(share.error, few.error)
    assert every.mean > few.mean + 4 * few.error


def test_another_channel_has_a_bin_of_its_own(sample):
    (first,) = SEARCH.channels
    light = replace(first.selection, mass_edges=(0.0, 0.02, 1.0))
    more = [replace(first, name=name, selection=light, background=(1, 2), observed=(1, 2)) for name in ("2", "3")]
    more[1] = replace(more[1], pot=2 * first.pot)
    three = replace(SEARCH, channels=(first, *more))
    mean = dk.Kernel(sample).events(B, three).mean
    assert mean.shape == (5,)
    assert mean[three.bins_of("3")] == pytest.approx(2 * mean[three.bins_of("2")], rel=1e-12)


def test_an_estimator_and_a_likelihood_of_ones_own_are_scanned_and_checked():
    plane = dk.Slice(B, V_muN_sq=np.geomspace(1e-8, 1e-5, 31))
    for likelihood in (dk.log_likelihood, gaussian):
        (found,) = dk.excluded_intervals(OfThree(), plane, SEARCH, likelihood=likelihood)
        for factor, status in ((0.99, "not excluded"), (1.01, "excluded")):
            at_edge = B.replace(V_muN_sq=factor * found.low)
            assert dk.check(OfThree(), at_edge, SEARCH, likelihood=likelihood).status == status


def test_an_error_that_two_channels_share_weakens_the_limit_more_than_one_that_each_has():
    (first,) = SEARCH.channels
    two = replace(SEARCH, channels=(first, replace(first, name="2", pot=2 * first.pot)))
    shared = replace(two, shared=((0.3, 0.3),))
    of_each = replace(two, channels=tuple(replace(one, systematic=np.hypot(0.2, 0.3)) for one in two.channels))
    plane = dk.Slice(B, V_muN_sq=np.geomspace(1e-8, 1e-5, 31))
    own, common, none = (dk.excluded_intervals(OfThree(), plane, a)[0].low for a in (of_each, shared, two))
    assert none < own < common

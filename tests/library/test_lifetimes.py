"""Limits on the lifetime of N, on a toy whose decay probability is known, and on benchmark B."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import optimize
from toy_sample import LENGTH, N_EVENTS, B, counting, toy_sample

import darkpkg as dk
from darkpkg.inference.lifetimes import excluded_lifetimes

BETA_GAMMA = math.sqrt(1 - 0.1**2) / 0.1


@pytest.fixture(scope="module")
def toy():
    return toy_sample()


@pytest.fixture(scope="module")
def at_B():
    return dk.place(dk.generate(dk.SamplingRange.at(0.1, 1.25), 100_000, seed=1), dk.ND280, seed=2)


class TestExcludedLifetimes:
    def test_a_path_that_begins_at_the_vertex_has_a_longest_excluded_lifetime_only(self, toy):
        """rate × (1 − exp(−L/βγcτ)) = ln 10, with nothing expected or seen: solved by hand."""
        rates = np.array([1.0, 2.4, 10.0, 1000.0])
        shortest, longest = excluded_lifetimes(dk.Kernel(toy), B, counting(), rates)
        assert np.isnan([shortest[0], longest[0]]).all()  # one event excludes nothing
        assert (shortest[1:] == 0).all()  # prompt decays are seen
        by_hand = LENGTH / BETA_GAMMA / -np.log1p(-math.log(10) / rates[1:])
        # 1/20 000 in the rate, which at 2.4 events is magnified by the slope of the exponential.
        np.testing.assert_allclose(longest[1:], by_hand, rtol=3e-3)

    def test_a_range_without_end_and_no_range_are_told_apart(self):
        """Boxes from the vertex on, from 0.05 cm on and without end: open below, in the first decade, open above."""
        prompt, near, endless = toy_sample(), toy_sample(), toy_sample()
        near = dataclasses.replace(near, entry=np.full((N_EVENTS, 1), 0.05))
        endless = dataclasses.replace(endless, entry=near.entry, exit=np.full((N_EVENTS, 1), 1e13))
        rate = 1e10
        shortest, longest = excluded_lifetimes(dk.Kernel(near), B, counting(), rate)
        # rate × exp(−0.05 cm/βγcτ) = ln 10
        assert shortest == pytest.approx(0.05 / BETA_GAMMA / math.log(rate / math.log(10)), rel=3e-3)
        assert shortest < 1e-3
        assert longest > 1e6
        assert excluded_lifetimes(dk.Kernel(prompt), B, counting(), rate)[0] == 0
        assert excluded_lifetimes(dk.Kernel(endless), B, counting(), 10.0)[1] == math.inf
        assert np.isnan(excluded_lifetimes(dk.Kernel(endless), B, counting(), 2.0)).all()

    def test_two_ranges_have_the_first_and_the_last_end(self):
        """A box around the vertex and one far away: between 10 cm and 1 m both see little."""
        toy = toy_sample()
        detector = dataclasses.replace(toy.detector, fiducial_modules=("toy", "far"))
        near, far = (0.0, 1.0), (1e5, 1e6)
        toy = dataclasses.replace(
            toy,
            entry=np.tile([near[0], far[0]], (N_EVENTS, 1)),
            exit=np.tile([near[1], far[1]], (N_EVENTS, 1)),
            origin=toy.origin.replace(detector=detector),
        )
        both = counting().with_selection(decay_modules=("toy", "far"))
        shortest, longest = excluded_lifetimes(dk.Kernel(toy), B, both, 100.0)
        assert shortest == 0

        def seen(ctau):
            length = BETA_GAMMA * ctau
            share = -math.expm1(-near[1] / length) + math.exp(-far[0] / length) - math.exp(-far[1] / length)
            return 100 * share - math.log(10)

        assert seen(100.0) < 0 < seen(2e4)
        assert longest == pytest.approx(optimize.brentq(seen, 2e4, 1e9), rel=3e-3)

    def test_a_sample_without_selected_events_is_refused(self, toy):
        nothing = counting().with_selection(cuts=dk.Cuts(min_energy=100.0))
        with pytest.warns(dk.FewEventsWarning), pytest.raises(ValueError, match="upscatterings that toy selects"):
            excluded_lifetimes(dk.Kernel(toy), B, nothing, 10.0)

    @pytest.mark.parametrize("n_events", [100_000, 1_000])
    @pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
    def test_both_ends_are_where_the_likelihood_says(self, n_events):
        """With few events the error of the simulation counts in the likelihood."""
        at_B = dk.place(dk.generate(dk.SamplingRange.at(0.1, 1.25), n_events, seed=1), dk.ND280, seed=2)
        rates = np.array([30.0, 500.0])
        ends = excluded_lifetimes(dk.Kernel(at_B), B, dk.ANALYSIS_I, rates)
        made = dk.Kernel(at_B).upscatterings(B, dk.ANALYSIS_I).total().mean
        nothing = dk.log_likelihood(dk.Expectation(np.zeros(2), np.zeros(2)), dk.ANALYSIS_I)
        for edge in ends:  # between lifetimes of the grid, the spline is right to 1e-4
            for rate, ctau in zip(rates, edge, strict=True):
                scaled = B.replace(V_muN_sq=B.V_muN_sq * rate / made)
                signal = dk.Kernel(at_B).events_at_lifetime(scaled, ctau, dk.ANALYSIS_I)
                assert nothing - dk.log_likelihood(signal, dk.ANALYSIS_I) == pytest.approx(math.log(10), rel=1e-3)
        shortest, longest = ends
        assert (shortest < longest).all()
        assert shortest[1] < shortest[0]
        assert longest[1] > longest[0]

    def test_a_lower_confidence_excludes_more(self, at_B):
        loose, tight = (excluded_lifetimes(dk.Kernel(at_B), B, dk.ANALYSIS_I, 100.0, cl=cl)[0] for cl in (0.68, 0.95))
        assert loose < tight

    def test_what_makes_no_sense_is_refused(self, at_B):
        with pytest.raises(ValueError, match="event_rate must be at least 1e-30, got"):
            excluded_lifetimes(dk.Kernel(at_B), B, dk.ANALYSIS_I, [10.0, -1.0])[0]
        with pytest.raises(ValueError, match="parameters must be a single point"):
            excluded_lifetimes(dk.Kernel(at_B), B.replace(epsilon=[1e-3, 1e-2]), dk.ANALYSIS_I, 10.0)[0]

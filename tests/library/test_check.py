"""Verdicts on single points: what they rest on, and when there is none."""

import dataclasses
import warnings

import numpy as np
import pytest
from toy_sample import counting, toy_sample

import darkpkg as dk
from darkpkg.inference.check import _interval
from darkpkg.inference.threshold import exclusion_rule
from darkpkg.method.expectation import Expectation
from darkpkg.method.weights import selection_weight
from darkpkg.physics.nuclei import Nucleus

B = dk.BENCHMARK_B
I, II = dk.ANALYSIS_I, dk.ANALYSIS_II
AROUND_B = dk.SamplingRange(m_N=(0.05, 0.2), m_Zprime=(0.6, 2.5))
COUNT = dataclasses.replace(I, channels=I.channels[:1])
"""A counting experiment with one channel."""


@pytest.fixture(scope="module")
def at_B(simulated):
    return simulated(dk.SamplingRange.at(float(B.m_N), float(B.m_Zprime)), 20_000, seed=5)


@pytest.fixture(scope="module")
def around_B():
    return dk.simulate(AROUND_B, 60_000, seed=6)


@pytest.fixture(scope="module")
def selected(at_B):
    """Events that count in Analysis I, in FHC."""
    counts = (at_B.beam == "FHC") & (selection_weight(at_B, I.selection) > 0)
    return at_B[
        counts
        & (dk.lifetime_weight(at_B, B.proper_decay_length(), modules=dk.ANALYSIS_I.selection.decay_modules) > 1e-3)
    ]


def scaled(events, point, analysis, expected):
    """The point with its rate set by |V_muN|^2 to so many expected events."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dk.FewEventsWarning)
        rate = float(dk.Kernel(events).events(point, analysis).total().mean)
    return point.replace(V_muN_sq=point.V_muN_sq * expected / rate)


class TestVerdict:
    def test_at_fixed_masses_it_is_that_of_a_scan_of_two_parameters(self, at_B):
        for point in (B, B.replace(V_muN_sq=1e-9)):
            verdict, scan = dk.check(dk.Transport(at_B), point, I), dk.scan(dk.Kernel(at_B), point, I)
            assert (verdict.status == "excluded") == bool(scan.excluded())
            assert verdict.minus_delta_log_likelihood == pytest.approx(float(scan.minus_delta_log_likelihood))
            assert verdict.threshold == pytest.approx(np.log(10), rel=1e-12)
            total = scan.expectation.total()
            for field in ("mean", "error", "n_effective"):
                assert getattr(verdict.expected_events, field) == getattr(total, field)
            assert (verdict.expected_events.bias, verdict.reason, verdict.notes) == (0.0, "", ())

    @pytest.mark.parametrize("cl", [0.68, 0.95])
    def test_the_confidence_level_is_that_of_the_rule(self, at_B, cl):
        verdict = dk.check(dk.Transport(at_B), B, I, cl=cl)
        assert verdict.threshold == pytest.approx(-np.log(1 - cl))  # chi-squared of two parameters
        assert verdict.rule == exclusion_rule(cl)
        assert verdict.rule == f"{100 * cl:g} % CL for 2 parameters, -Delta ln L > {verdict.threshold:.3f}"

    def test_a_sample_over_masses_is_transported_and_has_no_bias(self, around_B, at_B):
        verdict = dk.check(dk.Transport(around_B), B, I)
        expected = dk.Transport(around_B).events(B, I)
        np.testing.assert_array_equal(verdict.expectation.mean, expected.mean)
        assert verdict.expected_events.bias == 0
        alone = dk.check(dk.Transport(at_B), B, I)
        one, other = verdict.expected_events, alone.expected_events
        assert abs(one.mean - other.mean) < 4 * np.hypot(one.error, other.error)

    def test_a_sample_that_is_smoothed_shows_the_bias(self, around_B):
        without = dataclasses.replace(around_B, point=None)
        verdict, smoothed = dk.check(dk.Kernel(without), B, I), dk.Kernel(around_B).events(B, I).total()
        assert verdict.expected_events.mean == smoothed.mean
        assert verdict.expected_events.bias == smoothed.bias != 0

    def test_caveat_and_validity_are_among_the_notes(self, at_B):
        notes = dk.check(dk.Transport(at_B), B.replace(alpha_D=3.0, V_muN_sq=1e-9), II).notes
        assert II.caveat in notes
        assert any(note.startswith("alpha_D = 3 is above 1") for note in notes)

    def test_a_point_close_to_the_limit_is_judged_with_a_note(self, at_B):
        """20,000 events give the rate to some per cent, so that 1 % from the limit the other verdict is open."""
        column = dk.Slice(B, V_muN_sq=np.geomspace(1e-10, 1e-4, 13))
        (interval,) = dk.excluded_intervals(dk.Kernel(at_B), column, I, n_parameters=2)
        for factor, status in ((0.99, "not excluded"), (1.01, "excluded")):
            verdict = dk.check(dk.Transport(at_B), B.replace(V_muN_sq=factor * interval.low), I)
            assert verdict.status == status
            assert any(note.startswith("the verdict changes within ") for note in verdict.notes)


class TestNoStatement:
    def test_mev_for_gev_is_told_to_be_beyond_the_beam(self, at_B, around_B):
        for events in (at_B, around_B):
            verdict = dk.check(dk.Transport(events), B.replace(m_N=100.0), I)
            assert verdict.status == "no statement"
            # On oxygen, whose form factor reaches to Q = 2.59 GeV: (Q² + 100²)(|q| + q_0) / 2Q².
            assert verdict.reason == (
                "no neutrino of the beam can make this N: it takes 2107 GeV, beam ends at 23 GeV "
                "(m_N = 100 GeV; masses are in GeV)"
            )
            assert (verdict.expected_events.mean, verdict.expected_events.n_effective) == (0, 0)

    def test_without_any_effective_event_there_is_none(self, at_B):
        nothing = at_B[selection_weight(at_B, I.selection) == 0]
        for events in (nothing, nothing[:0]):
            verdict = dk.check(dk.Transport(events), B, I)
            assert verdict.status == "no statement"
            assert verdict.reason.startswith("too few effective events: none in FHC, which leaves any number above 0")

    @pytest.mark.parametrize(
        ("expected", "status"),
        [(0.01, "not excluded"), (1.0, "no statement"), (3.0, "no statement"), (1000.0, "excluded")],
    )
    def test_few_events_give_a_verdict_where_all_that_they_leave_open_agrees(self, selected, expected, status):
        few = selected[np.arange(4)]
        verdict = dk.check(dk.Transport(few), scaled(few, B, COUNT, expected), COUNT)
        assert verdict.status == status
        assert 1 < verdict.expected_events.n_effective <= 4
        assert verdict.expected_events.mean == pytest.approx(expected)
        told = verdict.reason or " ".join(verdict.notes)
        assert f"few effective events: {verdict.expected_events.n_effective:.3g} in FHC" in told

    def test_a_channel_without_events_leaves_only_an_exclusion_by_the_others(self, selected):
        """Nothing is in RHC: its rate may be anything, which cannot bring an excluded point back."""
        assert dk.check(dk.Transport(selected), scaled(selected, B, I, 50.0), I).status == "excluded"
        assert dk.check(dk.Transport(selected), scaled(selected, B, I, 0.01), I).status == "no statement"


class TestInterval:
    @pytest.mark.parametrize(("n", "low", "high"), [(1, 0.0253, 5.572), (4, 1.090, 10.242), (9, 4.115, 17.085)])
    def test_it_is_the_published_one_of_a_poisson_mean(self, n, low, high):
        """Garwood's central 95 % intervals, to their digits."""
        signal = Expectation(np.array([float(n)]), np.array([float(n)]))
        lower, upper, n_effective = _interval(signal, COUNT, np.array([False]))
        assert lower.mean == pytest.approx([low], rel=1e-3)
        assert upper.mean == pytest.approx([high], rel=1e-3)
        assert n_effective == pytest.approx([n])

    def test_the_bias_of_smoothing_is_added_on_both_sides(self):
        many = np.array([100.0]), np.array([1e-6])
        low, high, _ = _interval(Expectation(*many, np.array([-7.0]), np.zeros(1)), COUNT, np.array([False]))
        assert low.mean == pytest.approx([93], rel=1e-3)
        assert high.mean == pytest.approx([107], rel=1e-3)

    def test_a_beam_that_cannot_make_n_is_empty_for_certain(self):
        signal = Expectation(np.array([4.0, 0.0]), np.array([1.0, 0.0]))
        assert np.isinf(_interval(signal, I, np.array([False, False]))[1].mean[1])
        _, high, n_effective = _interval(signal, I, np.array([False, True]))
        assert high.mean[1] == 0
        assert n_effective == pytest.approx([16, np.inf])


class TestInput:
    def test_many_points_are_refused(self, at_B):
        with pytest.raises(ValueError, match=r"parameters must be a single point, got shape \(2,\)"):
            dk.check(dk.Transport(at_B), B.replace(epsilon=[1e-3, 1e-2]), I)

    def test_another_kind_of_n_is_refused(self, at_B, around_B):
        for events in (at_B, around_B):
            with pytest.raises(ValueError, match="is_majorana must be False"):
                dk.check(dk.Transport(events), B.replace(is_majorana=True), I)

    def test_masses_outside_the_sample_are_refused(self, around_B):
        with pytest.raises(ValueError, match=r"m_N = 0\.3 GeV lies outside the sampled range"):
            dk.check(dk.Transport(around_B), B.replace(m_N=0.3), I)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"analysis": "I"}, r"analysis must be of type Analysis, got str"),
            ({"parameters": 1.0}, r"parameters must be of type DarkParameters, got float"),
            ({"estimator": "heavy.parquet"}, r"estimator must have a method events, .* got 'heavy.parquet'"),
        ],
    )
    def test_what_is_of_the_wrong_type_is_named(self, at_B, changes, message):
        with pytest.raises(TypeError, match=message):
            dk.check(**{"estimator": dk.Transport(at_B), "parameters": B, "analysis": I} | changes)

    def test_data_that_nothing_can_make_are_refused(self, at_B, selected):
        """And an exclusion does not stand where the fewest events that are left open could not make the data."""
        channel = dataclasses.replace(COUNT.channels[0], background=(0.0,), observed=(1.0,))
        impossible = dataclasses.replace(COUNT, channels=(channel,))
        nothing = at_B[selection_weight(at_B, I.selection) == 0]
        with pytest.raises(ValueError, match="the likelihood of Analysis I is not finite here"):
            dk.check(dk.Transport(nothing), B, impossible)
        assert dk.check(dk.Transport(selected), B, impossible).status == "not excluded"


def test_a_sample_without_the_p0d_says_so_where_the_dark_photon_flies():
    A = dk.BENCHMARK_A
    masses = dk.SamplingRange.at(A.m_N, A.m_Zprime)
    for detector, epsilon, noted in ((dk.ND280_TRACKER, 1e-5, True), (dk.ND280_TRACKER, A.epsilon, False),
                                     (dk.ND280, 1e-5, False)):  # fmt: skip
        events = dk.simulate(masses, 3000, seed=3, experiment=dk.T2K.replace(detector=detector))
        notes = dk.check(dk.Transport(events), A.replace(epsilon=epsilon), I).notes
        assert any("cm before it decays, this sample of ND280 tracker" in note for note in notes) == noted


class Exact:
    """An estimator of one's own whose rate has no error: ``mean`` (bins,), at any lifetime."""

    def __init__(self, *mean):
        self.mean = mean

    def events(self, parameters, analysis):
        mean = np.zeros((*parameters.shape, 1)) + self.mean
        return dk.Expectation(mean, 0 * mean)

    upscatterings = events

    def events_at_lifetime(self, parameters, ctau, analysis):
        return self.events(parameters.replace(epsilon=parameters.epsilon + 0 * np.asarray(ctau)), analysis)


@pytest.mark.parametrize(("mean", "status"), [(4.0, "excluded"), (1.0, "not excluded"), (0.0, "no statement")])
def test_a_rate_without_an_error_needs_no_effective_events(mean, status):
    verdict = dk.check(Exact(mean), B, counting())
    assert verdict.status == status
    if mean:
        assert verdict.minus_delta_log_likelihood == pytest.approx(mean)  # of a Poisson with no count
        assert not [note for note in verdict.notes if "effective" in note]


ANY_DOOR = {
    "check": lambda own, likelihood: dk.check(own, B, counting(), likelihood=likelihood),
    "lifetimes": lambda own, likelihood: dk.excluded_lifetimes(own, B, counting(), 50.0, likelihood=likelihood),
    "scan": lambda own, likelihood: dk.scan(
        own, dk.Slice(B, epsilon=[0.01, 0.02]), counting(), likelihood=likelihood
    ),
    "intervals": lambda own, likelihood: dk.excluded_intervals(
        own, dk.Slice(B, epsilon=[0.01, 0.02]), counting(), likelihood=likelihood
    ),
    "point": lambda own, likelihood: dk.PointLikelihood(own, counting(), B, {}, likelihood)(B),
}


@pytest.mark.parametrize("door", ANY_DOOR)
@pytest.mark.parametrize(
    "lnL",
    [
        lambda signal, _: signal.mean[..., 0] * np.nan,
        lambda signal, _: signal.mean[..., 0] * 1j,
        lambda signal, _: np.full(signal.mean.shape[:-1], np.inf),
        lambda signal, _: signal.mean,
        lambda *_: None,
    ],
)
def test_a_likelihood_of_ones_own_must_be_one_number_for_each_point(door, lnL):
    with pytest.raises(ValueError, match="likelihood must be one number for each of the points"):
        ANY_DOOR[door](Exact(4.0), lnL)


@pytest.mark.parametrize("door", ANY_DOOR)
@pytest.mark.parametrize("mean", [(np.nan,), (1.0, 2.0)])
def test_an_estimator_of_ones_own_must_predict_a_number_in_each_bin(door, mean):
    with pytest.raises(ValueError, match="mean of a prediction must"):
        ANY_DOOR[door](Exact(*mean), dk.log_likelihood)


def test_a_threshold_on_an_element_of_ones_own_is_named():
    """Gold stands in no table: only the origin of the events has its mass."""
    gold, origin = Nucleus("Au197", 79, 197, 183.4329), toy_sample().origin
    site = dk.Site("toy", ("toy",), {gold.pdg_code: 1e28})
    slow = dk.Beam("FHC", {14: dk.Flux([0.0, 0.05], [1e-9])})
    sample = dataclasses.replace(
        toy_sample(),
        target=np.full(len(toy_sample()), gold.pdg_code),
        origin=origin.replace(nuclei=(gold,), detector=site, beams=(slow,)),
    )
    verdict = dk.check(dk.Kernel(sample), B, counting())
    assert verdict.status == "no statement"
    assert verdict.reason.startswith("no neutrino of the beam can make this N: it takes 0.1 GeV")

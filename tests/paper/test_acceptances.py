"""Shares of a weighted sample, their errors and effective numbers."""

import math

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.method.weights import exposure_weight
from paper.acceptances import Share, decay_acceptance, selection_efficiency

B = dk.BENCHMARK_B


@pytest.fixture(scope="module")
def fixed():
    return dk.place(dk.generate(dk.SamplingRange.at(0.1, 1.25), 50_000, seed=13), dk.ND280, seed=14)


@pytest.fixture(scope="module")
def light():
    """A dedicated sample at benchmark A."""
    A = dk.BENCHMARK_A
    return dk.place(dk.generate(dk.SamplingRange.at(A.m_N, A.m_Zprime), 200_000, seed=7), dk.ND280, seed=8)


def test_a_share_of_independent_weights_scatters_by_its_error():
    rng = np.random.default_rng(1)
    shares = [Share.of(rng.random(400) < 0.3, rng.exponential(size=400)) for _ in range(300)]
    pulls = [(share.mean - 0.3) / share.error for share in shares]
    assert np.mean(np.square(pulls)) == pytest.approx(1, abs=4 * np.sqrt(2 / 300))


def test_a_share_needs_a_value_for_each_weight():
    with pytest.raises(ValueError, match=r"of one shape \(n,\), got \(2,\) and \(3,\)"):
        Share.of([1, 0], np.ones(3))
    with pytest.raises(ValueError, match="weights must be a number, got nan"):
        Share.of([1, 0], [1.0, np.nan])


def test_the_effective_number_of_a_share_is_that_of_equal_weights():
    for weights, n in (([3.0, 3.0, 3.0], 3), ([1.0, 0.0], 1), ([1.0, 3.0], 1.6), ([1e-200, 1e-200], 2)):
        assert Share.of(np.ones(len(weights)), np.array(weights)).n_effective == pytest.approx(n)


def test_efficiency_is_the_share_of_the_weight_that_passes(fixed):
    lead = fixed[fixed.target == dk.NUCLEI["Pb208"].pdg_code]
    w = lead.weight * sum(exposure_weight(lead, c) for c in dk.ANALYSIS_I.channels)
    passes = dk.Cuts().passes(dk.observables(lead))
    for ctau in (None, 3.0):
        decays = (
            w if ctau is None else w * dk.lifetime_weight(lead, ctau, modules=dk.ANALYSIS_I.selection.decay_modules)
        )
        share = selection_efficiency(lead, dk.ANALYSIS_I, ctau)
        assert share.mean == pytest.approx(np.average(passes, weights=decays), rel=1e-12)
        # Its error by the jackknife over 40 blocks, known to 11 %.
        blocks = [np.arange(len(lead)) % 40 != k for k in range(40)]
        values = [np.average(passes[b], weights=decays[b]) for b in blocks]
        assert share.error == pytest.approx(np.sqrt(39) * np.std(values), rel=0.5)


def test_acceptance_and_efficiency_make_the_expected_events(fixed):
    B_now = B.proper_decay_length()
    made = dk.Kernel(fixed).upscatterings(B, dk.ANALYSIS_I.with_selection(cuts=None, efficiency=1.0)).mean.sum()
    acceptance = decay_acceptance(fixed, dk.ANALYSIS_I, B_now).mean
    efficiency = selection_efficiency(fixed, dk.ANALYSIS_I, B_now).mean
    events = dk.Kernel(fixed).events(B, dk.ANALYSIS_I).mean.sum()
    assert 0.1 * made * acceptance * efficiency == pytest.approx(events, rel=1e-10)


@pytest.mark.parametrize(
    "analysis", [dk.ANALYSIS_I, dk.ANALYSIS_II, dk.ANALYSIS_I + dk.ANALYSIS_II], ids=lambda a: a.name
)
def test_efficiency_is_selected_over_produced_whatever_bins_and_channels_there_are(light, analysis):
    A, flat = dk.BENCHMARK_A, 0.1
    produced, selected = (f(light, A, analysis).sum() for f in (dk.produced_weight, dk.selected_weight))
    found = selection_efficiency(light, analysis).mean
    assert found == pytest.approx(selected / flat / produced, rel=1e-12)


def test_a_share_of_nothing_is_refused(fixed):
    with pytest.raises(ValueError, match="weights of a share must be positive together, got 0 events"):
        selection_efficiency(fixed[np.arange(0)], dk.ANALYSIS_I)


def test_prompt_decays_on_argon_appear_in_the_fiducial_share_of_the_chambers(light):
    argon = light[light.target == dk.NUCLEI["Ar40"].pdg_code]
    share = decay_acceptance(argon, dk.ANALYSIS_I, 1e-12)
    chambers = [dk.ND280[name] for name in ("TPC1", "TPC2", "TPC3")]
    volumes = sum(c.fiducial.volume for c in chambers) / sum(c.active.volume for c in chambers)
    assert abs(share.mean - volumes) < 4 * share.error
    assert share.error < 0.008


@pytest.mark.parametrize("ctau", [0.0, -1.0, math.nan])
@pytest.mark.parametrize("share", [decay_acceptance, selection_efficiency])
def test_a_lifetime_that_is_not_positive_is_refused(fixed, share, ctau):
    with pytest.raises(ValueError, match=f"ctau must be (positive|a number), got {ctau}"):
        share(fixed, dk.ANALYSIS_I, ctau)

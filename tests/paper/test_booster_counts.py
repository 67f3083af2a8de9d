"""MiniBooNE's counts and covariance give the published χ², excess and errors."""

import numpy as np
import pytest

import darkpkg as dk
from darkpkg import datasets
from darkpkg.experiment.analysis import Analysis, Channel
from paper.booster import counts

A_SIGNAL = np.array([200, 100, 80, 60, 40, 30, 20, 10, 5, 3, 2.0])


@pytest.mark.parametrize(
    ("modes", "signal", "expected"),
    [
        (["neutrino"], 0 * A_SIGNAL, 31.80),
        (["antineutrino"], 0 * A_SIGNAL, 22.89),
        (counts.MODES, np.zeros(22), 69.23),
        (["neutrino"], A_SIGNAL, 5.690),
        (["antineutrino"], A_SIGNAL / 8, 10.582),
        (counts.MODES, np.concatenate([A_SIGNAL, A_SIGNAL / 8]), 21.335),
    ],
)
def test_chi_squared_is_that_of_an_independent_program(modes, signal, expected):
    assert counts.likelihood(modes).chi_squared(signal) == pytest.approx(expected, abs=5e-3)  # its digits


@pytest.mark.parametrize("modes", [["neutrino"], ["antineutrino"], counts.MODES])
def test_the_covariance_of_all_bins_is_positive_definite(modes):
    own = counts.likelihood(modes)
    assert np.linalg.eigvalsh(own.covariance(np.zeros(len(own.signal_bins)))).min() > 0
    assert np.linalg.eigvalsh(own.covariance(np.full(len(own.signal_bins), 50.0))).min() > 0


def test_each_mode_is_a_block_of_both():
    both, one = counts.likelihood(), counts.likelihood(["antineutrino"])
    S = np.concatenate([A_SIGNAL, A_SIGNAL / 8])
    # The release has the matrix of the mode alone, too, equal to this block.
    np.testing.assert_array_equal(both.covariance(S)[19:, 19:], one.covariance(A_SIGNAL / 8))


def test_muon_like_events_constrain_the_background_as_published():
    background, V = counts.constrained_background()
    observed = np.concatenate([counts.counts(mode, "nue", "observed") for mode in counts.MODES])
    here = np.tile(np.arange(counts.N_BINS) < counts.IN_RANGE.stop, 2)
    published = datasets.read("miniboone/experiment").set_index("name").loc["excess"]
    excess, error = (observed - background)[here].sum(), V[np.ix_(here, here)].sum() ** 0.5
    assert excess == pytest.approx(float(published.value), abs=0.02 * error)  # 640.0 for 638.0
    assert error == pytest.approx(float(published.error), rel=0.02)  # 131.4 for 132.8


def test_shared_errors_give_back_the_error_of_the_excess():
    background, V = counts.constrained_background()
    sources = np.array(counts.shared_errors()) * background
    # What is dropped below zero is 2 % of the sum of all eigenvalues at most, and adds to the error.
    own = np.sqrt((sources.T @ sources + np.diag(background)).sum())
    assert own == pytest.approx(np.sqrt(V.sum()), rel=0.02)


def test_the_likelihood_prefers_a_signal_as_chi_squared_does():
    """Poisson counts with shared errors, and the Gaussian of the release: the same preference, within a fifth."""
    background, _ = counts.constrained_background(["neutrino"])
    selection = dk.Selection(("tank",), mass_edges=tuple(counts.edges()))
    observed = counts.counts("neutrino", "nue", "observed")
    channel = Channel("neutrino", "neutrino", 1.0, tuple(background), tuple(observed), 0.0, selection)
    analysis = Analysis("MiniBooNE", (channel,), shared=counts.shared_errors(["neutrino"]))
    signals = np.array([0 * A_SIGNAL, A_SIGNAL])
    prediction = dk.Expectation(signals, 0 * signals)
    poisson = 2 * np.diff(dk.log_likelihood(prediction, analysis))
    gaussian = 2 * np.diff(counts.likelihood(["neutrino"])(prediction))
    # The first has factors e^u: without signal it needs u = ln 1.27 where the second needs 0.27, 0.79 times in u².
    assert poisson == pytest.approx(gaussian, rel=0.21)
    assert poisson < gaussian

"""χ² of correlated counts against what it must be in cases that can be counted by hand."""

import numpy as np
import pytest
from scipy import stats

from darkpkg.method.expectation import Expectation
from paper.booster.covariance import CovarianceLikelihood

OBSERVED, BACKGROUND = np.array([12.0, 7.0, 30.0]), np.array([10.0, 8.0, 25.0])
SIGNAL = np.array([3.0, 0.5])


def fractional(seed=4):
    """A positive definite matrix of 20 % errors for two entries of a signal and three bins."""
    root = 0.1 * np.random.default_rng(seed).normal(size=(5, 5))
    matrix = root @ root.T + 0.04 * np.eye(5)
    return (matrix + matrix.T) / 2


@pytest.fixture
def correlated():
    return CovarianceLikelihood(OBSERVED, BACKGROUND, fractional(), (0, 2))


def test_without_correlations_it_is_the_sum_over_the_bins():
    errors = np.array([0.3, 0.2, 0.1, 0.2, 0.3])
    likelihood = CovarianceLikelihood(OBSERVED, BACKGROUND, np.diag(errors**2), (0, 2))
    variance = (errors[2:] * BACKGROUND) ** 2
    variance[[0, 2]] += (errors[:2] * SIGNAL) ** 2 + SIGNAL
    total = np.add(BACKGROUND, [SIGNAL[0], 0, SIGNAL[1]])
    expected = ((OBSERVED - total) ** 2 / variance).sum()
    assert likelihood.chi_squared(SIGNAL) == pytest.approx(expected, rel=1e-12)  # rounding


def test_the_likelihood_is_that_of_a_normal_distribution(correlated):
    variance = np.array([0.4, 0.1])
    mean = np.add(BACKGROUND, [SIGNAL[0], 0, SIGNAL[1]])
    expected = stats.multivariate_normal(mean, correlated.covariance(SIGNAL, variance)).logpdf(OBSERVED)
    assert correlated(Expectation(SIGNAL, variance)) == pytest.approx(expected, rel=1e-10)  # rounding


def test_many_points_are_computed_at_once(correlated):
    signals = np.array([[SIGNAL, 2 * SIGNAL], [0 * SIGNAL, 5 * SIGNAL]])
    found = correlated.chi_squared(signals)
    assert found.shape == (2, 2)
    for at in np.ndindex(2, 2):
        assert found[at] == pytest.approx(correlated.chi_squared(signals[at]), rel=1e-12)  # rounding


def test_entries_of_one_bin_add_up_with_their_correlation():
    """Two entries in one bin with errors that move together are one entry with their sum."""
    both = np.full((3, 3), 0.09)
    both[2, :2] = both[:2, 2] = 0.0
    two = CovarianceLikelihood([12.0], [10.0], both, (0, 0))
    one = CovarianceLikelihood([12.0], [10.0], both[1:, 1:], (0,))
    assert two.chi_squared([1.0, 3.0]) == pytest.approx(one.chi_squared([4.0]), rel=1e-12)  # rounding


def test_simulated_data_have_a_chi_squared_of_one_a_bin(correlated):
    """1000 draws of three bins: 3 ± 0.08 in the mean; four sigma."""
    covariance, mean = correlated.covariance(SIGNAL), np.add(BACKGROUND, [SIGNAL[0], 0, SIGNAL[1]])
    draws = np.random.default_rng(7).multivariate_normal(mean, covariance, 1000)
    draws = draws[(draws >= 0).all(axis=1)]
    found = [CovarianceLikelihood(k, BACKGROUND, fractional(), (0, 2)).chi_squared(SIGNAL) for k in draws]
    assert np.mean(found) == pytest.approx(3.0, abs=4 * 0.08)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"observed": [-1.0, 2.0, 3.0]}, "observed must be zero or more"),
        ({"background": [1.0]}, "observed and background must have one number for each bin"),
        ({"fractional": np.eye(4)}, "fractional must have shape"),
        ({"fractional": np.triu(fractional())}, "fractional must be symmetric"),
        ({"fractional": np.eye(5) + 0.6 - 2.2 * np.eye(5)}, "fractional must have no negative eigenvalue"),
        ({"signal_bins": (0, 3)}, "signal_bins must be at most 2"),
    ],
)
def test_input_that_cannot_be_is_refused(change, message):
    fields = {"observed": OBSERVED, "background": BACKGROUND, "fractional": fractional(), "signal_bins": (0, 2)}
    with pytest.raises(ValueError, match=message):
        CovarianceLikelihood(**fields | change)


def test_a_covariance_that_is_none_is_an_error():
    with pytest.raises(ValueError, match=r"no negative eigenvalue beyond 0.01 of the largest, got -1"):
        CovarianceLikelihood([12.0], [10.0], np.array([[1.0, 2.0], [2.0, 1.0]]), (0,))  # its χ² would be a number
    negative = CovarianceLikelihood([12.0], [10.0], np.diag([1.0, -0.009]) / 0.3, (0,))
    with pytest.raises(ValueError, match="positive definite"):
        negative.chi_squared([0.0])


def test_a_signal_of_another_shape_is_refused(correlated):
    with pytest.raises(ValueError, match="signal must have 2 entries"):
        correlated.chi_squared([1.0, 2.0, 3.0])


def test_a_variance_of_another_shape_and_bins_that_are_none_are_named():
    one = CovarianceLikelihood([12.0], [10.0], np.diag([0.01, 0.1]), (0,))
    with pytest.raises(ValueError, match=r"variance must have the shape of signal, \(1,\), got \(2,\)"):
        one.chi_squared([1.0], [1.0, 2.0])
    with pytest.raises(TypeError, match="signal_bins must be of type Sequence or ndarray, got int 0"):
        CovarianceLikelihood([12.0], [10.0], np.diag([0.01, 0.1]), 0)

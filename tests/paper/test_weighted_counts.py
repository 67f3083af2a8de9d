"""The likelihood of the weights of all events: equal ones, and toys."""

import numpy as np
import pytest
from scipy import stats

from darkpkg.inference.likelihood import effective_log_likelihood
from paper.weighted_counts import weighted_log_likelihood


@pytest.mark.parametrize("k", [0, 1, 5, 40])
def test_equal_weights_of_events_are_the_mean_preserving_likelihood(k):
    weights = np.full(12, 0.3)
    found = weighted_log_likelihood(k, weights)
    expected = effective_log_likelihood(k, weights.sum(), (weights**2).sum(), mean_preserving=True)
    assert found == pytest.approx(expected, rel=1e-11)


def test_weights_and_background_are_the_poisson_of_a_sum_of_exponentials():
    """By toys: each event's expectation is exponential with its weight as the mean."""
    weights, background = np.array([0.1, 0.5, 2.0]), 0.7
    rng = np.random.default_rng(4)
    mean = background + (weights * rng.exponential(size=(200_000, 3))).sum(axis=1)
    for k in range(6):
        probability = stats.poisson.pmf(k, mean)
        error = probability.std() / np.sqrt(len(mean))
        found = np.exp(weighted_log_likelihood(k, weights, background))
        assert abs(found - probability.mean()) < 5 * error
    total = sum(np.exp(weighted_log_likelihood(k, weights, background)) for k in range(150))
    assert total == pytest.approx(1, abs=1e-10)

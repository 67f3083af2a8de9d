"""Shares of a weighted sample, their errors and effective numbers."""

import numpy as np
import pytest

from paper.acceptances import Share


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

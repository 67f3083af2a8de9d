"""The closure test's grid lies where samples are, its predictions are those of the library, and ratios divide."""

import numpy as np
import pytest

import darkpkg as dk
from paper import closure

SMALL = 2**9  # events: identities hold for any number


@pytest.mark.parametrize("side", closure.GRID)
def test_the_grid_lies_within_the_masses_that_are_sampled(side):
    masses = closure.RANGES[side]
    m_N, m_Zprime = closure.GRID[side].T
    assert np.all((m_N >= masses.m_N[0]) & (m_N <= masses.m_N[1]))
    assert np.all((m_Zprime >= masses.m_Zprime[0]) & (m_Zprime <= masses.m_Zprime[1]))
    assert np.all((m_Zprime < m_N) == (side == "light"))


def test_predictions_are_upscatterings_and_decays_at_each_length():
    point = dk.BENCHMARK_B
    estimate = dk.Kernel(dk.simulate(point, SMALL, seed=1))
    found = closure.predictions(estimate, point)
    assert found.mean.shape == (1, len(closure.STAGES))
    assert found.mean[0, 0] == estimate.upscatterings(point, dk.ANALYSIS_I).total().mean
    at_5_cm = estimate.events_at_lifetime(point, 5.0, dk.ANALYSIS_I).total()
    assert found.mean[0, closure.STAGES.index("5 cm")] == at_5_cm.mean
    assert found.variance[0, closure.STAGES.index("5 cm")] == at_5_cm.variance


@pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")  # sums are the same for few events
def test_predictions_over_the_grid_are_those_of_its_points():
    sample = dk.simulate(dk.LIGHT, 20_000, seed=1)
    estimate = dk.Kernel(sample, dk.Smoothing(1.0))
    found = closure.predictions(estimate, closure.points("light"))
    m_N, m_Zprime = closure.GRID["light"][4]
    one = closure.predictions(estimate, dk.BENCHMARK_A.replace(m_N=m_N, m_Zprime=m_Zprime))
    np.testing.assert_allclose(found.mean[4], one.mean[0], rtol=1e-12)  # sums in another order


def test_a_prediction_that_is_scaled_is_off_by_its_factor():
    rng = np.random.default_rng(1)
    reference = dk.Expectation(rng.uniform(1, 2, (3, 5)), rng.uniform(0.01, 0.02, (3, 5)))
    ratio, error, pull = closure.compare(closure.scaled(reference, 1.5), reference)
    np.testing.assert_allclose(ratio, 1.5)
    np.testing.assert_allclose(error, np.sqrt(1.5**2 + 1) * reference.error / reference.mean)
    np.testing.assert_allclose(pull, 0.5 / error)
    assert np.all(closure.compare(reference, reference, error=np.zeros((3, 5)))[2] == 0)

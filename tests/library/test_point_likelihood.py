"""A likelihood to call: at points and vectors, in processes and threads, by the samplers of others."""

import copy
import dataclasses
import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from iminuit import Minuit
from toy_sample import B, Predicted, counting, toy_rate, toy_sample

import darkpkg as dk

BOUNDS = {"V_muN_sq": (1e-12, 1e-2), "epsilon": (1e-5, 0.1)}


@pytest.fixture(scope="module")
def toy():
    return toy_sample()


@pytest.fixture(scope="module")
def lnL(toy):
    return dk.PointLikelihood(dk.Kernel(toy), counting(observed=4.0, background=0.5), B, BOUNDS)


@pytest.fixture(scope="module")
def over_masses():
    around = dk.SamplingRange(m_N=(0.05, 0.2), m_Zprime=(0.6, 2.5))
    sample = dk.simulate(around, 40_000, seed=6)
    bounds = {"m_N": (0.01, 0.5), "V_muN_sq": (1e-10, 1e-4)}
    return dk.PointLikelihood(dk.Kernel(sample), dk.ANALYSIS_I, B, bounds)


def test_it_is_the_likelihood_of_a_scan(lnL, toy):
    points = B.replace(V_muN_sq=np.geomspace(1e-10, 1e-5, 6))
    of_scan = dk.scan(dk.Kernel(toy), points, lnL.analysis).log_likelihood
    np.testing.assert_array_equal(lnL(points), of_scan)
    each = [lnL.of_vector([V_muN_sq, B.epsilon]) for V_muN_sq in points.V_muN_sq]
    np.testing.assert_array_equal(each, of_scan)
    assert lnL.at([1e-8, 1e-3]) == B.replace(V_muN_sq=1e-8, epsilon=1e-3)


def test_a_likelihood_of_ones_own_and_an_estimator_of_ones_own_are_taken():
    own = Predicted(lambda p: dk.Expectation(np.atleast_1d(p.epsilon * 1e3), np.zeros(1)))
    found = dk.PointLikelihood(own, counting(), B, {"epsilon": (1e-5, 1)}, lambda signal, _: -signal.mean[..., 0])
    assert found.of_vector([2e-3]) == -2.0


def test_outside_of_bounds_and_sample_a_vector_has_no_likelihood_and_a_point_is_refused(over_masses):
    assert np.isfinite(over_masses.of_vector([0.1, 1e-7]))
    assert over_masses.of_vector([0.6, 1e-7]) == -np.inf
    assert over_masses.of_vector([0.1, 1.0]) == -np.inf
    assert over_masses.of_vector([0.3, 1e-7]) == -np.inf  # within the bounds, not in the sample
    with pytest.raises(dk.OutsideSampleError, match=r"m_N = 0\.3 GeV lies outside the sampled range") as caught:
        over_masses(B.replace(m_N=0.3))
    error = caught.value
    assert (error.name, error.value, error.low, error.high) == ("m_N", 0.3, 0.05, 0.2)
    again = copy.copy(error)  # as it comes back from another process
    assert (str(again), again.value) == (str(error), 0.3)


def test_what_is_no_vector_and_no_bounds_is_refused(lnL, toy):
    with pytest.raises(ValueError, match="x must be a number, got nan"):
        lnL.of_vector([np.nan, 1e-3])
    with pytest.raises(ValueError, match=r"x must hold V_muN_sq, epsilon, got an array of shape \(3,\)"):
        lnL.of_vector([1e-7, 1e-3, 1.0])
    for bounds, message in (({"mass": (1, 2)}, "got 'mass'"), ({"m_N": (2, 1)}, "bounds of m_N must be a lower and")):
        with pytest.raises(ValueError, match=message):
            dk.PointLikelihood(dk.Kernel(toy), counting(), B, bounds)
    with pytest.raises(ValueError, match="base must be a single point"):
        dk.PointLikelihood(dk.Kernel(toy), counting(), B.replace(epsilon=[1e-3, 1e-2]), {})
    with pytest.raises(TypeError, match="got the sample alone"):
        dk.PointLikelihood(toy, counting(), B, {})


def test_a_unit_cube_fills_the_bounds_evenly_in_logarithms(lnL):
    np.testing.assert_allclose(lnL.from_unit_cube([0.0, 1.0]), [1e-12, 0.1])
    np.testing.assert_allclose(lnL.from_unit_cube([0.5, 0.5]), [1e-7, 1e-3])


def test_threads_and_new_processes_give_the_same_bits(over_masses):
    rng = np.random.default_rng(1)
    vectors = list(np.exp(rng.uniform(np.log([0.06, 1e-9]), np.log([0.15, 1e-5]), (40, 2))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dk.FewEventsWarning)
        alone = [over_masses.of_vector(x) for x in vectors]
        kernel = dk.Kernel(dataclasses.replace(over_masses.estimator.sample))
        fresh = dataclasses.replace(over_masses, estimator=kernel)  # nothing of it is prepared yet
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(fresh.of_vector, vectors)) == alone
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            assert list(pool.map(over_masses.of_vector, vectors[:4])) == alone[:4]


def test_a_minimiser_finds_the_rate_that_was_counted(lnL):
    """iminuit, in the logarithm of one coupling: where μ + b = k, the Poisson is highest."""

    def cost(ln_V):
        return -lnL.of_vector([np.exp(ln_V), B.epsilon])

    fit = Minuit(cost, ln_V=np.log(1e-9))
    fit.errordef, fit.limits["ln_V"] = Minuit.LIKELIHOOD, tuple(np.log(BOUNDS["V_muN_sq"]))
    fit.migrad()
    assert fit.valid
    at_best = toy_rate(B.replace(V_muN_sq=float(np.exp(fit.values["ln_V"]))))
    # The error of 20,000 events shifts the maximum by less than 1e-3.
    assert at_best == pytest.approx(3.5, rel=2e-3)


def test_a_random_walk_samples_the_posterior(lnL):
    """An affine-invariant sampler of twenty lines, that of emcee (J. Goodman and J. Weare, 2010), over a unit cube.

    With a prior even in ln V the posterior of the rate μ is that of a gamma distribution, cut by the bounds.
    """
    one = dk.PointLikelihood(lnL.estimator, lnL.analysis, B, {"V_muN_sq": (1e-10, 1e-6)})
    rng = np.random.default_rng(2)
    walkers = rng.uniform(0.2, 0.9, (20, 1))

    def height(u):
        return one.of_vector(one.from_unit_cube(u)) if 0 <= u[0] <= 1 else -np.inf

    heights, chain = np.array([height(u) for u in walkers]), []
    for _ in range(300):
        for half in (slice(0, 10), slice(10, 20)):
            z = (1 + rng.random(10)) ** 2 / 2
            partners = walkers[10:] if half.start == 0 else walkers[:10]
            there = (partner := partners[rng.integers(10, size=10)]) + z[:, None] * (walkers[half] - partner)
            new = np.array([height(u) for u in there])
            accepted = np.log(rng.random(10)) < new - heights[half]  # in one dimension z⁰ = 1
            walkers[half] = np.where(accepted[:, None], there, walkers[half])
            heights[half] = np.where(accepted, new, heights[half])
        chain.append(walkers.copy())
    u = np.array(chain)[50:].ravel()
    grid = np.linspace(0, 1, 2001)[:, None]
    weight = np.exp([height(x) for x in grid])
    mean = np.average(grid[:, 0], weights=weight)
    width = np.sqrt(np.average((grid[:, 0] - mean) ** 2, weights=weight))
    # 5,000 correlated draws, of some 30 independent ones each: σ/√170 = 0.08 σ.
    assert abs(u.mean() - mean) < 0.3 * width
    assert u.std() == pytest.approx(width, rel=0.3)

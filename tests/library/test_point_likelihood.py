"""A likelihood to call: at points and vectors, in processes and threads, by the samplers of others."""

import copy
import dataclasses
import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import dynesty
import emcee
import numpy as np
import pytest
from iminuit import Minuit
from toy_sample import B, Predicted, counting, toy_rate, toy_sample

import darkpkg as dk
from darkpkg.inference.posterior import BOUNDS as ALL_SIX
from darkpkg.inference.posterior import Prior

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
    own = Predicted(lambda p: dk.Expectation(1e3 * p.epsilon[..., None], np.zeros((*p.shape, 1))))
    found = dk.PointLikelihood(own, counting(), B, {"epsilon": (1e-5, 1)}, lambda signal, _: -signal.mean[..., 0])
    assert found.of_vector([2e-3]) == -2.0


@pytest.mark.parametrize("mean", [[1.0], [[1.0]], [[np.nan]] * 3, [[1.0, 1.0]] * 3])
def test_an_estimator_of_ones_own_must_predict_each_point(mean):
    """One number for three vectors would else be the likelihood of all of them, whatever likelihood is taken."""
    own = Predicted(lambda _: dk.Expectation(mean, np.zeros(np.shape(mean))))
    lnL = dk.PointLikelihood(own, counting(), B, {"epsilon": (1e-5, 0.1)}, lambda signal, _: -signal.mean[..., 0])
    with pytest.raises(ValueError, match="mean of a prediction must"):
        lnL.of_vector([[1e-3], [1e-2], [0.05]])


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


def test_many_vectors_at_once_have_the_same_likelihood(over_masses):
    vectors = np.array([[0.1, 1e-7], [0.6, 1e-7], [0.12, 1e-6], [0.3, 1e-7], [0.1, 1.0]])
    together = over_masses.of_vector(vectors)
    assert np.isfinite(together).tolist() == [True, False, True, False, False]
    # Sums over the same events, in the same order.
    np.testing.assert_allclose(together, [over_masses.of_vector(x) for x in vectors], rtol=1e-12)
    np.testing.assert_array_equal(over_masses.at(vectors).m_N, vectors[:, 0])
    assert over_masses.of_vector(np.empty((0, 2))).shape == (0,)
    np.testing.assert_array_equal(over_masses.from_unit_cube([[0.0, 1.0]]), [[0.01, 1e-4]])


@pytest.mark.parametrize("analysis", [dk.ANALYSIS_I, dk.ANALYSIS_I + dk.ANALYSIS_II], ids=["I", "I+II"])
def test_many_vectors_of_six_parameters_have_the_likelihood_of_each_from_the_table(analysis):
    lnL = dk.PointLikelihood(None, analysis, dk.BENCHMARK_B, ALL_SIX)
    vectors = Prior.of(lnL).values(np.random.default_rng(2).random((60, 6)))
    together = lnL.of_vector(vectors)
    assert np.ptp(together) > 10
    # Products of matrices of other sizes add up in another order.
    np.testing.assert_allclose(together, [lnL.of_vector(x) for x in vectors], rtol=1e-12)


def test_a_likelihood_that_is_no_number_is_refused(toy):
    wrong = dk.PointLikelihood(dk.Kernel(toy), counting(), B, {"epsilon": (1e-5, 1)}, lambda *_: np.nan)
    with pytest.raises(ValueError, match="likelihood must be one number for each of the points"):
        wrong.of_vector([1e-3])


def test_what_is_no_vector_and_no_bounds_is_refused(lnL, toy):
    with pytest.raises(ValueError, match="x must be a number, got nan"):
        lnL.of_vector([np.nan, 1e-3])
    with pytest.raises(ValueError, match=r"x must hold V_muN_sq, epsilon, got an array of shape \(3,\)"):
        lnL.of_vector([1e-7, 1e-3, 1.0])
    for bounds, message in (
        ({"mass": (1, 2)}, "got 'mass'"),
        ({"m_N": (2, 1)}, "bounds of m_N must increase, got 2"),
        ({"m_N": (1, 2, 3)}, "must be a lower and a higher"),
    ):
        with pytest.raises(ValueError, match=message):
            dk.PointLikelihood(dk.Kernel(toy), counting(), B, bounds)
    with pytest.raises(ValueError, match="base must be a single point"):
        dk.PointLikelihood(dk.Kernel(toy), counting(), B.replace(epsilon=[1e-3, 1e-2]), {})
    with pytest.raises(TypeError, match="got the sample alone"):
        dk.PointLikelihood(toy, counting(), B, {})


def test_a_unit_cube_fills_the_bounds_evenly_in_logarithms(lnL):
    np.testing.assert_allclose(lnL.from_unit_cube([0.0, 1.0]), [1e-12, 0.1])
    np.testing.assert_allclose(lnL.from_unit_cube([0.5, 0.5]), [1e-7, 1e-3])


@pytest.mark.slow
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


@pytest.fixture(scope="module")
def one():
    """One parameter, the rate, with a prior even in its logarithm: the posterior is a gamma distribution, cut."""
    exact = Predicted(lambda p: dk.Expectation(1e7 * p.V_muN_sq[..., None], np.zeros((*p.shape, 1))))
    return dk.PointLikelihood(exact, counting(observed=4.0, background=0.5), B, {"V_muN_sq": (1e-10, 1e-4)})


@pytest.fixture(scope="module")
def posterior(one):
    """Mean and width of the posterior over the unit interval, and the logarithm of its integral."""
    u = (np.arange(2000) + 0.5) / 2000
    L = np.exp(one.of_vector(one.from_unit_cube(u[:, None])))
    mean = np.average(u, weights=L)
    return mean, np.sqrt(np.average((u - mean) ** 2, weights=L)), np.log(L.mean())


def test_emcee_samples_the_posterior(one, posterior):
    mean, width, _ = posterior

    def height(u):
        within = ((u >= 0) & (u <= 1)).all(axis=-1)
        heights = np.full(len(u), -np.inf)
        heights[within] = one.of_vector(one.from_unit_cube(u[within]))
        return heights

    sampler = emcee.EnsembleSampler(20, 1, height, vectorize=True)
    start = np.random.default_rng(2).uniform(0.2, 0.9, (20, 1))
    sampler.run_mcmc(emcee.State(start, random_state=np.random.RandomState(3).get_state()), 300)
    u = sampler.get_chain(discard=50, flat=True).ravel()
    # 5,000 correlated draws, of some 30 independent ones each: σ/√170 = 0.08 σ.
    assert abs(u.mean() - mean) < 0.3 * width
    assert u.std() == pytest.approx(width, rel=0.3)


def test_dynesty_samples_the_posterior_and_finds_its_integral(one, posterior):
    mean, width, log_integral = posterior
    sampler = dynesty.NestedSampler(one.of_vector, one.from_unit_cube, 1, nlive=50, rstate=np.random.default_rng(4))
    sampler.run_nested(dlogz=0.2, print_progress=False)
    found = sampler.results
    assert abs(found.logz[-1] - log_integral) < 4 * found.logzerr[-1]
    u = found.samples_equal(rstate=np.random.default_rng(5))
    low, high = np.log(one.bounds["V_muN_sq"])
    u = (np.log(u).ravel() - low) / (high - low)
    # As many independent draws as living points, at least: σ/√50 = 0.14 σ.
    assert abs(u.mean() - mean) < 0.5 * width
    assert u.std() == pytest.approx(width, rel=0.4)


@pytest.mark.parametrize("estimator", [dk.Kernel, dk.Transport])
def test_shared_errors_count_in_it(toy, estimator):
    """A parameter that all bins share, at its best value, leaves ln L higher wherever the data do not fit."""
    free = counting(observed=4.0, background=0.5)
    shared = dataclasses.replace(free, shared=((0.3,),))
    without, with_them = (dk.PointLikelihood(estimator(toy), a, B, BOUNDS) for a in (free, shared))
    x = [[1e-9, 1e-3], [1e-6, 1e-2]]
    assert (with_them.of_vector(x) > without.of_vector(x)).all()
    signal = estimator(toy).events(with_them.at(x), shared)
    np.testing.assert_array_equal(with_them.of_vector(x), dk.log_likelihood(signal, shared))

"""Posterior distributions: chains that can be continued, a sampler and an integral, priors."""

import contextlib
import dataclasses
import sys

import numpy as np
import pytest
from scipy import stats
from toy_sample import B, Predicted, counting

import darkpkg as dk
from darkpkg.datasets import DataIntegrityError
from darkpkg.inference import posterior
from darkpkg.inference.posterior import (
    Prior,
    read_chain,
    sample_chain,
    split_r_hat,
    write_chain,
)

BOUNDS = {"V_muN_sq": (1e-10, 1e-4), "epsilon": (1e-4, 1e-1)}
WITH_LIFETIME = {"V_muN_sq": (1e-8, 1e-2), "V_N_sq": (1e-6, 1.0)}


def likelihood(bounds, observed=4.0):
    """Of a counting experiment whose rate goes as |V_μN|² alone."""
    exact = Predicted(
        lambda p: dk.Expectation(1e7 * (p.V_muN_sq + 0 * p.epsilon)[..., None], np.zeros((*p.shape, 1)))
    )
    return dk.PointLikelihood(exact, counting(observed=observed, background=0.5), B, bounds)


@pytest.fixture(scope="module")
def lnL():
    return likelihood(BOUNDS)


@pytest.fixture(scope="module")
def chain(lnL):
    return sample_chain(lnL, 400, seed=2, n_walkers=16)


@pytest.fixture(scope="module")
def exact(lnL):
    """Points and weights of the posterior along ln |V_μN|², in the unit interval, and the log of the evidence."""
    u = (np.arange(4000) + 0.5) / 4000
    L = np.exp(lnL.of_vector(Prior.of(lnL).values(np.stack([u, 0 * u], axis=1))))
    return u, L / L.sum(), np.log(L.mean())


def test_walkers_start_within_a_narrow_posterior():
    """Of 40,000 counts: a thousandth of the prior. The mean of χ²/2 of one parameter is one half.

    Of thirty-two candidates for each walker, only two lie there, and most walkers start hundreds below the best.
    """
    narrow = likelihood({**BOUNDS, "V_muN_sq": (1e-10, 1e-1)}, observed=40_000.0)
    first = sample_chain(narrow, 1, seed=2, n_walkers=64).log_likelihood[0]
    below = first.max() - first
    assert below.max() < 12
    assert below.mean() == pytest.approx(0.5, abs=4 * np.sqrt(0.5 / 64))


def test_a_chain_that_is_continued_from_a_file_is_one_long_chain(lnL, chain, tmp_path):
    path = tmp_path / "chain.npz"
    first = sample_chain(lnL, 150, seed=2, n_walkers=16)
    assert write_chain(first, path) == path
    again = sample_chain(lnL, 250, after=read_chain(path))
    np.testing.assert_array_equal(again.u, chain.u)
    np.testing.assert_array_equal(again.log_likelihood, chain.log_likelihood)
    assert again.accepted == pytest.approx(chain.accepted)
    assert [p.name for p in tmp_path.iterdir()] == ["chain.npz"]  # nothing temporary is left


def test_a_chain_of_emcee_has_the_mean_and_width_of_the_posterior(lnL, exact):
    u, weight, _ = exact
    mean = np.average(u, weights=weight)
    width = np.sqrt(np.average((u - mean) ** 2, weights=weight))
    chain = sample_chain(lnL, 1050, seed=2, n_walkers=64)  # a step of 64 takes hardly longer than one of a few
    found = chain.u[100:, :, 0]
    n = found.size / chain.autocorrelation_time(100)[0]
    assert n > 2000
    assert abs(found.mean() - mean) < 4 * width / np.sqrt(n)
    # The tail without a signal is long and thin: a kurtosis of 16, and the width is known to √((16 − 1)/4n) = 4 %.
    kurtosis = np.average((u - mean) ** 4, weights=weight) / width**4
    assert found.std() == pytest.approx(width, rel=4 * np.sqrt((kurtosis - 1) / (4 * n)))
    # What no data decide is as the prior.
    assert chain.u[100:, :, 1].mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / n))


def test_chains_of_other_seeds_agree_and_chains_of_other_posteriors_do_not(lnL, chain):
    other = sample_chain(lnL, 400, seed=5, n_walkers=16)
    assert (split_r_hat([chain, other], 100) < 1.05).all()
    strange = dataclasses.replace(other, u=0.3 * other.u)
    assert (split_r_hat([chain, strange]) > 1.2).all()
    with pytest.raises(ValueError, match="chains must be two or more of seeds of their own, got 2"):
        split_r_hat([chain, chain])


def test_the_mixing_of_the_decay_lies_between_that_of_production_and_one():
    """Eq. (11); its logarithm is even between the two, and |V_μN|² has its own prior whatever that of |V_N|² is."""
    prior = Prior.of(likelihood(WITH_LIFETIME))
    u = np.random.default_rng(1).random((4000, 2))
    V_mu, V_N = prior.values(u).T
    assert (V_N >= V_mu).all()
    assert (V_N <= 1).all()
    assert (V_N[V_mu < 1e-6] >= 1e-6).all()
    share = np.log(V_N) / np.log(np.maximum(V_mu, 1e-6))
    assert stats.kstest(share, "uniform").pvalue > 0.01
    assert stats.kstest(np.log(V_mu / 1e-8) / np.log(1e6), "uniform").pvalue > 0.01


def test_what_is_no_chain_is_refused(lnL, chain, tmp_path):
    with pytest.raises(ValueError, match="after must be a chain of the same prior"):
        sample_chain(likelihood(BOUNDS, observed=3.0), 1, after=chain)
    with pytest.raises(ValueError, match="n_walkers must be at least 4, got 2"):
        sample_chain(lnL, 1, n_walkers=2)
    with pytest.raises(ValueError, match="discard must be below the number of steps, 400, got 400"):
        chain.values(discard=400)
    with pytest.raises(ValueError, match=r"path of a chain must end in \.npz"):
        write_chain(chain, tmp_path / "chain.pkl")
    (tmp_path / "foreign.npz").write_bytes(b"PK")
    with pytest.raises(DataIntegrityError, match="holds no chain"):
        read_chain(tmp_path / "foreign.npz")
    with pytest.raises(ValueError, match=r"bounds of V_N_sq must reach to those of V_muN_sq, 0\.01, got 0\.001"):
        Prior({"V_muN_sq": (1e-8, 1e-2), "V_N_sq": (1e-6, 1e-3)})


OTHERS = {
    "kind of N": {"base": B.replace(is_majorana=True)},
    "decays": {"base": B.replace(decays="paper")},
    "shared errors": {"analysis": dataclasses.replace(counting(observed=4.0, background=0.5), shared=((0.5,),))},
    "likelihood": {"likelihood": lambda signal, analysis: -(signal.mean.sum(axis=-1) ** 2)},
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_chain_is_not_continued_with_another(what, lnL, chain):
    other = dataclasses.replace(lnL, **OTHERS[what])
    with pytest.raises(ValueError, match="after must be a chain of the same prior, analysis, likelihood"):
        sample_chain(other, 1, after=chain)


def test_a_chain_with_shared_errors_is_continued_from_its_file(lnL, tmp_path):
    shared = dataclasses.replace(lnL, **OTHERS["shared errors"])
    path = write_chain(sample_chain(shared, 2, n_walkers=8), tmp_path / "chain.npz")
    assert len(sample_chain(shared, 3, after=read_chain(path)).u) == 5


def test_a_damaged_chain_is_refused_or_the_same(chain, tmp_path):
    """Cut anywhere, and with any bit another: an error that names the file, unless the bit has no meaning."""
    path = write_chain(chain, tmp_path / "chain.npz")
    whole, rng = path.read_bytes(), np.random.default_rng(1)
    damaged = [whole[:n] for n in range(0, len(whole), len(whole) // 20)]
    for at in rng.integers(len(whole) - 1000, len(whole), 150):  # the list of what is in it, and its last arrays
        damaged.append(whole[:at] + bytes([whole[at] ^ 1 << int(rng.integers(8))]) + whole[at + 1 :])
    for content in damaged:
        path.write_bytes(content)
        with contextlib.suppress(DataIntegrityError):
            again = read_chain(path)
            np.testing.assert_array_equal(again.u, chain.u)
            np.testing.assert_array_equal(again.log_likelihood, chain.log_likelihood)
    path.write_bytes(whole[:1000])
    with pytest.raises(DataIntegrityError, match=r"chain\.npz holds no chain"):
        read_chain(path)


@pytest.mark.parametrize(
    "change", [{"u": np.full((4, 8, 2), np.nan)}, {"u": np.ones((4, 8))}, {"log_likelihood": np.ones(4)}]
)
def test_a_file_of_what_no_chain_can_be_is_refused(change, lnL, tmp_path):
    path = write_chain(sample_chain(lnL, 4, n_walkers=8), tmp_path / "chain.npz")
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **arrays | change)
    with pytest.raises(DataIntegrityError, match=r"chain\.npz holds no chain"):
        read_chain(path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda lnL, _: sample_chain(lnL, 1, seed="x"), "seed must be a whole number, got 'x'"),
        (lambda lnL, _: sample_chain(lnL, 1, seed=np.nan), "seed must be a whole number, got nan"),
        (lambda lnL, _: Prior({"epsilon": (np.nan, 1.0)}), "bounds of epsilon must be positive and finite, got nan"),
        (lambda lnL, _: Prior({"epsilon": (1.0, 0.1)}), "bounds of epsilon must increase, got 1 followed by 0.1"),
        (lambda lnL, _: Prior([0.1, 1.0]), "bounds must be of type Mapping"),
        (lambda lnL, _: Prior({"x": (0.1, 1.0)}), "bounds must be one of m_N, "),
        (lambda lnL, _: Prior({"epsilon": (0.1, 1.0)}, -1.0), "V_muN_sq must be zero or more, got -1"),
        (lambda lnL, _: split_r_hat([1, 2]), "chains must be a sequence of Chain"),
        (lambda lnL, chain: split_r_hat([chain, sample_chain(lnL, 1)], 1), "discard must be below the number"),
        (lambda lnL, _: split_r_hat([sample_chain(lnL, 1, seed=i) for i in (1, 2)]), "discard must leave two steps"),
    ],
)
def test_an_error_names_the_argument_of_a_sampler_its_value_and_the_rule(call, message, lnL, chain):
    with pytest.raises((ValueError, TypeError), match=message):
        call(lnL, chain)


def test_a_sampler_that_is_not_installed_is_named_with_its_extra(lnL, monkeypatch):
    monkeypatch.setitem(sys.modules, "emcee", None)
    with pytest.raises(ImportError, match=r"emcee must be installed for this: pip install 'darkpkg\[posterior\]'"):
        sample_chain(lnL, 1)


def test_the_bounds_of_all_parameters_are_those_of_the_table():
    lnL = dk.PointLikelihood(None, dk.ANALYSIS_I + dk.ANALYSIS_II, dk.BENCHMARK_B, posterior.BOUNDS)
    u = np.random.default_rng(6).random((300, 6))
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    assert np.isfinite(lnL.of_vector(Prior.of(lnL).values(np.vstack([u, corners])))).all()


def test_ranks_of_true_points_among_draws_are_even():
    """Simulation-based calibration, arXiv:1804.06788: truths of the prior, counts of each, ranks in its posterior."""
    rng, ranks = np.random.default_rng(8), []
    for _ in range(40):
        u = rng.random(2)
        lnL = likelihood(BOUNDS)
        rate = 1e7 * Prior.of(lnL).values(u)[0] + 0.5
        lnL = likelihood(BOUNDS, observed=float(rng.poisson(rate)))
        # One draw of each walker: those of one step are independent of each other.
        draws = sample_chain(lnL, 61, seed=int(rng.integers(1 << 30)), n_walkers=48).u[60:, :, 0]
        ranks.append(np.mean(draws < u[0]))
    assert stats.kstest(ranks, "uniform").pvalue > 0.01

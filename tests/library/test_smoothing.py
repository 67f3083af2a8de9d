"""The door for anybody's simulation, on toys whose answers are known."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import darkpkg as dk
from darkpkg.method.bandwidth import asymptotic_factor
from darkpkg.method.kernels import EPANECHNIKOV, KERNELS, UNIFORM
from darkpkg.method.smoothing import Smoothing, reweight
from darkpkg.streams import random_stream

LINEAR = {"log": False}


def box(low, high):
    """Density of numbers drawn evenly between two edges."""
    return lambda t: np.where((low <= t) & (t <= high), 1 / (high - low), 0.0)


def in_cube(t):
    """The density of points (..., d) that fill the unit cube; column by column: along a short axis numpy is slow."""
    return functools.reduce(np.multiply, [1.0 * ((x >= 0) & (x <= 1)) for x in np.moveaxis(t, -1, 0)])


def rates(n, rate, low=0.0, high=1.0, seed=1):
    """n parameters drawn evenly and weights of mean ``rate``, with the spread of a gamma of shape two."""
    rng = random_stream(seed, "rates")
    theta = rng.uniform(low, high, n)
    return theta, rate(theta) * rng.gamma(2, 0.5, n)


class TestReweight:
    def test_a_rate_is_found_with_its_error_all_over_the_range(self):
        theta, weight = rates(200_000, lambda t: 1 + t**2)
        at = np.linspace(0, 1, 21)
        found = reweight(at, theta, weight, None, Smoothing(0.1, **LINEAR), box(0, 1))
        pull = (found.mean[:, 0] - (1 + at**2) - found.bias[:, 0] * (abs(at - 0.5) < 0.35)) / found.error[:, 0]
        assert found.mean.shape == (21, 1)
        # The bias of an edge is that of a one-sided kernel, h² f''/2 times a number below one: 0.4 of an error here.
        assert np.abs(pull).max() < 4
        # At the very edge a local-linear estimate has half the events and a slope to find.
        assert (found.error / found.mean).max() < 0.03

    def test_bias_is_half_the_second_moment_times_the_curvature(self):
        theta, weight = rates(2_000_000, lambda t: 1 + 50 * t**2)
        found = reweight(0.5, theta, weight, None, Smoothing(0.2, **LINEAR), box(0, 1))
        exact = 0.2**2 * EPANECHNIKOV.second_moment(1) * 100 / 2
        assert found.bias[0] == pytest.approx(exact, abs=4 * found.bias_error[0])
        assert found.mean[0] - 13.5 == pytest.approx(exact, abs=4 * found.error[0])
        assert exact > 8 * found.error[0]

    @pytest.mark.parametrize("edge", [0.0, 1.0])
    def test_a_local_linear_kernel_follows_a_slope_up_to_the_edge_and_a_constant_one_does_not(self, edge):
        theta, weight = rates(500_000, lambda t: 1 + 3 * t)
        density = box(0, 1)
        linear = reweight(edge, theta, weight, None, Smoothing(0.2, order=1, **LINEAR), density)
        constant = reweight(edge, theta, weight, None, Smoothing(0.2, order=0, **LINEAR), density)
        truth = 1 + 3 * edge
        assert abs(linear.mean[0] - truth) < 4 * linear.error[0]
        # Half a kernel has its mean 3/8 of a bandwidth away from the edge: Epanechnikov in one dimension.
        shift = 3 * 0.2 * 3 / 8 * (1 - 2 * edge)
        assert constant.mean[0] - truth == pytest.approx(shift, abs=4 * constant.error[0])

    @pytest.mark.parametrize("order", [0, 1])
    def test_a_slope_divided_out_leaves_a_power_law_without_bias(self, order):
        rng = random_stream(3, "power")
        theta = np.exp(rng.uniform(0, 3, 300_000))
        density = lambda t: np.where((t >= 1) & (t <= np.exp(3)), 1 / (3 * t), 0.0)  # noqa: E731
        weight = theta**-4.0
        plain = reweight(4.0, theta, weight, None, Smoothing(0.3, order=order, slope=None), density)
        level = reweight(4.0, theta, weight, None, Smoothing(0.3, order=order, slope=(-4.0,)), density)
        assert abs(level.mean[0] * 4.0**4 - 1) < 4 * level.error[0] * 4.0**4
        assert level.bias[0] == pytest.approx(0, abs=4 * level.bias_error[0])
        y = np.linspace(-1, 1, 20001)
        gain = (0.75 * (1 - y**2) * np.exp(-4 * 0.3 * y)).sum() * (y[1] - y[0])
        assert plain.mean[0] * 4.0**4 == pytest.approx(gain, abs=5 * plain.error[0] * 4.0**4)

    @pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
    @pytest.mark.parametrize("dim", [1, 2, 3])
    def test_a_constant_stays_constant_in_any_dimension_up_to_corners(self, kernel, dim):
        rng = random_stream(4, "constant")
        theta = rng.random((60_000, dim))
        at = np.array(list(itertools.product([0.0, 0.5, 1.0], repeat=dim)))
        width = {"gaussian": 0.1}.get(kernel.name, 0.25)
        for order in (0, 1):
            found = reweight(at, theta, np.ones(len(theta)), None, Smoothing(width, kernel, order, **LINEAR), in_cube)
            assert np.abs((found.mean[:, 0] - 1) / found.error[:, 0]).max() < 4.5

    def test_observables_are_summed_side_by_side(self):
        """Decay times of particles whose lifetime is the parameter: a histogram."""
        rng = random_stream(5, "decays")
        tau = rng.uniform(1, 3, 400_000)
        time = rng.exponential(tau)
        edges = np.array([0.0, 1.0, 2.0, np.inf])
        bins = (time[:, None] >= edges[:-1]) & (time[:, None] < edges[1:])
        kernel, density = Smoothing(0.2, **LINEAR), box(1, 3)
        found = reweight(2.0, tau, np.ones(len(tau)), bins, kernel, density)
        exact = -np.diff(np.exp(-edges / 2.0))
        np.testing.assert_allclose(found.mean, exact, atol=4 * found.error.max())

    @given(st.floats(0.5, 2.0), st.integers(1, 4))
    def test_weights_scale_and_samples_add(self, factor, seed):
        theta, weight = rates(2000, lambda t: 1 + t, seed=seed)
        kernel, at = Smoothing(0.3, **LINEAR), np.array([0.3, 0.7])
        one = reweight(at, theta, weight, None, kernel, box(0, 1))
        scaled = reweight(at, theta, factor * weight, None, kernel, box(0, 1))
        twice = reweight(at, np.tile(theta, 2), np.tile(weight, 2), None, kernel, box(0, 1))
        np.testing.assert_allclose(scaled.mean, factor * one.mean, rtol=1e-12)
        np.testing.assert_allclose(twice.mean, one.mean, rtol=1e-12)
        np.testing.assert_allclose(twice.variance, one.variance / 2, rtol=1e-12)

    def test_errors_are_the_scatter_of_independent_samples(self):
        found = [
            reweight(0.4, *rates(4000, lambda t: 1 + t, seed=s), None, Smoothing(0.2, **LINEAR), box(0, 1))
            for s in range(100)
        ]
        pulls = np.array([(f.mean[0] - 1.4) / f.error[0] for f in found])
        # The variance of a hundred pulls is known to √(2/100).
        assert np.mean(pulls**2) == pytest.approx(1, abs=4 * np.sqrt(2 / 100))

    def test_a_fluctuation_upwards_looks_like_a_bias_downwards(self):
        """A correlation of −3/4, half the error, √2 times the error for the difference: integrals of K_h K_√2h."""
        rng = random_stream(7, "squares")
        found = [
            reweight([0.5, 0.5], rng.random((2000, 2)), np.ones(2000), None, Smoothing(0.1, **LINEAR), in_cube)
            for _ in range(600)
        ]
        mean, bias, error = (np.array([getattr(f, name)[0] for f in found]) for name in ("mean", "bias", "error"))
        # 600 samples know a correlation of −3/4 to (1 − 9/16)/√600 = 0.018 and a width to 1/√1200 = 0.029; a fixed
        # number of events makes the mean fluctuate by 1 % less.
        assert np.corrcoef(mean, bias)[0, 1] == pytest.approx(-3 / 4, abs=4 * 0.018 + 0.01)
        assert bias.std() / mean.std() == pytest.approx(1 / 2, rel=4 * 0.041 + 0.01)
        assert (mean - bias).std() / error.mean() == pytest.approx(np.sqrt(2), rel=4 * 0.029 + 0.01)

    def test_few_events_come_with_a_warning(self):
        theta, weight = rates(100, lambda t: 1 + t)
        with pytest.warns(dk.FewEventsWarning, match=r"only .* near theta = 0 \(1 of 2 points have fewer than 10\)"):
            reweight(np.array([0.5, 0.0]), theta, weight, None, Smoothing(0.12, order=0, **LINEAR), box(0, 1))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"weights": np.ones(3)}, r"weights must have the shape \(50,\) of sample_theta, got \(3,\)"),
            ({"weights": np.full(50, np.nan)}, "weights must be"),
            ({"theta": 1.5}, "theta must lie where density is positive, got"),
            ({"theta": np.zeros((4, 2)), "sample_theta": np.ones((50, 3))}, "theta must have the parameters of"),
            ({"density": box(0.6, 1)}, "density must be positive at every event, got 0.0"),
            ({"kernel": Smoothing((0.1, 0.2), **LINEAR)}, "bandwidth must be one, one for each of 1 parameters"),
            ({"kernel": Smoothing(0.1, slope=(1.0, 2.0), **LINEAR)}, "slope must have a power for each of 1"),
            ({"kernel": Smoothing(0.1), "theta": -0.5, "density": box(-1, 1)}, "a logarithm needs positive"),
        ],
    )
    def test_what_does_not_fit_is_refused_with_value_and_rule(self, changes, message):
        theta, weight = rates(50, lambda t: 1 + t)
        call = {
            "theta": 0.5,
            "sample_theta": theta,
            "weights": weight,
            "kernel": Smoothing(0.3, **LINEAR),
            "density": box(0, 1),
        }
        with pytest.raises(ValueError, match=message):
            reweight(**(call | changes))

    def test_a_density_must_be_given(self):
        with pytest.raises(TypeError, match="density must be of type Callable, got NoneType"):
            reweight(0.5, np.ones(3), np.ones(3))


class TestSmoothing:
    @pytest.mark.parametrize("bandwidth", [0.0, -0.1, np.inf, np.nan, (0.1, 0.0), []])
    def test_a_bandwidth_that_is_not_positive_is_refused(self, bandwidth):
        with pytest.raises(ValueError, match="bandwidth must be positive and finite, got"):
            Smoothing(bandwidth)

    def test_orders_slopes_and_kernels_that_do_not_exist_are_refused(self):
        with pytest.raises(ValueError, match="order must be at most 1, got 2"):
            Smoothing(order=2)
        with pytest.raises(ValueError, match="slope must be one of density, got 'steep'"):
            Smoothing(slope="steep")
        with pytest.raises(TypeError, match="kernel must be of type Kernel, got str"):
            Smoothing(kernel="epanechnikov")

    @given(st.floats(0.1, 10))
    def test_scaling_scales_every_bandwidth_and_nothing_else(self, factor):
        scaled = Smoothing((0.2, 0.5), order=0).scaled(factor)
        np.testing.assert_allclose(scaled.bandwidth, [0.2 * factor, 0.5 * factor], rtol=1e-15)
        assert scaled.order == 0
        each = Smoothing((0.2, 0.5)).scaled(np.array([1.0, factor]))
        np.testing.assert_allclose(each.bandwidth, [[0.2, 0.5], [0.2 * factor, 0.5 * factor]])

    @given(st.floats(0.01, 100), st.floats(0.01, 100))
    def test_coordinates_go_there_and_back(self, a, b):
        mixed = Smoothing((0.2, 0.5), log=(True, False))
        theta = np.array([a, b])
        np.testing.assert_allclose(mixed.coordinates(theta), [np.log(a), b], rtol=1e-14)
        np.testing.assert_allclose(mixed.parameters(mixed.coordinates(theta)), theta, rtol=1e-12)


class TestBandwidth:
    """The rate 1 + 50 t², n events with weights of spread 1/2: h⁵ = R f² (1 + 1/2)/(n m₂² f''²) is the best."""

    N = 100_000
    AT = 0.5

    def best(self):
        m2, roughness = EPANECHNIKOV.second_moment(1), EPANECHNIKOV.roughness(1)
        f = 1 + 50 * self.AT**2
        return (roughness * 1.5 * f**2 / (self.N * m2**2 * 100**2)) ** 0.2

    def test_the_asymptotic_rule_finds_the_bandwidth_of_the_formula(self):
        factors = []
        for seed in range(8):
            theta, weight = rates(self.N, lambda t: 1 + 50 * t**2, seed=seed)
            pilot = Smoothing(0.25, **LINEAR)
            found = reweight(self.AT, theta, weight, None, pilot, box(0, 1))
            factors.append(0.25 * asymptotic_factor(found, 1))
        # The fifth root makes the noise of the bias small: 4 % each.
        assert np.mean(factors) == pytest.approx(self.best(), rel=0.06)

    def test_many_points_share_a_factor_or_have_their_own(self):
        theta, weight = rates(self.N, lambda t: 1 + 50 * t**2)
        at = np.array([0.3, 0.5, 0.7])
        found = reweight(at, theta, weight, None, Smoothing(0.25, **LINEAR), box(0, 1))
        shared, own = (asymptotic_factor(found, 1, per_point=p) for p in (False, True))
        assert np.shape(shared) == ()
        assert own.shape == (3, 1)
        assert own.min() <= shared <= own.max()


def test_smoothings_differ_by_each_of_their_settings():
    base = Smoothing(0.1)
    assert base == Smoothing(0.1)
    others = [
        Smoothing(0.2),
        Smoothing(0.1, UNIFORM),
        Smoothing(0.1, order=0),
        Smoothing(0.1, slope=None),
        Smoothing(0.1, log=False),
        Smoothing(np.full((3, 1), 0.1)),
    ]
    assert all(base != other for other in others)
    assert len({base, Smoothing(0.1), *others}) == 1 + len(others)


def test_the_variance_of_the_bias_estimate_is_taken_off_its_square():
    """s = (d σ²/4 b²)^{1/(d+4)} with b² = bias² − its variance; without any bias left, as wide as allowed."""
    of = {"mean": np.array([2.0]), "variance": np.array([0.04]), "bias": np.array([0.5])}
    assert asymptotic_factor(dk.Expectation(**of, bias_variance=np.array([0.09])), 2) == pytest.approx(
        (2 * 0.04 / (4 * (0.25 - 0.09))) ** (1 / 6)
    )
    assert asymptotic_factor(dk.Expectation(**of, bias_variance=np.array([0.3])), 2) == 4


def test_what_is_no_truth_value_is_refused_with_its_kind():
    with pytest.raises(TypeError, match=r"^log must be of type bool, got int 3$"):
        Smoothing(0.1, log=3)

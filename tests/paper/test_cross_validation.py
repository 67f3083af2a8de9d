"""Cross-validation of the bandwidth: its scores are integrated squared errors, of what is detected at a point."""

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.method.kernels import EPANECHNIKOV
from darkpkg.method.smoothing import Smoothing, reweight
from darkpkg.method.weights import exposure_weight, selection_weight
from darkpkg.streams import random_stream
from paper.cross_validation import cross_validated_bandwidth, cross_validation_scores

B = dk.BENCHMARK_B
WIDE = Smoothing((0.2, 0.6))
PLANE = B.replace(m_N=np.array([0.03, 0.1, 0.3]), m_Zprime=np.array([0.3, 1.25, 2.0]))


@pytest.fixture(scope="module")
def sampled():
    return dk.place(dk.generate(dk.HEAVY, 100_000, seed=11), dk.ND280, seed=12)


def rates(n, rate, seed):
    """n parameters drawn evenly and weights of mean ``rate``, with the spread of a gamma of shape two."""
    rng = random_stream(seed, "rates")
    theta = rng.uniform(0, 1, n)
    return theta, rate(theta) * rng.gamma(2, 0.5, n)


def test_cross_validation_scores_are_integrated_squared_errors():
    """Their differences between bandwidths, averaged over samples, against the errors themselves."""
    bandwidths = np.array([[0.03], [0.06], [0.12], [0.24]])
    inside = lambda t: ((t >= 0) & (t <= 1)).all(axis=-1)  # noqa: E731
    at = 0.25 + 0.5 * (np.arange(20) + 0.5) / 20
    even = lambda t: np.where((0 <= t) & (t <= 1), 1.0, 0.0)  # noqa: E731
    scores, errors = [], []

    def rate(t):
        return 1 + np.sin(6 * t)

    for seed in range(40):
        theta, weight = rates(4000, rate, seed=seed)
        window = lambda t: (np.abs(t - 0.5) < 0.25).all(axis=-1)  # noqa: E731
        scores.append(
            cross_validation_scores(theta[:, None], weight / 4000, bandwidths, EPANECHNIKOV, inside, window)
        )
        estimates = [
            reweight(at, theta, weight, None, Smoothing(h[0], order=0, log=False), even).mean[:, 0]
            for h in bandwidths
        ]
        errors.append([((estimate - rate(at)) ** 2).mean() * 0.5 for estimate in estimates])
    difference = np.diff(scores, axis=1) - np.diff(errors, axis=1)
    error = difference.std(axis=0) / np.sqrt(len(difference))
    assert np.abs(difference.mean(axis=0) / error).max() < 4
    assert np.argmin(np.mean(scores, axis=0)) == np.argmin(np.mean(errors, axis=0))


def test_a_mesh_without_end_is_refused():
    with pytest.raises(ValueError, match="bandwidths must be wide enough for a mesh"):
        cross_validation_scores(
            np.random.default_rng(1).random((9, 3)),
            np.ones(9),
            np.full((1, 3), 1e-4),
            EPANECHNIKOV,
            lambda t: t > 0,
        )


@pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
def test_the_best_of_one_for_all_and_of_one_for_each_point(sampled):
    for per_point, shape in ((False, (2,)), (True, (3, 2))):
        chosen = cross_validated_bandwidth(dk.Kernel(sampled, WIDE), PLANE, dk.ANALYSIS_I, per_point=per_point)
        assert np.shape(chosen.bandwidth) == shape
        ratio = np.asarray(chosen.bandwidth) / WIDE.bandwidth
        assert ((ratio >= 0.249) & (ratio <= 2.01)).all()
        assert dk.Kernel(sampled, chosen).events(PLANE, dk.ANALYSIS_I).mean.shape == (3, 2)


@pytest.mark.parametrize(("best", "factor"), [(0, 0.25), (-1, 2.0)])
@pytest.mark.parametrize("per_point", [False, True])
def test_cross_validation_tries_a_quarter_to_twice_the_bandwidth(sampled, monkeypatch, best, factor, per_point):
    def scores(coordinates, contributions, bandwidths, *_):
        found = np.ones(len(bandwidths))
        found[best] = 0.0
        return found

    monkeypatch.setattr("paper.cross_validation.cross_validation_scores", scores)
    chosen = cross_validated_bandwidth(dk.Kernel(sampled, WIDE), PLANE, dk.ANALYSIS_I, per_point=per_point)
    expected = factor * np.array(WIDE.bandwidth)
    np.testing.assert_allclose(chosen.bandwidth, np.tile(expected, (3, 1)) if per_point else expected)


def test_cross_validation_looks_at_what_is_detected_at_the_point(sampled, monkeypatch):
    """Contributions to the rate with its slope divided out: θ's lifetime and boost, the masses of the events."""
    given = []

    def scores(coordinates, contributions, bandwidths, *_):
        given.append((coordinates, contributions))
        return np.arange(len(bandwidths))

    monkeypatch.setattr("paper.cross_validation.cross_validation_scores", scores)
    cross_validated_bandwidth(dk.Kernel(sampled, WIDE), B, dk.ANALYSIS_I)
    ((coordinates, contributions),) = given
    exposure = sum(exposure_weight(sampled, channel) for channel in dk.ANALYSIS_I.channels)
    chance = dk.lifetime_weight(
        sampled, float(B.proper_decay_length()), B.m_N, modules=dk.ANALYSIS_I.selection.decay_modules
    )
    # Divided by q and by its slope, which is 1/q.
    weight = sampled.weight * exposure * selection_weight(sampled, dk.ANALYSIS_I.selection) * chance
    of_mass = dict(zip(np.log(sampled.m_N), weight, strict=True))
    expected = np.array([of_mass[x] for x in coordinates[:, 0]])
    shares = contributions / contributions.sum(), expected / expected.sum()
    np.testing.assert_allclose(*shares, rtol=1e-9, atol=1e-30)


def test_samples_and_bandwidths_that_have_nothing_to_choose_are_refused(sampled):
    fixed = dk.place(dk.generate(dk.SamplingRange.at(0.1, 1.25), 100, seed=13), dk.ND280, seed=14)
    with pytest.raises(ValueError, match="at fixed masses nothing is smoothed"):
        cross_validated_bandwidth(dk.Kernel(fixed), B, dk.ANALYSIS_I)
    with pytest.raises(ValueError, match="bandwidth must be one for all points"):
        cross_validated_bandwidth(dk.Kernel(sampled, WIDE.scaled(np.ones(3))), PLANE, dk.ANALYSIS_I)

"""The spin of N in a sample: the way to the rest frame and back, and what decays without spin change."""

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.physics import kinematics
from paper import spin

A = dk.BENCHMARK_A
R = (A.m_Zprime / A.m_N) ** 2
ASYMMETRY = (1 - 2 * R) / (1 + 2 * R)


@pytest.fixture(scope="module")
def sample():
    return dk.generate(dk.SamplingRange.at(A.m_N, A.m_Zprime), 20_000, seed=7, couplings=A)


def mean_of_cosine(cosine, weights):
    """Weighted mean and its error."""
    mean = np.average(cosine, weights=weights)
    return mean, np.sqrt((weights**2 * (cosine - mean) ** 2).sum()) / weights.sum()


def test_the_laboratory_is_the_way_back_from_the_rest_frame(sample):
    there = spin.into_rest_frame(sample.p_electron, sample)
    # boosts by factors of up to a hundred lose four of sixteen digits
    np.testing.assert_allclose(spin.into_laboratory(there, sample), sample.p_electron, atol=1e-11)


def test_the_pair_goes_backwards_by_the_asymmetry_of_an_on_shell_decay(sample):
    mean, error = mean_of_cosine(spin.cos_Z(sample), sample.weight)
    assert abs(mean + ASYMMETRY / 3) < 5 * error


@pytest.mark.parametrize(("how", "sign"), [("unpolarised", 0), ("isotropic", 0), ("reversed", 1)])
def test_another_decay_has_the_asymmetry_of_its_spin_and_the_same_mass(sample, how, sign):
    rng = np.random.default_rng(3)
    electron, positron = spin.decayed_again(sample, how, rng)
    pair = spin.into_rest_frame(electron + positron, sample)
    cosine = (pair[:, 1:] * spin.polarisation_axis(sample)).sum(axis=-1) / kinematics.momentum(pair)
    mean, error = mean_of_cosine(cosine, sample.weight)
    assert abs(mean - sign * ASYMMETRY / 3) < 5 * error
    # the mass is a difference of squares some thousand times as large
    np.testing.assert_allclose(kinematics.invariant_mass(electron + positron), A.m_Zprime, rtol=1e-8)


def test_an_unknown_decay_is_refused(sample):
    with pytest.raises(ValueError, match="how must be one of"):
        spin.decayed_again(sample, "sideways", np.random.default_rng(1))

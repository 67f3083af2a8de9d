"""Numbers of the paper that this package reproduces: Table I and the efficiency of Analysis I at benchmark B."""

import math

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.method.weights import exposure_weight, selection_weight
from darkpkg.units import cm


@pytest.fixture(scope="module")
def at_B():
    return dk.simulate(dk.SamplingRange.at(0.1, 1.25), 200_000, seed=2205)


@pytest.mark.parametrize(("column", "printed", "half_a_digit"), [("A", 7e-5, 0.5e-5), ("B", 0.54, 0.005)])
def test_lifetimes_are_those_of_table_one(column, printed, half_a_digit):
    ctau = {"A": dk.BENCHMARK_A, "B": dk.BENCHMARK_B}[column].proper_decay_length() / cm
    assert ctau == pytest.approx(printed, abs=half_a_digit)


def test_upscatterings_at_benchmark_B_are_those_of_table_one_within_ten_percent(at_B):
    """560 in Table I. Ours are 6 % more: the paper's code cuts at cos θ > 0.992, not at the 0.99 of its text, sums
    |p_T|² lepton by lepton in t, and takes a Fermi form factor instead of Fourier–Bessel."""
    result = dk.Kernel(at_B).upscatterings(dk.BENCHMARK_B, dk.ANALYSIS_I)
    total, error = result.mean.sum(), math.sqrt(result.variance.sum())
    assert error < 0.01 * total  # so that the ten percent are about physics
    assert total == pytest.approx(560, rel=0.10)
    assert total > 560 + 5 * error


def test_decays_at_benchmark_B_are_those_of_table_one(at_B):
    """4.6 in Table I."""
    result = dk.Kernel(at_B).events(dk.BENCHMARK_B, dk.ANALYSIS_I)
    total, error = result.mean.sum(), math.sqrt(result.variance.sum())
    assert error < 0.04 * total
    # Four of our errors, half of the last printed digit, and the 6 % more upscatterings.
    assert abs(total - 4.6) < 4 * error + 0.05 + 0.06 * 4.6


def test_about_half_of_the_upscatterings_at_benchmark_B_pass_the_cuts(at_B):
    """Fig. 13: about 50 %, read off a scale of colours; weighted with nuclei and POT."""
    exposure = sum(exposure_weight(at_B, channel) for channel in dk.ANALYSIS_I.channels)
    made = at_B.weight * exposure
    selected = (made * selection_weight(at_B, dk.ANALYSIS_I.selection)).sum() / dk.ANALYSIS_I.selection.efficiency
    assert selected / made.sum() == pytest.approx(0.50, abs=0.08)


def test_benchmark_B_is_excluded_at_ninety_percent_by_analysis_one(at_B):
    """Nothing seen: −ln L of each beam is (1 + 1/r) ln(1 + rν) with r = 20 % squared, plus our own error squared."""
    result = dk.scan(dk.Kernel(at_B), dk.BENCHMARK_B, dk.ANALYSIS_I)
    assert result.excluded(0.90)
    background = np.array([0.563, 0.015])
    expected = result.expectation.mean + background
    r = 0.20**2 + result.expectation.variance / expected**2
    with_signal = ((1 + 1 / r) * np.log1p(r * expected)).sum()
    without = ((1 + 1 / 0.20**2) * np.log1p(0.20**2 * background)).sum()
    assert result.minus_delta_log_likelihood == pytest.approx(with_signal - without, rel=1e-10)

"""Events and lifetimes of the public program at its own points, with its differences."""

import pytest

from paper.validation import public_fit


@pytest.fixture(scope="module")
def light():
    return public_fit.compared([2, 4, 6])


@pytest.fixture(scope="module")
def heavy():
    return public_fit.compared([12, 15, 18])


def test_lifetimes_are_those_of_the_program(light, heavy):
    assert light.ctau.to_numpy() == pytest.approx(1.0, abs=2e-3)  # digits of its constants
    # Those of a heavy Z′ have its charge, e² = 4π/131.9, and no decay to muons, which the first mass allows.
    assert heavy.ctau.to_numpy()[1:] == pytest.approx(137.036 / 131.9, rel=3e-3)
    assert heavy.ctau.to_numpy()[0] < 0.9


def test_with_all_differences_the_events_are_those_of_the_program(light, heavy):
    for one in (light, heavy):
        error = (one.error**2).sum() ** 0.5 / len(one)
        # Theirs have errors of a per cent, too: a hundred thousand events of a variance that is not stored.
        assert one.ratio.mean() == pytest.approx(1.0, abs=2 * error)
        assert error < 0.025


def test_without_them_they_are_not(light, heavy):
    assert light.ratio_without.mean() > 1.2
    assert heavy.ratio_without.mean() > 3


def test_chi_squared_is_that_of_the_program_within_the_errors_of_both(light, heavy):
    for one in (light, heavy):
        # A hundred thousand events of theirs and ten thousand of ours leave units of each.
        assert (one.chi_squared_ours - one.chi_squared_theirs).abs().mean() < 1.5

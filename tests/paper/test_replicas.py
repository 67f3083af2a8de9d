"""The stated errors of rates, by many independent samples that are kept in data."""

import numpy as np
import pandas as pd
import pytest

from darkpkg import datasets
from paper.validation.replicas import (
    CHANNELS,
    INTERVALS,
    LEVELS,
    NAME,
    RATES,
    REPLICATES,
    SAMPLES,
    Estimates,
    coverage,
    main,
)

ROWS = datasets.read(NAME)
FOUND = coverage(ROWS).set_index(["sequence", "rate", "interval"])


def of_normal_numbers(n, freedom, error=0.3, seed=1):
    """Rows as the samples would give them, if rates were normal with variances estimated from few parts."""
    rng = np.random.default_rng(seed)
    errors = error * np.sqrt(rng.chisquare(freedom, n) / freedom)
    rows = {"events_sum": rng.normal(5.0, error, n), "error_sum": errors}
    return pd.DataFrame({"sequence": "sobol", "sample": np.arange(n), **rows})


def test_there_are_a_thousand_samples_or_more_of_each_kind_all_different():
    for sequence, (n_samples, *_) in SAMPLES.items():
        own = ROWS[ROWS.sequence == sequence].drop_duplicates(list(ROWS.columns[2:]))
        assert len(own) == n_samples >= 1000


def test_the_sum_is_that_of_both_beams_and_its_error_has_their_covariance():
    # Numbers are stored to six digits.
    np.testing.assert_allclose(ROWS["events_sum"], sum(ROWS[f"events_{name}"] for name in CHANNELS), rtol=3e-6)
    independent = np.hypot(*(ROWS[f"error_{name}"] for name in CHANNELS))
    is_random = ROWS.sequence == "random"
    np.testing.assert_allclose(ROWS["error_sum"][is_random], independent[is_random], rtol=1e-5)
    assert ROWS["error_sum"][~is_random].mean() < 0.95 * independent[~is_random].mean()


def test_both_kinds_have_the_same_mean():
    each = [Estimates.of(ROWS, sequence).mean for sequence in SAMPLES]
    error = np.sqrt(sum(mean.var() / len(mean) for mean in each))
    assert abs(each[0].mean() - each[1].mean()) < 4 * error


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("sequence", SAMPLES)
def test_stated_errors_of_a_rate_agree_with_the_spread(sequence, rate):
    one = Estimates.of(ROWS, sequence, rate)
    # The variance of a thousand numbers is known to 4.5 %, some more for tails; four times that.
    assert one.variance.mean() / one.mean.var(ddof=1) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("sequence", "interval"),
    [
        ("random", "normal"),
        ("random", "Student, logarithm"),
        ("sobol", "Student"),
        ("sobol", "Student, logarithm"),
    ],
)
def test_intervals_of_a_rate_cover_within_two_points_of_what_they_state(sequence, interval, rate, level):
    assert FOUND.loc[sequence, rate, interval][f"share_{level}"] == pytest.approx(level, abs=0.02)


def test_errors_from_eight_sequences_without_student_cover_too_rarely():
    assert all(FOUND.loc["sobol", rate, "normal"]["share_0.95"] < 0.94 for rate in RATES)


def test_student_covers_normal_numbers_with_estimated_errors_and_the_normal_does_not():
    one = Estimates.of(of_normal_numbers(100_000, REPLICATES - 1), "sobol")
    for level in LEVELS:
        shares = [np.mean((low <= 5) & (5 <= high)) for low, high in (f(one, level) for f in INTERVALS.values())]
        # Four errors of a share of 68 % of so many numbers.
        assert shares[1] == pytest.approx(level, abs=0.006)
        assert shares[0] < level - 0.01


def test_new_samples_of_the_command_lie_among_those_kept(tmp_path):
    file = tmp_path / "replicas.csv"
    main(["--replicas", "2", "-o", str(file)])
    again = pd.read_csv(file)
    assert list(again.columns) == list(ROWS.columns)
    for row in again.to_dict("records"):
        kept = ROWS[ROWS.sequence == row["sequence"]]
        for name in ROWS.columns[2:]:
            assert abs(row[name] - kept[name].mean()) < 5 * kept[name].std()

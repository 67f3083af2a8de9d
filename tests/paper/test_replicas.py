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
    REPLICATES,
    SAMPLES,
    Estimates,
    coverage,
    main,
)

ROWS = datasets.read(NAME)
FOUND = coverage(ROWS).set_index(["sequence", "rate", "interval"])


def of_normal_numbers(n, freedom, seed=1):
    """Rows as the samples would give them, if channels were normal with variances estimated from few parts."""
    rng, rows = np.random.default_rng(seed), {}
    for mean, error, name in zip((4.0, 1.0), (0.3, 0.2), CHANNELS, strict=True):
        rows[f"events_{name}"] = rng.normal(mean, error, n)
        rows[f"error_{name}"] = error * np.sqrt(rng.chisquare(freedom, n) / freedom)
    return pd.DataFrame({"sequence": "sobol", "sample": np.arange(n), **rows})


def test_there_are_a_thousand_samples_of_each_kind_all_different():
    for sequence in SAMPLES:
        assert len(ROWS[ROWS.sequence == sequence].drop_duplicates(list(ROWS.columns[2:]))) == 1000


def test_both_kinds_have_the_same_mean():
    each = [Estimates.of(ROWS, sequence).mean for sequence in SAMPLES]
    error = np.sqrt(sum(mean.var() / len(mean) for mean in each))
    assert abs(each[0].mean() - each[1].mean()) < 4 * error


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("sequence", SAMPLES)
def test_stated_errors_of_a_rate_agree_with_the_spread(sequence, channel):
    one = Estimates.of(ROWS, sequence, (channel,))
    # The variance of a thousand numbers is known to 4.5 %, some more for tails; four times that.
    assert one.variance.mean() / one.mean.var(ddof=1) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("sequence", "interval"),
    [("random", "Student, logarithm"), ("sobol", "Student"), ("sobol", "Student, logarithm")],
)
def test_intervals_of_a_rate_cover_within_two_points_of_what_they_state(sequence, interval, channel, level):
    assert FOUND.loc[sequence, channel, interval][f"share_{level}"] == pytest.approx(level, abs=0.02)


def test_errors_from_eight_sequences_without_student_cover_too_rarely():
    assert all(FOUND.loc["sobol", channel, "normal"]["share_0.95"] < 0.94 for channel in CHANNELS)


@pytest.mark.parametrize("level", LEVELS)
def test_the_sum_of_beams_that_share_sequences_is_covered_at_least_as_often_as_stated(level):
    assert FOUND.loc["sobol", "sum", "Student"][f"share_{level}"] > level
    assert FOUND.loc["random", "sum", "normal"][f"share_{level}"] == pytest.approx(level, abs=0.02)


def test_student_covers_sums_of_normal_numbers_and_the_normal_does_not():
    one = Estimates.of(of_normal_numbers(100_000, REPLICATES - 1), "sobol")
    assert np.all((REPLICATES - 1 <= one.freedom) & (one.freedom <= 2 * (REPLICATES - 1)))
    for level in LEVELS:
        shares = [np.mean((low <= 5) & (5 <= high)) for low, high in (f(one, level) for f in INTERVALS.values())]
        # Satterthwaite's degrees of freedom are an approximation to some tenths of a point.
        assert shares[1] == pytest.approx(level, abs=0.01)
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

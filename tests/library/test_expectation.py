"""Expectations: sums over bins, the mask of a map, and shares."""

from dataclasses import replace

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.method.expectation import FEW_EVENTS, Expectation


@pytest.fixture
def expectation():
    """Two points with the three bins of no channel in particular."""
    return Expectation(
        mean=np.array([[1.0, 2.0, 4.0], [3.0, 0.0, 5.0]]),
        variance=np.array([[0.01, 0.1, 1.6], [0.5, 0.0, 0.25]]),
        bias=np.array([[0.0, 0.5, 0.1], [0.1, 0.0, -2.0]]),
        bias_variance=np.array([[0.0, 0.01, 0.1], [0.01, 0.0, 0.04]]),
    )


def test_effective_events_are_the_square_of_the_relative_error(expectation):
    np.testing.assert_allclose(expectation.n_effective, [[100, 40, 10], [18, 0, 100]])


def test_a_total_adds_means_biases_and_variances(expectation):
    total = expectation.total()
    np.testing.assert_allclose(total.mean, [7, 8])
    np.testing.assert_allclose(total.error**2, [1.71, 0.75])
    np.testing.assert_allclose(total.bias, [0.6, -1.9])
    np.testing.assert_allclose(total.bias_error**2, [0.11, 0.05])


def test_a_total_has_the_covariances_of_its_bins(expectation):
    """Two bins with variances a and b and a covariance c have a sum with the variance a + b + 2c."""
    shared = np.array([[-0.2, -0.2, 0.0], [0.1, -0.3, -0.9]])
    total = replace(expectation, covariance=shared).total()
    np.testing.assert_allclose(total.variance, [1.31, 0.0])  # the last with more than there is: not below zero
    assert total.covariance.tolist() == [0, 0]
    np.testing.assert_allclose(total.mean, [7, 8])


def test_covariances_are_part_of_the_whole_error_whatever_it_comes_from(expectation):
    """Of simulation and table together; both keep their share of it."""
    total = replace(expectation, covariance=np.full((2, 3), -0.1), tabulation=np.full((2, 3), 0.2)).total()
    np.testing.assert_allclose(total.error**2, [1.71 + 0.6 - 0.3, 0.75 + 0.6 - 0.3])
    np.testing.assert_allclose(total.variance / total.tabulation, [1.71 / 0.6, 0.75 / 0.6])


def test_the_mask_wants_enough_events_and_no_bias_beyond_its_error(expectation):
    # By hand: 0.5 − 2·0.1 is above a tenth of 2; 0.1 − 2·0.32 is nothing; −2 + 2·0.2 is above a tenth of 5.
    assert expectation.trusted(n_effective=FEW_EVENTS, bias=0.1).tolist() == [
        [True, False, True],
        [True, False, False],
    ]
    assert expectation.trusted(n_effective=20, bias=1.0).tolist() == [[True, True, False], [False, False, True]]


def test_a_mask_over_the_plane_is_false_where_the_sample_is_thin():
    events = dk.place(dk.generate(dk.HEAVY, 30_000, seed=1), dk.ND280, seed=2)
    plane = dk.BENCHMARK_B.replace(m_N=np.array([0.01, 0.9])[:, None], m_Zprime=np.array([1.0, 8.0]))
    with pytest.warns(dk.FewEventsWarning):
        trusted = dk.Kernel(events).events_at_lifetime(plane, 1.0, dk.ANALYSIS_I).total().trusted(30, bias=1.0)
    assert trusted[0].all()
    assert not trusted[1].any()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"variance": [0.1, -0.1]}, "variance must be zero or more, got -0.1 at 1"),
        ({"bias_variance": [0.0, -1.0]}, "bias_variance must be zero or more, got -1.0 at 1"),
        ({"tabulation": [-1e-300, 0.0]}, "tabulation must be zero or more, got -1e-300 at 0"),
        ({"variance": [np.inf, 1.0]}, "variance must be finite, got inf at 0"),
        ({"variance": np.ones(3)}, r"variance must have the shape of mean, \(2,\), got \(3,\)"),
        ({"covariance": np.ones((2, 2))}, r"covariance must have the shape of mean, \(2,\), got \(2, 2\)"),
    ],
)
def test_a_square_that_is_none_and_another_shape_are_refused_by_name(fields, words):
    with pytest.raises(ValueError, match=words):
        Expectation(**{"mean": [1.0, 2.0], "variance": [0.1, 0.1]} | fields)


def test_numbers_broadcast_to_the_shape_of_the_mean():
    found = Expectation(np.ones((4, 2)), 0.25, bias=[0.1, -0.1], covariance=-1.0)
    assert {np.shape(values) for values in vars(found).values()} == {(4, 2)}
    assert found.total().mean.tolist() == [2] * 4
    assert found.bias[3].tolist() == [0.1, -0.1]


def test_without_smoothing_there_is_no_bias():
    bare = Expectation(np.ones(3), np.ones(3))
    assert bare.bias.tolist() == bare.bias_error.tolist() == [0, 0, 0]


def test_a_bias_counts_where_it_is_beyond_two_of_its_errors():
    """0.15 of the mean are too much; with an error of 0.03 they may be 0.09, with one of 0.02 they are above 0.11."""
    one = np.ones(2)
    found = dk.Expectation(one, one / 100, 0.15 * one, np.array([0.03, 0.02]) ** 2)
    np.testing.assert_array_equal(found.trusted(), [True, False])


def test_what_was_not_evaluated_has_no_effective_number():
    """nan, and not zero, which would be the fewest of a refined scan."""
    gap = Expectation(np.array([2.0, np.nan, 0.0]), np.array([0.5, np.nan, 0.0]))
    np.testing.assert_array_equal(gap.n_effective, [8.0, np.nan, 0.0])
    assert not gap.trusted()[1]


@pytest.mark.parametrize(
    ("mean", "error", "words"),
    [
        (4.7029, 0.0508, "4.70 ± 0.05"),
        (12.3456, 0.123, "12.35 ± 0.12"),
        (4.7029, 0.0354, "4.703 ± 0.035"),
        (4.7029, 0.0356, "4.70 ± 0.04"),
        (21234.0, 1523.0, "21200 ± 1500"),
        (0.96, 0.0097, "0.960 ± 0.010"),
        (1.23e-5, 3e-7, "(1.230 ± 0.030)e-05"),
        (5.0, 0.0, "5 ± 0"),
        (np.nan, np.nan, "nan ± nan"),
    ],
)
def test_a_number_is_printed_with_the_digits_that_its_error_leaves(mean, error, words):
    """The rule of the Particle Data Group: two digits of an error that begins below 3.55, else one."""
    assert str(Expectation(mean, error**2)) == repr(Expectation(mean, error**2)) == words


def test_arrays_print_one_after_the_other_and_tables_have_a_row_for_each(expectation):
    assert str(expectation) == "[[1.00 ± 0.10, 2.00 ± 0.32, 4.0 ± 1.3],\n [3.0 ± 0.7, 0 ± 0, 5.0 ± 0.5]]"
    table = expectation.to_pandas()
    assert list(table.columns) == ["mean", "error", "bias", "bias_error", "n_effective"]
    assert table.loc[(1, 2), "mean"] == 5
    assert len(expectation.total().to_pandas()) == 2


def test_points_are_those_of_all_numbers(expectation):
    one = expectation.at(1)
    for name, values in vars(expectation).items():
        np.testing.assert_array_equal(getattr(one, name), values[1])

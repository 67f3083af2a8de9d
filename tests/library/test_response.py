"""What FGD1 reconstructs: matrices as distributions, and pairs smeared with them."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import darkpkg as dk
from darkpkg import datasets
from darkpkg.experiment.response import FGD_RESPONSE, ResponseMatrix
from darkpkg.physics import kinematics
from darkpkg.units import ELECTRON_MASS, MeV

MATRICES = {"momentum": FGD_RESPONSE.momentum, "angle": FGD_RESPONSE.angle}
matrices = st.sampled_from(list(MATRICES.values()))
shares = st.floats(0, 1, exclude_max=True)


def toy():
    """Two true bins with a gap between them, two reconstructed bins."""
    table = pd.DataFrame(
        {
            "true_low": [0.0, 0.0, 20.0],
            "true_high": [10.0, 10.0, 30.0],
            "reco_low": [0.0, 15.0, 15.0],
            "reco_high": [15.0, 30.0, 30.0],
            "probability": [0.25, 0.75, 1.0],
            "simulated": [10.0, 10.0, 2.0],
        }
    )
    return ResponseMatrix.from_table(table)


@pytest.fixture(scope="module")
def pairs():
    """Pairs from FGD1 at benchmark A."""
    A = dk.BENCHMARK_A
    events = dk.place(dk.generate(dk.SamplingRange.at(A.m_N, A.m_Zprime), 60_000, seed=3), dk.ND280, seed=4)
    return events[events.module == "FGD1"]


@pytest.mark.parametrize("name", MATRICES)
def test_rows_are_the_published_probabilities(name):
    matrix, table = MATRICES[name], datasets.read(f"detector/fgd1_{name}")
    unit = {"momentum": MeV, "angle": 1.0}[name]
    np.testing.assert_allclose(matrix.probability.sum(axis=1), 1, atol=1e-12)
    assert (len(matrix.low), len(matrix.edges)) == {"momentum": (40, 51), "angle": (96, 101)}[name]
    for row in table.sample(50, random_state=1).itertuples():
        i, j = (
            np.searchsorted(edges, unit * low + 1e-9) - 1
            for edges, low in ((matrix.low, row.true_low), (matrix.edges, row.reco_low))
        )
        # Rows were rounded to 1e-4 and add up to one within 5e-4 before they are normalised.
        assert matrix.probability[i, j] == pytest.approx(row.probability, rel=1e-3, abs=0)
        assert matrix.simulated[i] == row.simulated


@pytest.mark.parametrize("name", MATRICES)
def test_uniform_numbers_fill_the_bins_with_their_probabilities(name):
    matrix = MATRICES[name]
    uniform = (np.arange(200_000) + 0.5) / 200_000
    for row in (0, 3, len(matrix.low) // 2, len(matrix.low) - 1):
        true = np.full(len(uniform), (matrix.low[row] + matrix.high[row]) / 2)
        found = np.histogram(matrix(true, uniform), matrix.edges)[0] / len(uniform)
        np.testing.assert_allclose(found, matrix.probability[row], atol=2e-5)  # an even spread of 2e5 numbers


@given(matrices, shares, st.floats(0, 1))
def test_reconstructed_values_rise_with_their_uniform_number(matrix, uniform, share):
    true = matrix.low[0] + share * (matrix.high[-1] - matrix.low[0])
    more = np.minimum(uniform + np.array([0.0, 1e-6, 0.01, 0.2]), np.nextafter(1, 0))
    values = matrix(np.full(4, true), more)
    assert (np.diff(values) >= 0).all()
    assert values[0] >= matrix.edges[0] - (matrix.high - matrix.low).max()  # shifted in a gap between true bins


@given(matrices, shares, shares, st.integers(0, 30))
def test_all_true_values_of_a_bin_are_reconstructed_alike(matrix, uniform, share, row):
    low, high = matrix.low[row], matrix.high[row]
    values = matrix(np.array([low, low + 0.99 * share * (high - low)]), np.full(2, uniform))
    assert values[0] == values[1]


@given(matrices, st.integers(0, 39), st.floats(0.01, 0.99))
def test_values_are_spread_evenly_within_a_bin(matrix, row, share):
    """A share of the probability of a bin leads to the same share of its width, in the most likely bin of a row."""
    column = matrix.probability[row].argmax()
    uniform = matrix.probability[row, :column].sum() + share * matrix.probability[row, column]
    low, high = matrix.edges[column : column + 2]
    found = matrix((matrix.low[row] + matrix.high[row]) / 2, uniform)
    assert found == pytest.approx(low + share * (high - low), abs=1e-9 * high)  # rounding of cumulative sums


def test_where_nothing_was_simulated_the_nearest_row_is_shifted():
    matrix = toy()
    assert matrix.row([-5.0, 5.0, 12.0, 14.9, 15.1, 19.0, 25.0, 99.0]).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    # Row 0 has its first quarter below 15; row 1 is even from 15 to 30.
    assert matrix([5.0, 5.0, 25.0], [0.125, 0.625, 0.5]).tolist() == [7.5, 22.5, 22.5]
    assert matrix([12.0, 95.0], [0.125, 0.5]).tolist() == [7.5 + 7.0, 22.5 + 70.0]


def test_rows_that_are_no_distributions_are_refused():
    with pytest.raises(ValueError, match="rows must be distributions"):
        dataclasses.replace(toy(), probability=np.array([[0.5, 0.4], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="increasing order"):
        dataclasses.replace(toy(), low=np.array([20.0, 0.0]))


def test_smeared_leptons_keep_their_mass_and_azimuth(pairs):
    smeared = FGD_RESPONSE.smear(pairs)
    for before, after in zip((pairs.p_electron, pairs.p_positron), smeared, strict=True):
        np.testing.assert_allclose(kinematics.dot(after, after), ELECTRON_MASS**2, atol=1e-12)  # E² of a few GeV²
        turn = np.arctan2(after[:, 2], after[:, 1]) - np.arctan2(before[:, 2], before[:, 1])
        across = np.hypot(after[:, 1], after[:, 2]) > 1e-9
        np.testing.assert_allclose(np.cos(turn[across]), 1, atol=1e-9)
        assert not np.allclose(before[:, 0], after[:, 0], rtol=0.01)


def test_momentum_and_angle_of_each_lepton_are_read_off_with_its_own_number(pairs):
    smeared = FGD_RESPONSE.smear(pairs)
    for column, p, after in ((0, pairs.p_electron, smeared.p_electron), (2, pairs.p_positron, smeared.p_positron)):
        length = np.linalg.norm(p[:, 1:], axis=1)
        expected = FGD_RESPONSE.momentum(length, pairs.uniform[:, column])
        np.testing.assert_allclose(np.linalg.norm(after[:, 1:], axis=1), expected, atol=1e-12)
        angle = FGD_RESPONSE.angle(np.arccos(p[:, 3] / length), pairs.uniform[:, column + 1])
        cosine = after[:, 3] / np.linalg.norm(after[:, 1:], axis=1)
        np.testing.assert_allclose(cosine, np.cos(np.clip(angle, 0, np.pi)), atol=1e-7)  # arccos near the beam


def test_random_numbers_are_uniform_and_independent(pairs):
    for axis in range(4):
        assert stats.kstest(pairs.uniform[:, axis], "uniform").pvalue > 1e-4
    correlation = np.corrcoef(np.column_stack([pairs.uniform, pairs.vertex]).T)
    assert np.abs(correlation[np.triu_indices(7, 1)]).max() < 5 / np.sqrt(len(pairs))


def test_the_same_events_give_the_same_pairs_whatever_else_is_in_the_sample(pairs):
    np.testing.assert_array_equal(
        FGD_RESPONSE.smear(pairs[np.arange(100)]).p_electron, FGD_RESPONSE.smear(pairs).p_electron[:100]
    )


def test_a_prediction_changes_smoothly_with_the_parameters():
    # The smearing is in the events: along a line in ε or a mass the bins follow their kernel, without noise.
    narrow = dk.SamplingRange((0.09, 0.11), (0.025, 0.036), "light")
    events = dk.place(dk.generate(narrow, 60_000, seed=5), dk.ND280, seed=6)
    line = dk.BENCHMARK_A.replace(m_Zprime=np.linspace(0.0295, 0.0305, 41))
    result = dk.Kernel(events).events(line, dk.ANALYSIS_II)
    # Events enter at the rim of the kernel with weight zero; a new draw at each point would make it √6 errors.
    filled = (result.mean > 0).all(axis=0)
    assert np.abs(np.diff(result.mean, 2, axis=0)[:, filled] / result.error[1:-1, filled]).max() < 0.2
    assert (np.abs(np.diff(result.mean[:, :5], axis=0)) > 0).all()


def below_the_table():
    """A response whose only true bin lies far above what is then given to it: everything is shifted downwards."""
    table = pd.DataFrame(
        {"true_low": [1.0], "true_high": [3.0], "reco_low": [0.0], "reco_high": [0.5], "probability": [1.0],
         "simulated": [9.0]}
    )  # fmt: skip
    return ResponseMatrix.from_table(table)


def one_pair(p, uniform=0.0):
    return SimpleNamespace(p_electron=p, p_positron=p, uniform=np.full((len(p), 4), uniform))


def test_a_momentum_that_would_be_negative_is_a_lepton_at_rest():
    p = np.array([[0.1, 0.06, 0.0, 0.08]])
    flat = dataclasses.replace(below_the_table(), low=np.array([0.0]), high=np.array([4.0]))
    response = dataclasses.replace(FGD_RESPONSE, momentum=below_the_table(), angle=flat)
    assert response.momentum(0.1, 0.0) == pytest.approx(-1.9)
    np.testing.assert_array_equal(response.smear(one_pair(p)).p_electron, [[ELECTRON_MASS, 0, 0, 0]])


def test_an_angle_beyond_the_beam_axis_lies_along_it():
    p = np.array([[0.1, 0.06, 0.0, 0.08]])
    flat = dataclasses.replace(below_the_table(), low=np.array([0.0]), high=np.array([4.0]))
    forwards = dataclasses.replace(FGD_RESPONSE, momentum=flat, angle=below_the_table())
    assert forwards.angle(0.64, 0.5) < 0
    found = forwards.smear(one_pair(p, 0.5)).p_electron[0]
    assert found[:3].tolist() == [np.hypot(0.25, ELECTRON_MASS), 0, 0]
    assert found[3] == pytest.approx(0.25)
    back = dataclasses.replace(
        below_the_table(), edges=np.array([5.0, 5.5]), low=np.array([0.0]), high=np.array([1.0])
    )
    found = dataclasses.replace(forwards, angle=back).smear(one_pair(p, 0.5)).p_electron[0]
    assert found[3] == pytest.approx(-0.25)
    assert np.abs(found[1:3]).max() < 1e-15  # sin π, rounded


def test_a_uniform_number_of_zero_begins_the_first_bin_that_is_possible():
    matrix = toy()
    assert matrix([5.0, 25.0], [0.0, 0.0]).tolist() == [0.0, 15.0]
    assert matrix([5.0, 5.0, 25.0], [0.25, np.nextafter(0.25, 0), np.nextafter(1, 0)]) == pytest.approx([15, 15, 30])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_true_value_that_is_not_finite_is_refused(value):
    """A momentum of nan was reconstructed as 1.64 GeV."""
    with pytest.raises(ValueError, match=f"true must be finite, got {value} at 1"):
        FGD_RESPONSE.momentum([0.5, value], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"uniform must be in \[0, 1\)"):
        FGD_RESPONSE.momentum([0.5, 0.5], [0.5, value])


def test_a_bin_that_a_table_has_twice_is_refused():
    table = pd.DataFrame(
        {"true_low": [0.0, 0.0], "true_high": [1.0, 1.0], "reco_low": [0.0, 0.0], "reco_high": [1.0, 1.0],
         "probability": [0.5, 0.5], "simulated": [1.0, 1.0]}
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"each pair of bins must have one row, true_low = 0\.0 has more"):
        ResponseMatrix.from_table(table)

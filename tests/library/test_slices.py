"""Slices: which parameters are free, and what the others are then."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import darkpkg as dk

B = dk.BENCHMARK_B


def test_a_plane_has_its_first_parameter_along_the_first_axis():
    plane = dk.Slice(B, m_N=[0.05, 0.1], epsilon=[1e-3, 1e-2, 1e-1])
    assert plane.shape == plane.parameters.shape == (2, 3)
    np.testing.assert_array_equal(np.broadcast_to(plane.parameters.m_N, (2, 3))[:, 1], [0.05, 0.1])
    assert plane.parameters.m_Zprime == B.m_Zprime
    assert repr(plane) == "Slice(m_N: 0.05 to 0.1 (2), epsilon: 0.001 to 0.1 (3))"


def test_a_function_ties_parameters_to_the_free_ones():
    tied = dk.Slice(lambda m_N, ratio: B.replace(m_N=m_N, m_Zprime=ratio * m_N), m_N=[0.1, 0.2], ratio=[2, 4, 8])
    np.testing.assert_allclose(tied.parameters.m_Zprime, [[0.2, 0.4, 0.8], [0.4, 0.8, 1.6]])
    line = dk.Slice(lambda V: B.replace(V_muN_sq=V, V_N_sq=V), V=[1e-9, 1e-8])
    np.testing.assert_array_equal(line.parameters.V_N_sq, [1e-9, 1e-8])


@given(st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=6, unique=True).map(sorted))
def test_halving_keeps_every_value_and_puts_one_between_each_two(values):
    if np.min(np.diff(np.log(values))) < 1e-9:
        return
    finer = dk.Slice(B, epsilon=values).halved().axes["epsilon"]
    np.testing.assert_array_equal(finer[::2], values)
    np.testing.assert_allclose(finer[1::2] ** 2, np.multiply(values[1:], values[:-1]), rtol=1e-12)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({}, r"one or two free parameters, got \[\]"),
        ({"m_N": [1, 2], "epsilon": [1, 2], "V_N_sq": [0.1, 1]}, "one or two free parameters"),
        ({"mass": [1, 2]}, "mass must be one of m_N, m_Zprime"),
        ({"m_N": [0.1]}, r"m_N must have at least two values along one axis, got shape \(1,\)"),
        ({"m_N": [0.1, -1.0]}, "m_N must be positive and finite, got -1.0"),
        ({"m_N": [0.1, np.nan]}, "m_N must be positive and finite, got nan"),
        ({"m_N": [0.2, 0.1]}, "m_N must increase, got 0.2 followed by 0.1"),
        ({"m_N": [0.1, 0.2, 0.2]}, "m_N must increase, got 0.2 followed by 0.2"),
        ({"m_N": [0.1, np.inf]}, "m_N must be positive and finite, got inf"),
        ({"m_N": np.ma.array([0.1, 0.2], mask=[False, True])}, "m_N must not be masked, but 1 of 2 values are"),
    ],
)
def test_axes_that_are_none_are_refused(axes, message):
    with pytest.raises(ValueError, match=message):
        dk.Slice(B, **axes)


@pytest.mark.parametrize("values", [["0.1", "0.2"], [0.1, 0.2 + 1j], [0.1, None], "0.1", [False, True]])
def test_axes_that_are_no_numbers_are_refused(values):
    with pytest.raises(TypeError, match="m_N must be real numbers, got"):
        dk.Slice(B, m_N=values)


def test_a_base_that_is_no_point_is_refused():
    with pytest.raises(TypeError, match="base must be a point such as BENCHMARK_B, or a function, got float"):
        dk.Slice(0.1, m_N=[0.1, 0.2])
    with pytest.raises(ValueError, match=r"base must be a single point, got one of shape \(3,\)"):
        dk.Slice(B.replace(epsilon=[1e-3, 1e-2, 1e-1]), m_N=[0.1, 0.2])


def test_a_slice_has_values_of_its_own():
    values = np.array([0.1, 0.2])
    line = dk.Slice(B, m_N=values)
    values[0] = 5.0
    np.testing.assert_array_equal(line.axes["m_N"], [0.1, 0.2])
    with pytest.raises(ValueError, match="read-only"):
        line.axes["m_N"][0] = 5.0

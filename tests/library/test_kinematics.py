"""Four-vectors, boosts and rotations."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from darkpkg.physics.kinematics import (
    boost,
    cos_and_sin,
    dot,
    invariant_mass,
    minkowski,
    momentum,
    rotate_z_to,
    spherical,
)

cosines = st.floats(-1, 1)
angles = st.floats(-10, 10)
components = st.floats(-5, 5)
vectors = st.tuples(components, components, components)
masses = st.floats(1e-3, 10)


def on_shell(mass, vector):
    return (np.sqrt(mass**2 + np.dot(vector, vector)), *vector)


def reversed_(p):
    return (p[0], -p[1], -p[2], -p[3])


def rounding(mass, *vectors):
    """Some bits of the largest product that a boost forms; a fast frame magnifies rounding by γ²."""
    size = max(np.abs(vector).max() for vector in vectors) + mass
    return 1e-14 * size**2 * (size / mass) ** 2


@given(vectors, vectors, vectors, masses)
def test_a_boost_preserves_products(p, k, frame, mass):
    p, k, frame = on_shell(0.3, p), on_shell(0.7, k), on_shell(mass, frame)
    moved = minkowski(boost(p, frame, mass), boost(k, frame, mass))
    assert moved == pytest.approx(minkowski(p, k), abs=rounding(mass, p, k, frame))


@given(vectors, vectors, masses)
def test_a_boost_goes_and_returns(p, frame, mass):
    p, frame = on_shell(0.3, p), on_shell(mass, frame)
    there_and_back = boost(boost(p, frame, mass), reversed_(frame), mass)
    np.testing.assert_allclose(there_and_back, p, atol=rounding(mass, p, frame))


@given(vectors, masses)
def test_a_boost_carries_a_particle_from_rest_to_its_momentum(frame, mass):
    frame = on_shell(mass, frame)
    np.testing.assert_allclose(boost((mass, 0.0, 0.0, 0.0), frame, mass), frame, rtol=1e-14)
    at_rest = boost(frame, reversed_(frame), mass)
    np.testing.assert_allclose(at_rest, (mass, 0, 0, 0), atol=rounding(mass, frame))


@given(st.floats(-0.999, 0.999), components, components)
def test_a_boost_along_z_is_the_textbook_one(beta, energy, z):
    gamma = 1 / np.sqrt(1 - beta**2)
    moved = boost((energy, 0.4, -0.2, z), (gamma, 0.0, 0.0, gamma * beta), 1.0)
    expected = (gamma * (energy + beta * z), 0.4, -0.2, gamma * (z + beta * energy))
    np.testing.assert_allclose(moved, expected, atol=1e-9)  # γ² = 500 times 1e-13 of cancellation in γβ


def test_parallel_boosts_add_rapidities():
    first, second = np.cosh(0.4), np.cosh(1.1)
    p = (1.0, 0.3, 0.1, -0.2)
    one = (first, 0.0, np.sinh(0.4), 0.0)
    two = (second, 0.0, np.sinh(1.1), 0.0)
    both = (np.cosh(1.5), 0.0, np.sinh(1.5), 0.0)
    np.testing.assert_allclose(boost(boost(p, one, 1.0), two, 1.0), boost(p, both, 1.0), rtol=1e-13)


@given(cosines, angles, vectors, vectors)
def test_a_rotation_keeps_angles_and_handedness(cos_theta, phi, v, w):
    assume(cos_theta > -1 + 1e-6)  # −z alone has no bisector with z
    axis = spherical(cos_theta, phi)
    v, w = np.array(v), np.array(w)
    turned_v, turned_w = np.array(rotate_z_to(axis, v)), np.array(rotate_z_to(axis, w))
    bound = 1e-13 * 75 / (1 + cos_theta)  # |v||w| ≤ 75; the bisector loses digits next to −z
    assert turned_v @ turned_w == pytest.approx(v @ w, abs=bound)
    turned_product = rotate_z_to(axis, np.cross(v, w))
    np.testing.assert_allclose(np.cross(turned_v, turned_w), turned_product, atol=bound)


@given(cosines, angles)
def test_a_rotation_carries_z_to_the_axis_and_the_axis_to_z(cos_theta, phi):
    assume(cos_theta > -1 + 1e-6)
    axis = spherical(cos_theta, phi)
    np.testing.assert_allclose(rotate_z_to(axis, (0.0, 0.0, 1.0)), axis, atol=1e-15)
    np.testing.assert_allclose(rotate_z_to(axis, axis), (0, 0, 1), atol=1e-14 / (1 + cos_theta))


@given(cosines, angles)
def test_a_direction_has_length_one_and_its_angles(cos_theta, phi):
    x, y, z = spherical(cos_theta, phi)
    assert x**2 + y**2 + z**2 == pytest.approx(1.0, rel=1e-14, abs=0)
    assert z == cos_theta
    assert x * np.sin(phi) == pytest.approx(y * np.cos(phi), abs=1e-15)
    assert x * np.cos(phi) >= 0 or abs(x) < 1e-15 or abs(np.cos(phi)) < 1e-15


@given(st.floats(-50.0, 50.0))
def test_cosine_and_sine_are_as_exact_as_the_angle(phi):
    # Half of the distance to the next angle, and to the next number below one for each of two roundings.
    np.testing.assert_allclose(cos_and_sin(phi), (math.cos(phi), math.sin(phi)), atol=np.spacing(abs(phi)) + 3e-16)


def test_cosine_and_sine_of_quarter_turns_and_of_no_number():
    phi = np.arange(-5, 6) * np.pi / 2
    np.testing.assert_allclose(np.stack(cos_and_sin(phi)), np.stack([np.cos(phi), np.sin(phi)]), atol=1e-15)
    assert np.isnan(cos_and_sin(np.nan)).all()


@given(masses, vectors)
def test_invariant_mass_and_momentum_of_a_particle(mass, vector):
    p = np.array(on_shell(mass, vector))
    # E² − p² of a fast particle keeps (m/E)² of the digits.
    assert invariant_mass(p) == pytest.approx(mass, rel=1e-14 * (p[0] / mass) ** 2, abs=0)
    assert momentum(p) == pytest.approx(np.linalg.norm(vector), rel=1e-14, abs=0)


def test_products_have_the_signature_plus_minus_minus_minus():
    basis = np.eye(4)
    table = dot(basis[:, None, :], basis[None, :, :])
    np.testing.assert_array_equal(table, np.diag([1.0, -1.0, -1.0, -1.0]))


def test_columns_and_tuples_have_the_same_product():
    p, k = np.random.default_rng(5).normal(size=(2, 10, 4))
    np.testing.assert_array_equal(dot(p, k), minkowski(p.T, k.T))


def test_a_square_that_rounding_made_negative_is_no_mass():
    assert invariant_mass(np.array([1.0, 0.0, 0.0, np.nextafter(1.0, 2.0)])) == 0.0


def test_functions_take_batches():
    p = np.random.default_rng(6).normal(size=(7, 5, 4))
    assert momentum(p).shape == invariant_mass(p).shape == dot(p, p).shape == (7, 5)

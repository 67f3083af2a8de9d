"""The kernel by its definition: its norm, its moments, and its share inside a region."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from darkpkg.method.kernels import EPANECHNIKOV, GAUSSIAN, KERNELS, UNIFORM

SHARE = 1e-3  # what moments_inside promises: 16384 points


def mass_inside(kernel, centre, bandwidth, inside):
    return kernel.moments_inside(centre, bandwidth, inside)[..., 0, 0]


def unit_ball(dim):
    return math.pi ** (dim / 2) / math.gamma(dim / 2 + 1)


def integral(bandwidth, power=(0, 0)):
    """∫ x^i y^j K dx dy over the ellipse, with nodes that make the integrand smooth: x = h₁ sin θ, y = h₂ u cos θ."""
    h = np.broadcast_to(bandwidth, 2)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    theta, u = np.meshgrid(nodes * np.pi / 2, nodes, indexing="ij")
    weight = np.outer(weights * np.pi / 2, weights)
    x, y = h[0] * np.sin(theta), h[1] * u * np.cos(theta)
    jacobian = h.prod() * np.cos(theta) ** 2
    kernel = EPANECHNIKOV(np.stack([x, y], axis=-1), bandwidth)
    return (weight * jacobian * x ** power[0] * y ** power[1] * kernel).sum()


def share_beyond(distance):
    """Share of the kernel on the far side of a straight line at a distance from its centre, in units of h."""
    marginal = quad(lambda x: 8 / (3 * math.pi) * (1 - x**2) ** 1.5, distance, 1, epsabs=1e-12)
    return marginal[0]


@pytest.mark.parametrize("bandwidth", [1.0, 0.005, 0.3, (0.2, 0.6), (0.01, 4.0)])
def test_integral_is_one(bandwidth):
    assert integral(bandwidth) == pytest.approx(1, rel=1e-6)


@given(st.floats(0.01, 10), st.floats(0.01, 10))
def test_variance_is_a_sixth_of_the_bandwidth_squared_in_each_direction(h1, h2):
    assert integral((h1, h2), (2, 0)) == pytest.approx(h1**2 / 6, rel=1e-9)
    assert integral((h1, h2), (0, 2)) == pytest.approx(h2**2 / 6, rel=1e-9)
    assert integral((h1, h2), (1, 1)) == pytest.approx(0, abs=1e-12 * h1 * h2)


def test_it_is_largest_at_the_centre_and_zero_from_the_edge_on():
    assert EPANECHNIKOV(np.zeros(2), (0.2, 0.6)) == pytest.approx(2 / (math.pi * 0.12), rel=1e-14)
    assert EPANECHNIKOV(np.array([[0.2, 0.0], [0.0, 0.6], [0.15, 0.5], [9.0, 9.0]]), (0.2, 0.6)).tolist() == [0] * 4


@given(st.floats(0, 1), st.floats(0, 2 * math.pi), st.floats(0, 2 * math.pi))
def test_it_is_round_in_units_of_the_bandwidth(r, phi, psi):
    def at(angle):
        return EPANECHNIKOV(np.array([0.2 * r * math.cos(angle), 0.6 * r * math.sin(angle)]), (0.2, 0.6))

    # Rounding of 1 − r², in units of the kernel's peak.
    assert at(phi) == pytest.approx(at(psi), abs=1e-14 * at(phi) + 1e-14)


def test_two_standard_shapes_broadcast():
    differences = np.zeros((4, 3, 2))
    assert EPANECHNIKOV(differences, 0.5).shape == (4, 3)
    np.testing.assert_array_equal(EPANECHNIKOV(differences, 0.5), EPANECHNIKOV(differences, (0.5, 0.5)))


def test_points_lie_in_the_disc_and_have_the_moments_of_the_kernel():
    points = EPANECHNIKOV.points()
    r_sq = (points**2).sum(axis=-1)
    assert r_sq.max() < 1
    # 4096 points in a regular pattern: moments much better than the 1/√4096 of random ones.
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=SHARE)
    np.testing.assert_allclose(points.T @ points / len(points), np.eye(2) / 6, atol=SHARE)
    assert (r_sq**2).mean() == pytest.approx(1 / 6, abs=SHARE)
    assert np.mean(r_sq < 0.25) == pytest.approx(1 - 0.75**2, abs=SHARE)


def test_all_of_it_is_inside_far_from_every_edge():
    inside = mass_inside(EPANECHNIKOV, np.zeros((3, 2)), 0.3, lambda p: np.abs(p).max(axis=-1) < 0.31)
    assert inside.tolist() == [1, 1, 1]


def test_nothing_of_it_is_inside_a_region_beyond_its_reach():
    assert mass_inside(EPANECHNIKOV, np.zeros(2), (0.2, 0.6), lambda p: p[..., 1] > 0.6) == 0


@pytest.mark.parametrize(
    ("inside", "share"),
    [
        (lambda p: p[..., 0] > 0.4, 1 / 2),
        (lambda p: p[..., 1] <= -1.0, 1 / 2),
        (lambda p: (p[..., 0] > 0.4) & (p[..., 1] > -1.0), 1 / 4),
        (lambda p: p[..., 1] + 1.0 > p[..., 0] - 0.4, 1 / 2),
    ],
    ids=["edge in x", "edge in y", "corner", "diagonal"],
)
def test_a_centre_on_an_edge_has_its_half_inside_and_on_a_corner_its_quarter(inside, share):
    assert mass_inside(EPANECHNIKOV, np.array([0.4, -1.0]), (0.2, 0.6), inside) == pytest.approx(share, abs=SHARE)


def test_share_beyond_a_straight_edge_is_good_to_its_promise_at_every_angle():
    # 30 000 edges: the largest error, not one that happened to be tried.
    distance = np.linspace(-0.99, 0.99, 100)
    exact = np.array([share_beyond(d) for d in distance])
    points = EPANECHNIKOV.points()
    for angle in np.linspace(0, 2 * math.pi, 300):
        along = np.sort(points @ [math.cos(angle), math.sin(angle)])
        share = 1 - np.searchsorted(along, distance, side="right") / len(points)
        assert np.abs(share - exact).max() < SHARE


@given(st.floats(-0.99, 0.99), st.floats(0, 2 * math.pi), st.floats(0.1, 2), st.floats(0.1, 2))
def test_share_beyond_any_straight_edge_agrees_with_quadrature(distance, angle, h1, h2):
    normal = np.array([math.cos(angle), math.sin(angle)])
    centre = np.array([3.0, -2.0])
    share = mass_inside(
        EPANECHNIKOV, centre, (h1, h2), lambda p: ((p - centre) / [h1, h2] * normal).sum(axis=-1) > distance
    )
    assert share == pytest.approx(share_beyond(distance), abs=SHARE)


def test_share_in_the_wedge_of_two_edges_and_the_diagonal_agrees_with_quadrature():
    """A centre near m_N = m_Z′ and near the upper edge of m_N, as the sampled plane has them."""
    h, centre = np.array([0.2, 0.6]), np.array([-0.05, 0.0])

    def inside(p):
        return (p[..., 0] < 0) & (p[..., 0] < p[..., 1])

    def column(x):
        top = h[1] * math.sqrt(max(1 - ((x - centre[0]) / h[0]) ** 2, 0))
        low = max(x, -top)
        return quad(lambda y: EPANECHNIKOV(np.array([x, y]) - centre, h), low, top)[0] if low < top else 0.0

    exact = quad(column, centre[0] - h[0], 0, points=[-0.2, -0.15], epsabs=1e-7)[0]
    assert mass_inside(EPANECHNIKOV, centre, h, inside) == pytest.approx(exact, abs=SHARE)


def test_many_centres_at_once_give_each_its_share():
    centres = np.array([[0.0, 0.0], [0.5, 0.0], [1.0, 0.0], [2.0, 0.0]])
    shares = mass_inside(EPANECHNIKOV, centres, 1.0, lambda p: p[..., 0] < 1)
    expected = [1, 1 - share_beyond(0.5), 1 / 2, 0]
    np.testing.assert_allclose(shares, expected, atol=SHARE)


# --- All kernels, in any number of dimensions ---

RADIAL = [(kernel, dim) for kernel in KERNELS.values() for dim in (1, 2, 3, 5)]
NAMES = [f"{kernel.name} in {dim}" for kernel, dim in RADIAL]


def radial(kernel, dim, power=0.0):
    """∫ r^power K over all space for unit bandwidths, by quadrature in the radius."""

    def shell(r):
        at = np.zeros(dim)
        at[0] = r
        return r ** (dim - 1 + power) * kernel(at, 1.0)

    surface = dim * math.pi ** (dim / 2) / math.gamma(dim / 2 + 1)
    return surface * quad(shell, 0, kernel.reach, epsabs=1e-13, epsrel=1e-12)[0]


@pytest.mark.parametrize(("kernel", "dim"), RADIAL, ids=NAMES)
def test_every_kernel_has_integral_one_and_its_second_moment(kernel, dim):
    assert radial(kernel, dim) == pytest.approx(1, abs=1e-6)
    assert radial(kernel, dim, 2) / dim == pytest.approx(kernel.second_moment(dim), rel=1e-8)


@pytest.mark.parametrize(("kernel", "dim"), RADIAL, ids=NAMES)
def test_roughness_is_the_integral_of_the_square(kernel, dim):
    def shell(r):
        at = np.zeros(dim)
        at[0] = r
        return r ** (dim - 1) * kernel(at, 1.0) ** 2

    exact = dim * unit_ball(dim) * quad(shell, 0, kernel.reach, epsabs=1e-13, epsrel=1e-12)[0]
    assert kernel.roughness(dim) == pytest.approx(exact, rel=1e-3)  # 4096 quantiles


@pytest.mark.parametrize(("kernel", "dim"), RADIAL, ids=NAMES)
def test_a_share_of_the_kernel_lies_within_its_radius(kernel, dim):
    share = np.array([0.1, 0.5, 0.9])
    for one, r_sq in zip(share, kernel.radius_sq(share, dim), strict=True):

        def shell(r):
            at = np.zeros(dim)
            at[0] = r
            return r ** (dim - 1) * kernel(at, 1.0)

        within = dim * unit_ball(dim) * quad(shell, 0, math.sqrt(r_sq), epsabs=1e-12)[0]
        assert within == pytest.approx(one, abs=1e-9)


@pytest.mark.parametrize(("kernel", "dim"), RADIAL, ids=NAMES)
def test_points_have_the_moments_of_every_kernel(kernel, dim):
    points = kernel.points(dim)
    # Regular points: far better than the 1/√16384 = 8e-3 of random ones; a Gaussian's tail is coarser.
    tolerance = 1e-3 if dim <= 2 else 6e-3
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=tolerance)
    moments = points.T @ points / len(points)
    np.testing.assert_allclose(moments, kernel.second_moment(dim) * np.eye(dim), atol=3 * tolerance)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_half_of_every_kernel_lies_beyond_a_line_through_its_centre(kernel):
    for dim in (1, 2):
        half = mass_inside(kernel, np.zeros(dim), 0.3, lambda p: p[..., 0] > 0)
        assert half == pytest.approx(0.5, abs=SHARE)


def test_first_moment_beyond_a_line_is_the_one_of_quadrature():
    moments = EPANECHNIKOV.moments_inside(np.zeros(2), (0.2, 0.6), lambda p: p[..., 0] > 0)
    mean = quad(lambda x: x * 8 / (3 * math.pi) * (1 - x**2) ** 1.5, 0, 1)[0]
    assert moments[0, 1] == pytest.approx(mean, abs=SHARE)
    assert moments[0, 2] == pytest.approx(0, abs=SHARE)
    assert moments[1, 1] == pytest.approx(1 / 12, abs=SHARE)
    np.testing.assert_array_equal(moments, moments.T)


def test_the_norms_in_two_dimensions_are_those_of_textbooks():
    assert EPANECHNIKOV.norm(2) == pytest.approx(2 / math.pi, rel=1e-15)
    assert UNIFORM.norm(2) == pytest.approx(1 / math.pi, rel=1e-15)
    assert GAUSSIAN.norm(1) == pytest.approx(1 / math.sqrt(2 * math.pi), rel=1e-8)
    assert EPANECHNIKOV.norm(1) == pytest.approx(0.75, rel=1e-15)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_a_kernel_ends_where_its_reach_does(kernel):
    reach = kernel.reach**2
    np.testing.assert_array_equal(kernel.profile([reach, np.nextafter(reach, 99), 1e300, np.inf]), 0)
    assert kernel.profile(0.0) == 1
    assert kernel([kernel.reach, 0.0], 1.0) == 0


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_what_is_no_radius_share_dimension_or_bandwidth_is_refused(kernel):
    for call, message in (
        (lambda: kernel.profile(-0.1), "r_sq must be zero or more"),
        (lambda: kernel.profile(np.nan), "r_sq must be a number"),
        (lambda: kernel.radius_sq(1.1, 2), "share must be at most 1"),
        (lambda: kernel.norm(0), "dim must be at least 1"),
        (lambda: kernel.norm(1000), "dim must be at most 100"),
        (lambda: kernel([0.1, 0.2], 0.0), "bandwidth must be at least 1e-60, got 0.0"),
        (lambda: kernel([0.1, 0.2], [1.0, 1.0, 1.0]), "bandwidth must be one number or 2"),
        (lambda: kernel(0.1, 1.0), "difference must have one number or more along its last axis"),
        (lambda: kernel([np.nan, 0.1], 1.0), "difference must be a number"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="dim must be a whole number"):
        kernel.second_moment(2.0)

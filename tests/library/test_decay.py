"""The decay of a polarised N: its spectrum, its angles, and the momenta built from them."""

import itertools

import dirac
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from darkpkg.physics.decay import angular_correlation, lepton_momenta, mass_density, width_shape
from darkpkg.physics.kinematics import minkowski
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B
from darkpkg.units import ALPHA_EM, ELECTRON_MASS

THRESHOLD = 2 * ELECTRON_MASS
MASSES = [(1.5e-3, 1.25), (5e-3, 1.25), (0.1, 0.1), (0.1, 0.1001), (0.1, 0.12), (0.1, 1.25), (1.0, 1.05)]

N_masses = st.floats(np.log(1.1e-3), np.log(2)).map(np.exp)
shares = st.floats(0, 1)
cosines = st.floats(-1, 1)
angles = st.floats(0, 2 * np.pi)


def pair_mass_sq(m_N, share):
    return THRESHOLD**2 + share * (m_N**2 - THRESHOLD**2)


def sphere(n=4):
    """Nodes and weights, exact for polynomials of degree 2n − 1 in both cosines and harmonics below n in φ_e."""
    cosine, weight = np.polynomial.legendre.leggauss(n)
    phi = 2 * np.pi * np.arange(n) / n
    cos_Z, cos_e, phi_e = np.meshgrid(cosine, cosine, phi, indexing="ij")
    return cos_Z, cos_e, phi_e, np.einsum("i,j,k->ijk", weight, weight, np.ones(n)) / (4 * n)


# --- Width and spectrum ---


def width_in_many_digits(m_N, m_Zprime, m_e):
    """L with electron mass by mpmath, in an s that is stretched at both ends."""
    with mpmath.workdps(30):
        m_N, m_Zprime, m_e = (mpmath.mpf(x) for x in (m_N, m_Zprime, m_e))

        def spectrum(s):
            y, r = s / m_N**2, m_e**2 / s
            return 2 * (1 - y) ** 2 * (1 + 2 * y) / (1 - s / m_Zprime**2) ** 2 * (1 + 2 * r) * mpmath.sqrt(1 - 4 * r)

        low = 4 * m_e**2
        edges = [
            low,
            *(low + (m_N**2 - low) * mpmath.mpf(x) for x in ("1e-4", "1e-2", "0.3", "0.9", "0.999")),
            m_N**2,
        ]
        return float(mpmath.quad(spectrum, edges) / m_N**2)


def electron_mass_factor(m_N, m_Zprime):
    """Γ(N → ν e⁺e⁻) with massive electrons over Eq. (9); the width of Z′ is nothing at this mixing."""
    point = BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime, epsilon=1e-6)
    return point.decay_width() * point.pair_branching_ratio() / point.replace(decays="paper").decay_width()


@pytest.mark.parametrize(("m_N", "m_Zprime"), MASSES)
def test_electron_mass_factor_agrees_with_many_digits(m_N, m_Zprime):
    expected = width_in_many_digits(m_N, m_Zprime, ELECTRON_MASS) / width_in_many_digits(m_N, m_Zprime, 0.0)
    # `current_integrals` promises 1e-10; ε is small but not zero.
    assert electron_mass_factor(m_N, m_Zprime) == pytest.approx(expected, abs=1e-8)


def test_electron_mass_matters_as_the_square_of_its_ratio():
    m_N = np.array([0.03, 0.1, 0.3])
    missing = 1 - electron_mass_factor(m_N, 1e3)
    # Next order: (m_e/m_N)⁴ with a logarithm, 4e-3 of this at 30 MeV; the factor itself is good to 1e-5 of one.
    np.testing.assert_allclose(missing, 12 * (ELECTRON_MASS / m_N) ** 2, rtol=5e-3, atol=2e-5)


@given(N_masses, st.floats(1, 100))
def test_electron_mass_only_closes_phase_space(m_N, ratio):
    assert 0 < electron_mass_factor(m_N, ratio * m_N) <= 1 + 1e-5  # as accurate as that


def test_width_shape_without_electron_mass_is_the_enhancement_of_the_width():
    for m_N, m_Zprime in MASSES:
        heavy = BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime, decays="paper")
        strength = ALPHA_EM * heavy.alpha_D * heavy.epsilon**2 * heavy.V_N_sq / (48 * np.pi)
        L = heavy.decay_width() / (strength * m_N**5 / m_Zprime**4)
        assert width_shape(m_N, m_Zprime, 0.0) == pytest.approx(L, rel=1e-6, abs=0)  # as the docstring promises


@pytest.mark.parametrize("distance", [0.0, 1e-9, 1e-6, 1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("m_N", [2e-3, 0.1, 1.0])
def test_width_shape_agrees_with_adaptive_quadrature_next_to_equal_masses(m_N, distance):
    m_Zprime = m_N * (1 + distance)
    x, lowest = (m_N / m_Zprime) ** 2, (THRESHOLD / m_N) ** 2

    def integrand(y):
        ratio = (1 + lowest / (2 * y)) * np.sqrt(1 - lowest / y)
        return 2 * (1 - y) ** 2 * (1 + 2 * y) / (1 - x * y) ** 2 * ratio

    breaks = sorted([lowest, *(lowest * np.geomspace(1.01, 100, 9)), *(1 - np.geomspace(1e-12, 0.1, 12)), 1.0])
    inside = [y for y in breaks if lowest <= y <= 1]
    expected = sum(quad(integrand, a, b, epsabs=1e-9)[0] for a, b in itertools.pairwise(inside))
    assert width_shape(m_N, m_Zprime, ELECTRON_MASS) == pytest.approx(expected, rel=1e-6, abs=0)


@pytest.mark.parametrize(("m_N", "m_Zprime"), MASSES)
def test_mass_density_integrates_to_one(m_N, m_Zprime):
    # s = low + (high − low) u² takes away the root at threshold; masses alike leave a narrow peak at the upper end.
    def integrand(u):
        return mass_density(pair_mass_sq(m_N, u**2), m_N, m_Zprime) * 2 * u * (m_N**2 - THRESHOLD**2)

    total, _ = quad(integrand, 0, 1 - 1e-12, points=[0.01, 0.1, 0.9, 0.99, 0.999], limit=400)
    assert total == pytest.approx(1.0, abs=1e-6)  # the accuracy of the normalisation


@pytest.mark.parametrize("m_Zprime", [0.1, 0.11, 10.0])
def test_mass_density_is_finite_everywhere_and_zero_outside(m_Zprime):
    m_N = 0.1
    s = np.array(
        [0.0, 0.99 * THRESHOLD**2, THRESHOLD**2, 0.5 * m_N**2, (1 - 1e-9) * m_N**2, m_N**2, 1.01 * m_N**2, 4.0]
    )
    density = mass_density(s, m_N, m_Zprime)
    assert np.isfinite(density).all()
    assert (density >= 0).all()
    assert (density[[0, 1, 2, -2, -1]] == 0).all()
    assert density[3] > 0


def test_a_heavy_mediator_prefers_light_pairs_and_a_mediator_of_the_same_mass_heavy_ones():
    s = np.array([0.1, 0.9]) * 0.1**2
    light, heavy = mass_density(s, 0.1, 1e3)
    assert light / heavy == pytest.approx(0.81 * 1.2 / (0.01 * 2.8), rel=1e-3, abs=0)  # m_e²/s = 3e-4
    light, heavy = mass_density(s, 0.1, 0.1001)
    assert heavy > 2 * light


@pytest.mark.parametrize(("m_N", "m_Zprime"), [(2e-3, 1.25), (0.02, 0.03), (0.1, 1.25), (0.5, 0.52)])
def test_width_and_spectrum_follow_from_dirac_traces_with_electron_mass(m_N, m_Zprime):
    # dΓ = ⟨|M|²⟩ ds dm²(νe) / ((2π)³ 32 m_N³), and m²(νe) is linear in cos θ_e with slope m_N E′ β.
    point = BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime)
    nodes, weights = np.polynomial.legendre.leggauss(120)
    u, cos_e = np.meshgrid((nodes + 1) / 2, np.polynomial.legendre.leggauss(4)[0], indexing="ij")
    s = pair_mass_sq(m_N, u**2)
    ds = weights * u[:, 0] * (m_N**2 - THRESHOLD**2)
    squared = dirac.decay(*decay_momenta(m_N, s, 0 * s, cos_e, 0 * s), m_N, ELECTRON_MASS) / 2
    couplings = (4 * np.pi) ** 2 * ALPHA_EM * point.alpha_D * point.epsilon**2 * point.V_N_sq
    beta = np.sqrt(1 - THRESHOLD**2 / s)
    rate = couplings * squared / (s - m_Zprime**2) ** 2 * beta * (m_N**2 - s) / 2 / ((2 * np.pi) ** 3 * 32 * m_N**3)
    spectrum = rate @ np.polynomial.legendre.leggauss(4)[1]
    width = spectrum @ ds
    # The quadrature of this test is good to 1e-5.
    assert point.decay_width() * point.pair_branching_ratio() == pytest.approx(width, rel=1e-5, abs=0)
    # The normalisation is promised to 1e-4.
    np.testing.assert_allclose(mass_density(s[:, 0], m_N, m_Zprime), spectrum / width, rtol=2e-4)


# --- Angles ---


@given(N_masses, shares)
def test_angular_correlation_averages_to_one_at_fixed_pair_mass(m_N, share):
    cos_Z, cos_e, phi_e, weight = sphere()
    density = angular_correlation(pair_mass_sq(m_N, share), cos_Z, cos_e, phi_e, m_N)
    assert (weight * density).sum() == pytest.approx(1.0, rel=1e-12, abs=0)


@given(N_masses, shares, cosines, cosines, angles)
def test_angular_correlation_is_a_density(m_N, share, cos_Z, cos_e, phi_e):
    assert angular_correlation(pair_mass_sq(m_N, share), cos_Z, cos_e, phi_e, m_N) >= -1e-12  # zero up to rounding


@given(N_masses, shares, cosines, cosines, angles)
def test_electron_and_positron_are_alike(m_N, share, cos_Z, cos_e, phi_e):
    # The vector current of the pair knows no charge: exchanging e⁺ and e⁻ is θ_e → π − θ_e, φ_e → φ_e + π.
    s = pair_mass_sq(m_N, share)
    swapped = angular_correlation(s, cos_Z, -cos_e, phi_e + np.pi, m_N)
    assert angular_correlation(s, cos_Z, cos_e, phi_e, m_N) == pytest.approx(swapped, abs=1e-12)


@given(N_masses, st.floats(0, 0.99), cosines)
def test_without_the_spin_axis_the_electron_is_distributed_as_an_unpolarised_decay_says(m_N, share, cos_e):
    s = pair_mass_sq(m_N, share)
    cosine, weight = np.polynomial.legendre.leggauss(4)
    phi = 2 * np.pi * np.arange(4)[:, None] / 4
    mean = (angular_correlation(s, cosine, cos_e, phi, m_N).mean(axis=0) * weight).sum() / 2
    # Σ|M|² over all spins, over its mean in cos θ_e, in which it is quadratic.
    squared = dirac.decay(*decay_momenta(m_N, s, 0.0, [cos_e, *cosine], 0.0), m_N, ELECTRON_MASS)
    assert mean == pytest.approx(squared[0] / (squared[1:] @ weight / 2), rel=1e-9, abs=0)


@given(N_masses, shares, cosines)
def test_pair_is_emitted_against_the_axis_with_the_asymmetry_of_a_vector_boson(m_N, share, cos_Z):
    # As in t → bW: 1 − cos θ_Z (m_N² − 2s)/(m_N² + 2s), whatever the leptons are.
    s = pair_mass_sq(m_N, share)
    cosine, weight = np.polynomial.legendre.leggauss(4)
    phi = 2 * np.pi * np.arange(4)[:, None] / 4
    mean = (angular_correlation(s, cos_Z, cosine, phi, m_N).mean(axis=0) * weight).sum() / 2
    assert mean == pytest.approx(1 - cos_Z * (m_N**2 - 2 * s) / (m_N**2 + 2 * s), abs=1e-12)


def test_a_light_pair_cannot_follow_the_axis():
    # s → 0: the pair has no spin along its flight, and the left-handed neutrino takes that of N.
    s = 1e-8
    assert angular_correlation(s, 1.0, 0.3, 0.0, 1.0, m_e=0.0) == pytest.approx(0.0, abs=1e-7)
    assert angular_correlation(s, -1.0, 0.0, 0.0, 1.0, m_e=0.0) == pytest.approx(3.0, abs=1e-6)  # 2 · (3/2) sin²θ_e


def test_at_threshold_the_electrons_forget_their_direction():
    s = THRESHOLD**2
    values = [angular_correlation(s, 0.4, cos_e, phi_e, 0.01) for cos_e, phi_e in ((-1, 0), (0.2, 1), (0.9, 4))]
    assert values == pytest.approx([values[0]] * 3, rel=1e-12, abs=0)


def decay_momenta(m_N, s, cos_Z, cos_e, phi_e, phi_Z=0.7):
    """p_N at rest, p_ν, p₋, p₊, each (..., 4), for the spin axis along z."""
    s, cos_Z, cos_e, phi_e = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (s, cos_Z, cos_e, phi_e)))
    pair = lepton_momenta(m_N, s, cos_Z, phi_Z, cos_e, phi_e)
    electron, positron = (np.stack(p, axis=-1) for p in pair)
    at_rest = np.zeros_like(electron)
    at_rest[..., 0] = m_N
    return at_rest, at_rest - electron - positron, electron, positron


@pytest.mark.parametrize("m_N", [2e-3, 0.02, 0.1, 1.0])
def test_angular_correlation_is_the_squared_amplitude_of_a_polarised_n_from_dirac_matrices(m_N):
    rng = np.random.default_rng(3)
    s = pair_mass_sq(m_N, rng.random(200))
    cos_Z, cos_e, phi_e = rng.uniform(-1, 1, 200), rng.uniform(-1, 1, 200), rng.uniform(0, 2 * np.pi, 200)
    p_N, p_nu, electron, positron = decay_momenta(m_N, s, cos_Z, cos_e, phi_e)
    # The axis is opposite to the spin: u ū = (p̸ + m)(1 + γ₅ s̸)/2 with s = (0, −ẑ).
    spin = np.broadcast_to([0.0, 0.0, 0.0, -1.0], p_N.shape)
    spins = (dirac.slash(p_N) + m_N * np.eye(4)) @ (np.eye(4) + dirac.GAMMA_5 @ dirac.slash(spin)) / 2
    tensor = dirac.neutrino_tensor(p_nu, np.broadcast_to(dirac.LEFT, spins.shape), spins)
    squared = dirac.contract(tensor, dirac.pair_tensor(electron, positron, ELECTRON_MASS))
    # Its mean at fixed s, from the unpolarised amplitude, which is quadratic in cos θ_e.
    cosine, weight = np.polynomial.legendre.leggauss(3)
    unpolarised = dirac.decay(*decay_momenta(m_N, s[:, None], 0.0, cosine, 0.0), m_N, ELECTRON_MASS) / 2
    expected = squared / (unpolarised @ weight / 2)
    # Rounding, where 1 − s/m_N² may be 1e-3.
    np.testing.assert_allclose(angular_correlation(s, cos_Z, cos_e, phi_e, m_N), expected, atol=1e-9)


@pytest.mark.parametrize("degree", [-1.0, 0.0, 0.4])
def test_partial_polarisation_mixes_both_spins(degree):
    rng = np.random.default_rng(5)
    s = pair_mass_sq(0.05, rng.random(100))
    angles = rng.uniform(-1, 1, 100), rng.uniform(-1, 1, 100), rng.uniform(0, 2 * np.pi, 100)
    up = angular_correlation(s, *angles, 0.05)
    # The opposite spin is the axis turned round: θ_Z → π − θ_Z at fixed momenta, so φ_e → π − φ_e about the flight.
    down = angular_correlation(s, -angles[0], angles[1], np.pi - angles[2], 0.05)
    expected = (1 + degree) / 2 * up + (1 - degree) / 2 * down
    np.testing.assert_allclose(
        angular_correlation(s, *angles, 0.05, ELECTRON_MASS, degree), expected, rtol=0, atol=1e-12
    )  # rounding


def test_the_two_channels_of_a_majorana_n_forget_its_spin_together():
    """N → ν e⁺e⁻ by P_L and N → ν̄ e⁺e⁻ by P_R, from Dirac matrices, against the decay without polarisation."""
    m_N, rng = 0.05, np.random.default_rng(6)
    s = pair_mass_sq(m_N, rng.random(100))
    angles = rng.uniform(-1, 1, 100), rng.uniform(-1, 1, 100), rng.uniform(0, 2 * np.pi, 100)
    p_N, p_nu, electron, positron = decay_momenta(m_N, s, *angles)
    spin = np.broadcast_to([0.0, 0.0, 0.0, -1.0], p_N.shape)
    spins = (dirac.slash(p_N) + m_N * np.eye(4)) @ (np.eye(4) + dirac.GAMMA_5 @ dirac.slash(spin)) / 2
    pair = dirac.pair_tensor(electron, positron, ELECTRON_MASS)
    channels = [
        dirac.contract(dirac.neutrino_tensor(p_nu, np.broadcast_to(chirality, spins.shape), spins), pair)
        for chirality in (dirac.LEFT, dirac.RIGHT)
    ]
    unpolarised = dirac.decay(p_N, p_nu, electron, positron, m_N, ELECTRON_MASS)
    np.testing.assert_allclose(sum(channels), unpolarised, rtol=1e-9)  # rounding
    ratio = channels[1] / channels[0]
    correlation = [angular_correlation(s, *angles, m_N, ELECTRON_MASS, P) for P in (1.0, -1.0, 0.0)]
    np.testing.assert_allclose(correlation[1] / correlation[0], ratio, rtol=1e-6)  # rounding near zeros of D
    np.testing.assert_allclose(correlation[2], (correlation[0] + correlation[1]) / 2, atol=1e-12)


# --- Momenta ---


@given(N_masses, shares, cosines, angles, cosines, angles)
def test_decay_conserves_momentum_on_all_mass_shells(m_N, share, cos_Z, phi_Z, cos_e, phi_e):
    s = pair_mass_sq(m_N, share)
    _, p_nu, electron, positron = decay_momenta(m_N, s, cos_Z, cos_e, phi_e, phi_Z)
    rounding = 1e-13 * m_N**2
    for p in (electron, positron):
        assert minkowski(p, p) == pytest.approx(ELECTRON_MASS**2, abs=rounding)
    assert minkowski(electron + positron, electron + positron) == pytest.approx(s, abs=rounding)
    assert minkowski(p_nu, p_nu) == pytest.approx(0, abs=rounding)
    assert p_nu[0] >= -1e-15


@given(N_masses, st.floats(0.01, 0.99), cosines, angles, cosines, angles)
def test_momenta_have_the_angles_that_they_were_made_from(m_N, share, cos_Z, phi_Z, cos_e, phi_e):
    s = pair_mass_sq(m_N, share)
    p_N, p_nu, electron, positron = decay_momenta(m_N, s, cos_Z, cos_e, phi_e, phi_Z)
    recoil = (m_N**2 - s) / (2 * m_N)
    direction = -p_nu[1:] / recoil
    np.testing.assert_allclose(
        direction, [np.sqrt(1 - cos_Z**2) * np.cos(phi_Z), np.sqrt(1 - cos_Z**2) * np.sin(phi_Z), cos_Z], atol=1e-11
    )
    # Invariants of the docstring: p_ν·l = m_N E′ β cos θ_e, and n·l with the axis along +z.
    l, axis = electron - positron, np.array([1.0, 0.0, 0.0, 1.0])
    beta, E_Z = np.sqrt(1 - THRESHOLD**2 / s), (m_N**2 + s) / (2 * m_N)
    sin_sin = np.sqrt((1 - cos_Z**2) * (1 - cos_e**2))
    n_l = beta * ((recoil - E_Z * cos_Z) * cos_e + np.sqrt(s) * sin_sin * np.cos(phi_e))
    assert minkowski(p_nu, l) == pytest.approx(m_N * recoil * beta * cos_e, abs=1e-12 * m_N**2)
    assert minkowski(axis, l) == pytest.approx(n_l, abs=1e-12 * m_N)
    assert minkowski(axis, p_N) == pytest.approx(m_N)


@pytest.mark.parametrize(("m_N", "m_Zprime"), [(0.01, 0.003), (0.1, 0.03), (0.1, 0.09), (1.0, 0.4)])
def test_a_light_mediator_decays_as_the_coherent_sum_over_its_polarisations(m_N, m_Zprime):
    """N → ν Z′ and Z′ → e⁺e⁻ with helicity amplitudes summed before the square: the correlation at s = m_Z′²."""
    rng = np.random.default_rng(4)
    s = np.full(100, m_Zprime**2)
    cos_Z, cos_e, phi_e = rng.uniform(-1, 1, 100), rng.uniform(-1, 1, 100), rng.uniform(0, 2 * np.pi, 100)
    p_N, p_nu, electron, positron = decay_momenta(m_N, s, cos_Z, cos_e, phi_e)
    # Two directions across the flight of Z′ and one along it, each orthogonal to its momentum.
    pair = electron + positron
    length = np.sqrt((pair[:, 1:] ** 2).sum(axis=-1))
    along = pair[:, 1:] / length[:, None]
    across = np.cross(along, [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    vectors = [np.concatenate([np.zeros((100, 1)), e], axis=-1) for e in (across, np.cross(along, across))]
    vectors.append(np.concatenate([length[:, None], pair[:, :1] * along], axis=-1) / m_Zprime)
    sum_over_polarisations = sum(np.einsum("na,nb->nab", e, e) for e in vectors)
    spin = np.broadcast_to([0.0, 0.0, 0.0, -1.0], p_N.shape)
    spins = (dirac.slash(p_N) + m_N * np.eye(4)) @ (np.eye(4) + dirac.GAMMA_5 @ dirac.slash(spin)) / 2
    tensor = dirac.neutrino_tensor(p_nu, np.broadcast_to(dirac.LEFT, spins.shape), spins)
    lower = np.einsum(
        "nab,ac,bd->ncd", dirac.pair_tensor(electron, positron, ELECTRON_MASS), dirac.METRIC, dirac.METRIC
    )
    through = np.einsum("nac,ncd,ndb->nab", sum_over_polarisations, lower, sum_over_polarisations)
    squared = dirac.contract(tensor, through)
    correlation = angular_correlation(s, cos_Z, cos_e, phi_e, m_N)
    ratio = squared / correlation
    # The same up to a constant; rounding of γ² of the longitudinal vector.
    np.testing.assert_allclose(ratio / ratio.mean(), 1, rtol=1e-8)


def test_width_of_a_light_mediator_follows_from_dirac_traces():
    """Γ(Z′ → e⁺e⁻) = (e ε)² / 3 · Σ|ε·ē γ e|² · p / (8π m_Z′²)."""
    for m_Zprime in (0.0015, 0.03, 0.5):
        point = BENCHMARK_A.replace(m_Zprime=m_Zprime, m_N=1.0, decays="paper")
        p = np.sqrt(m_Zprime**2 / 4 - ELECTRON_MASS**2)
        electron, positron = np.array([m_Zprime / 2, 0, 0, p]), np.array([m_Zprime / 2, 0, 0, -p])
        tensor = dirac.pair_tensor(electron, positron, ELECTRON_MASS)
        squared = -np.einsum("ab,ab->", tensor, dirac.METRIC).real  # the current is conserved: −g alone
        width = 4 * np.pi * ALPHA_EM * point.epsilon**2 * squared / 3 * p / (8 * np.pi * m_Zprime**2)
        assert point.mediator_width() == pytest.approx(width, rel=1e-10, abs=0)  # rounding

"""Decays of Z′ and N to electrons, muons and hadrons, on the mass shell of Z′, off it, and between."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from darkpkg import BENCHMARK_A, BENCHMARK_B, datasets
from darkpkg.physics.widths import CHANNELS, current_integrals, pair_ratio, total_ratio
from darkpkg.units import ALPHA_EM, CHARGED_PION_MASS, ELECTRON_MASS, HBARC, MUON_MASS

R_TABLE = datasets.read("decays/r_ratio")
masses = st.floats(np.log(2e-3), np.log(1.25)).map(np.exp)


def by_adaptive_quadrature(m_N, m_Zprime, epsilon, channel):
    """The integral that defines J_f, with a break at each entry of the table and around the pole."""
    width = epsilon**2 * ALPHA_EM / 3 * total_ratio(m_Zprime**2) * m_Zprime**2

    def integrand(s):
        return (
            (1 - s / m_N**2) ** 2
            * (1 + 2 * s / m_N**2)
            * pair_ratio(s, channel)
            / ((s - m_Zprime**2) ** 2 + width**2)
        )

    around = m_Zprime**2 + width * np.array([-1e4, -1e3, -100, -10, -1, 0, 1, 10, 100, 1e3, 1e4])
    lowest = CHANNELS[channel] ** 2
    towards_threshold = lowest * np.array([2, 10, 100, 1000])
    breaks = sorted({x for x in (*R_TABLE.sqrt_s**2, *around, *towards_threshold) if lowest < x < m_N**2})
    edges = [lowest, *breaks, m_N**2]
    parts = [quad(integrand, a, b, limit=300, epsabs=1e-11, epsrel=1e-9)[0] for a, b in itertools.pairwise(edges)]
    return epsilon**2 * m_N**2 * sum(parts)


@pytest.mark.parametrize(
    ("m_N", "m_Zprime", "epsilon"),
    [
        *[(0.5, 1.25, 0.02), (0.5, 0.51, 0.02), (1.1, 3.0, 0.01), (1.2, 1.3, 0.02), (0.9, 0.9000001, 0.02)],
        *[(0.5, 0.3, 0.02), (1.1, 0.8, 0.02), (0.3, 0.25, 1e-3), (0.005, 0.0051, 1e-3)],
    ],
)
def test_integrals_over_the_propagator_agree_with_adaptive_quadrature(m_N, m_Zprime, epsilon):
    found = current_integrals(m_N, m_Zprime, epsilon)
    # 1e-8 is that of the adaptive quadrature; that of ours is tested with many digits below.
    for channel, accuracy in (("electrons", 1e-8), ("muons", 1e-8), ("hadrons", 1e-3)):
        if m_N <= CHANNELS[channel]:
            assert found[channel] == 0
        else:
            expected = by_adaptive_quadrature(m_N, m_Zprime, epsilon, channel)
            assert found[channel] == pytest.approx(expected, rel=accuracy, abs=0)


NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(24)


def by_many_digits(m_N, m_Zprime, epsilon, channel):
    """The integral, of hadrons below the table, by Gauss between breaks that crowd towards threshold, pole and end.

    The breaks and their distances from these three have thirty digits. From one break to the next a distance changes
    by a factor of ten at most, so that the nodes between them lose one digit of a double.
    """
    with mpmath.workdps(30):
        m_N, m_Zprime, lowest = mpmath.mpf(m_N), mpmath.mpf(m_Zprime), mpmath.mpf(CHANNELS[channel])
        places = threshold, pole, end = (lowest / m_N) ** 2, (m_Zprime / m_N) ** 2, mpmath.mpf(1)
        steps = [mpmath.mpf(10) ** -k for k in range(1, 25)]
        around = {x for place in places for step in steps for x in (place - step, place + step)}
        inside = {x for x in {*around, pole, threshold * 2, threshold * 10} if threshold < x < end}
        breaks = sorted({threshold, *inside, end})
        size = np.array([[float(b - a)] for a, b in itertools.pairwise(breaks)])
        before = (np.array([[float(x - place)] for x in breaks[:-1]]) for place in places)
        above, beyond, left = (distance + size * (NODES + 1) / 2 for distance in before)
        y = float(threshold) + above
    beta = np.sqrt(above / y)
    if channel == "hadrons":
        ratio = R_TABLE.R[0] * (beta / np.sqrt(1 - (CHANNELS[channel] / R_TABLE.sqrt_s[0]) ** 2)) ** 3
    else:
        ratio = (3 - beta**2) / 2 * beta
    width = epsilon**2 * ALPHA_EM / 3 * total_ratio(float(m_Zprime) ** 2) * float(pole)
    integrand = left**2 * (1 + 2 * y) * ratio / (beyond**2 + width**2)
    return epsilon**2 * (integrand * size * NODE_WEIGHTS / 2).sum()


@pytest.mark.parametrize(
    ("m_N", "m_Zprime", "epsilon"),
    [
        *[(0.1, 0.0009, 1e-4), (0.3, 0.04, 1e-4), (0.3, 0.2, 1e-4), (0.3, 0.211, 1e-6)],  # light, at thresholds
        *[(0.5, 0.3, 0.02), (0.1, 0.03, 1e-4), (0.02, 0.08, 0.3)],  # on the mass shell of Z′, and off it
        *[(0.0014, 0.0014 * (1 + 1e-10), 1e-8), (0.3, 0.3 * (1 - 1e-10), 1e-6), (0.3, 0.3, 0.3)],  # almost equal
        *[(0.5, 0.5 * 8**0.5 * (1 - 1e-9), 0.02), (0.5, 0.5 * 8**0.5 * (1 + 1e-9), 0.02), (0.1, 10.0, 1e-3)],  # far
    ],
)
def test_integrals_of_leptons_agree_with_many_digits(m_N, m_Zprime, epsilon):
    for channel in ("electrons", "muons"):
        if m_N > CHANNELS[channel]:
            expected = by_many_digits(m_N, m_Zprime, epsilon, channel)
            found = current_integrals(m_N, m_Zprime, epsilon)[channel]
            assert found == pytest.approx(expected, rel=1e-10, abs=0)  # as the docstring promises


@pytest.mark.parametrize(("channel", "accuracy"), [("electrons", 1e-10), ("muons", 1e-10), ("hadrons", 1e-3)])
@pytest.mark.parametrize("excess", [1e-10, 1e-6, 1e-4, 1e-2])
def test_next_to_a_threshold_integrals_have_all_their_digits(channel, accuracy, excess):
    """Z′ lighter and heavier than N, as near as the threshold and far from it; just below nothing is reached."""
    m_N = CHANNELS[channel] * (1 + excess)
    for m_Zprime in (m_N / 5, m_N * (1 - 4 * excess), m_N * (1 + 7 * excess), m_N * (1 + 9 * excess), 1.5 * m_N):
        found = current_integrals(m_N, m_Zprime, 1e-3)[channel]
        assert found == pytest.approx(by_many_digits(m_N, m_Zprime, 1e-3, channel), rel=accuracy, abs=0)
        assert current_integrals(CHANNELS[channel] * (1 - excess), m_Zprime, 1e-3)[channel] == 0


def test_an_integral_does_not_depend_on_what_points_are_beside_it():
    """Of all kinds of points: light and heavy, near and far, below and above thresholds; in two parts and in one."""
    u = np.random.default_rng(1).random((3, 300))
    m_N, m_Zprime, epsilon = 2e-3 * 1000 ** u[0], 1e-3 * 10_000 ** u[1], 1e-6 * 1e5 ** u[2]
    together = current_integrals(m_N, m_Zprime, epsilon)
    backwards = current_integrals(m_N[::-1], m_Zprime[::-1], epsilon[::-1])
    for channel, values in together.items():
        assert (values > 0).any()
        # Sums of the same numbers, with zeros where others reach higher masses.
        np.testing.assert_allclose(backwards[channel][::-1], values, rtol=1e-12)
        alone = [current_integrals(m_N[i], m_Zprime[i], epsilon[i])[channel] for i in range(0, 300, 30)]
        np.testing.assert_allclose(alone, values[::30], rtol=1e-12)
    assert current_integrals(np.ones((2, 0)), 0.1, 1e-3)["muons"].shape == (2, 0)


def test_a_light_mediator_decays_by_its_own_branching_ratios():
    """Γ(N) is that of Eq. (10), up to what Z′ does off its mass shell, of order α ε²."""
    for m_Zprime in (0.03, 0.25, 0.5, 0.782, 0.9):
        point = BENCHMARK_A.replace(m_N=1.0, m_Zprime=m_Zprime)
        assert point.decay_width() == pytest.approx(point.replace(decays="paper").decay_width(), rel=1e-5, abs=0)
        share = pair_ratio(m_Zprime**2, "electrons") / total_ratio(m_Zprime**2)
        assert point.pair_branching_ratio() == pytest.approx(share, rel=1e-3, abs=0)  # hadrons are good to 1e-3


def test_an_infinitely_heavy_mediator_gives_closed_forms_for_electrons_and_muons():
    """J_f m_Z′⁴/(ε² m_N⁴) → ∫(1−y)²(1+2y) r_f dy: ½ without mass, and muons by quadrature."""
    for m_N, channel, mass in ((0.1, "electrons", ELECTRON_MASS), (0.5, "muons", MUON_MASS)):
        found = current_integrals(m_N, 1e3, 1e-3)[channel] * (1e3 / m_N) ** 4 / 1e-6
        lowest = (2 * mass / m_N) ** 2

        def integrand(y, lowest=lowest):
            return (1 - y) ** 2 * (1 + 2 * y) * (1 + lowest / (2 * y)) * np.sqrt(1 - lowest / y)

        assert found == pytest.approx(quad(integrand, lowest, 1)[0], rel=1e-6, abs=0)
    # Without mass ½, and a threshold at y₀ = 4m²/m_N² takes 3 y₀ of it (the series of the decay of the muon).
    assert current_integrals(0.1, 1e3, 1e-3)["electrons"] * 1e16 / 1e-6 == pytest.approx(
        0.5 * (1 - 12 * (ELECTRON_MASS / 0.1) ** 2), rel=1e-5
    )


def test_electron_mass_closes_the_decay_of_a_light_N():
    """14 % at 5 MeV and a factor 7 at 1.5 MeV in the lifetime; nothing decays below 2 m_e."""
    ratio = [
        BENCHMARK_B.replace(m_N=m_N).proper_decay_length()
        / BENCHMARK_B.replace(m_N=m_N, decays="paper").proper_decay_length()
        for m_N in (5e-3, 1.5e-3)
    ]
    assert ratio[0] == pytest.approx(1.138, abs=1e-3)
    assert 6 < ratio[1] < 8
    below = BENCHMARK_B.replace(m_N=1e-3)
    assert (below.decay_width(), below.proper_decay_length(), below.pair_branching_ratio()) == (0, np.inf, 0)


@pytest.mark.parametrize("epsilon", [1e-2, 1e-4, 1e-6])
def test_lifetime_is_smooth_and_monotonic_across_equal_masses(epsilon):
    distance = np.geomspace(1e-12, 0.1, 111)
    m_Zprime = 0.1 * (1 + np.concatenate([-distance[::-1], [0.0], distance]))
    ctau = BENCHMARK_B.replace(epsilon=epsilon, m_Zprime=m_Zprime).proper_decay_length()
    assert np.all(np.diff(ctau) > 0)
    # Within the width of Z′, α ε²/3 of its mass, the lifetime hardly changes.
    inside = 0.1 * (1 + np.array([-0.05, 0.05]) * ALPHA_EM * epsilon**2 / 3)
    edge = BENCHMARK_B.replace(epsilon=epsilon, m_Zprime=inside).proper_decay_length()
    assert 1 <= edge[1] / edge[0] < 1.5
    # Eq. (10) alone would be wrong by orders of magnitude there.
    printed = BENCHMARK_B.replace(epsilon=epsilon, m_Zprime=0.1 * (1 - 1e-12), decays="paper")
    assert printed.proper_decay_length() > 1e6 * ctau[distance.size - 1]


@given(masses, masses, st.floats(1e-8, 1e-2))
def test_muons_and_hadrons_only_shorten_the_lifetime(m_N, m_Zprime, epsilon):
    point = BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime, epsilon=epsilon)
    share = point.pair_branching_ratio()
    assert 0 <= share <= 1
    if m_N < 2 * MUON_MASS and m_N > 1.1e-3 and not m_Zprime <= 2 * ELECTRON_MASS:
        assert share == 1
    if m_Zprime > 1.001 * m_N and m_N > 0.02:  # electrons are massless then, to 1 %
        electrons = point.replace(decays="paper").decay_width()
        assert point.decay_width() * share == pytest.approx(electrons, rel=0.01, abs=0)


def test_muons_open_as_heavy_leptons_do_and_hadrons_as_measured():
    s = np.array([0.22, 0.25, 0.5, 1.0]) ** 2
    expected = (1 + 2 * MUON_MASS**2 / s) * np.sqrt(1 - 4 * MUON_MASS**2 / s)
    np.testing.assert_allclose(pair_ratio(s, "muons"), expected, rtol=1e-12)
    assert pair_ratio(4 * MUON_MASS**2, "muons") == 0
    np.testing.assert_allclose(pair_ratio(R_TABLE.sqrt_s**2, "hadrons"), R_TABLE.R, rtol=1e-12)
    assert pair_ratio((2 * CHARGED_PION_MASS) ** 2, "hadrons") == 0
    assert pair_ratio(9.0, "hadrons") == R_TABLE.R.iloc[-1]


def test_measured_ratio_has_the_area_of_the_phi_and_continues_as_pions_at_threshold():
    """A narrow resonance has the area ∫R d√s = 9π Γ_ee/(2α²), with Γ_ee = 1.27 keV for the φ (PDG)."""
    low, high = 1.009, 1.030
    energy = np.linspace(low, high, 4001)
    background = np.interp(energy, [low, high], pair_ratio(np.array([low, high]) ** 2, "hadrons"))
    area = np.trapezoid(pair_ratio(energy**2, "hadrons") - background, energy)
    # What is left of a Lorentzian of 4.25 MeV around 1.0195 GeV when a straight line is subtracted like that.
    lorentzian = 2 / (np.pi * 4.25e-3) / (1 + ((energy - 1.01946) / 2.125e-3) ** 2)
    left = np.trapezoid(lorentzian - np.interp(energy, [low, high], lorentzian[[0, -1]]), energy)
    # 5 %: vacuum polarisation, which the compilation takes away, and interference with ρ and ω.
    assert area / left * 2 * ALPHA_EM**2 / (9 * np.pi) == pytest.approx(1.27e-6, rel=0.05)
    # Just above threshold two pions: R = β³|F|²/4, with a form factor of 1 to 1.5 at 0.3 GeV.
    below = pair_ratio(np.array([0.285, 0.295]) ** 2, "hadrons")
    beta = np.sqrt(1 - (2 * CHARGED_PION_MASS / np.array([0.285, 0.295])) ** 2)
    assert np.all((1 < 4 * below / beta**3) & (4 * below / beta**3 < 1.8))


def test_decay_length_of_the_mediator():
    """At A 0.01 cm; zero where Z′ is not on its mass shell or the paper's choice is taken."""
    length = BENCHMARK_A.mediator_decay_length()
    assert length == pytest.approx(3 * HBARC / (ALPHA_EM * BENCHMARK_A.epsilon**2 * BENCHMARK_A.m_Zprime), rel=1e-5)
    assert length == pytest.approx(9.9e-3, rel=0.01)
    assert BENCHMARK_B.mediator_decay_length() == 0
    assert BENCHMARK_A.replace(decays="paper").mediator_decay_length() == 0
    assert BENCHMARK_A.replace(m_Zprime=np.array([1e-3, 0.03, 0.2])).mediator_decay_length().tolist()[::2] == [
        np.inf,
        0.0,
    ]


def test_branching_ratio_of_a_light_mediator_with_muons():
    """Z′ of 250 MeV: e⁺e⁻ and μ⁺μ⁻ as 1 : (1 + 2r)√(1 − 4r)."""
    point = BENCHMARK_A.replace(m_N=0.5, m_Zprime=0.25)
    r = (MUON_MASS / 0.25) ** 2
    assert point.pair_branching_ratio() == pytest.approx(1 / (1 + (1 + 2 * r) * np.sqrt(1 - 4 * r)), rel=1e-5)


def test_smallest_mixing_changes_nothing_on_the_mass_shell_and_scales_off_it():
    light = BENCHMARK_A.replace(epsilon=np.array([1e-6, 1e-12, 1e-30]))
    np.testing.assert_allclose(light.decay_width(), light.decay_width()[0], rtol=1e-5)  # up to order α ε²
    heavy = BENCHMARK_B.replace(epsilon=np.array([1e-6, 1e-12, 1e-30]))
    np.testing.assert_allclose(heavy.decay_width() / heavy.epsilon**2, heavy.decay_width()[0] / 1e-12, rtol=1e-5)


def test_points_in_any_shape_give_the_same_integrals():
    m_N, m_Zprime = np.geomspace(0.01, 1, 60)[:, None], np.geomspace(0.02, 3, 50)
    plane = current_integrals(m_N, m_Zprime, 1e-3)
    for i, j in ((0, 0), (40, 20), (59, 49)):
        single = current_integrals(m_N[i, 0], m_Zprime[j], 1e-3)
        assert {f: plane[f][i, j] for f in plane} == pytest.approx(single, rel=1e-12)
    assert current_integrals(np.empty((0, 2)), 1.0, 1e-3)["muons"].shape == (0, 2)


def test_an_unknown_choice_of_decays_is_refused():
    with pytest.raises(ValueError, match="decays must be one of all, paper, got 'electrons'"):
        BENCHMARK_B.replace(decays="electrons")
    assert BENCHMARK_B != BENCHMARK_B.replace(decays="paper")

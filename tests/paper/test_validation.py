"""The package against the tables of an independent generator, DarkNews."""

import numpy as np
import pytest
from scipy.stats import chi2, kstest

import darkpkg as dk
from darkpkg import datasets
from darkpkg.physics import scattering
from darkpkg.physics.kinematics import boost
from darkpkg.physics.nuclei import form_factor
from darkpkg.physics.scattering import heavy_neutrino_momentum, polarisation_axis
from paper.validation import darknews as validation
from paper.validation.drawing import LABELS, draw_distributions

POINTS = validation.points()
HEAVY = [name for name, point in POINTS.items() if not point.parameters.is_light_mediator]
LIGHT = [name for name in POINTS if name not in HEAVY]
WIDTHS = datasets.read("validation/points").set_index("point")
N_EVENTS, SEED = 300_000, 5
each_point = pytest.mark.parametrize("point", POINTS)


@pytest.fixture(scope="module")
def events():
    """Events of the package at all points, half of `N_EVENTS` each: those of the other beam are left out."""
    return {name: validation.simulate(point, N_EVENTS, SEED) for name, point in POINTS.items()}


def compare(events, point, weight):
    """χ² and degrees of freedom of each of the six distributions, and all pulls."""
    values = validation.kinematic_variables(events.p_N, events.p_electron, events.p_positron)
    chi_sq, pulls = {}, []
    for variable, theirs in validation.distributions(point).items():
        ours = validation.Histogram.of(values[variable], events.weight * weight, theirs.edges)
        chi_sq[variable] = validation.chi_squared(ours, theirs)
        pulls.append(validation.pulls(ours, theirs))
    return chi_sq, np.concatenate(pulls)


@pytest.fixture(scope="module")
def comparison(events):
    """Each point with the spin that DarkNews gives to N and Z′."""
    return {name: compare(sample, name, validation.generator_spin_weight(sample)) for name, sample in events.items()}


def both_helicities(table, quantity):
    return (table[f"{quantity}_conserving"] + table[f"{quantity}_flipping"]).to_numpy()


def test_points_are_the_benchmarks_and_six_more_on_both_sides():
    assert len(POINTS) == 8
    assert len(LIGHT) >= 3
    assert len(HEAVY) >= 3
    for name, benchmark in {"A": dk.BENCHMARK_A, "B": dk.BENCHMARK_B}.items():
        for field in validation.PARAMETERS:
            # The tables hold seven digits.
            ratio = getattr(POINTS[name].parameters, field) / getattr(benchmark, field)
            assert ratio == pytest.approx(1, rel=1e-6)


def test_both_use_the_same_nuclei():
    """Fourier–Bessel series of the same table; DarkNews adds the binding of the electrons to the masses."""
    table = datasets.read("validation/form_factors")
    for name, rows in table.groupby("nucleus"):
        nucleus = dk.NUCLEI[name]
        assert rows["mass"].to_numpy() == pytest.approx(nucleus.mass, rel=1e-5)
        # Seven digits in the table; near a diffraction minimum they are seven digits of the terms that cancel.
        assert rows["F"].to_numpy() == pytest.approx(np.abs(form_factor(rows["Q2"], nucleus)), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("point", HEAVY)
def test_three_body_width_agrees(point):
    theta = POINTS[point].parameters
    ours = theta.decay_width() * theta.pair_branching_ratio()
    # Vegas with 4e6 evaluations of a smooth integrand is good to 1e-4.
    assert WIDTHS.width_N[point] / ours == pytest.approx(1, rel=2e-4)


@pytest.mark.parametrize("point", LIGHT)
def test_two_body_widths_agree(point):
    """Closed forms on both sides: only α in its tenth digit and the seven digits of the table differ."""
    theta = POINTS[point].parameters.replace(decays="paper")
    assert WIDTHS.width_N[point] / theta.decay_width() == pytest.approx(1, rel=1e-6)
    assert WIDTHS.width_Zprime[point] / theta.mediator_width() == pytest.approx(1, rel=1e-6)


def below_range(rows, theta, nucleus):
    return validation.cross_section_below_range(rows["Q2_min"], rows["E_nu"], theta, nucleus)


@each_point
def test_cross_sections_agree_for_every_nucleus(point):
    """Better than 1e-3 wherever the approximate Q²_min of DarkNews moves σ by less than that, and everywhere after
    its limit and its spin of the nuclei are taken over. The integral of DarkNews, by vegas, has errors of 1e-5."""
    theta = POINTS[point].parameters
    table = datasets.read("validation/cross_sections")
    direct = 0
    for name, rows in table[table["point"] == point].groupby("nucleus"):
        nucleus = dk.NUCLEI[name]
        ours, theirs = scattering.total_cross_section(rows["E_nu"], theta, nucleus), both_helicities(rows, "sigma")
        extra = below_range(rows, theta, nucleus)
        fair = np.abs(extra) < 5e-4 * ours
        direct += fair.sum()
        assert theirs[fair] / ours[fair] == pytest.approx(1, rel=1e-3)
        extra = extra + validation.cross_section_of_dirac_moment(rows["E_nu"], theta, nucleus)
        assert theirs / (ours + extra) == pytest.approx(1, rel=3e-5)
    assert direct >= 36  # of 6 nuclei × 12 energies


@each_point
def test_differential_cross_sections_agree(point):
    """With the spin ½ that DarkNews gives to nuclei. Their masses differ by up to 4e-6, and so does the place of the
    diffraction minima: F² is compared where it is not about to vanish."""
    theta = POINTS[point].parameters
    table = datasets.read("validation/differential")
    for name, rows in table[table["point"] == point].groupby("nucleus"):
        nucleus = dk.NUCLEI[name]
        ours = scattering.differential_cross_section(rows["E_nu"], rows["Q2"], theta, nucleus)
        ours = ours * (1 + validation.dirac_nucleus_excess(rows["E_nu"], rows["Q2"], theta.m_N, nucleus))
        clear = np.abs(form_factor(rows["Q2"], nucleus)) > 1e-3
        assert clear.sum() > 20
        assert both_helicities(rows, "dsigma")[clear] / ours[clear] == pytest.approx(1, rel=3e-5)


@each_point
def test_share_of_flipped_helicity_follows_from_the_polarisation_axis(point):
    """In the centre of mass the helicity axis is against the motion of the centre of mass, seen from N."""
    m_N = POINTS[point].parameters.m_N
    table = datasets.read("validation/differential")
    for name, rows in table[table["point"] == point].groupby("nucleus"):
        nucleus = dk.NUCLEI[name]
        E_nu, Q2 = rows["E_nu"].to_numpy(), rows["Q2"].to_numpy()
        low, _ = scattering.q2_range(E_nu, m_N, nucleus)
        p_N = heavy_neutrino_momentum(E_nu, Q2 - low, m_N, 0.3, nucleus.mass)
        spin = np.stack(polarisation_axis(E_nu, p_N, m_N, nucleus.mass))
        zero = np.zeros_like(E_nu)
        centre = (E_nu + nucleus.mass, zero, zero, E_nu)
        _, *towards = boost(centre, (p_N[0], -p_N[1], -p_N[2], -p_N[3]), m_N)
        flipped = (1 + (spin * towards).sum(axis=0) / np.linalg.norm(towards, axis=0)) / 2
        theirs = rows["dsigma_flipping"] / both_helicities(rows, "dsigma")
        # A nucleus of spin ½ changes the share by no more than what its magnetic part adds or takes away.
        bracket = (4 * nucleus.mass * E_nu - m_N**2 - Q2) ** 2 - (4 * nucleus.mass**2 + Q2) * (m_N**2 + Q2)
        magnetic = (m_N**2 + Q2) * (m_N**2 + 2 * Q2) / bracket
        assert np.all(np.abs(theirs - flipped) < magnetic + 1e-6)
        seen = flipped > 1e-3
        assert seen.sum() >= 5
        assert theirs[seen].to_numpy() == pytest.approx(flipped[seen], rel=1.5e-2)


@each_point
def test_rate_in_the_beam_agrees(point, events):
    sample = events[point]
    theirs = WIDTHS.rate_conserving[point] + WIDTHS.rate_flipping[point]
    error = np.hypot(WIDTHS.rate_conserving_error[point], np.sqrt((sample.weight**2).sum()))
    assert abs(sample.weight.sum() - theirs) < 3.5 * error
    assert error < 6e-3 * theirs


def test_distributions_agree_neither_too_badly_nor_too_well(comparison):
    """48 distributions: p-values like uniform numbers, none absurd. Those of one point share their events: this makes
    the Kolmogorov–Smirnov test somewhat too strict."""
    p = np.array([chi2.sf(*result) for chi_sq, _ in comparison.values() for result in chi_sq.values()])
    assert len(p) == 48
    assert p.min() > 1e-3
    assert p.max() < 1 - 1e-3
    assert kstest(p, "uniform").pvalue > 0.02


def test_pulls_have_mean_zero_and_width_one(comparison):
    """Each of n bins has a pull; correlated variables leave about a half of them independent."""
    pulls = np.concatenate([pulls for _, pulls in comparison.values()])
    n = len(pulls) / 2
    assert abs(pulls.mean()) < 3.5 / np.sqrt(n)
    assert abs(pulls.std() - 1) < 3.5 / np.sqrt(2 * n)
    assert np.abs(pulls).max() < 4.5


@each_point
@pytest.mark.parametrize("polarisation", [0.0, -1.0])
def test_tables_notice_when_the_spin_of_N_is_switched_off_or_turned_round(point, polarisation, events):
    sample = events[point]
    weight = validation.generator_spin_weight(sample, polarisation=polarisation)
    chi_sq, _ = compare(sample, point, weight)
    assert min(chi2.sf(*result) for result in chi_sq.values()) < 1e-6


def test_spin_of_the_dark_photon_is_what_the_generator_leaves_out(events):
    """With their own spin correlation the light events differ from DarkNews in how the pair shares its energy."""
    for point in ("A", "A1"):
        chi_sq, _ = compare(events[point], point, 1.0)
        assert chi2.sf(*chi_sq["asymmetry"]) < 1e-6


def test_heavy_events_agree_with_their_own_spin_too(events):
    """Helicity along the flight is a good approximation where N is fast."""
    for point in ("B", "B1"):
        chi_sq, _ = compare(events[point], point, 1.0)
        assert min(chi2.sf(*result) for result in chi_sq.values()) > 1e-3


def test_chi_squared_of_one_parent_is_distributed_as_chi_squared():
    rng = np.random.default_rng(1)
    edges = np.linspace(0, 1, 11)
    values = []
    for _ in range(400):
        first, second = (
            validation.Histogram.of(rng.beta(2, 3, n), rng.exponential(size=n), edges) for n in (20_000, 10_000)
        )
        chi_sq, n_free = validation.chi_squared(first, second)
        values.append(chi_sq)
    assert n_free == 9
    assert kstest(values, chi2(n_free).cdf).pvalue > 0.01


def test_spin_weight_conserves_the_number_of_events(events):
    """It changes how decays are distributed, not how many there are."""
    for sample in events.values():
        weight = validation.generator_spin_weight(sample)
        change = (sample.weight * (weight - 1)).sum()
        assert abs(change) < 4 * np.sqrt((sample.weight**2 * (weight - 1) ** 2).sum())


def test_six_distributions_stand_two_in_a_row_on_a_phone_each_above_its_pulls():
    rng = np.random.default_rng(3)
    edges = np.geomspace(0.1, 2.0, 12)

    def sample():
        return validation.Histogram.of(rng.uniform(0.1, 2, 400), np.ones(400), edges)

    pairs = [(sample(), sample()) for _ in LABELS]
    figure = draw_distributions(dict(list(zip(LABELS, pairs, strict=True))[:6]), "blue")
    narrow = figure.own_narrow
    assert [len(one.axes) for one in (figure, narrow)] == [12, 12]
    assert narrow.get_size_inches()[1] < 2 * narrow.get_size_inches()[0]
    spec = narrow.axes[0].get_subplotspec().get_gridspec()
    assert (spec.nrows, spec.ncols) == (6, 2)

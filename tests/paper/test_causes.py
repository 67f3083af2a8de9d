"""Causes of the paper's differences: each is what its formula says, and together they give the authors' numbers."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.integrate import quad

import darkpkg as dk
from darkpkg.experiment.selection import Cuts
from darkpkg.physics.kinematics import boost, momentum
from darkpkg.physics.nuclei import current_amplitudes, form_factor
from darkpkg.units import HBARC, fm
from paper.causes import authors, chains, crossings, kernel, readings, samples, spin
from paper.causes.along import in_argon
from paper.causes.authors import TheirCuts
from paper.causes.counting import count, error, total
from paper.causes.rates import kernel_over_sample
from paper.causes.readings import OURS, TEXT
from paper.causes.samples import DENSITIES, Masses

A, B, I, II = dk.BENCHMARK_A, dk.BENCHMARK_B, dk.ANALYSIS_I, dk.ANALYSIS_II
FEW = dict.fromkeys(samples.EVEN, 512)
SMALL = {"C12": 4096, "O16": 512, "Ar40": 4096, "Cu63": 512, "Zn64": 512, "Pb208": 2048}


@pytest.fixture(scope="module")
def at_B():
    return Masses(0.1, 1.25, SMALL)


@pytest.fixture(scope="module")
def at_A():
    return Masses(0.1, 0.03, SMALL, vertices=2, around=1 << 13)


@pytest.fixture(scope="module")
def pairs():
    return dk.observables(Masses(0.4, 1.25, FEW, vertices=1).placed())


def observed(here, theta, analysis, reading, **options):
    """Events in all bins with replicates."""
    return total(count(here, theta, analysis, reading, **options)).sum(axis=-1)


class TestNuclei:
    @pytest.mark.parametrize("Q", [0.01, 0.1, 0.3])
    def test_the_form_factor_is_the_transform_of_a_symmetrised_fermi_density(self, Q):
        c, a, q = 4.0 * fm, authors.DIFFUSENESS, Q / HBARC

        def density(r):
            return np.sinh(c / a) / (np.cosh(r / a) + np.cosh(c / a))

        charge = quad(lambda r: density(r) * r**2, 0, 25 * fm, epsabs=0)[0]
        wave = quad(lambda r: density(r) * r * np.sin(q * r) / q, 0, 25 * fm, epsabs=0, limit=400)[0]
        assert authors.fermi(Q, c) == pytest.approx(wave / charge, rel=1e-6, abs=1e-9)

    @pytest.mark.parametrize("symbol", authors.NUCLEI)
    def test_the_mass_in_gev_stands_for_a_in_the_radius(self, symbol):
        """⟨r²⟩ of a symmetrised Fermi density is 3(c² + 7π²a²/3)/5; the series is cut off, where 1e-4 is left."""
        c = 1.03 * authors.NUCLEAR_MASSES[symbol] ** (1 / 3)
        expected = 3 / 5 * (c**2 + 7 / 3 * (np.pi * 0.523) ** 2)
        assert authors.NUCLEI[symbol].mean_square_radius * (HBARC / fm) ** 2 == pytest.approx(expected, rel=1e-3)

    @pytest.mark.parametrize("symbol", authors.NUCLEI)
    def test_their_nuclei_have_their_form_factor(self, symbol):
        Q = np.array([0.02, 0.05, 0.1, 0.2])
        radius = authors.RADIUS * authors.NUCLEAR_MASSES[symbol] ** (1 / 3)
        found = form_factor(Q**2, authors.NUCLEI[symbol])
        np.testing.assert_allclose(found, authors.fermi(Q, radius), rtol=3e-4, atol=1e-5)  # the density ends at R

    def test_they_are_ours_in_everything_else(self):
        for symbol, nucleus in authors.NUCLEI.items():
            ours = dk.ND280.targets[symbol]
            assert (nucleus.pdg_code, nucleus.mass) == (ours.pdg_code, ours.mass)

    @pytest.mark.parametrize("Q2", [0.0, 1e-3, 1e-2, 0.1])
    def test_the_mean_of_both_densities_is_that_of_the_squares(self, Q2):
        for symbol, mean in samples.MEAN.items():
            squares = [(nuclei[symbol].Z * form_factor(Q2, nuclei[symbol])) ** 2 for nuclei in DENSITIES.values()]
            assert current_amplitudes(Q2, mean)[0] == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-12)

    def test_rates_with_either_density_are_twice_that_with_the_mean(self, at_B):
        np.testing.assert_allclose(sum(at_B.ratio.values()), 2, rtol=1e-12)

    @pytest.mark.parametrize("density", DENSITIES)
    def test_a_sample_with_the_mean_of_both_estimates_what_one_with_either_does(self, at_B, density):
        reading = dataclasses.replace(TEXT, density=density)
        both = observed(at_B, B, I, reading, in_chamber=False)
        there = dk.T2K.replace(detector=authors.with_nuclei(dk.ND280, DENSITIES[density]))
        events = dk.generate(dk.SamplingRange.at(0.1, 1.25), SMALL, 1, experiment=there, sequence="sobol")
        sample = dk.place(events, dk.ND280, 1)
        one = dk.Kernel(sample).upscatterings(B.replace(decays="paper"), I).total()
        assert abs(both[0] - one.mean) < 4 * np.hypot(error(both), one.error)

    def test_a_smaller_nucleus_gives_six_per_cent_more_selected_n_at_b(self, at_B):
        bigger = dataclasses.replace(TEXT, density="authors")
        ratio = observed(at_B, B, I, bigger, in_chamber=False) / observed(at_B, B, I, TEXT, in_chamber=False)
        assert abs(ratio[0] - 1.060) < 4 * error(ratio) + 0.002


class TestDetector:
    def test_the_masses_of_fgd1_are_those_of_the_code(self):
        fgd = authors.DETECTOR["FGD1"]
        for symbol, mass in (("C", 0.80512), ("O", 0.03458)):
            assert fgd.shares[symbol] * fgd.fiducial_mass / 1e6 == pytest.approx(mass, rel=1e-4)

    @pytest.mark.parametrize(
        ("symbol", "mass"), [("C", 8.0838), ("O", 2.7125), ("Cu", 1.65), ("Zn", 0.85), ("Pb", 3.108), ("Ar", 0.01602)]
    )
    def test_the_elements_weigh_what_the_code_has(self, symbol, mass):
        found = sum(module.mass * module.shares.get(symbol, 0) for module in authors.DETECTOR.modules)
        assert found / 1e6 == pytest.approx(mass, rel=1e-3)

    def test_boxes_are_those_of_table_ii_within_a_centimetre(self):
        for ours, theirs in zip(dk.ND280.modules, authors.DETECTOR.modules, strict=True):
            np.testing.assert_allclose(theirs.active.low, ours.active.low, atol=1)
            np.testing.assert_allclose(theirs.active.high, ours.active.high, atol=1)
            if ours.fiducial:
                np.testing.assert_allclose(theirs.fiducial.low, ours.fiducial.low, atol=1)
                np.testing.assert_allclose(theirs.fiducial.high, ours.fiducial.high, atol=1)

    def test_other_nuclei_leave_the_masses_alone(self):
        changed = authors.with_nuclei(dk.ND280)
        assert changed.targets["Pb"].coefficients == authors.NUCLEI["Pb"].coefficients
        assert [m.mass for m in changed.modules] == [m.mass for m in dk.ND280.modules]


class TestCounts:
    def test_sixteen_counts_of_analysis_ii_are_one_less(self):
        """They are integers in T2K's figure; their readings, such as 52.57, lost the decimals."""
        lost = II.observed - authors.with_their_counts(II).observed
        assert set(lost) == {0, 1}
        assert lost.sum() == 16

    def test_those_of_analysis_i_stay(self):
        both = authors.with_their_counts(I + II)
        np.testing.assert_array_equal(both.observed[:2], I.observed)
        np.testing.assert_array_equal(both.observed[2:], authors.with_their_counts(II).observed)


class TestCuts:
    def test_without_changes_they_are_those_of_the_text(self, pairs):
        np.testing.assert_array_equal(TheirCuts().passes(pairs), Cuts().passes(pairs))

    def test_the_momentum_of_the_pair_is_cut_on(self, pairs):
        others = Cuts(min_energy=0.5, max_t=np.inf, min_cos_opening=-1, min_cos_beam=-1)
        passed = TheirCuts(others, by_momentum=True).passes(pairs)
        np.testing.assert_array_equal(passed, momentum(pairs.electron + pairs.positron) > 0.5)
        assert passed.sum() < (pairs.energy > 0.5).sum()

    def test_t_is_summed_lepton_by_lepton_and_the_mass_is_free(self, pairs):
        free = Cuts(min_energy=0, max_mass=0.0, max_t=0.03, min_cos_opening=-1, min_cos_beam=-1)
        e, p = pairs.electron, pairs.positron
        t = (e[:, 0] + p[:, 0] - e[:, 3] - p[:, 3]) ** 2 + (e[:, 1:3] ** 2).sum(1) + (p[:, 1:3] ** 2).sum(1)
        np.testing.assert_array_equal(TheirCuts(free, by_lepton=True).passes(pairs), t < 0.03)

    def test_a_symmetric_pair_has_half_of_its_mass_squared_more(self):
        """At right angles in the frame of the pair, for massless leptons."""
        m, E = 0.2, 1.0
        p = np.array([[E / 2, m / 2, 0, np.sqrt(E**2 - m**2) / 2]])
        pair = SimpleNamespace(p_electron=p, p_positron=p * [1, -1, -1, 1])
        o = dk.observables(pair)
        for t, passes in ((o.t[0] + m**2 / 2 * 0.99, False), (o.t[0] + m**2 / 2 * 1.01, True)):
            assert TheirCuts(Cuts(max_t=t), by_lepton=True).passes(o)[0] == passes

    @pytest.mark.parametrize(("m_N", "kept"), [(0.3, 0.79), (0.4, 0.53), (0.5, 0.33), (0.6, 0.20)])
    def test_it_is_a_hidden_cut_on_the_mass(self, m_N, kept):
        """Prompt argon events by the authors' cuts over those by the text's, against an independent simulation."""
        here, theta = Masses(m_N, 1.25, FEW | {"Ar40": 16384}, vertices=1), B.replace(m_N=m_N)
        steps = readings.cumulative(readings.HEAVY_CURVES)
        theirs, text = (
            observed(here, theta, I, steps[name], in_chamber=False, keep=in_argon) for name in ("|t|", "e⁺e⁻ alone")
        )
        ratio = theirs / text
        assert abs(ratio[0] - kept) < 4 * error(ratio) + 0.005  # its numbers have two digits


class TestResponse:
    ours, theirs = dk.ANALYSIS_II.selection.response.momentum, authors.RESPONSE.momentum

    def test_values_are_middles_of_the_bins_that_ours_lie_in(self):
        rng = np.random.default_rng(4)
        true, uniform = rng.uniform(0, 2, 500), rng.uniform(0, 1, 500)
        found, spread = self.theirs(true, uniform), self.ours(true, uniform)
        in_bins = (found - 0.025) / 0.05
        np.testing.assert_allclose(in_bins, np.round(in_bins), atol=1e-9)
        assert np.all(np.abs(found - spread) <= 0.025 + 1e-12)

    def test_beyond_the_table_they_are_the_true_ones(self):
        np.testing.assert_array_equal(self.theirs(np.array([2.1, 5.0]), np.array([0.1, 0.9])), [2.1, 5.0])

    def test_rows_are_those_of_the_publication(self):
        np.testing.assert_array_equal(self.theirs.probability, self.ours.probability)


class TestWidth:
    def test_below_a_hundredth_the_mediator_has_no_mass_dependence(self):
        """Γ m_Z′⁴ / m_N⁵ = α α_D ε² |V_N|² / 48π."""
        theta = B.replace(m_N=np.array([0.01, 0.05, 0.124]))
        strength = dk.DarkParameters.decay_width(B.replace(m_N=1e-3, m_Zprime=1e3, decays="paper")) * 1e3**4 / 1e-3**5
        np.testing.assert_allclose(authors.three_body_width(theta), strength * theta.m_N**5 / 1.25**4, rtol=1e-5)

    def test_above_it_is_equation_9(self):
        theta = B.replace(m_N=np.array([0.126, 0.5, 1.0]), decays="paper")
        np.testing.assert_array_equal(authors.three_body_width(theta), theta.decay_width())

    def test_at_b_the_factor_l_is_left_out(self):
        """L(x) = 1 + 3x/5 + …, at x = 0.0064; the electron mass takes 3e-4 away."""
        x = (B.m_N / B.m_Zprime) ** 2
        exact = B.replace(decays="paper").decay_width() / authors.three_body_width(B)
        assert exact == pytest.approx(1 + 3 / 5 * x, abs=x**2)
        assert readings.width_over_theirs(B) == pytest.approx(exact, rel=1e-3)
        assert readings.width_over_theirs(B.replace(m_N=0.005)) < 0.95  # there the electrons are heavy

    def test_lifetimes_are_those_of_the_width(self):
        assert authors.proper_decay_length(B) * authors.three_body_width(B) == pytest.approx(HBARC)


class TestCrossings:
    BOX = dk.Box((-1, -1, 0), (1, 1, 2))

    @pytest.mark.parametrize(
        ("vertex", "direction", "sign"),
        [
            ((0, 0, -1), (0.1, 0.1, 1), 1),  # front to back
            ((0, 0, -1), (0.9, 0, 1), -1),  # front to a side
            ((0, 0, -1), (0, -0.9, 1), -1),
            ((-2, 0, 0.2), (1, 0, 0.8), 1),  # side to back
            ((-2, 0, 0.5), (1, 0, 0.1), 1),  # low side to high side
            ((2, 0, 0.5), (-1, 0, 0.1), -1),  # high side to low side
            ((0, 0, 3), (0.1, 0, -1), -1),  # back to front
            ((0.9, 0, 0.1), (1, 0, 1), -1),  # from inside, behind it the front
        ],
    )
    def test_the_face_that_stands_first_is_taken_for_the_entry(self, vertex, direction, sign):
        assert crossings.crossing_sign(self.BOX, np.array([vertex], float), np.array([direction], float)) == [sign]

    def test_signs_are_those_of_a_list_of_six_faces(self):
        """Each face is crossed or not, by its own test, and the first two of the list are entry and exit."""
        rng = np.random.default_rng(3)
        vertex, direction = rng.uniform((-2, -2, -3), (2, 2, 2), (400, 3)), rng.normal(size=(400, 3))
        found = crossings.crossing_sign(self.BOX, vertex, direction)
        for x, d, sign in zip(vertex, direction, found, strict=True):
            crossed = []
            for axis in range(3):
                for face in (self.BOX.low[axis], self.BOX.high[axis]):
                    t = (face - x[axis]) / d[axis]
                    others = [other for other in range(3) if other != axis]
                    at = (x + t * d)[others]
                    if np.all((at > np.array(self.BOX.low)[others]) & (at < np.array(self.BOX.high)[others])):
                        crossed.append(t)
            if crossed:
                assert sign == np.sign(crossed[1] - crossed[0])

    def test_decays_by_face_are_fewer(self, at_B):
        by_face = dataclasses.replace(TEXT, signs=crossings.signs_by_face)
        for ctau, less in ((100.0, 0.031), (1e3, 0.033)):
            long = (observed(at_B, B, I, r, ctau=np.array([ctau]))[:, 0] for r in (by_face, TEXT))
            ratio = next(long) / next(long)
            assert abs(1 - ratio[0] - less) < 4 * error(ratio) + 0.002


class TestSpin:
    def test_a_reversed_decay_has_opposite_momenta_in_the_rest_frame_of_n(self, at_A):
        events = at_A.placed()
        turned = spin.reversed_spin(events)
        back = events.p_N.T * np.array([1, -1, -1, -1])[:, None]
        for name in ("p_electron", "p_positron"):
            before, after = (np.array(boost(getattr(e, name).T, back, events.m_N)) for e in (events, turned))
            scale = np.abs(before).max(axis=0)
            np.testing.assert_allclose(after[0] / scale, before[0] / scale, atol=1e-6)  # rounding of two boosts
            np.testing.assert_allclose(after[1:] / scale, -before[1:] / scale, atol=1e-6)

    def test_even_pairs_keep_the_pair_and_fly_anywhere(self, at_A):
        events = at_A.placed()
        even = spin.even_pairs(events)
        pair, same = (e.p_electron + e.p_positron for e in (events, even))
        np.testing.assert_allclose(same, pair, rtol=1e-6, atol=1e-6)
        back = pair.T * np.array([1, -1, -1, -1])[:, None]
        mass = dk.observables(events).mass
        _, *k = boost(even.p_electron.T, back, mass)
        squares = np.array(k) ** 2 / np.sum(np.square(k), axis=0)
        np.testing.assert_allclose(squares.mean(axis=1), 1 / 3, atol=4 * 0.3 / np.sqrt(len(mass)))

    @pytest.mark.parametrize(
        ("m_Zprime", "decay", "cosine"),
        [
            (0.03, spin.as_they_are, -0.2316),
            (0.03, spin.reversed_spin, 0.2316),
            (0.03, spin.reversed_and_even, 0.2316),
            (1.25, spin.as_they_are, -0.111),
        ],
    )
    def test_the_mean_cosine_of_the_pair_changes_its_sign(self, m_Zprime, decay, cosine):
        """At A with r = m_Z′²/m_N² it is −(1 − 2r)/(1 + 2r)/3 for an N without helicity flip."""
        events = Masses(0.1, m_Zprime, FEW | {"Pb208": 1 << 14}, vertices=1).placed()
        r = (m_Zprime / 0.1) ** 2
        if r < 1:
            assert abs(cosine) == pytest.approx((1 - 2 * r) / (1 + 2 * r) / 3, rel=5e-3)
        assert spin.mean_cosine(events, decay) == pytest.approx(cosine, abs=4 * 0.58 / np.sqrt(len(events)))

    def test_reversed_it_gives_analysis_i_at_a_three_fifths_more(self, at_A):
        before, after = (
            readings.cumulative(readings.LIGHT)[step] for step in ("|t| lepton by lepton", "spin of N reversed")
        )
        ratio = observed(at_A, A, I, after) / observed(at_A, A, I, before)
        assert abs(ratio[0] - 1.62) < 4 * error(ratio)


class TestKernel:
    def test_its_norm_is_the_integral_of_what_the_code_has(self):
        integral = 2 * np.pi * quad(lambda r: r * (1 - r**2) / (4 * (1 - 3**-0.5)), 0, 1)[0]
        assert pytest.approx(integral, rel=1e-9) == authors.KERNEL_NORM
        assert pytest.approx(0.92914, abs=1e-5) == authors.KERNEL_NORM

    def test_six_points_integrate_polynomials_over_the_disc(self):
        """Averages over the unit disc with 1 − r²: of r² they are 1/3, of r⁴ 1/6, and alike in all directions."""
        points, weights = kernel.disc()
        x, y = points.T
        r_sq = x**2 + y**2
        for values, mean in ((1 + 0 * x, 1), (x, 0), (x**2, 1 / 6), (x * y, 0), (r_sq, 1 / 3), (r_sq**2, 1 / 6)):
            assert weights @ values == pytest.approx(mean, abs=1e-12)

    @pytest.mark.parametrize(
        ("m_N", "m_Zprime", "inside"), [(0.1, 1.25, 1.0), (0.005, 1.25, 0.5), (0.1, 0.10001, 0.5), (1.0, 10.0, 0.25)]
    )
    def test_at_an_edge_of_what_was_sampled_part_of_it_is_missing(self, m_N, m_Zprime, inside):
        """Of a constant rate; the line m_N = m_Z′ is an edge, too."""
        points, _ = kernel.disc()
        assert kernel.gain(np.zeros(6), points, m_N, m_Zprime) == pytest.approx(inside, abs=0.02)

    @pytest.mark.parametrize("power", [-4.0, 2.0])
    def test_of_a_power_of_the_mass_the_gain_is_known(self, power):
        """⟨e^{p h y}⟩ over the disc is 4 I₂(ph)·2/(ph)²; its first terms are 1 + (ph)²/12 + (ph)⁴/384."""
        points, _ = kernel.disc()
        ph = power * authors.KERNEL_RADIUS
        expected = 1 + ph**2 / 12 + ph**4 / 384
        assert kernel.gain(ph * points[:, 1], points, 0.1, 1.25) == pytest.approx(expected, rel=2e-4)

    def test_at_b_smoothing_and_norm_nearly_cancel(self):
        reading = readings.cumulative(readings.HEAVY)["crossings by face"]
        smoothed = kernel.smoothing(0.1, 1.25, 1 << 15, I, reading)
        for one in smoothed:
            assert one.factor / authors.KERNEL_NORM == pytest.approx(1.0702, abs=0.004)  # scatter of the gain

    def test_at_a_the_norm_is_not_made_up_for(self):
        reading = readings.cumulative(readings.LIGHT)["overflow dropped"]
        for one in kernel.smoothing(0.1, 0.03, 1 << 14, II, reading):
            assert one.factor / authors.KERNEL_NORM == pytest.approx(1.010, abs=0.006)
            assert one.shape.sum() == pytest.approx(1)


class TestFactors:
    def test_the_constant_is_larger_than_that_of_nature(self):
        reading = readings.their_constant(TEXT)
        assert reading.factor(B) == pytest.approx(3.9204e-28 / 3.8938e-28, rel=1e-4)

    def test_half_the_width_doubles_the_rate(self, at_A):
        once, twice = (observed(at_A, A, II, r) for r in (TEXT, readings.half_the_width(TEXT)))
        np.testing.assert_allclose(twice, 2 * once)

    def test_flux_between_bins_changes_next_to_nothing_at_b(self, at_B):
        ratio = observed(at_B, B, I, readings.interpolated_flux(TEXT), in_chamber=False)
        ratio = ratio / observed(at_B, B, I, TEXT, in_chamber=False)
        assert abs(ratio[0] - 1) < 0.005
        weight = readings.flux_between_bins(at_B.placed(), "FHC")
        assert 0.02 < np.std(weight) < 0.5

    def test_without_overflow_the_last_bin_of_analysis_ii_loses(self, at_A):
        whole, cut = (total(count(at_A, A, II, r))[0] for r in (TEXT, readings.no_overflow(TEXT)))
        ends = [II.bins_of(channel.name).stop - 1 for channel in II.channels]
        rest = np.setdiff1d(np.arange(len(whole)), ends)
        np.testing.assert_allclose(cut[rest], whole[rest])
        assert np.all(cut[ends] < whole[ends])

    def test_at_a_that_is_more_than_a_per_cent(self, at_A):
        steps = readings.cumulative(readings.LIGHT)
        ratio = observed(at_A, A, II, steps["overflow dropped"]) / observed(at_A, A, II, steps["half the width"])
        assert abs(1 - ratio[0] - 0.0135) < 4 * error(ratio)


def test_with_our_reading_counts_are_those_of_the_package(at_A, at_B):
    """With muons, hadrons and the flight of Z′."""
    for here, theta, analysis in ((at_B, B, I), (at_A, A, I), (at_A, A, II)):
        found = observed(here, theta, analysis, OURS)
        sample = here.placed()
        sample = dataclasses.replace(sample, weight=sample.weight * here.ratio["measured"])
        one = dk.Kernel(sample).events(theta, analysis).total()
        assert abs(found[0] - one.mean) < 4 * np.hypot(error(found), one.error)


def test_a_step_replaces_what_it_names_and_nothing_else():
    found = readings.cumulative({**readings.HEAVY, **readings.LIGHT})
    assert found["ours"] == OURS
    changed = []
    for before, after in zip(list(found.values())[:-1], list(found.values())[1:], strict=True):
        changed.append(
            {f.name for f in dataclasses.fields(after) if getattr(before, f.name) != getattr(after, f.name)}
        )
    assert all(1 <= len(names) <= 2 for names in changed)


def test_their_kernel_has_more_late_decays_than_their_sample_at_b(at_B):
    ratio = kernel_over_sample(at_B)
    assert abs(ratio[0] - 1.35) < 4 * error(ratio)


class TestChains:
    """To half a per cent, of which the statistical errors are a third to a half; seeds are fixed."""

    def test_selected_upscatterings_at_b(self):
        last = {"all": list(readings.cumulative(readings.HEAVY).values())[-1]}
        end = chains.chain(chains.selected_at_B(), B, I, last, in_chamber=False)["all"]
        assert end[0] == pytest.approx(chains.PRINTED["selected_B"], rel=5e-3)
        assert abs(end[0] - 565) < 3 * error(end) + 1

    def test_both_analyses_at_a(self):
        last = {"all": list(readings.cumulative(readings.LIGHT).values())[-1]}
        here = samples.benchmark_A()
        for analysis, name in ((I, "analysis_I_A"), (II, "analysis_II_A")):
            end = chains.chain(here, A, analysis, last)["all"]
            assert end[0] == pytest.approx(chains.PRINTED[name], rel=5e-3)

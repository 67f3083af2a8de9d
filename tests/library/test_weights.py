"""The five weights, each against another way to it, and the compiled sum against their readable product."""

import dataclasses
import hashlib
import math
import os
import pickle
import subprocess
import sys
import warnings

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import qmc
from toy_sample import counting, toy_sample

import darkpkg as dk
from darkpkg.experiment.experiment import T2K_ALL_FLAVOURS
from darkpkg.experiment.response import FGD_RESPONSE
from darkpkg.method import kernel_estimate
from darkpkg.method.generator import REPLICATES
from darkpkg.method.kernel_estimate import prepared
from darkpkg.method.kernels import GAUSSIAN, KERNELS, UNIFORM, Uniform
from darkpkg.method.mass_kernel import density_times_level, mass_level
from darkpkg.method.sampling import DENSITIES
from darkpkg.method.smoothing import PAPER_SMOOTHING, SMOOTHING
from darkpkg.method.weights import coupling_weight, exposure_weight, kde_weight, sampling_range, selection_weight

B = dk.BENCHMARK_B
WIDE = dk.Smoothing((0.2, 0.6))
PAPER_KIND = dk.Smoothing((0.3, 0.5), order=0, slope=None)
MASS_SHARE = 1e-3  # accuracy of a kernel's share inside the sampled region


@pytest.fixture(scope="module")
def few_events(fixed):
    return fixed[np.arange(0, len(fixed), 2500)]


@pytest.fixture(scope="module")
def sampled():
    return dk.place(dk.generate(dk.HEAVY, 100_000, seed=11), dk.ND280, seed=12)


@pytest.fixture(scope="module")
def fixed():
    return dk.place(dk.generate(dk.SamplingRange.at(0.1, 1.25), 50_000, seed=13), dk.ND280, seed=14)


@pytest.fixture(scope="module")
def samples(fixed):
    """Samples of each kind with a point where they predict, of few events."""
    A = dk.BENCHMARK_A
    made = [(dk.HEAVY, B, "random"), (dk.HEAVY, B, "sobol"), (dk.LIGHT, A, "random")]
    of_masses = [(dk.simulate(region, 16_000, seed=15, sequence=sequence), at) for region, at, sequence in made]
    at_A = dk.simulate(dk.SamplingRange.at(A.m_N, A.m_Zprime), 16_000, seed=15)
    all_flavours = dk.simulate(dk.HEAVY, 16_000, seed=15, sequence="sobol", experiment=dk.T2K_ALL_FLAVOURS)
    return [*of_masses, (fixed, B), (at_A, A), (all_flavours, B.replace(V_eN_sq=30 * B.V_muN_sq))]


OWN = {kernel: type("Own", (type(kernel),), {"name": "own"})() for kernel in KERNELS.values()}
"""The same kernels under another name, so that nothing compiled is used."""


@pytest.fixture(scope="module")
def flat():
    """Masses that fill the sampled plane evenly in (ln m_N, ln m_Z′), with the weights that such events have.

    An event stands for an area A/n and carries q. The masses are a Sobol sequence; the rest is copied from one event.
    """
    n = 1 << 16
    (x0, x1), (y0, y1) = np.log(dk.HEAVY.m_N), np.log(dk.HEAVY.m_Zprime)
    x, y = (qmc.Sobol(2, rng=np.random.default_rng(1)).random(n) * [x1 - x0, y1 - y0] + [x0, y0]).T
    inside = x <= y
    area = (x1 - x0) * (y1 - y0) / n
    m_N, m_Zprime = np.exp(x[inside]), np.exp(y[inside])
    event = dk.generate(dk.HEAVY, 100, seed=1)[np.zeros(inside.sum(), dtype=int)]
    return dataclasses.replace(event, m_N=m_N, m_Zprime=m_Zprime, weight=area * dk.HEAVY.q(m_N, m_Zprime))


def product(events, point, analysis, ctau, smoothing):
    """Equation (24) as it reads: mean and variance in each channel at one point."""
    shared = events.weight * kde_weight(events, point, smoothing) * coupling_weight(events, point)
    shared = shared * selection_weight(events, analysis.selection)
    if ctau is not None:
        shared = shared * dk.lifetime_weight(
            events, ctau, m_N=point.m_N, modules=dk.ANALYSIS_I.selection.decay_modules
        )
    w = np.stack([shared * exposure_weight(events, channel) for channel in analysis.channels], axis=-1)
    return w.sum(axis=0), (w**2).sum(axis=0)


class TestKdeWeight:
    def test_a_levelled_weight_is_the_kernel_over_q_at_the_point(self, sampled):
        point = B.replace(m_N=0.12, m_Zprime=1.5)
        r_sq = (np.log(sampled.m_N / 0.12) / 0.2) ** 2 + (np.log(sampled.m_Zprime / 1.5) / 0.6) ** 2
        kernel = np.where(r_sq < 1, 2 / (math.pi * 0.2 * 0.6) * (1 - r_sq), 0)
        expected = kernel / DENSITIES["adapted"](0.12, 1.5)
        # Rounding of 1 − r² near the rim.
        np.testing.assert_allclose(kde_weight(sampled, point, WIDE), expected, rtol=1e-9, atol=1e-12 * expected.max())
        assert (expected > 0).sum() > 500

    def test_the_weight_of_the_paper_has_q_at_each_event(self, sampled):
        point = B.replace(m_N=0.12, m_Zprime=1.5)
        r_sq = (np.log(sampled.m_N / 0.12) ** 2 + np.log(sampled.m_Zprime / 1.5) ** 2) / 0.3**2
        kernel = np.where(r_sq < 1, 2 / (math.pi * 0.3**2) * (1 - r_sq), 0)
        expected = kernel / DENSITIES["adapted"](sampled.m_N, sampled.m_Zprime)
        weight = kde_weight(sampled, point, dk.Smoothing((0.3, 0.3), slope=None))
        np.testing.assert_allclose(weight, expected, rtol=1e-9, atol=1e-12 * expected.max())

    def test_the_density_is_the_one_that_the_events_were_sampled_with(self):
        events = dk.generate(dataclasses.replace(dk.HEAVY, density="paper"), 20_000, seed=5)
        weight = kde_weight(events, B, dk.Smoothing((0.4, 0.4)))
        factor = DENSITIES["adapted"](0.1, 1.25) / DENSITIES["paper"](0.1, 1.25)
        other = dataclasses.replace(events, origin=events.origin.replace(sampling=dk.HEAVY))
        seen = weight > 0
        assert seen.any()
        ratio = weight[seen] / kde_weight(other, B, dk.Smoothing((0.4, 0.4)))[seen]
        np.testing.assert_allclose(ratio, factor, rtol=1e-12)

    @pytest.mark.parametrize(
        ("m_N", "m_Zprime"),
        [
            (0.1, 1.25),
            (0.1, 0.1),
            (0.1, 0.12),
            (0.1, 12.5),
            (4e-3, 0.3),
            (4.4e-3, 11.0),
            (1.25, 4.0),
            (4e-3, 4e-3),
            (1.25, 1.25),
            (1.25, 12.5),
            (4e-3, 12.5),
        ],
    )
    def test_a_flat_plane_stays_flat_up_to_its_edges_and_corners(self, flat, m_N, m_Zprime):
        """Σ w K/q is the integral of the kernel over the plane, one everywhere once edges are corrected for."""
        point = B.replace(m_N=m_N, m_Zprime=m_Zprime)
        levelled = kde_weight(flat, point, WIDE).sum() * dk.HEAVY.q(m_N, m_Zprime)
        as_in_the_paper = (kde_weight(flat, point, PAPER_KIND) * dk.HEAVY.q(flat.m_N, flat.m_Zprime)).sum()
        area = flat.weight[0] / dk.HEAVY.q(flat.m_N[0], flat.m_Zprime[0])
        # A Sobol sequence has a thousand points in a whole kernel, about a hundred in the eighth in a corner, where
        # the coefficients of a local-linear kernel magnify their unevenness threefold.
        in_corner = m_N == m_Zprime
        assert levelled * area == pytest.approx(1, abs=0.09 if in_corner else 0.03)
        assert as_in_the_paper * area == pytest.approx(1, abs=0.03)

    @pytest.mark.parametrize(("m_N", "distance"), [(4e-3, 0.0), (4e-3 * math.exp(0.1), 0.5), (1.25, 0.0)])
    def test_a_kernel_that_an_edge_cuts_is_divided_by_its_share_inside(self, sampled, m_N, distance):
        beyond = quad(lambda x: 8 / (3 * math.pi) * (1 - x**2) ** 1.5, distance, 1)[0]
        m_Zprime = 6.0
        r_sq = (np.log(sampled.m_N / m_N) / 0.2) ** 2 + (np.log(sampled.m_Zprime / m_Zprime) / 0.6) ** 2
        kernel = np.maximum(1 - r_sq, 0) * 2 / (math.pi * 0.12) / dk.HEAVY.q(m_N, m_Zprime)
        constant = dk.Smoothing(WIDE.bandwidth, order=0)
        ratio = kde_weight(sampled, B.replace(m_N=m_N, m_Zprime=m_Zprime), constant).sum() / kernel.sum()
        assert ratio == pytest.approx(1 / (1 - beyond), rel=2 * MASS_SHARE)

    def test_it_is_one_at_fixed_masses(self, fixed):
        assert kde_weight(fixed, B).tolist() == [1.0] * len(fixed)


class TestCouplingWeight:
    def test_it_is_the_ratio_of_couplings(self, fixed):
        point = B.replace(V_muN_sq=3e-8, alpha_D=0.1, epsilon=1e-3)
        expected = 3e-8 * 0.1 * 1e-3**2 / (2.2e-7 * 0.4 * 4.6e-4)
        assert coupling_weight(fixed, point) / expected == pytest.approx(1, rel=1e-12)
        assert coupling_weight(fixed, B) == pytest.approx(1, rel=1e-15)

    def test_it_has_the_shape_of_the_couplings(self, fixed):
        assert coupling_weight(fixed, B.replace(epsilon=[[1e-3], [1e-2]], V_muN_sq=[1e-8, 1e-7, 1e-6])).shape == (
            2,
            3,
        )

    @pytest.mark.parametrize("is_majorana", [False, True])
    def test_another_kind_of_N_than_was_simulated_is_refused(self, is_majorana):
        """Its decay has other angles, whatever the couplings: no weight makes up for them."""
        events = dk.generate(dk.SamplingRange.at(0.1, 1.25), 100, 1, couplings=B.replace(is_majorana=is_majorana))
        kind = "a Majorana N" if is_majorana else "a Dirac N"
        with pytest.raises(ValueError, match=f"is_majorana must be {is_majorana}: the events are decays of {kind}"):
            coupling_weight(events, B.replace(is_majorana=not is_majorana))
        assert coupling_weight(events, B.replace(is_majorana=is_majorana)) == pytest.approx(1, rel=1e-14)

    def test_couplings_at_generation_do_not_matter(self, fixed):
        elsewhere = B.replace(V_muN_sq=1e-9, alpha_D=0.9, epsilon=1e-4)
        other = dk.generate(dk.SamplingRange.at(0.1, 1.25), 50_000, seed=13, couplings=elsewhere)
        result = dk.Kernel(dk.place(other, dk.ND280, seed=14)).events(B, dk.ANALYSIS_I)
        np.testing.assert_allclose(result.mean, dk.Kernel(fixed).events(B, dk.ANALYSIS_I).mean, rtol=1e-12)


class TestSelectionWeight:
    def test_it_is_ten_percent_of_what_passes_equation_15(self, fixed):
        (E, x, y, z), (F, u, v, w) = fixed.p_electron.T, fixed.p_positron.T
        p, k = np.sqrt(x**2 + y**2 + z**2), np.sqrt(u**2 + v**2 + w**2)
        mass_sq = (E + F) ** 2 - (x + u) ** 2 - (y + v) ** 2 - (z + w) ** 2
        t = (E + F - z - w) ** 2 + (x + u) ** 2 + (y + v) ** 2
        to_beam = (z + w) / np.sqrt((x + u) ** 2 + (y + v) ** 2 + (z + w) ** 2)
        passes = (E + F > 0.150) & (mass_sq < 0.7**2) & (t < 0.03) & (to_beam > 0.99)
        passes &= (x * u + y * v + z * w) / (p * k) > 0
        weight = selection_weight(fixed, dk.ANALYSIS_I.selection)
        np.testing.assert_array_equal(weight, np.where(passes, 0.10, 0.0))
        assert 0.1 < passes.mean() < 0.9


CHAMBERS = [0, 2, 4]
"""Columns of the argon chambers among the fiducial volumes of ND280."""


class TestLifetimeWeight:
    def test_it_is_the_integral_of_the_decay_law_along_the_path(self, fixed):
        """Equation (27) with 30 digits, event by event, βγ from the energy instead of the momentum."""
        events = fixed[np.arange(40)]
        for ctau in (0.03, 3.0, 300.0):
            weight = dk.lifetime_weight(events, ctau, modules=dk.ANALYSIS_I.selection.decay_modules)
            for i in range(len(events)):
                with mpmath.workdps(30):
                    gamma = mpmath.mpf(events.p_N[i, 0]) / mpmath.mpf(events.m_N[i])
                    length = mpmath.sqrt(gamma**2 - 1) * ctau
                    paths = zip(events.entry[i, CHAMBERS], events.exit[i, CHAMBERS], strict=True)
                    exact = sum(mpmath.exp(-a / length) - mpmath.exp(-b / length) for a, b in paths)
                # E² − m² loses digits when N is slow, and an exponent of up to 600 multiplies what is left.
                assert weight[i] == pytest.approx(float(exact), rel=1e-9, abs=1e-280)

    @pytest.mark.parametrize("ctau", [0.1, 1.0, 10.0, 100.0, 3e3])
    def test_it_agrees_with_sampled_decays(self, fixed, ctau):
        """Accept or reject: draw a flight path, and see whether it ends in a decay volume."""
        events = fixed.thinned(len(fixed) // 4000)
        rng = np.random.default_rng(int(10 * ctau))
        mean_path = np.sqrt((events.p_N[:, 1:] ** 2).sum(axis=1)) / 0.1 * ctau
        draws = 400
        accepted = np.zeros(len(events))
        entry, leave = events.entry[:, CHAMBERS], events.exit[:, CHAMBERS]
        for _ in range(draws):
            path = rng.exponential(mean_path)[:, None]
            accepted += ((entry <= path) & (path < leave)).any(axis=1)
        probability = dk.lifetime_weight(events, ctau, modules=dk.ANALYSIS_I.selection.decay_modules)
        error = np.sqrt((probability * (1 - probability)).sum() * draws)
        assert abs(accepted.sum() - draws * probability.sum()) < 4 * error
        assert accepted.sum() > 1000  # so that the error is 3 % at most

    def test_a_short_lifetime_leaves_the_vertices_inside(self, fixed):
        inside = fixed.starts_in(("TPC1", "TPC2", "TPC3"))
        weight = dk.lifetime_weight(fixed, 1e-9, modules=dk.ANALYSIS_I.selection.decay_modules)
        np.testing.assert_allclose(weight, inside, atol=1e-6)  # but for vertices within 1e-9 cm · βγ of the far wall
        in_box = np.any(
            [dk.ND280.fiducial_volumes[name].contains(fixed.vertex) for name in ("TPC1", "TPC2", "TPC3")], axis=0
        )
        np.testing.assert_array_equal(inside, in_box)
        assert 0 < inside.sum() < len(fixed)

    def test_a_long_lifetime_leaves_the_length_of_the_path_over_the_decay_length(self, fixed):
        ctau = 1e14
        length = (fixed.exit - fixed.entry)[:, CHAMBERS].sum(axis=1)
        p = np.sqrt((fixed.p_N[:, 1:] ** 2).sum(axis=1))
        expected = length * 0.1 / (p * ctau)
        np.testing.assert_allclose(
            dk.lifetime_weight(fixed, ctau, modules=dk.ANALYSIS_I.selection.decay_modules), expected, rtol=1e-9
        )
        assert expected.max() > 0

    def test_it_is_a_probability(self, sampled):
        for ctau in np.geomspace(1e-6, 1e8, 15):
            weight = dk.lifetime_weight(sampled, ctau, modules=dk.ANALYSIS_I.selection.decay_modules)
            assert weight.min() >= 0
            assert weight.max() <= 1 + 1e-15

    def test_other_modules_are_their_own_boxes_and_add_up(self, fixed):
        single = [dk.lifetime_weight(fixed, 3.0, modules=(name,)) for name in fixed.fiducial_modules]
        assert [weight.max() > 0 for weight in single] == [True] * 5
        np.testing.assert_allclose(
            sum(single[i] for i in CHAMBERS),
            dk.lifetime_weight(fixed, 3.0, modules=dk.ANALYSIS_I.selection.decay_modules),
            rtol=1e-12,
        )
        with pytest.raises(ValueError, match=r"modules must be of ND280 and have a fiducial volume, .* got 'TPC4'"):
            dk.lifetime_weight(fixed, 3.0, modules=("TPC4",))

    @pytest.mark.parametrize("ctau", [0.0, -1.0, math.nan])
    def test_a_lifetime_that_is_not_positive_is_refused(self, fixed, ctau):
        with pytest.raises(ValueError, match=f"ctau must be (positive|a number), got {ctau}"):
            dk.lifetime_weight(fixed, ctau, modules=dk.ANALYSIS_I.selection.decay_modules)

    def test_a_heavier_neutrino_decays_as_after_a_shorter_lifetime(self, fixed):
        np.testing.assert_allclose(
            dk.lifetime_weight(fixed, 10.0, m_N=0.3, modules=dk.ANALYSIS_I.selection.decay_modules),
            dk.lifetime_weight(fixed, 10.0 / 3, modules=dk.ANALYSIS_I.selection.decay_modules),
            rtol=1e-9,
        )


class TestExposureWeight:
    def test_it_counts_the_nuclei_of_table_two_and_the_protons(self, fixed):
        """Lead makes 53.5 % of 2 × 2.9 t; argon is 0.016 t in all; atoms weigh 207.2 and 39.95 g/mol."""
        fhc, rhc = dk.ANALYSIS_I.channels
        pot = {fhc: 12.34e20, rhc: 6.29e20}
        grams = {"Pb208": (0.535 * 2 * 2.9e6, 207.2), "Ar40": (0.016e6, 39.95)}
        for channel in dk.ANALYSIS_I.channels:
            weight = exposure_weight(fixed, channel)
            for name, (mass, atomic_weight) in grams.items():
                here = (fixed.target == dk.NUCLEI[name].pdg_code) & (fixed.beam == channel.beam)
                expected = mass / atomic_weight * 6.02214076e23 * pot[channel]
                np.testing.assert_allclose(weight[here], expected, rtol=5e-3)  # 0.016 t has two digits
            assert weight[fixed.beam != channel.beam].max() == 0
            assert weight[fixed.beam == channel.beam].min() > 0

    def test_events_in_any_order_have_the_weights_of_their_own(self, fixed):
        shuffled = np.random.default_rng(5).permutation(len(fixed))
        for channel in dk.ANALYSIS_I.channels:
            expected = exposure_weight(fixed, channel)[shuffled]
            np.testing.assert_array_equal(exposure_weight(fixed[shuffled], channel), expected)


class TestDensityTimesLevel:
    @pytest.mark.parametrize("density", ["adapted", "paper", "log-uniform"])
    @pytest.mark.parametrize("slope", ["density", None, (0.5, -4.0)])
    def test_it_is_the_product_of_both_and_one_where_they_are_inverse(self, sampled, density, slope):
        sampling, smoothing = dataclasses.replace(dk.HEAVY, density=density), dk.Smoothing(slope=slope)
        masses = sampled.m_N, sampled.m_Zprime
        product = sampling.q(*masses) * mass_level(sampling, np.stack(masses, axis=-1), smoothing)
        np.testing.assert_allclose(density_times_level(sampling, *masses, smoothing), product, rtol=1e-14)


class TestProducedSelectedDetected:
    """Weights of each event, whose sums over events are what the compiled sums give over bins."""

    TOGETHER = dk.ANALYSIS_I + dk.ANALYSIS_II
    """Channels of two selections that share both beams."""

    @pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
    @pytest.mark.parametrize("sample", ["sampled", "fixed"])
    @pytest.mark.parametrize("analysis", [dk.ANALYSIS_I, dk.ANALYSIS_II, TOGETHER], ids=lambda a: a.name)
    @pytest.mark.parametrize(
        ("weight", "expected", "everything"),
        [
            (dk.produced_weight, dk.Kernel.upscatterings, {"cuts": None, "vertex_modules": (), "efficiency": 1.0}),
            (dk.selected_weight, dk.Kernel.upscatterings, {}),
            (dk.detected_weight, dk.Kernel.events, {}),
        ],
        ids=["produced", "selected", "detected"],
    )
    def test_their_sums_are_the_expectations(self, request, sample, analysis, weight, expected, everything):
        """A kernel at the default bandwidth and at another, couplings of generation and others."""
        events = request.getfixturevalue(sample)
        for point, smoothing in ((B, SMOOTHING), (B.replace(epsilon=3e-3, V_muN_sq=1e-6), PAPER_KIND)):
            w = weight(events, point, analysis, smoothing)
            assert w.shape == (len(events),)
            total = expected(dk.Kernel(events, smoothing), point, analysis.with_selection(**everything)).total()
            # Both are sums of products of the same numbers, in another order.
            assert w.sum() == pytest.approx(total.mean, rel=1e-12)

    def test_they_are_smaller_one_after_the_other(self, fixed):
        produced, selected, detected = (
            weight(fixed, B, self.TOGETHER) for weight in (dk.produced_weight, dk.selected_weight, dk.detected_weight)
        )
        assert (detected >= 0).all()
        assert (selected <= produced).all()
        assert (detected <= selected).all()
        assert 0 < detected.sum() < 0.1 * selected.sum() < 0.01 * produced.sum()

    def test_an_event_counts_in_each_channel_of_its_beam(self, fixed):
        for weight in (dk.produced_weight, dk.selected_weight, dk.detected_weight):
            parts = [weight(fixed, B, analysis) for analysis in (dk.ANALYSIS_I, dk.ANALYSIS_II)]
            np.testing.assert_allclose(weight(fixed, B, self.TOGETHER), sum(parts), rtol=1e-14)

    def test_boost_and_lifetime_are_those_of_the_point(self, sampled):
        """Not of the masses of each event, over which the kernel reaches."""
        chance = dk.lifetime_weight(
            sampled, float(B.proper_decay_length()), B.m_N, modules=dk.ANALYSIS_I.selection.decay_modules
        )
        expected = chance * dk.selected_weight(sampled, B, dk.ANALYSIS_I)
        np.testing.assert_allclose(dk.detected_weight(sampled, B, dk.ANALYSIS_I), expected, rtol=1e-14)

    def test_many_points_at_once_are_refused(self, fixed):
        points = B.replace(epsilon=np.array([1e-3, 1e-2]))
        for weight in (dk.produced_weight, dk.selected_weight, dk.detected_weight):
            with pytest.raises(ValueError, match=r"parameters must be a single point, got shape \(2,\)"):
                weight(fixed, points, dk.ANALYSIS_I)


class TestSum:
    @pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
    @pytest.mark.parametrize("smoothing", [SMOOTHING, PAPER_KIND], ids=["levelled", "as in the paper"])
    @pytest.mark.parametrize(("m_N", "m_Zprime"), [(0.1, 1.25), (0.1, 0.1), (0.004, 12.5), (0.7, 2.0), (0.02, 0.05)])
    def test_it_is_the_product_of_five_weights_summed_over_events(self, sampled, m_N, m_Zprime, smoothing):
        point = B.replace(m_N=m_N, m_Zprime=m_Zprime, epsilon=3e-3)
        result = dk.Kernel(sampled, smoothing).events(point, dk.ANALYSIS_I)
        mean, variance = product(sampled, point, dk.ANALYSIS_I, point.proper_decay_length(), smoothing)
        # Rounding of logarithms, of 1 − r² near the rim of the kernel, and of sums of a thousand terms, which for a
        # local-linear kernel at an edge are not all positive.
        np.testing.assert_allclose(result.mean, mean, rtol=1e-12, atol=1e-11 * result.error.max())
        np.testing.assert_allclose(result.variance, variance, rtol=1e-12)
        assert (result.error > 0).all()

    @pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
    @pytest.mark.parametrize("order", [0, 1])
    @pytest.mark.parametrize("slope", ["density", None, (0.5, -4)], ids=str)
    def test_it_is_that_product_for_every_kernel_order_and_slope(self, sampled, kernel, order, slope):
        smoothing = dk.Smoothing((0.1, 0.2), kernel, order, slope)
        point = B.replace(m_N=0.1, m_Zprime=0.13)
        result = dk.Kernel(sampled, smoothing).upscatterings(point, dk.ANALYSIS_I)
        mean, variance = product(sampled, point, dk.ANALYSIS_I, None, smoothing)
        np.testing.assert_allclose(result.mean, mean, rtol=1e-11)
        np.testing.assert_allclose(result.variance, variance, rtol=1e-11)

    def test_bias_is_the_difference_to_a_bandwidth_wider_by_the_root_of_two(self, sampled):
        plane = B.replace(m_N=np.array([0.05, 0.1, 0.4]), m_Zprime=np.array([0.05, 1.25, 3.0]))
        narrow, wide = (
            dk.Kernel(sampled, WIDE.scaled(s)).upscatterings(plane, dk.ANALYSIS_I) for s in (1.0, math.sqrt(2))
        )
        np.testing.assert_allclose(narrow.bias, wide.mean - narrow.mean, rtol=1e-9, atol=1e-9 * narrow.mean.max())

    def test_points_may_have_bandwidths_of_their_own(self, sampled):
        plane = B.replace(m_N=np.array([0.05, 0.1, 0.4]), m_Zprime=np.array([[1.25], [3.0]]))
        factor = np.array([[1.0, 2.0, 0.8], [1.5, 1.0, 1.2]])
        together = dk.Kernel(sampled, WIDE.scaled(factor)).upscatterings(plane, dk.ANALYSIS_I)
        for index in np.ndindex(factor.shape):
            point = B.replace(m_N=plane.m_N[index[1]], m_Zprime=plane.m_Zprime[index[0], 0])
            alone = dk.Kernel(sampled, WIDE.scaled(factor[index])).upscatterings(point, dk.ANALYSIS_I)
            np.testing.assert_allclose(together.mean[index], alone.mean, rtol=1e-13)
        with pytest.raises(ValueError, match=r"bandwidth must .* have the shape of the points, \(3,\)"):
            dk.Kernel(sampled, WIDE.scaled(factor)).upscatterings(
                B.replace(m_N=np.array([0.05, 0.1, 0.4])), dk.ANALYSIS_I
            )

    @pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
    def test_points_that_differ_by_a_factor_only_are_summed_once_and_right(self, sampled, monkeypatch):
        V = np.geomspace(1e-9, 1e-6, 7)
        column = dk.Kernel(sampled).events(B.replace(V_muN_sq=V), dk.ANALYSIS_I)
        each = [dk.Kernel(sampled).events(B.replace(V_muN_sq=v), dk.ANALYSIS_I).mean for v in V]
        np.testing.assert_allclose(column.mean, each, rtol=1e-13)
        counted = []
        summed = kernel_estimate.kernel_sums
        monkeypatch.setattr(kernel_estimate, "kernel_sums", lambda x, *a: (counted.append(len(x)), summed(x, *a)))
        dk.Kernel(sampled).events(B.replace(V_muN_sq=V), dk.ANALYSIS_I)
        assert counted == [1]

    @pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
    @pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
    @pytest.mark.parametrize("which", range(6), ids=["random", "Sobol", "light", "fixed", "fixed light", "flavours"])
    @pytest.mark.parametrize("analysis", [dk.ANALYSIS_I, dk.ANALYSIS_I + dk.ANALYSIS_II], ids=["I", "I and II"])
    def test_lifetimes_of_the_same_masses_have_the_bits_of_each_alone(self, samples, which, kernel, analysis):
        """In any order, also twice, and where a light Z′ flies for some of them; and numpy finds the same."""
        sample, point = samples[which]
        ctau = np.array([3.0, 1e-4, 1e9, 0.02, 3.0, 500.0])
        points = point.replace(epsilon=np.where(np.arange(len(ctau)) < 2 * (which in (2, 4)), 1e-6, 1e-2))
        names = [field.name for field in dataclasses.fields(dk.Expectation)]

        def numbers(kernel, rows):
            own = points.replace(epsilon=points.epsilon[rows])
            estimate = dk.Kernel(sample, dk.Smoothing((0.2, 0.6), kernel))
            found = estimate.events_at_lifetime(own, ctau[rows], analysis)
            return [getattr(found, name) for name in names]

        together = numbers(kernel, slice(None))
        for i in range(0, len(ctau), 2):
            np.testing.assert_array_equal(numbers(kernel, i), [own[i] for own in together])
        for name, one, other in zip(names, together, numbers(OWN[kernel], slice(None)), strict=True):
            # Rounding of sums of thousands of terms, of both signs at an edge and in the estimate of the bias.
            scale = together[1 if "variance" in name else 0].max(axis=-1, keepdims=True)
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11 * scale.max(), err_msg=name)

    @pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
    def test_reweight_of_any_simulation_finds_the_same_by_a_tree_of_neighbours(self):
        """So many events that a slope that is off by 1e-5 averages out, also where weights are squared."""
        sampled = dk.place(dk.generate(dk.HEAVY, 400_000, seed=11), dk.ND280, seed=12)
        weight = sampled.weight * selection_weight(sampled, dk.ANALYSIS_I.selection)
        weight = weight * exposure_weight(sampled, dk.ANALYSIS_I.channels[0])
        masses = np.stack([sampled.m_N, sampled.m_Zprime], axis=-1)
        inside = dk.HEAVY.contains

        def density(at):  # of masses, per unit of their logarithms as the weights have it, and not normalised
            m_N, m_Zprime = at[..., 0], at[..., 1]
            return inside(m_N, m_Zprime) * dk.HEAVY.q(m_N, m_Zprime) / (m_N * m_Zprime)

        for theta in ((0.1, 1.25), (0.1, 0.11), (1.0, 10.0)):
            point = B.replace(m_N=theta[0], m_Zprime=theta[1])
            for smoothing in (WIDE, dataclasses.replace(WIDE, order=0, slope=None)):
                ours = dk.Kernel(sampled, smoothing).upscatterings(point, dk.ANALYSIS_I)
                factor = coupling_weight(sampled, point)
                other = dk.reweight(theta, masses, weight * len(sampled) * factor, None, smoothing, density)
                # Away from edges `reweight` has its moments from 16384 points, the weights have one and zero: 1e-5.
                np.testing.assert_allclose(other.mean[0], ours.mean[0], rtol=1e-5)
                np.testing.assert_allclose(other.variance[0], ours.variance[0], rtol=2e-5)
                np.testing.assert_allclose(other.bias[0], ours.bias[0], rtol=1e-3, atol=2e-5 * ours.mean[0])

    def test_it_is_that_product_at_fixed_masses(self, fixed):
        point = B.replace(epsilon=1e-2, V_muN_sq=1e-6)
        result = dk.Kernel(fixed).events(point, dk.ANALYSIS_I)
        mean, variance = product(fixed, point, dk.ANALYSIS_I, point.proper_decay_length(), SMOOTHING)
        np.testing.assert_allclose(result.mean, mean, rtol=1e-12)
        np.testing.assert_allclose(result.variance, variance, rtol=1e-12)

    def test_upscatterings_are_the_product_without_the_lifetime(self, sampled, fixed):
        for events in (sampled, fixed):
            result = dk.Kernel(events).upscatterings(B, dk.ANALYSIS_I)
            mean, variance = product(events, B, dk.ANALYSIS_I, None, SMOOTHING)
            np.testing.assert_allclose(result.mean, mean, rtol=1e-12)
            np.testing.assert_allclose(result.variance, variance, rtol=1e-12)

    def test_the_lifetime_is_that_of_the_point_and_not_of_the_events(self, sampled):
        """With each event's own mass the decay length would be smeared by the kernel."""
        result = dk.Kernel(sampled).events_at_lifetime(B, 2.0, dk.ANALYSIS_I)
        mean, _ = product(sampled, B, dk.ANALYSIS_I, 2.0, SMOOTHING)
        np.testing.assert_allclose(result.mean, mean, rtol=1e-12)

    def test_error_and_effective_number_are_those_of_weighted_events(self, fixed):
        result = dk.Kernel(fixed).events(B, dk.ANALYSIS_I)
        np.testing.assert_allclose(result.error**2, result.variance, rtol=1e-14)
        np.testing.assert_allclose(result.n_effective, (result.mean / result.error) ** 2, rtol=1e-14)
        assert dk.Expectation(np.array([0.0, 2.0]), np.array([0.0, 4.0])).n_effective.tolist() == [0, 1]

    def test_errors_are_the_scatter_of_independent_samples(self, fixed):
        """Forty samples: their scatter gives the error to 11 %."""
        every = [np.arange(i, len(fixed), 40) for i in range(40)]
        parts = [dk.Kernel(fixed[rows]).upscatterings(B, dk.ANALYSIS_I) for rows in every]
        scatter = np.std([part.mean for part in parts], axis=0, ddof=1)
        np.testing.assert_allclose(scatter, np.mean([part.error for part in parts], axis=0), rtol=4 * 0.11)
        whole = dk.Kernel(fixed).upscatterings(B, dk.ANALYSIS_I)
        np.testing.assert_allclose(np.sum([part.variance for part in parts], axis=0), whole.variance, rtol=1e-12)

    def test_beams_and_nuclei_add_up(self, sampled):
        lead = sampled.target == dk.NUCLEI["Pb208"].pdg_code
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dk.FewEventsWarning)
            whole, part, rest = (
                dk.Kernel(e).events(B, dk.ANALYSIS_I) for e in (sampled, sampled[lead], sampled[~lead])
            )
        np.testing.assert_allclose(part.mean + rest.mean, whole.mean, rtol=1e-12)
        np.testing.assert_allclose(part.variance + rest.variance, whole.variance, rtol=1e-12)
        assert np.all(part.mean > 0)

    def test_twice_the_exposure_makes_twice_the_events_of_the_same_sample(self, fixed):
        once = dk.Kernel(fixed).events(B, dk.ANALYSIS_I)
        channels = tuple(dataclasses.replace(c, pot=2 * c.pot) for c in dk.ANALYSIS_I.channels)
        twice = dk.Kernel(fixed).events(B, dataclasses.replace(dk.ANALYSIS_I, channels=channels))
        np.testing.assert_allclose(twice.mean, 2 * once.mean, rtol=1e-12)

    def test_a_sample_is_prepared_once_whatever_its_channels_are_called(self, fixed):
        """In a sum channels have longer names: the same sample serves."""
        events = fixed[:]
        first = dk.Kernel(events).events(B, dk.ANALYSIS_I)
        before = prepared.caches[events].cache_info().currsize
        both = dk.Kernel(events).events(B, dk.ANALYSIS_I + dk.ANALYSIS_II)
        assert prepared.caches[events].cache_info().currsize == before + 1  # that of Analysis II
        np.testing.assert_array_equal(both.mean[:2], first.mean)

    def test_two_analyses_of_one_sample_do_not_mix(self, fixed):
        """What is remembered of a sample is remembered for each analysis."""
        first = dk.Kernel(fixed).events(B, dk.ANALYSIS_I).mean
        double = dk.ANALYSIS_I.with_selection(efficiency=0.2)
        tight = dk.ANALYSIS_I.with_selection(cuts=dk.Cuts(min_energy=0.5))
        rhc = dataclasses.replace(dk.ANALYSIS_I, channels=dk.ANALYSIS_I.channels[1:])
        np.testing.assert_allclose(dk.Kernel(fixed).events(B, double).mean, 2 * first, rtol=1e-12)
        assert np.all(dk.Kernel(fixed).events(B, tight).mean < 0.95 * first)
        np.testing.assert_allclose(dk.Kernel(fixed).events(B, rhc).mean, first[1:], rtol=1e-12)
        np.testing.assert_array_equal(dk.Kernel(fixed).events(B, dk.ANALYSIS_I).mean, first)

    def test_two_beams_of_one_sample_do_not_mix(self, fixed):
        """Channels that are alike but for the beam: each has the events of its own, whichever was summed first."""
        (fhc, _), pot = dk.ANALYSIS_I.channels, 1e21
        for events in (fixed, fixed[:]):
            for beam in ("FHC", "RHC") if events is fixed else ("RHC", "FHC"):
                one = dk.Analysis(beam, (dataclasses.replace(fhc, beam=beam, pot=pot),))
                weight = np.where(fixed.beam == beam, dk.detected_weight(fixed, B, one), 0.0)
                assert dk.Kernel(events).events(B, one).mean[0] == pytest.approx(weight.sum(), rel=1e-12)
                assert weight.any()

    @pytest.mark.slow
    def test_one_thread_gives_the_bits_of_two(self, tmp_path):
        program = """
import sys, numpy as np, darkpkg as dk
events = dk.place(dk.generate(dk.HEAVY, 20_000, seed=1), dk.ND280, seed=2)
plane = dk.BENCHMARK_B.replace(m_Zprime=np.geomspace(0.5, 3, 7)[:, None], epsilon=np.geomspace(1e-3, 1e-1, 9))
result = dk.Kernel(events, dk.Smoothing((0.4, 1.0))).events(plane, dk.ANALYSIS_I)
assert result.mean.min() > 0
sys.stdout.buffer.write(result.mean.tobytes() + result.variance.tobytes())
"""
        bits = [
            subprocess.run(
                [sys.executable, "-W", "ignore", "-c", program],
                env=os.environ | {"NUMBA_NUM_THREADS": threads},
                check=True,
                capture_output=True,
            ).stdout
            for threads in ("1", "2")
        ]
        assert len(bits[0]) == 2 * 7 * 9 * 2 * 8
        assert hashlib.sha256(bits[0]).digest() == hashlib.sha256(bits[1]).digest()


class TestScaling:
    @pytest.mark.parametrize(("name", "power"), [("V_muN_sq", 1), ("alpha_D", 1), ("epsilon", 2), ("V_N_sq", 0)])
    def test_rates_scale_with_the_couplings(self, fixed, name, power):
        values = getattr(B, name) * np.array([1.0, 0.5, 1e-3])
        result = dk.Kernel(fixed).events_at_lifetime(B.replace(**{name: values}), 5.0, dk.ANALYSIS_I)
        scale = (np.array([1.0, 0.5, 1e-3]) ** power)[:, None]
        np.testing.assert_allclose(result.mean, result.mean[0] * scale, rtol=1e-12)
        np.testing.assert_allclose(result.variance, result.variance[0] * scale**2, rtol=1e-12)

    def test_the_bias_scales_as_the_rate_and_its_variance_as_the_square(self, sampled):
        strong = B.replace(alpha_D=3 * B.alpha_D)
        one, three = (dk.Kernel(sampled, WIDE).upscatterings(point, dk.ANALYSIS_I) for point in (B, strong))
        assert (one.bias_variance > 0).all()
        np.testing.assert_allclose(three.bias, 3 * one.bias, rtol=1e-12)
        np.testing.assert_allclose(three.bias_variance, 9 * one.bias_variance, rtol=1e-12)

    def test_a_stronger_mixing_makes_more_and_lets_them_decay_sooner(self, fixed):
        double = dk.Kernel(fixed).events(B.replace(epsilon=2 * B.epsilon), dk.ANALYSIS_I)
        same = dk.Kernel(fixed).events_at_lifetime(B, B.proper_decay_length() / 4, dk.ANALYSIS_I)
        # Γ goes like ε² but for the width of Z′, which is α ε² of its mass.
        np.testing.assert_allclose(double.mean, 4 * same.mean, rtol=1e-8)

    def test_a_very_long_lifetime_makes_the_rate_fall_inversely(self, fixed):
        result = dk.Kernel(fixed).events_at_lifetime(B, [1e9, 1e11], dk.ANALYSIS_I).mean
        np.testing.assert_allclose(result[0] / result[1], 100, rtol=1e-4)  # the next order: 10 m over 1e9 cm


class TestShapes:
    def test_a_point_has_one_number_for_each_bin(self, fixed):
        assert dk.Kernel(fixed).events(B, dk.ANALYSIS_I).mean.shape == (2,)

    def test_a_plane_has_its_axes_first(self, sampled):
        plane = B.replace(m_N=np.array([0.09, 0.1, 0.11])[:, None], epsilon=np.array([1e-3, 1e-2]))
        wide = dk.Smoothing((0.5, 1.0))
        result = dk.Kernel(sampled, wide).events(plane, dk.ANALYSIS_I)
        assert result.mean.shape == result.variance.shape == result.n_effective.shape == (3, 2, 2)
        alone = dk.Kernel(sampled, wide).events(B.replace(m_N=0.11, epsilon=1e-2), dk.ANALYSIS_I)
        np.testing.assert_array_equal(result.mean[2, 1], alone.mean)

    @pytest.mark.parametrize(
        ("epsilon", "ctau", "shape"),
        [(1e-2, 1.0, ()), (1e-2, np.ones(5), (5,)), (np.full((4, 1), 1e-2), np.ones(5), (4, 5))],
    )
    def test_lifetimes_broadcast(self, fixed, epsilon, ctau, shape):
        point = B.replace(epsilon=epsilon)
        result = dk.Kernel(fixed).events_at_lifetime(point, ctau, dk.ANALYSIS_I)
        assert result.mean.shape == (*shape, 2)
        one = dk.Kernel(fixed).events_at_lifetime(B.replace(epsilon=1e-2), 1.0, dk.ANALYSIS_I)
        np.testing.assert_array_equal(result.mean, np.broadcast_to(one.mean, (*shape, 2)))

    def test_upscatterings_have_the_shape_of_the_point(self, fixed):
        assert dk.Kernel(fixed).upscatterings(B.replace(epsilon=np.full((3, 1), 0.01)), dk.ANALYSIS_I).mean.shape == (
            3,
            1,
            2,
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"m_N": 0.003}, r"m_N = 0\.003 GeV lies outside the sampled range, 0\.004 to 1\.25 GeV"),
            ({"m_N": 1.3, "m_Zprime": 5.0}, r"m_N = 1\.3 GeV lies outside the sampled range"),
            ({"m_Zprime": 13.0}, r"m_Zprime = 13 GeV lies outside the sampled range, 0\.004 to 12\.5 GeV"),
            ({"m_Zprime": 12.5001}, r"m_Zprime = 12\.5001 GeV lies outside the sampled range"),
            ({"m_N": 0.0039999}, r"m_N = 0\.0039999 GeV lies outside the sampled range"),
            ({"m_N": [0.1, 2.0], "m_Zprime": 9.0}, r"m_N = 2 GeV lies outside"),
            ({"m_N": 0.2, "m_Zprime": 0.1}, "m_Zprime must be at least m_N everywhere"),
        ],
    )
    def test_a_point_outside_the_sampled_region(self, sampled, changes, message):
        with pytest.raises(ValueError, match=message):
            dk.Kernel(sampled).events(B.replace(**changes), dk.ANALYSIS_I)
        if np.ndim(changes.get("m_N", 0)) == 0:
            with pytest.raises(ValueError, match=message):
                kde_weight(sampled, B.replace(**changes))

    def test_edges_of_the_sampled_region_belong_to_it(self, sampled):
        low, high = sampling_range(sampled).m_N
        for m_N in (low, high):
            weight = kde_weight(sampled, B.replace(m_N=m_N, m_Zprime=3.0))
            assert weight.sum() > 0

    @pytest.mark.parametrize(("changes", "only"), [({"m_N": 0.11}, 0.1), ({"m_Zprime": 1.2}, 1.25)])
    def test_a_sample_at_other_fixed_masses(self, fixed, changes, only):
        with pytest.raises(ValueError, match=f"lies outside the sampled range, {only} GeV alone"):
            dk.Kernel(fixed).events(B.replace(**changes), dk.ANALYSIS_I)

    def test_events_without_vertices(self):
        events = dk.generate(dk.SamplingRange.at(0.1, 1.25), 100, seed=1)
        for estimator in (dk.Kernel, dk.Transport):
            with pytest.raises(TypeError, match=r"placed in a detector first: darkpkg\.place"):
                estimator(events)

    @pytest.mark.parametrize(("ctau", "value"), [(-1.0, "-1"), (0.0, "0"), ([1.0, -2.5], "-2.5"), (math.nan, "nan")])
    def test_a_lifetime_that_is_not_positive(self, fixed, ctau, value):
        with pytest.raises(ValueError, match=f"ctau must be (positive|a number), got {value}"):
            dk.Kernel(fixed).events_at_lifetime(B, ctau, dk.ANALYSIS_I)

    @pytest.mark.parametrize("bandwidth", [(0.0, 0.1), (0.1, -0.1), (math.inf, 0.1), (math.nan, 0.1)])
    def test_a_bandwidth_that_is_not_positive(self, bandwidth):
        with pytest.raises(ValueError, match="bandwidth must be positive"):
            dk.Smoothing(bandwidth)


class TestFewEvents:
    def test_a_prediction_from_few_events_comes_with_their_number(self, sampled):
        with pytest.warns(dk.FewEventsWarning, match=r"only [\d.]+ effective events near m_N = 0.1 GeV") as caught:
            result = dk.Kernel(sampled, dk.Smoothing((0.02, 0.02))).events(B, dk.ANALYSIS_I)
        (message,) = (str(warning.message) for warning in caught)
        assert f"only {result.n_effective.min():.1f} effective events" in message
        assert "m_Zprime = 1.25 GeV (1 of 1 points have fewer than 10)" in message
        warning = pickle.loads(pickle.dumps(caught[0].message))  # noqa: S301
        assert (warning.near, warning.n_few) == ({"m_N": 0.1, "m_Zprime": 1.25}, 1)
        assert warning.n_effective == result.n_effective.min()
        assert str(warning) == message

    @pytest.mark.parametrize("n", [9, 11])
    def test_fewer_than_ten_equal_events_are_few(self, n):
        some = toy_sample()[np.arange(n)]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", dk.FewEventsWarning)
            found = dk.Kernel(some).upscatterings(B, counting())
        assert found.n_effective[0] == pytest.approx(n, rel=1e-12)
        assert len(caught) == (n < 10)

    def test_no_event_at_all_is_a_warning_too(self, sampled):
        with pytest.warns(dk.FewEventsWarning, match=r"only 0\.0 effective events"):
            result = dk.Kernel(sampled[np.arange(50)], PAPER_SMOOTHING).events(B, dk.ANALYSIS_I)
        assert result.mean.tolist() == [0, 0]

    def test_the_worst_of_many_points_is_named(self, sampled):
        plane = B.replace(m_N=[0.1, 1.2], m_Zprime=[[1.3], [3.0]])
        with pytest.warns(dk.FewEventsWarning, match=r"m_N = 1\.2 GeV") as caught:
            result = dk.Kernel(sampled, dk.Smoothing((0.1, 0.2))).upscatterings(plane, dk.ANALYSIS_I)
        few = (result.n_effective.min(axis=-1) < 10).sum()
        assert f"({few} of 4 points" in str(caught[0].message)


class TestPaperSmoothing:
    def test_its_bandwidth_and_density_are_those_of_the_text(self):
        assert PAPER_SMOOTHING == dk.Smoothing(0.005, order=0, slope=None)

    def test_it_agrees_with_a_dedicated_sample_where_events_are_dense_enough(self, fixed):
        """So narrow a kernel has events only if the sample covers little more than the kernel."""
        narrow = dk.SamplingRange((0.0985, 0.1015), (1.23, 1.27))
        events = dk.place(dk.generate(narrow, 50_000, seed=3), dk.ND280, seed=4)
        result = dk.Kernel(events, PAPER_SMOOTHING).upscatterings(B, dk.ANALYSIS_I)
        dedicated = dk.Kernel(fixed).upscatterings(B, dk.ANALYSIS_I)
        pull = (result.mean - dedicated.mean) / np.hypot(result.error, dedicated.error)
        assert np.abs(pull).max() < 4
        assert np.all(result.error / result.mean < 0.06)  # so that the pull says something


@pytest.fixture(scope="module")
def light():
    """A dedicated sample at benchmark A."""
    A = dk.BENCHMARK_A
    return dk.place(dk.generate(dk.SamplingRange.at(A.m_N, A.m_Zprime), 200_000, seed=7), dk.ND280, seed=8)


class TestSeveralAnalyses:
    def test_bins_are_sums_over_the_events_that_fall_into_them(self, light):
        """Analysis II by hand: vertex, response, mass, overflow, lifetime, exposure."""
        A = dk.BENCHMARK_A
        result = dk.Kernel(light).events(A, dk.ANALYSIS_II)
        mass = dk.observables(FGD_RESPONSE.smear(light)).mass
        inside = dk.ND280["FGD1"].fiducial.contains(light.vertex)
        weight = 0.1 * light.weight * coupling_weight(light, A) * inside
        flights = {"ctau": A.proper_decay_length(), "ctau_Zprime": A.mediator_decay_length()}
        weight = weight * dk.lifetime_weight(light, **flights, modules=("FGD1",))
        expected = []
        for channel in dk.ANALYSIS_II.channels:
            w = weight * exposure_weight(light, channel)
            sums = np.histogram(mass, np.append(0.01 * np.arange(20), np.inf), weights=w)[0]
            expected.append(sums)
            assert sums[-1] > 0.01 * sums.sum()  # the overflow is there
        # βγ of the kernel is that of the event at θ's mass; both are 100 MeV.
        np.testing.assert_allclose(result.mean, np.concatenate(expected), rtol=1e-10, atol=0)

    def test_a_sum_predicts_what_its_parts_do_and_its_likelihoods_multiply(self, light):
        A, both = dk.BENCHMARK_A, dk.ANALYSIS_I + dk.ANALYSIS_II
        parts = [dk.Kernel(light).events(A, analysis) for analysis in (dk.ANALYSIS_I, dk.ANALYSIS_II)]
        whole = dk.Kernel(light).events(A, both)
        np.testing.assert_array_equal(whole.mean, np.concatenate([part.mean for part in parts]))
        np.testing.assert_array_equal(whole.variance, np.concatenate([part.variance for part in parts]))
        lnL = [dk.log_likelihood(p, a) for p, a in zip(parts, (dk.ANALYSIS_I, dk.ANALYSIS_II), strict=True)]
        assert dk.log_likelihood(whole, both) == pytest.approx(sum(lnL), rel=1e-12)
        sums = whole.in_channels(both)
        assert sums.mean.shape == (4,)
        assert sums.mean[2] == pytest.approx(parts[1].mean[:20].sum(), rel=1e-12)

    def test_channels_of_one_beam_have_sums_of_their_own(self, fixed):
        fhc, rhc = dk.ANALYSIS_I.channels
        again = dataclasses.replace(fhc, name="twice", pot=2 * fhc.pot)
        three = dk.Analysis("three", (fhc, again, rhc))
        mean = dk.Kernel(fixed).events(B, three).mean
        np.testing.assert_allclose(mean[[0, 2]], dk.Kernel(fixed).events(B, dk.ANALYSIS_I).mean, rtol=1e-12)
        assert mean[1] == pytest.approx(2 * mean[0], rel=1e-12)

    def test_prompt_decays_of_a_light_mediator_are_seen_where_they_are_made(self, light):
        """cτ → 0 of N and of Z′: Analysis I detects at A the selected upscatterings in the fiducial argon."""
        A = dk.BENCHMARK_A.replace(decays="paper")
        inside = light[light.starts_in(("TPC1", "TPC2", "TPC3"))]
        expected = dk.Kernel(inside).upscatterings(A, dk.ANALYSIS_I).mean
        # βγ cτ⁰ is a few micrometres: 1e-5 of a metre of argon.
        np.testing.assert_allclose(dk.Kernel(light).events(A, dk.ANALYSIS_I).mean, expected, rtol=1e-4)
        at_once = dk.Kernel(light).events_at_lifetime(A, 1e-12, dk.ANALYSIS_I).mean
        np.testing.assert_allclose(at_once, expected, rtol=1e-9)


class TestSlabs:
    def test_a_straight_beam_through_slabs_is_a_deterministic_integral(self):
        """N along the beam from vertices all over the first lead: the decay law averaged over the slab."""
        events = dk.place(dk.generate(dk.SamplingRange.at(0.1, 1.25), 120_000, seed=5), dk.ND280, seed=6)
        lead = events[events.module == "P0D-ECAL1"]
        z, ctau = lead.vertex[:, 2], 30.0
        along = np.zeros_like(lead.p_N)
        along[:, 0], along[:, 3] = np.hypot(0.8, 0.1), 0.8
        inside = (np.abs(lead.vertex[:, :2]) < [85, 98]).all(axis=1)
        faces = np.array([[256, 312], [392, 448], [529, 585]], dtype=float)
        columns = lead.columns_of(("TPC1", "TPC2", "TPC3"))
        entry, leave = np.zeros_like(lead.entry), np.zeros_like(lead.exit)
        for column, name in zip(columns, ("TPC1", "TPC2", "TPC3"), strict=True):
            box = dk.ND280.fiducial_volumes[name]
            entry[:, column], leave[:, column] = box.chord(lead.vertex, along[:, 1:] / 0.8)
        straight = dataclasses.replace(lead, p_N=along, entry=entry, exit=leave)
        weight = dk.lifetime_weight(straight, ctau, modules=dk.ANALYSIS_I.selection.decay_modules)
        length = 8.0 * ctau  # βγ = 0.8 / 0.1

        def survival(face):
            """Mean over the slab 0 < z < 30.5 of exp(−(face − z) / length)."""
            return length / 30.5 * (np.exp(-(face - 30.5) / length) - np.exp(-face / length))

        expected = 170 * 196 / (210 * 224) * sum(survival(begin) - survival(end) for begin, end in faces)
        error = weight.std() / np.sqrt(len(weight))
        # 1.5 % of statistics from the sides; one centimetre of a chamber in z moves 0.4 %, and is seen below.
        assert abs(weight.mean() - expected) < 4 * error
        # Vertices before the chambers, with z as drawn: exact, so that a centimetre or a millimetre fails.
        exact = sum(np.exp(-(begin - z) / length) - np.exp(-(end - z) / length) for begin, end in faces)
        np.testing.assert_allclose(weight[inside], exact[inside], rtol=1e-9)
        assert weight[~inside].max() == 0


class TestSobol:
    @pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
    def test_errors_come_from_the_spread_of_replicates(self):
        events = dk.place(dk.generate(dk.HEAVY, 96_000, seed=31, sequence="sobol"), dk.ND280, seed=32)
        result = dk.Kernel(events, WIDE).upscatterings(B, dk.ANALYSIS_I)
        parts = np.array(
            [
                dk.Kernel(events[events.replicate == r], WIDE).upscatterings(B, dk.ANALYSIS_I).mean
                for r in range(REPLICATES)
            ]
        )
        np.testing.assert_allclose(result.mean, parts.sum(axis=0), rtol=1e-12)
        np.testing.assert_allclose(result.variance, REPLICATES * parts.var(axis=0, ddof=1), rtol=1e-9)
        spread_of_sums = REPLICATES * parts.sum(axis=1).var(ddof=1)
        np.testing.assert_allclose(result.total().variance, spread_of_sums, rtol=1e-9)

    @pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
    def test_neutrinos_of_all_flavours_share_the_points_of_a_sequence(self):
        events = dk.simulate(dk.HEAVY, 32_000, seed=31, sequence="sobol", experiment=dk.T2K_ALL_FLAVOURS)
        point = B.replace(V_eN_sq=30 * B.V_muN_sq)

        def of(rows):
            return dk.Kernel(events[rows], WIDE).upscatterings(point, dk.ANALYSIS_I)

        parts = np.array([of(events.replicate == r).mean for r in range(REPLICATES)])
        electrons = of(np.abs(events.flavour) == 12)
        assert 0.2 < electrons.total().mean / parts.sum() < 0.8
        whole = of(slice(None))
        np.testing.assert_allclose(whole.variance, REPLICATES * parts.var(axis=0, ddof=1), rtol=1e-9)
        np.testing.assert_allclose(whole.total().variance, REPLICATES * parts.sum(axis=1).var(ddof=1), rtol=1e-9)


class TestChooseBandwidth:
    PLANE = B.replace(m_N=np.array([0.03, 0.1, 0.3]), m_Zprime=np.array([0.3, 1.25, 2.0]))

    @pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
    def test_the_best_of_one_for_all_and_of_one_for_each_point(self, sampled):
        start = dk.Smoothing((0.2, 0.6))
        for_all = dk.choose_bandwidth(dk.Kernel(sampled, start), self.PLANE, dk.ANALYSIS_I)
        for_each = dk.choose_bandwidth(dk.Kernel(sampled, start), self.PLANE, dk.ANALYSIS_I, per_point=True)
        assert np.shape(for_all.bandwidth) == (2,)
        assert np.shape(for_each.bandwidth) == (3, 2)
        for chosen in (for_all, for_each):
            ratio = np.asarray(chosen.bandwidth) / start.bandwidth
            assert ((ratio >= 0.499) & (ratio <= 8.01)).all()
            assert dk.Kernel(sampled, chosen).events(self.PLANE, dk.ANALYSIS_I).mean.shape == (3, 2)

    @pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
    def test_more_events_ask_for_a_smaller_bandwidth(self, sampled):
        """As N^(-1/6) for a rate with a bias that is seen: here without its slope divided out."""
        start = dk.Smoothing((0.2, 0.3), slope=None)
        widths = [
            dk.choose_bandwidth(dk.Kernel(part, start), self.PLANE, dk.ANALYSIS_I).bandwidth[1]
            for part in (sampled.thinned(8), sampled)
        ]
        # A factor 8^(-1/6) = 0.71 with noise in the bias of the small sample.
        assert 0.5 < widths[1] / widths[0] < 0.95

    def test_the_asymptotic_rule_begins_at_twice_the_bandwidth(self, sampled, monkeypatch):
        monkeypatch.setattr("darkpkg.method.bandwidth.asymptotic_factor", lambda *_, **__: 1.0)
        chosen = dk.choose_bandwidth(dk.Kernel(sampled, WIDE), self.PLANE, dk.ANALYSIS_I)
        np.testing.assert_allclose(chosen.bandwidth, 2 * np.array(WIDE.bandwidth))


# Weights that cancel, decays that never happen, and a small sample: few effective events by construction.
@pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
class TestWhatIsRefusedOrSummed:
    def test_signed_weights_are_summed(self, fixed):
        """Weights 2w and −w add up to w, and their squares to five times those of w."""
        doubled, negative = (dataclasses.replace(fixed, weight=factor * fixed.weight) for factor in (2.0, -1.0))
        rate = dk.Kernel(fixed).events(B, dk.ANALYSIS_I)
        assert_close = np.testing.assert_allclose
        up, down = (dk.Kernel(sample).events(B, dk.ANALYSIS_I) for sample in (doubled, negative))
        assert_close(up.mean + down.mean, rate.mean, rtol=1e-12)
        assert_close(down.mean, -rate.mean, rtol=1e-12)
        assert_close(up.variance + down.variance, 5 * rate.variance, rtol=1e-12)
        mixed = dataclasses.replace(fixed, weight=np.where(np.arange(len(fixed)) % 2, -1.0, 1.0) * fixed.weight)
        parts = [dk.Kernel(fixed[np.arange(len(fixed)) % 2 == i]).events(B, dk.ANALYSIS_I).mean for i in (0, 1)]
        assert_close(dk.Kernel(mixed).events(B, dk.ANALYSIS_I).mean, parts[0] - parts[1], rtol=1e-9)

    def test_kernels_of_ones_own_are_summed_by_numpy_as_the_others_by_compiled_code(self, sampled, light):
        class Disguised(Uniform):
            """Of another shape under a known name."""

            name = "gaussian"

        def same(one, other):
            for field in ("mean", "variance", "bias", "bias_variance"):
                # Sums in another order.
                values = getattr(one, field), getattr(other, field)
                np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-11 * abs(values[1]).max())

        point = B.replace(m_N=[0.05, 0.1, 0.1], V_N_sq=[1e-6, 1e-4, 1e-2])
        for own, known in ((OWN[GAUSSIAN], GAUSSIAN), (Disguised(), UNIFORM)):
            one, other = (dk.Kernel(sampled, dk.Smoothing((0.2, 0.5), kernel)) for kernel in (own, known))
            same(one.events(point, dk.ANALYSIS_I), other.events(point, dk.ANALYSIS_I))
            same(one.upscatterings(point, dk.ANALYSIS_I), other.upscatterings(point, dk.ANALYSIS_I))
        flying = dk.BENCHMARK_A.replace(epsilon=1e-6)
        one, other = (dk.Kernel(light, dk.Smoothing((0.3, 0.5), kernel)) for kernel in (OWN[GAUSSIAN], GAUSSIAN))
        same(one.events(flying, dk.ANALYSIS_I), other.events(flying, dk.ANALYSIS_I))

    def test_distances_of_masses_must_be_those_of_logarithms(self, sampled):
        with pytest.raises(ValueError, match="log must be True for events"):
            dk.Kernel(sampled, dk.Smoothing(0.2, log=False)).events(B, dk.ANALYSIS_I)
        with pytest.raises(ValueError, match="log must be True for events"):
            kde_weight(sampled, B, dk.Smoothing(0.2, log=(True, False)))

    def test_wrong_types_are_named(self, fixed):
        for estimator in (dk.Kernel(fixed), dk.Transport(fixed)):
            for predict in (estimator.events, estimator.upscatterings):
                with pytest.raises(TypeError, match=r"analysis must be of type Analysis, got str 'I'"):
                    predict(B, "I")
                with pytest.raises(TypeError, match=r"parameters must be of type DarkParameters, got int 3"):
                    predict(3, dk.ANALYSIS_I)
        for kind, name in ((dk.Kernel, "smoothing"), (dk.Transport, "neighbourhood")):
            with pytest.raises(TypeError, match=rf"{name} must be of type Smoothing, got float 0\.1"):
                kind(fixed, 0.1)

    def test_the_shortest_lifetimes_are_prompt_and_the_longest_never_end(self, fixed):
        """A subnormal cτ⁰ is a decay at the vertex, an infinite one is none."""
        inside = fixed.starts_in(("TPC1", "TPC2", "TPC3"))
        np.testing.assert_array_equal(
            dk.lifetime_weight(fixed, 5e-324, modules=dk.ANALYSIS_I.selection.decay_modules), inside
        )
        np.testing.assert_array_equal(
            dk.lifetime_weight(fixed, np.inf, modules=dk.ANALYSIS_I.selection.decay_modules), 0
        )
        prompt, never = dk.Kernel(fixed).events_at_lifetime(B, [5e-324, np.inf], dk.ANALYSIS_I).mean
        assert np.all(never == 0)
        expected = dk.Kernel(fixed[inside]).upscatterings(B, dk.ANALYSIS_I).mean
        np.testing.assert_allclose(prompt, expected, rtol=1e-12)
        for wrong in (0.0, -1.0, np.nan):
            with pytest.raises(ValueError, match=r"ctau must be (positive|a number)"):
                dk.lifetime_weight(fixed, wrong, modules=dk.ANALYSIS_I.selection.decay_modules)
        with pytest.raises(ValueError, match="ctau_Zprime must be zero or more"):
            dk.lifetime_weight(fixed, 1.0, ctau_Zprime=-1.0, modules=dk.ANALYSIS_I.selection.decay_modules)

    def test_a_few_prepared_selections_are_remembered_and_the_others_let_go(self, fixed):
        sample = fixed[:]
        kept = []
        for efficiency in np.linspace(0.1, 0.9, 20):
            analysis = dk.ANALYSIS_I.with_selection(efficiency=float(efficiency))
            kept.append(dk.Kernel(sample).events(B, analysis).mean / efficiency)
        assert prepared.caches[sample].cache_info().currsize == 4
        np.testing.assert_allclose(kept, np.tile(kept[0], (20, 1)), rtol=1e-12)

    def test_only_decays_to_electrons_are_counted(self):
        """Above 2 m_μ the rate of the paper's choice is larger by muons and hadrons, at equal lifetime."""
        point = B.replace(m_N=0.4)
        events = dk.place(dk.generate(dk.SamplingRange.at(0.4, 1.25), 5000, seed=3), dk.ND280, seed=4)
        rates = [
            dk.Kernel(events).events_at_lifetime(p, 1.0, dk.ANALYSIS_I).total().mean
            for p in (point, point.replace(decays="paper"))
        ]
        assert rates[0] / rates[1] == pytest.approx(point.pair_branching_ratio(), rel=1e-12)
        assert 0.6 < rates[0] / rates[1] < 0.75


@pytest.fixture(scope="module")
def both():
    """Events of all flavours that T2K's beams have."""
    events = dk.generate(dk.SamplingRange.at(0.1, 1.25), 40_000, seed=21, experiment=T2K_ALL_FLAVOURS)
    return dk.place(events, dk.ND280, seed=22)


class TestFlavours:
    """Electron neutrinos make N with |V_eN|², and muon neutrinos with |V_μN|², in one sample of both."""

    def test_without_a_coupling_to_them_electron_neutrinos_count_nothing(self, both):
        muons = both[np.abs(both.flavour) == 14]
        assert 0.2 < len(muons) / len(both) < 0.9
        one, other = (dk.Kernel(events).events(B, dk.ANALYSIS_I) for events in (both, muons))
        np.testing.assert_array_equal(one.mean, other.mean)
        assert dk.detected_weight(both, B, dk.ANALYSIS_I)[np.abs(both.flavour) == 12].max() == 0

    def test_a_coupling_to_them_is_refused_where_there_are_none(self, both, fixed):
        """As by a table: their share of the rate would be left out."""
        own = dataclasses.replace(both[np.abs(both.flavour) == 14], origin=both.origin.replace(beams=()))
        for sample in (fixed, own):
            point = B.replace(V_eN_sq=[0.0, 1e-8])
            for estimator in (dk.Kernel(sample), dk.Transport(sample)):
                with pytest.raises(ValueError, match="V_eN_sq must be zero: the sample has no electron neutrinos"):
                    estimator.events(point, dk.ANALYSIS_I)
            with pytest.raises(ValueError, match="V_eN_sq must be zero: the sample has no electron neutrinos"):
                dk.detected_weight(sample, B.replace(V_eN_sq=1e-8), dk.ANALYSIS_I)

    def test_both_families_add_up_each_with_its_coupling(self, both):
        points = B.replace(V_eN_sq=B.V_muN_sq * np.array([0.0, 0.5, 2.0]), V_muN_sq=B.V_muN_sq * np.array([1, 1, 3]))
        found = dk.Kernel(both).events(points, dk.ANALYSIS_I)
        muons, electrons = (np.abs(both.flavour) == code for code in (14, 12))
        # Electron neutrinos as if they were of the other family: of equal coupling.
        turned = dataclasses.replace(both[electrons], flavour=np.full(electrons.sum(), 14), beam=both.beam[electrons])
        of_muons, of_electrons = (dk.Kernel(e).events(B, dk.ANALYSIS_I) for e in (both[muons], turned))
        assert (of_electrons.mean > 0).all()
        for i, (muon, electron) in enumerate([(1, 0), (1, 0.5), (3, 2)]):
            mean = muon * of_muons.mean + electron * of_electrons.mean
            variance = muon**2 * of_muons.variance + electron**2 * of_electrons.variance
            np.testing.assert_allclose(found.mean[i], mean, rtol=1e-12)
            np.testing.assert_allclose(found.variance[i], variance, rtol=1e-12)
        point = B.replace(V_eN_sq=1e-7)
        weights = dk.detected_weight(both, point, dk.ANALYSIS_I).sum()
        assert weights == pytest.approx(dk.Kernel(both).events(point, dk.ANALYSIS_I).total().mean, rel=1e-12)

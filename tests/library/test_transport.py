"""Events moved to other masses, against samples that were simulated there."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

import darkpkg as dk
from darkpkg.method.integrand import Integrand
from darkpkg.method.kernels import EPANECHNIKOV, UNIFORM
from darkpkg.method.targets import target
from darkpkg.method.transport import NEIGHBOURHOOD
from darkpkg.method.weights import exposure_weight, kde_weight
from darkpkg.physics import kinematics

B, A = dk.BENCHMARK_B, dk.BENCHMARK_A


@pytest.fixture(scope="module", params=["heavy", "light"])
def side(request):
    """A sample over the plane and a benchmark in it."""
    sampling, point = {"heavy": (dk.HEAVY, B), "light": (dk.LIGHT, A)}[request.param]
    return dk.place(dk.generate(sampling, 300_000, seed=41), dk.ND280, seed=42), point


@pytest.fixture(scope="module")
def heavy():
    return dk.place(dk.generate(dk.HEAVY, 200_000, seed=43), dk.ND280, seed=44)


def dedicated(point, n=100_000, seed=50):
    sampling = dk.SamplingRange.at(float(point.m_N), float(point.m_Zprime))
    return dk.place(dk.generate(sampling, n, seed=seed), dk.ND280, seed=seed + 1)


def test_a_moved_sample_makes_the_events_of_a_dedicated_one(side):
    """Every step of the selection and of the flight, and for lifetimes from a millimetre to ten metres."""
    events, point = side
    moved, own = dk.transport(events, point), dedicated(point)
    pulls = []
    for ctau in (None, 0.1, 3.0, 50.0, 1000.0):
        one, other = (
            dk.Kernel(sample).upscatterings(point, dk.ANALYSIS_I)
            if ctau is None
            else dk.Kernel(sample).events_at_lifetime(point, ctau, dk.ANALYSIS_I)
            for sample in (moved, own)
        )
        assert (one.bias == 0).all()
        pulls.extend((one.mean - other.mean) / np.hypot(one.error, other.error))
    # Ten pulls of few independent events: none is far off, and their mean square scatters by at most 1.
    assert np.abs(pulls).max() < 4
    assert np.mean(np.square(pulls)) < 3


def test_moved_events_are_distributed_as_dedicated_ones(side):
    events, point = side
    moved, own = dk.transport(events, point), dedicated(point)
    for of in (
        lambda e: e.p_N[:, 0],
        lambda e: e.p_electron[:, 0] / e.p_N[:, 0],
        lambda e: e.p_N[:, 3] / np.linalg.norm(e.p_N[:, 1:], axis=1),
    ):
        edges = np.quantile(of(own), np.linspace(0, 1, 13))[1:-1]
        sums, variances = [], []
        for sample in (moved, own):
            weight = sample.weight * sum(exposure_weight(sample, c) for c in dk.ANALYSIS_I.channels)
            index = np.searchsorted(edges, of(sample))
            sums.append(np.bincount(index, weight, 12))
            variances.append(np.bincount(index, weight**2, 12))
        chi_sq = ((sums[0] - sums[1]) ** 2 / (variances[0] + variances[1])).sum()
        assert chi2.sf(chi_sq, 12) > 1e-4


@pytest.mark.parametrize(("m_N", "m_Zprime"), [(0.05, 0.05), (0.2, 0.21), (0.6, 9.0), (0.004, 0.3), (1.0, 1.5)])
def test_edges_of_the_plane_are_no_worse_than_its_middle(heavy, m_N, m_Zprime):
    """Where a kernel would be cut and would lean over: events from one side only, and yet no bias."""
    point = B.replace(m_N=m_N, m_Zprime=m_Zprime)
    one = dk.Kernel(dk.transport(heavy, point)).upscatterings(point, dk.ANALYSIS_I).total()
    other = dk.Kernel(dedicated(point)).upscatterings(point, dk.ANALYSIS_I).total()
    assert abs(one.mean - other.mean) < 4 * np.hypot(one.error, other.error)
    assert one.error < 0.12 * one.mean


def test_all_neighbourhoods_agree(heavy):
    means, errors = [], []
    for h in ((0.2, 0.5), (0.5, 1.5), (1.2, 2.5)):
        for kernel in (EPANECHNIKOV, UNIFORM):
            moved = dk.transport(heavy, B, dk.Smoothing(h, kernel, order=0, slope=None))
            found = dk.Kernel(moved).upscatterings(B, dk.ANALYSIS_I).total()
            means.append(found.mean)
            errors.append(found.error)
    means, errors = np.array(means), np.array(errors)
    # They share events, so that differences are smaller than independent errors would make them.
    assert (np.abs(means - means[-1]) < 4 * errors).all()
    assert errors[-1] < errors[0] / 2


def test_to_its_own_masses_an_event_is_moved_without_a_change():
    sampling = dk.SamplingRange((0.0999999, 0.1000001), (0.3, 0.3000001))
    events = dk.place(dk.generate(sampling, 2400, seed=3), dk.ND280, seed=4)
    moved = dk.transport(events, B.replace(m_N=0.1, m_Zprime=0.30000005), dk.Smoothing(5e-6, order=0, slope=None))
    near = np.isin(events.point[:, 0], moved.point[:, 0])
    for name in ("p_N", "p_electron", "p_positron", "entry", "exit"):
        # Masses within 1e-6 of each other; an electron's momentum in the rest frame changes by as little.
        np.testing.assert_allclose(getattr(moved, name), getattr(events[near], name), rtol=3e-4, atol=3e-4)


@pytest.mark.parametrize("form_factor", ["fourier-bessel", "helm"])
def test_weights_change_by_the_kernel_and_the_ratio_of_the_integrands(form_factor):
    """Event by event, with the form factor that the sample was simulated with."""
    point, lead = B.replace(m_N=0.4), dk.NUCLEI["Pb208"]
    events = dk.generate(dk.HEAVY, 24_000, seed=1, form_factor=form_factor)
    own, moved = (e[(e.beam == "RHC") & (e.target == lead.pdg_code)] for e in (events, dk.transport(events, point)))
    integrand = Integrand(target(dk.T2K["RHC"].flux, lead, form_factor), dk.HEAVY, B)
    u, n = np.ascontiguousarray(own.point[:, :6]), len(own)
    before, _ = integrand.at_masses(u, own.m_N, own.m_Zprime)
    after, _ = integrand.at_masses(u, np.full(n, point.m_N), np.full(n, point.m_Zprime))
    kernel = kde_weight(own, point, NEIGHBOURHOOD)
    counts = kernel * own.weight > 0
    expected = (own.weight * kernel * after)[counts] / before[counts]
    np.testing.assert_allclose(moved.weight, expected, rtol=1e-12)
    assert counts.sum() > 100
    assert expected.std() > 0


def test_the_path_of_n_is_followed_in_its_new_direction(heavy):
    moved = dk.transport(heavy, B.replace(m_N=0.4))
    direction = moved.p_N[:, 1:] / kinematics.momentum(moved.p_N)[:, None]
    for name, box in dk.ND280.fiducial_volumes.items():
        (column,) = moved.columns_of((name,))
        enter, leave = box.chord(moved.vertex, direction)
        np.testing.assert_allclose(moved.entry[:, column], enter, rtol=1e-12)
        np.testing.assert_allclose(moved.exit[:, column], leave, rtol=1e-12)


@settings(max_examples=20)
@given(st.floats(0.01, 0.9), st.floats(0.02, 0.98))
def test_moved_momenta_are_on_shell_and_add_up_to_less_than_n_has(heavy, m_N, share):
    m_Zprime = m_N * (10 / m_N) ** share
    moved = dk.transport(heavy.thinned(40), B.replace(m_N=m_N, m_Zprime=m_Zprime))
    assert (moved.m_N == m_N).all()
    assert (moved.m_Zprime == m_Zprime).all()

    def mass_sq(p):
        return p[:, 0] ** 2 - (p[:, 1:] ** 2).sum(axis=1)

    E_sq = moved.p_N[:, 0] ** 2
    np.testing.assert_allclose(mass_sq(moved.p_N), m_N**2, atol=1e-11 * E_sq.max())
    neutrino = moved.p_N - moved.p_electron - moved.p_positron
    np.testing.assert_allclose(mass_sq(neutrino), 0, atol=1e-10 * E_sq.max())
    assert (neutrino[:, 0] > -1e-9 * moved.p_N[:, 0]).all()


def test_a_majorana_sample_is_moved_as_one():
    point = B.replace(is_majorana=True, m_N=0.15)
    events = dk.place(dk.generate(dk.HEAVY, 100_000, seed=5, couplings=point), dk.ND280, seed=6)
    own = dk.place(dk.generate(dk.SamplingRange.at(0.15, 1.25), 60_000, seed=7, couplings=point), dk.ND280, seed=8)
    one, other = (
        dk.Kernel(e).upscatterings(point, dk.ANALYSIS_I).total() for e in (dk.transport(events, point), own)
    )
    assert abs(one.mean - other.mean) < 4 * np.hypot(one.error, other.error)


def test_provenance_says_from_where_and_events_without_vertices_are_moved_too(heavy):
    moved = dk.transport(dk.generate(dk.HEAVY, 24_000, seed=1), B)
    assert type(moved) is dk.Events
    assert moved.provenance["transported_from"]["m_N"] == dk.HEAVY.m_N
    assert moved.origin.sampling.m_N == (0.1, 0.1)
    assert len(dk.transport(heavy, B)) > 1000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: dk.transport(e, B.replace(m_N=2.0, m_Zprime=3.0)), "m_N = 2 GeV lies outside the sampled range"),
        (lambda e: dk.transport(e, B.replace(m_N=np.array([0.1, 0.2]))), "parameters must be a single point"),
        (
            lambda e: dk.transport(e, B.replace(is_majorana=True)),
            "is_majorana must be False: the events are decays of a Dirac N",
        ),
        (
            lambda e: dk.transport(dataclasses.replace(e, point=None), B),
            "events must have the point of their generation",
        ),
    ],
)
def test_what_cannot_be_moved_is_refused(heavy, call, message):
    with pytest.raises(ValueError, match=message):
        call(heavy)


def test_a_plane_by_transport_is_its_points_one_by_one(heavy):
    plane = B.replace(m_N=np.array([0.05, 0.1])[:, None], epsilon=np.array([1e-3, 2e-2, 3e-2]))
    found = dk.Transport(heavy).events(plane, dk.ANALYSIS_I)
    assert found.mean.shape == (2, 3, 2)
    for index in np.ndindex(2, 3):
        point = B.replace(m_N=plane.m_N[index[0], 0], epsilon=plane.epsilon[index[1]])
        alone = dk.Kernel(dk.transport(heavy, point)).events(point, dk.ANALYSIS_I)
        np.testing.assert_allclose(found.mean[index], alone.mean, rtol=1e-12)
        np.testing.assert_allclose(found.variance[index], alone.variance, rtol=1e-12)
    assert (found.bias == 0).all()


def test_moved_events_fly_in_their_new_direction(heavy):
    moved = dk.transport(heavy, B)
    along = moved.p_N[:, 1:] / np.linalg.norm(moved.p_N[:, 1:], axis=1, keepdims=True)
    for column, box in enumerate(dk.ND280.fiducial_volumes.values()):
        entry, leave = box.chord(moved.vertex, along)
        np.testing.assert_allclose(moved.entry[:, column], entry, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(moved.exit[:, column], leave, rtol=1e-9, atol=1e-6)


def test_moved_weights_are_ratios_of_the_integrand_with_the_form_factor_of_the_sample():
    events = dk.generate(dk.HEAVY, 24_000, seed=9, form_factor="helm")
    lead = events[(events.target == dk.NUCLEI["Pb208"].pdg_code) & (events.beam == "FHC")]
    near = kde_weight(lead, B, NEIGHBOURHOOD)
    lead, near = lead[near > 0], near[near > 0]
    moved = dk.transport(lead, B)
    ratio = {}
    for form_factor in ("helm", "fourier-bessel"):
        about = target(dk.T2K["FHC"].flux, dk.NUCLEI["Pb208"], form_factor)
        integrand = Integrand(about, dk.HEAVY, B)
        u = np.ascontiguousarray(lead.point[:, :6])
        before, _ = integrand.at_masses(u, lead.m_N, lead.m_Zprime)
        after, _ = integrand.at_masses(u, np.full(len(u), 0.1), np.full(len(u), 1.25))
        ratio[form_factor] = np.divide(after, before, out=np.zeros(len(u)), where=before > 0)
    np.testing.assert_allclose(moved.weight, lead.weight * near * ratio["helm"], rtol=1e-12)
    assert not np.allclose(ratio["helm"], ratio["fourier-bessel"], rtol=0.01)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sampling": None}, "sampling"),
        ({"couplings": None}, "the couplings"),
        ({"beams": ()}, r"the flux of beam \w+, flavour -?14"),
    ],
)
def test_what_the_origin_does_not_hold_is_named(heavy, changes, named):
    forgetful = dataclasses.replace(heavy, origin=heavy.origin.replace(**changes))
    with pytest.raises(ValueError, match=f"origin of events must hold (their )?{named}"):
        dk.transport(forgetful, B)


def test_fiducial_boxes_and_nuclei_that_are_not_known_are_named(heavy):
    origin = heavy.origin.replace(detector=dataclasses.replace(heavy.detector, volumes=()))
    with pytest.raises(ValueError, match="origin of events must hold the volumes of their detector"):
        dk.transport(dataclasses.replace(heavy[np.arange(50)], origin=origin), B)
    bare = dk.generate(dk.HEAVY, 2400, seed=1)
    with pytest.raises(ValueError, match="origin of events must hold the nucleus 1000922380"):
        dk.transport(dataclasses.replace(bare, target=np.full(2400, 1000922380)), B)

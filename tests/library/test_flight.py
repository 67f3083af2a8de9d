"""Eq. (27) against roads that do not use it: a quadrature, sampled decays and two limits.

The quadrature integrates the decay law over a uniform slab for N that flies along the beam, where the detector is
one-dimensional. It takes its lengths from Table II as printed, not from `ND280`, so that a chamber in the wrong place
does not move both sides.
"""

import dataclasses
import functools

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.method.events import Events
from darkpkg.physics import kinematics

BETA_GAMMA = 8.0
LEAD, CARBON, ARGON = (dk.NUCLEI[name].pdg_code for name in ("Pb208", "C12", "Ar40"))

# Table II: width in x and y, length and beginning in z (cm), and the nucleus that is looked at.
SLABS = {
    "P0D-ECAL1": (210, 224, 30.5, 0, LEAD),
    "P0D-ECAL2": (210, 224, 30.4, 209.6, LEAD),
    "TPC1": (186, 206, 78, 251, ARGON),
    "FGD1": (186, 186, 30, 343, CARBON),
    "TPC2": (186, 206, 78, 387, ARGON),
    "FGD2": (186, 186, 30, 480, CARBON),
    "TPC3": (186, 206, 78, 524, ARGON),
}
# Fiducial volumes: 5 cm behind the beginning of their chamber.
CHAMBERS = {"TPC1": (170, 196, 56, 256), "TPC2": (170, 196, 56, 392), "TPC3": (170, 196, 56, 529)}


def straight_ahead(slab, volumes, decay_length, nodes=64):
    """Mean decay probability of N that start evenly in ``slab`` and fly along z: Gauss-Legendre between all faces."""
    points, weights = [], []
    for axis in range(3):
        faces = [box_face for box in (slab, *volumes) for box_face in (box.low[axis], box.high[axis])]
        faces = np.unique(np.clip(faces, slab.low[axis], slab.high[axis]))
        x, w = np.polynomial.legendre.leggauss(nodes if axis == 2 else 1)  # in x and y it is constant between faces
        size = np.diff(faces)[:, None]
        points.append((faces[:-1, None] + size * (1 + x) / 2).ravel())
        weights.append((size * w / 2).ravel() / (slab.high[axis] - slab.low[axis]))
    vertex = np.stack(np.meshgrid(*points, indexing="ij"), axis=-1).reshape(-1, 3)
    weight = np.einsum("i,j,k->ijk", *weights).ravel()
    chords = [box.chord(vertex, np.tile([0.0, 0.0, 1.0], (len(vertex), 1))) for box in volumes]
    return sum(weight @ (np.exp(-a / decay_length) - np.exp(-b / decay_length)) for a, b in chords)


def by_hand(name, decay_length, chambers=tuple(CHAMBERS)):
    """The same integral in closed form."""
    width_x, width_y, length, begin, _ = SLABS[name]
    end, total = begin + length, 0.0
    for chamber in chambers:
        x, y, depth, near = CHAMBERS[chamber]
        covered = min(x, width_x) * min(y, width_y) / (width_x * width_y)
        reached = -decay_length * np.expm1(-depth / decay_length)
        if end <= near:
            total += covered * reached * np.exp((end - near) / decay_length) * -np.expm1(-length / decay_length)
        elif begin <= near:  # its own argon: what flies out at the back, less what flies in at the front
            total += covered * (depth - reached * np.exp((begin - near) / decay_length))
    return total / length


def along_the_beam(code, n):
    """n events on one nucleus, unweighted, whose N flies along z."""
    m_N = np.full(n, 0.1)
    p_N = np.outer(m_N, [np.hypot(1, BETA_GAMMA), 0, 0, BETA_GAMMA])
    return Events(
        weight=np.ones(n), m_N=m_N, m_Zprime=np.full(n, 1.25), p_N=p_N, p_electron=p_N / 3, p_positron=p_N / 3,
        target=np.full(n, code), beam=np.full(n, "FHC"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def placed_in():
    """Those of 400 000 placed events that fall into one module, placed once for all modules of a nucleus."""

    @functools.lru_cache(3)
    def placed(code, displaced):
        return dk.place(along_the_beam(code, 400_000), nd280_with(*displaced), seed=3)

    def of(name, *displaced):
        events = placed(SLABS[name][-1], displaced)
        return events[events.module == name]

    return of


def monte_carlo(sample, decay_length, modules=dk.ANALYSIS_I.selection.decay_modules):
    """Mean of the lifetime weight, and its error."""
    weight = dk.lifetime_weight(sample, decay_length / BETA_GAMMA, modules=modules)
    return weight.mean(), weight.std() / np.sqrt(len(weight))


def nd280_with(name=None, shift=0.0):
    """ND280 with the fiducial volume of one chamber shifted along the beam."""

    def shifted(module):
        low, high = (np.add(corner, (0, 0, shift)) for corner in (module.fiducial.low, module.fiducial.high))
        return dataclasses.replace(module, fiducial=dk.Box(tuple(low), tuple(high)))

    modules = tuple(shifted(module) if module.name == name else module for module in dk.ND280.modules)
    return dk.Detector(f"ND280 with another {name}", modules)


@pytest.fixture(scope="module")
def simulated():
    B = dk.BENCHMARK_B
    events = dk.generate(dk.SamplingRange.at(B.m_N, B.m_Zprime), 120_000, seed=21)
    return dk.place(events, dk.ND280, seed=22)


# --- Quadrature ---


@pytest.mark.parametrize("name", SLABS)
@pytest.mark.parametrize("decay_length", [2.0, 8.0, 100.0, 1e4])
def test_the_quadrature_over_chords_is_the_integral_by_hand(name, decay_length):
    width_x, width_y, length, begin, _ = SLABS[name]
    volumes = [dk.Box.centred(*box) for box in CHAMBERS.values()]
    numeric = straight_ahead(dk.Box.centred(width_x, width_y, length, begin), volumes, decay_length)
    # 64 nodes are exact; the differences of exponentials lose four digits at the longest decay length.
    assert numeric == pytest.approx(by_hand(name, decay_length), rel=1e-10, abs=0)


@pytest.mark.parametrize("name", SLABS)
def test_the_lifetime_weight_of_n_along_the_beam_is_the_quadrature(name, placed_in):
    sample = placed_in(name)
    for decay_length in (5.0, 20.0, 100.0, 1e4):
        mean, error = monte_carlo(sample, decay_length)
        assert error < 0.02 * mean  # or five errors would mean nothing
        assert abs(mean - by_hand(name, decay_length)) < 5 * error  # 28 comparisons: one in 60 000


@pytest.mark.parametrize(("name", "behind"), [("P0D-ECAL2", "TPC1"), ("FGD1", "TPC2"), ("FGD2", "TPC3")])
@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_a_chamber_in_the_wrong_place_by_a_centimetre_does_not_agree_with_the_quadrature(
    name, behind, shift, placed_in
):
    expected = by_hand(name, 10.0, (behind,))
    mean, error = monte_carlo(placed_in(name), 10.0, (behind,))
    assert abs(mean - expected) < 5 * error
    mean, error = monte_carlo(placed_in(name, behind, shift), 10.0, (behind,))
    assert abs(mean - expected) > 8 * error
    assert mean / expected == pytest.approx(np.exp(-shift / 10.0), rel=5 * error / mean)


# --- Accept or reject ---


@pytest.mark.parametrize("code", [LEAD, CARBON, ARGON])
def test_sampled_decays_weighted_as_events_are_agree_with_the_lifetime_weight(simulated, code):
    """The decay is drawn where it happens: a point in space, which lies in a chamber or not."""
    sample = simulated[simulated.target == code]
    rng = np.random.default_rng(5)
    decay_length = kinematics.momentum(sample.p_N) / sample.m_N
    along = sample.p_N[:, 1:] / kinematics.momentum(sample.p_N)[:, None]
    pulls = []
    for ctau in (0.3, 1.0, 3.0, 10.0, 100.0, 1000.0):
        probability = dk.lifetime_weight(sample, ctau, modules=tuple(CHAMBERS))
        flown = rng.exponential(decay_length * ctau)
        decay = sample.vertex + flown[:, None] * along
        accepted = np.any([dk.Box.centred(*box).contains(decay) for box in CHAMBERS.values()], axis=0)
        variance = (sample.weight**2 * probability * (1 - probability)).sum()
        pulls.append((sample.weight * (accepted - probability)).sum() / np.sqrt(variance))
    # Chance of 1e-5 for a χ² of six degrees of freedom.
    assert (np.array(pulls) ** 2).sum() < 33


# --- Limits ---


def test_for_the_shortest_lifetimes_argon_keeps_its_fiducial_share_and_lead_nothing(simulated):
    ctau = 1e-3
    argon = simulated.target == ARGON
    weight = dk.lifetime_weight(simulated, ctau, modules=tuple(CHAMBERS))
    share = 170 * 196 * 56 / (186 * 206 * 78)
    error = np.sqrt(share * (1 - share) / argon.sum())
    assert abs(weight[argon].mean() - share) < 4 * error
    # Between the last lead and the first fiducial volume there are 16 cm, for the fastest N 120 decay lengths.
    lead = simulated.target == LEAD
    fastest = (kinematics.momentum(simulated.p_N) / simulated.m_N)[lead].max()
    assert 0 <= weight[lead].max() < np.exp(-16 / (fastest * ctau))


def test_argon_keeps_its_share_until_n_crosses_the_margin_in_front():
    """What leaves at the back comes in at the front, as long as the margin of 5 cm is deep for the flight."""
    share = 170 * 196 * 56 / (186 * 206 * 78)
    for decay_length in (0.5, 1.0, 2.0):
        loss = 1 - by_hand("TPC1", decay_length, ("TPC1",)) / share
        assert loss == pytest.approx(decay_length / 56 * np.exp(-5 / decay_length), rel=1e-9)
    assert loss < 0.005


@pytest.mark.parametrize("name", SLABS)
def test_for_the_longest_lifetimes_the_acceptance_is_the_mean_chord_over_the_decay_length(name, placed_in):
    width_x, width_y, length, begin, _ = SLABS[name]
    mean_chord = 0.0
    for x, y, depth, near in CHAMBERS.values():
        ahead = begin + length <= near
        # Of the slab's own chamber: all of it from the margin, half of it on average from inside.
        own = (near - begin + depth / 2) / length if begin <= near < begin + length else 0.0
        covered = min(x, width_x) * min(y, width_y) / (width_x * width_y)
        mean_chord += covered * depth * (1.0 if ahead else own)
    decay_length = 1e9
    mean, error = monte_carlo(placed_in(name), decay_length)
    assert abs(mean - mean_chord / decay_length) < 5 * error + 1e-6 * mean
    assert error < 0.01 * mean

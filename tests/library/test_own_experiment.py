"""Experiments of one's own, without a change in the package: another beam, place, material and shape."""

import inspect

import numpy as np
import pytest
import sbnd

import darkpkg as dk
from darkpkg.experiment.volumes import Sphere
from darkpkg.physics.nuclei import Element, Nucleus
from darkpkg.physics.scattering import threshold_energy, total_cross_section


def integral(experiment, theta, channel):
    """∫ flux σ dE times nuclei and protons, with eight Gauss nodes in each bin above threshold."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    total = 0.0
    for flux in experiment[channel.beam].fluxes.values():
        for symbol, nucleus in experiment.detector.targets.items():
            edges = np.maximum(flux.edges, threshold_energy(theta.m_N, nucleus))
            half = np.diff(edges)[:, None] / 2
            E = edges[:-1, None] + half * (1 + nodes)
            sigma = total_cross_section(E, theta, nucleus)
            per_nucleus = (flux.density[:, None] * half * weights * sigma).sum()
            total += experiment.detector.number_of_nuclei(symbol) * channel.pot * per_nucleus
    return total


def upscatterings(experiment, theta, analysis):
    sampling = dk.SamplingRange.at(float(theta.m_N), float(theta.m_Zprime))
    events = dk.generate(sampling, 1 << 15, seed=3, experiment=experiment, sequence="sobol")
    placed = dk.place(events, experiment.detector, seed=4)
    return dk.Kernel(placed).upscatterings(theta, analysis).total()


def test_an_experiment_of_ones_own_takes_at_most_thirty_lines():
    assert len(inspect.getsource(sbnd).splitlines()) <= 30


@pytest.mark.parametrize("name", ["BENCHMARK_A", "BENCHMARK_B"])
def test_upscatterings_in_sbnd_agree_with_the_integral_of_flux_and_cross_section(name):
    theta = getattr(dk, name)
    (channel,) = sbnd.SEARCH.channels
    found = upscatterings(sbnd.SBND, theta, sbnd.SEARCH)
    expected = channel.selection.efficiency * integral(sbnd.SBND, theta, channel)
    # 32768 events of Sobol sequences are good to a per mille.
    assert found.error < 1e-3 * expected
    assert found.mean == pytest.approx(expected, rel=3e-3)
    assert abs(found.mean - expected) < 5 * found.error


def test_sbnd_detects_what_its_argon_makes_as_often_as_drawn_lives_end_in_it():
    theta = dk.BENCHMARK_B
    sampling = dk.SamplingRange.at(float(theta.m_N), float(theta.m_Zprime))
    placed = dk.place(dk.generate(sampling, 20_000, seed=5, experiment=sbnd.SBND), sbnd.SBND.detector, seed=6)
    weight = dk.selected_weight(placed, theta, sbnd.SEARCH)
    flight = np.random.default_rng(7).exponential(size=(len(placed), 1)) * float(theta.proper_decay_length())
    ends = placed.vertex + flight * placed.p_N[:, 1:] / theta.m_N
    inside = sbnd.ACTIVE.contains(ends)
    drawn = np.average(inside, weights=weight)
    error = np.sqrt(((weight * (inside - drawn)) ** 2).sum()) / weight.sum()
    found = dk.Kernel(placed).events(theta, sbnd.SEARCH).total().mean / weight.sum()
    assert abs(found - drawn) < 4 * error


@pytest.fixture(scope="module")
def half_gold():
    """Half of the mass of a sphere is iron, a row of the tables, half gold, which they do not have."""
    gold = Element("Au", Nucleus("Au197", 79, 197, 183.4329), 196.97)
    ball = Sphere((0, 0, 11_000), 100)
    block = dk.Module("block", ball, 12 * ball.volume, {"Fe": 0.5, gold: 0.5}, fiducial=ball)
    analysis = sbnd.SEARCH.with_selection(decay_modules=("block",), vertex_modules=("block",))
    return sbnd.SBND.replace(detector=dk.Detector("sphere", (block,)), analyses={"search": analysis})


def test_iron_and_an_element_of_ones_own_in_a_sphere_scatter_as_the_integral_says(half_gold):
    theta, analysis = dk.BENCHMARK_B, half_gold.analyses["search"]
    found = upscatterings(half_gold, theta, analysis)
    expected = analysis.selection.efficiency * integral(half_gold, theta, analysis.channels[0])
    assert found.mean == pytest.approx(expected, rel=3e-3)


def test_events_on_an_element_of_ones_own_are_transported_also_from_a_file(half_gold, tmp_path):
    theta, analysis = dk.BENCHMARK_B, half_gold.analyses["search"]
    drawn = dk.place(dk.generate(dk.HEAVY, 100_000, seed=8, experiment=half_gold), half_gold.detector, seed=9)
    sample = dk.read_events(dk.write_events(drawn, tmp_path / "gold.parquet"))
    assert [nucleus.name for nucleus in sample.origin.nuclei] == ["Au197"]
    assert sample.origin == drawn.origin
    found = dk.Transport(sample).upscatterings(theta, analysis).total()
    expected = analysis.selection.efficiency * integral(half_gold, theta, analysis.channels[0])
    assert found.error < 0.05 * expected
    assert abs(found.mean - expected) < 4 * found.error

"""What a user holds can be copied and pickled, stays frozen, and gives the same numbers."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from toy_sample import counting, toy_sample

import darkpkg as dk

COPIES = {"pickle": lambda thing: pickle.loads(pickle.dumps(thing)), "copy": copy.copy, "deepcopy": copy.deepcopy}  # noqa: S301
B = dk.BENCHMARK_B


def with_twice_the_epsilon(m_N, epsilon):
    """A tie between parameters that a pickle finds by its name."""
    return B.replace(m_N=m_N, epsilon=2 * epsilon)


@pytest.fixture(params=COPIES)
def copied(request):
    return COPIES[request.param]


@pytest.mark.parametrize("detector", [dk.ND280, dk.ND280_TRACKER, dk.ND280_UPGRADE], ids=lambda d: d.name)
def test_a_detector_is_the_same_and_places_the_same_vertices(copied, detector):
    again = copied(detector)
    assert again == detector
    events = dk.generate(dk.SamplingRange.at(0.1, 1.25), 100, seed=1, experiment=dk.T2K.replace(detector=detector))
    one, other = (dk.place(events, d, seed=2) for d in (detector, again))
    assert one.vertex.tobytes() == other.vertex.tobytes()
    assert one.exit.tobytes() == other.exit.tobytes()
    with pytest.raises(TypeError, match="does not support item assignment"):
        again.modules[0].composition["C"] = 1.0


@pytest.mark.parametrize("base", [B, with_twice_the_epsilon], ids=["point", "function"])
def test_a_slice_has_the_same_points(copied, base):
    plane = dk.Slice(base, m_N=[0.05, 0.1], epsilon=[1e-3, 1e-2, 2e-2])
    again = copied(plane)
    assert again.parameters == plane.parameters
    assert again.halved().parameters == plane.halved().parameters
    with pytest.raises(TypeError, match="does not support item assignment"):
        again.axes["m_N"] = np.ones(2)
    with pytest.raises(ValueError, match="read-only"):
        again.axes["m_N"][0] = 1.0


def test_a_slice_along_a_function_without_a_name_can_be_copied():
    plane = dk.Slice(lambda m_N: B.replace(m_N=m_N), m_N=[0.05, 0.1])
    assert copy.deepcopy(plane).parameters == copy.copy(plane).parameters == plane.parameters


@pytest.mark.parametrize("point", [B, dk.Slice(B, epsilon=np.geomspace(1e-4, 1e-1, 7))], ids=["point", "slice"])
def test_a_scan_has_the_same_likelihood_and_limits(copied, point):
    scan = dk.scan(dk.Kernel(toy_sample()), point, counting())
    again = copied(scan)
    assert again.log_likelihood.tobytes() == scan.log_likelihood.tobytes()
    assert again.expectation.mean.tobytes() == scan.expectation.mean.tobytes()
    np.testing.assert_array_equal(again.excluded(), scan.excluded())
    np.testing.assert_array_equal(again.log_excess(), scan.log_excess())
    assert again.provenance == scan.provenance


def test_analyses_and_points_give_the_same_numbers(copied):
    sample = toy_sample()
    for analysis in (counting(), dk.ANALYSIS_I, dk.ANALYSIS_II):
        if analysis.name == "toy":
            one = dk.Kernel(sample).events(B, analysis)
            other = dk.Kernel(copied(sample)).events(copied(B), copied(analysis))
            assert one.mean.tobytes() == other.mean.tobytes()
        again = copied(analysis)
        assert [c.name for c in again.channels] == [c.name for c in analysis.channels]
        assert dataclasses.astuple(again.channels[0].selection.cuts or dk.Cuts()) == dataclasses.astuple(
            analysis.channels[0].selection.cuts or dk.Cuts()
        )

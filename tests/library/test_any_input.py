"""What public functions make of any input: the right result, or an error that names the argument.

Some forty values each, a thousand with --hypothesis-profile=thorough: arrays with nan, inf and the smallest numbers,
empty, without axes, of integers, complex numbers, texts and objects, masked, strided, read-only, in single precision
and as lists.
"""

import numpy as np
import pytest
from any_array import anything, check_builders, check_functions, finite, inputs, no_nan, outcome, within
from hypothesis import HealthCheck, given, settings
from toy_sample import Predicted

import darkpkg as dk
from darkpkg.inference import threshold
from darkpkg.inputs import real_numbers, whole_number
from darkpkg.method.kernels import EPANECHNIKOV, GAUSSIAN, UNIFORM
from darkpkg.physics import nuclei
from darkpkg.physics.nuclei import form_factor
from darkpkg.physics.scattering import (
    differential_cross_section,
    q2_range,
    smallest_energy,
    threshold_energy,
    total_cross_section,
)

B, LEAD = dk.BENCHMARK_B, dk.NUCLEI["Pb208"]

FUNCTIONS = {
    "exclusion_threshold": (["cl"], lambda x: threshold.exclusion_threshold(x), finite),
    "ln L of k": (["observed"], lambda x: dk.effective_log_likelihood(x, 2.0, 0.1), no_nan),
    "ln L of mean": (["mean"], lambda x: dk.effective_log_likelihood(3, x, 0.1), no_nan),
    "ln L of variance": (["variance", "mean"], lambda x: dk.effective_log_likelihood(3, 2.0, x), no_nan),
    "ln L": (["observed", "mean", "variance"], lambda x: dk.effective_log_likelihood(x, x, x), no_nan),
    "form_factor": (["Q2"], lambda x: form_factor(x, LEAD), within(-1, 1 + 1e-9)),
    "form_factor helm": (["Q2"], lambda x: form_factor(x, LEAD, "helm"), within(-1, 1 + 1e-9)),
    "form_factor fermi": (["Q2"], lambda x: form_factor(x, LEAD, "fermi"), within(-1, 1 + 1e-9)),
    "sachs": (["Q2"], lambda x: nuclei.sachs(x)[1], finite),
    "current_amplitudes": (["Q2"], lambda x: nuclei.current_amplitudes(x, nuclei.PROTON)[0], finite),
    "smallest_energy": (["m_N"], lambda x: smallest_energy(x, LEAD), finite),
    "threshold_energy": (["m_N"], lambda x: threshold_energy(x, LEAD), finite),
    "q2_range E": (["E_nu"], lambda x: q2_range(x, 0.1, LEAD)[1], anything),
    "q2_range m": (["m_N"], lambda x: q2_range(1.0, x, LEAD)[0], anything),
    "spectrum E": (["E_nu"], lambda x: differential_cross_section(x, 0.01, B, LEAD), finite),
    "spectrum Q2": (["Q2"], lambda x: differential_cross_section(1.0, x, B, LEAD), finite),
    "total_cross_section": (["E_nu"], lambda x: total_cross_section(x, B, LEAD), finite),
    "profile": (["r_sq"], EPANECHNIKOV.profile, within(0, 1)),
    "profile gaussian": (["r_sq"], GAUSSIAN.profile, within(0, 1)),
    "profile uniform": (["r_sq"], UNIFORM.profile, within(0, 1)),
    "radius_sq": (["share"], lambda x: EPANECHNIKOV.radius_sq(x, 2), finite),
    "radius_sq gaussian": (["share"], lambda x: GAUSSIAN.radius_sq(x, 3), finite),
    "Flux": (["energy"], dk.T2K["FHC"].flux, finite),
}  # fmt: skip
"""A call with one argument replaced, which arguments an error may name, and what a result must be."""


@settings(suppress_health_check=list(HealthCheck))
@given(value=inputs())
def test_any_input_has_a_right_result_or_an_error_that_names_the_argument(value):
    check_functions(FUNCTIONS, value)


def builders(value):
    """What is built from the value, by the name of the argument."""
    return {
        "Slice": lambda: dk.Slice(B, m_N=value),
        "Slice base": lambda: dk.Slice(value, m_N=[0.1, 0.2]),
        "refine": lambda: dk.scan(Predicted(_one), _LINE, _Counts(), refine=value),
        "cl": lambda: dk.scan(Predicted(_one), _LINE, _Counts(), cl=value),
        "n_parameters": lambda: threshold.exclusion_rule(0.9, value),
        "predictions": lambda: dk.scan(Predicted(lambda _: dk.Expectation(value, value)), _LINE, _Counts()),
        "log_likelihood": lambda: dk.log_likelihood(dk.Expectation(value, 0.0), _Counts()),
        "max_mass": lambda: dk.Cuts(max_mass=value),
        "efficiency": lambda: dk.Selection(("TPC1",), efficiency=value),
        "mass_edges": lambda: dk.Selection(("TPC1",), mass_edges=value),
        "low": lambda: dk.Box(value, (1e9, 1e9, 1e9)),
        "mass": lambda: dk.Module("m", dk.Box((0, 0, 0), (1, 1, 1)), value, {"C": 1.0}),
        "C": lambda: dk.Module("m", dk.Box((0, 0, 0), (1, 1, 1)), 1.0, {"C": value}),
        "bandwidth": lambda: dk.Smoothing(value),
        "slope": lambda: dk.Smoothing(slope=value),
        "order": lambda: dk.Smoothing(order=value),
        "difference": lambda: EPANECHNIKOV(value, 0.3),
        "edges": lambda: dk.Flux(value, [1.0, 1.0]),
        "density": lambda: dk.Flux([0.0, 1.0, 2.0], value),
        "theta": lambda: dk.reweight(value, *_SAMPLE),
        "weights": lambda: dk.reweight(0.5, _SAMPLE[0], value, *_SAMPLE[2:]),
    }  # fmt: skip


class _Counts:
    observed, background, systematic = np.zeros(1), np.ones(1), np.zeros(1)


_LINE = dk.Slice(lambda a: a, a=[1.0, 2.0, 4.0])
_SAMPLE = (
    np.linspace(0.1, 0.9, 50),
    np.ones(50),
    None,
    dk.Smoothing(0.3, log=False),
    lambda t: ((0 < t) & (t < 1)) * 1.0,
)


def _one(a):
    return dk.Expectation(np.asarray(a)[:, None], np.zeros((len(a), 1)))


ALSO_NAMED = {
    "Slice": "m_N", "Slice base": "base", "predictions": "prediction|mean|variance",
    "log_likelihood": "mean|variance|prediction",
    "C": "mass fractions", "mass": "density",
    "edges": "edges", "refine": "GB of memory", "low": "box",
}  # fmt: skip


@settings(suppress_health_check=list(HealthCheck))
@given(value=inputs())
@pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
def test_whatever_is_built_from_any_input_is_whole_or_refused_by_name(value):
    thousands = isinstance(value, int) and value > 3  # of points
    calls = {name: call for name, call in builders(value).items() if name != "refine" or not thousands}
    check_builders(calls, ALSO_NAMED)


@settings(suppress_health_check=list(HealthCheck))
@given(value=inputs())
def test_real_numbers_are_the_same_numbers_or_refused(value):
    result, message = outcome(lambda: real_numbers("x", value))
    assert "x must" in message or result.dtype == float
    if not message:
        np.testing.assert_array_equal(result, np.asarray(value, dtype=float))


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_are_counts(value):
    assert whole_number("n", value) == 3

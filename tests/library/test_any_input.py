"""What public functions make of any input: the right result, or an error that names the argument.

A thousand arrays each: with nan, inf and the smallest numbers, empty, without axes, of integers, complex numbers,
texts and objects, masked, strided, read-only, in single precision and as lists.
"""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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
from paper import lifetime_bound
from paper.acceptances import Share
from paper.constraints.curves import constraints
from paper.lifetime_bound import fit_lifetime_bound
from paper.standard_neutrino.weak import StandardHeavyNeutrino, laboratory_helicity

B, LEAD = dk.BENCHMARK_B, dk.NUCLEI["Pb208"]
LIMIT = constraints(("m_Zprime", "epsilon"), "heavy")[0]

ODD = [0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, 2.2e-308, 1e-200, 1e-9, 1e9, 1e200, 1.7e308, np.nan, np.inf, -np.inf]
numbers = st.one_of(st.sampled_from(ODD), st.floats(), st.floats(1e-6, 10))


def _strided(values):
    return np.repeat(np.asarray(values, dtype=float), 3)[1::3]


def _reversed(values):
    return np.asarray(values, dtype=float)[::-1]


def _read_only(values):
    array = np.array(values, dtype=float)
    array.flags.writeable = False
    return array


def _column(values):
    return np.asarray(values, dtype=float)[:, None]


def _masked(values):
    return np.ma.array(values, mask=[i % 2 for i in range(len(values))])


@np.errstate(over="ignore", invalid="ignore")
def _single(values):
    return np.asarray(values, dtype=np.float32)


def _long(values):
    return np.asarray(values, dtype=np.longdouble)


def _whole(values):
    return [int(v) if np.isfinite(v) else 7 for v in values]


def _whole_array(values):
    return np.array([int(np.clip(v, -1e9, 1e9)) if np.isfinite(v) else 7 for v in values], dtype=int)


RIGHT_KINDS = [list, tuple, np.array, _strided, _reversed, _read_only, _column, _single, _long, _whole, _whole_array]
WRONG_KINDS = [
    lambda values: [complex(v, 1) for v in values],
    lambda values: np.asarray(values, dtype=complex),
    lambda values: [str(v) for v in values],
    lambda values: np.asarray(values, dtype=object).astype(str).astype(object),
    lambda values: [None for _ in values],
    lambda values: [bool(v) for v in values],
    lambda values: np.array([0 for _ in values], dtype="datetime64[s]"),
    lambda values: [[1.0], *([1.0, 2.0] for _ in values)],
    lambda values: {"a": 1},
    lambda values: "0.1",
    lambda values: b"0.1",
    lambda values: object(),
    lambda values: None,
    _masked,
]


@st.composite
def inputs(draw):
    """Any array, list or number, and what is none."""
    values = draw(st.lists(numbers, min_size=0, max_size=4))
    kind = draw(st.sampled_from([*RIGHT_KINDS, *RIGHT_KINDS, *WRONG_KINDS, "number"]))
    if kind == "number":
        return draw(numbers)
    return kind(values)


def shape_of(values):
    return np.shape(np.asarray(values))


def within(low, high):
    def rule(value):
        assert np.all((np.asarray(value) >= low) & (np.asarray(value) <= high))

    return rule


def finite(value):
    assert np.all(np.isfinite(value))


def no_nan(value):
    assert not np.any(np.isnan(value))


def anything(value):
    """Nan is a right answer, as below a threshold."""


FUNCTIONS = {
    "exclusion_threshold": (["cl"], lambda x: threshold.exclusion_threshold(x), finite),
    "Constraint.excludes": (["x", "y"], lambda x: LIMIT.excludes(0.01, x), finite),
    "Constraint.excludes x": (["x"], lambda x: LIMIT.excludes(x, 1e-3), finite),
    "LifetimeBound": (["event_rate"], lifetime_bound.LifetimeBound(1.1, 0.9, 0, 0, 0, 0), no_nan),
    "rule of the paper": (["event_rate"], lambda x: lifetime_bound.approximate_minimum_lifetime(x, 0.1), no_nan),
    "rule of the paper, m_N": (["m_N"], lambda x: lifetime_bound.approximate_minimum_lifetime(50.0, x), no_nan),
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
    "laboratory_helicity": (["E_N"], lambda x: laboratory_helicity(x, 0.15, "e"), within(-1, 1)),
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
    for name, (arguments, function, rule) in FUNCTIONS.items():
        result, message = outcome(lambda function=function: function(value))
        if message:
            assert any(argument in message for argument in arguments), f"{name}: {message}"
            continue
        rule(result)
        assert name == "exclusion_threshold" or np.shape(result) == shape_of(value), name


def outcome(call):
    """The result and no message, or no result and the message of an error that is allowed."""
    try:
        return call(), ""
    except (TypeError, ValueError) as error:
        return None, f"{type(error).__name__}: {error}"


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
        "fit": lambda: fit_lifetime_bound(value, [1.0, 2.0, 3.0]),
        "fit ctau": lambda: fit_lifetime_bound([10.0, 20.0, 30.0], value),
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
        "values": lambda: Share.of(value, np.ones(3)),
        "m_N": lambda: StandardHeavyNeutrino(value, U_mu_sq=1e-7),
        "U_mu_sq": lambda: StandardHeavyNeutrino(0.1, U_mu_sq=value),
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
    "fit": "rate", "fit ctau": "ctau|three points|did not converge", "C": "mass fractions", "mass": "density",
    "edges": "edges", "refine": "GB of memory", "low": "box", "U_mu_sq": "mixings",
}  # fmt: skip


@settings(suppress_health_check=list(HealthCheck))
@given(value=inputs())
@pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
def test_whatever_is_built_from_any_input_is_whole_or_refused_by_name(value):
    for target, call in builders(value).items():
        if target == "refine" and isinstance(value, int) and value > 3:
            continue  # thousands of points
        _, message = outcome(call)
        assert not message or re.search(f"{target}|{ALSO_NAMED.get(target, target)}", message), f"{target}: {message}"


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

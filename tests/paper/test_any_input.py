"""What functions of the paper make of any array, list or number: the right result, or an error that names it."""

import numpy as np
from any_array import check_builders, check_functions, finite, inputs, no_nan, within
from hypothesis import HealthCheck, given, settings

from paper import lifetime_bound
from paper.acceptances import Share
from paper.constraints.curves import constraints
from paper.lifetime_bound import fit_lifetime_bound
from paper.standard_neutrino.weak import StandardHeavyNeutrino, laboratory_helicity

LIMIT = constraints(("m_Zprime", "epsilon"), "heavy")[0]

FUNCTIONS = {
    "Constraint.excludes": (["x", "y"], lambda x: LIMIT.excludes(0.01, x), finite),
    "Constraint.excludes x": (["x"], lambda x: LIMIT.excludes(x, 1e-3), finite),
    "LifetimeBound": (["event_rate"], lifetime_bound.LifetimeBound(1.1, 0.9, 0, 0, 0, 0), no_nan),
    "rule of the paper": (["event_rate"], lambda x: lifetime_bound.approximate_minimum_lifetime(x, 0.1), no_nan),
    "rule of the paper, m_N": (["m_N"], lambda x: lifetime_bound.approximate_minimum_lifetime(50.0, x), no_nan),
    "laboratory_helicity": (["E_N"], lambda x: laboratory_helicity(x, 0.15, "e"), within(-1, 1)),
}  # fmt: skip
"""A call with one argument replaced, which arguments an error may name, and what a result must be."""


@settings(suppress_health_check=list(HealthCheck))
@given(value=inputs())
def test_any_input_has_a_right_result_or_an_error_that_names_the_argument(value):
    check_functions(FUNCTIONS, value)


@settings(suppress_health_check=list(HealthCheck))
@given(value=inputs())
def test_whatever_is_built_from_any_input_is_whole_or_refused_by_name(value):
    calls = {
        "fit": lambda: fit_lifetime_bound(value, [1.0, 2.0, 3.0]),
        "fit ctau": lambda: fit_lifetime_bound([10.0, 20.0, 30.0], value),
        "values": lambda: Share.of(value, np.ones(3)),
        "m_N": lambda: StandardHeavyNeutrino(value, U_mu_sq=1e-7),
        "U_mu_sq": lambda: StandardHeavyNeutrino(0.1, U_mu_sq=value),
    }  # fmt: skip
    check_builders(calls, {"fit": "rate", "fit ctau": "ctau|three points|did not converge", "U_mu_sq": "mixings"})

"""What functions of the paper make of any value of any of their arguments: as those of the library."""

import numpy as np
import pytest
from any_argument import check_any_argument, few, fields

import darkpkg as dk
from paper import lifetime_bound
from paper.acceptances import Share, decay_acceptance, selection_efficiency
from paper.constraints import curves
from paper.standard_neutrino import weak
from paper.standard_neutrino.decays_in_flight import decays_in_flight
from paper.standard_neutrino.flux import load_heavy_neutrino_flux
from paper.standard_neutrino.weak import StandardHeavyNeutrino

PLANE = "m_N", "V_muN_sq"


def decays():
    return {"events": few(), "analysis": dk.ANALYSIS_I, "ctau": 1.0, "ctau_Zprime": 0.1}


CALLS = {
    "StandardHeavyNeutrino": (StandardHeavyNeutrino, lambda: fields(StandardHeavyNeutrino(0.15, 1e-8, 1e-7, 1e-9))),
    "weak.kaon_helicity": (weak.kaon_helicity, lambda: {"m_N": 0.15, "lepton": "e"}),
    "weak.laboratory_helicity": (
        weak.laboratory_helicity, lambda: {"E_N": 2.0, "m_N": 0.15, "lepton": "e", "kaon_angle": 0.01},
    ),
    "flux.load_heavy_neutrino_flux": (load_heavy_neutrino_flux, lambda: {"m_N": 0.15, "lepton": "mu"}),
    "Share": (Share.of, lambda: {"values": np.linspace(0.1, 0.9, 3), "weights": np.ones(3)}),
    "selection_efficiency": (selection_efficiency, decays),
    "decay_acceptance": (decay_acceptance, decays),
    "decays_in_flight": (decays_in_flight, lambda: {
        "neutrino": StandardHeavyNeutrino(0.15, U_mu_sq=1e-7), "n_events": 10, "seed": 1, "helicity": 0.5,
    }),
    "fit_lifetime_bound": (lifetime_bound.fit_lifetime_bound, lambda: {
        "event_rate": [10.0, 20.0, 30.0], "ctau": [11.0, 2.75, 1.9], "relative_error": [0.1, 0.1, 0.1],
    }),
    "rule of the paper": (lifetime_bound.approximate_minimum_lifetime, lambda: {"event_rate": 50.0, "m_N": 0.1}),
    "constraints.constraints": (curves.constraints, lambda: {"plane": ("m_N", "V_muN_sq"), "mediator": "heavy"}),
    "constraints.region_of_interest": (curves.region_of_interest, lambda: {"plane": PLANE, "mediator": "heavy"}),
    "constraints.Constraint": (curves.Constraint, lambda: fields(curves.constraints(PLANE, "heavy")[0])),
}  # fmt: skip
"""Functions and the arguments of a right call."""

ALSO_NAMED = {
    "StandardHeavyNeutrino": dict.fromkeys(("U_e_sq", "U_mu_sq", "U_tau_sq"), "mixings"),
    "selection_efficiency": {"ctau": "weights", "ctau_Zprime": "weights"},
    "decays_in_flight": {"n_events": "simulation"},
}
"""What an error may name instead of the argument: the other of two that do not fit together."""


@pytest.mark.parametrize("name", CALLS)
def test_any_value_of_any_argument_is_taken_rightly_or_refused_by_name(name):
    function, arguments = CALLS[name]
    kinds = ["values"] if name == "Share" else []  # truth values or numbers
    check_any_argument((function, arguments()), also_named=ALSO_NAMED.get(name, {}), several_kinds=kinds)

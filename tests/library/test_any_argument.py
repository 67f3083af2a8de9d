"""What each public function and class makes of any value of any of its arguments: the right result, or an error.

A thousand examples each. Right is what the same numbers give as plain doubles; an error is a `ValueError` or
`TypeError` that names the argument.
"""

import dataclasses
import functools
import importlib
import inspect
import itertools
import pkgutil
import re
import types
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from any_input import anything
from hypothesis import given

import darkpkg as dk
from darkpkg import datasets
from darkpkg.experiment.response import FGD_RESPONSE
from paper import lifetime_bound
from paper.acceptances import Share, decay_acceptance, selection_efficiency
from paper.constraints import curves
from paper.standard_neutrino import weak
from paper.standard_neutrino.decays_in_flight import decays_in_flight
from paper.standard_neutrino.flux import load_heavy_neutrino_flux
from paper.standard_neutrino.weak import StandardHeavyNeutrino

B, A = dk.BENCHMARK_B, dk.ANALYSIS_I


@functools.cache
def bare():
    return dk.generate(dk.HEAVY, 480, seed=1)


@functools.cache
def placed():
    """Events that are followed at every place where one argument can be wrong."""
    return dk.place(bare(), dk.ND280, seed=2)


@functools.cache
def few():
    """Ten events at the masses of B."""
    return dk.transport(placed(), B)[np.arange(10)]


def at_point(events=placed):
    return {"events": events(), "parameters": B, "analysis": A}


def smoothed(events=placed):
    return at_point(events) | {"smoothing": dk.Smoothing()}


def fields(value, *names):
    """Its fields as arguments to build it again, some or all."""
    names = names or [field.name for field in dataclasses.fields(value) if field.init]
    return {name: getattr(value, name) for name in names}


def kernel(events=placed):
    return {"estimator": dk.Kernel(events()), "parameters": B, "analysis": A}


def with_likelihood(arguments):
    return arguments | {"likelihood": dk.log_likelihood, "cl": 0.9}


def along(base, m_N):
    return dk.Slice(base, m_N=m_N)


def line():
    return dk.scan(dk.Kernel(few()), dk.Slice(B, epsilon=[0.01, 0.02]), A)


def all_methods(**numbers):
    """All that follows from a point."""
    point = dk.DarkParameters(**numbers)
    return (
        point.coupling, point.decay_width(), point.pair_branching_ratio(), point.width_bounds(),
        point.mediator_width(), point.proper_decay_length(),
        point.mediator_decay_length(), point.shortest_decay_length(),
    )  # fmt: skip


def simulation():
    return {
        "sampling": dk.HEAVY, "n_events": 24, "seed": 1, "couplings": B, "experiment": dk.T2K, "hydrogen": False,
        "form_factor": "helm", "sequence": "random",
    }  # fmt: skip


def decays():
    return {"events": few(), "analysis": A, "ctau": 1.0, "ctau_Zprime": 0.1}


NOWHERE = Path("nowhere")
PLANE = "m_N", "V_muN_sq"
THETA = np.linspace(0.1, 0.9, 50)
CHAMBERS = ("TPC1", "TPC2")
NUCLEUS = dk.NUCLEI["Pb208"]
FLUX = dk.Flux([0.0, 1.0], [1e-9])

CALLS = {
    # physics
    "DarkParameters": (all_methods, lambda: fields(B)),
    "StandardHeavyNeutrino": (StandardHeavyNeutrino, lambda: fields(StandardHeavyNeutrino(0.15, 1e-8, 1e-7, 1e-9))),
    "form_factor": lambda: {"Q2": 0.01, "nucleus": NUCLEUS, "model": "helm"},
    "decay.mass_density": lambda: {"s": 0.001, "m_N": 0.1, "m_Zprime": 1.25},
    "kinematics.dot": lambda: {"p": np.ones((3, 4)), "k": np.ones((3, 4))},
    "kinematics.momentum": lambda: {"p": np.ones((3, 4))},
    "kinematics.invariant_mass": lambda: {"p": np.ones((3, 4))},
    "widths.pair_ratio": lambda: {"s": 0.5, "channel": "hadrons"},
    "widths.total_ratio": lambda: {"s": 0.5},
    "weak.kaon_helicity": (weak.kaon_helicity, lambda: {"m_N": 0.15, "lepton": "e"}),
    "weak.laboratory_helicity": (
        weak.laboratory_helicity, lambda: {"E_N": 2.0, "m_N": 0.15, "lepton": "e", "kaon_angle": 0.01},
    ),
    "scattering.threshold_energy": lambda: {"m_N": 0.1, "nucleus": NUCLEUS},
    "scattering.q2_range": lambda: {"E_nu": 1.0, "m_N": 0.1, "nucleus": NUCLEUS},
    "scattering.differential_cross_section": lambda: {
        "E_nu": 1.0, "Q2": 0.01, "parameters": B, "nucleus": NUCLEUS,
    },
    "scattering.total_cross_section": lambda: {"E_nu": 1.0, "parameters": B, "nucleus": NUCLEUS},
    # experiment
    "Analysis": lambda: fields(A) | {"shared": ((0.1, 0.1),)},
    "Channel": lambda: fields(A.channels[0]),
    "project": lambda: {
        "analysis": A, "pot": 1e21, "detector": dk.ND280, "decay_modules": CHAMBERS,
        "vertex_modules": CHAMBERS, "target_ratio": 1.0,
    },
    "Box": lambda: {"low": (0.0, 0.0, 0.0), "high": (1.0, 1.0, 1.0)},
    "Sphere": lambda: {"centre": (0.0, 0.0, 0.0), "radius": 1.0},
    "Cylinder": lambda: {"centre": (0.0, 0.0, 0.0), "radius": 1.0, "length": 2.0, "axis": "x"},
    "Module": lambda: fields(dk.ND280["TPC1"]),
    "Detector": lambda: fields(dk.ND280),
    "place": lambda: {
        "events": bare(), "detector": dk.ND280, "seed": 1, "emphasis": {"TPC1": 2.0}, "vertices": 1,
        "towards": CHAMBERS,
    },
    "Flux": lambda: {"edges": [0.0, 1.0, 2.0], "density": [1.0, 1.0]},
    "Flux.from_file": lambda: {"path": datasets.path("flux/nd280_fhc"), "pot": 1e21, "per": 0.05, "column": "numu",
                               "energy": 1.0, "area": 1.0, "points": False},
    "Beam": lambda: {"name": "mine", "fluxes": {14: FLUX}},
    "Experiment": lambda: fields(dk.T2K),
    "flux.load_heavy_neutrino_flux": (load_heavy_neutrino_flux, lambda: {"m_N": 0.15, "lepton": "mu"}),
    "ResponseMatrix": lambda: {
        "low": [0.0, 20.0], "high": [10.0, 30.0], "edges": [0.0, 15.0, 30.0],
        "probability": [[0.25, 0.75], [0.5, 0.5]], "simulated": [10.0, 10.0],
    },
    "FGD_RESPONSE.momentum": lambda: {"true": [0.5, 0.6, 0.7], "uniform": [0.1, 0.5, 0.9]},
    "FGD_RESPONSE.momentum.row": lambda: {"true": [0.5, 0.6, 0.7]},
    "FGD_RESPONSE.smear": lambda: {"events": placed()},
    "Cuts": lambda: fields(dk.Cuts()),
    "Selection": lambda: fields(dk.Selection(CHAMBERS, 0.1, dk.Cuts(), CHAMBERS, (0.0, 1.0), FGD_RESPONSE)),
    "observables": lambda: {"events": placed()},
    # method
    "Events": lambda: fields(bare()),
    "PlacedEvents": lambda: fields(few()),
    "Events.thinned": (lambda every, start: bare().thinned(every, start), lambda: {"every": 2, "start": 1}),
    "PlacedEvents.columns_of": (lambda modules: few().columns_of(modules), lambda: {"modules": CHAMBERS}),
    "concatenate": lambda: {"samples": [bare()]},
    "read_events": lambda: {"path": Path("none.parquet")},
    "write_events": (lambda events: dk.write_events(events, NOWHERE / "x.parquet"), lambda: {"events": few()}),
    "load_analysis": lambda: {"path": Path("none.toml")},
    "load_detector": lambda: {"path": Path("none.csv")},
    "generate": simulation,
    "simulate": lambda: {
        "masses" if name == "sampling" else name: value for name, value in simulation().items()
    } | {"emphasis": {"TPC1": 2.0}, "vertices": 1},
    "Origin": lambda: fields(few().origin),
    "Site": lambda: fields(few().detector),
    "SamplingRange": lambda: fields(dk.HEAVY),
    "SamplingRange.at": lambda: {"m_N": 0.1, "m_Zprime": 1.25},
    "HEAVY.contains": lambda: {"m_N": [0.1, 0.2, 0.3], "m_Zprime": [1.0, 2.0, 0.1]},
    "HEAVY.q": lambda: {"m_N": [0.1, 0.2, 0.3], "m_Zprime": [1.0, 2.0, 0.1]},
    "Expectation": lambda: fields(dk.Expectation([1.0, 2.0, 3.0], np.ones(3), np.ones(3), np.ones(3))),
    "Share": (Share.of, lambda: {"values": THETA[:3], "weights": np.ones(3)}),
    "Smoothing": lambda: fields(dk.Smoothing()),
    "reweight": lambda: {
        "theta": 0.5, "sample_theta": THETA, "weights": np.ones(50), "observables": THETA,
        "kernel": dk.Smoothing(0.3, log=False), "density": inside_unit,
    },
    "EPANECHNIKOV": lambda: {"difference": [0.1, 0.2, 0.3], "bandwidth": [0.3, 0.3, 0.3]},
    "GAUSSIAN": lambda: {"difference": [0.1, 0.2, 0.3], "bandwidth": 0.3},
    "UNIFORM": lambda: {"difference": [0.1, 0.2, 0.3], "bandwidth": 0.3},
    "effective_log_likelihood": lambda: {"observed": 3.0, "mean": 2.0, "variance": 0.1},
    "log_likelihood": lambda: {"prediction": dk.Expectation([1.0, 2.0], [0.1, 0.1]), "counts": A},
    "kde_weight": lambda: {"events": placed(), "parameters": B, "smoothing": dk.Smoothing()},
    "coupling_weight": lambda: {"events": placed(), "parameters": B, "flavour": 14},
    "selection_weight": lambda: {"events": placed(), "selection": A.selection},
    "lifetime_weight": lambda: {
        "events": few(), "ctau": 1.0, "m_N": 0.1, "ctau_Zprime": 0.5, "m_Zprime": 0.03, "modules": CHAMBERS,
    },
    "exposure_weight": lambda: {"events": placed(), "channel": A.channels[0]},
    "produced_weight": smoothed,
    "selected_weight": smoothed,
    "detected_weight": smoothed,
    "Kernel": lambda: {"sample": placed(), "smoothing": dk.Smoothing()},
    "Kernel.events": (dk.Kernel(placed()).events, lambda: {"parameters": B, "analysis": A}),
    "Kernel.upscatterings": (dk.Kernel(placed()).upscatterings, lambda: {"parameters": B, "analysis": A}),
    "Kernel.events_at_lifetime": (
        dk.Kernel(few()).events_at_lifetime, lambda: {"parameters": B, "ctau": 1.0, "analysis": A},
    ),
    "choose_bandwidth": lambda: kernel() | {"per_point": False},
    "selection_efficiency": (selection_efficiency, decays),
    "decay_acceptance": (decay_acceptance, decays),
    "transport": lambda: {"events": placed(), "parameters": B, "neighbourhood": dk.Smoothing(0.5, order=0)},
    "Transport": lambda: {"sample": placed(), "neighbourhood": dk.Smoothing(0.5, order=0)},
    "Transport.events": (dk.Transport(placed()).events, lambda: {"parameters": B, "analysis": A}),
    "Transport.events_at_lifetime": (
        dk.Transport(few()).events_at_lifetime, lambda: {"parameters": B, "ctau": 1.0, "analysis": A},
    ),
    "decays_in_flight": (decays_in_flight, lambda: {
        "neutrino": StandardHeavyNeutrino(0.15, U_mu_sq=1e-7), "n_events": 10, "seed": 1, "helicity": 0.5,
    }),
    # results
    "check": lambda: with_likelihood(kernel(few)),
    "scan": lambda: with_likelihood(kernel(few)) | {"refine": 0, "n_parameters": 2},
    "excluded_intervals": lambda: with_likelihood({
        "estimator": dk.Kernel(few()), "along": dk.Slice(B, V_muN_sq=[1e-12, 1e-6, 1.0]), "analysis": A,
        "n_parameters": 2,
    }),
    "PointLikelihood": lambda: {
        "estimator": dk.Kernel(few()), "analysis": A, "base": B, "bounds": {"epsilon": (1e-5, 0.1)},
        "likelihood": dk.log_likelihood,
    },
    "PointLikelihood.of_vector": (
        dk.PointLikelihood(dk.Kernel(few()), A, B, dict.fromkeys(("epsilon", "V_muN_sq", "V_N_sq"), (1e-5, 0.1)))
        .of_vector, lambda: {"x": [0.01, 0.02, 0.03]},
    ),
    "Slice": (along, lambda: {"base": B, "m_N": [0.1, 0.2, 0.3]}),
    "read_scan": lambda: {"path": Path("none.parquet")},
    "write_scan": (lambda scan: dk.write_scan(scan, NOWHERE / "x.csv"), lambda: {"scan": line()}),
    "excluded_lifetimes": lambda: with_likelihood(kernel(few)) | {"event_rate": 50.0, "n_parameters": 2},
    "fit_lifetime_bound": (lifetime_bound.fit_lifetime_bound, lambda: {
        "event_rate": [10.0, 20.0, 30.0], "ctau": [11.0, 2.75, 1.9], "relative_error": [0.1, 0.1, 0.1],
    }),
    "exclusion_threshold": lambda: {"cl": 0.9, "n_parameters": 2},
    "rule of the paper": (lifetime_bound.approximate_minimum_lifetime, lambda: {"event_rate": 50.0, "m_N": 0.1}),
    "constraints.constraints": (curves.constraints, lambda: {"plane": ("m_N", "V_muN_sq"), "mediator": "heavy"}),
    "constraints.region_of_interest": (curves.region_of_interest, lambda: {"plane": PLANE, "mediator": "heavy"}),
    "constraints.Constraint": (curves.Constraint, lambda: fields(curves.constraints(PLANE, "heavy")[0])),
}  # fmt: skip
"""The arguments of a right call by the name of the function under `darkpkg`, perhaps with another way to call it."""

NO_CALL = {
    "Chunked": "takes a folder of files: refused kinds are named in test_chunks",
    "DataIntegrityError": "an exception",
    "FewEventsWarning": "an exception",
    "DecaysInFlight": "a result, which decays_in_flight makes and nothing takes but observables, which checks it",
    "Nucleus": "made of data files, each number of which has a checksum",
    "Observables": "a result of observables",
    "OutsideSampleError": "an exception",
    "SampleFolder": "a folder of files, tested in test_chunks",
    "Scan": "a result of scan or of a file, which is checked when it is read",
    "Verdict": "a result of check",
    "simulate_chunks": "as simulate, whose arguments it takes; the number of chunks has no upper end",
}
"""Public classes that users do not build, and why."""

ALSO_NAMED = {
    "PlacedEvents": {"entry": "exit"},
    "StandardHeavyNeutrino": dict.fromkeys(("U_e_sq", "U_mu_sq", "U_tau_sq"), "mixings"),
    "selection_efficiency": {"ctau": "weights", "ctau_Zprime": "weights"},
    "ResponseMatrix": {"low": "high", "edges": "probability"},
    "generate": {"n_events": "simulation"},
    "simulate": {"n_events": "simulation"},
    "decays_in_flight": {"n_events": "simulation"},
    "Module": {"mass": "density", "composition": "fractions"},
}
"""What an error may name instead of the argument: the other of two that do not fit together."""

NAN = {"excluded_intervals", "excluded_lifetimes", "scattering.q2_range", "Expectation"}
"""Where nan is a right answer: no error of an end that is not there, no lifetime that is excluded, no momentum
transfer below threshold, a point that was not evaluated."""

SEVERAL_KINDS = {
    ("Flux.from_file", "column"),
    ("Flux.from_file", "per"),
    ("Smoothing", "slope"),
    ("Share", "values"),
    ("reweight", "observables"),
    ("project", "pot"),
    ("Analysis", "shared"),
}
"""Arguments that may be a word or numbers, truth values or numbers, a mapping or a number, a table or rows."""


def inside_unit(t):
    return ((0 < t) & (t < 1)) * 1.0


def is_numbers(value):
    return (
        not isinstance(value, bool | str)
        and np.asarray(value, dtype=object).size
        and all(isinstance(one, float | int | np.number) for one in np.asarray(value, dtype=object).flat)
    )


def is_kin(value, right):
    """Whether a value that was taken is of the same kind as the right one: else a result would be one of nonsense."""
    if isinstance(right, bool | str):
        return isinstance(value, type(right))
    if is_numbers(right):
        return not np.ma.count_masked(value) and (np.size(value) == 0 or np.asarray(value).dtype.kind in "iuf")
    if isinstance(right, tuple | list):
        return not isinstance(value, str) and all(isinstance(one, type(right[0])) for one in value)
    return isinstance(value, Mapping if isinstance(right, Mapping) else type(right))


def plain(value, right):
    """The same numbers as Python's own, or as an array of doubles."""
    if not is_numbers(right) or isinstance(value, bool) or np.asarray(value).dtype.kind not in "iuf":
        return value
    if isinstance(right, int):
        return int(value)
    array = np.array(value, dtype=float)
    return array if array.ndim else array.item()


def numbers_of(result):
    """All numbers in a result."""
    if isinstance(result, np.ndarray | float | int | np.number) and np.asarray(result).dtype.kind in "biufc":
        return [np.ravel(result)]
    if isinstance(result, Mapping):
        result = list(result.values())
    if isinstance(result, tuple | list):
        return [part for one in result for part in numbers_of(one)]
    return numbers_of(list(vars(result).values())) if dataclasses.is_dataclass(result) else []


@functools.cache
def call_of(name):
    """The function and its right arguments."""
    entry = CALLS[name]
    if isinstance(entry, tuple):
        return entry[0], entry[1]()
    first, *rest = name.split(".")
    return functools.reduce(getattr, rest, home(first)), entry()


@functools.cache
def home(name):
    """A public name, a module, or what a module lists."""
    modules = [module.name for module in pkgutil.walk_packages(dk.__path__, "darkpkg.")]
    if name in dk.__all__:
        return getattr(dk, name)
    if [path for path in modules if path.endswith(f".{name}")]:
        return importlib.import_module(next(path for path in modules if path.endswith(f".{name}")))
    listed = (importlib.import_module(path) for path in modules if not path.endswith("__main__"))
    return getattr(next(module for module in listed if name in getattr(module, "__all__", ())), name)


def outcome(function, arguments):
    try:
        return function(**arguments), None
    except (ValueError, TypeError, FileNotFoundError) as error:
        return None, error


@functools.cache
def any_values():
    """Drawn once for all functions: drawing takes longer than most calls."""
    values = []

    @given(anything(3))
    def keep(value):
        values.append(value)

    keep()
    return values


def check_rightness(name, argument, value):
    """Whether a call with this value is right: taken as the same numbers, or refused by name."""
    function, right = call_of(name)
    result, error = outcome(function, right | {argument: value})
    if error is not None:
        known = "|".join([argument, *ALSO_NAMED.get(name, {}).get(argument, "").split()])
        assert re.search(rf"\b({known})\b", str(error)), f"the error does not name {argument}: {error}"
        return
    default = inspect.signature(function).parameters.get(argument)
    if value is None and default is not None and default.default is None:
        return
    kin = is_kin(value, right[argument]) or (name, argument) in SEVERAL_KINDS
    assert kin, f"{argument} is no {type(right[argument]).__name__}"
    found = numbers_of(result)
    assert name in NAN or not any(np.isnan(part).any() for part in found)
    if plain(value, right[argument]) is not value:
        again, error = outcome(function, right | {argument: plain(value, right[argument])})
        assert error is None
        for one, other in zip(found, numbers_of(again), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
@pytest.mark.parametrize("name", CALLS)
def test_any_value_of_any_argument_is_taken_rightly_or_refused_by_name(name):
    function, right = call_of(name)
    if not name.startswith(("read", "load_analysis", "load_detector", "write")):
        function(**right)
    for argument, value in zip(itertools.cycle(sorted(right)), any_values(), strict=False):
        try:
            check_rightness(name, argument, value)
        except Exception as error:
            error.add_note(f"{name} with {argument} = {value!r}")
            raise


def test_every_public_function_and_class_is_called_with_any_value():
    public = {name for name in dk.__all__ if callable(getattr(dk, name))}
    assert public == ({*CALLS, *NO_CALL} & {*dk.__all__})
    assert not any(isinstance(getattr(dk, name), types.ModuleType) for name in public)

"""What each public function and class makes of any value of any of its arguments: the right result, or an error.

A thousand examples each. Right is what the same numbers give as plain doubles; an error is a `ValueError` or
`TypeError` that names the argument.
"""

import functools
import importlib
import pkgutil
import types
from pathlib import Path

import numpy as np
import pytest
from any_argument import bare, check_any_argument, few, fields, placed
from public_names import public_names

import darkpkg as dk
from darkpkg import datasets
from darkpkg.experiment.response import FGD_RESPONSE
from darkpkg.exports import hepmc
from darkpkg.inference import posterior
from darkpkg.inference.coverage import expected_limits
from darkpkg.inference.outcomes import enumerated, toys
from darkpkg.physics.nuclei import elements

B, A = dk.BENCHMARK_B, dk.ANALYSIS_I


def at_point(events=placed):
    return {"events": events(), "parameters": B, "analysis": A}


def smoothed(events=placed):
    return at_point(events) | {"smoothing": dk.Smoothing()}


def kernel(events=placed):
    return {"estimator": dk.Kernel(events()), "parameters": B, "analysis": A}


def with_likelihood(arguments):
    return arguments | {"likelihood": dk.log_likelihood, "cl": 0.9}


def along(base, m_N):
    return dk.Slice(base, m_N=m_N)


def line():
    return dk.scan(dk.Kernel(few()), dk.Slice(B, epsilon=[0.01, 0.02]), A)


def likelihood():
    free = dict.fromkeys(("epsilon", "V_muN_sq", "V_N_sq"), (1e-5, 0.1))
    return dk.PointLikelihood(dk.Kernel(few()), A, B, free)


def chain(seed):
    u = np.random.default_rng(seed).random((6, 4, 1))
    return posterior.Chain(posterior.Prior({"epsilon": (1e-5, 0.1)}), u, u[..., 0], 0.5, (), {"seed": seed})


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


NOWHERE = Path("nowhere")
LINE = np.linspace(0.0, 9.0, 7)[:, None] * [0.8, 0.2]
SIGNAL = dk.Expectation([1.0, 2.0], [0.1, 0.1])
THETA = np.linspace(0.1, 0.9, 50)
CHAMBERS = ("TPC1", "TPC2")
NUCLEUS = dk.NUCLEI["Pb208"]
FLUX = dk.Flux([0.0, 1.0], [1e-9])

CALLS = {
    # physics
    "DarkParameters": lambda: (all_methods, fields(B)),
    "form_factor": lambda: {"Q2": 0.01, "nucleus": NUCLEUS, "model": "helm"},
    "decay.mass_density": lambda: {"s": 0.001, "m_N": 0.1, "m_Zprime": 1.25},
    "kinematics.dot": lambda: {"p": np.ones((3, 4)), "k": np.ones((3, 4))},
    "kinematics.momentum": lambda: {"p": np.ones((3, 4))},
    "kinematics.invariant_mass": lambda: {"p": np.ones((3, 4))},
    "widths.pair_ratio": lambda: {"s": 0.5, "channel": "hadrons"},
    "widths.total_ratio": lambda: {"s": 0.5},
    "scattering.smallest_energy": lambda: {"m_N": 0.1, "nucleus": NUCLEUS},
    "scattering.threshold_energy": lambda: {"m_N": 0.1, "nucleus": NUCLEUS},
    "scattering.q2_range": lambda: {"E_nu": 1.0, "m_N": 0.1, "nucleus": NUCLEUS},
    "scattering.differential_cross_section": lambda: {
        "E_nu": 1.0, "Q2": 0.01, "parameters": B, "nucleus": NUCLEUS,
    },
    "scattering.total_cross_section": lambda: {"E_nu": 1.0, "parameters": B, "nucleus": NUCLEUS},
    "scattering.neutrino_energy": lambda: {"p_N": np.tile([1.0, 0.0, 0.0, 0.99], (3, 1)), "m_N": 0.1, "mass": 11.2},
    "validity_notes": lambda: {"parameters": B},
    "sachs": lambda: {"Q2": 0.01},
    "current_amplitudes": lambda: {"Q2": 0.01, "nucleus": NUCLEUS, "model": "helm"},
    "Nucleus": lambda: fields(NUCLEUS),
    "Element": lambda: fields(elements()["Pb"]),
    "Element.number_of_nuclei": lambda: (elements()["Pb"].number_of_nuclei, {"mass": 1.0}),
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
    "Detector.from_table": lambda: {"name": "mine", "table": datasets.read("detector/nd280")},
    "Box.centred": lambda: {
        "width_x": 1.0, "width_y": 2.0, "length_z": 3.0, "z_begin": 0.0, "centre": (0.0, 0.0),
    },
    "place": lambda: {
        "events": bare(), "detector": dk.ND280, "seed": 1, "emphasis": {"TPC1": 2.0}, "vertices": 1,
        "towards": CHAMBERS,
    },
    "Flux": lambda: {"edges": [0.0, 1.0, 2.0], "density": [1.0, 1.0]},
    "Flux.from_file": lambda: {"path": datasets.path("flux/nd280_fhc"), "pot": 1e21, "per": 0.05, "column": "numu",
                               "energy": 1.0, "area": 1.0, "points": False},
    "Beam": lambda: {"name": "mine", "fluxes": {14: FLUX}},
    "Experiment": lambda: fields(dk.T2K),
    "ResponseMatrix": lambda: {
        "low": [0.0, 20.0], "high": [10.0, 30.0], "edges": [0.0, 15.0, 30.0],
        "probability": [[0.25, 0.75], [0.5, 0.5]], "simulated": [10.0, 10.0],
    },
    "FGD_RESPONSE.momentum": lambda: {"true": [0.5, 0.6, 0.7], "uniform": [0.1, 0.5, 0.9]},
    "FGD_RESPONSE.momentum.row": lambda: {"true": [0.5, 0.6, 0.7]},
    "PairResponse": lambda: fields(FGD_RESPONSE),
    "FGD_RESPONSE.smear": lambda: {"events": placed()},
    "Cuts": lambda: fields(dk.Cuts()),
    "Selection": lambda: fields(dk.Selection(CHAMBERS, 0.1, dk.Cuts(), CHAMBERS, (0.0, 1.0), FGD_RESPONSE)),
    "Cuts.passes": lambda: (dk.Cuts().passes, {"o": dk.observables(few())}),
    "observables": lambda: {"events": placed()},
    "Observables.inclined": lambda: (dk.observables(few()).inclined, {"angle": 0.1}),
    # method
    "Events": lambda: fields(bare()),
    "PlacedEvents": lambda: fields(few()),
    "Events.thinned": lambda: (bare().thinned, {"every": 2, "start": 1}),
    "PlacedEvents.columns_of": lambda: (few().columns_of, {"modules": CHAMBERS}),
    "concatenate": lambda: {"samples": [bare()]},
    "read_events": lambda: {"path": Path("none.parquet")},
    "write_events": lambda: (lambda events: dk.write_events(events, NOWHERE / "x.parquet"), {"events": few()}),
    "checksum": lambda: {"events": few()},
    "write_hepmc": lambda: (
        lambda **given: hepmc.write_hepmc(path=NOWHERE / "x.hepmc3", **given), at_point(few),
    ),
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
    "Expectation.trusted": lambda: (SIGNAL.trusted, {"n_effective": 10.0, "bias": 0.1}),
    "asymptotic_factor": lambda: {"expectation": SIGNAL, "dim": 2, "per_point": False},
    "Smoothing": lambda: fields(dk.Smoothing()),
    "reweight": lambda: {
        "theta": 0.5, "sample_theta": THETA, "weights": np.ones(50), "observables": THETA,
        "kernel": dk.Smoothing(0.3, log=False), "density": inside_unit,
    },
    "EPANECHNIKOV": lambda: {"difference": [0.1, 0.2, 0.3], "bandwidth": [0.3, 0.3, 0.3]},
    "GAUSSIAN": lambda: {"difference": [0.1, 0.2, 0.3], "bandwidth": 0.3},
    "UNIFORM": lambda: {"difference": [0.1, 0.2, 0.3], "bandwidth": 0.3},
    "effective_log_likelihood": lambda: {
        "observed": 3.0, "mean": 2.0, "variance": 0.1, "mean_preserving": True,
    },
    "barlow_beeston_log_likelihood": lambda: {"observed": 3.0, "mean": 2.0, "variance": 0.1},
    "log_likelihood": lambda: {"prediction": SIGNAL, "counts": A},
    "profiled_log_likelihood": lambda: {"prediction": SIGNAL, "counts": A},
    "marginal_log_likelihood": lambda: {"prediction": SIGNAL, "counts": A},
    "profiled_counts_log_likelihood": lambda: {"prediction": SIGNAL, "analysis": A},
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
    "Kernel.events": lambda: (dk.Kernel(placed()).events, {"parameters": B, "analysis": A}),
    "Kernel.upscatterings": lambda: (dk.Kernel(placed()).upscatterings, {"parameters": B, "analysis": A}),
    "Kernel.events_at_lifetime": lambda: (
        dk.Kernel(few()).events_at_lifetime, {"parameters": B, "ctau": 1.0, "analysis": A},
    ),
    "choose_bandwidth": lambda: kernel() | {"per_point": False},
    "transport": lambda: {"events": placed(), "parameters": B, "neighbourhood": dk.Smoothing(0.5, order=0)},
    "Transport": lambda: {"sample": placed(), "neighbourhood": dk.Smoothing(0.5, order=0)},
    "Transport.events": lambda: (dk.Transport(placed()).events, {"parameters": B, "analysis": A}),
    "Transport.events_at_lifetime": lambda: (
        dk.Transport(few()).events_at_lifetime, {"parameters": B, "ctau": 1.0, "analysis": A},
    ),
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
    "PointLikelihood.at": lambda: (likelihood().at, {"x": [0.01, 0.02, 0.03]}),
    "PointLikelihood.of_vector": lambda: (likelihood().of_vector, {"x": [0.01, 0.02, 0.03]}),
    "PointLikelihood.from_unit_cube": lambda: (likelihood().from_unit_cube, {"u": [0.1, 0.2, 0.3]}),
    "Slice": lambda: (along, {"base": B, "m_N": [0.1, 0.2, 0.3]}),
    "read_scan": lambda: {"path": Path("none.parquet")},
    "write_scan": lambda: (lambda scan: dk.write_scan(scan, NOWHERE / "x.csv"), {"scan": line()}),
    "excluded_lifetimes": lambda: with_likelihood(kernel(few)) | {"event_rate": 50.0, "n_parameters": 2},
    "exclusion_threshold": lambda: {"cl": 0.9, "n_parameters": 2},
    "exclusion_rule": lambda: {"cl": 0.9, "n_parameters": 2, "method": "cls"},
    "p_values": lambda: {
        "signal": LINE, "analysis": A, "method": "cls", "outcomes": enumerated(LINE, A), "n_parameters": 2,
    },
    "enumerated": lambda: {"signal": LINE, "analysis": A},
    "toys": lambda: (lambda **given: toys(**given, n_toys=9, seed=1), {"signal": LINE, "analysis": A}),
    "coverage.coverage": lambda: {
        "signal": LINE, "analysis": A, "method": "cls", "cl": 0.9, "n_parameters": 2, "truth": A,
    },
    "expected_limits": lambda: (
        lambda **given: expected_limits(**given, n_experiments=9),
        {"spectrum": [0.8, 0.2], "analysis": A, "method": "likelihood", "cl": 0.9, "n_parameters": 2},
    ),
    "Prior": lambda: {"bounds": {"epsilon": (1e-5, 0.1)}, "V_muN_sq": 1e-9},
    "Chain.values": lambda: (chain(1).values, {"discard": 1}),
    "split_r_hat": lambda: {"chains": [chain(1), chain(2)], "discard": 1},
    "to_pyhf": lambda: {
        "estimator": dk.Kernel(few()), "grid": dk.Slice(B, epsilon=[0.01, 0.02]), "analysis": A,
        "record": "ins0000000",
    },
    "to_hs3": lambda: {"signal": [1.0, 2.0], "analysis": A},
}  # fmt: skip
"""Makes the arguments of a right call, by the name of the function under `darkpkg`; or another function and its own.

Made when a test asks: simulated with the module, samples would be made by each process that lists the tests.
"""

NO_CALL = {
    "Chunked": "takes a folder of files: refused kinds are named in test_chunks",
    "DataIntegrityError": "an exception",
    "FewEventsWarning": "an exception",
    "Observables": "a result of observables",
    "OutsideSampleError": "an exception",
    "SampleFolder": "a folder of files, tested in test_chunks",
    "Scan": "a result of scan or of a file, which is checked when it is read",
    "Table": "made of a file, each number of which is checked: test_table",
    "Verdict": "a result of check",
    "build_table": "simulates for minutes; its arguments are tested in test_table",
    "load_table": "takes a file, tested in test_table",
    "simulate_chunks": "as simulate, whose arguments it takes; the number of chunks has no upper end",
}
"""Public classes that users do not build, and why."""

ALSO_NAMED = {
    "PlacedEvents": {"entry": "exit"},
    "ResponseMatrix": {"low": "high", "edges": "probability"},
    "generate": {"n_events": "simulation"},
    "simulate": {"n_events": "simulation"},
    "PointLikelihood.at": {"x": "epsilon V_muN_sq V_N_sq"},
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
    ("reweight", "observables"),
    ("project", "pot"),
    ("Analysis", "shared"),
}
"""Arguments that may be a word or numbers, truth values or numbers, a mapping or a number, a table or rows."""

OF_THE_TABLE = {"check", "to_pyhf", "scan", "excluded_intervals", "excluded_lifetimes", "PointLikelihood"}
"""What takes None for its estimator: then the table of all rates predicts."""


def inside_unit(t):
    return ((0 < t) & (t < 1)) * 1.0


@functools.cache
def home(name):
    """A public name, a module, or what a module lists."""
    modules = [module.name for module in pkgutil.walk_packages(dk.__path__, "darkpkg.")]
    if name in dk.__all__:
        return getattr(dk, name)
    if [path for path in modules if path.endswith(f".{name}")]:
        return importlib.import_module(next(path for path in modules if path.endswith(f".{name}")))
    listed = (importlib.import_module(path) for path in modules if not path.endswith("__main__"))
    return getattr(next(module for module in listed if name in public_names(module)), name)


def call_of(name):
    """The function and its right arguments."""
    made = CALLS[name]()
    if isinstance(made, tuple):
        return made
    first, *rest = name.split(".")
    return functools.reduce(getattr, rest, home(first)), made


@pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
@pytest.mark.parametrize("name", CALLS)
def test_any_value_of_any_argument_is_taken_rightly_or_refused_by_name(name):
    check_any_argument(
        call_of(name),
        also_named=ALSO_NAMED.get(name, {}),
        several_kinds=[argument for other, argument in SEVERAL_KINDS if other == name],
        nan=name in NAN,
        none={"estimator"} if name in OF_THE_TABLE else (),
        first=not name.startswith(("read", "load_analysis", "load_detector", "write")),
    )


def test_every_public_function_and_class_is_called_with_any_value():
    public = {name for name in dk.__all__ if callable(getattr(dk, name))}
    assert public == ({*CALLS, *NO_CALL} & {*dk.__all__})
    assert not any(isinstance(getattr(dk, name), types.ModuleType) for name in public)

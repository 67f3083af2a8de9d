"""Dark neutrinos in T2K's near detector, from one Monte Carlo to every limit (arXiv:2205.12273).

>>> import darkpkg as dk
>>> events = dk.place(dk.generate(dk.HEAVY, n_events=100_000, seed=1), dk.ND280, seed=2)
>>> dk.scan(events, dk.BENCHMARK_B, dk.ANALYSIS_I).excluded(cl=0.90)                  # doctest: +SKIP

The parts are those of the paper: `physics` (Section II), `experiment` (III), `method` (IV), `results` (V).
"""

import importlib
from typing import Any

from darkpkg import datasets, units
from darkpkg.datasets import DataIntegrityError
from darkpkg.events import Events, PlacedEvents, concatenate, read_events
from darkpkg.experiment import analysis, detector, flux, response, selection
from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis, Channel, project
from darkpkg.experiment.detector import ND280, ND280_TRACKER, ND280_UPGRADE, Box, Detector, Module, place
from darkpkg.experiment.flux import Flux, load_flux
from darkpkg.experiment.response import FGD_RESPONSE, ResponseMatrix
from darkpkg.experiment.selection import Cuts, Observables, Selection, observables
from darkpkg.method import decay_in_flight, generator, kernels, likelihood, smoothing, weights
from darkpkg.method.decay_in_flight import DecaysInFlight, decays_in_flight
from darkpkg.method.expectation import Expectation, FewEventsWarning, Share
from darkpkg.method.generator import HEAVY, LIGHT, SamplingRange, generate
from darkpkg.method.kernels import EPANECHNIKOV, GAUSSIAN, UNIFORM
from darkpkg.method.likelihood import effective_log_likelihood, log_likelihood
from darkpkg.method.smoothing import PAPER_SMOOTHING, SMOOTHINGS, Smoothing, reweight
from darkpkg.method.transport import expected_events_by_transport, transport
from darkpkg.method.weights import (
    choose_bandwidth,
    coupling_weight,
    decay_acceptance,
    expected_events,
    expected_events_at_lifetime,
    expected_upscatterings,
    exposure_weight,
    kde_weight,
    lifetime_weight,
    selection_efficiency,
    selection_weight,
)
from darkpkg.physics import decay, kinematics, model, nuclei, scattering, weak
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.physics.nuclei import NUCLEI, Nucleus, form_factor
from darkpkg.physics.weak import StandardHeavyNeutrino
from darkpkg.results import constraints, lifetimes, limits
from darkpkg.results.lifetimes import fit_lifetime_bound, minimum_lifetime
from darkpkg.results.limits import Scan, excluded_intervals, scan
from darkpkg.results.scan_files import read_scan
from darkpkg.results.slices import Slice

__version__ = "0.1.0"

__all__ = [
    "ANALYSIS_I",
    "ANALYSIS_II",
    "BENCHMARK_A",
    "BENCHMARK_B",
    "EPANECHNIKOV",
    "FGD_RESPONSE",
    "GAUSSIAN",
    "HEAVY",
    "LIGHT",
    "ND280",
    "ND280_TRACKER",
    "ND280_UPGRADE",
    "NUCLEI",
    "PAPER_SMOOTHING",
    "SMOOTHINGS",
    "UNIFORM",
    "Analysis",
    "Box",
    "Channel",
    "Cuts",
    "DarkParameters",
    "DataIntegrityError",
    "DecaysInFlight",
    "Detector",
    "Events",
    "Expectation",
    "FewEventsWarning",
    "Flux",
    "Module",
    "Nucleus",
    "Observables",
    "PlacedEvents",
    "ResponseMatrix",
    "SamplingRange",
    "Scan",
    "Selection",
    "Share",
    "Slice",
    "Smoothing",
    "StandardHeavyNeutrino",
    "analysis",
    "choose_bandwidth",
    "concatenate",
    "constraints",
    "coupling_weight",
    "datasets",
    "decay",
    "decay_acceptance",
    "decay_in_flight",
    "decays_in_flight",
    "detector",
    "effective_log_likelihood",
    "excluded_intervals",
    "expected_events",
    "expected_events_at_lifetime",
    "expected_events_by_transport",
    "expected_upscatterings",
    "exposure_weight",
    "figures",
    "fit_lifetime_bound",
    "flux",
    "form_factor",
    "generate",
    "generator",
    "kde_weight",
    "kernels",
    "kinematics",
    "lifetime_weight",
    "lifetimes",
    "likelihood",
    "limits",
    "load_flux",
    "log_likelihood",
    "minimum_lifetime",
    "model",
    "nuclei",
    "observables",
    "paper_figures",
    "place",
    "project",
    "read_events",
    "read_scan",
    "response",
    "reweight",
    "scan",
    "scattering",
    "selection",
    "selection_efficiency",
    "selection_weight",
    "smoothing",
    "transport",
    "units",
    "weak",
    "weights",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name in ("figures", "paper_figures"):  # only those who draw wait for matplotlib
        return importlib.import_module(f"darkpkg.results.{name}")
    raise AttributeError(f"module 'darkpkg' has no attribute {name!r}")

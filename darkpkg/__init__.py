"""Dark neutrinos in T2K's near detector, from one Monte Carlo to every limit (arXiv:2205.12273).

>>> import darkpkg as dk
>>> events = dk.simulate(dk.HEAVY, n_events=100_000, seed=1)
>>> dk.scan(dk.Transport(events), dk.BENCHMARK_B, dk.ANALYSIS_I).excluded(cl=0.90)    # doctest: +SKIP

The parts are those of the paper: `physics` (Section II), `experiment` (III), `method` (IV), `inference` (V).
"""

import importlib
from typing import Any

from darkpkg import _sources as _sources  # before any other module: what stands on disk now is what they are

__version__ = "0.1.0"

_MEMBERS = {
    "physics.model": ("BENCHMARK_A", "BENCHMARK_B", "DarkParameters"),
    "physics.nuclei": ("NUCLEI", "Nucleus"),
    "experiment.analysis": ("ANALYSIS_I", "ANALYSIS_II", "Analysis", "Channel"),
    "experiment.beam": ("Beam", "Flux"),
    "experiment.detector": ("ND280", "ND280_TRACKER", "ND280_UPGRADE", "Detector", "Module"),
    "experiment.volumes": ("Box", "Cylinder", "Sphere"),
    "experiment.experiment": ("T2K", "T2K_ALL_FLAVOURS", "Experiment"),
    "experiment.files": ("load_analysis", "load_detector"),
    "experiment.projection": ("project",),
    "experiment.selection": ("Cuts", "Selection", "observables"),
    "method.events": ("Events", "concatenate"),
    "method.expectation": ("Expectation", "FewEventsWarning"),
    "method.files": ("read_events", "write_events"),
    "method.generator": ("generate",),
    "method.origin": ("Origin", "Site"),
    "method.mass_kernel": ("OutsideSampleError",),
    "method.placing": ("place",),
    "method.sampling": ("HEAVY", "LIGHT", "SamplingRange"),
    "method.smoothing": ("PAPER_SMOOTHING", "Smoothing", "reweight"),
    "method.bandwidth": ("choose_bandwidth",),
    "method.estimators": ("Kernel", "Transport"),
    "method.transport": ("transport",),
    "method.weights": (
        "coupling_weight",
        "detected_weight",
        "exposure_weight",
        "kde_weight",
        "lifetime_weight",
        "produced_weight",
        "selected_weight",
        "selection_weight",
    ),
    "inference.check": ("check",),
    "inference.intervals": ("excluded_intervals",),
    "inference.lifetimes": ("excluded_lifetimes",),
    "inference.likelihood": ("effective_log_likelihood", "log_likelihood"),
    "inference.point_likelihood": ("PointLikelihood",),
    "inference.scan": ("Scan",),
    "inference.scan_files": ("read_scan", "write_scan"),
    "inference.scanning": ("scan",),
    "inference.threshold": ("exclusion_threshold",),
    "inference.slices": ("Slice",),
    "simulation": ("simulate",),
}
"""Public names by the module that has them."""

_HOME = {name: module for module, names in _MEMBERS.items() for name in names}

__all__ = sorted(_HOME)


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    """A public name, whose module is imported, and the data in it read, when the name is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'darkpkg' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"darkpkg.{_HOME[name]}"), name)
    return value

"""What users see: the names, their docstrings, and the examples in these."""

import dataclasses
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
from for_each import for_each
from public_names import public_names

import darkpkg as dk

NAMES = [
    "ANALYSIS_I",
    "ANALYSIS_II",
    "Analysis",
    "BENCHMARK_A",
    "BENCHMARK_B",
    "Beam",
    "Box",
    "Channel",
    "Chunked",
    "Cuts",
    "Cylinder",
    "DarkParameters",
    "Detector",
    "Events",
    "Expectation",
    "Experiment",
    "FewEventsWarning",
    "Flux",
    "HEAVY",
    "Kernel",
    "LIGHT",
    "Module",
    "ND280",
    "ND280_TRACKER",
    "ND280_UPGRADE",
    "NUCLEI",
    "Origin",
    "OutsideSampleError",
    "PointLikelihood",
    "SampleFolder",
    "SamplingRange",
    "Scan",
    "Selection",
    "Site",
    "Slice",
    "Smoothing",
    "Sphere",
    "T2K",
    "T2K_ALL_FLAVOURS",
    "Table",
    "Transport",
    "build_table",
    "check",
    "choose_bandwidth",
    "concatenate",
    "detected_weight",
    "effective_log_likelihood",
    "excluded_intervals",
    "excluded_lifetimes",
    "exclusion_threshold",
    "generate",
    "lifetime_weight",
    "load_analysis",
    "load_detector",
    "load_table",
    "log_likelihood",
    "observables",
    "place",
    "produced_weight",
    "project",
    "read_events",
    "read_scan",
    "reweight",
    "scan",
    "selected_weight",
    "simulate",
    "simulate_chunks",
    "transport",
    "write_events",
    "write_scan",
]

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(dk.__path__, "darkpkg.") if not module.name.endswith("__main__")
)


def public_members(module):
    """Public functions and classes of a module, with the public methods and properties of the classes."""
    for name in public_names(module):
        member = getattr(module, name)
        if not (inspect.isclass(member) or inspect.isroutine(member)):
            continue
        yield f"{module.__name__}.{name}", member
        if inspect.isclass(member):
            for attribute, value in vars(member).items():
                described = inspect.isroutine(value) or isinstance(value, property | classmethod | staticmethod)
                if described and not attribute.startswith("_"):
                    yield f"{module.__name__}.{name}.{attribute}", value


def examples():
    names = {"np": np, "dataclasses": dataclasses, "darkpkg": dk} | {name: getattr(dk, name) for name in NAMES}
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in ["darkpkg", *MODULES]:
        module = importlib.import_module(name)
        for test in finder.find(module, globs=names | vars(module)):
            if test.examples:
                yield test


def test_public_names_are_these():
    assert dir(dk) == sorted(NAMES) == sorted(dk.__all__)


def test_every_public_name_is_there():
    for name in NAMES:
        assert getattr(dk, name) is not None


def test_a_name_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match="module 'darkpkg' has no attribute 'LIGHTEST'"):
        _ = dk.LIGHTEST


@for_each("module", [name for name in MODULES if not name.split(".")[-1].startswith("_")])
def test_every_name_that_a_module_lists_is_there(module):
    imported = importlib.import_module(module)
    for name in getattr(imported, "__all__", ()):
        assert hasattr(imported, name), f"{module} lists {name}"


@for_each("module", ["darkpkg", *MODULES])
def test_every_public_function_class_and_method_says_what_it_is(module):
    imported = importlib.import_module(module)
    silent = []
    for name, member in public_members(imported):
        text = inspect.getdoc(member) or ""
        made_by_dataclass = text.startswith(f"{name.rpartition('.')[2]}(")
        if not text.strip() or made_by_dataclass:
            silent.append(name)
    assert silent == []


@for_each("module", ["darkpkg", *MODULES])
def test_every_module_says_what_it_is(module):
    imported = importlib.import_module(module)
    empty = module != "darkpkg" and hasattr(imported, "__path__")  # parts only hold their modules
    assert bool(imported.__doc__) or empty


@for_each("example", examples)
def test_the_examples_in_docstrings_are_right(example):
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    report = []
    with np.printoptions(legacy="1.25"):  # 2.3 instead of np.float64(2.3)
        runner.run(example, out=report.append)
    assert runner.failures == 0, "".join(report)


@for_each("module", MODULES)
def test_examples_have_a_head_of_their_own(module):
    headed = re.compile(r"^Examples\n--------\n+>>>", re.M)
    for name, member in public_members(importlib.import_module(module)):
        text = inspect.getdoc(member) or ""
        assert ">>>" not in text or headed.search(text), name


def test_examples_are_found():
    assert len(list(examples())) >= 10


def modules_after(program):
    """All modules that are imported when a new Python has run ``program``."""
    command = [sys.executable, "-c", f"import sys\n{program}\nprint(*sys.modules)"]
    return {*subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()}


def packages(modules):
    return {name.partition(".")[0] for name in modules} - sys.stdlib_module_names


def test_importing_the_package_imports_no_other():
    assert packages(modules_after("import darkpkg; dir(darkpkg)") - modules_after("")) == {"darkpkg"}


@pytest.mark.parametrize("words", ["--help", "-h", "check --help", "scan", "check --m_N heavy", "--version"])
def test_help_and_wrong_options_of_the_command_line_wait_for_no_library(words):
    program = f"import sys, darkpkg.cli\ntry: darkpkg.cli.app({words.split()!r})\nexcept SystemExit: pass"
    modules = modules_after(program)
    assert {name for name in modules if name.startswith("darkpkg.")} == {"darkpkg.cli", "darkpkg._sources"}
    assert not {"numpy", "scipy", "numba", "pandas", "pyarrow", "matplotlib", "vegas"} & packages(modules)


def test_a_point_is_made_without_compiler_tables_and_figures():
    heavy = {"numba", "pandas", "pyarrow", "matplotlib", "particle", "vegas"}
    assert not heavy & packages(modules_after("import darkpkg; darkpkg.BENCHMARK_A.replace(m_N=0.2)"))


def test_a_prediction_does_not_wait_for_what_few_calculations_need():
    """Each of these takes longer to import than a prediction takes."""
    program = "import darkpkg; darkpkg.scan, darkpkg.generate, darkpkg.place, darkpkg.transport, darkpkg.ANALYSIS_I"
    assert not {"matplotlib", "jsonschema", "iminuit", "scipy.stats", "scipy.signal"} & modules_after(program)


def test_the_version_is_that_of_the_installed_package():
    assert dk.__version__ == metadata.version("darkpkg")

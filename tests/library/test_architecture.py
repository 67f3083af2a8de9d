"""The parts of the package build on each other in one direction, and keep to a few rules."""

import ast
import functools
from pathlib import Path

import pytest
from for_each import for_each

import darkpkg

PACKAGE = Path(darkpkg.__file__).parent

LAYERS = {
    "ground": [
        "_sources",
        "units",
        "outputs",
        "datasets",
        "memory",
        "inputs",
        "streams",
        "formulas",
        "compiling",
        "running",
    ],
    "physics": ["widths", "model", "charges", "nuclei", "nucleons", "kinematics", "scattering", "decay", "validity"],
    "experiment": [
        "beam",
        "regions",
        "volumes",
        "detector",
        "response",
        "selection",
        "analysis",
        "projection",
        "experiment",
        "files",
    ],
    "method": [
        "sampling",
        "origin",
        "columns",
        "events",
        "joining",
        "files",
        "loops",
        "kernel_loops",
        "flights",
        "targets",
        "integrand",
        "channels",
        "generator",
        "placing",
        "expectation",
        "predictions",
        "table_grid",
        "table",
        "interface",
        "kernels",
        "smoothing",
        "mass_kernel",
        "weights",
        "kernel_estimate",
        "transport",
        "table_flights",
        "table_nodes",
        "table_fields",
        "table_building",
        "estimators",
        "bandwidth",
    ],
    "inference": [
        "likelihood",
        "threshold",
        "outcomes",
        "constructions",
        "coverage",
        "slices",
        "scan",
        "scanning",
        "intervals",
        "lifetimes",
        "scan_files",
        "check",
        "point_likelihood",
        "posterior",
    ],
    "exports": ["counts", "hepdata", "hepmc"],
    "top": ["simulation", "chunks", "plotting", "report", "options", "commands", "table_commands", "cli", "__main__"],
}
"""Every module, from bottom to top: each may import only what stands before it."""

DRAW = {"plotting"}
"""Modules that need matplotlib."""

ON_DEMAND = {("cli", "commands"), ("cli", "options"), ("cli", "table_commands")}
ON_DEMAND |= {("table_commands", "commands"), ("table_commands", "running")}
"""Imports within a function, so that a word of help waits for nothing."""

USERS = {"commands", "options", "table_commands"}
"""Modules that use the library as its users do, by its public names; nothing of it imports them."""

KNOW_NO_PHYSICS = [
    "_sources",
    "compiling",
    "formulas",
    "inputs",
    "memory",
    "outputs",
    "streams",
    "units",
    "method.expectation",
    "method.kernels",
    "method.smoothing",
    "method.loops",
    "method.kernel_loops",
    "inference.likelihood",
    "inference.slices",
    "inference.threshold",
    "inference.outcomes",
    "inference.constructions",
    "inference.coverage",
    "inference.scan",
]


def module_names(layer, names):
    return [f"{layer}.{name}" if (PACKAGE / layer).is_dir() else name for name in names]


ORDER = [module for layer, names in LAYERS.items() for module in module_names(layer, names)]


@functools.cache
def syntax_tree(module):
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def nodes(module):
    """All of its syntax tree."""
    return list(ast.walk(syntax_tree(module)))


def modules_named(node, user=False):
    """Modules of this package, without its name, that an import statement names."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"line {node.lineno}: imports name the whole path"
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return set()
    within = [name.removeprefix("darkpkg.") for name in names if name.startswith("darkpkg.")]
    assert user or "darkpkg" not in names, f"line {node.lineno}: the top of the package is for users"
    return {max((m for m in ORDER if f"{name}.".startswith(f"{m}.")), key=len, default=name) for name in within}


@functools.cache
def imports(module):
    """What a module imports when it is imported, and what its functions import when they are called."""
    functions = [n for n in nodes(module) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    late = {node for function in functions for node in ast.walk(function)}
    user = module in USERS
    at_once = {name for node in nodes(module) if node not in late for name in modules_named(node, user)}
    return at_once, {name for node in late for name in modules_named(node, user)} - at_once


@functools.cache
def attributes(module):
    """Dotted names such as ``np.random.rand`` in its source."""
    return {ast.unparse(node) for node in nodes(module) if isinstance(node, ast.Attribute)}


def test_tests_of_the_library_leave_the_paper_alone():
    for path in sorted(Path(__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.partition(".")[0] == "paper"], path.name


def test_every_module_has_its_place():
    there = {
        path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    assert there == set(ORDER)


@for_each("module", ORDER)
def test_a_module_can_be_read_at_once(module):
    """What is longer has a seam: two things that a reader would look for under two names."""
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


def test_only_the_top_of_the_package_imports_for_others():
    for path in PACKAGE.glob("*/**/__init__.py"):
        assert path.read_text(encoding="utf-8") == "", f"{path} hides where names come from"


@for_each("module", ORDER)
def test_imports_run_one_way(module):
    at_once, on_demand = imports(module)
    below = ORDER[: ORDER.index(module)]
    assert at_once <= set(below)
    assert {(module, name) for name in on_demand} <= ON_DEMAND


def test_imports_on_demand_are_still_needed():
    assert {(module, name) for module in ORDER for name in imports(module)[1]} == ON_DEMAND


@for_each("module", KNOW_NO_PHYSICS)
def test_general_methods_know_no_physics(module):
    at_once, late = imports(module)
    assert at_once | late <= set(KNOW_NO_PHYSICS)


@for_each("module", ORDER)
def test_randomness_is_an_argument(module):
    """Of numpy.random only what makes a generator of one's own, and that in `streams` alone."""
    used = {name for name in attributes(module) if name.startswith(("np.random.", "numpy.random."))}
    allowed = {"np.random.Generator"}
    if module == "streams":
        allowed |= {"np.random.default_rng", "np.random.SeedSequence"}
    assert used <= allowed
    sources = {node.module for node in nodes(module) if isinstance(node, ast.ImportFrom)}
    sources |= {a.name for node in nodes(module) if isinstance(node, ast.Import) for a in node.names}
    assert not {"random", "secrets", "numpy.random"} & sources


@for_each("module", [module for module in ORDER if module not in ("cli", "commands", "table_commands")])
def test_only_the_command_line_prints(module):
    assert "print" not in {node.id for node in nodes(module) if isinstance(node, ast.Name)}
    assert not {"sys.stdout.write", "sys.stderr.write"} & attributes(module)


@for_each("module", ORDER)
def test_only_figures_need_matplotlib(module):
    guarded = {
        node
        for branch in nodes(module)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    sources = {node.module for node in nodes(module) if isinstance(node, ast.ImportFrom) and node not in guarded}
    sources |= {a.name for node in nodes(module) if isinstance(node, ast.Import) for a in node.names}
    drawing = {source for source in sources if source.split(".")[0] == "matplotlib"}
    assert bool(drawing) == (module in DRAW)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import darkpkg.inference.scan", {"inference.scan"}),
        ("from darkpkg import datasets", {"datasets"}),
        ("from darkpkg.physics import decay, model", {"physics.decay", "physics.model"}),
        ("from darkpkg.physics.decay import mass_density", {"physics.decay"}),
        ("from numpy import exp", set()),
    ],
)
def test_imports_are_recognised_in_every_form(source, found):
    assert {name for node in ast.walk(ast.parse(source)) for name in modules_named(node)} == found


@pytest.mark.parametrize("source", ["import darkpkg", "from .model import DarkParameters", "from . import model"])
def test_imports_that_hide_their_source_are_refused(source):
    with pytest.raises(AssertionError):
        [modules_named(node) for node in ast.walk(ast.parse(source))]

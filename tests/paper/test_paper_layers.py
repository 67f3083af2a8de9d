"""The paper stands on the library, never the other way round, and its own modules build on each other in one way."""

import ast

import pytest
from for_each import for_each
from notebook_references import ROOT

ORDER = [
    "acceptances",
    "spin",
    "drawing",
    "tables",
    "described_data",
    "kernel_events",
    "figure_data",
    "narrow_drawing",
    "figure_output",
    "warm_start",
    "curves",
    "miniboone",
    "formulas",
    "cross_validation",
    "smoothings",
    "lifetime_bound",
    "closure",
    "posteriors",
    "weighted_counts",
    "causes.authors",
    "causes.crossings",
    "causes.spin",
    "causes.samples",
    "causes.readings",
    "causes.kernel",
    "causes.counting",
    "causes.chains",
    "causes.planes",
    "causes.projections",
    "causes.along",
    "causes.rates",
    "left_out",
    "best_limits",
    "muon_pairs",
    "booster.beams",
    "booster.covariance",
    "booster.counts",
    "booster.ring",
    "booster.miniboone",
    "booster.published",
    "booster.microboone",
    "booster.fit",
    "booster.spectra",
    "booster.together",
    "booster.rates",
    "booster.planes",
    "booster.shares",
    "standard_neutrino.flux",
    "standard_neutrino.weak",
    "standard_neutrino.decays_in_flight",
    "constraints.curves",
    "constraints.drawing",
    "constraints.sources",
    "validation.darknews",
    "validation.booster",
    "validation.public_fit",
    "validation.table",
    "validation.replicas",
    "validation.run_darknews",
    "validation.run_booster",
    "validation.drawing",
    "validation.calibration",
    "validation.coverage",
    "shootout.contest",
    "shootout.neural",
    "shootout.summary",
    "shootout.run",
    "shootout.run_grid",
    "figures.frame",
    "figures.hepdata",
    "figures.physics",
    "figures.detector",
    "figures.experiment",
    "figures.method",
    "figures.planes",
    "figures.limits",
    "figures.catalogue",
    "figures.causes",
    "figures.left_out",
    "figures.beyond",
    "figures.posterior",
    "figures.booster",
    "claims.answer",
    "claims.questions",
    "claims.samples",
    "claims.fits",
    "claims.model",
    "claims.detector",
    "claims.method",
    "claims.limits",
    "claims.miniboone",
    "claims.verdicts",
    "claims.pages",
    "__main__",
]
"""Every module, from bottom to top: each may import only what stands before it."""

PARTS = {
    "constraints": (),
    "booster": (),
    "validation": ("booster.",),
    "shootout": ("validation.",),
    "causes": (),
    "claims": ("causes.", "booster."),
}
"""Folders, and what of other folders they need; figures draw limits of others, standard neutrinos, causes."""

SINGLE = {"acceptances", "drawing", "tables", "miniboone", "formulas", "curves", "lifetime_bound"}
"""Modules that all parts may use."""


def imported(path):
    """Dotted names that a source imports, at once or when a function is called."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports name the whole path"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules_of_the_paper(names):
    """Those modules of the paper that dotted names stand for."""
    within = {name.removeprefix("paper.") for name in names if name.partition(".")[0] == "paper"}
    return {next((m for m in ORDER if f"{name}.".startswith(f"{m}.")), name) for name in within}


def source(module):
    return (ROOT / "paper").joinpath(*module.split(".")).with_suffix(".py")


def test_every_module_has_its_place():
    there = {path for path in (ROOT / "paper").rglob("*.py") if path.name != "__init__.py"}
    assert there == set(map(source, ORDER))


def test_no_package_hides_where_names_come_from():
    for path in (ROOT / "paper").rglob("__init__.py"):
        assert path.read_text(encoding="utf-8") == "", path


def test_the_library_imports_nothing_of_the_paper():
    for path in (ROOT / "darkpkg").rglob("*.py"):
        assert not {name for name in imported(path) if name.partition(".")[0] == "paper"}, path


@for_each("module", ORDER)
def test_imports_run_one_way(module):
    assert modules_of_the_paper(imported(source(module))) <= set(ORDER[: ORDER.index(module)])


@pytest.mark.parametrize("part", PARTS)
def test_parts_of_the_paper_stand_alone(part):
    own = {module for module in ORDER if module.startswith(f"{part}.")}
    for module in own:
        needed = {module for module in ORDER if module.startswith(PARTS[part])} if PARTS[part] else set()
        assert modules_of_the_paper(imported(source(module))) <= own | needed | SINGLE, module


def test_no_module_is_long():
    lengths = {module: len(source(module).read_text(encoding="utf-8").splitlines()) for module in ORDER}
    assert {module: n for module, n in lengths.items() if n > 350} == {}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ({"paper.figures.frame.Samples"}, {"figures.frame"}),
        ({"paper.claims.model"}, {"claims.model"}),
        ({"paper.figures"}, {"figures"}),
        ({"paperclip.x", "darkpkg.physics.model"}, set()),
    ],
)
def test_modules_are_recognised(names, found):
    assert modules_of_the_paper(names) == found

"""The reference of the library: complete, and in words that Sphinx understands."""

import ast
import importlib
import pkgutil
import re

import pytest
from api_reference import ShortData, escaped, is_no_member, name_of
from notebook_references import ROOT
from public_names import public_names

import darkpkg
from darkpkg.experiment.response import Pairs

NOT_FOR_PROGRAMS = {"darkpkg.cli", "darkpkg.commands", "darkpkg.options", "darkpkg.report", "darkpkg.table_commands"}
"""The command line documents itself."""

WITHIN = {
    *("compiling", "formulas", "method.flights", "method.integrand", "method.kernel_loops", "method.loops"),
    "method.targets",
}
"""What machine code is made of and with, which nobody calls from outside."""


def test_every_module_with_public_names_has_its_section():
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "book" / "reference").glob("*.md"))
    there = {line.partition(":: ")[2] for line in pages.splitlines() if line.startswith(".. automodule::")}
    modules = {m.name for m in pkgutil.walk_packages(darkpkg.__path__, "darkpkg.") if "._" not in m.name}
    public = {name for name in modules if public_names(importlib.import_module(name))}
    assert there == public - NOT_FOR_PROGRAMS - {f"darkpkg.{name}" for name in WITHIN}


def test_what_a_docstring_names_is_found_by_its_public_name_or_as_the_only_one_of_its_name():
    known = ["darkpkg.method.sampling.HEAVY", "darkpkg.method.kernels.Kernel", "darkpkg.method.estimators.Kernel"]
    assert name_of("darkpkg.Scan.exclusion", known) == "darkpkg.inference.scan.Scan.exclusion"
    assert name_of("darkpkg.HEAVY", known) == name_of("HEAVY", known) == "darkpkg.method.sampling.HEAVY"
    assert name_of("darkpkg.Kernel", known) == "darkpkg.method.estimators.Kernel"
    assert name_of("Kernel", known) is None
    assert name_of("HEAV", known) is None


def test_no_docstring_lost_a_backslash():
    r"""Without an r or a second backslash ``\alpha`` becomes a bell, and the reference shows an error."""
    paths = sorted((ROOT / "darkpkg").rglob("*.py"))
    texts = [
        node.value
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if is_text(node)
    ]
    assert [text for text in texts if re.search(r"[\a\b\f\v\r]", text) and "\n" in text] == []


def test_no_sentence_stands_among_the_parameters_of_a_docstring():
    """It would be shown as the name of one."""
    texts = [
        node.value
        for path in sorted((ROOT / "darkpkg").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if is_text(node) and re.search(r"\n *-{4,}\n", node.value)
    ]
    names = re.compile(r"\n( *)(?:Parameters|Attributes)\n\1-+\n((?:(?:\1.*)?\n)*?)(?:\1\w.*\n\1---|$|\Z)")
    found = [
        line
        for text in texts
        for indent, part in ((match[1], match[2]) for match in names.finditer(text + "\n"))
        for line in part.split("\n")
        if re.match(rf"{indent}\S.* .*\.$", line)
    ]
    assert len(texts) > 100
    assert found == []


def test_no_paragraph_of_a_docstring_begins_with_an_initial():
    """A line such as "J. Smith, …" alone would be an item of a list, numbered J."""
    texts = [
        node.value
        for path in sorted((ROOT / "darkpkg").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if is_text(node)
    ]
    lists = re.compile(r"\n[ ]*\n[ ]*[A-Z]\. [^\n]*\n[ ]*(?:\n|$)")
    assert [found[0] for found in map(lists.search, texts) if found] == []


def is_text(node: ast.AST) -> bool:
    """Tell whether a part of a program is a text."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_bars_are_bars_outside_of_code_and_mathematics():
    assert escaped("|V|² of `a | b` and ``c | d``") == r"\|V\|² of `a | b` and ``c | d``"
    formula = "Text |x|.\n\n.. math:: |V| = 1\n    + |y|\n\nThen |z|."
    assert escaped(formula) == "Text \\|x\\|.\n\n.. math:: |V| = 1\n    + |y|\n\nThen \\|z\\|."


def test_defaults_of_fields_and_fields_of_tuples_are_no_methods():
    assert is_no_member("class", darkpkg.Scan.likelihood)
    assert is_no_member("class", Pairs.p_electron)
    assert not is_no_member("class", darkpkg.Scan.exclusion)
    assert not is_no_member("module", darkpkg.log_likelihood)


@pytest.mark.parametrize(("value", "shown"), [(4e21, True), ((14,), True), (darkpkg.T2K, False), ({1: len}, False)])
def test_a_value_is_shown_where_a_reader_can_take_it_in(value, shown):
    documenter = ShortData.__new__(ShortData)
    documenter.object = value
    documenter.get_doc = lambda: None
    assert documenter.should_suppress_value_header() is not shown


def test_in_docstrings_programs_and_numbers_are_no_persons():
    """They state, have or define; they do not say, ask or know."""
    persons = re.compile(
        r"\b(?:says?|said|asks?|asked|asking|knows|siblings?|roads?|doors?|floors?"
        r"|sees|wants|forgets?|remembers?|refuses?|complains?|believes?|notices?)\b",
        re.IGNORECASE,
    )
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for package in ("darkpkg", "paper", "benchmarks")
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Expr) and is_text(node.value)
        for line in node.value.value.splitlines()
        if persons.search(line)
    ]
    assert found == []

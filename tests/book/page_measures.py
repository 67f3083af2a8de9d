"""What every page of the book keeps to: numbers for each, and the most that a page may have.

    PYTHONPATH=book/_ext .venv/bin/python tests/book/page_measures.py 13_kernel     # what was found on a page

`MEASURES` lists what is measured, `Page` reads a page, and `test_page_measures.py` holds both against each other.
"""

import ast
import csv
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nbformat import NotebookNode
from notebook_references import ROOT, Chapter, chapters_of_the_book
from prose_numbers import numbers_in_prose, prose_of

CLAIMS = ROOT / "data" / "paper" / "claims.csv"

FOLDED = {"hide-input", "hide-cell"}
REMOVED = {"remove-cell", "remove-input"}
COLUMN = 105
"""Characters of code that a line of the page holds at 1400 px."""
SOLUTION = re.compile(r"^[`:]{3,}\{solution-(start|end)\}", re.M)
PIPE_TABLE = re.compile(r"^(?:(?P<captioned>[`:]{3,}\{table\}.*\n(?::.*\n)*\n*))?\|.*\n\|[-:| ]+\|$", re.M)
SIDES = re.compile(
    r"\b(?:Left|Middle|Right)[:,]|\((?:left|right)\)|\b[Oo]n the (?:left|right)\b"
    r"|\b(?:left|right) panels?\b(?! of Figs?\. P)"
)
LISTING = re.compile(r"^```(?:python|js|bash|console)?\n(?P<code>.*?)^```$", re.M | re.S)
"""Code in a page that is no chapter."""
ROUND_UNITS = re.compile(r"label.*\((?:[kMG]?eV|[ckmnµμ]?m|cm/GeV|%)\)")
FIGURE = re.compile(r"^[`:]{3,}\{(?:figure|image)\}.*\n(?P<options>(?::.*\n)*)", re.M)


@dataclass(frozen=True)
class Page:
    """A source of the book, by its path: a chapter with cells, or prose alone."""

    path: Path

    @property
    def name(self) -> str:
        """What the page is called in lists."""
        return self.path.stem

    @cached_property
    def text(self) -> str:
        """The source; of the table of claims the reasons, without the fields that are filled with our numbers."""
        text = self.path.read_text(encoding="utf-8")
        if self.path == CLAIMS:
            return "\n".join(re.sub(r"\{[^}]*\}", "", row["reason"]) for row in csv.DictReader(text.splitlines()))
        return text

    @cached_property
    def cells(self) -> list[NotebookNode]:
        """The cells, in order; none if the page is prose alone."""
        return Chapter(self.path).notebook.cells if self.path.parent.name == "notebooks" else []

    @cached_property
    def in_solutions(self) -> set[int]:
        """Numbers of the code cells that stand in a solution."""
        inside, found = False, set()
        for number, cell in enumerate(self.cells):
            if cell.cell_type == "code" and inside:
                found.add(number)
            for mark in SOLUTION.findall(cell.source) if cell.cell_type == "markdown" else ():
                inside = mark == "start"
        return found

    def code(self, *, folded: bool | None = None, removed: bool = False) -> Iterator[tuple[int, NotebookNode]]:
        """Yield code cells outside of solutions: folded ones, visible ones or both, or else removed ones."""
        for number, cell in enumerate(self.cells):
            tags = set(cell.metadata.get("tags", []))
            if cell.cell_type != "code" or number in self.in_solutions or bool(tags & REMOVED) != removed:
                continue
            if folded is None or bool(tags & FOLDED) == folded:
                yield number, cell


def all_pages() -> list[Page]:
    """List the chapters, and the pages of prose."""
    prose = sorted(set((ROOT / "book").glob("*.md")))
    return [*(Page(chapter.path) for chapter in chapters_of_the_book()), *map(Page, [*prose, CLAIMS])]


def code_lines(source: str) -> list[str]:
    """List the lines that are neither blank nor comment."""
    return [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def parsed(source: str) -> ast.Module:
    """Read the Python of a cell, whose lines for the shell count as nothing."""
    return ast.parse(re.sub(r"^(\s*)[!%].*", r"\1pass", source, flags=re.M))


def calls(source: str, name: str) -> Iterator[ast.Call]:
    """Yield the calls of a function or method of that name."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Call) and name == getattr(node.func, "id", getattr(node.func, "attr", None)):
            yield node


def longest_print(page: Page) -> int:
    """Count the lines of the longest text that a checked cell prints."""
    removed = {cell.source for _, cell in page.code(removed=True)}
    here = {cell.source for cell in page.cells} - removed
    reference = Chapter(page.path).read_reference() if page.cells else {}
    shown = [output for source, outputs in reference.items() if source in here for output in outputs]
    return max((len(output["stdout"].rstrip("\n").splitlines()) for output in shown if "stdout" in output), default=0)


def printing_code(page: Page) -> float:
    """Share of the visible lines of code that only print."""
    visible = [cell.source for _, cell in page.code(folded=False)]
    printing = sum(len({line for call in calls(source, "print") for line in lines_of(call)}) for source in visible)
    return printing / max(sum(len(code_lines(source)) for source in visible), 1)


def lines_of(node: ast.AST) -> range:
    """Numbers of the lines that an expression covers."""
    return range(node.lineno, node.end_lineno + 1)


def hidden_code(page: Page) -> float:
    """Share of the lines of code on the page, solutions aside, that are folded."""
    lines = {folded: [code_lines(c.source) for _, c in page.code(folded=folded)] for folded in (True, False)}
    hidden, shown = (sum(map(len, lines[folded])) for folded in (True, False))
    return hidden / max(hidden + shown, 1)


def broken_code(page: Page) -> int:
    """Count the lines of code, folded ones and solutions too, that the text column of a wide screen breaks."""
    shown = [c.source for c in page.cells if c.cell_type == "code" and not REMOVED & set(c.metadata.get("tags", []))]
    shown += [] if page.cells else [block["code"] for block in LISTING.finditer(page.text)]
    return sum(len(line) > COLUMN for source in shown for line in source.splitlines())


def uses_of_to_string(page: Page) -> int:
    """Count the data frames that are printed as text."""
    return sum(len(list(calls(cell.source, "to_string"))) for cell in page.cells if cell.cell_type == "code")


def more_than_glue(page: Page) -> int:
    """Count the statements of removed cells that do more than glue numbers."""
    statements = [statement for _, cell in page.code(removed=True) for statement in parsed(cell.source).body]
    return sum(not only_glues(statement) for statement in statements)


def only_glues(statement: ast.stmt) -> bool:
    """Tell whether a statement is ``glue(...)``, its import, or a loop over such."""
    if isinstance(statement, ast.ImportFrom):
        return [alias.name for alias in statement.names] == ["glue"]
    if isinstance(statement, ast.For):
        return all(map(only_glues, statement.body))
    call = getattr(statement, "value", None)
    return isinstance(call, ast.Call) and getattr(call.func, "id", "") == "glue"


def typed_glue(page: Page) -> int:
    """Count the values that are glued and were typed: a number in prose is computed."""
    values = [call.args[1] for _, cell in page.code(removed=True) for call in calls(cell.source, "glue")]
    return sum(not any(isinstance(part, ast.Name) for part in ast.walk(value)) for value in values)


def dots_before_powers(page: Page) -> int:
    """Count the powers of ten behind a dot: 3 × 10⁻⁷ is the one form in text, tables and figures."""
    return len(re.findall(r"·\s?10(?=[⁻⁰¹²³⁴-⁹])", page.text))


def figures_without_text(page: Page) -> int:
    """Count the figures, of cells and of prose, that say nothing to those who cannot see them."""
    metadata = [cell.metadata.get("mystnb", {}) for _, cell in page.code()]
    drawn = [not str(one.get("image", {}).get("alt", "")).strip() for one in metadata if "figure" in one]
    prose = [":alt:" not in found["options"] for found in FIGURE.finditer(page.text)]
    return sum(drawn) + sum(prose)


def panels_by_side(page: Page) -> int:
    """Count the words for a panel by its side, in captions, alternative texts and prose: on a phone it stands below.

    The panels of the paper's figures, Fig. P9 and so on, stay where they are.
    """
    figures = [cell.metadata.get("mystnb", {}) for _, cell in page.code()]
    words = [
        str(one.get(part, {}).get(key, ""))
        for one in figures
        for part, key in (("figure", "caption"), ("image", "alt"))
    ]
    return sum(len(SIDES.findall(" ".join(text.split()))) for text in (*words, prose_of(page.text)))


def bare_per_cent(page: Page) -> int:
    """Count formats that write a sign of per cent next to its number: 2% instead of 2 %."""
    return len(re.findall(r"[:\"'][+]?\.\d%[}\"']", page.text))


def round_units(page: Page) -> int:
    """Count the axes whose unit is not in square brackets."""
    return sum(len(ROUND_UNITS.findall(cell.source)) for _, cell in page.code())


def tables_without_caption(page: Page) -> int:
    """Count the tables in Markdown that stand in no ``{table}``."""
    return sum(not found["captioned"] for found in PIPE_TABLE.finditer(page.text))


def folded_answers(page: Page) -> int:
    """Count the folded cells under "On your own" or "Exercises" that belong to no solution."""
    under, found = False, 0
    for number, cell in enumerate(page.cells):
        if cell.cell_type == "markdown":
            heads = re.findall(r"^#+ (.*)", cell.source, re.M)
            under = any(word in heads[-1] for word in ("On your own", "Exercises")) if heads else under
        elif under and number not in page.in_solutions:
            found += "hide-cell" in cell.metadata.get("tags", [])
    return found


def numbers(page: Page) -> int:
    """Count the numbers and number words in prose that are neither computed nor reviewed."""
    return len(numbers_in_prose(prose_of(page.text), page.name))


@dataclass(frozen=True)
class Measure:
    """What is measured on a page, and the most that a page shall have."""

    measured: Callable[[Page], float]
    most: float


MEASURES = {
    "longest_print": Measure(longest_print, 12),
    "printing_code": Measure(printing_code, 0.03),
    "hidden_code": Measure(hidden_code, 0.25),
    "broken_code": Measure(broken_code, 0),
    "to_string": Measure(uses_of_to_string, 0),
    "more_than_glue": Measure(more_than_glue, 0),
    "typed_glue": Measure(typed_glue, 0),
    "dots_before_powers": Measure(dots_before_powers, 0),
    "figures_without_text": Measure(figures_without_text, 0),
    "panels_by_side": Measure(panels_by_side, 0),
    "bare_per_cent": Measure(bare_per_cent, 0),
    "round_units": Measure(round_units, 0),
    "tables_without_caption": Measure(tables_without_caption, 0),
    "folded_answers": Measure(folded_answers, 0),
    "numbers_in_prose": Measure(numbers, 0),
}


def measured(page: Page, name: str) -> float:
    """Measure one thing on a page."""
    return MEASURES[name].measured(page)


def main(names: list[str]) -> None:
    """Show what is found on the pages that are named."""
    pages = {page.name: page for page in all_pages()}
    for name in names:
        for measure, about in MEASURES.items():
            print(f"{name} {measure}: {measured(pages[name], measure):g} (at most {about.most:g})")
        print(*numbers_in_prose(prose_of(pages[name].text), name), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])

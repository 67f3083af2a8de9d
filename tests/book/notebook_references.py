"""The chapters as tests: a text notebook, and what its checked cells printed when last accepted.

A chapter that `make book` has just run, with the package and the data as they are, is not run again: its outputs are
compared as they stand in the book.

A chapter in `notebooks/` is a text notebook without outputs. A code cell tagged
`nbval-check-output` is checked: what it prints must be what `tests/book/references/<chapter>.json`
stores under the cell's own source, up to a tenth of printed errors (`printed_numbers.agree`).
Figures and HTML tables are not compared, their plain text is.

Start with `Chapter`. `notebooks/conftest.py` hands chapters to pytest, `accept_references.py`
stores new references.
"""

import functools
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml
from chapter_runs import kept_run
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbval.kernel import CURRENT_ENV_KERNEL_NAME
from nbval.plugin import IPyNbCell, IPyNbFile, coalesce_streams, find_metadata_tags
from printed_numbers import agree

from paper.figure_output import CSV, NARROW, PDF

ROOT = Path(__file__).resolve().parents[2]
REFERENCES = ROOT / "tests" / "book" / "references"
CHECKED = "nbval-check-output"

HEAD = """---
jupytext:
  text_representation:
    format_name: myst
kernelspec:
  display_name: Python 3
  name: python3
---
"""
"""Of a text notebook that a test writes."""

OPTIONS = {
    "nbdime": False,
    "nbval_cell_timeout": 2000,
    "nbval_current_env": False,
    "nbval_kernel_name": None,
    "nbval_kernel_startup_timeout": 60,
    "nbval_lax": False,
    "nbval_sanitize_with": None,
}
"""What nbval reads from the command line of pytest, to which it adds nothing here."""

Reference = dict[str, list[dict[str, str]]]
"""Source of a checked cell → outputs in order, `{"stdout": text}` or `{"text/plain": text}`."""


@dataclass(frozen=True)
class Chapter:
    """A text notebook and the place of its stored reference."""

    path: Path

    @property
    def reference_path(self) -> Path:
        """Where the accepted outputs are stored."""
        return REFERENCES / f"{self.path.stem}.json"

    @cached_property
    def notebook(self) -> NotebookNode:
        """The cells, to be run by the Python that runs the tests."""
        return deepcopy(notebook_of(self.path.read_text(encoding="utf-8")))

    @property
    def code_cells(self) -> list[NotebookNode]:
        """The cells that are run."""
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]

    @property
    def checked_sources(self) -> list[str]:
        """The sources of the cells whose output is compared.

        Raises
        ------
        ValueError
            if two of them are the same, since references are found by source.
        """
        sources = [cell.source for cell in self.code_cells if is_checked(cell)]
        for source in sources:
            if sources.count(source) > 1:
                raise ValueError(f"{self.path.name}: two checked cells have the source {source!r}")
        return sources

    @cached_property
    def executed(self) -> dict[str, list[NotebookNode]] | None:
        """Outputs by source of cell, if the book has run just these cells with just these sources; else None."""
        sources = [cell.source for cell in self.code_cells]
        run = kept_run(ROOT, self.path, sources)
        if not run.is_file():
            return None
        cells = nbformat.read(run, as_version=4).cells
        return {cell.source: cell.outputs for cell in cells if cell.cell_type == "code"}

    def read_reference(self) -> Reference:
        """Read the accepted outputs; empty if there are none yet."""
        return {
            "\n".join(entry["source"]): joined(entry["outputs"]) for entry in self._entries() if "source" in entry
        }

    def read_reason(self) -> str | None:
        """Read why numbers were last moved by more than their errors, if they were."""
        return next((entry["because"] for entry in self._entries() if "because" in entry), None)

    def _entries(self) -> list[dict]:
        return json.loads(self.reference_path.read_text(encoding="utf-8")) if self.reference_path.exists() else []

    def write_reference(self, reference: Reference, because: str | None = None) -> None:
        """Replace the accepted outputs and the reason; a write that is interrupted leaves the former ones."""
        self.reference_path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.reference_path.with_suffix(".draft")
        draft.write_text(as_json(reference, because), encoding="utf-8")
        os.replace(draft, self.reference_path)


@functools.cache
def notebook_of(text: str) -> NotebookNode:
    """Read a text notebook, once for all tests."""
    notebook = jupytext.reads(text, fmt="md:myst")
    notebook.metadata["kernelspec"] = {"name": CURRENT_ENV_KERNEL_NAME}
    return notebook


def chapters_of_the_book() -> list[Chapter]:
    """List the chapters that `_toc.yml` takes from `notebooks/`."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [entry["file"] for part in contents["parts"] for entry in part["chapters"]]
    return [Chapter(ROOT / f"{file}.md") for file in files if file.startswith("notebooks/")]


def is_checked(cell: NotebookNode) -> bool:
    """Tell whether a cell's output is compared."""
    return CHECKED in cell.metadata.get("tags", [])


def as_json(reference: Reference, because: str | None = None) -> str:
    """Write a reference line by line, so that a change shows as a change of one line."""
    cells = [{"because": because}] if because else []
    cells += [
        {
            "source": source.split("\n"),
            "outputs": [{kind: text.split("\n") for kind, text in out.items()} for out in outputs],
        }
        for source, outputs in reference.items()
    ]
    return json.dumps(cells, indent=1, ensure_ascii=False) + "\n"


def joined(outputs: list[dict[str, list[str]]]) -> list[dict[str, str]]:
    """Join the lines of stored outputs."""
    return [{kind: "\n".join(lines) for kind, lines in out.items()} for out in outputs]


def as_notebook_output(output: dict[str, str]) -> NotebookNode:
    """Give a stored output the form that a run notebook has."""
    if "stdout" in output:
        return new_output("stream", name="stdout", text=output["stdout"])
    return new_output("display_data", data={"text/plain": output["text/plain"]})


class ChapterFile(IPyNbFile):
    """A chapter that pytest runs, in one kernel, from the chapter's own folder."""

    def __init__(self, *args, parent: pytest.Collector, **kwargs) -> None:
        vars(parent.config.option).update(OPTIONS)
        super().__init__(*args, parent=parent, **kwargs)
        shown = ("text/html", "text/latex", "text/markdown", "image/svg+xml", PDF, CSV, NARROW)
        self.skip_compare = (*self.skip_compare, *shown)

    executed: dict[str, list[NotebookNode]] | None = None

    def setup(self) -> None:
        """Start a kernel, unless the book has run the chapter.

        What it ran is looked for here: only one of the processes that list the cells runs them.
        """
        self.executed = Chapter(self.path).executed
        if self.executed is None:
            super().setup()
        else:
            self.setup_sanitize_files()

    def collect(self) -> Iterator[IPyNbCell]:
        """Yield the code cells, the checked ones with their stored outputs."""
        chapter = Chapter(self.path)
        reference = chapter.read_reference()
        self.nb = chapter.notebook
        for number, cell in enumerate(chapter.code_cells):
            if is_checked(cell) and cell.source in reference:
                cell.outputs = [as_notebook_output(out) for out in reference[cell.source]]
                cell.execution_count = 1  # nbval compares only with cells that were run
            options = defaultdict(bool, find_metadata_tags(cell.metadata))
            yield ChapterCell.from_parent(self, name=f"Cell {number}", cell_num=number, cell=cell, options=options)


class ChapterCell(IPyNbCell):
    """A cell that must run and, if it is checked, must print what it printed before."""

    def compare_outputs(
        self, test: list[NotebookNode], ref: list[NotebookNode], skip_compare: tuple[str, ...] | None = None
    ) -> bool:
        """Compare as nbval does, but for texts that agree: these count as equal."""
        test = deepcopy(test)
        for new, old in zip(test, ref, strict=False):
            for one, other in ((new, old), (new.get("data", {}), old.get("data", {}))):
                for kind in ("text", "text/plain"):
                    if kind in one and kind in other and agree(one[kind], other[kind]):
                        one[kind] = other[kind]
        return super().compare_outputs(test, ref, skip_compare)

    def runtest(self) -> None:
        """Run the cell; a checked cell without a reference fails instead of passing unseen."""
        if self.parent.executed is None:
            super().runtest()
        elif self.options["check"] and self.cell.execution_count is not None:
            outputs = coalesce_streams(self.parent.executed[self.cell.source])
            if not self.compare_outputs(outputs, coalesce_streams(self.cell.outputs)):
                self.raise_cell_error("Cell outputs differ", "\n".join(self.comparison_traceback))
        if self.options["check"] and self.cell.execution_count is None:
            self.raise_cell_error(
                "no accepted output is stored for this cell: look at what it prints, then run "
                f"`make accept CHAPTERS={self.path.stem}` and commit tests/book/references/"
            )

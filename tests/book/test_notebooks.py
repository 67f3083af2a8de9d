"""Every chapter is run by the book and by the tests, and its numbers are checked."""

import re
import subprocess
from pathlib import Path

import chapter_runs
import notebook_references
import pytest
import yaml
from for_each import for_each
from nbformat.v4 import new_code_cell, new_notebook, new_output
from notebook_references import REFERENCES, ROOT, Chapter, chapters_of_the_book

CHAPTERS = chapters_of_the_book()
PAGES = [*(chapter.path for chapter in CHAPTERS), *sorted((ROOT / "book").glob("*.md"))]
each_chapter = for_each("chapter", {chapter.path.stem: chapter for chapter in CHAPTERS})


def test_book_has_all_chapters_and_no_others():
    written = set((ROOT / "notebooks").rglob("*.md"))
    assert {chapter.path for chapter in CHAPTERS} == written


@each_chapter
def test_header_makes_the_book_run_the_chapter(chapter: Chapter):
    """Without this header Jupyter Book shows the cells as prose and says nothing."""
    _, header, _ = chapter.path.read_text(encoding="utf-8").split("---\n", 2)
    header = yaml.safe_load(header)
    assert header["jupytext"]["text_representation"]["format_name"] == "myst"
    assert header["kernelspec"]["name"] == "python3"


@each_chapter
def test_chapter_checks_at_least_one_cell(chapter: Chapter):
    assert chapter.checked_sources != []


@each_chapter
def test_reference_has_exactly_the_checked_cells(chapter: Chapter):
    """If this fails: look at what the cells print, then `make accept`."""
    assert list(chapter.read_reference()) == chapter.checked_sources


def test_make_accept_finds_all_modules_of_the_tests():
    """It runs without pytest, which adds folders to the path."""
    run = subprocess.run(["make", "accept", "CHAPTERS=--help"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@each_chapter
def test_no_cell_escapes_the_check(chapter: Chapter):
    escapes = {"nbval-skip", "nbval-ignore-output", "nbval-raises-exception", "raises-exception"}
    tags = [tag for cell in chapter.code_cells for tag in cell.metadata.get("tags", [])]
    assert escapes & {tag.lower() for tag in tags} == set()


@for_each("page", PAGES)
def test_rows_of_a_table_have_as_many_cells_as_its_header(page: Path):
    """A bar in mathematics ends a cell: it is written as \\lvert or \\rvert."""
    cells = 0
    for line in page.read_text(encoding="utf-8").splitlines():
        found = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert found == cells or not found or not cells, line
        cells = found


def test_every_reference_belongs_to_a_chapter():
    expected = {chapter.reference_path for chapter in CHAPTERS}
    assert set(REFERENCES.glob("*")) <= expected


class TestExecutedByTheBook:
    HEADER = "---\nkernelspec:\n  display_name: Python 3\n  name: python3\n---\n\n"
    CELLS = HEADER + "```{code-cell} ipython3\nprint(6 * 7)\n```\n"

    @pytest.fixture
    def chapter(self, tmp_path, monkeypatch):
        monkeypatch.setattr(notebook_references, "ROOT", tmp_path)
        path = tmp_path / "chapter.md"
        path.write_text(self.CELLS, encoding="utf-8")
        return Chapter(path)

    def keep(self, chapter, source):
        """What a build leaves behind."""
        notebook = new_notebook(cells=[new_code_cell(source, outputs=[new_output("stream", text="42\n")])])
        chapter_runs.keep(notebook, chapter_runs.kept_run(chapter.path.parent, chapter.path, [source]))

    def test_its_outputs_are_used(self, chapter):
        self.keep(chapter, "print(6 * 7)")
        assert [out.text for out in chapter.executed["print(6 * 7)"]] == ["42\n"]

    def test_not_those_of_other_cells(self, chapter):
        self.keep(chapter, "print(42)")
        assert chapter.executed is None

    def test_nor_if_there_are_none(self, chapter):
        assert chapter.executed is None

"""Numbers of chapters are compared within a tenth of their printed error, and moved beyond it only with a reason."""

import json

import accept_references
import notebook_references
import pytest
from accept_references import UnexplainedMoveError, accept
from notebook_references import Chapter, ChapterCell
from printed_numbers import agree, moves


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("596 upscatterings", "596 upscatterings"),
        ("4.75 ± 0.08 in a chamber", "4.75 ± 0.08 in a chamber"),
        ("4.754 ± 0.080", "4.750 ± 0.080"),
        ("4.754 ± 0.087", "4.750 ± 0.080"),
        ("10.01 ± 0.30 events", " 9.99 ± 0.30 events"),
        ("1.0771e-07 ± 1.9e-09", "1.0770e-07 ± 1.9e-09"),
        ("−3.04 ± 0.50 %", "−3.00 ± 0.50 %"),
        ("+0.1 ± 0.0", "+0.1 ± 0.0"),
        ("a 5.01±0.20 b 7.02±0.30", "a 5.00±0.20 b 7.00±0.30"),
    ],
)
def test_a_tenth_of_the_error_does_not_matter(new, old):
    assert agree(new, old)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("597 upscatterings", "596 upscatterings"),
        ("597 upscatterings, 4.75 ± 0.08", "596 upscatterings, 4.75 ± 0.08"),
        ("4.76 ± 0.08", "4.75 ± 0.08"),
        ("4.750 ± 0.090", "4.750 ± 0.080"),
        ("4.75 ± 0.08 pb", "4.75 ± 0.08 fb"),
        ("3.04 ± 0.50", "−3.04 ± 0.50"),
        ("+0.2 ± 0.0", "+0.1 ± 0.0"),
        ("5.00 ± 0.20 and 7.00 ± 0.30", "5.00 ± 0.20"),
        ("nan ± 0.08", "4.75 ± 0.08"),
        ("a  b", "a b"),
    ],
)
def test_more_than_that_does(new, old):
    assert not agree(new, old)


def test_a_move_is_more_than_the_printed_error():
    assert list(moves("5.0 ± 0.2", "4.9 ± 0.1")) == []
    assert list(moves("5.0 ± 0.2, 7.0 ± 0.3", "4.0 ± 0.2, 7.1 ± 0.3")) == ["4 ± 0.2 became 5 ± 0.2"]
    assert list(moves("4.9 ± 0.1, 3", "4.9 ± 0.1, 2")) == []  # without an error: shown, not judged


HEADER = "---\nkernelspec:\n  display_name: Python 3\n  name: python3\n---\n\n"
TAGS = "---\ntags: [nbval-check-output]\n---\n"


@pytest.fixture
def chapter_that_prints(tmp_path, monkeypatch):
    """A chapter of one checked cell with a stored reference, as if the book had just run it."""
    monkeypatch.setattr(notebook_references, "REFERENCES", tmp_path)

    def made(stored, printed, source="print(result)", stored_source="print(result)"):
        path = tmp_path / "chapter.md"
        path.write_text(f"{HEADER}```{{code-cell}} ipython3\n{TAGS}{source}\n```\n", encoding="utf-8")
        chapter = Chapter(path)
        chapter.write_reference({stored_source: [{"stdout": stored}]})
        monkeypatch.setattr(accept_references, "run", lambda chapter: {source: [{"stdout": printed}]})
        return chapter

    return made


def stored_in(chapter):
    return [text for outputs in chapter.read_reference().values() for out in outputs for text in out.values()]


def test_a_move_within_the_error_is_stored_without_a_reason(chapter_that_prints):
    chapter = chapter_that_prints("4.70 ± 0.08\n", "4.75 ± 0.08\n")
    accept(chapter)
    assert stored_in(chapter) == ["4.75 ± 0.08\n"]
    assert chapter.read_reason() is None


@pytest.mark.parametrize("source", ["print(result)", "print(renamed)"])
def test_a_move_beyond_the_error_is_refused_without_a_reason(chapter_that_prints, source):
    chapter = chapter_that_prints("4.70 ± 0.08\n", "5.70 ± 0.08\n", source)
    with pytest.raises(UnexplainedMoveError, match=r"chapter: 4\.7 ± 0\.08 became 5\.7 ± 0\.08"):
        accept(chapter)
    assert stored_in(chapter) == ["4.70 ± 0.08\n"]


def test_a_reason_is_stored_with_the_numbers_and_stays(chapter_that_prints):
    chapter = chapter_that_prints("4.70 ± 0.08\n", "5.70 ± 0.08\n")
    accept(chapter, "the flux has another unit")
    assert stored_in(chapter) == ["5.70 ± 0.08\n"]
    assert json.loads(chapter.reference_path.read_text(encoding="utf-8"))[0] == {
        "because": "the flux has another unit"
    }
    later = chapter_that_prints("5.70 ± 0.08\n", "5.72 ± 0.08\n")
    later.write_reference(later.read_reference(), "the flux has another unit")
    accept(later)
    assert later.read_reason() == "the flux has another unit"


@pytest.mark.parametrize(("printed", "passes"), [("4.757 ± 0.080", True), ("4.770 ± 0.080", False)])
def test_a_chapter_fails_when_a_number_leaves_a_tenth_of_its_error(pytester_cell, printed, passes):
    assert pytester_cell(printed, "4.750 ± 0.080") == passes


@pytest.fixture
def pytester_cell(request, tmp_path):
    """Whether a cell of a chapter takes one printed text for another."""
    path = tmp_path / "chapter.md"
    path.write_text(f"{HEADER}```{{code-cell}} ipython3\n{TAGS}print(1)\n```\n", encoding="utf-8")
    file = notebook_references.ChapterFile.from_parent(request.session, path=path)
    (cell,) = file.collect()
    assert isinstance(cell, ChapterCell)
    file.setup_sanitize_files()

    def compared(new, old):
        return cell.compare_outputs(
            *([notebook_references.as_notebook_output({"stdout": text})] for text in (new, old))
        )

    return compared

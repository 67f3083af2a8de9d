"""Every page is what pages shall be; the measures measure what they say."""

import re
from pathlib import Path

import notebook_references
import page_measures
import pytest
from for_each import for_each
from notebook_references import ROOT, chapters_of_the_book
from page_measures import MEASURES, Page, all_pages, measured
from prose_numbers import numbers_in_prose, prose_of


@for_each("page", lambda: {page.name: page for page in all_pages()})
def test_a_page_keeps_to_what_pages_may_have(page: Page):
    """If this fails: `python tests/book/page_measures.py PAGE` shows what was found."""
    found = {name: measured(page, name) for name in MEASURES}
    assert {name: value for name, value in found.items() if value > MEASURES[name].most} == {}


HEADER = (
    "---\njupytext:\n  text_representation:\n    format_name: myst\n"
    "kernelspec:\n  display_name: Python 3\n  name: python3\n---\n\n# Page\n\n"
)


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A chapter of a few cells; what its checked cells print is stored."""
    monkeypatch.setattr(notebook_references, "REFERENCES", tmp_path)

    def made(text, stored=None):
        path = tmp_path / "notebooks" / "chapter.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEADER + text, encoding="utf-8")
        notebook_references.Chapter(path).write_reference(
            {cell: [{"stdout": out}] for cell, out in (stored or {}).items()}
        )
        return Page(path)

    return made


def cell(source, *lines):
    """A code cell with options."""
    return "\n".join(["```{code-cell} ipython3", *lines, source, "```", "", ""])


def test_the_longest_print_is_counted_unless_it_is_removed(page):
    printing = {"print(a)": "1\n2\n3\n", "print(b)": "1\n" * 20}
    text = cell("print(a)", ":tags: [nbval-check-output]") + cell("print(b)", ":tags: [remove-cell]")
    assert page_measures.longest_print(page(text, printing)) == 3


def test_code_that_prints_is_counted_in_lines_that_are_visible(page):
    text = cell("a = 1\nprint(\n    a\n)") + cell("print(2)", ":tags: [hide-input]")
    assert page_measures.printing_code(page(text)) == 3 / 4


def test_folded_code_counts_as_hidden_unless_it_is_a_solution(page):
    solution = "```{solution-start} ex-1\n```\n\n" + cell("c = 3", ":tags: [hide-cell]") + "```{solution-end}\n```\n"
    text = cell("a = 1\n# why\n\n!ls") + cell("b = 2", ":tags: [hide-input]") + solution
    assert page_measures.hidden_code(page(text)) == 1 / 3


def test_a_line_of_code_that_the_column_breaks_is_found_unless_it_is_removed(page):
    long = f"a = {'1' * page_measures.COLUMN}"
    text = cell(f"{long}\nb = 2") + cell(long, ":tags: [hide-input]") + cell(long, ":tags: [remove-cell]")
    assert page_measures.broken_code(page(text)) == 2


def test_a_line_of_a_listing_that_the_column_breaks_is_found_on_a_page_without_cells(tmp_path):
    long, prose = f"a = {'1' * page_measures.COLUMN}", tmp_path / "prose.md"
    prose.write_text(f"{long}\n\n```python\n{long}\nb = 2\n```\n\n```js\n{long}\n```\n", encoding="utf-8")
    assert page_measures.broken_code(Page(prose)) == 2


def test_a_removed_cell_may_glue_and_do_nothing_else(page):
    glue = cell('from myst_nb import glue\nglue("a", a)\nfor x in xs:\n    glue(x, x)', ":tags: [remove-cell]")
    more = cell("a = 1\nb = glue_all(a)", ":tags: [remove-cell]")
    assert page_measures.more_than_glue(page(glue)) == 0
    assert page_measures.more_than_glue(page(glue + more)) == 2


def test_a_glued_value_that_was_typed_is_found(page):
    text = cell('glue("a", "0.15")\nglue("b", f"{4:d}")\nglue("c", f"{x:.1f}")', ":tags: [remove-cell]\n")
    assert page_measures.typed_glue(page(text)) == 2


def test_a_power_of_ten_behind_a_dot_is_found(page):
    assert page_measures.dots_before_powers(page("From 3·10⁻⁷ to 4 × 10⁻⁷, at 5\u202f·\u202f10²¹.\n")) == 2


def test_a_sign_of_per_cent_at_its_number_is_found(page):
    text = cell('print(f"{a:.0%}, {b:+.1%} and {100 * c:.0f} %")\nformats = {"d": ".1%"}')
    assert page_measures.bare_per_cent(page(text)) == 3


def test_a_figure_needs_words_for_those_who_cannot_see_it(page):
    bare = "---\nmystnb:\n  figure:\n    name: fig-a\n"
    text = cell("plot()", bare + "---") + cell("plot(1)", bare + "  image:\n    alt: A line that falls.\n---")
    figure = "```{figure} a.png\n:name: fig-b\n```\n\n```{figure} b.png\n:alt: A curve.\n```\n"
    assert page_measures.figures_without_text(page(text + figure)) == 2


def test_a_panel_that_stands_below_on_a_phone_has_no_side(page):
    figure = "---\nmystnb:\n  figure:\n    name: fig-a\n    caption: |\n      Left: a. On the\n      right b.\n---"
    prose = "The left panel of {numref}`fig-a`, and the left panel of Fig. P9.\n"
    assert page_measures.panels_by_side(page(cell("plot()", figure) + prose)) == 3
    assert page_measures.panels_by_side(page("The curve rises to the left. In the first panel, too.\n")) == 0


def test_a_unit_at_an_axis_is_in_square_brackets(page):
    text = 'ax.set(xlabel="$m_N$ (GeV)", ylabel="events")', 'ax.set_xlabel(r"$c\\tau$ [cm]", label="P(10)")'
    assert page_measures.round_units(page("".join(map(cell, text)))) == 1


def test_a_table_needs_a_caption(page):
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n"
    assert page_measures.tables_without_caption(page(table)) == 1
    assert page_measures.tables_without_caption(page(f":::{{table}} Caption\n:name: tab-a\n\n{table}:::\n")) == 0


def test_an_answer_belongs_into_a_solution(page):
    text = "## Exercises\n\n" + cell("a", ":tags: [hide-cell]")
    assert page_measures.folded_answers(page(text)) == 1


def test_data_frames_as_text_are_found(page):
    assert page_measures.uses_of_to_string(page(cell("print(frame.to_string(index=False))"))) == 1


@pytest.mark.parametrize(
    "prose",
    [
        "about 17 times as many", "a rate of 0.3", "10²⁰ protons", "three times the error", "a third of the events",
        "at twice the time", "by a few per cent", "a million events", "from 130 to 150", "as *n* = 5", "−2.9",
        "above {math}`0.2` GeV", r"by {math}`10\ \%`", r"{math}`90~\%` of them",
    ],
)  # fmt: skip
def test_a_number_in_prose_is_found(prose):
    assert numbers_in_prose(prose_of(f"Text with {prose} in it.\n"), "no page")


@pytest.mark.parametrize(
    "prose",
    [
        "{glue:text}`ratio` times as many", "{math}`m = 5`", "$m = 5$", "the code `x = 5`", "in 2022", "a third idea",
        "P(9) and Fig. P9", "Table P1", "Eqs. (23) to (28)", "excluded at 90 % confidence", "the two masses",
        "ND280 and FGD1", "{cite:t}`Abe:2019`", "Python 3.11 to 3.14", "it takes 20 minutes", "[link](page-3.html)",
        "the first half",
    ],
)  # fmt: skip
def test_what_is_no_number_of_physics_is_let_through(prose):
    assert numbers_in_prose(prose_of(f"Text with {prose} in it.\n"), "no page") == []


def test_code_and_mathematics_are_no_prose():
    text = HEADER + cell("x = 17") + "```{math}\n:label: eq-5\nx = 17\n```\n\n    \n```\nmake 17\n```\n\nWords.\n"
    assert prose_of(text).split() == ["#", "Page", "Words."]


def minutes_to_read(path: Path) -> int:
    """The reading time that a chapter states."""
    text = path.read_text(encoding="utf-8")
    return int(re.search(r"\*\*Time:\*\* (\d+) minutes to read", text)[1])


WITH_EXERCISES = [one for one in chapters_of_the_book() if not one.path.stem.startswith("9")]  # no appendix


@for_each("chapter", {chapter.path.stem: chapter for chapter in WITH_EXERCISES})
def test_a_chapter_states_minutes_in_one_form_and_those_of_its_exercises_are_their_sum(chapter):
    text = chapter.path.read_text(encoding="utf-8")
    minutes = [int(one) for one in re.findall(r"^[`:]{3,}\{exercise\} .*, (\d+) minutes$", text, re.M)]
    stated = re.search(r"^\*\*Time:\*\* \d+ minutes to read.*, [^;]* to run(?:; the (.*))?\.$", text, re.M)
    word = "exercises take" if len(minutes) > 1 else "exercise takes"
    total = {60: "an hour"}.get(sum(minutes), f"{sum(minutes)} minutes")
    assert stated
    assert stated[1] == (f"{word} {total}" if minutes else None)


def test_reading_paths_state_the_sum_of_the_reading_times_of_their_pages():
    """A path is a list of pages; "to" between two of them stands for all pages from the one to the other."""
    order = [chapter.path for chapter in chapters_of_the_book()]
    front = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .*\| (.*doc.*) \| (\d+) minutes \|$", front, re.M)
    assert len(rows) == 4
    for pages, stated in rows:
        read = []
        for is_range, name in re.findall(r"(to )?\{doc\}`\.\./(notebooks/\w+)`", pages):
            path = ROOT / f"{name}.md"
            begin = order.index(read[-1]) + 1 if is_range else order.index(path)
            read += order[begin : order.index(path) + 1]
        assert sum(map(minutes_to_read, read)) == int(stated), pages

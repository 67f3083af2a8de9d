"""The bibliography: everything in it is cited, nothing is there twice, and titles read as text."""

import re
from collections import Counter

import pytest
from for_each import for_each
from notebook_references import ROOT
from pybtex.database import parse_file

from paper.constraints.sources import sources_table

ENTRIES = parse_file(ROOT / "book" / "references.bib").entries
PAGES = [*(ROOT / "notebooks").glob("*.md"), *(ROOT / "book").glob("*.md")]
TABLES = [sources_table(mediator, "tab", "Limits") for mediator in ("heavy", "light")]
CITED = {
    key
    for text in (*(page.read_text(encoding="utf-8") for page in PAGES), *TABLES)
    for keys in re.findall(r"\{cite:[a-z]+\}`([^`]+)`", text)
    for key in keys.replace(" ", "").split(",")
}


def test_every_entry_is_cited_and_every_citation_has_an_entry():
    assert set(ENTRIES) == CITED


@pytest.mark.parametrize("field", ["doi", "eprint", "title"])
def test_no_work_is_listed_twice(field):
    values = Counter(entry.fields[field].lower() for entry in ENTRIES.values() if field in entry.fields)
    assert [value for value, times in values.items() if times > 1] == []


@for_each("key", [*ENTRIES])
def test_a_title_has_no_formula_in_tex(key):
    """Sphinx would print it as it stands."""
    assert not re.search(r"[$\\]", ENTRIES[key].fields["title"])


@for_each("key", [*ENTRIES])
def test_a_title_keeps_its_capitals(key):
    """Outside of braces the style writes all but the first letter small: CLs would become cls."""
    title, nested = ENTRIES[key].fields["title"], 1
    while nested:
        title, nested = re.subn(r"\{[^{}]*\}", "", title)
    assert not re.search(r"[A-Z]{2}|[a-z][A-Z]", title)
    assert not re.search(r"\b(Bayes|Monte|Carlo|Cousins|Feldman|Higgs|Majorana|Poisson|Standard Model)", title)


@for_each("key", [*ENTRIES])
def test_an_entry_can_be_found(key):
    entry = ENTRIES[key]
    assert entry.persons
    assert entry.fields["year"].isdecimal()
    where = ("doi", "eprint", "journal", "number", "publisher")
    assert any(field in entry.fields for field in where)

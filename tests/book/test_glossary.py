"""The glossary: enough words, one plain sentence each, and every word that a page links to."""

import re

import pytest
from for_each import for_each
from notebook_references import ROOT
from page_measures import all_pages

TEXT = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^(\w[^\n]*)\n  (\S[^\n]*)$", TEXT.partition(":sorted:\n")[2].partition("\n```")[0], re.M))
ABBREVIATIONS = dict(re.findall(r"^\* - (.+)\n  - (.+)$", TEXT.partition("## Abbreviations")[2], re.M))


def test_there_are_at_least_eighty_words():
    assert len(ENTRIES) >= 80


def test_no_word_is_there_twice():
    words = [word.lower() for word in re.findall(r"^(\w[^\n]*)\n  \S", TEXT.partition(":sorted:\n")[2], re.M)]
    assert len(set(words)) == len(words)


@for_each("word", [*ENTRIES])
def test_a_word_has_one_plain_sentence(word):
    sentence = ENTRIES[word]
    assert sentence.endswith(".")
    assert not re.search(r"[.!?] [A-Z]", sentence)


def test_a_page_links_only_to_words_that_are_there():
    known = {word.lower() for word in ENTRIES}
    for page in all_pages():
        used = {term.lower() for term in re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", page.text)}
        assert used <= known, page.name


@pytest.mark.parametrize("name", ["FHC", "RHC", "POT", "TPC", "FGD", "CL", "HNL"])
def test_the_abbreviations_of_the_field_are_listed(name):
    assert ABBREVIATIONS[name]

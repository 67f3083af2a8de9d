"""A book of two chapters, built with the configuration of the book: what every page has."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from matplotlib.image import imread
from notebook_references import HEAD, ROOT

sys.path.append(str(ROOT / "book" / "checks"))
import check_pages

TOC = """format: jb-book
root: front
parts:
  - caption: One
    numbered: 1
    chapters: [{file: notebooks/01_first}]
  - caption: Two
    numbered: 1
    chapters: [{file: notebooks/02_second}]
  - caption: Reference
    chapters: [{file: glossary}, {file: genindex}]
"""

FRONT = """# A book

What it is about. See {numref}`tab-first`, {numref}`fig-second`, {eq}`eq-second`, {numref}`ex-first`, {term}`kernel`.

:::{chapter-figure} notebooks/02_second fig-second
:alt: Two rising lines.

The figure of the second chapter.
:::
"""

GLOSSARY = "# Glossary\n\n```{glossary}\nkernel\n  A function of a distance.\n```\n"

CHAPTER = (
    HEAD
    + """
# The NAME chapter

The NAME chapter has one of everything.

```{math}
:label: eq-NAME
a = b
```

```{code-cell} ipython3
import matplotlib.pyplot as plt

from paper.tables import table

table(
    {"point": ["A"], r"$|V|^2$": [2.2e-7], "rate": [4.7012], "±": [0.0512]},
    name="tab-NAME", caption="Rates at some $|V|^2$.", units={"rate": "pb"}, errors={"rate": "±"},
)
```

```{code-cell} ipython3
---
tags: [hide-input]
mystnb:
  figure:
    name: fig-NAME
    caption: Two panels.
  image:
    alt: Two rising lines.
---
fig, axes = plt.subplots(1, 2)
axes[0].plot([1, 2], label="one")
axes[1].plot([1, 3])
plt.show()
```

## Exercises

````{exercise} warm-up, 5 minutes
:label: ex-NAME

How much is *a*?

:::{dropdown} Hint
Look above.
:::
````

```{solution-start} ex-NAME
:class: dropdown
```

```{code-cell} ipython3
print("b")
```

```{solution-end}
```
"""
)


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """The built pages, on one core: on several, each would import anew what chapters import."""
    root = tmp_path_factory.mktemp("book")
    for name in ("book/_ext", "book/_static"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("_config.yml", "requirements.txt", "book/references.bib"):
        shutil.copy(ROOT / name, root / name)
    (root / "notebooks").mkdir()
    pages = {"_toc.yml": TOC, "front.md": FRONT, "glossary.md": GLOSSARY, "genindex.md": "# Index\n"}
    pages |= {f"notebooks/0{n}_{name}.md": CHAPTER.replace("NAME", name) for n, name in ((1, "first"), (2, "second"))}
    for name, text in pages.items():
        (root / name).write_text(text, encoding="utf-8")
    one_core = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])"
    build = f"{one_core}; from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", build, "build", str(root), "-W", "-n", "--keep-going"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return root / "_build" / "html"


@pytest.fixture(scope="module")
def second(html):
    return (html / "notebooks" / "02_second.html").read_text(encoding="utf-8")


def test_chapters_equations_figures_and_tables_are_numbered_by_chapter(html, second):
    front = (html / "front.html").read_text(encoding="utf-8")
    assert [f">{text}<" in front for text in ("Table 1.1", "Fig. 2.1", "(2.1)", "Exercise 1.1")] == [True] * 4
    assert "2. </span>The second chapter" in second
    assert "(2.1)" in second


def test_the_sidebar_of_every_page_lists_all_of_them(html):
    pages = ("front", "notebooks/01_first", "notebooks/02_second", "glossary")
    listed = {page: (html / f"{page}.html").read_text(encoding="utf-8").count('class="toctree-l1') for page in pages}
    assert listed == dict.fromkeys(pages, len(pages) + 1)  # and the index


def test_a_table_has_caption_aligned_numbers_and_mathematics_with_bars(second):
    found = re.search(r'<table class="table" id="tab-second">.*?</table>', second, re.S)[0]
    assert "Table 2.1" in found
    assert re.findall(r'class="text-right"><p>([^<]*)</p>', found) == [
        "2.2\u00a0×\u00a010⁻⁷",
        "4.701\u00a0±\u00a00.051",
    ]
    assert found.count(r"\(|V|^2\)") == 2


def test_a_figure_has_text_a_narrow_drawing_and_its_files(html, second):
    found = re.search(r"<figure.*?</figure>", second, re.S)[0]
    assert 'alt="Two rising lines."' in found
    assert (
        '<picture><source media="(max-width: 600px)" srcset="../_downloads/figures/fig-second.narrow.svg">' in found
    )
    line = 1 + CHAPTER[: CHAPTER.index("---\ntags: [hide-input]")].count("\n") - 1
    assert f">Source, line {line}</a>" in found
    for kind, beginning in (("pdf", b"%PDF"), ("csv", b"# panel 1"), ("narrow.svg", b"<?xml")):
        assert (html / "_downloads" / "figures" / f"fig-second.{kind}").read_bytes().startswith(beginning)


def test_a_figure_of_a_chapter_on_another_page_has_its_narrow_drawing_too(html):
    found = re.search(r'<a class="chapter-figure".*?</a>', (html / "front.html").read_text(encoding="utf-8"), re.S)[0]
    assert 'href="notebooks/02_second.html#fig-second"' in found
    assert '<source media="(max-width: 600px)" srcset="_downloads/figures/fig-second.narrow.svg">' in found
    assert '<img src="_downloads/figures/fig-second.svg" alt="Two rising lines.">' in found


def test_a_page_has_description_preview_icon_and_stamp(html, second):
    assert '<meta name="description" content="The second chapter has one of everything.' in second
    assert re.search(r'<meta property="og:image" content="[^"]*_static/card.png"', second)
    assert imread(html / "_static" / "card.png").shape[:2] == (630, 1200)
    assert 'href="../_static/favicon.svg"' in second
    assert re.search(r'class="build-stamp">darkpkg \d+\.\d+\.\d+', second)


def test_a_chapter_can_be_had_as_a_notebook(html, second):
    assert 'href="../_sources/notebooks/02_second.ipynb"' in second
    notebook = json.loads((html / "_sources" / "notebooks" / "02_second.ipynb").read_text(encoding="utf-8"))
    assert [cell for cell in notebook["cells"] if cell.get("outputs")] == []


def test_the_index_has_the_words_of_the_glossary(html):
    index = (html / "genindex.html").read_text(encoding="utf-8")
    assert 'glossary.html#term-kernel"' in index


def test_such_pages_have_no_problems(html):
    pages = [
        path for path in html.rglob("*.html") if not check_pages.only_leads_on(path) and "_static" not in path.parts
    ]
    assert len(pages) == 6
    assert {path.name: list(check_pages.problems(path)) for path in pages} == {path.name: [] for path in pages}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="gone.html">there</a>', "links to gone.html"),
        ('<a href="#gone">there</a>', "links to #gone"),
        ('<source srcset="gone.svg">', "links to gone.svg"),
        ('<img src="a/b.png">', "shows b.png without an alternative text"),
        ('<img src="b.png" alt="_images/b.png">', "shows b.png without an alternative text"),
        ('<table class="dataframe"></table>', "shows 1 data frames"),
        ('<div class="output stream"><pre>' + "x\n" * 13 + "</pre></div>", "prints 13 lines"),
        ("<td>{math}`m_N`</td>", "shows {math} as text"),
        ('<nav class="bd-links"><li class="toctree-l1"></li></nav>', "lists no chapter in its sidebar"),
        ('<p class="figure-files" data-smallest-text="7.5">', "has text of 7.5 points"),
    ],
)
def test_a_problem_of_a_page_is_found(body, problem, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    (found,) = check_pages.problems(path)
    assert found.startswith(problem)


def test_without_a_browser_that_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(check_pages.shutil, "which", lambda name: None)
    assert check_pages.in_browser([tmp_path / "page.html"])
    assert capsys.readouterr().out == (
        "not checked, as there is no chromium, no node, no npm: accessibility, requests, widths and weights\n"
    )

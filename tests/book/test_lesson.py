"""Exercises: a ladder with hints and folded solutions, and lessons without them."""

import re
import sys

import jupytext
import pytest
from for_each import for_each
from notebook_references import HEAD, ROOT, chapters_of_the_book

sys.path.append(str(ROOT / "book"))
import lesson

LEVELS = "Warm-up|Apply|Explain|Project"
TITLE = re.compile(rf"(?:{LEVELS})(?:: [^()]+)?, \d+ minutes")

CHAPTER = (
    HEAD
    + """
# Page

```{code-cell} ipython3
a = 1
```

## Exercises

````{exercise} Warm-up, 5 minutes
:label: ex-a

How much is *a*?

:::{dropdown} Hint
Look above.
:::
````

```{solution-start} ex-a
:class: dropdown
```

It is one.

```{code-cell} ipython3
print(a)
```

```{solution-end}
```

```{exercise} Apply, 10 minutes
:label: ex-b

And twice that?
```

```{solution} ex-b
:class: dropdown
Two.
```

## In practice

The end.
"""
)


@pytest.fixture(scope="module")
def cells():
    return jupytext.reads(lesson.without_solutions(CHAPTER), fmt="md:myst").cells


def test_a_lesson_has_an_empty_cell_in_the_place_of_each_solution(cells):
    assert [cell.source for cell in cells if cell.cell_type == "code"] == ["a = 1", "# your answer", "# your answer"]
    text = "\n".join(cell.source for cell in cells)
    assert "It is one." not in text
    assert "Two." not in text


def test_a_lesson_has_exercises_and_hints_as_text(cells):
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert "**Exercise** Warm-up, 5 minutes\n\nHow much is *a*?\n" in text
    assert "<details><summary>Hint</summary>\n\nLook above.\n\n</details>" in text
    assert "**Exercise** Apply, 10 minutes\n\nAnd twice that?" in text
    assert "{exercise}" not in text
    assert "The end." in text


def exercises():
    """Title, body and the text of the page of each exercise, by page and title."""
    texts = {chapter.path.stem: chapter.path.read_text(encoding="utf-8") for chapter in chapters_of_the_book()}
    return {
        f"{page}, {number}: {found['title']}": (found["title"], found["body"], text)
        for page, text in texts.items()
        for number, found in enumerate(lesson.EXERCISE.finditer(text), 1)
    }


@for_each("exercise", exercises)
def test_an_exercise_has_level_minutes_hint_and_a_folded_solution(exercise):
    title, body, text = exercise
    assert TITLE.fullmatch(title)
    assert lesson.HINT.search(body)
    label = re.search(r"^:label: (ex-[\w-]+)$", body, re.M)[1]
    solution = rf"^[`:]{{3,}}\{{solution(?:-start)?\}} {label}\n:class: dropdown$"
    assert re.search(solution, text, re.M), f"no folded solution of {label}"


@for_each("chapter", chapters_of_the_book)
def test_a_lesson_of_each_chapter_is_a_notebook(chapter):
    text = lesson.without_solutions(chapter.path.read_text(encoding="utf-8"))
    assert "{solution" not in text
    assert "{exercise}" not in text
    assert jupytext.reads(text, fmt="md:myst").cells

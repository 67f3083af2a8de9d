"""Write the chapters as notebooks for a lesson: exercises without their solutions.

    make lesson                          # all chapters that have exercises
    make lesson CHAPTERS="13_kernel"     # some

Each exercise with its hint is text, an empty cell for the answer follows it. The rest of the chapter stays, so that
the notebook runs.
"""

import re
import sys
from pathlib import Path

import jupytext

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "_build" / "lesson"

SOLUTION = re.compile(
    r"^(?P<fence>[`:]{3,})\{solution-start\}.*?^[`:]{3,}\{solution-end\}\s*?^[`:]{3,}$"
    r"|^(?P<other>[`:]{3,})\{solution\}.*?^(?P=other)$",
    re.M | re.S,
)
EXERCISE = re.compile(r"^(?P<fence>[`:]{3,})\{exercise\} *(?P<title>.*)\n(?P<body>(?:.*\n)*?)(?P=fence)$", re.M)
HINT = re.compile(r"^:::\{dropdown\} Hint\n(?P<body>(?:.*\n)*?):::$", re.M)
OPTION = re.compile(r"^:\w+:.*\n", re.M)
ANSWER = "```{code-cell} ipython3\n# your answer\n```"


def without_solutions(chapter: str) -> str:
    """Replace each solution of a text notebook by an empty cell, and its exercises and hints by Markdown."""
    chapter = SOLUTION.sub(ANSWER, chapter)
    return EXERCISE.sub(_exercise, chapter)


def _exercise(found: re.Match) -> str:
    body = HINT.sub(_hint, OPTION.sub("", found["body"], count=1))
    return f"**Exercise** {found['title']}\n\n{body.strip()}\n"


def _hint(found: re.Match) -> str:
    return f"<details><summary>Hint</summary>\n\n{found['body'].strip()}\n\n</details>\n"


def main(names: list[str]) -> None:
    """Write the notebooks of the chapters named, or of all that have exercises."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "notebooks").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if path.stem in names or (not names and EXERCISE.search(text)):
            target = FOLDER / f"{path.stem}.ipynb"
            jupytext.write(jupytext.reads(without_solutions(text), fmt="md:myst"), target)
            print(target.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])

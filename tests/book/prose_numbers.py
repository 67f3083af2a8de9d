"""Numbers in the prose of a page that nobody computed: digits and number words outside of ``glue``.

Begin with `numbers_in_prose`. What is no number of physics is listed in `prose_numbers.toml`, each entry reviewed by
a person: patterns that hold on every page (years, equations, versions), and phrases of single pages.
"""

import re
import tomllib
from functools import cache

from notebook_references import ROOT

EXCEPTIONS = ROOT / "tests" / "book" / "prose_numbers.toml"

NOT_PROSE = [
    re.compile(r"\A---\n.*?^---\n", re.M | re.S),
    re.compile(
        r"^(?P<fence>[`:]{3,})\{(?:code-cell|math|eval-rst|bibliography|toctree|code-block)\}.*?^(?P=fence)$",
        re.M | re.S,
    ),
    re.compile(r"^(?P<fence>`{3,})(?:\w+)?\n.*?^(?P=fence)$", re.M | re.S),  # code
    re.compile(r"^\$\$.*?\$\$", re.M | re.S),
    re.compile(
        r"^[`:]{3,}\{(?:exercise|list-table|table)\}|^[`:]{3,}.*\{.*\}\s*[\w./-]*\s*$|^:[\w-]+:.*$|^[`:]{3,}$", re.M
    ),  # marks of directives
    re.compile(r"^\s*\d+\. ", re.M),  # numbers of a list
    re.compile(r"\{[\w:]+\}`[^`]*`|``[^`]+``|`[^`]*`|\$[^$\n]+\$"),  # roles, code, mathematics
    re.compile(r"\]\([^)]*\)|<?https?://\S+"),  # addresses
]

EXERCISE = re.compile(r"^(?P<fence>[`:]{3,})\{exercise\}.*?^(?P=fence)$", re.M | re.S)
BARE = re.compile(r"\{math\}`([−+-]?\d[\d.]*(?:\\[ ,]\d+)*)(?:(?:~|\\[ ,])*\\?%)?`")
"""A number that stands alone in mathematics, which is no formula."""

SMALL = "one|two|three|four|five|six|seven|eight|nine|ten"
LARGE = (
    "eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy"
    "|eighty|ninety|dozen|dozens|hundred|hundreds|thousand|thousands|million|millions|billion"
)
PARTS = "third|quarter|fifth|sixth|tenth|hundredth|thousandth|half"
NUMBER = re.compile(
    r"(?<![\w.,/])[−-]?\d(?:[\d  .,·]*\d)?(?![A-Za-z_\d])"
    rf"|\b(?:{SMALL}) (?:times|per ?cent|%|σ|sigma|orders of|standard deviations|of (?:its|their) errors)"
    rf"|\b(?:{LARGE})\b"
    rf"|\b(?:an?|one) (?:{PARTS}) of\b|\b(?:two|three|four|nine) (?:{PARTS})s\b|\bhalf (?:of|the|an?|its|as)\b"
    r"|\b(?:twice|thrice|halves|halved|doubles|doubled|threefold|tenfold|per ?cent)\b",
    re.I,
)


def prose_of(source: str) -> str:
    """Leave of a page in MyST only what is read as prose.

    A number alone in mathematics is read as such; what an exercise gives in this way need not be computed.
    """
    source = BARE.sub(r"\1", EXERCISE.sub(lambda found: BARE.sub(" ", found[0]), source))
    for pattern in NOT_PROSE:
        source = pattern.sub(" ", source)
    return source


def numbers_in_prose(prose: str, page: str) -> list[str]:
    """List the numbers in prose that are no exception, each with the words around it."""
    for pattern in exceptions(page):
        prose = pattern.sub(" ", prose)
    return [
        " ".join(prose[max(found.start() - 40, 0) : found.end() + 30].split()) + f"  [{found[0].strip()}]"
        for found in NUMBER.finditer(prose)
    ]


@cache
def exceptions(page: str) -> tuple[re.Pattern[str], ...]:
    """Read the reviewed patterns, and the phrases of a page, where any blanks match any other."""
    listed = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))
    phrases = [r"\s+".join(map(re.escape, phrase.split())) for phrase in listed.get(page, {}).get("phrases", [])]
    return tuple(re.compile(pattern) for pattern in [*listed["everywhere"]["patterns"], *phrases])

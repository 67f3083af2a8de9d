"""What the paper claims, each claim put so that a number decides. Begin with `claims`."""

from __future__ import annotations

from dataclasses import dataclass

from darkpkg import datasets

__all__ = ["Claim", "claims"]


@dataclass(frozen=True)
class Claim:
    """A sentence or number of the paper, put so that a number decides: it must lie from ``low`` to ``high``.

    The interval is what rounding or wording of the paper allow; nan means no bound. ``number`` is what is printed,
    nan for a statement. ``page`` is the chapter that computes it, ``assumption`` what must be assumed beyond the
    text, empty if nothing helps or is needed. ``reason`` may hold fields that `verdicts.explained` fills with our
    numbers.
    """

    id: str
    section: str
    place: str
    claim: str
    paper: str
    number: float
    low: float
    high: float
    unit: str
    page: str
    assumption: str
    reason: str


def claims() -> tuple[Claim, ...]:
    """All claims, in the order of the table.

    >>> claims()[0].place
    'Abstract'
    """
    rows = datasets.read("paper/claims")
    texts = [name for name in rows if name not in ("number", "low", "high")]
    rows = rows.fillna(dict.fromkeys(texts, ""))
    return tuple(Claim(**row) for row in rows.to_dict("records"))

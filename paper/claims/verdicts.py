"""What the paper claims, what we find, and whether the two agree: claim by claim, by one stated rule.

Begin with `table`. The claims are read from ``data/paper/claims.csv``; `paper.claims.answers` has a function for
each. No verdict is written down anywhere: `verdict` derives it from numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from darkpkg import datasets
from paper.claims.answers import ANSWERS, Answer, Evidence, SamplesLike

__all__ = ["VERDICTS", "Claim", "agrees", "claims", "explained", "table", "verdict"]

VERDICTS = ("reproduced", "with an assumption", "not reproduced")
"""What `verdict` can say."""

SIGMAS = 2.0
"""So many of its own errors a number may lie outside."""


@dataclass(frozen=True)
class Claim:
    """A sentence or number of the paper, put so that a number decides: it must lie from ``low`` to ``high``.

    The interval is what rounding or wording of the paper allow; nan means no bound. ``number`` is what is printed,
    nan for a statement. ``page`` is the chapter that computes it, ``assumption`` what must be assumed beyond the
    text, empty if nothing helps or is needed. ``reason`` may hold fields that `explained` fills with our numbers.
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


def agrees(claim: Claim, answer: Answer) -> bool:
    """Whether a number lies in the interval of a claim, or no more than two of its own errors outside.

    >>> half = next(claim for claim in claims() if claim.id == "decays_at_B")          # 4.55 to 4.65
    >>> agrees(half, Answer(4.70, error=0.03)), agrees(half, Answer(4.70, error=0.01))
    (True, False)
    """
    outside = max(np.nan_to_num(claim.low - answer.value), np.nan_to_num(answer.value - claim.high), 0.0)
    return bool(np.isfinite(answer.value) and outside <= SIGMAS * answer.error)


def verdict(claim: Claim, answer: Answer) -> str:
    """``"reproduced"`` if our number with the text as printed agrees, or else if it does under the stated assumption
    ``"with an assumption"``, or else ``"not reproduced"``."""
    if agrees(claim, answer):
        return VERDICTS[0]
    return VERDICTS[1] if answer.assumed is not None and agrees(claim, answer.assumed) else VERDICTS[2]


def explained(claim: Claim, answer: Answer) -> str:
    """The reason of a claim with our numbers in it: ``{ours}``, ``{ratio}`` to the printed number, or to one if that is
    zero or none is printed, and ``{off}``, the distance of that ratio from one in per cent."""
    ratio = answer.value / (np.nan_to_num(claim.number) or 1.0)
    return claim.reason.format(ours=answer.value, ratio=ratio, off=100 * abs(ratio - 1))


def table(samples: SamplesLike, names: Iterable[str] | None = None) -> pd.DataFrame:
    """A row for each claim: the fields of `Claim`, our number with its error, also as assumed, and the verdict.

    Parameters
    ----------
    samples
        With placed samples ``at_A``, ``at_B`` and ``heavy``, or `Evidence`, which keeps what it computes.
    names
        Names of the claims to answer; all by default. Raises `KeyError` for one that is not there.

    Returns
    -------
    pandas.DataFrame
        Indexed by the name of the claim. ``ratio`` is ours over the printed number, under the assumption if it takes
        one, and nan for statements and bounds.
    """
    known = {claim.id: claim for claim in claims()}
    evidence = samples if isinstance(samples, Evidence) else Evidence(samples)
    rows = []
    for name in known if names is None else names:
        if name not in known:
            raise KeyError(f"no claim {name!r}, only {', '.join(known)}")
        claim, answer = known[name], ANSWERS[name](evidence)
        assumed = answer.assumed or Answer(np.nan, np.nan)
        found = verdict(claim, answer)
        decisive = assumed if found == VERDICTS[1] else answer
        row = asdict(claim) | {"ours": answer.value, "error": answer.error, "reason": explained(claim, answer)}
        row |= {"assumed": assumed.value, "assumed_error": assumed.error}
        is_a_number = np.isfinite([claim.number, claim.low, claim.high]).all()
        row |= {"ratio": decisive.value / claim.number if is_a_number else np.nan, "verdict": found}
        rows.append(row)
    return pd.DataFrame(rows).set_index("id")

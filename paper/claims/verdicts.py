"""Whether what we find agrees with what the paper claims: claim by claim, by one stated rule.

Begin with `table`. The claims are those of `paper.claims.questions`. No verdict is written down anywhere: `verdict`
derives it from numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from types import FunctionType

import numpy as np
import pandas as pd

from paper.claims import detector, limits, method, miniboone, model
from paper.claims.answer import Answer
from paper.claims.questions import Claim, claims
from paper.claims.samples import Samples

__all__ = ["ANSWERS", "VERDICTS", "agrees", "explained", "table", "verdict"]

ANSWERS: dict[str, Callable[[Samples], Answer]] = {
    name: function
    for section in (model, detector, method, limits, miniboone)
    for name, function in vars(section).items()
    if isinstance(function, FunctionType) and function.__module__ == section.__name__ and not name.startswith("_")
}
"""The function that answers each claim, by the name of both."""

VERDICTS = ("reproduced", "with an assumption", "not reproduced")
"""The values of `verdict`."""

STORED_COLUMNS = ["ours", "error", "assumed", "assumed_error", "verdict"]
"""What a file of verdicts keeps of `table`, beside the name of the claim."""

SIGMAS = 2.0
"""So many of its own errors a number may lie outside."""


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
    """The reason of a claim with our numbers in it.

    They are ``{ours}``, ``{assumed}`` under the assumption, ``{ratio}`` of ours to the printed number, or to one if
    that is zero or none is printed, and ``{off}``, the distance of that ratio from one in per cent; and fields of the
    claim, such as ``{claim.high}``.
    """
    ratio = answer.value / (np.nan_to_num(claim.number) or 1.0)
    assumed = answer.assumed.value if answer.assumed else np.nan
    return claim.reason.format(claim=claim, ours=answer.value, assumed=assumed, ratio=ratio, off=100 * abs(ratio - 1))


def table(samples: Samples, names: Iterable[str] | None = None) -> pd.DataFrame:
    """A row for each claim: the fields of `Claim`, our number with its error, also as assumed, and the verdict.

    Parameters
    ----------
    samples
        Those of `paper.claims.samples.simulate`, or others of the same masses; what is computed is kept with them.
    names
        Names of the claims to answer; all by default. Raises `KeyError` for one that is not there.

    Returns
    -------
    pandas.DataFrame
        Indexed by the name of the claim. ``ratio`` is ours over the printed number, under the assumption if it takes
        one, and nan for statements and bounds.
    """
    known = {claim.id: claim for claim in claims()}
    rows = []
    for name in known if names is None else names:
        if name not in known:
            raise KeyError(f"no claim {name!r}, only {', '.join(known)}")
        claim, answer = known[name], ANSWERS[name](samples)
        assumed = answer.assumed or Answer(np.nan, np.nan)
        found = verdict(claim, answer)
        decisive = assumed if found == VERDICTS[1] else answer
        row = asdict(claim) | {"ours": answer.value, "error": answer.error, "reason": explained(claim, answer)}
        row |= {"assumed": assumed.value, "assumed_error": assumed.error}
        is_a_number = np.isfinite([claim.number, claim.low, claim.high]).all()
        row |= {"ratio": decisive.value / claim.number if is_a_number else np.nan, "verdict": found}
        rows.append(row)
    return pd.DataFrame(rows).set_index("id")

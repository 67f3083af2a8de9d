"""What chapters print, compared: a number with an error may differ by a fraction of that error, all else is equal.

Begin with `agree`; `moves` lists the numbers that differ by more than their whole error.
"""

import re
from collections.abc import Iterator

SAME = 0.1
"""By less than this fraction of its printed error a number may differ, and the error by no more.

Seeds are fixed: without a reason only another order of sums or another machine changes a number, far below its error.
"""

NUMBER = r"[+\-−]?\d+(?:\.\d+)?(?:[eE][+\-]?\d+)?"
WITH_ERROR = re.compile(rf"({NUMBER}) *± *({NUMBER})")


def agree(new: str, old: str) -> bool:
    """Tell whether a text is the old one, up to a tenth of the printed errors.

    Where there is any error blanks count once, as a wider number shifts a column.
    """
    if new == old:
        return True
    if between_numbers(new) != between_numbers(old):
        return False
    pairs = list(zip(numbers_with_errors(new), numbers_with_errors(old), strict=True))
    return bool(pairs) and all(
        now == before or (abs(now[0] - before[0]) < SAME * before[1] and abs(now[1] - before[1]) <= SAME * before[1])
        for now, before in pairs
    )


def moves(new: str, old: str) -> Iterator[str]:
    """Say which numbers differ by more than their error, the larger of the two.

    They are compared in their order, if both texts have as many.
    """
    now, before = list(numbers_with_errors(new)), list(numbers_with_errors(old))
    if len(now) == len(before):
        for (x, error), (former, its_error) in zip(now, before, strict=True):
            if abs(x - former) > max(error, its_error):
                yield f"{former:g} ± {its_error:g} became {x:g} ± {error:g}"


def between_numbers(text: str) -> list[str]:
    """List the words of a text without its numbers with errors."""
    return WITH_ERROR.sub(" ± ", text).split()


def numbers_with_errors(text: str) -> Iterator[tuple[float, float]]:
    """Yield value and error of each."""
    for found in WITH_ERROR.finditer(text):
        value, error = (float(part.replace("−", "-")) for part in found.groups())
        yield value, error

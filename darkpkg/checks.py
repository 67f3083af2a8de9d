"""What a public function takes for an array of numbers, for a count and for a small file: one rule for all.

Begin with `real_numbers`. Each raises `ValueError` or `TypeError` that names the argument, the value and the rule.
"""

from __future__ import annotations

import operator
import os
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

__all__ = ["real_numbers", "small_text", "whole_number"]


def real_numbers(
    name: str,
    values: ArrayLike,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    positive: bool = False,
    nan: bool = False,
) -> Array:
    """``values`` as an array of floats, of the same shape: real numbers, not nan, from ``low`` to ``high``.

    With ``positive`` they are above zero, and finite; with ``nan`` some may be nan, where that says something.
    Complex numbers, texts, dates, truth values and masked numbers are refused: turned into floats they would lose
    what makes them what they are.

    >>> real_numbers("m_N", [1, 2], positive=True)
    array([1., 2.])
    """
    array = _floats(name, values)
    if positive:
        _refuse(name, array, ~((array > 0) & (array < np.inf)), "positive and finite")
    if not nan:
        _refuse(name, array, np.isnan(array), "a number")
    _refuse(name, array, array < low, f"at least {low:g}" if low else "zero or more")
    _refuse(name, array, array > high, f"at most {high:g}" if high < np.finfo(float).max else "finite")
    return array


def whole_number(name: str, value: Any, least: int = 0) -> int:
    """``value`` as an integer, which it must be, and ``least`` or more."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def small_text(path: str | os.PathLike[str], most: int) -> str:
    """The text of an ordinary file of at most ``most`` bytes; a pipe or a device could go on for ever."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no file at {path}")
    if not path.is_file():
        raise ValueError(f"{path} must be an ordinary file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path} must be a file of at most {most} bytes, got {path.stat().st_size}")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be a text in UTF-8, got another byte at {error.start}") from None


def _floats(name: str, values: ArrayLike) -> Array:
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} must have no masked numbers, got {np.ma.count_masked(values)} of {values.size}")
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:  # of ragged lists
        raise ValueError(f"{name} must be an array of numbers, got {error}") from None
    if array.dtype.kind == "O" and all(isinstance(v, Real) and not isinstance(v, bool) for v in array.flat):
        try:
            return array.astype(float)
        except OverflowError:
            raise ValueError(f"{name} must be a number below 1.8e308, got a larger one") from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be real numbers, got {_shown(values)} of type {array.dtype}")
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=float)


def _refuse(name: str, array: Array, bad: NDArray[np.bool_], rule: str) -> None:
    if np.any(bad):
        raise ValueError(f"{name} must be {rule}, got {float(np.extract(bad, array)[0])!r}")


def _shown(values: Any) -> str:
    text = repr(values)
    return text if len(text) < 60 else f"{text[:60]}…"

"""What enters: plain arrays of numbers or words, and frozen mappings, or an error that names the argument.

Begin with `real_array` and `check`. Nothing is silently converted: complex, masked, boolean and object arrays and
text are no numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

__all__ = ["RULES", "Frozen", "check", "frozen", "integer_array", "real_array", "text_array"]

RULES: Mapping[str, Callable[[Array], NDArray[np.bool_]]] = {
    "finite": np.isfinite,
    "positive and finite": lambda v: (v > 0) & (v < np.inf),
    "finite and not negative": lambda v: (v >= 0) & (v < np.inf),
    "above 1e-100 GeV": lambda v: v > 1e-100,  # below that its square is lost
    "finite and below 1e100 in size": lambda v: np.abs(v) < 1e100,
    "in [0, 1)": lambda v: (v >= 0) & (v < 1),
    "in [0, 1] or nan": lambda v: np.isnan(v) | ((v >= 0) & (v <= 1)),
    "not negative": lambda v: v >= 0,
}
"""What a number may be, by the words of the error. Each is an interval, with or without nan."""

_DEEPEST = 30


def real_array(name: str, value: Any, rule: str | None = "finite") -> Array:
    """``value`` as an array of doubles, not copied if it is one, each as ``rule`` of `RULES` wants it.

    Raises `TypeError` for what is no real number (complex, boolean, text, objects), and `ValueError` for masked or
    ragged values, or numbers against the rule; both name the argument.
    """
    array = _plain(name, value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be real numbers, got {array.dtype} in {_short(value)}")
    with np.errstate(over="ignore"):  # a longer double that does not fit becomes infinite, and is refused as such
        array = array.astype(np.float64, copy=False)
    if rule is not None:
        check(name, array, rule)
    return array


def integer_array(name: str, value: Any) -> NDArray[np.int64]:
    """As `real_array`, for integers; floating-point numbers must be whole."""
    array = _plain(name, value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be integers, got {array.dtype} in {_short(value)}")
    if array.dtype.kind == "i":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind == "f":
        array = array.astype(np.result_type(array, np.float64), copy=False)
    fits = np.isfinite(array) & (np.abs(array) < 2.0**63)
    whole = np.where(fits, array, 0).astype(np.int64)
    wrong = np.flatnonzero(~(fits & (whole == array)).ravel())
    if len(wrong):
        value = array.ravel()[wrong[0]]
        raise ValueError(f"{name} must be integers, but {len(wrong)} of {array.size} are not: {value} at {wrong[0]}")
    return whole


def text_array(name: str, value: Any) -> NDArray[np.str_]:
    """``value`` as an array of words; objects, as pandas has them, if each is a `str`."""
    array = _plain(name, value)
    if array.dtype.kind == "U":
        return array
    words = array.ravel().tolist()
    if (array.size and array.dtype.kind not in "OT") or not all(isinstance(word, str) for word in words):
        wrong = next((word for word in words if not isinstance(word, str)), words[0])
        raise TypeError(f"{name} must be text, got {array.dtype} with {wrong!r}")
    return np.array(words, dtype=str).reshape(array.shape)


def check(name: str, array: NDArray[Any], rule: str) -> None:
    """Raise `ValueError` that names the first number against ``rule`` of `RULES`, and how many there are."""
    obeys = RULES[rule]
    # The rule is an interval, so that the extremes decide. Where nan is against it, they are nan if any number is.
    lowest, highest = (np.fmin, np.fmax) if obeys(np.array(np.nan)) else (np.minimum, np.maximum)
    if not array.size or obeys(np.array([f.reduce(array, axis=None) for f in (lowest, highest)])).all():
        return
    wrong = np.flatnonzero(~obeys(array).ravel())
    first = array.ravel()[wrong[0]]
    if array.ndim == 0:
        raise ValueError(f"{name} must be {rule}, got {first}")
    at = np.unravel_index(wrong[0], array.shape)
    where = at[0] if array.ndim == 1 else tuple(map(int, at))
    raise ValueError(f"{name} must be {rule}, but {len(wrong)} of {array.size} numbers are not: {first} at {where}")


def _plain(name: str, value: Any) -> NDArray[Any]:
    if isinstance(value, np.ma.MaskedArray):
        masked = np.ma.count_masked(value)
        if masked:
            raise ValueError(f"{name} must not be masked, but {masked} of {value.size} values are")
        value = value.data
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} must be an array, got {_short(value)}: {error}") from error


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) < 80 else f"{text[:77]}…"


class Frozen(Mapping[str, Any]):
    """A dictionary that nobody can change, and that can be copied and pickled."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple[Any, ...]:
        return Frozen, (self._items,)


def frozen(name: str, value: Any, depth: int = 0) -> Any:
    """Nested mappings and lists that nobody can change, of what JSON has words for: `Frozen` and tuples.

    Raises `TypeError` for a key that is no text or a value of another kind, and `ValueError` for what is nested too
    deep, or within itself.
    """
    if depth > _DEEPEST:
        raise ValueError(f"{name} must not be nested more than {_DEEPEST} deep")
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"keys of {name} must be text, got {key!r}")
        return Frozen({key: frozen(name, item, depth + 1) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return tuple(frozen(name, item, depth + 1) for item in value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"{name} must hold text, numbers, lists and mappings alone, got {_short(value)}")

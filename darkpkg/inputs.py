"""What enters: arrays of numbers or words, counts, small files, frozen mappings, or an error that names the argument.

Begin with `real_numbers`, or with `real_array` for the columns of events. Nothing is silently converted: complex,
masked, boolean and object arrays and text are no numbers.
"""

from __future__ import annotations

import importlib
import operator
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Kind = TypeVar("Kind")

RULES: Mapping[str, Callable[[Array], NDArray[np.bool_]]] = {
    "finite": np.isfinite,
    "positive and finite": lambda v: (v > 0) & (v < np.inf),
    "finite and not negative": lambda v: (v >= 0) & (v < np.inf),
    "above 1e-100 GeV": lambda v: v > 1e-100,  # below that its square is lost
    "finite and below 1e100 in size": lambda v: np.abs(v) < 1e100,
    "in [0, 1)": lambda v: (v >= 0) & (v < 1),
    "in [0, 1] or nan": lambda v: np.isnan(v) | ((v >= 0) & (v <= 1)),
    "not negative": lambda v: v >= 0,
    "positive": lambda v: v > 0,
}
"""What a number may be, by the words of the error."""

_DEEPEST = 30
_KINDS = {
    **dict.fromkeys("US", "text"),
    **dict.fromkeys("iu", "integers"),
    **dict.fromkeys("Mm", "dates"),
    "f": "real numbers",
    "c": "complex numbers",
    "b": "truth values",
}


def real_array(name: str, value: Any, rule: str | None = "finite") -> Array:
    """``value`` as an array of doubles, not copied if it is one, each within ``rule`` of `RULES`.

    Raises `TypeError` for what is no real number (complex, boolean, text, objects), and `ValueError` for masked or
    ragged values, or numbers against the rule; both name the argument.
    """
    array = _numbers(name, value, "real numbers")
    if array.dtype != np.float64:
        with np.errstate(over="ignore"):  # a longer double that does not fit becomes infinite, and is refused as such
            array = array.astype(np.float64)
    if rule is not None:
        check(name, array, rule)
    return array


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

    With ``positive`` they are above zero, and finite; with ``nan`` some may be nan, where that has a meaning.
    Errors as those of `real_array`.

    Examples
    --------
    >>> real_numbers("m_N", [1, 2], positive=True)
    array([1., 2.])
    """
    array = real_array(name, values, "positive and finite" if positive else None)
    if not array.size or (low <= array.min() and array.max() <= high):
        return array
    if not nan:
        _require(~np.isnan(array), name, array, "a number")
    _require(~(array < low), name, array, f"at least {low:g}" if low else "zero or more")
    _require(~(array > high), name, array, f"at most {high:g}" if high < np.finfo(float).max else "finite")
    return array


def real_number(
    name: str, value: Any, low: float = -np.inf, high: float = np.inf, *, positive: bool = False
) -> float:
    """As `real_numbers`, for what must be one number instead of an array of them."""
    number = real_numbers(name, value, low, high, positive=positive)
    if number.shape != ():
        raise ValueError(f"{name} must be one number, got {_short(value)}")
    return float(number)


def whole_number(name: str, value: Any, least: int = 0, most: int | None = None) -> int:
    """``value`` as an integer, which it must be, ``least`` or more, and ``most`` or less."""
    given: Any = None if isinstance(value, bool | np.bool_) else value
    try:
        number = operator.index(given)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    if most is not None and number > most:
        raise ValueError(f"{name} must be at most {most}, got {number}")
    return number


def count(name: str, value: Any, least: int, why: str = "") -> int:
    """As `whole_number`, for how many there are; whatever else it is raises `ValueError`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be an integer, at least {least}{why}, got {value!r}")
    return int(value)


def broadcast(**arrays: Array) -> tuple[Array, ...]:
    """The arrays, broadcast against each other."""
    try:
        return tuple(np.broadcast_arrays(*arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"shapes must broadcast against each other, got those of {shapes}") from None


def small_text(path: str | os.PathLike[str], most: int) -> str:
    """The text of an ordinary file of at most ``most`` bytes; a pipe or a device could go on for ever.

    A mark of UTF-8 at its beginning, as some editors write it, is no part of the text.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError(f"path must be that of an ordinary file, got {path}")
    try:
        size = path.stat().st_size
        if size > most:
            raise ValueError(f"{path} must be a file of at most {most} bytes, got {size}")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(f"no file at path {path}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be a text in UTF-8, got another byte at {error.start}") from None


def of_an_extra(name: str, extra: str) -> Any:
    """A module of a package that an extra brings, imported when it is used. Raises `ImportError` that names both."""
    try:
        return importlib.import_module(name)
    except ImportError:
        package = "PyYAML" if name == "yaml" else name.partition(".")[0]
        raise ImportError(f"{package} must be installed for this: pip install 'darkpkg[{extra}]'") from None


def check_kinds(**arguments: tuple[Any, Any]) -> None:
    """`TypeError` that names the argument whose value is not of the kind that follows, a type, None or several."""
    for name, (value, kind) in arguments.items():
        kinds = [type(None) if one is None else one for one in (kind if isinstance(kind, tuple) else (kind,))]
        if not isinstance(value, tuple(kinds)):
            wanted = " or ".join(dict.fromkeys(k.__name__ for k in kinds))
            raise TypeError(f"{name} must be of type {wanted}, got {type(value).__name__} {_short(value)}")


def settle(instance: Any, owner: str = "", /, **rules: Any) -> None:
    """Check fields of a frozen dataclass, and set what is made of them. Raises as the rules do.

    Parameters
    ----------
    instance
        Whose fields.
    owner
        What follows their names in errors, such as ``of channel FHC`` after a space.
    **rules
        For each field a type, or several, as for `check_kinds`; or a function of name and value, such as
        `real_number`, or what `rule` makes of one, whose result the field becomes.
    """
    for name, rule in rules.items():
        value = getattr(instance, name)
        if rule is None or isinstance(rule, type | tuple):
            check_kinds(**{name: (value, rule)})
        else:
            object.__setattr__(instance, name, rule(name + owner, value))


def rule(function: Callable[..., Kind], *arguments: Any, **options: Any) -> Callable[[str, Any], Kind]:
    """For `settle`: a function of this module, with what follows name and value."""
    return lambda name, value: function(name, value, *arguments, **options)


POSITIVE = rule(real_number, positive=True)
NOT_NEGATIVE = rule(real_number, 0.0, np.finfo(float).max)
"""Rule for `settle`: one number, zero or above, and finite. ``POSITIVE`` excludes zero."""


def locked(values: Any) -> NDArray[Any]:
    """A copy that cannot be written to."""
    return to_read(np.array(values))


def to_read(array: Any) -> Any:
    """The same array, only to be read: for those that may be written to, a function is compiled once more."""
    view = array.view()
    view.flags.writeable = False
    return view


def one_of(name: str, value: Any, known: Iterable[str]) -> str:
    """``value``, which must be one of the ``known`` words."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, got {_short(value)}")
    return value


def named(things: Iterable[Kind], kind: str, name: str, owner: str) -> Kind:
    """The one of ``things`` of a kind whose name it is. Raises `KeyError` that names those of the ``owner``."""
    known = {thing.name: thing for thing in things}  # type: ignore[attr-defined]
    if name not in known:
        raise KeyError(f"{owner} has no {kind} {name!r}, only {', '.join(known)}")
    return known[name]


def tuple_of(name: str, values: Any, kind: type[Kind]) -> tuple[Kind, ...]:
    """``values`` as a tuple, each of which must be of the kind; a text is no sequence of texts."""
    try:
        items = None if isinstance(values, str | bytes | Mapping) else tuple(values)
    except TypeError:
        items = None
    if items is None or not all(isinstance(item, kind) for item in items):
        raise TypeError(f"{name} must be a sequence of {kind.__name__}, got {_short(values)}")
    return items


def integer_array(name: str, value: Any) -> NDArray[np.int64]:
    """As `real_array`, for integers; floating-point numbers must be whole."""
    array = _numbers(name, value, "integers")
    if array.dtype.kind != "i":
        wide = array.astype(np.result_type(array, np.float64))
        _require((np.abs(wide) < 2.0**63) & (wide == np.trunc(wide)), name, array, "integers")
    return array.astype(np.int64, copy=False)


def text_array(name: str, value: Any) -> NDArray[np.str_]:
    """``value`` as an array of words; objects, as pandas has them, if each is a `str`."""
    array = _plain(name, value)
    if array.dtype.kind == "U":
        return array
    words = array.ravel().tolist()
    wrong = [word for word in words if not isinstance(word, str) or array.dtype.kind not in "OT"]
    if wrong:
        raise TypeError(f"{name} must be text, got {kind_of(array)}: {_short(wrong[0])}")
    return np.array(words, dtype=str).reshape(array.shape)


def check(name: str, array: NDArray[Any], rule: str, rows: NDArray[np.int64] | None = None) -> None:
    """Raise `ValueError` that names the first number against a ``rule``, and its place, by ``rows`` of a whole."""
    if array.size:  # between two numbers that keep a rule all do, and no number is nan
        low, high = array.min(), array.max()
        if not (low <= high and RULES[rule](low) and RULES[rule](high)):
            _require(RULES[rule](array), name, array, rule, rows)


def _require(good: NDArray[np.bool_], name: str, array: NDArray[Any], rule: str, rows: Any = None) -> None:
    if np.all(good):
        return
    at = tuple(np.argwhere(~good)[0].tolist())
    place = at if rows is None else (int(rows[at[0]]), *at[1:])
    where = f" at {place[0] if len(place) == 1 else place}" if place else ""
    raise ValueError(f"{name} must be {rule}, got {array[at]}{where}")


def _numbers(name: str, value: Any, what: str) -> NDArray[Any]:
    array = _plain(name, value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be {what}, got {kind_of(array)}: {_short(value)}")
    return array


def kind_of(array: NDArray[Any]) -> str:
    """What an array holds, in words: errors name no type of numpy."""
    return _KINDS.get(array.dtype.kind, "objects")


def _plain(name: str, value: Any) -> NDArray[Any]:
    if "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray):  # else none is
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


class Frozen(Mapping[Any, Any]):
    """A dictionary that nobody can change, and that can be copied and pickled."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[Any, Any]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

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

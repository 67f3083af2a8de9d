"""Formulas that stand once, for numbers, arrays and compiled loops. Begin with `within_compiled`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from numpy.typing import NDArray

Number: TypeAlias = Any
"""A number or an array: what functions work with that are compiled for numbers, and called with either."""

Four: TypeAlias = tuple[Number, Number, Number, Number] | NDArray[Any]
"""A four-vector of such."""

Three: TypeAlias = tuple[Number, Number, Number]
"""A three-vector of such."""

_Function = TypeVar("_Function", bound=Callable[..., Any])

to_be_compiled: list[Callable[..., Any]] = []
"""Functions that numba does not have yet: it is slow to import, and formulas are used without it, too."""


def within_compiled(function: _Function) -> _Function:
    """The same function, for numbers and arrays, which functions compiled after it may call."""
    to_be_compiled.append(function)
    return function

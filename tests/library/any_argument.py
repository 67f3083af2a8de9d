"""Any value for any argument of a function: the result of the same numbers, or an error that names the argument.

Begin with `check_any_argument`. Right is what the same numbers give as plain doubles.
"""

import dataclasses
import functools
import inspect
import itertools
import re
from collections.abc import Mapping

import numpy as np
from any_input import anything
from hypothesis import given

import darkpkg as dk


@functools.cache
def bare():
    return dk.generate(dk.HEAVY, 480, seed=1)


@functools.cache
def placed():
    """Events that are followed at every place where one argument can be wrong."""
    return dk.place(bare(), dk.ND280, seed=2)


@functools.cache
def few():
    """Ten events at the masses of B."""
    return dk.transport(placed(), dk.BENCHMARK_B)[np.arange(10)]


def fields(value, *names):
    """Its fields as arguments to build it again, some or all."""
    names = names or [field.name for field in dataclasses.fields(value) if field.init]
    return {name: getattr(value, name) for name in names}


def is_numbers(value):
    return (
        not isinstance(value, bool | str)
        and np.asarray(value, dtype=object).size
        and all(isinstance(one, float | int | np.number) for one in np.asarray(value, dtype=object).flat)
    )


def is_kin(value, right):
    """Whether a value that was taken is of the same kind as the right one: else a result would be one of nonsense."""
    if isinstance(right, bool | str):
        return isinstance(value, type(right))
    if is_numbers(right):
        return not np.ma.count_masked(value) and (np.size(value) == 0 or np.asarray(value).dtype.kind in "iuf")
    if isinstance(right, tuple | list):
        return not isinstance(value, str) and all(isinstance(one, type(right[0])) for one in value)
    return isinstance(value, Mapping if isinstance(right, Mapping) else type(right))


def plain(value, right):
    """The same numbers as Python's own, or as an array of doubles."""
    if not is_numbers(right) or isinstance(value, bool) or np.asarray(value).dtype.kind not in "iuf":
        return value
    if isinstance(right, int):
        return int(value)
    array = np.array(value, dtype=float)
    return array if array.ndim else array.item()


def numbers_of(result):
    """All numbers in a result."""
    if isinstance(result, np.ndarray | float | int | np.number) and np.asarray(result).dtype.kind in "biufc":
        return [np.ravel(result)]
    if isinstance(result, Mapping):
        result = list(result.values())
    if isinstance(result, tuple | list):
        return [part for one in result for part in numbers_of(one)]
    return numbers_of(list(vars(result).values())) if dataclasses.is_dataclass(result) else []


def outcome(function, arguments):
    try:
        return function(**arguments), None
    except (ValueError, TypeError, FileNotFoundError) as error:
        return None, error


@functools.cache
def any_values():
    """Drawn once for all functions: drawing takes longer than most calls."""
    values = []

    @given(anything(3))
    def keep(value):
        values.append(value)

    keep()
    return values


def check_any_argument(call, *, also_named=(), several_kinds=(), nan=False, none=(), first=True):
    """Replace the arguments of a right call, one after the other, by any value.

    ``call`` is a function and its right arguments. An error may name, instead of an argument, what ``also_named`` has
    for it. Arguments in ``several_kinds`` may be of another kind than the right one, those in ``none`` be None,
    results may be ``nan``. Without ``first`` the right call itself is left out.
    """
    function, right = call
    if first:
        function(**right)
    for argument, value in zip(itertools.cycle(sorted(right)), any_values(), strict=False):
        try:
            if value is None and argument in none:
                function(**right | {argument: None})
                continue
            known = [argument, *dict(also_named).get(argument, "").split()]
            _check_rightness(function, right, argument, value, known, argument in several_kinds, nan)
        except Exception as error:
            error.add_note(f"with {argument} = {value!r}")
            raise


def _check_rightness(function, right, argument, value, known, of_several_kinds, nan):
    """Whether a call with this value is right: taken as the same numbers, or refused by name."""
    result, error = outcome(function, right | {argument: value})
    if error is not None:
        assert re.search(rf"\b({'|'.join(known)})\b", str(error)), f"the error does not name {argument}: {error}"
        return
    default = inspect.signature(function).parameters.get(argument)
    if value is None and default is not None and default.default is None:
        return
    kin = is_kin(value, right[argument]) or of_several_kinds
    assert kin, f"{argument} is no {type(right[argument]).__name__}"
    found = numbers_of(result)
    assert nan or not any(np.isnan(part).any() for part in found)
    if plain(value, right[argument]) is not value:
        again, error = outcome(function, right | {argument: plain(value, right[argument])})
        assert error is None
        for one, other in zip(found, numbers_of(again), strict=True):
            np.testing.assert_array_equal(one, other)

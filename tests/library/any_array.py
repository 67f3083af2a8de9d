"""Any array, list or number, for property tests, and what is to become of it. Begin with `inputs`."""

import re

import numpy as np
from hypothesis import strategies as st

ODD = [0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, 2.2e-308, 1e-200, 1e-9, 1e9, 1e200, 1.7e308, np.nan, np.inf, -np.inf]
numbers = st.one_of(st.sampled_from(ODD), st.floats(), st.floats(1e-6, 10))


def _strided(values):
    return np.repeat(np.asarray(values, dtype=float), 3)[1::3]


def _reversed(values):
    return np.asarray(values, dtype=float)[::-1]


def _read_only(values):
    array = np.array(values, dtype=float)
    array.flags.writeable = False
    return array


def _column(values):
    return np.asarray(values, dtype=float)[:, None]


def _masked(values):
    return np.ma.array(values, mask=[i % 2 for i in range(len(values))])


@np.errstate(over="ignore", invalid="ignore")
def _single(values):
    return np.asarray(values, dtype=np.float32)


def _long(values):
    return np.asarray(values, dtype=np.longdouble)


def _whole(values):
    return [int(v) if np.isfinite(v) else 7 for v in values]


def _whole_array(values):
    return np.array([int(np.clip(v, -1e9, 1e9)) if np.isfinite(v) else 7 for v in values], dtype=int)


RIGHT_KINDS = [list, tuple, np.array, _strided, _reversed, _read_only, _column, _single, _long, _whole, _whole_array]
WRONG_KINDS = [
    lambda values: [complex(v, 1) for v in values],
    lambda values: np.asarray(values, dtype=complex),
    lambda values: [str(v) for v in values],
    lambda values: np.asarray(values, dtype=object).astype(str).astype(object),
    lambda values: [None for _ in values],
    lambda values: [bool(v) for v in values],
    lambda values: np.array([0 for _ in values], dtype="datetime64[s]"),
    lambda values: [[1.0], *([1.0, 2.0] for _ in values)],
    lambda values: {"a": 1},
    lambda values: "0.1",
    lambda values: b"0.1",
    lambda values: object(),
    lambda values: None,
    _masked,
]


@st.composite
def inputs(draw):
    """Any array, list or number, and what is none."""
    values = draw(st.lists(numbers, min_size=0, max_size=4))
    kind = draw(st.sampled_from([*RIGHT_KINDS, *RIGHT_KINDS, *WRONG_KINDS, "number"]))
    if kind == "number":
        return draw(numbers)
    return kind(values)


def shape_of(values):
    return np.shape(np.asarray(values))


def within(low, high):
    def rule(value):
        assert np.all((np.asarray(value) >= low) & (np.asarray(value) <= high))

    return rule


def finite(value):
    assert np.all(np.isfinite(value))


def no_nan(value):
    assert not np.any(np.isnan(value))


def anything(value):
    """Nan is a right answer, as below a threshold."""


def outcome(call):
    """The result and no message, or no result and the message of an error that is allowed."""
    try:
        return call(), ""
    except (TypeError, ValueError) as error:
        return None, f"{type(error).__name__}: {error}"


def check_functions(functions, value):
    """``functions`` has, by name, which arguments an error may name, a call, and the rule for its result."""
    for name, (arguments, function, rule) in functions.items():
        result, message = outcome(lambda function=function: function(value))
        if message:
            assert any(argument in message for argument in arguments), f"{name}: {message}"
            continue
        rule(result)
        assert name == "exclusion_threshold" or np.shape(result) == shape_of(value), name


def check_builders(calls, also_named):
    """Each of the calls, by the name of what is built or of its argument, succeeds or is refused by name."""
    for target, call in calls.items():
        _, message = outcome(call)
        assert not message or re.search(f"{target}|{also_named.get(target, target)}", message), f"{target}: {message}"

"""What enters: numbers and words as arrays, mappings that are frozen, and errors that name what was wrong."""

import copy
import pickle

import numpy as np
import pytest
from any_input import anything
from hypothesis import given

from darkpkg.inputs import RULES, Frozen, check, frozen, integer_array, real_array, text_array

GOOD = {
    "finite": [-1e308, 0.0, 1e308],
    "positive and finite": [5e-324, 1e308],
    "finite and not negative": [0.0, 1e308],
    "above 1e-100 GeV": [1.1e-100, 1e308],
    "finite and below 1e100 in size": [-9e99, 9e99],
    "in [0, 1)": [0.0, np.nextafter(1, 0)],
    "in [0, 1] or nan": [0.0, 1.0, np.nan],
    "not negative": [0.0, 1e308],
    "positive": [5e-324, np.inf],
}
BAD = {
    "finite": [np.nan, np.inf, -np.inf],
    "positive and finite": [0.0, -1.0, np.inf, np.nan],
    "finite and not negative": [-5e-324, np.inf, np.nan],
    "above 1e-100 GeV": [1e-100, 0.0, np.nan],
    "finite and below 1e100 in size": [1e100, -1e100, np.nan, np.inf],
    "in [0, 1)": [1.0, -5e-324, np.nan],
    "in [0, 1] or nan": [1.1, -0.1, np.inf],
    "not negative": [-1.0, np.nan],
    "positive": [0.0, -1.0, np.nan],
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_takes_its_numbers_and_names_the_first_of_those_against_it(rule):
    check("x", np.array(GOOD[rule]), rule)
    check("x", np.empty(0), rule)
    for bad in BAD[rule]:
        for numbers in ([GOOD[rule][0], bad, bad], [bad, bad, GOOD[rule][-1]]):
            with pytest.raises(ValueError) as error:  # noqa: PT011
                check("x", np.array(numbers), rule)
            assert str(error.value) == f"x must be {rule}, got {bad} at {numbers.index(bad)}"


@given(anything())
def test_real_numbers_are_cast_or_refused_by_name(value):
    try:
        found = real_array("x", value)
    except (ValueError, TypeError) as error:
        if not str(error).startswith("x must "):
            raise
    else:
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, np.asarray(value, dtype=float))
        assert np.asarray(value).dtype.kind in "iuf"


@given(anything())
def test_integers_are_whole_or_refused_by_name(value):
    try:
        found = integer_array("x", value)
    except (ValueError, TypeError) as error:
        if not str(error).startswith("x must "):
            raise
    else:
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found.astype(object), np.asarray(value).astype(object))


@given(anything())
def test_words_are_text_or_refused_by_name(value):
    try:
        found = text_array("x", value)
    except (ValueError, TypeError) as error:
        if not str(error).startswith("x must "):
            raise
    else:
        assert found.dtype.kind == "U"
        assert found.tolist() == np.asarray(value).tolist()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("one", "text: 'one'"),
        ([0.1, "x"], "text: [0.1, 'x']"),
        (True, "truth values: True"),
        ([1 + 1j], "complex numbers: [(1+1j)]"),
        (np.datetime64("2019-01-01"), "dates: np.datetime64('2019-01-01')"),
        ([None, 1.0], "objects: [None, 1.0]"),
    ],
)
def test_an_error_has_what_was_given_and_its_kind_in_words(value, found):
    with pytest.raises(TypeError) as error:
        real_array("x", value)
    assert str(error.value) == f"x must be real numbers, got {found}"


def test_numbers_in_place_of_text_are_named():
    with pytest.raises(TypeError, match=r"^x must be text, got integers: 2$"):
        text_array("x", [2, 3])


def test_doubles_are_not_copied():
    numbers = np.arange(3.0)
    assert real_array("x", numbers) is numbers


def test_a_frozen_mapping_is_a_mapping_that_cannot_be_changed_and_survives_copies():
    plain = {"a": 1, "b": {"c": [1, 2, {"d": None}]}, "array": np.arange(2), "number": np.float64(0.5)}
    value = frozen("about", plain)
    same = {"a": 1, "b": {"c": (1, 2, {"d": None})}, "array": (0, 1), "number": 0.5}
    assert value == same
    assert repr(value) == repr(same)
    for again in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):  # noqa: S301
        assert again == value
        assert isinstance(again, Frozen)
        with pytest.raises(TypeError, match="does not support item assignment"):
            again["b"]["c"] = 1
        with pytest.raises(TypeError, match="does not support item deletion"):
            del again["a"]

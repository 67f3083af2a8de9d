"""Cases that share a test: each is called, and each that fails is named."""

import pytest
from for_each import for_each


def test_all_cases_are_called_with_the_fixtures_and_all_that_fail_are_named():
    called = []

    @for_each("n", range(5))
    def is_even(folder, n):
        called.append((folder, n))
        assert n % 2 == 0

    with pytest.raises(ExceptionGroup, match="2 of 5 cases") as caught:
        is_even(folder="here")
    assert called == [("here", n) for n in range(5)]
    assert [error.__notes__ for error in caught.value.exceptions] == [["with n = 1"], ["with n = 3"]]


def test_what_was_not_raised_is_a_failure_too_and_keys_are_names():
    @for_each("call", lambda: {"refuses": lambda: int("x"), "takes": lambda: int("1")})
    def refuses(call):
        with pytest.raises(ValueError, match="invalid"):
            call()

    with pytest.raises(BaseExceptionGroup) as caught:
        refuses()
    assert [error.__notes__ for error in caught.value.exceptions] == [["with call = takes"]]


def test_no_case_at_all_and_an_argument_that_is_not_there_are_no_test():
    with pytest.raises(AssertionError, match="no case of n"):
        for_each("n", [])(lambda n: None)()
    with pytest.raises(AssertionError, match="has no argument n"):
        for_each("n", [1])(lambda m: None)


@for_each("n", [1, 2])
def test_fixtures_are_those_of_other_arguments(tmp_path, n):
    (tmp_path / str(n)).mkdir()
    assert len(list(tmp_path.iterdir())) == n


class TestOfAClass:
    @for_each("n", [1, 2])
    def test_cases_are_those_of_a_method_too(self, n):
        assert isinstance(self, TestOfAClass)
        assert n > 0

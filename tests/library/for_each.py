"""Many short cases of one claim as one test. Begin with `for_each`.

To list a test, to run it and to tell that it passed takes some milliseconds, more than most of these cases.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping

import pytest


def for_each(name: str, cases: Iterable | Callable[[], Iterable]) -> Callable[[Callable], Callable]:
    """Call a test with each of the cases for its argument ``name``: all of them, also when some fail.

    What failed is raised with its case: its key, where ``cases`` is a mapping. A function is asked for the cases when
    the test runs, not by each process that lists the tests.
    """

    def decorate(test: Callable) -> Callable:
        @functools.wraps(test)
        def of_all(*self, **fixtures):
            made = cases() if callable(cases) else cases
            named = list(made.items() if isinstance(made, Mapping) else ((repr(case), case) for case in made))
            assert named, f"no case of {name}"
            failures = []
            for key, case in named:
                try:
                    test(*self, **fixtures, **{name: case})
                except (Exception, pytest.fail.Exception) as error:
                    error.add_note(f"with {name} = {key}")
                    failures.append(error)
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(named)} cases", failures)

        signature = inspect.signature(test)
        others = [parameter for parameter in signature.parameters.values() if parameter.name != name]
        assert len(others) < len(signature.parameters), f"{test.__name__} has no argument {name}"
        of_all.__signature__ = signature.replace(parameters=others)
        return of_all

    return decorate

"""What a test that runs beside others tells of itself."""

from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture
def told(request, monkeypatch):
    """Which of the reports of a test, given by stage and whether it passed, `tests/conftest.py` hands on."""
    conftest = request.config.pluginmanager.get_plugin(str(Path(__file__).parents[1] / "conftest.py"))

    def of(passed, durations=None):
        reports = [SimpleNamespace(when=when, passed=is_passed) for when, is_passed in passed.items()]
        monkeypatch.setattr(conftest, "runtestprotocol", lambda *_, **__: reports)
        logged = []
        ihook = SimpleNamespace(pytest_runtest_logreport=lambda report: logged.append(report.when))
        about = SimpleNamespace(option=SimpleNamespace(durations=durations), workerinput={})
        done = conftest.pytest_runtest_protocol(SimpleNamespace(config=about, ihook=ihook), None)
        return done, logged

    return of


def test_a_test_tells_its_outcome_and_what_fails_before_or_after_it(told):
    assert told({"setup": True, "call": True, "teardown": True}) == (True, ["call"])
    assert told({"setup": True, "call": False, "teardown": True}) == (True, ["call"])
    assert told({"setup": False, "teardown": True}) == (True, ["setup"])
    assert told({"setup": True, "call": True, "teardown": False}) == (True, ["call", "teardown"])


def test_with_durations_it_tells_all(told):
    all_stages = {"setup": True, "call": True, "teardown": True}
    assert told(all_stages, durations=5) == (True, [*all_stages])

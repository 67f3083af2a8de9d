"""Settings and samples of all tests."""

import functools

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, no matter how fast: a test fails for physics, not for a busy machine.
settings.register_profile(
    "reproducible",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("reproducible")


@pytest.fixture(scope="session")
def simulated():
    """`darkpkg.simulate`, that makes a sample once for all tests of a session."""
    import darkpkg as dk

    return functools.cache(dk.simulate)

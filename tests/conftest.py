"""Settings and samples of all tests."""

import functools
import sys

import pytest
from hypothesis import HealthCheck, settings

# jsonschema would import it, which takes 1.6 s: 38 grammars, for addresses with letters of any script. Nothing that
# is checked here has any.
sys.modules.setdefault("rfc3987_syntax", None)

# The same examples in every run, no matter how fast: a test fails for physics, not for a busy machine. More of them
# with pytest --hypothesis-profile=thorough.
for name, number in {"reproducible": 150, "thorough": 1000}.items():
    settings.register_profile(
        name,
        max_examples=number,
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

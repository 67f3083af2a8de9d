"""Settings and samples of all tests."""

import functools
import gc
import sys

import pytest
from hypothesis import HealthCheck, settings

# jsonschema would import it, which takes 1.6 s: 38 grammars, for addresses with letters of any script. Nothing that
# is checked here has any.
sys.modules.setdefault("rfc3987_syntax", None)

LONGEST = (
    *("library/test_compiled.py", "library/test_chunks.py", "library/test_cli.py", "book/test_environment.py"),
    *("paper/test_paper_figures.py", "paper/test_claims.py", "book/test_built_pages.py", "paper/test_along.py"),
    *("library/test_posterior.py", "library/test_generator.py", "library/test_constructions.py"),
    *("book/test_book.py", "book/test_forked_kernels.py", "paper/test_command.py", "library/test_table.py"),
    *("library/test_closure.py", "library/test_smoothing.py", "library/test_simulation.py"),
    *("book/test_chapter_sources.py", "paper/test_left_out.py", "library/test_weights.py", "paper/test_causes.py"),
    *("library/test_events.py", "library/test_transport.py", "library/test_volumes.py", "library/test_exports.py"),
    *("book/test_notebooks.py", "book/test_explorer.py", "paper/test_public_fit.py", "library/test_model.py"),
    *("library/test_limits.py", "library/test_decay.py", "library/test_likelihood.py", "library/test_flight.py"),
    *("paper/test_validation.py", "paper/test_booster_rates.py", "book/test_figure_output.py"),
)
"""Files of four seconds and more, the longest first: what begins last must be short, or one core waits for it."""

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


def pytest_configure(config):
    """Hand files out in the order of `pytest_collection_modifyitems`, not those with most tests first."""
    config.option.loadscopereorder = False
    gc.disable()  # while thousands of tests are listed, there is nothing to find


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Begin with the longest files."""
    rank = {name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get("/".join(item.path.parts[-2:]), len(rank)))


def pytest_collection_finish():
    """Leave the tests themselves out of each search for what can be freed."""
    gc.freeze()
    gc.enable()

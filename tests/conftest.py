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
    *("library/test_compiled.py", "book/test_forked_kernels.py", "library/test_chunks.py"),
    *("book/test_environment.py", "book/test_built_pages.py", "library/test_cli.py", "paper/test_along.py"),
    *("book/test_book.py", "paper/test_command.py", "paper/test_paper_figures.py", "library/test_constructions.py"),
    *("library/test_datasets.py", "library/test_generator.py", "library/test_simulation.py"),
    *("library/test_closure.py", "book/test_figure_output.py", "library/test_posterior.py", "paper/test_claims.py"),
    *("book/test_explorer.py", "paper/test_validation.py", "paper/test_left_out.py", "book/test_chapter_sources.py"),
    *("library/test_weights.py", "library/test_table.py", "book/test_notebooks.py", "library/test_exports.py"),
    *("library/test_smoothing.py", "paper/test_causes.py", "library/test_events.py"),
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

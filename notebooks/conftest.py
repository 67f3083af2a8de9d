"""Lets pytest run the chapters of this folder and compare their numbers with the accepted ones."""

from pathlib import Path

import pytest


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take each text notebook as a file of tests, one test a code cell."""
    if file_path.suffix != ".md":
        return None
    from notebook_references import ChapterFile  # here: most runs of single tests need no jupytext

    return ChapterFile.from_parent(parent, path=file_path)

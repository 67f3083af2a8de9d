"""What a table of inputs holds, in Markdown, from its manifest. Begin with `describe`."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from darkpkg import datasets

__all__ = ["describe"]

_NAMED = 3
"""Columns of one unit that are listed; of more, the last is named too."""


def describe(name: str) -> str:
    """Write title, source, class, licence, processing and columns of a table in MyST.

    Columns with the same unit share a line. Raises `KeyError` for a name that `datasets.names` does not list.
    """
    about = datasets.manifest(name)
    rows = [
        _row(unit, list(columns)) for unit, columns in groupby(about.columns.items(), key=lambda item: item[1].unit)
    ]
    return "\n".join(
        [
            f"**{about.title}** (`data/{name}.csv`)", "",
            f"Source: {about.source}. [doi:{about.doi}](https://doi.org/{about.doi})", "",
            f"Class: {about.kind}; retrieved {about.retrieved}; licence: {about.licence}.", "",
            about.processing, "",
            "| columns | unit | meaning |", "|---|---|---|", *rows,
        ]
    )  # fmt: skip


def _row(unit: str, columns: list[tuple[str, Any]]) -> str:
    more = len(columns) > _NAMED
    names = ", ".join(f"`{column}`" for column, _ in columns[:_NAMED]) + (f" … `{columns[-1][0]}`" if more else "")
    meanings = "; ".join(column.meaning for _, column in columns[:_NAMED]) + (" …" if more else "")
    cells = (cell.replace("|", r"\|") for cell in (names, unit or "–", meanings))
    return f"| {' | '.join(cells)} |"

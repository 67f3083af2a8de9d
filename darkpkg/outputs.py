"""What leaves: files that appear complete or not at all. Begin with `complete_or_not_at_all`."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["complete_or_not_at_all"]


@contextmanager
def complete_or_not_at_all(path: Path) -> Iterator[Path]:
    """A temporary name, which becomes ``path`` once it is written."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)

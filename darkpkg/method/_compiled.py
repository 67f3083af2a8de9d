"""Numba loops, private: each has a readable numpy twin in the module that calls it, and a test that both agree."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_PACKAGE = Path(__file__).parent.parent


def _source_digest() -> str:
    sources = sorted(_PACKAGE.rglob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` with a cache on disk that any change in the package's sources makes void.

    Numba looks only at the file of the function itself, and would go on using machine code into which an older
    version of a function from another file was compiled.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**options)(function)
        configured = numba.config.CACHE_DIR
        if not configured:
            numba.config.CACHE_DIR = str(_PACKAGE / "__pycache__" / f"numba-{_source_digest()}")
        try:
            dispatcher.enable_caching()
        finally:
            numba.config.CACHE_DIR = configured
        return dispatcher

    return decorate

"""Dark neutrinos in T2K's near detector, from one Monte Carlo to every limit (arXiv:2205.12273).

>>> import darkpkg as dk
>>> events = dk.simulate(dk.HEAVY, n_events=100_000, seed=1)
>>> dk.scan(dk.Transport(events), dk.BENCHMARK_B, dk.ANALYSIS_I).excluded(cl=0.90)    # doctest: +SKIP

The parts are those of the paper: `physics` (Section II), `experiment` (III), `method` (IV), `inference` (V).
"""

import ast
import importlib
from pathlib import Path
from typing import Any

from darkpkg import _sources as _sources  # before any other module: what stands on disk now is what they are

_STUB = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))

_HOME = {name.name: part.module for part in _STUB.body if isinstance(part, ast.ImportFrom) for name in part.names}
"""Module of each public name, as `__init__.pyi` has it for type checkers."""

__all__ = sorted(_HOME)


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    """A public name, whose module is imported, and the data in it read, when the name is first used."""
    if name == "__version__":
        value: Any = importlib.import_module("importlib.metadata").version("darkpkg")
    elif name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'darkpkg' has no attribute {name!r}")
    return globals().setdefault(name, value)

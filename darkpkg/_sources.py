"""The sources of physics as they were when the package was imported: machine code depends on them, and samples."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parent


PHYSICS = ("units.py", "formulas.py", "compiling.py", "physics/*.py", "method/loops.py", "method/integrand.py")
"""All that machine code is made of: compiled functions, and the constants in them."""

SIMULATION = (
    *PHYSICS,
    *("streams.py", "simulation.py", "experiment/beam.py", "experiment/detector.py", "experiment/volumes.py"),
    *("method/sampling.py", "method/generator.py", "method/placing.py"),
)
"""All that a sample depends on besides its arguments."""


def _digest(patterns: tuple[str, ...]) -> str:
    parts = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in PACKAGE.glob(pattern)):
        source = path.read_bytes()
        parts.update(f"{path.relative_to(PACKAGE).as_posix()} {len(source)} ".encode() + source)
    return parts.hexdigest()[:16]


@functools.cache
def digest(patterns: tuple[str, ...] = PHYSICS) -> str:
    """One key of the sources of physics, or of others: 16 hexadecimal digits that differ if any of them does."""
    return _digest(patterns)


_AT_IMPORT = digest()


def unchanged() -> bool:
    """Are the files still those of which the modules in memory were, or will be, made?"""
    try:
        return _digest(PHYSICS) == _AT_IMPORT
    except OSError:  # a file went away between its listing and its reading
        return False

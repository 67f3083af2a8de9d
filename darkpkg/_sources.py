"""The sources of physics as they were when the package was imported: machine code depends on them, and samples."""

from __future__ import annotations

import functools
import hashlib
import io
import itertools
import tokenize
from collections.abc import Mapping
from pathlib import Path

PACKAGE = Path(__file__).parent


PHYSICS = (
    *("units.py", "formulas.py", "compiling.py", "physics/*.py"),
    *("method/*loops.py", "method/targets.py", "method/integrand.py"),
)
"""All that machine code is made of: compiled functions, and the constants in them."""

SIMULATION = (
    *PHYSICS,
    *("streams.py", "simulation.py", "experiment/beam.py", "experiment/detector.py"),
    *("experiment/regions.py", "experiment/volumes.py"),
    *("method/sampling.py", "method/channels.py", "method/generator.py", "method/placing.py"),
)
"""All that a sample depends on besides its arguments."""


def code_of(source: str) -> str:
    """Python source without comments, empty lines, and docstrings and other strings that stand alone.

    Examples
    --------
    >>> code_of('x = 1  # a number')
    'x = 1'
    """
    words = list(tokenize.generate_tokens(io.StringIO(source).readline))
    dropped = [w for w in words if w.type == tokenize.COMMENT or (w.type == tokenize.NL and not w.line.strip())]
    begins = True
    for word, following in itertools.pairwise(w for w in words if w.type not in (tokenize.COMMENT, tokenize.NL)):
        if begins and word.type == tokenize.STRING and following.type == tokenize.NEWLINE:
            dropped.append(word)
        begins = word.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    lines = source.split("\n")
    for _, _, (first, begin), (last, end), _ in sorted(dropped, key=lambda word: word.start, reverse=True):
        rest = (lines[first - 1][:begin] + lines[last - 1][end:]).rstrip()
        lines[first - 1 : last] = [rest] if rest else []
    return "\n".join(lines)


def _read(patterns: tuple[str, ...]) -> Mapping[str, bytes]:
    paths = sorted(path for pattern in patterns for path in PACKAGE.glob(pattern))
    return {path.relative_to(PACKAGE).as_posix(): path.read_bytes() for path in paths}


_AT_IMPORT = _read(PHYSICS)


@functools.cache
def digest(patterns: tuple[str, ...] = PHYSICS) -> str:
    """One key of the sources of physics, or of others: 16 hexadecimal digits that differ if the code of any does."""
    parts = hashlib.sha256()
    for name, source in (_AT_IMPORT if patterns == PHYSICS else _read(patterns)).items():
        code = code_of(source.decode())
        parts.update(f"{name} {len(code)} {code}".encode())
    return parts.hexdigest()[:16]


def unchanged() -> bool:
    """Are the files still those of which the modules in memory were, or will be, made?"""
    try:
        return _read(PHYSICS) == _AT_IMPORT
    except OSError:  # a file went away between its listing and its reading
        return False

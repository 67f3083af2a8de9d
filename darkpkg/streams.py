"""Random numbers by name: each use draws from its own stream, so that none shifts another's numbers."""

from __future__ import annotations

import hashlib
import math

import numpy as np

__all__ = ["random_stream"]


def random_stream(seed: int, *name: str | float) -> np.random.Generator:
    """The generator of the stream ``name`` under ``seed``; the same for the same arguments, on every machine.

    Raises `ValueError` for a seed that is no non-negative integer, `TypeError` for a name of anything but words and
    finite numbers.

    >>> random_stream(1, "FHC", "Pb208").integers(10, size=3)
    array([...])
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed must be a non-negative integer, got {seed!r}")
    for part in name:
        is_word = isinstance(part, str | int | float | np.integer) and not isinstance(part, bool)
        if not is_word or (isinstance(part, float) and not math.isfinite(part)):
            raise TypeError(f"name of a stream must be words and finite numbers, got {part!r}")
    key = hashlib.sha256("\0".join(map(str, name)).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence(int(seed), spawn_key=np.frombuffer(key, np.uint32).tolist()))

"""Random numbers by name: each use draws from its own stream, so that none shifts another's numbers.

Begin with `random_stream`; `sobol_points` fill the unit hypercube more evenly than independent numbers do.
"""

from __future__ import annotations

import hashlib
import math
import warnings

import numpy as np
from numpy.typing import NDArray


def random_stream(seed: int, *name: str | float) -> np.random.Generator:
    """The generator of the stream ``name`` under ``seed``; the same for the same arguments, on every machine.

    Parameters
    ----------
    seed
        Non-negative integer.
    *name
        Words and finite numbers.

    Returns
    -------
    numpy.random.Generator
        At the beginning of the stream.

    Raises
    ------
    ValueError
        For a seed that is no non-negative integer.
    TypeError
        For a name of anything but words and finite numbers.

    Examples
    --------
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


def sobol_points(replicate: NDArray[np.int64], axes: range, seed: int, *name: str | float) -> NDArray[np.float64]:
    """Points (n, axes) of scrambled Sobol sequences, one sequence for each number in ``replicate`` (n,).

    Each replicate takes the next point of its own, so that more points begin with those of fewer. As every axis is
    scrambled on its own, calls with other ``axes`` and names are further axes of the same sequences.

    Parameters
    ----------
    replicate
        (n,) integers.
    axes
        Which axes of the sequences to return.
    seed, *name
        As of `random_stream`.

    Returns
    -------
    ndarray
        (n, axes) numbers in [0, 1).
    """
    from scipy.stats import qmc  # here: its import takes longer than most calculations

    points = np.empty((len(replicate), len(axes)))
    for r in np.unique(replicate).tolist():
        rows = np.flatnonzero(replicate == r)
        sequence = qmc.Sobol(axes.stop, rng=random_stream(seed, *name, "sobol", r))
        with warnings.catch_warnings():  # the sums have errors of their own, whether or not n is a power of two
            warnings.filterwarnings("ignore", "The balance properties", UserWarning)
            points[rows] = sequence.random(len(rows))[:, axes.start :]
    return points

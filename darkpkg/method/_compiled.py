"""Numba loops, private: each has a readable numpy twin in the module that calls it, and a test that both agree."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

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
        dispatcher = numba.njit(error_model="numpy", **options)(function)
        configured = numba.config.CACHE_DIR
        if not configured:
            numba.config.CACHE_DIR = str(_PACKAGE / "__pycache__" / f"numba-{_source_digest()}")
        try:
            dispatcher.enable_caching()
        finally:
            numba.config.CACHE_DIR = configured
        return dispatcher

    return decorate


@compiled(parallel=True)
def kernel_sums(
    x, y, rate, h, norm, strip_edges, strip_starts, sample_x, sample_y, base, column, begin, width, everywhere, sums
):
    """Fill ``sums`` (points, columns, 2) with Σw and Σw² of the samples around each point (x, y).

    w = base · K(distance) · Σ_k (exp(−rate·begin_k) − exp(−rate·(begin_k + width_k))), the last factor being one if
    ``everywhere``. Samples are ordered by strip in x and within a strip by y, so that a point visits few of them.
    Points run in parallel, the samples of a point in order: the sums do not depend on the number of threads.
    """
    for point in numba.prange(x.size):
        first = max(np.searchsorted(strip_edges, x[point] - h[0], side="right") - 1, 0)
        last = min(np.searchsorted(strip_edges, x[point] + h[0], side="right"), strip_starts.size - 1)
        for strip in range(first, last):
            start, stop = strip_starts[strip], strip_starts[strip + 1]
            low = start + np.searchsorted(sample_y[start:stop], y[point] - h[1])
            high = start + np.searchsorted(sample_y[start:stop], y[point] + h[1], side="right")
            for i in range(low, high):
                r_sq = ((sample_x[i] - x[point]) / h[0]) ** 2 + ((sample_y[i] - y[point]) / h[1]) ** 2
                if r_sq >= 1.0:
                    continue
                w = base[i] * norm * (1.0 - r_sq)
                if not everywhere:
                    w *= survival(rate[point], begin[i], width[i])
                sums[point, column[i], 0] += w
                sums[point, column[i], 1] += w * w


@compiled()
def survival(rate, begin, width):
    """Σ_k (exp(−rate·begin_k) − exp(−rate·(begin_k + width_k))), exact for rate · width → 0."""
    total = 0.0
    for k in range(begin.size):
        if width[k] > 0.0:
            total -= math.exp(-rate * begin[k]) * math.expm1(-rate * width[k])
    return total

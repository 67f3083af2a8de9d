"""Events around one point with their weights, for a page where the reader chooses the bandwidth.

Begin with `kernel_events`, the last line of a cell of a page that has the explorer of bandwidths.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from IPython.display import HTML
from numpy.typing import NDArray

import darkpkg as dk
from darkpkg.method.events import PlacedEvents
from darkpkg.method.kernels import UNIFORM
from darkpkg.streams import random_stream

__all__ = ["columns_around", "kernel_events"]


def columns_around(
    sample: PlacedEvents, point: dk.DarkParameters, analysis: dk.Analysis, reach: float, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Selected events within a distance of a point, with all of their weight for it but the kernel.

    Parameters
    ----------
    sample, point, analysis
        As for `darkpkg.selected_weight`.
    reach
        Largest distance, in the logarithms of both masses.
    seed
        Of ``share``.

    Returns
    -------
    dict
        Distances ``x`` and ``y`` in ln m_N and ln m_Z′, weights ``plain`` and ``divided``, with the slope of the rate
        left in and divided out, and ``share``, random numbers from 0 to 1. Σ weight × K is `darkpkg.Kernel`.
    """
    columns = {}
    for name, slope in (("plain", None), ("divided", "density")):
        disc = dk.Smoothing(reach, UNIFORM, 0, slope)
        columns[name] = dk.selected_weight(sample, point, analysis, disc) * np.pi * reach**2
    near = columns["plain"] > 0
    distance = {"x": sample.m_N / point.m_N, "y": sample.m_Zprime / point.m_Zprime}
    columns |= {name: np.log(ratio) for name, ratio in distance.items()}
    columns["share"] = random_stream(seed, "share").random(len(near))
    return {name: column[near] for name, column in columns.items()}


def kernel_events(columns: Mapping[str, NDArray[np.float64]], simulated: int, reach: float, truth: float) -> HTML:
    """`columns_around` a point as a part of a page, for its explorer.

    Parameters
    ----------
    columns, reach
        As `columns_around` gives and takes them.
    simulated
        Events of the whole sample.
    truth
        What a reference sample predicts.
    """
    data: dict[str, Any] = {name: [float(f"{x:.4g}") for x in column] for name, column in columns.items()}
    data["share"] = [min(x, 0.9999) for x in data["share"]]
    text = json.dumps(data | {"simulated": simulated, "reach": reach, "truth": truth}, separators=(",", ":"))
    return HTML(f'<script type="application/json" class="kernel-events">{text}</script>')

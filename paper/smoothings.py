"""Kernels by name, as chapters compare them: recommended, of the paper's text, of the authors' code."""

from collections.abc import Mapping

import numpy as np

from darkpkg.method.smoothing import PAPER_SMOOTHING, SMOOTHING, Smoothing

__all__ = ["PROGRAM_SMOOTHING", "SMOOTHINGS"]

PROGRAM_SMOOTHING = Smoothing(0.1 * float(np.log(10)), order=0, slope=None)
"""The bandwidth of the authors' code, 0.1 in decimal logarithms; its norm is 0.929 of the right
one, which is left right here."""

SMOOTHINGS: Mapping[str, Smoothing] = {
    "recommended": SMOOTHING,
    "paper": PAPER_SMOOTHING,
    "program": PROGRAM_SMOOTHING,
}
"""Settings by name."""

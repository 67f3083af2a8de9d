"""What was measured: exposures, backgrounds, observed counts, and how events are selected.

Begin with `ANALYSIS_I`, the search for e⁺e⁻ pairs in the argon of the TPCs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.flux import BEAMS
from darkpkg.experiment.selection import Cuts

__all__ = ["ANALYSIS_I", "Analysis", "Channel"]


@dataclass(frozen=True)
class Channel:
    """A histogram of counts in one beam; a counting experiment has one bin.

    ``pot`` is the exposure in protons on target, ``background`` and ``observed`` hold one number for each bin, and
    ``systematic`` is the relative uncertainty of the total expectation.
    """

    name: str
    beam: str
    pot: float
    background: tuple[float, ...]
    observed: tuple[float, ...]
    systematic: float

    def __post_init__(self) -> None:
        if self.beam not in BEAMS:
            raise ValueError(f"beam of channel {self.name} must be one of {', '.join(BEAMS)}, got {self.beam!r}")
        if len(self.background) != len(self.observed) or not self.observed:
            raise ValueError(f"channel {self.name} needs a background for each bin, got {self}")
        counts = (*self.background, *self.observed, self.systematic)
        if not self.pot > 0 or not all(0 <= number < np.inf for number in counts):
            raise ValueError(f"exposure must be positive and counts not negative in channel {self.name}, got {self}")


@dataclass(frozen=True)
class Analysis:
    """Channels that share a selection: ``cuts`` on the pair, then a flat ``efficiency`` of reconstruction."""

    name: str
    channels: tuple[Channel, ...]
    cuts: Cuts
    efficiency: float

    def __post_init__(self) -> None:
        if not 0 < self.efficiency <= 1:
            raise ValueError(f"efficiency of {self.name} must be in (0, 1], got {self.efficiency}")
        if not self.channels:
            raise ValueError(f"analysis {self.name} needs at least one channel")

    @property
    def background(self) -> NDArray[np.float64]:
        """Expected background of every bin of every channel, in order."""
        return np.concatenate([channel.background for channel in self.channels])

    @property
    def observed(self) -> NDArray[np.float64]:
        """Observed counts of every bin of every channel, in order."""
        return np.concatenate([channel.observed for channel in self.channels]).astype(float)

    @property
    def systematic(self) -> NDArray[np.float64]:
        """Relative systematic uncertainty of every bin of every channel, in order."""
        return np.concatenate([np.full(len(channel.observed), channel.systematic) for channel in self.channels])


ANALYSIS_I = Analysis(
    "Analysis I",
    (
        Channel("FHC", "FHC", pot=12.34e20, background=(0.563,), observed=(0,), systematic=0.20),
        Channel("RHC", "RHC", pot=6.29e20, background=(0.015,), observed=(0,), systematic=0.20),
    ),
    cuts=Cuts(),
    efficiency=0.10,
)
"""Search for decays N → ν e⁺e⁻ in the TPCs: T2K, Phys. Rev. D 100, 052006 (2019), arXiv:1902.07598, as recast in
Section III B of arXiv:2205.12273, with its 10 % efficiency beyond the cuts."""

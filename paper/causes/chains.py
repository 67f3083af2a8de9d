"""From our numbers at the benchmarks to the paper's, cause upon cause.

Begin with `chain`. `selected_at_B`, `samples.benchmark_B` and `samples.benchmark_A` are events for it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.experiment.analysis import Analysis
from darkpkg.physics.model import DarkParameters
from paper.causes.counting import count, total
from paper.causes.readings import Reading
from paper.causes.samples import Masses

Array = NDArray[np.float64]

__all__ = ["PRINTED", "chain", "selected_at_B"]


def _printed() -> Mapping[str, float]:
    return datasets.read("paper/event_counts").set_index("name").value.to_dict()


PRINTED = _printed()
"""Numbers that the authors' notebooks print, by name, with all digits."""


def selected_at_B() -> Masses:
    """Events at B for rates without a decay: of more N, with one vertex each, anywhere alike."""
    return Masses(0.1, 1.25, 1 << 17, vertices=1, around=1 << 16, towards=())


def chain(
    here: Masses,
    theta: DarkParameters,
    analysis: Analysis,
    readings: Mapping[str, Reading],
    in_chamber: bool = True,
) -> dict[str, Array]:
    """Expected events (1 + replicates,) in all bins under each reading."""
    return {
        name: total(count(here, theta, analysis, reading, in_chamber=in_chamber)).sum(axis=-1)
        for name, reading in readings.items()
    }

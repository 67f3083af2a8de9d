"""What predictions are made from, by type: a sample, a point, an analysis.

Begin with `check_inputs`, which every function that predicts calls before anything else.
"""

from __future__ import annotations

from typing import Any

from darkpkg.events import Events, PlacedEvents
from darkpkg.experiment.analysis import Analysis
from darkpkg.physics.model import DarkParameters

__all__ = ["check_inputs"]


def check_inputs(events: Any, parameters: Any, analysis: Any) -> None:
    """Raise `TypeError` that names argument, rule and value unless these are a placed sample, points and an analysis.

    >>> from darkpkg import BENCHMARK_B
    >>> check_inputs("heavy.parquet", BENCHMARK_B, "I")
    Traceback (most recent call last):
        ...
    TypeError: events must be a darkpkg.PlacedEvents, such as darkpkg.read_events gives, got 'heavy.parquet'
    """
    if isinstance(events, Events) and not isinstance(events, PlacedEvents):
        raise TypeError("events must be placed in a detector first: darkpkg.place(events, darkpkg.ND280, seed=…)")
    for name, value, kind, example in (
        ("events", events, PlacedEvents, "darkpkg.read_events gives"),
        ("parameters", parameters, DarkParameters, "darkpkg.BENCHMARK_B"),
        ("analysis", analysis, Analysis, "darkpkg.ANALYSIS_I"),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{name} must be a darkpkg.{kind.__name__}, such as {example}, got {value!r:.80}")

"""Experiments with samples of their own as one analysis and one estimator. Begin with `Together`.

``Together(parts)`` has the sum of analyses, `Together.analysis`, and predicts all of its bins, so that one
`darkpkg.scan` serves them. Experiments of one beam share the error of its flux (`with_shared_flux`).
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from darkpkg.experiment.analysis import Analysis
from darkpkg.inputs import real_number
from darkpkg.method.expectation import Expectation
from darkpkg.method.interface import Predicts

FLUX_ERROR = 0.10
"""Relative error of the Booster beam on a signal: assumed, about that of its published muon neutrinos."""

OWN_ERRORS = {"MiniBooNE": 0.15}
"""Relative errors of a signal that an experiment has on its own, by the begin of an analysis's name: the efficiency
of MiniBooNE. Others have theirs in the ``systematic`` of their channels."""


@dataclass(frozen=True, eq=False)
class Together:
    """Several analyses, each with the estimator of its own experiment.

    Parameters
    ----------
    parts
        Pairs of an analysis and what predicts its events.
    analysis
        Their sum, or the sum with other errors; by default `with_shared_flux` for none of them.

    Raises
    ------
    ValueError
        For an analysis with other bins than the parts have.
    """

    parts: tuple[tuple[Analysis, Predicts], ...]
    analysis: Analysis = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.analysis is None:
            object.__setattr__(self, "analysis", _sum([one for one, _ in self.parts]))
        bins = sum(len(one.observed) for one, _ in self.parts)
        if len(self.analysis.observed) != bins:
            raise ValueError(f"analysis must have the {bins} bins of the parts, got {len(self.analysis.observed)}")

    def events(self, parameters: Any, analysis: Analysis) -> Expectation:
        """Expected signal in all bins, of the shape of the points + (bins,).

        Raises `ValueError` for an analysis of other counts than those of `analysis`.
        """
        if not np.array_equal(analysis.observed, self.analysis.observed):
            raise ValueError(f"analysis must be the sum of the parts, {self.analysis.name}, got {analysis.name}")
        found = [estimator.events(parameters, own) for own, estimator in self.parts]
        names = [field.name for field in dataclasses.fields(Expectation)]
        return Expectation(*(np.concatenate([getattr(one, name) for one in found], axis=-1) for name in names))


def _sum(analyses: Collection[Analysis]) -> Analysis:
    return functools.reduce(operator.add, analyses)


def with_shared_flux(
    analyses: Collection[Analysis], of_booster: Collection[Analysis], error: float = FLUX_ERROR, apart: bool = False
) -> Analysis:
    """The sum of ``analyses`` with an error of the flux on the signals of those ``of_booster``.

    Parameters
    ----------
    analyses
        In the order of the bins.
    of_booster
        Those of them that have the same beam.
    error
        Relative error of their signals.
    apart
        Whether each has this error on its own, as if the beams were different ones.

    Returns
    -------
    Analysis
        Whose ``shared`` errors of the background are those of the parts. The signal of MiniBooNE, for which these are
        not meant, has its efficiency's error in their place, and the other parts have theirs.
    """
    error = real_number("error", error, 0.0, 1.0)
    whole, n = _sum(analyses), [len(one.observed) for one in analyses]
    begin = np.cumsum([0, *n])
    of_signal = np.array(whole.shared_signal or whole.shared, dtype=float).reshape(-1, begin[-1])
    of_background = np.array(whole.shared, dtype=float).reshape(-1, begin[-1])
    common, own = np.zeros((len(n), begin[-1])), np.zeros((len(n), begin[-1]))
    for i, one in enumerate(analyses):
        bins = slice(begin[i], begin[i + 1])
        common[i, bins] = error * (one in of_booster)
        for name, value in OWN_ERRORS.items():
            if one.name.startswith(name):
                of_signal[:, bins], own[i, bins] = 0.0, value
    sources = np.concatenate([common if apart else common.sum(axis=0, keepdims=True), own])
    sources = sources[sources.any(axis=1)]
    rows = (np.concatenate([of_background, 0 * sources]), np.concatenate([of_signal, sources]))
    shared, shared_signal = (tuple(map(tuple, one.tolist())) for one in rows)
    return dataclasses.replace(whole, shared=shared, shared_signal=shared_signal)

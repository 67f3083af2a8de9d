"""The three predictions of an estimator, by one sum. Begin with `Predictions`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.experiment.analysis import Analysis
from darkpkg.inputs import Array, check_kinds, real_array
from darkpkg.method.expectation import Expectation
from darkpkg.physics.model import DarkParameters


class Predictions(ABC):
    """What `darkpkg.Transport`, `darkpkg.Kernel` and a table have in common."""

    def events(self, parameters: DarkParameters, analysis: Analysis) -> Expectation:
        """Expected signal in each bin of ``analysis``.

        Parameters
        ----------
        parameters
            Points θ of any shape.
        analysis
            Its channels have selection and exposure.

        Returns
        -------
        Expectation
            Of θ's shape + (bins,).

        Raises
        ------
        OutsideSampleError
            If a mass lies outside the sampled region, or the table.
        ValueError
            For another kind of N than was simulated, and for |V_eN|² without electron neutrinos; a table, for a
            selection that it does not have.

        Warns
        -----
        FewEventsWarning
            Where fewer than 10 effective events of a sample remain in a channel.
        """
        _check(parameters, analysis)
        with np.errstate(divide="ignore", over="ignore"):  # N without any width is stable
            ctau = np.asarray(parameters.proper_decay_length())
        return self._sum(parameters, ctau, analysis)

    def upscatterings(self, parameters: DarkParameters, analysis: Analysis) -> Expectation:
        """As `events`, wherever N decays: selection and efficiency only."""
        _check(parameters, analysis)
        return self._sum(parameters, None, analysis)

    def events_at_lifetime(self, parameters: DarkParameters, ctau: ArrayLike, analysis: Analysis) -> Expectation:
        """As `events`, with a free proper decay length ``ctau`` (cm) of N that broadcasts against θ's shape."""
        _check(parameters, analysis)
        return self._sum(parameters, real_array("ctau", ctau, "positive"), analysis)

    @abstractmethod
    def _sum(self, parameters: DarkParameters, ctau: Array | None, analysis: Analysis) -> Expectation:
        """The prediction for proper decay lengths in cm, or wherever N decays."""


def check_point(parameters: Any, name: str = "parameters") -> None:
    """Raise `TypeError` and `ValueError` unless these are parameters, and a single point."""
    check_kinds(**{name: (parameters, DarkParameters)})
    if parameters.shape != ():
        raise ValueError(f"{name} must be a single point, got shape {parameters.shape}")


MUON, ELECTRON = 14, 12
"""PDG codes of the neutrinos that make N by couplings of their own; antineutrinos have the same."""


def flavours_at(parameters: DarkParameters, flavours: Iterable[int], owner: str) -> tuple[int, ...]:
    """Which of `MUON` and `ELECTRON` make N at these points, if their ``owner`` has neutrinos of these ``flavours``.

    Raises `ValueError` for a coupling to ν_e without any: their share of the rate would be left out.
    """
    if not np.any(parameters.V_eN_sq):
        return (MUON,)
    if not {ELECTRON, -ELECTRON} & {*flavours}:
        some = "simulate with some, such as those of T2K of all flavours"
        raise ValueError(f"V_eN_sq must be zero: {owner} has no electron neutrinos; {some}")
    return MUON, ELECTRON


def _check(parameters: DarkParameters, analysis: Analysis) -> None:
    check_kinds(parameters=(parameters, DarkParameters), analysis=(analysis, Analysis))

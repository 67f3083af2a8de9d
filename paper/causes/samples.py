"""Events at a pair of masses for both charge densities, in our detector and in that of the authors' code.

Begin with `at`. Form factors have zeros, and a ratio of two has an infinite variance. So there are two samples, one
for each density, and with :math:`a_j = F_j^2/(F_1^2+F_2^2)`, the `Masses.shares`, both of them estimate either: the
balance heuristic of E. Veach and L. J. Guibas (1995), with integrands in the place of densities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.detector import ND280
from darkpkg.experiment.experiment import T2K
from darkpkg.method.events import Events, PlacedEvents
from darkpkg.method.generator import generate
from darkpkg.method.placing import place
from darkpkg.method.sampling import SamplingRange
from darkpkg.physics.nuclei import form_factor
from darkpkg.physics.scattering import neutrino_energy
from paper.causes import authors

Array = NDArray[np.float64]

__all__ = ["DENSITIES", "DETECTORS", "SEED", "Masses", "at", "benchmark_A", "benchmark_B"]

SEED = 2205
"""Of all samples."""

DENSITIES = {"measured": ND280.targets, "authors": authors.NUCLEI}
"""Nuclei of both charge densities."""

DETECTORS = {"ours": ND280, "authors": authors.DETECTOR}
"""Table II, and the boxes and masses of the authors' code."""

TOWARDS = ("TPC1", "TPC2", "TPC3", "FGD1")
"""Where decays are looked for."""


@dataclass(frozen=True, eq=False)
class Masses:
    """Events at m_N and m_Z′ in GeV: ``n_events`` of each density with ``vertices`` vertices each, from Sobol
    sequences.

    The same N are placed in either detector, with the same random numbers: comparisons are paired. ``around`` is the
    number of events over masses around these, for `paper.causes.kernel`.
    """

    m_N: float
    m_Zprime: float
    n_events: int | Mapping[str, int] = 1 << 14
    vertices: int = 4
    around: int = 1 << 15
    seed: int = SEED

    @cached_property
    def generated(self) -> dict[str, Events]:
        """Events of either density, without a place."""
        found = {}
        for name, nuclei in DENSITIES.items():
            there = T2K.replace(detector=authors.with_nuclei(ND280, nuclei))
            sampling = SamplingRange.at(self.m_N, self.m_Zprime)
            found[name] = generate(sampling, self.n_events, self.seed, experiment=there, sequence="sobol")
        return found

    def placed(self, detector: str = "ours") -> dict[str, PlacedEvents]:
        """The events of either density in one of `DETECTORS`."""
        return _placed(self, detector)

    @cached_property
    def shares(self) -> dict[str, dict[str, Array]]:
        """a of each placed event for a density, by its sample and then by the density."""
        return {name: self._shares(events) for name, events in self.generated.items()}

    def _shares(self, events: Events) -> dict[str, Array]:
        squares = {name: np.empty(len(events)) for name in DENSITIES}
        for symbol, nucleus in ND280.targets.items():
            own = events.target == nucleus.pdg_code
            energy = neutrino_energy(events.p_N[own], events.m_N[own], nucleus.mass)
            Q2 = 2 * nucleus.mass * np.maximum(energy - events.p_N[own, 0], 0.0)
            for name, nuclei in DENSITIES.items():
                squares[name][own] = form_factor(Q2, nuclei[symbol]) ** 2
        total = sum(squares.values())
        return {name: np.repeat(square / total, self.vertices) for name, square in squares.items()}


@lru_cache(maxsize=4)
def _placed(here: Masses, detector: str) -> dict[str, PlacedEvents]:
    how = {"vertices": here.vertices, "towards": TOWARDS}
    return {name: place(events, DETECTORS[detector], here.seed, **how) for name, events in here.generated.items()}


EVEN = {"C12": 2048, "O16": 512, "Ar40": 8192, "Cu63": 512, "Zn64": 512, "Pb208": 1024}
"""Events on each nucleus where decays count: N that decay soon are detected from argon and from the FGDs."""


def benchmark_B() -> Masses:
    """Events at B as many on each nucleus, for rates, acceptances and decays."""
    return Masses(0.1, 1.25, dict.fromkeys(EVEN, 8192), around=1 << 14)


def benchmark_A() -> Masses:
    """Events at A, mostly on carbon and argon: those from an FGD or a chamber count."""
    few = dict.fromkeys(EVEN, 256)
    return Masses(0.1, 0.03, few | {"C12": 1 << 16, "O16": 1 << 13, "Ar40": 1 << 15}, vertices=2, around=1 << 15)


@lru_cache(maxsize=2)
def at(m_N: float, m_Zprime: float, size: int = 1) -> Masses:
    """`Masses` with ``size`` times as many events as `EVEN`; the latest are kept."""
    return Masses(m_N, m_Zprime, {name: size * number for name, number in EVEN.items()})

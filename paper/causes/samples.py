"""Events at a pair of masses for both charge densities, in our detector and in that of the authors' code.

Begin with `at`. Form factors have zeros, and a ratio of two has an infinite variance. So N are made with the mean of
both, :math:`(F_1^2+F_2^2)/2`, and the weights of one density have the factor :math:`2F_j^2/(F_1^2+F_2^2)`,
`Masses.ratio`, that is never above two: the balance heuristic of E. Veach and L. J. Guibas (1995), with integrands in
the place of densities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.detector import ND280
from darkpkg.experiment.experiment import T2K
from darkpkg.method.events import Events, PlacedEvents
from darkpkg.method.generator import generate
from darkpkg.method.placing import place
from darkpkg.method.sampling import SamplingRange
from darkpkg.physics.nuclei import Nucleus, form_factor
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


@dataclass(frozen=True)
class _Mean(Nucleus):
    """A nucleus whose form factor squared is the mean of those of two charge densities."""

    other: Nucleus | None = None

    def amplitudes(self, Q2: Array, model: str) -> tuple[Array, Array]:
        """The root of the mean square, and zero."""
        assert self.other is not None
        amplitudes = (super().amplitudes(Q2, model), self.other.amplitudes(Q2, model))
        return np.sqrt(sum(charge**2 for charge, _ in amplitudes) / 2), amplitudes[0][1]


MEAN = {
    symbol: _Mean(*(getattr(nucleus, f.name) for f in fields(Nucleus)), other=authors.NUCLEI[symbol])
    for symbol, nucleus in ND280.targets.items()
}
"""Nuclei that scatter like the mean of both."""

TOWARDS = ("TPC1", "TPC2", "TPC3", "FGD1")
"""Where decays are looked for."""


@dataclass(frozen=True, eq=False)
class Masses:
    """Events at m_N and m_Z′ in GeV: ``n_events`` for each density with ``vertices`` vertices each, from Sobol
    sequences. All of them count for either.

    The same N are placed in either detector, with the same random numbers: comparisons are paired. ``around`` is the
    number of events over masses around these, for `paper.causes.kernel`. Vertices lie denser ``towards`` decays.
    """

    m_N: float
    m_Zprime: float
    n_events: int | Mapping[str, int] = 1 << 14
    vertices: int = 4
    around: int = 1 << 15
    seed: int = SEED
    towards: tuple[str, ...] = TOWARDS

    @cached_property
    def generated(self) -> Events:
        """Events of the mean of both densities, without a place."""
        there = T2K.replace(detector=authors.with_nuclei(ND280, MEAN))
        sampling = SamplingRange.at(self.m_N, self.m_Zprime)
        n = self.n_events
        both = {name: 2 * own for name, own in n.items()} if isinstance(n, Mapping) else 2 * n
        return generate(sampling, both, self.seed, experiment=there, sequence="sobol")

    def placed(self, detector: str = "ours") -> PlacedEvents:
        """The events in one of `DETECTORS`."""
        return _placed(self, detector)

    @cached_property
    def ratio(self) -> dict[str, Array]:
        """Rate of each placed event with a density over that with the mean of both."""
        events = self.generated
        squares = {name: np.empty(len(events)) for name in DENSITIES}
        for symbol, nucleus in ND280.targets.items():
            own = events.target == nucleus.pdg_code
            energy = neutrino_energy(events.p_N[own], events.m_N[own], nucleus.mass)
            Q2 = 2 * nucleus.mass * np.maximum(energy - events.p_N[own, 0], 0.0)
            for name, nuclei in DENSITIES.items():
                squares[name][own] = form_factor(Q2, nuclei[symbol]) ** 2
        mean = sum(squares.values()) / len(squares)
        return {name: np.repeat(square / mean, self.vertices) for name, square in squares.items()}


@lru_cache(maxsize=4)
def _placed(here: Masses, detector: str) -> PlacedEvents:
    return place(here.generated, DETECTORS[detector], here.seed, vertices=here.vertices, towards=here.towards)


EVEN = {"C12": 2048, "O16": 512, "Ar40": 4096, "Cu63": 512, "Zn64": 512, "Pb208": 1024}
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
    """`Masses` with ``size`` times as many events as `EVEN`; the latest are kept.

    Statistical errors of limits are then about a per cent, where the figures were read to five. The kernel of a light
    dark photon smooths the mass of the pair over the bins of Analysis II: it needs more events.
    """
    number = {name: size * number for name, number in EVEN.items()}
    return Masses(m_N, m_Zprime, number, around=1 << (14 if m_Zprime < m_N else 13))

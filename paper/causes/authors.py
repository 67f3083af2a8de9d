"""What the authors' published code has: its nuclei, detector, constants and grids, as values of this package.

Begin with `NUCLEI` and `DETECTOR`. All numbers are read from the source that the authors published with the paper
(github.com/mhostert/dark-neutrinos-at-T2K, its parameters, cross sections and constants as last changed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.detector import ND280, Detector, Module
from darkpkg.experiment.response import FGD_RESPONSE, PairResponse, ResponseMatrix
from darkpkg.experiment.selection import Cuts, Observables
from darkpkg.experiment.volumes import Box
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import Element, Nucleus, elements
from darkpkg.units import HBARC, fm, tonne

Array = NDArray[np.float64]

__all__ = [
    "COUNTS",
    "DETECTOR",
    "GEV2_TO_CM2",
    "GRIDS",
    "KERNEL_NORM",
    "KERNEL_RADIUS",
    "LARGEST_CONTACT",
    "MASSES",
    "NUCLEAR_MASSES",
    "NUCLEI",
    "POISSON_BELOW",
    "RANGES",
    "RESPONSE",
    "TheirCuts",
    "TheirMatrix",
    "fermi",
    "proper_decay_length",
    "three_body_width",
    "with_nuclei",
    "with_their_counts",
]

NUCLEAR_MASSES: Mapping[str, float] = MappingProxyType(
    {"C": 11.262, "O": 15.016, "Cu": 59.637921, "Zn": 61.35913, "Pb": 194.4572, "Ar": 37.54}
)
"""In GeV, by element."""

RADIUS, DIFFUSENESS = 1.03 * fm, 0.523 * fm
"""r₀ and a of the charge density. The radius is r₀ times the third root of the nuclear mass in GeV, which takes the
place of A; with A it would be larger by 2 per cent."""

GEV2_TO_CM2 = 3.9204e-28
"""1 GeV⁻² in cm²; (ħc)² is 3.8938e-28."""

KERNEL_RADIUS = 0.1 * np.log(10)
"""Bandwidth in the logarithm of either mass: 0.1 in log₁₀."""

KERNEL_NORM = float(np.pi / 2 / (4 * (1 - 1 / np.sqrt(3))))
"""Integral of their kernel: 1 − r² over the disc has the integral π/2, and is divided by 4(1 − 1/√3)."""

LARGEST_CONTACT = 0.01
"""(m_N/m_Z′)² up to which L of Eq. (9) is taken to be one."""

POISSON_BELOW = 0.01
"""Variance of an expectation below which its likelihood is that of Poisson."""

RANGES: Mapping[str, tuple[tuple[float, float], tuple[float, float]]] = MappingProxyType(
    {"heavy": ((0.005, 1.0), (0.005, 10.0)), "light": ((0.005, 2.0), (0.005, 2.0))}
)
"""Masses of N and Z′ in GeV that are sampled."""

GRIDS: Mapping[tuple[str, str], tuple[Array, Array]] = MappingProxyType(
    {
        ("heavy", "left"): (np.geomspace(0.005, 1, 20), np.geomspace(1e-11, 1, 25)),
        ("heavy", "right"): (np.geomspace(0.13, 10, 20), np.geomspace(1e-5, 1e-1, 25)),
        ("light", "left"): (np.linspace(0.0358, 1, 10), np.geomspace(1e-10, 1e-4, 11)),
        ("light", "right"): (np.linspace(0.005, 0.095, 10), np.geomspace(1e-5, 1e-1, 11)),
    }
)
"""Nodes at which the likelihood is computed for each plane of Figs. 9 and 10; contours are straight between them."""


def fermi(Q: ArrayLike, radius: float) -> Array:
    r"""Form factor of a symmetrised Fermi density with their diffuseness; Q in GeV, positive, ``radius`` in cm.

    With x = Qc and y = πQa (D. W. L. Sprung, J. Martorell, J. Phys. A 30, 6525 (1997)),

    .. math:: F = \frac{3}{x(x^2+y^2)}\,\frac{y}{\sinh y}\,\Bigl[\frac{y\sin x}{\tanh y} - x\cos x\Bigr] .
    """
    x, y = (np.asarray(Q, dtype=float) / HBARC * length for length in (radius, np.pi * DIFFUSENESS))
    return 3 / (x * (x**2 + y**2)) * y / np.sinh(y) * (y * np.sin(x) / np.tanh(y) - x * np.cos(x))


def _nucleus(symbol: str) -> Nucleus:
    """A nucleus with their charge density, as a Fourier–Bessel series.

    The density ends where it is 6e-6 of the middle, at R. Then F is known everywhere from its values at Q = nπ/R:
    all terms of the series but one vanish there, and a_n is F(nπ/R) (nπ)², up to a common factor.
    """
    ours = elements()[symbol].nucleus
    radius = RADIUS * NUCLEAR_MASSES[symbol] ** (1 / 3)
    end = radius + 12 * DIFFUSENESS
    n_pi = np.pi * np.arange(1, 34)
    return replace(ours, radius=end, coefficients=tuple(fermi(n_pi / end * HBARC, radius) * n_pi**2))


NUCLEI: Mapping[str, Nucleus] = MappingProxyType({symbol: _nucleus(symbol) for symbol in NUCLEAR_MASSES})
"""Our nuclei with their charge densities, by element."""


def with_nuclei(detector: Detector, nuclei: Mapping[str, Nucleus] = NUCLEI) -> Detector:
    """The same detector of other nuclei."""

    def element(symbol: str) -> Element:
        ours = elements()[symbol]
        return Element(symbol, nuclei.get(symbol, ours.nucleus), ours.atomic_weight)

    modules = (
        replace(m, composition={element(symbol): share for symbol, share in m.shares.items()})
        for m in detector.modules
    )
    return Detector(detector.name, tuple(modules))


# --- Detector ---

_P0DULE, _BRASS, _WATER, _LEAD = 0.192, 0.1, 0.1, 0.222
"""Tonnes of a P0Dule, a brass sheet, a water bag and a lead sheet."""

_FGD_AREA = 186.4**2 * 1e-6
"""From mg/cm² of a layer to tonnes."""

_PER_XY = {"C": 1.8486, "H": 0.1579, "O": 0.0794}
_PER_WATER = {"C": 0.422, "H": 0.2916, "O": 2.0601}
"""mg/cm² of a scintillator and of a water module of an FGD."""


def _fgd(n_xy: int, n_water: int) -> dict[str, float]:
    return {s: _FGD_AREA * (n_xy * _PER_XY[s] + n_water * _PER_WATER[s]) for s in ("C", "H", "O")}


def _ecal() -> dict[str, float]:
    return {"C": 7 * _P0DULE * 12 / 14, "H": 7 * _P0DULE * 2 / 14, "Pb": 7 * _LEAD}


MASSES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "P0D-ECAL1": _ecal(),
        "P0D-water": {
            "C": 26 * _P0DULE * 12 / 14,
            "H": 26 * _P0DULE * 2 / 14 + 25 * _WATER * 2 / 18,
            "O": 25 * _WATER * 16 / 18,
            "Cu": 25 * _BRASS * 0.66,
            "Zn": 25 * _BRASS * 0.34,
        },
        "P0D-ECAL2": _ecal(),
        "TPC1": {"Ar": 0.01602 / 3},
        "FGD1": _fgd(15, 0),
        "TPC2": {"Ar": 0.01602 / 3},
        "FGD2": _fgd(7, 6),
        "TPC3": {"Ar": 0.01602 / 3},
    }
)
"""Tonnes of each element in the active volume of each module. No hydrogen is scattered on."""

_P0D = {"P0D-ECAL1": (0.0, 30.5), "P0D-water": (30.5, 209.6), "P0D-ECAL2": (209.6, 240.0)}
_STEP = 136.5
"""From one chamber, or FGD, to the next."""


def _boxes(name: str) -> tuple[Box, Box | None]:
    """Active and fiducial volume of a module."""
    if name in _P0D:
        begin, end = _P0D[name]
        return Box.centred(210.3, 223.9, end - begin, begin), None
    kind, number = name[:-1], int(name[-1]) - 1
    if kind == "TPC":
        active, fiducial = (186.0, 206.0, 78.1, 240 + (100 - 78.1) / 2), (170.0, 196.0, 56.3, 256.0)
    else:
        active, fiducial = (186.4, 186.4, 30.3, 340 + (36.5 - 30.3) / 2), (174.9, 174.9, 28.76, 343.87)
    shift = number * _STEP
    return Box.centred(*active[:3], active[3] + shift), Box.centred(*fiducial[:3], fiducial[3] + shift)


def _detector() -> Detector:
    modules = []
    for module in ND280.modules:
        masses = MASSES[module.name]
        total = sum(masses.values())
        active, fiducial = _boxes(module.name)
        shares = {symbol: mass / total for symbol, mass in masses.items()}
        modules.append(Module(module.name, active, total * tonne, shares, fiducial))
    return Detector("ND280 of the authors' code", tuple(modules))


DETECTOR = _detector()
"""Their boxes and masses. Those of FGD1 in its fiducial volume are 0.8051 t of carbon and 0.0346 t of oxygen."""


# --- Selection and lifetime ---


@dataclass(frozen=True)
class TheirCuts:
    """The cuts of Eq. (15) as `Cuts` has them, but for ``by_momentum`` and ``by_lepton``.

    ``by_momentum`` cuts on the momentum of the pair where the text has its energy. ``by_lepton`` adds the squared
    transverse momenta of both leptons in |t| and has no cut on m_ee. But |t| then is

    .. math:: (E-p_z)^2 + p_{T,-}^2 + p_{T,+}^2 ,

    which is larger where the leptons part, and so cuts m_ee after all.
    """

    others: Cuts = Cuts()
    by_momentum: bool = False
    by_lepton: bool = False

    def passes(self, o: Observables) -> NDArray[np.bool_]:
        """Whether each event passes."""
        limits, pair = self.others, o.electron + o.positron
        energy = momentum(pair) if self.by_momentum else o.energy
        t, lightest = o.t, o.mass < limits.max_mass
        if self.by_lepton:
            across_sq = sum((p[:, 1:3] ** 2).sum(axis=1) for p in (o.electron, o.positron))
            t, lightest = (pair[:, 0] - pair[:, 3]) ** 2 + across_sq, np.ones(len(t), dtype=bool)
        angles = (o.cos_opening > limits.min_cos_opening) & (o.cos_beam > limits.min_cos_beam)
        return angles & (energy > limits.min_energy) & (t < limits.max_t) & lightest


class TheirMatrix(ResponseMatrix):
    """The published response as their code reads it.

    A reconstructed value is the middle of its bin, not spread over it; a true value outside of the tabulated bins, as
    a momentum above 2 GeV, is reconstructed as it is, not with the spread of the nearest bin. This is read from an
    earlier state of the code than the last; no printed number tests it.
    """

    def __call__(self, true: ArrayLike, uniform: ArrayLike) -> Array:
        """Reconstructed values for ``true`` ones."""
        true, row = np.asarray(true, dtype=float), self.row(true)
        column = np.searchsorted(self.edges, super().__call__(true, uniform), side="right") - 1
        middles = (self.edges[1:] + self.edges[:-1]) / 2
        outside = (true < self.low[row]) | (true > self.high[row])
        return np.where(outside, true, middles[np.clip(column, 0, len(middles) - 1)])


def _as_theirs(ours: ResponseMatrix) -> TheirMatrix:
    return TheirMatrix(*(getattr(ours, field.name) for field in fields(ResponseMatrix)))


RESPONSE = PairResponse(_as_theirs(FGD_RESPONSE.momentum), _as_theirs(FGD_RESPONSE.angle))
"""Of FGD1."""


COUNTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "FHC": (1588, 1300, 415, 199, 116, 106, 72, 63, 52, 44, 28, 37, 26, 26, 21, 16, 12, 13, 15, 839),
        "RHC": (400, 296, 103, 52, 44, 31, 22, 13, 11, 10, 15, 13, 9, 8, 4, 4, 5, 3, 7, 186),
    }
)
"""Counts of Analysis II by beam. They were read off T2K's figure, such as 116.95, 52.57 and 4.90, and made integers
by cutting off the decimals: 16 of the 40 are one less than the integer that is nearest."""


def with_their_counts(analysis: Analysis) -> Analysis:
    """An analysis with `COUNTS` in those of its channels that have bins of the mass of the pair."""
    observed = analysis.observed.copy()
    for channel in analysis.channels:
        if channel.selection.mass_edges:
            observed[analysis.bins_of(channel.name)] = COUNTS[channel.beam]
    return analysis.with_observed(observed)


def three_body_width(theta: DarkParameters) -> Array:
    """Width of N in GeV by Eq. (9) as their code has it: massless electrons, and L = 1 up to `LARGEST_CONTACT`."""
    plain = theta.replace(decays="paper")
    contact = plain.replace(m_Zprime=1e6).decay_width() * (1e6 / np.asarray(theta.m_Zprime)) ** 4
    small = np.square(np.divide(theta.m_N, theta.m_Zprime)) <= LARGEST_CONTACT
    return np.where(small, contact, plain.decay_width())


def proper_decay_length(theta: DarkParameters) -> Array:
    """cτ⁰ in cm of their width."""
    return HBARC / three_body_width(theta)

"""Physics that the paper leaves out: how much each part of it changes the events, and the limits with all of it.

Begin with `POINTS` and `changes`, sizes at a point, or with `estimates`, limits along a line of masses.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis
from darkpkg.experiment.beam import Beam
from darkpkg.experiment.detector import ND280
from darkpkg.experiment.experiment import T2K_ALL_FLAVOURS
from darkpkg.experiment.selection import Cuts
from darkpkg.inference.scanning import scan
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.method.estimators import Kernel
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import FewEventsWarning
from darkpkg.method.weights import detected_weight
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.physics.nuclei import PROTON
from darkpkg.physics.scattering import neutrino_energy
from darkpkg.simulation import simulate
from paper.causes.counting import error, total
from paper.causes.planes import edge, minus_delta_log_likelihood
from paper.tables import Table, table

Array = NDArray[np.float64]

__all__ = [
    "BEAM_TILT",
    "POINTS",
    "Estimate",
    "Line",
    "Reach",
    "best_epsilons",
    "best_limits",
    "changes",
    "estimates",
    "expected_limits",
    "reach",
    "sample_at",
    "sizes_table",
    "written",
]

A, B, I, II = BENCHMARK_A, BENCHMARK_B, ANALYSIS_I, ANALYSIS_II

BEAM_TILT = float(np.radians(1.6))
"""Between the beam and the axis of ND280, which its reconstruction has."""

POINTS: Mapping[str, tuple[DarkParameters, Analysis]] = {
    "B, I": (B, I),
    "(0.02, 1.25), I": (B.replace(m_N=0.02), I),
    "(0.3, 1.25), I": (B.replace(m_N=0.3), I),
    "A, I": (A, I),
    "A, II": (A, II),
    "(0.3, 0.03), I": (A.replace(m_N=0.3), I),
    "(0.3, 0.03), II": (A.replace(m_N=0.3), II),
}
"""Points by their masses (m_N, m_Z′) in GeV, with the analysis."""

Limit = Callable[[PlacedEvents, DarkParameters, Analysis], float]

_MAIN = {"FHC": 14, "RHC": -14}
_CLOSER = 0.992


def sample_at(
    theta: DarkParameters, n_events: int = 1 << 15, seed: int = 2205, electrons: bool = True
) -> PlacedEvents:
    """Events at a point with all neutrinos of the beams, nucleons and hydrogen; |V_eN|² is |V_μN|², if not zero."""
    experiment = T2K_ALL_FLAVOURS
    if not electrons:
        muons = [{code: flux for code, flux in beam.fluxes.items() if abs(code) == 14} for beam in experiment.beams]
        beams = tuple(Beam(beam.name, own) for beam, own in zip(experiment.beams, muons, strict=True))
        experiment = experiment.replace(beams=beams)
    theta = theta.replace(V_eN_sq=theta.V_muN_sq if electrons else 0.0)
    return simulate(theta, n_events, seed, experiment=experiment, hydrogen=True, nucleons=True)


# --- Sizes at a point ---


@dataclass(frozen=True, eq=False)
class _Parts:
    """Which events are of the beam's own flavour, of a nucleus as a whole, and of a proton or neutron."""

    events: PlacedEvents

    @property
    def own(self) -> NDArray[np.bool_]:
        return self.events.flavour == np.where(self.events.beam == "FHC", _MAIN["FHC"], _MAIN["RHC"])

    @property
    def bound(self) -> NDArray[np.bool_]:
        return self.events.target % 10 == 1

    @property
    def hydrogen(self) -> NDArray[np.bool_]:
        return self.events.target == PROTON.pdg_code

    @property
    def coherent(self) -> NDArray[np.bool_]:
        return ~(self.bound | self.hydrogen)

    @property
    def fast(self) -> NDArray[np.bool_]:
        """Whether the neutrino had more than 10 GeV."""
        masses = {nucleus.pdg_code: nucleus.mass for nucleus in ND280.nuclei.values()}
        mass = np.array([masses[code // 10 * 10] for code in self.events.target.tolist()])
        return neutrino_energy(self.events.p_N, self.events.m_N, mass) > 10.0


def changes(theta: DarkParameters, analysis: Analysis, events: PlacedEvents) -> dict[str, tuple[float, float]]:
    """By how many per cent each effect changes the events of an analysis, with its statistical error.

    The base is what the paper counts: N of ν_μ in FHC and of ν̄_μ in RHC, made on whole nuclei but hydrogen, that
    decay to e⁺e⁻ alone, at once if Z′ is on its mass shell. ``events`` are those of `sample_at` for ``theta``.
    """
    theta = theta.replace(V_eN_sq=theta.V_muN_sq)
    parts, n = _Parts(events), int(events.replicate.max()) + 1
    usual = parts.own & parts.coherent

    def sums(keep: Any, of: Analysis = analysis, at: DarkParameters = theta) -> Array:
        return total(np.bincount(events.replicate, detected_weight(events, at, of) * keep, n))

    paper = sums(usual, at=theta.replace(decays="paper"))
    base = sums(usual)
    decays = "flight of Z′" if theta.is_light_mediator else "muons and hadrons"
    others = {
        decays: (base - paper) / paper,
        "protons and neutrons of nuclei": sums(parts.own & parts.bound) / base,
        "hydrogen": sums(parts.own & parts.hydrogen) / base,
        "wrong-sign muon neutrinos": sums(~parts.own & (np.abs(events.flavour) == 14) & parts.coherent) / base,
        "electron neutrinos, equal mixing": sums((np.abs(events.flavour) == 12) & parts.coherent) / base,
    }
    if analysis == I:
        tilted = analysis.with_selection(cuts=Cuts(beam_tilt=BEAM_TILT))
        others["axis of the detector in the cuts"] = sums(usual, tilted) / base - 1
    else:
        fgd = ND280["FGD1"]
        ratio = replace(fgd, mass_within=None).fiducial_mass / fgd.fiducial_mass
        others["FGD1 of one density"] = np.full(n + 1, ratio - 1)
    others["of neutrinos above 10 GeV"] = sums(usual & parts.fast) / base
    return {name: (100 * float(value[0]), 100 * float(error(value))) for name, value in others.items()}


def sizes_table(sizes: Mapping[str, Mapping[str, tuple[float, float]]], name: str, caption: str) -> Table:
    """A table of `changes` in per cent, with a row for each effect that applies at one of the points."""
    effects = list(dict.fromkeys(effect for one in sizes.values() for effect in one))
    columns: dict[str, list[Any]] = {"effect": effects}
    for point, one in sizes.items():
        found = [one.get(effect, (np.nan, np.nan)) for effect in effects]
        columns |= {point: [value for value, _ in found], f"± {point}": [own_error for _, own_error in found]}
    errors, formats = {point: f"± {point}" for point in sizes}, dict.fromkeys(sizes, ".2f")
    return table(columns, name=name, caption=caption, errors=errors, formats=formats)


def written(change: tuple[float, float]) -> str:
    """The size of a change, without its sign, in per cent with error.

    >>> written((-10.21, 0.68))
    '10.2 ± 0.7'
    """
    return f"{abs(change[0]):.1f} ± {change[1]:.1f}"


# --- The dark photon that flies ---


@dataclass(frozen=True, eq=False)
class Reach:
    """−Δ ln L against m_Z′ (GeV) and ε: by analysis, arrays (masses, couplings), each column from its own best."""

    m_Zprime: Array
    epsilon: Array
    fall: Mapping[str, Array]

    def excluded(self, name: str) -> NDArray[np.bool_]:
        """Where an analysis excludes at 90 % for two parameters."""
        return self.fall[name] > exclusion_threshold(0.90)

    def smallest(self, name: str) -> Array:
        """Smallest ε at which it excludes, (masses,): a power between neighbours, nan where it excludes nothing."""
        return edge(self.epsilon, self.fall[name], exclusion_threshold(0.90))


def reach(m_Zprime: Array, epsilon: Array, n_events: int = 1 << 13, seed: int = 2205) -> Reach:
    """What Analyses I and II, and both, exclude at m_N = 100 MeV and the other couplings of A.

    With Z′ that fly, and as "…, at once" with Z′ that decay where they are made, as in the paper. A sample for each
    mass, made at ε = 1e-4.
    """
    analyses = {"Analysis I": I, "Analysis II": II, "both": I + II}
    fall: dict[str, list[Array]] = {}
    for mass in m_Zprime:
        theta = A.replace(m_Zprime=float(mass), epsilon=1e-4)
        estimate = Kernel(simulate(theta, n_events, seed))
        for (name, analysis), (decays, ending) in product(analyses.items(), _FLIGHTS.items()):
            line = Slice(theta.replace(decays=decays), epsilon=epsilon)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FewEventsWarning)  # bins far from the mass of Z′ are empty
                found = scan(estimate, line, analysis).minus_delta_log_likelihood
            fall.setdefault(name + ending, []).append(found)
    return Reach(m_Zprime, epsilon, {name: np.stack(lines) for name, lines in fall.items()})


_FLIGHTS = {"all": "", "paper": ", at once"}


# --- Limits ---


@dataclass(frozen=True)
class Estimate:
    """Factors by which a rate has to change to be at the 90 % limit.

    ``text`` for what the paper counts, ``strongest`` and ``weakest`` with all physics: single nucleons count and cuts
    are about the beam, or they do not and cuts are about the axis of the detector, in a narrower cone.
    """

    text: float
    strongest: float
    weakest: float

    @property
    def best(self) -> float:
        """Middle of the band, in the logarithm."""
        return float(np.sqrt(self.strongest * self.weakest))


def estimates(
    theta: DarkParameters, analysis: Analysis, events: PlacedEvents, limit: Limit | None = None
) -> Estimate:
    """Limits at one point, over its couplings |V_μN|², from events of `sample_at`.

    The rate is proportional to the coupling where N has the same lifetime, or decays at once. ``limit`` computes
    another limit from events, point and analysis.
    """
    limit = limit or _limit
    parts = _Parts(events)
    usual = events[parts.own & parts.coherent]
    whole = events[parts.coherent]
    return Estimate(
        text=limit(usual, theta.replace(decays="paper"), analysis),
        strongest=limit(events, theta, analysis),
        weakest=limit(whole, theta, _with_cuts(analysis, Cuts(min_cos_beam=_CLOSER, beam_tilt=BEAM_TILT))),
    )


@dataclass(frozen=True, eq=False)
class Line:
    """Limits on |V_μN|² at masses m_N, or on ε at masses m_Z′ (GeV): arrays of the fields of `Estimate`.

    ``x`` and ``y`` name the mass and what is limited, as fields of `DarkParameters`.
    """

    x: str
    y: str
    mass: Array
    text: Array
    strongest: Array
    weakest: Array
    best: Array


def best_limits(base: DarkParameters, m_N: Array, analysis: Analysis, n_events: int = 1 << 14) -> Line:
    """Limits on |V_μN|² as the text has them and with all physics, at other masses of N than those of a benchmark.

    A sample for each mass, without electron neutrinos, whose mixing is another parameter. In the light case |V_N|² is
    |V_μN|², and N decays at once.
    """
    found = []
    for mass in m_N:
        theta = base.replace(m_N=float(mass))
        found.append(estimates(theta, analysis, sample_at(theta, n_events, electrons=False)))
    return _line("m_N", "V_muN_sq", m_N, found, float(base.V_muN_sq))


def best_epsilons(base: DarkParameters, m_Zprime: Array, analysis: Analysis, n_events: int = 1 << 14) -> Line:
    """The same on ε at other masses of Z′, as the smallest ε that is excluded; nan where none is.

    With ε changes how long N lives in the heavy case, and how far Z′ flies in the light one.
    """
    found = []
    for mass in m_Zprime:
        theta = base.replace(m_Zprime=float(mass))
        found.append(estimates(theta, analysis, sample_at(theta, n_events, electrons=False), _smallest_epsilon))
    return _line("m_Zprime", "epsilon", m_Zprime, found)


def _line(x: str, y: str, mass: Array, found: list[Estimate], unit: float = 1.0) -> Line:
    names = ("text", "strongest", "weakest", "best")
    return Line(x, y, mass, *(unit * np.array([getattr(one, name) for one in found]) for name in names))


def _with_cuts(analysis: Analysis, cuts: Cuts) -> Analysis:
    """Other cuts in those channels that have some."""
    channels = (
        replace(channel, selection=replace(channel.selection, cuts=cuts)) if channel.selection.cuts else channel
        for channel in analysis.channels
    )
    return replace(analysis, channels=tuple(channels))


_FACTORS = np.geomspace(1e-8, 1e8, 801)


def _limit(events: PlacedEvents, theta: DarkParameters, analysis: Analysis) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewEventsWarning)  # of N that hardly pass the cuts, which then decide little
        return limit_of(Kernel(events).events(theta, analysis).mean, analysis)


_EPSILONS = np.geomspace(1e-5, 0.1, 25)
"""Between them −Δ ln L is nearly a power of ε."""


def _smallest_epsilon(events: PlacedEvents, theta: DarkParameters, analysis: Analysis) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewEventsWarning)  # where hardly an N decays in time, far from the limit
        found = scan(Kernel(events), Slice(theta, epsilon=_EPSILONS), analysis)
    return float(edge(_EPSILONS, found.minus_delta_log_likelihood, exclusion_threshold(0.90)))


def limit_of(mean: Array, analysis: Analysis, factors: Array = _FACTORS) -> float:
    """Factor at which an expected signal (bins,) is excluded at 90 % for two parameters; nan if there is none."""
    fall = minus_delta_log_likelihood((factors[:, None] * mean)[None], analysis)
    return float(edge(factors, fall, exclusion_threshold(0.90))[0])


def expected_limits(projected: Analysis, share: float) -> dict[str, float]:
    """Signal in events that a projection of `ANALYSIS_I` excludes, for counts without a signal.

    ``share`` of the signal is in FHC. The counts are int(b), those of each possible outcome, with the median of the
    limits, and b itself.
    """
    signal, background = np.array([share, 1 - share]), projected.background
    factors = np.geomspace(1e-3, 100, 1201)  # the best is no signal where few were counted

    def limit(counts: Iterable[float]) -> float:
        return limit_of(signal, projected.with_observed(list(counts)), factors)

    ranges = [np.arange(poisson.ppf(1e-4, b), poisson.ppf(1 - 1e-4, b) + 1) for b in background]
    outcomes = list(product(*ranges))
    limits = np.array([limit(counts) for counts in outcomes])
    chance = np.array([poisson.pmf(counts, background).prod() for counts in outcomes])
    order = np.argsort(limits)
    median = limits[order][np.searchsorted(np.cumsum(chance[order]), chance.sum() / 2)]
    return {"int(b)": limit(np.floor(background)), "median": float(median), "Asimov": limit(background)}

"""Limits with all the physics that the paper leaves out, beside those of its text. Begin with `best_limits`.

`reach` is for a dark photon that flies, and `expected_limits` for more data. What each part of the physics changes is
in `paper.left_out`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis
from darkpkg.experiment.selection import Cuts
from darkpkg.inference.scanning import scan
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.method.estimators import Kernel
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import FewEventsWarning
from darkpkg.physics.model import BENCHMARK_A, DarkParameters
from darkpkg.simulation import simulate
from paper.causes.planes import edge, minus_delta_log_likelihood
from paper.left_out import BEAM_TILT, Parts, sample_at

Array = NDArray[np.float64]

__all__ = [
    "Estimate",
    "Line",
    "Reach",
    "best_epsilons",
    "best_limits",
    "estimates",
    "expected_limits",
    "limit_of",
    "reach",
]

I, II = ANALYSIS_I, ANALYSIS_II

_CLOSER = 0.992
"""Cosine of the cut of the narrower cone."""

Limit = Callable[[PlacedEvents, DarkParameters, Analysis], float]


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
        theta = BENCHMARK_A.replace(m_Zprime=float(mass), epsilon=1e-4)
        estimate = Kernel(simulate(theta, n_events, seed))
        for (name, analysis), (decays, ending) in product(analyses.items(), _FLIGHTS.items()):
            line = Slice(theta.replace(decays=decays), epsilon=epsilon)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FewEventsWarning)  # bins far from the mass of Z′ are empty
                found = scan(estimate, line, analysis).minus_delta_log_likelihood
            fall.setdefault(name + ending, []).append(found)
    return Reach(m_Zprime, epsilon, {name: np.stack(lines) for name, lines in fall.items()})


_FLIGHTS = {"all": "", "paper": ", at once"}


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
    parts = Parts(events)
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

"""What we find for each claim of the paper: a short function for each, called by the claim's name.

Begin with `ANSWERS`; `paper.claims.verdicts` holds the answers against what the paper says. Each function takes the
samples that it needs from `SamplesLike` and returns an `Answer`, or two: with the text as printed, and under the
assumption that stands beside the claim in ``data/paper/claims.csv``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from darkpkg import datasets
from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis
from darkpkg.experiment.beam import Flux, load_flux
from darkpkg.experiment.detector import ND280, ND280_UPGRADE, Module
from darkpkg.experiment.detector_file import ARGON_DENSITY
from darkpkg.experiment.projection import PHASE_I_POT, project
from darkpkg.inference.intervals import excluded_intervals
from darkpkg.inference.lifetimes import LifetimeBound, excluded_lifetimes, fit_lifetime_bound
from darkpkg.inference.scanning import scan
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.method.acceptances import decay_acceptance, selection_efficiency
from darkpkg.method.bandwidth import choose_bandwidth
from darkpkg.method.estimators import Kernel
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation, Share
from darkpkg.method.placing import place
from darkpkg.method.smoothing import Smoothing
from darkpkg.method.transport import transport
from darkpkg.method.weights import (
    detected_weight,
    lifetime_weight,
    selected_weight,
)
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters, vertex_factors
from darkpkg.physics.nuclei import NUCLEI, Nucleus, elements
from darkpkg.physics.scattering import approximate_cross_section, total_cross_section
from darkpkg.units import ELECTRON_MASS, HBARC, GeV, MeV, cm, m, tonne

Array = NDArray[np.float64]

__all__ = ["ANSWERS", "Answer", "Evidence", "SamplesLike"]

A, B, I, II = BENCHMARK_A, BENCHMARK_B, ANALYSIS_I, ANALYSIS_II
LEAD, ARGON = NUCLEI["Pb208"], NUCLEI["Ar40"]
CHAMBERS = tuple(module for module in ND280.modules if module.material == "Ar")
LAST_LEAD = ND280["P0D-ECAL2"]


class SamplesLike(Protocol):
    """Placed samples in ND280: at the masses of either benchmark, and over those of N and a heavier dark photon."""

    @property
    def at_A(self) -> PlacedEvents:
        """At the masses of A, as many on each nucleus."""

    @property
    def at_B(self) -> PlacedEvents:
        """At the masses of B, as many on each nucleus."""

    @property
    def heavy(self) -> PlacedEvents:
        """Over all masses with m_N ≤ m_Z′."""


@dataclass(frozen=True)
class Answer:
    """Our number for a claim with its statistical error, zero if no sample is behind it.

    ``value`` is nan if the text as printed gives none. ``assumed`` is what follows under the assumption of the claim,
    if it makes one.
    """

    value: float
    error: float = 0.0
    assumed: Answer | None = None


NOTHING = float("nan")
ANSWERS: dict[str, Callable[[Evidence], Answer]] = {}
"""The function that answers each claim, by the claim's name."""


def _answers(function: Callable[[Evidence], Answer]) -> Callable[[Evidence], Answer]:
    ANSWERS[function.__name__] = function
    return function


class Evidence:
    """Samples, and what several claims need of them, computed once."""

    def __init__(self, samples: SamplesLike) -> None:
        self._samples = samples
        self._moved: dict[tuple[float, float], PlacedEvents] = {}

    @property
    def at_A(self) -> PlacedEvents:
        """Events at the masses of A."""
        return self._samples.at_A

    @property
    def at_B(self) -> PlacedEvents:
        """Events at the masses of B."""
        return self._samples.at_B

    @property
    def heavy(self) -> PlacedEvents:
        """Events over all masses with m_N ≤ m_Z′."""
        return self._samples.heavy

    def at(self, m_N: float, m_Zprime: float) -> PlacedEvents:
        """Events at these masses in GeV: those of B, or the sample over masses, moved there."""
        if (m_N, m_Zprime) == (B.m_N, B.m_Zprime):
            return self.at_B
        if (m_N, m_Zprime) not in self._moved:
            self._moved[m_N, m_Zprime] = transport(self.heavy, B.replace(m_N=m_N, m_Zprime=m_Zprime))
        return self._moved[m_N, m_Zprime]

    @cached_property
    def selected_at_B(self) -> Array:
        """Weight of each event at B: N that Analysis I selects, wherever they decay."""
        return selected_weight(self.at_B, B, I)

    def detected_at_B(self, ctau: float) -> Array:
        """Of those, what decays in a chamber, for cτ⁰ in cm."""
        return self.selected_at_B * lifetime_weight(self.at_B, ctau)

    @cached_property
    def edges_at_B(self) -> tuple[Array, Array]:
        """Shortest and longest excluded cτ⁰ in cm at the production rate of B, and their errors."""
        rate = float(Kernel(self.at_B).upscatterings(B, I).total().mean)
        edges = np.array(excluded_lifetimes(Kernel(self.at_B), B, I, rate))
        step = 1.02
        here, there = (Kernel(self.at_B).events_at_lifetime(B, ctau, I).total() for ctau in (edges, step * edges))
        slope = np.log(there.mean / here.mean) / np.log(step)
        errors = edges * here.error / here.mean / np.abs(slope)
        return edges, errors

    def shortest(self, m_N: float, n_parameters: int = 2) -> Array:
        """Shortest excluded cτ⁰ in cm at `FIT_RATES` and one mass of Fig. 11, at 90 % for so many parameters."""
        return self._fits[m_N, n_parameters][0]

    def bound(self, m_N: float, n_parameters: int = 2) -> LifetimeBound:
        """The fit of Eq. (E1) to `shortest`, with squares of differences in cτ⁰.

        Its errors are those of the form and of the sample.
        """
        return self._fits[m_N, n_parameters][1]

    def log_bound(self, m_N: float) -> LifetimeBound:
        """The same for two parameters, with squares of differences in ln cτ⁰, as `fit_lifetime_bound` takes them."""
        return fit_lifetime_bound(FIT_RATES, self.shortest(m_N))

    @cached_property
    def _fits(self) -> dict[tuple[float, int], tuple[Array, LifetimeBound]]:
        return {(m_N, n): self._fit(m_N, n) for m_N in FIT_MASSES for n in (1, 2)}

    def _fit(self, m_N: float, n_parameters: int) -> tuple[Array, LifetimeBound]:
        events, theta = self.at(m_N, B.m_Zprime), B.replace(m_N=m_N)
        events = events.thinned(1 + len(events) // ENOUGH_FOR_A_FIT)
        shortest, _ = excluded_lifetimes(Kernel(events), theta, I, FIT_RATES, n_parameters=n_parameters)
        start = fit_lifetime_bound(FIT_RATES, shortest)
        some = shortest > 0  # nan: nothing is excluded; 0: prompt decays are, too

        def rule(log_rate: Array, alpha: float, beta: float) -> Array:
            return alpha / (log_rate - beta)

        (alpha, beta), covariance = curve_fit(
            rule, np.log10(FIT_RATES[some]), shortest[some], p0=(start.alpha, start.beta)
        )
        error = np.sqrt(np.diag(covariance))
        # A factor in the number of decays, known as well as these, moves β alone.
        middle = float(shortest[some][some.sum() // 2])
        detected = Share.of(lifetime_weight(events, middle), selected_weight(events, theta, I))
        error[1] = np.hypot(error[1], detected.error / detected.mean / np.log(10))
        correlation = covariance[0, 1] / error.prod()
        scatter = np.std(np.log(shortest[some] / rule(np.log10(FIT_RATES[some]), alpha, beta)))
        return shortest, LifetimeBound(*map(float, (alpha, beta, *error, correlation, scatter)))

    @cached_property
    def limits_at_A(self) -> dict[str, Answer]:
        """Excluded ε beyond, at the masses of A, for either analysis and for both."""
        along = Slice(A, epsilon=A.epsilon * np.geomspace(0.3, 100, 12))
        analyses = {"I": I, "II": II, "both": I + II}
        return {name: _limit(self.at_A, along, analysis) for name, analysis in analyses.items()}

    @cached_property
    def limit_at_B(self) -> Answer:
        """Excluded |V_μN|² beyond, all else as in B."""
        return _limit(self.at_B, ALONG_V, I)

    @cached_property
    def limit_of_argon_at_A(self) -> Answer:
        """The same at A."""
        return _limit(self.at_A, ALONG_V_AT_A, I)


FIT_MASSES = (0.025, 0.05, 0.1, 0.2)
"""Masses of N in Fig. 11, in GeV."""

ENOUGH_FOR_A_FIT = 60_000
"""Events; with more the fits of Eq. (E1) take longer, and their errors, which come from its form, stay."""

FIT_RATES = np.geomspace(10, 1000, 25)
"""Where the fits of Eq. (E1) look: the axis of the lower panel of Fig. 11, evenly in its logarithm."""

ALONG_V = Slice(B, V_muN_sq=B.V_muN_sq * np.geomspace(0.01, 100, 12))
ALONG_V_AT_A = Slice(A, V_muN_sq=A.V_muN_sq * np.geomspace(1, 1e5, 12))


def _limit(events: PlacedEvents, along: Slice, analysis: Analysis) -> Answer:
    """Where exclusion at the paper's threshold begins along one coupling."""
    first = excluded_intervals(Kernel(events), along, analysis, n_parameters=2)[0]
    return Answer(first.low, first.low_error)


def _share(chosen: NDArray[np.bool_], weight: Array) -> Answer:
    """Share of the weight that some events have."""
    share = Share.of(chosen, weight)
    return Answer(share.mean, share.error)


def _in_P0D(events: PlacedEvents) -> NDArray[np.bool_]:
    return np.char.startswith(events.module, "P0D")


def _ratio(above: Answer, below: Answer) -> Answer:
    """The ratio of two independent numbers."""
    ratio = above.value / below.value
    return Answer(ratio, abs(ratio) * float(np.hypot(above.error / above.value, below.error / below.value)))


def _slope(function: Callable[[float], float], at: float) -> float:
    """d ln f / d ln x."""
    step = 1e-3
    up, down = (np.log(function(at * np.exp(sign * step))) for sign in (1, -1))
    return float((up - down) / (2 * step))


def _number(expectation: Expectation) -> Answer:
    total = expectation.total()
    return Answer(float(total.mean), float(total.error))


def _fall(events: PlacedEvents, theta: DarkParameters, analysis: Analysis) -> float:
    return float(scan(Kernel(events), theta, analysis).minus_delta_log_likelihood)


# --- Section II and Table I: the model ---


@_answers
def lifetime_of_A(_: Evidence) -> Answer:
    return Answer(float(A.proper_decay_length()) / cm)


@_answers
def lifetime_of_B(_: Evidence) -> Answer:
    exact = Answer(float(B.proper_decay_length()) / cm)
    return Answer(float(B.replace(epsilon=2e-2).proper_decay_length()) / cm, assumed=exact)


@_answers
def upscatterings_at_B(e: Evidence) -> Answer:
    return _number(Kernel(e.at_B).upscatterings(B, I))


@_answers
def decays_at_B(e: Evidence) -> Answer:
    return _number(Kernel(e.at_B).events(B, I))


@_answers
def share_seen_at_B(e: Evidence) -> Answer:
    share = Share.of(lifetime_weight(e.at_B, float(B.proper_decay_length())), e.selected_at_B)
    return Answer(share.mean, share.error)


@_answers
def events_at_A(e: Evidence) -> Answer:
    one, two = (_number(Kernel(e.at_A).events(A, analysis)) for analysis in (I, II))
    ours = Answer(one.value + two.value, float(np.hypot(one.error, two.error)))
    as_the_program = 2 * (np.pi / 2) / (4 * (1 - 3**-0.5))
    return replace(ours, assumed=Answer(as_the_program * ours.value, as_the_program * ours.error))


@_answers
def prompt_at_A(e: Evidence) -> Answer:
    in_chambers = I.with_selection(vertex_modules=tuple(module.name for module in CHAMBERS))
    selected, detected = (
        sum(float(count(Kernel(e.at_A), A, analysis).total().mean) for analysis in (in_chambers, II))
        for count in (Kernel.upscatterings, Kernel.events)
    )
    return Answer(detected / selected)


@_answers
def width_without_propagator(_: Evidence) -> Answer:
    heavy, heavier = B.replace(m_Zprime=1e3), B.replace(m_Zprime=1e4)
    return Answer(float(heavy.decay_width() / heavier.decay_width()) / 1e4)


@_answers
def largest_width_at_B(_: Evidence) -> Answer:
    return Answer(float(B.decay_width() / B.width_bounds()[1]))


@_answers
def shortest_lifetime(_: Evidence) -> Answer:
    masses = B.replace(epsilon=1e-2)
    return Answer(
        float(masses.proper_decay_length()) / cm, assumed=Answer(float(masses.shortest_decay_length()) / cm)
    )


@_answers
def lifetime_power_of_m_N(_: Evidence) -> Answer:
    return Answer(_slope(lambda m_N: float(B.replace(m_N=m_N).proper_decay_length()), B.m_N))


@_answers
def lifetime_power_of_m_Zprime(_: Evidence) -> Answer:
    return Answer(_slope(lambda m: float(B.replace(m_Zprime=m).proper_decay_length()), B.m_Zprime))


def _mixing(small: float = 1e-3) -> tuple[Array, float, float]:
    """A mixing matrix of four neutrinos with |U_μ4| = ``small``, and its |V_μN|² and |V_N|²."""
    rotation = np.eye(4)
    for flavour, angle in ((0, 2 * small), (1, small), (2, 3 * small)):
        c, s = np.cos(angle), np.sin(angle)
        turn = np.eye(4)
        turn[np.ix_([flavour, 3], [flavour, 3])] = [[c, s], [-s, c]]
        rotation = rotation @ turn
    return rotation, *vertex_factors(rotation)


@_answers
def vertex_of_upscattering(_: Evidence) -> Answer:
    U, V_muN_sq, _V = _mixing()
    return Answer(V_muN_sq / (U[1, 3] ** 2 * U[3, 3] ** 4))


@_answers
def vertex_of_decay(_: Evidence) -> Answer:
    U, _V, V_N_sq = _mixing()
    return Answer(V_N_sq / (U[:3, 3] ** 2).sum())


@_answers
def mediator_lifetime_at_A(_: Evidence) -> Answer:
    return Answer(HBARC / float(A.mediator_width()) / cm)


@_answers
def light_case_is_prompt(_: Evidence) -> Answer:
    along_m_N = A.replace(m_N=np.geomspace(0.04, 1, 50)).proper_decay_length()
    along_m_Zprime = A.replace(m_Zprime=np.geomspace(2e-3, 0.09, 50)).proper_decay_length()
    return Answer(float(max(np.max(along_m_N), np.max(along_m_Zprime))) / cm)


# --- Fig. 2 and Appendix A: cross sections and fluxes ---

ENERGIES = np.arange(0.025, 10.0, 0.05) * GeV
"""Middles of bins of 50 MeV."""


def _miniboone() -> Flux:
    table = datasets.read("flux/miniboone_fhc")
    edges = np.append(table.e_low, table.e_high.iloc[-1]) * GeV
    return Flux("MiniBooNE", edges, table.numu.to_numpy())


def _mean_energy(flux: Flux) -> float:
    return float(np.average(ENERGIES, weights=flux(ENERGIES)))


def _upscatterings_by_energy() -> tuple[Array, Array]:
    """At B in each bin for one proton on target: MiniBooNE, 818 t of CH₂, and ND280."""
    CH2 = elements()["C"].atomic_weight + 2 * elements()["H"].atomic_weight
    carbon = elements()["C"].number_of_nuclei(818 * tonne * elements()["C"].atomic_weight / CH2)
    at_miniboone = carbon * _miniboone()(ENERGIES) * total_cross_section(ENERGIES, B, NUCLEI["C12"])
    nuclei = {nucleus: ND280.number_of_nuclei(symbol) for symbol, nucleus in ND280.targets.items()}
    per_flux = sum(number * total_cross_section(ENERGIES, B, nucleus) for nucleus, number in nuclei.items())
    return at_miniboone, load_flux("FHC")(ENERGIES) * per_flux


@_answers
def mean_energies(_: Evidence) -> Answer:
    return Answer(_mean_energy(load_flux("FHC")) / _mean_energy(_miniboone()))


@_answers
def fluxes(_: Evidence) -> Answer:
    return Answer(float(load_flux("FHC").cumulative[-1] / _miniboone().cumulative[-1]))


@_answers
def upscatterings_in_both_experiments(_: Evidence) -> Answer:
    miniboone, nd280 = _upscatterings_by_energy()
    return Answer(float(miniboone.sum() / nd280.sum()))


@_answers
def upscatterings_across_the_spectrum(_: Evidence) -> Answer:
    miniboone, nd280 = _upscatterings_by_energy()
    alike = (miniboone > nd280 / 10**0.5) & (miniboone < nd280 * 10**0.5)
    return Answer(float(miniboone[alike].sum() / miniboone.sum()))


def _over_exact(nucleus: Nucleus, E_nu: float = 1.0, lambda_qcd: float = 0.150) -> float:
    """Eq. (A1), with the factor that we derive, over the exact cross section at B."""
    approximate = approximate_cross_section(E_nu, B, nucleus, lambda_qcd)
    return float(approximate / total_cross_section(E_nu, B, nucleus))


@_answers
def approximate_cross_section_on_lead(_: Evidence) -> Answer:
    derived, x_A = _over_exact(LEAD), 2 * 0.150 / LEAD.A ** (1 / 3) / LEAD.mass
    return Answer(derived * (1 / 4) / (x_A**2 / 8), assumed=Answer(derived))


@_answers
def approximate_cross_section_above_1_GeV(_: Evidence) -> Answer:
    ratios = [_over_exact(nucleus, E) for nucleus in ND280.targets.values() for E in (1.0, 2.0, 5.0, 10.0)]
    return Answer(NOTHING, assumed=Answer(max(ratios, key=lambda ratio: abs(np.log(ratio)))))


@_answers
def best_lambda_on_carbon(_: Evidence) -> Answer:
    return Answer(NOTHING, assumed=Answer(150 / _over_exact(NUCLEI["C12"]) ** 0.5))


@_answers
def best_lambda_on_lead(_: Evidence) -> Answer:
    return Answer(NOTHING, assumed=Answer(150 / _over_exact(LEAD) ** 0.5))


@_answers
def lambda_matters_more_at_low_energy(_: Evidence) -> Answer:
    carbon = NUCLEI["C12"]
    low, high = (_slope(lambda L, E=E: float(approximate_cross_section(E, B, carbon, L)), 0.150) for E in (0.3, 3.0))
    return Answer(low - high)


# --- Section III, Table II and Fig. 4: the detector ---


def _one_chamber(volume: Callable[[Module], float]) -> float:
    return volume(CHAMBERS[0]) * ARGON_DENSITY / tonne


@_answers
def total_active_mass(_: Evidence) -> Answer:
    return Answer(sum(module.mass for module in ND280.modules) / tonne)


@_answers
def argon_in_a_chamber(_: Evidence) -> Answer:
    one = _one_chamber(lambda module: module.active.volume)
    return Answer(one, assumed=Answer(3 * one))


@_answers
def fiducial_argon_in_a_chamber(_: Evidence) -> Answer:
    one = _one_chamber(lambda module: module.fiducial.volume if module.fiducial else 0.0)
    return Answer(one, assumed=Answer(3 * one))


@_answers
def argon_density(_: Evidence) -> Answer:
    volume = sum(module.active.volume for module in CHAMBERS)
    return Answer(0.016 * tonne / volume, assumed=Answer(0.016e3 / (volume * 1e-6)))


@_answers
def fiducial_begin_of_TPC2(_: Evidence) -> Answer:
    margin = 256 - 251
    return Answer(ND280["TPC2"].active.low[2] / cm + margin)


@_answers
def fiducial_mass_of_an_FGD(_: Evidence) -> Answer:
    share = ND280["FGD1"].fiducial_mass / ND280["FGD1"].mass
    return Answer(1.1 * share, assumed=Answer(1.075 * share))


@_answers
def mass_of_the_cages(_: Evidence) -> Answer:
    cage = (10.1 + 6.9 + 6) * 1e-3 * tonne
    active = sum(module.mass for module in ND280.modules)
    return Answer(active / (3 * cage), assumed=Answer(active / cage))


@_answers
def gap_between_lead_and_argon(_: Evidence) -> Answer:
    window = CHAMBERS[0].fiducial
    return Answer((window.low[2] - LAST_LEAD.active.high[2]) / cm if window else NOTHING)


@_answers
def lead_share_at_1_cm(e: Evidence) -> Answer:
    detected = e.detected_at_B(1.0)
    return replace(_share(e.at_B.target == LEAD.pdg_code, detected), assumed=_share(_in_P0D(e.at_B), detected))


@_answers
def argon_share_at_short_lifetimes(e: Evidence) -> Answer:
    return _share(e.at_B.target == ARGON.pdg_code, e.detected_at_B(0.03))


@_answers
def acceptance_of_argon_at_short_lifetimes(e: Evidence) -> Answer:
    acceptance = decay_acceptance(e.at_B[e.at_B.target == ARGON.pdg_code], I, 1e-3)
    fiducial = sum(module.fiducial.volume for module in CHAMBERS if module.fiducial)
    ratio = fiducial / sum(module.active.volume for module in CHAMBERS)
    return Answer(acceptance.mean / ratio, acceptance.error / ratio)


@_answers
def acceptance_of_lead_at_short_lifetimes(e: Evidence) -> Answer:
    acceptance = decay_acceptance(e.at_B[e.at_B.target == LEAD.pdg_code], I, 0.03)
    return Answer(acceptance.mean, acceptance.error)


@_answers
def lowest_mass(_: Evidence) -> Answer:
    return Answer(2 * ELECTRON_MASS / MeV)


# --- Section III and Appendix C: selections ---


@_answers
def efficiency_at_A(e: Evidence) -> Answer:
    share = selection_efficiency(e.at_A, I)
    return Answer(share.mean, share.error)


@_answers
def efficiency_at_B(e: Evidence) -> Answer:
    share = selection_efficiency(e.at_B, I)
    return Answer(share.mean, share.error)


@_answers
def efficiency_at_heavy_mediators(e: Evidence) -> Answer:
    share = selection_efficiency(e.at(B.m_N, 10.0), I)
    return _ratio(Answer(share.mean, share.error), efficiency_at_B(e))


@_answers
def efficiency_at_light_masses(e: Evidence) -> Answer:
    share = selection_efficiency(e.at(0.01, 0.02), I)
    return Answer(share.mean, share.error)


@_answers
def efficiency_at_large_m_N(e: Evidence) -> Answer:
    cuts = I.selection.cuts
    without = I.with_selection(cuts=replace(cuts, max_mass=np.inf)) if cuts else I
    printed, assumed = (selection_efficiency(e.at(1.0, B.m_Zprime), analysis) for analysis in (I, without))
    return Answer(printed.mean, printed.error, Answer(assumed.mean, assumed.error))


@_answers
def efficiency_of_two_leptons(_: Evidence) -> Answer:
    return Answer(0.30**2)


@_answers
def systematic_errors(_: Evidence) -> Answer:
    return Answer(float(np.mean([channel.systematic for channel in (*I.channels, *II.channels)])))


# --- Section IV: the method ---


def _sampled(theta: DarkParameters, name: str, nucleus: Nucleus, with_width: bool) -> float:
    """Minus the power of a mass in the integrand at 1 GeV: the power of q that levels it."""

    def integrand(mass: float) -> float:
        point = theta.replace(**{name: mass})
        width = float(point.decay_width()) if with_width else 1.0
        return float(total_cross_section(1.0, point, nucleus)) * width

    return -_slope(integrand, float(getattr(theta, name)))


def _power(theta: DarkParameters, name: str, nucleus: Nucleus) -> Answer:
    return Answer(_sampled(theta, name, nucleus, False), assumed=Answer(_sampled(theta, name, nucleus, True)))


@_answers
def sampling_power_of_m_Zprime(_: Evidence) -> Answer:
    return _power(B, "m_Zprime", LEAD)


@_answers
def sampling_power_of_m_N(_: Evidence) -> Answer:
    return _power(B, "m_N", LEAD)


@_answers
def sampling_power_of_a_light_m_Zprime(_: Evidence) -> Answer:
    return _power(A, "m_Zprime", NUCLEI["C12"])


@_answers
def sampling_power_of_a_light_m_N(_: Evidence) -> Answer:
    return _power(A, "m_N", NUCLEI["C12"])


@_answers
def bandwidth(e: Evidence) -> Answer:
    chosen = choose_bandwidth(Kernel(e.heavy, Smoothing(0.2, order=0, slope=None)), B, I)
    return Answer(float(np.mean(chosen.bandwidth)))


@_answers
def threshold(_: Evidence) -> Answer:
    return Answer(exclusion_threshold(0.90, n_parameters=2))


# --- Section V, Figs. 9 to 15: limits ---


@_answers
def benchmark_B_is_excluded(e: Evidence) -> Answer:
    return Answer(_fall(e.at_B, B, I))


@_answers
def shortest_excluded_lifetime(e: Evidence) -> Answer:
    (shortest, _), (error, _) = e.edges_at_B
    return Answer(float(shortest), float(error))


@_answers
def three_centimetres_are_excluded(e: Evidence) -> Answer:
    return shortest_excluded_lifetime(e)


@_answers
def longer_lifetimes_are_excluded(e: Evidence) -> Answer:
    (_, longest), (_, error) = e.edges_at_B
    longest_of_model, across_miniboone = HBARC / float(min(B.width_bounds())) / cm, 12.2 * m / cm

    def excluded_share(end: float) -> Answer:
        """Of ln cτ⁰ from 3 cm to ``end``."""
        inside = longest < end
        return Answer(
            float(np.log(min(longest, end) / 3) / np.log(end / 3)), float(error / longest / np.log(end / 3)) * inside
        )

    return replace(excluded_share(longest_of_model), assumed=excluded_share(across_miniboone))


@_answers
def shortest_physical_lifetime_at_B(_: Evidence) -> Answer:
    return Answer(float(B.replace(V_N_sq=1.0).proper_decay_length()) / cm)


@_answers
def excluded_share_of_the_physical_region(e: Evidence) -> Answer:
    (shortest, longest), (_, error) = e.edges_at_B
    most, least = (HBARC / float(width) / cm for width in B.width_bounds())
    region = np.log(most / least)
    return Answer(float(np.log(min(longest, most) / max(shortest, least)) / region), float(error / longest / region))


@_answers
def lifetime_over_mass(e: Evidence) -> Answer:
    (shortest, _), (error, _) = e.edges_at_B
    return Answer(float(shortest / (B.m_N / GeV)), float(error / (B.m_N / GeV)))


def _alpha(e: Evidence, m_N: float) -> Answer:
    in_logarithm, in_ctau = (Answer(b.alpha, b.alpha_error) for b in (e.log_bound(m_N), e.bound(m_N)))
    return replace(in_logarithm, assumed=in_ctau)


def _beta(e: Evidence, m_N: float) -> Answer:
    two, one = (Answer(b.beta, b.beta_error) for b in (e.bound(m_N), e.bound(m_N, 1)))
    return replace(two, assumed=one)


def _mean(values: list[float]) -> Answer:
    """Their mean and its error, from their spread."""
    return Answer(float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))))


for _m_N in FIT_MASSES:
    ANSWERS[f"alpha_at_{1e3 * _m_N:.0f}_MeV"] = partial(_alpha, m_N=_m_N)
    ANSWERS[f"beta_at_{1e3 * _m_N:.0f}_MeV"] = partial(_beta, m_N=_m_N)


@_answers
def alpha_grows_with_m_N(e: Evidence) -> Answer:
    alphas = [e.bound(m_N).alpha for m_N in FIT_MASSES]
    (power, _), covariance = np.polyfit(np.log(FIT_MASSES), np.log(alphas), 1, cov=True)
    return Answer(float(power), float(covariance[0, 0] ** 0.5))


@_answers
def coefficient_of_the_rule(e: Evidence) -> Answer:
    in_logarithm, in_ctau = (
        _mean([bound(m_N).alpha / (m_N / 0.1) for m_N in FIT_MASSES]) for bound in (e.log_bound, e.bound)
    )
    return replace(in_logarithm, assumed=in_ctau)


@_answers
def beta_of_the_rule(e: Evidence) -> Answer:
    two, one = (_mean([e.bound(m_N, n).beta for m_N in FIT_MASSES]) for n in (2, 1))
    return replace(two, assumed=one)


@_answers
def fit_underestimates_the_limit(e: Evidence) -> Answer:
    shortest, _ = excluded_lifetimes(Kernel(e.at_B), B, I, 1000.0)
    return Answer(float(shortest / e.bound(0.1)(1000.0)))


@_answers
def P0D_share_at_B(e: Evidence) -> Answer:
    return _share(_in_P0D(e.at_B), detected_weight(e.at_B, B, I))


def _P0D_share(e: Evidence, theta: DarkParameters) -> Answer:
    events = e.at(float(theta.m_N), float(theta.m_Zprime))
    return _share(_in_P0D(events), detected_weight(events, theta, I))


@_answers
def P0D_share_at_200_MeV(e: Evidence) -> Answer:
    return _P0D_share(e, B.replace(m_N=0.2))


@_answers
def P0D_share_at_light_mediators(e: Evidence) -> Answer:
    return _P0D_share(e, B.replace(m_Zprime=0.3))


@_answers
def argon_excludes_at_light_mediators(e: Evidence) -> Answer:
    theta = B.replace(m_Zprime=0.3)
    events = e.at(float(theta.m_N), float(theta.m_Zprime))
    in_argon = I.with_selection(vertex_modules=tuple(module.name for module in CHAMBERS))
    return Answer(_fall(events, theta, in_argon))


@_answers
def analyses_contribute_similarly(e: Evidence) -> Answer:
    return _ratio(e.limits_at_A["II"], e.limits_at_A["I"])


@_answers
def analysis_II_is_less_sensitive(e: Evidence) -> Answer:
    return analyses_contribute_similarly(e)


@_answers
def both_together_exclude_more(e: Evidence) -> Answer:
    best = min(e.limits_at_A["I"], e.limits_at_A["II"], key=lambda limit: limit.value)
    return Answer(e.limits_at_A["both"].value / best.value)


@_answers
def rate_of_analysis_II(e: Evidence) -> Answer:
    return _ratio(*(_number(Kernel(e.at_A).events(A, analysis)) for analysis in (II, I)))


@_answers
def background_of_analysis_II(_: Evidence) -> Answer:
    return Answer(float(II.background.sum() / I.background.sum()))


@_answers
def benchmark_A_is_not_excluded_by_II(e: Evidence) -> Answer:
    return Answer(_fall(e.at_A, A, II))


@_answers
def limit_with_all_data(e: Evidence) -> Answer:
    return Answer(_limit(e.at_B, ALONG_V, project(I, PHASE_I_POT)).value / e.limit_at_B.value)


def _upgraded(events: PlacedEvents, symbols: tuple[str, ...]) -> PlacedEvents:
    """Events on some elements, in the upgraded detector."""
    codes = [ND280.targets[symbol].pdg_code for symbol in symbols]
    return place(events[np.isin(events.target, codes)], ND280_UPGRADE, seed=UPGRADE_SEED)


UPGRADE_SEED = 12273
"""Where N are produced in the upgraded detector."""


@_answers
def limit_with_the_upgrade(e: Evidence) -> Answer:
    argon_only, any_vertex = (
        _ratio(_limit(_upgraded(e.at_B, symbols), ALONG_V, project(I, detector=ND280_UPGRADE, **where)), e.limit_at_B)
        for symbols, where in ((("Ar",), {}), (("C", "O", "Ar"), {"vertex_modules": ()}))
    )
    return replace(argon_only, assumed=any_vertex)


@_answers
def limit_with_the_upgrade_at_A(e: Evidence) -> Answer:
    upgraded = project(I, detector=ND280_UPGRADE)
    return _ratio(_limit(_upgraded(e.at_A, ("Ar",)), ALONG_V_AT_A, upgraded), e.limit_of_argon_at_A)

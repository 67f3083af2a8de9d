"""Answers to the claims on limits: Section V, Figs. 9 to 15, Appendices D and E."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis
from darkpkg.experiment.detector import ND280, ND280_UPGRADE
from darkpkg.experiment.projection import PHASE_I_POT, project
from darkpkg.inference.intervals import excluded_intervals
from darkpkg.inference.lifetimes import excluded_lifetimes
from darkpkg.inference.scanning import scan
from darkpkg.inference.slices import Slice
from darkpkg.method.estimators import Kernel
from darkpkg.method.events import PlacedEvents
from darkpkg.method.placing import place
from darkpkg.method.weights import detected_weight
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.units import HBARC, GeV, cm, m
from paper.claims.answer import Answer, number, ratio, share_of
from paper.claims.fits import FIT_MASSES, bound, edges_at_B, log_bound
from paper.claims.samples import CHAMBERS, Samples, in_P0D, once

A, B, I, II = BENCHMARK_A, BENCHMARK_B, ANALYSIS_I, ANALYSIS_II

ALONG_V = Slice(B, V_muN_sq=B.V_muN_sq * np.geomspace(0.01, 100, 12))
ALONG_V_AT_A = Slice(A, V_muN_sq=A.V_muN_sq * np.geomspace(1, 1e5, 12))

UPGRADE_SEED = 12273
"""Where N are produced in the upgraded detector."""


def _limit(events: PlacedEvents, along: Slice, analysis: Analysis) -> Answer:
    """Where exclusion at the paper's threshold begins along one coupling."""
    first = excluded_intervals(Kernel(events), along, analysis, n_parameters=2)[0]
    return Answer(first.low, first.low_error)


@once
def _limits_at_A(s: Samples) -> dict[str, Answer]:
    """Excluded ε beyond, at the masses of A, for either analysis and for both."""
    along = Slice(A, epsilon=A.epsilon * np.geomspace(0.3, 100, 12))
    return {name: _limit(s.at_A, along, analysis) for name, analysis in {"I": I, "II": II, "both": I + II}.items()}


@once
def _limit_at_B(s: Samples) -> Answer:
    """Excluded |V_μN|² beyond, all else as in B."""
    return _limit(s.at_B, ALONG_V, I)


def _fall(events: PlacedEvents, theta: DarkParameters, analysis: Analysis) -> float:
    return float(scan(Kernel(events), theta, analysis).minus_delta_log_likelihood)


def benchmark_B_is_excluded(s: Samples) -> Answer:
    return Answer(_fall(s.at_B, B, I))


def shortest_excluded_lifetime(s: Samples) -> Answer:
    (shortest, _), (error, _) = edges_at_B(s)
    return Answer(float(shortest), float(error))


def three_centimetres_are_excluded(s: Samples) -> Answer:
    return shortest_excluded_lifetime(s)


def longer_lifetimes_are_excluded(s: Samples) -> Answer:
    (_, longest), (_, error) = edges_at_B(s)
    longest_of_model, across_miniboone = HBARC / float(min(B.width_bounds())) / cm, 12.2 * m / cm

    def excluded_share(end: float) -> Answer:
        """Of ln cτ⁰ from 3 cm to ``end``."""
        inside = longest < end
        return Answer(
            float(np.log(min(longest, end) / 3) / np.log(end / 3)), float(error / longest / np.log(end / 3)) * inside
        )

    return replace(excluded_share(longest_of_model), assumed=excluded_share(across_miniboone))


def shortest_physical_lifetime_at_B(_: Samples) -> Answer:
    return Answer(float(B.replace(V_N_sq=1.0).proper_decay_length()) / cm)


def excluded_share_of_the_physical_region(s: Samples) -> Answer:
    (shortest, longest), (_, error) = edges_at_B(s)
    most, least = (HBARC / float(width) / cm for width in B.width_bounds())
    region = np.log(most / least)
    return Answer(float(np.log(min(longest, most) / max(shortest, least)) / region), float(error / longest / region))


def lifetime_over_mass(s: Samples) -> Answer:
    (shortest, _), (error, _) = edges_at_B(s)
    return Answer(float(shortest / (B.m_N / GeV)), float(error / (B.m_N / GeV)))


def _alpha(s: Samples, m_N: float) -> Answer:
    in_logarithm, in_ctau = (Answer(b.alpha, b.alpha_error) for b in (log_bound(s, m_N), bound(s, m_N)))
    return replace(in_logarithm, assumed=in_ctau)


def _beta(s: Samples, m_N: float) -> Answer:
    two, one = (Answer(b.beta, b.beta_error) for b in (bound(s, m_N), bound(s, m_N, 1)))
    return replace(two, assumed=one)


def _mean(values: list[float]) -> Answer:
    """Their mean and its error, from their spread."""
    return Answer(float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))))


def alpha_at_25_MeV(s: Samples) -> Answer:
    return _alpha(s, 0.025)


def alpha_at_50_MeV(s: Samples) -> Answer:
    return _alpha(s, 0.05)


def alpha_at_100_MeV(s: Samples) -> Answer:
    return _alpha(s, 0.1)


def alpha_at_200_MeV(s: Samples) -> Answer:
    return _alpha(s, 0.2)


def beta_at_25_MeV(s: Samples) -> Answer:
    return _beta(s, 0.025)


def beta_at_50_MeV(s: Samples) -> Answer:
    return _beta(s, 0.05)


def beta_at_100_MeV(s: Samples) -> Answer:
    return _beta(s, 0.1)


def beta_at_200_MeV(s: Samples) -> Answer:
    return _beta(s, 0.2)


def alpha_grows_with_m_N(s: Samples) -> Answer:
    alphas = [bound(s, m_N).alpha for m_N in FIT_MASSES]
    (power, _), covariance = np.polyfit(np.log(FIT_MASSES), np.log(alphas), 1, cov=True)
    return Answer(float(power), float(covariance[0, 0] ** 0.5))


def coefficient_of_the_rule(s: Samples) -> Answer:
    in_logarithm, in_ctau = (
        _mean([fit(s, m_N).alpha / (m_N / 0.1) for m_N in FIT_MASSES]) for fit in (log_bound, bound)
    )
    return replace(in_logarithm, assumed=in_ctau)


def beta_of_the_rule(s: Samples) -> Answer:
    two, one = (_mean([bound(s, m_N, n).beta for m_N in FIT_MASSES]) for n in (2, 1))
    return replace(two, assumed=one)


def fit_underestimates_the_limit(s: Samples) -> Answer:
    shortest, _ = excluded_lifetimes(Kernel(s.at_B), B, I, 1000.0)
    return Answer(float(shortest / bound(s, 0.1)(1000.0)))


def P0D_share_at_B(s: Samples) -> Answer:
    return share_of(in_P0D(s.at_B), detected_weight(s.at_B, B, I))


def _P0D_share(s: Samples, theta: DarkParameters) -> Answer:
    events = s.at(float(theta.m_N), float(theta.m_Zprime))
    return share_of(in_P0D(events), detected_weight(events, theta, I))


def P0D_share_at_200_MeV(s: Samples) -> Answer:
    return _P0D_share(s, B.replace(m_N=0.2))


def P0D_share_at_light_mediators(s: Samples) -> Answer:
    return _P0D_share(s, B.replace(m_Zprime=0.3))


def argon_excludes_at_light_mediators(s: Samples) -> Answer:
    theta = B.replace(m_Zprime=0.3)
    events = s.at(float(theta.m_N), float(theta.m_Zprime))
    in_argon = I.with_selection(vertex_modules=tuple(module.name for module in CHAMBERS))
    return Answer(_fall(events, theta, in_argon))


def analyses_contribute_similarly(s: Samples) -> Answer:
    return ratio(_limits_at_A(s)["II"], _limits_at_A(s)["I"])


def analysis_II_is_less_sensitive(s: Samples) -> Answer:
    return analyses_contribute_similarly(s)


def both_together_exclude_more(s: Samples) -> Answer:
    best = min(_limits_at_A(s)["I"], _limits_at_A(s)["II"], key=lambda limit: limit.value)
    return Answer(_limits_at_A(s)["both"].value / best.value)


def rate_of_analysis_II(s: Samples) -> Answer:
    return ratio(*(number(Kernel(s.at_A).events(A, analysis)) for analysis in (II, I)))


def background_of_analysis_II(_: Samples) -> Answer:
    return Answer(float(II.background.sum() / I.background.sum()))


def benchmark_A_is_not_excluded_by_II(s: Samples) -> Answer:
    return Answer(_fall(s.at_A, A, II))


def limit_with_all_data(s: Samples) -> Answer:
    return Answer(_limit(s.at_B, ALONG_V, project(I, PHASE_I_POT)).value / _limit_at_B(s).value)


def _upgraded(events: PlacedEvents, symbols: tuple[str, ...]) -> PlacedEvents:
    """Events on some elements, in the upgraded detector."""
    codes = [ND280.targets[symbol].pdg_code for symbol in symbols]
    return place(events[np.isin(events.target, codes)], ND280_UPGRADE, seed=UPGRADE_SEED)


def limit_with_the_upgrade(s: Samples) -> Answer:
    argon_only, any_vertex = (
        _limit(_upgraded(s.at_B, symbols), ALONG_V, project(I, detector=ND280_UPGRADE, **where))
        for symbols, where in ((("Ar",), {}), (("C", "O", "Ar"), {"vertex_modules": ()}))
    )
    return replace(ratio(argon_only, _limit_at_B(s)), assumed=ratio(any_vertex, _limit_at_B(s)))


def limit_with_the_upgrade_at_A(s: Samples) -> Answer:
    upgraded = project(I, detector=ND280_UPGRADE)
    return ratio(_limit(_upgraded(s.at_A, ("Ar",)), ALONG_V_AT_A, upgraded), _limit(s.at_A, ALONG_V_AT_A, I))

"""Answers to the claims on the model: Section II, Table I, Fig. 2 and Appendix A."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II
from darkpkg.experiment.beam import Flux
from darkpkg.experiment.detector import ND280
from darkpkg.experiment.experiment import T2K
from darkpkg.method.estimators import Kernel
from darkpkg.method.weights import lifetime_weight
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B
from darkpkg.physics.nuclei import NUCLEI, Nucleus, elements
from darkpkg.physics.scattering import total_cross_section
from darkpkg.units import HBARC, GeV, cm, tonne
from paper.claims.answer import NOTHING, Answer, number, share_of, slope
from paper.claims.samples import CHAMBERS, Samples, selected_at_B
from paper.formulas import approximate_cross_section, vertex_factors
from paper.miniboone import miniboone_flux

Array = NDArray[np.float64]

A, B, I, II = BENCHMARK_A, BENCHMARK_B, ANALYSIS_I, ANALYSIS_II
LEAD = NUCLEI["Pb208"]


def lifetime_of_A(_: Samples) -> Answer:
    return Answer(float(A.proper_decay_length()) / cm)


def lifetime_of_B(_: Samples) -> Answer:
    exact = Answer(float(B.proper_decay_length()) / cm)
    return Answer(float(B.replace(epsilon=2e-2).proper_decay_length()) / cm, assumed=exact)


def upscatterings_at_B(s: Samples) -> Answer:
    return number(Kernel(s.at_B).upscatterings(B, I))


def decays_at_B(s: Samples) -> Answer:
    return number(Kernel(s.at_B).events(B, I))


def share_seen_at_B(s: Samples) -> Answer:
    detected = lifetime_weight(s.at_B, float(B.proper_decay_length()), modules=I.selection.decay_modules)
    return share_of(detected, selected_at_B(s))


def events_at_A(s: Samples) -> Answer:
    one, two = (number(Kernel(s.at_A).events(A, analysis)) for analysis in (I, II))
    ours = Answer(one.value + two.value, float(np.hypot(one.error, two.error)))
    as_the_program = 2 * (np.pi / 2) / (4 * (1 - 3**-0.5))
    return replace(ours, assumed=Answer(as_the_program * ours.value, as_the_program * ours.error))


def prompt_at_A(s: Samples) -> Answer:
    in_chambers = I.with_selection(vertex_modules=tuple(module.name for module in CHAMBERS))
    selected, detected = (
        sum(float(count(Kernel(s.at_A), A, analysis).total().mean) for analysis in (in_chambers, II))
        for count in (Kernel.upscatterings, Kernel.events)
    )
    return Answer(detected / selected)


def width_without_propagator(_: Samples) -> Answer:
    heavy, heavier = B.replace(m_Zprime=1e3), B.replace(m_Zprime=1e4)
    return Answer(float(heavy.decay_width() / heavier.decay_width()) / 1e4)


def largest_width_at_B(_: Samples) -> Answer:
    return Answer(float(B.decay_width() / B.width_bounds()[1]))


def shortest_lifetime(_: Samples) -> Answer:
    masses = B.replace(epsilon=1e-2)
    return Answer(
        float(masses.proper_decay_length()) / cm, assumed=Answer(float(masses.shortest_decay_length()) / cm)
    )


def lifetime_power_of_m_N(_: Samples) -> Answer:
    return Answer(slope(lambda m_N: float(B.replace(m_N=m_N).proper_decay_length()), B.m_N))


def lifetime_power_of_m_Zprime(_: Samples) -> Answer:
    return Answer(slope(lambda m: float(B.replace(m_Zprime=m).proper_decay_length()), B.m_Zprime))


def _mixing(small: float = 1e-3) -> tuple[Array, float, float]:
    """A mixing matrix of four neutrinos with |U_μ4| = ``small``, and its |V_μN|² and |V_N|²."""
    rotation = np.eye(4)
    for flavour, angle in ((0, 2 * small), (1, small), (2, 3 * small)):
        c, s = np.cos(angle), np.sin(angle)
        turn = np.eye(4)
        turn[np.ix_([flavour, 3], [flavour, 3])] = [[c, s], [-s, c]]
        rotation = rotation @ turn
    return rotation, *vertex_factors(rotation)


def vertex_of_upscattering(_: Samples) -> Answer:
    U, V_muN_sq, _V = _mixing()
    return Answer(V_muN_sq / (U[1, 3] ** 2 * U[3, 3] ** 4))


def vertex_of_decay(_: Samples) -> Answer:
    U, _V, V_N_sq = _mixing()
    return Answer(V_N_sq / (U[:3, 3] ** 2).sum())


def mediator_lifetime_at_A(_: Samples) -> Answer:
    return Answer(HBARC / float(A.mediator_width()) / cm)


def light_case_is_prompt(_: Samples) -> Answer:
    along_m_N = A.replace(m_N=np.geomspace(0.04, 1, 50)).proper_decay_length()
    along_m_Zprime = A.replace(m_Zprime=np.geomspace(2e-3, 0.09, 50)).proper_decay_length()
    return Answer(float(max(np.max(along_m_N), np.max(along_m_Zprime))) / cm)


# --- Fig. 2 and Appendix A: cross sections and fluxes ---

ENERGIES = np.arange(0.025, 10.0, 0.05) * GeV
"""Middles of bins of 50 MeV."""


def _mean_energy(flux: Flux) -> float:
    return float(np.average(ENERGIES, weights=flux(ENERGIES)))


@functools.cache
def _upscatterings_by_energy() -> tuple[Array, Array]:
    """At B in each bin for one proton on target: MiniBooNE, 818 t of CH₂, and ND280."""
    CH2 = elements()["C"].atomic_weight + 2 * elements()["H"].atomic_weight
    carbon = elements()["C"].number_of_nuclei(818 * tonne * elements()["C"].atomic_weight / CH2)
    at_miniboone = carbon * miniboone_flux()(ENERGIES) * total_cross_section(ENERGIES, B, NUCLEI["C12"])
    nuclei = {nucleus: ND280.number_of_nuclei(symbol) for symbol, nucleus in ND280.targets.items()}
    per_flux = sum(number * total_cross_section(ENERGIES, B, nucleus) for nucleus, number in nuclei.items())
    return at_miniboone, T2K["FHC"].flux(ENERGIES) * per_flux


def mean_energies(_: Samples) -> Answer:
    return Answer(_mean_energy(T2K["FHC"].flux) / _mean_energy(miniboone_flux()))


def fluxes(_: Samples) -> Answer:
    return Answer(float(T2K["FHC"].flux.cumulative[-1] / miniboone_flux().cumulative[-1]))


def upscatterings_in_both_experiments(_: Samples) -> Answer:
    miniboone, nd280 = _upscatterings_by_energy()
    return Answer(float(miniboone.sum() / nd280.sum()))


def upscatterings_across_the_spectrum(_: Samples) -> Answer:
    miniboone, nd280 = _upscatterings_by_energy()
    alike = (miniboone > nd280 / 10**0.5) & (miniboone < nd280 * 10**0.5)
    return Answer(float(miniboone[alike].sum() / miniboone.sum()))


def _over_exact(nucleus: Nucleus, E_nu: float | Array = 1.0) -> float | Array:
    """Eq. (A1), with the factor that we derive, over the exact cross section at B."""
    return approximate_cross_section(E_nu, B, nucleus) / total_cross_section(E_nu, B, nucleus)


def approximate_cross_section_on_lead(_: Samples) -> Answer:
    derived, x_A = float(_over_exact(LEAD)), 2 * 0.150 / LEAD.A ** (1 / 3) / LEAD.mass
    return Answer(derived * (1 / 4) / (x_A**2 / 8), assumed=Answer(derived))


def approximate_cross_section_above_1_GeV(_: Samples) -> Answer:
    energies = np.array([1.0, 2.0, 5.0, 10.0])
    ratios = np.stack([_over_exact(nucleus, energies) for nucleus in ND280.targets.values()])
    return Answer(NOTHING, assumed=Answer(float(ratios.flat[np.abs(np.log(ratios)).argmax()])))


def best_lambda_on_carbon(_: Samples) -> Answer:
    return Answer(NOTHING, assumed=Answer(150 / float(_over_exact(NUCLEI["C12"])) ** 0.5))


def best_lambda_on_lead(_: Samples) -> Answer:
    return Answer(NOTHING, assumed=Answer(150 / float(_over_exact(LEAD)) ** 0.5))


def lambda_matters_more_at_low_energy(_: Samples) -> Answer:
    carbon = NUCLEI["C12"]
    low, high = (slope(lambda L, E=E: float(approximate_cross_section(E, B, carbon, L)), 0.150) for E in (0.3, 3.0))
    return Answer(low - high)

"""Answers to the claims on the detector and the selections: Section III, Table II, Fig. 4 and Appendix C."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II
from darkpkg.experiment.detector import ND280, Module
from darkpkg.experiment.files import ARGON_DENSITY
from darkpkg.physics.model import BENCHMARK_B
from darkpkg.physics.nuclei import NUCLEI
from darkpkg.units import ELECTRON_MASS, MeV, cm, tonne
from paper.acceptances import decay_acceptance, selection_efficiency
from paper.claims.answer import NOTHING, Answer, of_share, ratio, share_of
from paper.claims.samples import CHAMBERS, Samples, detected_at_B, in_P0D

B, I, II = BENCHMARK_B, ANALYSIS_I, ANALYSIS_II
LEAD, ARGON = NUCLEI["Pb208"], NUCLEI["Ar40"]
LAST_LEAD = ND280["P0D-ECAL2"]


def _one_chamber(volume: Callable[[Module], float]) -> float:
    return volume(CHAMBERS[0]) * ARGON_DENSITY / tonne


def total_active_mass(_: Samples) -> Answer:
    return Answer(sum(module.mass for module in ND280.modules) / tonne)


def argon_in_a_chamber(_: Samples) -> Answer:
    one = _one_chamber(lambda module: module.active.volume)
    return Answer(one, assumed=Answer(3 * one))


def fiducial_argon_in_a_chamber(_: Samples) -> Answer:
    one = _one_chamber(lambda module: module.fiducial.volume if module.fiducial else 0.0)
    return Answer(one, assumed=Answer(3 * one))


def argon_density(_: Samples) -> Answer:
    volume = sum(module.active.volume for module in CHAMBERS)
    return Answer(0.016 * tonne / volume, assumed=Answer(0.016e3 / (volume * 1e-6)))


def fiducial_start_of_TPC2(_: Samples) -> Answer:
    margin = 256 - 251
    return Answer(ND280["TPC2"].active.low[2] / cm + margin)


def fiducial_mass_of_an_FGD(_: Samples) -> Answer:
    module = ND280["FGD1"]
    share = module.fiducial.volume / module.active.volume if module.fiducial else 0.0
    return Answer(1.1 * share, assumed=Answer(1.075 * share))


def mass_of_the_cages(_: Samples) -> Answer:
    cage = (10.1 + 6.9 + 6) * 1e-3 * tonne
    active = sum(module.mass for module in ND280.modules)
    return Answer(active / (3 * cage), assumed=Answer(active / cage))


def gap_between_lead_and_argon(_: Samples) -> Answer:
    window = CHAMBERS[0].fiducial
    return Answer((window.low[2] - LAST_LEAD.active.high[2]) / cm if window else NOTHING)


def lead_share_at_1_cm(s: Samples) -> Answer:
    detected = detected_at_B(s, 1.0)
    return replace(share_of(s.at_B.target == LEAD.pdg_code, detected), assumed=share_of(in_P0D(s.at_B), detected))


def argon_share_at_short_lifetimes(s: Samples) -> Answer:
    return share_of(s.at_B.target == ARGON.pdg_code, detected_at_B(s, 0.03))


def acceptance_of_argon_at_short_lifetimes(s: Samples) -> Answer:
    acceptance = decay_acceptance(s.at_B[s.at_B.target == ARGON.pdg_code], I, 1e-3)
    fiducial = sum(module.fiducial.volume for module in CHAMBERS if module.fiducial)
    ratio = fiducial / sum(module.active.volume for module in CHAMBERS)
    return Answer(acceptance.mean / ratio, acceptance.error / ratio)


def acceptance_of_lead_at_short_lifetimes(s: Samples) -> Answer:
    return of_share(decay_acceptance(s.at_B[s.at_B.target == LEAD.pdg_code], I, 0.03))


def lowest_mass(_: Samples) -> Answer:
    return Answer(2 * ELECTRON_MASS / MeV)


# --- Section III and Appendix C: selections ---


def efficiency_at_A(s: Samples) -> Answer:
    return of_share(selection_efficiency(s.at_A, I))


def efficiency_at_B(s: Samples) -> Answer:
    return of_share(selection_efficiency(s.at_B, I))


def efficiency_at_heavy_mediators(s: Samples) -> Answer:
    return ratio(of_share(selection_efficiency(s.at(B.m_N, 10.0), I)), efficiency_at_B(s))


def efficiency_at_light_masses(s: Samples) -> Answer:
    return of_share(selection_efficiency(s.at(0.01, 0.02), I))


def efficiency_at_large_m_N(s: Samples) -> Answer:
    cuts = I.selection.cuts
    without = I.with_selection(cuts=replace(cuts, max_mass=np.inf)) if cuts else I
    printed, assumed = (selection_efficiency(s.at(1.0, B.m_Zprime), analysis) for analysis in (I, without))
    return Answer(printed.mean, printed.error, Answer(assumed.mean, assumed.error))


def efficiency_of_two_leptons(_: Samples) -> Answer:
    return Answer(0.30**2)


def systematic_errors(_: Samples) -> Answer:
    return Answer(float(np.mean([channel.systematic for channel in (*I.channels, *II.channels)])))

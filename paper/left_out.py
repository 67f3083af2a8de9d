"""Physics that the paper leaves out: how much each part of it changes the events. Begin with `POINTS` and `changes`.

Limits with all of it are in `paper.best_limits`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis
from darkpkg.experiment.beam import Beam
from darkpkg.experiment.detector import ND280
from darkpkg.experiment.experiment import T2K_ALL_FLAVOURS
from darkpkg.experiment.selection import Cuts
from darkpkg.method.events import PlacedEvents
from darkpkg.method.weights import detected_weight
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.physics.nuclei import PROTON
from darkpkg.physics.scattering import neutrino_energy
from darkpkg.simulation import simulate
from paper.causes.counting import error, total
from paper.tables import Table, table, with_error

Array = NDArray[np.float64]

__all__ = [
    "BEAM_TILT",
    "POINTS",
    "Parts",
    "changes",
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

_HUNDREDTH = 0.01
_MAIN = {"FHC": 14, "RHC": -14}


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


@dataclass(frozen=True, eq=False)
class Parts:
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
    parts, n = Parts(events), int(events.replicate.max()) + 1
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
        columns[point] = [_per_cent(*value_and_error) for value_and_error in found]
    return table(columns, name=name, caption=caption)


def _per_cent(value: float, own_error: float) -> str:
    """A change with its error, to a hundredth of a per cent at most."""
    if np.isnan(value):
        return "–"
    if abs(value) + 2 * own_error < _HUNDREDTH / 2:
        return f"< {_HUNDREDTH}"
    if own_error < _HUNDREDTH / 2:
        return f"{value:.2f}"
    return with_error(value, own_error, ".2f" if own_error < 1 else ".1f")


def written(change: tuple[float, float]) -> str:
    """The size of a change, without its sign, in per cent with error.

    >>> written((-10.21, 0.68))
    '10.2 ± 0.7'
    """
    return f"{abs(change[0]):.1f} ± {change[1]:.1f}"

"""MiniBooNE as an experiment: beams, oil and the earth before it, electron-like events. Begin with `MINIBOONE`.

Neutrinos run along the z axis with the flux at the detector everywhere. That is what a beam that spreads from a point
comes to, in small angles: where it is nearer to its source, its flux is larger as the inverse square of the distance
and its width smaller, and the earth that is a cone then stands for a cylinder of the cone's radius at the detector.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.experiment.detector import Detector, Module
from darkpkg.experiment.experiment import Experiment
from darkpkg.experiment.volumes import Cylinder, Sphere
from darkpkg.inputs import Frozen
from darkpkg.method.events import PlacedEvents
from darkpkg.units import gram, m, tonne
from paper.booster import counts
from paper.booster.beams import ALL_FLAVOURS, MUON_FLAVOURS, booster_beam
from paper.booster.ring import OneRing, constants

CH2 = Frozen({"C": 12.011 / 14.027, "H": 2.016 / 14.027})
"""Mass fractions of mineral oil, two hydrogens for each carbon."""

SIO2 = Frozen({"Si": 28.085 / 60.083, "O": 31.998 / 60.083})

EARTH_DENSITY = 2.15 * gram
"""g/cm³, of the earth as DarkNews models it."""

EARTH_TOO_LIGHT = 1.5**2
"""Density over that of DarkNews, whose mass is that of a cone of two thirds of its radii."""

FINE_STRUCTURE_RATIO = 137.035999 / 131.9
"""e² of the published program, 4π/131.9, over that of atoms at rest."""


@dataclass(frozen=True)
class Differences:
    """What the public program of arXiv:2308.02543 does otherwise; with all off, the default, it is as here.

    ``fiducial_counted_twice``
        Events that decay within 500 cm get an efficiency that holds the share of this volume already, and all 818 t
        of oil lie within 574.6 cm: 0.659 times the events of N that decay at once.
    ``edge_at_1300``
        Signal in bins with an edge at 1300 MeV, where the counts have it at 1250.
    ``azimuth_kept``
        The azimuth of each lepton around the beam is not smeared.
    ``free_protons``
        All protons of oil and earth are free, and no neutron scatters.
    ``larger_charge``
        e² = 4π/131.9.
    ``muon_neutrinos_only``
        No other flavour of the beam, and its flux is linear between the middles of bins.
    ``visible_range``
        0.14 < E_vis < 3 GeV.
    ``reversed_Zprime``
        A light Z′ leaves against its true direction in N's rest frame, 1 + a cos θ in place of 1 − a cos θ with
        a = (1 − 2r)/(1 + 2r) and r = m_Z′²/m_N², and decays isotropically. (DarkNews mended the first in 2024.)
    ``light_earth``
        Earth of the mass that DarkNews gives it, 2.25 times less than its density and volume are.
    ``efficiency_of_smeared_energy``
        The efficiency is taken at the energy as found.
    ``electrons_only``
        N decays to electrons alone, so that its width and its branching ratio hold no muons, and a light Z′ where it
        is made.
    ``at_rest_lost``
        A lepton whose kinetic energy is smeared to zero or below is at rest and has no direction: the opening angle
        is not a number, and the pair is lost. Energetic pairs of one ring have just such a soft lepton.
    ``every_energy_counted``
        Events are all that are selected, also below 200 MeV and above 3 GeV of E_ν^QE, and the 11 bins are scaled
        to their number.
    """

    fiducial_counted_twice: bool = False
    edge_at_1300: bool = False
    azimuth_kept: bool = False
    free_protons: bool = False
    larger_charge: bool = False
    muon_neutrinos_only: bool = False
    visible_range: bool = False
    reversed_Zprime: bool = False
    light_earth: bool = False
    efficiency_of_smeared_energy: bool = False
    electrons_only: bool = False
    at_rest_lost: bool = False
    every_energy_counted: bool = False

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be True or False, got {value!r}")

    @classmethod
    def all(cls) -> Differences:
        """The public program."""
        return cls(**{one.name: True for one in fields(cls)})


NONE = Differences()


def detector(earth_radius: float | None = None) -> Detector:
    """The tank of oil and the earth before it.

    Parameters
    ----------
    earth_radius
        Radius in cm of the cylinder of earth; by default that of DarkNews's cone, carried on to the detector.
    """
    one = constants()
    centre, distance = (0.0, 0.0, one["distance"] * m), one["distance"]
    tank, inner = (Sphere(centre, one[f"{name}_radius"]) for name in ("tank", "fiducial"))
    if earth_radius is None:
        earth_radius = one["earth_radius_end"] * m * distance / (distance + one["earth_end"])
    begin, end = ((distance + one[name]) * m for name in ("earth_begin", "earth_end"))
    oil = Module("oil", tank, one["tank_mass"] * tonne, CH2, fiducial=inner)
    return Detector("MiniBooNE", (oil, *earth(begin, end, earth_radius)))


def earth(begin: float, end: float, radius: float) -> tuple[Module, ...]:
    """A cylinder of earth between two ends along the beam (cm), in parts that are thinner towards the detector.

    So vertices can lie denser where N may reach it. Named earth 1, earth 2, …, from the detector.
    """
    depths = [0.0, *(depth * m for depth in PARTS if depth * m < end - begin), end - begin]
    parts = []
    for i, (near, far) in enumerate(itertools.pairwise(depths), start=1):
        part = Cylinder((0.0, 0.0, end - (near + far) / 2), radius, far - near)
        parts.append(Module(f"earth {i}", part, EARTH_DENSITY * part.volume, SIO2))
    return tuple(parts)


PARTS = (3, 10, 25, 50, 100, 200)
"""Where parts of the earth end, in metres from its end that is nearest to the detector."""


def of_earth(events: PlacedEvents) -> NDArray[np.bool_]:
    """Whether the vertex of each event lies in the earth: (n,)."""
    return np.char.startswith(events.module.astype(str), "earth")


def selection(differences: Differences = NONE, **changes: Any) -> OneRing:
    """Electron-like events in the 11 bins of E_ν^QE, with some fields of `OneRing` changed."""
    edges = counts.edges()
    if differences.edge_at_1300:
        edges[9] = 1.3
    one = constants()
    share = 1.0 if differences.fiducial_counted_twice else (one["fiducial_radius"] / one["tank_radius"]) ** 3
    own: dict[str, Any] = {
        "decay_modules": ("oil",),
        "edges": tuple(edges),
        "energy_range": (edges[0], edges[-1]),
        "visible_range": (0.14, 3.0) if differences.visible_range else (0.0, 1e3),
        "azimuth_kept": differences.azimuth_kept,
        "of_smeared_energy": differences.efficiency_of_smeared_energy,
        "at_rest_lost": differences.at_rest_lost,
        "fiducial_share": share,
    }
    return OneRing(**own | changes)


def analysis(modes: Sequence[str] = counts.MODES, differences: Differences = NONE, **changes: Any) -> Analysis:
    """Electron-like events of some modes with the background that the muon-like ones constrain.

    Their systematic errors are shared between bins and modes (`counts.shared_errors`). `counts.likelihood` of the
    same modes is the likelihood of the release.
    """
    background, _ = counts.constrained_background(modes)
    chosen = selection(differences, **changes)
    channels = []
    for i, mode in enumerate(modes):
        own = background[counts.N_BINS * i :][: counts.N_BINS]
        observed = counts.counts(mode, "nue", "observed")
        pot = constants()[f"pot_{mode}"]
        channels.append(Channel(mode, mode, pot, tuple(own.tolist()), tuple(observed.tolist()), 0.0, chosen))
    return Analysis(
        f"MiniBooNE, {' and '.join(modes)} mode",
        tuple(channels),
        "The error of the signal itself, 15 % of efficiency, is not among those of the background.",
        counts.shared_errors(modes),
    )


def spectrum(variable: str, edges: Sequence[float], mode: str = "neutrino", **changes: Any) -> Analysis:
    """The signal in bins of another variable of `VARIABLES <paper.booster.ring.VARIABLES>`, 200 < E_ν^QE < 1250 MeV.

    No covariance is public for these: background and counts are zero, and a likelihood means nothing.
    """
    chosen = selection(variable=variable, edges=tuple(edges), energy_range=(0.2, 1.25), **changes)
    nothing = (0.0,) * chosen.n_bins
    channel = Channel(mode, mode, constants()[f"pot_{mode}"], nothing, nothing, 0.0, chosen)
    return Analysis(f"MiniBooNE, {variable}", (channel,))


def experiment(
    flavours: Mapping[str, Sequence[int]] = MUON_FLAVOURS, earth_radius: float | None = None
) -> Experiment:
    """MiniBooNE with beams of some flavours: those that ``flavours`` has for each mode, whose modes are simulated."""
    tables = {"neutrino": "flux/miniboone_fhc", "antineutrino": "flux/miniboone_rhc"}
    beams = tuple(booster_beam(mode, tables[mode], some) for mode, some in flavours.items())
    return Experiment("MiniBooNE", beams, detector(earth_radius), {mode: analysis([mode]) for mode in flavours})


MINIBOONE: Experiment
"""Muon neutrinos of both signs and both horn modes, on oil and on the earth before it."""

MINIBOONE_ALL_FLAVOURS: Experiment
"""The same with electron neutrinos, of which |V_eN|² makes N."""

MINIBOONE_NU: Analysis
"""Neutrino mode."""

MINIBOONE_BOTH: Analysis
"""Both modes, with the errors that they share."""

__getattr__ = datasets.when_needed(
    globals(),
    MINIBOONE=experiment,
    MINIBOONE_ALL_FLAVOURS=lambda: experiment(ALL_FLAVOURS),
    MINIBOONE_NU=lambda: analysis(["neutrino"]),
    MINIBOONE_BOTH=analysis,
)

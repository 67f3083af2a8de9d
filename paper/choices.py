"""Choices that the authors' code, their text or somebody else makes otherwise than we do, each a line or two.

Begin with `choices`; `paper.differences` counts what each of them changes. A `Choice` can do few things to events:
multiply their weights, shift a cut or a box, or let N decay with another spin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import Channel
from darkpkg.experiment.detector import ND280, ND280_TRACKER, Detector
from darkpkg.experiment.experiment import T2K, T2K_ALL_FLAVOURS
from darkpkg.experiment.selection import Selection, observables
from darkpkg.method.events import PlacedEvents
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.nuclei import NUCLEI
from darkpkg.physics.scattering import neutrino_energy

Array = NDArray[np.float64]
Factor = Callable[[PlacedEvents, Channel], Any]
"""Factors on the weights of events (n,) in a channel."""

__all__ = ["FORM_FACTORS", "OURS", "Choice", "choices", "neutrino", "together", "with_flavour"]

FORM_FACTORS = ("fourier-bessel", "fermi")
"""Ours, and that of the authors' code."""

DETECTORS = {"B": ND280, "A": ND280_TRACKER}
"""Where events count, by benchmark: N of A, which decays at once, is never detected from the P∅D."""


def no_factor(events: PlacedEvents, channel: Channel) -> float:
    """One."""
    return 1.0


@dataclass(frozen=True)
class Choice:
    """What is done differently; the defaults change nothing.

    ``cuts`` replace those of Eq. (15), ``modules`` are those of Analysis I in which decays count, ``spin`` is the
    polarisation of N over the true one, and ``point`` replaces parameters.
    """

    cuts: Mapping[str, float] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    factor: Factor = no_factor
    form_factor: str = FORM_FACTORS[0]
    spin: float = 1.0
    detector: Detector | None = None
    point: Mapping[str, float] = field(default_factory=dict)

    def selection(self, channel: Channel) -> Selection:
        """The selection of a channel; cuts and chambers are those of Analysis I."""
        own = channel.selection
        if own.cuts is None:
            return own
        modules = self.modules or own.decay_modules
        return replace(own, cuts=replace(own.cuts, **self.cuts), decay_modules=modules)


OURS = Choice()


def together(*members: Choice) -> Choice:
    """Several choices of cuts, factors, form factor and spin at once."""

    def factor(events: PlacedEvents, channel: Channel) -> Array:
        return np.prod([c.factor(events, channel) * np.ones(len(events)) for c in members], 0)

    other = (c.form_factor for c in members if c.form_factor != FORM_FACTORS[0])
    return Choice(
        cuts={key: value for c in members for key, value in c.cuts.items()},
        factor=factor,
        form_factor=next(other, FORM_FACTORS[0]),
        spin=float(np.prod([c.spin for c in members])),
    )


def choices(benchmark: str) -> dict[str, dict[str, Choice]]:
    """All choices for benchmark ``"A"`` or ``"B"`` by what they say of themselves, in groups: whose they are."""
    rounded = {"ε rounded as in Table I": Choice(point={"epsilon": ROUNDED[benchmark]})}
    whole = {"whole volumes fiducial": Choice(detector=as_fiducial(DETECTORS[benchmark]))}
    return {
        "program": PROGRAM | (LIGHT_ONLY if benchmark == "A" else {}),
        "suspected": SUSPECTED if benchmark == "A" else {},
        "text": TEXT | rounded,
        "other": OTHER | whole,
    }


def neutrino(events: PlacedEvents) -> tuple[Array, Array]:
    """Energy of the neutrino in GeV and momentum transfer squared in GeV² of each event."""
    codes, index = np.unique(events.target, return_inverse=True)
    mass_of = {nucleus.pdg_code: nucleus.mass for nucleus in ND280.nuclei.values()}
    mass = np.array([mass_of[code] for code in codes])[index]
    energy = neutrino_energy(events.p_N, events.m_N, mass)
    return energy, 2 * mass * (energy - events.p_N[:, 0])


def flux_between_bins(events: PlacedEvents, channel: Channel) -> Array:
    """Flux interpolated between the middles of its bins, over the flux of the bin."""
    flux = T2K[channel.beam].flux
    energy = np.minimum(neutrino(events)[0], 0.999999 * flux.edges[-1])
    middles = (flux.edges[1:] + flux.edges[:-1]) / 2
    return np.interp(energy, middles, flux.density) / flux(energy)


WRONG_SIGN = {"FHC": -14, "RHC": 14}
ELECTRON = {"FHC": 12, "RHC": -12}


def with_flavour(flavours: Mapping[str, int]) -> Factor:
    """Count neutrinos of another flavour in each beam, too."""

    def factor(events: PlacedEvents, channel: Channel) -> Array:
        right = T2K[channel.beam].flux
        energy = np.minimum(neutrino(events)[0], 0.999999 * right.edges[-1])
        return 1 + T2K_ALL_FLAVOURS[channel.beam][flavours[channel.beam]](energy) / right(energy)

    return factor


def in_analysis_I(weight: Callable[[PlacedEvents], Array]) -> Factor:
    """A factor for the channels that have cuts, nothing for the others."""
    return lambda events, channel: weight(events) if channel.selection.cuts else 1.0


def _pair(events: PlacedEvents) -> Array:
    return events.p_electron + events.p_positron


def _across_sq(p: Array) -> Array:
    return p[:, 1] ** 2 + p[:, 2] ** 2


def _along_sq(events: PlacedEvents) -> Array:
    p = _pair(events)
    return (p[:, 0] - p[:, 3]) ** 2


@in_analysis_I
def momentum_cut(events: PlacedEvents) -> Array:
    """Momentum of the pair above 150 MeV."""
    return momentum(_pair(events)) > 0.150


@in_analysis_I
def t_of_each_lepton(events: PlacedEvents) -> Array:
    """|t| < 0.03 GeV² with the transverse momentum squared of each lepton instead of the pair."""
    return _along_sq(events) + _across_sq(events.p_electron) + _across_sq(events.p_positron) < 0.03


@in_analysis_I
def t_as_printed(events: PlacedEvents) -> Array:
    """|t| < 0.03 GeV² with the sign of Eq. (15) as it is printed."""
    return _along_sq(events) - _across_sq(_pair(events)) < 0.03


def below_the_end(events: PlacedEvents, channel: Channel) -> Any:
    """Signal above the last edge of the FGD spectrum counts for nothing."""
    selection = channel.selection
    if not selection.response:
        return 1.0
    return observables(selection.response.smear(events)).mass < selection.mass_edges[-1]


def heavy_argon(events: PlacedEvents, channel: Channel) -> Array:
    """Three times the argon."""
    return np.where(events.target == NUCLEI["Ar40"].pdg_code, 3.0, 1.0)


def as_fiducial(detector: Detector) -> Detector:
    """The detector with its whole active volumes as fiducial ones."""
    modules = (replace(m, fiducial=m.active) if m.fiducial else m for m in detector.modules)
    return Detector(detector.name, tuple(modules))


_ANY_T = {"max_t": np.inf}
PROGRAM = {
    "cos θ_beam > 0.992": Choice(cuts={"min_cos_beam": 0.992}),
    "p_ee > 150 MeV instead of E_ee": Choice({"min_energy": 0.0}, factor=momentum_cut),
    "no cut on m_ee": Choice(cuts={"max_mass": np.inf}),
    "|t| with p_T² lepton by lepton": Choice(_ANY_T, factor=t_of_each_lepton),
    "symmetrised Fermi form factor": Choice(form_factor="fermi"),
    "flux interpolated between bins": Choice(factor=flux_between_bins),
}
"""Of the authors' code, for both benchmarks; the first four are cuts."""

LIGHT_ONLY = {
    "weights over half the width": Choice(factor=lambda events, channel: 2.0),
    "signal overflow dropped": Choice(factor=below_the_end),
}
"""Of the authors' code, for a light dark photon."""

SUSPECTED = {"spin of N reversed": Choice(spin=-1.0)}

TEXT = {
    "|t| with the sign as printed": Choice(_ANY_T, factor=t_as_printed),
    "16 kg of argon in each chamber": Choice(factor=heavy_argon),
    "fiducial z as printed (TPC1 only)": Choice(modules=("TPC1",)),
}
"""Readings of text and tables that one could take literally."""

ROUNDED = {"B": 2e-2, "A": 1.7e-4}
"""ε as Table I prints it."""

OTHER = {
    "N without spin": Choice(spin=0.0),
    "neutrinos of the wrong sign too": Choice(factor=with_flavour(WRONG_SIGN)),
}
"""Neither the paper's nor ours."""

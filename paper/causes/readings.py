"""What each difference between the paper's numbers and ours is: a change of how the analyses are read.

Begin with `TEXT`, the paper as it is printed, and `cumulative`, the causes of `HEAVY` or `LIGHT` one upon the other.
A `Reading` is a handful of values and small functions that counts are made with; a cause replaces one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.experiment import T2K
from darkpkg.experiment.response import PairResponse
from darkpkg.experiment.selection import Cuts, PairCuts, Selection
from darkpkg.method.events import PlacedEvents
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.scattering import neutrino_energy
from darkpkg.units import HBARC
from paper.causes import authors, crossings, spin
from paper.causes.authors import TheirCuts
from paper.causes.samples import DENSITIES

Array = NDArray[np.float64]

__all__ = [
    "HEAVY",
    "HEAVY_CURVES",
    "LIGHT",
    "LIGHT_CURVES",
    "OURS",
    "TEXT",
    "Reading",
    "cumulative",
    "flux_between_bins",
    "in_turn",
]


def _exact_lifetime(theta: DarkParameters) -> Any:
    return theta.proper_decay_length()


def _no_factor(theta: DarkParameters) -> float:
    return 1.0


def _as_published(analysis: Analysis) -> Analysis:
    return analysis


def _no_weight(events: PlacedEvents, beam: str) -> float:
    return 1.0


@dataclass(frozen=True)
class Reading:
    """How events are counted; the defaults are the text of the paper with our numbers.

    Attributes
    ----------
    decays
        What N decays to, as in `DarkParameters`; ``"all"`` also lets Z′ fly.
    cuts
        Those of Analysis I.
    density, detector
        Names of `samples.DENSITIES` and `samples.DETECTORS`.
    decay
        The pairs that are looked at.
    signs
        Signs of the probabilities to decay in each volume.
    lifetime
        cτ⁰ in cm of a point.
    factors
        Factors on the rate at a point.
    weight
        Factor on each event of a beam.
    response
        That of FGD1, that of the analysis by default.
    overflow
        Whether signal above the last edge counts in the last bin of Analysis II.
    smoothed
        Whether the rate is what the kernel of the authors' code makes of it.
    counts
        The analysis with the counts that a limit is from.
    poisson_below
        Variance below which the likelihood is that of Poisson.
    """

    decays: str = "paper"
    cuts: PairCuts = Cuts()
    density: str = "measured"
    detector: str = "ours"
    decay: Callable[[PlacedEvents], PlacedEvents] = spin.as_they_are
    signs: Callable[[PlacedEvents, Sequence[str]], Array] = crossings.signs_by_distance
    lifetime: Callable[[DarkParameters], Any] = _exact_lifetime
    factors: tuple[Callable[[DarkParameters], Any], ...] = ()
    weight: Callable[[PlacedEvents, str], Any] = _no_weight
    response: PairResponse | None = None
    overflow: bool = True
    smoothed: bool = False
    counts: Callable[[Analysis], Analysis] = _as_published
    poisson_below: float = 0.0

    def factor(self, theta: DarkParameters) -> Any:
        """The product of ``factors``."""
        return np.prod([np.asarray(f(theta)) for f in self.factors], axis=0) if self.factors else 1.0

    def selection(self, own: Selection) -> Selection:
        """What is selected where the text has ``own``."""
        cuts = own.cuts and self.cuts
        response = own.response and (self.response or own.response)
        return replace(own, cuts=cuts, response=response)


OURS, TEXT = Reading(decays="all"), Reading()
"""Our own limits, with muons, hadrons and the flight of Z′, and the text of the paper."""


# --- Causes: each takes a reading and changes one thing ---


def only_electrons(r: Reading) -> Reading:
    """Z′ decays to e⁺e⁻ alone, where it is made."""
    return replace(r, decays="paper")


def narrower_cone(r: Reading) -> Reading:
    """cos θ > 0.992 between pair and beam."""
    return replace(r, cuts=TheirCuts(Cuts(min_cos_beam=0.992)))


def momentum_for_energy(r: Reading) -> Reading:
    """The momentum of the pair, not its energy, above 150 MeV."""
    return replace(r, cuts=replace(r.cuts, by_momentum=True))


def t_of_each_lepton(r: Reading) -> Reading:
    """|t| summed lepton by lepton, and no cut on m_ee."""
    return replace(r, cuts=replace(r.cuts, by_lepton=True))


def radius_in_gev(r: Reading) -> Reading:
    """Their charge densities."""
    return replace(r, density="authors")


def their_detector(r: Reading) -> Reading:
    """Their masses of the materials and boxes."""
    return replace(r, detector="authors")


def _constant(theta: DarkParameters) -> float:
    return authors.GEV2_TO_CM2 / HBARC**2


def their_constant(r: Reading) -> Reading:
    """1 GeV⁻² is 3.9204e-28 cm²."""
    return replace(r, factors=(*r.factors, _constant))


def width_over_theirs(theta: DarkParameters) -> Any:
    """Width that the events are simulated with, with massive electrons, over the one that they are divided by."""
    electrons = theta.replace(decays="all")
    return electrons.decay_width() * electrons.pair_branching_ratio() / authors.three_body_width(theta)


def contact_width(r: Reading) -> Reading:
    """L = 1 below (m_N/m_Z′)² = 0.01, in weights and lifetimes."""
    return replace(r, factors=(*r.factors, width_over_theirs), lifetime=authors.proper_decay_length)


def _twice(theta: DarkParameters) -> float:
    return 2.0


def half_the_width(r: Reading) -> Reading:
    """Weights are divided by half the width that they hold."""
    return replace(r, factors=(*r.factors, _twice))


def spin_reversed(r: Reading) -> Reading:
    """The angle of the pair to the spin of N with the opposite sign."""
    return replace(r, decay=spin.reversed_spin)


def pairs_without_spin(r: Reading) -> Reading:
    """Electrons in all directions alike in the rest frame of the pair, too."""
    return replace(r, decay=spin.reversed_and_even)


def flux_between_bins(events: PlacedEvents, beam: str) -> Array:
    """Flux interpolated between the middles of its bins, over the flux of the bin."""
    flux = T2K[beam].flux
    codes, index = np.unique(events.target, return_inverse=True)
    mass_of = {nucleus.pdg_code: nucleus.mass for nucleus in DENSITIES["measured"].values()}
    mass = np.array([mass_of[code] for code in codes])[index]
    energy = np.minimum(neutrino_energy(events.p_N, events.m_N, mass), 0.999999 * flux.edges[-1])
    middles = (flux.edges[1:] + flux.edges[:-1]) / 2
    return np.interp(energy, middles, flux.density) / flux(energy)


def interpolated_flux(r: Reading) -> Reading:
    """The flux is interpolated between the middles of its bins."""
    return replace(r, weight=flux_between_bins)


def crossings_by_face(r: Reading) -> Reading:
    """Entry and exit of a chamber in the order of its faces."""
    return replace(r, signs=crossings.signs_by_face)


def their_smearing(r: Reading) -> Reading:
    """Momenta and angles in FGD1 at the middles of their bins, and as they are where nothing is tabulated."""
    return replace(r, response=authors.RESPONSE)


def counts_cut_off(r: Reading) -> Reading:
    """Counts of Analysis II as they were read off a figure, with their decimals cut off."""
    return replace(r, counts=authors.with_their_counts)


def no_overflow(r: Reading) -> Reading:
    """Signal above 200 MeV is dropped in Analysis II."""
    return replace(r, overflow=False)


def their_kernel(r: Reading) -> Reading:
    """Smoothing by a kernel of 0.1 in log₁₀ that integrates to 0.929, and ends at the edge of what was sampled."""
    return replace(r, smoothed=True)


def poisson_for_small_variance(r: Reading) -> Reading:
    """The likelihood of Poisson for variances below 0.01."""
    return replace(r, poisson_below=authors.POISSON_BELOW)


Step = Callable[[Reading], Reading]


def in_turn(*steps: Step) -> Step:
    """Several causes as one."""

    def all_of_them(r: Reading) -> Reading:
        for step in steps:
            r = step(r)
        return r

    return all_of_them


_CUTS: Mapping[str, Step] = {
    "cos θ > 0.992": narrower_cone,
    "momentum for energy": momentum_for_energy,
    "|t| lepton by lepton": t_of_each_lepton,
}
HEAVY: Mapping[str, Step] = {
    "e⁺e⁻ alone": only_electrons,
    **_CUTS,
    "form factor in GeV": radius_in_gev,
    "masses of materials": their_detector,
    "3.9204e-28 cm²": their_constant,
    "L = 1 below 0.01": contact_width,
    "flux between bins": interpolated_flux,
    "crossings by face": crossings_by_face,
    "kernel": their_kernel,
}
"""Causes for a heavy dark photon, in the order in which they are switched on."""

LIGHT: Mapping[str, Step] = {
    "e⁺e⁻ alone": only_electrons,
    **_CUTS,
    "spin of N reversed": spin_reversed,
    "isotropic pairs": pairs_without_spin,
    "form factor in GeV": radius_in_gev,
    "masses of materials": their_detector,
    "3.9204e-28 cm²": their_constant,
    "half the width": half_the_width,
    "smearing to middles": their_smearing,
    "overflow dropped": no_overflow,
    "kernel": their_kernel,
}
"""The same for a light one, in which N decays where it is made."""

_FIRST: Mapping[str, Step] = {
    "e⁺e⁻ alone": only_electrons,
    "cone": in_turn(narrower_cone, momentum_for_energy),
    "|t|": t_of_each_lepton,
}
HEAVY_CURVES: Mapping[str, Step] = {
    **_FIRST,
    "form factor": radius_in_gev,
    "constants": in_turn(their_detector, their_constant, contact_width, interpolated_flux),
    "crossings": crossings_by_face,
    "kernel": in_turn(their_kernel, poisson_for_small_variance),
}
LIGHT_CURVES: Mapping[str, Step] = {
    **_FIRST,
    "spin": in_turn(spin_reversed, pairs_without_spin),
    "form factor": radius_in_gev,
    "constants": in_turn(their_detector, their_constant),
    "half width": half_the_width,
    "smearing": their_smearing,
    "counts": counts_cut_off,
    "kernel": in_turn(no_overflow, their_kernel, poisson_for_small_variance),
}
"""The same in groups, for limits along curves."""


def cumulative(steps: Mapping[str, Step], start: Reading = OURS) -> dict[str, Reading]:
    """The readings after each step, ``start`` first as "ours"."""
    readings = {"ours": start}
    for name, step in steps.items():
        start = readings[name] = step(start)
    return readings

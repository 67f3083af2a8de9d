"""An e⁺e⁻ pair that MiniBooNE takes for one electron: smeared, of one ring, selected. Begin with `OneRing`.

Two showers look like one if one of them has little energy or if they lie close together: the criterion of K. J. Kelly
and J. Kopp, arXiv:2210.08021, in r = √[(1 − a)² + (1 − b)²] with a = (1 + cos θ)/2 of the opening angle θ and
b = E₁/(E₁ + E₂) of the larger energy. Its threshold, tuned on neutral pions, falls with the visible energy.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from darkpkg import datasets
from darkpkg.experiment.response import Pairs, SmearableEvents
from darkpkg.experiment.selection import PlacedPairs, Selection
from darkpkg.inputs import one_of, real_number, real_numbers
from darkpkg.method.events import PlacedEvents
from darkpkg.method.kernel_estimate import Remembered
from darkpkg.physics.kinematics import momentum, rotate_z_to, spherical
from darkpkg.units import ELECTRON_MASS, NEUTRON_MASS, PROTON_MASS, GeV, MeV

Array = NDArray[np.float64]

CRITERIA = ("circle1", "diagonal", "circle0", "mass")
"""Cuts on r above, on 1 − (a + b)/2, on √(a² + b²) from below, and on the mass of the pair."""

VARIABLES = ("neutrino_energy", "visible_energy", "cos_theta")
"""What bins are in: E_ν^QE and visible energy in GeV, cosine of the angle to the beam."""

TUNINGS = ("1c100s", "100c1s")
"""The two ways to tune the cut in arXiv:2210.08021; they differ by the noise of a finite simulation."""


@functools.cache
def constants() -> dict[str, float]:
    """Numbers of ``data/miniboone/experiment`` by name, in the units of the table."""
    table = datasets.read("miniboone/experiment").set_index("name").value
    return {name: float(value) for name, value in table.items() if value == value}


def energy_resolution(E: ArrayLike) -> Array:
    """Standard deviation in GeV of the energy of a shower of E (GeV): 0.12 √E + 0.01 GeV."""
    one = constants()
    return one["energy_resolution_stochastic"] * np.sqrt(E) + one["energy_resolution_constant"] * GeV


def angular_resolution(E: ArrayLike) -> Array:
    """Standard deviation in radians of the signed angle between true and found direction: 2.7° + ln(1 GeV/E)°.

    Not below zero, which the fit is from 15 GeV on.
    """
    one = constants()
    degrees = one["angular_resolution_constant"] - one["angular_resolution_logarithmic"] * np.log(E)
    return np.radians(np.maximum(degrees, 0.0))


def neutrino_energy(E: ArrayLike, cos_theta: ArrayLike) -> Array:
    """E_ν^QE in GeV of ν_e n → e⁻ p at rest with an electron of energy ``E`` (GeV) and angle θ, without binding.

    >>> round(float(neutrino_energy(0.5, 0.8)), 3)
    0.558
    """
    E = np.asarray(E)
    p = np.sqrt(np.maximum(E**2 - ELECTRON_MASS**2, 0.0))
    above = 2 * NEUTRON_MASS * E - (NEUTRON_MASS**2 + ELECTRON_MASS**2 - PROTON_MASS**2)
    return np.asarray(above / (2 * (NEUTRON_MASS - E + p * np.asarray(cos_theta))))


def smeared(events: SmearableEvents, azimuth_kept: bool = False, resolution: float = 1.0) -> Pairs:
    """The pairs as they are found: each lepton with its own energy and direction.

    Random numbers are those that ``events`` carry, so that the same events always give the same pairs; the azimuth
    of the smearing is what their first 16 binary digits leave. With ``azimuth_kept`` only the angle to the beam
    changes, and the azimuth around the beam is the true one. Both standard deviations are times ``resolution``.
    """
    return (_of_sample if isinstance(events, PlacedEvents) else _pairs)(events, azimuth_kept, resolution)


def _pairs(events: SmearableEvents, azimuth_kept: bool, resolution: float) -> Pairs:
    u = np.clip(events.uniform, 1e-9, 1 - 1e-9)
    momenta = (events.p_electron, u[:, :2]), (events.p_positron, u[:, 2:])
    return Pairs(*(_smeared(p, own, azimuth_kept, resolution) for p, own in momenta))


_of_sample = Remembered(_pairs, most=1)
"""The last of each sample is kept: selections often differ in what they take of the same pairs."""


def _smeared(p: Array, u: Array, azimuth_kept: bool, resolution: float) -> Array:
    length = np.maximum(momentum(p), 1e-12)
    off = resolution * energy_resolution(p[:, 0]) * ndtri(u[:, 0])
    kinetic = np.maximum(p[:, 0] - ELECTRON_MASS + off, 0.0)
    found = np.sqrt(kinetic * (kinetic + 2 * ELECTRON_MASS))
    axis = tuple((p[:, 1:] / length[:, None]).T)
    aside = resolution * angular_resolution(p[:, 0]) * ndtri(u[:, 1])
    direction = np.array(rotate_z_to(axis, spherical(np.cos(aside), 2 * np.pi * np.modf(u[:, 1] * 2**16)[0])))
    if azimuth_kept:
        phi = np.arctan2(p[:, 2], p[:, 1])
        direction = np.array(spherical(np.clip(direction[2], -1.0, 1.0), phi))
    return np.column_stack([kinetic + ELECTRON_MASS, *(found * direction)])


class Ring(NamedTuple):
    """What one ring is taken for: arrays (n,) of visible energy and E_ν^QE in GeV, and cos θ to the beam."""

    visible_energy: Array
    neutrino_energy: Array
    cos_theta: Array

    @classmethod
    def of(cls, pairs: Pairs) -> Ring:
        """The ring of both showers together."""
        both = pairs.p_electron + pairs.p_positron
        cos_theta = both[:, 3] / np.maximum(momentum(both), 1e-12)
        return cls(both[:, 0], neutrino_energy(both[:, 0], cos_theta), cos_theta)


def is_one_ring(pairs: Pairs, criterion: str = "circle1", tuning: str = "1c100s") -> NDArray[np.bool_]:
    """Whether each pair (n,) looks like one shower.

    Parameters
    ----------
    pairs
        As found, smeared.
    criterion
        Of `CRITERIA`. Cuts are linear between the middles of their bins in visible energy, and those of the first
        and last bin outside of `cut_energies`, where nothing is published.
    tuning
        Of `TUNINGS`.
    """
    E_1, E_2 = pairs.p_electron[:, 0], pairs.p_positron[:, 0]
    visible = E_1 + E_2
    product = (pairs.p_electron[:, 1:] * pairs.p_positron[:, 1:]).sum(axis=1)
    if one_of("criterion", criterion, CRITERIA) == "mass":
        mass_sq = 2 * (ELECTRON_MASS**2 + E_1 * E_2 - product)
        cut = sum(constants()[f"m_ee_cut_{k}"] * visible**k for k in range(3))
        return np.asarray(np.sqrt(np.maximum(mass_sq, 0.0)) < cut)
    lengths = momentum(pairs.p_electron) * momentum(pairs.p_positron)
    cosine = np.divide(product, lengths, out=np.ones(len(visible)), where=lengths > 0)  # one that is at rest is none
    a, b = (1 + cosine) / 2, np.maximum(E_1, E_2) / visible
    cut = _threshold(f"r_{criterion}_{one_of('tuning', tuning, TUNINGS)}", visible)
    if criterion == "circle0":
        return np.asarray(np.hypot(a, b) > cut)
    return np.asarray((np.hypot(1 - a, 1 - b) if criterion == "circle1" else 1 - (a + b) / 2) < cut)


def cut_energies() -> Array:
    """Visible energies in GeV for which the cut is published, the middles of its bins."""
    return _table(f"r_{CRITERIA[0]}_{TUNINGS[0]}")[0]


def _threshold(column: str, visible: Array) -> Array:
    middle, cut = _table(column)
    return np.interp(visible, middle, cut)


@functools.cache
def _table(column: str) -> tuple[Array, Array]:
    table = datasets.columns("miniboone/one_ring")
    return (table["e_low"] + table["e_high"]) / 2, table[column]


def efficiency(energy: ArrayLike, shift: float = 0.0) -> Array:
    """Share of the electrons and photons anywhere in the tank that are selected, by generated energy in GeV.

    The fiducial volume is inside. ``shift`` is in standard deviations of its systematic error, alike for all bins.
    Above 2.1 GeV it is that of the last bin.

    >>> efficiency([0.25, 1.0]).tolist()
    [0.135, 0.089]
    """
    edges, value, error = _efficiency()
    here = np.clip(np.searchsorted(edges, energy, side="right") - 1, 0, len(value) - 1)
    return np.asarray((value + shift * error)[here])


@functools.cache
def _efficiency() -> tuple[Array, Array, Array]:
    table = datasets.columns("miniboone/efficiency")
    return table["e_low"] * MeV, table["efficiency"], table["systematic_error"]


@dataclass(frozen=True)
class OneRing(Selection):
    """Electron-like events of MiniBooNE: pairs of one ring, in bins of a ``variable`` with ``edges``.

    Without ``edges`` there is one bin. ``energy_range`` and ``visible_range`` are those of E_ν^QE and of the visible
    energy in GeV that an event must have. The efficiency of an event is that of the function `efficiency` at the
    energy of the pair, generated or, if ``of_smeared_energy``, as found, divided by ``fiducial_share``: as events
    count that decay in the fiducial volume, it must not be in the efficiency again. With ``at_rest_lost`` a pair is
    not selected if a lepton is found at rest. Other fields are as in `efficiency`, `is_one_ring` and `smeared`.
    """

    variable: str = "neutrino_energy"
    edges: tuple[float, ...] = ()
    energy_range: tuple[float, float] = (0.2, 3.0)
    visible_range: tuple[float, float] = (0.0, 1e3)
    criterion: str = "circle1"
    tuning: str = "1c100s"
    azimuth_kept: bool = False
    of_smeared_energy: bool = False
    at_rest_lost: bool = False
    efficiency_shift: float = 0.0
    fiducial_share: float = 1.0
    resolution: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, known in (("variable", VARIABLES), ("criterion", CRITERIA), ("tuning", TUNINGS)):
            one_of(name, getattr(self, name), known)
        for name in ("edges", "energy_range", "visible_range"):
            numbers = real_numbers(name, getattr(self, name), -1e3, 1e3)
            if numbers.ndim != 1 or len(numbers) == 1 or not np.all(np.diff(numbers) > 0):
                raise ValueError(f"{name} must increase from the first to the last, got {getattr(self, name)}")
            object.__setattr__(self, name, tuple(numbers.tolist()))
        share = real_number("fiducial_share", self.fiducial_share, 0.3, 1.0)  # no efficiency above one
        object.__setattr__(self, "fiducial_share", share)
        object.__setattr__(self, "resolution", real_number("resolution", self.resolution, 0.0, 5.0))
        object.__setattr__(self, "efficiency_shift", real_number("efficiency_shift", self.efficiency_shift, -5, 5))

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return max(len(self.edges) - 1, 1)

    def accepted(self, events: PlacedPairs) -> tuple[NDArray[np.int64], Array]:
        """Bin and efficiency of each event: two arrays (n,), −1 and 0 where it is not selected."""
        pairs = smeared(events, self.azimuth_kept, self.resolution)
        ring = Ring.of(pairs)
        chosen = is_one_ring(pairs, self.criterion, self.tuning)
        if self.at_rest_lost:
            chosen &= np.minimum(momentum(pairs.p_electron), momentum(pairs.p_positron)) > 0
        if self.vertex_modules:
            chosen &= events.starts_in(self.vertex_modules)
        for value, (low, high) in (
            (ring.neutrino_energy, self.energy_range),
            (ring.visible_energy, self.visible_range),
        ):
            chosen &= (value >= low) & (value < high)
        edges = self.edges or (-np.inf, np.inf)
        bins = np.searchsorted(edges, getattr(ring, self.variable), side="right") - 1
        bins = np.where(chosen & (bins < self.n_bins), bins, -1)
        generated = events.p_electron[:, 0] + events.p_positron[:, 0]
        chance = efficiency(ring.visible_energy if self.of_smeared_energy else generated, self.efficiency_shift)
        return bins, np.where(bins >= 0, self.efficiency * chance / self.fiducial_share, 0.0)

    def bins(self, events: PlacedPairs) -> NDArray[np.int64]:
        """The bin of each event, −1 if it is not selected: (n,)."""
        return self.accepted(events)[0]

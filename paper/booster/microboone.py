"""MicroBooNE's search for e⁺e⁻ pairs, arXiv:2502.10900, as a counting experiment. Begin with `MICROBOONE`.

Its efficiency is published in four variables, each an average over the others in a simulated signal whose masses and
couplings are not public. Here it is their product; what that is worth shows when one of them is left out. Not stated
either are whether it counts pairs of the active or of a fiducial volume, and the formula of the asymmetry, taken as
|E₊ − E₋|/(E₊ + E₋): a prediction is a band between two volumes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.experiment.detector import Detector, Module
from darkpkg.experiment.experiment import Experiment
from darkpkg.experiment.selection import Observables, PlacedPairs, Selection, observables
from darkpkg.experiment.volumes import Box
from darkpkg.inputs import Frozen, one_of
from darkpkg.units import m, tonne
from paper.booster.beams import MUON_FLAVOURS, booster_beam
from paper.booster.covariance import CovarianceLikelihood
from paper.booster.miniboone import earth

Array = NDArray[np.float64]

VARIABLES = ("asymmetry", "opening_angle", "energy", "theta")
"""Of the published efficiency: energies' asymmetry, angles in degrees, energy of the pair in GeV."""

VOLUMES = ("active", "fiducial")

FIDUCIAL_DEPTH = 10.0
"""cm from each face of the active volume: assumed, as no depth is published with the search."""

SIGNAL_ERROR = 0.2
"""Relative error of the signal, assumed: flux and efficiency together, without that of `factorised_efficiency`."""

_OWN_ARGON = Frozen({"Ar": 1.0})


@functools.cache
def constants() -> dict[str, float]:
    """Numbers of ``data/microboone/experiment`` by name, in the units of the table."""
    table = datasets.read("microboone/experiment").set_index("name").value
    return {name: float(value) for name, value in table.items()}


def factorised_efficiency(o: Observables, leave_out: str = "") -> Array:
    """Share of the pairs (n,) that the search selects: ε̄ Π ε(x)/ε̄ over the four variables x.

    ``leave_out`` is one of `VARIABLES` whose factor is left out, or nothing. Outside of a published curve, which then
    counts, nothing is selected.
    """
    mean, value = mean_efficiency(), np.full(len(o.energy), mean_efficiency())
    for name, x in _variables(o).items():
        if name != one_of("leave_out", leave_out, ("", *VARIABLES)):
            edges, curve = _curve(name)
            at = np.searchsorted(edges, x, side="right") - 1
            inside = (at >= 0) & (x <= edges[-1])
            value = value * np.where(inside, curve[np.clip(at, 0, len(curve) - 1)] / mean, 0.0)
    return np.minimum(value, 1.0)


def mean_efficiency() -> float:
    """ε̄: the mean of the curve in the asymmetry, which is flat to 4 %."""
    edges, curve = _curve("asymmetry")
    return float((curve * np.diff(edges)).sum() / (edges[-1] - edges[0]))


def _variables(o: Observables) -> dict[str, Array]:
    E_1, E_2 = o.electron[:, 0], o.positron[:, 0]
    return {
        "asymmetry": np.abs(E_1 - E_2) / (E_1 + E_2),
        "opening_angle": np.degrees(np.arccos(np.nan_to_num(o.cos_opening, nan=1.0))),
        "energy": o.energy,
        "theta": np.degrees(np.arccos(np.nan_to_num(o.cos_beam, nan=1.0))),
    }


@functools.cache
def _curve(variable: str) -> tuple[Array, Array]:
    table = datasets.read("microboone/efficiency")
    own = table[table.variable == variable]
    return np.append(own.low, own.high.iloc[-1]), own.total.to_numpy(float)


@dataclass(frozen=True)
class PairSearch(Selection):
    """Pairs that the search selects, in one bin; ``leave_out`` as in `factorised_efficiency`."""

    leave_out: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("leave_out", self.leave_out, ("", *VARIABLES))

    def accepted(self, events: PlacedPairs) -> tuple[NDArray[np.int64], Array]:
        """Bin and efficiency of each event: two arrays (n,), −1 and 0 where it is not selected."""
        chance = self.efficiency * factorised_efficiency(observables(events), self.leave_out)
        return np.where(chance > 0, 0, -1), chance

    def bins(self, events: PlacedPairs) -> NDArray[np.int64]:
        """The bin of each event, −1 if it is not selected: (n,)."""
        return self.accepted(events)[0]


def detector(volume: str = "active", earth_factor: float = 1.0) -> Detector:
    """Argon of the TPC, argon around it and the earth before it, its radius times ``earth_factor``.

    Pairs count in the ``volume`` of the TPC, of `VOLUMES`. The argon of the cryostat outside it lies in six slabs of
    equal thickness; the earth is DarkNews's cone, as in `paper.booster.miniboone`.
    """
    one = constants()
    size = np.array([one["active_width"], one["active_height"], one["active_length"]])
    centre = np.array([0.0, 0.0, one["distance"] * m])
    depth = FIDUCIAL_DEPTH if one_of("volume", volume, VOLUMES) == "fiducial" else 0.0
    active, inner = (_box(centre - half, centre + half) for half in (size / 2, size / 2 - depth))
    tpc = Module("TPC", active, one["active_mass"] * tonne, _OWN_ARGON, fiducial=inner)
    faces = 2 * np.array([size[1] * size[2], size[0] * size[2], size[0] * size[1]]).sum()
    outside = (one["cryostat_mass"] - one["active_mass"]) * tonne / one["density"]
    slabs = []
    for axis, name in enumerate("xyz"):
        for side in (-1, 1):
            low, high = centre - size / 2, centre + size / 2
            near = centre[axis] + side * size[axis] / 2
            low[axis], high[axis] = sorted((near, near + side * outside / faces))
            slab = _box(low, high)
            slabs.append(Module(f"argon at {'-+'[side > 0]}{name}", slab, one["density"] * slab.volume, _OWN_ARGON))
    end = one["distance"] * m - one["cryostat_length"] / 2 - EARTH_GAP
    radius = earth_factor * EARTH_RADIUS * one["distance"] * m / end  # of the cone, carried on to the detector
    return Detector("MicroBooNE", (tpc, *slabs, *earth(end - EARTH_LENGTH, end, radius)))


EARTH_GAP, EARTH_LENGTH, EARTH_RADIUS = 215.0, 400 * m, 1.5 * 191.61
"""cm: from the cryostat to the earth, its length, and its radius there: DarkNews-generator, geom.py. Its cone of
these has the mass of ``data/microboone/experiment``."""


def _box(low: Any, high: Any) -> Box:
    return Box(tuple(low.tolist()), tuple(high.tolist()))


def analysis(leave_out: str = "") -> Analysis:
    """The search: 95 events, 69.7 ± 17.3 expected. `likelihood` has these errors as they are."""
    background, error = _predicted()
    chosen = PairSearch(("TPC",), leave_out=leave_out)
    channel = Channel(
        "e+e- pairs",
        "neutrino",
        constants()["pot"],
        (background,),
        (constants()["observed"],),
        error / background,
        chosen,
    )
    caveat = "MicroBooNE's efficiency is a product of published averages, in the active or in an assumed volume."
    return Analysis("MicroBooNE", (channel,), caveat)


@functools.cache
def _predicted() -> tuple[float, float]:
    """The expected background and its error."""
    published = datasets.read("microboone/experiment").set_index("name").loc["predicted"]
    return float(published.value), float(published.error)


def likelihood() -> CovarianceLikelihood:
    """95 events against 69.7 ± 17.3, with Poisson errors of background and signal, and `SIGNAL_ERROR`."""
    own = analysis()
    relative = np.array([SIGNAL_ERROR**2, own.systematic[0] ** 2 + 1 / own.background[0]])
    return CovarianceLikelihood(own.observed, own.background, np.diag(relative), (0,))


def experiment(volume: str = "active") -> Experiment:
    """MicroBooNE in neutrino mode, with pairs counted in a volume of `VOLUMES`."""
    beam = booster_beam("neutrino", "flux/microboone_fhc", MUON_FLAVOURS["neutrino"])
    return Experiment("MicroBooNE", (beam,), detector(volume), {"pairs": analysis()})


MICROBOONE: Experiment
"""With pairs counted in the active volume, the larger end of the band."""

MICROBOONE_PAIRS: Analysis
"""The search."""

__getattr__ = datasets.when_needed(globals(), MICROBOONE=experiment, MICROBOONE_PAIRS=analysis)

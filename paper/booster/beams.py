"""The Booster Neutrino Beam as MiniBooNE and MicroBooNE have it. Begin with `booster_beam`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.experiment.beam import Beam, Flux
from darkpkg.units import GeV

Array = NDArray[np.float64]

MUON_FLAVOURS = {"neutrino": (14, -14), "antineutrino": (-14, 14)}
"""Muon neutrinos of both signs by the polarity of the horn, the main one first."""

ALL_FLAVOURS = {"neutrino": (14, -14, 12, -12), "antineutrino": (-14, 14, -12, 12)}

_COLUMNS = {14: "numu", -14: "numubar", 12: "nue", -12: "nuebar"}


def booster_beam(name: str, table: str, flavours: Sequence[int]) -> Beam:
    """The beam of a published table such as ``"flux/miniboone_fhc"``.

    >>> f"{booster_beam('neutrino', 'flux/miniboone_fhc', [14]).flux.cumulative[-1]:.3g}"     # neutrinos / cm² / POT
    '5.19e-10'
    """
    datasets.verify(table)
    path = datasets.path(table)
    return Beam(name, {code: Flux.from_file(path, pot=1.0, per=GeV, column=_COLUMNS[code]) for code in flavours})


def linear_ratio(flux: Flux, energy: Array) -> Array:
    """Straight lines between the middles of the bins of a flux over its steps, at energies (n,) in GeV.

    No more accurate, and zero before the first and after the last middle.
    """
    middles, steps = (flux.edges[1:] + flux.edges[:-1]) / 2, flux(energy)
    lines = np.interp(energy, middles, flux.density, left=0.0, right=0.0)
    return np.divide(lines, steps, out=np.zeros(len(energy)), where=steps > 0)

"""The Booster Neutrino Beam as MiniBooNE and MicroBooNE have it. Begin with `booster_beam`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from darkpkg import datasets
from darkpkg.experiment.beam import Beam, Flux
from darkpkg.units import GeV

MUON_FLAVOURS = {"neutrino": (14, -14), "antineutrino": (-14, 14)}
"""Muon neutrinos of both signs by the polarity of the horn, the main one first."""

ALL_FLAVOURS = {"neutrino": (14, -14, 12, -12), "antineutrino": (-14, 14, -12, 12)}

_COLUMNS = {14: "numu", -14: "numubar", 12: "nue", -12: "nuebar"}


def booster_beam(name: str, table: str, flavours: Sequence[int], linear: bool = False) -> Beam:
    """The beam of a published table such as ``"flux/miniboone_fhc"``.

    ``linear`` draws straight lines between the middles of the bins, as some programs do, in place of the steps that
    the histogram is; it is no more accurate, and another spectrum by about a per cent.

    >>> f"{booster_beam('neutrino', 'flux/miniboone_fhc', [14]).flux.cumulative[-1]:.3g}"     # neutrinos / cm² / POT
    '5.19e-10'
    """
    datasets.verify(table)
    path = datasets.path(table)
    fluxes = {code: Flux.from_file(path, pot=1.0, per=GeV, column=_COLUMNS[code]) for code in flavours}
    return Beam(name, {code: _linear(flux) if linear else flux for code, flux in fluxes.items()})


def _linear(flux: Flux, parts: int = 10) -> Flux:
    """The flux along straight lines between the middles of its bins, in ``parts`` steps a bin; zero beyond."""
    middles = (flux.edges[1:] + flux.edges[:-1]) / 2
    edges = np.concatenate([np.linspace(a, b, parts, endpoint=False) for a, b in _pairs(flux.edges)])
    edges = np.append(edges, flux.edges[-1])
    centres = (edges[1:] + edges[:-1]) / 2
    return Flux(edges, np.interp(centres, middles, flux.density, left=0.0, right=0.0))


def _pairs(edges: np.ndarray) -> list[tuple[float, float]]:
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))

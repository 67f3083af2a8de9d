"""Neutrino spectra at ND280.

Begin with `load_flux`. A *beam* is a horn polarity, ``"FHC"`` or ``"RHC"``; its flux is that of the wanted-sign muon
flavour, ν_μ in FHC and ν̄_μ in RHC.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg import datasets
from darkpkg.inputs import check_kinds, one_of, real_numbers
from darkpkg.units import GeV

__all__ = ["BEAMS", "Flux", "load_flux"]

BEAMS = {"FHC": "numu", "RHC": "numubar"}
"""Horn polarities and the flavour that upscatters in each."""

_TABULATED_BIN = 0.05 * GeV
_TABULATED_POT = 1e21


@dataclass(frozen=True, eq=False)
class Flux:
    """A spectrum that is constant within bins.

    ``edges`` (n+1,) in GeV; ``density`` (n,) in neutrinos / cm² / GeV / POT. Raises `ValueError` unless the edges
    increase from zero or above, and the densities are finite, not negative and somewhere positive.
    """

    name: str
    edges: NDArray[np.float64]
    density: NDArray[np.float64]

    def __post_init__(self) -> None:
        check_kinds(name=(self.name, str))
        edges = real_numbers("edges", self.edges, 0.0, np.finfo(float).max)
        density = real_numbers("density", self.density, 0.0, np.finfo(float).max)
        if edges.ndim != 1 or density.shape != (len(edges) - 1,):
            shapes = f"{edges.shape} and {density.shape}"
            raise ValueError(f"edges and density must have shapes (n+1,) and (n,), got {shapes}")
        if not np.all(np.diff(edges) > 0):
            raise ValueError(f"edges must increase, got {edges.tolist()}")
        if not density.any():
            raise ValueError(f"density must be positive somewhere, got {density.tolist()}")
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "density", density)

    def __call__(self, energy: ArrayLike) -> NDArray[np.float64]:
        """Density at ``energy`` (GeV) in neutrinos / cm² / GeV / POT; zero outside the table."""
        energy = real_numbers("energy", energy)
        padded = np.concatenate([[0.0], self.density, [0.0]])
        return padded[np.searchsorted(self.edges, energy, side="right")]

    @property
    def cumulative(self) -> NDArray[np.float64]:
        """Flux below each edge (n+1,) in neutrinos / cm² / POT; its last entry is the total."""
        return np.concatenate([[0.0], np.cumsum(self.density * np.diff(self.edges))])


def load_flux(beam: str, flavour: str | None = None) -> Flux:
    """The published flux of a beam, by default of the flavour that `BEAMS` names for it.

    >>> f"{load_flux('FHC').cumulative[-1] * 1e21:.3g}"             # neutrinos / cm² in 1e21 POT
    '1.92e+13'
    """
    one_of("beam", beam, BEAMS)
    table = datasets.read(f"flux/nd280_{beam.lower()}")
    flavour = one_of("flavour", BEAMS[beam] if flavour is None else flavour, list(table.columns[2:]))
    edges = np.append(table["e_low"], table["e_high"].iloc[-1]) * GeV
    last = np.flatnonzero(table[flavour])[-1] + 1
    density = table[flavour].to_numpy() / _TABULATED_BIN / _TABULATED_POT
    return Flux(beam, edges[: last + 1], density[:last])

"""The flux of MiniBooNE, which the paper compares with that of ND280. Begin with `miniboone_flux`."""

from __future__ import annotations

import numpy as np

from darkpkg import datasets
from darkpkg.experiment.beam import Flux
from darkpkg.units import GeV


def miniboone_flux() -> Flux:
    """Muon neutrinos at MiniBooNE in neutrino mode.

    >>> f"{miniboone_flux().cumulative[-1]:.3g}"                        # neutrinos / cm² / POT
    '5.19e-10'
    """
    table = datasets.read("flux/miniboone_fhc")
    return Flux(np.append(table.e_low, table.e_high.iloc[-1]) * GeV, table.numu.to_numpy())

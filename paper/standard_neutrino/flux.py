"""The flux of standard heavy neutrinos from kaons at the target, for Fig. 5."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.inputs import one_of, real_number
from darkpkg.units import GeV


def load_heavy_neutrino_flux(m_N: float, lepton: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energies in GeV, rising, and the flux there of N from K → ℓ N at the target, per energy and for |U_ℓ|² = 1.

    Published for (m_N, ℓ) of (0.15, "e"), (0.15, "mu") and (0.25, "mu"). The units are arbitrary, though the same for
    all three; only the shape, good to about 2 %, is meant to be used. Raises `ValueError` for others.

    >>> energy, flux = load_heavy_neutrino_flux(0.15, "mu")
    >>> energy[flux.argmax()]
    3.369
    """
    table = datasets.read("flux/hnl_from_kaons")
    m_N, lepton = real_number("m_N", m_N), one_of("lepton", lepton, list(table["flavour"].unique()))
    own = table[np.isclose(table["m_N"], m_N / GeV) & (table["flavour"] == lepton)]
    if own.empty:
        known = ", ".join(map(str, table[["m_N", "flavour"]].drop_duplicates().itertuples(index=False, name=None)))
        raise ValueError(f"(m_N, lepton) must be one of {known}, got ({m_N}, {lepton!r})")
    return own["energy"].to_numpy() * GeV, own["flux"].to_numpy()

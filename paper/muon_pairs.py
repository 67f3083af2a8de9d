"""Pairs of muons as a signal of their own: the same N, decayed to ν μ⁺μ⁻, and what Eq. (15) leaves of them.

Begin with `sensitivity`. The paper has neither a selection nor a background for muons: `MUONS` is what stands in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import ANALYSIS_I, Analysis
from darkpkg.experiment.selection import Cuts, Observables
from darkpkg.method.events import PlacedEvents
from darkpkg.method.weights import detected_weight
from darkpkg.physics import decay
from darkpkg.physics.kinematics import rotate_z_to
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.widths import current_integrals
from darkpkg.simulation import simulate
from darkpkg.units import MUON_MASS
from paper.best_limits import limit_of
from paper.causes.counting import error
from paper.spin import into_laboratory, polarisation_axis

Array = NDArray[np.float64]

__all__ = ["MUONS", "MuonCuts", "Sensitivity", "muon_pairs", "of_replicates", "per_electron_pair", "sensitivity"]


@dataclass(frozen=True)
class MuonCuts:
    """The cuts of Eq. (15) on the momenta of muons: the same numbers, but other data."""

    cuts: Cuts = Cuts()

    def passes(self, o: Observables) -> NDArray[np.bool_]:
        """Whether each event passes."""
        return self.cuts.passes(o)


MUONS = replace(ANALYSIS_I.with_selection(cuts=MuonCuts()), name="muon pairs")
"""Analysis I once more, for pairs of muons: its exposure, background, efficiency and systematic error."""


def muon_pairs(events: PlacedEvents, rng: np.random.Generator) -> PlacedEvents:
    """The same N of one pair of masses, decayed to ν μ⁺μ⁻: momenta of muons stand in the columns of the electrons.

    Each N keeps its weight times that of the angles of the muons, whose mean is one. How many there are for each pair
    of electrons is `per_electron_pair`. N is fully polarised, as nuclei without spin make it. Raises `ValueError`
    below the threshold.
    """
    n, m_N, m_Zprime = len(events), float(events.m_N[0]), float(events.m_Zprime[0])
    least = m_Zprime if m_Zprime < m_N else m_N
    if least <= 2 * MUON_MASS:
        raise ValueError(f"m_N and m_Zprime must be above 2 m_μ = {2 * MUON_MASS:.4g}, got {m_N:g} and {m_Zprime:g}")
    s = np.full(n, m_Zprime**2) if m_Zprime < m_N else _squared_masses(m_N, m_Zprime, rng.random(n))
    cos_Z, cos_mu = rng.uniform(-1, 1, (2, n))
    phi_Z, phi_mu = rng.uniform(0, 2 * np.pi, (2, n))
    angles = decay.angular_correlation(s, cos_Z, cos_mu, phi_mu, m_N, MUON_MASS)
    axis = polarisation_axis(events).T
    minus, plus = (
        into_laboratory(np.stack([p[0], *rotate_z_to(axis, p[1:])], axis=-1), events)
        for p in decay.lepton_momenta(m_N, s, cos_Z, phi_Z, cos_mu, phi_mu, MUON_MASS)
    )
    return replace(events, weight=events.weight * angles, p_electron=minus, p_positron=plus)


def _squared_masses(m_N: float, m_Zprime: float, u: Array) -> Array:
    """m_μμ² (n,) of three-body decays, below which the shares ``u`` of them lie."""
    lowest = 4 * MUON_MASS**2
    x = np.linspace(0, 1, 4001)
    s = lowest + (m_N**2 - lowest) * x**2  # the density begins with a root
    density = decay.mass_spectrum(s, m_N, m_Zprime, MUON_MASS) * x
    cumulative = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
    return np.interp(u, cumulative / cumulative[-1], s)


def per_electron_pair(theta: DarkParameters) -> float:
    """Decays of N to muons over those to electrons."""
    parts = current_integrals(theta.m_N, theta.m_Zprime, theta.epsilon)
    return float(parts["muons"] / parts["electrons"])


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Values of |V_μN|² at which nothing counted would exclude, at 90 % for two parameters, along masses m_N (GeV).

    ``without_background`` is that of muons with no background at all; ``passing`` the share of muon pairs whose N
    decays in a chamber that pass the cuts, over that of electron pairs. ``errors`` has the statistical error of each
    of them, by name.
    """

    m_N: Array
    electrons: Array
    muons: Array
    together: Array
    without_background: Array
    passing: Array
    errors: Mapping[str, Array]


def of_replicates(events: PlacedEvents, weight: Array) -> Array:
    """Sums of ``weight`` (n,), (1 + replicates,): of all events, and without each of the replicates of the sample.

    `paper.causes.counting.error` makes the statistical error of them.
    """
    sums = np.bincount(events.replicate, weight)
    n = len(sums)
    return np.concatenate([[sums.sum()], (sums.sum() - sums) * n / (n - 1)])


def sensitivity(base: DarkParameters, m_N: Array, n_events: int = 1 << 13, seed: int = 2205) -> Sensitivity:
    """Sensitivity of Analysis I to pairs of electrons, of muons, and to both, at the other masses of ``base``.

    Muons are counted as in `MUONS`. No event is observed, which is the most likely outcome for either background. The
    other couplings are those of ``base``, where N has to decay at once.
    """
    found = []
    for mass in m_N:
        theta = base.replace(m_N=float(mass))
        events = simulate(theta, n_events, seed)
        muons = muon_pairs(events, np.random.default_rng(seed))
        rate = per_electron_pair(theta)
        expected = zip(_expected(events, theta, ANALYSIS_I), _expected(muons, theta, MUONS), strict=True)
        rows = [
            (
                limit_of(electrons, ANALYSIS_I),
                limit_of(rate * pairs, MUONS),
                limit_of(np.concatenate([electrons, rate * pairs]), ANALYSIS_I + MUONS),
                limit_of(rate * pairs, _without_background(MUONS)),
                pairs.sum() / electrons.sum(),
            )
            for electrons, pairs in expected
        ]
        found.append((rows[0], error(np.array(rows))))
    columns = np.array(found).T  # (quantities, value and error, masses)
    columns[:-1] *= base.V_muN_sq
    names = ("electrons", "muons", "together", "without_background", "passing")
    values, errors = (dict(zip(names, columns[:, i], strict=True)) for i in (0, 1))
    return Sensitivity(m_N, **values, errors=errors)


def _expected(events: PlacedEvents, theta: DarkParameters, analysis: Analysis) -> Array:
    """Expected events (1 + replicates, channels)."""
    weight = detected_weight(events, theta, analysis)
    of_channels = [of_replicates(events, weight * (events.beam == channel.beam)) for channel in analysis.channels]
    return np.stack(of_channels, axis=-1)


def _without_background(analysis: Analysis) -> Analysis:
    channels = (replace(channel, background=(0.0,) * len(channel.background)) for channel in analysis.channels)
    return replace(analysis, channels=tuple(channels))

"""What the detector would measure of an e⁺e⁻ pair, and the cuts of Eq. (15).

Begin with ``Cuts().passes(observables(events))``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from darkpkg.events import Events
from darkpkg.physics.kinematics import invariant_mass, momentum
from darkpkg.units import GeV

Array = NDArray[np.float64]

__all__ = ["Cuts", "Observables", "observables"]


@dataclass(frozen=True, eq=False)
class Observables:
    """The five variables of Eq. (15), one array (n,) each.

    ``energy`` and ``mass`` of the pair in GeV; ``t`` = (E − p_z)² + p_T² of the pair in GeV², which is |t| of
    coherent scattering if nothing else is emitted; ``cos_opening`` between electron and positron; ``cos_beam``
    between pair and beam.
    """

    energy: Array
    mass: Array
    t: Array
    cos_opening: Array
    cos_beam: Array


def observables(events: Events) -> Observables:
    """The observables of all events; nothing is smeared."""
    electron, positron = events.p_electron, events.p_positron
    pair = electron + positron
    across_sq = pair[:, 1] ** 2 + pair[:, 2] ** 2
    scalar_product = (electron[:, 1:] * positron[:, 1:]).sum(axis=-1)
    return Observables(
        energy=pair[:, 0],
        mass=invariant_mass(pair),
        t=(pair[:, 0] - pair[:, 3]) ** 2 + across_sq,
        cos_opening=scalar_product / (momentum(electron) * momentum(positron)),
        cos_beam=pair[:, 3] / momentum(pair),
    )


@dataclass(frozen=True)
class Cuts:
    """Selection of Eq. (15); the defaults are those of Analysis I.

    The paper prints a minus sign in |t|; of a coherent process it is the sum.
    """

    min_energy: float = 0.150 * GeV
    max_mass: float = 0.7 * GeV
    max_t: float = 0.03 * GeV**2
    min_cos_opening: float = 0.0
    min_cos_beam: float = 0.99

    def passes(self, o: Observables) -> NDArray[np.bool_]:
        """Whether each event passes all five cuts."""
        pair = (o.energy > self.min_energy) & (o.mass < self.max_mass) & (o.t < self.max_t)
        return pair & (o.cos_opening > self.min_cos_opening) & (o.cos_beam > self.min_cos_beam)

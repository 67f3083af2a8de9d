"""The decay of N with another spin: what the authors' code does for a light dark photon.

Begin with `reversed_spin`. Its two-body decay has the angle of the pair to the spin with the opposite sign, and the
electrons are even in the rest frame of the pair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from darkpkg.method.events import PlacedEvents
from darkpkg.physics.kinematics import boost, invariant_mass, spherical
from darkpkg.units import ELECTRON_MASS

Array = NDArray[np.float64]

__all__ = ["as_they_are", "even_pairs", "mean_cosine", "reversed_and_even", "reversed_spin"]

SEED = 20522
"""Of the directions of `even_pairs`."""


def as_they_are(events: PlacedEvents) -> PlacedEvents:
    """Nothing is changed."""
    return events


def _in_rest_frame(events: PlacedEvents, p: Array) -> Array:
    """Momenta (n, 4) in the rest frame of N, as (4, n)."""
    back = events.p_N.T * np.array([1, -1, -1, -1])[:, None]
    return np.array(boost(p.T, back, events.m_N))


def reversed_spin(events: PlacedEvents) -> PlacedEvents:
    """The same N, with the momenta of its pair reversed in its rest frame, which reverses the spin."""

    def turn(p: Array) -> Array:
        E, *k = _in_rest_frame(events, p)
        return np.stack(boost((E, *(-c for c in k)), events.p_N.T, events.m_N), axis=-1)

    return replace(events, p_electron=turn(events.p_electron), p_positron=turn(events.p_positron))


def even_pairs(events: PlacedEvents) -> PlacedEvents:
    """The same pairs, with electrons in random directions in the rest frame of each pair."""
    pair = (events.p_electron + events.p_positron).T
    mass = invariant_mass(pair.T)
    rng = np.random.default_rng(SEED)
    x, y, z = np.sqrt(np.maximum(mass**2 / 4 - ELECTRON_MASS**2, 0.0)) * np.array(
        spherical(rng.uniform(-1, 1, len(mass)), rng.uniform(0, 2 * np.pi, len(mass)))
    )
    electron, positron = (
        np.stack(boost((mass / 2, sign * x, sign * y, sign * z), pair, mass), axis=-1) for sign in (1, -1)
    )
    return replace(events, p_electron=electron, p_positron=positron)


def reversed_and_even(events: PlacedEvents) -> PlacedEvents:
    """Both."""
    return even_pairs(reversed_spin(events))


def mean_cosine(events: PlacedEvents, decay: Callable[[PlacedEvents], PlacedEvents] = as_they_are) -> float:
    """Mean cosine of the pair to the flight of N, in the rest frame of N."""
    events = decay(events)
    _, *q = _in_rest_frame(events, events.p_electron + events.p_positron)
    along = (np.array(q) * events.p_N[:, 1:].T).sum(axis=0)
    cosine = along / np.linalg.norm(q, axis=0) / np.linalg.norm(events.p_N[:, 1:], axis=1)
    return float(np.average(cosine, weights=events.weight))

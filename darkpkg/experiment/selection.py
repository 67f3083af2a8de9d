"""What the detector would measure of an e⁺e⁻ pair, the cuts of Eq. (15), and how an event gets into a bin.

Begin with ``Cuts().passes(observables(events))``; a `Selection` is all that an analysis requires of an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.response import HasPairs, PairResponse, SmearableEvents, SmearablePairs, column_in
from darkpkg.inputs import Array, check_kinds, kind_of, real_number, real_numbers, settle, tuple_of
from darkpkg.units import GeV

_LARGEST = 1e75
"""In GeV: squares of squares must stay numbers."""

__all__ = ["Cuts", "Observables", "PairCuts", "Selection", "observables"]


@runtime_checkable
class PlacedPairs(SmearableEvents, Protocol):
    """Events with pairs and vertices."""

    def __len__(self) -> int: ...
    def starts_in(self, modules: Sequence[str]) -> NDArray[np.bool_]: ...


@dataclass(frozen=True, eq=False)
class Observables:
    """The five variables of Eq. (15), one array (n,) each, and all that others can be made of.

    Attributes
    ----------
    energy, mass
        Of the pair, (n,) in GeV.
    t
        (E − p_z)² + p_T² of the pair, (n,) in GeV², which is |t| of coherent scattering if nothing else is emitted.
    cos_opening, cos_beam
        Cosines (n,) within −1 and 1 of the angles between electron and positron, and between pair and beam.
    electron, positron
        Four-momenta (n, 4) in GeV.
    """

    energy: Array
    mass: Array
    t: Array
    cos_opening: Array
    cos_beam: Array
    electron: Array
    positron: Array

    @property
    def azimuth(self) -> Array:
        """Azimuth of the pair around the beam, −π to π."""
        pair = self.electron + self.positron
        return np.arctan2(pair[:, 2], pair[:, 1])

    def inclined(self, angle: float) -> Observables:
        """Those of the same pairs about the z axis of a detector that the beam is inclined to by ``angle``.

        In radians, about the x axis; a positive one has the beam point down.
        """
        angle = real_number("angle", angle, -1e9, 1e9)
        cosine, sine = np.cos(angle), np.sin(angle)
        turn = np.eye(4)
        turn[2:, 2:] = [[cosine, sine], [-sine, cosine]]
        return _of_momenta(self.electron @ turn, self.positron @ turn)


def observables(events: HasPairs) -> Observables:
    """The observables of all pairs as they are; nothing is smeared.

    Parameters
    ----------
    events
        With four-momenta ``p_electron`` and ``p_positron`` (n, 4) in GeV.

    Returns
    -------
    Observables
        Arrays (n,). An angle to what is at rest is nan, and passes no cut.

    Raises
    ------
    TypeError, ValueError
        For events without momenta, and momenta that are not finite or no four-vectors.

    Examples
    --------
    >>> from darkpkg.experiment.response import Pairs
    >>> pair = Pairs(np.array([[0.5, 0.0, 0.3, 0.4]]), np.array([[0.5, 0.0, -0.3, 0.4]]))
    >>> observables(pair).mass.round(6).tolist()
    [0.6]
    """
    electron, positron = (column_in(events, name) for name in ("p_electron", "p_positron"))
    if len(electron) != len(positron):
        raise ValueError(
            f"p_electron and p_positron must be of the same length, got {len(electron)}, {len(positron)}"
        )
    return _of_momenta(electron, positron)


_AT_ONCE = 1 << 13
"""Events whose columns stay in the cache of a core."""


def _of_momenta(electron: Array, positron: Array) -> Observables:
    energy, mass, t, cos_opening, cos_beam = np.empty((5, len(electron)))
    for begin in range(0, len(electron), _AT_ONCE):
        rows = slice(begin, begin + _AT_ONCE)
        one, other = (np.ascontiguousarray(p[rows].T) for p in (electron, positron))
        pair, product = one + other, one * other
        E_sq, x_sq, y_sq, z_sq = np.square(pair)
        lengths = [np.sqrt(p[1] ** 2 + p[2] ** 2 + p[3] ** 2) for p in (one, other)]
        energy[rows] = pair[0]
        mass[rows] = np.sqrt(np.maximum(E_sq - x_sq - y_sq - z_sq, 0.0))
        t[rows] = (pair[0] - pair[3]) ** 2 + x_sq + y_sq
        cos_opening[rows] = _cosine(product[1] + product[2] + product[3], lengths[0] * lengths[1])
        cos_beam[rows] = _cosine(pair[3], np.sqrt(x_sq + y_sq + z_sq))
    return Observables(energy, mass, t, cos_opening, cos_beam, electron, positron)


def _cosine(product: Array, lengths: Array) -> Array:
    """Not beyond ±1 by rounding; nan where nothing has a direction."""
    if not lengths.min() > 0:
        lengths = np.where(lengths > 0, lengths, np.nan)
    return np.clip(product / lengths, -1.0, 1.0)


@runtime_checkable
class PairCuts(Protocol):
    """Cuts of your own: an object that can be compared and hashed, as frozen dataclasses can.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Upwards:
    ...     others: PairCuts = Cuts()
    ...     def passes(self, o):
    ...         return self.others.passes(o) & (o.azimuth > 0)
    >>> ANALYSIS_I.with_selection(cuts=Upwards()).selection.cuts
    Upwards(others=Cuts(...))
    """

    def passes(self, o: Observables, /) -> NDArray[np.bool_]:
        """Whether each event passes: (n,) truth values."""


@dataclass(frozen=True)
class Cuts:
    """Selection of Eq. (15); the defaults are those of Analysis I.

    The paper prints a minus sign in |t|; of a coherent process it is the sum.

    Parameters
    ----------
    min_energy, max_mass
        Bounds of energy and mass of the pair in GeV.
    max_t
        Bound of |t| in GeV².
    min_cos_opening, min_cos_beam
        Bounds of the cosines of the two angles.
    beam_tilt
        Angles and |t| are about the beam, as in the paper, or about the z axis of a detector that is inclined to it
        by as many radians: 1.6 degrees in ND280, which takes a tenth of the events of benchmark B.
    """

    min_energy: float = 0.150 * GeV
    max_mass: float = 0.7 * GeV
    max_t: float = 0.03 * GeV**2
    min_cos_opening: float = 0.0
    min_cos_beam: float = 0.99
    beam_tilt: float = 0.0

    def __post_init__(self) -> None:
        settle(self, **dict.fromkeys(vars(self), real_number))

    def passes(self, o: Observables) -> NDArray[np.bool_]:
        """Whether each event passes all five cuts."""
        check_kinds(o=(o, Observables))
        o = o.inclined(self.beam_tilt) if self.beam_tilt else o
        pair = (o.energy > self.min_energy) & (o.mass < self.max_mass) & (o.t < self.max_t)
        return pair & (o.cos_opening > self.min_cos_opening) & (o.cos_beam > self.min_cos_beam)


@dataclass(frozen=True)
class Selection:
    """What an analysis requires of an event, and the bin that it puts it into.

    Other bins, and an efficiency of each event, are a frozen subclass with its own `n_bins` and `accepted`.

    Parameters
    ----------
    decay_modules
        Modules in whose fiducial volumes N must decay.
    efficiency
        What remains of all that is selected, above zero and up to one.
    cuts
        `Cuts` or any `PairCuts`, on the pair as reconstructed by ``response`` if there is one; none by default.
    vertex_modules
        Modules in whose fiducial volumes N must have been produced; anywhere by default.
    mass_edges
        Edges of bins in the mass of that pair in GeV, the last one open above: it holds the overflow. Without edges
        there is one bin.
    response
        What the detector reconstructs of the pair; without, the true pair.

    Raises
    ------
    TypeError, ValueError
        For what is of another kind, a module named twice, edges that do not increase, and no decay module.
    """

    decay_modules: tuple[str, ...]
    efficiency: float = 1.0
    cuts: PairCuts | None = None
    vertex_modules: tuple[str, ...] = ()
    mass_edges: tuple[float, ...] = ()
    response: PairResponse | None = None

    def __post_init__(self) -> None:
        settle(self, decay_modules=_names, vertex_modules=_names, mass_edges=_edges, efficiency=real_number)
        settle(self, cuts=(PairCuts, None), response=(PairResponse, None))
        if not 0 < self.efficiency <= 1:
            raise ValueError(f"efficiency must be in (0, 1], got {self.efficiency}")
        if not self.decay_modules:
            raise ValueError("decay_modules must name at least one module in which decays are detected")

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return max(len(self.mass_edges) - 1, 1)

    def accepted(self, events: PlacedPairs) -> tuple[NDArray[np.int64], Array]:
        """`bins` of n events and the efficiency of each, zero for those that are not selected: two arrays (n,)."""
        bins = self.bins(events)
        return bins, np.multiply(bins >= 0, self.efficiency, dtype=float)

    def bins(self, events: PlacedPairs) -> NDArray[np.int64]:
        """The bin of each event, −1 if it is not selected. Where N decays is left to the lifetime weight.

        Parameters
        ----------
        events
            n events with a vertex, as `darkpkg.place` makes them.

        Returns
        -------
        array
            Whole numbers (n,).

        Raises
        ------
        TypeError, ValueError
            For events of another kind, and cuts that give no truth values.
        """
        check_kinds(events=(events, PlacedPairs))
        bins = np.full(len(events), -1)
        chosen: Any = slice(None)
        pairs: SmearableEvents = events
        if self.vertex_modules:
            chosen = np.flatnonzero(events.starts_in(self.vertex_modules))
            pairs = SmearablePairs(*(column_in(events, name, chosen) for name in SmearablePairs._fields))
        seen = observables(self.response.smear(pairs) if self.response else pairs)
        passed = np.ones(len(seen.mass), dtype=bool) if self.cuts is None else np.asarray(self.cuts.passes(seen))
        if passed.dtype != bool or passed.shape != seen.mass.shape:
            found = f"{kind_of(passed)} of shape {passed.shape}"
            raise ValueError(
                f"passes of cuts must give a truth value for each of {len(seen.mass)} events, got {found}"
            )
        if self.mass_edges:
            bin_of = np.minimum(np.searchsorted(self.mass_edges, seen.mass, side="right") - 1, self.n_bins - 1)
            bins[chosen] = np.where(passed, bin_of, -1)
        else:
            bins[chosen] = np.subtract(passed, 1, dtype=np.int64)
        return bins


def _names(name: str, value: Any) -> tuple[str, ...]:
    names = tuple_of(name, value, str)
    if len(set(names)) < len(names):
        raise ValueError(f"{name} must hold each entry once, as a tuple, got {names!r}")
    return names


def _edges(name: str, value: Any) -> tuple[float, ...]:
    edges = real_numbers(name, value, -_LARGEST, _LARGEST)
    if edges.ndim != 1 or len(edges) == 1 or not np.all(np.diff(edges) > 0):
        raise ValueError(f"{name} must increase from the first to the last, got {value}")
    return tuple(edges.tolist())

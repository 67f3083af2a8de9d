"""What MiniBooNE prefers and MicroBooNE and T2K exclude, alone and together. Begin with `compare` and `plane`.

All points have the couplings of arXiv:2308.02543 (`paper.booster.fit`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.experiment.analysis import ANALYSIS_I
from darkpkg.inference.likelihood import log_likelihood
from darkpkg.inputs import one_of
from darkpkg.method.estimators import Kernel
from darkpkg.method.expectation import Expectation
from darkpkg.method.interface import Predicts
from darkpkg.method.table import load_table
from darkpkg.physics.model import DarkParameters
from darkpkg.simulation import simulate
from paper.booster import counts, fit, microboone, miniboone, rates

Array = NDArray[np.float64]

LEVELS = (0.90, 0.95)

PLANES = ("m_N, V_muN_sq", "m_Zprime, epsilon", "m_N, m_Zprime")

FIXED = {"light": {"m_N": 0.1, "m_Zprime": 0.03}, "heavy": {"m_N": 0.1, "m_Zprime": 1.25}}
"""Masses in GeV where a plane has none: those of benchmarks A and B."""

_AT_ONCE = 1000


@functools.cache
def estimators() -> Mapping[str, Predicts]:
    """Of the stored rates, and of T2K on whole nuclei alone, as in the paper."""
    stored = rates.load()
    return {"MiniBooNE": stored, "MicroBooNE": stored, "T2K": load_table()}


Estimators = Mapping[str, Predicts] | None
"""By experiment; by default `estimators`."""


def miniboone_chi_squared(theta: DarkParameters, modes: Any = counts.MODES, by: Estimators = None) -> Array:
    """χ² of MiniBooNE's counts at points of any shape."""
    own = counts.likelihood(modes)
    found = (by or estimators())["MiniBooNE"].events(theta, miniboone.analysis(modes))
    mean, variance = (one.reshape(-1, one.shape[-1]) for one in (found.mean, found.variance))
    parts = np.array_split(np.arange(len(mean)), max(len(mean) // _AT_ONCE, 1))
    return np.concatenate([own.chi_squared(mean[i], variance[i]) for i in parts]).reshape(found.mean.shape[:-1])


def microboone_log_likelihood(theta: DarkParameters, by: Estimators = None, low: bool = False) -> Array:
    """ln L of MicroBooNE's count over that without a signal, with the errors of `microboone.likelihood`.

    At the ``low`` end is the smallest of the ways to leave a factor of the efficiency out, in the fiducial volume.
    """
    own = microboone.likelihood()
    ways = [microboone.analysis(name) for name in ("", *microboone.VARIABLES)][: None if low else 1]
    estimator = (by or estimators())["MicroBooNE"]
    mean = np.stack([estimator.events(theta, one).mean for one in ways]).min(axis=0)
    if low:
        mean = fiducial_share() * mean
    return np.asarray(-0.5 * own.chi_squared(mean) + 0.5 * own.chi_squared(np.zeros(1)))


def fiducial_share() -> float:
    """Fiducial over active volume of MicroBooNE's TPC, the former assumed."""
    tpc = microboone.detector("fiducial")["TPC"]
    assert tpc.fiducial is not None
    return float(tpc.fiducial.volume / tpc.active.volume)


def t2k_log_likelihood(theta: DarkParameters, by: Estimators = None) -> Array:
    """ln L of T2K's Analysis I over that without a signal, by the paper's likelihood."""
    nothing = Expectation(np.zeros(2), np.zeros(2))
    value = log_likelihood((by or estimators())["T2K"].events(theta, ANALYSIS_I), ANALYSIS_I)
    return np.asarray(value - log_likelihood(nothing, ANALYSIS_I))


SEARCHES: Mapping[str, Callable[[DarkParameters, Estimators], Array]] = {
    "T2K": t2k_log_likelihood,
    "MicroBooNE": microboone_log_likelihood,
    "MicroBooNE, low": functools.partial(microboone_log_likelihood, low=True),
}
"""ln L of points over that without a signal, by name."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """MiniBooNE's χ² and ln L of `SEARCHES` over a grid whose last axis is a coupling; nan for the other mediator."""

    chi_squared: Array
    searches: Mapping[str, Array]

    def height(self, name: str, cl: float) -> Array:
        """`fit.height` of a search, or of several joined by `` + ``."""
        return fit.height(np.sum([self.searches[one] for one in name.split(" + ")], axis=0), cl)

    def excluded(self, name: str, cl: float) -> NDArray[np.bool_]:
        """Whether each point is excluded, by either of two searches joined by `` or ``; not where it is nan."""
        if " or " in name:
            return np.logical_or.reduce([self.excluded(one, cl) for one in name.split(" or ")])
        return np.nan_to_num(self.height(name, cl), nan=-1.0) > 0

    def inside(self, sigma: float, n_parameters: int) -> NDArray[np.bool_]:
        """Points whose χ² lies within so many sigma of the least one."""
        limit = np.nanmin(self.chi_squared) + fit.threshold(sigma, n_parameters)
        return np.nan_to_num(self.chi_squared, nan=np.inf) < limit


def compare(
    mediator: str,
    m_N: ArrayLike,
    m_Zprime: ArrayLike,
    epsilon: ArrayLike,
    U_mu4: ArrayLike,
    modes: Any = counts.MODES,
    by: Estimators = None,
) -> Comparison:
    """All experiments at points whose numbers broadcast; couplings increase along the last axis."""
    every = np.broadcast_arrays(m_N, m_Zprime, epsilon, U_mu4)
    own = (every[1] < every[0]) == (one_of("mediator", mediator, fit.MEDIATORS) == "light")
    N, Z, e, U = (one[own] for one in every)
    theta = fit.SPACES[mediator].parameters(N, Z, U).replace(epsilon=e)

    def spread(values: Array) -> Array:
        found = np.full(own.shape, np.nan)
        found[own] = values
        return found

    searches = {name: spread(of(theta, by)) for name, of in SEARCHES.items()}
    return Comparison(spread(miniboone_chi_squared(theta, modes, by)), searches)


def over_space(
    mediator: str,
    shape: tuple[int, int, int],
    modes: Any = counts.MODES,
    by: Estimators = None,
    offset: tuple[float, float, float] = (0.5, 0.5, 0.5),
) -> Comparison:
    """All experiments in equal cells of a space, (m_N, m_Z′, U_μ4): in their middles, or elsewhere in each alike.

    ``offset`` is in parts of a cell. A share of cells with a random one has no bias.
    """
    space = fit.SPACES[mediator]
    ends = (space.m_N, space.m_Zprime, space.U_mu4)
    places = [(np.arange(n) + one) / n for n, one in zip(shape, offset, strict=True)]
    m_N, m_Zprime, U = (a * (b / a) ** place for (a, b), place in zip(ends, places, strict=True))
    return compare(mediator, m_N[:, None, None], m_Zprime[:, None], space.epsilon, U, modes, by)


@dataclass(frozen=True, eq=False)
class Plane:
    """Δχ² of MiniBooNE, and heights of the searches at both `LEVELS`, over x (a,) and y (b,): arrays (a, b)."""

    name: str
    x: Array
    y: Array
    delta: Array
    heights: Mapping[tuple[str, float], Array]


def _best_place(chi_sq: Array) -> Array:
    """Where along the last axis χ² is least, between points by a parabola through three: (…)."""
    _, at = fit.profiled(chi_sq)
    at = np.clip(at, 1, chi_sq.shape[-1] - 2)
    left, here, right = (np.take_along_axis(chi_sq, (at + k)[..., None], axis=-1)[..., 0] for k in (-1, 0, 1))
    curvature = left - 2 * here + right
    off = np.divide(left - right, 2 * curvature, out=np.zeros(at.shape), where=curvature > 0)
    return at + np.clip(off, -0.5, 0.5)


def _at_place(values: Array, place: Array) -> Array:
    """Values (…, c) at places along the last axis, by straight lines."""
    low = np.clip(np.floor(place).astype(int), 0, values.shape[-1] - 2)
    a, b = (np.take_along_axis(values, (low + k)[..., None], axis=-1)[..., 0] for k in (0, 1))
    return a + (place - low) * (b - a)


DRAWN = ("T2K", "MicroBooNE", "T2K + MicroBooNE")


def plane(mediator: str, name: str, n: int = 40) -> Plane:
    """One of `PLANES` with n points along each axis.

    Masses that it has not are `FIXED`; of the couplings, ε is that of the space, and in the plane of m_Z′ and ε U_μ4
    is that of the least χ² in the first plane. In the plane of both masses the coupling is the best for MiniBooNE.
    """
    space, at = fit.SPACES[mediator], FIXED[mediator]
    U = np.geomspace(*space.U_mu4, 3 * n)
    m_N, m_Zprime = (np.geomspace(*ends, n) for ends in (space.m_N, space.m_Zprime))
    if one_of("plane", name, PLANES) == "m_N, V_muN_sq":
        y = (U / 2) ** 2
        return _plane(name, m_N, y, compare(mediator, m_N[:, None], at["m_Zprime"], *_couplings(mediator, name, y)))
    if name == "m_Zprime, epsilon":
        y = space.epsilon * np.geomspace(0.01, 100, 2 * n)
        light = m_Zprime < at["m_N"]
        m_Zprime = m_Zprime[light] if mediator == "light" else m_Zprime[~light]
        found = compare(mediator, at["m_N"], m_Zprime[:, None], *_couplings(mediator, name, y))
        return _plane(name, m_Zprime, y, found)
    found = compare(mediator, m_N[:, None, None], m_Zprime[:, None], space.epsilon, U)
    return _plane(name, m_N, m_Zprime, found, profiled=True)


@functools.cache
def _best_coupling(mediator: str) -> float:
    space = fit.SPACES[mediator]
    U = np.geomspace(*space.U_mu4, 120)
    along = compare(mediator, *FIXED[mediator].values(), space.epsilon, U)
    return float(U[np.nanargmin(along.chi_squared)])


def _couplings(mediator: str, name: str, y: Array) -> tuple[ArrayLike, ArrayLike]:
    """ε and U_μ4 along the coupling of a plane."""
    if name == "m_N, V_muN_sq":
        return fit.SPACES[mediator].epsilon, 2 * np.sqrt(y)
    return y, _best_coupling(mediator)


def dedicated_edges(mediator: str, one: Plane, i: int, n_neutrinos: int = 2**13) -> Iterator[tuple[float, float]]:
    """Where T2K's exclusion at 95 % begins and ends at ``one.x[i]``, to 1 %, by a simulation at each such (x, y).

    The plane has a coupling along y, and says near which values it is simulated.
    """
    x, space = float(one.x[i]), fit.SPACES[mediator]
    masses = FIXED[mediator] | {one.name.partition(",")[0]: x}
    for k in np.flatnonzero(np.diff(np.sign(one.heights["T2K", 0.95][i]))):
        y = np.append(one.y[k], one.y[k] * np.geomspace(1 / 3, 3, 121))
        epsilon, U = np.broadcast_arrays(*_couplings(mediator, one.name, y))
        here, around = (
            space.parameters(masses["m_N"], masses["m_Zprime"], U[own]).replace(epsilon=epsilon[own])
            for own in (0, slice(1, None))
        )
        estimate = Kernel(simulate(here, n_neutrinos, seed=29))
        excluded = fit.height(t2k_log_likelihood(around, {"T2K": estimate}), 0.95) > 0
        for j in 1 + np.flatnonzero(np.diff(excluded)):
            yield x, float(np.sqrt(y[j] * y[j + 1]))


def _plane(name: str, x: Array, y: Array, found: Comparison, profiled: bool = False) -> Plane:
    chi_sq = found.chi_squared
    heights = {(one, cl): found.height(one, cl) for one in DRAWN for cl in LEVELS}
    if profiled:
        least, _ = fit.profiled(chi_sq)
        where = _best_place(chi_sq)
        chi_sq, heights = least, {key: _at_place(one, where) for key, one in heights.items()}
    return Plane(name, x, y, chi_sq - np.nanmin(chi_sq), heights)

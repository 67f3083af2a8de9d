"""What MiniBooNE prefers and MicroBooNE and T2K exclude, alone and together. Begin with `compare` and `plane`.

All points have the couplings of arXiv:2308.02543 (`paper.booster.fit`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    ways = ("", *microboone.VARIABLES) if low else ("",)
    estimator = (by or estimators())["MicroBooNE"]
    mean = np.stack([estimator.events(theta, microboone.analysis(one)).mean for one in ways]).min(axis=0)
    return _of_pairs(fiducial_share() * mean if low else mean)


def _of_pairs(mean: Array) -> Array:
    """ln L of MicroBooNE's count for so many expected pairs (…, 1), over that without."""
    own = microboone.likelihood()
    return np.asarray(-0.5 * own.chi_squared(mean) + 0.5 * own.chi_squared(np.zeros(1)))


def left_by_microboone(
    mediator: str, inside: NDArray[np.bool_], factors: Sequence[float], leave_out: str = "", cl: float = 0.95
) -> list[float]:
    """Share of the cells ``inside`` that the search leaves if it selects so many times the pairs of its recast.

    Cells are those of `over_space`. ``leave_out`` is a factor of the efficiency, as in `microboone.analysis`.
    """
    space = fit.SPACES[mediator]
    m_N, m_Zprime, U = space.grid(*inside.shape)
    rows, columns = np.nonzero(inside.any(axis=-1))
    theta = space.parameters(m_N[rows][:, None], m_Zprime[columns][:, None], U)
    pairs = estimators()["MicroBooNE"].events(theta, microboone.analysis(leave_out)).mean
    excluded = [fit.height(_of_pairs(factor * pairs), cl) > 0 for factor in factors]
    return [fit.share_left(inside[rows, columns], one) for one in excluded]


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
        return fit.height(self.sum_of(name), cl)

    def sum_of(self, name: str) -> Array:
        """ln L of a search, or of several joined by `` + ``."""
        return np.sum([self.searches[one] for one in name.split(" + ")], axis=0)

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


DRAWN = ("T2K", "MicroBooNE", "T2K + MicroBooNE")


def plane(mediator: str, name: str, n: int = 40) -> Plane:
    """One of `PLANES` with n points along each axis.

    Masses that it has not are `FIXED`; of the couplings, ε is that of the space, and in the plane of m_Z′ and ε U_μ4
    is that of the least χ² in the first plane. In the plane of both masses the coupling is the best for MiniBooNE.
    """
    space, at = fit.SPACES[mediator], FIXED[mediator]
    m_N, m_Zprime = (np.geomspace(*ends, n) for ends in (space.m_N, space.m_Zprime))
    if one_of("plane", name, PLANES) == "m_N, V_muN_sq":
        y = (np.geomspace(*space.U_mu4, 9 * n) / 2) ** 2
        return _plane(name, m_N, y, compare(mediator, m_N[:, None], at["m_Zprime"], *_couplings(mediator, name, y)))
    if name == "m_Zprime, epsilon":
        y = space.epsilon * np.geomspace(0.01, 100, 6 * n)
        light = m_Zprime < at["m_N"]
        m_Zprime = m_Zprime[light] if mediator == "light" else m_Zprime[~light]
        found = compare(mediator, at["m_N"], m_Zprime[:, None], *_couplings(mediator, name, y))
        return _plane(name, m_Zprime, y, found)
    return _at_best_coupling(mediator, name, m_N, m_Zprime, np.geomspace(*space.U_mu4, 3 * n))


def _at_best_coupling(mediator: str, name: str, m_N: Array, m_Zprime: Array, U: Array) -> Plane:
    """The plane of both masses, with the coupling that is best for MiniBooNE.

    A step of ``U`` (c,) can change the events of a heavy Z′ by a half. So there are more couplings around the best
    one of MiniBooNE and of each search at each point, and that of the plane is where a parabola through χ² is least.
    """

    def at(U: Array) -> Comparison:
        return compare(mediator, m_N[:, None, None], m_Zprime[:, None], fit.SPACES[mediator].epsilon, U)

    def around_best(value: Array) -> Array:
        best = U[np.where(np.isnan(value), -np.inf, value).argmax(axis=-1)]
        return best[..., None] * (U[1] / U[0]) ** np.linspace(-1, 1, 13)[1:-1]

    coarse = at(U)
    near = around_best(-coarse.chi_squared)
    fine = at(near)
    best = _place_of_least(np.log(near), fine.chi_squared)
    more = np.concatenate([np.exp(best)[..., None], *(around_best(coarse.sum_of(one)) for one in DRAWN)], axis=-1)
    last = at(more)
    couplings = np.concatenate([np.broadcast_to(U, (*best.shape, len(U))), near, more], axis=-1)
    order = couplings.argsort(axis=-1)
    searches = {
        one: np.take_along_axis(
            np.concatenate([part.searches[one] for part in (coarse, fine, last)], axis=-1), order, -1
        )
        for one in SEARCHES
    }
    every = Comparison(last.chi_squared[..., :1], searches)
    place = (order == len(U) + near.shape[-1]).argmax(axis=-1)[..., None]
    heights = {
        (one, cl): np.take_along_axis(every.height(one, cl), place, axis=-1)[..., 0] for one in DRAWN for cl in LEVELS
    }
    chi_sq = every.chi_squared[..., 0]
    return Plane(name, m_N, m_Zprime, chi_sq - np.nanmin(chi_sq), heights)


def _place_of_least(x: Array, value: Array) -> Array:
    """Where along the last axis a value is least, by a parabola through three points at equal steps of x: (…)."""
    inside = np.where(np.isnan(value), np.inf, value)[..., 1:-1]
    at = 1 + inside.argmin(axis=-1)
    left, here, right = (np.take_along_axis(value, (at + k)[..., None], axis=-1)[..., 0] for k in (-1, 0, 1))
    curvature = left - 2 * here + right
    off = np.divide(left - right, 2 * curvature, out=np.zeros(at.shape), where=curvature > 0)
    step = x[..., 1] - x[..., 0]
    return np.take_along_axis(x, at[..., None], axis=-1)[..., 0] + np.clip(off, -1, 1) * step


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

    The plane has a coupling along y, and the values near which it is simulated.
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


def _plane(name: str, x: Array, y: Array, found: Comparison) -> Plane:
    chi_sq = found.chi_squared
    heights = {(one, cl): found.height(one, cl) for one in DRAWN for cl in LEVELS}
    return Plane(name, x, y, chi_sq - np.nanmin(chi_sq), heights)

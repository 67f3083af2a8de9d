r"""Smooth a weighted sample over its parameters: predict at a point what events simulated around it say.

Begin with `reweight`, for any simulation whose parameters were sampled from a known density. An event i has
parameters θ_i, drawn from the density p, and a weight w_i whose mean at θ_i is the rate f(θ_i). Then

.. math:: \hat f(\theta) = \frac1n\sum_i \frac{g(\theta)}{g(\theta_i)}\,\frac{w_i}{p(\theta_i)}\,
          K(\theta-\theta_i)\,\Bigl(c_0 + \sum_j c_j\,\Delta_{ij}/h_j\Bigr), \qquad \Delta_i = \theta_i-\theta .

The slope g is a guess of how f varies, divided out before smoothing and multiplied in after. As p is known, so are
the moments of K over the sampled region, and with them c: far from every edge c = (1, 0, …). At an edge a
local-constant estimate (order 0) divides by the mass of the kernel inside, and a local-linear one (order 1) also
takes away what a lopsided kernel would make of a slope: W. Härdle, M. Müller et al., Nonparametric and
Semiparametric Models (2004), chapter 4, with the design density known. It knows nothing of physics.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from darkpkg.inputs import check_kinds, real_numbers
from darkpkg.method.expectation import FEW_EVENTS, Expectation, FewEventsWarning
from darkpkg.method.kernels import EPANECHNIKOV, KERNELS, Inside, Kernel

Array = NDArray[np.float64]

__all__ = [
    "PAPER_SMOOTHING",
    "PROGRAM_SMOOTHING",
    "SMOOTHING",
    "SMOOTHINGS",
    "Smoothing",
    "reweight",
]

WIDER = np.sqrt(2.0)
"""The second bandwidth, in units of the first, that shows the bias: it has twice the bias of the first, so that the
difference of the two estimates is the bias of the first."""


@dataclass(frozen=True, eq=False)
class Smoothing:
    """How a sample is smoothed over its parameters.

    Parameters
    ----------
    bandwidth
        δ of the kernel: one for all parameters, one for each, or an array θ.shape + (d,) with one for each point. In
        the logarithm of a parameter where ``log`` holds.
    kernel
        Its shape, such as `EPANECHNIKOV`.
    order
        0 for a local-constant, 1 for a local-linear estimate. They differ within a bandwidth of an edge.
    slope
        What is divided out before smoothing: ``"density"``, 1 over the density that the parameters were sampled with,
        which was chosen to make the product flat; None, as in Eq. (25) of the paper; or a power of each parameter,
        such as ``(0, -4)`` for a rate that falls with the fourth power of the second.
    log
        Whether distances are those of logarithms, for all parameters or one for each.
    """

    bandwidth: Any = (0.15, 0.6)
    kernel: Kernel = EPANECHNIKOV
    order: int = 1
    slope: str | tuple[float, ...] | None = "density"
    log: bool | tuple[bool, ...] = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        h = real_numbers("bandwidth", self.bandwidth, positive=True)
        if not h.size:
            raise ValueError(f"bandwidth must be positive and finite, got {self.bandwidth}")
        if isinstance(self.order, bool) or not isinstance(self.order, Integral) or self.order not in (0, 1):
            raise ValueError(f"order must be 0, local constant, or 1, local linear, got {self.order!r}")
        for one in self.log if isinstance(self.log, tuple) and self.log else (self.log,):
            check_kinds(log=(one, (bool, np.bool_)))
        if isinstance(self.slope, str) and self.slope != "density":
            raise ValueError(f"slope must be 'density', None or a power of each parameter, got {self.slope!r}")
        if not isinstance(self.kernel, Kernel):
            raise TypeError(
                f"kernel must be one of darkpkg.kernels.KERNELS, {', '.join(KERNELS)}, got {self.kernel!r}"
            )
        if self.slope is not None and not isinstance(self.slope, str):
            powers = real_numbers("slope", self.slope)
            if powers.ndim != 1 or not np.all(np.isfinite(powers)):
                raise ValueError(f"slope must be 'density', None or a power of each parameter, got {self.slope!r}")
            object.__setattr__(self, "slope", tuple(powers.tolist()))
        object.__setattr__(self, "bandwidth", float(h) if h.ndim == 0 else tuple(h.tolist()) if h.ndim == 1 else h)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Smoothing):
            return NotImplemented
        mine, others = ((s.kernel, s.order, s.slope, s.log) for s in (self, other))
        return mine == others and np.array_equal(self.bandwidth, other.bandwidth)

    def __hash__(self) -> int:
        return hash((self.kernel, self.order, self.slope))

    def scaled(self, factor: ArrayLike) -> Smoothing:
        """The same with bandwidths ``factor`` times as large: a number, or one for each point."""
        factor = real_numbers("factor", factor, positive=True)
        wide = factor * np.asarray(self.bandwidth) if factor.ndim == 0 else factor[..., None] * self.bandwidth
        return replace(self, bandwidth=wide)

    def bandwidths(self, shape: tuple[int, ...], dim: int) -> Array:
        """The bandwidth at each of the points of ``shape``, as an array of shape ``(*shape, d)``."""
        h = np.asarray(self.bandwidth)
        if h.ndim == 1 and h.shape[0] != dim:
            raise ValueError(f"bandwidth must be one for each of {dim} parameters, got {self.bandwidth}")
        try:
            return np.broadcast_to(h, (*shape, dim))
        except ValueError:
            raise ValueError(
                f"bandwidth must have the shape of the points, {shape}, and {dim} parameters, got {h.shape}"
            ) from None

    def coordinates(self, theta: Array) -> Array:
        """Parameters (..., d) as the kernel measures them: logarithms where ``log`` holds."""
        log = np.broadcast_to(self.log, theta.shape[-1])
        if np.any(theta[..., log] <= 0):
            raise ValueError(f"a logarithm needs positive parameters, got {theta[..., log].min()}")
        return np.where(log, np.log(np.where(log, theta, 1.0)), theta)

    def parameters(self, coordinates: Array) -> Array:
        """Back from `coordinates`."""
        log = np.broadcast_to(self.log, coordinates.shape[-1])
        return np.where(log, np.exp(np.where(log, coordinates, 0.0)), coordinates)

    def level(self, theta: Array, density: Callable[[Array], Array]) -> Array:
        """g of parameters (..., d), up to a constant; ``density`` gives the density in the kernel's coordinates."""
        if self.slope is None:
            return np.ones(theta.shape[:-1])
        if isinstance(self.slope, str):
            return 1 / density(theta)
        if len(self.slope) != theta.shape[-1]:
            raise ValueError(f"slope must have a power for each of {theta.shape[-1]} parameters, got {self.slope}")
        return np.prod(theta ** np.array(self.slope), axis=-1)

    def coefficients(self, centres: Array, h: Array, inside: Inside) -> Array:
        """c for centres (p, d) with bandwidths (p, d), in the kernel's coordinates: (p, 1 + d).

        ``inside`` says which points belong to the sampled region; the centres must.
        """
        moments = self.kernel.moments_inside(centres, h, inside)
        c = np.zeros((len(centres), 1 + centres.shape[1]))
        if self.order == 0:
            c[:, 0] = 1 / moments[:, 0, 0]
            return c
        unit = np.eye(1 + centres.shape[1])[:, :1]
        return np.linalg.solve(moments, np.broadcast_to(unit, (len(centres), *unit.shape)))[..., 0]


SMOOTHING = Smoothing()
"""The default, recommended for the samples of `darkpkg.HEAVY` and `darkpkg.LIGHT` by the closure chapter."""

PAPER_SMOOTHING = Smoothing(0.005, order=0, slope=None)
"""The settings that the text of the paper gives: δ = 0.005 in logarithmic distance, and q at each event."""

PROGRAM_SMOOTHING = Smoothing(0.1 * np.log(10), order=0, slope=None)
"""The bandwidth of the public program behind the paper, 0.1 in decimal logarithms; its norm is 0.929 of the right
one, which is left right here."""

SMOOTHINGS: Mapping[str, Smoothing] = {
    "recommended": SMOOTHING,
    "paper": PAPER_SMOOTHING,
    "program": PROGRAM_SMOOTHING,
}
"""Settings by name."""


def reweight(
    theta: ArrayLike,
    sample_theta: ArrayLike,
    weights: ArrayLike,
    observables: Any = None,
    kernel: Smoothing = SMOOTHING,
    density: Callable[[Array], ArrayLike] | None = None,
) -> Expectation:
    """Rates at any points of parameter space from one weighted sample over all of it.

    Parameters
    ----------
    theta
        Where to predict: (..., d), or any shape if there is one parameter and ``sample_theta`` is (n,).
    sample_theta
        Parameters of the n events, (n, d) or (n,).
    weights
        (n,) weights, normalised so that the mean weight of events at one θ is the rate there.
    observables
        What to sum: (n,) or (n, m) factors of the weights, for instance 1 in the bin of a histogram that an event
        falls into and 0 elsewhere, or probabilities. A function ``observables(theta, index)`` gives them for the
        events ``index`` at the point ``theta``, where they depend on it. None counts.
    kernel
        How to smooth. Mind the bandwidth: the default is that of the dark-neutrino sample.
    density
        Density that ``sample_theta`` was drawn from, a function of parameters of the shape of ``sample_theta``, per
        unit of each parameter, with integral one; zero outside the sampled region, which tells the kernel its edges.

    Returns
    -------
    Expectation
        Arrays of shape points + (m,).

    Raises `ValueError` for shapes that do not fit, for weights that are not finite, and for points outside the
    sampled region. Warns (`FewEventsWarning`) where fewer than `FEW_EVENTS` effective events remain.

    >>> rng = np.random.default_rng(1)
    >>> tau = rng.uniform(1, 3, 100_000)                                   # lifetimes, one for each event
    >>> late = rng.exponential(tau) > 2                                    # what the experiment sees
    >>> seen = reweight(2.0, tau, np.ones(100_000), late, Smoothing(0.3), lambda t: ((1 < t) & (t < 3)) / 2)
    >>> bool(abs(seen.mean[0] - np.exp(-1)) < 4 * seen.error[0])
    True
    """
    if density is None:
        raise TypeError("density must be given: the function that sample_theta was drawn from")
    check_kinds(kernel=(kernel, Smoothing), density=(density, Callable))
    sample, points, one_dimensional = _parameters(sample_theta, theta)
    weights = real_numbers("weights", weights, -np.finfo(float).max, np.finfo(float).max)
    n, dim = sample.shape
    if weights.shape != (n,):
        raise ValueError(f"weights must have the shape ({n},) of sample_theta, got {weights.shape}")
    if observables is not None and not callable(observables):
        observables = _factors(observables, n)

    def density_in_coordinates(parameters: Array) -> Array:
        values = np.asarray(density(parameters[..., 0] if one_dimensional else parameters), dtype=float)
        jacobian = np.where(np.broadcast_to(kernel.log, dim), parameters, 1.0).prod(axis=-1)
        return values * jacobian

    x, centres = kernel.coordinates(sample), kernel.coordinates(points.reshape(-1, dim))
    p = density_in_coordinates(sample)
    if not np.all(p > 0):
        raise ValueError(f"density must be positive at every event, got {p.min()}")
    flat = points.reshape(-1, dim)
    outside = ~(density_in_coordinates(flat) > 0)
    if outside.any():
        raise ValueError(f"theta must lie where density is positive, got {flat[outside][0]}")
    base = weights / (n * p * kernel.level(sample, density_in_coordinates))
    level = kernel.level(flat, density_in_coordinates)

    def inside(at: Array) -> NDArray[np.bool_]:
        return density_in_coordinates(kernel.parameters(at)) > 0

    h = kernel.bandwidths(points.shape[:-1], dim).reshape(-1, dim)
    sums = [
        level[i]
        * _moments(base[near, None] * _observed(observables, flat[i], near, one_dimensional), weights_of_both)
        for i, (near, weights_of_both) in enumerate(_neighbours(kernel, x, centres, h, inside))
    ]
    stacked = np.stack(sums) if sums else np.empty((0, 4, 1))
    stacked[:, 1::2] *= level[:, None, None]
    arrays = np.moveaxis(stacked, 1, 0).reshape(4, *points.shape[:-1], stacked.shape[-1])
    result = Expectation(*arrays)
    few = result.n_effective.max(axis=-1) < FEW_EVENTS
    if np.any(few):
        warnings.warn(
            f"fewer than {FEW_EVENTS} effective events at {few.sum()} of {few.size} points, the first "
            f"{points[few][0]}: simulate more or widen the bandwidth",
            FewEventsWarning,
            stacklevel=2,
        )
    return result


def _parameters(sample_theta: ArrayLike, theta: ArrayLike) -> tuple[Array, Array, bool]:
    largest = np.finfo(float).max
    sample, points = (
        real_numbers(name, values, -largest, largest)
        for name, values in (("sample_theta", sample_theta), ("theta", theta))
    )
    one_dimensional = sample.ndim == 1
    if one_dimensional:
        sample, points = sample[:, None], points[..., None]
    if sample.ndim != 2 or points.shape[-1:] != sample.shape[1:]:
        raise ValueError(
            f"theta must have the parameters of sample_theta along its last axis, got {np.shape(theta)} "
            f"for a sample of shape {np.shape(sample_theta)}"
        )
    return sample, points, one_dimensional


def _factors(observables: Any, n: int) -> Array:
    """Factors of the weights (n, …); truth values count as ones and zeros."""
    if isinstance(observables, np.ndarray) and observables.dtype == bool:
        observables = observables.astype(int)
    factors = real_numbers("observables", observables, -np.finfo(float).max, np.finfo(float).max)
    if factors.ndim not in (1, 2) or len(factors) != n:
        raise ValueError(f"observables must have the shape ({n},) or ({n}, m), got {factors.shape}")
    return factors


def _observed(observables: Any, point: Array, near: NDArray[np.int64], one_dimensional: bool) -> Array:
    if observables is None:
        return np.ones((len(near), 1))
    if callable(observables):
        values = np.asarray(observables(point[0] if one_dimensional else point, near), dtype=float)
    else:
        values = observables[near]
    return values.reshape(len(near), -1)


def _neighbours(
    smoothing: Smoothing, x: Array, centres: Array, h: Array, inside: Inside
) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """For each centre the events within reach, and their kernel weights with both bandwidths, (n, 2)."""
    scale = h.max(axis=0) if len(h) else np.ones(x.shape[1])
    tree = KDTree(x / scale)
    for centre, own in zip(centres, h, strict=True):
        reach = smoothing.kernel.reach * WIDER * float((own / scale).max())
        near = np.sort(np.array(tree.query_ball_point(centre / scale, reach), dtype=np.int64))
        both = []
        for width in (own, WIDER * own):
            difference = x[near] - centre
            c = smoothing.coefficients(centre[None], width[None], inside)[0]
            both.append(smoothing.kernel(difference, width) * (c[0] + difference / width @ c[1:]))
        yield near, np.stack(both, axis=-1)


def _moments(base: Array, both: Array) -> Array:
    """Σw, Σw², Σd and Σd² of weights w with the bandwidth and differences d to the wider one: (4, m)."""
    w = base * both[:, :1]
    d = base * both[:, 1:] - w
    return np.stack([w.sum(axis=0), (w**2).sum(axis=0), d.sum(axis=0), (d**2).sum(axis=0)])

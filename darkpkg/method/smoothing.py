r"""Smooth a weighted sample over its parameters: predict at a point from the events simulated around it.

Begin with `reweight`, for any simulation whose parameters were sampled from a known density. An event i has
parameters θ_i, drawn from the density p, and a weight w_i whose mean at θ_i is the rate f(θ_i). Then

.. math:: \hat f(\theta) &= \frac1n\sum_i \frac{g(\theta)}{g(\theta_i)}\,\frac{w_i}{p(\theta_i)}\,
          K(\theta-\theta_i) \\
          &\qquad \times \Bigl(c_0 + \sum_j c_j\,\Delta_{ij}/h_j\Bigr), \\
          \Delta_i &= \theta_i-\theta .

The slope g is a guess of how f varies, divided out before smoothing and multiplied in after. As p is known, so are
the moments of K over the sampled region, and with them c: far from every edge c = (1, 0, …). At an edge a
local-constant estimate (order 0) divides by the mass of the kernel inside, and a local-linear one (order 1) also
takes away what a lopsided kernel would make of a slope: W. Härdle, M. Müller et al., Nonparametric and
Semiparametric Models (2004), chapter 4, with the design density known. It is independent of physics.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from darkpkg.inputs import Array, check_kinds, frozen, one_of, real_array, real_numbers, settle, whole_number
from darkpkg.method.expectation import Expectation, warn_of_few
from darkpkg.method.kernels import EPANECHNIKOV, Inside, Kernel

__all__ = ["PAPER_SMOOTHING", "SMOOTHING", "Smoothing", "reweight"]

WIDER = float(np.sqrt(2.0))
"""The second bandwidth, in units of the first, that shows the bias: it has twice the bias of the first, so that the
difference of the two estimates is the bias of the first."""


@dataclass(frozen=True)
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

    Raises
    ------
    ValueError, TypeError
        For what is no bandwidth, kernel, order, slope or truth value; the error names the argument.
    """

    bandwidth: Any = (0.15, 0.6)
    kernel: Kernel = EPANECHNIKOV
    order: int = 1
    slope: str | tuple[float, ...] | None = "density"
    log: bool | tuple[bool, ...] = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        if not real_numbers("bandwidth", self.bandwidth, positive=True).size:
            raise ValueError(f"bandwidth must be positive and finite, got {self.bandwidth}")
        settle(self, bandwidth=lambda name, value: frozen(name, real_numbers(name, value)), kernel=Kernel)
        whole_number("order", self.order, 0, 1)
        for one in self.log if isinstance(self.log, tuple) and self.log else (self.log,):
            check_kinds(log=(one, (bool, np.bool_)))
        if isinstance(self.slope, str):
            one_of("slope", self.slope, ("density",))
        elif self.slope is not None:
            powers = real_array("slope", self.slope)
            if powers.ndim != 1:
                raise ValueError(f"slope must be 'density', None or a power of each parameter, got {self.slope!r}")
            object.__setattr__(self, "slope", tuple(powers.tolist()))

    def scaled(self, factor: ArrayLike) -> Smoothing:
        """The same with bandwidths ``factor`` times as large: a number, or one for each point."""
        factor = real_numbers("factor", factor, positive=True)
        return replace(self, bandwidth=np.multiply(factor[..., None] if factor.ndim else factor, self.bandwidth))

    def bandwidths(self, shape: tuple[int, ...], dim: int) -> Array:
        """The bandwidth at each of the points of ``shape``, as an array of shape ``(*shape, d)``."""
        h = np.asarray(self.bandwidth)
        if h.ndim != 1 or len(h) == dim:
            with contextlib.suppress(ValueError):
                return np.broadcast_to(h, (*shape, dim))
        raise ValueError(
            f"bandwidth must be one, one for each of {dim} parameters, or have the shape of the points, {shape}, and "
            f"{dim} parameters, got {h.shape}"
        )

    def coordinates(self, theta: Array) -> Array:
        """Parameters (..., d) as the kernel measures them: logarithms where ``log`` holds."""
        log = np.broadcast_to(self.log, theta.shape[-1])
        if np.any(theta[..., log] <= 0):
            raise ValueError(f"a logarithm needs positive parameters, got {theta[..., log].min()}")
        return np.log(theta, out=np.array(theta), where=log)

    def parameters(self, coordinates: Array) -> Array:
        """Back from `coordinates`."""
        log = np.broadcast_to(self.log, coordinates.shape[-1])
        return np.exp(coordinates, out=np.array(coordinates), where=log)

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

        ``inside`` is whether points belong to the sampled region; the centres must.
        """
        dim = centres.shape[1]
        size = 1 + dim * self.order  # the constant alone, or with a slope along each axis
        moments = self.kernel.moments_inside(centres, h, inside)[:, :size, :size]
        c = np.zeros((len(centres), 1 + dim))
        c[:, :size] = np.linalg.solve(moments, np.eye(size)[:, :1])[..., 0]
        return c


def kernel_weight(kernel: Kernel, difference: Array, h: Array, c: Array) -> Array:
    """K(Δ)(c₀ + Σ c_j Δ_j/h_j) of differences Δ (n, d) for one bandwidth (d,) and coefficients (1 + d,): (n,)."""
    return kernel(difference, h) * (c[0] + difference / h @ c[1:])


def neighbours(
    kernel: Kernel, x: Array, centres: Array, h: Array, c: Array
) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """For each centre the events within reach (k,), and `kernel_weight` of these with both its bandwidths (k, 2).

    Events are at ``x`` (n, d), centres (p, d) have bandwidths (p, d) and coefficients (p, 2, 1 + d).
    """
    scale = h.max(axis=0, initial=np.finfo(float).tiny)
    tree = KDTree(x / scale, balanced_tree=False, compact_nodes=False)  # made for a few queries
    for centre, own, coefficients in zip(centres, h, c, strict=True):
        reach = kernel.reach * WIDER * float((own / scale).max())
        near = np.sort(np.array(tree.query_ball_point(centre / scale, reach), dtype=np.int64))
        pairs = zip((own, WIDER * own), coefficients, strict=True)
        yield near, np.stack([kernel_weight(kernel, x[near] - centre, *pair) for pair in pairs], axis=-1)


def moments(base: Array, both: Array) -> Array:
    """w, w², d and d² of weights w with the bandwidth and differences d to the wider one, (4, n, m).

    ``base`` (n, m) are all factors but the `kernel_weight` with ``both`` bandwidths (n, 2).
    """
    w = base * both[:, :1]
    d = base * both[:, 1:] - w
    return np.stack([w, w**2, d, d**2])


SMOOTHING = Smoothing()
"""The default, recommended for the samples of `darkpkg.HEAVY` and `darkpkg.LIGHT` by the closure chapter."""

PAPER_SMOOTHING = Smoothing(0.005, order=0, slope=None)
"""The settings that the text of the paper gives: δ = 0.005 in logarithmic distance, and q at each event."""


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
        falls into and 0 elsewhere, or probabilities. ``None`` counts events.
    kernel
        How to smooth. Mind the bandwidth: the default is that of the dark-neutrino sample.
    density
        Density that ``sample_theta`` was drawn from, a function of parameters of the shape of ``sample_theta``, per
        unit of each parameter, with integral one; zero outside the sampled region, which gives
        the kernel its edges.

    Returns
    -------
    Expectation
        Arrays of shape points + (m,).

    Raises
    ------
    ValueError
        For shapes that do not fit, for weights that are not finite, and for points outside the sampled region.
    TypeError
        If ``density`` is not given.

    Warns
    -----
    FewEventsWarning
        Where fewer than `FEW_EVENTS` effective events remain.

    Examples
    --------

    >>> rng = np.random.default_rng(1)
    >>> tau = rng.uniform(1, 3, 100_000)                                   # lifetimes, one for each event
    >>> late = rng.exponential(tau) > 2                                    # what the experiment counts
    >>> seen = reweight(2.0, tau, np.ones(100_000), late, Smoothing(0.3), lambda t: ((1 < t) & (t < 3)) / 2)
    >>> bool(abs(seen.mean[0] - np.exp(-1)) < 4 * seen.error[0])
    True
    """
    check_kinds(kernel=(kernel, Smoothing), density=(density, Callable))
    sample, points = real_array("sample_theta", sample_theta), real_array("theta", theta)
    single = sample.ndim == 1
    if single:
        sample, points = sample[:, None], points[..., None]
    if sample.ndim != 2 or points.shape[-1:] != sample.shape[1:]:
        raise ValueError(
            f"theta must have the parameters of sample_theta along its last axis, got {np.shape(theta)} "
            f"for a sample of shape {np.shape(sample_theta)}"
        )
    weights = real_array("weights", weights)
    if weights.shape != sample.shape[:1]:
        raise ValueError(f"weights must have the shape {sample.shape[:1]} of sample_theta, got {weights.shape}")
    observed, given = _observed(observables, len(sample)), cast("Callable[[Array], ArrayLike]", density)
    flat = points.reshape(-1, sample.shape[1])
    x, centres = kernel.coordinates(sample), kernel.coordinates(flat)

    def per_coordinate(theta: Array) -> Array:
        """The density at parameters (..., d), per unit of the kernel's coordinates."""
        of_kernel = np.asarray(given(theta[..., 0] if single else theta), dtype=float)
        logarithmic = np.broadcast_to(kernel.log, theta.shape[-1])
        return of_kernel * math.prod(theta[..., j] for j in np.flatnonzero(logarithmic))

    p = per_coordinate(sample)
    if not np.all(p > 0):
        raise ValueError(f"density must be positive at every event, got {p.min()}")
    outside = ~(per_coordinate(flat) > 0)
    if outside.any():
        raise ValueError(f"theta must lie where density is positive, got {flat[outside][0]}")
    base = weights / (len(sample) * p * kernel.level(sample, per_coordinate))
    h = kernel.bandwidths(points.shape[:-1], flat.shape[1]).reshape(flat.shape)
    inside: Inside = lambda at: per_coordinate(kernel.parameters(at)) > 0  # noqa: E731
    c = np.stack([kernel.coefficients(centres, width, inside) for width in (h, WIDER * h)], axis=1)
    sums = [
        moments(base[near, None] * observed[near], both).sum(axis=1)
        for near, both in neighbours(kernel.kernel, x, centres, h, c)
    ]
    stacked = np.reshape(sums, (len(flat), 4, observed.shape[1]))
    stacked = stacked * kernel.level(flat, per_coordinate)[:, None, None] ** np.array([1, 2, 1, 2])[:, None]
    result = Expectation(*np.moveaxis(stacked, 1, 0).reshape(4, *points.shape[:-1], stacked.shape[-1]))
    names = ["theta"] if single else [f"theta[{j}]" for j in range(flat.shape[1])]
    warn_of_few(result.n_effective.max(axis=-1), dict(zip(names, np.moveaxis(points, -1, 0), strict=True)), 3)
    return result


def _observed(observables: Any, n: int) -> Array:
    """Factors of the weights (n, m); truth values count as ones and zeros."""
    if isinstance(observables, np.ndarray) and observables.dtype == bool:
        observables = observables.astype(int)
    factors = np.ones(n) if observables is None else real_array("observables", observables)
    if factors.ndim not in (1, 2) or len(factors) != n:
        raise ValueError(f"observables must have the shape ({n},) or ({n}, m), got {factors.shape}")
    return factors.reshape(n, -1)

"""Least-squares cross-validation of a kernel's bandwidth, which chapters compare with the rule of the library.

Begin with `cross_validated_bandwidth`; `cross_validation_scores` is for any sample.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import Analysis
from darkpkg.method import estimators
from darkpkg.method.kernels import Inside, Kernel
from darkpkg.method.mass_kernel import density_times_level
from darkpkg.method.smoothing import Smoothing
from darkpkg.method.weights import (
    coupling_weight,
    exposure_weight,
    flights_at,
    lifetime_weight,
    sampling_range,
    selection_weight,
)
from darkpkg.physics.model import DarkParameters

Array = NDArray[np.float64]

__all__ = ["cross_validated_bandwidth", "cross_validation_scores"]

STEPS = np.geomspace(0.25, 2.0, 7)
"""Bandwidths that are tried, in units of those of the estimator."""


def cross_validated_bandwidth(
    estimator: estimators.Kernel, parameters: DarkParameters, analysis: Analysis, *, per_point: bool = False
) -> Smoothing:
    """The bandwidth, a quarter to twice that of ``estimator``, that predicts each event best from all others.

    As `darkpkg.choose_bandwidth`; one for all points has a factor of its own for each of the two masses. Scores are
    those within the kernel around each point, of what the estimate there smooths: θ's lifetime, the events' masses.
    Each is divided by the squared rate, so that all points count alike in their mean.
    """
    smoothing, sampling = estimator.smoothing, sampling_range(estimator.sample)
    if sampling.is_fixed:
        raise ValueError("cross-validation needs a sample over masses: at fixed masses nothing is smoothed")
    if not per_point and np.ndim(smoothing.bandwidth) > 1:
        raise ValueError("bandwidth must be one for all points to look for one for all")
    pairs = [STEPS, STEPS] if per_point else [axis.ravel() for axis in np.meshgrid(STEPS, STEPS)]
    factors, pilot = np.stack(pairs, axis=-1), smoothing.bandwidths(parameters.shape, 2)
    scores = np.empty((*parameters.shape, len(factors)))
    fields = {name: np.broadcast_to(getattr(parameters, name), parameters.shape) for name in parameters.numbers()}
    for index in np.ndindex(parameters.shape):
        point = parameters.replace(**{name: values[index] for name, values in fields.items()})
        centre, h = np.log([float(point.m_N), float(point.m_Zprime)]), pilot[index]
        at, contributions = _contributions(estimator, point, analysis, centre, 4 * h * smoothing.kernel.reach)
        contributions = contributions / (contributions @ smoothing.kernel(at - centre, h))
        scores[index] = cross_validation_scores(
            at, contributions, factors * h, smoothing.kernel, sampling.contains_logarithms, _ellipse(centre, h)
        )
    if per_point:
        return smoothing.scaled(STEPS[scores.argmin(axis=-1)])
    best = factors[scores.reshape(-1, len(factors)).mean(axis=0).argmin()]
    return replace(smoothing, bandwidth=tuple(best * np.broadcast_to(smoothing.bandwidth, 2)))


def _contributions(
    estimator: estimators.Kernel, point: DarkParameters, analysis: Analysis, centre: Array, reach: Array
) -> tuple[Array, Array]:
    """Logarithms of the masses (n, 2), and contributions (n,) to the rate at θ with its slope divided out."""
    events, sampling = estimator.sample, sampling_range(estimator.sample)
    masses = np.stack([events.m_N, events.m_Zprime], axis=-1)
    near = (np.abs(np.log(masses) - centre) <= reach).all(axis=1)
    events, masses = events[near], masses[near]
    muon, electron = (coupling_weight(events, point, flavour) for flavour in (14, 12))
    base = events.weight * np.where(np.abs(events.flavour) == 14, muon, electron)
    base /= density_times_level(sampling, *masses.T, estimator.smoothing)
    weights = [
        base
        * exposure_weight(events, channel)
        * selection_weight(events, channel.selection)
        * lifetime_weight(events, **flights_at(point), modules=channel.selection.decay_modules)
        for channel in analysis.channels
    ]
    rows = [np.flatnonzero(weight) for weight in weights]
    if not sum(map(len, rows)):
        raise ValueError(f"no event counts near m_N = {point.m_N:g} GeV, m_Zprime = {point.m_Zprime:g} GeV")
    counted = [weight[row] for weight, row in zip(weights, rows, strict=True)]
    return np.concatenate([np.log(masses[row]) for row in rows]), np.concatenate(counted)


def _ellipse(centre: Array, h: Array) -> Inside:
    return lambda at: (((at - centre) / h) ** 2).sum(axis=-1) < 1


def cross_validation_scores(
    coordinates: Array,
    contributions: Array,
    bandwidths: Array,
    kernel: Kernel,
    inside: Inside,
    window: Inside | None = None,
) -> Array:
    r"""Estimates of the integrated squared error, up to a constant, of each of the ``bandwidths`` (k, d): (k,).

    Least-squares cross-validation predicts each event from all others. For the estimate
    :math:`\hat f = \sum_i b_i K(\theta-\theta_i)` of a rate from ``contributions`` b (n,) at ``coordinates`` (n, d),

    .. math:: \int\hat f^2\,d\theta - 2\sum_i b_i\,\hat f_{-i}(\theta_i)

    is :math:`\int(\hat f-f)^2` less :math:`\int f^2`, on average: M. Rudemo, Scand. J. Stat. 9 (1982) 65. The
    integral goes over the region where ``inside`` holds, or only over its part where ``window`` does. The kernel is
    divided by its mass inside. Events are counted on a mesh eight times finer than the smallest bandwidth, so that
    the cost hardly depends on their number; the mesh limits this to few parameters.
    """
    from scipy.signal import fftconvolve  # here: its import takes longer than most calculations

    bandwidths = np.atleast_2d(np.asarray(bandwidths, dtype=float))
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    cells = np.ceil((high - low) / (bandwidths.min(axis=0) / 8)).astype(int) + 1
    if cells.prod() > 1 << 24:
        raise ValueError(f"bandwidths must be wide enough for a mesh of the sample, got {bandwidths.min(axis=0)}")
    edges = [np.linspace(a, b, m + 1) for a, b, m in zip(low, high, cells, strict=True)]
    width = np.array([edge[1] - edge[0] for edge in edges])
    nodes = np.stack(np.meshgrid(*[(e[1:] + e[:-1]) / 2 for e in edges], indexing="ij"), axis=-1)
    flat = nodes.reshape(-1, nodes.shape[-1])
    region = inside(flat).reshape(nodes.shape[:-1])
    looked_at = region if window is None else region & window(flat).reshape(region.shape)
    b = np.histogramdd(coordinates, edges, weights=contributions)[0]
    b_sq = np.histogramdd(coordinates, edges, weights=contributions**2)[0]
    if not looked_at.any():  # all are equally good
        return np.zeros(len(bandwidths))
    rows = [np.flatnonzero(looked_at.any(axis=tuple({*range(looked_at.ndim)} - {i}))) for i in range(looked_at.ndim)]
    scores = []
    for h in bandwidths:
        reach = np.minimum(np.ceil(kernel.reach * h / width).astype(int), cells - 1)
        offsets = np.meshgrid(*[np.arange(-r, r + 1) * w for r, w in zip(reach, width, strict=True)], indexing="ij")
        k = kernel(np.stack(offsets, axis=-1), h)
        # What is farther from all nodes that are looked at than the kernel reaches does not count.
        near = tuple(slice(max(row[0] - r, 0), row[-1] + r + 1) for row, r in zip(rows, reach, strict=True))
        mass = fftconvolve(region[near] * width.prod(), k, mode="same")
        share = np.divide(1, mass, out=np.zeros(mass.shape), where=region[near] & (mass > 1e-3))
        estimate = fftconvolve(b[near], k, mode="same") * share
        own = kernel(np.zeros(len(h)), h) * b_sq[near] * share
        scores.append(((estimate**2 * width.prod()) - 2 * (b[near] * estimate - own))[looked_at[near]].sum())
    return np.array(scores)

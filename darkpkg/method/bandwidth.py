"""Which bandwidth smooths best: wide enough for its statistical error, narrow enough for its bias.

Begin with `choose_bandwidth`. Its rules, `asymptotic_factor` and `cross_validation_scores`, are for any sample.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import Analysis
from darkpkg.inputs import check_kinds, one_of
from darkpkg.method.estimators import Kernel
from darkpkg.method.expectation import Expectation, FewEventsWarning
from darkpkg.method.kernel_estimate import prepared_samples
from darkpkg.method.kernels import Inside
from darkpkg.method.kernels import Kernel as KernelShape
from darkpkg.method.smoothing import Smoothing
from darkpkg.method.weights import decay_rates, families_of, sampling_range
from darkpkg.physics.model import DarkParameters

Array = NDArray[np.float64]

__all__ = ["asymptotic_factor", "choose_bandwidth", "cross_validation_scores"]


def choose_bandwidth(
    estimator: Kernel,
    parameters: DarkParameters,
    analysis: Analysis,
    *,
    rule: str = "asymptotic",
    per_point: bool = False,
) -> Smoothing:
    """The bandwidth of smallest mean squared error for the events of ``analysis`` at ``parameters``, by a rule.

    Parameters
    ----------
    estimator
        Where to begin: its kernel, order and slope stay, and bandwidths between a quarter and four times of its own
        are tried.
    parameters, analysis
        As in `Kernel.events`; the number that matters is that of all bins together.
    rule
        ``"asymptotic"`` weighs the bias that a pilot with twice the bandwidth shows against its variance
        (`asymptotic_factor`). ``"cross-validation"`` predicts each event from the others
        (`cross_validation_scores`), with a bandwidth of its own for each of the two masses if it is one for all
        points.
    per_point
        Whether each point has its own bandwidth, or all have the same.

    Returns
    -------
    Smoothing
        To be given to `Kernel`; with ``per_point`` it fits these parameters only.
    """
    check_kinds(
        estimator=(estimator, Kernel),
        parameters=(parameters, DarkParameters),
        analysis=(analysis, Analysis),
        per_point=(per_point, bool),
    )
    if one_of("rule", rule, ("asymptotic", "cross-validation")) == "asymptotic":
        pilot = estimator.smoothing.scaled(2.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FewEventsWarning)
            expectation = Kernel(estimator.sample, pilot).events(parameters, analysis).total()
        return pilot.scaled(asymptotic_factor(expectation, 2, per_point=per_point))
    return _cross_validated(estimator, parameters, analysis, per_point)


def _cross_validated(estimator: Kernel, parameters: DarkParameters, analysis: Analysis, per_point: bool) -> Smoothing:
    """Scores within the kernel around each point, of what the estimate there smooths: θ's lifetime, the events'
    masses.

    Each is divided by the squared rate, so that all points count alike in their mean.
    """
    smoothing, sampling = estimator.smoothing, sampling_range(estimator.sample)
    if sampling.is_fixed:
        raise ValueError("cross-validation needs a sample over masses: at fixed masses nothing is smoothed")
    if not per_point and np.ndim(smoothing.bandwidth) > 1:
        raise ValueError("bandwidth must be one for all points to look for one for all")
    steps = np.geomspace(0.25, 2.0, 7)
    factors = (
        np.repeat(steps[:, None], 2, axis=1) if per_point else np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    )
    pilot = smoothing.bandwidths(parameters.shape, 2)
    samples = [
        (sample, np.broadcast_to(parameters.coupling_of(family) / parameters.coupling, parameters.shape))
        for family in families_of(parameters)
        for _, sample in prepared_samples(estimator.sample, analysis, smoothing, sampling.is_light, family)
    ]
    scores = np.empty((*parameters.shape, len(factors)))
    fields = (parameters.m_N, parameters.m_Zprime, *decay_rates(parameters, parameters.proper_decay_length()))
    fields = tuple(np.broadcast_to(field, parameters.shape) for field in fields)
    for index in np.ndindex(parameters.shape):
        (m_N, m_Zprime, *rates), h = (field[index] for field in fields), pilot[index]
        centre = np.log([m_N, m_Zprime])
        coordinates, b = [], []
        for sample, coupling in samples:
            at = np.stack([sample.ln_m_N, sample.ln_m_Zprime], axis=-1)
            near = (np.abs(at - centre) <= 4 * h * smoothing.kernel.reach).all(axis=1)
            coordinates.append(at[near])
            b.append(coupling[index] * sample.base[near] * sample.survival(near, *rates))
        at, contributions = np.concatenate(coordinates), np.concatenate(b)
        if not contributions.size:
            raise ValueError(f"no event counts near m_N = {m_N:g} GeV, m_Zprime = {m_Zprime:g} GeV")
        contributions = contributions / (contributions @ smoothing.kernel(at - centre, h))
        scores[index] = cross_validation_scores(
            at, contributions, factors * h, smoothing.kernel, sampling.contains_logarithms, _ellipse(centre, h)
        )
    if per_point:
        return smoothing.scaled(steps[scores.argmin(axis=-1)])
    best = factors[scores.reshape(-1, len(factors)).mean(axis=0).argmin()]
    return replace(smoothing, bandwidth=tuple(best * np.broadcast_to(smoothing.bandwidth, 2)))


def _ellipse(centre: Array, h: Array) -> Inside:
    return lambda at: (((at - centre) / h) ** 2).sum(axis=-1) < 1


def asymptotic_factor(expectation: Expectation, dim: int, *, per_point: bool = False) -> Any:
    r"""By how much to scale the bandwidth for the smallest mean squared error, from a pilot's bias and variance.

    With bias ∝ h² and variance ∝ h⁻ᵈ the smallest sum of bias² and variance lies at

    .. math:: s = \left(\frac{d\,\sigma^2}{4\,b^2}\right)^{1/(d+4)}

    times the bandwidth: B. W. Silverman, Density Estimation (1986), section 4.3. b² is the square of the bias
    estimate less the variance of that estimate. For many points s is that of their mean squared relative error, or
    with ``per_point`` each has its own, which is as noisy as its bias estimate. s is kept between 1/4 and 4.
    """
    scale = np.where(expectation.mean > 0, expectation.mean, np.inf) ** 2
    variance = expectation.variance / scale
    bias_sq = (expectation.bias**2 - expectation.bias_variance) / scale
    if not per_point:
        variance, bias_sq = variance.mean(), bias_sq.mean()
    ratio = np.divide(dim * variance, 4 * bias_sq, out=np.full(np.shape(variance), np.inf), where=bias_sq > 0)
    return np.clip(ratio ** (1 / (dim + 4)), 0.25, 4.0)[()]


def cross_validation_scores(
    coordinates: Array,
    contributions: Array,
    bandwidths: Array,
    kernel: KernelShape,
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
    scores = []
    for h in bandwidths:
        reach = np.minimum(np.ceil(kernel.reach * h / width).astype(int), cells - 1)
        offsets = np.meshgrid(*[np.arange(-r, r + 1) * w for r, w in zip(reach, width, strict=True)], indexing="ij")
        k = kernel(np.stack(offsets, axis=-1), h)
        mass = fftconvolve(region * width.prod(), k, mode="same")
        share = np.divide(1, mass, out=np.zeros(mass.shape), where=region & (mass > 1e-3))
        estimate = fftconvolve(b, k, mode="same") * share
        own = kernel(np.zeros(len(h)), h) * b_sq * share
        scores.append(((estimate**2 * width.prod()) - 2 * (b * estimate - own))[looked_at].sum())
    return np.array(scores)

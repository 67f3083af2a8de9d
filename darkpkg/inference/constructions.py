r"""What a confidence level means: p-values of points by G. J. Feldman and R. D. Cousins, by CLs and by Bayes.

Begin with `feldman_cousins`. The likelihood of independent bins with relative errors η is, for a total expectation μ,

.. math:: \ln L(n;\mu) = c(n) + \sum_b \bigl[n_b\,B(\mu_b) - A(\mu_b)\bigr], \qquad
          A = \alpha\ln(1+\eta^2\mu),\quad B = \ln\mu-\ln(1+\eta^2\mu) ,

linear in the counts: for all outcomes and all points it is one product of matrices. With :math:`\alpha =
1/\eta^2` it is the probability of n if the expectation has a gamma distribution of mean μ and relative width η, a
negative binomial, from which outcomes are drawn; with :math:`\alpha = 1/\eta^2+1` it is the likelihood of the paper,
whose gamma has the mean :math:`\mu(1+\eta^2)` (`darkpkg.inference.likelihood`). The simulation's own
error is no part of this.

Few bins have so few outcomes that all are added up. Many bins have toys, drawn from a mixture of all points, and each
point weights them by its probability over that of the mixture: L. Berns, arXiv:2303.11290.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, logsumexp

from darkpkg.inputs import real_numbers, whole_number
from darkpkg.streams import random_stream

Array = NDArray[np.float64]

__all__ = ["Outcomes", "PValues", "bayes", "cls", "coverage", "enumerated", "feldman_cousins", "toys"]

MOST_OUTCOMES = 300_000
"""Outcomes that are enumerated at most."""

FORGOTTEN = 1e-13
"""Probability of the outcomes of a bin that are left out of an enumeration, on either side."""

COMPONENTS = 400
"""Points of a mixture at most."""

_CHUNK = 20_000_000
"""Numbers of a product of matrices that are held at once: 160 MB."""

_SAME = 1e-9
"""Differences of ln L below this are ties: outcomes are discrete."""


@dataclass(frozen=True)
class PValues:
    """Probability of data that agree with each point as badly as ours or worse, and its error by toys.

    A point is excluded at confidence level cl if its value is below 1 − cl. Both have the shape of the points.
    """

    value: Array
    error: Array


@dataclass(frozen=True)
class Outcomes:
    """Counts (n, bins) of possible experiments, and how each point (p, bins) weights them.

    ``measure`` is the logarithm of the density that they stand for, (n,), without the part c(n) that all points
    share: that of the mixture that ``drawn`` toys come from, or one where all outcomes are there.
    """

    counts: Array
    measure: Array
    background: Array
    systematic: Array
    drawn: bool

    def weights(self, signal: Array) -> Array:
        """Probability of each outcome at each point (n, p), over the measure: they add up to one."""
        return np.exp(self.log_probability(signal) - self.measure[:, None])

    def log_probability(self, signal: Array) -> Array:
        """ln P of each outcome at each point without c(n): (n, p)."""
        return _linear(self.counts, signal + self.background, self.systematic, 0.0)

    def parts(self, points: int) -> Iterator[Outcomes]:
        """Parts of the outcomes, whose weights at so many points fit into memory."""
        rows = max(_CHUNK // points, 1)
        for i in range(0, len(self.counts), rows):
            part = slice(i, i + rows)
            yield replace(self, counts=self.counts[part], measure=self.measure[part])


def _linear(counts: Array, mean: Array, systematic: Array, more: float) -> Array:
    """Σ (n B − A) over bins: (n, p); α is 1/η² + ``more``."""
    width = systematic**2
    shrunk = np.log1p(width * mean)
    # As η → 0, ln(1 + η²μ)/η² is μ.
    a = np.divide(shrunk, width, out=mean.astype(float).copy(), where=width > 1e-12) + more * shrunk
    b = np.log(np.maximum(mean, 1e-300)) - shrunk
    return counts @ b.T - a.sum(axis=-1)


def _common(counts: Array, systematic: Array) -> Array:
    """c(n) of the probability, (n,)."""
    width = np.broadcast_to(systematic**2, counts.shape)
    narrow = width <= 1e-12
    alpha = 1 / np.where(narrow, 1.0, width)
    rising = gammaln(counts + alpha) - gammaln(alpha) - counts * np.log(alpha)
    return np.sum(np.where(narrow, 0.0, rising) - gammaln(counts + 1), axis=-1)


def enumerated(signal: ArrayLike, analysis: Any) -> Outcomes:
    """All outcomes that any of the points can have, but for a probability of 1e-13 on each side of each bin.

    Parameters
    ----------
    signal
        Expected events of points, (p, bins).
    analysis
        Its ``background`` and relative ``systematic`` error of each bin.

    Raises
    ------
    ValueError
        For more than 300,000 outcomes: `toys` have them then.
    """
    from scipy.stats import nbinom, poisson  # here: its import takes longer than a verdict

    mean = _signal(signal, analysis) + analysis.background
    most = []
    for mu, eta in zip(mean.max(axis=0), analysis.systematic, strict=True):
        r = 1 / eta**2 if eta > 1e-6 else np.inf
        law = poisson(mu) if np.isinf(r) else nbinom(r, r / (r + mu))
        most.append(int(law.isf(FORGOTTEN)) + 1)
    if np.prod([m + 1.0 for m in most]) > MOST_OUTCOMES:
        raise ValueError(f"outcomes must be at most {MOST_OUTCOMES}, got counts up to {most}: use toys")
    counts = np.stack(np.meshgrid(*(np.arange(m + 1.0) for m in most), indexing="ij"), axis=-1).reshape(-1, len(most))
    measure = -_common(counts, analysis.systematic)
    return Outcomes(counts, measure, analysis.background, analysis.systematic, drawn=False)


def toys(signal: ArrayLike, analysis: Any, n_toys: int, seed: int) -> Outcomes:
    """Outcomes drawn from a mixture of the points, and of no signal.

    Parameters
    ----------
    signal
        Expected events of points, (p, bins); of many, every so many-th is a part of the mixture.
    analysis
        Its ``background`` and relative ``systematic`` error of each bin.
    n_toys, seed
        How many, and of which random numbers.
    """
    signal = _signal(signal, analysis)
    order = np.lexsort(signal.T)
    parts = order[np.unique(np.linspace(0, len(order) - 1, min(COMPONENTS, len(order))).astype(int))]
    mixed = np.vstack([np.zeros(signal.shape[1]), signal[parts]])
    rng = random_stream(seed, "toys")
    # As many of each: a mixture by strata has a smaller error than one by chance.
    which = np.arange(whole_number("n_toys", n_toys, 1)) % len(mixed)
    mean = mixed[which] + analysis.background
    width = np.broadcast_to(analysis.systematic**2, mean.shape)
    narrow = width <= 1e-12
    scale = np.where(narrow, 1.0, width)
    counts = rng.poisson(mean * np.where(narrow, 1.0, rng.gamma(1 / scale) * scale)).astype(float)
    found = Outcomes(counts, np.zeros(len(counts)), analysis.background, analysis.systematic, drawn=True)
    with np.errstate(divide="ignore"):
        expected = np.log(np.bincount(which, minlength=len(mixed)))
    measure = [logsumexp(part.log_probability(mixed) + expected, axis=1) for part in found.parts(len(mixed))]
    return replace(found, measure=np.concatenate(measure))


def _signal(signal: ArrayLike, analysis: Any) -> Array:
    signal = real_numbers("signal", signal, 0.0, 1e12)
    if signal.ndim != 2 or signal.shape[1] != len(analysis.background):
        raise ValueError(f"signal must be (points, {len(analysis.background)} bins), got shape {signal.shape}")
    return signal


def feldman_cousins(signal: ArrayLike, analysis: Any, outcomes: Outcomes) -> PValues:
    """p-values by the ordering of Feldman and Cousins (Phys. Rev. D 57, 3873): ln L of the best point over its own.

    The best point is the best of all that are given, or no signal: give a whole plane, or a fine line.

    Parameters
    ----------
    signal
        Expected events of points, (p, bins).
    analysis
        ``observed`` counts, ``background``, ``systematic``.
    outcomes
        `enumerated` or `toys`, of these points or of a larger set.
    """
    signal = _signal(signal, analysis)
    ours = _worse_than_best(np.asarray(analysis.observed, dtype=float)[None], signal, analysis)[0]
    return _p_values(outcomes, signal, lambda part: _worse_than_best(part, signal, analysis) >= ours - _SAME)


def _worse_than_best(counts: Array, signal: Array, analysis: Any) -> Array:
    """ln L of the best point less that of each: (n, p)."""
    every = np.vstack([signal, np.zeros(signal.shape[1])])
    lnL = _linear(counts, every + analysis.background, analysis.systematic, 1.0)
    return lnL.max(axis=1, keepdims=True) - lnL[:, :-1]


def cls(signal: ArrayLike, analysis: Any, outcomes: Outcomes) -> PValues:
    """CLs (A. L. Read, J. Phys. G 28, 2693): p-value of the point over that of no signal, by ln L of the two.

    Parameters are those of `feldman_cousins`. A point is excluded if data as far from it, or farther, are rare not
    only by its own measure, but compared with how often background alone is so far from it.
    """
    signal = _signal(signal, analysis)
    nothing = np.zeros((1, signal.shape[1]))

    def over_background(counts: Array) -> Array:
        lnL = _linear(counts, np.vstack([signal, nothing]) + analysis.background, analysis.systematic, 1.0)
        return lnL[:, :-1] - lnL[:, -1:]

    ours = over_background(np.asarray(analysis.observed, dtype=float)[None])[0]
    above = _p_values(outcomes, signal, lambda part: over_background(part) <= ours + _SAME)
    below = _p_values(outcomes, nothing, lambda part: over_background(part) <= ours + _SAME)
    ratio = np.divide(above.value, below.value, out=np.zeros(len(signal)), where=below.value > 0)
    relative = [np.divide(p.error, p.value, out=np.zeros(len(signal)), where=p.value > 0) for p in (above, below)]
    return PValues(ratio, ratio * np.hypot(*relative))


def _p_values(outcomes: Outcomes, signal: Array, is_worse: Callable[[Array], NDArray[np.bool_]]) -> PValues:
    """Share of the weights of each point (or of one, under all conditions) that worse outcomes than ours have."""
    total, worse, squares, worse_squares = np.zeros((4, 1))
    for part in outcomes.parts(max(len(signal), COMPONENTS)):
        weights = part.weights(signal)
        bad = np.where(is_worse(part.counts), weights, 0.0)
        total, worse = total + weights.sum(axis=0), worse + bad.sum(axis=0)
        squares, worse_squares = squares + (weights**2).sum(axis=0), worse_squares + (bad**2).sum(axis=0)
    p = worse / total
    # Of a ratio of two sums over the same toys.
    error = np.sqrt(np.maximum((1 - 2 * p) * worse_squares + p**2 * squares, 0.0)) / total
    return PValues(p, error if outcomes.drawn else np.zeros(p.shape))


def coverage(signal: ArrayLike, analysis: Any, outcomes: Outcomes, threshold: float) -> PValues:
    """Share of experiments that do not exclude each point if it is true, by −Δ ln L above ``threshold``.

    The rule of the paper, `darkpkg.exclusion_threshold`, with the best of all points that are given. Parameters are
    those of `feldman_cousins`, whose own coverage is the confidence level, but for outcomes being discrete.
    """
    signal = _signal(signal, analysis)
    return _p_values(outcomes, signal, lambda counts: _worse_than_best(counts, signal, analysis) <= threshold)


def bayes(signal: ArrayLike, analysis: Any) -> PValues:
    r"""Probability of more signal than that of each point, for a prior that is flat in its rate.

    .. math:: \int_1^\infty L(\lambda s)\,d\lambda\Big/\int_0^\infty L(\lambda s)\,d\lambda

    with the spectrum s of the point. Parameters are those of `feldman_cousins`.
    """
    signal = _signal(signal, analysis)
    size = signal.sum(axis=1, keepdims=True)
    x = np.linspace(0.0, 1.0, 1201)
    # Even steps in ln(1 + 10 events): near to no signal, where there is little, and far beyond the point.
    reach = np.log1p(10 * size)
    inside = np.expm1(reach * x) / np.expm1(reach)
    beyond = 1 + np.expm1(np.log1p(1e5 / size) * x) * np.ones((len(size), 1))
    counts = np.asarray(analysis.observed, dtype=float)
    lnL = []
    for scale in (inside, beyond):
        mean = scale[..., None] * signal[:, None] + analysis.background
        flat = _linear(counts[None], mean.reshape(-1, len(counts)), analysis.systematic, 1.0)[0]
        lnL.append(flat.reshape(scale.shape))
    top = np.maximum(*(values.max(axis=1, keepdims=True) for values in lnL))
    below, above = (
        np.trapezoid(np.exp(values - top), scale, axis=1) for values, scale in zip(lnL, (inside, beyond), strict=True)
    )
    p = above / (below + above)
    return PValues(p, np.zeros(len(p)))

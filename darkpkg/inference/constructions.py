r"""What a confidence level means: p-values of points by G. J. Feldman and R. D. Cousins, by CLs and by Bayes.

Begin with `Construction`, which stands behind ``method=`` wherever a limit is made, and `coverage`. The likelihood of
bins with relative errors η is, for a total expectation μ,

.. math:: \ln L(n;\mu) = c(n) + \sum_b \bigl[n_b\,B_b(\mu) - A_b(\mu)\bigr], \qquad
          A = \alpha\ln(1+\eta^2\mu),\quad B = \ln\mu-\ln(1+\eta^2\mu) ,

linear in the counts: for all outcomes and all points it is one product of matrices. With :math:`\alpha =
1/\eta^2` it is the probability of n if the expectation has a gamma distribution of mean μ and relative width η, a
negative binomial, from which outcomes are drawn; with :math:`\alpha = 1/\eta^2+1` it is the likelihood of the paper,
whose gamma has the mean :math:`\mu(1+\eta^2)` (`darkpkg.inference.likelihood`). Bins that have their error in
common are as linear, with the sum of their expectations inside of the logarithms of :math:`1+\eta^2\mu`. The
simulation's own error is no part of this.

Few bins have so few outcomes that all are added up. Many bins have toys, drawn from a mixture of all points, and each
point weights them by its probability over that of the mixture: L. Berns, arXiv:2303.11290.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, gammaincc, gammaln, logsumexp, ndtri

from darkpkg.inference.likelihood import Likelihood, log_likelihood
from darkpkg.inference.threshold import FAR, METHODS, exclusion_threshold
from darkpkg.inputs import one_of, real_numbers, whole_number
from darkpkg.method.expectation import Expectation
from darkpkg.streams import random_stream

Array = NDArray[np.float64]

__all__ = [
    "Construction",
    "Coverage",
    "Limits",
    "Method",
    "Outcomes",
    "PValues",
    "allowance",
    "coverage",
    "enumerated",
    "expected_limits",
    "method_of",
    "p_values",
    "toys",
]

MOST_OUTCOMES = 300_000
"""Outcomes that are enumerated at most."""

FORGOTTEN = 1e-13
"""Probability of the outcomes of a bin that are left out of an enumeration, on either side."""

COMPONENTS = 400
"""Points of a mixture at most."""

CERTAIN = 25.0
"""−Δ ln L beyond which p-values are zero: by Markov's inequality, below e⁻²⁵ for each other point compared with."""

_CHUNK = 20_000_000
"""Numbers of a product of matrices that are held at once: 160 MB."""

_SAME = 1e-9
"""Differences of ln L below this are ties: outcomes are discrete."""


@dataclass(frozen=True)
class Method:
    """How a limit is made: one of `METHODS`, and for those with many bins how many toys, of which random numbers.

    ``"likelihood"`` compares −Δ ln L with the quantile of a χ², the paper's rule. ``"feldman-cousins"`` orders
    outcomes by −Δ ln L and counts how often it is as large as ours (Phys. Rev. D 57, 3873). ``"cls"`` divides the
    p-value of the point by that of no signal (A. L. Read, J. Phys. G 28, 2693). ``"bayes"`` is the probability of a
    larger signal of the same shape, for a prior that is flat in its rate.
    """

    name: str
    n_toys: int = 50_000
    seed: int = 1

    def __post_init__(self) -> None:
        one_of("method", self.name, METHODS)
        whole_number("n_toys", self.n_toys, 1)


def method_of(method: str | Method) -> Method:
    """A method by its name. Raises `ValueError` with the names that there are."""
    return method if isinstance(method, Method) else Method(method)


@dataclass(frozen=True)
class PValues:
    """Probability of data that agree with each point as badly as ours or worse, and its error by toys.

    A point is excluded at confidence level cl if its value is below 1 − cl. Both have the shape of the points.
    """

    value: Array
    error: Array

    @property
    def significance(self) -> Array:
        """Standard deviations of a Gaussian that are exceeded, on one side, as rarely."""
        return np.asarray(-ndtri(self.value))


@dataclass(frozen=True)
class Coverage:
    """Share of experiments that do not exclude each point if it is true, with the ends of its 68 % interval.

    The interval is Jeffreys', for as many experiments as the toys are worth at each point.
    """

    value: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class _Law:
    """ln L of counts whose bins share their errors in groups: α of each is 1/η² + ``more``."""

    background: Array
    width: Array
    group: NDArray[np.int64]
    more: float

    @staticmethod
    def of(analysis: Any, more: float) -> _Law:
        """The bins of a channel are a group if the analysis has ``shared`` errors, else each bin is one."""
        own = np.asarray(analysis.systematic, dtype=float) ** 2
        shared = np.asarray(getattr(analysis, "shared", ()), dtype=float).reshape(-1, len(own))
        if not len(shared):
            return _Law(analysis.background, own, np.arange(len(own)), more)
        group = np.zeros(len(own), dtype=np.int64)
        for i, channel in enumerate(getattr(analysis, "channels", ())):
            group[analysis.bins_of(channel.name)] = i
        size = np.bincount(group)
        common = np.bincount(group, (shared**2).sum(axis=0)) / size + np.bincount(group, own) / size**2
        return _Law(analysis.background, common, group, more)

    def __call__(self, counts: Array, signal: Array) -> Array:
        """Σ (n B − A) of counts (n, bins) at points (p, bins): (n, p)."""
        mean = signal + self.background
        total = mean @ np.eye(len(self.width))[self.group]
        shrunk = np.log1p(self.width * total)
        # As η → 0, ln(1 + η²μ)/η² is μ.
        a = np.divide(shrunk, self.width, out=total.copy(), where=self.width > 1e-12) + self.more * shrunk
        b = np.log(np.maximum(mean, 1e-300)) - shrunk[:, self.group]
        return counts @ b.T - a.sum(axis=-1)


@dataclass(frozen=True)
class Outcomes:
    """Counts (n, bins) of possible experiments, and how each point (p, bins) weights them.

    ``measure`` is the logarithm of the density that they stand for, (n,), without what all points share: that of the
    mixture that ``drawn`` toys come from, or one where all outcomes are there. ``factors`` are those of the
    systematic errors that toys were drawn with, (n, bins), if bins have such in common.
    """

    counts: Array
    measure: Array
    law: _Law
    drawn: bool
    factors: Array | None = None

    def weights(self, signal: Array) -> Array:
        """Probability of each outcome at each point (n, p), over the measure: they add up to one."""
        return np.exp(self.log_probability(signal) - self.measure[:, None])

    def log_probability(self, signal: Array) -> Array:
        """ln P of each outcome at each point without what all points share: (n, p)."""
        if self.factors is None:
            return self.law(self.counts, signal)
        mean = signal + self.law.background
        return self.counts @ np.log(np.maximum(mean, 1e-300)).T - self.factors @ mean.T


def _common(counts: Array, width: Array) -> Array:
    """c(n) of the probability of independent bins, (n,)."""
    narrow = np.broadcast_to(width <= 1e-12, counts.shape)
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
        For more than 300,000 outcomes, and errors that bins share: `toys` have them then.
    """
    from scipy.stats import nbinom, poisson  # here: its import takes longer than a verdict

    if len(getattr(analysis, "shared", ())):
        raise ValueError("outcomes must be of independent bins, got shared errors: use toys")
    mean = _signal(signal, analysis) + analysis.background
    most = []
    for mu, eta in zip(mean.max(axis=0), analysis.systematic, strict=True):
        r = 1 / eta**2 if eta > 1e-6 else np.inf
        law = poisson(mu) if np.isinf(r) else nbinom(r, r / (r + mu))
        most.append(int(law.isf(FORGOTTEN)) + 1)
    if np.prod([m + 1.0 for m in most]) > MOST_OUTCOMES:
        raise ValueError(f"outcomes must be at most {MOST_OUTCOMES}, got counts up to {most}: use toys")
    counts = np.stack(np.meshgrid(*(np.arange(m + 1.0) for m in most), indexing="ij"), axis=-1).reshape(-1, len(most))
    law = _Law.of(analysis, 0.0)
    return Outcomes(counts, -_common(counts, law.width), law, drawn=False)


def toys(signal: ArrayLike, analysis: Any, n_toys: int, seed: int) -> Outcomes:
    r"""Outcomes drawn from a mixture of the points, and of no signal.

    Each bin's own error is a factor with a gamma distribution of mean one; errors that bins share are factors
    :math:`e^{Vu}` with Gaussian u. With the latter, points weight toys by the probability of the counts for the
    factors that were drawn.

    Parameters
    ----------
    signal
        Expected events of points, (p, bins); of many, every so many-th is a part of the mixture.
    analysis
        Its ``background``, relative ``systematic`` error of each bin, and perhaps ``shared`` errors.
    n_toys, seed
        How many, and of which random numbers.
    """
    signal = _signal(signal, analysis)
    if len(getattr(analysis, "shared_signal", ())):
        raise ValueError("shared_signal must be empty for toys: their errors are those of the total expectation")
    order = np.lexsort(signal.T)
    parts = order[np.unique(np.linspace(0, len(order) - 1, min(COMPONENTS, len(order))).astype(int))]
    mixed = np.vstack([np.zeros(signal.shape[1]), signal[parts]])
    rng = random_stream(seed, "toys")
    # As many of each: a mixture by strata has a smaller error than one by chance.
    which = np.arange(whole_number("n_toys", n_toys, 1)) % len(mixed)
    mean = mixed[which] + analysis.background
    width = np.broadcast_to(np.asarray(analysis.systematic) ** 2, mean.shape)
    narrow = width <= 1e-12
    scale = np.where(narrow, 1.0, width)
    factors = np.where(narrow, 1.0, rng.gamma(1 / scale) * scale)
    shared = np.asarray(getattr(analysis, "shared", ()), dtype=float).reshape(-1, mean.shape[1])
    if len(shared):
        factors = factors * np.exp(rng.standard_normal((len(which), len(shared))) @ shared)
    counts = rng.poisson(mean * factors).astype(float)
    with np.errstate(divide="ignore"):
        expected = np.log(np.bincount(which, minlength=len(mixed)))
    law, measure = _Law.of(analysis, 0.0), []
    for part in _parts(len(counts), len(mixed)):
        drawn = factors[part] if len(shared) else None
        found = Outcomes(counts[part], np.zeros(0), law, drawn=True, factors=drawn)
        measure.append(logsumexp(found.log_probability(mixed) + expected, axis=1))
    return Outcomes(counts, np.concatenate(measure), law, drawn=True, factors=factors if len(shared) else None)


def _outcomes(signal: Array, analysis: Any, method: Method, set_of_toys: int = 0) -> Outcomes:
    """All, if they are few enough; else toys."""
    if len(analysis.background) < 4:
        try:
            return enumerated(signal, analysis)
        except ValueError:
            pass
    return toys(signal, analysis, method.n_toys, method.seed + set_of_toys)


def _parts(n: int, other: int) -> Iterator[slice]:
    """Parts of n rows whose product with so many others fits into memory."""
    rows = max(_CHUNK // max(other, 1), 1)
    return (slice(i, i + rows) for i in range(0, n, rows))


def _signal(signal: ArrayLike, analysis: Any) -> Array:
    signal = real_numbers("signal", signal, 0.0, 1e12)
    if signal.ndim != 2 or signal.shape[1] != len(analysis.background):
        raise ValueError(f"signal must be (points, {len(analysis.background)} bins), got shape {signal.shape}")
    return signal


@dataclass(frozen=True)
class _Data:
    """Counts (n, bins), and ln L of the best of all points and of no signal for each, (n,)."""

    counts: Array
    best: Array
    nothing: Array

    @staticmethod
    def of(counts: Array, points: Array, law: _Law) -> _Data:
        nothing = law(counts, np.zeros((1, points.shape[1])))[:, 0]
        best = [law(counts[part], points).max(axis=1, initial=-np.inf) for part in _parts(len(counts), len(points))]
        return _Data(counts, np.maximum(nothing, np.concatenate(best)), nothing)

    def distance(self, name: str, law: _Law, signal: Array) -> Array:
        """How badly counts agree with points (p, bins), compared with the best or, for CLs, with none: (n, p)."""
        lnL = law(self.counts, signal)
        return (self.nothing[:, None] if name == "cls" else np.maximum(self.best[:, None], lnL)) - lnL


def p_values(
    signal: ArrayLike, analysis: Any, method: str | Method, outcomes: Outcomes | None = None, n_parameters: int = 2
) -> PValues:
    """p-values of points for the observed counts, by one of `METHODS`.

    The best point is the best of all that are given, or no signal: give a whole plane, or a fine line.

    Parameters
    ----------
    signal
        Expected events of points, (p, bins).
    analysis
        ``observed`` counts, ``background``, ``systematic``, perhaps ``shared``.
    method
        A name or a `Method`.
    outcomes
        `enumerated` or `toys`, of these points or of a larger set; by default all, or toys if they are too many.
    n_parameters
        Of the χ² of ``"likelihood"``.
    """
    signal, method, law = _signal(signal, analysis), method_of(method), _Law.of(analysis, 1.0)
    data = _Data.of(np.asarray(analysis.observed, dtype=float)[None], signal, law)
    reference = _reference(signal, analysis, method, law, outcomes)
    value, error = _tails(method.name, law, signal, data, *reference, n_parameters)
    return PValues(value[0], error[0])


def _reference(
    points: Array, analysis: Any, method: Method, law: _Law, outcomes: Outcomes | None = None
) -> tuple[Outcomes | None, _Data | None]:
    """What critical values come from, if the method needs them: outcomes, those given or its own, and as data."""
    if method.name in ("likelihood", "bayes"):
        return None, None
    outcomes = outcomes or _outcomes(points, analysis, method)
    return outcomes, _Data.of(outcomes.counts, points, law)


def _tails(
    name: str, law: _Law, signal: Array, data: _Data, outcomes: Outcomes | None, known: _Data | None,
    n_parameters: int,
) -> tuple[Array, Array]:  # fmt: skip
    """p-values of data (n) at points (p, bins) and their errors, both (n, p); ``known`` are the outcomes as data."""
    if name == "bayes":
        value = _bayes(law, signal, data.counts)
        return value, np.zeros(value.shape)
    if name == "likelihood":
        value = gammaincc(n_parameters / 2, data.distance(name, law, signal))
        return value, np.zeros(value.shape)
    assert outcomes is not None
    assert known is not None
    value, error = np.empty((2, len(data.counts), len(signal)))
    nothing = outcomes.weights(np.zeros((1, signal.shape[1])))
    for part in _parts(len(signal), len(outcomes.counts)):
        far, ours = known.distance(name, law, signal[part]), data.distance(name, law, signal[part])
        value[:, part], error[:, part] = _tail(far, outcomes.weights(signal[part]), ours)
        if name == "cls":
            below, below_error = _tail(far, nothing, ours)
            p, sigma = value[:, part], error[:, part]
            ratio = np.divide(p, below, out=np.zeros(p.shape), where=below > 0)
            relative = np.hypot(_over(sigma, p), _over(below_error, below))
            value[:, part], error[:, part] = ratio, ratio * relative
    return value, error if outcomes.drawn else np.zeros(error.shape)


def _over(a: Array, b: Array) -> Array:
    return np.divide(a, b, out=np.zeros(a.shape), where=b > 0)


def _tail(far: Array, weights: Array, ours: Array) -> tuple[Array, Array]:
    """Share of the weights (N, p) or (N, 1) of those outcomes that lie as far as ours (n, p), or farther."""
    total, squares = weights.sum(axis=0), (weights**2).sum(axis=0)
    if len(ours) == 1:
        bad = far >= ours - _SAME
        worse, worse_squares = (np.where(bad, w, 0.0).sum(axis=0)[None] for w in (weights, weights**2))
    else:
        worse, worse_squares = np.empty((2, *ours.shape))
        for i in range(far.shape[1]):
            order = np.argsort(far[:, i])
            at = np.searchsorted(far[order, i], ours[:, i] - _SAME)
            w = weights[order[::-1], i % weights.shape[1]]
            for sums, of in ((worse, w), (worse_squares, w**2)):
                sums[:, i] = np.append(np.cumsum(of)[::-1], 0.0)[at]
    p = worse / total
    # Of a ratio of two sums over the same toys.
    return p, np.sqrt(np.maximum((1 - 2 * p) * worse_squares + p**2 * squares, 0.0)) / total


def _bayes(law: _Law, signal: Array, counts: Array) -> Array:
    r"""Probability of more signal than that of each point, for a prior that is flat in its rate: (n, p).

    .. math:: \int_1^\infty L(\lambda s)\,d\lambda\Big/\int_0^\infty L(\lambda s)\,d\lambda
    """
    x, w = np.polynomial.legendre.leggauss(_NODES)
    x, w, value = (x + 1) / 2, w / 2, np.empty((len(counts), len(signal)))
    for i, spectrum in enumerate(signal):
        size = max(spectrum.sum(), 1e-9)
        # Even in ln(1 + 10 events): near to no signal, where there is little, and far beyond the point.
        ends = (0.0, np.log1p(10 * size), np.log1p(10 * size + 1e6))
        nodes = np.concatenate([low + (high - low) * x for low, high in itertools.pairwise(ends)])
        length = np.concatenate([(high - low) * w for low, high in itertools.pairwise(ends)]) * np.exp(nodes)
        line = np.expm1(nodes)[:, None] / (10 * size) * spectrum
        for part in _parts(len(counts), len(line)):
            lnL = law(counts[part], line)
            density = np.exp(lnL - lnL.max(axis=1, keepdims=True)) * length
            value[part, i] = density[:, _NODES:].sum(axis=1) / density.sum(axis=1)
    return value


_NODES = 200
"""Of Gauss and Legendre, for rates up to that of a point and beyond."""


class Construction:
    """p-values of any points for the observed counts, with outcomes and the best point of a fixed set of points.

    Parameters
    ----------
    method
        A name or a `Method`, other than ``"likelihood"``.
    points
        Expected events, (p, bins): what is compared with.
    analysis
        As in `p_values`.
    """

    def __init__(self, method: str | Method, points: ArrayLike, analysis: Any) -> None:
        self.method, self._law = method_of(method), _Law.of(analysis, 1.0)
        points = np.minimum(np.maximum(points, 0.0), _MOST_EVENTS)
        self._data = _Data.of(np.asarray(analysis.observed, dtype=float)[None], points, self._law)
        points = points[self._near(points)]
        self._reference = _reference(points, analysis, self.method, self._law)

    def _near(self, signal: Array) -> NDArray[np.bool_]:
        return self._law(self._data.counts, signal)[0] > self._data.best - CERTAIN

    def __call__(self, signal: ArrayLike) -> PValues:
        """p-values of points (..., bins): zero where −Δ ln L is above 25."""
        signal = np.minimum(np.maximum(signal, 0.0), _MOST_EVENTS)
        flat = signal.reshape(-1, signal.shape[-1])
        near, found = self._near(flat), np.zeros((2, len(flat)))
        value, error = _tails(self.method.name, self._law, flat[near], self._data, *self._reference, 2)
        found[:, near] = value[0], error[0]
        return PValues(*found.reshape(2, *signal.shape[:-1]))


_MOST_EVENTS = 1e9
"""Signals in a bin beyond this are excluded like this one."""


def allowance(
    points: Expectation, analysis: Any, likelihood: Likelihood, best: float, cl: float, n_parameters: int,
    method: str | Method,
) -> Any:  # fmt: skip
    r"""What is positive for a signal that is allowed and negative for one that is excluded: of an `Expectation`.

    It is ln L over the lowest that is allowed for ``"likelihood"``. For other methods it is
    :math:`-\ln[\ln p/\ln(1-{\rm cl})]`, where :math:`p = e^{-s}` the logarithm of (largest signal allowed / s).

    Parameters
    ----------
    points, best
        What is compared with, and the largest ln L.
    analysis, likelihood, cl, n_parameters, method
        As in `scan`.

    Raises
    ------
    ValueError
        For a likelihood of one's own that does not go with the method.
    """
    threshold, method = exclusion_threshold(cl, n_parameters), method_of(method)
    if method.name == "likelihood":
        return lambda signal: np.maximum(likelihood(signal, analysis) - (best - threshold), -1e300)
    check_method(method, likelihood)
    p = Construction(method, np.reshape(points.mean, (-1, np.shape(points.mean)[-1])), analysis)
    return lambda signal: height(p(signal.mean).value, cl)


def check_method(method: Method, likelihood: Likelihood) -> None:
    """Raise `ValueError` if a method would not use this likelihood."""
    if method.name != "likelihood" and likelihood is not log_likelihood:
        name = getattr(likelihood, "__qualname__", None) or type(likelihood).__qualname__
        raise ValueError(
            f"method must be 'likelihood' with a likelihood of your own, got {method.name!r} with {name}"
        )


def height(p: Array, cl: float) -> Array:
    """`allowance` of p-values."""
    with np.errstate(divide="ignore"):
        return np.clip(-np.log(np.log(np.minimum(p, 1.0)) / np.log(1 - cl)), -FAR, FAR)


def coverage(
    signal: ArrayLike,
    analysis: Any,
    method: str | Method = "likelihood",
    *,
    cl: float = 0.90,
    n_parameters: int = 2,
    truth: Any = None,
    which: Any = slice(None),
) -> Coverage:
    """Share of experiments that do not exclude each point if it is true.

    Every point is compared with the best of all that are given. Critical values come from one set of toys and
    experiments from another, but where all outcomes are added up.

    Parameters
    ----------
    signal
        Expected events of points, (p, bins): a whole plane, or a fine line.
    analysis, method, cl, n_parameters
        Counts and rule, as in `p_values`: what an experiment would use.
    truth
        The same analysis with the errors that experiments really have; by default those that it assumes.
    which
        Indices of the points that are true; all by default.

    Returns
    -------
    Coverage
        Of each point that is true.

    >>> from darkpkg import ANALYSIS_I
    >>> line = np.linspace(0, 12, 60)[:, None] * [0.8, 0.2]
    >>> coverage(line, ANALYSIS_I, "feldman-cousins").value.min().round(2)
    0.9
    """
    points, method, law = _signal(signal, analysis), method_of(method), _Law.of(analysis, 1.0)
    experiments = _outcomes(points, analysis if truth is None else truth, method, 1)
    data, reference = _Data.of(experiments.counts, points, law), _reference(points, analysis, method, law)
    true = points[which]
    share, size = np.empty((2, len(true)))
    for part in _parts(len(true), 3 * len(data.counts)):
        p, _ = _tails(method.name, law, true[part], data, *reference, n_parameters)
        weights = experiments.weights(true[part])
        total = weights.sum(axis=0)
        share[part] = np.where(p >= 1 - cl, weights, 0.0).sum(axis=0) / total
        size[part] = total**2 / (weights**2).sum(axis=0)
    if not experiments.drawn:
        return Coverage(share, share, share)
    good, bad = share * size + 0.5, (1 - share) * size + 0.5
    return Coverage(share, *(betaincinv(good, bad, level) for level in (0.16, 0.84)))


@dataclass(frozen=True)
class Limits:
    """Largest scale of a signal that is allowed, and what it is expected to be without any signal.

    ``quantiles`` are at −2, −1, 0, 1, 2σ of the experiments that see background alone, ``asimov`` the limit if the
    counts are the expected background.
    """

    observed: float
    quantiles: Array
    asimov: float


def expected_limits(
    spectrum: ArrayLike, analysis: Any, method: str | Method = "likelihood", *, cl: float = 0.90,
    n_parameters: int = 2, n_experiments: int = 4000,
) -> Limits:  # fmt: skip
    """Limits on the scale of one spectrum, observed and expected.

    Parameters
    ----------
    spectrum
        Expected events of the signal in each bin, (bins,).
    analysis, method, cl, n_parameters
        As in `coverage`.
    n_experiments
        Toys with background alone.

    Returns
    -------
    Limits
        In units of the spectrum; scales are a line of 1 % steps.
    """
    spectrum, method, law = real_numbers("spectrum", spectrum, 0.0, 1e12), method_of(method), _Law.of(analysis, 1.0)
    if not spectrum.sum() > 0:
        raise ValueError("spectrum must have a signal in some bin, got none")
    reach = 30 + 20 * np.sqrt(np.sum(np.asarray(analysis.background) * (spectrum > 0)))
    spread = np.sqrt(np.sum((analysis.systematic * analysis.background) ** 2))
    scales = np.geomspace(0.05, reach + 20 * spread, 700) / spectrum.sum()
    signal = _signal(scales[:, None] * spectrum, analysis)
    alone = toys(0 * spectrum[None], analysis, n_experiments, method.seed + 2)
    counts = np.vstack([analysis.observed, analysis.background, alone.counts])
    which, of_all = np.unique(counts, axis=0, return_inverse=True)
    data, reference = _Data.of(which, signal, law), _reference(signal, analysis, method, law)
    p, _ = _tails(method.name, law, signal, data, *reference, n_parameters)
    allowed = p >= 1 - cl
    if allowed[:, -1].any():
        raise ValueError(
            f"limits must lie below {scales[-1] * spectrum.sum():.4g} events, got counts that allow more"
        )
    last = len(scales) - 1 - allowed[:, ::-1].argmax(axis=1)
    found = np.where(allowed.any(axis=1), scales[last], 0.0)[of_all.ravel()]
    return Limits(float(found[0]), np.quantile(found[2:], [0.0228, 0.1587, 0.5, 0.8413, 0.9772]), float(found[1]))

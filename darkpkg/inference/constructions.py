"""The meaning of a confidence level: p-values of points by G. J. Feldman and R. D. Cousins, by CLs and by Bayes.

Begin with `Construction`, which stands behind ``method=`` wherever a limit is made. Few bins have so few outcomes
that all are added up, many bins have toys (`darkpkg.inference.outcomes`).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # which imports its parts where they are used
from numpy.typing import ArrayLike, NDArray

from darkpkg.inference.likelihood import Likelihood, log_likelihood, name_of, values_of
from darkpkg.inference.outcomes import (
    Compares,
    Law,
    Method,
    Outcomes,
    checked_signal,
    comparison,
    method_of,
    outcomes_of,
    parts_of_rows,
)
from darkpkg.inference.threshold import FAR, exclusion_threshold
from darkpkg.inputs import Array, check_kinds, whole_number
from darkpkg.method.expectation import Expectation

CERTAIN = 25.0
"""−Δ ln L beyond which p-values are zero: by Markov's inequality, below e⁻²⁵ for each other point compared with."""

_SAME = 1e-9
"""Differences of ln L below this are ties: outcomes are discrete."""

_NODES = 200
"""Of Gauss and Legendre, for rates up to that of a point and beyond."""

_MOST_EVENTS = 1e9
"""Signals in a bin beyond this are excluded like this one."""


@dataclass(frozen=True)
class PValues:
    """Probability of data that agree with each point as badly as ours or worse, and its error by toys.

    A point is excluded at confidence level cl if its value is below 1 − cl.

    Attributes
    ----------
    value
        From 0 to 1, of the points' shape.
    error
        By the finite number of toys, of the same shape; zero where all outcomes are added up.
    """

    value: Array
    error: Array


@dataclass(frozen=True)
class Data:
    """Data of some experiments, and how well points explain them.

    Attributes
    ----------
    counts
        Of each experiment, (n, bins).
    best, nothing
        ln L of the best of all points, and of no signal, (n,).
    """

    counts: Array
    best: Array
    nothing: Array

    @staticmethod
    def of(counts: Array, points: Array, law: Compares) -> Data:
        """Counts (n, bins) compared with points (p, bins)."""
        nothing = law(counts, np.zeros((1, points.shape[1])))[:, 0]
        parts = parts_of_rows(len(counts), len(points))
        best = [law(counts[part], points).max(axis=1, initial=-np.inf) for part in parts]
        return Data(counts, np.maximum(nothing, np.concatenate(best)), nothing)

    def distance(self, name: str, law: Compares, signal: Array) -> Array:
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
    whole_number("n_parameters", n_parameters, 1)
    check_kinds(outcomes=(outcomes, (Outcomes, None)))
    signal, method, law = checked_signal(signal, analysis), method_of(method), comparison(method, analysis)
    data = Data.of(np.asarray(analysis.observed, dtype=float)[None], signal, law)
    value, error = Reference(method, signal, analysis, law, outcomes).tails(data, signal, n_parameters)
    return PValues(value[0], error[0])


class Reference:
    """What p-values by a method refer to, if it needs any: outcomes, those that are given or its own."""

    def __init__(
        self, method: Method, points: Array, analysis: Any, law: Compares, outcomes: Outcomes | None = None
    ) -> None:
        self._name, self._law, self._outcomes = method.name, law, outcomes
        if method.name not in ("likelihood", "bayes"):
            self._outcomes = outcomes or outcomes_of(points, analysis, method)
            self._known = Data.of(self._outcomes.counts, points, law)

    def tails(self, data: Data, signal: Array, n_parameters: int) -> tuple[Array, Array]:
        """p-values of data (n) at points (p, bins) and their errors, both (n, p)."""
        name, outcomes = self._name, self._outcomes
        if name == "bayes":
            value = _bayes(self._law, signal, data.counts)
            return value, np.zeros(value.shape)
        if name == "likelihood" or outcomes is None:
            value = scipy.special.gammaincc(n_parameters / 2, data.distance(name, self._law, signal))
            return value, np.zeros(value.shape)
        value, error = np.empty((2, len(data.counts), len(signal)))
        nothing = outcomes.weights(np.zeros((1, signal.shape[1])))
        for part in parts_of_rows(len(signal), len(outcomes.counts)):
            far, ours = (one.distance(name, self._law, signal[part]) for one in (self._known, data))
            weights = [outcomes.weights(signal[part]), *([nothing] if name == "cls" else [])]
            (p, sigma), *of_nothing = _tails(far, weights, ours)
            value[:, part], error[:, part] = p, sigma
            for below, below_error in of_nothing:
                ratio = np.divide(p, below, out=np.zeros(p.shape), where=below > 0)
                relative = np.hypot(_over(sigma, p), _over(below_error, below))
                value[:, part], error[:, part] = ratio, ratio * relative
        return value, error if outcomes.drawn else np.zeros(error.shape)


def _over(a: Array, b: Array) -> Array:
    return np.divide(a, b, out=np.zeros(a.shape), where=b > 0)


def _tails(far: Array, weights: Sequence[Array], ours: Array) -> Iterator[tuple[Array, Array]]:
    """Share of each of the weights (N, p) or (N, 1) of those outcomes that lie as far as ours (n, p), or farther."""
    worse = np.empty((len(weights), 2, *ours.shape))
    if len(ours) == 1:
        bad = far >= ours - _SAME
        for sums, w in zip(worse, weights, strict=True):
            sums[:, 0] = [np.where(bad, of, 0.0).sum(axis=0) for of in (w, w**2)]
    else:
        for i in range(far.shape[1]):
            order = np.argsort(far[:, i])
            at = np.searchsorted(far[order, i], ours[:, i] - _SAME)
            for sums, w in zip(worse, weights, strict=True):
                own = w[order[::-1], i % w.shape[1]]
                sums[:, :, i] = [np.append(np.cumsum(of)[::-1], 0.0)[at] for of in (own, own**2)]
    for (sums, squares), w in zip(worse, weights, strict=True):
        total = w.sum(axis=0)
        p = sums / total
        # Of a ratio of two sums over the same toys.
        yield p, np.sqrt(np.maximum((1 - 2 * p) * squares + p**2 * (w**2).sum(axis=0), 0.0)) / total


@functools.cache
def _rule() -> tuple[Array, Array]:
    """Nodes and weights of Gauss and Legendre between 0 and 1, which take longer than an integral by them."""
    x, w = np.polynomial.legendre.leggauss(_NODES)
    return (x + 1) / 2, w / 2


def _bayes(law: Compares, signal: Array, counts: Array) -> Array:
    r"""Probability of more signal than that of each point, for a prior that is flat in its rate: (n, p).

    .. math:: \int_1^\infty L(\lambda s)\,d\lambda\Big/\int_0^\infty L(\lambda s)\,d\lambda
    """
    x, w = _rule()
    value = np.empty((len(counts), len(signal)))
    for i, spectrum in enumerate(signal):
        size = max(spectrum.sum(), 1e-9)
        # Even in ln(1 + 10 events): near to no signal, where there is little, and far beyond the point.
        ends = (0.0, np.log1p(10 * size), np.log1p(10 * size + 1e6))
        nodes = np.concatenate([low + (high - low) * x for low, high in itertools.pairwise(ends)])
        length = np.concatenate([(high - low) * w for low, high in itertools.pairwise(ends)]) * np.exp(nodes)
        line = np.expm1(nodes)[:, None] / (10 * size) * spectrum
        for part in parts_of_rows(len(counts), len(line)):
            lnL = law(counts[part], line)
            density = np.exp(lnL - lnL.max(axis=1, keepdims=True)) * length
            value[part, i] = density[:, _NODES:].sum(axis=1) / density.sum(axis=1)
    return value


class Construction:
    """p-values of any points for the observed counts, with outcomes and the best point of a fixed set of points.

    Parameters
    ----------
    method
        Other than ``"likelihood"``.
    points
        Expected events, (p, bins): what is compared with.
    analysis
        As in `p_values`.
    likelihood
        That of the paper, the only one that a method other than ``"likelihood"`` has.
    """

    def __init__(self, method: Method, points: ArrayLike, analysis: Any, likelihood: Likelihood) -> None:
        check_method(method, likelihood)
        self._law = Law.of(analysis, 1.0)
        points = np.minimum(np.maximum(points, 0.0), _MOST_EVENTS)
        self._data = Data.of(np.asarray(analysis.observed, dtype=float)[None], points, self._law)
        points = points[self._near(points)]
        self._reference = Reference(method, points, analysis, self._law)

    def _near(self, signal: Array) -> NDArray[np.bool_]:
        return self._law(self._data.counts, signal)[0] > self._data.best - CERTAIN

    def __call__(self, signal: ArrayLike) -> PValues:
        """p-values of points (..., bins): zero where −Δ ln L is above 25."""
        signal = np.minimum(np.maximum(signal, 0.0), _MOST_EVENTS)
        flat = signal.reshape(-1, signal.shape[-1])
        near, found = self._near(flat), np.zeros((2, len(flat)))
        value, error = self._reference.tails(self._data, flat[near], 2)
        found[:, near] = value[0], error[0]
        return PValues(*found.reshape(2, *signal.shape[:-1]))


def allowance(
    points: Expectation, analysis: Any, likelihood: Likelihood, best: float, cl: float, n_parameters: int,
    method: str | Method,
) -> Any:  # fmt: skip
    r"""What is positive for a signal that is allowed and negative for one that is excluded: of an `Expectation`.

    For ``"likelihood"`` it is ln L less the lowest that is allowed. For other methods it is
    :math:`-\ln[\ln p/\ln(1-{\rm cl})]`: if p falls with the signal s as :math:`e^{-s}`, that is the logarithm of the
    largest signal that is allowed over s.

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
        return lambda signal: np.maximum(values_of(likelihood, signal, analysis) - (best - threshold), -1e300)
    p = Construction(method, np.reshape(points.mean, (-1, np.shape(points.mean)[-1])), analysis, likelihood)
    return lambda signal: height(p(signal.mean).value, cl)


def check_method(method: Method, likelihood: Likelihood) -> None:
    """Raise `ValueError` if a method would not use this likelihood."""
    if method.name != "likelihood" and likelihood is not log_likelihood:
        own = f"a likelihood of your own, got {method.name!r} with {name_of(likelihood)}"
        raise ValueError(f"method must be 'likelihood' with {own}")


def height(p: Array, cl: float) -> Array:
    """`allowance` of p-values."""
    with np.errstate(divide="ignore"):
        return np.clip(-np.log(np.log(np.minimum(p, 1.0)) / np.log(1 - cl)), -FAR, FAR)

r"""Possible experiments: all outcomes of few bins, or toys of many, with the probability that each point gives them.

Begin with `enumerated` and `toys`. The likelihood of bins with relative errors η is, for a total expectation μ,

.. math:: \ln L(n;\mu) &= c(n) + \sum_b \bigl[n_b\,B_b(\mu) - A_b(\mu)\bigr], \\
          A &= \alpha\ln(1+\eta^2\mu), \\
          B &= \ln\mu-\ln(1+\eta^2\mu) ,

linear in the counts: for all outcomes and all points it is one product of matrices. With :math:`\alpha =
1/\eta^2` it is the probability of n if the expectation has a gamma distribution of mean μ and relative width η, a
negative binomial, from which outcomes are drawn; with :math:`\alpha = 1/\eta^2+1` it is the likelihood of the paper,
whose gamma has the mean :math:`\mu(1+\eta^2)` (`darkpkg.inference.likelihood`). Bins that have their error in
common are as linear, with the sum of their expectations inside of the logarithms of :math:`1+\eta^2\mu`; η depends
on the point where signal and background have errors apart. The simulation's own error is no part of this.

Toys are drawn from a mixture of all points, and each point weights them by its probability over that of the mixture:
L. Berns, arXiv:2303.11290.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # which imports its parts where they are used
from numpy.typing import ArrayLike, NDArray

from darkpkg.inference.likelihood import check_counts, over_sources, shared_errors, sources_of
from darkpkg.inference.threshold import METHODS
from darkpkg.inputs import Array, one_of, real_numbers, whole_number
from darkpkg.streams import random_stream

MOST_OUTCOMES = 300_000
"""Outcomes that are enumerated at most."""

FORGOTTEN = 1e-13
"""Probability of the outcomes of a bin that are left out of an enumeration, on either side."""

COMPONENTS = 400
"""Points of a mixture at most."""

Compares = Callable[[Array, Array], Array]
"""ln L of counts (n, bins) at points (p, bins), without what all points share: (n, p)."""

_CHUNK = 20_000_000
"""Numbers of a product of matrices that are held at once: 160 MB."""


@dataclass(frozen=True)
class Method:
    """How a limit is made: one of `METHODS`, and for those with many bins how many toys, of which random numbers.

    ``"likelihood"`` compares −Δ ln L with the quantile of a χ², the paper's rule. ``"feldman-cousins"`` orders
    outcomes by −Δ ln L and counts how often it is as large as ours (Phys. Rev. D 57, 3873). ``"cls"`` divides the
    p-value of the point by that of no signal (A. L. Read, J. Phys. G 28, 2693). ``"bayes"`` is the probability of a
    larger signal of the same shape, for a prior that is flat in its rate.

    Attributes
    ----------
    name
        One of `METHODS`.
    n_toys, seed
        How many toys, and of which random numbers.
    """

    name: str
    n_toys: int = 50_000
    seed: int = 1

    def __post_init__(self) -> None:
        one_of("method", self.name, METHODS)
        whole_number("n_toys", self.n_toys, 1)
        whole_number("seed", self.seed)


def method_of(method: str | Method) -> Method:
    """A method by its name. Raises `ValueError` with the names that there are."""
    return method if isinstance(method, Method) else Method(method)


@dataclass(frozen=True)
class Law:
    """ln L of counts whose bins share their errors in groups.

    Attributes
    ----------
    background
        Expected events, (bins,).
    own
        Squared relative error of each bin, (bins,).
    group
        That of each bin, (bins,).
    more
        α of each group is 1/η² and this, 0 or 1.
    analysis
        What has the sources of errors that bins share, if there are any.
    """

    background: Array
    own: Array
    group: NDArray[np.int64]
    more: float
    analysis: Any = None

    @staticmethod
    def of(analysis: Any, more: float) -> Law:
        """The bins of a channel are a group if the analysis has ``shared`` errors, else each bin is one."""
        own = np.asarray(analysis.systematic, dtype=float) ** 2
        if not len(getattr(analysis, "shared", ())):
            return Law(analysis.background, own, np.arange(len(own)), more)
        group = np.zeros(len(own), dtype=np.int64)
        for i, channel in enumerate(getattr(analysis, "channels", ())):
            group[analysis.bins_of(channel.name)] = i
        return Law(analysis.background, own, group, more, analysis)

    def width(self, mean: Array) -> Array:
        """Squared relative error η² of each group at total expectations (p, bins): (groups,) or (p, groups)."""
        if self.analysis is None:
            return self.own
        V_sq, size = (sources_of(self.analysis, mean) ** 2).sum(axis=-1), np.bincount(self.group)
        if V_sq.ndim == 1:
            return self._in_groups(V_sq + self.own / size[self.group]) / size
        return self._in_groups(mean * V_sq) / self._in_groups(mean) + self._in_groups(self.own) / size**2

    def _in_groups(self, of_bins: Array) -> Array:
        return np.asarray(of_bins @ np.eye(self.group.max() + 1)[self.group])

    def __call__(self, counts: Array, signal: Array) -> Array:
        """Σ (n B − A) of counts (n, bins) at points (p, bins), and c(n) if η depends on the point: (n, p)."""
        mean = signal + self.background
        width, total = self.width(mean), self._in_groups(mean)
        shrunk = np.log1p(width * total)
        # As η → 0, ln(1 + η²μ)/η² is μ.
        a = np.divide(shrunk, width, out=total.copy(), where=width > 1e-12) + self.more * shrunk
        b = np.log(np.maximum(mean, 1e-300)) - shrunk[:, self.group]
        lnL = counts @ b.T - a.sum(axis=-1)
        if width.ndim == 2:
            for n, eta_sq in zip(self._in_groups(counts).T, width.T, strict=True):
                values, where = np.unique(n, return_inverse=True)  # of thousands of toys, few have another sum
                lnL += _rising(values[:, None], eta_sq, self.more)[where.ravel()]
        return np.asarray(lnL)


def comparison(method: str | Method, analysis: Any) -> Compares:
    """ln L that a method compares points by.

    That of a `Law`, but where ``"likelihood"`` meets errors that bins share: there it is the profile, as in a scan.
    """
    if method_of(method).name != "likelihood" or not len(getattr(analysis, "shared", ())):
        return Law.of(analysis, 1.0)
    own = np.asarray(analysis.systematic, dtype=float) ** 2

    def profiled(counts: Array, signal: Array) -> Array:
        mean = signal + analysis.background
        V, parts = sources_of(analysis, mean), parts_of_rows(len(counts), 10 * mean.size)
        return np.concatenate([over_sources(counts[part, None], mean, own, V)[0] for part in parts])

    return profiled


@dataclass(frozen=True)
class Outcomes:
    """Counts (n, bins) of possible experiments, and how each point (p, bins) weights them.

    Attributes
    ----------
    counts
        (n, bins).
    measure
        Logarithm (n,) of the density that they stand for, without what all points share: that of the mixture that
        toys come from, or one where all outcomes are there.
    law
        What gives ln P of counts at a point.
    drawn
        Whether these are toys instead of all outcomes.
    factors
        Those of the systematic errors that toys were drawn with, on signal and background, (2, n, bins), if bins have
        such in common.
    """

    counts: Array
    measure: Array
    law: Law
    drawn: bool
    factors: tuple[Array, Array] | None = None

    def weights(self, signal: Array) -> Array:
        """Probability of each outcome at each point (n, p), over the measure: they add up to one."""
        return np.exp(self.log_probability(signal) - self.measure[:, None])

    def log_probability(self, signal: Array) -> Array:
        """ln P of each outcome at each point without what all points share: (n, p)."""
        if self.factors is None:
            return self.law(self.counts, signal)
        of_signal, of_background = self.factors
        if not len(getattr(self.law.analysis, "shared_signal", ())):
            mean = signal + self.law.background
            return self.counts @ np.log(np.maximum(mean, 1e-300)).T - of_signal @ mean.T
        value = -(of_signal @ signal.T) - (of_background @ self.law.background)[:, None]
        background = of_background * self.law.background
        for part in parts_of_rows(len(value), 400 * len(signal)):  # few at once stay in the cache of a processor
            for n, f, b, s in zip(self.counts[part].T, of_signal[part].T, background[part].T, signal.T, strict=True):
                mean = np.multiply.outer(f, s)
                mean += b[:, None]
                np.log(np.maximum(mean, 1e-300, out=mean), out=mean)
                mean *= n[:, None]
                value[part] += mean
        return value


def _rising(n: Array, width: Array, more: float) -> Array:
    """ln of Γ(n + α)/Γ(α) times η²ⁿ, with α = 1/η² and ``more``; zero as η → 0."""
    narrow = width <= 1e-12
    eta_sq = np.where(narrow, 1.0, width)
    n, eta_sq, narrow = np.broadcast_arrays(n, eta_sq, narrow)
    some = np.where(n > 0, n, 1.0)
    rising = scipy.special.gammaln(some) - scipy.special.betaln(some, 1 / eta_sq + more) + some * np.log(eta_sq)
    return np.where(narrow | (n == 0), 0.0, rising)


def _common(counts: Array, width: Array) -> Array:
    """c(n) of the probability of independent bins, (n,)."""
    return np.sum(_rising(counts, width, 0.0) - scipy.special.gammaln(counts + 1), axis=-1)


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
    if len(getattr(analysis, "shared", ())):
        raise ValueError("outcomes must be of independent bins, got shared errors: use toys")
    mean = checked_signal(signal, analysis) + analysis.background
    most = []
    for mu, eta in zip(mean.max(axis=0), analysis.systematic, strict=True):
        r = 1 / eta**2 if eta > 1e-6 else np.inf
        law = scipy.stats.poisson(mu) if np.isinf(r) else scipy.stats.nbinom(r, r / (r + mu))
        most.append(int(law.isf(FORGOTTEN)) + 1)
    if np.prod([m + 1.0 for m in most]) > MOST_OUTCOMES:
        raise ValueError(f"outcomes must be at most {MOST_OUTCOMES}, got counts up to {most}: use toys")
    counts = np.stack(np.meshgrid(*(np.arange(m + 1.0) for m in most), indexing="ij"), axis=-1).reshape(-1, len(most))
    law = Law.of(analysis, 0.0)
    return Outcomes(counts, -_common(counts, law.own), law, drawn=False)


def toys(signal: ArrayLike, analysis: Any, n_toys: int, seed: int) -> Outcomes:
    r"""Outcomes drawn from a mixture of the points, and of no signal.

    Each bin's own error is a factor with a gamma distribution of mean one; errors that bins share are factors
    :math:`e^{Vu}` with Gaussian u, on signal and background apart if the analysis has them so. With the latter,
    points weight toys by the probability of the counts for the factors that were drawn.

    Parameters
    ----------
    signal
        Expected events of points, (p, bins); of many, every so many-th is a part of the mixture.
    analysis
        Its ``background``, relative ``systematic`` error of each bin, and perhaps ``shared`` errors, and
        ``shared_signal``.
    n_toys, seed
        How many, and of which random numbers.
    """
    signal = checked_signal(signal, analysis)
    order = np.lexsort(signal.T)
    parts = order[np.unique(np.linspace(0, len(order) - 1, min(COMPONENTS, len(order))).astype(int))]
    mixed = np.vstack([np.zeros(signal.shape[1]), signal[parts]])
    rng = random_stream(seed, "toys")
    # As many of each: a mixture by strata has a smaller error than one by chance.
    which = np.arange(whole_number("n_toys", n_toys, 1)) % len(mixed)
    width = np.broadcast_to(np.asarray(analysis.systematic) ** 2, (len(which), signal.shape[1]))
    narrow = width <= 1e-12
    scale = np.where(narrow, 1.0, width)
    own = np.where(narrow, 1.0, rng.gamma(1 / scale) * scale)
    of_background, of_signal = shared_errors(analysis, signal.shape[1])
    on_signal = on_background = own
    if len(of_background):
        u = rng.standard_normal((len(which), len(of_background)))
        on_signal = on_background = own * np.exp(u @ of_background)
    if len(of_signal):
        on_signal = own * np.exp(u @ of_signal)
        rate = on_signal * mixed[which] + on_background * analysis.background
    else:
        rate = on_background * (mixed[which] + analysis.background)
    factors = (on_signal, on_background) if len(of_background) else None
    counts = rng.poisson(rate).astype(float)
    with np.errstate(divide="ignore"):
        expected = np.log(np.bincount(which, minlength=len(mixed)))
    law, measure = Law.of(analysis, 0.0), []
    for part in parts_of_rows(len(counts), len(mixed)):
        drawn = factors and (on_signal[part], on_background[part])
        found = Outcomes(counts[part], np.zeros(0), law, drawn=True, factors=drawn)
        measure.append(scipy.special.logsumexp(found.log_probability(mixed) + expected, axis=1))
    return Outcomes(counts, np.concatenate(measure), law, drawn=True, factors=factors)


def outcomes_of(signal: Array, analysis: Any, method: Method, set_of_toys: int = 0) -> Outcomes:
    """All, if they are few enough; else toys."""
    if len(analysis.background) < 4:
        try:
            return enumerated(signal, analysis)
        except ValueError:
            pass
    return toys(signal, analysis, method.n_toys, method.seed + set_of_toys)


def parts_of_rows(n: int, other: int) -> Iterator[slice]:
    """Parts of n rows whose product with so many others fits into memory."""
    rows = max(_CHUNK // max(other, 1), 1)
    return (slice(i, i + rows) for i in range(0, n, rows))


def checked_signal(signal: ArrayLike, analysis: Any) -> Array:
    """Expected events (p, bins) of an analysis. Raises `ValueError` for what is none."""
    check_counts("analysis", analysis)
    signal = real_numbers("signal", signal, 0.0, 1e12)
    if signal.ndim != 2 or signal.shape[1] != len(analysis.background):
        raise ValueError(f"signal must be (points, {len(analysis.background)} bins), got shape {signal.shape}")
    return signal

"""How often a rule is right: the coverage of limits, and the limits to be expected without a signal.

Begin with `coverage` and `expected_limits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # which imports its parts where they are used
from numpy.typing import ArrayLike

from darkpkg.inference.constructions import Data, Reference
from darkpkg.inference.likelihood import check_counts, sources_of
from darkpkg.inference.outcomes import Method, checked_signal, comparison, method_of, outcomes_of, parts_of_rows, toys
from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.inputs import Array, real_numbers, whole_number


@dataclass(frozen=True)
class Coverage:
    """Share of experiments that do not exclude each point if it is true, with the ends of its 68 % interval.

    Attributes
    ----------
    value
        The share (p,) of each point, from 0 to 1.
    low, high
        Ends (p,) of Jeffreys' interval, for as many experiments as both sets of toys are worth at each point: those
        that are judged, and those of the critical values.
    """

    value: Array
    low: Array
    high: Array


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
        Counts and rule, as in `p_values`: what an experiment would use. ``Method("cls", n_toys=…)`` has as many
        experiments, and again as many toys for critical values; a name has 50,000.
    truth
        The same analysis with the errors that experiments really have; by default those that it assumes.
    which
        Indices of the points that are true; all by default.

    Returns
    -------
    Coverage
        Of each point that is true.

    Examples
    --------
    >>> from darkpkg import ANALYSIS_I
    >>> line = np.linspace(0, 12, 60)[:, None] * [0.8, 0.2]
    >>> coverage(line, ANALYSIS_I, "feldman-cousins").value.min().round(2)
    0.9
    """
    exclusion_threshold(cl, n_parameters)  # raises for what is no level
    points, method, law = checked_signal(signal, analysis), method_of(method), comparison(method, analysis)
    check_counts("truth", analysis if truth is None else truth)
    experiments = outcomes_of(points, analysis if truth is None else truth, method, 1)
    data, reference = Data.of(experiments.counts, points, law), Reference(method, points, analysis, law)
    try:
        true = points[which].reshape(-1, points.shape[1])
    except (IndexError, ValueError) as wrong:
        raise ValueError(f"which must be indices of the {len(points)} points, got {which!r}: {wrong}") from None
    share, size = np.empty((2, len(true)))
    for part in parts_of_rows(len(true), 3 * len(data.counts)):
        p, error = reference.tails(data, true[part], n_parameters)
        weights = experiments.weights(true[part])
        weights /= weights.sum(axis=0)
        covers = p >= 1 - cl
        share[part] = mean = np.minimum(np.where(covers, weights, 0.0).sum(axis=0), 1.0)
        # The error of these experiments, and that of the critical values: what covers if all p are larger or smaller.
        more, less = (np.where(p + by >= 1 - cl, weights, 0.0).sum(axis=0) for by in (error, -error))
        variance = (weights**2 * (covers - mean) ** 2).sum(axis=0) + (more - less) ** 2 / 4
        # Jeffreys' interval of n experiments has the variance mean (1 − mean)/n, and 1/(2 n²) where that is less.
        worth = 1 / (weights**2).sum(axis=0)
        known = np.maximum(variance, 1e-300)
        np.copyto(worth, np.maximum(mean * (1 - mean) / known, np.sqrt(0.5 / known)), where=variance > 0)
        size[part] = np.minimum(worth, len(weights))
    if not experiments.drawn:
        return Coverage(share, share, share)
    good, bad = share * size + 0.5, (1 - share) * size + 0.5
    return Coverage(share, *(scipy.special.betaincinv(good, bad, level) for level in (0.16, 0.84)))


@dataclass(frozen=True)
class Limits:
    """Largest scale of a signal that is allowed, and what it is expected to be without any signal.

    Attributes
    ----------
    observed
        Limit by the observed counts, in units of the spectrum, as are the others.
    quantiles
        (5,), at −2, −1, 0, 1, 2σ of experiments with background alone.
    asimov
        Limit if the counts are the expected background.
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
    exclusion_threshold(cl, n_parameters)  # raises for what is no level
    whole_number("n_experiments", n_experiments, 1)
    check_counts("analysis", analysis)
    spectrum, method = real_numbers("spectrum", spectrum, 0.0, 1e12), method_of(method)
    if spectrum.shape != np.shape(analysis.background):
        raise ValueError(f"spectrum must have {len(analysis.background)} bins, got shape {spectrum.shape}")
    law, background = comparison(method, analysis), np.asarray(analysis.background, dtype=float)
    if not spectrum.sum() > 0:
        raise ValueError("spectrum must have a signal in some bin, got none")
    reach = 30 + 20 * np.sqrt(np.sum(background * (spectrum > 0)))
    of_sources = background @ sources_of(analysis, np.maximum(background, 1e-300))
    spread = np.sqrt(np.sum((analysis.systematic * background) ** 2) + np.sum(of_sources**2))
    scales = np.geomspace(0.05, reach + 20 * spread, 700) / spectrum.sum()
    signal = checked_signal(scales[:, None] * spectrum, analysis)
    alone = toys(0 * spectrum[None], analysis, n_experiments, method.seed + 2)
    counts = np.vstack([analysis.observed, background, alone.counts])
    which, of_all = np.unique(counts, axis=0, return_inverse=True)
    p, _ = Reference(method, signal, analysis, law).tails(Data.of(which, signal, law), signal, n_parameters)
    allowed = p >= 1 - cl
    if allowed[:, -1].any():
        raise ValueError(
            f"limits must lie below {scales[-1] * spectrum.sum():.4g} events, got counts that allow more"
        )
    last = len(scales) - 1 - allowed[:, ::-1].argmax(axis=1)
    found = np.where(allowed.any(axis=1), scales[last], 0.0)[of_all.ravel()]
    return Limits(float(found[0]), np.quantile(found[2:], [0.0228, 0.1587, 0.5, 0.8413, 0.9772]), float(found[1]))

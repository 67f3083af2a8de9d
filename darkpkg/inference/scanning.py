"""The likelihood at many points, usually a slice of the parameter space. Begin with `scan`, which makes a `Scan`.

It knows nothing of neutrinos: points, an estimator that predicts, and counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from tqdm import tqdm

from darkpkg.inference.likelihood import Likelihood, log_likelihood
from darkpkg.inference.scan import Scan
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import exclusion_rule, no_signal
from darkpkg.inputs import check_kinds, whole_number
from darkpkg.memory import require_memory
from darkpkg.method.estimators import Predicts, check_estimator
from darkpkg.method.expectation import Expectation

Array = NDArray[np.float64]

__all__ = ["prediction", "require_scan_memory", "scan", "values_of"]


def scan(
    estimator: Predicts,
    parameters: Any,
    analysis: Any,
    *,
    likelihood: Likelihood = log_likelihood,
    refine: int = 0,
    cl: float = 0.90,
    n_parameters: int = 2,
    progress: bool = False,
) -> Scan:
    """The likelihood of ``analysis`` at every point of ``parameters``, usually a plane.

    Parameters
    ----------
    estimator
        `Kernel` or `Transport` of a sample, or any object of yours whose ``events(parameters, analysis)`` returns an
        `Expectation` of finite numbers, of the shape of the points + (bins,).
    parameters
        A `Slice`, or points such as `DarkParameters` of any shape; what else your own estimator takes.
    analysis
        One, or a sum of several; for an estimator of your own, what has arrays ``observed``, ``background`` and
        ``systematic`` over the bins.
    likelihood
        What gives ln L of an expectation and the analysis, of the points' shape: `log_likelihood` or your own.
    refine
        How often to halve the grid where the edge of exclusion may pass; needs a `Slice`. Each time, only cells that
        the edge crosses, or could reach at the slope of their neighbours, get new points.
    cl, n_parameters
        The rule whose edge is refined, `exclusion_rule`.
    progress
        Show a progress bar.

    Raises `ValueError` before any work if the grid does not fit into memory; and if a bin has data, but neither
    background nor signal at any point, because then no point is better than another. If only some points can make the
    data of a bin, the others are excluded: their ln L is −inf.

    >>> plane = Slice(BENCHMARK_B, m_N=np.geomspace(0.05, 0.2, 5), V_muN_sq=np.geomspace(1e-9, 1e-5, 9))
    >>> scan(Transport(sample), plane, ANALYSIS_I, refine=2).exclusion(cl=0.90)          # doctest: +SKIP
    """
    check_estimator(estimator, "events")
    check_kinds(likelihood=(likelihood, Callable), progress=(progress, bool))
    if not hasattr(analysis, "observed"):
        raise TypeError(f"analysis must be an Analysis, or have observed counts, got {analysis!r}")
    refine, n_bins = whole_number("refine", refine), len(analysis.observed)
    about = {"estimator": repr(estimator), "likelihood": _name(likelihood), "rule": exclusion_rule(cl, n_parameters)}
    if hasattr(estimator, "sample"):
        about["sample"] = dict(estimator.sample.provenance)
    if isinstance(parameters, Slice):
        require_scan_memory(parameters.shape, n_bins, refine)
        steps = _Steps(estimator, parameters, analysis, likelihood, progress)
        for _ in range(refine):
            steps.refine(cl, n_parameters)
        result = steps.scan(about)
    elif refine:
        raise ValueError(f"refine needs a Slice, to know the points between, got {refine} for single points")
    else:
        require_scan_memory(getattr(parameters, "shape", ()), n_bins)
        signal = prediction(estimator, parameters, analysis)
        lnL, without = (values_of(likelihood, each, analysis) for each in (signal, no_signal(analysis)))
        result = Scan(parameters, analysis, signal, lnL, float(without), None, 0, about, likelihood)
    _refuse_impossible_data(result)
    return result


def _name(likelihood: Likelihood) -> str:
    return getattr(likelihood, "__qualname__", None) or type(likelihood).__qualname__


def require_scan_memory(shape: Iterable[float], n_bins: int, refine: int = 0) -> None:
    """Raise `ValueError` unless a scan of that shape, refined so often, fits into memory.

    It has four sums in each bin three times: as they are predicted, as they are kept, and once more in between.
    """
    n_points = math.prod(2.0 ** min(refine, 99) * (n - 1) + 1 for n in shape)
    times = f", refined {refine} times," if refine else ""
    require_memory(8 * n_points * (12 * n_bins + 16), f"a scan of {n_points:.4g} points with {n_bins} bins{times}")


def prediction(
    estimator: Predicts, parameters: Any, analysis: Any, shape: tuple[int, ...] | None = None
) -> Expectation:
    """What the estimator predicts, if it fits the points and bins; nan would count as a point left out."""
    found = estimator.events(parameters, analysis)
    if not isinstance(found, Expectation):
        raise TypeError(f"a prediction must be an Expectation, got {type(found).__name__}")
    for name in ("mean", "variance", "bias", "bias_variance"):
        values = np.asarray(getattr(found, name))
        wanted = (*(values.shape[:-1] if shape is None else shape), len(analysis.observed))
        if values.shape != wanted:
            raise ValueError(
                f"{name} of a prediction must have the shape of points and bins {wanted}, got {values.shape}"
            )
        if not np.all(np.isfinite(values)):
            bad = float(values[~np.isfinite(values)][0])
            raise ValueError(f"{name} of a prediction must be finite, got {bad}")
    return found


def values_of(likelihood: Likelihood, signal: Expectation, analysis: Any) -> Array:
    """ln L of the points, if there is one for each; nan would count as a point left out."""
    lnL = np.asarray(likelihood(signal, analysis))
    if lnL.shape != np.shape(signal.mean)[:-1] or np.isnan(lnL).any():
        shape = np.shape(signal.mean)[:-1]
        raise ValueError(f"likelihood must be one number for each of the points {shape}, got {lnL!r}")
    return lnL[()]


def _refuse_impossible_data(scan: Scan) -> None:
    """Data that no point can make leave nothing to compare: every point would be allowed, or none."""
    analysis, signal = scan.analysis, scan.known.mean.reshape(-1, len(scan.analysis.observed))
    if not len(signal):
        return
    background = np.asarray(analysis.background) > 0
    never = (np.asarray(analysis.observed) > 0) & ~background & ~(signal > 0).any(axis=0)
    if never.any():
        i = int(np.flatnonzero(never)[0])
        raise ValueError(
            f"{_bin_name(analysis, i)} has {analysis.observed[i]:g} observed events, but no background, and no "
            "signal at any point: nothing can have made them"
        )
    if not np.isfinite(scan.best):
        raise ValueError("each point has a bin with data that neither background nor its signal can have made")


def _bin_name(analysis: Any, i: int) -> str:
    for channel in getattr(analysis, "channels", ()):
        bins = analysis.bins_of(channel.name)
        if bins.start <= i < bins.stop:
            return f"bin {i - bins.start} of channel {channel.name}"
    return f"bin {i}"


class _Steps:
    """A scan in the making: values at the points evaluated so far, nan elsewhere."""

    def __init__(
        self, estimator: Predicts, grid: Slice, analysis: Any, likelihood: Likelihood, progress: bool
    ) -> None:
        self._estimator, self._analysis, self._likelihood, self._progress = estimator, analysis, likelihood, progress
        self._without = float(values_of(likelihood, no_signal(analysis), analysis))
        self._grid, self._levels = grid, 0
        self._values = np.full((*grid.shape, 4, len(analysis.observed)), np.nan)
        self._evaluate(np.ones(grid.shape, dtype=bool))

    def refine(self, cl: float, n_parameters: int) -> None:
        """Halve the grid, and evaluate the new points of cells where the edge may pass."""
        cells = _near_edge(self.scan({}).log_excess(cl, n_parameters))
        coarse, self._grid, self._levels = self._values, self._grid.halved(), self._levels + 1
        self._values = np.full((*self._grid.shape, *coarse.shape[-2:]), np.nan)
        every_second = tuple(slice(None, None, 2) for _ in self._grid.shape)
        self._values[every_second] = coarse
        wanted = np.zeros(self._grid.shape, dtype=bool)
        for cell in np.argwhere(cells):
            wanted[tuple(slice(2 * i, 2 * i + 3) for i in cell)] = True
        self._evaluate(wanted & np.isnan(self._values[..., 0, 0]))

    def _evaluate(self, wanted: NDArray[np.bool_]) -> None:
        index = np.argwhere(wanted)
        # Points in the order of the grid, in a few portions if someone watches.
        portions = np.array_split(index, min(16, len(index))) if self._progress and len(index) else [index]
        with tqdm(total=len(index), unit=" points", desc="scanning", disable=not self._progress, leave=False) as bar:
            for portion in filter(len, portions):
                values = (axis[i] for axis, i in zip(self._grid.axes.values(), portion.T, strict=True))
                found = prediction(self._estimator, self._grid.at(*values), self._analysis, (len(portion),))
                stacked = (found.mean, found.variance, found.bias, found.bias_variance)
                self._values[tuple(portion.T)] = np.stack(stacked, axis=-2)
                bar.update(len(portion))

    def scan(self, provenance: Mapping[str, Any]) -> Scan:
        signal = Expectation(*np.moveaxis(self._values, -2, 0))
        lnL = np.full(self._grid.shape, np.nan)
        known = ~np.isnan(signal.mean[..., 0])
        at_known = Expectation(signal.mean[known], signal.variance[known], signal.bias[known])
        lnL[known] = values_of(self._likelihood, at_known, self._analysis)
        return Scan(
            self._grid.parameters, self._analysis, signal, lnL, self._without, self._grid, self._levels,
            dict(provenance), self._likelihood,
        )  # fmt: skip


def _near_edge(height: Array) -> NDArray[np.bool_]:
    """Cells of a grid that the edge crosses, or reaches if heights go on as steeply as in the cells beside."""
    corners = [height[tuple(slice(int(i), n - 1 + int(i)) for i, n in zip(corner, height.shape, strict=True))]
               for corner in np.ndindex((2,) * height.ndim)]  # fmt: skip
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    reach = maximum_filter(high - low, size=3, mode="nearest")
    return (low - reach <= 0) & (high + reach >= 0)

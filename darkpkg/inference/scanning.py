"""The likelihood at many points, usually a slice of the parameter space. Begin with `scan`, which makes a `Scan`.

Points, an estimator that predicts, and counts: of neutrinos it uses only that a sample has masses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import scipy  # which imports its parts where they are used
from numpy.typing import NDArray

from darkpkg.inference.constructions import check_method
from darkpkg.inference.likelihood import Likelihood, log_likelihood, name_of, values_of
from darkpkg.inference.outcomes import Method, method_of
from darkpkg.inference.scan import Scan
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import exclusion_rule, no_signal
from darkpkg.inputs import Array, check_kinds, whole_number
from darkpkg.memory import require_memory
from darkpkg.method.estimators import Kernel, Transport
from darkpkg.method.expectation import Expectation
from darkpkg.method.interface import Predicts, check_estimator, prediction
from darkpkg.method.mass_kernel import check_inside
from darkpkg.method.weights import sampling_range
from darkpkg.physics.model import DarkParameters

_SUMS = len(fields(Expectation))


def scan(
    estimator: Predicts | None,
    parameters: Any,
    analysis: Any,
    *,
    likelihood: Likelihood = log_likelihood,
    refine: int = 0,
    cl: float = 0.90,
    n_parameters: int = 2,
    method: str | Method = "likelihood",
    progress: bool = False,
) -> Scan:
    """The likelihood of ``analysis`` at every point of ``parameters``, usually a plane.

    Parameters
    ----------
    estimator
        `darkpkg.method.estimators.Kernel` or `Transport` of a sample, or any object of yours whose
        ``events(parameters, analysis)`` returns an `Expectation` of finite numbers, of the shape of the points +
        (bins,). None stands for the table of all rates, `load_table`; ``about`` of the result has this.
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
    cl, n_parameters, method
        The rule whose edge is refined, `exclusion_rule`.
    progress
        Show a progress bar.

    Returns
    -------
    Scan
        With arrays of the points' shape. If only some points can make the data of a bin, the others have ln L = −inf.

    Raises
    ------
    TypeError, ValueError
        Before any work, if something is of the wrong kind, does not fit into memory, or a mass lies outside of the
        sample; and if a bin has data, but neither background nor signal at any point, because then no point is
        better than another.

    Examples
    --------
    >>> plane = Slice(BENCHMARK_B, m_N=np.geomspace(0.05, 0.2, 5), V_muN_sq=np.geomspace(1e-9, 1e-5, 9))
    >>> scan(Transport(sample), plane, ANALYSIS_I, refine=2).exclusion(cl=0.90)          # doctest: +SKIP
    """
    estimator = check_estimator(estimator, "events")
    check_kinds(likelihood=(likelihood, Callable), progress=(progress, bool))
    check_method(method_of(method), likelihood)
    if not hasattr(analysis, "observed"):
        raise TypeError(f"analysis must be an Analysis, or have observed counts, got {analysis!r}")
    refine, grid = whole_number("refine", refine), parameters if isinstance(parameters, Slice) else None
    if refine and grid is None:
        raise ValueError(f"refine needs a Slice, which defines the points between, got {refine} for single points")
    require_scan_memory(getattr(parameters, "shape", ()), len(analysis.observed), refine)
    points = parameters if grid is None else grid.parameters
    if isinstance(estimator, Kernel | Transport) and isinstance(points, DarkParameters):
        check_inside(sampling_range(estimator.sample), points.m_N, points.m_Zprime)
    about: dict[str, Any] = {
        "estimator": repr(estimator),
        "likelihood": name_of(likelihood),
        "rule": exclusion_rule(cl, n_parameters, method_of(method).name),
    }
    if hasattr(estimator, "sample"):
        about["sample"] = dict(estimator.sample.provenance)
    scanner = _Scanner(estimator, analysis, likelihood, progress, about)
    result = scanner.at(parameters) if grid is None else scanner.over(grid)
    for _ in range(refine):
        result = scanner.refined(result, cl, n_parameters, method)
    _refuse_impossible_data(result)
    return result


def require_scan_memory(shape: Iterable[float], n_bins: int, refine: int = 0) -> None:
    """Whether a scan fits into memory.

    It has all fields of an `Expectation` in each bin three times: as they are predicted, as they are kept, and once
    more in between.

    Parameters
    ----------
    shape, n_bins, refine
        Of the grid, of the analysis, and how often the grid is halved.

    Raises
    ------
    ValueError
        If it does not.
    """
    n_points = math.prod(2.0 ** min(refine, 99) * (n - 1) + 1 for n in shape)
    times = f", refined {refine} times," if refine else ""
    numbers = n_points * (3 * _SUMS * n_bins + 16)
    require_memory(8 * numbers, f"a scan of {n_points:.4g} points with {n_bins} bins{times}")


def _refuse_impossible_data(scan: Scan) -> None:
    """Data that no point can make leave nothing to compare: every point would be allowed, or none."""
    if np.isfinite(scan.best):
        return
    observed, channels = scan.analysis.observed, getattr(scan.analysis, "channels", ())
    bins = [f"bin {i} of channel {c.name}" for c in channels for i in range(len(c.observed))]
    made = (np.asarray(scan.analysis.background) > 0) | (scan.known.mean > 0).any(axis=0)
    for i in np.flatnonzero((observed > 0) & ~made):
        raise ValueError(
            f"{bins[i] if bins else f'bin {i}'} has {observed[i]:g} observed events, but no background, and no "
            "signal at any point: nothing can have made them"
        )
    raise ValueError("each point has a bin with data that neither background nor its signal can have made")


@dataclass(frozen=True)
class _Scanner:
    """What makes a scan of some points."""

    estimator: Predicts
    analysis: Any
    likelihood: Likelihood
    progress: bool
    about: Mapping[str, Any]

    def at(self, points: Any) -> Scan:
        """The scan of points of any shape."""
        shape = getattr(points, "shape", None)
        return self._scan(points, prediction(self.estimator, points, self.analysis, shape))

    def over(self, grid: Slice) -> Scan:
        """The scan of all points of a grid."""
        nothing = np.full((_SUMS, *grid.shape, len(self.analysis.observed)), np.nan)
        return self._with(grid, 0, nothing, np.ones(grid.shape, dtype=bool))

    def refined(self, coarse: Scan, cl: float, n_parameters: int, method: str | Method) -> Scan:
        """The same with its grid halved, and evaluated in the cells where the edge may pass."""
        assert coarse.grid is not None
        grid = coarse.grid.halved()
        values = np.full((_SUMS, *grid.shape, len(self.analysis.observed)), np.nan)
        every_second = tuple(slice(None, None, 2) for _ in grid.shape)
        values[:, *every_second] = list(vars(coarse.expectation).values())
        wanted = np.zeros(grid.shape, dtype=bool)
        wanted[tuple(slice(1, None, 2) for _ in grid.shape)] = _near_edge(coarse.log_excess(cl, n_parameters, method))
        wanted = scipy.ndimage.maximum_filter(wanted, size=3)  # a cell, from its middle
        return self._with(grid, coarse.levels + 1, values, wanted & np.isnan(values[0, ..., 0]))

    def _with(self, grid: Slice, levels: int, values: Array, wanted: NDArray[np.bool_]) -> Scan:
        """The scan of a grid where some ``values``, (sums, points, bins), are there, and others are ``wanted``."""
        from tqdm import tqdm

        index = np.argwhere(wanted)
        # Points in the order of the grid, in a few portions if someone watches.
        portions = np.array_split(index, min(16, len(index))) if self.progress and len(index) else [index]
        with tqdm(total=len(index), unit=" points", desc="scanning", disable=not self.progress, leave=False) as bar:
            for portion in filter(len, portions):
                free = (axis[i] for axis, i in zip(grid.axes.values(), portion.T, strict=True))
                found = prediction(self.estimator, grid.at(*free), self.analysis, (len(portion),))
                values[:, *portion.T] = list(vars(found).values())
                bar.update(len(portion))
        return self._scan(grid.parameters, Expectation(*values), grid, levels)

    def _scan(self, points: Any, signal: Expectation, grid: Slice | None = None, levels: int = 0) -> Scan:
        """ln L where a signal was predicted, nan elsewhere."""
        known = ~np.isnan(signal.mean[..., 0])
        lnL = np.full(known.shape, np.nan)
        lnL[known] = values_of(self.likelihood, signal.at(known), self.analysis)
        without = float(values_of(self.likelihood, no_signal(self.analysis), self.analysis))
        return Scan(points, self.analysis, signal, lnL, without, grid, levels, self.about, self.likelihood)


def _near_edge(height: Array) -> NDArray[np.bool_]:
    """Cells of a grid that the edge crosses, or reaches if heights go on as steeply as in the cells beside."""
    cells = tuple(slice(1, None) for _ in height.shape)
    filters = scipy.ndimage.minimum_filter, scipy.ndimage.maximum_filter
    low, high = (corners(height, size=2)[cells] for corners in filters)
    reach = scipy.ndimage.maximum_filter(high - low, size=3, mode="nearest")
    return np.asarray((low - reach <= 0) & (high + reach >= 0))

"""Scans of the likelihood over slices of the parameter space, and the limits they give.

Begin with `scan`, then `Scan.exclusion`; `excluded_intervals` finds the ends of what is excluded along one parameter.
`scan_predictions` does the same for a prediction of your own: it knows nothing of neutrinos. One rule says what is
excluded, `exclusion_rule`: 90 % of the χ² of two parameters if nothing else is asked for.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import contourpy
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from scipy.optimize import elementwise
from scipy.special import gammaincinv
from tqdm import tqdm

from darkpkg.experiment.analysis import Analysis
from darkpkg.inference.likelihood import log_likelihood, log_likelihoods
from darkpkg.inference.slices import Slice
from darkpkg.inputs import check_kinds, real_number, real_numbers, whole_number
from darkpkg.memory import require_memory
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation
from darkpkg.method.smoothing import Smoothing
from darkpkg.method.weights import expected_events
from darkpkg.physics.model import DarkParameters

if TYPE_CHECKING:
    pass

Array = NDArray[np.float64]
Predict = Callable[[Any], Expectation]

__all__ = [
    "Interval",
    "Scan",
    "excluded_intervals",
    "exclusion_rule",
    "exclusion_threshold",
    "scan",
    "scan_predictions",
]

_FAR = 40.0
"""Heights are cut here, e⁴⁰ above or below the limit."""


def exclusion_threshold(cl: float, n_parameters: int = 2) -> float:
    """−Δ ln L beyond which a point is excluded at confidence level ``cl``: half the quantile of χ².

    The paper's 2.3 is 90 % for two parameters, the default of everything that excludes. The 1.353 of one parameter is
    no limit of 90 %: for a counting experiment its coverage falls to 81 %.

    >>> exclusion_threshold(0.90)
    2.302...
    """
    cl = real_number("cl", cl)
    if not 0 < cl < 1:
        raise ValueError(f"cl must lie between 0 and 1, got {cl}")
    return float(gammaincinv(whole_number("n_parameters", n_parameters, least=1) / 2, cl))


def exclusion_rule(cl: float = 0.90, n_parameters: int = 2) -> str:
    """What excludes, in words, to stand beside every limit.

    >>> exclusion_rule()
    '90 % CL for 2 parameters, -Delta ln L > 2.303'
    """
    threshold = exclusion_threshold(cl, n_parameters)
    plural = "s" if n_parameters > 1 else ""
    return f"{100 * cl:.10g} % CL for {n_parameters} parameter{plural}, -Delta ln L > {threshold:.3f}"


@dataclass(frozen=True, eq=False)
class Scan:
    """The likelihood over a set of points of the parameter space.

    ``expectation`` is the signal, ``log_likelihood`` has the shape of ``parameters``, and ``no_signal`` is ln L
    without any signal. Points are compared with the best of them, or with no signal if that is better. ``grid`` is
    the `Slice` if the points are one. After ``levels`` refinements it has been halved as often, and only points near
    the edge were evaluated: elsewhere ``expectation`` and ``log_likelihood`` are nan.
    """

    parameters: Any
    analysis: Any
    expectation: Expectation
    log_likelihood: Array
    no_signal: float
    grid: Slice | None = None
    levels: int = 0
    provenance: Mapping[str, Any] = field(default_factory=dict)
    _heights: dict[tuple[float, int], Array] = field(default_factory=dict, init=False, repr=False)

    @property
    def minus_delta_log_likelihood(self) -> Array:
        """−Δ ln L: how far ln L falls below its best value; not negative."""
        return self._best - self.log_likelihood

    @property
    def _best(self) -> float:
        finite = self.log_likelihood[np.isfinite(self.log_likelihood)]
        return max(float(np.max(finite, initial=-np.inf)), self.no_signal)

    def rule(self, cl: float = 0.90, n_parameters: int = 2) -> str:
        """The `exclusion_rule` of `excluded`, `exclusion` and the others with the same arguments."""
        return exclusion_rule(cl, n_parameters)

    def excluded(self, cl: float = 0.90, n_parameters: int = 2) -> NDArray[np.bool_]:
        """Whether each point is excluded at confidence level ``cl``, by the χ² of ``n_parameters``.

        Points that a refinement did not evaluate lie on the side that their neighbours say.
        """
        beyond = self.minus_delta_log_likelihood > exclusion_threshold(cl, n_parameters)
        return np.where(self.evaluated, beyond, self.log_excess(cl, n_parameters) > 0)[()] if self.levels else beyond

    @property
    def evaluated(self) -> NDArray[np.bool_]:
        """Which points were evaluated: all, unless the scan was refined."""
        return ~np.isnan(self.log_likelihood)

    @property
    def axes(self) -> dict[str, Array]:
        """The parameters that vary, by name in the order of the axes of the scan, each with its values."""
        return dict(self.grid.axes) if self.grid is not None else _axes(self.parameters)

    def log_excess(self, cl: float = 0.90, n_parameters: int = 2) -> Array:
        r"""By how much the rate lies beyond the limit: ln(rate / largest rate that is allowed), at each point.

        It is zero at the limit and negative where the point is allowed. All couplings of production held together,
        this is how far their product may grow: the signal of each point is scaled until −Δ ln L, with respect to the
        best of the scan, reaches the threshold. Where no signal at all is excluded too, it is the distance to the
        nearer of both limits. Cut at ±40.
        """
        if (cl, n_parameters) not in self._heights:
            best = self._best - exclusion_threshold(cl, n_parameters)
            height = self._everywhere(_nearest_limit(self._known, self.analysis, best, self.no_signal)[0])
            height.flags.writeable = False
            self._heights[cl, n_parameters] = height
        return self._heights[cl, n_parameters]

    def log_excess_error(self, cl: float = 0.90, n_parameters: int = 2) -> Array:
        r"""Error of `log_excess`: how well the simulation knows the limit, as a relative error of the rate there.

        With the signal of a point scaled to its limit, each bin b pulls the scale by the slope of its own ln L,

        .. math:: \sigma^2 = \Bigl[\sum_b (g_b\sigma_b)^2 + \bigl(\sum_b g_b\beta_b\bigr)^2\Bigr]
                  \Big/ \Bigl(\sum_b g_b\mu_b\Bigr)^2 , \qquad g_b = \partial\ln L_b/\partial\mu_b ,

        where σ_b is the statistical error of the expectation μ_b and β_b the estimated bias of smoothing. For one
        bin it is the relative error of the rate. In a spectrum, bins without background have more power than events.
        Bins count as independent, and the best point as known. Zero where there is no signal at all.
        """
        best = self._best - exclusion_threshold(cl, n_parameters)
        _, log_scale = _nearest_limit(self._known, self.analysis, best, self.no_signal)
        return self._everywhere(_scale_error(self._known, self.analysis, log_scale))

    @property
    def _known(self) -> Expectation:
        """The expectation at the points that were evaluated, (p, bins)."""
        known, e = self.evaluated, self.expectation
        return Expectation(*(values[known] for values in (e.mean, e.variance, e.bias, e.bias_variance)))

    def _everywhere(self, at_known: Array) -> Array:
        values = np.full(self.log_likelihood.shape, np.nan)
        values[self.evaluated] = at_known
        return filled_between(values, self.levels) if self.levels else values

    def exclusion(self, cl: float = 0.90, n_parameters: int = 2, *, sigma: float = 0.0) -> list[Array]:
        """Edges of the excluded region of a plane: curves (n, 2) in the two parameters, in the order of `axes`.

        Interpolated between grid points in the logarithms of the parameters and of the rate (`log_excess`). With
        ``sigma`` the curve is that of `log_excess` so many of its errors (`log_excess_error`) higher, so that ±1 is
        the band that the simulation leaves open. Curves end at the frame, and there is none where all is excluded or
        nothing: `excluded_polygons` tells these apart.
        """
        return [np.exp(line[:, ::-1]) for line in self._contours(cl, n_parameters, sigma).lines(0.0)]

    def excluded_polygons(self, cl: float = 0.90, n_parameters: int = 2, *, sigma: float = 0.0) -> list[list[Array]]:
        """The excluded region of a plane: for each connected part its outline, then those of its holes.

        Outlines (n, 2) are closed curves as in `exclusion`, continued along the frame. If all is excluded, the frame
        is the one outline; if nothing is, the list is empty.
        """
        polygons, offsets = self._contours(cl, n_parameters, sigma).filled(0.0, np.inf)
        return [
            [np.exp(points[begin:end, ::-1]) for begin, end in itertools.pairwise(offset)]
            for points, offset in zip(polygons, offsets, strict=True)
        ]

    def allowed_islands(self, cl: float = 0.90, n_parameters: int = 2) -> list[Array]:
        """Closed curves (n, 2) around each allowed region of a plane that is excluded all around."""
        return [hole for _, *holes in self.excluded_polygons(cl, n_parameters) for hole in holes]

    def _contours(self, cl: float, n_parameters: int, sigma: float) -> contourpy.ContourGenerator:
        if len(self.axes) != 2:
            raise ValueError(f"exclusion curves need a plane of two parameters, but {list(self.axes)} vary")
        x, y = self.axes.values()
        height = self.log_excess(cl, n_parameters).reshape(len(x), len(y))
        if real_numbers("sigma", sigma, -_FAR, _FAR).any():
            height = height + sigma * self.log_excess_error(cl, n_parameters).reshape(height.shape)
        return contourpy.contour_generator(np.log(y), np.log(x), height, fill_type=contourpy.FillType.OuterOffset)


def scan(
    events: PlacedEvents,
    parameters: DarkParameters | Slice,
    analysis: Analysis,
    smoothing: Smoothing | None = None,
    *,
    expected: Callable[..., Expectation] = expected_events,
    refine: int = 0,
    cl: float = 0.90,
    n_parameters: int = 2,
    progress: bool = False,
) -> Scan:
    """The likelihood of ``analysis`` at every point of ``parameters``, usually a plane.

    Parameters
    ----------
    events
        A placed sample over masses, or at the masses of all points.
    parameters
        A `Slice`, or parameters that broadcast to any shape. Points that differ by the couplings of production only
        are summed once.
    analysis
        One, or a sum of several.
    smoothing
        Passed on to ``expected``; its own default if None.
    expected
        What predicts: `expected_events`, or `expected_events_by_transport`, which is slower and has no bias.
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
    >>> scan(events, plane, ANALYSIS_I, refine=2).exclusion(cl=0.90)           # doctest: +SKIP
    """
    check_kinds(
        events=(events, PlacedEvents), parameters=(parameters, (DarkParameters, Slice)), analysis=(analysis, Analysis)
    )
    arguments = () if smoothing is None else (smoothing,)
    provenance = {
        "sample": dict(events.provenance),
        "expected": expected.__name__,
        "smoothing": repr(smoothing) if smoothing is not None else "default",
    }
    return scan_predictions(
        lambda theta: expected(events, theta, analysis, *arguments),
        parameters,
        analysis,
        refine=refine,
        cl=cl,
        n_parameters=n_parameters,
        progress=progress,
        provenance=provenance,
    )


def scan_predictions(
    predict: Predict,
    parameters: Any,
    analysis: Any,
    *,
    refine: int = 0,
    cl: float = 0.90,
    n_parameters: int = 2,
    progress: bool = False,
    provenance: Mapping[str, Any] | None = None,
) -> Scan:
    """`scan` for a prediction of your own.

    ``predict`` takes points, as ``parameters`` has them, and returns an `Expectation`, (*points, bins), of finite
    numbers. ``analysis`` has arrays ``observed``, ``background`` and ``systematic`` over the bins. Raises as `scan`.
    """
    refine, n_bins = whole_number("refine", refine), len(analysis.observed)
    nothing = Expectation(np.zeros(n_bins), np.zeros(n_bins))
    no_signal = float(log_likelihood(nothing, analysis))
    about = {**(provenance or {}), "rule": exclusion_rule(cl, n_parameters)}
    if isinstance(parameters, Slice):
        require_scan_memory(parameters.shape, n_bins, refine)
        steps = _Steps(predict, parameters, analysis, no_signal, progress)
        for _ in range(refine):
            steps.refine(cl, n_parameters)
        result = steps.scan(about)
    elif refine:
        raise ValueError(f"refine needs a Slice, to know the points between, got {refine} for single points")
    else:
        require_scan_memory(getattr(parameters, "shape", ()), n_bins)
        expectation = _checked(predict(parameters), None, n_bins)
        lnL = log_likelihood(expectation, analysis)
        result = Scan(parameters, analysis, expectation, lnL, no_signal, provenance=about)
    _refuse_impossible_data(result)
    return result


def require_scan_memory(shape: Iterable[float], n_bins: int, refine: int = 0) -> None:
    """Raise `ValueError` unless a scan of that shape, refined so often, fits into memory.

    It has four sums in each bin three times: as they are predicted, as they are kept, and once more in between.
    """
    n_points = math.prod(2.0 ** min(refine, 99) * (n - 1) + 1 for n in shape)
    times = f", refined {refine} times," if refine else ""
    require_memory(8 * n_points * (12 * n_bins + 16), f"a scan of {n_points:.4g} points with {n_bins} bins{times}")


def _checked(found: Any, shape: tuple[int, ...] | None, n_bins: int) -> Expectation:
    """A prediction, if it is one for these points and bins; nan would count as a point that was not evaluated."""
    if not isinstance(found, Expectation):
        raise TypeError(f"a prediction must be an Expectation, got {type(found).__name__}")
    for name in ("mean", "variance", "bias", "bias_variance"):
        values = np.asarray(getattr(found, name))
        wanted = (*values.shape[:-1], n_bins) if shape is None else (*shape, n_bins)
        if values.shape != wanted:
            raise ValueError(
                f"{name} of a prediction must have the shape of points and bins {wanted}, got {values.shape}"
            )
        if not np.all(np.isfinite(values)):
            bad = float(values[~np.isfinite(values)][0])
            raise ValueError(f"{name} of a prediction must be finite, got {bad}")
    return found


def _refuse_impossible_data(scan: Scan) -> None:
    """Data that no point can make leave nothing to compare: every point would be allowed, or none."""
    analysis, known = scan.analysis, scan._known
    counted = np.asarray(analysis.observed) > 0
    signal = known.mean.reshape(-1, len(counted))
    if not len(signal):
        return
    never = counted & ~(np.asarray(analysis.background) > 0) & ~(signal > 0).any(axis=0)
    if never.any():
        i = int(np.flatnonzero(never)[0])
        raise ValueError(
            f"{_bin_name(analysis, i)} has {analysis.observed[i]:g} observed events, but no background, and no "
            "signal at any point: nothing can have made them"
        )
    if not np.isfinite(scan._best):
        raise ValueError("each point has a bin with data that neither background nor its signal can have made")


def _bin_name(analysis: Any, i: int) -> str:
    for channel in getattr(analysis, "channels", ()):
        bins = analysis.bins_of(channel.name)
        if bins.start <= i < bins.stop:
            return f"bin {i - bins.start} of channel {channel.name}"
    return f"bin {i}"


class _Steps:
    """A scan in the making: values at the points evaluated so far, nan elsewhere."""

    def __init__(self, predict: Predict, grid: Slice, analysis: Any, no_signal: float, progress: bool) -> None:
        self._predict, self._analysis, self._no_signal, self._progress = predict, analysis, no_signal, progress
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
        bar = tqdm(total=len(index), unit=" points", desc="scanning", disable=not self._progress, leave=False)
        with bar:
            for portion in portions:
                if len(portion):
                    values = (axis[i] for axis, i in zip(self._grid.axes.values(), portion.T, strict=True))
                    points = self._grid.at(*values)
                    found = _checked(self._predict(points), (len(portion),), len(self._analysis.observed))
                    stacked = (found.mean, found.variance, found.bias, found.bias_variance)
                    self._values[tuple(portion.T)] = np.stack(stacked, axis=-2)
                    bar.update(len(portion))

    def scan(self, provenance: Mapping[str, Any]) -> Scan:
        expectation = Expectation(*np.moveaxis(self._values, -2, 0))
        lnL = np.full(self._grid.shape, np.nan)
        known = ~np.isnan(expectation.mean[..., 0])
        lnL[known] = log_likelihood(Expectation(expectation.mean[known], expectation.variance[known]), self._analysis)
        return Scan(
            self._grid.parameters,
            self._analysis,
            expectation,
            lnL,
            self._no_signal,
            self._grid,
            self._levels,
            dict(provenance),
        )


def _near_edge(height: Array) -> NDArray[np.bool_]:
    """Cells of a grid that the edge crosses, or reaches if heights go on as steeply as in the cells beside."""
    corners = [height[tuple(slice(int(i), n - 1 + int(i)) for i, n in zip(corner, height.shape, strict=True))]
               for corner in np.ndindex((2,) * height.ndim)]  # fmt: skip
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    reach = maximum_filter(high - low, size=3, mode="nearest")
    return (low - reach <= 0) & (high + reach >= 0)


def filled_between(values: Array, levels: int) -> Array:
    """Values for the points that refinement left out (nan): between those of the grid before, level by level."""
    step = 2**levels
    filled = values[tuple(slice(None, None, step) for _ in values.shape)]
    for level in reversed(range(levels)):
        for axis in range(values.ndim):
            filled = _halved(filled, axis)
        own = values[tuple(slice(None, None, 2**level) for _ in values.shape)]
        filled = np.where(np.isnan(own), filled, own)
    return filled


def _halved(values: Array, axis: int) -> Array:
    values = np.moveaxis(values, axis, 0)
    finer = np.empty((2 * len(values) - 1, *values.shape[1:]))
    finer[::2], finer[1::2] = values, (values[1:] + values[:-1]) / 2
    return np.moveaxis(finer, 0, axis)


def _nearest_limit(signal: Expectation, analysis: Any, lowest: float, no_signal: float) -> tuple[Array, Array]:
    """`Scan.log_excess` for points (p, bins), ln L below ``lowest`` being excluded; ln of the scale at the limit."""
    n = len(signal.mean)

    def above(log_scale: Array, index: Array) -> Array:
        """ln L of the point with its signal scaled, over the lowest that is allowed; finite, for the root finder."""
        lnL = log_likelihood(_scaled(signal, log_scale, index.astype(np.int64)), analysis)
        return np.maximum(lnL - lowest, -1e300)

    index = np.arange(n)
    allowed = np.full(n, -_FAR)  # a scale that is allowed
    lower, never = np.full(n, -np.inf), np.zeros(n, dtype=bool)
    if no_signal <= lowest:
        steps = np.linspace(-_FAR, _FAR, 321)
        heights = np.stack([above(np.full(n, s), index) for s in steps])
        allowed = steps[heights.argmax(axis=0)]
        never = heights.max(axis=0) <= 0
        lower = elementwise.find_root(above, (np.full(n, -_FAR), allowed), args=(index,)).x
        lower = np.where(never, _FAR, lower)
    beyond = np.full(n, _FAR)
    reaches = (above(beyond, index) < 0) & ~never
    upper = np.where(reaches, _FAR, np.inf)
    if reaches.any():
        upper[reaches] = elementwise.find_root(
            above, (allowed[reaches], beyond[reaches]), args=(index[reaches],), tolerances={"xatol": 1e-6}
        ).x
    height = np.clip(np.fmax(-upper, lower), -_FAR, _FAR)
    return height, np.clip(np.where(lower > -upper, lower, upper), -_FAR, _FAR)


def _scale_error(signal: Expectation, analysis: Any, log_scale: Array) -> Array:
    """`Scan.log_excess_error` for points (p, bins) whose signals reach the limit at ``log_scale``."""
    scaled = _scaled(signal, log_scale)
    possible = np.isfinite(log_likelihood(scaled, analysis))
    if not possible.all():  # no scale of these signals can make the data
        errors = np.zeros(len(log_scale))
        some = _scaled(signal, np.zeros(possible.sum()), possible)
        errors[possible] = _scale_error(some, analysis, log_scale[possible])
        return errors
    shift = np.maximum(scaled.error, np.abs(scaled.bias))
    ratio = np.divide(shift, scaled.mean, out=np.zeros(shift.shape), where=scaled.mean > 0)
    # More events of the same weights bring their variance.
    factors = (np.maximum(1 + half * ratio, 0.0) for half in (0.5, -0.5))
    up, down = (log_likelihoods(Expectation(f * scaled.mean, f * scaled.variance), analysis) for f in factors)
    slope = np.divide(up - down, shift, out=np.zeros(shift.shape), where=shift > 0)
    step = 1e-3
    higher, lower = (log_likelihood(_scaled(scaled, np.full(len(log_scale), s)), analysis) for s in (step, -step))
    total = (higher - lower) / (2 * step)
    error = np.sqrt((slope**2 * scaled.variance).sum(axis=-1) + (slope * scaled.bias).sum(axis=-1) ** 2)
    return np.divide(error, np.abs(total), out=np.zeros(len(error)), where=total != 0)


def _scaled(signal: Expectation, log_scale: Array, index: Any = slice(None)) -> Expectation:
    """The signal at the points of ``index``, all by default, times a scale each."""
    scale = np.exp(log_scale)[..., None]
    parts = (signal.mean, signal.variance, signal.bias, signal.bias_variance)
    return Expectation(*(scale**power * part[index] for power, part in zip((1, 2, 1, 2), parts, strict=True)))


@dataclass(frozen=True)
class Interval:
    """Where a parameter is excluded: from ``low`` to ``high``, with the errors that the simulation leaves.

    The errors are those of `Scan.log_excess_error`, over the slope of the rate along the parameter.
    An error is nan where the interval goes on beyond the range that was searched. ``rule`` is the `exclusion_rule`.
    """

    low: float
    high: float
    low_error: float
    high_error: float
    rule: str


def excluded_intervals(
    events: PlacedEvents,
    along: Slice,
    analysis: Analysis,
    smoothing: Smoothing | None = None,
    *,
    cl: float = 0.90,
    n_parameters: int = 2,
    expected: Callable[..., Expectation] = expected_events,
) -> list[Interval]:
    """Where ``analysis`` excludes one parameter, with both ends of each interval by root finding.

    ``along`` has one free parameter. Its values are where to look first: an interval that lies between two of them,
    and does not show in the slope towards them, is missed. ``cl`` and ``n_parameters`` are those of `exclusion_rule`,
    two parameters as in the paper's contours. Ends are exact to 1e-8. The list is empty where nothing is excluded,
    and holds one interval from the first to the last value, with errors of nan, where all is.

    >>> column = Slice(BENCHMARK_B, V_muN_sq=np.geomspace(1e-12, 1, 13))
    >>> excluded_intervals(events, column, ANALYSIS_I)                         # doctest: +SKIP
    [Interval(low=1.7e-07, high=1.0, low_error=1.9e-09, high_error=nan, rule='90 % CL for 2 parameters, …')]
    """
    check_kinds(events=(events, PlacedEvents), along=(along, Slice), analysis=(analysis, Analysis))
    if len(along.axes) != 1:
        raise ValueError(f"a limit on one parameter needs a Slice along one, got {list(along.axes)}")
    arguments = () if smoothing is None else (smoothing,)

    def predict(theta: Any) -> Expectation:
        return expected(events, theta, analysis, *arguments)

    coarse = scan_predictions(predict, along, analysis, refine=3, cl=cl, n_parameters=n_parameters)
    (values,) = (axis[coarse.evaluated] for axis in coarse.axes.values())
    height = coarse.log_excess(cl, n_parameters)[coarse.evaluated]
    lowest = coarse._best - exclusion_threshold(cl, n_parameters)

    def excess(log_value: Array) -> Array:
        signal = predict(along.at(np.exp(log_value)))
        return _nearest_limit(signal, analysis, lowest, coarse.no_signal)[0]

    x, excluded = np.log(values), height > 0
    edges = np.flatnonzero(excluded[1:] != excluded[:-1])
    roots, errors = np.empty(0), np.empty(0)
    if edges.size:
        roots = elementwise.find_root(excess, (x[edges], x[edges + 1]), tolerances={"xatol": 1e-9}).x
        step = 1e-3
        slope = (excess(roots + step) - excess(roots - step)) / (2 * step)
        of_rate = _scale_error(predict(along.at(np.exp(roots))), analysis, np.zeros(len(roots)))
        errors = np.exp(roots) * of_rate / np.abs(slope)
    ends = np.concatenate([values[:1], np.exp(roots), values[-1:]])
    errors = np.concatenate([[np.nan], errors, [np.nan]])
    parts = range(0 if excluded[0] else 1, len(ends) - 1, 2)
    rule = exclusion_rule(cl, n_parameters)
    return [Interval(*map(float, (ends[i], ends[i + 1], errors[i], errors[i + 1])), rule) for i in parts]


def _axes(parameters: DarkParameters) -> dict[str, Array]:
    varied = {
        name: np.broadcast_to(getattr(parameters, name), parameters.shape)
        for name in parameters.numbers()
        if np.ndim(getattr(parameters, name)) and np.unique(getattr(parameters, name)).size > 1
    }
    axes: dict[int, tuple[str, Array]] = {}
    for name, values in varied.items():
        along = [axis for axis in range(values.ndim) if np.any(np.diff(values, axis=axis))]
        if len(along) != 1 or along[0] in axes:
            raise ValueError(
                f"each axis of a plane must vary one parameter, but {name} varies along axes {along}: "
                "a darkpkg.Slice says which is free and which is tied to it"
            )
        axes[along[0]] = name, np.moveaxis(values, along[0], 0).reshape(values.shape[along[0]], -1)[:, 0]
    return dict(axes[axis] for axis in sorted(axes))

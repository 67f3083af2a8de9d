"""The likelihood over a slice of the parameter space, and the limits that it gives.

`darkpkg.scan` makes a `Scan`; begin with `Scan.exclusion`, the edges of what is excluded. One rule decides that,
`exclusion_rule`: 90 % of the χ² of two parameters if nothing else is given, or another `Method`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy  # which imports its parts where they are used
from numpy.typing import NDArray

from darkpkg.inference import likelihood as likelihoods
from darkpkg.inference.constructions import Construction, PValues, allowance, height
from darkpkg.inference.likelihood import Likelihood
from darkpkg.inference.outcomes import Method, method_of
from darkpkg.inference.slices import Slice, with_middles
from darkpkg.inference.threshold import FAR, exclusion_threshold, nearest_limit, no_signal, scale_error
from darkpkg.inputs import Array, real_number
from darkpkg.method.expectation import Expectation

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Scan:
    """The likelihood over a set of points of the parameter space.

    Points are compared with the best of them, or with no signal if that is better.

    Attributes
    ----------
    parameters
        The points, of any shape.
    analysis
        The counts that they are compared with.
    expectation
        The signal in events, of the points' shape + (bins,).
    log_likelihood
        ln L of each point, of the points' shape.
    no_signal
        ln L without any signal.
    grid
        The `Slice` if the points are one.
    levels
        How often the grid was halved: then only points near the edge were evaluated, and elsewhere ``expectation``
        and ``log_likelihood`` are nan.
    provenance
        What made it.
    likelihood
        What gave ln L of an expectation and the analysis.
    """

    parameters: Any
    analysis: Any
    expectation: Expectation
    log_likelihood: Array
    no_signal: float
    grid: Slice | None = None
    levels: int = 0
    provenance: Mapping[str, Any] = field(default_factory=dict)
    likelihood: Likelihood = likelihoods.log_likelihood

    @property
    def minus_delta_log_likelihood(self) -> Array:
        """−Δ ln L: how far ln L falls below its best value; not negative."""
        return self.best - self.log_likelihood

    @property
    def best(self) -> float:
        """The largest ln L of all points, or that without any signal if it is larger."""
        finite = self.log_likelihood[np.isfinite(self.log_likelihood)]
        return max(float(np.max(finite, initial=-np.inf)), self.no_signal)

    def excluded(
        self, cl: float = 0.90, n_parameters: int = 2, method: str | Method = "likelihood"
    ) -> NDArray[np.bool_]:
        """Whether each point is excluded at confidence level ``cl``.

        Points that a refinement did not evaluate lie on the side of their neighbours.

        Parameters
        ----------
        cl, n_parameters, method
            The `exclusion_rule`, here and below: by the χ² of ``n_parameters``, or by ``"feldman-cousins"``,
            ``"cls"`` or ``"bayes"`` (`darkpkg.inference.constructions`), which leave out the simulation's own error.

        Returns
        -------
        array of bool
            Of the points' shape.

        Examples
        --------
        >>> scan(Transport(sample), plane, ANALYSIS_I).excluded(cl=0.90).mean()      # doctest: +SKIP
        0.31
        """
        threshold = exclusion_threshold(cl, n_parameters)
        if method_of(method).name == "likelihood":
            beyond = self.minus_delta_log_likelihood > threshold
        else:
            beyond = self.p_values(method).value < 1 - cl
        if not self.levels:
            return beyond
        return np.where(self.evaluated, beyond, self.log_excess(cl, n_parameters, method) > 0)[()]

    def p_values(self, method: str | Method) -> PValues:
        """p-values of all points by a `Method`, and their errors by toys; nan where a point was not evaluated.

        The best of all points, or no signal, is what each is compared with.
        """
        found = self._construction(method_of(method))(self.known.mean)
        values, errors = np.full((2, *self.log_likelihood.shape), np.nan)
        values[self.evaluated], errors[self.evaluated] = found.value, found.error
        return PValues(values, errors)

    @functools.cached_property
    def _construction(self) -> Any:
        """`Construction` of these points by a method, kept."""
        return functools.cache(lambda method: Construction(method, self.known.mean, self.analysis, self.likelihood))

    @property
    def evaluated(self) -> NDArray[np.bool_]:
        """Which points were evaluated: all, unless the scan was refined."""
        return ~np.isnan(self.log_likelihood)

    @property
    def axes(self) -> dict[str, Array]:
        """The free parameters of the `Slice`, if there is one, each with its values."""
        return dict(self.grid.axes) if self.grid is not None else {}

    def log_excess(self, cl: float = 0.90, n_parameters: int = 2, method: str | Method = "likelihood") -> Array:
        r"""By how much the rate lies beyond the limit: ln(rate / largest rate that is allowed), at each point.

        It is zero at the limit and negative where the point is allowed. All couplings of production held together,
        this is how far their product may grow: the signal of each point is scaled until −Δ ln L, with respect to the
        best of the scan, reaches the threshold. Where no signal at all is excluded too, it is the distance to the
        nearer of both limits. Cut at ±40.

        By toys it is exact to 1e-2 next to the edge. Elsewhere it is :math:`\ln[\ln p/\ln(1-{\rm cl})]`, which is
        the same for a p-value that falls exponentially.

        Returns
        -------
        array
            Of the points' shape, without unit.
        """
        return self._everywhere(self._nearest_limit(cl, n_parameters, method)[0])

    def log_excess_error(self, cl: float = 0.90, n_parameters: int = 2, method: str | Method = "likelihood") -> Array:
        r"""Error of `log_excess` by the simulation, as a relative error of the rate there.

        With the signal of a point scaled to its limit, each bin b pulls the scale by the slope of its own ln L,

        .. math:: \sigma^2 &= \frac{\sum_b (g_b\sigma_b)^2 + \bigl(\sum_b g_b\beta_b\bigr)^2}
                  {\bigl(\sum_b g_b\mu_b\bigr)^2} , \\
                  g_b &= \partial\ln L_b/\partial\mu_b ,

        where σ_b is the statistical error of the expectation μ_b and β_b the estimated bias of smoothing. For one
        bin it is the relative error of the rate. In a spectrum, bins without background have more power than events.
        Bins count as independent, and the best point as known. Zero where there is no signal at all.

        Returns
        -------
        array
            Of the points' shape, without unit.
        """
        _, log_scale = self._nearest_limit(cl, n_parameters, method)
        return self._everywhere(scale_error(self.known, self.analysis, self.likelihood, log_scale))

    def _nearest_limit(self, cl: float, n_parameters: int, method: str | Method) -> tuple[Array, Array]:
        method, signal, nothing = method_of(method), self.known, no_signal(self.analysis)
        if method.name == "likelihood":
            by = allowance(signal, self.analysis, self.likelihood, self.best, cl, n_parameters, method)
            return nearest_limit(signal, by, bool(by(nothing) > 0))
        exclusion_threshold(cl, n_parameters)
        p = self._construction(method)
        excess = -height(p(signal.mean).value, cl)
        near = _next_to_edge(self._everywhere(excess) > 0)[self.evaluated] if self.grid is not None else excess < FAR
        log_scale, allowed = -excess, bool(p(nothing.mean).value > 1 - cl)
        found = nearest_limit(signal.at(near), lambda one: height(p(one.mean).value, cl), allowed, _BY_TOYS)
        excess[near], log_scale[near] = found
        return excess, log_scale

    def to_pandas(self) -> pd.DataFrame:
        """One row for each point that was evaluated.

        Columns are the free parameters by the names of `axes`, all that are not zero everywhere, ``log_likelihood``,
        ``minus_delta_log_likelihood``, expected events with their error, estimated bias and effective number, and
        ``mean_i``, ``variance_i`` and all other fields of an `Expectation` for each bin.

        Raises
        ------
        TypeError, ValueError
            If points are not `DarkParameters`, or a free parameter has the name of another column.
        """
        import pandas as pd  # here: its import takes longer than most calculations

        if not hasattr(self.parameters, "numbers"):
            raise TypeError(f"only scans over DarkParameters have a table, got {type(self.parameters).__name__}")
        known, signal = self.evaluated, self.known
        total, names = signal.total(), self.parameters.numbers()
        points = {name: np.broadcast_to(getattr(self.parameters, name), known.shape) for name in names}
        results = {
            "log_likelihood": self.log_likelihood[known],
            "minus_delta_log_likelihood": self.minus_delta_log_likelihood[known],
            "expected_events": total.mean,
            **{name: getattr(total, name) for name in ("error", "bias", "n_effective")},
            **{f"{kind}_{i}": bins for kind, values in vars(signal).items() for i, bins in enumerate(values.T)},
        }
        taken = sorted({*self.axes} & {*results})
        if taken:
            raise ValueError(f"free parameters must not be called like a column of results, got {taken}")
        free = dict(zip(self.axes, np.meshgrid(*self.axes.values(), indexing="ij"), strict=True))
        # What is zero everywhere is left out.
        columns = {name: values[known] for name, values in (free | points).items() if values.any()}
        return pd.DataFrame({name: np.asarray(values, dtype=float) for name, values in (columns | results).items()})

    @property
    def known(self) -> Expectation:
        """The expectation at the points that were evaluated, (p, bins)."""
        return self.expectation.at(self.evaluated)

    def _everywhere(self, at_known: Array) -> Array:
        values = np.full(self.log_likelihood.shape, np.nan)
        values[self.evaluated] = at_known
        return filled_between(values, self.levels) if self.levels else values

    def exclusion(
        self, cl: float = 0.90, n_parameters: int = 2, method: str | Method = "likelihood", *, sigma: float = 0.0
    ) -> list[Array]:
        """Edges of the excluded region of a plane.

        Interpolated between grid points in the logarithms of the parameters and of the rate (`log_excess`). With
        ``sigma`` the curve is that of `log_excess` so many of its errors (`log_excess_error`) higher, so that ±1 is
        the band that the simulation leaves open. Curves end at the frame, and there is none where all is excluded or
        nothing: `excluded_polygons` tells these apart.

        Parameters
        ----------
        cl, n_parameters, method
            The `exclusion_rule`.
        sigma
            Number of errors.

        Returns
        -------
        list of array
            Curves (n, 2) in the two parameters, in the order of `axes` and in their units.

        Raises
        ------
        ValueError
            If the points are not a `Slice` along two parameters.
        """
        return [np.exp(line[:, ::-1]) for line in self._contours(cl, n_parameters, method, sigma).lines(0.0)]

    def excluded_polygons(
        self, cl: float = 0.90, n_parameters: int = 2, method: str | Method = "likelihood", *, sigma: float = 0.0
    ) -> list[list[Array]]:
        """The excluded region of a plane: for each connected part its outline, then those of its holes.

        Outlines (n, 2) are closed curves as in `exclusion`, continued along the frame. If all is excluded, the frame
        is the one outline; if nothing is, the list is empty.

        Parameters and errors are those of `exclusion`.

        Returns
        -------
        list of list of array
            Outlines of each part, the outer one first.
        """
        filled = self._contours(cl, n_parameters, method, sigma).filled(0.0, np.inf)
        return [
            [np.exp(points[begin:end, ::-1]) for begin, end in itertools.pairwise(offset)]
            for points, offset in zip(*filled, strict=True)
        ]

    def _contours(self, cl: float, n_parameters: int, method: str | Method, sigma: float) -> Any:
        import contourpy

        if len(self.axes) != 2:
            raise ValueError(f"exclusion curves need the plane of a Slice, two parameters, got {list(self.axes)}")
        x, y = self.axes.values()
        excess = self.log_excess(cl, n_parameters, method).reshape(len(x), len(y))
        if real_number("sigma", sigma, -FAR, FAR):
            excess = excess + sigma * self.log_excess_error(cl, n_parameters, method).reshape(excess.shape)
        return contourpy.contour_generator(np.log(y), np.log(x), excess, fill_type=contourpy.FillType.OuterOffset)


_BY_TOYS = 1e-2
"""Accuracy of ln(rate at the limit) where critical values have errors by toys."""


def _next_to_edge(excluded: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Points of a grid that have a neighbour on the other side."""
    return np.asarray(scipy.ndimage.maximum_filter(excluded, 3) != scipy.ndimage.minimum_filter(excluded, 3))


def filled_between(values: Array, levels: int) -> Array:
    """Values for the points that refinement left out (nan): between those of the grid before, level by level."""
    step = 2**levels
    filled = values[tuple(slice(None, None, step) for _ in values.shape)]
    for level in reversed(range(levels)):
        for axis in range(values.ndim):
            filled = with_middles(filled, lambda a, b: (a + b) / 2, axis)
        own = values[tuple(slice(None, None, 2**level) for _ in values.shape)]
        filled = np.where(np.isnan(own), filled, own)
    return filled

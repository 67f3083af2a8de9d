"""Scans of the likelihood over slices of the parameter space, and the limits they give.

Begin with `scan`, then `Scan.exclusion`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import contourpy
import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from darkpkg.events import PlacedEvents
from darkpkg.experiment.analysis import Analysis
from darkpkg.method.expectation import Expectation
from darkpkg.method.likelihood import log_likelihood
from darkpkg.method.smoothing import SMOOTHING, Smoothing
from darkpkg.method.weights import expected_events
from darkpkg.physics.model import DarkParameters

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

__all__ = ["Scan", "exclusion_threshold", "scan"]


def exclusion_threshold(cl: float, n_parameters: int = 2) -> float:
    """−Δ ln L beyond which a point is excluded at confidence level ``cl``: half the quantile of χ².

    The paper's 2.3 is 90 % for two parameters.

    >>> exclusion_threshold(0.90)
    2.302...
    """
    if not 0 < cl < 1:
        raise ValueError(f"cl must lie between 0 and 1, got {cl}")
    return float(gammaincinv(n_parameters / 2, cl))


@dataclass(frozen=True, eq=False)
class Scan:
    """The likelihood over a set of points of the parameter space.

    ``expectation`` is the signal, ``log_likelihood`` has the shape of ``parameters``, and ``no_signal`` is ln L
    without any signal. Points are compared with the best of them, or with no signal if that is better.
    """

    parameters: DarkParameters
    analysis: Analysis
    expectation: Expectation
    log_likelihood: Array
    no_signal: float

    @property
    def minus_delta_log_likelihood(self) -> Array:
        """−Δ ln L: how far ln L falls below its best value; not negative."""
        return max(float(np.max(self.log_likelihood)), self.no_signal) - self.log_likelihood

    def excluded(self, cl: float = 0.90, n_parameters: int = 2) -> NDArray[np.bool_]:
        """Whether each point is excluded at confidence level ``cl``, by the χ² of ``n_parameters``."""
        return self.minus_delta_log_likelihood > exclusion_threshold(cl, n_parameters)

    @property
    def axes(self) -> dict[str, Array]:
        """The parameters that vary, by name in the order of the axes of the scan, each with its values."""
        varied = {
            name: np.broadcast_to(getattr(self.parameters, name), self.parameters.shape)
            for name in self.parameters.numbers()
            if np.ndim(getattr(self.parameters, name)) and np.unique(getattr(self.parameters, name)).size > 1
        }
        axes: dict[int, tuple[str, Array]] = {}
        for name, values in varied.items():
            along = [axis for axis in range(values.ndim) if np.any(np.diff(values, axis=axis))]
            if len(along) != 1 or along[0] in axes:
                raise ValueError(
                    f"each axis of a plane must vary one parameter, but {name} varies along axes {along}"
                )
            axes[along[0]] = name, np.moveaxis(values, along[0], 0).reshape(values.shape[along[0]], -1)[:, 0]
        return dict(axes[axis] for axis in sorted(axes))

    def exclusion(self, cl: float = 0.90, n_parameters: int = 2) -> list[Array]:
        """Edges of the excluded region of a plane: curves (n, 2) in the two parameters, in the order of `axes`.

        Interpolated in the logarithms of the parameters and of −Δ ln L, which is about proportional to the rate.
        """
        if len(self.axes) != 2:
            raise ValueError(f"exclusion curves need a plane of two parameters, but {list(self.axes)} vary")
        first, second = self.axes.values()
        height = np.log(np.maximum(self.minus_delta_log_likelihood.reshape(len(first), len(second)), 1e-30))
        generator = contourpy.contour_generator(np.log(second), np.log(first), height)
        return [np.exp(line[:, ::-1]) for line in generator.lines(np.log(exclusion_threshold(cl, n_parameters)))]

    def plot(self, ax: Axes | None = None, cl: float = 0.90, **style: Any) -> Axes:
        """Draw the exclusion curves on logarithmic axes; ``style`` goes to `matplotlib`. Returns the axes."""
        from darkpkg.results.figures import plot_exclusion

        return plot_exclusion(self, ax, cl, **style)


def scan(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing = SMOOTHING
) -> Scan:
    """The likelihood of ``analysis`` at every point of ``parameters``, usually a plane.

    >>> plane = BENCHMARK_B.replace(m_N=np.geomspace(0.05, 0.2, 5)[:, None], V_muN_sq=np.geomspace(1e-9, 1e-5, 9))
    >>> scan(events, plane, ANALYSIS_I).exclusion(cl=0.90)           # doctest: +SKIP
    """
    expectation = expected_events(events, parameters, analysis, smoothing)
    nothing = Expectation(np.zeros(len(analysis.observed)), np.zeros(len(analysis.observed)))
    return Scan(
        parameters,
        analysis,
        expectation,
        log_likelihood(expectation, analysis),
        float(log_likelihood(nothing, analysis)),
    )

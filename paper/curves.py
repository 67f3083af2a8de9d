"""The curves of the authors' figures as values, with their reading errors.

Begin with `curve`, a line of a figure: ``curve(9, "left", "this work")(0.1)`` is the authors' limit on |V_μN|² at
m_N = 0.1 GeV. `panel` has what the plane of a limit holds fixed, and how much its grid may bend the contour. The
numbers are those of ``data/paper/curves/``, which also holds the histograms of Figs. 3 and 6.

In nearly all panels the grid matters more than the reading: contours are straight between nodes that lie up to 0.6
decades apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from darkpkg import datasets
from darkpkg.inputs import real_numbers
from darkpkg.physics.model import DarkParameters

Array = NDArray[np.float64]

__all__ = ["Curve", "Panel", "curve", "curves", "panel"]


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a figure, straight in logarithms between the points that were read.

    Attributes
    ----------
    figure, panel, name
        Where it is drawn, and its label.
    x, y
        The points, x rising; units as in the table.
    error_x, error_y
        Relative reading error of each point, that is the error of its logarithm.

    Raises `ValueError` for points that are no such line.
    """

    figure: int
    panel: str
    name: str
    x: Array
    y: Array
    error_x: Array
    error_y: Array

    def __post_init__(self) -> None:
        for field in ("x", "y", "error_x", "error_y"):
            positive = not field.startswith("error")
            array = real_numbers(f"{field} of {self}", getattr(self, field), 0.0, positive=positive).copy()
            array.flags.writeable = False  # curves are shared
            object.__setattr__(self, field, array)
        shapes = self.x.shape, self.y.shape, self.error_x.shape, self.error_y.shape
        if self.x.ndim != 1 or self.x.size < 2 or len({*shapes}) > 1:
            raise ValueError(f"x, y and their errors of {self} must have one shape (n,), n at least 2, got {shapes}")
        if np.any(np.diff(self.x) <= 0):
            i = int(np.argmax(np.diff(self.x) <= 0))
            raise ValueError(f"x of {self} must rise, got {self.x[i]:g} followed by {self.x[i + 1]:g}")

    def __str__(self) -> str:
        return f"{self.name!r} in Fig. {self.figure} {self.panel}".rstrip()

    def _log(self, x: ArrayLike) -> Array:
        x = real_numbers("x", x, positive=True)
        outside = (x < self.x[0]) | (x > self.x[-1])
        if outside.any():
            value = x[outside].flat[0]
            raise ValueError(f"x must lie from {self.x[0]:g} to {self.x[-1]:g}, where {self} is, got {value:g}")
        return np.log(x)

    def __call__(self, x: ArrayLike) -> Array:
        """Value at ``x``, of its shape. Raises `ValueError` outside of the range of the curve.

        >>> float(curve(9, "right", "this work")(1.25))
        0.0036...
        """
        return np.exp(np.interp(self._log(x), np.log(self.x), np.log(self.y)))

    def error(self, x: ArrayLike) -> Array:
        """Relative reading error of the value at ``x``: of y, and of x times the slope of the logarithms."""
        at, log_x = self._log(x), np.log(self.x)
        slopes = np.diff(np.log(self.y)) / np.diff(log_x)
        slope = slopes[np.clip(np.searchsorted(log_x, at, side="right") - 1, 0, slopes.size - 1)]
        return np.hypot(np.interp(at, log_x, self.error_y), slope * np.interp(at, log_x, self.error_x))


@dataclass(frozen=True)
class Panel:
    """The plane of a limit.

    ``x`` and ``y`` name parameters, ``fixed`` holds the others; ``V_N_sq`` is missing where it equals ``V_muN_sq``.
    The contour lies where the log-likelihood is by ``drop`` below its best value, ``confidence`` for two parameters.
    ``grid_error`` is the relative error of y from the authors' grid, from where it is small to where it is large, or
    ``None`` where nothing is known.
    """

    figure: int
    side: str
    x: str
    y: str
    fixed: Mapping[str, float]
    confidence: float
    drop: float
    grid_error: tuple[float, float] | None

    def parameters(self, x: ArrayLike, y: ArrayLike) -> DarkParameters:
        """Points of the plane.

        >>> panel(10, "left").parameters(x=0.1, y=8e-9).V_N_sq
        8e-09
        """
        numbers = {**self.fixed, self.x: x, self.y: y}
        numbers.setdefault("V_N_sq", numbers["V_muN_sq"])
        return DarkParameters(**numbers)


@cache
def curves() -> tuple[Curve, ...]:
    """All curves: limits of Figs. 9, 10, 14 and 15, acceptances of Fig. 4, events and lifetimes of Fig. 11.

    Of the lifetimes only those at m_N = 0.1 GeV: the others that were read are not in the figure as it was printed.
    """
    keys = ["figure", "panel", "curve"]
    limits = datasets.read("paper/curves/limits").groupby(keys, sort=False)
    acceptances = datasets.read("paper/curves/fig4").groupby("element", sort=False)
    lifetimes = datasets.read("paper/curves/fig11_lifetimes").query("m_N == 0.1")
    events = datasets.read("paper/curves/fig11_events")
    return (
        *(_curve(*key, rows, "x", "y", rows.reading_error_x, rows.reading_error_y) for key, rows in limits),
        *(_curve(4, "", name, rows, "ctau", "acceptance", 0, 0.003 / rows.acceptance) for name, rows in acceptances),
        _curve(11, "top left", "events", events, "ctau", "events", 0.04, 0.04),
        _curve(11, "bottom", "m_N = 0.1 GeV", lifetimes, "rate", "ctau_min", 0, 0.02),
    )


def _curve(
    figure: int, side: str, name: str, rows: pd.DataFrame, x: str, y: str, error_x: ArrayLike, error_y: ArrayLike
) -> Curve:
    rows = rows.assign(error_x=error_x, error_y=error_y)
    return Curve(figure, side, name, *(rows[column].to_numpy(float) for column in (x, y, "error_x", "error_y")))


def curve(figure: int, panel: str, name: str) -> Curve:
    """One curve. Raises `KeyError` that lists those of the panel, or all panels, if there is none such."""
    there = [one for one in curves() if (one.figure, one.panel) == (figure, panel)]
    for one in there:
        if one.name == name:
            return one
    known = [one.name for one in there] or sorted({f"Fig. {one.figure} {one.panel}" for one in curves()})
    raise KeyError(f"no curve {name!r} in Fig. {figure} {panel}; there are {', '.join(known)}")


def panel(figure: int, side: str) -> Panel:
    """The plane of a limit: ``side`` is ``"left"`` or ``"right"``. Raises `KeyError` if it shows no limit."""
    table = datasets.read("paper/curves/panels")
    found = table[(table.figure == figure) & (table.panel == side)]
    if found.empty:
        raise KeyError(f"no limit in Fig. {figure} {side}; figures with limits: {sorted({*table.figure})}")
    row = found.iloc[0]
    fixed = {name: float(row[name]) for name in DarkParameters.numbers() if name in row and not np.isnan(row[name])}
    errors = float(row.grid_error_low), float(row.grid_error_high)
    grid_error = None if np.isnan(errors).any() else errors
    return Panel(figure, side, row.x, row.y, fixed, float(row.confidence), float(row["drop"]), grid_error)

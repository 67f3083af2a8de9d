"""The paper's curves beside ours, and beside ours with the causes switched on one by one.

Begin with `heavy_limits` and `light_limits`, curves of Figs. 9, 10, 14 and 15; `paper.causes.rates` has those of
Figs. 3, 4, 6 and 11. An `Along` has the ratios along one curve, and the band in which a ratio of one is to be
expected. `tried` is one limit under readings of one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis
from darkpkg.method.events import PlacedEvents
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B
from darkpkg.physics.nuclei import NUCLEI
from paper.causes import authors, projections, readings
from paper.causes.counting import error
from paper.causes.planes import Plane, fill
from paper.causes.projections import projected
from paper.causes.readings import Reading, cumulative
from paper.curves import Curve, curve, panel

Array = NDArray[np.float64]

__all__ = ["Along", "heavy_limits", "in_argon", "light_limits", "tried"]

A, B, I, II = BENCHMARK_A, BENCHMARK_B, ANALYSIS_I, ANALYSIS_II


@dataclass(frozen=True, eq=False)
class Along:
    """One curve of the paper, at ``x``.

    Attributes
    ----------
    name, x, paper
        What it is, its abscissae and its values.
    reading
        Relative errors of what was read.
    steps
        Our values (1 + replicates, n) after each cause, those without any first.
    is_limit
        Whether a larger value means fewer events.
    axis
        Name and unit of x.
    labels
        What stands at each x instead of its value, if it is none: names of modules.
    """

    name: str
    x: Array
    paper: Array
    reading: Array
    steps: Mapping[str, Array]
    is_limit: bool = True
    axis: tuple[str, str] = ("mass", "GeV")
    labels: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """What a table writes for each x."""
        return self.labels or tuple(f"{x:.3g}" for x in self.x)

    @property
    def ours(self) -> Array:
        """Our curve over the paper's."""
        return next(iter(self.steps.values()))[0] / self.paper

    @property
    def explained(self) -> Array:
        """Our curve with all causes, over the paper's."""
        return self.last[0] / self.paper

    @property
    def last(self) -> Array:
        """With all causes, (1 + replicates, n)."""
        return list(self.steps.values())[-1]

    @property
    def factors(self) -> dict[str, Array]:
        """What each cause changes the curve by."""
        names, values = list(self.steps), [value[0] for value in self.steps.values()]
        return {name: now / before for name, before, now in zip(names[1:], values[:-1], values[1:], strict=True)}

    @property
    def band(self) -> Array:
        """Relative error of `explained`: of the reading, of our statistics, and the size of the grid's step.

        Between the authors' nodes a contour is straight; of a step that is known at the nodes, all is an error.
        """
        grid = self.factors.get("grid", np.ones(len(self.x))) - 1
        return np.sqrt(self.reading**2 + grid**2 + (error(self.last) / self.last[0]) ** 2)

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Where `explained` is more than two bands from one."""
        return np.abs(np.log(self.explained)) > 2 * np.log1p(self.band)

    def at(self, chosen: Any) -> Along:
        """The same at some of the points."""
        steps = {name: value[:, chosen] for name, value in self.steps.items()}
        labels = tuple(np.array(self.labels)[chosen]) if self.labels else ()
        own = {"x": self.x[chosen], "paper": self.paper[chosen], "reading": self.reading[chosen], "labels": labels}
        return replace(self, steps=steps, **own)


# --- Limits ---


def in_argon(events: PlacedEvents) -> NDArray[np.bool_]:
    """N made in the chambers."""
    return events.target == NUCLEI["Ar40"].pdg_code


def not_in_argon(events: PlacedEvents) -> NDArray[np.bool_]:
    """N made elsewhere."""
    return ~in_argon(events)


def on_oxygen(events: PlacedEvents) -> NDArray[np.bool_]:
    """N made on oxygen."""
    return events.target == NUCLEI["O16"].pdg_code


def not_on_oxygen(events: PlacedEvents) -> NDArray[np.bool_]:
    """N made on other nuclei."""
    return ~on_oxygen(events)


_V, _EPSILON = np.geomspace(1e-11, 1, 300), np.geomspace(1e-5, 1e-1, 160)


Nodes = tuple[int, int | None, int]
"""Which nodes of the authors' grid along x: the first, the end and the distance."""


def _plane(
    figure: int, side: str, name: str, analysis: Analysis, nodes: Nodes, **options: Any
) -> tuple[Plane, Curve]:
    drawn = curve(figure, side, name)
    mediator = "light" if figure in (10, 15) else "heavy"

    def near(x: float) -> float:
        return float(drawn(np.clip(x, drawn.x[0], drawn.x[-1])))

    y = _V if side == "left" else _EPSILON
    x = authors.GRIDS[mediator, side][0][slice(*nodes)]
    return Plane(panel(figure, side), analysis, x, y, near, **options), drawn


def _along(
    plane: Plane,
    drawn: Curve,
    steps: Mapping[str, Reading],
    upper: bool = False,
    as_projected: Plane | None = None,
) -> Along:
    """A curve at those nodes that lie within its range, the last step on the authors' grid.

    ``as_projected`` is the plane of the same events as the authors project them.
    """
    limit: Callable[[Reading], Array] = plane.upper if upper else plane.limit
    values = {name: limit(reading) for name, reading in steps.items()}
    last = list(steps.values())[-1]
    if as_projected is not None:
        values["exposure"] = as_projected.limit(last)
    if not upper:
        exact = list(values.values())[-1]
        values["grid"] = exact * (as_projected or plane).straight(last)(plane.x) / exact[0]
    within = (plane.x >= drawn.x[0]) & (plane.x <= drawn.x[-1])
    within &= np.isfinite([value[0] for value in values.values()]).all(axis=0)
    x = plane.x[within]
    name = f"Fig. P{drawn.figure} {drawn.panel}, {drawn.name}"
    values = {name: value[:, within] for name, value in values.items()}
    return Along(name, x, drawn(x), drawn.error(x), values, axis=(_MASSES[plane.panel.x], "GeV"))


_MASSES = {"m_N": "$m_N$", "m_Zprime": "$m_{Z'}$"}


@cache
def heavy_limits(nodes: Nodes = (0, None, 3)) -> Mapping[str, Along]:
    """Figs. 9 and 14 by figure, side and curve."""
    steps, found = cumulative(readings.HEAVY_CURVES), {}
    for side in ("left", "right"):
        others = "P0D and FGD" if side == "left" else "P0D and FGD, upper edge"
        lines = {
            (9, "this work"): (in_argon, not_in_argon),
            (14, "combination"): (in_argon, not_in_argon),
            (14, "argon"): (in_argon,),
            (14, others): (not_in_argon,),
        }
        planes = {key: _plane(key[0], side, key[1], I, nodes, parts=parts) for key, parts in lines.items()}
        fill([plane for plane, _ in planes.values()], steps.values())
        for (figure, name), (plane, drawn) in planes.items():
            found[f"{figure} {side} {name}"] = _along(plane, drawn, steps, name.endswith("upper edge"))
        parts = {"argon": planes[14, "argon"][0], "others": planes[14, others][0]}
        found |= _projections(9, side, parts, steps)
    return found


@cache
def light_limits(left: Nodes = (1, None, 1), right: Nodes = (1, None, 2)) -> Mapping[str, Along]:
    """Figs. 10 and 15 by figure, side and curve."""
    steps, found = cumulative(readings.LIGHT_CURVES), {}
    for side, nodes in (("left", left), ("right", right)):
        planes = {key: _light_plane(*key, side, nodes) for key in _LIGHT_LINES}
        two = planes[15, "Analysis II"][0]
        parts = {"argon": planes[15, "Analysis I"][0]}
        oxygen = {"carbon": not_on_oxygen, "oxygen": on_oxygen}
        parts |= {part: replace(two, parts=(keep,)) for part, keep in oxygen.items()}
        fill([*(plane for plane, _ in planes.values()), *parts.values()], steps.values())
        for (figure, name), (plane, drawn) in planes.items():
            found[f"{figure} {side} {name}"] = _along(plane, drawn, steps)
        found |= _projections(10, side, parts, steps)
    return found


def _projections(
    figure: int, side: str, parts: Mapping[str, Plane], steps: Mapping[str, Reading]
) -> dict[str, Along]:
    """The projected curves of a panel: exposures, masses and counts of the code are one more cause."""
    mediator, found = ("heavy" if figure == 9 else "light"), {}
    names = {"T2K-I": "T2K-I", "T2K-I+II": "T2K-I+II"}
    if (figure, side) == (9, "right"):
        names = {"T2K-I+II": "T2K-I and T2K-I+II"}  # they lie upon each other
    for name, label in names.items():
        sets = projections.ours(mediator, name), projections.theirs(mediator, name)
        ours, theirs = (projected(panel(figure, side), parts, those) for those in sets)
        drawn = curve(figure, side, label)
        found[f"{figure} {side} {name}"] = _along(ours, drawn, steps, as_projected=theirs)
    return found


_LIGHT_LINES = {
    (10, "this work"): (I + II, (0, None)),
    (15, "combination"): (I + II, (0, None)),
    (15, "Analysis I"): (I, (0, 2)),
    (15, "Analysis II"): (II, (2, None)),
}
"""The analysis of each curve, and its bins among those of both."""


def _light_plane(figure: int, name: str, side: str, nodes: Nodes) -> tuple[Plane, Curve]:
    analysis, bins = _LIGHT_LINES[figure, name]
    return _plane(figure, side, name, analysis, nodes, counted=I + II, bins=bins)


def tried(figure: int, name: str, node: int, others: Mapping[str, Reading]) -> dict[str, tuple[float, float]]:
    """A limit of Fig. 10 or 15 left over the paper's at one node under each reading, with its statistical error.

    Limits are exact, without the step to a straight contour.
    """
    plane, drawn = _light_plane(figure, name, "left", (node, node + 1, 1))
    fill([plane], others.values())
    ratios = {what: plane.limit(reading)[:, 0] / drawn(plane.x[0]) for what, reading in others.items()}
    return {what: (float(ratio[0]), float(error(ratio))) for what, ratio in ratios.items()}

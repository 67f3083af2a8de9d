"""The paper's curves beside ours, and beside ours with the causes switched on one by one.

Begin with `heavy_limits` and `light_limits`, curves of Figs. 9, 10, 14 and 15, and `others`, those of Figs. 3, 4, 6
and 11. An `Along` has the ratios along one curve, and the band in which a ratio of one is to be expected. `tried` is
one limit under readings of one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from darkpkg import datasets
from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis
from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.method.events import PlacedEvents
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B
from darkpkg.physics.nuclei import NUCLEI
from paper.causes import authors, readings
from paper.causes.counting import count, error, total
from paper.causes.planes import Plane, fill, minus_delta_log_likelihood
from paper.causes.readings import Reading, cumulative
from paper.causes.samples import Masses
from paper.curves import Curve, curve, panel

Array = NDArray[np.float64]

__all__ = ["Along", "heavy_limits", "in_argon", "kernel_over_sample", "light_limits", "others", "tried"]

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
    """

    name: str
    x: Array
    paper: Array
    reading: Array
    steps: Mapping[str, Array]
    is_limit: bool = True
    axis: tuple[str, str] = ("mass", "GeV")

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
        return replace(self, x=self.x[chosen], paper=self.paper[chosen], reading=self.reading[chosen], steps=steps)


# --- Limits ---


def in_argon(events: PlacedEvents) -> NDArray[np.bool_]:
    """N made in the chambers."""
    return events.target == NUCLEI["Ar40"].pdg_code


def not_in_argon(events: PlacedEvents) -> NDArray[np.bool_]:
    """N made elsewhere."""
    return ~in_argon(events)


def kernel_over_sample(here: Masses) -> Array:
    """Decays at B by the authors' sample over masses over those by their sample at B, at about 0.3 cm.

    They print the shortest excluded lifetime from either. As the same number of decays is excluded, the ratio of our
    numbers at these two lifetimes is that of theirs at one: (1 + replicates,).
    """
    printed = datasets.read("paper/event_counts").set_index("name").value
    ctau = printed[["ctau_min_B_kernel", "ctau_min_B"]].to_numpy()
    decays = total(count(here, B, I, readings.TEXT, ctau)).sum(axis=-1)
    return decays[:, 1] / decays[:, 0]


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


def _along(plane: Plane, drawn: Curve, steps: Mapping[str, Reading], upper: bool = False) -> Along:
    """A curve at those nodes that lie within its range, the last step on the authors' grid."""
    limit: Callable[[Reading], Array] = plane.upper if upper else plane.limit
    values = {name: limit(reading) for name, reading in steps.items()}
    if not upper:
        last, exact = list(steps.values())[-1], list(values.values())[-1]
        values["grid"] = exact * plane.straight(last)(plane.x) / exact[0]
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
        lines = {
            (9, "this work"): (in_argon, not_in_argon),
            (14, "argon"): (in_argon,),
            (14, "P0D and FGD" if side == "left" else "P0D and FGD, upper edge"): (not_in_argon,),
        }
        planes = {key: _plane(key[0], side, key[1], I, nodes, parts=parts) for key, parts in lines.items()}
        fill([plane for plane, _ in planes.values()], steps.values())
        for (figure, name), (plane, drawn) in planes.items():
            found[f"{figure} {side} {name}"] = _along(plane, drawn, steps, name.endswith("upper edge"))
    return found


@cache
def light_limits(left: Nodes = (1, None, 1), right: Nodes = (1, None, 2)) -> Mapping[str, Along]:
    """Figs. 10 and 15 by figure, side and curve."""
    steps, found = cumulative(readings.LIGHT_CURVES), {}
    for side, nodes in (("left", left), ("right", right)):
        planes = {key: _light_plane(*key, side, nodes) for key in _LIGHT_LINES}
        fill([plane for plane, _ in planes.values()], steps.values())
        for (figure, name), (plane, drawn) in planes.items():
            found[f"{figure} {side} {name}"] = _along(plane, drawn, steps)
    return found


_LIGHT_LINES = {
    (10, "this work"): (I + II, (0, None)),
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


# --- Rates, acceptances and lifetimes ---


def others(here: Masses, light: Masses) -> dict[str, Along]:
    """Figs. 3, 4, 6 and 11 from events at the masses of B and of A."""
    found = {"3": _modules(here), **_acceptances(here), "6": _spectrum(light)}
    return found | {"11 events": _decays(here), "11 lifetimes": _lifetimes(here)}


def _counted(
    steps: Mapping[str, Reading], counted: Callable[[Reading], Array], last: str | None = None
) -> dict[str, Array]:
    values = {}
    for name, reading in steps.items():
        values[name] = counted(reading)
        if name == last:
            break
    return values


def _modules(here: Masses) -> Along:
    """Selected N by module; the figure has all but the first chamber."""
    table = datasets.read("paper/curves/fig3")

    def by_module(reading: Reading) -> Array:
        sums = [count(here, B, I, reading, in_chamber=False, keep=lambda e, m=m: e.module == m) for m in table.module]
        return np.stack([total(s).sum(axis=-1) for s in sums], axis=-1)

    steps = _counted(cumulative(readings.HEAVY_CURVES), by_module, "constants")
    n = np.arange(len(table))
    return Along(
        "Fig. P3", n, table.events.to_numpy(), np.full(len(n), 0.05), steps, is_limit=False, axis=("module", "")
    )


def _acceptances(here: Masses) -> dict[str, Along]:
    """Probabilities that N made on lead and on argon decay in a chamber: of all N, of selected ones, by face."""
    table, found = datasets.read("paper/curves/fig4"), {}
    all_of_them = I.with_selection(cuts=None)
    causes = cumulative(readings.HEAVY_CURVES, readings.TEXT)
    steps = {"ours": (all_of_them, readings.TEXT), "selected": (I, readings.TEXT)}
    steps |= {name: (I, causes[name]) for name in ("cone", "|t|", "form factor", "constants", "crossings")}
    for name, rows in table.groupby("element", sort=False):
        nucleus = {"lead": "Pb208", "argon": "Ar40"}[name]
        rows = rows[rows.acceptance > 0.02]

        def keep(events: PlacedEvents, code: int = NUCLEI[nucleus].pdg_code) -> NDArray[np.bool_]:
            return events.target == code

        values = {}
        for step, (analysis, reading) in steps.items():
            inside = total(count(here, B, analysis, reading, rows.ctau.to_numpy(), keep=keep)).sum(axis=-1)
            made = total(count(here, B, analysis, reading, in_chamber=False, keep=keep)).sum(axis=-1)
            values[step] = inside / made[:, None]
        x, y = (rows[column].to_numpy() for column in ("ctau", "acceptance"))
        found[f"4 {name}"] = Along(f"Fig. P4, {name}", x, y, 0.003 / y, values, False, (r"$c\tau^0$", "cm"))
    return found


def _spectrum(light: Masses) -> Along:
    """Signal of Analysis II in FHC at ε fifteen times that of A, in bins of the reconstructed mass."""
    table = datasets.read("paper/curves/fig6").dropna()
    theta = A.replace(epsilon=15 * A.epsilon)
    bins = II.bins_of("FHC")
    rows = table[table.reconstructed > 45]

    def spectrum(reading: Reading) -> Array:
        return total(count(light, theta, II, reading))[:, bins][:, rows.index]

    steps = _counted(cumulative(readings.LIGHT_CURVES), spectrum)
    middles = ((rows.m_ee_low + rows.m_ee_high) / 2).to_numpy()
    y = rows.reconstructed.to_numpy()
    return Along("Fig. P6, reconstructed", middles, y, 15 / y, steps, False, ("$m_{ee}$", "MeV"))


def _decays(here: Masses) -> Along:
    """Decays at B against the lifetime; their own sample at B has no kernel."""
    drawn = curve(11, "top left", "events")
    ctau = np.geomspace(0.2, 5e3, 12)

    def decays(reading: Reading) -> Array:
        return total(count(here, B, I, reading, ctau)).sum(axis=-1)

    steps = _counted(cumulative(readings.HEAVY_CURVES), decays, "crossings")
    return Along("Fig. P11, events", ctau, drawn(ctau), drawn.error(ctau), steps, False, (r"$c\tau^0$", "cm"))


def _lifetimes(here: Masses) -> Along:
    """Shortest excluded lifetime against the rate at 90 % for one parameter."""
    drawn = curve(11, "bottom", "m_N = 0.1 GeV")
    # Sums are smooth in the logarithm of the lifetime: at seven nodes a decade a spline is good to 1e-3.
    nodes, ctau = np.geomspace(0.05, 30, 20), np.geomspace(0.05, 30, 200)
    rates = drawn.x[(drawn.x > 8) & (drawn.x < 1100)]
    level = exclusion_threshold(0.90, 1)

    def shortest(reading: Reading) -> Array:
        decays = CubicSpline(np.log(nodes), total(count(here, B, I, reading, nodes)), axis=1)(np.log(ctau))
        made = total(count(here, B, I, reading, in_chamber=False)).sum(axis=-1)
        found = []
        for rate in rates:
            mean = decays * (rate / made)[:, None, None]
            fall = minus_delta_log_likelihood(mean[:, None], I, reading.poisson_below)[:, 0]
            # Fast decays inside the chambers leave some events for the shortest lifetimes: from below, first above.
            first = np.argmax(fall > level, axis=-1)
            found.append(ctau[np.maximum(first, 1)] * _within(fall, first, level, ctau))
        return np.stack(found, axis=-1)

    steps = _counted(cumulative(readings.HEAVY_CURVES), shortest, "crossings")
    return Along(
        "Fig. P11, shortest lifetimes", rates, drawn(rates), drawn.error(rates), steps, axis=("selected N", "")
    )


def _within(fall: Array, first: NDArray[np.intp], level: float, ctau: Array) -> Array:
    """Factor from a lifetime to where ``fall`` crosses the level just below it."""
    rows, i = np.arange(len(fall)), np.maximum(first, 1)
    high, low = np.log(fall[rows, i]), np.log(np.maximum(fall[rows, i - 1], 1e-12))
    share = (high - np.log(level)) / (high - low)
    return np.exp(-share * np.log(ctau[i] / ctau[i - 1]))

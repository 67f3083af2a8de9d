"""Figures 9, 10, 11, 14 and 15: the limits of Section V and Appendices D and E, from the table of all rates.

Crosses in them are limits from dedicated samples, which share nothing with the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis
from darkpkg.experiment.detector import ND280_UPGRADE
from darkpkg.experiment.projection import project
from darkpkg.inference.intervals import excluded_intervals
from darkpkg.inference.lifetimes import excluded_lifetimes
from darkpkg.inference.scan import Scan
from darkpkg.inference.scanning import scan
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.method.estimators import Kernel, Transport
from darkpkg.method.expectation import Expectation
from darkpkg.method.interface import Estimator, Predicts
from darkpkg.method.table import Table, load_table
from darkpkg.method.weights import selected_weight
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.plotting import axis_label
from paper.constraints.drawing import draw_constraints
from paper.drawing import COLOURS, PALE, plain_ticks
from paper.figures.frame import Curves, PaperFigure, Samples
from paper.figures.planes import CHECKED_AT, PLANES, along_gap
from paper.lifetime_bound import LifetimeBound, fit_lifetime_bound

Array = NDArray[np.float64]

__all__ = [
    "CHECKED_AT",
    "CHECKED_RATES",
    "EVENT_RATES",
    "LIFETIME_MASSES",
    "PAPER_FITS",
    "PLANES",
    "FromP0D",
    "figure_9",
    "figure_10",
    "figure_11",
    "figure_14",
    "figure_15",
    "lifetime_bounds",
]


_EXCLUDED_AT = {("heavy", "mixing"): (0.05, 6e-4, 0), ("heavy", "kinetic"): (0.5, 1.3e-3, 43)}
_EXCLUDED_AT |= {("light", "mixing"): (0.085, 1e-3, 0), ("light", "kinetic"): (0.0045, 3.5e-3, 0)}
"""Where in each plane it is written, and at which angle."""

_NAMES = {"mixing": ("m_N", "V_muN_sq"), "kinetic": ("m_Zprime", "epsilon")}
_BOTH = ANALYSIS_I + ANALYSIS_II

LIFETIME_MASSES = (0.2, 0.1, 0.05, 0.025)
"""m_N in GeV of the curves of Fig. 11."""

PAPER_FITS: Mapping[float, tuple[float, float]] = {
    0.2: (1.8, 0.91),
    0.1: (1.1, 0.89),
    0.05: (0.59, 0.90),
    0.025: (0.3, 0.88),
}
"""α in cm and β of Eq. (E1) as the legend of Fig. 11 has them, by m_N in GeV."""

EVENT_RATES = np.geomspace(10, 1000, 25)
"""Upscatterings at which limits on the lifetime are fitted, the range of the lower panel of Fig. 11."""

CHECKED_RATES = EVENT_RATES[::6]
"""Upscatterings at which Fig. 11 has crosses."""


@dataclass(frozen=True)
class FromP0D:
    """An estimator of N that were produced in the P∅D, from a table that adds up the parts of the detector.

    The table cannot tell a rate from none if it is below the error of all rates before the last part: that is 0 here.
    """

    table: Table

    def events(self, parameters: DarkParameters, analysis: Analysis) -> Expectation:
        """Expected signal in each bin, of θ's shape + (bins,)."""
        tables = self.table, self.table.up_to("scintillator")
        whole, before = (table.events(parameters, analysis) for table in tables)
        mean, square = whole.mean - before.mean, whole.tabulation + before.tabulation
        mean = np.where(mean > np.sqrt(square), mean, 0.0)
        return Expectation(mean, np.zeros(mean.shape), tabulation=square)


@dataclass(frozen=True)
class _Line:
    """A limit in a figure: what it is predicted from, and from which modules a dedicated sample takes N.

    None of them (``modules`` None) if no dedicated sample is to be compared.
    """

    estimator: Predicts
    analysis: Analysis
    style: dict[str, Any]
    modules: str | None = ""


def figure_9(samples: Samples) -> PaperFigure:
    """Limits for a heavy dark photon by Analysis I, with projections, other limits and the region of interest.

    The projections are for 4 × 10²¹ POT with today's detector and for 16 × 10²¹ POT with the upgraded one, in argon
    alone, which is not in the table: its line is from a sample over all masses, transported to those of each point.
    """
    table = load_table()
    upgrade = project(ANALYSIS_I, detector=ND280_UPGRADE)
    upgraded = _Line(Transport(samples.heavy_upgrade), upgrade, {"color": COLOURS["purple"], "ls": "-."}, None)
    lines = {
        "Analysis I": _Line(table, ANALYSIS_I, {"color": COLOURS["blue"], "shade": 0.25}),
        "4 × 10²¹ POT": _Line(table, project(ANALYSIS_I), {"color": COLOURS["blue"], "ls": "--"}, None),
        "16 × 10²¹ POT, upgrade, argon": upgraded,
    }
    return _limits("heavy", lines, samples)


def figure_10(samples: Samples) -> PaperFigure:
    """Limits for a light dark photon by both analyses, with the projection to 4 × 10²¹ POT and other limits."""
    table = load_table()
    more = project(ANALYSIS_I) + project(ANALYSIS_II)
    lines = {
        "Analyses I and II": _Line(table, _BOTH, {"color": COLOURS["blue"], "shade": 0.25}),
        "4 × 10²¹ POT": _Line(table, more, {"color": COLOURS["blue"], "ls": "--"}, None),
    }
    return _limits("light", lines, samples)


def figure_14(samples: Samples) -> PaperFigure:
    """Limits for a heavy dark photon from N produced in the P∅D, from N produced in the chambers, and from all."""
    table = load_table()
    lines = {
        "all": _Line(table, ANALYSIS_I, {"color": COLOURS["blue"], "shade": 0.2}),
        "produced in the P∅D": _Line(FromP0D(table), ANALYSIS_I, {"color": COLOURS["grey"], "ls": "--"}, "P0D"),
        "produced in argon": _Line(table.up_to("argon"), ANALYSIS_I, {"color": COLOURS["orange"], "ls": "-."}, "TPC"),
    }
    return _limits("heavy", lines, samples)


def figure_15(samples: Samples) -> PaperFigure:
    """Limits for a light dark photon by Analysis I, by Analysis II, and by both."""
    table = load_table()
    lines = {
        "both": _Line(table, _BOTH, {"color": COLOURS["blue"], "shade": 0.2}),
        "Analysis I, argon": _Line(table, ANALYSIS_I, {"color": COLOURS["orange"], "ls": "-."}),
        "Analysis II, FGD1": _Line(table, ANALYSIS_II, {"color": COLOURS["green"], "ls": "--"}),
    }
    return _limits("light", lines, samples)


def _limits(mediator: str, lines: Mapping[str, _Line], samples: Samples) -> PaperFigure:
    """Both planes of a mediator: other limits, ours with dedicated samples as crosses, and the benchmark."""
    curves = Curves()
    point = {"heavy": BENCHMARK_B, "light": BENCHMARK_A}[mediator]
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.5))
    for ax, (panel, names) in zip(axes, _NAMES.items(), strict=True):
        where = PLANES[mediator, panel]
        ends = [(values[0], values[-1]) for values in where.axes.values()]
        ax.set(xscale="log", yscale="log", xlim=ends[0], ylim=ends[1])
        draw_constraints(ax, names, mediator)
        name = f"{axis_label(names[1])} against {axis_label(names[0])}"
        for label, line in lines.items():
            slanted = (mediator, panel) == ("heavy", "kinetic") and not isinstance(line.estimator, Transport)
            within = along_gap(where) if slanted else where
            about = mediator, panel, line.estimator, line.analysis
            found = samples.once(about, lambda line=line, within=within: scan(line.estimator, within, line.analysis))
            for curve in _edge(ax, found, label, dict(line.style), power=2 if slanted else 0):
                curves.line(name, label, *curve[curve[:, 1] <= ends[1][1]].T)
            if line.modules is not None:
                checks = _dedicated(samples, mediator, panel, line).T
                ax.errorbar(*checks, fmt="x", ms=6, mew=1.5, color=line.style["color"], zorder=4)
                curves.line(name, f"{label}, dedicated samples", *checks)
        ax.plot(
            *(getattr(point, name) for name in names), "*", ms=13, color=COLOURS["red"], mec="white",
            label=f"benchmark {'B' if mediator == 'heavy' else 'A'}", ls="none", zorder=5,
        )  # fmt: skip
        x, y, angle = _EXCLUDED_AT[mediator, panel]
        word = {"color": COLOURS["blue"], "ha": "center", "va": "center", "bbox": PALE}
        ax.text(x, y, "excluded by T2K", rotation=angle, **word)
        ax.set(xlim=ends[0], ylim=ends[1])
        if ends[0][1] < 100 * ends[0][0]:  # powers of ten alone would leave a single label
            plain_ticks(ax.xaxis, [x for x in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0) if ends[0][0] <= x <= ends[0][1]])
    axes[0].legend(loc="lower right", fontsize=9, labelspacing=0.2, borderaxespad=0.1)
    for ax in axes:
        ax.write_names()
    return PaperFigure(figure, curves.table())


def _dedicated(samples: Samples, mediator: str, panel: str, line: _Line) -> Array:
    """Mass, coupling and its error at each end of what dedicated samples exclude within a plane: (n, 3)."""
    about = "dedicated", mediator, panel, line.analysis, line.modules
    return samples.once(about, lambda: _ends_of_dedicated(samples, mediator, panel, line))


def _ends_of_dedicated(samples: Samples, mediator: str, panel: str, line: _Line) -> Array:
    where = PLANES[mediator, panel]
    coupling, values = list(where.axes.items())[1]
    rows: list[tuple[float, float, float]] = []
    for mass in CHECKED_AT[mediator, panel]:
        along = Slice(lambda c, mass=mass: where.at(mass, c), **{coupling: values[::10]})
        point = where.at(mass, float(values[0]))
        events = samples.at(point)
        events = events[np.char.startswith(events.module, line.modules or "")]
        events = events[selected_weight(events, point, line.analysis) != 0]  # others weigh nothing at any coupling
        for found in excluded_intervals(Kernel(events), along, line.analysis):
            ends = (found.low, found.low_error), (found.high, found.high_error)
            rows += [(mass, end, error) for end, error in ends if np.isfinite(error)]
    return np.array(rows).reshape(-1, 3)


def _edge(ax: Axes, found: Scan, label: str, style: dict[str, Any], power: int) -> list[Array]:
    """Draw the edge of what is excluded, of a scan of y over this power of x. Returns its curves."""

    def drawn(curve: Array) -> Array:
        x, y = curve.T
        return np.stack([x, y * x**power], axis=-1)

    shade, edge = style.pop("shade", 0.0), [drawn(curve) for curve in found.exclusion()]
    if shade:
        for outlines in found.excluded_polygons():
            path = Path.make_compound_path(*(Path(drawn(outline), closed=True) for outline in outlines))
            ax.add_patch(PathPatch(path, fc=style["color"], ec="none", alpha=shade, zorder=1.5))
    for curve in edge:
        ax.plot(*curve.T, label=label, zorder=2, **style)
        label = ""
    return edge


def lifetime_bounds() -> dict[float, tuple[Array, LifetimeBound]]:
    """Shortest excluded cτ⁰ in cm at `EVENT_RATES` and the fit of Eq. (E1) to them, for each of `LIFETIME_MASSES`."""
    bounds = {}
    for m_N in LIFETIME_MASSES:
        shortest, _ = _excluded(m_N, EVENT_RATES)
        bounds[m_N] = shortest, fit_lifetime_bound(EVENT_RATES, shortest)
    return bounds


def _excluded(m_N: float, rates: Array, estimator: Estimator | None = None) -> tuple[Array, Array]:
    """Shortest and longest excluded cτ⁰ in cm, all but m_N as in benchmark B; by default from the table."""
    return excluded_lifetimes(estimator, BENCHMARK_B.replace(m_N=m_N), ANALYSIS_I, rates)


def figure_11(samples: Samples) -> PaperFigure:
    """Events against the lifetime at benchmark B; excluded lifetimes against the rate for four m_N; fits of the edge.

    Lines are from the table, crosses from dedicated samples. The band of the first panel is the square root of
    Eq. (30), for the signal alone.
    """
    curves = Curves()
    figure, (first, second, third) = plt.subplots(1, 3, figsize=(9.8, 4.2))
    _events_against_lifetime(first, samples, curves)
    bounds = lifetime_bounds()
    for m_N, colour in zip(LIFETIME_MASSES, ("red", "green", "orange", "blue"), strict=True):
        _lifetimes_against_rate(second, m_N, COLOURS[colour], samples, curves)
        _fits_to_lifetimes(third, m_N, *bounds[m_N], COLOURS[colour], curves)
    rate_label = "upscatterings after selection"
    second.set(xlabel=rate_label, ylabel=r"$c\tau^0$ [cm]", xlim=(3, 1e4), ylim=(3e-2, 1e6))
    second.text(600, 50, "excluded", ha="center")
    second.legend(fontsize=9, loc="upper left")
    third.set(xlabel=rate_label, ylabel=r"shortest excluded $c\tau^0$ [cm]", xlim=(9, 1100), ylim=(0.05, 500))
    third.legend(fontsize=9, title="$m_N$: α [cm], β", loc="upper right")
    return PaperFigure(figure, curves.table())


def _lifetimes_against_rate(ax: Axes, m_N: float, colour: str, samples: Samples, curves: Curves) -> None:
    rates = np.geomspace(3, 1e4, 60)
    shortest, longest = _excluded(m_N, rates)
    label, use = f"$m_N$ = {1e3 * m_N:g} MeV", np.isfinite(longest)
    bottom = np.maximum(shortest, 1e-9)[use]  # 0: prompt decays in argon are excluded, too
    ax.fill_between(rates[use], bottom, longest[use], color=colour, alpha=0.08, lw=0)
    around = np.r_[rates[use][::-1], rates[use]], np.r_[longest[use][::-1], bottom]
    ax.loglog(*around, color=colour, label=label)
    dedicated = _excluded(m_N, CHECKED_RATES, Kernel(samples.at(BENCHMARK_B.replace(m_N=m_N))))
    for end, line, own in zip(("shortest", "longest"), (shortest, longest), dedicated, strict=True):
        ax.plot(CHECKED_RATES, own, "x", ms=5, color=colour)
        curves.line("excluded lifetimes", f"{label}, {end}", rates, line)
        curves.line("excluded lifetimes", f"{label}, {end}, dedicated samples", CHECKED_RATES, own)


def _fits_to_lifetimes(
    ax: Axes, m_N: float, shortest: Array, fit: LifetimeBound, colour: str, curves: Curves
) -> None:
    label = f"{1e3 * m_N:g} MeV: {fit.alpha:.2f}, {fit.beta:.2f}"
    ax.loglog(EVENT_RATES, shortest, lw=1.8, color=colour, label=label)
    paper = _where_finite(LifetimeBound(*PAPER_FITS[m_N], 0, 0, 0, 0)(EVENT_RATES))
    fitted = _where_finite(fit(EVENT_RATES))
    ax.loglog(EVENT_RATES, fitted, "--", lw=1.3, color=colour)
    ax.loglog(EVENT_RATES, paper, ":", lw=1.3, color=colour)
    name = f"$m_N$ = {1e3 * m_N:g} MeV"
    curves.line("shortest lifetimes", name, EVENT_RATES, shortest)
    curves.line("shortest lifetimes", f"{name}, fit", EVENT_RATES, fitted)
    curves.line("shortest lifetimes", f"{name}, fit of the paper", EVENT_RATES, paper)


def _events_against_lifetime(ax: Axes, samples: Samples, curves: Curves) -> None:
    B = BENCHMARK_B
    ctau = np.geomspace(0.05, 1e7, 150)
    signal = load_table().events_at_lifetime(B, ctau, ANALYSIS_I)
    mean = signal.mean.sum(axis=-1)
    error = np.sqrt((signal.error**2 + (ANALYSIS_I.systematic * signal.mean) ** 2).sum(axis=-1))
    checked = ctau[::15]
    dedicated = Kernel(samples.at(B)).events_at_lifetime(B, checked, ANALYSIS_I).total()
    ax.loglog(ctau, mean, color=COLOURS["blue"])
    ax.errorbar(checked, dedicated.mean, dedicated.error, fmt="x", ms=5, color=COLOURS["blue"])
    ax.fill_between(ctau, np.maximum(mean - error, 1e-9), mean + error, color=COLOURS["blue"], alpha=0.25, lw=0)
    ax.axhline(exclusion_threshold(0.90), color=COLOURS["grey"], ls=":")
    ax.text(ctau[-1] / 2, 1.2 * exclusion_threshold(0.90), "90 % CL", ha="right", va="bottom", color=COLOURS["grey"])
    shortest = float(B.proper_decay_length() * B.V_N_sq)  # cτ⁰ for |V_N| = 1; it goes like 1 / |V_N|²
    longest = float(shortest / B.V_muN_sq)
    ax.axvspan(shortest, longest, color=COLOURS["orange"], alpha=0.15, lw=0)
    ax.text(np.sqrt(shortest * longest), 0.03, "physical region", ha="center")
    at_B = float(np.exp(np.interp(np.log(shortest), np.log(ctau), np.log(mean))))
    ax.plot(shortest, at_B, "*", ms=13, color=COLOURS["red"], mec="white", zorder=5)
    ax.set(xlabel=r"$c\tau^0$ [cm]", ylabel="expected events in Analysis I", xlim=ctau[[0, -1]], ylim=(1e-2, 1e3))
    top = ax.secondary_xaxis("top", functions=(lambda c: shortest / np.maximum(c, 1e-12),) * 2)
    top.set_xlabel(axis_label("V_N_sq"))
    curves.line("events against lifetime", "Analysis I", ctau, mean, error)
    name = "Analysis I, dedicated samples"
    curves.line("events against lifetime", name, checked, dedicated.mean, dedicated.error)


def _where_finite(values: Array) -> Array:
    """A formula leaves out what it has no answer for."""
    return np.where(np.isfinite(values), values, np.nan)

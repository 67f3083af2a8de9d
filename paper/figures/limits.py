"""Figures 9, 10, 11, 14 and 15: the limits of Section V and Appendices D and E, from the two samples over masses."""

from __future__ import annotations

import math
import warnings
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis, Channel
from darkpkg.experiment.detector import ND280_UPGRADE
from darkpkg.experiment.projection import project
from darkpkg.experiment.selection import Selection
from darkpkg.inference.lifetimes import excluded_lifetimes
from darkpkg.inference.scan import Scan
from darkpkg.inference.scanning import scan
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.method.estimators import Kernel, Transport
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation, FewEventsWarning
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.plotting import axis_label, shade_excluded
from paper.constraints.drawing import draw_constraints
from paper.drawing import COLOURS
from paper.figures.frame import Curves, PaperFigure, Samples
from paper.lifetime_bound import LifetimeBound, fit_lifetime_bound

Array = NDArray[np.float64]

__all__ = [
    "EVENT_RATES",
    "LIFETIME_MASSES",
    "PAPER_FITS",
    "PLANES",
    "figure_9",
    "figure_10",
    "figure_11",
    "figure_14",
    "figure_15",
    "lifetime_bounds",
    "scan_plane",
]


def _light(m_N: Any, V_muN_sq: Any) -> DarkParameters:
    """|V_N|² = |V_μN|², as in column A of Table I."""
    return BENCHMARK_A.replace(m_N=m_N, V_muN_sq=V_muN_sq, V_N_sq=V_muN_sq)


def _plane(base: Any, **ranges: tuple[float, float]) -> Slice:
    return Slice(
        base, **{name: np.geomspace(*ends, n) for (name, ends), n in zip(ranges.items(), (60, 121), strict=True)}
    )


PLANES: Mapping[tuple[str, str], Slice] = {
    ("heavy", "mixing"): _plane(BENCHMARK_B, m_N=(0.005, 1.0), V_muN_sq=(1e-10, 1e-2)),
    ("heavy", "kinetic"): _plane(BENCHMARK_B, m_Zprime=(0.1, 10.0), epsilon=(1e-5, 1e-1)),
    ("light", "mixing"): _plane(_light, m_N=(0.0301, 1.0), V_muN_sq=(1e-10, 1e-2)),
    ("light", "kinetic"): _plane(BENCHMARK_A, m_Zprime=(0.002, 0.0999), epsilon=(1e-5, 1e-2)),
}
"""The four planes of Figs. 9 and 10, 60 masses × 121 couplings, all else as in Table I: |V_μN|² against m_N at m_Z′ =
1.25 GeV or 30 MeV, ε against m_Z′ at m_N = 100 MeV. The heavy ε plane begins at m_Z′ = m_N, the others off it."""

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


def scan_plane(events: PlacedEvents, where: Slice, *analyses: Analysis) -> list[Scan]:
    """`scan` of several analyses at once with events moved to each pair of masses.

    A kernel would smear the mass of the pair, which for a light dark photon is the mass of the photon, over the bins
    of Analysis II. Thin bins make no warning here: many are empty, and `Scan.log_excess_error` knows them.
    """
    rates = _rates(events, where, [channel for analysis in analyses for channel in analysis.channels])
    scans = []
    for analysis in analyses:
        mean = [channel.pot * rates[_kind(channel)].mean for channel in analysis.channels]
        variance = [channel.pot**2 * rates[_kind(channel)].variance for channel in analysis.channels]
        found = Expectation(np.concatenate(mean, axis=-1), np.concatenate(variance, axis=-1))
        scans.append(scan(_Summed(found, events), where, analysis))
    return scans


@dataclass(frozen=True, eq=False)
class _Summed:
    """An estimator of one plane, whose events were summed before."""

    found: Expectation = field(repr=False)
    sample: PlacedEvents = field(repr=False)

    def events(self, *_: Any) -> Expectation:
        """What was summed, at all points of the plane."""
        return self.found


_Kind = tuple[str, Selection]
_known_rates: weakref.WeakKeyDictionary[PlacedEvents, weakref.WeakKeyDictionary[Slice, dict[_Kind, Expectation]]]
_known_rates = weakref.WeakKeyDictionary()
"""Events in each bin for one proton on target at the points of a plane, (points, bins), as long as both live."""


def _kind(channel: Channel) -> _Kind:
    """What the rate of a channel depends on, but for the exposure."""
    return channel.beam, channel.selection


def _rates(events: PlacedEvents, where: Slice, channels: Sequence[Channel]) -> dict[_Kind, Expectation]:
    """Events in the bins of each kind of channel for one proton on target, (points, bins).

    Figures share planes, and projections differ by the exposure alone: each kind is summed once.
    """
    known = _known_rates.setdefault(events, weakref.WeakKeyDictionary()).setdefault(where, {})
    wanted = {_kind(channel): channel for channel in channels}
    missing = {kind: channel for kind, channel in wanted.items() if kind not in known}
    if missing:
        joint = Analysis("all", tuple(replace(c, name=str(i), pot=1.0) for i, c in enumerate(missing.values())))
        points = where.parameters
        sums = np.empty((math.prod(points.shape), 2, len(joint.observed)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FewEventsWarning)
            for here, some, moved in Transport(events).samples(points):
                found = Kernel(moved).events(some, joint)
                sums[here] = np.stack([found.mean, found.variance], axis=1)
        for i, kind in enumerate(missing):
            bins = joint.bins_of(str(i))
            known[kind] = Expectation(sums[:, 0, bins], sums[:, 1, bins])
    return known


def figure_9(samples: Samples) -> PaperFigure:
    """Limits for a heavy dark photon by Analysis I, with projections, other limits and the region of interest.

    The projections are for 4·10²¹ POT with today's detector and for 16·10²¹ POT with the upgraded one, argon only.
    """
    upgrade = project(ANALYSIS_I, detector=ND280_UPGRADE)
    lines = {
        "Analysis I": (samples.heavy, ANALYSIS_I, {"color": COLOURS["blue"], "shade": 0.25}),
        "4·10²¹ POT": (samples.heavy, project(ANALYSIS_I), {"color": COLOURS["blue"], "ls": "--"}),
        "16·10²¹ POT, upgrade, argon": (samples.heavy_upgrade, upgrade, {"color": COLOURS["purple"], "ls": "-."}),
    }
    return _limits("heavy", lines)


def figure_10(samples: Samples) -> PaperFigure:
    """Limits for a light dark photon by both analyses, with the projection to 4·10²¹ POT and other limits."""
    more = project(ANALYSIS_I) + project(ANALYSIS_II)
    lines = {
        "Analyses I and II": (samples.light, _BOTH, {"color": COLOURS["blue"], "shade": 0.25}),
        "4·10²¹ POT": (samples.light, more, {"color": COLOURS["blue"], "ls": "--"}),
    }
    return _limits("light", lines)


def figure_14(samples: Samples) -> PaperFigure:
    """Limits for a heavy dark photon from N produced in the P∅D, from N produced in the chambers, and from all."""
    heavy = samples.heavy
    in_P0D, in_argon = (heavy[np.char.startswith(heavy.module, part)] for part in ("P0D", "TPC"))
    lines = {
        "all": (heavy, ANALYSIS_I, {"color": COLOURS["blue"], "shade": 0.2}),
        "produced in the P∅D": (in_P0D, ANALYSIS_I, {"color": COLOURS["grey"], "ls": "--"}),
        "produced in argon": (in_argon, ANALYSIS_I, {"color": COLOURS["orange"], "ls": "-."}),
    }
    return _limits("heavy", lines)


def figure_15(samples: Samples) -> PaperFigure:
    """Limits for a light dark photon by Analysis I, by Analysis II, and by both."""
    lines = {
        "both": (samples.light, _BOTH, {"color": COLOURS["blue"], "shade": 0.2}),
        "Analysis I, argon": (samples.light, ANALYSIS_I, {"color": COLOURS["orange"], "ls": "-."}),
        "Analysis II, FGD1": (samples.light, ANALYSIS_II, {"color": COLOURS["green"], "ls": "--"}),
    }
    return _limits("light", lines)


def _limits(mediator: str, lines: Mapping[str, tuple[PlacedEvents, Analysis, dict[str, Any]]]) -> PaperFigure:
    """Both planes of a mediator: other limits, ours, and the benchmark."""
    curves = Curves()
    point = {"heavy": BENCHMARK_B, "light": BENCHMARK_A}[mediator]
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.5))
    for ax, (panel, names) in zip(axes, _NAMES.items(), strict=True):
        where = PLANES[mediator, panel]
        ends = [(values[0], values[-1]) for values in where.axes.values()]
        ax.set(xscale="log", yscale="log", xlim=ends[0], ylim=ends[1])
        draw_constraints(ax, names, mediator)
        for label, (found, style) in _scans(where, lines).items():
            _edge(ax, found, label, dict(style))
            for curve in found.exclusion():
                curves.line(f"{axis_label(names[1])} against {axis_label(names[0])}", label, *curve.T)
        ax.plot(
            *(getattr(point, name) for name in names), "*", ms=13, color=COLOURS["red"], mec="white",
            label=f"benchmark {'B' if mediator == 'heavy' else 'A'}", ls="none", zorder=5,
        )  # fmt: skip
        ax.set(xlim=ends[0], ylim=ends[1])
        if ends[0][1] < 100 * ends[0][0]:
            ax.xaxis.set_minor_formatter(NullFormatter())
    axes[0].legend(loc="lower right", fontsize=8.5)
    return PaperFigure(figure, curves.table())


def _scans(
    where: Slice, lines: Mapping[str, tuple[PlacedEvents, Analysis, dict[str, Any]]]
) -> dict[str, tuple[Scan, dict[str, Any]]]:
    """The scan of each line, those of the same sample in one go."""
    found = {}
    for sample in {id(events): events for events, _, _ in lines.values()}.values():
        own = {label: (analysis, style) for label, (events, analysis, style) in lines.items() if events is sample}
        scans = scan_plane(sample, where, *(analysis for analysis, _ in own.values()))
        found |= {label: (one, own[label][1]) for label, one in zip(own, scans, strict=True)}
    return {label: found[label] for label in lines}


def _edge(ax: Axes, found: Scan, label: str, style: dict[str, Any]) -> None:
    shade = style.pop("shade", 0.0)
    if shade:
        shade_excluded(found, ax, fc=style["color"], ec="none", alpha=shade, zorder=1.5)
    for curve in found.exclusion():
        ax.plot(*curve.T, label=label, zorder=2, **style)
        label = ""


# --- Lifetimes ---


def lifetime_bounds(samples: Samples, n_parameters: int = 2) -> dict[float, tuple[Array, LifetimeBound]]:
    """Shortest excluded cτ⁰ in cm at `EVENT_RATES` and the fit of Eq. (E1) to them, for each of `LIFETIME_MASSES`."""
    bounds = {}
    for m_N in LIFETIME_MASSES:
        point = BENCHMARK_B.replace(m_N=m_N)
        shortest, _ = excluded_lifetimes(
            Kernel(samples.at(point)), point, ANALYSIS_I, EVENT_RATES, n_parameters=n_parameters
        )
        bounds[m_N] = shortest, fit_lifetime_bound(EVENT_RATES, shortest)
    return bounds


def figure_11(samples: Samples) -> PaperFigure:
    """Events against the lifetime at benchmark B; excluded lifetimes against the rate for four m_N; fits of the edge.

    The band of the first panel is the square root of Eq. (30), for the signal alone.
    """
    curves = Curves()
    figure, (first, second, third) = plt.subplots(1, 3, figsize=(9.8, 4.2))
    _events_against_lifetime(first, samples, curves)
    rates = np.geomspace(3, 1e4, 60)
    colours = ("red", "green", "orange", "blue")
    for m_N, colour in zip(LIFETIME_MASSES, colours, strict=True):
        point = BENCHMARK_B.replace(m_N=m_N)
        shortest, longest = excluded_lifetimes(Kernel(samples.at(point)), point, ANALYSIS_I, rates)
        label, use = f"$m_N$ = {1e3 * m_N:g} MeV", np.isfinite(longest)
        bottom = np.maximum(shortest, 1e-9)[use]  # 0: prompt decays in argon are excluded, too
        second.fill_between(rates[use], bottom, longest[use], color=COLOURS[colour], alpha=0.08, lw=0)
        around = np.r_[rates[use][::-1], rates[use]], np.r_[longest[use][::-1], bottom]
        second.loglog(*around, color=COLOURS[colour], label=label)
        curves.line("excluded lifetimes", f"{label}, shortest", rates, shortest)
        curves.line("excluded lifetimes", f"{label}, longest", rates, longest)
    for (m_N, (shortest, fit)), colour in zip(lifetime_bounds(samples).items(), colours, strict=True):
        label = f"{1e3 * m_N:g} MeV: {fit.alpha:.2f} cm/(log₁₀ − {fit.beta:.2f})"
        third.loglog(EVENT_RATES, shortest, "o", ms=4, color=COLOURS[colour], label=label)
        paper = _where_finite(LifetimeBound(*PAPER_FITS[m_N], 0, 0, 0, 0)(EVENT_RATES))
        fitted = _where_finite(fit(EVENT_RATES))
        third.loglog(EVENT_RATES, fitted, "--", lw=1.3, color=COLOURS[colour])
        third.loglog(EVENT_RATES, paper, ":", lw=1.3, color=COLOURS[colour])
        name = f"$m_N$ = {1e3 * m_N:g} MeV"
        curves.line("shortest lifetimes", name, EVENT_RATES, shortest)
        curves.line("shortest lifetimes", f"{name}, fit", EVENT_RATES, fitted)
        curves.line("shortest lifetimes", f"{name}, fit of the paper", EVENT_RATES, paper)
    rate_label = "upscatterings after selection"
    second.set(xlabel=rate_label, ylabel=r"$c\tau^0$ [cm]", xlim=(3, 1e4), ylim=(3e-2, 1e6))
    second.text(600, 50, "excluded", ha="center")
    second.legend(fontsize=8, loc="upper left")
    third.set(xlabel=rate_label, ylabel=r"shortest excluded $c\tau^0$ [cm]", xlim=(9, 1100))
    third.legend(fontsize=8, title="dashed: fit, dotted: the paper's")
    return PaperFigure(figure, curves.table())


def _events_against_lifetime(ax: Axes, samples: Samples, curves: Curves) -> None:
    B = BENCHMARK_B
    ctau = np.geomspace(0.05, 1e7, 150)
    signal = Kernel(samples.at_B).events_at_lifetime(B, ctau, ANALYSIS_I)
    mean = signal.mean.sum(axis=-1)
    error = np.sqrt((signal.variance + (ANALYSIS_I.systematic * signal.mean) ** 2).sum(axis=-1))
    ax.loglog(ctau, mean, color=COLOURS["blue"])
    ax.fill_between(ctau, np.maximum(mean - error, 1e-9), mean + error, color=COLOURS["blue"], alpha=0.25, lw=0)
    ax.axhline(exclusion_threshold(0.90), color=COLOURS["grey"], ls=":")
    ax.text(ctau[-1] / 2, 2.6, "90 % CL", ha="right", color=COLOURS["grey"])
    shortest = B.proper_decay_length() * B.V_N_sq  # cτ⁰ for |V_N| = 1; it goes like 1 / |V_N|²
    ax.axvspan(shortest, shortest / B.V_muN_sq, color=COLOURS["orange"], alpha=0.15, lw=0)
    ax.text(np.sqrt(shortest**2 / B.V_muN_sq), 0.03, "physical region", ha="center")
    at_B = float(np.exp(np.interp(np.log(shortest), np.log(ctau), np.log(mean))))
    ax.plot(shortest, at_B, "*", ms=13, color=COLOURS["red"], mec="white", zorder=5)
    ax.set(xlabel=r"$c\tau^0$ [cm]", ylabel="expected events in Analysis I", xlim=ctau[[0, -1]], ylim=(1e-2, 1e3))
    top = ax.secondary_xaxis("top", functions=(lambda c: shortest / np.maximum(c, 1e-12),) * 2)
    top.set_xlabel(axis_label("V_N_sq"))
    curves.line("events against lifetime", "Analysis I", ctau, mean, error)


def _where_finite(values: Array) -> Array:
    """A formula leaves out what it has no answer for."""
    return np.where(np.isfinite(values), values, np.nan)

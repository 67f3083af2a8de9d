"""Figures 5, 6 and 13 of the paper, what the two analyses select and count, and the response of FGD1."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II
from darkpkg.experiment.response import ResponseMatrix
from darkpkg.experiment.selection import Cuts, observables
from darkpkg.inference.likelihood import effective_log_likelihood
from darkpkg.method.estimators import Kernel
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation, FewEventsWarning
from darkpkg.method.weights import (
    lifetime_weight,
    produced_weight,
)
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B
from darkpkg.plotting import axis_label
from darkpkg.units import MeV
from paper.drawing import COLOURS, PALE
from paper.figures.detector import is_on
from paper.figures.frame import Curves, PaperFigure, Samples
from paper.smoothings import PROGRAM_SMOOTHING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

Array = NDArray[np.float64]

__all__ = ["draw_response", "figure_5", "figure_6", "figure_13"]

LOUD = BENCHMARK_A.replace(epsilon=2.5e-3)
"""The point of Fig. 6: benchmark A with so large a kinetic mixing that the signal stands out."""

ENOUGH_FOR_A_ROW = 5
"""Statistics below which a row of a response matrix is poorly known."""

_ENOUGH = 50
"""Effective events below which the efficiency of Fig. 13 is not drawn."""


# --- Analysis I ---


def figure_5(samples: Samples) -> PaperFigure:
    """The five variables of Eq. (15), of a standard heavy neutrino and of N at both benchmarks.

    Areas are shares of all pairs, also of those outside the axes. Beside all N that are produced at B, those that
    decay in a chamber.
    """
    cuts, curves = Cuts(), Curves()
    panels = {
        "energy": ("$E_{ee}$ [GeV]", np.geomspace(0.03, 10, 51), (0.0, cuts.min_energy)),
        "mass": ("$m_{ee}$ [GeV]", np.linspace(0, 0.155, 63), None),
        "t": ("$|t|$ [GeV$^2$]", np.geomspace(1e-6, 0.3, 51), (cuts.max_t, 1.0)),
        "cos_opening": (r"$\cos\theta_{ee}$", np.linspace(-1, 1, 51), (-1.0, 0.0)),
        "cos_beam": (r"$\cos\theta_{\mathrm{beam}}$", np.linspace(0.9, 1, 51), (0.0, cuts.min_cos_beam)),
    }
    at_A, at_B = samples.at_A, samples.at_B
    produced_at_A = produced_weight(at_A, BENCHMARK_A, ANALYSIS_I)
    produced_at_B = produced_weight(at_B, BENCHMARK_B, ANALYSIS_I)
    in_a_chamber = produced_at_B * lifetime_weight(
        at_B, float(BENCHMARK_B.proper_decay_length()), modules=ANALYSIS_I.selection.decay_modules
    )
    filled = {"alpha": 0.5, "fill": True}
    drawn = {
        "light, A": (at_A, produced_at_A, {"color": COLOURS["blue"]} | filled),
        "heavy, B": (at_B, produced_at_B, {"color": COLOURS["orange"]} | filled),
        "B, decays in a chamber": (at_B, in_a_chamber, {"color": COLOURS["red"], "ls": "--", "lw": 1.3}),
        "standard, in flight": (samples.standard, samples.standard.weight, {"color": "black", "lw": 1.5}),
    }
    figure, axes = plt.subplots(2, 3, figsize=(9, 5.4))
    for name, (sample, weight, style) in drawn.items():
        of_pairs, share = observables(sample), weight / weight.sum()
        for ax, (variable, (_, bins, _)) in zip(axes.flat, panels.items(), strict=False):
            values = getattr(of_pairs, variable)
            heights, squares = (np.histogram(values, bins, weights=w)[0] for w in (share, share**2))
            error = np.sqrt((1 - 2 * heights) * squares + heights**2 * (share**2).sum())  # of a share, `Share`
            ax.stairs(heights, bins, label=name, **style)
            curves.stairs(variable, name, bins, heights, error)
    for ax, (variable, (label, bins, rejected)) in zip(axes.flat, panels.items(), strict=False):
        ax.set(xlabel=label, xlim=bins[[0, -1]])
        if rejected:
            ax.axvspan(*rejected, color=COLOURS["grey"], alpha=0.2, lw=0)
        if variable in ("energy", "t"):
            ax.set(xscale="log", ylim=(0, None))
        else:
            ax.set(yscale="log", ylim=(1e-4, 1.5))
    axes[1, 0].set_xticks((-1, -0.5, 0, 0.5, 1))  # fewer, for a narrow drawing
    for ax in axes[:, 0]:
        ax.set_ylabel("share of pairs per bin")
    axes.flat[-1].axis("off")
    axes.flat[-1].legend(*axes.flat[0].get_legend_handles_labels(), loc="center", fontsize=11)
    return PaperFigure(figure, curves.table())


def figure_13(samples: Samples, m_N: Array | None = None, m_Zprime: Array | None = None) -> PaperFigure:
    """Efficiency of the cuts of Eq. (15) over the masses, for all N, those that decay in a chamber, and by material.

    Above the diagonal from the heavy sample at the couplings of B, below from the light one at those of A; the first
    panel above the diagonal is the paper's. Points with fewer than 50 effective events are left grey. ``m_N`` and
    ``m_Zprime`` are the grid.
    """
    m_N = np.geomspace(0.005, 1, 38) if m_N is None else m_N
    m_Zprime = np.geomspace(0.002, 10, 54) if m_Zprime is None else m_Zprime
    curves = Curves()
    figure, axes = plt.subplots(2, 2, figsize=(9.5, 8), sharex=True, sharey=True)
    for ax, (panel, nucleus, expected) in zip(
        axes.flat,
        (
            ("all N produced", None, Kernel.upscatterings),
            ("decays in a chamber", None, Kernel.events),
            ("produced in lead", "Pb208", Kernel.upscatterings),
            ("produced in carbon", "C12", Kernel.upscatterings),
        ),
        strict=True,
    ):
        e, error = _efficiency_map(samples, nucleus, expected, m_N, m_Zprime)
        curves.heights(panel, "efficiency", m_N, m_Zprime, e, error)
        mesh = ax.pcolormesh(m_N, m_Zprime, e.T, vmin=0, vmax=1, cmap="viridis", rasterized=True)
        for is_light in () if panel == "decays in a chamber" else (False, True):  # contours do not cross the diagonal
            side = (m_Zprime < m_N[:, None]) == is_light
            if np.isfinite(e[side]).sum() > 3:
                # Told apart by their dashes: labels on four maps would cover one another on a phone.
                levels = {"levels": (0.2, 0.5, 0.8), "colors": "white", "linestyles": [":", "--", "-"]}
                ax.contour(m_N, m_Zprime, np.where(side, e, np.nan).T, linewidths=1.2, **levels)
        ax.plot(m_N, m_N, color="white", lw=0.6)
        for name, point in {"A": BENCHMARK_A, "B": BENCHMARK_B}.items():
            here = point.m_N, point.m_Zprime
            ax.plot(*here, "*", ms=12, color="white", mec="black")
            ax.annotate(name, here, xytext=(8, 5), textcoords="offset points", bbox=PALE)  # on any of the colours
        ax.set(xscale="log", yscale="log", facecolor="#BBBBBB")
        ax.grid(False)
        ax.text(0.04, 0.93, panel, transform=ax.transAxes, bbox={"fc": "white", "ec": "none"})
    for ax in axes[1]:
        ax.set_xlabel(axis_label("m_N"))
    for ax in axes[:, 0]:
        ax.set_ylabel(axis_label("m_Zprime"))
    figure.colorbar(mesh, ax=axes, pad=0.01, label="efficiency")
    return PaperFigure(figure, curves.table())


def _efficiency_map(
    samples: Samples, nucleus: str | None, expected: Callable[..., Expectation], m_N: Array, m_Zprime: Array
) -> tuple[Array, Array]:
    """Efficiency over the mass plane and its error, of N from one material or from all."""
    e, error = np.full((2, m_N.size, m_Zprime.size), np.nan)
    for events, point in ((samples.heavy, BENCHMARK_B), (samples.light, BENCHMARK_A)):
        sample = events if nucleus is None else events[is_on(events, nucleus)]
        plane = np.meshgrid(m_N, m_Zprime, indexing="ij")
        side = (plane[1] < plane[0]) == point.is_light_mediator
        if side.any():
            points = point.replace(m_N=plane[0][side], m_Zprime=plane[1][side])
            e[side], error[side] = _efficiency(sample, points, expected)
    return e, error


def _efficiency(sample: PlacedEvents, points: Any, expected: Callable[..., Expectation]) -> tuple[Array, Array]:
    """Share of what is ``expected`` without cuts that the cuts keep; kept and lost are independent."""
    no_cuts = ANALYSIS_I.with_selection(cuts=Cuts(0, np.inf, np.inf, -2, -2))
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", FewEventsWarning)  # what rests on few events is not drawn
        kept, every = (expected(Kernel(sample), points, analysis).total() for analysis in (ANALYSIS_I, no_cuts))
        e = kept.mean / every.mean
        error = np.sqrt((1 - e) ** 2 * kept.variance + e**2 * (every.variance - kept.variance)) / every.mean
        known = every.n_effective > _ENOUGH
    return np.where(known, e, np.nan), np.where(known, error, np.nan)


# --- Both analyses ---


def figure_6(samples: Samples) -> PaperFigure:
    """Data, background and the signal of benchmark A with ε = 2.5 × 10⁻³, in both analyses and both beams.

    The signal is that of the sample at A. The line of the true mass is smeared by the paper's kernel alone, over the
    sample around A. For a counting experiment that observed nothing, the largest expectation is drawn for which zero
    is no rarer than 32 %.
    """
    curves = Curves()
    signals = {analysis: Kernel(samples.at_A).events(LOUD, analysis) for analysis in (ANALYSIS_I, ANALYSIS_II)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewEventsWarning)  # bins far from the resonance are empty
        true = Kernel(samples.around_A, PROGRAM_SMOOTHING).events(LOUD, ANALYSIS_II.with_selection(response=None))
    edges = np.array(ANALYSIS_II.channels[0].selection.mass_edges) / MeV
    middle = (edges[1:] + edges[:-1]) / 2
    limit = upper_limit_of_zero()
    figure, axes = plt.subplots(2, 2, figsize=(9, 7), width_ratios=(1, 3.2))
    for (first, second), beam in zip(axes, ("FHC", "RHC"), strict=True):
        for ax, (analysis, signal) in zip((first, second), signals.items(), strict=True):
            (channel,) = (channel for channel in analysis.channels if channel.beam == beam)
            panel, bins = f"{analysis.name} {beam}", analysis.bins_of(channel.name)
            expected, x = np.array(channel.background), np.array([0, 1]) if analysis is ANALYSIS_I else edges
            band = expected * (1 - channel.systematic), expected * (1 + channel.systematic)
            ax.stairs(expected, x, fill=True, color=COLOURS["sky"], alpha=0.45, label="SM expectation")
            ax.stairs(
                band[1], x, baseline=band[0], fill=True, facecolor="none", edgecolor=COLOURS["grey"], hatch="////",
                lw=0, label="systematics",
            )  # fmt: skip
            ours = {"color": COLOURS["blue"], "lw": 2, "baseline": None, "label": "signal, reconstructed"}
            ax.stairs(signal.mean[bins], x, **ours)
            ax.text(0.5, 0.93, panel, transform=ax.transAxes, ha="center")
            curves.stairs(panel, "SM expectation", x, expected, expected * channel.systematic)
            curves.stairs(panel, "signal, reconstructed", x, signal.mean[bins], np.sqrt(signal.variance[bins]))
        none_observed = {"fmt": "_", "ms": 14, "color": "black", "label": "data, 68 % upper limit"}
        first.errorbar(0.5, limit, 0.4 * limit, uplims=True, **none_observed)
        first.set(yscale="log", ylim=(4e-3, 300), xlim=(-0.3, 1.3), xticks=[], ylabel="events")
        curves.stairs(f"{ANALYSIS_I.name} {beam}", "data, 68 % upper limit", [0, 1], [limit])
        panel, bins = f"{ANALYSIS_II.name} {beam}", ANALYSIS_II.bins_of(beam)
        kernel_line = {"color": COLOURS["orange"], "lw": 1.5, "baseline": None, "label": "signal, true mass (kernel)"}
        second.stairs(true.mean[bins], edges, **kernel_line)
        observed = ANALYSIS_II.observed[bins]
        second.errorbar(middle, observed, np.sqrt(observed), fmt="o", ms=3.5, lw=1.2, color="black", label="data")
        second.set(xlim=(0, 200), ylim=(0, 1.28 * second.dataLim.ymax), ylabel="events in 10 MeV")
        second.axvspan(edges[-2], edges[-1], color=COLOURS["grey"], alpha=0.18, lw=0)
        curves.stairs(panel, "signal, true mass (kernel)", edges, true.mean[bins], np.sqrt(true.variance[bins]))
        curves.stairs(panel, "data", edges, observed, np.sqrt(observed))
    axes[0, 1].legend(loc="upper center", bbox_to_anchor=(0.55, 0.88))
    axes[1, 0].set_xlabel("one bin")
    axes[1, 0].text(0.5, 0.4, "68 % limit of\nzero observed", ha="center", va="top", fontsize=9)
    axes[1, 1].set_xlabel(r"$m_{ee}$ [MeV]")
    return PaperFigure(figure, curves.table())


def draw_response(ax: Axes, matrix: ResponseMatrix, unit: float = 1.0) -> QuadMesh:
    """Draw the probabilities of a response matrix, its medians, and a bar below rows of little statistics.

    Values are divided by ``unit``. Returns what a colour bar is made from.
    """
    low, high, found = matrix.low / unit, matrix.high / unit, matrix.edges / unit
    for left, right, row in zip(low, high, matrix.probability, strict=True):  # there are gaps between the last rows
        drawn = ax.pcolormesh(
            [left, right], found, row[:, None], vmin=0, vmax=0.5, cmap="Blues", rasterized=True
        )  # fmt: skip
    middle = (matrix.low + matrix.high) / 2
    ax.plot(middle / unit, matrix(middle, np.full(len(middle), 0.5)) / unit, color=COLOURS["red"], lw=1.2)
    ax.plot(found, found, color=COLOURS["grey"], lw=1, ls="--")
    poor = matrix.simulated < ENOUGH_FOR_A_ROW
    ax.hlines(np.full(poor.sum(), found[0]), low[poor], high[poor], color=COLOURS["orange"], lw=8)
    ax.set(xlim=(low[0], high[-1]), ylim=(found[0], found[-1]))
    ax.locator_params(nbins=4)
    return drawn


def upper_limit_of_zero(cl: float = 0.68, systematic: float = 0.0) -> float:
    """The largest expectation for which observing nothing is no rarer than 1 − ``cl``, with a relative uncertainty.

    >>> round(upper_limit_of_zero(), 2)
    1.14
    """
    expectation = np.linspace(0, 5, 50_001)
    surprise = -effective_log_likelihood(0, expectation, (systematic * expectation) ** 2)
    return float(np.interp(-np.log(1 - cl), surprise, expectation))

"""Figures of Section IV of the paper: how a kernel fills the parameter space, and how weights predict."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from numpy.typing import NDArray

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis
from darkpkg.method.events import PlacedEvents
from darkpkg.method.kernels import EPANECHNIKOV
from darkpkg.method.smoothing import Smoothing
from darkpkg.method.weights import (
    coupling_weight,
    exposure_weight,
    flights_at,
    kde_weight,
    lifetime_weight,
    selection_weight,
)
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.streams import random_stream
from paper.drawing import COLOURS
from paper.figures.frame import Curves, PaperFigure, Samples

Array = NDArray[np.float64]

__all__ = ["figure_7", "figure_8", "weights_in_turn"]


def figure_7(samples: Samples, n_events: int = 1500) -> PaperFigure:
    """A toy of the method: one sample over a parameter θ and an observable x, and what kernels make of it at two θ.

    Events (dots) are drawn from the joint density. Those within reach of the kernel, on the shaded strips, give the
    distribution of x in the middle of the strip together with the rate, the area below the line. Dashed: the truth.
    """
    curves, rng = Curves(), random_stream(samples.seed, "figure 7")
    theta = rng.random(4 * n_events)
    theta = theta[rng.random(theta.size) < _toy_rate(theta) / _toy_rate(1.0)][:n_events]
    x = _toy_mean(theta) + _TOY_WIDTH * rng.standard_normal(theta.size)
    total = (_toy_rate(1.0) + _toy_rate(0.0)) / 2  # the integral of a rate that is linear in θ
    figure = plt.figure(figsize=(6.6, 5.2))
    ax = figure.add_subplot(projection="3d", computed_zorder=False)
    ax.plot(theta, x, np.zeros_like(x), ".", ms=2, color="black", alpha=0.5, zorder=1)
    curves.line("toy", "events", theta, x)
    low, high, h = -0.1, 1.1, np.array([0.1, 0.08])
    grid = np.linspace(low, high, 200)
    for at, colour in ((0.25, "green"), (0.75, "red")):
        displacement = np.stack(np.broadcast_arrays(theta[:, None] - at, x[:, None] - grid), axis=-1)
        height = EPANECHNIKOV(displacement, h).mean(axis=0) * total
        exact = _toy_rate(at) * np.exp(-(((grid - _toy_mean(at)) / _TOY_WIDTH) ** 2) / 2)
        exact /= np.sqrt(2 * np.pi) * _TOY_WIDTH
        support = np.array([[at - h[0], at + h[0]]] * 2), np.array([[low] * 2, [high] * 2])
        ax.plot_surface(*support, np.zeros((2, 2)), color=COLOURS[colour], alpha=0.3, zorder=0.5)
        ax.plot(np.full(grid.size, at), grid, height, color=COLOURS[colour], lw=2, zorder=3)
        ax.plot(np.full(grid.size, at), grid, exact, color="black", ls="--", lw=0.9, zorder=3)
        curves.line("toy", f"kernel at theta = {at}", grid, height)
        curves.line("toy", f"exact at theta = {at}", grid, exact)
    ax.set(xlabel=r"model parameter $\theta$", ylabel="observable $x$", xlim=(0, 1), ylim=(low, high))
    ax.set_zlim(bottom=0)
    ax.set_zlabel(r"$p(x,\theta)$")
    ax.minorticks_off()
    ax.view_init(elev=28, azim=-55)
    ax.set_box_aspect(None, zoom=0.88)
    return PaperFigure(figure, curves.table())


_TOY_WIDTH = 0.1


def _toy_mean(theta: Array | float) -> Array | float:
    return 0.2 + 0.6 * theta


def _toy_rate(theta: Array | float) -> Array | float:
    """Events per unit of θ: more of them at large θ."""
    return 0.5 + theta


_STEPS = {
    "sample": (r"$w_i$, $x_i$, $\theta_i$", "one simulation", ""),
    "exposure": (r"$n_t \times \mathrm{POT}$", "detector, beam", "P(28)"),
    "couplings": (
        r"$|V_{\mu N}|^2\alpha_D\epsilon^2\,/\,(\ldots)_{\rm gen}$",
        r"$|V_{\mu N}|^2$, $\alpha_D$, $\epsilon$",
        "P(26)",
    ),
    "masses": (r"$K(d, \delta)\,/\,q$", "$m_N$, $m_{Z'}$", "P(25)"),
    "selection": (r"$\bar\varepsilon$ or 0", "cuts, response", "P(15)"),
    "lifetime": (r"$\sum_j(e^{-a_j/\lambda}-e^{-b_j/\lambda})$", r"$c\tau^0$, boxes", "P(27)"),
}
"""The weights in the order of Fig. 8: formula, what it depends on, and equation."""


def weights_in_turn(
    events: PlacedEvents, point: DarkParameters, analysis: Analysis, smoothing: Smoothing | None = None
) -> dict[str, Array]:
    """Products of the weights of Eq. (24), one more in each step, for the first channel of an analysis at one point.

    The last, summed, is the expected signal of that channel.
    """
    channel = analysis.channels[0]
    factors = {
        "sample": events.weight,
        "exposure": exposure_weight(events, channel),
        "couplings": coupling_weight(events, point),
        "masses": kde_weight(events, point, *([smoothing] if smoothing else [])),
        "selection": selection_weight(events, channel.selection),
        "lifetime": lifetime_weight(events, **flights_at(point), modules=channel.selection.decay_modules),
    }
    return dict(zip(factors, np.multiply.accumulate(np.broadcast_arrays(*factors.values())), strict=True))


def figure_8(samples: Samples) -> PaperFigure:
    """The weights of Eq. P(24), what each depends on, and what it leaves of the sum and of the effective events.

    For benchmark B in Analysis I and for benchmark A in Analysis II, both in neutrino mode.
    """
    curves = Curves()
    of_benchmarks = {
        "B": weights_in_turn(samples.heavy, BENCHMARK_B, ANALYSIS_I),
        "A": weights_in_turn(samples.light, BENCHMARK_A, ANALYSIS_II),
    }
    left: dict[str, dict[str, str]] = {name: {} for name in of_benchmarks}
    for row, step in enumerate(_STEPS):
        for name, products in of_benchmarks.items():
            w = products[step]
            curves.line(name, f"effective events after {step}", row, effective := _effective(w))
            curves.line(name, f"sum after {step}", row, w.sum(), np.sqrt((w**2).sum()))
            total = (
                np.format_float_positional(w.sum(), 3, fractional=False, trim="-")
                if step in ("masses", "selection", "lifetime")
                else "…"
            )
            number = f"{effective:,.0f}" if effective >= 1e4 else f"{effective:.0f}"
            left[name][step] = f"{total}  |  {number}".replace(",", "\u2009")
    for name, products in of_benchmarks.items():
        w = products["lifetime"]
        left[name]["events"] = f"{w.sum():.2f} ± {np.sqrt((w**2).sum()):.2f} events"
    figure, ax = plt.subplots(figsize=(9, 6.2))
    _draw_chart(ax, left)
    figure.own_narrow = Figure(figsize=(4.2, 6.8))  # type: ignore[attr-defined]
    _draw_narrow_chart(figure.own_narrow.subplots(), left)  # type: ignore[attr-defined]
    return PaperFigure(figure, curves.table())


_ROW = 1.12
"""Distance of the boxes of the chart, from middle to middle."""


def _draw_chart(ax: Axes, left: dict[str, dict[str, str]]) -> None:
    """What each weight depends on, the weight, and what it leaves at both benchmarks, from left to right."""
    ax.set(xlim=(0, 10.6), ylim=(-7.3, 0.95))
    ax.axis("off")
    columns = {"B": (7.1, COLOURS["blue"]), "A": (9.35, COLOURS["red"])}
    for x, text in ((1.05, "depends on"), (4.05, "weight")):
        ax.text(x, 0.7, text, ha="center", weight="bold")
    for name, (x, colour) in columns.items():
        ax.text(x, 0.7, f"{name}: $\\Sigma$  |  effective", ha="center", color=colour, weight="bold")
    for row, (step, (formula, needs, equation)) in enumerate(_STEPS.items()):
        y = -_ROW * row
        _box(ax, 2.6, y, 2.9, formula, COLOURS["grey" if step == "sample" else "green"], size=12)
        ax.text(5.45, y + 0.42, f"{step}, {equation}".rstrip(", "), ha="right", size=9, color="0.35")
        _box(ax, 0.1, y, 1.9, needs, COLOURS["orange"], size=10)
        _arrow(ax, (2.1, y), (2.55, y), COLOURS["orange"])
        _arrow(ax, (4.05, y - 0.38), (4.05, y - 0.76), "black")
        for name, (x, colour) in columns.items():
            ax.text(x, y, left[name][step], ha="center", va="center", color=colour)
    y = -_ROW * len(_STEPS)
    _box(ax, 2.6, y, 2.9, _SUM, COLOURS["blue"], size=12)
    for name, (x, colour) in columns.items():
        ax.text(x, y, left[name]["events"], ha="center", va="center", weight="bold", color=colour)


def _draw_narrow_chart(ax: Axes, left: dict[str, dict[str, str]]) -> None:
    """The same for a phone: what a weight depends on stands above it, and both benchmarks stand beside it."""
    ax.set(xlim=(0, 5.5), ylim=(-7.25, 0.95))
    ax.axis("off")
    columns = {"B": (0.19, COLOURS["blue"]), "A": (-0.19, COLOURS["red"])}
    for x, text in ((1.5, "weight"), (4.35, "$\\Sigma$  |  effective")):
        ax.text(x, 0.75, text, ha="center", weight="bold")
    for row, (step, (formula, needs, equation)) in enumerate(_STEPS.items()):
        y = -_ROW * row
        _box(ax, 0.05, y, 2.9, formula, COLOURS["grey" if step == "sample" else "green"], size=11)
        about = f"{step}, {equation}".rstrip(", ")
        ax.text(0.4, y + 0.43, f"{about}: {needs}", size=10, color="0.15")
        _arrow(ax, (0.25, y - 0.38), (0.25, y - 0.76), "black")
        for name, (shift, colour) in columns.items():
            ax.text(3.15, y + shift, f"{name}:  {left[name][step]}", va="center", color=colour)
    y = -_ROW * len(_STEPS)
    _box(ax, 0.05, y, 2.9, _SUM, COLOURS["blue"], size=11)
    for name, (shift, colour) in columns.items():
        ax.text(3.15, y + shift, f"{name}:  {left[name]['events']}", va="center", weight="bold", color=colour)


_SUM = r"$\mu(\theta) = \sum_i$ product"


def _effective(w: Array) -> float:
    """(Σw)² / Σw²: as many unweighted events have the same relative error; none if there is no weight."""
    return float(w.sum() ** 2 / (w**2).sum()) if w.any() else 0.0


def _box(ax: Axes, x: float, y: float, width: float, text: str, colour: str, size: float) -> None:
    """A round box with text, y its middle."""
    shape = "round,pad=0.04,rounding_size=0.1"
    ax.add_patch(FancyBboxPatch((x, y - 0.33), width, 0.66, boxstyle=shape, fc=colour + "22", ec=colour, lw=1.2))
    ax.text(x + width / 2, y, text, ha="center", va="center", size=size)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.2})

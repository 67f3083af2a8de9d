"""Figures 3, 4 and 12 of the paper: the detector, where N are produced in it, and where they decay."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.analysis import ANALYSIS_I
from darkpkg.experiment.detector import ND280
from darkpkg.method.events import PlacedEvents
from darkpkg.method.weights import (
    detected_weight,
    lifetime_weight,
    produced_weight,
    selected_weight,
)
from darkpkg.physics.model import BENCHMARK_B
from darkpkg.physics.nuclei import NUCLEI
from darkpkg.streams import random_stream
from paper.acceptances import Share
from paper.drawing import COLOURS, PALE, draw_detector, module_colour
from paper.figures.frame import Curves, PaperFigure, Samples

Array = NDArray[np.float64]

__all__ = ["figure_3", "figure_4", "figure_12", "is_on"]

_LIFETIMES = {0.1: COLOURS["blue"], 1.0: COLOURS["green"], 10.0: COLOURS["orange"], 100.0: COLOURS["red"]}
"""Proper decay lengths of Fig. 3, in cm, with their colours."""

_SLICES = {"P0D-water": 36, "TPC1": 16, "TPC2": 16, "TPC3": 16}
"""Bins along z in a module of Fig. 3; others have 6, so that all are about 5 cm wide."""

_COLOUR_OF = {"lead": COLOURS["grey"], "argon": COLOURS["blue"]}


def is_on(events: PlacedEvents, nucleus: str) -> NDArray[np.bool_]:
    """Whether each N is produced on a nucleus."""
    return events.target == NUCLEI[nucleus].pdg_code


def figure_3(samples: Samples) -> PaperFigure:
    """ND280 from the side, and the rate along the beam: of all N at benchmark B, and of those that are detected.

    The latter decay in the fiducial argon and pass the selection of Analysis I, for four proper decay lengths.
    """
    events, curves = samples.at_B, Curves()
    edges = np.unique(
        np.concatenate(
            [
                np.linspace(m.active.low[2], m.active.high[2], _SLICES.get(m.name, 6) + 1)
                for m in ND280.modules
            ]
        ).round(6)
    )  # fmt: skip
    figure, (above, ax) = plt.subplots(2, 1, figsize=(9.5, 8.6), sharex=True, height_ratios=(1.1, 1.15))
    draw_detector(ND280, above, plane="zy")
    above.set(xlabel="", ylim=(-120, 120))
    for module in ND280.modules:
        low, high = module.active.low[2], module.active.high[2]
        ax.axvspan(low, high, color=module_colour(module), alpha=0.15, lw=0)

    def draw(name: str, weight: Array, **style: Any) -> None:
        """Events per cm in each bin of z; no number where there is no module."""
        z = events.vertex[:, 2]
        in_bin, squares = (np.histogram(z, edges, weights=w)[0] / np.diff(edges) for w in (weight, weight**2))
        in_bin = np.where(in_bin > 0, in_bin, np.nan)
        ax.stairs(in_bin, edges, **style)
        curves.stairs("rate along z", name, edges, in_bin, np.sqrt(squares / np.diff(edges)))

    produced, selected = (f(events, BENCHMARK_B, ANALYSIS_I) for f in (produced_weight, selected_weight))
    draw("produced", produced, color="black", lw=1.3, label="produced")
    for ctau, colour in _LIFETIMES.items():
        detected, label = (
            selected * lifetime_weight(events, ctau, modules=ANALYSIS_I.selection.decay_modules),
            rf"detected, $c\tau^0$ = {ctau:g} cm",
        )
        draw(f"detected, ctau = {ctau:g} cm", detected, color=colour, lw=1.5, label=label)
    ax.set(yscale="log", xlabel="$z$ of the vertex [cm]", ylabel="events / cm", xlim=(-8, 610), ylim=(1e-6, 1e3))
    ax.legend(ncol=2, loc="lower center", bbox_to_anchor=(0.5, 1.0), columnspacing=1.0, fontsize=9, handlelength=1.3)
    return PaperFigure(figure, curves.table())


def figure_4(samples: Samples) -> PaperFigure:
    """Probability that N produced on lead or on argon decays in the fiducial argon, against the proper decay length.

    Left as in the paper, right with a logarithmic axis, beside the limit of long lifetimes.
    """
    events, curves = samples.at_B, Curves()
    weight, ctaus = produced_weight(events, BENCHMARK_B, ANALYSIS_I), np.geomspace(1e-3, 1e4, 71)
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 4))
    for material, nucleus in (("lead", "Pb208"), ("argon", "Ar40")):
        chosen = is_on(events, nucleus)
        sample, w = events[chosen], weight[chosen]
        shares = [
            Share.of(lifetime_weight(sample, ctau, modules=ANALYSIS_I.selection.decay_modules), w) for ctau in ctaus
        ]
        mean, error = np.array([(share.mean, share.error) for share in shares]).T
        long_lived = (
            Share.of(lifetime_weight(sample, 1e12, modules=ANALYSIS_I.selection.decay_modules), w).mean * 1e12 / ctaus
        )  # chord over βγcτ⁰
        for ax in axes:
            colour = _COLOUR_OF[material]
            ax.plot(ctaus, mean, color=colour, label=material)
            ax.fill_between(ctaus, mean - 3 * error, mean + 3 * error, color=colour, alpha=0.3, lw=0)
            ax.plot(ctaus, long_lived, ":", color=colour, lw=1.2, label=f"{material}, long lifetimes")
        curves.line("acceptance", material, ctaus, mean, error)
        curves.line("acceptance", f"{material}, long lifetimes", ctaus, long_lived)
    chambers = [module for module in ND280.modules if "Ar" in module.composition]
    ratio = sum(m.fiducial.volume for m in chambers if m.fiducial) / sum(m.active.volume for m in chambers)
    curves.line("acceptance", "fiducial / active", ctaus[[0, -1]], ratio)
    for ax in axes:
        ax.axhline(ratio, ls="--", lw=1, color="black", label="fiducial / active")
        ax.set(xscale="log", xlabel=r"$c\tau^0$ [cm]", ylabel="geometrical acceptance", xlim=(1e-3, 1e4), ylim=(0, 1))
    axes[1].set(yscale="log", ylim=(1e-6, 2))
    axes[0].legend()
    return PaperFigure(figure, curves.table())


def figure_12(samples: Samples, n_dots: int = 2500) -> PaperFigure:
    """Vertices at benchmark B from above: of selected N, and of those whose decay is detected.

    Dots are drawn with a probability proportional to the weight, so that each stands for the same number of events.
    """
    events, curves, rng = samples.at_B, Curves(), random_stream(samples.seed, "figure 12")
    of_each = {"selected": selected_weight, "detected": detected_weight}
    figure, axes = plt.subplots(2, 1, figsize=(9.5, 8.7), sharex=True)
    for ax, (panel, weight_of) in zip(axes, of_each.items(), strict=True):
        weights = weight_of(events, BENCHMARK_B, ANALYSIS_I)
        dots = rng.choice(len(events), n_dots, p=weights / weights.sum())
        lead, argon = (is_on(events, nucleus)[dots] for nucleus in ("Pb208", "Ar40"))
        for chosen, colour, name in (
            (~lead & ~argon, COLOURS["orange"], "other nuclei"),
            (lead, "black", "lead"),
            (argon, COLOURS["blue"], "argon"),
        ):
            z, x = events.vertex[dots[chosen], 2], events.vertex[dots[chosen], 0]
            ax.plot(z, x, "o", ms=2.2, mew=0, color=colour, label=name)
            curves.line(panel, name, z, x)
        draw_detector(ND280, ax, plane="zx", names="above" if panel == "selected" else False)
        ax.set(xlim=(-12, 614), ylim=(-125, 152))  # room for a word above the chambers
        inside = {"xytext": (-4, -4), "textcoords": "offset points", "ha": "right", "va": "top"}
        ax.annotate(panel, (1, 1), xycoords="axes fraction", **inside, bbox=PALE)
    axes[0].set_xlabel("")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, markerscale=4)
    return PaperFigure(figure, curves.table())

"""Figures of Section II of the paper: the diagrams, and fluxes beside cross sections."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from darkpkg import datasets
from darkpkg.experiment import experiment as experiments
from darkpkg.physics.model import BENCHMARK_B
from darkpkg.physics.nuclei import elements
from darkpkg.physics.scattering import total_cross_section
from paper.drawing import COLOURS
from paper.figures.frame import Curves, PaperFigure, Samples
from paper.miniboone import miniboone_flux

__all__ = ["figure_1", "figure_2"]


def figure_1(samples: Samples | None = None) -> PaperFigure:
    """The diagrams of upscattering and of the decay of N, with what each vertex is worth."""
    figure, (scattering, decay) = plt.subplots(1, 2, figsize=(8.4, 3.2))
    for ax in (scattering, decay):
        ax.set(xlim=(-0.4, 4.4), ylim=(-0.5, 3.2), aspect="equal")
        ax.axis("off")
    _fermion(scattering, (0, 2.6), (2, 2.2), r"$\hat\nu_\mu$", "start")
    _fermion(scattering, (2, 2.2), (4, 2.6), "$N$", "end", COLOURS["red"])
    _photon(scattering, (2, 2.2), (2, 0.5), "$Z'$", (0.34, 0.0))
    _fermion(scattering, (0, 0.1), (2, 0.5), r"$\mathcal{A}$", "start", lw=3.5)
    _fermion(scattering, (2, 0.5), (4, 0.1), r"$\mathcal{A}$", "end", lw=3.5)
    _vertex(scattering, (2, 2.2), r"$g_D\,V_{\mu N}$", (0, 0.32))
    _vertex(scattering, (2, 0.5), r"$e\,\varepsilon\,Z F(Q^2)$", (0, -0.42))
    _fermion(decay, (0, 1.4), (1.4, 1.4), "$N$", "start", COLOURS["red"])
    _fermion(decay, (1.4, 1.4), (3.6, 2.7), r"$\nu$", "end")
    _photon(decay, (1.4, 1.4), (2.7, 0.75), "$Z'$", (0.14, 0.38))
    _fermion(decay, (2.7, 0.75), (4, 1.45), "$e^-$", "end")
    _fermion(decay, (4, 0.0), (2.7, 0.75), "$e^+$", "start")
    _vertex(decay, (1.4, 1.4), "$g_D\\,V_{iN}$", (-0.1, 0.34))
    _vertex(decay, (2.7, 0.75), r"$e\,\varepsilon$", (-0.12, -0.36))
    return PaperFigure(figure, Curves().table())


def _fermion(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], name: str, at: str, colour: str = "black",
    lw: float = 1.6,
) -> None:  # fmt: skip
    """A line with an arrow in its middle, named at its outer end."""
    (x, y), (a, b) = start, end
    ax.plot([x, a], [y, b], color=colour, lw=lw, solid_capstyle="round")
    middle = {"xy": (x + 0.56 * (a - x), y + 0.56 * (b - y)), "xytext": (x + 0.5 * (a - x), y + 0.5 * (b - y))}
    ax.annotate("", **middle, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 0, "mutation_scale": 14 + lw})
    outer, side = (start, np.sign(x - a)) if at == "start" else (end, np.sign(a - x))
    ax.text(outer[0] + 0.22 * side, outer[1], name, ha="center", va="center", size=14, color=colour)


def _photon(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], name: str, offset: tuple[float, float]
) -> None:
    """A wave from one vertex to another, with its name beside the middle."""
    begin, along = np.array(start), np.subtract(end, start)
    length = np.hypot(*along)
    across = np.array([-along[1], along[0]]) / length
    s = np.linspace(0, 1, 200)
    wave = 0.09 * np.sin(2 * np.pi * s * round(length / 0.3))
    ax.plot(*(begin[:, None] + along[:, None] * s + across[:, None] * wave), color=COLOURS["purple"], lw=1.6)
    middle = begin + along / 2 + offset
    ax.text(*middle, name, ha="center", va="center", size=14, color=COLOURS["purple"])


def _vertex(ax: Axes, at: tuple[float, float], coupling: str, offset: tuple[float, float]) -> None:
    ax.plot(*at, "o", color="black", ms=6)
    ax.text(at[0] + offset[0], at[1] + offset[1], coupling, ha="center", va="center", size=12, color=COLOURS["blue"])


def figure_2(samples: Samples | None = None) -> PaperFigure:
    """Fluxes of ND280 and MiniBooNE, and cross sections per unit of atomic mass on lead and on carbon.

    Beside benchmark B, which the caption names, upscattering is drawn for g_D = 1, which the paper's curves have.
    Quasi-elastic scattering is quoted per neutron and multiplied by the share of neutrons.
    """
    curves = Curves()
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6.4, 6.6), sharex=True, layout="constrained")
    for name, flux, colour in (
        ("ND280", experiments.T2K["FHC"].flux, "blue"),
        ("MiniBooNE", miniboone_flux(), "green"),
    ):
        top.stairs(flux.density, flux.edges, color=COLOURS[colour], lw=1.8, label=name)
        curves.stairs("flux", name, flux.edges, flux.density)
    top.set(ylabel=r"$\nu_\mu$ flux [cm$^{-2}$ GeV$^{-1}$ POT$^{-1}$]", yscale="log", ylim=(1e-13, 1e-7))
    ccqe = datasets.read("cross_sections/ccqe").query("flavour == 'nue'")
    energy = np.geomspace(0.1001, 10, 300)
    for element, style in (("lead", "-"), ("carbon", ":")):
        nucleus = elements()[{"lead": "Pb", "carbon": "C"}[element]].nucleus
        quasi_elastic = 1e-38 * ccqe.sigma * (nucleus.A - nucleus.Z) / nucleus.A
        bottom.plot(ccqe.e_nu, quasi_elastic, color="black", ls=style)
        curves.line("cross section", f"nu_e CCQE on {element}", ccqe.e_nu, quasi_elastic)
        for point, label, alpha in (
            (BENCHMARK_B, "benchmark B", 1.0),
            (BENCHMARK_B.replace(alpha_D=1 / (4 * np.pi)), "g_D = 1", 0.55),
        ):
            sigma = total_cross_section(energy, point, nucleus) / nucleus.A
            bottom.plot(energy, sigma, color=COLOURS["purple"], ls=style, alpha=alpha)
            curves.line("cross section", f"{label} on {element}", energy, sigma)
        bottom.plot([], [], color=COLOURS["grey"], ls=style, label=element)
    for y, text, colour in (
        (9e-39, r"$\nu_e$ CCQE", "black"),
        (1.05e-40, "benchmark B", COLOURS["purple"]),
        (2.2e-42, "$g_D$ = 1", COLOURS["purple"]),
    ):
        bottom.text(9, y, text, ha="right", color=colour)
    bottom.set(xlabel=r"$E_\nu$ [GeV]", ylabel=r"$\sigma$ / $A$ [cm$^2$ / u]", xscale="log", yscale="log")
    bottom.set(xlim=(0.09, 10), ylim=(1e-42, 2e-38))
    for ax in (top, bottom):
        ax.legend(loc="lower center")
    return PaperFigure(figure, curves.table())

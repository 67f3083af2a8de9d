"""Drawings of MiniBooNE's excess and of what is fitted to it. Begin with `draw_spectra` and `draw_plane`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from darkpkg import datasets
from darkpkg.method.estimators import Kernel
from darkpkg.method.events import PlacedEvents
from darkpkg.physics.model import DarkParameters
from darkpkg.plotting import axis_label
from darkpkg.units import ALPHA_EM, MeV
from paper.booster import counts, fit, microboone, miniboone, ring
from paper.drawing import COLOURS, plain_ticks

__all__ = ["draw_coupling", "draw_criterion", "draw_efficiency", "draw_plane", "draw_spectra"]

Array = NDArray[np.float64]


def draw_criterion(energy: Array, curves: Mapping[str, Array]) -> Figure:
    """Cut on r over the visible energy, and its like at lower tunings or other criteria, by label."""
    figure, ax = plt.subplots(figsize=(6.0, 3.8))
    for (label, curve), style in zip(curves.items(), ("-", "--", ":"), strict=False):
        ax.plot(energy / MeV, curve, style, label=label)
    ax.text(330, 0.04, "one ring", color=COLOURS["blue"])
    ax.text(800, 0.4, "two rings", color=COLOURS["grey"])
    ax.set(xlabel="visible energy [MeV]", ylabel="cut on $r$", ylim=(0, 0.6), xlim=(140, 1300))
    ax.legend(loc="upper right")
    return figure


def excess(name: str) -> Array:
    """Observed events over the background in the bins of `SPECTRA`, a variable of neutrino mode."""
    own = _spectrum(name)
    return (own.observed - own.background).to_numpy()


def shapes(theta: DarkParameters, sample: PlacedEvents) -> dict[str, Array]:
    """The signal at θ in the bins of neutrino energy, visible energy and angle, from a sample at its masses."""
    found = {"neutrino_energy": Kernel(sample).events(theta, miniboone.MINIBOONE_NU).mean}
    for name, (_, unit) in SPECTRA.items():
        analysis = miniboone.spectrum(name, tuple(_edges(name) * unit))
        found[name] = Kernel(sample).events(theta, analysis).mean
    return found


SPECTRA = {"visible_energy": ("evis", MeV), "cos_theta": ("cos_theta", 1.0)}
"""Variables in the table of spectra, and the unit of their bins there."""


def _spectrum(name: str) -> pd.DataFrame:
    table = datasets.read("miniboone/spectra")
    return table[table.variable == SPECTRA[name][0]]


def _edges(name: str) -> Array:
    own = _spectrum(name)
    return np.append(own.low, own.high.iloc[-1])


def draw_spectra(predictions: Mapping[str, Array], scale: float) -> Figure:
    """Excess over the background in three variables, with a signal times ``scale``.

    ``predictions`` has the signal in the bins of `counts.edges` (``"neutrino_energy"``) and of the tables
    of spectra (``"visible_energy"``, ``"cos_theta"``).
    """
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.6))
    background, covariance = counts.constrained_background(["neutrino"])
    edges, observed = counts.edges(), counts.counts("neutrino", "nue", "observed")
    error = np.sqrt(observed + np.maximum(np.diag(covariance) - background, 0.0))
    panels = {"neutrino_energy": (edges / MeV, observed - background, error, r"$E_\nu^{QE}$ [MeV]")}
    for name, label in (("visible_energy", "visible energy [MeV]"), ("cos_theta", r"$\cos\theta$")):
        panels[name] = _edges(name), excess(name), np.sqrt(_spectrum(name).observed.to_numpy()), label
    for ax, (name, (ends, above, errors, label)) in zip(axes, panels.items(), strict=True):
        width = np.diff(ends) if name == "neutrino_energy" else np.ones(len(above))
        middle = (ends[1:] + ends[:-1]) / 2
        ax.errorbar(middle, above / width, errors / width, fmt="o", ms=3.5, lw=1.2, color="black", label="data")
        ax.stairs(scale * predictions[name] / width, ends, color=COLOURS["red"], lw=1.8, label="fit")
        ax.axhline(0, color=COLOURS["grey"], lw=0.8)
        ax.set(xlabel=label, ylabel="excess per MeV" if name == "neutrino_energy" else "excess per bin")
    axes[0].set(xscale="log", xlim=(200, 3000))
    plain_ticks(axes[0].xaxis, (200, 500, 1000, 2000))
    axes[1].set(xlim=(100, 1500))
    axes[0].legend()
    return figure


def draw_plane(scan: fit.Scan, least: Array) -> Figure:
    """χ² with the best coupling over both masses, with the regions of 1, 2 and 3σ of two parameters."""
    figure, ax = plt.subplots(figsize=(6.4, 4.6))
    ends = scan.space.m_N, scan.space.m_Zprime
    x, y = (np.geomspace(*end, n + 1) for end, n in zip(ends, least.shape, strict=True))
    shown = ax.pcolormesh(x, y, least.T, cmap="viridis_r", vmax=np.nanmin(least) + 20)
    figure.colorbar(shown, label=r"least $\chi^2$")
    levels = [np.nanmin(least) + fit.threshold(sigma, 2) for sigma in (1, 2, 3)]
    lines = ax.contour(scan.m_N, scan.m_Zprime, least.T, levels, colors="white", linestyles=["-", "--", ":"])
    ax.clabel(lines, fmt=dict(zip(levels, ("1σ", "2σ", "3σ"), strict=True)), fontsize=9)
    i, j = np.unravel_index(np.nanargmin(least), least.shape)
    ax.plot(scan.m_N[i], scan.m_Zprime[j], "*", ms=13, color=COLOURS["orange"])
    ax.set(xscale="log", yscale="log", xlabel=axis_label("m_N"), ylabel=axis_label("m_Zprime"))
    plain_ticks(ax.xaxis, [x for x in (0.05, 0.1, 0.2, 0.5, 1.0) if ends[0][0] <= x <= ends[0][1]])
    plain_ticks(ax.yaxis, [y for y in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0) if ends[1][0] <= y <= ends[1][1]])
    ax.grid(False)
    return figure


def draw_coupling(
    m_N: Array, bands: Sequence[tuple[Array, Array]], published: Sequence[tuple[Array, Array, Array]]
) -> Figure:
    """|V_μN|² α_D ε² that the excess wants, over m_N: ours and published, each with its 1 and 3σ."""
    figure, ax = plt.subplots(figsize=(6.0, 4.2))
    for (low, high), alpha, label in zip(bands, (0.45, 0.2), ("here, 1σ", "here, 3σ"), strict=True):
        ax.fill_between(m_N, low, high, color=COLOURS["blue"], alpha=alpha, lw=0, label=label)
    for (x, low, high), style, label in zip(published, ("-", ":"), ("published, 1σ", "published, 3σ"), strict=True):
        ax.plot(x, low, style, color="black", label=label)
        ax.plot(x, high, style, color="black")
    ax.set(xscale="log", yscale="log", xlabel=axis_label("m_N"), ylabel=r"$|V_{\mu N}|^2\alpha_D\varepsilon^2$")
    ax.set_xlim(m_N[0], m_N[-1])
    plain_ticks(ax.xaxis, (0.06, 0.1, 0.2, 0.4, 0.6))
    ax.legend(loc="upper left")
    return figure


def published_coupling(sigmas: Sequence[int]) -> list[tuple[Array, Array, Array]]:
    """m_N and both edges of |V_μN|² α_D ε² of the regions of arXiv:1807.09877 at a Z′ of 30 MeV.

    There α_D = 1/4 and α ε² = 2e-10.
    """
    regions, per_mixing = datasets.read("limits/miniboone_light"), 0.25 * 2e-10 / ALPHA_EM
    found = []
    for sigma in sigmas:
        own = [regions[(regions.n_sigma == sigma) & (regions.edge == edge)] for edge in ("lower", "upper")]
        x = own[0].m_N.to_numpy()
        lower, upper = (per_mixing * np.interp(x, one.m_N, one.U_mu4_sq) for one in own)
        found.append((x, lower, upper))
    return found


def draw_efficiency() -> Figure:
    """MicroBooNE's published efficiencies in their four variables, with the mean that the product is relative to."""
    figure, axes = plt.subplots(1, 4, figsize=(10.5, 3.0), sharey=True)
    labels = {
        "asymmetry": "asymmetry of energies",
        "opening_angle": "opening angle [deg]",
        "energy": "energy of the pair [GeV]",
        "theta": "angle to the beam [deg]",
    }
    table = datasets.read("microboone/efficiency")
    for ax, name in zip(axes, microboone.VARIABLES, strict=True):
        own = table[table.variable == name]
        ax.stairs(own.total, np.append(own.low, own.high.iloc[-1]), color=COLOURS["blue"], lw=1.8)
        ax.axhline(microboone.mean_efficiency(), color=COLOURS["grey"], ls="--", lw=1)
        ax.set(xlabel=labels[name], ylim=(0, 0.5))
    axes[0].set_ylabel("efficiency")
    return figure


def cut(criterion: str, energy: Array, tuning: str = "1c100s") -> Array:
    """Cut of a criterion of `ring.CRITERIA` over the visible energy in GeV, as it is used."""
    table = datasets.columns("miniboone/one_ring")
    middle = (table["e_low"] + table["e_high"]) / 2
    if tuning not in ring.TUNINGS:
        raise ValueError(f"tuning must be one of {', '.join(ring.TUNINGS)}, got {tuning!r}")
    return np.interp(energy, middle, table[f"r_{criterion}_{tuning}"])

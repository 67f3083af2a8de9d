"""Drawings of MiniBooNE's excess and of what is fitted to it. Begin with `draw_spectra` and `draw_plane`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from darkpkg import datasets
from darkpkg.method.estimators import Kernel
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation
from darkpkg.physics.model import DarkParameters
from darkpkg.plotting import axis_label
from darkpkg.units import ALPHA_EM, MeV
from paper.booster import counts, fit, microboone, miniboone, ring, spectra
from paper.booster import planes as planes_
from paper.drawing import COLOURS, PALE, plain_ticks

__all__ = [
    "draw_coupling",
    "draw_criterion",
    "draw_efficiency",
    "draw_fits",
    "draw_plane",
    "draw_planes",
    "draw_pulls",
    "draw_spectra",
]

Array = NDArray[np.float64]


TUNING_LABELS = {"1c100s": "one cut for 100 samples (1C/100S)", "100c1s": "mean of 100 cuts (100C/1S)"}


def draw_criterion(energy: Array, curves: Mapping[str, Array]) -> Figure:
    """Cut on r over the visible energy, by tuning of `ring.TUNINGS` or by label."""
    figure, ax = plt.subplots(figsize=(6.0, 3.8))
    for (label, curve), style in zip(curves.items(), ("-", "--", ":"), strict=False):
        ax.plot(energy / MeV, curve, style, label=TUNING_LABELS.get(label, label))
    ax.text(330, 0.04, "one ring", color=COLOURS["blue"])
    ax.text(800, 0.4, "two rings", color=COLOURS["grey"])
    ax.set(xlabel="visible energy [MeV]", ylabel="cut on $r$", ylim=(0, 0.6), xlim=(140, 1300))
    ax.legend(loc="upper right")
    return figure


def excess(name: str) -> Array:
    """Observed events over the background in the bins of a variable of `spectra`."""
    own = spectra.analyses()[name]
    return own.observed - own.background


def shapes(theta: DarkParameters, sample: PlacedEvents) -> dict[str, Expectation]:
    """The signal at θ in the bins of neutrino energy, both modes, of visible energy, angle and both."""
    every = {"neutrino_energy": miniboone.MINIBOONE_BOTH, **spectra.analyses()}
    return {name: Kernel(sample).events(theta, analysis) for name, analysis in every.items()}


def draw_spectra(signals: Mapping[str, Array]) -> Figure:
    """Excess over the background in neutrino energy of both modes, and in visible energy and angle of neutrino mode.

    ``signals`` has both modes together as ``"neutrino_energy"`` (22,), and the variables of `spectra`.
    """
    figure, axes = plt.subplots(2, 2, figsize=(9.0, 6.6))
    background, covariance = counts.constrained_background()
    observed = np.concatenate([counts.counts(mode, "nue", "observed") for mode in counts.MODES])
    error = np.sqrt(observed + np.maximum(np.diag(covariance) - background, 0.0))
    edges = counts.edges() / MeV
    for ax, mode, own in zip(axes[0], counts.MODES, (slice(0, 11), slice(11, 22)), strict=True):
        _excess(ax, edges, (observed - background)[own], error[own], signals["neutrino_energy"][own], np.diff(edges))
        ax.set(xscale="log", xlim=(200, 3000), xlabel=rf"$E_\nu^{{QE}}$ [MeV], {mode} mode", ylabel="excess per MeV")
        plain_ticks(ax.xaxis, (200, 500, 1000, 2000))
    labels = {"visible_energy": "visible energy [MeV]", "cos_theta": r"$\cos\theta$"}
    for ax, (name, label) in zip(axes[1], labels.items(), strict=True):
        own = spectra.analyses()[name]
        ends = np.array(own.selection.edges) / (MeV if name == "visible_energy" else 1.0)
        _excess(ax, ends, excess(name), np.sqrt(own.observed), signals[name], 1.0)
        ax.set(xlabel=label, ylabel="excess per bin")
    axes[1, 1].set_xticks((-1.0, -0.5, 0.0, 0.5, 1.0))
    axes[0, 0].legend()
    return figure


def _excess(ax: Axes, ends: Array, above: Array, errors: Array, signal: Array, width: float | Array) -> None:
    middle = (ends[1:] + ends[:-1]) / 2
    ax.errorbar(middle, above / width, errors / width, fmt="o", ms=3.5, lw=1.2, color="black", label="data")
    ax.stairs(signal / width, ends, color=COLOURS["red"], lw=1.8, label="fit")
    ax.axhline(0, color=COLOURS["grey"], lw=0.8)


def draw_fits(fits: Mapping[str, tuple[fit.Scan, Array]]) -> Figure:
    """`draw_plane` for each kind of dark photon, beside each other; the last panel names the lines of both."""
    figure, axes = plt.subplots(1, len(fits), figsize=(10.0, 4.2))
    for ax, (name, (scan, least)) in zip(axes, fits.items(), strict=True):
        regions = draw_plane(ax, scan, least)
        ax.set_title(f"{name} dark photon")
    # In the corner without masses: written on the lines, where some of them end, the names would collide.
    ax.legend(regions.legend_elements()[0], ("1σ", "2σ", "3σ"), loc="lower right", fontsize=9)
    return figure


def draw_plane(ax: Axes, scan: fit.Scan, least: Array) -> ContourSet:
    """χ² with the best coupling over both masses, with the regions of 1, 2 and 3σ (returned)."""
    ends = scan.space.m_N, scan.space.m_Zprime
    x, y = (np.geomspace(*end, n + 1) for end, n in zip(ends, least.shape, strict=True))
    ax.set(xscale="log", yscale="log", xlabel=axis_label("m_N"), ylabel=axis_label("m_Zprime"))
    shown = ax.pcolormesh(x, y, least.T, cmap="viridis_r", vmax=np.nanmin(least) + 20)
    ax.figure.colorbar(shown, label=r"least $\chi^2$")
    levels = [np.nanmin(least) + fit.threshold(sigma, 2) for sigma in (1, 2, 3)]
    # Dark on the pale colours of a small χ², where the regions lie.
    lines = ax.contour(scan.m_N, scan.m_Zprime, least.T, levels, colors="black", linestyles=["-", "--", ":"])
    i, j = np.unravel_index(np.nanargmin(least), least.shape)
    ax.plot(scan.m_N[i], scan.m_Zprime[j], "*", ms=14, color="white", mec="black")
    plain_ticks(ax.xaxis, [x for x in (0.05, 0.1, 0.2, 0.5, 1.0) if ends[0][0] <= x <= ends[0][1]])
    plain_ticks(ax.yaxis, [y for y in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0) if ends[1][0] <= y <= ends[1][1]])
    ax.grid(False)
    return lines


_ALONG = {
    ("heavy", "V_muN_sq"): (-2.5, 0.1, r"$\,(m_N\,/\,100\ {\rm MeV})^{5/2}$"),
    ("heavy", "epsilon"): (2.0, 1.0, r"$\,/\,(m_{Z'}\,/\,{\rm GeV})^2$"),
}
"""Power of the mass that a coupling follows, its unit in GeV, and how the axis of the coupling over it is called."""


def draw_planes(planes: Mapping[str, planes_.Plane], crosses: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Planes by title, in two columns: MiniBooNE's region, and what the searches exclude at 95 and 90 %.

    Regions are of Δχ² at 90 and 95 % of two parameters. Crosses (x, y) by title are T2K's, by simulations there.
    Couplings of a heavy dark photon are drawn over a power of the mass that they follow, as all lines lie close
    together along it.
    """
    rows = (len(planes) + 1) // 2
    figure, axes = plt.subplots(rows, 2, figsize=(9.6, 3.9 * rows), squeeze=False)
    for ax, (title, one) in zip(axes.flat, planes.items(), strict=True):
        x, y = one.name.split(", ")
        power, unit, over = _ALONG.get((title.split()[0], y), (0, 1.0, ""))
        couplings = one.y if y.startswith("m_") else _along_band(one)
        place = np.broadcast_to(one.x[:, None], one.delta.shape), couplings / (one.x[:, None] / unit) ** power
        both, delta = (
            _at_couplings(one, couplings, values)
            for values in (_over_limit(one.heights[planes_.DRAWN[-1], 0.95], 0.95), one.delta)
        )
        ax.contourf(*place, both, [0, np.inf], colors="0.5", alpha=0.3)
        ax.contourf(*place, delta, [0, 4.61], colors=[COLOURS["orange"]], alpha=0.9)
        ax.contourf(*place, delta, [4.61, 5.99], colors=[COLOURS["orange"]], alpha=0.5)
        for name, colour in zip(planes_.DRAWN, ("blue", "red", "black"), strict=True):
            for cl, style in ((0.95, "-"), (0.90, "--")):
                line = COLOURS.get(colour, colour)
                height = _at_couplings(one, couplings, _over_limit(one.heights[name, cl], cl))
                ax.contour(*place, height, [0], colors=[line], linestyles=style, linewidths=1.6)
        at, coupling = np.reshape(crosses.get(title, ()), (-1, 2)).T
        ax.plot(at, coupling / (at / unit) ** power, "x", color=COLOURS["blue"], ms=8, mew=2, zorder=3)
        ax.set(xscale="log", yscale="log", xlabel=axis_label(x), ylabel=axis_label(y) + over)
        ax.set_title(title.partition(",")[0])
        ax.set(xlim=(one.x[0], one.x[-1]), ylim=(one.y[0], one.y[-1]))
        if not y.startswith("m_"):
            fitted, wide = place[1][delta < 5.99], 3 if power else 10
            ax.set_ylim(max(fitted.min() / wide, place[1].min()), min(fitted.max() * wide, place[1].max()))
            ax.text(0.04, 0.94, "excluded", va="top", transform=ax.transAxes)
        else:  # MiniBooNE's region covers the grey one: lines across show how far that goes on
            hatched = ax.contourf(*place, both, [0, np.inf], colors="none", hatches=["//"])
            hatched.set(edgecolor="0.45", linewidth=0)
            _write_inside(ax, "excluded", *place, (both > 0) & ~(delta < 5.99))
        plain_ticks(ax.xaxis, [t for t in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if one.x[0] <= t <= one.x[-1]])
        if y.startswith("m_"):
            plain_ticks(ax.yaxis, [t for t in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0) if one.y[0] <= t <= one.y[-1]])
        ax.grid(False)
    handles = [Patch(color=COLOURS["orange"], alpha=0.9, label="MiniBooNE, 90 and 95 %")]
    colours = {"T2K": COLOURS["blue"], "MicroBooNE": COLOURS["red"], "both together": "black"}
    handles += [Line2D([], [], color=colour, label=name) for name, colour in colours.items()]
    handles += [Line2D([], [], color=COLOURS["grey"], ls="--", label="90 % instead of 95 %")]
    handles += [Patch(color="0.5", alpha=0.3, label="excluded by both, 95 %")]
    handles += [Line2D([], [], color=COLOURS["blue"], marker="x", ms=8, mew=2, ls="", label="T2K, simulated there")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _write_inside(ax: Axes, word: str, x: Array, y: Array, within: NDArray[np.bool_]) -> None:
    """Write a word where it is furthest from the edge of a region, given on a grid of logarithms (a, b)."""
    steps = np.array([1.0, 2.0]) / within.shape  # a word of these is about twice as long over the panel as it is high
    room = distance_transform_edt(np.pad(within, 1), sampling=steps)[1:-1, 1:-1]
    best = np.unravel_index(room.argmax(), room.shape)
    ax.text(x[best], y[best], word, ha="center", va="center", bbox=PALE)


def _along_band(one: planes_.Plane) -> Array:
    """Couplings (a, b) at each mass, in steps from MiniBooNE's best one.

    A contour is straight between neighbouring masses. Along the band it is smooth in these; in the couplings of the
    plane, which the band crosses within a step of the mass, it would be a row of waves or pieces.
    """
    value = np.where(np.isnan(one.delta), np.inf, one.delta)
    known = value.min(axis=1) < 12  # at other masses nothing fits, and the band goes on as straight as it ends
    x, band = np.log(one.x[known]), np.log(one.y[value[known].argmin(axis=1)])
    best = np.interp(np.log(one.x), x, band)
    for end, beyond in ((slice(4), one.x < one.x[known][0]), (slice(-4, None), one.x > one.x[known][-1])):
        best[beyond] = np.polyval(np.polyfit(x[end], band[end], 1), np.log(one.x[beyond]))
    ends = np.log(one.y[[0, -1]]) - best[[best.argmax(), best.argmin()]]
    return np.exp(best[:, None] + np.linspace(*ends, len(one.y)))


def _at_couplings(one: planes_.Plane, couplings: Array, values: Array) -> Array:
    """Values of a plane at other couplings (a, b), straight in their logarithm; nan beyond those of the plane."""
    if couplings.ndim == 1:
        return values
    rows = zip(np.log(couplings), values, strict=True)
    return np.array([np.interp(at, np.log(one.y), row, left=np.nan, right=np.nan) for at, row in rows])


def _over_limit(height: Array, cl: float) -> Array:
    """ln of −2 Δ ln L over its limit: zero where the height of `fit.height` is, and straight along a coupling."""
    return np.log(np.maximum(height / fit.limit(cl) + 1, 1e-3))


def draw_pulls(signal: Array) -> Figure:
    """Observed minus expected events over the standard deviation in the bins of both modes, by signal (22,)."""
    own = counts.likelihood()
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 3.4), sharey=True)
    for ax, mode, begin in zip(axes, counts.MODES, (0, 19), strict=True):
        for value, colour, label in ((0 * signal, "grey", "no signal"), (signal, "red", "best point")):
            pull = own.residual(value) / np.sqrt(np.diag(own.covariance(value)))
            ax.stairs(pull[begin : begin + 19], np.arange(20), color=COLOURS[colour], lw=1.8, label=label)
        ax.axvline(counts.N_BINS, color=COLOURS["grey"], ls=":")
        ax.axhline(0, color=COLOURS["grey"], lw=0.8)
        ax.text(0.3, -2.8, "electron-like")
        ax.text(11.3, -2.8, "muon-like")
        ax.set(xlabel=f"bin, {mode} mode", ylim=(-3.2, 3.2), xlim=(0, 19))
        ax.set_xticks(range(0, 20, 4))
    axes[0].set_ylabel("pull")
    axes[0].legend(loc="upper right")
    return figure


def draw_coupling(
    m_N: Array, bands: Sequence[tuple[Array, Array]], published: Sequence[tuple[Array, Array, Array]]
) -> Figure:
    """|V_μN|² α_D ε² that fits the excess, over m_N: ours and published, each with its 1 and 3σ."""
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
    figure, axes = plt.subplots(2, 2, figsize=(8.0, 5.6), sharey=True)
    labels = {
        "asymmetry": "asymmetry of energies",
        "opening_angle": "opening angle [deg]",
        "energy": "energy of the pair [GeV]",
        "theta": "angle to the beam [deg]",
    }
    table = datasets.read("microboone/efficiency")
    for ax, name in zip(axes.flat, microboone.VARIABLES, strict=True):
        own = table[table.variable == name]
        ax.stairs(own.total, np.append(own.low, own.high.iloc[-1]), color=COLOURS["blue"], lw=1.8)
        ax.axhline(microboone.mean_efficiency(), color=COLOURS["grey"], ls="--", lw=1)
        ax.set(xlabel=labels[name], ylim=(0, 0.5))
    for ax in axes[:, 0]:
        ax.set_ylabel("efficiency")
    mean = microboone.mean_efficiency() + 0.01
    axes[0, 1].text(0.97, mean, "mean", transform=axes[0, 1].get_yaxis_transform(), ha="right", color=COLOURS["grey"])
    return figure


def cut(criterion: str, energy: Array, tuning: str = "1c100s") -> Array:
    """Cut of a criterion of `ring.CRITERIA` over the visible energy in GeV, as it is used."""
    table = datasets.columns("miniboone/one_ring")
    middle = (table["e_low"] + table["e_high"]) / 2
    if tuning not in ring.TUNINGS:
        raise ValueError(f"tuning must be one of {', '.join(ring.TUNINGS)}, got {tuning!r}")
    return np.interp(energy, middle, table[f"r_{criterion}_{tuning}"])

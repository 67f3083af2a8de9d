"""Rates, acceptances, spectra and lifetimes of Figs. 3, 4, 6 and 11 beside ours, under the causes.

Begin with `at_benchmarks`: it has an `Along` for each curve, from events at the masses of B and of A.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from darkpkg import datasets
from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II
from darkpkg.inference.threshold import exclusion_threshold
from darkpkg.method.events import PlacedEvents
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B
from darkpkg.physics.nuclei import NUCLEI
from paper.causes import readings, samples
from paper.causes.along import Along
from paper.causes.counting import count, total
from paper.causes.planes import minus_delta_log_likelihood
from paper.causes.readings import Reading, cumulative
from paper.causes.samples import Masses
from paper.curves import curve

Array = NDArray[np.float64]

__all__ = ["at_benchmarks", "kernel_over_sample"]

A, B, I, II = BENCHMARK_A, BENCHMARK_B, ANALYSIS_I, ANALYSIS_II


def kernel_over_sample(here: Masses) -> Array:
    """Decays at B by the authors' sample over masses over those by their sample at B, at about 0.3 cm.

    They print the shortest excluded lifetime from either. As the same number of decays is excluded, the ratio of our
    numbers at these two lifetimes is that of theirs at one: (1 + replicates,).
    """
    printed = datasets.read("paper/event_counts").set_index("name").value
    ctau = printed[["ctau_min_B_kernel", "ctau_min_B"]].to_numpy()
    decays = total(count(here, B, I, readings.TEXT, ctau)).sum(axis=-1)
    return decays[:, 1] / decays[:, 0]


def at_benchmarks(here: Masses | None = None, light: Masses | None = None) -> dict[str, Along]:
    """Figs. 3, 4, 6 and 11 from events at the masses of B and of A; by default from those of the chapter."""
    here, light = here or samples.at(B.m_N, B.m_Zprime, size=4), light or samples.at(A.m_N, A.m_Zprime, size=4)
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
    axis, labels = ("module", ""), tuple(table.module)
    return Along("Fig. P3", n, table.events.to_numpy(), np.full(len(n), 0.05), steps, False, axis, labels)


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
        "Fig. P11, excluded lifetimes", rates, drawn(rates), drawn.error(rates), steps, axis=("selected N", "")
    )


def _within(fall: Array, first: NDArray[np.intp], level: float, ctau: Array) -> Array:
    """Factor from a lifetime to where ``fall`` crosses the level just below it."""
    rows, i = np.arange(len(fall)), np.maximum(first, 1)
    high, low = np.log(fall[rows, i]), np.log(np.maximum(fall[rows, i - 1], 1e-12))
    share = (high - np.log(level)) / (high - low)
    return np.exp(-share * np.log(ctau[i] / ctau[i - 1]))

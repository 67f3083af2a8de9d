"""What each choice changes in the expected events and in the limit of a benchmark, on the same events.

Begin with ``Comparison("B")``: its `Comparison.predict` counts with any `paper.choices.Choice`, and
`Comparison.changes` has all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_sh_jacobi

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II
from darkpkg.method.events import PlacedEvents
from darkpkg.method.kernels import UNIFORM
from darkpkg.method.sampling import HEAVY, LIGHT, SamplingRange
from darkpkg.method.smoothing import Smoothing
from darkpkg.method.transport import transport
from darkpkg.physics.nuclei import PROTON
from paper.choices import DETECTORS, FORM_FACTORS, LIGHT_ONLY, OURS, PROGRAM, Choice, choices, together
from paper.differences.counting import POINT, count, shares, simulate
from paper.differences.jackknife import allowed, events_in, ratio
from paper.smoothings import SMOOTHINGS

Array = NDArray[np.float64]

__all__ = ["ANALYSIS", "HYDROGEN", "KERNELS", "KERNEL_OF_PROGRAM", "NORM", "OF_I", "OF_II", "Comparison", "disc"]

ANALYSIS = {"B": ANALYSIS_I, "A": ANALYSIS_I + ANALYSIS_II}
OF_I, OF_II = slice(0, 2), slice(2, None)
"""The bins of either analysis in both."""

N_EVENTS = {"B": 220_000, "A": 80_000}
"""Size of each of the two samples."""

N_AROUND = {"B": 80_000, "A": 50_000}
"""Size of the sample over masses around a benchmark, for kernels."""

N_HYDROGEN = 40_000

NORM = "kernel that integrates to 0.929"
NORM_OF_PROGRAM = np.pi / 2 / (4 * (1 - 1 / 3**0.5))
"""The integral of the kernel of the authors' code."""

HYDROGEN = "hydrogen scatters too"
KERNEL_OF_PROGRAM = "kernel of 0.1 in log₁₀"
KERNELS = {
    KERNEL_OF_PROGRAM: ("program", "program"),
    "our kernel, against none": ("ours", "recommended"),
}
"""Group and smoothing by what the comparison says of them."""

PROGRAM_CUTS = together(*list(PROGRAM.values())[:4])


@dataclass(frozen=True, eq=False)
class Sample:
    """Placed events of a benchmark, and which share of each counts for either form factor."""

    events: PlacedEvents
    share: Mapping[str, Any]


def disc() -> tuple[Array, Array]:
    """Points (10, 2) of the unit disc and weights (10,) for the average with 1 − r²."""
    r_sq, w = roots_sh_jacobi(2, 2, 1)
    phi = 2 * np.pi * (np.arange(5)[:, None] + [0.0, 0.5]) / 5
    points = np.sqrt(r_sq) * np.exp(1j * phi)
    weights = np.broadcast_to(w / w.sum() / 5, phi.shape)
    return np.stack([points.real.ravel(), points.imag.ravel()], -1), weights.ravel()


_EVERYWHERE = Smoothing((3.0, 3.0), UNIFORM, order=0, slope=None)


class Comparison:
    """Everything that is counted for benchmark ``"A"`` or ``"B"``, each choice on the same events."""

    def __init__(self, name: str) -> None:
        self.name, self.point, self.analysis = name, POINT[name], ANALYSIS[name]
        self.samples = []
        for model in FORM_FACTORS:
            events = simulate(name, N_EVENTS[name], form_factor=model)
            self.samples.append(Sample(events, shares(events)))

    def predict(self, choice: Choice = OURS, in_chamber: bool = True) -> Array:
        """`count` from both samples."""
        about = self.point, self.analysis, choice
        return sum(count(s.events, *about, s.share[choice.form_factor], in_chamber) for s in self.samples)

    def limit(self, sums: Array) -> Array:
        """The 90 % limit on |V_μN|², to which the rate is proportional at both benchmarks."""
        return self.point.V_muN_sq * allowed(sums, self.analysis)

    @cached_property
    def ours(self) -> Array:
        """With our choices."""
        return self.predict()

    @cached_property
    def upscatterings(self) -> Array:
        """The same for all N whose pair passes."""
        return self.predict(in_chamber=False)

    @cached_property
    def results(self) -> dict[str, tuple[str, Array]]:
        """Group and counts for each choice."""
        found = {
            label: (group, self.predict(choice))
            for group, members in choices(self.name).items()
            for label, choice in members.items()
        }
        found[HYDROGEN] = "other", self.ours + self._from_hydrogen()
        found[NORM] = "program", NORM_OF_PROGRAM * self.ours
        return found

    @cached_property
    def upscattered(self) -> dict[str, Array]:
        """Counts of all N whose pair passes, for the choices that they depend on."""
        found = {
            label: self.predict(choice, in_chamber=False)
            for members in choices(self.name).values()
            for label, choice in members.items()
            if not (choice.modules or choice.detector)
        }
        found[HYDROGEN] = self.upscatterings + self._from_hydrogen(in_chamber=False)
        found[NORM] = NORM_OF_PROGRAM * self.upscatterings
        return found

    def _from_hydrogen(self, in_chamber: bool = True) -> Array:
        return count(self._protons, self.point, self.analysis, in_chamber=in_chamber)

    @cached_property
    def _protons(self) -> PlacedEvents:
        """Events on hydrogen alone."""
        nuclei = DETECTORS[self.name].nuclei.values()
        numbers = {nucleus.name: 2 for nucleus in nuclei} | {"H1": N_HYDROGEN}
        events = simulate(self.name, numbers, hydrogen=True)
        return events[events.target == PROTON.pdg_code]

    # What a kernel makes of a rate, on average, is an integral over its area: here a sum over ten neighbours.

    @cached_property
    def neighbours(self) -> PlacedEvents:
        """A sample over masses around the benchmark: e^±0.3 in m_N, e^±0.65 in m_Z′."""
        kind = "light" if self.name == "A" else "heavy"
        masses = (self.point.m_N, 0.3), (self.point.m_Zprime, 0.65)
        ranges = ((mass * np.exp(-width), mass * np.exp(width)) for mass, width in masses)
        return simulate(self.name, N_AROUND[self.name], SamplingRange(*ranges, kind))

    def transported(self, offset: Sequence[float] | Array = (0.0, 0.0)) -> PlacedEvents:
        """The neighbours, transported to masses e^offset times those of the benchmark."""
        m_N, m_Zprime = np.array([self.point.m_N, self.point.m_Zprime]) * np.exp(offset)
        return transport(self.neighbours, self.point.replace(m_N=m_N, m_Zprime=m_Zprime), _EVERYWHERE)

    @property
    def cases(self) -> list[tuple[Choice, bool]]:
        """Choices, and whether only decays in a chamber count, for which kernels are compared."""
        inside = (True,) if self.name == "A" else (True, False)
        return [(choice, in_chamber) for choice in (OURS, PROGRAM_CUTS) for in_chamber in inside]

    @cached_property
    def unsmoothed(self) -> list[Array]:
        """Counts of the neighbours at the benchmark itself, for each of `cases`."""
        here, about = self.transported(), (self.point, self.analysis)
        return [count(here, *about, choice, 1.0, in_chamber) for choice, in_chamber in self.cases]

    def smoothed(self, smoothing: Smoothing) -> list[Array]:
        """Counts after a kernel, for each of `cases`."""
        density = HEAVY if self.name == "B" else LIGHT
        totals: list[Any] = [0.0] * len(self.cases)
        for position, weight in zip(*disc(), strict=True):
            events = self.transported(position * smoothing.bandwidth)
            if smoothing.slope == "density":
                weight *= density.q(events.m_N[0], events.m_Zprime[0])
                weight /= density.q(self.point.m_N, self.point.m_Zprime)
            for i, (choice, in_chamber) in enumerate(self.cases):
                totals[i] = totals[i] + count(events, self.point, self.analysis, choice, weight, in_chamber)
        return totals

    @cached_property
    def kernels(self) -> dict[str, list[Array]]:
        """Counts after each of `KERNELS`."""
        return {label: self.smoothed(SMOOTHINGS[setting]) for label, (_, setting) in KERNELS.items()}

    def numbers(self, sums: Array) -> dict[str, Array]:
        """Events and limits; at A of both analyses and of either."""
        answer = {"events": events_in(sums), "limit": allowed(sums, self.analysis)}
        if self.name == "A":
            for key, bins, part in (("I", OF_I, ANALYSIS_I), ("II", OF_II, ANALYSIS_II)):
                answer[key] = events_in(sums, bins)
                answer[f"limit {key}"] = allowed(sums[:, :, bins], part)
        return answer

    @cached_property
    def changes(self) -> dict[str, tuple[str, dict[str, Array]]]:
        """Group of each choice, and what it changes in per cent: `numbers`, and at B also all ``upscatterings``.

        The largest change of the limit comes first.
        """
        before, exact = self.numbers(self.ours), self.numbers(self.unsmoothed[0])
        found = {}
        for label, (group, sums) in self.results.items():
            found[label] = group, _changes(self.numbers(sums), before)
        for label, (group, _) in KERNELS.items():
            found[label] = group, _changes(self.numbers(self.kernels[label][0]), exact)
        if self.name == "B":
            ours = events_in(self.upscatterings)
            for label, (_, row) in found.items():
                row["upscatterings"] = ratio(events_in(self.upscattered.get(label, self.upscatterings)), ours)
            for label, sums in self.kernels.items():
                found[label][1]["upscatterings"] = ratio(events_in(sums[1]), events_in(self.unsmoothed[1]))
        return dict(sorted(found.items(), key=lambda entry: -abs(entry[1][1]["limit"][0])))

    def steps(self, in_chamber: bool = True) -> dict[str, Array]:
        """Counts with the choices of the authors' code, one upon the other, and with guesses about the spin."""
        case = self.cases.index((PROGRAM_CUTS, in_chamber))
        before, now = (s[case][0].sum(axis=0) for s in (self.unsmoothed, self.kernels[KERNEL_OF_PROGRAM]))
        gain = np.divide(now, before, out=np.ones(len(now)), where=before > 0)
        taken: list[Choice] = []
        answer = {"ours": self.predict(OURS, in_chamber)}
        for label, members in {
            "four cuts": list(PROGRAM.values())[:4],
            "Fermi form factor": [PROGRAM["symmetrised Fermi form factor"]],
            "flux between bins": [PROGRAM["flux interpolated between bins"]],
        }.items():
            taken += members
            answer[label] = last = self.predict(together(*taken), in_chamber)
        answer["wide kernel"] = last = last * gain
        answer["its norm"] = last * NORM_OF_PROGRAM
        if self.name == "A":
            answer["half the width"] = last * NORM_OF_PROGRAM * 2
            taken += LIGHT_ONLY.values()
            answer["overflow dropped"] = self.predict(together(*taken)) * gain * NORM_OF_PROGRAM
        for label, spin in (("(no spin)", 0.0), ("(spin reversed)", -1.0)):
            guess = together(*taken, Choice(spin=spin))
            answer[label] = self.predict(guess, in_chamber) * gain * NORM_OF_PROGRAM
        return answer


def _changes(after: Mapping[str, Array], before: Mapping[str, Array]) -> dict[str, Array]:
    return {column: ratio(after[column], before[column]) for column in after}

"""What a figure of the paper is made from, and what it is: samples, and a picture with the numbers behind its curves.

Begin with `Samples`; the functions that draw take one and return a `PaperFigure`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from darkpkg.experiment import experiment as experiments
from darkpkg.experiment.analysis import ANALYSIS_I
from darkpkg.experiment.detector import ND280, ND280_TRACKER, ND280_UPGRADE, Detector
from darkpkg.experiment.projection import project
from darkpkg.method.events import Events, PlacedEvents
from darkpkg.method.files import read_events
from darkpkg.method.sampling import HEAVY, LIGHT, SamplingRange
from darkpkg.method.weights import sampling_range
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.simulation import simulate
from paper.standard_neutrino.decays_in_flight import DecaysInFlight, decays_in_flight
from paper.standard_neutrino.weak import StandardHeavyNeutrino

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLUMNS", "DEDICATED", "Curves", "PaperFigure", "Samples", "check_target"]

_PICTURES = {".png": {"Software": "darkpkg"}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
"""Formats of pictures, with metadata that leave out the date: the same figure gives the same file."""

_NAMES = ("heavy", "heavy_upgrade", "light", "at_A", "at_B", "around_A", "standard")

_AROUND_A = SamplingRange(
    m_N=(BENCHMARK_A.m_N * np.exp(-0.24), BENCHMARK_A.m_N * np.exp(0.24)),
    m_Zprime=(BENCHMARK_A.m_Zprime * np.exp(-0.7), BENCHMARK_A.m_Zprime * np.exp(0.7)),
    mediator="light",
)
"""Masses within reach of the paper's kernel, 0.1 wide in log10, at benchmark A."""

_LIGHT_SHARES = {"C12": 0.45, "O16": 0.12, "Ar40": 0.2, "Cu63": 0.04, "Zn64": 0.04, "Pb208": 0.15}
"""Events on each nucleus of ND280 for a light dark photon: most that is detected starts in an FGD or in argon."""

_LIGHT_EMPHASIS = {"FGD1": 10.0}
"""Analysis II requires that N is produced there, where few nuclei are."""

DEDICATED = 2**14
"""Neutrinos of a sample that is simulated for one point."""

_UPGRADED_CHAMBERS = ND280_UPGRADE.only(project(ANALYSIS_I, detector=ND280_UPGRADE).selection.decay_modules)
"""Where the projection of Fig. 9 counts N."""

COLUMNS = ("panel", "curve", "x", "x_high", "y", "y_error", "z", "z_error")
"""Columns of the table of curves; those that a figure does not need are left out."""


def check_target(path: str | os.PathLike[str], figure: PaperFigure | None = None) -> Path:
    """The path, if a figure can be written there. Raises `ValueError` for another suffix or a missing folder.

    With a ``figure``, also for the curves of one that has none.
    """
    path = Path(path)
    if path.suffix not in (*_PICTURES, ".csv"):
        known = ", ".join(_PICTURES)
        raise ValueError(f"a figure is written to {known}, its curves to .csv, got {path.name}")
    if not path.parent.is_dir():
        raise ValueError(f"no folder {path.parent} to write {path.name} into")
    if figure is not None and path.suffix == ".csv" and figure.curves.empty:
        raise ValueError(f"this figure is a drawing without curves to write to {path.name}")
    return path


@dataclass(frozen=True, eq=False)
class PaperFigure:
    """A picture and the numbers behind it.

    ``curves`` has a row for each point of each curve (`COLUMNS`): the panel and the name of the curve, x and y, and
    the statistical error of y where there is one. Histograms have the edges of their bins in ``x`` and ``x_high``,
    maps a height ``z`` over x and y. Units are those of the axes.
    """

    figure: Figure
    curves: pd.DataFrame

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to .png, .pdf or .svg or the curves to .csv, atomically. Returns the path.

        Raises `ValueError` for another suffix, a missing folder, or the curves of a drawing that has none.
        """
        path = check_target(path, self)
        with complete_or_not_at_all(path) as partial:
            if path.suffix == ".csv":
                self.curves.to_csv(partial, index=False)
            else:
                self.figure.savefig(partial, format=path.suffix[1:], metadata=_PICTURES[path.suffix])
        return path


class Curves:
    """Collects curves; `table` puts them one below the other."""

    def __init__(self) -> None:
        self._parts: list[pd.DataFrame] = []

    def line(self, panel: str, curve: str, x: ArrayLike, y: ArrayLike, y_error: ArrayLike = np.nan) -> None:
        """A curve through points, with the error of y where there is one."""
        self._add(panel, curve, x=x, y=y, y_error=y_error)

    def stairs(self, panel: str, curve: str, edges: ArrayLike, y: ArrayLike, y_error: ArrayLike = np.nan) -> None:
        """A histogram."""
        edges = np.asarray(edges, dtype=float)
        self._add(panel, curve, x=edges[:-1], x_high=edges[1:], y=y, y_error=y_error)

    def heights(self, panel: str, curve: str, x: ArrayLike, y: ArrayLike, z: ArrayLike, z_error: ArrayLike) -> None:
        """A height, with its error, over a grid: z has the shape (x, y)."""
        x, y = np.meshgrid(x, y, indexing="ij")
        self._add(panel, curve, x=x, y=y, z=z, z_error=z_error)

    def table(self) -> pd.DataFrame:
        """All curves; points without a value and columns without any are left out."""
        if not self._parts:
            return pd.DataFrame({name: pd.Series(dtype=float) for name in ("panel", "curve", "x", "y")})
        table = pd.concat(self._parts, ignore_index=True)
        return table[[name for name in COLUMNS if name in table and not table[name].isna().all()]]

    def _add(self, panel: str, curve: str, **columns: ArrayLike) -> None:
        flat = np.broadcast_arrays(*(np.asarray(values, dtype=float) for values in columns.values()))
        part = pd.DataFrame({name: values.ravel() for name, values in zip(columns, flat, strict=True)})
        part.insert(0, "panel", panel)
        part.insert(1, "curve", curve)
        self._parts.append(part[part["z" if "z" in columns else "y"].notna()])


@dataclass(frozen=True)
class Samples:
    """The simulated samples that figures need, each made when it is first needed.

    ``n_events`` is the size of each and ``seed`` the seed of all. ``given`` holds samples to use instead, as events
    or as a file of ``darkpkg simulate``, under the names of the properties below. ``progress`` shows bars.

    >>> Samples(n_events=1000, seed=3).at_B.m_Zprime[0]
    1.25
    """

    n_events: int = 1_000_000
    seed: int = 1
    given: Mapping[str, PlacedEvents | DecaysInFlight | str | os.PathLike[str]] = field(default_factory=dict)
    progress: bool = False
    _kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.given) - {*_NAMES})
        if unknown:
            raise ValueError(f"samples are {', '.join(_NAMES)}, got {', '.join(unknown)}")

    @cached_property
    def heavy(self) -> PlacedEvents:
        """Over the masses of N and of a dark photon heavier than N."""
        return self._over_masses("heavy", HEAVY)

    @cached_property
    def heavy_upgrade(self) -> PlacedEvents:
        """As ``heavy``, in the argon chambers of the upgraded detector alone."""
        return self._over_masses("heavy_upgrade", HEAVY, _UPGRADED_CHAMBERS)

    @cached_property
    def light(self) -> PlacedEvents:
        """Over the masses of N and of a dark photon lighter than N, three quarters of it on carbon, oxygen and argon.

        Most N decay where they are made, but a Z′ that flies also comes from the P∅D into the chambers.
        """
        return self._over_masses("light", LIGHT)

    @cached_property
    def at_A(self) -> PlacedEvents:
        """At the masses of benchmark A, as many events on each nucleus."""
        return self._at("at_A", BENCHMARK_A)

    @cached_property
    def around_A(self) -> PlacedEvents:
        """Over masses around benchmark A, in what stands behind the P∅D: N decays where it is produced."""
        return self._over_masses("around_A", _AROUND_A, ND280_TRACKER)

    @cached_property
    def at_B(self) -> PlacedEvents:
        """At the masses of benchmark B, as many events on each nucleus."""
        return self._at("at_B", BENCHMARK_B)

    def at(self, point: DarkParameters) -> PlacedEvents:
        """A dedicated sample for one point, of `DEDICATED` neutrinos; kept for other couplings at its masses."""
        emphasis = _LIGHT_EMPHASIS if point.is_light_mediator else None
        masses = float(point.m_N), float(point.m_Zprime)
        return self.once(masses, lambda: simulate(point, DEDICATED, self.seed, emphasis=emphasis))

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What ``make`` returns, the first time; then the same, for figures that need it again."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    @cached_property
    def standard(self) -> DecaysInFlight:
        """Decays in flight of a standard heavy neutrino of 150 MeV that mixes with the muon neutrino."""
        given: Any = self.given.get("standard")
        # No shape depends on the size of the mixing.
        return given or decays_in_flight(StandardHeavyNeutrino(m_N=0.15, U_mu_sq=1e-7), self.n_events, self.seed)

    def _over_masses(self, name: str, sampling: SamplingRange, detector: Detector = ND280) -> PlacedEvents:
        sample = self._sample(name, sampling, detector)
        made_for = sampling_range(sample)
        if made_for.is_fixed or made_for.is_light != sampling.is_light:
            rule = "below m_N" if sampling.is_light else "at least m_N"
            raise ValueError(f"the {name} sample must be over masses with m_Zprime {rule}, but it is of other ones")
        return sample

    def _at(self, name: str, point: DarkParameters) -> PlacedEvents:
        sampling = SamplingRange.at(float(point.m_N), float(point.m_Zprime))
        sample = self._sample(name, sampling, ND280)
        made_for = sampling_range(sample)
        if (made_for.m_N, made_for.m_Zprime) != (sampling.m_N, sampling.m_Zprime):
            masses = f"m_N = {point.m_N:g} GeV, m_Zprime = {point.m_Zprime:g} GeV"
            raise ValueError(f"the {name} sample must be at {masses}, but it was made for other masses")
        return sample

    def _sample(self, name: str, sampling: SamplingRange, detector: Detector) -> PlacedEvents:
        given: Any = self.given.get(name)
        if given is None:
            number, emphasis = self.n_events, None  # type: Any, Any
            if sampling.is_fixed:  # such figures compare materials: as many events on each
                number = dict.fromkeys((n.name for n in detector.targets.values()), number // len(detector.targets))
            elif detector is ND280 and sampling.is_light:
                number = {nucleus: int(share * number) for nucleus, share in _LIGHT_SHARES.items()}
                emphasis = _LIGHT_EMPHASIS
            there = experiments.T2K.replace(detector=detector)
            return simulate(sampling, number, self.seed, experiment=there, emphasis=emphasis, progress=self.progress)
        sample = given if isinstance(given, Events) else read_events(given)
        if not isinstance(sample, PlacedEvents):
            raise ValueError(f"the {name} sample holds events without vertices; darkpkg simulate writes them with")
        return sample

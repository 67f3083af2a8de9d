"""What other experiments have excluded, and the regions that explain the excess of MiniBooNE, as data with citations.

Begin with `constraints` for a plane of two parameters; `region_of_interest` gives the regions, and
`paper.constraints.drawing.draw_constraints` draws both. The numbers are those of ``data/limits/``; `read_limit` reads
a curve of your own.

A limit holds for the model that it was derived in. Four assumptions to keep in mind:

* Laboratory limits are on the mixing |U_μ4|², the rate of upscattering goes like the vertex factor |V_μN|². With one
  dark flavour and one heavy neutrino V_μN = U_μ4 |U_D4|² ≈ U_μ4, drawn on the same axis. With more states they
  are two numbers, and the limit on one is not a limit on the other.
* Searches for the decay of a long-lived N, such as BEBC, assume that it decays through the weak interaction. A dark
  photon makes it decay earlier, before it reaches a far detector.
* A heavy dark photon decays to N and not, or not only, to e⁺e⁻: limits on visible decays do not apply to it. Searches
  for missing energy, as of BaBar, hold as far as the decay is invisible. If N → ν e⁺e⁻ happens inside, it is
  semi-visible, and the limit is weaker by an amount that depends on the lifetime.
* A light dark photon, m_Z′ < m_N, decays to e⁺e⁻ only, and the limits on visible decays do apply. Those on the mixing
  from neutrino–electron scattering are recasts at one m_Z′, α_D and ε, those of benchmark A.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from darkpkg import datasets
from darkpkg.inputs import check_kinds, one_of, real_numbers, tuple_of
from darkpkg.units import GeV, MeV, keV

Array = NDArray[np.float64]

__all__ = ["PLANES", "Constraint", "Region", "constraints", "read_limit", "region_of_interest"]

PLANES = (("m_N", "V_muN_sq"), ("m_Zprime", "epsilon"))
"""The planes for which there are limits: masses in GeV along x, pure numbers along y."""

_TABLES = {
    ("heavy", PLANES[0]): ("mixing_light", "mixing_decays"),
    ("light", PLANES[0]): ("mixing_light",),
    ("heavy", PLANES[1]): ("dark_photon_heavy",),
    ("light", PLANES[1]): ("dark_photon_visible",),
}
_COMPILED_BY = {"dark_photon_visible": ("Ilten:2018crw",)}
"""Who recast the limits of a table, beside who published each."""

_ONLY_LIGHT = ("MINERνA", "CHARM-II")
"""Limits of a table of both cases that hold for the light dark photon of benchmark A only."""


@dataclass(frozen=True, eq=False)
class Constraint:
    """One published limit in a plane.

    Attributes
    ----------
    name
        Short name, as figures label it.
    references
        Keys in the bibliography of the book: who published the limit, then who recast it.
    x
        Masses of the points of the curve in GeV, not falling; between them, interpolate in logarithms.
    low, high
        What is excluded at each mass: from ``low`` up to ``high``, which is infinite if everything above is.

    Raises `ValueError` for curves that would exclude nothing, or something else: with masses that fall, edges that
    cross, or an upper edge that is infinite in some places only.
    """

    name: str
    references: tuple[str, ...]
    x: Array
    low: Array
    high: Array

    def __post_init__(self) -> None:
        check_kinds(name=(self.name, str))
        object.__setattr__(self, "references", tuple_of("references", self.references, str))
        for name in ("x", "low"):
            object.__setattr__(self, name, real_numbers(f"{name} of {self.name}", getattr(self, name), positive=True))
        object.__setattr__(self, "high", real_numbers(f"high of {self.name}", self.high, 0.0))
        if self.x.ndim != 1 or not self.x.size or not self.x.shape == self.low.shape == self.high.shape:
            shapes = self.x.shape, self.low.shape, self.high.shape
            raise ValueError(f"x, low and high of {self.name} must have one shape (n,), got {shapes}")
        if np.any(np.diff(self.x) < 0):
            i = int(np.argmax(np.diff(self.x) < 0))
            raise ValueError(f"x of {self.name} must not fall, got {self.x[i]:g} followed by {self.x[i + 1]:g}")
        if np.any(self.high < self.low):
            raise ValueError(f"high of {self.name} must not lie below low, got {self.high} and {self.low}")
        if np.isfinite(self.high).any() != np.isfinite(self.high).all():
            raise ValueError(f"high of {self.name} must be finite at all masses or at none, got {self.high}")

    def excludes(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Whether points of the plane lie in the excluded region; what lies beyond the ends of the curve does not.

        >>> electron = constraints(("m_Zprime", "epsilon"), "heavy")[0]
        >>> electron.excludes(0.01, [1e-4, 1e-3])
        array([False,  True])
        """
        x, y = real_numbers("x", x, positive=True), real_numbers("y", y, 0.0)
        within = (x >= self.x[0]) & (x <= self.x[-1])
        low, high = (
            np.exp(np.interp(np.log(x), np.log(self.x), np.log(edge))) if np.isfinite(edge).all() else np.inf
            for edge in (self.low, self.high)
        )
        return within & (y > low) & (y < high)


@dataclass(frozen=True, eq=False)
class Region:
    """A region of a plane that is wanted, not excluded.

    ``outline`` (n, 2) is closed; ``n_sigma`` is the level of a fit, or ``None`` where there is no fit.
    """

    name: str
    references: tuple[str, ...]
    outline: Array
    n_sigma: float | None = None


def constraints(plane: tuple[str, str], mediator: str) -> tuple[Constraint, ...]:
    """Published limits in a plane.

    Parameters
    ----------
    plane
        Names of the parameters along x and y, one of `PLANES`. Limits on |U_μ4|² stand for |V_μN|².
    mediator
        ``"heavy"`` or ``"light"``: whether the dark photon is heavier or lighter than N, which decides its decay.

    Raises `ValueError` for a plane or a mediator without limits.

    >>> [limit.name for limit in constraints(("m_N", "V_muN_sq"), "light")]
    ['μ/π/K decays', 'MINERνA', 'CHARM-II']
    """
    _check(plane, mediator)
    found = []
    for table in _TABLES[mediator, tuple(plane)]:
        rows = datasets.read(f"limits/{table}")
        for (name, reference), curve in rows.groupby(["name", "reference"], sort=False):
            if mediator == "light" or name not in _ONLY_LIGHT:
                found.append(_constraint(name, (reference, *_COMPILED_BY.get(table, ())), curve))
    return tuple(found)


def read_limit(
    path: str | os.PathLike[str],
    name: str,
    *,
    mass_unit: float,
    top: str | os.PathLike[str] | None = None,
    references: tuple[str, ...] = (),
) -> Constraint:
    """A limit from a text file of two columns, mass and coupling, separated by blanks or by a comma.

    So are the curves of mass and |U|² in the collection HNLimits (M. Hostert, Heavy-Neutrino-Limits), in MeV or GeV.
    Lines that begin with ``#`` and one heading are passed over. Points are sorted by mass.

    Parameters
    ----------
    path
        Where exclusion begins.
    name
        As figures label it.
    mass_unit
        Unit of the masses in the file: `darkpkg.units.MeV` or `darkpkg.units.GeV`.
    top
        A second file, for an island: where exclusion ends again. It is excluded where both curves have a mass.

    Raises `ValueError` for a file without two columns of numbers or without points.

    >>> from pathlib import Path; from tempfile import TemporaryDirectory; from darkpkg.units import MeV
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "limit.dat")
    ...     _ = path.write_text("# m4 (MeV) Umu4^2\\n200 3e-7\\n100 1e-6\\n")
    ...     read_limit(path, "mine", mass_unit=MeV).x
    array([0.1, 0.2])
    """
    if mass_unit not in (keV, MeV, GeV):
        raise ValueError(f"mass_unit must be keV, MeV or GeV of darkpkg.units, got {mass_unit!r}")
    mass, low = _columns(Path(path))
    if top is None:
        return Constraint(name, references, mass * mass_unit, low, np.full(len(mass), np.inf))
    upper_mass, high = _columns(Path(top))
    ends = max(mass[0], upper_mass[0]), min(mass[-1], upper_mass[-1])
    joint = np.union1d(mass, upper_mass)
    joint = joint[(joint >= ends[0]) & (joint <= ends[1])]
    edges = (np.exp(np.interp(np.log(joint), np.log(x), np.log(y))) for x, y in ((mass, low), (upper_mass, high)))
    return Constraint(name, references, joint * mass_unit, *edges)


def _columns(path: Path) -> tuple[Array, Array]:
    """Masses, rising, and couplings of a file; two points at one mass stay in their order."""
    lines = [line.split("#")[0].replace(",", " ").split() for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [words for words in lines if words]
    if rows and not _is_number(rows[0][0]):
        rows = rows[1:]
    for row in rows:
        if len(row) != 2 or not all(map(_is_number, row)):
            raise ValueError(f"{path.name} must have two columns of positive numbers, got {' '.join(row)!r}")
    if not rows:
        raise ValueError(f"{path.name} has no points")
    table = np.array(rows, dtype=float)
    return tuple(table[np.argsort(table[:, 0], kind="stable")].T)


def _is_number(word: str) -> bool:
    try:
        return 0 < float(word) < np.inf
    except ValueError:
        return False


def region_of_interest(plane: tuple[str, str], mediator: str) -> tuple[Region, ...]:
    """Regions of a plane that would explain the excess of MiniBooNE, the widest first; none where none was published.

    For a heavy dark photon they are boxes around benchmark B, no fit; for a light one the fit of Bertuzzo et al. to
    the energy spectrum, with one, three and five σ.
    """
    _check(plane, mediator)
    if mediator == "heavy":
        boxes = datasets.read("limits/miniboone_heavy")
        own = boxes[(boxes.x == plane[0]) & (boxes.y == plane[1])]
        return tuple(
            Region("region of interest", ("Arguelles:2022lzs",), _box(b.x_low, b.x_high, b.y_low, b.y_high))
            for b in own.itertuples()
        )
    if tuple(plane) != PLANES[0]:
        return ()
    edges = datasets.read("limits/miniboone_light")
    regions = []
    for n_sigma, fit in edges.groupby("n_sigma"):
        lower, upper = (fit[fit.edge == edge][["m_N", "U_mu4_sq"]].to_numpy() for edge in ("lower", "upper"))
        outline = np.concatenate([lower, upper[::-1], lower[:1]])
        regions.append(Region(f"MiniBooNE, {n_sigma} σ", ("Bertuzzo:2018itn",), outline, float(n_sigma)))
    return tuple(reversed(regions))


def _check(plane: tuple[str, str], mediator: str) -> None:
    if tuple_of("plane", plane, str) not in PLANES:
        known = " or ".join(f"({', '.join(pair)})" for pair in PLANES)
        raise ValueError(f"plane must be {known}, got ({', '.join(plane)})")
    one_of("mediator", mediator, ("heavy", "light"))


def _constraint(name: str, references: tuple[str, ...], curve: pd.DataFrame) -> Constraint:
    """The limit of one curve: mass, excluded from, and up to, where the table has it in its last columns."""
    mass = next(column for column in ("m_N", "m_Zprime") if column in curve)
    low, *upper = (column for column in curve if column not in ("name", "reference", mass))
    high = curve[upper[0]].fillna(np.inf) if upper else pd.Series(np.inf, index=curve.index)
    return Constraint(name, references, *(np.array(c, dtype=float) for c in (curve[mass], curve[low], high)))


def _box(x_low: float, x_high: float, y_low: float, y_high: float) -> Array:
    return np.array([[x_low, y_low], [x_high, y_low], [x_high, y_high], [x_low, y_high], [x_low, y_low]])

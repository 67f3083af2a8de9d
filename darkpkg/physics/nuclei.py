"""Nuclei: mass, charge, and how the charge is spread out.

Begin with `NUCLEI`, a mapping from names such as ``"Pb208"``, and `form_factor`; `elements` says which isotope stands
for an element of the detector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from particle import Particle
from scipy.special import spherical_jn

from darkpkg import datasets
from darkpkg.units import AVOGADRO, ELECTRON_MASS, HBARC, MeV, fm

__all__ = ["NUCLEI", "Element", "Nucleus", "elements", "form_factor"]


@dataclass(frozen=True)
class Nucleus:
    """One nuclide and its charge density, a Fourier–Bessel series.

    ``mass`` is that of the bare nucleus in GeV, ``radius`` the cut-off R of the series in cm, ``coefficients`` the
    a_n in arbitrary units (`form_factor` divides by the total charge).
    """

    name: str
    Z: int
    A: int
    mass: float
    radius: float
    coefficients: tuple[float, ...]

    @property
    def pdg_code(self) -> int:
        """Particle Data Group code of the nucleus, 100ZZZAAA0, as in the column ``target`` of events."""
        return 1_000_000_000 + 10_000 * self.Z + 10 * self.A

    @property
    def mean_square_radius(self) -> float:
        r"""⟨r²⟩ of the charge in GeV⁻², so that F(Q²) → 1 − Q²⟨r²⟩/6.

        The moments of j₀(nπr/R) are elementary: ∫r²·j₀·r² dr / ∫j₀·r² dr = R² (1 − 6/(nπ)²).
        """
        n_pi = np.pi * np.arange(1, len(self.coefficients) + 1)
        charge = _charges(self.coefficients)
        return float((charge * (1 - 6 / n_pi**2)).sum() / charge.sum() * (self.radius / HBARC) ** 2)


@dataclass(frozen=True)
class Element:
    """A chemical element of the detector: its atoms weigh ``atomic_weight`` g/mol and scatter like ``nucleus``."""

    symbol: str
    Z: int
    isotope: str
    atomic_weight: float

    def number_of_nuclei(self, mass: float) -> float:
        """Number of nuclei in ``mass`` grams of the element."""
        return mass * AVOGADRO / self.atomic_weight

    @property
    def nucleus(self) -> Nucleus:
        """The isotope that stands for all isotopes. Raises `KeyError` if it has no charge density in the table."""
        return NUCLEI[self.isotope]


@cache
def elements() -> Mapping[str, Element]:
    """The elements of ``data/nuclei/elements.csv`` by chemical symbol."""
    rows = datasets.read("nuclei/elements").itertuples(index=False)
    return MappingProxyType({row.element: Element(*row) for row in rows})


def form_factor(Q2: ArrayLike, nucleus: Nucleus) -> NDArray[np.float64]:
    r"""Charge form factor F(Q²), normalised to F(0) = 1.

    The transform of :math:`\rho(r) = \sum_n a_n\, j_0(n\pi r/R)` for :math:`r<R` is, with :math:`x = QR`,

    .. math:: F = \frac{\sum_n a_n f_n(x)}{\sum_n a_n f_n(0)}, \quad
              f_n(x) = (-1)^n \frac{\sin x}{x}\,\frac{1}{x^2-(n\pi)^2} .

    Parameters
    ----------
    Q2 : array_like
        Momentum transfer squared in GeV², any shape.

    Returns
    -------
    ndarray
        F, of the shape of ``Q2``. It changes sign at the diffraction minima.

    Source of the series: H. de Vries et al., At. Data Nucl. Data Tables 36, 495 (1987).

    >>> form_factor([0.0, 0.01], NUCLEI["Pb208"]).round(4)
    array([1.    , 0.1984])
    """
    x = np.sqrt(np.asarray(Q2, dtype=float)) * nucleus.radius / HBARC
    n = np.arange(1, len(nucleus.coefficients) + 1)
    return _bessel_transforms(x[..., None], n) @ np.array(nucleus.coefficients) / _charges(nucleus.coefficients).sum()


def _charges(coefficients: tuple[float, ...]) -> NDArray[np.float64]:
    """a_n f_n(0): the share of each term in the total charge, in units of 4πR³."""
    n = np.arange(1, len(coefficients) + 1)
    return -np.array(coefficients) * (-1.0) ** n / (n * np.pi) ** 2


def _bessel_transforms(x: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """f_n(x). The zero of sin x cancels the pole at x = nπ: there, sin x = (−1)ⁿ sin(x − nπ)."""
    n_pi = n * np.pi
    near_origin = x < np.pi / 2
    x_far = np.where(near_origin, np.pi, x)
    by_pole = spherical_jn(0, np.abs(x_far - n_pi)) / (x_far * (x_far + n_pi))
    by_origin = (
        (-1.0) ** n * spherical_jn(0, np.where(near_origin, x, 0.0)) / (np.minimum(x, np.pi / 2) ** 2 - n_pi**2)
    )
    return np.where(near_origin, by_origin, by_pole)


def _load() -> Mapping[str, Nucleus]:
    table = datasets.read("nuclei/fourier_bessel").set_index("nucleus")
    return MappingProxyType({str(name): _nucleus(str(name), *row) for name, row in table.iterrows()})


def _nucleus(name: str, radius: float, *coefficients: float) -> Nucleus:
    symbol = name.rstrip("0123456789")
    Z, A = elements()[symbol].Z, int(name.removeprefix(symbol))
    # `particle` lists ions with their atomic mass, so the electrons go; their binding (below 1e-5 of it) is left.
    mass = Particle.from_nucleus_info(Z, A).mass * MeV - Z * ELECTRON_MASS
    return Nucleus(name, Z, A, mass, radius * fm, tuple(np.trim_zeros(coefficients, "b")))


NUCLEI: Mapping[str, Nucleus] = _load()
"""All nuclei with a charge density, by name (``"C12"``, ``"Pb208"``, …)."""

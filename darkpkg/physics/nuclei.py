"""Nuclei: mass, charge, and how the charge is spread out.

Begin with `NUCLEI`, a mapping from names such as ``"Pb208"``, and `form_factor`; `elements` has the isotope standing
for an element of the detector. `PROTON` is the nucleus of hydrogen, which has a spin and a magnetic moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg import datasets
from darkpkg.inputs import NOT_NEGATIVE, POSITIVE, check_kinds, one_of, real_numbers, settle, whole_number
from darkpkg.physics import charges
from darkpkg.units import AVOGADRO, ELECTRON_MASS, HBARC, PROTON_MASS, MeV, fm

__all__ = [
    "FORM_FACTORS",
    "NUCLEI",
    "PROTON",
    "Element",
    "Nucleus",
    "Proton",
    "current_amplitudes",
    "elements",
    "form_factor",
    "sachs",
]


@dataclass(frozen=True)
class Nucleus:
    """One nuclide and its charge density, a Fourier–Bessel series if it is known.

    Without a series only name, Z, A and mass are needed, and the density is that of Helm (`default_form_factor`).

    Parameters
    ----------
    name
        Such as ``"Pb208"``.
    Z, A
        Numbers of protons and of nucleons.
    mass
        Of the bare nucleus, in GeV.
    radius
        Cut-off R of the series in cm.
    coefficients
        The a_n in arbitrary units: `form_factor` divides by the total charge.

    Raises
    ------
    TypeError, ValueError
        For numbers that no nucleus has; names the nucleus.

    Examples
    --------
    >>> Nucleus("Au197", 79, 197, 183.43).default_form_factor
    'helm'
    """

    name: str
    Z: int
    A: int
    mass: float
    radius: float = np.nan
    coefficients: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        settle(self, name=str)
        settle(self, f" of {self.name}", mass=POSITIVE)
        whole_number(f"A of {self.name}", self.A, whole_number(f"Z of {self.name}", self.Z, 1), 999)
        coefficients = real_numbers(f"coefficients of {self.name}", self.coefficients)
        if coefficients.ndim != 1:
            raise ValueError(f"coefficients of {self.name} must be a sequence, got {self.coefficients}")
        object.__setattr__(self, "coefficients", tuple(coefficients.tolist()))
        if _is_nan(self.radius):  # where the density of Fermi has fallen to 1e-4, as at the cut-offs of the series
            object.__setattr__(self, "radius", charges.fermi_radius(self.A) + 9 * charges.FERMI_DIFFUSENESS)
        settle(self, f" of {self.name}", radius=POSITIVE)

    @property
    def pdg_code(self) -> int:
        """Particle Data Group code of the nucleus, 100ZZZAAA0, as in the column ``target`` of events."""
        return 1_000_000_000 + 10_000 * self.Z + 10 * self.A

    @property
    def default_form_factor(self) -> str:
        """The model of `FORM_FACTORS` that stands for ``"fourier-bessel"``: Helm's where no series is known."""
        return "fourier-bessel" if self.coefficients else "helm"

    @property
    def mean_square_radius(self) -> float:
        r"""⟨r²⟩ of the charge in GeV⁻², so that F(Q²) → 1 − Q²⟨r²⟩/6."""
        if not self.coefficients:
            return charges.fermi_square_radius(self.A) / HBARC**2
        return charges.series_square_radius(self.radius / HBARC, self.coefficients)

    def amplitudes(self, Q2: NDArray[np.float64], model: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`current_amplitudes` of this nucleus: ZF and zero."""
        return self.Z * form_factor(Q2, self, model), np.zeros(Q2.shape)


@dataclass(frozen=True)
class Proton(Nucleus):
    """The nucleus of hydrogen, of spin ½: its form factors are those of `sachs`, not a Fourier–Bessel series."""

    @property
    def mean_square_radius(self) -> float:
        """⟨r²⟩ of the charge in GeV⁻², from the slope of G_E at Q² = 0; r = 0.863 fm."""
        numerator, denominator = KELLY_ELECTRIC
        return 6 * (denominator[0] - numerator[0]) / (4 * self.mass**2)

    def amplitudes(self, Q2: NDArray[np.float64], model: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`current_amplitudes` of the proton, in any model."""
        return spin_half_amplitudes(Q2, *sachs(Q2), self.mass)


@dataclass(frozen=True)
class Element:
    """A chemical element of the detector.

    Parameters
    ----------
    symbol
        Such as ``"Pb"``.
    nucleus
        What its atoms scatter like.
    atomic_weight
        In g/mol.
    density
        In g/cm³ what it adds to a solid or liquid, nan if unknown; only tables are checked against it.

    Raises
    ------
    TypeError, ValueError
        For what is no symbol or nucleus, and for a weight or a density that is not positive; names the element.
    """

    symbol: str
    nucleus: Nucleus
    atomic_weight: float
    density: float = np.nan

    def __post_init__(self) -> None:
        settle(self, f" of {self.symbol}", symbol=str, nucleus=Nucleus, atomic_weight=POSITIVE)
        if not _is_nan(self.density):
            settle(self, f" of {self.symbol}", density=POSITIVE)

    def number_of_nuclei(self, mass: float) -> float:
        """Number of nuclei in ``mass`` grams of the element. Raises `ValueError` for a negative or infinite mass."""
        return NOT_NEGATIVE("mass", mass) * AVOGADRO / self.atomic_weight


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and value != value


@cache
def elements() -> Mapping[str, Element]:
    """The elements of ``data/nuclei/elements.csv`` by chemical symbol."""
    known = {PROTON.name: PROTON, **_nuclei()}
    rows = datasets.read("nuclei/elements").itertuples(index=False)
    return MappingProxyType(
        {r.element: Element(r.element, known[r.isotope], r.standard_atomic_weight, r.density) for r in rows}
    )


def form_factor(Q2: ArrayLike, nucleus: Nucleus, model: str = "fourier-bessel") -> NDArray[np.float64]:
    r"""Charge form factor F(Q²), normalised to F(0) = 1.

    Parameters
    ----------
    Q2 : array_like
        Momentum transfer squared in GeV², any shape.
    model
        One of `FORM_FACTORS`. ``"fourier-bessel"`` transforms the measured charge density; of a nucleus without one
        it is `Nucleus.default_form_factor`. ``"helm"`` and ``"fermi"`` need nothing but A.

    Returns
    -------
    ndarray
        F, of the shape of ``Q2``. It changes sign at the diffraction minima. That of the proton is G_E, in any model.

    Raises
    ------
    TypeError, ValueError
        For a ``Q2`` that is negative or not finite, and for a model that does not exist.

    Examples
    --------
    >>> form_factor([0.0, 0.01], NUCLEI["Pb208"]).round(4)
    array([1.    , 0.1984])
    """
    one_of("model", model, FORM_FACTORS)
    check_kinds(nucleus=(nucleus, Nucleus))
    Q2 = _momentum_transfer(Q2)
    with np.errstate(over="ignore", under="ignore"):  # where F is zero
        if isinstance(nucleus, Proton):
            return sachs(Q2)[0]
        return FORM_FACTORS[nucleus.default_form_factor if model == "fourier-bessel" else model](Q2, nucleus)


def _momentum_transfer(Q2: ArrayLike) -> NDArray[np.float64]:
    return real_numbers("Q2", Q2, 0.0, np.finfo(float).max)


FORM_FACTORS: Mapping[str, Callable[[NDArray[np.float64], Nucleus], NDArray[np.float64]]] = {
    "fourier-bessel": lambda Q2, nucleus: charges.fourier_bessel(Q2, nucleus.radius, nucleus.coefficients),
    "helm": lambda Q2, nucleus: charges.helm(Q2, nucleus.A),
    "fermi": lambda Q2, nucleus: charges.symmetrised_fermi(Q2, nucleus.A),
}
"""Models of the charge form factor by name: `darkpkg.physics.charges`."""

PROTON_MAGNETIC_MOMENT = 2.7928473446
"""μ_p in nuclear magnetons, CODATA 2018."""

KELLY_ELECTRIC = (-0.24,), (10.98, 12.82, 21.97)
KELLY_MAGNETIC = (0.12,), (10.97, 18.86, 6.55)
"""Coefficients (a₁), (b₁, b₂, b₃) of G_E and G_M/μ_p: J. J. Kelly, Phys. Rev. C 70, 068202 (2004)."""


def sachs(Q2: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Electric and magnetic form factor G_E, G_M of the proton, with G_E(0) = 1 and G_M(0) = μ_p.

    .. math:: G &= \frac{1 + a_1\tau}{1 + b_1\tau + b_2\tau^2 + b_3\tau^3}, \\
              \tau &= \frac{Q^2}{4M^2},

    a fit to electron scattering that is good to a few per cent up to several GeV² (Kelly 2004).

    Parameters
    ----------
    Q2 : array_like
        Momentum transfer squared in GeV², any shape.

    Returns
    -------
    G_E, G_M : ndarray
        Of the shape of ``Q2``.

    Raises
    ------
    TypeError, ValueError
        For a ``Q2`` that is negative or not finite.

    Examples
    --------
    >>> [float(G) for G in sachs(0.0)]
    [1.0, 2.7928473446]
    """
    tau = _momentum_transfer(Q2) / (4 * PROTON.mass**2)
    with np.errstate(over="ignore"):
        electric, magnetic = (
            (1 + a[0] * tau) / (1 + b[0] * tau + b[1] * tau**2 + b[2] * tau**3)
            for a, b in (KELLY_ELECTRIC, KELLY_MAGNETIC)
        )
    return electric, PROTON_MAGNETIC_MOMENT * magnetic


def current_amplitudes(
    Q2: ArrayLike, nucleus: Nucleus, model: str = "fourier-bessel"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Amplitudes a, b of the elastic current, squared and averaged over the spin of the nucleus:

    .. math:: H^{\mu\nu} &= a^2\,h^\mu h^\nu + b^2\,(q^2g^{\mu\nu} - q^\mu q^\nu), \\
              h &= P + P' .

    A nucleus taken without spin has a = ZF and b = 0. The proton has
    :math:`a^2 = (G_E^2+\tau G_M^2)/(1+\tau) = F_1^2 + \tau F_2^2` and b = G_M. Parameters and errors are those of
    `form_factor`, and both amplitudes have the shape of ``Q2``.

    Examples
    --------
    >>> [round(float(part), 9) for part in current_amplitudes(0.0, NUCLEI["C12"])]
    [6.0, 0.0]
    """
    check_kinds(nucleus=(nucleus, Nucleus))
    return nucleus.amplitudes(_momentum_transfer(Q2), model)


def spin_half_amplitudes(
    Q2: NDArray[np.float64], electric: NDArray[np.float64], magnetic: NDArray[np.float64], mass: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`current_amplitudes` of a nucleon of this mass from its form factors G_E and G_M."""
    tau = Q2 / (4 * mass**2)
    return np.sqrt((electric**2 + tau * magnetic**2) / (1 + tau)), magnetic


@cache
def _nuclei() -> Mapping[str, Nucleus]:
    table = datasets.read("nuclei/elements")
    Z_of = dict(zip(table.element, table.Z, strict=True))
    series = {name: row for name, *row in datasets.read("nuclei/fourier_bessel").itertuples(index=False)}
    without = {row.isotope: [row.mass, np.nan] for row in table[table.mass.notna()].itertuples(index=False)}
    found = {}
    for name, (mass, radius, *coefficients) in (series | without).items():
        symbol = name.rstrip("0123456789")
        Z, A = int(Z_of[symbol]), int(name.removeprefix(symbol))
        # Of the atom the electrons go; their binding (below 1e-5 of the mass) is left.
        bare = mass * MeV - Z * ELECTRON_MASS
        found[name] = Nucleus(name, Z, A, bare, radius * fm, tuple(np.trim_zeros(coefficients, "b")))
    return MappingProxyType(found)


NUCLEI: Mapping[str, Nucleus]
"""All nuclei of ``data/nuclei``, by name (``"C12"``, ``"Pb208"``, …)."""

__getattr__ = datasets.when_needed(globals(), NUCLEI=_nuclei)

PROTON = Proton("H1", 1, 1, PROTON_MASS, 2 * fm)
"""The nucleus of hydrogen. Its form factors reach further than those of any other: Q = 10 GeV stands for the end."""

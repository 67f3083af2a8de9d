"""How the charge of a nucleus is spread out: densities, their form factors and mean square radii.

Begin with `fourier_bessel`, the transform of a measured density; `helm` and `symmetrised_fermi` need nothing but A.
Q² is in GeV², lengths are in cm.
"""

from __future__ import annotations

import numpy as np
import scipy  # which imports its parts where they are used
from numpy.typing import NDArray

from darkpkg.inputs import Array
from darkpkg.units import HBARC, fm

SKIN_THICKNESS = 0.9 * fm
FERMI_DIFFUSENESS = 0.52 * fm
"""s of Helm and a of the Fermi density, for all nuclei: J. D. Lewin, P. F. Smith, Astropart. Phys. 6, 87 (1996)."""


def fermi_radius(A: int) -> float:
    """c = 1.23 A^{1/3} − 0.60 fm, the radius of half density in cm: Lewin and Smith, from muonic atoms."""
    return (1.23 * A ** (1 / 3) - 0.60) * fm


def fourier_bessel(Q2: Array, radius: float, coefficients: tuple[float, ...]) -> Array:
    r"""The transform of :math:`\rho(r) = \sum_n a_n\, j_0(n\pi r/R)` for :math:`r<R`. With :math:`x = QR`,

    .. math:: F &= \frac{\sum_n a_n f_n(x)}{\sum_n a_n f_n(0)}, \\
              f_n(x) &= (-1)^n \frac{\sin x}{x}\,\frac{1}{x^2-(n\pi)^2} .

    See H. de Vries et al., At. Data Nucl. Data Tables 36, 495 (1987).
    """
    x = np.sqrt(Q2) * radius / HBARC
    n = np.arange(1, len(coefficients) + 1)
    return _bessel_transforms(x[..., None], n) @ np.array(coefficients) / _charges(coefficients).sum()


def helm(Q2: Array, A: int) -> Array:
    r"""A sharp sphere of radius R_n folded with a Gaussian skin s, R. H. Helm, Phys. Rev. 104, 1466 (1956):

    .. math:: F &= \frac{3 j_1(QR_n)}{QR_n}\,e^{-Q^2s^2/2}, \\
              R_n^2 &= c^2 + \tfrac73\pi^2a^2 - 5s^2 ,

    with the mean square radius of the Fermi density (c, a).
    """
    R = np.sqrt(fermi_radius(A) ** 2 + 7 / 3 * (np.pi * FERMI_DIFFUSENESS) ** 2 - 5 * SKIN_THICKNESS**2)
    Q = np.sqrt(Q2) / HBARC
    return 3 * _j1_over_x(Q * R) * np.exp(-((Q * SKIN_THICKNESS) ** 2) / 2)


def symmetrised_fermi(Q2: Array, A: int) -> Array:
    r"""The transform of :math:`\rho\propto\sinh(c/a)/(\cosh(r/a)+\cosh(c/a))`.

    D. W. L. Sprung, J. Martorell, J. Phys. A 30, 6525 (1997), with x = Qc and y = πQa, arranged so that nothing
    cancels for Q → 0, and with i₁/sinh y = (coth y − 1/y)/y, in which nothing overflows, from y = 1 on:

    .. math:: F = \frac{3}{c^2+\pi^2a^2}\,\frac{y}{\sinh y}
              \Bigl[ & c^2\,\frac{j_1(x)}{x} \\
              & + \pi^2a^2\,\frac{i_1(y)}{y}\frac{y}{\sinh y}\frac{\sin x}{x} \Bigr] .
    """
    Q, c, skin = np.sqrt(Q2) / HBARC, fermi_radius(A), np.pi * FERMI_DIFFUSENESS
    x, y = Q * c, np.maximum(Q * skin, 1e-10)
    falling = 2 * y * np.exp(-y) / -np.expm1(-2 * y)
    near = np.minimum(y, 1.0)
    surface = np.where(y < 1, scipy.special.spherical_in(1, near) / np.sinh(near), (1 / np.tanh(y) - 1 / y) / y)
    surface = surface * _j0(x)
    return 3 / (c**2 + skin**2) * falling * (c**2 * _j1_over_x(x) + skin**2 * surface)


def series_square_radius(radius: float, coefficients: tuple[float, ...]) -> float:
    """⟨r²⟩ of the series with cut-off R = ``radius``, in the square of its unit.

    The moments of j₀(nπr/R) are elementary: ∫r²·j₀·r² dr / ∫j₀·r² dr = R² (1 − 6/(nπ)²).
    """
    n_pi, charge = np.pi * np.arange(1, len(coefficients) + 1), _charges(coefficients)
    return float((charge * (1 - 6 / n_pi**2)).sum() / charge.sum() * radius**2)


def fermi_square_radius(A: int) -> float:
    """⟨r²⟩ in cm² of a Fermi density and of Helm's alike, 3(c² + 7π²a²/3)/5."""
    return 3 / 5 * (fermi_radius(A) ** 2 + 7 / 3 * (np.pi * FERMI_DIFFUSENESS) ** 2)


def _j1_over_x(x: Array) -> Array:
    x = np.maximum(x, 1e-10)
    return scipy.special.spherical_jn(1, x) / x


def _charges(coefficients: tuple[float, ...]) -> Array:
    """a_n f_n(0): the share of each term in the total charge, in units of 4πR³."""
    n = np.arange(1, len(coefficients) + 1)
    return -np.array(coefficients) * (-1.0) ** n / (n * np.pi) ** 2


def _bessel_transforms(x: Array, n: NDArray[np.int64]) -> Array:
    """f_n(x). The zero of sin x cancels the pole at x = nπ: there, sin x = (−1)ⁿ sin(x − nπ)."""
    n_pi = n * np.pi
    near_origin = x < np.pi / 2
    x_far = np.where(near_origin, np.pi, x)
    by_pole = _j0(x_far - n_pi) / (x_far * (x_far + n_pi))
    by_origin = (-1.0) ** n * _j0(np.where(near_origin, x, 0.0)) / (np.minimum(x, np.pi / 2) ** 2 - n_pi**2)
    return np.where(near_origin, by_origin, by_pole)


def _j0(x: Array) -> Array:
    """sin x / x, one at x = 0."""
    return np.divide(np.sin(x), x, out=np.ones(x.shape), where=x != 0)

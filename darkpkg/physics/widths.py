r"""Decays of the dark photon and of N to everything that the electromagnetic current reaches.

Kinetic mixing couples Z′ to the electromagnetic current, so that its width at a mass √s is that of a massless lepton
pair times the sum of the `pair_ratio` of electrons, muons and hadrons,

.. math:: \Gamma_{Z'}(\sqrt s) = \frac{\alpha\varepsilon^2\sqrt s}{3}\,\Bigl[\sum_{\ell=e,\mu}
          \Bigl(1+\frac{2m_\ell^2}{s}\Bigr)\sqrt{1-\frac{4m_\ell^2}{s}} + R(s)\Bigr],

with the measured ratio R of hadrons to muons (``data/decays/r_ratio``). N reaches each of them through the same
propagator, be it on its mass shell or off. Begin with `DarkParameters.decay_width`, which calls these functions.
Energies are in GeV.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg import datasets
from darkpkg.inputs import one_of, real_numbers
from darkpkg.units import ALPHA_EM, CHARGED_PION_MASS, ELECTRON_MASS, MUON_MASS, GeV

Array = NDArray[np.float64]

__all__ = ["CHANNELS", "pair_ratio", "total_ratio"]

CHANNELS = {"electrons": 2 * ELECTRON_MASS, "muons": 2 * MUON_MASS, "hadrons": 2 * CHARGED_PION_MASS}
"""What Z′ decays to, and the mass in GeV from which on."""

SMALLEST_MIXING = 1e-15
"""Kinetic mixing below which the width of Z′ is smaller than the spacing of floating-point masses."""

_FAR = 8.0
"""Beyond this factor from all that N reaches, the propagator is smooth enough for fixed nodes, and the closed forms
would lose digits."""


def _panels(number: int, nodes: int) -> tuple[Array, Array]:
    """Nodes and weights of Gauss in equal panels from 0 to 1."""
    x, weights = np.polynomial.legendre.leggauss(nodes)
    return ((np.arange(number)[:, None] + (x + 1) / 2) / number).ravel(), np.tile(weights, number) / (2 * number)


_U, _U_WEIGHTS = _panels(6, 16)
_THREE, _THREE_WEIGHTS = _panels(1, 3)


def pair_ratio(s: ArrayLike, channel: str) -> Any:
    """Decays to a channel over those to massless lepton pairs, for a Z′ of mass √s.

    For hadrons that is the measured ratio R, interpolated linearly in √s. Below the first measurement, at 0.3 GeV, it
    falls with the third power of the velocity of a pion pair, above the last, at 2 GeV, it is constant.

    Parameters
    ----------
    s : array_like
        In GeV², any shape.
    channel
        One of `CHANNELS`.

    Returns
    -------
    float or ndarray
        Of the shape of ``s``; zero below threshold.

    Raises
    ------
    TypeError, ValueError
        For what is no finite number, and a channel that does not exist.

    Examples
    --------
    >>> [round(float(pair_ratio(0.25**2, channel)), 3) for channel in CHANNELS]
    [1.0, 0.725, 0.0]
    """
    return _ratio(real_numbers("s", s), one_of("channel", channel, CHANNELS))[()]


def total_ratio(s: ArrayLike) -> Any:
    """Sum of `pair_ratio` over all channels.

    Examples
    --------
    >>> round(float(total_ratio(0.25**2)), 3)
    1.725
    """
    return sum(pair_ratio(s, channel) for channel in CHANNELS)


def _ratio(s: Any, channel: str) -> Any:
    threshold = CHANNELS[channel] ** 2
    beta = np.sqrt(np.maximum(1 - threshold / np.maximum(s, threshold), 0.0))
    if channel != "hadrons":
        return beta * (3 - beta**2) / 2  # (1 + 2m²/s) β
    energy, ratio, _ = _hadrons()
    below = ratio[0] * (beta / np.sqrt(1 - threshold / energy[0] ** 2)) ** 3
    return np.where(s < energy[0] ** 2, below, np.interp(np.sqrt(np.maximum(s, 0.0)), energy, ratio))


def current_integrals(m_N: ArrayLike, m_Zprime: ArrayLike, epsilon: ArrayLike) -> dict[str, Any]:
    r"""ε² times an integral over the propagator of Z′, without unit, for each channel by name.

    .. math:: J_f = \varepsilon^2 m_N^2\int_{s_f}^{m_N^2}\frac{(1-y)^2(1+2y)\,r_f(s)}
              {(s-m_{Z'}^2)^2+m_{Z'}^2\Gamma_{Z'}^2}\,ds, \qquad y = s/m_N^2, \qquad
              \Gamma(N\to\nu f) = \frac{\alpha\alpha_D|V_N|^2}{24\pi}\,m_N\,J_f ,

    with r_f the `pair_ratio` and s_f the threshold. For :math:`m_{Z'}\gg m_N` and massless electrons that is Eq. (9),
    for :math:`m_{Z'}<m_N` Eq. (10) times the branching ratio of Z′; the width of Z′ joins the two. Accurate
    to 1e-10, for hadrons to 1e-3. Within 1e-4 of its threshold a channel, which has next to no share there, is
    accurate to 3 % only. The arguments are those of a point, numbers or arrays that broadcast.
    """
    point = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (m_N, m_Zprime, epsilon)))
    flat = np.reshape(point, (3, -1))
    found = np.empty((len(CHANNELS), flat.shape[1]))
    with np.errstate(over="ignore"):  # where the integral falls with a power that is no number any more
        for begin in range(0, flat.shape[1], _AT_ONCE):
            rows = slice(begin, begin + _AT_ONCE)
            found[:, rows] = _integrals(*flat[:, rows])
    return {channel: values.reshape(point[0].shape)[()] for channel, values in zip(CHANNELS, found, strict=True)}


_AT_ONCE = 256
"""Points whose nodes are in memory together: a megabyte."""


def _integrals(m_N: Array, m_Zprime: Array, epsilon: Array) -> Array:
    """`current_integrals` (channels, n) of points (n,); squared masses in units of m_N² from here on."""
    mixing = np.maximum(epsilon, SMALLEST_MIXING)
    ratio = sum(_ratio(m_Zprime**2, channel) for channel in CHANNELS)
    width = mixing**2 * ALPHA_EM / 3 * ratio * (m_Zprime / m_N) ** 2
    # From 1 to the pole: the difference of nearly equal masses is exact.
    above = (m_Zprime - m_N) / m_N * (m_Zprime / m_N + 1) + 1j * np.maximum(width, 1e-100)
    # On its mass shell Z′ is made whatever its mixing, off it is not.
    scale = np.where(m_Zprime < m_N, mixing, epsilon) ** 2
    found = np.zeros((len(CHANNELS), len(m_N)))
    for values, (channel, threshold) in zip(found, CHANNELS.items(), strict=True):
        lowest, distance = (threshold / m_N) ** 2, np.abs(1 + above)
        near = (lowest / _FAR < distance) & (distance < _FAR)
        for is_near in (True, False):
            at = (lowest < 1) & (near == is_near)
            if at.any():
                integral = _INTEGRALS[channel == "hadrons", is_near]
                values[at] = scale[at] * integral(lowest[at], above[at], m_N[at])
    return found


def _leptonic_far(lowest: Array, above: Array, _: Array) -> Array:
    """By nodes in √ln(y/lowest), which takes the root at threshold away."""
    reach, least = -np.log(lowest)[:, None], lowest[:, None]
    y = least * np.exp(reach * _U**2)
    beta = np.sqrt(1 - least / y)
    return _sum(y, _U_WEIGHTS * 2 * reach * _U * y * beta * (3 - beta**2) / 2, above)


def _leptonic_near(lowest: Array, above: Array, _: Array) -> Array:
    r"""In closed form. With :math:`b = \sqrt{1 - y_0/z}`, and β the velocity at the end,

    .. math:: \int_{y_0}^1\frac{r\,dy}{y-z} = \frac{y_0}{z}\beta + 2\,\mathrm{artanh}\,\beta
              - b\,(3-b^2)\,\mathrm{artanh}\frac{\beta}{b} .
    """
    pole, root = 1 + above, np.sqrt(lowest)
    beta, b = np.sqrt(1 - lowest), np.sqrt(1 - lowest / pole)
    at_end = np.log((1 + beta) / root)
    below = pole.real < lowest
    at_pole = np.arctanh(np.where(below, beta / b, 0.0))
    # The same, with all digits where β and b are both close to one.
    at_pole = np.where(below, at_pole, np.log((b + beta) / root) + np.log(pole / above) / 2)
    transform = lowest / pole * beta + 2 * at_end - b * (3 - b**2) * at_pole
    return _near(above, beta**3, beta * (2 + lowest) / 4 - 3 / 4 * lowest**2 * at_end, transform)


def _hadronic_near(lowest: Array, above: Array, m_N: Array) -> Array:
    """R at the pole, or at the end, times the integral without it, and the rest from table entry to table entry."""
    pole = 1 + above
    at_pole = _ratio(np.minimum(pole.real, 1.0) * m_N**2, "hadrons")
    known = at_pole * _near(above, 1 - lowest, (1 - lowest**2) / 2, np.log(above / (pole - lowest)))
    return known + _hadronic_far(lowest, above, m_N, at_pole)


def _hadronic_far(_: Array, above: Array, m_N: Array, less: ArrayLike = 0.0) -> Array:
    """From table entry to table entry, of R less what is known."""
    reached = np.searchsorted(_hadrons()[2], m_N.max()) + 1
    edges = np.minimum(_hadrons()[2][:reached], m_N[:, None]) ** 2
    size = np.diff(edges)[..., None]
    s = (edges[:, :-1, None] + size * _THREE).reshape(len(m_N), -1)
    weights = (size * _THREE_WEIGHTS).reshape(s.shape) * (_ratio(s, "hadrons") - np.reshape(less, (-1, 1)))
    squared = m_N[:, None] ** 2
    return _sum(s / squared, weights / squared, above)


_INTEGRALS: dict[tuple[Any, bool], Callable[..., Array]] = {
    (False, True): _leptonic_near, (False, False): _leptonic_far,
    (True, True): _hadronic_near, (True, False): _hadronic_far,
}  # fmt: skip
"""Of hadrons or not, near all that N reaches or not."""


def _sum(y: Array, weights: Array, above: Array) -> Array:
    """∫(1−y)²(1+2y) r/|y−z|² dy from nodes y and r dy there, (n, nodes)."""
    apart = (1 - y + above.real[:, None]) ** 2 + above.imag[:, None] ** 2
    return np.asarray((weights * (1 - y) ** 2 * (1 + 2 * y) / apart).sum(axis=-1))


def _near(above: Array, area: Array, moment: Array, transform: Array) -> Array:
    """The same from ∫r dy, ∫r y dy and ∫r/(y−z) dy, by division of polynomials."""
    beyond, width = above.real, above.imag
    by_real = 6 * beyond * (1 + beyond) - 2 * width**2
    by_imaginary = beyond**2 * (3 + 2 * beyond) - (6 * beyond + 3) * width**2
    found = 2 * moment + (4 * beyond + 1) * area + by_real * transform.real + by_imaginary * transform.imag / width
    return np.asarray(found)


@cache
def _hadrons() -> tuple[Array, Array, Array]:
    """Energies in GeV and the ratio R there, and edges between which R is smooth, from the threshold on."""
    table = datasets.columns("decays/r_ratio")
    energy = table["sqrt_s"] * GeV
    start = np.linspace(CHANNELS["hadrons"], energy[0], 4, endpoint=False)
    return energy, table["R"], np.concatenate([start, energy, [np.inf]])

r"""Decays of the dark photon and of N to everything that the electromagnetic current reaches.

Kinetic mixing couples Z′ to the electromagnetic current, so that its width at a mass √s is that of a massless lepton
pair times the sum of the `pair_ratio` of electrons, muons and hadrons,

.. math:: \Gamma_{Z'}(\sqrt s) = {}& \frac{\alpha\varepsilon^2\sqrt s}{3}\,\Bigl[R(s) \\
          & + \sum_{\ell=e,\mu} \Bigl(1+\frac{2m_\ell^2}{s}\Bigr)\sqrt{1-\frac{4m_\ell^2}{s}}\Bigr],

with the measured ratio R of hadrons to muons (``data/decays/r_ratio``). N reaches each of them through the same
propagator, be it on its mass shell or off. Begin with `DarkParameters.decay_width`, which calls these functions.
Energies are in GeV.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkpkg import datasets
from darkpkg.inputs import Array, one_of, real_numbers
from darkpkg.units import ALPHA_EM, CHARGED_PION_MASS, ELECTRON_MASS, MUON_MASS, GeV

__all__ = ["CHANNELS", "pair_ratio", "total_ratio"]

CHANNELS = {"electrons": 2 * ELECTRON_MASS, "muons": 2 * MUON_MASS, "hadrons": 2 * CHARGED_PION_MASS}
"""Channels of the decay of Z′, and their thresholds: the least mass of Z′ in GeV."""

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
_FIVE, _FIVE_WEIGHTS = _panels(1, 5)


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
    to 1e-10, for hadrons to 1e-3 (1 % with the pole within 1e-5 of their threshold, where they have no share), at any
    distance from a threshold. The arguments are those of a point, numbers or arrays that broadcast.
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
    pole = (m_Zprime / m_N) ** 2 + 1j * above.imag
    # On its mass shell Z′ is made whatever its mixing, off it is not.
    scale = np.where(m_Zprime < m_N, mixing, epsilon) ** 2
    found = np.zeros((len(CHANNELS), len(m_N)))
    for values, (channel, threshold) in zip(found, CHANNELS.items(), strict=True):
        # Like the distance of the pole, that of the threshold has all its digits however small it is.
        excess, distance = (m_N - threshold) / threshold, np.abs(pole)
        near = (threshold / m_N) ** 2 / _FAR < distance
        near &= np.abs(above) < _FAR * (m_N - threshold) * (m_N + threshold) / m_N**2
        for is_near in (True, False):
            at = (excess > 0) & (near == is_near)
            if at.any():
                integral = _INTEGRALS[channel == "hadrons", is_near]
                values[at] = scale[at] * integral(excess[at], pole[at], above[at], m_N[at])
    return found


def _reach(excess: Array) -> Array:
    """1 − y₀, from the threshold to the end."""
    return excess * (2 + excess) / (1 + excess) ** 2


def _leptonic_far(excess: Array, pole: Array, above: Array, _: Array) -> Array:
    """By nodes in √ln(y/y₀), which takes the root at threshold away."""
    range_of_log = 2 * np.log1p(excess)[:, None]
    before_end, beta = range_of_log * (1 - _U**2), np.sqrt(-np.expm1(-range_of_log * _U**2))
    y, left = np.exp(-before_end), -np.expm1(-before_end)
    return _sum(y, left, _U_WEIGHTS * 2 * range_of_log * _U * y * beta * (3 - beta**2) / 2, pole, above)


def _leptonic_near(excess: Array, pole: Array, above: Array, _: Array) -> Array:
    r"""In closed form. With :math:`b = \sqrt{1 - y_0/z}`, and β the velocity at the end,

    .. math:: \int_{y_0}^1\frac{r\,dy}{y-z} = \frac{y_0}{z}\beta + 2\,\mathrm{artanh}\,\beta
              - b\,(3-b^2)\,\mathrm{artanh}\frac{\beta}{b} .
    """
    reach, lowest = _reach(excess), (1 + excess) ** -2
    beta, b = np.sqrt(reach), np.sqrt(np.where(reach < 0.5, (above + reach) / pole, 1 - lowest / pole))
    at_end = np.arcsinh(np.sqrt(excess * (2 + excess)))
    below = pole.real < lowest
    at_pole = np.arctanh(np.where(below, beta / b, 0.0))
    # The same, with all digits where β and b are both close to one.
    at_pole = np.where(below, at_pole, np.log((b + beta) * (1 + excess)) + np.log(pole / above) / 2)
    transform = lowest / pole * beta + 2 * at_end - b * (3 - b**2) * at_pole
    moment = beta * (2 + lowest) / 4 - 3 / 4 * lowest**2 * at_end
    moment = np.where(reach < 1e-5, beta**3 * (1 - 0.4 * reach), moment)  # the difference would lose digits
    return _near(above, beta**3, moment, transform)


def _hadronic_near(excess: Array, pole: Array, above: Array, m_N: Array) -> Array:
    """R at the pole, or at the end, times the integral without it, and the rest from table entry to table entry."""
    reach = _reach(excess)
    transform = np.log(above / np.where(reach < 0.5, above + reach, pole - (1 + excess) ** -2))
    at_pole = _ratio(np.minimum(pole.real, 1.0) * m_N**2, "hadrons")
    known = at_pole * _near(above, reach, reach - reach**2 / 2, transform)
    return known + _hadronic_far(excess, pole, above, m_N, at_pole)


def _hadronic_far(_: Array, pole: Array, above: Array, m_N: Array, less: ArrayLike = 0.0) -> Array:
    """From table entry to table entry, of R less what is known, by nodes in √(s − s₀)."""
    threshold, edges = CHANNELS["hadrons"], _hadrons()[2]
    reached = np.minimum(edges[: np.searchsorted(edges, m_N.max()) + 1], m_N[:, None])
    edges = np.sqrt((reached - threshold) * (reached + threshold))
    size = np.diff(edges)[..., None]
    root = (edges[:, :-1, None] + size * _FIVE).reshape(len(m_N), -1)
    s = threshold**2 + root**2
    ratio = _ratio(s, "hadrons") - np.reshape(less, (-1, 1))
    weights = (size * _FIVE_WEIGHTS).reshape(root.shape) * 2 * root * ratio
    end, squared = edges[:, -1:], m_N[:, None] ** 2
    return _sum(s / squared, (end - root) * (end + root) / squared, weights / squared, pole, above)


_INTEGRALS: dict[tuple[Any, bool], Callable[..., Array]] = {
    (False, True): _leptonic_near, (False, False): _leptonic_far,
    (True, True): _hadronic_near, (True, False): _hadronic_far,
}  # fmt: skip
"""Of hadrons or not, near all that N reaches or not."""


def _sum(y: Array, left: Array, weights: Array, pole: Array, above: Array) -> Array:
    """∫(1−y)²(1+2y) r/|y−z|² dy from y and 1 − y at nodes, and r dy there, (n, nodes)."""
    apart = np.where(np.abs(above[:, None]) < 0.5, left + above.real[:, None], y - pole.real[:, None])
    return np.asarray((weights * left**2 * (1 + 2 * y) / (apart**2 + above.imag[:, None] ** 2)).sum(axis=-1))


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

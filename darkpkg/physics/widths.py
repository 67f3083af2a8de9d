r"""Decays of the dark photon and of N to everything that the electromagnetic current reaches.

Kinetic mixing couples Z′ to the electromagnetic current, so that its width at a mass √s is that of a massless lepton
pair times the sum of the `pair_ratio` of electrons, muons and hadrons,

.. math:: \Gamma_{Z'}(\sqrt s) = \frac{\alpha\varepsilon^2\sqrt s}{3}\,\Bigl[\sum_{\ell=e,\mu}
          \Bigl(1+\frac{2m_\ell^2}{s}\Bigr)\sqrt{1-\frac{4m_\ell^2}{s}} + R(s)\Bigr],

with the measured ratio R of hadrons to muons (``data/decays/r_ratio``). N reaches each of them through the same
propagator, be it on its mass shell or off, see `current_integrals`. Begin with `DarkParameters.decay_width`, which
calls these functions; they take arrays that broadcast, energies in GeV.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg import datasets
from darkpkg.inputs import broadcast, one_of, real_numbers
from darkpkg.units import ALPHA_EM, CHARGED_PION_MASS, ELECTRON_MASS, MUON_MASS, GeV

Array = NDArray[np.float64]

__all__ = ["CHANNELS", "current_integrals", "pair_ratio", "total_ratio"]

CHANNELS = {"electrons": 2 * ELECTRON_MASS, "muons": 2 * MUON_MASS, "hadrons": 2 * CHARGED_PION_MASS}
"""What Z′ decays to, and the mass in GeV from which on."""

SMALLEST_MIXING = 1e-15
"""Kinetic mixing below which the width of Z′ is smaller than the spacing of floating-point masses."""

_NODES, _WEIGHTS = (values / 2 for values in np.polynomial.legendre.leggauss(12))
_PANELS = np.arange(24) + 0.5
_CHUNK = 1 << 11


def pair_ratio(s: ArrayLike, channel: str) -> Any:
    """Decays to a channel of `CHANNELS` over those to massless lepton pairs, for a Z′ of mass √s; ``s`` in GeV².

    For hadrons that is the measured ratio R, interpolated linearly in √s. Below the first measurement, at 0.3 GeV, it
    falls with the third power of the velocity of a pion pair, above the last, at 2 GeV, it is constant.

    >>> [round(float(pair_ratio(0.25**2, channel)), 3) for channel in CHANNELS]
    [1.0, 0.725, 0.0]
    """
    s, threshold = real_numbers("s", s), CHANNELS[one_of("channel", channel, CHANNELS)] ** 2
    beta = np.sqrt(np.clip(1 - threshold / np.maximum(s, threshold), 0.0, 1.0))
    if channel != "hadrons":
        return (beta * (3 - beta**2) / 2)[()]  # (1 + 2m²/s) β
    energy, ratio = _hadrons()
    first = np.sqrt(1 - threshold / energy[0] ** 2)
    below = ratio[0] * (beta / first) ** 3
    return np.where(s < energy[0] ** 2, below, np.interp(np.sqrt(np.maximum(s, 0.0)), energy, ratio))[()]


def total_ratio(s: ArrayLike) -> Any:
    """Sum of `pair_ratio` over all channels."""
    return sum(pair_ratio(s, channel) for channel in CHANNELS)


def current_integrals(m_N: ArrayLike, m_Zprime: ArrayLike, epsilon: ArrayLike) -> dict[str, Any]:
    r"""ε² times an integral over the propagator of Z′, without unit, for each channel by name.

    .. math:: J_f = \varepsilon^2 m_N^2\int_{s_f}^{m_N^2}\frac{(1-y)^2(1+2y)\,r_f(s)}
              {(s-m_{Z'}^2)^2+m_{Z'}^2\Gamma_{Z'}^2}\,ds, \qquad y = s/m_N^2, \qquad
              \Gamma(N\to\nu f) = \frac{\alpha\alpha_D|V_N|^2}{24\pi}\,m_N\,J_f ,

    with r_f the `pair_ratio` and s_f the threshold. For :math:`m_{Z'}\gg m_N` and massless electrons that is Eq. (9),
    for :math:`m_{Z'}<m_N` Eq. (10) times the branching ratio of Z′; the width of Z′ joins the two. Accurate
    to 1e-5, for hadrons to 1e-3.
    """
    given = {"m_N": m_N, "m_Zprime": m_Zprime, "epsilon": epsilon}
    fields = broadcast(**{name: real_numbers(name, x, 1e-30, 1e30) for name, x in given.items()})
    shape = fields[0].shape
    points, index = np.unique(np.stack([field.ravel() for field in fields]), axis=1, return_inverse=True)
    # The integral falls with the fourth power of m_Z′: beyond this it is no number any more.
    open_, found = (points[0] > min(CHANNELS.values())) & (points[1] < 1e50 * points[0]), {}
    parts = [_integrals(*some) for some in np.array_split(points[:, open_], 1 + open_.sum() // _CHUNK, axis=1)]
    for channel in CHANNELS:
        values = np.zeros(points.shape[1])
        values[open_] = np.concatenate([part[channel] for part in parts])
        found[channel] = values[index.reshape(shape)][()]
    return found


def _integrals(m_N: Array, m_Zprime: Array, epsilon: Array) -> dict[str, Array]:
    """`current_integrals` at points (n,)."""
    mixing = np.maximum(epsilon, SMALLEST_MIXING)
    x = m_Zprime / m_N  # all masses in units of m_N from here on
    width = mixing**2 * ALPHA_EM / 3 * total_ratio(m_Zprime**2) * x**2  # m_Z′ Γ_Z′
    pole = _Pole(x, (x - 1) * (x + 1), np.maximum(width, np.finfo(float).tiny))
    found = {f: pole.integral(m_N, f) for f in ("electrons", "muons")}
    found["hadrons"] = _hadronic(pole, m_N)
    # On its mass shell Z′ is made whatever its mixing, off it is not.
    scale = np.where(m_Zprime < m_N, mixing, epsilon) ** 2
    return {f: scale * integral for f, integral in found.items()}


class _Pole:
    """The propagator of Z′ in units of m_N: mass x, x² − 1, and x times the width, each (n,)."""

    def __init__(self, x: Array, above: Array, width: Array) -> None:
        self.x, self.above, self.width = x, above, width

    def integral(self, m_N: Array, channel: str, flat: bool = False) -> Array:
        """∫ (1−y)²(1+2y) r(s) / ((y−x²)² + width²) dy from the threshold up; with r = 1 if ``flat``."""
        lowest = np.minimum((CHANNELS[channel] / m_N) ** 2, 1.0)
        middle = np.clip(np.minimum(self.x**2, 1.0) / 2, lowest, 1.0)

        def ratio(y: Array) -> Any:
            return 1.0 if flat else pair_ratio(y * m_N[:, None] ** 2, channel)

        # Up to the middle in √ln(y/lowest), which takes the root at threshold away.
        reach = np.log(middle / lowest)[:, None]
        u = (np.arange(4)[:, None] + 0.5 + _NODES).ravel() / 4
        weights = np.tile(_WEIGHTS, 4) / 4
        y = lowest[:, None] * np.exp(reach * u**2)
        total = (weights * 2 * u * reach * y * self._shape(1 - y, y) * ratio(y) / self._distance_sq(y)).sum(axis=1)
        # From there in t, in which the pole has a width of one.
        x_sq, width = (self.x**2)[:, None], self.width[:, None]
        begin, end = np.arcsinh((middle - self.x**2) / self.width), np.arcsinh(-self.above / self.width)
        step = ((end - begin) / _PANELS.size)[:, None]
        t = begin[:, None] + step * (_PANELS[:, None] + _NODES).ravel()
        offset = width * np.sinh(t)
        kernel = self._shape(np.maximum(-self.above[:, None] - offset, 0.0), x_sq + offset) / (width * np.cosh(t))
        total += (step * np.tile(_WEIGHTS, _PANELS.size) * kernel * ratio(x_sq + offset)).sum(axis=1)
        return np.where(lowest < 1, total, 0.0)

    def between(self, y: Array) -> Array:
        """The integrand with r = 1 at y (n, k)."""
        return self._shape(1 - y, y) / self._distance_sq(y)

    @staticmethod
    def _shape(below_end: Array, y: Array) -> Array:
        return below_end**2 * (1 + 2 * y)

    def _distance_sq(self, y: Array) -> Array:
        return (y - self.x[:, None] ** 2) ** 2 + self.width[:, None] ** 2


def _hadronic(pole: _Pole, m_N: Array) -> Array:
    """R at the pole, or at the end, times the integral without it, and the rest from table entry to table entry."""
    total, chosen = np.zeros(m_N.shape), np.flatnonzero(m_N > CHANNELS["hadrons"])
    if not chosen.size:
        return total
    m_N, pole = m_N[chosen], _Pole(pole.x[chosen], pole.above[chosen], pole.width[chosen])
    reference = np.atleast_1d(pair_ratio(np.minimum(pole.x, 1.0) ** 2 * m_N**2, "hadrons"))[:, None]
    energy = _hadrons()[0]
    start = np.linspace(CHANNELS["hadrons"], energy[0], 4, endpoint=False)
    edges = np.minimum(np.concatenate([start, energy, [max(energy[-1], m_N.max())]]), m_N[:, None]) ** 2
    nodes, weights = (values / 2 for values in np.polynomial.legendre.leggauss(3))
    size = np.diff(edges, axis=1)[:, :, None]
    s = (edges[:, :-1, None] + size * (nodes + 0.5)).reshape(len(m_N), -1)
    y_weights = (size * weights).reshape(len(m_N), -1) / m_N[:, None] ** 2
    difference = pair_ratio(s, "hadrons") - reference
    rest = (y_weights * difference * pole.between(s / m_N[:, None] ** 2)).sum(axis=1)
    total[chosen] = reference[:, 0] * pole.integral(m_N, "hadrons", flat=True) + rest
    return total


@cache
def _hadrons() -> tuple[Array, Array]:
    """Energies in GeV and the ratio R there."""
    table = datasets.read("decays/r_ratio")
    return table["sqrt_s"].to_numpy() * GeV, table["R"].to_numpy()

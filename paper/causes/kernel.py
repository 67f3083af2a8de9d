r"""What the kernel of the authors' code makes of a rate: its norm, its smoothing, and the edge of what was sampled.

Begin with `smoothing`. On average their estimate at θ is

.. math:: 0.929\,\frac{2}{\pi}\int_{r<1} (1-r^2)\, f(\theta e^{h r})\, d^2r

over the part of the disc that was sampled, with h = 0.1 ln 10. The rate f at six points of the disc is that of the
same events, transported to these masses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_sh_jacobi

from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.experiment.detector import ND280
from darkpkg.experiment.experiment import T2K
from darkpkg.experiment.selection import Selection
from darkpkg.method.events import PlacedEvents
from darkpkg.method.generator import generate
from darkpkg.method.kernels import UNIFORM
from darkpkg.method.placing import place
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.smoothing import Smoothing
from darkpkg.method.transport import transport
from darkpkg.method.weights import kde_weight
from darkpkg.physics.model import BENCHMARK_B
from paper.causes import authors
from paper.causes.readings import Reading

Array = NDArray[np.float64]

__all__ = ["Smoothed", "disc", "gain", "inside", "smoothing"]

SEED = 2206
"""Of the samples over masses."""

_FAR = 1e6
"""Above every mass of a pair, in GeV."""

Decay = Callable[[PlacedEvents], PlacedEvents]

_REACH = 0.75 * authors.KERNEL_RADIUS
_EVERYWHERE = Smoothing((3.0, 3.0), UNIFORM, order=0, slope=None)


@dataclass(frozen=True, eq=False)
class Smoothed:
    """Factor on the rate of a channel, and its distribution over the bins."""

    factor: float
    shape: Array


def disc() -> tuple[Array, Array]:
    """Points (6, 2) of the unit disc and weights (6,) for the average with 1 − r², exact to the fourth order.

    The centre, and a pentagon around it at r² = 1/2 with 2/3 of the weight: averages of r² and r⁴ are 1/3 and 1/6.
    """
    phi = 2 * np.pi * np.arange(5) / 5 - np.pi / 10  # the line m_N = m_Z′ is far from its corners
    around = np.sqrt(0.5) * np.stack([np.cos(phi), np.sin(phi)], axis=1)
    return np.concatenate([np.zeros((1, 2)), around]), np.array([1 / 3, *np.full(5, 2 / 15)])


def inside(m_N: Array, m_Zprime: Array, mediator: str) -> NDArray[np.bool_]:
    """Whether masses are among those that the authors sampled."""
    (N_low, N_high), (Z_low, Z_high) = authors.RANGES[mediator]
    ordered = m_N < m_Zprime if mediator == "heavy" else m_N > m_Zprime
    return ordered & (N_low < m_N) & (m_N < N_high) & (Z_low < m_Zprime) & (m_Zprime < Z_high)


def gain(log_rate: Array, points: Array, m_N: float, m_Zprime: float) -> float:
    """Smoothed rate over the rate at the centre, without the norm.

    ``log_rate`` (k,) at ``points`` (k, 2) of the unit disc, of which the first is its centre; a polynomial of second
    order goes through them.
    """
    x, y = points.T
    terms = np.stack([np.ones_like(x), x, y, x**2, x * y, y**2], axis=1)
    coefficients = np.linalg.lstsq(terms, log_rate - log_rate[0], rcond=None)[0]
    r, w = roots_sh_jacobi(40, 2, 1)
    r, phi = np.sqrt(r)[:, None], 2 * np.pi * np.arange(120) / 120
    x, y = r * np.cos(phi), r * np.sin(phi)
    log_f = sum(c * t for c, t in zip(coefficients, (1.0, x, y, x**2, x * y, y**2), strict=True))
    h, mediator = authors.KERNEL_RADIUS, "light" if m_Zprime < m_N else "heavy"
    counted = inside(m_N * np.exp(h * x), m_Zprime * np.exp(h * y), mediator)
    return float(w / w.sum() @ (np.exp(log_f) * counted).mean(axis=1))


@lru_cache(maxsize=4)
def _region(m_N: float, m_Zprime: float, n_events: int) -> PlacedEvents:
    """Events around these masses, in ND280."""
    kind = "light" if m_Zprime < m_N else "heavy"
    reach = np.array([np.exp(-_REACH), np.exp(_REACH)])
    sampling = SamplingRange(tuple(m_N * reach), tuple(m_Zprime * reach), kind)
    events = generate(sampling, n_events, SEED, experiment=T2K, sequence="sobol")
    return place(events, ND280, SEED)


@lru_cache(maxsize=8)
def _moved(m_N: float, m_Zprime: float, n_events: int, x: float, y: float) -> PlacedEvents | None:
    """The same events at masses e^(h x), e^(h y) times larger; None beyond the line m_N = m_Z′."""
    h = authors.KERNEL_RADIUS
    theta = BENCHMARK_B.replace(m_N=m_N * np.exp(h * x), m_Zprime=m_Zprime * np.exp(h * y))
    region = _region(m_N, m_Zprime, n_events)
    if not region.origin.sampling.contains(theta.m_N, theta.m_Zprime):
        return None
    moved = transport(region, theta, _EVERYWHERE)
    # All events count alike at all points; integrals over so wide a kernel are good to 1 per cent only.
    level = float(kde_weight(region[[0]], theta, _EVERYWHERE)[0])
    return replace(moved, weight=moved.weight / level)


@lru_cache(maxsize=24)
def _decayed(decay: Decay, beam: str, *point: float) -> PlacedEvents | None:
    """Those of `_moved` in one beam, with their pairs as a reading has them."""
    events = _moved(*point)
    return None if events is None else decay(events[events.beam == beam])


def _spectrum(events: PlacedEvents, channel: Channel, selection: Selection, reading: Reading) -> Array:
    """Selected pairs in each bin, wherever N decays; of all N made on the nuclei of the modules that are looked at.

    Few vertices lie in an FGD, and pairs depend on the nucleus alone.
    """
    edges, n = selection.mass_edges, len(channel.observed)
    if edges and not reading.overflow:
        edges = (*edges, _FAR)  # what is above the last edge has a bin of its own, and is left out
    bins = replace(selection, vertex_modules=(), mass_edges=edges).bins(events)
    weight = events.weight * _number_of_nuclei(events, selection.vertex_modules)
    counted = (bins >= 0) & (bins < n)
    return np.bincount(bins[counted], weight[counted], n)


def _number_of_nuclei(events: PlacedEvents, modules: Sequence[str]) -> Array:
    """Nuclei of the kind of each event in some modules, or in all: (n,)."""
    names = modules or [module.name for module in ND280.modules]
    number = np.zeros(len(events))
    for symbol, nucleus in ND280.targets.items():
        number[events.target == nucleus.pdg_code] = sum(ND280[name].number_of_nuclei(symbol) for name in names)
    return number


def smoothing(
    m_N: float, m_Zprime: float, n_events: int, analysis: Analysis, reading: Reading
) -> tuple[Smoothed, ...]:
    """What becomes of the rate of each channel at masses in GeV, from ``n_events``.

    Decay lengths are those of the point: the kernel smooths what is selected.
    """
    return _smoothing(
        m_N, m_Zprime, n_events, analysis, replace(Reading(), **{f: getattr(reading, f) for f in _SELECTED_BY})
    )


_SELECTED_BY = ("cuts", "decay", "response", "overflow")
"""What a gain depends on, of a reading."""


@cache
def _smoothing(
    m_N: float, m_Zprime: float, n_events: int, analysis: Analysis, reading: Reading
) -> tuple[Smoothed, ...]:
    points, weights = disc()
    found = []
    for channel in analysis.channels:
        selection = reading.selection(channel.selection)
        about = (reading.decay, channel.beam, m_N, m_Zprime, n_events)
        moved = [_decayed(*about, *point.tolist()) for point in points]
        spectra = [None if e is None else _spectrum(e, channel, selection, reading) for e in moved]
        there = [i for i, spectrum in enumerate(spectra) if spectrum is not None and spectrum.sum() > 0]
        log_rate = np.log([spectra[i].sum() for i in there])
        shape = sum(weights[i] * spectra[i] for i in there)
        factor = authors.KERNEL_NORM * gain(log_rate, points[there], m_N, m_Zprime)
        found.append(Smoothed(factor, shape / shape.sum()))
    return tuple(found)

"""The weights of Fig. 8: from one simulated sample to the rate at any point of the parameter space.

Begin with `expected_events`. It sums over events the product of five weights, each a function here that can be looked
at on its own: `kde_weight` moves the masses, `coupling_weight` the couplings, `selection_weight` and
`lifetime_weight` say whether the decay is seen, and `exposure_weight` counts nuclei and protons.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.events import Events, PlacedEvents
from darkpkg.experiment.analysis import ARGON_CHAMBERS, Analysis, Channel
from darkpkg.experiment.selection import Selection
from darkpkg.method._compiled import kernel_sums
from darkpkg.method.generator import SamplingRange
from darkpkg.method.kernels import EPANECHNIKOV
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import DarkParameters

Array = NDArray[np.float64]

__all__ = [
    "Expectation",
    "FewEventsWarning",
    "PAPER_SMOOTHING",
    "SMOOTHING",
    "Share",
    "Smoothing",
    "coupling_weight",
    "decay_acceptance",
    "expected_events",
    "expected_events_at_lifetime",
    "expected_upscatterings",
    "exposure_weight",
    "kde_weight",
    "lifetime_weight",
    "selection_efficiency",
    "selection_weight",
]


@dataclass(frozen=True)
class Smoothing:
    r"""How a sample is smoothed over the masses.

    ``bandwidth`` δ of the kernel in (ln m_N, ln m_Z′), and where the mass density q is taken: at each event, as in
    Eq. (25), or, if ``levelled``, at the point θ of the prediction. As σ q is about constant by the choice of q, the
    levelled average :math:`\frac{1}{q(\theta)}\sum_i w_i K_i` smooths something flat, where Eq. (25) smooths the
    steep σ itself: it has less bias and less variance, and stands a wider kernel.
    """

    bandwidth: tuple[float, float] = (0.15, 0.6)
    levelled: bool = True

    def __post_init__(self) -> None:
        if not all(0 < h < np.inf for h in self.bandwidth):
            raise ValueError(f"bandwidth must be positive, got {self.bandwidth}")


SMOOTHING = Smoothing()
"""The default."""

PAPER_SMOOTHING = Smoothing((0.005, 0.005), levelled=False)
"""The settings that the text of the paper gives."""

FEW_EVENTS = 10
"""Below so many effective events a prediction comes with a warning."""


class FewEventsWarning(UserWarning):
    """A prediction rests on few simulated events."""


@dataclass(frozen=True, eq=False)
class Expectation:
    """Expected events and how well the simulation knows them, each of shape θ.shape + (bins,).

    ``mean`` is the expectation in each bin of each channel, ``variance`` = Σw² the square of its statistical error,
    and ``n_effective`` = (Σw)²/Σw² the number of unweighted events that would know it as well.
    """

    mean: Array
    variance: Array

    @property
    def n_effective(self) -> Array:
        """(Σw)²/Σw²; zero where no event counts."""
        return np.divide(self.mean**2, self.variance, out=np.zeros(self.mean.shape), where=self.variance > 0)

    @property
    def error(self) -> Array:
        """Statistical error of the mean, √Σw²."""
        return np.sqrt(self.variance)

    def in_channels(self, analysis: Analysis) -> Expectation:
        """Sums over the bins of each channel of ``analysis``: shape θ.shape + (channels,)."""
        begins = [analysis.bins_of(channel.name).start for channel in analysis.channels]
        return Expectation(*(np.add.reduceat(a, begins, axis=-1) for a in (self.mean, self.variance)))


@dataclass(frozen=True)
class Share:
    """A weighted mean, its statistical error, and the effective number of events behind it."""

    mean: float
    error: float
    n_effective: float

    @classmethod
    def of(cls, values: ArrayLike, weights: Array) -> Share:
        """The mean of ``values`` with ``weights``; its error is that of a ratio of two sums over the same events.

        Raises `ValueError` if no event has a weight.
        """
        values, total = np.asarray(values, dtype=float), float(weights.sum())
        if not total > 0:
            raise ValueError(f"a share needs events with a weight, got {len(weights)} events of total weight {total}")
        mean = float(weights @ values) / total
        error = float(np.sqrt(((weights * (values - mean)) ** 2).sum())) / total
        return cls(mean, error, total**2 / float((weights**2).sum()))


def kde_weight(events: Events, parameters: DarkParameters, smoothing: Smoothing = SMOOTHING) -> Array:
    """K(d(θ, θ_i), δ) / q, Eq. (25): (n,) weights at one point θ.

    The distance is logarithmic, in (ln m_N, ln m_Z′); q is taken at θ, or at θ_i as the paper does (see
    `Smoothing`). A kernel that an edge of the sampled region cuts is divided by its share inside. The weight is one
    for a sample at fixed masses.

    Raises `ValueError` that names parameter, value and range if θ lies outside the sampled region.
    """
    sampling = sampling_range(events)
    m_N, m_Zprime = float(parameters.m_N), float(parameters.m_Zprime)
    _check_range(sampling, m_N, m_Zprime)
    if sampling.is_fixed:
        return np.ones(len(events))
    difference = np.log(np.stack([events.m_N / m_N, events.m_Zprime / m_Zprime], axis=-1))
    inside = _share_inside(sampling, np.log([m_N]), np.log([m_Zprime]), smoothing)
    q = sampling.q(m_N, m_Zprime) if smoothing.levelled else sampling.q(events.m_N, events.m_Zprime)
    return EPANECHNIKOV(difference, smoothing.bandwidth) / inside / q


def coupling_weight(events: Events, parameters: DarkParameters) -> Any:
    """|V_μN|² α_D ε² over its value at generation, Eq. (26); of θ's shape.

    Raises `ValueError` if θ has another kind of N, Dirac or Majorana, than the simulation: the events know.
    """
    generated = events.provenance["couplings"]
    if generated["is_majorana"] != parameters.is_majorana:
        kinds = {True: "Majorana", False: "Dirac"}
        raise ValueError(
            f"these events are decays of a {kinds[generated['is_majorana']]} N and cannot answer for a "
            f"{kinds[parameters.is_majorana]} N: generate them with couplings=parameters"
        )
    return parameters.coupling / (generated["V_muN_sq"] * generated["alpha_D"] * generated["epsilon"] ** 2)


def selection_weight(events: PlacedEvents, selection: Selection) -> Array:
    """Efficiency of the selection for events that it puts into some bin, zero for the others: (n,)."""
    return np.where(selection.bins(events) >= 0, selection.efficiency, 0.0)


def lifetime_weight(
    events: PlacedEvents, ctau: float, m_N: float | None = None, *, modules: Sequence[str] = ARGON_CHAMBERS
) -> Array:
    r"""Probability that N decays inside the fiducial boxes of ``modules``, Eq. (27): (n,), for a cτ⁰ in cm.

    .. math:: w = \sum_j \left(e^{-a_j/\beta\gamma c\tau^0} - e^{-b_j/\beta\gamma c\tau^0}\right), \qquad
              \beta\gamma = |\vec p_N|/m_N,

    with the distances a_j, b_j at which N enters and leaves box j. ``m_N`` defaults to the mass of each event.
    For a prediction at θ it is θ's: the decay length in the laboratory goes like 1/m_N, and a kernel would smear it.
    """
    _check_lifetime(ctau)
    columns = events.columns_of(modules)
    rate = (events.m_N if m_N is None else m_N) / (momentum(events.p_N) * ctau)
    entry = rate[:, None] * events.entry[:, columns]
    depth = rate[:, None] * events.exit[:, columns] - entry
    return (np.exp(-entry) * -np.expm1(-depth)).sum(axis=-1)


def exposure_weight(events: PlacedEvents, channel: Channel) -> Array:
    """Number of target nuclei times protons on target, Eq. (28), for events of the channel's beam, else zero."""
    nuclei = np.zeros(len(events))
    for code, number in events.number_of_targets.items():
        nuclei[events.target == code] = number
    return np.where(events.beam == channel.beam, nuclei * channel.pot, 0.0)


def expected_events(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing = SMOOTHING
) -> Expectation:
    """Expected signal in each bin of ``analysis`` at each point θ, Eq. (24).

    Each channel of the analysis looks at the events with its own selection.

    Parameters
    ----------
    events
        Output of `place`, sampled over masses or at fixed masses (then θ must have just these).
    parameters
        One point or many; they broadcast.
    smoothing
        Bandwidth and kind of average over the masses.

    Returns
    -------
    Expectation
        Arrays of shape θ.shape + (bins,), channel by channel.

    Raises `ValueError` outside the sampled region, and warns (`FewEventsWarning`) where fewer than `FEW_EVENTS`
    effective events remain.
    """
    return _sum(events, parameters, analysis, smoothing, np.asarray(parameters.proper_decay_length()))


def expected_events_at_lifetime(
    events: PlacedEvents,
    parameters: DarkParameters,
    analysis: Analysis,
    ctau: ArrayLike,
    smoothing: Smoothing = SMOOTHING,
) -> Expectation:
    """As `expected_events`, with a free proper decay length ``ctau`` (cm) that broadcasts against θ's shape."""
    ctau = np.asarray(ctau, dtype=float)
    _check_lifetime(ctau)
    return _sum(events, parameters, analysis, smoothing, ctau)


def expected_upscatterings(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing = SMOOTHING
) -> Expectation:
    """As `expected_events`, before asking that N decays in a decay volume: selection and efficiency only."""
    return _sum(events, parameters, analysis, smoothing, None)


def selection_efficiency(events: PlacedEvents, analysis: Analysis, ctau: float | None = None) -> Share:
    """Share of N that the selection of ``analysis`` takes, without its flat efficiency.

    That is the share whose pair passes the cuts and, where the selection asks for them, whose vertex lies in its
    modules. N are counted as they are made in the exposure of the analysis; with ``ctau`` (cm), only so far as they
    decay in its decay volumes. Slice the events for one material: ``events[events.target == …]``. The masses are
    those of the events, so that a sample at fixed masses is needed for one point.
    """
    parts = []
    for channel in analysis.channels:
        weight = events.weight * exposure_weight(events, channel)
        if ctau is not None:
            weight = weight * lifetime_weight(events, ctau, modules=channel.selection.decay_modules)
        parts.append((weight, channel.selection.bins(events) >= 0))
    return Share.of(np.concatenate([value for _, value in parts]), np.concatenate([weight for weight, _ in parts]))


def decay_acceptance(events: PlacedEvents, analysis: Analysis, ctau: float) -> Share:
    """Share of N, as made in the exposure of ``analysis``, that decay in its decay volumes, for cτ⁰ in cm.

    The geometrical acceptance of Fig. 4: no cut is asked for.
    """
    parts = [
        (
            events.weight * exposure_weight(events, channel),
            lifetime_weight(events, ctau, modules=channel.selection.decay_modules),
        )
        for channel in analysis.channels
    ]
    return Share.of(np.concatenate([value for _, value in parts]), np.concatenate([weight for weight, _ in parts]))


def _check_lifetime(ctau: ArrayLike) -> None:
    if not np.all(np.asarray(ctau) > 0):
        raise ValueError(f"ctau must be positive, got {np.min(ctau)}")


def sampling_range(events: Events) -> SamplingRange:
    """The region of masses that ``events`` were sampled from, out of their provenance."""
    return SamplingRange(**events.provenance["sampling"])


@dataclass(frozen=True)
class _Sample:
    """Selected events with all weights that do not depend on θ, ordered for `kernel_sums`."""

    ln_m_N: Array
    ln_m_Zprime: Array
    base: Array
    column: NDArray[np.int64]
    begin: Array
    width: Array
    strip_edges: Array
    strip_starts: NDArray[np.int64]


_samples: weakref.WeakKeyDictionary[PlacedEvents, dict[Any, _Sample]] = weakref.WeakKeyDictionary()


def _sample(events: PlacedEvents, channels: tuple[Channel, ...], levelled: bool) -> _Sample:
    """The sample as `_prepare` orders it, remembered as long as ``events`` live, whatever channels are called."""
    known = _samples.setdefault(events, {})
    key = tuple((channel.beam, channel.pot, channel.selection) for channel in channels), levelled
    if key not in known:
        known[key] = _prepare(events, channels, levelled)
    return known[key]


def _prepare(events: PlacedEvents, channels: tuple[Channel, ...], levelled: bool) -> _Sample:
    """Events in the bins of channels that share a selection, each with a beam of its own."""
    selection = channels[0].selection
    exposure = np.stack([exposure_weight(events, channel) for channel in channels])
    bins = selection.bins(events)
    base = np.where(bins >= 0, events.weight * selection.efficiency * exposure.sum(axis=0), 0.0)
    if not levelled:
        base /= sampling_range(events).q(events.m_N, events.m_Zprime)
    chosen = np.flatnonzero(base > 0)
    chosen = chosen[np.argsort(events.m_N[chosen], kind="stable")]
    starts = np.linspace(0, len(chosen), int(np.sqrt(len(chosen))) + 2).astype(np.int64)
    strip = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    edges = events.m_N[chosen[np.minimum(starts[:-1], len(chosen) - 1)]] if len(chosen) else np.ones(len(starts) - 1)
    chosen = chosen[np.lexsort((events.m_Zprime[chosen], strip))]
    inverse_momentum = 1 / momentum(events.p_N[chosen])[:, None]
    columns = np.ix_(chosen, events.columns_of(selection.decay_modules))
    return _Sample(
        ln_m_N=np.log(events.m_N[chosen]),
        ln_m_Zprime=np.log(events.m_Zprime[chosen]),
        base=base[chosen],
        column=exposure[:, chosen].argmax(axis=0) * selection.n_bins + bins[chosen],
        begin=events.entry[columns] * inverse_momentum,
        width=(events.exit[columns] - events.entry[columns]) * inverse_momentum,
        strip_edges=np.log(edges),
        strip_starts=starts,
    )


def _groups(analysis: Analysis) -> list[tuple[Channel, ...]]:
    """Channels that can be summed in one go: those of a group share a selection, and have beams of their own."""
    groups: list[list[Channel]] = []
    for channel in analysis.channels:
        for group in groups:
            if group[0].selection == channel.selection and channel.beam not in [other.beam for other in group]:
                group.append(channel)
                break
        else:
            groups.append([channel])
    return [tuple(group) for group in groups]


def _sum(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing, ctau: Array | None
) -> Expectation:
    if not isinstance(events, PlacedEvents):
        raise TypeError("events must be placed in a detector first: darkpkg.place(events, darkpkg.ND280, seed=…)")
    sampling = sampling_range(events)
    _check_range(sampling, parameters.m_N, parameters.m_Zprime)
    shape = np.broadcast_shapes(parameters.shape, np.shape(ctau))
    m_N, m_Zprime, factor = (
        np.broadcast_to(a, shape).ravel()
        for a in (parameters.m_N, parameters.m_Zprime, coupling_weight(events, parameters))
    )
    x, y, h = np.log(m_N), np.log(m_Zprime), np.array(smoothing.bandwidth)
    norm = EPANECHNIKOV.norm / h.prod()
    if sampling.is_fixed:
        h, norm = np.full(2, np.inf), 1.0
    else:
        factor = factor / _share_inside(sampling, x, y, smoothing)
        factor /= sampling.q(m_N, m_Zprime) if smoothing.levelled else 1.0
    rate = np.zeros(x.size) if ctau is None else np.broadcast_to(parameters.m_N / ctau, shape).ravel()
    sums = np.empty((x.size, len(analysis.observed), 2))
    for channels in _groups(analysis):
        sample = _sample(events, channels, smoothing.levelled)
        own = np.zeros((x.size, len(channels) * channels[0].selection.n_bins, 2))
        kernel_sums(
            x, y, rate, h, norm, sample.strip_edges, sample.strip_starts, sample.ln_m_N, sample.ln_m_Zprime,
            sample.base, sample.column, sample.begin, sample.width, ctau is None, own,
        )  # fmt: skip
        for channel, bins in zip(channels, np.split(own, len(channels), axis=1), strict=True):
            sums[:, analysis.bins_of(channel.name)] = bins
    bins = (*shape, sums.shape[1])
    mean, variance = sums[..., 0] * factor[:, None], sums[..., 1] * factor[:, None] ** 2
    expectation = Expectation(mean.reshape(bins), variance.reshape(bins))
    _warn_if_few(expectation.in_channels(analysis), m_N.reshape(shape), m_Zprime.reshape(shape))
    return expectation


def _check_range(sampling: SamplingRange, m_N: ArrayLike, m_Zprime: ArrayLike) -> None:
    m_N, m_Zprime = np.asarray(m_N, dtype=float), np.asarray(m_Zprime, dtype=float)
    for name, values, (low, high) in (("m_N", m_N, sampling.m_N), ("m_Zprime", m_Zprime, sampling.m_Zprime)):
        outside = (values < low * (1 - 1e-12)) | (values > high * (1 + 1e-12))
        if np.any(outside):
            value = float(np.extract(outside, values)[0])
            raise ValueError(f"{name} = {value:g} GeV lies outside the sampled range, {low:g} to {high:g} GeV")
    wrong_side = np.less(m_Zprime, m_N) != sampling.is_light
    if not sampling.is_fixed and np.any(wrong_side):
        rule = "below m_N" if sampling.is_light else "at least m_N"
        raise ValueError(f"m_Zprime must be {rule} everywhere: the sample is of a {sampling.mediator} mediator")


def _share_inside(sampling: SamplingRange, x: Array, y: Array, smoothing: Smoothing) -> Array:
    """Share of the kernel that lies in the sampled region, for each of many points, each mass point once."""
    centres, index = np.unique(np.stack([x, y], axis=-1), axis=0, return_inverse=True)
    corners = centres[:, None, :] + smoothing.bandwidth * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    cut = ~sampling.contains(*np.exp(np.moveaxis(corners, -1, 0))).all(axis=-1)
    share = np.ones(len(centres))
    share[cut] = EPANECHNIKOV.mass_inside(
        centres[cut], smoothing.bandwidth, lambda p: sampling.contains(*np.exp(np.moveaxis(p, -1, 0)))
    )
    return share[index.reshape(-1)]


def _warn_if_few(expectation: Expectation, m_N: Array, m_Zprime: Array) -> None:
    fewest = expectation.n_effective.min(axis=-1)
    few = fewest < FEW_EVENTS
    if np.any(few):
        worst = np.unravel_index(np.argmin(fewest), fewest.shape)
        warnings.warn(
            f"only {fewest[worst]:.1f} effective events near m_N = {m_N[worst]:g} GeV, "
            f"m_Zprime = {m_Zprime[worst]:g} GeV ({few.sum()} of {few.size} points have fewer than {FEW_EVENTS}): "
            "simulate more or widen the bandwidth",
            FewEventsWarning,
            stacklevel=4,
        )

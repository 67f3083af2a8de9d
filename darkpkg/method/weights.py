"""The weights of Fig. 8: from one simulated sample to the rate at any point of the parameter space.

Begin with `expected_events`. It sums over events the product of five weights, each a function here that can be looked
at on its own: `kde_weight` moves the masses, `coupling_weight` the couplings, `selection_weight` and
`lifetime_weight` say whether the decay is seen, and `exposure_weight` counts nuclei and protons.
"""

from __future__ import annotations

import functools
import warnings
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.experiment.analysis import ARGON_CHAMBERS, Analysis, Channel
from darkpkg.experiment.selection import Selection
from darkpkg.experiment.volumes import volume_of
from darkpkg.inputs import check_kinds, one_of, real_number, real_numbers, tuple_of
from darkpkg.method.events import Events, PlacedEvents
from darkpkg.method.expectation import FEW_EVENTS, Expectation, FewEventsWarning, Share
from darkpkg.method.flights import flight_polygons
from darkpkg.method.generator import REPLICATES
from darkpkg.method.kernels import KERNELS, Inside, Kernel
from darkpkg.method.loops import decay_probabilities, kernel_sums
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.smoothing import SMOOTHING, WIDER, Smoothing, asymptotic_factor, cross_validation_scores
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import DarkParameters
from darkpkg.units import cm

Array = NDArray[np.float64]

__all__ = [
    "choose_bandwidth",
    "coupling_weight",
    "decay_acceptance",
    "detected_weight",
    "expected_events",
    "expected_events_at_lifetime",
    "expected_upscatterings",
    "exposure_weight",
    "kde_weight",
    "lifetime_weight",
    "produced_weight",
    "selected_weight",
    "selection_efficiency",
    "selection_weight",
]

_KINDS = {"epanechnikov": 0, "uniform": 1, "gaussian": 2}


def kde_weight(events: Events, parameters: DarkParameters, smoothing: Smoothing = SMOOTHING) -> Array:
    r"""K(d(θ, θ_i), δ) / q, Eq. (25): (n,) weights at one point θ.

    The distance d is logarithmic, in (ln m_N, ln m_Z′). Beyond Eq. (25) the weight has the factors that `Smoothing`
    asks for: a slope g(θ)/g(θ_i), which for ``"density"`` turns q(θ_i) into q(θ), and the coefficients that make up
    for the part of the kernel that an edge of the sampled region cuts. It is one for a sample at fixed masses.

    Raises `ValueError` that names parameter, value and range if θ lies outside the sampled region.
    """
    check_kinds(events=(events, Events), smoothing=(smoothing, Smoothing))
    _check_point(parameters)
    return kde_weight_of_masses(
        sampling_range(events), np.stack([events.m_N, events.m_Zprime], axis=-1), parameters, smoothing
    )


def kde_weight_of_masses(
    sampling: SamplingRange, masses: Array, parameters: DarkParameters, smoothing: Smoothing
) -> Array:
    """`kde_weight` of events with ``masses`` (n, 2) out of a sample over ``sampling``."""
    point = np.array([float(parameters.m_N), float(parameters.m_Zprime)])
    _check_range(sampling, *point)
    _check_smoothing(smoothing)
    if sampling.is_fixed:
        return np.ones(len(masses))
    difference = np.log(masses / point)
    h = smoothing.bandwidths((), 2)
    c_0, *c = _coefficients(sampling, np.log(point)[None], h[None], smoothing)[0]
    level = _level(sampling, point, smoothing) / _level(sampling, masses, smoothing)
    kernel = smoothing.kernel(difference, h) * (c_0 + difference / h @ np.array(c))
    return kernel * level / sampling.q(*masses.T)


def coupling_weight(events: Events, parameters: DarkParameters) -> Any:
    """|V_μN|² α_D ε² over its value at generation, Eq. (26), times the share of N that decay to e⁺e⁻; of θ's shape.

    Only decays to e⁺e⁻ are simulated: muons and hadrons take the rest (`DarkParameters.pair_branching_ratio`), above
    211 MeV and unless ``parameters.decays`` is ``"paper"``. Raises `ValueError` if θ has another kind of N, Dirac or
    Majorana, than the simulation.
    """
    check_kinds(events=(events, Events), parameters=(parameters, DarkParameters))
    generated = events.provenance["couplings"]
    if generated["is_majorana"] != parameters.is_majorana:
        kinds = {True: "Majorana", False: "Dirac"}
        raise ValueError(
            f"these events are decays of a {kinds[generated['is_majorana']]} N and cannot answer for a "
            f"{kinds[parameters.is_majorana]} N: generate them with couplings=parameters"
        )
    at_generation = generated["V_muN_sq"] * generated["alpha_D"] * generated["epsilon"] ** 2
    return parameters.coupling * parameters.pair_branching_ratio() / at_generation


def selection_weight(events: PlacedEvents, selection: Selection) -> Array:
    """Efficiency of the selection for events that it puts into some bin, zero for the others: (n,)."""
    check_kinds(events=(events, PlacedEvents), selection=(selection, Selection))
    return np.where(selection.bins(events) >= 0, selection.efficiency, 0.0)


def lifetime_weight(
    events: PlacedEvents,
    ctau: float,
    m_N: float | None = None,
    *,
    ctau_Zprime: float = 0.0,
    m_Zprime: float | None = None,
    modules: Sequence[str] = ARGON_CHAMBERS,
) -> Array:
    r"""Probability that the pair appears inside the fiducial boxes of ``modules``, Eq. (27): (n,), for a cτ⁰ in cm.

    .. math:: w = \sum_j \left(e^{-a_j/\beta\gamma c\tau^0} - e^{-b_j/\beta\gamma c\tau^0}\right), \qquad
              \beta\gamma = |\vec p_N|/m_N,

    with the distances a_j, b_j at which N enters and leaves box j. If N decays to an on-shell Z′ with the proper
    decay length ``ctau_Zprime`` (cm), the pair appears where Z′ decays, at the end of a second flight along the
    momentum of Z′,

    .. math:: w = \sum_j \int\!\!\int_{\text{end in box } j} e^{-x/\lambda_N-y/\lambda_{Z'}}\,
              \frac{dx\,dy}{\lambda_N\lambda_{Z'}} ,

    exactly, over the polygon of lengths x and y. ``m_N`` and ``m_Zprime`` default to the masses of each event. For a
    prediction at θ they are θ's: the decay length in the laboratory goes like 1/m, and a kernel would smear it.
    """
    check_kinds(events=(events, PlacedEvents))
    modules = tuple_of("modules", modules, str)
    ctau, flight = float(_lifetime(real_number("ctau", ctau))), real_number("ctau_Zprime", ctau_Zprime, 0.0)
    rate = _decay_rate(events.m_N if m_N is None else real_number("m_N", m_N, positive=True), ctau)
    if flight > 0:
        own = events.m_Zprime if m_Zprime is None else real_number("m_Zprime", m_Zprime, positive=True)
        rates = rate, _decay_rate(own, flight)
        probability = np.empty(len(events))
        decay_probabilities(
            *(np.broadcast_to(r, len(events)) for r in rates), *_flights(events, modules), probability
        )
        return probability
    columns = events.columns_of(modules)
    rate = rate / momentum(events.p_N)
    entry = rate[:, None] * events.entry[:, columns]
    depth = rate[:, None] * events.exit[:, columns] - entry
    return (np.exp(-entry) * -np.expm1(-depth)).sum(axis=-1)


LARGEST_RATE = 1e100 / cm
"""In GeV: what decays faster decays where it is made, and this leaves room for products of rates."""


def _decay_rate(mass: ArrayLike, ctau: ArrayLike) -> Array:
    """m/cτ⁰ in GeV/cm: over the momentum, the probability to decay per length."""
    with np.errstate(over="ignore", divide="ignore"):
        return np.minimum(np.divide(mass, ctau), LARGEST_RATE)


def _decay_rates(parameters: DarkParameters, ctau: ArrayLike) -> tuple[Array, Array]:
    """`_decay_rate` of N and of an on-shell Z′, infinite where none flies."""
    flight = np.asarray(parameters.mediator_decay_length())
    of_Z = np.where(flight > 0, _decay_rate(parameters.m_Zprime, flight), np.inf)
    return _decay_rate(parameters.m_N, ctau), of_Z


def _flights(events: PlacedEvents, modules: Sequence[str]) -> tuple[NDArray[np.int64], Array]:
    """Polygons of the flights of N and Z′ that end in the fiducial volumes of ``modules``: see `flight_polygons`."""
    known = events.provenance["detector"]["fiducial_boxes"]
    volumes = [volume_of(known[column]) for column in events.columns_of(modules)]
    p_Z = events.p_electron + events.p_positron
    return flight_polygons(events.vertex, events.p_N[:, 1:], p_Z[:, 1:], volumes)


def exposure_weight(events: PlacedEvents, channel: Channel) -> Array:
    """Number of target nuclei times protons on target, Eq. (28), for events of the channel's beam, else zero."""
    check_kinds(events=(events, PlacedEvents), channel=(channel, Channel))
    nuclei = np.zeros(len(events))
    for code, number in events.number_of_targets.items():
        nuclei[events.target == code] = number
    return np.where(events.beam == channel.beam, nuclei * channel.pot, 0.0)


def produced_weight(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing = SMOOTHING
) -> Array:
    """N at the point θ that are produced in the exposure of ``analysis``: (n,), of any vertex, pair and lifetime.

    Where several channels have the same beam, an event counts in each, as in the sum of their expectations.

    Raises `ValueError` if θ is not a single point, and as `kde_weight` and `coupling_weight` do.
    """
    check_types(events, parameters, analysis, smoothing)
    exposure = sum(exposure_weight(events, channel) for channel in analysis.channels)
    return _weight_at(events, parameters, smoothing) * exposure


def selected_weight(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing = SMOOTHING
) -> Array:
    """`produced_weight` of what each channel selects, with its efficiency, wherever N decays: (n,).

    Their sum is that of `expected_upscatterings` over all bins.
    """
    check_types(events, parameters, analysis, smoothing)
    return _weight_at(events, parameters, smoothing) * sum(_selected_exposures(events, analysis).values())


def detected_weight(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing = SMOOTHING
) -> Array:
    """`selected_weight` times the probability of a decay in the decay volumes of each channel: (n,).

    Lifetime and boost are those at θ. Their sum is that of `expected_events` over all bins.
    """
    check_types(events, parameters, analysis, smoothing)
    weight = _weight_at(events, parameters, smoothing)
    return weight * sum(
        exposure * lifetime_weight(events, **flights_at(parameters), modules=selection.decay_modules)
        for selection, exposure in _selected_exposures(events, analysis).items()
    )


def flights_at(parameters: DarkParameters) -> dict[str, float]:
    """What `lifetime_weight` needs of one point θ: lifetimes and masses of N and Z′."""
    return {
        "ctau": float(parameters.proper_decay_length()),
        "m_N": float(parameters.m_N),
        "ctau_Zprime": float(parameters.mediator_decay_length()),
        "m_Zprime": float(parameters.m_Zprime),
    }


def _weight_at(events: PlacedEvents, parameters: DarkParameters, smoothing: Smoothing) -> Array:
    """Weights (n,) at one point for one nucleus and one proton on target."""
    _check_point(parameters)
    return events.weight * coupling_weight(events, parameters) * kde_weight(events, parameters, smoothing)


def _selected_exposures(events: PlacedEvents, analysis: Analysis) -> dict[Selection, Array]:
    """Exposure times efficiency (n,) of what each selection of ``analysis`` takes, over its channels."""
    exposures: dict[Selection, Array] = {}
    for channel in analysis.channels:
        exposures[channel.selection] = exposures.get(channel.selection, 0.0) + exposure_weight(events, channel)
    return {selection: exposure * selection_weight(events, selection) for selection, exposure in exposures.items()}


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
    check_types(events, parameters, analysis, smoothing)
    return _sum(events, parameters, analysis, smoothing, np.asarray(parameters.proper_decay_length()))


def expected_events_at_lifetime(
    events: PlacedEvents,
    parameters: DarkParameters,
    analysis: Analysis,
    ctau: ArrayLike,
    smoothing: Smoothing = SMOOTHING,
) -> Expectation:
    """As `expected_events`, with a free proper decay length ``ctau`` (cm) of N that broadcasts against θ's shape."""
    check_types(events, parameters, analysis, smoothing)
    return _sum(events, parameters, analysis, smoothing, _lifetime(ctau))


def expected_upscatterings(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing = SMOOTHING
) -> Expectation:
    """As `expected_events`, before asking that N decays in a decay volume: selection and efficiency only."""
    return _sum(events, parameters, analysis, smoothing, None)


def choose_bandwidth(
    events: PlacedEvents,
    parameters: DarkParameters,
    analysis: Analysis,
    smoothing: Smoothing = SMOOTHING,
    *,
    rule: str = "asymptotic",
    per_point: bool = False,
) -> Smoothing:
    """The bandwidth of smallest mean squared error for the events of ``analysis`` at ``parameters``, by a rule.

    Parameters
    ----------
    events, parameters, analysis
        As in `expected_events`; the number that matters is that of all bins together.
    smoothing
        Where to begin: kernel, order and slope stay, and bandwidths between a quarter and four times of its own are
        tried.
    rule
        ``"asymptotic"`` weighs the bias that a pilot with twice the bandwidth shows against its variance
        (`asymptotic_factor`). ``"cross-validation"`` predicts each event from the others
        (`cross_validation_scores`), with a bandwidth of its own for each of the two masses if it is one for all
        points.
    per_point
        Whether each point has its own bandwidth, or all have the same.

    Returns
    -------
    Smoothing
        To be given to `expected_events`; with ``per_point`` it fits these parameters only.
    """
    check_types(events, parameters, analysis, smoothing)
    check_kinds(per_point=(per_point, bool))
    if one_of("rule", rule, ("asymptotic", "cross-validation")) == "asymptotic":
        pilot = smoothing.scaled(2.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FewEventsWarning)
            expectation = expected_events(events, parameters, analysis, pilot).total()
        return pilot.scaled(asymptotic_factor(expectation, 2, per_point=per_point))
    return _cross_validated(events, parameters, analysis, smoothing, per_point)


def selection_efficiency(
    events: PlacedEvents, analysis: Analysis, ctau: float | None = None, *, ctau_Zprime: float = 0.0
) -> Share:
    """Share of N that the selection of ``analysis`` takes, without its flat efficiency.

    That is the share whose pair passes the cuts and, where the selection asks for them, whose vertex lies in its
    modules. N are counted as they are made in the exposure of the analysis; with ``ctau`` (cm), only so far as the
    pair appears in its decay volumes, an on-shell Z′ having the proper decay length ``ctau_Zprime`` (cm). Slice the
    events for one material: ``events[events.target == …]``. The masses are those of the events, so that a sample at
    fixed masses is needed for one point.
    """
    check_kinds(events=(events, PlacedEvents), analysis=(analysis, Analysis))
    parts = []
    for channel in analysis.channels:
        weight = events.weight * exposure_weight(events, channel)
        if ctau is not None:
            volumes = channel.selection.decay_modules
            weight = weight * lifetime_weight(events, ctau, ctau_Zprime=ctau_Zprime, modules=volumes)
        parts.append((weight, channel.selection.bins(events) >= 0))
    return Share.of(np.concatenate([value for _, value in parts]), np.concatenate([weight for weight, _ in parts]))


def decay_acceptance(events: PlacedEvents, analysis: Analysis, ctau: float, *, ctau_Zprime: float = 0.0) -> Share:
    """Share of N, as made in the exposure of ``analysis``, whose pair appears in its decay volumes, for cτ⁰ in cm.

    ``ctau_Zprime`` (cm) is that of an on-shell Z′.

    The geometrical acceptance of Fig. 4: no cut is asked for.
    """
    check_kinds(events=(events, PlacedEvents), analysis=(analysis, Analysis))
    parts = [
        (
            events.weight * exposure_weight(events, channel),
            lifetime_weight(events, ctau, ctau_Zprime=ctau_Zprime, modules=channel.selection.decay_modules),
        )
        for channel in analysis.channels
    ]
    return Share.of(np.concatenate([value for _, value in parts]), np.concatenate([weight for weight, _ in parts]))


def _lifetime(ctau: ArrayLike) -> Array:
    """cτ⁰ in cm, as an array of positive numbers; infinite where N does not decay."""
    lengths = real_numbers("ctau", ctau)
    if not np.all(lengths > 0):
        raise ValueError(f"ctau must be positive, got {lengths.min()}")
    return lengths


def _check_smoothing(smoothing: Smoothing) -> None:
    if KERNELS.get(smoothing.kernel.name) != smoothing.kernel:
        raise ValueError(
            f"kernel must be one of {', '.join(KERNELS)} for events, got {smoothing.kernel!r}: "
            "darkpkg.reweight takes any kernel"
        )
    if not np.all(smoothing.log):
        raise ValueError(f"log must be True for events, whose masses are smoothed in logarithms, got {smoothing.log}")


def sampling_range(events: Events) -> SamplingRange:
    """The region of masses that ``events`` were sampled from, out of their provenance."""
    sampling = events.provenance.get("sampling")
    if sampling is None:
        raise ValueError("provenance of events must hold sampling, as those of darkpkg.generate do")
    try:
        return SamplingRange(**sampling)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sampling in the provenance of events is none: {error}") from error


@dataclass(frozen=True)
class _Sample:
    """Selected events with all weights that do not depend on θ, ordered for `kernel_sums`."""

    ln_m_N: Array
    ln_m_Zprime: Array
    base: Array
    column: NDArray[np.int64]
    begin: Array
    width: Array
    corner_starts: NDArray[np.int64]
    corners: Array
    strip_edges: Array
    strip_starts: NDArray[np.int64]


_samples: weakref.WeakKeyDictionary[PlacedEvents, dict[Any, _Sample]] = weakref.WeakKeyDictionary()
KEPT_SAMPLES = 4
"""Selections of one sample that are remembered: as many as two analyses have with two beams each."""


def _sample(
    events: PlacedEvents, channels: tuple[Channel, ...], smoothing: Smoothing, with_flights: bool = False
) -> _Sample:
    """The sample as `_prepare` orders it, the last few remembered as long as ``events`` live.

    The names of channels do not matter.
    """
    known = _samples.setdefault(events, {})
    key = tuple((channel.beam, channel.pot, channel.selection) for channel in channels), smoothing.slope, with_flights
    found = known.pop(key, None) or _prepare(events, channels, smoothing, with_flights)
    while len(known) >= KEPT_SAMPLES:
        known.pop(next(iter(known)), None)
    known[key] = found
    return found


def _prepare(
    events: PlacedEvents, channels: tuple[Channel, ...], smoothing: Smoothing, with_flights: bool
) -> _Sample:
    """Events in the bins of channels that share a selection, each with a beam of its own."""
    selection, sampling = channels[0].selection, sampling_range(events)
    exposure = np.stack([exposure_weight(events, channel) for channel in channels])
    bins = selection.bins(events)
    base = np.where(bins >= 0, events.weight * selection.efficiency * exposure.sum(axis=0), 0.0)
    chosen = np.flatnonzero(base)
    chosen = chosen[np.argsort(events.m_N[chosen], kind="stable")]
    starts = np.linspace(0, len(chosen), int(np.sqrt(len(chosen))) + 2).astype(np.int64)
    strip = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    edges = events.m_N[chosen[np.minimum(starts[:-1], len(chosen) - 1)]] if len(chosen) else np.ones(len(starts) - 1)
    chosen = chosen[np.lexsort((events.m_Zprime[chosen], strip))]
    masses = np.stack([events.m_N[chosen], events.m_Zprime[chosen]], axis=-1)
    inverse_momentum = 1 / momentum(events.p_N[chosen])[:, None]
    columns = np.ix_(chosen, events.columns_of(selection.decay_modules))
    bin_of_channel = exposure[:, chosen].argmax(axis=0) * selection.n_bins + bins[chosen]
    replicates = _replicates(events)
    flights = _flights(events[chosen], selection.decay_modules) if with_flights else _NO_FLIGHTS
    return _Sample(
        ln_m_N=np.log(masses[:, 0]),
        ln_m_Zprime=np.log(masses[:, 1]),
        base=base[chosen] / (sampling.q(*masses.T) * _level(sampling, masses, smoothing)),
        column=bin_of_channel * replicates + events.replicate[chosen] % replicates,
        begin=events.entry[columns] * inverse_momentum,
        width=(events.exit[columns] - events.entry[columns]) * inverse_momentum,
        corner_starts=flights[0],
        corners=flights[1],
        strip_edges=np.log(edges),
        strip_starts=starts,
    )


_NO_FLIGHTS = np.zeros((0, 1), dtype=np.int64), np.zeros((0, 2))


def _replicates(events: Events) -> int:
    """In how many parts of one sample to sum so that their spread gives the error; one if each event is on its
    own."""
    return REPLICATES if events.provenance.get("sequence") == "sobol" else 1


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
    check_types(events, parameters, analysis, smoothing)
    sampling = sampling_range(events)
    _check_range(sampling, parameters.m_N, parameters.m_Zprime)
    _check_smoothing(smoothing)
    shape = np.broadcast_shapes(parameters.shape, np.shape(ctau))
    factor = np.broadcast_to(coupling_weight(events, parameters), shape).ravel()
    # Points of equal masses, lifetime and bandwidth differ only by a factor: each is summed once.
    h = smoothing.bandwidths(shape, 2)
    rate, rate_of_Z = np.zeros(()), np.asarray(np.inf)
    if ctau is not None:
        rate, rate_of_Z = _decay_rates(parameters, ctau)
    differing = [np.broadcast_to(a, shape).ravel() for a in (parameters.m_N, parameters.m_Zprime, rate, rate_of_Z)]
    points, index = np.unique(np.stack([*differing, *h.reshape(-1, 2).T]), axis=1, return_inverse=True)
    m_N, m_Zprime, rate, rate_of_Z, h = *points[:4], points[4:].T
    with_flights = bool(np.isfinite(rate_of_Z).any())
    x, y = np.log(m_N), np.log(m_Zprime)
    if sampling.is_fixed:
        h, c = np.full(h.shape, np.inf), np.tile([1.0, 0.0, 0.0], (len(x), 2, 1))
    else:
        centres = np.stack([x, y], axis=-1)
        c = np.stack([_coefficients(sampling, centres, w * h, smoothing) / w**2 for w in (1.0, WIDER)], axis=1)
        level = _level(sampling, np.stack([m_N, m_Zprime], axis=-1), smoothing)
        c *= (smoothing.kernel.norm(2) * level / h.prod(axis=-1))[:, None, None]
    sums = np.empty((len(x), len(analysis.observed), 4))
    for channels in _groups(analysis):
        sample = _sample(events, channels, smoothing, with_flights)
        replicates = _replicates(events)
        own = np.zeros((len(x), len(channels) * channels[0].selection.n_bins * replicates, 4))
        kernel_sums(
            x, y, rate, h, _KINDS[smoothing.kernel.name], smoothing.kernel.reach, WIDER, c, sample.strip_edges,
            sample.strip_starts, sample.ln_m_N, sample.ln_m_Zprime, sample.base, sample.column, sample.begin,
            sample.width, ctau is None, rate_of_Z, sample.corner_starts, sample.corners, own,
        )  # fmt: skip
        own = _over_replicates(own, replicates)
        for channel, bins in zip(channels, np.split(own, len(channels), axis=1), strict=True):
            sums[:, analysis.bins_of(channel.name)] = bins
    sums = sums[index.reshape(-1)] * factor[:, None, None] ** np.array([1, 2, 1, 2])
    expectation = Expectation(*np.moveaxis(sums, -1, 0).reshape(4, *shape, len(analysis.observed)))
    masses_of = (np.broadcast_to(mass, shape) for mass in (parameters.m_N, parameters.m_Zprime))
    _warn_if_few(expectation.in_channels(analysis), *masses_of)
    return expectation


def _over_replicates(sums: Array, replicates: int) -> Array:
    """Sums (points, columns × replicates, 4) over replicates, with variances from the spread of these."""
    if replicates == 1:
        return sums
    parts = sums.reshape(len(sums), -1, replicates, 4)
    total = parts.sum(axis=2)
    total[..., 1::2] = replicates * parts[..., ::2].var(axis=2, ddof=1)
    return total


def _level(sampling: SamplingRange, masses: Array, smoothing: Smoothing) -> Array:
    """The slope g at masses (..., 2)."""
    return smoothing.level(masses, lambda at: sampling.flattening(at[..., 0], at[..., 1]))


def _coefficients(sampling: SamplingRange, centres: Array, h: Array, smoothing: Smoothing) -> Array:
    """`Smoothing.coefficients` in the sampled region, each centre (p, 2) with its bandwidth once: (p, 3).

    The region is convex in the logarithms of the masses, so that a kernel whose corners lie inside does so wholly.
    """
    unique, index = np.unique(np.concatenate([centres, h], axis=1), axis=0, return_inverse=True)
    centres, h = unique[:, :2], unique[:, 2:]
    box = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) * smoothing.kernel.reach
    corners = centres[:, None, :] + h[:, None, :] * box
    cut = ~sampling.contains_logarithms(corners).all(axis=1)
    c = np.tile([1.0, 0.0, 0.0], (len(centres), 1))
    c[cut] = _coefficients_at_edges(
        sampling, smoothing.kernel, smoothing.order, centres[cut].tobytes(), h[cut].tobytes()
    )
    return c[index.reshape(-1)]


@functools.lru_cache(maxsize=64)
def _coefficients_at_edges(
    sampling: SamplingRange, kernel: Kernel, order: int, centres: bytes, h: bytes
) -> NDArray[np.float64]:
    """`Smoothing.coefficients`, remembered, as other analyses and samples ask for the same points."""
    at, widths = (np.frombuffer(numbers).reshape(-1, 2) for numbers in (centres, h))
    return replace(SMOOTHING, kernel=kernel, order=order).coefficients(at, widths, sampling.contains_logarithms)


def _cross_validated(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing, per_point: bool
) -> Smoothing:
    """Scores within the kernel around each point, of what the estimate there smooths: θ's lifetime, the events'
    masses.

    Each is divided by the squared rate, so that all points count alike in their mean.
    """
    _check_placed(events)
    sampling = sampling_range(events)
    if sampling.is_fixed:
        raise ValueError("cross-validation needs a sample over masses: at fixed masses nothing is smoothed")
    steps = np.geomspace(0.25, 2.0, 7)
    factors = (
        np.repeat(steps[:, None], 2, axis=1) if per_point else np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    )
    pilot = smoothing.bandwidths(parameters.shape, 2)
    if not per_point and np.ndim(smoothing.bandwidth) > 1:
        raise ValueError("bandwidth must be one for all points to look for one for all")
    samples = [_sample(events, channels, smoothing, sampling.is_light) for channels in _groups(analysis)]
    scores = np.empty((*parameters.shape, len(factors)))
    rates = _decay_rates(parameters, parameters.proper_decay_length())
    fields = (parameters.m_N, parameters.m_Zprime, *rates)
    m_N, m_Zprime, rate, rate_of_Z = (np.broadcast_to(field, parameters.shape) for field in fields)
    for index in np.ndindex(parameters.shape):
        centre, h = np.log([m_N[index], m_Zprime[index]]), pilot[index]
        parts = [
            _contributions(sample, centre, 4 * h * smoothing.kernel.reach, rate[index], rate_of_Z[index])
            for sample in samples
        ]
        coordinates, b = (np.concatenate(part) for part in zip(*parts, strict=True))
        if not b.size:
            raise ValueError(f"no event counts near m_N = {m_N[index]:g} GeV, m_Zprime = {m_Zprime[index]:g} GeV")
        near = smoothing.kernel(coordinates - centre, h)
        scores[index] = cross_validation_scores(
            coordinates, b / (b @ near), factors * h, smoothing.kernel, sampling.contains_logarithms,
            _ellipse(centre, h),
        )  # fmt: skip
    if per_point:
        return smoothing.scaled(steps[scores.argmin(axis=-1)])
    best = factors[scores.reshape(-1, len(factors)).mean(axis=0).argmin()]
    return replace(smoothing, bandwidth=tuple(best * np.broadcast_to(smoothing.bandwidth, 2)))


def _contributions(
    sample: _Sample, centre: Array, reach: Array, rate: float, rate_of_Z: float
) -> tuple[Array, Array]:
    """Coordinates and contributions to the level rate of the events within ``reach`` of ``centre``."""
    coordinates = np.stack([sample.ln_m_N, sample.ln_m_Zprime], axis=-1)
    near = (np.abs(coordinates - centre) <= reach).all(axis=1)
    if np.isfinite(rate_of_Z):
        rates, survival = (np.full(near.sum(), r) for r in (rate, rate_of_Z)), np.empty(near.sum())
        decay_probabilities(*rates, sample.corner_starts[near], sample.corners, survival)
    else:
        survival = (np.exp(-rate * sample.begin[near]) * -np.expm1(-rate * sample.width[near])).sum(axis=-1)
    return coordinates[near], sample.base[near] * survival


def _ellipse(centre: Array, h: Array) -> Inside:
    return lambda at: (((at - centre) / h) ** 2).sum(axis=-1) < 1


def check_types(events: Any, parameters: Any, analysis: Any, smoothing: Any) -> None:
    """`TypeError` that names the argument which is something else."""
    _check_placed(events)
    check_kinds(
        parameters=(parameters, DarkParameters), analysis=(analysis, Analysis), smoothing=(smoothing, Smoothing)
    )


def _check_point(parameters: Any) -> None:
    """Raise unless these are parameters, and a single point."""
    check_kinds(parameters=(parameters, DarkParameters))
    if parameters.shape != ():
        raise ValueError(f"parameters must be a single point, got shape {parameters.shape}")


def _check_placed(events: Events) -> None:
    if not isinstance(events, PlacedEvents):
        raise TypeError("events must be placed in a detector first: darkpkg.place(events, darkpkg.ND280, seed=…)")


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

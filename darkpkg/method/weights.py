"""The weights of Fig. 8: from one simulated sample to the rate at any point of the parameter space.

An event counts with the product of five weights, each a function here that can be looked at on its own: `kde_weight`
is for the masses, `coupling_weight` for the couplings, `selection_weight` and `lifetime_weight` are the chances that
the decay is detected, and `exposure_weight` counts nuclei and protons. Begin with `detected_weight`, their product;
`darkpkg.Kernel` sums it over the events, for many points at once.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.experiment.selection import Selection
from darkpkg.inputs import Array, check_kinds, real_array, real_number, tuple_of, whole_number
from darkpkg.method.events import Events, PlacedEvents, distinct, rows_of
from darkpkg.method.flights import decay_rate, decays, paths_of
from darkpkg.method.mass_kernel import check_inside, mass_coefficients, mass_level
from darkpkg.method.predictions import MUON, check_point, flavours_at
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.smoothing import SMOOTHING, Smoothing, kernel_weight
from darkpkg.physics.model import DarkParameters

__all__ = [
    "coupling_weight",
    "detected_weight",
    "exposure_weight",
    "kde_weight",
    "lifetime_weight",
    "produced_weight",
    "selected_weight",
    "selection_weight",
]


def kde_weight(events: Events, parameters: DarkParameters, smoothing: Smoothing = SMOOTHING) -> Array:
    r"""K(d(θ, θ_i), δ) / q, Eq. (25): weights at one point θ.

    The distance d is logarithmic, in (ln m_N, ln m_Z′). Beyond Eq. (25) the weight has the factors of `Smoothing`: a
    slope g(θ)/g(θ_i), which for ``"density"`` turns q(θ_i) into q(θ), and the coefficients that make up for the part
    of the kernel that an edge of the sampled region cuts. It is one for a sample at fixed masses.

    Parameters
    ----------
    events
        A sample over masses, or at fixed ones.
    parameters
        One point, whose masses count.
    smoothing
        Bandwidth, kernel, order and slope.

    Returns
    -------
    ndarray
        (n,), in 1/GeV⁴ for a sample over masses.

    Raises
    ------
    OutsideSampleError
        If θ lies outside the sampled region; it names parameter, value and range.
    """
    check_kinds(events=(events, Events), smoothing=(smoothing, Smoothing))
    check_point(parameters)
    sampling = sampling_range(events)
    check_inside(sampling, parameters.m_N, parameters.m_Zprime)
    return weight_of_masses(sampling, np.stack([events.m_N, events.m_Zprime]).T, parameters, smoothing)


def weight_of_masses(
    sampling: SamplingRange, masses: Array, parameters: DarkParameters, smoothing: Smoothing
) -> Array:
    """`kde_weight` of events by their ``masses`` (n, 2) in GeV, at one point within the sampled region."""
    if sampling.is_fixed:
        return np.ones(len(masses))
    point = np.array([float(parameters.m_N), float(parameters.m_Zprime)])
    h = smoothing.bandwidths((), 2)
    c = mass_coefficients(sampling, point[None], h[None], smoothing, (1.0,))[0, 0]
    kernel = kernel_weight(smoothing.kernel, np.log(masses / point), h, c)
    slope = mass_level(sampling, point, smoothing) / mass_level(sampling, masses, smoothing)
    return kernel * slope / sampling.q_of_events(*masses.T)


def coupling_weight(events: Events, parameters: DarkParameters, flavour: int = MUON) -> Any:
    """|V_μN|² α_D ε² over its value at generation, Eq. (26), times the share of N that decay to e⁺e⁻.

    Only decays to e⁺e⁻ are simulated: muons and hadrons take the rest (`DarkParameters.pair_branching_ratio`), above
    211 MeV and unless ``parameters.decays`` is ``"paper"``.

    Parameters
    ----------
    events
        Their origin has the couplings at generation.
    parameters
        Points of any shape.
    flavour
        PDG code of the neutrino. For ±12 the weight has |V_eN|² of θ over |V_μN|² at generation: events of electron
        neutrinos are simulated as if both were equal.

    Returns
    -------
    float or ndarray
        Of θ's shape.

    Raises
    ------
    ValueError
        If θ has another kind of N, Dirac or Majorana, than the simulation.
    """
    check_kinds(events=(events, Events), parameters=(parameters, DarkParameters))
    flavour = whole_number("flavour", flavour, least=-MUON)
    generated = events.origin.couplings
    if generated is None:
        raise ValueError("origin of events must hold the couplings that their weights are for")
    if parameters.is_majorana != generated.is_majorana:
        kind = "Majorana" if generated.is_majorana else "Dirac"
        raise ValueError(
            f"is_majorana must be {generated.is_majorana}: the events are decays of a {kind} N; generate others with "
            "couplings=parameters"
        )
    return parameters.coupling_of(flavour) * parameters.pair_branching_ratio() / generated.coupling


def selection_weight(events: PlacedEvents, selection: Selection) -> Array:
    """Efficiency of the selection for events that it puts into some bin, zero for the others: (n,).

    Raises
    ------
    TypeError, ValueError
        For events without a vertex, and modules that their detector does not have.
    """
    check_kinds(events=(events, PlacedEvents), selection=(selection, Selection))
    return selection.accepted(events)[1]


def lifetime_weight(
    events: PlacedEvents,
    ctau: float,
    m_N: float | None = None,
    *,
    modules: Sequence[str],
    ctau_Zprime: float = 0.0,
    m_Zprime: float | None = None,
) -> Array:
    r"""Probability that the pair appears inside the fiducial volumes of ``modules``, Eq. (27).

    .. math:: w &= \sum_j \left(e^{-a_j/\beta\gamma c\tau^0} - e^{-b_j/\beta\gamma c\tau^0}\right), \\
              \beta\gamma &= |\vec p_N|/m_N,

    with the distances a_j, b_j at which N enters and leaves volume j. If N decays to an on-shell Z′ with the proper
    decay length ``ctau_Zprime``, the pair appears where Z′ decays, at the end of a second flight along the momentum
    of Z′,

    .. math:: w = \sum_j & \int\!\!\int_{\text{end in volume } j} e^{-x/\lambda_N-y/\lambda_{Z'}} \\
              & \times \frac{dx\,dy}{\lambda_N\lambda_{Z'}} ,

    exactly, over the polygon of lengths x and y.

    Parameters
    ----------
    events
        n events in a detector.
    ctau, ctau_Zprime
        Proper decay lengths in cm of N and of Z′, which decays at once by default.
    m_N, m_Zprime
        Masses in GeV, by default those of each event. For a prediction at θ they are θ's: the decay length in the
        laboratory goes like 1/m, and a kernel would smear it.
    modules
        Names of modules with a fiducial volume.

    Returns
    -------
    ndarray
        (n,), from zero to one.

    Raises
    ------
    ValueError
        For lengths or masses that are not positive, and modules that the detector does not have.
    """
    check_kinds(events=(events, PlacedEvents))
    modules = tuple_of("modules", modules, str)
    ctau = float(real_array("ctau", real_number("ctau", ctau), "positive"))
    flight = real_number("ctau_Zprime", ctau_Zprime, 0.0)
    rate = decay_rate(events.m_N if m_N is None else real_number("m_N", m_N, positive=True), ctau)
    own = events.m_Zprime if m_Zprime is None else real_number("m_Zprime", m_Zprime, positive=True)
    rate_of_Z = decay_rate(own, flight) if flight > 0 else None
    return decays(paths_of(events, modules, rate_of_Z is None, rate_of_Z is not None), rate, rate_of_Z)


def exposure_weight(events: PlacedEvents, channel: Channel) -> Array:
    """Number of target nuclei times protons on target, Eq. (28), for events of the channel's beam, else zero: (n,).

    Raises
    ------
    ValueError
        For a channel whose beam was not simulated: no events would look like no signal.
    """
    check_kinds(events=(events, PlacedEvents), channel=(channel, Channel))
    check_simulated(events, channel)
    return exposures(events, [(channel.beam, channel.pot)])[0]


def check_simulated(events: Events, channel: Channel) -> None:
    """Raise `ValueError` for a channel whose beam was not simulated."""
    simulated = [beam.name for beam in events.origin.beams]
    if simulated and channel.beam not in simulated:
        raise ValueError(
            f"beam of channel {channel.name} must be one that was simulated, {', '.join(simulated)}, "
            f"got {channel.beam!r}"
        )


def exposures(events: PlacedEvents, beams: Sequence[tuple[str, float]], rows: Any = slice(None)) -> Array:
    """Nuclei of the kind of each event times the POT of each beam, zero for events of another: (beams, n)."""
    target, beam = rows_of(events.target, rows), rows_of(events.beam, rows)
    differ = (target[1:] != target[:-1]) | (beam[1:] != beam[:-1])
    first = np.flatnonzero(np.append(True, differ)[: len(target)])  # few, if events of a source stand together
    codes, index = np.unique(target[first] // 10, return_inverse=True)  # a nucleus, or that of its nucleons
    nuclei = np.array([events.detector.targets.get(code * 10, 0.0) for code in codes.tolist()])[index]
    weights = [nuclei * pot * (beam[first] == name) for name, pot in beams]
    return np.repeat(weights, np.diff(first, append=len(target)), axis=1)


def produced_weight(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing = SMOOTHING
) -> Array:
    """N at the point θ that are produced in the exposure of ``analysis``: (n,), of any vertex, pair and lifetime.

    Where several channels have the same beam, an event counts in each, as in the sum of their expectations.

    Parameters
    ----------
    events
        A sample in a detector.
    parameters
        One point θ.
    analysis
        Its channels have beams and protons on target.
    smoothing
        As in `kde_weight`.

    Returns
    -------
    ndarray
        (n,) numbers of events.

    Raises
    ------
    ValueError
        If θ is not a single point, and as `kde_weight` and `coupling_weight` do.
    """
    return _weight(events, parameters, analysis, smoothing, lambda selection: np.ones(len(events)))


def selected_weight(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing = SMOOTHING
) -> Array:
    """`produced_weight` of what each channel selects, with its efficiency, wherever N decays: (n,).

    Their sum is that of `Kernel.upscatterings` over all bins; arguments and errors are those of `produced_weight`.
    """
    return _weight(events, parameters, analysis, smoothing, lambda selection: selection_weight(events, selection))


def detected_weight(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing = SMOOTHING
) -> Array:
    """`selected_weight` times the probability of a decay in the decay volumes of each channel: (n,).

    Lifetime and boost are those at θ. Their sum is that of `Kernel.events` over all bins; arguments and errors are
    those of `produced_weight`.

    Examples
    --------
    >>> detected_weight(sample, BENCHMARK_B, ANALYSIS_I).sum()                 # doctest: +SKIP
    4.70...
    """

    def chance(selection: Selection) -> Array:
        detected = lifetime_weight(events, **flights_at(parameters), modules=selection.decay_modules)
        return selection_weight(events, selection) * detected

    return _weight(events, parameters, analysis, smoothing, chance)


def _weight(
    events: PlacedEvents, parameters: DarkParameters, analysis: Analysis, smoothing: Smoothing, chance: Any
) -> Array:
    """Weights (n,) at one point, with the ``chance`` of each event, a function of the selection, to get through."""
    check_placed("events", events)
    check_point(parameters)
    check_kinds(analysis=(analysis, Analysis), smoothing=(smoothing, Smoothing))
    chance = functools.cache(chance)
    exposures = sum(exposure_weight(events, one) * chance(one.selection) for one in analysis.channels)
    coupling = np.zeros(len(events))
    for flavour in flavours_of(events, parameters):
        coupling[np.abs(events.flavour) == flavour] = coupling_weight(events, parameters, flavour)
    return events.weight * coupling * kde_weight(events, parameters, smoothing) * exposures


def flavours_of(events: Events, parameters: DarkParameters) -> tuple[int, ...]:
    """`flavours_at` these points, of the beams that the events come from, or of the events themselves."""
    known = {one for beam in events.origin.beams for one in beam.fluxes} or distinct(events.flavour)
    return flavours_at(parameters, known, "the sample")


def flights_at(parameters: DarkParameters) -> dict[str, float]:
    """What `lifetime_weight` needs of one point θ: lifetimes and masses of N and Z′."""
    return {
        "ctau": float(parameters.proper_decay_length()),
        "m_N": float(parameters.m_N),
        "ctau_Zprime": float(parameters.mediator_decay_length()),
        "m_Zprime": float(parameters.m_Zprime),
    }


def check_placed(name: str, events: Any) -> None:
    """Raise `TypeError` that names the argument unless these are events in a detector."""
    if not isinstance(events, PlacedEvents):
        raise TypeError(f"{name} must be placed in a detector first: darkpkg.place(events, darkpkg.ND280, seed=…)")


def sampling_range(events: Events) -> SamplingRange:
    """The region of masses that ``events`` were sampled from."""
    if events.origin.sampling is None:
        raise ValueError("origin of events must hold their sampling, as those of darkpkg.generate do")
    return events.origin.sampling

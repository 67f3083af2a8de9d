"""One Monte Carlo simulation over masses and phase space: Eq. (21).

Begin with ``generate(HEAVY, n_events=1_000_000, seed=1)``, or ``generate(SamplingRange.at(m_N=0.1, m_Zprime=1.25),
…)`` for a dedicated sample at fixed masses. Vegas adapts to the integrand of each beam and nucleus once, for all
seeds; the events are then drawn independently of each other from the adapted map.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from darkpkg import _sources
from darkpkg.experiment import experiment as experiments
from darkpkg.experiment.experiment import Experiment
from darkpkg.inputs import Array, check_kinds, count, one_of, real_numbers, whole_number
from darkpkg.memory import require_memory
from darkpkg.method.channels import Channel, channels_of, version
from darkpkg.method.events import Events, rows_of
from darkpkg.method.integrand import DECAY_AXES
from darkpkg.method.origin import SEQUENCES, Origin
from darkpkg.method.sampling import NoWeightError, SamplingRange
from darkpkg.physics.model import BENCHMARK_B, DarkParameters
from darkpkg.physics.nuclei import Nucleus, elements
from darkpkg.physics.nucleons import BoundNucleons
from darkpkg.physics.scattering import smallest_energy
from darkpkg.streams import random_stream, sobol_points

__all__ = ["REPLICATES", "generate"]


EVEN_SHARE = 0.25
"""Share of the events that beams and nuclei get alike; the rest they get as often as they scatter in the detector.
The first keeps the error of rare nuclei small, such as argon, the second that of the sum."""

_BATCH = 1 << 12
"""Events at once: what is computed of them in between stays in the cache of a core."""

_MADE_BY = ("darkpkg", "numpy", "scipy", "numba", "vegas")

_PILOT = 2048
"""Events of each beam and nucleus that determine where events matter."""

REPLICATES = 8
"""Independent Sobol sequences in a sample. Their spread gives the error of a prediction, itself to 1/√(2·7) = 27 %:
more of them give a better error, and are shorter and less even each."""


def generate(
    sampling: SamplingRange,
    n_events: int | Mapping[str, int],
    seed: int,
    *,
    experiment: Experiment | None = None,
    couplings: DarkParameters = BENCHMARK_B,
    hydrogen: bool = False,
    nucleons: bool = False,
    form_factor: str = "fourier-bessel",
    sequence: str = "random",
    importance: Callable[[Events], Array] | None = None,
    chunk: int = 0,
    progress: bool = False,
) -> Events:
    """Simulate upscattering and decay of N with weighted events.

    Parameters
    ----------
    sampling
        Region of masses, such as `HEAVY`, or fixed masses by `SamplingRange.at`.
    n_events
        Number of events. A quarter is spread evenly over all flavours of all beams and all nuclei, so that rare ones,
        such as argon, are known too; the rest goes where N are made in the detector, for equal protons on target in
        all beams. The weights carry how often each occurs. A mapping such as ``{"Ar40": 400_000, …}`` gives each
        nucleus its own number, spread over flavours and beams.
    seed
        Non-negative integer. The same seed gives the same events, bit for bit. Each flavour and nucleus draws from
        its own stream, so that another nucleus does not change its events; only if it takes some of a fixed total do
        they end earlier, with weights divided by a smaller number. A longer sample begins with those of a shorter.
    experiment
        Its beams upscatter on the elements of its detector. The default is `T2K`.
    couplings
        Values of |V_μN|² α_D ε² to generate at; they scale all weights, those of electron neutrinos too, as if
        |V_eN|² were |V_μN|². Its ``is_majorana`` is the kind of N that decays, with its spin or without.
    hydrogen
        Scatter on hydrogen too, elastically. The paper leaves it out: it has no coherent enhancement. At
        benchmark B it adds 4 % to the selected upscatterings and 7 % to the events of Analysis I; at A it adds
        nothing to the events of Analysis I, and 3 % to those of Analysis II.
    nucleons
        Scatter on single protons and neutrons of the nuclei too, which breaks them (`BoundNucleons`); their events
        have a ``target`` that ends in 1. The paper leaves that out. At benchmark B it adds 8 % to the selected
        upscatterings and 28 % to the events of Analysis I; at A it adds 1 % to the events of Analysis I and 3 % to
        those of Analysis II.
    form_factor
        Model of the charge form factor, a name of `darkpkg.physics.nuclei.FORM_FACTORS`.
    sequence
        ``"random"`` draws every event independently. ``"sobol"`` takes the points of masses, phase space, beam and
        nucleus together from 8 scrambled Sobol sequences (`scipy.stats.qmc`), in turn: they fill the space more
        evenly, and the spread of the 8 gives the error of a prediction.
    importance
        A function of events that gives how much each matters, (n,) numbers of zero or more, in proportion to its
        weight: three quarters of ``n_events`` then go to beams and nuclei by the sum of these over some events of
        each, instead of where N are made.
    chunk
        Other events: chunks of one seed are independent samples.
    progress
        Show a progress bar.

    Returns
    -------
    Events
        With weights in upscatterings per nucleus and POT. The sum of the weights of a beam and nucleus is the
        integral of flux × σ × q over the sampled masses.

    Raises
    ------
    ValueError, TypeError
        Before any work; names the argument. Also for more events than there is memory for, and for masses that no
        neutrino of the beams can make.

    Warns
    -----
    UserWarning
        If no neutrino can make a part of the masses.

    Examples
    --------
    >>> len(generate(SamplingRange.at(m_N=0.1, m_Zprime=1.25), n_events=1000, seed=1))
    1000
    """
    experiment = experiments.T2K if experiment is None else experiment
    check_kinds(
        sampling=(sampling, SamplingRange),
        experiment=(experiment, Experiment),
        couplings=(couplings, DarkParameters),
        hydrogen=(hydrogen, bool),
        nucleons=(nucleons, bool),
    )
    random_stream(seed)  # an error for a seed that is none, before any work is done
    stream = ("events", chunk) if whole_number("chunk", chunk, 0) else ("events",)
    coherent = experiment.detector.targets
    kinds = list((experiment.detector.nuclei if hydrogen else coherent).items())
    tabulated = [element.nucleus for element in elements().values()]
    own = tuple(nucleus for _, nucleus in kinds if nucleus not in tabulated)
    if nucleons:
        kinds += [(element, BoundNucleons.of(nucleus)) for element, nucleus in coherent.items()]
    targets = [nucleus for _, nucleus in kinds]
    made = REPLICATES if one_of("sequence", sequence, SEQUENCES) == "sobol" else 1
    origin = Origin(sampling, couplings, experiment.beams, form_factor, sequence, nuclei=own, replicates=made)
    _check_reach(sampling, experiment, targets)
    total = _total(experiment, targets, n_events)
    sources = [
        (beam, flavour, element, nucleus)
        for beam in experiment.beams
        for flavour in beam.fluxes
        for element, nucleus in kinds
    ]
    channels = channels_of(origin, [(beam, flavour, nucleus) for beam, flavour, _, nucleus in sources], seed)
    if not any(channel.rate for channel in channels):
        lightest = sampling.m_N[0]
        rule = f"{_reach(experiment)}, got at least {lightest:.4g} GeV, where no event has a weight"
        raise NoWeightError(rule, lightest)
    if isinstance(n_events, Mapping):
        shares = _shares_of_nuclei([channel.nucleus.name for channel in channels], n_events) / total
    else:
        value = _importance(channels, importance, origin) if importance is not None else np.zeros(len(channels))
        nuclei = np.array([experiment.detector.number_of_nuclei(element) for _, _, element, _ in sources])
        shares = _shares(value if value.any() else nuclei * [channel.rate for channel in channels])
    drawn = (
        _from_nets(channels, shares, total, seed, *stream)
        if sequence == "sobol"
        else _independent(channels, shares, total, *stream)
    )
    columns = _simulated(channels, drawn, progress)
    columns["weight"] *= couplings.coupling
    if sequence == "sobol":
        columns["replicate"] = _replicates(total)
    about = _provenance(total, seed, experiment) | {"hydrogen": hydrogen, "nucleons": nucleons}
    about |= {"chunk": int(chunk)} if chunk else {}
    return Events.of_columns(columns, origin, about)


def _importance(channels: Sequence[Channel], importance: Callable[[Events], Array], origin: Origin) -> Array:
    """How much the events of each channel matter, from some of each."""
    n = len(channels)
    drawn = _independent(channels, np.full(n, 1 / n), n * _PILOT, "pilot")
    pilot = Events(**_simulated(channels, drawn), origin=origin)
    value = real_numbers("importance", importance(pilot), 0.0, 1e100)
    if value.shape != (len(pilot),):
        raise ValueError(f"importance must be a number for each of {len(pilot)} events, got shape {value.shape}")
    return value.reshape(n, _PILOT).sum(axis=1)


def _check_reach(sampling: SamplingRange, experiment: Experiment, targets: Sequence[Nucleus]) -> None:
    """Raise `ValueError` if no neutrino makes the lightest N of the sample, and warn if none makes the heaviest."""
    end = _end(experiment)
    low, high = (min(float(smallest_energy(m_N, n)) for n in targets) for m_N in sampling.m_N)
    if high < end:
        return
    m_N, needed = (sampling.m_N[0], low) if low >= end else (sampling.m_N[1], high)
    text = f"{_reach(experiment)}, got {m_N:.4g} GeV that needs {needed:.4g} GeV"
    if low >= end:
        raise ValueError(text)
    warnings.warn(f"{text}: that part of the masses is sampled in vain", UserWarning, stacklevel=3)


def _end(experiment: Experiment) -> float:
    return max(float(flux.edges[-1]) for beam in experiment.beams for flux in beam.fluxes.values())


def _reach(experiment: Experiment) -> str:
    return f"m_N must be within reach of the neutrinos of {experiment.name}, which end at {_end(experiment):.4g} GeV"


def _empty_columns(n: int, letters: int) -> dict[str, NDArray[Any]]:
    scalar = {name: np.empty(n) for name in ("weight", "m_N", "m_Zprime")}
    vector = {name: np.empty((n, 4)) for name in ("p_N", "p_electron", "p_positron")}
    integer = {name: np.zeros(n, dtype=np.int64) for name in ("target", "replicate", "flavour")}
    return scalar | vector | integer | {"point": np.empty((n, DECAY_AXES + 2)), "beam": np.empty(n, f"U{letters}")}


def _total(experiment: Experiment, targets: Sequence[Nucleus], n_events: int | Mapping[str, int]) -> int:
    """The number of all events, each of which has to be there, and all have to fit into memory."""
    sources = sum(len(beam.fluxes) for beam in experiment.beams)
    if isinstance(n_events, Mapping):
        names = [nucleus.name for nucleus in targets]
        if set(n_events) != set(names):
            name = experiment.detector.name
            raise ValueError(f"n_events must name the nuclei of {name}, {names}, got {list(n_events)}")
        numbers, least = {f"n_events of {name}": number for name, number in n_events.items()}, sources
    else:
        numbers, least = {"n_events": n_events}, sources * len(targets)
    total = sum(count(name, value, least, " for as many beams and nuclei") for name, value in numbers.items())
    letters = max(len(beam.name) for beam in experiment.beams)
    an_event = sum(column.nbytes for column in _empty_columns(1, letters).values())
    # Vegas and what is drawn at once come on top, whatever the number of events.
    require_memory(float(an_event) * total, f"a simulation of {total} events")
    return total


def _shares_of_nuclei(nuclei: list[str], n_events: Mapping[str, int]) -> Array:
    """The number of events of each channel: those of its nucleus spread evenly over the channels that have it."""
    shares = []
    for i, name in enumerate(nuclei):
        number, rest = divmod(int(n_events[name]), nuclei.count(name))
        shares.append(number + (nuclei[:i].count(name) < rest))
    return np.array(shares)


def _shares(rates: Array) -> Array:
    """The part of all events that each channel gets, by its rate."""
    even = np.full(len(rates), 1 / len(rates))
    return EVEN_SHARE * even + (1 - EVEN_SHARE) * (rates / rates.sum() if rates.any() else even)


def _counts(shares: Array, n_events: int) -> NDArray[np.int64]:
    """Events of each channel out of the total: one at least, and the more the longer."""
    own = np.maximum(np.floor(shares * n_events).astype(int), 1)
    own[np.argsort(own - shares * n_events)[: max(n_events - own.sum(), 0)]] += 1
    while own.sum() > n_events:
        own[own.argmax()] -= 1
    return own


class _Drawn(NamedTuple):
    """The events of a channel: their rows, by how many to divide weights, and their points of the hypercube."""

    rows: NDArray[np.int64]
    number: float
    next_points: Callable[[NDArray[np.int64]], Array]


def _simulated(channels: Sequence[Channel], drawn: Sequence[_Drawn], progress: bool = False) -> dict[str, Any]:
    """Columns of the events of all channels."""
    rows = np.concatenate([own.rows for own in drawn])
    columns = _empty_columns(len(rows), max(len(channel.beam) for channel in channels))
    begin = 0
    with tqdm(total=len(rows), unit=" events", desc="simulating", disable=not progress, leave=False) as bar:
        for channel, own in zip(channels, drawn, strict=True):
            for first in range(0, len(own.rows), _BATCH):
                batch = own.rows[first : first + _BATCH]
                part = {name: column[begin : begin + len(batch)] for name, column in columns.items()}
                channel.fill(part, own.next_points(batch), own.number, batch)
                begin += len(batch)
                bar.update(len(batch))
    if np.any(rows[1:] < rows[:-1]):  # channels take turns: to gather is faster than to scatter
        place = np.empty_like(rows)
        place[rows] = np.arange(len(rows))
        for name, column in columns.items():
            columns[name] = rows_of(column, place)
    return columns


def _independent(channels: Sequence[Channel], shares: Array, total: int, *use: str | int) -> list[_Drawn]:
    """Independent points for so many events of each channel, one channel after the other."""

    def points(channel: Channel) -> Callable[[NDArray[np.int64]], Array]:
        rng = random_stream(*channel.stream, *use)
        return lambda rows: rng.random((len(rows), channel.integrand.dim + 2))

    counts = _counts(shares, total)
    parts = zip(channels, np.split(np.arange(total), np.cumsum(counts)[:-1]), strict=True)
    return [_Drawn(rows, len(rows), points(channel)) for channel, rows in parts]


def _from_nets(channels: Sequence[Channel], shares: Array, total: int, seed: int, *use: str | int) -> list[_Drawn]:
    """Points of Sobol sequences whose first axis is cut into the channels: together they fill it evenly."""
    points = sobol_points(_replicates(total), range(channels[0].integrand.dim + 3), seed, *use)
    number = np.searchsorted(np.cumsum(shares) / shares.sum(), points[:, 0], side="right")
    parts = enumerate((shares * total).tolist())
    return [_Drawn(np.flatnonzero(number == i), share, lambda own: rows_of(points, own)[:, 1:]) for i, share in parts]


def _replicates(n: int) -> NDArray[np.int64]:
    return np.arange(n) % REPLICATES


def _provenance(n_events: int, seed: int, experiment: Experiment) -> dict[str, Any]:
    return {
        "seed": int(seed),
        "n_events": n_events,
        "experiment": experiment.name,
        "targets_of": experiment.detector.name,
        "physics": _sources.digest(),
        "flux": {f"{b.name} {code}": flux.checksum for b in experiment.beams for code, flux in b.fluxes.items()},
        "versions": {name: version(name) for name in _MADE_BY},
    }

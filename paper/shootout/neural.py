r"""A neural network as an estimator of rates: a ratio of densities learned by a classifier. Begin with `trained`.

Weights of selected events, at masses as they were sampled, have the density :math:`q(m)\,R(m, c\tau)` over the
logarithms of the masses, where R is the rate. A classifier that separates them from points that are even in the
logarithms finds the ratio of both densities, and with the sum of all weights that is the rate. Each event is given
some lifetimes at random, so that lifetimes are learned as well. What is known without learning is divided out:
couplings, q, and the mean chance of a decay against the lifetime, of all events together.

In the light case R also depends on the lifetime of Z′. Here it is that of one ε, so that such a network serves one ε.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import darkpkg as dk
from darkpkg.method.events import PlacedEvents
from darkpkg.method.flights import decay_rates, decays, paths_of
from darkpkg.method.weights import exposure_weight, selection_weight
from darkpkg.streams import random_stream

Array = NDArray[np.float64]

FLIGHTS: Mapping[str, tuple[float, float]] = {"heavy": (1e-3, 1e4), "light": (1e-5, 1.0)}
"""Range of λ = cτ/m_N in cm/GeV that is learned; a decay length in the laboratory is λ times the momentum."""

LIFETIMES = 4
"""Random lifetimes of each event."""

MEMBERS = 4
"""Networks of an ensemble. Each learns a bootstrap of the events, so that their spread is the error of their mean."""

_GRID, _FOR_MEAN = 32, 4000


class Classifier(Protocol):
    """Anything with these two methods of scikit-learn."""

    def fit(self, X: Array, y: Array, sample_weight: Array) -> Any:
        """Learn which rows have y = 1."""

    def predict_proba(self, X: Array) -> Array:
        """Probabilities (n, 2) of y = 0 and y = 1."""


@dataclass(frozen=True)
class Choice:
    """What is chosen by the loss of events that were held back: width of both hidden layers, steps of the descent."""

    width: int
    steps: int


CHOICES = (Choice(16, 300), Choice(16, 1000), Choice(32, 1000))

SPLITS = 2
"""How often events are held back; the mean loss counts."""

_BATCH = 1024


@dataclass(frozen=True)
class TrainingSet:
    """Rows to be told from even ones.

    Attributes
    ----------
    x
        ln m_N, ln m_Z′ and ln λ, (n, 3).
    weight
        Their weights (n,), divided by the mean chance of a decay.
    event
        Number (n,) of the event of each row.
    lengths, chance
        The mean chance of a decay at some ln λ.
    """

    x: Array
    weight: Array
    event: NDArray[np.int64]
    lengths: Array
    chance: Array

    def mean_chance(self, ln_length: Any) -> Any:
        """The factor of the weights that was divided out, at ln λ."""
        return np.exp(np.interp(ln_length, self.lengths, self.chance))


def training_set(
    sample: PlacedEvents, analysis: dk.Analysis, epsilon: float, rng: np.random.Generator
) -> TrainingSet:
    """Rows of the selected events of a sample, of all channels of an analysis."""
    sampling = sample.origin.sampling
    low, high = np.log(FLIGHTS["light" if sampling.is_light else "heavy"])
    lengths, chance, rows = np.linspace(low, high, _GRID), np.zeros(_GRID), []
    for selection in dict.fromkeys(channel.selection for channel in analysis.channels):
        channels = [channel for channel in analysis.channels if channel.selection == selection]
        base = sample.weight * sum(exposure_weight(sample, channel) for channel in channels)
        base = base * selection_weight(sample, selection) * (np.abs(sample.flavour) == 14)
        chosen = np.flatnonzero(base)
        point = dk.BENCHMARK_B.replace(
            m_N=sample.m_N[chosen], m_Zprime=sample.m_Zprime[chosen], epsilon=epsilon,
            is_majorana=sample.origin.couplings.is_majorana,
        )  # fmt: skip
        of_Z = decay_rates(point, 1.0)[1] if sampling.is_light else None
        paths = paths_of(sample, selection.decay_modules, not sampling.is_light, sampling.is_light, chosen)
        few = rng.permutation(len(chosen))[:_FOR_MEAN]
        thin = len(chosen) / max(len(few), 1)
        for i, length in enumerate(lengths):
            each = decays(paths, np.full(len(few), np.exp(-length)), None if of_Z is None else of_Z[few], few)
            chance[i] += thin * (base[chosen[few]] * each).sum()
        for _ in range(LIFETIMES):
            own = rng.uniform(low, high, len(chosen))
            weight = base[chosen] * decays(paths, np.exp(-own), of_Z) / LIFETIMES
            x = np.stack([np.log(sample.m_N[chosen]), np.log(sample.m_Zprime[chosen]), own], axis=1)
            rows.append((x[weight > 0], weight[weight > 0], chosen[weight > 0]))
    x, weight, event = (np.concatenate(column) for column in zip(*rows, strict=True))
    if not len(x):
        raise ValueError("sample must have events that are selected and decay where they are detected, got none")
    chance = np.log(np.maximum(chance, 1e-9 * chance.max()))
    one = TrainingSet(x, weight, event, lengths, chance)
    return TrainingSet(x, weight / one.mean_chance(x[:, 2]), event, lengths, chance)


def even_points(sampling: dk.SamplingRange, n: int, rng: np.random.Generator) -> Array:
    """Points (n, 3) that are even in ln m_N, ln m_Z′ and ln λ over the region."""
    (low, high), found, missing = _edges(sampling), [], n
    while missing > 0:
        x = rng.uniform(low, high, (2 * missing + 100, 3))
        found.append(x[sampling.contains_logarithms(x[:, :2])][:missing])
        missing -= len(found[-1])
    return np.concatenate(found)


def area(sampling: dk.SamplingRange, n: int = 100_000) -> float:
    """Area of the region in the logarithms of both masses: midpoints of strips of m_N."""
    low, high = _edges(sampling)
    x = low[0] + (high[0] - low[0]) * (np.arange(n) + 0.5) / n
    ends = (low[1], np.minimum(x, high[1])) if sampling.is_light else (np.maximum(x, low[1]), high[1])
    return float(np.maximum(ends[1] - ends[0], 0.0).mean() * (high[0] - low[0]))


def _edges(sampling: dk.SamplingRange) -> tuple[Array, Array]:
    flights = FLIGHTS["light" if sampling.is_light else "heavy"]
    return tuple(np.log(np.array([sampling.m_N, sampling.m_Zprime, flights]).T))


@dataclass(frozen=True, eq=False)
class Surrogate:
    """An ensemble of classifiers with what turns their ratios into rates. `trained` makes it."""

    members: tuple[Classifier, ...]
    totals: tuple[float, ...]
    rows: TrainingSet
    sampling: dk.SamplingRange
    coupling: float

    def events(self, parameters: dk.DarkParameters) -> tuple[Array, Array]:
        """Rates of the analysis summed over its bins and their errors, of the shape of ``parameters``.

        Raises
        ------
        ValueError
            For masses or lifetimes outside those that were learned.
        """
        length = np.asarray(parameters.proper_decay_length() / parameters.m_N)
        x = np.broadcast_arrays(parameters.m_N, parameters.m_Zprime, length)
        low, high = FLIGHTS["light" if self.sampling.is_light else "heavy"]
        if not np.all(self.sampling.contains(x[0], x[1]) & (low <= x[2]) & (x[2] <= high)):
            raise ValueError(f"parameters must lie in the region that was learned, with cτ/m_N from {low} to {high}")
        x = np.log(np.stack(x, axis=-1)).reshape(-1, 3)
        known = self.rows.mean_chance(x[:, 2]) / (area(self.sampling) * self.sampling.q(*np.exp(x[:, :2]).T))
        scaled = _scaled(x, self.sampling)
        each = np.stack([
            total * known * _ratio(member.predict_proba(scaled)[:, 1])
            for member, total in zip(self.members, self.totals, strict=True)
        ])  # fmt: skip
        scale = parameters.coupling_of(14) * parameters.pair_branching_ratio() / self.coupling
        shape = length.shape
        return each.mean(axis=0).reshape(shape) * scale, each.std(axis=0, ddof=1).reshape(shape) * scale


def _ratio(probability: Array) -> Array:
    return probability / np.maximum(1 - probability, 1e-12)


def _scaled(x: Array, sampling: dk.SamplingRange) -> Array:
    """From −1 to 1 over the region; the second is the logarithm of m_Z′/m_N, whose edge is straight."""
    low, high = _edges(sampling)
    ratio = x[:, 1] - x[:, 0]
    most = max(abs(high[1] - low[0]), abs(high[0] - low[1]))
    out = np.stack([x[:, 0], ratio, x[:, 2]], axis=1)
    middle = np.array([(low[0] + high[0]) / 2, -most / 2 if sampling.is_light else most / 2, (low[2] + high[2]) / 2])
    half = np.array([(high[0] - low[0]) / 2, most / 2, (high[2] - low[2]) / 2])
    return ((out - middle) / half).astype(np.float32)


def trained(
    sample: PlacedEvents,
    analysis: dk.Analysis,
    epsilon: float,
    make: Callable[[int, int], Classifier],
    seed: int,
    *,
    members: int = MEMBERS,
) -> Surrogate:
    """An ensemble that has learned a sample.

    Parameters
    ----------
    sample
        Events over a region of masses, each independent of the others.
    analysis
        Its channels are added up.
    epsilon
        By which Z′ lives.
    make
        A new classifier for a number of rows and a seed: `network` of scikit-learn.
    seed
        Of lifetimes, even points, bootstraps and networks.
    members
        Networks, two at least.
    """
    if members < 2:
        raise ValueError(f"members must be two at least, whose spread is the error, got {members}")
    rows = training_set(sample, analysis, epsilon, random_stream(seed, "lifetimes"))
    sampling = sample.origin.sampling
    networks, totals = [], []
    for i in range(members):
        rng = random_stream(seed, "member", i)
        weight = rows.weight * rng.poisson(1.0, len(sample))[rows.event]
        networks.append(learned(rows.x, weight, sampling, make, rng))
        totals.append(float(weight.sum()))
    return Surrogate(tuple(networks), tuple(totals), rows, sampling, float(sample.origin.couplings.coupling))


def learned(
    x: Array,
    weight: Array,
    sampling: dk.SamplingRange,
    make: Callable[[int, int], Classifier],
    rng: np.random.Generator,
) -> Classifier:
    """A classifier that has learned to tell weighted rows from as many even points."""
    x, weight = x[weight > 0], weight[weight > 0]
    n = len(x)
    both = _scaled(np.concatenate([x, even_points(sampling, n, rng)]), sampling)
    label = np.repeat([1, 0], n)
    network = make(2 * n, int(rng.integers(2**31)))
    network.fit(both, label, sample_weight=np.concatenate([weight / weight.mean(), np.ones(n)]).astype(np.float32))
    return network


def network(choice: Choice) -> Callable[[int, int], Classifier]:
    """A maker of networks of scikit-learn: two hidden layers, Adam, as many steps whatever the number of rows."""

    def make(n_rows: int, seed: int) -> Classifier:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        warnings.simplefilter("ignore", ConvergenceWarning)  # it stops after a number of steps that is given
        batch = min(_BATCH, n_rows)
        epochs = max(1, round(choice.steps * batch / n_rows))
        return MLPClassifier(
            (choice.width, choice.width), activation="tanh", learning_rate_init=3e-3, batch_size=batch,
            max_iter=epochs, tol=0.0, n_iter_no_change=10_000, random_state=seed,
        )  # fmt: skip

    return make


def held_out_loss(sample: PlacedEvents, analysis: dk.Analysis, epsilon: float, choice: Choice, seed: int) -> float:
    """Mean loss of a network for a quarter of the events, which it has not learned, against even points."""
    rng = random_stream(seed, "held out")
    rows, sampling = training_set(sample, analysis, epsilon, rng), sample.origin.sampling
    back = (rng.random(len(sample)) < 0.25)[rows.event]
    member = learned(rows.x[~back], rows.weight[~back], sampling, network(choice), rng)
    x, weight = rows.x[back], rows.weight[back]
    even = even_points(sampling, 4 * len(x), rng)
    near, far = (np.clip(member.predict_proba(_scaled(one, sampling))[:, 1], 1e-9, 1 - 1e-9) for one in (x, even))
    return float(-np.average(np.log(near), weights=weight) - np.log1p(-far).mean())

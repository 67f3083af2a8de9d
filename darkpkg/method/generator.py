"""One Monte Carlo simulation over masses and phase space: Eq. (21).

Begin with ``generate(HEAVY, n_events=1_000_000, seed=1)``, or ``generate(SamplingRange.at(m_N=0.1, m_Zprime=1.25),
…)`` for a dedicated sample at fixed masses. Vegas adapts to the integrand once for each beam and nucleus; the events
are then drawn independently of each other from the adapted map.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import vegas
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from darkpkg import datasets
from darkpkg.events import Events
from darkpkg.experiment import detector as detectors
from darkpkg.experiment.detector import Detector
from darkpkg.experiment.flux import BEAMS, load_flux
from darkpkg.inputs import broadcast, check_kinds, one_of, real_array, real_number, real_numbers
from darkpkg.memory import require_memory
from darkpkg.method._integrand import (
    DECAY_AXES,
    VARIABLES,
    Target,
    laboratory_momenta,
    target,
    upscattering_and_decay,
)
from darkpkg.physics.model import BENCHMARK_B, DarkParameters
from darkpkg.physics.nuclei import FORM_FACTORS, Nucleus
from darkpkg.streams import random_stream
from darkpkg.units import ELECTRON_MASS, GeV

Array = NDArray[np.float64]

__all__ = ["DENSITIES", "HEAVY", "LIGHT", "REPLICATES", "SEQUENCES", "SamplingRange", "generate"]

ADAPTATION = {"nitn": 10, "neval": 4000}
"""Vegas iterations and integrand evaluations in each, per beam and nucleus, whatever the number of events: so the
first events of a long sample are those of a short one."""

EVEN_SHARE = 0.25
"""Share of the events that beams and nuclei get alike; the rest they get as often as they scatter in the detector.
The first keeps the error of rare nuclei small, such as argon, the second that of the sum."""

_BATCH = 1 << 16


def adapted_density(m_N: Array, m_Zprime: Array) -> Array:
    r"""Mass density q in (ln m_N, ln m_Z′) under which events fall about evenly, in GeV⁴.

    :math:`q = m_{Z'}^2\,(m_{Z'}^2 + Q_0^2)\,\left(1 + (m_N/m_0)^5\right)` with Q₀ = 0.1 GeV, m₀ = 0.3 GeV: the
    inverse of how the cross section falls, with the propagator for m_Z′ above the momentum transfer Q₀ that the form
    factors allow, and with threshold, coherence and selection for m_N above m₀. For m_Z′ ≫ Q₀ and m_N ≪ m₀ it is
    `paper_density`. A light Z′ is felt only above the smallest momentum transfer, about Q_min = m_N²/2E_ν with
    E_ν = 0.6 GeV + 3 m_N: for m_Z′ < m_N the first factor is :math:`m_{Z'}^2+Q_{min}^2`.
    """
    smallest = np.where(m_Zprime < m_N, m_N**2 / (2 * (0.6 * GeV + 3 * m_N)), 0.0)
    return (m_Zprime**2 + smallest**2) * (m_Zprime**2 + (0.1 * GeV) ** 2) * (1 + (m_N / (0.3 * GeV)) ** 5)


def paper_density(m_N: Array, m_Zprime: Array) -> Array:
    r"""The density of the paper: :math:`q\propto m_{Z'}^8/m_N^5`, multiplied into an integrand without 1/Γ.

    Eq. (21) as printed has 1/Γ, but only against σ·Γ ∝ m_Z′⁻⁴ · m_N⁵/m_Z′⁴ does this q level the masses. Our
    integrand is normalised by Γ, so here q is multiplied by Γ(θ), up to a constant. For m_Z′ < m_N the paper has
    :math:`q\propto m_{Z'}^2/m_N^{3.5}`.
    """
    point = BENCHMARK_B.replace(m_N=m_N, m_Zprime=m_Zprime, decays="paper")
    q = np.where(point.is_light_mediator, m_Zprime**2 / m_N**3.5, m_Zprime**8 / m_N**5)
    return q * point.decay_width()


def uniform_density(m_N: Array, m_Zprime: Array) -> Array:
    """q = 1, for masses that are drawn evenly instead of where the integrand is large: see `SamplingRange`."""
    return np.ones(np.broadcast(m_N, m_Zprime).shape)


DENSITIES: Mapping[str, Callable[[Array, Array], Array]] = {
    "adapted": adapted_density,
    "paper": paper_density,
    "log-uniform": uniform_density,
}
"""Mass densities q by name."""

SEQUENCES = ("random", "sobol")
"""How `generate` draws its points: independently, or as scrambled Sobol sequences."""

REPLICATES = 16
"""Independent Sobol sequences in a sample. Their spread gives the error of a prediction, itself to 1/√(2·15) = 18
%."""


@dataclass(frozen=True)
class SamplingRange:
    """The region of (m_N, m_Z′) in which masses are sampled, in GeV, on one side of the line m_N = m_Z′.

    ``mediator`` names the side: ``"heavy"`` for m_N ≤ m_Z′, where N decays through an off-shell Z′, or ``"light"``
    for m_Z′ < m_N, where it decays to an on-shell one. ``density`` names the mass density q of `DENSITIES`, in
    (ln m_N, ln m_Z′). Vegas learns to put events where q times the rate is large, which for ``"adapted"`` and
    ``"paper"`` is meant to be everywhere alike. For ``"log-uniform"`` nothing is learned about the masses: ln m_N and
    then ln(m_Z′/m_N) are drawn evenly between the edges of the region, whatever the rate. `SamplingRange.at` fixes
    the masses.
    """

    m_N: tuple[float, float]
    m_Zprime: tuple[float, float]
    mediator: str = "heavy"
    density: str = "adapted"

    def __post_init__(self) -> None:
        for name in ("m_N", "m_Zprime"):
            edges = real_array(name, getattr(self, name), None)
            if edges.shape != (2,):
                raise ValueError(f"{name} must be the smallest and the largest mass, got {getattr(self, name)!r}")
            low, high = edges.tolist()
            object.__setattr__(self, name, (low, high))
            if not (0 < low <= high < math.inf):
                raise ValueError(f"{name} must be sampled from a positive to a larger mass, got ({low}, {high})")
        if self.m_N[0] <= 2 * ELECTRON_MASS:
            raise ValueError(f"m_N must be above 2 m_e = {2 * ELECTRON_MASS} to decay to e⁺e⁻, got {self.m_N[0]}")
        one_of("mediator", self.mediator, ("heavy", "light"))
        if self.is_light and self.m_Zprime[0] <= 2 * ELECTRON_MASS:
            raise ValueError(f"m_Zprime must be above 2 m_e = {2 * ELECTRON_MASS} to decay, got {self.m_Zprime[0]}")
        if self.is_light and not self.m_Zprime[0] < self.m_N[0]:
            raise ValueError(f"a light m_Zprime must begin below m_N, got {self.m_Zprime} and {self.m_N}")
        if not self.is_light and not self.m_N[1] <= self.m_Zprime[1]:
            raise ValueError(f"a heavy m_Zprime must reach to the end of m_N, got {self.m_Zprime} and {self.m_N}")
        one_of("density", self.density, DENSITIES)

    @classmethod
    def at(cls, m_N: float, m_Zprime: float) -> SamplingRange:
        """Fixed masses, for a dedicated sample whose kernel weight is one."""
        m_N, m_Zprime = real_number("m_N", m_N), real_number("m_Zprime", m_Zprime)
        return cls((m_N, m_N), (m_Zprime, m_Zprime), "light" if m_Zprime < m_N else "heavy")

    @property
    def is_fixed(self) -> bool:
        """Whether both masses are fixed."""
        return self.m_N[0] == self.m_N[1] and self.m_Zprime[0] == self.m_Zprime[1]

    @property
    def is_light(self) -> bool:
        """Whether N decays to an on-shell Z′."""
        return self.mediator == "light"

    def q(self, m_N: ArrayLike, m_Zprime: ArrayLike) -> Array:
        """Mass density q(θ); one at fixed masses."""
        m_N, m_Zprime = _masses(m_N, m_Zprime)
        return np.ones(np.broadcast(m_N, m_Zprime).shape) if self.is_fixed else DENSITIES[self.density](m_N, m_Zprime)

    def flattening(self, m_N: ArrayLike, m_Zprime: ArrayLike) -> Array:
        """What the rate is multiplied by to be about flat: q, or `adapted_density` where masses are drawn evenly."""
        if self.density == "log-uniform":
            return adapted_density(*_masses(m_N, m_Zprime))
        return self.q(m_N, m_Zprime)

    def contains(self, m_N: ArrayLike, m_Zprime: ArrayLike) -> NDArray[np.bool_]:
        """Whether each point of the mass plane lies in the sampled region."""
        m_N, m_Zprime = _masses(m_N, m_Zprime)
        return self._between(self.m_N, self.m_Zprime, m_N, m_Zprime)

    def contains_logarithms(self, ln_masses: Array) -> NDArray[np.bool_]:
        """As `contains`, for points (..., 2) in (ln m_N, ln m_Z′)."""
        return self._between(np.log(self.m_N), np.log(self.m_Zprime), ln_masses[..., 0], ln_masses[..., 1])

    def _between(self, x_range: ArrayLike, y_range: ArrayLike, x: Array, y: Array) -> NDArray[np.bool_]:
        (x_low, x_high), (y_low, y_high) = x_range, y_range  # type: ignore[misc]
        inside = (x_low <= x) & (x <= x_high)
        inside &= (y < x) if self.is_light else (x <= y)
        return inside & (y_low <= y) & (y <= y_high)


def _masses(m_N: ArrayLike, m_Zprime: ArrayLike) -> tuple[Array, Array]:
    m_N, m_Zprime = (real_numbers(name, m, -1e30, 1e30) for name, m in (("m_N", m_N), ("m_Zprime", m_Zprime)))
    return broadcast(m_N=m_N, m_Zprime=m_Zprime)


HEAVY = SamplingRange(m_N=(4e-3, 1.25), m_Zprime=(4e-3, 12.5))
"""The heavy mediator, m_N < m_Z′: m_N from 5 MeV to 1 GeV and m_Z′ up to 10 GeV, with room for a kernel around."""

LIGHT = SamplingRange(m_N=(4e-3, 1.25), m_Zprime=(1.5e-3, 1.25), mediator="light")
"""The light mediator, m_Z′ < m_N: m_N from 5 MeV to 1 GeV and m_Z′ from 2 MeV up to m_N."""


def generate(
    sampling: SamplingRange,
    n_events: int | Mapping[str, int],
    seed: int,
    *,
    couplings: DarkParameters = BENCHMARK_B,
    detector: Detector | None = None,
    hydrogen: bool = False,
    form_factor: str = "fourier-bessel",
    sequence: str = "random",
    progress: bool = False,
) -> Events:
    """Simulate upscattering and decay of N with weighted events.

    Parameters
    ----------
    sampling
        Region of masses, such as `HEAVY`, or fixed masses by `SamplingRange.at`.
    n_events
        Number of events. A quarter is spread evenly over both beams and all nuclei, so that rare ones, such as argon,
        are known too; the rest goes where N are made in the detector, for equal protons on target in both beams. The
        weights carry how often each occurs. A mapping such as ``{"Ar40": 400_000, …}`` gives each nucleus its own
        number, spread over both beams.
    seed
        Non-negative integer. The same seed gives the same events, bit for bit. Each beam and nucleus draws from its
        own stream, so that another nucleus leaves its events alone; only if it takes some of a fixed total do they
        end earlier, with weights divided by a smaller number. A longer sample begins with the events of a shorter.
    couplings
        Values of |V_μN|² α_D ε² to generate at; they scale all weights. Its ``is_majorana`` says which kind of N
        decays, with its spin or without.
    detector
        Its elements are the targets. The default is `ND280`.
    hydrogen
        Scatter on hydrogen too, elastically. The paper leaves it out: it has no coherent enhancement. At
        benchmark B it adds 4 % to the selected upscatterings and 7 % to the events of Analysis I; at A nothing to
        those, and 3 % to the events of Analysis II.
    form_factor
        Model of the charge form factor, a name of `darkpkg.physics.nuclei.FORM_FACTORS`.
    sequence
        ``"random"`` draws every event independently. ``"sobol"`` takes the points of masses and phase space together
        from 16 scrambled Sobol sequences (`scipy.stats.qmc`) for each beam and nucleus, in turn: they fill the space
        more evenly, and the spread of the 16 gives the error of a prediction.
    progress
        Show a progress bar.

    Returns
    -------
    Events
        With weights in upscatterings per nucleus and POT. The sum of the weights of a beam and nucleus is the
        integral of flux × σ × q over the sampled masses.

    Raises `ValueError` or `TypeError` that names the argument, before any work; also for more events than there is
    memory for.
    """
    detector = detectors.ND280 if detector is None else detector
    check_kinds(
        sampling=(sampling, SamplingRange),
        couplings=(couplings, DarkParameters),
        detector=(detector, Detector),
        hydrogen=(hydrogen, bool),
    )
    one_of("sequence", sequence, SEQUENCES)
    one_of("form_factor", form_factor, FORM_FACTORS)
    targets = detector.nuclei if hydrogen else detector.targets
    pairs = list(itertools.product(BEAMS, targets))
    if couplings.shape != ():
        raise ValueError(f"couplings must be a single point, got shape {couplings.shape}")
    _check_number(detector, targets, n_events)
    random_stream(seed)  # refuses a seed that is none before any work is done
    channels = [
        _Channel(
            beam,
            targets[element],
            Integrand(target(load_flux(beam), targets[element], form_factor), sampling, couplings),
            seed,
        )
        for beam, element in tqdm(pairs, desc="adapting", disable=not progress, leave=False)
    ]
    if isinstance(n_events, Mapping):
        shares = [_even_shares(n_events[channel.nucleus.name])[channel.beam] for channel in channels]
    else:
        nuclei = np.array([detector.number_of_nuclei(element) for _, element in pairs])
        shares = _shares(nuclei * [channel.rate for channel in channels], n_events)
    n_events = sum(shares)
    columns = _empty_columns(n_events)
    begin = 0
    with tqdm(total=n_events, unit=" events", desc="simulating", disable=not progress, leave=False) as bar:
        for channel, n in zip(channels, shares, strict=True):
            channel.simulate(n, sequence, {name: column[begin : begin + n] for name, column in columns.items()}, bar)
            begin += n
    columns["weight"] *= couplings.coupling
    made = {"hydrogen": "H" in targets, "form_factor": form_factor, "sequence": sequence}
    return Events(**columns, provenance=_provenance(sampling, n_events, seed, couplings, detector) | made)


def _empty_columns(n: int) -> dict[str, NDArray[Any]]:
    scalar = {name: np.empty(n) for name in ("weight", "m_N", "m_Zprime")}
    vector = {name: np.empty((n, 4)) for name in ("p_N", "p_electron", "p_positron")}
    vector["point"] = np.empty((n, DECAY_AXES + 2))
    integer = {name: np.empty(n, dtype=np.int64) for name in ("target", "replicate")}
    return scalar | vector | integer | {"beam": np.empty(n, dtype="U3")}


def _check_number(detector: Detector, targets: Mapping[str, Nucleus], n_events: int | Mapping[str, int]) -> None:
    numbers, least = {"n_events": n_events}, len(BEAMS) * len(targets)
    if isinstance(n_events, Mapping):
        names = [nucleus.name for nucleus in targets.values()]
        if set(n_events) != set(names):
            raise ValueError(f"n_events must name the nuclei of {detector.name}, {names}, got {list(n_events)}")
        numbers, least = {f"n_events of {name}": number for name, number in n_events.items()}, len(BEAMS)
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
            raise ValueError(
                f"{name} must be an integer, at least {least} for as many beams and nuclei, got {number!r}"
            )
    total = sum(int(number) for number in numbers.values())
    an_event = sum(column[:1].nbytes for column in _empty_columns(1).values())
    # Vegas and what is drawn at once come on top, whatever the number of events.
    require_memory(float(an_event) * total, f"a simulation of {total} events")


def _even_shares(total: int) -> dict[str, int]:
    """The events of a nucleus spread over the beams."""
    share, rest = divmod(int(total), len(BEAMS))
    return {beam: share + (i < rest) for i, beam in enumerate(BEAMS)}


def _shares(rates: Array, n_events: int) -> list[int]:
    """Events of each channel out of the total, by how often it scatters: one at least, and the more the longer."""
    even = np.full(len(rates), 1 / len(rates))
    share = EVEN_SHARE * even + (1 - EVEN_SHARE) * (rates / rates.sum() if rates.any() else even)
    own = np.maximum(np.floor(share * n_events).astype(int), 1)
    for channel in np.argsort(own - share * n_events)[: max(int(n_events) - own.sum(), 0)]:
        own[channel] += 1
    while own.sum() > n_events:
        own[own.argmax()] -= 1
    return own.tolist()


class _Channel:
    """One beam and nucleus: its adapted map, and events drawn from it."""

    def __init__(self, beam: str, nucleus: Nucleus, integrand: Integrand, seed: int) -> None:
        self.beam, self.nucleus, self._integrand = beam, nucleus, integrand
        self._stream = (seed, beam, nucleus.name)
        self._map, self.rate = _adapt(integrand, random_stream(*self._stream, "adapt"))

    def simulate(self, n_events: int, sequence: str, columns: dict[str, NDArray[Any]], bar: tqdm[Any]) -> None:
        """Fill ``n_events`` rows, with weights for unit couplings."""
        integrand = self._integrand
        columns["target"][:], columns["beam"][:] = self.nucleus.pdg_code, self.beam
        columns["replicate"][:] = np.arange(n_events) % REPLICATES if sequence == "sobol" else 0
        # The azimuths of N and of its decay are uniform: vegas need not adapt to them.
        draw = _points(sequence, integrand.dim + 2, self._stream)
        for begin in range(0, n_events, _BATCH):
            rows = slice(begin, min(begin + _BATCH, n_events))
            n = rows.stop - rows.start
            y = draw(n)
            u, jacobian = np.empty((n, integrand.dim)), np.empty(n)
            self._map.map(np.ascontiguousarray(y[:, :-2]), u, jacobian)
            value, variables = integrand.evaluate(u)
            columns["weight"][rows] = value * jacobian / n_events
            columns["m_N"][rows], columns["m_Zprime"][rows] = variables[:, -2], variables[:, -1]
            columns["point"][rows, :DECAY_AXES], columns["point"][rows, DECAY_AXES:] = u[:, :DECAY_AXES], y[:, -2:]
            momenta = (columns[name][rows] for name in ("p_N", "p_electron", "p_positron"))
            laboratory_momenta(variables, y[:, -2:], integrand.target, *momenta)
            bar.update(n)


def _points(sequence: str, dim: int, stream: tuple[int, str, str]) -> Callable[[int], Array]:
    """A function that draws the next n points of the unit hypercube, event by event of each replicate in turn."""
    if sequence == "random":
        rng = random_stream(*stream, "events")
        return lambda n: rng.random((n, dim))
    from scipy.stats import qmc  # here: its import takes longer than most calculations

    sequences = [qmc.Sobol(dim, rng=random_stream(*stream, "sobol", r)) for r in range(REPLICATES)]

    def draw(n: int) -> Array:
        # A batch begins with the first replicate, as _BATCH is a multiple of their number.
        with warnings.catch_warnings():  # the sums have errors of their own, whether or not n is a power of two
            warnings.filterwarnings("ignore", "The balance properties", UserWarning)
            blocks = [one.random(len(range(r, n, REPLICATES))) for r, one in enumerate(sequences)]
        y = np.empty((n, dim))
        for r, block in enumerate(blocks):
            y[r::REPLICATES] = block
        return y

    return draw


class Integrand:
    """Eq. (21) for one beam and nucleus on the unit hypercube, as a batch integrand of vegas."""

    def __init__(self, target: Target, sampling: SamplingRange, couplings: DarkParameters) -> None:
        self.target, self._sampling, self._remembers_spin = target, sampling, not couplings.is_majorana
        self._log_m_N, self._log_m_Zprime = np.log(sampling.m_N), np.log(sampling.m_Zprime)
        self.dim = DECAY_AXES if sampling.is_fixed else len(VARIABLES)
        self.draws_masses_evenly = sampling.density == "log-uniform" and not sampling.is_fixed

    def evaluate(self, u: Array) -> tuple[Array, Array]:
        """Integrand (n,) and physical variables (n, 8) at the points ``u`` (n, dim)."""
        m_N, m_Zprime, jacobian = self._masses(u[:, DECAY_AXES:])
        value, variables = self.at_masses(np.ascontiguousarray(u[:, :DECAY_AXES]), m_N, m_Zprime)
        return value * jacobian * self._sampling.q(m_N, m_Zprime), variables

    def at_masses(self, u: Array, m_N: Array, m_Zprime: Array) -> tuple[Array, Array]:
        """Integrand without density q and physical variables at points ``u`` (n, 6), each with its masses (n,)."""
        value, variables = np.empty(len(u)), np.empty((len(u), len(VARIABLES)))
        region = self._sampling.is_light, self._remembers_spin
        upscattering_and_decay(u, m_N, m_Zprime, self.target, *region, value, variables)
        return value, variables

    def _masses(self, u: Array) -> tuple[Array, Array, Array]:
        """Masses (n,) for points (n, 2) of the unit square, and d ln m_N d ln m_Z′/du."""
        if not u.shape[1]:
            return (
                np.full(len(u), self._sampling.m_N[0]),
                np.full(len(u), self._sampling.m_Zprime[0]),
                np.ones(len(u)),
            )
        ln_m_N = self._log_m_N[0] + u[:, 0] * np.diff(self._log_m_N)
        lowest, highest = np.broadcast_to(self._log_m_Zprime[:, None], (2, len(u)))
        if self._sampling.is_light:
            highest = np.minimum(ln_m_N, highest)
        else:
            lowest = np.maximum(ln_m_N, lowest)
        ln_m_Zprime = lowest + u[:, 1] * (highest - lowest)
        jacobian = np.diff(self._log_m_N) * np.maximum(highest - lowest, 0.0)
        return np.exp(ln_m_N), np.exp(ln_m_Zprime), jacobian

    def __call__(self, u: Array) -> Array:
        """What vegas adapts to: with a flat mass plane, also where masses are then drawn evenly."""
        value, variables = self.evaluate(np.ascontiguousarray(u))
        if self.draws_masses_evenly:
            value *= self._sampling.flattening(variables[:, -2], variables[:, -1])
        return value


def _adapt(integrand: Integrand, rng: np.random.Generator) -> tuple[vegas.AdaptiveMap, float]:
    """The map that vegas learns, and the integral."""
    integrator = vegas.Integrator([[0.0, 1.0]] * integrand.dim, ran_array_generator=rng.random)
    integral = integrator(vegas.lbatchintegrand(integrand), **ADAPTATION).mean
    return _uniform_in_masses(integrator.map) if integrand.draws_masses_evenly else integrator.map, integral


def _uniform_in_masses(adaptive_map: vegas.AdaptiveMap) -> vegas.AdaptiveMap:
    """The map with even steps along the two axes of the masses."""
    grid = [adaptive_map.extract_grid()[axis] for axis in range(DECAY_AXES)]
    return vegas.AdaptiveMap([*grid, *[np.linspace(0.0, 1.0, len(grid[0]))] * 2])


def _provenance(
    sampling: SamplingRange, n_events: int, seed: int, couplings: DarkParameters, detector: Detector
) -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in ("darkpkg", "numpy", "scipy", "numba", "vegas")}
    return {
        "seed": int(seed),
        "n_events": int(n_events),
        "sampling": asdict(sampling),
        "couplings": {name: getattr(couplings, name) for name in ("alpha_D", "epsilon", "V_muN_sq", "is_majorana")},
        "targets_of": detector.name,
        "flux": {beam: datasets.manifest(f"flux/nd280_{beam.lower()}").sha256 for beam in BEAMS},
        "versions": versions,
        "units": {"energy": "GeV", "length": "cm"},
    }

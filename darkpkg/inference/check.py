"""Is a point of the parameter space excluded? Begin with `check`, which gives a `Verdict`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from darkpkg.experiment import detector
from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.beam import Beam
from darkpkg.inference.likelihood import Likelihood, log_likelihood
from darkpkg.inference.threshold import exclusion_rule, exclusion_threshold, no_signal
from darkpkg.inputs import check_kinds
from darkpkg.method.estimators import Estimator, Transport, check_estimator
from darkpkg.method.expectation import FEW_EVENTS, Expectation, FewEventsWarning
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import Nucleus, elements
from darkpkg.physics.scattering import threshold_energy
from darkpkg.physics.validity import validity_notes
from darkpkg.units import cm

Array = NDArray[np.float64]

__all__ = ["Verdict", "check", "verdict_without_neutrinos"]

_N_PARAMETERS = 2


@dataclass(frozen=True, eq=False)
class Verdict:
    """What an analysis says about one point, and why.

    ``status`` is ``"excluded"``, ``"not excluded"`` or ``"no statement"``, and then ``reason`` says what is missing.
    The point is excluded where ``minus_delta_log_likelihood``, how far ln L falls below its value without any signal
    or here, whichever is larger, exceeds ``threshold``: this is the ``rule`` in words. ``expected_events`` of all
    bins have a statistical ``error``, a ``bias`` of smoothing, zero where nothing is smoothed, and the effective
    number ``n_effective`` of simulated events behind them; ``expectation`` has them for each bin, and
    ``upscatterings`` the same before asking that N decays in a decay volume. ``notes`` are what its users must be
    told: the caveat of the analysis, where the point is beyond what is computed (`validity_notes`), and how far the
    simulation reaches.
    """

    status: str
    reason: str
    analysis: str
    minus_delta_log_likelihood: float
    threshold: float
    rule: str
    notes: tuple[str, ...]
    expectation: Expectation = field(repr=False)
    upscatterings: Expectation = field(repr=False)

    @property
    def expected_events(self) -> float:
        """Expected signal in all bins."""
        return float(self.expectation.total().mean)

    @property
    def error(self) -> float:
        """Its statistical error."""
        return float(self.expectation.total().error)

    @property
    def bias(self) -> float:
        """How far smoothing over the masses is estimated to move it."""
        return float(self.expectation.total().bias)

    @property
    def n_effective(self) -> float:
        """So many unweighted events would know it as well."""
        return float(self.expectation.total().n_effective)


def check(
    estimator: Estimator,
    parameters: DarkParameters,
    analysis: Analysis,
    *,
    likelihood: Likelihood = log_likelihood,
    cl: float = 0.90,
) -> Verdict:
    """Whether ``analysis`` excludes one point at confidence level ``cl``, or why there is nothing to say.

    There is no statement where no neutrino of the beam can make this N and where no effective event of the sample
    counts. With fewer than 10 effective events behind a channel, a verdict is given only if it is the same all over
    the 95 % interval of the expectation: that of the mean of a Poisson for as many events as there are effective
    ones, in each channel, with the estimated bias of smoothing on either side. With more the verdict stands, and a
    note tells where it would change within that interval.

    Parameters
    ----------
    estimator
        `Transport` of a sample over masses, or at the masses of the point; `Kernel`, or another `Estimator`.
    parameters
        One point, of shape ().
    analysis
        One, or a sum of several.

    Raises `TypeError` or `ValueError` that names what is of the wrong type, not a single point, outside the sampled
    masses, of another kind of N, or a bin with data that neither background nor signal can make.

    >>> check(Transport(sample), BENCHMARK_B, ANALYSIS_I).status               # doctest: +SKIP
    'excluded'
    """
    check_estimator(estimator, "events", "upscatterings")
    kinds = {"parameters": (parameters, DarkParameters), "analysis": (analysis, Analysis)}
    check_kinds(**kinds, likelihood=(likelihood, Callable))
    targets, beams = _targets(estimator), _beams(estimator)
    unreached = verdict_without_neutrinos(parameters, analysis, targets, beams, likelihood=likelihood, cl=cl)
    if unreached is not None:
        return unreached
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewEventsWarning)  # the verdict itself says so
        signal = estimator.events(parameters, analysis)
        upscatterings = estimator.upscatterings(parameters, analysis)
    threshold, distance = exclusion_threshold(cl, _N_PARAMETERS), _distance(signal, analysis, likelihood)
    names = {channel.beam for channel in analysis.channels}
    empty = {name: _unreached(parameters, targets, _named(beams, name)) for name in names}
    interval = _Interval.of(signal, analysis, empty)
    excluded = distance > threshold
    end = interval.low if excluded else interval.high  # more signal is worse
    firm = np.isfinite(end.mean).all() and (_distance(end, analysis, likelihood) > threshold) == excluded
    status, reason, notes = "excluded" if excluded else "not excluded", "", []
    if not signal.total().mean > 0 or (interval.fewest < FEW_EVENTS and not firm):
        status, reason = "no statement", f"too few effective events: {interval.few}"
    elif interval.fewest < FEW_EVENTS:
        notes.append(f"few effective events: {interval.few}, all over which the verdict is the same")
    elif not firm:
        notes.append(f"the verdict changes within {interval}: simulate more")
    notes += _flights_from_elsewhere(estimator, parameters)
    return _verdict(parameters, analysis, cl, distance, notes, signal, upscatterings, status, reason)


def _targets(estimator: Any) -> list[Nucleus]:
    """Nuclei of the sample, if the estimator has one; without, nothing is told of thresholds."""
    if not hasattr(estimator, "sample"):
        return []
    codes = set(np.unique(estimator.sample.target).tolist())
    return [element.nucleus for element in elements().values() if element.nucleus.pdg_code in codes]


def _beams(estimator: Any) -> tuple[Beam, ...]:
    """Beams of the sample, if the estimator has one."""
    return estimator.sample.origin.beams if hasattr(estimator, "sample") else ()


def verdict_without_neutrinos(
    parameters: DarkParameters,
    analysis: Analysis,
    targets: Iterable[Nucleus],
    beams: Iterable[Beam],
    *,
    likelihood: Likelihood = log_likelihood,
    cl: float = 0.90,
) -> Verdict | None:
    """The verdict on one point that needs no sample, as no neutrino can make this N; None if some can.

    ``targets`` are the nuclei that N may be made on, ``beams`` those of the experiment. Raises `ValueError` unless
    ``parameters`` are a single point.
    """
    if parameters.shape != ():
        raise ValueError(f"parameters must be a single point, of shape (), got shape {parameters.shape}")
    names = [channel.beam for channel in analysis.channels]
    reason = _unreached(parameters, list(targets), _named(beams, *names))
    if not reason:
        return None
    nothing = no_signal(analysis)
    distance = _distance(nothing, analysis, likelihood)
    return _verdict(parameters, analysis, cl, distance, [], nothing, nothing, "no statement", reason)


def _verdict(
    parameters: DarkParameters,
    analysis: Analysis,
    cl: float,
    distance: float,
    notes: list[str],
    signal: Expectation,
    upscatterings: Expectation,
    status: str,
    reason: str,
) -> Verdict:
    if not math.isfinite(distance):
        raise ValueError(
            f"the likelihood of {analysis.name} is not finite here: look at its counts and uncertainties"
        )
    notes = [*filter(None, [analysis.caveat]), *validity_notes(parameters), *notes]
    threshold, rule = exclusion_threshold(cl, _N_PARAMETERS), exclusion_rule(cl, _N_PARAMETERS)
    return Verdict(status, reason, analysis.name, distance, threshold, rule, tuple(notes), signal, upscatterings)


def _named(beams: Iterable[Beam], *names: str) -> list[Beam]:
    return [beam for beam in beams if beam.name in names]


def _unreached(parameters: DarkParameters, targets: list[Nucleus], beams: list[Beam]) -> str:
    """Why no neutrino of these beams makes this N on any of the targets; empty if some can."""
    threshold = min((float(threshold_energy(parameters.m_N, nucleus)) for nucleus in targets), default=math.inf)
    ends = [float(flux.edges[-1]) for beam in beams for flux in beam.fluxes.values()]
    end = max(ends, default=math.inf)  # of events from elsewhere it is not known
    if threshold < end or not targets:
        return ""
    return (
        f"no neutrino of the beam can make this N: threshold {threshold:.4g} GeV, beam ends at {end:.4g} GeV "
        f"(m_N = {parameters.m_N:.4g} GeV; masses are in GeV)"
    )


FAR = 1 * cm
"""A dark photon that flies so far on average also comes from other modules."""


def _flights_from_elsewhere(estimator: Any, parameters: DarkParameters) -> list[str]:
    """A note where Z′ would fly into the chambers from modules that the sample leaves out."""
    length, sample = float(parameters.mediator_decay_length()), getattr(estimator, "sample", None)
    if not length > 0 or sample is None or sample.detector.name != detector.ND280_TRACKER.name:
        return []
    if isinstance(estimator, Transport):
        _, _, sample = next(estimator.samples(parameters))
    p_Z = np.median(momentum(sample.p_electron + sample.p_positron))
    flight = length * p_Z / float(parameters.m_Zprime)
    if flight < FAR:
        return []
    return [
        f"Z' flies {flight:.3g} cm before it decays, this sample of {detector.ND280_TRACKER.name} leaves out N from "
        "the P0D"
    ]


def _distance(signal: Expectation, analysis: Analysis, likelihood: Likelihood) -> float:
    """−Δ ln L of one point, compared with no signal; nan where its ln L is not finite."""
    here, without = (float(likelihood(prediction, analysis)) for prediction in (signal, no_signal(analysis)))
    return max(here, without) - here if math.isfinite(here) else math.nan


@dataclass(frozen=True, eq=False)
class _Interval:
    """The 95 % interval of an expectation, from ``low`` to ``high``; the latter is inf where no event tells.

    ``fewest`` effective events stand behind ``channel``.
    """

    low: Expectation
    high: Expectation
    fewest: float
    channel: str

    @classmethod
    def of(cls, signal: Expectation, analysis: Analysis, unreached: Mapping[str, str]) -> _Interval:
        """A channel for whose beam something is ``unreached`` is empty for certain, and has no part in this."""
        sums = signal.in_channels(analysis)
        certain = np.array([bool(unreached[channel.beam]) for channel in analysis.channels])
        n = np.where(sums.mean > 0, sums.n_effective, 0.0)
        shift = np.divide(np.abs(sums.bias), sums.mean, out=np.zeros(n.shape), where=n > 0)
        factors = np.divide(np.stack([gammaincinv(n, 0.025), gammaincinv(n + 1, 0.975)]), n, where=n > 0,
                            out=np.stack([np.zeros(n.shape), np.full(n.shape, np.inf)]))  # fmt: skip
        factors += np.stack([-shift, shift])
        factors[:, certain], n[certain] = 0.0, np.inf
        bins = [len(channel.observed) for channel in analysis.channels]
        low, high = (_times(signal, np.repeat(factor, bins)) for factor in np.maximum(factors, 0.0))
        return cls(low, high, float(n.min()), analysis.channels[int(n.argmin())].name)

    @property
    def few(self) -> str:
        """How few events there are, and what they leave open."""
        number = f"{self.fewest:.3g}" if self.fewest else "none"
        return f"{number} in {self.channel}, which leaves {self} open"

    def __str__(self) -> str:
        low, high = self.low.mean.sum(), self.high.mean.sum()
        return f"{low:.4g} to {high:.4g} expected events" if np.isfinite(high) else f"any number above {low:.4g}"


def _times(signal: Expectation, factor: Array) -> Expectation:
    """More or fewer events of the same weights, which bring their variance."""
    mean = np.where(np.isinf(factor), np.inf, np.where(np.isinf(factor), 0.0, factor) * signal.mean)
    return Expectation(mean, np.where(np.isinf(factor), 0.0, factor) * signal.variance)

"""Is a point of the parameter space excluded? Begin with `check`, which gives a `Verdict`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment import detector
from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.beam import Beam
from darkpkg.inference.constructions import allowance
from darkpkg.inference.likelihood import Likelihood, log_likelihood, values_of
from darkpkg.inference.outcomes import Method, method_of
from darkpkg.inference.threshold import exclusion_rule, exclusion_threshold, gamma_quantile, no_signal
from darkpkg.inputs import check_kinds
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import FEW_EVENTS, Expectation, FewEventsWarning
from darkpkg.method.interface import Estimator, check_estimator, fits, prediction
from darkpkg.method.predictions import check_point
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import Nucleus, elements
from darkpkg.physics.scattering import smallest_energy
from darkpkg.physics.validity import validity_notes
from darkpkg.units import cm


@dataclass(frozen=True, eq=False)
class Verdict:
    """The result of an analysis for one point, and its reason.

    Attributes
    ----------
    status
        ``"excluded"``, ``"not excluded"`` or ``"no statement"``.
    reason
        What is missing for a statement.
    analysis
        Name of the analysis.
    minus_delta_log_likelihood
        How far ln L of the point is below that without any signal; zero if it is above.
    threshold, rule
        The point is excluded where it falls further than that, in numbers and in words.
    notes
        What its users must be told: the caveat of the analysis, where the point is beyond what is computed
        (`validity_notes`), and how far the simulation reaches.
    expectation
        Signal in each bin, (bins,) events.
    upscatterings
        The same wherever N decays.
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
    def expected_events(self) -> Expectation:
        """Expected signal in all bins: mean, error, bias of smoothing and effective number."""
        return self.expectation.total()


@dataclass(frozen=True)
class Rule:
    """What excludes a point: the arguments of `check`."""

    analysis: Analysis
    likelihood: Likelihood = log_likelihood
    cl: float = 0.90
    method: str | Method = "likelihood"

    def distance(self, signal: Expectation) -> float:
        """−Δ ln L of one point, compared with no signal; nan where its ln L is not finite."""
        nothing = no_signal(self.analysis)
        here, without = (float(values_of(self.likelihood, one, self.analysis)) for one in (signal, nothing))
        return max(here, without) - here if math.isfinite(here) else math.nan

    def excludes_signals_like(self, signal: Expectation) -> Callable[[Expectation], bool]:
        """What tells whether a signal, of about the same shape, is excluded."""
        if method_of(self.method).name == "likelihood":
            return lambda one: self.distance(one) > exclusion_threshold(self.cl)
        size = max(float(np.sum(signal.mean)), 1e-12)
        line = Expectation(np.geomspace(0.01, 1e4, 300)[:, None] / size * signal.mean, np.zeros((300, 1)))
        allowed = allowance(line, self.analysis, self.likelihood, 0.0, self.cl, 2, self.method)
        return lambda one: bool(allowed(one) < 0)

    def verdict(
        self, parameters: DarkParameters, signal: Expectation, upscatterings: Expectation, status: str, reason: str,
        notes: list[str],
    ) -> Verdict:  # fmt: skip
        """The verdict on one point, once its status is known. Raises `ValueError` where ln L is not finite."""
        distance, name = self.distance(signal), self.analysis.name
        if not math.isfinite(distance):
            raise ValueError(f"the likelihood of {name} is not finite here: look at its counts and uncertainties")
        notes = [*filter(None, [self.analysis.caveat]), *validity_notes(parameters), *notes]
        rule = exclusion_threshold(self.cl), exclusion_rule(self.cl, method=method_of(self.method).name)
        return Verdict(status, reason, name, distance, *rule, tuple(notes), signal, upscatterings)

    def no_statement(self, parameters: DarkParameters, reason: str) -> Verdict:
        """The verdict on one point that there are no events for."""
        nothing = no_signal(self.analysis)
        return self.verdict(parameters, nothing, nothing, "no statement", reason, [])


def check(
    estimator: Estimator | None,
    parameters: DarkParameters,
    analysis: Analysis,
    *,
    likelihood: Likelihood = log_likelihood,
    cl: float = 0.90,
    method: str | Method = "likelihood",
) -> Verdict:
    """Whether ``analysis`` excludes one point at confidence level ``cl``, or why there is no answer.

    There is no statement where no neutrino of the beam can make this N and where no effective event of the sample
    counts. With fewer than 10 effective events behind a channel, a verdict is given only if it is the same all over
    the 95 % interval of the expectation: that of the mean of a Poisson for as many events as there are effective
    ones, in each channel, with the estimated bias of smoothing on either side. With more the verdict stands, and a
    note tells where it would change within that interval.

    Parameters
    ----------
    estimator
        `Transport` of a sample over masses, or at the masses of the point;
        `darkpkg.method.estimators.Kernel`, or another `Estimator`; None for the table of all rates, `load_table`.
    parameters
        One point, of shape ().
    analysis
        One, or a sum of several, perhaps with ``shared`` errors.
    likelihood
        What gives ln L of an expectation and the analysis.
    cl, method
        The `exclusion_rule`, for two parameters. Other methods than ``"likelihood"`` compare with other rates of the
        same signal.

    Returns
    -------
    Verdict

    Raises
    ------
    TypeError, ValueError
        With the name of what is of the wrong type, not a single point, outside the sampled masses, of another kind
        of N, or a bin with data that neither background nor signal can make.

    Examples
    --------
    >>> check(Transport(sample), BENCHMARK_B, ANALYSIS_I).status               # doctest: +SKIP
    'excluded'
    """
    estimator = check_estimator(estimator, "events", "upscatterings")
    check_kinds(analysis=(analysis, Analysis), likelihood=(likelihood, Callable))
    sample = getattr(estimator, "sample", None)  # without, there is no note on thresholds
    targets, beams = ([], ()) if sample is None else (_nuclei(sample), sample.origin.beams)
    rule = Rule(analysis, likelihood, cl, method)
    unreached = verdict_without_neutrinos(parameters, rule, targets, beams)
    if unreached is not None:
        return unreached
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewEventsWarning)  # the verdict itself has their number
        signal = prediction(estimator, parameters, analysis, ())
        upscatterings = fits(estimator.upscatterings(parameters, analysis), analysis, ())
    own = ([beam for beam in beams if beam.name == channel.beam] for channel in analysis.channels)
    empty = [bool(unreachable(parameters.m_N, targets, of_channel)) for of_channel in own]
    low, high, n_effective = _interval(signal, analysis, np.array(empty))
    excludes = rule.excludes_signals_like(signal)
    excluded = excludes(signal)
    end = low if excluded else high  # more signal is worse
    firm = np.isfinite(end.mean).all() and excludes(end) == excluded
    fewest, channel = float(n_effective.min()), analysis.channels[int(n_effective.argmin())].name
    between = _between(low.mean.sum(), high.mean.sum())
    few = f"few effective events: {f'{fewest:.3g}' if fewest else 'none'} in {channel}, which leaves {between} open"
    status, reason, notes = "excluded" if excluded else "not excluded", "", []
    if not signal.total().mean > 0 or (fewest < FEW_EVENTS and not firm):
        status, reason = "no statement", f"too {few}"
    elif fewest < FEW_EVENTS:
        notes.append(f"{few}, all over which the verdict is the same")
    elif not firm:
        notes.append(f"the verdict changes within {between}: simulate more")
    notes += _flights_from_elsewhere(estimator, sample, parameters)
    return rule.verdict(parameters, signal, upscatterings, status, reason, notes)


def verdict_without_neutrinos(
    parameters: DarkParameters, rule: Rule, targets: Iterable[Nucleus], beams: Iterable[Beam]
) -> Verdict | None:
    """The verdict on one point that needs no sample, as no neutrino can make this N; None if some can.

    Parameters
    ----------
    parameters
        One point, of shape ().
    rule
        What would exclude it.
    targets, beams
        The nuclei that N may be produced on, and the beams of the experiment.

    Raises
    ------
    TypeError, ValueError
        Unless ``parameters`` are a single point.
    """
    check_point(parameters)
    names = {channel.beam for channel in rule.analysis.channels}
    reason = unreachable(parameters.m_N, targets, [beam for beam in beams if beam.name in names])
    return rule.no_statement(parameters, reason) if reason else None


def _nuclei(sample: PlacedEvents) -> list[Nucleus]:
    """Nuclei that N was produced on."""
    known = (*(element.nucleus for element in elements().values()), *sample.origin.nuclei)
    by_code = {nucleus.pdg_code: nucleus for nucleus in known}
    return [by_code[code] for code in np.unique(sample.target).tolist() if code in by_code]


def unreachable(m_N: Any, targets: Iterable[Nucleus], beams: Iterable[Beam]) -> str:
    """Why no neutrino of the beams makes an N of mass ``m_N`` (GeV) on any of the targets; empty if some can."""
    needed = [float(smallest_energy(m_N, nucleus)) for nucleus in targets]
    ends = [float(flux.edges[-1]) for beam in beams for flux in beam.fluxes.values()]
    if not needed or not ends or min(needed) < max(ends):  # of events from elsewhere it is not known
        return ""
    return (
        f"no neutrino of the beam can make this N: it takes {min(needed):.4g} GeV, beam ends at "
        f"{max(ends):.4g} GeV (m_N = {m_N:.4g} GeV; masses are in GeV)"
    )


FAR = 1 * cm
"""Mean flight in cm of a dark photon from which on it may also come from other modules, with a note."""


def _flights_from_elsewhere(estimator: Any, sample: Any, parameters: DarkParameters) -> list[str]:
    """A note where Z′ would fly into the chambers from modules that the sample leaves out."""
    length = float(parameters.mediator_decay_length())
    if not length > 0 or sample is None or sample.detector.name != detector.ND280_TRACKER.name:
        return []
    if hasattr(estimator, "samples"):
        _, _, sample = next(estimator.samples(parameters))
    flight = length * np.median(momentum(sample.p_electron + sample.p_positron)) / float(parameters.m_Zprime)
    note = (
        f"Z' flies {flight:.3g} cm before it decays, this sample of {sample.detector.name} leaves out N from the P0D"
    )
    return [note] if flight >= FAR else []


_CERTAIN = 1e12
"""Effective events of a mean without any error, that of an estimator that does not simulate."""


def _interval(
    signal: Expectation, analysis: Analysis, empty: NDArray[np.bool_]
) -> tuple[Expectation, Expectation, NDArray[np.float64]]:
    """Ends of the 95 % interval of an expectation, inf where there is no event, and effective events of each channel.

    Channels that are ``empty`` for certain have no part in this. More or fewer events have the same weights, which
    bring their variance.
    """
    sums = signal.in_channels(analysis)
    n = np.where(sums.mean > 0, np.where(sums.error > 0, sums.n_effective, _CERTAIN), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.abs(sums.bias) / sums.mean
        below = np.array([gamma_quantile(one, 0.025) if one > 0 else 0.0 for one in n.tolist()])
        above = np.array([gamma_quantile(one + 1, 0.975) for one in n.tolist()])
        low = np.where(n > 0, np.maximum(below / n - shift, 0.0), 0.0)
        high = np.where(n > 0, above / n + shift, np.inf)
        factors = np.repeat(np.where(empty, 0.0, [low, high]), [len(c.observed) for c in analysis.channels], axis=1)
        means = np.where(np.isinf(factors), np.inf, factors * signal.mean)
        variances = np.where(np.isinf(factors), 0.0, factors * signal.variance)
    lower, upper = map(Expectation, means, variances)
    return lower, upper, np.where(empty, np.inf, n)


def _between(low: float, high: float) -> str:
    return f"{low:.4g} to {high:.4g} expected events" if np.isfinite(high) else f"any number above {low:.4g}"

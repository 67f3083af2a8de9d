"""What the commands of the command line do: `check`, `simulate` and `scan`.

Each looks at everything that it was given, and whether it can write, before it begins to work.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import math
import re
import sys
import uuid
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from darkpkg.experiment import analysis as analyses
from darkpkg.experiment import detector as detectors
from darkpkg.experiment import experiment as experiments
from darkpkg.experiment.analysis import Analysis, check_modules
from darkpkg.experiment.analysis_file import load_analysis
from darkpkg.experiment.experiment import Experiment
from darkpkg.inference.check import Verdict, verdict_without_neutrinos
from darkpkg.inference.check import check as verdict_on
from darkpkg.inference.intervals import excluded_intervals
from darkpkg.inference.scan import Scan
from darkpkg.inference.scan_files import scan_path, write_scan
from darkpkg.inference.scanning import require_scan_memory
from darkpkg.inference.scanning import scan as scan_slice
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import exclusion_rule, exclusion_threshold
from darkpkg.memory import require_memory
from darkpkg.method.estimators import Kernel, Transport
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import FEW_EVENTS, FewEventsWarning
from darkpkg.method.files import read_events, write_events
from darkpkg.method.sampling import HEAVY, LIGHT, SamplingRange
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.physics.validity import validity_notes
from darkpkg.simulation import simulate as simulate_events
from darkpkg.units import cm

__all__ = ["NO_STATEMENT", "check", "check_output", "check_size", "is_watched", "scan", "simulate"]

NO_STATEMENT = 3
"""Exit status of `check` where there is no verdict."""

_ANALYSES = {
    "I": lambda: analyses.ANALYSIS_I,
    "II": lambda: analyses.ANALYSIS_II,
    "both": lambda: analyses.ANALYSIS_I + analyses.ANALYSIS_II,
}
"""What ``--analysis`` names; only the tables of the one that is named are read."""

_BYTES_PER_EVENT = 600
"""Columns of 384 bytes, and copies of many of them while events are placed and written: measured with half a
million."""


def check(
    numbers: dict[str, float],
    kind: dict[str, Any],
    sample: Path | None,
    analysis: str,
    n_events: int,
    seed: int,
    hydrogen: bool,
    as_json: bool,
) -> int:
    """Print the verdict on one point, from a sample file or a simulation, and return the exit status."""
    point = DarkParameters(**numbers, **kind)
    judge = _analysis(analysis)
    # An N without any width lives for ever, which is no fault.
    with np.errstate(divide="ignore"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if sample:
            events = _read(sample)
            verdict, about = verdict_on(Transport(events), point, judge), events.provenance
        else:
            about = {"seed": seed, "n_events": n_events}
            verdict = _simulated_verdict(point, judge, n_events, seed, point.is_majorana, hydrogen)
        found = _numbers(point, verdict, judge)
    notes = list(dict.fromkeys([*verdict.notes, *(str(warning.message) for warning in caught)]))
    result = {
        "version": importlib.metadata.version("darkpkg"),
        "point": dataclasses.asdict(point),
        "sample": str(sample) if sample else None,
        "seed": about.get("seed"),
        "n_events": about.get("n_events"),
        **found,
        "notes": notes,
    }
    print(json.dumps(_without_infinities(result), indent=2, allow_nan=False) if as_json else _report(result))
    return NO_STATEMENT if verdict.status == "no statement" else 0


def _simulated_verdict(
    point: DarkParameters, analysis: Analysis, n_events: int, seed: int, majorana: bool, hydrogen: bool
) -> Verdict:
    experiment = experiments.T2K.replace(analyses={analysis.name: analysis})  # refuses another beam
    for channel in analysis.channels:
        check_modules(experiment.detector, channel.selection)
    targets = experiment.detector.nuclei if hydrogen else experiment.detector.targets
    unreached = verdict_without_neutrinos(point, analysis, targets.values(), experiment.beams)
    if unreached is not None:
        return unreached
    sampling = SamplingRange.at(float(point.m_N), float(point.m_Zprime))
    sample = _simulate(sampling, n_events, seed, majorana, hydrogen, experiment)
    return verdict_on(Transport(sample), point, analysis)


def simulate(
    output: Path, mediator: str, n_events: int, seed: int, majorana: bool, hydrogen: bool, tracker: bool
) -> None:
    """Write a sample over all masses."""
    if output.suffix != ".parquet":
        raise ValueError(f"a sample is written to .parquet, got {output.name}")
    check_output(output)
    experiment = experiments.T2K
    if tracker:
        experiment = experiment.replace(detector=detectors.ND280_TRACKER)
    events = _simulate({"heavy": HEAVY, "light": LIGHT}[mediator], n_events, seed, majorana, hydrogen, experiment)
    print(f"{len(events)} events written to {write_events(events, output)}")


def scan(
    sample: Path,
    vary: list[str],
    output: Path,
    base: tuple[str, str],
    assign: list[str],
    analysis: str,
    refine: int,
    cl: float,
    transport: bool,
) -> None:
    """Write the scan of a slice and print a summary."""
    exclusion_threshold(cl)
    judge = _analysis(analysis)
    benchmark, decays = base
    point = {"A": BENCHMARK_A, "B": BENCHMARK_B}[benchmark].replace(decays=decays)
    where = _slice(point, vary, assign, refine, len(judge.observed))
    check_output(scan_path(output))
    if output.exists() and sample.exists() and output.samefile(sample):
        raise ValueError(f"the scan must be written to another file than that of the sample, got {output}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", FewEventsWarning)  # the summary counts all such points at once
        events = _read(sample)
        estimator = Transport(events) if transport else Kernel(events)
        result = scan_slice(estimator, where, judge, refine=refine, cl=cl, progress=is_watched())
        write_scan(result, output)
        lines = _summary(result, cl)
        if len(where.axes) == 1:
            (name,) = where.axes
            lines += [
                f"excluded               {name} from {part.low:.4g} to {part.high:.4g}"
                for part in excluded_intervals(estimator, where, judge, cl=cl)
            ]
    notes = [*filter(None, [judge.caveat]), *validity_notes(where.parameters), *_few(result)]
    notes += [str(warning.message) for warning in caught]
    lines += [f"note                   {text}" for text in dict.fromkeys(notes)]
    print("\n".join([*lines, f"written to {output}"]))


def is_watched() -> bool:
    """Whether somebody looks at a progress bar: none goes into the file of a log."""
    return sys.stderr.isatty()


def _analysis(name: str) -> Analysis:
    if name in _ANALYSES:
        return _ANALYSES[name]()
    if not Path(name).is_file():
        raise ValueError(f"analysis must be one of {', '.join(_ANALYSES)}, or a TOML file, got {name!r}")
    return load_analysis(name)


def _read(path: Path) -> PlacedEvents:
    events = read_events(path)
    if not isinstance(events, PlacedEvents):
        raise ValueError(f"{path} holds events without vertices; darkpkg simulate writes them with")
    return events


def check_output(path: Path) -> None:
    """Raise `ValueError` if no file of this name can be written; a temporary one beside it is tried."""
    trial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        if not path.parent.is_dir():
            raise ValueError(f"no folder {path.parent} to write {path.name} into")
        if path.is_dir():
            raise ValueError(f"{path} is a folder, and must be the name of a file")
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise ValueError(f"cannot write {path.name} into the folder {path.parent}: {error.strerror}") from None


def check_size(n_events: int) -> None:
    """Raise `ValueError` unless a simulation of so many events fits into memory."""
    require_memory(float(n_events) * _BYTES_PER_EVENT, f"a simulation of {n_events:.6g} events")


def _simulate(
    sampling: SamplingRange, n_events: int, seed: int, majorana: bool, hydrogen: bool, experiment: Experiment
) -> PlacedEvents:
    check_size(n_events)
    masses = "m_N = {:g} to {:g} GeV, m_Zprime = {:g} to {:g} GeV".format(*sampling.m_N, *sampling.m_Zprime)
    if sampling.is_fixed:
        masses = f"m_N = {sampling.m_N[0]:g} GeV, m_Zprime = {sampling.m_Zprime[0]:g} GeV"
    print(f"simulating {n_events} events in {experiment.detector.name} at {masses} (seed {seed})", file=sys.stderr)
    couplings = BENCHMARK_B.replace(is_majorana=majorana)
    options = {"experiment": experiment, "couplings": couplings, "hydrogen": hydrogen, "progress": is_watched()}
    return simulate_events(sampling, n_events, seed, **options)


def _slice(point: DarkParameters, vary: list[str], assign: list[str], refine: int, bins: int) -> Slice:
    """The slice that the options describe, once it is known to fit into memory."""
    ranges: dict[str, tuple[float, float, int]] = {}
    for text in vary:
        match = re.fullmatch(r"(\w+)=([^:]+):([^:]+):(\d+)", text)
        if match is None:
            raise ValueError(f"--vary must be NAME=LOW:HIGH:N, such as m_N=0.005:1:60, got {text}")
        name, n = match[1], int(match[4])
        low, high = (_number(text, part) for part in match.group(2, 3))
        if not (0 < low < high < math.inf and n > 1):
            raise ValueError(f"--vary needs 0 < LOW < HIGH and N > 1, got {text}")
        if name in ranges:
            raise ValueError(f"--vary must name each parameter once, got {name} twice")
        ranges[name] = low, high, n
    require_scan_memory([n for _, _, n in ranges.values()], bins, refine)
    axes = {name: np.geomspace(*interval) for name, interval in ranges.items()}
    fixed, tied = _assigned(point, list(axes), assign)
    point = point.replace(**fixed)
    if not tied:
        return Slice(point, **axes)
    for name in axes:
        Slice(point, **{name: axes[name]})  # refuses a name that is none

    def at(*values: Any) -> DarkParameters:
        free = dict(zip(axes, values, strict=True))
        return point.replace(**free, **{name: factor * free[other] for name, (factor, other) in tied.items()})

    return Slice(at, **axes)


def _assigned(
    point: DarkParameters, free: list[str], assign: list[str]
) -> tuple[dict[str, float], dict[str, tuple[float, str]]]:
    """Values of parameters, and factors by which others are tied to a free one."""
    fixed: dict[str, float] = {}
    tied: dict[str, tuple[float, str]] = {}
    for text in assign:
        match = re.fullmatch(r"(\w+)=(?:([^*]+)\*)?(\S+)", text)
        others = [name for name in point.numbers() if name not in (*free, *fixed, *tied)]
        if match is None or match[1] not in others:
            raise ValueError(f"--set must be NAME=VALUE, once for a NAME of {', '.join(others)}, got {text}")
        if match[3] in free:
            tied[match[1]] = (_number(text, match[2] or "1"), match[3])
        else:
            fixed[match[1]] = _number(text, text.partition("=")[2])
    return fixed, tied


def _number(text: str, part: str) -> float:
    try:
        return float(part)
    except ValueError:
        raise ValueError(f"{part} must be a number in {text}") from None


def _summary(result: Scan, cl: float) -> list[str]:
    share, fewest = np.mean(result.excluded(cl)), np.nanmin(result.expectation.total().n_effective)
    return [
        f"points                 {int(result.evaluated.sum())} of {result.analysis.name}",
        f"rule                   {exclusion_rule(cl)}",
        f"excluded               {100 * share:.3g} % of the grid",
        f"fewest effective       {fewest:.3g} events",
    ]


def _few(result: Scan) -> list[str]:
    """A note on the points that rest on few events, if there are any."""
    fewest = result.expectation.in_channels(result.analysis).n_effective.min(axis=-1)[result.evaluated]
    few = int((fewest < FEW_EVENTS).sum())
    if not few:
        return []
    return [f"{few} of {fewest.size} points have fewer than {FEW_EVENTS} effective events in a channel"]


def _numbers(point: DarkParameters, verdict: Verdict, analysis: Analysis) -> dict[str, Any]:
    """What the answer says in numbers, JSON or not."""
    sums, channels = verdict.expectation.in_channels(analysis), {}
    for i, channel in enumerate(analysis.channels):
        channels[channel.name] = {
            "expected_events": float(sums.mean[i]),
            "error": float(sums.error[i]),
            "bias": float(sums.bias[i]),
            "n_effective": float(sums.n_effective[i]),
        }
        if channel.selection.n_bins > 1:
            channels[channel.name]["bins"] = verdict.expectation.mean[analysis.bins_of(channel.name)].tolist()
    status = {"excluded": True, "not excluded": False, "no statement": None}
    return {
        "analysis": verdict.analysis,
        "decay_width_GeV": float(point.decay_width()),
        "proper_decay_length_cm": float(point.proper_decay_length() / cm),
        "mediator_decay_length_cm": float(point.mediator_decay_length() / cm),
        "pair_branching_ratio": float(point.pair_branching_ratio()),
        "selected_upscatterings": float(verdict.upscatterings.mean.sum()),
        "expected_events": verdict.expected_events,
        "error": verdict.error,
        "bias": verdict.bias,
        "n_effective": verdict.n_effective,
        "channels": channels,
        "minus_delta_log_likelihood": verdict.minus_delta_log_likelihood,
        "threshold": verdict.threshold,
        "rule": verdict.rule,
        "status": verdict.status,
        "reason": verdict.reason,
        "excluded": status[verdict.status],
    }


def _without_infinities(value: Any) -> Any:
    """The same with null for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _without_infinities(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_infinities(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _report(result: dict[str, Any]) -> str:
    verdict = result["status"].replace("excluded", "EXCLUDED") if result["excluded"] else result["status"]
    width = max(16, *(len(name) for name in result["channels"]))
    bias = f", bias of smoothing {result['bias']:.2g}" if result["bias"] else ""
    lines = [
        f"proper decay length   {result['proper_decay_length_cm']:.4g} cm "
        f"(width {result['decay_width_GeV']:.4g} GeV)",
        *(f"  of Z'               {length:.4g} cm" for length in [result["mediator_decay_length_cm"]] if length),
        *(f"decays to e+e-        {100 * share:.3g} %" for share in [result["pair_branching_ratio"]] if share < 1),
        f"expected events       {result['expected_events']:.4g} ± {result['error']:.2g}{bias}",
        f"  without a decay     {result['selected_upscatterings']:.4g} selected upscatterings",
        *(
            f"  in {name:{width}s} {channel['expected_events']:.4g} ± {channel['error']:.2g}"
            for name, channel in result["channels"].items()
        ),
        f"effective events      {result['n_effective']:.3g}",
        f"-Delta ln L           {result['minus_delta_log_likelihood']:.4g}",
        f"rule                  {result['rule']}",
        f"verdict               {verdict} at 90 % CL by {result['analysis']}",
        *([f"reason                {result['reason']}"] if result["reason"] else []),
        *(f"note                  {text}" for text in result["notes"]),
    ]
    return "\n".join(lines)

"""What the commands of the command line do: `check`, `check_points`, `simulate` and `scan`.

Each looks at everything that it was given, and whether it can write, before it begins to work.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import io
import math
import operator
import re
import sys
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from darkpkg.experiment import analysis as analyses
from darkpkg.experiment import detector as detectors
from darkpkg.experiment import experiment as experiments
from darkpkg.experiment.analysis import Analysis, check_modules
from darkpkg.experiment.experiment import Experiment
from darkpkg.experiment.files import load_analysis, load_experiment
from darkpkg.inference.check import Verdict, verdict_without_neutrinos
from darkpkg.inference.check import check as verdict_on
from darkpkg.inference.intervals import excluded_intervals
from darkpkg.inference.scan import Scan
from darkpkg.inference.scan_files import scan_path, write_scan
from darkpkg.inference.scanning import require_scan_memory
from darkpkg.inference.scanning import scan as scan_slice
from darkpkg.inference.slices import Slice
from darkpkg.inference.threshold import exclusion_rule, exclusion_threshold
from darkpkg.inputs import small_text
from darkpkg.memory import require_memory
from darkpkg.method.estimators import Kernel, Transport
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import FEW_EVENTS, FewEventsWarning
from darkpkg.method.files import read_events, write_events
from darkpkg.method.sampling import HEAVY, LIGHT, SamplingRange
from darkpkg.method.weights import sampling_range
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.physics.validity import validity_notes
from darkpkg.report import as_text, numbers_of, report, row
from darkpkg.simulation import simulate as simulate_events

__all__ = [
    "NO_STATEMENT",
    "Source",
    "check",
    "check_output",
    "check_points",
    "check_size",
    "is_watched",
    "scan",
    "simulate",
]

NO_STATEMENT = 3
"""Exit status of `check` where there is no verdict."""

OF_A_POINT, OF_ALL_MASSES = 200_000, 1_000_000
"""Events of a simulation at fixed masses and over masses, unless the option says how many."""

LARGEST_FILE = 10_000_000
"""Bytes of a file of points; a thousand have a hundred thousand."""

_ANALYSES = {"I": lambda: analyses.ANALYSIS_I, "II": lambda: analyses.ANALYSIS_II}
"""What ``--analysis`` names; only the tables of the one that is named are read."""

_EXPERIMENTS: Mapping[str, Callable[[], Experiment]] = {
    "T2K": lambda: experiments.T2K,
    "T2K-tracker": lambda: experiments.T2K.replace(detector=detectors.ND280_TRACKER),
    "T2K-upgrade": lambda: experiments.T2K.replace(detector=detectors.ND280_UPGRADE),
    "T2K-all-flavours": lambda: experiments.T2K_ALL_FLAVOURS,
}
"""What ``--experiment`` names."""

_BYTES_PER_EVENT = 600
"""Columns of 384 bytes, and copies of many of them while events are placed and written: measured with half a
million."""


@dataclass(frozen=True)
class Source:
    """Where events come from: a ``sample`` file, or a simulation."""

    sample: Path | None
    n_events: int | None
    seed: int
    is_majorana: bool
    hydrogen: bool

    def simulate(self, sampling: SamplingRange, experiment: Experiment, n_events: int) -> PlacedEvents:
        """A new sample of ``n_events``, or as many as the option says."""
        n = n_events if self.n_events is None else self.n_events
        check_size(n)
        masses = "m_N = {:g} to {:g} GeV, m_Zprime = {:g} to {:g} GeV".format(*sampling.m_N, *sampling.m_Zprime)
        if sampling.is_fixed:
            masses = f"m_N = {sampling.m_N[0]:g} GeV, m_Zprime = {sampling.m_Zprime[0]:g} GeV"
        print(f"simulating {n} events in {experiment.detector.name} at {masses} (seed {self.seed})", file=sys.stderr)
        couplings = BENCHMARK_B.replace(is_majorana=self.is_majorana)
        options: dict[str, Any] = {"couplings": couplings, "hydrogen": self.hydrogen, "progress": is_watched()}
        return simulate_events(sampling, n, self.seed, experiment=experiment, **options)

    def over_masses(self, path: Path, points: DarkParameters) -> Callable[[int], PlacedEvents]:
        """For the number of a point the sample that holds its masses. Raises `ValueError` if one of them has none."""
        given = {} if self.sample is None else {sampling_range(e): e for e in [_read(self.sample)]}
        inside = {r: r.contains(points.m_N, points.m_Zprime) for r in given or (HEAVY, LIGHT)}
        outside = np.flatnonzero(~np.any(list(inside.values()), axis=0))
        if len(outside):
            i = outside[0]
            known = " or ".join(f"m_N {r.m_N} and m_Zprime {r.m_Zprime}" for r in inside)
            masses = f"{points.m_N[i]:g} and {points.m_Zprime[i]:g}"  # type: ignore[index]
            raise ValueError(f"{path}, point {i + 1}: masses must be within {known} in GeV, got {masses}")

        def sample(i: int) -> PlacedEvents:
            sampling = next(r for r in inside if inside[r][i])
            if sampling not in given:
                given[sampling] = self.simulate(sampling, experiments.T2K, OF_ALL_MASSES)
            return given[sampling]

        return sample

    def refuse_early(self, analyses: list[Analysis]) -> None:
        """Raise `ValueError` for a beam or a module that the simulated experiment does not have."""
        for analysis in analyses if self.sample is None else ():
            experiments.T2K.replace(analyses={analysis.name: analysis})
            for channel in analysis.channels:
                check_modules(experiments.T2K.detector, channel.selection)


def check(numbers: dict[str, Any], kind: dict[str, Any], source: Source, names: list[str], as_json: bool) -> int:
    """Print the verdict of each analysis, and of their sum, on one point, and return the exit status."""
    point = DarkParameters(**numbers, **kind)
    analyses = _each_and_sum(names)
    source.refuse_early(analyses)
    # An N without any width lives for ever, which is no fault.
    with np.errstate(divide="ignore"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        verdicts, about = _verdicts(point, analyses, source)
        found = [numbers_of(point, verdict, analysis) for verdict, analysis in zip(verdicts, analyses, strict=True)]
    common = {
        "version": importlib.metadata.version("darkpkg"),
        "point": dataclasses.asdict(point),
        "sample": str(source.sample) if source.sample else None,
        "seed": about.get("seed"),
        "n_events": about.get("n_events"),
    }
    warned = [str(warning.message) for warning in caught]
    results = [
        {**common, **numbers, "notes": list(dict.fromkeys([*verdict.notes, *warned]))}
        for numbers, verdict in zip(found, verdicts, strict=True)
    ]
    print(as_text(results[0] if len(results) == 1 else results) if as_json else "\n\n".join(map(report, results)))
    return NO_STATEMENT if verdicts[-1].status == "no statement" else 0


def _verdicts(
    point: DarkParameters, analyses: list[Analysis], source: Source
) -> tuple[list[Verdict], Mapping[str, Any]]:
    """The verdict of each analysis, and what is known of the sample."""
    if source.sample:
        events = _read(source.sample)
        return [verdict_on(Transport(events), point, analysis) for analysis in analyses], events.provenance
    detector, beams = experiments.T2K.detector, experiments.T2K.beams
    targets = (detector.nuclei if source.hydrogen else detector.targets).values()
    early = [verdict_without_neutrinos(point, analysis, targets, beams) for analysis in analyses]
    about = {"seed": source.seed, "n_events": source.n_events or OF_A_POINT}
    known = [verdict for verdict in early if verdict is not None]
    if len(known) == len(early):
        return known, about
    sampling = SamplingRange.at(float(point.m_N), float(point.m_Zprime))
    events = source.simulate(sampling, experiments.T2K, OF_A_POINT)
    return [verdict_on(Transport(events), point, analysis) for analysis in analyses], about


def check_points(
    path: Path, kind: dict[str, Any], source: Source, names: list[str], output: Path | None, as_json: bool
) -> None:
    """Write a row for each point of a CSV file and each analysis, from one sample over masses for all of them."""
    points, analyses = _points(path, kind), _each_and_sum(names)
    source.refuse_early(analyses)
    if output:
        check_output(output)
        if output.suffix not in (".csv", ".json"):
            raise ValueError(f"answers are written to .csv or .json, got {output.name}")
    samples = source.over_masses(path, points)
    columns = {name: np.broadcast_to(getattr(points, name), points.shape) for name in points.numbers()}
    rows: list[dict[str, Any]] = []
    with np.errstate(divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FewEventsWarning)  # each row has its number of effective events
        for i in tqdm(range(points.shape[0]), desc="points", disable=not is_watched()):
            point = points.replace(**{name: float(numbers[i]) for name, numbers in columns.items()})
            for analysis in analyses:
                rows.append({"point": i + 1, **row(point, verdict_on(Transport(samples(i)), point, analysis))})
    text = (
        as_text(rows) if as_json or (output and output.suffix == ".json") else pd.DataFrame(rows).to_csv(index=False)
    )
    if output is None:
        print(text.rstrip())
        return
    with complete_or_not_at_all(output) as partial:
        partial.write_text(text, encoding="utf-8")
    total = Counter(found["status"] for found in rows if found["analysis"] == analyses[-1].name)
    counts = ", ".join(f"{n} {status}" for status, n in sorted(total.items()))
    print(f"{points.shape[0]} points by {analyses[-1].name}: {counts}; written to {output}")


def _points(path: Path, kind: dict[str, Any]) -> DarkParameters:
    """The points (n,) of a file. Raises `ValueError` that names file, column, value and rule."""
    try:
        table = pd.read_csv(io.StringIO(small_text(path, LARGEST_FILE)), skipinitialspace=True)
        known = [field for field in dataclasses.fields(DarkParameters) if field.name in DarkParameters.numbers()]
        wanted = [field.name for field in known if field.default is dataclasses.MISSING]
        if not {*wanted} <= {*table.columns} <= {field.name for field in known} or table.empty:
            raise ValueError(f"it must have rows and the columns {', '.join(wanted)}, got {', '.join(table.columns)}")
        return DarkParameters(**{name: table[name].to_numpy() for name in table.columns}, **kind)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} has no points: {str(error)[:500]}") from error


def simulate(output: Path, masses: dict[str, float] | str, experiment: str, source: Source) -> None:
    """Write a sample over all masses on one side of m_N = m_Zprime, or at fixed ones."""
    if output.suffix != ".parquet":
        raise ValueError(f"a sample is written to .parquet, got {output.name}")
    sampling = {"heavy": HEAVY, "light": LIGHT}[masses] if isinstance(masses, str) else SamplingRange.at(**masses)
    where = _experiment(experiment)
    check_output(output)
    events = source.simulate(sampling, where, OF_ALL_MASSES)
    print(f"{len(events)} events written to {write_events(events, output)}")


def _experiment(name: str) -> Experiment:
    if name in _EXPERIMENTS:
        return _EXPERIMENTS[name]()
    if not Path(name).is_file():
        raise ValueError(f"experiment must be one of {', '.join(_EXPERIMENTS)}, or a TOML file, got {name!r}")
    return load_experiment(name)


def scan(
    sample: Path,
    vary: list[str],
    output: Path,
    base: tuple[str, str],
    assign: list[str],
    names: list[str],
    refine: int,
    cl: float,
    transport: bool,
) -> None:
    """Write the scan of a slice and print a summary."""
    exclusion_threshold(cl)
    judge = _each_and_sum(names)[-1]
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


def _each_and_sum(names: list[str]) -> list[Analysis]:
    """The analyses, and their sum if there are several."""
    each = [_analysis(name) for name in names]
    return each if len(each) == 1 else [*each, functools.reduce(operator.add, each)]


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


def _number(where: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text} must be a number in {where}") from None


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

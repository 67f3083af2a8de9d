"""What the commands of the command line do: `check`, `check_points`, `simulate` and `scan`.

Each looks at everything that it was given, and whether it can write, before it begins to work.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from tqdm import tqdm

import darkpkg as dk
from darkpkg.experiment.analysis import check_modules
from darkpkg.inference.check import Rule, Verdict, unreachable, verdict_without_neutrinos
from darkpkg.inference.scan_files import scan_path
from darkpkg.inference.scanning import require_scan_memory
from darkpkg.inference.threshold import exclusion_rule
from darkpkg.inputs import count, whole_number
from darkpkg.memory import require_memory
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import FEW_EVENTS
from darkpkg.method.predictions import flavours_at
from darkpkg.method.sampling import NoWeightError
from darkpkg.method.weights import sampling_range
from darkpkg.options import EXPERIMENTS, estimator_of, experiment_of, judges_of, points_of
from darkpkg.outputs import complete_or_not_at_all, require_writable
from darkpkg.physics.nuclei import Nucleus
from darkpkg.physics.validity import validity_notes
from darkpkg.report import answers, as_text, row
from darkpkg.running import executor_of, interrupts_held

NO_STATEMENT = 3
"""Exit status of `check` where there is no verdict."""

OF_A_POINT, AT_MASSES, OF_ALL_MASSES = 16_384, 200_000, 1_000_000
"""Events of a simulation for a point, at fixed masses and over masses, unless the option gives their number."""

SIDES = {"heavy": dk.HEAVY, "light": dk.LIGHT}
"""Masses that ``--mediator`` names."""

_BYTES_PER_EVENT = 600
"""Columns of 384 bytes, and copies of many of them while events are placed and written: measured with half a
million."""


@dataclass(frozen=True)
class Source:
    """Where events come from, a ``sample`` file or a simulation, and the ``estimator`` that predicts with them.

    A ``reason`` why there is a simulation is printed before it.
    """

    sample: Path | None
    experiment: str | None = None
    n_events: int | None = None
    seed: int | None = None
    is_majorana: bool = False
    hydrogen: bool | None = None
    estimator: str = "transport"
    reason: str = ""
    method: str = "likelihood"

    @functools.cached_property
    def estimate(self) -> Callable[[PlacedEvents], Any]:
        """What makes the estimator of a sample."""
        return estimator_of(self.estimator)

    @functools.cached_property
    def simulated(self) -> dk.Experiment:
        """The experiment of a simulation."""
        return experiment_of(self.experiment or "T2K")

    @property
    def options(self) -> dict[str, Any]:
        """Of `simulate`, in words that it and `simulate_chunks` have in common."""
        couplings = dk.BENCHMARK_B.replace(is_majorana=self.is_majorana)
        kind = {"experiment": self.simulated, "couplings": couplings, "hydrogen": bool(self.hydrogen)}
        return {**kind, "progress": is_watched()}

    @property
    def targets(self) -> list[Nucleus]:
        """The nuclei that a simulation scatters on."""
        detector = self.simulated.detector
        return list((detector.nuclei if self.hydrogen else detector.targets).values())

    def events(self, masses: dk.SamplingRange | dk.DarkParameters) -> PlacedEvents:
        """What the file has, or a new sample over masses or for one point."""
        if self.sample:
            events = dk.read_events(self.sample)
            if not isinstance(events, PlacedEvents):
                raise ValueError(f"{self.sample} holds events without vertices; darkpkg simulate writes them with")
            return events
        if isinstance(masses, dk.DarkParameters):
            sampling, usual = dk.SamplingRange.at(float(masses.m_N), float(masses.m_Zprime)), OF_A_POINT
        else:
            sampling, usual = masses, AT_MASSES if masses.is_fixed else OF_ALL_MASSES
        n, seed = usual if self.n_events is None else self.n_events, 1 if self.seed is None else self.seed
        self.check_size(n)
        whole_number("seed", seed)
        ranges = {"m_N": sampling.m_N, "m_Zprime": sampling.m_Zprime}
        where = ", ".join(
            f"{name} = {' to '.join(f'{m:g}' for m in dict.fromkeys(r))} GeV" for name, r in ranges.items()
        )
        if self.reason:
            print(self.reason, file=sys.stderr)
        with interrupts_held():
            simulate = dk.simulate
        print(f"simulating {n} events in {self.simulated.detector.name} at {where} (seed {seed})", file=sys.stderr)
        return simulate(masses, n, seed, **self.options)

    def check_size(self, n_events: int, at_once: int = 1) -> None:
        """Raise `ValueError` unless there is an event for each beam and nucleus, and all fit into memory."""
        sources = len(self.targets) * sum(len(beam.fluxes) for beam in self.simulated.beams)
        count("n_events", n_events, sources, " for as many beams and nuclei")
        check_size(n_events * at_once)

    def predictor(self, masses: dk.SamplingRange | dk.DarkParameters) -> tuple[Any, PlacedEvents]:
        """The estimator, and the events that it predicts with: of a folder, those of its first chunk."""
        if self.sample and (self.sample / "run.json").is_file():
            folder = dk.SampleFolder(self.sample)
            return dk.Chunked(folder, self.estimate), next(iter(folder))
        events = self.events(masses)
        return self.estimate(events), events

    def judges(self, names: list[str] | None) -> list[dk.Analysis]:
        """The analyses, and their sum if there are several; by default those of an own experiment, or I."""
        in_file = not self.sample and self.experiment not in (None, *EXPERIMENTS)
        return judges_of(names, self.simulated.analyses if in_file else None)

    def refuse_early(self, points: Sequence[dk.DarkParameters], judges: list[dk.Analysis]) -> None:
        """Raise `ValueError` for an estimator, or of the simulated experiment a beam, a module or a neutrino, that is
        not there."""
        _ = self.estimate
        if self.sample:
            return
        for analysis in judges:
            self.simulated.replace(analyses={analysis.name: analysis})
            for channel in analysis.channels:
                check_modules(self.simulated.detector, channel.selection)
        flavours = {flavour for beam in self.simulated.beams for flavour in beam.fluxes}
        for point in points:
            flavours_at(point, flavours, "the experiment")

    def verdicts(
        self, point: dk.DarkParameters, judges: list[dk.Analysis]
    ) -> tuple[list[Verdict], Mapping[str, Any]]:
        """The verdict of each analysis, and what is known of the sample, if one is needed."""
        if not self.sample:
            rules, where = [Rule(one, method=self.method) for one in judges], (self.targets, self.simulated.beams)
            early = [verdict_without_neutrinos(point, rule, *where) for rule in rules]
            known = [verdict for verdict in early if verdict is not None]
            if len(known) == len(judges):
                return known, {}
        try:
            estimator, events = self.predictor(point)
        except NoWeightError as error:
            return [Rule(one, method=self.method).no_statement(point, str(error)) for one in judges], {}
        about = dict(events.provenance)
        if isinstance(estimator, dk.Chunked):
            about["n_events"] *= len(estimator.folder)
        return [dk.check(estimator, point, analysis, method=self.method) for analysis in judges], about


def check(numbers: Mapping[str, Any], source: Source, names: list[str] | None, as_json: bool) -> int:
    """Print the verdict of each analysis, and of their sum, on one point, and return the exit status."""
    point, judges = dk.DarkParameters(**numbers), source.judges(names)
    source.refuse_early([point], judges)
    # An N without any width is stable, which is no fault.
    with np.errstate(divide="ignore"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        verdicts, about = source.verdicts(point, judges)
        sample = str(source.sample) if source.sample else None
        numbers = {"sample": sample} | {name: about.get(name) for name in ("seed", "n_events")}
        warned = (str(warning.message) for warning in caught)
        text = answers(point, judges, verdicts, warned, as_json, **numbers)
    print(text)
    return NO_STATEMENT if verdicts[-1].status == "no statement" else 0


def check_points(
    path: Path, kind: Mapping[str, Any], source: Source, names: list[str] | None, output: Path | None, as_json: bool
) -> None:
    """Write a row for each point of a CSV file and each analysis, from one sample over masses for all of them."""
    points, judges = points_of(path, kind), source.judges(names)
    source.refuse_early(points, judges)
    if output:
        require_writable(output, ".csv", ".json")
        _require_other_file(output, path, "the answers", "points")
    given = source.predictor(dk.HEAVY) if source.sample else None
    ranges = [dk.HEAVY, dk.LIGHT] if given is None else [sampling_range(given[1])]
    which = _ranges_of(path, points, ranges)
    estimators = {i: (given or source.predictor(ranges[i]))[0] for i in dict.fromkeys(which)}
    rows: list[dict[str, Any]] = []
    with np.errstate(divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", dk.FewEventsWarning)  # each row has its number of effective events
        for number, point in enumerate(tqdm(points, desc="points", disable=not is_watched()), 1):
            estimator = estimators[which[number - 1]]
            verdicts = [(dk.check(estimator, point, one, method=source.method), one) for one in judges]
            rows += [{"point": number, **row(point, *verdict)} for verdict in verdicts]
    as_json = as_json or (output is not None and output.suffix == ".json")
    text = as_text(rows) if as_json else pd.DataFrame(rows).to_csv(index=False)
    if output is None:
        print(text.rstrip())
        return
    with complete_or_not_at_all(output) as partial:
        partial.write_text(text, encoding="utf-8")
    total = Counter(found["status"] for found in rows if found["analysis"] == judges[-1].name)
    counts = ", ".join(f"{n} {status}" for status, n in sorted(total.items()))
    print(f"{len(which)} points by {judges[-1].name}: {counts}; written to {output}")


def _ranges_of(path: Path, points: Sequence[dk.DarkParameters], ranges: list[dk.SamplingRange]) -> list[int]:
    """Which of the ranges has the masses of each point. Raises `ValueError` if none has."""
    which = []
    for number, point in enumerate(points, 1):
        inside = [i for i, one in enumerate(ranges) if one.contains(point.m_N, point.m_Zprime)]
        if not inside:
            known = " or ".join(f"m_N {r.m_N} and m_Zprime {r.m_Zprime}" for r in ranges)
            masses = f"{point.m_N:g} and {point.m_Zprime:g}"
            raise ValueError(f"{path}, point {number}: masses must be within {known} in GeV, got {masses}")
        which.append(inside[0])
    return which


def simulate(output: Path, masses: Sequence[float] | str, source: Source) -> None:
    """Write a sample over all masses on one side of m_N = m_Zprime, or at fixed ones."""
    require_writable(output, ".parquet")
    if isinstance(masses, str):
        sampling = SIDES[masses]
    else:
        sampling = dk.SamplingRange.at(*masses)
        reason = unreachable(masses[0], source.targets, source.simulated.beams)
        if reason:
            raise ValueError(reason)
    events = source.events(sampling)
    print(f"{len(events)} events written to {dk.write_events(events, output)}")


def simulate_chunks(
    output: Path, mediator: str, source: Source, n_chunks: int, workers: int, scheduler: str | None
) -> None:
    """Fill a folder with the chunks of a sample over all masses on one side of m_N = m_Zprime."""
    size = cast(int, source.n_events)
    source.check_size(size, workers)
    seed = 1 if source.seed is None else source.seed
    with executor_of(workers, scheduler) as executor:
        how: dict[str, Any] = {"chunk_size": size, "executor": executor, **source.options}
        with interrupts_held():
            simulate = dk.simulate_chunks
        folder = simulate(SIDES[mediator], n_chunks, seed, output, **how)
    print(f"{len(folder)} chunks of {size} events in the folder {output}")


def scan(source: Source, where: dk.Slice, output: Path, names: list[str] | None, refine: int, cl: float) -> None:
    """Write the scan of a slice, from the sample of a file or the table of all rates, and print a summary."""
    dk.exclusion_threshold(cl)
    judge, sample, _ = source.judges(names)[-1], source.sample, source.estimate
    require_scan_memory(where.shape, len(judge.observed), refine)
    require_writable(scan_path(output))
    if sample:
        _require_other_file(output, sample, "the scan", "sample")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", dk.FewEventsWarning)  # the summary counts all such points at once
        estimator: Any = dk.load_table()
        if sample:
            estimator, _ = source.predictor(dk.HEAVY)
        rule: Any = {"cl": cl, "method": source.method}
        result = dk.scan(estimator, where, judge, refine=refine, progress=is_watched(), **rule)
        dk.write_scan(result, output)
        lines = _summary(result, cl, source.method)
        if len(where.axes) == 1:
            (name,) = where.axes
            lines += [
                f"excluded               {name} from {part.low:.4g} to {part.high:.4g}"
                for part in dk.excluded_intervals(estimator, where, judge, **rule)
            ]
    notes = [] if sample else [f"read from the table of all rates of {estimator.header['experiment']}"]
    notes += [*filter(None, [judge.caveat]), *validity_notes(where.parameters), *_few(result)]
    notes += [str(warning.message) for warning in caught]
    lines += [f"note                   {text}" for text in dict.fromkeys(notes)]
    print("\n".join([*lines, f"written to {output}"]))


def _require_other_file(output: Path, given: Path, what: str, of: str) -> None:
    if output.exists() and given.exists() and output.samefile(given):
        raise ValueError(f"{what} must be written to another file than that of the {of}, got {output}")


def is_watched() -> bool:
    """Whether somebody looks at a progress bar: none goes into the file of a log."""
    return sys.stderr.isatty()


def check_size(n_events: int) -> None:
    """Raise `ValueError` unless a simulation of so many events fits into memory."""
    require_memory(float(n_events) * _BYTES_PER_EVENT, f"a simulation of {n_events:.6g} events")


def _summary(result: dk.Scan, cl: float, method: str) -> list[str]:
    share, fewest = np.mean(result.excluded(cl, method=method)), np.nanmin(result.expectation.total().n_effective)
    return [
        f"points                 {int(result.evaluated.sum())} of {result.analysis.name}",
        f"rule                   {exclusion_rule(cl, method=method)}",
        f"excluded               {100 * share:.3g} % of the grid",
        f"fewest effective       {fewest:.3g} events",
    ]


def _few(result: dk.Scan) -> list[str]:
    """A note on the points that rest on few events, if there are any."""
    fewest = result.expectation.in_channels(result.analysis).n_effective.min(axis=-1)[result.evaluated]
    few = int((fewest < FEW_EVENTS).sum())
    note = f"{few} of {fewest.size} points have fewer than {FEW_EVENTS} effective events in a channel"
    return [note] if few else []

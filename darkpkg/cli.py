"""The command line: ``darkpkg check`` judges a point, ``simulate`` makes a sample, ``scan`` a plane of limits,
``figure`` draws a figure of the paper."""

from __future__ import annotations

import json
import math
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from darkpkg.datasets import DataIntegrityError
from darkpkg.events import PlacedEvents, read_events
from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis, load
from darkpkg.experiment.detector import ND280, ND280_TRACKER, Detector, place
from darkpkg.method.expectation import FewEventsWarning
from darkpkg.method.generator import HEAVY, LIGHT, SamplingRange, generate
from darkpkg.method.transport import expected_events_by_transport
from darkpkg.method.weights import expected_events, expected_upscatterings
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B, DarkParameters
from darkpkg.results.limits import Scan, excluded_intervals, exclusion_threshold, scan
from darkpkg.results.scan_files import scan_path
from darkpkg.results.slices import Slice
from darkpkg.units import cm

_CL = 0.90
_ANALYSES = {"I": ANALYSIS_I, "II": ANALYSIS_II, "both": ANALYSIS_I + ANALYSIS_II}

app = typer.Typer(
    help="Dark neutrinos in T2K's near detector: is a point of the parameter space excluded?",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    """What the user got wrong, in one line on stderr, with exit status 2."""
    try:
        yield
    except (ValueError, OSError, DataIntegrityError) as error:
        print(f"darkpkg: {' '.join(str(error).split())}", file=sys.stderr)
        raise typer.Exit(2) from None


def _option(name: str, text: str) -> Any:
    return typer.Option(f"--{name}", help=text)


class Mediator(StrEnum):
    """The side of m_N = m_Zprime on which masses are sampled."""

    heavy = "heavy"
    light = "light"


class Benchmark(StrEnum):
    """The columns of Table I."""

    A = "A"
    B = "B"


def _flag(name: str, text: str) -> Any:
    return typer.Option(f"--{name}/--no-{name}", help=text)


Seed = Annotated[int, _option("seed", "seed of the simulation")]
Majorana = Annotated[bool, _flag("majorana", "N is its own antiparticle")]
Hydrogen = Annotated[bool, _flag("hydrogen", "scatter on hydrogen too")]
Events = Annotated[int, _option("n-events", "size of the simulation")]


@app.command()
def check(
    m_N: Annotated[float, _option("m_N", "mass of the heavy neutrino, GeV")],
    m_Zprime: Annotated[float, _option("m_Zprime", "mass of the dark photon, GeV")],
    alpha_D: Annotated[float, _option("alpha_D", "dark fine-structure constant")],
    epsilon: Annotated[float, _option("epsilon", "kinetic mixing")],
    V_muN_sq: Annotated[float, _option("V_muN_sq", "|V_muN|^2, vertex factor of production")],
    V_N_sq: Annotated[float, _option("V_N_sq", "|V_N|^2, vertex factor of decay")],
    sample: Annotated[Path | None, _option("sample", "sample file; without it, simulate at these masses")] = None,
    analysis: Annotated[str, _option("analysis", "I, II, both, or a YAML file of your own")] = "I",
    n_events: Events = 200_000,
    seed: Seed = 1,
    majorana: Majorana = False,
    hydrogen: Hydrogen = False,
    as_json: Annotated[bool, _option("json", "print JSON")] = False,
) -> None:
    """Lifetime, expected events and exclusion of one point: I, the argon chambers; II, photons in FGD1; or both."""
    with _errors_in_one_line(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        point = DarkParameters(m_N, m_Zprime, alpha_D, epsilon, V_muN_sq, V_N_sq, majorana)
        judge = _ANALYSES[analysis] if analysis in _ANALYSES else load(_existing(analysis))
        if sample:
            events = _read(sample)
        else:
            events = _simulate(SamplingRange.at(m_N, m_Zprime), n_events, seed, majorana, hydrogen)
        result = _check(point, events, judge)
    result["warnings"] = [str(warning.message) for warning in caught]
    print(json.dumps(result, indent=2) if as_json else _report(result))


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write, .parquet")],
    mediator: Annotated[Mediator, _option("mediator", "dark photon heavier or lighter than N")] = Mediator.heavy,
    n_events: Events = 1_000_000,
    seed: Seed = 1,
    majorana: Majorana = False,
    hydrogen: Hydrogen = False,
    tracker: Annotated[
        bool, _flag("tracker", "without the P0D: N of a light dark photon count only where they are made")
    ] = False,
) -> None:
    """Simulate the whole plane of masses in ND280 and write the sample to a file."""
    with _errors_in_one_line():
        if not output.parent.is_dir():
            raise ValueError(f"no folder {output.parent} to write {output.name} into")
        detector = ND280_TRACKER if tracker else ND280
        events = _simulate({"heavy": HEAVY, "light": LIGHT}[mediator], n_events, seed, majorana, hydrogen, detector)
        print(f"{len(events)} events written to {events.write(output)}")


@app.command(name="scan")
def scan_slice(
    sample: Annotated[Path, _option("sample", "sample file of darkpkg simulate")],
    vary: Annotated[
        list[str], _option("vary", "free parameter, NAME=LOW:HIGH:N in logarithmic steps; once or twice")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write, .parquet or .csv")],
    benchmark: Annotated[Benchmark, _option("benchmark", "values of all other parameters: A, light, or B, heavy")],
    assign: Annotated[
        list[str] | None, _option("set", "NAME=VALUE, NAME=OTHER or NAME=FACTOR*OTHER with a free parameter OTHER")
    ] = None,
    analysis: Annotated[str, _option("analysis", "I, II, both, or a YAML file of your own")] = "I",
    refine: Annotated[int, typer.Option(help="how often to halve the grid near the edge of exclusion", min=0)] = 1,
    cl: Annotated[float, _option("cl", "confidence level of the edge")] = _CL,
    transport: Annotated[bool, _flag("transport", "move events to each pair of masses: slower, and no bias")] = False,
) -> None:
    """Likelihood, expected events and exclusion over a slice with one or two free parameters."""
    with _errors_in_one_line(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exclusion_threshold(cl)
        point = {"A": BENCHMARK_A, "B": BENCHMARK_B}[benchmark]
        where = _slice(point, vary, assign or [])
        judge = _ANALYSES[analysis] if analysis in _ANALYSES else load(_existing(analysis))
        if not output.parent.is_dir():
            raise ValueError(f"no folder {output.parent} to write {output.name} into")
        scan_path(output)
        events = _read(sample)
        expected = expected_events_by_transport if transport else expected_events
        result = scan(events, where, judge, expected=expected, refine=refine, cl=cl, progress=True)
        result.write(output)
        lines = _summary(result, cl)
        if len(where.axes) == 1:
            (name,) = where.axes
            lines += [
                f"excluded               {name} from {part.low:.4g} to {part.high:.4g}"
                for part in excluded_intervals(events, where, judge, cl=cl, n_parameters=1, expected=expected)
            ]
    print(
        "\n".join([*lines, *sorted({f"note                   {w.message}" for w in caught}), f"written to {output}"])
    )


def _slice(point: DarkParameters, vary: list[str], assign: list[str]) -> Slice:
    """The slice that the options ask for."""
    axes = {}
    for text in vary:
        match = re.fullmatch(r"(\w+)=([^:]+):([^:]+):(\d+)", text)
        if match is None:
            raise ValueError(f"--vary must be NAME=LOW:HIGH:N, such as m_N=0.005:1:60, got {text}")
        name, n = match[1], int(match[4])
        low, high = (_number(text, part) for part in match.group(2, 3))
        if not (0 < low < high and n > 1):
            raise ValueError(f"--vary needs 0 < LOW < HIGH and N > 1, got {text}")
        axes[name] = np.geomspace(low, high, n)
    fixed, tied = {}, {}
    for text in assign:
        match = re.fullmatch(r"(\w+)=(?:([^*]+)\*)?(\S+)", text)
        if match is None or match[1] not in point.numbers() or match[1] in axes:
            others = [name for name in point.numbers() if name not in axes]
            raise ValueError(f"--set must be NAME=VALUE with NAME one of {', '.join(others)}, got {text}")
        if match[3] in axes:
            tied[match[1]] = (_number(text, match[2] or "1"), match[3])
        else:
            fixed[match[1]] = _number(text, text.partition("=")[2])
    point = point.replace(**fixed)
    if not tied:
        return Slice(point, **axes)
    for name in axes:
        Slice(point, **{name: axes[name]})  # refuses a name that is none

    def at(*values: Any) -> DarkParameters:
        free = dict(zip(axes, values, strict=True))
        return point.replace(**free, **{name: factor * free[other] for name, (factor, other) in tied.items()})

    return Slice(at, **axes)


def _number(text: str, part: str) -> float:
    try:
        return float(part)
    except ValueError:
        raise ValueError(f"{part} must be a number in {text}") from None


def _summary(result: Scan, cl: float) -> list[str]:
    n_parameters = len(result.axes)
    fewest = np.nanmin(result.expectation.total().n_effective)
    share = np.mean(result.excluded(cl, n_parameters))
    return [
        f"points                 {int(result.evaluated.sum())} of {result.analysis.name}",
        f"excluded               {100 * share:.3g} % of the grid, at {100 * cl:g} % CL for {n_parameters} parameter"
        f"{'s' if n_parameters > 1 else ''}",
        f"fewest effective       {fewest:.3g} events",
    ]


@app.command()
def figure(
    number: Annotated[int, typer.Argument(help="number of the figure in the paper")],
    output: Annotated[Path, typer.Option("--output", "-o", help="picture (.png, .pdf, .svg) or curves (.csv)")],
    curves: Annotated[Path | None, _option("curves", "write the curves, too, .csv")] = None,
    heavy_sample: Annotated[Path | None, _option("heavy-sample", "file of simulate, --mediator heavy")] = None,
    light_sample: Annotated[Path | None, _option("light-sample", "file of simulate, --mediator light")] = None,
    n_events: Events = 1_000_000,
    seed: Seed = 1,
) -> None:
    """Draw a figure of the paper by its number, or write the numbers behind its curves.

    What a figure needs is simulated, a sample of --n-events for each pair of masses or each mediator.
    """
    with _errors_in_one_line(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FewEventsWarning)
        from darkpkg.results import figures, paper_figures

        paper_figures.check_number(number)
        targets = [paper_figures.check_target(path) for path in (output, curves) if path is not None]
        if curves is not None and curves.suffix != ".csv":
            raise ValueError(f"curves are written to .csv, got {curves.name}")
        files = {"heavy": heavy_sample, "light": light_sample}
        given = {name: path for name, path in files.items() if path is not None}
        print(f"drawing figure {number} (seed {seed})", file=sys.stderr)
        figures.use_style()
        drawn = paper_figures.draw(number, paper_figures.Samples(n_events, seed, given, progress=True))
        for path in targets:
            print(f"figure {number} written to {drawn.save(path)}")
    for text in dict.fromkeys(str(w.message) for w in caught if w.category is FewEventsWarning):
        print(f"note: {text}", file=sys.stderr)


def _simulate(
    sampling: SamplingRange, n_events: int, seed: int, majorana: bool, hydrogen: bool, detector: Detector = ND280
) -> PlacedEvents:
    masses = "m_N = {:g} to {:g} GeV, m_Zprime = {:g} to {:g} GeV".format(*sampling.m_N, *sampling.m_Zprime)
    if sampling.is_fixed:
        masses = f"m_N = {sampling.m_N[0]:g} GeV, m_Zprime = {sampling.m_Zprime[0]:g} GeV"
    print(f"simulating {n_events} events in {detector.name} at {masses} (seed {seed})", file=sys.stderr)
    couplings = BENCHMARK_B.replace(is_majorana=majorana)
    options = {"couplings": couplings, "detector": detector, "hydrogen": hydrogen}
    return place(generate(sampling, n_events, seed, **options, progress=True), detector, seed)


def _read(path: Path) -> PlacedEvents:
    events = read_events(path)
    if not isinstance(events, PlacedEvents):
        raise ValueError(f"{path} holds events without vertices; darkpkg simulate writes them with")
    return events


def _existing(analysis: str) -> Path:
    if not Path(analysis).is_file():
        raise ValueError(f"analysis must be one of {', '.join(_ANALYSES)}, or a YAML file, got {analysis!r}")
    return Path(analysis)


def _check(point: DarkParameters, events: PlacedEvents, analysis: Analysis) -> dict[str, Any]:
    upscatterings, result = expected_upscatterings(events, point, analysis), scan(events, point, analysis)
    if not math.isfinite(result.minus_delta_log_likelihood):
        raise ValueError(
            f"the likelihood of {analysis.name} is not finite here: look at its counts and uncertainties"
        )
    signal, sums = result.expectation, result.expectation.in_channels(analysis)
    channels = {}
    for i, channel in enumerate(analysis.channels):
        channels[channel.name] = {
            "expected_events": float(sums.mean[i]),
            "error": float(sums.error[i]),
            "n_effective": float(sums.n_effective[i]),
        }
        if channel.selection.n_bins > 1:
            channels[channel.name]["bins"] = signal.mean[analysis.bins_of(channel.name)].tolist()
    return {
        "analysis": analysis.name,
        "caveat": analysis.caveat,
        "decay_width_GeV": float(point.decay_width()),
        "proper_decay_length_cm": float(point.proper_decay_length() / cm),
        "selected_upscatterings": float(upscatterings.mean.sum()),
        "expected_events": float(signal.mean.sum()),
        "error": float(signal.variance.sum() ** 0.5),
        "channels": channels,
        "minus_delta_log_likelihood": float(result.minus_delta_log_likelihood),
        "threshold": exclusion_threshold(_CL),
        "excluded": bool(result.excluded(_CL)),
    }


def _report(result: dict[str, Any]) -> str:
    verdict = "EXCLUDED" if result["excluded"] else "not excluded"
    width = max(16, *(len(name) for name in result["channels"]))
    lines = [
        f"proper decay length   {result['proper_decay_length_cm']:.4g} cm "
        f"(width {result['decay_width_GeV']:.4g} GeV)",
        f"expected events       {result['expected_events']:.4g} ± {result['error']:.2g}",
        f"  without a decay     {result['selected_upscatterings']:.4g} selected upscatterings",
        *(
            f"  in {name:{width}s} {channel['expected_events']:.4g} ± {channel['error']:.2g}"
            for name, channel in result["channels"].items()
        ),
        f"-Delta ln L           {result['minus_delta_log_likelihood']:.4g} "
        f"(excluded at 90 % CL beyond {result['threshold']:.3f})",
        f"verdict               {verdict} at 90 % CL by {result['analysis']}",
        *(f"note                  {text}" for text in [result["caveat"], *result["warnings"]] if text),
    ]
    return "\n".join(lines)

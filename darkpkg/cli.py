"""The command line: ``darkpkg check`` judges a point, ``simulate`` makes a sample, ``scan`` a plane of limits.

Only the options stand here, and what becomes of errors; `darkpkg.commands` does the work. So a word of help does not
wait for the library.
"""

from __future__ import annotations

import codecs
import errno
import importlib.metadata
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

_BROKEN_PIPE, _INTERRUPTED, _WRONG_INPUT, _FAILED = 141, 130, 2, 1
"""Exit statuses; the first two are those of a process that the signals PIPE and INT end."""

_FAILURES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What no other name of a file would have avoided."""

_PLAIN = {"±": "+-", "′": "'", "−": "-", "·": "*", "…": "...", "∅": "0"}
"""For terminals that have no such signs; all others become question marks."""


class Commands(TyperGroup):
    """All commands: what goes wrong in one of them is said in one line on stderr, with an exit status."""

    def main(self, *args: Any, **options: Any) -> Any:
        _let_streams_take_any_text()
        return super().main(*args, **options)

    def make_context(self, *args: Any, **options: Any) -> Any:
        with _errors_in_one_line():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        with _errors_in_one_line():
            return super().invoke(ctx)


app = typer.Typer(
    cls=Commands,
    help="Dark neutrinos in T2K's near detector: is a point of the parameter space excluded?\n\n"
    "Exit status: 0 if all went well, 1 if the system failed (no room, no memory), 2 for wrong input, 3 if check can "
    "make no statement, 130 if interrupted, 141 if nobody reads the output.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _let_streams_take_any_text() -> None:
    codecs.register_error("darkpkg", _in_plain_signs)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        getattr(sys, name).reconfigure(errors="darkpkg")


def _in_plain_signs(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    """What went wrong, in one line on stderr, with its exit status; what was printed before is written out."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt:
        _leave(_INTERRUPTED, "interrupted")
    except BrokenPipeError:
        _leave(_BROKEN_PIPE)
    except MemoryError as error:
        _leave(_FAILED, f"not enough memory: {error}")
    except OSError as error:
        _leave(_FAILED if error.errno in _FAILURES else _WRONG_INPUT, str(error))
    except (ValueError, RuntimeError) as error:
        from darkpkg.datasets import DataIntegrityError

        if not isinstance(error, ValueError | DataIntegrityError):
            raise
        _leave(_WRONG_INPUT, str(error))


def _leave(status: int, text: str = "") -> None:
    with suppress(OSError):
        if text:
            print(f"darkpkg: {' '.join(text.split())}", file=sys.stderr)
        sys.stderr.flush()
    # What the streams could not write they would try to write once more at the end, and complain.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    raise typer.Exit(status) from None


def option(name: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(f"--{name}", help=text, metavar=metavar)


def _flag(name: str, text: str) -> Any:
    return typer.Option(f"--{name}/--no-{name}", help=text)


def _integer(text: str) -> int:
    """An integer, which may be written 1e6."""
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise
        return int(number)


def typed(ctx: typer.Context, *names: str) -> list[str]:
    """Those of the options that stand on the command line."""
    typed = [name for name in names if getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"]
    return [f"--{name.replace('_', '-')}" for name in typed]


class Mediator(StrEnum):
    """The side of m_N = m_Zprime on which masses are sampled."""

    heavy = "heavy"
    light = "light"


class Benchmark(StrEnum):
    """The columns of Table I."""

    A = "A"
    B = "B"


class Decays(StrEnum):
    """What Z' decays to."""

    all = "all"
    paper = "paper"


def _version(wanted: bool) -> None:
    if wanted:
        print(f"darkpkg {importlib.metadata.version('darkpkg')}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print it and stop")
    ] = False,
) -> None:
    pass


Mass = Annotated[float | None, option("m_N", "mass of the heavy neutrino N in GeV, such as 0.1", "GEV")]
MediatorMass = Annotated[float | None, option("m_Zprime", "mass of the dark photon Z' in GeV, such as 1.25", "GEV")]
Seed = Annotated[int, option("seed", "seed of the simulation, such as 7")]
Majorana = Annotated[bool, _flag("majorana", "N is its own antiparticle")]
Hydrogen = Annotated[bool, _flag("hydrogen", "scatter on hydrogen too")]
NumberOfEvents = Annotated[
    int | None, typer.Option("--n-events", help="events to simulate, such as 1e6", parser=_integer, metavar="INTEGER")
]
DecaysName = Annotated[
    Decays, option("decays", "all: e, mu and hadrons, and Z' flies; paper: massless e alone, and Z' decays at once")
]
AnalysisNames = Annotated[
    list[str] | None,
    option("analysis", "I (argon chambers; default), II (photons in FGD1) or a TOML file; may be repeated", "NAME"),
]
ExperimentName = Annotated[
    str, option("experiment", "T2K, T2K-tracker (no P0D), T2K-upgrade, T2K-all-flavours, or a TOML file", "NAME")
]
NAMES = "m_N, m_Zprime (GeV), alpha_D, epsilon, V_muN_sq, V_N_sq"


@app.command(short_help="Is a point excluded, or each point of a file?")
def check(
    ctx: typer.Context,
    m_N: Mass = None,
    m_Zprime: MediatorMass = None,
    alpha_D: Annotated[float | None, option("alpha_D", "dark fine-structure constant, such as 0.4")] = None,
    epsilon: Annotated[float | None, option("epsilon", "kinetic mixing, such as 0.02")] = None,
    V_muN_sq: Annotated[float | None, option("V_muN_sq", "|V_muN|^2, factor of production, such as 2e-7")] = None,
    V_N_sq: Annotated[float | None, option("V_N_sq", "|V_N|^2, factor of decay, such as 1")] = None,
    points: Annotated[
        Path | None, option("points", f"CSV file of many points, with the columns {NAMES}", "FILE")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="file for the answers to --points: .csv or .json")
    ] = None,
    sample: Annotated[Path | None, option("sample", "sample file; without it, simulate", "FILE")] = None,
    analysis: AnalysisNames = None,
    n_events: NumberOfEvents = None,
    seed: Seed = 1,
    majorana: Majorana = False,
    hydrogen: Hydrogen = False,
    decays: DecaysName = Decays.all,
    as_json: Annotated[bool, option("json", "print JSON")] = False,
) -> None:
    """Lifetime, expected events and exclusion of one point, or of each point of a file.

    Example: darkpkg check --m_N 0.1 --m_Zprime 1.25 --alpha_D 0.4 --epsilon 0.02145 --V_muN_sq 2.2e-7 --V_N_sq 1

    Of several analyses (--analysis I --analysis II) each answers, and then their sum. One point is simulated at its
    masses, by default with 200 000 events; for the points of a file one sample over masses serves, by default of 1e6
    events: darkpkg check --points mine.csv -o answers.csv

    The point is excluded beyond -Delta ln L = 2.303, 90 % CL for 2 parameters. There is no statement where no
    neutrino of the beam can make this N, without any effective event, and where fewer than 10 effective events stand
    behind a channel and the verdict changes within the 95 % interval of the expectation that they leave. Exit status:
    0 for a verdict, 2 for wrong input, 3 for no statement (of one point, by the last analysis).
    """
    numbers = {
        "m_N": m_N, "m_Zprime": m_Zprime, "alpha_D": alpha_D, "epsilon": epsilon, "V_muN_sq": V_muN_sq,
        "V_N_sq": V_N_sq,
    }  # fmt: skip
    given = {name: number for name, number in numbers.items() if number is not None}
    useless = typed(ctx, "n_events", "seed", "hydrogen") if sample else []
    if useless:
        raise ValueError(f"{', '.join(useless)} cannot stand beside --sample: that file was simulated before")
    if points and given:
        raise ValueError(f"--{next(iter(given))} cannot stand beside --points, whose file has all numbers")
    if output and not points:
        raise ValueError("--output is for the answers to --points; one point is printed")
    if not points and len(given) < len(numbers):
        missing = next(name for name in numbers if name not in given)
        raise ValueError(f"Missing option '--{missing}', or --points for the points of a file")
    from darkpkg import commands

    kind = {"is_majorana": majorana, "decays": decays.value}
    source = commands.Source(sample, n_events, seed, majorana, hydrogen)
    if points:
        commands.check_points(points, kind, source, analysis or ["I"], output, as_json)
    else:
        raise typer.Exit(commands.check(given, kind, source, analysis or ["I"], as_json))


@app.command(short_help="Write a sample, over all masses or at fixed ones.")
def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write, .parquet")],
    mediator: Annotated[
        Mediator | None,
        option("mediator", "all masses, of a dark photon heavier (default) or lighter than N"),
    ] = None,
    m_N: Mass = None,
    m_Zprime: MediatorMass = None,
    experiment: ExperimentName = "T2K",
    n_events: NumberOfEvents = None,
    seed: Seed = 1,
    majorana: Majorana = False,
    hydrogen: Hydrogen = False,
) -> None:
    """Simulate the whole plane of masses, or one pair of them, in a detector, and write the sample to a file.

    Examples: darkpkg simulate -o heavy.parquet

    darkpkg simulate --m_N 0.1 --m_Zprime 1.25 --n-events 1e5 -o at_B.parquet
    """
    fixed = {"m_N": m_N, "m_Zprime": m_Zprime}
    given = {name: mass for name, mass in fixed.items() if mass is not None}
    if len(given) == 1 or (given and mediator):
        raise ValueError("masses are fixed by --m_N and --m_Zprime together, or sampled as --mediator says")
    from darkpkg import commands

    source = commands.Source(None, n_events, seed, majorana, hydrogen)
    commands.simulate(output, given or (mediator or Mediator.heavy).value, experiment, source)


@app.command(short_help="Limits over a slice of the parameter space, from a sample.")
def scan(
    sample: Annotated[Path, option("sample", "sample file of darkpkg simulate", "FILE")],
    vary: Annotated[
        list[str],
        option("vary", f"free parameter, logarithmic steps, once or twice; NAME is of {NAMES}", "NAME=LOW:HIGH:N"),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write, .parquet or .csv")],
    benchmark: Annotated[Benchmark, option("benchmark", "values of all other parameters: A, light, or B, heavy")],
    assign: Annotated[
        list[str] | None,
        option("set", "another value of a parameter, or FACTOR*OTHER with a free parameter OTHER", "NAME=VALUE"),
    ] = None,
    analysis: AnalysisNames = None,
    refine: Annotated[int, typer.Option(help="how often to halve the grid near the edge of exclusion", min=0)] = 1,
    cl: Annotated[float, option("cl", "confidence level of the edge, for 2 parameters, such as 0.9")] = 0.90,
    transport: Annotated[
        bool, _flag("transport", "transport events to each pair of masses: slower, and no bias")
    ] = False,
    decays: DecaysName = Decays.all,
) -> None:
    """Likelihood, expected events and exclusion over a slice with one or two free parameters.

    Example: darkpkg scan --sample heavy.parquet --benchmark B --vary m_N=0.01:0.3:30 --vary epsilon=1e-5:1e-1:30
    -o plane.csv

    Several analyses are added up.
    """
    from darkpkg import commands

    base = benchmark.value, decays.value
    commands.scan(sample, vary, output, base, assign or [], analysis or ["I"], refine, cl, transport)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, hidden=True)
def figure() -> None:
    """The figures of the paper stand beside the library: python -m paper figure, in a checkout of the book."""
    raise ValueError(
        "the figures of the paper are drawn by the book: python -m paper figure 4 -o fig4.pdf, in its folder"
    )

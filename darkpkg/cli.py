"""The command line: ``darkpkg check`` judges a point, ``simulate`` makes a sample, ``scan`` a plane of limits.

Only the options stand here, and what becomes of errors; `darkpkg.commands` does the work. So a word of help does not
wait for the library.
"""

from __future__ import annotations

import codecs
import errno
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
    add_completion=False,
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


def option(name: str, text: str) -> Any:
    return typer.Option(f"--{name}", help=text)


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


Seed = Annotated[int, option("seed", "seed of the simulation")]
Majorana = Annotated[bool, _flag("majorana", "N is its own antiparticle")]
Hydrogen = Annotated[bool, _flag("hydrogen", "scatter on hydrogen too")]
NumberOfEvents = Annotated[
    int, typer.Option("--n-events", help="size of the simulation", parser=_integer, metavar="INTEGER")
]
DecaysName = Annotated[
    Decays, option("decays", "all: e, mu and hadrons, and Z' flies; paper: massless e alone, and Z' decays at once")
]
AnalysisName = Annotated[str, option("analysis", "I, II, both, or a TOML file of your own")]


@app.command()
def check(
    ctx: typer.Context,
    m_N: Annotated[float, option("m_N", "mass of the heavy neutrino, GeV")],
    m_Zprime: Annotated[float, option("m_Zprime", "mass of the dark photon, GeV")],
    alpha_D: Annotated[float, option("alpha_D", "dark fine-structure constant")],
    epsilon: Annotated[float, option("epsilon", "kinetic mixing")],
    V_muN_sq: Annotated[float, option("V_muN_sq", "|V_muN|^2, vertex factor of production")],
    V_N_sq: Annotated[float, option("V_N_sq", "|V_N|^2, vertex factor of decay")],
    sample: Annotated[Path | None, option("sample", "sample file; without it, simulate at these masses")] = None,
    analysis: AnalysisName = "I",
    n_events: NumberOfEvents = 200_000,
    seed: Seed = 1,
    majorana: Majorana = False,
    hydrogen: Hydrogen = False,
    decays: DecaysName = Decays.all,
    as_json: Annotated[bool, option("json", "print JSON")] = False,
) -> None:
    """Lifetime, expected events and exclusion of one point: I, the argon chambers; II, photons in FGD1; or both.

    The point is excluded beyond -Delta ln L = 2.303, 90 % CL for 2 parameters. There is no statement where no
    neutrino of the beam can make this N, without any effective event, and where fewer than 10 effective events stand
    behind a channel and the verdict changes within the 95 % interval of the expectation that they leave. Exit status:
    0 for a verdict, 2 for wrong input, 3 for no statement.
    """
    useless = typed(ctx, "n_events", "seed", "hydrogen") if sample else []
    if useless:
        raise ValueError(f"{', '.join(useless)} cannot stand beside --sample: that file was simulated before")
    from darkpkg import commands

    numbers = {
        "m_N": m_N, "m_Zprime": m_Zprime, "alpha_D": alpha_D, "epsilon": epsilon, "V_muN_sq": V_muN_sq,
        "V_N_sq": V_N_sq,
    }  # fmt: skip
    kind = {"is_majorana": majorana, "decays": decays.value}
    raise typer.Exit(commands.check(numbers, kind, sample, analysis, n_events, seed, hydrogen, as_json))


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write, .parquet")],
    mediator: Annotated[Mediator, option("mediator", "dark photon heavier or lighter than N")] = Mediator.heavy,
    n_events: NumberOfEvents = 1_000_000,
    seed: Seed = 1,
    majorana: Majorana = False,
    hydrogen: Hydrogen = False,
    tracker: Annotated[
        bool, _flag("tracker", "without the P0D: N of a light dark photon count only where they are made")
    ] = False,
) -> None:
    """Simulate the whole plane of masses in ND280 and write the sample to a file."""
    from darkpkg import commands

    commands.simulate(output, mediator.value, n_events, seed, majorana, hydrogen, tracker)


@app.command()
def scan(
    sample: Annotated[Path, option("sample", "sample file of darkpkg simulate")],
    vary: Annotated[list[str], option("vary", "free parameter, NAME=LOW:HIGH:N in logarithmic steps; once or twice")],
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write, .parquet or .csv")],
    benchmark: Annotated[Benchmark, option("benchmark", "values of all other parameters: A, light, or B, heavy")],
    assign: Annotated[
        list[str] | None, option("set", "NAME=VALUE, NAME=OTHER or NAME=FACTOR*OTHER with a free parameter OTHER")
    ] = None,
    analysis: AnalysisName = "I",
    refine: Annotated[int, typer.Option(help="how often to halve the grid near the edge of exclusion", min=0)] = 1,
    cl: Annotated[float, option("cl", "confidence level of the edge, for 2 parameters")] = 0.90,
    transport: Annotated[
        bool, _flag("transport", "transport events to each pair of masses: slower, and no bias")
    ] = False,
    decays: DecaysName = Decays.all,
) -> None:
    """Likelihood, expected events and exclusion over a slice with one or two free parameters."""
    from darkpkg import commands

    base = benchmark.value, decays.value
    commands.scan(sample, vary, output, base, assign or [], analysis, refine, cl, transport)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, hidden=True)
def figure() -> None:
    """The figures of the paper stand beside the library: python -m paper figure, in a checkout of the book."""
    raise ValueError(
        "the figures of the paper are drawn by the book: python -m paper figure 4 -o fig4.pdf, in its folder"
    )

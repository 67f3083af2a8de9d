"""The command line: ``darkpkg check`` tests a point, ``simulate`` makes a sample, ``scan`` a plane of limits.

Options and errors alone: `darkpkg.commands` does the work, and a word of help does not wait for the library.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

_FAILURES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What no other name of a file would have avoided."""


class Commands(TyperGroup):
    """All commands: an error is one line on stderr, with an exit status."""

    def resolve_command(self, *args: Any) -> Any:
        """The command, and its words: an option that counts once must not stand there twice."""
        name, command, words = super().resolve_command(*args)
        given = [word.partition("=")[0] for word in words if word.startswith("-")]
        for one in command.params if command else ():
            times = sum(map(given.count, [*one.opts, *one.secondary_opts]))
            if times > 1 and not getattr(one, "multiple", False):
                raise ValueError(f"{one.opts[0]} must be given once, got it {times} times")
        return name, command, words

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command of ``args``, by default those of the program, and leave Python with its exit status."""
        for stream in filter(None, (sys.stdout, sys.stderr)):  # either may have been closed by the caller
            stream.reconfigure(errors="namereplace")
        try:
            try:
                return super().main(*args, **options)
            finally:
                _write_out()
        except (MemoryError, BrokenExecutor, OSError, ValueError) as error:
            no_memory, failed = isinstance(error, MemoryError), isinstance(error, MemoryError | BrokenExecutor)
            text = " ".join(f"{'not enough memory: ' if no_memory else ''}{error}".split())
            print(f"darkpkg: {text}", file=sys.stderr)
            sys.exit(1 if failed or getattr(error, "errno", None) in _FAILURES else 2)


def _write_out() -> None:
    """Write what was printed, or drop what cannot be written: Python would try once more at its end."""
    if sys.stdout:
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise


app = typer.Typer(
    cls=Commands,
    help="Dark neutrinos in T2K's near detector: is a point of the parameter space excluded?\n\n"
    "Exit status: 0 if all went well, 1 if the system failed (no room, no memory, a dead worker), 2 for wrong input, "
    "3 if check can make no statement, 130 if interrupted, 141 if nobody reads the output.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """The program, which a pipe that nobody reads ends as it does any other."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    gc.set_threshold(50_000)  # imports make many objects that stay: looking through them takes a twentieth of a check
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy starts a thread for each core, a seventh; no use here
    app(prog_name="darkpkg")


def option(name: str, text: str, metavar: str | None = None, *, default: Any = ..., **more: Any) -> Any:
    """An option of this very name, which keeps its capitals and underscores. That of an output is also -o."""
    names = [f"--{name}", *(["-o"] if name == "output" else [])]
    return typer.Option(default, *names, help=text, metavar=metavar, **more)


def _integer(text: str) -> int:
    """An integer, which may be written 1e6."""
    number = float(text)
    if not number.is_integer():
        raise ValueError(f"must be an integer, got {text}")
    return int(number)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed  # takes as long as all the rest

        print(f"darkpkg {installed('darkpkg')}")
        raise typer.Exit


@app.callback()
def _program(
    version: bool = option("version", "print it and stop", default=False, callback=_version, is_eager=True),
) -> None:
    pass


Number = float | None
File = Path | None
NAMES = "m_N, m_Zprime (GeV), alpha_D, epsilon, V_muN_sq, V_N_sq"
Mass = Annotated[float | None, option("m_N", "mass of the heavy neutrino N in GeV, such as 0.1", "GEV")]
MediatorMass = Annotated[float | None, option("m_Zprime", "mass of the dark photon Z' in GeV, such as 1.25", "GEV")]
Seed = Annotated[int | None, option("seed", "seed of the simulation, such as 7; 1 by default")]
Majorana = Annotated[bool, option("majorana/--no-majorana", "N is its own antiparticle")]
Hydrogen = Annotated[bool | None, option("hydrogen/--no-hydrogen", "scatter on hydrogen too")]
Scheduler = Annotated[str | None, option("scheduler", "Dask scheduler whose workers simulate instead", "ADDRESS")]
NUMBER = "events to simulate, such as 1e5; by default 1e6 over masses, 2e5 at fixed ones, 16384 for a point"
NumberOfEvents = Annotated[int | None, option("n-events", NUMBER, "INTEGER", parser=_integer)]
DECAYS = "all: e, mu and hadrons, and Z' flies; paper: massless e alone, and Z' decays at once"
Decays = Annotated[Literal["all", "paper"], option("decays", DECAYS)]
ANALYSES = "I (argon chambers; default), II (photons in FGD1) or a TOML file; may be repeated"
Analyses = Annotated[list[str] | None, option("analysis", ANALYSES, "NAME")]
METHODS = (
    "what excludes: likelihood, -Delta ln L, the paper's rule; or a construction, without the error of the simulation"
)
Method = Annotated[Literal["likelihood", "feldman-cousins", "cls", "bayes"], option("method", METHODS)]
ESTIMATORS = "transport (events transported to the masses: no bias) or kernel (smoothed over masses: fast)"
OWN_ESTIMATOR = "or mine.py:Mine, your own Mine(sample)"
EXPERIMENTS = (
    "T2K (default), T2K-tracker (no P0D), T2K-upgrade, T2K-all-flavours (wrong sign, electron neutrinos), or a "
    "TOML file"
)
ExperimentName = Annotated[str | None, option("experiment", EXPERIMENTS, "NAME")]
ELECTRON_MIXING = "|V_eN|^2, production by electron neutrinos, such as 2e-7; 0 by default"
SAMPLE = "sample file, such as heavy.parquet"
BOTH = "simulate the point as well as reading the table, and print both"
FREE = "free parameter in logarithmic steps, once or twice, such as m_N=0.01:0.3:30"
OTHERS = "another value of a parameter, such as alpha_D=0.5, or a tie to a free one, such as m_Zprime=3*m_N"
SIDES = "all masses, of a dark photon heavier (default) or lighter than N"


@app.command(short_help="Is a point excluded, or each point of a file?")
def check(
    m_N: Mass = None,
    m_Zprime: MediatorMass = None,
    alpha_D: Number = option("alpha_D", "dark fine-structure constant, such as 0.4", default=None),
    epsilon: Number = option("epsilon", "kinetic mixing, such as 0.02", default=None),
    V_muN_sq: Number = option("V_muN_sq", "|V_muN|^2, factor of production, such as 2e-7", default=None),
    V_N_sq: Number = option("V_N_sq", "|V_N|^2, factor of decay, such as 1", default=None),
    V_eN_sq: Number = option("V_eN_sq", ELECTRON_MIXING, default=None),
    points: File = option(
        "points", f"CSV file of many points: columns {NAMES}, perhaps V_eN_sq", "FILE", default=None
    ),
    output: File = option("output", "file for the answers to --points, such as a.csv or a.json", default=None),
    sample: File = option("sample", f"{SAMPLE}; without it, the table answers", "FILE", default=None),
    experiment: ExperimentName = None,
    analysis: Analyses = None,
    n_events: NumberOfEvents = None,
    seed: Seed = None,
    majorana: Majorana = False,
    hydrogen: Hydrogen = None,
    estimator: str = option("estimator", f"{ESTIMATORS}, {OWN_ESTIMATOR}", "NAME", default="transport"),
    decays: Decays = "all",
    method: Method = "likelihood",
    as_json: bool = option("json", "print JSON", default=False),
    simulated: bool = option("simulate/--no-simulate", BOTH, default=False),
) -> None:
    """Lifetime, expected events and exclusion of one point, or of each point of a file.

    Example: darkpkg check --m_N 0.1 --m_Zprime 1.25 --alpha_D 0.4 --epsilon 0.02145 --V_muN_sq 2.2e-7 --V_N_sq 1

    Of several analyses (--analysis I --analysis II) each answers, and then their sum. One point is read from the
    table of all rates, at once. With --simulate, an option of a simulation, or where the table does not reach, it is
    simulated at its masses; for the points of a file one sample over masses serves, by default of 1e6
    events: darkpkg check --points mine.csv -o answers.csv

    The point is excluded beyond -Delta ln L = 2.303, 90 % CL for 2 parameters, or by --method. There is no
    statement where no neutrino of the beam can make this N, without any effective event, and where fewer than 10
    effective events stand behind a channel and the verdict changes within the 95 % interval of the expectation that
    they leave. Exit status: 0 for a verdict, 2 for wrong input, 3 for no statement (of one point, by the last
    analysis).
    """
    numbers = {"m_N": m_N, "m_Zprime": m_Zprime, "alpha_D": alpha_D, "epsilon": epsilon}
    numbers |= {"V_muN_sq": V_muN_sq, "V_N_sq": V_N_sq, "V_eN_sq": V_eN_sq}
    simulation = {"experiment": experiment, "n-events": n_events, "seed": seed, "hydrogen": hydrogen}
    given = {name: value for name, value in numbers.items() if value is not None}
    missing = [name for name in numbers if name not in (*given, "V_eN_sq")]
    useless = [name for name, value in simulation.items() if sample and value is not None]
    if useless:
        raise ValueError(f"--{useless[0]} cannot stand beside --sample: that file was simulated before")
    if points and given:
        raise ValueError(f"--{next(iter(given))} cannot stand beside --points, whose file has all numbers")
    if missing and not points:
        raise ValueError(f"Missing option '--{missing[0]}', or --points for the points of a file")
    if output and not points:
        raise ValueError("--output is for the answers to --points; one point is printed")
    kind = {"is_majorana": majorana, "decays": decays}
    own, reason = any(value is not None for value in simulation.values()) or estimator != "transport", ""
    if not (own or points or sample or majorana or V_eN_sq):
        from darkpkg import table_commands

        status = table_commands.check({**given, **kind}, analysis, as_json, simulated, method)
        if isinstance(status, str):
            reason = status
        elif not simulated:
            raise typer.Exit(status)
    from darkpkg import commands

    source = commands.Source(sample, experiment, n_events, seed, majorana, hydrogen, estimator, reason, method)
    if points:
        commands.check_points(points, kind, source, analysis, output, as_json)
    else:
        raise typer.Exit(commands.check({**given, **kind}, source, analysis, as_json))


@app.command(short_help="Write a sample, over all masses or at fixed ones.")
def simulate(
    output: Path = option("output", "file to write, such as heavy.parquet"),
    mediator: Literal["heavy", "light"] | None = option("mediator", SIDES, default=None),
    m_N: Mass = None,
    m_Zprime: MediatorMass = None,
    experiment: ExperimentName = None,
    n_events: NumberOfEvents = None,
    seed: Seed = None,
    majorana: Majorana = False,
    hydrogen: Hydrogen = None,
) -> None:
    """Simulate the whole plane of masses, or one pair of them, in a detector, and write the sample to a file.

    Examples: darkpkg simulate -o heavy.parquet

    darkpkg simulate --m_N 0.1 --m_Zprime 1.25 --n-events 1e5 -o at_B.parquet
    """
    fixed = [mass for mass in (m_N, m_Zprime) if mass is not None]
    if len(fixed) == 1 or (fixed and mediator):
        raise ValueError("masses are fixed by --m_N and --m_Zprime together, or sampled with --mediator")
    from darkpkg import commands

    source = commands.Source(None, experiment, n_events, seed, majorana, hydrogen)
    commands.simulate(output, fixed or mediator or "heavy", source)


@app.command("simulate-chunks", short_help="Write a sample larger than memory, into a folder.")
def simulate_chunks(
    n_chunks: int = option("n-chunks", "files that the folder is to have, such as 40", min=1),
    output: Path = option("output", "folder to fill, such as heavy"),
    chunk_size: int = option(
        "chunk-size", "events of a file, such as 1e5", "INTEGER", default=250_000, parser=_integer
    ),
    mediator: Literal["heavy", "light"] = option("mediator", SIDES, default="heavy"),
    experiment: ExperimentName = None,
    seed: Seed = None,
    majorana: Majorana = False,
    hydrogen: Hydrogen = None,
    workers: int = option("workers", "processes at once", default=2, min=1),
    scheduler: Scheduler = None,
) -> None:
    """Simulate the whole plane of masses in chunks, each a file of a folder. An interrupted run is continued.

    Example: darkpkg simulate-chunks --n-chunks 40 -o heavy

    What is there is not simulated again, and more chunks make the sample longer. The folder serves as a --sample.
    """
    from darkpkg import commands

    source = commands.Source(None, experiment, chunk_size, seed, majorana, hydrogen)
    commands.simulate_chunks(output, mediator, source, n_chunks, workers, scheduler)


@app.command(short_help="Limits over a slice of the parameter space.")
def scan(
    vary: list[str] = option("vary", f"{FREE}; NAME is of {NAMES}", "NAME=LOW:HIGH:N"),
    output: Path = option("output", "file to write, such as plane.csv or plane.parquet"),
    benchmark: Literal["A", "B"] = option("benchmark", "values of all other parameters: A, light, or B, heavy"),
    sample: File = option("sample", f"{SAMPLE}; without it, the table of all rates predicts", "FILE", default=None),
    assign: list[str] | None = option("set", OTHERS, "NAME=VALUE", default=None),
    analysis: Analyses = None,
    refine: int = option(
        "refine", "how often to halve the grid near the edge of exclusion, such as 2", default=1, min=0
    ),
    cl: float = option("cl", "confidence level of the edge, for 2 parameters, such as 0.9", default=0.90),
    estimator: str | None = option(
        "estimator", f"of a sample: {ESTIMATORS}, {OWN_ESTIMATOR}; kernel by default", "NAME", default=None
    ),
    decays: Decays = "all",
    method: Method = "likelihood",
) -> None:
    """Likelihood, expected events and exclusion over a slice with one or two free parameters.

    Example: darkpkg scan --benchmark B --vary m_N=0.01:0.3:30 --vary epsilon=1e-5:1e-1:30 -o plane.csv

    The table of all rates predicts, at once, or with --sample the events of a simulation. Several analyses are added
    up.
    """
    if estimator and not sample:
        raise ValueError("--estimator is for a --sample: without one the table of all rates predicts")
    from darkpkg import commands, options

    where = options.slice_of(benchmark, decays, vary, assign or [])
    source = commands.Source(sample, estimator=estimator or "kernel", method=method)
    commands.scan(source, where, output, analysis, refine, cl)


table = typer.Typer(cls=Commands, help="Build the table of all rates, or inspect one.", no_args_is_help=True)
app.add_typer(table, name="table")


@table.command(short_help="Simulate a table of all rates of an experiment.")
def build(
    output: Path = option("output", "file to write, .npz"),
    experiment: str = option("experiment", "T2K or a TOML file with analyses", "NAME", default="T2K"),
    n_events: int = option(
        "n-events", "neutrinos at each pair of masses, fewer of a light Z'", default=65_536, min=1024
    ),
    turns: int = option("turns", "how often, to be averaged: more improve what is there", default=1),
    seed: int = option("seed", "seed of the simulation", default=2205),
    workers: int = option("workers", "processes at once", default=2),
    scheduler: Scheduler = None,
) -> None:
    """Simulate all masses, some thousand pairs, and write the table. An interrupted build is continued.

    What was simulated stays in a folder beside the file, of these sources of the simulation: NAME.DIGEST.nodes.
    """
    from darkpkg import table_commands

    table_commands.build(output, experiment, n_events, turns, seed, workers, scheduler)


@table.command(short_help="What a table holds.")
def inspect(
    path: Annotated[Path | None, typer.Argument(help="a table; by default that of the package")] = None,
) -> None:
    """Experiment, ranges of masses, analyses, parts of the detector, size and provenance of a table."""
    from darkpkg import table_commands

    table_commands.inspect(path)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, hidden=True)
def figure() -> None:
    """Where are the figures of the paper?

    They stand beside the library: python -m paper figure, in a checkout of the book.
    """
    raise ValueError("the book draws the figures of the paper: python -m paper figure 4 -o fig4.pdf, in its folder")

"""The command line of the compendium: ``python -m paper figure 9`` draws a figure of the paper, ``claims`` checks it.

Begin with ``python -m paper --help``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from darkpkg.cli import Commands, NumberOfEvents, Seed, option
from darkpkg.commands import check_size, is_watched
from darkpkg.exports.hepdata import to_hepdata
from darkpkg.method.expectation import FewEventsWarning
from darkpkg.outputs import complete_or_not_at_all, require_writable
from paper import drawing
from paper.booster import published
from paper.causes import along, rates
from paper.claims import samples as claim_samples
from paper.claims import verdicts
from paper.figures import catalogue
from paper.figures import hepdata as hepdata_of_figures
from paper.figures.causes import causes_frame

app = typer.Typer(
    cls=Commands,
    help="The figures and claims of arXiv:2205.12273, drawn and checked anew.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@contextmanager
def _few_events_noted() -> Iterator[None]:
    """What rests on few events is a note on stderr, the first in full."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FewEventsWarning)
        yield
    few = list(dict.fromkeys(str(w.message) for w in caught if w.category is FewEventsWarning))
    if few:
        print(f"note: {few[0]}{f'; {len(few) - 1} more such notes' if few[1:] else ''}", file=sys.stderr)


def _typed(ctx: typer.Context, *names: str) -> list[str]:
    """Those of the options that stand on the command line."""
    typed = [name for name in names if getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"]
    return [f"--{name.replace('_', '-')}" for name in typed]


@app.command()
def figure(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(help="number of the figure in the paper")],
    output: Annotated[Path, typer.Option("--output", "-o", help="picture (.png, .pdf, .svg) or curves (.csv)")],
    curves: Annotated[Path | None, option("curves", "write the curves, too, .csv")] = None,
    heavy_sample: Annotated[Path | None, option("heavy-sample", "file of simulate, --mediator heavy")] = None,
    light_sample: Annotated[Path | None, option("light-sample", "file of simulate, --mediator light")] = None,
    n_events: NumberOfEvents = 1_000_000,
    seed: Seed = 1,
) -> None:
    """Draw a figure of the paper, or write its curves.

    What a figure needs is simulated, a sample of --n-events for each pair of masses or each mediator. Limits are from
    the table of all rates; the dedicated samples that are compared with them have a size of their own.
    """
    catalogue.check_number(number)
    targets = [catalogue.check_target(path) for path in (output, curves) if path is not None]
    for path in targets:
        require_writable(path)
    if curves is not None and curves.suffix != ".csv":
        raise ValueError(f"curves are written to .csv, got {curves.name}")
    files = {"heavy": heavy_sample, "light": light_sample}
    given = {name: path for name, path in files.items() if path is not None}
    samples = catalogue.Samples(n_events, seed, given, progress=is_watched())
    catalogue.check_samples(number, samples)
    missing = set(catalogue.SAMPLES[number]) - set(given)
    if missing - {"at"}:
        check_size(n_events)
    elif useless := _typed(ctx, "n_events", *(() if missing else ("seed",))):
        what = "nothing but dedicated samples" if missing else "nothing"
        raise ValueError(f"figure {number} simulates {what} here, so that {', '.join(useless)} would do nothing")
    print(f"drawing figure {number} (seed {seed})", file=sys.stderr)
    with _few_events_noted():
        drawing.use_style()
        drawn = catalogue.draw(number, samples)
        for path in targets:
            print(f"figure {number} written to {drawn.save(path)}")


@app.command()
def hepdata(
    output: Annotated[Path, typer.Option("--output", "-o", help="folder to write into, figure_01 and so on")],
    figures: Annotated[list[int] | None, option("figures", "number of a figure; all by default", "N")] = None,
    n_events: NumberOfEvents = 1_000_000,
    seed: Seed = 1,
) -> None:
    """Write the figures' curves for HEPData.

    Each figure is a submission in a folder of its own.
    """
    numbers = figures or list(catalogue.FIGURES)
    for number in numbers:
        catalogue.check_number(number)
    check_size(n_events)
    samples = catalogue.Samples(n_events, seed, progress=is_watched())
    with _few_events_noted():
        drawing.use_style()
        for number in numbers:
            found = hepdata_of_figures.tables(catalogue.draw(number, samples), number)
            if not found:
                print(f"figure {number} is a drawing without curves")
                continue
            comment = f"Figure {number} of arXiv:2205.12273, made anew by darkpkg"
            print(f"figure {number} written to {to_hepdata(found, output / f'figure_{number:02d}', comment).parent}")


@app.command()
def claims(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="file to write or to renew, .csv")] = None,
    n_events: NumberOfEvents = claim_samples.N_EVENTS,
    seed: Seed = claim_samples.SEED,
) -> None:
    """Our number and verdict for each claim of the paper.

    Printed is what each claim is about, what the paper has and what we find. A file that is renewed was written
    before: the verdicts that changed are printed, too.
    """
    before = pd.Series(dtype=str)
    if output is not None:
        require_writable(output, ".csv")
        before = pd.read_csv(output).set_index("id").verdict if output.exists() else before
    check_size(n_events)
    print(f"simulating three samples of {n_events} events (seed {seed})", file=sys.stderr)
    with _few_events_noted():
        table = verdicts.table(claim_samples.simulate(n_events, seed))
    for row in table.itertuples():
        print(f"{row.Index} ({row.place}): paper {row.paper}, ours {row.ours:.4g} ± {row.error:.2g}, {row.verdict}")
    print("\n".join(f"{count:3d} {verdict}" for verdict, count in table.verdict.value_counts().items()))
    if output is None:
        return
    for name in before.index.union(table.index, sort=False) if len(before) else ():
        then, now = before.get(name, "not there"), table.verdict.get(name, "not there")
        if then != now:
            print(f"changed: {name}: {then} -> {now}")
    with complete_or_not_at_all(output) as partial:
        table[verdicts.STORED_COLUMNS].to_csv(partial, float_format="%.6g", lineterminator="\n")
    print(f"written to {output}")


@app.command()
def causes(
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write, .csv")],
) -> None:
    """Write curves beside the paper's, with causes.

    A row for each node of each curve of Figs. 3, 4, 6, 9, 10, 11, 14 and 15: the paper's value, ours, and the factor
    of each cause of their ratio. What is needed is simulated: a minute.
    """
    require_writable(output, ".csv")
    print("simulating the masses of all nodes", file=sys.stderr)
    curves = [*along.heavy_limits().values(), *along.light_limits().values(), *rates.at_benchmarks().values()]
    with complete_or_not_at_all(output) as partial:
        causes_frame(curves).to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")
    print(f"written to {output}")


@app.command()
def miniboone(
    points: Annotated[Path, typer.Argument(help="CSV with columns m_N, m_Zprime (GeV), epsilon, U_mu4")],
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write, .csv")],
    difference: Annotated[
        list[str] | None, option("difference", "what to do as the program of arXiv:2308.02543, or all", "NAME")
    ] = None,
    n_events: NumberOfEvents = published.N_EVENTS,
    seed: Seed = published.SEED,
) -> None:
    """MiniBooNE's electron-like events at given points.

    They are those of neutrino mode in 11 bins, and chi squared. Couplings are those of arXiv:2308.02543: alpha_D =
    1/pi, V_muN = V_N = U_mu4/2. Each --difference does one thing as its public program does; none by default.
    """
    require_writable(output, ".csv")
    check_size(n_events)
    wanted, table = published.differences(difference or []), published.read_points(points)
    print(f"simulating {len(table)} points of {n_events} events (seed {seed})", file=sys.stderr)
    with _few_events_noted():
        found = published.table(table, wanted, n_events, seed)
    with complete_or_not_at_all(output) as partial:
        found.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")
    print(f"written to {output}")


if __name__ == "__main__":
    app()

"""The command line of the compendium: ``python -m paper figure 9`` draws a figure of the paper, ``claims`` checks it.

Begin with ``python -m paper --help``.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from darkpkg import plotting
from darkpkg.cli import Commands, NumberOfEvents, Seed, option, typed
from darkpkg.commands import check_output, check_size, is_watched
from darkpkg.method.expectation import FewEventsWarning
from paper.figures import catalogue

app = typer.Typer(
    cls=Commands,
    help="The figures and claims of arXiv:2205.12273, drawn and checked anew.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


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
    """Draw a figure of the paper by its number, or write the numbers behind its curves.

    What a figure needs is simulated, a sample of --n-events for each pair of masses or each mediator.
    """
    files = {"heavy": heavy_sample, "light": light_sample}
    given = {name: path for name, path in files.items() if path is not None}
    draw_figure(number, output, curves, given, n_events, seed, typed(ctx, "n_events"))


def draw_figure(
    number: int,
    output: Path,
    curves: Path | None,
    given: dict[str, Path],
    n_events: int,
    seed: int,
    typed: list[str],
) -> None:
    """Draw a figure of the paper; ``typed`` are the options that only a simulation obeys."""
    catalogue.check_number(number)
    targets = [catalogue.check_target(path) for path in (output, curves) if path is not None]
    for path in targets:
        check_output(path)
    if curves is not None and curves.suffix != ".csv":
        raise ValueError(f"curves are written to .csv, got {curves.name}")
    samples = catalogue.Samples(n_events, seed, given, progress=is_watched())
    catalogue.check_samples(number, samples)
    if set(catalogue.SAMPLES[number]) <= set(given):
        if typed:
            raise ValueError(f"figure {number} simulates nothing here, so that {', '.join(typed)} would do nothing")
    else:
        check_size(n_events)
    print(f"drawing figure {number} (seed {seed})", file=sys.stderr)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FewEventsWarning)
        plotting.use_style()
        drawn = catalogue.draw(number, samples)
        for path in targets:
            print(f"figure {number} written to {drawn.save(path)}")
    few = list(dict.fromkeys(str(w.message) for w in caught if w.category is FewEventsWarning))
    if few:
        print(f"note: {few[0]}{f'; {len(few) - 1} more such notes' if few[1:] else ''}", file=sys.stderr)


if __name__ == "__main__":
    app()

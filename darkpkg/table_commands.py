"""``darkpkg check`` from the table of all rates, and the commands of ``darkpkg table``.

Nothing here needs a simulation, or waits for the libraries of one, except `build`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import darkpkg as dk
from darkpkg import datasets
from darkpkg.options import ANALYSES, experiment_of, judges_of
from darkpkg.report import answers


def check(numbers: Mapping[str, Any], names: list[str] | None, as_json: bool, both: bool, method: str) -> int | str:
    """Print the verdict of each analysis, and of their sum, and return the exit status; or why no table has them."""
    point = dk.DarkParameters(**numbers)
    if not {*(names or [])} <= {*ANALYSES}:
        return "the table is of analyses I and II"
    judges = judges_of(names)
    try:
        table = dk.load_table()
        verdicts = [dk.check(table, point, analysis, method=method) for analysis in judges]
    except ValueError as error:  # masses or a selection that the table does not have
        return str(error)
    source = f"table of all rates of {table.header['experiment']}"
    notes = [f"read from the {source}: --simulate makes a dedicated sample"]
    print(answers(point, judges, verdicts, notes, as_json, source=source))
    if both and not as_json:
        print()
    return 3 if verdicts[-1].status == "no statement" else 0


def build(
    output: Path, experiment: str, n_events: int, turns: int, seed: int, workers: int, scheduler: str | None
) -> None:
    """Write the table of an experiment."""
    from darkpkg import commands, running  # here: they need what simulates

    parts = dk.Table.T2K_PARTS if experiment == "T2K" else None
    with running.executor_of(workers, scheduler) as executor:
        options: dict[str, Any] = {"turns": turns, "executor": executor, "progress": commands.is_watched()}
        with running.interrupts_held():
            build = dk.build_table
        build(experiment_of(experiment), output, parts=parts, n_events=n_events, seed=seed, **options)
    datasets.renew_manifest(output)
    inspect(output)


def inspect(path: Path | None) -> None:
    """Print what a table holds."""
    table = dk.load_table(path)
    about = table.header
    lines = [f"experiment             {about['experiment']}, {about['detector']}"]
    for name, grid in about["grids"].items():
        end = "down to" if name == "light" else "up to"
        low, high = grid["m_N"]
        lines.append(f"{name:23s}m_N from {low:g} to {high:g} GeV, m_Zprime {end} {grid['m_Zprime']:g} GeV, "
                     f"{grid['n_x']} x {grid['n_v']} nodes")  # fmt: skip
    lines += [
        f"analysis {name:14s}{one['bins']} bin(s) in {', '.join(one['beams'])}; N from {', '.join(one['parts'])}"
        for name, one in about["spectra"].items()
    ]
    lines += [
        f"events                 {about['n_events']} at each pair of masses, less if light; seed {about['seed']}",
        f"physics                {about['physics']}, {', '.join(f'{k} {v}' for k, v in about['versions'].items())}",
        f"numbers                {sum(array.size for array in table.arrays.values())}",
    ]
    print("\n".join(lines))

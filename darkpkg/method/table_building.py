"""Simulate the nodes of a table of all rates, and compress them. Begin with `build_table`.

For given masses the rate is a sum over events of exp(−t/L), with t the distance that N flies over its momentum and
L = cτ/m_N. It is tabulated over L, over the same for a light Z′ that flies after N, and over the masses.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darkpkg import _sources
from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.experiment import Experiment
from darkpkg.experiment.selection import Cuts, Selection
from darkpkg.inputs import Array, check_kinds, tuple_of, whole_number
from darkpkg.method.origin import encoded
from darkpkg.method.table import FORMAT, Table, selection_digest
from darkpkg.method.table_fields import beyond_cut, fields_of, store
from darkpkg.method.table_grid import Grid
from darkpkg.method.table_nodes import LIFETIMES, SHORT_LIFETIMES, Simulation, Spectrum
from darkpkg.outputs import complete_or_not_at_all, folder_at, require_writable
from darkpkg.running import check_executor, run

GRIDS = {"heavy": Grid("heavy", 41, 11), "light": Grid("light", 41, 33, power=0.7)}

_LIBRARIES = ("darkpkg", "numpy", "scipy", "numba", "vegas")


def _spectra(analyses: Mapping[str, Analysis], parts: Mapping[str, Sequence[str]]) -> list[Spectrum]:
    found: dict[Selection, list[tuple[str, str]]] = {}
    for name, analysis in analyses.items():
        for channel in analysis.channels:
            selection = dataclasses.replace(channel.selection, efficiency=1.0)
            found.setdefault(selection, []).append((name, channel.beam))
    out: list[Spectrum] = []
    for selection, uses in found.items():
        own = (tuple(selection.vertex_modules),) if selection.vertex_modules else tuple(map(tuple, parts.values()))
        lifetimes = SHORT_LIFETIMES if selection.vertex_modules else LIFETIMES
        beams = dict.fromkeys(beam for _, beam in uses)
        name = re.sub(r"\W+", "_", uses[0][0])  # a part of the names of files
        taken = [one.name for one in out]
        name = name if name not in taken else f"{name}-{len(out)}"
        out.append(Spectrum(name, selection, tuple(beams), own, lifetimes))
    return out


def _neutrinos(n_events: int, spectrum: Spectrum, grid: Grid) -> int:
    return n_events // (4 if spectrum.selection.vertex_modules else 1) // (2 if grid.mediator == "light" else 1)


def _column(
    experiment: Experiment, spectrum: Spectrum, grid: Grid, j: int, n: int, seed: int, folder: Path, turn: int
) -> None:
    """Simulate all nodes of one spectrum with one ratio of masses that no file has yet."""
    simulation = Simulation(experiment, spectrum)
    for i in range(grid.n_x):
        path = _path(folder, spectrum, grid, i, j, turn)
        if path.exists():
            continue
        m_N, m_Zprime = grid.masses(i, j)
        rate, variance, relative = simulation.rates(m_N, m_Zprime, n, seed + 1 + i + 1000 * (j + 1000 * turn))
        with complete_or_not_at_all(path) as partial, partial.open("wb") as file:
            np.savez(file, rate=rate, variance=variance, relative=relative)


def build_table(
    experiment: Experiment,
    output: str | os.PathLike[str],
    *,
    parts: Mapping[str, Sequence[str]] | None = None,
    n_events: int = 65_536,
    turns: int = 1,
    seed: int = 2205,
    grids: Sequence[Grid] = tuple(GRIDS.values()),
    folder: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: bool = False,
) -> Table:
    """Tabulate all rates of an experiment's analyses and write them to ``output``, a .npz file.

    Parameters
    ----------
    experiment
        Its beams (of muon neutrinos), detector and analyses.
    output
        File to write.
    parts
        Modules in which N is produced, by names of parts of the detector; a table adds them up in this order. By
        default all are one.
    n_events
        Neutrinos at each pair of masses, whose N are produced all along a line through each module; half of that for
        a light Z′, of which there are more nodes, and a quarter of either where N is produced and decays in the
        same modules.
    seed
        Non-negative integer.
    grids
        Masses to simulate.
    folder
        Where each pair of masses has a file, by default named after ``output`` and a digest of the sources and of all
        arguments that rates depend on: what is there is not simulated again.
    executor
        Who simulates: processes, or any other executor of the interface of `concurrent.futures`. By default this
        process does.
    progress
        Show a progress bar.

    Raises
    ------
    TypeError, ValueError
        Before any work: for arguments of another kind, an ``output`` that cannot be written or does not end in .npz,
        and a ``folder`` with masses that were simulated with other arguments.
    """
    check_kinds(experiment=(experiment, Experiment), output=(output, (str, os.PathLike)))
    check_kinds(folder=(folder, (str, os.PathLike, None)), parts=(parts, (Mapping, None)), progress=(progress, bool))
    check_executor(executor)
    n_events, turns = whole_number("n_events", n_events, 64), whole_number("turns", turns, 1)
    grids = tuple_of("grids", grids, Grid)
    output = Path(output)
    require_writable(output, ".npz")
    names = parts or {"all": tuple(module.name for module in experiment.detector.modules)}
    about = {"sources": _sources.digest((*_sources.SIMULATION, "method/table_flights.py", "method/table_nodes.py"))}
    about |= encoded({"experiment": experiment, "parts": names, "n_events": n_events, "grids": grids})
    about |= {"seed": str(whole_number("seed", seed))}
    key = hashlib.sha256(json.dumps(about, sort_keys=True, default=repr).encode()).hexdigest()[:16]
    folder = folder_at(output.with_suffix(f".{key}.nodes") if folder is None else folder)
    _agree(folder / "arguments.txt", key)
    spectra = _spectra(experiment.analyses, names)
    tasks = [
        (experiment, s, grid, j, _neutrinos(n_events, s, grid), seed, folder, turn)
        for turn in range(turns) for grid in grids for s in spectra for j in range(grid.n_v)
    ]  # fmt: skip
    for _ in run(_column, tasks, executor, "columns of nodes", progress=progress):
        pass
    arrays: dict[str, NDArray[Any]] = {}
    header: dict[str, Any] = {
        "format": FORMAT,
        "experiment": experiment.name,
        "detector": experiment.detector.name,
        "seed": int(seed),
        "n_events": n_events * turns,
        "physics": _sources.digest(),
        "versions": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "units": {"masses": "GeV", "lifetimes": "ln (cm/GeV)", "rates": "events per POT, couplings 1, efficiency 1"},
        "grids": {grid.mediator: dataclasses.asdict(grid) for grid in grids},
        "spectra": {},
        "fields": {},
    }  # fmt: skip
    for s in spectra:
        header["spectra"][s.name] = {
            "selection": selection_digest(s.selection),
            "max_mass": s.selection.cuts.max_mass if isinstance(s.selection.cuts, Cuts) else None,
            "bins": s.selection.n_bins,
            "beams": list(s.beams),
            "parts": ["+".join(s.parts[0])] if s.selection.vertex_modules else list(names),
        }
    stored = [(s, grid, folder, turns) for s in spectra for grid in grids]
    for fields, own in run(_stored, stored, executor, "spectra", progress=progress):
        header["fields"] |= fields
        arrays |= own
    Table(header, arrays).write(output)
    return Table.read(output)


def _agree(file: Path, key: str) -> None:
    """Whether a folder holds nodes of these arguments, which it states from now on."""
    if file.exists() and file.read_text(encoding="utf-8") != key:
        raise ValueError(
            f"folder must hold nodes of the same arguments and sources, got {file.parent}: take a new one"
        )
    with complete_or_not_at_all(file) as partial:
        partial.write_text(key, encoding="utf-8")


def _stored(s: Spectrum, grid: Grid, folder: Path, turns: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What the header and the file hold of one spectrum on one grid."""
    header: dict[str, Any] = {"fields": {}}
    arrays: dict[str, NDArray[Any]] = {}
    nodes = [[_load(folder, s, grid, i, j, turns) for j in range(grid.n_v)] for i in range(grid.n_x)]
    x = np.log([grid.masses(i, 0)[0] for i in range(grid.n_x)])
    rate, variance, relative = (np.array([[node[k] for node in row] for row in nodes]) for k in (0, 1, 2))
    del nodes
    for name, field in fields_of(rate, variance, relative, s.lifetimes, x, beyond_cut(grid, s.selection)):
        store(header, arrays, f"{grid.mediator}/{s.name}/{name}", *field)
    return header["fields"], arrays


def _path(folder: Path, spectrum: Spectrum, grid: Grid, i: int, j: int, turn: int) -> Path:
    return folder / f"{spectrum.name}_{grid.mediator}_{j}_{i}_{turn}.npz"


def _load(folder: Path, spectrum: Spectrum, grid: Grid, i: int, j: int, turns: int) -> tuple[Array, Array, Array]:
    """The mean of all turns at one node, and its variances."""
    found: list[list[Array]] = []
    for turn in range(turns):
        with np.load(_path(folder, spectrum, grid, i, j, turn), allow_pickle=False) as file:
            found.append([file[name] for name in ("rate", "variance", "relative")])
    rate, variance, relative = (np.mean(one, axis=0) for one in zip(*found, strict=True))
    return rate, variance / turns, relative / turns

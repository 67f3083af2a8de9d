"""Samples larger than memory: a folder of files. Begin with `simulate_chunks`, and `Chunked` to predict.

Each chunk is a sample of its own, with random streams that are named after its number, so that they have the same
bits whoever makes them, in whatever order. Vegas adapts once for all.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, fields
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.datasets import DataIntegrityError
from darkpkg.experiment.analysis import Analysis
from darkpkg.inputs import check_kinds, whole_number
from darkpkg.method.estimators import Transport
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation, FewEventsWarning, warn_of_few
from darkpkg.method.files import write_events
from darkpkg.method.interface import Estimator
from darkpkg.method.sampling import SamplingRange
from darkpkg.outputs import complete_or_not_at_all, folder_at
from darkpkg.physics.model import DarkParameters
from darkpkg.running import check_executor, run
from darkpkg.simulation import Plan, plan_of, read_sample

FORMAT = "darkpkg chunks 1"


def simulate_chunks(
    masses: SamplingRange | DarkParameters,
    n_chunks: int,
    seed: int,
    into: str | os.PathLike[str],
    *,
    chunk_size: int = 250_000,
    float32: bool = False,
    executor: Executor | None = None,
    progress: bool = False,
    **options: Any,
) -> SampleFolder:
    """Simulate into a folder, chunk by chunk; what is there is not made again.

    A run that was stopped, or whose workers died, goes on where it was: files appear complete or not at all. More
    chunks with the same seed make a sample longer.

    Parameters
    ----------
    masses, seed
        As in `simulate`.
    n_chunks
        Number of chunks that the folder is to have.
    into
        The folder, made if need be.
    chunk_size
        Events of a chunk, as ``n_events`` of `simulate`. A worker needs memory for one.
    float32
        Files of about half the size, in single precision: `write_events`.
    executor
        Who makes the chunks: any executor of the interface of `concurrent.futures`, such as a
        ``ProcessPoolExecutor``, or those of loky, Dask (``Client(...).get_executor()``), mpi4py.futures and
        ipyparallel. All workers must see the folder. By default this process makes one after the other.
    progress
        Show a progress bar over chunks.
    **options
        As in `simulate`, except ``cache``.

    Returns
    -------
    SampleFolder
        Of ``n_chunks`` chunks, or more if more were there.

    Raises
    ------
    ValueError
        If the folder has chunks of another simulation, or of other sources; and as `simulate` does.
    RuntimeError
        If a worker died.

    Examples
    --------
    >>> with ProcessPoolExecutor(2) as pool:                                    # doctest: +SKIP
    ...     folder = simulate_chunks(HEAVY, 40, 2205, "heavy", executor=pool, progress=True)
    """
    check_kinds(into=(into, (str, os.PathLike)), float32=(float32, bool), progress=(progress, bool))
    check_executor(executor)
    whole_number("chunk_size", chunk_size, 1)
    whole_number("n_chunks", n_chunks, 1)
    whole_number("seed", seed)
    plan = plan_of(masses, chunk_size, seed, **options)
    folder = folder_at(into)
    made = _agreed(folder, plan, float32)
    tasks = [(plan, i, folder / _name(i), float32) for i in range(n_chunks) if not (folder / _name(i)).exists()]
    for _ in run(_make, tasks, executor, "chunks", progress=progress):
        pass
    _describe(folder, plan, max(n_chunks, made), float32)
    return SampleFolder(folder)


def _name(index: int) -> str:
    return f"chunk-{index:06d}.parquet"


def _chunk(plan: Plan, index: int) -> PlacedEvents:
    """The events of a file, with the simulation that they are of."""
    events = plan.sample(index)
    return events._with({}, {**events.provenance, "simulation": plan.digest})


def _make(plan: Plan, index: int, path: Path, float32: bool) -> None:
    write_events(_chunk(plan, index), path, float32=float32)


def _agreed(folder: Path, plan: Plan, float32: bool) -> int:
    """The number of chunks of this plan that the folder has by its description; a new one has none."""
    if not (folder / "run.json").exists():
        _describe(folder, plan, 0, float32)
        return 0
    about = _description(folder)
    if about["digest"] != plan.digest or about.get("float32", False) != float32:
        if not any(folder.glob("chunk-*")):  # of a run that made none, such as one with a wrong argument
            _describe(folder, plan, 0, float32)
            return 0
        raise ValueError(
            f"the folder {folder} holds another simulation, {about['masses']} with seed {about['seed']}, or was made "
            "with other sources or in another precision: take a new one"
        )
    return int(about["n_chunks"])


def _describe(folder: Path, plan: Plan, n_chunks: int, float32: bool) -> None:
    masses = plan.how["sampling"]
    about = {
        "format": FORMAT,
        "digest": plan.digest,
        "float32": float32,
        "n_chunks": n_chunks,
        "masses": f"m_N {masses.m_N} GeV, m_Zprime {masses.m_Zprime} GeV",
        "seed": int(plan.how["seed"]),
        "experiment": plan.experiment.name,
    }
    with complete_or_not_at_all(folder / "run.json") as partial:
        partial.write_text(json.dumps(about, indent=1), encoding="utf-8")


def _description(folder: Path) -> dict[str, Any]:
    file = folder / "run.json"
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise ValueError(f"its format must be {FORMAT!r}")
        for name in ("n_chunks", "seed"):
            whole_number(name, about.get(name))
        check_kinds(**{name: (about.get(name), str) for name in ("digest", "masses")})
    except (TypeError, ValueError) as error:
        raise DataIntegrityError(f"{file} is no description of chunks: {error}") from None
    return about


@dataclass(frozen=True)
class SampleFolder:
    """The chunks of a sample in a folder that `simulate_chunks` filled, read one by one.

    Iterating gives `PlacedEvents` whose weights are divided by the number of chunks: sums over all chunks are sums
    over the sample.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    FileNotFoundError
        If it is none.
    ValueError
        If chunks are missing, because the simulation was stopped.

    Examples
    --------
    >>> folder = SampleFolder("heavy")                                           # doctest: +SKIP
    >>> sum(np.histogram(s.m_N, edges, weights=s.weight)[0] for s in folder)     # doctest: +SKIP
    """

    path: Path

    def __post_init__(self) -> None:
        check_kinds(path=(self.path, (str, os.PathLike)))
        object.__setattr__(self, "path", Path(self.path))
        if not (self.path / "run.json").is_file():
            raise FileNotFoundError(f"no folder of chunks at path {self.path}")
        n_chunks, there = _description(self.path)["n_chunks"], {file.name for file in self.path.iterdir()}
        if not n_chunks or not all(_name(i) in there for i in range(n_chunks)):
            raise ValueError(f"the simulation in {self.path} is not complete: run it again to go on")

    @property
    def files(self) -> list[Path]:
        """The file of each chunk."""
        return [self.path / _name(i) for i in range(_description(self.path)["n_chunks"])]

    def __len__(self) -> int:
        """The number of chunks."""
        return len(self.files)

    def __iter__(self) -> Iterator[PlacedEvents]:
        """The chunks, one after the other."""
        return (_part(file, len(self)) for file in self.files)


def _part(file: Path, n_chunks: int) -> PlacedEvents:
    events, about = read_sample(file), _description(file.parent)
    made_as = _name(events.provenance.get("chunk", 0)), events.provenance.get("simulation", about["digest"])
    if made_as != (file.name, about["digest"]):  # older chunks do not state their simulation
        raise DataIntegrityError(f"{file} must hold the chunk that its name has, of this simulation, got {made_as}")
    return events._with({"weight": events.weight / n_chunks}, events.provenance)


@dataclass(frozen=True, eq=False)
class Chunked:
    """An estimator of a sample in a folder: the sum over chunks of what another predicts from each.

    Each worker needs memory for one chunk. The sum has the same bits for any executor.

    Parameters
    ----------
    folder
        The sample.
    of
        What makes an estimator of a sample, such as `Transport` or `Kernel`.
    executor
        Who reads and predicts, as in `simulate_chunks`; then ``of`` is pickled.
    """

    folder: SampleFolder
    of: Callable[[PlacedEvents], Estimator] = Transport
    executor: Executor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_kinds(folder=(self.folder, SampleFolder))
        if not callable(self.of):
            raise TypeError(f"of must make an estimator of a sample, got {self.of!r}")
        check_executor(self.executor)

    def events(self, parameters: DarkParameters, analysis: Analysis) -> Expectation:
        """Expected signal in each bin of ``analysis``: as those of `Transport` and `Kernel`."""
        return self._sum("events", parameters, analysis)

    def upscatterings(self, parameters: DarkParameters, analysis: Analysis) -> Expectation:
        """As `events`, wherever N decays: selection and efficiency only."""
        return self._sum("upscatterings", parameters, analysis)

    def events_at_lifetime(self, parameters: DarkParameters, ctau: ArrayLike, analysis: Analysis) -> Expectation:
        """As `events`, with a free proper decay length ``ctau`` (cm) of N that broadcasts against θ's shape."""
        return self._sum("events_at_lifetime", parameters, ctau, analysis)

    def _sum(self, method: str, parameters: DarkParameters, *arguments: Any) -> Expectation:
        files = self.folder.files
        tasks = [(self.of, file, len(files), method, parameters, *arguments) for file in files]
        total = reduce(_plus, run(_predict, tasks, self.executor, "chunks"))
        shape = total.mean.shape[:-1]
        masses = {name: np.broadcast_to(getattr(parameters, name), shape) for name in ("m_N", "m_Zprime")}
        warn_of_few(total.in_channels(arguments[-1]).n_effective.min(axis=-1), masses, 3, " GeV")
        return total


def _predict(of: Callable[[PlacedEvents], Estimator], file: Path, n_chunks: int, method: str, *arguments: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewEventsWarning)  # of this chunk; the sum may have enough
        return getattr(of(_part(file, n_chunks)), method)(*arguments)


def _plus(one: Expectation, other: Expectation) -> Expectation:
    return Expectation(*(getattr(one, part.name) + getattr(other, part.name) for part in fields(one)))

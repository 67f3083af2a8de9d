"""Runs the chapters, so that no page shows an old number, and writes the pages on all cores.

Sphinx calls `setup`; the rest happens at five moments of a build:

- when the configuration is read, `empty_cache` makes room for the outputs of chapters;
- before pages are read, `changed_chapters` has those read again whose numbers may have changed, and `run_chapters`
  begins to execute those of them that were not run in this state, as many side by side as it may use cores;
- before a page is read, `wait_for_chapter` waits for its own outputs, while the next chapters run;
- once they are read, `write_in_parallel` lets Sphinx write as many pages side by side, which it does only on request,
  and reading is not safe side by side;
- then, and at the end of a build that fails, `stop_running` ends the processes that ran chapters.
"""

import functools
import math
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from copy import deepcopy
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import nbformat
from chapter_sources import FIGURE_OUTPUT, chapter_key
from forked_kernels import ForkedKernelManager
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.search.en import SearchEnglish
from sphinx.util import logging

from paper.figure_output import CSV, NARROW, PDF

logger = logging.getLogger(__name__)

PORTIONS = 4
"""For how many processes a core the pages to be written are divided."""

RUNS_KEPT = 3
"""Executed states of each chapter: going back to one of them runs nothing."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect these moments to Sphinx."""
    app.add_config_value("long_chapters", [], "", [list])
    app.connect("config-inited", empty_cache)
    app.connect("env-get-outdated", changed_chapters)
    app.connect("env-before-read-docs", run_chapters)
    app.connect("source-read", wait_for_chapter)
    app.connect("env-check-consistency", write_in_parallel)
    app.connect("env-check-consistency", stop_running)
    app.connect("build-finished", stop_running)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def empty_cache(app: Sphinx, config: Config) -> None:
    """Name Jupyter's cache, from which Sphinx takes outputs. Cells are its keys, so it begins empty."""
    cache = Path(app.srcdir) / "_build" / "executed" / "jupyter"
    shutil.rmtree(cache, ignore_errors=True)
    config.nb_execution_cache_path = str(cache)


def kept_run(root: Path, chapter: Path, cells: Sequence[str]) -> Path:
    """Name the file that keeps a chapter as executed with the package and the inputs as they are, if it was."""
    return root / "_build" / "executed" / chapter.stem / f"{chapter_key(cells, root)}.ipynb"


def keep(notebook: NotebookNode, path: Path) -> None:
    """Write an executed chapter, complete or not at all, and delete its oldest runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    nbformat.write(notebook, draft)
    os.replace(draft, path)
    remove_all_but_newest(path.parent, RUNS_KEPT)


def read_chapter(env: BuildEnvironment, name: str) -> NotebookNode | None:
    """Read a page as a notebook, unless it has no cells to run."""
    path = Path(env.doc2path(name))
    text = path.read_text(encoding="utf-8") if path.suffix == ".md" else ""
    reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text) if text else None
    if reader is None or reader.md_config is None:
        return None
    notebook = reader.read(text)
    return notebook if code_of(notebook) else None


def code_of(notebook: NotebookNode) -> list[str]:
    """List the sources of the code cells."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def changed_chapters(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """List the pages to read again although their text is the same: what their numbers depend on is not."""
    before = getattr(env, "chapter_runs", {})
    chapters = {name: notebook for name in env.found_docs if (notebook := read_chapter(env, name))}
    root = Path(app.srcdir)
    env.chapter_runs = {
        name: kept_run(root, Path(env.doc2path(name)), code_of(notebook)) for name, notebook in chapters.items()
    }
    return [name for name, run in env.chapter_runs.items() if run != before.get(name)]


class Running(NamedTuple):
    """Chapters that are executed, by name of the page, the one that begins first first."""

    pool: ProcessPoolExecutor
    chapters: dict[str, Future]


def run_chapters(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Begin to execute the chapters among the pages to be read, unless that was done before, and fill the cache.

    It comes after `changed_chapters`. Those that `long_chapters` of the configuration names begin first, then others
    by their length: else a core would wait for a long one at the end. Pages are put into an order in which none waits
    for a later one: first those that have all outputs. Sphinx then finds all of them in the cache; alone it would run
    one chapter at a time.
    """
    waiting = {}
    for name in filter(env.chapter_runs.__contains__, names):
        path, run, notebook = Path(env.doc2path(name)), env.chapter_runs[name], read_chapter(env, name)
        if run.is_file():
            kept = nbformat.read(run, as_version=4)
            if with_tags_of(notebook, kept):
                keep(kept, run)
            run.touch()
            fill(app, kept, path)
        else:
            waiting[name] = path, notebook
    slow = app.config.long_chapters
    order = {name: -len(slow) + i for i, name in enumerate(slow)}
    begin = {name: (order.get(path.stem, 0), -path.stat().st_size) for name, (path, _) in waiting.items()}
    longest_first = sorted(waiting, key=begin.__getitem__)
    names[:] = [name for name in names if name not in waiting] + longest_first
    pool = ProcessPoolExecutor(usable_cores(), mp_context=get_context("spawn"))
    chapters = {
        name: pool.submit(
            single_nb_execution,
            waiting[name][1],
            cwd=str(waiting[name][0].parent),
            timeout=env.mystnb_config.execution_timeout,
            allow_errors=False,
            kernel_manager_class=ForkedKernelManager,
            extra_arguments=[f"--ext={FIGURE_OUTPUT}"],
        )
        for name in longest_first
    }
    app.running = Running(pool, chapters)


def fill(app: Sphinx, notebook: NotebookNode, path: Path) -> None:
    """Put an executed chapter into the cache from which Sphinx takes outputs."""
    bundle = CacheBundleIn(for_sphinx(notebook), str(path))
    get_cache(app.config.nb_execution_cache_path).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def wait_for_chapter(app: Sphinx, name: str, source: list[str]) -> None:
    """Wait until a page that is to be read has its outputs in the cache.

    Raises `ExtensionError` with the traceback of each chapter that fails, once the others are done and kept.
    """
    chapters, failures = app.running.chapters, []
    while name in chapters or (failures and chapters):
        done, _ = wait(chapters.values(), return_when=FIRST_COMPLETED)
        for page in [page for page, run in chapters.items() if run in done]:
            path, result = Path(app.env.doc2path(page)), chapters.pop(page).result()
            if result.err is not None:
                failures.append(f"{path.name} fails: {result.exc_string}")
                continue
            logger.info("%s took %.0f s", path.name, result.time)
            keep(result.nb, app.env.chapter_runs[page])
            fill(app, result.nb, path)
    if failures:
        raise ExtensionError("\n".join(failures))


def stop_running(app: Sphinx, *_: object) -> None:
    """End the processes that run chapters, if there are any; what has not begun by then does not begin."""
    if hasattr(app, "running"):
        app.running.pool.shutdown(cancel_futures=True)


def with_tags_of(notebook: NotebookNode, kept: NotebookNode) -> bool:
    """Give a kept run the captions and tags that its cells have by now, and tell whether there are others."""
    pairs = zip(*([cell for cell in one.cells if cell.cell_type == "code"] for one in (notebook, kept)), strict=True)
    changed = [(cell, old) for cell, old in pairs if cell.metadata != old.metadata]
    for cell, old in changed:
        old.metadata = cell.metadata
    return bool(changed)


def write_in_parallel(app: Sphinx, env: BuildEnvironment) -> None:
    """Have pages written on all cores, a few at a time, and the stem of each word for the search found once.

    Sphinx itself prepares the pages, one after the other, and a core that writes begins with a portion as soon as
    that is prepared: by itself Sphinx would make three portions of all on two cores.
    """
    app.parallel = PORTIONS * usable_cores()
    SearchEnglish.stem = functools.cache(SearchEnglish.stem)  # else words are stemmed anew on each page


def for_sphinx(notebook: NotebookNode) -> NotebookNode:
    """Copy an executed chapter without the formats of figures that Sphinx does not show."""
    copy = deepcopy(notebook)
    for cell in copy.cells:
        for output in cell.get("outputs", ()):
            for kind in (PDF, CSV, NARROW):
                output.get("data", {}).pop(kind, None)
    return copy


def usable_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Count the cores that this process may use, which may be fewer than the machine has.

    A batch system binds a job to some of them, a container gets so many microseconds in each period.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux binds processes to cores
        cores = os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no control group, or "max" in it
        share, period = map(int, quota.read_text(encoding="ascii").split())
        cores = min(cores, math.ceil(share / period))
    return cores


def remove_all_but_newest(folder: Path, n_kept: int) -> None:
    """Keep the `n_kept` newest files of `folder`."""
    by_age = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in by_age[n_kept:]:
        old.unlink()

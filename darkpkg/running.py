"""Many tasks on any executor of the interface of `concurrent.futures`. Begin with `run`, or `executor_of` workers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from tqdm import tqdm

ANSWERS_WITHIN = 30
"""Seconds in which a scheduler answers, or is taken not to be there."""


@contextmanager
def executor_of(workers: int, scheduler: str | None = None) -> Iterator[Executor | None]:
    """Processes of this machine, or the workers of a Dask scheduler: a context manager.

    Parameters
    ----------
    workers
        Number of processes; one is this process itself, None.
    scheduler
        Address such as ``tcp://host:8786``, instead of processes.

    Raises
    ------
    ValueError
        Without the package ``distributed``, or if no scheduler answers.
    """
    if scheduler is not None:
        try:
            from distributed import Client  # an extra of the package: most users have no cluster
        except ImportError:
            raise ValueError("scheduler needs the package distributed: pip install distributed") from None
        try:
            client = Client(scheduler, timeout=ANSWERS_WITHIN)
        except OSError as error:
            raise ValueError(f"no scheduler answers at {scheduler}: {error}") from None
        with client:
            yield client.get_executor()
    elif workers == 1:
        yield None
    else:
        # A worker that died is an error here, and not the silent end that it would be on the command line.
        with _ignored("SIGPIPE"), ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            with _ignored("SIGINT"):  # by the processes, which begin now: this one answers to Ctrl-C
                for _ in range(workers):
                    pool.submit(int)
            yield pool


@contextmanager
def _ignored(name: str) -> Iterator[None]:
    """A signal, if the system has it; only the main thread can."""
    if not hasattr(signal, name) or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(getattr(signal, name), signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(getattr(signal, name), before)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """An interrupt waits for the end, in the main thread, which gets them: compiled modules of others, such as vegas,
    would lose it while they load.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[Any] = []
    signal.signal(signal.SIGINT, lambda *about: held.append(about))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)


def check_executor(executor: Any) -> None:
    """Raise `TypeError` for what is neither None nor takes tasks."""
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise TypeError(f"executor must have a method submit, as those of concurrent.futures have, got {executor!r}")


def run(
    function: Callable[..., Any],
    tasks: Sequence[tuple[Any, ...]],
    executor: Executor | None,
    what: str,
    *,
    progress: bool = False,
) -> Iterator[Any]:
    """The results of ``function(*task)``, in the order of ``tasks``, whoever works on them in whatever order.

    Parameters
    ----------
    function, tasks
        What can be pickled, for an executor of other processes.
    executor
        Processes, threads, or those of loky, Dask, mpi4py or ipyparallel; None works here.
    what
        What the tasks make, in the plural, for the progress bar and the error.
    progress
        Show a progress bar.

    Raises
    ------
    BrokenExecutor
        If a worker died, a `RuntimeError`. What a task raises itself, or an interrupt, is raised as it is. Tasks that
        have not begun are cancelled then.
    """
    with tqdm(total=len(tasks), desc=what, disable=not progress, leave=False) as bar:
        if executor is None:
            for task in tasks:
                yield function(*task)
                bar.update()
            return
        number = {executor.submit(function, *task): i for i, task in enumerate(tasks)}
        results: dict[int, Any] = {}  # of which an earlier one is still missing: what was taken is kept nowhere
        taken = 0
        try:
            for future in as_completed(list(number)):
                results[number[future]] = future.result()
                del number[future], future
                bar.update()
                while taken in results:
                    yield results.pop(taken)
                    taken += 1
        except BrokenExecutor as error:
            done = len(tasks) - len(number)
            done += sum(future.done() and not future.cancelled() and not future.exception() for future in number)
            raise BrokenExecutor(
                f"a worker died when {done} of {len(tasks)} {what} were done; they are kept: run it again to go on"
            ) from error
        finally:
            for future in number:
                future.cancel()

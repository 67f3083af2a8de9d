"""Machine code, kept on disk as long as the sources that it was made of stay as they are. Begin with `compiled`."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.extending import register_jitable

from darkpkg import _sources, formulas

_KEPT = 3
"""Folders of machine code that stay, the newest: who goes back to the sources before need not compile again."""


_Function = TypeVar("_Function", bound=Callable[..., Any])
_config: Any = numba.config  # its attributes are made when numba is imported


def compiled(**options: Any) -> Callable[[_Function], _Function]:
    """`numba.njit` with a cache on disk that any change in the code of the package's sources makes void.

    Numba looks only at the file of the function itself, and would go on using machine code into which an older
    version of a function from another file was compiled.
    """

    def decorate(function: _Function) -> _Function:
        while formulas.to_be_compiled:
            register_jitable(forceinline=True)(formulas.to_be_compiled.pop())
        dispatcher = numba.njit(error_model="numpy", **options)(function)
        folder = cache_folder()
        if folder is not None and not _config.DISABLE_JIT:
            cache = _cache_in(folder, function)
            if Path(cache.cache_path).is_relative_to(folder):  # numba goes elsewhere if the folder fails
                dispatcher._cache = cache
        return dispatcher

    return decorate


def _cache_in(folder: Path, function: Callable[..., Any]) -> _Cache:
    configured = _config.CACHE_DIR
    _config.CACHE_DIR = str(folder)
    try:
        return _Cache(function)
    finally:
        _config.CACHE_DIR = configured


class _Cache(FunctionCache):
    """Numba's cache, as long as the files on disk are those in memory, and without failing where numba can compile.

    In a session that edits a formula, what is compiled may be either version, or a mixture. Numba's own key has the
    time of the source file and the line of the function, which a docstring changes: the folder is the key.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        name = f"{function.__module__}.{function.__qualname__}.py{sys.version_info[0]}{sys.version_info[1]}"
        self._cache_file = IndexDataCacheFile(self._cache_path, name, _sources.digest())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with suppress(OSError):
            return super().load_overload(sig, target_context) if _sources.unchanged() else None  # type: ignore[no-untyped-call]

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            if _sources.unchanged():
                super().save_overload(sig, data)  # type: ignore[no-untyped-call]


@functools.cache
def cache_folder() -> Path | None:
    """A folder for what these sources make, machine code above all, in the first place to write to, or none."""
    if not _sources.unchanged():
        return None
    for place in _places():
        folder = place / f"darkpkg-{_sources.digest()}"
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            os.utime(folder)
            _remove_old(place)
            return folder
    return None


def _places() -> list[Path]:
    of_user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    places = [_config.CACHE_DIR, _sources.PACKAGE / "__pycache__"]
    if os.path.isabs(of_user):  # as it is not for a user without a home
        places.append(Path(of_user) / "darkpkg")
    return [Path(place) for place in places if place]


def _remove_old(place: Path) -> None:
    """Remove all but the newest folders of machine code; others may be at work in them, and then compile again."""
    ours = place.glob("darkpkg-" + 16 * "[0-9a-f]")
    for old in sorted(ours, key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def in_blocks(loop: Callable[..., None]) -> Callable[..., None]:
    """A function of the arguments of ``loop(first, last, *arguments)`` that runs it for all of ``len(arguments[0])``.

    The blocks from ``first`` to ``last`` run in as many threads as numba would use (NUMBA_NUM_THREADS, by default the
    cores that this process may use). The threads live as long as the call: unlike those of numba's own parallel loops
    they are no state that a fork could break, and several Python threads may call at once. ``loop`` has to let go of
    the interpreter's lock (nogil), and no block may write what another one reads or writes.
    """

    @functools.wraps(loop)
    def over_all(*arguments: Any) -> None:
        n, threads = len(arguments[0]), _config.NUMBA_NUM_THREADS
        loop(0, 0, *arguments)  # compiles in one thread
        if threads == 1 or n == 1:
            loop(0, n, *arguments)
            return
        # Blocks differ in cost: with several for each thread, none waits long for the last.
        edges = [n * i // (8 * threads) for i in range(8 * threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            blocks = [(first, last) for first, last in itertools.pairwise(edges) if first < last]
            list(pool.map(lambda block: loop(*block, *arguments), blocks))

    return over_all

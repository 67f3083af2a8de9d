"""How much memory this process may still take, so that what cannot be done is an error before any work.

Begin with `require_memory`.
"""

from __future__ import annotations

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def require_memory(needed: float, what: str) -> None:
    """Raise an error for what does not fit into memory. Where the system does not report what is free, all fits.

    Parameters
    ----------
    needed : float
        Bytes.
    what : str
        What needs them, for the error.

    Raises
    ------
    ValueError
        With the memory that is needed and that there is.

    Examples
    --------
    >>> require_memory(8e3, "a table of 1000 numbers")
    """
    there = available_memory()
    if not needed <= there:
        raise ValueError(f"{what} needs {needed / 1e9:.3g} GB of memory, but {there / 1e9:.3g} GB are free")


def available_memory() -> float:
    """Bytes that this process can still take: what the machine has free, or a limit below that; inf if unknown."""
    return min(_of_the_machine(), _of_the_group())


def _of_the_machine() -> float:
    """Free memory with the caches that the system gives up, where it is stated; else all that there is."""
    try:
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * float(line.split()[1])
    except (OSError, ValueError):
        pass
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _of_the_group() -> float:
    """What a container leaves: its limit less what is in use, caches of files not counted."""
    try:
        limit = float((_GROUP / "memory.max").read_text(encoding="ascii"))
        used = float((_GROUP / "memory.current").read_text(encoding="ascii"))
        lines = (_GROUP / "memory.stat").read_text(encoding="ascii").splitlines()
        return limit - used + float(dict(line.split() for line in lines)["inactive_file"])
    except (OSError, ValueError, KeyError):  # no limit is the word "max"
        return float("inf")

"""What all benchmarks share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def _status(entry: str) -> int:
    """Bytes that Linux reports for this process: VmRSS now, VmHWM at most."""
    (line,) = (text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith(f"{entry}:"))
    return int(line.split()[1]) * 1024


@pytest.fixture
def extra_memory() -> Callable[..., int]:
    """A function that calls another and returns the most memory in bytes that was in use beyond that before.

    The peak is reset first: that of the whole process would hide a later, smaller one.
    """

    def measure(function: Callable[..., Any], *arguments: Any) -> int:
        Path("/proc/self/clear_refs").write_text("5")
        before = _status("VmRSS")
        function(*arguments)
        return _status("VmHWM") - before

    return measure

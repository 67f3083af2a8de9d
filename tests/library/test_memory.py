"""How much memory there is, and that what needs more is refused."""

import pytest

from darkpkg import memory
from darkpkg.memory import available_memory, require_memory


def test_what_fits_is_let_through_and_what_does_not_is_refused_with_both_numbers():
    require_memory(1e6, "a small array")
    with pytest.raises(ValueError, match=r"^a scan of 1e11 points needs 3\.2e\+03 GB of memory, but .* GB are free$"):
        require_memory(3.2e12, "a scan of 1e11 points")
    with pytest.raises(ValueError, match="needs nan GB"):
        require_memory(float("nan"), "an unknown size")


def test_this_process_may_take_some_memory():
    assert 1e6 < available_memory() < 1e15


def test_the_smaller_of_machine_and_container_counts(tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text("MemTotal:  9000 kB\nMemFree:  10 kB\nMemAvailable:  5000 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    assert available_memory() == 5000 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("3000\n")
    (tmp_path / "memory.stat").write_text("anon 1000\ninactive_file 500\n")
    assert available_memory() == 5000 * 1024
    (tmp_path / "memory.max").write_text("4000\n")
    assert available_memory() == 4000 - 3000 + 500
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "absent")
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory() > 1e6  # all that the machine has

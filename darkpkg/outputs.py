"""What leaves: files that appear complete or not at all, and folders. Begin with `complete_or_not_at_all`."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def complete_or_not_at_all(path: Path) -> Iterator[Path]:
    """A temporary name, which becomes ``path`` once it is written: a context manager.

    Parameters
    ----------
    path : Path
        The file to write. One that is there stays as it is if writing fails.

    Raises
    ------
    ValueError
        For the path of a folder.
    FileNotFoundError
        If the folder that the file is to stand in is not there.
    """
    _refuse_folder(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} to write {path.name} into")
    partial = _beside(path)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def require_writable(path: Path, *suffixes: str) -> None:
    """Find out before any work whether a file can be written: a temporary one beside it is tried.

    Parameters
    ----------
    path : Path
        The file to write.
    *suffixes : str
        What its name may end in; anything by default.

    Raises
    ------
    ValueError
        For another suffix, for a folder, or if no file of this name can be written.
    """
    _refuse_folder(path)
    if suffixes and path.suffix not in suffixes:
        raise ValueError(f"the name of this file must end in {' or '.join(suffixes)}, got {path.name}")
    trial = _beside(path)
    try:
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise ValueError(f"cannot write {path.name} into the folder {path.parent}: {error.strerror}") from None


def folder_at(path: str | os.PathLike[str]) -> Path:
    """The folder of this name, which is made if it is not there. Raises `ValueError` if a file is in its way."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"{path} must be the name of a folder, and a file is in its way") from None
    return Path(path)


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{path} is a folder, and must be the name of a file")


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")

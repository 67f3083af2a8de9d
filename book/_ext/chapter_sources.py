"""What the numbers of a chapter depend on: its cells, the modules that they use, the inputs of these, the pins.

Begin with `chapter_key`. Of modules the code counts, without comments and docstrings. They are found by reading
sources, not by importing them: those that the cells name, those that these name, and so on. Names of ``darkpkg``
itself, such as ``dk.ND280``, lead to the module that has them.
"""

import ast
import functools
import hashlib
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from darkpkg._sources import code_of

PACKAGES = ("darkpkg", "paper")
FIGURE_OUTPUT = "paper.figure_output"
"""Loaded into the kernel of each chapter."""

PINS = "requirements.txt"
NAMED_INPUT = re.compile(r"(?:[A-Za-z]\w*/)+\w*")
"""A table, as `darkpkg.datasets` names it, or the beginning of its name, as in ``f"flux/nd280_{beam}"``."""

LISTS_INPUTS = re.compile(r"\bdatasets\.names\b|\bimport names\b|\b(?:read|path|verify|columns|manifest)\(f[\"']\{")
"""Names of tables that come from a list, or begin with what is computed."""

READS_SOURCES = re.compile(r"^[!%]|\.read_text\(|\bhelp\(|__doc__", re.MULTILINE)
"""Cells that show docstrings, or sources: of the command line, whose help they are, of a function, of all modules."""


def chapter_key(cells: Sequence[str], root: Path) -> str:
    """Hash all that a chapter's numbers depend on: 16 hexadecimal digits that differ if any of it does."""
    paths = files_used([*cells, f"from {FIGURE_OUTPUT} import figure_bundle"], root)
    paths |= inputs_read(cells, paths, root) | {root / PINS}
    whole = any(READS_SOURCES.search(cell) for cell in cells)
    return hash_of_files(paths, root, "{}.{}".format(*sys.version_info[:2]), *cells, whole=whole)[:16]


def files_used(cells: Iterable[str], root: Path) -> set[Path]:
    """Find the sources of both packages that cells of a chapter use, directly or through others.

    A name that no module has, such as ``dk.__version__``, or the package itself handed to a function, leads to every
    module of the package. A line for the shell that runs a package leads to its command line.
    """
    homes, found, waiting, followed = public_names(root), set(), set(), set()
    lines = "\n".join(cells).splitlines()
    shell = [line for line in lines if line.startswith(("!", "%"))]
    waiting |= {f"{package}.__main__" for package in PACKAGES if re.search(rf"\b{package}\b", "\n".join(shell))}
    waiting |= names_used("\n".join(line for line in lines if line not in shell))
    while waiting:
        followed.add(name := waiting.pop())
        package, *rest = name.split(".")
        if rest and package == "darkpkg":
            rest[:1] = homes.get(rest[0], rest[0]).split(".")
        for path in module_files(root, [package, *rest]) - found:
            found.add(path)
            waiting |= names_used(path.read_text(encoding="utf-8")) - followed
    return found


def inputs_read(cells: Iterable[str], modules: Iterable[Path], root: Path) -> set[Path]:
    """Find the files of ``data/`` whose names, or the beginnings of them, stand in cells or modules.

    A manifest counts with its table. All files count where names are not written but listed. The nodes that
    `make table` leaves beside a table never do.
    """
    sources = [*cells, *(code_in(path.read_bytes()).decode() for path in modules if path.is_file())]
    named = {name.removeprefix("data/") for source in sources for name in inputs_named(source)}
    beginnings = tuple(name for name in named if name.endswith(("/", "_")))
    everything = any(map(lists_inputs, sources))
    found = set()
    for path in root.joinpath("data").rglob("*.*"):
        name = path.relative_to(root / "data").with_suffix("").as_posix()
        if path.is_file() and (everything or name in named or name.startswith(beginnings)):
            found.add(path)
    return {path for path in found if not any(parent.suffix == ".nodes" for parent in path.parents)}


@functools.cache
def lists_inputs(code: str) -> bool:
    """Tell whether Python source takes names of tables from a list."""
    return LISTS_INPUTS.search(code) is not None


@functools.cache
def inputs_named(code: str) -> frozenset[str]:
    """List what may be names of tables in Python source."""
    return frozenset(NAMED_INPUT.findall(code))


def module_files(root: Path, parts: list[str]) -> set[Path]:
    """Find the file of the longest beginning of a dotted name that is a module, or all files if it is a package."""
    for length in range(len(parts), 0, -1):
        path = root.joinpath(*parts[:length])
        if path.with_suffix(".py").is_file():
            return {path.with_suffix(".py")}
        if path.is_dir():
            return set(path.rglob("*.py"))
    return set()


@functools.cache
def names_used(code: str) -> frozenset[str]:
    """List the dotted names of both packages in Python source."""
    nodes, names = [*ast.walk(ast.parse(code))], set()
    short: dict[str, str] = {}  # what the source calls a package
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in PACKAGES:
                    short[alias.asname or alias.name] = alias.name
                else:
                    names.add(alias.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    of_package = [node for node in attributes if isinstance(node.value, ast.Name) and node.value.id in short]
    names |= {f"{short[node.value.id]}.{node.attr}" for node in of_package}
    with_attribute = {node.value for node in of_package}
    names |= {
        short[node.id]
        for node in nodes
        if isinstance(node, ast.Name) and node.id in short and node not in with_attribute
    }
    return frozenset(name for name in names if name.partition(".")[0] in PACKAGES)


def public_names(root: Path) -> dict[str, str]:
    """Read from ``darkpkg/__init__.pyi`` which module has each public name."""
    stub = root / "darkpkg" / "__init__.pyi"
    return names_and_modules(stub.read_text(encoding="utf-8") if stub.exists() else "")


@functools.cache
def names_and_modules(stub: str) -> dict[str, str]:
    """List the names that a stub imports, with their modules."""
    parts = [node for node in ast.parse(stub).body if isinstance(node, ast.ImportFrom)]
    return {alias.name: part.module.removeprefix("darkpkg.") for part in parts for alias in part.names}


def hash_of_files(paths: Iterable[Path], root: Path, *more: str, whole: bool = False) -> str:
    """Hash names (relative to `root`) and contents of files, and further strings; of modules the code, or all."""
    digest = hashlib.sha256("\0".join(more).encode())
    for path in sorted(set(paths)):
        if path.is_file():
            digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
            content = path.read_bytes()
            if path.suffix == ".py" and not whole:
                content = code_in(content)
            digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


@functools.cache
def code_in(source: bytes) -> bytes:
    """Drop comments and docstrings from a module."""
    return code_of(source.decode()).encode()

"""What must not get into git."""

import ast
import re
import subprocess

import pytest
from notebook_references import ROOT

UNSAFE_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|Users|tmp)/|[A-Z]:\\Users")
REGISTRY = re.compile(r"https?://[\w.-]*(?:pypi|pythonhosted|anaconda|npmjs|deb\.debian)[\w.-]*", re.I)


@pytest.fixture(scope="module")
def tracked():
    """Every file that git tracks."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so nothing is tracked")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [ROOT / name for name in listing.split("\0") if name]
    return [path for path in paths if path.is_file()]


def lines_matching(pattern: re.Pattern, paths) -> list[str]:
    """Return `file:line: text` of every match in the text files among `paths`."""
    found = []
    for path in paths:
        if b"\0" in (content := path.read_bytes()):
            continue
        for number, line in enumerate(content.decode().splitlines(), 1):
            if match := pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    return found


def unsafe_uses(source: str) -> list[str]:
    """Name the modules and options in Python source that read or write pickles."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
        elif isinstance(node, ast.Attribute) and node.attr in {"read_pickle", "to_pickle"}:
            found.append("pickle")
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found += ["pickle"] if getattr(node.value, "value", True) else []
    return sorted({name.partition(".")[0] for name in found} & UNSAFE_MODULES)


def test_no_executed_notebooks(tracked):
    assert [path.name for path in tracked if path.suffix == ".ipynb"] == []


def test_no_machine_paths(tracked):
    assert lines_matching(MACHINE_PATH, tracked) == []


def test_no_addresses_of_package_registries(tracked):
    assert lines_matching(REGISTRY, tracked) == []


def test_package_uses_no_pickle():
    found = {
        str(path.relative_to(ROOT)): uses
        for path in sorted((ROOT / "darkpkg").rglob("*.py"))
        if (uses := unsafe_uses(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import dump",
        "import dill as d",
        "np.load(path, allow_pickle=True)",
        "pd.read_pickle(path)",
    ],
)
def test_pickle_is_recognised(source):
    assert unsafe_uses(source) != []


def test_what_only_looks_like_pickle_is_let_through():
    assert unsafe_uses("import numpy\nnumpy.load(path, allow_pickle=False)") == []

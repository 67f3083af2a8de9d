"""pyproject.toml, the pinned packages, environment.yml and what is installed agree, and the chapters run in them."""

import ast
import importlib.util
import itertools
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from notebook_references import ROOT, chapters_of_the_book
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
OWN_ENVIRONMENT = {"validate": "DarkNews", "shootout": "DarkNews", "executors": "mpi4py"}
"""Extras that are installed apart from .venv, pinned where they are named, each with what it is there for."""
PIN_LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def direct_requirements() -> list[Requirement]:
    """List what pyproject.toml asks for: to build, to run, and in every extra that goes into .venv."""
    extras = [
        lines for name, lines in PROJECT["project"]["optional-dependencies"].items() if name not in OWN_ENVIRONMENT
    ]
    lines = [
        *PROJECT["build-system"]["requires"],
        *PROJECT["project"]["dependencies"],
        *(line for extra in extras for line in extra),
    ]
    return [Requirement(line) for line in lines]


def pins_for(python: str) -> dict[str, str]:
    """Return name → pinned version, as a CPython of this version on Linux takes them."""
    system = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "implementation_name": "cpython",
    }
    pins = map(Requirement, PIN_LINES)
    applying = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(system)]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in applying}


def conda_requirements() -> tuple[list[str], list[str]]:
    """Split environment.yml into what conda and what pip installs."""
    conda = [entry for entry in ENVIRONMENT["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    return conda, pip


@pytest.mark.parametrize("python", PYTHONS)
def test_every_direct_requirement_is_pinned_within_its_range(python):
    pins = pins_for(python)
    for requirement in direct_requirements():
        pin = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin), f"{requirement} is pinned to {pin}"


def test_all_pythons_get_the_same_pins():
    """What a newer Python has itself need not be installed there."""
    all_pins = [pins_for(python) for python in PYTHONS]
    for older, newer in itertools.pairwise(all_pins):
        assert newer.items() <= older.items()


def test_a_package_that_several_extras_ask_for_has_one_range():
    build = {requirement.name for requirement in map(Requirement, PROJECT["build-system"]["requires"])}
    ranges = {}
    for requirement in direct_requirements():
        if requirement.name not in build:
            ranges.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert {name: found for name, found in ranges.items() if len(found) > 1} == {}


def test_constraints_are_pins_and_nothing_else():
    pin = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+( ; .+)?")
    assert [line for line in PIN_LINES if not pin.fullmatch(line)] == []


def test_requirements_are_the_same_pins_each_with_its_hashes():
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    blocks = [block.split(" \\\n    --hash=sha256:") for block in re.split(r"\n(?=\S)", text.strip())]
    assert [pin for pin, *_ in blocks] == PIN_LINES
    for pin, *hashes in blocks:
        assert hashes, f"{pin} has no hash"
        assert all(re.fullmatch("[0-9a-f]{64}", digits) for digits in hashes), pin


def test_what_is_installed_satisfies_the_ranges():
    for requirement in direct_requirements():
        installed = metadata.version(requirement.name)
        assert requirement.specifier.contains(installed), f"{requirement}: {installed} is installed"


@pytest.mark.parametrize("name", sorted(OWN_ENVIRONMENT))
def test_what_is_compared_with_is_pinned_and_never_installed_here(name):
    extra = [Requirement(line) for line in PROJECT["project"]["optional-dependencies"][name]]
    assert OWN_ENVIRONMENT[name] in {requirement.name for requirement in extra}
    assert all(str(requirement.specifier).startswith("==") for requirement in extra)
    pinned = {canonicalize_name(name) for python in PYTHONS for name in pins_for(python)}
    assert not pinned & {canonicalize_name(requirement.name) for requirement in extra}


def test_pins_are_those_of_every_other_extra():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (extras,) = re.findall(r"^EXTRAS +:= (.+)$", makefile, re.M)
    assert {*extras.split(), *OWN_ENVIRONMENT} == set(PROJECT["project"]["optional-dependencies"])


def test_python_versions_agree():
    supported = SpecifierSet(PROJECT["project"]["requires-python"])
    minors = [f"3.{minor}" for minor in range(8, 20)]
    assert [minor for minor in minors if supported.contains(f"{minor}.0")] == list(PYTHONS)
    classified = [line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"]]
    assert [word for word in classified if word in minors] == list(PYTHONS)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"in {'|'.join(PYTHONS)})" in makefile


def test_conda_environment_has_a_supported_python():
    conda, _ = conda_requirements()
    assert conda == [f"python={PYTHONS[0]}", "pip"]


def test_conda_environment_installs_this_package_with_pins_and_what_opens_the_chapters():
    _, pip = conda_requirements()
    assert pip == ["-c constraints.txt", "-e .[lab]"]


def needed_by(requirement: Requirement) -> set[str]:
    """Names of all distributions that a requirement brings with it."""
    needed, waiting = set(), [requirement]
    while waiting:
        wanted = waiting.pop()
        found = {(canonicalize_name(wanted.name), extra) for extra in ("", *wanted.extras)}
        for line in metadata.requires(wanted.name) or [] if found - needed else []:
            further = Requirement(line)
            extras = ("", *wanted.extras)
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(further)
        needed |= found
    return {name for name, _ in needed}


@pytest.fixture(scope="module")
def python_of_the_conda_environment(tmp_path_factory) -> Path:
    """An environment with links to the files of the packages that environment.yml asks for, and to no other.

    So no test needs a network, and what is tested are the pinned versions that are installed. A folder with an
    ``__init__.py`` belongs to one package, and needs one link.
    """
    folder = tmp_path_factory.mktemp("conda")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    (line,) = (line.removeprefix("-e .") for line in conda_requirements()[1] if line.startswith("-e "))
    for name in needed_by(Requirement(f"darkpkg{line}")):
        files = metadata.files(name)
        whole = {file.parts[0] for file in files if file.name == "__init__.py" and len(file.parts) == 2}
        for package in whole:
            (site / package).symlink_to(metadata.distribution(name).locate_file(package))
        for file in files:
            if file.parts[0] in whole:
                continue
            source, link = Path(file.locate()), Path(os.path.normpath(site / file))
            if link.parent.name == "bin":
                continue  # scripts start with the Python of another environment
            compiled = Path(importlib.util.cache_from_source(source)) if source.suffix == ".py" else source
            for origin, target in {source: link, compiled: link.parent / compiled.relative_to(source.parent)}.items():
                if origin.exists() and not target.is_symlink():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.symlink_to(origin)
    return folder / "bin" / "python"


def run_in_it(python: Path, *arguments: str | Path) -> subprocess.CompletedProcess:
    """Run that Python without this one's paths, nor what a user has installed."""
    paths = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    environment = {name: value for name, value in os.environ.items() if name not in paths}
    environment |= {"PYTHONNOUSERSITE": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return subprocess.run([python, *arguments], env=environment, capture_output=True, text=True)


def test_every_import_of_a_chapter_is_in_the_conda_environment(python_of_the_conda_environment):
    names = set()
    for chapter in chapters_of_the_book():
        for cell in chapter.code_cells:
            lines = [line for line in cell.source.splitlines() if not line.startswith(("!", "%"))]
            for node in ast.walk(ast.parse("\n".join(lines))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    names.add(node.module.partition(".")[0])
    assert {"darkpkg", "numpy", "myst_nb"} < names
    program = "import sys, importlib.util; print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n) is None])"
    run = run_in_it(python_of_the_conda_environment, "-c", program, *sorted(names))
    assert (run.returncode, run.stdout.split()) == (0, []), run.stderr


def test_the_conda_environment_has_nothing_else(python_of_the_conda_environment):
    program = "from importlib.util import find_spec; print([find_spec(n) for n in ('pytest', 'jupyter_book', 'uv')])"
    run = run_in_it(python_of_the_conda_environment, "-c", program)
    assert run.stdout == "[None, None, None]\n", run.stderr


def test_a_chapter_runs_in_the_conda_environment(python_of_the_conda_environment, tmp_path):
    """The first one: it simulates, gives numbers to its text, and calls the command line."""
    output = tmp_path / "chapter.ipynb"
    chapter = ROOT / "notebooks" / "01_ten_lines.md"
    jupytext = ("-m", "jupytext", "--quiet", "--execute", "--to", "ipynb", "--output")
    run = run_in_it(python_of_the_conda_environment, *jupytext, output, chapter)
    assert run.returncode == 0, run.stderr
    cells = [cell for cell in nbformat.read(output, as_version=4).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    printed = "".join(output.get("text", "") for cell in cells for output in cell.outputs)
    assert "EXCLUDED at 90 % CL" in printed


def test_make_lab_opens_the_chapters_as_notebooks(tmp_path):
    """A JupyterLab on a free port, until it has shown a chapter."""
    token = secrets.token_hex(16)
    flags = f"--no-browser --allow-root --ServerApp.port=0 --IdentityProvider.token={token}"
    settings = [f"JUPYTER_{kind.upper()}_DIR={tmp_path / kind}" for kind in ("config", "data", "runtime")]
    with (tmp_path / "log").open("w") as log:
        lab = subprocess.Popen(
            ["make", "lab", f"FLAGS={flags}", *settings], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    try:
        while not (servers := list((tmp_path / "runtime").glob("jpserver-*.json"))):
            assert lab.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
        address = json.loads(servers[0].read_text())["url"]
        request = urllib.request.Request(
            f"{address}api/contents/01_ten_lines.md?type=notebook", headers={"Authorization": f"token {token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            cells = json.load(answer)["content"]["cells"]
    finally:
        os.killpg(lab.pid, signal.SIGKILL)
        lab.wait()
    assert {cell["cell_type"] for cell in cells} == {"markdown", "code"}
    (viewers,) = (tmp_path / "config").rglob("default_setting_overrides.json")
    assert '"markdown": "Jupytext Notebook"' in viewers.read_text()


def test_citation_has_the_version_of_a_copy_without_git_which_is_no_older_than_the_last_tag(tmp_path):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert version_of(tmp_path) == citation
    # The next after a tag v0.1.0 is called 0.1.1.dev…
    assert Version(version_of(ROOT)).release <= (*Version(citation).release[:2], Version(citation).micro + 1)


def test_the_version_is_that_of_the_tag(tmp_path):
    def git(*words):
        identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    git("init")
    for commits in (1, 2):
        git("add", ".")
        git("commit", "--allow-empty", "-m", f"number {commits}")
        assert version_of(tmp_path).endswith(f".dev{commits}")
    git("tag", "v3.2.1")
    assert version_of(tmp_path) == "3.2.1"
    git("commit", "--allow-empty", "-m", "three")
    assert version_of(tmp_path) == "3.2.2.dev1"


def version_of(folder: Path) -> str:
    """What an installation from this folder is called."""
    return ProjectMetadata(str(folder), PluginManager()).version


@pytest.fixture
def wheels(tmp_path) -> dict[str, dict[str, bytes]]:
    """The wheels of an ordinary and of an editable install: name of a file → its content."""
    contents = {}
    for kind in ("standard", "editable"):
        (path,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path / kind), versions=[kind])
        with zipfile.ZipFile(path) as wheel:
            contents[kind] = {name: wheel.read(name) for name in wheel.namelist()}
    return contents


ONLY_IN_THE_PAPER = ("cross_sections/", "flux/hnl_from_kaons.", "limits/", "paper/", "shootout/", "validation/")
"""Beginnings of the names of inputs that the library does not read."""


def test_wheel_has_every_module_and_the_inputs_that_they_read(wheels):
    inputs = {path.relative_to(ROOT / "data").as_posix() for path in (ROOT / "data").rglob("*") if path.is_file()}
    left_out = {name for name in inputs if name.startswith(ONLY_IN_THE_PAPER)}
    assert {name.partition("/")[0] for name in left_out} == {name.partition("/")[0] for name in ONLY_IN_THE_PAPER}
    wanted = {f"darkpkg/_data/{name}" for name in inputs - left_out}
    modules = {
        *(ROOT / "darkpkg").rglob("*.py"),
        *(ROOT / "darkpkg").glob("py.typed"),
        *(ROOT / "darkpkg").glob("*.pyi"),
    }
    wanted |= {path.relative_to(ROOT).as_posix() for path in modules}
    assert {name for name in wheels["standard"] if ".dist-info/" not in name} == wanted


def test_the_library_names_no_input_of_the_paper():
    for path in (ROOT / "darkpkg").rglob("*.py"):
        texts = {
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        beginnings = tuple(name.rstrip(".") for name in ONLY_IN_THE_PAPER)
        assert [text for text in texts if text.startswith(beginnings)] == [], path


def test_what_a_wheel_installs_finds_all_its_inputs_and_no_paper(wheels, tmp_path):
    for name, content in wheels["standard"].items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    program = """
import importlib.util, sys
from pathlib import Path
sys.path = [sys.argv[1], *(path for path in sys.path if not Path(path or ".", "darkpkg").is_dir())]
import darkpkg as dk
from darkpkg import datasets
assert dk.__file__.startswith(sys.argv[1]), dk.__file__
assert importlib.util.find_spec("paper") is None
for name in dir(dk):
    getattr(dk, name)
for name in datasets.names():
    datasets.read(name)
"""
    run = subprocess.run([sys.executable, "-c", program, tmp_path / "site"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_editable_install_copies_no_input(wheels):
    """A copy would shadow an edited `data/` with an older state."""
    assert [name for name in wheels["editable"] if name.startswith("darkpkg/")] == []

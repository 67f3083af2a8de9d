"""pyproject.toml, requirements.txt, environment.yml and what is installed say the same."""

import re
import tomllib
import zipfile
from importlib import metadata

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder
from notebook_references import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PYTHONS = ("3.11", "3.12", "3.13")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
OWN_ENVIRONMENT = {"validate"}
"""Extras that are installed apart from .venv, pinned where they are named."""
PIN_LINES = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()


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
    assert pins_for("3.11") == pins_for("3.12") == pins_for("3.13")


def test_a_package_that_several_extras_ask_for_has_one_range():
    build = {requirement.name for requirement in map(Requirement, PROJECT["build-system"]["requires"])}
    ranges = {}
    for requirement in direct_requirements():
        if requirement.name not in build:
            ranges.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert {name: found for name, found in ranges.items() if len(found) > 1} == {}


def test_requirements_are_pins_and_nothing_else():
    pin = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+( ; .+)?")
    assert [line for line in PIN_LINES if not pin.fullmatch(line)] == []


def test_what_is_installed_satisfies_the_ranges():
    for requirement in direct_requirements():
        installed = metadata.version(requirement.name)
        assert requirement.specifier.contains(installed), f"{requirement}: {installed} is installed"


def test_generator_to_validate_with_is_pinned_and_never_installed_here():
    extra = [Requirement(line) for line in PROJECT["project"]["optional-dependencies"]["validate"]]
    assert "DarkNews" in {requirement.name for requirement in extra}
    assert all(str(requirement.specifier).startswith("==") for requirement in extra)
    pinned = {canonicalize_name(name) for python in PYTHONS for name in pins_for(python)}
    assert not pinned & {canonicalize_name(requirement.name) for requirement in extra}


def test_pins_are_those_of_every_other_extra():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (extras,) = re.findall(r"^EXTRAS +:= (.+)$", makefile, re.M)
    assert {*extras.split()} | OWN_ENVIRONMENT == set(PROJECT["project"]["optional-dependencies"])


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


def test_conda_environment_installs_this_package_with_ranges_of_pyproject():
    _, pip = conda_requirements()
    assert "-e ." in pip
    assert "-c requirements.txt" in pip
    named = [line for line in pip if not line.startswith("-")]
    assert {Requirement(line).name for line in named} == {"ipykernel", "jupytext"}
    direct = {str(requirement) for requirement in direct_requirements()}
    assert {str(Requirement(line)) for line in named} <= direct


def test_citation_has_the_version_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["project"]["version"]


@pytest.fixture
def wheels(tmp_path) -> dict[str, dict[str, bytes]]:
    """The wheels of an ordinary and of an editable install: name of a file → its content."""
    contents = {}
    for kind in ("standard", "editable"):
        (path,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path / kind), versions=[kind])
        with zipfile.ZipFile(path) as wheel:
            contents[kind] = {name: wheel.read(name) for name in wheel.namelist()}
    return contents


def test_wheel_has_every_module_and_every_input(wheels):
    inputs = {path for path in (ROOT / "data").rglob("*") if path.is_file()}
    modules = set((ROOT / "darkpkg").rglob("*.py"))
    wanted = {f"darkpkg/_data/{path.relative_to(ROOT / 'data').as_posix()}" for path in inputs}
    wanted |= {path.relative_to(ROOT).as_posix() for path in modules}
    assert {name for name in wheels["standard"] if name.startswith("darkpkg/")} == wanted


def test_editable_install_copies_no_input(wheels):
    """A copy would shadow an edited `data/` with an older state."""
    assert [name for name in wheels["editable"] if name.startswith("darkpkg/")] == []

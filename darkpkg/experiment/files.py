"""A detector, an analysis and an experiment of your own, from small files.

Begin with `load_analysis`, or with `load_experiment`, which reads the other two. What a file lacks or has too much,
and what no number of its name can be, is an error that names the file, the place in it, the value and the rule.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from darkpkg import datasets
from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.experiment.beam import Beam, Flux
from darkpkg.experiment.detector import Detector, Module
from darkpkg.experiment.experiment import Experiment
from darkpkg.experiment.selection import Cuts, Selection
from darkpkg.inputs import check_kinds, real_number, small_text
from darkpkg.units import tonne

LARGEST = {"detector": 1_000_000, "analysis": 100_000, "experiment": 100_000}
"""Largest size of a file of each kind, in bytes; the table of ND280 has 680, the example of an analysis 1000."""

MOST_MODULES = 2000
"""Largest number of rows of a table; that of ND280 has 8."""

ARGON_DENSITY = 1.78e-3
"""Density of argon in g/cm³, as a gas at 0 °C and one atmosphere: the value that gives the masses of Table II."""

ARGON_TOLERANCE = 0.1
"""Relative tolerance of it, for another temperature or pressure of the chambers, and for rounded masses."""

LOOSEST = 1 / 3
"""Smallest density of a module, as a multiple of that of its elements as solids: it may have gaps."""

DENSEST = 2.0
"""Largest density of a module, as a multiple of that of its elements: graphite and quartz are so dense."""

LEAST_POT = 1e15
"""Smallest exposure of a channel in a file, far less than a beam delivers in a day: 12 is one in another unit."""

_RANGES: Mapping[str, Mapping[str, Any]] = {
    "max_mass": {"positive": True},
    "max_t": {"positive": True},
    "min_cos_opening": {"low": -1.0, "high": 1.0},
    "min_cos_beam": {"low": -1.0, "high": 1.0},
    "beam_tilt": {"low": -0.5, "high": 0.5},
    "systematic": {"low": 0.0, "high": 10.0},
}
"""What a number of this name may be in a file, beyond what its class takes: other values are typing errors."""

_NOT_IN_FILES = ("response",)
_KINDS = {list: "tables [[{0}]] or a list", str: "a text", int: "a whole number"}
_Made = TypeVar("_Made")


def load_detector(path: str | os.PathLike[str], name: str | None = None) -> Detector:
    """A detector of your own, from a CSV file for `Detector.from_table`; named like the file by default.

    Lengths in cm, masses in tonnes, mass fractions of the elements. So that no wrong digit passes, a module must be
    as dense as its material: argon as a gas of one atmosphere or as a liquid to 10 %, all else from a third to twice
    of what its elements weigh as solids and liquids (`Element.density`); and ``fiducial_mass``, if given, must be
    that of the fiducial volume to 10 %. For something else, gas at ten bar or foam, state that the table is as it
    should be: with a TOML file of the same name beside it, that holds the ``sha256`` of the table, as those in
    ``data/`` do. Then only the checksum must agree.

    Parameters
    ----------
    path : path-like
        The table.
    name
        Of the detector.

    Returns
    -------
    Detector

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        That names the file, what is wrong and the rule.
    DataIntegrityError
        If the checksum does not agree.

    Examples
    --------
    >>> load_detector(datasets.path("detector/nd280"), "mine").name
    'mine'
    """
    check_kinds(name=(name, (str, None)))
    return _read("detector", path, lambda path, text: _detector(path, text, name or path.stem))


def load_analysis(path: str | os.PathLike[str]) -> Analysis:
    """An analysis of your own, from a small TOML file.

    Its tables hold the fields of `Analysis`, `Selection`, `Cuts` and `Channel`, as in ``data/analysis/example.toml``:
    energies in GeV, exposures in protons on target, one number or a list with one for each bin. ``shared`` holds a
    list for each source of error that bins have in common, with a number for each bin of each channel in order.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Analysis

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no readable TOML, or holds what no analysis has.

    Examples
    --------
    >>> from darkpkg import datasets
    >>> load_analysis(datasets.path("analysis/example.toml")).observed
    array([1., 0.])
    """
    return _read("analysis", path, _analysis)


def load_experiment(path: str | os.PathLike[str]) -> Experiment:
    """An experiment of your own: its beams, its detector and what was measured.

    Parameters
    ----------
    path : path-like
        A TOML file with ``name``, ``detector`` (a CSV file, see `load_detector`), perhaps ``analyses`` (a list of
        TOML files, see `load_analysis`), and tables ``[[beams]]`` with a ``name`` and ``[[beams.fluxes]]``: the
        ``flavour``, a PDG code, the ``file``, and the arguments of `Flux.from_file`, such as ``pot`` and ``per``.
        Names of files are relative to its folder.

    Returns
    -------
    Experiment
        For `darkpkg.simulate`, or ``darkpkg check --experiment``.

    Raises
    ------
    FileNotFoundError
        If one of the files does not exist.
    ValueError
        If one is not what it must be.
    """
    return _read("experiment", path, _experiment)


def _read(what: str, path: str | os.PathLike[str], build: Callable[[Path, str], _Made]) -> _Made:
    check_kinds(path=(path, (str, os.PathLike)))
    path = Path(path)
    text = small_text(path, LARGEST[what])
    try:
        return build(path, text)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} describes no {what}: {' '.join(str(error).split())[:500]}") from error


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no readable TOML: {error}") from error


def _analysis(path: Path, text: str) -> Analysis:
    content = _toml(text)
    channels = _taken(list, "channels", content)
    about = content.pop("selection", {})
    if isinstance(about, dict) and "cuts" in about:
        about["cuts"] = _made(Cuts, "selection.cuts", about["cuts"])
    selection = _made(Selection, "selection", about)
    made = tuple(_made(Channel, f"channels[{i}]", c, selection=selection) for i, c in enumerate(channels))
    for channel in made:
        real_number(f"pot of channel {channel.name}", channel.pot, LEAST_POT)
    return _made(Analysis, "the whole file", content, channels=made)


def _experiment(path: Path, text: str) -> Experiment:
    content = _toml(text)
    loaded = [load_analysis(path.parent / file) for file in content.pop("analyses", [])]
    return _made(
        Experiment,
        "the whole file",
        content,
        detector=load_detector(path.parent / _taken(str, "detector", content)),
        beams=tuple(_beam(path.parent, f"beams[{i}]", b) for i, b in enumerate(_taken(list, "beams", content))),
        analyses={analysis.name: analysis for analysis in loaded},
    )


def _beam(folder: Path, place: str, table: Any) -> Beam:
    fluxes = {}
    for i, flux in enumerate(_taken(list, "fluxes", table)):
        flavour, file = _taken(int, "flavour", flux), folder / _taken(str, "file", flux)
        fluxes[flavour] = _made(Flux.from_file, f"{place}.fluxes[{i}]", flux, path=file)
    return _made(Beam, place, table, fluxes=fluxes)


def _taken(kind: type, name: str, table: Any) -> Any:
    value = table.pop(name, None) if isinstance(table, dict) else None
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {_KINDS[kind].format(name)}, got {value!r}")
    return value


def _made(make: Callable[..., _Made], place: str, table: Any, **more: Any) -> _Made:
    """What a class or function makes of a table of its arguments, and ``more`` that is made already."""
    if not isinstance(table, dict):
        raise TypeError(f"{place} must be a table, got {table!r}")
    arguments = inspect.signature(make).parameters
    known = {name: one.default for name, one in arguments.items() if name not in (*_NOT_IN_FILES, *more)}
    for name, default in known.items():
        if default is inspect.Parameter.empty and name not in table:
            raise ValueError(f"{place} must have a value for {name}")
    try:
        for name, value in table.items():
            if name not in known:
                raise ValueError(f"a name must be one of {', '.join(known)}, got {name!r}")
            if value == "" and name != "caveat":
                raise ValueError(f"{name} must not be empty, got ''")
            if name in _RANGES:
                real_number(name, value, **_RANGES[name])
        return make(**table, **more)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{place}: {error}") from error


def _detector(path: Path, text: str, name: str) -> Detector:
    import pandas as pd  # here: it takes most of the time of an import

    datasets.cells(text)  # in a table whose rows are longer than its names pandas shifts them
    table = pd.read_csv(io.StringIO(text), comment="#", skipinitialspace=True)
    if len(table) > MOST_MODULES:
        raise ValueError(f"it must have at most {MOST_MODULES} modules, got {len(table)}")
    detector = Detector.from_table(name, table)
    if not _is_stated(path):
        stated = table["fiducial_mass"] if "fiducial_mass" in table else np.full(len(table), np.nan)
        for module, fiducial_mass in zip(detector.modules, stated, strict=True):
            _check_plausibility(module, float(fiducial_mass) * tonne)
    return detector


def _is_stated(path: Path) -> bool:
    """Whether a manifest states the table: its checksum must agree then."""
    manifest = path.with_suffix(".toml")
    if not manifest.exists():
        return False
    stated = _toml(small_text(manifest, LARGEST["detector"])).get("sha256")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if stated != found:
        raise datasets.DataIntegrityError(f"{path} was altered: its sha256 is {found}, {manifest.name} has {stated}")
    return True


def _check_plausibility(module: Module, fiducial_mass: float) -> None:
    """What a wrong digit or a swapped column would break: density against material, fiducial mass against volume."""
    or_state = "or state the table by a manifest"
    if module.material == "Ar":
        gas, liquid = ARGON_DENSITY, module.elements["Ar"].density
        ranges = [(density * (1 - ARGON_TOLERANCE), density * (1 + ARGON_TOLERANCE)) for density in (gas, liquid)]
        rule = f"argon of {module.name} must weigh {gas:g} g/cm³, a gas, or {liquid:g} g/cm³, a liquid, to 10 %"
    else:
        solid = 1 / sum(module.shares[symbol] / one.density for symbol, one in module.elements.items())
        ranges = [(LOOSEST * solid, DENSEST * solid)]
        low, high = ranges[0]
        rule = f"{module.name} must weigh {low:.2g} to {high:.2g} g/cm³, as dense as its material"
    if not any(low <= module.density <= high for low, high in ranges):
        raise ValueError(f"{rule}, got {module.mass:g} g in {module.active.volume:g} cm³; {or_state}")
    expected = module.density * module.fiducial.volume if module.fiducial else 0.0
    if np.isfinite(fiducial_mass) and not abs(fiducial_mass - expected) <= 0.1 * expected:
        raise ValueError(
            f"fiducial_mass of {module.name} must be that of its volume, {expected:g} g to 10 %, "
            f"got {fiducial_mass:g} g; {or_state}"
        )

"""A detector of your own, from a CSV file. Begin with `load_detector`."""

from __future__ import annotations

import hashlib
import io
import os
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd

from darkpkg import datasets
from darkpkg.experiment.detector import Detector
from darkpkg.inputs import check_kinds, small_text
from darkpkg.units import tonne

ARGON_DENSITY = 1.78e-3
"""g/cm³, gas at 0 °C and one atmosphere: the value that gives the masses of Table II."""

ARGON_TOLERANCE = 0.1
"""Room for another temperature or pressure of the chambers, and for rounded masses."""

LOOSEST, DENSEST = 1 / 3, 2.0
"""A module may be a third of its solid, with gaps, up to twice as dense, as graphite and quartz are."""


def load_detector(path: str | os.PathLike[str], name: str | None = None) -> Detector:
    """A detector of your own, from a CSV file as `Detector.from_table` wants it; called like the file by default.

    Lengths in cm, masses in tonnes, mass fractions of the elements. So that no wrong digit passes, a module must be
    as dense as its material: argon as a gas of one atmosphere or as a liquid to 10 %, all else from a third to twice
    of what its elements weigh as solids and liquids (`Element.density`); and ``fiducial_mass``, if given, must be
    that of the fiducial volume to 10 %. For something else, gas at ten bar or foam, state that the table is as it
    should be: with a TOML file of the same name beside it, that holds the ``sha256`` of the table, as those in
    ``data/`` do. Then only the checksum must agree.

    Raises `ValueError` that names the file, what is wrong and the rule, and `DataIntegrityError` if the checksum does
    not agree.
    """
    check_kinds(path=(path, (str, os.PathLike)), name=(name, (str, type(None))))
    path = Path(path)
    text = small_text(path, LARGEST_TABLE)
    try:
        table = pd.read_csv(io.StringIO(text), comment="#")
        if len(table) > MOST_MODULES:
            raise ValueError(f"it must have at most {MOST_MODULES} modules, got {len(table)}")
        detector = Detector.from_table(name or path.stem, table)
        if not _is_stated(path):
            _check_plausibility(detector, table)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} describes no detector: {str(error)[:500]}") from error
    return detector


LARGEST_TABLE, MOST_MODULES = 1_000_000, 2000
"""Bytes and rows of a detector table; that of ND280 has 680 and 8."""


def _is_stated(path: Path) -> bool:
    """Whether a manifest states the table: its checksum must agree then."""
    manifest = path.with_suffix(".toml")
    if not manifest.exists():
        return False
    stated = tomllib.loads(small_text(manifest, LARGEST_TABLE)).get("sha256")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if stated != found:
        raise datasets.DataIntegrityError(f"{path} was altered: its sha256 is {found}, {manifest.name} says {stated}")
    return True


def _check_plausibility(detector: Detector, table: pd.DataFrame) -> None:
    """What a wrong digit or a swapped column would break: density against material, fiducial mass against its box."""
    for module, row in zip(detector.modules, table.to_dict("records"), strict=True):
        amount = f"got {module.mass:g} g in {module.active.volume:g} cm³"
        if module.material == "Ar":
            known = (ARGON_DENSITY, module.elements["Ar"].density)
            if not any(abs(module.density / density - 1) <= ARGON_TOLERANCE for density in known):
                raise ValueError(
                    f"argon of {module.name} must weigh {known[0]:g} g/cm³, a gas, or {known[1]:g} g/cm³, a liquid, "
                    f"to {100 * ARGON_TOLERANCE:g} %, {amount}; or state the table by a manifest"
                )
        else:
            solid = 1 / sum(module.shares[symbol] / one.density for symbol, one in module.elements.items())
            if not LOOSEST * solid <= module.density <= DENSEST * solid:
                raise ValueError(
                    f"{module.name} must weigh {LOOSEST * solid:.2g} to {DENSEST * solid:.2g} g/cm³, as dense as its "
                    f"material, {amount}; or state the table by a manifest"
                )
        stated = row.get("fiducial_mass", np.nan) * tonne
        if np.isfinite(stated) and not abs(stated - module.fiducial_mass) <= 0.1 * module.fiducial_mass:
            raise ValueError(
                f"fiducial_mass of {module.name} must be that of its box, {module.fiducial_mass:g} g to 10 %, got "
                f"{stated:g} g; or state the table by a manifest"
            )

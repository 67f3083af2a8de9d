"""An experiment of your own, from a small TOML file. Begin with `load_experiment`."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from darkpkg.experiment.analysis_file import LARGEST_FILE, load_analysis
from darkpkg.experiment.beam import Beam, Flux
from darkpkg.experiment.detector_file import load_detector
from darkpkg.experiment.experiment import Experiment
from darkpkg.inputs import check_kinds, small_text

__all__ = ["load_experiment"]


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

    Raises
    ------
    FileNotFoundError
        If one of the files does not exist.
    ValueError
        If one is not what it must be; names the file, what is wrong, and the rule.
    """
    check_kinds(path=(path, (str, os.PathLike)))
    path = Path(path)
    try:
        content = tomllib.loads(small_text(path, LARGEST_FILE))
        return _experiment(path.parent, **content)
    except KeyError as error:
        raise ValueError(f"{path} must have a value for {error.args[0]}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is no experiment: {' '.join(str(error).split())[:500]}") from error


def _experiment(
    folder: Path, *, name: str, detector: str, beams: list[Any], analyses: list[str] | None = None
) -> Experiment:
    loaded = [load_analysis(folder / file) for file in analyses or []]
    return Experiment(
        name=name,
        beams=tuple(_beam(folder, **beam) for beam in beams),
        detector=load_detector(folder / detector),
        analyses={analysis.name: analysis for analysis in loaded},
    )


def _beam(folder: Path, *, name: str, fluxes: list[dict[str, Any]]) -> Beam:
    return Beam(name, {flux.pop("flavour"): Flux.from_file(folder / flux.pop("file"), **flux) for flux in fluxes})

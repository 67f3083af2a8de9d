"""What the words of the command line stand for: experiments, analyses, estimators, slices and files of points."""

from __future__ import annotations

import functools
import math
import operator
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import darkpkg as dk
from darkpkg import datasets
from darkpkg.experiment.files import load_experiment
from darkpkg.inputs import small_text
from darkpkg.method.events import PlacedEvents

MOST_STEPS = 1_000_000
"""Along an axis."""

LARGEST_FILE = 10_000_000
"""Bytes of a file of points, of which a thousand have a hundred thousand."""

_Named = TypeVar("_Named", dk.Analysis, dk.Experiment)

ANALYSES: Mapping[str, Callable[[], dk.Analysis]] = {"I": lambda: dk.ANALYSIS_I, "II": lambda: dk.ANALYSIS_II}
"""What ``--analysis`` names; only the tables of the one that is named are read."""

EXPERIMENTS: Mapping[str, Callable[[], dk.Experiment]] = {
    "T2K": lambda: dk.T2K,
    "T2K-tracker": lambda: dk.T2K.replace(detector=dk.ND280_TRACKER),
    "T2K-upgrade": lambda: dk.T2K.replace(detector=dk.ND280_UPGRADE),
    "T2K-all-flavours": lambda: dk.T2K_ALL_FLAVOURS,
}
"""What ``--experiment`` names."""

ESTIMATORS = {"kernel": "Kernel", "transport": "Transport"}
"""What ``--estimator`` names, by its public name: it is imported when it is used."""


def analysis_of(name: str) -> dk.Analysis:
    """One of `ANALYSES`, or that of a TOML file; else `ValueError`."""
    return _named("analysis", name, ANALYSES, dk.load_analysis)


def judges_of(names: list[str] | None, own: Mapping[str, dk.Analysis] | None = None) -> list[dk.Analysis]:
    """The analyses of these names, and their sum if there are several; by default all that are ``own``, or I."""
    own = own or {}
    each = [own.get(name) or analysis_of(name) for name in names or list(own) or ["I"]]
    return each if len(each) == 1 else [*each, functools.reduce(operator.add, each)]


def experiment_of(name: str) -> dk.Experiment:
    """One of `EXPERIMENTS`, or that of a TOML file; else `ValueError`."""
    return _named("experiment", name, EXPERIMENTS, load_experiment)


def _named(what: str, name: str, known: Mapping[str, Callable[[], _Named]], load: Callable[[str], _Named]) -> _Named:
    if name in known:
        return known[name]()
    if not Path(name).is_file():
        raise ValueError(f"{what} must be one of {', '.join(known)}, or a TOML file, got {name!r}")
    return load(name)


def estimator_of(name: str) -> Callable[[PlacedEvents], Any]:
    """What makes an estimator of a sample: one of `ESTIMATORS`, or FILE.py:NAME of one's own; else `ValueError`."""
    if name in ESTIMATORS:
        return getattr(dk, ESTIMATORS[name])
    path, _, own = name.rpartition(":")
    if not Path(path).is_file():
        raise ValueError(
            f"estimator must be {', '.join(ESTIMATORS)}, or FILE.py:NAME with a file of yours, got {name!r}"
        )
    made = runpy.run_path(path).get(own)
    if not callable(made):
        raise ValueError(f"{path} must have {own!r}, which makes an estimator of a sample, got {made!r}")
    return made


def slice_of(benchmark: str, decays: str, vary: list[str], assign: list[str]) -> dk.Slice:
    """The slice that the options describe, through benchmark A or B."""
    point = {"A": dk.BENCHMARK_A, "B": dk.BENCHMARK_B}[benchmark].replace(decays=decays)
    free = list(point.numbers())
    axes = {}
    for text in vary:
        name, _, steps = text.partition("=")
        try:
            low, high, n = (kind(part) for kind, part in zip((float, float, int), steps.split(":"), strict=True))
            if name not in free or not (0 < low < high < math.inf and 1 < n <= MOST_STEPS):
                raise ValueError
        except ValueError:
            raise ValueError(
                f"--vary must be NAME=LOW:HIGH:N, such as m_N=0.005:1:60, once for a NAME of {', '.join(free)}, with "
                f"0 < LOW < HIGH and 1 < N <= {MOST_STEPS}, got {text}"
            ) from None
        free.remove(name)
        axes[name] = np.geomspace(low, high, n)
    fixed, tied = _assigned(point, list(axes), assign)

    def at(*values: Any) -> dk.DarkParameters:
        numbers = dict(zip(axes, values, strict=True))
        ties = {name: factor * numbers[other] for name, (factor, other) in tied.items()}
        return point.replace(**fixed, **numbers, **ties)

    return dk.Slice(at, **axes)


def _assigned(
    point: dk.DarkParameters, axes: list[str], assign: list[str]
) -> tuple[dict[str, float], dict[str, tuple[float, str]]]:
    """Values of parameters, and factors by which others are tied to a free one."""
    fixed: dict[str, float] = {}
    tied: dict[str, tuple[float, str]] = {}
    for text in assign:
        name, _, value = text.partition("=")
        factor, _, other = value.rpartition("*")
        others = [known for known in point.numbers() if known not in (*axes, *fixed, *tied)]
        try:
            if name not in others:
                raise ValueError
            if other in axes:
                tied[name] = float(factor or 1), other
            else:
                fixed[name] = float(value)
        except ValueError:
            raise ValueError(
                f"--set must be NAME=NUMBER or NAME=FACTOR*OTHER with OTHER of {', '.join(axes)}, once for a NAME of "
                f"{', '.join(others)}, got {text}"
            ) from None
    return fixed, tied


def points_of(path: Path, kind: Mapping[str, Any]) -> list[dk.DarkParameters]:
    """The points of a file. Raises `ValueError` that names file, column, value and rule."""
    try:
        names, rows = datasets.cells(small_text(path, LARGEST_FILE))
        known = list(dk.DarkParameters.numbers())
        for name in names:
            if name not in known:
                raise ValueError(f"columns, divided by commas, must be {', '.join(known)}, got {name!r}")
        missing = [name for name in known if name not in (*names, "V_eN_sq")]
        if missing:
            raise ValueError(f"a column {missing[0]} must be there, got {', '.join(names)}")
        if not rows:
            raise ValueError("it must have rows")
        return [_point(line, dict(zip(names, words, strict=True)), kind) for line, words in rows.items()]
    except ValueError as error:
        raise ValueError(f"{path} has no points: {str(error)[:500]}") from error


def _point(line: int, words: Mapping[str, str], kind: Mapping[str, Any]) -> dk.DarkParameters:
    try:
        numbers: dict[str, Any] = {name: _number(name, word) for name, word in words.items()}
        return dk.DarkParameters(**numbers, **kind)
    except ValueError as error:
        raise ValueError(f"line {line}: {error}") from error


def _number(name: str, word: str) -> float:
    try:
        if "_" in word:  # in Python, and nowhere else, 1_0 is ten
            raise ValueError
        return float(word)
    except ValueError:
        raise ValueError(f"{name} must be a number, got {word!r}") from None

"""Tables in the form that HEPData takes: a folder with ``submission.yaml`` and a file for each table.

Begin with `to_hepdata`; `table_of_scan` makes the table of a scan. What is written passes hepdata-validator.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.inference.scan import Scan
from darkpkg.inputs import check_kinds, of_an_extra, one_of, real_numbers, settle, tuple_of
from darkpkg.outputs import complete_or_not_at_all, folder_at
from darkpkg.physics.model import DarkParameters


@dataclass(frozen=True)
class HepDataTable:
    """One table: columns by name, each (n,).

    Parameters
    ----------
    name, description
        What it is called, and what a reader must know.
    independent, dependent
        Columns; independent ones may be the ends of bins, (n, 2). A nan becomes ``-``, where there is no number;
        infinite ones the words ``inf`` and ``-inf``, which `float` reads back.
    errors
        Symmetric errors of dependent columns, by their names.
    units
        Of columns, by their names.
    keywords
        Lists of words by kind: ``observables``, ``reactions``, ``phrases``, ``cmenergies``.
    """

    name: str
    description: str
    independent: Mapping[str, ArrayLike]
    dependent: Mapping[str, ArrayLike]
    errors: Mapping[str, ArrayLike] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    keywords: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settle(self, name=str, description=str)
        settle(self, **dict.fromkeys(("independent", "dependent", "errors", "units", "keywords"), Mapping))
        columns = {
            name: real_numbers(f"{name} of {self.name}", values, nan=True)
            for name, values in (*self.independent.items(), *self.dependent.items())
        }
        if len(columns) < len(self.independent) + len(self.dependent):
            raise ValueError(
                f"columns of {self.name} must be independent or dependent, got {list(self.dependent)} twice"
            )
        lengths = {name: len(np.atleast_1d(values)) for name, values in columns.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"columns of {self.name} must have the same length, got {lengths}")
        (n,) = {*lengths.values()}
        for name, values in columns.items():
            ends = name in self.independent and values.shape == (n, 2) and np.isfinite(values).all()
            if values.shape != (n,) and not ends:
                rule = "one number a row, or both ends of a bin if independent"
                raise ValueError(f"{name} of {self.name} must have {rule}, got shape {values.shape}")
        for name, errors in self.errors.items():
            found = real_numbers(f"errors of {name} of {self.name}", errors, 0.0, nan=True)
            if found.shape != (n,) or name not in self.dependent:
                raise ValueError(f"errors of {self.name} must be those of dependent columns, got {name}")
        for name in self.units:
            one_of(f"units of {self.name}", name, columns)
        for kind, words in self.keywords.items():
            tuple_of(f"keywords of {self.name}, {kind},", words, str)

    def document(self) -> dict[str, Any]:
        """What stands in its file."""
        kinds = {"independent_variables": self.independent, "dependent_variables": self.dependent}
        return {kind: [self._column(*one) for one in columns.items()] for kind, columns in kinds.items()}

    def _column(self, name: str, values: ArrayLike) -> dict[str, Any]:
        numbers = np.asarray(values, dtype=float).tolist()
        errors = np.asarray(self.errors.get(name, np.full(len(numbers), np.nan)), dtype=float).tolist()
        header = {"name": name} | ({"units": self.units[name]} if name in self.units else {})
        return {"header": header, "values": [_cell(*one) for one in zip(numbers, errors, strict=True)]}


def _cell(value: Any, error: float) -> dict[str, Any]:
    if isinstance(value, list):
        return {"low": value[0], "high": value[1]}
    cell = {"value": _number(value)}
    if math.isnan(value) or math.isnan(error):
        return cell
    return cell | {"errors": [{"symerror": _number(error), "label": "statistics of the simulation"}]}


def _number(value: float) -> float | str:
    """A number as HEPData takes it: - for none, and inf or -inf in words, as JSON has no number for them."""
    return "-" if math.isnan(value) else value if math.isfinite(value) else str(value)


def table_of_scan(scan: Scan, name: str = "scan") -> HepDataTable:
    """Expected signal and −Δ ln L at each point of a scan that was evaluated.

    Parameters
    ----------
    scan
        Of `DarkParameters`.
    name
        Of the table.
    """
    check_kinds(scan=(scan, Scan))
    known, about, total = scan.evaluated, DarkParameters.numbers(), scan.known.total()
    columns = {one: np.broadcast_to(getattr(scan.parameters, one), known.shape)[known] for one in about}
    description = f"Signal in {scan.analysis.name} and its likelihood. {getattr(scan.analysis, 'caveat', '')}".strip()
    units = {one: of_one["unit"] for one, of_one in about.items() if of_one["unit"]}
    dependent = {"expected events": total.mean, "-Delta ln L": scan.minus_delta_log_likelihood[known]}
    return HepDataTable(name, description, columns, dependent, units=units, keywords={"observables": ["CLS"]})


def to_hepdata(tables: Sequence[HepDataTable], folder: str | os.PathLike[str], comment: str = "") -> Path:
    """Write a submission: each file by a temporary name, ``submission.yaml`` last.

    Parameters
    ----------
    tables
        With names of their own.
    folder
        Made if it is not there.
    comment
        What the whole is.

    Returns
    -------
    Path
        That of ``submission.yaml``.

    Raises
    ------
    TypeError, ValueError
        For no table, or the same name twice.
    """
    tables = tuple_of("tables", tables, HepDataTable)
    check_kinds(folder=(folder, (str, os.PathLike)), comment=(comment, str))
    names = [table.name for table in tables]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"tables must be at least one, with names of their own, got {names}")
    folder = folder_at(folder)
    documents: list[Any] = [{"comment": comment or "Limits on dark neutrinos"}]
    for number, table in enumerate(tables, 1):
        file = f"table_{number}.yaml"
        _write_documents([table.document()], folder / file)
        keywords = [{"name": kind, "values": list(words)} for kind, words in table.keywords.items()]
        documents.append(
            {"name": table.name, "description": table.description, "keywords": keywords, "data_file": file}
        )
    _write_documents(documents, folder / "submission.yaml")
    return folder / "submission.yaml"


def _write_documents(documents: list[Any], path: Path) -> None:
    yaml = of_an_extra("yaml", "exports")
    with complete_or_not_at_all(path) as partial:
        text = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, explicit_start=len(documents) > 1)
        partial.write_text(text, encoding="utf-8")

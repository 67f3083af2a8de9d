"""Tables of the book's pages: captioned, numbered, with units in the head, and values with their errors.

Begin with `table`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from paper.drawing import shown_name

__all__ = ["SUPERSCRIPTS", "Table", "table", "typeset", "with_error"]

_MISSING = "–"
_SYMBOL = re.compile(
    r"(?<!\w)(\|?)([mxVUEgpαΛ])_(N|Z′|Zprime|A|D4?|QCD|ν|ee|[eμτi][N4])(\|?)([²⁴]?)(?![\w^])|(?<!\w)(A\^\{1/3\}|(?:cτ⁰|Q²|ε²?|ν_[eμ])(?!\w))"
)
_TEX = {
    "α": r"\alpha",
    "Λ": r"\Lambda",
    "Z′": "Z'",
    "Zprime": "Z'",
    "QCD": r"\rm QCD",
    "ν": r"\nu",
    "²": "^2",
    "⁴": "^4",
}
_TEX |= {letter + of: rf"\{name} {of}" for letter, name in (("μ", "mu"), ("τ", "tau")) for of in "N4"}
_TEX |= {
    "ν_e": r"\nu_e",
    "ν_μ": r"\nu_\mu",
    "cτ⁰": r"c\tau^0",
    "ε": r"\varepsilon",
    "ε²": r"\varepsilon^2",
    "Q²": "Q^2",
}
_AS_IT_IS = re.compile(r"(\$[^$]*\$|\{\w+\}`[^`]*`|`[^`]*`)")
_NUMBER = re.compile(
    r"(?:< )?[+\-−]?[\d.,]+(e[+-]?\d+)?(\s±\s[\d.]+(e[+-]?\d+)?|\s\([\d.]+–[\d.]+\))?( %)?"
    r"|\([+\-−]?[\d.]+ ± [\d.]+\)e[+-]\d+|–"
)
_EXACT = 1e-9  # a smaller relative error is none, but rounding
_MANY_DECIMALS = 8
LINE = 16
"""Letters of the first column that stay on one line where a screen is narrow."""

SUPERSCRIPTS = str.maketrans("+-−0123456789", "⁺⁻⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Table:
    """A table as a page shows it: `head` and the rows of `cells` are text, `numeric` is which columns are numbers.

    Of one that is ``stacked`` each row becomes a block on a narrow screen, a line for each cell behind its head.
    A notebook displays it: the book as a numbered table, JupyterLab as HTML. Its plain text has the same numbers;
    the tests compare that.
    """

    name: str
    caption: str
    head: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    stacked: bool = False

    def __str__(self) -> str:
        """Write head and rows in columns, without the caption."""
        rows = [self.head, *self.cells]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if number else cell.ljust(width)
                for cell, width, number in zip(row, widths, self.numeric, strict=True)
            ).rstrip()
            for row in rows
        )

    def markdown(self) -> str:
        """Write it in MyST Markdown, with the name for `numref`."""
        columns = zip(self.numeric, zip(*self.cells, strict=True), strict=True)
        marks = ["--:" if number or all(map(_NUMBER.fullmatch, cells)) else ":--" for number, cells in columns]
        first = _in_lines if marks[0] == ":--" else str
        rows = [
            [_head(head) for head in self.head],
            marks,
            *([first(_typeset(row[0])), *map(_unbroken, row[1:])] for row in self.cells),
        ]
        lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
        options = [f":name: {self.name}", *([":class: stacked"] if self.stacked else [])]
        return "\n".join([f":::{{table}} {typeset(self.caption)}", *options, "", *lines, ":::", ""])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        frame = pd.DataFrame(self.cells, columns=self.head)
        return {"text/plain": str(self), "text/markdown": self.markdown(), "text/html": frame.to_html(index=False)}


def table(
    columns: Any,
    *,
    name: str,
    caption: str,
    units: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    formats: Mapping[str, str] | None = None,
    stacked: bool = False,
) -> Table:
    """Make a table for a page.

    Parameters
    ----------
    columns
        Anything that `pandas.DataFrame` takes: a mapping of heads to values, a list of rows, a data frame (without
        its index). Heads may hold mathematics, ``"$m_N$"``.
    name, caption
        The label that `numref` refers to, and what the table shows, in one line of MyST.
    units
        Unit by head, written behind it.
    errors
        Head of the column with the errors by head of the column with the values: both become one, ``4.70 ± 0.05``.
    formats
        Format by head, such as ``".2f"``; it holds for value and error. Without one an error has two significant
        digits and its value as many decimals, and a number without error has four significant digits.
    stacked
        On a narrow screen each row is a block of lines: for tables of words, which would need much of its width.

    Returns
    -------
    Table
        To be the last line of a cell, or an argument of ``display``. Missing values are dashes, and what is infinite
        is called so.

    Raises
    ------
    ValueError
        if there is no row, a head is empty, or `units`, `errors` or `formats` names a column that is not there.

    Examples
    --------
    >>> rates = {"masses": ["A", "B"], "rate": [4.7012, 0.31], "±": [0.0512, 0.02]}
    >>> print(table(rates, name="tab-rates", caption="Rates.", units={"rate": "pb"}, errors={"rate": "±"}))
    masses      rate [pb]
    A       4.701 ± 0.051
    B       0.310 ± 0.020
    """
    frame = pd.DataFrame(columns)
    units, errors, formats = units or {}, errors or {}, formats or {}
    _check(frame, {"units": units, "errors": {**errors, **dict.fromkeys(errors.values(), "")}, "formats": formats})
    shown = [head for head in frame if head not in errors.values()]
    text = [
        _column(frame[head], frame[errors[head]] if head in errors else None, formats.get(head, "")) for head in shown
    ]
    return Table(
        name,
        caption,
        tuple(f"{head} [{units[head]}]" if head in units else str(head) for head in shown),
        tuple(zip(*text, strict=True)),
        tuple(bool(pd.api.types.is_numeric_dtype(frame[head]) and frame[head].dtype != bool) for head in shown),
        stacked,
    )


def _check(frame: pd.DataFrame, named: Mapping[str, Mapping[str, str]]) -> None:
    if frame.empty:
        raise ValueError("columns must have at least one row, got none")
    if not all(str(head).strip() for head in frame):
        raise ValueError(f"every column must have a head, got {list(frame)}")
    for argument, heads in named.items():
        if unknown := set(heads) - set(frame):
            raise ValueError(f"{argument} must name columns of the table, {list(frame)}, got {sorted(unknown)}")


def _column(values: pd.Series, errors: pd.Series | None, form: str) -> list[str]:
    if errors is None:
        return [_text(value, form) for value in values]
    alone = [_text(value, "") for value in values[errors.isna() & values.notna()]]
    decimals = max((len(text.partition(".")[2]) for text in alone), default=0)
    own = form or ("" if any("e" in text for text in alone) else f".{decimals}f")  # 90.00 below 97.57
    pairs = zip(values, errors, strict=True)
    return [_text(value, own) if pd.isna(error) else with_error(value, error, form) for value, error in pairs]


def _text(value: Any, form: str) -> str:
    if pd.isna(value):
        return _MISSING
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)) and value == np.inf:
        return "infinite"
    if not form:
        form = ".4g" if isinstance(value, (float, np.floating)) else ""
    return _formatted(value, form).removesuffix(".")  # of "#.3g"


def _formatted(value: Any, form: str) -> str:
    """A value as text, and what is rounded to zero without a minus."""
    text = format(value, form)
    return format(0.0, form) if re.fullmatch(r"-[0.]+(e[+-]00)?%?", text) else text


def with_error(value: float, error: float, form: str = "") -> str:
    """A value and its error with the same decimals: two digits of the error, unless ``form`` has others.

    A value that is exact stands alone, and a small one has its power of ten in common with the error.

    >>> with_error(4.7512, 0.0931), with_error(3.5e-11, 2.1e-12), with_error(2.0, 0.0)
    ('4.751 ± 0.093', '(3.50 ± 0.21)e-11', '2')
    """
    if pd.isna(value) or pd.isna(error):
        return _text(value, form)
    if not form and error <= _EXACT * abs(value):
        return _formatted(value, ".4g")
    decimals = 1 - int(np.floor(np.log10(error))) if error > 0 else 0
    if form or (abs(value) < 1e6 and decimals < _MANY_DECIMALS):
        form = form or f".{max(decimals, 0)}f"
        return f"{_formatted(value, form)} ± {format(error, form)}"
    power = int(np.floor(np.log10(max(abs(value), error))))
    form = f".{max(decimals + power, 0)}f"
    return f"({value / 10.0**power:{form}} ± {error / 10.0**power:{form}})e{power:+03d}"


def typeset(text: str) -> str:
    """Plain text with symbols as formulas, and the P∅D with its sign; code, roles and formulas stay as they are.

    >>> typeset("m_Z′ of |V_μN|²"), typeset("at_B, m_Zprime"), typeset("`V_N` and g_D²")
    ("$m_{Z'}$ of $|V_{\\\\mu N}|^2$", "at_B, $m_{Z'}$", '`V_N` and $g_{D}^2$')
    """

    def formula(found: re.Match[str]) -> str:
        bar, letter, index, end, power, alone = (_TEX.get(part, part) for part in found.groups())
        return f"${alone}$" if alone else f"${bar}{letter}_{{{index}}}{end}{power}$"

    parts = _AS_IT_IS.split(re.sub(r"(?<=GeV)\^\d", lambda power: power[0][1].translate(SUPERSCRIPTS), text))
    return "".join(part if i % 2 else shown_name(_SYMBOL.sub(formula, part)) for i, part in enumerate(parts))


def _head(head: str) -> str:
    """A head for readers, in which no line ends with a sign."""
    parts = _AS_IT_IS.split(typeset(head))
    return "".join(p if i % 2 else re.sub(" ([/−×·=]) ", " \\1\N{NO-BREAK SPACE}", p) for i, p in enumerate(parts))


def _in_lines(cell: str) -> str:
    """Keep words of a cell together in lines of up to `LINE` letters, so that a narrow column has a few a line.

    A word of so many does not break behind its hyphen either: T2K-I.
    """
    if re.search(r"[$`{\[]", cell):
        return cell
    lines: list[str] = []
    for word in cell.split(" "):
        word = word.replace("-", "\N{NON-BREAKING HYPHEN}") if len(word) <= LINE else word
        if lines and len(lines[-1]) + 1 + len(word) <= LINE:
            lines[-1] += "\N{NO-BREAK SPACE}" + word
        else:
            lines.append(word)
    return " ".join(lines)


def _unbroken(cell: str) -> str:
    """A cell for readers, in which a number among words keeps its error and its power of ten in one line."""
    shown = _typeset(cell)
    if _NUMBER.fullmatch(cell) or "`" in cell:
        return shown
    return re.sub(r"(?<=[\d)]) ([±×]) (?=\d)", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", shown)


def _typeset(cell: str) -> str:
    """A cell for readers: powers of ten as such, and minus signs; code, roles and formulas stay as they are."""
    parts = _AS_IT_IS.split(typeset(cell))
    return "".join(part if i % 2 else _signs(part) for i, part in enumerate(parts))


def _signs(text: str) -> str:
    text = re.sub(r"(?<=\d)e[+-]0+(?!\d)", "", text)
    text = re.sub(r"(?<=[\d)])e([+-]\d+)", lambda power: f" × 10{str(int(power[1])).translate(SUPERSCRIPTS)}", text)
    return re.sub(r"(?<![\w.–-])-(?=\d)", "−", text)

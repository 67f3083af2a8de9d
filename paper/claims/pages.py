"""The claims as a page of the book shows them: a table for each section of the paper, and all ratios in a figure.

Begin with `claims_table`; both take the table of `paper.claims.verdicts.table`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from paper.claims.verdicts import SIGMAS, VERDICTS
from paper.drawing import COLOURS
from paper.tables import Table, table, typeset, with_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["claims_table", "failed_table", "ratios_figure", "typeset"]

_STYLES = {
    VERDICTS[0]: {"fmt": "o", "color": COLOURS["blue"]},
    VERDICTS[1]: {"fmt": "o", "color": COLOURS["orange"], "mfc": "white"},
    VERDICTS[2]: {"fmt": "X", "color": COLOURS["red"]},
}
_RANGE = (0.45, 1.8)


def claims_table(found: pd.DataFrame, section: str, name: str) -> Table:
    """What the paper claims in a section, what we find, and why, with a link to the chapter that computes it.

    Raises `ValueError` for a section without claims.
    """
    rows = found[found.section == section]
    if rows.empty:
        raise ValueError(f"section must be one of {', '.join(found.section.unique())}, got {section!r}")
    return table(
        [_row(row) for row in rows.itertuples()],
        name=name,
        caption=f"Claims of the paper: {section}. Errors are statistical; *if* marks numbers under the assumption.",
        stacked=True,
    )


def failed_table(found: pd.DataFrame, name: str) -> Table:
    """The claims that are not reproduced: where, what, the paper's number and ours, with units."""
    rows = [_row(row) for row in found[found.verdict == VERDICTS[2]].itertuples()]
    heads = ("place", "claim", "paper", "ours")
    return table(
        [{head: row[head].partition("; if")[0] for head in heads} for row in rows],
        name=name,
        caption="Claims that are not reproduced. Errors are statistical.",
        stacked=True,
    )


def _row(row: Any) -> dict[str, str]:
    ours, why = _number(row.ours, row.error, row.unit), row.reason
    if row.assumption:
        ours = f"{ours}; if:\N{NO-BREAK SPACE}{_number(row.assumed, row.assumed_error, row.unit)}"
        why = f"{why} *Assumption: {row.assumption}.*"
    printed = f"{row.paper} {row.unit}" if row.unit and any(map(str.isdigit, row.paper)) else row.paper
    verdict = dict(zip(VERDICTS, ("✓", "✓ if", "✗"), strict=True))[row.verdict]
    page = f"→\N{NO-BREAK SPACE}{{doc}}`/notebooks/{row.page}`"
    heads = ("place", "claim", "paper", "ours", "verdict", "why")
    cells = (row.place, typeset(row.claim), printed, ours, verdict, f"{typeset(why)} {page}")
    return dict(zip(heads, cells, strict=True))


def _number(value: float, error: float, unit: str) -> str:
    """A number with its error and unit; one within two errors of zero is a bound, by the rule of the verdicts.

    Numbers of claims that have an error are lengths, rates and shares, so that none is negative.
    """
    if np.isnan(value):
        return "–"
    if error > 0 and value < SIGMAS * error:
        return f"< {value + SIGMAS * error:.1e} {unit}".rstrip()
    return f"{with_error(value, error) if error else f'{value:.3g}'} {unit}".rstrip()


def ratios_figure(found: pd.DataFrame) -> Figure:
    """Our number over the paper's for every claim that is a number, with the intervals that count as agreeing."""
    numbers = found[found.ratio.notna()]
    figure, ax = plt.subplots(figsize=(7.5, 0.2 * len(numbers) + 1))
    _draw_ratios(ax, numbers)
    ax.set(xlabel="ours / paper", xlim=_RANGE, ylim=(-0.8, len(numbers) - 0.2))
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def _draw_ratios(ax: Axes, rows: pd.DataFrame) -> None:
    place = np.arange(len(rows))[::-1]
    ends = np.sort(np.stack([rows.low, rows.high]) / rows.number.to_numpy(), axis=0)
    error = np.where(rows.verdict == VERDICTS[1], rows.assumed_error, rows.error) / rows.number.abs()
    ratio = rows.ratio.clip(*_RANGE)
    error = np.where(ratio == rows.ratio, error, 0)
    ax.barh(place, ends[1] - ends[0], left=ends[0], height=0.5, color="#D9D9D9", zorder=1)
    ax.axvline(1, color="black", lw=0.8, zorder=2)
    for verdict, style in _STYLES.items():
        own = (rows.verdict == verdict).to_numpy()
        ax.errorbar(
            ratio[own], place[own], xerr=error[own], ms=6, lw=1.4, label=verdict, clip_on=False, zorder=3, **style
        )
    ax.set_yticks(place, [_readable(name) for name in rows.index], fontsize=9)
    ax.tick_params(axis="y", which="both", length=0, pad=8)
    ax.yaxis.minorticks_off()


def _readable(name: str) -> str:
    """The name of a claim with its symbols."""
    symbols = {"_seen_": "_detected_", "m_Zprime": "$m_{Z'}$", "m_N": "$m_N$", "alpha": "α", "beta": "β"}
    for word, symbol in symbols.items():
        name = name.replace(word, symbol)
    words = name.split("$")
    return "$".join(word if word.startswith("m_") else word.replace("_", " ") for word in words)

"""What a table of inputs holds, in Markdown, from its manifest. Begin with `describe`."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

from darkpkg import datasets
from paper.tables import SUPERSCRIPTS, typeset

__all__ = ["describe", "readable"]

_GREEK = {"epsilon": "ε", "alpha": "α", "chi": "χ", "theta": "θ", "pi": "π"}
_SIGNS = {
    ">=": "≥",
    "<=": "≤",
    "pi0": "π⁰",
    "j0": "j₀",
    "sum_n a_n": "Σₙ aₙ",
    "e+e-": "e⁺e⁻",
    "e+ e-": "e⁺e⁻",
    "rho(": "ρ(",
    "to nu": "to ν",
}

_NAMED = 3
"""Columns of one unit that are listed; of more, the last is named too."""


def describe(name: str) -> str:
    """Write title, source, class, licence, processing and columns of a table in MyST.

    Columns with the same unit share a line. Raises `KeyError` for a name that `datasets.names` does not list.
    """
    about = datasets.manifest(name)
    title, source, processing = map(readable, (about.title, about.source, about.processing))
    rows = [
        _row(unit, list(columns)) for unit, columns in groupby(about.columns.items(), key=lambda item: item[1].unit)
    ]
    return "\n".join(
        [
            f"**{title}** (`data/{name}.csv`)", "",
            f"Source: {source}. [doi:{about.doi}](https://doi.org/{about.doi})", "",
            f"Class: {about.kind}; retrieved {about.retrieved}; licence: {about.licence}.", "",
            processing, "",
            "| columns | unit | meaning |", "|---|---|---|", *rows,
        ]
    )  # fmt: skip


def _row(unit: str, columns: list[tuple[str, Any]]) -> str:
    more = len(columns) > _NAMED
    names = ", ".join(f"`{column}`" for column, _ in columns[:_NAMED]) + (f" … `{columns[-1][0]}`" if more else "")
    meanings = "; ".join(column.meaning for _, column in columns[:_NAMED]) + (" …" if more else "")
    cells = (cell.replace("|", r"\|") for cell in (names, readable(unit) or "–", readable(meanings)))
    return f"| {' | '.join(cells)} |"


def readable(text: str) -> str:
    """Text of a manifest, which is plain, with its formulas, powers and products as a page writes them.

    >>> readable("192 x 56 cm^3, 18.75e20, 1e-4, 1 / cm^2, alpha_D and epsilon^2, nu_mu of the P0D")
    '192 × 56 cm³, 18.75 × 10²⁰, 10⁻⁴, 1 / cm², $\\\\alpha_{D}$ and $\\\\varepsilon^2$, $\\\\nu_\\\\mu$ of the P∅D'
    """
    text = re.sub(r"(?<=\d) x (?=\d)", " × ", text)
    text = re.sub(
        r"(?<![\w.])(-?\d+(?:\.\d+)?)e([+-]?\d+)\b",
        lambda power: f"{'' if power[1] == '1' else power[1] + ' × '}10{str(int(power[2])).translate(SUPERSCRIPTS)}",
        text,
    )
    text = re.sub(r"\|([UV])_mu(\w)\|\^2", r"$\\lvert \1_{\\mu \2}\\rvert{}^2$", text)  # bars end a cell of a table
    text = re.sub(r"\bE_nu\^QE\b", r"$E_\\nu^{\\rm QE}$", text)
    text = re.sub(r"\b(nu|nubar)_(e|mu)\b", _neutrino, text)
    text = re.sub(rf"\b({'|'.join(_GREEK)})(?=_D\b|\^|\b(?![_\w]))", lambda name: _GREEK[name[1]], text)
    text = re.sub(r"(?<=[\w)|])\^(\d)\b", lambda power: power[1].translate(SUPERSCRIPTS), text)
    text = re.sub(r"(?<=\d )\+-(?= \d)", "±", text)
    text = re.sub(r"\bcm3\b", "cm³", text)
    text = re.sub(
        r">=|<=|\b(?:pi0|j0)\b|\bsum_n a_n\b|\be\+ ?e-(?!\w)|\brho\(|\bto nu\b", lambda sign: _SIGNS[sign[0]], text
    )
    text = re.sub(r"\bdelta (?=χ)", "Δ", re.sub(r"(?<=\d) sigma\b", "σ", text))
    text = re.sub(r"(?<![\w.)⁻-])-(?=\d)", "−", text)
    text = re.sub(r"\bE([12])\b", lambda energy: "E" + "₁₂"[int(energy[1]) - 1], text)
    text = re.sub(r"(?<!\S)--[a-z][\w-]*", r"`\g<0>`", text)  # an option: else its hyphens become a dash
    return typeset(text.replace("Z'", "Z′"))


def _neutrino(found: re.Match[str]) -> str:
    letter = r"\nu" if found[1] == "nu" else r"\bar\nu"
    return f"${letter}_{'e' if found[2] == 'e' else chr(92) + 'mu'}$"

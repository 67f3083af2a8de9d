"""The numbers behind the figures of the paper as submissions to HEPData. Begin with `tables`."""

from __future__ import annotations

import numpy as np

from darkpkg.exports.hepdata import HepDataTable
from paper.figures.frame import PaperFigure

__all__ = ["tables"]


def tables(drawn: PaperFigure, number: int) -> list[HepDataTable]:
    """A table for each curve, map or histogram of a figure, in the order in which they were drawn; none without any.

    Columns are called x, y and z, with the units of the axes of the figure.
    """
    found = []
    groups = drawn.curves.groupby(["panel", "curve"], sort=False) if len(drawn.curves) else ()
    for (panel, curve), rows in groups:
        columns = {name: rows[name].to_numpy(dtype=float) for name in rows if name not in ("panel", "curve")}
        height = "z" if np.isfinite(columns.get("z", np.array(np.nan))).any() else "y"
        x = columns["x"]
        if np.isfinite(columns.get("x_high", np.array(np.nan))).all():
            x = np.stack([x, columns["x_high"]], axis=1)
        independent = {"x": x} | ({"y": columns["y"]} if height == "z" else {})
        error = columns.get(f"{height}_error")
        errors = {height: error} if error is not None and np.isfinite(error).any() else {}
        words = {"observables": ["N"], "phrases": ["heavy neutral lepton", "dark photon", "T2K"]}
        name = f"Figure {number}, table {len(found) + 1}"
        about = f"Figure {number} of arXiv:2205.12273, made anew: {panel}, {curve}. Axes are those of the figure."
        found.append(HepDataTable(name, about, independent, {height: columns[height]}, errors, keywords=words))
    return found

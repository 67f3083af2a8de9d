"""Errors, coverage and times of estimators from the tables in ``data/shootout``. Begin with `summary`."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from scipy import stats

from darkpkg import datasets
from darkpkg.method.generator import REPLICATES
from paper.shootout.contest import ANALYSES, BUDGETS, DEDICATED, GRID, GRID_EVENTS, GRID_SAMPLE, POINTS, REGIONAL
from paper.shootout.neural import LIFETIMES, MEMBERS

METHODS = (*REGIONAL, *DEDICATED, "table")
LEVELS = (0.68, 0.95)


def read(name: str) -> pd.DataFrame:
    """A table of ``data/shootout``, verified, with finite numbers of the right sign.

    Raises
    ------
    darkpkg.datasets.DataIntegrityError
        If it does not agree with its manifest.
    ValueError
        That names table and column.
    """
    return checked(name, datasets.read(f"shootout/{name}"))


def checked(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, if all are filled, finite and not negative, with points, analyses and methods that there are."""
    known = {"point": POINTS, "analysis": ANALYSES, "method": METHODS}
    for column, values in rows.items():
        if pd.api.types.is_numeric_dtype(values):
            # A kernel leans over edges, so that its rate may be negative.
            wrong = ~np.isfinite(values) | ((values < 0) & (column not in ("events", "loss")))
        else:
            wrong = ~values.isin(list(known[column])) if column in known and name != "grid" else values.isna()
        if wrong.any():
            raise ValueError(f"{column} of shootout/{name} must be known or finite, got {values[wrong].iloc[0]!r}")
    return rows


def freedom(method: str) -> float:
    """Degrees of freedom of a stated error: of how few parts it is the spread."""
    return MEMBERS - 1 if method == "neural" else REPLICATES - 1 if "Sobol" in method else np.inf


def summary(estimates: pd.DataFrame | None = None, truth: pd.DataFrame | None = None) -> pd.DataFrame:
    """For each method, number of neutrinos, point and analysis: relative errors, coverage and times.

    Parameters
    ----------
    estimates, truth
        As in ``data/shootout``, and by default these.

    Returns
    -------
    DataFrame
        ``samples``, ``bias`` with ``bias_error``, ``rms`` and ``stated`` error, all relative to the truth;
        ``share_0.68`` and ``share_0.95`` of the intervals by Student's t that hold it; medians of ``shared`` and
        ``own`` time in seconds.
    """
    estimates, truth = (read(n) if rows is None else rows for n, rows in (("estimates", estimates), ("truth", truth)))
    rows = estimates.merge(truth[["point", "analysis", "events"]], on=["point", "analysis"], suffixes=("", "_true"))
    if len(rows) < len(estimates):
        raise ValueError("truth must have every point and analysis of the estimates")
    out = []
    for (method, neutrinos, point, analysis), own in rows.groupby(["method", "neutrinos", "point", "analysis"]):
        off, stated = own.events / own.events_true - 1, own.error / own.events_true
        few = len(own) < 2
        out.append({
            "method": method, "neutrinos": neutrinos, "point": point, "analysis": analysis, "samples": len(own),
            "bias": off.mean(), "bias_error": np.nan if few else off.std(ddof=1) / len(own) ** 0.5,
            "rms": np.sqrt((off**2).mean()), "stated": np.sqrt((stated**2).mean()),
            "shared": own.shared.median(), "own": own.own.median(),
        })  # fmt: skip
        for level in LEVELS:
            reach = stats.t.ppf((1 + level) / 2, freedom(str(method)))
            out[-1][f"share_{level}"] = np.mean(np.abs(off) <= reach * stated)
    return pd.DataFrame(out)


def together(each: pd.DataFrame, analysis: str = "I") -> pd.DataFrame:
    """A row for each method and number of neutrinos, over all points: geometric means of errors, means of times.

    ``worst`` is the largest bias of a point, in size; coverage is that of all samples and points together.
    """
    out = []
    own = each[each.analysis == analysis]
    for method, neutrinos in itertools.product(METHODS, sorted(own.neutrinos.unique())):
        rows = own[(own.method == method) & (own.neutrinos == neutrinos)]
        if len(rows):
            shares = {f"share_{level}": np.average(rows[f"share_{level}"], weights=rows.samples) for level in LEVELS}
            out.append({
                "method": method, "neutrinos": neutrinos, "samples": rows.samples.min(),
                "rms": np.exp(np.log(rows.rms).mean()), "stated": np.exp(np.log(rows.stated).mean()),
                "worst": rows.bias.abs().max(), "shared": rows.shared.mean(), "own": rows.own.mean(), **shares,
            })  # fmt: skip
    return pd.DataFrame(out)


def grid(rows: pd.DataFrame | None = None, speed: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each method on a grid of `GRID` points: hours of a processor for all, relative errors at the first points."""
    rows, speed = (read(n) if one is None else one for n, one in (("grid", rows), ("speed", speed)))
    reference = rows[rows.method == "reference"].set_index("point")
    times = dict(zip(speed.stage, speed.seconds, strict=True))
    out = []
    for method in ("simulation", "transport", "kernel", "table"):
        shared, whole = times.get(f"shared by {method}", 0.0), times[f"grid by {method}"]
        own = rows[rows.method == method].set_index("point")
        off = own.events / reference.events - 1
        variance = (own.error / reference.events) ** 2 + (reference.error / reference.events) ** 2
        out.append({
            "method": method, "shared": shared, "own": whole / GRID, "hours": (shared + whole) / 3600,
            "median": off.abs().median(), "worst": off.abs().max(),
            "stated": (own.error / own.events).median(),
            "chi2": (off**2 / variance).sum(), "points": len(own),
        })  # fmt: skip
    return pd.DataFrame(out)


def seconds_of_an_event(speed: pd.DataFrame | None = None) -> pd.DataFrame:
    """Of each generator: seconds of a further event, and of what comes before the first, by two sizes."""
    speed = read("speed") if speed is None else speed
    out = []
    for stage in ("DarkNews", "darkpkg"):
        small, large = speed[speed.stage == stage].sort_values("events").to_dict("records")
        each = (large["seconds"] - small["seconds"]) / (large["events"] - small["events"])
        before = small["seconds"] - each * small["events"]
        out.append({"stage": stage, "each": each, "before": before, "whole": large["seconds"] / large["events"]})
    return pd.DataFrame(out)


def facts() -> dict[str, str]:
    """Numbers of the page on these tables, rounded, by name."""
    each_point = summary()
    all_rows, few = together(each_point), min(BUDGETS)
    of_table = each_point[(each_point.method == "table") & (each_point.analysis == "I")]
    worst = of_table.loc[of_table.rms.idxmax()]
    most = all_rows[all_rows.neutrinos.isin([0, max(BUDGETS)])].set_index("method")
    least = all_rows[all_rows.neutrinos == few].set_index("method")
    by_grid, speed = grid().set_index("method"), seconds_of_an_event().set_index("stage")
    samples = all_rows.samples[all_rows.neutrinos > 0].min()
    each = speed["each"]["DarkNews"]
    of_share = (LEVELS[0] * (1 - LEVELS[0]) / (len(POINTS) * samples)) ** 0.5
    out = {
        "samples": f"{samples}",
        "budgets": ", ".join(map(_spaced, BUDGETS)),
        "lifetimes": f"{LIFETIMES}",
        "members": f"{MEMBERS}",
        "grid": _spaced(GRID),
        "events": _spaced(GRID_EVENTS),
        "sample": _spaced(GRID_SAMPLE),
        "measured": f"{by_grid.points.min()}",
        "chi2": f"{by_grid.chi2.max():.0f}",
        "gain": f"{most.rms['transport'] / most.rms['simulation']:.1f}",
        "sobol": f"{most.rms['simulation'] / most.rms['simulation, Sobol']:.1f}",
        "error_68": f"{100 * of_share:.0f}",
        "table_point": str(worst.point),
        "table_worst": f"{100 * worst.rms:.1f}",
        "table_stated": f"{100 * worst.stated:.1f}",
        "bias_neural": f"{100 * most.worst['neural']:.0f}",
        "darknews_each": f"{1e6 * each:.0f}",
        "ratio": f"{each / speed['each']['darkpkg']:.0f}",
        "hours": f"{GRID * (speed['before']['DarkNews'] + each * GRID_EVENTS) / 3600:.1f}",
    }
    for method in ("kernel", "transport", "neural"):
        out[f"few_{method}"] = f"{100 * least.rms[method]:.0f}"
        out[f"most_{method}"] = f"{100 * most.rms[method]:.0f}"
    for method, row in by_grid.iterrows():
        out[f"grid_{method}"] = f"{60 * row.hours:.1f}"
        out[f"grid_s_{method}"] = f"{3600 * row.hours:.2g}"
        out[f"median_{method}"] = f"{100 * row['median']:.1f}"
    return out


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")

"""Who published the limits that a figure draws, as a table of a page. Begin with `sources_table`."""

from __future__ import annotations

from darkpkg.units import GeV, MeV
from paper.constraints.curves import PLANES, constraints, region_of_interest

__all__ = ["sources_table"]

_TITLES = {
    "V_muN_sq": "{math}`\\lvert U_{\\mu4}\\rvert^2` against {math}`m_N`",
    "epsilon": "{math}`\\varepsilon` against {math}`m_{Z'}`",
}


def sources_table(mediator: str, name: str, caption: str) -> str:
    """Every limit and region that `draw_constraints` draws for a mediator, with the masses it covers and its sources.

    Parameters
    ----------
    mediator
        ``"heavy"`` or ``"light"``, as for `constraints`.
    name, caption
        Label and caption of the table.

    Returns
    -------
    str
        A table in MyST Markdown, for an output of a cell whose ``markdown_format`` is ``myst``. Sources are keys of
        the book's bibliography.
    """
    lines = [
        f":::{{table}} {caption}",
        f":name: {name}",
        "",
        "| on | limit | masses | sources |",
        "|---|---|---|---|",
    ]
    for plane in PLANES:
        title = _TITLES[plane[1]]
        rows: dict[str, tuple[list[float], list[str]]] = {}
        for limit in constraints(plane, mediator):
            masses, sources = rows.setdefault(limit.name, ([], []))
            masses += [limit.x[0], limit.x[-1]]
            sources += limit.references
        for region in region_of_interest(plane, mediator):
            masses, sources = rows.setdefault(f"*{region.name.partition(',')[0]}*", ([], []))
            masses += [region.outline[:, 0].min(), region.outline[:, 0].max()]
            sources += region.references
        for limit_name, (masses, sources) in rows.items():
            cited = ",".join(sorted(dict.fromkeys(sources), key=sources.count))  # who recast all comes last
            covered = f"{_mass(min(masses))} to {_mass(max(masses))}"
            lines.append(f"| {title} | {limit_name} | {covered} | {{cite:p}}`{cited}` |")
    return "\n".join([*lines, ":::", ""])


def _mass(mass: float) -> str:
    unit, symbol = (MeV, "MeV") if mass < 0.995 * GeV else (GeV, "GeV")
    return f"{float(f'{mass / unit:.2g}'):g} {symbol}"

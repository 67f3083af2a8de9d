"""A Sphinx extension: the explorer of the parameter space, on pages that have the directive ``explorer``.

Its scripts stand in ``book/_static/explorer``. Here is what they read: constants, analyses and published limits in
``data.js``, and the rates of each analysis in ``table-I.js`` and ``table-II.js``, from the table that comes with the
package. They are scripts, and not data, because a page that is opened from disk may load nothing else.
"""

import base64
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import darkpkg as dk
from darkpkg import datasets, load_table
from darkpkg.experiment.projection import PHASE_I_POT, UPGRADE_POT, project
from darkpkg.method.table import Table
from darkpkg.physics.widths import CHANNELS
from darkpkg.units import ALPHA_EM, HBARC
from paper.constraints.curves import PLANES, constraints, region_of_interest

FOLDER = "_static/explorer"
_OWN = ("table.js", "physics.js", "likelihood.js", "contours.js", "ui.js")
SCRIPTS = {
    "full": ("data.js", "table-I.js", "table-II.js", *_OWN),
    "short": ("data.js", "table-I.js", *_OWN),  # the rates of Analysis I alone
    "kernel": ("kernel.js",),
}
"""What each kind of explorer loads, in order."""

SLIDERS = {
    "m_N": (5e-3, 1.0),
    "m_Zprime": (2e-3, 10.0),
    "alpha_D": (1e-4, 1.0),
    "epsilon": (1e-7, 0.1),
    "V_muN_sq": (1e-12, 1.0),
    "V_N_sq": (1e-12, 1.0),
}
"""Ends of the sliders, in GeV or pure numbers: the masses of the table, and couplings below one. An ε above 0.1 is
beyond the leading order that rates are of."""

EXPOSURES = {"today": None, "phase I": PHASE_I_POT, "upgrade": UPGRADE_POT}
"""Protons on target of each choice; today's are those of each channel. The detector is that of today."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect directive, scripts and data to Sphinx."""
    app.add_directive("explorer", Explorer)
    app.connect("builder-inited", write_data)
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Explorer(SphinxDirective):
    """The explorer, its short form, or that of the kernel; the content is what a reader without scripts sees."""

    has_content = True
    option_spec: ClassVar = {"short": directives.flag, "kernel": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Leave a place that the scripts fill."""
        kind = next(iter(self.options), "full")
        self.env.metadata[self.env.docname]["explorer"] = kind
        up = "../" * self.env.docname.count("/")
        begin = f'<div class="explorer" data-kind="{kind}" data-page="{up}book/explorer.html"><noscript>'
        text = self.parse_content_to_nodes()
        return [nodes.raw("", begin, format="html"), *text, nodes.raw("", "</noscript></div>", format="html")]


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Load scripts and style on pages with an explorer."""
    kind = app.env.metadata.get(pagename, {}).get("explorer")
    for name in SCRIPTS.get(kind, ()):
        app.add_js_file(f"explorer/{name}", loading_method="defer")
    if kind:
        app.add_css_file("explorer/explorer.css")


def write_data(app: Sphinx) -> None:
    """Write what the scripts read beside them."""
    if app.builder.format == "html":
        write_scripts(Path(app.outdir) / FOLDER)


def write_scripts(folder: Path, table: Table | None = None) -> None:
    """Write ``data.js`` and the rates of each analysis of a table, by default that of the package, into a folder."""
    table = table or load_table()
    folder.mkdir(parents=True, exist_ok=True)
    scripts = {"data": f"explorer.data = {as_json(data(table))};"}
    for name in table.header["spectra"]:
        scripts[f"table-{name}"] = f"(explorer.parts ??= []).push({as_json(part(table, name))});"
    for name, text in scripts.items():
        script = f"((explorer) => {{\n{text}\n}})((globalThis.darkExplorer ??= {{}}));\n"
        (folder / f"{name}.js").write_text(script, encoding="utf-8")


def as_json(value: Any) -> str:
    """Short JSON, without numbers that it does not have."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def part(table: Table, name: str) -> dict[str, Any]:
    """Header and numbers of one spectrum of a table, all parts of the detector together."""
    fields, numbers = {}, []
    for field, about in table.header["fields"].items():
        _, spectrum, what = field.split("/")
        if spectrum != name or what == "spectrum error":
            continue
        whole = {kind: undone(table.arrays[f"{field}/{kind}"]) for kind in ("coefficients", "basis")}
        if not what.startswith("spectrum"):
            whole["basis"] = whole["basis"][:, :, -1]
        scales = {f"{kind}_scale": about[f"{kind}_scale"] for kind in whole}
        shapes = {f"{kind}_shape": values.shape for kind, values in whole.items()}
        fields[field] = {"degree": about["degree"], "axes": about["axes"], **scales, **shapes}
        numbers += [differences(values) for values in whole.values()]
    header = {"grids": table.header["grids"], "spectra": {name: table.header["spectra"][name]}, "fields": fields}
    packed = zlib.compress(np.concatenate(numbers).astype("<i2").tobytes(), level=9)
    return {"header": header, "numbers": base64.b64encode(packed).decode()}


def undone(delta: np.ndarray) -> np.ndarray:
    """The 16-bit numbers that differences in a file stand for."""
    return np.cumsum(delta.reshape(len(delta), -1), axis=1, dtype=np.int16).reshape(delta.shape)


def differences(whole: np.ndarray) -> np.ndarray:
    """And back, in one row."""
    rows = whole.reshape(len(whole), -1)
    return np.diff(rows, axis=1, prepend=np.int16(0)).astype(np.int16).ravel()


def data(table: Table) -> dict[str, Any]:
    """What the scripts read beside the table."""
    ratio = datasets.columns("decays/r_ratio")
    numbers = dk.DarkParameters.numbers()
    return {
        "constants": {
            "alpha": ALPHA_EM, "hbarc": HBARC, "thresholds": CHANNELS,
            "hadrons": {"energy": ratio["sqrt_s"].tolist(), "R": ratio["R"].tolist()},
        },
        "parameters": {
            name: {"low": low, "high": high, **{key: numbers[name][key] for key in ("unit", "meaning")}}
            for name, (low, high) in SLIDERS.items()
        },
        "benchmarks": {
            name: {field: float(getattr(point, field)) for field in SLIDERS}
            for name, point in (("A", dk.BENCHMARK_A), ("B", dk.BENCHMARK_B))
        },
        "exposures": EXPOSURES,
        "searches": {
            name: {exposure: search(table, parts, pot) for exposure, pot in EXPOSURES.items()}
            for name, parts in ANALYSES.items()
        },
        "limits": [limits(plane, mediator) for plane in PLANES for mediator in ("heavy", "light")],
        "table": {key: table.header[key] for key in ("experiment", "detector", "physics")},
    }  # fmt: skip


ANALYSES = {"I": (dk.ANALYSIS_I,), "II": (dk.ANALYSIS_II,), "I + II": (dk.ANALYSIS_I, dk.ANALYSIS_II)}


def search(table: Table, analyses: Iterable[dk.Analysis], pot: float | None) -> dict[str, Any]:
    """Counts of analyses together, today or projected to an exposure, and where their rates are."""
    analyses = [one if pot is None else project(one, pot) for one in analyses]
    channels = [
        {
            "spectrum": table._spectrum(channel.selection)[0],
            "beam": channel.beam,
            "exposure": channel.pot * channel.selection.efficiency,
            "background": channel.background,
            "observed": channel.observed,
            "systematic": channel.systematic,
        }
        for one in analyses
        for channel in one.channels
    ]
    return {"channels": channels, "caveat": " ".join(one.caveat for one in analyses if one.caveat)}


def limits(plane: tuple[str, str], mediator: str) -> dict[str, Any]:
    """Published limits and wanted regions of a plane as outlines."""

    def outline(curve: Any) -> list[list[float]]:
        high = np.minimum(curve.high, 1e3)
        return points(np.r_[curve.x, curve.x[::-1]], np.r_[curve.low, high[::-1]])

    return {
        "plane": plane,
        "mediator": mediator,
        "excluded": [{"name": one.name, "outline": outline(one)} for one in constraints(plane, mediator)],
        "wanted": [
            {"name": one.name, "outline": points(*one.outline.T)} for one in region_of_interest(plane, mediator)
        ],
    }


def points(x: Iterable[float], y: Iterable[float]) -> list[list[float]]:
    """Points of a curve with four digits."""
    return [[float(f"{a:.4g}"), float(f"{b:.4g}")] for a, b in zip(x, y, strict=True)]

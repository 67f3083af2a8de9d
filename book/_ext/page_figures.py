"""A Sphinx extension: the files of a figure, one click away below it, and its narrow drawing on a narrow screen.

The book runs each chapter with `paper.figure_output`, so that its outputs hold a figure in several formats. `setup`
connects two moments: when a page was read, `add_files` puts the links below each figure that has a name; when pages
are written, `write_files` puts the files beside them. `ChapterFigure` shows such a file on another page.
"""

import base64
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import ClassVar

import nbformat
from docutils import nodes
from docutils.parsers.rst import directives
from nbformat import NotebookNode
from PIL import Image
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from paper.figure_output import CSV, NARROW, PDF, SMALLEST, SVG

logger = logging.getLogger(__name__)

FILES = {PDF: "pdf", CSV: "csv", NARROW: "narrow.svg", SVG: "svg"}
FOLDER = "_downloads/figures"
NARROW_SCREEN = "(max-width: 600px)"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the two moments to Sphinx."""
    app.connect("doctree-read", add_files)
    app.connect("build-finished", write_files)
    app.add_directive("chapter-figure", ChapterFigure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class ChapterFigure(SphinxDirective):
    """A wide figure of a chapter on another page, linked to its chapter: chapter, name, and a caption as content."""

    required_arguments = 2
    has_content = True
    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Show the file, which is written when the book is; the caption below it."""
        chapter, name = self.arguments
        up = "../" * self.env.docname.count("/")
        narrow = f'<source media="{NARROW_SCREEN}" srcset="{up}{FOLDER}/{name}.{FILES[NARROW]}">'
        image = f'<img src="{up}{FOLDER}/{name}.svg" alt="{escape(self.options["alt"])}">'
        picture = f"<picture>{narrow}{image}</picture>"
        link = f'<a class="chapter-figure" href="{up}{chapter}.html#{name}">{picture}</a>'
        return [nodes.raw("", link, format="html"), *self.parse_content_to_nodes()]


def figures_of(env: BuildEnvironment, docname: str) -> Iterator[tuple[str, NotebookNode]]:
    """Yield name and output of each figure of a chapter, as it was last run."""
    run = getattr(env, "chapter_runs", {}).get(docname)
    for cell in nbformat.read(run, as_version=4).cells if run else ():
        name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
        drawn = [output for output in cell.get("outputs", ()) if PDF in output.get("data", {})]
        if name and drawn:
            yield name, drawn[0]


def add_files(app: Sphinx, doctree: nodes.document) -> None:
    """Put links to the files of a figure below it, and let a narrow screen have its narrow drawing."""
    docname = app.env.docname
    figures = {nodes.fully_normalize_name(name): (name, output) for name, output in figures_of(app.env, docname)}
    up = "../" * docname.count("/")
    source = Path(app.env.doc2path(docname))
    for figure in doctree.findall(nodes.figure):
        for name, output in (figures[name] for name in figure["names"] if name in figures):
            base = f"{up}{FOLDER}/{name}"
            kinds = [FILES[kind] for kind in (PDF, CSV) if kind in output.data]
            links = [f'<a href="{base}.{kind}" download>{kind.upper()}</a>' for kind in kinds]
            line = line_of(name, source.read_text(encoding="utf-8"))
            links.append(f'<a href="{up}_sources/{docname}{source.suffix}">Source, line {line}</a>')
            size = output.metadata[PDF]["smallest_text"]
            warn_of_small_text(name, size, docname)
            below = f'<p class="figure-files" data-smallest-text="{size:g}">{" ".join(links)}</p>'
            figure.append(nodes.raw("", below, format="html"))
            if NARROW in output.data:
                drawing = f'<picture><source media="{NARROW_SCREEN}" srcset="{base}.{FILES[NARROW]}">'
                figure.insert(1, nodes.raw("", "</picture>", format="html"))
                figure.insert(0, nodes.raw("", drawing, format="html"))
            else:
                figure["classes"].append("only-wide")
        for image in figure.findall(nodes.image):
            show_at_half_its_pixels(image, Path(app.outdir), Path(app.srcdir))


def warn_of_small_text(name: str, size: float, docname: str) -> None:
    """Warn of a figure with text, in either drawing, that is too small to read; with a warning no book is built."""
    if size < SMALLEST:
        logger.warning("%s has text of %g points, less than %g", name, size, SMALLEST, location=docname)


def show_at_half_its_pixels(image: nodes.image, *folders: Path) -> None:
    """Give a PNG of double resolution the width that it was drawn for."""
    paths = [folder / image["uri"].lstrip("/") for folder in folders]
    for path in paths:
        if path.suffix == ".png" and path.is_file() and "width" not in image:
            with Image.open(path) as picture:
                image["width"] = f"{picture.width // 2}px"
            image["classes"].append("no-scaled-link")  # a link around it would hide it from its narrow drawing


def line_of(name: str, source: str) -> int:
    """Find the line on which the cell of a figure begins."""
    before = source[: re.search(rf"^ *name: {re.escape(name)}$", source, re.M).start()]
    return before.count("\n", 0, before.rindex("```{code-cell}")) + 1


def write_files(app: Sphinx, exception: Exception | None) -> None:
    """Write the files of all figures."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for docname in getattr(app.env, "chapter_runs", {}):
        for name, output in figures_of(app.env, docname):
            for kind in FILES.keys() & output.data.keys():
                content = base64.b64decode(output.data[kind]) if kind == PDF else output.data[kind].encode()
                (folder / f"{name}.{FILES[kind]}").write_bytes(content)

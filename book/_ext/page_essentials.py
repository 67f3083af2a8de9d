"""A Sphinx extension: what every page has. A stamp of the build, the chapter as a notebook, a card for links to it.

Description and further tags for links are made by ``sphinxext.opengraph`` from the first paragraph of a page.
"""

import os
import subprocess
from pathlib import Path
from typing import Any

import jupytext
from matplotlib.figure import Figure
from matplotlib.image import imread
from sphinx.application import Sphinx
from sphinx.config import Config

import darkpkg

CARD = "_static/card.png"
RESULT = "book/_static/exclusion.png"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect stamp, notebooks and card to Sphinx."""
    app.connect("config-inited", add_stamp)
    app.connect("html-page-context", offer_notebook, priority=400)  # before the theme makes its buttons
    app.connect("build-finished", write_notebooks)
    app.connect("build-finished", write_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_stamp(app: Sphinx, config: Config) -> None:
    """Write version, commit and date into the foot of all pages, and name the card."""
    config.html_theme_options["extra_footer"] = f'<p class="build-stamp">{stamp(Path(app.srcdir))}</p>'
    config.ogp_image = CARD
    config.ogp_site_url = os.environ.get("BOOK_URL", "")  # previews of links need the address of the published book


def stamp(root: Path) -> str:
    """Name the state that a book is built from: version, and commit with its date if there is one."""
    show = ["git", "-C", str(root), "show", "--no-patch", "--format=%h of %cs", "HEAD"]
    try:
        commit = subprocess.run(show, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # an archive without its history
        return f"darkpkg {darkpkg.__version__}"
    return f"darkpkg {darkpkg.__version__}, commit {commit}"


def offer_notebook(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Offer a chapter as a notebook in the menu of downloads."""
    if pagename in getattr(app.env, "chapter_runs", {}):
        context["ipynb_source"] = f"{pagename}.ipynb"


def write_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Write each chapter as a notebook without outputs."""
    if exception is None and app.builder.format == "html":
        for name in getattr(app.env, "chapter_runs", {}):
            path = Path(app.outdir, "_sources", f"{name}.ipynb")
            path.parent.mkdir(parents=True, exist_ok=True)
            jupytext.write(jupytext.read(app.env.doc2path(name)), path)


def write_card(app: Sphinx, exception: Exception | None) -> None:
    """Write the picture that goes with a link to the book: its title above its result, 1200 × 630."""
    if exception is not None or app.builder.format != "html":
        return
    figure = Figure(figsize=(12, 6.3), dpi=100)
    title, _, subtitle = app.config.html_title.partition(": ")
    figure.text(0.03, 0.92, title, size=26, weight="bold", va="center")
    figure.text(0.97, 0.92, subtitle, size=20, ha="right", va="center")
    axes = figure.add_axes((0.03, 0.02, 0.94, 0.84))
    axes.imshow(imread(Path(app.srcdir) / RESULT), interpolation="antialiased")
    axes.axis("off")
    figure.savefig(Path(app.outdir) / CARD)

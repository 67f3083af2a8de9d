"""Builds a book that opens from disk without a network.

Sphinx calls `setup`; the rest happens at three moments of a build:

- when the configuration is read, `note_static_files` hashes scripts and styles;
- before pages are read, `copy_mathjax` puts MathJax beside them;
- when they are written, `drop_second_icons` makes them lighter, `refuse_outside_assets` fails the build if a page
  would load a script, a style or a font from somewhere else, and `refuse_raw_roles` if one shows markup that was not
  understood.
"""

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path

from chapter_sources import hash_of_files
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

# Of MathJax's 24 MB: the program, its fonts, and the TeX macros that it loads when a page uses one.
MATHJAX_PACKAGE = "sphinx-mathjax-offline"
MATHJAX_PARTS = ("tex-mml-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the three moments to Sphinx."""
    app.add_config_value("static_files_hash", "", "html", [str])
    app.connect("config-inited", note_static_files)
    app.connect("builder-inited", copy_mathjax)
    app.connect("build-finished", drop_second_icons)
    app.connect("build-finished", refuse_outside_assets)
    app.connect("build-finished", refuse_raw_roles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def note_static_files(app: Sphinx, config: Config) -> None:
    """Have pages written again when a static file changes; Sphinx copies them only then."""
    root = Path(app.srcdir)
    files = [path for folder in config.html_static_path for path in (root / folder).rglob("*")]
    config.static_files_hash = hash_of_files([*files, Path(__file__)], root)


def copy_mathjax(app: Sphinx) -> None:
    """Copy the needed parts of MathJax into the built `_static/mathjax`."""
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        copy = shutil.copytree if (source / part).is_dir() else shutil.copyfile
        options = {"dirs_exist_ok": True} if copy is shutil.copytree else {}
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        copy(source / part, target / part, **options)


def drop_second_icons(app: Sphinx, exception: Exception | None) -> None:
    """Empty the theme's scripts of icons, two thirds of a page's weight: the icons are in its fonts as well."""
    if exception is None and app.builder.format == "html":
        for script in Path(app.outdir, "_static", "vendor", "fontawesome").glob("*/js/*.js"):
            script.write_text("", encoding="utf-8")


def refuse_outside_assets(app: Sphinx, exception: Exception | None) -> None:
    """Fail if a built page or style loads a script, a style or a font from outside.

    Raises
    ------
    ExtensionError
        naming each page with the first address that it would load.
    """
    if exception is not None or app.builder.format != "html":
        return
    built = Path(app.outdir)
    found = {}
    for path in sorted([*built.rglob("*.html"), *built.rglob("*.css")]):
        addresses = outside_assets(path.read_text(encoding="utf-8"), is_page=path.suffix == ".html")
        if first := next(iter(addresses), None):
            found[path.relative_to(built).as_posix()] = first
    if found:
        lines = "\n".join(f"  {page}: {address}" for page, address in found.items())
        raise ExtensionError(f"the book must open without a network, but these files load from outside:\n{lines}")


def refuse_raw_roles(app: Sphinx, exception: Exception | None) -> None:
    """Fail if a built page shows a role as text, as when a bar in mathematics splits a row of a table.

    Raises
    ------
    ExtensionError
        naming each page with the first role that it shows.
    """
    if exception is not None or app.builder.format != "html":
        return
    built = Path(app.outdir)
    pages = {path: raw_role(path.read_text(encoding="utf-8")) for path in sorted(built.rglob("*.html"))}
    lines = "\n".join(f"  {path.relative_to(built).as_posix()}: {role}" for path, role in pages.items() if role)
    if lines:
        raise ExtensionError(f"these pages show markup as text:\n{lines}")


def raw_role(page: str) -> str:
    """Find the first role that a page shows as text; empty if there is none."""
    found = re.search(r"\{(?:math|cite:[pt]|glue:text|doc|numref|eq)\}", page)
    return found[0] if found else ""


def outside_assets(text: str, *, is_page: bool) -> Iterator[str]:
    """Yield the outside addresses that an HTML page, or else a style sheet, would load."""
    if is_page:
        tags = AssetTags()
        for tag in _LOADING.findall(text):
            tags.feed(tag)
            tags.reset()  # or it would look for the end of a script
        yield from filter(is_outside, tags.addresses)
    # In a page this finds what stands in its <style> elements and attributes.
    yield from re.findall(r"""(?:@import\s+|url\(\s*)["']?((?:https?:)?//[^"')\s]+)""", text)


LOADED_BY_SRC = ("script", "img", "iframe", "source", "embed", "audio", "video")

_LOADING = re.compile(rf"""<(?:{"|".join((*LOADED_BY_SRC, "link"))})\b(?:[^>"']|"[^"]*"|'[^']*')*>""", re.IGNORECASE)
"""Tags by which a page loads something: to parse whole pages takes seconds."""


def is_outside(address: str) -> bool:
    """Tell whether an address leaves the folder of the book."""
    return re.match(r"(?:[a-z]+:)?//", address, re.IGNORECASE) is not None


class AssetTags(HTMLParser):
    """Collects the addresses that a browser loads by itself when it shows a page."""

    LOADED_BY_REL = frozenset(
        {"stylesheet", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "icon"}
    )

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a tag, if a browser would load it."""
        attributes = {name: value or "" for name, value in attrs}
        if tag in LOADED_BY_SRC:
            self.addresses.append(attributes.get("src", ""))
        if tag == "link" and self.LOADED_BY_REL & set(attributes.get("rel", "").split()):
            self.addresses.append(attributes.get("href", ""))


def mathjax_folder() -> Path:
    """Find MathJax in its package, whose folder no import can name."""
    files = metadata.files(MATHJAX_PACKAGE) or []
    for file in files:
        if file.parts[-2:] == ("mathjax", MATHJAX_PARTS[0]):
            return Path(file.locate()).parent
    raise ExtensionError(f"the package {MATHJAX_PACKAGE} must contain mathjax/{MATHJAX_PARTS[0]}")

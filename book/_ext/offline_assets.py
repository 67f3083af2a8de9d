"""Builds a book that opens from disk without a network and never shows an old number.

Sphinx calls `setup`; the rest happens at four moments of a build:

- when the configuration is read, `choose_execution_cache` names the cache of executed chapters
  after all that their numbers depend on, and `note_static_files` hashes scripts and styles;
- before pages are read, `run_chapters` executes those that the cache lacks, as many side by side as it may use cores;
- before pages are written, `copy_mathjax` puts MathJax beside them;
- when they are written, `refuse_outside_assets` fails the build if a page would load a script,
  a style or a font from somewhere else, and `refuse_raw_roles` if one shows markup that was not understood.
"""

import hashlib
import math
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from html.parser import HTMLParser
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)

# Jupyter's cache knows the text of the cells only. Their numbers depend on these too.
NUMBERS_DEPEND_ON = ("darkpkg/**/*.py", "data/**/*", "requirements.txt")
CACHES_KEPT = 3

# Of MathJax's 24 MB: the program, its fonts, and the TeX macros that it loads when a page uses one.
MATHJAX_PACKAGE = "sphinx-mathjax-offline"
MATHJAX_PARTS = ("tex-mml-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the four moments to Sphinx."""
    app.add_config_value("static_files_hash", "", "html", [str])
    app.connect("config-inited", choose_execution_cache)
    app.connect("config-inited", note_static_files)
    app.connect("builder-inited", copy_mathjax)
    app.connect("env-before-read-docs", run_chapters)
    app.connect("build-finished", refuse_outside_assets)
    app.connect("build-finished", refuse_raw_roles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def choose_execution_cache(app: Sphinx, config: Config) -> None:
    """Name the execution cache after the package, its inputs, its pins and the Python version.

    A change of any of them gives a new, empty cache: all chapters are run again and all pages made
    again. Going back to an earlier state finds its cache, if it is one of the newest few.
    """
    cache = execution_cache(Path(app.srcdir))
    cache.mkdir(parents=True, exist_ok=True)
    cache.touch()
    remove_all_but_newest(cache.parent, CACHES_KEPT)
    config.nb_execution_cache_path = str(cache)


def execution_cache(root: Path) -> Path:
    """Find the folder for chapters executed with the package and inputs as they are; it need not exist."""
    sources = [path for pattern in NUMBERS_DEPEND_ON for path in root.glob(pattern)]
    python = "{}.{}".format(*sys.version_info[:2])
    return root / "_build" / "executed" / hash_of_files(sources, root, python)[:16]


def note_static_files(app: Sphinx, config: Config) -> None:
    """Have pages written again when a static file changes; Sphinx copies them only then."""
    root = Path(app.srcdir)
    files = [path for folder in config.html_static_path for path in (root / folder).rglob("*")]
    config.static_files_hash = hash_of_files([*files, Path(__file__)], root)


def run_chapters(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Execute the chapters among the pages to be read, unless the cache holds them, and fill it.

    Longer chapters begin first. Sphinx then finds all outputs in the cache; alone it would run one after the other.
    Raises `ExtensionError` with the traceback of each chapter that fails, once the others are done and kept.
    """
    cache = get_cache(app.config.nb_execution_cache_path)
    waiting = {}
    for path in (Path(env.doc2path(name)) for name in names):
        text = path.read_text(encoding="utf-8")
        reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)
        if reader is None or reader.md_config is None or path.suffix != ".md":
            continue
        notebook = reader.read(text)
        if not any(cell.cell_type == "code" for cell in notebook.cells):
            continue
        with suppress(KeyError):
            cache.match_cache_notebook(notebook)
            continue
        waiting[path] = notebook
    failures: list[str] = []
    longest_first = sorted(waiting, key=lambda path: -path.stat().st_size)
    with ProcessPoolExecutor(usable_cores(), mp_context=get_context("spawn")) as pool:
        running = {
            pool.submit(
                single_nb_execution,
                waiting[path],
                cwd=str(path.parent),
                timeout=env.mystnb_config.execution_timeout,
                allow_errors=False,
            ): path
            for path in longest_first
        }
        for done in as_completed(running):
            path, result = running[done], done.result()
            if result.err is not None:
                failures.append(f"{path.name} fails: {result.exc_string}")
                continue
            logger.info("%s took %.0f s", path.name, result.time)
            seconds = {"execution_seconds": result.time}
            cache.cache_notebook_bundle(
                CacheBundleIn(result.nb, str(path), data=seconds), check_validity=False, overwrite=True
            )
    if failures:
        raise ExtensionError("\n".join(failures))


def usable_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Count the cores that this process may use, which may be fewer than the machine has.

    A batch system binds a job to some of them, a container gets so many microseconds in each period.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux binds processes to cores
        cores = os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no control group, or "max" in it
        share, period = map(int, quota.read_text(encoding="ascii").split())
        cores = min(cores, math.ceil(share / period))
    return cores


def copy_mathjax(app: Sphinx) -> None:
    """Copy the needed parts of MathJax into the built `_static/mathjax`."""
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        copy = shutil.copytree if (source / part).is_dir() else shutil.copyfile
        options = {"dirs_exist_ok": True} if copy is shutil.copytree else {}
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        copy(source / part, target / part, **options)


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
        tags.feed(text)
        yield from filter(is_outside, tags.addresses)
    # In a page this finds what stands in its <style> elements and attributes.
    yield from re.findall(r"""(?:@import\s+|url\(\s*)["']?((?:https?:)?//[^"')\s]+)""", text)


def is_outside(address: str) -> bool:
    """Tell whether an address leaves the folder of the book."""
    return re.match(r"(?:[a-z]+:)?//", address, re.IGNORECASE) is not None


class AssetTags(HTMLParser):
    """Collects the addresses that a browser loads by itself when it shows a page."""

    LOADED_BY_SRC = frozenset({"script", "img", "iframe", "source", "embed", "audio", "video"})
    LOADED_BY_REL = frozenset(
        {"stylesheet", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "icon"}
    )

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a tag, if a browser would load it."""
        attributes = {name: value or "" for name, value in attrs}
        if tag in self.LOADED_BY_SRC:
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


def hash_of_files(paths: Iterable[Path], root: Path, *more: str) -> str:
    """Hash names (relative to `root`) and contents of files, and further strings."""
    digest = hashlib.sha256("\0".join(more).encode())
    for path in sorted(set(paths)):
        if path.is_file():
            digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def remove_all_but_newest(folder: Path, n_kept: int) -> None:
    """Keep the `n_kept` newest subfolders of `folder`."""
    by_age = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in by_age[n_kept:]:
        shutil.rmtree(old)

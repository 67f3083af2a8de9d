"""Check the pages that `make book` has built, from disk, as a reader has them.

    make check-pages                        # all pages
    make check-pages PAGES="01_ten_lines"   # some

Without a browser: every internal link leads somewhere, every picture has an alternative text, no data frame is shown
as such, no output has more than `LONGEST` printed lines, no markup is shown as text, text in figures has at least
`SMALLEST` points. In headless Chromium, if it and
node and npm are there: what axe-core finds in both themes, requests that leave the book, widths and weights, see
``pages.mjs``, and whether the explorers answer, see ``explorer.mjs``.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
MODULES = ROOT / "_build" / "checks"
PACKAGES = ("axe-core@4.14.1", "puppeteer-core@24.43.1")  # of npm; the browser is the one that is there
LONGEST = 12  # lines
SMALLEST = 8.0  # points, of text in a figure


class Page(HTMLParser):
    """What a built page has: names to link to, links, pictures, printed outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.pictures: list[dict[str, str]] = []
        self.data_frames = 0
        self.texts: list[float] = []
        self.outputs: list[str] = []
        self._printing = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what matters of a tag."""
        attributes = {name: value or "" for name, value in attrs}
        self.names |= {attributes[name] for name in ("id", "name") if name in attributes}
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag == "source" and "srcset" in attributes:
            self.links.append(attributes["srcset"])
        if tag == "img":
            self.pictures.append(attributes)
        classes = attributes.get("class", "").split()
        if "data-smallest-text" in attributes:
            self.texts.append(float(attributes["data-smallest-text"]))
        self.data_frames += "dataframe" in classes
        if tag == "div" and {"output", "stream"} <= set(classes):
            self.outputs.append("")
            self._printing = True

    def handle_endtag(self, tag: str) -> None:
        """An output ends with its text."""
        self._printing = self._printing and tag != "pre"

    def handle_data(self, data: str) -> None:
        """Collect what an output prints."""
        if self._printing:
            self.outputs[-1] += data


@cache
def parsed(path: Path) -> Page:
    """Read a built page."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def problems(path: Path) -> Iterator[str]:
    """List what is wrong with a page that can be found without a browser."""
    page = parsed(path)
    for link in dict.fromkeys(page.links):
        parts = urlsplit(link)
        is_inside = not (parts.scheme or parts.netloc)
        if is_inside and not leads_somewhere(path, unquote(parts.path), unquote(parts.fragment)):
            yield f"links to {link}, which is not there"
    for picture in page.pictures:
        text = picture.get("alt", "").strip()
        if not text or text.endswith((".png", ".svg")):
            yield f"shows {Path(picture.get('src', '')).name} without an alternative text"
    if page.texts and min(page.texts) < SMALLEST:
        yield f"has text of {min(page.texts):g} points in a figure, less than {SMALLEST:g}"
    if page.data_frames:
        yield f"shows {page.data_frames} data frames that are no tables"
    for output in page.outputs:
        if len(lines := output.strip("\n").splitlines()) > LONGEST:
            yield f"prints {len(lines)} lines at once, first {lines[0].strip()!r}"
    text = path.read_text(encoding="utf-8")
    if found := re.search(r"\{(?:math|term|numref|eq|doc|glue:text|cite:[pt])\}", text):
        yield f"shows {found[0]} as text"
    if "bd-links" in text and text.count('class="toctree-l1') < 2:  # with one it lists the front page alone
        yield "lists no chapter in its sidebar"


def leads_somewhere(page: Path, target: str, name: str) -> bool:
    """Tell whether a link of a page leads to a file that is there, and in it to a name that is there."""
    path = (page.parent / target).resolve() if target else page
    if path.is_dir():
        path /= "index.html"
    if not path.is_file():
        return False
    return not name or path.suffix != ".html" or name in parsed(path).names or name in ("", "top")


def only_leads_on(path: Path) -> bool:
    """Tell whether a page has nothing but another page to open."""
    return 'http-equiv="refresh"' in path.read_text(encoding="utf-8").lower()


def in_browser(pages: list[Path]) -> bool:
    """Check pages in headless Chromium; where it is not, report that and go on."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    there = {"chromium": chromium, "node": shutil.which("node"), "npm": shutil.which("npm")}
    missing = [name for name, path in there.items() if not path]
    if missing:
        print(f"not checked, as there is no {', no '.join(missing)}: accessibility, requests, widths and weights")
        return True
    MODULES.mkdir(parents=True, exist_ok=True)
    (MODULES / "package.json").write_text("{}\n", encoding="utf-8")
    install = ["npm", "install", "--silent", "--no-save", "--no-package-lock", "--ignore-scripts", *PACKAGES]
    subprocess.run(install, cwd=MODULES, check=True)
    script = Path(__file__).with_name("pages.mjs")
    return subprocess.run(["node", script, MODULES, chromium, HTML, *pages], check=False).returncode == 0


def main(names: list[str]) -> int:
    """Check the pages named, or all; 1 if anything is wrong."""
    built = sorted(path for path in HTML.rglob("*.html") if "_static" not in path.parts and not only_leads_on(path))
    pages = [path for path in built if path.stem in names or not names]
    if not pages:
        print("there are no such pages in _build/html: run `make book` first")
        return 1
    found = {path: list(problems(path)) for path in pages}
    for path, wrong in found.items():
        for problem in wrong:
            print(f"{path.relative_to(HTML)} {problem}")
    print(f"{sum(map(len, found.values()))} problems found without a browser on {len(pages)} pages", flush=True)
    return int(any(found.values()) | (not in_browser(pages)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

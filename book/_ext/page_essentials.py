"""A Sphinx extension: what every page has. A stamp of the build, the chapter as a notebook, a card for links to it.

Numbers stay with error and unit and have their thousands apart in one way; formulas stay with the mark after them
(`keep_together`). Tables of class ``stacked`` have the head of each cell in it, for narrow screens.

Tags for links are made by ``sphinxext.opengraph``, with a description of the first paragraphs of a page.
"""

import html
import os
import re
import subprocess
from collections.abc import Set
from pathlib import Path
from typing import Any

import jupytext
import sphinxext.opengraph
from docutils import nodes
from matplotlib.figure import Figure
from matplotlib.image import imread
from pybtex.backends import plaintext
from pybtex.plugin import register_plugin
from sphinx.application import Sphinx
from sphinx.config import Config

import darkpkg

CARD = "_static/card.png"
RESULT = "book/_static/exclusion.png"

_SIGNS = {
    "mu": "μ",
    "nu": "ν",
    "varepsilon": "ε",
    "alpha": "α",
    "delta": "δ",
    "Delta": "Δ",
    "lambda": "λ",
    "tau": "τ",
}
_SIGNS |= {
    "sigma": "σ",
    "theta": "θ",
    "pi": "π",
    "times": "×",
    "cdot": "·",
    "gg": "≫",
    "le": "≤",
    "sqrt": "√",
    "to": "→",
}
_SIGNS |= {"approx": "≈", "ln": "ln ", ",": " ", "%": "%"}
_THOUSANDS = re.compile(r"(?<![\w.,\u00a0\u202f-])\d{1,3}(?:[, \u00a0\u2009]\d{3})+(?!,?\d)")
_UNIT = r"(?:%|[kMGT]?eV\b|[cmkµμ]?m\b|k?g\b|t\b|kA\b|°C|POT\b|nats?\b|minutes?\b|seconds?\b|times\b|min\b|σ)"
_BOUND = re.compile(
    rf"(?<=[\d⁰¹²³⁴-⁹]) (?={_UNIT})|[ \n](?=± ?(?:\d|$))|(?<=±) (?=\d|$)|(?<=[≲≳≤≥≈]) (?=\d)|^ (?=%)"
    r"| (?=[=<>] (?:[\d−]|$))|(?<=[=<>]) (?=[\d−]|$)|(?<=\d) (?=× 10)|(?<=\d[ \u00a0]×) (?=10)"
    r"|(?<=\bEq\.)[ \n](?=P?\()|(?<=\bFig\.)[ \n](?=P\d)|(?<=\bln) (?=[\dL])"
    r"|(?<=\bAnalysis)[ \n](?=II?\b)|(?<=\b[Bb]enchmark)[ \n](?=[AB]\b)|(?<=Δ) (?=ln\b)"
)
_SHORT = 24
"""Letters of code that stay on one line."""
_OPTION = re.compile(r"--?[a-zA-Z][\w-]*")
_JOINT = re.compile(r"(?<=[\w\])][.(=\[/,])(?=[\w\"'])")
_UNIT_AHEAD = re.compile(rf"^ (?={_UNIT})")
_VALUE = r"[ \u00a0][=<>≈≤≥](?:[ \u00a0](?:$|[−-]?\d[^\s,;:)]*(?<!\.)(?:\u00a0[^\s,.;:)]+)*))?"
_BEHIND_FORMULA = re.compile(rf"(?:{_VALUE}|\u00a0[^\s,.;:)]+|/\w+)?[,.;:)]*")  # also a unit, a divisor, a mark
_RELATION = re.compile(r"(?:[=<>]|\\(?:approx|simeq|sim|le|ge|lesssim|gtrsim))\s*$")
_BEHIND_RELATION = re.compile(r" (?:$|[−-]?\d[^ \n]*)")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect stamp, notebooks and card to Sphinx."""
    app.connect("config-inited", add_stamp)
    app.connect("doctree-resolved", keep_together)
    app.connect("doctree-resolved", repeat_heads)
    app.connect("html-page-context", offer_notebook, priority=400)  # before the theme makes its buttons
    sphinxext.opengraph.get_description = description  # its own has TeX in it, and spaces within names
    # Else each of 300 citations looks through all installed packages for it: 8 s.
    register_plugin("pybtex.backends", "plaintext", plaintext.Backend, force=True)
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


def description(doctree: nodes.document, length: int, known_titles: Set[str] = frozenset()) -> str:
    """Begin a page in plain text, for links to it: its first paragraphs outside of boxes."""
    text = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if len(text) <= length and not _is_in_box(paragraph):
            leaves = paragraph.findall(nodes.Text)
            parts = (plain(leaf) if isinstance(leaf.parent, nodes.math) else leaf for leaf in leaves)
            text = f"{text} {' '.join(''.join(parts).split())}".strip()
    if len(text) > length:
        text = text[: length - 1].rpartition(" ")[0] + "…"
    return html.escape(text, quote=True)


def _is_in_box(node: nodes.Node | None) -> bool:
    return node is not None and (isinstance(node, nodes.Admonition) or _is_in_box(node.parent))


def plain(formula: str) -> str:
    r"""Write a short formula without TeX.

    >>> plain(r"|V_{\mu N}|^2 > 10^{-7}"), plain(r"\delta = 5\,\mathrm{cm}")
    ('|V_μN|² > 10⁻⁷', 'δ = 5 cm')
    """
    formula = re.sub(r"\\(?:mathrm|rm|text|vec|hat)\b ?", "", formula)
    formula = re.sub(r"\\([A-Za-z]+|.)(?: (?=\w))?", lambda sign: _SIGNS.get(sign[1], ""), formula)
    formula = re.sub(r"\^\{?(-?\d+)\}?", lambda power: power[1].translate(_RAISED), formula)
    return re.sub(r"[{}]", "", formula)


def _keep_words(text: nodes.Text) -> None:
    """Have no line end within short code, or an option, as `--seed`; a long word may break at its joints.

    A browser breaks lines behind hyphens, and anywhere in a word that is longer than the line.
    """
    if len(text) <= _SHORT and re.search(r"\s", text):
        text.parent.replace(text, nodes.inline(text, text, classes=["together"]))
        return
    kept: list[nodes.Node] = []
    for word in re.split(r"(\s+)", text):
        if _OPTION.fullmatch(word) or ("-" in word and 1 < len(word) <= _SHORT):
            kept.append(nodes.inline(word, word, classes=["together"]))
        elif len(word) > _SHORT:
            for piece in _JOINT.split(word):
                kept += [nodes.Text(piece), nodes.inline(classes=["break"])]
            kept.pop()
        elif word:
            kept.append(nodes.Text(word))
    if any(isinstance(node, nodes.inline) for node in kept):
        text.parent.replace(text, kept)


def keep_together(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Have numbers stay with their errors, units and thousands, and formulas with value, mark or unit behind them.

    No line ends within these; behind a formula a browser may end one at a space that does not break, too. Thousands
    are set apart by a narrow space, whatever the source has.
    """
    for text in list(doctree.findall(nodes.Text)):
        if isinstance(text.parent, nodes.literal):
            _keep_words(text)
        if isinstance(text.parent, (nodes.literal, nodes.FixedTextElement, nodes.math, nodes.math_block, nodes.raw)):
            continue
        before = text.parent[text.parent.index(text) - 1] if text.parent.index(text) else None
        kept = _THOUSANDS.sub(lambda number: re.sub(r"\D", "\u202f", number[0]), text)
        kept = _BOUND.sub("\u00a0", kept)
        if before is not None and before.astext().rstrip("}")[-1:].isdigit():
            kept = _UNIT_AHEAD.sub("\u00a0", kept)
        ahead = _BEHIND_RELATION if before is not None and _RELATION.search(before.astext()) else _BEHIND_FORMULA
        mark = ahead.match(kept) if isinstance(before, nodes.math) else None
        if mark and mark[0]:
            together = nodes.inline(classes=["together"])
            text.parent.replace(before, together)
            together += [before, nodes.Text(mark[0].replace(" ", "\u00a0"))]
            kept = kept[mark.end() :]
        if kept != text:
            text.parent.replace(text, nodes.Text(kept))


def repeat_heads(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Begin each cell of a table of class ``stacked`` with its head: narrow screens show a row as lines.

    The first cell needs none, and in two columns the second neither.
    """
    for table in doctree.findall(nodes.table):
        rows = list(table.findall(nodes.row))
        heads = list(rows[0].findall(nodes.entry))
        if "stacked" not in table["classes"] or len(heads) < 3:
            continue
        for row in rows[1:]:
            for head, cell in list(zip(heads, row.findall(nodes.entry), strict=True))[1:]:
                if cell.astext().strip():
                    words = [*(part.deepcopy() for part in head[0].children), nodes.Text(":\N{NO-BREAK SPACE}")]
                    cell[0].insert(0, nodes.inline("", "", *words, classes=["its-head"]))


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

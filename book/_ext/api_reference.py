"""A Sphinx extension: the reference of the library, made from its docstrings as they stand."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection
from typing import Any

from sphinx.ext.autodoc import DataDocumenter
from sphinx.util.nodes import make_refnode

import darkpkg

SETTINGS = {
    "default_role": "py:obj",  # names in docstrings are links
    "autodoc_typehints": "none",  # docstrings have kind, shape and unit
    "autodoc_member_order": "bysource",
    "autodoc_preserve_defaults": True,  # as they are written, DEFAULT and not all that is in it
    "napoleon_attr_annotations": False,
    "napoleon_google_docstring": False,
    "napoleon_use_param": False,  # one entry for parameters that are described together
    "napoleon_custom_sections": [("Attributes", "params_style")],  # likewise
}

LONGEST_VALUE = 100  # characters

STANDS_ALONE = {"function", "class", "exception", "data"}
"""What a docstring can name without its class."""

_MARKUP = re.compile(
    r"^( *)\.\. math::.*\n(?:(?:\1 +.*)?\n)*"  # with the indented lines below
    r"|``.+?``|:\w+:`[^`]+`|`[^`]+`",
    re.M | re.S,
)


def escaped(text: str) -> str:
    """The same with bars that are bars, as in |V|², instead of marks of substitutions.

    >>> print(escaped("|V|² of `a | b`"))
    \\|V\\|² of `a | b`
    """
    parts, at = [], 0
    for markup in _MARKUP.finditer(text):
        parts += [text[at : markup.start()].replace("|", r"\|"), markup[0]]
        at = markup.end()
    return "".join([*parts, text[at:].replace("|", r"\|")])


def _escape(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = escaped("\n".join(lines) + "\n").split("\n")
    if what in ("data", "attribute", "property"):
        lines[:0] = ["..", ""]  # or napoleon takes what stands before a colon in the first line for a type


class ShortData(DataDocumenter):
    """A constant, with its value where a reader can take it in: the tables in `T2K` would fill pages."""

    priority = DataDocumenter.priority + 1

    def should_suppress_value_header(self) -> bool:
        """Leave out long values, and those that name functions of Python."""
        value = repr(self.object)
        return super().should_suppress_value_header() or len(value) > LONGEST_VALUE or "<" in value


def is_no_member(what: str, obj: Any) -> bool:
    """Tell what autodoc takes for a member and is none: fields of named tuples, and functions that are a default.

    >>> from darkpkg import Scan
    >>> [is_no_member("class", getattr(Scan, name)) for name in ("likelihood", "exclusion")]
    [True, False]
    """
    of_tuple = (getattr(obj, "__doc__", None) or "").startswith("Alias for field number")
    return of_tuple or (what == "class" and inspect.isfunction(obj) and "." not in obj.__qualname__)


def _skip(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    return True if is_no_member(what, obj) else None


def _signature(app: Any, what: str, name: str, obj: Any, options: Any, args: str, returns: str) -> Any:
    """Nobody calls a protocol."""
    return ("", None) if getattr(obj, "_is_protocol", False) else None


def name_of(target: str, known: Collection[str]) -> str | None:
    """Full name of what a docstring names: by its public name in `darkpkg`, or as the end of one full name alone.

    >>> name_of("darkpkg.Scan.exclusion", ())
    'darkpkg.inference.scan.Scan.exclusion'
    >>> [name_of("place", known) for known in (["darkpkg.method.placing.place"], ["a.place", "b.place"])]
    ['darkpkg.method.placing.place', None]
    """
    package, _, public = target.partition(".")
    if package == "darkpkg":
        first, dot, rest = public.partition(".")
        found = getattr(darkpkg, first, None)
        if hasattr(found, "__qualname__"):
            return f"{found.__module__}.{found.__qualname__}{dot}{rest}"
        target = public
    ends = [name for name in known if name.endswith(f".{target}")]
    return ends[0] if len(ends) == 1 else None


def _link(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Find what is named outside of its own module."""
    if node.get("reftype") != "obj" or node.get("refdomain") != "py":
        return None
    objects = env.get_domain("py").objects
    target = node["reftarget"]
    kinds = {entry.objtype for entry in objects.values()} if "." in target.removeprefix("darkpkg.") else STANDS_ALONE
    known = [name for name, entry in objects.items() if entry.objtype in kinds]
    name = name_of(target, known)
    if name not in objects:
        return None
    return make_refnode(app.builder, node["refdoc"], objects[name].docname, objects[name].node_id, contnode, name)


def setup(app: Any) -> dict[str, bool]:
    """Docstrings are escaped before numpydoc sections are read."""
    for extension in ("sphinx.ext.autodoc", "sphinx.ext.napoleon"):
        app.setup_extension(extension)
    for name, value in SETTINGS.items():
        app.config[name] = value
    app.config.nitpick_ignore_regex = [*app.config.nitpick_ignore_regex, ("py:.*", ".*")]
    app.add_autodocumenter(ShortData, override=True)
    app.connect("autodoc-process-docstring", _escape, priority=400)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    app.connect("missing-reference", _link)
    return {"parallel_read_safe": True}

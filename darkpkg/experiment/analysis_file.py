"""An analysis of your own, from a small file. Begin with `load_analysis`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import yaml

from darkpkg import datasets
from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.experiment.selection import Cuts, Selection
from darkpkg.inputs import check_kinds, small_text

LARGEST_FILE = 100_000
"""Bytes of a YAML file; the example has a thousand."""

DEEPEST = 10
"""Levels of a YAML file; the schema has five."""


class _Loader(yaml.SafeLoader):
    """Safe, a key counts once, and 1e21 is a number: YAML 1.1 wants it written 1.0e+21.

    Anchors are refused, since a few lines of aliases within aliases grow beyond all memory, and deep nesting.
    """

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        if getattr(event, "anchor", None) is not None:
            self._refuse("no anchors and aliases are needed here", event)
        if self._depth > DEEPEST:
            self._refuse(f"nested more than {DEEPEST} deep", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse("a key must be a word", key_node)
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                self._refuse(f"{key} is given twice", node)
            keys.add(key)
        return super().construct_mapping(node, deep)

    def _refuse(self, why: str, at: Any) -> NoReturn:
        raise yaml.constructor.ConstructorError(None, None, why, at.start_mark)


# YAML 1.1 reads 010 as eight, 1:30 as ninety and 2020-10-10 as a date: here they are texts, which the schema refuses.
_NUMBERS = {
    "tag:yaml.org,2002:int": r"^[-+]?(0|[1-9]\d*)$",
    "tag:yaml.org,2002:float": r"^[-+]?((\d+\.\d*|\.\d+)([eE][-+]?\d+)?|\d+[eE][-+]?\d+)$",
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag not in (*_NUMBERS, "tag:yaml.org,2002:timestamp")]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in _NUMBERS.items():
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list("-+0123456789."))


def load_analysis(path: str | os.PathLike[str]) -> Analysis:
    """An analysis of your own, from a small YAML file.

    ``data/analysis/example.yaml`` shows all that it may hold, ``data/analysis/schema.json`` is its schema. Raises
    `ValueError` that names the file, the place in it, the value and the rule; also for what is no ordinary file, is
    larger than `LARGEST_FILE`, deeper than `DEEPEST`, or has anchors.
    """
    import jsonschema  # here: few read a file, and the import takes a while

    check_kinds(path=(path, (str, os.PathLike)))
    path = Path(path)
    text = small_text(path, LARGEST_FILE)
    try:
        content = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no readable YAML: {' '.join(str(error).split())[:300]}") from error
    schema = datasets.document("analysis/schema.json")
    validator = jsonschema.Draft202012Validator(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(content))
    if error is not None:
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path).lstrip(".")
        raise ValueError(f"{path}, {place or 'whole file'}: {error.message[:300]}")
    try:
        channels = tuple(_channel(content["selection"], **channel) for channel in content["channels"])
        return Analysis(content["name"], channels, content.get("caveat", ""))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path}: {error}") from error


def _channel(selection: Mapping[str, Any], **fields: Any) -> Channel:
    cuts, mass_edges = selection.get("cuts"), selection.get("mass_edges", [])
    chosen = Selection(
        decay_modules=tuple(selection["decay_modules"]),
        efficiency=selection.get("efficiency", 1.0),
        cuts=None if cuts is None else Cuts(**cuts),
        vertex_modules=tuple(selection.get("vertex_modules", ())),
        mass_edges=tuple(mass_edges),
    )
    counts = {
        name: tuple(np.atleast_1d(np.array(fields.pop(name), dtype=float)).tolist())
        for name in ("background", "observed")
    }
    return Channel(**{**fields, "pot": float(fields["pot"])}, **counts, selection=chosen)

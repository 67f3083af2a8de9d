"""Run the chapters and store what their checked cells print as the new references.

    make accept                               # all chapters of _toc.yml
    make accept CHAPTERS="01_ten_lines"       # some
    make accept BECAUSE="the flux has a unit" # also those whose numbers move by more than their printed errors

Prints what changed against the former references: read it before committing it. A number that moves by more than its
printed error is refused without a reason; the reason is stored with the numbers.
"""

import argparse
import difflib
import re
import sys
from collections.abc import Iterator

from nbclient import NotebookClient
from nbformat import NotebookNode
from nbval.kernel import NbvalKernelspecManager
from nbval.plugin import coalesce_streams
from notebook_references import (
    REFERENCES,
    Chapter,
    Reference,
    as_json,
    chapters_of_the_book,
    is_checked,
)
from printed_numbers import moves


def main() -> None:
    """Accept the chapters named on the command line, or all; forget those that are gone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="chapters, for example 01_ten_lines")
    parser.add_argument("--because", help="why numbers move by more than their printed errors")
    arguments = parser.parse_args()
    names = arguments.names
    chapters = {chapter.path.stem: chapter for chapter in chapters_of_the_book()}
    if unknown := set(names) - set(chapters):
        parser.error(f"_toc.yml has no chapter {sorted(unknown)}; it has {sorted(chapters)}")
    refused = []
    for name in names or chapters:
        try:
            accept(chapters[name], arguments.because)
        except UnexplainedMoveError as error:
            refused.append(str(error))
    for path in REFERENCES.glob("*.json"):
        if path.stem not in chapters:
            print(f"{path.stem}: not in _toc.yml any more, reference removed")
            path.unlink()
    if refused:
        sys.exit("not accepted without a reason (make accept BECAUSE=...):\n" + "\n".join(refused))


class UnexplainedMoveError(ValueError):
    """A number moved by more than its printed error, and nobody said why."""


def accept(chapter: Chapter, because: str | None = None) -> None:
    """Run one chapter, show how its outputs changed, and store them.

    Raises `UnexplainedMoveError` if a number moved by more than its printed error and there is no reason.
    """
    print(f"{chapter.path.stem}: running", flush=True)
    old, new = chapter.read_reference(), run(chapter)
    if old == new:
        print(f"{chapter.path.stem}: {len(new)} checked cells, no change")
        return
    lines = [as_json(reference).splitlines() for reference in (old, new)]
    print("\n".join(difflib.unified_diff(*lines, "accepted before", "accepted now", lineterm="")))
    moved = list(moves_between(new, old))
    if moved and not because:
        raise UnexplainedMoveError(f"{chapter.path.stem}: {'; '.join(moved)}")
    chapter.write_reference(new, because if moved else chapter.read_reason())


def moves_between(new: Reference, old: Reference) -> Iterator[str]:
    """Say which numbers moved: in cells of the same source, or, if there are as many cells, in the same place."""
    before = list(old.values())
    for place, (source, outputs) in enumerate(new.items()):
        former = old.get(source, before[place] if len(old) == len(new) else [])
        for now, then in zip(outputs, former, strict=False):
            yield from moves(*("\n".join(out.values()) for out in (now, then)))


def run(chapter: Chapter) -> Reference:
    """Run a chapter from its own folder, unless the book just has, and collect what its checked cells print."""
    sources = chapter.checked_sources
    if chapter.executed is not None:
        for cell in chapter.code_cells:
            cell.outputs = chapter.executed[cell.source]
        return collected(chapter, sources)
    client = NotebookClient(
        chapter.notebook,
        kernel_name=chapter.notebook.metadata.kernelspec.name,
        resources={"metadata": {"path": str(chapter.path.parent)}},
        timeout=600,
    )
    client.create_kernel_manager().kernel_spec_manager = NbvalKernelspecManager()
    client.execute()
    return collected(chapter, sources)


def collected(chapter: Chapter, sources: list[str]) -> Reference:
    """Return what the checked cells of a chapter that was run have printed."""
    checked = [cell for cell in chapter.code_cells if is_checked(cell)]
    return dict(zip(sources, map(text_outputs, checked), strict=True))


def text_outputs(cell: NotebookNode) -> list[dict[str, str]]:
    """Return the text that a run cell printed or displayed.

    Raises
    ------
    ValueError
        if it cannot be compared with a later run: nothing printed, a warning, an address in memory.
    """
    outputs = [text_output(out) for out in coalesce_streams(cell.outputs)]
    if not outputs:
        raise ValueError(f"a checked cell must print something, this one does not:\n{cell.source}")
    if found := re.search(r"\b0x[0-9a-f]{6,}", str(outputs)):
        raise ValueError(f"a checked cell must not print an address ({found[0]}):\n{cell.source}")
    return outputs


def text_output(output: NotebookNode) -> dict[str, str]:
    """Return the plain text of one output."""
    if output.output_type == "stream":
        if output.name != "stdout":
            raise ValueError(f"a checked cell must not write to stderr, got:\n{output.text}")
        return {"stdout": output.text}
    return {"text/plain": output.data["text/plain"]}


if __name__ == "__main__":
    sys.exit(main())

"""The figures of the paper by their numbers, as pages and command line draw them.

Begin with ``draw(4, Samples(seed=1))``; `PaperFigure.save` writes the picture or the numbers behind its curves.

>>> draw(2).curves.panel.unique().tolist()
['flux', 'cross section']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from darkpkg.results.paper.experiment import figure_3, figure_4, figure_5, figure_6, figure_12, figure_13
from darkpkg.results.paper.frame import PaperFigure, Samples, check_target
from darkpkg.results.paper.limits import figure_9, figure_10, figure_11, figure_14, figure_15
from darkpkg.results.paper.method import figure_7, figure_8
from darkpkg.results.paper.physics import figure_1, figure_2

__all__ = ["FIGURES", "PaperFigure", "Samples", "check_number", "check_target", "draw"]

FIGURES: Mapping[int, Callable[[Samples], PaperFigure]] = MappingProxyType(
    {
        1: figure_1,
        2: figure_2,
        3: figure_3,
        4: figure_4,
        5: figure_5,
        6: figure_6,
        7: figure_7,
        8: figure_8,
        9: figure_9,
        10: figure_10,
        11: figure_11,
        12: figure_12,
        13: figure_13,
        14: figure_14,
        15: figure_15,
    }
)
"""The function that draws each figure."""


def check_number(number: int) -> None:
    """Raise `ValueError` with the figures that there are unless ``number`` is one of them."""
    if number not in FIGURES:
        raise ValueError(f"there is no figure {number} to draw; there are {', '.join(map(str, FIGURES))}")


def draw(number: int, samples: Samples | None = None) -> PaperFigure:
    """Draw a figure of the paper from samples; without any, they are made in the size and with the seed of `Samples`.

    Raises `ValueError` for a number that is not in `FIGURES`.
    """
    check_number(number)
    return FIGURES[number](samples or Samples())

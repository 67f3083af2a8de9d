"""The figures of the paper by their numbers, as pages and command line draw them.

Begin with ``draw(4, Samples(seed=1))``; `PaperFigure.save` writes the picture or the numbers behind its curves.

>>> draw(2).curves.panel.unique().tolist()
['flux', 'cross section']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from paper.figures.detector import figure_3, figure_4, figure_12
from paper.figures.experiment import figure_5, figure_6, figure_13
from paper.figures.frame import PaperFigure, Samples, check_target
from paper.figures.limits import figure_9, figure_10, figure_11, figure_14, figure_15
from paper.figures.method import figure_7, figure_8
from paper.figures.physics import figure_1, figure_2

__all__ = [
    "FIGURES",
    "SAMPLES",
    "PaperFigure",
    "Samples",
    "check_number",
    "check_samples",
    "check_target",
    "draw",
]

_DRAWN_BY = (
    figure_1, figure_2, figure_3, figure_4, figure_5, figure_6, figure_7, figure_8, figure_9, figure_10, figure_11,
    figure_12, figure_13, figure_14, figure_15,
)  # fmt: skip
FIGURES: Mapping[int, Callable[[Samples], PaperFigure]] = MappingProxyType(dict(enumerate(_DRAWN_BY, start=1)))
"""The function that draws each figure."""

SAMPLES: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        1: (),
        2: (),
        3: ("at_B",),
        4: ("at_B",),
        5: ("at_A", "at_B", "standard"),
        6: ("at_A", "around_A"),
        7: (),
        8: ("heavy", "light"),
        9: ("heavy_upgrade", "at"),
        10: ("at",),
        11: ("at",),
        12: ("at_B",),
        13: ("heavy", "light"),
        14: ("at",),
        15: ("at",),
    }
)
"""The samples that each figure is made from, by the names of `Samples`."""


def check_number(number: int) -> None:
    """Raise `ValueError` with the figures that there are unless ``number`` is one of them."""
    if number not in FIGURES:
        raise ValueError(f"there is no figure {number} to draw; there are {', '.join(map(str, FIGURES))}")


def check_samples(number: int, samples: Samples) -> None:
    """Raise `ValueError` if a sample is given that the figure does not use, or one for other masses than it needs."""
    used = SAMPLES[number]
    for name in samples.given:
        if name not in used:
            known = f"is made from: {', '.join(used)}" if used else "needs none"
            raise ValueError(f"figure {number} does not use the {name} sample; it {known}")
        getattr(samples, name)


def draw(number: int, samples: Samples | None = None) -> PaperFigure:
    """Draw a figure of the paper from samples; without any, they are made in the size and with the seed of `Samples`.

    Raises `ValueError` for a number that is not in `FIGURES`.
    """
    check_number(number)
    return FIGURES[number](samples or Samples())

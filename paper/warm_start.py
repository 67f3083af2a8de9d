"""What every chapter would do first, done once before their kernels are forked: importing this module does it.

Beside its imports this is a small simulation with its estimates, for which numba loads its own parts and the machine
code, compiled if need be, and a figure with the fonts of the book. Together they take two seconds.
"""

from __future__ import annotations

import functools
import warnings
import weakref
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text
from tqdm import tqdm

from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II
from darkpkg.inference.scanning import scan
from darkpkg.method.estimators import Kernel, Transport
from darkpkg.method.expectation import FewEventsWarning
from darkpkg.method.sampling import HEAVY, LIGHT
from darkpkg.method.table import load_table
from darkpkg.physics.model import BENCHMARK_A, BENCHMARK_B
from darkpkg.simulation import simulate
from paper.drawing import use_style
from paper.figure_output import figure_bundle

N_EVENTS, SEED = 1024, 1


def estimate() -> None:
    """Predict the events of both benchmarks by all estimators."""
    both = ANALYSIS_I + ANALYSIS_II
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewEventsWarning)
        for point, masses in ((BENCHMARK_A, LIGHT), (BENCHMARK_B, HEAVY)):
            sample = simulate(masses, N_EVENTS, SEED)
            of_point = Kernel(simulate(point, N_EVENTS, SEED))
            for estimator in (Kernel(sample), Transport(sample), of_point, load_table()):
                scan(estimator, point, both)


def draw() -> None:
    """Draw a figure in all formats of the book."""
    with mpl.rc_context():
        use_style()
        figure = Figure(figsize=(7, 3))
        for axes in figure.subplots(1, 2):
            axes.loglog([1e-3, 1e3], [1e-9, 1.0], label=r"$\varepsilon$")
            axes.set(xlabel="$m_N$ [GeV]", ylabel=r"$|V_{\mu N}|^2$")
            axes.legend()
        figure_bundle(figure)


def typeset_formulas_once() -> None:
    """Keep formulas, and tick labels, for all figures of a kernel: matplotlib typesets them for each file anew."""
    parsers = {"raster": MathTextParser("agg"), "vector": MathTextParser("path")}
    typeset: Any = MathTextParser._parse_cached
    kept = functools.cache(lambda output, *about: typeset.__wrapped__(parsers[output], *about))
    setattr(MathTextParser, "_parse_cached", lambda parser, *about: kept(parser._output_type, *about))  # noqa: B010


def measure_words_once() -> None:
    """Keep the place that words take: matplotlib lays the labels of ticks out anew for each layout of a figure."""
    measured: Any = Text._get_layout
    known: weakref.WeakKeyDictionary[Any, dict[Any, Any]] = weakref.WeakKeyDictionary()

    def kept(text: Any, renderer: Any) -> Any:
        if text.get_wrap():  # lines then depend on where the words stand
            return measured(text, renderer)
        font, figure = text.get_fontproperties(), text.get_figure(root=True)
        about = (
            *(text.get_text(), text.get_usetex(), text.get_parse_math(), figure.dpi),
            *(text.get_rotation(), text.get_rotation_mode(), text._multialignment, text._linespacing),
            *(text.get_horizontalalignment(), text.get_verticalalignment(), tuple(font.get_family())),
            *(font.get_style(), font.get_variant(), font.get_weight(), font.get_stretch(), font.get_size()),
            *(font.get_file(), font.get_math_fontfamily()),
        )
        of_renderer = known.setdefault(renderer, {})
        if about not in of_renderer:
            of_renderer[about] = measured(text, renderer)
        return of_renderer[about]

    setattr(Text, "_get_layout", kept)  # noqa: B010


typeset_formulas_once()
measure_words_once()
tqdm.monitor_interval = 0  # no thread that watches progress: a fork would not have it, but its locks
estimate()
draw()

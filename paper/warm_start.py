"""What every chapter would do first, done once before their kernels are forked: importing this module does it.

Beside its imports this is a small simulation with its estimates, for which numba loads its own parts and the machine
code, compiled if need be, and a figure with the fonts of the book. Together they take two seconds.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
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


typeset_formulas_once()
tqdm.monitor_interval = 0  # no thread that watches progress: a fork would not have it, but its locks
estimate()
draw()

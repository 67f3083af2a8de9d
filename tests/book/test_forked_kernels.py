"""A forked kernel is as a new one, but for what it need not import."""

import os
import subprocess
import sys

import pytest
from forked_kernels import ForkedKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook


def outputs(tmp_path, *sources):
    """Texts and formats that cells leave, run in `tmp_path`."""
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    client = NotebookClient(
        notebook,
        kernel_manager_class=ForkedKernelManager,
        resources={"metadata": {"path": str(tmp_path)}},
        extra_arguments=["--ext=paper.figure_output"],
    )
    client.execute()
    return [[out.get("text", "").strip() or set(out.data) for out in cell.outputs] for cell in notebook.cells]


def test_it_runs_where_the_chapter_stands_with_its_packages_loaded(tmp_path):
    found = outputs(
        tmp_path, "import os, sys", "print(os.getcwd())", "print({'pandas', 'scipy.stats'} <= set(sys.modules))"
    )
    assert found == [[], [str(tmp_path)], ["True"]]


def test_it_draws_figures_in_the_formats_of_the_book(tmp_path):
    ((formats,),) = outputs(tmp_path, "import matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    assert {"image/svg+xml", "application/pdf", "text/csv"} <= formats


def test_a_figure_is_drawn_for_the_book_alone(tmp_path):
    count = (
        "from matplotlib.backends.backend_agg import FigureCanvasAgg as Canvas\nimport matplotlib.pyplot as plt\n"
        "drawn, Canvas.draw = [], lambda self: drawn.append(self)"
    )
    found = outputs(tmp_path, count, "fig, ax = plt.subplots()\nax.plot([1, 2]);", "print(len(drawn))")
    assert found[2] == ["0"]


def test_what_chapters_begin_with_is_done_before_the_fork_and_leaves_no_thread(tmp_path):
    ((first,),) = outputs(tmp_path, "import sys\nprint({'myst_nb.ext.glue', 'paper.warm_start'} <= {*sys.modules})")
    assert first == "True"
    threads = "import paper.warm_start, threading; print(threading.active_count())"
    assert subprocess.run([sys.executable, "-c", threads], capture_output=True, check=True).stdout.strip() == b"1"


def test_words_and_formulas_that_are_laid_out_once_are_drawn_as_they_would_be():
    draw = (
        "from matplotlib.figure import Figure\nfrom paper.figure_output import figure_bundle\n"
        "def drawn():\n"
        "    figure = Figure(figsize=(9, 3), layout='constrained')\n"
        "    left, right = figure.subplots(1, 2)\n"
        "    left.loglog([1e-3, 1e3], [1e-9, 1], label='a line\\nof two lines')\n"
        "    left.set(xlabel='$m_N$', ylabel='rate', title='panel')\n"
        "    left.legend()\n"
        "    right.plot([1, 2])\n"
        "    right.tick_params(axis='x', rotation=30)\n"
        "    right.text(1, 1, 'words that do not fit ' * 9, wrap=True, rotation=20, size=5)\n"
        "    return figure_bundle(figure)\n"
    )
    compare = "first = drawn()\nimport paper.warm_start\nprint(first == drawn())"
    run = subprocess.run([sys.executable, "-c", draw + compare], capture_output=True, check=True)
    assert run.stdout.strip() == b"True"


def test_kernels_share_nothing_but_the_packages(tmp_path):
    change = "import numpy, os\nnumpy.pi = 3\nos.environ['HORN'] = '1'\nprint(os.getpid())"
    look = "import numpy, os\nprint(numpy.pi == 3, 'HORN' in os.environ, os.getpid())"
    ((first,),), ((second,),) = outputs(tmp_path, change), outputs(tmp_path, look)
    assert second.split()[:2] == ["False", "False"]
    assert len({first, second.split()[2], str(os.getpid())}) == 3


def test_its_processes_and_those_of_the_shell_run(tmp_path):
    pool = (
        "from concurrent.futures import ProcessPoolExecutor\nfrom multiprocessing import get_context\n"
        "with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool:\n"
        "    print(pool.submit(abs, -2).result())"
    )
    assert outputs(tmp_path, pool, "!echo 3") == [["2"], ["3"]]


def test_a_cell_that_fails_and_a_kernel_that_dies_are_told(tmp_path):
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        outputs(tmp_path, "1 / 0")
    with pytest.raises(DeadKernelError):
        outputs(tmp_path, "import os; os._exit(3)")

"""A chapter is run again when what its numbers depend on changes, and only then."""

import functools
import re
import shutil

import chapter_sources
import pytest
from chapter_sources import chapter_key, files_used, inputs_read
from notebook_references import ROOT, chapters_of_the_book

CELLS = {chapter.path.stem: [cell.source for cell in chapter.code_cells] for chapter in chapters_of_the_book()}
RUN_THE_COMMAND_LINE = {"01_ten_lines", "10_own_experiment"}
READ_ALL_SOURCES = {"92_architecture"}
DRAW_LIMITS = {"18_heavy_limit", "19_light_limit", "20_lifetime"}
DRAW_OTHERS = {"25b_dark_photon_reach", "25c_muon_pairs"}
READ_FITS = {"26_table"}
"""The paper's fits to the minimal lifetime stand where the figures of limits are drawn."""


@functools.cache
def used(name):
    return files_used(CELLS[name], ROOT)


@functools.cache
def read(name):
    return inputs_read(CELLS[name], used(name), ROOT)


def chapters_that_use(*modules):
    return {name for name in CELLS if {ROOT / module for module in modules} & used(name)}


def test_a_word_of_the_command_line_voids_those_chapters_alone_that_run_it():
    assert chapters_that_use("darkpkg/cli.py", "darkpkg/commands.py") == RUN_THE_COMMAND_LINE | READ_ALL_SOURCES


def test_a_colour_of_a_figure_voids_those_chapters_alone_that_draw_it():
    assert chapters_that_use("paper/figures/limits.py") == DRAW_LIMITS | READ_FITS | READ_ALL_SOURCES
    drawn = DRAW_LIMITS | DRAW_OTHERS
    assert chapters_that_use("paper/constraints/drawing.py") == drawn | READ_FITS | READ_ALL_SOURCES


def test_an_amplitude_voids_every_chapter_that_simulates_and_a_sum_every_one_that_predicts():
    for calls, source in ((r"generate|simulate", "physics/scattering.py"), (r"Kernel|Transport", "method/loops.py")):
        found = {name for name, cells in CELLS.items() if re.search(rf"\bdk\.({calls})\(", "\n".join(cells))}
        assert len(found) > 10
        assert found <= chapters_that_use(f"darkpkg/{source}")


@pytest.fixture
def project(tmp_path):
    """A small package that is built like ours."""
    files = {
        "darkpkg/__init__.py": "",
        "darkpkg/__init__.pyi": "from darkpkg.low.beam import Flux as Flux\n",
        "darkpkg/top.py": "def late():\n    from darkpkg.low import formula\n",
        "darkpkg/low/formula.py": "import numpy as np\n",
        "darkpkg/low/beam.py": "from darkpkg.low.formula import f\nflux = datasets.read('flux/near')\n",
        "darkpkg/__main__.py": "import darkpkg.cli\n",
        "darkpkg/cli.py": "",
        "paper/figures/one.py": "from darkpkg.low import beam\nfrom darkpkg import top\nx = top.y\n",
        "paper/figures/two.py": "",
        "paper/figure_output.py": "from paper.figure_data import figure_data\n",
        "paper/figure_data.py": "",
        "data/flux/near.csv": "1",
        "data/flux/near.toml": "1",
        "data/flux/far_2.csv": "1",
        "data/mass.csv": "1",
        "data/tables/t.abc.nodes/1.npz": "1",
        "requirements.txt": "numpy==2.0",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


LOW = {"low/formula.py", "low/beam.py"}
EVERYTHING = LOW | {"__init__.py", "__main__.py", "cli.py", "top.py"}


@pytest.mark.parametrize(
    ("cells", "of_darkpkg", "of_paper"),
    [
        (["import numpy as np"], set(), set()),
        (["import darkpkg as dk", "dk.Flux(1)"], LOW, set()),
        (["from darkpkg.low import formula", "formula.f"], {"low/formula.py"}, set()),
        (["from darkpkg import top", "top.late()"], {"top.py", "low/formula.py"}, set()),
        (["import darkpkg", "darkpkg.Flux(1)"], LOW, set()),
        (["from darkpkg import Flux"], LOW, set()),
        (["from darkpkg.low.formula import f"], {"low/formula.py"}, set()),
        (["import darkpkg.low.formula as g"], {"low/formula.py"}, set()),
        (["from darkpkg import low"], LOW, set()),
        (["import darkpkg as dk", "dk.__version__"], EVERYTHING, set()),
        (["import darkpkg as dk", "vars(dk)"], EVERYTHING, set()),
        (["!{sys.executable} -m darkpkg check"], {"__main__.py", "cli.py"}, set()),
        (["%%time\nimport darkpkg as dk\ndk.Flux"], LOW, set()),
        (["from paper.figures.one import x"], LOW | {"top.py"}, {"figures/one.py"}),
        (["from paper.figures import two"], set(), {"figures/two.py"}),
    ],
)
def test_sources_are_found_through_every_form_of_import(project, cells, of_darkpkg, of_paper):
    found = {path.relative_to(project).as_posix() for path in files_used(cells, project)}
    assert found == {f"darkpkg/{name}" for name in of_darkpkg} | {f"paper/{name}" for name in of_paper}


@pytest.mark.parametrize(
    ("changed", "matters"),
    [
        ("darkpkg/low/formula.py", True),
        ("darkpkg/low/beam.py", True),
        ("data/flux/near.csv", True),
        ("data/flux/near.toml", True),
        ("data/flux/far_2.csv", False),
        ("data/mass.csv", False),
        ("data/tables/t.abc.nodes/1.npz", False),
        ("requirements.txt", True),
        ("darkpkg/cli.py", False),
        ("paper/figures/two.py", False),
        ("paper/figure_output.py", True),
        ("paper/figure_data.py", True),
    ],
)
def test_the_key_changes_with_what_the_chapter_uses(project, changed, matters):
    cells = ["from darkpkg import Flux"]
    before = chapter_key(cells, project)
    path = project / changed
    path.write_text(path.read_text(encoding="utf-8") + "x = 2\n", encoding="utf-8")
    assert (chapter_key(cells, project) != before) == matters
    assert chapter_key(["from darkpkg import Flux  # here"], project) != chapter_key(cells, project)


FLUXES = {"flux/near.csv", "flux/near.toml", "flux/far_2.csv"}


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("datasets.read('flux/near')", {"flux/near.csv", "flux/near.toml"}),
        ("datasets.path('flux/near.toml')", {"flux/near.csv", "flux/near.toml"}),
        ("text = f'file = \"{datasets.path('flux/far_2')}\"'", {"flux/far_2.csv"}),
        ("datasets.path(f'flux/far_{i}')", {"flux/far_2.csv"}),
        ("open('data/flux/far_2.csv')", {"flux/far_2.csv"}),
        ("datasets.read('flux/' + name)", FLUXES),
        ("flux / near", set()),
        ("datasets.read(f'{folder}/near')", FLUXES | {"mass.csv"}),
        ("for name in datasets.names():\n    datasets.read(name)", FLUXES | {"mass.csv"}),
    ],
)
def test_a_chapter_depends_on_the_inputs_that_it_names_or_on_all_if_it_lists_them(project, cell, found):
    assert inputs_read([cell], [], project) == {project / "data" / name for name in found}


def chapters_that_read(table):
    return {name for name in CELLS if ROOT / "data" / f"{table}.csv" in read(name)}


def test_an_input_voids_those_chapters_alone_that_read_it():
    all_inputs = {"91_data", "92_architecture"}
    assert chapters_that_read("validation/traps") == {"05_generator_check", "91_data"}
    of_stored = {"05_generator_check", "18c_coverage_of_limits", "18d_posterior", "27b_published_fits"}
    assert chapters_that_read("validation/points") == of_stored | all_inputs
    assert chapters_that_read("limits/mixing_light") == DRAW_LIMITS | DRAW_OTHERS | READ_FITS | all_inputs
    of_beam = chapters_that_read("flux/nd280_fhc")
    assert {
        name for name, cells in CELLS.items() if re.search(r"\bdk\.(generate|simulate)\(", "\n".join(cells))
    } <= of_beam
    assert "13_kernel" not in of_beam


@pytest.mark.parametrize("words", ["# a word\n", '"""What it is."""\n'])
@pytest.mark.parametrize(
    ("cell", "matters"),
    [
        ("Flux(1)", False),
        ("help(Flux)", True),
        ("Path('darkpkg/low/beam.py').read_text()", True),
        ("!{sys.executable} -m darkpkg --help", True),
    ],
)
def test_words_about_the_code_matter_to_chapters_that_show_them(project, words, cell, matters):
    cells = ["from pathlib import Path\nfrom darkpkg import Flux", cell]
    before = chapter_key(cells, project)
    for name in ("low/beam.py", "cli.py"):
        path = project / "darkpkg" / name
        path.write_text(words + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert (chapter_key(cells, project) != before) == matters


def test_the_key_is_the_same_in_another_folder(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy")
    cells = ["from darkpkg import Flux"]
    assert chapter_key(cells, copy) == chapter_key(cells, project)


def test_hash_sees_contents_names_and_python(tmp_path):
    first, second = tmp_path / "a.py", tmp_path / "b.py"
    first.write_text("x = 1")
    hashes = [chapter_sources.hash_of_files([first], tmp_path, "3.11")]
    hashes.append(chapter_sources.hash_of_files([first], tmp_path, "3.12"))
    first.write_text("x = 2")
    hashes.append(chapter_sources.hash_of_files([first], tmp_path, "3.11"))
    first.rename(second)
    hashes.append(chapter_sources.hash_of_files([second], tmp_path, "3.11"))
    assert len(set(hashes)) == 4


def test_hash_ignores_the_order_of_files(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text(path.name)
    forwards = chapter_sources.hash_of_files(paths, tmp_path)
    assert forwards == chapter_sources.hash_of_files(reversed(paths), tmp_path)

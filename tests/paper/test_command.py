"""``python -m paper``: its figures and verdicts are those of the modules, and wrong input gets one line."""

import ast
import functools
import inspect
import re
import shutil
import subprocess
import sys

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import typer
import yaml
from notebook_references import ROOT
from typer.testing import CliRunner

import darkpkg as dk
from paper.__main__ import app
from paper.causes.along import Along
from paper.claims import samples as claim_samples
from paper.claims import verdicts
from paper.figures import catalogue, detector, experiment, limits, method, physics

N_EVENTS = 20_000


@pytest.fixture(autouse=True)
def closed_figures():
    with mpl.rc_context():
        yield
    plt.close("all")


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def refused(*arguments):
    """The one line that wrong input gets."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if not re.match("simulating|drawing", line)]
    assert len(lines) == 1
    assert lines[0].startswith("darkpkg: ")
    return lines[0]


def events(sampling):
    return dk.simulate(sampling, N_EVENTS, seed=5)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    at_B = events(dk.SamplingRange.at(0.1, 1.25))
    return dk.write_events(at_B, tmp_path_factory.mktemp("samples") / "at B.parquet")


def test_python_m_paper_writes_a_picture_and_its_curves(tmp_path):
    command = [sys.executable, "-m", "paper", "figure", "2", "-o", "fig 2.pdf", "--curves", "fig 2.csv"]
    paths = [tmp_path / name for name in ("fig 2.pdf", "fig 2.csv")]
    command = [str(tmp_path / word) if word.startswith("fig ") else word for word in command]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [f"figure 2 written to {path}" for path in paths]
    assert result.stderr == "drawing figure 2 (seed 1)\n"
    assert paths[0].read_bytes().startswith(b"%PDF")
    assert {*pd.read_csv(paths[1]).panel} == {"flux", "cross section"}


def test_size_and_seed_are_those_of_the_samples(tmp_path):
    path = tmp_path / "fig4.csv"
    result = run("figure", 4, "-o", path, "--n-events", 4000, "--seed", 3)
    assert result.exit_code == 0
    drawn = catalogue.draw(4, catalogue.Samples(4000, seed=3))
    pd.testing.assert_frame_equal(pd.read_csv(path), drawn.curves)


def test_sample_files_take_the_place_of_a_simulation(tmp_path):
    for mediator in ("heavy", "light"):
        over_masses = {"heavy": dk.HEAVY, "light": dk.LIGHT}[mediator]
        dk.write_events(events(over_masses), tmp_path / f"{mediator}.parquet")
    given = {name: tmp_path / f"{name}.parquet" for name in ("heavy", "light")}
    options = [text for name, path in given.items() for text in (f"--{name}-sample", path)]
    assert "would do nothing" in refused("figure", 8, "-o", tmp_path / "fig8.csv", *options, "--n-events", 100)
    result = run("figure", 8, "-o", tmp_path / "fig8.csv", *options)
    assert result.exit_code == 0
    assert "simulating" not in result.stderr
    expected = catalogue.draw(8, catalogue.Samples(given=given)).curves
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "fig8.csv"), expected)


def test_a_sample_that_a_figure_does_not_use_is_refused(sample, tmp_path):
    line = refused("figure", 4, "-o", tmp_path / "fig4.csv", "--heavy-sample", sample)
    assert line == "darkpkg: figure 4 does not use the heavy sample; it is made from: at_B"
    line = refused("figure", 10, "-o", tmp_path / "fig10.csv", "--heavy-sample", sample)
    assert line == "darkpkg: figure 10 does not use the heavy sample; it is made from: at"


def test_a_sample_of_the_wrong_kind_is_refused_before_anything_is_drawn(sample, tmp_path):
    result = run("figure", 13, "-o", tmp_path / "fig13.csv", "--light-sample", sample)
    assert result.exit_code == 2
    assert result.stderr.startswith("darkpkg: the light sample must be over masses with m_Zprime below m_N")


def test_the_list_of_samples_is_that_of_the_figures():
    """What `figure_9` and the functions of its module that it names look up in ``samples``."""
    for number, function in catalogue.FIGURES.items():
        (module,) = (m for m in (detector, experiment, limits, method, physics) if m.__name__ == function.__module__)
        nodes = {n.name: n for n in ast.parse(inspect.getsource(module)).body if isinstance(n, ast.FunctionDef)}
        reached, new = set(), {function.__name__}
        while new:
            reached |= new
            inside = [node for name in new for node in ast.walk(nodes[name])]
            new = {node.id for node in inside if isinstance(node, ast.Name)} & {*nodes} - reached
        used = {
            node.attr
            for name in reached
            for node in ast.walk(nodes[name])
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "samples"
        }
        assert used - {"seed", "once"} == {*catalogue.SAMPLES[number]}, number  # which are no samples


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["99", "-o", "a.png"], "there is no figure 99 to draw; there are 1, 2, 3"),
        (["2", "-o", "a.jpg"], "a figure is written to .png, .pdf, .svg, its curves to .csv, got a.jpg"),
        (["2", "-o", "nowhere/a.png"], "no folder nowhere to write a.png into"),
        (["2", "-o", "a.png", "--curves", "a.png"], "curves are written to .csv, got a.png"),
        (["1", "-o", "a.csv"], "this figure is a drawing without curves to write to a.csv"),
        (["8", "-o", "a.png", "--heavy-sample", "none.parquet"], "none.parquet"),
        (["4", "-o", "/proc/a.png"], "cannot write a.png into the folder /proc"),
        (["2", "-o", "a.png", "--n-events", "1000"], "figure 2 simulates nothing here, so that --n-events"),
        (["10", "-o", "a.png", "--n-events", "1000"], "simulates nothing but dedicated samples here, so that --n-ev"),
        (
            ["4", "-o", "a.png", "--n-events", "1e12"],
            "a simulation of 1e+12 events needs 6e+05 GB of memory",
        ),
    ],
)
def test_what_is_asked_wrongly_is_said_in_one_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused("figure", *arguments)
    assert list(tmp_path.iterdir()) == []


# --- Claims ---


def test_claims_are_answered_and_stored_with_what_changed(tmp_path, monkeypatch):
    """A small sample: its numbers are rough, and those of the module, which answers each sample once."""
    for module, name in ((claim_samples, "simulate"), (verdicts, "table")):
        monkeypatch.setattr(module, name, functools.cache(getattr(module, name)))
    path = tmp_path / "verdicts.csv"
    options = "--n-events", 12_000, "--seed", 3
    first = run("claims", *options)
    assert first.exit_code == 0, first.stderr
    assert "note: only" in first.stderr
    table = verdicts.table(claim_samples.simulate(12_000, 3))
    assert (claim_samples.simulate.cache_info().misses, verdicts.table.cache_info().misses) == (1, 1)
    printed = first.stdout.splitlines()
    for line, (name, row) in zip(printed, table.iterrows(), strict=False):
        assert line.startswith(f"{name} ({row.place}): paper {row.paper}, ours {row.ours:.4g}")
        assert line.endswith(row.verdict)
    stored = table[verdicts.STORED_COLUMNS].copy()
    stored.loc["threshold", "verdict"] = "not reproduced"
    stored.drop(index="lowest_mass").to_csv(path)
    second = run("claims", *options, "-o", path)
    assert [line for line in second.stdout.splitlines() if line.startswith("changed")] == [
        "changed: threshold: not reproduced -> reproduced",
        f"changed: lowest_mass: not there -> {table.verdict['lowest_mass']}",
    ]
    again = pd.read_csv(path).set_index("id")
    assert list(again.columns) == verdicts.STORED_COLUMNS
    assert again.verdict.to_dict() == table.verdict.to_dict()
    pd.testing.assert_series_equal(again.ours, table.ours, rtol=1e-5, check_names=False)  # six digits are stored


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("verdicts.txt", "must end in .csv, got verdicts.txt"),
        ("nowhere/v.csv", "v.csv into the folder nowhere"),
    ],
)
def test_verdicts_that_cannot_be_written_are_refused_before_the_work(path, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused("claims", "-o", path)


@pytest.mark.parametrize("command", ["figure", "hepdata", "claims", "causes", "miniboone"])
def test_every_option_has_a_help_text_and_no_summary_is_cut_off(command):
    for parameter in typer.main.get_command(app).commands[command].params:
        assert parameter.help, parameter.name
    assert run(command, "-h").exit_code == 0
    assert re.search(rf"^  {command} .*[^.]\.$", run("-h").output, re.M)


def test_figures_are_submissions_to_hepdata(tmp_path):
    """A folder for each figure with curves, whose numbers are those of the figure."""
    result = run("hepdata", "--figures", 2, "-o", tmp_path)
    assert result.exit_code == 0, result.output
    header, *tables = yaml.safe_load_all((tmp_path / "figure_02" / "submission.yaml").read_text(encoding="utf-8"))
    assert header["comment"] == "Figure 2 of arXiv:2205.12273, made anew by darkpkg"
    curves = catalogue.draw(2).curves
    assert len(tables) == curves.groupby(["panel", "curve"]).ngroups > 0
    first = yaml.safe_load((tmp_path / "figure_02" / tables[0]["data_file"]).read_text(encoding="utf-8"))
    ours = curves[(curves.panel == curves.panel[0]) & (curves.curve == curves.curve[0])]
    assert [cell["value"] for cell in first["dependent_variables"][0]["values"]] == ours.y.tolist()
    assert "there is no figure 16" in refused("hepdata", "--figures", 16, "-o", tmp_path)


def test_all_factors_are_written_for_a_table(tmp_path, monkeypatch):
    x, steps = np.array([1.0, 2.0]), {name: np.full((2, 2), value) for name, value in (("ours", 2.0), ("a", 1.0))}
    curves = [Along(f"Fig. P9 {side}, line", x, x, 0.1 * x, steps) for side in ("left", "right")]
    monkeypatch.setattr("paper.__main__.along.heavy_limits", lambda: {"a": curves[0]})
    monkeypatch.setattr("paper.__main__.along.light_limits", lambda: {"b": curves[1]})
    monkeypatch.setattr("paper.__main__.rates.at_benchmarks", dict)
    assert run("causes", "-o", tmp_path / "causes.csv").exit_code == 0
    table = pd.read_csv(tmp_path / "causes.csv")
    assert table["product"].tolist() == [0.5] * 4
    assert table.curve.unique().tolist() == [one.name for one in curves]
    assert "must end in .csv" in refused("causes", "-o", tmp_path / "causes.txt")


ANOTHER = '''

def figure_16(samples: Samples | None = None) -> PaperFigure:
    """Cross section on argon at both benchmarks."""
    curves = Curves()
    figure, ax = plt.subplots(layout="constrained")
    energy = np.geomspace(0.2, 10, 50)
    for letter, point in (("A", BENCHMARK_A), ("B", BENCHMARK_B)):
        sigma = total_cross_section(energy, point, elements()["Ar"].nucleus)
        ax.loglog(energy, sigma, label=letter)
        curves.line("cross section", letter, energy, sigma)
    ax.legend()
    return PaperFigure(figure, curves.table())
'''


def test_another_figure_is_a_function_and_its_lines_in_the_catalogue(tmp_path):
    """One of the ten changes of the page on the architecture, in a copy of what serves the paper."""
    shutil.copytree(ROOT / "paper", tmp_path / "paper", ignore=shutil.ignore_patterns("__pycache__"))
    drawn, catalogued = (tmp_path / "paper" / "figures" / name for name in ("physics.py", "catalogue.py"))
    text = drawn.read_text(encoding="utf-8") + ANOTHER
    assert "import BENCHMARK_A" not in text
    drawn.write_text(text.replace("import BENCHMARK_B", "import BENCHMARK_A, BENCHMARK_B"), encoding="utf-8")
    text = catalogued.read_text(encoding="utf-8")
    for known, more in (
        ("import figure_1, figure_2\n", "import figure_1, figure_2, figure_16\n"),
        ("figure_14, figure_15,\n)", "figure_14, figure_15, figure_16,\n)"),
        ('15: ("at",),', '15: ("at",), 16: (),'),
    ):
        assert text.count(known) == 1
        text = text.replace(known, more)
    catalogued.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "paper", "figure", "16", "-o", "figure.csv"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert pd.read_csv(tmp_path / "figure.csv").groupby("curve").size().to_dict() == {"A": 50, "B": 50}

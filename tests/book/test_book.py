"""The Sphinx extension that keeps the book offline and its numbers fresh."""

import os
import types
from multiprocessing import get_context

import chapter_runs
import nbformat
import offline_assets
import pytest
from jupyter_cache import get_cache
from myst_nb.core.config import NbParserConfig
from myst_parser.config.main import MdParserConfig
from nbformat.v4 import new_code_cell, new_notebook, new_output


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://example.org/a.js"></script>',
        "<script async src=//example.org/a.js></script>",
        '<link href="http://example.org/a.css" rel="stylesheet" />',
        '<link rel="preload" as="font" href="https://example.org/a.woff2">',
        '<style>@import url("https://example.org/a.css");</style>',
        "<style>@import 'https://example.org/a.css';</style>",
        '<img src="https://example.org/a.png">',
        '<script src="a.js">let a = "<b";</script><IMG alt="1 > 0" src="https://example.org/a.png">',
    ],
)
def test_a_page_that_loads_from_outside_is_recognised(page):
    (address,) = set(offline_assets.outside_assets(page, is_page=True))
    assert "example.org/a." in address


@pytest.mark.parametrize(
    "page",
    [
        '<a href="https://example.org">a link that a reader may follow</a>',
        '<script src="../_static/a.js"></script>',
        '<link rel="stylesheet" href="_static/a.css?digest=1">',
        '<link rel="canonical" href="https://example.org/page.html">',
        '<img src="data:image/png;base64,AAAA">',
    ],
)
def test_a_page_that_loads_nothing_from_outside_is_let_through(page):
    assert list(offline_assets.outside_assets(page, is_page=True)) == []


def test_a_font_in_a_style_sheet_is_recognised():
    style = "@font-face { src: url(https://example.org/a.woff) }"
    assert list(offline_assets.outside_assets(style, is_page=False)) == ["https://example.org/a.woff"]


@pytest.mark.parametrize("page", ["<td><p>{math}`</p></td>", '<span class="pre">{cite:p}</span>`Helm:1956zz`'])
def test_a_role_that_became_text_is_recognised(page):
    assert offline_assets.raw_role(page)


def test_a_page_with_rendered_mathematics_is_let_through():
    assert not offline_assets.raw_role(r'<span class="math">\(\lvert V_{\mu N}\rvert^2\)</span> <code>{m_N}</code>')


def executed(output):
    """A chapter of one cell, as a build keeps it."""
    notebook = new_notebook(cells=[new_code_cell("print(6 * 7)", outputs=[new_output("stream", text=output)])])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    return notebook


def test_only_the_newest_runs_of_a_chapter_are_kept(tmp_path):
    for age, name in enumerate(["newest", "newer", "old", "oldest"]):
        path = tmp_path / f"{name}.ipynb"
        path.write_text("{}")
        os.utime(path, (1e9 - age, 1e9 - age))
    chapter_runs.keep(executed("42\n"), tmp_path / "now.ipynb")
    assert {path.stem for path in tmp_path.iterdir()} == {"now", "newest", "newer"}


class TestChapterOfTheBook:
    """A book of one chapter, in a project of its own."""

    PAGE = (
        "---\njupytext:\n  text_representation:\n    format_name: myst\n"
        "kernelspec:\n  display_name: Python 3\n  name: python3\n---\n\n# Page\n\n"
    )
    CELL = "```{code-cell} ipython3\nprint(6 * 7)\n```\n"

    @pytest.fixture(scope="class")
    @staticmethod
    def process():
        """The one that runs chapters, for all builds: what it and its kernels import takes seconds."""
        with chapter_runs.ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            yield pool

    @pytest.fixture
    def app(self, tmp_path, process, monkeypatch):
        monkeypatch.setattr(chapter_runs, "ProcessPoolExecutor", lambda *_, **__: process)
        (tmp_path / "chapter.md").write_text(self.PAGE + self.CELL, encoding="utf-8")
        (tmp_path / "prose.md").write_text("# Prose\n", encoding="utf-8")
        (tmp_path / "requirements.txt").write_text("numpy==2.0\n", encoding="utf-8")
        mystnb = NbParserConfig(read_as_md=True, execution_timeout=60)
        env = types.SimpleNamespace(
            doc2path=lambda name: str(tmp_path / f"{name}.md"),
            found_docs={"chapter", "prose"},
            myst_config=MdParserConfig(),
            mystnb_config=mystnb,
        )
        config = types.SimpleNamespace(nb_execution_cache_path=None, long_chapters=[])
        app = types.SimpleNamespace(srcdir=tmp_path, config=config, env=env)
        chapter_runs.empty_cache(app, config)
        return app

    def outputs(self, app):
        (record,) = get_cache(app.config.nb_execution_cache_path).list_cache_records()
        (cell,) = get_cache(app.config.nb_execution_cache_path).get_cache_bundle(record.pk).nb.cells
        return [output.text for output in cell.outputs]

    def build(self, app):
        chapter_runs.changed_chapters(app, app.env, set(), set(), set())
        names = ["chapter", "prose"]
        chapter_runs.run_chapters(app, app.env, names)
        for name in names:
            chapter_runs.wait_for_chapter(app, name, [""])
        return names

    def test_is_executed_once_and_then_taken_from_its_run(self, app):
        assert self.build(app) == ["prose", "chapter"]  # which is read while the chapter runs
        assert self.outputs(app) == ["42\n"]
        run = chapter_runs.kept_run(app.srcdir, app.srcdir / "chapter.md", ["print(6 * 7)"])
        chapter_runs.keep(executed("kept\n"), run)
        chapter_runs.empty_cache(app, app.config)
        self.build(app)
        assert self.outputs(app) == ["kept\n"]

    def test_has_the_caption_of_its_page_though_it_was_run_with_another(self, app):
        def captions():
            (record,) = get_cache(app.config.nb_execution_cache_path).list_cache_records()
            (cell,) = get_cache(app.config.nb_execution_cache_path).get_cache_bundle(record.pk).nb.cells
            (kept,) = nbformat.read(app.env.chapter_runs["chapter"], as_version=4).cells[1:]
            return [one.metadata["caption"] for one in (cell, kept)]

        for caption in ("Left", "First panel"):
            cell = self.CELL.replace("print", f"---\ncaption: {caption}\n---\nprint")
            (app.srcdir / "chapter.md").write_text(self.PAGE + cell, encoding="utf-8")
            chapter_runs.empty_cache(app, app.config)
            self.build(app)
            assert self.outputs(app) == ["42\n"]
            assert captions() == [caption, caption]

    def test_stops_the_build_if_it_fails_when_the_others_are_done(self, app):
        for name, cell in (("chapter", "1 / 0"), ("other", "print(6 * 7)")):
            text = self.PAGE + self.CELL.replace("print(6 * 7)", cell)
            (app.srcdir / f"{name}.md").write_text(text, encoding="utf-8")
        app.env.found_docs = {"chapter", "other"}
        app.config.long_chapters = ["chapter", "other"]
        chapter_runs.changed_chapters(app, app.env, set(), set(), set())
        chapter_runs.run_chapters(app, app.env, ["other", "chapter"])
        with pytest.raises(chapter_runs.ExtensionError, match=r"(?s)chapter\.md fails: .*ZeroDivisionError"):
            chapter_runs.wait_for_chapter(app, "chapter", [""])
        assert self.outputs(app) == ["42\n"]
        assert app.env.chapter_runs["other"].is_file()

    def test_is_read_again_when_what_it_depends_on_changes(self, app):
        def outdated():
            return chapter_runs.changed_chapters(app, app.env, set(), set(), set())

        assert [outdated(), outdated()] == [["chapter"], []]
        (app.srcdir / "requirements.txt").write_text("numpy==2.1\n", encoding="utf-8")
        assert [outdated(), outdated()] == [["chapter"], []]


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 3), ("150000 100000", 2), ("50000 100000", 1), ("800000 100000", 3), (None, 3)],
)
def test_no_more_cores_are_used_than_the_process_may_use(quota, cores, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {4, 5, 9}, raising=False)
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota)
    assert chapter_runs.usable_cores(tmp_path / "cpu.max") == cores


def test_a_system_that_binds_no_processes_has_all_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert chapter_runs.usable_cores(tmp_path / "cpu.max") == 8


def test_a_build_starts_a_kernel_for_each_core_that_it_may_use(tmp_path, monkeypatch):
    started = []

    class Pool(chapter_runs.ProcessPoolExecutor):
        def __init__(self, workers, **options):
            started.append(workers)
            super().__init__(workers, **options)

    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(chapter_runs, "usable_cores", lambda: 3)
    monkeypatch.setattr(chapter_runs, "ProcessPoolExecutor", Pool)
    config = types.SimpleNamespace(nb_execution_cache_path=str(tmp_path / "cache"), long_chapters=[])
    app = types.SimpleNamespace(config=config)
    chapter_runs.run_chapters(app, types.SimpleNamespace(chapter_runs={}), [])
    chapter_runs.stop_running(app)
    assert started == [3]


def test_mathjax_is_installed_with_all_parts_that_pages_use():
    folder = offline_assets.mathjax_folder()
    assert all((folder / part).exists() for part in offline_assets.MATHJAX_PARTS)

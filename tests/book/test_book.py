"""The Sphinx extension that keeps the book offline and its numbers fresh."""

import os
import types

import offline_assets
import pytest


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


def test_hash_sees_contents_names_and_python(tmp_path):
    first, second = tmp_path / "a.py", tmp_path / "b.py"
    first.write_text("x = 1")
    hashes = [offline_assets.hash_of_files([first], tmp_path, "3.11")]
    hashes.append(offline_assets.hash_of_files([first], tmp_path, "3.12"))
    first.write_text("x = 2")
    hashes.append(offline_assets.hash_of_files([first], tmp_path, "3.11"))
    first.rename(second)
    hashes.append(offline_assets.hash_of_files([second], tmp_path, "3.11"))
    assert len(set(hashes)) == 4


def test_hash_ignores_the_order_of_files(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text(path.name)
    forwards = offline_assets.hash_of_files(paths, tmp_path)
    assert forwards == offline_assets.hash_of_files(reversed(paths), tmp_path)


def test_only_the_newest_caches_are_kept(tmp_path):
    for age, name in enumerate(["newest", "newer", "old", "oldest"]):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    offline_assets.remove_all_but_newest(tmp_path, 2)
    assert {path.name for path in tmp_path.iterdir()} == {"newest", "newer"}


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 3), ("150000 100000", 2), ("50000 100000", 1), ("800000 100000", 3), (None, 3)],
)
def test_no_more_cores_are_used_than_the_process_may_use(quota, cores, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {4, 5, 9}, raising=False)
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota)
    assert offline_assets.usable_cores(tmp_path / "cpu.max") == cores


def test_a_system_that_binds_no_processes_has_all_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert offline_assets.usable_cores(tmp_path / "cpu.max") == 8


def test_a_build_starts_a_kernel_for_each_core_that_it_may_use(tmp_path, monkeypatch):
    started = []

    class Pool(offline_assets.ProcessPoolExecutor):
        def __init__(self, workers, **options):
            started.append(workers)
            super().__init__(workers, **options)

    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(offline_assets, "usable_cores", lambda: 3)
    monkeypatch.setattr(offline_assets, "ProcessPoolExecutor", Pool)
    config = types.SimpleNamespace(nb_execution_cache_path=str(tmp_path / "cache"))
    offline_assets.run_chapters(types.SimpleNamespace(config=config), None, [])
    assert started == [3]


def test_mathjax_is_installed_with_all_parts_that_pages_use():
    folder = offline_assets.mathjax_folder()
    assert all((folder / part).exists() for part in offline_assets.MATHJAX_PARTS)

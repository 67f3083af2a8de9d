"""The page on the format of the table reads it as the package does, in both languages."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from notebook_references import ROOT

import darkpkg as dk
from darkpkg.method.table_grid import around

PAGE = ROOT / "book" / "table_format.md"
PLACES = [
    ((0.1, 1.25), 1.7, -3.0),
    ((0.03, 0.031), -9.0, 2.0),
    ((0.6, 9.0), 20.0, 0.1),
    ((0.1, 0.03), 1.0, 3.0),
    ((0.35, 0.002), 5.0, 9.0),
    ((0.9, 0.8), 8.5, -9.0),
]
"""Masses in GeV, ln of L of N and of Z′ over 1 cm/GeV; some beyond the ends of an axis."""


def pieces():
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)


@pytest.fixture(scope="module")
def reader():
    """What both pieces of Python on the page define, one after the other."""
    names, opened = {}, []
    for code in pieces():
        exec(code.replace('"data/', f'"{ROOT}/data/'), names)
        opened.append(names["file"])
    yield names
    for file in opened:
        file.close()


def places(header):
    """Fields of the table at some places of their axes."""
    for (m_N, m_Zprime), *at in PLACES:
        for name, about in header["fields"].items():
            if (m_N <= m_Zprime) == name.startswith("heavy/") or "heavy" not in header["grids"]:
                yield name, m_N, m_Zprime, at[: len(about["axes"])]


def test_the_python_of_the_page_reads_what_the_package_reads(reader):
    table, header = dk.load_table(), reader["header"]
    assert {name.split("/")[0] for name, *_ in places(header)} == set(header["grids"])
    for name, m_N, m_Zprime, at in places(header):
        near = table._grids[name.split("/")[0]].near(np.array([m_N]), np.array([m_Zprime]))
        expected = table._field(name)(near, lambda axes, at=at: around(axes, tuple(np.array([x]) for x in at)))[0]
        np.testing.assert_allclose(reader["value"](name, m_N, m_Zprime, *at), expected, rtol=1e-9, atol=1e-9)


def test_ten_lines_read_the_rates_of_analysis_I():
    code = pieces()[0]
    _, lines = code.split("\n\n")[1:]  # after imports: the point, and the lines
    assert len(lines.splitlines()) == 10
    exec(code.replace('"data/', f'"{ROOT}/data/').replace("print(", "found = ("), names := {})
    names["file"].close()
    point = dk.BENCHMARK_B.replace(m_N=names["m_N"], m_Zprime=names["m_Zprime"])
    expected = dk.load_table().events_at_lifetime(point, names["L"] * names["m_N"], dk.ANALYSIS_I).mean
    factors = np.array([channel.pot * channel.selection.efficiency for channel in dk.ANALYSIS_I.channels])
    found = point.coupling * point.pair_branching_ratio() * factors * names["found"][:, -1]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_recipe_of_the_page_gives_the_events_of_the_package(reader):
    B, lifetime = dk.BENCHMARK_B, np.log(dk.BENCHMARK_B.proper_decay_length() / dk.BENCHMARK_B.m_N)
    rate = np.exp(reader["value"]("heavy/I/rate", B.m_N, B.m_Zprime, lifetime))[:, -1]
    factors = np.array([channel.pot * channel.selection.efficiency for channel in dk.ANALYSIS_I.channels])
    expected = dk.load_table().events(B, dk.ANALYSIS_I).mean
    np.testing.assert_allclose(B.coupling * B.pair_branching_ratio() * factors * rate, expected, rtol=1e-9)


def test_the_javascript_of_the_page_reads_what_its_python_reads(reader, tmp_path):
    """With node; without it, that the braces match."""
    (code,) = re.findall(r"```js\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert code.count("{") == code.count("}")
    header, file = reader["header"], reader["file"]
    arrays = {
        name: {"shape": file[name].shape, "data": file[name].ravel().tolist()} for name in file.files if "/" in name
    }
    expected = [
        {"name": n, "m_N": m, "m_Zprime": z, "at": at, "values": np.ravel(reader["value"](n, m, z, *at)).tolist()}
        for n, m, z, at in places(header)
    ]
    path = tmp_path / "table.json"
    path.write_text(json.dumps({"header": header, "arrays": arrays, "expected": expected}), encoding="utf-8")
    if shutil.which("node"):
        subprocess.run(["node", ROOT / "book" / "checks" / "table.mjs", PAGE, path], check=True, capture_output=True)

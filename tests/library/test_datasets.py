"""Input tables: each is described, verified, and refused when it is not what its description says."""

import datetime
import hashlib
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from for_each import for_each
from fresh_python import fresh_python

from darkpkg import datasets

TABLES = datasets.names()
COLUMN_WITHOUT_UNIT = {
    *("flavour", "module", "nucleus", "element", "isotope", "Z", "probability", "simulated"),
    *("point", "quantity", "variable", "trap", "kind", "mediator", "choice", "search", "replicate"),
    *("name", "reference", "edge", "x", "y", "R", "analysis", "method", "sequence"),
    *("id", "section", "place", "claim", "paper", "page", "assumption", "reason", "verdict", "unit"),
    *("number", "low", "high", "ours", "error", "assumed", "assumed_error"),  # each row has its own unit
    *("value", "stage", "meaning", "source", "panel", "curve", "x_scale", "mode", "sample", "cuts", "row"),
    *("version", "region", "step"),
}
"""Names and pure numbers; every other column is measured in something."""


def copy_of_data(into):
    """A copy of data/ without the nodes that building a table leaves beside it."""
    return shutil.copytree(datasets._ROOT, into, ignore=shutil.ignore_patterns("*.nodes"))


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """A copy of data/ that a test may spoil."""
    root = tmp_path / "data"
    copy_of_data(root)
    monkeypatch.setattr(datasets, "_ROOT", root)
    return root


def test_there_are_the_tables_that_the_package_reads():
    assert {"flux/nd280_fhc", "flux/nd280_rhc", "detector/nd280", "nuclei/elements"} < set(TABLES)
    assert "nuclei/fourier_bessel" in TABLES


@for_each("name", TABLES)
def test_every_table_is_what_its_manifest_says(name):
    datasets.verify(name)
    assert list(datasets.read(name).columns) == list(datasets.manifest(name).columns)


@for_each("name", TABLES)
def test_every_manifest_says_where_the_numbers_come_from(name):
    about = datasets.manifest(name)
    for field in ("title", "source", "reference", "processing"):
        assert len(getattr(about, field)) > 5, field
    assert about.doi.startswith("10.")
    assert about.kind in ("copied", "digitised", "constructed")
    assert len(about.licence) > 2
    assert type(about.retrieved) is datetime.date
    assert about.retrieved >= datetime.date(2020, 1, 1)
    assert "/" in about.doi


@for_each("name", TABLES)
def test_every_column_has_a_meaning_and_every_measured_one_a_unit(name):
    for column, about in datasets.manifest(name).columns.items():
        assert about.meaning, column
        assert about.unit or column in COLUMN_WITHOUT_UNIT, column


@for_each("name", TABLES)
def test_numbers_are_finite_or_empty(name):
    numbers = datasets.read(name).select_dtypes("number").to_numpy()
    assert not np.isinf(numbers).any()


DESCRIBE_THEMSELVES = {"analysis/example.toml"}
ARCHIVES = {f"tables/{name}.{kind}" for name in ("booster", "t2k") for kind in ("npz", "toml")}
"""Tables of rates, and their manifests."""


def test_every_file_of_data_is_a_table_with_a_manifest_or_describes_itself(copied_data):
    files = {file.relative_to(copied_data).as_posix() for file in copied_data.rglob("*") if file.is_file()}
    assert files == {f"{name}.{kind}" for name in TABLES for kind in ("csv", "toml")} | DESCRIBE_THEMSELVES | ARCHIVES


def test_a_manifest_is_renewed_with_its_file(copied_data):
    datasets.verify("tables/t2k.npz")
    file = copied_data / "tables/t2k.npz"
    file.write_bytes(b"another")
    with pytest.raises(datasets.DataIntegrityError, match=r"t2k\.npz was altered"):
        datasets.verify("tables/t2k.npz")
    datasets.renew_manifest(file)
    assert datasets.verify("tables/t2k.npz") == b"another"
    assert datasets.manifest("tables/t2k.npz").retrieved == datetime.date.today()


def test_a_table_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(KeyError, match=r"no table 'flux/minos'.*flux/nd280_fhc"):
        datasets.path("flux/minos")


@for_each("name", TABLES)
def test_one_altered_digit_is_refused(tmp_path, monkeypatch, name):
    file = tmp_path / f"{name}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    for kind in (".csv", ".toml"):  # a copy of all data for each table would take longer than all tests of them
        shutil.copy((datasets._ROOT / name).with_suffix(kind), file.parent)
    content = bytearray(file.read_bytes())
    place = next(i for i in reversed(range(len(content))) if chr(content[i]).isdigit())
    content[place] = ord("1") if content[place] != ord("1") else ord("2")
    file.write_bytes(content)
    with monkeypatch.context() as patch:
        patch.setattr(datasets, "_ROOT", tmp_path)
        with pytest.raises(datasets.DataIntegrityError, match=rf"{name}\.csv was altered: its sha256 is"):
            datasets.read(name)


def test_a_truncated_table_is_refused(copied_data):
    file = copied_data / "flux/nd280_fhc.csv"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(datasets.DataIntegrityError, match="was altered"):
        datasets.read("flux/nd280_fhc")


def test_a_checksum_that_differs_in_its_last_digit_only_is_refused(copied_data):
    """All of it is compared."""
    about, stated = copied_data / "flux/nd280_fhc.toml", datasets.manifest("flux/nd280_fhc").sha256
    about.write_text(about.read_text().replace(stated, stated[:-1] + ("0" if stated[-1] != "0" else "1")))
    for check in (datasets.verify, datasets.read):
        with pytest.raises(datasets.DataIntegrityError, match=r"nd280_fhc\.csv was altered"):
            check("flux/nd280_fhc")


def test_a_table_that_is_gone_is_named(copied_data):
    (copied_data / "flux/nd280_fhc.csv").unlink()
    with pytest.raises(datasets.DataIntegrityError, match=r"flux/nd280_fhc\.csv is missing"):
        datasets.read("flux/nd280_fhc")


@pytest.mark.parametrize("content", [b"", b'a,b\n1,2,3\n"', b"\xff\xfe"])
def test_what_is_no_table_is_refused_with_the_name_of_the_file(copied_data, content):
    file, about = copied_data / "flux/nd280_fhc.csv", copied_data / "flux/nd280_fhc.toml"
    old = datasets.manifest("flux/nd280_fhc").sha256
    file.write_bytes(content)
    about.write_text(about.read_text().replace(old, hashlib.sha256(content).hexdigest()))
    with pytest.raises(datasets.DataIntegrityError, match=r"flux/nd280_fhc\.csv (is no table|has columns)"):
        datasets.read("flux/nd280_fhc")


def test_a_manifest_that_is_no_text_is_refused(copied_data):
    (copied_data / "flux/nd280_fhc.toml").write_bytes(b"\xff")
    with pytest.raises(datasets.DataIntegrityError, match=r"no usable manifest .*nd280_fhc\.toml"):
        datasets.read("flux/nd280_fhc")


def test_a_table_without_manifest_is_refused(copied_data):
    (copied_data / "flux/nd280_fhc.toml").unlink()
    with pytest.raises(datasets.DataIntegrityError, match=r"no usable manifest .*nd280_fhc\.toml"):
        datasets.read("flux/nd280_fhc")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda text: text.replace("source =", "origin ="), id="unknown field"),
        pytest.param(lambda text: text.replace('doi = "10.1103/PhysRevD.87.012001"\n', ""), id="missing field"),
        pytest.param(lambda text: text.replace('unit = "GeV", ', "", 1), id="column without unit"),
        pytest.param(lambda text: text.partition("[columns]")[0], id="no columns"),
        pytest.param(lambda text: text.partition("[columns]")[0] + "columns = 3", id="no table of columns"),
        pytest.param(lambda text: text + "= =", id="no TOML"),
    ],
)
def test_an_incomplete_manifest_is_refused(copied_data, spoil):
    file = copied_data / "flux/nd280_fhc.toml"
    text = file.read_text()
    assert spoil(text) != text
    file.write_text(spoil(text))
    with pytest.raises(datasets.DataIntegrityError, match=r"no usable manifest .*nd280_fhc\.toml"):
        datasets.read("flux/nd280_fhc")


def test_columns_in_another_order_than_the_manifest_says_are_refused(copied_data):
    file = copied_data / "flux/nd280_fhc.toml"
    lines = file.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("numu ="))
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    file.write_text("\n".join(lines))
    with pytest.raises(datasets.DataIntegrityError, match=r"has columns .*, its manifest has"):
        datasets.read("flux/nd280_fhc")


def test_a_table_made_anew_is_read_once_its_checksum_is_stated(copied_data):
    file, about = copied_data / "detector/nd280.csv", copied_data / "detector/nd280.toml"
    old = datasets.manifest("detector/nd280").sha256
    file.write_text(file.read_text().replace("2.9", "3.1"))
    about.write_text(about.read_text().replace(old, hashlib.sha256(file.read_bytes()).hexdigest()))
    assert datasets.read("detector/nd280").mass[0] == 3.1


class TestWhenNeeded:
    def test_a_constant_is_made_once_and_only_when_it_is_used(self):
        made, module = [], {"__name__": "some.module"}
        attribute = datasets.when_needed(module, ONE=lambda: made.append(1) or [1], TWO=lambda: made.append(2) or [2])
        assert made == []
        assert attribute("ONE") is module["ONE"]
        assert attribute("ONE") == [1]
        assert "TWO" not in module

    def test_threads_get_the_same_object(self):
        barrier, module = threading.Barrier(2), {"__name__": "some.module"}
        attribute = datasets.when_needed(module, ONE=lambda: barrier.wait(10) * 0 or [1])
        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(attribute, ["ONE", "ONE"])
        assert one is other

    def test_another_name_is_refused_as_by_any_module(self):
        with pytest.raises(AttributeError, match=r"module 'some\.module' has no attribute 'TWO'"):
            datasets.when_needed({"__name__": "some.module"}, ONE=list)("TWO")


class TestDamage:
    """In a copy of the package whose data can be damaged, or changed, before anything is read."""

    @pytest.fixture
    def package(self, tmp_path):
        source = Path(datasets.__file__).parent
        shutil.copytree(source, tmp_path / "darkpkg", ignore=shutil.ignore_patterns("__pycache__"))
        copy_of_data(tmp_path / "data")
        return tmp_path

    @staticmethod
    def run(package, program):
        return fresh_python(program, os.environ | {"PYTHONPATH": str(package)}, package)

    def test_another_element_is_a_row_and_a_checksum(self, package):
        """One of the ten changes of the page on the architecture: three lines in two files."""
        file = package / "data" / "nuclei" / "elements.csv"
        file.write_text(file.read_text(encoding="utf-8") + "Ti,22,Ti48,47.867,4.54,44663.2\n", encoding="utf-8")
        datasets.renew_manifest(file)
        program = """
import darkpkg as dk
from darkpkg.physics.scattering import total_cross_section
argon, titanium, iron = (dk.NUCLEI[name] for name in ("Ar40", "Ti48", "Fe56"))
sigma = [total_cross_section(1.0, dk.BENCHMARK_B, nucleus) for nucleus in (argon, titanium, iron)]
assert (titanium.Z, titanium.A, titanium.pdg_code) == (22, 48, 1000220480)
assert sigma == sorted(sigma) and argon.mass < titanium.mass < iron.mass
print("done")
"""
        process = self.run(package, program)
        assert (process.returncode, process.stdout) == (0, "done\n"), process.stderr

    def test_what_needs_no_table_works_with_every_table_damaged(self, package):
        for file in (package / "data").rglob("*.*"):
            file.write_bytes(b"\xff")
        program = """
import darkpkg as dk
from darkpkg.datasets import DataIntegrityError
from darkpkg.physics import decay
read = {"T2K", "T2K_ALL_FLAVOURS", "ANALYSIS_II", "ND280", "ND280_TRACKER", "ND280_UPGRADE", "NUCLEI"}
for name in {*dir(dk)} - read:
    getattr(dk, name)
for name in read:
    try:
        getattr(dk, name)
    except DataIntegrityError as error:
        assert str(error).count("data/") == 1, error
    else:
        raise AssertionError(name)
print(dk.BENCHMARK_A.coupling > 0, dk.ANALYSIS_I.observed.sum(), decay.__name__)
"""
        process = self.run(package, program)
        assert (process.returncode, process.stdout) == (0, "True 0.0 darkpkg.physics.decay\n"), process.stderr

    def test_help_is_printed_with_every_table_damaged(self, package):
        for file in (package / "data").rglob("*.*"):
            file.write_bytes(b"\xff")
        process = self.run(package, "import sys; sys.argv = ['darkpkg', '--help']; import darkpkg.__main__")
        assert (process.returncode, process.stderr) == (0, "")
        assert "simulate" in process.stdout

    def test_an_analysis_of_the_command_line_needs_no_table_of_another(self, package):
        for file in (package / "data").glob("*/fgd1*.csv"):
            file.write_bytes(b"\xff")
        process = self.run(package, "from darkpkg import options; print(options.analysis_of('I').name)")
        assert (process.returncode, process.stdout) == (0, "Analysis I\n"), process.stderr

    @pytest.mark.slow
    def test_a_command_that_needs_a_damaged_table_names_it_in_one_line(self, package):
        (package / "data" / "detector" / "nd280.csv").write_bytes(b"\xff")
        command = ["darkpkg", "simulate", "--n-events", "100", "--output", "sample.parquet"]
        process = self.run(package, f"import sys; sys.argv = {command}; import darkpkg.__main__")
        assert (process.returncode, process.stdout) == (2, "")
        (line,) = process.stderr.splitlines()
        assert str(package / "data" / "detector" / "nd280.csv") in line

    @pytest.mark.parametrize(
        ("table", "needed_by"),
        [
            ("analysis/fgd1_photons_rhc", "ANALYSIS_II"),
            ("detector/fgd1_angle", "FGD_RESPONSE ANALYSIS_II"),
            ("detector/nd280", "ND280 ND280_TRACKER"),
            ("detector/nd280_upgrade", "ND280_UPGRADE"),
            ("nuclei/fourier_bessel", "NUCLEI ND280 ND280_TRACKER ND280_UPGRADE"),
            ("flux/nd280_fhc", ""),
        ],
    )
    def test_a_damaged_table_is_an_error_of_what_needs_it_and_names_the_file(self, package, table, needed_by):
        with (package / "data" / f"{table}.csv").open("a") as file:
            file.write("0\n")
        program = """
import darkpkg as dk
from darkpkg.datasets import DataIntegrityError
from darkpkg.experiment import response
for name in ("ANALYSIS_I", "ANALYSIS_II", "FGD_RESPONSE", "ND280", "ND280_TRACKER", "ND280_UPGRADE", "NUCLEI"):
    try:
        getattr(response if name == "FGD_RESPONSE" else dk, name)
    except DataIntegrityError as error:
        print(name, str(error).split(" was altered")[0])
"""
        process = self.run(package, program)
        assert process.returncode == 0, process.stderr
        file = package / "data" / f"{table}.csv"
        assert {*process.stdout.splitlines()} == {f"{name} {file}" for name in needed_by.split()}


@pytest.mark.parametrize("function", [datasets.path, datasets.read, datasets.columns, datasets.manifest])
@pytest.mark.parametrize("name", [3, None, []])
def test_a_name_that_is_no_text_is_refused(function, name):
    with pytest.raises(TypeError, match="name must be that of a table, got"):
        function(name)

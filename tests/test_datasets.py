"""Input tables: each is described, verified, and refused when it is not what its description says."""

import hashlib
import shutil

import numpy as np
import pytest

from darkpkg import datasets

TABLES = datasets.names()
COLUMN_WITHOUT_UNIT = {
    *("flavour", "module", "nucleus", "element", "isotope", "Z", "probability", "simulated"),
    *("point", "variable", "trap"),
    *("name", "reference", "edge", "x", "y"),
    *("id", "section", "place", "claim", "paper", "page", "assumption", "reason", "verdict", "unit"),
    *("number", "low", "high", "ours", "error", "assumed", "assumed_error"),  # each row has its own unit
}
"""Names and pure numbers; every other column is measured in something."""


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """A copy of data/ that a test may spoil."""
    root = tmp_path / "data"
    shutil.copytree(datasets._ROOT, root)
    monkeypatch.setattr(datasets, "_ROOT", root)
    return root


def test_there_are_the_tables_that_the_package_reads():
    assert {"flux/nd280_fhc", "flux/nd280_rhc", "detector/nd280", "nuclei/elements"} < set(TABLES)
    assert "nuclei/fourier_bessel" in TABLES


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_what_its_manifest_says(name):
    datasets.verify(name)
    assert list(datasets.read(name).columns) == list(datasets.manifest(name).columns)


@pytest.mark.parametrize("name", TABLES)
def test_every_manifest_says_where_the_numbers_come_from(name):
    about = datasets.manifest(name)
    for field in ("title", "source", "reference", "processing"):
        assert len(getattr(about, field)) > 5, field
    assert about.doi.startswith("10.")
    assert "/" in about.doi


@pytest.mark.parametrize("name", TABLES)
def test_every_column_has_a_meaning_and_every_measured_one_a_unit(name):
    for column, about in datasets.manifest(name).columns.items():
        assert about.meaning, column
        assert about.unit or column in COLUMN_WITHOUT_UNIT, column


@pytest.mark.parametrize("name", TABLES)
def test_numbers_are_finite_or_empty(name):
    numbers = datasets.read(name).select_dtypes("number").to_numpy()
    assert not np.isinf(numbers).any()


DESCRIBE_THEMSELVES = {"analysis/example.yaml", "analysis/schema.json"}


def test_every_file_of_data_is_a_table_with_a_manifest_or_describes_itself():
    files = {file.relative_to(datasets._ROOT).as_posix() for file in datasets._ROOT.rglob("*") if file.is_file()}
    assert files == {f"{name}.{kind}" for name in TABLES for kind in ("csv", "toml")} | DESCRIBE_THEMSELVES


def test_a_table_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(KeyError, match=r"no table 'flux/minos'.*flux/nd280_fhc"):
        datasets.path("flux/minos")


@pytest.mark.parametrize("name", TABLES)
def test_one_altered_digit_is_refused(copied_data, name):
    file = copied_data / f"{name}.csv"
    content = bytearray(file.read_bytes())
    place = next(i for i in reversed(range(len(content))) if chr(content[i]).isdigit())
    content[place] = ord("1") if content[place] != ord("1") else ord("2")
    file.write_bytes(content)
    with pytest.raises(datasets.DataIntegrityError, match=f"'{name}' was altered: its sha256 is"):
        datasets.read(name)


def test_a_truncated_table_is_refused(copied_data):
    file = copied_data / "flux/nd280_fhc.csv"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(datasets.DataIntegrityError, match="was altered"):
        datasets.read("flux/nd280_fhc")


def test_a_table_without_manifest_is_refused(copied_data):
    (copied_data / "flux/nd280_fhc.toml").unlink()
    with pytest.raises(datasets.DataIntegrityError, match=r"no usable manifest nd280_fhc\.toml"):
        datasets.read("flux/nd280_fhc")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda text: text.replace("source =", "origin ="), id="unknown field"),
        pytest.param(lambda text: text.replace('doi = "10.1103/PhysRevD.87.012001"\n', ""), id="missing field"),
        pytest.param(lambda text: text.replace('unit = "GeV", ', "", 1), id="column without unit"),
        pytest.param(lambda text: text.partition("[columns]")[0], id="no columns"),
        pytest.param(lambda text: text + "= =", id="no TOML"),
    ],
)
def test_an_incomplete_manifest_is_refused(copied_data, spoil):
    file = copied_data / "flux/nd280_fhc.toml"
    text = file.read_text()
    assert spoil(text) != text
    file.write_text(spoil(text))
    with pytest.raises(datasets.DataIntegrityError, match=r"no usable manifest nd280_fhc\.toml"):
        datasets.read("flux/nd280_fhc")


def test_columns_in_another_order_than_the_manifest_says_are_refused(copied_data):
    file = copied_data / "flux/nd280_fhc.toml"
    lines = file.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("numu ="))
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    file.write_text("\n".join(lines))
    with pytest.raises(datasets.DataIntegrityError, match=r"has columns .*, its manifest says"):
        datasets.read("flux/nd280_fhc")


def test_a_table_made_anew_is_read_once_its_checksum_is_stated(copied_data):
    file, about = copied_data / "detector/nd280.csv", copied_data / "detector/nd280.toml"
    old = datasets.manifest("detector/nd280").sha256
    file.write_text(file.read_text().replace("2.9", "3.1"))
    about.write_text(about.read_text().replace(old, hashlib.sha256(file.read_bytes()).hexdigest()))
    assert datasets.read("detector/nd280").mass[0] == 3.1

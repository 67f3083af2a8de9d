"""Submissions to HEPData: accepted by its validator, with the same numbers."""

import warnings

import numpy as np
import pytest
import yaml

import darkpkg as dk
from paper.hepdata import HepDataTable, table_of_scan, to_hepdata

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of what jsonschema wants to drop
    from hepdata_validator.full_submission_validator import FullSubmissionValidator

GRID = dk.Slice(dk.BENCHMARK_A, m_N=[0.08, 0.1], V_muN_sq=[1e-8, 1e-7, 1e-6])


@pytest.fixture(autouse=True)
def old_words_of_others():
    """As above, for what they call late."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


files_left_open = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
"""By hepdata-validator 0.3.6."""


@files_left_open
def test_a_scan_comes_back_from_hepdata(tmp_path):
    """The validator of HEPData accepts the folder; ln L is that of the scan, to the last digit."""
    scan = dk.scan(None, GRID, dk.ANALYSIS_I)
    path = to_hepdata([table_of_scan(scan)], tmp_path / "submission", "a plane")
    validator = FullSubmissionValidator(schema_version="1.1.1")
    assert validator.validate(directory=str(path.parent)), validator.get_messages()
    with path.open(encoding="utf-8") as file:
        _, about = yaml.safe_load_all(file)
    table = yaml.safe_load((path.parent / about["data_file"]).read_text(encoding="utf-8"))
    columns = {
        one["header"]["name"]: [cell["value"] for cell in one["values"]] for one in table["dependent_variables"]
    }
    np.testing.assert_array_equal(columns["-Delta ln L"], scan.minus_delta_log_likelihood.ravel())
    masses = next(one for one in table["independent_variables"] if one["header"] == {"name": "m_N", "units": "GeV"})
    np.testing.assert_array_equal([cell["value"] for cell in masses["values"]], scan.parameters.m_N.repeat(3))
    assert sorted(p.name for p in path.parent.iterdir()) == ["submission.yaml", "table_1.yaml"]


@files_left_open
def test_bins_errors_and_missing_numbers_have_their_form_in_hepdata(tmp_path):
    one = HepDataTable("t", "", {"E": [[0, 1], [1, 2]]}, {"rate": [3.0, np.nan]}, {"rate": [0.5, 0.5]}, {"E": "GeV"})
    document = one.document()
    assert document["independent_variables"][0]["values"] == [{"low": 0.0, "high": 1.0}, {"low": 1.0, "high": 2.0}]
    first, second = document["dependent_variables"][0]["values"]
    assert (first["value"], first["errors"][0]["symerror"], second) == (3.0, 0.5, {"value": "-"})
    validator = FullSubmissionValidator(schema_version="1.1.1")
    assert validator.validate(directory=str(to_hepdata([one], tmp_path).parent)), validator.get_messages()
    with pytest.raises(ValueError, match="columns of t must have the same length"):
        HepDataTable("t", "", {"x": [1.0]}, {"y": [1.0, 2.0]})
    with pytest.raises(ValueError, match="tables must be at least one, with names of their own"):
        to_hepdata([one, one], tmp_path)

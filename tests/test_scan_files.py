"""Scans written and read again."""

import json

import numpy as np
import pandas as pd
import pytest

import darkpkg as dk
from darkpkg.results.scan_files import scan_table

B = dk.BENCHMARK_B


@pytest.fixture(scope="module")
def events():
    return dk.place(dk.generate(dk.SamplingRange.at(0.1, 1.25), 20_000, seed=1), dk.ND280, seed=2)


@pytest.fixture(scope="module")
def scan(events):
    plane = dk.Slice(
        lambda epsilon, V: B.replace(epsilon=epsilon, V_muN_sq=V, V_N_sq=np.sqrt(V)),
        epsilon=np.geomspace(1e-3, 0.1, 5),
        V=np.geomspace(1e-8, 1e-3, 6),
    )
    return dk.scan(events, plane, dk.ANALYSIS_I, refine=2)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_what_is_read_is_what_was_written_bit_for_bit(scan, tmp_path, suffix):
    again = dk.read_scan(scan.write(tmp_path / f"scan{suffix}"))
    np.testing.assert_array_equal(again.evaluated, scan.evaluated)
    for name in ("log_likelihood", "minus_delta_log_likelihood"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scan, name))
    for kind in ("mean", "variance", "bias", "bias_variance"):
        np.testing.assert_array_equal(getattr(again.expectation, kind), getattr(scan.expectation, kind))
    for name, values in scan.axes.items():
        np.testing.assert_array_equal(again.axes[name], values)
    for name in B.numbers():
        ours, theirs = (np.broadcast_to(getattr(s.parameters, name), (17, 21)) for s in (scan, again))
        np.testing.assert_array_equal(theirs[scan.evaluated], ours[scan.evaluated])
        np.testing.assert_allclose(theirs, ours, rtol=1e-12)  # tied by power laws: the interpolation is exact
    assert again.analysis.name == "Analysis I"
    assert again.provenance["sample"]["seed"] == 1
    for ours, theirs in zip(scan.exclusion(), again.exclusion(), strict=True):
        np.testing.assert_array_equal(theirs, ours)
    sums = [s.expectation.in_channels(s.analysis).mean for s in (scan, again)]
    np.testing.assert_array_equal(*sums)


def test_a_line_and_a_sum_of_analyses_are_written_too(events, tmp_path):
    line = dk.Slice(B, V_muN_sq=np.geomspace(1e-9, 1e-5, 4))
    both = dk.ANALYSIS_I + dk.ANALYSIS_II
    scan = dk.scan(events, line, both)
    again = dk.read_scan(scan.write(tmp_path / "line.csv"))
    np.testing.assert_array_equal(again.log_likelihood, scan.log_likelihood)
    assert [c.name for c in again.analysis.channels] == [c.name for c in both.channels]
    assert again.analysis.caveat == both.caveat


def test_a_csv_file_is_a_table_for_everybody(scan, tmp_path):
    path = scan.write(tmp_path / "scan.csv")
    table = pd.read_csv(path, comment="#")
    assert list(table.columns[:8]) == [
        "epsilon",
        "V",
        "m_N",
        "m_Zprime",
        "alpha_D",
        "V_muN_sq",
        "V_N_sq",
        "log_likelihood",
    ]
    assert len(table) == scan.evaluated.sum()
    header = json.loads(path.read_text().splitlines()[0][2:])
    assert header["analysis"]["name"] == "Analysis I"
    np.testing.assert_allclose(table.expected_events, scan.expectation.total().mean[scan.evaluated])
    np.testing.assert_allclose(table.n_effective, scan.expectation.total().n_effective[scan.evaluated])


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_changed_number_is_seen(scan, tmp_path, suffix):
    path = scan.write(tmp_path / f"scan{suffix}")
    if suffix == ".csv":
        lines = path.read_text().splitlines()
        lines[5] = lines[5].replace("1", "2", 1)
        path.write_text("\n".join(lines) + "\n")
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        frame = table.to_pandas()
        frame.loc[3, "log_likelihood"] += 1e-9
        pq.write_table(
            pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(table.schema.metadata), path
        )
    with pytest.raises(dk.DataIntegrityError, match="was altered"):
        dk.read_scan(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "m_N,epsilon\n1,2\n", "is not a file of 'darkpkg scan 1': its first line is 'm_N,epsilon'"),
        ("a.csv", '# {"format": "other"}\nm_N\n1\n', "its format is 'other'"),
        ("a.csv", '# {"format": \n', "is no readable scan, perhaps truncated"),
        ("a.parquet", "PAR1", "is no readable scan, perhaps truncated"),
    ],
)
def test_foreign_files_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(dk.DataIntegrityError, match=message):
        dk.read_scan(path)


def test_names_that_say_no_format_are_refused(scan, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.parquet or \.csv, got scan\.txt"):
        scan.write(tmp_path / "scan.txt")
    with pytest.raises(FileNotFoundError, match="no scan file at"):
        dk.read_scan(tmp_path / "none.csv")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_again_is_not_written(events, tmp_path):
    single = dk.scan(events, B, dk.ANALYSIS_I)
    with pytest.raises(ValueError, match=r"must be that of a darkpkg\.Slice"):
        single.write(tmp_path / "scan.csv")
    assert scan_table(single).shape[0] == 1
    toy = dk.limits.scan_predictions(
        lambda theta: dk.Expectation(np.ones((2, 2)), np.zeros((2, 2))),
        dk.Slice(lambda a: (a,), a=[1.0, 2.0]),
        dk.ANALYSIS_I,
    )
    with pytest.raises(TypeError, match="only scans over DarkParameters have a table, got tuple"):
        scan_table(toy)

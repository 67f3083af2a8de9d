"""Scans written and read again."""

import io
import json
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv
from toy_sample import Predicted

import darkpkg as dk
from darkpkg.datasets import DataIntegrityError
from darkpkg.inference.scan_files import _digest

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
    return dk.scan(dk.Kernel(events), plane, dk.ANALYSIS_I, refine=2)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_what_is_read_is_what_was_written_bit_for_bit(scan, tmp_path, suffix):
    again = dk.read_scan(dk.write_scan(scan, tmp_path / f"scan{suffix}"))
    np.testing.assert_array_equal(again.evaluated, scan.evaluated)
    for name in ("log_likelihood", "minus_delta_log_likelihood"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scan, name))
    assert set(vars(again.expectation)) > {"tabulation", "covariance"}
    for kind in vars(again.expectation):
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
    scan = dk.scan(dk.Kernel(events), line, both)
    again = dk.read_scan(dk.write_scan(scan, tmp_path / "line.csv"))
    np.testing.assert_array_equal(again.log_likelihood, scan.log_likelihood)
    assert [c.name for c in again.analysis.channels] == [c.name for c in both.channels]
    assert again.analysis.caveat == both.caveat


def test_a_csv_file_is_a_table_for_everybody(scan, tmp_path):
    path = dk.write_scan(scan, tmp_path / "scan.csv")
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
    path = dk.write_scan(scan, tmp_path / f"scan{suffix}")
    if suffix == ".csv":
        lines = path.read_text().splitlines()
        lines[5] = lines[5].replace("1", "2", 1)
        path.write_text("\n".join(lines) + "\n")
    else:
        table = pq.read_table(path)
        frame = table.to_pandas()
        frame.loc[3, "log_likelihood"] += 1e-9
        pq.write_table(
            pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(table.schema.metadata), path
        )
    with pytest.raises(DataIntegrityError, match="was altered"):
        dk.read_scan(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "m_N,epsilon\n1,2\n", "is not a file of 'darkpkg scan 1': its format is 'None'"),
        ("a.csv", '# {"format": "other"}\nm_N\n1\n', "its format is 'other'"),
        ("a.csv", '# {"format": \n', "is no readable scan, perhaps truncated"),
        ("a.parquet", "PAR1", "is no readable scan, perhaps truncated"),
    ],
)
def test_foreign_files_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataIntegrityError, match=message):
        dk.read_scan(path)


def test_names_that_say_no_format_are_refused(scan, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.parquet or \.csv, got scan\.txt"):
        dk.write_scan(scan, tmp_path / "scan.txt")
    with pytest.raises(FileNotFoundError, match="no scan file at"):
        dk.read_scan(tmp_path / "none.csv")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_again_is_not_written(events, tmp_path):
    single = dk.scan(dk.Kernel(events), B, dk.ANALYSIS_I)
    with pytest.raises(ValueError, match=r"must be that of a darkpkg\.Slice"):
        dk.write_scan(single, tmp_path / "scan.csv")
    assert single.to_pandas().shape[0] == 1
    toy = dk.scan(
        Predicted(lambda theta: dk.Expectation(np.ones((2, 2)), np.zeros((2, 2)))),
        dk.Slice(lambda a: (a,), a=[1.0, 2.0]),
        dk.ANALYSIS_I,
    )
    with pytest.raises(TypeError, match="only scans over DarkParameters have a table, got tuple"):
        toy.to_pandas()


def header_and_table(scan, tmp_path):
    path = dk.write_scan(scan, tmp_path / "whole.csv")
    first, rest = path.read_text().split("\n", 1)
    return json.loads(first[2:]), csv.read_csv(io.BytesIO(rest.encode())).to_pandas()


def sealed(path, header, table):
    """A file of this content whose checksum holds."""
    header = {key: value for key, value in header.items() if key != "sha256"}
    words = json.dumps(header)
    words = json.dumps(header | {"sha256": _digest(words, table)})
    path.write_text(f"# {words}\n{table.to_csv(index=False)}")
    return path


def test_a_likelihood_that_does_not_follow_from_the_others_is_refused(scan, tmp_path):
    """As in a file of other counts, or one that is read by another likelihood than the scan was made with."""
    header, table = header_and_table(scan, tmp_path)
    again = dk.read_scan(sealed(tmp_path / "again.csv", header, table))
    np.testing.assert_array_equal(again.log_likelihood, scan.log_likelihood)
    header["analysis"]["background"] = [0.9, 0.015]
    with pytest.raises(DataIntegrityError, match="its log_likelihood does not follow from the others"):
        dk.read_scan(sealed(tmp_path / "changed.csv", header, table))


def test_a_grid_beyond_memory_is_refused(scan, tmp_path):
    header, table = header_and_table(scan, tmp_path)
    header["axes"] = {name: np.geomspace(1e-3, 1, 90_001).tolist() for name in header["axes"]}
    with pytest.raises(DataIntegrityError, match="GB of memory"):
        dk.read_scan(sealed(tmp_path / "changed.csv", header, table))


def test_the_checksum_covers_header_names_and_the_last_bit(scan, tmp_path):
    header, table = header_and_table(scan, tmp_path)
    words = json.dumps(header)
    whole = _digest(words, table)
    last_bit = table.assign(mean_0=np.nextafter(table.mean_0, 9))
    renamed = table.rename(columns={"mean_0": "mean_1", "mean_1": "mean_0"})
    assert whole not in {_digest(json.dumps(header | {"levels": 1}), table), _digest(words, last_bit)}
    assert whole != _digest(words, renamed)
    path = dk.write_scan(scan, tmp_path / "scan.csv")
    path.write_text(path.read_text().replace('"caveat": ""', '"caveat": "!"', 1))
    with pytest.raises(DataIntegrityError, match="was altered"):
        dk.read_scan(path)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_deep_nesting_and_endless_headers_are_refused(scan, tmp_path, suffix):
    for n, words in enumerate(['{"format": ' + "[" * 100_000, '{"a": "' + "x" * 5_000_000 + '"}']):
        path = tmp_path / f"{n}{suffix}"
        if suffix == ".csv":
            path.write_text(f"# {words}\nm_N\n1\n")
        else:
            table = pa.table({"m_N": [1.0]}).replace_schema_metadata({"darkpkg": words})
            pq.write_table(table, path)
        with pytest.raises(DataIntegrityError, match="is no readable scan"):
            dk.read_scan(path)


def test_damaged_bytes_are_one_sentence_or_change_nothing(scan, tmp_path):
    """What a checksum does not cover, such as Arrow's own statistics, is not used either."""
    whole = dk.write_scan(scan, tmp_path / "scan.parquet").read_bytes()
    rng, refused = np.random.default_rng(5), []
    for n in range(60):
        content = bytearray(whole)
        for place in rng.integers(4, len(whole) - 4, 3):
            content[place] ^= int(rng.integers(1, 256))
        path = tmp_path / f"{n}.parquet"
        path.write_bytes(content)
        try:
            np.testing.assert_array_equal(dk.read_scan(path).expectation.mean, scan.expectation.mean)
        except DataIntegrityError as error:
            refused.append(str(error))
    assert len(refused) > 30
    assert not any("\n" in text for text in refused)


def test_a_pipe_is_no_scan_file(tmp_path):
    os.mkfifo(tmp_path / "scan.csv")
    with pytest.raises(FileNotFoundError, match="no scan file at"):
        dk.read_scan(tmp_path / "scan.csv")


def test_a_scan_of_majorana_neutrinos_stays_one(tmp_path):
    M = B.replace(is_majorana=True)
    events = dk.place(dk.generate(dk.SamplingRange.at(0.1, 1.25), 2000, seed=1, couplings=M), dk.ND280, seed=2)
    scan = dk.scan(dk.Kernel(events), dk.Slice(M, V_muN_sq=[1e-8, 1e-7]), dk.ANALYSIS_I)
    assert dk.read_scan(dk.write_scan(scan, tmp_path / "scan.parquet")).parameters.is_majorana


@pytest.mark.parametrize("decays", ["all", "paper"])
def test_what_z_decays_to_stays_with_the_file(tmp_path, events, decays):
    plane = dk.Slice(B.replace(decays=decays), V_muN_sq=np.geomspace(1e-9, 1e-6, 3))
    scan = dk.scan(dk.Kernel(events), plane, dk.ANALYSIS_I)
    assert dk.read_scan(dk.write_scan(scan, tmp_path / "scan.csv")).parameters.decays == decays


def test_a_file_is_replaced_as_a_whole_or_not_at_all(scan, tmp_path, monkeypatch):
    path = tmp_path / "scan.csv"
    path.write_text("what was there before")
    with path.open() as before:
        dk.write_scan(scan, path)
        assert before.read() == "what was there before"  # who has it open reads on in the old file
    whole = path.read_bytes()

    def fails(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="no space left"):
        dk.write_scan(scan, path)
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


def test_a_free_parameter_with_the_name_of_a_result_is_refused(events, tmp_path):
    line = dk.Slice(lambda mean_0: B.replace(V_muN_sq=mean_0), mean_0=[1e-8, 1e-7])
    with pytest.raises(ValueError, match="must not be called like a column of results, got"):
        dk.write_scan(dk.scan(dk.Kernel(events), line, dk.ANALYSIS_I), tmp_path / "scan.csv")
    assert list(tmp_path.iterdir()) == []

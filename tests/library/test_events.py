"""Columns of events, and the file they travel in."""

import copy
import dataclasses
import itertools
import json
import multiprocessing
import os
import pickle
import re
import stat
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from any_input import anything
from for_each import for_each
from hypothesis import given
from hypothesis import strategies as st
from toy_sample import counting, toy_sample

import darkpkg as dk
from darkpkg.datasets import DataIntegrityError
from darkpkg.method import files
from darkpkg.method.events import PlacedEvents
from darkpkg.physics.kinematics import momentum

N_EVENTS = 500

OLD_DIGEST = "8902ea2ab23833ee00da933d4a3901f5836c0301cb34c738d372ab5022cad292"
"""Of two rows, as the first version with this format computed it."""


@pytest.fixture(scope="module")
def bare():
    return dk.generate(dk.HEAVY, N_EVENTS, seed=7)


@pytest.fixture(scope="module")
def placed(bare):
    return dk.place(bare, dk.ND280, seed=8)


@pytest.fixture
def written(placed, tmp_path):
    return dk.write_events(placed, tmp_path / "events.parquet")


def assert_same(first, second):
    """Same kind, origin and provenance, same bits in every column."""
    assert type(first) is type(second)
    assert (first.origin, first.provenance) == (second.origin, second.provenance)
    for name in first.columns():
        one, other = getattr(first, name), getattr(second, name)
        assert one.shape == other.shape, name
        assert one.dtype.kind == other.dtype.kind, name
        if one.dtype.kind == "U":
            assert one.tolist() == other.tolist()
        else:
            assert one.tobytes() == other.tobytes()


def stored_checksum(path):
    """What a file carries, and `read_events` compares with its content."""
    return pq.read_schema(path).metadata[b"sha256"].decode()


def rewrite(path, table=None, column=None, **header):
    """Write a changed table, column or header to the file with all else kept: what a careless hand would do."""
    table = pq.read_table(path) if table is None else table
    if column:
        name, values = column
        index = table.schema.get_field_index(name)
        field = table.schema.field(name)
        metadata = table.schema.metadata
        table = table.set_column(index, field, pa.array(values, type=field.type)).replace_schema_metadata(metadata)
    metadata = table.schema.metadata | {key.encode(): value.encode() for key, value in header.items()}
    pq.write_table(table.replace_schema_metadata(metadata), path)


class TestFile:
    @pytest.mark.parametrize(
        "select",
        [
            pytest.param(lambda e: e, id="all"),
            pytest.param(lambda e: e[e.beam == "RHC"], id="mask"),
            pytest.param(lambda e: e[np.arange(N_EVENTS)[::-3]], id="indices"),
            pytest.param(lambda e: e.thinned(2), id="thinned"),
            pytest.param(lambda e: e[17], id="one event"),
            pytest.param(lambda e: e[:0], id="none"),
        ],
    )
    @pytest.mark.parametrize("kind", ["bare", "placed"])
    def test_reading_returns_what_was_written_bit_for_bit(self, kind, select, request, tmp_path):
        events = select(request.getfixturevalue(kind))
        assert_same(dk.read_events(dk.write_events(events, tmp_path / "events.parquet")), events)

    def test_extreme_numbers_survive(self, placed, tmp_path):
        """The smallest subnormal, the largest double, a signed zero and a negative weight."""
        odd = np.resize([5e-324, 1.7976931348623157e308, -0.0, -1e-49], N_EVENTS)
        events = dataclasses.replace(placed, weight=odd)
        assert dk.read_events(dk.write_events(events, tmp_path / "odd.parquet")).weight.tobytes() == odd.tobytes()

    def test_columns_say_their_units_to_any_reader_of_parquet(self, placed, written):
        schema = pq.read_schema(written)
        unit = {name: schema.field(name).metadata[b"unit"].decode() for name in schema.names}
        assert unit["m_N"] == unit["p_electron_E"] == unit["p_N_px"] == "GeV"
        assert unit["vertex_z"] == unit["entry_0"] == unit["exit_2"] == "cm"
        assert unit["weight"] == "q / nucleus / POT"
        assert all(schema.field(name).metadata[b"meaning"] for name in schema.names)
        assert schema.names[:3] == ["weight", "m_N", "m_Zprime"]
        assert pq.read_table(written)["p_N_pz"].to_numpy().tobytes() == placed.p_N[:, 3].tobytes()

    def test_origin_and_provenance_can_be_read_by_any_reader_of_parquet(self, written):
        metadata = pq.read_schema(written).metadata
        provenance, origin = json.loads(metadata[b"provenance"]), json.loads(metadata[b"origin"])
        assert (provenance["seed"], provenance["placing_seed"], provenance["n_events"]) == (7, 8, N_EVENTS)
        assert provenance["versions"]["numpy"] == np.__version__
        assert provenance["flux"]["FHC 14"] == dk.T2K["FHC"][14].checksum
        assert origin["sampling"]["m_N"] == [*dk.HEAVY.m_N]
        assert origin["couplings"]["epsilon"] == dk.BENCHMARK_B.epsilon
        assert origin["detector"]["name"] == "ND280"
        assert [beam["name"] for beam in origin["beams"]] == ["FHC", "RHC"]

    def test_same_seed_gives_the_same_file(self, tmp_path):
        def contents(seed):
            return dk.write_events(dk.generate(dk.HEAVY, 40, seed), tmp_path / f"{seed}.parquet").read_bytes()

        first = contents(3)
        assert contents(3) == first
        assert contents(4) != first

    def test_number_of_targets_is_that_of_the_detector(self, written):
        targets = dk.read_events(written).detector.targets
        lead = dk.NUCLEI["Pb208"].pdg_code
        assert targets[lead] == dk.ND280.number_of_nuclei("Pb")
        assert set(targets) == {nucleus.pdg_code for nucleus in dk.ND280.nuclei.values()}


class TestRefusals:
    def refuses(self, path, message):
        with pytest.raises(DataIntegrityError, match=message) as error:
            dk.read_events(path)
        assert str(path) in str(error.value)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"no events file at .*nowhere\.parquet"):
            dk.read_events(tmp_path / "nowhere.parquet")

    @pytest.mark.parametrize("path", [None, 1, b"events.parquet", ["events.parquet"], 1.0])
    def test_what_names_no_file(self, path):
        with pytest.raises(TypeError, match="path must be of type str or PathLike, got"):
            dk.read_events(path)

    def test_a_foreign_parquet_file(self, tmp_path):
        pq.write_table(pa.table({"m_N": [0.1, 0.2]}), tmp_path / "foreign.parquet")
        self.refuses(tmp_path / "foreign.parquet", "its format is None")

    def test_a_foreign_parquet_file_whose_metadata_are_no_text(self, tmp_path):
        table = pa.table({"m_N": [0.1, 0.2]}).replace_schema_metadata({b"\xff\xfe": b"\xff"})
        pq.write_table(table, tmp_path / "foreign.parquet")
        self.refuses(tmp_path / "foreign.parquet", "its format is None")

    def test_a_text_file(self, tmp_path):
        (tmp_path / "notes.parquet").write_text("m_N, m_Zprime\n0.1, 1.25\n")
        self.refuses(tmp_path / "notes.parquet", "no readable Parquet file")

    def test_an_empty_file(self, tmp_path):
        (tmp_path / "empty.parquet").touch()
        self.refuses(tmp_path / "empty.parquet", "no readable Parquet file")

    @pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
    def test_a_truncated_file(self, written, share):
        contents = written.read_bytes()
        written.write_bytes(contents[: int(share * len(contents))])
        self.refuses(written, "no readable Parquet file, perhaps truncated")

    def test_another_version_of_the_format(self, written):
        rewrite(written, format="darkpkg events 1")
        self.refuses(written, "its format is 'darkpkg events 1'")

    @pytest.mark.parametrize(
        "name", ["weight", "m_N", "p_positron_px", "vertex_z", "entry_1", "exit_2", "uniform_positron_angle"]
    )
    def test_one_number_altered_in_its_last_digit(self, placed, written, name):
        values = pq.read_table(written)[name].to_numpy().copy()
        values[N_EVENTS // 2] = np.nextafter(values[N_EVENTS // 2], np.inf)
        rewrite(written, column=(name, values))
        self.refuses(written, "was altered")

    def test_one_word_altered(self, placed, written):
        table = pq.read_table(written)
        values = table["beam"].to_pylist()
        values[0] = {"FHC": "RHC", "RHC": "FHC"}[values[0]]
        field = table.schema.field("beam")
        beam = pa.array(values).dictionary_encode()
        table = table.set_column(table.schema.get_field_index("beam"), field.with_type(beam.type), beam)
        rewrite(written, table)
        self.refuses(written, "was altered")

    def test_one_nucleus_altered(self, written):
        values = pq.read_table(written)["target"].to_numpy().copy()
        values[0] += 10
        rewrite(written, column=("target", values))
        self.refuses(written, "was altered")

    def test_rows_in_another_order(self, written):
        rewrite(written, pq.read_table(written).take(np.arange(N_EVENTS)[::-1]))
        self.refuses(written, "was altered")

    def test_rows_left_out(self, written):
        rewrite(written, pq.read_table(written).slice(0, N_EVENTS - 1))
        self.refuses(written, "was altered")

    def test_two_columns_exchanged(self, written):
        table = pq.read_table(written)
        names = {"entry_0": "exit_0", "exit_0": "entry_0"}
        exchanged = table.rename_columns([names.get(name, name) for name in table.column_names])
        rewrite(written, exchanged.replace_schema_metadata(table.schema.metadata))
        self.refuses(written, "was altered")

    @pytest.mark.parametrize("words", ["provenance", "origin"])
    def test_an_altered_origin_or_provenance(self, placed, written, words):
        about = pq.read_schema(written).metadata[words.encode()].decode()
        rewrite(
            written, **{words: about.replace("0.021447610589527218", "0.02244").replace('"seed": 7', '"seed": 6')}
        )
        self.refuses(written, "was altered")

    def test_an_altered_unit(self, written):
        """A file that says MeV and is read as GeV would be wrong by a thousand."""
        table = pq.read_table(written)
        fields = [
            field.with_metadata({**field.metadata, b"unit": b"MeV"}) if field.name == "m_N" else field
            for field in table.schema
        ]
        rewrite(written, table.cast(pa.schema(fields, metadata=table.schema.metadata)))
        self.refuses(written, "altered|unit")

    def test_a_kind_that_it_is_not(self, written):
        rewrite(written, kind="Events")
        self.refuses(written, "was altered")

    def test_an_unknown_kind(self, written):
        rewrite(written, kind="Photons")
        self.refuses(written, "lacks columns or provenance of its kind 'Photons'")

    @pytest.mark.parametrize("provenance", ["{", "[1, 2]", "7"])
    def test_a_provenance_that_is_no_table(self, written, provenance):
        rewrite(written, provenance=provenance)
        self.refuses(written, "lacks columns or provenance|was altered")

    @pytest.mark.parametrize("name", ["weight", "p_N_pz", "beam", "module", "vertex_x"])
    def test_a_missing_column(self, written, name):
        rewrite(written, pq.read_table(written).drop_columns([name]))
        self.refuses(written, f"lacks columns.*{name}")

    @pytest.mark.parametrize("name", ["entry_2", "exit_0"])
    def test_a_missing_decay_volume(self, written, name):
        rewrite(written, pq.read_table(written).drop_columns([name]))
        self.refuses(written, "altered|lacks columns")

    def test_a_missing_checksum(self, written):
        table = pq.read_table(written)
        metadata = {key: value for key, value in table.schema.metadata.items() if key != b"sha256"}
        pq.write_table(table.replace_schema_metadata(metadata), written)
        self.refuses(written, "was altered.*its header None")

    def test_flipped_bits_are_refused_or_change_nothing_that_is_read(self, placed, written):
        contents = written.read_bytes()
        rng = np.random.default_rng(5)
        refused = 0
        for position in rng.integers(4, len(contents) - 8, size=150):
            damaged = bytearray(contents)
            damaged[position] ^= 1 << int(rng.integers(8))
            written.write_bytes(damaged)
            try:
                events = dk.read_events(written)
            except DataIntegrityError:
                refused += 1
            else:
                assert_same(events, placed)
        assert refused > 100  # page headers and statistics are a small part of the file


class TestAtomicWrite:
    @pytest.fixture(params=["write_table", "replace"])
    def fail(self, request, monkeypatch):
        """A function after which writing fails: in the middle of the table, or at the very end."""

        def broken_write(table, path, **options):
            with open(path, "wb") as file:
                file.write(b"PAR1 half of")
            raise OSError("disk full")

        def broken_replace(source, target):
            raise OSError("disk full")

        module, broken = {"write_table": (pq, broken_write), "replace": (os, broken_replace)}[request.param]
        return lambda: monkeypatch.setattr(module, request.param, broken)

    def test_a_failure_leaves_nothing_behind(self, placed, tmp_path, fail):
        fail()
        with pytest.raises(OSError, match="disk full"):
            dk.write_events(placed, tmp_path / "new.parquet")
        assert list(tmp_path.iterdir()) == []

    def test_a_failure_leaves_the_former_file(self, placed, tmp_path, fail):
        path = dk.write_events(placed[np.arange(10)], tmp_path / "events.parquet")
        former = path.read_bytes()
        fail()
        with pytest.raises(OSError, match="disk full"):
            dk.write_events(placed, path)
        assert path.read_bytes() == former
        assert list(tmp_path.iterdir()) == [path]

    def test_an_interruption_leaves_nothing_behind(self, placed, tmp_path, monkeypatch):
        def interrupted(table, path, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr(pq, "write_table", interrupted)
        with pytest.raises(KeyboardInterrupt):
            dk.write_events(placed, tmp_path / "new.parquet")
        assert list(tmp_path.iterdir()) == []

    def test_a_former_file_is_replaced(self, placed, tmp_path):
        path = dk.write_events(placed, tmp_path / "events.parquet")
        assert dk.write_events(placed[np.arange(10)], str(path)) == path
        assert len(dk.read_events(path)) == 10

    def test_a_file_carries_the_checksum_of_its_events(self, placed, written, tmp_path):
        assert stored_checksum(written) == files.checksum(placed) == files.checksum(dk.read_events(written))
        nudged = dataclasses.replace(placed, m_N=np.nextafter(placed.m_N, np.inf))
        assert files.checksum(nudged) != files.checksum(placed)

    @pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")  # which both have
    @pytest.mark.parametrize("name", "AB")
    def test_in_single_precision_masses_and_rates_are_the_same_in_files_half_as_large(
        self, simulated, tmp_path, name
    ):
        masses, point = {"A": (dk.LIGHT, dk.BENCHMARK_A), "B": (dk.HEAVY, dk.BENCHMARK_B)}[name]
        sample = simulated(masses, 30_000, 3)
        files_of = {one: dk.write_events(sample, tmp_path / f"{one}", float32=one) for one in (True, False)}
        assert files_of[True].stat().st_size < 0.56 * files_of[False].stat().st_size
        again = dk.read_events(files_of[True])
        assert files.checksum(again) == stored_checksum(files_of[True])
        assert {getattr(again, vector).dtype for vector in ("p_N", "vertex", "point")} == {np.dtype(float)}
        for column in ("weight", "m_N", "m_Zprime", "target", "beam", "module"):
            np.testing.assert_array_equal(getattr(again, column), getattr(sample, column))

        def mass(p):
            return np.sqrt((p[:, 0] - momentum(p)) * (p[:, 0] + momentum(p)))

        # Rounding to 24 bits, 6e-8; of the angle between two momenta, times the energy over m_ee.
        for p in ("p_N", "p_electron", "p_positron"):
            np.testing.assert_allclose(mass(getattr(again, p)), mass(getattr(sample, p)), rtol=1e-7)
        energy = (sample.p_electron + sample.p_positron)[:, 0]
        m_ee, rounded = (mass(e.p_electron + e.p_positron) for e in (sample, again))
        assert (np.abs(rounded / m_ee - 1) < 2e-7 * energy / m_ee).all()
        for kind in (dk.Kernel, dk.Transport):
            rate, other = (kind(e).upscatterings(point, dk.ANALYSIS_I).total() for e in (sample, again))
            # An event in ten thousand may change sides of a cut or bin; none does in these.
            assert float(other.mean) == pytest.approx(float(rate.mean), rel=2e-6)

    def test_numbers_that_single_precision_does_not_have_are_refused_or_stay_below_one(self, placed, tmp_path):
        far = dataclasses.replace(placed[[0]], vertex=np.full((1, 3), 1e39))
        with pytest.raises(ValueError, match=r"vertex must be below 3\.4e\+38 in size for float32, got 1e\+39"):
            dk.write_events(far, tmp_path / "far.parquet", float32=True)
        most = dataclasses.replace(placed[[0]], uniform=np.full((1, 4), np.nextafter(1.0, 0.0)))
        again = dk.read_events(dk.write_events(most, tmp_path / "most.parquet", float32=True))
        np.testing.assert_allclose(again.uniform, 1.0, rtol=1e-7)

    def test_a_missing_folder_is_named(self, placed, tmp_path):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            dk.write_events(placed, tmp_path / "nowhere" / "events.parquet")

    def test_the_file_has_the_permissions_of_any_new_file(self, written, tmp_path):
        """A sample is made once and read by many: not by its owner alone."""
        (tmp_path / "any").touch()
        assert stat.S_IMODE(written.stat().st_mode) == stat.S_IMODE((tmp_path / "any").stat().st_mode)


class TestColumns:
    @for_each("name", list(PlacedEvents.columns()))
    def test_columns_are_frozen(self, placed, name):
        with pytest.raises(ValueError, match="read-only"):
            getattr(placed, name)[0] = getattr(placed, name)[1]
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(placed, name, getattr(placed, name))

    def test_what_the_provenance_says_cannot_be_changed(self, placed):
        with pytest.raises(TypeError, match="does not support item assignment"):
            placed.provenance["flux"]["FHC 14"] = "0"

    def test_columns_of_a_slice_are_frozen(self, placed):
        with pytest.raises(ValueError, match="read-only"):
            placed[placed.beam == "FHC"].weight[0] = 1.0

    def test_columns_of_a_file_are_frozen(self, written):
        with pytest.raises(ValueError, match="read-only"):
            dk.read_events(written).p_N[0] = 0.0

    def test_columns_of_different_length_are_refused(self, placed):
        with pytest.raises(ValueError, match=r"same length.*'m_N': 3"):
            dataclasses.replace(placed, m_N=placed.m_N[:3])

    def test_columns_have_units_and_meanings(self):
        about = PlacedEvents.columns()
        assert set(about) > set(dk.Events.columns())
        assert all(column["meaning"] for column in about.values())
        assert {name for name, column in about.items() if not column["unit"]} == {
            "beam",
            "module",
            "point",
            "replicate",
            "uniform",
        }


class TestSelection:
    @pytest.mark.parametrize(
        "selection",
        [
            slice(None),
            slice(5, 5),
            np.array([5, 5, 2]),
            [0, -1],
            np.arange(N_EVENTS) % 7 == 0,
        ],
        ids=["all", "none", "indices", "list", "mask"],
    )
    def test_every_column_is_sliced_like_an_array(self, placed, selection):
        some = placed[selection]
        assert isinstance(some, PlacedEvents)
        for name in placed.columns():
            np.testing.assert_array_equal(getattr(some, name), getattr(placed, name)[selection])
        assert some.provenance == placed.provenance

    @pytest.mark.parametrize("index", [0, 5, N_EVENTS - 1, -1, -N_EVENTS, np.int64(3), np.int64(-1)])
    def test_an_integer_picks_one_event(self, placed, index):
        one = placed[index]
        assert len(one) == 1
        assert one.weight[0] == placed.weight[index]
        assert one.p_N.shape == (1, 4)
        assert one.entry.shape == (1, 5)

    @pytest.mark.parametrize("index", [N_EVENTS, -N_EVENTS - 1, 10 * N_EVENTS])
    def test_an_integer_beyond_the_end_is_refused(self, placed, index):
        """Python stops a loop over events at this error; without it, the loop would not end."""
        with pytest.raises(IndexError):
            placed[index]

    def test_a_mask_of_another_length_is_refused(self, placed):
        with pytest.raises(IndexError):
            placed[np.ones(3, dtype=bool)]

    def test_parts_make_up_the_whole(self, placed):
        beams = [placed[placed.beam == beam] for beam in ("FHC", "RHC")]
        assert sum(map(len, beams)) == len(placed)
        assert sum(part.weight.sum() for part in beams) == pytest.approx(placed.weight.sum(), rel=1e-12)  # rounding

    def test_events_made_by_hand_are_on_their_own_and_do_not_know_their_point(self, placed):
        bare = {name: getattr(placed, name) for name in dk.Events.columns() if name not in ("replicate", "point")}
        events = dk.Events(**bare)
        assert (events.replicate == 0).all()
        assert np.isnan(events.point).all()
        assert events.point.shape == placed.point.shape

    @pytest.mark.parametrize("part", [slice(None, None, 2), slice(None, None, -1), slice(10), slice(1, None)])
    def test_a_slice_that_leaves_events_out_is_refused_and_thinning_named(self, placed, part):
        with pytest.raises(ValueError, match=r"must not be cut by a slice, got slice.*Take events\.thinned"):
            placed[part]
        assert len(placed[:]) == len(placed)

    @pytest.mark.parametrize(
        "selection", [None, ..., (slice(None), 0), True, "FHC", 1.0, np.zeros((2, 2), dtype=int)]
    )
    def test_what_selects_no_events_is_refused(self, placed, selection):
        with pytest.raises(TypeError, match="events are selected by a mask, indices or a slice"):
            placed[selection]


def by_hand(n=3, **changes):
    """A few placed events with nothing wrong about them but ``changes``."""
    p = np.tile([1.0, 0.0, 0.0, 0.5], (n, 1))
    detector = dk.Site("toy", ("a", "b"), {1000822080: 1e28}, ("a", "b"))
    columns = {
        "weight": np.ones(n),
        "m_N": np.full(n, 0.1),
        "m_Zprime": np.full(n, 1.0),
        "p_N": p,
        "p_electron": p,
        "p_positron": p,
        "target": np.full(n, 1000822080),
        "beam": np.full(n, "FHC"),
        "origin": dk.Origin(detector=detector),
        "vertex": np.zeros((n, 3)),
        "module": np.full(n, "a"),
        "entry": np.zeros((n, 2)),
        "exit": np.ones((n, 2)),
        "uniform": np.zeros((n, 4)),
    }
    return PlacedEvents(**(columns | changes))


def one_changed(name, value):
    """The column with its second entry replaced."""
    column = np.array(getattr(by_hand(), name))
    if column.dtype.kind == "U":
        column = column.astype("U9")
    column[(1, -1) if column.ndim == 2 else 1] = value
    return {name: column}


class TestGate:
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @for_each("name", ["p_N", "p_electron", "p_positron", "weight", "m_N", "vertex", "entry", "exit"])
    def test_what_is_not_finite_is_refused_with_column_number_and_value(self, name, value):
        with pytest.raises(ValueError, match=rf"^{name} must be .*finite.*, got {value} at"):
            by_hand(**one_changed(name, value))

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("m_N", 0.0, "m_N must be positive and finite, got 0.0 at 1"),
            ("m_Zprime", -1.0, "m_Zprime must be positive and finite"),
            (
                "p_N",
                2.0,
                r"p_N must have an energy of at least its momentum, but 1 of 3 do not: \[1.0, 0.0, 0.0, 2.0\]",
            ),
            ("p_positron", -1.1, "p_positron must have an energy of at least its momentum"),
            ("p_N", 0.0, "p_N must have a direction, but 1 of 3 do not"),
            ("beam", "", "beam must have a name, but 1 of 3 do not: '' at 1"),
            ("flavour", 16, r"flavour must be one of \(14, -14, 12, -12\), but 1 of 3 do not: 16 at 1"),
            ("target", 1000822080 + 2, "target must be a nucleus"),
            (
                "target",
                82,
                "target must be a nucleus, 100ZZZAAA0, or its nucleons, 100ZZZAAA1, but 1 of 3 do not: 82 at 1",
            ),
            ("target", 1000060120, r"target must be in toy, \[1000822080\], but 1 of 3 do not: 1000060120"),
            ("module", "c", "module must be one of a, b, but 1 of 3 do not: 'c' at 1"),
            ("entry", -1.0, r"entry must be finite and not negative, got -1.0 at \(1, 1\)"),
            ("entry", 2.0, "exit must be no nearer than entry, but 1 of 3 do not"),
            ("uniform", 1.0, r"uniform must be in \[0, 1\), got 1.0"),
            ("uniform", -0.1, r"uniform must be in \[0, 1\)"),
            ("uniform", np.nan, r"uniform must be in \[0, 1\), got nan at \(1, 3\)"),
            ("replicate", -1, "replicate must be not negative"),
            ("point", 1.5, r"point must be in \[0, 1\] or nan, got 1.5"),
        ],
    )
    def test_what_no_event_can_be_is_refused_by_name(self, name, value, message):
        with pytest.raises(ValueError, match=message):
            by_hand(**one_changed(name, value))

    @pytest.mark.parametrize(
        ("name", "column"),
        [
            ("p_N", np.ones((3, 3))),
            ("p_N", np.ones((3, 4, 1))),
            ("p_electron", np.ones(3)),
            ("weight", np.ones((3, 1))),
            ("weight", 1.0),
            ("vertex", np.zeros((3, 2))),
            ("entry", np.zeros((3, 3))),
            ("uniform", np.zeros((3, 5))),
            ("point", np.zeros((3, 7))),
            ("beam", np.full((3, 1), "FHC")),
            ("module", "a"),
        ],
    )
    def test_another_shape_is_refused_by_name(self, name, column):
        with pytest.raises(ValueError, match=rf"^{name} must have (the shape \(n.*got|a column for each of)"):
            by_hand(**{name: column})

    @pytest.mark.parametrize("sign", [-1.0, 0.0])
    def test_weights_may_be_negative_or_zero(self, sign):
        assert by_hand(weight=sign * np.ones(3)).weight.tolist() == [sign] * 3

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, int, np.uint8])
    def test_other_numbers_are_cast_to_doubles_and_give_the_same_rate(self, dtype):
        """A weight of single precision or of integers was a rate of zero."""
        toy = toy_sample()
        plain = dataclasses.replace(toy, weight=np.ones(len(toy)))
        cast = dataclasses.replace(toy, weight=np.ones(len(toy), dtype=dtype))
        assert cast.weight.dtype == np.float64
        rate = [dk.Kernel(events).events(dk.BENCHMARK_B, counting()).mean for events in (plain, cast)]
        assert rate[0] > 0
        np.testing.assert_array_equal(*rate)

    @pytest.mark.parametrize(
        "cast",
        [lambda v: v.astype(complex), lambda v: v.astype(object), lambda v: v.astype(str), lambda v: v != 0, repr],
        ids=["complex", "object", "text", "boolean", "word"],
    )
    @for_each("name", ["weight", "p_N", "target", "entry"])
    def test_what_is_no_number_is_refused_by_name(self, name, cast):
        with pytest.raises(TypeError, match=rf"^{name} must be (real numbers|integers), got"):
            by_hand(**{name: cast(getattr(by_hand(), name))})

    def test_masked_values_are_refused_by_name_and_number(self):
        with pytest.raises(ValueError, match="weight must not be masked, but 1 of 3 values are"):
            by_hand(weight=np.ma.masked_equal([1.0, 2.0, 3.0], 2.0))
        assert by_hand(weight=np.ma.masked_equal([1.0, 2.0, 3.0], 4.0)).weight.tolist() == [1, 2, 3]

    @pytest.mark.parametrize("name", ["beam", "module"])
    def test_words_of_python_and_pandas_are_text_and_survive_a_file(self, name, tmp_path):
        plain = by_hand()
        words = getattr(plain, name).tolist()
        for column in (words, np.array(words, dtype=object), pd.Series(words), pd.array(words, dtype="string")):
            events = by_hand(**{name: column})
            assert_same(events, plain)
            assert_same(dk.read_events(dk.write_events(events, tmp_path / "events.parquet")), plain)
        with pytest.raises(TypeError, match=rf"^{name} must be text, got objects: 1"):
            by_hand(**{name: np.array(["FHC", 1, None], dtype=object)})
        with pytest.raises(TypeError, match=rf"^{name} must be text, got real numbers: 1.0"):
            by_hand(**{name: np.ones(3)})

    def test_a_nan_of_either_sign_is_the_one_that_a_file_has(self, tmp_path):
        point = np.full((3, 8), np.nan)
        point[1] = np.copysign(np.nan, -1)
        point[2] = 0.5
        events = by_hand(point=point)
        assert_same(dk.read_events(dk.write_events(events, tmp_path / "events.parquet")), events)

    @pytest.mark.parametrize("provenance", [None, 1, "seed", ["seed"]])
    def test_a_provenance_that_is_no_mapping_is_refused(self, provenance):
        with pytest.raises(TypeError, match="provenance must be of type Mapping"):
            by_hand(provenance=provenance)

    @pytest.mark.parametrize(
        ("about", "error", "message"),
        [
            ({1: 2}, TypeError, "keys of provenance must be text, got 1"),
            (
                {"by": object()},
                TypeError,
                "provenance must hold text, numbers, lists and mappings alone, got <object",
            ),
        ],
    )
    def test_a_provenance_that_no_file_can_hold_is_refused(self, about, error, message):
        with pytest.raises(error, match=message):
            by_hand(provenance={**by_hand().provenance, **about})

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"couplings": {"epsilon": 0.1}}, TypeError, "couplings must be of type DarkParameters or NoneType"),
            ({"couplings": dk.BENCHMARK_B.replace(m_N=[0.1, 0.2])}, ValueError, r"got shape \(2,\)"),
            ({"sampling": (0.1, 0.2)}, TypeError, "sampling must be of type SamplingRange or NoneType"),
            ({"detector": dk.ND280}, TypeError, "detector must be of type Site or NoneType"),
            ({"beams": ("FHC",)}, TypeError, "beams must be a sequence of Beam, got"),
            ({"sequence": "halton"}, ValueError, "sequence must be one of random, sobol, got 'halton'"),
            ({"form_factor": None}, ValueError, "form_factor must be one of .*, got None"),
        ],
    )
    def test_an_origin_that_cannot_be_computed_with_is_refused(self, changes, error, message):
        with pytest.raises(error, match=message):
            dk.Origin(**changes)

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"targets": [1.0]}, TypeError, "targets must be of type Mapping"),
            ({"targets": {"Pb": 1.0}}, TypeError, "PDG code in targets must be a whole number, got 'Pb'"),
            ({"targets": {1000822080: np.nan}}, ValueError, "targets of 1000822080 must be a number, got nan"),
            ({"fiducial_modules": "ab"}, TypeError, "fiducial_modules must be a sequence of str, got 'ab'"),
            ({"modules": (1,)}, TypeError, "modules must be a sequence of str, got"),
            (
                {"volumes": (dk.Box((0, 0, 0), (1, 1, 1)),)},
                ValueError,
                "volumes must be one for each of fiducial_modules",
            ),
        ],
    )
    def test_a_site_that_cannot_be_computed_with_is_refused(self, changes, error, message):
        with pytest.raises(error, match=message):
            dataclasses.replace(by_hand().detector, **changes)

    def test_placed_events_need_their_detector_and_events_a_beam_of_their_origin(self):
        with pytest.raises(ValueError, match="origin of placed events must hold their detector"):
            by_hand(origin=dk.Origin())
        origin = by_hand().origin.replace(beams=dk.T2K.beams)
        with pytest.raises(ValueError, match="beam must be one of FHC, RHC, but 1 of 3 do not: 'fhc' at 1"):
            by_hand(origin=origin, beam=["FHC", "fhc", "FHC"])
        with pytest.raises(
            ValueError, match=r"flavour must be one that FHC has, \[14\], but 1 of 3 do not: -14 at 2"
        ):
            by_hand(origin=origin, flavour=[14, 14, -14])

    def test_a_provenance_within_itself_is_refused(self):
        about = {}
        about["self"] = about
        with pytest.raises(ValueError, match="provenance must not be nested more than 30 deep"):
            by_hand(provenance=about)

    @given(st.sampled_from([*PlacedEvents.columns(), "provenance", "origin"]), anything(3))
    def test_any_column_is_right_or_refused_by_name(self, name, value):
        plain = by_hand()
        try:
            events = by_hand(**{name: value})
        except (ValueError, TypeError) as error:
            if re.search({"entry": "entry|exit"}.get(name, name), str(error)) is None:
                raise AssertionError(f"the error does not name {name}") from error
            return
        for column in events.columns():
            found, expected = getattr(events, column), getattr(plain, column)
            assert found.dtype.kind == expected.dtype.kind
            if column == name and value is not None:
                expected = np.asarray(value)
            np.testing.assert_array_equal(found, expected)


class TestFilesByHand:
    """Files with a valid checksum and something wrong in them."""

    def forge(self, path, change):
        """Write the file anew with its columns or header changed, and a checksum that fits."""
        table = pq.read_table(path)
        header = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
        kind = {"PlacedEvents": PlacedEvents, "Events": dk.Events}[header["kind"]]
        columns = {name: np.array(files._read(table, name, about)) for name, about in kind.columns().items()}
        change(columns, header)
        made = object.__new__(kind)
        for name, column in columns.items():
            object.__setattr__(made, name, column)
        header["sha256"] = files._digest(header, columns)
        pq.write_table(files._table(made, columns).replace_schema_metadata(header), path)

    def test_an_unchanged_file_is_read(self, written, placed):
        self.forge(written, lambda columns, header: None)
        assert_same(dk.read_events(written), placed)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("weight", np.inf),
            ("p_electron", np.nan),
            ("p_N", 1e200),
            ("m_N", -0.1),
            ("entry", 1e9),
            ("uniform", 1.0),
            ("target", 7),
            ("beam", "XHC"),
            ("module", "x"),
            ("replicate", -3),
        ],
    )
    def test_numbers_that_no_event_has_are_refused_behind_a_valid_checksum(self, written, name, value):
        def change(columns, header):
            columns[name][3] = value

        self.forge(written, change)
        with pytest.raises(
            DataIntegrityError, match=rf"holds what no events can be, behind a valid checksum: {name}|exit"
        ):
            dk.read_events(written)

    @pytest.mark.parametrize("deep", ['{"a":' * 200_000, "[" * 200_000, '{"a":' * 40 + "1" + "}" * 40])
    def test_metadata_that_are_nested_deeply_are_refused(self, written, deep):
        def change(columns, header):
            header["provenance"] = deep

        self.forge(written, change)
        with pytest.raises(DataIntegrityError, match=r"lacks columns or provenance|nested more than 30 deep"):
            dk.read_events(written)

    def test_a_damaged_page_is_refused_in_a_sentence(self, written):
        pages = pq.read_metadata(written).row_group(0).column(0)
        contents = bytearray(written.read_bytes())
        begin = pages.dictionary_page_offset or pages.data_page_offset
        for damage in (b"\xff" * 12, b"\x00" * 40):
            contents[begin : begin + len(damage)] = damage
            written.write_bytes(contents)
            with pytest.raises(DataIntegrityError, match="is no readable Parquet file, perhaps truncated"):
                dk.read_events(written)

    def test_a_file_that_does_not_fit_into_memory_is_refused_before_it_is_read(self, written, monkeypatch):
        monkeypatch.setattr("darkpkg.memory.available_memory", lambda: 1e3)
        with pytest.raises(ValueError, match=rf"with {N_EVENTS} events needs .* GB of memory, but 1e-06 GB are free"):
            dk.read_events(written)

    def test_text_that_arrow_cuts_is_written_and_read(self, tmp_path):
        """It cuts after 16 MB, as of the modules of two million events: here 25 MB of few, much longer names."""
        n, names = 25_000, ["first" * 200, "second one" * 100]
        assert isinstance(pa.array(np.resize(names, n)), pa.ChunkedArray)
        p = np.tile([1.0, 0.0, 0.0, 0.5], (n, 1))

        def columns(about):
            sizes = {(): (n,), None: (n, 1)}
            return np.zeros(sizes.get(about["components"], (n, len(about["components"] or ()))))

        zeros = {name: columns(about) for name, about in PlacedEvents.columns().items()}
        events = PlacedEvents(
            **zeros
            | {
                "weight": np.arange(n),
                "m_N": np.ones(n),
                "m_Zprime": np.ones(n),
                "p_N": p,
                "target": np.full(n, 1000822080),
                "beam": np.full(n, "FHC"),
                "flavour": np.full(n, 14),
                "module": np.resize(names, n),
            },
            origin=dk.Origin(detector=dk.Site("toy", (names[0],), {1000822080: 1e28})),
        )
        path = dk.write_events(events, tmp_path / "many.parquet")
        del zeros, events
        again = dk.read_events(path)
        assert len(again) == n
        assert (again.weight == np.arange(n)).all()
        assert (again.module == np.resize(names, n)).all()

    def test_the_checksum_of_text_does_not_depend_on_how_arrow_cuts_it(self):
        """One piece or two: offsets and letters of all words."""
        words = np.array(["first", "", "π"] * 5)
        pieces = pa.chunked_array([pa.array(words[:7]), pa.array(words[7:])])
        whole = [buffer.to_pybytes() for buffer in pa.array(words).buffers()[1:]]
        assert [buffer.to_pybytes() for buffer in pieces.combine_chunks().buffers()[1:]] == whole

    def test_a_checksum_is_what_it_was(self):
        """Files that were written by an older version are read: the checksum of these columns stays."""
        header = {"format": "darkpkg events 3", "kind": "Events", "provenance": "{}"}
        columns = {"weight": np.array([1.0, -0.0]), "target": np.array([7, 8]), "beam": np.array(["FHC", "π"])}
        assert files._digest(header, columns) == OLD_DIGEST

    @pytest.mark.parametrize(
        "other",
        [
            {"weight": np.array([1.0]), "beam": np.array(["FHC", "RHC"])},
            {"m_N": np.array([1.0, 2.0]), "beam": np.array(["FHC", "RHC"])},
            {"weight": np.array([[1.0], [2.0]]), "beam": np.array(["FHC", "RHC"])},
            {"weight": np.array([1.0, 2.0]), "beam": np.array(["FHCR", "HC"])},
        ],
        ids=["length", "name", "shape", "where words end"],
    )
    def test_a_checksum_tells_names_shapes_and_words_apart(self, other):
        header = {"format": "darkpkg events 3", "kind": "Events", "provenance": "{}"}
        plain = {"weight": np.array([1.0, 2.0]), "beam": np.array(["FHC", "RHC"])}
        assert files._digest(header, plain) != files._digest(header, other)

    def test_two_writers_of_a_file_do_not_share_a_temporary_one(self, placed, tmp_path, monkeypatch):
        names = []
        monkeypatch.setattr(pq, "write_table", lambda table, path, **options: names.append(path) or path.touch())
        for _ in range(2):
            dk.write_events(placed, tmp_path / "events.parquet")
        assert len(set(names)) == 2


class TestCopies:
    @pytest.mark.parametrize(
        "copied",
        [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy],  # noqa: S301
        ids=["pickle", "copy", "deepcopy"],
    )
    @pytest.mark.parametrize("kind", ["bare", "placed"])
    def test_copies_are_the_same_frozen_and_give_the_same_rates(self, copied, kind, request):
        events = request.getfixturevalue(kind)
        again = copied(events)
        assert_same(again, events)
        for name in events.columns():
            assert not getattr(again, name).flags.writeable
        with pytest.raises(TypeError, match="does not support item assignment"):
            again.provenance["flux"]["FHC 14"] = "0"
        if kind == "placed":
            wide = dk.Smoothing((1.0, 1.0))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", dk.FewEventsWarning)
                one, other = (dk.Kernel(e, wide).events(dk.BENCHMARK_B, dk.ANALYSIS_I) for e in (events, again))
            assert one.mean.tobytes() == other.mean.tobytes()
            assert one.variance.tobytes() == other.variance.tobytes()

    @pytest.mark.slow
    def test_another_process_gives_the_same_numbers(self):
        """Started from nothing, as on macOS and Windows: all that a prediction needs travels."""
        work = [(dk.Kernel(toy_sample()), dk.BENCHMARK_B.replace(V_N_sq=v), counting()) for v in (1e-7, 1e-5)]
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.starmap(dk.Kernel.events, work)
        for here, there in zip(itertools.starmap(dk.Kernel.events, work), found, strict=True):
            assert here.mean.tobytes() == there.mean.tobytes()
            assert here.variance.tobytes() == there.variance.tobytes()


AT_B = dk.SamplingRange.at(dk.BENCHMARK_B.m_N, dk.BENCHMARK_B.m_Zprime)


def rate_of(events):
    return dk.Kernel(events).events(dk.BENCHMARK_B, dk.ANALYSIS_I)


@pytest.fixture(scope="module")
def samples():
    """Three samples at B of different length and seed."""
    numbers = {1: 24_000, 2: 12_000, 3: 36_000}
    return [dk.place(dk.generate(AT_B, n, seed), dk.ND280, seed=10 + seed) for seed, n in numbers.items()]


def channel_sums(events):
    """Number and sum of weights of each beam and nucleus."""
    return {
        (beam, code): (here.sum(), events.weight[here].sum())
        for beam in ("FHC", "RHC")
        for code in np.unique(events.target).tolist()
        for here in [(events.beam == beam) & (events.target == code)]
    }


class TestJoiningAndThinning:
    def test_a_joined_rate_is_the_mean_of_the_parts_weighted_with_their_numbers(self, samples):
        joined = dk.concatenate(samples)
        parts = [channel_sums(sample) for sample in samples]
        for key, (count, total) in channel_sums(joined).items():
            assert count == sum(part[key][0] for part in parts)
            mean = sum(part[key][0] * part[key][1] for part in parts) / count
            assert total == pytest.approx(mean, rel=1e-12)  # rounding of sums

    def test_joined_whole_and_thinned_rates_agree_within_errors(self, samples):
        whole = dk.place(dk.generate(AT_B, 120_000, seed=4), dk.ND280, seed=14)
        joined, fewer = dk.concatenate(samples), whole.thinned(5, start=2)
        rates = [rate_of(events) for events in (whole, joined, fewer)]
        for other in rates[1:]:
            # Thinned events are among the whole; four bins at four sigma of the larger error.
            assert (np.abs(other.mean - rates[0].mean) < 4 * np.hypot(other.error, rates[0].error)).all()
        # Errors go as 1/√n: 72 000 and 24 000 of 120 000. From few effective events, and weights with a tail, the
        # error of the smallest is good to a tenth: three of that.
        np.testing.assert_allclose(rates[1].error / rates[0].error, np.sqrt(120 / 72), rtol=0.3)
        np.testing.assert_allclose(rates[2].error / rates[0].error, np.sqrt(5), rtol=0.3)

    def test_thinned_parts_are_disjoint_and_their_mean_is_the_whole(self, samples):
        whole = samples[0]
        parts = [whole.thinned(6, start) for start in range(6)]
        assert sum(map(len, parts)) == len(whole)
        sums = [channel_sums(part) for part in parts]
        for key, (count, total) in channel_sums(whole).items():
            assert sum(part[key][0] for part in sums) == count
            assert sum(part[key][0] * part[key][1] for part in sums) / count == pytest.approx(total, rel=1e-12)
        assert parts[0].provenance["n_events"] == len(parts[0]) == 4000

    def test_joining_does_not_depend_on_the_order_or_on_steps(self, samples):
        first, second, third = samples
        one, other = dk.concatenate(samples), dk.concatenate([third, dk.concatenate([second, first])])
        assert one.provenance["seed"] == (1, 2, 3)
        assert set(other.provenance["seed"]) == {1, 2, 3}
        assert one.provenance["placing_seed"] == (11, 12, 13)
        assert one.provenance["n_events"] == len(one) == 72_000
        for key, (count, total) in channel_sums(one).items():
            assert channel_sums(other)[key][0] == count
            assert channel_sums(other)[key][1] == pytest.approx(total, rel=1e-12)

    def test_one_sample_alone_is_itself_and_joined_ones_survive_a_file(self, samples, tmp_path):
        assert_same(dk.concatenate(samples[:1]), samples[0])
        joined = dk.concatenate(samples[:2])
        assert_same(dk.read_events(dk.write_events(joined, tmp_path / "joined.parquet")), joined)

    def test_sobol_replicates_of_joined_samples_stay_what_they_are(self):
        samples = [dk.generate(AT_B, 4800, seed, sequence="sobol") for seed in (1, 2)]
        joined = dk.concatenate(samples)
        for replicate in (0, 7, 15):
            parts = [sample[sample.replicate == replicate].weight.sum() for sample in samples]
            assert joined[joined.replicate == replicate].weight.sum() == pytest.approx(np.mean(parts), rel=1e-12)
        with pytest.raises(ValueError, match="events of Sobol sequences must not be thinned"):
            joined.thinned(2)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda s: [s[0], s[0]], "samples must be independent, but seed 1 is there twice"),
            (lambda s: [s[0], s[1], dk.concatenate(s[1:])], "samples must be independent, but seed 2 is there twice"),
            (
                lambda s: [s[0], dk.place(bare_of(s[1]), dk.ND280, seed=11)],
                "samples must be independent, but placing_seed 11 is there twice",
            ),
            (lambda s: [s[0], s[1][s[1].beam == "FHC"]], r"samples must be whole, but number 1 has \d+ of 12000"),
            (
                lambda s: [s[0], s[1][np.arange(len(s[1]) - 5)].thinned(3)],
                r"samples must be whole, but number 1 has 3999 of 4001",
            ),
            (lambda s: [], "samples must be at least one"),
            (lambda s: [by_hand(), by_hand()], "samples must be whole, but number 0 has 3 of None"),
        ],
    )
    def test_what_makes_no_larger_sample_is_refused(self, samples, make, message):
        with pytest.raises(ValueError, match=message):
            dk.concatenate(make(samples))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                {"sampling": dk.SamplingRange.at(0.2, 1.25)},
                r"origin\.sampling\.m_N of number 1 is \[0.2, 0.2\], of the first",
            ),
            ({"couplings": dk.BENCHMARK_B.replace(epsilon=1e-3)}, r"origin\.couplings\.epsilon of number 1 is 0.001"),
            (
                {"couplings": dk.BENCHMARK_B.replace(is_majorana=True)},
                r"origin\.couplings\.is_majorana of number 1 is True",
            ),
            ({"form_factor": "helm"}, "origin.form_factor of number 1 is 'helm', of the first 'fourier-bessel'"),
            ({"hydrogen": True}, "hydrogen of number 1 is True"),
            ({"sequence": "sobol"}, "origin.replicates of number 1 is 8"),
            ({"experiment": dk.T2K.replace(detector=dk.ND280_TRACKER)}, "targets_of of number 1 is 'ND280 tracker'"),
        ],
    )
    def test_samples_that_were_made_differently_are_refused_with_the_difference(self, options, message):
        first = dk.generate(AT_B, 100, seed=1)
        with pytest.raises(ValueError, match=f"samples must differ in their seeds alone, but {message}"):
            dk.concatenate([first, dk.generate(**({"sampling": AT_B, "n_events": 100, "seed": 2} | options))])

    def test_samples_of_different_kinds_are_refused(self, samples):
        with pytest.raises(TypeError, match="samples must be Events of one kind, got a Events as number 1"):
            dk.concatenate([samples[0], bare_of(samples[1])])
        with pytest.raises(TypeError, match="samples must be a sequence of Events, got"):
            dk.concatenate(["sample"])

    @pytest.mark.parametrize("every", [0, -1, 2.0, None, "2", True, 1 + 1j, np.nan, np.array([2])])
    def test_thinning_by_what_is_no_count_is_refused(self, samples, every):
        with pytest.raises(ValueError, match="every must be an integer, at least 1, got"):
            samples[0].thinned(every)
        with pytest.raises(ValueError, match="start must be an integer, at least 0, got"):
            samples[0].thinned(2, start=-1 if every == 0 else every if every != -1 and every is not True else -2)

    def test_thinning_that_loses_a_beam_and_nucleus_is_refused(self, samples):
        with pytest.raises(ValueError, match=r"must keep some of the .* events of FHC on 10\d{8}: thin less"):
            samples[0].thinned(3000)

    def test_a_selection_is_thinned_to_a_part_of_its_own_rate(self, samples):
        lead = samples[2][samples[2].target == dk.NUCLEI["Pb208"].pdg_code]
        sums, thin = channel_sums(lead), channel_sums(lead.thinned(3))
        for key, (count, total) in sums.items():
            here = lead.weight[lead.beam == key[0]]
            error = np.sqrt((here**2).sum() - total**2 / count) * np.sqrt(2)  # a third of the events: √3² − 1
            assert abs(thin[key][1] - total) < 4 * error


def bare_of(events):
    columns = {name: getattr(events, name) for name in dk.Events.columns()}
    provenance = {key: value for key, value in events.provenance.items() if key != "placing_seed"}
    return dk.Events(**columns, origin=events.origin.replace(detector=None), provenance=provenance)


def test_columns_of_modules_come_in_the_order_that_was_asked_for():
    placed = by_hand(entry=np.tile([1.0, 2.0], (3, 1)), exit=np.tile([3.0, 4.0], (3, 1)))
    assert placed.columns_of(("b", "a")) == [1, 0]
    assert placed.columns_of(("a", "b")) == [0, 1]
    assert placed.columns_of(("b",)) == [1]

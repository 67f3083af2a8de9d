"""Columns of events, and the file they travel in."""

import dataclasses
import json
import os
import stat

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import darkpkg as dk
from darkpkg.datasets import DataIntegrityError

N_EVENTS = 500


@pytest.fixture(scope="module")
def bare():
    return dk.generate(dk.HEAVY, N_EVENTS, seed=7)


@pytest.fixture(scope="module")
def placed(bare):
    return dk.place(bare, dk.ND280, seed=8)


@pytest.fixture
def written(placed, tmp_path):
    return placed.write(tmp_path / "events.parquet")


def assert_same(first, second):
    """Same kind, same provenance, same bits in every column."""
    assert type(first) is type(second)
    assert first.provenance == second.provenance
    for name in first.columns():
        one, other = getattr(first, name), getattr(second, name)
        assert one.shape == other.shape, name
        assert one.dtype.kind == other.dtype.kind, name
        if one.dtype.kind == "U":
            assert one.tolist() == other.tolist()
        else:
            assert one.tobytes() == other.tobytes()


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
            pytest.param(lambda e: e[::-3], id="slice with a step"),
            pytest.param(lambda e: e[17], id="one event"),
            pytest.param(lambda e: e[:0], id="none"),
        ],
    )
    @pytest.mark.parametrize("kind", ["bare", "placed"])
    def test_reading_returns_what_was_written_bit_for_bit(self, kind, select, request, tmp_path):
        events = select(request.getfixturevalue(kind))
        assert_same(dk.read_events(events.write(tmp_path / "events.parquet")), events)

    def test_extreme_numbers_survive(self, placed, tmp_path):
        """The smallest subnormal, the largest double, a signed zero and an infinity (a path without an end)."""
        odd = np.resize([5e-324, 1.7976931348623157e308, -0.0, np.inf], N_EVENTS)
        events = dataclasses.replace(placed, weight=odd)
        assert dk.read_events(events.write(tmp_path / "odd.parquet")).weight.tobytes() == odd.tobytes()

    def test_columns_say_their_units_to_any_reader_of_parquet(self, placed, written):
        schema = pq.read_schema(written)
        unit = {name: schema.field(name).metadata[b"unit"].decode() for name in schema.names}
        assert unit["m_N"] == unit["p_electron_E"] == unit["p_N_px"] == "GeV"
        assert unit["vertex_z"] == unit["entry_0"] == unit["exit_2"] == "cm"
        assert unit["weight"] == "1 / nucleus / POT"
        assert all(schema.field(name).metadata[b"meaning"] for name in schema.names)
        assert schema.names[:3] == ["weight", "m_N", "m_Zprime"]
        assert pq.read_table(written)["p_N_pz"].to_numpy().tobytes() == placed.p_N[:, 3].tobytes()

    def test_provenance_can_be_read_by_any_reader_of_parquet(self, written):
        provenance = json.loads(pq.read_schema(written).metadata[b"provenance"])
        assert provenance["seed"] == 7
        assert provenance["n_events"] == N_EVENTS
        assert provenance["sampling"] == {**dataclasses.asdict(dk.HEAVY), "m_N": [*dk.HEAVY.m_N]} | {
            "m_Zprime": [*dk.HEAVY.m_Zprime]
        }
        assert provenance["couplings"]["epsilon"] == dk.BENCHMARK_B.epsilon
        assert provenance["versions"]["numpy"] == np.__version__
        assert provenance["flux"]["FHC"] == dk.datasets.manifest("flux/nd280_fhc").sha256
        assert provenance["detector"]["name"] == "ND280"
        assert provenance["detector"]["seed"] == 8

    def test_same_seed_gives_the_same_file(self, tmp_path):
        def contents(seed):
            return dk.generate(dk.HEAVY, 40, seed).write(tmp_path / f"{seed}.parquet").read_bytes()

        first = contents(3)
        assert contents(3) == first
        assert contents(4) != first

    def test_number_of_targets_is_that_of_the_detector(self, written):
        targets = dk.read_events(written).number_of_targets
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

    def test_an_altered_provenance(self, placed, written):
        provenance = json.loads(json.dumps(placed.provenance, default=dict))
        provenance["couplings"]["epsilon"] *= 1.05
        rewrite(written, provenance=json.dumps(provenance))
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
        self.refuses(written, "lacks columns or provenance")

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
        self.refuses(written, "was altered.*it says None")

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
            placed.write(tmp_path / "new.parquet")
        assert list(tmp_path.iterdir()) == []

    def test_a_failure_leaves_the_former_file(self, placed, tmp_path, fail):
        path = placed[:10].write(tmp_path / "events.parquet")
        former = path.read_bytes()
        fail()
        with pytest.raises(OSError, match="disk full"):
            placed.write(path)
        assert path.read_bytes() == former
        assert list(tmp_path.iterdir()) == [path]

    def test_an_interruption_leaves_nothing_behind(self, placed, tmp_path, monkeypatch):
        def interrupted(table, path, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr(pq, "write_table", interrupted)
        with pytest.raises(KeyboardInterrupt):
            placed.write(tmp_path / "new.parquet")
        assert list(tmp_path.iterdir()) == []

    def test_a_former_file_is_replaced(self, placed, tmp_path):
        path = placed.write(tmp_path / "events.parquet")
        assert placed[:10].write(str(path)) == path
        assert len(dk.read_events(path)) == 10

    def test_a_missing_folder_is_named(self, placed, tmp_path):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            placed.write(tmp_path / "nowhere" / "events.parquet")

    def test_the_file_has_the_permissions_of_any_new_file(self, written, tmp_path):
        """A sample is made once and read by many: not by its owner alone."""
        (tmp_path / "any").touch()
        assert stat.S_IMODE(written.stat().st_mode) == stat.S_IMODE((tmp_path / "any").stat().st_mode)


class TestColumns:
    @pytest.mark.parametrize("name", list(dk.PlacedEvents.columns()))
    def test_columns_are_frozen(self, placed, name):
        with pytest.raises(ValueError, match="read-only"):
            getattr(placed, name)[0] = getattr(placed, name)[1]
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(placed, name, getattr(placed, name))

    def test_what_the_provenance_says_cannot_be_changed(self, placed):
        with pytest.raises(TypeError, match="does not support item assignment"):
            placed.provenance["sampling"]["m_N"] = (1.0, 1.0)

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
        about = dk.PlacedEvents.columns()
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
            slice(3, 40, 4),
            slice(None, None, -1),
            np.array([5, 5, 2]),
            [0, -1],
            np.arange(N_EVENTS) % 7 == 0,
        ],
        ids=["slice", "reversed", "indices", "list", "mask"],
    )
    def test_every_column_is_sliced_like_an_array(self, placed, selection):
        some = placed[selection]
        assert isinstance(some, dk.PlacedEvents)
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
        events = dk.Events(**bare, provenance={})
        assert (events.replicate == 0).all()
        assert np.isnan(events.point).all()
        assert events.point.shape == placed.point.shape

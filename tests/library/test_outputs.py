"""Files and folders that the library writes: complete, or not at all, and only where they can stand."""

import contextlib

import pytest
from toy_sample import B, Predicted, counting, toy_sample

import darkpkg as dk
from darkpkg.exports.hepmc import write_hepmc
from darkpkg.inference.posterior import sample_chain, write_chain
from darkpkg.outputs import complete_or_not_at_all, folder_at, require_writable


def a_chain():
    exact = Predicted(lambda p: dk.Expectation(1e7 * p.V_muN_sq[..., None], 0 * p.V_muN_sq[..., None]))
    bounds = {"V_muN_sq": (1e-10, 1e-4)}
    return sample_chain(dk.PointLikelihood(exact, counting(), B, bounds), 1, seed=2, n_walkers=4)


WRITERS = {
    "events.parquet": lambda path: dk.write_events(toy_sample(), path),
    "events.hepmc3": lambda path: write_hepmc(dk.simulate(B, 600, seed=1), path, B, dk.ANALYSIS_I),
    "scan.csv": lambda path: dk.write_scan(dk.scan(None, dk.Slice(B, epsilon=[1e-3, 1e-2]), dk.ANALYSIS_I), path),
    "chain.npz": lambda path: write_chain(a_chain(), path),
    "table.npz": lambda path: dk.load_table().write(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_no_file_is_written_into_the_name_of_a_folder_or_into_none(name, tmp_path):
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=f"{name} is a folder, and must be the name of a file"):
        WRITERS[name](tmp_path / name)
    with pytest.raises(FileNotFoundError, match=f"no folder .*nowhere to write {name} into"):
        WRITERS[name](tmp_path / "nowhere" / name)
    assert [path.name for path in tmp_path.rglob("*")] == [name]


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_path_without_a_name_is_that_of_a_folder(path):
    for begin in (require_writable, lambda path: complete_or_not_at_all(path).__enter__()):
        with pytest.raises(ValueError, match="is a folder, and must be the name of a file"):
            begin(type(folder_at("."))(path))


def test_a_file_that_fails_leaves_the_one_that_is_there(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("one", encoding="utf-8")
    with contextlib.suppress(ZeroDivisionError), complete_or_not_at_all(path) as partial:
        partial.write_text("two", encoding="utf-8")
        1 / 0  # noqa: B018
    assert [(one.name, one.read_text(encoding="utf-8")) for one in tmp_path.iterdir()] == [("numbers.txt", "one")]


@pytest.mark.parametrize("below", ["", "below"])
def test_a_folder_is_made_unless_a_file_is_in_its_way(below, tmp_path):
    assert folder_at(tmp_path / "new" / below).is_dir()
    assert folder_at(str(tmp_path / "new" / below)) == tmp_path / "new" / below
    (tmp_path / "file").touch()
    for make in (
        folder_at,
        lambda path: dk.simulate(B, 600, seed=1, cache=path),
        lambda path: dk.simulate_chunks(dk.HEAVY, 1, 1, path, chunk_size=600),
    ):
        with pytest.raises(ValueError, match="must be the name of a folder, and a file is in its way"):
            make(tmp_path / "file" / below)

"""Samples in folders: the same bits whoever makes them, whatever stops them, and sums with the right norm."""

import dataclasses
import functools
import json
import operator
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import active_children, get_context
from pathlib import Path

import numpy as np
import pytest

import darkpkg as dk
from benchmarks.large_sample import has_same_bits
from darkpkg import commands, running
from darkpkg.datasets import DataIntegrityError
from darkpkg.inference.coverage import coverage
from darkpkg.inference.outcomes import Method
from darkpkg.inference.posterior import sample_chain
from darkpkg.method.table_building import build_table
from darkpkg.method.table_grid import Grid
from darkpkg.running import executor_of, run
from darkpkg.simulation import plan_of

SIZE = 4000


IN_ARGON = dk.T2K.replace(detector=dk.ND280.only(("TPC1", "TPC2", "TPC3")), analyses={"I": dk.ANALYSIS_I})
"""One nucleus, for which each process that simulates adapts its maps."""


def chunks(into, n=3, executor=None, seed=7, masses=dk.HEAVY, size=SIZE, **options):
    return dk.simulate_chunks(masses, n, seed, into, chunk_size=size, executor=executor, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return chunks(tmp_path_factory.mktemp("chunks") / "heavy")


def slow(number, seconds):
    time.sleep(seconds)
    return number


def bits(folder):
    return [dk.read_events(file).weight.tobytes() + dk.read_events(file).vertex.tobytes() for file in folder.files]


class TestFiles:
    def test_the_first_chunk_is_the_sample_of_simulate(self, folder):
        sample, first = dk.simulate(dk.HEAVY, SIZE, 7), dk.read_events(folder.files[0])
        for name in sample.columns():
            np.testing.assert_array_equal(getattr(first, name), getattr(sample, name))

    def test_chunks_are_of_different_events(self, folder):
        assert len(set(bits(folder))) == 3

    def test_the_benchmark_of_a_large_sample_finds_the_same_and_other_bits(self, folder):
        plan = plan_of(dk.HEAVY, SIZE, 7)
        assert all(has_same_bits(plan, i, file) for i, file in enumerate(folder.files))
        assert not has_same_bits(plan, 0, folder.files[1])

    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # of whoever runs the tests
    def test_any_executor_makes_the_same_bits(self, tmp_path):
        how = {"masses": dk.BENCHMARK_B, "size": 1000, "experiment": IN_ARGON}
        alone = chunks(tmp_path / "alone", **how)
        with ThreadPoolExecutor(2) as pool:
            assert bits(chunks(tmp_path / "threads", executor=pool, **how)) == bits(alone)
        for start in ("spawn", "fork"):
            with ProcessPoolExecutor(2, mp_context=get_context(start)) as pool:
                assert bits(chunks(tmp_path / start, executor=pool, **how)) == bits(alone)

    def test_in_single_precision_weights_are_the_same_and_files_about_half_as_large(self, folder, tmp_path):
        small = chunks(tmp_path / "small", float32=True)
        for one, other in zip(small, folder, strict=True):
            np.testing.assert_array_equal(one.weight, other.weight)
            np.testing.assert_allclose(one.p_N, other.p_N, rtol=1e-7, atol=1e-9)  # 24 bits
        sizes = [sum(file.stat().st_size for file in each.files) for each in (small, folder)]
        assert sizes[0] < 0.6 * sizes[1]

    def test_more_chunks_leave_those_that_are_there(self, tmp_path):
        before = bits(chunks(tmp_path / "a", 1))
        times = [file.stat().st_mtime_ns for file in dk.SampleFolder(tmp_path / "a").files]
        after = chunks(tmp_path / "a", 2)
        assert bits(after)[:1] == before
        assert [file.stat().st_mtime_ns for file in after.files][:1] == times

    def test_a_longer_folder_is_not_cut(self, tmp_path):
        chunks(tmp_path / "a", 2, size=1000)
        assert len(chunks(tmp_path / "a", 1, size=1000)) == 2


class TestInterruption:
    def test_an_interrupt_that_is_held_comes_at_the_end(self):
        done = []

        def interrupted():
            with running.interrupts_held():
                signal.raise_signal(signal.SIGINT)
                done.append("all of it")

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert done == ["all of it"]
        with ThreadPoolExecutor(1) as pool:  # no other thread gets one
            assert pool.submit(lambda: running.interrupts_held().__enter__()).result() is None

    @pytest.mark.slow
    def test_a_run_whose_worker_was_killed_goes_on_to_the_same_bits(self, tmp_path):
        whole = bits(chunks(tmp_path / "whole", 6, size=1000))
        into = tmp_path / "killed"

        def kill_a_worker():
            while not list(into.glob("chunk-*.parquet")):
                time.sleep(0.01)
            os.kill(active_children()[0].pid, signal.SIGKILL)

        with (
            ThreadPoolExecutor(1) as killer,
            ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        ):
            killer.submit(kill_a_worker)
            with pytest.raises(RuntimeError, match=r"a worker died when [0-5] of 6 chunks were done.*run it again"):
                chunks(into, 6, executor=pool, size=1000)
        assert 1 <= len(list(into.glob("chunk-*.parquet"))) < 6
        with pytest.raises(ValueError, match="not complete: run it again"):
            dk.SampleFolder(into)
        assert bits(chunks(into, 6, size=1000)) == whole

    @staticmethod
    def started(into):
        """The command line at work, once it has made a chunk."""
        process = subprocess.Popen(
            [sys.executable, "-m", "darkpkg", "simulate-chunks", "--n-chunks=400", "--chunk-size=1000", "-o", into],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            # Whoever starts the tests may have shut interrupts out.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        while not list(into.glob("chunk-*.parquet")):
            assert process.poll() is None
            time.sleep(0.01)
        return process

    @pytest.mark.slow
    def test_an_interrupt_ends_all_processes_with_130_and_leaves_what_is_done(self, tmp_path):
        process = self.started(tmp_path / "heavy")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert (*process.communicate(timeout=120), process.returncode) == ("", "", 130)
        left = [file.name for file in (tmp_path / "heavy").iterdir()]
        assert 2 <= len(left) < 401  # a chunk and the description
        assert not [name for name in left if name.startswith(".")]

    @pytest.mark.slow
    def test_a_worker_that_dies_is_an_error_of_one_line_on_the_command_line(self, tmp_path):
        process = self.started(tmp_path / "heavy")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        os.kill(int(children[-1]), signal.SIGKILL)
        output, errors = process.communicate(timeout=120)
        assert (process.returncode, output) == (1, "")
        # Without the line of source that Python quotes, indented, below a warning.
        error, *notes = [line for line in errors.splitlines() if not line.startswith(" ")]
        assert re.fullmatch(r"darkpkg: a worker died when \d+ of 400 chunks were done; .*go on", error)
        assert all("resource_tracker" in line for line in notes)  # Python's, of locks that the dead left

    def test_an_error_of_a_task_is_raised_as_it_is_and_cancels_the_others(self):
        done = []

        def task(i):
            done.append(slow(i, 0.01))
            if i == 1:
                raise KeyError("one")

        with ThreadPoolExecutor(1) as pool, pytest.raises(KeyError, match="one"):
            list(run(task, [(i,) for i in range(1000)], pool, "tasks"))
        assert len(done) < 1000

    def test_progress_counts_what_all_workers_have_done(self, capsys):
        with ThreadPoolExecutor(2) as pool:
            assert list(run(slow, [(i, 0.2) for i in range(4)], pool, "tasks", progress=True)) == [0, 1, 2, 3]
        assert re.search("tasks: .* [1-4]/4 ", capsys.readouterr().err)  # drawn anew ten times a second at most

    def test_results_come_in_the_order_of_the_tasks(self):
        with ThreadPoolExecutor(4) as pool:
            results = list(
                run(lambda i: (time.sleep(0.001 * (9 - i)), i)[1], [(i,) for i in range(9)], pool, "tasks")
            )
        assert results == list(range(9))

    def test_a_result_that_was_taken_is_not_kept(self):
        taken = []
        with ThreadPoolExecutor(2) as pool:
            for result in run(np.full, [(10, i) for i in range(50)], pool, "tasks"):
                taken.append(weakref.ref(result))
                del result
                assert sum(one() is not None for one in taken) <= 2  # what a worker still has in its hands
        assert len(taken) == 50


@pytest.fixture(scope="module")
def scheduler():
    """Address of a scheduler of Dask with two workers, each a process."""
    from distributed import LocalCluster  # here: nearly a second, in whatever process lists the tests

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def table_of(folder, executor=None):
    """Of one analysis in few masses."""
    how = {"n_events": 256, "grids": [Grid("heavy", 5, 5, m_N=(0.09, 0.11))], "executor": executor}
    return build_table(IN_ARGON, folder / "table.npz", folder=folder / "nodes", **how)


@pytest.mark.slow
class TestScheduler:
    """Everything that is worth several workers, on those of a scheduler of Dask."""

    def test_its_workers_make_the_same_bits(self, scheduler, tmp_path, capsys):
        alone = chunks(tmp_path / "alone", seed=3)
        source = commands.Source(None, None, SIZE, 3)
        commands.simulate_chunks(tmp_path / "dask", "heavy", source, 3, 1, scheduler)
        assert bits(dk.SampleFolder(tmp_path / "dask")) == bits(alone)
        assert capsys.readouterr().out.startswith("3 chunks")

    def test_a_scan_of_a_folder_has_the_same_bits(self, scheduler, folder):
        line = dk.Slice(dk.BENCHMARK_B, V_muN_sq=np.geomspace(1e-9, 1e-4, 5))
        of = functools.partial(dk.Kernel, smoothing=dk.Smoothing(9.0))
        with executor_of(1, scheduler) as executor:
            found = dk.scan(dk.Chunked(folder, of, executor), line, dk.ANALYSIS_I)
        alone = dk.scan(dk.Chunked(folder, of), line, dk.ANALYSIS_I)
        np.testing.assert_array_equal(found.log_likelihood, alone.log_likelihood)

    def test_a_table_has_the_same_bits(self, scheduler, tmp_path):
        for name in ("alone", "dask"):
            (tmp_path / name).mkdir()
        with executor_of(1, scheduler) as executor:
            found = table_of(tmp_path / "dask", executor)
        for name, values in table_of(tmp_path / "alone").arrays.items():
            np.testing.assert_array_equal(found.arrays[name], values)

    def test_chains_have_the_same_bits(self, scheduler):
        bounds = {"V_muN_sq": (1e-10, 1e-4), "epsilon": (1e-4, 0.1)}
        lnL = dk.PointLikelihood(None, dk.ANALYSIS_I, dk.BENCHMARK_B, bounds)
        chains = [functools.partial(sample_chain, lnL, 20, seed=seed, n_walkers=8) for seed in (1, 2)]
        with executor_of(1, scheduler) as executor:
            found = list(run(operator.call, [(chain,) for chain in chains], executor, "chains"))
        for chain, one in zip(chains, found, strict=True):
            np.testing.assert_array_equal(one.u, chain().u)

    def test_coverage_by_toys_has_the_same_bits_in_parts(self, scheduler):
        n_bins = len(dk.ANALYSIS_II.observed)
        points = np.linspace(0, 60, 30)[:, None] * np.full(n_bins, 1 / n_bins)
        whole = functools.partial(coverage, points, dk.ANALYSIS_II, Method("feldman-cousins", n_toys=200))
        parts = [(functools.partial(whole, which=part),) for part in (slice(0, 15), slice(15, 30))]
        with executor_of(1, scheduler) as executor:
            found = [one.value for one in run(operator.call, parts, executor, "parts")]
        np.testing.assert_array_equal(np.concatenate(found), whole().value)


class TestErrors:
    def test_a_folder_of_another_simulation_is_refused(self, folder):
        for other in ({"seed": 8}, {"masses": dk.LIGHT}, {"size": 2 * SIZE}, {"float32": True}):
            with pytest.raises(ValueError, match=r"holds another simulation.*seed 7"):
                chunks(folder.path, **other)

    def test_no_folder_is_no_sample(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="no folder of chunks"):
            dk.SampleFolder(tmp_path)

    @pytest.mark.parametrize("text", ["", "[]", '{"format": "other"}'])
    def test_a_foreign_description_is_refused(self, tmp_path, text):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(DataIntegrityError, match="no description of chunks"):
            dk.SampleFolder(tmp_path)

    @pytest.mark.parametrize(
        ("name", "value"), [("n_chunks", "3"), ("n_chunks", -3), ("n_chunks", None), ("digest", 5), ("seed", None)]
    )
    def test_a_description_of_other_kinds_names_what_is_wrong(self, folder, tmp_path, name, value):
        about = json.loads((folder.path / "run.json").read_text())
        (tmp_path / "run.json").write_text(json.dumps({**about, name: value}))
        with pytest.raises(DataIntegrityError, match=rf"run\.json is no description of chunks: {name} must be"):
            dk.SampleFolder(tmp_path)
        with pytest.raises(DataIntegrityError, match=f"{name} must be"):
            chunks(tmp_path)

    def test_a_description_of_a_billion_chunks_is_refused_at_once(self, folder, tmp_path):
        about = json.loads((folder.path / "run.json").read_text())
        (tmp_path / "run.json").write_text(json.dumps({**about, "n_chunks": 10**9}))
        with pytest.raises(ValueError, match="is not complete"):
            dk.SampleFolder(tmp_path)

    def test_a_chunk_under_another_name_or_of_another_simulation_is_refused(self, folder, tmp_path):
        """Twice the same events are no larger sample, and other masses or seeds another one."""
        other = chunks(tmp_path / "other", 2, size=1000, seed=8)
        for n, source in enumerate((folder.files[0], other.files[1])):
            copy = shutil.copytree(folder.path, tmp_path / f"copy{n}")
            shutil.copy(source, copy / "chunk-000001.parquet")
            with pytest.raises(
                DataIntegrityError, match=r"chunk-000001\.parquet must hold the chunk that its name has"
            ):
                list(dk.SampleFolder(copy))

    def test_a_damaged_chunk_is_named(self, tmp_path):
        file = chunks(tmp_path / "a", 1, size=1000).files[0]
        file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(DataIntegrityError, match="chunk-000000"):
            list(dk.SampleFolder(tmp_path / "a"))

    @pytest.mark.parametrize("n", [0, -1])
    def test_the_number_of_chunks_is_positive(self, tmp_path, n):
        with pytest.raises(ValueError, match="n_chunks must be at least 1"):
            chunks(tmp_path / "a", n)

    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            ("n", "3"),
            ("n", 2.5),
            ("n", True),
            ("into", 3),
            ("seed", -1),
            ("seed", None),
            ("size", 1),
            ("masses", 0.1),
            ("float32", "no"),
            ("progress", 1),
            ("executor", 5),
        ],
    )
    def test_another_kind_is_refused_by_name_before_any_file(self, tmp_path, argument, value):
        right = {"into": tmp_path / "a", "n": 1, "size": 1000}
        names = {"n": "n_chunks", "size": "n_events"}
        with pytest.raises((TypeError, ValueError), match=rf"\b{names.get(argument, argument)}\b"):
            chunks(**right | {argument: value})
        assert not list(tmp_path.glob("*/chunk-*"))
        assert len(chunks(**right)) == 1  # the wrong call has left nothing that would refuse the right one

    def test_what_is_no_folder_or_estimator_is_refused(self, folder):
        with pytest.raises(TypeError, match="folder must be"):
            dk.Chunked(str(folder.path))
        with pytest.raises(TypeError, match="of must make an estimator"):
            dk.Chunked(folder, "Transport")
        with pytest.raises(TypeError, match=r"executor must have a method submit, as .* got 5"):
            dk.Chunked(folder, dk.Kernel, 5)
        with pytest.raises(TypeError, match="path must be of type str or PathLike, got int 5"):
            dk.SampleFolder(5)


class TestSums:
    θ = dk.BENCHMARK_B.replace(m_N=np.array([0.1, 0.2]))

    def test_the_sum_over_chunks_is_the_mean_of_their_predictions(self, folder):
        of = functools.partial(dk.Kernel, smoothing=dk.Smoothing(9.0))
        parts = [of(dk.read_events(file)).events(self.θ, dk.ANALYSIS_II) for file in folder.files]
        total = dk.Chunked(folder, of).events(self.θ, dk.ANALYSIS_II)
        np.testing.assert_allclose(total.mean, np.mean([part.mean for part in parts], axis=0), rtol=1e-12)
        np.testing.assert_allclose(total.bias, np.mean([part.bias for part in parts], axis=0), rtol=1e-9)
        np.testing.assert_allclose(total.variance, np.sum([part.variance for part in parts], axis=0) / 9, rtol=1e-12)

    def test_weights_of_the_parts_add_up_to_the_cross_section(self, folder):
        parts = [sample.weight.sum() for sample in folder]
        whole = dk.simulate(dk.HEAVY, 60_000, 1).weight
        error = np.hypot(np.std(parts) * np.sqrt(3), whole.std() * np.sqrt(len(whole)))
        assert abs(sum(parts) - whole.sum()) < 4 * error  # of 4000 events each: some per cent

    def test_threads_add_up_to_the_same_bits(self, folder):
        alone = dk.Chunked(folder).upscatterings(dk.BENCHMARK_B, dk.ANALYSIS_I)
        with ThreadPoolExecutor(2) as pool:
            pooled = dk.Chunked(folder, executor=pool).upscatterings(dk.BENCHMARK_B, dk.ANALYSIS_I)
        np.testing.assert_array_equal(alone.mean, pooled.mean)
        np.testing.assert_array_equal(alone.variance, pooled.variance)

    def test_a_scan_takes_it_as_any_estimator(self, folder):
        of = functools.partial(dk.Kernel, smoothing=dk.Smoothing(9.0))
        line = dk.Slice(dk.BENCHMARK_B, V_muN_sq=np.geomspace(1e-9, 1e-4, 5))
        assert dk.scan(dk.Chunked(folder, of), line, dk.ANALYSIS_I).excluded().tolist()[0] is False

    def test_few_events_are_told_of_the_sum(self, folder):
        with pytest.warns(dk.FewEventsWarning, match="effective events near m_N = 0.1 GeV"):
            dk.Chunked(folder).events(dk.BENCHMARK_B, dk.ANALYSIS_I)


class TestCommandLine:
    """What the commands do with a folder; the command line itself is tested in test_cli."""

    def test_a_folder_is_filled_and_serves_as_a_sample(self, tmp_path, capsys):
        commands.simulate_chunks(tmp_path / "heavy", "heavy", commands.Source(None, None, 20_000, 3), 2, 1, None)
        assert capsys.readouterr().out == f"2 chunks of 20000 events in the folder {tmp_path / 'heavy'}\n"
        source = commands.Source(tmp_path / "heavy", estimator="kernel")
        commands.check(dataclasses.asdict(dk.BENCHMARK_B), source, ["I"], as_json=True)
        found = json.loads(capsys.readouterr().out)
        with pytest.warns(dk.FewEventsWarning):  # so few are enough to compare
            expected = dk.Chunked(dk.SampleFolder(source.sample), dk.Kernel).events(dk.BENCHMARK_B, dk.ANALYSIS_I)
        assert found["n_events"] == 40_000
        assert found["expected_events"] == pytest.approx(float(expected.total().mean), rel=1e-6)

    def test_a_scheduler_that_is_not_there_is_named(self, monkeypatch):
        monkeypatch.setattr(running, "ANSWERS_WITHIN", 1)  # nobody listens there
        with pytest.raises(ValueError, match="scheduler"), executor_of(2, "tcp://127.0.0.1:1"):
            pass

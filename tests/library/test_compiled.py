"""The compiled loops against dense numpy, and the folder in which their machine code is kept."""

import functools
import importlib.util
import itertools
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mpmath
import numba
import numpy as np
import pytest
from fresh_python import fresh_python
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from toy_sample import toy_rates

import darkpkg as dk
from darkpkg import compiling
from darkpkg._sources import PHYSICS, code_of
from darkpkg.compiling import in_blocks
from darkpkg.experiment.volumes import Box, Sphere
from darkpkg.inputs import to_read
from darkpkg.method import loops
from darkpkg.method.flights import chords_through, flight_polygons
from darkpkg.method.kernel_estimate import in_strips
from darkpkg.method.kernel_loops import _TOGETHER, Points, Prepared, chances, kernel_sums
from darkpkg.method.loops import Paths
from darkpkg.method.targets import target

# Few distinct values, so that samples tie with each other, with strip edges and with the rim of a kernel.
GRID = st.integers(-4, 4).map(lambda i: i / 4)


WIDER = math.sqrt(2)
REACH = {0: 1.0, 1: 1.0, 2: 6.0}
SHAPES = {
    0: lambda r_sq: np.maximum(1 - r_sq, 0),
    1: lambda r_sq: np.where(r_sq < 1, 1.0, 0.0),
    2: lambda r_sq: np.where(r_sq < 36, np.exp(-r_sq / 2), 0.0),
}


def dense(x, y, rate, h, kind, c, sample, everywhere, n_columns):
    """Σw, Σw², Σd and Σd² by arrays of (points, samples)."""
    u, v = ((sample[name] - at[:, None]) / h[:, i, None] for i, (name, at) in enumerate((("x", x), ("y", y))))
    both = []
    for k, wider in enumerate((1.0, WIDER)):
        linear = c[:, k, 0, None] + c[:, k, 1, None] * u / wider + c[:, k, 2, None] * v / wider
        both.append(sample["base"] * SHAPES[kind]((u**2 + v**2) / wider**2) * linear)
    if not everywhere:
        depth = rate[:, None, None] * sample["width"]
        survival = -(np.exp(-rate[:, None, None] * sample["begin"]) * np.expm1(-depth)).sum(axis=-1)
        both = [w * survival for w in both]
    chosen = sample["column"][:, None] == np.arange(n_columns)
    w, d = both[0], both[1] - both[0]
    return np.stack([w @ chosen, w**2 @ chosen, d @ chosen, d**2 @ chosen], axis=-1)


def ordered_in_strips(sample, cuts):
    """The sample in the order that the loop needs, with strips that begin at ``cuts`` (equal ones are empty), or
    without them those of an estimate.
    """
    if cuts is None:
        order, edges, starts = in_strips(sample["x"], sample["y"])
        return {name: column[order] for name, column in sample.items()}, edges, starts
    by_x = np.argsort(sample["x"], kind="stable")
    starts = np.array([0, *sorted(cuts), len(by_x)])
    first = np.minimum(starts[:-1], len(by_x) - 1)
    edges = sample["x"][by_x[first]] if len(by_x) else np.zeros(len(first))
    order = np.concatenate([by_x[a:b][np.argsort(sample["y"][by_x[a:b]])] for a, b in itertools.pairwise(starts)])
    return {name: column[order] for name, column in sample.items()}, edges, starts


def compiled(x, y, rate, h, kind, c, sample, cuts, everywhere, n_columns, one_by_one=False):
    """``one_by_one`` each point is a group of its own, as if no other had its masses."""
    ordered, edges, starts = ordered_in_strips(sample, cuts)
    sums = np.zeros((len(x), n_columns, 4))
    paths = Paths(ordered["begin"], ordered["width"], np.zeros((0, 1), dtype=np.int64), np.zeros((0, 2)))
    nearest, farthest = ordered["begin"].min(initial=np.inf), (paths.begin + paths.width).max(initial=0.0)
    of_samples = ordered["x"], ordered["y"], ordered["base"], ordered["column"]
    samples = Prepared(*of_samples, paths, edges, starts, nearest, farthest)
    fixed = np.column_stack([x, y, h, c.reshape(len(x), -1)])
    first = np.flatnonzero(np.r_[True, one_by_one | (fixed[1:] != fixed[:-1]).any(axis=1)])
    groups = np.stack([first, np.append(first[1:], len(x))], axis=-1)
    points = Points(x, y, rate, np.full(len(x), np.inf), h, c, kind, REACH[kind], WIDER)
    kernel_sums(groups, sums, points, samples, everywhere, True)
    return sums


@st.composite
def problems(draw):
    n, points, n_columns, k = draw(st.tuples(*map(st.integers, (0, 1, 1, 1), (30, 4, 3, 3))))
    positive = st.floats(0.125, 8)

    def column(shape, values, dtype=float):
        return draw(arrays(dtype, shape, elements=values, fill=st.nothing()))

    sample = {
        "x": column(n, GRID),
        "y": column(n, GRID),
        "base": column(n, positive),
        "column": column(n, st.integers(0, n_columns - 1), np.int64),
        "begin": column((n, k), st.floats(0, 8)),
        "width": column((n, k), st.sampled_from([0.0, 0.25, 4.0])),
    }
    masses = np.repeat(np.arange(points), draw(st.integers(1, 3)))  # points with the same masses stand together
    x, y, rate = column(points, GRID)[masses], column(points, GRID)[masses], column(len(masses), positive)
    h = column((points, 2), st.sampled_from([0.125, 0.5, 1.0, np.inf]))[masses]
    c = column((points, 2, 3), st.sampled_from([0.0, 0.5, 1.0, 2.0]))[masses]
    cuts = draw(st.none() | st.lists(st.integers(0, n), max_size=6))
    return x, y, rate, h, draw(st.sampled_from([0, 1, 2])), c, sample, cuts, draw(st.booleans()), n_columns


class TestKernelSums:
    @given(problems())
    def test_sums_agree_with_dense_numpy(self, problem):
        """In any strips: also with ties, empty strips, no sample at all, and an infinite bandwidth."""
        *most, sample, _, everywhere, n_columns = problem
        expected = dense(*most, sample, everywhere, n_columns)
        # Rounding of sums of at most thirty terms of order a hundred, which may cancel.
        np.testing.assert_allclose(compiled(*problem), expected, rtol=1e-12, atol=1e-11)

    def test_sums_of_many_random_samples_agree_with_dense_numpy(self):
        rng = np.random.default_rng(1)
        n = 3000
        sample = {
            "x": rng.normal(size=n),
            "y": rng.normal(size=n),
            "base": rng.lognormal(size=n),
            "column": rng.integers(0, 2, n),
            "begin": rng.exponential(size=(n, 3)),
            "width": rng.exponential(size=(n, 3)) * (rng.random((n, 3)) < 0.5),
        }
        masses = np.repeat(np.arange(15), 4)
        x, y, rate = rng.normal(size=15)[masses], rng.normal(size=15)[masses], rng.lognormal(size=60)
        cuts = np.linspace(0, n, 55)[1:-1].astype(int)
        h, c = rng.uniform(0.1, 0.8, (15, 2))[masses], rng.normal(size=(15, 2, 3))[masses]
        for kind in SHAPES:
            value = compiled(x, y, rate, h, kind, c, sample, cuts, False, 2)
            expected = dense(x, y, rate, h, kind, c, sample, False, 2)
            np.testing.assert_allclose(value, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())
            assert (value != 0).mean() > 0.9  # the comparison is not one of zeros

    @pytest.mark.parametrize("n", [1, _TOGETHER - 1, _TOGETHER, _TOGETHER + 1, 2 * _TOGETHER, 300])
    def test_any_number_of_samples_within_reach_is_summed_and_a_point_has_the_bits_that_it_has_alone(self, n):
        """Points with the same masses are summed together, those that differ by a bandwidth or a slope are not."""
        rng = np.random.default_rng(4)
        sample = {
            "x": rng.random(n),
            "y": rng.random(n),
            "base": rng.lognormal(size=n),
            "column": rng.integers(0, 3, n),
            "begin": rng.exponential(size=(n, 3)),
            "width": rng.exponential(size=(n, 3)) * (rng.random((n, 3)) < 0.5),
        }
        x, y, rate, h = np.zeros(12), np.zeros(12), rng.lognormal(sigma=3, size=12), np.full((12, 2), np.inf)
        c = np.tile([1.0, 0.0, 0.0], (12, 2, 1))
        x[9:], h[4, 1], h[5, 0], c[6, 1, 0], c[7, 0, 0] = 0.5, 2.0, 2.0, 0.5, 0.5
        together = compiled(x, y, rate, h, 1, c, sample, None, False, 3)
        expected = dense(x, y, rate, h, 1, c, sample, False, 3)
        np.testing.assert_allclose(together, expected, rtol=1e-12, atol=1e-12)  # another order of the terms
        for i in range(12):
            one = slice(i, i + 1)
            alone = compiled(x[one], y[one], rate[one], h[one], 1, c[one], sample, None, False, 3)
            np.testing.assert_array_equal(alone[0], together[i])

    @settings(max_examples=15)
    @given(st.integers(0, 2**32), st.floats(-2, 4), st.floats(0.1, 4), st.booleans())
    def test_many_lifetimes_by_moments_are_the_sums_one_by_one(self, seed, log_time, spread, from_vertex):
        """For times over momentum around a centimetre over a GeV or a hundred metres, and lifetimes from microns to
        thousands of kilometres; the paths of a sample may overlap, or be in each other's order.
        """
        rng, n, lifetimes = np.random.default_rng(seed), 3000, 40
        sample = {
            "x": rng.random(n),
            "y": rng.random(n),
            "base": rng.lognormal(size=n),
            "column": rng.integers(0, 2, n),
            "begin": 10**log_time * rng.lognormal(sigma=spread, size=(n, 3)),
            "width": 10**log_time * rng.lognormal(-1, spread, (n, 3)) * (rng.random((n, 3)) < 0.4),
        }
        if from_vertex:
            sample["begin"][rng.random((n, 3)) < 0.1] = 0.0
        at, h, c = np.full(lifetimes, 0.5), np.full((lifetimes, 2), 0.3), np.ones((lifetimes, 2, 3))
        problem = at, at, np.geomspace(1e-9, 1e4, lifetimes), h, 0, c, sample, None
        together, alone = (compiled(*problem, False, 2, one_by_one) for one_by_one in (False, True))
        everywhere = compiled(*problem, True, 2)
        assert (together != alone).any()  # they are other sums
        assert np.all(np.abs(together - alone) <= 1e-6 * np.abs(alone) + 1e-9 * everywhere)
        few = {name: column[:100] for name, column in sample.items()}
        fewer = (compiled(*problem[:6], few, None, False, 2, one_by_one) for one_by_one in (False, True))
        np.testing.assert_array_equal(*fewer)  # less work than with moments

    def test_where_the_strips_are_cut_does_not_matter(self):
        rng = np.random.default_rng(2)
        sample = {
            "x": rng.random(200),
            "y": rng.random(200),
            "base": np.ones(200),
            "column": np.zeros(200, dtype=np.int64),
            "begin": np.zeros((200, 1)),
            "width": np.ones((200, 1)),
        }
        x = y = rate = np.linspace(0.05, 0.95, 7)
        h, c = np.full((7, 2), 0.1), np.tile([1.0, 0.0, 0.0], (7, 2, 1))
        one, *others = (
            compiled(x, y, rate, h, 0, c, sample, cuts, True, 1)
            for cuts in ([], None, [100], range(1, 200), [0, 0, 7, 7, 7, 200])
        )
        for other in others:
            np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-12)  # another order of the terms

    @pytest.mark.parametrize("n", [0, 1, 2, 1000])
    @pytest.mark.parametrize("spread", [0.0, 1e-300, 1.0])
    def test_strips_hold_each_sample_once_between_their_edges_and_in_order(self, n, spread):
        rng = np.random.default_rng(3)
        x, y = spread * rng.normal(size=n), rng.normal(size=n)
        order, edges, starts = in_strips(x, y)
        np.testing.assert_array_equal(np.sort(order), np.arange(n))
        assert (starts[0], starts[-1]) == (0, n)
        assert len(starts) == len(edges) + 1
        for low, high, begin, end in zip(edges, [*edges[1:], np.inf], starts, starts[1:], strict=False):
            own, rounding = order[begin:end], 1e-14 * spread
            assert np.all((x[own] >= low - rounding) & (x[own] <= high + rounding))
            assert np.all(np.diff(y[own]) >= 0)


class TestThreadsAndProcesses:
    """Equal numbers, to the last bit, whoever computes them."""

    @pytest.mark.parametrize("threads", [1, 2, 3, 7, 50])
    def test_every_point_is_in_one_block(self, threads, monkeypatch):
        monkeypatch.setattr("numba.config.NUMBA_NUM_THREADS", threads)
        for n in (0, 1, 2, 15, 16, 17, 1000):
            counts = np.zeros(n, dtype=int)

            def count(first, last, counts):
                counts[first:last] += 1

            in_blocks(count)(counts)
            assert np.all(counts == 1)

    def test_an_error_in_a_thread_is_raised(self, monkeypatch):
        monkeypatch.setattr("numba.config.NUMBA_NUM_THREADS", 2)

        def fail(first, last, points):
            if last > 90:
                raise ArithmeticError("no sum")

        with pytest.raises(ArithmeticError, match="no sum"):
            in_blocks(fail)(np.zeros(100))

    def test_the_number_of_threads_changes_no_bit(self, monkeypatch):
        sums = []
        for threads in (1, 2, 5):
            monkeypatch.setattr("numba.config.NUMBA_NUM_THREADS", threads)
            sums.append(toy_rates().tobytes())
        assert sums == [sums[0]] * 3

    PROGRAM = """
import multiprocessing, sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from toy_sample import toy_rates

def rates(_):
    return toy_rates()

if __name__ == "__main__":
    method = sys.argv[1]
    here = rates(0)
    if method == "threads":
        pool = ThreadPoolExecutor(4)
    else:
        pool = multiprocessing.get_context(method).Pool(2)
    with pool:
        there = list(pool.map(rates, range(4)))
    assert np.all(here > 0) and here.size == 40
    assert all(np.array_equal(rate, here) for rate in there)
    print("equal")
"""

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("workers", "layer"), [("fork", "omp"), ("spawn", "omp"), ("forkserver", "omp"), ("threads", "workqueue")]
    )
    def test_workers_that_start_after_a_prediction_give_the_same_rates(self, workers, layer, tmp_path):
        """With these layers numba's own parallel loops end or hang forked processes, or end that of the threads."""
        program = tmp_path / "program.py"
        program.write_text(self.PROGRAM, encoding="utf-8")
        path = os.pathsep.join([str(Path(__file__).parent), str(Path(dk.__file__).parent.parent)])
        environment = os.environ | {
            "PYTHONPATH": path,
            "NUMBA_NUM_THREADS": "2",
            "NUMBA_THREADING_LAYER": layer,
        }
        # Some seconds on an idle machine; what hangs never ends.
        run = subprocess.run(
            [sys.executable, program, workers], env=environment, timeout=300, capture_output=True, text=True
        )
        assert (run.returncode, run.stdout) == (0, "equal\n"), run.stderr


def survival(rate, begin, width):
    """The chances to decay in several stretches together."""
    chance = np.full(len(begin), np.nan)
    chances(rate, begin, width, chance)
    return chance.sum()


class TestChances:
    @given(st.floats(1e-18, 1e3), st.floats(0, 1e3), st.floats(1e-12, 1e3))
    def test_share_of_decays_in_a_stretch_is_exact(self, rate, begin, width):
        with mpmath.workdps(50):
            r, a, b = mpmath.mpf(rate), mpmath.mpf(begin), mpmath.mpf(begin) + mpmath.mpf(width)
            exact = float(mpmath.exp(-r * a) - mpmath.exp(-r * b))
        value = survival(rate, np.array([begin]), np.array([width]))
        # The exponent is rounded to 1e-16 of itself, which may be 700 before the result vanishes.
        assert value == pytest.approx(exact, rel=1e-15 * (4 + rate * begin), abs=1e-300)

    def test_a_long_lifetime_leaves_width_times_rate(self):
        value = survival(1e-200, np.array([5.0, 100.0]), np.array([2.0, 3.0]))
        assert value / 5e-200 == pytest.approx(1, rel=1e-14)

    def test_a_short_lifetime_leaves_what_begins_inside(self):
        assert survival(1e6, np.array([0.0, 1.0]), np.array([2.0, 2.0])) == 1.0

    def test_stretches_add_up_and_empty_ones_count_nothing(self):
        whole = survival(0.7, np.array([1.0]), np.array([3.0]))
        parts = survival(0.7, np.array([1.0, 9.0, 2.5]), np.array([1.5, 0.0, 1.5]))
        assert parts == pytest.approx(whole, rel=1e-14)
        assert survival(0.7, np.array([1.0]), np.array([0.0])) == 0.0

    def test_they_are_those_of_numpy_for_all_lifetimes_and_vanish_with_them(self):
        """To the few last bits that each of two exponential functions may be off, as long as they are no fractions of
        the least number of full precision: beyond, e⁻⁷⁰⁸ is zero.
        """
        rate, n = np.geomspace(1e-300, 1e100, 4001), 37
        begin, width = np.repeat(1.7, n), np.geomspace(1e-9, 30.0, n)
        for one in rate:
            chance = np.full(n, np.nan)
            chances(one, begin, width, chance)
            expected = -np.exp(-one * begin) * np.expm1(-one * width)
            np.testing.assert_allclose(chance, expected, rtol=1e-15, atol=1e-307)
            assert one * begin[0] < 708 or not chance.any()


PROBE = """
from darkpkg.compiling import compiled
from darkpkg.physics.kinematics import minkowski

@compiled()
def probe(p):
    return minkowski(p, p)
"""
"""A small compiled function, of a formula from another file, in a module that a copy of the package gets besides."""


@pytest.fixture
def package(tmp_path):
    source = Path(dk.__file__).parent
    copy = Path(shutil.copytree(source, tmp_path / "darkpkg", ignore=shutil.ignore_patterns("__pycache__")))
    (tmp_path / "data").symlink_to(source.parent / "data")
    (copy / "physics" / "probe.py").write_text(PROBE, encoding="utf-8")
    return copy


def run(package, program, **environment):
    """What ``program`` prints with this copy of the package and, unless told otherwise, no place but the package."""
    defaults = {"PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": "", "HOME": "/dev/null", "XDG_CACHE_HOME": ""}
    process = fresh_python(program, os.environ | defaults | environment, package.parent)
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


EDIT = """
_before = minkowski

@within_compiled
def minkowski(p, k):
    return 2 * _before(p, k)
"""


def edit(package):
    with (package / "physics" / "kinematics.py").open("a", encoding="utf-8") as source:
        source.write(EDIT)


VALUE_AND_HITS = """
from darkpkg.physics.probe import probe
print(probe((2.0, 0.0, 0.0, 1.0)), sum(probe.stats.cache_hits.values()), probe.stats.cache_path)
"""


@pytest.mark.slow
class TestCache:
    @staticmethod
    def set_up(place, package):
        """Environment for one place, and the folder that the machine code must be in, if in any."""
        within = package.parent
        if place != "package":
            (package / "__pycache__").write_text("no folder", encoding="utf-8")  # as root may write anywhere
        return {
            "package": ({}, package / "__pycache__"),
            "NUMBA_CACHE_DIR": ({"NUMBA_CACHE_DIR": str(within / "mine")}, within / "mine"),
            "XDG_CACHE_HOME": ({"XDG_CACHE_HOME": str(within / "cache")}, within / "cache" / "darkpkg"),
            "home": ({"HOME": str(within / "home")}, within / "home" / ".cache" / "darkpkg"),
            "none": ({"NUMBA_CACHE_DIR": "/dev/null/numba"}, None),
        }[place]

    @pytest.mark.parametrize("place", ["package", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "home", "none"])
    def test_an_edited_formula_changes_the_compiled_result_wherever_machine_code_is_kept(self, place, package):
        environment, folder = self.set_up(place, package)
        before, _, path = run(package, VALUE_AND_HITS, **environment)
        assert path == "None" if folder is None else Path(path).is_relative_to(folder)
        edit(package)
        after, hits, _ = run(package, VALUE_AND_HITS, **environment)
        assert (float(before), float(after)) == (3, 6)
        assert int(hits) == 0

    def test_machine_code_of_unchanged_sources_is_used_again(self, package):
        first, second = (run(package, VALUE_AND_HITS)[:2] for _ in range(2))
        assert (first, second) == (["3.0", "0"], ["3.0", "1"])

    def test_a_docstring_leaves_machine_code_valid(self, package):
        run(package, VALUE_AND_HITS)
        probe = package / "physics" / "probe.py"
        probe.write_text(
            '"""Said\n\nat length."""\n# and more\n' + probe.read_text(encoding="utf-8"), encoding="utf-8"
        )
        assert run(package, VALUE_AND_HITS)[:2] == ["3.0", "1"]

    def test_no_machine_code_of_sources_that_change_during_a_session_is_kept(self, package):
        """Python has read the formula before the edit, numba compiles it afterwards."""
        program = f"""
import darkpkg.physics.kinematics
with open(darkpkg.physics.kinematics.__file__, "a") as source:
    source.write({EDIT!r})
{VALUE_AND_HITS}
"""
        old, *_ = run(package, program)
        new, hits, _ = run(package, VALUE_AND_HITS)
        assert int(hits) == 0
        assert (float(old), float(new)) == (3, 6)

    def test_a_full_disk_does_not_stop_a_calculation(self, package):
        """The folder goes away between its choice and the first result to be kept, and a file takes its place."""
        program = """
import shutil
from darkpkg.compiling import cache_folder
from darkpkg.physics.probe import probe
shutil.rmtree(cache_folder())
cache_folder().write_text("")
print(probe((2.0, 0.0, 0.0, 1.0)))
"""
        assert float(run(package, program)[0]) == 3

    def test_old_machine_code_is_removed_and_nothing_else(self, tmp_path):
        kept = {f"darkpkg-{i:016x}" for i in range(10, 13)} | {"darkpkg-mine", "numba-0123456789abcdef", "notes.txt"}
        for i in range(13):
            folder = tmp_path / f"darkpkg-{i:016x}"
            folder.mkdir()
            (folder / "code").touch()
            os.utime(folder, (1e9 + i, 1e9 + i))
        for name in kept:
            (tmp_path / name).mkdir(exist_ok=True)
        compiling._remove_old(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == kept

    def test_functions_run_as_plain_python_where_numba_is_told_not_to_compile(self, package):
        value, *_ = run(
            package,
            "from darkpkg.physics.probe import probe; print(probe((2.0, 0.0, 0.0, 1.0)))",
            NUMBA_DISABLE_JIT="1",
        )
        assert float(value) == 3


class TestSources:
    code_of = functools.cache(code_of)  # of each text once: most are those of the digest before

    @classmethod
    def digest(cls, package):
        """The key of the package's sources, were it imported now."""
        spec = importlib.util.spec_from_file_location("copied_sources", package / "_sources.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.code_of = cls.code_of
        assert module.unchanged()
        return module.digest()

    def test_any_change_in_any_source_of_physics_gives_another_key(self, package):
        keys = {self.digest(package)}
        assert keys == {self.digest(package)}
        sources = sorted(path for pattern in PHYSICS for path in package.glob(pattern))
        for source in sources:
            source.write_text(source.read_text(encoding="utf-8") + "changed = 1\n", encoding="utf-8")
            keys.add(self.digest(package))
        (package / "physics" / "decay.py").rename(package / "physics" / "renamed.py")
        keys.add(self.digest(package))
        assert len(keys) == 2 + len(sources)

    def test_a_colour_or_a_word_of_the_command_line_gives_no_other_key(self, package):
        before = self.digest(package)
        for name in ("plotting.py", "cli.py", "commands.py", "inference/slices.py"):
            with (package / name).open("a", encoding="utf-8") as source:
                source.write("changed = 1\n")
        assert self.digest(package) == before

    @pytest.mark.parametrize(
        ("text", "same"),
        [
            ('"""What it is,\nin other words."""\n\ndef f(x):\n    """The double."""\n    return 2 * x\n', True),
            ("def f(x):\n    # Twice:\n    return 2 * x  # as said\n", True),
            ('def f(x):\n    return 2 * x\n\nF = f\n"""The same."""\n', False),
            ("def f(x):\n    return 3 * x\n", False),
            ('def f(x):\n    return "# 2" * x\n', False),
        ],
    )
    def test_docstrings_and_comments_give_no_other_key_and_a_number_does(self, text, same, package):
        probe, keys = package / "physics" / "probe.py", set()
        for source in ('"""What it is."""\n\ndef f(x):\n    return 2 * x\n', text):
            probe.write_text(source, encoding="utf-8")
            keys.add(self.digest(package))
        assert (len(keys) == 1) == same

    def test_text_that_goes_from_one_file_to_the_next_gives_another_key(self, package):
        one, other = package / "physics" / "probe.py", package / "physics" / "probf.py"
        keys = set()
        for first, second in [("x = 1\n", "y = 1\n"), ("x = 1\ny = 1\n", ""), ("", "x = 1\ny = 1\n")]:
            one.write_text(first, encoding="utf-8")
            other.write_text(second, encoding="utf-8")
            keys.add(self.digest(package))
        assert len(keys) == 3


def test_compiled_chords_agree_with_those_of_a_volume():
    """Also of rays along the axes, on faces and from corners."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(*[(-1.0, 0.0, 1.0, 2.0)] * 3), axis=-1).reshape(-1, 3)
    along = np.stack(np.meshgrid(*[(-1.0, 0.0, 1.0)] * 3), axis=-1).reshape(-1, 3)
    along = np.concatenate([along[along.any(axis=1)], rng.normal(size=(200, 3))])
    origin, direction = (np.repeat(grid, len(along), axis=0), np.tile(along, (len(grid), 1)))
    boxes = [Box((-1, -1, -1), (1, 2, 3)), Box((0, 0, 0), (1, 1, 1))]
    p = np.column_stack([np.full(len(direction), 9.0), direction])
    found = chords_through(boxes, origin, p)
    unit = direction / np.linalg.norm(direction, axis=1)[:, None]
    for k, box in enumerate(boxes):
        enter, leave = box.chord(origin, unit)
        # Rounding of products for quotients; where a ray touches an edge it may pass or miss.
        np.testing.assert_allclose(found["exit"][:, k] - found["entry"][:, k], leave - enter, rtol=0, atol=1e-12)
        inside = leave - enter > 1e-9
        np.testing.assert_allclose(found["entry"][inside, k], enter[inside], rtol=0, atol=1e-12)


def test_vectors_however_they_lie_in_memory_take_one_compilation():
    rng = np.random.default_rng(3)
    vectors = rng.random((3, 50, 3))
    for flights in (vectors, np.asfortranarray(vectors), rng.random((3, 50, 4))[..., 1:], to_read(vectors)):
        for volume in (Box((-1, -1, -1), (1, 2, 3)), Sphere((0, 0, 0), 1)):
            flight_polygons(lambda rows, own=flights: [v[rows] for v in own], 50, [volume])
    assert len(loops.clipped_rectangles.signatures) == 1
    assert len(loops._clip.signatures) <= 1  # none where the machine code of the other is kept on disk


def test_a_search_in_energies_and_one_in_the_flux_below_take_one_compilation():
    one = target(dk.T2K.beams[0].flux, dk.T2K.detector.targets["C"], "fourier-bessel")
    assert numba.typeof(one.flux_edges) == numba.typeof(one.flux_cumulative)

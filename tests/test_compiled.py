"""The compiled loops against dense numpy, and the folder in which their machine code is kept."""

import importlib.util
import itertools
import shutil
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import darkpkg
from darkpkg.method._compiled import kernel_sums, survival

# Few distinct values, so that samples tie with each other, with strip edges and with the rim of a kernel.
GRID = st.integers(-4, 4).map(lambda i: i / 4)


def dense(x, y, rate, h, norm, sample, everywhere, n_columns):
    """Σw and Σw² by arrays of (points, samples)."""
    r_sq = ((sample["x"] - x[:, None]) / h[0]) ** 2 + ((sample["y"] - y[:, None]) / h[1]) ** 2
    w = sample["base"] * norm * np.maximum(1 - r_sq, 0)
    if not everywhere:
        depth = rate[:, None, None] * sample["width"]
        w = w * -(np.exp(-rate[:, None, None] * sample["begin"]) * np.expm1(-depth)).sum(axis=-1)
    chosen = sample["column"][:, None] == np.arange(n_columns)
    return np.stack([w @ chosen, w**2 @ chosen], axis=-1)


def in_strips(sample, cuts):
    """The sample in the order that the loop asks for, with strips that begin at ``cuts`` (equal ones are empty)."""
    by_x = np.argsort(sample["x"], kind="stable")
    starts = np.array([0, *sorted(cuts), len(by_x)])
    first = np.minimum(starts[:-1], len(by_x) - 1)
    edges = sample["x"][by_x[first]] if len(by_x) else np.zeros(len(first))
    order = np.concatenate([by_x[a:b][np.argsort(sample["y"][by_x[a:b]])] for a, b in itertools.pairwise(starts)])
    return {name: column[order] for name, column in sample.items()}, edges, starts


def compiled(x, y, rate, h, norm, sample, cuts, everywhere, n_columns):
    ordered, edges, starts = in_strips(sample, cuts)
    sums = np.zeros((len(x), n_columns, 2))
    kernel_sums(
        x, y, rate, np.asarray(h), norm, edges, starts, ordered["x"], ordered["y"], ordered["base"],
        ordered["column"], ordered["begin"], ordered["width"], everywhere, sums,
    )  # fmt: skip
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
    x, y, rate = column(points, GRID), column(points, GRID), column(points, positive)
    h = draw(st.tuples(*[st.sampled_from([0.125, 0.5, 1.0, np.inf])] * 2))
    cuts = draw(st.lists(st.integers(0, n), max_size=6))
    return x, y, rate, h, 2 / np.pi, sample, cuts, draw(st.booleans()), n_columns


class TestKernelSums:
    @given(problems())
    def test_sums_agree_with_dense_numpy(self, problem):
        """In any strips: also with ties, empty strips, no sample at all, and an infinite bandwidth."""
        *most, sample, _, everywhere, n_columns = problem
        expected = dense(*most, sample, everywhere, n_columns)
        # Rounding of sums of at most thirty positive terms.
        np.testing.assert_allclose(compiled(*problem), expected, rtol=1e-13, atol=0)

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
        x, y, rate = rng.normal(size=50), rng.normal(size=50), rng.lognormal(size=50)
        cuts = np.linspace(0, n, 55)[1:-1].astype(int)
        value = compiled(x, y, rate, (0.2, 0.6), 3.0, sample, cuts, False, 2)
        np.testing.assert_allclose(value, dense(x, y, rate, (0.2, 0.6), 3.0, sample, False, 2), rtol=1e-12)
        assert (value > 0).mean() > 0.9  # the comparison is not one of zeros

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
        one, *others = (
            compiled(x, y, rate, (0.1, 0.1), 1.0, sample, cuts, True, 1)
            for cuts in ([], [100], range(1, 200), [0, 0, 7, 7, 7, 200])
        )
        for other in others:
            np.testing.assert_allclose(other, one, rtol=1e-13)  # another order of the terms


class TestSurvival:
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


class TestCache:
    @pytest.fixture
    def package(self, tmp_path):
        source = Path(darkpkg.__file__).parent
        ignore = shutil.ignore_patterns("__pycache__")
        return Path(shutil.copytree(source, tmp_path / "darkpkg", ignore=ignore))

    @staticmethod
    def cache_folder(package):
        """Where the package would keep the machine code of `kernel_sums`, were it imported now."""
        spec = importlib.util.spec_from_file_location("compiled_copy", package / "method" / "_compiled.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.kernel_sums.stats.cache_path

    def test_unchanged_sources_keep_their_machine_code(self, package, monkeypatch):
        monkeypatch.setattr("numba.config.CACHE_DIR", "")
        assert self.cache_folder(package) == self.cache_folder(package)
        assert Path(self.cache_folder(package)).is_relative_to(package / "__pycache__")

    def test_a_change_in_any_source_file_makes_the_machine_code_void(self, package, monkeypatch):
        monkeypatch.setattr("numba.config.CACHE_DIR", "")
        seen = {self.cache_folder(package)}
        sources = sorted(package.rglob("*.py"))
        for source in sources:
            source.write_text(source.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
            seen.add(self.cache_folder(package))
        assert len(seen) == 1 + len(sources)

    def test_a_folder_that_the_user_chose_is_taken(self, package, tmp_path, monkeypatch):
        monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "mine"))
        assert Path(self.cache_folder(package)).is_relative_to(tmp_path / "mine")

"""Estimators side by side: the network's arithmetic on a toy with a known rate, and the stored comparison."""

import dataclasses
import functools
import warnings

import numpy as np
import pandas as pd
import pytest

import darkpkg as dk
from darkpkg import datasets
from paper.shootout import neural, summary
from paper.shootout.contest import ANALYSES, BUDGETS, DEDICATED, N_SAMPLES, POINTS, REGIONAL, REGIONS, region_of

ESTIMATES, TRUTH = summary.read("estimates"), summary.read("truth")


@functools.cache
def each():
    """What each method found at each point."""
    return summary.summary(ESTIMATES, TRUTH)


@functools.cache
def together():
    """What each method found, by its name and the number of neutrinos."""
    return summary.together(each()).set_index(["method", "neutrinos"])


class Exact:
    """A classifier that knows a density ratio, a x² for x from 0 to 1 in the first axis."""

    def __init__(self, a=3.0):
        self.a = a

    def fit(self, X, y, sample_weight):
        self.rows = X, y, sample_weight

    def predict_proba(self, X):
        ratio = self.a * ((X[:, 0] + 1.0) / 2) ** 2
        return np.stack([1 / (1 + ratio), ratio / (1 + ratio)], axis=1)


class Logistic:
    """Logistic regression on powers up to the second, by Newton's method: exact where the ratio is of that form."""

    @staticmethod
    def powers(X):
        X = np.asarray(X, dtype=float)
        squares = [X[:, i] * X[:, j] for i in range(3) for j in range(i, 3)]
        return np.stack([np.ones(len(X)), *X.T, *squares], axis=1)

    def fit(self, X, y, sample_weight):
        F, self.c = self.powers(X), np.zeros(10)
        for _ in range(25):
            p = 1 / (1 + np.exp(-F @ self.c))
            hessian = (F * (sample_weight * p * (1 - p))[:, None]).T @ F
            self.c += np.linalg.solve(hessian + 1e-6 * np.eye(10), F.T @ (sample_weight * (y - p)))

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-self.powers(X) @ self.c))
        return np.stack([1 - p, p], axis=1)


@pytest.fixture(scope="module")
def heavy():
    return dk.simulate(dk.HEAVY, 40_000, seed=1)


class TestNetwork:
    def test_even_points_fill_the_region_and_its_area(self):
        for sampling in REGIONS.values():
            x = neural.even_points(sampling, 20_000, np.random.default_rng(1))
            assert len(x) == 20_000
            assert sampling.contains_logarithms(x[:, :2]).all()
            low, high = (edge[:2] for edge in neural._edges(sampling))
            inside = sampling.contains_logarithms(np.random.default_rng(2).uniform(low, high, (100_000, 2))).mean()
            # The share of 100,000 points is known to 0.3 %.
            assert neural.area(sampling) == pytest.approx(inside * np.prod(high - low), rel=0.015)
            assert np.all(np.abs(neural._scaled(x, sampling)) < 1 + 1e-6)

    def test_rows_of_many_lifetimes_have_the_rate_of_all_events_at_each(self, heavy):
        """Σ of the weights in a slice of λ is the mean chance there times what is selected."""
        rows = neural.training_set(heavy, dk.ANALYSIS_I, 1e-2, np.random.default_rng(1))
        weight = rows.weight * rows.mean_chance(rows.x[:, 2])
        edges = np.linspace(rows.lengths[0], rows.lengths[-1], 5)
        found = np.histogram(rows.x[:, 2], edges, weights=weight)[0] / np.diff(edges)
        fine = np.linspace(edges[:-1], edges[1:], 50)
        expected = rows.mean_chance(fine).mean(axis=0) / (edges[-1] - edges[0])
        # Weights of some hundred effective events, in different lifetimes.
        assert found == pytest.approx(expected, rel=0.25)

    def test_ratio_of_a_classifier_becomes_the_rate(self):
        """For q R = a x² with x from 0 to 1 in ln m_N, weights add up to its integral over both logarithms."""
        sampling, point, a = dk.HEAVY, dk.BENCHMARK_B, 7.0
        low, high = neural._edges(sampling)
        even = neural.even_points(sampling, 400_000, np.random.default_rng(1))
        mean = (((even[:, 0] - low[0]) / (high[0] - low[0])) ** 2).mean()
        total = a * mean * neural.area(sampling)
        rows = neural.TrainingSet(even[:1], np.ones(1), np.zeros(1, dtype=int), np.array([-10.0, 10.0]), np.zeros(2))
        classifiers = Exact(1 / mean), Exact(1 / mean)
        one = neural.Surrogate(classifiers, (0.5 * total, 1.5 * total), rows, sampling, float(point.coupling))
        found, error = one.events(point)
        x = (np.log(point.m_N) - low[0]) / (high[0] - low[0])
        rate = a * x**2 / sampling.q(point.m_N, point.m_Zprime) * point.pair_branching_ratio()
        assert found == pytest.approx(rate, rel=1e-5)  # networks have single precision
        assert error == pytest.approx(rate / np.sqrt(2), rel=1e-5)
        assert one.events(point.replace(V_muN_sq=np.full(3, 4.4e-7)))[0] == pytest.approx(2 * found)

    def test_learned_rate_agrees_with_a_simulation_where_a_parabola_will_do(self, heavy):
        """In a small region the logarithm of the rate is nearly quadratic in those of masses and lifetime."""
        region = dk.SamplingRange(m_N=(0.08, 0.13), m_Zprime=(1.0, 1.6))
        sample = dk.simulate(region, 40_000, seed=3)
        learned = neural.trained(sample, dk.ANALYSIS_I, 1e-2, lambda n, seed: Logistic(), 4)
        point = dk.BENCHMARK_B.replace(V_N_sq=0.05)  # on the falling side of the mean chance
        mean, error = learned.events(point)
        truth = dk.Transport(dk.simulate(point, 2**13, seed=5)).events(point, dk.ANALYSIS_I).total()
        kernel = dk.Kernel(sample).events(point, dk.ANALYSIS_I).total()
        # A parabola is good to some per cent, and so are forty thousand events.
        assert mean == pytest.approx(float(truth.mean), rel=0.2)
        assert error < 0.1 * mean
        assert abs(kernel.mean - truth.mean) < 4 * np.hypot(kernel.error, truth.error) + 0.02 * truth.mean

    def test_points_that_were_not_learned_are_refused(self, heavy):
        learned = neural.trained(heavy, dk.ANALYSIS_I, 1e-2, lambda n, seed: Exact(), 4, members=2)
        for other in (dk.BENCHMARK_A, dk.BENCHMARK_B.replace(m_N=2e-3), dk.BENCHMARK_B.replace(epsilon=1e-9)):
            with pytest.raises(ValueError, match="parameters must lie in the region that was learned"):
                learned.events(other)

    def test_an_ensemble_has_two_members_at_least(self, heavy):
        with pytest.raises(ValueError, match="members must be two at least, whose spread is the error, got 1"):
            neural.trained(heavy, dk.ANALYSIS_I, 1e-2, lambda n, seed: Exact(), 4, members=1)


class TestStored:
    def test_points_are_those_that_are_described(self):
        for row in TRUTH.to_dict("records"):
            point = POINTS[row["point"]]
            for name in ("m_N", "m_Zprime", "alpha_D", "epsilon", "V_muN_sq", "V_N_sq"):
                assert row[name] == pytest.approx(float(getattr(point, name)), rel=1e-5)
            assert row["ctau"] == pytest.approx(float(point.proper_decay_length()), rel=1e-5)
        assert len(TRUTH) == len(POINTS) * len(ANALYSES)

    def test_every_method_has_samples_of_every_budget_and_point(self):
        counts = ESTIMATES.groupby(["method", "neutrinos", "point", "analysis"]).size()
        for method in (*REGIONAL, *DEDICATED):
            for neutrinos in BUDGETS:
                for point in POINTS:
                    assert counts[method, neutrinos, point, "I"] >= (4 if method == "neural" else N_SAMPLES)
        assert not ESTIMATES.duplicated(["method", "neutrinos", "sample", "point", "analysis"]).any()
        found = ESTIMATES[ESTIMATES.events != 0]
        assert not found.duplicated(["method", "neutrinos", "point", "analysis", "events", "error"]).any()

    def test_network_is_chosen_by_a_loss_and_every_choice_was_tried(self):
        networks = summary.read("networks")
        for kind in REGIONS:
            for neutrinos in BUDGETS:
                tried = networks[(networks.kind == kind) & (networks.neutrinos == neutrinos)]
                assert {(row.width, row.steps) for row in tried.itertuples()} == {
                    (choice.width, choice.steps) for choice in neural.CHOICES
                }

    def test_the_truth_is_better_known_than_any_sample(self):
        for row in TRUTH.itertuples():
            own = each().query(f"point == {row.point!r} and analysis == {row.analysis!r} and neutrinos > 0")
            # Eight times the neutrinos of the largest sample: a third of its error, from few samples, and the least
            # of all errors is one that happens to be small.
            assert row.error / row.events < 0.75 * own.rms.min()

    def test_unbiased_methods_have_no_bias(self):
        own = each()[each().method.isin(["transport", "simulation", "transport, Sobol", "simulation, Sobol"])]
        truth = TRUTH.set_index(["point", "analysis"])
        relative = (truth.error / truth.events).loc[list(zip(own.point, own.analysis, strict=True))].to_numpy()
        pull = own.bias / np.hypot(own.bias_error, relative)
        # Errors by ten samples or more, of skewed numbers: tails are longer than those of the normal distribution.
        assert np.abs(pull).max() < 5
        assert np.sqrt((pull**2).mean()) < 1.6

    def test_the_table_of_today_gives_what_is_stored(self):
        table = dk.load_table()
        for row in ESTIMATES[ESTIMATES.method == "table"].itertuples():
            found = table.events(POINTS[row.point], ANALYSES[row.analysis]).total()
            # Another build of the table may move it within its errors.
            assert abs(found.mean - row.events) < 3 * found.error

    def test_errors_shrink_with_the_budget(self):
        few, _, many = sorted(BUDGETS)
        for method in ("transport", "simulation", "simulation, Sobol"):
            assert together().loc[method, many].rms < 0.6 * together().loc[method, few].rms

    def test_new_samples_lie_among_those_kept(self):
        from paper.shootout import run

        for method in ("kernel", "simulation"):
            small = min(BUDGETS)
            rows = (
                run.regional(method, "heavy", small, 10_000, neural.CHOICES[0])
                if method == "kernel"
                else run.dedicated(method, small, 10_000)
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", dk.FewEventsWarning)  # a small kernel sample has few
                rows = list(rows)
            for row in rows:
                own = ESTIMATES[(ESTIMATES.method == method) & (ESTIMATES.neutrinos == small)]
                own = own[(own.point == row["point"]) & (own.analysis == row["analysis"])].events
                assert abs(row["events"] - own.mean()) < 6 * own.std() + 1e-12


class TestSummary:
    def rows(self, n=4000, seed=1):
        rng = np.random.default_rng(seed)
        mean = rng.normal(1.1, 0.2, n)
        names = {"method": "simulation", "neutrinos": 1, "sample": range(n), "point": "B", "analysis": "I"}
        return pd.DataFrame({**names, "events": 2 * mean, "error": 0.4, "shared": 1.0, "own": 2.0})

    def test_bias_error_and_coverage_of_a_known_distribution(self):
        truth = pd.DataFrame({"point": ["B"], "analysis": ["I"], "events": [2.0], "error": [0.0]})
        (row,) = summary.summary(self.rows(), truth).to_dict("records")
        # Of 4,000 numbers of width 0.2: five of their errors.
        assert row["bias"] == pytest.approx(0.1, abs=0.016)
        assert row["bias_error"] == pytest.approx(0.2 / 4000**0.5, rel=0.06)
        assert row["rms"] == pytest.approx(np.hypot(0.1, 0.2), abs=0.012)
        assert row["stated"] == pytest.approx(0.2)
        from scipy import stats

        for level in summary.LEVELS:
            z = stats.norm.ppf((1 + level) / 2)
            held = stats.norm.cdf(z - 0.5) - stats.norm.cdf(-z - 0.5)  # shifted by half an error
            assert row[f"share_{level}"] == pytest.approx(held, abs=0.035)

    def test_estimates_without_truth_are_refused(self):
        with pytest.raises(ValueError, match="truth must have every point"):
            summary.summary(ESTIMATES, TRUTH[TRUTH.point != "A"])

    @pytest.mark.parametrize(
        ("column", "value"),
        [("error", np.nan), ("own", -1.0), ("events", np.inf), ("method", "luck"), ("point", "C")],
    )
    def test_what_is_no_result_is_refused(self, column, value):
        spoiled = ESTIMATES.copy()
        spoiled.loc[3, column] = value
        with pytest.raises(ValueError, match=f"{column} of shootout/estimates must be known or finite"):
            summary.checked("estimates", spoiled)


class TestGrid:
    def test_times_are_those_of_all_points(self):
        found, rows = summary.grid().set_index("method"), summary.read("grid")
        times = summary.read("speed").set_index("stage").seconds
        assert found.loc["simulation"].hours == pytest.approx(times["grid by simulation"] / 3600)
        both = times["shared by kernel"] + times["grid by kernel"]
        assert found.loc["kernel"].hours == pytest.approx(both / 3600)
        assert found.points.min() == rows.point.nunique() == 100

    def test_all_methods_agree_with_the_reference_within_their_errors(self):
        found = summary.grid().set_index("method")
        # χ² of a hundred points beyond 161 has a chance of 1e-4; a kernel has a bias beyond its error.
        for method in ("simulation", "transport", "table"):
            assert found.loc[method].chi2 < 161

    def test_seconds_of_an_event_are_a_slope(self):
        speed = pd.DataFrame(
            {"stage": ["DarkNews", "DarkNews", "darkpkg", "darkpkg"], "events": [10, 20, 10, 20],
             "seconds": [3.0, 5.0, 1.0, 1.1]}
        )  # fmt: skip
        found = summary.seconds_of_an_event(speed).set_index("stage")
        assert found.loc["DarkNews"].tolist() == pytest.approx([0.2, 1.0, 0.25])
        assert found.loc["darkpkg"].each == pytest.approx(0.01)


def test_numbers_of_the_page_are_those_of_the_tables():
    facts = summary.facts()
    assert facts["samples"] == f"{ESTIMATES[ESTIMATES.method == 'kernel']['sample'].nunique()}"
    few, most = min(BUDGETS), max(BUDGETS)
    for name, method, neutrinos in (("few_kernel", "kernel", few), ("few_neural", "neural", few)):
        assert float(facts[name]) == pytest.approx(100 * together().loc[method, neutrinos].rms, abs=0.5)
    assert float(facts["gain"]) == pytest.approx(
        together().loc["transport", most].rms / together().loc["simulation", most].rms, abs=0.05
    )
    speed = summary.read("speed").set_index(["stage", "events"]).seconds
    per_event = speed["DarkNews"].diff().iloc[-1] / np.diff(speed["DarkNews"].index)[0]
    assert float(facts["darknews_each"]) == pytest.approx(1e6 * per_event, abs=0.5)


def test_points_lie_in_their_regions():
    for point in POINTS.values():
        region = REGIONS[region_of(point)]
        assert region.contains(point.m_N, point.m_Zprime)
        low, high = neural.FLIGHTS[region_of(point)]
        assert low < point.proper_decay_length() / point.m_N < high
    assert dataclasses.is_dataclass(POINTS["A"])
    assert datasets.manifest("shootout/estimates").kind == "constructed"

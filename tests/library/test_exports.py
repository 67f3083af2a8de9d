"""What leaves for other programs: read back by their own readers, with the same numbers."""

import dataclasses
import json
import sys
import warnings

import numpy as np
import pyhepmc
import pytest
import yaml
from scipy.integrate import quad
from scipy.stats import nbinom, poisson
from toy_sample import Predicted, counting

import darkpkg as dk
from darkpkg.exports.counts import profiled_counts_log_likelihood, to_hs3, to_pyhf
from darkpkg.exports.hepdata import HepDataTable, table_of_scan, to_hepdata
from darkpkg.exports.hepmc import DARK_PHOTON, HEAVY_NEUTRINO, write_hepmc
from darkpkg.inference.constructions import p_values

with warnings.catch_warnings():
    # pyhf 0.7 and hepdata-validator call what jsonschema wants to drop; sympy, below pyhs3, what mpmath does.
    warnings.simplefilter("ignore", DeprecationWarning)
    import pyhf
    from hepdata_validator.full_submission_validator import FullSubmissionValidator

BOTH = dk.ANALYSIS_I + dk.ANALYSIS_II
GRID = dk.Slice(dk.BENCHMARK_A, m_N=[0.08, 0.1], V_muN_sq=[1e-8, 1e-7, 1e-6])


@pytest.fixture(scope="module")
def signals():
    return dk.load_table().events(GRID.parameters, BOTH)


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


def best_factors(signal, analysis):
    n, mean, tau = analysis.observed, signal + analysis.background, 1 / analysis.systematic**2
    return (n + tau) / (mean + tau)


def in_json(document):
    return json.loads(json.dumps(document))


def test_a_patchset_gives_pyhf_the_same_likelihood_at_every_point(signals):
    workspace, patchset = map(in_json, to_pyhf(None, GRID, BOTH))
    patches = pyhf.PatchSet(patchset)
    patches.verify(workspace)
    expected = profiled_counts_log_likelihood(signals, BOTH)
    for index, patch in zip(np.ndindex(2, 3), patches, strict=True):
        m_N, V_muN_sq = patch.values
        assert (m_N, V_muN_sq) == (GRID.axes["m_N"][index[0]], GRID.axes["V_muN_sq"][index[1]])
        one = pyhf.Workspace(patches.apply(workspace, patch.name))
        model = one.model()
        parameters = np.array(model.config.suggested_init())
        factors = best_factors(signals.mean[index], BOTH)
        for channel in BOTH.channels:
            place = model.config.par_slice(f"gamma_{'_'.join(channel.name.split())}")
            parameters[place] = factors[BOTH.bins_of(channel.name)]
        found = model.logpdf(parameters.tolist(), one.data(model))[0]
        assert found == pytest.approx(expected[index], abs=1e-6)


def test_hs3_gives_pyhs3_the_same_likelihood(signals, monkeypatch):
    monkeypatch.setenv("PYTENSOR_FLAGS", "cxx=")  # a compiler is not needed for one number
    import pyhs3
    import pytensor
    from pytensor.compile.mode import Mode
    from pytensor.graph.traversal import explicit_graph_inputs

    signal = signals.mean[1, 1]
    workspace = pyhs3.Workspace(**in_json(to_hs3(signal, BOTH)))
    model = workspace.model(workspace.analyses["fit"], progress=False)
    values = {"mu": 1.0}
    for channel in BOTH.channels:
        bins = BOTH.bins_of(channel.name)
        name = f"gamma_{'_'.join(channel.name.split())}"
        values |= {f"{name}_{b}": g for b, g in enumerate(best_factors(signal, BOTH)[bins])}
    inputs = [one for one in explicit_graph_inputs([model.log_prob]) if one.name]
    lnL = pytensor.function(inputs, model.log_prob, mode=Mode(linker="py", optimizer=None))
    found = lnL(*[np.asarray(values[one.name]) for one in inputs])
    assert float(found) == pytest.approx(profiled_counts_log_likelihood(signals, BOTH)[1, 1], abs=1e-6)


@pytest.mark.parametrize(("k", "mean", "eta"), [(0, 3.2, 0.2), (4, 1.5, 0.2), (95, 80.0, 0.23)])
def test_the_exported_likelihood_integrated_over_its_factor_is_the_effective_one(k, mean, eta):
    """Up to a factor that no signal changes; the best factor instead of the integral is another number."""

    def exported(gamma, mean):
        tau = 1 / eta**2
        return (k * np.log(gamma * mean) - gamma * mean) + (tau * np.log(gamma) - tau * (gamma - 1))

    def integral(mean):
        at_one = exported(1.0, mean)
        return np.log(quad(lambda g: np.exp(exported(g, mean) - at_one), 1e-9, 6, limit=200)[0]) + at_one

    def effective(mean):
        return dk.effective_log_likelihood(k, mean, (eta * mean) ** 2)

    assert integral(mean) - integral(2 * mean) == pytest.approx(effective(mean) - effective(2 * mean), abs=1e-6)


def test_errors_that_bins_share_are_not_exported():
    with pytest.raises(
        ValueError, match="shared of Analysis I must be empty: only errors that each bin has on its own"
    ):
        to_hs3([1.0, 1.0], dk.ANALYSIS_I.with_errors("all"))
    with pytest.raises(ValueError, match="signal must have 2 bins"):
        to_hs3([1.0], dk.ANALYSIS_I)


@pytest.mark.parametrize("names", [("\u03bd", "\u03bd\u0304"), ("A", "A auxiliary"), ("a b", "a_b")])
def test_channels_whose_names_are_the_same_in_ascii_are_not_exported(names):
    """pyhf would take the factor of one for that of the other, and the auxiliary events of one for counts."""
    channels = [dataclasses.replace(c, name=n) for c, n in zip(dk.ANALYSIS_I.channels, names, strict=True)]
    twins = dk.Analysis("twins", tuple(channels))
    for export in (lambda: to_hs3([1.0, 1.0], twins), lambda: to_pyhf(None, GRID, twins)):
        with pytest.raises(ValueError, match="names of an analysis and its channels must differ in letters of ASCII"):
            export()


def test_pyhf_takes_no_signal_that_is_none_and_no_other_record():
    for mean, message in (
        (np.nan, "mean of a prediction must be finite, got nan"),
        ([1.0, 1.0, 1.0], "must have the"),
    ):
        own = Predicted(lambda p, mean=mean: dk.Expectation(*np.zeros((2, *p.shape, 1)) + mean))
        with pytest.raises(ValueError, match=message):
            to_pyhf(own, GRID, counting())
    with pytest.raises(ValueError, match="record must be ins and seven digits, got 'ins12'"):
        to_pyhf(None, GRID, dk.ANALYSIS_I, "ins12")


def test_an_error_too_small_to_count_is_none():
    channels = tuple(dataclasses.replace(channel, systematic=1e-200) for channel in dk.ANALYSIS_I.channels)
    assert to_hs3([1.0, 1.0], dk.Analysis("tiny", channels))["analyses"][0]["init"] == "start"
    assert len(to_hs3([1.0, 1.0], dk.Analysis("tiny", channels))["distributions"]) == 2


X, Y = {"x": [1.0, 2.0]}, {"y": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((X, X), "columns of t must be independent or dependent"),
        (({"x": [[0.0, 1.0], [1.0, np.nan]]}, Y), "x of t must have one number a row, or both ends of a bin"),
        (({"x": [[0.0, 1.0, 2.0]] * 2}, Y), "x of t must have one number a row"),
        ((X, {"y": [[0.0, 1.0]] * 2}), "y of t must have one number a row"),
        ((X, {"y": [True, False]}), "y of t must be real numbers, got truth values"),
        ((X, Y, {"y": [-1.0, 0.0]}), "errors of y of t must be zero or more, got -1.0 at 0"),
        ((X, Y, {}, {"z": "GeV"}), "units of t must be one of x, y, got 'z'"),
        ((X, Y, {}, {}, {"observables": "CLS"}), "keywords of t, observables, must be a sequence of str, got 'CLS'"),
        ((5, Y), "independent must be of type Mapping, got int 5"),
    ],
)
def test_an_error_names_what_no_table_of_hepdata_has(columns, message):
    with pytest.raises((ValueError, TypeError), match=message):
        HepDataTable("t", "", *columns)


def test_bins_without_an_error_have_no_auxiliary_events():
    channels = tuple(dataclasses.replace(channel, systematic=0.0) for channel in dk.ANALYSIS_I.channels)
    exact = dk.Analysis("exact", channels)
    workspace, _ = to_pyhf(None, dk.Slice(dk.BENCHMARK_B, epsilon=[1e-3, 1e-2]), exact)
    assert [channel["name"] for channel in workspace["channels"]] == ["FHC", "RHC"]
    signal = dk.Expectation(np.array([1.0, 2.0]), np.zeros(2))
    assert profiled_counts_log_likelihood(signal, exact) == pytest.approx(dk.log_likelihood(signal, exact), abs=1e-9)


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
    """Infinite numbers, which JSON lacks, are words that Python reads back as what they were."""
    one = HepDataTable(
        "t",
        "",
        {"E": [[0, 1], [1, 2], [2, 3], [3, 4]]},
        {"rate": [3.0, np.nan, np.inf, -np.inf]},
        {"rate": [0.5, 0.5, np.nan, np.inf]},
        {"E": "GeV"},
    )
    document = one.document()
    ends = document["independent_variables"][0]["values"]
    assert ends == [{"low": float(i), "high": i + 1.0} for i in range(4)]
    validator = FullSubmissionValidator(schema_version="1.1.1")
    folder = to_hepdata([one], tmp_path).parent
    assert validator.validate(directory=str(folder)), validator.get_messages()
    written = yaml.safe_load((folder / "table_1.yaml").read_text(encoding="utf-8"))
    first, second, third, fourth = written["dependent_variables"][0]["values"]
    assert (first["value"], first["errors"][0]["symerror"], second) == (3.0, 0.5, {"value": "-"})
    assert (float(third.pop("value")), third) == (np.inf, {})
    assert (float(fourth["value"]), float(fourth["errors"][0]["symerror"])) == (-np.inf, np.inf)
    with pytest.raises(ValueError, match="columns of t must have the same length"):
        HepDataTable("t", "", {"x": [1.0]}, {"y": [1.0, 2.0]})
    with pytest.raises(ValueError, match="tables must be at least one, with names of their own"):
        to_hepdata([one, one], tmp_path)


def summed(particles):
    return np.sum([np.array([p.momentum.e, p.momentum.px, p.momentum.py, p.momentum.pz]) for p in particles], axis=0)


@pytest.mark.parametrize("point", [dk.BENCHMARK_B, dk.BENCHMARK_A.replace(epsilon=1e-6)])
def test_hepmc_has_weights_vertices_and_decays(point, tmp_path):
    events = dk.simulate(point, 2**9, seed=3)
    path = write_hepmc(events, tmp_path / "events.hepmc3", point, dk.ANALYSIS_I, seed=4)
    with pyhepmc.open(str(path)) as file:
        back = list(file)
    weights = np.array([event.weight() for event in back])
    np.testing.assert_allclose(weights, dk.produced_weight(events, point, dk.ANALYSIS_I), rtol=1e-10)
    flights, into, out = [], [], []
    for event in back:
        first, *others = event.vertices
        into += [summed(one.particles_in) for one in event.vertices]
        out += [summed(one.particles_out) for one in event.vertices]
        (N,) = [p for p in first.particles_out if abs(p.pid) == HEAVY_NEUTRINO]
        recoil = next(p for p in first.particles_out if p is not N and p.pid > 10**9)
        target = next(p for p in first.particles_in if p.pid > 10**9)
        assert recoil.momentum.m() == pytest.approx(target.momentum.m(), rel=1e-6)  # elastic
        flights.append([np.array([at.x, at.y, at.z]) for at in (first.position, others[0].position)])
        assert [abs(p.pid) == DARK_PHOTON for one in others for p in one.particles_in][1:] == (
            [True] if point.m_Zprime < point.m_N else []
        )
    # Single numbers in a file have 17 digits, sums of nuclear masses lose five.
    np.testing.assert_allclose(into, out, atol=1e-8)
    begin, end = np.array(flights).swapaxes(0, 1)
    np.testing.assert_allclose(begin, 10 * events.vertex, rtol=1e-9)
    (x, _, z), p = (end - begin).T, events.p_N[:, 1:].T
    flown = np.linalg.norm(end - begin, axis=1)
    assert (np.abs(x * p[2] - z * p[0]) <= np.maximum(1e-6 * np.abs(z * p[0]), 1e-6 * flown)).all()
    lengths = flown / (10 * np.linalg.norm(p, axis=0) / point.m_N)
    # An exponential has a mean and a standard deviation of one length.
    mean = np.mean(lengths) / point.proper_decay_length()
    assert mean == pytest.approx(1, abs=4 / np.sqrt(len(lengths)))


def test_a_submission_needs_a_folder_of_its_own(tmp_path):
    (tmp_path / "file").touch()
    one = HepDataTable("t", "", {"x": [1.0]}, {"y": [1.0]})
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ValueError, match="must be the name of a folder, and a file is in its way"):
            to_hepdata([one], folder)


def test_events_of_other_masses_are_no_decays_of_a_point(tmp_path):
    events = dk.simulate(dk.BENCHMARK_B, 2**9, seed=3)
    with pytest.raises(ValueError, match=r"events must have the masses of the point: simulate 0\.2 GeV"):
        write_hepmc(events, tmp_path / "e.hepmc3", dk.BENCHMARK_B.replace(m_N=0.2), dk.ANALYSIS_I)


def test_a_package_of_the_exports_that_is_not_installed_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.setitem(sys.modules, "pyhepmc", None)
    with pytest.raises(ImportError, match=r"PyYAML must be installed for this: pip install 'darkpkg\[exports\]'"):
        to_hepdata([HepDataTable("t", "", {"x": [1.0]}, {"y": [1.0]})], tmp_path)
    with pytest.raises(ImportError, match=r"pyhepmc must be installed for this: pip install 'darkpkg\[exports\]'"):
        write_hepmc(None, tmp_path / "e.hepmc3", dk.BENCHMARK_B, dk.ANALYSIS_I)


class OneEvent:
    """An estimator with one event of signal everywhere."""

    def events(self, parameters, analysis):
        return dk.Expectation(np.ones((*parameters.shape, 1)), np.zeros((*parameters.shape, 1)))


@pytest.mark.parametrize("systematic", [0.0, 0.2])
@pytest.mark.parametrize(("b", "observed"), [(0.578, 0.0), (0.578, 2.0)])
def test_cls_agrees_with_the_test_statistic_of_pyhf(b, observed, systematic):
    """pyhf's fits order the counts, of which all are added up: a negative binomial for the error of 20 %.

    Signals below the best fit have q = 0 there, by its definition, and are left out.
    """
    first = dk.ANALYSIS_I.channels[0]
    channel = dataclasses.replace(first, background=b, observed=observed, systematic=systematic)
    analysis = dk.Analysis("one", (channel,))
    workspace, patchset = to_pyhf(OneEvent(), dk.Slice(dk.BENCHMARK_B, epsilon=[1e-3, 1e-2]), analysis)
    model = pyhf.Workspace(pyhf.PatchSet(patchset).apply(workspace, "point_0")).model()
    bounds = [(0.0, 40.0), *model.config.suggested_bounds()[1:]]
    fixed, counts = model.config.suggested_fixed(), np.arange(25)
    auxiliary = [1 / systematic**2] if systematic else []
    line = np.arange(0.005, 12.0, 0.005)
    ours = p_values(line[:, None], analysis, "cls").value
    for i in (600, 1000):

        def qmu(n, s=line[i]):
            data, start = [float(n), *auxiliary], [1.0] * (1 + len(auxiliary))
            return float(pyhf.infer.test_statistics.qmu_tilde(s, data, model, start, bounds, fixed))

        q = np.array([qmu(n) for n in counts])
        bad = q >= qmu(observed) - 1e-4  # of a fit
        of_s, of_none = (probability(counts, m, systematic) for m in (line[i] + b, b))
        assert ours[i] == pytest.approx(of_s[bad].sum() / of_none[bad].sum(), rel=1e-4)
    if observed == 0:
        # P(0) of s + b over that of b is a tenth.
        w = systematic**2
        expected = np.log(10) if w == 0 else (10**w - 1) * (1 + w * b) / w
        assert line[ours >= 0.1].max() == pytest.approx(expected, abs=0.006)  # a step


def probability(counts, mean, systematic):
    """Of counts whose expectation has a relative error with a gamma distribution."""
    w = systematic**2
    return nbinom.pmf(counts, 1 / w, 1 / (1 + w * mean)) if w else poisson.pmf(counts, mean)


@pytest.mark.parametrize(("analysis", "weaker"), [(dk.ANALYSIS_I, 0.04), (BOTH, 0.44)], ids=["I", "I + II"])
def test_the_profile_that_is_exported_weakens_the_limit_at_a_as_its_page_states(analysis, weaker):
    spectrum = dk.load_table().events(dk.BENCHMARK_A, analysis).mean
    scales = np.append(0.0, np.geomspace(1, 400, 4000))[:, None]
    signal = dk.Expectation(scales * spectrum, np.zeros((len(scales), len(spectrum))))
    largest = []
    for likelihood in (dk.log_likelihood, profiled_counts_log_likelihood):
        lnL = likelihood(signal, analysis)
        largest.append(scales[lnL > lnL.max() - dk.exclusion_threshold(0.90)].max())
    assert largest[1] / largest[0] - 1 == pytest.approx(weaker, abs=0.005)  # the digits of the page

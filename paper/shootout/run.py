"""Measure errors and processor times at five points and write ``data/shootout``: python -m paper.shootout.run.

What is there is continued: a file grows sample by sample, and ``--minutes`` of the clock end the run early. Times are
of the processor, with machine code compiled before. The maps of vegas are adapted anew for each region and point once
in a run; that time counts for each sample.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

import darkpkg as dk
from darkpkg import datasets
from darkpkg.method import channels as adapted
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.simulation import plan_of
from paper.shootout import neural
from paper.shootout.contest import ANALYSES, BUDGETS, DEDICATED, N_SAMPLES, POINTS, REGIONAL, REGIONS, SEED, region_of

TRUTH = 16, 2**17
"""Samples of each point, and neutrinos of each, that make the truth: Sobol sequences with four vertices."""

FOLDER = Path("data/shootout")

PARAMETERS = ("m_N", "m_Zprime", "alpha_D", "epsilon", "V_muN_sq", "V_N_sq")

N_TIMED = 50
"""Points of a call that is timed, where a point takes less than a sample."""

TABLE = {"method": "table", "neutrinos": 0, "sample": 0}
"""The shipped table has no budget of its own."""


def seconds(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Processor time of a call, and what it returns."""
    begin = time.process_time()
    result = function(*arguments)
    return time.process_time() - begin, result


@functools.cache
def adaptation(masses: Any) -> float:
    """Processor time of adapting the maps of vegas to masses: what the first sample takes beyond the second.

    It is remembered, and must be measured before another sample of these masses.
    """
    plan = plan_of(masses, 1000, SEED, sequence="random")
    first, second = (seconds(plan.sample, i)[0] for i in range(2))
    return max(first - second, 0.0)


def write(name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write a table of the folder, complete or not at all, and renew its manifest."""
    file = FOLDER / f"{name}.csv"
    with complete_or_not_at_all(file) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")
    datasets.renew_manifest(file)


def kept(name: str) -> list[dict[str, Any]]:
    """Rows of a table that is there."""
    file = FOLDER / f"{name}.csv"
    return pd.read_csv(file).to_dict("records") if file.exists() else []


def truth() -> None:
    """Rates of each point by many dedicated samples, with the error of their mean by their scatter."""
    rows, (n_samples, n) = kept("truth"), TRUTH
    for name, point in tqdm(POINTS.items(), desc="truth"):
        if any(row["point"] == name for row in rows):
            continue
        plan = plan_of(point, n, SEED + 1)
        found: dict[str, list[float]] = {analysis: [] for analysis in ANALYSES}
        for i in range(n_samples):
            sample = dk.Transport(plan.sample(i))
            for analysis, channels in ANALYSES.items():
                found[analysis].append(float(sample.events(point, channels).total().mean))
        about: dict[str, Any] = {"point": name, **{key: float(getattr(point, key)) for key in PARAMETERS}}
        about["ctau"] = float(point.proper_decay_length())
        for analysis, each in found.items():
            mean, error = np.mean(each), np.std(each, ddof=1) / n_samples**0.5
            rows.append({**about, "analysis": analysis, "events": mean, "error": error})
        write("truth", rows)


def choices() -> dict[tuple[str, int], neural.Choice]:
    """The network of each region and budget: of `neural.CHOICES` the one of the smallest loss for held-out events."""
    rows = kept("networks")
    for region, budget in tqdm([(r, b) for r in REGIONS for b in BUDGETS], desc="networks"):
        if any((row["kind"], row["neutrinos"]) == (region, budget) for row in rows):
            continue
        sample = plan_of(REGIONS[region], budget, SEED + 2).sample()
        epsilon = epsilon_of(region)
        for choice in neural.CHOICES:
            each = [neural.held_out_loss(sample, dk.ANALYSIS_I, epsilon, choice, i) for i in range(neural.SPLITS)]
            loss = float(np.mean(each))
            about = {"width": choice.width, "steps": choice.steps, "loss": loss}
            rows.append({"kind": region, "neutrinos": budget, **about})
        write("networks", rows)
    best = pd.DataFrame(rows).sort_values("loss").groupby(["kind", "neutrinos"]).first()
    return {key: neural.Choice(int(row.width), int(row.steps)) for key, row in best.iterrows()}


def epsilon_of(region: str) -> float:
    """The ε of the points of a region."""
    (epsilon,) = {float(point.epsilon) for point in POINTS.values() if region_of(point) == region}
    return epsilon


def many(point: dk.DarkParameters, n: int) -> dk.DarkParameters:
    """As many points of other masses near one point, to measure the time of one more."""
    factor = np.linspace(0.95, 1.05, n)
    return point.replace(m_N=point.m_N * factor, m_Zprime=point.m_Zprime * factor)


def regional(method: str, region: str, budget: int, i: int, choice: neural.Choice) -> Iterator[dict[str, Any]]:
    """Rows of an estimator from one sample of a region: time of what points share, and of each further point."""
    plan = plan_of(REGIONS[region], budget, SEED, sequence=sequence_of(method))
    making, sample = seconds(plan.sample, i + 1)
    shared = adaptation(REGIONS[region]) + making
    points = {name: point for name, point in POINTS.items() if region_of(point) == region}
    if method == "neural":
        how = epsilon_of(region), neural.network(choice), SEED + i
        training, surrogate = seconds(neural.trained, sample, ANALYSES["I"], *how)
        for name, point in points.items():
            own = seconds(surrogate.events, many(point, N_TIMED))[0] / N_TIMED
            events, error = surrogate.events(point)
            yield row(name, "I", events, error, shared + training, own)
        return
    estimate = dk.Kernel(sample) if method == "kernel" else dk.Transport(sample)
    for analysis, channels in ANALYSES.items():
        first, _ = seconds(estimate.events, next(iter(points.values())), channels)
        for name, point in points.items():
            n = N_TIMED if method == "kernel" else 2
            own = seconds(estimate.events, many(point, n), channels)[0] / n
            # A kernel prepares the sample once for all points.
            preparing = max(first - own, 0.0) if method == "kernel" else 0.0
            found = estimate.events(point, channels).total()
            yield row(name, analysis, found.mean, found.error, shared + preparing, own)


def dedicated(method: str, budget: int, i: int) -> Iterator[dict[str, Any]]:
    """Rows of a sample of its own for each point: nothing is shared."""
    for name, point in POINTS.items():
        plan = plan_of(point, budget, SEED, sequence=sequence_of(method))
        making, sample = seconds(plan.sample, i + 1)
        for analysis, channels in ANALYSES.items():
            summing, found = seconds(dk.Transport(sample[:]).events, point, channels)
            found = found.total()
            yield row(name, analysis, found.mean, found.error, 0.0, adaptation(point) + making + summing)


def of_table() -> Iterator[dict[str, Any]]:
    """Rows of the shipped table: reading it is shared."""
    reading, table = seconds(dk.load_table)
    for (name, point), (analysis, channels) in itertools.product(POINTS.items(), ANALYSES.items()):
        own = seconds(table.events, many(point, N_TIMED), channels)[0] / N_TIMED
        found = table.events(point, channels).total()
        yield {**TABLE, **row(name, analysis, found.mean, found.error, reading, own)}


def row(point: str, analysis: str, events: Any, error: Any, shared: float, own: float) -> dict[str, Any]:
    """The prediction of a method for a point, and its times."""
    return {
        "point": point, "analysis": analysis, "events": float(events), "error": float(error), "shared": shared,
        "own": own,
    }  # fmt: skip


def sequence_of(method: str) -> str:
    """Of the sample that a method uses."""
    return "sobol" if "Sobol" in method else "random"


def estimates(ends: float) -> None:
    """A row for each estimator, budget, sample, point and analysis, sample by sample until the time is over."""
    rows, chosen = kept("estimates"), choices()
    done = {(row["method"], row["neutrinos"], row["sample"]) for row in rows}
    if ("table", 0, 0) not in done:
        rows += of_table()
    tasks = itertools.product(range(N_SAMPLES), BUDGETS, (*REGIONAL, *DEDICATED))
    left = [(i, budget, name) for i, budget, name in tasks if (name, budget, i) not in done]
    for i, budget, name in tqdm(sorted(left, key=lambda task: task[2] == "neural"), desc="estimates"):
        if time.monotonic() > ends:
            break
        found: list[dict[str, Any]] = []
        if name in REGIONAL:
            for region in REGIONS:
                found += regional(name, region, budget, i, chosen[region, budget])
        else:
            found += dedicated(name, budget, i)
        rows += [{"method": name, "neutrinos": budget, "sample": i, **row} for row in found]
        write("estimates", rows)


def warm_up() -> None:
    """Compile, with one point and several, and adapt the maps in this process, away from the disk."""
    adapted.cache_folder = lambda: None  # type: ignore[assignment, attr-defined]
    adapted._adapted.cache_clear()
    for point in (POINTS["B"], POINTS["A"]):
        m_N, m_Zprime = 1.1 * float(point.m_N), 1.1 * float(point.m_Zprime)  # no masses that are measured
        near = dk.SamplingRange((0.9 * m_N, 1.1 * m_N), (0.9 * m_Zprime, 1.1 * m_Zprime), region_of(point))
        other = point.replace(m_N=m_N, m_Zprime=m_Zprime)
        both: tuple[dk.SamplingRange | dk.DarkParameters, ...] = near, other
        for masses, sequence in itertools.product(both, ("random", "sobol")):
            sample = dk.simulate(masses, 4000, 1, sequence=sequence)
            for kind, channels in itertools.product((dk.Kernel, dk.Transport), ANALYSES.values()):
                kind(sample).events(other, channels)
            for channels in ANALYSES.values() if masses is near else ():
                dk.Kernel(sample).events(many(other, 2), channels)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write truth, networks and estimates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=np.inf, help="of the clock, after which no sample is begun")
    ends = time.monotonic() + 60 * parser.parse_args(arguments).minutes
    warnings.simplefilter("ignore", dk.FewEventsWarning)
    FOLDER.mkdir(exist_ok=True)
    warm_up()
    for masses in (*REGIONS.values(), *POINTS.values()):
        adaptation(masses)  # before anything else adapts to them
    truth()
    estimates(ends)


if __name__ == "__main__":
    main()

"""Verdicts in words, in JSON and as rows of a table, for the command line. Begin with `answers`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from darkpkg.experiment.analysis import Analysis
from darkpkg.inference.check import Verdict
from darkpkg.method.expectation import Expectation, with_error
from darkpkg.physics.model import DarkParameters
from darkpkg.units import cm


def answers(
    point: DarkParameters, judges: Sequence[Analysis], verdicts: Sequence[Verdict], notes: Iterable[str],
    as_json: bool, **source: Any,
) -> str:  # fmt: skip
    """The result of each analysis for one point, in lines or in JSON, with further notes, each of them once."""
    common = {"point": dataclasses.asdict(point), **source}
    found = [numbers_of(point, verdict, analysis) for verdict, analysis in zip(verdicts, judges, strict=True)]
    notes = list(notes)  # now that warnings of the numbers are among them
    results = [
        common | numbers | {"notes": list(dict.fromkeys([*verdict.notes, *notes]))}
        for numbers, verdict in zip(found, verdicts, strict=True)
    ]
    if not as_json:
        return "\n\n".join(map(report, results))
    from importlib import metadata  # here: its import takes long, and lines do not have the version

    results = [{"version": metadata.version("darkpkg")} | result for result in results]
    return as_text(results[0] if len(results) == 1 else results)


def as_text(value: Any) -> str:
    """JSON, with null for numbers that it does not have."""
    without_infinities = json.loads(json.dumps(value), parse_constant=lambda _: None)
    return json.dumps(without_infinities, indent=2, allow_nan=False)


_OF_A_ROW = (
    *("analysis", "proper_decay_length_cm", "expected_events", "error", "bias", "n_effective"),
    *("minus_delta_log_likelihood", "threshold", "status", "reason"),
)


def row(point: DarkParameters, verdict: Verdict, analysis: Analysis) -> dict[str, Any]:
    """A row of the table of many points."""
    found = numbers_of(point, verdict, analysis)
    return {name: float(getattr(point, name)) for name in point.numbers()} | {name: found[name] for name in _OF_A_ROW}


def numbers_of(point: DarkParameters, verdict: Verdict, analysis: Analysis) -> dict[str, Any]:
    """The answer in numbers, JSON or not."""
    sums, channels = _sums(verdict.expectation.in_channels(analysis)), {}
    for i, channel in enumerate(analysis.channels):
        channels[channel.name] = {name: numbers[i] for name, numbers in sums.items()}
        if channel.selection.n_bins > 1:
            channels[channel.name]["bins"] = verdict.expectation.mean[analysis.bins_of(channel.name)].tolist()
    return {
        "analysis": verdict.analysis,
        "decay_width_GeV": float(point.decay_width()),
        "proper_decay_length_cm": float(point.proper_decay_length() / cm),
        "mediator_decay_length_cm": float(point.mediator_decay_length() / cm),
        "pair_branching_ratio": float(point.pair_branching_ratio()),
        "selected_upscatterings": float(verdict.upscatterings.mean.sum()),
        **_sums(verdict.expected_events),
        "channels": channels,
        **{name: getattr(verdict, name) for name in ("minus_delta_log_likelihood", "threshold", "rule", "status")},
        "reason": verdict.reason,
        "excluded": {"excluded": True, "not excluded": False}.get(verdict.status),
    }


def _sums(signal: Expectation) -> dict[str, Any]:
    """Numbers, or lists of them, of an expectation."""
    names = {"expected_events": "mean", "error": "error", "bias": "bias", "n_effective": "n_effective"}
    return {name: np.asarray(getattr(signal, field)).tolist() for name, field in names.items()}


def report(result: dict[str, Any]) -> str:
    """The answer of one analysis on one point, in lines."""
    verdict = result["status"].replace("excluded", "EXCLUDED") if result["excluded"] else result["status"]
    width = max(16, *(len(name) for name in result["channels"]))
    bias = f", bias of smoothing {result['bias']:.2g}" if result["bias"] else ""
    lines = [
        f"proper decay length   {result['proper_decay_length_cm']:.4g} cm",
        f"  from a width of     {result['decay_width_GeV']:.4g} GeV",
        *(f"  of Z'               {length:.4g} cm" for length in [result["mediator_decay_length_cm"]] if length),
        *(f"decays to e+e-        {100 * share:.3g} %" for share in [result["pair_branching_ratio"]] if share < 1),
        f"expected events       {with_error(result['expected_events'], result['error'])}{bias}",
        f"  without a decay     {result['selected_upscatterings']:.4g} selected upscatterings",
        *(
            f"  in {name:{width}s} {with_error(channel['expected_events'], channel['error'])}"
            for name, channel in result["channels"].items()
        ),
        f"effective events      {result['n_effective']:.3g}",
        f"-Delta ln L           {result['minus_delta_log_likelihood']:.4g}",
        f"rule                  {result['rule']}",
        f"verdict               {verdict} at 90 % CL by {result['analysis']}",
        *([f"reason                {result['reason']}"] if result["reason"] else []),
        *(f"note                  {text}" for text in result["notes"]),
    ]
    return "\n".join(lines)

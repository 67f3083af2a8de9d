r"""Counts and their errors in formats for statistics: HistFactory workspaces for pyhf, and HS3.

Begin with `to_pyhf` and `to_hs3`. Both describe the likelihood of an analysis with a parameter for the systematic
error of each bin, a factor γ on its total expectation, and a Poisson of :math:`\tau = 1/\eta^2` auxiliary events for
it:

.. math:: L(\mu,\gamma) = \prod_b {}& \mathrm{Poisson}(n_b;\,\gamma_b(\mu s_b+b_b)) \\
          & \times \mathrm{Poisson}(\tau_b;\,\gamma_b\tau_b) .

Integrated over γ this *is* the effective likelihood of the paper: :math:`\gamma^\tau e^{-\tau\gamma}` is the gamma
distribution with :math:`\alpha=1/\eta^2+1`. Programs that read these formats take the best γ instead of the integral,
`profiled_counts_log_likelihood`: for n counts, and with k = n + τ, ln L then lacks

.. math:: \ln\Gamma(k+1)-\bigl[k\ln k-k\bigr] - \ln(\mu_{\rm tot}+\tau) ,

whose last term depends on the signal. Compare the two for your limit: the profile weakens that
of Analysis I by 4 %, and that of both analyses at benchmark A by 44 %.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, xlogy

from darkpkg.experiment.analysis import Analysis, Channel
from darkpkg.inference.likelihood import total_of
from darkpkg.inference.slices import Slice
from darkpkg.inputs import Array, check_kinds, real_numbers
from darkpkg.method.expectation import Expectation
from darkpkg.method.interface import Predicts, check_estimator, prediction


def profiled_counts_log_likelihood(prediction: Expectation, analysis: Any) -> Array:
    r"""ln L of the exported counts at the best factors :math:`\hat\gamma = (n+\tau)/(\mu+\tau)`, auxiliary data too.

    A likelihood for `darkpkg.scan`, to find out what a limit by an exported file will be. The error of the simulation
    has no place in it.

    Parameters
    ----------
    prediction, analysis
        As in `darkpkg.log_likelihood`.

    Returns
    -------
    array
        Of the shape of the points.
    """
    mean = total_of(prediction, analysis, "analysis")
    n, tau = np.asarray(analysis.observed), _auxiliary(analysis.systematic)
    best = np.where(tau > 0, (n + tau) / np.where(mean + tau > 0, mean + tau, 1.0), 1.0)
    poisson = xlogy(n, best * mean) - best * mean - gammaln(n + 1)
    constraint = xlogy(tau, best * tau) - best * tau - gammaln(tau + 1)
    return np.asarray((poisson + np.where(tau > 0, constraint, 0.0)).sum(axis=-1))


_NO_ERROR = 1e-6
"""Relative errors up to this are none: their auxiliary events, 1e12 and more, leave no digits for the counts."""


def _auxiliary(systematic: ArrayLike) -> Array:
    """Auxiliary events of each bin; none if it has no error."""
    eta = np.asarray(systematic, dtype=float)
    return np.divide(1.0, eta**2, out=np.zeros(eta.shape), where=eta > _NO_ERROR)


def _check_exportable(analysis: Analysis) -> None:
    check_kinds(analysis=(analysis, Analysis))
    if analysis.shared:
        raise ValueError(
            f"shared of {analysis.name} must be empty: only errors that each bin has on its own are exported"
        )
    names = [analysis.name, *(channel.name for channel in analysis.channels)]
    channels = [name + end for name in map(_name, names[1:]) for end in ("", "_auxiliary")]
    if len(set(channels)) < len(channels) or not all(map(_name, names)):
        raise ValueError(
            f"names of an analysis and its channels must differ in letters of ASCII or digits, got {names}"
        )


def to_pyhf(
    estimator: Predicts | None, grid: Slice, analysis: Analysis, record: str = "ins0000000"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A workspace of the background, and a patchset with the signal of each point of a slice.

    ``pyhf.Workspace(pyhf.PatchSet(patchset).apply(workspace, name))`` is that of one point. Its parameter of
    interest, ``mu``, multiplies the signal.

    Parameters
    ----------
    estimator
        As in `darkpkg.scan`; None for the table of all rates.
    grid
        The points, which patches are named by.
    analysis
        Counts, backgrounds and errors of their own of each bin.
    record
        Number of the HEPData record, which the format requires: ``ins`` and seven digits.

    Returns
    -------
    tuple of dict
        Workspace and patchset, for ``json.dump``.

    Raises
    ------
    TypeError, ValueError
        For arguments of another kind, errors that bins share, and channels whose names are the same in ASCII.
    """
    check_kinds(grid=(grid, Slice), record=(record, str))
    _check_exportable(analysis)
    if not re.fullmatch("ins[0-9]{7}", record):
        raise ValueError(f"record must be ins and seven digits, got {record!r}")
    workspace = _workspace(analysis)
    mean = prediction(check_estimator(estimator, "events"), grid.parameters, analysis, grid.shape).mean
    spectra = np.maximum(mean.reshape(-1, len(analysis.observed)), 0.0)
    mesh = np.stack(np.meshgrid(*grid.axes.values(), indexing="ij"), axis=-1).reshape(-1, len(grid.axes))
    patches = []
    for number, (values, spectrum) in enumerate(zip(mesh.tolist(), spectra, strict=True)):
        samples = _signal_samples(analysis, spectrum).items()
        patch = [{"op": "add", "path": f"/channels/{i}/samples/0", "value": sample} for i, sample in samples]
        patches.append({"metadata": {"name": f"point_{number}", "values": values}, "patch": patch})
    canonical = json.dumps(workspace, sort_keys=True, ensure_ascii=False).encode()
    metadata = {
        "name": _name(analysis.name),
        "description": f"Signal of dark neutrinos in {analysis.name}",
        "digests": {"sha256": hashlib.sha256(canonical).hexdigest()},
        "labels": list(grid.axes),
        "references": {"hepdata": record},
    }
    return workspace, {"version": "1.0.0", "metadata": metadata, "patches": patches}


def _name(text: str) -> str:
    return "_".join("".join(c if c.isalnum() and c.isascii() else " " for c in text).split())


def _factors(channel: Channel) -> list[dict[str, Any]]:
    """The factor γ of each bin of a channel, if its expectation has an error."""
    factor = {"name": f"gamma_{_name(channel.name)}", "type": "shapefactor", "data": None}
    return [factor] if channel.systematic > _NO_ERROR else []


def _workspace(analysis: Analysis) -> dict[str, Any]:
    channels, observations = [], []
    for channel in analysis.channels:
        factors = _factors(channel)
        background = {"name": "background", "data": list(channel.background), "modifiers": factors}
        channels.append({"name": _name(channel.name), "samples": [background]})
        observations.append({"name": _name(channel.name), "data": list(channel.observed)})
        if factors:
            tau = _auxiliary(analysis.systematic[analysis.bins_of(channel.name)]).tolist()
            name = f"{_name(channel.name)}_auxiliary"
            channels.append({"name": name, "samples": [{"name": "auxiliary", "data": tau, "modifiers": factors}]})
            observations.append({"name": name, "data": tau})
    measurement = {"name": _name(analysis.name), "config": {"poi": "mu", "parameters": []}}
    return {"version": "1.0.0", "channels": channels, "observations": observations, "measurements": [measurement]}


def _signal_samples(analysis: Analysis, spectrum: Array) -> dict[int, dict[str, Any]]:
    """The signal in those channels of a `_workspace` that have one, by their number."""
    samples: dict[int, dict[str, Any]] = {}
    strength, number = {"name": "mu", "type": "normfactor", "data": None}, 0
    for channel in analysis.channels:
        factors, data = _factors(channel), spectrum[analysis.bins_of(channel.name)].tolist()
        samples[number] = {"name": "signal", "data": data, "modifiers": [strength, *factors]}
        number += 1 + len(factors)
    return samples


def to_hs3(signal: ArrayLike, analysis: Analysis) -> dict[str, Any]:
    """The likelihood of one spectrum in HS3, the HEP Statistics Serialization Standard (version 0.2).

    The same channels as by `to_pyhf`, as ``histfactory_dist``. Its parameters are ``mu``, of the signal, and a
    ``gamma`` for each bin.

    Parameters
    ----------
    signal
        Expected events of each bin, (bins,).
    analysis
        Counts, backgrounds and errors of their own of each bin.

    Returns
    -------
    dict
        For ``json.dump``.

    Raises
    ------
    TypeError, ValueError
        For arguments of another kind or shape, and as `to_pyhf` does.
    """
    _check_exportable(analysis)
    signal = real_numbers("signal", signal, 0.0, 1e12)
    if signal.shape != analysis.observed.shape:
        raise ValueError(f"signal must have {len(analysis.observed)} bins, got an array of shape {signal.shape}")
    workspace = _workspace(analysis)
    for number, sample in _signal_samples(analysis, signal).items():
        workspace["channels"][number]["samples"].insert(0, sample)
    distributions, data, names = [], [], ["mu"]
    for channel, observed in zip(workspace["channels"], workspace["observations"], strict=True):
        n = len(observed["data"])
        axes = [{"name": f"bin_{channel['name']}", "min": 0.0, "max": float(n), "nbins": n}]
        samples = [_hs3_sample(sample, n) for sample in channel["samples"]]
        distributions.append({"name": channel["name"], "type": "histfactory_dist", "axes": axes, "samples": samples})
        data.append({"name": f"data_{channel['name']}", "type": "binned", "contents": observed["data"], "axes": axes})
        names += [p for sample in samples for m in sample["modifiers"] for p in m.get("parameters", ())]
    names = list(dict.fromkeys(names))
    fit = {
        "name": "fit", "likelihood": "likelihood", "parameters_of_interest": ["mu"],
        "domains": ["default_domain"], "init": "start",
    }  # fmt: skip
    likelihood = {
        "name": "likelihood",
        "distributions": [one["name"] for one in distributions],
        "data": [one["name"] for one in data],
    }
    ranges = [{"name": name, "min": 0.0, "max": 10.0} for name in names]
    return {
        "metadata": {"hs3_version": "0.2"},
        "distributions": distributions,
        "data": data,
        "domains": [{"name": "default_domain", "type": "product_domain", "axes": ranges}],
        "parameter_points": [{"name": "start", "parameters": [{"name": name, "value": 1.0} for name in names]}],
        "likelihoods": [likelihood],
        "analyses": [fit],
    }


def _hs3_sample(sample: dict[str, Any], n: int) -> dict[str, Any]:
    modifiers = []
    for one in sample["modifiers"]:
        parameters = [f"{one['name']}_{b}" for b in range(n)]
        which = {"parameter": "mu"} if one["type"] == "normfactor" else {"parameters": parameters}
        modifiers.append({"type": one["type"], "name": one["name"], **which})
    contents = {"contents": sample["data"], "errors": [0.0] * n}
    return {"name": sample["name"], "data": contents, "modifiers": modifiers}

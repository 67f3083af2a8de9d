"""What is stored of rates at all nodes of a table: smoothed, as principal components. Begin with `fields_of`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from darkpkg.experiment.selection import Cuts, Selection
from darkpkg.inputs import Array
from darkpkg.method.table_flights import FLIGHTS
from darkpkg.method.table_grid import Axis, Grid, prefiltered

_SHAPES = 3, 5
"""Every third L of N and every fifth of Z′ are nodes for the shape of a spectrum, which varies slowly."""

_WINDOW = 7
"""Nodes along both axes whose residuals measure how much smoothing takes away."""

_ERRORS = Axis(np.log(1e-3), np.log(1e6), 8, 1), Axis(np.log(1e-2), np.log(1e6), 7, 1)
"""L of N and of Z′ for the error of a rate."""


def fields_of(
    rate: Array, variance: Array, relative: Array, lifetimes: Axis, x: Array, beyond: NDArray[np.bool_] | None = None
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What is tabulated over nodes at ln m_N = ``x``, as (values, degree over the masses, axes, largest residual).

    Rates and variances are those of `Simulation.rates` at all nodes (x, v).
    """
    rate = np.moveaxis(rate, 4, 2)  # x, v, beam, part, bin, L, flight
    variance = np.moveaxis(variance, 4, 2)
    total = np.maximum(rate.sum(axis=4), 1e-200)
    of_beams = np.moveaxis(relative, 2, 4)  # x, v, beam, beam, part, L, flight
    relative = np.clip(np.einsum("xvaapLf->xvapLf", of_beams), 1e-8, 4.0)
    log, of_log = smoothed(np.log(total[..., 0]), relative[..., 0], x, beyond)
    yield "everywhere", (log[..., 0], 3, (), 3e-4)
    yield "rate", (log[..., 1:], 3, (lifetimes,), 3e-4)
    squared = (of_log + _between(log))[..., 1:][..., lifetimes.nearest(_ERRORS[0])]
    of_beams = of_beams[..., 1 + lifetimes.nearest(_ERRORS[0]), :]
    covariance = of_beams[..., 0]
    if rate.shape[-1] > 1:
        ratio = np.log(total[..., 1:, 1:] / total[..., 1:, :1])
        ratio, of_ratio = smoothed(ratio, relative[..., 1:, 1:], x)
        yield "flight", (ratio, 3, (lifetimes, FLIGHTS), 1e-3)
        at: Any = np.ix_(lifetimes.nearest(_ERRORS[0]), FLIGHTS.nearest(_ERRORS[1]))
        squared = squared[..., None] + (of_ratio + _between(ratio))[(..., *at)]
        covariance = covariance[..., None] + of_beams[..., 1 + FLIGHTS.nearest(_ERRORS[1])]
    axes = _ERRORS[: squared.ndim - 4]
    yield "error", (np.log(squared) / 2, 1, axes, 0.1)
    if rate.shape[2] > 1:
        yield "correlation", (_correlation(covariance), 1, axes, 0.05)
    if rate.shape[4] > 1:
        yield from _shapes(
            rate[:, :, :, -1, :, 1:], variance[:, :, :, -1, :, 1:], total[:, :, :, -1, 1:], lifetimes, x
        )


def _correlation(covariance: Array) -> Array:
    """That of replicates of beams, of covariances (x, v, beam, beam, …), for the mean around a node; pairs are one
    axis.
    """
    deviation = np.sqrt(np.maximum(np.einsum("xvaa...->xva...", covariance), 1e-300))
    of_pairs = _around(covariance / (deviation[:, :, :, None] * deviation[:, :, None]), _WINDOW)
    return of_pairs.reshape(*of_pairs.shape[:2], -1, *of_pairs.shape[4:])


def _shapes(
    rate: Array, variance: Array, total: Array, lifetimes: Axis, x: Array
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The roots of the shares of bins, and their errors; of rates (x, v, beam, bin, L, flight)."""
    flies = rate.shape[-1] > 1
    axes = tuple(_every(step, axis) for step, axis in zip(_SHAPES, (lifetimes, FLIGHTS), strict=True))[: 1 + flies]
    picked = np.arange(1, rate.shape[-1])[:: _SHAPES[1]] if flies else np.array([0])
    at: Any = np.ix_(np.arange(lifetimes.n)[:: _SHAPES[0]], picked)
    share, squared = (one[(..., *at)] / total[(..., None, *at)] ** power for one, power in ((rate, 1), (variance, 2)))
    known = squared / np.maximum(4 * share, 1e-9)
    root, squared = smoothed(np.sqrt(np.maximum(share, 0.0)), np.maximum(known, 1e-10), x)
    yield "spectrum", (root if flies else root[..., 0], 3, axes, 2e-4)
    prompt = (squared + _between(root)).reshape(*root.shape[:4], -1)[..., 0]
    yield "spectrum error", (np.log(np.clip(prompt, 1e-10, 1.0)) / 2, 1, (), 0.1)


def smoothed(
    values: Array, variance: Array, x: Array, beyond: NDArray[np.bool_] | None = None
) -> tuple[Array, Array]:
    """Values over the nodes (x, v, …) without as much of their noise as they share with no neighbour.

    Each principal component is the smoothest surface that generalised cross-validation allows, of those with small
    third differences along both axes, in ln m_N at ``x`` (n,) and v, but none across the edge of the nodes that lie
    ``beyond`` a cut; each node counts by the mean of the logarithms of its variances. Second, the squared error
    that is left, (x, v, …), the larger of two: the noise, by replicates or by residuals, times the share of itself
    that a node keeps, which contains the mean bias of smoothing, G. Wahba, J. R. Stat. Soc. B 45 (1983) 133; and the
    noise that passes with the bias around a node, by which squared residuals exceed the noise that is taken away by
    more than a standard deviation of their mean.
    """
    n_x, n_v = values.shape[:2]
    deviation = np.exp(np.log(variance).reshape(n_x * n_v, -1).mean(axis=1) / 2)
    deviation = np.clip(deviation / np.median(deviation), 0.1, 10.0)[:, None]
    columns = np.sqrt(variance.mean(axis=(0, 1))).ravel()  # each counts by how well it is known
    u, s, components = np.linalg.svd(values.reshape(n_x * n_v, -1) / columns, full_matrices=False)
    surfaces = u * s / deviation
    along_x, along_v = third_differences(x), third_differences(np.arange(n_v, dtype=float))
    rough_x, rough_v = (
        rows.T @ (rows * _on_one_side(rows, beyond))
        for rows in (np.kron(along_x, np.eye(n_v)), np.kron(np.eye(n_x), along_v))
    )
    found, least = surfaces.copy(), np.full(surfaces.shape[1], np.inf)
    kept_of_own, passed, free = np.ones(surfaces.shape), np.ones(surfaces.shape), np.ones(surfaces.shape[1])
    for ratio in 10.0 ** np.arange(-3, 4):
        penalty, modes = np.linalg.eigh(deviation * (ratio * rough_x + rough_v) * deviation.T)
        amplitudes, strongest = modes.T @ surfaces, np.zeros(surfaces.shape[1])
        for strength in 10.0 ** np.arange(-8, 9):
            kept = 1 / (1 + strength * np.maximum(penalty, 0.0))
            score = ((1 - kept) ** 2 @ amplitudes**2) / max(len(kept) - kept.sum(), 1e-9) ** 2
            better = score < least
            least[better], strongest[better] = score[better], strength
        better = strongest > 0
        kept = 1 / (1 + strongest[better] * np.maximum(penalty, 0.0)[:, None])
        found[:, better] = modes @ (kept * amplitudes[:, better])
        kept_of_own[:, better], passed[:, better] = modes**2 @ kept, modes**2 @ kept**2
        free[better] = np.maximum(len(kept) - kept.sum(axis=0), 1.0)
    smooth = (found * deviation @ components * columns).reshape(values.shape)
    of_columns = (((surfaces - found) ** 2).sum(axis=0) / free)[:, None] * components**2  # noise, by component
    of_columns /= np.maximum(of_columns.sum(axis=0), 1e-300)
    kept_of_own, passed = ((share @ of_columns).reshape(values.shape) for share in (kept_of_own, passed))
    noise, left = _around(variance, 3), (values - smooth) ** 2
    bias = _around(left - (1 - 2 * kept_of_own + passed) * variance, _WINDOW)
    bias -= np.sqrt(2) / _WINDOW * _around(variance, _WINDOW)
    own = np.maximum(noise, _around(left, _WINDOW) / np.maximum(_around(1 - kept_of_own, _WINDOW), 0.1))
    return smooth, np.maximum(kept_of_own * own, passed * noise + np.maximum(bias, 0.0))


def _around(values: Array, nodes: int) -> Array:
    """Means over so many nodes along both axes."""
    return np.asarray(uniform_filter(values, (nodes, nodes), axes=(0, 1), mode="nearest"))


def _on_one_side(rows: NDArray[Any], beyond: NDArray[np.bool_] | None) -> Array:
    """A weight for each row over the nodes, next to none if some of its nodes are ``beyond`` and others are not."""
    if beyond is None:
        return np.ones((len(rows), 1))
    crossing = [0 < beyond.ravel()[row != 0].mean() < 1 for row in rows]
    return np.where(crossing, 1e-4, 1.0)[:, None]


def beyond_cut(grid: Grid, selection: Selection) -> NDArray[np.bool_] | None:
    """Where pairs of one mass, of a light Z′, can have more transverse momentum than the cut on |t| allows."""
    if grid.mediator != "light" or not isinstance(selection.cuts, Cuts):
        return None
    masses = np.array([[grid.masses(i, j) for j in range(grid.n_v)] for i in range(grid.n_x)])
    m_N, m_Zprime = masses[..., 0], masses[..., 1]
    return m_N * (1 - (m_Zprime / m_N) ** 2) / 2 > np.sqrt(selection.cuts.max_t)


def third_differences(x: Array) -> Array:
    """Rows that vanish for a quadratic at places x, (n − 3, n); those of even places are 1, −3, 3, −1."""
    rows = np.zeros((len(x) - 3, len(x)))
    for i, row in enumerate(rows):
        apart = x[i : i + 4, None] - x[i : i + 4] + np.eye(4)
        row[i : i + 4] = 1 / apart.prod(axis=1)
    return rows * np.sqrt(20) / np.linalg.norm(rows, axis=1, keepdims=True)


def _every(step: int, axis: Axis) -> Axis:
    """The nodes 0, step, 2 step, … of an axis, of which the last must be one."""
    return dataclasses.replace(axis, n=1 + (axis.n - 1) // step)


def _between(values: Array) -> Array:
    """Squared error of interpolation around each node."""
    return np.asarray(sum((_residual(values, axis) / 4) ** 2 for axis in (0, 1)))


def _residual(values: Array, axis: int) -> Array:
    """How far each node lies from the cubic through its four neighbours, which is more than interpolation misses."""
    v = np.moveaxis(values, axis, 0)
    out = np.empty(v.shape)
    out[2:-2] = v[2:-2] - (4 * (v[1:-3] + v[3:-1]) - v[:-4] - v[4:]) / 6
    out[:2], out[-2:] = out[2], out[-3]
    return np.moveaxis(out, 0, axis)


_MOST = 64
"""Components of a field: the rare bins of Analysis II need them."""


_ROUNDING = 0.2
"""Of what components leave out of a field, by which rounding may change it: finer numbers would only be longer."""


def store(
    header: dict[str, Any], arrays: dict[str, Any], name: str, values: Array, degree: int, axes: Sequence[Axis],
    residual: float,
) -> None:  # fmt: skip
    """Principal components of a field over the nodes: their coefficients over the masses, and the components."""
    n_x, n_v = values.shape[:2]
    flat = values.reshape(n_x * n_v, -1)
    u, s, v = np.linalg.svd(flat, full_matrices=False)
    left = np.sqrt(np.maximum((s**2).sum() - np.cumsum(s**2), 0.0) / flat.size)
    k = int(min(np.argmax(left <= residual) + 1 if (left <= residual).any() else _MOST, _MOST, len(s)))
    coefficients = (u[:, :k] * s[:k]).T.reshape(k, n_x, n_v)
    basis = v[:k].reshape(k, *values.shape[2:])
    if degree == 3:
        coefficients = prefiltered(prefiltered(coefficients, 1), 2)
    for i, axis in enumerate(axes):
        if axis.degree == 3:
            basis = prefiltered(basis, basis.ndim - len(axes) + i)
    about = {"degree": degree, "axes": [dataclasses.asdict(axis) for axis in axes], "residual": float(left[k - 1])}
    # Rounding to steps has an error of a step over √12, times the rms of the other factor of each of k terms.
    rounding = _ROUNDING * residual * np.sqrt(12 / k)
    finest_of_basis = rounding * len(flat) ** 0.5 / s[:k]
    for kind, array, finest in (
        ("coefficients", coefficients, rounding * flat.shape[1] ** 0.5), ("basis", basis, finest_of_basis)
    ):  # fmt: skip
        arrays[f"{name}/{kind}"], about[f"{kind}_scale"] = packed(array, finest)
    header["fields"][name] = about


def packed(values: Array, finest: Array | float = 0.0) -> tuple[NDArray[np.int16], list[list[float]]]:
    """Integers, each row as differences that wrap around, and offset and step of each row, not below ``finest``."""
    flat = values.reshape(len(values), -1)
    low, high = flat.min(axis=1), flat.max(axis=1)
    step = np.maximum(np.where(high > low, (high - low) / 65534, 1.0), finest)
    whole = np.rint((flat - low[:, None]) / step[:, None] - 32767).astype(np.int16)
    delta = np.diff(whole, axis=1, prepend=np.zeros((len(whole), 1), np.int16)).astype(np.int16)
    return delta.reshape(values.shape), np.stack([low + 32767 * step, step], axis=1).tolist()

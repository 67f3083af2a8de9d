r"""Counts with a published covariance: χ², and a likelihood, of many correlated predictions.

Begin with `CovarianceLikelihood`. Experiments publish the covariance of their predictions as a fractional one F, with
entries for the signal and for the background of each bin, which then add up:

.. math:: \chi^2 &= r^TC^{-1}r, \qquad r = k - B - AS, \\
          C &= A'\bigl[F\circ vv^T + \mathrm{diag}(S, 0)\bigr]A'^T, \\
          v &= (S, B),

with counts k, the matrix A that puts the entries of the signal S into bins, and A′ = (A, 1). It is independent of
physics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.inputs import Array, check_kinds, locked, real_numbers, settle, whole_number
from darkpkg.method.expectation import Expectation

ROUNDED = 0.01
"""Negative eigenvalues that the digits of a published matrix may leave: that of MiniBooNE has 6e-4 of its largest."""


@dataclass(frozen=True, eq=False)
class CovarianceLikelihood:
    """Gaussian likelihood of b bins with s entries of a signal in some of them.

    ``observed`` and ``background`` (b,) are counts; ``fractional`` (s + b, s + b) is the covariance of the signal's
    entries, then of the background of each bin, over their products. ``signal_bins`` has the bin of each entry of the
    signal. The statistical error of the background is to be in ``fractional``; that of the signal is added here, as
    its number of events.

    It can be the ``likelihood`` of `darkpkg.scan`; the numbers of the analysis there go unused.

    Raises `ValueError` for shapes that do not fit together, a ``fractional`` that is not symmetric or has a negative
    eigenvalue, and what is not finite.

    Examples
    --------
    >>> round(float(CovarianceLikelihood([12.0], [10.0], np.diag([0.0, 0.1]), (0,)).chi_squared([0.0])), 3)
    0.4
    """

    observed: Array
    background: Array
    fractional: Array
    signal_bins: tuple[int, ...]

    def __post_init__(self) -> None:
        settle(self, **dict.fromkeys(("observed", "background"), lambda *given: locked(_counts(*given))))
        settle(self, fractional=lambda name, value: locked(real_numbers(name, value, -1e6, 1e6)))
        b = len(np.atleast_1d(self.observed))
        check_kinds(signal_bins=(self.signal_bins, (Sequence, np.ndarray)))
        settle(self, signal_bins=lambda name, bins: tuple(whole_number(name, at, 0, b - 1) for at in bins))
        bins = self.signal_bins
        if self.observed.shape != (b,) or self.background.shape != (b,):
            shapes = f"{self.observed.shape} and {self.background.shape}"
            raise ValueError(f"observed and background must have one number for each bin, got shapes {shapes}")
        if self.fractional.shape != (len(bins) + b,) * 2:
            raise ValueError(f"fractional must have shape {(len(bins) + b,) * 2}, got {self.fractional.shape}")
        if not np.array_equal(self.fractional, self.fractional.T):
            raise ValueError("fractional must be symmetric, got entries that differ from those of its transpose")
        found = np.linalg.eigvalsh(self.fractional)
        if found[0] < -ROUNDED * np.abs(found).max():
            raise ValueError(
                f"fractional must have no negative eigenvalue beyond {ROUNDED:g} of the largest, got {found[0]:.4g}"
            )

    @property
    def _into_bins(self) -> Array:
        """The matrix A (b, s) that adds the entries of the signal up."""
        return np.eye(len(self.observed))[:, list(self.signal_bins)]

    def covariance(self, signal: ArrayLike, variance: ArrayLike = 0.0) -> Array:
        """Covariance of the counts.

        Parameters
        ----------
        signal
            Expected events (..., s).
        variance
            Of the signal's expectation, as a simulation has it: (..., s), in events squared.

        Returns
        -------
        array
            (..., b, b).
        """
        S, variance = self._signal(signal, variance)
        v = np.concatenate([S, np.broadcast_to(self.background, (*S.shape[:-1], len(self.background)))], axis=-1)
        both = self.fractional * v[..., :, None]
        both *= v[..., None, :]
        entries = np.arange(S.shape[-1])
        both[..., entries, entries] += S + variance
        return np.swapaxes(self._added_up(np.swapaxes(self._added_up(both), -1, -2)), -1, -2)

    def _added_up(self, entries: Array) -> Array:
        """Rows (..., s + b, n) of the signal's entries and of the background added up in bins: (..., b, n)."""
        s = len(self.signal_bins)
        found = entries[..., s:, :]
        for entry, at in enumerate(self.signal_bins):
            found[..., at, :] += entries[..., entry, :]
        return found

    def residual(self, signal: ArrayLike) -> Array:
        """Observed minus expected counts (..., b) for a ``signal`` of (..., s) events."""
        S, _ = self._signal(signal, 0.0)
        return np.asarray(self.observed - self.background - S @ self._into_bins.T)

    def chi_squared(self, signal: ArrayLike, variance: ArrayLike = 0.0) -> Any:
        """χ² of a signal.

        Parameters
        ----------
        signal, variance
            As in `covariance`.

        Returns
        -------
        float or array
            Of shape (...).

        Raises
        ------
        ValueError
            For another number of entries, negative or infinite ones, and if the covariance is not positive definite.
        """
        return self._chi_squared_and_volume(signal, variance)[0]

    def __call__(self, prediction: Expectation, counts: Any = None) -> Array:
        """ln L of each point: −½ (χ² + ln det 2πC), for an expectation of (..., s) events.

        A mean below zero counts as zero, as in `darkpkg.log_likelihood`.
        """
        chi_sq, volume = self._chi_squared_and_volume(np.maximum(prediction.mean, 0.0), prediction.variance)
        return np.asarray(-(chi_sq + volume) / 2)

    def _chi_squared_and_volume(self, signal: ArrayLike, variance: ArrayLike) -> tuple[Any, Any]:
        residual = self.residual(signal)
        try:
            root = np.linalg.cholesky(self.covariance(signal, variance))
        except np.linalg.LinAlgError:
            raise ValueError("fractional must give a positive definite covariance with this signal") from None
        pull = np.linalg.solve(root, residual[..., None])[..., 0]
        diagonal = np.diagonal(root, axis1=-2, axis2=-1)
        return (pull**2).sum(axis=-1)[()], (2 * np.log(diagonal) + np.log(2 * np.pi)).sum(axis=-1)[()]

    def _signal(self, signal: ArrayLike, variance: ArrayLike) -> tuple[Array, Array]:
        S = _counts("signal", signal)
        if S.shape[-1:] != (len(self.signal_bins),):
            raise ValueError(f"signal must have {len(self.signal_bins)} entries, got an array of shape {S.shape}")
        found = _counts("variance", variance)
        try:
            return S, np.broadcast_to(found, S.shape)
        except ValueError:
            raise ValueError(f"variance must have the shape of signal, {S.shape}, got {found.shape}") from None


def _counts(name: str, values: Any) -> Array:
    return real_numbers(name, values, 0.0, 1e60)

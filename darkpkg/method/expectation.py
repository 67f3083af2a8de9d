"""What a weighted simulation predicts, and its error. Begin with `Expectation`.

It is independent of physics: sums of weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from darkpkg.inputs import Array, real_number, real_numbers, settle

if TYPE_CHECKING:
    import pandas as pd

FEW_EVENTS = 10
"""Below so many effective events a prediction comes with a warning."""


class FewEventsWarning(UserWarning):
    """A prediction rests on few simulated events: at the worst of ``n_few`` points on ``n_effective`` of them.

    ``near`` has the parameters of that point by name.
    """

    n_effective: float
    near: Mapping[str, float]
    n_few: int


def warn_of_few(n_effective: Array, parameters: Mapping[str, Array], stacklevel: int, unit: str = "") -> None:
    """Warn (`FewEventsWarning`) if there are fewer than `FEW_EVENTS` at any of the points.

    ``n_effective`` and each of the ``parameters``, in ``unit``, have the shape of the points.
    """
    few = n_effective < FEW_EVENTS
    if not few.any():
        return
    worst = np.unravel_index(np.argmin(n_effective), few.shape)
    fewest, near = float(n_effective[worst]), {name: float(values[worst]) for name, values in parameters.items()}
    message = (
        f"only {fewest:.1f} effective events near {', '.join(f'{name} = {x:g}{unit}' for name, x in near.items())} "
        f"({few.sum()} of {few.size} points have fewer than {FEW_EVENTS}): simulate more or widen the bandwidth"
    )
    warning = FewEventsWarning(message)
    warning.n_effective, warning.near, warning.n_few = fewest, near, int(few.sum())
    warnings.warn(warning, stacklevel=stacklevel + 1)


_ENDS = dict.fromkeys(("variance", "bias_variance", "tabulation"), (0.0, np.finfo(float).max))


@dataclass(frozen=True, eq=False)
class Expectation:
    r"""Expected events and their errors by the simulation, each of shape θ.shape + (bins,).

    ``mean`` is the expectation in each bin of each channel and ``variance`` the square of its statistical error, Σw²
    for independent events. ``bias`` estimates what smoothing over the parameters adds to the mean: the estimate with
    a bandwidth :math:`\sqrt2` times wider, less this one, which for a rate that is quadratic over the kernel is the
    bias itself; ``bias_variance`` is the square of the statistical error of that estimate. Both are zero where
    nothing is smoothed. Where a local-linear kernel leans over an edge, a bin with few events can have a mean below
    zero.

    Both estimates are made of the same events, so that a fluctuation upwards looks like a bias downwards: with the
    kernel of Epanechnikov in two dimensions the estimate of the bias has half the error of the mean and a correlation
    of −3/4 with it. No combination of the two is better. Taking the bias off the mean makes its error √2 times as
    large, and hides a fluctuation nowhere: use ``bias`` to see whether there is any (`trusted`), not to correct.

    Parameters
    ----------
    mean, variance, bias, bias_variance, tabulation, covariance
        Numbers of the shape of ``mean``, or that broadcast to it; nan stands for points that were not evaluated.
        Squares of errors, ``variance``, ``bias_variance`` and ``tabulation``, are finite and not negative.
        ``tabulation`` is that of a table (`darkpkg.method.table`). It is no variance of weights, and a likelihood
        leaves it out.
        ``covariance`` is the sum of the covariances of a bin with all others, of any channel. It is zero for
        independent events and where it is not known. Bins share the points of Sobol sequences: a sequence with more
        events of one beam has fewer of the other. In a table they share the error of a rate, and errors of shares
        cancel.

    Raises
    ------
    TypeError, ValueError
        For what is no real number, no square of an error, or of another shape; the error names the field.
    """

    mean: Array
    variance: Array
    bias: Array = None  # type: ignore[assignment]
    bias_variance: Array = None  # type: ignore[assignment]
    tabulation: Array = None  # type: ignore[assignment]
    covariance: Array = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        def numbers(name: str, values: Any) -> Array:
            if name == "mean":
                return real_numbers(name, values, nan=True)[()]
            shape = np.shape(self.mean)
            if values is None and name != "variance":
                return np.zeros(shape)
            array = real_numbers(name, values, *_ENDS.get(name, ()), nan=True)
            if array.shape == shape:
                return array[()]
            try:
                return np.broadcast_to(array, shape)
            except ValueError:
                raise ValueError(f"{name} must have the shape of mean, {shape}, got {array.shape}") from None

        settle(self, **{field.name: numbers for field in fields(self)})

    @property
    def n_effective(self) -> Array:
        """mean²/variance, (Σw)²/Σw² for independent events: as many unweighted events have the same relative error.

        Zero without variance, nan where the mean is.
        """
        none, variance = np.zeros(np.shape(self.mean)), np.asarray(self.variance + self.tabulation)
        return np.divide(np.square(self.mean), variance, out=none, where=~(variance <= 0))

    @property
    def error(self) -> Array:
        """Error of the mean, statistical and of a table."""
        return np.sqrt(self.variance + self.tabulation)

    @property
    def bias_error(self) -> Array:
        """Statistical error of the bias estimate."""
        return np.sqrt(self.bias_variance)

    def trusted(self, n_effective: float = FEW_EVENTS, bias: float = 0.1) -> NDArray[np.bool_]:
        """Where at least ``n_effective`` effective events count, and no bias beyond ``bias`` × mean is found.

        A bias is found where its estimate is that large even two of its errors closer to zero. This is the mask of a
        map: a place where it is false needs more events or another bandwidth.
        """
        n_effective, bias = real_number("n_effective", n_effective), real_number("bias", bias)
        certain = np.maximum(np.abs(self.bias) - 2 * self.bias_error, 0.0)
        return (self.n_effective >= n_effective) & (certain <= bias * np.abs(self.mean))

    def at(self, points: Any) -> Expectation:
        """Those of some points: ``points`` selects along the first axes."""
        return self._map(lambda values: values[points])

    def in_channels(self, analysis: Any) -> Expectation:
        """Sums over the bins of each channel of ``analysis``: shape θ.shape + (channels,).

        Their variances are those of independent bins; what these share is in the covariance, and so in the `total`.
        """
        begins = [analysis.bins_of(channel.name).start for channel in analysis.channels]
        return self._map(lambda values: np.add.reduceat(values, begins, axis=-1))

    def total(self) -> Expectation:
        """The sum over all bins: shape θ.shape.

        Its variance is the sum of all variances and covariances: where replicates make the error (see `generate`),
        that of the sums of replicates. Estimates of the bias add up as if their errors were independent.
        """
        sums = self._map(lambda values: values.sum(axis=-1))
        square = sums.variance + sums.tabulation
        factor = np.maximum(1 + np.divide(sums.covariance, square, out=np.zeros_like(square), where=square > 0), 0.0)
        more = {"variance": sums.variance * factor, "tabulation": sums.tabulation * factor}
        return replace(sums, **more, covariance=0.0 * square)

    def to_pandas(self) -> pd.DataFrame:
        """One row for each number: mean, error, bias, bias_error and n_effective, by its place in the array."""
        import pandas as pd  # here: its import takes longer than most calculations

        index = pd.MultiIndex.from_tuples(list(np.ndindex(np.shape(self.mean)))) if np.ndim(self.mean) > 1 else None
        names = ("mean", "error", "bias", "bias_error", "n_effective")
        return pd.DataFrame({name: np.ravel(getattr(self, name)) for name in names}, index=index)

    def __str__(self) -> str:
        if np.ndim(self.mean) == 0:
            return with_error(float(self.mean), float(self.error))
        words: Any = np.frompyfunc(with_error, 2, 1)(self.mean, self.error)
        return np.array2string(words, separator=", ", threshold=50, formatter={"all": str})

    __repr__ = __str__

    def _map(self, sums: Callable[[Array], Array]) -> Expectation:
        return Expectation(*(sums(getattr(self, field.name)) for field in fields(self)))


def with_error(mean: float, error: float) -> str:
    """Mean and error as the Particle Data Group rounds them: the error to one digit, or two if it begins below 3.55.

    Examples
    --------
    >>> print(with_error(4.7029, 0.0508), with_error(12.3456, 0.123), with_error(21234.0, 1523.0))
    4.70 ± 0.05 12.35 ± 0.12 21200 ± 1500
    """
    if not (np.isfinite(mean) and 0 < error < np.inf):
        return f"{mean:.4g} ± {error:.2g}"
    exponent = int(np.floor(np.log10(error)))
    places = (1 if round(error / 10.0 ** (exponent - 2)) < 355 else 0) - exponent
    if max(abs(mean), error) < 1e-3 or max(abs(mean), error) >= 1e6:  # a power of ten for both
        power = int(np.floor(np.log10(max(abs(mean), error))))
        digits, scale = max(places + power, 0), 10.0**power
        return f"({mean / scale:.{digits}f} ± {error / scale:.{digits}f})e{power:+03d}"
    return f"{round(mean, places):.{max(places, 0)}f} ± {round(error, places):.{max(places, 0)}f}"

"""A likelihood to call, for samplers and minimisers of others. Begin with `PointLikelihood`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darkpkg.experiment.analysis import Analysis
from darkpkg.inference.likelihood import Likelihood, log_likelihood
from darkpkg.inputs import Frozen, check_kinds, real_numbers
from darkpkg.method.estimators import Predicts, check_estimator
from darkpkg.method.mass_kernel import OutsideSampleError
from darkpkg.physics.model import DarkParameters

Array = NDArray[np.float64]

__all__ = ["PointLikelihood"]


@dataclass(frozen=True, eq=False)
class PointLikelihood:
    """ln L of an analysis at any point, as a function of θ or of a vector of its free parameters.

    Parameters
    ----------
    estimator
        `Kernel` or `Transport` of a sample, or your own. A kernel takes some milliseconds for a point, transport of
        events a hundred times longer unless the masses stay.
    analysis
        One, or a sum of several.
    base
        A point, whose other parameters stay.
    bounds
        Lowest and highest value of each free parameter, in the order of the vector: where the prior is not zero.
    likelihood
        What gives ln L of an expectation and the analysis.

    A point that nothing is known of raises `OutsideSampleError` if it is given as θ. In a vector it gives −inf, as
    does a parameter outside of its bounds, so that a sampler turns back there; all else that is wrong raises, a nan
    too. Can be pickled, and called from several processes or threads. Silence `FewEventsWarning` if you need to.

    >>> lnL = PointLikelihood(
    ...     Kernel(sample), ANALYSIS_I, BENCHMARK_B, {"V_muN_sq": (1e-10, 1e-4), "epsilon": (1e-5, 0.1)}
    ... )                                                                         # doctest: +SKIP
    >>> lnL.of_vector([1e-7, 1e-3])                                               # doctest: +SKIP
    -1.27

    A minimiser, in logarithms, and a sampler of the posterior that a prior even in the logarithms has:

    >>> from iminuit import Minuit                                                # doctest: +SKIP
    >>> fit = Minuit(lambda ln_V, ln_e: -lnL.of_vector(np.exp([ln_V, ln_e])), ln_V=-16, ln_e=-7)  # doctest: +SKIP
    >>> fit.errordef = Minuit.LIKELIHOOD                                          # doctest: +SKIP
    >>> fit.limits = np.log(list(lnL.bounds.values()))                            # doctest: +SKIP
    >>> fit.migrad()                                                              # doctest: +SKIP

    >>> import emcee                                                              # doctest: +SKIP
    >>> sampler = emcee.EnsembleSampler(32, 2, lambda x: lnL.of_vector(np.exp(x)))  # doctest: +SKIP
    >>> start = np.log([lnL.from_unit_cube(u) for u in np.random.rand(32, 2)])    # doctest: +SKIP
    >>> sampler.run_mcmc(start, 2000)                                             # doctest: +SKIP
    """

    estimator: Predicts
    analysis: Analysis
    base: DarkParameters
    bounds: Mapping[str, tuple[float, float]]
    likelihood: Likelihood = log_likelihood

    def __post_init__(self) -> None:
        check_estimator(self.estimator, "events")
        check_kinds(
            analysis=(self.analysis, Analysis),
            base=(self.base, DarkParameters),
            bounds=(self.bounds, Mapping),
            likelihood=(self.likelihood, Callable),
        )
        if self.base.shape != ():
            raise ValueError(f"base must be a single point, got shape {self.base.shape}")
        for name, ends in self.bounds.items():
            if name not in self.base.numbers():
                raise ValueError(f"bounds must be of parameters, {', '.join(self.base.numbers())}, got {name!r}")
            low_high = real_numbers(f"bounds of {name}", ends, positive=True)
            if low_high.shape != (2,) or not low_high[0] < low_high[1]:
                raise ValueError(f"bounds of {name} must be a lower and a higher value, got {ends}")
        frozen = {name: (float(low), float(high)) for name, (low, high) in self.bounds.items()}
        object.__setattr__(self, "bounds", Frozen(frozen))

    def __call__(self, theta: DarkParameters) -> Any:
        """ln L at one point, or many: an array of θ's shape."""
        return self.likelihood(self.estimator.events(theta, self.analysis), self.analysis)

    def at(self, x: ArrayLike) -> DarkParameters:
        """The point of a vector of the free parameters, in the order of ``bounds``."""
        return self.base.replace(**dict(zip(self.bounds, self._vector(x).tolist(), strict=True)))

    def of_vector(self, x: ArrayLike) -> float:
        """ln L of a vector of the free parameters; −inf outside of the bounds, or of the sample."""
        vector = self._vector(x)
        if any(not low <= value <= high for value, (low, high) in zip(vector, self.bounds.values(), strict=True)):
            return -np.inf
        try:
            return float(self(self.at(vector)))
        except OutsideSampleError:
            return -np.inf

    def from_unit_cube(self, u: ArrayLike) -> Array:
        """Parameters of a vector of numbers from 0 to 1: even in their logarithms between the bounds.

        The transformation of the prior that nested samplers take.
        """
        low, high = np.array(list(self.bounds.values())).T
        return low * (high / low) ** real_numbers("u", self._vector(u), 0.0, 1.0)

    def _vector(self, x: ArrayLike) -> Array:
        vector = real_numbers("x", x)
        if vector.shape != (len(self.bounds),):
            raise ValueError(f"x must hold {', '.join(self.bounds)}, got an array of shape {vector.shape}")
        return vector

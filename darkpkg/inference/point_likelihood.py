"""A likelihood to call, for samplers and minimisers of others. Begin with `PointLikelihood`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.experiment.analysis import Analysis
from darkpkg.inference.likelihood import Likelihood, log_likelihood, values_of
from darkpkg.inference.slices import increasing
from darkpkg.inputs import Array, Frozen, check_kinds, one_of, real_numbers, settle
from darkpkg.method.interface import Predicts, check_estimator, prediction
from darkpkg.method.predictions import check_point
from darkpkg.method.sampling import OutsideSampleError
from darkpkg.physics.model import DarkParameters


def checked_bounds(name: str, bounds: Any) -> Mapping[str, tuple[float, float]]:
    """Lowest and highest value of parameters by name, both positive. Raises `TypeError`, `ValueError` for others."""
    check_kinds(**{name: (bounds, Mapping)})
    checked = {}
    for parameter, ends in bounds.items():
        low, *others = increasing(f"{name} of {one_of(name, parameter, DarkParameters.numbers())}", ends).tolist()
        if len(others) != 1:
            raise ValueError(f"{name} of {parameter} must be a lower and a higher value, got {ends}")
        checked[parameter] = low, others[0]
    return Frozen(checked)


@dataclass(frozen=True, eq=False)
class PointLikelihood:
    """ln L of an analysis at any point, as a function of θ or of a vector of its free parameters.

    A point outside of the sample raises `OutsideSampleError` if it is given as θ. In a vector it gives −inf, as does
    a parameter outside of its bounds, so that a sampler rejects it; all else that is wrong raises, a nan too. Can be
    pickled, and called from several processes or threads. Silence `FewEventsWarning` if you need to.

    Many vectors at once, (n, d), take less time than one by one: most of the time of a call does not depend on how
    many there are. The rest is in proportion to the events within reach of the kernel: `Events.thinned` makes a
    smaller sample. Transport of events takes a hundred times longer unless the masses stay.

    Parameters
    ----------
    estimator
        `darkpkg.method.estimators.Kernel` or `Transport` of a sample, or your own; None for the table of all rates,
        `load_table`, which is the fastest.
    analysis
        One, or a sum of several.
    base
        A point, whose other parameters stay.
    bounds
        Lowest and highest value of each free parameter, in the order of the vector: where the prior is not zero.
    likelihood
        What gives ln L of an expectation and the analysis.

    Raises
    ------
    TypeError, ValueError
        For arguments of another kind, a base of several points, and bounds that are none.

    Examples
    --------
    >>> import darkpkg as dk
    >>> sample = dk.simulate(dk.SamplingRange.at(0.1, 1.25), 10_000, seed=1)
    >>> bounds = {"V_muN_sq": (1e-10, 1e-4), "epsilon": (1e-5, 0.1)}
    >>> lnL = dk.PointLikelihood(dk.Kernel(sample), dk.ANALYSIS_I, dk.BENCHMARK_B, bounds)
    >>> lnL.of_vector([[1e-9, 1e-3], [1e-5, 1e-3], [1.0, 1e-3]]).round(1)
    array([-0.6, -3.4, -inf])

    A minimiser, iminuit, in the logarithms of the parameters:

    >>> from iminuit import Minuit
    >>> fit = Minuit(lambda ln_V, ln_e: -lnL.of_vector(np.exp([ln_V, ln_e])), ln_V=-16, ln_e=-7)
    >>> fit.errordef, fit.limits = Minuit.LIKELIHOOD, np.log(list(bounds.values()))
    >>> round(-fit.migrad().fval, 2)  # no signal
    -0.59

    A sampler, emcee, all walkers at once, of the posterior that a prior even in the logarithms has:

    >>> import emcee
    >>> sampler = emcee.EnsembleSampler(16, 2, lambda x: lnL.of_vector(np.exp(x)), vectorize=True)
    >>> start = np.log(lnL.from_unit_cube(np.random.default_rng(1).random((16, 2))))
    >>> _ = sampler.run_mcmc(start, 40)
    >>> sampler.get_chain(flat=True).shape
    (640, 2)

    A nested sampler, dynesty, of the same prior, and for the evidence:

    >>> import dynesty
    >>> nested = dynesty.NestedSampler(lnL.of_vector, lnL.from_unit_cube, 2, nlive=50)
    >>> nested.run_nested(dlogz=1, print_progress=False)
    >>> bool(nested.results.logz[-1] < 0)
    True
    """

    estimator: Predicts | None
    analysis: Analysis
    base: DarkParameters
    bounds: Mapping[str, tuple[float, float]]
    likelihood: Likelihood = log_likelihood

    def __post_init__(self) -> None:
        object.__setattr__(self, "estimator", check_estimator(self.estimator, "events"))
        check_point(self.base, "base")
        settle(self, analysis=Analysis, likelihood=(Callable,), bounds=checked_bounds)

    def __call__(self, theta: DarkParameters) -> Array:
        """ln L at one point, or many: an array of θ's shape."""
        check_kinds(theta=(theta, DarkParameters))
        found = prediction(check_estimator(self.estimator), theta, self.analysis, theta.shape)
        return values_of(self.likelihood, found, self.analysis)

    def at(self, x: ArrayLike) -> DarkParameters:
        """The point of a vector of the free parameters, or points of many.

        Parameters
        ----------
        x : array_like
            (d,) in the order of ``bounds`` and the units of `DarkParameters`, or (n, d).

        Returns
        -------
        DarkParameters
            Of shape () or (n,).

        Raises
        ------
        TypeError, ValueError
            For another shape, and what is no number or no point.
        """
        return self.base.replace(**dict(zip(self.bounds, self._vectors("x", x).T, strict=True)))

    def of_vector(self, x: ArrayLike) -> Any:
        """ln L of a vector of the free parameters, or of each of many; −inf outside of bounds or sample.

        Parameters
        ----------
        x : array_like
            As for `at`.

        Returns
        -------
        float or array
            One number, or (n,).

        Raises
        ------
        TypeError, ValueError
            As `at` does.
        """
        vectors, (low, high) = self._vectors("x", x), self._ends()
        within = ((low <= vectors) & (vectors <= high)).all(axis=-1)
        lnL = np.full(within.shape, -np.inf)
        lnL[within] = self._within_bounds(vectors[within])
        return lnL[()]

    def from_unit_cube(self, u: ArrayLike) -> Array:
        """Parameters that are even in their logarithms between the bounds: the prior that nested samplers take.

        Parameters
        ----------
        u : array_like
            Numbers from 0 to 1, (d,) or (n, d).

        Returns
        -------
        array
            Of the same shape, for `of_vector`.

        Raises
        ------
        TypeError, ValueError
            For another shape and other numbers.
        """
        low, high = self._ends()
        return low * (high / low) ** real_numbers("u", self._vectors("u", u), 0.0, 1.0)

    def _within_bounds(self, vectors: Array) -> Array:
        """ln L of vectors (n, d). Where one is outside of the sample, halves of them are tried."""
        if not len(vectors):
            return np.empty(0)
        try:
            return self(self.at(vectors))
        except OutsideSampleError:
            if len(vectors) == 1:
                return np.array([-np.inf])
            return np.concatenate([self._within_bounds(half) for half in np.array_split(vectors, 2)])

    def _ends(self) -> Array:
        return np.array(list(self.bounds.values())).T

    def _vectors(self, name: str, x: ArrayLike) -> Array:
        vectors = real_numbers(name, x)
        if vectors.ndim not in (1, 2) or vectors.shape[-1] != len(self.bounds):
            raise ValueError(f"{name} must hold {', '.join(self.bounds)}, got an array of shape {vectors.shape}")
        return vectors

"""What chapter *posterior* compares chains with: nested sampling by dynesty, and the profile of one parameter.

Begin with `sample_nested`, an independent answer with the evidence; `profile` is what the likelihood alone states.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import dynesty
import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import qmc

from darkpkg.inference.point_likelihood import PointLikelihood
from darkpkg.inference.posterior import Cube, Prior
from darkpkg.inputs import Array, one_of, real_number, real_numbers, whole_number
from darkpkg.streams import random_stream

__all__ = ["Nested", "profile", "sample_nested"]


@dataclass(frozen=True, eq=False)
class Nested:
    """What nested sampling found.

    Parameters
    ----------
    values
        Parameters (draws, d), all with the same weight.
    log_evidence, error
        Logarithm of the mean of L over the prior.
    information
        Of the posterior over the prior, in nats: the information in the data.
    n_likelihoods
        How often ln L was evaluated.
    """

    values: Array
    log_evidence: float
    error: float
    information: float
    n_likelihoods: int


def sample_nested(likelihood: PointLikelihood, *, seed: int = 1, n_live: int = 250, remaining: float = 0.1) -> Nested:
    """Sample the posterior of the same prior by nested sampling, by dynesty (arXiv:1904.02180), with its evidence.

    Parameters
    ----------
    likelihood
        ln L and the bounds of the prior.
    seed, n_live
        Of the random numbers, and points that are kept alive.
    remaining
        ln of the factor by which the evidence may still grow when it ends.

    Raises
    ------
    TypeError, ValueError
        For a seed or a number of points that is none.
    """
    prior, rng = Prior.of(likelihood), random_stream(seed, "posterior", "dynesty")
    n_live = whole_number("n_live", n_live, 2 * len(prior.names))
    sampler = dynesty.NestedSampler(
        likelihood.of_vector, prior.values, len(prior.names), nlive=n_live, rstate=rng, sample="unif"
    )
    with warnings.catch_warnings():
        # Where no point has a signal, the likelihood is as large as it can be, and the same: nothing is left to find.
        warnings.filterwarnings("ignore", "We have reached the plateau in the likelihood")
        sampler.run_nested(dlogz=real_number("remaining", remaining, positive=True), print_progress=False)
    found = sampler.results
    return Nested(
        np.asarray(found.samples_equal(rstate=rng)), float(found.logz[-1]), float(found.logzerr[-1]),
        float(found.information[-1]), int(np.sum(found.ncall)),
    )  # fmt: skip


def profile(
    likelihood: PointLikelihood, name: str, values: ArrayLike, *, n_points: int = 1024, n_polished: int = 3
) -> Array:
    """Largest ln L at each value of one parameter, whatever the others are within their prior.

    The best of a sequence of points, polished along each parameter in turn. It does not depend on the measure of the
    prior, only on its bounds.

    Parameters
    ----------
    likelihood
        As for `sample_nested`.
    name
        The parameter.
    values
        Its values (n,).
    n_points, n_polished
        Of the sequence, and rounds of polishing.

    Returns
    -------
    array
        ln L (n,).
    """
    prior = Prior.of(likelihood)
    i = prior.names.index(one_of("name", name, prior.names))
    lnL = Cube(prior, likelihood)
    start = qmc.Sobol(len(prior.names), rng=random_stream(1, "profile")).random(whole_number("n_points", n_points, 1))
    values = np.atleast_1d(real_numbers("values", values, *likelihood.bounds[name]))
    best = np.empty(len(values))
    for row, value in enumerate(values.tolist()):
        u = _with_one(prior, start, name, value)
        heights = lnL(u)
        for width in 0.5 * 0.25 ** np.arange(n_polished):
            for j in np.flatnonzero(np.arange(len(prior.names)) != i):
                line = np.repeat(u[[heights.argmax()]], 33, axis=0)
                line[:, j] = np.clip(line[:, j] + np.linspace(-width, width, 33), 0, 1)
                u = _with_one(prior, line, name, value)
                heights = lnL(u)
        best[row] = heights.max()
    return best


def _with_one(prior: Prior, u: Array, name: str, value: float) -> Array:
    """Points (n, d) where one parameter has a value; outside of the cube if the prior does not allow it."""
    here = np.array(prior.names) == name
    low, high = (prior.values(np.where(here, end, u))[:, here] for end in (0.0, 1.0))
    return np.where(here, np.round(np.log(value / low) / np.log(high / low), 12), u)  # an end is within

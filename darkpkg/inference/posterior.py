"""Posterior distributions of the parameters, by chains of emcee.

Begin with `sample_chain`, then look at `Chain.autocorrelation_time`, `split_r_hat` and `Chain.values`.

The prior, `Prior`, is even in the logarithm of each parameter between bounds, which is a choice: where the data do
not decide, the posterior is the prior. A nested sampler such as dynesty takes `Prior.values`. Both
samplers come with the extra ``posterior`` of the package.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.datasets import DataIntegrityError, archived, write_archive
from darkpkg.inference.likelihood import name_of
from darkpkg.inference.point_likelihood import PointLikelihood, checked_bounds
from darkpkg.inputs import (
    NOT_NEGATIVE,
    Array,
    Frozen,
    check_kinds,
    of_an_extra,
    real_numbers,
    settle,
    tuple_of,
    whole_number,
)
from darkpkg.streams import random_stream

BOUNDS: Mapping[str, tuple[float, float]] = Frozen({
    "m_N": (5e-3, 1.0), "m_Zprime": (2e-3, 10.0), "alpha_D": (1e-3, 1.0), "epsilon": (1e-5, 1e-1),
    "V_muN_sq": (1e-12, 1e-2), "V_N_sq": (1e-12, 1.0),
})  # fmt: skip
"""All six parameters: the masses of the table of all rates, in GeV, and couplings around those of the benchmarks."""

FORMAT = "darkpkg chain 1"

_CANDIDATES, _ROUNDS = 32, 64
"""Points of the prior for each walker to start from, as many likelihoods as so many steps, and how often at most."""


@dataclass(frozen=True)
class Prior:
    r"""Parameters that are even in their logarithms between bounds, as points of a unit cube.

    N decays at least to the neutrino that it was produced from, and at most with :math:`|V_N| = 1`: by Eq. (11),
    :math:`|V_{\mu N}|^2 \le |V_N|^2 \le 1`. So the lower bound of :math:`|V_N|^2` is :math:`|V_{\mu N}|^2` where that
    is larger, and the logarithm of the lifetime is even between those of Eq. (11).

    Parameters
    ----------
    bounds
        Lowest and highest value of each free parameter, by name.
    V_muN_sq
        Its value if it is not free.

    Raises
    ------
    TypeError, ValueError
        For bounds that are none; and if |V_N|² is free and its upper bound is below a value of |V_μN|².
    """

    bounds: Mapping[str, tuple[float, float]]
    V_muN_sq: float = 0.0

    def __post_init__(self) -> None:
        settle(self, bounds=checked_bounds, V_muN_sq=NOT_NEGATIVE)
        if "V_N_sq" in self.bounds:
            least, most = self.bounds.get("V_muN_sq", (0.0, self.V_muN_sq))[1], self.bounds["V_N_sq"][1]
            if most < least:
                raise ValueError(f"bounds of V_N_sq must reach to those of V_muN_sq, {least:g}, got {most:g}")

    @staticmethod
    def of(likelihood: PointLikelihood) -> Prior:
        """That of the bounds of a likelihood."""
        return Prior(likelihood.bounds, float(likelihood.base.V_muN_sq))

    @property
    def names(self) -> tuple[str, ...]:
        """The free parameters, in order."""
        return tuple(self.bounds)

    def values(self, u: ArrayLike) -> Array:
        """Parameters (..., d) at points of the unit cube (..., d). Raises `ValueError` outside of it."""
        u = real_numbers("u", u, 0.0, 1.0)
        if u.shape[-1:] != (len(self.names),):
            raise ValueError(f"u must hold {', '.join(self.names)}, got an array of shape {u.shape}")
        low, high = self._ends
        values = low * (high / low) ** u
        if "V_N_sq" in self.names:
            i = self.names.index("V_N_sq")
            least = self._least_V_N_sq(values)
            values[..., i] = least * (high[i] / least) ** u[..., i]
        # Rounding must not take a point out of the bounds.
        return np.clip(values, low, high)

    @property
    def _ends(self) -> Array:
        return np.array([self.bounds[name] for name in self.names]).T

    def _least_V_N_sq(self, values: Array) -> Any:
        """Lower bound of |V_N|² at parameters (..., d)."""
        free = values[..., self.names.index("V_muN_sq")] if "V_muN_sq" in self.names else self.V_muN_sq
        return np.maximum(self.bounds["V_N_sq"][0], free)


@dataclass(frozen=True, eq=False)
class Chain:
    """What a sampler drew: steps of an ensemble of walkers.

    Parameters
    ----------
    prior
        What the unit cube stands for.
    u
        Points of the cube, (steps, walkers, d).
    log_likelihood
        ln L, (steps, walkers).
    accepted
        Share of the proposals that were taken.
    generator
        State of the random numbers after the last step, of a Mersenne twister: with it a chain is continued.
    provenance
        Seed, analysis, fixed parameters.
    """

    prior: Prior
    u: Array
    log_likelihood: Array
    accepted: float
    generator: tuple[Any, ...]
    provenance: Mapping[str, Any]

    def values(self, discard: int = 0) -> Array:
        """Parameters (draws, d) of all walkers in the units of `DarkParameters`, without the first steps."""
        return self.prior.values(self._kept(discard).reshape(-1, len(self.prior.names)))

    def autocorrelation_time(self, discard: int = 0) -> Array:
        """Steps that are worth one independent draw, for each parameter: Goodman and Weare, by emcee.

        An estimate from fewer than 50 of its own times is too small, perhaps by a half: compare with the steps kept.
        """
        return np.asarray(of_an_extra("emcee.autocorr", "posterior").integrated_time(self._kept(discard), tol=0))

    def _kept(self, discard: int) -> Array:
        if whole_number("discard", discard, 0) >= len(self.u):
            raise ValueError(f"discard must be below the number of steps, {len(self.u)}, got {discard}")
        return self.u[discard:]


def sample_chain(
    likelihood: PointLikelihood, n_steps: int, *, seed: int = 1, n_walkers: int = 64, after: Chain | None = None
) -> Chain:
    """Sample the posterior with an ensemble of walkers, by emcee (arXiv:1202.3665).

    Walkers start from points of the prior drawn in proportion to the likelihood, up to 2,048 for each of them, which
    leaves less to discard where the posterior is narrow. Their proposals are differences of other walkers,
    differential evolution, for one step in five in full length, which leads from one maximum to another. With stretch
    moves six parameters mix badly, and the snooker moves of emcee 3.1.6 have another limit than the posterior: of a
    Gaussian in two dimensions the variance is a tenth too small.

    Parameters
    ----------
    likelihood
        ln L and the bounds of the `Prior`; that of the table of all rates takes all walkers of a step at once.
    n_steps
        Of each walker.
    seed, n_walkers
        Of a new chain; an even number of walkers, at least twice as many as parameters.
    after
        A chain of the same likelihood to continue: both together are bit for bit what one long chain would be.

    Returns
    -------
    Chain
        All steps, those of ``after`` first.

    Raises
    ------
    ImportError
        Without emcee.
    TypeError, ValueError
        For arguments of another kind, too few walkers, and a chain of another analysis or prior.

    Examples
    --------
    >>> from darkpkg import ANALYSIS_I, BENCHMARK_B
    >>> lnL = PointLikelihood(None, ANALYSIS_I, BENCHMARK_B, {"V_muN_sq": (1e-10, 1e-4), "epsilon": (1e-4, 0.1)})
    >>> chain = sample_chain(lnL, 20, n_walkers=8)
    >>> sample_chain(lnL, 20, after=chain).values(discard=10).shape
    (240, 2)
    """
    emcee = of_an_extra("emcee", "posterior")
    check_kinds(likelihood=(likelihood, PointLikelihood))
    prior, n_steps = Prior.of(likelihood), whole_number("n_steps", n_steps, 1)
    d, heights, before = len(prior.names), Cube(prior, likelihood), [after] if after else []
    about: Mapping[str, Any] = _about(likelihood, whole_number("seed", seed))
    if after is None:
        if whole_number("n_walkers", n_walkers, 2 * d) % 2:
            raise ValueError(f"n_walkers must be even, got {n_walkers}")
        first, keys = (random_stream(seed, "posterior", name) for name in ("walkers", "emcee"))
        twister = ("MT19937", keys.integers(2**32, size=624, dtype=np.uint32), 624, 0, 0.0)
        start = emcee.State(_drawn_from_prior(heights, n_walkers, first), random_state=twister)
    else:
        check_kinds(after=(after, Chain))
        about = after.provenance
        if after.prior != prior or after.prior.names != prior.names or about != _about(likelihood, about["seed"]):
            raise ValueError("after must be a chain of the same prior, analysis, likelihood and fixed parameters")
        n_walkers = after.u.shape[1]
        start = emcee.State(after.u[-1], log_prob=after.log_likelihood[-1], random_state=after.generator)
    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DEMove(gamma0=1.0), 0.2)]
    sampler = emcee.EnsembleSampler(n_walkers, d, heights, moves=moves, vectorize=True)
    last = sampler.run_mcmc(start, n_steps)
    found = sampler.get_chain(), sampler.get_log_prob(), np.mean(sampler.acceptance_fraction)
    u, lnL, shares = zip(*((one.u, one.log_likelihood, one.accepted) for one in before), found, strict=True)
    accepted = float(np.average(shares, weights=[len(steps) for steps in u]))
    return Chain(prior, np.concatenate(u), np.concatenate(lnL), accepted, tuple(last.random_state), about)


def _drawn_from_prior(heights: Cube, n: int, rng: np.random.Generator) -> Array:
    """Points (n, d) of the prior drawn in proportion to the likelihood, without replacement.

    Of so many that they are worth n, by their likelihoods as weights. Of fewer, most points would lie far outside of
    a narrow posterior, and a chain takes hundreds of steps to come back.
    """
    u, lnL = np.empty((0, len(heights.prior.names))), np.empty(0)
    for _ in range(_ROUNDS):
        more = rng.random((_CANDIDATES * n, u.shape[1]))
        u, lnL = np.concatenate([u, more]), np.concatenate([lnL, heights(more)])
        weights = np.exp(lnL - max(lnL.max(), -1e300))
        if weights.sum() ** 2 >= n * (weights**2).sum() > 0:
            break
    # The largest of ln L and noise of Gumbel are drawn so.
    return u[np.argsort(lnL + rng.gumbel(size=len(u)))[-n:]]


@dataclass(frozen=True)
class Cube:
    """ln L at points (n, d) of the space around the unit cube: −inf outside of it."""

    prior: Prior
    likelihood: PointLikelihood

    def __call__(self, u: Array) -> Array:
        inside = ((u >= 0) & (u <= 1)).all(axis=-1)
        lnL = np.full(inside.shape, -np.inf)
        lnL[inside] = self.likelihood.of_vector(self.prior.values(u[inside]))
        return lnL


def _about(likelihood: PointLikelihood, seed: int) -> dict[str, Any]:
    base, analysis = likelihood.base, likelihood.analysis
    fixed = {name: float(getattr(base, name)) for name in base.numbers() if name not in likelihood.bounds}
    counts = {name: np.asarray(getattr(analysis, name)).tolist() for name in ("observed", "background", "systematic")}
    more: dict[str, Any] = {
        name: [list(one) for one in getattr(analysis, name)] for name in ("shared", "shared_signal")
    }
    more |= {"is_majorana": base.is_majorana, "decays": base.decays, "likelihood": name_of(likelihood.likelihood)}
    # Only what is unusual: chains in older files have nothing else.
    unusual = {name: value for name, value in more.items() if value not in ([], False, "all", "log_likelihood")}
    return {"seed": int(seed), "analysis": analysis.name, "fixed": fixed, **counts, **unusual}


def split_r_hat(chains: Sequence[Chain], discard: int = 0) -> Array:
    r"""Do independent chains agree? :math:`\hat R` of their halves, for each parameter; near one if they do.

    .. math:: \hat R^2 = 1 + \frac{\mathrm{Var}(\text{means of the halves})}{\text{mean variance within a half}}

    with all walkers of an ensemble in one, for they are not independent: A. Gelman and D. B. Rubin, Statist. Sci. 7,
    457, for chains as long as they need be.

    Parameters
    ----------
    chains
        Two or more of different seeds.
    discard
        Steps at the beginning of each that do not count.

    Raises
    ------
    ValueError
        For one chain, chains of different parameters or the same seed, and of fewer than two steps.
    """
    chains = tuple_of("chains", chains, Chain)
    if len(chains) < 2 or len({chain.provenance["seed"] for chain in chains}) < len(chains):
        raise ValueError(f"chains must be two or more of seeds of their own, got {len(chains)}")
    if len({chain.prior.names for chain in chains}) > 1:
        raise ValueError("chains must have the same parameters")
    if any(len(chain._kept(discard)) < 2 for chain in chains):
        raise ValueError(f"discard must leave two steps or more of each chain, got {discard}")
    halves = [half for chain in chains for half in np.array_split(chain._kept(discard), 2)]
    halves = [half.reshape(-1, half.shape[-1]) for half in halves]
    between = np.var([half.mean(axis=0) for half in halves], axis=0, ddof=1)
    within = np.mean([half.var(axis=0, ddof=1) for half in halves], axis=0)
    return np.sqrt(1 + between / within)


def write_chain(chain: Chain, path: str | os.PathLike[str]) -> Path:
    """Write a chain to a .npz file, by a temporary name; nothing in it is a pickle.

    Raises `ValueError` for another ending of the path.
    """
    check_kinds(chain=(chain, Chain), path=(path, (str, os.PathLike)))
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"path of a chain must end in .npz, got {path.name}")
    kind, keys, *rest = chain.generator
    header = {
        "format": FORMAT, "bounds": dict(chain.prior.bounds), "V_muN_sq": chain.prior.V_muN_sq,
        "accepted": chain.accepted, "generator": [kind, *rest], "provenance": dict(chain.provenance),
    }  # fmt: skip
    arrays = {"u": chain.u, "log_likelihood": chain.log_likelihood, "generator": np.asarray(keys)}
    write_archive(path, header, arrays)
    return path


def read_chain(path: str | os.PathLike[str]) -> Chain:
    """Read a file that `write_chain` wrote. Raises `DataIntegrityError` for what is none."""
    check_kinds(path=(path, (str, os.PathLike)))
    try:
        header, arrays = archived(path)
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}")
        bounds = {name: (low, high) for name, (low, high) in header["bounds"].items()}
        kind, *rest = header["generator"]
        shape = arrays["log_likelihood"].shape
        if len(shape) != 2 or arrays["u"].shape != (*shape, len(bounds)):
            raise ValueError(f"u of {arrays['u'].shape} must have a point for each ln L, {shape}")
        real_numbers("u", arrays["u"], 0.0, 1.0)
        real_numbers("log_likelihood", arrays["log_likelihood"])
        return Chain(
            Prior(Frozen(bounds), header["V_muN_sq"]), arrays["u"], arrays["log_likelihood"], header["accepted"],
            (kind, arrays["generator"], *rest), header["provenance"],
        )  # fmt: skip
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise DataIntegrityError(f"{path} holds no chain: {error}") from error

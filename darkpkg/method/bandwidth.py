"""Which bandwidth smooths best: wide enough for its statistical error, narrow enough for its bias.

Begin with `choose_bandwidth`; its rule, `asymptotic_factor`, is for any sample.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from darkpkg.experiment.analysis import Analysis
from darkpkg.inputs import check_kinds, whole_number
from darkpkg.method.estimators import Kernel
from darkpkg.method.expectation import Expectation, FewEventsWarning
from darkpkg.method.smoothing import Smoothing
from darkpkg.physics.model import DarkParameters


def choose_bandwidth(
    estimator: Kernel, parameters: DarkParameters, analysis: Analysis, *, per_point: bool = False
) -> Smoothing:
    """The bandwidth of smallest mean squared error for the events of ``analysis`` at ``parameters``.

    The bias that a pilot with twice the bandwidth shows is weighed against its variance (`asymptotic_factor`).

    Parameters
    ----------
    estimator
        Where to begin: its kernel, order and slope stay, and bandwidths from half to eight times its own are tried.
    parameters, analysis
        As in `Kernel.events`; the number that matters is that of all bins together.
    per_point
        Whether each point has its own bandwidth, or all have the same.

    Returns
    -------
    Smoothing
        To be given to `Kernel`; with ``per_point`` it fits these parameters only.

    Raises
    ------
    TypeError, OutsideSampleError
        As `Kernel.events`.
    """
    check_kinds(estimator=(estimator, Kernel), per_point=(per_point, bool))
    pilot = estimator.smoothing.scaled(2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewEventsWarning)
        expectation = Kernel(estimator.sample, pilot).events(parameters, analysis).total()
    return pilot.scaled(asymptotic_factor(expectation, 2, per_point=per_point))


def asymptotic_factor(expectation: Expectation, dim: int, *, per_point: bool = False) -> Any:
    r"""By how much to scale the bandwidth for the smallest mean squared error, from a pilot's bias and variance.

    With bias ∝ h² and variance ∝ h⁻ᵈ the smallest sum of bias² and variance lies at

    .. math:: s = \left(\frac{d\,\sigma^2}{4\,b^2}\right)^{1/(d+4)}

    times the bandwidth: B. W. Silverman, Density Estimation (1986), section 4.3. b² is the square of the bias
    estimate less the variance of that estimate.

    Parameters
    ----------
    expectation
        What the pilot predicts, of any shape.
    dim
        Number of parameters that are smoothed.
    per_point
        Whether each number has its own s, which is as noisy as its bias estimate, or all that of their mean squared
        relative error.

    Returns
    -------
    float or ndarray
        s, between 1/4 and 4. Raises `TypeError` and `ValueError` for arguments of another kind.
    """
    check_kinds(expectation=(expectation, Expectation), per_point=(per_point, bool))
    dim = whole_number("dim", dim, 1)
    scale = np.where(expectation.mean > 0, expectation.mean, np.inf) ** 2
    variance = expectation.variance / scale
    bias_sq = (expectation.bias**2 - expectation.bias_variance) / scale
    if not per_point:
        variance, bias_sq = variance.mean(), bias_sq.mean()
    ratio = np.divide(dim * variance, 4 * bias_sq, out=np.full(np.shape(variance), np.inf), where=bias_sq > 0)
    return np.clip(ratio ** (1 / (dim + 4)), 0.25, 4.0)[()]

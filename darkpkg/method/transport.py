r"""Transport simulated events to other masses, exactly: an estimate at θ from its neighbours without a bias.

Begin with `transport`. Every event has the point u of the unit hypercube that it was made from. The same point
at the masses θ is another event, with momenta of its own, and the ratio of the two integrands is how much more often
it occurs. So each event of the sample is an unbiased estimate of the rate at θ, whatever masses it was simulated
with,

.. math:: \hat f(\theta) = {}& \sum_i \frac{w_i}{q(\theta_i)}\,\frac{K(\theta-\theta_i)}{\int K} \\
          & \times \frac{f(u_i;\theta)}{f(u_i;\theta_i)} ,

and the kernel K only chooses those whose ratio is not far from one. That is the reweighting of matrix elements that
generators do for couplings (O. Mattelaer, Eur. Phys. J. C 76 (2016) 674), carried on to masses by a change of
variables.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from darkpkg.inputs import Array, check, check_kinds
from darkpkg.method.events import Events, PlacedEvents, block_of, by_source, rows_of
from darkpkg.method.flights import chords_through
from darkpkg.method.integrand import DECAY_AXES, Integrand
from darkpkg.method.kernel_estimate import Remembered
from darkpkg.method.loops import rows_within
from darkpkg.method.mass_kernel import check_inside
from darkpkg.method.predictions import check_point
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.smoothing import Smoothing
from darkpkg.method.targets import target
from darkpkg.method.weights import coupling_weight, sampling_range, weight_of_masses
from darkpkg.physics.model import DarkParameters

AnyEvents = TypeVar("AnyEvents", bound=Events)

NEIGHBOURHOOD = Smoothing((0.5, 1.5), order=0, slope=None)
"""Which events are transported, by default. As the estimate has no bias, its width is a matter of variance alone:
wider is more events with more unequal weights."""


def transport(events: AnyEvents, parameters: DarkParameters, neighbourhood: Smoothing = NEIGHBOURHOOD) -> AnyEvents:
    """The events around θ, transported to the masses of θ: a sample as `generate` makes it at fixed masses.

    Parameters
    ----------
    events
        A sample over masses, placed or not.
    parameters
        One point; of its couplings only the kind of N, Dirac or Majorana, must be that of the sample.
    neighbourhood
        Bandwidth and shape of the kernel that picks events; it should be of order 0, so that no weight is negative.

    Returns
    -------
    Events or PlacedEvents
        At fixed masses, for `darkpkg.Kernel` and all other functions. The vertex stays, and the path of N through
        the fiducial volumes is followed anew in its new direction; ``provenance["transported_from"]`` has the
        former masses.

    Raises
    ------
    OutsideSampleError
        If θ lies outside the sampled region.
    ValueError
        If the events lack the point of the hypercube that they were made from, or their origin the flux, nucleus or
        volumes that momenta and paths are made of anew.
    """
    check_kinds(events=(events, Events), neighbourhood=(neighbourhood, Smoothing))
    rows, kernel = _neighbours(events, parameters, neighbourhood)
    kept = {name: rows_of(getattr(events, name), rows) for name in events.columns() if name not in _MADE_ANEW}
    near = events.of_columns(kept, events.origin, events.provenance)
    if not np.isfinite(near.point).all():
        raise ValueError("events must have the point of their generation, as those of darkpkg.generate do")
    factor, changes = _at_masses_of(parameters, near, events, rows)
    changes |= {name: np.full(len(near), float(getattr(parameters, name))) for name in ("m_N", "m_Zprime")}
    if isinstance(near, PlacedEvents):
        if not near.detector.volumes:
            raise ValueError("origin of events must hold the volumes of their detector, as those of darkpkg.place do")
        changes |= chords_through(near.detector.volumes, near.vertex, changes["p_N"])
    sampling = sampling_range(near)
    former = {"m_N": sampling.m_N, "m_Zprime": sampling.m_Zprime, "bandwidth": neighbourhood.bandwidth}
    changes["weight"] = near.weight * kernel * factor
    for name in ("weight", "p_N", "p_electron", "p_positron"):
        check(name, changes[name], "finite", rows)
    at = SamplingRange.at(float(parameters.m_N), float(parameters.m_Zprime))
    return near.of_columns(
        kept | changes, near.origin.replace(sampling=at), {**near.provenance, "transported_from": former}
    )


_MADE_ANEW = ("m_N", "m_Zprime", "p_N", "p_electron", "p_positron", "entry", "exit")
"""Columns that are not read of the events to be transported."""


def _neighbours(
    events: Events, parameters: DarkParameters, neighbourhood: Smoothing
) -> tuple[NDArray[np.int64], Array]:
    """Rows of the events that weigh something, and their `kde_weight`."""
    check_point(parameters)
    coupling_weight(events, parameters)  # an error for another kind of N
    sampling = sampling_range(events)
    check_inside(sampling, parameters.m_N, parameters.m_Zprime)
    reach = np.full(2, np.inf)
    if not sampling.is_fixed:
        reach = np.exp(neighbourhood.kernel.reach * neighbourhood.bandwidths((), 2))
    point = np.array([float(parameters.m_N), float(parameters.m_Zprime)])
    rows = np.empty(len(events), dtype=np.int64)
    rows = rows[: rows_within(events.m_N, events.m_Zprime, tuple(point / reach), tuple(point * reach), rows)]
    masses = np.stack([events.m_N[rows], events.m_Zprime[rows]]).T  # numpy is fast along columns
    weight = weight_of_masses(sampling, masses, parameters, neighbourhood)
    counts = np.flatnonzero(events.weight[rows] * weight)
    return rows[counts], weight[counts]


def _at_masses_of(
    parameters: DarkParameters, events: Events, sample: Events, rows: NDArray[np.int64]
) -> tuple[Array, dict[str, Any]]:
    """The ratio of the integrands (n,) and the momenta (n, 4) by column of the events at the masses of θ.

    They are the ``rows`` of the ``sample``, whose masses they had.
    """
    momenta = {name: np.empty((len(events), 4)) for name in ("p_N", "p_electron", "p_positron")}
    integrands, after, origin = _integrands(sample), np.empty(len(events)), events.origin
    before = integrands[rows]
    for (beam, flavour, code), own in by_source(events):
        about = target(origin.flux(beam, flavour), origin.nucleus(code), origin.form_factor)
        integrand = Integrand(about, sampling_range(events), parameters)
        where = block_of(own)
        u = rows_of(events.point, where)
        new = own[np.isnan(before[where])]
        if new.size:
            own_u, former = rows_of(events.point, new), rows[new]
            before[new], _ = integrand.at_masses(own_u, sample.m_N[former], sample.m_Zprime[former])
        masses = (np.full(len(own), float(mass)) for mass in (parameters.m_N, parameters.m_Zprime))
        after[where], variables = integrand.at_masses(u, *masses)
        into = {name: column[where] for name, column in momenta.items()}  # views of rows that stand together
        for name, values in integrand.momenta(variables, u[:, DECAY_AXES:], into).items():
            momenta[name][where] = values
    integrands[rows] = before
    return np.divide(after, before, out=np.zeros(len(events)), where=before > 0), momenta


_integrands = Remembered(lambda events: np.full(len(events), np.nan), most=1)
"""Those at the masses of each event of a sample, nan as long as they are not known: other masses need them again."""

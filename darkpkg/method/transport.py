r"""Move simulated events to other masses, exactly: an estimate at θ from its neighbours that no kernel bends.

Begin with `transport`. Every event remembers the point u of the unit hypercube that it was made from. The same point
at the masses θ is another event, with momenta of its own, and the ratio of the two integrands is how much more often
it occurs. So each event of the sample is an unbiased estimate of the rate at θ, whatever masses it was simulated
with,

.. math:: \hat f(\theta) = \sum_i \frac{w_i}{q(\theta_i)}\,\frac{K(\theta-\theta_i)}{\int K}\,
          \frac{f(u_i;\theta)}{f(u_i;\theta_i)} ,

and the kernel K only chooses those whose ratio is not far from one. That is the reweighting of matrix elements that
generators do for couplings (O. Mattelaer, Eur. Phys. J. C 76 (2016) 674), carried on to masses by a change of
variables.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.beam import Flux
from darkpkg.inputs import check_kinds
from darkpkg.method.events import Events, PlacedEvents
from darkpkg.method.generator import Integrand
from darkpkg.method.integrand import DECAY_AXES, Target, laboratory_momenta, target
from darkpkg.method.sampling import SamplingRange
from darkpkg.method.smoothing import Smoothing
from darkpkg.method.weights import coupling_weight, kde_weight_of_masses, sampling_range
from darkpkg.physics.kinematics import momentum
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import Nucleus, elements

Array = NDArray[np.float64]

__all__ = ["NEIGHBOURHOOD", "transport"]

NEIGHBOURHOOD = Smoothing((0.5, 1.5), order=0, slope=None)
"""Which events are moved, by default. As the estimate has no bias, its width is a matter of variance alone: wider is
more events with more unequal weights."""


AnyEvents = TypeVar("AnyEvents", bound=Events)


def transport(
    events: AnyEvents,
    parameters: DarkParameters,
    neighbourhood: Smoothing = NEIGHBOURHOOD,
) -> AnyEvents:
    """The events around θ, moved to the masses of θ: a sample as `generate` makes it at fixed masses.

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
        the fiducial volumes is followed anew in its new direction; ``provenance["moved"]`` says from where.

    Raises `ValueError` if θ lies outside the sampled region or the events do not remember how they were made.
    """
    check_kinds(
        events=(events, Events), parameters=(parameters, DarkParameters), neighbourhood=(neighbourhood, Smoothing)
    )
    sampling = sampling_range(events)
    if parameters.shape != ():
        raise ValueError(f"parameters must be a single point, got shape {parameters.shape}")
    if not np.isfinite(events.point).all():
        raise ValueError("events must remember the point that made them, as those of darkpkg.generate do")
    coupling_weight(events, parameters)  # refuses another kind of N
    _check_remembered(events)
    near = _within_reach(events, parameters, neighbourhood)
    masses = np.stack([events.m_N[near], events.m_Zprime[near]], axis=-1)
    weight = events.weight[near] * kde_weight_of_masses(sampling, masses, parameters, neighbourhood)
    counts = np.flatnonzero(weight)
    near, masses, weight = near[counts], masses[counts], weight[counts]
    m_N, m_Zprime = (np.full(len(near), float(mass)) for mass in (parameters.m_N, parameters.m_Zprime))
    momenta = [np.empty((len(near), 4)) for _ in range(3)]
    columns = dict(zip(("p_N", "p_electron", "p_positron"), momenta, strict=True))
    columns |= {"weight": weight, "m_N": m_N, "m_Zprime": m_Zprime}
    # What stays; the rest is made anew.
    point, beam, target, flavour = (getattr(events, name)[near] for name in ("point", "beam", "target", "flavour"))
    nuclei = _nuclei()
    for name, code, neutrino in sorted(set(zip(beam.tolist(), target.tolist(), flavour.tolist(), strict=True))):
        own = np.flatnonzero((beam == name) & (target == code) & (flavour == neutrino))
        about = _target(events.origin.flux(name, neutrino), nuclei[code], events.origin.form_factor)
        integrand = Integrand(about, sampling, parameters)
        u = np.ascontiguousarray(point[own, :DECAY_AXES])
        before, _ = integrand.at_masses(u, *masses[own].T.copy())
        after, variables = integrand.at_masses(u, m_N[own], m_Zprime[own])
        weight[own] *= np.divide(after, before, out=np.zeros(len(own)), where=before > 0)
        laboratory = [np.empty((len(own), 4)) for _ in momenta]
        laboratory_momenta(variables, point[own, DECAY_AXES:], about, *laboratory)
        for all_of_them, ours in zip(momenta, laboratory, strict=True):
            all_of_them[own] = ours
    columns |= {"point": point, "beam": beam, "target": target, "flavour": flavour}
    if isinstance(events, PlacedEvents):
        columns["vertex"] = events.vertex[near]
        columns |= _paths(events, columns["vertex"], momenta[0])
    columns |= {name: getattr(events, name)[near] for name in events.columns() if name not in columns}
    at = SamplingRange.at(float(parameters.m_N), float(parameters.m_Zprime))
    moved = {"m_N": sampling.m_N, "m_Zprime": sampling.m_Zprime, "bandwidth": neighbourhood.bandwidth}
    return dataclasses.replace(
        events,
        **columns,
        origin=events.origin.replace(sampling=at),
        provenance={**events.provenance, "moved": moved},
    )


def _check_remembered(events: Events) -> None:
    """Raise `ValueError` unless all is known that momenta and paths are made of anew."""
    for code in np.unique(events.target).tolist():
        if code not in _nuclei():
            raise ValueError(f"target must be a nucleus of darkpkg, one of {sorted(_nuclei())}, got {code}")
    if isinstance(events, PlacedEvents) and not events.detector.volumes:
        raise ValueError("origin of events must hold the volumes of their detector, as those of darkpkg.place do")


@functools.cache
def _nuclei() -> dict[int, Nucleus]:
    return {element.nucleus.pdg_code: element.nucleus for element in elements().values()}


@functools.cache
def _target(flux: Flux, nucleus: Nucleus, form_factor: str) -> Target:
    """The tables of a flux and nucleus, kept, as a plane asks for them at each of its masses."""
    return target(flux, nucleus, form_factor)


def _within_reach(events: Events, parameters: DarkParameters, neighbourhood: Smoothing) -> NDArray[np.int64]:
    """Events in the box around the kernel, or all of a sample at fixed masses: the others weigh nothing."""
    if sampling_range(events).is_fixed:
        return np.arange(len(events))
    reach = np.exp(neighbourhood.kernel.reach * neighbourhood.bandwidths((), 2))
    inside = np.ones(len(events), dtype=bool)
    for mass, centre, factor in (
        (events.m_N, parameters.m_N, reach[0]),
        (events.m_Zprime, parameters.m_Zprime, reach[1]),
    ):
        inside &= (mass >= centre / factor) & (mass <= centre * factor)
    return np.flatnonzero(inside)


def _paths(events: PlacedEvents, vertex: Array, p_N: Array) -> dict[str, Array]:
    """Where N with momenta ``p_N`` enters and leaves each fiducial volume of ``events``, from its vertex."""
    direction = p_N[:, 1:] / momentum(p_N)[:, None]
    chords = [volume.chord(vertex, direction) for volume in events.detector.volumes]
    return {"entry": np.stack([a for a, _ in chords], axis=1), "exit": np.stack([b for _, b in chords], axis=1)}

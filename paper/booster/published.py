"""MiniBooNE at points of the model, also as the public program of arXiv:2308.02543 has it. Begin with `predict`.

Each known difference of that program is an option (`Differences`), off by default, so that its numbers can be found
again and what each changes be seen.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.volumes import Sphere
from darkpkg.inputs import one_of, real_number
from darkpkg.method.estimators import Kernel
from darkpkg.method.events import PlacedEvents
from darkpkg.method.expectation import Expectation
from darkpkg.method.weights import produced_weight
from darkpkg.physics.decay import angular_correlation
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import PROTON
from darkpkg.physics.nucleons import NUCLEON_MASS, BoundNucleons
from darkpkg.physics.scattering import elastic_cross_section, neutrino_energy, polarisation_degree
from darkpkg.simulation import simulate
from darkpkg.units import m
from paper.booster import counts
from paper.booster.beams import MUON_FLAVOURS, linear_ratio
from paper.booster.miniboone import (
    EARTH_TOO_LIGHT,
    FINE_STRUCTURE_RATIO,
    NONE,
    Differences,
    analysis,
    experiment,
    of_earth,
    selection,
)
from paper.booster.ring import Ring, constants, is_one_ring, smeared

Array = NDArray[np.float64]

POINT = ("m_N", "m_Zprime", "epsilon", "U_mu4")
"""Columns of a file of points; masses in GeV."""

N_EVENTS, SEED = 2**13, 2308
"""Neutrinos of each point."""

VERTICES = 16
"""For each neutrino: few of those in half a kilometre of earth have a path of N through the tank."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """Electron-like events of neutrino mode at a point: mean and error of 11 bins, and χ² of 19 bins."""

    mean: Array
    error: Array
    total: float
    total_error: float
    chi_squared: float


def parameters(m_N: float, m_Zprime: float, epsilon: float, U_mu4: float) -> DarkParameters:
    """The point of arXiv:2308.02543: α_D = 1/π and V_μN = V_N = U_μ4/2."""
    mixing = (real_number("U_mu4", U_mu4, 0.0, 1.0, positive=True) / 2) ** 2
    return DarkParameters(
        m_N=real_number("m_N", m_N, positive=True),
        m_Zprime=real_number("m_Zprime", m_Zprime, positive=True),
        alpha_D=1 / np.pi,
        epsilon=real_number("epsilon", epsilon, positive=True),
        V_muN_sq=mixing,
        V_N_sq=mixing,
    )


def simulated(theta: DarkParameters, n_events: int = N_EVENTS, seed: int = SEED) -> PlacedEvents:
    """Events of neutrino mode at one point θ: a Sobol sequence, on nuclei, hydrogen and single nucleons."""
    beam = {"neutrino": MUON_FLAVOURS["neutrino"]}
    return simulate(
        theta, n_events, seed, experiment=experiment(beam), hydrogen=True, nucleons=True, vertices=VERTICES
    )


def predict(theta: DarkParameters, sample: PlacedEvents, differences: Differences = NONE) -> Prediction:
    """Electron-like events at one point θ.

    Parameters
    ----------
    theta
        One point, such as `parameters` makes.
    sample
        Events at its masses, as `simulated` makes them. Predictions of one sample have their errors in common.
    differences
        What to do as the public program does.

    Returns
    -------
    Prediction
    """
    if differences.larger_charge:
        theta = theta.replace(epsilon=theta.epsilon * FINE_STRUCTURE_RATIO**0.5)
    if differences.electrons_only:
        theta = theta.replace(decays="paper")
    estimate = Kernel(reweighted(sample, differences))
    found = estimate.events(theta, analysis(["neutrino"], differences))
    if differences.every_energy_counted:
        found = _as_many_as(estimate.events(theta, _of_every_energy(differences)), found)
    total = found.total()
    chi_sq = counts.likelihood(["neutrino"]).chi_squared(np.maximum(found.mean, 0.0))
    return Prediction(
        found.mean, np.sqrt(found.variance), float(total.mean), float(total.variance**0.5), float(chi_sq)
    )


def _of_every_energy(differences: Differences) -> Analysis:
    """The first and the last bin hold all energies beyond them."""
    edges = (-_BEYOND, *selection(differences).edges[1:-1], _BEYOND)
    return analysis(["neutrino"], differences, edges=edges, energy_range=(-_BEYOND, _BEYOND))


_BEYOND = 1000.0
"""GeV. E_ν^QE has no bound, and is below zero for energetic pairs that go backwards."""


def _as_many_as(every: Expectation, found: Expectation) -> Expectation:
    """The bins of ``found`` scaled to the number of events of ``every``."""
    total = found.mean.sum()
    factor = every.mean.sum() / total if total > 0 else 1.0
    return Expectation(factor * found.mean, factor**2 * found.variance)


def best_factor(mean: ArrayLike, error: ArrayLike = 0.0, modes: Sequence[str] = ("neutrino",)) -> tuple[float, float]:
    """The factor, for all 11 electron-like bins of each mode alike, with the least χ² of 19 bins a mode, and this χ².

    For N that decays at once, events go with the square of U_μ4 and nothing else.
    """
    mean, error = np.broadcast_arrays(np.maximum(mean, 0.0), error)
    own = counts.likelihood(modes)
    unit = 400 / mean.sum()

    def chi_squared(log_factor: float) -> float:
        factor = unit * np.exp(log_factor)
        return float(own.chi_squared(factor * mean, (factor * error) ** 2))

    found = optimize.minimize_scalar(chi_squared, bounds=(-5.0, 4.0), method="bounded")
    return float(unit * np.exp(found.x)), float(found.fun)


def every_ring(theta: DarkParameters, sample: PlacedEvents, criterion: str = "circle1") -> Array:
    """Events in the 11 bins of neutrino mode if all pairs of one ring in the fiducial volume were selected.

    For N that decay at once, which are those made in the oil. ``criterion`` is one of
    `CRITERIA <paper.booster.ring.CRITERIA>`, or ``"none"`` to count all pairs.
    """
    found = smeared(sample)
    chosen = ~of_earth(sample)
    if criterion != "none":
        chosen &= is_one_ring(found, criterion)
    within = (constants()["fiducial_radius"] / constants()["tank_radius"]) ** 3
    weight = within * produced_weight(sample, theta, analysis(["neutrino"]))
    energy = Ring.of(found).neutrino_energy
    return np.histogram(energy[chosen], counts.edges(), weights=weight[chosen])[0]


def table(
    points: pd.DataFrame, differences: Differences = NONE, n_events: int = N_EVENTS, seed: int = SEED
) -> pd.DataFrame:
    """The columns `POINT` of some points, with events, their error, the 11 bins and χ² of each.

    Raises `ValueError` that names a column that is missing, or the row of a number that cannot be.
    """
    missing = [name for name in POINT if name not in points]
    if missing:
        raise ValueError(f"points must have the columns {', '.join(POINT)}, got {', '.join(points)}")
    rows = []
    for i, row in enumerate(points[list(POINT)].to_dict("records"), start=1):
        try:
            theta = parameters(**row)
        except (TypeError, ValueError) as error:
            raise ValueError(f"row {i} of points: {error}") from None
        one = predict(theta, simulated(theta, n_events, seed), differences)
        bins = {f"bin_{b}": value for b, value in enumerate(one.mean.tolist(), start=1)}
        rows.append({**row, "events": one.total, "error": one.total_error, **bins, "chi_squared": one.chi_squared})
    return pd.DataFrame(rows)


def differences(names: Sequence[str]) -> Differences:
    """Those of these names on, or of ``all``. Raises `ValueError` for another name."""
    known = [one.name for one in dataclasses.fields(Differences)]
    for name in names:
        one_of("difference", name, [*known, "all"])
    return Differences.all() if "all" in names else Differences(**dict.fromkeys(names, True))


def read_points(path: str | os.PathLike[str]) -> pd.DataFrame:
    """A file of points, CSV with the columns `POINT`. Raises `ValueError` that names file and column."""
    try:
        points = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: must be a table of points, got {error}") from None
    if missing := [name for name in POINT if name not in points]:
        raise ValueError(f"{path}: must have the columns {', '.join(POINT)}, lacks {', '.join(missing)}")
    if not len(points):
        raise ValueError(f"{path}: must hold at least one point, got none")
    return points


def reweighted(sample: PlacedEvents, differences: Differences = NONE) -> PlacedEvents:
    """A sample with other weights, for those of the ``differences`` that are of nuclei, flux, earth and decay.

    The others are of the selection and of the point.
    """
    ratios: dict[str, Callable[[PlacedEvents], Array]] = {
        "fiducial_counted_twice": _oil_within_barrier,
        "free_protons": free_proton_ratio,
        "muon_neutrinos_only": _linear_flux_of_muon_neutrinos,
        "reversed_Zprime": reversed_ratio,
        "light_earth": _light_earth,
    }
    asked = [ratio for name, ratio in ratios.items() if getattr(differences, name)]
    if not asked:
        return sample
    weight = sample.weight
    for ratio in asked:
        weight = weight * ratio(sample)
    return dataclasses.replace(sample, weight=weight)


def _light_earth(events: PlacedEvents) -> Array:
    return np.where(of_earth(events), 1 / EARTH_TOO_LIGHT, 1.0)


def _oil_within_barrier(events: PlacedEvents) -> Array:
    """All oil of the tank within the optical barrier."""
    one = constants()
    within = Sphere((0.0, 0.0, one["distance"] * m), one["barrier_radius"]).contains(events.vertex)
    denser = (one["tank_radius"] / one["barrier_radius"]) ** 3
    return np.where(of_earth(events), 1.0, np.where(within, denser, 0.0))


def _linear_flux_of_muon_neutrinos(events: PlacedEvents) -> Array:
    ratio = np.zeros(len(events))
    for code in np.unique(events.target).tolist():
        own = (events.target == code) & (events.flavour == 14)
        E_nu, _ = _scattering(events, own, events.origin.nucleus(code).mass)
        ratio[own] = linear_ratio(events.origin.flux("neutrino", 14), E_nu)
    return ratio


def free_proton_ratio(events: PlacedEvents) -> Array:
    """For events on bound nucleons, dσ/dQ² of as many free protons and no neutrons over that of all: (n,)."""
    ratio = np.ones(len(events))
    for code in np.unique(events.target[events.target % 10 == 1]).tolist():
        own = events.target == code
        nucleons = events.origin.nucleus(code)
        assert isinstance(nucleons, BoundNucleons)
        E_nu, Q2 = _scattering(events, own, NUCLEON_MASS)
        at = E_nu, Q2, events.m_N[own], events.m_Zprime[own], NUCLEON_MASS
        free = (np.sqrt(nucleons.Z) * one for one in PROTON.amplitudes(Q2, events.origin.form_factor))
        bound = nucleons.amplitudes(Q2, events.origin.form_factor)
        sigma = elastic_cross_section(*at, *bound)
        ratio[own] = np.divide(elastic_cross_section(*at, *free), sigma, out=np.zeros(len(Q2)), where=sigma > 0)
    return ratio


def reversed_ratio(events: PlacedEvents) -> Array:
    """The distribution of angles 1 + a cos θ_Z over the true one, for a light Z′; one for a heavy Z′: (n,)."""
    ratio = np.ones(len(events))
    r = (events.m_Zprime / events.m_N) ** 2
    a = (1 - 2 * r) / (1 + 2 * r)
    cos_Z, cos_e, phi_e = 2 * events.point[:, 3] - 1, 2 * events.point[:, 4] - 1, 2 * np.pi * events.point[:, 5]
    light = events.m_Zprime < events.m_N
    degree = _polarisation(events)
    s, cos_Z, cos_e, phi_e, m_N = (one[light] for one in (events.m_Zprime**2, cos_Z, cos_e, phi_e, events.m_N))
    truth = angular_correlation(s, cos_Z, cos_e, phi_e, m_N, polarisation=degree[light])
    ratio[light] = np.divide(1 + a[light] * cos_Z, truth, out=np.zeros(light.sum()), where=truth > 0)
    return ratio


def _polarisation(events: PlacedEvents) -> Array:
    """Degree of polarisation of N: one on nuclei without spin."""
    degree = np.ones(len(events))
    for code in np.unique(events.target).tolist():
        nucleus = events.origin.nucleus(code)
        own = events.target == code
        E_nu, Q2 = _scattering(events, own, nucleus.mass)
        charge, magnetic = nucleus.amplitudes(Q2, events.origin.form_factor)
        if np.any(magnetic):
            degree[own] = polarisation_degree(E_nu, Q2, events.m_N[own], nucleus.mass, charge, magnetic)
    return degree


def _scattering(events: PlacedEvents, own: NDArray[np.bool_], mass: float) -> tuple[Array, Array]:
    """Neutrino energy in GeV and Q² in GeV² of some events on nuclei of this mass."""
    E_nu = neutrino_energy(events.p_N[own], events.m_N[own], mass)
    return E_nu, np.maximum(2 * mass * (E_nu - events.p_N[own, 0]), 0.0)

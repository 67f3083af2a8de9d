"""Events in the format of event generators, HepMC3, with the run information of NuHepMC: `write_hepmc`.

Events of darkpkg are weighted, and N has no single place of decay in them: each place has a probability. Other
programs need one decay for each event, which is drawn here from the lifetimes of N and of a light dark photon.
"""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path
from typing import Any

import numpy as np

from darkpkg.experiment.analysis import Analysis
from darkpkg.inputs import Array, check_kinds, of_an_extra, whole_number
from darkpkg.method.events import PlacedEvents
from darkpkg.method.predictions import check_point
from darkpkg.method.weights import check_placed, produced_weight
from darkpkg.outputs import complete_or_not_at_all
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.scattering import neutrino_energy
from darkpkg.streams import random_stream

HEAVY_NEUTRINO, DARK_PHOTON, ELECTRON = 9900014, 32, 11
"""Numbers of the particle data group's scheme: a heavy neutrino beside ν_μ, and a Z′."""

PROCESS = 900
"""Number of the process, from those that NuHepMC leaves to others."""

_MM = 10.0
"""In a centimetre."""

_PRIMARY, _DECAY = 1, 3
_OUTGOING, _DECAYED, _BEAM, _TARGET = 1, 2, 4, 20


def write_hepmc(
    events: PlacedEvents, path: str | os.PathLike[str], parameters: DarkParameters, analysis: Analysis, seed: int = 1
) -> Path:
    r"""Write events at one point as HepMC3: :math:`\nu + A \to N + A` at the vertex in the detector, and its decay.

    The weight of an event is the number of N that are produced in the exposure of ``analysis``, wherever they decay;
    their decay is drawn, so that a program that selects decays in a volume needs no further weight. A light dark
    photon flies, too, and decays where it is drawn to. Momenta are in GeV, lengths in mm, the beam along z. Struck
    nucleons of a nucleus are at rest, as in the generator.

    Parameters
    ----------
    events
        Of the masses of the point, such as those of ``simulate(point, …)``.
    path
        The file, by a temporary name; ``.hepmc3`` is usual.
    parameters
        One point θ: lifetimes and weights.
    analysis
        Exposures.
    seed
        Of the decays.

    Returns
    -------
    Path
        The same as given.

    Raises
    ------
    ImportError
        Without pyhepmc.
    TypeError, ValueError
        For other events, as `darkpkg.produced_weight`, and masses that are not those of the point.
    """
    hepmc = of_an_extra("pyhepmc", "exports")
    check_placed("events", events)
    check_point(parameters)
    check_kinds(path=(path, (str, os.PathLike)), analysis=(analysis, Analysis))
    if not (np.all(events.m_N == parameters.m_N) and np.all(events.m_Zprime == parameters.m_Zprime)):
        raise ValueError(f"events must have the masses of the point: simulate {parameters.m_N:g} GeV")
    columns = _columns(events, parameters, whole_number("seed", seed, 0))
    weight = produced_weight(events, parameters, analysis)
    run = _run_information(hepmc)
    path = Path(path)
    with complete_or_not_at_all(path) as partial, hepmc.open(str(partial), "w", format="hepmc3") as file:
        for i in range(len(events)):
            file.write(_event(hepmc, run, i, {name: values[i] for name, values in columns.items()}, weight[i]))
    return path


def _columns(events: PlacedEvents, parameters: DarkParameters, seed: int) -> dict[str, Array]:
    """Four-momenta (n, 4) and places (n, 4) in mm, x, y, z and ct, of all that an event has."""
    rng = random_stream(seed, "decays for HepMC")
    mass = np.zeros(len(events))
    for code in np.unique(events.target).tolist():
        mass[events.target == code] = events.origin.nucleus(code).mass
    N, zero = events.p_N, np.zeros(len(events))
    E_nu = neutrino_energy(N, parameters.m_N, mass)
    p_nu, target = np.stack([E_nu, zero, zero, E_nu], axis=1), np.stack([mass, zero, zero, zero], axis=1)
    pair: Array = events.p_electron + events.p_positron
    vertex: Array = np.column_stack([events.vertex, zero]) * _MM
    decay: Array = vertex + _flight(N, parameters.m_N, parameters.proper_decay_length(), rng)
    of_Z: Array = decay + _flight(pair, parameters.m_Zprime, parameters.mediator_decay_length(), rng)
    return {
        "p_nu": p_nu, "target": target, "N": N, "recoil": p_nu + target - N, "daughter": N - pair, "pair": pair,
        "electron": events.p_electron, "positron": events.p_positron, "vertex": vertex, "decay": decay, "of_Z": of_Z,
        "codes": np.stack([events.flavour, events.target, events.m_Zprime < events.m_N], axis=1),
    }  # fmt: skip


def _flight(p: Array, mass: Any, proper_length: Any, rng: np.random.Generator) -> Array:
    """Path (n, 4) in mm up to a decay that is drawn: x, y, z and ct."""
    over_mass = rng.exponential(float(proper_length), len(p)) / mass * _MM if proper_length > 0 else np.zeros(len(p))
    path: Array = np.column_stack([p[:, 1:], p[:, 0]]) * over_mass[:, None]
    return path


def _run_information(hepmc: Any) -> Any:
    run = hepmc.GenRunInfo()
    run.tools = [("darkpkg", importlib.metadata.version("darkpkg"), "dark neutrinos in near detectors")]
    run.weight_names = ["CV"]
    run.attributes = {
        "NuHepMC.Version.Major": 1,
        "NuHepMC.Version.Minor": 0,
        "NuHepMC.Version.Patch": 0,
        "NuHepMC.ProcessIDs": [PROCESS],
        f"NuHepMC.ProcessInfo[{PROCESS}].Name": "upscattering",
        f"NuHepMC.ProcessInfo[{PROCESS}].Description": "nu A to N A through a dark photon",
        "NuHepMC.VertexStatusIDs": [_PRIMARY, _DECAY],
        f"NuHepMC.VertexStatusInfo[{_PRIMARY}].Name": "primary",
        f"NuHepMC.VertexStatusInfo[{_PRIMARY}].Description": "upscattering in the detector",
        f"NuHepMC.VertexStatusInfo[{_DECAY}].Name": "decay",
        f"NuHepMC.VertexStatusInfo[{_DECAY}].Description": "decay in flight, at a place that is drawn",
        "NuHepMC.ParticleStatusIDs": [_OUTGOING, _DECAYED, _BEAM, _TARGET],
        **{
            f"NuHepMC.ParticleStatusInfo[{status}].{field}": text
            for status, text in ((_OUTGOING, "outgoing"), (_DECAYED, "decayed"), (_BEAM, "beam"), (_TARGET, "target"))
            for field in ("Name", "Description")
        },
    }
    return run


def _event(hepmc: Any, run: Any, number: int, row: dict[str, Any], weight: float) -> Any:
    flavour, nucleus, has_mediator = (int(code) for code in row["codes"])
    event = hepmc.GenEvent(run, hepmc.Units.GEV, hepmc.Units.MM)
    event.event_number = number

    def particle(name: str, code: int, status: int) -> Any:
        E, x, y, z = row[name]
        return hepmc.GenParticle((x, y, z, E), code, status)

    def vertex(name: str, status: int, incoming: list[Any], outgoing: list[Any]) -> Any:
        one = hepmc.GenVertex(tuple(row[name]))
        one.status = status
        for p in incoming:
            one.add_particle_in(p)
        for p in outgoing:
            one.add_particle_out(p)
        event.add_vertex(one)

    sign = 1 if flavour > 0 else -1
    N = particle("N", sign * HEAVY_NEUTRINO, _DECAYED)
    struck, daughter = particle("recoil", nucleus // 10 * 10, _OUTGOING), particle("daughter", flavour, _OUTGOING)
    pair = [particle("electron", ELECTRON, _OUTGOING), particle("positron", -ELECTRON, _OUTGOING)]
    incoming = [particle("p_nu", flavour, _BEAM), particle("target", nucleus // 10 * 10, _TARGET)]
    vertex("vertex", _PRIMARY, incoming, [N, struck])
    if has_mediator:
        mediator = particle("pair", DARK_PHOTON, _DECAYED)
        vertex("decay", _DECAY, [N], [daughter, mediator])
        vertex("of_Z", _DECAY, [mediator], pair)
    else:
        vertex("decay", _DECAY, [N], [daughter, *pair])
    event.weights = [float(weight)]
    event.attributes = {"signal_process_id": PROCESS, "lab_pos": [float(x) for x in row["vertex"]]}
    return event

"""Where N is produced in a detector, and its straight flight through it. Begin with `place`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from darkpkg.experiment.detector import Detector
from darkpkg.inputs import check, check_kinds, real_number
from darkpkg.method.events import BEAMS, Events, PlacedEvents
from darkpkg.physics.kinematics import momentum
from darkpkg.streams import random_stream

Array = NDArray[np.float64]

__all__ = ["place"]


def place(
    events: Events, detector: Detector, seed: int, *, emphasis: Mapping[str, float] | None = None
) -> PlacedEvents:
    """Give each event a vertex in the detector and follow N on a straight line through the decay volumes.

    An event on some nucleus falls into a module in proportion to the number of such nuclei there, and uniformly
    within it. ``emphasis`` puts so many times more events into some modules, by name, with weights that are smaller
    by as much: a light module then has events enough beside heavy ones. The paths are followed through all fiducial
    boxes; a selection takes those that it needs. Each beam and nucleus has its own random numbers. Raises
    `ValueError` for a target that the detector lacks, or for N without a direction of flight.
    """
    check_kinds(events=(events, Events), detector=(detector, Detector))
    length = momentum(events.p_N)
    check("momentum of N", length, "above 1e-100 GeV")
    emphasis = {} if emphasis is None else emphasis
    factors = _emphasis(detector, emphasis)
    symbols = {nucleus.pdg_code: symbol for symbol, nucleus in detector.nuclei.items()}
    # Whatever is left as it is here is refused as a column.
    vertex, uniform = np.full((len(events), 3), np.nan), np.full((len(events), 4), np.nan)
    weight = events.weight.copy()
    module = np.full(len(events), "", dtype=f"U{max(len(m.name) for m in detector.modules)}")
    for code in np.unique(events.target).tolist():
        if code not in symbols:
            raise ValueError(f"target must be a nucleus of {detector.name}, one of {symbols}, got {code}")
        nuclei = np.array([m.number_of_nuclei(symbols[code]) for m in detector.modules])
        share = np.cumsum(nuclei * factors)
        weight_in = share[-1] / nuclei.sum() / factors
        for beam in BEAMS:
            chosen = np.flatnonzero((events.target == code) & (events.beam == beam))
            random = random_stream(seed, "place", beam, code).random((len(chosen), 4))
            uniform[chosen] = random_stream(seed, "response", beam, code).random((len(chosen), 4))
            index = np.searchsorted(share / share[-1], random[:, 3], side="right")
            for i in np.unique(index):
                here = index == i
                vertex[chosen[here]] = detector.modules[i].active.uniform(random[here, :3])
                module[chosen[here]] = detector.modules[i].name
                if emphasis:
                    weight[chosen[here]] *= weight_in[i]
    direction = events.p_N[:, 1:] / length[:, None]
    boxes = detector.fiducial_volumes
    entry, leave = np.zeros((len(events), len(boxes))), np.zeros((len(events), len(boxes)))
    for column, box in enumerate(boxes.values()):
        entry[:, column], leave[:, column] = box.chord(vertex, direction)
    counts = {str(code): detector.number_of_nuclei(symbol) for code, symbol in symbols.items()}
    placed = {
        "name": detector.name,
        "seed": int(seed),
        "modules": [m.name for m in detector.modules],
        "fiducial_modules": list(boxes),
        "fiducial_boxes": [box.description for box in boxes.values()],
        "targets": counts,
    }
    if emphasis:
        placed["emphasis"] = {name: float(factor) for name, factor in emphasis.items()}
    columns = {field.name: getattr(events, field.name) for field in dataclasses.fields(Events)}
    columns |= {"weight": weight, "provenance": {**events.provenance, "detector": placed}}
    return PlacedEvents(**columns, vertex=vertex, module=module, entry=entry, exit=leave, uniform=uniform)


def _emphasis(detector: Detector, emphasis: Mapping[str, float]) -> Array:
    """The factor of each module, one by default."""
    check_kinds(emphasis=(emphasis, Mapping))
    names = [module.name for module in detector.modules]
    unknown = [name for name in emphasis if name not in names]
    if unknown:
        raise ValueError(f"emphasis must name modules of {detector.name}, {', '.join(names)}, got {unknown[0]!r}")
    return np.array([real_number(f"emphasis of {name}", emphasis.get(name, 1.0), 1e-6, 1e6) for name in names])

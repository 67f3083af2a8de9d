"""Where events come from: what weights compute with, besides the events themselves.

Begin with `Origin`. Events of another generator need ``Origin(sampling, couplings)``: the masses that they were made
at, or in between, and the couplings that their weights are for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from darkpkg.experiment.beam import Beam, Flux
from darkpkg.experiment.detector import Detector
from darkpkg.experiment.volumes import Volume
from darkpkg.inputs import Frozen, one_of, real_number, rule, settle, tuple_of, whole_number
from darkpkg.method.sampling import SamplingRange
from darkpkg.physics.model import DarkParameters
from darkpkg.physics.nuclei import FORM_FACTORS, Nucleus, elements
from darkpkg.physics.nucleons import BoundNucleons

__all__ = ["SEQUENCES", "Origin", "Site"]

SEQUENCES = ("random", "sobol")
"""How points are drawn: independently, or as scrambled Sobol sequences."""


@dataclass(frozen=True)
class Site:
    """What is needed of the detector that events were placed in.

    Parameters
    ----------
    name
        Of the detector.
    fiducial_modules
        Names of the modules with a fiducial volume, in the order of the columns of ``entry`` and ``exit``.
    targets
        Numbers of nuclei by PDG code.
    modules
        Names of all modules.
    volumes
        The fiducial volumes, if known: N is followed anew through them when events are transported.
    emphasis
        How many times more events a module has than in proportion to its nuclei, by name.
    """

    name: str
    fiducial_modules: tuple[str, ...]
    targets: Mapping[int, float]
    modules: tuple[str, ...] = ()
    volumes: tuple[Volume, ...] = ()
    emphasis: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        words = rule(tuple_of, str)
        settle(self, name=str, targets=Mapping, emphasis=Mapping, modules=words, fiducial_modules=words)
        settle(self, volumes=rule(tuple_of, Volume))
        targets = {}
        for code, number in self.targets.items():
            whole_number("PDG code in targets", code)
            targets[int(code)] = real_number(f"targets of {code}", number, 0.0, 1e100)
        object.__setattr__(self, "targets", Frozen(targets))
        emphasis = {name: real_number(f"emphasis of {name}", x, positive=True) for name, x in self.emphasis.items()}
        object.__setattr__(self, "emphasis", Frozen(emphasis))
        if len(self.volumes) not in (0, len(self.fiducial_modules)):
            modules = list(self.fiducial_modules)
            raise ValueError(f"volumes must be one for each of fiducial_modules, {modules}, got {len(self.volumes)}")

    @classmethod
    def of(cls, detector: Detector, emphasis: Mapping[str, float] | None = None) -> Site:
        """The site that a detector is."""
        volumes = detector.fiducial_volumes
        counts = {nucleus.pdg_code: detector.number_of_nuclei(symbol) for symbol, nucleus in detector.nuclei.items()}
        names = tuple(module.name for module in detector.modules)
        return cls(detector.name, tuple(volumes), counts, names, tuple(volumes.values()), emphasis or {})


@dataclass(frozen=True)
class Origin:
    """How events were made, as far as weights and estimates depend on it.

    Parameters
    ----------
    sampling
        Region of masses, or fixed masses. Without it no rate can be predicted from the events.
    couplings
        Couplings that the weights are for, and the kind of N, Dirac or Majorana; its masses do not matter. The
        weights of electron neutrinos are those for |V_eN|² = |V_μN|².
    beams
        Beams with their fluxes. Without them events are reweighted, but not transported.
    form_factor
        Model of the charge form factor.
    sequence
        ``"sobol"`` if events of equal ``replicate`` belong to the same Sobol sequence: the spread of replicates then
        gives the error.
    replicates
        Number of Sobol sequences, of which a selection of events may have fewer; 16 if not given, as files had that
        do not name it. Independent events are one.
    detector
        What is needed of the detector, for events with a vertex.
    nuclei
        Nuclei that the events upscattered on, where they are not those of the table of elements.
    """

    sampling: SamplingRange | None = None
    couplings: DarkParameters | None = None
    beams: tuple[Beam, ...] = ()
    form_factor: str = "fourier-bessel"
    sequence: str = "random"
    detector: Site | None = None
    nuclei: tuple[Nucleus, ...] = ()
    replicates: int = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        settle(self, sampling=(SamplingRange, None), couplings=(DarkParameters, None), detector=(Site, None))
        settle(self, beams=rule(tuple_of, Beam), nuclei=rule(tuple_of, Nucleus))
        if self.couplings is not None and self.couplings.shape != ():
            raise ValueError(f"couplings must be a single point, got shape {self.couplings.shape}")
        one_of("sequence", self.sequence, SEQUENCES)
        one_of("form_factor", self.form_factor, FORM_FACTORS)
        alone = self.sequence == "random"
        given = (1 if alone else 16) if self.replicates is None else self.replicates
        object.__setattr__(self, "replicates", whole_number("replicates", given, 1, 1 if alone else None))

    def flux(self, beam: str, flavour: int) -> Flux:
        """The flux of a flavour of one of ``beams``. Raises `ValueError` that names what is not known."""
        for one in self.beams:
            if one.name == beam and flavour in one.fluxes:
                return one.fluxes[flavour]
        raise ValueError(f"origin of events must hold the flux of beam {beam}, flavour {flavour}")

    def nucleus(self, code: int) -> Nucleus:
        """The nucleus with this PDG code, of ``nuclei`` or of the table of elements, or its nucleons.

        Raises `ValueError` for another.
        """
        for one in (*self.nuclei, *(element.nucleus for element in elements().values())):
            if one.pdg_code == code:
                return one
            if one.pdg_code == code - 1:
                return BoundNucleons.of(one)
        raise ValueError(f"origin of events must hold the nucleus {code}")

    def stream(self, beam: str, flavour: int) -> tuple[str | int, ...]:
        """Name of the random numbers of a flavour: of the main one, or of a muon neutrino, just that of the beam."""
        main = next((next(iter(one.fluxes)) for one in self.beams if one.name == beam), 14)
        return (beam,) if flavour == main else (beam, flavour)

    def replace(self, **changes: Any) -> Origin:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)


def encoded(value: Any) -> Any:
    """A value of dataclasses, mappings, tuples, arrays, numbers and words in terms of JSON."""
    if dataclasses.is_dataclass(value):
        fields = {f.name: encoded(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__} | fields
    if isinstance(value, Mapping):
        return {"type": "dict", "items": [[encoded(key), encoded(item)] for key, item in value.items()]}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [encoded(item) for item in value] if isinstance(value, tuple | list) else value


def decoded(value: Any) -> Any:
    """The value that `encoded` wrote, checked as any other. Raises `ValueError` or `TypeError` for what is none."""
    if isinstance(value, list):
        return tuple(map(decoded, value))
    if not isinstance(value, dict):
        return value
    known = (Origin, SamplingRange, DarkParameters, Beam, Flux, Site, Nucleus, *Volume.__subclasses__())
    kinds: dict[str, Any] = {"dict": lambda items: dict(items)} | {kind.__name__: kind for kind in known}
    fields = {name: decoded(item) for name, item in value.items() if name != "type"}
    if value.get("type") not in kinds:
        raise ValueError(f"type must be one of {', '.join(kinds)}, got {value.get('type')!r}")
    return kinds[value["type"]](**fields)

"""Beams, detector and analyses together. Begin with `T2K`, or build an `Experiment` of your own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from darkpkg import datasets
from darkpkg.experiment import analysis, detector
from darkpkg.experiment.analysis import Analysis
from darkpkg.experiment.beam import Beam, Flux
from darkpkg.experiment.detector import Detector
from darkpkg.inputs import Frozen, check_kinds, named, one_of, rule, settle, tuple_of
from darkpkg.units import MeV


@dataclass(frozen=True)
class Experiment:
    """What `generate` and `simulate` simulate: neutrinos of some beams in a detector, and what was measured there.

    Parameters
    ----------
    name
        For errors and the provenance of events.
    beams
        One or more, with names of their own.
    detector
        Where they upscatter.
    analyses
        By any name; each of their channels names one of ``beams``. Modules of theirs that ``detector`` does not have
        are an error where events are counted.

    Raises
    ------
    TypeError, ValueError
        That names what is missing or there twice.

    Examples
    --------
    >>> T2K.replace(detector=ND280_TRACKER).detector.name
    'ND280 tracker'
    """

    name: str
    beams: tuple[Beam, ...]
    detector: Detector
    analyses: Mapping[str, Analysis] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settle(self, name=str, detector=Detector, analyses=Mapping, beams=rule(tuple_of, Beam))
        names = [beam.name for beam in self.beams]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"beams of {self.name} must have names of their own, got {names}")
        object.__setattr__(self, "analyses", Frozen(self.analyses))
        for one in self.analyses.values():
            check_kinds(analyses=(one, Analysis))
            for channel in one.channels:
                one_of(f"beam of channel {channel.name}", channel.beam, names)

    def __getitem__(self, beam: str) -> Beam:
        """The beam of that name. Raises `KeyError` that names those there are."""
        return named(self.beams, "beam", beam, self.name)

    def replace(self, **changes: Any) -> Experiment:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)


_COLUMNS = {14: "numu", -14: "numubar", 12: "nue", -12: "nuebar"}


def _t2k(name: str, flavours: Mapping[str, tuple[int, ...]]) -> Experiment:
    """T2K's densities are those per 50 MeV and 1e21 POT, also in wider bins."""
    beams = []
    for beam, codes in flavours.items():
        datasets.verify(f"flux/nd280_{beam.lower()}")
        path = datasets.path(f"flux/nd280_{beam.lower()}")
        column = {code: Flux.from_file(path, pot=1e21, per=50 * MeV, column=_COLUMNS[code]) for code in codes}
        beams.append(Beam(beam, column))
    return Experiment(name, tuple(beams), detector.ND280, {"I": analysis.ANALYSIS_I, "II": analysis.ANALYSIS_II})


T2K: Experiment
"""T2K's near detector as in the paper: muon neutrinos in FHC and muon antineutrinos in RHC (public flux of 2016)."""

T2K_ALL_FLAVOURS: Experiment
"""The same with the wrong sign and with electron neutrinos, of which |V_eN|² makes N."""

__getattr__ = datasets.when_needed(
    globals(),
    T2K=lambda: _t2k("T2K", {"FHC": (14,), "RHC": (-14,)}),
    T2K_ALL_FLAVOURS=lambda: _t2k("T2K, all flavours", {"FHC": (14, -14, 12, -12), "RHC": (-14, 14, -12, 12)}),
)

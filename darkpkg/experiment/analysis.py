"""What was measured: exposures, backgrounds, observed counts, and how events are selected.

Begin with `ANALYSIS_I`, the search for e⁺e⁻ pairs in the argon of the TPCs, and `ANALYSIS_II`, the photon-like sample
of FGD1. They add up: ``ANALYSIS_I + ANALYSIS_II`` is an analysis. `project` says what more data would do, and `load`
reads an experiment of your own.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray

from darkpkg import datasets
from darkpkg.experiment import detector as detectors
from darkpkg.experiment import response
from darkpkg.experiment.detector import Detector
from darkpkg.experiment.flux import BEAMS
from darkpkg.experiment.selection import Cuts, Selection
from darkpkg.inputs import check_kinds, one_of, real_number, real_numbers, small_text, tuple_of
from darkpkg.units import MeV

Array = NDArray[np.float64]

__all__ = ["ANALYSIS_I", "ANALYSIS_II", "Analysis", "Channel", "load", "project"]


@dataclass(frozen=True)
class Channel:
    """A histogram of counts in one beam; a counting experiment has one bin.

    ``pot`` is the exposure in protons on target, ``background`` and ``observed`` hold one number for each bin,
    ``systematic`` is the relative uncertainty of the total expectation, and ``selection`` says how an event gets in.
    """

    name: str
    beam: str
    pot: float
    background: tuple[float, ...]
    observed: tuple[float, ...]
    systematic: float
    selection: Selection

    def __post_init__(self) -> None:
        check_kinds(name=(self.name, str), selection=(self.selection, Selection))
        one_of(f"beam of channel {self.name}", self.beam, BEAMS)
        object.__setattr__(self, "pot", real_number(f"pot of channel {self.name}", self.pot, positive=True))
        systematic = real_number(f"systematic of channel {self.name}", self.systematic, 0.0, np.finfo(float).max)
        object.__setattr__(self, "systematic", systematic)
        bins = self.selection.n_bins
        for name in ("background", "observed"):
            counts = real_numbers(f"{name} of channel {self.name}", getattr(self, name), 0.0, np.finfo(float).max)
            if counts.shape != (bins,):
                raise ValueError(f"{name} of channel {self.name} must have {bins} bins, got {counts.shape}")
            object.__setattr__(self, name, tuple(counts.tolist()))


@dataclass(frozen=True)
class Analysis:
    """Channels whose likelihoods multiply. ``caveat`` is what its users must be told."""

    name: str
    channels: tuple[Channel, ...]
    caveat: str = ""

    def __post_init__(self) -> None:
        check_kinds(name=(self.name, str), caveat=(self.caveat, str))
        object.__setattr__(self, "channels", tuple_of("channels", self.channels, Channel))
        names = [channel.name for channel in self.channels]
        if not names:
            raise ValueError(f"channels of {self.name} must be at least one channel, got none")
        if len(set(names)) < len(names):
            raise ValueError(f"channels of {self.name} need names of their own, got {names}")
        unnamed = [dataclasses.replace(channel, name="") for channel in self.channels]
        for i, channel in enumerate(unnamed):
            if channel in unnamed[:i]:
                first = names[unnamed.index(channel)]
                raise ValueError(f"{self.name} counts the same data twice, as {first} and as {names[i]}")

    def __add__(self, other: Analysis) -> Analysis:
        """The channels of both; where names collide they get that of their analysis."""
        if not isinstance(other, Analysis):
            return NotImplemented
        taken = {channel.name for channel in self.channels} & {channel.name for channel in other.channels}
        channels = tuple(
            dataclasses.replace(c, name=f"{analysis.name} {c.name}") if taken else c
            for analysis in (self, other)
            for c in analysis.channels
        )
        caveats = dict.fromkeys(text for text in (self.caveat, other.caveat) if text)
        return Analysis(f"{self.name} + {other.name}", channels, " ".join(caveats))

    @property
    def selection(self) -> Selection:
        """The selection of all channels. Raises `ValueError` if they do not share one."""
        if len({channel.selection for channel in self.channels}) > 1:
            raise ValueError(f"channels of {self.name} have selections of their own: take that of a channel")
        return self.channels[0].selection

    def with_selection(self, **changes: Any) -> Analysis:
        """The same with some fields of the selection of every channel changed.

        >>> ANALYSIS_I.with_selection(efficiency=0.2).selection.efficiency
        0.2
        """
        return dataclasses.replace(
            self,
            channels=tuple(
                dataclasses.replace(c, selection=dataclasses.replace(c.selection, **changes)) for c in self.channels
            ),
        )

    @property
    def background(self) -> Array:
        """Expected background of every bin of every channel, in order."""
        return np.concatenate([channel.background for channel in self.channels])

    @property
    def observed(self) -> Array:
        """Observed counts of every bin of every channel, in order."""
        return np.concatenate([channel.observed for channel in self.channels]).astype(float)

    @property
    def systematic(self) -> Array:
        """Relative systematic uncertainty of every bin of every channel, in order."""
        return np.concatenate([np.full(len(channel.observed), channel.systematic) for channel in self.channels])

    def bins_of(self, channel: str) -> slice:
        """Where the bins of a channel stand among all bins. Raises `KeyError` that says which channels there are."""
        begin = 0
        for candidate in self.channels:
            if candidate.name == channel:
                return slice(begin, begin + len(candidate.observed))
            begin += len(candidate.observed)
        raise KeyError(f"{self.name} has no channel {channel!r}, only {', '.join(c.name for c in self.channels)}")


ARGON_CHAMBERS = ("TPC1", "TPC2", "TPC3")

_TPC_PAIRS = Selection(decay_modules=ARGON_CHAMBERS, efficiency=0.10, cuts=Cuts())

ANALYSIS_I = Analysis(
    "Analysis I",
    (
        Channel("FHC", "FHC", 12.34e20, background=(0.563,), observed=(0,), systematic=0.20, selection=_TPC_PAIRS),
        Channel("RHC", "RHC", 6.29e20, background=(0.015,), observed=(0,), systematic=0.20, selection=_TPC_PAIRS),
    ),
)
"""Search for decays N → ν e⁺e⁻ in the TPCs: T2K, Phys. Rev. D 100, 052006 (2019), arXiv:1902.07598, as recast in
Section III B of arXiv:2205.12273, with its 10 % efficiency beyond the cuts."""


def _photon_channel(beam: str, pot: float, systematic: float) -> Channel:
    table = datasets.read(f"analysis/fgd1_photons_{beam.lower()}")
    edges = np.append(table.m_ee_low, table.m_ee_high.iloc[-1]) * MeV
    selection = Selection(("FGD1",), 0.10, None, ("FGD1",), tuple(edges.tolist()), response.FGD_RESPONSE)
    return Channel(beam, beam, pot, tuple(table.expected), tuple(table.observed.astype(float)), systematic, selection)


def _analysis_II() -> Analysis:
    return Analysis(
        "Analysis II",
        (_photon_channel("FHC", 11.92e20, 0.23), _photon_channel("RHC", 6.29e20, 0.21)),
        caveat="T2K published the response of FGD1 for qualitative comparison only: the selection efficiency is not "
        "included, and correlations of momentum and angle are neglected.",
    )


ANALYSIS_II: Analysis
"""Photon-like control sample of the ν_e measurement in FGD1: T2K, J. High Energ. Phys. 10 (2020) 114, recast as in
Section III C of arXiv:2205.12273. N is made and decays in the fiducial volume of FGD1; 10 % are reconstructed, 30 %
for each lepton; the mass of the pair is smeared and put into 20 bins of 10 MeV. The last has no upper end, in signal,
background and data alike. Its ``caveat`` must stand beside every use."""

__getattr__ = datasets.when_needed(globals(), ANALYSIS_II=_analysis_II)


PHASE_I_POT = 4e21
"""Protons on target that T2K had collected: Section III B of arXiv:2205.12273."""

UPGRADE_POT = 16e21
"""Protons on target expected with the upgraded ND280: Section III B of arXiv:2205.12273."""


def project(
    analysis: Analysis,
    pot: float | Mapping[str, float] | None = None,
    *,
    detector: Detector | None = None,
    today: Detector | None = None,
    decay_modules: Sequence[str] | None = None,
    vertex_modules: Sequence[str] | None = None,
    target_ratio: float | None = None,
    signal: ArrayLike = 0.0,
    asimov: bool = False,
    name: str | None = None,
) -> Analysis:
    """The analysis with more data, perhaps in another detector than that of ``today``, and what it would count.

    Signal and background scale alike: both with the exposure and with the size of the detector, the signal because
    it is computed from events placed there, the background by ``target_ratio``.

    Parameters
    ----------
    pot
        Exposure in protons on target: one number is shared among the beams as in ``analysis``; a mapping gives one
        to each beam. The default is `PHASE_I_POT`, and `UPGRADE_POT` with another detector.
    detector
        Another detector, such as `ND280_UPGRADE`; by default the one of ``today``, which is `ND280` by default.
    decay_modules
        Where decays are looked for. By default where ``analysis`` does, in another detector in all fiducial boxes of
        the same material: argon for Analysis I, plastic for Analysis II. Channels with selections of their own must
        be projected one analysis at a time if modules are named.
    vertex_modules
        Where N must be made. By default anywhere if ``analysis`` does not ask, and in ``decay_modules`` if it does,
        or in another detector: the paper looks at upscattering in argon only. An empty tuple admits any vertex.
    target_ratio
        Background per proton over that of today. By default the ratio of the fiducial masses of the decay modules.
    signal
        Expected signal μ in each bin in the projected data, as an array over all bins; zero if none is assumed.
    asimov
        Take b + μ for the observed counts. The default is the rule of the paper, ``int(b + μ)``.
    name
        Name of the projected analysis; by default that of ``analysis`` with the exposure.

    Returns
    -------
    Analysis
        With the projected counts as ``observed``. Cuts, efficiency, response, spectrum of the beam and relative
        systematic uncertainty stay as they are.

    >>> [float(n) for n in project(ANALYSIS_I).background.round(3)]
    [1.209, 0.032]
    >>> project(ANALYSIS_I, detector=ND280_UPGRADE).selection.decay_modules
    ('HATPC-top', 'HATPC-bottom', 'TPC1', 'TPC2', 'TPC3')
    """
    today = detectors.ND280 if today is None else today
    check_kinds(
        analysis=(analysis, Analysis),
        detector=(detector, (Detector, type(None))),
        today=(today, Detector),
        asimov=(asimov, bool),
        name=(name, (str, type(None))),
    )
    if target_ratio is not None:
        target_ratio = real_number("target_ratio", target_ratio, positive=True)
    if pot is None:
        pot = PHASE_I_POT if detector is None else UPGRADE_POT
    if decay_modules is not None or vertex_modules is not None:
        _ = analysis.selection  # one for all channels, or there is no saying which of them is meant
    share = _shared(analysis, pot)
    signal = real_numbers("signal", signal, 0.0, 1e60)
    if signal.shape not in ((), analysis.observed.shape):
        raise ValueError(f"signal must be one number or {analysis.observed.size} of them, got shape {signal.shape}")
    signal = np.broadcast_to(signal, analysis.observed.shape)
    channels = []
    for channel in analysis.channels:
        selection = _elsewhere(channel.selection, detector, today, decay_modules, vertex_modules)
        ratio = target_ratio
        if ratio is None:
            ratio = _fiducial_mass(detector or today, selection) / _fiducial_mass(today, channel.selection)
        background = share[channel.beam] / channel.pot * ratio * np.array(channel.background)
        expected = background + signal[analysis.bins_of(channel.name)]
        channels.append(
            dataclasses.replace(
                channel,
                pot=share[channel.beam],
                background=tuple(background.tolist()),
                observed=tuple((expected if asimov else np.floor(expected)).tolist()),
                selection=selection,
            )
        )
    name = name or f"{analysis.name}, {sum(share.values()):.3g} POT"
    return Analysis(name, tuple(channels), analysis.caveat)


def _shared(analysis: Analysis, pot: float | Mapping[str, float]) -> Mapping[str, float]:
    """Exposure of each beam."""
    now: dict[str, float] = {}
    for channel in analysis.channels:
        if now.setdefault(channel.beam, channel.pot) != channel.pot and not isinstance(pot, Mapping):
            raise ValueError(f"channels of {analysis.name} differ in exposure in {channel.beam}: give pot by beam")
    if not isinstance(pot, Mapping):
        pot = real_number("pot", pot, 1e-60, 1e60)
    share = pot if isinstance(pot, Mapping) else {beam: pot * own / sum(now.values()) for beam, own in now.items()}
    for beam, exposure in share.items():
        real_number(f"pot in {beam}", exposure, positive=True)
    if set(share) != set(now):
        raise ValueError(f"pot must be given for the beams {list(now)}, got {list(share)}")
    return share


def _elsewhere(
    selection: Selection,
    detector: Detector | None,
    today: Detector,
    decay_modules: Sequence[str] | None,
    vertex_modules: Sequence[str] | None,
) -> Selection:
    """The selection with the modules of another detector, or with those that were asked for."""
    if decay_modules is not None:
        decay_modules = tuple_of("decay_modules", decay_modules, str)
    if vertex_modules is not None:
        vertex_modules = tuple_of("vertex_modules", vertex_modules, str)
    check_modules(today, selection)
    if detector is not None:
        materials = {today[name].material for name in selection.decay_modules}
        alike = tuple(name for name in detector.fiducial_boxes if detector[name].material in materials)
        if decay_modules is None and not alike:
            raise ValueError(
                f"{detector.name} has no fiducial box of {', '.join(sorted(materials))}: name decay_modules"
            )
        decay_modules = alike if decay_modules is None else decay_modules
    if vertex_modules is None and (detector is not None or selection.vertex_modules):
        vertex_modules = decay_modules
    modules = {"decay_modules": decay_modules, "vertex_modules": vertex_modules}
    elsewhere = dataclasses.replace(selection, **{key: v for key, v in modules.items() if v is not None})
    check_modules(detector or today, elsewhere)
    return elsewhere


def check_modules(detector: Detector, selection: Selection) -> None:
    """Raise `ValueError` that names a module of ``selection`` without a fiducial box in ``detector``."""
    known = tuple(detector.fiducial_boxes)
    for field in ("decay_modules", "vertex_modules"):
        for name in getattr(selection, field):
            if name not in known:
                raise ValueError(
                    f"{field} must be of {detector.name} and have a fiducial box, as {', '.join(known)} do, "
                    f"got {name!r}"
                )


def _fiducial_mass(detector: Detector, selection: Selection) -> float:
    return sum(detector[name].fiducial_mass for name in selection.decay_modules)


LARGEST_FILE = 100_000
"""Bytes of a YAML file; the example has a thousand."""

DEEPEST = 10
"""Levels of a YAML file; the schema has five."""


class _Loader(yaml.SafeLoader):
    """Safe, a key counts once, and 1e21 is a number: YAML 1.1 wants it written 1.0e+21.

    Anchors are refused, since a few lines of aliases within aliases grow beyond all memory, and deep nesting.
    """

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        if getattr(event, "anchor", None) is not None:
            self._refuse("no anchors and aliases are needed here", event)
        if self._depth > DEEPEST:
            self._refuse(f"nested more than {DEEPEST} deep", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse("a key must be a word", key_node)
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                self._refuse(f"{key} is given twice", node)
            keys.add(key)
        return super().construct_mapping(node, deep)

    def _refuse(self, why: str, at: Any) -> NoReturn:
        raise yaml.constructor.ConstructorError(None, None, why, at.start_mark)


# YAML 1.1 reads 010 as eight, 1:30 as ninety and 2020-10-10 as a date: here they are texts, which the schema refuses.
_NUMBERS = {
    "tag:yaml.org,2002:int": r"^[-+]?(0|[1-9]\d*)$",
    "tag:yaml.org,2002:float": r"^[-+]?((\d+\.\d*|\.\d+)([eE][-+]?\d+)?|\d+[eE][-+]?\d+)$",
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag not in (*_NUMBERS, "tag:yaml.org,2002:timestamp")]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in _NUMBERS.items():
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list("-+0123456789."))


def load(path: str | os.PathLike[str]) -> Analysis:
    """An analysis of your own, from a small YAML file.

    ``data/analysis/example.yaml`` shows all that it may hold, ``data/analysis/schema.json`` is its schema. Raises
    `ValueError` that names the file, the place in it, the value and the rule; also for what is no ordinary file, is
    larger than `LARGEST_FILE`, deeper than `DEEPEST`, or has anchors.
    """
    import jsonschema  # here: few read a file, and the import takes a while

    path = Path(path)
    text = small_text(path, LARGEST_FILE)
    try:
        content = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no readable YAML: {' '.join(str(error).split())[:300]}") from error
    schema = datasets.document("analysis/schema.json")
    validator = jsonschema.Draft202012Validator(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(content))
    if error is not None:
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path).lstrip(".")
        raise ValueError(f"{path}, {place or 'whole file'}: {error.message[:300]}")
    try:
        channels = tuple(_channel(content["selection"], **channel) for channel in content["channels"])
        return Analysis(content["name"], channels, content.get("caveat", ""))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path}: {error}") from error


def _channel(selection: Mapping[str, Any], **fields: Any) -> Channel:
    cuts, mass_edges = selection.get("cuts"), selection.get("mass_edges", [])
    chosen = Selection(
        decay_modules=tuple(selection["decay_modules"]),
        efficiency=selection.get("efficiency", 1.0),
        cuts=None if cuts is None else Cuts(**cuts),
        vertex_modules=tuple(selection.get("vertex_modules", ())),
        mass_edges=tuple(mass_edges),
    )
    counts = {
        name: tuple(np.atleast_1d(np.array(fields.pop(name), dtype=float)).tolist())
        for name in ("background", "observed")
    }
    return Channel(**{**fields, "pot": float(fields["pot"])}, **counts, selection=chosen)

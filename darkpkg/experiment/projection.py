"""What more data would do, perhaps in another detector. Begin with `project`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from darkpkg.experiment import detector as detectors
from darkpkg.experiment.analysis import Analysis, check_modules
from darkpkg.experiment.detector import Detector
from darkpkg.experiment.selection import Selection
from darkpkg.inputs import check_kinds, real_number

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
    Returns
    -------
    Analysis
        Named after its exposure. ``observed`` are the counts of the paper's rule without signal, ``int(b)``; others,
        such as ``int(b + μ)``, are set by `Analysis.with_observed`. Cuts, efficiency, response, spectrum of the beam
        and relative systematic uncertainty stay as they are.

    >>> [float(n) for n in project(ANALYSIS_I).background.round(3)]
    [1.209, 0.032]
    >>> project(ANALYSIS_I, detector=ND280_UPGRADE).selection.decay_modules
    ('HATPC-top', 'HATPC-bottom', 'TPC1', 'TPC2', 'TPC3')
    """
    today = detectors.ND280 if today is None else today
    check_kinds(analysis=(analysis, Analysis), detector=(detector, (Detector, type(None))), today=(today, Detector))
    if target_ratio is not None:
        target_ratio = real_number("target_ratio", target_ratio, positive=True)
    if pot is None:
        pot = PHASE_I_POT if detector is None else UPGRADE_POT
    if decay_modules is not None or vertex_modules is not None:
        _ = analysis.selection  # one for all channels, or there is no saying which of them is meant
    share = _shared(analysis, pot)
    channels = []
    for channel in analysis.channels:
        selection = _elsewhere(channel.selection, detector, today, decay_modules, vertex_modules)
        ratio = target_ratio
        if ratio is None:
            ratio = _fiducial_mass(detector or today, selection) / _fiducial_mass(today, channel.selection)
        background = share[channel.beam] / channel.pot * ratio * np.array(channel.background)
        changes = {"pot": share[channel.beam], "selection": selection, "background": tuple(background.tolist())}
        channels.append(dataclasses.replace(channel, **changes, observed=tuple(np.floor(background).tolist())))
    name = f"{analysis.name}, {sum(share.values()):.3g} POT"
    return Analysis(name, tuple(channels), analysis.caveat, analysis.shared)


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
    check_modules(today, selection)
    if detector is not None:
        materials = {today[name].material for name in selection.decay_modules}
        alike = tuple(name for name in detector.fiducial_volumes if detector[name].material in materials)
        if decay_modules is None and not alike:
            raise ValueError(f"decay_modules must be named: {detector.name} has none of {sorted(materials)}")
        decay_modules = alike if decay_modules is None else decay_modules
    if vertex_modules is None and (detector is not None or selection.vertex_modules):
        vertex_modules = decay_modules
    modules = {"decay_modules": decay_modules, "vertex_modules": vertex_modules}
    elsewhere = dataclasses.replace(selection, **{key: v for key, v in modules.items() if v is not None})
    check_modules(detector or today, elsewhere)
    return elsewhere


def _fiducial_mass(detector: Detector, selection: Selection) -> float:
    return sum(detector[name].fiducial_mass for name in selection.decay_modules)

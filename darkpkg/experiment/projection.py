"""What more data would do, perhaps in another detector. Begin with `project`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

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
    decay_modules: Sequence[str] | None = None,
    vertex_modules: Sequence[str] | None = None,
    target_ratio: float | None = None,
) -> Analysis:
    """The analysis with more data, perhaps in another detector than `ND280`, and what it would count.

    Signal and background scale alike: both with the exposure and with the size of the detector, the signal because
    it is computed from events placed there, the background by ``target_ratio``.

    Parameters
    ----------
    pot
        Exposure in protons on target: one number is shared among the beams as in ``analysis``; a mapping gives one
        to each beam. The default is `PHASE_I_POT`, and `UPGRADE_POT` with another detector.
    detector
        Another detector, such as `ND280_UPGRADE`.
    decay_modules
        Where decays are looked for. By default where ``analysis`` does, in another detector in all fiducial volumes
        of the same material: argon for Analysis I, plastic for Analysis II. Channels with selections of their own
        must be projected one analysis at a time if modules are named.
    vertex_modules
        Where N must be produced. By default anywhere if ``analysis`` names none, in ``decay_modules`` if it does
        or in another detector: the paper has upscattering in argon only. An empty tuple admits any vertex.
    target_ratio
        Background per proton over that of today. By default the ratio of the fiducial masses of the decay modules.

    Returns
    -------
    Analysis
        Named after its exposure. ``observed`` are the counts of the paper's rule without signal, ``int(b)``; others,
        such as ``int(b + μ)``, are set by `Analysis.with_observed`. Cuts, efficiency, response, spectrum of the beam
        and relative systematic uncertainty stay as they are.

    Examples
    --------
    >>> [float(n) for n in project(ANALYSIS_I).background.round(3)]
    [1.209, 0.032]
    >>> project(ANALYSIS_I, detector=ND280_UPGRADE).selection.decay_modules
    ('HATPC-top', 'HATPC-bottom', 'TPC1', 'TPC2', 'TPC3')
    """
    today = detectors.ND280
    check_kinds(analysis=(analysis, Analysis), detector=(detector, (Detector, None)))
    if target_ratio is not None:
        target_ratio = real_number("target_ratio", target_ratio, positive=True)
    if decay_modules is not None or vertex_modules is not None:
        _ = analysis.selection  # one for all channels, or there is no saying which of them is meant
    exposure = _exposures(analysis, pot if pot is not None else UPGRADE_POT if detector else PHASE_I_POT)
    channels = []
    for channel in analysis.channels:
        check_modules(today, channel.selection)
        selection = _elsewhere(channel.selection, detector, decay_modules, vertex_modules)
        check_modules(detector or today, selection)
        masses = _fiducial_mass(detector or today, selection), _fiducial_mass(today, channel.selection)
        ratio = target_ratio or masses[0] / masses[1]
        background = exposure[channel.beam] / channel.pot * ratio * np.array(channel.background)
        changes: dict[str, Any] = {"background": background, "observed": np.floor(background)}
        channels.append(replace(channel, pot=exposure[channel.beam], selection=selection, **changes))
    return replace(analysis, name=f"{analysis.name}, {sum(exposure.values()):.3g} POT", channels=tuple(channels))


def _exposures(analysis: Analysis, pot: float | Mapping[str, float]) -> Mapping[str, float]:
    """Exposure of each beam."""
    now = {channel.beam: channel.pot for channel in analysis.channels}
    if isinstance(pot, Mapping):
        if set(pot) != set(now):
            raise ValueError(f"pot must be given for the beams {list(now)}, got {list(pot)}")
        return {beam: real_number(f"pot in {beam}", exposure, positive=True) for beam, exposure in pot.items()}
    for channel in analysis.channels:
        if channel.pot != now[channel.beam]:
            raise ValueError(f"channels of {analysis.name} differ in exposure in {channel.beam}: give pot by beam")
    pot = real_number("pot", pot, 1e-60, 1e60)
    return {beam: pot * own / sum(now.values()) for beam, own in now.items()}


def _elsewhere(
    selection: Selection,
    detector: Detector | None,
    decay_modules: Sequence[str] | None,
    vertex_modules: Sequence[str] | None,
) -> Selection:
    """The selection with the modules of another detector, or with those that are given."""
    if detector is not None and decay_modules is None:
        materials = {detectors.ND280[name].material for name in selection.decay_modules}
        decay_modules = [name for name in detector.fiducial_volumes if detector[name].material in materials]
        if not decay_modules:
            raise ValueError(f"decay_modules must be named: {detector.name} has none of {sorted(materials)}")
    if vertex_modules is None and (detector is not None or selection.vertex_modules):
        vertex_modules = decay_modules
    modules: dict[str, Any] = {"decay_modules": decay_modules, "vertex_modules": vertex_modules}
    return replace(selection, **{key: names for key, names in modules.items() if names is not None})


def _fiducial_mass(detector: Detector, selection: Selection) -> float:
    return sum(detector[name].fiducial_mass for name in selection.decay_modules)

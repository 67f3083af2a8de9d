"""What was measured: exposures, backgrounds, observed counts, and how events are selected.

Begin with `ANALYSIS_I`, the search for e⁺e⁻ pairs in the argon of the TPCs, and `ANALYSIS_II`, the photon-like sample
of FGD1. They add up: ``ANALYSIS_I + ANALYSIS_II`` is an analysis. `project` shows what more data would do, and `load`
reads an experiment of your own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkpkg import datasets
from darkpkg.experiment import response
from darkpkg.experiment.detector import Detector, check_fiducial
from darkpkg.experiment.selection import Cuts, Selection
from darkpkg.inputs import NOT_NEGATIVE, POSITIVE, Array, named, one_of, real_numbers, rule, settle, tuple_of
from darkpkg.units import MeV


@dataclass(frozen=True)
class Channel:
    """A histogram of counts in one beam; a counting experiment has one bin.

    Parameters
    ----------
    name
        Its own within an analysis.
    beam
        That of an experiment, by name.
    pot
        Exposure in protons on target.
    background, observed
        Expected and found counts, one for each bin; one number stands for one bin.
    systematic
        Relative uncertainty of the total expectation.
    selection
        How an event gets in.

    Raises
    ------
    TypeError, ValueError
        For another kind, counts that are negative or of another number of bins; names the field and the channel.
    """

    name: str
    beam: str
    pot: float
    background: tuple[float, ...]
    observed: tuple[float, ...]
    systematic: float
    selection: Selection

    def __post_init__(self) -> None:
        settle(self, name=str, beam=str, selection=Selection)
        owner = f" of channel {self.name}"
        settle(self, owner, pot=POSITIVE, systematic=NOT_NEGATIVE, background=self._counts, observed=self._counts)

    def _counts(self, name: str, value: Any) -> tuple[float, ...]:
        counts = np.atleast_1d(real_numbers(name, value, 0.0, np.finfo(float).max))
        if counts.shape != (self.selection.n_bins,):
            raise ValueError(f"{name} must have {self.selection.n_bins} bins, got {counts.shape}")
        return tuple(counts.tolist())


@dataclass(frozen=True)
class Analysis:
    """Channels whose likelihoods multiply.

    Parameters
    ----------
    name
        For labels and errors.
    channels
        One or more, with names of their own.
    caveat
        What its users must be told.
    shared
        Systematic errors that bins have in common, beyond the ``systematic`` that each has on its own: for every
        source one relative error of the total expectation for each bin, in order, (sources, bins), which all vary
        together. The eigenvectors of a relative covariance times the roots of their eigenvalues are such sources.
        `with_errors` makes the usual ones.
    shared_signal
        Where signal and background have errors of their own, those of the signal, of the shape of ``shared``, which
        are then those of the background.

    Raises
    ------
    TypeError, ValueError
        For no channel, the same name or the same data twice, and errors that are not one for each bin.

    Examples
    --------
    >>> replace(ANALYSIS_I, shared=((0.1, 0.1),)).shared           # 10 % of flux in FHC and RHC alike
    ((0.1, 0.1),)
    """

    name: str
    channels: tuple[Channel, ...]
    caveat: str = ""
    shared: tuple[tuple[float, ...], ...] = ()
    shared_signal: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        settle(self, name=str, caveat=str, channels=rule(tuple_of, Channel))
        names = [channel.name for channel in self.channels]
        if not names:
            raise ValueError(f"channels of {self.name} must be at least one channel, got none")
        if len(set(names)) < len(names):
            raise ValueError(f"channels of {self.name} need names of their own, got {names}")
        unnamed = [replace(channel, name="") for channel in self.channels]
        for i, channel in enumerate(unnamed):
            if channel in unnamed[:i]:
                first = names[unnamed.index(channel)]
                raise ValueError(f"{self.name} counts the same data twice, as {first} and as {names[i]}")
        settle(self, shared=self._sources, shared_signal=self._sources)
        if len(self.shared_signal) not in (0, len(self.shared)):
            raise ValueError(
                f"shared_signal must have the {len(self.shared)} sources of shared, got {len(self.shared_signal)}"
            )

    def _sources(self, name: str, value: Any) -> tuple[tuple[float, ...], ...]:
        shared = real_numbers(name, value, -1e3, 1e3)
        if shared.shape not in ((0,), (len(shared) if shared.ndim else 0, len(self.observed))):
            raise ValueError(f"{name} must have {len(self.observed)} bins for each source, got {value}")
        return tuple(map(tuple, shared.tolist()))

    def __add__(self, other: Analysis) -> Analysis:
        """The channels of both; where names collide they get that of their analysis."""
        if not isinstance(other, Analysis):
            return NotImplemented
        taken = {channel.name for channel in self.channels} & {channel.name for channel in other.channels}
        channels = tuple(
            replace(c, name=f"{analysis.name} {c.name}") if taken else c
            for analysis in (self, other)
            for c in analysis.channels
        )
        caveats = dict.fromkeys(text for text in (self.caveat, other.caveat) if text)
        left, right = (0.0,) * len(self.observed), (0.0,) * len(other.observed)
        shared = [(*source, *right) for source in self.shared] + [(*left, *source) for source in other.shared]
        of_signal = [(*source, *right) for source in self.shared_signal or self.shared]
        of_signal += [(*left, *source) for source in other.shared_signal or other.shared]
        apart = tuple(of_signal) if self.shared_signal or other.shared_signal else ()
        return Analysis(f"{self.name} + {other.name}", channels, " ".join(caveats), tuple(shared), apart)

    @property
    def selection(self) -> Selection:
        """The selection of all channels. Raises `ValueError` if they do not share one."""
        if len({channel.selection for channel in self.channels}) > 1:
            raise ValueError(f"channels of {self.name} have selections of their own: take that of a channel")
        return self.channels[0].selection

    def with_selection(self, **changes: Any) -> Analysis:
        """The same with some fields of the selection of every channel changed.

        Parameters
        ----------
        **changes
            Fields of `Selection` by name.

        Returns
        -------
        Analysis

        Examples
        --------
        >>> ANALYSIS_I.with_selection(efficiency=0.2).selection.efficiency
        0.2
        """
        channels = (replace(c, selection=replace(c.selection, **changes)) for c in self.channels)
        return replace(self, channels=tuple(channels))

    def with_errors(self, common_to: str, *, uncorrelated: float = 0.0, of: str = "total") -> Analysis:
        """The same with the ``systematic`` errors of its channels common to several bins.

        The paper's are independent in each bin, which is how `ANALYSIS_I` and `ANALYSIS_II` come. Errors of flux,
        cross section and efficiency are common to many.

        Parameters
        ----------
        common_to
            ``"channel"``: each channel has an error of its own, common to its bins; ``"beam"``: channels of one beam
            have it in common; ``"all"``: one for all bins.
        uncorrelated
            Relative error that each bin has beside it.
        of
            What the common error is of: the ``"total"`` expectation, the ``"signal"`` or the ``"background"``.

        Returns
        -------
        Analysis

        Examples
        --------
        >>> ANALYSIS_I.with_errors("all", uncorrelated=0.03).shared
        ((0.2, 0.2),)
        """
        one_of("common_to", common_to, ("channel", "beam", "all"))
        one_of("of", of, ("total", "signal", "background"))
        groups = [{"channel": c.name, "beam": c.beam, "all": ""}[common_to] for c in self.channels]
        of_bins = np.repeat(groups, [len(c.observed) for c in self.channels])
        common = [tuple(np.where(of_bins == group, self.systematic, 0.0)) for group in dict.fromkeys(groups)]
        nothing = [(0.0,) * len(of_bins)] * len(common)
        of_background = nothing if of == "signal" else common
        of_signal = nothing if of == "background" else common
        apart = () if of == "total" else (*(self.shared_signal or self.shared), *of_signal)
        channels = tuple(replace(c, systematic=uncorrelated) for c in self.channels)
        return replace(self, channels=channels, shared=(*self.shared, *of_background), shared_signal=apart)

    def with_observed(self, counts: ArrayLike) -> Analysis:
        """The same with other observed counts.

        Parameters
        ----------
        counts : array_like
            One for each bin of each channel in order, or one number for all; not negative.

        Returns
        -------
        Analysis

        Raises
        ------
        ValueError
            For another number of counts, and for what is negative or no number.

        Examples
        --------
        >>> asimov = ANALYSIS_I.with_observed(ANALYSIS_I.background)
        """
        counts, bins = real_numbers("counts", counts, 0.0, 1e60), self.observed.shape
        if counts.shape not in ((), bins):
            raise ValueError(f"counts of {self.name} must be one or {bins[0]}, got shape {counts.shape}")
        counts = np.broadcast_to(counts, bins)
        channels = (replace(c, observed=tuple(counts[self.bins_of(c.name)].tolist())) for c in self.channels)
        return replace(self, channels=tuple(channels))

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
        """Where the bins of a channel stand among all bins. Raises `KeyError` that names the channels there are."""
        wanted = named(self.channels, "channel", channel, self.name)
        begin = sum(len(one.observed) for one in self.channels[: self.channels.index(wanted)])
        return slice(begin, begin + len(wanted.observed))


_TPC_PAIRS = Selection(decay_modules=("TPC1", "TPC2", "TPC3"), efficiency=0.10, cuts=Cuts())

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
    table = datasets.columns(f"analysis/fgd1_photons_{beam.lower()}")
    edges = np.append(table["m_ee_low"], table["m_ee_high"][-1]) * MeV
    selection = Selection(("FGD1",), 0.10, None, ("FGD1",), tuple(edges.tolist()), response.FGD_RESPONSE)
    return Channel(beam, beam, pot, table["expected"], table["observed"], systematic, selection)  # type: ignore[arg-type]


def _analysis_II() -> Analysis:
    return Analysis(
        "Analysis II",
        (_photon_channel("FHC", 11.92e20, 0.23), _photon_channel("RHC", 6.29e20, 0.21)),
        caveat="T2K published the response of FGD1 for qualitative comparison only: the selection efficiency is not "
        "included, and correlations of momentum and angle are neglected.",
    )


ANALYSIS_II: Analysis
"""Photon-like control sample of the ν_e measurement in FGD1: T2K, J. High Energ. Phys. 10 (2020) 114, recast as in
Section III C of arXiv:2205.12273. N is produced and decays in the fiducial volume of FGD1; 10 % are reconstructed,
30 % for each lepton; the mass of the pair is smeared and put into 20 bins of 10 MeV. The last has no upper end, in
signal, background and data alike. Its ``caveat`` must stand beside every use."""

__getattr__ = datasets.when_needed(globals(), ANALYSIS_II=_analysis_II)


def check_modules(detector: Detector, selection: Selection) -> None:
    """Raise `ValueError` that names a module of ``selection`` without a fiducial volume in ``detector``."""
    for field in ("decay_modules", "vertex_modules"):
        check_fiducial(field, getattr(selection, field), detector.name, detector.fiducial_volumes)

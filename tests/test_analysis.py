"""What was measured."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkpkg.experiment.analysis import ANALYSIS_I, Analysis, Channel
from darkpkg.experiment.selection import Cuts, Selection

FHC, RHC = ANALYSIS_I.channels


def test_analysis_one_has_the_published_exposures():
    assert {channel.beam: channel.pot for channel in ANALYSIS_I.channels} == {"FHC": 12.34e20, "RHC": 6.29e20}


def test_analysis_one_expected_little_and_saw_nothing():
    assert {channel.beam: channel.background for channel in ANALYSIS_I.channels} == {"FHC": (0.563,), "RHC": (0.015,)}
    np.testing.assert_array_equal(ANALYSIS_I.background, [0.563, 0.015])
    np.testing.assert_array_equal(ANALYSIS_I.observed, [0.0, 0.0])
    np.testing.assert_array_equal(ANALYSIS_I.systematic, [0.20, 0.20])
    assert ANALYSIS_I.selection == Selection(("TPC1", "TPC2", "TPC3"), 0.10, Cuts())


def test_channels_with_several_bins_are_joined_in_order():
    spectrum = Selection(("TPC1",), mass_edges=(0, 0.1, 0.2, 0.3))
    first = Channel("a", "FHC", 1e20, (1.0, 2.0, 3.0), (4, 5, 6), 0.1, spectrum)
    second = Channel("b", "RHC", 1e20, (7.0,), (8,), 0.3, Selection(("TPC1",)))
    both = Analysis("both", (first, second))
    assert (both.bins_of("a"), both.bins_of("b")) == (slice(0, 3), slice(3, 4))
    with pytest.raises(KeyError, match="both has no channel 'c', only a, b"):
        both.bins_of("c")
    with pytest.raises(ValueError, match="channels of both have selections of their own"):
        _ = both.selection
    np.testing.assert_array_equal(both.background, [1, 2, 3, 7])
    np.testing.assert_array_equal(both.observed, [4, 5, 6, 8])
    np.testing.assert_array_equal(both.systematic, [0.1, 0.1, 0.1, 0.3])
    assert both.observed.dtype == float


def test_an_analysis_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ANALYSIS_I.name = "Analysis 1"
    with pytest.raises(dataclasses.FrozenInstanceError):
        FHC.pot = 1e21


def test_a_beam_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="beam of channel FHC must be one of FHC, RHC, got 'numu'"):
        dataclasses.replace(FHC, beam="numu")


@pytest.mark.parametrize("pot", [0.0, -1e20, np.nan])
def test_an_exposure_that_is_not_positive_is_refused(pot):
    with pytest.raises(ValueError, match="exposure must be positive"):
        dataclasses.replace(FHC, pot=pot)


@pytest.mark.parametrize(("background", "observed"), [((0.1, 0.2), (0,)), ((0.1,), (0, 1)), ((), ())])
def test_background_and_counts_of_different_bins_are_refused(background, observed):
    with pytest.raises(ValueError, match="channel RHC needs background and observed counts for 1 bins, got"):
        dataclasses.replace(RHC, background=background, observed=observed)


@given(st.sampled_from(["background", "observed", "systematic"]), st.floats(-1e3, -1e-6))
def test_negative_counts_and_uncertainties_are_refused(field, value):
    with pytest.raises(ValueError, match="counts not negative in channel FHC"):
        dataclasses.replace(FHC, **{field: value if field == "systematic" else (value,)})


@pytest.mark.parametrize("field", ["background", "observed", "systematic"])
def test_counts_and_uncertainties_that_are_no_numbers_are_refused(field):
    with pytest.raises(ValueError, match="channel FHC"):
        dataclasses.replace(FHC, **{field: np.nan if field == "systematic" else (np.nan,)})


def test_an_analysis_without_channels_is_refused():
    with pytest.raises(ValueError, match="Analysis I needs at least one channel"):
        dataclasses.replace(ANALYSIS_I, channels=())

"""A fiducial box lies inside the active one in every direction, or the module is refused."""

import pytest

from darkpkg import datasets
from darkpkg.experiment.detector import Box, Detector, Module

ACTIVE = Box((-10.0, -20.0, 100.0), (10.0, 20.0, 130.0))


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("side", ["low", "high"])
def test_a_fiducial_box_that_sticks_out_on_any_side_is_refused(axis, side):
    corners = {"low": list(ACTIVE.low), "high": list(ACTIVE.high)}
    corners[side][axis] += {"low": -0.5, "high": 0.5}[side]
    fiducial = Box(tuple(corners["low"]), tuple(corners["high"]))
    with pytest.raises(ValueError, match="fiducial box of block must lie in its active one"):
        Module("block", ACTIVE, 1.0, {"C": 1.0}, fiducial)


def test_a_fiducial_box_may_fill_the_active_one():
    assert Module("block", ACTIVE, 1.0, {"C": 1.0}, ACTIVE).fiducial_mass == 1.0


def test_a_corner_given_as_tuple_counts_in_all_directions():
    """Python compares tuples by their first elements: that would let any z pass."""
    assert not ACTIVE.contains((0.0, 0.0, 500.0))
    assert ACTIVE.contains((0.0, 0.0, 115.0))


@pytest.mark.parametrize("chamber", ["TPC2", "TPC3"])
def test_the_fiducial_z_that_table_two_prints_for_this_chamber_is_refused(chamber):
    table = datasets.read("detector/nd280").set_index("module")
    table.loc[chamber, "fiducial_z_begin"] = 256
    with pytest.raises(ValueError, match=f"fiducial box of {chamber}"):
        Detector.from_table("ND280", table.reset_index())

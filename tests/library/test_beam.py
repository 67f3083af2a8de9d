"""Fluxes from files, and beams of several flavours."""

import numpy as np
import pytest

import darkpkg as dk
from darkpkg import datasets
from darkpkg.units import GeV, MeV

BINS = """# low, high in MeV; neutrinos per m² and 50 MeV in 1e20 POT
low,high,numu,nue
0,500,2.0,0.0
500,1000,4.0,0.5
1000,3000,1.0,0.0
"""


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "flux.csv"
        path.write_text(text)
        return path

    return write


def test_units_of_a_table_of_bins_are_those_of_the_call(table):
    path = table(BINS)
    flux = dk.Flux.from_file(path, pot=1e20, per=50 * MeV, energy=MeV, area=1e4, column="numu")
    np.testing.assert_allclose(flux.edges, [0, 0.5, 1, 3], rtol=1e-12)
    np.testing.assert_allclose(flux.density, np.array([2, 4, 1]) / 0.05 / 1e20 / 1e4, rtol=1e-12)
    assert dk.Flux.from_file(path, pot=1e20, per=50 * MeV, energy=MeV, area=1e4, column=2) == flux
    # Bins at the end without neutrinos are left out.
    assert dk.Flux.from_file(path, pot=1e20, per=1 * GeV, energy=MeV).edges.tolist() == [0, 0.5, 1]


def test_neutrinos_counted_in_bins_add_up_to_those_of_the_table(table):
    flux = dk.Flux.from_file(table(BINS), pot=1e20, per="bin", energy=MeV, column="numu")
    assert flux.cumulative[-1] == pytest.approx(7 / 1e20, rel=1e-12)


def test_a_mark_of_utf8_is_no_part_of_a_table(tmp_path):
    path = tmp_path / "marked.txt"
    path.write_bytes(b"\xef\xbb\xbf0.0 0.5 3\n0.5 1.0 5\n")  # as names of columns the first bin would be lost
    assert dk.Flux.from_file(path, pot=1, per="bin").edges.tolist() == [0, 0.5, 1]


def test_points_in_the_middle_of_equal_bins_give_these_bins(table):
    middles = "0.25 3\n0.75 5\n1.25 1  # the last\n"
    flux = dk.Flux.from_file(table(middles), pot=1, per=1 * GeV, points=True)
    assert flux == dk.Flux([0.0, 0.5, 1.0, 1.5], [3.0, 5.0, 1.0])


def test_the_file_of_t2k_is_the_flux_of_its_beam():
    path = datasets.path("flux/nd280_rhc")
    assert dk.Flux.from_file(path, pot=1e21, per=50 * MeV, column="numubar") == dk.T2K["RHC"][-14]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (BINS.replace("4.0", "4.o"), {}, r"flux.csv, line 4, column numu: must be a finite number, got 4.o"),
        (BINS.replace("4.0", "nan"), {}, r"flux.csv, line 4, column numu: must be a finite number, got nan"),
        (BINS.replace("0.5", "-0.5"), {}, r"flux.csv, line 4, column nue: must be zero or more, got -0.5"),
        (
            BINS.replace("500,1000", "600,1000"),
            {},
            r"flux.csv, line 4, column low: must be the high before it, got 600",
        ),
        (BINS.replace("500,1000", "500,400"), {}, r"flux.csv, line 4, column high: must be above low, got 400"),
        (BINS.replace(",0.5", ""), {}, r"flux.csv, line 4: must have 4 columns, got 3"),
        (BINS.replace("0.5", "0.0"), {}, r"flux.csv: density must be positive somewhere"),
        ("low,high,numu\n", {}, r"flux.csv: must hold a table of energies and fluxes, got 0 rows"),
        (
            BINS,
            {"column": "nutau"},
            r"flux.csv: column must be a name or number of low, high, numu, nue, got 'nutau'",
        ),
        (BINS, {"column": 4}, r"flux.csv: column must be a name or number of low, .*, got 4"),
        (BINS, {"column": "high"}, r"flux.csv: column of values must come after the energies, got high"),
        (BINS, {"pot": 0.0}, r"pot must be positive and finite, got 0.0"),
        (
            "O.0 0.5 1e-9\n0.5 1.0 2e-9\n",
            {},
            r"flux.csv, line 1: must be names of columns or numbers, got O.0, 0.5, 1e-9",
        ),
        (BINS, {"per": "bins"}, r"per must be one of bin, got 'bins'"),
        (BINS, {"per": -1.0}, r"per must be positive and finite, got -1.0"),
        (BINS, {"energy": [1.0, 2.0]}, r"energy must be one number, got \[1.0, 2.0\]"),
        ("0;0,5;1,5\n", {}, r"flux.csv, line 1: must divide columns by commas or by semicolons, got '0;0,5;1,5'"),
        (BINS.replace("nue", "numu"), {"column": "numu"}, r"flux.csv: column must be the name of one column"),
        (BINS.replace("500,1000", "500,1_000"), {}, r"flux.csv, line 4, column high: must be a finite number"),
        ("0.5 1e-9\n", {"points": True, "column": 1}, r"flux.csv: points must be two or more, got 1"),
    ],
)
def test_what_is_wrong_in_a_table_is_named_with_file_line_and_column(table, text, options, message):
    with pytest.raises(ValueError, match=message):
        dk.Flux.from_file(table(text), **({"pot": 1e20, "per": 50 * MeV} | options))


def test_fluxes_and_beams_are_values():
    one, other = (dk.Beam("mine", {14: dk.Flux([0.0, 1.0], [x])}) for x in (1.0, 1.0))
    assert one == other
    assert hash(one) == hash(other)
    assert one[14].checksum != dk.Flux([0.0, 1.0], [2.0]).checksum
    with pytest.raises(ValueError, match="read-only"):
        one[14].density[0] = 2.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("", {14: dk.Flux([0, 1], [1])}), ValueError, "name and fluxes must not be empty"),
        (("mine", {}), ValueError, "name and fluxes must not be empty"),
        (("mine", {16: dk.Flux([0, 1], [1])}), ValueError, r"fluxes of mine must be of the flavours .*, got 16"),
        (("mine", {14: 1.0}), TypeError, "fluxes must be of type Flux, got float"),
        (("mine", [14]), TypeError, "fluxes must be of type Mapping"),
    ],
)
def test_what_is_no_beam_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        dk.Beam(*arguments)


def test_channels_name_a_beam_of_their_experiment():
    beam = dk.Beam("booster", {14: dk.Flux([0.0, 1.0], [1e-9])})
    with pytest.raises(ValueError, match="beam of channel FHC must be one of booster, got 'FHC'"):
        dk.Experiment("mine", (beam,), dk.ND280, {"I": dk.ANALYSIS_I})
    with pytest.raises(ValueError, match=r"beams of mine must have names of their own, got \['booster', 'booster'\]"):
        dk.Experiment("mine", (beam, beam), dk.ND280)
    assert dk.T2K.analyses["I"] is dk.ANALYSIS_I
    assert dk.T2K.replace(detector=dk.ND280_TRACKER).beams == dk.T2K.beams

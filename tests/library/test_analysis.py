"""What was measured."""

import dataclasses
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkpkg import datasets
from darkpkg.experiment.analysis import ANALYSIS_I, ANALYSIS_II, Analysis, Channel
from darkpkg.experiment.detector import ND280_UPGRADE
from darkpkg.experiment.files import load_analysis
from darkpkg.experiment.projection import project
from darkpkg.experiment.response import FGD_RESPONSE
from darkpkg.experiment.selection import Cuts, Selection
from darkpkg.inference.likelihood import log_likelihood
from darkpkg.method.expectation import Expectation

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


def test_a_beam_without_a_name_is_refused():
    with pytest.raises(TypeError, match="beam must be of type str, got NoneType"):
        dataclasses.replace(FHC, beam=None)


@pytest.mark.parametrize("pot", [0.0, -1e20, np.nan])
def test_an_exposure_that_is_not_positive_is_refused(pot):
    with pytest.raises(ValueError, match="pot of channel FHC must be"):
        dataclasses.replace(FHC, pot=pot)


@pytest.mark.parametrize(("background", "observed"), [((0.1, 0.2), (0,)), ((0.1,), (0, 1)), ((), ())])
def test_background_and_counts_of_different_bins_are_refused(background, observed):
    with pytest.raises(ValueError, match=r"(background|observed) of channel RHC must have 1 bins, got"):
        dataclasses.replace(RHC, background=background, observed=observed)


@given(st.sampled_from(["background", "observed", "systematic"]), st.floats(-1e3, -1e-6))
def test_negative_counts_and_uncertainties_are_refused(field, value):
    with pytest.raises(ValueError, match=f"{field} of channel FHC must be zero or more"):
        dataclasses.replace(FHC, **{field: value if field == "systematic" else (value,)})


@pytest.mark.parametrize("field", ["background", "observed", "systematic"])
def test_counts_and_uncertainties_that_are_no_numbers_are_refused(field):
    with pytest.raises(ValueError, match="channel FHC"):
        dataclasses.replace(FHC, **{field: np.nan if field == "systematic" else (np.nan,)})


def test_an_analysis_without_channels_is_refused():
    with pytest.raises(ValueError, match="channels of Analysis I must be at least one"):
        dataclasses.replace(ANALYSIS_I, channels=())


# --- Analysis II ---


def test_analysis_two_has_the_published_exposures_and_uncertainties():
    assert {c.beam: (c.pot, c.systematic) for c in ANALYSIS_II.channels} == {
        "FHC": (11.92e20, 0.23),
        "RHC": (6.29e20, 0.21),
    }
    assert "qualitative comparison only" in ANALYSIS_II.caveat


def test_analysis_two_has_twenty_bins_of_ten_mev_and_keeps_its_overflow_in_data_and_background():
    edges = ANALYSIS_II.selection.mass_edges
    np.testing.assert_allclose(edges, 0.01 * np.arange(21), atol=1e-15)
    # The overflow is the second largest bin: without it the last one would be like its neighbour.
    for channel, (first, last), expected in zip(
        ANALYSIS_II.channels, ((1588, 839), (400, 186)), (857.8, 188.5), strict=True
    ):
        assert (channel.observed[0], channel.observed[-1]) == (first, last)
        assert channel.background[-1] == expected
        assert channel.observed[-1] > 20 * channel.observed[-2]


def test_analysis_two_asks_for_production_and_decay_in_the_first_fgd():
    selection = ANALYSIS_II.selection
    assert (selection.vertex_modules, selection.decay_modules) == (("FGD1",), ("FGD1",))
    assert (selection.efficiency, selection.cuts, selection.response) == (0.10, None, FGD_RESPONSE)


# --- Sums ---


def test_a_sum_of_analyses_has_the_channels_of_both():
    both = ANALYSIS_I + ANALYSIS_II
    assert both.name == "Analysis I + Analysis II"
    names = [channel.name for channel in both.channels]
    assert names == ["Analysis I FHC", "Analysis I RHC", "Analysis II FHC", "Analysis II RHC"]
    for field in ("observed", "background", "systematic"):
        parts = [getattr(analysis, field) for analysis in (ANALYSIS_I, ANALYSIS_II)]
        np.testing.assert_array_equal(getattr(both, field), np.concatenate(parts))
    assert both.caveat == (ANALYSIS_II + ANALYSIS_I).caveat == ANALYSIS_II.caveat
    assert both.bins_of("Analysis II RHC") == slice(22, 42)


def test_only_analyses_add_up_and_not_to_themselves():
    with pytest.raises(TypeError):
        ANALYSIS_I + 1
    with pytest.raises(ValueError, match="counts the same data twice, as Analysis I FHC and as FHC"):
        ANALYSIS_I + ANALYSIS_II + ANALYSIS_I
    with pytest.raises(ValueError, match="need names of their own"):
        ANALYSIS_I + ANALYSIS_I


# --- Projections ---


@given(st.floats(1e20, 1e23), st.floats(0.1, 10))
def test_background_and_exposure_grow_together(pot, ratio):
    future = project(ANALYSIS_I, pot, target_ratio=ratio)
    for before, after in zip(ANALYSIS_I.channels, future.channels, strict=True):
        assert after.pot == pytest.approx(pot * before.pot / (12.34e20 + 6.29e20))
        assert after.background[0] == pytest.approx(before.background[0] * after.pot / before.pot * ratio)
        assert (after.systematic, after.selection) == (before.systematic, before.selection)
    np.testing.assert_array_equal(future.observed, np.floor(future.background))


def test_the_paper_counts_whole_events_and_asimov_does_not():
    signal = [3.0, 0.98]
    future = project(ANALYSIS_I, 16e21)
    np.testing.assert_array_equal(future.observed, [int(n) for n in future.background])
    asimov = future.with_observed(future.background + signal)
    np.testing.assert_allclose(asimov.observed, future.background + signal)
    assert asimov.with_observed(future.observed) == future
    with pytest.raises(ValueError, match=r"counts must be zero or more, got -1\.0"):
        future.with_observed([0, -1])
    for counts in ([1, 2, 3], [1], [[1, 2]]):
        with pytest.raises(ValueError, match=r"counts of .* must be one or 2, got shape "):
            future.with_observed(counts)


def test_the_upgrade_looks_into_all_boxes_of_the_same_material_and_scales_with_their_mass():
    future = project(ANALYSIS_I, detector=ND280_UPGRADE)
    five = ("HATPC-top", "HATPC-bottom", "TPC1", "TPC2", "TPC3")
    assert (future.selection.decay_modules, future.selection.vertex_modules) == (five, five)
    assert sum(channel.pot for channel in future.channels) == pytest.approx(16e21)
    # Three chambers of 170 × 196 × 56 cm³ and two of 184 × 70 × 158 cm³, of one density to three digits.
    ratio = 1 + 2 * 184 * 70 * 158 / (3 * 170 * 196 * 56)
    np.testing.assert_allclose(future.background, ANALYSIS_I.background * 16e21 / 18.63e20 * ratio, rtol=2e-3)
    plastic = project(ANALYSIS_II, detector=ND280_UPGRADE)
    assert plastic.selection.vertex_modules == ("SuperFGD", "FGD1", "FGD2")
    assert plastic.selection.response is FGD_RESPONSE
    # 0.92 t of each FGD as today, and the Super-FGD by its density.
    ratio = 2 + 2.0 * 181 * 45 * 183 / (192 * 56 * 184) / 0.92
    np.testing.assert_allclose(plastic.background, project(ANALYSIS_II).background * 4 * ratio, rtol=1e-9)
    anywhere = project(ANALYSIS_I, detector=ND280_UPGRADE, vertex_modules=())
    assert (anywhere.selection.decay_modules, anywhere.selection.vertex_modules) == (five, ())
    assert sum(channel.pot for channel in project(ANALYSIS_I).channels) == pytest.approx(4e21)
    assert project(ANALYSIS_I).selection == ANALYSIS_I.selection


def test_beams_may_have_exposures_of_their_own():
    future = project(ANALYSIS_II, {"FHC": 2e21, "RHC": 1e21}, decay_modules=("FGD2",), vertex_modules=("FGD2",))
    both = project(ANALYSIS_II, decay_modules=("FGD1", "FGD2"))
    assert both.selection.vertex_modules == ("FGD1", "FGD2")
    assert both.background[0] == pytest.approx(2 * project(ANALYSIS_II).background[0])
    # FGD2 weighs as much as FGD1.
    assert future.background[0] == pytest.approx(ANALYSIS_II.background[0] * 2e21 / 11.92e20)
    assert [channel.pot for channel in future.channels] == [2e21, 1e21]
    assert future.selection.decay_modules == future.selection.vertex_modules == ("FGD2",)
    assert future.selection.mass_edges == ANALYSIS_II.selection.mass_edges
    assert future.caveat == ANALYSIS_II.caveat


def test_projections_that_are_not_defined_are_refused():
    with pytest.raises(ValueError, match=r"pot must be given for the beams \['FHC', 'RHC'\], got \['FHC'\]"):
        project(ANALYSIS_I, {"FHC": 1e21})
    with pytest.raises(ValueError, match="have selections of their own"):
        project(ANALYSIS_I + ANALYSIS_II, {"FHC": 1e21, "RHC": 1e21}, vertex_modules=("TPC1",))
    for modules in (("P0D-water",), ("TPC9",)):
        with pytest.raises(ValueError, match=f"decay_modules must be of ND280 .* got '{modules[0]}'"):
            project(ANALYSIS_I, decay_modules=modules)
    for modules in (("TPC1", "TPC1"), "TPC1"):
        with pytest.raises(
            (ValueError, TypeError), match=r"decay_modules must (hold each entry once|be a sequence of str)"
        ):
            project(ANALYSIS_I, decay_modules=modules)
    with pytest.raises(ValueError, match="target_ratio must be positive and finite, got 0"):
        project(ANALYSIS_I, 1e21, target_ratio=0)
    with pytest.raises(ValueError, match="differ in exposure in FHC: give pot by beam"):
        project(ANALYSIS_I + ANALYSIS_II, 1e22)
    with pytest.raises(ValueError, match="pot must be at least"):
        project(ANALYSIS_I, -1e21)


# --- Experiments of one's own ---


def written(tmp_path, **changes):
    """The example with some of its text replaced, in a file."""
    text = datasets.path("analysis/example.toml").read_text(encoding="utf-8")
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_mark_of_utf8_is_no_part_of_an_analysis(tmp_path):
    path, example = tmp_path / "marked.toml", datasets.path("analysis/example.toml")
    path.write_bytes(b"\xef\xbb\xbf" + example.read_bytes())
    assert load_analysis(path) == load_analysis(example)


def test_the_example_is_an_analysis():
    mine = load_analysis(datasets.path("analysis/example.toml"))
    cuts = Cuts(min_energy=0.3, min_cos_beam=0.98)
    assert mine.selection == Selection(("TPC3",), 0.2, cuts, ("FGD2",))
    assert [(c.name, c.beam, c.pot) for c in mine.channels] == [
        ("neutrinos", "FHC", 1.2e21),
        ("antineutrinos", "RHC", 6e20),
    ]
    np.testing.assert_array_equal(mine.observed, [1, 0])
    assert "never measured" in mine.caveat
    assert (ANALYSIS_I + mine).observed.tolist() == [0, 0, 1, 0]


def test_a_spectrum_is_a_list_of_counts(tmp_path):
    changes = {
        "a": ("efficiency = 0.2 ", "mass_edges = [0, 0.05, 0.1]\nefficiency = 0.2 "),
        "b": ("background = 0.8", "background = [0.5, 0.3]"),
        "c": ("observed = 1", "observed = [1, 2]"),
        "d": ("background = 0.1", "background = [0.1, 0.1]"),
        "e": ("observed = 0", "observed = [0, 0]"),
    }
    mine = load_analysis(written(tmp_path, **changes))
    assert mine.selection.mass_edges == (0, 0.05, 0.1)
    np.testing.assert_array_equal(mine.observed, [1, 2, 0, 0])


def test_a_file_may_state_errors_that_bins_share(tmp_path):
    """10 % in both channels, and 5 % in the first: data of the analysis, and the likelihood takes them."""
    mine = load_analysis(
        written(tmp_path, change=("[selection]\n", "shared = [[0.1, 0.1], [0.05, 0]]\n\n[selection]\n"))
    )
    alone = load_analysis(datasets.path("analysis/example.toml"))
    assert mine == dataclasses.replace(alone, shared=((0.1, 0.1), (0.05, 0.0)))
    assert mine != alone
    signal = Expectation(np.array([9.0, 4.0]), np.zeros(2))
    assert log_likelihood(signal, alone) < log_likelihood(signal, mine)  # more may be an error


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "[selection]\n",
            "shared = [[0.1]]\n[selection]\n",
            r"the whole file: shared must have 2 bins for each source, got \[\[0.1\]\]",
        ),
        ("[selection]\n", "shared = [[0.1, 'x']]\n[selection]\n", "the whole file: shared must be real numbers"),
        ("pot = 1.2e21", "pot = -1", r"channels\[0\]: pot of channel neutrinos must be positive and finite, got -1"),
        ("pot = 1.2e21", "pot = 12", r"pot of channel neutrinos must be at least 1e\+15, got 12\.0"),
        (
            "pot = 1.2e21",
            "pot = inf",
            "pot of channel neutrinos must be positive and finite, got inf",
        ),
        ("pot = 1.2e21", "pot = true", "pot of channel neutrinos must be real numbers, got truth values: True"),
        ("pot = 1.2e21", f"pot = 1{'0' * 400}", "pot of channel neutrinos must be real numbers, got objects: 1000"),
        ("pot = 1.2e21", "pot = [1e21, 1e21]", "pot of channel neutrinos must be one number"),
        ('beam = "RHC"', "beam = 2", r"channels\[1\]: beam must be of type str, got int 2"),
        ("efficiency = 0.2", "efficiency = 20", r"selection: efficiency must be in \(0, 1\], got 20"),
        ("efficiency", "eficiency", "selection: a name must be one of decay_modules, .*, got 'eficiency'"),
        ('name = "pairs behind FGD2"', "", "the whole file must have a value for name"),
        ('name = "pairs behind FGD2"', 'name = ""', "the whole file: name must not be empty, got ''"),
        ('name = "pairs behind FGD2"', 'name = "a"\nx = 1', "the whole file: a name must be one of .*, got 'x'"),
        ('decay_modules = ["TPC3"]', "decay_modules = []", "selection: decay_modules must name at least one module"),
        ('decay_modules = ["TPC3"]', 'decay_modules = "TPC3"', "selection: decay_modules must be a sequence of str"),
        (
            "observed = 1",
            'observed = "one"',
            "observed of channel neutrinos must be real numbers, got text: 'one'",
        ),
        ("observed = 1", "observed = [1, 2]", "observed of channel neutrinos must have 1 bins"),
        (
            "observed = 1",
            "observed = -1",
            "observed of channel neutrinos must be zero or more, got -1",
        ),
        ("observed = 1", "observed = 1979-05-27", "observed of channel neutrinos must be real numbers, got objects"),
        ("observed = 1", "observed = nan", "observed of channel neutrinos must be a number, got nan"),
        ('name = "antineutrinos"', 'name = "neutrinos"', "need names of their own"),
        ("[selection]", "[selection", "is no readable TOML"),
        ("[selection]", "[other]", "selection must have a value for decay_modules"),
        ("systematic = 0.2", "pot = 1e20", "is no readable TOML: Cannot overwrite a value"),
        ("systematic = 0.2", "systematic = 1.0e200", r"channels\[0\]: systematic must be at most 10, got 1e.200"),
        ("min_energy = 0.3", "max_mass = -1", "selection.cuts: max_mass must be positive and finite, got -1"),
        ("[selection.cuts]", "[selection.cuts.more]", "selection.cuts: a name must be one of .*, got 'more'"),
        ("[[channels]]", "[[other]]", "channels must be tables .*, got None"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_value_and_rule(tmp_path, old, new, message):
    path = written(tmp_path, change=(old, new))
    with pytest.raises(ValueError, match=message) as error:
        load_analysis(path)
    assert str(path) in str(error.value)


def test_a_cut_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="min_energy must be a number, got nan"):
        Cuts(min_energy=float("nan"))


# --- Files that are hostile ---


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("selection = " + "[" * 40_000, "is no readable TOML"),
        ("selection = " + "{a = " * 4_000, "is no readable TOML"),
        ("name = 'x'\nname = 'y'\n", "is no readable TOML"),
        ("".join(f"k{i} = 1\n" for i in range(12_000)), "must be a file of at most 100000 bytes"),
        ("".join(f"k{i} = 1\n" for i in range(8_000)), "channels must be tables"),
        ("channels = []\n[selection]\ndecay_modules = ['" + "x" * 9000 + "']", "must have a value for name"),
        ("\x00", "is no readable TOML"),
    ],
)
def test_a_hostile_file_is_refused_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        load_analysis(path)
    assert str(path) in str(error.value)
    assert len(str(error.value)) < 600
    assert "\n" not in str(error.value)


def test_what_is_no_ordinary_file_is_no_analysis(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", tmp_path):
        with pytest.raises(ValueError, match="must be that of an ordinary file"):
            load_analysis(path)
    with pytest.raises(FileNotFoundError, match="no file at"):
        load_analysis(tmp_path / "none.toml")

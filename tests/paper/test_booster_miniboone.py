"""MiniBooNE as an experiment: nuclei, exposure, flux, background by electron neutrinos, and the published program."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import darkpkg as dk
from darkpkg import datasets
from darkpkg.physics.kinematics import momentum
from darkpkg.units import AVOGADRO, gram, tonne
from paper.__main__ import app
from paper.booster import counts, miniboone, published, ring
from paper.booster.beams import MUON_FLAVOURS, booster_beam, linear_ratio
from paper.booster.miniboone import Differences

LIGHT, HEAVY = published.parameters(0.4, 0.03, 8e-4, 3e-4), published.parameters(0.15, 1.25, 1e-2, 0.05)
NEUTRINO = miniboone.experiment({"neutrino": MUON_FLAVOURS["neutrino"]})


@pytest.fixture(scope="module")
def light(simulated):
    return simulated(LIGHT, 2**11, 5, experiment=NEUTRINO, hydrogen=True, nucleons=True, vertices=16)


@pytest.fixture(scope="module")
def heavy(simulated):
    return simulated(HEAVY, 2**11, 5, experiment=NEUTRINO, hydrogen=True, nucleons=True, vertices=16)


def earth_of(detector):
    return [module for module in detector.modules if module.name.startswith("earth")]


def twice_and_once(sample, **difference):
    """Events at the light point with a difference, over those without."""
    with_it, without = (published.predict(LIGHT, sample, Differences(**d)).total for d in (difference, {}))
    return with_it / without


def events(sample, theta, analysis):
    return dk.Kernel(sample).events(theta, analysis)


class TestTheDetector:
    def test_the_oil_has_two_hydrogens_for_each_carbon(self):
        oil = miniboone.MINIBOONE.detector["oil"]
        molecules = 818 * tonne / (14.027 * gram) * AVOGADRO * gram
        # Atomic weights are rounded to four digits.
        assert oil.number_of_nuclei("C") == pytest.approx(molecules, rel=2e-4)
        assert oil.number_of_nuclei("H") == pytest.approx(2 * molecules, rel=2e-4)

    def test_the_earth_is_the_cone_with_the_flux_of_a_beam_that_spreads(self):
        """Nuclei times flux in each metre are those of the cone with a flux of 1/distance²."""
        one = ring.constants()
        volume = sum(module.active.volume for module in earth_of(miniboone.detector()))
        distance = one["distance"] + one["earth_end"]
        cone = np.pi * (one["earth_radius_end"] * 100) ** 2 * (one["distance"] / distance) ** 2
        length = (one["earth_end"] - one["earth_begin"]) * 100
        assert volume == pytest.approx(cone * length, rel=1e-9)
        # The cone begins where it has its radius: it points to the target.
        begin = (one["distance"] + one["earth_begin"]) / distance * one["earth_radius_end"]
        assert begin == pytest.approx(one["earth_radius_begin"], rel=1e-3)

    def test_light_earth_is_that_of_the_published_mass(self):
        one, earth = ring.constants(), earth_of(miniboone.detector())[0]
        begin, end, r, R = (one[f"earth_{name}"] * 100 for name in ("begin", "end", "radius_begin", "radius_end"))
        cone = np.pi * (end - begin) / 3 * (r**2 + r * R + R**2)
        published_density = earth.density / miniboone.EARTH_TOO_LIGHT
        assert published_density * cone == pytest.approx(one["earth_mass"] * tonne, rel=2e-3)  # four digits


def test_electron_neutrinos_of_the_beam_give_the_published_background():
    """Flux, nuclei, exposure and efficiency together, within 30 %; missing are events with an absorbed pion."""
    experiment, one = miniboone.MINIBOONE_ALL_FLAVOURS, ring.constants()
    oil, E = experiment.detector["oil"], np.linspace(0.2, 1.25, 500)
    nucleons = {12: 6 * oil.number_of_nuclei("C"), -12: 6 * oil.number_of_nuclei("C") + oil.number_of_nuclei("H")}
    total = 0.0
    for code, flavour in ((12, "nue"), (-12, "nuebar_numubar")):
        sigma = datasets.read("cross_sections/ccqe")
        sigma = sigma[sigma.flavour == flavour]
        rate = experiment["neutrino"][code](E) * np.interp(E, sigma.e_nu, sigma.sigma) * 1e-38 * nucleons[code]
        # The electron has four fifths of the neutrino's energy in the mean.
        total += np.trapezoid(rate * ring.efficiency(0.8 * E), E) * one["pot_neutrino"]
    published_background = datasets.read("miniboone/spectra").query("variable == 'evis'").intrinsic_nue.sum()
    assert total == pytest.approx(published_background, rel=0.3)  # 725 of 990
    assert total < published_background


class TestTheSelection:
    def test_bins_add_up_to_one_bin(self, light):
        bins = events(light, LIGHT, miniboone.MINIBOONE_NU)
        one = events(light, LIGHT, miniboone.spectrum("neutrino_energy", (0.2, 1.25)))
        assert bins.mean[counts.IN_RANGE].sum() == pytest.approx(one.mean.sum(), rel=1e-12)  # rounding

    @pytest.mark.parametrize(
        ("variable", "edges"), [("visible_energy", np.linspace(0, 5, 40)), ("cos_theta", np.linspace(-1, 1.0001, 11))]
    )
    def test_each_variable_holds_the_same_events(self, light, variable, edges):
        own = events(light, LIGHT, miniboone.spectrum(variable, tuple(edges)))
        one = events(light, LIGHT, miniboone.spectrum("neutrino_energy", (0.2, 1.25)))
        assert own.mean.sum() == pytest.approx(one.mean.sum(), rel=1e-12)  # rounding

    def test_the_analysis_of_both_modes_holds_that_of_each(self):
        both, one = miniboone.MINIBOONE_BOTH, miniboone.MINIBOONE_NU
        assert both.channels[0].selection == one.channels[0].selection
        np.testing.assert_array_equal(both.observed[:11], one.observed)
        assert both.observed[counts.IN_RANGE].sum() == 2870

    def test_the_efficiency_of_an_event_is_in_its_weight(self, light):
        bins, chance = miniboone.selection().accepted(light)
        generated = light.p_electron[:, 0] + light.p_positron[:, 0]
        inside = (500 / 610.6) ** 3
        np.testing.assert_allclose(chance[bins >= 0], ring.efficiency(generated[bins >= 0]) / inside)
        assert not chance[bins < 0].any()


class TestWhatScatters:
    def test_a_long_lived_n_comes_from_the_earth(self, heavy):
        weight = dk.detected_weight(heavy, HEAVY, miniboone.MINIBOONE_NU)
        assert weight[miniboone.of_earth(heavy)].sum() > 0.8 * weight.sum()

    def test_a_short_lived_n_comes_from_the_oil(self, light):
        weight = dk.detected_weight(light, LIGHT, miniboone.MINIBOONE_NU)
        assert weight[light.module == "oil"].sum() == pytest.approx(weight.sum(), rel=1e-9)

    @pytest.mark.parametrize(("name", "theta"), [("light", LIGHT), ("heavy", HEAVY)])
    def test_nucleons_add_some_part_of_the_events(self, name, theta, request):
        sample = request.getfixturevalue(name)
        weight = dk.detected_weight(sample, theta, miniboone.MINIBOONE_NU)
        assert 0.03 < weight[sample.target % 10 == 1].sum() / weight.sum() < 0.4


class TestThePublishedProgram:
    def test_counting_the_fiducial_volume_twice_loses_what_is_known(self, light):
        """0.659 = (500/574.6)³, for N that decays at once."""
        ratio = twice_and_once(light, fiducial_counted_twice=True)
        # Vertices within 574.6 and 610.6 cm are Sobol points: a share of them to a per cent.
        assert ratio == pytest.approx((500 / 574.6) ** 3, rel=0.02)

    def test_a_larger_charge_makes_more_n(self, light):
        ratio = twice_and_once(light, larger_charge=True)
        assert ratio == pytest.approx(miniboone.FINE_STRUCTURE_RATIO, rel=1e-3)  # N decays at once in either case

    def test_the_edge_at_1300_changes_two_bins_and_not_their_sum(self, light):
        ours, theirs = (
            events(light, LIGHT, miniboone.analysis(["neutrino"], one)).mean
            for one in (Differences(), Differences(edge_at_1300=True))
        )
        assert ours[8:10].sum() == pytest.approx(theirs[8:10].sum(), rel=1e-12)  # rounding
        np.testing.assert_array_equal(np.delete(ours, [8, 9]), np.delete(theirs, [8, 9]))
        assert theirs[8] > ours[8]

    def test_free_protons_are_not_blocked_and_neutrons_are_missing(self, light):
        ratio = published.free_proton_ratio(light)
        nucleons = light.target % 10 == 1
        np.testing.assert_array_equal(ratio[~nucleons], 1.0)
        # Far from Pauli's principle the protons alone are left, which scatter most; near it more are free than bound.
        assert ratio[nucleons].max() > 2
        assert 0.5 < ratio[nucleons].min() < 1

    def test_reversing_the_dark_photon_keeps_the_number_of_events(self, light):
        """Of all that are produced, the angles being normalised; 5 sigma of their spread."""
        ratio, weight = published.reversed_ratio(light), dk.produced_weight(light, LIGHT, miniboone.MINIBOONE_NU)
        spread = np.sqrt((weight**2 * (ratio - 1) ** 2).sum()) / weight.sum()
        assert (weight * ratio).sum() / weight.sum() == pytest.approx(1.0, abs=5 * spread)

    def test_reversing_changes_nothing_of_a_heavy_dark_photon(self, heavy):
        np.testing.assert_array_equal(published.reversed_ratio(heavy), 1.0)

    def test_a_linear_flux_has_as_many_neutrinos(self):
        flux = booster_beam("BNB", "flux/miniboone_fhc", [14])[14]
        E = np.linspace(0, flux.edges[-1], 50_001)
        found = np.trapezoid(linear_ratio(flux, E) * flux(E), E)
        assert found == pytest.approx(flux.cumulative[-1], rel=0.01)  # curvature within a bin

    def test_other_flavours_than_muon_neutrinos_are_few(self, light):
        assert 0.9 < twice_and_once(light, muon_neutrinos_only=True) < 1

    def test_light_earth_counts_where_n_comes_from_the_earth(self, light, heavy):
        assert twice_and_once(light, light_earth=True) == 1
        here, there = (
            published.predict(HEAVY, heavy, d).total for d in (Differences(), Differences(light_earth=True))
        )
        weight, earth = dk.detected_weight(heavy, HEAVY, miniboone.MINIBOONE_NU), miniboone.of_earth(heavy)
        expected = 1 - (1 - 1 / 1.5**2) * weight[earth].sum() / weight.sum()
        assert there / here == pytest.approx(expected, rel=1e-9)  # rounding

    def test_pairs_with_a_lepton_at_rest_are_lost(self, light):
        pairs = ring.smeared(light)
        moving = np.minimum(momentum(pairs.p_electron), momentum(pairs.p_positron)) > 0
        (bins, chance), (kept, chance_kept) = (
            miniboone.selection(Differences(at_rest_lost=lost)).accepted(light) for lost in (False, True)
        )
        np.testing.assert_array_equal(kept, np.where(moving, bins, -1))
        np.testing.assert_array_equal(chance_kept, np.where(moving, chance, 0.0))
        assert (bins[~moving] >= 0).any()  # without a direction they are one ring, of the other lepton

    def test_every_energy_counted_scales_the_bins_to_all_selected_events(self, light):
        one, every = (
            published.predict(LIGHT, light, d) for d in (Differences(), Differences(every_energy_counted=True))
        )
        chosen = miniboone.spectrum("cos_theta", (-1.0, 1.0001))
        open_ended = dataclasses.replace(chosen.channels[0].selection, energy_range=(-1000.0, 1000.0))
        whole = dataclasses.replace(chosen, channels=(dataclasses.replace(chosen.channels[0], selection=open_ended),))
        assert every.total == pytest.approx(events(light, LIGHT, whole).mean.sum(), rel=1e-9)  # rounding
        np.testing.assert_allclose(every.mean / one.mean, every.total / one.total, rtol=1e-9)
        assert every.total > one.total

    def test_electrons_only_matters_where_n_decays_to_muons(self, light):
        # A light Z′ then decays where it is made: a few centimetres of its flight, in a sphere of five metres.
        assert twice_and_once(light, electrons_only=True) == pytest.approx(1.0, abs=0.01)
        theta = published.parameters(0.35, 1.58, 1e-2, 0.01)
        assert theta.replace(decays="paper").proper_decay_length() > 1.1 * theta.proper_decay_length()

    def test_the_best_factor_is_where_chi_squared_is_least(self, light):
        one = published.predict(LIGHT, light)
        factor, least = published.best_factor(one.mean, one.error)
        own = counts.likelihood(["neutrino"])
        around = [own.chi_squared(factor * x * one.mean, (factor * x * one.error) ** 2) for x in (0.97, 1.0, 1.03)]
        assert around[1] == pytest.approx(least, rel=1e-9)
        assert around[1] < min(around[0], around[2])

    def test_every_ring_holds_those_that_are_selected(self, light):
        """With the weights of the efficiency they are the events of the fit; without a criterion they are more."""
        by_r, by_all = (published.every_ring(LIGHT, light, name) for name in ("circle1", "none"))
        pairs = ring.smeared(light)
        weight = dk.produced_weight(light, LIGHT, miniboone.MINIBOONE_NU) * ring.is_one_ring(pairs)
        energy = ring.Ring.of(pairs).neutrino_energy
        chance = ring.efficiency(light.p_electron[:, 0] + light.p_positron[:, 0])
        own = np.histogram(energy, counts.edges(), weights=weight * chance * (light.module == "oil"))[0]
        inside = np.histogram(energy, counts.edges(), weights=weight * (light.module == "oil"))[0]
        # The efficiency of the release holds the share of the fiducial volume; vertices there are Sobol points.
        found = events(light, LIGHT, miniboone.MINIBOONE_NU).mean
        assert own.sum() == pytest.approx(found.sum(), rel=0.02)
        assert by_r.sum() == pytest.approx((500 / 610.6) ** 3 * inside.sum(), rel=1e-9)  # rounding
        assert np.all(by_all >= by_r)
        assert by_all.sum() > 1.2 * by_r.sum()

    def test_all_of_it_is_every_difference(self):
        assert all(vars(Differences.all()).values())
        assert published.differences(["all"]) == Differences.all()
        assert published.differences(["light_earth"]) == Differences(light_earth=True)

    def test_a_difference_is_true_or_false(self):
        with pytest.raises(TypeError, match="light_earth must be True or False"):
            Differences(light_earth=1)


class TestTheCommand:
    POINTS = pd.DataFrame({"m_N": [0.4], "m_Zprime": [0.03], "epsilon": [8e-4], "U_mu4": [3e-4]})

    def run(self, *arguments):
        return CliRunner().invoke(app, ["miniboone", *map(str, arguments)])

    def test_it_writes_events_bins_and_chi_squared(self, tmp_path):
        self.POINTS.to_csv(tmp_path / "points.csv", index=False)
        options = ["--n-events", 1024, "--seed", 3, "--difference", "edge_at_1300"]
        result = self.run(tmp_path / "points.csv", "-o", tmp_path / "found.csv", *options)
        assert result.exit_code == 0, result.output
        found = pd.read_csv(tmp_path / "found.csv")
        expected = published.predict(LIGHT, published.simulated(LIGHT, 1024, 3), Differences(edge_at_1300=True))
        bins = found[[f"bin_{i}" for i in range(1, 12)]].iloc[0]
        np.testing.assert_allclose(bins, expected.mean, rtol=1e-5)  # six digits
        assert found.events.item() == pytest.approx(bins.sum(), rel=1e-5)
        assert found.chi_squared.item() == pytest.approx(expected.chi_squared, rel=1e-5)
        assert found.chi_squared.item() == pytest.approx(counts.likelihood(["neutrino"]).chi_squared(bins), rel=1e-4)

    @pytest.mark.parametrize(
        ("change", "options", "message"),
        [
            ({}, ["--difference", "colour"], "difference must be one of fiducial_counted_twice"),
            ({"U_mu4": [-1.0]}, [], "row 1 of points: U_mu4 must be"),
            ({"m_N": [np.nan]}, [], "row 1 of points: m_N must be"),
        ],
    )
    def test_wrong_input_gets_one_line(self, tmp_path, change, options, message):
        self.POINTS.assign(**change).to_csv(tmp_path / "points.csv", index=False)
        result = self.run(tmp_path / "points.csv", "-o", tmp_path / "found.csv", *options)
        assert result.exit_code == 2
        assert message in result.stderr
        assert not (tmp_path / "found.csv").exists()

    def test_a_column_that_is_missing_is_named(self, tmp_path):
        self.POINTS.drop(columns="epsilon").to_csv(tmp_path / "points.csv", index=False)
        result = self.run(tmp_path / "points.csv", "-o", tmp_path / "found.csv")
        assert result.exit_code == 2
        assert "lacks epsilon" in result.stderr


def test_differences_are_documented():
    text = Differences.__doc__
    assert all(f"``{one.name}``" in text for one in dataclasses.fields(Differences))

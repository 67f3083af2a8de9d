"""Published numbers of MiniBooNE and MicroBooNE: totals, χ² and ratios that are stated, computed from the data."""

import numpy as np
import pytest
from scipy.linalg import block_diag

from darkpkg import datasets
from darkpkg.units import tonne

MODES = ("neutrino", "antineutrino")
COUNTS = datasets.read("miniboone/counts").set_index(["mode", "sample"]).sort_index(kind="stable")
FRACTIONAL = datasets.read("miniboone/covariance").set_index("row")
MINIBOONE, MICROBOONE = (
    datasets.read(f"{name}/experiment").set_index("name") for name in ("miniboone", "microboone")
)
FLUXES = {name: datasets.read(f"flux/{name}") for name in ("miniboone_fhc", "miniboone_rhc", "microboone_fhc")}
NO_SIGNAL, A_SIGNAL = np.zeros(11), np.array([200, 100, 80, 60, 40, 30, 20, 10, 5, 3, 2.0])


def counts(mode, sample, column):
    return COUNTS.loc[(mode, sample), column].to_numpy(float)


def fractional_covariance(modes, blocks=("signal", "background", "numu")):
    names = [name for mode in modes for block in blocks for name in FRACTIONAL if name.startswith(f"{mode}_{block}_")]
    return FRACTIONAL.loc[names, names].to_numpy()


def chi_squared(signal):
    """χ² of electron-like and muon-like bins together, for ``signal``: mode → 11 electron-like events.

    The covariance is that of the release times the predictions, S in the diagonal of the signal, and the two
    electron-like blocks of each mode added up. The statistical error of the background is in the release.
    """
    predicted, residual, statistical = [], [], []
    for mode, S in signal.items():
        B, M = (counts(mode, sample, "predicted") for sample in ("nue", "numu"))
        predicted += [S, B, M]
        statistical += [S, 0 * B, 0 * M]
        residual += [counts(mode, "nue", "observed") - S - B, counts(mode, "numu", "observed") - M]
    v, r = np.concatenate(predicted), np.concatenate(residual)
    fractional = fractional_covariance(["nu" if mode == "neutrino" else "nubar" for mode in signal])
    covariance = fractional * np.outer(v, v) + np.diag(np.concatenate(statistical))
    add = block_diag(*[block_diag(np.hstack([np.eye(11), np.eye(11)]), np.eye(8)) for _ in signal])
    return r @ np.linalg.solve(add @ covariance @ add.T, r)


class TestMiniBooNE:
    # The last digits of the matrix matter: that released for antineutrino mode alone, equal to this one to 5e-7,
    # gives 22.8880 in place of 22.8890.
    @pytest.mark.parametrize(
        ("signal", "expected"),
        [
            ({"neutrino": NO_SIGNAL}, 31.802),
            ({"antineutrino": NO_SIGNAL}, 22.888),
            ({"neutrino": NO_SIGNAL, "antineutrino": NO_SIGNAL}, 69.233),
            ({"neutrino": A_SIGNAL}, 5.690),
            ({"antineutrino": A_SIGNAL / 8}, 10.582),
            ({"neutrino": A_SIGNAL, "antineutrino": A_SIGNAL / 8}, 21.335),
        ],
    )
    def test_chi_squared_is_that_of_an_independent_program(self, signal, expected):
        assert chi_squared(signal) == pytest.approx(expected, abs=2e-3)

    def test_muon_like_events_constrain_the_background_as_published(self):
        """Electron-like events of 200 to 1250 MeV given the muon-like ones: the excess and its error."""
        B, M = (np.concatenate([counts(mode, sample, "predicted") for mode in MODES]) for sample in ("nue", "numu"))
        seen = {s: np.concatenate([counts(mode, s, "observed") for mode in MODES]) for s in ("nue", "numu")}
        names = [name for block in ("background", "numu") for name in FRACTIONAL if f"_{block}_" in name]
        v = np.concatenate([B, M])
        covariance = FRACTIONAL.loc[names, names].to_numpy() * np.outer(v, v)
        V_BB, V_BM = covariance[:22, :22], covariance[:22, 22:]
        V_MB, V_MM = V_BM.T, covariance[22:, 22:]
        gain = V_BM @ np.linalg.inv(V_MM)
        background, V = B + gain @ (seen["numu"] - M), V_BB - gain @ V_MB
        in_range = np.tile(np.arange(11) < 9, 2)
        each = [in_range & (np.arange(22) // 11 == i) for i in (0, 1)]
        np.testing.assert_allclose([background[s].sum() for s in each], [2306.6, 401.4], atol=0.05)
        np.testing.assert_allclose([V[np.ix_(s, s)].sum() ** 0.5 for s in each], [117.9, 28.3], atol=0.05)
        excess, error = (seen["nue"] - background)[in_range].sum(), V[np.ix_(in_range, in_range)].sum() ** 0.5
        # 640.0 ± 131.4, where the paper has 638.0 ± 132.8.
        assert excess == pytest.approx(float(MINIBOONE.value["excess"]), abs=0.02 * error)
        assert error == pytest.approx(float(MINIBOONE.error["excess"]), rel=0.02)

    def test_the_error_of_the_excess_has_two_parts(self):
        parts = MINIBOONE.error[["excess_statistical", "excess_systematic"]].astype(float)
        assert np.hypot(*parts) == pytest.approx(float(MINIBOONE.error["excess"]), abs=0.05)

    def test_the_covariance_is_symmetric_and_positive_once_it_is_summed(self):
        matrix = FRACTIONAL.to_numpy()
        np.testing.assert_array_equal(matrix, matrix.T)
        assert list(FRACTIONAL.index) == list(FRACTIONAL.columns)
        assert np.linalg.eigvalsh(matrix)[0] == pytest.approx(-9e-4, abs=0.5e-4)
        assert np.linalg.eigvalsh(fractional_covariance(("nu", "nubar"), ("background", "numu"))).min() > 0

    @pytest.mark.parametrize(
        ("mode", "observed", "predicted"), [("neutrino", 2870, 2322.7), ("antineutrino", 478, 398.2)]
    )
    def test_counts_add_up_in_the_range_of_the_excess(self, mode, observed, predicted):
        bins = COUNTS.loc[(mode, "nue")].query("e_low >= 200 and e_high <= 1250")
        assert bins.observed.sum() == observed
        assert bins.predicted.sum() == pytest.approx(predicted, abs=0.05)

    @pytest.mark.parametrize("sample", ["nue", "numu"])
    @pytest.mark.parametrize("mode", MODES)
    def test_bins_are_numbered_and_have_no_gap(self, mode, sample):
        bins = COUNTS.loc[(mode, sample)]
        assert list(bins.bin) == list(range(1, len(bins) + 1))
        np.testing.assert_array_equal(bins.e_low[1:], bins.e_high[:-1])

    def test_figures_differ_from_the_release_in_one_edge_only(self):
        table = datasets.read("miniboone/spectra_read_off").query("variable == 'enu_qe'")
        release, figure = counts("neutrino", "nue", "observed"), table.observed.to_numpy()
        assert (release[8:10].sum(), *np.delete(release, [8, 9])) == (figure[8:10].sum(), *np.delete(figure, [8, 9]))
        assert list(table.low[8:11]) == [1100, 1300, 1500]

    def test_spectra_in_one_and_two_variables_hold_the_same_events(self):
        spectra, both = datasets.read("miniboone/spectra"), datasets.read("miniboone/evis_costheta")
        for variable, edge in (("evis", "evis_low"), ("cos_theta", "cos_theta_low")):
            one = spectra[spectra.variable == variable].set_index("low")[["observed", "background"]]
            sums = both.groupby(edge)[["observed", "background"]].sum()
            np.testing.assert_allclose(sums.index, one.index)
            # Predictions are rounded to 0.01 in up to 20 cells.
            np.testing.assert_allclose(sums, one, atol=20**0.5 * 0.01)
            np.testing.assert_allclose(one.sum(), [2881, 2318.3], atol=0.05)

    @pytest.mark.parametrize("table", ["spectra", "evis_costheta"])
    def test_the_background_is_the_sum_of_its_components(self, table):
        rows = datasets.read(f"miniboone/{table}")
        components = ["intrinsic_nue", "pi0_misid", "delta_to_n_gamma", "dirt", "other"]
        np.testing.assert_allclose(rows[components].sum(axis=1), rows.background, atol=0.021)  # each rounded to 0.01

    @pytest.mark.parametrize(
        ("mode", "variable", "observed", "background"),
        [
            ("neutrino", "cos_theta_r4", 1986, 1519.3),
            ("neutrino", "enu_qe", 3014 + 188, 2437),
            ("antineutrino", "evis", 576, 508.0),
            ("antineutrino", "cos_theta", 587, 512.3),
        ],
    )
    def test_spectra_that_were_read_off_have_their_totals(self, mode, variable, observed, background):
        rows = datasets.read("miniboone/spectra_read_off").query("mode == @mode and variable == @variable")
        assert rows.observed.sum() == observed
        assert rows.background.sum() == pytest.approx(background, abs=0.2)

    def test_the_one_ring_cuts_cover_all_energies_and_hardly_depend_on_how_they_were_tuned(self):
        table = datasets.read("miniboone/one_ring")
        np.testing.assert_array_equal(table.e_low[1:], table.e_high[:-1])
        for variable in ("r_diagonal", "r_circle1", "r_circle0"):
            ratio = table[f"{variable}_100c1s"] / table[f"{variable}_1c100s"]
            assert ratio.between(0.97, 1.06).all(), variable  # noise of one sample, and three digits

    def test_the_efficiency_covers_all_energies_and_holds_the_fiducial_volume(self):
        table = datasets.read("miniboone/efficiency")
        np.testing.assert_array_equal(table.e_low[1:], table.e_high[:-1])
        fiducial = (float(MINIBOONE.value["fiducial_radius"]) / float(MINIBOONE.value["tank_radius"])) ** 3
        assert fiducial == pytest.approx(0.55, abs=0.005)
        assert table.efficiency.max() < fiducial

    def test_the_oil_fills_the_tank(self):
        volume = 4 / 3 * np.pi * float(MINIBOONE.value["tank_radius"]) ** 3
        density = float(MINIBOONE.value["tank_mass"]) * tonne / volume
        assert density == pytest.approx(0.858, abs=5e-4)

    def test_the_earth_is_too_light_for_its_cone(self):
        """In DarkNews, by the square of a factor 1.5 in the radii."""
        begin, end, r, R = (
            float(MINIBOONE.value[f"earth_{name}"]) * 100 for name in ("begin", "end", "radius_begin", "radius_end")
        )
        cone = np.pi * (end - begin) / 3 * (r**2 + r * R + R**2)
        assert 2.15 * cone / (float(MINIBOONE.value["earth_mass"]) * tonne) == pytest.approx(1.5**2, rel=2e-3)


class TestMicroBooNE:
    SPECTRA = datasets.read("microboone/spectra")
    COVARIANCE = datasets.read("microboone/covariance").set_index("row")

    @pytest.mark.parametrize(
        ("variable", "observed", "prediction", "signal"),
        [("visible_energy", 95, 68.7, 67.5), ("angle", 92, 70.4, 67.0), ("bdt_score", 95, 73.3, 67.3)],
    )
    def test_each_spectrum_has_the_published_totals(self, variable, observed, prediction, signal):
        rows = self.SPECTRA[self.SPECTRA.variable == variable]
        assert rows.observed.sum() == observed
        np.testing.assert_allclose(rows[["prediction", "signal"]].sum(), [prediction, signal], atol=0.05)

    @pytest.mark.parametrize(("band", "observed", "prediction"), [("2g1p", 565, 737), ("2g0p", 786, 835)])
    def test_side_bands_have_the_published_totals(self, band, observed, prediction):
        rows = self.SPECTRA[self.SPECTRA.variable == f"pi0_momentum_{band}"]
        assert rows.observed.sum() == observed
        assert rows.prediction.sum() == pytest.approx(prediction, abs=0.5)

    @pytest.mark.parametrize(("signal", "expected", "as_it_stands"), [(0, 27.3, 75.8), (1, 30.7, 89.9)])
    def test_only_as_a_fractional_one_the_covariance_gives_one_a_bin(self, signal, expected, as_it_stands):
        """χ² of 32 bins, without and with the example of a signal; the collaboration's notebook prints 90.6."""
        bins = self.SPECTRA.groupby("variable").cumcount() + 1
        rows = self.SPECTRA.set_index(self.SPECTRA.variable + "_" + bins.astype(str)).loc[self.COVARIANCE.index]
        predicted = rows.prediction.to_numpy() + signal * rows.signal.fillna(0).to_numpy()
        residual = rows.observed.to_numpy() - predicted
        for scale, chi_sq in ((predicted, expected), (np.ones(32), as_it_stands)):
            covariance = self.COVARIANCE.to_numpy() * np.outer(scale, scale) + np.diag(predicted)
            assert residual @ np.linalg.solve(covariance, residual) == pytest.approx(chi_sq, abs=0.06)

    def test_the_covariance_gives_a_smaller_error_than_the_published_total(self):
        rows = self.SPECTRA[self.SPECTRA.variable == "bdt_score"]
        block = self.COVARIANCE.to_numpy()[:4, :4]
        error = np.sqrt(rows.prediction @ block @ rows.prediction + rows.prediction.sum())
        assert error == pytest.approx(12.8, abs=0.05)
        assert error < float(MICROBOONE.error["predicted"])

    def test_the_covariance_is_symmetric_and_positive(self):
        np.testing.assert_array_equal(self.COVARIANCE, self.COVARIANCE.T)
        assert list(self.COVARIANCE.index) == list(self.COVARIANCE.columns)
        assert np.linalg.eigvalsh(self.COVARIANCE)[0] > 0

    def test_the_efficiency_is_the_sum_of_its_topologies(self):
        table = datasets.read("microboone/efficiency")
        topologies = table[["one_shower_no_track", "two_showers_no_track", "one_shower_one_track"]].sum(axis=1)
        np.testing.assert_allclose(topologies, table.total, atol=4 * 0.0008)  # four readings, at most 0.0008 off each
        assert np.sqrt(np.mean((topologies - table.total) ** 2)) == pytest.approx(0.00065, abs=5e-5)

    def test_the_argon_of_the_active_volume_has_its_density(self):
        value = MICROBOONE.value.astype(float)
        volume = value.active_width * value.active_height * value.active_length
        assert value.density * volume == pytest.approx(value.active_mass * tonne, rel=1e-4)


class TestFluxes:
    @pytest.mark.parametrize(
        ("name", "numu", "numubar", "nue", "nuebar"),
        [
            ("miniboone_fhc", 5.194e-10, 3.260e-11, 2.869e-12, 2.998e-13),
            ("miniboone_rhc", 5.423e-11, 2.928e-10, 6.71e-13, 1.266e-12),
            ("microboone_fhc", 7.376e-10, 4.559e-11, 3.978e-12, 4.025e-13),
        ],
    )
    def test_the_whole_flux_per_proton_is_that_of_the_release(self, name, numu, numubar, nue, nuebar):
        table = FLUXES[name]
        whole = table.iloc[:, 2:].mul(table.e_high - table.e_low, axis=0).sum()
        assert list(whole.index) == ["numu", "numubar", "nue", "nuebar"]
        np.testing.assert_allclose(whole, [numu, numubar, nue, nuebar], rtol=1e-3)  # four digits

    @pytest.mark.parametrize("name", FLUXES)
    def test_bins_are_50_MeV_wide_without_a_gap(self, name):
        np.testing.assert_allclose(FLUXES[name].e_low, 0.05 * np.arange(len(FLUXES[name])), atol=1e-9)
        np.testing.assert_allclose(FLUXES[name].e_high, FLUXES[name].e_low + 0.05, atol=1e-9)

    @pytest.mark.parametrize(("low", "high", "ratio"), [(0, 1, 1.38), (1, 1.5, 1.49), (1.5, 2, 1.64), (0, 7, 1.42)])
    def test_microboone_is_not_miniboone_nearer_by(self, low, high, ratio):
        """The square of the distances, 541 m and 470 m, is 1.325."""
        here = FLUXES["miniboone_fhc"].e_high.between(low + 0.025, high + 0.025)
        near, far = (FLUXES[name].numu[here].sum() for name in ("microboone_fhc", "miniboone_fhc"))
        assert near / far == pytest.approx(ratio, abs=0.006)
        assert near / far > 1.03 * (541 / 470) ** 2

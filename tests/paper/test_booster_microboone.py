"""MicroBooNE's search: argon, exposure, the product of efficiencies, and the limit on the number of pairs."""

import numpy as np
import pytest
from scipy import optimize, stats

import darkpkg as dk
from darkpkg.experiment.response import Pairs
from darkpkg.units import ELECTRON_MASS, gram, tonne
from paper.booster import microboone, published

THETA = published.parameters(0.4, 0.03, 8e-4, 3e-4)


@pytest.fixture(scope="module")
def sample(simulated):
    return simulated(THETA, 2**12, 5, experiment=microboone.MICROBOONE, nucleons=True)


def pair(E_1, E_2, opening, theta=0.0):
    """Two leptons with an angle (degrees) between them, the first at ``theta`` to the beam."""
    momenta = []
    for E, angle in ((E_1, theta), (E_2, theta + opening)):
        p, angle = np.sqrt(E**2 - ELECTRON_MASS**2), np.radians(angle)
        momenta.append(np.array([[E, p * np.sin(angle), 0.0, p * np.cos(angle)]]))
    return dk.observables(Pairs(*momenta))


def test_argon_and_earth_have_the_published_masses():
    detector, one = microboone.detector(), microboone.constants()
    argon = sum(module.mass for module in detector.modules if module.material == "Ar")
    assert argon == pytest.approx(one["cryostat_mass"] * tonne, rel=1e-9)
    assert detector["TPC"].density == pytest.approx(1.3954 * gram, rel=1e-4)
    # The cone: from the radius at its end to that 400 m nearer to the target, at 2.15 g/cm³.
    end = one["distance"] * 100 - one["cryostat_length"] / 2 - microboone.EARTH_GAP
    R, r = microboone.EARTH_RADIUS, microboone.EARTH_RADIUS * (end - microboone.EARTH_LENGTH) / end
    cone = np.pi / 3 * microboone.EARTH_LENGTH * (R**2 + R * r + r**2)
    assert 2.15 * cone == pytest.approx(one["earth_mass"] * tonne, rel=2e-3)  # digits of the radii


def test_the_efficiency_is_the_mean_where_all_curves_are():
    """The product at a pair of each curve's bins, by hand."""
    o = pair(0.3, 0.2, 10.0, 2.0)
    mean = microboone.mean_efficiency()
    by_hand = mean * (0.2482 / mean) * (0.3833 / mean) * (0.3731 / mean)
    assert microboone.factorised_efficiency(o, "theta").item() == pytest.approx(by_hand, rel=1e-9)
    assert mean == pytest.approx(0.246, abs=0.002)  # "about 24 %"


def test_leaving_all_but_one_out_would_leave_a_curve():
    o = pair(0.3, 0.2, 10.0, 2.0)
    whole = microboone.factorised_efficiency(o).item()
    factors = [whole / microboone.factorised_efficiency(o, name).item() for name in microboone.VARIABLES]
    assert microboone.mean_efficiency() * np.prod(factors) == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize(
    "o", [pair(0.03, 0.01, 10.0), pair(2.0, 0.5, 10.0), pair(0.3, 0.3, 130.0), pair(0.3, 0.2, 1, 60)]
)
def test_nothing_is_selected_where_nothing_is_published(o):
    assert microboone.factorised_efficiency(o).item() == 0.0


def test_the_fiducial_volume_has_fewer_pairs(sample, simulated):
    inner = microboone.experiment("fiducial")
    rates = []
    for one in (microboone.MICROBOONE, inner):
        placed = sample if one is microboone.MICROBOONE else simulated(THETA, 2**12, 5, experiment=one, nucleons=True)
        rates.append(dk.Kernel(placed).events(THETA, microboone.MICROBOONE_PAIRS).total())
    volume, active = inner.detector["TPC"].fiducial.volume, inner.detector["TPC"].active.volume
    ratio, error = rates[1].mean / rates[0].mean, np.hypot(*(r.variance**0.5 / r.mean for r in rates))
    assert ratio == pytest.approx(volume / active, rel=4 * error)  # N decays where it is made


def test_95_events_exclude_what_a_gaussian_does():
    """Largest signal with a one-sided 95 %: χ² of the published error, √(background), √S and 20 % of S."""
    own = microboone.likelihood()

    def pull(S):
        return (69.7 + S - 95) / np.sqrt(17.3**2 + 69.7 + S + (microboone.SIGNAL_ERROR * S) ** 2)

    S = optimize.brentq(lambda S: pull(S) - stats.norm.ppf(0.95), 1, 300)
    assert own.chi_squared([S]) == pytest.approx(stats.norm.ppf(0.95) ** 2, rel=1e-9)
    assert 55 < S < 75

"""How regions of MiniBooNE are drawn along the couplings that fit."""

import numpy as np
import pytest

from paper.booster.planes import Plane
from paper.figures.booster import _along_band, _at_couplings


@pytest.mark.parametrize("power", [-2.5, 0.0, 2.0])
def test_a_band_narrower_than_a_step_of_the_mass_is_level_in_couplings_along_it(power):
    """Otherwise its contour, straight between neighbouring masses, breaks into pieces."""
    x, y = np.geomspace(0.05, 1, 15), np.geomspace(1e-8, 1e2, 400)
    off = np.log(y) - np.log(1e-3 * x[:, None] ** power)
    one = Plane("m_N, V_muN_sq", x, y, (off / 0.1) ** 2, {})
    couplings = _along_band(one)
    delta = _at_couplings(one, couplings, one.delta)
    assert np.ptp(np.nanargmin(delta, axis=1)) <= 2
    step = np.log(y[1] / y[0])
    least = couplings[np.arange(15), np.nanargmin(delta, axis=1)]
    np.testing.assert_allclose(np.log(least), np.log(1e-3 * x**power), atol=2 * step)

"""How regions of MiniBooNE are drawn along the couplings that fit."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from paper.booster.planes import Plane
from paper.figures.booster import _along_band, _at_couplings, _write_inside


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


def test_a_word_stands_inside_the_region_that_it_names():
    figure = Figure(figsize=(4.0, 3.0))
    ax = figure.subplots()
    x, y = np.meshgrid(np.geomspace(0.05, 1, 40), np.geomspace(0.01, 0.2, 30), indexing="ij")
    within = (x > 0.2) & (x < 0.8) & (y > 0.05) & (y < 0.09)
    ax.set(xscale="log", yscale="log", xlim=(0.05, 1), ylim=(0.01, 0.2))
    _write_inside(ax, "excluded", x, y, within)
    corners = ax.transData.inverted().transform(ax.texts[0].get_window_extent())
    assert (corners > (0.2, 0.05)).all()
    assert (corners < (0.8, 0.09)).all()

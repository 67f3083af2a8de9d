"""What three experiments cost: their samples over both masses, and the fit with all of them.

Two cores are to need less than three minutes for the samples and less than five for samples and fit together, so
that processor seconds are to be below 360 and 600.
"""

import time
import warnings

import pytest

from darkpkg.method.estimators import Transport
from darkpkg.method.expectation import FewEventsWarning
from paper.booster import fit, microboone, miniboone, planes

EXPERIMENTS = {"MiniBooNE": miniboone.MINIBOONE, "MicroBooNE": microboone.MICROBOONE, "T2K": fit.T2K_I}
SHAPE = (12, 10, 48)


@pytest.mark.filterwarnings("ignore::darkpkg.method.expectation.FewEventsWarning")
def test_samples_and_fit(benchmark):
    seconds = {"samples": 0.0, "fit": 0.0}

    def both():
        warnings.simplefilter("ignore", FewEventsWarning)
        seconds.update(samples=0.0, fit=0.0)
        for mediator, space in fit.SPACES.items():
            begin = time.process_time()
            samples = {name: fit.sample(one, space) for name, one in EXPERIMENTS.items()}
            middle = time.process_time()
            by = {name: Transport(sample) for name, sample in samples.items()}
            found = planes.over_space(mediator, SHAPE, by=by)
            shares = [fit.share_left(found.inside(2, 3), found.excluded(one, 0.95)) for one in planes.SEARCHES]
            seconds["samples"] += middle - begin
            seconds["fit"] += time.process_time() - middle
            assert all(0 <= share <= 1 for share in shares)

    benchmark.pedantic(both, rounds=1)
    benchmark.extra_info |= {f"processor seconds, {name}": round(value, 1) for name, value in seconds.items()}
    assert seconds["samples"] < 360
    assert sum(seconds.values()) < 600

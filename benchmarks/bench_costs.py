"""The budget of each step of `benchmarks.costs`."""

from time import process_time

import pytest

from benchmarks import costs

BUDGETS = {
    "generate": 65,
    "generate Sobol points": 106,
    "adapt": 8,
    "place": 50,
    "observables": 10,
    "prepare": 58,
    "prepare both": 66,
    "transport": 130,
    "transport to the first masses": 150,
}
"""Calls of exp an event: up to 1.2 times the least that was measured, of the two regions the dearer one;
of adaptation, which is short, 1.5 times."""


@pytest.fixture(scope="module", params=costs.REGIONS)
def steps(request):
    with costs.steps(request.param) as each:
        yield each


@pytest.mark.benchmark(timer=process_time)
@pytest.mark.filterwarnings("ignore::darkpkg.FewEventsWarning")
@pytest.mark.parametrize("name", BUDGETS)
def test_step(benchmark, steps, name):
    """A step of a million events, those of `transport` being the events that are transported.

    After the first masses, the integrand at the masses of each event is there.
    """
    step, n = steps[name]
    unit, units = costs.exponential(), []
    benchmark.pedantic(step, setup=lambda: units.append(unit()), rounds=costs.ROUNDS)
    cost = benchmark.stats.stats.min / n
    benchmark.extra_info["calls of exp an event"] = cost / min(units)
    benchmark.extra_info["events per second"] = 1 / cost
    assert cost < BUDGETS[name] * min(units)

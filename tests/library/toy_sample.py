"""A sample whose rate is known in closed form: equal events on lead, with a path of 30 cm from the vertex."""

import math

import numpy as np

import darkpkg as dk
from darkpkg.method.events import PlacedEvents

B = dk.BENCHMARK_B
N_EVENTS = 20_000
LENGTH = 30.0


def toy_sample():
    """Equal events on lead in FHC that all pass the cuts, each with a path of 30 cm that begins at the vertex."""
    p_N, half = np.array([1.0, 0.0, 0.0, math.sqrt(1 - 0.1**2)]), np.array([0.5, 0.0, 0.0, 0.4999])
    repeat = np.ones((N_EVENTS, 1))
    code = dk.NUCLEI["Pb208"].pdg_code
    return PlacedEvents(
        weight=np.full(N_EVENTS, 1e-49 / N_EVENTS),
        m_N=np.full(N_EVENTS, 0.1),
        m_Zprime=np.full(N_EVENTS, 1.25),
        p_N=repeat * p_N,
        p_electron=repeat * half,
        p_positron=repeat * half,
        target=np.full(N_EVENTS, code),
        beam=np.full(N_EVENTS, "FHC"),
        origin=dk.Origin(dk.SamplingRange.at(0.1, 1.25), B, detector=dk.Site("toy", ("toy",), {code: 1e28})),
        vertex=np.zeros((N_EVENTS, 3)),
        module=np.full(N_EVENTS, "toy"),
        entry=np.zeros((N_EVENTS, 1)),
        exit=np.full((N_EVENTS, 1), LENGTH),
        uniform=np.full((N_EVENTS, 4), 0.5),
    )


class Predicted:
    """An estimator of one's own: a function of the points."""

    def __init__(self, predict):
        self.predict = predict

    def events(self, points, analysis):
        return self.predict(points)


def toy_rate(parameters):
    """What the toy sample must give: nuclei × POT × weight × efficiency × couplings × decay in 30 cm."""
    decay_length = math.sqrt(1 - 0.1**2) / 0.1 * parameters.proper_decay_length()
    return 1e28 * 1e21 * 1e-49 * 0.5 * parameters.coupling / B.coupling * -np.expm1(-LENGTH / decay_length)


def counting(observed=0, background=0.0, systematic=0.0):
    selection = dk.Selection(("toy",), 0.5, dk.Cuts(max_mass=10.0, max_t=10.0))
    channel = dk.Channel("FHC", "FHC", 1e21, (background,), (observed,), systematic, selection)
    return dk.Analysis("toy", (channel,))


def toy_rates():
    """Expected events of the toy sample at 40 points of different lifetimes."""
    points = B.replace(V_muN_sq=np.geomspace(1e-12, 1e-6, 40))
    return dk.Kernel(toy_sample()).events(points, counting()).mean

"""`check` at points of both regimes against decays that are drawn one by one, N first and then Z′."""

import warnings

import numpy as np
import pytest

import darkpkg as dk

A, B = dk.BENCHMARK_A, dk.BENCHMARK_B
I, II = dk.ANALYSIS_I, dk.ANALYSIS_II
POINTS = {
    "B": (B, I),
    "B, light N": (B.replace(m_N=0.02, V_N_sq=1e-3, epsilon=0.3), I),
    "B, above muons": (B.replace(m_N=0.35, V_N_sq=1e-4), I),
    "B, equal masses": (B.replace(m_Zprime=0.1001, V_N_sq=1e-5, epsilon=1e-3), I),
    "B in Analysis II": (B.replace(V_N_sq=0.9, epsilon=0.1), II),
    "A": (A, I),
    "A in Analysis II": (A.replace(m_Zprime=0.01), II),
    "A, 10 MeV": (A.replace(m_Zprime=0.01), I),
    "A, 3 MeV, a small mixing": (A.replace(m_Zprime=0.003, epsilon=2e-5), I),
    "A, N lives long, too": (A.replace(m_Zprime=0.02, epsilon=5e-5, V_N_sq=1e-12, V_muN_sq=1e-12), I),
}
DRAWS = 60


@pytest.mark.parametrize("name", POINTS)
def test_expected_events_agree_with_drawn_flights(name):
    """The same events, so that only the drawing differs, whose variance is that of 0 and 1."""
    point, analysis = POINTS[name]
    masses = dk.SamplingRange.at(float(point.m_N), float(point.m_Zprime))
    events = dk.place(dk.generate(masses, 6000, seed=41), dk.ND280, seed=42)
    rng, drawn, variance = np.random.default_rng(43), 0.0, 0.0
    share = point.pair_branching_ratio() * point.coupling / B.coupling  # the sample was generated at B's couplings
    flight_N = events.p_N[:, 1:] / point.m_N * point.proper_decay_length()
    p_Z = (events.p_electron + events.p_positron)[:, 1:]
    flight_Z = p_Z / point.m_Zprime * point.mediator_decay_length()
    ends = [events.vertex + s * flight_N + t * flight_Z for s, t in rng.exponential(size=(DRAWS, 2, len(events), 1))]
    for channel in analysis.channels:
        boxes = [dk.ND280[module].fiducial for module in channel.selection.decay_modules]
        hit = np.mean([np.any([box.contains(end) for box in boxes], axis=0) for end in ends], axis=0)
        nuclei = [dk.ND280.number_of_nuclei(symbol) for symbol in dk.ND280.targets]
        number = dict(zip([n.pdg_code for n in dk.ND280.targets.values()], nuclei, strict=True))
        exposure = channel.pot * np.array([number[code] for code in events.target.tolist()])
        w = events.weight * exposure * share * channel.selection.efficiency
        w = w * (events.beam == channel.beam) * (channel.selection.bins(events) >= 0)
        drawn += w @ hit
        variance += w**2 @ (hit * (1 - hit)) / (DRAWS - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dk.FewEventsWarning)
        found = dk.check(dk.Transport(events), point, analysis).expected_events.mean
    assert drawn > 0
    assert np.sqrt(variance) < 0.2 * drawn  # so that a factor would be seen
    assert abs(found - drawn) < 4 * np.sqrt(variance) + 1e-9 * drawn

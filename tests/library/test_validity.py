"""Notes on points that cannot be, or are beyond what is computed."""

import numpy as np
import pytest

import darkpkg as dk
from darkpkg.physics.validity import validity_notes
from darkpkg.units import ALPHA_EM, MUON_MASS

A, B = dk.BENCHMARK_A, dk.BENCHMARK_B


@pytest.mark.parametrize("point", [A, B, B.replace(m_Zprime=10.0), B.replace(m_N=2 * MUON_MASS)])
def test_points_without_reproach_have_no_note(point):
    assert validity_notes(point) == []


@pytest.mark.parametrize(
    ("point", "words"),
    [
        (A.replace(V_muN_sq=1e-8), "|V_muN|^2 = 1e-08 is above |V_N|^2 = 8e-09, which no mixing matrix gives"),
        (B.replace(epsilon=1.0), "epsilon = 1: at 1 and above, kinetic mixing leaves no positive energy"),
        (B.replace(epsilon=10.0), "epsilon = 10: at 1 and above"),
        (B.replace(epsilon=0.2), "epsilon = 0.2: rates are of leading order in epsilon"),
        (B.replace(alpha_D=100.0), "alpha_D = 100 is above 1: rates are of leading order in the dark coupling"),
        (
            B.replace(m_N=0.3, decays="paper"),
            "decays to muons and hadrons are open and left out, as in the paper, at m_N = 0.3 GeV, m_Zprime = 1.25",
        ),
        (
            B.replace(m_N=0.5),
            "muons and hadrons take part in the decays at m_N = 0.5 GeV, m_Zprime = 1.25 GeV: 61.7 % of N",
        ),
        (
            A.replace(m_N=1.0, m_Zprime=2e-3, V_N_sq=1.0),
            "the width of N at m_N = 1 GeV, m_Zprime = 0.002 GeV",
        ),
        (A.replace(V_N_sq=1e-3), "a Z' lighter than N decays to neutrinos, too"),
    ],
)
def test_what_is_wrong_with_a_point_is_told_with_its_numbers(point, words):
    assert any(note.startswith(words) for note in validity_notes(point)), validity_notes(point)


BROAD = A.replace(m_N=1.0, m_Zprime=2e-3, V_N_sq=1.0)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (lambda x: A.replace(V_muN_sq=x * A.V_N_sq), "which no mixing matrix gives"),
        (lambda x: B.replace(epsilon=0.1 * x), "of leading order in epsilon"),
        (lambda x: B.replace(alpha_D=x), "of leading order in the dark coupling"),
        (lambda x: BROAD.replace(V_N_sq=x * 0.1 * BROAD.m_N / BROAD.decay_width()), "above a tenth of its mass"),
        # Γ(Z′ → νν) ∝ α_D |V_N|⁴ is a tenth of Γ(Z′ → e⁺e⁻) ∝ α ε².
        (lambda x: A.replace(V_N_sq=x * np.sqrt(0.1 * ALPHA_EM / A.alpha_D) * A.epsilon), "decays to neutrinos, too"),
    ],
)
def test_a_note_begins_where_it_says(at, words):
    assert not any(words in note for note in validity_notes(at(0.99)))
    assert any(words in note for note in validity_notes(at(1.01)))


@pytest.mark.parametrize(("m_Zprime", "noted"), [(0.99 * 2 * MUON_MASS, False), (1.01 * 2 * MUON_MASS, True)])
def test_a_light_mediator_has_to_be_above_the_muons_itself(m_Zprime, noted):
    """N decays to a Z′ on its mass shell, however heavy N is."""
    notes = validity_notes(A.replace(m_N=0.5, m_Zprime=m_Zprime, decays="paper"))
    assert any("decays to muons and hadrons are open" in note for note in notes) is noted


def test_many_points_have_one_note_of_a_kind_with_their_number_and_the_first():
    plane = B.replace(epsilon=np.array([[0.01], [0.5], [0.6]]), V_muN_sq=np.array([1e-8, 1e-7]))
    (note,) = validity_notes(plane)
    assert note.startswith("epsilon = 0.5: ")
    assert note.endswith("(so at 4 of 6 points, these being the numbers of the first)")

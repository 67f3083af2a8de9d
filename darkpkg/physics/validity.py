"""Where a point of the parameter space cannot be, or lies beyond what is computed here.

Begin with `validity_notes`. Values that no point can have, such as a negative mass, are refused by `DarkParameters`;
the notes are for those that can be computed with and should not be believed without a second thought.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from darkpkg.inputs import check_kinds
from darkpkg.physics.model import DarkParameters
from darkpkg.units import ALPHA_EM, MUON_MASS

__all__ = ["validity_notes"]

_Noted = tuple[NDArray[np.bool_], str]

_ROUNDING = 1 + 1e-9
"""|V_μN|² = |V_N|², as benchmark A has it, may be a rounding off."""


def validity_notes(parameters: DarkParameters) -> list[str]:
    r"""What to bear in mind about these points, a sentence each; none if all is well.

    Noted are |V_μN|² above |V_N|², an ε or α_D beyond the expansion in it, N that are no narrow states, and decays
    that are open and not counted: to muons and hadrons above 2 m_μ, whether or not the lifetime has them, and those
    of a light Z′ to neutrinos. By Eq. (5) V_μN is the projection of the vector (V_1N, V_2N, V_3N) on a unit vector,
    and |V_N|² of Eq. (8) is the square of that vector plus what heavier daughters add: hence

    .. math:: |V_{\mu N}|^2 \le \sum_{i\le3}|V_{iN}|^2 \le |V_N|^2 .

    Z′ → N N above 2 m_N is no such decay: a Z′ heavier than N is virtual, and its width appears nowhere. Of many
    points there is one note of a kind, which counts them and gives the values of the first.

    Parameters
    ----------
    parameters
        One point θ or many.

    Returns
    -------
    list of str
        Sentences with values and units.

    Examples
    --------
    >>> from darkpkg import BENCHMARK_B
    >>> validity_notes(BENCHMARK_B.replace(V_N_sq=1e-8))
    ['|V_muN|^2 = 2.2e-07 is above |V_N|^2 = 1e-08, which no mixing matrix gives: ...']
    """
    check_kinds(parameters=(parameters, DarkParameters))
    notes = []
    for noted, text in [*_couplings(parameters), *_decays(parameters)]:
        noted = np.broadcast_to(noted, parameters.shape)
        if noted.any():
            first = np.unravel_index(noted.argmax(), noted.shape)
            fields = {name: np.broadcast_to(getattr(parameters, name), noted.shape) for name in parameters.numbers()}
            about = text.format(**{name: field[first] for name, field in fields.items()})
            count = f" (so at {noted.sum()} of {noted.size} points, these being the numbers of the first)"
            notes.append(about + count * (noted.ndim > 0))
    return notes


def _couplings(at: DarkParameters) -> Iterator[_Noted]:
    yield (
        np.greater(at.V_muN_sq, np.multiply(at.V_N_sq, _ROUNDING)),
        "|V_muN|^2 = {V_muN_sq:.4g} is above |V_N|^2 = {V_N_sq:.4g}, which no mixing matrix gives: |V_N|^2 of "
        "Eq. (8) sums the squares of the V_iN that V_muN of Eq. (5) is a mean of",
    )
    yield (
        np.greater_equal(at.epsilon, 1.0),
        "epsilon = {epsilon:.4g}: at 1 and above, kinetic mixing leaves no positive energy of photon and dark photon",
    )
    yield (
        np.greater(at.epsilon, 0.1) & np.less(at.epsilon, 1.0),
        "epsilon = {epsilon:.4g}: rates are of leading order in epsilon, and corrections of relative order epsilon^2 "
        "are no longer below 1 %",
    )
    yield (
        np.greater(at.alpha_D, 1.0),
        "alpha_D = {alpha_D:.4g} is above 1: rates are of leading order in the dark coupling, whose expansion is no "
        "longer in a small number there and ends at 4 pi",
    )


def _decays(at: DarkParameters) -> Iterator[_Noted]:
    with np.errstate(over="ignore"):
        broad = np.greater(at.decay_width(), np.multiply(at.m_N, 0.1))
    yield (
        broad,
        "the width of N at m_N = {m_N:.4g} GeV, m_Zprime = {m_Zprime:.4g} GeV is above a tenth of its mass: it is no "
        "particle that is made first and decays afterwards",
    )
    if at.decays == "paper":
        yield (
            np.greater(np.minimum(at.m_N, at.m_Zprime), 2 * MUON_MASS),
            "decays to muons and hadrons are open and left out, as in the paper, at m_N = {m_N:.4g} GeV, "
            f"m_Zprime = {{m_Zprime:.4g}} GeV, above 2 m_mu = {2 * MUON_MASS:.4g} GeV",
        )
    else:
        share = at.pair_branching_ratio()
        yield (
            np.less(share, 0.999) & np.greater(at.decay_width(), 0),
            f"muons and hadrons take part in the decays at m_N = {{m_N:.4g}} GeV, m_Zprime = {{m_Zprime:.4g}} GeV: "
            f"{100 * float(np.min(share)):.3g} % of N at the least decay to e+e-, which alone are counted; the paper "
            'has electrons only (decays="paper")',
        )
    # Γ(Z′ → νν) / Γ(Z′ → e⁺e⁻) is about this where one dark flavour makes |V_ij|² of light neutrinos |V_N|⁴.
    visible, invisible = ALPHA_EM * np.square(at.epsilon), at.alpha_D * np.square(at.V_N_sq)
    yield (
        at.is_light_mediator & np.greater(invisible, 0.1 * visible),
        "a Z' lighter than N decays to neutrinos, too, for one dark flavour about alpha_D |V_N|^4 / (alpha "
        "epsilon^2) times as often as to e+e-; left out, and not small at alpha_D = {alpha_D:.4g}, "
        "|V_N|^2 = {V_N_sq:.4g}, epsilon = {epsilon:.4g}",
    )

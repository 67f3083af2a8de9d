"""A point of the theory: two masses, four couplings, and what follows from them alone.

Begin with `BENCHMARK_A` (light mediator) or `BENCHMARK_B` (heavy mediator) and `DarkParameters.replace`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # which imports its parts where they are used
from numpy.typing import ArrayLike, NDArray

from darkpkg.inputs import one_of, real_array
from darkpkg.physics.widths import CHANNELS, current_integrals, pair_ratio, total_ratio
from darkpkg.units import ALPHA_EM, HBARC, GeV, MeV

__all__ = ["BENCHMARK_A", "BENCHMARK_B", "DECAYS", "DarkParameters"]

DECAYS = ("all", "paper")
"""What N and Z′ decay to: everything that the electromagnetic current reaches, or e⁺e⁻ alone as the paper has it."""


LARGEST = 1e30
"""No number may be larger, and no mass in GeV smaller than its inverse: powers of them must stay numbers."""

_TINY = float(np.nextafter(0.0, 1.0))


def _number(unit: str, symbol: str, meaning: str, least: float, most: float = LARGEST, **options: Any) -> Any:
    about = {"unit": unit, "symbol": symbol, "meaning": meaning, "least": least, "most": most}
    return dataclasses.field(metadata=about, **options)


@dataclass(frozen=True, eq=False)
class DarkParameters:
    r"""One point θ of the parameter space, or many: each field is a number or an array, and the fields broadcast.

    A plane is a point with two arrays, ``BENCHMARK_B.replace(m_N=x[:, None], V_muN_sq=y)``.

    Parameters
    ----------
    m_N, m_Zprime
        Masses in GeV of the heavy neutrino N and of the dark photon Z′.
    alpha_D
        Dark fine-structure constant, g_D²/4π.
    epsilon
        Kinetic mixing of dark photon and photon.
    V_muN_sq, V_N_sq, V_eN_sq
        Vertex factors, squared: of ν_μ → N, of the decay of N, and of ν_e → N, which is zero by default.
    is_majorana
        What kind of particle N is. Either kind is produced alike: a beam of left-handed neutrinos meets the same
        vertex. A Majorana N decays to ν e⁺e⁻ and to ν̄ e⁺e⁻ through opposite chiralities: it lives half as long, and
        the two channels together do not depend on its spin.
    decays
        What the dark photon decays to, on its mass shell or off. ``"all"``: electrons, muons and hadrons, with their
        masses, for kinetic mixing couples it to the electromagnetic current whatever carries it. ``"paper"``:
        massless electrons alone and Eqs. (9) and (10) as printed, with a light Z′ that decays at once.

    Raises
    ------
    ValueError
        That names field, value and rule if a field is not finite, a mass or coupling is not positive (|V_eN|² may be
        zero), a vertex factor exceeds one, or the shapes do not broadcast.
    TypeError
        If one is no real number.

    Examples
    --------
    >>> BENCHMARK_B.proper_decay_length()            # cm
    0.5391...
    """

    m_N: float | NDArray[np.float64] = _number("GeV", r"m_N", "mass of the heavy neutrino N", 1 / LARGEST)
    m_Zprime: float | NDArray[np.float64] = _number("GeV", r"m_{Z'}", "mass of the dark photon Z′", 1 / LARGEST)
    alpha_D: float | NDArray[np.float64] = _number("", r"\alpha_D", "dark fine-structure constant, g_D² / 4π", _TINY)
    epsilon: float | NDArray[np.float64] = _number(
        "", r"\varepsilon", "kinetic mixing of dark photon and photon", 1 / LARGEST
    )
    V_muN_sq: float | NDArray[np.float64] = _number(
        "", r"|V_{\mu N}|^2", "vertex factor of ν_μ → N upscattering, squared", _TINY, 1.0
    )
    V_N_sq: float | NDArray[np.float64] = _number(
        "", r"|V_N|^2", "vertex factor of the decay of N, summed over daughter neutrinos", _TINY, 1.0
    )
    V_eN_sq: float | NDArray[np.float64] = _number(
        "", r"|V_{eN}|^2", "vertex factor of ν_e → N upscattering, squared; zero by default", 0.0, 1.0, default=0.0
    )
    is_majorana: bool = False
    decays: str = "all"

    def __post_init__(self) -> None:
        one_of("decays", self.decays, DECAYS)
        if not isinstance(self.is_majorana, bool | np.bool_):
            raise TypeError(f"is_majorana must be True or False, got {self.is_majorana!r}")
        object.__setattr__(self, "is_majorana", bool(self.is_majorana))
        for name, about in self.numbers().items():
            value, least, most = getattr(self, name), about["least"], about["most"]
            if type(value) is not float or not least <= value <= most:
                array = _within(name, value, about["unit"], least, most)
                object.__setattr__(self, name, array if array.ndim else float(array))
        _ = self.shape

    @classmethod
    def numbers(cls) -> dict[str, Mapping[str, Any]]:
        """Unit, symbol, meaning, least and largest value of the numbers of a point, by the name of their field."""
        return dict(_numbers_of(cls))  # type: ignore[arg-type]  # a class has a hash

    @functools.cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape that all these fields broadcast to; ``()`` for a single point."""
        shapes = {name: np.shape(getattr(self, name)) for name in self.numbers()}
        try:
            return np.broadcast_shapes(*shapes.values())
        except ValueError:
            raise ValueError(f"the fields must broadcast against each other, got shapes {shapes}") from None

    def replace(self, **changes: Any) -> DarkParameters:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def _key(self) -> tuple[Any, ...]:
        numbers = (np.add(getattr(self, name), 0.0) for name in self.numbers())  # −0 is 0
        return self.is_majorana, self.decays, *((array.shape, array.tobytes()) for array in numbers)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, DarkParameters) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    @property
    def is_light_mediator(self) -> bool | NDArray[np.bool_]:
        """Whether N decays to an on-shell Z′, m_Z′ < m_N; at equality Eq. (10) vanishes and Eq. (9) holds."""
        return np.less(self.m_Zprime, self.m_N)

    @property
    def coupling(self) -> float | NDArray[np.float64]:
        r"""|V_μN|² α_D ε², the factor by which couplings scale the upscattering cross section (Eq. (26))."""
        return self.coupling_of(14)

    def coupling_of(self, flavour: int) -> float | NDArray[np.float64]:
        """`coupling` of the neutrino with this PDG code: ±14 has |V_μN|² and ±12 |V_eN|².

        Examples
        --------
        >>> BENCHMARK_B.coupling_of(12)
        0.0
        """
        if flavour not in (14, -14, 12, -12):
            raise ValueError(f"flavour must be 14, -14, 12 or -12, got {flavour!r}")
        mixing = self.V_muN_sq if abs(flavour) == 14 else self.V_eN_sq
        return mixing * self.alpha_D * self.epsilon**2

    @functools.cached_property
    def _currents(self) -> Mapping[str, Any]:
        # Once for lifetime and branching ratio, which take most of a table's time otherwise.
        return current_integrals(self.m_N, self.m_Zprime, self.epsilon)

    def decay_width(self) -> float | NDArray[np.float64]:
        r"""Total width of N in GeV.

        With ``decays="all"`` it is the sum over electrons, muons and hadrons f of

        .. math:: \Gamma(N\to\nu f) &= \frac{\alpha_D|V_N|^2}{4\pi}\,m_N^3 \\
                  &\times \int\frac{ds}{s}\,\Bigl(1-\frac{s}{m_N^2}\Bigr)^2 \\
                  &\times \Bigl(\frac12+\frac{s}{m_N^2}\Bigr) \\
                  &\times \frac{\sqrt s\,\Gamma_{Z'\to f}(\sqrt s)}{(s-m_{Z'}^2)^2+m_{Z'}^2\Gamma_{Z'}^2},

        which is Eq. (9) for a heavy Z′ and massless electrons, Eq. (10) for a light one, and smooth between them
        (`darkpkg.physics.widths`). With ``decays="paper"`` it is, for m_N ≤ m_Z′, Eq. (9),

        .. math:: \Gamma = \frac{\alpha\alpha_D\varepsilon^2|V_N|^2}{48\pi}\frac{m_N^5}{m_{Z'}^4}\,L(m_N^2/m_{Z'}^2)

        and, for m_N > m_Z′, Eq. (10),

        .. math:: \Gamma &= \frac{\alpha_D|V_N|^2}{4}\frac{m_N^3}{m_{Z'}^2}(1-r)^2\left(\tfrac12+r\right), \\
                  r &= m_{Z'}^2/m_N^2 .

        These are for a Dirac N. A Majorana N has the charge-conjugate channel as well, and twice the width. Zero if
        N is too light to decay.
        """
        kinds = 2 if self.is_majorana else 1
        two_body = self.is_light_mediator
        if self.decays == "paper":
            return kinds * np.where(two_body, self._two_body_width(), self._three_body_width())[()]
        # A Z′ below the threshold of electrons leaves with its share of the decays.
        stable = two_body & np.less_equal(self.m_Zprime, CHANNELS["electrons"])
        front = ALPHA_EM * self.alpha_D * self.V_N_sq / (24 * np.pi) * self.m_N
        total = front * sum(self._currents.values())
        return kinds * (np.where(stable, self._two_body_width(), total)[()] if np.any(stable) else total)

    def pair_branching_ratio(self) -> float | NDArray[np.float64]:
        """Share of the decays of N that are to ν e⁺e⁻; one with ``decays="paper"``.

        Below the threshold of muons it is one, too. Zero for a light Z′ below that of electrons, or if N is too light
        to decay.

        Examples
        --------
        >>> round(BENCHMARK_B.replace(m_N=0.5).pair_branching_ratio(), 3)
        0.617
        """
        if self.decays == "paper":
            return 1.0
        parts, total = self._currents, sum(self._currents.values())
        stable = self.is_light_mediator & np.less_equal(self.m_Zprime, CHANNELS["electrons"])
        return np.divide(parts["electrons"], total, out=np.zeros(np.shape(total)), where=(total > 0) & ~stable)[()]

    def _three_body_width(self) -> Any:
        x = np.minimum((self.m_N / self.m_Zprime) ** 2, 1.0)
        strength = ALPHA_EM * self.alpha_D * self.epsilon**2 * self.V_N_sq
        return strength / (48 * np.pi) * self.m_N**5 / self.m_Zprime**4 * _propagator_enhancement(x)

    def _two_body_width(self) -> Any:
        r = (self.m_Zprime / self.m_N) ** 2
        return self.alpha_D * self.V_N_sq / 4 * self.m_N**3 / self.m_Zprime**2 * (1 - r) ** 2 * (1 / 2 + r)

    def width_bounds(self) -> tuple[Any, Any]:
        """Smallest and largest width of N in GeV, Eq. (11): at |V_N| = |V_μN| and at |V_N| = 1."""
        return self.replace(V_N_sq=self.V_muN_sq).decay_width(), self.replace(V_N_sq=1.0).decay_width()

    def shortest_decay_length(self) -> float | NDArray[np.float64]:
        """Smallest proper decay length in cm that masses and ε allow: that for |V_N| = 1 and α_D = 1."""
        return self.replace(V_N_sq=1.0, alpha_D=1.0).proper_decay_length()

    def mediator_width(self) -> float | NDArray[np.float64]:
        r"""Width of the dark photon in GeV, to e⁺e⁻, μ⁺μ⁻ and hadrons or to e⁺e⁻ alone; zero below 2m_e.

        .. math:: \Gamma_{Z'} = {}& \frac{\alpha\varepsilon^2 m_{Z'}}{3}\Bigl[R(m_{Z'}^2) \\
                  & + \sum_\ell \Bigl(1+\frac{2m_\ell^2}{m_{Z'}^2}\Bigr)
                  \sqrt{1-\frac{4m_\ell^2}{m_{Z'}^2}}\Bigr]
        """
        s = np.square(self.m_Zprime)
        ratio = pair_ratio(s, "electrons") if self.decays == "paper" else total_ratio(s)
        return (ALPHA_EM * self.epsilon**2 * self.m_Zprime / 3 * ratio)[()]

    def proper_decay_length(self) -> float | NDArray[np.float64]:
        """cτ⁰ = ħc / Γ in cm, infinite where N cannot decay."""
        return _decay_length(self.decay_width())

    def mediator_decay_length(self) -> float | NDArray[np.float64]:
        """Proper decay length in cm of the dark photon that N decays to.

        Zero where there is none, for m_Z′ ≥ m_N, and with ``decays="paper"``.
        """
        light = self.is_light_mediator if self.decays != "paper" else False
        return np.where(light, _decay_length(self.mediator_width()), 0.0)[()]


def _decay_length(width: ArrayLike) -> Any:
    with np.errstate(over="ignore"):  # a lifetime beyond the largest number is infinite
        return np.divide(HBARC, width, out=np.full(np.shape(width), np.inf), where=np.greater(width, 0))[()]


@functools.cache  # each new point needs it
def _numbers_of(cls: Any) -> Mapping[str, Mapping[str, Any]]:
    return {field.name: field.metadata for field in dataclasses.fields(cls) if field.metadata}


def _within(name: str, value: Any, unit: str, least: float, most: float) -> NDArray[np.float64]:
    """A read-only copy of numbers from ``least`` to ``most``."""
    array = real_array(name, value, None).copy()
    array.flags.writeable = False
    if array.size and not least <= array.min() <= array.max() <= most:
        for rule, obeyed in (
            ("finite", np.isfinite(array)),
            ("positive" if least else "zero or more", array > 0 if least else array >= 0),
            (f"at least {least:g} {unit}".rstrip(), array >= least),
            (f"at most {most:g}", array <= most),
        ):
            if not obeyed.all():
                raise ValueError(f"{name} must be {rule}, got {float(array[~obeyed][0])!r}")
    return array


def _propagator_enhancement(x: ArrayLike) -> Any:
    r"""L(x) of Eq. (9) for 0 ≤ x ≤ 1.

    The closed form cancels four leading orders at small x. Its Taylor series, :math:`12\sum_k x^k/((k+3)(k+4))`, is
    the hypergeometric function ₂F₁(1, 3; 5; x), which is accurate everywhere: L(0) = 1, L(1) = 4.
    """
    return scipy.special.hyp2f1(1, 3, 5, x)


BENCHMARK_A = DarkParameters(
    m_N=100 * MeV,
    m_Zprime=30 * MeV,
    alpha_D=1 / 4,
    epsilon=np.sqrt(2e-10 / ALPHA_EM),
    V_muN_sq=8e-9,
    V_N_sq=8e-9,
)
"""Light Z′ of Table I. The table rounds ε to 1.7e-4; α ε² = 2e-10 is that of Bertuzzo et al., arXiv:1807.09877."""

BENCHMARK_B = DarkParameters(
    m_N=100 * MeV,
    m_Zprime=1.25 * GeV,
    alpha_D=0.4,
    epsilon=np.sqrt(4.6e-4),
    V_muN_sq=2.2e-7,
    V_N_sq=1.0,
)
"""Heavy Z′ of Table I. The table rounds ε to 2e-2; only ε² = 4.6e-4 gives its cτ⁰ of 0.54 cm."""

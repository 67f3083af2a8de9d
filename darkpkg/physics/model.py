"""A point of the theory: two masses, four couplings, and what follows from them alone.

Begin with `BENCHMARK_A` (light mediator) or `BENCHMARK_B` (heavy mediator) and `DarkParameters.replace`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import hyp2f1

from darkpkg.units import ALPHA_EM, HBARC, GeV, MeV

__all__ = ["BENCHMARK_A", "BENCHMARK_B", "DarkParameters"]


def _number(unit: str, symbol: str, meaning: str) -> Any:
    return dataclasses.field(metadata={"unit": unit, "symbol": symbol, "meaning": meaning})


@dataclass(frozen=True, eq=False)
class DarkParameters:
    r"""One point θ of the parameter space, or many: each field is a number or an array, and the fields broadcast.

    A plane is a point with two arrays, ``BENCHMARK_B.replace(m_N=x[:, None], V_muN_sq=y)``.

    Raises `ValueError` that names field, value and rule if a field is not finite, a mass or coupling is not
    positive, a mixing exceeds one, or the shapes do not broadcast.

    >>> BENCHMARK_B.proper_decay_length()            # cm
    0.5389...
    """

    m_N: float | NDArray[np.float64] = _number("GeV", r"m_N", "mass of the heavy neutrino N")
    m_Zprime: float | NDArray[np.float64] = _number("GeV", r"m_{Z'}", "mass of the dark photon Z′")
    alpha_D: float | NDArray[np.float64] = _number("", r"\alpha_D", "dark fine-structure constant, g_D² / 4π")
    epsilon: float | NDArray[np.float64] = _number("", r"\varepsilon", "kinetic mixing of dark photon and photon")
    V_muN_sq: float | NDArray[np.float64] = _number(
        "", r"|V_{\mu N}|^2", "vertex factor of ν_μ → N upscattering, squared"
    )
    V_N_sq: float | NDArray[np.float64] = _number(
        "", r"|V_N|^2", "vertex factor of the decay of N, summed over daughter neutrinos"
    )

    def __post_init__(self) -> None:
        for name, value in self._items():
            array = np.array(value, dtype=float)
            _check(name, array)
            array.flags.writeable = False
            object.__setattr__(self, name, array if array.ndim else float(array))
        _ = self.shape

    def _items(self) -> list[tuple[str, Any]]:
        return [(field.name, getattr(self, field.name)) for field in dataclasses.fields(self)]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape that all six fields broadcast to; ``()`` for a single point."""
        shapes = {name: np.shape(value) for name, value in self._items()}
        try:
            return np.broadcast_shapes(*shapes.values())
        except ValueError:
            raise ValueError(f"the fields must broadcast against each other, got shapes {shapes}") from None

    def replace(self, **changes: ArrayLike) -> DarkParameters:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DarkParameters):
            return NotImplemented
        return all(np.array_equal(a, getattr(other, name)) for name, a in self._items())

    def __hash__(self) -> int:
        return hash(tuple((name, np.asarray(value).tobytes()) for name, value in self._items()))

    @property
    def is_light_mediator(self) -> bool | NDArray[np.bool_]:
        """Whether N decays to an on-shell Z′, m_Z′ < m_N; at equality Eq. (10) vanishes and Eq. (9) holds."""
        return np.less(self.m_Zprime, self.m_N)

    @property
    def coupling(self) -> float | NDArray[np.float64]:
        r"""|V_μN|² α_D ε², the factor by which couplings scale the upscattering cross section (Eq. (26))."""
        return self.V_muN_sq * self.alpha_D * self.epsilon**2

    def decay_width(self) -> float | NDArray[np.float64]:
        r"""Total width of a Dirac N in GeV, for massless electrons.

        For m_N ≤ m_Z′, through an off-shell Z′ (Eq. (9)),

        .. math:: \Gamma = \frac{\alpha\alpha_D\varepsilon^2|V_N|^2}{48\pi}\frac{m_N^5}{m_{Z'}^4}\,L(m_N^2/m_{Z'}^2)

        and for m_N > m_Z′, to an on-shell Z′ (Eq. (10)),

        .. math:: \Gamma = \frac{\alpha_D|V_N|^2}{4}\frac{m_N^3}{m_{Z'}^2}(1-r)^2\left(\tfrac12+r\right),
                  \quad r = m_{Z'}^2/m_N^2 .
        """
        return np.where(self.is_light_mediator, self._two_body_width(), self._three_body_width())[()]

    def _three_body_width(self) -> Any:
        x = np.minimum((self.m_N / self.m_Zprime) ** 2, 1.0)
        strength = ALPHA_EM * self.alpha_D * self.epsilon**2 * self.V_N_sq
        return strength / (48 * np.pi) * self.m_N**5 / self.m_Zprime**4 * _propagator_enhancement(x)

    def _two_body_width(self) -> Any:
        r = (self.m_Zprime / self.m_N) ** 2
        return self.alpha_D * self.V_N_sq / 4 * self.m_N**3 / self.m_Zprime**2 * (1 - r) ** 2 * (1 / 2 + r)

    def proper_decay_length(self) -> float | NDArray[np.float64]:
        """cτ⁰ = ħc / Γ in cm."""
        return HBARC / self.decay_width()


def _check(name: str, value: NDArray[np.float64]) -> None:
    def refuse(bad: NDArray[np.bool_], rule: str) -> None:
        if np.any(bad):
            raise ValueError(f"{name} must be {rule}, got {float(np.extract(bad, value)[0])!r}")

    refuse(~np.isfinite(value), "finite")
    refuse(value <= 0, "positive")
    if name in ("V_muN_sq", "V_N_sq"):
        refuse(value > 1, "at most 1, because the mixing matrix is unitary")


def _propagator_enhancement(x: ArrayLike) -> Any:
    r"""L(x) of Eq. (9) for 0 ≤ x ≤ 1.

    The closed form cancels four leading orders at small x. Its Taylor series, :math:`12\sum_k x^k/((k+3)(k+4))`, is
    the hypergeometric function ₂F₁(1, 3; 5; x), which is accurate everywhere: L(0) = 1, L(1) = 4.
    """
    return hyp2f1(1, 3, 5, x)


BENCHMARK_A = DarkParameters(
    m_N=100 * MeV,
    m_Zprime=30 * MeV,
    alpha_D=1 / 4,
    epsilon=np.sqrt(2e-10 / ALPHA_EM),
    V_muN_sq=8e-9,
    V_N_sq=8e-9,
)
"""Light Z′ of Table I. The table rounds ε to 1.7e-4; only α ε² = 2e-10 gives its cτ⁰ of 7e-5 cm."""

BENCHMARK_B = DarkParameters(
    m_N=100 * MeV,
    m_Zprime=1.25 * GeV,
    alpha_D=0.4,
    epsilon=np.sqrt(4.6e-4),
    V_muN_sq=2.2e-7,
    V_N_sq=1.0,
)
"""Heavy Z′ of Table I. The table rounds ε to 2e-2; only ε² = 4.6e-4 gives its cτ⁰ of 0.54 cm."""

"""Slices of the parameter space: one or two parameters are free, the others fixed or tied to them.

Begin with `Slice`. It is independent of physics.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkpkg.inputs import Array, Frozen, locked, one_of, real_numbers


class Slice:
    """One or two free parameters with the values to look at, and what all parameters are then.

    Parameters
    ----------
    base
        A point such as `BENCHMARK_B`, whose fields of the same names are replaced; or a function of the free
        parameters, in their order, that returns the points. It is called with arrays that broadcast.
    axes
        Name and values of each free parameter: at least two, positive and increasing, as distances are logarithmic.

    Attributes
    ----------
    axes
        Values (n,) of each free parameter by name, in its unit (`DarkParameters`), in a mapping that nobody can
        change.

    Raises
    ------
    ValueError, TypeError
        With parameter, value and rule.

    Examples
    --------
    >>> from darkpkg import BENCHMARK_B as B
    >>> plane = Slice(B, m_N=np.geomspace(0.005, 1, 60), V_muN_sq=np.geomspace(1e-10, 1e-2, 60))
    >>> tied = Slice(lambda m_N, ratio: B.replace(m_N=m_N, m_Zprime=ratio * m_N), m_N=[0.05, 0.1], ratio=[2, 4, 8])
    >>> tied.parameters.shape
    (2, 3)
    """

    def __init__(self, base: Any, /, **axes: ArrayLike) -> None:
        if not 1 <= len(axes) <= 2:
            raise ValueError(f"a slice has one or two free parameters, got {list(axes)}")
        self.axes: Mapping[str, Array] = Frozen({name: increasing(name, axes[name]) for name in axes})
        if not callable(base):
            if not hasattr(base, "numbers"):
                raise TypeError(f"base must be a point such as BENCHMARK_B, or a function, got {type(base).__name__}")
            if base.shape:
                raise ValueError(f"base must be a single point, got one of shape {base.shape}")
            for name in axes:
                one_of(name, name, base.numbers())
        self._base = base

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(Slice, self._base, **self.axes), ()

    def __repr__(self) -> str:
        ranges = ", ".join(f"{name}: {v[0]:g} to {v[-1]:g} ({len(v)})" for name, v in self.axes.items())
        return f"Slice({ranges})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each free parameter."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def parameters(self) -> Any:
        """All points: of shape (n,), or (n, m) with the first parameter along the first axis."""
        return self.at(*np.meshgrid(*self.axes.values(), indexing="ij", sparse=True))

    def at(self, *values: ArrayLike) -> Any:
        """The points at any values of the free parameters, in their order and units; they broadcast.

        Examples
        --------
        >>> Slice(BENCHMARK_B, m_N=[0.1, 0.2], epsilon=[1e-3, 1e-2]).at(0.15, [1e-3, 5e-3]).shape
        (2,)
        """
        if callable(self._base):
            return self._base(*values)
        return self._base.replace(**dict(zip(self.axes, values, strict=True)))

    def halved(self) -> Slice:
        """The same slice with one more value in the middle, in the logarithm, of each two."""
        with np.errstate(over="ignore"):  # refused as an axis
            axes = {name: with_middles(values, lambda a, b: np.sqrt(a * b)) for name, values in self.axes.items()}
        return Slice(self._base, **axes)


def increasing(name: str, values: ArrayLike) -> Array:
    """A copy of ``values`` that nobody can change: two or more along one axis, positive and increasing."""
    array: Array = locked(real_numbers(name, values, positive=True))
    if array.ndim != 1 or len(array) < 2:
        raise ValueError(f"{name} must have at least two values along one axis, got shape {array.shape}")
    falls = np.flatnonzero(np.diff(array) <= 0)
    if len(falls):
        i = falls[0]
        raise ValueError(f"{name} must increase, got {array[i]:g} followed by {array[i + 1]:g}")
    return array


def with_middles(values: Array, middle: Callable[[Array, Array], Array], axis: int = 0) -> Array:
    """Values along an axis, with the ``middle`` of each two between them."""
    values = np.moveaxis(values, axis, 0)
    finer = np.empty((2 * len(values) - 1, *values.shape[1:]))
    finer[::2], finer[1::2] = values, middle(values[1:], values[:-1])
    return np.moveaxis(finer, 0, axis)

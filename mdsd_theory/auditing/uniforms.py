"""A uniform number that is not drawn: it learns where it lies from the comparisons made with it.

Each comparison that is still open splits the interval in which the number lies, and the path of the
enumeration says on which side the walk goes on (:mod:`mdsd_theory.auditing.paths`). Bounds are
fractions: floats are taken at their exact binary value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import wraps
from typing import Any, Protocol

import numpy as np

from mdsd_theory.errors import InputTypeError


class Decider(Protocol):
    """Chooses among branches of given weights; a weight of None marks a branch of measure zero."""

    def decide(self, weights: list[Fraction | None]) -> int:
        """Return the branch to take."""


@dataclass
class Interval:
    """Where a uniform number lies: [low, high), without ``low`` where it is open, or one point."""

    path: Decider
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(1)
    open: bool = False

    def below(self, t: Fraction, strict: bool) -> bool:
        """Decide whether the number is < t, or ≤ t where not strict."""
        if self.low == self.high:
            return self.low < t or (self.low == t and not strict)
        if t >= self.high:
            return True
        if t <= self.low:
            return t == self.low and not strict and self.at(t)
        share = (t - self.low) / (self.high - self.low)
        if self.path.decide([share, 1 - share]) == 0:
            self.high = t
            return True
        self.low, self.open = t, not strict
        return False

    def at(self, t: Fraction) -> bool:
        """Decide whether the number is exactly t, which has measure zero."""
        if self.low == self.high:
            return self.low == t
        if not self.low <= t < self.high or (self.open and t == self.low):
            return False
        if self.path.decide([Fraction(1), None]) == 1:
            self.low = self.high = t
            return True
        self.open = self.open or t == self.low
        return False


def _elementwise(compare: Callable[[Uniform, Any], bool]) -> Callable[[Uniform, Any], Any]:
    """Return the comparison, with an array one entry after the other: running sums can be searched."""

    @wraps(compare)
    def compared(number: Uniform, other: Any) -> Any:
        if not isinstance(other, np.ndarray) or other.ndim == 0:
            return compare(number, other)
        return np.array([compare(number, x) for x in other.flat], dtype=bool).reshape(other.shape)

    return compared


@dataclass(frozen=True, eq=False)
class Uniform:
    """offset + scale·U for a uniform number U on [0, 1) that is compared, never read.

    Examples
    --------
    >>> from mdsd_theory.auditing.paths import outcomes
    >>> coin = lambda source: int(source.random() < 0.25)
    >>> sorted((o.token, str(o.weight)) for o in outcomes(coin))
    [(0, '3/4'), (1, '1/4')]
    """

    interval: Interval
    scale: Fraction = field(default=Fraction(1))
    offset: Fraction = field(default=Fraction(0))

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    @_elementwise
    def __lt__(self, other: Any) -> bool:
        return self._below(other, strict=True)

    @_elementwise
    def __le__(self, other: Any) -> bool:
        return self._below(other, strict=False)

    @_elementwise
    def __gt__(self, other: Any) -> bool:
        return _is_number(other) and not self._below(other, strict=False)

    @_elementwise
    def __ge__(self, other: Any) -> bool:
        return _is_number(other) and not self._below(other, strict=True)

    def __eq__(self, other: Any) -> bool:
        t = _number(other)
        if not _is_number(other) or isinstance(t, float):
            return False
        if self.scale == 0:
            return self.offset == t
        return self.interval.at((t - self.offset) / self.scale)

    def __mul__(self, other: Any) -> Uniform:
        factor = _finite(other)
        return Uniform(self.interval, self.scale * factor, self.offset * factor)

    def __add__(self, other: Any) -> Uniform:
        return Uniform(self.interval, self.scale, self.offset + _finite(other))

    def __neg__(self) -> Uniform:
        return self * -1

    def __sub__(self, other: Any) -> Uniform:
        return self + -_finite(other)

    def __rsub__(self, other: Any) -> Uniform:
        return Uniform(self.interval, -self.scale, _finite(other) - self.offset)

    def __truediv__(self, other: Any) -> Uniform:
        return self * (1 / _finite(other))

    __rmul__ = __mul__
    __radd__ = __add__

    def __float__(self) -> float:
        raise InputTypeError(
            "a uniform number of the enumeration has no value: compare it with numbers (u < a), or draw "
            "a token with uniforms.choice(V, p=weights) or uniforms.index(weights)"
        )

    def _below(self, other: Any, strict: bool) -> bool:
        if other is self:  # as np.searchsorted does
            return not strict
        t = _number(other)
        if isinstance(t, float):
            return t == math.inf
        if self.scale == 0:
            return self.offset < t or (self.offset == t and not strict)
        place = (t - self.offset) / self.scale
        if self.scale > 0:
            return self.interval.below(place, strict)
        return not self.interval.below(place, not strict)


def _is_number(x: Any) -> bool:
    return not (isinstance(x, float | np.floating) and math.isnan(x))


def _number(x: Any) -> Fraction | float:
    """Return a number as a fraction; infinities and NaN stay floats."""
    if isinstance(x, np.ndarray) and x.ndim == 0:
        x = x.item()
    if isinstance(x, Uniform) or not isinstance(x, int | float | Fraction | np.number):
        raise InputTypeError(
            f"a uniform number of the enumeration was compared with {type(x).__name__}; compare it with "
            "numbers (u < a), or draw a token with uniforms.choice(V, p=weights)"
        )
    if isinstance(x, int | Fraction):
        return Fraction(x)
    value = float(x)
    return Fraction(value) if math.isfinite(value) else value


def _finite(x: Any) -> Fraction:
    number = _number(x)
    if isinstance(number, float):
        raise InputTypeError(f"a uniform number of the enumeration met {number} in a sum or product")
    return number

"""Exact instances of a position: target, draft and number of drafts in fractions."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

Vector = tuple[Fraction, ...]
"""A distribution over V tokens."""


@dataclass(frozen=True)
class Pair:
    """A target p, a draft q and a number of drafts n.

    Examples
    --------
    >>> x = Pair.of("1/2 1/2", "3/4 1/4", 2)
    >>> print(x)
    p = (1/2, 1/2), q = (3/4, 1/4), n = 2
    >>> x.V, x.P({0}), x.q_mass({0, 1})
    (2, Fraction(1, 2), Fraction(1, 1))
    """

    p: Vector
    q: Vector
    n: int

    @classmethod
    def of(cls, p: str, q: str, n: int) -> Pair:
        """Return the instance written as ``"1/2 1/2"``."""
        return cls(vector(p), vector(q), n)

    @property
    def V(self) -> int:  # noqa: N802 - the field's symbol
        """The size of the vocabulary."""
        return len(self.p)

    def P(self, subset: Collection[int]) -> Fraction:  # noqa: N802 - the field's symbol
        """Return P(H)."""
        return total(self.p[i] for i in subset)

    def q_mass(self, subset: Collection[int]) -> Fraction:
        """Return q(H)."""
        return total(self.q[i] for i in subset)

    @property
    def size(self) -> tuple[int, int, int, int]:
        """What makes one instance smaller than another: V, n, denominators."""
        d, e = denominator(self.p), denominator(self.q)
        return self.V, self.n, max(d, e), d + e

    def smaller(self) -> Iterator[Pair]:
        """Yield instances that are smaller, the smallest first within each kind."""
        if self.n > 1:
            yield Pair(self.p, self.q, self.n - 1)
        for i, j in combinations(range(self.V), 2):
            yield Pair(merged(self.p, i, j), merged(self.q, i, j), self.n)
        for d in range(1, min(denominator(self.p), 60)):
            yield Pair(rounded(self.p, d), self.q, self.n)
        for d in range(1, min(denominator(self.q), 60)):
            yield Pair(self.p, rounded(self.q, d), self.n)

    def __str__(self) -> str:
        return f"p = {shown(self.p)}, q = {shown(self.q)}, n = {self.n}"


@dataclass(frozen=True)
class Drafters:
    """A target p and n drafts, each from its own distribution.

    Examples
    --------
    >>> print(Drafters.of("1/2 1/2", "1 0", "0 1"))
    p = (1/2, 1/2), q₁ = (1, 0), q₂ = (0, 1)
    """

    p: Vector
    q: tuple[Vector, ...]

    @classmethod
    def of(cls, p: str, *q: str) -> Drafters:
        """Return the instance written as ``"1/2 1/2"``."""
        return cls(vector(p), tuple(map(vector, q)))

    @property
    def V(self) -> int:  # noqa: N802 - the field's symbol
        """The size of the vocabulary."""
        return len(self.p)

    @property
    def n(self) -> int:
        """The number of drafts."""
        return len(self.q)

    def P(self, subset: Collection[int]) -> Fraction:  # noqa: N802 - the field's symbol
        """Return P(H)."""
        return total(self.p[i] for i in subset)

    @property
    def size(self) -> tuple[int, int, int, int]:
        """What makes one instance smaller than another: V, n, denominators."""
        each = [denominator(x) for x in (self.p, *self.q)]
        return self.V, self.n, max(each), sum(each)

    def smaller(self) -> Iterator[Drafters]:
        """Yield instances that are smaller."""
        for k in range(self.n if self.n > 1 else 0):
            yield Drafters(self.p, self.q[:k] + self.q[k + 1 :])
        for i, j in combinations(range(self.V), 2):
            yield Drafters(merged(self.p, i, j), tuple(merged(x, i, j) for x in self.q))
        for d in range(1, min(denominator(self.p), 60)):
            yield Drafters(rounded(self.p, d), self.q)
        for k, x in enumerate(self.q):
            for d in range(1, min(denominator(x), 60)):
                yield Drafters(self.p, (*self.q[:k], rounded(x, d), *self.q[k + 1 :]))

    def __str__(self) -> str:
        drafts = ", ".join(f"q{str(k).translate(_LOW)} = {shown(x)}" for k, x in enumerate(self.q, 1))
        return f"p = {shown(self.p)}, {drafts}"


_LOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def vector(text: str) -> Vector:
    """Return ``"1/2 1/2"`` as fractions.

    Examples
    --------
    >>> vector("1/3 2/3")
    (Fraction(1, 3), Fraction(2, 3))
    """
    return tuple(map(Fraction, text.split()))


def total(numbers: Iterable[Fraction | int]) -> Fraction:
    """Return a sum of fractions, a fraction also of nothing.

    Examples
    --------
    >>> total([])
    Fraction(0, 1)
    """
    return Fraction(0) + sum(numbers)


def shown(x: Vector) -> str:
    """Return a vector as it is printed on the pages: (1/2, 1/2)."""
    return f"({', '.join(map(str, x))})"


def denominator(x: Vector) -> int:
    """Return the least common denominator."""
    return math.lcm(*(entry.denominator for entry in x))


def merged(x: Vector, i: int, j: int) -> Vector:
    """Return x with token j > i put into token i."""
    return (*x[:i], x[i] + x[j], *x[i + 1 : j], *x[j + 1 :])


def rounded(x: Vector, d: int) -> Vector:
    """Return a distribution of denominator d near x: the largest remainders are rounded up.

    Examples
    --------
    >>> shown(rounded(vector("1/7 2/7 4/7"), 2))
    '(0, 1/2, 1/2)'
    """
    floors = [math.floor(entry * d) for entry in x]
    by_remainder = sorted(range(len(x)), key=lambda i: (floors[i] - x[i] * d, i))
    for i in by_remainder[: d - sum(floors)]:
        floors[i] += 1
    return tuple(Fraction(a, d) for a in floors)

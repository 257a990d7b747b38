"""α* of an exact instance, from the reference layer: the yardstick of the checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from typing import Any

from mdsd_theory.proving.instances import Drafters, Pair
from mdsd_theory.schemes import SCHEMES

Law = Mapping[frozenset[int], Fraction]
"""w(S): the law of the set of drafts."""


def subsets(vocabulary: int) -> Iterator[frozenset[int]]:
    """Yield all 2^V sets of tokens, the smallest first.

    Examples
    --------
    >>> [sorted(h) for h in subsets(2)]
    [[], [0], [1], [0, 1]]
    """
    for k in range(vocabulary + 1):
        yield from map(frozenset, combinations(range(vocabulary), k))


@lru_cache(maxsize=100_000)
def set_law(x: Pair | Drafters, scheme: str) -> Law:
    """Return the law of the set of drafts in fractions, by enumeration.

    Examples
    --------
    >>> law = set_law(Pair.of("1/2 1/2", "1/3 2/3", 2), "with_replacement")
    >>> {tuple(sorted(s)): str(w) for s, w in law.items()}
    {(0,): '1/9', (0, 1): '4/9', (1,): '4/9'}
    """
    law: Law = SCHEMES[scheme].set_law(x.q, x.n)
    return law


def inside(law: Law, subset: frozenset[int]) -> Fraction:
    """Return Q(H), the mass of the sets that lie inside H."""
    return sum((w for s, w in law.items() if s <= subset), start=Fraction(0))


@lru_cache(maxsize=100_000)
def best_subset(x: Pair | Drafters, scheme: str) -> tuple[Fraction, frozenset[int]]:
    """Return min over all 2^V subsets of P(H) + 1 − Q(H), with the first H that attains it.

    Examples
    --------
    >>> value, subset = best_subset(Pair.of("1/2 1/2", "1/3 2/3", 2), "with_replacement")
    >>> str(value), sorted(subset)
    ('1', [])
    """
    law = set_law(x, scheme)
    values = ((x.P(h) + 1 - inside(law, h), h) for h in subsets(x.V))
    return min(values, key=lambda pair: pair[0])


@lru_cache(maxsize=100_000)
def optimum(x: Pair | Drafters, scheme: str) -> Fraction:
    """Return α* as a maximum flow in fractions, certified by its coupling and its cut.

    Examples
    --------
    >>> str(optimum(Pair.of("1/2 1/2", "1/3 2/3", 1), "with_replacement"))
    '5/6'
    """
    return solved(x.p, set_law(x, scheme))


def solved(p: tuple[Fraction, ...], law: Law) -> Fraction:
    """Return α* of a target and any law of the set of drafts, by a maximum flow in fractions."""
    from mdsd_theory.reference.rational import solve_rational
    from mdsd_theory.reference.transport import transport_problem

    answer: Any = solve_rational(transport_problem(p, law)).value
    return Fraction(answer)

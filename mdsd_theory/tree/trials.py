"""The order in which a rule tries drafts one by one, and the law of each given those tried."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mdsd_theory.schemes.base import Number, Scheme

RANDOM_FIRST = ("greedy",)
"""Schemes whose last, random draft is tried before those that are always drafted.

Tried last, it is verified against what is left of p, and Σ min(p, (1 − P(T)) q̃) is accepted instead of
Σ min(p, q̃); the drafts T that are sure lose nothing by waiting.
"""


def trial_order(scheme: Scheme, n: int) -> tuple[int, ...]:
    """Return the ranks of a node's drafts in the order in which they are tried.

    Examples
    --------
    >>> from mdsd_theory import SCHEMES
    >>> trial_order(SCHEMES["greedy"], 3), trial_order(SCHEMES["with_replacement"], 3)
    ((2, 0, 1), (0, 1, 2))
    """
    ranks = tuple(range(n))
    return ranks[-1:] + ranks[:-1] if scheme.name in RANDOM_FIRST else ranks


@lru_cache(maxsize=4096)
def next_trial(scheme: Scheme, q: tuple[Any, ...], n: int, tried: tuple[int, ...]) -> dict[int, Number]:
    """Return the law of the draft that is tried next, given those tried, for a small vocabulary.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from mdsd_theory import SCHEMES
    >>> law = next_trial(SCHEMES["greedy"], (F(1, 2), F(1, 4), F(1, 4)), 2, ())
    >>> {i: str(chance) for i, chance in law.items()}
    {1: '1/2', 2: '1/2'}
    """
    order = trial_order(scheme, n)
    if order == tuple(range(n)) and type(scheme).next_draft is not Scheme.next_draft:
        return {i: c for i, c in scheme.next_draft(q, n, tried).items() if c}
    law: dict[int, Number] = {}
    for drafts, weight in scheme.tuple_law(q, n).items():
        if all(drafts[rank] == x for rank, x in zip(order, tried, strict=False)):
            x = drafts[order[len(tried)]]
            law[x] = law.get(x, 0) + weight
    total = sum(law.values())
    return {i: c / total for i, c in law.items() if c}

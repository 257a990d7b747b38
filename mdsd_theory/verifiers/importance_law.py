"""Importance selection of one of two i.i.d. drafts, in exact numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from mdsd_theory.schemes.base import Number
from mdsd_theory.verifiers.importance_program import pair_weights
from mdsd_theory.verifiers.single_draft import single_draft_law


@dataclass(frozen=True)
class Selection:
    """Which of two drafts is picked, and the law of the pick.

    Attributes
    ----------
    rank : list of int, length V
        Place of each token by p − q² descending.
    weights : list of lists of numbers, s rows
        Chance that the token of rank a is picked from the pair of ranks a, b < s.
    y : list of numbers, length V
        Law of the pick.
    """

    rank: list[int]
    weights: list[list[Number]]
    y: list[Number]

    def chance(self, i: int, j: int) -> Number:
        """Return the chance that i is picked from the drafts i and j."""
        a, b = self.rank[i], self.rank[j]
        return self.weights[a][b] if max(a, b) < len(self.weights) else int(a < b)


def ranking(p: Sequence[Number], q: Sequence[Number]) -> list[int]:
    """Return the tokens by p − q² descending, lowest index first on ties, those of q = 0 last."""
    return sorted(range(len(p)), key=lambda i: (q[i] == 0, -(p[i] - q[i] * q[i]), i))


def selection(p: Sequence[Number], q: Sequence[Number], tokens: int) -> Selection:
    """Return the selection in the number type of p and q.

    The weights are those of the float programme, taken at their exact binary value; y is computed from
    them in p's number type, so that the rule is lossless to the last digit.

    Parameters
    ----------
    p, q : sequence of float or Fraction, shape (V,)
    tokens : int
        Number of tokens in the programme.

    Examples
    --------
    >>> F = Fraction
    >>> found = selection([F(3, 4), F(1, 4)], [F(1, 2), F(1, 2)], 2)
    >>> [str(x) for x in found.y]
    ['3/4', '1/4']
    """
    order = ranking(p, q)
    top, others = order[:tokens], order[tokens:]
    target, draft = (np.array([float(x[i]) for i in top]) for x in (p, q))
    weights = pair_weights(target, draft, float(sum(q[i] for i in others))).tolist()
    if isinstance(p[0], Fraction):
        weights = _fractions(weights)
    rank = [0] * len(p)
    for place, token in enumerate(order):
        rank[token] = place
    return Selection(rank, weights, _law_of_pick(q, top, others, weights))


def _fractions(weights: list[list[float]]) -> list[list[Fraction]]:
    """Return the weights at their binary values, those below the diagonal as complements."""
    exact = [[Fraction(w) for w in row] for row in weights]
    return [[w if a <= b else 1 - exact[b][a] for b, w in enumerate(row)] for a, row in enumerate(exact)]


def _law_of_pick(
    q: Sequence[Number], top: list[int], others: list[int], weights: list[list[Number]]
) -> list[Number]:
    """Return y_i = q_i (q_i + 2 Σ_{j≠i} q_j w_ij)."""
    later: Number = 0
    y: list[Number] = [0] * len(q)
    for i in reversed(others):
        y[i], later = q[i] * (q[i] + 2 * later), later + q[i]
    for i, row in zip(top, weights, strict=True):
        beside = sum(q[j] * w for j, w in zip(top, row, strict=True) if j != i)
        y[i] = q[i] * (q[i] + 2 * (later + beside))
    return y


@lru_cache(maxsize=32)
def cached_selection(p: tuple[Number, ...], q: tuple[Number, ...], tokens: int, exact: bool) -> Selection:
    """Return :func:`selection`, kept for the next call; fractions and floats can be equal keys."""
    return selection(p, q, tokens)


def importance_law(
    p: Sequence[Number], q: Sequence[Number], drafts: tuple[int, ...], tokens: int
) -> dict[int, Number]:
    """Return the law of Y given two drafts: pick one, then verify it as a single draft of law y."""
    found = cached_selection(tuple(p), tuple(q), tokens, isinstance(p[0], Fraction))
    i, j = drafts
    picks = {i: found.chance(i, j)}
    picks[j] = picks.get(j, 0) + (1 - found.chance(i, j))
    return single_draft_law(p, found.y, picks)

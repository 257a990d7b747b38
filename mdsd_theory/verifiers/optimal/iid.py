r"""The optimal verifier of i.i.d. drafts: pick one by random priorities, then verify that one.

Each draft draws a priority from its token's kernel (:mod:`mdsd_theory.verifiers.optimal.curtain`); the
largest wins, so that the pick W has the law y of :mod:`mdsd_theory.verifiers.optimal.winning_law`. W
is accepted with probability min(1, p_W/y_W); else Y ∝ (p − y)_+. This is the classical single-draft rule
for a draft of law y: lossless, and accepted with probability Σ min(p, y) = α*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from mdsd_theory.schemes.base import Number, support
from mdsd_theory.verifiers.optimal.buckets import bucketed
from mdsd_theory.verifiers.optimal.curtain import Curtain, left_curtain
from mdsd_theory.verifiers.optimal.winning_law import winning_law
from mdsd_theory.verifiers.recursive_law import normalised
from mdsd_theory.verifiers.single_draft import single_draft_law


@dataclass(frozen=True)
class Priorities:
    """What the rule needs for one p and q: the law of the pick, and each token's levels.

    Attributes
    ----------
    y : list of numbers, length V
        The law of the pick.
    atom : dict of int to int
        Token of positive q → its atom: the tokens of a plateau, or of a bucket, share one.
    levels : list of lists of (int, number)
        Atom → the levels that it draws, with chances that sum to one.
    curtain : Curtain
        The stretches of [0, 1] behind them: what one can look at.
    """

    y: list[Number]
    atom: dict[int, int]
    levels: list[list[tuple[int, Number]]]
    curtain: Curtain


def priorities(
    p: Sequence[Number], q: Sequence[Number], n: int, buckets: int | None = None
) -> Priorities:
    """Return the rule's tables in the number type of p and q.

    Parameters
    ----------
    p, q : sequence of float or Fraction, shape (V,)
    n : int
        Number of drafts.
    buckets : int, optional
        Number of buckets of p/q that tokens are put in; every token is its own when left out.

    Returns
    -------
    Priorities

    Notes
    -----
    Cost O(V log² V), or O(V + K log² K) for K buckets.
    """
    groups = _groups(p, q, n, buckets)
    group_p, group_q = ([sum(x[i] for i in group) for group in groups] for x in (p, q))
    law = winning_law(group_p, group_q, n)
    atoms = [[i for k in atom for i in groups[k]] for atom in law.atoms]
    masses = [sum(q[i] for i in group) for group in atoms]
    density = {i: f for k, f in zip(law.tokens, law.density, strict=True) for i in groups[k]}
    curtain = left_curtain(masses, [density[group[0]] for group in atoms], n)
    levels = []
    for row in curtain.kernel():
        chances = normalised([weight for _, weight in row])
        levels.append(list(zip((k for k, _ in row), chances, strict=True)))
    y: list[Number] = [0] * len(q)
    for token, f in density.items():
        y[token] = q[token] * f
    atom = {token: k for k, group in enumerate(atoms) for token in group}
    return Priorities(y, atom, levels, curtain)


def _groups(p: Sequence[Number], q: Sequence[Number], n: int, buckets: int | None) -> list[list[int]]:
    """Return the tokens of positive q that count as one; floats of p and q decide which do."""
    if buckets is None:
        return [[i] for i in support(q)]
    label = bucketed(np.array(p, dtype=float), np.array(q, dtype=float), n, buckets).label
    groups: dict[int, list[int]] = {}
    for i in support(q):
        groups.setdefault(int(label[i]), []).append(i)
    return list(groups.values())


@lru_cache(maxsize=32)
def cached_priorities(
    p: tuple[Number, ...], q: tuple[Number, ...], n: int, buckets: int | None, exact: bool
) -> Priorities:
    """Return :func:`priorities`, kept for the next call; fractions and floats can be equal keys."""
    return priorities(p, q, n, buckets)


def optimal_iid_law(
    p: Sequence[Number], q: Sequence[Number], drafts: tuple[int, ...], buckets: int | None = None
) -> dict[int, Number]:
    """Return the law of the emitted token given the drafts, exactly.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> p, q = [F(1, 2), F(3, 10), F(1, 5)], [F(1, 5), F(3, 10), F(1, 2)]
    >>> {token: str(chance) for token, chance in sorted(optimal_iid_law(p, q, (1, 2)).items())}
    {0: '21/170', 1: '7/10', 2: '3/17'}
    """
    rule = cached_priorities(tuple(p), tuple(q), len(drafts), buckets, isinstance(p[0], Fraction))
    picks: dict[int, Number] = {}
    for x, chance in zip(drafts, winning_chances(rule, drafts), strict=True):
        picks[x] = picks.get(x, 0) + chance
    return single_draft_law(p, rule.y, picks)


def winning_chances(rule: Priorities, drafts: tuple[int, ...]) -> list[Number]:
    """Return the chance that each draft has the largest priority; a level is shared evenly."""
    rows = [dict(rule.levels[rule.atom[x]]) for x in drafts]
    chances: list[Number] = []
    for j, row in enumerate(rows):
        others = rows[:j] + rows[j + 1 :]
        chances.append(sum(weight * _share(others, k) for k, weight in row.items()))
    return chances


def _share(others: list[dict[int, Number]], level: int) -> Number:
    """Return E[1/(1 + others at this level)] on the event that none is above it."""
    at_level: list[Number] = [1]
    for row in others:
        here = row.get(level, 0)
        below = sum(weight for k, weight in row.items() if k < level)
        longer = [below * chance for chance in at_level] + [0]
        for m, chance in enumerate(at_level):
            longer[m + 1] += here * chance
        at_level = longer
    return sum(chance * Fraction(1, m + 1) for m, chance in enumerate(at_level))

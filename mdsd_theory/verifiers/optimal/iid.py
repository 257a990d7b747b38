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

from mdsd_theory.schemes.base import Number
from mdsd_theory.verifiers.optimal.curtain import Curtain, left_curtain
from mdsd_theory.verifiers.optimal.winning_law import winning_law
from mdsd_theory.verifiers.recursive_law import drop_zeros, normalised


@dataclass(frozen=True)
class Priorities:
    """What the rule needs for one p and q: the law of the pick, and each token's levels.

    Attributes
    ----------
    y : list of numbers, length V
        The law of the pick.
    atom : dict of int to int
        Token of positive q → its atom: the tokens of a plateau share one.
    levels : list of lists of (int, number)
        Atom → the levels that it draws, with chances that sum to one.
    curtain : Curtain
        The stretches of [0, 1] behind them: what one can look at.
    """

    y: list[Number]
    atom: dict[int, int]
    levels: list[list[tuple[int, Number]]]
    curtain: Curtain


def priorities(p: Sequence[Number], q: Sequence[Number], n: int) -> Priorities:
    """Return the rule's tables in the number type of p and q.

    Parameters
    ----------
    p, q : sequence of float or Fraction, shape (V,)
    n : int
        Number of drafts.

    Returns
    -------
    Priorities

    Notes
    -----
    Cost O(V log² V).
    """
    law = winning_law(p, q, n)
    density = dict(zip(law.tokens, law.density, strict=True))
    atoms = law.atoms
    masses = [sum(q[i] for i in group) for group in atoms]
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


@lru_cache(maxsize=32)
def cached_priorities(p: tuple[Number, ...], q: tuple[Number, ...], n: int) -> Priorities:
    """Return :func:`priorities`, kept for the next call with the same p and q."""
    return priorities(p, q, n)


def optimal_iid_law(
    p: Sequence[Number], q: Sequence[Number], drafts: tuple[int, ...]
) -> dict[int, Number]:
    """Return the law of the emitted token given the drafts, exactly.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> p, q = [F(1, 2), F(3, 10), F(1, 5)], [F(1, 5), F(3, 10), F(1, 2)]
    >>> {token: str(chance) for token, chance in optimal_iid_law(p, q, (1, 2)).items()}
    {1: '7/10', 0: '21/170', 2: '3/17'}
    """
    rule = cached_priorities(tuple(p), tuple(q), len(drafts))
    residual = normalised([max(a - b, 0) for a, b in zip(p, rule.y, strict=True)])
    law: dict[int, Number] = {}
    for x, chance in zip(drafts, winning_chances(rule, drafts), strict=True):
        accept = min(1, p[x] / rule.y[x])
        law[x] = law.get(x, 0) + chance * accept
        for token, share in enumerate(residual):
            law[token] = law.get(token, 0) + chance * (1 - accept) * share
    return drop_zeros(law)


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


@dataclass(frozen=True)
class Tables:
    """:class:`Priorities` of floats as arrays, for drawing.

    Attributes
    ----------
    y : array, shape (V,)
    start, stop : array, shape (V,)
        Where each token's entries begin and end among the running sums.
    sums : array, shape (entries,)
        Running sums of the entries' chances, over all atoms.
    level : array of int, shape (entries,)
    """

    y: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    sums: np.ndarray
    level: np.ndarray


def tables(rule: Priorities) -> Tables:
    """Return the arrays; tokens of probability zero get the entries of the first atom."""
    sums = np.cumsum([weight for row in rule.levels for _, weight in row])
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rule.levels])])
    bounds = np.concatenate([[0.0], sums])[ends]
    atom = np.array([rule.atom.get(i, 0) for i in range(len(rule.y))])
    level = np.array([k for row in rule.levels for k, _ in row], dtype=np.int64)
    return Tables(np.array(rule.y, dtype=float), bounds[atom], bounds[atom + 1], sums, level)

"""Greedy, top-k and SpecHub drafts: α* as a fraction, by integers alone."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from mdsd_theory.rigorous.weights import Weights
from mdsd_theory.schemes.base import largest


def greedy(p: Weights, q: Weights, n: int) -> tuple[Fraction, list[int]]:
    r"""Return α* and a minimising H for greedy drafts, and SpecHub's (n = 2), exactly.

    .. math:: \alpha^* = \sum_{i \in T} p_i + \sum_{i \notin T} \min(p_i, \tilde q_i),
              \qquad H = T \cup \{i : p_i < \tilde q_i\}

    with T the n−1 tokens of largest q, the lowest index first among ties, and q̃ = q on Σ∖T,
    renormalised. Over the common denominator p.total·(q.total − Σ_T) both sides are integers.

    Notes
    -----
    Cost O(V log V). Hu et al. 2025, arXiv 2502.18779.

    Examples
    --------
    >>> from mdsd_theory.rigorous.weights import weights
    >>> value, H = greedy(weights(["1/2", "1/4", "1/4"], "p"), weights(["1/4", "1/2", "1/4"], "q"), 2)
    >>> str(value), sorted(H)
    ('1', [1, 2])
    """
    fixed = set(largest(q.values, n - 1))
    rest = q.total - sum(q.values[i] for i in fixed)
    scaled = [(x * rest, y * p.total) for x, y in zip(p.values, q.values, strict=True)]
    value = sum(x if i in fixed else min(x, y) for i, (x, y) in enumerate(scaled))
    subset = [i for i, (x, y) in enumerate(scaled) if i in fixed or x < y]
    return Fraction(value, p.total * rest), subset


def top_k(p: Weights, q: Weights, n: int) -> tuple[Fraction, list[int]]:
    """Return α* = P(T) and H = T, the n tokens of largest q, exactly.

    Examples
    --------
    >>> from mdsd_theory.rigorous.weights import weights
    >>> value, H = top_k(weights(["1/2", "1/2"], "p"), weights(["1/4", "3/4"], "q"), 1)
    >>> str(value), H
    ('1/2', [1])
    """
    fixed = largest(q.values, n)
    return mass(p, fixed), fixed


def mass(x: Weights, tokens: Collection[int]) -> Fraction:
    """Return the probability of a set of tokens."""
    return Fraction(sum(map(x.values.__getitem__, tokens)), x.total)

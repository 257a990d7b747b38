"""Tokens in the exact order of p/q, and the exact sums of p and q over its prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import accumulate
from typing import Any

import numpy as np

from mdsd_theory.rigorous.weights import Weights


@dataclass(frozen=True)
class Prefixes:
    """The prefixes H_0 = ∅, …, H_K of the K tokens with q > 0 by p/q ascending.

    A token with q = 0 adds to P(H) and nothing to Q(H): some minimiser of P(H) + 1 − Q(H) has none.

    Attributes
    ----------
    tokens : list of int, shape (K,)
    p, q : list of int, shape (K,)
        Weights in that order.
    p_sums, q_sums : list of int, shape (K + 1,)
        P(H_k)·p_total and q(H_k)·q_total.
    p_total, q_total : int
        The sum of each over all tokens.
    """

    tokens: list[int]
    p: list[int]
    q: list[int]
    p_sums: list[int]
    q_sums: list[int]
    p_total: int
    q_total: int

    def mask(self, k: int, vocabulary: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return H_k as a mask of shape (V,)."""
        return members(self.tokens[:k], vocabulary)


def prefixes(p: Weights, q: Weights) -> Prefixes:
    """Return the prefixes of the ratio order.

    Floats only make a first guess of the order; the sort that counts compares p_i·q_j with p_j·q_i in
    integers, and takes V − 1 comparisons where the guess is right.

    Notes
    -----
    Cost O(V log V), and O(V) comparisons of integers.

    Examples
    --------
    >>> from mdsd_theory.rigorous.weights import weights
    >>> prefixes(weights([0.5, 0.3, 0.2], "p"), weights([0.2, 0.3, 0.5], "q")).tokens
    [2, 1, 0]
    """
    a, b = p.values, q.values

    def compare(i: int, j: int) -> int:
        left, right = a[i] * b[j], a[j] * b[i]
        return (left > right) - (left < right)

    tokens = sorted(_guess(p, q), key=cmp_to_key(compare))
    chosen_p, chosen_q = [a[i] for i in tokens], [b[i] for i in tokens]
    return Prefixes(
        tokens,
        chosen_p,
        chosen_q,
        list(accumulate(chosen_p, initial=0)),
        list(accumulate(chosen_q, initial=0)),
        p.total,
        q.total,
    )


def _guess(p: Weights, q: Weights) -> list[int]:
    """Return the tokens with q > 0 by p/q as far as floats can tell."""
    tokens = q.support
    chosen = [p.values[i] for i in tokens], [q.values[i] for i in tokens]
    ratios = float_ratios(*chosen, p.total, q.total)
    return [tokens[i] for i in np.argsort(ratios, kind="stable")]


def float_ratios(
    p: Sequence[int], q: Sequence[int], p_total: int, q_total: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return p_i/q_i of weights as floats; where they under- or overflow it is a poor guess."""
    with np.errstate(all="ignore"):
        target = np.array([x / p_total for x in p], dtype=np.float64)
        ratios: np.ndarray[Any, np.dtype[np.float64]] = target / np.array([x / q_total for x in q])
    return ratios


def members(tokens: Sequence[int], vocabulary: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return a set of tokens as a mask of shape (V,)."""
    mask = np.zeros(vocabulary, dtype=np.bool_)
    mask[np.asarray(tokens, dtype=np.int64)] = True
    return mask

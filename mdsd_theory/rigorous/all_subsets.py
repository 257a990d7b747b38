"""Different drafters and few tokens: every H, in integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from mdsd_theory.rigorous.weights import Weights

LARGEST_VOCABULARY = 14
"""Largest V for which all 2^V subsets are tried."""


def all_subsets(p: Weights, drafters: Sequence[Weights]) -> tuple[Fraction, list[int]]:
    r"""Return α* = min over H of P(H) + 1 − Π_k q_k(H), exactly, and a minimising H.

    Notes
    -----
    Cost O(n·2^V).

    Examples
    --------
    >>> from mdsd_theory.rigorous.weights import weights
    >>> half, first = weights(["1/2", "1/2"], "p"), weights(["1", "0"], "q[0]")
    >>> value, H = all_subsets(half, [first, half])
    >>> str(value), H
    ('1', [])
    """
    unit = math.prod(x.total for x in drafters)
    masses = [_subset_sums(x.values) for x in drafters]
    values = [
        target * unit - p.total * math.prod(inside)
        for target, *inside in zip(_subset_sums(p.values), *masses, strict=True)
    ]
    least, code = min((value, code) for code, value in enumerate(values))
    return 1 + Fraction(least, p.total * unit), [i for i in range(len(p.values)) if code >> i & 1]


def _subset_sums(values: Sequence[int]) -> list[int]:
    """Return the sums of all subsets, that of H at the index whose bits are H."""
    sums = [0]
    for value in values:
        sums += [s + value for s in sums]
    return sums

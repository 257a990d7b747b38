"""With replacement: the smallest P(H) + 1 − C·q(H)^n over all prefixes, in balls."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.arrays import UNIT
from mdsd_theory.rigorous.balls import lower_end, precision, upper_end
from mdsd_theory.rigorous.prefixes import Prefixes

BITS = 256
"""Precision of the balls."""

LARGEST_FILTERED = 2**40
"""Largest n for which floats choose the prefixes that balls look at."""

LARGEST_FACTOR = 2**1000
"""Largest C for which they do: floats end at 2¹⁰²⁴."""


def power_prefix(
    order: Prefixes, n: int, factor: Fraction = Fraction(1)
) -> tuple[Fraction, Fraction, int]:
    r"""Enclose the minimum of P(H) + 1 − C·q(H)^n over all H, and tell the best prefix.

    .. math:: \min_{H \subseteq \Sigma} P(H) + 1 - C\,q(H)^n
              = \min_{0 \le k \le K} P(H_k) + 1 - C\,q(H_k)^n

    P − C·s^n is concave on the zonotope of all (q(h), P(h)), so its minimum is at an extreme point of
    the lower boundary: a prefix (page 6).

    Parameters
    ----------
    order : Prefixes
    n : int
        Number of drafts.
    factor : Fraction
        C > 0; one for drafts with replacement.

    Returns
    -------
    lower, upper : Fraction
    k : int
        Length of the prefix that attains ``upper``.

    Notes
    -----
    Cost O(V). Balls are spent on the prefixes that floats cannot rule out, usually one or two.
    """
    chosen = _candidates(order, n, factor)
    with precision(BITS) as arb:
        scale = arb(factor.numerator) / arb(factor.denominator)
        found = []
        for k in chosen:
            inside = arb(order.q_sums[k]) / arb(order.q_total)
            value = arb(order.p_sums[k]) / arb(order.p_total) + 1 - scale * inside**n
            found.append((upper_end(value), lower_end(value), k))
    upper, _, best = min(found)
    return min(lower for _, lower, _ in found), upper, best


def _candidates(order: Prefixes, n: int, factor: Fraction) -> list[int]:
    """Return every prefix that can hold the minimum, and maybe some that cannot.

    With u = 2⁻⁵³: an integer division is off by at most u relatively, or 2⁻¹⁰⁷⁴ where it underflows;
    a power by squaring has n − 1 factors' worth of roundings on top of n times that of its base, so
    that C·s^n is off by less than C·(2n + 2)u to first order, and P by u; 8(n + 4)(1 + C)u is more
    than twice their sum, for n up to 2⁴⁰ with room for all higher orders. A prefix above the smallest
    value found by twice that bound is no minimiser.
    """
    if n > LARGEST_FILTERED or factor > LARGEST_FACTOR:
        return list(range(len(order.q_sums)))
    target = np.array([x / order.p_total for x in order.p_sums])
    inside = np.array([x / order.q_total for x in order.q_sums])
    scale = float(factor)
    values = target - scale * _power(inside, n)
    margin = 2 * 8 * (n + 4) * (1 + scale) * UNIT
    return [int(k) for k in np.flatnonzero(values <= values.min() + margin)]


def _power(x: np.ndarray[Any, Any], n: int) -> np.ndarray[Any, Any]:
    """Return x^n by squaring: multiplications alone, each correctly rounded."""
    result = np.ones_like(x)
    while n:
        if n & 1:
            result = result * x
        x, n = x * x, n >> 1
    return result

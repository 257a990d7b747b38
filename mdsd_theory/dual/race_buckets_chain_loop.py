"""Chains of prefixes from bucket sums or from sorted tokens, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.dual.race_buckets_search_loop import Chain

Array = np.ndarray[Any, Any]


class Span(NamedTuple):
    """The tokens between two prefixes H_a ⊂ H_b.

    Attributes
    ----------
    low, high : int
        Thresholds of the two: bits of ratios.
    target : float
        P(H_a).
    outside : float
        q(Σ∖H_b).
    sums : array, shape (R,)
        Of H_a.
    """

    low: int
    high: int
    target: float
    outside: float
    sums: Array


@compiled()
def bucket_chain(span: Span, sums: Array, weight: Array, low: int, shift: int, heavier: float) -> Chain:
    """Return the prefixes that end with a bucket; empty buckets are left out.

    Parameters
    ----------
    sums, weight
        Of the tokens of the span, see
        :func:`~mdsd_theory.dual.race_buckets_pass_loop.power_buckets`; the last bucket is outside.
    low, shift
        Of the same call.
    """
    buckets, powers = weight.size - 1, span.sums.size
    kept, width, m = np.empty(buckets, np.int64), np.empty(buckets), 0
    for k in range(buckets):
        width[m], kept[m] = heavier * sums[k, 1] + weight[k], k
        m += width[m] > 0
    width = width[:m].copy()
    threshold, target, outside = np.empty(m + 1, np.int64), np.empty(m + 1), np.empty(m + 1)
    running = np.empty((m + 1, powers))
    edges = np.empty((2, m), np.int64)
    threshold[0], target[0], running[0] = span.low, span.target, span.sums
    for i in range(m):
        k = kept[i]
        edges[0, i] = low + (k << shift) if k else span.low
        threshold[i + 1] = min(low + ((k + 1) << shift), span.high)
        edges[1, i] = threshold[i + 1] - 1
        target[i + 1] = target[i] + sums[k, 0]
        for r in range(powers):
            running[i + 1, r] = running[i, r] + sums[k, r + 1]
    outside[m] = span.outside
    for i in range(m - 1, -1, -1):
        outside[i] = outside[i + 1] + width[i]
    ratio = edges.view(np.float64)
    return Chain(threshold, target, outside, running, width, ratio[0], ratio[1])


@compiled()
def token_chain(
    span: Span, p: Array, q: Array, ratio: Array, heavier: float, top: float, rest: float
) -> Chain:
    """Return the prefixes that end with the last token of some ratio, for the few tokens of a span.

    Parameters
    ----------
    p, q, ratio : array, shape (K,)
        The tokens in the order of p/q; q is positive.
    heavier : float
        See :func:`~mdsd_theory.dual.race_buckets_pass_loop.power_buckets`.
    top, rest : float
        For n = 2 the largest probability and the mass of the others, see
        :func:`~mdsd_theory.dual.race_buckets_pass_loop.odds_buckets`; else top = 0.
    """
    bits, powers, m = ratio.view(np.int64), span.sums.size, 0
    threshold, target = np.empty(q.size + 1, np.int64), np.empty(q.size + 1)
    width, running, slope = np.zeros(q.size), np.empty((q.size + 1, powers)), np.empty(q.size)
    threshold[0], target[0], running[0] = span.low, span.target, span.sums
    for i in range(q.size):
        if i == 0 or bits[i] > bits[i - 1]:
            m += 1
            threshold[m], target[m], running[m] = bits[i] + 1, target[m - 1], running[m - 1]
            slope[m - 1] = ratio[i]
        target[m] += p[i]
        width[m - 1] += q[i]
        if top > 0:
            running[m, 0] += q[i]
            running[m, 1] += q[i] / (rest if q[i] == top else 1.0 - q[i])
        elif q[i] <= heavier:
            x = power = q[i] / heavier
            for r in range(powers):
                running[m, r] += power
                power *= x
    outside = np.empty(m + 1)
    outside[m] = span.outside
    for i in range(m - 1, -1, -1):
        outside[i] = outside[i + 1] + width[i]
    chain = threshold[: m + 1], target[: m + 1], outside, running[: m + 1]
    return Chain(*chain, width[:m], slope[:m], slope[:m])

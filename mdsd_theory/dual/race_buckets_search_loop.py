r"""The search over a chain of prefixes, compiled: Q is evaluated only where it can matter.

Between two prefixes H_a ⊂ H_b whose Q is known, Q lies below its chord in s = q(H) (theorem 6.e), while
P and s are known at every prefix in between. So P + 1 − chord bounds f from below at the prefixes, and
inside a bucket, where P lies above its two tangents of slopes ``low`` and ``high``, so does the crossing
of the two lines.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.dual.race_buckets_value_loop import Race, avoids

Array = np.ndarray[Any, Any]


class Chain(NamedTuple):
    """Prefixes H_0 ⊂ … ⊂ H_m of the ratio order and the buckets between them, all of positive mass.

    Attributes
    ----------
    threshold : array of int, shape (m + 1,)
        H_k holds the tokens whose ratio's bits lie below.
    target, outside : array, shape (m + 1,)
        P(H_k), q(Σ∖H_k).
    sums : array, shape (m + 1, R)
        See :func:`~mdsd_theory.dual.race_buckets_value_loop.avoids`.
    width : array, shape (m,)
        q of the buckets.
    low, high : array, shape (m,)
        No ratio in the bucket is smaller, or larger.
    """

    threshold: Array
    target: Array
    outside: Array
    sums: Array
    width: Array
    low: Array
    high: Array


@compiled()
def search(race: Race, chain: Chain, best: float, tolerance: float) -> tuple[float, int, Array, int]:
    """Return the smallest f found on the chain, and the buckets inside which f may be smaller still.

    Parameters
    ----------
    best : float
        Value that a prefix must beat.
    tolerance : float
        By which a bound must stay below ``best`` to matter.

    Returns
    -------
    best : float
    threshold : int
        Of the prefix that attains it; −1 if none is better than the value passed in.
    open : array of int
        Buckets, ascending.
    evaluations : int
    """
    m = chain.width.size
    known, threshold = np.full(m + 1, np.nan), -1
    stack, bounds, open_buckets = [(0, m)], np.empty(m), np.zeros(m, np.bool_)
    for k in (0, m):
        known[k] = avoids(race, chain.threshold[k], chain.outside[k], chain.sums[k])
        if chain.target[k] + known[k] < best:
            best, threshold = chain.target[k] + known[k], chain.threshold[k]
    evaluations = 2
    while len(stack):
        a, b = stack.pop()
        least, at = chord_bounds(chain, known, a, b, bounds)
        if least >= best - tolerance:
            continue
        if b == a + 1:
            open_buckets[a] = chain.low[a] < chain.high[a]
            continue
        known[at] = avoids(race, chain.threshold[at], chain.outside[at], chain.sums[at])
        evaluations += 1
        if chain.target[at] + known[at] < best:
            best, threshold = chain.target[at] + known[at], chain.threshold[at]
        stack.append((a, at))
        stack.append((at, b))
    for k in range(m):
        open_buckets[k] = open_buckets[k] and bounds[k] < best - tolerance
    return best, threshold, np.flatnonzero(open_buckets), evaluations


@compiled()
def chord_bounds(chain: Chain, known: Array, a: int, b: int, bounds: Array) -> tuple[float, int]:
    """Bound f inside each bucket from a to b and at the prefixes between them.

    ``known`` holds 1 − Q at a and b; the bounds of the buckets are written to ``bounds``.

    Returns
    -------
    least : float
        The smallest bound.
    at : int
        The inner prefix of the smallest bound among the inner prefixes.
    """
    total = 0.0
    for k in range(a, b):
        total += chain.width[k]
    fall = known[b] - known[a]
    slope = fall / total
    run, least, lowest, at = 0.0, np.inf, np.inf, a + 1
    left = chain.target[a] + known[a]
    for k in range(a, b):
        run += chain.width[k]
        right = chain.target[k + 1] + (known[a] + fall * (run / total))
        if k + 1 == b:
            right = chain.target[b] + known[b]
        elif right < lowest:
            lowest, at = right, k + 1
        falls = -(chain.low[k] + slope) * chain.width[k]
        rises = (chain.high[k] + slope) * chain.width[k]
        bound = min(left, right)
        if falls > 0 and rises > 0:
            share = min(max((left - right + rises) / (falls + rises), 0.0), 1.0)
            bound = min(bound, left - falls * share)
        bounds[k] = bound
        least = min(least, bound)
        left = right
    return least, at

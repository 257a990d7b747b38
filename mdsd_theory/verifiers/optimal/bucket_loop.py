"""Buckets of the ratio p/q and the sums of p and q in them, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.verifiers.optimal.curtain_levels import more

Array = np.ndarray[Any, Any]

STRIP = 512
"""Tokens whose ratios are held at once: they stay in the first cache."""


@compiled()
def bucket_sums(
    p: Array, q: Array, low: float, high: float, buckets: int, label: Array
) -> tuple[Array, Array]:
    """Find each token's bucket, and return the sums of p and q in each, rounded once or twice.

    [low, high] is split evenly in log₂ p/q as :func:`.buckets.near_log` has it; the first bucket has all
    below, the last all above.

    Parameters
    ----------
    p, q : array, shape (V,)
    low, high : float
    buckets : int
    label : array of int, shape (V,)
        Overwritten; of no meaning where q = 0.

    Returns
    -------
    p, q : array, shape (buckets,)
        Over tokens of positive q.
    """
    sums, last = np.zeros((buckets, 4)), buckets - 1.0
    scale = buckets / (high - low) if high > low else 0.0
    ratio = np.empty(STRIP)
    bits = ratio.view(np.int64)
    for start in range(0, p.size, STRIP):
        strip = slice(start, start + STRIP)
        target, draft, place = p[strip], q[strip], label[strip]
        np.divide(target, draft, ratio[: target.size])
        for j in range(target.size):
            x = (bits[j] * 2.0**-52 - 1023.0 - low) * scale
            x = x if x > 0 else 0.0
            place[j] = np.int32(x if x < last else last)
        for j in range(target.size):
            if draft[j] > 0:
                k = place[j]
                sums[k, 0], sums[k, 1] = more(sums[k, 0], sums[k, 1], target[j])
                sums[k, 2], sums[k, 3] = more(sums[k, 2], sums[k, 3], draft[j])
    return sums[:, 0] + sums[:, 1], sums[:, 2] + sums[:, 3]


@compiled()
def rough_sums(p: Array, q: Array, low: float, high: float, buckets: int) -> tuple[Array, Array]:
    """Return sums of p and q as :func:`bucket_sums` does, in plain arithmetic and without labels."""
    sums, last = np.zeros((buckets, 2)), buckets - 1.0
    scale = buckets / (high - low)
    ratio, inside, place = np.empty(STRIP), np.empty(STRIP), np.empty(STRIP, np.int64)
    bits = ratio.view(np.int64)
    for start in range(0, p.size, STRIP):
        strip = slice(start, start + STRIP)
        target, draft = p[strip], q[strip]
        np.divide(target, draft, ratio[: target.size])
        for j in range(target.size):
            x = (bits[j] * 2.0**-52 - 1023.0 - low) * scale
            x = x if x > 0 else 0.0
            place[j] = np.int64(x if x < last else last)
            inside[j] = target[j] if draft[j] > 0 else 0.0
        for j in range(target.size):
            sums[place[j], 0] += inside[j]
            sums[place[j], 1] += draft[j]
    return sums[:, 0].copy(), sums[:, 1].copy()

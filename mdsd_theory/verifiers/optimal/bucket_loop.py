"""Buckets of the ratio p/q and the sums of p and q in them, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.verifiers.optimal.curtain_levels import more

Array = np.ndarray[Any, Any]


@compiled()
def labels_of(x: Array, low: float, high: float, buckets: int) -> Array:
    """Return the bucket of each x: [low, high] split evenly, the first with all below, the last above.

    Parameters
    ----------
    x : array, shape (V,)
        NaN counts as below.
    low, high : float
    buckets : int

    Returns
    -------
    array of int, shape (V,)
    """
    label, last = np.empty(x.size, np.int32), buckets - 1.0
    scale = buckets / (high - low) if high > low else 0.0
    for i in range(x.size):
        place = (x[i] - low) * scale
        place = place if place > 0 else 0.0
        label[i] = np.int32(place if place < last else last)
    return label


@compiled()
def bucket_sums(label: Array, p: Array, q: Array, buckets: int) -> tuple[Array, Array]:
    """Return the sums of p and q in each bucket over tokens of positive q, rounded once or twice."""
    sums = np.zeros((buckets, 4))
    for i in range(p.size):
        k, x = label[i], p[i] if q[i] > 0 else 0.0
        sums[k, 0], sums[k, 1] = more(sums[k, 0], sums[k, 1], x)
        sums[k, 2], sums[k, 3] = more(sums[k, 2], sums[k, 3], q[i])
    return sums[:, 0] + sums[:, 1], sums[:, 2] + sums[:, 3]


@compiled()
def lone_tokens(x: Array, p: Array, q: Array, low: float, high: float) -> tuple[Array, Array, Array]:
    """Return buckets of one token each for x in [low, high], between one bucket for each side.

    Parameters
    ----------
    x, p, q : array, shape (V,)
    low, high : float

    Returns
    -------
    label : array of int, shape (V,)
        0 below, −1 above, 1 … m between; 0 where q = 0.
    p, q : array, shape (m + 2,)
        Sums over tokens of positive q.
    """
    label, m = np.zeros(x.size, np.int32), 0
    ends = np.zeros((2, 4))
    sums_p, sums_q = np.empty(x.size + 2), np.empty(x.size + 2)
    for i in range(x.size):
        if q[i] > 0 and low <= x[i] <= high:
            m += 1
            label[i], sums_p[m], sums_q[m] = m, p[i], q[i]
        elif q[i] > 0:
            side = 1 if x[i] > high else 0
            label[i] = -side
            ends[side, 0], ends[side, 1] = more(ends[side, 0], ends[side, 1], p[i])
            ends[side, 2], ends[side, 3] = more(ends[side, 2], ends[side, 3], q[i])
    for side in range(2):
        place = side * (m + 1)
        sums_p[place] = ends[side, 0] + ends[side, 1]
        sums_q[place] = ends[side, 2] + ends[side, 3]
    return label, sums_p[: m + 2], sums_q[: m + 2]

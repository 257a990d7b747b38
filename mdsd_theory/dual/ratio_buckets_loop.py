"""Buckets of the ratio p/q: their sums, the best edge, the buckets that can hold more, compiled.

Probabilities are summed as integers, multiples of 2⁻⁶²: exactly, in any order, and without the running
error of floats. The bit pattern of a non-negative float ascends with it, so that a range of patterns is a
range of ratios.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled

Array = np.ndarray[Any, Any]

UNITS = 2.0**62
"""Integer units of a probability of one."""

SLACK = 2.0**-50
"""A bucket that could lower the value by no more than this is left alone."""

BLOCK = 1024
"""Tokens whose keys are worked out before they are counted: the first loop is one of vectors."""


@compiled(fast=True)
def keys_of(
    p: Array, q: Array, base: int, last: int, shift: int, tiny: float, keys: Array, units: Array
) -> tuple[float, float, int]:
    """Write the bucket of each token and its p and q in integer units.

    Returns
    -------
    tuple of float, float, int
        Sums of p and of q, NaN or infinite where an entry is, and how many entries are negative or
        positive below ``tiny``.
    """
    sum_p, sum_q, bad = 0.0, 0.0, 0
    for i in range(p.size):
        x, y = np.float64(p[i]), np.float64(q[i])
        ratio = abs(np.divide(x, y))
        place = int((np.float64(ratio).view(np.int64) >> shift) - base)
        keys[i] = np.uint16(min(max(place, 0), last))
        units[0, i], units[1, i] = np.int64(x * UNITS), np.int64(y * UNITS)
        sum_p += x
        sum_q += y
        bad += (x < tiny) & (x != 0.0)
        bad += (y < tiny) & (y != 0.0)
    return sum_p, sum_q, bad


@compiled()
def fill_buckets(
    p: Array, q: Array, base: int, shift: int, tiny: float, keys: Array, sums: Array
) -> tuple[float, float, int]:
    """Write the bucket of every token of a row and the sums of p and q in each bucket.

    Parameters
    ----------
    p, q : array, shape (V,)
    base, shift : int
        Bucket k holds the bit patterns from (base + k) 2^shift on; the first also all below, the last
        all above, ∞ and NaN among them.
    tiny : float
    keys : array of uint16, shape (V,)
    sums : array of int64, shape (buckets, 2)

    Returns
    -------
    tuple of float, float, int
        As of :func:`keys_of`.
    """
    sums[:] = 0
    units = np.empty((2, BLOCK), np.int64)
    sum_p, sum_q, bad, last = 0.0, 0.0, 0, sums.shape[0] - 1
    for start in range(0, p.size, BLOCK):
        stop = min(p.size, start + BLOCK)
        found = keys_of(p[start:stop], q[start:stop], base, last, shift, tiny, keys[start:stop], units)
        sum_p += found[0]
        sum_q += found[1]
        bad += found[2]
        for i in range(stop - start):
            k = keys[start + i]
            sums[k, 0] += units[0, i]
            sums[k, 1] += units[1, i]
    return sum_p, sum_q, bad


@compiled()
def excess(mass: int, drafted: int, total: tuple[float, float], n: int) -> float:
    """Return f − 1 = P(H) − q(H)^n from sums in integer units."""
    power, result, left = drafted / total[1], 1.0, n
    while left:
        if left & 1:
            result *= power
        left >>= 1
        power *= power
    return mass / total[0] - result


@compiled()
def inside_bound(
    left: float, right: float, mass: float, drafted: float, low: float, high: float
) -> float:
    """Return a lower bound on f − 1 inside a bucket, from its two ends (theorem 6.e).

    Parameters
    ----------
    left, right : float
        f − 1 at the ends.
    mass, drafted : float
        P and q of the bucket.
    low, high : float
        No ratio of the bucket lies below or above.
    """
    chord = mass - (right - left)
    falls, rises = chord - low * drafted, high * drafted - chord
    if falls <= 0 or rises <= 0:
        return min(left, right)
    share = (left - right + rises) / (falls + rises)
    return left - falls * min(max(share, 0.0), 1.0)


@compiled()
def as_ratio(pattern: int) -> float:
    """Return the float of a bit pattern."""
    return np.int64(pattern).view(np.float64)


@compiled()
def best_edge(
    sums: Array,
    buckets: int,
    before: tuple[int, int],
    total: tuple[float, float],
    n: int,
    best: float,
) -> tuple[float, int]:
    """Return the lowest f − 1 over the right ends of the buckets, and how many buckets it takes.

    Parameters
    ----------
    sums : array of int64, shape (at least buckets, 2)
    before : tuple of int
        Sums of p and q over the tokens before the first bucket.
    total : tuple of float
        Of the row.
    best : float
        A value already found: an edge must be lower, or −1 is returned for it.
    """
    mass, drafted, found = before[0], before[1], -1
    for k in range(buckets):
        mass += sums[k, 0]
        if sums[k, 1] > 0:
            drafted += sums[k, 1]
            value = excess(mass, drafted, total, n)
            if value < best:
                best, found = value, k + 1
    return best, found


@compiled()
def open_buckets(
    sums: Array,
    buckets: int,
    range_: tuple[int, int, int],
    before: tuple[int, int],
    total: tuple[float, float],
    n: int,
    best: float,
) -> tuple[int, int, float]:
    """Return the first and the last bucket whose inside may be lower than ``best``, and how low.

    Parameters
    ----------
    range_ : tuple of int
        Bit pattern at which the first bucket starts for its bound, the pattern from which the others
        are counted, and the shift.
    best : float
        The lowest f − 1 of all edges.

    Returns
    -------
    tuple of int, int, float
        −1, −1 where there is none; and a lower bound on f − 1 over all that was looked at.
    """
    floor, start, shift = range_
    mass, drafted, first, last, least = before[0], before[1], -1, -1, best
    left = excess(mass, drafted, total, n)
    # The ratio in units of the caller's p and q, times this, is that of the divided rows.
    scale = total[1] / total[0]
    for k in range(buckets):
        mass += sums[k, 0]
        if sums[k, 1] == 0:
            left += sums[k, 0] / total[0]
            continue
        drafted += sums[k, 1]
        right = excess(mass, drafted, total, n)
        low = as_ratio(start + (k << shift)) if k else as_ratio(floor)
        high = as_ratio(start + ((k + 1) << shift))
        bound = inside_bound(
            left, right, sums[k, 0] / total[0], sums[k, 1] / total[1], low * scale, high * scale
        )
        left, least = right, min(least, bound)
        if bound < best - SLACK:
            first, last = (k if first < 0 else first), k
    return first, last, least

"""A stable argsort of numbers that are not negative, such as p/q: two counting passes, compiled.

The bits of positive floats ascend as the floats do. Their range is cut to 22 bits, sorted eleven at a
time with the indices beside them, and what is equal there is put in order by all bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled

Array = np.ndarray[Any, Any]

DIGIT = 11
"""Bits to a counting pass: its counters fit the first cache."""

TOP = (1 << 2 * DIGIT) - 1
"""The key of NaN; infinity's is one less, zero's 0."""

MOST = 1 << 32 - DIGIT
"""Longer arrays than this are sorted by comparison: an index and a digit share 32 bits."""

SHORT = 24
"""Runs of equal keys up to this length are sorted by insertion."""


@compiled()
def argsort_positive(x: Array) -> Array:
    """Return the order of x ascending, ties by index: as ``np.argsort(x, kind="stable")``.

    Parameters
    ----------
    x : array of float64, shape (V,)
        None negative. Infinities come after the finite, NaN of either sign last.

    Returns
    -------
    array of int32, shape (V,)

    Notes
    -----
    Cost O(V), and a merge sort of runs whose leading bits agree, should they be long; V ≤ 2^21.
    """
    if x.size > MOST:
        return np.argsort(x, kind="mergesort").astype(np.int32)
    bits = x.view(np.int64)
    keys, shift = _leading_bits(x, bits)
    order = _by_two_digits(keys)
    if shift > 0:
        _within_runs(bits, keys, order)
    return order


@compiled()
def _leading_bits(x: Array, bits: Array) -> tuple[Array, int]:
    """Return keys of 22 bits that ascend with x, and how many bits they leave out."""
    low, high = np.int64(0x7FF0000000000000), np.int64(0)
    for i in range(x.size):
        inside = 0 < x[i] < np.inf
        low = min(low, bits[i] if inside else low)
        high = max(high, bits[i] if inside else high)
    shift = 0
    while (high - low) >> shift > TOP - 3:
        shift += 1
    keys = np.empty(x.size, np.int32)
    for i in range(x.size):
        key = 1 + ((bits[i] - low) >> shift)
        key = key if x[i] > 0 else np.int64(TOP)
        key = key if x[i] < np.inf or x[i] != x[i] else np.int64(TOP - 1)
        keys[i] = key if x[i] != 0 else np.int64(0)
    return keys, shift


@compiled()
def _by_two_digits(keys: Array) -> Array:
    """Return the indices ordered by these keys, stably."""
    mask, place = (1 << DIGIT) - 1, (1 << 32 - DIGIT) - 1
    counts = np.zeros((2, 1 << DIGIT), np.int64)
    for i in range(keys.size):
        counts[0, keys[i] & mask] += 1
        counts[1, keys[i] >> DIGIT] += 1
    for digit in range(2):
        total = 0
        for k in range(1 << DIGIT):
            counts[digit, k], total = total, total + counts[digit, k]
    half, order = np.empty(keys.size, np.uint32), np.empty(keys.size, np.int32)
    for i in range(keys.size):
        k = keys[i] & mask
        half[counts[0, k]] = np.uint32((keys[i] >> DIGIT) << 32 - DIGIT | i)
        counts[0, k] += 1
    for j in range(keys.size):
        k = half[j] >> np.uint32(32 - DIGIT)
        order[counts[1, k]] = half[j] & np.uint32(place)
        counts[1, k] += 1
    return order


@compiled()
def _within_runs(bits: Array, keys: Array, order: Array) -> None:
    """Order by all bits where the keys agree."""
    start, key = 0, np.int32(0)
    for j in range(order.size + 1):
        new = keys[order[j]] if j < order.size else np.int32(-1)
        if new == key:
            continue
        if j - start > 1 and 0 < key < TOP - 1:
            _by_all_bits(bits, order[start:j])
        start, key = j, new


@compiled()
def _by_all_bits(bits: Array, run: Array) -> None:
    """Sort a run of indices by their bits, stably."""
    if run.size > SHORT:
        first, tied = bits[run[0]], True
        for i in run:
            tied &= bits[i] == first
        if not tied:
            run[:] = run[np.argsort(bits[run], kind="mergesort")]
        return
    for k in range(1, run.size):
        i, place = run[k], k
        while place > 0 and bits[run[place - 1]] > bits[i]:
            run[place] = run[place - 1]
            place -= 1
        run[place] = i

"""The best level set of the ratio p/q, one row after the other: buckets, then finer ones, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.dual.ratio_buckets_loop import (
    UNITS,
    best_edge,
    excess,
    fill_buckets,
    open_buckets,
)

Array = np.ndarray[Any, Any]

FINE = 1024
"""Buckets of a closer look."""

GROUP = 64
"""Keys looked at together: most groups hold none of the few that are wanted."""

FEW = 256
"""Tokens that are sorted rather than split again."""


@compiled()
def search_rows(
    p: Array,
    q: Array,
    n: int,
    grid: tuple[int, int, int],
    limits: tuple[float, float, float],
    exact: bool,
    values: Array,
    mask: Array,
) -> bool:
    """Write f − 1 at the best level set of each row, a lower bound on it, and the set.

    Parameters
    ----------
    p, q : array, shape (rows, V)
        float32 or float64, as the caller has them.
    n : int
        Number of drafts.
    grid : tuple of int
        Base, shift and number of the buckets (see :func:`fill_buckets`).
    limits : tuple of float
        How far the sums of p and of q may be from one, and the smallest positive entry allowed.
    exact : bool
        Look inside the buckets that can hold the minimum.
    values : array, shape (rows, 2)
        f − 1 and its bound.
    mask : array of bool, shape (rows, V)

    Returns
    -------
    bool
        False at the first row that may be no distribution: nothing is claimed then.
    """
    base, shift, buckets = grid
    keys = np.empty(p.shape[1], np.uint16)
    sums = np.empty((buckets, 2), np.int64)
    for row in range(p.shape[0]):
        found = fill_buckets(p[row], q[row], base, shift, limits[2], keys, sums)
        fits = abs(found[0] - 1) <= limits[0] and abs(found[1] - 1) <= limits[1]
        if found[2] or not fits:
            return False
        total = np.float64(sums[:, 0].sum()), np.float64(sums[:, 1].sum())
        # The last bucket holds ratios above n: no minimiser has such a token.
        best, edge = best_edge(sums, buckets - 1, (0, 0), total, n, 0.0)
        edge = max(edge, 0)
        whole = 0, base << shift, shift
        first, last, least = open_buckets(sums, buckets - 1, whole, (0, 0), total, n, best)
        if exact and first >= 0:
            before = sums[:first, 0].sum(), sums[:first, 1].sum()
            where, ratios, units = tokens_between(p[row], q[row], keys, first, last)
            low = (base + first) << shift if first else 0
            span = low, (base + last + 1) << shift
            lower, cut = search_inside(ratios.copy(), units, span, before, total, n, best)
            if lower < best:
                best, edge = lower, first
            write_below(keys, edge, mask[row])
            if edge == first and cut >= 0:
                for j in range(where.size):
                    mask[row, where[j]] = ratios[j] <= cut
        else:
            write_below(keys, edge, mask[row])
        values[row, 0], values[row, 1] = best, best if exact else least
    return True


@compiled()
def tokens_between(p: Array, q: Array, keys: Array, first: int, last: int) -> tuple[Array, Array, Array]:
    """Return the tokens of some buckets: indices, bit patterns of p/q, and p and q in integer units."""
    low, width = np.uint16(first), np.uint16(last - first)
    inside = np.empty(keys.size // GROUP + 1, np.uint16)
    count = count_inside(keys, low, width, inside)
    where, ratios = np.empty(count, np.int64), np.empty(count, np.int64)
    units, m = np.empty((count, 2), np.int64), 0
    for group in range(inside.size):
        if inside[group] == 0:
            continue
        for i in range(group * GROUP, min((group + 1) * GROUP, keys.size)):
            if np.uint16(keys[i] - low) <= width:
                x, y = np.float64(p[i]), np.float64(q[i])
                ratio = abs(np.divide(x, y))
                where[m], ratios[m] = i, np.float64(ratio).view(np.int64)
                units[m, 0], units[m, 1] = np.int64(x * UNITS), np.int64(y * UNITS)
                m += 1
    return where, ratios, units


@compiled()
def count_inside(keys: Array, low: np.uint16, width: np.uint16, inside: Array) -> int:
    """Return how many keys lie in low … low + width, and write how many of each group do."""
    total, groups = 0, keys.size // GROUP
    for group in range(groups):
        count = np.uint16(0)
        for i in range(GROUP):
            count += np.uint16(np.uint16(keys[group * GROUP + i] - low) <= width)
        inside[group] = count
        total += int(count)
    rest = 0
    for i in range(groups * GROUP, keys.size):
        rest += int(np.uint16(keys[i] - low) <= width)
    inside[groups] = rest
    return total + rest


@compiled()
def write_below(keys: Array, edge: int, mask: Array) -> None:
    """Write which keys lie below ``edge``."""
    limit = np.uint16(edge)
    for i in range(keys.size):
        mask[i] = keys[i] < limit


@compiled()
def search_inside(
    ratios: Array,
    units: Array,
    span: tuple[int, int],
    before: tuple[int, int],
    total: tuple[float, float],
    n: int,
    best: float,
) -> tuple[float, int]:
    """Return the lowest f − 1 over level sets that end in a span of ratios, and the last ratio.

    Buckets over the span, then over the part of it that can still hold the minimum, until few tokens
    are left, or the part does not shrink; these are sorted. Overwrites ``ratios`` and ``units``.

    Parameters
    ----------
    ratios : array of int64, shape (m,)
        Bit patterns.
    units : array of int64, shape (m, 2)
    span : tuple of int
        First bit pattern, and the one after the last.
    before : tuple of int
        Sums of p and q below the span.
    best : float
        The value to beat; it comes back, with −1, where none is lower.
    """
    cut, m = -1, ratios.size
    low, high = span
    mass, drafted = before
    sums = np.empty((FINE, 2), np.int64)
    while m > FEW:
        shift = 0
        while (high - 1 - low) >> shift >= FINE:
            shift += 1
        sums[:] = 0
        for j in range(m):
            k = (ratios[j] - low) >> shift
            sums[k, 0] += units[j, 0]
            sums[k, 1] += units[j, 1]
        best, edge = best_edge(sums, FINE, (mass, drafted), total, n, best)
        if edge >= 0:
            cut = low + (edge << shift) - 1
        range_ = low, low, shift
        first, last, _ = open_buckets(sums, FINE, range_, (mass, drafted), total, n, best)
        if first < 0 or shift == 0:
            return best, cut
        mass += sums[:first, 0].sum()
        drafted += sums[:first, 1].sum()
        kept = 0
        for j in range(m):
            if first <= (ratios[j] - low) >> shift <= last:
                ratios[kept], units[kept, 0], units[kept, 1] = ratios[j], units[j, 0], units[j, 1]
                kept += 1
        low, high = low + (first << shift), low + ((last + 1) << shift)
        if 2 * kept > m:
            m = kept
            break
        m = kept
    order = np.argsort(ratios[:m])
    for j in range(m):
        i = order[j]
        mass += units[i, 0]
        drafted += units[i, 1]
        if j + 1 == m or ratios[order[j + 1]] > ratios[i]:
            value = excess(mass, drafted, total, n)
            if value < best:
                best, cut = value, ratios[i]
    return best, cut

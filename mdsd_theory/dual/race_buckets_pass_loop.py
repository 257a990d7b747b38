"""Passes over a row, compiled: its largest tokens, its bucket sums, the tokens of a few buckets.

They go block by block: what can be done by vector instructions is done first, into arrays that stay in
the nearest cache. Blocks are slices, without which numba checks every index for its sign.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled

Array = np.ndarray[Any, Any]

BLOCK = 512

CHUNK = 32 * BLOCK
"""Tokens summed into fresh buckets: a bucket's sum has at most so many roundings, and one a chunk."""


@compiled(fast=True)
def largest(q: Array, count: int) -> tuple[Array, Array]:
    """Return the ``count`` largest probabilities, descending, and their tokens."""
    top, place = np.full(count, -1.0), np.full(count, -1)
    for start in range(0, q.size, BLOCK):
        block = q[start : start + BLOCK]
        for i in range(block.size if any_above(block, top[-1]) else 0):
            k = count
            while k > 0 and block[i] > top[k - 1]:
                k -= 1
            if k < count:
                for later in range(count - 1, k, -1):
                    top[later], place[later] = top[later - 1], place[later - 1]
                top[k], place[k] = block[i], start + i
    return top, place


@compiled(fast=True)
def sum_without(q: Array, place: Array) -> float:
    """Return the sum of all but the entries at ``place``, ascending."""
    rest, first = 0.0, 0
    for k in range(place.size + 1):
        end = place[k] if k < place.size else q.size
        for start in range(first, end, BLOCK):
            rest += total(q[start : min(start + BLOCK, end)])
        first = end + 1
    return rest


@compiled(fast=True)
def any_above(x: Array, limit: float) -> bool:
    """Tell whether an entry is larger than ``limit``, without a branch for each."""
    larger = 0.0
    for i in range(x.size):
        larger += 1.0 if np.float64(x[i]) > limit else 0.0
    return larger > 0


@compiled(fast=True)
def total(x: Array) -> float:
    """Return the sum."""
    found = 0.0
    for i in range(x.size):
        found += np.float64(x[i])
    return found


@compiled(fast=True)
def ratios_of(p: Array, q: Array, ratio: Array) -> None:
    """Write p/q, infinity where q = 0."""
    for i in range(q.size):
        x = np.float64(q[i])
        ratio[i] = np.float64(p[i]) / x if x > 0 else np.inf


@compiled(fast=True)
def keys_of(bits: Array, low: int, shift: int, buckets: int, key: Array) -> None:
    """Write the buckets of ratios: (bits − ``low``) >> ``shift``, moved into 0 … ``buckets``."""
    for i in range(key.size):
        key[i] = np.uint64(min(max((bits[i] - low) >> shift, 0), buckets))


@compiled(fast=True)
def power_buckets(
    p: Array, q: Array, low: int, shift: int, buckets: int, heavier: float, lightest: float, powers: int
) -> tuple[Array, Array, Array]:
    """Return sums of p and of the powers of x = q/``heavier`` over each bucket of the ratio.

    Parameters
    ----------
    p, q : array, shape (V,)
    low, shift, buckets : int
        See :func:`keys_of`; what lies above all buckets shares one more.
    heavier : float
        Tokens with larger q are not in the power sums.
    lightest : float
        Of tokens with x up to this the first 7 powers are summed.
    powers : int
        R, at least 7.

    Returns
    -------
    sums : array, shape (buckets + 1, 1 + R or more)
        Of p, heavy tokens too; of x, x², …
    weight : array, shape (buckets + 1,)
        Sums of q over the heavy tokens.
    heavy : array of int
        Heavy tokens outside the last bucket.
    """
    part = np.zeros((buckets + 1, (powers + 8) // 8 * 8))
    sums = part if q.size <= CHUNK else np.zeros_like(part)
    weight, heavy = np.zeros(buckets + 1), [np.int64(0) for _ in range(0)]
    ratio, key, rare = np.empty(BLOCK), np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.int64)
    for start in range(0, q.size, BLOCK):
        p_block, q_block = p[start : start + BLOCK], q[start : start + BLOCK]
        ratios_of(p_block, q_block, ratio)
        keys_of(ratio.view(np.int64), low, shift, buckets, key)
        for i in rare[: add_lightest(p_block, q_block, key, 1.0 / heavier, lightest, part, rare)]:
            x, row = q_block[i] / heavier, part[key[i]]
            if q_block[i] > heavier:
                weight[key[i]] += q_block[i]
                if key[i] < buckets:
                    heavy.append(start + i)
            else:
                power = 1.0
                for r in range(1, powers + 1):
                    power *= x
                    row[r] += power
        if q.size > CHUNK and ((start + BLOCK) % CHUNK == 0 or start + BLOCK >= q.size):
            move(part, sums)
    return sums, weight, np.array(heavy, dtype=np.int64)


@compiled(fast=True)
def add_lightest(
    p: Array, q: Array, key: Array, scale: float, lightest: float, sums: Array, rare: Array
) -> int:
    """Add p, and the powers of x up to ``lightest``; write the places of larger x, return how many."""
    found = 0
    for i in range(q.size):
        row, x = sums[key[i]], scale * q[i]
        row[0] += p[i]
        if x > lightest:
            rare[found] = i
            found += 1
            continue
        x2 = x * x
        x3, x4 = x2 * x, x2 * x2
        row[1] += x
        row[2] += x2
        row[3] += x3
        row[4] += x4
        row[5] += x4 * x
        row[6] += x4 * x2
        row[7] += x4 * x3
    return found


@compiled(fast=True)
def odds_buckets(
    p: Array, q: Array, low: int, shift: int, buckets: int, top: float, rest: float
) -> Array:
    """Return sums of p, q and q/(1 − q) over each bucket; 1 − q is ``rest`` for the largest token.

    The buckets are those of :func:`power_buckets`; shape (buckets + 1, 3).
    """
    part = np.zeros((buckets + 1, 3))
    sums = part if q.size <= CHUNK else np.zeros_like(part)
    ratio, key, odds = np.empty(BLOCK), np.empty(BLOCK, np.uint64), np.empty(BLOCK)
    for start in range(0, q.size, BLOCK):
        p_block, q_block = p[start : start + BLOCK], q[start : start + BLOCK]
        ratios_of(p_block, q_block, ratio)
        keys_of(ratio.view(np.int64), low, shift, buckets, key)
        odds_of(q_block, top, rest, odds)
        for i in range(q_block.size):
            row = part[key[i]]
            row[0] += p_block[i]
            row[1] += q_block[i]
            row[2] += odds[i]
        if q.size > CHUNK and ((start + BLOCK) % CHUNK == 0 or start + BLOCK >= q.size):
            move(part, sums)
    return sums


@compiled(fast=True)
def move(part: Array, sums: Array) -> None:
    """Add ``part`` to ``sums`` and clear it."""
    for k in range(sums.shape[0]):
        for c in range(sums.shape[1]):
            sums[k, c] += part[k, c]
            part[k, c] = 0.0


@compiled(fast=True)
def odds_of(q: Array, top: float, rest: float, odds: Array) -> None:
    """Write q/(1 − q), with ``rest`` for 1 − q where q is ``top``, the largest."""
    for i in range(q.size):
        x = np.float64(q[i])
        others = rest if x == top else 1.0 - x
        odds[i] = x / others if others > 0 else np.inf


@compiled()
def tokens_between(p: Array, q: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Return the tokens whose ratio's bits lie in [low_k, high_k), for a few ranges k, and k.

    Parameters
    ----------
    low, high : array of int, shape (K,)
        Ascending ranges that do not overlap.
    """
    first, width = low[0], np.uint64(high[-1] - low[0])
    found, ratio = [(np.int64(0), np.int64(0)) for _ in range(0)], np.empty(BLOCK)
    bits = ratio.view(np.int64)
    for start in range(0, q.size, BLOCK):
        q_block = q[start : start + BLOCK]
        ratios_of(p[start : start + BLOCK], q_block, ratio)
        for i in range(q_block.size):
            if np.uint64(bits[i] - first) >= width:  # one comparison, nearly always true
                continue
            k = range_of(bits[i], high)
            if bits[i] >= low[k]:
                found.append((np.int64(start + i), np.int64(k)))
    token, owner = np.empty(len(found), np.int64), np.empty(len(found), np.int64)
    for i in range(len(found)):
        token[i], owner[i] = found[i]
    return token, owner


@compiled()
def range_of(bits: int, high: Array) -> int:
    """Return the first k with bits < high_k, by halving."""
    below, above = -1, high.size - 1
    while above - below > 1:
        middle = (below + above) // 2
        if bits < high[middle]:
            above = middle
        else:
            below = middle
    return above

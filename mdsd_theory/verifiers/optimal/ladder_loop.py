"""The sums and the order behind :mod:`mdsd_theory.verifiers.optimal.ladder`, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.verifiers.optimal.curtain_levels import mean_height, more
from mdsd_theory.verifiers.optimal.winning_loop import best_prefix, clip_levels

Array = np.ndarray[Any, Any]

STRIP = 512
"""Tokens whose ratios are held at once: they stay in the first cache."""

SLACK = 1e-12
"""What a spread must leave above the minimum of P(H) − q(H)^n, relative to the terms: sums of a few
thousand masses are as exact as that."""


@compiled()
def rung_sums(p: Array, q: Array, rungs: Array, shift: int, label: Array) -> tuple[Array, Array]:
    """Find each token's place on the ladder, and return the mass of each place on its two rungs.

    The low ``shift`` bits of the ratio are its way from one rung to the next: a chance free of rounding.

    Parameters
    ----------
    p, q : array, shape (V,)
    rungs : array, shape (R,)
        0, then floats that are adjacent but for their low bits.
    shift : int
    label : array of int, shape (V,)
        Overwritten: k where rungs[k] ≤ p/q < rungs[k + 1]; R beyond the last. Of no meaning where q = 0.

    Returns
    -------
    mass : array, shape (R + 1, 2)
        Of q on the lower and on the upper rung; of q and p beyond the last.
    count : array of int, shape (R + 1,)
        Tokens of positive q.
    """
    top, bottom = rungs.size - 1, 1.0 / rungs[1]
    first, low, unit = (rungs[1:].view(np.int64)[0] >> shift) - 1, (1 << shift) - 1, 0.5**shift
    count = np.zeros(top + 2, np.int32)
    sums = np.zeros((top + 2, 4))
    ratio, up, down = np.empty(STRIP), np.empty(STRIP), np.empty(STRIP)
    bits = ratio.view(np.int64)
    for start in range(0, p.size, STRIP):
        strip = slice(start, start + STRIP)
        target, draft, place = p[strip], q[strip], label[strip]
        np.divide(target, draft, ratio[: target.size])
        for j in range(target.size):
            k = min(max((bits[j] >> shift) - first, 0), top)
            place[j] = k + (k == top)
            way = (bits[j] & low) * unit if k > 0 else ratio[j] * bottom
            up[j] = target[j] if k == top else draft[j] * way
            down[j] = draft[j] if k == top else draft[j] * (1.0 - way)
        for j in range(target.size):
            if draft[j] > 0:
                k = place[j]
                sums[k, 0], sums[k, 1] = more(sums[k, 0], sums[k, 1], down[j])
                sums[k, 2], sums[k, 3] = more(sums[k, 2], sums[k, 3], up[j])
                count[k] += 1
    return sums[:, ::2] + sums[:, 1::2], count


@compiled()
def lone_places(rungs: Array, mass: Array, count: Array, n: int) -> Array:
    """Return which places keep their tokens alone.

    Those of one or two tokens; those about c′ and c, so that the law of the pick is the clipped one; and
    those where a spread over two rungs could pass below the minimum of P(H) − q(H)^n.

    Parameters
    ----------
    rungs : array, shape (R,)
    mass, count
        See :func:`rung_sums`.
    n : int
        Number of drafts.

    Returns
    -------
    array of bool, shape (R + 1,)
    """
    size = rungs.size
    place = np.nonzero(count)[0]
    sums_p, sums_q = np.empty(place.size), np.empty(place.size)
    for j in range(place.size):
        k = place[j]
        within = k < size
        sums_q[j] = mass[k, 0] + mass[k, 1] if within else mass[k, 0]
        sums_p[j] = rungs[k] * mass[k, 0] + rungs[k + 1] * mass[k, 1] if within else mass[k, 1]
    clip = clip_levels(sums_p, sums_q, n)
    _, target, inside = best_prefix(sums_p, sums_q, n)
    lowest = target - inside**n
    lone, target, inside = np.zeros(size + 1, np.bool_), 0.0, 0.0
    for j in range(place.size):
        k, power = place[j], inside**n
        if k < size and mass[k, 0] > 0 and mass[k, 1] > 0:
            down = mass[k, 0]
            least = target - power + down * (rungs[k] - mean_height(inside, inside + down, n))
            below, above = rungs[max(k - 1, 0)], rungs[min(k + 2, size - 1)]
            plateau = clip.floor > 0 and below <= clip.floor <= above
            plateau |= below <= clip.ceiling <= above
            lone[k] = plateau or count[k] <= 2 or least <= lowest + SLACK * (target + power - lowest)
        target += sums_p[j]
        inside += sums_q[j]
    return lone


@compiled()
def take_out(p: Array, q: Array, label: Array, lone: Array, total: int) -> Array:
    """Return the tokens in lone places, each labelled with its number beyond the places."""
    tokens, m = np.empty(total, np.int64), 0
    for i in range(label.size):
        if lone[label[i]] and q[i] > 0:
            tokens[m] = i
            label[i] = lone.size + m
            m += 1
    return tokens


@compiled()
def ranked(
    rungs: Array, mass: Array, lone: Array, order: Array, p: Array, q: Array
) -> tuple[Array, Array, Array]:
    """Return rungs and lone tokens of positive mass, in ascending order of density.

    Parameters
    ----------
    rungs : array, shape (R,)
    mass, lone
        See :func:`rung_sums` and :func:`lone_places`.
    order : array of int, shape (m,)
        Lone tokens by p/q ascending.
    p, q : array, shape (m,)
        Of the lone tokens.

    Returns
    -------
    rank : array of int, shape (R + m + 2,)
        Rung or lone token → its place below; that of a neighbour where nothing has mass.
    p, q : array, shape (ranks,)
    """
    size = rungs.size
    rank = np.zeros(size + 2 + order.size, np.int32)
    sums_p, sums_q = np.empty(size + 1 + order.size), np.empty(size + 1 + order.size)
    count, j, up = 0, 0, 0.0
    for k in range(size + 1):
        while j < order.size and (k == size or p[order[j]] / q[order[j]] < rungs[k]):
            sums_p[count], sums_q[count] = p[order[j]], q[order[j]]
            rank[size + 1 + order[j]] = count
            count, j = count + 1, j + 1
        share = up + (0.0 if lone[k] else mass[k, 0])
        if share > 0:
            sums_p[count] = share * rungs[k] if k < size else mass[k, 1]
            sums_q[count] = share
            count += 1
        rank[k] = max(count - 1, 0)
        up = 0.0 if lone[k] or k >= size - 1 else mass[k, 1]
    return rank, sums_p[:count], sums_q[:count]

"""Sums of a row's tokens by cells of two tables, compiled: one pass, two searches a token."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled

Array = np.ndarray[Any, Any]


@compiled(inline=True)
def at_most(ascending: Array, value: float) -> int:
    """Return how many numbers are at most ``value``, by a search whose steps do not branch."""
    start, size = 0, ascending.size
    while size > 1:
        half = size // 2
        start += half * (ascending[start + half - 1] <= value)
        size -= half
    return start + (size == 1 and ascending[start] <= value)


@compiled()
def cells_of_rows(p: Array, q: Array, top: Array, edges: Array, points: Array) -> tuple[Array, Array]:
    """Return Σ q and Σ |p − q| by place of (p − q)/q among the points and by group of q.

    Parameters
    ----------
    p, q : array, shape (rows, V)
    top : array of int, shape (rows, 2)
        The tokens of groups 0 and 1; no other token is in them.
    edges : array, shape (rows, G)
        Smallest q of each group, the last group first; with G = 1 all tokens are one group.
    points : array, shape (rows, K)
        Ascending.

    Returns
    -------
    tuple of array, each of shape (rows, K + 1, G)
    """
    rows, count, last = p.shape[0], edges.shape[1], points.shape[1]
    mass = np.zeros((rows, last + 1, count))
    gap = np.zeros((rows, last + 1, count))
    for r in range(rows):
        for i in range(p.shape[1]):
            difference = p[r, i] - q[r, i]
            group = 0
            if count > 1:
                if i == top[r, 0] or i == top[r, 1]:
                    group = 0 if i == top[r, 0] else 1
                else:
                    group = max(2, count - at_most(edges[r], q[r, i]))
            place = 0
            if difference > 0.0:
                place = last
                if difference < points[r, last - 1] * q[r, i]:
                    place = at_most(points[r], difference / q[r, i])
            mass[r, place, group] += q[r, i]
            gap[r, place, group] += abs(difference)
    return mass, gap

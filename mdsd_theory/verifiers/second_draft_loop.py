"""RRS without replacement at n = 2, compiled: a few passes over the row, and a sort of few tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.verifiers.residual_loop import BLOCK, excess_row

Array = np.ndarray[Any, Any]


@compiled(fast=True)
def outside_row(q: Array, token: int) -> float:
    """Return Σ q over all other tokens."""
    total = 0.0
    for start in range(0, q.size, BLOCK):
        part = 0.0
        for i in range(start, min(start + BLOCK, q.size)):
            part += q[i]
        if start <= token < start + BLOCK:
            part = 0.0
            for i in range(start, min(start + BLOCK, q.size)):
                if i != token:
                    part += q[i]
        total += part
    return total


@compiled(fast=True)
def split_row(p: Array, q: Array, low: float, high: float) -> tuple[float, float, float, int]:
    """Return Σ p where p ≤ low·q, Σ p and Σ q where p > high·q, and how many tokens are between."""
    below, above, mass, between = 0.0, 0.0, 0.0, 0
    for start in range(0, p.size, BLOCK):
        under, over, part, some = 0.0, 0.0, 0.0, 0
        for i in range(start, min(start + BLOCK, p.size)):
            if p[i] <= low * q[i]:
                under += p[i]
            elif p[i] > high * q[i]:
                over += p[i]
                part += q[i]
            else:
                some += 1
        below += under
        above += over
        mass += part
        between += some
    return below, above, mass, between


@compiled()
def middle_sums(p: Array, q: Array, low: float, high: float, count: int) -> tuple[Array, Array, Array]:
    """Return p/q ascending of the tokens between, Σ p up to each and Σ q from each on."""
    chosen, k = np.empty(count, dtype=np.int64), 0
    for i in range(p.size):
        if not p[i] <= low * q[i] and not p[i] > high * q[i]:
            chosen[k] = i
            k += 1
    ratio = p[chosen] / q[chosen]
    order = np.argsort(ratio)
    before, after = np.zeros(count + 1), np.zeros(count + 1)
    for j in range(count):
        before[j + 1] = before[j] + p[chosen[order[j]]]
    for j in range(count - 1, -1, -1):
        after[j] = after[j + 1] + q[chosen[order[j]]]
    return ratio[order], before, after


@compiled()
def two_drafts(p: Array, q: Array) -> Array:
    """Return E F(t_2) of each row, t_2 = 1 + (1 − F(1))/(1 − q_x) and x of law ∝ (q − p)_+.

    All t_2 lie between low and high, those of a token without mass and of the heaviest rejected one: in
    F only tokens of p/q between these need an order.
    """
    value = np.empty(p.shape[0])
    for r in range(p.shape[0]):
        slack, top = excess_row(p[r], q[r], 1.0), int(np.argmax(q[r]))
        others = outside_row(q[r], top)
        heaviest = 0.0
        for i in range(p.shape[1]):
            if q[r, i] > p[r, i] and i != top:
                heaviest = max(heaviest, q[r, i])
        left = others if q[r, top] > p[r, top] else 1.0 - heaviest
        low, high = 1.0 + slack, max(1.0 + slack, 1.0 + slack / min(left, 1.0 - heaviest))
        below, above, mass, count = split_row(p[r], q[r], low, high)
        ratio, before, after = middle_sums(p[r], q[r], low, high, count)
        total, weight, part, some = 0.0, 0.0, 0.0, 0.0
        for i in range(p.shape[1]):
            if i % BLOCK == 0:
                total, weight, part, some = total + part, weight + some, 0.0, 0.0
            rejected = q[r, i] - p[r, i]
            if rejected <= 0.0:
                continue
            t = min(1.0 + slack / (others if i == top else 1.0 - q[r, i]), high)
            k = np.searchsorted(ratio, t, side="right") if count else 0
            reached = below + before[k] + min(t * (mass + after[k]), above + before[count] - before[k])
            part += rejected * reached
            some += rejected
        total, weight = total + part, weight + some
        value[r] = total / weight if weight > 0.0 else 1.0
    return value

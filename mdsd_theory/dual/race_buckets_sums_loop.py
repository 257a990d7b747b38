"""The sums over one set H of the ratio order, compiled: block by block, over independent partial sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.dual.race_buckets_pass_loop import BLOCK, odds_of, ratios_of

Array = np.ndarray[Any, Any]


@compiled(fast=True)
def sums_below(
    p: Array, q: Array, limit: float, heavier: float, lightest: float, powers: int
) -> tuple[Array, float, float, Array]:
    """Return H = {p/q < limit} as a mask, P(H), q(Σ∖H), and the power sums over its light tokens.

    The other parameters are those of
    :func:`~mdsd_theory.dual.race_buckets_pass_loop.power_buckets`, whose sums are less accurate.
    """
    mask, sums = np.empty(q.size, np.bool_), np.zeros(powers)
    ratio, x, power = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    target, outside, scale = 0.0, 0.0, 1.0 / heavier
    for start in range(0, q.size, BLOCK):
        q_block = q[start : start + BLOCK]
        ratios_of(p[start : start + BLOCK], q_block, ratio)
        inner, outer = cut(p[start : start + BLOCK], q_block, ratio, limit, mask[start : start + BLOCK])
        target, outside, many = target + inner, outside + outer, 0
        for i in range(q_block.size):
            y = np.float64(q_block[i])
            x[i] = scale * y if (ratio[i] < limit) & (y <= heavier) else 0.0
        for i in range(q_block.size):
            many += x[i] > lightest
            power[i] = x[i]
        for r in range(powers if many else min(7, powers)):
            total = 0.0
            for i in range(q_block.size):
                total += power[i]
                power[i] *= x[i]
            sums[r] += total
    return mask, target, outside, sums


@compiled(fast=True)
def odds_below(
    p: Array, q: Array, limit: float, top: float, rest: float
) -> tuple[Array, float, float, Array]:
    """Return the same for n = 2, with the sums of q and of q/(1 − q)."""
    mask, ratio, odds = np.empty(q.size, np.bool_), np.empty(BLOCK), np.empty(BLOCK)
    target, outside, sums = 0.0, 0.0, np.zeros(2)
    for start in range(0, q.size, BLOCK):
        q_block = q[start : start + BLOCK]
        ratios_of(p[start : start + BLOCK], q_block, ratio)
        inner, outer = cut(p[start : start + BLOCK], q_block, ratio, limit, mask[start : start + BLOCK])
        target, outside = target + inner, outside + outer
        odds_of(q_block, top, rest, odds)
        for i in range(q_block.size):
            sums[0] += np.float64(q_block[i]) if ratio[i] < limit else 0.0
            sums[1] += odds[i] if ratio[i] < limit else 0.0
    return mask, target, outside, sums


@compiled(fast=True)
def cut(p: Array, q: Array, ratio: Array, limit: float, mask: Array) -> tuple[float, float]:
    """Write the mask of the tokens inside; return P inside and q outside."""
    for i in range(q.size):
        mask[i] = ratio[i] < limit
    inner, outer = 0.0, 0.0
    for i in range(q.size):
        inner += np.float64(p[i]) if ratio[i] < limit else 0.0
    for i in range(q.size):
        outer += 0.0 if ratio[i] < limit else np.float64(q[i])
    return inner, outer

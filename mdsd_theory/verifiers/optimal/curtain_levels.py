"""Levels of [0, 1] for the compiled left curtain: cuts, heights, and a search among them."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled

Array = np.ndarray[Any, Any]


@compiled()
def levels_of(widths: Array, n: int) -> tuple[Array, Array]:
    """Return the cuts 0 … 1 between levels of these widths, and the mean of n t^{n−1} on each level.

    Parameters
    ----------
    widths : array, shape (K,)
        Positive, summing to one.
    n : int
        Number of drafts.

    Returns
    -------
    cuts : array, shape (K + 1,)
    heights : array, shape (K,)
    """
    cuts = running_sums(widths)
    heights = np.empty(widths.size)
    for k in range(widths.size):
        heights[k] = mean_height(cuts[k], cuts[k + 1], n)
    return cuts, heights


@compiled()
def running_sums(x: Array) -> Array:
    """Return 0, x_0, x_0 + x_1, …, the sums carrying what they lose to rounding."""
    sums = np.zeros(x.size + 1)
    total, lost = 0.0, 0.0
    for i in range(x.size):
        total, lost = more(total, lost, x[i])
        sums[i + 1] = total + lost
    return sums


@compiled(inline=True)
def more(total: float, lost: float, x: float) -> tuple[float, float]:
    """Return the sum total + x and what it has lost to rounding so far (Knuth's two-sum)."""
    new = total + x
    part = new - total
    return new, lost + ((total - (new - part)) + (x - part))


@compiled(inline=True)
def mean_height(low: float, high: float, n: int) -> float:
    """Return the mean of n t^{n−1} on [low, high], as Σ_j high^j low^{n−1−j}: nothing cancels."""
    total, power = 1.0, 1.0
    for _ in range(n - 1):
        power *= high
        total = total * low + power
    return total


@compiled()
def level_after(cuts: Array, first: int, hint: int, length: float) -> int:
    """Return the level in which a stretch of this length from ``cuts[first]`` ends; K when none does.

    ``hint`` is a level to begin at. The steps double until the end is passed.
    """
    last, base = cuts.size - 1, cuts[first]
    low, step = first, 1
    if first < hint < last and cuts[hint] - base <= length:
        low = hint
    high = min(low + 1, last)
    while high < last and cuts[high] - base <= length:
        low, step = high, 2 * step
        high = min(low + step, last)
    if low >= last or cuts[high] - base <= length:
        return last
    while high - low > 1:
        middle = (low + high) // 2
        if cuts[middle] - base <= length:
            low = middle
        else:
            high = middle
    return low

"""The levels c′ and c of :mod:`mdsd_theory.verifiers.optimal.winning_law` for floats, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.verifiers.optimal.curtain_levels import mean_height, more

Array = np.ndarray[Any, Any]


class Clip(NamedTuple):
    """What turns p/q into the density f of the pick.

    Attributes
    ----------
    best : int
        Length of a minimising prefix H.
    optimum : float
        α* = P(H) + 1 − q(H)^n.
    low, high : int
        The first ``low`` tokens are raised to c′, those from ``high`` on lowered to c.
    floor, ceiling : float
        c′ and c; 0 and infinity where they bind nowhere.
    """

    best: int
    optimum: float
    low: int
    high: int
    floor: float
    ceiling: float


@compiled()
def clip_levels(p: Array, q: Array, n: int) -> Clip:
    """Return c′ and c for a target and a draft in ascending order of p/q, q > 0.

    Sums carry Neumaier's compensation; 1 − q(H)^n is summed from the far end, where it is small.

    Parameters
    ----------
    p, q : array, shape (V,)
    n : int
        Number of drafts.

    Returns
    -------
    Clip

    Notes
    -----
    Cost O(V): one pass to find H, three that stop where the levels are found.
    """
    best, target, inside = best_prefix(p, q, n)
    size = p.size
    sum_p, sum_q, lost_p, lost_q = 0.0, 0.0, 0.0, 0.0
    for i in range(size - 1, best - 1, -1):
        sum_p, lost_p = more(sum_p, lost_p, p[i])
        sum_q, lost_q = more(sum_q, lost_q, q[i])
    rest_p, rest_q = sum_p + lost_p, sum_q + lost_q
    outside = rest_q * mean_height(1.0, inside, n)
    # Both are ≥ 0 at the minimum, but for rounding.
    surplus, deficit = max(inside**n - target, 0.0), max(rest_p - outside, 0.0)
    low, floor = _floor(p, q, best, surplus)
    high, ceiling = _ceiling(p, q, best, deficit)
    # c ≥ n q(H)^{n−1}: where q(Σ∖H) is no more than rounding, the difference above is not.
    ceiling = max(ceiling, n * inside ** (n - 1))
    return Clip(best, target + outside, low, high, floor, ceiling)


@compiled()
def best_prefix(p: Array, q: Array, n: int) -> tuple[int, float, float]:
    """Return the length of the prefix H that minimises P(H) − q(H)^n, with P(H) and q(H)."""
    best, target, inside, least = 0, 0.0, 0.0, 0.0
    sum_p, sum_q, lost_p, lost_q = 0.0, 0.0, 0.0, 0.0
    for i in range(p.size):
        sum_p, lost_p = more(sum_p, lost_p, p[i])
        sum_q, lost_q = more(sum_q, lost_q, q[i])
        s, t = sum_p + lost_p, sum_q + lost_q
        power = t
        for _ in range(n - 1):
            power *= t
        if s - power < least:
            best, target, inside, least = i + 1, s, t, s - power
    return best, target, inside


@compiled()
def _floor(p: Array, q: Array, best: int, surplus: float) -> tuple[int, float]:
    """Return how many tokens of H are raised to c′, and c′, so that y(H) = P(H) + surplus."""
    sum_p, sum_q, lost_p, lost_q = surplus, 0.0, 0.0, 0.0
    for j in range(best):
        sum_p, lost_p = more(sum_p, lost_p, p[j])
        sum_q, lost_q = more(sum_q, lost_q, q[j])
        level = (sum_p + lost_p) / (sum_q + lost_q)
        if j + 1 == best or level <= p[j + 1] / q[j + 1]:
            return j + 1, level
    return 0, 0.0


@compiled()
def _ceiling(p: Array, q: Array, best: int, deficit: float) -> tuple[int, float]:
    """Return where the tokens lowered to c begin, and c, so that y(Σ∖H) = P(Σ∖H) − deficit."""
    sum_p, sum_q, lost_p, lost_q = -deficit, 0.0, 0.0, 0.0
    for j in range(p.size - 1, best - 1, -1):
        sum_p, lost_p = more(sum_p, lost_p, p[j])
        sum_q, lost_q = more(sum_q, lost_q, q[j])
        level = (sum_p + lost_p) / (sum_q + lost_q)
        if j == best or level >= p[j - 1] / q[j - 1]:
            return j, level
    return p.size, np.inf


@compiled()
def atoms_of(p: Array, q: Array, clip: Clip) -> tuple[Array, Array, Array]:
    """Return the atom of each token in ascending order of p/q, and the atoms' masses and densities.

    Tokens at c′ are one atom, tokens at c another; densities ascend.
    """
    size = (clip.low > 0) + (clip.high - clip.low) + (clip.high < q.size)
    place, mass, lost = np.empty(q.size, np.int32), np.zeros(size), np.zeros(size)
    density, first = np.empty(size), max(clip.low - 1, 0)
    for i in range(q.size):
        k = min(max(i - first, 0), size - 1)
        place[i] = k
        mass[k], lost[k] = more(mass[k], lost[k], q[i])
        lowered = clip.ceiling if i >= clip.high else p[i] / q[i]
        density[k] = clip.floor if i < clip.low else lowered
    return place, mass + lost, density

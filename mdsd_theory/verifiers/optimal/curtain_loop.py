"""The left curtain of :mod:`mdsd_theory.verifiers.optimal.curtain` for floats, compiled.

What is free of [0, 1] is kept as pieces (level, width): a stack of those left of the *frontier*, and
right of it what remains of the frontier's own level, then whole levels. A width is only ever reduced
by what is taken from it, so that it keeps its relative accuracy however small it is: no rounded
position on [0, 1] decides how much an atom takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.verifiers.optimal.curtain_levels import level_after, mean_height

Array = np.ndarray[Any, Any]


@compiled()
def left_curtain(
    q: Array, density: Array, cuts: Array, heights: Array, n: int
) -> tuple[Array, Array, Array, Array]:
    """Return the pieces that each atom takes, atom after atom.

    Each atom of mass q_i and density f_i (1) passes over levels while the stretch that begins right of
    them is too low, which puts them on the stack; (2) takes pieces from the stack while the stretch
    that begins left of them is not too low; (3) takes what the mean asks for right of the frontier,
    and the rest from the stack.

    Parameters
    ----------
    q, density : array, shape (K,)
        Positive masses that sum to one, and f, ascending and majorised by n t^{n−1}.
    cuts, heights : array, shape (K + 1,) and (K,)
        Running sums of q, and the means of n t^{n−1} between them.
    n : int
        Number of drafts.

    Returns
    -------
    first : array of int, shape (K + 1,)
        Where each atom's pieces begin.
    level : array of int, shape (pieces,)
    width, start : array, shape (pieces,)
        Length and left end of each piece; at most 4K pieces.

    Notes
    -----
    Every piece enters and leaves the stack once, and the frontier moves right only: O(K) steps, each
    with a search by doubling that is short unless an atom is much wider than the levels near it. One
    function, since a call that passes arrays costs more than a step.
    """
    size = q.size
    first = np.zeros(size + 1, np.int64)
    level, width, start = np.empty(4 * size, np.int32), np.empty(4 * size), np.empty(4 * size)
    free_level, free_width, free_start = np.empty(size, np.int32), np.empty(size), np.empty(size)
    k, room, top, count = 0, q[0], -1, 0
    for i in range(size):
        w, w_low, goal, goal_low, hint = q[i], 0.0, q[i] * density[i], 0.0, 0
        while k < size:  # (1)
            mass, hint = mass_right(cuts, heights, n, k, room, w, hint)
            if mass > goal:
                break
            top += 1
            free_level[top], free_width[top], free_start[top] = k, room, cuts[k + 1] - room
            k += 1
            room = q[k] if k < size else 0.0
        low, lift, least = 0.0, 0.0, w
        while top >= 0 and w > 0:  # (2)
            part, low = min(free_width[top], w), heights[free_level[top]]
            lift, least = goal - low * w, w - part
            if part * low + mass_right(cuts, heights, n, k, room, least, 0)[0] < goal:
                break
            free_width[top] -= part
            level[count], width[count] = free_level[top], part
            start[count] = free_start[top] + free_width[top]
            w, w_low = less(w, w_low, part) if part < w else (0.0, 0.0)
            goal, goal_low = less(goal, goal_low, part * low)
            top, count = top - (free_width[top] <= 0), count + 1
            low, lift, least = 0.0, 0.0, w
        lift_low, more = 0.0, True
        while more and w > 0 and k < size:  # (3)
            slope = heights[k] - low
            more = room < least or slope * room < lift
            part = room if more else max(least, lift / slope if lift > 0 else 0.0)
            part = min(part, room, w)
            level[count], width[count], start[count] = k, part, cuts[k + 1] - room
            count += part > 0
            w, w_low = less(w, w_low, part) if part < w else (0.0, 0.0)
            lift, lift_low = less(lift, lift_low, part * slope)
            least, room = least - part, room - part
            if room <= 0:
                k += 1
                room = q[k] if k < size else 0.0
        while top >= 0 and w > 0:
            part = min(free_width[top], w)
            free_width[top] -= part
            level[count], width[count] = free_level[top], part
            start[count] = free_start[top] + free_width[top]
            w -= part
            top, count = top - (free_width[top] <= 0), count + 1
        if w > 0:  # no room left, by rounding: the top level has it
            level[count], width[count], start[count] = size - 1, w, cuts[size - 1]
            count += 1
        first[i + 1] = count
    return first, level[:count], width[:count], start[:count]


@compiled(inline=True)
def mass_right(
    cuts: Array, heights: Array, n: int, k: int, room: float, width: float, hint: int
) -> tuple[float, int]:
    """Return the mass of this width right of the frontier, and the level in which it ends.

    ``room`` is what level k has left there. Whole levels between are taken together, as width times mean
    height: nothing cancels. The mass is infinite where [0, 1] ends too soon.
    """
    if k >= heights.size:
        return (np.inf if width > 0 else 0.0), k
    if width <= room:
        return width * heights[k], k
    rest = width - room
    end = level_after(cuts, k + 1, hint, rest)
    if end >= heights.size:
        return np.inf, end
    base = cuts[k + 1]
    whole = cuts[end] - base
    mass = room * heights[k] + (rest - whole) * heights[end]
    return mass + whole * mean_height(base, cuts[end], n), end


@compiled(inline=True)
def less(high: float, low: float, x: float) -> tuple[float, float]:
    """Return high + low − x as such a sum again, to twice the precision of a float."""
    total = high - x
    part = total - high
    low += (high - (total - part)) - (x + part)
    rounded = total + low
    return rounded, low - (rounded - total)

r"""Three drafts without replacement, enclosed: lower ≤ E F(t_3) ≤ upper, for any vocabulary.

F(t_3) depends on the rejected tokens through their masses a and b alone, so that tokens of nearly the
same q are taken together (:mod:`mdsd_theory.verifiers.rejected_groups`), at the ends of their group.

**The path.** Let a ∈ [a⁻, a⁺] and b ∈ [b⁻, b⁺], t_2⁻ ≤ t_2 ≤ t_2⁺ be 1 + (1 − F(1))/(1 − a) at the ends,
and L be 1 − a − b. Then

.. math:: t_2^- + \frac{1 - F(t_2^-)}{L^+} - \frac{(t_2^+ - t_2^-) b^+}{L^+} \le t_3
          \le t_2^+ + \frac{1 - F(t_2^+)}{L^-}.

*Proof.* The rejected x_2 has p < t_2 q. Let F̃ be F with that token's min(p, tq) replaced by p: F̃ = F
at t_2 and above, and F̃ − F ≤ (t_2 − t) b below. t + (1 − F̃(t))/L has the slope 1 − F̃′/L ≥ 0 from
t = 1 on, because the tokens that F̃′ counts exclude x_1 and x_2; and it falls in L. ∎

**The law.** The chance of x_2 is its weight (t_2 q − max(p, q))_+, which grows with t_2, over the sum
of all but x_1's weight (t_2 − 1) a. If each group's weight is w + δ with 0 ≤ δ ≤ Δ, its mean of F(t_3)
is a mixture of the mean under w and of one under δ, the latter's share at most θ = ΣΔ/(Σw + ΣΔ): the
mean under w moves by at most θ times the way to the least or largest F(t_3).

**F.** It is summed at some points only (:mod:`mdsd_theory.verifiers.rejected_slack`): being concave, it
is between its chords and its tangents elsewhere.
"""

from __future__ import annotations

from typing import Any

from mdsd_theory.arrays import Array, Backend, quiet
from mdsd_theory.verifiers.rejected_cells import Cells
from mdsd_theory.verifiers.rejected_groups import Groups
from mdsd_theory.verifiers.rejected_slack import Slack
from mdsd_theory.verifiers.residual import rounding_of_sums

GROUPS = 128
"""Groups of the largest tokens of a row."""

HEAVY = 32
"""F is summed at every t_3 of two tokens of so many first groups."""

EVERY = 4
"""Of all groups, F is summed at the t_3 of one in so many."""


def enclose_three(backend: Backend, p: Array, q: Array, groups: int = GROUPS) -> tuple[Array, Array]:
    """Return lower and upper bounds of E F(t_3), each of shape (rows,), roundings included.

    Parameters
    ----------
    p, q : array, shape (rows, V)
        V ≥ 3.
    groups : int
        At most this many groups of the largest tokens; at least 4.

    Notes
    -----
    Cost O(V log groups + groups² log groups) a row; no sort of the vocabulary.
    """
    xp = backend.xp
    excess = xp.sum(xp.clip(p - q, 0.0, None), axis=-1, keepdims=True)
    parts = Groups.of(backend, p, q, excess, groups)
    ends = [_reach(backend, 0.0, excess, parts.left_by_one(x)) for x in (parts.smallest, parts.largest)]
    cells = Cells.of(backend, p, q, _between(backend, ends), parts.top, xp.flip(parts.smallest, axis=-1))
    slack = _at_ends(backend, cells.slack()[0])
    least, most = _reached(parts, ends, slack)
    weight, extra = _weights(parts, ends, _at_ends(backend, cells.weights()))
    first = _shares(xp, cells.rejected())
    low, high = _acceptances(backend, p, q, least, most)
    low, high = _means(backend, weight, extra, low, high)
    low = xp.maximum(low, 1.0 - slack[0])
    low, high = (xp.sum(first * x, axis=-1) for x in (low, high))
    rounding = rounding_of_sums(backend, q.shape[-1])
    same = xp.sum(first, axis=-1) == 0
    low, high = (xp.where(same, 1.0, x) for x in (low, high))
    return xp.clip(low - rounding, 0.0, None), xp.clip(high + rounding, None, 1.0)


def _reach(backend: Backend, s: Array, slack: Array, left: Array) -> Array:
    """Return s + slack/left, far below overflow."""
    with quiet():
        reached = s + slack / backend.xp.clip(left, backend.tiny, None)
    return backend.xp.clip(reached, None, 1.0 / backend.tiny)


def _between(backend: Backend, ends: list[Array]) -> Array:
    """Return 0 and the ends of every group, ascending; shape (rows, 2G + 1)."""
    xp = backend.xp
    points = xp.flip(xp.reshape(xp.stack(ends[::-1], axis=-1), (ends[0].shape[0], -1)), axis=-1)
    return xp.concat([xp.zeros_like(points[:, :1]), points], axis=-1)


def _at_ends(backend: Backend, x: Array) -> list[Array]:
    """Return the values at the lower and the upper end of every group, from those at all points."""
    return [backend.xp.flip(x[:, start::2, ...], axis=1) for start in (1, 2)]


def _reached(parts: Groups, ends: list[Array], slack: list[Array]) -> tuple[Array, Array]:
    """Return the least and the largest t_3 − 1 by the groups of x_1 and x_2; shape (rows, G, G)."""
    xp, backend = parts.backend.xp, parts.backend
    low, high = (x[..., None] for x in ends)
    missed = (high - low) * parts.largest[:, None, :]
    least = _reach(backend, low, slack[0][..., None] - missed, parts.left_by_two(parts.smallest))
    most = _reach(backend, high, slack[1][..., None], parts.left_by_two(parts.largest))
    least = xp.maximum(least, low)
    return least, xp.maximum(least, most)


def _acceptances(backend: Backend, p: Array, q: Array, least: Array, most: Array) -> tuple[Array, Array]:
    """Return bounds of F(t_3) by the groups of x_1 and x_2; shape (rows, G, G)."""
    xp, rows = backend.xp, q.shape[0]
    parts = (most[:, :HEAVY, :HEAVY], most[:, ::EVERY, ::EVERY])
    points = xp.sort(xp.concat([xp.reshape(x, (rows, -1)) for x in parts], axis=-1), axis=-1)
    points = xp.concat([backend.zeros((rows, 1)), points], axis=-1)
    slack = Slack.of(backend, p, q, points)
    above, below = slack.enclose(xp.reshape(least, (rows, -1)), xp.reshape(most, (rows, -1)))
    return xp.reshape(1.0 - above, least.shape), xp.reshape(1.0 - below, least.shape)


def _weights(parts: Groups, ends: list[Array], weights: list[Array]) -> tuple[Array, Array]:
    """Return the least weight of x_2's group given x_1's, without x_1, and what may be added."""
    xp = parts.backend.xp
    number = parts.backend.arange(parts.largest.shape[-1])
    same = (number[:, None] == number[None, :])[None, :, :]
    alone = same & parts.alone[:, None, :]
    most_gone, least_gone = ends[1] * parts.largest, ends[0] * parts.smallest
    low = weights[0] - xp.where(same, most_gone[..., None], 0.0)
    high = weights[1] - xp.where(same, least_gone[..., None], 0.0)
    low, high = (xp.where(alone, 0.0, xp.clip(x, 0.0, None)) for x in (low, high))
    return low, xp.clip(high - low, 0.0, None)


def _shares(xp: Any, weight: Array) -> Array:
    """Return the weights on the last axis divided by their sum, zero if that is."""
    total = xp.sum(weight, axis=-1, keepdims=True)
    return weight / xp.where(total > 0, total, 1.0)


def _means(
    backend: Backend, weight: Array, slack: Array, least: Array, most: Array
) -> tuple[Array, Array]:
    """Return the bounds of E F(t_3) given each group of x_1; 0 and 1 where no x_2 can follow."""
    xp = backend.xp
    total, extra = (xp.sum(x, axis=-1) for x in (weight, slack))
    share = xp.where(total + extra > 0, extra / xp.where(total + extra > 0, total + extra, 1.0), 1.0)
    law = weight / xp.where(total > 0, total, 1.0)[..., None]
    possible = weight + slack > 0
    lowest = xp.min(xp.where(possible, least, 1.0), axis=-1)
    lowest = xp.where(xp.any(possible, axis=-1), lowest, 0.0)
    highest = xp.max(xp.where(possible, most, 0.0), axis=-1)
    highest = xp.where(xp.any(possible, axis=-1), highest, 1.0)
    low = xp.where(total > 0, xp.sum(law * least, axis=-1), lowest)
    high = xp.where(total > 0, xp.sum(law * most, axis=-1), highest)
    low = low - share * xp.clip(low - lowest, 0.0, None)
    high = high + share * xp.clip(highest - high, 0.0, None)
    return low, high

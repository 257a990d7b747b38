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
"""

from __future__ import annotations

from mdsd_theory.arrays import Array, Backend, quiet
from mdsd_theory.verifiers.rejected_groups import Groups
from mdsd_theory.verifiers.residual import Overlap, rounding_of_sums

GROUPS = 256
"""Groups of tokens a row."""


def enclose_three(backend: Backend, p: Array, q: Array, groups: int = GROUPS) -> tuple[Array, Array]:
    """Return lower and upper bounds of E F(t_3), each of shape (rows,), roundings included.

    Parameters
    ----------
    p, q : array, shape (rows, V)
        V ≥ 3.
    groups : int
        At most this many groups of tokens; at least 4.

    Notes
    -----
    Cost O((V + groups²) log V) a row. The width falls with about the square of ``groups``.
    """
    xp = backend.xp
    parts = Groups.of(backend, p, q, groups)
    excess = parts.overlap(backend.zeros((q.shape[0], 1)) + 1.0)[1]
    with quiet():
        ends = [1.0 + excess / parts.left_by_one(x) for x in (parts.smallest, parts.largest)]
        ends = [xp.clip(x, None, xp.finfo(backend.work).max / 4) for x in ends]
        least, most = _acceptances(parts, *ends)
        weight, slack = _weights(parts, *ends)
    low, high = _means(backend, weight, slack, least, most)
    low = xp.maximum(low, parts.overlap(ends[0])[0])
    low, high = (xp.sum(parts.first_law * x, axis=-1) for x in (low, high))
    rounding = rounding_of_sums(backend, q.shape[-1])
    same = xp.sum(parts.first_law, axis=-1) == 0
    low, high = (xp.where(same, 1.0, x) for x in (low, high))
    return xp.clip(low - rounding, 0.0, None), xp.clip(high + rounding, None, 1.0)


def _acceptances(parts: Groups, t_low: Array, t_high: Array) -> tuple[Array, Array]:
    """Return the least and the largest F(t_3) by the groups of x_1 and x_2; shape (rows, G, G)."""
    xp, overlap = parts.backend.xp, parts.overlap
    left = parts.left_by_two(parts.smallest)
    missed = (t_high - t_low)[..., None] * parts.largest[:, None, :]
    least = t_low[..., None] + (overlap(t_low)[1][..., None] - missed) / left
    least = xp.maximum(least, t_low[..., None])
    most = t_high[..., None] + overlap(t_high)[1][..., None] / parts.left_by_two(parts.largest)
    return _overlap_at(overlap, least), _overlap_at(overlap, most)


def _overlap_at(overlap: Overlap, t: Array) -> Array:
    xp = overlap.backend.xp
    flat = xp.clip(xp.reshape(t, (t.shape[0], -1)), None, xp.finfo(overlap.backend.work).max / 4)
    return xp.reshape(overlap(flat)[0], t.shape)


def _weights(parts: Groups, t_low: Array, t_high: Array) -> tuple[Array, Array]:
    """Return the least weight of x_2's group given x_1's, without x_1, and what may be added."""
    xp = parts.backend.xp
    number = parts.backend.arange(t_low.shape[-1])
    same = (number[:, None] == number[None, :])[None, :, :]
    alone = same & (parts.size == 1)[:, None, :]
    most_gone = ((t_high - 1.0) * parts.largest)[..., None]
    least_gone = ((t_low - 1.0) * parts.smallest)[..., None]
    low = parts.second_weights(t_low) - xp.where(same, most_gone, 0.0)
    high = parts.second_weights(t_high) - xp.where(same, least_gone, 0.0)
    low, high = (xp.where(alone, 0.0, xp.clip(x, 0.0, None)) for x in (low, high))
    return low, xp.clip(high - low, 0.0, None)


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

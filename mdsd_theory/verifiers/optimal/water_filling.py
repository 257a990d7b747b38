"""The law y of the pick for whole batches: levels c′ and c by running sums."""

from __future__ import annotations

from typing import Any

from mdsd_theory.arrays import Array, Backend, gather, integer_power, quiet
from mdsd_theory.dual.ratio_order import ratio_order, suffix_sums


def water_filling(backend: Backend, p: Array, q: Array, n: int) -> Array:
    r"""Return y = q·clip(p/q, c′, c) with y(H) = q(H)^n, H a minimising prefix.

    Parameters
    ----------
    backend : Backend
    p, q : array, shape (rows, V)
        Distributions in the work dtype.
    n : int
        Number of drafts.

    Returns
    -------
    array, shape (rows, V)
        The law of the pick; see :mod:`mdsd_theory.verifiers.optimal.winning_law`.

    Notes
    -----
    Cost O(V log V).
    """
    xp = backend.xp
    ranked = ratio_order(backend, p, q)
    ranked_p = xp.where(ranked.q > 0, gather(xp, p, ranked.order), 0.0)
    zero = backend.zeros((p.shape[0], 1))
    before_p, before_q = (
        xp.concat([zero, xp.cumulative_sum(x, axis=-1)], axis=-1) for x in (ranked_p, ranked.q)
    )
    after_p, after_q = (suffix_sums(backend, x) for x in (ranked_p, ranked.q))
    best = xp.argmin(before_p - integer_power(before_q, n), axis=-1)[:, None]
    inside = gather(xp, before_q, best)
    b = gather(xp, after_q, best)
    outside = b * sum(integer_power(inside, k) for k in range(1, n)) + b
    # Both are ≥ 0 at the minimum, but for rounding.
    surplus = xp.maximum(integer_power(inside, n) - gather(xp, before_p, best), zero)
    deficit = xp.maximum(gather(xp, after_p, best) - outside, zero)
    with quiet():
        ratio = ranked_p / ranked.q
        floor = (before_p[:, 1:] + surplus) / before_q[:, 1:]
        ceiling = (after_p - deficit) / after_q
    place = backend.arange(p.shape[-1] + 1)[None, :]
    # The first j ≤ best whose c′ does not pass the next ratio.
    beyond = xp.concat([ratio[:, 1:], zero + xp.inf], axis=-1)
    low = _first(xp, (floor <= beyond) | (place[:, 1:] >= best))
    level_low = xp.where(best > 0, gather(xp, floor, low), 0.0)
    # The last j ≥ best whose c does not fall below the ratio before it.
    before = xp.concat([zero, ratio], axis=-1)
    able = (place == best) | ((place > best) & (after_q > 0) & (ceiling >= before))
    high = p.shape[-1] - _first(xp, xp.flip(able, axis=-1))
    level_high = xp.where(gather(xp, after_q, high) > 0, gather(xp, ceiling, high), xp.inf)
    # c ≥ n q(H)^{n−1}: where q(Σ∖H) is no more than rounding, the difference above is not.
    slope = n * integer_power(inside, n - 1) if n > 1 else inside * 0 + 1.0
    level_high = xp.maximum(level_high, slope)
    with quiet():
        raised = xp.maximum(p, level_low * q)
        return xp.where(q > 0, xp.minimum(raised, level_high * q), 0.0)


def _first(xp: Any, condition: Array) -> Array:
    """Return the first true place of each row, as a column."""
    return xp.argmax(xp.astype(condition, xp.int64), axis=-1)[:, None]

"""Tokens in ascending order of ρ = p/q, with the running sums P(H) and Q(H) need."""

from __future__ import annotations

from dataclasses import dataclass

from mdsd_theory.arrays import Array, Backend, gather, quiet


@dataclass(frozen=True)
class RatioOrder:
    """The prefixes H_0 = ∅, H_1, …, H_V of the ratio order.

    Attributes
    ----------
    order : array of int, shape (rows, V)
        Tokens by ρ ascending; tokens with q = 0 come last, those with p = q = 0 at the very end.
    q : array, shape (rows, V)
        q in that order.
    ratio : array, shape (rows, V)
        ρ in that order: ∞ where q = 0 < p, NaN where both are zero. It cannot be had from ``target``,
        whose differences are rounding noise where p is tiny.
    target : array, shape (rows, V)
        P(H_k) for k = 1 … V.
    """

    order: Array
    q: Array
    ratio: Array
    target: Array

    def rows(self, chunk: slice) -> RatioOrder:
        """Return the same for some of the rows."""
        parts = (self.order, self.q, self.ratio, self.target)
        return RatioOrder(*(part[chunk, :] for part in parts))


def ratio_order(backend: Backend, p: Array, q: Array) -> RatioOrder:
    """Sort each row by ρ = p/q; cost O(V log V).

    IEEE arithmetic gives the rule for zeros: p/0 = ∞ sorts last, 0/0 = NaN after it. On CUDA 0/0 has
    the sign bit set, and rows of more than 4,096 tokens are sorted by their bits, such a NaN first.
    """
    xp = backend.xp
    with quiet():
        ratio = p / q
    ratio = xp.where(xp.isnan(ratio), xp.nan, ratio)
    order = xp.argsort(ratio, axis=-1, stable=False)
    target = xp.cumulative_sum(gather(xp, p, order), axis=-1)
    return RatioOrder(order, gather(xp, q, order), gather(xp, ratio, order), target)


def suffix_sums(backend: Backend, q: Array) -> Array:
    """Return Σ q over all but the first k tokens, k = 0 … V; shape (rows, V + 1).

    Summed from the far end, so that small values stay accurate: along the prefixes, b_k = q(Σ∖H_k).
    """
    xp = backend.xp
    from_far_end = xp.flip(xp.cumulative_sum(xp.flip(q, axis=-1), axis=-1), axis=-1)
    return xp.concat([from_far_end, backend.zeros((q.shape[0], 1))], axis=-1)

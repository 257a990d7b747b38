"""Two drafts without replacement: every prefix in integers, no balls needed."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

from mdsd_theory.rigorous.prefixes import Prefixes

BITS = 192
"""Fixed-point bits of q_i / (1 − q_i)."""


def second_draft(order: Prefixes) -> tuple[Fraction, Fraction, int]:
    r"""Enclose the minimum of P(H) + 1 − Q(H) over all prefixes for n = 2, and tell the best one.

    .. math:: 1 - Q(H) = b\,\Bigl(1 + \sum_{i \in H} \frac{q_i}{1 - q_i}\Bigr),
              \qquad b = q(\Sigma \setminus H)

    Each fraction is cut after 192 bits, so the sum over k tokens is short by less than k·2⁻¹⁹²;
    everything else is exact, over the denominator p_total·q_total·2¹⁹².

    Returns
    -------
    lower, upper : Fraction
    k : int
        Length of the prefix that attains ``upper``.

    Notes
    -----
    Cost O(V). The first draft falls outside H with probability b; it is i ∈ H and the second falls
    outside with probability q_i·b/(1 − q_i).
    """
    total, one = order.q_total, 1 << BITS
    sums = list(accumulate((one * x // (total - x) for x in order.q), initial=one))
    lowers = [
        (x * total << BITS) + (total - s) * order.p_total * a
        for x, s, a in zip(order.p_sums, order.q_sums, sums, strict=True)
    ]
    short = [k * (total - s) * order.p_total for k, s in enumerate(order.q_sums)]
    upper, best = min((low + gap, k) for k, (low, gap) in enumerate(zip(lowers, short, strict=True)))
    unit = order.p_total * total << BITS
    return Fraction(min(lowers), unit), Fraction(upper, unit), best

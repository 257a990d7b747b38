"""The smallest P(H) + 1 − Q(H) over all prefixes, from 1 − Q at a few of them."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from mdsd_theory.rigorous.balls import Ball, load_flint, lower_end, upper_end
from mdsd_theory.rigorous.prefixes import Prefixes, float_ratios

TOLERANCE = 2.0**-53
"""Stop when no prefix can undercut the values found by more than this (1e-16)."""

BUDGET = 20_000
"""Most prefixes to evaluate; what is left then widens the enclosure."""


@dataclass
class ChordSearch:
    r"""Best-first search over intervals of prefixes.

    Along the prefixes 1 − Q is concave in s = q(H) (q-convexity, page 6), so between two evaluated
    prefixes H_a and H_b it lies above the chord of their lower ends, whose slope is −c. P is known at
    every prefix and convex, with slopes ρ_k and ρ_{k+1} = p/q of the tokens on either side of a prefix
    H_k, so for all prefixes from a to b

    .. math:: P + 1 - Q \ge P_k + \mathrm{chord}(s_k)
              - (\rho_k - c)_+\,(s_k - s_a) - (c - \rho_{k+1})_+\,(s_b - s_k) .

    Any k makes this true; it is best, and both brackets vanish, where ρ crosses c. Floats look for
    that k, balls evaluate the bound. The interval is then split there.

    Attributes
    ----------
    order : Prefixes
    avoided : callable
        1 − Q(H_k) as a ball.
    lower, upper : Fraction
        Bounds on the smallest value at the prefixes evaluated.
    best : int
        The prefix that attains ``upper``.
    evaluations : int
    """

    order: Prefixes
    avoided: Callable[[int], Ball]
    lower: Fraction = Fraction(1)
    upper: Fraction = Fraction(1)
    best: int = 0
    evaluations: int = 0
    _slopes: list[float] = field(default_factory=list, repr=False)
    _known: dict[int, Ball] = field(default_factory=dict, repr=False)
    _open: list[tuple[Fraction, int, int, int]] = field(default_factory=list, repr=False)

    def run(self, tolerance: float = TOLERANCE, budget: int = BUDGET) -> tuple[Fraction, Fraction, int]:
        """Return a lower and an upper bound on the minimum, and the prefix of the upper one."""
        order = self.order
        self._slopes = float_ratios(order.p, order.q, order.p_total, order.q_total).tolist()
        self._evaluate(0)
        self._evaluate(len(order.q))
        self._push(0, len(order.q))
        while self._open and self._open[0][0] < self.lower - Fraction(tolerance):
            if self.evaluations >= budget:
                break
            _, a, k, b = heapq.heappop(self._open)
            self._evaluate(k)
            self._push(a, k)
            self._push(k, b)
        lower = min([self.lower, *(bound for bound, *_ in self._open[:1])])
        return lower, self.upper, self.best

    def _evaluate(self, k: int) -> None:
        """Take P + 1 − Q at one prefix into account."""
        arb = load_flint().arb
        avoided = self.avoided(k)
        value = arb(self.order.p_sums[k]) / self.order.p_total + avoided
        self._known[k] = avoided.lower()
        self.evaluations += 1
        self.lower = min(self.lower, lower_end(value))
        if upper_end(value) < self.upper:
            self.upper, self.best = upper_end(value), k

    def _push(self, a: int, b: int) -> None:
        """Keep the prefixes strictly between two evaluated ones, with their bound."""
        if b - a < 2:
            return
        s, known = self.order.q_sums, self._known
        fall = (known[a] - known[b]) * self.order.q_total / (s[b] - s[a])
        k = bisect_left(self._slopes, float(fall), a, b)
        bound = self._bound(a, b, k, fall)
        heapq.heappush(self._open, (lower_end(bound), a, min(max(k, a + 1), b - 1), b))

    def _bound(self, a: int, b: int, k: int, fall: Ball) -> Ball:
        """Return the lower bound of the class's docstring, for c = ``fall``."""
        arb, order = load_flint().arb, self.order
        s, total = order.q_sums, arb(order.q_total)
        before, after = arb(s[k] - s[a]) / total, arb(s[b] - s[k]) / total
        value = arb(order.p_sums[k]) / order.p_total + self._known[a] - fall * before
        if k > a:
            value -= (self._ratio(k - 1) - fall).nonnegative_part() * before
        if k < b:
            value -= (fall - self._ratio(k)).nonnegative_part() * after
        return value

    def _ratio(self, i: int) -> Ball:
        """Return p/q of the i-th token of the order."""
        arb, order = load_flint().arb, self.order
        return arb(order.p[i] * order.q_total) / (order.q[i] * order.p_total)

"""Different drafters: α* enclosed by weighted means, in integers and balls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.rigorous.closed_form import mass
from mdsd_theory.rigorous.power_prefix import power_prefix
from mdsd_theory.rigorous.prefixes import Prefixes, prefixes
from mdsd_theory.rigorous.weights import Weights

ROUNDS = 12
"""How often the weights of the mean are adapted."""

SHARE_BITS = 30
"""Bits of the largest of the weights λ_k."""


@dataclass
class WeightedMeans:
    r"""Bounds on α* of n different drafters, tightened round by round.

    For positive integers w_k let T_k = w_k·total_k, μ = Σ_k T_k q_k and T = μ(Σ). The inequality of
    means on the n numbers T_k q_k(H) gives

    .. math:: \prod_k q_k(H) \le C \Bigl(\frac{\mu(H)}{T}\Bigr)^n,
              \qquad C = \frac{(T/n)^n}{\prod_k T_k} \ge 1,

    so that α* ≥ min_H P(H) + 1 − C·(μ(H)/T)^n, whose minimiser is a prefix of the order of p/μ. Any w
    makes it true; floats choose w, with T_k near 1/q_k(H). Every H met is a candidate for the upper
    bound, which is exact.
    """

    p: Weights
    drafters: Sequence[Weights]
    lower: Fraction = Fraction(0)
    upper: Fraction = Fraction(1)
    subset: list[int] = field(default_factory=list)

    def run(self, rounds: int = ROUNDS) -> tuple[Fraction, Fraction, list[int]]:
        """Return lower and upper bound and the H of the upper one; a sort of the tokens a round."""
        log_shares, n = np.zeros(len(self.drafters)), len(self.drafters)
        floats = np.array([[value / x.total for value in x.values] for x in self.drafters])
        for _ in range(rounds):
            scales = self._integer_weights(log_shares)
            order = prefixes(self.p, self._mean(scales))
            low, _, best = power_prefix(order, n, self._factor(scales))
            self.lower = max(self.lower, low)
            inside = np.cumsum(floats[:, order.tokens], axis=1)
            self._try(order.tokens[: _lowest(order, inside)])
            log_shares = _adapt(log_shares, inside[:, max(best - 1, 0)])
        return self.lower, self.upper, self.subset

    def _integer_weights(self, log_shares: np.ndarray[Any, Any]) -> list[int]:
        """Return w_k > 0 with T_k about proportional to the exponentials of ``log_shares``."""
        shares = np.exp(log_shares - log_shares.max()) * 2**SHARE_BITS
        bits = max(x.total for x in self.drafters).bit_length() + 64
        return [
            ((int(share) + 1) << bits) // x.total for share, x in zip(shares, self.drafters, strict=True)
        ]

    def _mean(self, scales: Sequence[int]) -> Weights:
        """Return μ as weights."""
        columns = zip(*(x.values for x in self.drafters), strict=True)
        values = [sum(map(int.__mul__, scales, column)) for column in columns]
        return Weights(values, sum(values))

    def _factor(self, scales: Sequence[int]) -> Fraction:
        """Return C."""
        totals, n = [w * x.total for w, x in zip(scales, self.drafters, strict=True)], len(scales)
        return Fraction(sum(totals) ** n, n**n * math.prod(totals))

    def _try(self, tokens: list[int]) -> None:
        """Take P(H) + 1 − Π_k q_k(H) into account."""
        value = mass(self.p, tokens) + 1 - math.prod(mass(x, tokens) for x in self.drafters)
        if value < self.upper:
            self.upper, self.subset = value, tokens


def _lowest(order: Prefixes, inside: np.ndarray[Any, Any]) -> int:
    """Return about the best prefix for P(H) + 1 − Π_k q_k(H): a guess by floats."""
    products = np.concatenate([[0.0], np.prod(inside, axis=0)])
    target = np.array([s / order.p_total for s in order.p_sums])
    return int(np.argmin(target - products))


def _adapt(log_shares: np.ndarray[Any, Any], inside: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Move half-way to λ_k ∝ 1/q_k(H), a guess like that of the fast layer."""
    target = -np.log(np.clip(inside, 1e-6, 1.0))
    moved: np.ndarray[Any, Any] = 0.5 * (log_shares + target - target.mean())
    return moved

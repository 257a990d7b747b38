r"""The law y that the picked draft shall have, for n i.i.d. drafts.

A rule that picks one of the drafts can give its pick the law y if and only if
y(A) ≤ 1 − (1 − q(A))^n for every set A of tokens. With H a minimising prefix of the order of ρ = p/q, the
flattest law with y ≤ p off H and y ≥ p on H is

.. math:: y = q \cdot \operatorname{clip}(\rho, c', c), \qquad y(H) = q(H)^n, \quad
          y(\Sigma \setminus H) = 1 - q(H)^n,

and Σ min(p, y) = P(H) + 1 − q(H)^n = α*. New here as a verifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from mdsd_theory.schemes.base import Number, support


@dataclass(frozen=True)
class WinningLaw:
    """y as densities f = y/q over the tokens of positive q, ascending.

    Attributes
    ----------
    tokens : list of int
        By ρ ascending.
    density : list of numbers
        f, ascending: ρ clipped to [c′, c].
    low, high : int
        The first ``low`` tokens share the density c′, those from ``high`` on the density c.
    """

    tokens: list[int]
    density: list[Number]
    low: int
    high: int

    @property
    def atoms(self) -> list[list[int]]:
        """Tokens of one density together: the two plateaus, and every other token alone."""
        first, last = self.tokens[: self.low], self.tokens[self.high :]
        alone = [[token] for token in self.tokens[self.low : self.high]]
        return [group for group in (first, *alone, last) if group]


def winning_law(p: Sequence[Number], q: Sequence[Number], n: int) -> WinningLaw:
    """Return y for one target and draft, in their number type.

    Parameters
    ----------
    p, q : sequence of float or Fraction, shape (V,)
    n : int
        Number of drafts.

    Returns
    -------
    WinningLaw

    Notes
    -----
    Cost O(V log V).

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> law = winning_law([F(1, 2), F(3, 10), F(1, 5)], [F(1, 5), F(3, 10), F(1, 2)], 2)
    >>> law.tokens, [str(f) for f in law.density]
    ([2, 1, 0], ['17/25', '1', '9/5'])
    """
    tokens = sorted(support(q), key=lambda i: p[i] / q[i])
    ratio = [p[i] / q[i] for i in tokens]
    before_p, before_q = ([0, *accumulate(x[i] for i in tokens)] for x in (p, q))
    after_p, after_q = ([0, *accumulate(x[i] for i in reversed(tokens))][::-1] for x in (p, q))
    values = [a + 1 - b**n for a, b in zip(before_p, before_q, strict=True)]
    best = min(range(len(values)), key=values.__getitem__)
    # Both are ≥ 0 at the minimum, but for rounding.
    surplus = max(before_q[best] ** n - before_p[best], 0)
    deficit = max(after_p[best] - _outside(after_q[best], before_q[best], n), 0)
    low, floor = _floor(ratio, before_p, before_q, best, surplus)
    high, ceiling = _ceiling(ratio, after_p, after_q, best, deficit)
    density = [floor] * low + ratio[low:high] + [ceiling] * (len(tokens) - high)
    return WinningLaw(tokens, density, low, high)


def _outside(b: Number, inside: Number, n: int) -> Number:
    """Return 1 − q(H)^n as b (1 + q(H) + … + q(H)^{n−1}), b = q(Σ∖H): small values stay accurate."""
    return b * sum(inside**k for k in range(n))


def _floor(
    ratio: list[Number], p: list[Number], q: list[Number], best: int, surplus: Number
) -> tuple[int, Number]:
    """Return how many tokens of H are raised to c′, and c′, so that y(H) = P(H) + surplus."""
    for j in range(1, best + 1):
        level = (p[j] + surplus) / q[j]
        if j == best or level <= ratio[j]:
            return j, level
    return 0, 0


def _ceiling(
    ratio: list[Number], p: list[Number], q: list[Number], best: int, deficit: Number
) -> tuple[int, Number]:
    """Return where the tokens lowered to c begin, and c, so that y(Σ∖H) = P(Σ∖H) − deficit.

    p and q are the sums over all but the first j tokens of positive q.
    """
    for j in range(len(ratio) - 1, best - 1, -1):
        level = (p[j] - deficit) / q[j]
        if j == best or level >= ratio[j - 1]:
            return j, level
    return len(ratio), 0

r"""How many powers of x·t the light tokens of a race along an order need, and what cutting them costs.

The law y of the pick is a sum, positive term by positive term, over the last arrival and the n − 1 odds
o = e^{xt} − 1 of the others (:mod:`mdsd_theory.verifiers.optimal.race_loop`). A product of m odds is

.. math:: \prod_i x_i t \cdot \sum_{d \ge 0} a_d t^d, \qquad
          a_d \le X^d\,[z^d] \Big(\frac{e^z - 1}{z}\Big)^m = X^d \frac{m!}{(m + d)!} {m + d \brace m}

for tokens of mass at most X. Cut after d = D it lacks, of itself, at most the rest of the series on the
right. All terms together are the density of the time T of the n-th arrival, which is no later than a
Gamma(n, r) variable, r the mass outside the n − 1 largest tokens:
E T^d ≤ (n + d − 1)!/(n − 1)! r^{−d}.
With m = n − 1 the factorials cancel, and Σ y lacks at most

.. math:: \sum_{d > D} {n - 1 + d \brace n - 1} \rho^d
          = \prod_{k<n} \frac{1}{1 - k\rho} - \sum_{d \le D} {n - 1 + d \brace n - 1} \rho^d,
          \qquad \rho = X / r .

Atoms are cut at different D, each where this is at most ε. The tails of products cut apart add up to less
than the tail of their product cut at once, so all atoms of one D lose ε together, and all of them (number
of depths)·ε. A token for which D = 2 is enough has its own odds cut there, in any atom: once more ε for
all of them. The quadrature rule stands for the integral in this, right to a small part of it.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

CUT = 1e-14
"""ε: what Σ y may lack through all atoms of one depth."""

DEEPEST = 8
"""Largest D; atoms that need more are walked node by node."""

LARGEST_N = 8
"""Most drafts: beyond, the nodes cost no more than the powers."""

HALVINGS = 80
"""ρ of less than 2⁻⁸⁰ is nothing: D = 0 will do."""


@lru_cache
def heaviest(n: int) -> np.ndarray[Any, Any]:
    """Return the largest ρ, a power of two, that each depth D = 0 … :data:`DEEPEST` is enough for.

    Zeros for n above :data:`LARGEST_N`.

    Examples
    --------
    >>> np.log2(heaviest(3)).tolist()
    [-49.0, -25.0, -17.0, -13.0, -11.0, -9.0, -8.0, -7.0, -7.0]
    """
    if n > LARGEST_N:
        return np.zeros(DEEPEST + 1)
    shares = [Fraction(1, 2**k) for k in range(n.bit_length() + 1, HALVINGS)]
    return np.array([float(next(x for x in shares if _lost(n, x, d) <= CUT)) for d in range(DEEPEST + 1)])


def cut_error(n: int) -> float:
    """Return a bound on what Σ y lacks through the cuts, doubled as the rule is not the integral."""
    return 2 * (DEEPEST + 2) * CUT if n <= LARGEST_N else 0.0


def _lost(n: int, share: Fraction, depth: int) -> Fraction:
    """Return the bound on what is lost for ρ = ``share`` and D = ``depth``, exactly."""
    total, first = Fraction(1), [Fraction(1)] + [Fraction(0)] * depth
    for k in range(1, n):
        total /= 1 - k * share
        for d in range(1, depth + 1):
            first[d] += k * share * first[d - 1]
    return total - sum(first)

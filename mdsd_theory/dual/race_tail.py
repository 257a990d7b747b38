r"""The many tokens that hardly race: their product and marked sum by moments, in place of one by one.

For odds o_i = e^{q_i t} − 1 and marks m_i the power sums

.. math:: P_k = \sum_i o_i^k, \qquad M_k = \sum_i m_i o_i^k

are power series in t whose coefficients are moments Σ q_i^d and Σ m_i q_i^d times those of (e^x − 1)^k,
all non-negative. They give

.. math:: m\,e_m = \sum_{k=1}^m (-1)^{k-1} e_{m-k} P_k, \qquad b_m = \sum_{k=0}^m (-1)^k M_k\, e_{m-k} .

**Hardly anything cancels** where every q_i t ≤ θ = :data:`SMALL` up to the last node t = c/r:
c ≥ 80, r the mass outside the n − 1 largest tokens. Then o_i ≤ e^θ θ r t/c. If these tokens hold half
of r or more, P_2 ≤ (2 e^θ θ/c) P_1² < P_1²/100, and each sum is its first term but for a few per cent.
If they hold less, a rounding of P_1^m is one of what the other tokens add to the product of all: their
e_1 is at least e^{−θ} P_1; and fewer than m of these tokens have P_1 < m/3, so that P_1^m/m! < 1 = e_0.
Either argument wears thin as n grows, hence :data:`LARGEST_N`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

from mdsd_theory.arrays import Array, Backend
from mdsd_theory.dual.race_nodes import Nodes
from mdsd_theory.dual.truncated import Polynomial

Columns = Sequence[Array]
"""Numbers of each row, one array of shape (rows,) a power."""

SMALL = 0.25
"""Largest q·t of a token that moments may stand for."""

LARGEST_N = 8
"""Most drafts for which they may."""


@lru_cache
def odds_series(k: int) -> tuple[float, ...]:
    """Return the coefficients of x^k, x^{k+1}, … in (e^x − 1)^k, up to rounding at x = :data:`SMALL`.

    Examples
    --------
    >>> [round(x, 4) for x in odds_series(2)[:3]]
    [1.0, 1.0, 0.5833]
    """
    one = [1 / math.factorial(d) for d in range(1, 60)]
    power = [1.0]
    for _ in range(k):
        power = [sum(power[j] * one[d - j] for j in range(min(d + 1, len(power)))) for d in range(59)]
    left = [sum(x * SMALL**d for d, x in enumerate(power) if d >= start) for start in range(len(power))]
    return tuple(power[: next(d for d, x in enumerate(left) if x < 1e-18)])


def power_sums(backend: Backend, marks: Array, z: Array, degree: int) -> tuple[Columns, Columns]:
    """Return Σ z^d and Σ m z^d for d = 0 … degree; each (rows,)."""
    xp = backend.xp
    power = xp.ones_like(z)
    plain, marked = [xp.sum(power, axis=-1)], [xp.sum(marks, axis=-1)]
    for _ in range(degree):
        power *= z
        plain.append(xp.sum(power, axis=-1))
        marked.append(xp.sum(marks * power, axis=-1))
    return plain, marked


PowerSums = Callable[[Backend, Array, Array, int], tuple[Columns, Columns]]
"""What :func:`power_sums` is, or a faster one."""


def tail_products(
    backend: Backend, marks: Array, q: Array, nodes: Nodes, n: int, power_sums: PowerSums = power_sums
) -> tuple[Polynomial, Polynomial]:
    """Return e_1 … e_{n−1} of the tokens, and b_0 … b_{n−1} of their marked sum; each (rows, J).

    Parameters
    ----------
    marks, q : array, shape (rows, V)
        Zero for tokens that are taken one by one; q times the last node at most :data:`SMALL`.
    nodes : Nodes
    n : int
        Number of drafts, at most :data:`LARGEST_N`.
    power_sums : callable

    Notes
    -----
    Cost O(V D), D = 12 to 31 moments for n = 2 to 8.
    """
    xp = backend.xp
    last = nodes.times[:, -1:]
    moments = power_sums(backend, marks, q * (last / SMALL), max(map(_degree, range(1, n))))
    time = nodes.times * (SMALL / last)
    sums, marked = (
        [_power_sum(column, time, k) for k in range(1, n)] for column in (moments[0], moments[1])
    )
    one = xp.ones_like(time)
    products = [one]
    for m in range(1, n):
        terms = [(-1) ** (k - 1) * products[m - k] * sums[k - 1] for k in range(1, m + 1)]
        products.append(sum(terms[1:], start=terms[0]) / m)
    marked = [one * moments[1][0][:, None], *marked]
    b = []
    for m in range(n):
        terms = [(-1) ** k * marked[k] * products[m - k] for k in range(m + 1)]
        b.append(sum(terms[1:], start=terms[0]))
    return products[1:], b


def _degree(k: int) -> int:
    """Return the last power of x that is kept of (e^x − 1)^k."""
    return k + len(odds_series(k)) - 1


def _power_sum(moments: Columns, time: Array, k: int) -> Array:
    """Return Σ (e^{zt} − 1)^k, or with marks, by Horner's rule; shape (rows, J)."""
    total = None
    for d, coefficient in reversed(list(enumerate(odds_series(k), start=k))):
        term = coefficient * moments[d][:, None]
        total = term + 0 * time if total is None else total * time + term
    for _ in range(k):
        total = total * time
    return total

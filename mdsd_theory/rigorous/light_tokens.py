r"""Chances of few arrivals among light tokens, those with y = q_i·t ≤ 1/4, from power sums.

Up to the factor e^{−Σy}, the chance of m arrivals is e_m, the m-th elementary symmetric polynomial of
the odds e^y − 1. Newton's identities give e_m from S_k = Σ (e^y − 1)^k, k ≤ m, and

.. math:: (e^y - 1)^k = \sum_{r \ge k} c_{k,r}\,y^r, \qquad
          c_{k,r} = \frac{1}{r!} \sum_j (-1)^{k-j} \binom{k}{j} j^r \ge 0,

so that S_k is a combination of the power sums Σ y^r. What follows the first R powers is non-negative,
and y^r ≤ (y/Y) Y^r for y ≤ Y, so it is at most (y/Y) T_k, T_k = (e^Y − 1)^k − Σ_{r≤R} c_{k,r} Y^r: the
coefficient of y is widened by [0, T_k/Y], and by what the Σ y that it meets may be short. Newton's
identities cancel; in balls the loss shows in the radius.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from mdsd_theory.errors import SizeError
from mdsd_theory.rigorous.balls import Ball, between_zero_and, load_flint
from mdsd_theory.rigorous.power_sums import LARGEST_POWER

LOG_LIGHTEST = 2
"""A token is light while q_i·t ≤ Y = 2⁻²."""

TAIL = 2.0**-66
"""What T_k may be."""


def odds_powers(n: int, error: Callable[[int], float]) -> list[list[Ball]]:
    """Return polynomials that hold (e^y − 1)^k on 0 ≤ y ≤ Y, k = 1 … n − 1, up to the power R.

    Parameters
    ----------
    n : int
        Number of drafts.
    error : callable
        Bound on the relative error of the sum of r-th powers that the r-th coefficient will meet.

    Returns
    -------
    list of lists of balls, shape (n − 1, R + 1)
        Coefficients of y^0 … y^R.
    """
    powers = powers_needed(n)
    return [_widened(k, powers, error) for k in range(1, n)]


def powers_needed(n: int) -> int:
    """Return the smallest R for which every T_k is below :data:`TAIL`.

    Raises
    ------
    SizeError
        When it exceeds the powers that :class:`~mdsd_theory.rigorous.power_sums.PowerSums` can tell.
    """
    for powers in range(n, LARGEST_POWER + 1):
        if all(float(_tail(k, powers)) <= TAIL for k in range(1, n)):
            return powers
    raise SizeError(f"n = {n} drafts need powers of q above {LARGEST_POWER}; lower n")


def coefficient(k: int, r: int) -> Ball:
    """Return c_{k,r}."""
    surjections = sum((-1) ** (k - j) * math.comb(k, j) * j**r for j in range(k + 1))
    return load_flint().arb(surjections) / math.factorial(r)


def _tail(k: int, powers: int) -> Ball:
    """Return T_k, rounded up."""
    arb = load_flint().arb
    y = arb((1, -LOG_LIGHTEST))
    sums = sum((coefficient(k, r) * y**r for r in range(1, powers + 1)), arb(0))
    return (y.expm1() ** k - sums).upper()


def _widened(k: int, powers: int, error: Callable[[int], float]) -> list[Ball]:
    arb = load_flint().arb
    row = [coefficient(k, r) * arb(1, error(r)) if r else arb(0) for r in range(powers + 1)]
    row[1] += between_zero_and(_tail(k, powers) * 2**LOG_LIGHTEST * arb(1, error(1)))
    return row


def elementary(sums: Sequence[Ball], one: Ball) -> list[Ball]:
    """Return e_0, …, e_k from S_1, …, S_k by Newton's identities.

    .. math:: m\\,e_m = \\sum_{i=1}^{m} (-1)^{i-1} e_{m-i} S_i
    """
    found = [one]
    for m in range(1, len(sums) + 1):
        total = sums[0] * found[m - 1]
        for i in range(2, m + 1):
            term = sums[i - 1] * found[m - i]
            total = total + term if i % 2 else total - term
        found.append(total / m)
    return found

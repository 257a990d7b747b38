"""Truncated polynomials 1 + e_1 x + … + e_{n−1} x^{n−1} with non-negative coefficients.

The odds o_i = e^{q_i t} − 1 of tokens in H multiply to Π (1 + o_i x), whose coefficients are the
elementary symmetric polynomials e_m: the chances of m arrivals, up to a common factor. Only sums and
products of non-negative numbers occur, so the relative error stays at a few roundoffs a step, where
Newton's identities would cancel.
"""

from __future__ import annotations

from mdsd_theory.arrays import Array, Backend

Polynomial = list[Array]
"""Coefficients e_1, e_2, …, each of shape (rows, K, J); e_0 = 1 is left out."""


def multiply(a: Polynomial, b: Polynomial, n: int) -> Polynomial:
    """Return the product of two polynomials of equal degree, without the powers n and above."""
    degree = min(len(a) + len(b), n - 1)
    return [_coefficient(a, b, m) for m in range(1, degree + 1)]


def _coefficient(a: Polynomial, b: Polynomial, m: int) -> Array:
    """Return e_m of the product, adding in place: fresh memory costs more than arithmetic."""
    total = a[m - 1] + b[m - 1] if m <= min(len(a), len(b)) else None
    for k in range(max(1, m - len(b)), min(m - 1, len(a)) + 1):
        term = a[k - 1] * b[m - k - 1]
        if total is None:
            total = term
        else:
            total += term
    return total


def block_products(odds: Array, n: int) -> Polynomial:
    """Return the products over the tokens of each block, by a tree of pairwise products.

    Parameters
    ----------
    odds : array, shape (rows, group, blocks, J)
        ``group`` is a power of two.

    Returns
    -------
    list of array, shape (rows, blocks, J)
    """
    level: Polynomial = [odds]
    half = odds.shape[1] // 2
    while half:
        level = multiply([c[:, :half, ...] for c in level], [c[:, half:, ...] for c in level], n)
        half //= 2
    return [c[:, 0, ...] for c in level]


def running_products(backend: Backend, factors: Polynomial, start: Polynomial, n: int) -> Polynomial:
    """Return the products of ``start`` with the first k factors, for k = 0 … K.

    Coefficient m is a running sum of e_l(factor) times coefficient m − l before it, l = 1 … m.

    Parameters
    ----------
    factors : list of array, shape (rows, K, J)
    start : list of n − 1 arrays, shape (rows, 1, J)

    Returns
    -------
    list of n − 1 arrays, shape (rows, K + 1, J)
    """
    xp = backend.xp
    products: Polynomial = []
    for m in range(1, n):
        step = factors[m - 1] if m <= len(factors) else 0.0
        for k in range(1, min(m - 1, len(factors)) + 1):
            step = step + factors[k - 1] * products[m - k - 1][:, :-1, :]
        products.append(xp.cumulative_sum(xp.concat([start[m - 1], step], axis=1), axis=1))
    return products

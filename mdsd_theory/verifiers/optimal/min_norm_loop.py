"""Small linear algebra of the minimum-norm point, compiled: no threads, the same on every machine."""

from __future__ import annotations

import numpy as np
from numba import njit

RIDGE = 1e-14
"""Added to the diagonal of a Gram matrix, relative to its mean, so that it stays definite."""


@njit(cache=True)
def inner_products(points, z):  # type: ignore[no-untyped-def]
    """Return the inner products of the rows of ``points`` with z."""
    out = np.zeros(points.shape[0])
    for k in range(points.shape[0]):
        for i in range(z.size):
            out[k] += points[k, i] * z[i]
    return out


@njit(cache=True)
def affine_weights(gram):  # type: ignore[no-untyped-def]
    """Return λ, Σλ = 1, of the point of least norm in the affine hull: Gram · λ ∝ 1, by Cholesky."""
    size = gram.shape[0]
    low = gram.copy()
    ridge = RIDGE * np.trace(gram) / size + 1e-300
    for k in range(size):
        low[k, k] += ridge
    for k in range(size):
        for i in range(k, size):
            rest = low[i, k]
            for m in range(k):
                rest -= low[i, m] * low[k, m]
            low[i, k] = np.sqrt(max(rest, ridge)) if i == k else rest / low[k, k]
    x = np.ones(size)
    for k in range(size):
        for m in range(k):
            x[k] -= low[k, m] * x[m]
        x[k] /= low[k, k]
    for k in range(size - 1, -1, -1):
        for m in range(k + 1, size):
            x[k] -= low[m, k] * x[m]
        x[k] /= low[k, k]
    return x / x.sum()

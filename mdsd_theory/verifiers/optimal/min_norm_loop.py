"""Small linear algebra of the minimum-norm point, compiled: small, and without threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled

Array = np.ndarray[Any, Any]

RIDGE = 1e-14
"""Added to the diagonal of a Gram matrix, relative to its mean, so that it stays definite."""


@compiled()
def inner_products(points: Array, z: Array) -> Array:
    """Return the inner products of the rows of ``points`` with z."""
    out = np.zeros(points.shape[0])
    for k in range(points.shape[0]):
        for i in range(z.size):
            out[k] += points[k, i] * z[i]
    return out


@compiled()
def affine_weights(gram: Array) -> Array:
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
    weights: Array = x / x.sum()
    return weights

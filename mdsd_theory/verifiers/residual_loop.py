"""Compiled passes over rows of p and q: the steps of recursive rejection, and K-SEQ's discount.

Sums are taken over blocks of 1,024 tokens first, so that a row's rounding grows with V/1,024.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled

Array = np.ndarray[Any, Any]

BLOCK = 1024

LARGEST = float(np.finfo(np.float64).max) / 4
"""t stays below it, so that products with probabilities are finite."""


@compiled(fast=True)
def excess_row(p: Array, q: Array, t: float) -> float:
    """Return Σ (p − t q)_+."""
    total = 0.0
    for start in range(0, p.size, BLOCK):
        part = 0.0
        for i in range(start, min(start + BLOCK, p.size)):
            part += max(p[i] - t * q[i], 0.0)
        total += part
    return total


@compiled(fast=True)
def overlap_row(p: Array, q: Array, t: float) -> float:
    """Return Σ min(p, t q)."""
    total = 0.0
    for start in range(0, p.size, BLOCK):
        part = 0.0
        for i in range(start, min(start + BLOCK, p.size)):
            part += min(p[i], t * q[i])
        total += part
    return total


@compiled(fast=True)
def above_row(p: Array, q: Array, t: float) -> tuple[float, float]:
    """Return Σ q and Σ (p − q) over the tokens with p > t q."""
    mass, gain = 0.0, 0.0
    for start in range(0, p.size, BLOCK):
        part, more = 0.0, 0.0
        for i in range(start, min(start + BLOCK, p.size)):
            if p[i] > t * q[i]:
                part += q[i]
                more += p[i] - q[i]
        mass += part
        gain += more
    return mass, gain


@compiled()
def recursive_rates(p: Array, q: Array, n: int) -> Array:
    """Return F(t_n) of each row, with t_{k+1} = t_k + 1 − F(t_k)."""
    value = np.empty(p.shape[0])
    for r in range(p.shape[0]):
        t = 0.0
        for _ in range(n):
            t += excess_row(p[r], q[r], t)
        value[r] = overlap_row(p[r], q[r], t)
    return value


@compiled()
def recursive_path(p: Array, q: Array, left: Array) -> tuple[Array, Array]:
    """Return t_0 … t_n and 1 − F(t_0) … 1 − F(t_{n−1}) of each path.

    Parameters
    ----------
    p, q : array, shape (rows, V)
    left : array, shape (rows, paths, n)
        The mass that q has not rejected when draft k is met: t_{k+1} = t_k + (1 − F(t_k))/left_k.
    """
    rows, paths, n = left.shape
    t, slack = np.zeros((rows, paths, n + 1)), np.zeros((rows, paths, n))
    for r in range(rows):
        for c in range(paths):
            for k in range(n):
                slack[r, c, k] = excess_row(p[r], q[r], t[r, c, k])
                t[r, c, k + 1] = min(t[r, c, k] + slack[r, c, k] / left[r, c, k], LARGEST)
    return t, slack


@compiled()
def miss_chance(mass: float, gain: float, n: int) -> Any:
    """Return the s in [0, 1] with s^n + mass·(s + … + s^{n−1}) = gain, by Newton from the right.

    The left side is convex and grows: from an upper bound the steps fall until rounding stops them.
    """
    if gain <= 0.0:
        return 0.0
    s = min(1.0, gain ** (1.0 / n))
    if mass > gain:
        s = min(s, gain / mass)
    for _ in range(200):
        value, slope = 1.0, 0.0
        for _ in range(n - 1):
            slope = slope * s + value
            value = value * s + mass
        slope = slope * s + value
        value = value * s - gain
        below = s - value / slope
        if not below < s:
            break
        s = below
    return s


@compiled()
def discount_row(p: Array, q: Array, n: int) -> float:
    """Return γ* of one row (see :func:`~mdsd_theory.verifiers.discount.discount`)."""
    s, gamma = 0.0, 1.0
    while True:
        mass, gain = above_row(p, q, gamma)
        more = miss_chance(mass, gain, n)
        if not more > s:
            return gamma
        s, below = more, gamma
        gamma = 1.0
        for _ in range(n - 1):
            gamma = gamma * s + 1.0
        if not gamma > below:
            return below


@compiled()
def discounts(p: Array, q: Array, n: int) -> tuple[Array, Array]:
    """Return γ* and F(γ*) of each row; γ* = 1 where nothing is ever accepted."""
    gamma, value = np.ones(p.shape[0]), np.zeros(p.shape[0])
    for r in range(p.shape[0]):
        found = discount_row(p[r], q[r], n)
        value[r] = overlap_row(p[r], q[r], found)
        if value[r] > 0.0:
            gamma[r] = found
    return gamma, value

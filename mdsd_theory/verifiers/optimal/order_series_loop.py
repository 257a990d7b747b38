r"""The race along an order for light tokens, compiled: powers of t in place of the nodes.

With the odds cut to o = Σ_{s≤D} (x t)^{s+1} / (s+1)!, the states of :mod:`.race_loop` are polynomials in
t, c_m = Σ_{d≤D} C_{m,d} t^{m+d}, and inserting a token takes a few multiplications in place of J.
The y of tokens are linear in the state before their atom, so the same goes for the moments

    C_{m,d} = ∫ c_m t^{n−1−m+d},   F_{m,d} = ∫ f_m t^{n−1−m+d},
    y = x C_{n−1,0} + Σ_s x^{s+1}/(s+1)! F_{n−2,s}.

Times are in units of 1/r, r the mass outside the n − 1 largest tokens. Nothing is negative, so nothing
cancels; :mod:`mdsd_theory.verifiers.optimal.order_series` bounds the cut.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled

Array = np.ndarray[Any, Any]


@compiled()
def depth_of(tokens: Array, q: Array, rate: float, heaviest: Array) -> int:
    """Return the least D that is enough for the heaviest of some tokens; −1 if none is."""
    most = 0.0
    for i in tokens:
        most = max(most, q[i])
    for d in range(heaviest.size):
        if most <= heaviest[d] * rate:
            return d
    return -1


@compiled(fast=True)
def fill_terms(terms: Array, x: float, depth: int) -> None:
    """Overwrite the first D + 1 entries by x^{s+1} / (s+1)!."""
    term = x
    for s in range(depth + 1):
        terms[s] = term
        term *= x / (s + 2)


@compiled(fast=True)
def polynomials_of(
    tokens: Array,
    q: Array,
    mass: float,
    t: Array,
    rate: float,
    depth: int,
    few: float,
    c_atom: Array,
    f_atom: Array,
) -> None:
    """Overwrite c^B and f^B of an atom, each of shape (n, J); cost O(n D²) a token and O(n D J)."""
    n = c_atom.shape[0]
    # Two zeros lie before the coefficients, for the three terms that serve nearly every token.
    c, f = np.zeros((n, depth + 3)), np.zeros((n, depth + 3))
    terms = np.empty(depth + 1)
    c[0, 2] = 1.0
    for i in tokens:
        x = q[i] / rate
        if x == 0.0:
            continue
        if x <= few:
            second, third = x * x / 2, x * x * x / 6
            for m in range(n - 1, 0, -1):
                for d in range(2, depth + 3):
                    low, lower, lowest = c[m - 1, d], c[m - 1, d - 1], c[m - 1, d - 2]
                    more = x * c[m, d] + x * f[m - 1, d] + second * f[m - 1, d - 1]
                    f[m, d] += more + third * f[m - 1, d - 2]
                    c[m, d] += x * low + second * lower + third * lowest
        else:
            fill_terms(terms, x, depth)
            for m in range(n - 1, 0, -1):
                for d in range(2, depth + 3):
                    more_c, more_f = 0.0, x * c[m, d]
                    for s in range(d - 1):
                        more_c += terms[s] * c[m - 1, d - s]
                        more_f += terms[s] * f[m - 1, d - s]
                    c[m, d] += more_c
                    f[m, d] += more_f
        f[0, 2] += x
    for j in range(t.size):
        z = t[j] * rate
        scale = math.exp(-mass * t[j])
        for m in range(n):
            sum_c, sum_f = 0.0, 0.0
            for d in range(depth + 2, 1, -1):
                sum_c = sum_c * z + c[m, d]
                sum_f = sum_f * z + f[m, d]
            c_atom[m, j] = scale * sum_c
            f_atom[m, j] = scale * rate * sum_f
            scale *= z


@compiled(fast=True)
def within_powers(
    tokens: Array,
    q: Array,
    mass: float,
    t: Array,
    weights: Array,
    rate: float,
    depth: int,
    few: float,
    c: Array,
    f: Array,
    y: Array,
) -> None:
    """Write y of an atom's tokens from the states before it, (n, J); O(n D²) a token and O(n D J)."""
    n = c.shape[0]
    # Two zeros lie behind the moments, for the same reason.
    c_sums, f_sums = np.zeros((n, depth + 3)), np.zeros((n, depth + 3))
    terms = np.empty(depth + 1)
    for j in range(t.size):
        z, scale = t[j] * rate, weights[j] * math.exp(-mass * t[j])
        for m in range(n - 1, -1, -1):
            power = scale
            for d in range(depth + 1):
                c_sums[m, d] += rate * power * c[m, j]
                f_sums[m, d] += power * f[m, j]
                power *= z
            scale *= z
    for i in tokens:
        x = q[i] / rate
        if x == 0.0:
            continue
        if x <= few:
            second, third = x * x / 2, x * x * x / 6
            total = x * c_sums[n - 1, 0]
            if n > 1:
                total += x * f_sums[n - 2, 0] + second * f_sums[n - 2, 1] + third * f_sums[n - 2, 2]
                more = x * c_sums[n - 2, 0] + second * c_sums[n - 2, 1] + third * c_sums[n - 2, 2]
                c_sums[n - 1, 0] += more
            for m in range(n - 2, 0, -1):
                for d in range(depth + 1):
                    low, lower, lowest = c_sums[m - 1, d], c_sums[m - 1, d + 1], c_sums[m - 1, d + 2]
                    more = x * c_sums[m, d] + x * f_sums[m - 1, d] + second * f_sums[m - 1, d + 1]
                    f_sums[m, d] += more + third * f_sums[m - 1, d + 2]
                    c_sums[m, d] += x * low + second * lower + third * lowest
        else:
            fill_terms(terms, x, depth)
            total = x * c_sums[n - 1, 0]
            if n > 1:
                more = 0.0
                for s in range(depth + 1):
                    total += terms[s] * f_sums[n - 2, s]
                    more += terms[s] * c_sums[n - 2, s]
                c_sums[n - 1, 0] += more
            for m in range(n - 2, 0, -1):
                for d in range(depth + 1):
                    more_c, more_f = 0.0, x * c_sums[m, d]
                    for s in range(depth + 1 - d):
                        more_c += terms[s] * c_sums[m - 1, d + s]
                        more_f += terms[s] * f_sums[m - 1, d + s]
                    c_sums[m, d] += more_c
                    f_sums[m, d] += more_f
        y[i] = total
        if n > 1:
            for d in range(depth + 1):
                f_sums[0, d] += x * c_sums[0, d]

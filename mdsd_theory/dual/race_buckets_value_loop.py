"""1 − Q(H) from the moment sums of H, compiled."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from mdsd_theory.compiled import compiled

Array = np.ndarray[Any, Any]


class Race(NamedTuple):
    """What 1 − Q(H) needs beside the sums over H.

    Attributes
    ----------
    n : int
    heavier : float
        Tokens with larger q are heavy. 1 for n = 2, where none is set apart.
    times, weights : array, shape (J,)
        Nodes t_j, and h·t_j.
    left : array, shape (terms,)
        h / ((e^{h(r+1)} − 1) r!), the series of the left end.
    moments : array, shape (n − 1, R, J)
        c_{k,r} (``heavier``·t_j)^r.
    heavy : array of int, shape (Z,)
        Bits of the ratios of the heavy tokens, ascending.
    at_most : array, shape (Z + 1, n, J)
        P(at most a of the first z heavy tokens have arrived by t_j), indexed by z, a, j.
    """

    n: int
    heavier: float
    times: Array
    weights: Array
    left: Array
    moments: Array
    heavy: Array
    at_most: Array


def left_series(step: float, first: float) -> Array:
    """Return ``left`` for nodes first·e^{jh}, down to terms below 1e-18 as b·first ≤ first."""
    terms = next(r for r in range(1, 99) if first ** (r + 1) / math.factorial(r) < 1e-18)
    return np.array([step / math.expm1(step * (r + 1)) / math.factorial(r) for r in range(terms)])


@compiled(fast=True)
def heavy_arrivals(q: Array, times: Array, n: int) -> Array:
    """Return ``at_most`` for heavy tokens of probabilities q, in the order of their ratios."""
    arrived = np.zeros((n, times.size))
    arrived[0] = 1.0
    at_most = np.ones((q.size + 1, n, times.size))
    arrive = np.empty(times.size)
    for z in range(q.size):
        for j in range(times.size):
            arrive[j] = -math.expm1(-q[z] * times[j])
        for m in range(n - 1, 0, -1):
            for j in range(times.size):
                arrived[m, j] += (arrived[m - 1, j] - arrived[m, j]) * arrive[j]
        for j in range(times.size):
            arrived[0, j] -= arrived[0, j] * arrive[j]
            at_most[z + 1, 0, j] = arrived[0, j]
        for m in range(1, n):
            for j in range(times.size):
                at_most[z + 1, m, j] = at_most[z + 1, m - 1, j] + arrived[m, j]
    return at_most


@compiled(fast=True)
def avoids(race: Race, threshold: int, outside: float, sums: Array) -> float:
    """Return 1 − Q(H), H the tokens whose ratio's bits lie below ``threshold``.

    Parameters
    ----------
    outside : float
        b = q(Σ∖H).
    sums : array, shape (R,)
        Power sums of q/``heavier`` over the light tokens of H; for n = 2 of q and of q/(1 − q).
    """
    n, nodes = race.n, race.times.size
    passed = np.searchsorted(race.heavy, threshold)
    if passed == 0 and sums[0] == 0.0:
        return 1.0
    if n == 2:
        return float(outside * (1.0 + sums[1]))
    powers = np.zeros((n - 1, nodes))
    for k in range(n - 1):
        for r in range(k, sums.size):
            for j in range(nodes):
                powers[k, j] += race.moments[k, r, j] * sums[r]
    e = np.zeros((n, nodes))
    rate = outside + race.heavier * sums[0]
    for j in range(nodes):
        e[0, j] = race.weights[j] * math.exp(-rate * race.times[j])
    for m in range(1, n):
        for k in range(m):
            sign = (-1.0 if k % 2 else 1.0) / m
            for j in range(nodes):
                e[m, j] += sign * powers[k, j] * e[m - 1 - k, j]
    total = 0.0
    for m in range(n):
        for j in range(nodes):
            total += e[m, j] * race.at_most[passed, n - 1 - m, j]
    scaled, left = outside * race.times[0], 0.0
    for r in range(race.left.size - 1, -1, -1):
        left = race.left[r] - scaled * left
    return float(scaled * left + outside * total)

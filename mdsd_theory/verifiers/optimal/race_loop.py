r"""The race along an order, compiled: which draft is the highest ranked of those drawn.

Tokens are inserted in the order, lowest rank first. At each node t of the race, A the tokens so far,

    c_m = P(N_A(t) = m),   f_m = Σ_{i∈A} q_i e^{−q_i t} P(N_{A∖i}(t) = m),

N counting arrivals, f_m dt the chance that the (m+1)-th arrival comes within dt. The next atom B holds
the highest ranked draft if the n-th arrival is in A ∪ B, some arrival is in B, and nothing else came:

    y_B = ∫ e^{−q(rest) t} ( Σ_m c_m f^B_{n−1−m} + Σ_{m<n−1} f_m c^B_{n−1−m} ) dt .

All terms are positive: nothing cancels. Times e^{q(A) t} the same states follow odds o = e^{qt} − 1,

    c_m ← c_m + o c_{m−1},   f_m ← f_m + o f_{m−1} + q c_m,

which for light tokens are a short series: no exponential for each of their V·J terms.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.verifiers.optimal.order_series_loop import depth_of, polynomials_of, within_powers

Array = np.ndarray[Any, Any]

LARGEST_EXPONENT = 100.0
"""Atoms with q(B) t below this at every node are followed by odds: e^{q(B) t} stays finite."""


@compiled()
def mass_after(order: Array, q: Array) -> Array:
    """Return the mass of what comes after each place of an order, summed from the end."""
    rest = np.zeros(order.size)
    for k in range(order.size - 2, -1, -1):
        rest[k] = rest[k + 1] + q[order[k + 1]]
    return rest


@compiled()
def none_after(order: Array, c_atom: Array) -> Array:
    """Return e^{−q(rest) t} after each place of an order, shape (M, J): products of the atoms' own."""
    none = np.ones((order.size, c_atom.shape[2]))
    for k in range(order.size - 2, -1, -1):
        after = c_atom[order[k + 1], 0]
        for j in range(after.size):
            none[k, j] = none[k + 1, j] * after[j]
    return none


@compiled(fast=True)
def insert(c: Array, f: Array, x: float, t: Array) -> None:
    """Let the token of mass x join A: c and f, shape (n, J), are overwritten."""
    n, nodes = c.shape
    for j in range(nodes):
        a = -math.expm1(-x * t[j])
        stay = 1.0 - a
        flux = x * stay
        for m in range(n - 1, 0, -1):
            f[m, j] = f[m, j] * stay + f[m - 1, j] * a + flux * c[m, j]
            c[m, j] = c[m, j] * stay + c[m - 1, j] * a
        f[0, j] = f[0, j] * stay + flux * c[0, j]
        c[0, j] *= stay


@compiled(fast=True)
def fill_odds(odds: Array, x: float, t: Array) -> None:
    """Overwrite odds, shape (J,), by e^{xt} − 1; by its series, right to rounding, where x t < 1/10."""
    last = x * t[t.size - 1]
    if last < 1e-3:
        for j in range(t.size):
            y = x * t[j]
            odds[j] = y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4 * (1 + y / 5))))
    elif last < 0.1:
        for j in range(t.size):
            y = x * t[j]
            tail = 1 + y / 6 * (1 + y / 7 * (1 + y / 8 * (1 + y / 9 * (1 + y / 10))))
            odds[j] = y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4 * (1 + y / 5 * tail))))
    else:
        for j in range(t.size):
            odds[j] = math.expm1(x * t[j])


@compiled(fast=True)
def insert_odds(c: Array, f: Array, x: float, odds: Array) -> None:
    """Let the token of mass x join A, where c and f are kept times e^{q(A) t}."""
    n, nodes = c.shape
    for m in range(n - 1, 0, -1):
        for j in range(nodes):
            f[m, j] += odds[j] * f[m - 1, j] + x * c[m, j]
            c[m, j] += odds[j] * c[m - 1, j]
    for j in range(nodes):
        f[0, j] += x * c[0, j]


@compiled()
def mass_of(tokens: Array, q: Array) -> float:
    """Return the mass of some tokens."""
    total = 0.0
    for i in tokens:
        total += q[i]
    return total


@compiled(fast=True)
def atom_polynomials(
    start: Array, tokens: Array, q: Array, t: Array, n: int, rate: float, heaviest: Array
) -> tuple[Array, Array]:
    """Return c^B and f^B of every atom, each of shape (M, n, J); O(V n J), less for light tokens.

    ``rate`` is r, and ``heaviest`` says which atoms are cut at which power of t, as a part of r
    (:mod:`.order_series`).
    """
    atoms = start.size - 1
    c = np.zeros((atoms, n, t.size))
    f = np.zeros((atoms, n, t.size))
    odds = np.empty(t.size)
    for b in range(atoms):
        inside = tokens[start[b] : start[b + 1]]
        mass = mass_of(inside, q)
        light = mass * t[t.size - 1] < LARGEST_EXPONENT
        depth = depth_of(inside, q, rate, heaviest)
        if light and depth >= 0:
            polynomials_of(inside, q, mass, t, rate, depth, heaviest[2], c[b], f[b])
            continue
        c[b, 0, :] = 1.0
        for i in inside:
            if q[i] > 0 and light:
                fill_odds(odds, q[i], t)
                insert_odds(c[b], f[b], q[i], odds)
            elif q[i] > 0:
                insert(c[b], f[b], q[i], t)
        if light:
            for j in range(t.size):
                none = math.exp(-mass * t[j])
                c[b, :, j] *= none
                f[b, :, j] *= none
    return c, f


@compiled(fast=True)
def walk(
    order: Array,
    c_atom: Array,
    f_atom: Array,
    q: Array,
    weights: Array,
    share: float,
    c_mean: Array,
    f_mean: Array,
) -> Array:
    """Return y of the atoms for one order; cost O(M n² J).

    If ``share`` is positive, the states before each atom, times e^{−q(rest) t} and ``share``, are added
    to ``c_mean`` and ``f_mean``, shape (M, n, J).
    """
    atoms, n, nodes = c_atom.shape
    y = np.zeros(atoms)
    c, f = np.zeros((n, nodes)), np.zeros((n, nodes))
    c[0, :] = 1.0
    more = np.empty(nodes)
    alone = none_after(order, c_atom)
    for k in range(atoms):
        b = order[k]
        if q[b] == 0.0:
            continue
        c_new, f_new = c_atom[b], f_atom[b]
        if share > 0.0:
            for m in range(n):
                for j in range(nodes):
                    c_mean[b, m, j] += share * alone[k, j] * c[m, j]
                    f_mean[b, m, j] += share * alone[k, j] * f[m, j]
        for m in range(n - 1, -1, -1):
            for j in range(nodes):
                more[j] = c[m, j] * f_new[0, j]
            for low in range(m):
                for j in range(nodes):
                    more[j] += c[low, j] * f_new[m - low, j] + f[low, j] * c_new[m - low, j]
            if m == n - 1:
                for j in range(nodes):
                    y[b] += weights[j] * alone[k, j] * more[j]
            for j in range(nodes):
                f[m, j] = f[m, j] * c_new[0, j] + more[j]
                c[m, j] *= c_new[0, j]
            for low in range(m):
                for j in range(nodes):
                    c[m, j] += c[low, j] * c_new[m - low, j]
    return y


@compiled(fast=True)
def within_atoms(
    start: Array,
    tokens: Array,
    q: Array,
    t: Array,
    weights: Array,
    c_mean: Array,
    f_mean: Array,
    rate: float,
    heaviest: Array,
) -> Array:
    """Return y of the tokens from the mean states before their atoms; cost as :func:`atom_polynomials`.

    y is linear in the state, so that one pass serves a mixture of any number of orders. The states are
    overwritten.
    """
    y = np.zeros(q.size)
    for b in range(start.size - 1):
        inside = tokens[start[b] : start[b + 1]]
        mass = mass_of(inside, q)
        light = mass * t[t.size - 1] < LARGEST_EXPONENT
        depth = depth_of(inside, q, rate, heaviest)
        if light and depth >= 0:
            within_powers(inside, q, mass, t, weights, rate, depth, heaviest[2], c_mean[b], f_mean[b], y)
        elif light:
            within_light(inside, mass, q, t, weights, c_mean[b], f_mean[b], y)
        else:
            within_heavy(inside, q, t, weights, c_mean[b], f_mean[b], y)
    return y


@compiled(fast=True)
def within_light(
    tokens: Array, mass: float, q: Array, t: Array, weights: Array, c: Array, f: Array, y: Array
) -> None:
    """Write y of an atom's tokens, with the states times e^{−q(rest) t}, rest from the token on.

    In these a token of mass x has the odds o = e^{xt} − 1 to have come,
    y = ∫ x c_{n−1} + o f_{n−2}, and no other exponential is met.
    """
    n, nodes = c.shape
    odds = np.empty(nodes)
    for j in range(nodes):
        none = math.exp(-mass * t[j])
        c[:, j] *= none
        f[:, j] *= none
    for i in tokens:
        x = q[i]
        if x == 0.0:
            continue
        fill_odds(odds, x, t)
        total = 0.0
        for j in range(nodes):
            total += weights[j] * x * c[n - 1, j]
        if n > 1:
            for j in range(nodes):
                total += weights[j] * odds[j] * f[n - 2, j]
        y[i] = total
        insert_odds(c, f, x, odds)


@compiled(fast=True)
def within_heavy(tokens: Array, q: Array, t: Array, weights: Array, c: Array, f: Array, y: Array) -> None:
    """Write the same where e^{q(B) t} is too large to multiply by: each token's own exponentials."""
    n = c.shape[0]
    rest = mass_after(tokens, q)
    for k in range(rest.size):
        x = q[tokens[k]]
        if x == 0.0:
            continue
        total = 0.0
        for j in range(t.size):
            a = -math.expm1(-x * t[j])
            top = x * (1.0 - a) * c[n - 1, j]
            if n > 1:
                top += a * f[n - 2, j]
            total += weights[j] * math.exp(-rest[k] * t[j]) * top
        y[tokens[k]] = total
        insert(c, f, x, t)

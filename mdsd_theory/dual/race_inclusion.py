r"""Chances P(i ∈ S) that a token is drafted without replacement, summed over tokens with weights.

A token is drafted unless all drafts lie in H = Σ∖{i}, so P(i ∈ S) = 1 − Q(Σ∖{i}): the race integral
of :mod:`mdsd_theory.dual.race_nodes` with one token left out of the product. Instead of dividing a
token out again, which cancels, a product A = Π (1 + o_j x) is carried together with its *marked* sum

.. math:: B = \sum_i m_i \prod_{j \ne i} (1 + o_j x), \qquad
          (A, B)\,(A', B') = (A A',\; A B' + A' B),

the product rule of differentiation: sums and products of non-negative numbers only.
"""

from __future__ import annotations

from dataclasses import replace

from mdsd_theory.arrays import Array, Backend, count_below, gather, quiet, top_indices
from mdsd_theory.dual.heavy_tokens import HeavyTokens, mass_without, split_heavy, state_weights
from mdsd_theory.dual.race_nodes import Nodes, left_end, race_nodes
from mdsd_theory.dual.race_search import TYPICAL_NODES
from mdsd_theory.dual.race_tail import LARGEST_N, SMALL, PowerSums, power_sums, tail_products
from mdsd_theory.dual.truncated import Polynomial, multiply

TYPICAL_LEAD = 400
"""Tokens of q·t above :data:`~mdsd_theory.dual.race_tail.SMALL` that memory is set aside for."""

DEVICE_BLOCKS = 4
"""Blocks at once on an accelerator: with one, starting the 750 kernels took longer than their work."""


def weighted_inclusion(
    backend: Backend, weights: Array, q: Array, n: int, power_sums: PowerSums = power_sums
) -> Array:
    r"""Return Σ_i u_i P(i ∈ S) for n successive drafts without replacement.

    .. math:: P(i \in S) = q_i \int_0^\infty e^{-t} \sum_{m<n} e_m(\{e^{q_j t} - 1\}_{j \ne i})\, dt

    At n = 2 the integral is closed: q_i (1 + Σ_{j≠i} q_j / (1 − q_j)).

    Parameters
    ----------
    backend : Backend
    weights : array, shape (rows, V)
        u, non-negative. With u = p the naive verifier's acceptance, with u = 1 the number of drafts,
        n, with a unit vector P(i ∈ S) itself.
    q : array, shape (rows, V)
        Draft distributions in the work dtype with at least n tokens of positive probability.
    n : int
        Number of drafts.
    power_sums : callable
        A faster one where the arrays are.

    Returns
    -------
    array, shape (rows,)

    Notes
    -----
    Cost O(V) for n ≤ 2, and for n ≤ 8 some 20 passes over q and O(n² K J), K < 400 tokens that arrive in
    time by more than a quarter and J ≈ 50 nodes, more for peaked q; else, and for small V, O(n² V J). The
    quadrature's relative error is below :data:`~mdsd_theory.dual.race_nodes.QUADRATURE_ERROR`. New here.
    """
    xp = backend.xp
    if n == 1:
        return xp.sum(weights * q, axis=-1)
    if n == 2:
        return _two_drafts(backend, weights, q)
    vocabulary = q.shape[-1]
    work = vocabulary + TYPICAL_NODES * (min(vocabulary, TYPICAL_LEAD) if n <= LARGEST_N else vocabulary)
    blocks = 1 if str(backend.device) == "cpu" else DEVICE_BLOCKS
    size = max(1, blocks * backend.block_elements // work)
    chunks = [slice(start, start + size) for start in range(0, q.shape[0], size)]
    return xp.concat([_race(backend, weights[c, :], q[c, :], n, power_sums) for c in chunks], axis=0)


def _two_drafts(backend: Backend, weights: Array, q: Array) -> Array:
    """Sum with 1 − q_top as the sum of the others, and the top token's odds kept apart."""
    xp = backend.xp
    at_top = backend.arange(q.shape[-1])[None, :] == top_indices(backend, q, 1)
    light = xp.where(at_top, 0.0, q)
    odds = light / (1 - light)
    rest = xp.sum(odds, axis=-1, keepdims=True)
    top = xp.sum(xp.where(at_top, q, 0.0), axis=-1, keepdims=True)
    with quiet():
        top_odds = top / xp.sum(light, axis=-1, keepdims=True)
    second = xp.where(at_top, rest, (rest - odds) + top_odds)
    return xp.sum(weights * q * (1 + second), axis=-1)


def _race(backend: Backend, weights: Array, q: Array, n: int, power_sums: PowerSums) -> Array:
    """Return the integral for one chunk of rows."""
    xp = backend.xp
    top = top_indices(backend, q, n - 1)
    nodes = race_nodes(backend, mass_without(backend, q, top), n)
    heavy = split_heavy(backend, q, top, float(xp.max(nodes.times[:, -1])))
    product, marked = _all_products(backend, weights * heavy.light, heavy.light, nodes, n, power_sums)
    total = xp.sum(weights * left_end(backend, nodes, q), axis=-1)
    total = total + _integral(marked, state_weights(backend, heavy, nodes, n)[..., -1])
    place = xp.sort(top[:, : heavy.q.shape[-1]], axis=-1)
    return total + _heavy_inclusion(backend, gather(xp, weights, place), heavy, product, nodes, n)


def _heavy_inclusion(
    backend: Backend, weights: Array, heavy: HeavyTokens, product: Polynomial, nodes: Nodes, n: int
) -> Array:
    """Return the weighted chances of the heavy tokens, each raced against all others."""
    xp = backend.xp
    total = xp.sum(backend.zeros(tuple(weights.shape)), axis=-1)
    one = xp.ones_like(nodes.times)
    for i in range(heavy.q.shape[-1]):
        others = replace(heavy, q=xp.concat([heavy.q[:, :i], heavy.q[:, i + 1 :]], axis=-1))
        still_out = heavy.q[:, i : i + 1] * xp.exp(-heavy.q[:, i : i + 1] * nodes.times)
        states = state_weights(backend, others, nodes, n)[..., -1]
        total = total + weights[:, i] * _integral([one, *product], states * still_out)
    return total


def _integral(coefficients: Polynomial, weights: Array) -> Array:
    """Return Σ_m Σ_j c_m·Ω_m for coefficients of shape (rows, J) and weights (n, rows, J)."""
    return sum((c * weights[m, ...]).sum(-1) for m, c in enumerate(coefficients))


def _all_products(
    backend: Backend, marks: Array, q: Array, nodes: Nodes, n: int, power_sums: PowerSums
) -> tuple[Polynomial, Polynomial]:
    """Return what :func:`_light_products` does, the many tokens of small q·t by their moments."""
    xp, last = backend.xp, q.shape[-1] - 1
    lead = q * nodes.times[:, -1:] > SMALL
    found = xp.cumulative_sum(xp.astype(lead, xp.int64), axis=-1)
    most = int(xp.max(found[:, -1]))
    if n > LARGEST_N or 2 * most > last:
        return _light_products(backend, marks, q, nodes, n)
    number = xp.broadcast_to(backend.arange(most)[None, :], (q.shape[0], most))
    place = xp.clip(count_below(backend, found, number), None, last)
    there = number < found[:, -1:]
    some_q, some_marks = (xp.where(there, gather(xp, x, place), 0.0) for x in (q, marks))
    a, b = _light_products(backend, some_marks, some_q, nodes, n)
    tail_marks, tail_q = (xp.where(lead, 0.0, x) for x in (marks, q))
    c, d = tail_products(backend, tail_marks, tail_q, nodes, n, power_sums)
    return multiply(a, c, n), _add(_times(a, d, n), _times(c, b, n))


def _light_products(
    backend: Backend, marks: Array, q: Array, nodes: Nodes, n: int
) -> tuple[Polynomial, Polynomial]:
    """Return e_1 … e_{n−1} of all light tokens, and b_0 … b_{n−1} of their marked sum."""
    xp = backend.xp
    rows, vocabulary = q.shape
    room = backend.block_elements // (rows * nodes.times.shape[-1])
    size = 2 ** max(0, min(room, vocabulary).bit_length() - 1)
    padding = backend.zeros((rows, -vocabulary % size))
    q, marks = xp.concat([q, padding], axis=-1), xp.concat([marks, padding], axis=-1)
    times = nodes.times[:, None, :]
    zero = xp.zeros_like(nodes.times)
    a, b = [zero] * (n - 1), [zero] * n
    for start in range(0, q.shape[-1], size):
        part = slice(start, start + size)
        odds = backend.expm1_in_place(q[:, part, None] * times)
        c, d = _block(odds, marks[:, part, None], n)
        c, d = c + [zero] * (n - 1 - len(c)), d + [zero] * (n - len(d))
        a, b = multiply(a, c, n), _add(_times(a, d, n), _times(c, b, n))
    return a, b


def _block(odds: Array, marks: Array, n: int) -> tuple[Polynomial, Polynomial]:
    """Return product and marked sum over axis 1 by a tree of pairwise products."""
    a, b = [odds], [marks]
    half = odds.shape[1] // 2
    while half:
        left, right = [c[:, :half, :] for c in a], [c[:, half:, :] for c in a]
        b = _add(
            _times(left, [c[:, half:, :] for c in b], n),
            _times(right, [c[:, :half, :] for c in b], n),
        )
        a = multiply(left, right, n)
        half //= 2
    return [c[:, 0, :] for c in a], [c[:, 0, :] for c in b]


def _times(a: Polynomial, b: Polynomial, n: int) -> Polynomial:
    """Return (1 + e_1 x + …)(b_0 + b_1 x + …) without the powers n and above."""
    product = []
    for m in range(min(len(a) + len(b), n)):
        terms = [a[k - 1] * b[m - k] for k in range(max(1, m - len(b) + 1), min(m, len(a)) + 1)]
        product.append(sum(terms, start=b[m]) if m < len(b) else sum(terms[1:], start=terms[0]))
    return product


def _add(a: Polynomial, b: Polynomial) -> Polynomial:
    return [x + y for x, y in zip(a, b, strict=True)]

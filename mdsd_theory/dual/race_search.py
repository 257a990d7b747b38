"""Find the best prefix without evaluating them all: block ends first, then the blocks that can win.

Along the prefixes, P is convex in s = q(H) and so is Q (q-convexity). Between two prefixes H_a, H_b,
with slopes ρ_a of P after H_a and ρ_b before H_b,

    f ≥ f_a + (ρ_a − c)(s − s_a)   and   f ≥ f_b − (ρ_b − c)(s_b − s),   c the chord slope of Q,

so a block whose two lines cross above the best value found cannot hold the minimum (theorem 6.e).
"""

from __future__ import annotations

from dataclasses import dataclass

from mdsd_theory.arrays import Array, Backend, gather, quiet, top_indices, unit_interval
from mdsd_theory.dual.heavy_tokens import (
    HeavyTokens,
    mass_without,
    split_heavy,
    state_weights,
    weigh,
)
from mdsd_theory.dual.race_nodes import Nodes, left_end, race_nodes
from mdsd_theory.dual.ratio_order import RatioOrder
from mdsd_theory.dual.truncated import Polynomial, block_products, running_products

GROUP = 32
"""Tokens a block: what one evaluation of Q stands for at first."""

TYPICAL_NODES = 64
"""Nodes assumed when rows are put together."""


def lowest_prefix(backend: Backend, ranked: RatioOrder, outside: Array, n: int) -> tuple[Array, Array]:
    """Return the length (rows,) and value (rows,) of the prefix that minimises P + 1 − Q.

    Parameters
    ----------
    ranked : RatioOrder
    outside : array, shape (rows, V)
        b_k = q(Σ∖H_k) for k = 1 … V.
    n : int
        Number of drafts, at least 2.
    """
    xp = backend.xp
    found = [
        _lowest_of_chunk(_Race.prepare(backend, ranked.rows(chunk), outside[chunk, :], n))
        for chunk in _row_chunks(backend, *outside.shape)
    ]
    lengths, values = zip(*found, strict=True)
    return xp.concat(lengths, axis=0), xp.concat(values, axis=0)


def _row_chunks(backend: Backend, rows: int, vocabulary: int) -> list[slice]:
    """Return slices of rows that fill a block together; one row each for a large vocabulary."""
    size = max(1, backend.block_elements // (TYPICAL_NODES * vocabulary))
    return [slice(start, start + size) for start in range(0, rows, size)]


@dataclass(frozen=True)
class _Race:
    """One chunk of rows, padded to whole blocks, with its nodes and weights.

    ``target`` and ``outside`` are P(H_k) and q(Σ∖H_k) for k = 0 … K; ``slopes`` the ratios of the first
    and of the last token of each block.
    """

    backend: Backend
    n: int
    q: Array
    slopes: tuple[Array, Array]
    target: Array
    outside: Array
    nodes: Nodes
    heavy: HeavyTokens
    weights: Array

    @classmethod
    def prepare(cls, backend: Backend, ranked: RatioOrder, outside: Array, n: int) -> _Race:
        xp = backend.xp
        rows, vocabulary = ranked.q.shape
        pad = -vocabulary % GROUP
        empty = backend.zeros((rows, pad))
        q = xp.concat([ranked.q, empty], axis=-1)
        ratio = xp.concat([ranked.ratio, empty + xp.inf], axis=-1)
        slopes = ratio[:, ::GROUP], ratio[:, GROUP - 1 :: GROUP]
        zero = backend.zeros((rows, 1))
        last = ranked.target[:, -1:]
        target = xp.concat([zero, ranked.target, empty + last], axis=-1)
        tail = xp.concat([zero + 1.0, outside, empty], axis=-1)
        top = top_indices(backend, q, n - 1)
        nodes = race_nodes(backend, mass_without(backend, q, top), n)
        heavy = split_heavy(backend, q, top, float(xp.max(nodes.times[:, -1])))
        weights = state_weights(backend, heavy, nodes, n)
        return cls(backend, n, q, slopes, target, tail, nodes, heavy, weights)

    def odds(self, q: Array) -> Array:
        """Return e^{q t} − 1 at every node; shape (rows, …, J) for q of shape (rows, …)."""
        times = self.nodes.times
        for _ in range(q.ndim - 1):
            times = times[:, None, ...]
        return self.backend.expm1_in_place(q[..., None] * times)

    def values(self, products: Polynomial, k: Array) -> Array:
        """Return P + 1 − Q at the prefixes of length ``k`` (rows, K), given their products."""
        xp = self.backend.xp
        passed = None if self.heavy.passed is None else gather(xp, self.heavy.passed, k)
        b = gather(xp, self.outside, k)
        inner = weigh(self.backend, products, self.weights, passed)
        return gather(xp, self.target, k) + left_end(self.backend, self.nodes, b) + b * inner


def _lowest_of_chunk(race: _Race) -> tuple[Array, Array]:
    xp, rows = race.backend.xp, race.q.shape[0]
    ends = race.backend.arange(race.q.shape[1] // GROUP + 1) * GROUP
    ends = xp.broadcast_to(ends[None, :], (rows, ends.shape[0]))
    products = _products_at_ends(race)
    at_ends = race.values(products, ends)
    first = xp.argmin(at_ends, axis=-1)
    best = xp.min(at_ends, axis=-1)
    length = gather(xp, ends, first[:, None])[:, 0]
    bound = _block_bounds(race, at_ends, ends)
    candidates = int(xp.max(xp.sum(xp.astype(bound < best[:, None], xp.int64), axis=-1)))
    order = xp.argsort(bound, axis=-1)[:, :candidates]
    for column in range(candidates):
        length, best = _refine(race, products, order[:, column], length, best)
    return length, best


def _products_at_ends(race: _Race) -> Polynomial:
    """Return the products over the light tokens of H_0, H_32, H_64, …"""
    xp, n = race.backend.xp, race.n
    rows, blocks = race.q.shape[0], race.q.shape[1] // GROUP
    by_place = xp.permute_dims(xp.reshape(race.heavy.light, (rows, blocks, GROUP)), (0, 2, 1))
    # Through one dimension, so that memory follows the new axes and halves of a block lie apart.
    by_place = xp.reshape(xp.reshape(by_place, (-1,)), (rows, GROUP, blocks))
    size = max(1, race.backend.block_elements // (rows * race.nodes.times.shape[-1] * GROUP))
    parts = [
        block_products(race.odds(by_place[:, :, start : start + size]), n)
        for start in range(0, blocks, size)
    ]
    factors = [xp.concat(list(part), axis=1) for part in zip(*parts, strict=True)]
    one = [race.backend.zeros((rows, 1, race.nodes.times.shape[-1]))] * (n - 1)
    return running_products(race.backend, factors, one, n)


def _block_bounds(race: _Race, at_ends: Array, ends: Array) -> Array:
    """Return a lower bound on P + 1 − Q over the inside of each block; shape (rows, blocks)."""
    xp = race.backend.xp
    left, right = at_ends[:, :-1], at_ends[:, 1:]
    width = xp.sum(xp.reshape(race.q, (race.q.shape[0], -1, GROUP)), axis=-1)
    chord = gather(xp, race.target, ends[:, 1:]) - gather(xp, race.target, ends[:, :-1])
    chord = chord - (right - left)
    with quiet():
        falls = chord - race.slopes[0] * width
        rises = race.slopes[1] * width - chord
        share = (left - right + rises) / (falls + rises)
        share = xp.where(xp.isfinite(share), unit_interval(xp, share), 1.0)
        crossing = left - xp.where(falls > 0, falls, 0.0) * share
    return xp.minimum(crossing, xp.minimum(left, right))


def _refine(
    race: _Race, products: Polynomial, block: Array, length: Array, best: Array
) -> tuple[Array, Array]:
    """Evaluate every prefix that ends inside one block a row, and keep the better one."""
    xp, backend = race.backend.xp, race.backend
    tokens = block[:, None] * GROUP + backend.arange(GROUP)[None, :]
    row = backend.arange(block.shape[0])
    start = [c[row, block, :][:, None, :] for c in products]
    odds = race.odds(gather(xp, race.heavy.light, tokens))
    inside = [c[:, 1:, :] for c in running_products(backend, [odds], start, race.n)]
    values = race.values(inside, tokens + 1)
    here = xp.argmin(values, axis=-1)
    value = values[row, here]
    better = value < best
    return xp.where(better, tokens[row, here] + 1, length), xp.where(better, value, best)


__all__ = ["GROUP", "lowest_prefix"]

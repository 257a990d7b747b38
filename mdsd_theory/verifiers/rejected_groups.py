"""Tokens in groups of nearly equal q: what the enclosure of recursive rejection sums over."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mdsd_theory.arrays import Array, Backend, count_below, gather

RANKED = 1024
"""Largest tokens that are sorted; the groups of the others have edges in powers of two."""

TAIL = 12
"""Groups of the other tokens; the last one goes down to zero."""

STEPS = 12
"""Iterations for the share of a run, from above: stopped early, the runs are wider and fewer."""


@dataclass(frozen=True)
class Groups:
    """The tokens by q descending in G groups; the two largest stand alone.

    Attributes
    ----------
    top : array of int, shape (rows, 2)
        The two largest tokens.
    largest, smallest : array, shape (rows, G)
        Bounds of q in each group, descending along the groups: smallest of one ≥ largest of the next.
    alone : array of bool, shape (rows, G)
        Where the group is known to be one token.
    without_one, without_two : array, shape (rows,)
        The mass of q outside its largest token, and outside its two largest.
    """

    backend: Backend
    top: Array
    largest: Array
    smallest: Array
    alone: Array
    without_one: Array
    without_two: Array

    @classmethod
    def of(cls, backend: Backend, p: Array, q: Array, excess: Array, count: int) -> Groups:
        """Group the tokens of each row (V ≥ 3); ``excess`` is 1 − F(1), of shape (rows, 1).

        At most ``count`` ≥ 4 groups of ranked tokens, and beyond ``RANKED`` tokens ``TAIL`` others.
        """
        xp, vocabulary = backend.xp, q.shape[-1]
        rank = largest_tokens(backend, q, min(RANKED, vocabulary))
        target, draft = gather(xp, p, rank), gather(xp, q, rank)
        law = _normalised(backend, xp.clip(draft - target, 0.0, None))
        more = xp.clip(target - draft, 0.0, None)
        law = law + _normalised(backend, xp.clip(excess * draft - more, 0.0, None))
        run = _cut(backend, draft, law, count)
        numbers = backend.arange(min(count, vocabulary))[None, :]
        numbers = xp.broadcast_to(numbers, (q.shape[0], numbers.shape[-1]))
        ends = count_below(backend, run, numbers)
        starts = xp.concat([xp.zeros_like(ends[:, :1]), ends[:, :-1]], axis=-1)
        last = rank.shape[-1] - 1
        smallest = gather(xp, draft, xp.clip(ends - 1, 0, None))
        largest = gather(xp, draft, xp.clip(starts, None, last))
        # Equal tokens share the first of their groups, but for the two largest.
        differ = smallest[:, :-1] > largest[:, 1:]
        yes = xp.ones_like(differ[:, :1])
        after, before = xp.concat([differ, yes], axis=-1), xp.concat([yes, differ], axis=-1)
        number = backend.arange(differ.shape[-1] + 1)[None, :]
        alone = (ends - starts == 1) & (after | (number < 2)) & (before | (number < 3))
        if rank.shape[-1] < vocabulary:
            # Tokens that equal the last ranked one are in its group.
            alone = alone & (ends <= last)
            edges = draft[:, -1:] * backend.array(0.5 ** np.arange(1.0, TAIL))[None, :]
            edges = xp.concat([draft[:, -1:], edges, xp.zeros_like(draft[:, :1])], axis=-1)
            smallest = xp.concat([smallest, edges[:, 1:]], axis=-1)
            largest = xp.concat([largest, edges[:, :-1]], axis=-1)
            alone = xp.concat([alone, xp.zeros_like(edges[:, 1:], dtype=xp.bool)], axis=-1)
        token = backend.arange(vocabulary)[None, :]
        heavy = (token == rank[:, :1]) | (token == rank[:, 1:2])
        without_two = xp.sum(xp.where(heavy, 0.0, q), axis=-1)
        without_one = without_two + draft[:, 1]
        return cls(backend, rank[:, :2], largest, smallest, alone, without_one, without_two)

    def left_by_one(self, mass: Array) -> Array:
        """Return 1 − mass without cancellation, for a token of each group of mass ``mass``."""
        xp = self.backend.xp
        return xp.concat([self.without_one[:, None], 1.0 - mass[:, 1:]], axis=-1)

    def left_by_two(self, mass: Array) -> Array:
        """Return what two different tokens leave of q, by their groups; shape (rows, G, G)."""
        xp = self.backend.xp
        number = self.backend.arange(mass.shape[-1])
        pair = number[:, None] + number[None, :]
        top = (number[:, None] == 0) | (number[None, :] == 0)
        light = xp.where(number[None, :] == 0, 0.0, mass)
        start = xp.where(top[None, :, :], self.without_one[:, None, None], 1.0)
        least = self.without_two[:, None, None]
        left = xp.maximum(start - light[:, :, None] - light[:, None, :], least)
        return xp.where((pair == 1)[None, :, :], least, left)


def largest_tokens(backend: Backend, q: Array, count: int) -> Array:
    """Return the ``count`` largest tokens of each row, by q descending; shape (rows, count)."""
    if backend.library == "torch":
        return q.topk(count, dim=-1).indices
    found = np.argpartition(-q, count - 1, axis=-1)[:, :count]
    order = np.argsort(-gather(np, q, found), axis=-1)
    return gather(np, found, order)


def _normalised(backend: Backend, weight: Array) -> Array:
    xp = backend.xp
    total = xp.sum(weight, axis=-1, keepdims=True)
    return weight / xp.where(total == 0, 1.0, total)


def _cut(backend: Backend, draft: Array, law: Array, count: int) -> Array:
    r"""Return the number of each ranked token's run, ascending; shape (rows, V).

    Runs of width h at density μ of the law cost Σ μ h², least where h ∝ μ^{−1/2}: where Σ √(law·gap)
    is the same in every run. A gap that costs more than a run's share separates two runs.
    """
    xp = backend.xp
    if draft.shape[-1] <= count:
        return xp.broadcast_to(backend.arange(draft.shape[-1])[None, :], tuple(draft.shape))
    cost = xp.sqrt((law[:, 1:] + law[:, :-1]) * (draft[:, :-1] - draft[:, 1:]))
    alone = backend.arange(cost.shape[-1])[None, :] < 2
    cost = xp.where(alone, math.inf, cost)
    share = 1.0 + xp.sum(cost[:, 2:], axis=-1, keepdims=True)
    least = float(xp.finfo(backend.work).smallest_normal)
    for _ in range(STEPS):
        used = xp.sum(xp.minimum(cost, share), axis=-1, keepdims=True)
        share = xp.clip(used / (count - 1), least, None)
    steps = xp.cumulative_sum(xp.clip(cost / share, None, 1.0), axis=-1)
    run = xp.astype(xp.floor(xp.concat([backend.zeros((draft.shape[0], 1)), steps], axis=-1)), xp.int64)
    return xp.clip(run, None, count - 1)

"""Tokens in groups of nearly equal q: what the enclosure of recursive rejection sums over."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mdsd_theory.arrays import Array, Backend, count_below, gather
from mdsd_theory.dual.ratio_order import suffix_sums
from mdsd_theory.verifiers.residual import Overlap, at_places

STEPS = 30
"""Iterations for the share of a run, from above: stopped early, the runs are wider and fewer."""


@dataclass(frozen=True)
class Groups:
    """The tokens by q descending, cut into at most G runs; the two largest stand alone.

    Attributes
    ----------
    largest, smallest : array, shape (rows, G)
        q at the ends of each run; zero where it is empty.
    size : array of int, shape (rows, G)
    first_law : array, shape (rows, G)
        Chance that the first rejected token is in the run.
    keys : array of int, shape (rows, V)
        (number of the run)·(V + 1) + place in the order of p/q, ascending.
    q_sums, cap_sums : array, shape (rows, V + 1)
        Σ q and Σ max(p, q) over all but the first k tokens by key: the runs after a heavy token keep
        their accuracy.
    starts : array of int, shape (rows, G)
        Tokens in earlier runs.
    without_one, without_two : array, shape (rows,)
        The mass of q outside its largest token, and outside its two largest.
    """

    backend: Backend
    overlap: Overlap
    largest: Array
    smallest: Array
    size: Array
    first_law: Array
    keys: Array
    q_sums: Array
    cap_sums: Array
    starts: Array
    without_one: Array
    without_two: Array

    @classmethod
    def of(cls, backend: Backend, p: Array, q: Array, count: int) -> Groups:
        """Group the tokens of each row (V ≥ 3) into at most ``count`` ≥ 4 runs."""
        xp, vocabulary = backend.xp, q.shape[-1]
        overlap = Overlap.of(backend, p, q)
        rank = xp.argsort(-q, axis=-1, stable=True)
        target, draft = gather(xp, p, rank), gather(xp, q, rank)
        law = _normalised(backend, xp.clip(draft - target, 0.0, None))
        group = _cut(backend, draft, law + _second_law(backend, target, draft), count)
        numbers = xp.broadcast_to(backend.arange(count)[None, :], (q.shape[0], count))
        ends = count_below(backend, group, numbers)
        starts = xp.concat([xp.zeros_like(ends[:, :1]), ends[:, :-1]], axis=-1)
        size = ends - starts
        last = vocabulary - 1
        first_sums = _from_zero(backend, law)
        run = gather(xp, at_places(backend, rank, group), overlap.order)
        # NumPy sorts integers of 16 bits by their digits.
        digits = xp.astype(run, xp.int16 if count < 2**15 else xp.int64)
        places = xp.argsort(digits, axis=-1, stable=True)
        by_key = gather(xp, overlap.order, places)
        target_by_key, draft_by_key = gather(xp, p, by_key), gather(xp, q, by_key)
        return cls(
            backend,
            overlap,
            largest=xp.where(size > 0, gather(xp, draft, xp.clip(starts, None, last)), 0.0),
            smallest=xp.where(size > 0, gather(xp, draft, xp.clip(ends - 1, 0, None)), 0.0),
            size=size,
            first_law=gather(xp, first_sums, ends) - gather(xp, first_sums, starts),
            keys=gather(xp, run, places) * (vocabulary + 1) + places,
            q_sums=suffix_sums(backend, draft_by_key),
            cap_sums=suffix_sums(backend, xp.maximum(target_by_key, draft_by_key)),
            starts=starts,
            without_one=xp.sum(draft[:, 1:], axis=-1),
            without_two=xp.sum(draft[:, 2:], axis=-1),
        )

    def left_by_one(self, mass: Array) -> Array:
        """Return 1 − mass without cancellation, for a token of each run of mass ``mass``."""
        xp = self.backend.xp
        return xp.concat([self.without_one[:, None], 1.0 - mass[:, 1:]], axis=-1)

    def left_by_two(self, mass: Array) -> Array:
        """Return what two different tokens leave of q, by their runs; shape (rows, G, G)."""
        xp = self.backend.xp
        number = self.backend.arange(mass.shape[-1])
        pair = number[:, None] + number[None, :]
        top = (number[:, None] == 0) | (number[None, :] == 0)
        light = xp.where(number[None, :] == 0, 0.0, mass)
        start = xp.where(top[None, :, :], self.without_one[:, None, None], 1.0)
        least = self.without_two[:, None, None]
        left = xp.maximum(start - light[:, :, None] - light[:, None, :], least)
        return xp.where((pair == 1)[None, :, :], least, left)

    def second_weights(self, t: Array) -> Array:
        """Return Σ (t q − max(p, q))_+ over each run, for t of shape (rows, G); (rows, G, G).

        Up to its place with p = tq a run's weight is a difference of running sums.
        """
        xp, (rows, count) = self.backend.xp, t.shape
        stride = self.keys.shape[-1] + 1
        offset = self.backend.arange(count)[None, None, :] * stride
        query = xp.reshape(self.overlap.count(t)[..., None] + offset - 1, (rows, count * count))
        ends = count_below(self.backend, self.keys, query)
        shape = (rows, count, count)
        q, cap = (
            gather(xp, x, self.starts)[:, None, :] - xp.reshape(gather(xp, x, ends), shape)
            for x in (self.q_sums, self.cap_sums)
        )
        return xp.clip(t[..., None] * q - cap, 0.0, None)


def _second_law(backend: Backend, target: Array, draft: Array) -> Array:
    """Return the second token's law after a light first one: enough to say where groups matter."""
    xp = backend.xp
    t = 1.0 + xp.sum(xp.clip(target - draft, 0.0, None), axis=-1, keepdims=True)
    return _normalised(backend, xp.clip(t * draft - xp.maximum(target, draft), 0.0, None))


def _normalised(backend: Backend, weight: Array) -> Array:
    xp = backend.xp
    total = xp.sum(weight, axis=-1, keepdims=True)
    return weight / xp.where(total == 0, 1.0, total)


def _cut(backend: Backend, draft: Array, law: Array, count: int) -> Array:
    r"""Return the number of each token's run, ascending; shape (rows, V).

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
    group = xp.astype(xp.floor(_from_zero(backend, steps, summed=True)), xp.int64)
    return xp.clip(group, None, count - 1)


def _from_zero(backend: Backend, x: Array, summed: bool = False) -> Array:
    """Return the running sums of x, or x itself if they are summed, with a zero in front."""
    sums = x if summed else backend.xp.cumulative_sum(x, axis=-1)
    return backend.xp.concat([backend.zeros((x.shape[0], 1)), sums], axis=-1)

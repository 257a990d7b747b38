"""Importance selection of one of two i.i.d. drafts, for many rows and pairs at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mdsd_theory.arrays import Array, Backend, gather, host, quiet
from mdsd_theory.distributions import Pair
from mdsd_theory.schemes.drawing import invert
from mdsd_theory.verifiers.importance_program import pair_weights
from mdsd_theory.verifiers.plan import Plan, at_drafts
from mdsd_theory.verifiers.single_draft import residual_sums


@dataclass(frozen=True)
class Selected:
    """The selection of each row (see :class:`~mdsd_theory.verifiers.importance_law.Selection`).

    Attributes
    ----------
    order : array of int, shape (rows, V)
        Tokens by p − q² descending, those of q = 0 last.
    weights : array, shape (rows, s, s)
    p, q, y : array, shape (rows, V)
        In that order; y is the law of the pick.
    """

    backend: Backend
    order: Array
    weights: Array
    p: Array
    q: Array
    y: Array

    @classmethod
    def of(cls, pair: Pair, tokens: int) -> Selected:
        """Sort each row, solve its programme, and sum up y."""
        backend, xp = pair.backend, pair.backend.xp
        key = xp.where(pair.q > 0, pair.q * pair.q - pair.p, xp.inf)
        order = xp.argsort(key, axis=-1, stable=True)
        p, q = gather(xp, pair.p, order), gather(xp, pair.q, order)
        size = min(tokens, pair.vocabulary)
        after = _after(xp, q)
        rest = after[:, size - 1]
        weights = _weights(backend, p[:, :size], q[:, :size], rest)
        shared = xp.matmul(weights, q[:, :size, None])[..., 0]
        beside = xp.concat([shared - q[:, :size] + rest[:, None], after[:, size:]], axis=-1)
        return cls(backend, order, weights, p, q, q * (q + 2 * beside))

    def accepted(self) -> Array:
        """Return Σ min(p, y) of each row."""
        return self.backend.xp.sum(self.backend.xp.minimum(self.p, self.y), axis=-1)

    def met(self) -> Array:
        """Return the chance that the residual hits the draft that was not picked."""
        xp, q = self.backend.xp, self.q
        size = self.weights.shape[-1]
        lost, wanted = xp.clip(self.y - self.p, 0.0, None), xp.clip(self.p - self.y, 0.0, None)
        with quiet():
            rejected = xp.where(lost > 0, lost / self.y, 0.0)
            residual = wanted / xp.sum(wanted, axis=-1, keepdims=True)
        # A token that is rejected has no residual: the diagonal adds nothing.
        hit = q * xp.where(wanted > 0, residual, 0.0)
        after = _after(xp, hit)
        inside = xp.matmul(self.weights, hit[:, :size, None])[..., 0]
        beside = xp.concat([inside + after[:, size - 1 : size], after[:, size:]], axis=-1)
        return 2 * xp.sum(q * rejected * beside, axis=-1)


def _after(xp: Any, x: Array) -> Array:
    """Return the sum of the entries after each one, added up from the far end."""
    sums = xp.flip(xp.cumulative_sum(xp.flip(x, axis=-1), axis=-1), axis=-1)
    return xp.concat([sums[:, 1:], xp.zeros_like(x[:, :1])], axis=-1)


def _weights(backend: Backend, p: Array, q: Array, rest: Array) -> Array:
    """Return the weights of every row, solved one after the other on the host."""
    if p.shape[0] == 0:
        return backend.zeros((0, p.shape[-1], p.shape[-1]))
    rows = zip(host(p), host(q), host(rest), strict=True)
    return backend.xp.stack([backend.array(pair_weights(a, b, float(c))) for a, b, c in rows], axis=0)


@dataclass(frozen=True)
class ImportancePlan(Plan):
    """Pick a draft by the weights, then verify it as a single draft of law y.

    Attributes
    ----------
    rank : array of int, shape (rows, V)
    weights : array, shape (rows, s²)
    y : array, shape (rows, V)
        By token.
    residual : array, shape (rows, V)
        Running sums of (p − y)_+.
    """

    rank: Array
    weights: Array
    y: Array
    residual: Array

    @classmethod
    def of(cls, pair: Pair, n: int, tokens: int) -> ImportancePlan:
        """Prepare the selection of each row, back in the order of the tokens."""
        xp, found = pair.backend.xp, Selected.of(pair, tokens)
        rank = xp.argsort(found.order, axis=-1, stable=True)
        y = gather(xp, found.y, rank)
        weights = xp.reshape(found.weights, (pair.p.shape[0], found.weights.shape[-1] ** 2))
        return cls(pair, n, rank, weights, y, residual_sums(pair.backend, pair.p, y))

    def _never_drawn(self, drafts: Array) -> Array:
        return at_drafts(self.pair.backend.xp, self.pair.q, drafts) == 0

    def _emit(self, drafts: Array, generator: Any) -> Array:
        xp, u = self.pair.backend.xp, self.uniforms(generator, 3, *drafts.shape[:2])
        first, second = drafts[..., 0], drafts[..., 1]
        pick = xp.where(u[0, ...] < self._chance(first, second), first, second)
        accepted = u[1, ...] * gather(xp, self.y, pick) < gather(xp, self.pair.p, pick)
        return xp.where(accepted, pick, invert(self.pair.backend, self.residual, u[2, ...]))

    def _chance(self, first: Array, second: Array) -> Array:
        """Return the chance that the first draft is picked."""
        xp, size = self.pair.backend.xp, round(self.weights.shape[-1] ** 0.5)
        a, b = gather(xp, self.rank, first), gather(xp, self.rank, second)
        inside = (a < size) & (b < size)
        place = xp.where(inside, a * size + b, xp.zeros_like(a))
        earlier = xp.astype(a < b, self.pair.backend.work)
        return xp.where(inside, gather(xp, self.weights, place), earlier)

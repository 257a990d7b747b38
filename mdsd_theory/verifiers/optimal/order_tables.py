"""The orders of all rows as arrays on the caller's device, to emit tokens for all rows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mdsd_theory.arrays import Array, count_below, gather
from mdsd_theory.distributions import Pair
from mdsd_theory.schemes.drawing import invert
from mdsd_theory.verifiers.optimal.orders import OrderRow
from mdsd_theory.verifiers.plan import at_drafts
from mdsd_theory.verifiers.single_draft import residual_sums


@dataclass(frozen=True, eq=False)
class OrderTables:
    """Mixtures of orders, padded to the most orders K and the most atoms M of a row.

    A token's rank in an order is where its atom begins in that order plus its place in the atom, so that
    K·M + 2V numbers hold K orders of V tokens.

    Attributes
    ----------
    sums : array, shape (rows, K)
        Running sums of the weights, ∞ from the last order on.
    total : array, shape (rows, 1)
    begin : array of int, shape (rows, K·M)
        Where each atom begins in each order.
    atom, place : array of int, shape (rows, V)
        The atom of each token, and its place in the atom.
    y, residual : array, shape (rows, V)
        The law of the pick, and running sums of (p − y)_+.
    """

    sums: Array
    total: Array
    begin: Array
    atom: Array
    place: Array
    y: Array
    residual: Array

    @classmethod
    def of(cls, pair: Pair, rows: list[OrderRow]) -> OrderTables:
        """Lay the rows out side by side."""
        backend, shape = pair.backend, tuple(pair.p.shape)
        orders, atoms = max(len(x.weights) for x in rows), max(x.atoms.count for x in rows)
        sums, total = np.full((len(rows), orders), np.inf), np.zeros((len(rows), 1))
        begin = np.zeros((len(rows), orders, atoms), dtype=np.int64)
        atom, place = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for r, row in enumerate(rows):
            running, sizes = np.cumsum(row.weights), np.diff(row.atoms.start)
            sums[r, : running.size - 1], total[r] = running[:-1], running[-1]
            for k, order in enumerate(row.orders):
                begin[r, k, order] = np.cumsum(sizes[order]) - sizes[order]
            atom[r, row.atoms.tokens] = np.repeat(np.arange(sizes.size), sizes)
            place[r, row.atoms.tokens] = np.arange(shape[1]) - np.repeat(row.atoms.start[:-1], sizes)
        y = backend.array(np.stack([row.y for row in rows]))
        return cls(
            backend.array(sums),
            backend.array(total),
            backend.integers(begin.reshape(len(rows), -1), "begin"),
            backend.integers(atom, "atom"),
            backend.integers(place, "place"),
            y,
            residual_sums(backend, pair.p, y),
        )

    def emit(self, pair: Pair, drafts: Array, u: Array) -> Array:
        """Return tokens (rows, count) for drafts (rows, count, n) and uniforms (rows, 3, count)."""
        backend, xp = pair.backend, pair.backend.xp
        chosen = count_below(backend, self.sums, u[:, 0, :] * self.total)
        atoms = self.begin.shape[-1] // self.sums.shape[-1]
        rank = at_drafts(xp, self.begin, chosen[..., None] * atoms + at_drafts(xp, self.atom, drafts))
        winner = xp.argmax(rank + at_drafts(xp, self.place, drafts), axis=-1, keepdims=True)
        pick = xp.take_along_axis(drafts, winner, axis=-1)[..., 0]
        accepted = u[:, 1, :] * gather(xp, self.y, pick) < gather(xp, pair.p, pick)
        return xp.where(accepted, pick, invert(backend, self.residual, u[:, 2, :]))

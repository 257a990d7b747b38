"""The largest tokens of q, and what is left of q without some tokens, without cancellation."""

from __future__ import annotations

from dataclasses import dataclass

from mdsd_theory.arrays import Array, Backend, gather, top_indices
from mdsd_theory.dual.heavy_tokens import mass_without


@dataclass(frozen=True)
class Heaviest:
    """The k largest tokens of each row.

    Attributes
    ----------
    backend : Backend
    tokens : array of int, shape (rows, k)
        Largest first.
    without : list of arrays, shape (rows,)
        Σ q over all but the 0, 1, …, k largest.
    """

    backend: Backend
    tokens: Array
    without: list[Array]

    @classmethod
    def of(cls, backend: Backend, q: Array, k: int) -> Heaviest:
        """Find the k largest; cost O(kV)."""
        top = top_indices(backend, q, min(k, q.shape[-1]))
        sums = [mass_without(backend, q, top[:, :j]) for j in range(top.shape[-1] + 1)]
        return cls(backend, top, sums)

    def mass_left(self, q: Array, tokens: Array) -> Array:
        """Return 1 − Σ q(tokens) as a sum of what is left, for tokens of shape (rows, paths, j ≤ k).

        The tokens among them that lead the ranking by q without a gap are left out of a direct sum.
        Those subtracted from it are smaller than one that stays, so that nothing cancels.
        """
        xp, (rows, paths, k) = self.backend.xp, tokens.shape
        start = xp.broadcast_to(self.without[0][:, None], (rows, paths))
        if k == 0:
            return start
        flat = xp.reshape(tokens, (rows, -1))
        subtract = xp.reshape(gather(xp, q, flat), (rows, paths, k))
        leading = xp.ones((rows, paths), dtype=xp.bool, device=self.backend.device)
        for j in range(k):
            found = tokens == self.tokens[:, j][:, None, None]
            leading = leading & xp.any(found, axis=-1)
            start = xp.where(leading, self.without[j + 1][:, None], start)
            subtract = xp.where(found & leading[..., None], 0.0, subtract)
        return xp.maximum(start - xp.sum(subtract, axis=-1), self.without[k][:, None])

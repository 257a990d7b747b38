"""Recursive rejection, draft after draft, for many tuples at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mdsd_theory.arrays import Array, gather, quiet
from mdsd_theory.distributions import Pair
from mdsd_theory.errors import InputError
from mdsd_theory.verifiers.plan import Plan
from mdsd_theory.verifiers.rejected_paths import mass_left
from mdsd_theory.verifiers.residual import Overlap, draw_residual


@dataclass(frozen=True)
class RecursivePlan(Plan):
    """Accept X_k with probability min(1, r_k/q_k), else go on; r_k ∝ (p − t_k q)_+.

    Each tuple carries its own t_k (see :mod:`mdsd_theory.verifiers.residual`), so that one sort of
    p/q serves all of them.

    Attributes
    ----------
    overlap : Overlap
    replacement : bool
        Whether a rejected token can be drafted again.
    """

    overlap: Overlap
    replacement: bool

    @classmethod
    def of(cls, pair: Pair, n: int, replacement: bool) -> RecursivePlan:
        """Sort the tokens of each row by p/q."""
        return cls(pair, n, Overlap.of(pair.backend, pair.p, pair.q), replacement)

    def _emit(self, drafts: Array, generator: Any) -> Array:
        xp, backend = self.pair.backend.xp, self.pair.backend
        rows, count, n = drafts.shape
        u = self.uniforms(generator, n + 1, rows, count)
        t, left = backend.zeros((rows, count)), backend.zeros((rows, count)) + 1.0
        token = xp.zeros_like(drafts[..., 0]) - 1
        for k in range(n):
            chance = self._acceptance(drafts[..., k], t, left)
            token = xp.where((token < 0) & (u[k, ...] < chance), drafts[..., k], token)
            t = self.overlap.advance(t, left)
            if not self.replacement:
                left = mass_left(backend, self.pair.q, drafts[..., : k + 1])
        return xp.where(token < 0, draw_residual(self.overlap, t, u[n, ...]), token)

    def _acceptance(self, draft: Array, t: Array, left: Array) -> Array:
        """Return r_k/q_k at the drafts, with r_k = (p − t q)_+ / (1 − F(t)) and q_k = q / left."""
        xp = self.pair.backend.xp
        p, q = gather(xp, self.pair.p, draft), gather(xp, self.pair.q, draft)
        if bool(xp.any(q == 0)):
            raise InputError("drafts hold a token of draft probability zero; draw them from q")
        _, slack = self.overlap(t)
        with quiet():
            return xp.where(slack > 0, (p - t * q) * left / (slack * q), 0.0)

"""Recursive rejection, draft after draft, for many tuples at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from mdsd_theory.arrays import Array
from mdsd_theory.distributions import Pair
from mdsd_theory.schemes.drawing import invert
from mdsd_theory.verifiers.heaviest import Heaviest
from mdsd_theory.verifiers.plan import TWICE, Plan, at_drafts, first_accepted, repeated
from mdsd_theory.verifiers.residual import Overlap, draw_residual, recursive_steps
from mdsd_theory.verifiers.single_draft import residual_sums

FEW_TUPLES = 4
"""Up to this many tuples a row, n passes over the row for each cost less than one sort of it."""


@dataclass(frozen=True)
class RecursivePlan(Plan):
    """Accept X_k with probability min(1, r_k/q_k), else go on; r_k ∝ (p − t_k q)_+.

    With replacement all tuples of a row share t_0 … t_n (see :mod:`mdsd_theory.verifiers.residual`).

    Attributes
    ----------
    t : array, shape (rows, 1, n + 1)
    slack : array, shape (rows, 1, n)
        1 − F(t_k).
    residual : array, shape (rows, V)
        Running sums of (p − t_n q)_+.
    """

    t: Array
    slack: Array
    residual: Array

    @classmethod
    def of(cls, pair: Pair, n: int, drafts: int | None = None) -> RecursivePlan:
        """Make the n steps, or fewer ``drafts``; cost O(nV)."""
        backend, steps = pair.backend, n if drafts is None else drafts
        left = backend.zeros((pair.p.shape[0], 1, steps)) + 1.0
        t, slack = recursive_steps(backend, pair.p, pair.q, left)
        return cls(pair, n, t, slack, residual_sums(backend, pair.p, t[:, 0, -1:] * pair.q))

    def _never_drawn(self, drafts: Array) -> Array:
        return at_drafts(self.pair.backend.xp, self.pair.q, drafts) == 0

    def _emit(self, drafts: Array, generator: Any) -> Array:
        backend, (rows, count, n) = self.pair.backend, drafts.shape
        u = self.uniforms(generator, n + 1, rows, count)
        accepted = accepted_steps(self.pair, drafts, u[:n, ...], self.t, self.slack, 1.0)
        return first_accepted(backend.xp, drafts, accepted, invert(backend, self.residual, u[n, ...]))


def accepted_steps(pair: Pair, drafts: Array, u: Array, t: Array, slack: Array, left: Any) -> Array:
    """Tell whether u_k < r_k/q_k at each draft; r_k = (p − t_k q)_+ / (1 − F(t_k)), q_k = q / left_k."""
    xp = pair.backend.xp
    p, q = at_drafts(xp, pair.p, drafts), at_drafts(xp, pair.q, drafts)
    chances = xp.permute_dims(u, (1, 2, 0))
    return chances * slack * q < (p - t[..., : drafts.shape[-1]] * q) * left


@dataclass(frozen=True)
class RecursivePlanWithoutReplacement(Plan):
    """The same where a rejected token is not drafted again: each tuple has its own t_k.

    Few tuples a row are followed by passes over the row. The first time that there are more, the row is
    sorted by p/q, once, and a step costs O(log V) from then on.
    """

    impossible: ClassVar[str] = TWICE

    def _never_drawn(self, drafts: Array) -> Array:
        xp = self.pair.backend.xp
        return (at_drafts(xp, self.pair.q, drafts) == 0) | repeated(xp, drafts)

    @cached_property
    def overlap(self) -> Overlap:
        """F of each row, by one sort."""
        return Overlap.of(self.pair.backend, self.pair.p, self.pair.q)

    @cached_property
    def heaviest(self) -> Heaviest:
        """The n largest tokens of each row."""
        return Heaviest.of(self.pair.backend, self.pair.q, self.n)

    def _emit(self, drafts: Array, generator: Any) -> Array:
        rows, count, n = drafts.shape
        u = self.uniforms(generator, n + 1, rows, count)
        left = self._left(drafts)
        few = count <= FEW_TUPLES and "overlap" not in self.__dict__
        t, slack = self._few_steps(left) if few else self._steps(left)
        accepted = accepted_steps(self.pair, drafts, u[:n, ...], t, slack, left)
        end = t[..., -1]
        other = self._residual(end, u[n, ...]) if few else draw_residual(self.overlap, end, u[n, ...])
        return first_accepted(self.pair.backend.xp, drafts, accepted, other)

    def _left(self, drafts: Array) -> Array:
        """Return the mass of q that is left when each draft is met; shape (rows, count, n)."""
        xp, q = self.pair.backend.xp, self.pair.q
        parts = [self.heaviest.mass_left(q, drafts[..., :k]) for k in range(drafts.shape[-1])]
        return xp.stack(parts, axis=-1)

    def _steps(self, left: Array) -> tuple[Array, Array]:
        """Return t_0 … t_n and 1 − F(t_0) … 1 − F(t_{n−1}) of every tuple."""
        xp, t, slack = self.pair.backend.xp, [left[..., 0] * 0.0], []
        for k in range(left.shape[-1]):
            slack.append(self.overlap(t[-1])[1])
            t.append(self.overlap.after(t[-1], slack[-1], left[..., k]))
        return xp.stack(t, axis=-1), xp.stack(slack, axis=-1)

    def _few_steps(self, left: Array) -> tuple[Array, Array]:
        return recursive_steps(self.pair.backend, self.pair.p, self.pair.q, left)

    def _residual(self, t: Array, u: Array) -> Array:
        """Return tokens of law ∝ (p − t q)_+, from running sums of it for each tuple."""
        backend, pair = self.pair.backend, self.pair
        drawn = [
            invert(backend, residual_sums(backend, pair.p, t[:, c : c + 1] * pair.q), u[:, c : c + 1])
            for c in range(t.shape[1])
        ]
        return backend.xp.concat(drawn, axis=-1)

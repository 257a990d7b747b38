"""SpecHub's verifier: the other token first, then the hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from mdsd_theory.arrays import Array, gather, top_indices
from mdsd_theory.distributions import Pair
from mdsd_theory.dual.closed_form import last_draft
from mdsd_theory.schemes.base import Number, Scheme, largest
from mdsd_theory.schemes.drawing import invert
from mdsd_theory.schemes.spechub import without
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.plan import Plan, at_drafts
from mdsd_theory.verifiers.recursive_law import drop_zeros, normalised


class SpecHub(Verifier):
    r"""Accept the token x beside the hub a, with what p leaves for its place; then a; else the residual.

    With Q(x, a) = q_x, Q(a, x) = q_a q_x/(1 − q_a) and what is left of p after each step:

    =====  ====================================  ==============================
    drafts accept with probability               left
    =====  ====================================  ==============================
    (x, a) x: min(1, p_x/q_x)                    p′_x = (p_x − q_x)_+
    (a, x) x: min(1, p′_x/Q(a, x))               p″_x = (p′_x − Q(a, x))_+
    (a, x) a: min(1, p_a/R), R = Σ_x (Q(a, x) − p′_x)_+
    (x, a) a: min(1, (p_a − R)_+/R′), R′ = Σ_x (q_x − p_x)_+
    none   Y ∝ p″
    =====  ====================================  ==============================

    .. math:: P(Y \in S) = p_a + \sum_{x \ne a} \min(p_x, \tilde q_x) = \alpha^*, \qquad
              \tilde q_x = \frac{q_x}{1 - q_a}

    **The rule is optimal.** *Proof.* The first two lines accept min(p_x, q_x + Q(a, x)) of each x ≠ a,
    and q_x + Q(a, x) = q̃_x. What they reject is R + R′ = Σ_{x≠a} (q̃_x − p_x)_+
    = p_a + Σ_{x≠a} (p_x − q̃_x)_+ ≥ p_a, so that the next two accept all of p_a. The sum is α* of the
    sets {a, x} of weight q̃_x: P(H) + 1 − Q(H) for H = {a} ∪ {x: p_x < q̃_x}. ∎

    ``explicit`` equals ``value``; p″ holds no token of a rejected pair.

    Notes
    -----
    Cost O(V).

    Examples
    --------
    >>> SpecHub().acceptance_rate([0.5, 0.25, 0.25], [0.5, 0.375, 0.125], 2).value
    1.0
    """

    name: ClassVar[str] = "spechub"
    schemes: ClassVar[tuple[str, ...] | None] = ("spechub",)
    drafts: ClassVar[tuple[int, ...] | None] = (2,)
    default_scheme: ClassVar[str] = "spechub"
    summary: ClassVar[str] = "the token beside the hub first, then the hub: reaches the optimum"
    source: ClassVar[str] = "Sun et al. 2024 (SpecHub), arXiv 2411.05289"

    def _law(
        self, p: Sequence[Number], q: Sequence[Number], drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts, line by line of the table."""
        hub = largest(q, 1)[0]
        leads = drafts[0] == hub
        x = drafts[1] if leads else drafts[0]
        rest, q = without(q, hub), normalised(q)
        target, before = ([0 if i == hub else a for i, a in enumerate(b)] for b in (p, q))
        after = [q[hub] * rest.get(i, 0) for i in range(len(q))]
        left, first = _taken(target, before)
        residual, second = _taken(left, after)
        accept = min(1, left[x] / after[x] if leads else p[x] / q[x])
        lost, mass = (second, p[hub]) if leads else (first, max(p[hub] - second, 0))
        law = {x: accept, hub: (1 - accept) * (min(1, mass / lost) if lost else 1)}
        waiting = 1 - accept - law[hub]
        for token, share in enumerate(normalised(residual)):
            law[token] = law.get(token, 0) + waiting * share
        return drop_zeros(law)

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> SpecHubPlan:
        return SpecHubPlan.of(pair, n)

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        """Return p_a + Σ_{x≠a} min(p_x, q̃_x)."""
        xp = pair.backend.xp
        hub, last = last_draft(pair.backend, pair.q, 2)
        value = xp.sum(xp.where(hub, pair.p, xp.minimum(pair.p, last)), axis=-1)
        return RowRate(value, value, "closed_form")


def _taken(p: Sequence[Number], q: Sequence[Number]) -> tuple[list[Number], Number]:
    """Return (p − q)_+ and Σ (q − p)_+."""
    left = [max(a - b, 0) for a, b in zip(p, q, strict=True)]
    return left, sum(max(b - a, 0) for a, b in zip(p, q, strict=True))


@dataclass(frozen=True)
class SpecHubPlan(Plan):
    """The table of :class:`SpecHub` for many pairs of drafts.

    Attributes
    ----------
    hub : array of int, shape (rows, 1)
    after : array, shape (rows, V)
        Q(a, x), zero at the hub.
    rejected : array, shape (rows, 2)
        R′ and R: the mass of (x, a) and of (a, x) whose x is rejected.
    residual : array, shape (rows, V)
        Running sums of p″.
    """

    hub: Array
    after: Array
    rejected: Array
    residual: Array

    impossible: ClassVar[str] = (
        "drafts hold a pair without the likeliest token of q, or of probability zero; draw them from "
        "scheme 'spechub'"
    )

    @classmethod
    def of(cls, pair: Pair, n: int) -> SpecHubPlan:
        """Go through the table once."""
        backend, xp = pair.backend, pair.backend.xp
        hub = top_indices(backend, pair.q, 1)
        mask, rest = last_draft(backend, pair.q, 2)
        pair = replace(pair, q=pair.q / xp.sum(pair.q, axis=-1, keepdims=True))
        target, before = (xp.where(mask, 0.0, x) for x in (pair.p, pair.q))
        left, after = _positive(xp, target - before), gather(xp, pair.q, hub) * rest
        lost = (_positive(xp, before - target), _positive(xp, after - left))
        rejected = xp.stack([xp.sum(x, axis=-1) for x in lost], axis=-1)
        # Where p″ = 0 a rounding is all that can reject both drafts: the hub then, or p if it has none.
        residual = _positive(xp, left - after)
        spent = xp.sum(residual, axis=-1, keepdims=True) == 0
        spare = xp.where(gather(xp, pair.p, hub) > 0, xp.astype(mask, backend.work), pair.p)
        sums = xp.cumulative_sum(xp.where(spent, spare, residual), axis=-1)
        return cls(pair, n, hub, after, rejected, sums)

    def _never_drawn(self, drafts: Array) -> Array:
        leads, follows = drafts[..., 0] == self.hub, drafts[..., 1] == self.hub
        q = at_drafts(self.pair.backend.xp, self.pair.q, drafts)
        beside = self.pair.backend.xp.where(leads, q[..., 1], q[..., 0])
        return (leads == follows) | (beside == 0)

    def _emit(self, drafts: Array, generator: Any) -> Array:
        xp, backend = self.pair.backend.xp, self.pair.backend
        hub, u = self.hub, self.uniforms(generator, 3, *drafts.shape[:2])
        leads = drafts[..., 0] == hub
        x = xp.where(leads, drafts[..., 1], drafts[..., 0])
        p, q, after = (gather(xp, a, x) for a in (self.pair.p, self.pair.q, self.after))
        accepted = u[0, ...] * xp.where(leads, after, q) < xp.where(leads, _positive(xp, p - q), p)
        mass, (first, second) = gather(xp, self.pair.p, hub), (self.rejected[:, k, None] for k in (0, 1))
        taken = u[1, ...] * xp.where(leads, second, first) < xp.where(
            leads, mass, _positive(xp, mass - second)
        )
        other = invert(backend, self.residual, u[2, ...])
        return xp.where(accepted, x, xp.where(taken, hub, other))


def _positive(xp: Any, x: Array) -> Array:
    return xp.clip(x, 0.0, None)

"""The verifier of greedy drafts, which reaches their optimum."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from mdsd_theory.arrays import Array
from mdsd_theory.distributions import Pair
from mdsd_theory.dual.closed_form import last_draft
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.recursive_law import drop_zeros, normalised
from mdsd_theory.verifiers.recursive_plan import RecursivePlan


class Greedy(Verifier):
    r"""Accept the random draft with probability min(1, p/q̃), else Y ∝ (p − q̃·1[Σ∖T])_+.

    .. math:: P(Y \in S) = \sum_{i \in T} p_i + \sum_{i \notin T} \min(p_i, \tilde q_i)

    T are the n−1 tokens of largest q, always drafted, and q̃ is q on Σ∖T, renormalised. This is α* of
    the scheme.

    Most of it is not an accept of the rule but a residual draw that falls into T. ``explicit`` is the
    random draft's share alone, Σ_{∉T} min(p, q̃); a rejected random draft has p < q̃, hence no residual.

    Notes
    -----
    Cost O(nV).

    Examples
    --------
    >>> rate = Greedy().acceptance_rate([0.5, 0.25, 0.25], [0.5, 0.375, 0.125], 2)
    >>> rate.value, rate.explicit
    (1.0, 0.5)
    """

    name: ClassVar[str] = "greedy"
    schemes: ClassVar[tuple[str, ...] | None] = ("greedy",)
    default_scheme: ClassVar[str] = "greedy"
    summary: ClassVar[str] = "the optimal rule for the top n-1 tokens and one random draft"
    source: ClassVar[str] = "Hu et al. 2025, arXiv 2502.18779"

    def _law(
        self, p: Sequence[Number], q: Sequence[Number], drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts, of which the last is the random one."""
        *fixed, x = drafts
        rest = normalised([0 if i in fixed else b for i, b in enumerate(q)])
        accept = min(1, p[x] / rest[x])
        law: dict[int, Number] = defaultdict(int, {x: accept})
        residual = normalised([max(a - b, 0) for a, b in zip(p, rest, strict=True)])
        for token, chance in enumerate(residual):
            law[token] += (1 - accept) * chance
        return drop_zeros(law)

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> RecursivePlan:
        """One recursive rejection of the last draft, against q̃ on Σ∖T."""
        _, last = last_draft(pair.backend, pair.q, n)
        return GreedyPlan.of(replace(pair, q=last), n, drafts=1)

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        """Return P(T) + Σ_{∉T} min(p, q̃), and the last sum alone."""
        xp = pair.backend.xp
        fixed, last = last_draft(pair.backend, pair.q, n)
        random = xp.where(fixed, 0.0, xp.minimum(pair.p, last))
        value = xp.sum(xp.where(fixed, pair.p, random), axis=-1)
        return RowRate(value, xp.sum(random, axis=-1), "closed_form")


class GreedyPlan(RecursivePlan):
    """Recursive rejection of the random draft alone; Y may be one of the others."""

    def _never_drawn(self, drafts: Array) -> Array:
        return super()._never_drawn(drafts[..., -1:])

    def _emit(self, drafts: Array, generator: Any) -> Array:
        return super()._emit(drafts[..., -1:], generator)

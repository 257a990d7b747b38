"""K-SEQ: sequential selection with one discount for all drafts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from mdsd_theory.arrays import Array, Backend
from mdsd_theory.distributions import Pair
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.schemes.drawing import invert
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.discount import discount
from mdsd_theory.verifiers.plan import Plan, at_drafts, first_accepted
from mdsd_theory.verifiers.recursive_law import drop_zeros, normalised
from mdsd_theory.verifiers.single_draft import residual_sums


class KSeq(Verifier):
    r"""Accept X_k with probability min(1, p/(γq)), in turn; else Y from the residual.

    .. math:: \beta(\gamma) = \sum_i \min(q_i, p_i/\gamma), \qquad
              P(Y \in S) = 1 - (1 - \beta(\gamma^*))^n

    with γ* the smallest γ ∈ [1, n] such that 1 − (1 − β)^n ≤ γβ, where equality holds; a smaller one is
    lossless only if it is the same rule. The residual is ∝ p − min(q, p/γ)·(1 − (1 − β)^n)/β, which at
    γ* is (p − γ*q)_+.

    ``explicit`` equals ``value``: a rejected draft has p < γ*q, so its residual is zero.

    Notes
    -----
    Cost O(V) for each of 3 to 6 steps to γ* (:mod:`mdsd_theory.verifiers.discount`). A larger γ is
    lossless too and accepts less explicitly, but then a residual draw can hit a rejected draft, which may
    win back more: with p = (¼, ¾), q = (¾, ¼), n = 2, γ = 2 reaches 0.656 where γ* reaches 0.648. For all
    p, q and n the rule at γ* accepts at least as often as RRS with replacement, and more than 0.826 α*
    (theorems 10.5 to 10.7 in ``proofs/``).

    Examples
    --------
    >>> round(KSeq().acceptance_rate([0.5, 0.5, 0.0], [0.25, 0.25, 0.5], 2).value, 12)
    0.75
    """

    name: ClassVar[str] = "k_seq"
    schemes: ClassVar[tuple[str, ...] | None] = ("with_replacement",)
    default_scheme: ClassVar[str] = "with_replacement"
    summary: ClassVar[str] = "sequential selection with one discount gamma for all drafts"
    source: ClassVar[str] = "Sun et al. 2023 (SpecTr), arXiv 2310.15141"

    def _law(
        self, p: Sequence[Number], q: Sequence[Number], drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts, at a γ from γ* to γ* + 2⁻³⁰ in p's number type."""
        n = len(drafts)
        gamma = feasible_gamma(p, q, n)
        served = [min(b, a / gamma) for a, b in zip(p, q, strict=True)]
        beta = sum(served)
        factor = (1 - (1 - beta) ** n) / beta if beta else 0
        law: dict[int, Number] = defaultdict(int)
        waiting: Number = 1
        for x in drafts:
            accept = served[x] / q[x]
            law[x] += waiting * accept
            waiting *= 1 - accept
        residual = normalised([max(a - s * factor, 0) for a, s in zip(p, served, strict=True)])
        for token, chance in enumerate(residual):
            law[token] += waiting * chance
        return drop_zeros(law)

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> KSeqPlan:
        gamma = k_seq_gamma(pair.backend, pair.p, pair.q, n)
        return KSeqPlan(pair, n, gamma, residual_sums(pair.backend, pair.p, gamma[:, None] * pair.q))

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        """Return F(γ*) = 1 − (1 − β(γ*))^n of each row."""
        _, value = discount(pair.backend, pair.p, pair.q, n)
        return RowRate(value, value, "newton")


def k_seq_gamma(backend: Backend, p: Array, q: Array, n: int) -> Array:
    r"""Return γ*, the smallest γ ∈ [1, n] with 1 − (1 − β(γ))^n ≤ γ β(γ).

    Parameters
    ----------
    backend : Backend
    p, q : array, shape (rows, V)
    n : int
        Number of drafts.

    Returns
    -------
    array, shape (rows,)
        1 where p = q, and where the supports are disjoint.

    Notes
    -----
    See :mod:`mdsd_theory.verifiers.discount`. Sun et al. 2023 (SpecTr), arXiv 2310.15141.
    """
    return discount(backend, p, q, n)[0]


@dataclass(frozen=True)
class KSeqPlan(Plan):
    """The discount γ* of each row, and its residual.

    Attributes
    ----------
    gamma : array, shape (rows,)
    residual : array, shape (rows, V)
        Running sums of (p − γ* q)_+.
    """

    gamma: Array
    residual: Array

    def _never_drawn(self, drafts: Array) -> Array:
        return at_drafts(self.pair.backend.xp, self.pair.q, drafts) == 0

    def _emit(self, drafts: Array, generator: Any) -> Array:
        backend, (rows, count, n) = self.pair.backend, drafts.shape
        u = self.uniforms(generator, n + 1, rows, count)
        p, q = at_drafts(backend.xp, self.pair.p, drafts), at_drafts(backend.xp, self.pair.q, drafts)
        accepted = backend.xp.permute_dims(u[:n, ...], (1, 2, 0)) * self.gamma[:, None, None] * q < p
        return first_accepted(backend.xp, drafts, accepted, invert(backend, self.residual, u[n, ...]))


def feasible_gamma(p: Sequence[Number], q: Sequence[Number], n: int) -> Number:
    """Return a γ ∈ [1, n] for which the rule is lossless, at most 2⁻³⁰ above the smallest.

    Bisection in p's number type: with fractions every comparison is exact.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> float(feasible_gamma([F(1, 4), F(3, 4)], [F(3, 4), F(1, 4)], 2))
    1.593070331029594
    """
    exact = any(isinstance(x, Fraction) for x in p)
    low, high = (Fraction(1), Fraction(n)) if exact else (1.0, float(n))

    def feasible(gamma: Number) -> bool:
        beta = sum(min(b, a / gamma) for a, b in zip(p, q, strict=True))
        return bool(1 - (1 - beta) ** n <= gamma * beta)

    if feasible(low):
        return low
    while high - low > 2.0**-30:
        middle = (low + high) / 2
        low, high = (low, middle) if feasible(middle) else (middle, high)
    return high

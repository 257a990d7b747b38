"""The baseline: draw Y from the target, and see whether it was drafted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from mdsd_theory.arrays import Array, Backend, mask_of_indices, top_indices
from mdsd_theory.cuda import power_sums as kernels
from mdsd_theory.distributions import Pair
from mdsd_theory.dual.closed_form import last_draft
from mdsd_theory.dual.race_inclusion import weighted_inclusion
from mdsd_theory.dual.race_tail import Columns, power_sums
from mdsd_theory.schemes import SCHEMES
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.schemes.drawing import draw
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.on_device import tried
from mdsd_theory.verifiers.plan import Plan


class Naive(Verifier):
    r"""Draw Y ~ p independently of the drafts; it is accepted if Y ∈ S.

    .. math:: P(Y \in S) = \sum_i p_i\, P(i \in S)

    The decision is explicit: ``explicit`` equals ``value``.

    Notes
    -----
    P(i ∈ S) is 1 − (1 − q_i)^n with replacement, the race integral of
    :mod:`mdsd_theory.dual.race_inclusion` without, q̃_i outside T and 1 on T for greedy drafts, 0 or 1
    for top-k, 1 − Π_k (1 − q_k(i)) for different drafters. Cost O(V) (O(nV) for greedy, top-k and
    different drafters), and O(n²·V·J), J ≈ 50 nodes, without replacement from n = 3 on. Joint laws and
    your own schemes are summed over their set law, one row after the other.

    Examples
    --------
    >>> Naive().acceptance_rate([0.5, 0.25, 0.25], [0.25, 0.5, 0.25], 2, scheme="with_replacement").value
    0.515625
    """

    name: ClassVar[str] = "naive"
    schemes: ClassVar[tuple[str, ...] | None] = None
    default_scheme: ClassVar[str] = "without_replacement"
    summary: ClassVar[str] = "draw from the target; accepted if it was drafted"
    source: ClassVar[str] = "Miao et al. 2024 (SpecInfer's baseline), arXiv 2305.09781"

    def _law(
        self, p: Sequence[Number], q: Any, drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return p: the drafts do not matter."""
        return {token: chance for token, chance in enumerate(p) if chance}

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> NaivePlan:
        return NaivePlan(pair, n)

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        """Return Σ_i p_i P(i ∈ S) of each row."""
        if type(scheme) is not type(SCHEMES.get(scheme.name)) or scheme.draft == "law":
            value = _over_set_law(pair, n, scheme)
            return RowRate(value, value, "set_law")
        if scheme.name == "without_replacement":
            value = weighted_inclusion(pair.backend, pair.p, pair.q, n, _power_sums)
            return RowRate(value, value, "closed_form" if n <= 2 else "race")
        value = pair.backend.xp.sum(pair.p * _inclusion(pair, n, scheme.name), axis=-1)
        return RowRate(value, value, "closed_form")


class NaivePlan(Plan):
    """Y ~ p by inversion."""

    def _emit(self, drafts: Array, generator: Any) -> Array:
        return draw(self.pair.backend, self.pair.p, drafts.shape[1], generator)


def _inclusion(pair: Pair, n: int, scheme: str) -> Array:
    """Return P(i ∈ S) for the schemes that have a formula; shape (rows, V)."""
    xp, q = pair.backend.xp, pair.q
    if scheme == "independent":
        return 1 - xp.prod(1 - q, axis=0)
    if scheme in ("greedy", "spechub"):
        fixed, last = last_draft(pair.backend, q, n)
        return xp.where(fixed, 1.0, last)
    if scheme == "top_k":
        drafted = mask_of_indices(pair.backend, top_indices(pair.backend, q, n), pair.vocabulary)
        return xp.astype(drafted, pair.backend.work)
    return some_of(q, n)


def _power_sums(backend: Backend, marks: Array, z: Array, degree: int) -> tuple[Columns, Columns]:
    """Return moments of the tokens, by a kernel where there is one."""
    found = tried("cuda_power_sums", backend, z, lambda run: kernels.power_sums(run, marks, z, degree))
    return found or power_sums(backend, marks, z, degree)


def some_of(q: Array, n: int) -> Array:
    """Return 1 − (1 − q)^n = q Σ_{k<n} (1 − q)^k by doubling the number of terms: nothing cancels."""
    miss = 1 - q
    sums, power = q, miss
    for bit in bin(n)[3:]:
        sums, power = sums * (1 + power), power * power
        if bit == "1":
            sums, power = sums * miss + q, power * miss
    return sums


def _over_set_law(pair: Pair, n: int, scheme: Scheme) -> Array:
    """Return E[P(S)], summed over the law of the set S, one row after the other."""
    values = [_expected_mass(*pair.row(r), n, scheme) for r in range(pair.p.shape[0])]
    return pair.backend.array(values)


def _expected_mass(p: list[float], q: Any, n: int, scheme: Scheme) -> float:
    law = scheme.set_law(q, n)
    return float(sum(weight * sum(p[i] for i in drafts) for drafts, weight in law.items()))

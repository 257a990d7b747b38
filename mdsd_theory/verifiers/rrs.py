"""Recursive rejection sampling with replacement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mdsd_theory.arrays import Array, Backend
from mdsd_theory.cuda import residual
from mdsd_theory.distributions import Pair
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.verifiers import cpu
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.on_device import tried
from mdsd_theory.verifiers.recursive_law import recursive_law
from mdsd_theory.verifiers.recursive_plan import RecursivePlan
from mdsd_theory.verifiers.residual import excess, overlap


class RRS(Verifier):
    r"""Accept X_k with probability min(1, r_k/q), else r_{k+1} = (r_k − q)_+, renormalised; r_0 = p.

    .. math:: P(Y \in S) = 1 - \prod_{k<n} \Bigl(1 - \sum_i \min(r_k(i), q_i)\Bigr) = F(t_n)

    with F(t) = Σ_i min(p_i, t q_i), t_0 = 0 and t_{k+1} = t_k + 1 − F(t_k): see
    :mod:`mdsd_theory.verifiers.residual`. After n rejections Y ~ r_n.

    ``explicit`` equals ``value``: a draft is rejected only where r_k < q, so its residual is zero from
    then on, and a token drawn from r_n is never one of the drafts.

    Notes
    -----
    Cost O(nV). For all p, q and n it accepts more than ¾ α*, at n = 2 at least 23/27 of it (theorem 10.7
    in ``proofs/``, where the sharp constant for each n is).

    Examples
    --------
    >>> RRS().acceptance_rate([0.5, 0.5, 0.0], [0.25, 0.25, 0.5], 2).value
    0.75
    """

    name: ClassVar[str] = "rrs"
    schemes: ClassVar[tuple[str, ...] | None] = ("with_replacement",)
    default_scheme: ClassVar[str] = "with_replacement"
    summary: ClassVar[str] = "recursive rejection sampling of i.i.d. drafts"
    source: ClassVar[str] = "Miao et al. 2024 (SpecInfer), arXiv 2305.09781"

    def _law(
        self, p: Sequence[Number], q: Sequence[Number], drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts."""
        return recursive_law(p, q, drafts, replacement=True)

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> RecursivePlan:
        return RecursivePlan.of(pair, n)

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        """Return F(t_n) of each row."""
        value = recursive_acceptance(pair.backend, pair.p, pair.q, n)
        return RowRate(value, value, "closed_form")


def recursive_acceptance(backend: Backend, p: Array, q: Array, n: int) -> Array:
    """Return F(t_n) of each row, n drafts with replacement; cost O(nV)."""
    if cpu.on_cpu(backend):
        from mdsd_theory.verifiers.residual_loop import recursive_rates

        target, draft = cpu.host_rows(p, q)
        return backend.array(recursive_rates(target, draft, n))
    found = tried("cuda_residual", backend, p, lambda run: residual.recursive_rates(run, p, q, n))
    return acceptance_of_arrays(backend, p, q, n) if found is None else found


def acceptance_of_arrays(backend: Backend, p: Array, q: Array, n: int) -> Array:
    """Return F(t_n) of each row by array operations, all rows side by side."""
    t = backend.zeros((p.shape[0],))
    for _ in range(n):
        t = t + excess(backend, p, q, t)
    return overlap(backend, p, q, t)
